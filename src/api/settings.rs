//! What an administrator sets for the whole house, with its history; and what the settings file has to say about it.

use serde::{Deserialize, Serialize};

use super::AccountId;

/// Longest page of the history.
pub const PAST_MAX: u32 = 100;

/// Where the value that holds comes from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Default,
    /// Set by an administrator for the house.
    House,
    /// This line of the settings file, from 1.
    File(usize),
    /// This variable of the environment.
    Variable(String),
    /// `--set`.
    Flag,
}

impl Source {
    /// Whether it comes from outside, so that what the house says does not count.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        match self {
            Self::Default | Self::House => false,
            Self::File(_) | Self::Variable(_) | Self::Flag => true,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::House => f.write_str("house"),
            Self::File(line) => write!(f, "config.toml, line {line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One setting, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// `limits.chat_per_minute`
    pub name: String,
    pub group: String,
    /// The value that holds in this process, as it is written.
    pub value: String,
    pub default: String,
    pub from: Source,
    /// What the house says, whether or not something outside says otherwise. `None` = nothing.
    pub house: Option<String>,
    /// Why what the house says does not hold, where it does not.
    pub overruled: Option<String>,
    /// The newest change; 0 = it never was changed. A change names the version that it was made on.
    pub version: i64,
    pub changed_by: Option<String>,
    /// Milliseconds since 1970.
    pub changed_at: Option<i64>,
    /// Whether it can be set for the house; otherwise `edit` says where it is set.
    pub is_of_house: bool,
    pub edit: String,
}

impl SettingRow {
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.value != self.default
    }
}

/// All settings: those of the house by group, then those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub rows: Vec<SettingRow>,
    /// The number of the newest change; 0 = there was none.
    pub newest: i64,
}

/// A change to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewValue {
    pub name: String,
    /// As it is typed. `None` = the default again.
    pub to: Option<String>,
    /// The version that was seen when this was decided; somebody else's change since then is not written over.
    pub seen: i64,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastChange {
    /// Its number among all changes of the house.
    pub seq: i64,
    pub name: String,
    /// Its number among the changes of this setting, from 1.
    pub version: i64,
    /// `None` = the default.
    pub from: Option<String>,
    pub to: Option<String>,
    pub by: Option<AccountId>,
    /// The name today; `None` where there is no such account any more.
    pub by_name: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// It brought back what held after this version; 0 = before there was any.
    pub restores: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPage {
    /// Newest first.
    pub rows: Vec<PastChange>,
    /// Whether there are older ones; ask again with the last one's `seq`.
    pub more: bool,
}

/// How the house stood once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    Now,
    /// After the change of this number; 0 = before there was any.
    Change(i64),
    /// At this moment, milliseconds since 1970, UTC.
    At(i64),
}

/// What one setting was at one point and is at another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub name: String,
    /// `None` = the default.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Why `to` cannot be set any more.
    pub refused: Option<String>,
}

/// What differs between two points; what was changed and changed back does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    pub rows: Vec<Difference>,
    /// The points, as numbers of changes.
    pub from: i64,
    pub to: i64,
    /// The number of the newest change of all: what a rollback names as seen.
    pub newest: i64,
}
