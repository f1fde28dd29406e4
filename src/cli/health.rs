//! `ollamanet health`: one report and an exit code for whoever watches; how it was, for administrators.

use std::{fmt::Write as _, io::IsTerminal, pin::pin};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::{
    Desk, End, audit,
    health_args::Health as What,
    out::{csv_cell, moment, print, print_json, safe, say, table},
};
use crate::api::{
    Fault,
    health::{BreakerOutage, Check, FullCheck, Health, HealthHistory, Level, OllamaState, Part, Stretch},
};

/// Most rows of one page.
const PAGE: u32 = 500;

/// # Errors
/// `Code(3)` when Ollama is not reachable, `Code(1)` when something here is bad, or with `strict` not good.
pub async fn run(desk: &Desk, what: What) -> Result<(), End> {
    if what.history {
        return history(desk, &what).await;
    }
    let full = if what.full { Some(in_full(desk).await?) } else { None };
    let mut health = desk.gateway.health().await?;
    if let Some(Err(fault)) = full {
        damaged(&mut health, &fault);
    }
    if desk.global.json {
        print_json(&health)?;
    } else {
        print(&report(&health))?;
        if what.full && health.check(Part::Store).is_some_and(|store| store.level == Level::Good) {
            print("system.db was looked through whole and is sound.\n")?;
        }
    }
    match exit_code(&health, what.strict) {
        0 => Ok(()),
        code => Err(End::Code(code)),
    }
}

/// What a look through the whole database found stands in the report, also where a look at a part of it finds nothing.
fn damaged(health: &mut Health, fault: &Fault) {
    if let Some(store) = health.checks.iter_mut().find(|check| check.part == Part::Store) {
        store.level = Level::Bad;
        "damaged".clone_into(&mut store.reason);
        store.text.clone_from(&fault.message);
        store.fix.clone_from(&fault.hint);
    }
}

/// What is worst decides: our own trouble first, because it concerns everything.
#[must_use]
pub fn exit_code(health: &Health, strict: bool) -> u8 {
    if health.checks.iter().any(|check| check.part != Part::Ollama && check.level == Level::Bad) {
        return 1;
    }
    match health.ollama {
        OllamaState::Reachable { .. } => {
            u8::from(strict && health.checks.iter().any(|check| check.level != Level::Good))
        }
        OllamaState::Unknown
        | OllamaState::InstalledNotRunning
        | OllamaState::Absent
        | OllamaState::Unreachable { .. } => 3,
    }
}

fn report(health: &Health) -> String {
    let mut text = String::new();
    for Check { part, level, text: what, .. } in &health.checks {
        let _ = writeln!(text, "{}  {:<8}  {}", word(*level), part.as_str(), safe(what));
    }
    if health.checks.iter().any(|check| check.level != Level::Good) {
        let _ = writeln!(text, "How to mend it: ollamanet doctor");
    }
    text
}

/// Where Ollama stands, in one line.
#[must_use]
pub fn ollama(health: &Health) -> String {
    let at = safe(&health.ollama_url);
    match &health.ollama {
        OllamaState::Reachable { version, latency_ms } => {
            format!("{} at {at}, answers in {latency_ms} ms", safe(version))
        }
        OllamaState::InstalledNotRunning => format!("installed, but not running at {at}"),
        OllamaState::Absent => format!("not found: nothing answers at {at}, and no `ollama` is on the PATH"),
        OllamaState::Unreachable { why } => format!("not reachable at {at}: {}", safe(why)),
        OllamaState::Unknown => format!("not asked yet at {at}"),
    }
}

/// The same width for each, so that lines stand in columns.
#[must_use]
pub fn word(level: Level) -> &'static str {
    match level {
        Level::Good => "ok  ",
        Level::Warning => "warn",
        Level::Bad => "bad ",
    }
}

/// Looks through the whole database; damage is a finding, anything else the end.
async fn in_full(desk: &Desk) -> Result<Result<(), Fault>, End> {
    let session = desk.session().await?;
    let (told, mut progress) = watch::channel(FullCheck::default());
    let is_watched = std::io::stderr().is_terminal();
    let mut looking = pin!(desk.gateway.check_in_full(&session, told));
    let mut shown = 0;
    let done = loop {
        tokio::select! {
            done = &mut looking => break done,
            changed = progress.changed(), if is_watched => {
                let FullCheck { what, done, all } = progress.borrow_and_update().clone();
                // A line for each tenth, so that what scrolls by stays readable.
                let tenth = done * 10 / all.max(1);
                if changed.is_ok() && tenth > shown {
                    shown = tenth;
                    say(&format!("{done} of {all}: {}", safe(&what)));
                }
            }
        }
    };
    match done {
        Err(fault) if fault.kind == crate::api::FaultKind::Store => Ok(Err(fault)),
        Err(fault) => Err(fault.into()),
        Ok(()) => Ok(Ok(())),
    }
}

/// Everything that was, as one document.
#[derive(Serialize)]
struct Past {
    since: i64,
    until: i64,
    incidents: Vec<Stretch>,
    /// Times in which nobody looked.
    not_checked: Vec<(i64, i64)>,
    breakers: Vec<BreakerOutage>,
    stretches: Vec<Stretch>,
}

async fn history(desk: &Desk, what: &What) -> Result<(), End> {
    let since = audit::when(&what.since, false, Timestamp::now(), &crate::zone::local())?;
    let session = desk.session().await?;
    let history = desk.gateway.health_history(&session, since).await?;
    let mut breakers = Vec::new();
    let mut before = None;
    loop {
        let page = desk.gateway.breaker_history(&session, before, PAGE).await?;
        let is_older = page.rows.iter().any(|row| row.seen_at < since);
        breakers.extend(page.rows.into_iter().filter(|row| row.seen_at >= since));
        before = page.next;
        if before.is_none() || is_older {
            break;
        }
    }
    if history.is_cut {
        say("There is more than can be shown at once: what is older is left out. A later --since shows less.");
    }
    let past = Past {
        since: history.since,
        until: history.until,
        incidents: history.stretches.iter().rev().filter(|row| row.level != Level::Good).cloned().collect(),
        not_checked: history.gaps(),
        breakers,
        stretches: history.stretches.clone(),
    };
    if desk.global.json {
        return print_json(&past);
    }
    if what.csv {
        return print(&csv(&history, &past));
    }
    print(&told(&past))
}

fn lasted(row: &Stretch) -> String {
    let span = span(row.duration());
    if row.lasts { format!("{span}, lasts") } else { span }
}

/// `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
#[must_use]
pub fn span(ms: i64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        ..2 => format!("{} s", ms.max(0) / 1000),
        2..120 => format!("{minutes} min"),
        120..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1440, minutes / 60 % 24),
    }
}

fn told(past: &Past) -> String {
    let row = |row: &Stretch| {
        [moment(row.from), lasted(row), row.part.as_str().into(), row.level.as_str().into(), safe(&row.text)]
    };
    let mut rows: Vec<(i64, [String; 5])> = past.incidents.iter().map(|one| (one.from, row(one))).collect();
    rows.extend(past.not_checked.iter().map(|(from, to)| {
        (*from, [moment(*from), span(to - from), "-".into(), "not checked".into(), "no window was open".into()])
    }));
    rows.sort_by_key(|(from, _)| std::cmp::Reverse(*from));
    let rows: Vec<[String; 5]> = rows.into_iter().map(|(_, row)| row).collect();
    let mut text = table(["SINCE", "FOR", "PART", "LEVEL", "WHAT"], &rows);
    if past.stretches.is_empty() {
        text.push_str("Nothing was checked in this time.\n");
    } else if past.incidents.is_empty() {
        text.push_str("Whenever it was checked, all was well.\n");
    }
    if !past.breakers.is_empty() {
        let rows: Vec<[String; 5]> = past.breakers.iter().map(outage).collect();
        let _ = write!(text, "\nCalls to Ollama that were held back:\n");
        text.push_str(&table(["SINCE", "UNTIL", "CALLS", "TRIALS", "WHY"], &rows));
    }
    text
}

fn outage(row: &BreakerOutage) -> [String; 5] {
    let until = match (row.closed_at, &row.closed_why) {
        (Some(at), Some(why)) => format!("{} ({})", moment(at), safe(why)),
        (Some(at), None) => moment(at),
        (None, _) => format!("open, last seen {}", moment(row.seen_at)),
    };
    [moment(row.opened_at), until, safe(&row.kind), row.tries.to_string(), safe(&row.why)]
}

/// Every stretch, good ones and gaps too, so that the rows add up to the whole time.
fn csv(history: &HealthHistory, past: &Past) -> String {
    let at = |ms: i64| Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default();
    let mut text = String::from("from,until,part,level,reason,checks,lasts,text\n");
    for row in &history.stretches {
        let cells = [
            at(row.from),
            at(row.until),
            row.part.as_str().into(),
            row.level.as_str().into(),
            csv_cell(&safe(&row.reason)),
            row.checks.to_string(),
            row.lasts.to_string(),
            csv_cell(&safe(&row.text)),
        ];
        let _ = writeln!(text, "{}", cells.join(","));
    }
    for (from, to) in &past.not_checked {
        let _ = writeln!(text, "{},{},,not checked,,0,false,", at(*from), at(*to));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(ollama: OllamaState, disk: Level) -> Health {
        let check = |part| match part {
            Part::Disk => Check::new(part, disk, "low", "1 MB free"),
            Part::Ollama
            | Part::Store
            | Part::Jobs
            | Part::Backup
            | Part::Clock
            | Part::Breakers
            | Part::Cache
            | Part::Tasks
            | Part::Traces => Check::good(part, "fine"),
        };
        Health {
            ollama,
            ollama_url: "http://127.0.0.1:11434".to_owned(),
            ollama_warning: None,
            breakers: Vec::new(),
            checks: Part::ALL.map(check).into(),
            checked_at: 0,
        }
    }

    #[test]
    fn the_exit_code_tells_whose_trouble_it_is() {
        let reachable = || OllamaState::Reachable { version: "0.35.0".to_owned(), latency_ms: 2 };
        assert_eq!(exit_code(&with(reachable(), Level::Good), true), 0);
        assert_eq!(exit_code(&with(reachable(), Level::Warning), false), 0);
        assert_eq!(exit_code(&with(reachable(), Level::Warning), true), 1);
        assert_eq!(exit_code(&with(reachable(), Level::Bad), false), 1);
        assert_eq!(exit_code(&with(OllamaState::Absent, Level::Good), false), 3);
        assert_eq!(exit_code(&with(OllamaState::Absent, Level::Bad), false), 1);
    }

    #[test]
    fn the_report_is_one_line_for_each_part() {
        let mut health = with(OllamaState::Absent, Level::Bad);
        health.checks[0].text = "a\u{1b}[2Jb\nc".to_owned();
        let text = report(&health);
        assert_eq!(text.lines().count(), Part::ALL.len() + 1, "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("bad   disk      1 MB free\n"), "{text}");
        assert!(text.ends_with("How to mend it: ollamanet doctor\n"), "{text}");
    }

    #[test]
    fn spans_are_told_in_the_units_that_fit() {
        let minute = 60_000;
        assert_eq!(
            [50_000, 5 * minute, 200 * minute, 3000 * minute].map(span),
            ["50 s", "5 min", "3 h 20 min", "2 d 2 h"]
        );
    }
}
