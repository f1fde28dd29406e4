//! Jobs on the screen: the list of the machine's jobs, and the tray that shows it beside what this window does itself.

pub mod list;
mod row;
mod tray;

pub use list::JobList;
pub use row::{bar, ended, share, told};
pub use tray::{Tray, how_long};
