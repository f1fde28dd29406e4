//! Folders, conversations, drafts, prompt history.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Caller, Class, Member, Op, Permission},
    api::{
        ConversationId, Fault, FolderId, MessageId,
        auth::Session,
        chat::{Draft, MessagePage, Opened, PastPrompt},
        organise::{
            Conversation, ConversationPatch, ConversationRow, Cursor, Folder, FolderContent, NewConversation, Page,
            Shelf, Tree,
        },
    },
};

pub(super) const TREE: Op = Op {
    name: "organise.tree",
    permission: Permission::Organise,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
pub(super) const LIST: Op = Op { name: "conversations.list", ..TREE };
pub(super) const CREATE: Op = Op { name: "conversations.create", class: Class::Write, ..TREE };
pub(super) const GET: Op = Op { name: "conversations.get", ..TREE };
pub(super) const OPEN: Op = Op { name: "conversations.open", ..TREE };
pub(super) const OLDER: Op = Op { name: "messages.older", ..TREE };
pub(super) const NEWER: Op = Op { name: "messages.newer", ..TREE };
pub(super) const OLDEST: Op = Op { name: "messages.oldest", ..TREE };
pub(super) const CHANGE: Op = Op { name: "conversations.change", ..CREATE };
pub(super) const CREATE_FOLDER: Op = Op { name: "folders.create", ..CREATE };
pub(super) const DELETE_FOLDER: Op = Op { name: "folders.delete", ..CREATE };
pub(super) const SHOW_BRANCH: Op = Op { name: "messages.show_branch", ..CREATE };
pub(super) const SHOW_MESSAGE: Op = Op { name: "messages.show", ..CREATE };
pub(super) const SIBLING: Op = Op { name: "messages.sibling", ..TREE };
pub(super) const MARK: Op = Op { name: "messages.mark", ..CREATE };
pub(super) const DRAFT: Op = Op { name: "drafts.get", ..TREE };
pub(super) const SAVE_DRAFT: Op = Op { name: "drafts.save", ..CREATE };
pub(super) const PAST_PROMPTS: Op = Op { name: "messages.past_prompts", ..TREE };

impl Gateway {
    /// All folders with their counts, and the counts of the fixed shelves.
    pub async fn tree(&self, session: &Session) -> Result<Tree, Fault> {
        let tree = async |by: Caller<Member>| {
            // Whoever looks at the list has its rules looked after, also after a lock.
            self.0.retention.attend(&by);
            self.0.conversations.tree(by).await
        };
        self.0.gate.call::<Member, _, _>(session, &TREE, tree).await
    }

    /// One shelf's conversations, most recently used first; `filter` matches titles without regard to case or accents.
    pub async fn conversations(
        &self,
        session: &Session,
        shelf: Shelf,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ConversationRow>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &LIST, |by| self.0.conversations.list(by, shelf, filter, after, limit))
            .await
    }

    pub async fn create_conversation(&self, session: &Session, new: NewConversation) -> Result<Conversation, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CREATE, |by| self.0.conversations.create(by, new)).await
    }

    pub async fn conversation(&self, session: &Session, id: ConversationId) -> Result<Conversation, Fault> {
        self.0.gate.call::<Member, _, _>(session, &GET, |by| self.0.conversations.get(by, id)).await
    }

    /// Settings, the newest `limit` messages of the branch on view, draft, running turn and context meter, in one read.
    pub async fn open_conversation(&self, session: &Session, id: ConversationId, limit: u32) -> Result<Opened, Fault> {
        self.0.gate.call::<Member, _, _>(session, &OPEN, |by| self.0.turns.open(by, id, limit)).await
    }

    /// The messages of the branch on view that lie before `before`, newest of them last.
    pub async fn older_messages(
        &self,
        session: &Session,
        conversation: ConversationId,
        before: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &OLDER, |by| self.0.conversations.older(by, conversation, before, limit))
            .await
    }

    /// The messages of the branch on view that lie after `after`, oldest of them first.
    pub async fn newer_messages(
        &self,
        session: &Session,
        conversation: ConversationId,
        after: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &NEWER, |by| self.0.conversations.newer(by, conversation, after, limit))
            .await
    }

    /// The first messages of the branch on view.
    pub async fn oldest_messages(
        &self,
        session: &Session,
        conversation: ConversationId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &OLDEST, |by| self.0.conversations.oldest(by, conversation, limit))
            .await
    }

    pub async fn change_conversation(
        &self,
        session: &Session,
        id: ConversationId,
        patch: ConversationPatch,
    ) -> Result<Conversation, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CHANGE, |by| self.0.conversations.change(by, id, patch)).await
    }

    pub async fn create_folder(
        &self,
        session: &Session,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<Folder, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &CREATE_FOLDER, |by| self.0.conversations.create_folder(by, parent, name))
            .await
    }

    /// Answers that are on their way in conversations that go to the trash with it stop.
    pub async fn delete_folder(&self, session: &Session, id: FolderId, content: FolderContent) -> Result<(), Fault> {
        let delete = async |by: Caller<Member>| {
            let vault = by.vault.clone();
            self.0.conversations.delete_folder(by, id, content).await?;
            self.0.turns.stop_trashed(&vault).await
        };
        self.0.gate.call::<Member, _, _>(session, &DELETE_FOLDER, delete).await
    }

    /// Puts the branch through this message on view and gives its newest messages.
    pub async fn show_branch(
        &self,
        session: &Session,
        conversation: ConversationId,
        through: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SHOW_BRANCH, |by| {
                self.0.conversations.show_branch(by, conversation, through, limit)
            })
            .await
    }

    /// Puts the branch with this message on view, if it is not, and gives the messages around it, `limit` in all.
    pub async fn show_message(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SHOW_MESSAGE, |by| {
                self.0.conversations.show_message(by, conversation, message, limit)
            })
            .await
    }

    /// The sibling `step` places from this message (wrapping), for `show_branch`.
    pub async fn sibling(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
        step: i32,
    ) -> Result<MessageId, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SIBLING, |by| self.0.conversations.sibling(by, conversation, message, step))
            .await
    }

    /// Leaves a message out of what the model receives, or keeps it in however old it is.
    pub async fn mark_message(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
        excluded: Option<bool>,
        pinned: Option<bool>,
    ) -> Result<(), Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &MARK, |by| {
                self.0.conversations.mark(by, conversation, message, excluded, pinned)
            })
            .await
    }

    /// `None` = the draft of a conversation that does not exist yet.
    pub async fn draft(&self, session: &Session, conversation: Option<ConversationId>) -> Result<Draft, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DRAFT, |by| self.0.conversations.draft(by, conversation)).await
    }

    pub async fn save_draft(
        &self,
        session: &Session,
        conversation: Option<ConversationId>,
        draft: Draft,
    ) -> Result<(), Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SAVE_DRAFT, |by| self.0.conversations.save_draft(by, conversation, draft))
            .await
    }

    /// Own prompts, newest first, that contain `text` (without regard to case); repeated ones once.
    pub async fn past_prompts(&self, session: &Session, text: &str, limit: u32) -> Result<Vec<PastPrompt>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &PAST_PROMPTS, |by| self.0.conversations.past_prompts(by, text, limit))
            .await
    }
}
