//! What an administrator may set for the whole house: kept in the system database with its history, not in a file.
//!
//! Order of precedence: default, house, `config.toml`, environment, flag. The file wins over the house because whoever has
//! the file runs the program, and could change it anyway; and because it is the way back in after a setting of the house
//! that locked everybody out. The list says so wherever it happens.
//!
//! A setting that the file knows too has one name, and takes its range, its default and its sentence from
//! `config::table`: `ROWS` only says that the house may set it. The others exist in the house alone.
//!
//! Not here: who may change them (`services::house`) and how they are kept (`store::system::settings`).

pub mod kind;
pub mod overlay;
pub mod page;
pub mod rows;

use serde::{Deserialize, Serialize};

pub use self::{
    kind::{Kind, Unit},
    rows::{GROUPS, ROWS},
};
use super::{
    Config,
    table::{self, Setting},
};
use crate::api::{Fault, options::ChatOptions};

/// One row of the table.
#[derive(Debug)]
pub struct HouseSetting {
    pub name: &'static str,
    /// One of `GROUPS`.
    pub group: &'static str,
    pub what: What,
    /// What it takes effect on, and when.
    pub effect: &'static str,
}

/// Where the rest of a row stands.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// In the table of the file's settings; numbers are of this unit.
    Shared(Unit),
    /// Here: the house alone has it.
    Own { kind: Kind, default: &'static str, help: &'static str },
}

/// What only the house says, as far as services read it from the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct House {
    /// The options of new conversations, where nobody says anything else.
    pub options: ChatOptions,
    /// Attempts at a job after which it counts as failed.
    pub job_attempts: u32,
    /// Seconds without a byte after which a transfer of a model is connected anew.
    pub stall_seconds: u64,
}

impl Default for House {
    fn default() -> Self {
        Self { options: ChatOptions::default(), job_attempts: 8, stall_seconds: 60 }
    }
}

/// The row of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static HouseSetting> {
    ROWS.iter().find(|row| row.name == name)
}

/// The row of this name, as somebody typed it.
///
/// # Errors
/// Names the nearest; of a setting that only the file has, says that.
pub fn named(name: &str) -> Result<&'static HouseSetting, Fault> {
    if let Some(row) = find(name) {
        return Ok(row);
    }
    let is_of_file = table::SETTINGS.iter().any(|setting| setting.name() == name);
    if is_of_file {
        return Err(Fault::invalid(format!("{name} is set in the settings file, not for the house."))
            .hint("`ollamanet config path` says where the file is, and `ollamanet config show` what holds."));
    }
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(60).collect();
    let fault = Fault::invalid(format!("There is no setting “{shown}”."));
    Err(match nearest(&shown) {
        Some(near) => fault.hint(format!("Did you mean {near}?")),
        None => fault.hint("`ollamanet settings list` names all."),
    })
}

/// The one that is most like it: by its whole name, or by what stands after the dot.
fn nearest(given: &str) -> Option<&'static str> {
    let given = given.trim().to_lowercase().replace('-', "_");
    let last = |name: &'static str| name.rsplit_once('.').map_or(name, |(_, last)| last);
    let far = |name: &'static str| {
        strsim::damerau_levenshtein(&given, name).min(strsim::damerau_levenshtein(&given, last(name)) + 1)
    };
    let (distance, name) = ROWS.iter().map(|row| (far(row.name), row.name)).min()?;
    (distance <= (given.len() / 3).max(2)).then_some(name)
}

impl HouseSetting {
    /// The file's row of the same name.
    #[must_use]
    pub fn shared(&self) -> Option<&'static Setting> {
        match self.what {
            What::Shared(_) => table::SETTINGS.iter().find(|setting| setting.name() == self.name),
            What::Own { .. } => None,
        }
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.what {
            What::Own { kind, .. } => kind,
            What::Shared(unit) => match self.shared().map(|setting| setting.kind) {
                Some(table::Kind::Bool) => Kind::Bool,
                Some(table::Kind::Whole { low, high }) => Kind::Number { low, high, unit },
                Some(table::Kind::OneOf(words)) => Kind::Choice(words),
                Some(table::Kind::Text { most }) if self.name == "chat.model" => Kind::Model { most },
                Some(table::Kind::Text { most }) => Kind::Text { most, lines: true },
                // Where this machine sends something is its owner's business, and stands in no row of the house; and a test
                // keeps the tables together.
                Some(table::Kind::Collector) | None => Kind::Text { most: 0, lines: false },
            },
        }
    }

    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.what {
            What::Own { help, .. } => help,
            What::Shared(_) => self.shared().map_or("", |setting| setting.help),
        }
    }

    /// The value where nobody says anything, as it is kept.
    #[must_use]
    pub fn default(&self) -> String {
        match self.what {
            What::Own { default, .. } => default.to_owned(),
            What::Shared(_) => self.of(&Config::default()).unwrap_or_default(),
        }
    }

    /// What a configuration says of a setting that the file knows too, as it is kept.
    #[must_use]
    pub fn of(&self, config: &Config) -> Option<String> {
        let setting = self.shared()?;
        let (_, value) = table::values(config).into_iter().find(|(row, _)| row.name() == setting.name())?;
        Some(written(&value))
    }

    /// What was typed, as it is kept.
    ///
    /// # Errors
    /// Says what the setting takes.
    pub fn parse(&self, typed: &str) -> Result<String, Fault> {
        self.kind().parse(self.name, typed)
    }

    /// A kept value as people read it: `15 min`, `for ever`.
    #[must_use]
    pub fn shown(&self, kept: &str) -> String {
        self.kind().shown(kept)
    }

    /// What it takes, in words.
    #[must_use]
    pub fn takes(&self) -> String {
        self.kind().takes()
    }
}

/// A value of the file as it is kept.
#[must_use]
pub fn written(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
