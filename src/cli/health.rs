//! `ollamanet health`: one report, and an exit code for whoever watches.

use std::fmt::Write as _;

use super::{
    Desk, End,
    out::{print, print_json, safe},
};
use crate::api::health::{BreakerState, Check, Health, Level, OllamaState};

/// # Errors
/// `Code(3)` when Ollama is not reachable, `Code(1)` when something here is bad.
pub async fn run(desk: &Desk) -> Result<(), End> {
    let health = desk.gateway.health().await?;
    if desk.global.json {
        print_json(&health)?;
    } else {
        print(&report(&health))?;
    }
    match exit_code(&health) {
        0 => Ok(()),
        code => Err(End::Code(code)),
    }
}

/// What is worst decides: our own trouble first, because it concerns everything.
#[must_use]
pub fn exit_code(health: &Health) -> u8 {
    let own = [&health.store, &health.disk, &health.tasks];
    if own.iter().any(|check| check.level == Level::Bad) {
        return 1;
    }
    match health.ollama {
        OllamaState::Reachable { .. } => 0,
        OllamaState::Unknown
        | OllamaState::InstalledNotRunning
        | OllamaState::Absent
        | OllamaState::Unreachable { .. } => 3,
    }
}

fn report(health: &Health) -> String {
    let mut text = String::new();
    let (level, ollama) = ollama(health);
    let _ = writeln!(text, "{}  ollama  {ollama}", word(level));
    if let Some(warning) = &health.ollama_warning {
        let _ = writeln!(text, "{}  ollama  {}", word(Level::Warning), safe(warning));
    }
    for (name, check) in [("store", &health.store), ("disk", &health.disk), ("tasks", &health.tasks)] {
        let Check { level, text: what } = check;
        let _ = writeln!(text, "{}  {name:<6}  {}", word(*level), safe(what));
    }
    for (kind, state) in &health.breakers {
        let waits = match state {
            BreakerState::Closed => continue,
            BreakerState::Open { retry_in_ms } => {
                format!("{} calls wait {} s after repeated failures", safe(kind), retry_in_ms.div_ceil(1000))
            }
            BreakerState::HalfOpen => format!("{} calls are being tried again after failures", safe(kind)),
        };
        let _ = writeln!(text, "{}  ollama  {waits}", word(Level::Warning));
    }
    text
}

/// Where Ollama stands, in one line.
#[must_use]
pub fn ollama(health: &Health) -> (Level, String) {
    let at = safe(&health.ollama_url);
    match &health.ollama {
        OllamaState::Reachable { version, latency_ms } => {
            (Level::Good, format!("{} at {at}, answers in {latency_ms} ms", safe(version)))
        }
        OllamaState::InstalledNotRunning => (Level::Bad, format!("installed, but not running at {at}")),
        OllamaState::Absent => {
            (Level::Bad, format!("not found: nothing answers at {at}, and no `ollama` is on the PATH"))
        }
        OllamaState::Unreachable { why } => (Level::Bad, format!("not reachable at {at}: {}", safe(why))),
        OllamaState::Unknown => (Level::Bad, format!("not asked yet at {at}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(ollama: OllamaState, disk: Level) -> Health {
        let good = || Check { level: Level::Good, text: "fine".to_owned() };
        Health {
            ollama,
            ollama_url: "http://127.0.0.1:11434".to_owned(),
            ollama_warning: None,
            breakers: vec![("chat".to_owned(), BreakerState::Open { retry_in_ms: 1500 })],
            store: good(),
            disk: Check { level: disk, text: "1 MB free".to_owned() },
            tasks: good(),
            checked_at: 0,
        }
    }

    #[test]
    fn the_exit_code_tells_whose_trouble_it_is() {
        let reachable = || OllamaState::Reachable { version: "0.35.0".to_owned(), latency_ms: 2 };
        assert_eq!(exit_code(&with(reachable(), Level::Good)), 0);
        assert_eq!(exit_code(&with(reachable(), Level::Warning)), 0);
        assert_eq!(exit_code(&with(reachable(), Level::Bad)), 1);
        assert_eq!(exit_code(&with(OllamaState::Absent, Level::Good)), 3);
        assert_eq!(exit_code(&with(OllamaState::Absent, Level::Bad)), 1);
    }

    #[test]
    fn the_report_is_one_line_for_each_check() {
        let text = report(&with(OllamaState::Unreachable { why: "a\u{1b}[2Jb\nc".to_owned() }, Level::Bad));
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("bad   disk    1 MB free\n"));
        assert!(text.ends_with("warn  ollama  chat calls wait 2 s after repeated failures\n"), "{text}");
    }
}
