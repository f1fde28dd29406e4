//! One's own account, through the whole frame.

mod sealed;

use super::*;
use crate::{
    api::{
        AccountId, VaultId,
        admin::{AuditEntry, Class, Limited, SecondFactorPolicy, SessionRow},
        auth::Role,
        profile::{Activity, Allowance, Enrolment, ExportReport, Profile, SealedVault, SecondFactorState},
    },
    ui::msg::{AccountReply, ChatReply},
};

const SECRET: &str = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP";

fn profile(added_at: Option<i64>) -> Profile {
    Profile {
        id: AccountId(uuid::Uuid::nil()),
        name: "alice".into(),
        display_name: Some("Alice \u{1b}[31mA.\u{202e}".into()),
        role: "admin".into(),
        rank: Role::Admin,
        created_at: clock() - 90 * 86_400_000,
        last_sign_in: Some(clock() - 86_400_000),
        second_factor: SecondFactorState {
            added_at,
            codes_left: 8,
            policy: SecondFactorPolicy::Voluntary,
            is_required: false,
        },
    }
}

fn enrolment() -> Enrolment {
    let uri = format!("otpauth://totp/OllamaNet:alice?secret={}&issuer=OllamaNet", SECRET.replace(' ', ""));
    Enrolment { uri: Secret::new(uri), secret: Secret::new(SECRET) }
}

fn codes() -> Vec<Secret> {
    (0..10).map(|n| Secret::new(format!("A{n}CD-EFGH-JKMN-PQRS"))).collect()
}

fn own() -> Preferences {
    let mut own = Preferences { system_prompt: Some("Be brief.\nBe kind.".into()), ..Preferences::default() };
    own.options.temperature = Some(0.5);
    own.keys.entry("global".into()).or_default().insert("lock".into(), vec!["f11".into()]);
    own
}

fn told(root: &mut Root, reply: AccountReply) -> Vec<Effect> {
    root.update(Msg::Account(reply))
}

const TABS: [&str; 6] = ["Profile", "Second factor", "Sessions", "Limits", "Activity", "Data"];

/// On the tab of this name, with the profile known.
fn on_tab(name: &str) -> Root {
    let mut root = inside();
    press(&mut root, "alt+9");
    told(&mut root, AccountReply::Profile(Ok(Box::new(profile(None)))));
    told(&mut root, AccountReply::Preferences(Ok(Box::new(own()))));
    let at = TABS.iter().position(|tab| *tab == name).unwrap();
    press(&mut root, &(at + 1).to_string());
    root
}

fn calls(effects: &[Effect]) -> Vec<&AccountCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Account(call) => Some(call),
            Effect::Auth(_)
            | Effect::Chat(_)
            | Effect::Notes(_)
            | Effect::Admin(_)
            | Effect::Insights(_)
            | Effect::Library(_)
            | Effect::Jobs(_)
            | Effect::Models(_)
            | Effect::UseModel(_)
            | Effect::Confirm(_)
            | Effect::OpenAt(_)
            | Effect::Use(_)
            | Effect::Search(_)
            | Effect::Shell(_)
            | Effect::Transfer(_)
            | Effect::After(..)
            | Effect::Highlight(_)
            | Effect::Toast(_)
            | Effect::Act(_) => None,
        })
        .collect()
}

fn unconfirmed() -> Fault {
    Fault::new(FaultKind::Unconfirmed, "This needs your passphrase once more.")
}

fn session(n: u128, place: &str, is_own: bool) -> SessionRow {
    SessionRow {
        id: SessionId(uuid::Uuid::from_u128(n)),
        place: place.into(),
        os_uid: 1000,
        pid: 4000 + n as u32,
        started_at: clock() - n as i64 * 3_600_000,
        expires_at: clock() + 86_400_000,
        is_own,
    }
}

#[test]
fn a_key_the_palette_and_the_name_lead_to_the_account_and_alt_1_back() {
    let mut root = inside();
    let effects = press(&mut root, "alt+9");
    assert!(matches!(calls(&effects)[..], [AccountCall::Profile, AccountCall::Preferences]), "{effects:?}");
    press(&mut root, "alt+1");
    assert!(is_on(&mut root, ScreenName::Chat));
    press(&mut root, "ctrl+p");
    write(&mut root, "your account");
    press(&mut root, "enter");
    assert!(is_on(&mut root, ScreenName::Account));
    press(&mut root, "alt+1");
    let top = draw(&root, 80, 24).lines().next().unwrap().to_owned();
    let column = top[..top.find("alice").unwrap()].chars().count() as u16;
    let kind = crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left);
    let click = |column| Msg::Mouse(MouseEvent { kind, column, row: 0, modifiers: KeyModifiers::NONE });
    root.update(click(column - 2));
    assert!(is_on(&mut root, ScreenName::Chat), "beside the name there is nothing to click");
    root.update(click(column));
    assert!(is_on(&mut root, ScreenName::Account));
}

#[test]
fn what_only_the_chat_can_do_goes_back_to_the_chat() {
    let mut root = on_tab("Limits");
    press(&mut root, "ctrl+n");
    assert!(is_on(&mut root, ScreenName::Chat));
}

#[test]
fn the_display_name_is_kept_and_an_empty_one_is_taken_away() {
    let mut root = on_tab("Profile");
    press(&mut root, "enter");
    press(&mut root, "ctrl+u");
    write(&mut root, "Alice B.");
    let effects = press(&mut root, "enter");
    let set = |name: &str| Some(name.to_owned());
    assert!(
        matches!(calls(&effects)[..], [AccountCall::SetDisplayName(name)] if *name == set("Alice B.")),
        "{effects:?}"
    );
    let effects = told(&mut root, AccountReply::DisplayNameSet(Ok(())));
    assert!(matches!(calls(&effects)[..], [AccountCall::Profile]), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("Your display name is changed."));
    press(&mut root, "enter");
    press(&mut root, "ctrl+u");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::SetDisplayName(None)]), "{effects:?}");
}

#[test]
fn the_theme_and_the_keys_of_the_account_hold_over_the_settings_files_until_signing_out() {
    let mut root = inside();
    let mut own = own();
    own.theme = Some("plain".into());
    told(&mut root, AccountReply::Preferences(Ok(Box::new(own))));
    assert_eq!(root.cx.theme, Theme::plain());
    // The settings file changes something else meanwhile: the account's own choice stays.
    root.update(Msg::Shell(ShellReply::Settings(Box::default())));
    assert_eq!(root.cx.theme, Theme::plain());
    let effects = press(&mut root, "f11");
    assert!(matches!(effects.last(), Some(Effect::Auth(AuthCall::Lock))), "{effects:?}");
    root.update(Msg::Event(Event::SessionEnded(Fault::signed_out())));
    assert_eq!(root.cx.theme, Theme::dark());
    assert_eq!(root.cx.keymap.labels(Action::Lock), "Ctrl+L");
}

#[test]
fn at_each_sign_in_the_preferences_are_asked_for_first() {
    let mut root = at_the_door();
    let effects = root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(matches!(effects.first(), Some(Effect::Account(AccountCall::Preferences))), "{effects:?}");
}

#[test]
fn choosing_a_theme_applies_it_at_once() {
    let mut root = on_tab("Profile");
    for _ in 0..4 {
        press(&mut root, "down");
    }
    press(&mut root, "enter");
    write(&mut root, "light");
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(**new, Preferences { theme: Some("light".into()), ..own() });
    told(&mut root, AccountReply::PreferencesSet(Ok(new.clone())));
    assert_eq!(root.cx.theme, Theme::light());
}

/// At the field for the keys of the lock.
fn at_the_keys_of_lock() -> Root {
    let mut root = on_tab("Profile");
    press(&mut root, "g");
    for _ in 0..5 {
        press(&mut root, "down");
    }
    press(&mut root, "enter");
    write(&mut root, "lock the screen");
    press(&mut root, "enter");
    press(&mut root, "ctrl+u");
    root
}

#[test]
fn keys_that_cannot_be_read_or_mean_something_else_are_refused_and_good_ones_hold_at_once() {
    let mut root = at_the_keys_of_lock();
    write(&mut root, "hyper+x");
    assert!(calls(&press(&mut root, "enter")).is_empty());
    assert!(draw(&root, 80, 24).contains("not a modifier"));
    press(&mut root, "ctrl+u");
    write(&mut root, "ctrl+q");
    assert!(calls(&press(&mut root, "enter")).is_empty());
    assert!(draw(&root, 80, 24).contains("bound to both"));
    press(&mut root, "ctrl+u");
    write(&mut root, "f11, f12");
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(new.keys["global"]["lock"], ["f11", "f12"]);
    told(&mut root, AccountReply::PreferencesSet(Ok(new.clone())));
    assert_eq!(root.cx.keymap.labels(Action::Lock), "F11, F12");
}

#[test]
fn an_empty_field_follows_the_settings_file_and_none_unbinds() {
    let mut root = at_the_keys_of_lock();
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::SetPreferences(new)] if new.keys.is_empty()), "{effects:?}");
    let mut root = at_the_keys_of_lock();
    write(&mut root, "none");
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(new.keys["global"]["lock"], Vec::<String>::new());
}

#[test]
fn the_system_prompt_and_the_options_are_edited_and_sent_with_the_rest() {
    let mut root = on_tab("Profile");
    press(&mut root, "down");
    press(&mut root, "down");
    press(&mut root, "enter");
    write(&mut root, " Always.");
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    let expected = Preferences { system_prompt: Some("Be brief.\nBe kind. Always.".into()), ..own() };
    assert_eq!(**new, expected);
    told(&mut root, AccountReply::PreferencesSet(Ok(new.clone())));
    press(&mut root, "down");
    press(&mut root, "enter");
    press(&mut root, "tab");
    press(&mut root, "tab");
    press(&mut root, "ctrl+u");
    write(&mut root, "0.7");
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((new.options.temperature, &new.system_prompt), (Some(0.7), &expected.system_prompt));
}

#[test]
fn a_second_factor_is_shown_proved_and_its_codes_are_shown_once() {
    let mut root = on_tab("Second factor");
    assert!(matches!(calls(&press(&mut root, "enter"))[..], [AccountCall::BeginSecondFactor]));
    told(&mut root, AccountReply::Proposed(Ok(enrolment())));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains('▀') && screen.contains("JBSW Y3DP EHPK 3PXP"), "{screen}");
    write(&mut root, "123456");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::AddSecondFactor(code)] if code.reveal() == "123456"));
    told(&mut root, AccountReply::Added(Err(Fault::new(FaultKind::WrongCredentials, "That is not the code."))));
    assert!(draw(&root, 80, 24).contains("That is not the code."), "the same secret can be tried again");
    write(&mut root, "654321");
    press(&mut root, "enter");
    told(&mut root, AccountReply::Added(Ok(codes())));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("A0CD-EFGH-JKMN-PQRS") && screen.contains("A9CD") && !screen.contains("JBSW"), "{screen}");
    press(&mut root, "esc");
    assert!(draw(&root, 80, 24).contains("A0CD"), "Esc alone does not throw them away");
    press(&mut root, "enter");
    assert!(!draw(&root, 80, 24).contains("A0CD"));
}

#[test]
fn a_call_that_wants_the_passphrase_once_more_is_repeated_when_it_was_typed() {
    let mut root = on_tab("Second factor");
    told(&mut root, AccountReply::Profile(Ok(Box::new(profile(Some(clock()))))));
    press(&mut root, "down");
    press(&mut root, "enter");
    write(&mut root, "123456");
    press(&mut root, "enter");
    told(&mut root, AccountReply::Removed(Err(unconfirmed())));
    assert!(draw(&root, 80, 24).contains("Your passphrase, once more"));
    write(&mut root, "correct horse");
    let effects = press(&mut root, "enter");
    assert!(
        matches!(&effects[..], [Effect::Auth(AuthCall::Confirm(secret)), ..] if secret.reveal() == "correct horse"),
        "{effects:?}"
    );
    let wrong = Fault::new(FaultKind::WrongCredentials, "They do not match.");
    root.update(Msg::Auth(AuthReply::Confirmed(Err(wrong))));
    assert!(draw(&root, 80, 24).contains("They do not match."));
    write(&mut root, "right");
    press(&mut root, "enter");
    let effects = root.update(Msg::Auth(AuthReply::Confirmed(Ok(()))));
    assert!(matches!(calls(&effects)[..], [AccountCall::RemoveSecondFactor(code)] if code.reveal() == "123456"));
    told(&mut root, AccountReply::Removed(Ok(())));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("The second factor is removed.") && !screen.contains("once more"), "{screen}");
}

#[test]
fn giving_up_the_passphrase_gives_up_the_call_and_leaves_the_form_usable() {
    let mut root = on_tab("Data");
    press(&mut root, "enter");
    press(&mut root, "enter");
    told(&mut root, AccountReply::Exported(Err(unconfirmed())));
    press(&mut root, "esc");
    let effects = root.update(Msg::Auth(AuthReply::Confirmed(Ok(()))));
    assert!(calls(&effects).is_empty(), "{effects:?}");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::Export(_)]), "{effects:?}");
}

#[test]
fn an_installation_that_asks_for_a_second_factor_leads_straight_to_adding_one() {
    let mut root = inside();
    let wanted = || Fault::new(FaultKind::SecondFactorWanted, "This installation asks for a second factor.");
    let effects = root.update(Msg::Chat(ChatReply::Tree(Err(wanted()))));
    assert!(calls(&effects).iter().any(|call| matches!(call, AccountCall::BeginSecondFactor)), "{effects:?}");
    let effects = root.update(Msg::Chat(ChatReply::Draft(Err(wanted()))));
    assert!(effects.is_empty(), "it is begun once: {effects:?}");
    let mut required = profile(None);
    required.second_factor.is_required = true;
    told(&mut root, AccountReply::Profile(Ok(Box::new(required))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("asks you for a second factor before anything else") && !screen.contains('✗'), "{screen}");
    press(&mut root, "alt+1");
    press(&mut root, "ctrl+n");
    assert!(is_on(&mut root, ScreenName::Account), "nothing else answers yet");
    told(&mut root, AccountReply::Proposed(Ok(enrolment())));
    write(&mut root, "123456");
    press(&mut root, "enter");
    let effects = told(&mut root, AccountReply::Added(Ok(codes())));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Chat(crate::ui::msg::ChatCall::Tree))), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("A0CD-EFGH"));
    press(&mut root, "enter");
    press(&mut root, "alt+1");
    assert!(is_on(&mut root, ScreenName::Chat));
}

#[test]
fn a_session_is_ended_after_one_question_and_ones_own_is_not() {
    let mut root = on_tab("Sessions");
    let rows = vec![session(1, "/dev/pts/3", true), session(2, "/dev/pts/5", false)];
    told(&mut root, AccountReply::Sessions(Ok(rows.clone())));
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("This is the session you are in."));
    press(&mut root, "down");
    press(&mut root, "enter");
    assert!(calls(&press(&mut root, "enter")).is_empty(), "the first answer leaves it");
    press(&mut root, "enter");
    press(&mut root, "down");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::EndSession(id)] if *id == rows[1].id), "{effects:?}");
    let effects = told(&mut root, AccountReply::SessionEnded(Ok(())));
    assert!(matches!(calls(&effects)[..], [AccountCall::Sessions]), "{effects:?}");
    press(&mut root, "x");
    press(&mut root, "down");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::EndOthers]), "{effects:?}");
    told(&mut root, AccountReply::OthersEnded(Ok(3)));
    assert!(draw(&root, 80, 24).contains("3 other sessions are ended."));
}

#[test]
fn the_account_is_deleted_only_after_its_name_and_one_more_question() {
    let mut root = on_tab("Data");
    for _ in 0..3 {
        press(&mut root, "down");
    }
    press(&mut root, "enter");
    write(&mut root, "alicia");
    press(&mut root, "enter");
    assert!(draw(&root, 80, 24).contains("Nothing was deleted."));
    press(&mut root, "ctrl+u");
    write(&mut root, "alice");
    press(&mut root, "enter");
    assert!(calls(&press(&mut root, "enter")).is_empty(), "the first answer leaves it");
    press(&mut root, "enter");
    write(&mut root, "alice");
    press(&mut root, "enter");
    press(&mut root, "down");
    assert!(matches!(calls(&press(&mut root, "enter"))[..], [AccountCall::Delete]));
    told(&mut root, AccountReply::Deleted(Ok(())));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Sign in to OllamaNet") && screen.contains("Your account is deleted"), "{screen}");
    assert!(!screen.contains('✗'));
}

#[test]
fn the_end_of_the_activity_reads_on_and_says_it_once() {
    let mut root = on_tab("Activity");
    let entry = |seq: i64| AuditEntry {
        seq,
        at: clock() - (100 - seq) * 60_000,
        actor: Some(AccountId(uuid::Uuid::nil())),
        actor_name: Some("alice".into()),
        os_uid: 1000,
        action: "auth.sign_in".into(),
        target: "alice".into(),
        result: "ok".into(),
        hash: String::new(),
    };
    let page =
        |from: i64, more| Activity { last_sign_in: None, entries: (from - 1..=from).rev().map(entry).collect(), more };
    told(&mut root, AccountReply::Activity { before: None, activity: Ok(page(90, true)) });
    let effects = press(&mut root, "down");
    assert!(matches!(calls(&effects)[..], [AccountCall::Activity { before: Some(89), .. }]), "{effects:?}");
    assert!(calls(&press(&mut root, "down")).is_empty(), "it is asked for once");
    told(&mut root, AccountReply::Activity { before: Some(89), activity: Ok(page(88, false)) });
    assert_eq!(draw(&root, 80, 24).matches("sign-in").count(), 4);
}

#[test]
fn locking_forgets_what_was_open() {
    let mut root = on_tab("Second factor");
    press(&mut root, "enter");
    told(&mut root, AccountReply::Proposed(Ok(enrolment())));
    press(&mut root, "f11");
    assert!(!draw(&root, 80, 24).contains("JBSW"));
    root.update(Msg::Auth(AuthReply::Unlocked(Ok(()))));
    assert!(!draw(&root, 80, 24).contains("JBSW"));
}

#[test]
fn no_size_is_too_small_for_the_account() {
    for tab in TABS {
        let mut root = on_tab(tab);
        for open in [true, false] {
            if open {
                press(&mut root, "enter");
                told(&mut root, AccountReply::Proposed(Ok(enrolment())));
            } else {
                told(&mut root, AccountReply::Added(Ok(codes())));
            }
            for columns in [40, 41, 55, 80] {
                for rows in [10, 11, 17, 24] {
                    root.update(Msg::Resize(columns, rows));
                    draw(&root, columns, rows);
                }
            }
        }
    }
}

#[test]
fn the_profile_looks_right() {
    assert_looks("account_profile", on_tab("Profile"));
    assert_looks("account_keys", at_the_keys_of_lock());
    let mut root = on_tab("Profile");
    for _ in 0..3 {
        press(&mut root, "down");
    }
    press(&mut root, "enter");
    assert_looks("account_options", root);
}

#[test]
fn the_second_factor_looks_right() {
    assert_looks("account_factor_off", on_tab("Second factor"));
    let mut root = on_tab("Second factor");
    told(&mut root, AccountReply::Profile(Ok(Box::new(profile(Some(clock() - 86_400_000))))));
    assert_looks("account_factor_on", root);
    let mut root = on_tab("Second factor");
    press(&mut root, "enter");
    told(&mut root, AccountReply::Proposed(Ok(enrolment())));
    write(&mut root, "12345");
    assert_looks("account_enrol", root);
    let mut root = on_tab("Second factor");
    told(&mut root, AccountReply::Added(Ok(codes())));
    assert_looks("account_codes", root);
}

#[test]
fn the_sessions_look_right() {
    let mut root = on_tab("Sessions");
    let rows = vec![session(1, "/dev/pts/3", true), session(2, "/dev/pts/5", false), session(40, "unknown", false)];
    told(&mut root, AccountReply::Sessions(Ok(rows)));
    assert_looks("account_sessions", root);
}

#[test]
fn the_limits_look_right() {
    let mut root = on_tab("Limits");
    let left = |limited, most, left, full_in_ms| Allowance { limited, most, left, full_in_ms };
    told(
        &mut root,
        AccountReply::Allowance(Ok(vec![
            left(Limited::Calls(Class::Chat), 60, 58, 2_000),
            left(Limited::Calls(Class::Auth), 30, 0, 60_000),
            left(Limited::Calls(Class::Admin), 60, 7, 53_000),
            left(Limited::Calls(Class::Read), 6000, 5999, 10),
            left(Limited::Calls(Class::Write), 3000, 3000, 0),
            left(Limited::Answers, 2, 1, 0),
            left(Limited::Tokens, 50_000, 12_345, 7_200_000),
            left(Limited::Disk, 0, 0, 0),
        ])),
    );
    assert_looks("account_limits", root);
}

#[test]
fn the_activity_looks_right() {
    let mut root = on_tab("Activity");
    let entry = |seq: i64, action: &str, result: &str, who: u128| AuditEntry {
        seq,
        at: clock() - (100 - seq) * 3_600_000,
        actor: Some(AccountId(uuid::Uuid::from_u128(who))),
        actor_name: Some(if who == 0 { "alice".into() } else { "root\u{1b}[2J".into() }),
        os_uid: 1000,
        action: action.into(),
        target: "alice".into(),
        result: result.into(),
        hash: String::new(),
    };
    let entries = vec![
        entry(99, "auth.sign_in", "ok", 0),
        entry(80, "auth.sign_in", "wrong", 0),
        entry(50, "users.lock", "ok", 9),
        entry(10, "second_factor.add", "ok", 0),
    ];
    let activity = Activity { last_sign_in: None, entries, more: false };
    told(&mut root, AccountReply::Activity { before: None, activity: Ok(activity) });
    assert_looks("account_activity", root);
}

#[test]
fn the_ways_out_look_right() {
    assert_looks("account_data", on_tab("Data"));
    let mut root = on_tab("Data");
    press(&mut root, "enter");
    assert_looks("account_export", root);
    let mut root = on_tab("Data");
    let report = ExportReport {
        path: "/home/alice/out.zip".into(),
        bytes: 1_200_000,
        conversations: 12,
        messages: 340,
        documents: 3,
    };
    told(&mut root, AccountReply::Exported(Ok(report)));
    assert!(draw(&root, 80, 24).contains("/home/alice/out.zip"));
    let mut root = on_tab("Data");
    for _ in 0..3 {
        press(&mut root, "down");
    }
    press(&mut root, "enter");
    write(&mut root, "alice");
    press(&mut root, "enter");
    assert_looks("account_delete", root);
    let mut root = on_tab("Data");
    told(&mut root, AccountReply::Exported(Err(unconfirmed())));
    assert!(!draw(&root, 80, 24).contains("once more\n"), "nothing was asked for");
    press(&mut root, "down");
    press(&mut root, "enter");
    told(&mut root, AccountReply::RecoveryCode(Err(unconfirmed())));
    assert_looks("account_confirm", root);
}

#[test]
fn the_system_prompt_goes_to_an_editor_and_comes_back() {
    let mut root = on_tab("Profile");
    press(&mut root, "down");
    press(&mut root, "down");
    press(&mut root, "enter");
    let effects = press(&mut root, "ctrl+g");
    assert!(
        matches!(&effects[..], [Effect::Shell(ShellCall::Edit(text))] if text == "Be brief.\nBe kind."),
        "{effects:?}"
    );
    root.update(Msg::Shell(ShellReply::Edited(Ok("Be long.\n".into()))));
    assert!(draw(&root, 80, 24).contains("Be long."));
    let effects = press(&mut root, "enter");
    let [AccountCall::SetPreferences(new)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(new.system_prompt.as_deref(), Some("Be long."));
}

#[test]
fn the_tabs_are_got_to_by_digit_and_by_tab_round_about() {
    for (at, tab) in TABS.into_iter().enumerate() {
        let mut stepped = on_tab("Profile");
        (0..at).for_each(|_| drop(press(&mut stepped, "tab")));
        let line = |root: &Root| draw(root, 80, 24).lines().nth(1).map(str::to_owned).unwrap_or_default();
        assert!(line(&on_tab(tab)).contains(&format!("[{} {tab}]", at + 1)), "{}", line(&on_tab(tab)));
        assert_eq!(line(&stepped), line(&on_tab(tab)));
    }
    let mut root = on_tab("Profile");
    press(&mut root, "left");
    assert!(draw(&root, 80, 24).contains("[6 Data]"));
}
