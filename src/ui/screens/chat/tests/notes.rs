//! Passages, notes, ratings and the picture of branches, by key.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::{
    api::{
        NoteId, RequestId,
        branches::{BranchTree, Ending, Stretch},
        chat::Metrics,
        feedback::{NewFeedback, Reason, Thumb},
        notes::{Anchor, NewNote, NewPassage, Note, NoteMark, NoteRow, NoteScope, Passage},
        organise::Cursor,
        slowness::{Phases, Slowness},
    },
    ui::msg::{ListCall, ListReply, NoteCall, NoteReply, NotesOf},
};

const TEXT: &str = "Some **bold** words here.";

fn desk() -> Desk {
    let mut desk = Desk::reading(vec![user(1, None, "q"), answer(2, 1, TEXT, MessageState::Done)]);
    desk.draw(80, 24);
    desk.press(KeyCode::Tab);
    assert_eq!(desk.screen.context(), Context::Transcript);
    desk
}

fn noted(effects: &[Effect]) -> Vec<&NoteCall> {
    effects.iter().filter_map(|effect| if let Effect::Notes(call) = effect { Some(call) } else { None }).collect()
}

fn note(n: u128, chars: Option<(u32, u32)>, body: &str) -> Note {
    Note {
        id: NoteId(uuid::Uuid::from_u128(n)),
        conversation: id(1),
        message: Some(msg(2)),
        passage: chars.map(|(first_char, end_char)| Passage {
            first_char,
            end_char,
            quote: "bold** words".into(),
            anchor: Anchor::InPlace,
        }),
        body: body.into(),
        rev: 3,
        created_at: Cx::fixed().now_ms,
        updated_at: Cx::fixed().now_ms,
    }
}

fn told(effects: &[Effect]) -> String {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Toast(toast) = effect { Some(format!("{toast:?}")) } else { None })
        .collect()
}

#[test]
fn a_passage_is_selected_noted_and_marked() {
    let mut desk = desk();
    desk.press(KeyCode::Char('v'));
    assert_eq!(desk.screen.context(), Context::Selection);
    desk.write("wll");
    insta::assert_snapshot!("selecting", desk.draw(80, 24));
    desk.press(KeyCode::Char('n'));
    assert_eq!(desk.screen.context(), Context::Composer);
    desk.write("why bold?");
    desk.press(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL));
    desk.write("and how \u{1b}[31m");
    insta::assert_snapshot!("note", desk.draw(80, 24));
    let effects = desk.enter();
    let calls = noted(&effects);
    let [NoteCall::Add(NewNote { conversation, message, passage, body })] = calls[..] else { panic!("{effects:?}") };
    assert_eq!((*conversation, *message), (id(1), Some(msg(2))));
    assert_eq!(*passage, Some(NewPassage::Chars(0, 10)));
    assert!(body.starts_with("why bold?\nand how"), "{body:?}");
    // A second Enter while it is on its way is not a second note.
    assert!(noted(&desk.enter()).is_empty());
    desk.screen.on_notes(NoteReply::Added(Ok(Box::new(note(1, Some((0, 10)), "why bold?")))), &desk.cx);
    assert_eq!(desk.screen.context(), Context::Transcript);
    assert_eq!(
        desk.screen.transcript.message(msg(2)).unwrap().notes,
        [NoteMark { id: NoteId(uuid::Uuid::from_u128(1)), chars: Some((0, 10)) }]
    );
    assert!(desk.draw(80, 24).contains("✎1"));
}

#[test]
fn a_refused_note_keeps_what_was_written() {
    let mut desk = desk();
    desk.write("n");
    desk.write("my thoughts");
    desk.press(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
    let fault = Fault::new(FaultKind::Conflict, "The passage overlaps the one noted as “look”.");
    let effects = desk.screen.on_notes(NoteReply::Added(Err(fault)), &desk.cx);
    assert!(told(&effects).contains("overlaps the one noted"), "{effects:?}");
    assert!(desk.draw(80, 24).contains("my thoughts"));
    let again = desk.press(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL)).unwrap();
    assert_eq!(noted(&again).len(), 1, "and can be sent again");
}

#[test]
fn a_note_goes_to_the_editor_and_comes_back_and_an_empty_one_is_none() {
    let mut desk = desk();
    desk.write("n");
    desk.write("begun");
    let effects = desk.ctrl('g').unwrap();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Shell(crate::ui::msg::ShellCall::Edit(text)) if text == "begun"))
    );
    desk.screen.on_shell(&ShellReply::Edited(Ok("written elsewhere\n".into())), &desk.cx);
    assert!(desk.screen.composer.is_empty(), "the message that is being written is another text");
    assert!(
        matches!(&noted(&desk.enter())[..], [NoteCall::Add(new)] if new.body == "written elsewhere" && new.passage.is_none())
    );
    desk.press(KeyCode::Esc);
    desk.write("n");
    assert!(noted(&desk.enter()).is_empty());
    assert_eq!(desk.screen.context(), Context::Transcript);
}

#[test]
fn a_selection_is_copied_or_left_and_writing_ends_it() {
    let mut desk = desk();
    desk.write("vw");
    let effects = desk.press(KeyCode::Char('y')).unwrap();
    assert!(matches!(&effects[..], [Effect::Shell(crate::ui::msg::ShellCall::Copy(clip))] if clip.text == "Some **b"));
    desk.write("v");
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.context(), Context::Transcript);
    desk.write("v");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::BackTab);
    assert_eq!(desk.screen.context(), Context::Transcript);
}

#[test]
fn a_drag_over_the_words_selects_them() {
    let mut desk = desk();
    let screen = desk.draw(80, 24);
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains("Some bold")).unwrap();
    let column = crate::ui::text::wrap::width(line.split("Some").next().unwrap().trim_start_matches('"'));
    let mut event = |kind, column: usize, row: usize| {
        let event = MouseEvent { kind, column: column as u16, row: row as u16, modifiers: KeyModifiers::NONE };
        desk.screen.on_mouse(event, Rect::new(0, 0, 80, 24), &desk.cx);
    };
    event(MouseEventKind::Down(MouseButton::Left), column + 5, row);
    event(MouseEventKind::Drag(MouseButton::Left), column + 8, row);
    event(MouseEventKind::Up(MouseButton::Left), column + 8, row);
    assert_eq!(desk.screen.context(), Context::Selection);
    let selected = desk.screen.transcript.selection(&desk.screen.highlights.look(&desk.cx)).unwrap();
    assert_eq!((selected.text.as_str(), selected.chars), ("bold", (7, 11)));
    // A click somewhere ends it.
    let mut event = |kind| {
        let event = MouseEvent { kind, column: column as u16, row: row as u16, modifiers: KeyModifiers::NONE };
        desk.screen.on_mouse(event, Rect::new(0, 0, 80, 24), &desk.cx);
    };
    event(MouseEventKind::Down(MouseButton::Left));
    assert_eq!(desk.screen.context(), Context::Transcript);
}

#[test]
fn a_thumb_opens_a_form_is_shown_and_is_taken_back_by_the_same_key() {
    let mut desk = desk();
    desk.press(KeyCode::Char('-'));
    desk.write("14");
    insta::assert_snapshot!("rating", desk.draw(80, 24));
    desk.write("too chatty");
    let effects = desk.enter();
    let expected = NewFeedback {
        thumb: Thumb::Down,
        reasons: vec![Reason::Wrong, Reason::TooLong],
        comment: Some("too chatty".into()),
    };
    assert!(
        matches!(&noted(&effects)[..], [NoteCall::Rate { message, feedback, .. }] if *message == msg(2) && *feedback == expected),
        "{effects:?}"
    );
    let reply = || NoteReply::Rated { message: msg(2), feedback: Some(expected.clone()), done: Ok(()) };
    desk.screen.on_notes(reply(), &desk.cx);
    assert!(desk.draw(80, 24).contains("👎"));
    desk.cx.theme = crate::ui::theme::Theme::plain();
    assert!(desk.draw(80, 24).contains("[-]"), "also where there are no pictures");
    let effects = desk.press(KeyCode::Char('-')).unwrap();
    assert!(matches!(&noted(&effects)[..], [NoteCall::Withdraw { message, .. }] if *message == msg(2)));
    desk.screen.on_notes(NoteReply::Rated { message: msg(2), feedback: None, done: Ok(()) }, &desk.cx);
    assert!(!desk.draw(80, 24).contains("[-]"));
    // The other one changes it.
    desk.screen.on_notes(reply(), &desk.cx);
    desk.press(KeyCode::Char('+'));
    assert!(matches!(&noted(&desk.enter())[..], [NoteCall::Rate { feedback, .. }] if feedback.thumb == Thumb::Up));
}

#[test]
fn only_answers_are_rated() {
    let mut desk = Desk::reading(vec![user(1, None, "q")]);
    desk.press(KeyCode::Tab);
    assert!(told(&desk.press(KeyCode::Char('+')).unwrap()).contains("Only answers are rated"));
}

#[test]
fn the_notes_of_the_conversation_are_listed_and_lead_to_their_passage() {
    let mut desk = desk();
    let effects = desk.press(KeyEvent::new(KeyCode::Char('N'), KeyModifiers::SHIFT)).unwrap();
    let [NoteCall::List(whose, ListCall::Read { asked, scope, .. })] = &noted(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((*whose, *scope), (NotesOf::Chat, NoteScope::Conversation(id(1))));
    let row = |n, chars, body: &str| NoteRow {
        note: note(n, chars, body),
        title: "Borrow checker and async".into(),
        role: Some(MessageRole::Assistant),
        trashed: false,
    };
    let changed = Passage { first_char: 1, end_char: 2, quote: "gone".into(), anchor: Anchor::Changed };
    let mut lost = row(2, None, "about what is gone\u{1b}[2J");
    lost.note.passage = Some(changed);
    let page =
        Page { rows: vec![row(1, Some((7, 19)), "look here\nsecond line"), lost], next: Some(Cursor("1".into())) };
    let effects =
        desk.screen.on_notes(NoteReply::List(*whose, ListReply::Read { asked: *asked, page: Ok(page) }), &desk.cx);
    assert!(
        matches!(&noted(&effects)[..], [NoteCall::List(_, ListCall::Read { after: Some(_), .. })]),
        "the next page is asked for"
    );
    insta::assert_snapshot!("notes_of_conversation", desk.draw(80, 24));
    let effects = desk.enter();
    let [Effect::OpenAt(spot)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((spot.conversation, spot.message, spot.chars), (id(1), Some(msg(2)), Some((7, 19))));
    assert_eq!(calls(&desk.screen.open_at((**spot).clone())), ["ShowMessage"]);
    let around = (3..=40).map(|n| user(n, Some(n - 1), &format!("text {n}")));
    let long = answer(2, 1, &format!("{}\n\n{TEXT}", "line\n\n".repeat(60)), MessageState::Done);
    let page = MessagePage { messages: std::iter::once(long).chain(around).collect(), ..MessagePage::default() };
    desk.screen.spot.as_mut().unwrap().chars = Some((366, 370));
    desk.reply(ChatReply::Shown { conversation: id(1), message: msg(2), page: Ok(page) });
    assert_eq!(desk.screen.context(), Context::Transcript);
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Some bold words"), "the passage is on view: {screen}");
}

#[test]
fn a_branch_is_pruned_from_the_picture_after_a_question_that_says_how_many() {
    let mut desk = desk();
    let effects = desk.press(KeyEvent::new(KeyCode::Char('B'), KeyModifiers::SHIFT)).unwrap();
    assert!(matches!(noted(&effects)[..], [NoteCall::Branches(_)]));
    let ending = |n| Ending { message: msg(n), role: MessageRole::User, begins: format!("text {n}"), created_at: 0 };
    let stretch = |n, parent, depth, below, on_view| Stretch {
        parent,
        depth,
        first: ending(n),
        last: ending(n + 1),
        messages: 2,
        below,
        children: if parent.is_none() { 2 } else { 0 },
        on_view,
        pruned_at: None,
    };
    let tree = BranchTree {
        stretches: vec![
            stretch(1, None, 0, 9, true),
            stretch(10, Some(0), 1, 3, true),
            stretch(20, Some(0), 1, 4, false),
        ],
    };
    desk.screen.on_notes(NoteReply::Branches { conversation: id(1), tree: Ok(tree) }, &desk.cx);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('d'));
    let screen = desk.draw(80, 24);
    assert!(screen.contains("4 messages go to the trash."), "{screen}");
    assert!(noted(&desk.enter()).is_empty(), "the first answer changes nothing");
    desk.press(KeyCode::Char('d'));
    let effects = desk.press(KeyCode::Char('2')).unwrap();
    assert!(matches!(&noted(&effects)[..], [NoteCall::Prune { message, .. }] if *message == msg(20)));
    let effects = desk.screen.on_notes(NoteReply::Pruned { conversation: id(1), done: Ok(4) }, &desk.cx);
    assert!(told(&effects).contains("4 messages are in the trash"), "{effects:?}");
    let effects = desk.enter();
    assert!(matches!(&effects[..], [Effect::OpenAt(spot)] if spot.message == Some(msg(21))));
}

fn slow() -> Slowness {
    Slowness {
        message: msg(2),
        model: Some("demo-chat:3b".to_owned()),
        state: MessageState::Done,
        metrics: Metrics {
            load_ms: Some(8200),
            prompt_ms: Some(640),
            prompt_tokens: Some(412),
            answer_tokens: Some(180),
            answer_ms: Some(3300),
            ..Metrics::default()
        },
        phases: Some(Phases {
            queue: 0,
            own: 14_200,
            connect: 900,
            send: 400,
            load: 8_200_000,
            prompt: 640_000,
            first_token: 81_000,
            generation: 3_300_000,
            network: 2100,
        }),
        request: Some(RequestId(uuid::Uuid::nil())),
    }
}

#[test]
fn one_key_tells_where_the_time_of_the_answer_went() {
    let mut desk = desk();
    let effects = desk.press(KeyCode::Char('w')).unwrap();
    let asked = noted(&effects);
    assert!(matches!(asked[..], [NoteCall::Why { message, .. }] if *message == msg(2)), "{asked:?}");
    assert!(desk.draw(80, 24).contains("Reading…"));
    let another = Slowness { message: msg(9), ..slow() };
    desk.screen.on_notes(NoteReply::Why { message: msg(9), slowness: Ok(Box::new(another)) }, &desk.cx);
    assert!(desk.draw(80, 24).contains("Reading…"), "what was told of another answer is not shown for this one");
    desk.screen.on_notes(NoteReply::Why { message: msg(2), slowness: Ok(Box::new(slow())) }, &desk.cx);
    insta::assert_snapshot!(desk.draw(80, 24));
    insta::assert_snapshot!(desk.draw(120, 36));
    desk.press(KeyCode::Char('w'));
    assert!(!desk.draw(80, 24).contains("Where the time went"), "the same key closes it");
}

#[test]
fn a_question_has_no_speed_and_says_so() {
    let mut desk = desk();
    desk.press(KeyCode::Char('k'));
    let effects = desk.press(KeyCode::Char('w')).unwrap();
    assert!(told(&effects).contains("Only answers have a speed"), "{effects:?}");
}
