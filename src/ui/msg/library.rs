//! What the Library asks about presets, prompt templates and files, and what it is told.

use std::path::PathBuf;

use crate::api::{
    DocumentId, Fault, FolderId, PresetId, PromptId,
    documents::{DocumentPlace, DocumentRow},
    library::{Imported, Kind, NewPreset, NewPrompt, Preset, PresetRow, Prompt, PromptRow, Taken},
    organise::{Cursor, Page, Tree},
};

/// One of them by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Preset(PresetId),
    Prompt(PromptId),
}

/// What a form holds: new, or in the place of what was seen with this revision.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it travels in a box")]
pub enum Written {
    Preset { of: Option<(PresetId, u32)>, new: NewPreset },
    Prompt { of: Option<(PromptId, u32)>, new: NewPrompt },
}

/// Everything of one of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Whole {
    Preset(Box<Preset>),
    Prompt(Box<Prompt>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    Presets(Page<PresetRow>),
    Prompts(Page<PromptRow>),
}

/// `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum LibraryCall {
    List {
        asked: u64,
        kind: Kind,
        filter: String,
        after: Option<Cursor>,
        limit: u32,
    },
    Show {
        asked: u64,
        thing: Thing,
    },
    Save(Box<Written>),
    Delete(Thing),
    SetDefault(Option<PresetId>),
    /// Folders, to choose the one that gets a preset.
    Folders,
    SetOfFolder {
        folder: FolderId,
        preset: Option<PresetId>,
        seen_rev: u32,
    },
    /// All of the kind, into a file that is not there yet.
    Export {
        kind: Kind,
        path: PathBuf,
    },
    Import {
        kind: Kind,
        path: PathBuf,
        taken: Taken,
    },
    Documents {
        asked: u64,
        filter: String,
        after: Option<Cursor>,
        limit: u32,
    },
    /// The messages that have a file.
    Places {
        asked: u64,
        document: DocumentId,
        after: Option<Cursor>,
        limit: u32,
    },
}

#[derive(Debug)]
pub enum LibraryReply {
    Listed { asked: u64, kind: Kind, rows: Result<Rows, Fault> },
    Shown { asked: u64, kind: Kind, whole: Result<Whole, Fault> },
    Saved { kind: Kind, whole: Result<Whole, Fault> },
    Deleted { kind: Kind, done: Result<(), Fault> },
    DefaultSet(Result<(), Fault>),
    Folders(Result<Tree, Fault>),
    OfFolderSet(Result<(), Fault>),
    Exported { kind: Kind, path: Result<PathBuf, Fault> },
    Imported { kind: Kind, path: PathBuf, done: Result<Imported, Fault> },
    Documents { asked: u64, page: Result<Page<DocumentRow>, Fault> },
    Places { asked: u64, page: Result<Page<DocumentPlace>, Fault> },
}

impl LibraryReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Listed { rows, .. } => rows.as_ref().err(),
            Self::Shown { whole, .. } | Self::Saved { whole, .. } => whole.as_ref().err(),
            Self::Deleted { done, .. } | Self::DefaultSet(done) | Self::OfFolderSet(done) => done.as_ref().err(),
            Self::Folders(tree) => tree.as_ref().err(),
            Self::Exported { path, .. } => path.as_ref().err(),
            Self::Imported { done, .. } => done.as_ref().err(),
            Self::Documents { page, .. } => page.as_ref().err(),
            Self::Places { page, .. } => page.as_ref().err(),
        }
    }
}
