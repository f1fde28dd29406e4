use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::{shelves::desk_with_tree, *};
use crate::ui::screens::chat::state::{Answer, Question};

/// What the mouse does at the place where the screen shows this text.
fn mouse(desk: &mut Desk, kind: MouseEventKind, text: &str) -> Vec<Effect> {
    let (width, height) = desk.cx.size;
    let screen = desk.draw(width, height);
    let (row, line) =
        screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap_or_else(|| panic!("{text}:\n{screen}"));
    // The drawing stands in quotation marks.
    let before = line.split(text).next().unwrap().trim_start_matches('"');
    let column = crate::ui::text::wrap::width(before);
    let event = MouseEvent {
        kind,
        column: u16::try_from(column).unwrap(),
        row: u16::try_from(row).unwrap(),
        modifiers: KeyModifiers::NONE,
    };
    let area = ratatui::layout::Rect::new(0, 0, width, height);
    desk.screen.on_mouse(event, area, &desk.cx)
}

fn click(desk: &mut Desk, text: &str) -> Vec<Effect> {
    mouse(desk, MouseEventKind::Down(MouseButton::Left), text)
}

#[test]
fn a_click_goes_where_it_falls() {
    let mut desk = desk_with_tree();
    desk.cx.size = (120, 36);
    click(&mut desk, "  ho  ");
    assert_eq!(desk.screen.focus, Focus::Transcript);
    assert_eq!(desk.screen.transcript.selected().map(|message| message.id), Some(msg(2)));
    click(&mut desk, "Write a message");
    assert_eq!(desk.screen.focus, Focus::Composer);
    let effects = click(&mut desk, "Lifetimes");
    assert_eq!(calls(&effects), ["Open"], "{effects:?}");
    click(&mut desk, "/ filter");
    assert!(desk.screen.filtering);
}

#[test]
fn a_click_in_the_composer_sets_the_cursor() {
    let mut desk = Desk::new();
    desk.write("one two");
    click(&mut desk, "two");
    desk.write("and ");
    assert_eq!(desk.screen.composer.text(), "one and two");
}

#[test]
fn the_wheel_scrolls_what_it_is_over() {
    let long = (1..=80).map(|n| format!("- row {n}")).collect::<Vec<_>>().join("\n");
    let mut desk = Desk::reading(vec![user(1, None, "q"), answer(2, 1, &long, MessageState::Done)]);
    assert!(desk.draw(80, 24).contains("row 80"));
    mouse(&mut desk, MouseEventKind::ScrollUp, "row 78");
    assert!(!desk.draw(80, 24).contains("row 80"));
    mouse(&mut desk, MouseEventKind::ScrollDown, "row 75");
    assert!(desk.draw(80, 24).contains("row 80"));
}

#[test]
fn a_click_on_an_answer_of_a_question_gives_it() {
    let question = |at| Question {
        title: "Longer than the context window".into(),
        text: "It does not fit.".into(),
        answers: vec![("Do nothing", Answer::Nothing), ("Show the options", Answer::ShowOptions)],
        at,
    };
    for size in [(80, 24), (40, 12)] {
        let mut desk = Desk::new();
        desk.cx.size = size;
        desk.screen.overlay = Some(Overlay::Question(question(0)));
        click(&mut desk, "It does not fit");
        assert!(desk.screen.overlay.is_some(), "a click beside the answers gives none");
        click(&mut desk, "Show the options");
        assert!(desk.screen.overlay.is_none());
        assert!(desk.screen.panel.is_some());
    }
}
