//! Keys in, effects out; and what the screen looks like.

mod arrange;
mod branches;
mod compare;
mod files;
mod keys;
mod library;
mod mouse;
mod notes;
mod right_to_left;
mod sending;
mod shelves;
mod views;
mod writing;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    api::{
        Fault, FaultKind, FolderId, MessageId,
        chat::{
            ContextMeter, Delta, Draft, Message, MessagePage, MessageRole, MessageState, Metrics, NewTurn, Opened,
            TurnAct, TurnStarted, Written,
        },
        organise::{ConversationRow, Counts, Folder, Page, Shelf, Tree as Skeleton},
    },
    ui::testing::toasts,
};

/// The screen with its surroundings, typed at as the root does it.
struct Desk {
    screen: ChatScreen,
    cx: Cx,
}

impl Desk {
    fn new() -> Self {
        let cx = Cx::fixed();
        let (screen, _) = ChatScreen::new(&cx);
        Self { screen, cx }
    }

    /// With a conversation on view that has these messages.
    fn reading(messages: Vec<Message>) -> Self {
        let mut desk = Self::new();
        desk.open(id(1), messages);
        desk
    }

    fn open(&mut self, conversation: ConversationId, messages: Vec<Message>) -> Vec<Effect> {
        self.screen.open(conversation);
        let opened = opened(conversation, messages);
        self.reply(ChatReply::Opened { id: conversation, opened: Ok(Box::new(opened)) })
    }

    fn reply(&mut self, reply: ChatReply) -> Vec<Effect> {
        self.screen.on_reply(reply, &self.cx)
    }

    fn event(&mut self, event: TurnEvent) -> Vec<Effect> {
        let event = Event::Turn { turn: turn(1), conversation: id(1), answer: msg(2), event };
        self.screen.on_event(&event, &self.cx)
    }

    fn delta(&mut self, content: &str) {
        self.event(TurnEvent::Delta(Delta { content: content.into(), ..Delta::default() }));
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Option<Vec<Effect>> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        action.and_then(|action| self.screen.on_action(action, &self.cx)).or_else(|| self.screen.on_key(key, &self.cx))
    }

    fn ctrl(&mut self, c: char) -> Option<Vec<Effect>> {
        self.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c)).unwrap_or_default()).collect()
    }

    fn enter(&mut self) -> Vec<Effect> {
        self.press(KeyCode::Enter).unwrap_or_default()
    }

    fn start(&mut self, act: TurnAct, user: Option<Message>, answer: Message) {
        let _ = self.screen.start(act, false, &self.cx);
        let started = TurnStarted { turn: turn(1), conversation: id(1), user, answer, meter: ContextMeter::default() };
        self.reply(ChatReply::Started(Ok(Box::new(started))));
    }

    /// With an answer on its way to the question `hello`.
    fn answering() -> Self {
        let mut desk = Self::reading(Vec::new());
        desk.start(send("hello"), Some(user(1, None, "hello")), answer(2, 1, "", MessageState::Streaming));
        desk
    }

    fn end(&mut self, state: MessageState, content: &str, fault: Option<Fault>) -> Vec<Effect> {
        let answer = Box::new(answer(2, 1, content, state));
        self.event(TurnEvent::Ended { answer, meter: ContextMeter::default(), fault })
    }

    fn draw(&self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut cx = self.cx.clone();
        cx.size = (width, height);
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &cx, true)).unwrap();
        terminal.backend().to_string()
    }
}

fn id(n: u128) -> ConversationId {
    ConversationId(uuid::Uuid::from_u128(n))
}

fn msg(n: u128) -> MessageId {
    MessageId(uuid::Uuid::from_u128(n))
}

fn turn(n: u128) -> TurnId {
    TurnId(uuid::Uuid::from_u128(n))
}

fn folder(n: u128) -> FolderId {
    FolderId(uuid::Uuid::from_u128(n))
}

fn row(n: u128, title: &str) -> ConversationRow {
    ConversationRow {
        id: id(n),
        folder: None,
        title: title.into(),
        pinned: false,
        archived: false,
        trashed: false,
        tags: Vec::new(),
        used_at: 0,
        model: Some("llama3.2:3b".into()),
        updated_at: 0,
        messages: 2,
        rev: 7,
    }
}

fn conversation(n: u128) -> Conversation {
    Conversation {
        row: row(n, "Borrow checker and async"),
        title_is_manual: false,
        system_prompt: None,
        options: crate::api::options::ChatOptions::default(),
        preset: None,
        head: None,
        created_at: 0,
    }
}

fn opened(id: ConversationId, messages: Vec<Message>) -> Opened {
    let mut conversation = conversation(1);
    conversation.row.id = id;
    Opened {
        conversation,
        page: MessagePage { messages, ..MessagePage::default() },
        draft: Draft::default(),
        running: None,
        meter: ContextMeter { used: 3120, limit: 8192, room: 7168, exact: true, first_seen: None },
    }
}

fn message(n: u128, parent: Option<u128>, role: MessageRole, content: &str) -> Message {
    Message {
        parent: parent.map(msg),
        model: (role == MessageRole::Assistant).then(|| "llama3.2:3b".into()),
        created_at: Cx::fixed().now_ms,
        ..crate::ui::testing::message(n, role, content)
    }
}

fn user(n: u128, parent: Option<u128>, content: &str) -> Message {
    message(n, parent, MessageRole::User, content)
}

fn answer(n: u128, parent: u128, content: &str, state: MessageState) -> Message {
    Message { state, ..message(n, Some(parent), MessageRole::Assistant, content) }
}

fn send(text: &str) -> TurnAct {
    TurnAct::Send { text: text.into(), attachments: Vec::new() }
}

fn written(text: &str) -> Written {
    Written { text: text.into(), ..Written::default() }
}

fn attachment(name: &str) -> crate::api::chat::Attachment {
    crate::api::chat::Attachment {
        id: crate::api::DocumentId(uuid::Uuid::nil()),
        name: name.into(),
        kind: crate::api::chat::AttachmentKind::Text,
        bytes: 100,
        hidden_characters: 0,
        tokens: 25,
    }
}

/// The number of the question about `@names` among these effects, and the names.
fn named(effects: &[Effect]) -> (u64, Vec<Vec<std::path::PathBuf>>) {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Chat(ChatCall::Named { asked, names }) => Some((*asked, names.clone())),
        _ => None,
    });
    found.unwrap()
}

/// The turns that these effects start.
fn turns(effects: &[Effect]) -> Vec<NewTurn> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(ChatCall::StartTurn(new)) => Some(new.clone()),
            _ => None,
        })
        .collect()
}

fn acts(effects: &[Effect]) -> Vec<TurnAct> {
    turns(effects).into_iter().map(|new| new.act).collect()
}

/// The calls among these effects, written short.
fn calls(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(call) => Some(format!("{call:?}").split([' ', '(', '{']).next().unwrap().to_owned()),
            _ => None,
        })
        .collect()
}

fn drafts(effects: &[Effect]) -> Vec<(Option<ConversationId>, Draft)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(ChatCall::SaveDraft { conversation, draft }) => Some((*conversation, draft.clone())),
            _ => None,
        })
        .collect()
}
