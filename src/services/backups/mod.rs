//! Backups for administrators: made, checked, put back, pruned. Each is a job of the machine's line (`run`, `put_back`), so
//! that one which a dying process left behind is seen and done by the next; each can be stopped by no longer listening, or
//! by cancelling its job. When one is made on its own is a rule like any other.
//!
//! Putting one back is done by the process in which somebody confirmed it, and by no other: it takes the keys of whoever
//! asked, and what it gets ready belongs to that process and goes with it. Another process only ends its row.
//!
//! Invariant: a restore of everything only gets ready in here. It takes the place of what is there when this process has
//! closed its databases (`store::backup::carry_out`), because no database is ever moved under somebody who has it open.

mod put_back;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind, JobId,
        backup::{Backups as Shown, Schedule, Which},
        jobs::Work as JobWork,
    },
    paths,
    store::{
        Db, Vault,
        backup::{self, BackupError, Opener, Place, Staged},
        system::{Moment, audit, backups as kept},
    },
    tasks::Tasks,
};

/// How long nothing may move at a disk before it counts as one that hangs. What takes longest without a word is the writing
/// out of a large file, and the look through a large database.
const PATIENCE: Duration = Duration::from_mins(10);
/// From when on it is told that it is waited for the disk, and how often that is looked at.
const WAITING: Duration = Duration::from_secs(10);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backups(Arc<Inner>);

struct Inner {
    system: Db,
    place: Place,
    tasks: Tasks,
    patience: Duration,
    /// A restore that waits for the end of this process. Others are kept from getting one ready meanwhile.
    staged: Mutex<Option<Staged>>,
    /// Keys of whoever has just asked for a check, until its job begins here.
    at_hand: AtHand<String, Keys>,
    /// What has just been asked to be put back, until its job begins here.
    to_put_back: AtHand<JobId, put_back::Confirmed>,
}

/// What jobs need that have not begun yet.
type AtHand<K, T> = Mutex<HashMap<K, Held<T>>>;

/// Whoever takes it ends the watch over it.
struct Held<T> {
    what: T,
    _watch: DropGuard,
}

/// Which vaults can be opened, and how.
type Keys = Vec<(Uuid, Opener)>;

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backups").field("place", &self.place).finish_non_exhaustive()
    }
}

/// How it is written into the audit trail.
struct Note {
    actor: Option<AccountId>,
    action: &'static str,
    target: String,
}

impl Backups {
    #[must_use]
    pub fn new(system: Db, place: Place, tasks: Tasks) -> Self {
        Self::with_patience(system, place, tasks, PATIENCE)
    }

    /// With another patience with disks that hang.
    #[must_use]
    pub fn with_patience(system: Db, place: Place, tasks: Tasks, patience: Duration) -> Self {
        let (staged, at_hand, to_put_back) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { system, place, tasks, patience, staged, at_hand, to_put_back }))
    }

    pub async fn list(&self, _by: Caller<Admin>) -> Result<Shown, Fault> {
        let place = self.0.place.clone();
        let (backups, quarantine, free, network_file_system) = blocking(move || {
            let free = rustix::fs::statvfs(&place.backups).ok();
            let free = free.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            let network_file_system = paths::network_file_system(&place.backups).map(str::to_owned);
            Ok((backup::list(&place)?, backup::quarantine(&place)?, free, network_file_system))
        })
        .await?;
        let now = Moment::clock();
        let (schedule, rule, last_scheduled) = self
            .0
            .system
            .read(move |tx| {
                Ok::<_, Fault>((kept::schedule(tx, now)?, kept::rule_words(tx, now)?, kept::last_run(tx, now)?))
            })
            .await?;
        let place = self.0.place.backups.clone();
        Ok(Shown { place, backups, schedule, rule, quarantine, free, network_file_system, last_scheduled })
    }

    /// Gets ready to check one: the caller's own vault is opened and looked through as well. Gives the work for the line.
    pub async fn to_verify(&self, by: &Caller<Admin>, which: Which) -> Result<JobWork, Fault> {
        self.directory(&which).await?;
        let keys = self.keys(by.account, &by.vault).await?;
        self.hold(|inner| &inner.at_hand, name(&which), keys, by.work.clone());
        Ok(JobWork::VerifyBackup { which })
    }

    /// Keeps something for a job until that begins here. Another process may do it, or nobody: keys do not stay for that
    /// once `work` is over, which ends with the session and some time after its screen was locked.
    fn hold<K, T>(&self, place: fn(&Inner) -> &AtHand<K, T>, key: K, what: T, work: CancellationToken)
    where
        K: Clone + Eq + Hash + Send + 'static,
        T: Send + 'static,
    {
        let taken = CancellationToken::new();
        let held = Held { what, _watch: taken.clone().drop_guard() };
        lock(place(&self.0)).insert(key.clone(), held);
        let (this, ending) = (self.clone(), self.0.tasks.token());
        self.0.tasks.spawn("keeping at hand what a job on backups needs", async move {
            tokio::select! {
                () = taken.cancelled() => return,
                () = work.cancelled() => {}
                () = ending.cancelled() => {}
            }
            lock(place(&this.0)).remove(&key);
        });
    }

    fn take<K: Eq + Hash, T>(&self, place: fn(&Inner) -> &AtHand<K, T>, key: &K) -> Option<T> {
        lock(place(&self.0)).remove(key).map(|held| held.what)
    }

    /// Removes what the rule no longer keeps, and gives its names.
    pub async fn prune(&self, by: Caller<Admin>) -> Result<Vec<String>, Fault> {
        let gone = self.prune_now().await?;
        if !gone.is_empty() {
            let told = gone.join(", ");
            self.note(Note { actor: Some(by.account), action: "backup.prune", target: told }, "ok").await?;
        }
        Ok(gone)
    }

    async fn prune_now(&self) -> Result<Vec<String>, Fault> {
        let keep = self.0.system.read(|tx| kept::keep(tx)).await?;
        let place = self.0.place.clone();
        blocking(move || backup::keep::prune(&place, keep)).await
    }

    /// Removes what a restore moved aside, for good.
    pub async fn purge_quarantine(&self, by: Caller<Admin>, name: String) -> Result<(), Fault> {
        let (place, which) = (self.0.place.clone(), name.clone());
        blocking(move || backup::purge_quarantine(&place, &which)).await?;
        self.note(Note { actor: Some(by.account), action: "backup.purge_quarantine", target: name }, "ok").await
    }

    pub async fn set_schedule(&self, by: Caller<Admin>, schedule: Schedule) -> Result<(), Fault> {
        if schedule.hour.is_some_and(|hour| hour > 23) {
            return Err(Fault::invalid("A day has the hours 0 to 23.").hint("Name one of them, or off."));
        }
        if !(1..=366).contains(&schedule.keep.daily) || schedule.keep.weekly > 520 {
            return Err(Fault::invalid("Backups of 1 to 366 days and of 0 to 520 weeks can be kept."));
        }
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                if kept::schedule(tx, moment.now)? == schedule {
                    return Ok(());
                }
                kept::set_schedule(tx, by.account, schedule, moment.now)?;
                let hour = schedule.hour.map_or_else(|| "off".to_owned(), |hour| format!("at {hour}:00"));
                let told = format!("{hour}, {} daily, {} weekly", schedule.keep.daily, schedule.keep.weekly);
                Ok(audit::append(tx, &moment, Some(by.account), "backup.schedule", &told, "ok")?)
            })
            .await
    }

    /// The keys that are at hand: the caller's own.
    async fn keys(&self, account: AccountId, vault: &Vault) -> Result<Keys, Fault> {
        let id = self.0.system.read(move |tx| kept::vault_of(tx, account)).await?;
        Ok(id.zip(vault.db.checker_of_copies()).into_iter().collect())
    }

    async fn note(&self, note: Note, result: &'static str) -> Result<(), Fault> {
        let write = move |tx: &crate::store::Tx<'_>| {
            audit::append(tx, &Moment::here(), note.actor, note.action, &note.target, result)
        };
        Ok(self.0.system.write(write).await?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(which: &Which) -> String {
    match which {
        Which::Named(name) => name.clone(),
        Which::At(path) => path.display().to_string(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Fault::new(FaultKind::Internal, "Work on a backup broke off.")),
    }
}
