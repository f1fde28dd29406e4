//! Backups for administrators: made, checked, put back, pruned. Making, checking and pruning are jobs of the machine's line
//! (`run`), so that one which a dying process left behind is seen and done by the next; each can be stopped by no longer
//! listening. When one is made on its own is a rule like any other.
//!
//! Putting one back is no job of that line: it needs the passphrase of whoever asks for it, and what it gets ready belongs
//! to this process and goes with it.
//!
//! Invariant: a restore of everything only gets ready in here. It takes the place of what is there when this process has
//! closed its databases (`store::backup::carry_out`), because no database is ever moved under somebody who has it open.

mod run;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind,
        backup::{BackupEvent, Backups as Shown, Extent, Outcome, Schedule, Which},
        jobs::Work as JobWork,
    },
    store::{
        Db, Vault,
        backup::{self, Asked, BackupError, Opener, Pace, Place, Staged, Wanted},
        system::{Moment, accounts, audit, backups as kept},
    },
    tasks::Tasks,
};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backups(Arc<Inner>);

struct Inner {
    system: Db,
    place: Place,
    tasks: Tasks,
    /// A restore that waits for the end of this process. Others are kept from getting one ready meanwhile.
    staged: Mutex<Option<Staged>>,
    /// Keys of whoever has just asked for a check, until its job begins here.
    at_hand: Mutex<HashMap<String, Keys>>,
}

/// Which vaults can be opened, and how.
type Keys = Vec<(Uuid, Opener)>;

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backups").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What is done on a thread that may block.
type Work = Box<dyn FnOnce(&mut Pace<'_>) -> Result<Outcome, BackupError> + Send>;

/// How it is written into the audit trail.
struct Note {
    actor: Option<AccountId>,
    action: &'static str,
    target: String,
}

impl Backups {
    #[must_use]
    pub fn new(system: Db, place: Place, tasks: Tasks) -> Self {
        Self(Arc::new(Inner { system, place, tasks, staged: Mutex::default(), at_hand: Mutex::default() }))
    }

    pub async fn list(&self, _by: Caller<Admin>) -> Result<Shown, Fault> {
        let place = self.0.place.clone();
        let (backups, quarantine, free) = blocking(move || {
            let free = rustix::fs::statvfs(&place.backups).ok();
            let free = free.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            Ok((backup::list(&place)?, backup::quarantine(&place)?, free))
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
        Ok(Shown { place: self.0.place.backups.clone(), backups, schedule, rule, quarantine, free, last_scheduled })
    }

    /// Gets ready to check one: the caller's own vault is opened and looked through as well. Gives the work for the line.
    pub async fn to_verify(&self, by: &Caller<Admin>, which: Which) -> Result<JobWork, Fault> {
        self.directory(&which)?;
        let keys = self.keys(by.account, &by.vault).await?;
        self.at_hand().insert(name(&which), keys);
        Ok(JobWork::VerifyBackup { which })
    }

    fn at_hand(&self) -> MutexGuard<'_, HashMap<String, Keys>> {
        self.0.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks one and puts it back: one account's vault at once, everything (and the caller's own vault, which is open)
    /// when this process has ended.
    pub async fn restore(
        &self,
        by: &Caller<Admin>,
        which: Which,
        extent: Extent,
    ) -> Result<mpsc::Receiver<BackupEvent>, Fault> {
        let (place, directory) = (self.0.place.clone(), self.directory(&which)?);
        let keys = self.keys(by.account, &by.vault).await?;
        let (wanted, is_at_once) = match extent {
            Extent::Everything => (Wanted::Everything, false),
            Extent::Account(name) => {
                let wanted = name.clone();
                let found = self.0.system.read(move |tx| accounts::by_name(tx, &wanted)).await?;
                let found = found.ok_or_else(|| Fault::not_found("account"))?;
                (Wanted::Account(found.name), found.id != by.account)
            }
        };
        let target = match &wanted {
            Wanted::Everything => name(&which),
            Wanted::Account(account) => format!("{account} from {}", name(&which)),
        };
        // Of everything, the restored trail tells.
        let note = Note { actor: Some(by.account), action: "backup.restore", target };
        let asked = Asked { by: Some(by.account), moment: Moment::here() };
        let inner = Arc::clone(&self.0);
        Ok(self.begin(
            "restoring a backup",
            note,
            Box::new(move |pace| {
                let staged = backup::stage(&place, &directory, &wanted, &keys, &asked, pace)?;
                if is_at_once {
                    let carried = staged.carry_out()?;
                    let quarantine = carried.quarantine.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    return Ok(Outcome::Restored { quarantine });
                }
                *inner.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged);
                Ok(Outcome::Ready)
            }),
        ))
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

    /// Begins work that ends when nobody listens any more, or the program ends.
    fn begin(&self, name: &'static str, note: Note, work: Work) -> mpsc::Receiver<BackupEvent> {
        let (events, inbox) = mpsc::channel(64);
        let this = self.clone();
        self.0.tasks.spawn_job(name, async move {
            let done = this.run(&events, work).await;
            let result = if done.is_ok() { "ok" } else { "failed" };
            let noted = this.note(note, result).await;
            let done = match (done, noted) {
                // The backup is there; that it is not in the trail must be known all the same.
                (Ok(_), Err(why)) => Err(why),
                (done, _) => done,
            };
            let _ = events.send(BackupEvent::Ended(done)).await;
        });
        inbox
    }

    async fn run(&self, events: &mpsc::Sender<BackupEvent>, work: Work) -> Result<Outcome, Fault> {
        let stop = Arc::new(AtomicBool::new(false));
        let (heard, telling) = (Arc::clone(&stop), events.clone());
        let mut working = tokio::task::spawn_blocking(move || {
            let last: Mutex<Option<Instant>> = Mutex::default();
            let tell = |progress| {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                    *last = Some(Instant::now());
                    // What is not read in time is old by then.
                    let _ = telling.try_send(BackupEvent::Progress(progress));
                }
            };
            work(&mut Pace::new(&tell, &heard))
        });
        let root = self.0.tasks.token();
        let done = tokio::select! {
            done = &mut working => done,
            () = async { tokio::select! { () = root.cancelled() => {}, () = events.closed() => {} } } => {
                stop.store(true, Ordering::Relaxed);
                working.await
            }
        };
        match done {
            Ok(done) => Ok(done?),
            Err(_) => Err(Fault::new(FaultKind::Internal, "Work on a backup broke off.")),
        }
    }

    async fn note(&self, note: Note, result: &'static str) -> Result<(), Fault> {
        let write = move |tx: &crate::store::Tx<'_>| {
            audit::append(tx, &Moment::here(), note.actor, note.action, &note.target, result)
        };
        Ok(self.0.system.write(write).await?)
    }
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
