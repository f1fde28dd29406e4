//! One's own account: how it is set up, what it may still do, what it did, its sessions, its second factor, its way out.

use std::{path::PathBuf, time::Duration};

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault, SessionId, VaultId,
        admin::SessionRow,
        auth::{Secret, Session, SignedIn},
        profile::{Activity, Allowance, Enrolment, ExportReport, Preferences, Profile, SealedVault},
    },
};

const SHOW: Op = Op {
    name: "profile.show",
    permission: Permission::Own,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const RENAME: Op = Op { name: "profile.display_name", class: Class::Write, ..SHOW };
const PREFERENCES: Op = Op { name: "profile.preferences", ..SHOW };
const SET_PREFERENCES: Op = Op { name: "profile.set_preferences", class: Class::Write, ..SHOW };
const ALLOWANCE: Op = Op { name: "profile.allowance", ..SHOW };
const ACTIVITY: Op = Op { name: "profile.activity", ..SHOW };
const SESSIONS: Op = Op { name: "sessions.list", ..SHOW };
const END_SESSION: Op = Op { name: "sessions.end", class: Class::Write, ..SHOW };
const END_OTHERS: Op = Op { name: "sessions.end_others", class: Class::Write, ..SHOW };
/// Argon2id waits its turn.
const CONFIRM: Op = Op { name: "auth.confirm", class: Class::Auth, deadline: Duration::from_mins(1), ..SHOW };
const ENROL: Op = Op { name: "second_factor.begin", fresh: true, ..CONFIRM };
const ADD: Op = Op { name: "second_factor.add", ..ENROL };
const REMOVE: Op = Op { name: "second_factor.remove", ..ENROL };
const RENEW: Op = Op { name: "second_factor.new_codes", ..ENROL };
const RECOVERY: Op = Op { name: "auth.new_recovery_code", ..ENROL };
const SEALED: Op = Op { name: "account.sealed", ..SHOW };
/// Takes the passphrase itself, because the vault that it opens is to be opened with it from then on.
const OPEN_SEALED: Op = Op { name: "account.open_sealed", ..CONFIRM };
const FORGET_SEALED: Op = Op { name: "account.forget_sealed", ..ENROL };
const LEAVE: Op = Op { name: "profile.delete_account", ..ENROL };
const EXPORT: Op = Op {
    name: "profile.export",
    permission: Permission::Export,
    class: Class::Admin,
    deadline: Duration::from_hours(1),
    fresh: true,
    ..SHOW
};

impl Gateway {
    pub async fn profile(&self, session: &Session) -> Result<Profile, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SHOW, |by| self.0.profiles.show(by)).await
    }

    /// The name that others see; `None` takes it away.
    pub async fn set_display_name(&self, session: &Session, name: Option<String>) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &RENAME, |by| self.0.profiles.set_display_name(by, name)).await
    }

    pub async fn preferences(&self, session: &Session) -> Result<Preferences, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PREFERENCES, |by| self.0.profiles.preferences(by)).await
    }

    pub async fn set_preferences(&self, session: &Session, new: Preferences) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &SET_PREFERENCES, |by| self.0.profiles.set_preferences(by, new)).await
    }

    /// What is left of each limit.
    pub async fn allowance(&self, session: &Session) -> Result<Vec<Allowance>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ALLOWANCE, |by| self.0.profiles.allowance(by)).await
    }

    /// What is recorded about this account, newest first, from before `before` (a number). `limit` 1–100.
    pub async fn activity(&self, session: &Session, before: Option<i64>, limit: u32) -> Result<Activity, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ACTIVITY, |by| self.0.profiles.activity(by, before, limit)).await
    }

    /// One's live sessions, newest first.
    pub async fn sessions(&self, session: &Session) -> Result<Vec<SessionRow>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SESSIONS, |by| self.0.accounts.sessions(by)).await
    }

    /// Ends one of one's own sessions, in whatever process it is.
    pub async fn end_session(&self, session: &Session, which: SessionId) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &END_SESSION, |by| self.0.accounts.end_session(by, which)).await
    }

    /// Ends all of one's sessions but this one, and every "stay signed in". Gives how many ended.
    pub async fn end_other_sessions(&self, session: &Session) -> Result<u32, Fault> {
        self.0.gate.call::<Member, _, _>(session, &END_OTHERS, |by| self.0.accounts.end_other_sessions(by)).await
    }

    /// Types the passphrase again, for what asks for it (`FaultKind::Unconfirmed`). Good for five minutes, and for the new
    /// handle of the session alone: the old one is refused as soon as what was under way with it is done (10 s).
    pub async fn confirm(&self, session: &Session, passphrase: &Secret) -> Result<Session, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CONFIRM, |by| self.0.accounts.confirm(by, passphrase)).await
    }

    /// Proposes a second factor. Nothing is stored until `add_second_factor` proves it.
    pub async fn begin_second_factor(&self, session: &Session) -> Result<Enrolment, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ENROL, |by| self.0.accounts.begin_second_factor(by)).await
    }

    /// Adds the proposed factor if the code is right; ten recovery codes, shown once.
    pub async fn add_second_factor(&self, session: &Session, code: &Secret) -> Result<Vec<Secret>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ADD, |by| self.0.accounts.add_second_factor(by, code)).await
    }

    /// Takes the second factor away; wants a code of it. Refused while the policy demands one.
    pub async fn remove_second_factor(&self, session: &Session, code: &Secret) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &REMOVE, |by| self.0.accounts.remove_second_factor(by, code)).await
    }

    /// Ten new recovery codes of the second factor; the old ones stop working.
    pub async fn new_second_factor_codes(&self, session: &Session, code: &Secret) -> Result<Vec<Secret>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &RENEW, |by| self.0.accounts.new_second_factor_codes(by, code)).await
    }

    /// A new recovery code of the vault; the old one stops working.
    pub async fn new_recovery_code(&self, session: &Session) -> Result<Secret, Fault> {
        self.0.gate.call::<Member, _, _>(session, &RECOVERY, |by| self.0.accounts.new_recovery_code(by)).await
    }

    /// One's own vaults that are sealed and kept, the last one first.
    pub async fn sealed_vaults(&self, session: &Session) -> Result<Vec<SealedVault>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SEALED, |by| self.0.accounts.sealed_vaults(by)).await
    }

    /// Changes the vault that is open for a sealed one, and that one is sealed in its place: nothing of either is lost.
    /// The sealed one's recovery code is wanted unless it was changed for the present one before. Every session of the
    /// account ends; the answer holds a new one, and a new recovery code, shown once.
    pub async fn open_sealed_vault(
        &self,
        session: &Session,
        which: VaultId,
        code: Option<Secret>,
        passphrase: &Secret,
    ) -> Result<SignedIn, Fault> {
        let open = |by| self.0.accounts.open_sealed_vault(by, which, code, passphrase);
        self.0.gate.hold(session, &OPEN_SEALED, open).await
    }

    /// Forgets a sealed vault for good: its keys first, then its file.
    pub async fn forget_sealed_vault(&self, session: &Session, which: VaultId) -> Result<(), Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &FORGET_SEALED, |by| self.0.accounts.forget_sealed_vault(by, which))
            .await
    }

    /// Writes everything of this account into one archive, readable without this program. Never over an existing file.
    pub async fn export_my_data(&self, session: &Session, to: PathBuf) -> Result<ExportReport, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &EXPORT, |by| Box::pin(self.0.transfers.everything(by, to, None)))
            .await
    }

    /// Removes one's own account for good: the keys are forgotten first. Refused to the last administrator.
    pub async fn delete_my_account(&self, session: &Session) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &LEAVE, |by| self.0.accounts.leave_for_good(by)).await
    }
}
