//! One attempt at one job, from being taken to what the table says of its end.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt;

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Attempt, Here, Jobs, Setback, begin::taken_along, line, now};
use crate::{
    api::{
        Fault, FaultKind,
        events::Changed,
        jobs::{Job, JobNews, JobProgress},
    },
    metrics::JobOutcome,
    store::{
        StoreError,
        system::{
            Moment, audit,
            jobs::{self, Ended, Kept},
        },
        vault::lease::Lease,
    },
};

impl Jobs {
    /// Begins an attempt at a job that has just been claimed.
    pub(super) fn begin(&self, kept: Kept, lease: Arc<Lease>) {
        let stop = CancellationToken::new();
        let here = Here { stop: stop.clone(), wish: None, progress: kept.job.progress.clone(), unwritten: None };
        self.state().running.insert(kept.job.id, here);
        let this = self.clone();
        self.0.parts.tasks.spawn_job(kept.job.work.kind().task(), async move {
            this.attempt(kept, lease, stop).await;
        });
    }

    async fn attempt(&self, kept: Kept, lease: Arc<Lease>, stop: CancellationToken) {
        let id = kept.job.id;
        self.tell(JobNews::Changed(Box::new(self.as_here(kept.job.clone())))).await;
        // What was told of the attempt before holds until this one knows better, but nothing moves yet.
        let before = JobProgress { rate: None, eta_seconds: None, stalled_seconds: 0, ..kept.job.progress.clone() };
        let (sender, progress) = watch::channel(before.clone());
        let attempt = Attempt {
            id,
            work: kept.job.work.clone(),
            number: kept.job.attempts,
            before,
            kept: kept.kept.clone(),
            progress: sender,
            system: self.0.parts.system.clone(),
            lease: Arc::clone(&lease),
            goes_through: Arc::default(),
            jobs: self.clone(),
        };
        let outcome = self.carry(attempt, &kept, &lease, &stop, progress.clone()).await;
        let last = progress.borrow().clone();
        let ended = match outcome {
            Some(outcome) => self.judged(outcome, &kept),
            None => match self.state().running.get(&id).and_then(|here| here.wish) {
                Some(wish) => Ended::Put(wish.leads_to()),
                None => Ended::LetGo,
            },
        };
        let written = self.write_end(&kept.job, &lease, ended, last).await;
        self.state().running.remove(&id);
        if let Some(job) = written {
            let changed_models = job.work.kind().changes_models() && !job.state.is_open();
            if changed_models {
                self.0.parts.hub.changed_for_everyone(Changed::Models);
            }
            self.tell(JobNews::Changed(Box::new(job))).await;
        }
        self.0.wake.notify_one();
    }

    /// `None` = it was stopped: by a wish, by the end of the program, or because another process has it now.
    async fn carry(
        &self,
        attempt: Attempt,
        kept: &Kept,
        lease: &Arc<Lease>,
        stop: &CancellationToken,
        progress: watch::Receiver<JobProgress>,
    ) -> Option<Result<String, Setback>> {
        let (id, pace) = (attempt.id, self.0.parts.pace);
        let deadline = self.0.parts.runner.deadline(&attempt.work);
        let goes_through = Arc::clone(&attempt.goes_through);
        let may_stop = || !goes_through.load(Ordering::Relaxed);
        let work = async {
            // One that panics must not leave a row that runs for ever: the table is told like of any other end.
            let work = AssertUnwindSafe(self.0.parts.runner.run(attempt)).catch_unwind();
            let work = async { work.await.unwrap_or_else(|_| Err(Setback::for_good(broke_off()))) };
            match deadline {
                None => work.await,
                Some(most) => timeout(most, work).await.unwrap_or_else(|_| {
                    let message = format!("It took longer than {} min.", most.as_secs().div_ceil(60));
                    Err(Setback::for_good(Fault::new(FaultKind::Timeout, message).hint("See what Ollama is doing.")))
                }),
            }
        };
        let root = self.0.parts.tasks.token();
        let (mut to_tell, mut to_write) = (progress.clone(), progress);
        let (mut tell_at, mut write_at) = (Instant::now(), Instant::now() + pace.write);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                // Polled in this very task, the work cannot have come further between the question and the answer.
                () = stop.cancelled(), if may_stop() => {
                    if may_stop() {
                        return None;
                    }
                }
                () = root.cancelled(), if may_stop() => {
                    if may_stop() {
                        return None;
                    }
                }
                ended = &mut work => return Some(ended),
                // The wait comes first, so that a change which nobody has looked at is not forgotten.
                Ok(()) = async { sleep_until(tell_at).await; to_tell.changed().await } => {
                    tell_at = Instant::now() + pace.tell;
                    let latest = to_tell.borrow_and_update().clone();
                    if let Some(here) = self.state().running.get_mut(&id) {
                        here.progress.clone_from(&latest);
                    }
                    self.tell(JobNews::Progress { job: id, progress: Box::new(latest) }).await;
                }
                Ok(()) = async { sleep_until(write_at).await; to_write.changed().await } => {
                    write_at = Instant::now() + pace.write;
                    let latest = to_write.borrow_and_update().clone();
                    let holder = lease.holder();
                    let noted = self.0.parts.system
                        .write::<_, StoreError>(move |tx| jobs::note(tx, id, &holder, &latest, now())).await;
                    match noted {
                        Ok(Some(None)) => {}
                        Ok(Some(Some(wish))) => {
                            if let Some(here) = self.state().running.get_mut(&id) {
                                here.wish = Some(wish);
                            }
                            if may_stop() {
                                return None;
                            }
                        }
                        Ok(None) => {
                            tracing::warn!(kind = kept.job.work.kind().as_str(), "another process has taken a job over");
                            return None;
                        }
                        // How far it is can be told without the table.
                        Err(why) => tracing::warn!(%why, "a job's progress could not be written"),
                    }
                }
            }
        }
    }

    /// What an attempt that came to its own end means.
    fn judged(&self, outcome: Result<String, Setback>, kept: &Kept) -> Ended {
        match outcome {
            Ok(outcome) => Ended::Done { outcome },
            Err(Setback { fault: error, again: false, moved: _ }) => Ended::Failed { error },
            Err(Setback { fault: error, again: true, moved }) => {
                let in_vain = if moved { 1 } else { kept.in_vain + 1 };
                // Something may come each time and it never be enough: that costs somebody's traffic, so it ends as well.
                let tries = self.0.parts.live.config().jobs.tries;
                if kept.setbacks.saturating_add(1) >= tries {
                    let message = format!("{} It went wrong {tries} times.", error.message);
                    let hint = "Retry it by hand if it is to go on; `tries` in [jobs] of the settings says how often.";
                    return Ended::Failed { error: Fault::new(error.kind, message).hint(hint) };
                }
                let attempts = self.0.parts.live.config().house.job_attempts;
                match line::wait(&error, in_vain, attempts, &self.0.parts.pace) {
                    Some(wait) => {
                        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                        Ended::Again { error, next_at: now().saturating_add(wait), in_vain }
                    }
                    None => Ended::Failed { error },
                }
            }
        }
    }

    fn count(&self, ended: &Ended) {
        let outcome = match ended {
            Ended::Done { .. } => JobOutcome::Done,
            Ended::Failed { .. } => JobOutcome::Failed,
            Ended::Put(_) => JobOutcome::Put,
            Ended::Again { .. } => JobOutcome::Again,
            // It goes on elsewhere.
            Ended::LetGo => return,
        };
        self.0.parts.metrics.job(outcome);
    }

    /// Writes the end and the audit trail together. What cannot be written now, on a full disk, is written later: until
    /// then the job counts as running.
    async fn write_end(&self, job: &Job, lease: &Arc<Lease>, ended: Ended, last: JobProgress) -> Option<Job> {
        let is_audited = job.work.kind().is_audited();
        let result = match &ended {
            _ if !is_audited => None,
            Ended::Done { .. } => Some("ok"),
            Ended::Failed { .. } => Some("failed"),
            Ended::Put(state) => Some(state.as_str()),
            Ended::Again { .. } | Ended::LetGo => None,
        };
        let root = self.0.parts.tasks.token();
        loop {
            let (id, holder, to_write, last) = (job.id, lease.holder(), ended.clone(), last.clone());
            let (account, action, target) = (job.account, job.work.kind().action(), line::target(&job.work));
            let written = self
                .0
                .parts
                .system
                .write::<_, StoreError>(move |tx| {
                    let moment = Moment::here();
                    let job = jobs::end(tx, id, &holder, &to_write, Some(&last), moment.now)?;
                    if let (Some(result), Some(_)) = (result, &job) {
                        audit::append(tx, &moment, account, action, &target, result)?;
                    }
                    let along = match &job {
                        Some(job) => taken_along(tx, job, account, &moment)?,
                        None => Vec::new(),
                    };
                    Ok((job, along))
                })
                .await;
            match written {
                Ok((job, along)) => {
                    if job.is_some() {
                        self.count(&ended);
                    }
                    self.tell_of_those(along).await;
                    return job;
                }
                Err(why) => {
                    tracing::warn!(%why, "a job's end could not be written");
                    if let Some(here) = self.state().running.get_mut(&job.id) {
                        here.unwritten.get_or_insert_with(|| told_meanwhile(&ended, why.into()));
                    }
                    root.run_until_cancelled(sleep(self.0.parts.pace.look)).await?;
                }
            }
        }
    }
}

fn broke_off() -> Fault {
    Fault::new(FaultKind::Internal, "It broke off because of a mistake in the program.")
        .hint("Where it happened stands in the log, whose place `ollamanet doctor` names.")
}

/// What is told of an end that cannot be written down: the reason of the end itself, where it had one.
fn told_meanwhile(ended: &Ended, why: Fault) -> Fault {
    match ended {
        Ended::Failed { error } | Ended::Again { error, .. } => error.clone(),
        Ended::Done { outcome } => {
            Fault { message: format!("{outcome} That could not be written down: {}", why.message), ..why }
        }
        Ended::Put(_) | Ended::LetGo => why,
    }
}
