use super::*;
use crate::api::admin::Scope;

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('3'));
    desk.reply(AdminReply::Roles(Ok(roles())));
    desk
}

/// With the cursor on the role `students`.
fn at_students() -> Desk {
    let mut desk = desk();
    for _ in 0..3 {
        desk.press(KeyCode::Right);
    }
    desk
}

#[test]
fn a_cell_goes_from_the_rank_to_allowed_to_denied_and_back() {
    let mut desk = at_students();
    desk.press(KeyCode::Char('j'));
    let mut seen = Vec::new();
    for stored in [None, Some(true), Some(false)] {
        let mut all = roles();
        all[3].permissions = stored.map(|allowed| (Permission::Chat, allowed)).into_iter().collect();
        desk.reply(AdminReply::Roles(Ok(all)));
        let [AdminCall::Permit { role, permission, allowed }] = &calls(&desk.press(KeyCode::Char(' ')))[..] else {
            panic!("no call for {stored:?}")
        };
        assert_eq!((role.as_str(), *permission), ("students", Permission::Chat));
        seen.push(*allowed);
    }
    assert_eq!(seen, [Some(true), Some(false), None]);
}

#[test]
fn what_cannot_be_given_or_denied_says_so_and_asks_nothing() {
    let mut desk = at_students();
    assert_eq!(toasts(&desk.press(KeyCode::Char(' '))), ["Nobody can be kept from their own account."]);
    desk.press(KeyCode::Char('G'));
    assert_eq!(toasts(&desk.press(KeyCode::Char(' '))), ["That is for roles of rank admin."]);
    let mut desk = self::desk();
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Char('j'));
    assert_eq!(toasts(&desk.press(KeyCode::Char(' '))), ["The role admin may everything, always."]);
}

#[test]
fn a_change_of_the_matrix_that_wants_the_passphrase_is_handed_back() {
    let mut desk = at_students();
    let call = AdminCall::Permit { role: "students".into(), permission: Permission::Chat, allowed: Some(true) };
    let effects = desk.reply(AdminReply::Done { call: call.clone(), done: Err(unconfirmed()) });
    assert_eq!(to_confirm(&effects), std::slice::from_ref(&call));
    let effects = desk.reply(AdminReply::Done { call, done: Ok(()) });
    assert_eq!(calls(&effects), [AdminCall::Roles], "the matrix is read anew");
}

#[test]
fn a_role_is_made_with_a_rank_renamed_and_removed_with_one_for_its_members() {
    let mut desk = at_students();
    desk.press(KeyCode::Char('n'));
    desk.write("night");
    desk.press(KeyCode::Tab);
    desk.write(" ");
    assert_eq!(calls(&desk.enter()), [AdminCall::CreateRole { name: "night".into(), rank: Role::Admin }]);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('r'));
    desk.overwrite("pupils");
    assert_eq!(calls(&desk.enter()), [AdminCall::RenameRole { name: "students".into(), new: "pupils".into() }]);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('d'));
    assert!(desk.draw(80, 24).contains("its 30 members get"));
    desk.write("user");
    assert_eq!(calls(&desk.enter()), [AdminCall::DeleteRole { name: "students".into(), instead: "user".into() }]);
}

#[test]
fn a_built_in_role_is_neither_renamed_nor_removed() {
    let mut desk = desk();
    for key in ['r', 'd'] {
        assert_eq!(toasts(&desk.press(KeyCode::Char(key))), ["The role user is built in and stays."]);
    }
}

#[test]
fn limits_of_a_role_are_set_and_taken_away() {
    let mut desk = at_students();
    desk.press(KeyCode::Char('i'));
    desk.overwrite("");
    desk.press(KeyCode::Tab);
    desk.write("0");
    assert_eq!(calls(&desk.enter()), [], "no limit is nought");
    desk.overwrite("7");
    let changes = vec![(Limited::Calls(Class::Chat), None), (Limited::Calls(Class::Auth), Some(7))];
    assert_eq!(calls(&desk.enter()), [AdminCall::Limits { scope: Scope::Role("students".into()), changes }]);
}

#[test]
fn rules_about_models_are_lines_and_a_wrong_one_is_named() {
    let mut desk = at_students();
    desk.press(KeyCode::Char('m'));
    desk.press(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL));
    desk.write("70b");
    assert_eq!(calls(&desk.enter()), []);
    assert!(desk.draw(80, 24).contains("Line 2 is no rule"));
    desk.press(KeyCode::Home);
    desk.write("-*:");
    let rule = |pattern: &str, allowed| ModelRule { pattern: pattern.into(), allowed };
    let rules = vec![rule("llama3*", true), rule("*:70b", false)];
    assert_eq!(calls(&desk.enter()), [AdminCall::Models { scope: Scope::Role("students".into()), rules }]);
}

#[test]
fn more_roles_than_fit_are_walked_through_sideways() {
    let mut desk = desk();
    let mut many = roles();
    many.extend((0..20).map(|n| role(&format!("role-number-{n}"), Role::User)));
    desk.reply(AdminReply::Roles(Ok(many)));
    assert!(!desk.draw(80, 24).contains("role-number-19"));
    for _ in 0..23 {
        desk.press(KeyCode::Right);
    }
    let screen = desk.draw(80, 24);
    assert!(screen.contains("role-number-19"), "{screen}");
}
