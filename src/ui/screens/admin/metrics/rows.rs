//! The rows of figures: which series each adds up, and what of them is shown. Pure.

use crate::{
    api::{
        FaultKind,
        metrics::{Counted, Metric, Series, Snapshot, Spread, TABLE, Unit, Value},
        reports::FailedAs,
        slowness::time,
    },
    ui::widgets::chart,
};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// How many hours a row's line shows, this one included.
pub const HOURS: usize = 25;

/// What failed most often for, and what else is told together with it.
const FAILED_BY: [(&str, &[FaultKind]); 6] = [
    ("Ollama away", &[FaultKind::Upstream]),
    ("Ollama's fault", &[FaultKind::Ollama]),
    ("the model", &[FaultKind::Model, FaultKind::ModelMissing, FaultKind::Overflow]),
    ("too many calls", &[FaultKind::Slow]),
    ("no room", &[FaultKind::DiskFull, FaultKind::ReadOnly]),
    ("took too long", &[FaultKind::Timeout]),
];

/// The series of what failed for one of these reasons.
fn failed(kinds: &[FaultKind], each: &[FailedAs]) -> Vec<Series> {
    let of = |as_what: &FailedAs| {
        let place = *as_what as usize;
        kinds.iter().map(move |kind| Series::of(Metric::Failed, &[place, *kind as usize]))
    };
    each.iter().flat_map(of).collect()
}

/// One row, and where its figures come from.
#[derive(Debug)]
pub struct Row {
    pub label: String,
    /// Of these the count is the sum.
    counts: Vec<Series>,
    /// Of these together the quantiles are told.
    spreads: Vec<Series>,
    unit: Unit,
}

/// What is shown of a row.
#[derive(Debug, Default, PartialEq)]
pub struct Figures {
    pub count: u64,
    /// Half, nineteen of twenty and ninety-nine of a hundred were at most so great.
    pub quantiles: [String; 3],
    /// Hour by hour, this one last.
    pub hours: Vec<f64>,
}

/// All of them, in the order in which they are shown.
#[must_use]
pub fn rows() -> Vec<Row> {
    let values = |metric: Metric, label: usize| TABLE[metric as usize].labels[label].values;
    let of = |metric: Metric, places: &[usize]| Series::of(metric, places);
    let all =
        |metric: Metric| -> Vec<Series> { Series::all().filter(|series| series.spec().metric == metric).collect() };
    let mut rows = Vec::new();
    let classes = values(Metric::Calls, 0);
    let outcomes = values(Metric::Calls, 1).len();
    for (class, name) in classes.iter().enumerate() {
        rows.push(Row {
            label: format!("calls: {name}"),
            counts: (0..outcomes).map(|outcome| of(Metric::Calls, &[class, outcome])).collect(),
            spreads: vec![of(Metric::CallTime, &[class])],
            unit: Unit::Seconds,
        });
    }
    let plain = |label: &str, counts: Vec<Series>| Row {
        label: label.to_owned(),
        counts,
        spreads: Vec::new(),
        unit: Unit::Times,
    };
    rows.push(plain("calls that failed", (0..classes.len()).map(|class| of(Metric::Calls, &[class, 3])).collect()));
    rows.push(plain("calls held back", (0..classes.len()).map(|class| of(Metric::Calls, &[class, 2])).collect()));
    rows.push(plain("sign-ins refused", all(Metric::SignInsRefused)));
    for (lane, name) in values(Metric::StoreRun, 0).iter().enumerate() {
        let run = vec![of(Metric::StoreRun, &[lane])];
        rows.push(Row {
            label: format!("store: {}", name.replace('_', " ")),
            counts: run.clone(),
            spreads: run,
            unit: Unit::Seconds,
        });
    }
    rows.push(Row {
        label: "store: waiting".to_owned(),
        counts: all(Metric::StoreWait),
        spreads: all(Metric::StoreWait),
        unit: Unit::Seconds,
    });
    rows.push(plain("cache: at hand", all(Metric::CacheHits)));
    rows.push(plain("cache: asked for", all(Metric::CacheMisses)));
    let outcomes = values(Metric::OllamaCalls, 1).len();
    for (kind, name) in values(Metric::OllamaCalls, 0).iter().enumerate() {
        rows.push(Row {
            label: format!("ollama: {name}"),
            counts: (0..outcomes).map(|outcome| of(Metric::OllamaCalls, &[kind, outcome])).collect(),
            spreads: vec![of(Metric::OllamaTime, &[kind])],
            unit: Unit::Seconds,
        });
    }
    rows.push(plain("ollama: failed", (0..3).map(|kind| of(Metric::OllamaCalls, &[kind, 1])).collect()));
    rows.push(Row {
        label: "ollama: connecting".to_owned(),
        counts: all(Metric::OllamaConnect),
        spreads: all(Metric::OllamaConnect),
        unit: Unit::Seconds,
    });
    rows.push(Row {
        label: "answers: first token".to_owned(),
        counts: all(Metric::Answers),
        spreads: all(Metric::FirstToken),
        unit: Unit::Seconds,
    });
    rows.push(Row {
        label: "answers: tokens/s".to_owned(),
        counts: vec![of(Metric::Tokens, &[1])],
        spreads: all(Metric::Speed),
        unit: Unit::TokensPerSecond,
    });
    rows.push(plain("answers that failed", vec![of(Metric::Answers, &[4])]));
    rows.push(plain("questions refused", failed(&FaultKind::ALL, &[FailedAs::Question])));
    let known = FAILED_BY.iter().flat_map(|(_, kinds)| kinds.iter()).copied().collect::<Vec<_>>();
    let others: Vec<FaultKind> = FaultKind::ALL.into_iter().filter(|kind| !known.contains(kind)).collect();
    for (words, kinds) in FAILED_BY.iter().copied().chain([("another reason", others.as_slice())]) {
        rows.push(plain(&format!("failed: {words}"), failed(kinds, &[FailedAs::Question, FailedAs::Answer])));
    }
    rows.push(plain("jobs: attempts", all(Metric::Jobs)));
    rows
}

impl Row {
    /// How much of it was counted.
    #[must_use]
    pub fn count(&self, counted: &Snapshot) -> u64 {
        self.counts.iter().map(|series| counted.value(*series).count()).sum()
    }

    #[must_use]
    pub fn figures(&self, counted: &Counted) -> Figures {
        let mut whole = Spread::default();
        for series in &self.spreads {
            if let Value::Spread(spread) = counted.hour.value(*series) {
                for (sum, more) in whole.steps.iter_mut().zip(spread.steps) {
                    *sum += more;
                }
            }
        }
        let quantile = |part| {
            let ends = self.spreads.first()?.spec().steps();
            whole.quantile(part, ends).map(|value| measure(self.unit, value))
        };
        let mut hours = vec![0.0; HOURS];
        let began = counted.at - counted.at.rem_euclid(HOUR);
        for hour in &counted.before {
            let ago = usize::try_from((began - hour.began_at) / HOUR).unwrap_or(HOURS);
            if let Some(place) = (HOURS - 1).checked_sub(ago) {
                hours[place] = self.count(&hour.counted) as f64;
            }
        }
        let count = self.count(&counted.hour);
        hours[HOURS - 1] = count as f64;
        Figures {
            count,
            quantiles: [0.50, 0.95, 0.99].map(|part| quantile(part).unwrap_or_else(|| "–".to_owned())),
            hours,
        }
    }
}

fn measure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => time((value * 1e6) as u64),
        Unit::TokensPerSecond => format!("{value:.0}/s"),
        Unit::Times | Unit::Bytes | Unit::Tokens => chart::count(value as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{admin::Class, metrics::Hour},
        metrics::Metrics,
    };

    #[test]
    fn a_row_adds_up_its_series_and_shows_each_hour_in_its_place() {
        let metrics = Metrics::new();
        metrics.call(Class::Read, None, std::time::Duration::from_micros(150));
        metrics.call(Class::Read, Some(crate::api::FaultKind::NotFound), std::time::Duration::from_millis(30));
        let hour = metrics.snapshot();
        let at = 100 * HOUR + 1;
        let before = vec![
            Hour { began_at: 97 * HOUR, counted: hour.clone() },
            Hour { began_at: 3 * HOUR, counted: hour.clone() },
        ];
        let counted = Counted { at, here: Snapshot::default(), hour, total: None, before };
        let rows = rows();
        let read = rows.iter().find(|row| row.label == "calls: read").unwrap();
        let figures = read.figures(&counted);
        let mut hours = vec![0.0; HOURS];
        (hours[HOURS - 1], hours[HOURS - 4]) = (2.0, 2.0);
        assert_eq!((figures.count, figures.hours), (2, hours), "an hour of long ago has no place");
        assert_eq!(figures.quantiles[0], "0.2 ms");
        metrics.failed(FailedAs::Question, FaultKind::Slow);
        metrics.failed(FailedAs::Answer, FaultKind::Store);
        let later = Counted { hour: metrics.snapshot(), ..counted.clone() };
        let count = |label: &str| rows.iter().find(|row| row.label == label).unwrap().figures(&later).count;
        assert_eq!((count("questions refused"), count("failed: too many calls")), (1, 1));
        assert_eq!((count("failed: another reason"), count("failed: Ollama away")), (1, 0));
        let chat = rows.iter().find(|row| row.label == "calls: chat").unwrap().figures(&counted);
        assert_eq!((chat.count, chat.quantiles), (0, ["–", "–", "–"].map(str::to_owned)));
    }
}
