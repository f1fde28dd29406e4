//! What the chat asks for, and what it is told.

use super::{CompareCall, CompareReply, FilesCall, FilesReply, OrganiseCall, OrganiseReply, UseCall, UseReply};
use crate::api::{
    ConversationId, Fault, FolderId, MessageId, TurnId,
    chat::{Attachment, ContextMeter, Draft, MessagePage, NewTurn, Opened, PastPrompt, Planned, TurnStarted},
    models::{ModelDetail, ModelList},
    organise::{
        Conversation, ConversationPatch, ConversationRow, Cursor, Folder, FolderContent, NewConversation, Page, Shelf,
        Tree,
    },
};

/// Calls of the chat screen. `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum ChatCall {
    Tree,
    Conversations {
        asked: u64,
        shelf: Shelf,
        filter: String,
        after: Option<Cursor>,
        limit: u32,
    },
    Create(NewConversation),
    Open {
        id: ConversationId,
        limit: u32,
    },
    Older {
        conversation: ConversationId,
        before: MessageId,
        limit: u32,
    },
    Newer {
        conversation: ConversationId,
        after: MessageId,
        limit: u32,
    },
    /// The beginning of the branch on view.
    Oldest {
        conversation: ConversationId,
        limit: u32,
    },
    Change {
        id: ConversationId,
        patch: ConversationPatch,
    },
    Organise(OrganiseCall),
    /// Asking several models the same.
    Compare(CompareCall),
    CreateFolder {
        parent: Option<FolderId>,
        name: String,
    },
    DeleteFolder {
        id: FolderId,
        content: FolderContent,
    },
    /// Finds the sibling and puts its branch on view.
    Sibling {
        conversation: ConversationId,
        message: MessageId,
        step: i32,
        limit: u32,
    },
    /// Puts the branch with this message on view and reads what is around it.
    ShowMessage {
        conversation: ConversationId,
        message: MessageId,
        limit: u32,
    },
    Mark {
        conversation: ConversationId,
        message: MessageId,
        excluded: Option<bool>,
        pinned: Option<bool>,
    },
    LoadDraft,
    SaveDraft {
        conversation: Option<ConversationId>,
        draft: Draft,
    },
    PastPrompts {
        asked: u64,
        text: String,
        limit: u32,
    },
    StartTurn(NewTurn),
    StopTurn(TurnId),
    Measure {
        asked: u64,
        planned: Planned,
    },
    Inspect(std::path::PathBuf),
    /// Looks at the files that a text names: of each list the first name that is a file.
    Named {
        asked: u64,
        names: Vec<Vec<std::path::PathBuf>>,
    },
    /// Names in a directory that begin with what was typed after `@`.
    CompletePath {
        asked: u64,
        typed: String,
    },
    Models {
        fresh: bool,
    },
    Model(String),
    /// Presets and prompt templates.
    Use(UseCall),
    Files(FilesCall),
}

#[derive(Debug)]
pub enum ChatReply {
    Tree(Result<Tree, Fault>),
    Conversations {
        asked: u64,
        shelf: Shelf,
        page: Result<Page<ConversationRow>, Fault>,
    },
    Created(Result<Box<Conversation>, Fault>),
    Opened {
        id: ConversationId,
        opened: Result<Box<Opened>, Fault>,
    },
    Older {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Newer {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Oldest {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Changed(Result<Box<Conversation>, Fault>),
    Organised(OrganiseReply),
    FolderCreated(Result<Folder, Fault>),
    /// Deleted.
    FolderDone(Result<(), Fault>),
    Branch {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Shown {
        conversation: ConversationId,
        message: MessageId,
        page: Result<MessagePage, Fault>,
    },
    Marked {
        message: MessageId,
        done: Result<(), Fault>,
    },
    Draft(Result<Draft, Fault>),
    DraftSaved(Result<(), Fault>),
    PastPrompts {
        asked: u64,
        prompts: Result<Vec<PastPrompt>, Fault>,
    },
    Started(Result<Box<TurnStarted>, Fault>),
    Stopped(Result<(), Fault>),
    Measured {
        asked: u64,
        meter: Result<ContextMeter, Fault>,
    },
    Inspected {
        path: std::path::PathBuf,
        attachment: Result<Attachment, Fault>,
    },
    /// Those that are there, and what they are or why they are refused.
    Named {
        asked: u64,
        found: Vec<(std::path::PathBuf, Result<Attachment, Fault>)>,
    },
    PathsCompleted {
        asked: u64,
        paths: Vec<String>,
    },
    Models(Result<ModelList, Fault>),
    Model(Result<Box<ModelDetail>, Fault>),
    Compared(CompareReply),
    Used(UseReply),
    Files(FilesReply),
}

impl ChatReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Tree(reply) => reply.as_ref().err(),
            Self::Conversations { page, .. } => page.as_ref().err(),
            Self::Created(reply) | Self::Changed(reply) => reply.as_ref().err(),
            Self::Opened { opened, .. } => opened.as_ref().err(),
            Self::Older { page, .. }
            | Self::Newer { page, .. }
            | Self::Oldest { page, .. }
            | Self::Shown { page, .. }
            | Self::Branch { page, .. } => page.as_ref().err(),
            Self::Marked { done, .. } => done.as_ref().err(),
            Self::Organised(reply) => reply.fault(),
            Self::FolderCreated(reply) => reply.as_ref().err(),
            Self::FolderDone(reply) | Self::DraftSaved(reply) | Self::Stopped(reply) => reply.as_ref().err(),
            Self::Draft(reply) => reply.as_ref().err(),
            Self::PastPrompts { prompts, .. } => prompts.as_ref().err(),
            Self::Started(reply) => reply.as_ref().err(),
            Self::Measured { meter, .. } => meter.as_ref().err(),
            Self::Inspected { attachment, .. } => attachment.as_ref().err(),
            // Each of its files has its own.
            Self::Named { found, .. } => found.iter().find_map(|(_, seen)| seen.as_ref().err()),
            Self::PathsCompleted { .. } => None,
            Self::Models(reply) => reply.as_ref().err(),
            Self::Model(reply) => reply.as_ref().err(),
            Self::Used(reply) => reply.fault(),
            Self::Compared(reply) => reply.fault(),
            Self::Files(reply) => reply.fault(),
        }
    }
}
