//! The Admin screen in its frame: who gets there, and the passphrase that is asked for on the way.

use super::*;
use crate::ui::msg::{
    AdminCall, AdminReply,
    house::{SettingsCall, SettingsReply},
};

fn press_alt(root: &mut Root, key: char) -> Vec<Effect> {
    root.update(Msg::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::ALT)))
}

fn as_user() -> Root {
    let mut root = root();
    let mut signed_in = signed_in();
    signed_in.account.role = Role::User;
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::Resumed(Box::new(signed_in))))));
    root
}

#[test]
fn an_administrator_goes_to_the_admin_screen_and_back() {
    let mut root = inside();
    assert!(draw(&root, 80, 24).lines().next().unwrap().contains("Chat Models Library Search Insights Admin"));
    let effects = press_alt(&mut root, '6');
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Admin(AdminCall::Overview(_)))), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("Overview]"));
    let effects = press(&mut root, "2");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Admin(AdminCall::Users { .. }))), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("Users]"));
    press_alt(&mut root, '1');
    assert!(!draw(&root, 80, 24).contains("Users]"));
    // A new conversation is the chat's, wherever its key is pressed.
    press_alt(&mut root, '6');
    press(&mut root, "ctrl+n");
    assert!(is_on(&mut root, ScreenName::Chat));
}

#[test]
fn nobody_else_sees_anything_of_the_admin_screen() {
    let mut root = as_user();
    assert!(!draw(&root, 120, 36).contains("Admin"));
    press_alt(&mut root, '6');
    assert!(is_on(&mut root, ScreenName::Chat));
    press(&mut root, "ctrl+p");
    write(&mut root, "audit trail");
    let screen = draw(&root, 120, 36);
    assert!(!screen.contains("Administration:") && !screen.contains("Audit trail:"), "{screen}");
}

#[test]
fn the_palette_reaches_every_tab_and_offers_what_the_open_one_can_do() {
    let mut root = inside();
    press(&mut root, "ctrl+p");
    write(&mut root, "Administration audit");
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("Audit]"));
    press(&mut root, "f2");
    write(&mut root, "verify the trail");
    let effects = press(&mut root, "enter");
    assert!(root.overlay.is_none(), "{effects:?}");
}

#[test]
fn the_last_line_names_no_key_that_does_nothing_behind_a_dialog() {
    let mut root = inside();
    press_alt(&mut root, '6');
    press(&mut root, "2");
    let last = |root: &Root| draw(root, 80, 24).lines().last().unwrap().to_owned();
    assert!(last(&root).contains("/ filter"));
    press(&mut root, "n");
    assert_eq!(last(&root), " Ctrl+P commands  F1 help");
    press(&mut root, "esc");
    press(&mut root, "f");
    assert_eq!(last(&root), " F1 help", "Ctrl+P goes up in a list");
}

#[test]
fn what_wants_the_passphrase_is_asked_for_once_and_then_done() {
    let mut root = inside();
    press_alt(&mut root, '6');
    let call = AdminCall::Permit {
        role: "students".into(),
        permission: crate::api::admin::Permission::Chat,
        allowed: Some(false),
    };
    let unconfirmed = Fault::new(FaultKind::Unconfirmed, "This needs your passphrase once more.");
    let refused = |call: &AdminCall| AdminReply::Done { call: call.clone(), done: Err(unconfirmed.clone()) };
    root.update(Msg::Admin(refused(&call)));
    assert_looks("passphrase_once_more", {
        let mut root = inside();
        press_alt(&mut root, '6');
        root.update(Msg::Admin(refused(&call)));
        root
    });
    write(&mut root, "wrong");
    press(&mut root, "enter");
    let wrong = Fault::new(FaultKind::WrongCredentials, "That is not your passphrase.");
    root.update(Msg::Auth(AuthReply::Confirmed(Err(wrong))));
    assert!(draw(&root, 80, 24).contains("That is not your passphrase"));
    write(&mut root, "correct horse");
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::Confirm(passphrase))) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(passphrase.reveal(), "correct horse");
    let effects = root.update(Msg::Auth(AuthReply::Confirmed(Ok(()))));
    assert!(matches!(&effects[..], [Effect::Admin(again), ..] if *again == call), "{effects:?}");
    assert!(root.overlay.is_none());
}

#[test]
fn leaving_the_passphrase_untyped_leaves_everything_as_it_was() {
    let mut root = inside();
    root.settle(vec![Effect::Confirm(vec![Effect::Admin(AdminCall::Prune)])]);
    let effects = press(&mut root, "esc");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Admin(_))), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("Left as it was"));
    let effects = root.update(Msg::Auth(AuthReply::Confirmed(Ok(()))));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Admin(_))), "a late answer does nothing");
}

#[test]
fn signing_out_and_locking_leave_nothing_of_the_admin_screen() {
    let mut root = inside();
    press_alt(&mut root, '6');
    press(&mut root, "ctrl+l");
    assert!(!draw(&root, 80, 24).contains("Users"));
    root.update(Msg::Event(Event::SessionEnded(Fault::signed_out())));
    assert!(root.screens().is_none());
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(is_on(&mut root, ScreenName::Chat));
}

#[test]
fn a_look_draws_the_tab_with_the_health_anew_and_reads_what_it_added() {
    use crate::{api::events::Event, ui::msg::HealthCall};
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
    root.take_dirty();
    let look = || Msg::Event(Event::Health(Box::new(health(reachable()))));
    assert!(root.update(look()).is_empty());
    assert!(!root.take_dirty(), "elsewhere the same health draws nothing");
    press_alt(&mut root, '6');
    press(&mut root, "7");
    root.take_dirty();
    let effects = root.update(look());
    let reads = |effect: &Effect| matches!(effect, Effect::Admin(AdminCall::Health(HealthCall::History { .. })));
    assert!(effects.iter().any(reads), "{effects:?}");
    assert!(root.take_dirty());
    root.update(Msg::Timer(Timer::HealthAges));
    assert!(root.take_dirty(), "its ages are older");
    press_alt(&mut root, '1');
    root.take_dirty();
    assert!(root.update(Msg::Timer(Timer::HealthAges)).is_empty());
    assert!(!root.take_dirty());
}

#[test]
fn that_the_house_was_changed_is_told_unless_it_was_changed_here() {
    let changed = || Msg::Shell(ShellReply::Settings(Box::new(Current { is_of_house: true, ..Current::default() })));
    let mut root = inside();
    root.update(changed());
    assert!(draw(&root, 100, 24).contains("The settings of the house are changed."));
    let mut root = inside();
    let call = SettingsCall::Set(Vec::new());
    let done = SettingsReply::Changed { call, done: Ok(()) };
    root.update(Msg::Admin(AdminReply::Settings(done)));
    root.update(changed());
    assert!(!draw(&root, 100, 24).contains("The settings of the house"), "{}", draw(&root, 100, 24));
}
