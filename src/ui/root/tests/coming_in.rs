//! The second factor at the door, one-time codes, accounts of one's own, and being put out.

use super::*;
use crate::{
    api::auth::HalfWay,
    ui::msg::{AccountReply, ChatReply},
};

const CODE: &str = "ABCD-EFGH-JKMN-PQRS-TVWX";

fn half() -> HalfWay {
    HalfWay::new(Session::from_parts(SessionId(uuid::Uuid::nil()), [7; 32]))
}

/// Name and passphrase are typed, and the second factor is asked for.
fn half_way() -> Root {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "correct horse");
    press(&mut root, "enter");
    root.update(Msg::Auth(AuthReply::HalfWay(half())));
    root
}

fn with_registration() -> Root {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::SignIn { registration: true, message: None }))));
    root
}

fn wrong_code() -> Fault {
    Fault::new(FaultKind::WrongCredentials, "That code is wrong, or it has been used.")
        .hint("Wait for the authenticator's next code, or use one of the second factor's recovery codes.")
}

#[test]
fn after_the_passphrase_the_code_is_asked_for_and_lets_in() {
    let mut root = half_way();
    assert!(draw(&root, 80, 24).contains("Type the six digits"));
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("Type the code"), "nothing is sent for nothing");
    write(&mut root, "123456");
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::SecondFactor { half: sent, code })) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!((sent, code.reveal()), (&half(), "123456"));
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(matches!(root.stage, Stage::Inside(_)));
}

#[test]
fn a_wrong_code_is_emptied_and_another_can_be_typed() {
    let mut root = half_way();
    write(&mut root, "000000");
    press(&mut root, "enter");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(wrong_code()))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("wrong, or it has been used") && !screen.contains("000000"), "{screen}");
    write(&mut root, "123456");
    let effects = press(&mut root, "enter");
    assert!(matches!(&effects[0], Effect::Auth(AuthCall::SecondFactor { code, .. }) if code.reveal() == "123456"));
}

#[test]
fn esc_goes_back_to_the_passphrase_with_the_name_kept() {
    let mut root = half_way();
    press(&mut root, "esc");
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Sign in to OllamaNet") && screen.contains("alice") && !screen.contains('•'), "{screen}");
    write(&mut root, "again");
    let effects = press(&mut root, "enter");
    assert!(matches!(&effects[0], Effect::Auth(AuthCall::SignIn { name, .. }) if name == "alice"), "{effects:?}");
}

#[test]
fn a_sign_in_that_took_too_long_begins_again_and_says_so() {
    let mut root = half_way();
    write(&mut root, "123456");
    press(&mut root, "enter");
    let late = Fault::new(FaultKind::SignedOut, "That sign-in took too long, or it is over.");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(late))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("took too long") && screen.contains("Passphrase") && screen.contains("alice"), "{screen}");
}

#[test]
fn staying_signed_in_outlasts_the_question_for_the_code() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "correct horse");
    press(&mut root, "tab");
    write(&mut root, " ");
    press(&mut root, "enter");
    root.update(Msg::Auth(AuthReply::HalfWay(half())));
    write(&mut root, "123456");
    press(&mut root, "enter");
    let effects = root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(matches!(effects[..], [Effect::Auth(AuthCall::StaySignedIn(true))]), "{effects:?}");
}

#[test]
fn a_one_time_code_leads_to_a_passphrase_a_recovery_code_and_in() {
    let mut root = at_the_door();
    press(&mut root, "f10");
    for text in ["ben", CODE, ""] {
        write(&mut root, text);
        press(&mut root, "enter");
    }
    write(&mut root, "short");
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("at least 8 characters"));
    press(&mut root, "ctrl+u");
    write(&mut root, "basin lumen tripod velvet");
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::Activate(how))) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((how.name.as_str(), how.code.reveal(), how.recovery_code.is_none()), ("ben", CODE, true));
    assert_eq!(how.passphrase.reveal(), "basin lumen tripod velvet");
    let signed_in = SignedIn { recovery_code: Some(Secret::new("ABCDEFGHJKMNPQRSTVWXYZ234567")), ..signed_in() };
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in)))));
    assert!(draw(&root, 80, 24).contains("Your recovery code"));
}

#[test]
fn after_a_reset_the_old_recovery_code_goes_along_and_a_refusal_loses_nothing_that_was_typed() {
    let mut root = at_the_door();
    write(&mut root, "ben");
    press(&mut root, "f10");
    for text in [CODE, "OLD1-OLD2", "basin lumen tripod velvet"] {
        write(&mut root, text);
        press(&mut root, "enter");
    }
    let refused = Fault::new(FaultKind::WrongCredentials, "That recovery code does not open the old vault.");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(refused))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("does not open") && screen.contains(CODE) && screen.contains("OLD1-OLD2"), "{screen}");
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::Activate(how))) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(how.recovery_code.as_ref().map(Secret::reveal), Some("OLD1-OLD2"));
}

#[test]
fn an_account_of_ones_own_is_made_only_where_that_is_open() {
    let mut root = at_the_door();
    press(&mut root, "f12");
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("an administrator makes the accounts") && screen.contains("Passphrase"), "{screen}");

    let mut root = with_registration();
    press(&mut root, "f12");
    write(&mut root, "ben");
    press(&mut root, "enter");
    write(&mut root, "basin lumen tripod velvet");
    let effects = press(&mut root, "enter");
    assert!(matches!(&effects[0], Effect::Auth(AuthCall::Register(new)) if new.name == "ben"), "{effects:?}");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(Fault::new(FaultKind::Conflict, "That name is taken.")))));
    assert!(draw(&root, 80, 24).contains("That name is taken."));
    press(&mut root, "esc");
    assert!(draw(&root, 80, 24).contains("Sign in to OllamaNet"));
}

#[test]
fn signing_out_asks_the_door_again_so_that_it_offers_what_is_open() {
    let mut root = inside();
    press(&mut root, "ctrl+p");
    write(&mut root, "sign out");
    press(&mut root, "enter");
    let effects = root.update(Msg::Auth(AuthReply::SignedOut(Ok(()))));
    assert!(matches!(effects[..], [Effect::Auth(AuthCall::Door)]), "{effects:?}");
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::SignIn { registration: true, message: None }))));
    assert!(draw(&root, 80, 24).contains("No account yet?"));
}

#[test]
fn what_the_next_action_finds_out_is_said_at_the_door_and_nothing_else_is_on_the_screen() {
    let locked = Fault::new(FaultKind::SignedOut, "An administrator locked this account for 10 min.").hint("Ask them.");
    let tree = || Msg::Chat(ChatReply::Tree(Err(locked.clone())));
    let mut root = inside();
    root.update(tree());
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("locked this account for 10 min. Ask them."), "{screen}");
    assert!(screen.contains("Sign in to OllamaNet") && !screen.contains("Conversations"), "{screen}");
    assert_eq!(root.cx.account, None);

    // The event without a reason may come first, and later calls know no more than that nobody is signed in.
    let mut root = inside();
    let effects = root.update(Msg::Event(Event::SessionEnded(Fault::signed_out())));
    // Whether anybody may make an account may have changed since the door was opened.
    assert!(matches!(effects[..], [Effect::Auth(AuthCall::Registration)]), "{effects:?}");
    assert!(!draw(&root, 80, 24).contains("No account yet?"));
    root.update(Msg::Auth(AuthReply::Registration(Ok(true))));
    assert!(draw(&root, 80, 24).contains("No account yet?"));
    root.update(tree());
    root.update(Msg::Chat(ChatReply::Draft(Err(Fault::signed_out()))));
    assert!(draw(&root, 80, 24).contains("locked this account for 10 min."));

    let mut root = inside();
    press(&mut root, "alt+9");
    root.update(Msg::Account(AccountReply::Sessions(Err(locked.clone()))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("locked this account") && !screen.contains("Second factor"), "{screen}");
}

#[test]
fn the_question_for_the_second_factor_looks_right() {
    let mut root = half_way();
    write(&mut root, "000000");
    press(&mut root, "enter");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(wrong_code()))));
    assert_looks("second_factor", root);
}

#[test]
fn the_form_for_a_one_time_code_looks_right() {
    let mut root = at_the_door();
    press(&mut root, "f10");
    for text in ["ben", CODE, ""] {
        write(&mut root, text);
        press(&mut root, "enter");
    }
    let strength = Strength { guesses_log10: 3, score: 1, accepted: false, advice: "Add another word or two.".into() };
    write(&mut root, "hunter2");
    root.update(Msg::Auth(AuthReply::Judged { asked: 7, strength: Ok(strength) }));
    assert_looks("activate", root);
}

#[test]
fn where_accounts_are_open_to_everybody_the_door_looks_right() {
    assert_looks("sign_in_open", with_registration());
    let mut root = with_registration();
    press(&mut root, "f12");
    assert_looks("register", root);
}

#[test]
fn what_the_administrators_say_stands_before_the_name_and_gives_way_where_there_is_no_room() {
    let mut root = root();
    let message = Some("Down on Sunday.\u{1b}[2J".to_owned());
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::SignIn { registration: false, message }))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Down on Sunday.") && !screen.contains('\u{1b}'), "{screen}");
    let small = draw(&root, 40, 10);
    assert!(small.contains("User name") && small.contains("Passphrase") && !small.contains("Sunday"), "{small}");
    // Asked again after signing out, it may be gone.
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::SignIn { registration: false, message: None }))));
    assert!(!draw(&root, 80, 24).contains("Sunday"));
}
