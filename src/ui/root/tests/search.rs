//! The way to a hit and back.

use super::*;
use crate::{
    api::{
        ConversationId, MessageId,
        search::{Found, Hit, HitKind, Marked, Term},
    },
    ui::msg::{ChatCall, SearchCall, SearchReply},
};

fn hit(message: Option<MessageId>) -> Hit {
    Hit {
        kind: HitKind::Message,
        conversation: ConversationId(uuid::Uuid::from_u128(7)),
        message,
        title: Marked { text: "Borrow checker".to_owned(), marks: Vec::new() },
        folder: Vec::new(),
        role: None,
        model: None,
        at: clock(),
        file: None,
        snippet: Marked::default(),
        is_archived: false,
        is_trashed: false,
    }
}

#[test]
fn a_hit_is_opened_at_its_message_and_escape_leads_back_to_the_search_as_it_was() {
    let mut root = inside();
    press(&mut root, "ctrl+f");
    assert!(is_on(&mut root, ScreenName::Search));
    let effects = root.update(Msg::Key(KeyEvent::from(KeyCode::Char('b'))));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Search(SearchCall::Find { asked, .. }) => Some(*asked),
        _ => None,
    });
    let message = MessageId(uuid::Uuid::from_u128(9));
    let found = Found {
        hits: vec![hit(Some(message)), hit(None)],
        count: 2,
        terms: Term::new("b", true).into_iter().collect(),
        ..Found::default()
    };
    root.update(Msg::Search(SearchReply::Found { asked: asked.unwrap(), found: Ok(Box::new(found)) }));
    let effects = press(&mut root, "enter");
    let reads = |effect: &Effect| match effect {
        Effect::Chat(ChatCall::Open { id, .. }) => Some(format!("open {id}")),
        Effect::Chat(ChatCall::ShowMessage { message, .. }) => Some(format!("show {message}")),
        _ => None,
    };
    let conversation = hit(None).conversation;
    let reads: Vec<String> = effects.iter().filter_map(reads).collect();
    assert_eq!(reads, [format!("open {conversation}"), format!("show {message}")]);
    assert!(is_on(&mut root, ScreenName::Chat));
    assert!(draw(&root, 80, 24).contains("Esc back to the search"), "{}", draw(&root, 80, 24));
    press(&mut root, "esc");
    assert!(is_on(&mut root, ScreenName::Search));
    assert!(draw(&root, 80, 24).contains("│ b ") && draw(&root, 80, 24).contains("2 found"), "{}", draw(&root, 80, 24));
    // And from there to the chat, where it means what it always means.
    press(&mut root, "esc");
    assert!(is_on(&mut root, ScreenName::Chat));
    press(&mut root, "esc");
    assert!(is_on(&mut root, ScreenName::Chat));
}

#[test]
fn whoever_goes_on_from_a_hit_is_not_led_back() {
    let mut root = inside();
    let spot = crate::ui::msg::Spot {
        conversation: hit(None).conversation,
        message: None,
        terms: Vec::new(),
        chars: None,
        back: Some(Action::ScreenSearch),
    };
    root.settle(vec![Effect::OpenAt(Box::new(spot))]);
    write(&mut root, "and now this");
    press(&mut root, "esc");
    assert!(is_on(&mut root, ScreenName::Chat));
}
