//! The book of everybody's own jobs: work on one vault that goes on in the background, each a row of that vault.
//!
//! It does none of the work. Whoever does (exports and imports, retention, search) books it here, says how far it is, hears
//! from here that it is to stop, and says how it ended. So each has a state, attempts, its last error, and a cancel that
//! also works from another window of the same account; and nobody but that account learns of it.
//!
//! Invariants: what runs is in the table, unless the table cannot be written: then at least this process lists it, for an
//! export is how data leaves a full disk. What a dead process left is never listed as running.

mod booked;
#[cfg(test)]
mod tests;

pub use booked::{Booked, OwnEnd, Telling};

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{conversations::now, hub::Hub};
use crate::{
    access::{Caller, Member},
    api::{
        AccountId, Fault, FaultKind, JobId,
        events::Event,
        jobs::{Job, JobNews, JobPage, JobProgress, JobState, PAGE_MAX, WhichJobs, Work, WorkKind},
    },
    store::{
        StoreError, Vault,
        vault::{
            jobs::{self, End, Kept},
            lease::{Lease, is_alive},
        },
    },
    tasks::Tasks,
};

/// How often progress is told, and how often it is written down: that wakes the other windows of the account.
const TELL_EVERY: Duration = Duration::from_millis(250);
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether another window wants it to end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Book(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    tasks: Tasks,
    /// Where processes keep the locks that say that they live.
    leases: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Taken with the first job.
    lease: Option<Arc<Lease>>,
    here: BTreeMap<JobId, Here>,
}

/// One that runs in this process.
#[derive(Debug)]
struct Here {
    account: AccountId,
    job: Job,
    stop: CancellationToken,
    /// Somebody wants it to end; otherwise it was its session or the program that ended.
    is_to_end: bool,
    told_at: Option<Instant>,
}

impl Book {
    #[must_use]
    pub fn new(hub: Hub, tasks: Tasks, leases: PathBuf) -> Self {
        Self(Arc::new(Inner { hub, tasks, leases, state: Mutex::default() }))
    }

    /// Books work that begins now and ends at the latest with `work`. `again`: one more attempt at a row of its own.
    ///
    /// # Errors
    /// The row that is named runs, is done, or is gone.
    pub async fn begin(
        &self,
        vault: &Vault,
        work: Work,
        again: Option<JobId>,
        ends_with: &CancellationToken,
    ) -> Result<Booked, Fault> {
        // Boxed: it is a small part of every call that books something, and must not make each of them large.
        Box::pin(self.begun(vault, work, again, ends_with)).await
    }

    async fn begun(
        &self,
        vault: &Vault,
        work: Work,
        again: Option<JobId>,
        ends_with: &CancellationToken,
    ) -> Result<Booked, Fault> {
        if again.is_some() {
            self.settle(vault).await?;
        }
        let (id, at) = (again.unwrap_or_else(JobId::new), now());
        let (mut lease, mut written) = (self.lease().await.ok(), None);
        if let Some(held) = &lease {
            let (holder, work) = (held.holder(), work.clone());
            let wrote = vault
                .db
                .write::<_, StoreError>(move |tx| {
                    if again.is_none() {
                        jobs::insert(tx, id, &work, &holder, at)?;
                    } else if !jobs::again(tx, id, &holder, at)? {
                        return Ok(None);
                    }
                    jobs::get(tx, id)
                })
                .await;
            match wrote {
                Ok(Some(kept)) => written = Some(kept.job),
                Ok(None) => return Err(moved_on()),
                Err(why) if again.is_some() => return Err(why.into()),
                Err(why) => tracing::warn!(%why, "one's own job could not be written into its table"),
            }
        }
        if written.is_none() {
            lease = None;
        }
        let job = written.unwrap_or_else(|| Job {
            id,
            seq: i64::MAX,
            work,
            account: None,
            by: None,
            state: JobState::Running,
            attempts: 1,
            error: None,
            next_at: None,
            created_at: at,
            updated_at: at,
            progress: JobProgress::default(),
            outcome: None,
            is_here: true,
        });
        let (stop, over) = (ends_with.child_token(), CancellationToken::new());
        let job = Job { is_here: true, ..job };
        let here =
            Here { account: vault.account, job: job.clone(), stop: stop.clone(), is_to_end: false, told_at: None };
        self.state().here.insert(id, here);
        let booked = Booked { book: self.clone(), vault: vault.clone(), id, stop, over, lease };
        self.look_after(&booked);
        self.tell(vault.account, JobNews::Changed(Box::new(job))).await;
        Ok(booked)
    }

    /// The same for work that goes on where an attempt before it broke off: its row goes on as well.
    ///
    /// # Errors
    /// As `begin`.
    pub async fn go_on(&self, vault: &Vault, work: Work, ends_with: &CancellationToken) -> Result<Booked, Fault> {
        let kind = work.kind();
        self.settle(vault).await?;
        let last = vault.db.read::<_, StoreError>(move |tx| jobs::last_of(tx, kind)).await?;
        let broken_off = last.filter(|kept| match kept.job.state {
            JobState::Interrupted | JobState::Failed | JobState::Cancelled => true,
            JobState::Waiting | JobState::Running | JobState::Paused | JobState::Done => false,
        });
        self.begin(vault, work, broken_off.map(|kept| kept.job.id), ends_with).await
    }

    /// Hears, until it is over, whether another window wants it to end, and writes down how far it is. The end of the
    /// program is a stop as well.
    fn look_after(&self, booked: &Booked) {
        let (this, id, account) = (self.clone(), booked.id, booked.vault.account);
        let (over, stop, root) = (booked.over.clone(), booked.stop.clone(), self.0.tasks.token());
        // Not holding the vault: whoever does the work does, and closes it with its end.
        let (weak, lease) = (booked.vault.db.downgrade(), booked.lease.clone());
        self.0.tasks.spawn("looking after one's own job", async move {
            let (mut log, mut written, mut write_at) = (None, None, Instant::now() + WRITE_EVERY);
            loop {
                tokio::select! {
                    biased;
                    () = over.cancelled() => return,
                    () = root.cancelled() => return stop.cancel(),
                    () = sleep(LOOK_EVERY) => {}
                }
                let (Some(lease), Some(db)) = (&lease, weak.upgrade()) else { continue };
                let mark = db.log_mark();
                if mark.is_none() || mark != log {
                    log = mark;
                    let row = db.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await;
                    if row.is_ok_and(|row| row.is_some_and(|kept| kept.is_to_end)) {
                        this.stop(account, id);
                    }
                }
                let progress = this.state().here.get(&id).map(|here| here.job.progress.clone());
                if Instant::now() >= write_at && progress != written {
                    (written, write_at) = (progress.clone(), Instant::now() + WRITE_EVERY);
                    let (holder, Some(progress)) = (lease.holder(), progress) else { continue };
                    let noted =
                        db.write::<_, StoreError>(move |tx| jobs::note(tx, id, &holder, &progress, now())).await;
                    // How far it is can be told without the table.
                    if let Err(why) = noted {
                        tracing::warn!(%why, "how far one's own job is could not be written");
                    }
                }
            }
        });
    }

    fn told(&self, account: AccountId, id: JobId, done: u64, of: u64) {
        let progress = {
            let mut state = self.state();
            let Some(here) = state.here.get_mut(&id) else { return };
            here.job.progress = JobProgress { done, of: Some(of), of_is_whole: true, ..JobProgress::default() };
            if here.told_at.is_some_and(|at| at.elapsed() < TELL_EVERY) {
                return;
            }
            here.told_at = Some(Instant::now());
            here.job.progress.clone()
        };
        self.0.hub.hint(account, &Event::Job(JobNews::Progress { job: id, progress: Box::new(progress) }));
    }

    /// Stops one that runs in this process, because somebody wants it to end. `false` = it does not, or is somebody else's.
    pub fn stop(&self, account: AccountId, id: JobId) -> bool {
        let mut state = self.state();
        let Some(here) = state.here.get_mut(&id).filter(|here| here.account == account) else { return false };
        here.is_to_end = true;
        here.stop.cancel();
        true
    }

    /// The caller's own, newest first, from before the row `before` on.
    pub async fn list(
        &self,
        by: Caller<Member>,
        which: WhichJobs,
        before: Option<i64>,
        limit: u32,
    ) -> Result<JobPage, Fault> {
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Fault::invalid(format!("A page holds 1 to {PAGE_MAX} rows, not {limit}.")));
        }
        self.settle(&by.vault).await?;
        let mut rows = by.vault.db.read::<_, StoreError>(move |tx| jobs::list(tx, which, before, limit)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|last| last.job.seq);
        let mut listed: Vec<Job> = Vec::new();
        if before.is_none() {
            let is_shown = |job: &Job| match which {
                WhichJobs::All => true,
                WhichJobs::Open => job.state.is_open(),
                WhichJobs::Ended => !job.state.is_open(),
            };
            let state = self.state();
            let own = state.here.values().filter(|here| here.account == by.account && is_shown(&here.job));
            // Those of which the table does not know.
            listed.extend(own.filter(|here| here.job.seq == i64::MAX).map(|here| here.job.clone()));
        }
        listed.extend(rows.into_iter().map(|kept| self.as_here(kept.job)));
        Ok(JobPage { rows: listed, next })
    }

    pub async fn one(&self, by: Caller<Member>, id: JobId) -> Result<Job, Fault> {
        self.settle(&by.vault).await?;
        self.found(&by.vault, id).await
    }

    /// Ends one of the caller's own, in whatever window it runs.
    pub async fn cancel(&self, by: Caller<Member>, id: JobId) -> Result<Job, Fault> {
        self.settle(&by.vault).await?;
        let job = self.found(&by.vault, id).await?;
        if !job.state.is_open() {
            return Err(Fault::new(FaultKind::Conflict, format!("That job has ended: it is {}.", job.state.as_str())));
        }
        if !self.stop(by.account, id) && !by.vault.db.write::<_, StoreError>(move |tx| jobs::ask_to_end(tx, id)).await?
        {
            return Err(moved_on());
        }
        Ok(job)
    }

    /// Takes the caller's ended ones out of the table; says how many those were.
    pub async fn forget_ended(&self, by: Caller<Member>) -> Result<u64, Fault> {
        self.settle(&by.vault).await?;
        let gone = by.vault.db.write::<_, StoreError>(jobs::forget).await? as u64;
        let unwritten = {
            let mut state = self.state();
            let before = state.here.len();
            let is_unknown = |here: &Here| here.job.seq == i64::MAX && !here.job.state.is_open();
            state.here.retain(|_, here| here.account != by.account || !is_unknown(here));
            (before - state.here.len()) as u64
        };
        if gone + unwritten > 0 {
            self.tell(by.account, JobNews::Elsewhere).await;
        }
        Ok(gone + unwritten)
    }

    async fn found(&self, vault: &Vault, id: JobId) -> Result<Job, Fault> {
        let unwritten = {
            let state = self.state();
            let own = state.here.get(&id).filter(|here| here.account == vault.account && here.job.seq == i64::MAX);
            own.map(|here| here.job.clone())
        };
        if let Some(job) = unwritten {
            return Ok(job);
        }
        let found = vault.db.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await?;
        found.map(|kept| self.as_here(kept.job)).ok_or_else(|| Fault::not_found("job"))
    }

    /// Ends what is said to run and whose process is gone, or lives and is not at it any more.
    async fn settle(&self, vault: &Vault) -> Result<(), Fault> {
        let running = vault.db.read::<_, StoreError>(jobs::running).await?;
        let (own, here): (_, Vec<JobId>) = {
            let state = self.state();
            (state.lease.as_ref().map(|lease| lease.id), state.here.keys().copied().collect())
        };
        let doubtful: Vec<Kept> = running.into_iter().filter(|kept| !here.contains(&kept.job.id)).collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        let leases = self.0.leases.clone();
        let dead = tokio::task::spawn_blocking(move || {
            let is_gone = |kept: &Kept| match &kept.holder {
                Some(holder) => Some(holder.id) == own || !is_alive(&leases, holder),
                None => true,
            };
            doubtful.into_iter().filter(is_gone).collect::<Vec<_>>()
        })
        .await
        .unwrap_or_default();
        if dead.is_empty() {
            return Ok(());
        }
        vault
            .db
            .write::<_, StoreError>(move |tx| {
                for Kept { job, holder, is_to_end } in dead {
                    let Some(holder) = holder else { continue };
                    let end = if is_to_end {
                        End { state: JobState::Cancelled, error: None, outcome: None }
                    } else {
                        interrupted(job.work.kind(), "The program ended in the middle of it.")
                    };
                    jobs::end(tx, job.id, &holder, &end, None, None)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// With what only this process knows of it.
    fn as_here(&self, mut job: Job) -> Job {
        match self.state().here.get(&job.id) {
            // It has ended, and the table could not be told yet.
            Some(here) if !here.job.state.is_open() => here.job.clone(),
            Some(here) => {
                job.is_here = job.state.is_open();
                job.progress.clone_from(&here.job.progress);
                job
            }
            None => job,
        }
    }

    async fn tell(&self, account: AccountId, news: JobNews) {
        let root = self.0.tasks.token();
        tokio::select! {
            () = self.0.hub.tell(account, Event::Job(news)) => {}
            // A screen that is full and never read again must not hold the work up.
            () = sleep(Duration::from_secs(2)) => {}
            () = root.cancelled() => {}
        }
    }

    async fn lease(&self) -> Result<Arc<Lease>, Fault> {
        if let Some(lease) = &self.state().lease {
            return Ok(Arc::clone(lease));
        }
        let directory = self.0.leases.clone();
        let taken = tokio::task::spawn_blocking(move || Lease::take(&directory)).await;
        let taken = taken.map_err(|_| Fault::new(FaultKind::Internal, "Taking a lease failed."))?;
        if let Err(why) = &taken {
            tracing::warn!(%why, "a lease for one's own jobs could not be taken");
        }
        // Two at once may have taken one each: the first stays, the other is given up.
        Ok(Arc::clone(self.state().lease.get_or_insert(Arc::new(taken?))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written of one that broke off, with what is to be done about it.
fn interrupted(kind: WorkKind, why: &str) -> End {
    let hint = match kind {
        WorkKind::Export => "Nothing was left behind. Try it again here, or: ollamanet jobs retry ID",
        WorkKind::Import => {
            "What had come is kept. Try it again and the rest comes, nothing twice; or: ollamanet jobs retry ID"
        }
        WorkKind::PutAway => "It is gone on with by itself, within a day; at once by: ollamanet retention run",
        WorkKind::Index => "It is gone on with at the next search; at once by: ollamanet search --rebuild",
        WorkKind::Install
        | WorkKind::Update
        | WorkKind::Remove
        | WorkKind::Copy
        | WorkKind::Rename
        | WorkKind::Create
        | WorkKind::Push
        | WorkKind::Load
        | WorkKind::Unload
        | WorkKind::Benchmark
        | WorkKind::Backup
        | WorkKind::VerifyBackup
        | WorkKind::PruneBackups
        | WorkKind::Restore
        | WorkKind::Check
        | WorkKind::Rule => "Try it again.",
    };
    let error = Fault::new(FaultKind::Cancelled, why).hint(hint);
    End { state: JobState::Interrupted, error: Some(error), outcome: None }
}

fn moved_on() -> Fault {
    Fault::new(FaultKind::Conflict, "The job has moved on meanwhile.").hint("Look at the list again.")
}
