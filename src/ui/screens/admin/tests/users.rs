use super::*;
use crate::api::admin::{NewUser, Scope, UserFilter};

fn each(act: UserAct, targets: Vec<Target>) -> AdminCall {
    AdminCall::Each { act, targets }
}

/// The questions for pages among these effects: number, filter text, after whom.
fn pages(effects: &[Effect]) -> Vec<(u64, String, Option<String>)> {
    calls(effects)
        .into_iter()
        .filter_map(|call| match call {
            AdminCall::Users { asked, filter, after, .. } => Some((asked, filter.text, after)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_next_page_is_asked_for_before_the_end_is_reached_and_put_behind_the_rows() {
    let mut desk = Desk::new();
    desk.press(KeyCode::F(5));
    desk.screen.open();
    let many = |from: u128| (from..from + 50).map(|n| row(n, &format!("u{n:03}"), AccountState::Active)).collect();
    desk.reply(AdminReply::Users { asked: 2, page: Ok(page(many(100), true)) });
    let mut effects = Vec::new();
    for _ in 0..39 {
        effects = desk.press(KeyCode::Char('j'));
        assert_eq!(pages(&effects), []);
    }
    effects.extend(desk.press(KeyCode::Char('j')));
    assert_eq!(pages(&effects), [(3, String::new(), Some("u149".into()))]);
    assert_eq!(pages(&desk.press(KeyCode::Char('j'))), [], "it is asked for once");
    desk.reply(AdminReply::Users { asked: 3, page: Ok(page(many(150), false)) });
    desk.press(KeyCode::Char('G'));
    assert!(desk.draw(80, 24).contains("u199"));
}

#[test]
fn typing_filters_and_only_the_latest_answer_counts() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('/'));
    let effects = desk.write("be");
    assert_eq!(pages(&effects), [(2, "b".into(), None), (3, "be".into(), None)]);
    desk.reply(AdminReply::Users { asked: 2, page: Ok(page(vec![row(8, "bob", AccountState::Active)], false)) });
    assert!(!desk.draw(80, 24).contains("bob"), "an older answer says nothing any more");
    desk.reply(AdminReply::Users { asked: 3, page: Ok(page(vec![row(2, "ben", AccountState::Active)], false)) });
    let screen = desk.draw(80, 24);
    assert!(screen.contains("ben") && !screen.contains("dora"), "{screen}");
    assert_eq!(pages(&desk.press(KeyCode::Esc)), [(4, String::new(), None)], "Esc takes the filter away");
}

#[test]
fn states_and_roles_are_chosen_from_a_list() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('f'));
    desk.write("trash");
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    let filter = UserFilter { state: Some(AccountState::Deleted), ..UserFilter::default() };
    assert!(
        matches!(&calls(&effects)[..], [AdminCall::Users { filter: asked, .. }] if *asked == filter),
        "{effects:?}"
    );
}

#[test]
fn a_new_account_shows_its_code_once_and_copies_it() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('n'));
    desk.write("erin");
    desk.enter();
    desk.write("Erin E.");
    desk.enter();
    let effects = desk.enter();
    let new = NewUser { name: "erin".into(), display_name: Some("Erin E.".into()), role: "user".into() };
    assert_eq!(calls(&effects), [AdminCall::CreateUser(new.clone())]);
    desk.reply(AdminReply::Created { new, code: Ok(code("erin")) });
    assert!(desk.draw(80, 24).contains("7 K Q 4 - M X 2 P - 9 R T D"));
    let effects = desk.enter();
    let copied = effects.iter().any(
        |effect| matches!(effect, Effect::Shell(crate::ui::msg::ShellCall::Copy(text)) if text.text == "7KQ4-MX2P-9RTD"),
    );
    assert!(copied, "{effects:?}");
    desk.press(KeyCode::Esc);
    assert!(!desk.draw(80, 24).contains("7 K Q 4"));
}

#[test]
fn a_refused_form_keeps_what_was_typed() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('n'));
    desk.write("alice");
    desk.enter();
    desk.enter();
    let sent = calls(&desk.enter());
    let [AdminCall::CreateUser(new)] = &sent[..] else { panic!("{sent:?}") };
    let fault = Fault::new(FaultKind::Conflict, "That name is taken.");
    let effects = desk.reply(AdminReply::Created { new: new.clone(), code: Err(fault) });
    assert_eq!(toasts(&effects), [""; 0], "it is told in the form");
    let screen = desk.draw(80, 24);
    assert!(screen.contains("That name is taken") && screen.contains("┃ user"), "{screen}");
}

#[test]
fn what_wants_the_passphrase_is_handed_back_whole_and_its_form_waits() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('n'));
    desk.write("erin");
    desk.enter();
    desk.enter();
    let sent = calls(&desk.enter());
    let [AdminCall::CreateUser(new)] = &sent[..] else { panic!("{sent:?}") };
    let effects = desk.reply(AdminReply::Created { new: new.clone(), code: Err(unconfirmed()) });
    assert_eq!(to_confirm(&effects), sent);
    assert!(desk.screen.holds());
}

#[test]
fn locking_asks_for_minutes_within_bounds() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('l'));
    for wrong in ["0", "43201", "ten"] {
        desk.overwrite(wrong);
        assert_eq!(calls(&desk.enter()), [], "{wrong}");
        assert!(desk.screen.holds());
    }
    desk.overwrite("43 200");
    assert_eq!(calls(&desk.enter()), [each(UserAct::Lock(43_200), vec![target(2, "ben")])]);
}

#[test]
fn the_undoable_is_done_at_once_and_the_rest_asks_with_leaving_it_as_the_default() {
    for (key, act) in [('u', UserAct::Unlock), ('e', UserAct::Enable), ('b', UserAct::Restore)] {
        let mut desk = Desk::new();
        assert_eq!(calls(&desk.press(KeyCode::Char(key))), [each(act, vec![target(1, "alice")])]);
    }
    for (key, act) in
        [('x', UserAct::Disable), ('c', UserAct::Reset), ('d', UserAct::Delete), ('s', UserAct::EndSessions)]
    {
        let mut desk = Desk::new();
        assert_eq!(calls(&desk.press(KeyCode::Char(key))), []);
        assert_eq!(calls(&desk.enter()), [], "Enter at once leaves it");
        desk.press(KeyCode::Char(key));
        assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [each(act, vec![target(1, "alice")])]);
    }
}

#[test]
fn purging_wants_the_name_typed_and_for_several_their_number() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('P'));
    desk.write("alic");
    assert_eq!(calls(&desk.enter()), []);
    desk.write("e");
    assert_eq!(calls(&desk.enter()), [each(UserAct::Purge, vec![target(1, "alice")])]);
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Char('P'));
    desk.write("purge 2");
    assert_eq!(calls(&desk.enter()), [each(UserAct::Purge, vec![target(1, "alice"), target(2, "ben")])]);
}

#[test]
fn what_is_done_to_the_marked_tells_each_one_s_result() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Char('x'));
    let targets = vec![target(1, "alice"), target(2, "ben")];
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [each(UserAct::Disable, targets)]);
    let last = Fault::new(FaultKind::Denied, "That is the last administrator.");
    let effects = desk.reply(AdminReply::Each {
        act: UserAct::Disable,
        results: vec![(target(1, "alice"), Err(last)), (target(2, "ben"), Ok(None))],
    });
    assert_eq!(pages(&effects).len(), 1, "the list is read anew");
    let screen = desk.draw(80, 24);
    for words in ["1 done, 1 not", "✗ alice", "last administrator", "✓ ben", "is disabled"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    desk.press(KeyCode::Esc);
    assert!(!desk.draw(80, 24).contains("marked"), "what was dealt with is no longer marked");
}

#[test]
fn only_those_that_want_the_passphrase_are_done_again() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Char(' '));
    let effects = desk.reply(AdminReply::Each {
        act: UserAct::Delete,
        results: vec![(target(1, "alice"), Ok(None)), (target(2, "ben"), Err(unconfirmed()))],
    });
    assert_eq!(to_confirm(&effects), [each(UserAct::Delete, vec![target(2, "ben")])]);
    assert_eq!(toasts(&effects), ["alice is in the trash."]);
}

#[test]
fn codes_of_several_are_shown_after_what_went_wrong() {
    let mut desk = Desk::new();
    let gone = Fault::not_found("account");
    desk.reply(AdminReply::Each {
        act: UserAct::Reset,
        results: vec![(target(1, "alice"), Ok(Some(code("alice")))), (target(2, "ben"), Err(gone))],
    });
    assert!(desk.draw(80, 24).contains("1 done, 1 not"));
    desk.enter();
    assert!(desk.draw(80, 24).contains("One-time code for alice"));
}

#[test]
fn in_a_wide_window_the_account_follows_the_cursor_once_it_rests() {
    let mut desk = Desk::wide();
    let effects = desk.press(KeyCode::Char('j'));
    let Some(Effect::After(_, Timer::Settle(still))) = effects.first() else { panic!("{effects:?}") };
    desk.press(KeyCode::Char('j'));
    assert_eq!(calls(&desk.screen.on_settled(*still)), [], "the cursor has gone on");
    assert_eq!(calls(&desk.screen.on_settled(still + 1)), [AdminCall::User { asked: still + 1, id: id(3) }]);
}

#[test]
fn one_session_is_ended_from_the_account_all_of_them_from_the_list() {
    let mut desk = Desk::new();
    desk.show_detail();
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('s'));
    let which = SessionId(uuid::Uuid::from_u128(2));
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [AdminCall::EndSession { of: target(1, "alice"), which }]);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('s'));
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [each(UserAct::EndSessions, vec![target(1, "alice")])]);
}

#[test]
fn limits_and_models_of_one_account_are_edited_from_what_they_are() {
    let mut desk = Desk::new();
    desk.show_detail();
    desk.press(KeyCode::Char('i'));
    desk.write("30");
    let sent = calls(&desk.enter());
    let scope = Scope::Account(id(1));
    let changes = vec![(Limited::Calls(Class::Chat), Some(30))];
    assert_eq!(sent, [AdminCall::Limits { scope: scope.clone(), changes }], "the limit that stays is not sent");
    desk.reply(AdminReply::Done { call: sent[0].clone(), done: Ok(()) });
    assert!(!desk.screen.holds());
    desk.press(KeyCode::Char('m'));
    desk.press(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL));
    desk.write("+qwen*");
    let rule = |pattern: &str, allowed| ModelRule { pattern: pattern.into(), allowed };
    let rules = vec![rule("llama3*", true), rule("*:70b", false), rule("qwen*", true)];
    assert_eq!(calls(&desk.enter()), [AdminCall::Models { scope, rules }]);
}

#[test]
fn a_role_is_chosen_from_those_there_are() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('r'));
    desk.write("stud");
    assert_eq!(calls(&desk.enter()), [each(UserAct::Role("students".into()), vec![target(1, "alice")])]);
}

#[test]
fn a_list_that_cannot_be_read_says_why() {
    let mut desk = Desk::new();
    desk.screen.open();
    let fault = Fault::new(FaultKind::Denied, "Your role may not manage accounts.").hint("Ask another administrator.");
    desk.reply(AdminReply::Users { asked: 2, page: Err(fault) });
    assert!(desk.draw(80, 24).contains("may not manage accounts"));
}
