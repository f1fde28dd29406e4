//! Who may do what, and how often: the gate, the proof it mints, permissions, limits.

pub mod breaker;
mod faults;
mod faults_backup;
mod faults_ollama;
pub mod gate;
pub mod limiter;
pub mod live;
pub mod op;
mod quota;
pub mod rules;

pub use breaker::{Breakers, Turned};
pub use gate::{Caller, Gate, Holder, Visitor};
pub use op::{Admin, Class, Member, OllamaKind, Op, Permission, Rank};
pub use rules::Rules;
