//! What there is to type for work on models: `ollamanet models install` and its like, and `ollamanet jobs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Paging;

#[derive(Debug, Subcommand)]
pub enum ModelJobs {
    /// Download models, two at a time; Ctrl+C leaves them in line, and they go on where they were
    Install(Download),
    /// Download models again, where the registry has another than the installed one
    Update(Download),
    /// Remove models
    #[command(visible_alias = "rm")]
    Remove {
        #[arg(required = true)]
        models: Vec<String>,
        /// Also what was written on them here: description, links, notes, tags; the catalogue's entry stays
        #[arg(long)]
        forget: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        how: How,
    },
    /// Give a model a second name
    #[command(visible_alias = "cp")]
    Copy { from: String, to: String },
    /// Give a model another name: it is copied, the copy compared, the old name removed
    Rename { from: String, to: String },
    /// Make a model from a Modelfile
    Create {
        model: String,
        /// The Modelfile, or - for standard input
        #[arg(short, long = "file", value_name = "FILE", default_value = "Modelfile")]
        file: PathBuf,
        /// Quantise the weights: q4_K_M, q4_K_S or q8_0
        #[arg(long)]
        quantize: Option<String>,
    },
    /// Upload models to the registry that their names say
    Push {
        #[arg(required = true)]
        models: Vec<String>,
        /// The registry may be asked in the clear
        #[arg(long)]
        insecure: bool,
        #[command(flatten)]
        how: How,
    },
    /// Load models into memory
    Load {
        #[arg(required = true)]
        models: Vec<String>,
        /// For how long after its last use: 30m, 2h, or -1 for good
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        keep: Option<String>,
    },
    /// Take models out of memory
    Unload {
        #[arg(required = true)]
        models: Vec<String>,
    },
    /// Do what a list of models says: install, update, remove, unload (docs/formats.md)
    Apply {
        /// A TOML file
        list: PathBuf,
        /// Do not ask before removing
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Args, Debug)]
pub struct Download {
    #[arg(required = true)]
    pub models: Vec<String>,
    /// Another registry than Ollama's own is all right, such as hf.co
    #[arg(long)]
    pub foreign: bool,
    /// The registry may be asked in the clear
    #[arg(long)]
    pub insecure: bool,
    /// First ask the registry for the exact size, and see whether there is room
    #[arg(long)]
    pub size: bool,
    #[command(flatten)]
    pub how: How,
}

#[derive(Args, Clone, Copy, Debug, Default)]
pub struct How {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Only put it in line: an open window does it, or `ollamanet jobs run`
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
}

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List jobs, newest first: your own, and for administrators the machine's
    #[command(visible_alias = "ls")]
    List {
        /// Only those whose words contain this, such as a model's name
        filter: Option<String>,
        #[command(flatten)]
        paging: Paging,
        /// Only what waits, runs or is paused
        #[arg(long)]
        open: bool,
        /// As comma-separated values
        #[arg(long)]
        csv: bool,
    },
    /// Everything about one job
    Show { job: String },
    /// End jobs, wherever they run
    Cancel(Which),
    /// Stop jobs for now; they keep what they have
    Pause(Which),
    /// Let paused jobs go on
    Resume(Which),
    /// Try failed or cancelled jobs again, or waiting ones at once
    Retry(Which),
    /// Work off everything that waits, until nothing is left
    Run,
    /// Take what has ended out of the list: your own, and for administrators the machine's
    Forget,
}

#[derive(Args, Debug)]
pub struct Which {
    /// Ids, or the beginnings or ends of some
    #[arg(required = true)]
    pub jobs: Vec<String>,
}
