//! Folders, conversations, drafts, prompt history.

use super::{Gateway, unbuilt};
use crate::api::{
    ConversationId, Fault, FolderId, MessageId,
    auth::Session,
    chat::{Draft, MessagePage, Opened, PastPrompt},
    organise::{
        Conversation, ConversationPatch, ConversationRow, Cursor, Folder, FolderContent, NewConversation, Page, Shelf,
        Tree,
    },
};

impl Gateway {
    /// All folders with their counts, and the counts of the fixed shelves.
    pub async fn tree(&self, _session: &Session) -> Result<Tree, Fault> {
        unbuilt()
    }

    /// One shelf's conversations, most recently used first; `filter` matches titles without regard to case or accents.
    pub async fn conversations(
        &self,
        _session: &Session,
        _shelf: Shelf,
        _filter: &str,
        _after: Option<Cursor>,
        _limit: u32,
    ) -> Result<Page<ConversationRow>, Fault> {
        unbuilt()
    }

    pub async fn create_conversation(&self, _session: &Session, _new: NewConversation) -> Result<Conversation, Fault> {
        unbuilt()
    }

    pub async fn conversation(&self, _session: &Session, _id: ConversationId) -> Result<Conversation, Fault> {
        unbuilt()
    }

    /// Settings, the newest `limit` messages of the branch on view, draft, running turn and context meter, in one read.
    pub async fn open_conversation(
        &self,
        _session: &Session,
        _id: ConversationId,
        _limit: u32,
    ) -> Result<Opened, Fault> {
        unbuilt()
    }

    /// The messages of the branch on view that lie before `before`, newest of them last.
    pub async fn older_messages(
        &self,
        _session: &Session,
        _conversation: ConversationId,
        _before: MessageId,
        _limit: u32,
    ) -> Result<MessagePage, Fault> {
        unbuilt()
    }

    pub async fn change_conversation(
        &self,
        _session: &Session,
        _id: ConversationId,
        _patch: ConversationPatch,
    ) -> Result<Conversation, Fault> {
        unbuilt()
    }

    pub async fn trash_conversations(&self, _session: &Session, _ids: Vec<ConversationId>) -> Result<(), Fault> {
        unbuilt()
    }

    pub async fn restore_conversations(&self, _session: &Session, _ids: Vec<ConversationId>) -> Result<(), Fault> {
        unbuilt()
    }

    pub async fn create_folder(
        &self,
        _session: &Session,
        _parent: Option<FolderId>,
        _name: &str,
    ) -> Result<Folder, Fault> {
        unbuilt()
    }

    pub async fn rename_folder(&self, _session: &Session, _id: FolderId, _name: &str) -> Result<(), Fault> {
        unbuilt()
    }

    /// Refused when it would put a folder inside itself.
    pub async fn move_folder(&self, _session: &Session, _id: FolderId, _parent: Option<FolderId>) -> Result<(), Fault> {
        unbuilt()
    }

    pub async fn delete_folder(&self, _session: &Session, _id: FolderId, _content: FolderContent) -> Result<(), Fault> {
        unbuilt()
    }

    /// Puts the branch through this message on view and gives its newest messages.
    pub async fn show_branch(
        &self,
        _session: &Session,
        _conversation: ConversationId,
        _through: MessageId,
        _limit: u32,
    ) -> Result<MessagePage, Fault> {
        unbuilt()
    }

    /// The sibling `step` places from this message (wrapping), for `show_branch`.
    pub async fn sibling(
        &self,
        _session: &Session,
        _conversation: ConversationId,
        _message: MessageId,
        _step: i32,
    ) -> Result<MessageId, Fault> {
        unbuilt()
    }

    /// Leaves a message out of what the model receives, or keeps it in however old it is.
    pub async fn mark_message(
        &self,
        _session: &Session,
        _conversation: ConversationId,
        _message: MessageId,
        _excluded: Option<bool>,
        _pinned: Option<bool>,
    ) -> Result<(), Fault> {
        unbuilt()
    }

    /// `None` = the draft of a conversation that does not exist yet.
    pub async fn draft(&self, _session: &Session, _conversation: Option<ConversationId>) -> Result<Draft, Fault> {
        unbuilt()
    }

    pub async fn save_draft(
        &self,
        _session: &Session,
        _conversation: Option<ConversationId>,
        _draft: Draft,
    ) -> Result<(), Fault> {
        unbuilt()
    }

    /// Own prompts, newest first, that contain `text` (without regard to case); repeated ones once.
    pub async fn past_prompts(&self, _session: &Session, _text: &str, _limit: u32) -> Result<Vec<PastPrompt>, Fault> {
        unbuilt()
    }
}
