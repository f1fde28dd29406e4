use std::collections::BTreeMap;

use super::*;
use crate::{
    api::health::{
        BreakerOutage, BreakerPage, BreakerState, Check, FullCheck, Health, HealthHistory, IncidentPage, Level,
        OllamaState, Part, Stretch,
    },
    ui::msg::{HealthCall, HealthReply, ShellCall},
};

const NOW: i64 = 1_795_514_520_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn health(is_away: bool) -> Health {
    let at = NOW - 40_000;
    let checks = Part::ALL.map(|part| {
        let check = match part {
            Part::Ollama if is_away => {
                Check::new(part, Level::Bad, "not_running", "installed, but not running at http://127.0.0.1:11434")
                    .fix("Start it: ollama serve (in the interface: F7).")
            }
            Part::Ollama => Check::good(part, "0.35.0 at http://127.0.0.1:11434, answers in 2 ms, 1 model in memory"),
            Part::Store => Check::good(part, "open, and sound as far as looked at; system.db 2 MiB, 3 vaults 40 MiB"),
            Part::Disk => Check::new(part, Level::Warning, "low", "Only 700 MiB free.")
                .fix("Free some space before it runs out. What takes it: du -xh ~ | sort -h | tail"),
            Part::Jobs => Check::good(part, "1 running, 2 waiting"),
            Part::Backup => Check::good(part, "the newest is 9 h old, checked and sound"),
            Part::Clock => Check::good(part, "in step with the machine's other clock"),
            Part::Breakers if is_away => {
                Check::new(part, Level::Warning, "held_chat", "chat calls wait 5 s after repeated failures")
                    .fix("They are tried again on their own. What Ollama says: journalctl -u ollama -n 50")
            }
            Part::Breakers => Check::good(part, "all calls go through"),
            Part::Cache => Check::good(part, "12 entries, 9 KiB of 8 MiB, 93 % at hand"),
            Part::Traces => Check::good(part, "kept in memory only, sent nowhere"),
            Part::Tasks => Check::good(part, "3 in the background, the oldest (looking after the jobs) for 812 s."),
        };
        Check { at, figures: BTreeMap::new(), ..check }
    });
    let chat = if is_away { BreakerState::Open { retry_in_ms: 5000 } } else { BreakerState::Closed };
    Health {
        ollama: OllamaState::InstalledNotRunning,
        ollama_url: "http://127.0.0.1:11434".into(),
        ollama_warning: None,
        breakers: vec![
            ("chat".into(), chat),
            ("embed".into(), BreakerState::Closed),
            ("manage".into(), BreakerState::Closed),
        ],
        checks: checks.into(),
        checked_at: at,
    }
}

fn stretch(seq: i64, part: Part, level: Level, from: i64, until: i64, lasts: bool, text: &str) -> Stretch {
    Stretch {
        seq,
        part,
        level,
        reason: "x".into(),
        text: text.into(),
        from,
        seen: until,
        until,
        lasts,
        checks: u32::try_from((until - from) / MINUTE + 1).unwrap(),
    }
}

/// Last night nobody looked from midnight to six; at nine it was away for forty minutes, and since two minutes it is again.
fn history(back: i64, is_away: bool) -> HealthHistory {
    let mut stretches = Vec::new();
    for (n, part) in (0_i64..).zip(Part::ALL) {
        let good = |seq, from, until| stretch(n * 10 + seq, part, Level::Good, from, until, false, "fine");
        stretches.push(good(1, NOW - 2 * DAY, NOW - 10 * HOUR));
        if part == Part::Ollama {
            stretches.push(good(2, NOW - 4 * HOUR, NOW - HOUR));
            let away = "installed, but not running at http://127.0.0.1:11434";
            stretches.push(stretch(3, part, Level::Bad, NOW - HOUR, NOW - 20 * MINUTE, false, away));
            if is_away {
                stretches.push(good(4, NOW - 20 * MINUTE, NOW - 2 * MINUTE));
                stretches.push(stretch(5, part, Level::Bad, NOW - 2 * MINUTE, NOW - 40_000, true, away));
            } else {
                stretches.push(good(4, NOW - 20 * MINUTE, NOW - 40_000));
            }
        } else if part == Part::Disk {
            let text = "Only 700 MiB free.";
            stretches.push(stretch(23, part, Level::Warning, NOW - 4 * HOUR, NOW - 40_000, true, text));
        } else {
            stretches.push(good(2, NOW - 4 * HOUR, NOW - 40_000));
        }
    }
    stretches.sort_by_key(|stretch| stretch.from);
    HealthHistory { since: NOW - back, until: NOW, stretches, is_cut: false }
}

fn incidents(is_away: bool) -> IncidentPage {
    let all = history(2 * DAY, is_away).stretches;
    let rows = all.into_iter().rev().filter(|stretch| stretch.level != Level::Good).collect();
    IncidentPage { rows, next: None }
}

fn outage(seq: i64, closed: Option<i64>) -> BreakerOutage {
    BreakerOutage {
        seq,
        kind: "chat".into(),
        why: "nothing answered at Ollama's address".into(),
        opened_at: NOW - if closed.is_some() { 59 * MINUTE } else { MINUTE },
        tries: 12,
        tried_at: Some(NOW - 21 * MINUTE),
        seen_at: NOW - 40_000,
        closed_at: closed,
        closed_why: closed.map(|_| "an answer came".into()),
    }
}

fn outages(is_away: bool) -> BreakerPage {
    let mut rows = vec![outage(1, Some(NOW - 20 * MINUTE))];
    if is_away {
        rows.insert(0, outage(2, None));
    }
    BreakerPage { rows, next: None }
}

fn tell(desk: &mut Desk, is_away: bool) {
    desk.cx.health = Some(health(is_away));
    for reply in [
        HealthReply::History { back: DAY, history: Ok(Box::new(history(DAY, is_away))) },
        HealthReply::Incidents { before: None, page: Ok(incidents(is_away)) },
        HealthReply::Breakers { before: None, page: Ok(outages(is_away)) },
    ] {
        desk.reply(AdminReply::Health(reply));
    }
}

/// The tab during an outage, or after it.
fn at_health(is_away: bool) -> Desk {
    let mut desk = Desk::new();
    let effects = desk.press(KeyCode::Char('7'));
    assert_eq!(
        health_calls(&effects),
        [
            HealthCall::History { back: DAY },
            HealthCall::Incidents { before: None },
            HealthCall::Breakers { before: None }
        ]
    );
    assert!(effects.iter().any(|effect| matches!(effect, Effect::After(_, Timer::HealthAges))));
    tell(&mut desk, is_away);
    desk
}

fn health_calls(effects: &[Effect]) -> Vec<HealthCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Admin(AdminCall::Health(call)) => Some(call.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn an_outage_is_shown_while_it_lasts_and_when_it_is_over() {
    let desk = at_health(true);
    insta::assert_snapshot!("health_during_small", desk.draw(80, 24));
    insta::assert_snapshot!("health_during_wide", desk.draw(120, 36));
    let mut desk = at_health(false);
    insta::assert_snapshot!("health_after_small", desk.draw(80, 24));
    insta::assert_snapshot!("health_after_wide", desk.draw(120, 36));
    desk.press(KeyCode::Tab);
    assert!(desk.draw(80, 24).contains("until 09:42, seen 41 times"), "{}", desk.draw(80, 24));
    desk.press(KeyCode::Tab);
    insta::assert_snapshot!("health_breakers_small", desk.draw(80, 24));
}

#[test]
fn time_in_which_nobody_looked_is_never_drawn_as_well() {
    let desk = at_health(false);
    let drawn = desk.draw(120, 36);
    let store = drawn.lines().find(|line| line.contains("● store")).unwrap();
    let strip: String =
        store.chars().rev().skip_while(|c| *c == '│').take(48).collect::<Vec<_>>().iter().rev().collect();
    // From ten hours ago to four hours ago: twelve pieces of half an hour.
    assert_eq!(strip.matches('·').count(), 12, "{strip}");
    let ollama = drawn.lines().find(|line| line.contains("● ollama")).unwrap();
    assert!(ollama.contains('█'), "the outage of an hour ago: {ollama}");
}

#[test]
fn each_key_of_the_tab_does_its_work() {
    let mut desk = at_health(false);
    let effects = desk.press(KeyCode::Char('c'));
    assert!(matches!(effects[..], [Effect::Shell(ShellCall::CheckHealth)]), "{effects:?}");
    assert!(desk.screen.is_busy() && desk.draw(80, 24).contains("Checking…"));
    // What was found comes by itself, and with it the history that it is in.
    let effects = desk.screen.health_looked();
    assert_eq!(health_calls(&effects).len(), 3);
    assert!(!desk.screen.is_busy());
    let effects = desk.press(KeyCode::Char('p'));
    assert_eq!(health_calls(&effects), [HealthCall::History { back: 7 * DAY }]);
    assert!(desk.draw(120, 36).contains(" 7 d: ▁ well"));
    // An answer for the period before is not taken for this one's.
    let late = HealthReply::History { back: DAY, history: Err(Fault::invalid("late")) };
    desk.reply(AdminReply::Health(late));
    assert!(!desk.draw(120, 36).contains("late"));
}

#[test]
fn a_look_through_everything_tells_how_far_it_is_and_the_same_key_breaks_it_off() {
    let mut desk = at_health(false);
    assert_eq!(health_calls(&desk.press(KeyCode::Char('f'))), [HealthCall::Full]);
    let far = FullCheck { what: "usage".into(), done: 12, all: 43 };
    desk.reply(AdminReply::Health(HealthReply::FullOn(far.clone())));
    assert!(desk.draw(80, 24).contains("Looking through system.db: 12 of 43, usage"), "{}", desk.draw(80, 24));
    let effects = desk.press(KeyCode::Char('f'));
    assert_eq!(health_calls(&effects), [HealthCall::StopFull]);
    // A last word of the one that was broken off does not bring it back.
    desk.reply(AdminReply::Health(HealthReply::FullOn(far)));
    assert!(!desk.draw(80, 24).contains("Looking through"));
    desk.press(KeyCode::Char('f'));
    let effects = desk.reply(AdminReply::Health(HealthReply::FullEnded(Ok(()))));
    assert_eq!(toasts(&effects), ["system.db was looked through whole and is sound."]);
    let damaged = Fault::new(FaultKind::Store, "system.db is damaged: row 3 missing from index x.");
    let effects = desk.reply(AdminReply::Health(HealthReply::FullEnded(Err(damaged))));
    assert_eq!(toasts(&effects).len(), 1);
}

#[test]
fn the_lists_are_gone_through_and_what_follows_is_read_at_their_end() {
    let mut desk = at_health(true);
    desk.press(KeyCode::Tab);
    let page = IncidentPage { next: Some(5), ..incidents(true) };
    desk.reply(AdminReply::Health(HealthReply::Incidents { before: None, page: Ok(page) }));
    assert_eq!(health_calls(&desk.press(KeyCode::Char('G'))), [HealthCall::Incidents { before: Some(5) }]);
    assert_eq!(health_calls(&desk.press(KeyCode::Char('j'))), [], "it is on its way");
    let older = stretch(1, Part::Store, Level::Bad, NOW - 3 * DAY, NOW - 3 * DAY, false, "It was damaged.");
    let page = IncidentPage { rows: vec![older], next: None };
    desk.reply(AdminReply::Health(HealthReply::Incidents { before: Some(5), page: Ok(page) }));
    desk.press(KeyCode::Char('G'));
    assert!(desk.draw(80, 24).contains("It was damaged."), "{}", desk.draw(80, 24));
}

#[test]
fn ages_are_drawn_anew_only_while_they_are_on_view() {
    let mut desk = at_health(false);
    let again = desk.screen.health_ages_due(true);
    assert!(matches!(again[..], [Effect::After(_, Timer::HealthAges)]), "{again:?}");
    // Shown again meanwhile: one timer is enough.
    let effects = desk.press(KeyCode::Char('7'));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::After(..))), "{effects:?}");
    assert!(desk.screen.health_ages_due(false).is_empty());
    let effects = desk.press(KeyCode::Char('7'));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::After(_, Timer::HealthAges))));
}
