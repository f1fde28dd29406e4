//! What a job on backups does, and what is told to whoever waits for one.
//!
//! Each can be begun anew by another process: what an attempt that was killed left behind has no backup's name, and goes
//! with the next one.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{Backups, TELL_EVERY, WAITING, blocking, name};
use crate::{
    api::{
        Fault, FaultKind, amount,
        backup::{BackupEvent, Doing, MadeBy, Outcome, Progress, Verified, Which},
        jobs::{JobProgress, JobState, Work},
    },
    services::jobs::{Attempt, Followed, Setback},
    store::{
        backup::{self, BackupError, Pace},
        system::{Moment, backups as kept, jobs::Kept},
    },
};

/// So long a job waits for another one that was stopped a moment ago, or that another process is at.
const TRY_AGAIN: Duration = Duration::from_millis(250);
const TRIES: u32 = 20;
/// Findings of a check that a job's row has room for.
const DAMAGE_KEPT: usize = 50;

impl Backups {
    /// Whether such work can be begun.
    ///
    /// # Errors
    /// There is no such backup.
    pub async fn check(&self, work: &Work) -> Result<String, Fault> {
        match work {
            Work::Backup { .. } => Ok("a backup would be made".to_owned()),
            Work::PruneBackups => {
                let keep = self.0.system.read(|tx| kept::keep(tx)).await?;
                let place = self.0.place.clone();
                let going = blocking(move || backup::keep::would_go(&place, keep)).await?;
                Ok(match going.as_slice() {
                    [] => "nothing is due: all of them are kept".to_owned(),
                    names => format!("would go: {}", names.join(", ")),
                })
            }
            Work::VerifyBackup { which } => {
                self.directory(which).await?;
                Ok("would be checked".to_owned())
            }
            Work::Restore { which, .. } => {
                self.directory(which).await?;
                Ok("would be put back".to_owned())
            }
            other => Err(Fault::new(FaultKind::Internal, format!("“{other}” is no work on backups."))),
        }
    }

    /// One attempt at it.
    ///
    /// # Errors
    /// What a rule has begun is tried again; what a person has begun is told to them.
    pub async fn work(&self, attempt: &Attempt) -> Result<String, Setback> {
        match attempt.work.clone() {
            Work::Backup { since } => self.make(attempt, since).await,
            Work::VerifyBackup { which } => self.look_through(attempt, &which).await,
            Work::PruneBackups => self.thin_out(attempt).await,
            Work::Restore { .. } => self.put_back(attempt).await,
            other => Err(Setback::for_good(Fault::new(FaultKind::Internal, format!("“{other}” is no backup.")))),
        }
    }

    async fn make(&self, attempt: &Attempt, since: Option<i64>) -> Result<String, Setback> {
        let by = if since.is_some() { MadeBy::Schedule } else { MadeBy::Person };
        let place = self.0.place.clone();
        let made = self
            .paced(attempt, move |pace| backup::create(&place, by, since, pace, Moment::clock()).map(Outcome::Made))
            .await;
        let made = match made {
            Ok(Outcome::Made(made)) => made,
            Ok(other) => return Err(Setback::for_good(ended_otherwise(&other))),
            // An attempt before this one, or another process, has made it.
            Err(why) if why.message == Fault::from(BackupError::Made).message => {
                return Ok("It had been made already.".to_owned());
            }
            // A person who waits for it decides for themselves whether it is tried again.
            Err(why) if since.is_none() => return Err(Setback::for_good(why)),
            Err(why) => return Err(Setback::for_now(why, false)),
        };
        let words = format!("{}, {}.", made.name, amount::many(made.accounts, "account"));
        if since.is_none() {
            keep(attempt, &Outcome::Made(made)).await?;
            return Ok(words);
        }
        let (place, name) = (self.0.place.clone(), made.name.clone());
        let found = self
            .paced(attempt, move |pace| {
                let directory = backup::look_up(&place, &name)?;
                backup::verify(&place, &directory, &[], pace, Moment::clock()).map(Outcome::Verified)
            })
            .await
            .map_err(|why| Setback::for_now(why, true))?;
        if let Outcome::Verified(found) = &found
            && !found.is_sound()
        {
            let words = format!("The new backup {} is damaged: {}.", made.name, found.damage_words());
            return Err(Setback::for_good(Fault::new(FaultKind::Store, words).hint("See that the disk is sound.")));
        }
        keep(attempt, &Outcome::Made(made)).await?;
        let gone = self.prune_now().await.map_err(|why| Setback::for_now(why, true))?;
        Ok(match gone.as_slice() {
            [] => words,
            gone => format!("{words} Removed: {}.", gone.join(", ")),
        })
    }

    async fn look_through(&self, attempt: &Attempt, which: &Which) -> Result<String, Setback> {
        let (place, directory) = (self.0.place.clone(), self.directory(which).await.map_err(Setback::for_good)?);
        // Another process, or this one at its next start, has nobody's keys: it compares bytes.
        let keys = self.take(|inner| &inner.at_hand, &name(which)).unwrap_or_default();
        let found = self
            .paced(attempt, move |pace| {
                backup::verify(&place, &directory, &keys, pace, Moment::clock()).map(Outcome::Verified)
            })
            .await
            .map_err(Setback::for_good)?;
        let Outcome::Verified(found) = found else { return Err(Setback::for_good(ended_otherwise(&found))) };
        let words = if found.is_sound() {
            "Sound.".to_owned()
        } else {
            format!("Damaged: {}.", found.damage.first().map(String::as_str).unwrap_or_default())
        };
        let damage = found.damage.into_iter().take(DAMAGE_KEPT).collect();
        keep(attempt, &Outcome::Verified(Verified { damage, ..found })).await?;
        Ok(words)
    }

    async fn thin_out(&self, attempt: &Attempt) -> Result<String, Setback> {
        attempt.step("looking which are due");
        let gone = self.prune_now().await.map_err(|why| Setback::for_now(why, false))?;
        Ok(match gone.as_slice() {
            [] => "Nothing was due: all of them are kept.".to_owned(),
            names => format!("Removed: {}.", names.join(", ")),
        })
    }

    /// Does blocking work on a thread of its own, and tells how far it is. Dropping this stops it.
    pub(super) async fn paced<T: Send + 'static>(
        &self,
        attempt: &Attempt,
        work: impl Fn(&mut Pace<'_>) -> Result<T, BackupError> + Send + Sync + 'static,
    ) -> Result<T, Fault> {
        let work = Arc::new(work);
        for _ in 0..TRIES {
            let (stop, teller, work) = (Arc::new(AtomicBool::new(false)), attempt.teller(), Arc::clone(&work));
            let heard = Arc::clone(&stop);
            let _stopping = Stopping(stop);
            let moved = Arc::new(Mutex::new(Instant::now()));
            let noted = Arc::clone(&moved);
            let working = tokio::task::spawn_blocking(move || {
                let last: Mutex<Option<Instant>> = Mutex::default();
                let tell = |progress: Progress| {
                    *noted.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                    if last.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                        *last = Some(Instant::now());
                        teller.send_replace(told(&progress));
                    }
                };
                work(&mut Pace::new(&tell, &heard))
            });
            // A disk that hangs holds its thread for as long as it likes, and nobody else.
            let done = tokio::select! {
                done = working => done,
                why = self.hung(attempt, &moved) => return Err(why.into()),
            };
            match done {
                Ok(Err(BackupError::AtWork(_))) => {
                    attempt.step("waits for other work on backups");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Ok(done) => return Ok(done?),
                Err(_) => return Err(Fault::new(FaultKind::Internal, "Work on a backup broke off.")),
            }
        }
        Err(BackupError::AtWork(self.0.place.backups.clone()).into())
    }

    /// Tells that nothing moves, and ends when that has lasted too long.
    async fn hung(&self, attempt: &Attempt, moved: &Mutex<Instant>) -> BackupError {
        loop {
            tokio::time::sleep(WAITING.min(self.0.patience)).await;
            let after = moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            if after >= self.0.patience {
                return BackupError::Silent { at: self.0.place.backups.clone(), after };
            }
            if after >= WAITING {
                attempt.step(&format!("waiting for the disk, for {} s", after.as_secs()));
            }
        }
    }

    /// Tells whoever waits for a backup's job what the line tells of it.
    pub fn told(&self, mut followed: mpsc::Receiver<Followed>) -> mpsc::Receiver<BackupEvent> {
        let (events, inbox) = mpsc::channel(64);
        self.0.tasks.spawn("telling of a backup", async move {
            loop {
                let said = tokio::select! {
                    biased;
                    // Who no longer listens stops it: the follower hears that when this is dropped.
                    () = events.closed() => return,
                    said = followed.recv() => said,
                };
                match said {
                    Some(Followed::Progress(progress)) => {
                        let _ = events.try_send(BackupEvent::Progress(progress_of(&progress)));
                    }
                    Some(Followed::Ended(ended)) => {
                        let done = match ended {
                            Ok(kept) => outcome(*kept),
                            Err(why) => Err(why),
                        };
                        let _ = events.send(BackupEvent::Ended(done)).await;
                        return;
                    }
                    None => return,
                }
            }
        });
        inbox
    }

    /// Where the directory of a backup is.
    pub(super) async fn directory(&self, which: &Which) -> Result<PathBuf, Fault> {
        match which {
            Which::Named(name) => {
                let (place, name) = (self.0.place.clone(), name.clone());
                blocking(move || backup::look_up(&place, &name)).await
            }
            Which::At(path) => std::path::absolute(path)
                .map_err(|_| Fault::invalid("No directory is named.").hint("Name the directory of a backup.")),
        }
    }
}

/// What came of a job that has ended.
fn outcome(kept: Kept) -> Result<Outcome, Fault> {
    match (kept.job.state, kept.job.error) {
        (_, Some(why)) => Err(why),
        (JobState::Done, None) => {
            let outcome = kept.kept.and_then(|text| serde_json::from_str(&text).ok());
            outcome.ok_or_else(|| Fault::new(FaultKind::Internal, "It did not say how it ended."))
        }
        (
            JobState::Waiting
            | JobState::Running
            | JobState::Paused
            | JobState::Failed
            | JobState::Cancelled
            | JobState::Interrupted,
            None,
        ) => Err(BackupError::Stopped.into()),
    }
}

/// Stops blocking work when nobody waits for it any more.
struct Stopping(Arc<AtomicBool>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The outcome stays with the job, for whoever waits in another process.
pub(super) async fn keep(attempt: &Attempt, outcome: &Outcome) -> Result<(), Setback> {
    attempt.keep(outcome.clone()).await.map_err(|why| Setback::for_now(why, true))
}

fn ended_otherwise(outcome: &Outcome) -> Fault {
    Fault::new(FaultKind::Internal, format!("It ended in another way than was asked for: {outcome:?}"))
}

fn step_of(doing: Doing) -> &'static str {
    match doing {
        Doing::Copying => "copying",
        Doing::Checking => "checking",
        Doing::Restoring => "restoring",
    }
}

/// As every job tells it.
fn told(progress: &Progress) -> JobProgress {
    JobProgress {
        step: format!("{} {}", step_of(progress.doing), progress.what),
        done: progress.done,
        of: Some(progress.all),
        of_is_whole: true,
        ..JobProgress::default()
    }
}

/// As a screen of backups shows it.
fn progress_of(progress: &JobProgress) -> Progress {
    let (step, what) = progress.step.split_once(' ').unwrap_or((&progress.step, ""));
    let doing = [Doing::Copying, Doing::Checking, Doing::Restoring].into_iter().find(|doing| step_of(*doing) == step);
    Progress {
        doing: doing.unwrap_or(Doing::Copying),
        what: what.to_owned(),
        done: progress.done,
        all: progress.of.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_comes_out_of_a_job_as_it_went_in() {
        for doing in [Doing::Copying, Doing::Checking, Doing::Restoring] {
            let progress = Progress { doing, what: "vaults/a b.db".to_owned(), done: 3, all: 9 };
            assert_eq!(progress_of(&told(&progress)), progress);
        }
    }
}
