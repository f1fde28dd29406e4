//! Looks after the line: begins what may begin, takes over what dead processes left, obeys what other processes ask.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Jobs, Scope, begin::taken_along, line, now};
use crate::{
    api::{
        Fault, FaultKind, JobId,
        events::Changed,
        jobs::{Job, JobNews, JobState},
    },
    store::{
        StoreError,
        system::{
            Moment, clock,
            jobs::{self, Ended, Kept},
        },
        vault::lease::{Holder, is_alive},
    },
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often old rows are taken out of the table.
const FORGET_EVERY: Duration = Duration::from_hours(12);
/// Deaths of whole processes over one job after which it is not begun again: it may be what kills them.
const DEATHS_MAX: u32 = 8;

/// What was seen of the table at the last look.
#[derive(Debug, Default)]
struct Seen {
    log: Option<(u64, std::time::SystemTime)>,
    mark: Option<(i64, i64, i64)>,
    /// Whether something waits or runs, so that time alone can change something.
    is_busy: bool,
}

impl Jobs {
    /// Sees to it that somebody looks, and that they look now.
    pub(super) fn attend(&self) {
        let begins = !std::mem::replace(&mut self.state().is_supervised, true);
        if begins {
            let this = self.clone();
            self.0.parts.tasks.spawn("looking after the jobs", async move { this.supervise().await });
        } else {
            self.0.wake.notify_one();
        }
    }

    async fn supervise(self) {
        let root = self.0.parts.tasks.token();
        let mut seen = Seen::default();
        let mut forgotten = None;
        loop {
            // A window may stay open for months.
            if forgotten.is_none_or(|at: Instant| at.elapsed() >= FORGET_EVERY) {
                self.forget_old().await;
                forgotten = Some(Instant::now());
            }
            let wait = match self.look(&mut seen).await {
                Ok(wait) => {
                    self.state().stuck = None;
                    wait
                }
                Err(fault) => {
                    tracing::warn!(%fault, "the line of jobs could not be looked after");
                    seen = Seen::default();
                    let mut state = self.state();
                    let looks = state.stuck.take().map_or(0, |(_, looks)| looks) + 1;
                    state.stuck = Some((fault, looks));
                    self.0.parts.pace.look
                }
            };
            if self.has_nothing_to_do() {
                return;
            }
            tokio::select! {
                () = root.cancelled() => return,
                () = self.0.wake.notified() => seen.is_busy = true,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// A command's process looks after its own only. Decided under the lock, so that a job which is begun in this moment
    /// finds either somebody who looks or nobody.
    fn has_nothing_to_do(&self) -> bool {
        let mut state = self.state();
        let idle = match &state.scope {
            Scope::All => false,
            Scope::Own(own) => own.is_empty() && state.running.is_empty(),
        };
        if idle {
            state.is_supervised = false;
        }
        idle
    }

    /// One look; says when the next is due.
    async fn look(&self, seen: &mut Seen) -> Result<Duration, Fault> {
        let look = self.0.parts.pace.look;
        let log = self.0.parts.system.log_mark();
        if !seen.is_busy && log.is_some() && log == seen.log {
            return Ok(look);
        }
        seen.log = log;
        // What is begun from here on is not in what is read now.
        let own = match &self.state().scope {
            Scope::All => Vec::new(),
            Scope::Own(own) => own.iter().copied().collect(),
        };
        let read = |tx: &crate::store::Tx<'_>| Ok::<_, StoreError>((jobs::open(tx)?, jobs::mark(tx)?));
        let (open, mark) = self.0.parts.system.read(read).await?;
        self.heed(&open);
        self.let_go_of_what_is_over(&own, &open);
        if seen.mark.is_some_and(|before| before != mark) {
            // Whoever ended something in another process has changed what is installed.
            if seen.mark.is_some_and(|(_, _, ended)| ended != mark.2) {
                self.0.parts.hub.changed_for_everyone(Changed::Models);
            }
            self.tell(JobNews::Elsewhere).await;
        }
        seen.mark = Some(mark);
        let freed = self.take_from_the_dead(&open).await?;
        let begun = self.begin_what_may().await?;
        seen.is_busy = !open.is_empty();
        if freed || begun {
            // Our own changes are no news.
            seen.mark = Some(self.0.parts.system.read::<_, StoreError>(jobs::mark).await?);
        }
        let soonest =
            open.iter().filter(|kept| kept.job.state == JobState::Waiting).filter_map(|kept| kept.job.next_at);
        let soonest = soonest.min().map(|at| Duration::from_millis(u64::try_from(at - now()).unwrap_or(1).max(1)));
        Ok(soonest.map_or(look, |soonest| soonest.min(look)))
    }

    /// What somebody in another process asks of those that run here.
    fn heed(&self, open: &[Kept]) {
        let mut state = self.state();
        for kept in open {
            if let (Some(wish), Some(here)) = (kept.wish, state.running.get_mut(&kept.job.id)) {
                here.wish = Some(wish);
                here.stop.cancel();
            }
        }
    }

    fn let_go_of_what_is_over(&self, looked_for: &[JobId], open: &[Kept]) {
        match &mut self.state().scope {
            Scope::All => {}
            Scope::Own(own) => own.retain(|id| {
                let row = open.iter().find(|kept| kept.job.id == *id);
                // A paused one is nobody's until somebody resumes it.
                !looked_for.contains(id) || row.is_some_and(|kept| kept.job.state != JobState::Paused)
            }),
        }
    }

    /// Frees what processes held that are no more. A job in which one after another died is not begun again.
    pub(super) async fn take_from_the_dead(&self, open: &[Kept]) -> Result<bool, Fault> {
        let own = self.state().lease.as_ref().map(|lease| lease.id);
        let others: Vec<(Job, Holder, u32)> = open
            .iter()
            .filter_map(|kept| Some((kept.job.clone(), kept.holder.clone()?, kept.in_vain)))
            .filter(|(_, holder, _)| Some(holder.id) != own)
            .collect();
        if others.is_empty() {
            return Ok(false);
        }
        let leases = self.0.parts.leases.clone();
        let dead = tokio::task::spawn_blocking(move || {
            others.into_iter().filter(|(_, holder, _)| !is_alive(&leases, holder)).collect::<Vec<_>>()
        })
        .await
        .unwrap_or_default();
        if dead.is_empty() {
            return Ok(false);
        }
        let freed = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let (mut freed, moment) = (Vec::new(), Moment::here());
                for (job, holder, in_vain) in dead {
                    let error = Fault::new(FaultKind::Internal, "The program ended in the middle of it.");
                    let ended = if in_vain >= DEATHS_MAX {
                        Ended::Failed { error: error.hint("It has happened again and again; retry it by hand.") }
                    } else {
                        Ended::Again { error, next_at: now(), in_vain: in_vain + 1 }
                    };
                    if let Some(job) = jobs::end(tx, job.id, &holder, &ended, None, now())? {
                        let along = taken_along(tx, &job, job.account, &moment)?;
                        freed.push(job);
                        freed.extend(along);
                    }
                }
                Ok(freed)
            })
            .await?;
        let some = !freed.is_empty();
        for job in freed {
            self.tell(JobNews::Changed(Box::new(job))).await;
        }
        Ok(some)
    }

    /// Claims in one transaction what the line lets through, so that two processes do not both see the same room.
    async fn begin_what_may(&self) -> Result<bool, Fault> {
        let most = self.0.parts.live.config().jobs.installs_at_once as usize;
        let mine: Vec<JobId> = {
            let open = self.0.parts.system.read::<_, StoreError>(jobs::open).await?;
            let state = self.state();
            let is_ours = |job: &Job| state.scope.has(job.id);
            line::next(&open.iter().map(|kept| &kept.job), is_ours, most, now()).iter().map(|job| job.id).collect()
        };
        if mine.is_empty() || self.0.parts.tasks.token().is_cancelled() {
            return Ok(false);
        }
        let lease = self.lease().await?;
        let holder = lease.holder();
        let claimed = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let open = jobs::open(tx)?;
                let mut claimed = Vec::new();
                let is_ours = |job: &Job| mine.contains(&job.id);
                for job in line::next(&open.iter().map(|kept| &kept.job), is_ours, most, now()) {
                    if jobs::claim(tx, job.id, &holder, now())? {
                        claimed.extend(jobs::get(tx, job.id)?);
                    }
                }
                Ok(claimed)
            })
            .await?;
        let some = !claimed.is_empty();
        for kept in claimed {
            self.begin(kept, Arc::clone(&lease));
        }
        Ok(some)
    }

    async fn forget_old(&self) {
        let before = now() - i64::from(self.0.parts.live.config().jobs.keep_days) * DAY_MS;
        let forget = move |tx: &crate::store::Tx<'_>| {
            if clock::may_forget(tx, now())? { jobs::prune(tx, before) } else { Ok(0) }
        };
        if let Err(why) = self.0.parts.system.write::<_, StoreError>(forget).await {
            tracing::warn!(%why, "old jobs could not be forgotten");
        }
    }
}
