//! The mouse: a tab opens, a row is selected.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::*;

/// Draws the screen and clicks the first place where these words are.
pub(super) fn click(desk: &mut Desk, words: &str) -> Vec<Effect> {
    let (width, height) = desk.cx.size;
    let drawn = desk.draw(width, height);
    let (row, line) = drawn.lines().enumerate().find(|(_, line)| line.contains(words)).unwrap_or_else(|| {
        panic!("{words} is nowhere:\n{drawn}");
    });
    let column = line[..line.find(words).unwrap()].chars().count() as u16;
    let kind = MouseEventKind::Down(MouseButton::Left);
    let mouse = MouseEvent { kind, column, row: row as u16, modifiers: KeyModifiers::NONE };
    let cx = desk.cx.clone();
    desk.screen.on_mouse(mouse, Rect::new(0, 0, width, height), &cx)
}

#[test]
fn a_click_on_a_tab_opens_it_and_beside_the_tabs_nothing_happens() {
    let mut desk = Desk::new();
    let effects = click(&mut desk, "Audit");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Admin(AdminCall::Audit { .. }))), "{effects:?}");
    assert!(desk.draw(80, 24).contains("Audit]"));
    for (name, drawn) in [("Settings", "Settings]"), ("Roles", "Roles]"), ("Users", "Users]")] {
        click(&mut desk, name);
        assert!(desk.draw(80, 24).contains(drawn), "{name}");
    }
    let kind = MouseEventKind::Down(MouseButton::Left);
    let mouse = MouseEvent { kind, column: 79, row: 0, modifiers: KeyModifiers::NONE };
    let cx = desk.cx.clone();
    assert!(desk.screen.on_mouse(mouse, Rect::new(0, 0, 80, 24), &cx).is_empty());
    assert!(desk.draw(80, 24).contains("Users]"));
}

#[test]
fn in_a_narrow_window_the_open_tab_is_there_and_can_be_clicked() {
    let mut desk = Desk::new();
    desk.cx.size = (24, 12);
    desk.press(KeyCode::Char('6'));
    assert!(desk.draw(24, 12).contains("Backups]"), "{}", desk.draw(24, 12));
    desk.press(KeyCode::Char('4'));
    click(&mut desk, "5");
    assert!(desk.draw(24, 12).contains("Audit]"));
}

#[test]
fn a_click_selects_an_account_and_another_one_shows_it() {
    let mut desk = Desk::new();
    let name = people()[1].name.clone();
    click(&mut desk, &name);
    let drawn = desk.draw(80, 24);
    let line = drawn.lines().find(|line| line.contains(&name)).unwrap();
    assert!(line.contains('›'), "{drawn}");
    let effects = click(&mut desk, &name);
    let shown = people()[1].id;
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Admin(AdminCall::User { id, .. }) if *id == shown)),
        "{effects:?}"
    );
}

#[test]
fn a_click_selects_a_cell_of_the_matrix_and_a_setting() {
    let mut desk = Desk::new();
    click(&mut desk, "Roles");
    click(&mut desk, "see health");
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains("› see health"), "{drawn}");
    let last = roles().last().unwrap().name.clone();
    click(&mut desk, &last);
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains(&format!("{last} · rank")) && drawn.contains("› see health"), "{drawn}");
    click(&mut desk, "Settings");
    click(&mut desk, "accounts.second_factor");
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains("›   accounts.second_factor"), "{drawn}");
}
