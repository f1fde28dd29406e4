use super::*;
use crate::{api::health::OllamaState, ui::keymap::Keymap};

fn bind(desk: &mut Desk, bound: &[(&str, &str, &[&str])]) {
    let mut overrides = crate::ui::keymap::Overrides::new();
    for (context, action, keys) in bound {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        overrides.entry((*context).to_owned()).or_default().insert((*action).to_owned(), keys);
    }
    desk.cx.keymap = Keymap::new(&overrides).0;
}

fn broken_off(state: MessageState) -> Desk {
    Desk::reading(vec![user(1, None, "q"), answer(2, 1, "It was", state)])
}

fn alt(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT)
}

#[test]
fn a_stopped_answer_goes_on_from_the_empty_composer_with_the_key_that_the_screen_names() {
    let mut desk = broken_off(MessageState::Stopped);
    assert_eq!(desk.screen.focus, Focus::Composer);
    let screen = desk.draw(80, 24);
    assert!(screen.contains("■ stopped — Alt+C continues"), "{screen}");
    assert!(screen.contains("Write a message, or Alt+C goes on with the answer"), "{screen}");
    let effects = desk.press(alt('c')).unwrap();
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::StartTurn(new))
            if new.act == TurnAct::Continue { answer: msg(2) })),
        "{effects:?}"
    );
}

#[test]
fn a_failed_answer_can_be_asked_for_again_from_the_composer() {
    let mut desk = broken_off(MessageState::Failed);
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Alt+C continues · Alt+R tries again"), "{screen}");
    let effects = desk.press(alt('r')).unwrap();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::StartTurn(new))
        if new.act == TurnAct::Regenerate { answer: msg(2) })));
}

#[test]
fn the_words_name_the_keys_that_are_bound() {
    let mut desk = broken_off(MessageState::Stopped);
    bind(&mut desk, &[("global", "continue-answer", &["f12"])]);
    assert!(desk.draw(80, 24).contains("F12 continues"));

    let mut desk = Desk::new();
    bind(&mut desk, &[("global", "model-picker", &["f9"]), ("global", "start-ollama", &["f10"])]);
    desk.cx.health = Some(crate::ui::testing::health(OllamaState::InstalledNotRunning));
    let screen = desk.draw(80, 24);
    assert!(screen.contains("F10 starts it") && screen.contains("F9  chooses the model"), "{screen}");
    assert!(!screen.contains("F7") && !screen.contains("Ctrl+O"), "{screen}");
}

#[test]
fn where_enter_starts_a_new_line_the_words_say_what_sends() {
    let mut desk = Desk::reading(vec![user(1, None, "q"), answer(2, 1, "a", MessageState::Done)]);
    desk.cx.config.ui.enter_sends = false;
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('e'));
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Ctrl+J branches, Esc leaves"), "{screen}");

    let mut desk = Desk::new();
    desk.cx.config.ui.enter_sends = false;
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Ctrl+J  sends, Enter starts a new line"), "{screen}");
}
