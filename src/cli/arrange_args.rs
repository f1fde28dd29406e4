//! What there is to type for putting conversations in order, for tags, and for the rules for old conversations.

use clap::{Args, Subcommand};

use super::args::Paging;

/// More of `ollamanet conversations`.
#[derive(Debug, Subcommand)]
pub enum Arrange {
    /// Give conversations tags, or take tags away; a tag is made at its first use and goes with its last
    Tag {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// Give this tag; may be repeated
        #[arg(long, value_name = "TAG", required_unless_present = "remove")]
        add: Vec<String>,
        /// Take this tag away; may be repeated
        #[arg(long, value_name = "TAG")]
        remove: Vec<String>,
    },
    /// Pin conversations to the top of the list
    Pin {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// Unpin them
        #[arg(long)]
        off: bool,
    },
    /// Put conversations into the archive: out of the list, found all the same
    Archive {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// Take them out of the archive
        #[arg(long)]
        off: bool,
    },
    /// Move conversations to a folder
    Move {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// The folder to put them in
        #[arg(long, value_name = "FOLDER", required_unless_present = "top")]
        to: Option<String>,
        /// Into no folder
        #[arg(long, conflicts_with = "to")]
        top: bool,
    },
    /// Copy conversations with every branch, file and note in them
    Duplicate {
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Remove conversations from the trash for good
    Purge {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        conversations: Vec<String>,
        /// Everything in the trash
        #[arg(long)]
        all: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Tags {
    /// List tags with the number of conversations that carry each
    #[command(visible_alias = "ls")]
    List {
        /// Only those that contain this
        filter: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Give a tag another name, everywhere
    Rename { tag: String, name: String },
    /// Take a tag away from every conversation; the conversations stay
    Delete {
        tag: String,
        /// Only say how many carry it
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Retention {
    /// The rules, and what they did last
    Show,
    /// Set rules; those that are not named stay as they are
    Set(Rules),
    /// Exactly what the rules would do now; nothing is changed
    Preview {
        /// Rules to try in place of those that are set
        #[command(flatten)]
        rules: Rules,
        #[command(flatten)]
        paging: Paging,
    },
    /// Carry out the rules now, as the program does once a day while the interface is open
    Run {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

/// Each is a number, or `off`. What is pinned or archived is never touched.
#[derive(Args, Clone, Debug, Default)]
pub struct Rules {
    /// Into the archive after so many days in which nothing was said and nothing changed
    #[arg(long, value_name = "DAYS|off")]
    pub archive_after: Option<String>,
    /// Into the trash after so many such days
    #[arg(long, value_name = "DAYS|off")]
    pub trash_after: Option<String>,
    /// Keep so many in the list; of more, those not used for longest go to the trash
    #[arg(long, value_name = "NUMBER|off")]
    pub keep: Option<String>,
    /// Keep to so much, such as 500MB or 2GB; of more, those not used for longest go to the trash
    #[arg(long, value_name = "SIZE|off")]
    pub keep_size: Option<String>,
    /// Out of the trash for good after so many days in it
    #[arg(long, value_name = "DAYS|off")]
    pub purge_after: Option<String>,
}
