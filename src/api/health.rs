//! What was checked, when, how it stands, and how it stood.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where Ollama stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OllamaState {
    /// Not asked yet.
    Unknown,
    Reachable {
        version: String,
        latency_ms: u32,
    },
    /// Nothing answers at the address, but an `ollama` program is on this machine.
    InstalledNotRunning,
    /// Nothing answers and no `ollama` program was found.
    Absent,
    /// Something answers, but not as Ollama does, or the address is elsewhere and does not answer.
    Unreachable {
        why: String,
    },
}

/// The circuit breaker of one kind of Ollama call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BreakerState {
    Closed,
    Open { retry_in_ms: u64 },
    HalfOpen,
}

/// One report. The status dot shows its worst part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub ollama: OllamaState,
    /// Address asked, as configured.
    pub ollama_url: String,
    /// A plain-language warning about the server: a version with known holes, an address off this machine.
    pub ollama_warning: Option<String>,
    /// Kind of call (`chat`, `embed`, `manage`) and its breaker, in this process.
    pub breakers: Vec<(String, BreakerState)>,
    /// Each part once, in the order of `Part::ALL`.
    pub checks: Vec<Check>,
    /// Milliseconds since 1970, UTC.
    pub checked_at: i64,
}

impl Health {
    #[must_use]
    pub fn check(&self, part: Part) -> Option<&Check> {
        self.checks.iter().find(|check| check.part == part)
    }
}

/// What is looked at, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Ollama,
    Store,
    Disk,
    Jobs,
    Backup,
    Clock,
    Breakers,
    Cache,
    Tasks,
    /// Whether traces get to the collector they are sent to.
    Traces,
}

impl Part {
    pub const ALL: [Self; 10] = [
        Self::Ollama,
        Self::Store,
        Self::Disk,
        Self::Jobs,
        Self::Backup,
        Self::Clock,
        Self::Breakers,
        Self::Cache,
        Self::Tasks,
        Self::Traces,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::Store => "store",
            Self::Disk => "disk",
            Self::Jobs => "jobs",
            Self::Backup => "backup",
            Self::Clock => "clock",
            Self::Breakers => "breakers",
            Self::Cache => "cache",
            Self::Tasks => "tasks",
            Self::Traces => "traces",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == text)
    }

    /// Whether every process has its own, so that no other process can tell how it stands here.
    #[must_use]
    pub fn is_each_process_own(self) -> bool {
        match self {
            Self::Breakers | Self::Cache | Self::Tasks | Self::Traces => true,
            Self::Ollama | Self::Store | Self::Disk | Self::Jobs | Self::Backup | Self::Clock => false,
        }
    }
}

/// How one part stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub part: Part,
    pub level: Level,
    /// What it is, in a word that stays the same while figures change: `not_running`.
    pub reason: String,
    pub text: String,
    /// What mends it, where something is to be mended: a command where there is one.
    pub fix: Option<String>,
    /// What was measured, by name: bytes, counts, milliseconds.
    pub figures: BTreeMap<String, u64>,
    /// When it was looked at, milliseconds since 1970.
    pub at: i64,
}

impl Check {
    #[must_use]
    pub fn new(part: Part, level: Level, reason: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { part, level, reason: reason.to_owned(), text, fix: None, figures: BTreeMap::new(), at: 0 }
    }

    #[must_use]
    pub fn good(part: Part, text: impl Into<String>) -> Self {
        Self::new(part, Level::Good, "good", text)
    }

    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    #[must_use]
    pub fn figure(mut self, name: &str, value: u64) -> Self {
        self.figures.insert(name.to_owned(), value);
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Good,
    Warning,
    Bad,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::Good, Self::Warning, Self::Bad];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

// ---- how it stood

/// A stretch of time over which a part was found the same at every look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its place in the order of beginning; pages go by it.
    pub seq: i64,
    pub part: Part,
    pub level: Level,
    pub reason: String,
    /// As last seen. May hold foreign text.
    pub text: String,
    pub from: i64,
    /// The last look that found it so.
    pub seen: i64,
    /// Until when it is known to have been so: the look that found it otherwise, where that came in time, else `seen`.
    pub until: i64,
    /// It is so still, as far as the last look tells.
    pub lasts: bool,
    pub checks: u32,
}

impl Stretch {
    /// Milliseconds.
    #[must_use]
    pub fn duration(&self) -> i64 {
        (self.until - self.from).max(0)
    }
}

/// All stretches since some time, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthHistory {
    pub since: i64,
    pub until: i64,
    pub stretches: Vec<Stretch>,
    /// There were more than are given: what is older than the first one is left out.
    pub is_cut: bool,
}

impl HealthHistory {
    /// The worst that a part was between two times; `None` = nobody looked.
    #[must_use]
    pub fn worst(&self, part: Part, from: i64, to: i64) -> Option<Level> {
        let here = self.stretches.iter().filter(|stretch| stretch.part == part);
        // One that was seen once lasts no time, and is there all the same.
        let is_within = |stretch: &&Stretch| stretch.from < to && (stretch.until > from || stretch.from >= from);
        here.filter(is_within).map(|stretch| stretch.level).max()
    }

    /// The times in which nobody looked at anything, oldest first: from and until.
    #[must_use]
    pub fn gaps(&self) -> Vec<(i64, i64)> {
        let mut looked: Vec<(i64, i64)> = self
            .stretches
            .iter()
            .map(|stretch| (stretch.from, if stretch.lasts { self.until } else { stretch.until }))
            .collect();
        looked.sort_unstable();
        let mut gaps = Vec::new();
        let mut known = self.since;
        for (from, until) in looked {
            if from > known {
                gaps.push((known, from));
            }
            known = known.max(until);
        }
        if known < self.until {
            gaps.push((known, self.until));
        }
        gaps
    }
}

/// Stretches in which something was not well, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentPage {
    pub rows: Vec<Stretch>,
    /// Pass back to get what follows.
    pub next: Option<i64>,
}

/// One time over which calls of a kind were held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerOutage {
    pub seq: i64,
    /// `chat`, `embed`, `manage`.
    pub kind: String,
    /// Of the failure that opened it.
    pub why: String,
    pub opened_at: i64,
    /// Calls that were let through as a trial.
    pub tries: u32,
    pub tried_at: Option<i64>,
    /// When it was last known to be open.
    pub seen_at: i64,
    pub closed_at: Option<i64>,
    pub closed_why: Option<String>,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerPage {
    pub rows: Vec<BreakerOutage>,
    pub next: Option<i64>,
}

/// How far a look through the whole system database is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullCheck {
    /// The table that is looked through, or what else is.
    pub what: String,
    pub done: u32,
    pub all: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_time_is_told_and_time_without_a_look_is_not_called_good() {
        let stretch = |level, from, until| Stretch {
            seq: from,
            part: Part::Ollama,
            level,
            reason: String::new(),
            text: String::new(),
            from,
            seen: until,
            until,
            lasts: false,
            checks: 1,
        };
        let stretches =
            vec![stretch(Level::Good, 0, 100), stretch(Level::Bad, 100, 150), stretch(Level::Good, 300, 400)];
        let history = HealthHistory { since: 0, until: 400, stretches, is_cut: false };
        let worst = |from, to| history.worst(Part::Ollama, from, to);
        assert_eq!(worst(0, 50), Some(Level::Good));
        assert_eq!(worst(50, 120), Some(Level::Bad));
        assert_eq!(worst(160, 300), None);
        assert_eq!(worst(160, 301), Some(Level::Good));
        assert_eq!(history.worst(Part::Disk, 0, 400), None);
        assert_eq!(history.gaps(), [(150, 300)]);
        let longer = HealthHistory { since: -5, until: 500, ..history };
        assert_eq!(longer.gaps(), [(-5, 0), (150, 300), (400, 500)]);
    }

    #[test]
    fn parts_and_levels_are_read_as_they_are_written() {
        for part in Part::ALL {
            assert_eq!(Part::parse(part.as_str()), Some(part));
        }
        for level in Level::ALL {
            assert_eq!(Level::parse(level.as_str()), Some(level));
        }
    }
}
