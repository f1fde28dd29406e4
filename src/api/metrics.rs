//! What is counted: one table of counters and histograms, and what was counted as a value that can be added up.
//!
//! Nothing in it is anybody's: no account, no model, no title. Counting itself is `metrics`, keeping it by the hour
//! `store::system::metrics`. Invariant: a series has its place by its row and its labels, all of which stand here; a place
//! that was stored under a name which no row has any more is passed over.

mod table;
mod told;

use std::{collections::HashMap, sync::LazyLock};

use serde::Serialize;

use self::table::{SPEEDS, TIMES};
pub use self::{
    table::TABLE,
    told::{Row, metrics_markdown},
};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    Calls,
    CallTime,
    SignInsRefused,
    StoreWait,
    StoreRun,
    CacheHits,
    CacheMisses,
    CacheBytes,
    OllamaCalls,
    OllamaTime,
    OllamaConnect,
    Answers,
    FirstToken,
    Speed,
    Tokens,
    Jobs,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only grows.
    Counter,
    /// How it stands; over an hour, the greatest there was.
    Gauge,
    /// How many were at most how great.
    Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things that happened.
    Times,
    Seconds,
    Bytes,
    Tokens,
    TokensPerSecond,
}

impl Unit {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Times => "times",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Tokens => "tokens",
            Self::TokensPerSecond => "tokens a second",
        }
    }
}

/// What tells the series of a row apart.
#[derive(Debug)]
pub struct Label {
    pub name: &'static str,
    pub values: &'static [&'static str],
}

/// One row.
#[derive(Debug)]
pub struct Spec {
    pub metric: Metric,
    /// As Prometheus writes it.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [Label],
    pub help: &'static str,
}

impl Spec {
    /// How many series it has.
    #[must_use]
    pub const fn series(&self) -> usize {
        let (mut count, mut at) = (1, 0);
        while at < self.labels.len() {
            count *= self.labels[at].values.len();
            at += 1;
        }
        count
    }

    /// The upper ends of a histogram's steps, in millionths of its unit.
    #[must_use]
    pub fn steps(&self) -> &'static [u64; STEPS] {
        match self.unit {
            Unit::TokensPerSecond => &SPEEDS,
            Unit::Times | Unit::Seconds | Unit::Bytes | Unit::Tokens => &TIMES,
        }
    }

    /// The values of its labels at this place among its series.
    #[must_use]
    pub fn values(&self, mut place: usize) -> Vec<(&'static str, &'static str)> {
        let mut values = Vec::with_capacity(self.labels.len());
        for label in self.labels.iter().rev() {
            values.push((label.name, label.values[place % label.values.len()]));
            place /= label.values.len();
        }
        values.reverse();
        values
    }
}

/// Steps of a histogram; what is greater than all of them has one more place.
pub const STEPS: usize = 20;

const ROWS: usize = TABLE.len();

/// Where each row's series begin, and after the last one how many there are.
const OFFSETS: [usize; ROWS + 1] = {
    let mut offsets = [0; ROWS + 1];
    let mut row = 0;
    while row < ROWS {
        offsets[row + 1] = offsets[row] + TABLE[row].series();
        row += 1;
    }
    offsets
};

/// How many series there are.
pub const SERIES: usize = OFFSETS[ROWS];

/// A series by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series(usize);

impl Series {
    /// That of a row, by the places of its labels' values.
    #[must_use]
    pub const fn of(metric: Metric, labels: &[usize]) -> Self {
        // The rows stand in the order of the enum, which a test holds.
        let row = metric as usize;
        let (mut place, mut at) = (0, 0);
        while at < labels.len() {
            place = place * TABLE[row].labels[at].values.len() + labels[at];
            at += 1;
        }
        Self(OFFSETS[row] + place)
    }

    /// All of them, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SERIES).map(Self)
    }

    /// The one that is stored under this name.
    #[must_use]
    pub fn named(key: &str) -> Option<Self> {
        static KEYS: LazyLock<HashMap<String, Series>> =
            LazyLock::new(|| Series::all().map(|series| (series.key(), series)).collect());
        KEYS.get(key).copied()
    }

    /// Its place among all.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }

    #[must_use]
    pub fn spec(self) -> &'static Spec {
        &TABLE[OFFSETS.partition_point(|begin| *begin <= self.0) - 1]
    }

    /// Its labels with their values.
    #[must_use]
    pub fn labels(self) -> Vec<(&'static str, &'static str)> {
        let spec = self.spec();
        spec.values(self.0 - OFFSETS[spec.metric as usize])
    }

    /// `name{label="value"}`: its name in the database, and as Prometheus writes it.
    #[must_use]
    pub fn key(self) -> String {
        told::written(self.spec().name, &self.labels(), None)
    }
}

/// How many were at most how great.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    pub steps: [u64; STEPS + 1],
    /// Of all of them, in millionths of the unit.
    pub sum: u64,
}

impl Spread {
    #[must_use]
    pub fn count(&self) -> u64 {
        self.steps.iter().sum()
    }

    /// The value, in the unit, that so large a part of them does not exceed. Within a step it is estimated; beyond the
    /// last step, its end is all that is known. `None` = there are none.
    #[must_use]
    pub fn quantile(&self, part: f64, ends: &[u64; STEPS]) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = part * count as f64;
        let mut before = 0;
        for (place, there) in self.steps.iter().enumerate() {
            let here = before + there;
            if *there > 0 && here as f64 >= wanted {
                let low = place.checked_sub(1).map_or(0, |below| ends[below]) as f64;
                let Some(high) = ends.get(place) else { return Some(low / 1e6) };
                let within = ((wanted - before as f64) / *there as f64).clamp(0.0, 1.0);
                return Some((low + (*high as f64 - low) * within) / 1e6);
            }
            before = here;
        }
        None
    }
}

/// What was counted of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Count(u64),
    Gauge(u64),
    Spread(Spread),
}

impl Value {
    /// Of a series of this kind, when nothing has happened.
    #[must_use]
    pub fn nothing(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Count(0),
            Kind::Gauge => Self::Gauge(0),
            Kind::Histogram => Self::Spread(Spread::default()),
        }
    }

    /// How much happened.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Count(count) | Self::Gauge(count) => *count,
            Self::Spread(spread) => spread.count(),
        }
    }

    pub fn add(&mut self, more: &Self) {
        match (self, more) {
            (Self::Count(sum), Self::Count(more)) => *sum = sum.saturating_add(*more),
            (Self::Gauge(most), Self::Gauge(more)) => *most = (*most).max(*more),
            (Self::Spread(sum), Self::Spread(more)) => {
                for (sum, more) in sum.steps.iter_mut().zip(more.steps) {
                    *sum = sum.saturating_add(more);
                }
                sum.sum = sum.sum.saturating_add(more.sum);
            }
            // A series has one kind; a stored one of another is not read.
            (Self::Count(_) | Self::Gauge(_) | Self::Spread(_), _) => {}
        }
    }

    /// What came since `before`.
    #[must_use]
    fn since(&self, before: &Self) -> Self {
        match (self, before) {
            (Self::Count(now), Self::Count(then)) => Self::Count(now.saturating_sub(*then)),
            (Self::Spread(now), Self::Spread(then)) => {
                let mut came = *now;
                for (now, then) in came.steps.iter_mut().zip(then.steps) {
                    *now = now.saturating_sub(then);
                }
                came.sum = came.sum.saturating_sub(then.sum);
                Self::Spread(came)
            }
            (same, _) => *same,
        }
    }
}

/// What was counted of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Vec<Value>);

impl Default for Snapshot {
    fn default() -> Self {
        Self(Series::all().map(|series| Value::nothing(series.spec().kind)).collect())
    }
}

impl Snapshot {
    /// Of values in the order of the table.
    #[must_use]
    pub fn of(value: impl FnMut(Series) -> Value) -> Self {
        Self(Series::all().map(value).collect())
    }

    #[must_use]
    pub fn value(&self, series: Series) -> &Value {
        &self.0[series.0]
    }

    pub fn add(&mut self, series: Series, more: &Value) {
        self.0[series.0].add(more);
    }

    pub fn add_all(&mut self, more: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&more.0) {
            sum.add(more);
        }
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self(self.0.iter().zip(&before.0).map(|(now, then)| now.since(then)).collect())
    }

    /// The series of which there is something.
    pub fn there(&self) -> impl Iterator<Item = (Series, &Value)> {
        Series::all().zip(&self.0).filter(|(_, value)| value.count() > 0)
    }

    /// All series of a row as one.
    #[must_use]
    pub fn whole(&self, metric: Metric) -> Value {
        let row = metric as usize;
        let mut whole = Value::nothing(TABLE[row].kind);
        self.0[OFFSETS[row]..OFFSETS[row + 1]].iter().for_each(|value| whole.add(value));
        whole
    }
}

/// One hour, over all processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// When it began, milliseconds since 1970, UTC.
    pub began_at: i64,
    pub counted: Snapshot,
}

/// What is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// So many hours before this one.
    pub hours: u32,
    /// Everything ever counted as well, for which all that is kept is added up.
    pub total: bool,
}

/// What there is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// By this process since it began.
    pub here: Snapshot,
    /// In this hour so far: this process to the moment, others as far as they have written it down.
    pub hour: Snapshot,
    /// By everybody ever, what is older than the kept hours included; where it was wanted.
    pub total: Option<Snapshot>,
    /// The hours before, oldest first. One in which nothing happened is left away.
    pub before: Vec<Hour>,
}

#[cfg(test)]
mod tests;
