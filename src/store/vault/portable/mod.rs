//! A vault in the lines of its own format, `docs/formats.md`: what leaves with an export and comes back with an import.
//!
//! Nothing here knows of files. Invariant: what `read` gives, `take_in` puts into an empty vault such that `read` gives
//! the same again, to the byte. So a line holds every column that a person made or a model said, and none that is
//! derived from others (weights, keys for comparing, revisions, indexes) or of this machine alone (leases).

mod put;
mod read;
mod remember;
mod shelves;
mod take_in;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

pub use read::{
    Which, body_of, branch_on_view, conversation, count, documents_of, draft, feedback_of, folders, keys, messages,
    new_draft, notes_of, presets, settings, summaries_of, tags, templates,
};
pub use remember::{Added, forget_orphans, holds_only_own, put_in_order, store_document, straighten_times};
pub use shelves::{Shelves, ShelvesTaken, take_shelves};
pub use take_in::{Incoming, IncomingFolder, IncomingMessage, IncomingTag, Outcome, Placed, Placing, take_in};

/// The number of the format. A reader refuses a greater one.
pub const VERSION: u32 = 1;
/// The source under which conversations from this program's own files are known again.
pub const OWN: &str = "ollamanet";

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one.
    Format(Format),
    Preset(Preset),
    PromptTemplate(Template),
    Folder(Folder),
    Tag(Tag),
    Setting(Setting),
    /// Begins a conversation; what follows belongs to it, up to its end.
    Conversation(Box<Conversation>),
    Message(Box<Message>),
    Note(Note),
    Feedback(Feedback),
    Summary(Summary),
    Draft(Draft),
    ConversationEnd(ConversationEnd),
    /// The last one: what does not end with it was cut off.
    End(End),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    pub name: String,
    pub version: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preset {
    pub id: Uuid,
    pub name: String,
    pub model: Option<String>,
    pub options: Box<RawValue>,
    pub system_prompt: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Template {
    pub id: Uuid,
    pub name: String,
    pub body: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Folder {
    pub id: Uuid,
    pub parent: Option<Uuid>,
    pub name: String,
    pub preset: Option<Uuid>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tag {
    pub id: Uuid,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    pub value: Box<RawValue>,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conversation {
    pub id: Uuid,
    pub title: String,
    /// `none`, `prompt`, `model` or `manual`.
    pub title_origin: String,
    pub folder: Option<Uuid>,
    pub tags: Vec<Uuid>,
    pub pinned: bool,
    pub archived_at: Option<i64>,
    pub trashed_at: Option<i64>,
    pub model: Option<String>,
    pub options: Box<RawValue>,
    pub system_prompt: Option<String>,
    pub preset: Option<Uuid>,
    /// The end of the branch on view.
    pub head: Option<Uuid>,
    /// Its place in the order of use, and when it was used last.
    pub used: i64,
    pub used_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    /// Where it was imported from, if it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported: Vec<Imported>,
}

/// What is remembered of an import, so that doing it again adds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub source: String,
    pub external_id: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// Eight bytes in hexadecimal for each message that came.
    pub known: String,
    pub imported_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: Uuid,
    pub parent: Option<Uuid>,
    /// Which child is on view below it; the newest where none was chosen.
    pub chosen: Option<Uuid>,
    pub role: String,
    pub state: String,
    pub model: Option<String>,
    pub content: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attached>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub excluded: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// In the trash since then, with the branch that this message begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_with: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Figures::are_empty")]
    pub figures: Figures,
    pub created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A file that went with a message: which one, and what it was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// SHA-256 of its bytes in hexadecimal: the name of its file in the archive.
    pub sha256: String,
    pub name: String,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_weight: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_window: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_ms: Option<u32>,
}

impl Figures {
    #[must_use]
    pub fn are_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    pub id: Uuid,
    pub message: Option<Uuid>,
    pub first_char: Option<i64>,
    pub end_char: Option<i64>,
    pub quote: Option<String>,
    pub body: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Feedback {
    pub message: Uuid,
    /// 1 or -1.
    pub thumb: i64,
    pub reasons: Box<RawValue>,
    pub comment: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub last_message: Uuid,
    pub model: String,
    pub body: String,
    pub created_at: i64,
}

/// What was being written, in the conversation before it or, outside of any, in one that does not exist yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    pub body: String,
    pub folded: Box<RawValue>,
    pub queued: Box<RawValue>,
    pub attachments: Box<RawValue>,
    pub updated_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationEnd {
    pub messages: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub conversations: u64,
    pub messages: u64,
}
