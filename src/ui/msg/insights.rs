//! What the Insights screen asks for, and what it is told.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::api::{
    ConversationId, Fault,
    insights::{By, ConversationFigures, Insights, InsightsQuery, Sheet, UsedConversation},
    organise::{Cursor, Page, Tree},
};

/// Calls of the screen. `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum InsightsCall {
    Read {
        asked: u64,
        query: InsightsQuery,
    },
    /// The folders that can be chosen as a filter.
    Folders,
    /// The conversations of some days.
    Days {
        asked: u64,
        query: InsightsQuery,
        days: (Date, Date),
        after: Option<Cursor>,
        limit: u32,
    },
    /// The figures of one conversation, for the panel beside it.
    Conversation(ConversationId),
    Export {
        query: InsightsQuery,
        by: By,
        what: Sheet,
        path: PathBuf,
    },
}

#[derive(Debug)]
pub enum InsightsReply {
    Read { asked: u64, shown: Result<Box<Insights>, Fault> },
    Folders(Result<Tree, Fault>),
    Days { asked: u64, page: Result<Page<UsedConversation>, Fault> },
    Conversation { id: ConversationId, figures: Result<Box<ConversationFigures>, Fault> },
    Exported(Result<PathBuf, Fault>),
}

impl InsightsReply {
    /// What went wrong, if something did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read { shown, .. } => shown.as_ref().err(),
            Self::Folders(tree) => tree.as_ref().err(),
            Self::Days { page, .. } => page.as_ref().err(),
            Self::Conversation { figures, .. } => figures.as_ref().err(),
            Self::Exported(done) => done.as_ref().err(),
        }
    }
}
