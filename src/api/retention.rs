//! Rules by which old conversations go away on their own, what they would do, and what they did.

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, Fault,
    organise::{Cursor, Page},
};

/// Longest time a rule waits, in days.
pub const DAYS_MAX: u32 = 36_500;
/// Smallest size that a rule keeps to, bytes: less would be a mistake of units.
pub const KEEP_BYTES_MIN: u64 = 1_000_000;
/// Reports that are kept.
pub const REPORTS_KEPT: usize = 20;

/// All of them are off until somebody sets them. None touches what is pinned or archived, or where an answer is running.
///
/// Idle means: nothing was said in it, and nobody changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionRules {
    /// Into the archive after so many idle days.
    pub archive_after_days: Option<u32>,
    /// Into the trash after so many idle days.
    pub trash_after_days: Option<u32>,
    /// So many stay in the list; of more, those not used for longest go to the trash.
    pub keep_conversations: Option<u32>,
    /// So many bytes of texts and files stay in the list; of more, those not used for longest go to the trash.
    pub keep_bytes: Option<u64>,
    /// Out of the trash, for good, after so many days in it.
    pub purge_after_days: Option<u32>,
}

impl RetentionRules {
    /// Whether any is set.
    #[must_use]
    pub fn are_on(&self) -> bool {
        *self != Self::default()
    }

    /// # Errors
    /// Names the first number that makes no rule.
    pub fn check(&self) -> Result<(), Fault> {
        for (what, days) in [
            ("Archiving", self.archive_after_days),
            ("Moving to the trash", self.trash_after_days),
            ("Emptying the trash", self.purge_after_days),
        ] {
            if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
                return Err(Fault::invalid(format!("{what} waits 1 to {DAYS_MAX} days.")));
            }
        }
        if self.keep_conversations == Some(0) {
            return Err(Fault::invalid("At least one conversation stays.").hint("Leave the rule off to keep them all."));
        }
        if self.keep_bytes.is_some_and(|bytes| bytes < KEEP_BYTES_MIN) {
            return Err(Fault::invalid("The least that can be kept to is 1 MB."));
        }
        Ok(())
    }
}

/// What a rule does to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Archive,
    Trash,
    Purge,
}

/// Which rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Not used for so many days.
    Idle { days: u32 },
    /// There are more than are to be kept.
    TooMany,
    /// They take more than they are to take.
    TooBig,
    /// So many days in the trash.
    InTrash { days: u32 },
}

/// One conversation that a rule would touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    pub id: ConversationId,
    pub title: String,
    pub fate: Fate,
    pub why: Why,
    pub messages: u64,
    /// Of its texts, and of files that only it uses.
    pub bytes: u64,
}

/// How many of one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub fate: Fate,
    pub conversations: u32,
    pub messages: u64,
    pub bytes: u64,
}

/// Exactly what the rules would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Of all pages; only with the first.
    pub totals: Vec<Total>,
    /// In the trash for long enough, but pinned or archived: they stay.
    pub spared: u32,
    pub page: Page<Due>,
}

/// Which page of a preview is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewAt {
    pub after: Option<Cursor>,
    pub limit: u32,
}

/// Who had the rules run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunBy {
    /// The program, as it does once a day.
    Itself,
    Person,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// It goes on, or was broken off by the program's end. What it has counted is done.
    Open,
    Done,
    /// The vault was closed or the program ended.
    Stopped,
    Failed(String),
}

/// What the rules did. Counts grow with each step, in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub at: i64,
    pub by: RunBy,
    pub end: RunEnd,
    pub archived: u32,
    pub trashed: u32,
    pub purged: u32,
    /// What the purge set free.
    pub bytes: u64,
}

impl Report {
    /// Whether it changed anything.
    #[must_use]
    pub fn did_something(&self) -> bool {
        self.archived + self.trashed + self.purged > 0
    }
}

/// The rules and what they did last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub rules: RetentionRules,
    /// Newest first.
    pub reports: Vec<Report>,
    /// The clock has leapt ahead since the last look: on their own the rules wait until then, so that a clock that is wrong
    /// can be put right before anything goes.
    pub waits_until: Option<i64>,
}

/// The other way: `2GB`, `500MB`; exact, so that it is read back as the same.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    let whole = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    whole.map_or_else(|| bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// `2GB`, `500 MB`, `1000000`, as Ollama counts.
///
/// # Errors
/// When it is no size.
pub fn size_of(text: &str) -> Result<u64, Fault> {
    let wrong = || Fault::invalid(format!("“{text}” is no size.")).hint("Write it as 500MB or 2GB.");
    let upper = text.trim().to_uppercase();
    let digits = upper.trim_end_matches(|letter: char| letter.is_alphabetic()).trim_end();
    let factor: u64 = match upper.get(digits.len()..).ok_or_else(wrong)?.trim() {
        "" | "B" => 1,
        "KB" | "K" => 1_000,
        "MB" | "M" => 1_000_000,
        "GB" | "G" => 1_000_000_000,
        "TB" | "T" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        assert_eq!(size_of("2GB"), Ok(2_000_000_000));
        assert_eq!(size_of(" 500 mb "), Ok(500_000_000));
        assert_eq!(size_of("1000000"), Ok(1_000_000));
        for bytes in [0, 999, 1_000, 1_500_000, 2_000_000_000, u64::MAX] {
            assert_eq!(size_of(&size_text(bytes)), Ok(bytes));
        }
        for bad in ["", "GB", "2 yards", "-1MB", "99999999999999TB"] {
            assert!(size_of(bad).is_err(), "{bad}");
        }
    }
}
