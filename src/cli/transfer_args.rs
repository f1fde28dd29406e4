//! What there is to type for `ollamanet conversations export` and `import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::api::transfer::ExportFormat;

#[derive(Args, Debug)]
pub struct Export {
    /// Which conversations: ids, the beginnings or ends of some, titles, or `last`
    #[arg(required_unless_present_any = ["all", "folder"], conflicts_with_all = ["all", "folder"])]
    pub conversations: Vec<String>,
    /// All of them, with the archive, the trash, folders, tags, presets and drafts
    #[arg(long, conflicts_with = "folder")]
    pub all: bool,
    /// Those in this folder and in the folders below it
    #[arg(long)]
    pub folder: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = FormatName::Own)]
    pub format: FormatName,
    /// The file to write, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Everything without loss, for `conversations import`: a .tar.gz
    Own,
    /// The branch on view, to read
    Markdown,
    /// Every branch, for other programs
    Json,
    /// The branch on view as one page without scripts
    Html,
}

impl From<FormatName> for ExportFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Own => Self::Own,
            FormatName::Markdown => Self::Markdown,
            FormatName::Json => Self::Json,
            FormatName::Html => Self::Html,
        }
    }
}

#[derive(Args, Debug)]
pub struct Import {
    /// Archives of this program, chats of Open WebUI, exports of ChatGPT or Claude (conversations.json, or the zip)
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}
