use super::*;
use crate::{
    api::{
        JobId, RuleId,
        rules::{
            Action as Does, Became, Day, Models, NewRule, Only, Rule, RuleRun, RuleRuns, RunItem, RunReport, RunResult,
            TimeOfDay, When,
        },
    },
    ui::msg::{RulesCall, RulesReply},
};

const NOW: i64 = 1_795_514_520_000;

fn rule_id(n: u128) -> RuleId {
    RuleId(uuid::Uuid::from_u128(n))
}

fn at(hour: u8) -> TimeOfDay {
    TimeOfDay { hour, minute: 0 }
}

fn rule(n: u128, name: &str, action: Does, when: When) -> Rule {
    Rule {
        id: rule_id(n),
        name: name.into(),
        action,
        when,
        only: Only::default(),
        enabled: true,
        made_by: None,
        by: Some("alice".into()),
        created_at: NOW - 9 * 86_400_000,
        updated_at: NOW,
        last: None,
        next_at: Some(NOW + 3_600_000),
        failures: 0,
        paused_because: None,
        waits_because: None,
    }
}

fn run(n: u128, result: RunResult, words: &str, items: Vec<RunItem>) -> RuleRun {
    RuleRun {
        seq: 1,
        rule: rule_id(n),
        job: JobId(uuid::Uuid::from_u128(n)),
        at: NOW - 7_200_000,
        ended_at: Some(NOW - 7_000_000),
        due_at: Some(NOW - 7_200_000),
        by: None,
        dry_run: false,
        result,
        report: RunReport { words: words.into(), items },
    }
}

fn item(what: &str, became: Became, words: &str) -> RunItem {
    RunItem { what: what.into(), became, words: words.into() }
}

fn rules() -> Vec<Rule> {
    let failed = vec![item("llama3.2:3b", Became::Failed, "The disk of Ollama's models is full.")];
    vec![
        Rule {
            last: Some(run(1, RunResult::Done, "1 done.", vec![item("backup", Became::Done, "2026-11-24T030000Z")])),
            ..rule(1, "Backup", Does::Backup, When::Daily { at: at(3) })
        },
        Rule {
            enabled: true,
            paused_because: Some("it failed 5 times in a row. The disk of Ollama's models is full.".into()),
            failures: 5,
            next_at: None,
            last: Some(run(2, RunResult::Failed, "1 failed.", failed)),
            only: Only { while_quiet: true, ..Only::default() },
            ..rule(
                2,
                "Updates\u{1b}[31m",
                Does::Update { models: Models::Named("llama3*".into()) },
                When::Weekly { day: Day::Sunday, at: at(4) },
            )
        },
        Rule {
            enabled: false,
            next_at: None,
            ..rule(3, "Unused", Does::RemoveUnused { days: 90, for_real: false }, When::ByHand)
        },
        Rule {
            waits_because: Some("somebody chats".into()),
            ..rule(4, "Idle", Does::Unload { minutes: 30 }, When::Idle { minutes: 30 })
        },
    ]
}

fn desk() -> Desk {
    let mut desk = Desk::wide();
    assert_eq!(calls(&desk.press(KeyCode::Char('9'))), [AdminCall::Rules(RulesCall::Read)]);
    desk.reply(AdminReply::Rules(RulesReply::Read(Ok(rules()))));
    desk
}

fn down(desk: &mut Desk, times: usize) {
    for _ in 0..times {
        desk.press(KeyCode::Char('j'));
    }
}

#[test]
fn the_rules_are_shown_with_how_each_stands_and_what_it_did() {
    let mut desk = desk();
    insta::assert_snapshot!("house_rules_wide", desk.draw(120, 36));
    down(&mut desk, 1);
    desk.cx.size = (80, 24);
    insta::assert_snapshot!("house_rules_small", desk.draw(80, 24));
    let mut none = Desk::new();
    none.press(KeyCode::Char('9'));
    none.reply(AdminReply::Rules(RulesReply::Read(Ok(Vec::new()))));
    assert!(none.draw(80, 24).contains("Nothing is done by itself yet."), "{}", none.draw(80, 24));
}

#[test]
fn a_rule_is_set_up_in_a_form_and_stays_typed_when_it_is_refused() {
    let mut desk = desk();
    desk.press(KeyCode::Char('n'));
    desk.write("tag");
    desk.enter();
    insta::assert_snapshot!("house_rules_form", desk.draw(80, 24));
    // Its name and its times are proposed; what must fit is not.
    for _ in 0..3 {
        desk.enter();
    }
    desk.overwrite("size:<3GB");
    desk.enter();
    desk.overwrite("small");
    let sent = calls(&desk.enter());
    let [AdminCall::Rules(RulesCall::Save { id: None, new })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(
        new,
        &NewRule {
            name: "Tags".into(),
            action: Does::Tag { filter: "size:<3GB".into(), tag: "small".into() },
            when: When::Every { minutes: 360 },
            only: Only::default(),
            enabled: true,
            confirmed: false,
        }
    );
    let call = RulesCall::Save { id: None, new: new.clone() };
    let refused = Fault::invalid("“size:<3GB” is not an amount.");
    desk.reply(AdminReply::Rules(RulesReply::Saved { call: call.clone(), rule: Err(refused) }));
    let shown = desk.draw(80, 24);
    assert!(shown.contains("is not an amount") && shown.contains("small"), "{shown}");
    let made = Box::new(rule(9, "Tags", new.action.clone(), new.when));
    let effects = desk.reply(AdminReply::Rules(RulesReply::Saved { call, rule: Ok(made) }));
    assert_eq!(calls(&effects), [AdminCall::Rules(RulesCall::Read)]);
    assert!(!desk.screen.holds() && !desk.screen.is_busy() || desk.screen.house_rules.is_busy());
}

#[test]
fn what_cannot_be_is_said_beside_its_field_and_removing_models_wants_a_word() {
    let mut desk = desk();
    down(&mut desk, 2);
    desk.press(KeyCode::Char('e'));
    desk.enter();
    desk.overwrite("sometimes");
    for _ in 0..4 {
        desk.enter();
    }
    assert!(desk.draw(100, 30).contains("When is “sometimes”?"), "{}", desk.draw(100, 30));
    desk.overwrite("sun 6:00");
    desk.enter();
    desk.enter();
    desk.enter();
    desk.overwrite("remove");
    let sent = calls(&desk.enter());
    let [AdminCall::Rules(RulesCall::Save { id: Some(id), new })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((*id, &new.action), (rule_id(3), &Does::RemoveUnused { days: 90, for_real: true }));
    assert!(new.confirmed && !new.enabled, "it was off, and stays off");
}

#[test]
fn a_dry_run_shows_its_report_and_one_in_earnest_is_only_begun() {
    let mut desk = desk();
    let call = |dry| RulesCall::Run { id: rule_id(1), name: "Backup".into(), dry };
    assert_eq!(calls(&desk.press(KeyCode::Char('d'))), [AdminCall::Rules(call(true))]);
    assert!(desk.draw(80, 24).contains("Finding out what it would do"));
    let items = vec![
        item("old:1b", Became::Would, "would be fetched again"),
        item("new:1b", Became::Skipped, "registry.ollama.ai has the same."),
        item("odd:1b", Became::Failed, "It is not installed."),
    ];
    let dry = RuleRun { dry_run: true, ..run(1, RunResult::Done, "Would do 1; 1 could not be done.", items) };
    desk.reply(AdminReply::Rules(RulesReply::Ran { call: call(true), run: Ok(Some(Box::new(dry))) }));
    insta::assert_snapshot!("house_rules_dry", desk.draw(80, 24));
    desk.press(KeyCode::Esc);
    assert_eq!(calls(&desk.press(KeyCode::Char('r'))), [AdminCall::Rules(call(false))]);
    let effects = desk.reply(AdminReply::Rules(RulesReply::Ran { call: call(false), run: Ok(None) }));
    assert!(toasts(&effects)[0].starts_with("Backup has begun."), "{:?}", toasts(&effects));
    assert_eq!(calls(&effects), [AdminCall::Rules(RulesCall::Read)]);
}

#[test]
fn it_is_switched_removed_after_a_question_and_its_runs_are_shown() {
    let mut desk = desk();
    down(&mut desk, 1);
    let name = || rules()[1].name.clone();
    // Paused counts as off: the key begins it anew.
    let switch = RulesCall::Switch { id: rule_id(2), name: name(), on: true };
    assert_eq!(calls(&desk.press(KeyCode::Char(' '))), [AdminCall::Rules(switch.clone())]);
    let on = Box::new(Rule { paused_because: None, ..rules().remove(1) });
    let effects = desk.reply(AdminReply::Rules(RulesReply::Switched { call: switch, rule: Ok(on) }));
    assert!(toasts(&effects)[0].ends_with("is on."), "{:?}", toasts(&effects));

    let history = RulesCall::History { id: rule_id(2), name: name() };
    assert_eq!(calls(&desk.press(KeyCode::Char('v'))), [AdminCall::Rules(history.clone())]);
    let rows = vec![rules()[1].last.clone().unwrap()];
    let runs = Ok(RuleRuns { rows, next: None });
    desk.reply(AdminReply::Rules(RulesReply::History { call: history, runs }));
    let shown = desk.draw(80, 24);
    assert!(shown.contains("newest first") && shown.contains("is full"), "{shown}");
    desk.press(KeyCode::Esc);

    assert_eq!(calls(&desk.press(KeyCode::Char('x'))), []);
    assert_eq!(calls(&desk.enter()), [], "leaving it is what Enter does at first");
    desk.press(KeyCode::Char('x'));
    let remove = RulesCall::Remove { id: rule_id(2), name: name() };
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [AdminCall::Rules(remove.clone())]);
    let denied = Fault::new(FaultKind::Denied, "Your role does not let you do that.");
    let effects = desk.reply(AdminReply::Rules(RulesReply::Removed { call: remove, done: Err(denied) }));
    assert_eq!(toasts(&effects), ["Your role does not let you do that."]);
}
