//! Answers about notes reach who asked, whichever screen is on view by then.

use super::*;
use crate::{
    api::{
        ConversationId, NoteId,
        chat::{ContextMeter, Draft, MessagePage, MessageRole, Opened},
        notes::{Note, NoteMark},
        organise::{Conversation, ConversationRow},
    },
    ui::msg::{ChatReply, ListReply, NoteCall, NoteReply, NotesOf, Spot},
};

fn conversation() -> ConversationId {
    ConversationId(uuid::Uuid::from_u128(7))
}

fn note() -> Note {
    Note {
        id: NoteId(uuid::Uuid::from_u128(3)),
        conversation: conversation(),
        message: Some(crate::api::MessageId(uuid::Uuid::from_u128(1))),
        passage: None,
        body: "look".into(),
        rev: 1,
        created_at: 0,
        updated_at: 0,
    }
}

/// With a conversation on view that has a noted answer.
fn reading() -> Root {
    let mut root = inside();
    let spot = Spot { conversation: conversation(), message: None, terms: Vec::new(), chars: None, back: None };
    root.settle(vec![Effect::OpenAt(Box::new(spot))]);
    let mut answer = crate::ui::testing::message(1, MessageRole::Assistant, "an answer");
    answer.notes = vec![NoteMark { id: note().id, chars: None }];
    let row = ConversationRow {
        id: conversation(),
        folder: None,
        title: "Borrow checker".into(),
        pinned: false,
        archived: false,
        trashed: false,
        tags: Vec::new(),
        model: None,
        used_at: 0,
        updated_at: 0,
        messages: 1,
        rev: 1,
    };
    let opened = Opened {
        conversation: Conversation {
            row,
            title_is_manual: true,
            system_prompt: None,
            options: crate::api::options::ChatOptions::default(),
            preset: None,
            head: None,
            created_at: 0,
        },
        page: MessagePage { messages: vec![answer], ..MessagePage::default() },
        draft: Draft::default(),
        running: None,
        meter: ContextMeter::default(),
    };
    root.update(Msg::Chat(ChatReply::Opened { id: conversation(), opened: Ok(Box::new(opened)) }));
    root
}

#[test]
fn a_note_that_is_deleted_in_the_library_is_gone_from_its_message() {
    let mut root = reading();
    assert!(draw(&root, 80, 24).contains("✎1"));
    press(&mut root, "alt+3");
    root.update(Msg::Notes(NoteReply::List(NotesOf::Library, ListReply::Deleted(Ok(Box::new(note()))))));
    press(&mut root, "alt+1");
    assert!(!draw(&root, 80, 24).contains("✎"));
}

#[test]
fn an_answer_about_a_message_comes_to_the_chat_also_from_the_library() {
    let mut root = reading();
    press(&mut root, "tab");
    press(&mut root, "n");
    write(&mut root, "my thoughts");
    let effects = press(&mut root, "enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Notes(NoteCall::Add(_)))), "{effects:?}");
    press(&mut root, "alt+3");
    root.update(Msg::Notes(NoteReply::Added(Ok(Box::new(Note { id: NoteId::new(), ..note() })))));
    press(&mut root, "alt+1");
    let screen = draw(&root, 80, 24);
    assert!(!screen.contains("my thoughts") && screen.contains("✎2"), "{screen}");
}
