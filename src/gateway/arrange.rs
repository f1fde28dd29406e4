//! The list of conversations: putting many in order at once, tags, the trash, and taking changes back.

use std::time::Duration;

use super::{
    Gateway,
    organise::{CREATE, TREE},
};
use crate::{
    access::{Caller, Member, Op},
    api::{
        ConversationId, Fault, FolderId, PresetId, TagId,
        auth::Session,
        organise::{Conversation, Cursor, Grouping, Page, Purged, Tag, TakenBack, Undo},
    },
};

pub(super) const TRASH: Op = Op { name: "conversations.trash", deadline: LONG, ..CREATE };
pub(super) const RESTORE: Op = Op { name: "conversations.restore", ..TRASH };
pub(super) const MOVE: Op = Op { name: "conversations.move", ..TRASH };
pub(super) const PIN: Op = Op { name: "conversations.pin", ..TRASH };
pub(super) const ARCHIVE: Op = Op { name: "conversations.archive", ..TRASH };
pub(super) const TAG: Op = Op { name: "conversations.tag", ..TRASH };
pub(super) const RENAME: Op = Op { name: "conversations.rename", ..CREATE };
pub(super) const DUPLICATE: Op = Op { name: "conversations.duplicate", ..TRASH };
pub(super) const PURGE: Op = Op { name: "conversations.purge", ..TRASH };
pub(super) const EMPTY_TRASH: Op = Op { name: "conversations.empty_trash", deadline: Duration::from_mins(30), ..TRASH };
pub(super) const TAKE_BACK: Op = Op { name: "organise.take_back", ..TRASH };
pub(super) const GROUP: Op = Op { name: "organise.group", ..CREATE };
pub(super) const TAGS: Op = Op { name: "tags.list", ..TREE };
pub(super) const RENAME_TAG: Op = Op { name: "tags.rename", ..CREATE };
pub(super) const DELETE_TAG: Op = Op { name: "tags.delete", ..CREATE };
pub(super) const RENAME_FOLDER: Op = Op { name: "folders.rename", ..CREATE };
pub(super) const MOVE_FOLDER: Op = Op { name: "folders.move", ..CREATE };
pub(super) const MOVE_TOGETHER: Op = Op { name: "conversations.move_together", ..CREATE };
pub(super) const FOLDER_PRESET: Op = Op { name: "folders.preset", ..CREATE };

/// Thousands of conversations in one transaction take their time.
const LONG: Duration = Duration::from_mins(2);

impl Gateway {
    /// Answers that are on their way in them stop; their text is kept.
    pub async fn trash_conversations(&self, session: &Session, ids: Vec<ConversationId>) -> Result<Undo, Fault> {
        let trash = async |by: Caller<Member>| {
            let vault = by.vault.clone();
            let undo = self.0.conversations.trash(by, ids).await?;
            self.0.turns.stop_trashed(&vault).await?;
            Ok(undo)
        };
        self.0.gate.call::<Member, _, _>(session, &TRASH, trash).await
    }

    pub async fn restore_conversations(&self, session: &Session, ids: Vec<ConversationId>) -> Result<Undo, Fault> {
        self.0.gate.call::<Member, _, _>(session, &RESTORE, |by| self.0.conversations.restore(by, ids)).await
    }

    /// Into this folder, or into none.
    pub async fn move_conversations(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
        folder: Option<FolderId>,
    ) -> Result<Undo, Fault> {
        self.0.gate.call::<Member, _, _>(session, &MOVE, |by| self.0.conversations.move_many(by, ids, folder)).await
    }

    pub async fn pin_conversations(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
        pinned: bool,
    ) -> Result<Undo, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PIN, |by| self.0.conversations.pin(by, ids, pinned)).await
    }

    /// Into the archive, or out of it.
    pub async fn archive_conversations(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
        archived: bool,
    ) -> Result<Undo, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ARCHIVE, |by| self.0.conversations.archive(by, ids, archived)).await
    }

    /// Gives tags, which are made where they are new, and takes others away.
    pub async fn tag_conversations(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<Undo, Fault> {
        self.0.gate.call::<Member, _, _>(session, &TAG, |by| self.0.conversations.tag(by, ids, add, remove)).await
    }

    /// Refused with a conflict if the row has changed since `seen_rev`.
    pub async fn rename_conversation(
        &self,
        session: &Session,
        id: ConversationId,
        title: &str,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &RENAME, |by| self.0.conversations.rename(by, id, title, seen_rev))
            .await
    }

    /// A copy of each with everything in it, in their order.
    pub async fn duplicate_conversations(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
    ) -> Result<Vec<Conversation>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DUPLICATE, |by| self.0.conversations.duplicate(by, ids)).await
    }

    /// Out of the trash for good, with the files that nothing uses afterwards.
    pub async fn purge_conversations(&self, session: &Session, ids: Vec<ConversationId>) -> Result<Purged, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PURGE, |by| self.0.conversations.purge(by, ids)).await
    }

    /// Everything in the trash, in steps of which each is whole.
    pub async fn empty_trash(&self, session: &Session) -> Result<Purged, Fault> {
        self.0.gate.call::<Member, _, _>(session, &EMPTY_TRASH, |by| self.0.conversations.empty_trash(by)).await
    }

    /// What was changed since is left alone.
    pub async fn take_back(&self, session: &Session, undo: Undo) -> Result<TakenBack, Fault> {
        let take_back = async |by: Caller<Member>| {
            let vault = by.vault.clone();
            let done = self.0.conversations.take_back(by, undo).await?;
            // A restoring that is taken back puts things into the trash again.
            self.0.turns.stop_trashed(&vault).await?;
            Ok(done)
        };
        self.0.gate.call::<Member, _, _>(session, &TAKE_BACK, take_back).await
    }

    /// How the list is laid out from now on, in every window of this account.
    pub async fn group_conversations(&self, session: &Session, grouping: Grouping) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &GROUP, |by| self.0.conversations.group(by, grouping)).await
    }

    /// Tags whose name holds `text`, by name.
    pub async fn tags(
        &self,
        session: &Session,
        text: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Tag>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &TAGS, |by| self.0.conversations.tags(by, text, after, limit)).await
    }

    /// Everywhere at once.
    pub async fn rename_tag(
        &self,
        session: &Session,
        id: TagId,
        name: &str,
        seen_rev: Option<u32>,
    ) -> Result<(), Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &RENAME_TAG, |by| self.0.conversations.rename_tag(by, id, name, seen_rev))
            .await
    }

    /// Takes it from every conversation; gives how many carried it.
    pub async fn delete_tag(&self, session: &Session, id: TagId) -> Result<u32, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DELETE_TAG, |by| self.0.conversations.delete_tag(by, id)).await
    }

    /// Refused with a conflict if the folder has changed since `seen_rev`.
    pub async fn rename_folder(
        &self,
        session: &Session,
        id: FolderId,
        name: &str,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        let rename = |by| self.0.conversations.rename_folder(by, id, name, seen_rev);
        self.0.gate.call::<Member, _, _>(session, &RENAME_FOLDER, rename).await
    }

    /// Refused when it would put a folder inside itself, or if it has changed since `seen_rev`.
    pub async fn move_folder(
        &self,
        session: &Session,
        id: FolderId,
        parent: Option<FolderId>,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        let put = |by| self.0.conversations.move_folder(by, id, parent, seen_rev);
        self.0.gate.call::<Member, _, _>(session, &MOVE_FOLDER, put).await
    }

    /// What conversations that begin in this folder, or below it, begin with.
    pub async fn set_folder_preset(
        &self,
        session: &Session,
        id: FolderId,
        preset: Option<PresetId>,
        seen_rev: Option<u32>,
    ) -> Result<(), Fault> {
        let set = |by| self.0.conversations.set_folder_preset(by, id, preset, seen_rev);
        self.0.gate.call::<Member, _, _>(session, &FOLDER_PRESET, set).await
    }

    /// Conversations and whole folders into this folder, or to the top; all of them or none. A folder is named with the
    /// revision that was seen of it.
    pub async fn move_together(
        &self,
        session: &Session,
        ids: Vec<ConversationId>,
        folders: Vec<(FolderId, Option<u32>)>,
        place: Option<FolderId>,
    ) -> Result<Undo, Fault> {
        let put = |by| self.0.conversations.move_together(by, ids, folders, place);
        self.0.gate.call::<Member, _, _>(session, &MOVE_TOGETHER, put).await
    }
}
