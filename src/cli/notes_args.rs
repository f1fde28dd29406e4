//! What there is to type about notes and ratings.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Paging;

/// Which notes.
#[derive(Args, Clone, Debug, Default)]
pub struct Where {
    /// Only those in this conversation: id, the beginning or end of one, title, or `last`
    #[arg(short, long, value_name = "WHICH")]
    pub conversation: Option<String>,
    /// Only those on this message of it: id, the beginning or end of one, or `last` for the last answer
    #[arg(short, long, value_name = "ID", requires = "conversation")]
    pub message: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Notes {
    /// List notes, newest first
    #[command(visible_alias = "ls")]
    List {
        /// Only notes that contain this, in their text, their passage or the conversation's title
        filter: Option<String>,
        #[command(flatten)]
        of: Where,
        #[command(flatten)]
        paging: Paging,
    },
    /// Write a note on a conversation, a message or a passage
    Add {
        /// The note; otherwise it comes from standard input
        text: Option<String>,
        /// The conversation: id, the beginning or end of one, title, or `last`
        #[arg(short, long, value_name = "WHICH", default_value = "last")]
        conversation: String,
        /// The message: id, the beginning or end of one, or `last` for the last answer
        #[arg(short, long, value_name = "ID")]
        message: Option<String>,
        /// The passage, in its own words; they must stand there once
        #[arg(short, long, value_name = "WORDS")]
        quote: Option<String>,
    },
    /// Replace a note's text
    Edit {
        /// Id, or the beginning or end of one
        note: String,
        /// The new text; otherwise it comes from standard input
        text: Option<String>,
    },
    /// Remove notes for good
    Delete {
        #[arg(required = true)]
        notes: Vec<String>,
    },
    /// Write notes as Markdown
    Export {
        /// A file that is not there yet, or - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Only notes that contain this
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        #[command(flatten)]
        of: Where,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThumbName {
    Up,
    Down,
}

#[derive(Debug, Subcommand)]
pub enum Feedback {
    /// List rated answers, newest first
    #[command(visible_alias = "ls")]
    List {
        /// Only those in this conversation
        #[arg(short, long, value_name = "WHICH")]
        conversation: Option<String>,
        /// Only these
        #[arg(long, value_enum)]
        thumb: Option<ThumbName>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Rate an answer, in place of the rating it has
    Set {
        #[arg(value_enum)]
        thumb: ThumbName,
        /// The conversation: id, the beginning or end of one, title, or `last`
        #[arg(short, long, value_name = "WHICH", default_value = "last")]
        conversation: String,
        /// The answer: id, the beginning or end of one, or `last`
        #[arg(short, long, value_name = "ID", default_value = "last")]
        message: String,
        /// Why; may be repeated. Up: correct, helpful, clear, thorough, fast. Down: wrong, incomplete, off-topic,
        /// too-long, unclear, refused, slow
        #[arg(short, long = "reason", value_name = "REASON")]
        reasons: Vec<String>,
        /// In your own words; stays in your vault
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Take a rating back
    Withdraw {
        #[arg(short, long, value_name = "WHICH", default_value = "last")]
        conversation: String,
        #[arg(short, long, value_name = "ID", default_value = "last")]
        message: String,
    },
    /// Count ratings by model and by reason
    Summary,
}
