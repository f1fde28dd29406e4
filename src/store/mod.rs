//! The only place with SQL: a shared `system.db` without content, and one encrypted vault per account.
//!
//! Architecture invariant: `rusqlite` is named nowhere else, and nothing here decides who may do what.

pub mod aside;
pub mod backup;
pub mod check;
pub mod data_key;
pub mod error;
mod files;
pub mod keys;
pub mod look;
pub mod migrate;
pub mod open;
mod room;
pub mod system;
pub mod thread;
pub mod vault;

pub use error::{Broken, StoreError, While};
pub use thread::{Db, WeakDb};
pub use vault::Vault;

/// A transaction, for those whose rules several steps of one share.
pub type Tx<'a> = rusqlite::Transaction<'a>;
