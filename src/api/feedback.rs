//! What a person thought of an answer: a thumb, reasons, a comment.

use serde::{Deserialize, Serialize};

use super::{ConversationId, MessageId};

/// Longest comment, bytes.
pub const COMMENT_MAX: usize = 4 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thumb {
    Up,
    Down,
}

impl Thumb {
    /// As the databases write it.
    #[must_use]
    pub fn sign(self) -> i64 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }

    /// The reasons that go with it, in the order in which they are offered.
    #[must_use]
    pub fn reasons(self) -> &'static [Reason] {
        match self {
            Self::Up => &[Reason::Correct, Reason::Helpful, Reason::Clear, Reason::Thorough, Reason::Fast],
            Self::Down => &[
                Reason::Wrong,
                Reason::Incomplete,
                Reason::OffTopic,
                Reason::TooLong,
                Reason::Unclear,
                Reason::Refused,
                Reason::Slow,
            ],
        }
    }
}

/// Why an answer was good or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Correct,
    Helpful,
    Clear,
    Thorough,
    Fast,
    Wrong,
    Incomplete,
    OffTopic,
    TooLong,
    Unclear,
    Refused,
    Slow,
}

impl Reason {
    pub const ALL: [Self; 12] = [
        Self::Correct,
        Self::Helpful,
        Self::Clear,
        Self::Thorough,
        Self::Fast,
        Self::Wrong,
        Self::Incomplete,
        Self::OffTopic,
        Self::TooLong,
        Self::Unclear,
        Self::Refused,
        Self::Slow,
    ];

    /// In words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Helpful => "helpful",
            Self::Clear => "clear",
            Self::Thorough => "thorough",
            Self::Fast => "fast",
            Self::Wrong => "wrong",
            Self::Incomplete => "incomplete",
            Self::OffTopic => "off topic",
            Self::TooLong => "too long",
            Self::Unclear => "unclear",
            Self::Refused => "refused",
            Self::Slow => "slow",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase().replace(['_', '-'], " ");
        Self::ALL.into_iter().find(|reason| reason.label() == name)
    }
}

/// The one rating that an answer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    pub thumb: Thumb,
    pub reasons: Vec<Reason>,
    pub comment: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
    pub updated_at: i64,
}

/// A rating to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFeedback {
    pub thumb: Thumb,
    pub reasons: Vec<Reason>,
    pub comment: Option<String>,
}

/// A rating in a list, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackRow {
    pub feedback: Feedback,
    pub conversation: ConversationId,
    pub message: MessageId,
    /// Title of the conversation.
    pub title: String,
    pub model: Option<String>,
}

/// Thumbs by model, and how often each reason was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackSummary {
    pub up: u64,
    pub down: u64,
    /// Those with most ratings first.
    pub models: Vec<RatedModel>,
    pub reasons: Vec<(Reason, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatedModel {
    pub model: String,
    pub up: u64,
    pub down: u64,
}
