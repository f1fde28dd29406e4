//! Folders, conversations and the tree that shows them.

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, FolderId, MessageId, PresetId, TagId,
    library::{Begins, PresetName},
    options::ChatOptions,
};

/// Longest title, in characters.
pub const TITLE_MAX: usize = 200;
/// Longest folder or tag name, in characters.
pub const FOLDER_MAX: usize = 100;
/// Longest system prompt, in bytes.
pub const SYSTEM_PROMPT_MAX: usize = 32 * 1024;
/// Most tags that one conversation carries.
pub const TAGS_MAX: usize = 50;
/// Most conversations that are changed at once.
pub const MANY_MAX: usize = 10_000;
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
    /// What conversations that begin in it, or below it, begin with.
    pub preset: Option<PresetId>,
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
    pub archived: bool,
    pub trashed: bool,
    /// By name.
    pub tags: Vec<String>,
    pub model: Option<String>,
    /// When something was said in it last. Milliseconds since 1970, UTC.
    pub used_at: i64,
    /// When it was changed last, by whatever.
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

/// A word that conversations carry. It is there as long as one does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub id: TagId,
    pub name: String,
    /// Those that carry it and are not in the trash.
    pub conversations: u32,
    pub rev: u32,
}

/// Where a title comes from. A later one replaces an earlier one; nothing but a person replaces a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleOrigin {
    /// Nothing has been said yet.
    None,
    /// The first words of the prompt.
    Prompt,
    /// A model was asked.
    Model,
    Manual,
}

/// How a conversation lay in the list before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub id: ConversationId,
    pub title: String,
    pub title_origin: TitleOrigin,
    pub folder: Option<FolderId>,
    pub pinned: bool,
    pub archived_at: Option<i64>,
    pub trashed_at: Option<i64>,
    pub tags: Vec<String>,
    /// The revision that the change left: who has another was changed since.
    pub rev: u32,
}

/// Where a folder stood before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderStanding {
    pub id: FolderId,
    pub parent: Option<FolderId>,
    pub name: String,
    pub rev: u32,
}

/// What takes a change of the list back. Holds those that the change really changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    pub conversations: Vec<Standing>,
    pub folders: Vec<FolderStanding>,
}

impl Undo {
    /// How many things were changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.conversations.len() + self.folders.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of taking something back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    pub done: u32,
    /// Changed or removed since, and left as they are.
    pub left: u32,
}

/// What was removed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    pub conversations: u32,
    pub messages: u64,
    /// Files that nothing uses any more.
    pub documents: u32,
    /// Of texts and files.
    pub bytes: u64,
}

impl std::ops::AddAssign for Purged {
    fn add_assign(&mut self, other: Self) {
        self.conversations += other.conversations;
        self.messages += other.messages;
        self.documents += other.documents;
        self.bytes += other.bytes;
    }
}

/// How the list of conversations is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// As a tree of folders.
    #[default]
    Folders,
    /// By when they were used last: today, yesterday, last week …
    Time,
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
    /// What the person chose last.
    pub grouping: Grouping,
}
