//! The schedule: of all processes over one data directory one looks, and the others take its result.
//!
//! A breaker that turns asks for a look out of turn, so that an outage is in the history, and on the screen, when it begins
//! and not up to a minute later.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::HealthChecks;
use crate::{
    api::{
        Fault,
        events::Event,
        health::{Health, Level},
    },
    store::{
        StoreError,
        system::health::{self as kept, Looked},
    },
};

/// The first frame comes first.
const AFTER_START: Duration = Duration::from_millis(150);
/// How often it is looked whether another process's look has ended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Where nothing is scheduled, how often the settings are looked at.
const WITHOUT: Duration = Duration::from_mins(1);
/// Longer reports are not shared; each process looks for itself then.
const REPORT_MAX: usize = 60_000;

/// What there is to do.
pub(super) enum Turn {
    /// Nobody has looked in time: this process does.
    Ours,
    /// Another process's look has ended; the next is due in so long.
    Theirs { health: Box<Health>, next: Duration },
    /// Another process is looking.
    Soon,
}

impl HealthChecks {
    /// Follows the schedule until the program ends.
    pub fn follow_schedule(&self) {
        if self.0.is_watching.swap(true, Ordering::Relaxed) {
            return;
        }
        let (this, ending) = (self.clone(), self.0.watched.tasks.token());
        self.0.watched.tasks.spawn("watching over health", async move {
            ending.run_until_cancelled(this.follow()).await;
            this.end_outages().await;
        });
    }

    async fn follow(&self) {
        tokio::time::sleep(AFTER_START).await;
        let mut troubled = false;
        loop {
            let every = self.0.watched.live.config().health.every();
            let wait = if every.is_zero() { WITHOUT } else { self.turn(every, &mut troubled).await };
            // A look out of turn; the schedule goes on from there.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.0.wake.notified() => drop(self.look_and_record().await),
            }
        }
    }

    /// Looks, or takes what another process has found; says how long to wait.
    async fn turn(&self, every: Duration, troubled: &mut bool) -> Duration {
        match self.whose(every).await {
            Ok(Turn::Theirs { health, next }) => {
                let health = self.with_own(&health);
                self.note_own(&health, troubled).await;
                self.publish(health);
                next
            }
            Ok(Turn::Soon) => LOOK_AGAIN,
            Ok(Turn::Ours) => {
                self.look_and_record().await;
                every
            }
            Err(why) => {
                tracing::warn!(why = why.message, "who looks at everything could not be found out");
                self.look_and_record().await;
                every
            }
        }
    }

    pub(super) async fn whose(&self, every: Duration) -> Result<Turn, Fault> {
        let moment = (self.0.clock)();
        let every_ms = self.every_ms();
        let last = self.0.watched.system.read(kept::last_round).await?;
        let is_due = |begun: i64| begun > moment.now || begun <= moment.now - every_ms;
        if last.as_ref().is_none_or(|round| is_due(round.begun_at)) {
            let now = moment.clone();
            let claimed =
                self.0.watched.system.write::<_, StoreError>(move |tx| kept::claim(tx, &now, every_ms)).await?;
            return Ok(if claimed { Turn::Ours } else { Turn::Soon });
        }
        let Some(round) = last else { return Ok(Turn::Soon) };
        if round.ended_at.is_none_or(|ended| ended < round.begun_at) {
            return Ok(Turn::Soon);
        }
        let left = u64::try_from(round.begun_at + every_ms - moment.now).unwrap_or(0);
        let next = Duration::from_millis(left).clamp(LOOK_AGAIN, every);
        // One of another version, or one too long to be shared.
        Ok(match serde_json::from_str(&round.report) {
            Ok(health) => Turn::Theirs { health: Box::new(health), next },
            Err(_) => Turn::Ours,
        })
    }

    /// Looks at everything, writes down what was found, and tells whoever listens.
    pub(super) async fn look_and_record(&self) -> Health {
        let moment = (self.0.clock)();
        let health = self.look(&moment).await;
        let is_watching = self.0.is_watching.load(Ordering::Relaxed);
        let mut report = serde_json::to_string(&health).unwrap_or_default();
        if report.len() > REPORT_MAX {
            report.clear();
        }
        // A command is here for a moment; what it has for itself is nobody's history.
        let checks = health.checks.iter().filter(|check| is_watching || !check.part.is_each_process_own());
        let looked =
            Looked { moment, by: self.0.id, every_ms: self.every_ms(), report, checks: checks.cloned().collect() };
        let (open, now) = (self.0.notes.open(), looked.moment.now);
        let written = self.0.watched.system.write::<_, StoreError>(move |tx| {
            kept::breakers_seen(tx, &open, now)?;
            kept::record(tx, &looked)
        });
        // What was found is told all the same; that it is not written down is in the log.
        match tokio::time::timeout(super::look::WITHIN, written).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::warn!(%why, "what a look at everything found could not be written down"),
            Err(_) => tracing::warn!("what a look at everything found is still not written down after 3 s"),
        }
        self.publish(health.clone());
        health
    }

    /// Where another process looked for all, what this one has for itself is still to be written down: as long as it is not
    /// well, and once when it is again.
    async fn note_own(&self, health: &Health, troubled: &mut bool) {
        let own = health.checks.iter().filter(|check| check.part.is_each_process_own());
        let checks: Vec<_> = own.cloned().collect();
        let is_troubled = checks.iter().any(|check| check.level != Level::Good);
        if !std::mem::replace(troubled, is_troubled) && !is_troubled {
            return;
        }
        let looked = Looked {
            moment: (self.0.clock)(),
            by: self.0.id,
            every_ms: self.every_ms(),
            report: String::new(),
            checks,
        };
        let (open, now) = (self.0.notes.open(), looked.moment.now);
        let written = self.0.watched.system.write::<_, StoreError>(move |tx| {
            kept::breakers_seen(tx, &open, now)?;
            kept::note(tx, &looked)
        });
        if let Err(why) = written.await {
            tracing::warn!(%why, "what this process has trouble with could not be written down");
        }
    }

    fn publish(&self, health: Health) {
        let event = Event::Health(Box::new(health.clone()));
        self.0.latest.send_replace(Some((Instant::now(), Arc::new(health))));
        self.0.watched.hub.hint_everyone(&event);
    }
}
