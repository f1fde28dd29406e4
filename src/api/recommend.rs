//! Which model to take for what, installed or not, and why.
//!
//! Ratings, use and speeds are those of `measures`: one's own, or of everybody where enough people are in them. Where nothing
//! was measured the rest still counts, and it is said that it is an estimate.

use serde::{Deserialize, Serialize};

use super::fleet::Verdict;

/// What a model is wanted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    #[default]
    Chat,
    Code,
    /// Looking at images.
    Vision,
    /// Making vectors of texts, for searching by meaning.
    Embedding,
    /// Thinking before answering.
    Reasoning,
    /// Calling tools.
    Tools,
}

impl Task {
    pub const ALL: [Self; 6] = [Self::Chat, Self::Code, Self::Vision, Self::Embedding, Self::Reasoning, Self::Tools];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Code => "code",
            Self::Vision => "vision",
            Self::Embedding => "embedding",
            Self::Reasoning => "reasoning",
            Self::Tools => "tools",
        }
    }
}

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendQuery {
    pub task: Task,
    /// How many, 1 to 20.
    pub limit: u32,
    /// Only of those that are here.
    pub only_installed: bool,
}

/// One model, with everything that spoke for it or against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// With its tag. Foreign text.
    pub model: String,
    /// In whole sentences, the weightiest first.
    pub reasons: Vec<String>,
    /// Nothing of it was measured or rated here.
    pub is_estimate: bool,
    pub is_installed: bool,
    pub bytes: Option<u64>,
    pub verdict: Verdict,
    /// Tokens a second: of the newest benchmark, else of answers.
    pub speed: Option<f64>,
    pub liked: u64,
    pub disliked: u64,
    /// What it was ordered by; only good for that.
    pub points: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommended {
    pub query: RecommendQuery,
    /// The best first, one of each family.
    pub rows: Vec<Recommendation>,
    /// Nothing of any of them was measured or rated here.
    pub is_estimate: bool,
}
