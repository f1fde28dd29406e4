//! What was counted, kept by the hour, and the requests of a moment ago. Only for administrators.
//!
//! Each process counts for itself and adds to the hour what came since it last did: rarely while it runs, and when it ends.
//! Nothing waits for that but the end. Invariant: what cannot be written, on a full or read-only disk, is kept and goes
//! with the next time.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::conversations::now;
use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        metrics::{Counted, Metric, Snapshot, Wanted},
        requests::Traced,
    },
    cache::ModelCache,
    metrics::{Cache, Metrics},
    store::{
        Db, StoreError,
        system::metrics::{self, HOUR, KEPT},
    },
    tasks::Tasks,
    trace::Ring,
};

/// How often what came is written down while the program runs.
const WRITE_EVERY: Duration = Duration::from_mins(10);

/// Most requests that are told of at once.
const MOST_REQUESTS: u32 = 1000;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    system: Db,
    metrics: Metrics,
    ring: Ring,
    cache: ModelCache,
    /// What is written down already of what this process has counted.
    written: Mutex<Snapshot>,
}

impl Telemetry {
    #[must_use]
    pub fn new(system: Db, metrics: Metrics, ring: Ring, cache: ModelCache) -> Self {
        Self(Arc::new(Inner { system, metrics, ring, cache, written: Mutex::default() }))
    }

    /// Writes down what comes, until the program ends. The end itself is the caller's.
    pub fn follow_hours(&self, tasks: &Tasks) {
        let (this, token) = (self.clone(), tasks.token());
        tasks.spawn("counting by the hour", async move {
            loop {
                // Not over the end of an hour, to which the last minutes would be added otherwise.
                let rest = u64::try_from(HOUR - now().rem_euclid(HOUR)).unwrap_or(0);
                let wait = Duration::from_millis(rest.saturating_sub(1000).max(1000)).min(WRITE_EVERY);
                if token.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                    return;
                }
                this.write_down().await;
            }
        });
    }

    /// Adds what came since the last time to this hour.
    pub async fn write_down(&self) {
        let mut written = self.0.written.lock().await;
        let counted = self.look();
        let came = counted.since(&written);
        // How much the caches hold is worth no write of its own.
        if came.there().all(|(series, _)| series.spec().metric == Metric::CacheBytes) {
            return;
        }
        let added: Result<(), StoreError> = self.0.system.write(move |tx| metrics::add(tx, &came, now())).await;
        match added {
            Ok(()) => *written = counted,
            Err(why) => tracing::debug!(%why, "what was counted could not be written down"),
        }
    }

    /// What there is now, and the hours before.
    pub async fn counted(&self, by: Caller<Admin>, wanted: Wanted) -> Result<Counted, Fault> {
        drop(by);
        // Held, so that nothing is counted twice or not at all while it goes from here to the hour.
        let written = self.0.written.lock().await;
        let at = now();
        let began = at - at.rem_euclid(HOUR);
        let from = began.saturating_sub(i64::from(wanted.hours).min(KEPT) * HOUR);
        let (mut before, mut total) = self
            .0
            .system
            .read(move |tx| {
                let total = if wanted.total { Some(metrics::total(tx)?) } else { None };
                Ok::<_, StoreError>((metrics::hours(tx, from)?, total))
            })
            .await?;
        let here = self.look();
        let came = here.since(&written);
        drop(written);
        if let Some(total) = &mut total {
            total.add_all(&came);
        }
        let mut hour = came;
        before.retain(|kept| {
            if kept.began_at == began {
                hour.add_all(&kept.counted);
            }
            kept.began_at < began
        });
        Ok(Counted { at, here, hour, total, before })
    }

    /// The newest requests of this process that have ended, newest first.
    #[expect(clippy::unused_async, reason = "a call through the gate waits, whatever it does")]
    pub async fn requests(&self, by: Caller<Admin>, most: u32) -> Result<Vec<Traced>, Fault> {
        drop(by);
        Ok(self.0.ring.newest(most.min(MOST_REQUESTS) as usize))
    }

    fn look(&self) -> Snapshot {
        for kind in self.0.cache.figures().kinds {
            let cache = match kind.name.as_str() {
                "lists" => Cache::Lists,
                "details" => Cache::Details,
                _ => Cache::Facts,
            };
            self.0.metrics.cache_bytes(cache, kind.bytes);
        }
        self.0.metrics.snapshot()
    }
}
