//! What there is to type about the settings of the house.

use clap::{Args, Subcommand};

use super::args::Paging;

#[derive(Debug, Subcommand)]
pub enum Settings {
    /// List every setting: those of the house, then those of the settings file; each with where its value comes from
    #[command(visible_alias = "ls")]
    List {
        /// Only those whose name or sentence contains this
        filter: Option<String>,
        /// Only those that are not the default
        #[arg(long)]
        changed: bool,
        /// Print CSV
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Print the value of a setting
    Get { name: String },
    /// Set values for the house, all of them or none; they take effect without a restart
    Set {
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<String>,
        /// Refuse if the setting has another version than this one, which `get --json` told
        #[arg(long, value_name = "VERSION")]
        seen: Option<i64>,
    },
    /// Let settings have their defaults again
    Unset {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// List who changed what and when, newest first
    History {
        /// Only this setting
        name: Option<String>,
        #[command(flatten)]
        paging: Paging,
        /// Print CSV
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Print what differs between two points
    Diff(Points),
    /// Take the last change of a setting back, or bring everything back to a point; that is a change with its history too
    Rollback {
        /// The setting
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Every setting
        #[arg(long, requires = "to")]
        all: bool,
        /// With a setting: the version that is to hold again, 0 = the default. With --all: a point as `diff` takes them
        #[arg(long, value_name = "VERSION|POINT")]
        to: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A point is a day, a moment, an age such as 2h or 7d, `yesterday`, `now`, or #12 for the change of that number; with a
/// setting, v3 for its version.
#[derive(Args, Debug)]
pub struct Points {
    /// Only this setting
    pub name: Option<String>,
    /// From here
    #[arg(long, value_name = "POINT", default_value = "yesterday")]
    pub since: String,
    /// To here
    #[arg(long, value_name = "POINT", default_value = "now")]
    pub until: String,
}
