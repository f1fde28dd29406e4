//! What the list of conversations asks for beyond being read, and what it is told.

use crate::api::{
    ConversationId, Fault, FolderId,
    organise::{Conversation, Cursor, Grouping, Page, Purged, Tag, TakenBack, Undo},
    retention::{Preview, Report, Retention, RetentionRules},
};

/// A change that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrange {
    Move(Option<FolderId>),
    Pin(bool),
    Archive(bool),
    /// Into the trash, or out of it.
    Trash(bool),
    Tag {
        add: Vec<String>,
        remove: Vec<String>,
    },
    Rename {
        title: String,
        seen_rev: Option<u32>,
    },
    RenameFolder {
        id: FolderId,
        name: String,
        seen_rev: Option<u32>,
    },
    MoveFolder {
        id: FolderId,
        parent: Option<FolderId>,
        seen_rev: Option<u32>,
    },
    /// Conversations and folders, these with the revision that was seen.
    MoveTogether {
        folders: Vec<(FolderId, Option<u32>)>,
        place: Option<FolderId>,
    },
}

#[derive(Debug)]
pub enum OrganiseCall {
    /// For changes to folders there are no conversations.
    Arrange {
        ids: Vec<ConversationId>,
        change: Arrange,
    },
    TakeBack(Undo),
    Duplicate(Vec<ConversationId>),
    /// `None` = everything in the trash.
    Purge(Option<Vec<ConversationId>>),
    Group(Grouping),
    /// Tags that hold this text.
    Tags {
        asked: u64,
        text: String,
        limit: u32,
    },
    Retention,
    Preview {
        asked: u64,
        rules: RetentionRules,
        after: Option<Cursor>,
        limit: u32,
    },
    /// Keeps the rules, and carries them out at once where that is wanted.
    SetRetention {
        rules: RetentionRules,
        run: bool,
    },
}

#[derive(Debug)]
pub enum OrganiseReply {
    Arranged {
        ids: Vec<ConversationId>,
        change: Arrange,
        undo: Result<Undo, Fault>,
    },
    TakenBack(Result<TakenBack, Fault>),
    Duplicated(Result<Vec<Conversation>, Fault>),
    Purged {
        ids: Option<Vec<ConversationId>>,
        purged: Result<Purged, Fault>,
    },
    Grouped(Result<(), Fault>),
    Tags {
        asked: u64,
        page: Result<Page<Tag>, Fault>,
    },
    Retention(Result<Box<Retention>, Fault>),
    Preview {
        asked: u64,
        preview: Result<Box<Preview>, Fault>,
    },
    /// The report where they were carried out.
    RetentionSet(Result<Option<Report>, Fault>),
}

impl OrganiseReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Arranged { undo, .. } => undo.as_ref().err(),
            Self::TakenBack(reply) => reply.as_ref().err(),
            Self::Duplicated(reply) => reply.as_ref().err(),
            Self::Purged { purged, .. } => purged.as_ref().err(),
            Self::Grouped(reply) => reply.as_ref().err(),
            Self::Tags { page, .. } => page.as_ref().err(),
            Self::Retention(reply) => reply.as_ref().err(),
            Self::Preview { preview, .. } => preview.as_ref().err(),
            Self::RetentionSet(reply) => reply.as_ref().err(),
        }
    }
}
