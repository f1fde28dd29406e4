//! What there is to type about all models that are known: the list with its filters, fit, saved filters, and the catalogue.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Paging;
use crate::api::fleet::{Column, Match, Per};

/// What stands after the list of filters in the help.
const FILTERS: &str = "Filters stand among the words, and all of them must hold:\n\n\
    cap:vision,tools         can one of these       tag:work          carries this tag of the house\n\
    size:<8GB                on disk                params:>7b        parameters\n\
    ctx:>=32k                trained window         quant:q4          begins so\n\
    fits:gpu | ram | no      on this machine        license:apache    stands in it\n\
    family:qwen topic:code   stands in it           speed:>20         tokens a second, measured here\n\
    installed:yes loaded:yes                        rated:>0          likes less dislikes\n\
    used:30d | >30d | never  by you\n\n\
    What nobody knows meets no filter and is sorted last.";

#[derive(Args, Debug)]
#[command(after_help = FILTERS)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Find {
    /// Words of the name or of what is said about it, and filters. Without any: what is installed
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Everything that is known, installed or not
    #[arg(long)]
    pub known: bool,
    /// Only models with this tag of the house; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// One of the tags is enough
    #[arg(long, requires = "tag")]
    pub any: bool,
    /// One row for each family
    #[arg(long)]
    pub families: bool,
    /// Sort by this column
    #[arg(long, value_enum, value_name = "COLUMN")]
    pub sort: Option<SortBy>,
    /// The other way round
    #[arg(long, requires = "sort")]
    pub descending: bool,
    #[command(flatten)]
    pub paging: Paging,
}

impl Find {
    pub fn tags_by(&self) -> Match {
        if self.any { Match::Any } else { Match::All }
    }

    pub fn per(&self) -> Per {
        if self.families { Per::Family } else { Per::Model }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    Name,
    Family,
    Size,
    Params,
    Quant,
    Ctx,
    Cap,
    License,
    Installed,
    Loaded,
    Used,
    Speed,
    Rated,
    Fits,
    Released,
}

impl SortBy {
    pub fn column(self) -> Column {
        match self {
            Self::Name => Column::Name,
            Self::Family => Column::Family,
            Self::Size => Column::Size,
            Self::Params => Column::Parameters,
            Self::Quant => Column::Quantization,
            Self::Ctx => Column::Context,
            Self::Cap => Column::Capabilities,
            Self::License => Column::License,
            Self::Installed => Column::Installed,
            Self::Loaded => Column::Loaded,
            Self::Used => Column::LastUsed,
            Self::Speed => Column::Speed,
            Self::Rated => Column::Rating,
            Self::Fits => Column::Fit,
            Self::Released => Column::Released,
        }
    }
}

#[derive(Args, Debug)]
pub struct Fit {
    /// Models with their tags; without any, what this machine has
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Judge for a window of this many tokens
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub ctx: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum Filters {
    /// List your saved filters
    #[command(visible_alias = "ls")]
    List,
    /// Keep a filter under a name, in the place of one of the same name
    Save {
        name: String,
        /// As typed after `models list`
        #[arg(required = true)]
        filter: Vec<String>,
    },
    /// Forget a saved filter
    Delete { name: String },
}

#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// List all models that are known, installed or not
    #[command(visible_alias = "ls")]
    List(Find),
    /// Everything about one model; without one, which catalogue is in use
    Show { model: Option<String> },
    /// Write what a model is, links, and notes of the house
    Describe {
        model: String,
        /// What it is, in a sentence; an empty text takes it away
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Notes of the house; an empty text takes them away
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
        /// A link; may be given several times, and together they replace those before
        #[arg(long, value_name = "URL")]
        link: Vec<String>,
        /// Take all links away
        #[arg(long, conflicts_with = "link")]
        no_links: bool,
    },
    /// Tags of the house for models
    #[command(subcommand)]
    Tag(CatalogTag),
    /// Put a newer catalogue of the same kind in the place of the one in use
    Import {
        file: PathBuf,
        /// The day it is of; otherwise the day on which the file was written
        #[arg(long, value_name = "YYYY-MM-DD")]
        dated: Option<String>,
    },
    /// Go back to the catalogue that came with the program
    Restore,
}

#[derive(Debug, Subcommand)]
pub enum CatalogTag {
    /// List the tags with how many models carry each
    #[command(visible_alias = "ls")]
    List,
    /// Make a tag
    Create {
        name: String,
        #[arg(long, default_value = "")]
        category: String,
    },
    /// Give a tag another name, another category, or both
    Rename {
        tag: String,
        /// The new name
        name: Option<String>,
        /// The new category; empty = none
        #[arg(long, required_unless_present = "name")]
        category: Option<String>,
    },
    /// Make one tag of two: whatever carries the first carries the second
    Merge { from: String, into: String },
    /// Delete a tag, and take it from all models
    Delete {
        tag: String,
        /// Only say how many models carry it
        #[arg(long)]
        dry_run: bool,
    },
    /// Give models a tag; it is made at its first use
    Add {
        tag: String,
        #[arg(required = true)]
        models: Vec<String>,
    },
    /// Take a tag from models
    Remove {
        tag: String,
        #[arg(required = true)]
        models: Vec<String>,
    },
}
