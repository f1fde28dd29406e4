//! Counting: a place in memory for each series of `api::metrics`, added to without a lock.
//!
//! One for the process, handed to whoever has something to count. It decides nothing and keeps nothing; what came is
//! written down by the hour elsewhere. Invariant: nothing goes in but numbers and places in the table, so that nothing of
//! anybody's can.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::api::{
    FaultKind,
    admin::Class,
    chat::{self, MessageState},
    metrics::{Kind, Metric, STEPS, Series, Snapshot, Spread, Value},
    reports::FailedAs,
};

/// One database's thread, as far as counting tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    SystemWrite,
    SystemRead,
    VaultWrite,
    VaultRead,
    Search,
}

impl Lane {
    /// As spans write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SystemWrite => "system write",
            Self::SystemRead => "system read",
            Self::VaultWrite => "vault write",
            Self::VaultRead => "vault read",
            Self::Search => "search",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    Lists,
    Details,
    Facts,
}

/// The kinds of Ollama call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OllamaKind {
    Chat,
    Embed,
    Manage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OllamaOutcome {
    Answered,
    Failed,
    Abandoned,
}

/// How an attempt of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    Done,
    Failed,
    Put,
    Again,
}

/// What a histogram is counted in.
#[derive(Debug)]
struct Steps {
    ends: &'static [u64; STEPS],
    counts: [AtomicU64; STEPS + 1],
    sum: AtomicU64,
}

#[derive(Debug)]
enum Place {
    Count(AtomicU64),
    Gauge(AtomicU64),
    Steps(Box<Steps>),
}

/// Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<[Place]>);

impl Default for Metrics {
    fn default() -> Self {
        Self(Series::all().map(place).collect())
    }
}

fn place(series: Series) -> Place {
    let spec = series.spec();
    match spec.kind {
        Kind::Counter => Place::Count(AtomicU64::new(0)),
        Kind::Gauge => Place::Gauge(AtomicU64::new(0)),
        Kind::Histogram => Place::Steps(Box::new(Steps {
            ends: spec.steps(),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum: AtomicU64::new(0),
        })),
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts nothing: what counting is measured against.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// A call has gone through the gate.
    pub fn call(&self, class: Class, failed: Option<FaultKind>, took: Duration) {
        let class = match class {
            Class::Chat => 0,
            Class::Auth => 1,
            Class::Admin => 2,
            Class::Read => 3,
            Class::Write => 4,
            Class::Free => 5,
        };
        self.count(Series::of(Metric::Calls, &[class, failed.map_or(0, outcome)]), 1);
        self.took(Series::of(Metric::CallTime, &[class]), took);
        match failed {
            Some(FaultKind::WrongCredentials) => self.count(Series::of(Metric::SignInsRefused, &[0]), 1),
            Some(FaultKind::Slow) if class == 1 => self.count(Series::of(Metric::SignInsRefused, &[1]), 1),
            Some(_) | None => {}
        }
    }

    /// Work for a database has ended.
    pub fn store(&self, lane: Lane, waited: Duration, ran: Duration) {
        self.took(Series::of(Metric::StoreWait, &[lane as usize]), waited);
        self.took(Series::of(Metric::StoreRun, &[lane as usize]), ran);
    }

    pub fn cache(&self, cache: Cache, is_hit: bool) {
        let metric = if is_hit { Metric::CacheHits } else { Metric::CacheMisses };
        self.count(Series::of(metric, &[cache as usize]), 1);
    }

    pub fn cache_bytes(&self, cache: Cache, bytes: u64) {
        if let Some(Place::Gauge(gauge)) = self.place(Series::of(Metric::CacheBytes, &[cache as usize])) {
            gauge.store(bytes, Ordering::Relaxed);
        }
    }

    /// It is known how a call of Ollama went.
    pub fn ollama(&self, kind: OllamaKind, outcome: OllamaOutcome, took: Duration) {
        self.count(Series::of(Metric::OllamaCalls, &[kind as usize, outcome as usize]), 1);
        if outcome == OllamaOutcome::Answered {
            self.took(Series::of(Metric::OllamaTime, &[kind as usize]), took);
        }
    }

    /// A new connection to Ollama was made.
    pub fn connected(&self, took: Duration) {
        self.took(Series::of(Metric::OllamaConnect, &[]), took);
    }

    /// An answer has ended, with what it cost.
    pub fn answer(&self, state: MessageState, cost: &chat::Metrics) {
        let state = match state {
            MessageState::Done => 0,
            MessageState::Length => 1,
            MessageState::Stopped => 2,
            MessageState::Interrupted => 3,
            MessageState::Failed => 4,
            // Only what has ended is counted.
            MessageState::Streaming => return,
        };
        self.count(Series::of(Metric::Answers, &[state]), 1);
        if let Some(ms) = cost.first_token_ms {
            self.took(Series::of(Metric::FirstToken, &[]), Duration::from_millis(u64::from(ms)));
        }
        if let Some(speed) = cost.tokens_per_second() {
            self.note(Series::of(Metric::Speed, &[]), (speed * 1e6) as u64);
        }
        self.count(Series::of(Metric::Tokens, &[0]), cost.prompt_tokens.map_or(0, u64::from));
        self.count(Series::of(Metric::Tokens, &[1]), cost.answer_tokens.map_or(0, u64::from));
    }

    /// A question got no answer, or one that failed.
    pub fn failed(&self, as_what: FailedAs, kind: FaultKind) {
        self.count(Series::of(Metric::Failed, &[as_what as usize, kind as usize]), 1);
    }

    pub fn job(&self, outcome: JobOutcome) {
        self.count(Series::of(Metric::Jobs, &[outcome as usize]), 1);
    }

    /// What was counted since the process began. Others go on counting meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Snapshot::of(|series| match self.place(series) {
            Some(Place::Count(count)) => Value::Count(of(count)),
            Some(Place::Gauge(gauge)) => Value::Gauge(of(gauge)),
            Some(Place::Steps(steps)) => Value::Spread(Spread {
                steps: std::array::from_fn(|step| of(&steps.counts[step])),
                sum: of(&steps.sum),
            }),
            None => Value::nothing(series.spec().kind),
        })
    }

    fn place(&self, series: Series) -> Option<&Place> {
        self.0.get(series.index())
    }

    fn count(&self, series: Series, more: u64) {
        if let Some(Place::Count(count)) = self.place(series) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn took(&self, series: Series, took: Duration) {
        self.note(series, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// `millionths` of the series' unit.
    fn note(&self, series: Series, millionths: u64) {
        if let Some(Place::Steps(steps)) = self.place(series) {
            let step = steps.ends.partition_point(|end| *end < millionths);
            steps.counts[step].fetch_add(1, Ordering::Relaxed);
            steps.sum.fetch_add(millionths, Ordering::Relaxed);
        }
    }
}

/// The place of a fault among the ways a call ends: refused is what a person can mend by asking for something else.
fn outcome(kind: FaultKind) -> usize {
    match kind {
        FaultKind::SignedOut
        | FaultKind::Locked
        | FaultKind::Denied
        | FaultKind::WrongCredentials
        | FaultKind::Unconfirmed
        | FaultKind::SecondFactorWanted
        | FaultKind::ModelMissing
        | FaultKind::Overflow
        | FaultKind::Invalid
        | FaultKind::Conflict
        | FaultKind::NotFound
        | FaultKind::Cancelled => 1,
        FaultKind::Slow => 2,
        FaultKind::Upstream
        | FaultKind::Ollama
        | FaultKind::Model
        | FaultKind::Timeout
        | FaultKind::DiskFull
        | FaultKind::ReadOnly
        | FaultKind::Unsafe
        | FaultKind::Store
        | FaultKind::Internal => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_stands_in_its_series() {
        let metrics = Metrics::new();
        metrics.call(Class::Read, None, Duration::from_micros(150));
        metrics.call(Class::Auth, Some(FaultKind::WrongCredentials), Duration::from_millis(300));
        metrics.call(Class::Auth, Some(FaultKind::Slow), Duration::ZERO);
        metrics.call(Class::Chat, Some(FaultKind::Upstream), Duration::ZERO);
        metrics.store(Lane::VaultWrite, Duration::from_micros(20), Duration::from_millis(3));
        metrics.cache(Cache::Facts, false);
        metrics.cache_bytes(Cache::Details, 900);
        metrics.ollama(OllamaKind::Chat, OllamaOutcome::Abandoned, Duration::from_secs(1));
        metrics.connected(Duration::from_millis(2));
        metrics.job(JobOutcome::Again);
        let cost = chat::Metrics {
            first_token_ms: Some(312),
            prompt_tokens: Some(40),
            answer_tokens: Some(90),
            answer_ms: Some(2000),
            ..chat::Metrics::default()
        };
        metrics.answer(MessageState::Stopped, &cost);
        let told: Vec<String> =
            metrics.snapshot().there().map(|(series, value)| format!("{} {}", series.key(), value.count())).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_value_falls_into_the_first_step_that_is_not_smaller() {
        let metrics = Metrics::new();
        for micros in [0, 100, 101, 200_000_000, 200_000_001] {
            metrics.store(Lane::Search, Duration::ZERO, Duration::from_micros(micros));
        }
        let counted = metrics.snapshot();
        let Value::Spread(spread) = *counted.value(Series::of(Metric::StoreRun, &[4])) else { panic!("a histogram") };
        assert_eq!((spread.steps[0], spread.steps[1], spread.steps[19], spread.steps[20]), (2, 1, 1, 1));
    }

    #[test]
    fn threads_count_together() {
        let metrics = Metrics::new();
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| (0..1000).for_each(|_| metrics.cache(Cache::Lists, true)));
            }
        });
        assert_eq!(metrics.snapshot().whole(Metric::CacheHits).count(), 4000);
    }
}
