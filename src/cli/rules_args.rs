//! What there is to type about the rules of the house.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Paging;

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// List rules: whether each is on, when it runs, how it went last
    #[command(visible_alias = "ls")]
    List {
        /// As comma-separated values
        #[arg(long)]
        csv: bool,
    },
    /// Everything about one rule, and what its last run did
    Show { rule: String },
    /// Set up a rule
    Add {
        name: String,
        #[command(flatten)]
        written: Written,
        /// Set it up, but leave it off
        #[arg(long)]
        off: bool,
    },
    /// Change a rule; what is not named stays
    Edit {
        rule: String,
        /// Another name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        written: Written,
    },
    /// Remove a rule and its history
    #[command(visible_alias = "rm")]
    Remove {
        rule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Switch rules on; a paused one begins anew
    Enable {
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// Switch rules off
    Disable {
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// Run a rule now, or everything that is due (for cron: nobody need be signed in)
    Run {
        #[arg(required_unless_present = "due")]
        rule: Option<String>,
        /// Only say what it would do
        #[arg(long, conflicts_with = "due")]
        dry_run: bool,
        /// Whatever is due now, and then end
        #[arg(long, conflicts_with = "rule")]
        due: bool,
    },
    /// What rules did, newest first
    History {
        /// Only this rule
        rule: Option<String>,
        #[command(flatten)]
        paging: Paging,
        /// As comma-separated values
        #[arg(long)]
        csv: bool,
    },
}

/// A rule as it is typed.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Written {
    /// What it does: unload, update, apply, tag, backup, prune-backups, check, remove-unused, benchmark
    #[arg(long = "do", value_name = "WHAT")]
    pub does: Option<String>,
    /// unload: models that were idle for so many minutes
    #[arg(long, value_name = "MINUTES")]
    pub idle: Option<u32>,
    /// update, benchmark: models whose name fits, * stands for anything; or all
    #[arg(long, value_name = "PATTERN", conflicts_with = "tagged")]
    pub models: Option<String>,
    /// update, benchmark: models that carry this tag
    #[arg(long, value_name = "TAG")]
    pub tagged: Option<String>,
    /// apply: the list of models (docs/formats.md)
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// tag: models that fit this, as it is typed over the list of models
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// tag: the tag they get
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// remove-unused: models that nobody has used for so many days
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// remove-unused: remove them, and do not only name them
    #[arg(long)]
    pub for_real: bool,
    /// benchmark: how often each prompt is put
    #[arg(long, value_name = "N")]
    pub repeats: Option<u32>,
    /// Run every so often: 30m, 6h, 2d
    #[arg(long, value_name = "TIME", group = "when")]
    pub every: Option<String>,
    /// Run every day at this time, local: 3:00
    #[arg(long, value_name = "HH:MM", group = "when")]
    pub daily: Option<String>,
    /// Run every week on this day and time, local: "sun 6:00"
    #[arg(long, value_name = "DAY HH:MM", group = "when")]
    pub weekly: Option<String>,
    /// Run when a window opens and no other was open
    #[arg(long, group = "when")]
    pub at_start: bool,
    /// Run when a model in memory was idle for so many minutes
    #[arg(long, value_name = "MINUTES", group = "when")]
    pub when_idle: Option<u32>,
    /// Run when less than this is free on the data's disk: 5GB
    #[arg(long, value_name = "SIZE", group = "when")]
    pub when_free_below: Option<String>,
    /// Run when the registry, asked once a day, has an update
    #[arg(long, group = "when")]
    pub when_update: bool,
    /// Run only when somebody says so
    #[arg(long, group = "when")]
    pub by_hand: bool,
    /// Only while nobody chats: on or off
    #[arg(long, value_name = "ON/OFF", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub only_quiet: Option<String>,
    /// Only where this much is free on the data's disk: 5GB, or off
    #[arg(long, value_name = "SIZE")]
    pub only_with_free: Option<String>,
    /// Only within these hours, local: 22:00-6:00, or off
    #[arg(long, value_name = "FROM-TO")]
    pub only_between: Option<String>,
    /// Removing models for real is meant: do not ask
    #[arg(long)]
    pub confirmed: bool,
}
