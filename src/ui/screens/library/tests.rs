//! The Library by key, and what it looks like: here the shell and the notes, the other tabs next door.

mod documents;
mod shelf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    api::{
        ConversationId, Fault, FaultKind, MessageId, NoteId,
        chat::MessageRole,
        notes::{Anchor, Note, NoteRow, NoteScope, Passage},
        organise::{Cursor, Page},
    },
    ui::msg::{ListCall, NoteCall, NotesOf, Spot},
};

struct Desk {
    screen: LibraryScreen,
    cx: Cx,
}

impl Desk {
    fn new() -> (Self, Vec<Effect>) {
        let mut desk = Self { screen: LibraryScreen::default(), cx: Cx::fixed() };
        let effects = desk.screen.shown(&desk.cx);
        (desk, effects)
    }

    /// With these notes on view.
    fn with(rows: Vec<NoteRow>, next: Option<Cursor>) -> (Self, Vec<Effect>) {
        let (mut desk, effects) = Self::new();
        let effects = desk.answer(&effects, Page { rows, next });
        (desk, effects)
    }

    fn answer(&mut self, effects: &[Effect], page: Page<NoteRow>) -> Vec<Effect> {
        let (asked, ..) = listed(effects);
        self.screen.on_notes(ListReply::Read { asked, page: Ok(page) })
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        let used = action.and_then(|action| self.screen.on_action(action, &self.cx));
        used.or_else(|| self.screen.on_key(key, &self.cx)).unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|letter| self.press(KeyCode::Char(letter))).collect()
    }

    /// Goes on to the tab of this title.
    fn tab(&mut self, title: &str) -> Vec<Effect> {
        let at = TABS.iter().position(|(.., known)| *known == title).unwrap();
        (0..at).map(|_| self.press(KeyCode::Tab)).last().unwrap_or_default()
    }

    fn draw(&self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &self.cx, true)).unwrap();
        terminal.backend().to_string()
    }
}

fn listed(effects: &[Effect]) -> (u64, String, Option<Cursor>) {
    let found = effects.iter().rev().find_map(|effect| match effect {
        Effect::Notes(NoteCall::List(NotesOf::Library, ListCall::Read { asked, filter, after, .. })) => {
            Some((*asked, filter.clone(), after.clone()))
        }
        _ => None,
    });
    found.expect("a list was asked for")
}

fn row(n: u128, body: &str) -> NoteRow {
    NoteRow {
        note: Note {
            id: NoteId(uuid::Uuid::from_u128(n)),
            conversation: ConversationId(uuid::Uuid::from_u128(n)),
            message: (n > 1).then(|| MessageId(uuid::Uuid::from_u128(n))),
            passage: (n > 2).then(|| Passage {
                first_char: 3,
                end_char: 9,
                quote: format!("the passage\n{n} 漢字"),
                anchor: if n == 4 { Anchor::Changed } else { Anchor::InPlace },
            }),
            body: body.to_owned(),
            rev: 2,
            created_at: Cx::fixed().now_ms,
            updated_at: Cx::fixed().now_ms,
        },
        title: format!("Conversation {n}"),
        role: (n > 1).then_some(MessageRole::Assistant),
        trashed: false,
    }
}

fn four() -> Vec<NoteRow> {
    vec![row(4, "gone"), row(3, "on a passage\nwith more"), row(2, "on an answer \u{202e}"), row(1, "on all of it")]
}

#[test]
fn all_notes_are_listed_with_what_they_stand_on() {
    let (desk, _) = Desk::with(four(), None);
    insta::assert_snapshot!("library_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("library_40x10", desk.draw(40, 10));
    let (empty, _) = Desk::with(Vec::new(), None);
    let screen = empty.draw(80, 24);
    assert!(screen.contains("No note yet. In the messages, v selects"), "{screen}");
}

#[test]
fn the_list_is_paged_and_goes_on_before_the_cursor_is_at_its_end() {
    let rows = (1..=50).rev().map(|n| row(n, &format!("note {n}"))).collect();
    let (mut desk, effects) = Desk::with(rows, Some(Cursor("1".into())));
    assert!(effects.is_empty(), "far from the end nothing is asked for");
    let effects = desk.press(KeyCode::End);
    assert_eq!(listed(&effects).2, Some(Cursor("1".into())));
    desk.answer(&effects, Page { rows: vec![row(99, "the last one")], next: None });
    desk.press(KeyCode::End);
    assert!(desk.draw(80, 24).contains("the last one"));
    assert!(desk.draw(80, 24).contains("51 notes"));
}

#[test]
fn typing_filters_and_only_the_newest_answer_counts() {
    let (mut desk, _) = Desk::with(four(), None);
    desk.press(KeyCode::Char('/'));
    let first = desk.write("de");
    let second = desk.write("d");
    assert_eq!(listed(&second).1, "ded");
    desk.answer(&first, Page { rows: vec![row(1, "stale")], next: None });
    assert!(!desk.draw(80, 24).contains("stale"));
    desk.answer(&second, Page { rows: Vec::new(), next: None });
    assert!(desk.draw(80, 24).contains("No note contains that."));
    // Esc takes the filter away first, and then leads back to the chat.
    assert_eq!(listed(&desk.press(KeyCode::Esc)).1, "");
    assert!(matches!(desk.press(KeyCode::Esc)[..], [Effect::Act(Action::ScreenChat)]));
}

#[test]
fn enter_goes_to_the_passage_or_to_the_message_where_it_has_changed() {
    let (mut desk, _) = Desk::with(four(), None);
    let jump = |effects: Vec<Effect>| match &effects[..] {
        [Effect::OpenAt(spot)] => spot.clone(),
        _ => panic!("{effects:?}"),
    };
    let Spot { message, chars, back, .. } = *jump(desk.press(KeyCode::Enter));
    assert_eq!(back, Some(Action::ScreenLibrary));
    assert_eq!((message, chars), (Some(MessageId(uuid::Uuid::from_u128(4))), None));
    desk.press(KeyCode::Down);
    assert_eq!(jump(desk.press(KeyCode::Enter)).chars, Some((3, 9)));
    desk.press(KeyCode::End);
    assert_eq!(jump(desk.press(KeyCode::Enter)).message, None);
}

#[test]
fn a_note_is_changed_and_a_conflict_keeps_what_was_written() {
    let (mut desk, _) = Desk::with(four(), None);
    desk.press(KeyCode::Char('e'));
    desk.write("!");
    let effects = desk.press(KeyCode::Enter);
    let [Effect::Notes(NoteCall::List(_, ListCall::Change { id, body, seen }))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((*id, body.as_str(), *seen), (row(4, "").note.id, "gone!", Some(2)));
    let fault = Fault::new(FaultKind::Conflict, "The note was changed in another window meanwhile.");
    desk.screen.on_notes(ListReply::Changed(Err(fault)));
    assert!(desk.draw(80, 24).contains("gone!"));
    // The second time it is meant: it replaces what is there.
    let effects = desk.press(KeyCode::Enter);
    assert!(
        matches!(&effects[..], [Effect::Notes(NoteCall::List(_, ListCall::Change { body, seen: None, .. }))] if body == "gone!"),
        "{effects:?}"
    );
    let mut changed = row(4, "gone!").note;
    changed.rev = 3;
    desk.screen.on_notes(ListReply::Changed(Ok(Box::new(changed))));
    assert_eq!(desk.screen.context(), Context::Library);
    assert!(desk.draw(80, 24).contains("› gone!"));
}

#[test]
fn deleting_asks_first_and_exporting_asks_where() {
    let (mut desk, _) = Desk::with(four(), None);
    desk.press(KeyCode::Char('d'));
    assert!(desk.draw(80, 24).contains("“gone” is deleted for good."));
    assert!(desk.press(KeyCode::Enter).is_empty(), "the first answer leaves it");
    desk.press(KeyCode::Char('d'));
    desk.press(KeyCode::Down);
    let effects = desk.press(KeyCode::Enter);
    assert!(
        matches!(&effects[..], [Effect::Notes(NoteCall::List(_, ListCall::Delete { seen: 2, .. }))]),
        "{effects:?}"
    );
    desk.screen.on_notes(ListReply::Deleted(Ok(Box::new(row(4, "gone").note))));
    assert!(!desk.draw(80, 24).contains("gone"));
    desk.press(KeyCode::Char('x'));
    let effects = desk.press(KeyCode::Enter);
    let [Effect::Notes(NoteCall::List(_, ListCall::Export { scope: NoteScope::Everything, to, .. }))] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert!(to.ends_with("notes.md"), "{to:?}");
}

#[test]
fn the_tabs_are_got_to_by_digit_by_tab_and_by_click() {
    for (at, (_, _, title)) in TABS.into_iter().enumerate() {
        let shown = |desk: &Desk| desk.draw(80, 24).lines().next().unwrap_or_default().to_owned();
        let is_open = |line: String| line.contains(&format!("[{} {title}]", at + 1));
        let (mut digit, _) = Desk::new();
        digit.press(KeyCode::Char(char::from(b'1' + at as u8)));
        assert!(is_open(shown(&digit)), "{}", shown(&digit));
        let (mut stepped, _) = Desk::new();
        (0..at).for_each(|_| drop(stepped.press(KeyCode::Tab)));
        assert!(is_open(shown(&stepped)), "{}", shown(&stepped));
        let (mut clicked, _) = Desk::new();
        let column = shown(&clicked).trim_start_matches('"').find(title).unwrap() as u16;
        let click = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row: 0,
            modifiers: crossterm::event::KeyModifiers::NONE,
        };
        clicked.screen.on_mouse(click, Rect::new(0, 0, 80, 24), &clicked.cx);
        assert!(is_open(shown(&clicked)), "{}", shown(&clicked));
    }
}
