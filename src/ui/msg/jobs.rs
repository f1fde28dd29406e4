//! Work that goes on by itself: reading its table, beginning and stopping it, and what is looked at before it is begun.

use std::path::PathBuf;

use crate::api::{
    Fault, JobId,
    fleet::{CacheFigures, Verdict},
    jobs::{AnswersUnderWay, BatchItem, Download, DownloadSize, JobPage, ModelfileSummary, Room, WhichJobs, Work},
    models::ModelList,
    recommend::Recommended,
};

/// Which list of jobs on the screen a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobsOf {
    /// The machine's, and one's own.
    Tray,
    /// The same for whoever may not see the machine's.
    Own,
    /// The machine's.
    Downloads,
}

/// What is done to a job that is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAct {
    Cancel,
    Pause,
    Resume,
    Retry,
}

/// What is known of a model before it is installed. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// As it was asked for.
    pub name: String,
    /// Without its tag.
    pub family: String,
    /// Whether the catalogue or Ollama knows it.
    pub is_known: bool,
    pub is_installed: bool,
    /// About, where it is not installed.
    pub bytes: Option<u64>,
    pub verdict: Verdict,
    /// Why, in whole sentences.
    pub because: String,
    /// All tags of its family with their sizes, the smallest first.
    pub variants: Vec<(String, Option<u64>, Verdict)>,
    /// Names like it, where it is not known.
    pub near: Vec<String>,
}

impl Offer {
    /// Why it does not fit this machine, where it does not.
    #[must_use]
    pub fn too_big_because(&self) -> Option<&str> {
        (self.verdict == Verdict::TooBig).then_some(self.because.as_str())
    }

    /// Where it would run.
    #[must_use]
    pub fn fit_words(&self) -> String {
        match self.verdict {
            Verdict::Unknown => String::new(),
            Verdict::Gpu | Verdict::Partly | Verdict::Ram | Verdict::TooBig => {
                format!("fits: {}", self.verdict.words())
            }
        }
    }
}

/// What the monitor shows beside the health report.
#[derive(Debug)]
pub struct Monitored {
    pub models: Result<ModelList, Fault>,
    pub cache: Result<CacheFigures, Fault>,
    /// In all windows on this machine.
    pub answers: Result<AnswersUnderWay, Fault>,
    /// Those that are open.
    pub jobs: Result<JobPage, Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobsCall {
    Read {
        of: JobsOf,
        asked: u64,
        which: WhichJobs,
        before: Option<i64>,
        limit: u32,
    },
    /// One after the other; each with what it is about, in words.
    Each {
        act: JobAct,
        jobs: Vec<(JobId, String)>,
    },
    /// Those that have ended, out of the table.
    Forget {
        of: JobsOf,
    },
    Begin(Vec<Work>),
    /// What beginning them would do.
    Try {
        asked: u64,
        works: Vec<Work>,
    },
    /// Asks the registries. This leaves the machine.
    Size {
        asked: u64,
        downloads: Vec<Download>,
    },
    Room,
    /// What is known of these names.
    Offers {
        asked: u64,
        names: Vec<String>,
    },
    /// Which model to begin with.
    First,
    /// What the monitor shows; `fresh` asks Ollama in any case.
    Monitor {
        asked: u64,
        fresh: bool,
    },
    ReadList(PathBuf),
    /// Whether a Modelfile can be read.
    Check {
        asked: u64,
        text: String,
    },
}

#[derive(Debug)]
pub enum JobsReply {
    Read {
        of: JobsOf,
        asked: u64,
        which: WhichJobs,
        page: Result<JobPage, Fault>,
    },
    Each {
        act: JobAct,
        results: Vec<(String, Result<(), Fault>)>,
        /// Those of them that take the passphrase once more.
        unconfirmed: Vec<(JobId, String)>,
    },
    /// So many.
    Forgot(Result<u64, Fault>),
    Begun(Result<Vec<BatchItem>, Fault>),
    Tried {
        asked: u64,
        items: Result<Vec<BatchItem>, Fault>,
    },
    Size {
        asked: u64,
        sizes: Vec<(String, Result<DownloadSize, Fault>)>,
    },
    Room(Result<Room, Fault>),
    Offers {
        asked: u64,
        offers: Vec<Offer>,
    },
    First(Result<Recommended, Fault>),
    Monitored {
        asked: u64,
        seen: Box<Monitored>,
    },
    List(Result<Vec<Work>, Fault>),
    Checked {
        asked: u64,
        read: Result<ModelfileSummary, Fault>,
    },
}

impl JobsReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read { page, .. } => page.as_ref().err(),
            // What some of them met is told beside their names; what ended the session was met by the last, too.
            Self::Each { results, .. } => match results.as_slice() {
                [.., (_, Err(fault))] if results.iter().all(|(_, went)| went.is_err()) => Some(fault),
                _ => None,
            },
            Self::Forgot(gone) => gone.as_ref().err(),
            Self::Begun(items) | Self::Tried { items, .. } => items.as_ref().err(),
            Self::Size { sizes, .. } => match sizes.as_slice() {
                [.., (_, Err(fault))] if sizes.iter().all(|(_, size)| size.is_err()) => Some(fault),
                _ => None,
            },
            Self::Room(room) => room.as_ref().err(),
            Self::Offers { .. } => None,
            Self::First(found) => found.as_ref().err(),
            Self::Monitored { seen, .. } => seen.jobs.as_ref().err(),
            Self::List(works) => works.as_ref().err(),
            Self::Checked { read, .. } => read.as_ref().err(),
        }
    }
}
