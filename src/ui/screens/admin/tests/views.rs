use super::*;
use crate::{api::admin::AuditFilter, ui::theme::Theme};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (40, 12)];

pub(super) fn looks(name: &str, desk: &mut Desk) {
    for (width, height) in SIZES {
        desk.cx.size = (width, height);
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk.draw(width, height));
    }
}

fn with_detail() -> Desk {
    let mut desk = Desk::wide();
    desk.press(KeyCode::Char('j'));
    desk.show_detail();
    desk
}

fn trail() -> Desk {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('5'));
    let kinds = [("auth.sign_in", "ok"), ("auth.sign_in", "refused"), ("users.lock", "ok"), ("roles.permit", "ok")];
    let rows = (1..=60_i64).rev().map(|seq| {
        let (action, result) = kinds[usize::try_from(seq).unwrap() % kinds.len()];
        entry(seq, action, result)
    });
    desk.reply(AdminReply::Audit { asked: 1, page: Ok(AuditPage { rows: rows.collect(), more: true }) });
    desk.reply(AdminReply::Verified(Ok(verdict(None, Anchor::Holds { seq: 40 }))));
    desk
}

#[test]
fn the_list_of_accounts() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char(' '));
    looks("users", &mut desk);
}

#[test]
fn one_account() {
    looks("account", &mut with_detail());
}

#[test]
fn the_filter_of_accounts() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('/'));
    desk.write("zz");
    desk.reply(AdminReply::Users { asked: 3, page: Ok(page(Vec::new(), false)) });
    looks("users-none", &mut desk);
}

#[test]
fn the_form_for_a_new_account() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('n'));
    looks("new-account", &mut desk);
}

#[test]
fn the_one_time_code() {
    let mut desk = Desk::new();
    let new = crate::api::admin::NewUser { name: "erin".into(), display_name: None, role: "user".into() };
    desk.reply(AdminReply::Created { new, code: Ok(code("erin")) });
    looks("code", &mut desk);
}

#[test]
fn the_question_about_a_reset() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('c'));
    looks("reset", &mut desk);
}

#[test]
fn the_typed_confirmation() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('P'));
    desk.write("bob");
    desk.enter();
    looks("purge", &mut desk);
}

#[test]
fn a_result_for_each_of_several() {
    let mut desk = Desk::new();
    let last = Fault::new(FaultKind::Denied, "That is the last administrator.").hint("Make another one first.");
    desk.reply(AdminReply::Each {
        act: UserAct::Lock(10),
        results: vec![(target(1, "alice"), Err(last)), (target(2, "ben"), Ok(None)), (target(4, "dora"), Ok(None))],
    });
    looks("results", &mut desk);
}

#[test]
fn the_matrix_of_roles() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('3'));
    desk.reply(AdminReply::Roles(Ok(roles())));
    for key in [KeyCode::Right, KeyCode::Right, KeyCode::Right, KeyCode::Down, KeyCode::Down, KeyCode::Down] {
        desk.press(key);
    }
    looks("roles", &mut desk);
}

#[test]
fn the_editor_of_limits() {
    let mut desk = with_detail();
    desk.press(KeyCode::Char('i'));
    looks("limits", &mut desk);
}

#[test]
fn the_editor_of_models() {
    let mut desk = with_detail();
    desk.press(KeyCode::Char('m'));
    looks("models", &mut desk);
}

#[test]
fn the_audit_trail() {
    looks("trail", &mut trail());
}

#[test]
fn the_filter_of_the_trail() {
    let mut desk = trail();
    desk.press(KeyCode::Char('/'));
    looks("trail-filter", &mut desk);
}

#[test]
fn without_colour_states_and_marks_are_still_told_apart() {
    let mut desk = Desk::new();
    desk.cx.theme = Theme::plain();
    desk.press(KeyCode::Char(' '));
    let screen = desk.draw(80, 24);
    for mark in ["● active", "◐ locked", "◌ invited", "○ disabled", "› ", "■", "Users]"] {
        assert!(screen.contains(mark), "{mark}: {screen}");
    }
}

#[test]
fn no_size_panics_and_no_control_character_is_drawn() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}evil\u{7}\u{1b}]0;x\u{7}";
    let mut desk = Desk::new();
    desk.screen.open();
    let rows = vec![UserRow { display_name: Some(hostile.into()), role: hostile.into(), ..people()[1].clone() }];
    desk.reply(AdminReply::Users { asked: 2, page: Ok(page(rows, false)) });
    let mut hostile_roles = roles();
    hostile_roles[3].name = hostile.into();
    hostile_roles[3].models[0].pattern = hostile.into();
    desk.reply(AdminReply::Roles(Ok(hostile_roles)));
    let effects = desk.enter();
    let [AdminCall::User { asked, .. }] = calls(&effects)[..] else { panic!("{effects:?}") };
    let mut shown = detail(id(2));
    shown.row.display_name = Some(hostile.into());
    shown.sessions[0].place = hostile.into();
    shown.models[0].pattern = hostile.into();
    desk.reply(AdminReply::User { asked, id: id(2), detail: Ok(Box::new(shown)) });
    let mut entries: Vec<AuditEntry> = (1..=5).map(|seq| entry(seq, "users.lock", "ok")).collect();
    for entry in &mut entries {
        entry.actor_name = Some(hostile.into());
        entry.target = hostile.into();
        entry.result = hostile.into();
    }
    let keys =
        ["2", "2n", "2r", "2x", "2l", "2P", "2s", "2i", "2m", "2f", "3", "3d", "3m", "3i", "3r", "4", "5", "5x", "5/"];
    for keys in keys {
        desk.screen.dialog = None;
        desk.write(&keys[..1]);
        if keys.starts_with('3') {
            desk.press(KeyCode::Right);
            desk.press(KeyCode::Right);
            desk.press(KeyCode::Right);
        }
        if keys.starts_with('5') {
            desk.screen.trail.set_filter(AuditFilter { who: hostile.into(), ..AuditFilter::default() });
            let page = AuditPage { rows: entries.clone(), more: false };
            for asked in 1..9 {
                desk.reply(AdminReply::Audit { asked, page: Ok(page.clone()) });
            }
        }
        desk.write(&keys[1..]);
        for (width, height) in [(1, 1), (2, 2), (3, 10), (10, 3), (20, 5), (33, 7), (79, 23), (200, 60)] {
            desk.cx.size = (width, height);
            let screen = desk.draw(width, height);
            assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{keys} {width}×{height}: {screen:?}");
            assert!(!screen.contains('\u{202e}'), "{keys}");
        }
    }
    desk.screen.dialog = Some(Codes::dialog(vec![ActivationCode { name: hostile.into(), ..code("erin") }]));
    assert!(!desk.draw(80, 24).contains('\u{1b}'));
}
