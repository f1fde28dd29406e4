//! Notes: on a passage of a message, on a message, on a conversation.

use serde::{Deserialize, Serialize};

use super::{ConversationId, MessageId, NoteId, chat::MessageRole};

/// Longest note, bytes.
pub const NOTE_MAX: usize = 16 * 1024;
/// Longest passage, bytes: its words are kept beside the note.
pub const QUOTE_MAX: usize = 16 * 1024;

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub id: NoteId,
    pub conversation: ConversationId,
    /// `None` = on the conversation.
    pub message: Option<MessageId>,
    /// `None` = on the whole message.
    pub passage: Option<Passage>,
    pub body: String,
    /// Row revision; a change names the one it saw.
    pub rev: u32,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
    pub updated_at: i64,
}

/// The stretch of a message that a note is about, in characters of the message's stored text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    pub first_char: u32,
    pub end_char: u32,
    /// Its words as they were when the note was written.
    pub quote: String,
    pub anchor: Anchor,
}

/// Whether the passage still stands where the note was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    InPlace,
    /// The text changed, and the words were found once more, here.
    Moved,
    /// The text changed, and the words are gone or stand in several places.
    Changed,
}

/// A note as the message that carries it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteMark {
    pub id: NoteId,
    /// First character and the one after the last; `None` = on the whole message, or the passage has changed.
    pub chars: Option<(u32, u32)>,
}

/// A note in a list, with what it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRow {
    pub note: Note,
    /// Title of the conversation.
    pub title: String,
    /// Who wrote the message.
    pub role: Option<MessageRole>,
    /// The conversation lies in the trash.
    pub trashed: bool,
}

/// Which notes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteScope {
    /// All of them but those in trashed conversations.
    Everything,
    /// Those on a conversation and on its messages, of every branch.
    Conversation(ConversationId),
    Message(ConversationId, MessageId),
}

/// A note to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewNote {
    pub conversation: ConversationId,
    pub message: Option<MessageId>,
    pub passage: Option<NewPassage>,
    pub body: String,
}

/// How a passage is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewPassage {
    /// First character and the one after the last.
    Chars(u32, u32),
    /// By its words, which must stand in the message once.
    Quote(String),
}
