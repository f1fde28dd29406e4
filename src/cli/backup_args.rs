//! What there is to type about backups.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Make a backup of everything, while everybody works on
    Create,
    /// List backups, newest first, and what restores moved aside
    #[command(visible_alias = "ls")]
    List,
    /// Check a backup by restoring it into a scratch directory; the exit code tells
    Verify {
        #[command(flatten)]
        from: From,
    },
    /// Put a backup in the place of what is here; what is here is kept aside
    Restore {
        #[command(flatten)]
        from: From,
        /// Only the vault of this account, with the passphrase that it has now
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Take a restore back: what it moved aside, as `backup list` names it
        #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "directory"])]
        aside: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show or set when a backup is made on its own, and how many stay
    Schedule {
        /// An hour of the day, 0 to 23, or off
        #[arg(long, value_name = "HOUR")]
        at: Option<String>,
        /// The newest of so many days stays
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
        daily: Option<u32>,
        /// The newest of so many weeks stays
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=520))]
        weekly: Option<u32>,
    },
    /// Remove the backups that are no longer to be kept; with --quarantine, what a restore moved aside
    Prune {
        /// What this restore moved aside, as `backup list` names it; for good
        #[arg(long, value_name = "NAME")]
        quarantine: Option<String>,
        /// Do not ask
        #[arg(long, requires = "quarantine")]
        yes: bool,
    },
}

#[derive(Args, Clone, Debug)]
pub struct From {
    /// The backup, as `backup list` names it; otherwise the newest
    #[arg(value_name = "BACKUP")]
    pub name: Option<String>,
    /// The directory of a backup that lies elsewhere
    #[arg(long = "from", value_name = "DIR", conflicts_with = "name")]
    pub directory: Option<PathBuf>,
}
