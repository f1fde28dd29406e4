//! Health is for everybody, also before signing in: it tells of this machine, never of a person.

use super::{Gateway, unbuilt};
use crate::api::{Fault, health::Health};

impl Gateway {
    /// Checks now: Ollama, store, disk, tasks. At most 3 s.
    pub async fn health(&self) -> Result<Health, Fault> {
        unbuilt()
    }

    /// Starts an Ollama that is installed here but not running, and waits until it answers (at most 10 s).
    pub async fn start_ollama(&self) -> Result<Health, Fault> {
        unbuilt()
    }
}
