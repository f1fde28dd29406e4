//! Administering accounts: who is here, who may come in, who is kept out. Nothing here opens anybody's vault.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        AccountId, Fault, SessionId,
        admin::{ActivationCode, NewUser, UserDetail, UserFilter, UserPage},
        auth::Session,
    },
};

const LIST: Op = Op {
    name: "users.list",
    permission: Permission::ManageAccounts,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const SHOW: Op = Op { name: "users.show", ..LIST };
const CREATE: Op = Op { name: "users.create", class: Class::Admin, fresh: true, ..LIST };
const ROLE: Op = Op { name: "users.role", ..CREATE };
const RESET: Op = Op { name: "users.reset", ..CREATE };
const REMOVE_FACTOR: Op = Op { name: "users.remove_second_factor", ..CREATE };
const DELETE: Op = Op { name: "users.delete", ..CREATE };
const PURGE: Op = Op { name: "users.purge", ..CREATE };
// Keeping somebody out must be possible at once, and is taken back as easily.
const LOCK: Op = Op { name: "users.lock", fresh: false, ..CREATE };
const UNLOCK: Op = Op { name: "users.unlock", ..LOCK };
const ENABLE: Op = Op { name: "users.enable", ..LOCK };
const DISABLE: Op = Op { name: "users.disable", ..LOCK };
const RESTORE: Op = Op { name: "users.restore", ..LOCK };
const END_SESSION: Op = Op { name: "users.end_session", ..LOCK };

impl Gateway {
    /// Accounts by name, from after `after` (a name). `limit` 1–100.
    pub async fn users(
        &self,
        session: &Session,
        filter: UserFilter,
        after: Option<String>,
        limit: u32,
    ) -> Result<UserPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.users.list(by, filter, after, limit)).await
    }

    pub async fn user(&self, session: &Session, id: AccountId) -> Result<UserDetail, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &SHOW, |by| self.0.users.show(by, id)).await
    }

    /// Makes an account without a passphrase; the code in the answer is shown once, works once and for 24 h.
    pub async fn create_user(&self, session: &Session, new: NewUser) -> Result<ActivationCode, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CREATE, |by| self.0.users.create(by, new)).await
    }

    /// Gives another role; sessions that run go on with it at their next call.
    pub async fn set_user_role(&self, session: &Session, id: AccountId, role: &str) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ROLE, |by| self.0.users.set_role(by, id, role)).await
    }

    /// Keeps an account out for 1–43 200 minutes; its sessions are refused at their next call, with the reason.
    pub async fn lock_user(&self, session: &Session, id: AccountId, minutes: u32) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LOCK, |by| self.0.users.lock(by, id, minutes)).await
    }

    /// Takes a lock and the count of failed sign-ins away.
    pub async fn unlock_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &UNLOCK, |by| self.0.users.unlock(by, id)).await
    }

    pub async fn enable_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ENABLE, |by| self.0.users.enable(by, id)).await
    }

    pub async fn disable_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DISABLE, |by| self.0.users.disable(by, id)).await
    }

    /// Forgets the passphrase and gives a one-time code instead; sessions and tokens end, the second factor stays.
    /// With the recovery code its person opens the old vault again; without it, that one stays sealed.
    pub async fn reset_user(&self, session: &Session, id: AccountId) -> Result<ActivationCode, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RESET, |by| self.0.users.reset(by, id)).await
    }

    /// Takes somebody's second factor away, who has lost the authenticator and its codes. Their sessions end, and they
    /// are told at their next sign-in.
    pub async fn remove_user_second_factor(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REMOVE_FACTOR, |by| self.0.users.remove_second_factor(by, id)).await
    }

    /// Puts an account into the trash: out at once, restorable.
    pub async fn delete_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DELETE, |by| self.0.users.delete(by, id)).await
    }

    pub async fn restore_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RESTORE, |by| self.0.users.restore(by, id)).await
    }

    /// Removes a deleted account for good: its keys are forgotten first, then its files go.
    pub async fn purge_user(&self, session: &Session, id: AccountId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PURGE, |by| self.0.users.purge(by, id)).await
    }

    /// Ends one session of an account, or all of them.
    pub async fn end_user_session(
        &self,
        session: &Session,
        id: AccountId,
        which: Option<SessionId>,
    ) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &END_SESSION, |by| self.0.users.end_session(by, id, which)).await
    }
}
