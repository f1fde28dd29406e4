//! Following one job to its end, for whoever waits for it, in whatever process it runs.

use tokio::{sync::mpsc, time::sleep};

use super::{Jobs, Wish};
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
            let here = self.state().running.get(&id).map(|here| (here.progress.clone(), here.unwritten.clone()));
            let progress = match here {
                Some((_, Some(fault))) => {
                    let _ = told.send(Followed::Ended(Err(fault))).await;
                    return;
                }
                Some((progress, None)) => progress,
                None => match self.kept(id).await {
                    Ok(kept) if kept.job.state.is_open() && kept.job.error.is_none() => kept.job.progress,
                    // One that is to be tried again is over for whoever waits: they are told why, and that it goes on.
                    Ok(kept) if kept.job.state == JobState::Running => kept.job.progress,
                    other => {
                        let _ = told.send(Followed::Ended(other.map(Box::new))).await;
                        return;
                    }
                },
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
}
