//! Coming in for the first time: as the first of an installation, by registration where it is open, by a one-time code
//! otherwise; and with such a code again, after an administrator's reset.
//!
//! After a reset the recovery code opens the old vault. Without it nobody can, so it is kept sealed and an empty one begins.

use std::sync::Arc;

use super::{Accounts, Change, Entrance, Found, barred, end_others, key_fault, recovery_slot, wrong};
use crate::{
    access::{Visitor, live::Beginning},
    api::{
        AccountId, Fault, FaultKind,
        auth::{Account, Activation, Entered, NewAccount, Role, Secret, SignedIn},
    },
    services::rules::check_name,
    store::{
        StoreError, Tx,
        keys::{self, Slot, SlotKind},
        open::RawKey,
        system::{
            Moment,
            accounts::{self, AccountRow, State},
            activation, audit, leftovers, policy, sealed, sessions, slots,
            throttle::{self, Tried, Verdict},
            usage_days::Came,
        },
    },
};

/// The two ways to open a vault that begin with it.
#[derive(Clone)]
struct NewSlots {
    passphrase: Slot,
    recovery: Slot,
}

/// What using a one-time code changes.
struct Activated {
    account: AccountRow,
    code: [u8; 32],
    slots: NewSlots,
    vault: Begins,
}

/// Which vault the person has from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// The one from before the reset.
    Old,
    /// Their first.
    First(uuid::Uuid),
    /// Another one; the one from before the reset is sealed.
    Another(uuid::Uuid),
}

impl Begins {
    fn new_file(self) -> Option<uuid::Uuid> {
        match self {
            Self::Old => None,
            Self::First(file) | Self::Another(file) => Some(file),
        }
    }
}

impl Activated {
    fn store(&self, tx: &Tx<'_>, moment: &Moment) -> Result<(), Fault> {
        let id = self.account.id;
        // It may have been used or replaced since it was looked at.
        if !activation::use_up(tx, id, &self.code, moment.now)? {
            return Err(wrong_code());
        }
        // What a passphrase or a token might still have opened is over; the recovery code's slot stays.
        slots::delete_others(tx, id, SlotKind::Passphrase, None)?;
        end_others(tx, id, None, "This account was reset.", moment.now)?;
        if matches!(self.vault, Begins::Another(_)) {
            sealed::seal_current(tx, id, moment.now)?;
            audit::append(tx, moment, Some(id), "account.vault_sealed", &self.account.name, "ok")?;
        }
        if let Some(file) = self.vault.new_file() {
            accounts::set_vault(tx, id, file)?;
            leftovers::keep(tx, file)?;
        }
        slots::replace(tx, &self.slots.passphrase, moment.now)?;
        slots::replace(tx, &self.slots.recovery, moment.now)?;
        Ok(accounts::set_state(tx, id, State::Active)?)
    }
}

impl Accounts {
    pub async fn register(&self, _by: Visitor, new: NewAccount) -> Result<SignedIn, Fault> {
        let open = |tx: &Tx<'_>| if policy::current(tx)?.registration { Ok(()) } else { Err(closed()) };
        self.0.system.read(open).await?;
        check_name(&new.name)?;
        self.require_strength(&new.name, &new.passphrase).await?;
        self.pace_registration().await?;
        let name = new.name.clone();
        let free = move |tx: &Tx<'_>| {
            open(tx)?;
            if accounts::by_name(tx, &name)?.is_some() { Err(taken()) } else { Ok(()) }
        };
        self.0.system.read(free.clone()).await?;
        self.begin_account(new, Role::User, "account.register", free).await
    }

    /// Wrong, expired, used, of an unknown name: the same words and the same work for all of them.
    pub async fn activate(&self, _by: Visitor, how: Activation) -> Result<Entered, Fault> {
        let Activation { name, code, recovery_code, passphrase } = how;
        let code = keys::read_one_time_code(&code).map_err(|_| {
            Fault::invalid("That one-time code has a typing mistake.")
                .hint("It has 20 letters and digits in groups of four; the letters I, L, O and U do not occur.")
        })?;
        let recovery_code = match recovery_code.filter(|given| !given.is_empty()) {
            Some(given) => Some(keys::read_recovery_code(&given).map_err(key_fault)?),
            None => None,
        };
        self.require_strength(&name, &passphrase).await?;
        if keys::read_one_time_code(&passphrase).is_ok_and(|typed| typed == code) {
            return Err(Fault::invalid("The one-time code cannot be the passphrase: somebody else has seen it.")
                .hint("Choose another one; F8 proposes one."));
        }
        self.count_attempt(&Tried::OneTimeCode.of(&name), "auth.activate").await?;
        let hash = keys::one_time_hash(&code);
        let tried = name.clone();
        let found = self
            .0
            .system
            .read(move |tx| {
                let account = accounts::by_name(tx, &tried)?;
                let fits = activation::fits(tx, account.as_ref().map(|account| account.id), &hash, Moment::clock())?;
                let recovery = match &account {
                    Some(account) => slots::of(tx, account.id, SlotKind::Recovery)?,
                    None => None,
                };
                Ok::<_, StoreError>(account.filter(|_| fits).map(|account| (account, recovery)))
            })
            .await?;
        let Some((account, old)) = found else {
            self.note_failure(&name, "auth.activate").await;
            return Err(wrong_code());
        };
        // Only whoever has the code learns that the account is shut.
        if let Some(why) = barred(&account, Moment::clock()) {
            return Err(why);
        }
        if !account.is_invited {
            self.note_failure(&name, "auth.activate").await;
            return Err(wrong_code());
        }
        let (data_key, vault) = match (old, recovery_code) {
            (Some(old), Some(given)) => {
                let Ok(data_key) = keys::unseal(&old, given.reveal().as_bytes()) else {
                    self.note_failure(&name, "auth.activate").await;
                    return Err(wrong_recovery_code());
                };
                (data_key, Begins::Old)
            }
            (None, Some(_)) => return Err(wrong_recovery_code()),
            (Some(_), None) => (new_key()?, Begins::Another(uuid::Uuid::now_v7())),
            (None, None) => (new_key()?, Begins::First(uuid::Uuid::now_v7())),
        };
        let file = vault.new_file().unwrap_or(account.vault);
        let (new_code, slots) = self.new_slots(account.id, file, &passphrase, &data_key).await?;
        let forgives = vec![account.name.clone(), Tried::OneTimeCode.of(&account.name)];
        let activated = Activated { account: account.clone(), code: hash, slots, vault };
        let change: Change = Arc::new(move |tx, moment| activated.store(tx, moment));
        let entrance = Entrance {
            found: Found { account: AccountRow { vault: file, ..account }, data_key },
            action: "auth.activate",
            forgives,
            change: Some(change),
            begins: vault.new_file(),
            recovery_code: Some(new_code),
            is_inside: false,
        };
        self.enter(entrance).await
    }

    /// An account that its own person makes, if `allowed` says so when it is stored.
    pub(super) async fn begin_account(
        &self,
        new: NewAccount,
        role: Role,
        action: &'static str,
        allowed: impl FnOnce(&Tx<'_>) -> Result<(), Fault> + Send + 'static,
    ) -> Result<SignedIn, Fault> {
        let (id, file, data_key) = (AccountId::new(), uuid::Uuid::now_v7(), new_key()?);
        let (code, slots) = self.new_slots(id, file, &new.passphrase, &data_key).await?;
        self.0.system.write(move |tx| leftovers::expect(tx, file, Moment::clock())).await?;
        let account = Account { id, name: new.name, role };
        let begun = async {
            let vault = self.open_vault(id, file, data_key.clone()).await?.vault;
            let session = self.0.live.begin(account.clone(), vault, data_key, Beginning::Typed)?;
            let (row, name) = (Self::session_row(&session, id, 1), account.name.clone());
            let stored = self.0.system.write(move |tx| {
                allowed(tx)?;
                let moment = Moment::here();
                accounts::insert(tx, id, &name, role, file, moment.now)?;
                leftovers::keep(tx, file)?;
                slots::insert(tx, &slots.passphrase, moment.now)?;
                slots::insert(tx, &slots.recovery, moment.now)?;
                sessions::insert(tx, &row, &moment)?;
                accounts::set_last_sign_in(tx, id, Came::In, moment.now)?;
                audit::append(tx, &moment, Some(id), action, &name, "ok")?;
                Ok(())
            });
            stored.await.inspect_err(|_: &Fault| self.0.live.end(session.id))?;
            Ok(session)
        };
        match begun.await {
            Ok(session) => {
                let message = self.message().await;
                Ok(SignedIn { session, account, recovery_code: Some(code), notice: None, message })
            }
            Err(fault) => {
                self.give_up(file).await;
                Err(fault)
            }
        }
    }

    /// A vault that became nobody's: its key is forgotten already, its files follow.
    pub(super) async fn give_up(&self, file: uuid::Uuid) {
        let gone = async {
            self.0.system.write(move |tx| leftovers::give_up(tx, file)).await?;
            leftovers::sweep(&self.0.system, &self.0.paths.vaults(), Moment::clock()).await
        };
        if let Err(why) = gone.await {
            let why: StoreError = why;
            tracing::warn!(%why, "a vault that was not needed could not be removed; it is tried again later");
        }
    }

    async fn new_slots(
        &self,
        account: AccountId,
        vault: uuid::Uuid,
        passphrase: &Secret,
        data_key: &RawKey,
    ) -> Result<(Secret, NewSlots), Fault> {
        let (code, recovery) = recovery_slot(account, vault, data_key)?;
        let passphrase = self.seal_passphrase(account, vault, passphrase, data_key).await?;
        Ok((code, NewSlots { passphrase, recovery }))
    }

    /// Everybody at this machine may register, but not a thousand times; counted by OS user.
    async fn pace_registration(&self) -> Result<(), Fault> {
        let verdict = self
            .0
            .system
            .write(|tx| {
                let moment = Moment::here();
                let verdict = throttle::pace(tx, "\0registration", &moment)?;
                if verdict != Verdict::Go {
                    audit::append(tx, &moment, None, "account.register", "", "throttled")?;
                }
                Ok::<_, StoreError>(verdict)
            })
            .await?;
        match verdict {
            Verdict::Go => Ok(()),
            Verdict::Wait(left) => {
                Err(Fault::new(FaultKind::Slow, "Too many accounts were made here in a short time.")
                    .hint(format!("Try again in {} s.", left.as_millis().div_ceil(1000)))
                    .retry_after(left))
            }
            Verdict::Shut => Err(closed()),
        }
    }
}

fn new_key() -> Result<RawKey, Fault> {
    keys::new_data_key().map_err(key_fault)
}

fn wrong_code() -> Fault {
    wrong("The name and the one-time code do not match, or the code is no longer good.")
        .hint("Try again, or ask your administrator for a new code.")
}

fn wrong_recovery_code() -> Fault {
    wrong("The recovery code does not open the vault from before the reset.")
        .hint("Try again; without it an empty vault begins, and the old one stays sealed until the code turns up.")
}

fn closed() -> Fault {
    Fault::new(FaultKind::Denied, "Nobody can make an account for themselves here.")
        .hint("Ask an administrator for one.")
}

fn taken() -> Fault {
    Fault::new(FaultKind::Conflict, "That name is taken.").hint("Choose another one.")
}
