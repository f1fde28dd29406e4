//! Health is for everybody, also before signing in: it tells of this machine, never of a person.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Op, Permission},
    api::{Fault, health::Health},
};

/// A check takes 3 s at most, and then the disk is asked.
pub(super) const CHECK: Op = Op {
    name: "health.check",
    permission: Permission::SeeHealth,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
/// Counted by OS user and not kept for the signed-in: the sign-in screen offers it too, and whoever can start this
/// program could start that one. Waits 10 s for the new server, and looks at it before and after.
pub(super) const START_OLLAMA: Op =
    Op { name: "health.start_ollama", class: Class::Admin, deadline: Duration::from_secs(25), ..CHECK };

impl Gateway {
    /// Checks now: Ollama, store, disk, tasks. At most 3 s.
    pub async fn health(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&CHECK, |by| self.0.health.check(by)).await
    }

    /// Starts an Ollama that is installed here but not running, and waits until it answers (at most 10 s).
    pub async fn start_ollama(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&START_OLLAMA, |by| self.0.health.start_ollama(by)).await
    }
}
