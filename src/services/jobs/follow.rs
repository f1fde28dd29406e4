//! Following one job to its end, for whoever waits for it, in whatever process it runs.

use std::ops::ControlFlow;

use tokio::{sync::mpsc, time::sleep};

use super::{Jobs, Wish, now};
use crate::{
    api::{
        AccountId, Fault, JobId,
        jobs::{JobProgress, JobState},
    },
    store::system::jobs::Kept,
};

/// What is told of a job that is followed. The last one is its end.
#[derive(Clone, Debug)]
pub enum Followed {
    Progress(JobProgress),
    Ended(Result<Box<Kept>, Fault>),
}

/// After so many looks in vain whoever waits for a job that has not begun is told why.
const STUCK_LOOKS: u32 = 2;

impl Jobs {
    /// Tells how far a job is, and how it ended. Who no longer listens, before it has ended, stops it: on behalf of this
    /// account.
    pub fn follow(&self, by: AccountId, id: JobId) -> mpsc::Receiver<Followed> {
        let (told, inbox) = mpsc::channel(64);
        let this = self.clone();
        self.0.parts.tasks.spawn("following a job", async move { this.followed(by, id, told).await });
        inbox
    }

    async fn followed(self, by: AccountId, id: JobId, told: mpsc::Sender<Followed>) {
        let ending = self.0.parts.tasks.token();
        let mut last = JobProgress::default();
        loop {
            let progress = match self.seen(id).await {
                ControlFlow::Continue(progress) => progress,
                ControlFlow::Break(ended) => {
                    let _ = told.send(Followed::Ended(ended)).await;
                    return;
                }
            };
            if progress != last {
                last = progress.clone();
                // What is not read in time is old by then.
                let _ = told.try_send(Followed::Progress(progress));
            }
            tokio::select! {
                biased;
                () = told.closed() => {
                    if let Err(why) = self.ask(by, id, Wish::Cancel).await {
                        tracing::warn!(why = why.message, "a job that nobody waits for any more could not be stopped");
                    }
                    return;
                }
                () = ending.cancelled() => return,
                () = sleep(self.0.parts.pace.tell) => {}
            }
        }
    }
    /// How far it is, or what whoever waits for it is told in the end.
    pub(super) async fn seen(&self, id: JobId) -> ControlFlow<Result<Box<Kept>, Fault>, JobProgress> {
        let here = self.state().running.get(&id).map(|here| (here.progress.clone(), here.unwritten.clone()));
        match here {
            Some((_, Some(fault))) => return ControlFlow::Break(Err(fault)),
            Some((progress, None)) => return ControlFlow::Continue(progress),
            None => {}
        }
        let kept = match self.kept(id).await {
            Ok(kept) => kept,
            Err(why) => return ControlFlow::Break(Err(why)),
        };
        let is_over = match kept.job.state {
            JobState::Running => false,
            // One that is to be tried again later is over for whoever waits: they are told why, and that it goes on. What
            // a dead process left is begun at once.
            JobState::Waiting => kept.job.error.is_some() && kept.job.next_at.is_some_and(|at| at > now()),
            state => !state.is_open() || kept.job.error.is_some(),
        };
        if is_over {
            return ControlFlow::Break(Ok(Box::new(kept)));
        }
        // On a full disk it cannot even be begun.
        match self.stuck().filter(|_| kept.job.state == JobState::Waiting) {
            Some(why) => ControlFlow::Break(Err(why)),
            None => ControlFlow::Continue(kept.job.progress),
        }
    }

    /// Why nothing can be begun here, where that has lasted.
    fn stuck(&self) -> Option<Fault> {
        self.state().stuck.as_ref().filter(|(_, looks)| *looks >= STUCK_LOOKS).map(|(fault, _)| fault.clone())
    }
}
