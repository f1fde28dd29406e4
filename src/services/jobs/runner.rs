//! The seam between the line of jobs and those who do the work.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::Jobs;
use crate::{
    api::{
        Fault, JobId,
        jobs::{Job, JobProgress, Start, Work},
    },
    store::{Db, StoreError, system::jobs, vault::lease::Lease},
};

/// Does the work of a job. Dropping what `run` returns is how it is stopped, at any moment; so each step must be one that
/// can be done twice.
pub trait Runner: fmt::Debug + Send + Sync {
    /// Whether the work can be begun at all, asked before there is a row. `Ok` says in words what it would do.
    fn check<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<String, Fault>>;

    /// One attempt; the words tell what came of it.
    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>>;

    /// How long one attempt may take. `None` = as long as something moves.
    fn deadline(&self, work: &Work) -> Option<Duration>;
}

/// Why an attempt did not get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    pub fault: Fault,
    /// Whether it may go better later, without anybody doing anything.
    pub again: bool,
    /// Whether something had moved, so that it was not in vain.
    pub moved: bool,
}

impl Setback {
    /// It would go the same way again.
    pub fn for_good(fault: impl Into<Fault>) -> Self {
        Self { fault: fault.into(), again: false, moved: false }
    }

    pub fn for_now(fault: impl Into<Fault>, moved: bool) -> Self {
        Self { fault: fault.into(), again: true, moved }
    }
}

/// What an attempt works with.
#[derive(Debug)]
pub struct Attempt {
    pub id: JobId,
    pub work: Work,
    /// 1 = the first.
    pub number: u32,
    /// How far the one before had come.
    pub before: JobProgress,
    pub(super) kept: Option<String>,
    pub(super) progress: watch::Sender<JobProgress>,
    pub(super) system: Db,
    pub(super) lease: Arc<Lease>,
    /// Whether it has come so far that it is not stopped any more.
    pub(super) goes_through: Arc<AtomicBool>,
    /// For work that consists of other work. Held only while the attempt lasts.
    pub(super) jobs: Jobs,
}

impl Attempt {
    /// What an attempt before this one has kept.
    #[must_use]
    pub fn kept<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.kept.as_deref()?).ok()
    }

    /// Remembers something for the case that the program is killed in the next moment.
    ///
    /// # Errors
    /// The table cannot be written, or another process has taken the job over.
    pub async fn keep<T: Serialize + Send + 'static>(&self, what: T) -> Result<(), Fault> {
        let (id, lease) = (self.id, Arc::clone(&self.lease));
        let ours = self.system.write::<_, StoreError>(move |tx| jobs::keep(tx, id, &lease.holder(), &what)).await?;
        if ours { Ok(()) } else { Err(Fault::not_found("job")) }
    }

    /// Puts other work in line, on nobody's behalf; this process works at it. Where this one is cancelled, so is that.
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn begin(&self, work: Work) -> Result<Start, Fault> {
        match self.check(&work).await {
            Ok(_) => self.jobs.put_in_line_of(None, Some(self.id), work, false).await,
            Err(fault) => Ok(Start::Refused(fault)),
        }
    }

    /// This process works at it from now on, should the one that did be gone.
    pub fn take_up(&self, id: JobId) {
        self.jobs.take_up_these([id]);
    }

    /// Whether other work could be begun, and in words what it would do.
    ///
    /// # Errors
    /// Says why it cannot.
    pub async fn check(&self, work: &Work) -> Result<String, Fault> {
        self.jobs.0.parts.runner.check(work).await
    }

    /// Other work as it stands. `None` = its row is gone.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn look(&self, id: JobId) -> Result<Option<Job>, Fault> {
        let found = self.system.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await?;
        Ok(found.map(|kept| self.jobs.as_here(kept.job)))
    }

    /// How often others' work is to be looked at.
    #[must_use]
    pub fn look_every(&self) -> Duration {
        self.jobs.0.parts.pace.tell
    }

    /// From here on it is not dropped, whoever wants it to end: what is told of it would not be so. Only for what is over in
    /// a moment.
    pub fn goes_through(&self) {
        self.goes_through.store(true, Ordering::Relaxed);
    }

    /// Says how far it is. As often as one likes: only the last of many is looked at.
    pub fn tell(&self, progress: JobProgress) {
        self.progress.send_replace(progress);
    }

    /// For work that says it from somewhere else.
    #[must_use]
    pub fn teller(&self) -> watch::Sender<JobProgress> {
        self.progress.clone()
    }

    /// The same where there is only a word to say.
    pub fn step(&self, step: &str) {
        self.progress.send_modify(|progress| step.clone_into(&mut progress.step));
    }
}
