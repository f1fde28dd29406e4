//! The files that were attached, by key.

use super::*;
use crate::{
    api::{
        DocumentId,
        chat::AttachmentKind,
        documents::{DocumentPlace, DocumentRow},
    },
    ui::msg::LibraryCall,
};

fn file(n: u128, name: &str) -> DocumentRow {
    DocumentRow {
        id: DocumentId(uuid::Uuid::from_u128(n)),
        name: name.into(),
        kind: if n == 2 { AttachmentKind::Image } else { AttachmentKind::Text },
        bytes: 1_300 * n as u64,
        hidden_characters: u32::from(n == 1) * 4,
        created_at: Cx::fixed().now_ms,
        messages: 2,
        conversations: 1,
    }
}

fn place(n: u128, title: &str) -> DocumentPlace {
    DocumentPlace {
        conversation: ConversationId(uuid::Uuid::from_u128(n)),
        message: MessageId(uuid::Uuid::from_u128(n)),
        title: title.into(),
        name: "report.txt".into(),
        at: Cx::fixed().now_ms,
        archived: n == 2,
        trashed: n == 3,
    }
}

fn calls<'a>(effects: &'a [Effect]) -> Vec<&'a LibraryCall> {
    let is_call = |effect: &'a Effect| match effect {
        Effect::Library(call) => Some(call),
        _ => None,
    };
    effects.iter().filter_map(is_call).collect()
}

impl Desk {
    fn files(&mut self, effects: &[Effect], rows: Vec<DocumentRow>, next: Option<Cursor>) -> Vec<Effect> {
        let asked = calls(effects).into_iter().rev().find_map(|call| match call {
            LibraryCall::Documents { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("files were asked for");
        self.screen.on_library(LibraryReply::Documents { asked, page: Ok(Page { rows, next }) }, &self.cx)
    }

    fn places(&mut self, effects: &[Effect], rows: Vec<DocumentPlace>) {
        let asked = calls(effects).into_iter().rev().find_map(|call| match call {
            LibraryCall::Places { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("it was asked where the file is");
        self.screen.on_library(LibraryReply::Places { asked, page: Ok(Page { rows, next: None }) }, &self.cx);
    }
}

fn with_files(places: Vec<DocumentPlace>) -> Desk {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Files");
    let effects = desk.files(&effects, vec![file(1, "report.txt"), file(2, "photo\u{202e}.png")], None);
    desk.places(&effects, places);
    desk
}

#[test]
fn files_are_listed_with_the_messages_that_have_them() {
    let desk = with_files(vec![place(1, "First one"), place(2, "Old\u{1b}[2J one"), place(3, "Thrown away")]);
    for (width, height) in [(80, 22), (120, 30), (50, 20)] {
        insta::assert_snapshot!(format!("files_{width}x{height}"), desk.draw(width, height));
    }
    let (mut empty, _) = Desk::new();
    let effects = empty.tab("Files");
    empty.files(&effects, Vec::new(), None);
    assert!(empty.draw(120, 30).contains("No files yet."));
}

#[test]
fn enter_goes_to_the_message_and_among_several_lets_one_choose() {
    let jump = |effects: Vec<Effect>| match &effects[..] {
        [Effect::OpenAt(spot)] => (spot.message, spot.back),
        _ => panic!("{effects:?}"),
    };
    let message = |n| (Some(MessageId(uuid::Uuid::from_u128(n))), Some(Action::ScreenLibrary));
    let mut desk = with_files(vec![place(1, "only one")]);
    assert_eq!(jump(desk.press(KeyCode::Enter)), message(1));
    let mut desk = with_files(vec![place(1, "one"), place(2, "two")]);
    assert!(desk.press(KeyCode::Enter).is_empty());
    desk.press(KeyCode::Down);
    assert_eq!(jump(desk.press(KeyCode::Enter)), message(2));
    // Escape goes back to the files first.
    assert!(desk.press(KeyCode::Esc).is_empty());
    let effects = desk.press(KeyCode::Down);
    assert!(matches!(calls(&effects)[..], [LibraryCall::Places { document, .. }] if *document == file(2, "").id));
}

#[test]
fn the_files_are_filtered_and_paged() {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Files");
    let many = (1..=50).map(|n| file(n, &format!("f{n:02}"))).collect();
    desk.files(&effects, many, Some(Cursor("50".into())));
    let effects = desk.press(KeyCode::End);
    assert!(
        calls(&effects)
            .iter()
            .any(|call| matches!(call, LibraryCall::Documents { after: Some(after), .. } if after.0 == "50")),
        "{effects:?}"
    );
    desk.press(KeyCode::Char('/'));
    let effects = desk.write("rep");
    assert!(
        calls(&effects)
            .iter()
            .any(|call| matches!(call, LibraryCall::Documents { filter, after: None, .. } if filter == "rep"))
    );
    desk.files(&effects, Vec::new(), None);
    assert!(desk.draw(80, 24).contains("No name has these letters."));
}

#[test]
fn where_there_is_no_file_nothing_is_said_to_be_read() {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Files");
    desk.files(&effects, Vec::new(), None);
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains("No files yet") && !drawn.contains("Reading"), "{drawn}");
}
