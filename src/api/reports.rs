//! What an administrator sees of the whole house: how much is done, how fast, what fails, how large everything is.
//!
//! Invariant: counts, times and sizes, never a word of content. Of one account it is told how much it did, never with which
//! models nor what it thought of answers; where a model and a role are asked for together, only sums of at least
//! `measures::PEOPLE_MIN` accounts are told.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, FaultKind,
    insights::{Grain, Spread},
    jobs::WorkKind,
    measures::UseFigures,
};

/// Most rows of accounts and of models that one answer holds; the rest is counted in `left_out`.
pub const ROWS_MAX: usize = 1000;
/// Most stretches of time.
pub const STRETCHES_MAX: usize = 4000;

/// Which days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    Today,
    /// Seven days with today, and so on.
    Week,
    #[default]
    Month,
    Year,
    /// The first and the last; where one is missing, the beginning or today.
    Between(Option<Date>, Option<Date>),
}

impl Over {
    /// In the order in which a key goes through them.
    pub const EACH: [Self; 4] = [Self::Today, Self::Week, Self::Month, Self::Year];

    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Today => "today".to_owned(),
            Self::Week => "7 days".to_owned(),
            Self::Month => "30 days".to_owned(),
            Self::Year => "365 days".to_owned(),
            Self::Between(first, last) => {
                let day = |day: Option<Date>, none: &str| day.map_or_else(|| none.to_owned(), |day| day.to_string());
                format!("{} to {}", day(first, "the beginning"), day(last, "today"))
            }
        }
    }
}

/// What is to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Question {
    pub over: Over,
    /// How wide a bar is. `None` = as wide as fits the days.
    pub by: Option<Grain>,
    /// Only this account, by its name.
    pub account: Option<String>,
    /// Only those who have this role now.
    pub role: Option<String>,
    /// Only this model.
    pub model: Option<String>,
}

/// What of a report is written as a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Accounts,
    Models,
    #[default]
    Days,
    Errors,
    Storage,
}

impl Subject {
    pub const EACH: [Self; 5] = [Self::Days, Self::Accounts, Self::Models, Self::Errors, Self::Storage];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Models => "models",
            Self::Days => "days",
            Self::Errors => "errors",
            Self::Storage => "storage",
        }
    }

    /// The headings of its table, in the order of the cells.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &[
                "account",
                "role",
                "deleted",
                "active_days",
                "last_day",
                "sign_ins",
                "answers",
                "failed",
                "prompt_tokens",
                "answer_tokens",
                "bytes",
                "grown_bytes",
                "grown_since",
            ],
            Self::Models => &[
                "model",
                "people",
                "answers",
                "done",
                "length",
                "stopped",
                "interrupted",
                "failed",
                "prompt_tokens",
                "answer_tokens",
                "first_token_median_ms",
                "first_token_p90_ms",
                "tokens_per_second",
                "loads",
                "load_mean_ms",
                "liked",
                "disliked",
                "last_day",
            ],
            Self::Days => &[
                "first_day",
                "last_day",
                "active_accounts",
                "sign_ins",
                "answers",
                "failed",
                "prompt_tokens",
                "answer_tokens",
                "first_token_median_ms",
                "first_token_p90_ms",
                "tokens_per_second",
                "liked",
                "disliked",
                "bytes",
            ],
            Self::Errors => &["first_day", "last_day", "as", "kind", "count"],
            Self::Storage => &["account", "deleted", "bytes", "grown_bytes", "grown_since"],
        }
    }
}

/// How much was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// With a passphrase or a code; not told of a model.
    pub sign_ins: Option<u64>,
    /// Each question that a model was asked counts once, however its answer ended.
    pub answers: u64,
    pub failed: u64,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
}

impl Amounts {
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens + self.answer_tokens
    }
}

/// How well it went: of everybody, never of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    pub tokens_per_second: Option<f64>,
    pub first_token: Option<Spread>,
    pub liked: u64,
    pub disliked: u64,
}

/// One bar over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfDays {
    pub first: Date,
    pub last: Date,
    /// Accounts that signed in or got an answer; not told of a model.
    pub accounts: Option<u64>,
    pub amounts: Amounts,
    pub quality: Option<Quality>,
    /// How large everything, or the account's vault, was when it was measured last.
    pub bytes: Option<u64>,
}

/// By how much something grew, and from which day's measurement on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown {
    pub bytes: i64,
    pub since: Date,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfAccount {
    pub id: AccountId,
    pub name: String,
    pub role: String,
    /// In the trash.
    pub deleted: bool,
    pub active_days: u32,
    pub last_day: Option<Date>,
    pub amounts: Amounts,
    /// Its vaults, the sealed ones included.
    pub bytes: u64,
    pub grown: Option<Grown>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfModel {
    /// With its tag. Foreign text.
    pub model: String,
    /// Who used it; told where the days end today.
    pub people: Option<u64>,
    pub figures: UseFigures,
}

/// How far a question came that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedAs {
    /// It was refused before an answer began: too many calls, nothing left of the day's tokens, Ollama away, no such model.
    Question,
    /// Its answer had begun.
    Answer,
}

impl FailedAs {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
        }
    }
}

/// Questions or answers that failed, by what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfError {
    #[serde(rename = "as")]
    pub failed_as: FailedAs,
    pub kind: FaultKind,
    pub count: u64,
    /// In how many accounts.
    pub accounts: u64,
    pub last_day: Date,
    /// Of each stretch of the report.
    pub stretches: Vec<u64>,
}

/// How large everything is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The vaults and the system database, or the vaults of the account that was asked for.
    pub bytes: u64,
    pub grown: Option<Grown>,
    /// Left on the disk, and how large it is.
    pub free: Option<u64>,
    pub disk: Option<u64>,
}

/// Everything about some days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub question: Question,
    pub first: Date,
    pub last: Date,
    pub grain: Grain,
    pub total: OfDays,
    pub stretches: Vec<OfDays>,
    /// Most answers first; empty where a model was asked for.
    pub accounts: Vec<OfAccount>,
    /// Most answers first; empty where an account was asked for.
    pub models: Vec<OfModel>,
    /// Models that are not told because too few people with the role used them.
    pub untold_models: u64,
    /// Most first.
    pub errors: Vec<OfError>,
    pub storage: Storage,
    /// Rows beyond `ROWS_MAX`.
    pub left_out: u64,
    /// Milliseconds since 1970: how fresh this is.
    pub as_of: i64,
}

impl Report {
    /// How many rows the table of a subject has.
    #[must_use]
    pub fn rows(&self, of: Subject) -> usize {
        match of {
            Subject::Accounts | Subject::Storage => self.accounts.len(),
            Subject::Models => self.models.len(),
            Subject::Days => self.stretches.len(),
            Subject::Errors => self.errors.len(),
        }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    pub name: String,
    pub sessions: u32,
    /// When the first of them began, milliseconds since 1970.
    pub since: i64,
}

/// How fast answers came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    pub answers: u64,
    pub tokens_per_second: Option<f64>,
    pub first_token: Option<Spread>,
}

/// What can fail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failing {
    /// Before an answer began.
    Question(FaultKind),
    Answer(FaultKind),
    Job(WorkKind),
    /// By the audit trail: what was tried, and how it ended.
    Trail {
        action: String,
        result: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub what: Failing,
    pub count: u64,
    /// Milliseconds since 1970; of answers the day alone is known, and this is `None`.
    pub last_at: Option<i64>,
}

/// This moment, and the week up to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// Who is signed in, by name.
    pub here: Vec<Here>,
    /// Answers that stream, in all windows.
    pub answers_running: u32,
    pub jobs_running: u64,
    pub jobs_waiting: u64,
    pub today: Pace,
    /// The seven days before today.
    pub week: Pace,
    /// Jobs that failed within seven days.
    pub jobs_failed: u64,
    /// What failed within seven days, most first.
    pub failed: Vec<Failure>,
}

/// What opens first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub now: Now,
    pub report: Report,
}

/// What failed of questions and answers, as a row of a list.
#[must_use]
pub fn error_words(failed_as: FailedAs, kind: FaultKind) -> String {
    match failed_as {
        FailedAs::Question => format!("refused: {}", kind_words(kind)),
        FailedAs::Answer => kind_words(kind).to_owned(),
    }
}

/// A kind of fault in a word or two, as a row of a list.
#[must_use]
pub fn kind_words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::SignedOut => "signed out",
        FaultKind::Locked => "locked",
        FaultKind::Denied => "not allowed",
        FaultKind::WrongCredentials => "wrong passphrase or code",
        FaultKind::Unconfirmed => "not confirmed",
        FaultKind::SecondFactorWanted => "second factor wanted",
        FaultKind::Slow => "too many calls",
        FaultKind::Upstream => "Ollama not reached",
        FaultKind::Ollama => "Ollama failed",
        FaultKind::Model => "model or request refused",
        FaultKind::ModelMissing => "model missing",
        FaultKind::Overflow => "prompt too long",
        FaultKind::Invalid => "not acceptable",
        FaultKind::Conflict => "changed elsewhere",
        FaultKind::NotFound => "not found",
        FaultKind::Timeout => "took too long",
        FaultKind::Cancelled => "stopped",
        FaultKind::DiskFull => "disk or quota full",
        FaultKind::ReadOnly => "not writable",
        FaultKind::Unsafe => "unsafe directory",
        FaultKind::Store => "database damaged",
        FaultKind::Internal => "mistake of the program",
    }
}
