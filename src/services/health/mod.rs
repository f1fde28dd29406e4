//! How everything stands: Ollama, the store, the disk, jobs, backups, the clock, and what this process has for itself.
//!
//! Each part is looked at by itself and within a time of its own, so that one that hangs holds up no other and is told. How
//! everything stands is for everybody, also before signing in: it tells of this machine, never of a person. How it stood is
//! for administrators. Deciding what was found means is pure (`judge`); looking is done by few functions (`look`).
//!
//! Invariant: of all processes over one data directory one looks at what they share, at most once in `health.every_seconds`;
//! the others take its result (`watch`). Whoever asks for it by hand gets a look of their own.

mod breakers;
mod judge;
mod look;
mod ollama;
mod watch;

use std::{
    ffi::OsString,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch as channel};
use uuid::Uuid;

use self::{breakers::Notes, look::Alone};
use crate::{
    access::{Admin, Breakers, Caller, Visitor},
    api::{
        Fault, FaultKind,
        health::{BreakerPage, FullCheck, Health, HealthHistory, IncidentPage},
        jobs::Room,
    },
    cache::ModelCache,
    config::live::Live,
    ollama::Ollama,
    otlp::Export,
    services::hub::Hub,
    store::{
        Db, StoreError, backup,
        look::{self as whole, Stop, StopOnDrop},
        system::{Moment, health as kept},
    },
    tasks::Tasks,
};

/// Most stretches that one answer holds.
const STRETCHES_MAX: u32 = 5000;

/// Longest wait of those who ask before the first look has ended.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Tells how much room there is for models. Blocks.
pub type RoomForModels = Arc<dyn Fn() -> Room + Send + Sync>;

/// What is looked at.
#[derive(Clone)]
pub struct Watched {
    pub ollama: Ollama,
    pub tasks: Tasks,
    pub breakers: Breakers,
    pub cache: ModelCache,
    pub system: Db,
    pub hub: Hub,
    pub live: Live,
    /// Where the data and the backups lie.
    pub place: backup::Place,
    /// The file system's name, where the data lies on another machine.
    pub network_file_system: Option<&'static str>,
    /// Where programs are looked for, as `PATH` writes it.
    pub program_path: OsString,
    pub room: RoomForModels,
    /// Traces that are sent elsewhere.
    pub export: Export,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct HealthChecks(Arc<Inner>);

struct Inner {
    watched: Watched,
    clock: Box<dyn Fn() -> Moment + Send + Sync>,
    /// This process, among those that write the history.
    id: Uuid,
    /// Two starts at once would be two servers fighting for one port.
    starting: tokio::sync::Mutex<()>,
    alone: Alone,
    /// The table of a large database at which the next look begins.
    sampled: Mutex<usize>,
    /// What a look through the whole database found, which a look at a part of it may not find again.
    damage: Mutex<Option<Fault>>,
    notes: Notes,
    is_watching: AtomicBool,
    /// Asks for a look out of turn.
    wake: Notify,
    latest: channel::Sender<Option<(Instant, Arc<Health>)>>,
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthChecks").field("ollama", &self.0.watched.ollama).finish_non_exhaustive()
    }
}

impl HealthChecks {
    #[must_use]
    pub fn new(watched: Watched) -> Self {
        Self::with_clock(watched, Moment::here)
    }

    /// By another clock than the machine's.
    #[must_use]
    pub fn with_clock(watched: Watched, clock: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        let this = Self(Arc::new(Inner {
            watched,
            clock: Box::new(clock),
            id: Uuid::now_v7(),
            starting: tokio::sync::Mutex::new(()),
            alone: Alone::default(),
            sampled: Mutex::default(),
            damage: Mutex::default(),
            notes: Notes::default(),
            is_watching: AtomicBool::default(),
            wake: Notify::new(),
            latest: channel::Sender::new(None),
        }));
        this.hear_breakers();
        this
    }

    /// Looks now; at most 3 s.
    pub async fn check(&self, _by: Visitor) -> Result<Health, Fault> {
        Ok(self.look_and_record().await)
    }

    /// What the last look of the schedule found. Looks itself where nobody follows the schedule, or it is late.
    pub async fn seen(&self, _by: Visitor) -> Result<Health, Fault> {
        Ok(self.seen_lately().await)
    }

    async fn seen_lately(&self) -> Health {
        let every = self.0.watched.live.config().health.every();
        if self.0.is_watching.load(Ordering::Relaxed) {
            let mut latest = self.0.latest.subscribe();
            let first = tokio::time::timeout(FIRST_LOOK, latest.wait_for(Option::is_some)).await;
            let found = first.ok().and_then(Result::ok).and_then(|found| found.clone());
            if let Some((at, health)) = found
                && at.elapsed() <= every * 2
            {
                return self.with_own(&health);
            }
        }
        self.look_and_record().await
    }

    /// How everything stood since `since`, milliseconds since 1970.
    pub async fn history(&self, _by: Caller<Admin>, since: i64) -> Result<HealthHistory, Fault> {
        let (now, gap) = (self.now(), self.gap());
        let work = move |tx: &crate::store::Tx<'_>| kept::since(tx, since, STRETCHES_MAX, now, gap);
        let (stretches, is_cut) = self.0.watched.system.read::<_, StoreError>(work).await?;
        Ok(HealthHistory { since, until: now, stretches, is_cut })
    }

    /// What was not well, newest first.
    pub async fn incidents(&self, _by: Caller<Admin>, before: Option<i64>, limit: u32) -> Result<IncidentPage, Fault> {
        let (now, gap, limit) = (self.now(), self.gap(), limit.clamp(1, 1000));
        let work = move |tx: &crate::store::Tx<'_>| kept::incidents(tx, before, limit, now, gap);
        let mut rows = self.0.watched.system.read::<_, StoreError>(work).await?;
        let next = cut(&mut rows, limit, |row| row.seq);
        Ok(IncidentPage { rows, next })
    }

    /// When calls to Ollama were held back, newest first.
    pub async fn breaker_history(
        &self,
        _by: Caller<Admin>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<BreakerPage, Fault> {
        let limit = limit.clamp(1, 1000);
        let work = move |tx: &crate::store::Tx<'_>| kept::breaker_outages(tx, before, limit);
        let mut rows = self.0.watched.system.read::<_, StoreError>(work).await?;
        let next = cut(&mut rows, limit, |row| row.seq);
        Ok(BreakerPage { rows, next })
    }

    /// Looks through the whole system database and tells how far it is. Whoever no longer waits stops it.
    pub async fn check_in_full(&self, _by: Caller<Admin>, progress: channel::Sender<FullCheck>) -> Result<(), Fault> {
        let (path, stop) = (self.0.watched.place.data.join("system.db"), Stop::default());
        let _stops = StopOnDrop(stop.clone());
        let looked = tokio::task::spawn_blocking(move || {
            whole::in_full(&path, &stop, |far| {
                progress.send_replace(far);
            })
        })
        .await
        .map_err(|_| Fault::new(FaultKind::Internal, "The look through the database ended unexpectedly."))?;
        let found = looked.map_err(|why| {
            if why.is_interrupted() {
                Fault::new(FaultKind::Cancelled, "The look through the database was broken off.")
            } else {
                Fault::from(why)
            }
        });
        if found.as_ref().err().is_none_or(|fault| fault.kind != FaultKind::Cancelled) {
            *lock(&self.0.damage) = found.as_ref().err().cloned();
            self.0.wake.notify_one();
        }
        found
    }

    fn now(&self) -> i64 {
        (self.0.clock)().now
    }

    fn every_ms(&self) -> i64 {
        i64::try_from(self.0.watched.live.config().health.every().as_millis()).unwrap_or(i64::MAX / 8)
    }

    fn gap(&self) -> i64 {
        kept::gap_ms(self.every_ms())
    }
}

/// Takes the row away that was read only to see whether there are more.
fn cut<T>(rows: &mut Vec<T>, limit: u32, seq: impl Fn(&T) -> i64) -> Option<i64> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| more).map(seq)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod scratch;
#[cfg(test)]
mod tests;
