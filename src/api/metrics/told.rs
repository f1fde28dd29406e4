//! What was counted as text: rows for programs, Prometheus' format, and the page of documentation. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    Kind, Series, Snapshot, TABLE, Unit, Value,
    table::{SPEEDS, TIMES},
};

/// A series for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub labels: BTreeMap<&'static str, &'static str>,
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

impl Snapshot {
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
            let _ = write!(text, "# HELP {} {}\n# TYPE {} {kind}\n", spec.name, help(spec.help), spec.name);
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

/// A sentence on a line of its own.
pub(super) fn help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// `name{label="value"}`. Values are this program's own words; one that is not could not break the line.
pub(super) fn written(name: &str, labels: &[(&str, &str)], more: Option<(&str, &str)>) -> String {
    let labels: Vec<String> = labels
        .iter()
        .copied()
        .chain(more)
        .map(|(name, value)| format!("{name}=\"{}\"", help(value).replace('"', "\\\"")))
        .collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
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
         hour and when it ends; the last 2160 hours in which something was counted are kept, which is ninety days, and what is \
         older goes into one sum, so that no counter ever goes back.\n\n\
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
