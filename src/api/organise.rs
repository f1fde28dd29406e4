//! Folders, conversations and the tree that shows them.

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, FolderId, MessageId,
    library::{Begins, PresetName},
    options::ChatOptions,
};

/// Longest title, in characters.
pub const TITLE_MAX: usize = 200;
/// Longest folder or tag name, in characters.
pub const FOLDER_MAX: usize = 100;
/// Longest system prompt, in bytes.
pub const SYSTEM_PROMPT_MAX: usize = 32 * 1024;
/// Most rows a page may hold.
pub const PAGE_MAX: u32 = 100;

/// A folder as the tree shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub id: FolderId,
    pub parent: Option<FolderId>,
    pub name: String,
    /// Conversations directly in it, not in the trash and not archived.
    pub conversations: u32,
    /// Row revision; a change names the one it saw, so that no update is lost.
    pub rev: u32,
}

/// Which list of conversations is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// Pinned, from any folder.
    Pinned,
    /// In this folder, or in none.
    Folder(Option<FolderId>),
    /// Everything that is neither archived nor in the trash, most recent first.
    Recent,
    Archive,
    Trash,
}

/// One row of a conversation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub folder: Option<FolderId>,
    pub title: String,
    pub pinned: bool,
    pub trashed: bool,
    pub model: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub updated_at: i64,
    pub messages: u32,
    pub rev: u32,
}

/// Everything about a conversation but its messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    pub row: ConversationRow,
    /// A title given by a person is never overwritten by a generated one.
    pub title_is_manual: bool,
    pub system_prompt: Option<String>,
    pub options: ChatOptions,
    /// The preset that was applied to it last, if it is still there.
    #[serde(default)]
    pub preset: Option<PresetName>,
    /// The end of the branch on view.
    pub head: Option<MessageId>,
    pub created_at: i64,
}

/// What a new conversation starts with. Everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewConversation {
    pub folder: Option<FolderId>,
    pub title: Option<String>,
    pub model: Option<String>,
    pub system_prompt: Option<String>,
    pub options: ChatOptions,
    #[serde(default)]
    pub preset: Begins,
}

/// A change to a conversation: `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversationPatch {
    pub title: Option<String>,
    pub folder: Option<Option<FolderId>>,
    pub pinned: Option<bool>,
    pub model: Option<Option<String>>,
    pub system_prompt: Option<Option<String>>,
    pub options: Option<ChatOptions>,
    /// Refused with a conflict if the row has changed since this revision.
    pub seen_rev: Option<u32>,
}

/// What happens to the content of a folder that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderContent {
    /// Folders and conversations move up to the parent.
    MoveUp,
    /// Conversations (also of folders below) go to the trash; the folders go.
    Trash,
}

/// A page of rows and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Pass back to get what follows; `None` at the end.
    pub next: Option<Cursor>,
}

/// An opaque place in a list (keyset paging: the sort key of the last row seen).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// How many conversations lie where: what the closed branches of the tree show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub unfiled: u32,
    pub pinned: u32,
    pub archive: u32,
    pub trash: u32,
    pub all: u32,
}

/// The tree's skeleton: all folders (names and counts only) and the counts of the fixed shelves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub folders: Vec<Folder>,
    pub counts: Counts,
}
