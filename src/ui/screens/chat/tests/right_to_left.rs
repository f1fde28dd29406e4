use super::*;

const HEBREW: &str = "שלום עולם";
const ARABIC: &str = "مرحبا بالعالم";

#[test]
fn the_cursor_stands_behind_as_many_columns_as_the_letters_take() {
    for text in [HEBREW, ARABIC] {
        let mut desk = Desk::new();
        desk.write(text);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| desk.screen.view(frame, frame.area(), &desk.cx, true)).unwrap();
        let cursor = ratatui::backend::Backend::get_cursor_position(terminal.backend_mut()).unwrap();
        // The frame, a space, `> `, and then the text; every letter of both takes one column.
        assert_eq!(usize::from(cursor.x), 4 + text.chars().count(), "{text}");
        desk.press(KeyCode::Backspace);
        assert_eq!(desk.screen.composer.text().chars().count(), text.chars().count() - 1, "the last letter goes");
    }
}

#[test]
fn text_from_right_to_left_keeps_its_order_and_its_place_between_the_lines() {
    let answer_text = format!("{HEBREW} — {ARABIC}\n\n- {HEBREW}\n\n| a | b |\n|---|---|\n| {ARABIC} | 1 |\n");
    let desk = Desk::reading(vec![user(1, None, HEBREW), answer(2, 1, &answer_text, MessageState::Done)]);
    insta::assert_snapshot!("right-to-left-80x24", desk.draw(80, 24));
}
