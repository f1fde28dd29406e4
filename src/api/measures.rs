//! How models do here: what they were used for, how fast they really were, how they were liked; benchmarks; which to take.
//!
//! One's own figures are told in full. Those of others are told only as sums of everybody together, and only where at least
//! `PEOPLE_MIN` accounts are in them: with fewer, taking one's own away would tell what one other person did. There is no
//! list by person here for anybody, administrators included; how much each account did, though not with which models, stands
//! in the reports (`reports`).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::insights::{Outcomes, Period, Spread};

/// From how many accounts on the figures of everybody are told.
pub const PEOPLE_MIN: usize = 3;

// ---- use

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UseQuery {
    /// Days are those of the calendar on the wall, where and when an answer ended.
    pub period: Period,
    /// Only this model, and its days one by one.
    pub model: Option<String>,
}

/// What answers cost and how they were, of one account or of everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UseFigures {
    pub answers: Outcomes,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    /// From the request to the first token, loading included; estimated from counts in steps.
    pub first_token: Option<Spread>,
    /// Over all answers that tell their tokens and their time; long ones weigh more.
    pub tokens_per_second: Option<f64>,
    /// Answers for which the model had to be loaded, and how long that took on average, milliseconds.
    pub loads: u64,
    pub load_ms: Option<u64>,
    pub liked: u64,
    pub disliked: u64,
    /// Milliseconds since 1970; of everybody: the beginning of that day.
    pub last_used_at: Option<i64>,
}

impl UseFigures {
    /// The share of the answers that Ollama refused or broke off, 0 to 1.
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        let all = self.answers.all();
        (all > 0).then(|| self.answers.failed as f64 / all as f64)
    }

    /// Likes among the ratings, 0 to 1.
    #[must_use]
    pub fn approval(&self) -> Option<f64> {
        let rated = self.liked + self.disliked;
        (rated > 0).then(|| self.liked as f64 / rated as f64)
    }
}

/// One model, as it was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsedModel {
    /// With its tag. Foreign text.
    pub model: String,
    pub own: UseFigures,
    /// `None` where too few people used it for others' figures to be told.
    pub everybody: Option<UseFigures>,
    /// How many people are in `everybody`.
    pub people: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelUse {
    pub query: UseQuery,
    /// Most of one's own answers first, then most of everybody's.
    pub models: Vec<UsedModel>,
    /// One's own days with the model that was asked for, oldest first; empty where none was.
    pub days: Vec<(Date, UseFigures)>,
    /// Milliseconds since 1970: how fresh this is.
    pub as_of: i64,
}
