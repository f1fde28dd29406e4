//! Work that goes on by itself: a line in the system database, and whoever of the open windows works it off.
//!
//! `line` decides without IO what may begin and what stands in whose way, `run` carries one attempt, `supervise` looks
//! after all of them. What the work is, a `Runner` knows.
//!
//! Invariants: a job is run by one process at a time, the one that holds its lease; what that process had of it when it
//! died goes on elsewhere or at the next start; nothing is begun that is not in the table; whatever ends is in the table
//! before anybody hears of it.

mod begin;
mod follow;
mod line;
mod run;
pub mod runner;
mod supervise;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use follow::Followed;
pub use runner::{Attempt, Runner, Setback};

use self::begin::taken_along;
use super::{conversations::now, hub::Hub};
use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind, JobId, amount,
        events::Event,
        jobs::{
            AnswersUnderWay, Batch, BatchItem, Job, JobFilter, JobNews, JobPage, JobProgress, JobState, PAGE_MAX,
            Start, Work, WorkKind,
        },
    },
    config::live::Live,
    metrics::Metrics,
    store::{
        Db, StoreError,
        system::{
            Moment, audit,
            jobs::{self, Ended, Kept, Wish},
        },
        vault::lease::{self, Lease, is_alive},
    },
    tasks::Tasks,
};

/// How often things are looked at, told and tried again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The wait after the first attempt in vain; it doubles with each.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// How often progress is told, and how often it is written down.
    pub tell: Duration,
    pub write: Duration,
    /// How often other processes are looked after.
    pub look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(5),
            longest_wait: Duration::from_mins(5),
            tell: Duration::from_millis(250),
            write: Duration::from_secs(5),
            // As the vaults' own look at other windows: more often would keep an idle machine awake.
            look: Duration::from_secs(3),
        }
    }
}

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    pub system: Db,
    pub hub: Hub,
    pub tasks: Tasks,
    pub live: Live,
    /// Where processes keep the locks that say that they live.
    pub leases: PathBuf,
    pub runner: Arc<dyn Runner>,
    pub pace: Pace,
    /// Where attempts are counted.
    pub metrics: Metrics,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Taken with the first job.
    lease: Option<Arc<Lease>>,
    scope: Scope,
    is_supervised: bool,
    running: BTreeMap<JobId, Here>,
    /// Why nothing can be begun, and how many looks in a row have found that.
    stuck: Option<(Fault, u32)>,
    /// Who hears of jobs, and when that was looked up.
    listeners: Option<(Instant, Vec<AccountId>)>,
}

/// Which jobs this process takes up.
#[derive(Debug)]
enum Scope {
    /// Those that were begun here: a command works off what it was asked for.
    Own(BTreeSet<JobId>),
    /// All: an open window does.
    All,
}

impl Default for Scope {
    fn default() -> Self {
        Self::Own(BTreeSet::new())
    }
}

impl Scope {
    fn has(&self, id: JobId) -> bool {
        match self {
            Self::Own(own) => own.contains(&id),
            Self::All => true,
        }
    }
}

/// A job that runs in this process.
#[derive(Debug)]
struct Here {
    stop: CancellationToken,
    wish: Option<Wish>,
    progress: JobProgress,
    /// It is over, and that could not be written down yet: what whoever waits for it is told meanwhile.
    unwritten: Option<Fault>,
}

/// How long it is believed who may hear of jobs.
const LISTENERS_FRESH: Duration = Duration::from_secs(3);

impl Jobs {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, state: Mutex::default(), wake: Notify::new() }))
    }

    /// Takes up whatever waits, from now on and until the program ends, also what other processes have left.
    pub fn take_up_all(&self) {
        self.state().scope = Scope::All;
        self.attend();
    }

    /// Newest first.
    pub async fn list(
        &self,
        _by: Caller<Admin>,
        filter: JobFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<JobPage, Fault> {
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Fault::invalid(format!("A page holds 1 to {PAGE_MAX} rows, not {limit}.")));
        }
        self.settle().await?;
        let read = move |tx: &crate::store::Tx<'_>| jobs::list(tx, &filter, before, limit);
        let mut rows = self.0.parts.system.read::<_, StoreError>(read).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|last| last.seq);
        Ok(JobPage { rows: rows.into_iter().map(|job| self.as_here(job)).collect(), next })
    }

    pub async fn one(&self, _by: Caller<Admin>, id: JobId) -> Result<Job, Fault> {
        self.settle().await?;
        let found = self.0.parts.system.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await?;
        found.map(|kept| self.as_here(kept.job)).ok_or_else(missing)
    }

    /// Frees what a dead process held, so that nobody is shown as running what nobody runs, even where no window is open that
    /// looks after the line.
    async fn settle(&self) -> Result<(), Fault> {
        let mut open = self.0.parts.system.read::<_, StoreError>(jobs::open).await?;
        {
            let state = self.state();
            open.retain(|kept| kept.job.state == JobState::Running && !state.running.contains_key(&kept.job.id));
        }
        self.take_from_the_dead(&open).await.map(drop)
    }

    /// How many answers run and wait, in whatever window: what benchmarks give way to.
    pub async fn answers(&self, _by: Caller<Admin>) -> Result<AnswersUnderWay, Fault> {
        let leases = self.0.parts.leases.clone();
        let counted = tokio::task::spawn_blocking(move || lease::answers(&leases)).await;
        let (running, waiting) =
            counted.map_err(|_| Fault::new(FaultKind::Internal, "Counting the answers failed."))?;
        Ok(AnswersUnderWay { running, waiting })
    }

    /// Begins one piece of work. The very same that is under way already is given back.
    pub async fn start(&self, by: Caller<Admin>, work: Work, detached: bool) -> Result<Job, Fault> {
        begun_elsewhere(&work)?;
        self.begin_for(by.account, work, detached).await
    }

    /// The same for work that has a door of its own, which has asked who may.
    pub async fn begin_for(&self, by: AccountId, work: Work, detached: bool) -> Result<Job, Fault> {
        self.0.parts.runner.check(&work).await?;
        match self.put_in_line(by, work, detached).await? {
            Start::Begun(job) | Start::UnderWay(job) => Ok(*job),
            Start::Refused(fault) => Err(fault),
            Start::Would(_) => Err(Fault::new(FaultKind::Internal, "The job was not begun.")),
        }
    }

    /// From now on this process works at jobs that were put in line by somebody else.
    pub fn take_up_these(&self, ids: impl IntoIterator<Item = JobId>) {
        for id in ids {
            self.take_up(id);
        }
    }

    /// Begins many, or says what that would do. One that cannot be begun does not keep the others from it.
    pub async fn batch(&self, by: Caller<Admin>, batch: Batch) -> Result<Vec<BatchItem>, Fault> {
        if batch.works.is_empty() {
            return Err(Fault::invalid("Nothing is named."));
        }
        if batch.works.len() > PAGE_MAX as usize {
            return Err(Fault::invalid(format!("At most {PAGE_MAX} at once, not {}.", batch.works.len())));
        }
        let mut items: Vec<BatchItem> = Vec::new();
        for work in batch.works {
            let looked = match begun_elsewhere(&work) {
                Ok(()) => self.0.parts.runner.check(&work).await,
                Err(fault) => Err(fault),
            };
            let start = match looked {
                Err(fault) => Start::Refused(fault),
                Ok(words) if batch.dry_run => {
                    let before: Vec<Work> = items
                        .iter()
                        .filter(|item| matches!(item.start, Start::Would(_)))
                        .map(|item| item.work.clone())
                        .collect();
                    self.foreseen(&work, words, &before).await?
                }
                Ok(_) => self.put_in_line(by.account, work.clone(), batch.detached).await?,
            };
            items.push(BatchItem { work, start });
        }
        Ok(items)
    }

    /// Ends it, wherever it runs. What was downloaded stays at Ollama's for a while.
    pub async fn cancel(&self, by: Caller<Admin>, id: JobId) -> Result<Job, Fault> {
        self.ask(by.account, id, Wish::Cancel).await
    }

    /// Stops it for now. `resume` goes on where it was.
    pub async fn pause(&self, by: Caller<Admin>, id: JobId) -> Result<Job, Fault> {
        self.ask(by.account, id, Wish::Pause).await
    }

    pub async fn resume(&self, by: Caller<Admin>, id: JobId, detached: bool) -> Result<Job, Fault> {
        self.again(by.account, id, detached, "jobs.resume").await
    }

    /// Puts an ended or waiting one in line now.
    pub async fn retry(&self, by: Caller<Admin>, id: JobId, detached: bool) -> Result<Job, Fault> {
        self.again(by.account, id, detached, "jobs.retry").await
    }

    /// Takes those that have ended out of the table. What was done stays in the audit trail.
    pub async fn forget_ended(&self, by: Caller<Admin>) -> Result<u64, Fault> {
        let account = by.account;
        let gone = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let moment = Moment::here();
                let gone = jobs::prune(tx, i64::MAX)?;
                if gone > 0 {
                    audit::append(tx, &moment, Some(account), "jobs.forget", &amount::many(gone, "job"), "ok")?;
                }
                Ok(gone)
            })
            .await?;
        if gone > 0 {
            self.tell(JobNews::Elsewhere).await;
        }
        Ok(gone as u64)
    }

    async fn foreseen(&self, work: &Work, words: String, before: &[Work]) -> Result<Start, Fault> {
        let open = self.0.parts.system.read::<_, StoreError>(jobs::open).await?;
        Ok(match line::standing(work, open.iter().map(|kept| &kept.job)) {
            line::Standing::Free => match before.iter().find(|earlier| line::collide(work, earlier)) {
                Some(earlier) => Start::Refused(line::in_the_way(work, earlier)),
                None => Start::Would(words),
            },
            line::Standing::Same(job) => Start::UnderWay(Box::new(self.as_here(job.clone()))),
            line::Standing::InTheWay(other) => Start::Refused(line::in_the_way(work, &other.work)),
        })
    }

    async fn ask(&self, account: AccountId, id: JobId, wish: Wish) -> Result<Job, Fault> {
        let kept = self.kept(id).await?;
        match kept.job.state {
            JobState::Done | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
                return Err(over(&kept.job));
            }
            JobState::Paused if wish == Wish::Pause => return Ok(kept.job),
            // What it was confirmed with is gone when it stops.
            JobState::Waiting | JobState::Running
                if wish == Wish::Pause && kept.job.work.kind() == WorkKind::Restore =>
            {
                return Err(Fault::new(FaultKind::Conflict, "Putting a backup back cannot be paused.")
                    .hint("Cancel it; until it takes its place, nothing is changed."));
            }
            JobState::Waiting | JobState::Paused => {
                let changed = self.put(account, &kept.job, wish.leads_to(), line::verb(wish)).await?;
                return changed.ok_or_else(moved_on);
            }
            JobState::Running => {}
        }
        let here = {
            let mut state = self.state();
            match state.running.get_mut(&id) {
                Some(here) => {
                    here.wish = Some(wish);
                    here.stop.cancel();
                    true
                }
                None => false,
            }
        };
        if here {
            return Ok(self.as_here(kept.job));
        }
        let leases = self.0.parts.leases.clone();
        let holder = kept.holder.clone();
        let is_dead = tokio::task::spawn_blocking(move || holder.is_some_and(|holder| !is_alive(&leases, &holder)));
        let is_dead = is_dead.await.unwrap_or(false);
        let job = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let moment = Moment::here();
                jobs::wish(tx, id, wish, moment.now)?;
                audit::append(tx, &moment, Some(account), line::verb(wish), &line::target(&kept.job.work), "ok")?;
                let mut along = Vec::new();
                if let (true, Some(holder)) = (is_dead, &kept.holder)
                    && let Some(ended) = jobs::end(tx, id, holder, &Ended::LetGo, None, moment.now)?
                {
                    along = taken_along(tx, &ended, Some(account), &moment)?;
                }
                Ok::<_, StoreError>(jobs::get(tx, id)?.map(|kept| (kept.job, along)))
            })
            .await?;
        let (job, along) = job.ok_or_else(missing)?;
        self.tell(JobNews::Changed(Box::new(job.clone()))).await;
        self.tell_of_those(along).await;
        Ok(job)
    }

    async fn again(&self, account: AccountId, id: JobId, detached: bool, action: &'static str) -> Result<Job, Fault> {
        let kept = self.kept(id).await?;
        let job = match kept.job.state {
            // It is at it; with a wish for the opposite, that one wins.
            JobState::Running => return Ok(self.as_here(kept.job)),
            JobState::Done => {
                return Err(Fault::new(FaultKind::Conflict, "That job is done.").hint("Begin a new one."));
            }
            JobState::Waiting | JobState::Paused | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {
                self.put(account, &kept.job, JobState::Waiting, action).await?.ok_or_else(moved_on)?
            }
        };
        if !detached {
            self.take_up(id);
        }
        Ok(job)
    }

    /// Changes one that does not run, and tells. `None` = it has moved on meanwhile.
    async fn put(
        &self,
        account: AccountId,
        job: &Job,
        to: JobState,
        action: &'static str,
    ) -> Result<Option<Job>, Fault> {
        let (id, from, work) = (job.id, job.state, job.work.clone());
        let changed = self
            .0
            .parts
            .system
            .write::<_, Fault>(move |tx| {
                if to == JobState::Waiting && !from.is_open() {
                    let open = jobs::open(tx)?;
                    match line::standing(&work, open.iter().map(|kept| &kept.job)) {
                        line::Standing::Free => {}
                        line::Standing::Same(other) | line::Standing::InTheWay(other) => {
                            return Err(line::in_the_way(&work, &other.work));
                        }
                    }
                }
                let moment = Moment::here();
                if !jobs::put(tx, id, from, to, moment.now)? {
                    return Ok(None);
                }
                audit::append(tx, &moment, Some(account), action, &line::target(&work), "ok")?;
                let Some(job) = jobs::get(tx, id)?.map(|kept| kept.job) else { return Ok(None) };
                let along = taken_along(tx, &job, Some(account), &moment)?;
                Ok(Some((job, along)))
            })
            .await?;
        let Some((job, along)) = changed else { return Ok(None) };
        self.tell(JobNews::Changed(Box::new(job.clone()))).await;
        self.tell_of_those(along).await;
        self.0.wake.notify_one();
        Ok(Some(job))
    }

    pub(in crate::services) async fn kept(&self, id: JobId) -> Result<Kept, Fault> {
        let found = self.0.parts.system.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await?;
        found.ok_or_else(missing)
    }

    /// From now on this process works at it.
    fn take_up(&self, id: JobId) {
        match &mut self.state().scope {
            Scope::Own(own) => drop(own.insert(id)),
            Scope::All => {}
        }
        self.attend();
    }

    /// With what only this process knows of it.
    fn as_here(&self, mut job: Job) -> Job {
        if let Some(here) = self.state().running.get(&job.id) {
            job.is_here = true;
            job.progress.clone_from(&here.progress);
        }
        job
    }

    /// Tells those who may manage models. Progress is dropped where there is no room; the rest may wait a moment.
    async fn tell(&self, news: JobNews) {
        let listeners = self.listeners().await;
        let waits = match &news {
            JobNews::Changed(_) => true,
            JobNews::Progress { .. } | JobNews::Elsewhere => false,
        };
        let event = Event::Job(news);
        for account in listeners {
            if waits {
                let root = self.0.parts.tasks.token();
                tokio::select! {
                    () = self.0.parts.hub.tell(account, event.clone()) => {}
                    // A screen that is full and never read again must not hold the line up.
                    () = tokio::time::sleep(Duration::from_secs(2)) => {}
                    () = root.cancelled() => {}
                }
            } else {
                self.0.parts.hub.hint(account, &event);
            }
        }
    }

    async fn listeners(&self) -> Vec<AccountId> {
        if let Some((at, known)) = &self.state().listeners
            && at.elapsed() < LISTENERS_FRESH
        {
            return known.clone();
        }
        // Who cannot be looked up hears nothing: better than somebody hearing who may not.
        let found = self.0.parts.system.read::<_, StoreError>(|tx| jobs::listeners(tx, now())).await;
        let found = found.unwrap_or_default();
        self.state().listeners = Some((Instant::now(), found.clone()));
        found
    }

    async fn lease(&self) -> Result<Arc<Lease>, Fault> {
        if let Some(lease) = &self.state().lease {
            return Ok(Arc::clone(lease));
        }
        let directory = self.0.parts.leases.clone();
        let taken = tokio::task::spawn_blocking(move || Lease::take(&directory)).await;
        let taken = taken.map_err(|_| Fault::new(FaultKind::Internal, "Taking a lease failed."))??;
        // Two at once may have taken one each: the first stays, the other is given up.
        Ok(Arc::clone(self.state().lease.get_or_insert(Arc::new(taken))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Backups and rules have doors of their own, with questions of their own about who may.
fn begun_elsewhere(work: &Work) -> Result<(), Fault> {
    if work.kind().is_about_models() {
        return Ok(());
    }
    Err(Fault::invalid(format!("“{work}” is not begun as work on models."))
        .hint("`ollamanet backup` and `ollamanet rules` begin it."))
}

fn missing() -> Fault {
    Fault::not_found("job")
}

fn over(job: &Job) -> Fault {
    Fault::new(FaultKind::Conflict, format!("That job has ended: it is {}.", job.state.as_str()))
}

fn moved_on() -> Fault {
    Fault::new(FaultKind::Conflict, "The job has moved on meanwhile.").hint("Look at the list again.")
}
