//! Health is for everybody, also before signing in: it tells of this machine, never of a person. How it was is for
//! administrators, and so is looking through everybody's database. A vault is its owner's, and looking through it passes the
//! gate.

use std::time::Duration;

use tokio::sync::watch;

use super::Gateway;
use crate::{
    access::{Admin, Class, Member, Op, Permission},
    api::{
        Fault,
        auth::Session,
        health::{BreakerPage, FullCheck, Health, HealthHistory, IncidentPage},
    },
};

/// A check takes 3 s at most, and what was found is written down within 3 more.
pub(super) const CHECK: Op = Op {
    name: "health.check",
    permission: Permission::SeeHealth,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(12),
    fresh: false,
};
/// Waits for the first look of the schedule, and looks itself where that does not come.
const SEE: Op = Op { name: "health.see", deadline: Duration::from_secs(15), ..CHECK };
/// Counted by OS user and not kept for the signed-in: the sign-in screen offers it too, and whoever can start this
/// program could start that one. Waits 10 s for the new server, and looks at it before and after.
pub(super) const START_OLLAMA: Op =
    Op { name: "health.start_ollama", class: Class::Admin, deadline: Duration::from_secs(25), ..CHECK };
const HISTORY: Op = Op { name: "health.history", deadline: Duration::from_secs(20), ..CHECK };
const INCIDENTS: Op = Op { name: "health.incidents", ..HISTORY };
const BREAKERS: Op = Op { name: "health.breaker_history", ..HISTORY };
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
const CHECK_IN_FULL: Op =
    Op { name: "health.check_in_full", permission: Permission::SeeHealth, class: Class::Admin, ..CHECK_VAULT };

impl Gateway {
    /// Looks through the whole system database; the fault says what is damaged and what to do.
    pub async fn check_system(&self) -> Result<(), Fault> {
        self.0.gate.knock(&CHECK_SYSTEM, |by| self.0.accounts.check_system(by)).await
    }

    /// The same for an administrator at work: tells how far it is, and stops when nobody waits any more.
    pub async fn check_in_full(&self, session: &Session, progress: watch::Sender<FullCheck>) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CHECK_IN_FULL, |by| self.0.health.check_in_full(by, progress)).await
    }

    /// Looks through the caller's whole vault; the fault says what is damaged and what to do.
    pub async fn check_vault(&self, session: &Session) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &CHECK_VAULT, |by| self.0.accounts.check_vault(by)).await
    }

    /// Checks now, each part within 3 s.
    pub async fn health(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&CHECK, |by| self.0.health.check(by)).await
    }

    /// What the last look of the schedule found, here or in another window; looks itself where there is none.
    pub async fn seen_health(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&SEE, |by| self.0.health.seen(by)).await
    }

    /// How every part stood since `since`, milliseconds since 1970, oldest first.
    pub async fn health_history(&self, session: &Session, since: i64) -> Result<HealthHistory, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &HISTORY, |by| self.0.health.history(by, since)).await
    }

    /// What was not well, newest first.
    pub async fn incidents(&self, session: &Session, before: Option<i64>, limit: u32) -> Result<IncidentPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &INCIDENTS, |by| self.0.health.incidents(by, before, limit)).await
    }

    /// When calls to Ollama were held back, in any window, newest first.
    pub async fn breaker_history(
        &self,
        session: &Session,
        before: Option<i64>,
        limit: u32,
    ) -> Result<BreakerPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &BREAKERS, |by| self.0.health.breaker_history(by, before, limit)).await
    }

    /// Starts an Ollama that is installed here but not running, and waits until it answers (at most 10 s).
    pub async fn start_ollama(&self) -> Result<Health, Fault> {
        self.0.gate.knock(&START_OLLAMA, |by| self.0.health.start_ollama(by)).await
    }
}
