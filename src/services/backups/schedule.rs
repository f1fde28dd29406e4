//! The backup that nobody asks for: once a day at an hour that an administrator named, by whichever process is running
//! then. One that was missed is made up at the next start.
//!
//! That it is one a day, whatever the number of windows, the backups themselves see to: `store::backup::create` looks,
//! under its lock, whether one was made since the hour.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{Backups, Note, Work, blocking};
use crate::{
    api::{
        Fault, FaultKind,
        backup::{BackupEvent, MadeBy, Outcome, Schedule},
    },
    store::{
        backup::{self, BackupError},
        system::{Moment, backups as kept},
    },
};

/// Longest wait until the schedule is looked at again: another window may have changed it, the clock may have been set,
/// and a machine that slept wakes up late.
const LOOK_AGAIN: Duration = Duration::from_mins(15);
/// So long after a failure the next try waits.
const AFTER_FAILURE: i64 = 60 * 60 * 1000;

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Never,
    /// One is due: that of this moment.
    Now {
        slot: i64,
    },
    /// Milliseconds until the next one.
    In(i64),
}

/// The last moment at which the hour struck, and the next one.
fn slots(now: i64, hour: u8, zone: &TimeZone) -> Option<(i64, i64)> {
    let here = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone());
    let at = |days: i64| {
        let day = here.date().checked_add(days.days()).ok()?;
        // An hour that the change to summer time leaves out strikes right after it.
        let struck = day.at(i8::try_from(hour).ok()?, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(struck.timestamp().as_millisecond())
    };
    let today = at(0)?;
    if today <= now { Some((today, at(1)?)) } else { Some((at(-1)?, today)) }
}

fn next(schedule: Schedule, now: i64, last: Option<i64>, failed_at: Option<i64>, zone: &TimeZone) -> Next {
    let Some((slot, then)) = schedule.hour.and_then(|hour| slots(now, hour, zone)) else { return Next::Never };
    // One that bears a time to come was made before the clock was set back: it counts for nothing.
    if last.is_some_and(|last| (slot..=now).contains(&last)) {
        return Next::In(then - now);
    }
    match failed_at {
        Some(failed) if (now - AFTER_FAILURE..=now).contains(&failed) => Next::In(failed + AFTER_FAILURE - now),
        Some(_) | None => Next::Now { slot },
    }
}

impl Backups {
    /// Follows the schedule until the program ends.
    pub fn follow_schedule(&self) {
        let (this, ending) = (self.clone(), self.0.tasks.token());
        self.0.tasks.spawn("waiting for the hour of the backup", async move {
            ending.run_until_cancelled(this.follow()).await;
        });
    }

    async fn follow(&self) {
        loop {
            let wait = match self.due().await {
                Ok(Next::Now { slot }) => {
                    self.scheduled(slot).await;
                    Duration::ZERO
                }
                Ok(Next::In(ms)) => Duration::from_millis(u64::try_from(ms).unwrap_or(0)),
                Ok(Next::Never) => LOOK_AGAIN,
                Err(why) => {
                    tracing::warn!(why = why.message, "whether a backup is due could not be found out");
                    LOOK_AGAIN
                }
            };
            tokio::time::sleep(wait.clamp(Duration::from_secs(1), LOOK_AGAIN)).await;
        }
    }

    async fn due(&self) -> Result<Next, Fault> {
        let (schedule, last) =
            self.0.system.read(|tx| Ok::<_, Fault>((kept::schedule(tx)?, kept::last_run(tx)?))).await?;
        if schedule.hour.is_none() {
            return Ok(Next::Never);
        }
        let place = self.0.place.clone();
        let backups = blocking(move || backup::list(&place)).await.unwrap_or_default();
        let made = backups.iter().filter(|one| one.made_by == MadeBy::Schedule && one.damage.is_none());
        let failed = last.filter(|run| run.failed.is_some()).map(|run| run.at);
        Ok(next(schedule, Moment::clock(), made.map(|one| one.made_at).max(), failed, &TimeZone::system()))
    }

    /// Makes the backup of this hour, checks it, and prunes. How it went stands in the audit trail.
    pub(super) async fn scheduled(&self, slot: i64) {
        let place = self.0.place.clone();
        let work: Work = Box::new(move |pace| {
            let made = backup::create(&place, MadeBy::Schedule, Some(slot), pace, Moment::clock())?;
            let directory = backup::look_up(&place, &made.name)?;
            backup::verify(&place, &directory, &[], pace, Moment::clock()).map(Outcome::Verified)
        });
        let (this, (events, mut inbox)) = (self.clone(), tokio::sync::mpsc::channel::<BackupEvent>(1));
        let (over, ended) = tokio::sync::oneshot::channel();
        self.0.tasks.spawn_job("the daily backup", async move {
            let done = this.run(&events, work).await;
            this.scheduled_ended(done).await;
            let _ = over.send(());
        });
        // Nobody looks at its progress, but it is not to stop for that.
        tokio::select! {
            _ = ended => {}
            () = async { while inbox.recv().await.is_some() {} } => {}
        }
    }

    async fn scheduled_ended(&self, done: Result<Outcome, Fault>) {
        let done = match done {
            Ok(Outcome::Verified(found)) if !found.is_sound() => {
                Err(Fault::invalid(format!("The new backup is damaged: {}.", found.damage.join("; "))))
            }
            // The program ended: the next start makes it up.
            Err(why) if why.kind == FaultKind::Cancelled => return,
            // Another window was faster.
            Err(why) if why.message == Fault::from(BackupError::Made).message => return,
            other => other,
        };
        let (target, result) = match &done {
            Ok(_) => (String::new(), "ok"),
            Err(why) => (why.message.clone(), "failed"),
        };
        let noted = self.note(Note { actor: None, action: kept::SCHEDULED, target }, result).await;
        let pruned = async {
            let keep = self.0.system.read(|tx| kept::schedule(tx)).await?.keep;
            let place = self.0.place.clone();
            blocking(move || backup::keep::prune(&place, keep)).await
        };
        let pruned = if done.is_ok() { pruned.await.map(drop) } else { Ok(()) };
        for why in [noted, pruned].into_iter().filter_map(Result::err) {
            tracing::warn!(why = why.message, "after a scheduled backup");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn schedule(hour: Option<u8>) -> Schedule {
        Schedule { hour, ..Schedule::default() }
    }

    #[test]
    fn one_is_due_once_a_day_and_a_missed_one_is_made_up() {
        let zone = TimeZone::UTC;
        let three = schedule(Some(3));
        let (night, morning) = (at("2026-11-25T03:00:00Z"), at("2026-11-25T09:00:00Z"));
        let yesterday = at("2026-11-24T03:00:05Z");
        assert_eq!(next(schedule(None), morning, None, None, &zone), Next::Never);
        assert_eq!(next(three, morning, None, None, &zone), Next::Now { slot: night });
        assert_eq!(next(three, morning, Some(yesterday), None, &zone), Next::Now { slot: night });
        // Made: the next one is tomorrow's.
        assert_eq!(next(three, morning, Some(night + 9), None, &zone), Next::In(18 * 3_600_000));
        // Before the hour, yesterday's still counts.
        assert_eq!(next(three, night - 1000, Some(yesterday), None, &zone), Next::In(1000));
        // A failure is tried again, but not at once.
        assert_eq!(next(three, morning, None, Some(morning - 1_800_000), &zone), Next::In(1_800_000));
        assert_eq!(next(three, morning, None, Some(morning - 3_600_001), &zone), Next::Now { slot: night });
    }

    #[test]
    fn a_clock_that_was_set_back_or_leaps_does_not_keep_the_backup_away() {
        let zone = TimeZone::UTC;
        let (night, morning) = (at("2026-11-25T03:00:00Z"), at("2026-11-25T09:00:00Z"));
        // Made, and noted as failed, in a time to come.
        let later = at("2030-01-01T00:00:00Z");
        assert_eq!(next(schedule(Some(3)), morning, Some(later), Some(later), &zone), Next::Now { slot: night });
        // The hour that the change to summer time leaves out.
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let day = at("2026-03-29T10:00:00Z");
        let Next::Now { slot } = next(schedule(Some(2)), day, None, None, &berlin) else { panic!("it is due") };
        assert_eq!(slot, at("2026-03-29T01:00:00Z"));
    }
}
