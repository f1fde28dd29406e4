//! Administering accounts: making, locking, resetting, removing. Every change is one transaction with its audit entry, and
//! none of them opens a vault: what somebody wrote stays behind their own keys.
//!
//! Invariant: there is always somebody who can administer; the last administrator is not demoted, locked, disabled, reset
//! or deleted. And nobody passes on what they may not do themselves.

use std::path::{Path, PathBuf};

use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind, SessionId,
        admin::{ActivationCode, NewUser, UserDetail, UserFilter, UserPage},
        auth::Secret,
        organise::PAGE_MAX,
        profile::DISPLAY_NAME_MAX,
    },
    paths::Paths,
    services::{
        conversations::checked_line,
        rules::{check_name, still_administered, within_own},
    },
    store::{
        Db, StoreError, Tx,
        keys::{self, SlotKind},
        system::{
            Moment,
            accounts::{self, AccountRow, Invited, State},
            activation, audit, leftovers, people, roles, second_factors, sessions, slots,
            throttle::{self, Tried},
            tokens,
        },
    },
};

/// Longest an account is locked, minutes: thirty days.
const LOCK_MAX: u32 = 43_200;
/// Longest filter, characters.
const FILTER_MAX: usize = 400;

#[derive(Debug)]
pub struct Users {
    system: Db,
    paths: Paths,
}

impl Users {
    #[must_use]
    pub fn new(system: Db, paths: Paths) -> Self {
        Self { system, paths }
    }

    pub async fn list(
        &self,
        by: Caller<Admin>,
        filter: UserFilter,
        after: Option<String>,
        limit: u32,
    ) -> Result<UserPage, Fault> {
        drop(by);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Fault::invalid(format!("A page has 1 to {PAGE_MAX} accounts.")));
        }
        self.settle_sessions().await;
        let filter = UserFilter { text: filter.text.chars().take(FILTER_MAX).collect(), ..filter };
        let page = self.system.read(move |tx| people::list(tx, &filter, after.as_deref(), limit, Moment::clock()));
        Ok(page.await?)
    }

    pub async fn show(&self, by: Caller<Admin>, id: AccountId) -> Result<UserDetail, Fault> {
        self.settle_sessions().await;
        let session = by.session;
        let found = self
            .system
            .read(move |tx| {
                let vault = accounts::by_id(tx, id)?.map(|account| account.vault);
                Ok::<_, StoreError>(people::detail(tx, id, session, Moment::clock())?.zip(vault))
            })
            .await?;
        let (mut detail, vault) = found.ok_or_else(missing)?;
        let file = self.paths.vaults().join(format!("{vault}.db"));
        detail.vault_bytes = tokio::task::spawn_blocking(move || bytes_of(&file)).await.unwrap_or(0);
        Ok(detail)
    }

    /// An account whose person comes with the code in the answer.
    pub async fn create(&self, by: Caller<Admin>, new: NewUser) -> Result<ActivationCode, Fault> {
        check_name(&new.name)?;
        let shown = new.display_name.filter(|shown| !shown.trim().is_empty());
        let shown = shown.map(|shown| checked_line(&shown, "A display name", DISPLAY_NAME_MAX)).transpose()?;
        let (code, hash) = one_time_code()?;
        let (id, actor) = (AccountId::new(), by.account);
        let NewUser { name, role, .. } = new;
        self.system
            .write(move |tx| {
                let moment = Moment::here();
                if let Some(other) = accounts::by_name(tx, &name)? {
                    return Err(taken(&other));
                }
                may_give(tx, actor, &role)?;
                let invited = Invited { id, name: &name, display_name: shown.as_deref(), role: &role, now: moment.now };
                accounts::invite(tx, &invited)?;
                let expires_at = activation::issue(tx, id, &hash, moment.now)?;
                audit::append(tx, &moment, Some(actor), "users.create", &format!("{name}: {role}"), "ok")?;
                Ok(ActivationCode { account: id, name, code, expires_at })
            })
            .await
    }

    /// Sessions that run go on with the other role at their next call.
    pub async fn set_role(&self, by: Caller<Admin>, id: AccountId, role: &str) -> Result<(), Fault> {
        let role = role.to_owned();
        self.change(&by, id, "users.role", move |tx, account, change| {
            require_present(account)?;
            may_give(tx, change.actor, &role)?;
            // Who may more than oneself is not one's own to bring down either.
            may_give(tx, change.actor, &account.role)?;
            accounts::set_role(tx, account.id, &role)?;
            still_administered(tx)?;
            Ok(((), format!("{} → {role}", account.role)))
        })
        .await
    }

    pub async fn lock(&self, by: Caller<Admin>, id: AccountId, minutes: u32) -> Result<(), Fault> {
        if !(1..=LOCK_MAX).contains(&minutes) {
            return Err(Fault::invalid("An account cannot be locked for that long.")
                .hint(format!("Say 1 to {LOCK_MAX} minutes, or disable it.")));
        }
        self.change(&by, id, "users.lock", move |tx, account, change| {
            require_present(account)?;
            not_oneself(account, change, "lock", "Ctrl+L locks your screen; another administrator can lock you out.")?;
            accounts::set_locked_until(tx, account.id, Some(change.moment.now + i64::from(minutes) * 60_000))?;
            throw_out(tx, account.id, &format!("An administrator locked this account for {minutes} min."), change)?;
            still_administered(tx)?;
            Ok(((), format!("{minutes} min")))
        })
        .await
    }

    /// Also forgives every failed try, of the passphrase and of every kind of code.
    pub async fn unlock(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.unlock", |tx, account, _| {
            require_present(account)?;
            accounts::set_locked_until(tx, account.id, None)?;
            throttle::forgive_everybody(tx, &account.name)?;
            Ok(((), String::new()))
        })
        .await
    }

    /// It is as it was before it was disabled: active, or still waiting for its one-time code.
    pub async fn enable(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.enable", |tx, account, _| {
            require_present(account)?;
            if !account.is_disabled {
                return Err(conflict("This account is not disabled.", "Look at it as it is now."));
            }
            let has_passphrase = slots::of(tx, account.id, SlotKind::Passphrase)?.is_some();
            accounts::set_state(tx, account.id, if has_passphrase { State::Active } else { State::Invited })?;
            Ok(((), String::new()))
        })
        .await
    }

    pub async fn disable(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.disable", |tx, account, change| {
            require_present(account)?;
            not_oneself(account, change, "disable", "Another administrator can, or delete your account.")?;
            accounts::set_state(tx, account.id, State::Disabled)?;
            throw_out(tx, account.id, "An administrator disabled this account.", change)?;
            still_administered(tx)?;
            Ok(((), String::new()))
        })
        .await
    }

    /// Forgets the passphrase. The vault, the slot of its recovery code and the second factor stay as they are.
    pub async fn reset(&self, by: Caller<Admin>, id: AccountId) -> Result<ActivationCode, Fault> {
        let (code, hash) = one_time_code()?;
        self.change(&by, id, "users.reset", move |tx, account, change| {
            require_present(account)?;
            not_oneself(account, change, "reset", "Change your passphrase instead.")?;
            if account.is_disabled {
                return Err(conflict("This account is disabled.", "Enable it first; then reset it."));
            }
            // Whoever holds the code can come in with it.
            may_give(tx, change.actor, &account.role)?;
            slots::delete_others(tx, account.id, SlotKind::Passphrase, None)?;
            throw_out(tx, account.id, "An administrator reset this account: come in with the one-time code.", change)?;
            accounts::set_state(tx, account.id, State::Invited)?;
            for tried in [Tried::Passphrase, Tried::OneTimeCode] {
                throttle::forgive_all(tx, &account.name, tried)?;
            }
            let expires_at = activation::issue(tx, account.id, &hash, change.moment.now)?;
            still_administered(tx)?;
            let code = ActivationCode { account: account.id, name: account.name.clone(), code, expires_at };
            Ok((code, String::new()))
        })
        .await
    }

    /// The passphrase alone lets in again, until a new factor is added. Never silently: sessions end, and the person is
    /// told.
    pub async fn remove_second_factor(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.remove_second_factor", move |tx, account, change| {
            require_present(account)?;
            not_oneself(account, change, "do this to", "Remove it on your own account's page.")?;
            may_give(tx, change.actor, &account.role)?;
            if !second_factors::remove(tx, account.id)? {
                return Err(conflict("This account has no second factor.", "There is nothing to remove."));
            }
            throw_out(tx, account.id, "An administrator removed the second factor: sign in again.", change)?;
            accounts::add_notice(
                tx,
                account.id,
                "An administrator removed your second factor. Add a new one if you did not ask for this, and tell them.",
                change.moment.now,
            )?;
            Ok(((), String::new()))
        })
        .await
    }

    pub async fn delete(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.delete", |tx, account, change| {
            require_present(account)?;
            accounts::set_deleted_at(tx, account.id, Some(change.moment.now))?;
            throw_out(tx, account.id, "An administrator deleted this account.", change)?;
            still_administered(tx)?;
            Ok(((), String::new()))
        })
        .await
    }

    pub async fn restore(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.restore", |tx, account, _| {
            require_deleted(account)?;
            accounts::set_deleted_at(tx, account.id, None)?;
            Ok(((), String::new()))
        })
        .await
    }

    /// The keys are forgotten in one transaction, which makes the files unreadable; then these go. A file that cannot be
    /// removed now is tried again at the next start.
    pub async fn purge(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        self.change(&by, id, "users.purge", |tx, account, change| {
            require_deleted(account)?;
            accounts::purge(tx, account.id, change.moment.now)?;
            Ok(((), String::new()))
        })
        .await?;
        if let Err(why) = leftovers::remove(&self.system, &self.paths.vaults()).await {
            tracing::warn!(%why, "a purged account's file could not be removed; its key is gone, and it is tried again later");
        }
        Ok(())
    }

    /// Ends one session, or all of them and every "stay signed in".
    pub async fn end_session(&self, by: Caller<Admin>, id: AccountId, which: Option<SessionId>) -> Result<(), Fault> {
        self.change(&by, id, "users.end_session", move |tx, account, change| {
            let why = "An administrator ended this session.";
            let Some(which) = which else {
                throw_out(tx, account.id, why, change)?;
                return Ok(((), "all of them".to_owned()));
            };
            let live = sessions::live(tx, account.id, None, change.moment.now)?;
            if !live.iter().any(|session| session.id == which) {
                return Err(Fault::not_found("session"));
            }
            sessions::end(tx, which, why, change.moment.now)?;
            Ok(((), String::new()))
        })
        .await
    }

    // ---- what the operations above share

    /// One change to one account: in one transaction with its entry in the trail, to which `work` adds what it was.
    async fn change<T: Send + 'static>(
        &self,
        by: &Caller<Admin>,
        id: AccountId,
        action: &'static str,
        work: impl FnOnce(&Tx<'_>, &AccountRow, &Change) -> Result<(T, String), Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let actor = by.account;
        self.system
            .write(move |tx| {
                let change = Change { actor, moment: Moment::here() };
                let account = accounts::by_id(tx, id)?.ok_or_else(missing)?;
                let (done, what) = work(tx, &account, &change)?;
                let told = if what.is_empty() { account.name } else { format!("{}: {what}", account.name) };
                audit::append(tx, &change.moment, Some(actor), action, &told, "ok")?;
                Ok(done)
            })
            .await
    }

    /// Sessions whose program was killed are no live ones. That they are shown is not worth a refusal.
    async fn settle_sessions(&self) {
        if let Err(why) = sessions::settle(&self.system).await {
            tracing::warn!(%why, "sessions whose program is gone could not be ended");
        }
    }
}

/// Who changes something, and when.
struct Change {
    actor: AccountId,
    moment: Moment,
}

/// Out at once, everywhere: sessions that run, those that are about to begin, and every "stay signed in".
fn throw_out(tx: &Tx<'_>, id: AccountId, why: &str, change: &Change) -> Result<(), Fault> {
    sessions::end_others(tx, id, None, why, change.moment.now)?;
    slots::delete_others(tx, id, SlotKind::Session, None)?;
    Ok(tokens::revoke_all(tx, id)?)
}

fn may_give(tx: &Tx<'_>, giver: AccountId, role: &str) -> Result<(), Fault> {
    let role = roles::get(tx, role)?.ok_or_else(|| Fault::not_found("role"))?;
    within_own(tx, giver, &role)
}

fn require_present(account: &AccountRow) -> Result<(), Fault> {
    match account.deleted_at {
        None => Ok(()),
        Some(_) => Err(conflict("This account is deleted.", "Restore it first.")),
    }
}

fn require_deleted(account: &AccountRow) -> Result<(), Fault> {
    match account.deleted_at {
        Some(_) => Ok(()),
        None => Err(conflict("This account is not deleted.", "Only what is deleted can be restored or purged.")),
    }
}

fn not_oneself(account: &AccountRow, change: &Change, verb: &str, instead: &str) -> Result<(), Fault> {
    if account.id == change.actor {
        return Err(Fault::invalid(format!("You cannot {verb} your own account.")).hint(instead));
    }
    Ok(())
}

fn taken(other: &AccountRow) -> Fault {
    let hint = if other.deleted_at.is_some() {
        "A deleted account has it: restore that one, or purge it first."
    } else {
        "Choose another one."
    };
    conflict("That name is taken.", hint)
}

fn missing() -> Fault {
    Fault::not_found("account")
}

fn conflict(what: &str, hint: &str) -> Fault {
    Fault::new(FaultKind::Conflict, what).hint(hint)
}

/// A code to hand over, and what is kept of it.
fn one_time_code() -> Result<(Secret, [u8; 32]), Fault> {
    let fault = |_| Fault::new(FaultKind::Internal, "The system gave no random numbers.").hint("Try again.");
    let code = keys::new_one_time_code().map_err(fault)?;
    let read = keys::read_one_time_code(&code).map_err(fault)?;
    Ok((code, keys::one_time_hash(&read)))
}

/// Of a database and what lies beside it while it is open.
fn bytes_of(file: &Path) -> u64 {
    let beside = |ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        std::fs::metadata(PathBuf::from(name)).map_or(0, |meta| meta.len())
    };
    ["", "-wal", "-shm"].into_iter().map(beside).sum()
}
