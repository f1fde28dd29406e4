//! How the screens at the door and what lies over every screen look.

use super::*;

#[test]
fn the_first_run_screen_looks_right() {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::FirstRun))));
    root.update(Msg::Shell(ShellReply::Health(Ok(health(OllamaState::InstalledNotRunning)))));
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "hunter2");
    let strength = Strength { guesses_log10: 3, score: 1, accepted: false, advice: "Add another word or two.".into() };
    root.update(Msg::Auth(AuthReply::Judged { asked: 12, strength: Ok(strength) }));
    assert_looks("first_run", root);
}

#[test]
fn the_recovery_code_screen_looks_right() {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::FirstRun))));
    let code = Some(Secret::new("ABCD-EFGH-JKMN-PQRS-TVWX-YZ23-4567"));
    let signed_in = SignedIn { recovery_code: code, ..signed_in() };
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in)))));
    assert_looks("recovery_code", root);
}

#[test]
fn the_code_is_confirmed_then_the_question_is_asked_and_no_is_the_default() {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::FirstRun))));
    let letters = "ABCDEFGHJKMNPQRSTVWXYZ234567";
    let signed_in = SignedIn { recovery_code: Some(Secret::new(letters)), ..signed_in() };
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in)))));
    press(&mut root, "enter");
    let screen = draw(&root, 80, 24);
    assert!(!screen.contains("ABCD"), "the code is hidden while it is asked for");
    assert_looks("recovery_code_asked", {
        let mut root = self::root();
        root.update(Msg::Auth(AuthReply::Door(Ok(Door::FirstRun))));
        let signed_in = SignedIn { recovery_code: Some(Secret::new(letters)), ..self::signed_in() };
        root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in)))));
        press(&mut root, "enter");
        root
    });
    let words = screen.split("places ").nth(1).unwrap();
    let places: Vec<usize> = words
        .split(|c: char| !c.is_ascii_digit())
        .filter(|number| !number.is_empty())
        .take(4)
        .map(|number| number.parse().unwrap())
        .collect();
    for place in places {
        write(&mut root, &letters[place - 1..place]);
    }
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("Stay signed in on this OS account?"));
    let effects = press(&mut root, "enter");
    assert!(matches!(effects[0], Effect::Auth(AuthCall::StaySignedIn(false))), "{effects:?}");
}

#[test]
fn the_sign_in_screen_looks_right() {
    let mut root = at_the_door();
    root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
    assert_looks("sign_in", root);
}

#[test]
fn the_recovery_screen_looks_right() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "f9");
    assert_looks("recover", root);
}

#[test]
fn the_lock_screen_looks_right() {
    let mut root = inside();
    press(&mut root, "ctrl+l");
    assert_looks("locked", root);
}

#[test]
fn the_palette_looks_right() {
    let mut root = at_the_door();
    press(&mut root, "ctrl+p");
    press(&mut root, "f2");
    press(&mut root, "f2");
    assert_looks("palette", root);
}

#[test]
fn help_looks_right() {
    let mut root = at_the_door();
    press(&mut root, "f1");
    assert_looks("help", root);
}

#[test]
fn notices_look_right() {
    let mut root = at_the_door();
    root.settle(vec![
        Effect::Toast(Toast::good("Copied 120 characters.")),
        Effect::Toast(Toast::warning("Too many tries.").hint("Try again in 4 s.")),
        Effect::Toast(Toast::fault(
            &Fault::new(FaultKind::DiskFull, "The disk is full.").hint("Make room; nothing acknowledged is lost."),
        )),
    ]);
    assert_looks("notices", root);
}
