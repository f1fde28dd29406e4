//! Looking: each part by itself, each within its own time.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{HealthChecks, judge, lock, ollama};
use crate::{
    api::{
        Fault,
        health::{Check, Health, Level, Part},
    },
    store::{
        StoreError, backup,
        look::{self as whole, Stop, StopOnDrop},
        system::{Moment, backups as schedule, health as kept},
    },
};

/// Longest that a part may take to be looked at.
pub(super) const WITHIN: Duration = Duration::from_secs(3);

/// How long of that the structure of the database is looked through.
const SAMPLE: Duration = Duration::from_millis(1500);

/// Who looks at what blocks, and since when: while a look hangs no second one begins, or every one of them would hold a
/// thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Alone(Arc<Mutex<Vec<(Part, Instant)>>>);

impl Alone {
    fn begin(&self, part: Part) -> Result<Busy, Duration> {
        let mut busy = lock(&self.0);
        if let Some((_, since)) = busy.iter().find(|(other, _)| *other == part) {
            return Err(since.elapsed());
        }
        busy.push((part, Instant::now()));
        Ok(Busy { part, all: self.clone() })
    }
}

struct Busy {
    part: Part,
    all: Alone,
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.all.0).retain(|(part, _)| *part != self.part);
    }
}

/// Gives a part its time, and says so where it took longer.
pub(super) async fn in_time(part: Part, look: impl Future<Output = Check>) -> Check {
    tokio::time::timeout(WITHIN, look).await.unwrap_or_else(|_| judge::silent(part, WITHIN))
}

impl HealthChecks {
    /// Looks at every part.
    pub(super) async fn look(&self, moment: &Moment) -> Health {
        let watched = &self.0.watched;
        let address = watched.ollama.address().to_string();
        let (found, store, disk, jobs, backup, clock, ()) = tokio::join!(
            ollama::ask(&watched.ollama, &watched.program_path),
            in_time(Part::Store, self.store()),
            in_time(Part::Disk, self.disk()),
            in_time(Part::Jobs, self.jobs(moment.now)),
            in_time(Part::Backup, self.backup(moment.now)),
            in_time(Part::Clock, self.clock(moment)),
            // What came of it is told with what else this process has for itself.
            watched.export.look(),
        );
        let ollama = ollama::judge(&found, &address);
        let mut health = Health {
            ollama: found.state,
            ollama_warning: found.warning,
            ollama_url: address,
            breakers: Vec::new(),
            checks: vec![ollama, store, disk, jobs, backup, clock],
            checked_at: moment.now,
        };
        for check in &mut health.checks {
            check.at = moment.now;
        }
        self.with_own(&health)
    }

    /// The same report with what this process has for itself as it is at this moment.
    pub(super) fn with_own(&self, health: &Health) -> Health {
        let watched = &self.0.watched;
        let breakers = watched.breakers.shown(Instant::now());
        let own = [
            judge::breakers(&breakers),
            judge::cache(&watched.cache.figures()),
            judge::tasks(&judge::told(watched.tasks.running()), &watched.tasks.broken(), Instant::now()),
            judge::traces(watched.export.standing().as_ref()),
        ];
        let now = self.now();
        let shared = health.checks.iter().filter(|check| !check.part.is_each_process_own()).cloned();
        let mut checks: Vec<Check> = shared.chain(own.map(|check| Check { at: now, ..check })).collect();
        checks.sort_by_key(|check| Part::ALL.iter().position(|part| *part == check.part));
        Health { breakers, checks, ..health.clone() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        part: Part,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Check> {
        let busy = self.0.alone.begin(part).map_err(|since| judge::silent(part, since))?;
        let done = tokio::task::spawn_blocking(move || {
            let _busy = busy;
            work()
        });
        done.await.map_err(|_| Check::new(part, Level::Warning, "failed", "The look at it failed."))
    }

    async fn store(&self) -> Check {
        let (data, from, stop) = (self.0.watched.place.data.clone(), *lock(&self.0.sampled), Stop::default());
        let _stops = StopOnDrop(stop.clone());
        let looked = self
            .blocking(Part::Store, move || {
                (whole::sample(&data.join("system.db"), from, SAMPLE, &stop), whole::sizes(&data))
            })
            .await;
        let (sampled, sizes) = match looked {
            Ok(looked) => looked,
            Err(silent) => return silent,
        };
        // Through the threads that everybody waits for as well: whether they are served.
        let served = self.0.watched.system.read(kept::last_round).await;
        let sampled = sampled.and_then(|next| served.map(|_| next)).map(|next| *lock(&self.0.sampled) = next);
        let known = lock(&self.0.damage).clone();
        let looked = known.map_or_else(|| sampled.map_err(Fault::from), Err);
        judge::store(looked, &sizes, self.0.watched.network_file_system)
    }

    async fn disk(&self) -> Check {
        let (data, room) = (self.0.watched.place.data.clone(), Arc::clone(&self.0.watched.room));
        let looked = self.blocking(Part::Disk, move || (rustix::fs::statvfs(&data), room())).await;
        match looked {
            Ok((disk, room)) => {
                let free = disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
                judge::disk(free.map_err(|error| error.to_string()), &room)
            }
            Err(silent) => silent,
        }
    }

    async fn jobs(&self, now: i64) -> Check {
        match self.0.watched.system.read::<_, StoreError>(move |tx| kept::jobs_standing(tx, now)).await {
            Ok(standing) => judge::jobs(&standing),
            Err(why) => judge::unread(Part::Jobs, &Fault::from(why)),
        }
    }

    async fn backup(&self, now: i64) -> Check {
        let place = self.0.watched.place.clone();
        let listed = match self.blocking(Part::Backup, move || backup::list(&place)).await {
            Ok(listed) => listed,
            Err(silent) => return silent,
        };
        let read = self.0.watched.system.read::<_, StoreError>(move |tx| {
            Ok((schedule::schedule(tx, now)?, schedule::last_run(tx, now)?, kept::first_account_at(tx)?))
        });
        match (listed.map_err(Fault::from), read.await.map_err(Fault::from)) {
            (Ok(backups), Ok((schedule, last_run, since))) => {
                judge::backup(&judge::Backups { kept: backups, schedule, last_run, since }, now)
            }
            (Err(why), _) | (_, Err(why)) => judge::unread(Part::Backup, &why),
        }
    }

    async fn clock(&self, moment: &Moment) -> Check {
        match self.0.watched.system.read(kept::last_round).await {
            Ok(last) => judge::clock(last.as_ref(), moment),
            Err(why) => judge::unread(Part::Clock, &Fault::from(why)),
        }
    }
}
