//! Backups: what there is, what is done about them, how far it is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Fault;

/// One backup, as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its directory's name: the time it was made, UTC.
    pub name: String,
    /// Milliseconds since 1970, UTC.
    pub made_at: i64,
    pub made_by: MadeBy,
    pub bytes: u64,
    pub accounts: u64,
    pub vaults: u64,
    /// The version of the program that made it.
    pub program: String,
    /// Vaults that could not be copied because there was nothing to copy.
    pub left_out: Vec<LeftOut>,
    pub verified: Option<Verified>,
    /// What is wrong with it, as far as a look at its manifest shows.
    pub damage: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MadeBy {
    Person,
    Schedule,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub account: String,
    pub why: String,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub at: i64,
    /// Vaults that were opened with their key and looked through page by page.
    pub opened: u64,
    /// Vaults whose bytes are the ones that were written; nobody's key was at hand to open them.
    pub compared: u64,
    /// What is wrong; empty = sound.
    pub damage: Vec<String>,
}

impl Verified {
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }

    /// What is wrong, in one sentence whatever the number of vaults: the first of it, and how much more there is.
    #[must_use]
    pub fn damage_words(&self) -> String {
        const TOLD: usize = 2;
        let told = self.damage.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
        match self.damage.len().saturating_sub(TOLD) {
            0 => told,
            more => format!("{told}; and {more} more"),
        }
    }
}

/// Everything there is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backups {
    /// Where they are kept.
    pub place: PathBuf,
    /// Newest first.
    pub backups: Vec<Backup>,
    pub schedule: Schedule,
    /// The rule that makes backups, in words, where the schedule does not say it all.
    pub rule: Option<String>,
    /// What restores moved aside, newest first.
    pub quarantine: Vec<SetAside>,
    /// Free bytes where they are kept.
    pub free: Option<u64>,
    /// The file system's name, where they are kept on another machine.
    pub network_file_system: Option<String>,
    /// How the last scheduled one went: when, and why it failed where it did.
    pub last_scheduled: Option<LastRun>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    pub at: i64,
    /// `None` = well.
    pub failed: Option<String>,
}

/// What a restore moved aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    pub name: String,
    pub bytes: u64,
    pub what: MovedAside,
    /// Where it lies; it can be put back from there.
    pub path: PathBuf,
}

/// Of what that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedAside {
    Everything,
    /// The vault of this account.
    VaultOf(String),
    /// A vault that is no account's any more.
    Nobodys,
}

impl MovedAside {
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Everything => "everything".to_owned(),
            Self::VaultOf(account) => format!("the vault of {account}"),
            Self::Nobodys => "a vault that is nobody's any more".to_owned(),
        }
    }
}

/// When a backup is made on its own, and what stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// Hour of the day, local time; `None` = never.
    pub hour: Option<u8>,
    pub keep: Keep,
}

/// How many stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keep {
    /// The newest of so many days.
    pub daily: u32,
    /// The newest of so many weeks.
    pub weekly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { daily: 7, weekly: 4 }
    }
}

/// Which backup is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    Named(String),
    /// A directory anywhere.
    At(PathBuf),
}

/// How much of it is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extent {
    Everything,
    /// The vault of this account.
    Account(String),
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    Copying,
    Checking,
    Restoring,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub doing: Doing,
    /// The file.
    pub what: String,
    /// Bytes.
    pub done: u64,
    pub all: u64,
}

/// What work on backups tells; the last one is an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupEvent {
    Progress(Progress),
    Ended(Result<Outcome, Fault>),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Made(Backup),
    Verified(Verified),
    /// Everything is checked and ready, and takes the place of what is there when this process has ended.
    Ready,
    /// The vault of one account was put back; what was there is in this quarantine.
    Restored {
        quarantine: String,
    },
}
