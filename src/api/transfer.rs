//! Taking conversations out of the program and bringing them in: what is asked, how far it has come, what became of each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConversationId, Fault, FolderId, profile::ExportReport};

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// This program's own, with nothing lost: `docs/formats.md`.
    Own,
    /// The branch on view, to read anywhere.
    Markdown,
    /// Every branch, for other programs.
    Json,
    /// The branch on view as one page without scripts.
    Html,
}

impl ExportFormat {
    pub const ALL: [Self; 4] = [Self::Own, Self::Markdown, Self::Json, Self::Html];

    /// What its files usually end in.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Own => "tar.gz",
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

/// Which conversations leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportScope {
    /// Everything of the account, the archive and the trash included.
    Everything,
    /// What lies in this folder and in those below it, without the trash.
    Folder(FolderId),
    Conversations(Vec<ConversationId>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewExport {
    pub scope: ExportScope,
    pub format: ExportFormat,
    /// `~` and paths from where the program was started are understood.
    pub to: PathBuf,
    /// Whether a file that is there already may be replaced.
    pub overwrite: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewImport {
    pub file: PathBuf,
    /// Only says what would be done.
    pub dry_run: bool,
}

/// How far an export or an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferProgress {
    /// Of the file, for an import; of the conversations, for an export.
    pub done: u64,
    pub of: u64,
    pub conversations: u64,
    pub messages: u64,
}

/// What an export or an import tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TransferEvent {
    Progress(TransferProgress),
    Ended(Box<TransferEnd>),
}

/// How it ended. An import that failed or was stopped keeps what it had done by then, and says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferEnd {
    Exported(ExportReport),
    Imported(ImportReport),
    Failed(Fault),
}

/// How many conversations went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    pub imported: u64,
    pub updated: u64,
    /// Everything of them was here already.
    pub same: u64,
    /// They were changed here, and stayed as they are.
    pub changed: u64,
    pub skipped: u64,
    /// Messages that are new here.
    pub messages: u64,
}

/// What an import did, all told. What became of each conversation is read page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    pub file: PathBuf,
    pub dry_run: bool,
    /// Whose file it is, such as “ChatGPT”.
    pub from: Option<String>,
    pub counts: ImportCounts,
    /// Somebody stopped it.
    pub stopped: bool,
    /// Why it could not go on, and where in the file that was.
    pub broke_off: Option<String>,
    /// So many rows can be read; of those beyond them only the counts are kept.
    pub rows: u64,
}

/// What became of one conversation, or of something in the file that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    pub title: String,
    pub outcome: ImportOutcome,
    /// Messages that are new here.
    pub messages: u64,
    pub conversation: Option<ConversationId>,
    /// Why, where it was not simply taken in; and what of it could not come.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    Imported,
    Updated,
    Same,
    Changed,
    Skipped,
}

/// A stretch of the rows, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPage {
    pub rows: Vec<ImportRow>,
    /// Pass back to get what follows.
    pub next: Option<u64>,
}
