//! Asking registries for updates, and what becomes of the answer.

use crossterm::event::KeyCode;

use super::{
    tests::{Desk, calls, four, page},
    *,
};
use crate::{
    api::updates::{Standing, UpdateCheck},
    ui::{msg::ModelsReply, screens::Screen, testing::toasts},
};

fn check(model: &str, standing: Standing, installed: &str) -> UpdateCheck {
    UpdateCheck {
        model: model.into(),
        standing,
        because: "registry.ollama.ai\u{1b}[31m has another.".into(),
        registry: Some("registry.ollama.ai".into()),
        installed: installed.into(),
        there: None,
        bytes: None,
    }
}

fn checks() -> Vec<UpdateCheck> {
    vec![
        check("llama3.2:3b", Standing::Maybe, "a80c4f17acd5"),
        check("qwen3-vl:8b", Standing::Available, "b1"),
        check("other:1b", Standing::UpToDate, "c1"),
    ]
}

fn told(desk: &mut Desk, checks: Vec<UpdateCheck>) -> Vec<Effect> {
    desk.screen.on_reply(ModelsReply::Updates(Ok(checks)), &desk.cx)
}

#[test]
fn registries_are_asked_only_by_key_and_about_all_or_about_the_marked_ones() {
    let (mut desk, effects) = Desk::new();
    let mut all = calls(&effects);
    all.extend(calls(&desk.answer(&effects, page(four()))));
    all.extend(calls(&desk.screen.refresh(&desk.cx)));
    assert!(!all.iter().any(|call| matches!(call, ModelsCall::Updates { .. })), "never by itself: {all:?}");
    assert_eq!(calls(&desk.letter('o')), [ModelsCall::Updates { models: Vec::new() }]);
    assert_eq!(toasts(&desk.letter('o')), ["The registries are being asked already."]);
    assert!(desk.draw(120, 36).contains("asking registries"));
    told(&mut desk, checks());
    desk.press(KeyCode::Down);
    desk.letter(' ');
    assert_eq!(calls(&desk.letter('o')), [ModelsCall::Updates { models: vec!["qwen3-vl:8b".into()] }]);
}

#[test]
fn a_question_whose_answer_was_lost_may_be_asked_again() {
    let mut desk = Desk::with(page(four()));
    desk.letter('o');
    desk.cx.now_ms += 6 * 60_000;
    assert_eq!(calls(&desk.letter('o')), [ModelsCall::Updates { models: Vec::new() }]);
}

#[test]
fn what_is_not_installed_is_not_asked_about() {
    let mut desk = Desk::with(page(four()));
    desk.press(KeyCode::End);
    desk.letter(' ');
    assert_eq!(toasts(&desk.letter('o')), ["Only what is installed can have an update."]);
}

#[test]
fn the_answer_is_summed_up_and_stands_in_the_list_and_in_the_detail_with_its_age() {
    let mut desk = Desk::with(page(four()));
    let before = desk.draw(80, 24);
    assert!(before.contains("● loaded") && before.contains("✓ here"), "{before}");
    desk.letter('o');
    let effects = told(&mut desk, checks());
    assert_eq!(toasts(&effects), ["1 of 3 has an update. 1 may have one."]);
    insta::assert_snapshot!("updates_80x24", desk.draw(80, 24));
    desk.cx.now_ms += 12 * 60_000;
    desk.open();
    let detail = desk.draw(80, 24);
    let line = detail.lines().find(|line| line.contains("update ")).unwrap_or_default().to_owned();
    assert!(line.contains("maybe, asked 12 min ago.") && !line.contains('\u{1b}'), "{detail}");
}

#[test]
fn nothing_is_claimed_where_the_registry_does_not_tell() {
    let mut desk = Desk::with(page(four()));
    let unknown = vec![check("llama3.2:3b", Standing::Unknown, "a80c4f17acd5"), check("b:1", Standing::Unknown, "b")];
    let effects = told(&mut desk, unknown);
    assert_eq!(toasts(&effects), ["Whether there is an update is not known for certain. 2 unknown."]);
    let list = desk.draw(80, 24);
    assert!(list.contains("● loaded") && !list.contains('↑'), "{list}");
    desk.open();
    assert!(desk.draw(80, 24).contains("—, asked 0 s ago."));
}

#[test]
fn what_was_said_of_the_build_before_is_not_said_of_the_new_one() {
    let mut desk = Desk::with(page(four()));
    told(&mut desk, checks());
    assert!(desk.draw(80, 24).contains("↑ update"));
    let mut rows = four();
    if let Some(installed) = &mut rows[1].installed {
        installed.digest = "b2".into();
    }
    let effects = desk.screen.changed(&desk.cx);
    desk.answer(&effects, page(rows));
    let list = desk.draw(80, 24);
    assert!(!list.contains("↑ update") && list.contains("✓ here"), "{list}");
}

#[test]
fn a_refusal_is_told_and_changes_nothing() {
    let mut desk = Desk::with(page(four()));
    told(&mut desk, checks());
    desk.letter('o');
    let effects = desk.screen.on_reply(ModelsReply::Updates(Err(Fault::invalid("300 models are more."))), &desk.cx);
    assert_eq!(toasts(&effects), ["300 models are more."]);
    assert!(desk.draw(80, 24).contains("↑ update"));
    assert_eq!(calls(&desk.letter('o')).len(), 1, "and it may be asked again");
}
