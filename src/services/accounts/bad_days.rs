//! What accounts do on bad days: a vault that cannot be read is set aside, what is open is looked through, and a full disk
//! keeps nobody from signing in and reading.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Accounts;
use crate::{
    access::{Caller, Member, Visitor},
    api::{Fault, FaultKind},
    paths::quoted,
    store::{
        Broken, StoreError,
        aside::set_aside,
        check,
        system::{
            Moment, Tx, accounts, audit, sessions,
            throttle::{self, Tries, Verdict},
            usage_days::Came,
        },
    },
};

/// Between two tries to write a sign-in down, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Failed tries by name that could not be written, so that a full disk is no way around the waiting.
#[derive(Debug, Default)]
pub(super) struct Uncounted(Mutex<HashMap<String, Tries>>);

impl Uncounted {
    pub fn of(&self, name: &str) -> Option<Tries> {
        self.lock().get(&accounts::name_key(name)).cloned()
    }

    pub fn forgive(&self, name: &str) {
        self.lock().remove(&accounts::name_key(name));
    }

    fn attempt(&self, name: &str, written: Option<&Tries>, moment: &Moment) -> Verdict {
        let mut all = self.lock();
        let key = accounts::name_key(name);
        let last = Tries::stricter(written, all.get(&key));
        let verdict = Tries::verdict(last, moment);
        if verdict == Verdict::Go {
            let next = Tries::and_one(last, moment);
            all.insert(key, next);
        }
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sign-in, as the system database notes it.
pub(super) struct Unnoted {
    pub session: sessions::NewSession,
    pub name: String,
    /// The names under which tries were counted.
    pub forgives: Vec<String>,
    pub action: &'static str,
}

impl Unnoted {
    pub fn note(&self, tx: &Tx<'_>, moment: &Moment) -> Result<(), StoreError> {
        self.forgives.iter().try_for_each(|name| throttle::forgive(tx, name, moment))?;
        sessions::insert(tx, &self.session, moment)?;
        accounts::set_last_sign_in(tx, self.session.account, Came::In, moment.now)?;
        audit::append(tx, moment, Some(self.session.account), self.action, &self.name, "ok")
    }
}

impl Accounts {
    /// Counts a try where it cannot be written.
    pub(super) async fn count_in_memory(&self, name: &str) -> Result<Verdict, Fault> {
        let (tried, moment) = (name.to_owned(), Moment::here());
        let asked = moment.clone();
        let written = self.0.system.read(move |tx| throttle::tries(tx, &tried, &asked)).await?;
        Ok(self.0.uncounted.attempt(name, written.as_ref(), &moment))
    }

    /// Lets a session go on whose row there is no room for, and writes it as soon as there is; says so.
    pub(super) fn note_later(&self, sign_in: Unnoted, why: &Fault) -> String {
        tracing::warn!(%why, "a sign-in could not be written down yet");
        let id = sign_in.session.id;
        let (account, epoch) = (sign_in.session.account, sign_in.session.epoch);
        self.0.live.unrecorded(id, sessions::Unwritten { account, epoch, selector: None });
        let (this, ending) = (self.clone(), self.0.tasks.token());
        let sign_in = std::sync::Arc::new(sign_in);
        self.0.tasks.spawn("noting a sign-in", async move {
            let mut wait = AGAIN.0;
            while ending.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() && this.0.live.is_here(id) {
                let again = std::sync::Arc::clone(&sign_in);
                match this.0.system.write(move |tx| again.note(tx, &Moment::here())).await {
                    Ok(()) => return this.0.live.recorded(id),
                    Err(why) if why.is_no_room() => wait = (wait * 2).min(AGAIN.1),
                    Err(why) => return tracing::warn!(%why, "a sign-in is not written down"),
                }
            }
        });
        if why.kind == FaultKind::DiskFull {
            "The disk is full: everything can be read, and nothing new can be stored until there is room.".to_owned()
        } else {
            "The data directory cannot be written: everything can be read, and nothing new can be stored.".to_owned()
        }
    }

    /// Looks through the whole system database.
    pub async fn check_system(&self, _by: Visitor) -> Result<(), Fault> {
        Ok(check::system(&self.0.system, &self.0.paths.system_db()).await?)
    }

    /// Looks through the caller's whole vault.
    pub async fn check_vault(&self, by: Caller<Member>) -> Result<(), Fault> {
        let account = by.account;
        let known = self.0.system.read(move |tx| accounts::by_id(tx, account)).await?.ok_or_else(Fault::signed_out)?;
        Ok(check::vault(&by.vault.db, &self.vault_path(known.vault)).await?)
    }
}

/// Sets a vault aside whose key is right and which cannot be read all the same, and says what there is to do.
pub(super) async fn put_aside(broken: Broken, now: i64) -> Fault {
    let path = broken.path.clone();
    let moved = tokio::task::spawn_blocking(move || set_aside(&path, now)).await;
    let kept = match moved {
        Ok(Ok(kept)) => kept,
        Ok(Err(why @ StoreError::InUse(_))) => return why.into(),
        // Then it stays where it is, and a person has to move it.
        Ok(Err(_)) | Err(_) => return StoreError::Unreadable(broken).into(),
    };
    let hint = match &broken.copy {
        Some(copy) => format!(
            "Just sign in again to begin an empty one. Or go back to the copy from before the last upgrade first: \
             cp -p {} {} — what came after is only in the file set aside.",
            quoted(copy),
            quoted(&broken.path),
        ),
        None => format!(
            "Just sign in again to begin an empty one, or put a backup in its place first: {}.",
            quoted(&broken.path)
        ),
    };
    Fault::new(
        FaultKind::Store,
        format!("Your vault is damaged or empty. It was set aside, untouched, as {}.", kept.display()),
    )
    .hint(hint)
}
