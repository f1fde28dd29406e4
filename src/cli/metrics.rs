//! `ollamanet metrics`: what was counted, for people, for programs, for Prometheus and for spreadsheets.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    operations_args::Metrics,
    out::{self, csv_cell, print, print_json, safe, say},
};
use crate::api::{
    amount,
    auth::Session,
    metrics::{Counted, Hour, Kind, Row, Snapshot, Unit, Wanted},
    requests::{Span, Traced},
    slowness::time,
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Metrics) -> Result<(), End> {
    let session = desk.session().await?;
    if let Some(most) = what.requests {
        return requests(desk, &session, most).await;
    }
    let is_long = what.csv || desk.global.json;
    let wanted = Wanted { hours: if is_long { what.hours } else { 0 }, total: what.prometheus || desk.global.json };
    let counted = desk.gateway.counted(&session, wanted).await?;
    if what.prometheus {
        print(&counted.total.unwrap_or_default().prometheus())
    } else if what.csv {
        print(&csv(&counted))
    } else if desk.global.json {
        print_json(&machine(&counted))
    } else {
        tell(&counted)
    }
}

fn machine(counted: &Counted) -> serde_json::Value {
    let before = counted
        .before
        .iter()
        .map(|Hour { began_at, counted }| json!({ "began_at": began_at, "counted": counted.rows() }));
    json!({
        "at": counted.at,
        "hour": counted.hour.rows(),
        "total": counted.total.as_ref().map(Snapshot::rows),
        "before": before.collect::<Vec<_>>(),
    })
}

fn tell(counted: &Counted) -> Result<(), End> {
    let rows = counted.hour.rows();
    if rows.is_empty() {
        say("Nothing was counted in this hour.");
        return Ok(());
    }
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let shown = |value: Option<f64>| value.map(|value| measure(row.unit, value)).unwrap_or_default();
            let count = match (row.kind, row.unit) {
                (Kind::Gauge, Unit::Bytes) => amount::bytes(row.count),
                _ => row.count.to_string(),
            };
            [series(row), count, shown(row.p50), shown(row.p95), shown(row.p99)]
        })
        .collect();
    print(&out::table(["IN THIS HOUR", "COUNT", "P50", "P95", "P99"], &cells))
}

/// Its name without what all names begin with, and its labels.
fn series(row: &Row) -> String {
    let labels: Vec<&str> = row.labels.values().copied().collect();
    let name = row.name.trim_start_matches("ollamanet_").trim_end_matches("_total").trim_end_matches("_seconds");
    if labels.is_empty() { name.to_owned() } else { format!("{name} {}", labels.join(" ")) }
}

fn measure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => time((value * 1e6) as u64),
        Unit::TokensPerSecond => format!("{value:.1}/s"),
        Unit::Times | Unit::Bytes | Unit::Tokens => format!("{value:.0}"),
    }
}

fn csv(counted: &Counted) -> String {
    let mut text = "hour,name,labels,kind,unit,count,sum,p50,p95,p99\n".to_owned();
    let began = counted.at - counted.at.rem_euclid(3_600_000);
    let hours = counted.before.iter().map(|hour| (hour.began_at, &hour.counted));
    for (began_at, counted) in hours.chain([(began, &counted.hour)]) {
        let hour = jiff::Timestamp::from_millisecond(began_at).map(|at| at.to_string()).unwrap_or_default();
        for row in counted.rows() {
            let labels: Vec<String> = row.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let figure = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let cells = [
                hour.clone(),
                row.name.to_owned(),
                csv_cell(&labels.join(" ")),
                word(&row.kind),
                word(&row.unit),
                row.count.to_string(),
                figure(row.sum),
                figure(row.p50),
                figure(row.p95),
                figure(row.p99),
            ];
            let _ = writeln!(text, "{}", cells.join(","));
        }
    }
    text
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn requests(desk: &Desk, session: &Session, limit: u32) -> Result<(), End> {
    let requests = desk.gateway.requests(session, limit).await?;
    if desk.global.json {
        return print_json(&requests);
    }
    if requests.is_empty() {
        say("No request has ended in this process yet; a window shows its own in Admin.");
        return Ok(());
    }
    let text: String = requests.iter().map(request).collect();
    print(&text)
}

fn request(traced: &Traced) -> String {
    let id = traced.request.map(|request| request.to_string()).unwrap_or_default();
    let mut text = format!("{} {} {id}\n", safe(traced.what()), time(traced.took_us));
    for span in &traced.spans {
        let Span { name, what, from_us, took_us, wait_us, outcome, .. } = span;
        let _ = write!(text, "  +{:<9} {:<9} {name} {}", time(*from_us), time(*took_us), safe(what));
        if let Some(wait) = wait_us {
            let _ = write!(text, " (waited {})", time(*wait));
        }
        if let Some(outcome) = outcome {
            let _ = write!(text, " {}", safe(outcome));
        }
        text.push('\n');
    }
    text
}
