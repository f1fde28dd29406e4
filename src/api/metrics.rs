//! What is counted: one table of counters and histograms, and what was counted as a value that can be added up.
//!
//! Nothing in it is anybody's: no account, no model, no title. Counting itself is `metrics`, keeping it by the hour
//! `store::system::metrics`. Invariant: a series has its place by its row and its labels, all of which stand here; a place
//! that was stored under a name which no row has any more is passed over.

use std::{collections::HashMap, fmt::Write as _, sync::LazyLock};

use serde::Serialize;

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
    Answers,
    FirstToken,
    Speed,
    Tokens,
    Jobs,
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

const CLASS: Label = Label { name: "class", values: &["chat", "auth", "admin", "read", "write", "free"] };
const CALL_OUTCOME: Label = Label { name: "outcome", values: &["ok", "refused", "limited", "failed"] };
const WHY_REFUSED: Label = Label { name: "why", values: &["wrong", "too_often"] };
const LANE: Label =
    Label { name: "lane", values: &["system_write", "system_read", "vault_write", "vault_read", "search"] };
const CACHE: Label = Label { name: "cache", values: &["lists", "details", "facts"] };
const OLLAMA_KIND: Label = Label { name: "kind", values: &["chat", "embed", "manage"] };
const OLLAMA_OUTCOME: Label = Label { name: "outcome", values: &["answered", "failed", "abandoned"] };
const ANSWER_STATE: Label = Label { name: "state", values: &["done", "length", "stopped", "interrupted", "failed"] };
const TOKENS_OF: Label = Label { name: "of", values: &["prompt", "answer"] };
const JOB_OUTCOME: Label = Label { name: "outcome", values: &["done", "failed", "put", "again"] };

/// All of them, in the order in which they are shown.
pub const TABLE: &[Spec] = &[
    Spec {
        metric: Metric::Calls,
        name: "ollamanet_calls_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CLASS, CALL_OUTCOME],
        help: "Calls through the gateway, by class of operation and how they ended; limited = too many in a short time.",
    },
    Spec {
        metric: Metric::CallTime,
        name: "ollamanet_call_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[CLASS],
        help: "Time of a call from the gate to its end. An answer goes on after its call.",
    },
    Spec {
        metric: Metric::SignInsRefused,
        name: "ollamanet_sign_ins_refused_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[WHY_REFUSED],
        help: "Calls that take a passphrase or a code and were refused: it was wrong, or too many were tried.",
    },
    Spec {
        metric: Metric::StoreWait,
        name: "ollamanet_store_wait_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[LANE],
        help: "Time that work for a database waited for its thread.",
    },
    Spec {
        metric: Metric::StoreRun,
        name: "ollamanet_store_run_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[LANE],
        help: "Time that work for a database ran, its commit included.",
    },
    Spec {
        metric: Metric::CacheHits,
        name: "ollamanet_cache_hits_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CACHE],
        help: "What was wanted of models and was at hand.",
    },
    Spec {
        metric: Metric::CacheMisses,
        name: "ollamanet_cache_misses_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CACHE],
        help: "What was wanted of models and had to be asked for.",
    },
    Spec {
        metric: Metric::CacheBytes,
        name: "ollamanet_cache_bytes",
        kind: Kind::Gauge,
        unit: Unit::Bytes,
        labels: &[CACHE],
        help: "Memory that what is kept of models takes in one process.",
    },
    Spec {
        metric: Metric::OllamaCalls,
        name: "ollamanet_ollama_calls_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[OLLAMA_KIND, OLLAMA_OUTCOME],
        help: "Calls of Ollama, by kind and how they ended; abandoned = whoever asked walked away first.",
    },
    Spec {
        metric: Metric::OllamaTime,
        name: "ollamanet_ollama_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[OLLAMA_KIND],
        help: "Time from a request to Ollama leaving until its answer is there, or its first piece.",
    },
    Spec {
        metric: Metric::Answers,
        name: "ollamanet_answers_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[ANSWER_STATE],
        help: "Answers, by how they ended.",
    },
    Spec {
        metric: Metric::FirstToken,
        name: "ollamanet_first_token_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time from the request for an answer leaving until its first token.",
    },
    Spec {
        metric: Metric::Speed,
        name: "ollamanet_tokens_per_second",
        kind: Kind::Histogram,
        unit: Unit::TokensPerSecond,
        labels: &[],
        help: "How fast answers were written, where Ollama said so.",
    },
    Spec {
        metric: Metric::Tokens,
        name: "ollamanet_tokens_total",
        kind: Kind::Counter,
        unit: Unit::Tokens,
        labels: &[TOKENS_OF],
        help: "Tokens read and written for answers, as Ollama counted them.",
    },
    Spec {
        metric: Metric::Jobs,
        name: "ollamanet_jobs_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[JOB_OUTCOME],
        help: "Attempts of jobs, by how they ended; put = paused or cancelled, again = it will be tried again.",
    },
];

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

const MS: u64 = 1000;
const S: u64 = 1_000_000;
const TIMES: [u64; STEPS] = [
    100,
    200,
    500,
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    S,
    2 * S,
    5 * S,
    10 * S,
    20 * S,
    50 * S,
    100 * S,
    200 * S,
];
const SPEEDS: [u64; STEPS] = [
    S,
    2 * S,
    5 * S,
    10 * S,
    15 * S,
    20 * S,
    30 * S,
    40 * S,
    50 * S,
    60 * S,
    80 * S,
    100 * S,
    125 * S,
    150 * S,
    200 * S,
    250 * S,
    300 * S,
    400 * S,
    500 * S,
    1000 * S,
];

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
        written(self.spec().name, &self.labels(), None)
    }
}

fn written(name: &str, labels: &[(&str, &str)], more: Option<(&str, &str)>) -> String {
    let labels: Vec<String> =
        labels.iter().copied().chain(more).map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
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

    /// As rows for programs, those of which there is nothing left away.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.there().map(|(series, value)| Row::of(series, value)).collect()
    }

    /// In Prometheus' text format, version 0.0.4. Every row is there, also where nothing has happened yet.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut series = Series::all();
        for spec in TABLE {
            let kind = match spec.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let help = spec.help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = write!(text, "# HELP {} {help}\n# TYPE {} {kind}\n", spec.name, spec.name);
            for series in series.by_ref().take(spec.series()) {
                let labels = series.labels();
                match self.value(series) {
                    Value::Count(value) | Value::Gauge(value) => {
                        let _ = writeln!(text, "{} {value}", written(spec.name, &labels, None));
                    }
                    Value::Spread(spread) => {
                        let bucket = format!("{}_bucket", spec.name);
                        let mut so_far = 0;
                        for (end, there) in spec.steps().iter().zip(spread.steps) {
                            so_far += there;
                            let end = format!("{}", *end as f64 / 1e6);
                            let _ = writeln!(text, "{} {so_far}", written(&bucket, &labels, Some(("le", &end))));
                        }
                        let count = spread.count();
                        let _ = writeln!(text, "{} {count}", written(&bucket, &labels, Some(("le", "+Inf"))));
                        let sum = spread.sum as f64 / 1e6;
                        let _ = writeln!(text, "{} {sum}", written(&format!("{}_sum", spec.name), &labels, None));
                        let _ = writeln!(text, "{} {count}", written(&format!("{}_count", spec.name), &labels, None));
                    }
                }
            }
        }
        text
    }
}

/// A series for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub labels: std::collections::BTreeMap<&'static str, &'static str>,
    pub kind: Kind,
    pub unit: Unit,
    /// How often it happened; of a gauge, how it stands.
    pub count: u64,
    /// Of a histogram, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
}

impl Row {
    #[must_use]
    pub fn of(series: Series, value: &Value) -> Self {
        let spec = series.spec();
        let quantile = |part| match value {
            Value::Spread(spread) => spread.quantile(part, spec.steps()),
            Value::Count(_) | Value::Gauge(_) => None,
        };
        let sum = match value {
            Value::Spread(spread) => Some(spread.sum as f64 / 1e6),
            Value::Count(_) | Value::Gauge(_) => None,
        };
        Self {
            name: spec.name,
            labels: series.labels().into_iter().collect(),
            kind: spec.kind,
            unit: spec.unit,
            count: value.count(),
            sum,
            p50: quantile(0.50),
            p95: quantile(0.95),
            p99: quantile(0.99),
        }
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

/// `docs/metrics.md`.
#[must_use]
pub fn metrics_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         What the program counts of itself. `ollamanet metrics` prints this hour, `--json` the hours before as well, \
         `--prometheus` everything ever counted in Prometheus' text format; Admin has a tab for it. All of it is for \
         administrators. Nothing of it is anybody's: there is no account, no model and no title in any of them.\n\n\
         Each process counts for itself and writes what came to the system database every ten minutes, at the end of the \
         hour and when it ends; hours are kept for ninety days, and what is older goes into one sum, so that no counter ever \
         goes back.\n\n\
         | name | kind | unit | labels | what it counts |\n|---|---|---|---|---|\n",
    );
    for spec in TABLE {
        let kind = match spec.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> =
            spec.labels.iter().map(|label| format!("`{}`: {}", label.name, label.values.join(", "))).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join("; ") };
        let _ = writeln!(page, "| `{}` | {kind} | {} | {labels} | {} |", spec.name, spec.unit.label(), spec.help);
    }
    let ends = |ends: &[u64]| ends.iter().map(|end| format!("{}", *end as f64 / 1e6)).collect::<Vec<_>>().join(", ");
    let _ = write!(
        page,
        "\nSteps of the histograms of seconds: {}. Of tokens a second: {}. Quantiles are estimated within a step.\n",
        ends(&TIMES),
        ends(&SPEEDS)
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_enum_and_every_series_is_found_by_its_name() {
        for (row, spec) in TABLE.iter().enumerate() {
            assert_eq!(spec.metric as usize, row, "{}", spec.name);
        }
        for series in Series::all() {
            assert_eq!(Series::named(&series.key()), Some(series));
        }
        let failed = Series::of(Metric::Calls, &[3, 3]);
        assert_eq!(failed.key(), r#"ollamanet_calls_total{class="read",outcome="failed"}"#);
        assert_eq!(Series::of(Metric::Speed, &[]).key(), "ollamanet_tokens_per_second");
        assert_eq!(Series::named("ollamanet_gone_total"), None);
    }

    #[test]
    fn a_quantile_lies_in_the_step_in_which_it_is() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(0.5, &TIMES), None);
        spread.steps[3] = 90;
        spread.steps[12] = 9;
        spread.steps[STEPS] = 1;
        let at = |part| spread.quantile(part, &TIMES).unwrap();
        assert!((0.0005..=0.001).contains(&at(0.5)), "{}", at(0.5));
        assert!((0.5..=1.0).contains(&at(0.95)), "{}", at(0.95));
        assert!((at(1.0) - 200.0).abs() < f64::EPSILON, "beyond the last step nothing more is known");
    }

    #[test]
    fn what_came_since_and_what_was_before_are_all_of_it() {
        let count = Series::of(Metric::Calls, &[0, 0]);
        let spread = Series::of(Metric::FirstToken, &[]);
        let gauge = Series::of(Metric::CacheBytes, &[1]);
        let one = Spread { steps: std::array::from_fn(|step| u64::from(step == 2)), sum: 300 };
        let mut before = Snapshot::default();
        before.add(count, &Value::Count(3));
        before.add(spread, &Value::Spread(one));
        before.add(gauge, &Value::Gauge(50));
        let mut now = before.clone();
        now.add(count, &Value::Count(2));
        now.add(spread, &Value::Spread(one));
        let came = now.since(&before);
        assert_eq!((came.value(count), came.value(spread)), (&Value::Count(2), &Value::Spread(one)));
        let mut all = before;
        all.add_all(&came);
        assert_eq!(all, now);
        assert_eq!(now.whole(Metric::Calls).count(), 5);
    }

    /// The syntax of <https://prometheus.io/docs/instrumenting/exposition_formats/>, as far as this program uses it.
    fn check_exposition(text: &str) -> usize {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        assert!(text.ends_with('\n'));
        let (mut of, mut kind, mut samples) = (String::new(), String::new(), 0);
        let mut last: Option<(String, f64)> = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                name.clone_into(&mut of);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, named) = rest.split_once(' ').unwrap();
                assert!(name == of && matches!(named, "counter" | "gauge" | "histogram"), "{line}");
                named.clone_into(&mut kind);
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                let (name, labels) = match series.split_once('{') {
                    Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
                    None => (series, ""),
                };
                assert!(is_name(name), "{line}");
                for label in labels.split(',').filter(|label| !label.is_empty()) {
                    let (label, value) = label.split_once('=').unwrap();
                    assert!(is_name(label) && value.starts_with('"') && value.ends_with('"'), "{line}");
                }
                let suffix = name.strip_prefix(of.as_str()).unwrap_or_else(|| panic!("{name} stands under {of}"));
                match kind.as_str() {
                    "histogram" => assert!(matches!(suffix, "_bucket" | "_sum" | "_count"), "{line}"),
                    _ => assert_eq!(suffix, "", "{line}"),
                }
                if suffix == "_bucket" {
                    let rest = labels.split(',').filter(|label| !label.starts_with("le=")).collect::<String>();
                    let whose = format!("{name}{rest}");
                    if let Some((before, count)) = &last {
                        assert!(*before != whose || *count <= value, "buckets are cumulative: {line}");
                    }
                    last = Some((whose, value));
                } else if suffix == "_count" {
                    assert_eq!(last.as_ref().unwrap().1.to_bits(), value.to_bits(), "+Inf counts all: {line}");
                }
                samples += 1;
            }
        }
        samples
    }

    #[test]
    fn prometheus_reads_what_is_written() {
        let mut counted = Snapshot::default();
        let spread = Spread { steps: std::array::from_fn(|step| step as u64), sum: 12_345_678 };
        counted.add(Series::of(Metric::StoreRun, &[2]), &Value::Spread(spread));
        counted.add(Series::of(Metric::Jobs, &[1]), &Value::Count(4));
        let text = counted.prometheus();
        let histograms: usize = TABLE.iter().filter(|spec| spec.kind == Kind::Histogram).map(Spec::series).sum();
        assert_eq!(check_exposition(&text), SERIES - histograms + histograms * (STEPS + 3));
        assert!(text.contains("ollamanet_jobs_total{outcome=\"failed\"} 4\n"), "{text}");
        assert!(text.contains("ollamanet_store_run_seconds_bucket{lane=\"vault_write\",le=\"0.0005\"} 3\n"), "{text}");
        assert!(text.contains("ollamanet_store_run_seconds_sum{lane=\"vault_write\"} 12.345678\n"), "{text}");
        assert!(text.contains("ollamanet_store_run_seconds_count{lane=\"vault_write\"} 210\n"), "{text}");
    }
}
