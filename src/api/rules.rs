//! Rules: work that the house has done by itself, at times or when something happens.
//!
//! A rule belongs to the installation, never to a vault: what it does it could do with nobody signed in. Rules over a
//! person's own conversations are each person's own (`retention`).

mod typed;

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use self::typed::minutes_of;
use super::{AccountId, Fault, JobId, RuleId, amount::many};

/// Longest name, characters.
pub const NAME_MAX: usize = 60;
/// Most rules of a house.
pub const RULES_MAX: usize = 100;
/// Most runs of one rule that its history keeps, and most rows of a page.
pub const RUNS_KEPT: u32 = 200;
pub const RUNS_PAGE_MAX: u32 = 100;
/// Failures in a row after which a rule is paused.
pub const FAILURES_MAX: u32 = 5;
/// Shortest time between two runs, minutes.
pub const EVERY_MIN: u32 = 5;

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Action {
    /// Takes models out of memory that nobody has used for so long, whoever loaded them.
    Unload {
        minutes: u32,
    },
    /// Fetches those again of which the registry has another build. Asks the registry, so it leaves the machine.
    Update {
        models: Models,
    },
    /// Does what a list of models says (`docs/formats.md`).
    Apply {
        list: PathBuf,
    },
    /// Gives a tag to every installed model that fits what may be typed over the list of models.
    Tag {
        filter: String,
        tag: String,
    },
    /// Makes a backup, checks it, and removes the backups that no longer are to be kept.
    Backup,
    PruneBackups,
    /// Looks through the whole system database and the audit trail.
    Check,
    /// Removes installed models that nobody has used for so long. Unless somebody has confirmed that it is meant, it only
    /// says which those are.
    RemoveUnused {
        days: u32,
        for_real: bool,
    },
    Benchmark {
        models: Models,
        repeats: u32,
    },
}

/// Which installed models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Models {
    All,
    /// Those that carry this tag of the house.
    Tagged(String),
    /// Those whose name fits: `*` stands for anything, `?` for one character.
    Named(String),
}

/// The kinds of what a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    Unload,
    Update,
    Apply,
    Tag,
    Backup,
    PruneBackups,
    Check,
    RemoveUnused,
    Benchmark,
}

impl ActionKind {
    pub const ALL: [Self; 9] = [
        Self::Unload,
        Self::Update,
        Self::Apply,
        Self::Tag,
        Self::Backup,
        Self::PruneBackups,
        Self::Check,
        Self::RemoveUnused,
        Self::Benchmark,
    ];

    /// As the command line writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unload => "unload",
            Self::Update => "update",
            Self::Apply => "apply",
            Self::Tag => "tag",
            Self::Backup => "backup",
            Self::PruneBackups => "prune-backups",
            Self::Check => "check",
            Self::RemoveUnused => "remove-unused",
            Self::Benchmark => "benchmark",
        }
    }

    /// In a list to choose from.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Unload => "Unload idle models",
            Self::Update => "Update models",
            Self::Apply => "Apply a list of models",
            Self::Tag => "Tag models",
            Self::Backup => "Make a backup",
            Self::PruneBackups => "Prune backups",
            Self::Check => "Check the store in full",
            Self::RemoveUnused => "Remove unused models",
            Self::Benchmark => "Benchmark models",
        }
    }

    /// Whether whoever sets it up must be one who may manage models.
    #[must_use]
    pub fn is_about_models(self) -> bool {
        match self {
            Self::Unload | Self::Update | Self::Apply | Self::Tag | Self::RemoveUnused | Self::Benchmark => true,
            Self::Backup | Self::PruneBackups | Self::Check => false,
        }
    }
}

impl Action {
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Unload { .. } => ActionKind::Unload,
            Self::Update { .. } => ActionKind::Update,
            Self::Apply { .. } => ActionKind::Apply,
            Self::Tag { .. } => ActionKind::Tag,
            Self::Backup => ActionKind::Backup,
            Self::PruneBackups => ActionKind::PruneBackups,
            Self::Check => ActionKind::Check,
            Self::RemoveUnused { .. } => ActionKind::RemoveUnused,
            Self::Benchmark { .. } => ActionKind::Benchmark,
        }
    }
}

impl fmt::Display for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all models"),
            Self::Tagged(tag) => write!(f, "models tagged {tag}"),
            Self::Named(pattern) => write!(f, "models named {pattern}"),
        }
    }
}

/// In words, for a list. What was typed in it is foreign text.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unload { minutes } => write!(f, "unload models idle for {minutes} min"),
            Self::Update { models } => write!(f, "update {models}"),
            Self::Apply { list } => write!(f, "apply the list {}", list.display()),
            Self::Tag { filter, tag } => write!(f, "tag “{filter}” with {tag}"),
            Self::Backup => f.write_str("make a backup"),
            Self::PruneBackups => f.write_str("prune backups"),
            Self::Check => f.write_str("check the store in full"),
            Self::RemoveUnused { days, for_real: true } => write!(f, "remove models unused for {}", many(*days, "day")),
            Self::RemoveUnused { days, for_real: false } => {
                write!(f, "name models unused for {}, remove none", many(*days, "day"))
            }
            Self::Benchmark { models, repeats } => write!(f, "benchmark {models}, {repeats} times"),
        }
    }
}

/// A time of the day, local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay {
    pub hour: u8,
    pub minute: u8,
}

impl TimeOfDay {
    /// `3:00`, `03:00`, `23:59`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.trim().split_once(':')?;
        let digits = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour) || !digits(minute) || minute.len() != 2 {
            return None;
        }
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(Self { hour, minute })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("{text} is no time of the day"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        }
    }

    /// By its name or the first three letters of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|day| {
            let name = day.as_str().to_ascii_lowercase();
            name == text || name[..3] == text
        })
    }
}

/// When a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Every {
        minutes: u32,
    },
    Daily {
        at: TimeOfDay,
    },
    Weekly {
        day: Day,
        at: TimeOfDay,
    },
    /// When a window opens and no other was open.
    Start,
    /// When a model in memory has been idle for so long.
    Idle {
        minutes: u32,
    },
    /// When the free space of the disk that holds the data falls below so many bytes.
    DiskBelow {
        bytes: u64,
    },
    /// When the registry, asked once a day, has another build of an installed model.
    UpdateAvailable,
    /// Only when somebody says so.
    ByHand,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { minutes } if minutes % 1440 == 0 => match minutes / 1440 {
                1 => f.write_str("every day"),
                days => write!(f, "every {days} days"),
            },
            Self::Every { minutes } if minutes % 60 == 0 => write!(f, "every {} h", minutes / 60),
            Self::Every { minutes } => write!(f, "every {minutes} min"),
            Self::Daily { at } => write!(f, "daily at {at}"),
            Self::Weekly { day, at } => write!(f, "{} at {at}", day.as_str()),
            Self::Start => f.write_str("after the start"),
            Self::Idle { minutes } => write!(f, "a model idle for {minutes} min"),
            Self::DiskBelow { bytes } => write!(f, "less than {} free", super::retention::size_text(*bytes)),
            Self::UpdateAvailable => f.write_str("an update is there"),
            Self::ByHand => f.write_str("by hand"),
        }
    }
}

/// What must hold besides. What does not hold yet is waited for, within the time in which a missed run is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// Nobody chats at this moment.
    pub while_quiet: bool,
    /// So many bytes are free on the disk that holds the data.
    pub with_free: Option<u64>,
    /// Within these hours of the day; the second may lie after midnight.
    pub between: Option<(TimeOfDay, TimeOfDay)>,
}

/// A rule as somebody writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRule {
    pub name: String,
    pub action: Action,
    pub when: When,
    #[serde(default)]
    pub only: Only,
    pub enabled: bool,
    /// Whether somebody has agreed that models are removed.
    #[serde(default)]
    pub confirmed: bool,
}

/// A rule as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: RuleId,
    pub name: String,
    pub action: Action,
    pub when: When,
    pub only: Only,
    pub enabled: bool,
    /// Who made it, and that account's name today.
    pub made_by: Option<AccountId>,
    pub by: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub last: Option<RuleRun>,
    /// When it runs next, as far as a clock decides that.
    pub next_at: Option<i64>,
    /// Runs in a row that failed.
    pub failures: u32,
    /// Why it was paused, by itself.
    pub paused_because: Option<String>,
    /// What a run that is due waits for.
    pub waits_because: Option<String>,
}

impl Rule {
    /// `on`, `off`, `paused`.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match (self.enabled, &self.paused_because) {
            (_, Some(_)) => "paused",
            (true, None) => "on",
            (false, None) => "off",
        }
    }
}

/// How a run ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    Running,
    /// Everything that was to be done is done.
    Done,
    /// Nothing was to be done.
    Nothing,
    /// Some of it failed.
    Partly,
    Failed,
    /// A condition did not hold in time.
    Skipped,
    Cancelled,
}

impl RunResult {
    pub const ALL: [Self; 7] =
        [Self::Running, Self::Done, Self::Nothing, Self::Partly, Self::Failed, Self::Skipped, Self::Cancelled];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Nothing => "nothing to do",
            Self::Partly => "partly failed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == text)
    }

    /// Whether it counts towards being paused.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Partly | Self::Failed => true,
            Self::Running | Self::Done | Self::Nothing | Self::Skipped | Self::Cancelled => false,
        }
    }
}

/// One run of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRun {
    /// Its place in the history; pages go by it.
    pub seq: i64,
    pub rule: RuleId,
    /// The job that it was.
    pub job: JobId,
    pub at: i64,
    pub ended_at: Option<i64>,
    /// The moment that it was due at. `None` = somebody began it by hand.
    pub due_at: Option<i64>,
    /// Who began it by hand, by today's name.
    pub by: Option<String>,
    pub dry_run: bool,
    pub result: RunResult,
    pub report: RunReport,
}

/// What a run did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunReport {
    /// One sentence.
    pub words: String,
    pub items: Vec<RunItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunItem {
    /// What it is about: a model, a backup. Foreign text.
    pub what: String,
    pub became: Became,
    /// What was or would be done, or why not. May hold foreign text.
    pub words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// Of a dry run.
    Would,
    Done,
    Skipped,
    Failed,
    /// It goes on as a job of its own.
    UnderWay,
}

impl Became {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Would => "would",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::UnderWay => "under way",
        }
    }
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRuns {
    pub rows: Vec<RuleRun>,
    /// Pass back to get what follows.
    pub next: Option<i64>,
}

/// What is wrong with a rule as it is written; the first mistake.
///
/// # Errors
/// Says what may be.
pub fn check(new: &NewRule) -> Result<(), Fault> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Fault::invalid(format!("A rule's name has 1 to {NAME_MAX} characters, on one line.")));
    }
    let within = |what: &str, value: u32, least: u32, most: u32| {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(Fault::invalid(format!("{what} can be {least} to {most}, not {value}.")))
        }
    };
    let said = |what: &str, text: &str| {
        let fits = !text.trim().is_empty() && text.len() <= 1000 && !text.chars().any(char::is_control);
        if fits { Ok(()) } else { Err(Fault::invalid(format!("{what} is missing, or longer than it can be."))) }
    };
    let which = |models: &Models| match models {
        Models::All => Ok(()),
        Models::Tagged(tag) => said("The tag", tag),
        Models::Named(pattern) => said("The name", pattern),
    };
    match &new.action {
        Action::Unload { minutes } => within("Idle minutes", *minutes, 1, 100_000)?,
        Action::Update { models } => which(models)?,
        Action::Benchmark { models, repeats } => {
            which(models)?;
            within("Repeats", *repeats, 1, 20)?;
        }
        Action::Apply { list } => {
            said("The file with the list", &list.to_string_lossy())?;
            if !list.is_absolute() {
                return Err(Fault::invalid("A rule needs the whole path of its list.")
                    .hint("It runs from wherever the program was started. Write it from the root: /home/…"));
            }
        }
        Action::Tag { filter, tag } => {
            said("What models must fit", filter)?;
            said("The tag", tag)?;
        }
        Action::RemoveUnused { days, for_real } => {
            within("Unused days", *days, 1, 3650)?;
            if *for_real && !new.confirmed {
                return Err(Fault::invalid("This rule removes models without asking anybody.")
                    .hint("Confirm that it is meant; without, it only names them."));
            }
        }
        Action::Backup | Action::PruneBackups | Action::Check => {}
    }
    match new.when {
        When::Every { minutes } => within("Minutes between two runs", minutes, EVERY_MIN, 525_600)?,
        When::Idle { minutes } => within("Idle minutes", minutes, 1, 100_000)?,
        When::DiskBelow { bytes: 0 } => return Err(Fault::invalid("Say below how much free space it is to run.")),
        When::DiskBelow { .. }
        | When::Daily { .. }
        | When::Weekly { .. }
        | When::Start
        | When::UpdateAvailable
        | When::ByHand => {}
    }
    if let Some((from, to)) = new.only.between
        && from == to
    {
        return Err(Fault::invalid("The hours in which it may run begin and end at the same time."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action, when: When) -> NewRule {
        NewRule { name: "x".into(), action, when, only: Only::default(), enabled: true, confirmed: false }
    }

    #[test]
    fn times_are_read_and_written_alike() {
        for (typed, written) in [("3:00", Some("03:00")), ("23:59", Some("23:59")), ("24:00", None), ("3", None)] {
            assert_eq!(TimeOfDay::parse(typed).map(|at| at.to_string()).as_deref(), written, "{typed}");
        }
        for wrong in ["", ":", "3:0", "3:60", "+3:00", "003:00", "-1:00"] {
            assert_eq!(TimeOfDay::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Day::parse("sun"), Some(Day::Sunday));
        assert_eq!(Day::parse("s"), None);
    }

    #[test]
    fn what_removes_models_must_be_confirmed_and_what_cannot_be_is_said() {
        let remove = |for_real| Action::RemoveUnused { days: 90, for_real };
        check(&rule(remove(false), When::ByHand)).unwrap();
        check(&rule(remove(true), When::ByHand)).unwrap_err();
        check(&NewRule { confirmed: true, ..rule(remove(true), When::ByHand) }).unwrap();
        check(&rule(Action::Check, When::Every { minutes: EVERY_MIN - 1 })).unwrap_err();
        check(&rule(Action::Apply { list: "models.toml".into() }, When::Start)).unwrap_err();
        check(&NewRule { name: " ".into(), ..rule(Action::Check, When::Start) }).unwrap_err();
        let at = TimeOfDay { hour: 1, minute: 0 };
        let only = Only { between: Some((at, at)), ..Only::default() };
        check(&NewRule { only, ..rule(Action::Check, When::Start) }).unwrap_err();
    }
}
