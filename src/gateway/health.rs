//! Health is for everybody, also before signing in: it tells of this machine, never of a person. So nothing here passes
//! the gate.

use super::Gateway;
use crate::api::{Fault, health::Health};

impl Gateway {
    /// Checks now: Ollama, store, disk, tasks. At most 3 s.
    pub async fn health(&self) -> Result<Health, Fault> {
        Ok(self.0.health.check().await)
    }

    /// Starts an Ollama that is installed here but not running, and waits until it answers (at most 10 s).
    pub async fn start_ollama(&self) -> Result<Health, Fault> {
        self.0.health.start_ollama().await
    }
}
