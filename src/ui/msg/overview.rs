//! What the first tab of the Admin screen asks for, and what it is told.

use std::path::PathBuf;

use crate::api::{
    Fault,
    insights::Sheet,
    reports::{Overview, Question, Subject},
};

/// `asked` numbers come back, so that only the latest answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverviewCall {
    Read {
        asked: u64,
        question: Question,
    },
    /// One table of a report, into a new file.
    Export {
        question: Question,
        of: Subject,
        what: Sheet,
        path: PathBuf,
    },
}

#[derive(Debug)]
pub enum OverviewReply {
    Read {
        asked: u64,
        shown: Result<Box<Overview>, Fault>,
    },
    /// The call comes back, for the form it came from.
    Exported {
        call: OverviewCall,
        done: Result<PathBuf, Fault>,
    },
}

impl OverviewReply {
    /// What went wrong, if something did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read { shown, .. } => shown.as_ref().err(),
            Self::Exported { done, .. } => done.as_ref().err(),
        }
    }
}
