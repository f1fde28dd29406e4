//! Accounts and how people come in: first run, sign-in, recovery, "stay signed in", lock, change.
//!
//! Opening a key slot is the check of a passphrase; there is nothing else to check it against. Argon2id is memory-hard,
//! so no two run at once. An unknown name costs the same work and gets the same words as a wrong passphrase.

mod activation;
mod bad_days;
mod half_way;
mod one_time;
mod own_sessions;
mod resume;
mod sealed;
mod second_factor;
mod strength;
mod token_file;

use std::{path::PathBuf, sync::Arc};

use half_way::HalfWays;
use tokio::sync::Semaphore;

use crate::{
    access::{
        Caller, Holder, Member, Visitor,
        live::{Beginning, LiveSessions},
    },
    api::{
        AccountId, Fault, FaultKind, SessionId,
        auth::{Account, Door, Entered, NewAccount, Role, Secret, Session, SignedIn, Strength},
    },
    config::{house::rows, live::Live},
    paths::Paths,
    services::{anchor, rules::check_name},
    store::{
        Db, StoreError, Tx, Vault,
        keys::{self, KeyError, Slot, SlotKind},
        open::RawKey,
        system::{
            Moment,
            accounts::{self, AccountRow},
            audit, leftovers, policy, second_factors, sessions, settings, slots,
            throttle::{self, Tried},
            tokens,
        },
    },
    tasks::Tasks,
};

/// A session lasts this long at most, milliseconds.
const SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1000;

#[derive(Clone, Debug)]
pub struct Accounts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    system: Db,
    live: Arc<LiveSessions>,
    paths: Paths,
    /// The data directory lies on a network file system.
    cautious: bool,
    config: Live,
    tasks: Tasks,
    one_argon2: Semaphore,
    half_ways: HalfWays,
    /// Failed tries that the system database had no room for.
    uncounted: bad_days::Uncounted,
}

impl Accounts {
    #[must_use]
    pub fn new(system: Db, live: Arc<LiveSessions>, paths: Paths, cautious: bool, config: Live, tasks: Tasks) -> Self {
        let (one_argon2, half_ways) = (Semaphore::new(1), HalfWays::default());
        let uncounted = bad_days::Uncounted::default();
        let inner = Inner { system, live, paths, cautious, config, tasks, one_argon2, half_ways, uncounted };
        Self(Arc::new(inner))
    }

    /// What to show first. Costs no Argon2id, and waits for no disk write.
    pub async fn door(&self, _by: Visitor) -> Result<Door, Fault> {
        if !self.0.system.read(accounts::any).await? {
            return Ok(Door::FirstRun);
        }
        if let Some(signed_in) = self.resume().await? {
            return Ok(Door::Resumed(Box::new(signed_in)));
        }
        let read = |tx: &Tx<'_>| Ok::<_, StoreError>((policy::current(tx)?.registration, message_of_house(tx)?));
        let (registration, message) = self.0.system.read(read).await?;
        Ok(Door::SignIn { registration, message })
    }

    pub async fn registration(&self, _by: Visitor) -> Result<bool, Fault> {
        Ok(self.0.system.read(|tx| policy::current(tx)).await?.registration)
    }

    /// How good a passphrase would be.
    pub async fn judge(&self, _by: Visitor, name: &str, passphrase: &Secret) -> Result<Strength, Fault> {
        let (name, passphrase, min_length) =
            (name.to_owned(), passphrase.clone(), self.0.config.config().auth.min_length);
        tokio::task::spawn_blocking(move || strength::judge(&name, &passphrase, min_length))
            .await
            .map_err(|_| not_judged())
    }

    /// Five made-up words, 63 bits.
    pub fn propose(&self, _by: &Visitor) -> Result<Secret, Fault> {
        keys::propose_passphrase().map_err(key_fault)
    }

    /// The first administrator; refused as soon as any account exists.
    pub async fn create_first_admin(&self, _by: Visitor, new: NewAccount) -> Result<SignedIn, Fault> {
        check_name(&new.name)?;
        let first = |tx: &Tx<'_>| if accounts::any(tx)? { Err(not_first()) } else { Ok(()) };
        self.0.system.read(first).await?;
        self.require_strength(&new.name, &new.passphrase).await?;
        self.begin_account(new, Role::Admin, "account.create_first", first).await
    }

    pub async fn sign_in(&self, _by: Visitor, name: &str, passphrase: &Secret) -> Result<Entered, Fault> {
        let found = self.check_passphrase(name, passphrase, "auth.sign_in").await?;
        let forgives = vec![found.account.name.clone()];
        self.enter(Entrance {
            found,
            action: "auth.sign_in",
            forgives,
            change: None,
            begins: None,
            recovery_code: None,
            is_inside: false,
        })
        .await
    }

    /// Opens the vault with the recovery code, sets a new passphrase, makes a new code and ends every session.
    pub async fn recover(&self, _by: Visitor, name: &str, code: &Secret, new: &Secret) -> Result<Entered, Fault> {
        let code = keys::read_recovery_code(code).map_err(key_fault)?;
        self.require_strength(name, new).await?;
        self.count_attempt(&Tried::RecoveryCode.of(name), "auth.recover").await?;
        let found = self.account_with(name, SlotKind::Recovery).await?;
        let opened = found
            .and_then(|(account, slot)| keys::unseal(&slot, code.reveal().as_bytes()).ok().map(|key| (account, key)));
        let Some((account, data_key)) = opened else {
            self.note_failure(name, "auth.recover").await;
            return Err(wrong("The name and the recovery code do not match."));
        };
        // Only whoever has the code learns that the account is shut.
        if let Some(why) = shut(&account, Moment::clock()) {
            return Err(why);
        }
        let (new_code, recovery) = recovery_slot(account.id, account.vault, &data_key)?;
        let passphrase = self.seal_passphrase(account.id, account.vault, new, &data_key).await?;
        let id = account.id;
        // Stored with the session: a code that was used up without its successor ever being shown would leave nobody a
        // way in.
        let change: Change = Arc::new(move |tx, moment| {
            slots::replace(tx, &passphrase, moment.now)?;
            slots::replace(tx, &recovery, moment.now)?;
            end_others(tx, id, None, "The account was recovered elsewhere.", moment.now)?;
            Ok(())
        });
        let forgives = vec![account.name.clone(), Tried::RecoveryCode.of(&account.name)];
        let found = Found { account, data_key };
        self.enter(Entrance {
            found,
            action: "auth.recover",
            forgives,
            change: Some(change),
            begins: None,
            recovery_code: Some(new_code),
            is_inside: false,
        })
        .await
    }

    pub async fn sign_out(&self, by: Holder) -> Result<(), Fault> {
        let (session, account) = (by.session, by.account.id);
        self.0.live.end(session);
        let noted = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                sessions::end(tx, session, "You signed out.", moment.now)?;
                audit::append(tx, &moment, Some(account), "auth.sign_out", &by.account.name, "ok")
            })
            .await;
        if let Err(why) = noted {
            let why: StoreError = why;
            tracing::warn!(%why, "a sign-out could not be written down");
        }
        self.forget_token(account).await
    }

    /// Closes the vault and forgets its key. What still runs in it may go on for a while.
    pub fn lock(&self, by: &Holder) {
        let (live, session, ending) = (Arc::clone(&self.0.live), by.session, self.0.tasks.token());
        let lock = live.close_vault(session);
        self.0.tasks.spawn("ending what runs behind the lock", async move {
            ending.run_until_cancelled(live.end_work_of(session, lock)).await;
        });
    }

    pub async fn unlock(&self, by: Holder, passphrase: &Secret) -> Result<(), Fault> {
        let found = self.check_passphrase(&by.account.name, passphrase, "auth.unlock").await?;
        let opened = self.open_vault(found.account.id, found.account.vault, found.data_key.clone()).await?;
        let name = by.account.name.clone();
        let noted = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                throttle::forgive(tx, &name, &moment)?;
                audit::append(tx, &moment, Some(by.account.id), "auth.unlock", &name, "ok")
            })
            .await;
        match noted {
            // What is there can be read, and whoever knows the passphrase may.
            Err(why) if StoreError::is_no_room(&why) => tracing::warn!(%why, "an unlocking could not be written down"),
            other => other?,
        }
        self.0.uncounted.forgive(&by.account.name);
        self.0.live.open_vault(by.session, opened.vault, found.data_key);
        Ok(())
    }

    /// Re-wraps the data key and ends every other session; the old passphrase opens nothing after the commit.
    pub async fn change_passphrase(&self, by: Holder, current: &Secret, new: &Secret) -> Result<(), Fault> {
        let name = by.account.name.clone();
        let found = self.check_passphrase(&name, current, "auth.change_passphrase").await?;
        self.require_strength(&name, new).await?;
        let slot = self.seal_passphrase(found.account.id, found.account.vault, new, &found.data_key).await?;
        let (id, session) = (by.account.id, by.session);
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                slots::replace(tx, &slot, moment.now)?;
                end_others(tx, id, Some(session), "The passphrase was changed elsewhere.", moment.now)?;
                throttle::forgive(tx, &name, &moment)?;
                audit::append(tx, &moment, Some(id), "auth.change_passphrase", &name, "ok")
            })
            .await?;
        self.forget_useless_token(id).await;
        Ok(())
    }

    /// Keeps this OS account signed in, or stops doing so.
    pub async fn stay_signed_in(&self, by: Caller<Member>, stay: bool) -> Result<(), Fault> {
        if stay { self.issue_token(by.account, by.session).await } else { self.forget_token(by.account).await }
    }

    // ---- what the operations above share

    /// Argon2id on the blocking pool, one at a time. A passphrase that does not fit counts against the name.
    async fn check_passphrase(&self, name: &str, passphrase: &Secret, action: &'static str) -> Result<Found, Fault> {
        self.count_attempt(name, action).await?;
        let found = self.account_with(name, SlotKind::Passphrase).await?;
        let secret = passphrase.clone();
        // Looked up for every name alike.
        let usual = self.0.system.read(slots::newest_cost).await?.unwrap_or(keys::PASSPHRASE_COST);
        let opened = self
            .stretch(move || {
                let Some((account, slot)) = found else {
                    keys::burn(usual, secret.reveal().as_bytes());
                    return Ok(None);
                };
                keys::unseal(&slot, secret.reveal().as_bytes()).map(|key| Some((account, key)))
            })
            .await?;
        let (account, data_key) = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(KeyError::Wrong) => {
                self.note_failure(name, action).await;
                return Err(wrong("The name and the passphrase do not match."));
            }
            Err(why) => return Err(key_fault(why)),
        };
        // Only whoever knows the passphrase learns that the account is shut.
        match shut(&account, Moment::clock()) {
            Some(why) => Err(why),
            None => Ok(Found { account, data_key }),
        }
    }

    /// Lets in whoever has proved who they are, or asks for their second factor first.
    async fn enter(&self, entrance: Entrance) -> Result<Entered, Fault> {
        let account = entrance.found.account.id;
        if self.0.system.read(move |tx| second_factors::of(tx, account)).await?.is_none() {
            return Ok(Entered::In(Box::new(self.let_in(&entrance, None).await?)));
        }
        let (action, name, forgives) =
            (entrance.action, entrance.found.account.name.clone(), entrance.forgives.clone());
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                forgives.iter().try_for_each(|name| throttle::forgive(tx, name, &moment))?;
                audit::append(tx, &moment, Some(account), action, &name, "second factor wanted")
            })
            .await?;
        let (half, until, gone) = self.0.half_ways.keep(entrance)?;
        let (this, id, ending) = (self.clone(), half.handle().id, self.0.tasks.token());
        self.0.tasks.spawn("waiting for a second factor", async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = ending.cancelled() => this.0.half_ways.forget(id),
                () = tokio::time::sleep_until(until) => this.0.half_ways.forget(id),
            }
        });
        Ok(Entered::SecondFactor(half))
    }

    /// Opens the vault and begins a session, if the second factor's code is right where one was asked for. Whatever else
    /// the entrance changes is stored in the same transaction, and nothing of it if the account was changed meanwhile.
    async fn let_in(&self, entrance: &Entrance, code: Option<&Secret>) -> Result<SignedIn, Fault> {
        let Some(file) = entrance.begins else { return self.begin_session(entrance, code).await };
        self.0.system.write(move |tx| leftovers::expect(tx, file, Moment::clock())).await?;
        let entered = self.begin_session(entrance, code).await;
        // Whoever was asked for a second factor may try again, with this same vault.
        if entered.is_err() && code.is_none() {
            self.give_up(file).await;
        }
        entered
    }

    async fn begin_session(&self, entrance: &Entrance, code: Option<&Secret>) -> Result<SignedIn, Fault> {
        let Found { account: row, data_key } = &entrance.found;
        let opened = self.open_vault(row.id, row.vault, data_key.clone()).await?;
        let account = Account { id: row.id, name: row.name.clone(), role: row.rank };
        let vault = opened.vault.clone();
        let session = self.0.live.begin(account.clone(), opened.vault, data_key.clone(), Beginning::Typed)?;
        let new = Self::session_row(&session, row.id, row.epoch);
        let (known, key, code) = (row.clone(), data_key.clone(), code.cloned());
        let Entrance { action, forgives, change, is_inside, .. } = entrance.clone();
        // A code that was used and a recovery's new slots must be stored; a plain sign-in may wait for room.
        let may_wait = code.is_none() && change.is_none();
        let name = account.name.clone();
        let later = bad_days::Unnoted { session: new.clone(), name, forgives: forgives.clone(), action };
        let stored = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let now = |tx| accounts::by_id(tx, known.id)?.ok_or_else(changed_meanwhile);
                // Whoever ends an account's sessions, gives it a second factor or shuts it enters a new epoch.
                if now(tx)?.epoch != known.epoch {
                    return Err(changed_meanwhile());
                }
                match code {
                    Some(code) => second_factor::pass(tx, &known, &key, &code, &moment)?,
                    None if !is_inside && second_factors::of(tx, known.id)?.is_some() => {
                        return Err(changed_meanwhile());
                    }
                    None => {}
                }
                if let Some(change) = change {
                    change(tx, &moment)?;
                }
                let row = now(tx)?;
                if let Some(why) = shut(&row, moment.now) {
                    return Err(why);
                }
                let session = sessions::NewSession { epoch: row.epoch, ..new };
                bad_days::Unnoted { session, name: known.name, forgives, action }.note(tx, &moment)?;
                Ok(accounts::take_notices(tx, known.id)?)
            })
            .await;
        let mut notices = match stored {
            Ok(notices) => {
                self.0.uncounted.forgive(&account.name);
                notices
            }
            // What is there can be read all the same.
            Err(why) if may_wait && matches!(why.kind, FaultKind::DiskFull | FaultKind::ReadOnly) => {
                self.0.uncounted.forgive(&account.name);
                vec![self.note_later(later, &why)]
            }
            Err(why) => {
                self.0.live.end(session.id);
                return Err(why);
            }
        };
        if account.role == Role::Admin {
            self.remember_the_trail(vault);
        }
        notices.extend(opened.notice);
        let notice = (!notices.is_empty()).then(|| notices.join(" "));
        let message = self.message().await;
        Ok(SignedIn { session, account, recovery_code: entrance.recovery_code.clone(), notice, message })
    }

    /// What the administrators say to whoever comes in. Nobody stays out because it cannot be read.
    async fn message(&self) -> Option<String> {
        self.0.system.read(message_of_house).await.unwrap_or_else(|why: StoreError| {
            tracing::warn!(%why, "the message of the house could not be read");
            None
        })
    }

    /// Lets an administrator's vault remember how far the audit trail is now, without anybody waiting for it.
    fn remember_the_trail(&self, vault: Vault) {
        let system = self.0.system.clone();
        self.0.tasks.spawn("remembering the audit trail", async move {
            if let Err(why) = anchor::move_on(&system, &vault, Moment::clock()).await {
                tracing::warn!(%why, "the end of the audit trail was not remembered");
            }
        });
    }

    /// Removes a token file whose family is gone. It opens nothing any more, so one that stays undoes nothing.
    async fn forget_useless_token(&self, account: AccountId) {
        if let Err(why) = self.forget_token(account).await {
            tracing::warn!(%why, "a useless token file could not be removed");
        }
    }

    async fn require_strength(&self, name: &str, passphrase: &Secret) -> Result<(), Fault> {
        let (name, passphrase, min_length) =
            (name.to_owned(), passphrase.clone(), self.0.config.config().auth.min_length);
        tokio::task::spawn_blocking(move || strength::require(&name, &passphrase, min_length))
            .await
            .map_err(|_| not_judged())?
    }

    async fn seal_passphrase(
        &self,
        account: AccountId,
        vault: uuid::Uuid,
        passphrase: &Secret,
        key: &RawKey,
    ) -> Result<Slot, Fault> {
        let (passphrase, key) = (passphrase.clone(), key.clone());
        self.stretch(move || keys::seal(account, vault, SlotKind::Passphrase, passphrase.reveal().as_bytes(), &key))
            .await?
            .map_err(key_fault)
    }

    async fn stretch<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let ended = || Fault::new(FaultKind::Internal, "The passphrase could not be checked.");
        let _one = self.0.one_argon2.acquire().await.map_err(|_| ended())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| ended())
    }

    /// Every try counts as a failure until it has succeeded.
    async fn count_attempt(&self, tried: &str, action: &'static str) -> Result<(), Fault> {
        let (name, unwritten) = (tried.to_owned(), self.0.uncounted.of(tried));
        let written = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let verdict = throttle::attempt(tx, &name, &moment, unwritten.as_ref())?;
                if verdict != throttle::Verdict::Go {
                    audit::append(tx, &moment, None, action, "", "throttled")?;
                }
                Ok::<_, StoreError>(verdict)
            })
            .await;
        let verdict = match written {
            Ok(verdict) => verdict,
            Err(why) if why.is_no_room() => self.count_in_memory(tried).await?,
            Err(why) => return Err(why.into()),
        };
        match verdict {
            throttle::Verdict::Go => Ok(()),
            throttle::Verdict::Wait(left) => Err(Fault::new(FaultKind::Slow, "There were too many failed tries.")
                .hint(format!("Try again in {} s.", left.as_millis().div_ceil(1000)))
                .retry_after(left)),
            throttle::Verdict::Shut => Err(Fault::new(FaultKind::Denied, "There were too many failed tries in a row.")
                .hint("Use your recovery code, or ask an administrator.")),
        }
    }

    async fn note_failure(&self, name: &str, action: &'static str) {
        let name = name.to_owned();
        let noted = self
            .0
            .system
            .write(move |tx| {
                // A name that does not exist is not written down: people type passphrases into the wrong field.
                let known = accounts::by_name(tx, &name)?.map(|account| account.name).unwrap_or_default();
                audit::append(tx, &Moment::here(), None, action, &known, "wrong")
            })
            .await;
        if let Err(why) = noted {
            tracing::warn!(action, %why, "a failure could not be written to the audit trail");
        }
    }

    async fn account_with(&self, name: &str, kind: SlotKind) -> Result<Option<(AccountRow, Slot)>, Fault> {
        let name = name.to_owned();
        let found = self
            .0
            .system
            .read(move |tx| {
                let Some(account) = accounts::by_name(tx, &name)? else { return Ok(None) };
                let slot = slots::of(tx, account.id, kind)?;
                Ok::<_, StoreError>(slot.map(|slot| (account, slot)))
            })
            .await?;
        Ok(found)
    }

    fn vault_path(&self, file: uuid::Uuid) -> PathBuf {
        self.0.paths.vaults().join(format!("{file}.db"))
    }

    /// Opens a vault whose key is known to be right: what cannot be read then is damaged, and set aside.
    async fn open_vault(&self, account: AccountId, file: uuid::Uuid, key: RawKey) -> Result<Opened, Fault> {
        let path = self.vault_path(file);
        let (cautious, at) = (self.0.cautious, path.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let was_there = at.exists();
            Vault::open(account, &at, &key, cautious).map(|vault| (vault, was_there))
        })
        .await
        .map_err(|_| Fault::new(FaultKind::Internal, "The vault could not be opened."))?;
        match opened {
            Ok((vault, was_there)) => {
                let missing = if was_there {
                    false
                } else {
                    let known = self.0.system.read(move |tx| accounts::by_id(tx, account)).await?;
                    // One that is only about to become somebody's is missed by nobody.
                    known.is_some_and(|known| known.vault == file && known.last_sign_in.is_some())
                };
                let notice = missing.then(|| {
                    format!("Your vault was not where it belongs ({}), so a new, empty one was begun.", path.display())
                });
                Ok(Opened { vault, notice })
            }
            Err(StoreError::Unreadable(broken) | StoreError::Emptied(broken)) => {
                Err(bad_days::put_aside(broken, Moment::clock()).await)
            }
            Err(why) => Err(why.into()),
        }
    }

    fn session_row(session: &Session, account: AccountId, epoch: i64) -> sessions::NewSession {
        sessions::NewSession {
            id: session.id,
            account,
            epoch,
            place: this_place(),
            expires_at: Moment::clock() + SESSION_MS,
        }
    }
}

/// The terminal of this process, for a person's own list of sessions.
fn this_place() -> String {
    std::fs::read_link("/proc/self/fd/0")
        .map_or_else(|_| "unknown".to_owned(), |place| place.to_string_lossy().into_owned())
}

/// An account whose slot was opened.
#[derive(Clone)]
struct Found {
    account: AccountRow,
    data_key: RawKey,
}

/// What coming in changes beside the session, in the same transaction. It may be tried again when a code was wrong.
type Change = Arc<dyn Fn(&Tx<'_>, &Moment) -> Result<(), Fault> + Send + Sync>;

/// Somebody who has proved who they are, as far as a passphrase or a code of the vault proves it.
#[derive(Clone)]
struct Entrance {
    found: Found,
    /// For the audit trail.
    action: &'static str,
    /// The names under which tries were counted.
    forgives: Vec<String>,
    change: Option<Change>,
    /// The vault that is nobody's until this is stored.
    begins: Option<uuid::Uuid>,
    /// To be shown once, when this made one.
    recovery_code: Option<Secret>,
    /// Somebody who is in already, and past their second factor.
    is_inside: bool,
}

/// Ends every session of the account but one, and every "stay signed in" with the keys that belong to it.
fn end_others(tx: &Tx<'_>, account: AccountId, keep: Option<SessionId>, why: &str, now: i64) -> Result<(), StoreError> {
    slots::delete_others(tx, account, SlotKind::Session, None)?;
    tokens::revoke_all(tx, account)?;
    sessions::end_others(tx, account, keep, why, now)?;
    Ok(())
}

/// Why this account lets nobody in at the moment, if it does not. Without its one-time code, one that waits for it does not
/// either.
fn shut(account: &AccountRow, now: i64) -> Option<Fault> {
    barred(account, now).or_else(|| {
        account.is_invited.then(|| {
            Fault::new(FaultKind::Denied, "This account was reset, and waits for its one-time code.")
                .hint("Come in with the code from your administrator, and give your recovery code with it.")
        })
    })
}

/// Why nobody comes in here, whatever they have.
fn barred(account: &AccountRow, now: i64) -> Option<Fault> {
    let (why, hint) = if account.deleted_at.is_some() {
        ("This account was deleted.".to_owned(), "An administrator can restore it.")
    } else if account.is_disabled {
        ("This account is disabled.".to_owned(), "An administrator can open it again.")
    } else {
        let until = account.locked_until.filter(|until| *until > now)?;
        let minutes = (until - now) / 60_000 + 1;
        (format!("This account is locked for another {minutes} min."), "An administrator can open it again.")
    };
    Some(Fault::new(FaultKind::Denied, why).hint(hint))
}

fn changed_meanwhile() -> Fault {
    Fault::new(FaultKind::SignedOut, "The account was changed meanwhile.")
        .hint("Sign in again with your name and passphrase.")
}

struct Opened {
    vault: Vault,
    notice: Option<String>,
}

fn recovery_slot(account: AccountId, vault: uuid::Uuid, key: &RawKey) -> Result<(Secret, Slot), Fault> {
    let code = keys::new_recovery_code().map_err(key_fault)?;
    let read = keys::read_recovery_code(&code).map_err(key_fault)?;
    let slot = keys::seal(account, vault, SlotKind::Recovery, read.reveal().as_bytes(), key).map_err(key_fault)?;
    Ok((code, slot))
}

fn not_first() -> Fault {
    Fault::new(FaultKind::Conflict, "There is an account already.").hint("Sign in with it.")
}

fn not_judged() -> Fault {
    Fault::new(FaultKind::Internal, "The passphrase could not be judged.").hint("Try again.")
}

fn message_of_house(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
    Ok(settings::value(tx, rows::MESSAGE)?.filter(|message| !message.is_empty()))
}

fn wrong(message: &str) -> Fault {
    Fault::new(FaultKind::WrongCredentials, message).hint("Try again, or use the recovery code.")
}

#[expect(clippy::needless_pass_by_value, reason = "it is the last step of `map_err`")]
fn key_fault(why: KeyError) -> Fault {
    match why {
        KeyError::Wrong => wrong("That does not open the vault."),
        KeyError::Mistyped => Fault::invalid("That recovery code has a typing mistake.")
            .hint("It has 28 letters and digits in groups of four; the letters I, L, O and U do not occur."),
        KeyError::Cost => Fault::new(FaultKind::Store, "The key slot of this account was tampered with.")
            .hint("Use the recovery code, or restore system.db from a backup."),
        KeyError::Random => Fault::new(FaultKind::Internal, "The system gave no random numbers.").hint("Try again."),
    }
}
