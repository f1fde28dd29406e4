//! The files that lie in the vault, and where they were attached.

use serde::{Deserialize, Serialize};

use super::{ConversationId, DocumentId, MessageId, chat::AttachmentKind};

/// A file in a list: the same bytes are one file, however often and under whatever names they were attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRow {
    pub id: DocumentId,
    /// As it was called when it was attached last. Foreign text.
    pub name: String,
    pub kind: AttachmentKind,
    pub bytes: u64,
    /// Characters in it that a terminal would not show.
    pub hidden_characters: u32,
    /// When it was attached first. Milliseconds since 1970, UTC.
    pub created_at: i64,
    /// Messages that have it, and the conversations of these.
    pub messages: u32,
    pub conversations: u32,
}

/// A message that a file is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPlace {
    pub conversation: ConversationId,
    pub message: MessageId,
    pub title: String,
    /// As it was called there.
    pub name: String,
    pub at: i64,
    pub archived: bool,
    pub trashed: bool,
}
