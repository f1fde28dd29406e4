use crossterm::event::{KeyCode, KeyModifiers};
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::api::{
    ConversationId, MessageId,
    chat::MessageRole,
    search::{HitKind, Marked},
};

struct Desk {
    screen: SearchScreen,
    cx: Cx,
}

impl Desk {
    fn new() -> Self {
        Self { screen: SearchScreen::default(), cx: Cx::fixed() }
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        action
            .and_then(|action| self.screen.on_action(action, &self.cx))
            .or_else(|| self.screen.on_key(key, &self.cx))
            .unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c))).collect()
    }

    fn reply(&mut self, asked: u64, found: Result<Found, Fault>) -> Vec<Effect> {
        self.screen.on_reply(SearchReply::Found { asked, found: found.map(Box::new) })
    }

    fn draw(&mut self, columns: u16, rows: u16) -> String {
        self.cx.size = (columns, rows);
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &self.cx, true)).unwrap();
        terminal.backend().to_string()
    }
}

fn asked(effects: &[Effect]) -> Vec<(u64, String)> {
    let find = |effect: &Effect| match effect {
        Effect::Search(SearchCall::Find { asked, query }) => Some((*asked, query.text.clone())),
        _ => None,
    };
    effects.iter().filter_map(find).collect()
}

fn hit(number: u32) -> Hit {
    Hit {
        kind: HitKind::Message,
        conversation: ConversationId(uuid::Uuid::from_u128(u128::from(number))),
        message: Some(MessageId(uuid::Uuid::from_u128(u128::from(number)))),
        title: Marked { text: format!("Borrow checker {number}"), marks: vec![(0, 6)] },
        folder: vec!["work".to_owned(), "rust".to_owned()],
        role: Some(MessageRole::Assistant),
        model: Some("llama3.2:3b".to_owned()),
        at: 1_795_514_520_000 - i64::from(number) * 86_400_000,
        file: None,
        snippet: Marked {
            text: "…then the borrow checker says that 漢字 is moved\u{1b}[31m".to_owned(),
            marks: vec![(10, 16)],
        },
        is_archived: false,
        is_trashed: false,
    }
}

fn found(count: u32, is_more: bool) -> Found {
    Found {
        hits: (0..count).map(hit).collect(),
        count,
        is_more,
        next: is_more.then(|| Cursor("next".to_owned())),
        terms: Term::new("borrow", true).into_iter().collect(),
        notice: None,
    }
}

#[test]
fn every_key_asks_at_once_and_only_the_newest_answer_counts() {
    let mut desk = Desk::new();
    let effects = desk.write("bor");
    assert_eq!(asked(&effects), [(1, "b".to_owned()), (2, "bo".to_owned()), (3, "bor".to_owned())]);
    desk.reply(2, Ok(found(2, false)));
    assert_eq!(desk.screen.hits.len(), 0, "an answer to an older question");
    desk.reply(3, Ok(found(1, false)));
    assert_eq!(desk.screen.hits.len(), 1);
    // What is on view stays until the next answer is there.
    desk.write("r");
    assert_eq!(desk.screen.hits.len(), 1);
    // Moving in the text asks nothing.
    assert_eq!(asked(&desk.press(KeyCode::Left)), []);
    for _ in 0..4 {
        desk.press(KeyCode::Backspace);
        desk.press(KeyCode::Delete);
    }
    assert_eq!((desk.screen.hits.len(), desk.screen.is_asking), (0, false));
}

#[test]
fn enter_opens_the_chosen_hit_and_marks_what_was_looked_for() {
    let mut desk = Desk::new();
    desk.write("borrow");
    assert!(desk.press(KeyCode::Enter).is_empty(), "nothing is there yet");
    desk.reply(6, Ok(found(3, false)));
    desk.press(KeyCode::Down);
    let effects = desk.press(KeyCode::Enter);
    let [Effect::OpenAt(spot)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((spot.conversation, spot.message), (hit(1).conversation, hit(1).message));
    assert_eq!(spot.terms, desk.screen.terms);
    assert_eq!(spot.back, Some(Action::ScreenSearch));
}

#[test]
fn going_down_reads_on_once_and_keeps_the_place() {
    let mut desk = Desk::new();
    desk.write("b");
    desk.reply(1, Ok(found(30, true)));
    let mut effects = Vec::new();
    for _ in 0..25 {
        effects.extend(desk.press(KeyCode::Down));
    }
    assert_eq!(asked(&effects).len(), 1);
    let Some(Effect::Search(SearchCall::Find { asked, query })) = effects.pop() else { panic!() };
    assert_eq!(query.after, Some(Cursor("next".to_owned())));
    desk.reply(asked, Ok(found(5, false)));
    assert_eq!((desk.screen.hits.len(), desk.screen.at), (35, 25));
    let cancelled = Fault::new(FaultKind::Cancelled, "The search was broken off.");
    desk.write("o");
    desk.reply(desk.screen.asked, Err(cancelled));
    assert!(desk.screen.fault.is_none());
}

#[test]
fn tab_explains_the_filters_and_enter_takes_one() {
    let mut desk = Desk::new();
    desk.write("rust");
    desk.press(KeyCode::Tab);
    assert!(desk.draw(80, 24).contains("folder:NAME"), "{}", desk.draw(80, 24));
    desk.press(KeyCode::Tab);
    let effects = desk.press(KeyCode::Enter);
    assert_eq!(asked(&effects), [(5, "rust model:".to_owned())]);
    desk.press(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT));
    assert!(desk.draw(80, 24).contains("in:title|messages"), "{}", desk.draw(80, 24));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.filter, None);
    let effects = desk.press(KeyCode::Esc);
    assert!(matches!(effects.as_slice(), [Effect::Act(Action::ScreenChat)]), "{effects:?}");
}

#[test]
fn what_it_looks_like() {
    let mut desk = Desk::new();
    assert_snapshot!("search_empty_80x24", desk.draw(80, 24));
    desk.write("borrow");
    let mut results = found(12, true);
    results.count = 150;
    results.hits[0] = Hit { kind: HitKind::Title, message: None, role: None, snippet: Marked::default(), ..hit(0) };
    results.hits[2] = Hit { kind: HitKind::Note, ..hit(2) };
    results.hits[3] =
        Hit { kind: HitKind::File, file: Some("notes \u{202e}final.txt".to_owned()), is_archived: true, ..hit(3) };
    let long = "A title that is very long and goes on and on until nothing else has any room beside it";
    results.hits[4].title = Marked { text: long.to_owned(), marks: Vec::new() };
    desk.reply(6, Ok(results));
    desk.press(KeyCode::Down);
    assert_snapshot!("search_found_80x24", desk.draw(80, 24));
    assert_snapshot!("search_found_120x36", desk.draw(120, 36));
    assert_snapshot!("search_found_40x12", desk.draw(40, 12));
    desk.write("x");
    desk.reply(desk.screen.asked, Ok(Found { terms: found(1, false).terms, ..Found::default() }));
    assert_snapshot!("search_nothing_80x24", desk.draw(80, 24));
    desk.write(" fodler:x");
    let fault = Fault::invalid("There is no filter fodler:; the nearest is folder:.")
        .hint("To look for the words instead, put them into quotation marks.");
    desk.reply(desk.screen.asked, Err(fault));
    assert_snapshot!("search_refused_80x24", desk.draw(80, 24));
}
