use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend};

use super::{screens::ScreenName, *};
use crate::{
    api::{
        ConversationId, FaultKind, MessageId, SessionId, TurnId,
        auth::{Door, Secret, Session, SignedIn, Strength},
        chat::TurnEvent,
        events::Event,
        health::{Check, Level, OllamaState, Part},
    },
    config::{Config, live::Current},
    ui::{
        actions::Action,
        msg::{AccountCall, AuthReply, Copied, ShellReply},
        screens::sign_in::ChangePassphrase,
        testing::health,
    },
};

mod account;
mod admin;
mod coming_in;
mod jobs;
mod looks;
mod notes;
mod search;

/// 2026-11-24 10:02 UTC, as `Cx::fixed`.
fn clock() -> i64 {
    1_795_514_520_000
}

fn later() -> i64 {
    clock() + 20 * 60_000
}

fn root() -> Root {
    let cx = Cx { account: None, ..Cx::fixed() };
    Root::new(cx, Look::default(), clock, &[]).0
}

fn signed_in() -> SignedIn {
    SignedIn {
        session: Session::from_parts(SessionId(uuid::Uuid::nil()), [0; 32]),
        account: Cx::fixed().account.unwrap(),
        recovery_code: None,
        notice: None,
        message: None,
    }
}

fn inside() -> Root {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::Resumed(Box::new(signed_in()))))));
    assert!(matches!(root.stage, Stage::Inside(_)));
    root
}

fn at_the_door() -> Root {
    let mut root = root();
    root.update(Msg::Auth(AuthReply::Door(Ok(Door::SignIn { registration: false, message: None }))));
    root
}

fn is_on(root: &mut Root, name: ScreenName) -> bool {
    root.screens().is_some_and(|screens| screens.name() == name)
}

fn press(root: &mut Root, key: &str) -> Vec<Effect> {
    let (mods, name) = match key.rsplit_once('+') {
        Some(("ctrl", name)) => (KeyModifiers::CONTROL, name),
        Some(("alt", name)) => (KeyModifiers::ALT, name),
        _ => (KeyModifiers::NONE, key),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "down" => KeyCode::Down,
        "up" => KeyCode::Up,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        name if name.starts_with('f') && name.len() > 1 => KeyCode::F(name[1..].parse().unwrap()),
        name => KeyCode::Char(name.chars().next().unwrap()),
    };
    root.update(Msg::Key(KeyEvent::new(code, mods)))
}

fn write(root: &mut Root, text: &str) {
    for c in text.chars() {
        root.update(Msg::Key(KeyEvent::from(KeyCode::Char(c))));
    }
}

fn reachable() -> OllamaState {
    OllamaState::Reachable { version: "0.35.0".into(), latency_ms: 3 }
}

fn draw(root: &Root, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| root.view(frame)).unwrap();
    let lines: Vec<String> =
        terminal.backend().to_string().lines().map(|line| line.trim_matches('"').trim_end().to_owned()).collect();
    lines.join("\n")
}

/// At the three sizes that every screen must look right in.
fn assert_looks(name: &str, mut root: Root) {
    for (columns, rows) in [(80, 24), (120, 36), (40, 12)] {
        root.update(Msg::Resize(columns, rows));
        assert_snapshot!(format!("{name}_{columns}x{rows}"), draw(&root, columns, rows));
    }
}

#[test]
fn the_first_effects_ask_for_the_door_and_for_ollama() {
    let (root, effects) = Root::new(Cx::fixed(), Look::default(), clock, &[]);
    assert!(matches!(effects[..2], [Effect::Auth(AuthCall::Door), Effect::Shell(ShellCall::Health)]), "{effects:?}");
    assert!(matches!(root.stage, Stage::Opening));
}

#[test]
fn a_door_that_does_not_open_says_why_and_can_be_tried_again() {
    let mut root = root();
    let fault = Fault::new(FaultKind::Store, "The database is newer than this program.").hint("Install a newer one.");
    root.update(Msg::Auth(AuthReply::Door(Err(fault))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("newer than this program") && screen.contains("Install a newer one"), "{screen}");
    let effects = press(&mut root, "f5");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Auth(AuthCall::Door))));
}

#[test]
fn name_and_passphrase_sign_in_and_the_chat_opens() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "correct horse");
    root.update(Msg::Timer(Timer::Spinner));
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::SignIn { name, passphrase })) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((name.as_str(), passphrase.reveal()), ("alice", "correct horse"));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::After(_, Timer::Spinner))), "something turns");
    root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(matches!(root.stage, Stage::Inside(_)));
    assert!(draw(&root, 80, 24).contains("alice · admin"));
}

#[test]
fn staying_signed_in_is_sent_only_when_it_was_switched_on() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "correct horse");
    press(&mut root, "tab");
    write(&mut root, " ");
    press(&mut root, "enter");
    let effects = root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in())))));
    assert!(matches!(effects[..], [Effect::Auth(AuthCall::StaySignedIn(true))]), "{effects:?}");
    root.update(Msg::Auth(AuthReply::Stayed(Ok(true))));
    assert!(matches!(root.stage, Stage::Inside(_)));
}

#[test]
fn a_wrong_passphrase_is_emptied_and_the_name_stays() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    press(&mut root, "enter");
    write(&mut root, "wrong");
    press(&mut root, "enter");
    let fault = Fault::new(FaultKind::WrongCredentials, "The name and the passphrase do not match.");
    root.update(Msg::Auth(AuthReply::SignedIn(Err(fault))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("do not match") && screen.contains("alice") && !screen.contains('•'), "{screen}");
    write(&mut root, "right");
    let effects = press(&mut root, "enter");
    assert!(matches!(&effects[0], Effect::Auth(AuthCall::SignIn { passphrase, .. }) if passphrase.reveal() == "right"));
}

#[test]
fn a_passphrase_is_never_drawn_unless_it_is_revealed() {
    let mut root = at_the_door();
    press(&mut root, "enter");
    write(&mut root, "tell-nobody");
    assert!(!draw(&root, 80, 24).contains("tell-nobody"));
    press(&mut root, "f3");
    assert!(draw(&root, 80, 24).contains("tell-nobody"));
    press(&mut root, "f3");
    assert!(!draw(&root, 80, 24).contains("tell-nobody"));
}

#[test]
fn ctrl_c_twice_quits_and_once_does_not() {
    let mut root = at_the_door();
    let effects = press(&mut root, "ctrl+c");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::Quit))));
    assert!(draw(&root, 80, 24).contains("once more quits"));
    let effects = press(&mut root, "ctrl+c");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::Quit))));
}

#[test]
fn ctrl_c_with_a_pause_between_does_not_quit() {
    let mut root = at_the_door();
    press(&mut root, "ctrl+c");
    root.update(Msg::Timer(Timer::QuitLadder));
    let effects = press(&mut root, "ctrl+c");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::Quit))));
    write(&mut root, "x");
    let effects = press(&mut root, "ctrl+c");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::Quit))), "a key between disarms");
}

#[test]
fn locking_hides_everything_at_once_and_the_passphrase_brings_it_back() {
    let mut root = inside();
    let effects = press(&mut root, "ctrl+l");
    assert!(matches!(effects.last(), Some(Effect::Auth(AuthCall::Lock))), "{effects:?}");
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Locked · alice") && !screen.contains("Conversations"), "{screen}");
    root.update(Msg::Auth(AuthReply::Locked(Ok(()))));
    write(&mut root, "correct horse");
    let effects = press(&mut root, "enter");
    assert!(matches!(&effects[0], Effect::Auth(AuthCall::Unlock(secret)) if secret.reveal() == "correct horse"));
    root.update(Msg::Auth(AuthReply::Unlocked(Ok(()))));
    assert!(matches!(root.stage, Stage::Inside(_)));
}

#[test]
fn while_it_is_locked_nothing_of_the_chat_is_told() {
    let mut root = inside();
    press(&mut root, "ctrl+l");
    root.update(Msg::Event(Event::Notice(Fault::invalid("The title of “Divorce” could not be made."))));
    assert!(!draw(&root, 80, 24).contains("Divorce"));
    let effects = press(&mut root, "f4");
    assert!(effects.is_empty(), "{effects:?}");
    assert!(matches!(root.stage, Stage::Locked { .. }));
}

#[test]
fn idleness_locks_and_typing_puts_it_off() {
    let mut root = inside();
    let effects = root.update(Msg::Timer(Timer::IdleLock));
    assert!(matches!(effects[..], [Effect::After(_, Timer::IdleLock)]), "not due yet: {effects:?}");
    root.clock = later;
    press(&mut root, "f1");
    assert!(matches!(root.stage, Stage::Locked { .. }), "the key after a long pause opens nothing");
    let mut root = inside();
    root.clock = later;
    let effects = root.update(Msg::Timer(Timer::IdleLock));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Auth(AuthCall::Lock))));
    assert!(draw(&root, 80, 24).contains("nobody typed"));
}

#[test]
fn an_ended_session_says_why_at_the_door() {
    let mut root = inside();
    let fault = Fault::new(FaultKind::SignedOut, "Your passphrase was changed in another window.");
    root.update(Msg::Event(Event::SessionEnded(fault)));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Sign in to OllamaNet") && screen.contains("another window"), "{screen}");
    assert_eq!(root.cx.account, None);
}

#[test]
fn suspending_locks_first_and_stops_then() {
    let mut root = inside();
    let effects = press(&mut root, "ctrl+z");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::Suspend))), "{effects:?}");
    let effects = root.update(Msg::Auth(AuthReply::Locked(Ok(()))));
    assert!(matches!(effects[..], [Effect::Shell(ShellCall::Suspend)]), "{effects:?}");
}

#[test]
fn without_a_shell_behind_it_ctrl_z_says_so_and_a_signal_stops_it_all_the_same() {
    let mut root = inside();
    root.cx.has_shell = false;
    press(&mut root, "ctrl+z");
    assert!(matches!(root.stage, Stage::Inside(_)));
    assert!(draw(&root, 80, 24).contains("no shell to go back to"));
    root.update(Msg::Shell(ShellReply::StopRequested));
    assert!(matches!(root.stage, Stage::Locked { .. }));
}

#[test]
fn the_palette_does_what_it_names() {
    let mut root = inside();
    press(&mut root, "ctrl+p");
    write(&mut root, "change passphrase");
    press(&mut root, "enter");
    assert!(matches!(root.overlay, Some(Overlay::ChangePassphrase(_))));
    press(&mut root, "esc");
    press(&mut root, "ctrl+p");
    write(&mut root, "next theme");
    let before = root.cx.theme.clone();
    press(&mut root, "enter");
    assert_ne!(root.cx.theme, before);
    assert!(root.overlay.is_none());
}

#[test]
fn changing_the_passphrase_sends_both_and_keeps_the_form_on_refusal() {
    let mut root = inside();
    root.overlay = Some(Overlay::ChangePassphrase(ChangePassphrase::default()));
    write(&mut root, "old");
    press(&mut root, "enter");
    let effects = press(&mut root, "f8");
    assert!(matches!(effects[..], [Effect::Auth(AuthCall::Propose)]));
    root.update(Msg::Auth(AuthReply::Proposed(Ok(Secret::new("maple river quiet stone lamp")))));
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::ChangePassphrase { current, new })) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!((current.reveal(), new.reveal()), ("old", "maple river quiet stone lamp"));
    let fault = Fault::new(FaultKind::WrongCredentials, "That is not your passphrase.");
    root.update(Msg::Auth(AuthReply::PassphraseChanged(Err(fault))));
    assert!(draw(&root, 80, 24).contains("not your passphrase"));
    root.update(Msg::Auth(AuthReply::PassphraseChanged(Ok(()))));
    assert!(root.overlay.is_none());
}

#[test]
fn starting_ollama_is_offered_only_where_it_can_help() {
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Health(Ok(health(OllamaState::InstalledNotRunning)))));
    let starts =
        |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::StartOllama)));
    assert!(starts(&press(&mut root, "f7")));
    root.update(Msg::Shell(ShellReply::Health(Ok(health(OllamaState::Absent)))));
    assert!(!starts(&press(&mut root, "f7")));
    assert!(draw(&root, 80, 24).contains("ollama.com"));
}

#[test]
fn a_health_check_that_says_the_same_draws_nothing() {
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
    root.take_dirty();
    let slower = OllamaState::Reachable { version: "0.35.0".into(), latency_ms: 90 };
    root.update(Msg::Shell(ShellReply::Health(Ok(health(slower)))));
    assert!(!root.take_dirty());
    root.update(Msg::Shell(ShellReply::Health(Ok(health(OllamaState::InstalledNotRunning)))));
    assert!(root.take_dirty());
}

#[test]
fn what_turns_is_drawn_with_the_pieces_of_an_answer_and_by_itself_where_none_come() {
    let mut root = inside();
    let piece = Event::Turn {
        turn: TurnId(uuid::Uuid::nil()),
        conversation: ConversationId(uuid::Uuid::nil()),
        answer: MessageId(uuid::Uuid::nil()),
        event: TurnEvent::Waiting,
    };
    root.update(Msg::Event(piece.clone()));
    assert!(root.take_dirty());
    let before = root.cx.spinner;
    root.update(Msg::Timer(Timer::Spinner));
    assert!(!root.take_dirty(), "the next piece draws it");
    assert_ne!(root.cx.spinner, before);
    root.update(Msg::Timer(Timer::Spinner));
    assert!(root.take_dirty(), "no piece came");
    root.update(Msg::Event(piece));
    root.update(Msg::Timer(Timer::Spinner));
    assert!(root.take_dirty(), "what the piece changed is still to be drawn");
}

#[test]
fn the_worst_part_of_a_report_is_shown_with_a_glyph() {
    let mut full = health(reachable());
    full.checks[2] = Check::new(Part::Disk, Level::Bad, "full", "Only 3 MiB free.");
    assert_eq!(view::health_words(&full), (Level::Bad, "✗", "disk full".into()));
    assert_eq!(view::health_words(&health(reachable())), (Level::Good, "●", "ollama 0.35.0".into()));
    assert_eq!(view::health_words(&health(OllamaState::Absent)), (Level::Warning, "○", "ollama not found".into()));
}

#[test]
fn the_same_notice_is_shown_once_and_at_most_three_stand() {
    let mut root = at_the_door();
    for n in [1, 1, 2, 3, 4] {
        root.settle(vec![Effect::Toast(Toast::notice(format!("notice {n}")))]);
    }
    let screen = draw(&root, 80, 24);
    assert_eq!(screen.matches("notice").count(), 3, "{screen}");
    assert!(screen.contains("notice 4") && !screen.contains("notice 1"), "{screen}");
}

#[test]
fn hostile_text_is_harmless_in_notices_and_in_the_header() {
    let mut root = inside();
    root.settle(vec![Effect::Toast(Toast::fault(&Fault::invalid("a\u{1b}]0;title\u{7}b\u{202e}c")))]);
    root.update(Msg::Shell(ShellReply::Health(Ok(health(OllamaState::Reachable {
        version: "1\u{1b}[31m".into(),
        latency_ms: 1,
    })))));
    let screen = draw(&root, 80, 24);
    assert!(!screen.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{screen:?}");
}

#[test]
fn no_size_is_too_small_to_draw() {
    for stage in [at_the_door, inside, root] {
        let mut root = stage();
        root.settle(vec![Effect::Toast(Toast::notice("a notice that is longer than the window"))]);
        for open in ["f1", "ctrl+p", "f6"] {
            press(&mut root, open);
            for columns in [0, 1, 2, 7, 39, 40, 41, 80] {
                for rows in [0, 1, 2, 5, 9, 10, 11, 24] {
                    root.update(Msg::Resize(columns, rows));
                    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
                    terminal.draw(|frame| root.view(frame)).unwrap();
                }
            }
            press(&mut root, "esc");
        }
    }
}

#[test]
fn settings_change_keys_and_theme_while_it_runs() {
    let mut root = inside();
    let mut config = Config::default();
    config.ui.theme = ThemeName::Plain;
    config.keys.entry("global".into()).or_default().insert("help".into(), vec!["f12".into()]);
    let current = Current {
        config: std::sync::Arc::new(config),
        waiting: vec!["ui.mouse".to_owned(), "ollama.host".to_owned()],
        ..Current::default()
    };
    root.update(Msg::Shell(ShellReply::Settings(Box::new(current))));
    let screen = draw(&root, 100, 24);
    assert!(screen.contains("ui.mouse, ollama.host") && screen.contains("take effect at the next start."), "{screen}");
    assert_eq!(root.cx.theme, Theme::plain());
    press(&mut root, "f12");
    assert!(matches!(root.overlay, Some(Overlay::Help(_))));
}

#[test]
fn where_the_first_line_has_no_room_the_screen_on_view_is_still_named() {
    let mut root = inside();
    root.cx.is_demo = true;
    let first = |root: &mut Root, columns| {
        root.update(Msg::Resize(columns, 12));
        draw(root, columns, 12).lines().next().unwrap().trim_end().to_owned()
    };
    assert!(
        first(&mut root, 120)
            .starts_with(" ollamanet  demo: a stand-in answers    Chat  Models  Library  Search  Insights  Admin ")
    );
    assert!(first(&mut root, 44).starts_with(" ollamanet  demo    Chat "));
    press(&mut root, "alt+9");
    assert_eq!(first(&mut root, 40), " ollamanet  demo    Account    … ollama");
}

#[test]
fn the_demo_is_labelled_and_does_not_lock_its_visitor_out() {
    let mut root = inside();
    root.cx.is_demo = true;
    assert!(draw(&root, 120, 24).contains("demo: a stand-in answers"));
    press(&mut root, "ctrl+l");
    assert!(matches!(root.stage, Stage::Inside(_)));
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let root = at_the_door();
    assert_snapshot!("too_small_39x9", draw(&root, 39, 9));
}

#[test]
fn without_colour_nothing_is_coloured_and_the_words_are_the_same() {
    let look = Look { no_color: true, ..Look::default() };
    for open in ["f1", "ctrl+p", "f9"] {
        let mut coloured = at_the_door();
        let mut plain = at_the_door();
        plain.look = look;
        plain.cx.theme = look.theme(ThemeName::Auto);
        for root in [&mut coloured, &mut plain] {
            root.settle(vec![Effect::Toast(Toast::warning("Too many tries."))]);
            press(root, open);
        }
        assert_eq!(draw(&plain, 80, 24), draw(&coloured, 80, 24));
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| plain.view(frame)).unwrap();
        let reset = ratatui::style::Color::Reset;
        let cells = &terminal.backend().buffer().content;
        assert!(cells.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    }
}

fn timers(effects: &[Effect], wanted: Timer) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::After(_, timer) if *timer == wanted)).count()
}

#[test]
fn however_often_ollama_is_asked_for_by_hand_one_timer_asks_again() {
    let mut root = inside();
    let mut asked = 0;
    for _ in 0..3 {
        let effects = press(&mut root, "f5");
        let calls = effects.iter().filter(|effect| matches!(effect, Effect::Shell(ShellCall::CheckHealth))).count();
        assert_eq!(calls, 1, "one key asks once");
        asked += timers(&root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable()))))), Timer::Health);
    }
    assert_eq!(asked, 1);
    root.update(Msg::Timer(Timer::Health));
    let refused = Fault::new(FaultKind::Slow, "Too many questions.");
    let effects = root.update(Msg::Shell(ShellReply::Health(Err(refused))));
    assert_eq!(timers(&effects, Timer::Health), 1, "a refusal does not end the watch");
}

#[test]
fn copying_says_how_much_was_copied_and_what_was_left_out_or_why_nothing_was() {
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Copied(Ok(Copied { characters: 120, hidden: 0 }))));
    assert!(draw(&root, 80, 24).contains("Copied 120 characters."));
    root.toasts.clear();
    root.update(Msg::Shell(ShellReply::Copied(Ok(Copied { characters: 1, hidden: 2 }))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("Copied 1 character.") && screen.contains("2 characters that cannot be seen"), "{screen}");
    root.toasts.clear();
    root.update(Msg::Shell(ShellReply::Copied(Err(Fault::invalid("There is no clipboard.")))));
    assert!(draw(&root, 80, 24).contains("no clipboard"));
}

#[test]
fn the_count_of_jobs_is_what_runs_whether_the_tray_was_open_or_not() {
    let job =
        |name: &str| Running { name: name.into(), since: std::time::Instant::now(), is_job: true, step: String::new() };
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Jobs(vec![job("an answer"), job("a title")])));
    assert!(root.take_dirty());
    assert!(draw(&root, 80, 24).contains("2 jobs"));
    press(&mut root, "f6");
    assert!(draw(&root, 80, 24).contains("an answer"));
    press(&mut root, "esc");
    root.update(Msg::Shell(ShellReply::Jobs(vec![job("an answer")])));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("1 job") && !screen.contains("jobs"), "{screen}");
    root.update(Msg::Shell(ShellReply::Jobs(Vec::new())));
    assert!(!draw(&root, 80, 24).contains("job"));
}

fn click_on(root: &mut Root, text: &str) -> Vec<Effect> {
    let (columns, rows) = root.cx.size;
    let screen = draw(root, columns, rows);
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).expect(text);
    let column = crate::ui::text::wrap::width(line.split(text).next().unwrap());
    root.update(Msg::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: u16::try_from(column).unwrap(),
        row: u16::try_from(row).unwrap(),
        modifiers: KeyModifiers::NONE,
    }))
}

#[test]
fn a_click_chooses_a_field_and_switches_a_toggle_at_the_door() {
    let mut root = at_the_door();
    write(&mut root, "alice");
    click_on(&mut root, "Passphrase");
    write(&mut root, "correct horse");
    click_on(&mut root, "[ ] Stay");
    assert!(draw(&root, 80, 24).contains("[x] Stay"));
    let effects = press(&mut root, "enter");
    let Some(Effect::Auth(AuthCall::SignIn { name, passphrase })) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((name.as_str(), passphrase.reveal()), ("alice", "correct horse"));
}

#[test]
fn a_click_answers_whether_to_stay_signed_in() {
    for (words, stays) in [("Yes, stay", true), ("No, ask", false)] {
        let mut root = root();
        root.update(Msg::Auth(AuthReply::Door(Ok(Door::FirstRun))));
        let letters = "ABCDEFGHJKMNPQRSTVWXYZ234567";
        let signed_in = SignedIn { recovery_code: Some(Secret::new(letters)), ..signed_in() };
        root.update(Msg::Auth(AuthReply::SignedIn(Ok(Box::new(signed_in)))));
        press(&mut root, "enter");
        let screen = draw(&root, 80, 24);
        let places = screen.split("places ").nth(1).unwrap();
        let places = places.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<usize>().ok());
        for place in places.take(4) {
            write(&mut root, &letters[place - 1..place]);
        }
        press(&mut root, "enter");
        let effects = click_on(&mut root, words);
        assert!(matches!(effects[0], Effect::Auth(AuthCall::StaySignedIn(yes)) if yes == stays), "{effects:?}");
    }
}

#[test]
fn the_first_line_can_be_clicked() {
    let mut root = inside();
    root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
    let effects = click_on(&mut root, "ollama 0.35");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Shell(ShellCall::CheckHealth))), "{effects:?}");
    let running =
        Running { name: "a title".into(), since: std::time::Instant::now(), is_job: true, step: String::new() };
    root.update(Msg::Shell(ShellReply::Jobs(vec![running])));
    click_on(&mut root, "1 job");
    assert!(matches!(root.overlay, Some(Overlay::Jobs(_))));
    press(&mut root, "esc");
    click_on(&mut root, "ollamanet");
    assert!(matches!(root.overlay, Some(Overlay::Palette(_))));
}

#[test]
fn no_cursor_blinks_behind_what_is_in_front() {
    let cursor = |root: &Root| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| root.view(frame)).unwrap();
        terminal.backend().cursor_visible()
    };
    let mut root = inside();
    assert!(cursor(&root));
    press(&mut root, "f1");
    assert!(!cursor(&root));
}

#[test]
fn a_window_works_from_the_size_on_that_the_notice_names() {
    for (columns, rows, works) in
        [(79, 23, true), (40, 10, true), (39, 10, false), (40, 9, false), (39, 9, false), (20, 4, false)]
    {
        let mut root = inside();
        root.update(Msg::Resize(columns, rows));
        let screen = draw(&root, columns, rows);
        assert_eq!(screen.contains("Write a message") && screen.contains("Enter send"), works, "{screen}");
        assert_eq!(screen.replace(" × ", "×").contains("40×10"), !works, "{screen}");
    }
    assert_eq!(draw(&inside(), 1, 1).trim(), "4");
}
