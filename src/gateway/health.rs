//! Health is for everybody, also before signing in: it tells of this machine, never of a person. A vault is its owner's,
//! and looking through it passes the gate.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{Fault, auth::Session, health::Health},
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
/// As long as reading a large vault from a slow disk takes.
const CHECK_VAULT: Op = Op {
    name: "health.check_vault",
    permission: Permission::Own,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_mins(30),
    fresh: false,
};
const CHECK_SYSTEM: Op = Op { name: "health.check_system", ..CHECK_VAULT };

impl Gateway {
    /// Looks through the whole system database; the fault says what is damaged and what to do.
    pub async fn check_system(&self) -> Result<(), Fault> {
        self.0.gate.knock(&CHECK_SYSTEM, |by| self.0.accounts.check_system(by)).await
    }

    /// Looks through the caller's whole vault; the fault says what is damaged and what to do.
    pub async fn check_vault(&self, session: &Session) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &CHECK_VAULT, |by| self.0.accounts.check_vault(by)).await
    }

    /// Checks now: Ollama, store, disk, tasks. At most 3 s.
    pub async fn health(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&CHECK, |by| self.0.health.check(by)).await
    }

    /// Starts an Ollama that is installed here but not running, and waits until it answers (at most 10 s).
    pub async fn start_ollama(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&START_OLLAMA, |by| self.0.health.start_ollama(by)).await
    }
}
