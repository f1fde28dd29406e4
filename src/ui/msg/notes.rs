//! What is asked about notes, ratings and branches, and what is told.

use std::path::PathBuf;

use super::Spot;
use crate::api::{
    ConversationId, Fault, MessageId, NoteId,
    branches::BranchTree,
    feedback::NewFeedback,
    notes::{Anchor, NewNote, Note, NoteRow, NoteScope},
    organise::{Cursor, Page},
    slowness::Slowness,
};
use crate::ui::actions::Action;

/// The place of a note, for going there.
#[must_use]
pub fn spot_of(note: &Note, back: Option<Action>) -> Spot {
    let standing = note.passage.as_ref().filter(|passage| passage.anchor != Anchor::Changed);
    Spot {
        conversation: note.conversation,
        message: note.message,
        terms: Vec::new(),
        chars: standing.map(|passage| (passage.first_char, passage.end_char)),
        back,
    }
}

/// Which list of notes an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotesOf {
    /// That of the conversation on view.
    Chat,
    Library,
}

/// Calls of a list of notes. `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum ListCall {
    Read {
        asked: u64,
        scope: NoteScope,
        filter: String,
        after: Option<Cursor>,
        limit: u32,
    },
    /// `seen`: the revision that was changed; without it whatever is there is replaced.
    Change {
        id: NoteId,
        body: String,
        seen: Option<u32>,
    },
    Delete {
        id: NoteId,
        seen: u32,
    },
    /// To a file that is not there yet.
    Export {
        scope: NoteScope,
        filter: String,
        to: PathBuf,
    },
}

#[derive(Debug)]
pub enum ListReply {
    Read {
        asked: u64,
        page: Result<Page<NoteRow>, Fault>,
    },
    Changed(Result<Box<Note>, Fault>),
    Deleted(Result<Box<Note>, Fault>),
    /// Where it was written, and how many notes there are in it.
    Exported(Result<(PathBuf, u64), Fault>),
}

impl ListReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read { page, .. } => page.as_ref().err(),
            Self::Changed(note) | Self::Deleted(note) => note.as_ref().err(),
            Self::Exported(done) => done.as_ref().err(),
        }
    }
}

/// Calls about notes, ratings and branches.
#[derive(Debug)]
pub enum NoteCall {
    /// What a list asks for; the answer goes to that list, wherever the person is by then.
    List(NotesOf, ListCall),
    Add(NewNote),
    Rate {
        conversation: ConversationId,
        message: MessageId,
        feedback: NewFeedback,
    },
    Withdraw {
        conversation: ConversationId,
        message: MessageId,
    },
    /// Where an answer's time went.
    Why {
        conversation: ConversationId,
        message: MessageId,
    },
    Branches(ConversationId),
    Prune {
        conversation: ConversationId,
        message: MessageId,
    },
    RestoreBranch {
        conversation: ConversationId,
        message: MessageId,
    },
    PurgeBranch {
        conversation: ConversationId,
        message: MessageId,
    },
}

#[derive(Debug)]
pub enum NoteReply {
    List(NotesOf, ListReply),
    Added(Result<Box<Note>, Fault>),
    /// `None` = withdrawn.
    Rated {
        message: MessageId,
        feedback: Option<NewFeedback>,
        done: Result<(), Fault>,
    },
    Why {
        message: MessageId,
        slowness: Result<Box<Slowness>, Fault>,
    },
    Branches {
        conversation: ConversationId,
        tree: Result<BranchTree, Fault>,
    },
    /// So many messages went, came back, or are gone for good.
    Pruned {
        conversation: ConversationId,
        done: Result<u32, Fault>,
    },
    RestoredBranch {
        conversation: ConversationId,
        done: Result<u32, Fault>,
    },
    PurgedBranch {
        conversation: ConversationId,
        done: Result<u32, Fault>,
    },
}

impl NoteReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::List(_, reply) => reply.fault(),
            Self::Added(note) => note.as_ref().err(),
            Self::Rated { done, .. } => done.as_ref().err(),
            Self::Why { slowness, .. } => slowness.as_ref().err(),
            Self::Branches { tree, .. } => tree.as_ref().err(),
            Self::Pruned { done, .. } | Self::RestoredBranch { done, .. } | Self::PurgedBranch { done, .. } => {
                done.as_ref().err()
            }
        }
    }
}
