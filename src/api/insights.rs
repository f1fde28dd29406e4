//! A person's own use in figures: how much, when, with which models, how fast, how well it was liked.
//!
//! Counts and times, never content; only the names of one's own conversations and folders. What each figure means stands
//! in `FIGURES`, the one table from which the headings of exports and `docs/insights.md` are made.

use std::fmt::Write as _;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{ConversationId, FolderId};

/// Most models, folders and reasons that one answer holds; the rest is counted in `left_out`.
pub const GROUPS_MAX: usize = 1000;

/// How far back, counted in days with today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    #[serde(rename = "7d")]
    Week,
    #[default]
    #[serde(rename = "30d")]
    Month,
    #[serde(rename = "90d")]
    Quarter,
    #[serde(rename = "365d")]
    Year,
    #[serde(rename = "all")]
    All,
}

impl Period {
    pub const EACH: [Self; 5] = [Self::Week, Self::Month, Self::Quarter, Self::Year, Self::All];

    /// `None` = from the first day on.
    #[must_use]
    pub fn days(self) -> Option<i64> {
        match self {
            Self::Week => Some(7),
            Self::Month => Some(30),
            Self::Quarter => Some(90),
            Self::Year => Some(365),
            Self::All => None,
        }
    }

    /// As it is written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "365d",
            Self::All => "all",
        }
    }

    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
            Self::Year => "365 days",
            Self::All => "everything",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|period| period.as_str() == text)
    }
}

/// How wide a bar over time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    Day,
    /// From Monday to Sunday.
    Week,
    Month,
    Year,
}

impl Grain {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// What to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InsightsQuery {
    pub period: Period,
    /// Only the answers of this model.
    pub model: Option<String>,
    /// Only what lies in this folder or below it.
    pub folder: Option<FolderId>,
}

/// The groups in which figures are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Over time, in the grain that the period asks for.
    #[default]
    Day,
    Model,
    Folder,
    /// Hours of the week.
    Hour,
    /// Reasons that were given with ratings.
    Reason,
}

impl By {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Folder => "folder",
            Self::Hour => "hour",
            Self::Reason => "reason",
        }
    }
}

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sheet {
    Csv,
    Json,
}

impl Sheet {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// How many answers ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub done: u64,
    pub length: u64,
    pub stopped: u64,
    pub interrupted: u64,
    pub failed: u64,
}

impl Outcomes {
    #[must_use]
    pub fn all(&self) -> u64 {
        self.done + self.length + self.stopped + self.interrupted + self.failed
    }

    /// Each with its word, in a fixed order.
    #[must_use]
    pub fn each(&self) -> [(&'static str, u64); 5] {
        [
            ("done", self.done),
            ("length", self.length),
            ("stopped", self.stopped),
            ("interrupted", self.interrupted),
            ("failed", self.failed),
        ]
    }
}

/// Times as they are spread: half took at most the median, nine of ten at most the other. Estimated from counts in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    pub median_ms: u64,
    pub p90_ms: u64,
    /// How many times went into it.
    pub of: u64,
}

/// The figures of a day, a model, a folder, a conversation, or of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// `None` where it is not told: a question belongs to no model.
    pub asked: Option<u64>,
    pub answers: Outcomes,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    pub answer_time: Option<Spread>,
    pub first_token: Option<Spread>,
    /// All answers' times together.
    pub answering_ms: u64,
    pub tokens_per_second: Option<f64>,
    pub liked: u64,
    pub disliked: u64,
}

impl Figures {
    /// Questions and answers.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.asked.unwrap_or(0) + self.answers.all()
    }

    /// There are answers, and none of them tells its tokens, as those that came from other programs.
    #[must_use]
    pub fn hides_tokens(&self) -> bool {
        self.answers.all() > 0 && self.answer_tokens == 0 && self.prompt_tokens == 0
    }

    /// Likes among the ratings, 0 to 1.
    #[must_use]
    pub fn approval(&self) -> Option<f64> {
        let rated = self.liked + self.disliked;
        (rated > 0).then(|| self.liked as f64 / rated as f64)
    }
}

/// One bar over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub first: Date,
    pub last: Date,
    pub figures: Figures,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfModel {
    /// Foreign text. `None`: the answers do not tell their model, as some imported ones.
    pub model: Option<String>,
    pub figures: Figures,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfFolder {
    /// `None` = in no folder, or in one that is gone.
    pub folder: Option<FolderId>,
    /// From the top down, with slashes.
    pub path: String,
    /// What lies directly in it.
    pub figures: Figures,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfReason {
    /// Foreign text.
    pub reason: String,
    pub liked: u64,
    pub disliked: u64,
}

/// A conversation in a list of this screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedConversation {
    pub id: ConversationId,
    pub title: String,
    pub trashed: bool,
    /// Messages: of the days asked for, or, among the longest ones, altogether.
    pub messages: u64,
    pub answer_tokens: u64,
}

/// Everything that the screen shows, in one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Insights {
    pub query: InsightsQuery,
    /// The first and the last day counted.
    pub first: Date,
    pub last: Date,
    pub grain: Grain,
    pub total: Figures,
    /// Every stretch of the period, also those in which nothing was said. Oldest first.
    pub stretches: Vec<Stretch>,
    /// Most answers first.
    pub models: Vec<OfModel>,
    /// Most messages first.
    pub folders: Vec<OfFolder>,
    /// Most named first.
    pub reasons: Vec<OfReason>,
    /// Groups beyond `GROUPS_MAX`.
    pub left_out: u64,
    /// Messages by weekday (Monday first) and hour.
    pub hours: [[u64; 24]; 7],
    /// Days on which something was said.
    pub active_days: u32,
    /// Days in a row up to today, or to yesterday while today is silent.
    pub streak: u32,
    pub longest_streak: u32,
    /// The longest conversations in which something was said in the period.
    pub longest: Vec<UsedConversation>,
    /// Milliseconds since 1970: how fresh this is.
    pub as_of: i64,
}

/// The figures of one conversation, for the panel beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationFigures {
    pub figures: Figures,
    /// Those that answered in it, most answers first.
    pub models: Vec<OfModel>,
    /// The first day on which something was said in it.
    pub since: Option<Date>,
}

/// One figure as it is exported, named and explained.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// The heading of its column.
    pub column: &'static str,
    pub name: &'static str,
    pub meaning: &'static str,
}

/// The columns of an export, in their order.
pub const FIGURES: [Figure; 16] = [
    Figure {
        column: "asked",
        name: "asked",
        meaning: "Messages you sent: each question, each edited one again. Not told for a model: a question belongs to none.",
    },
    Figure {
        column: "answered",
        name: "answered",
        meaning: "Answers, however they ended: the sum of the next five. A regenerated answer is another one; an answer \
                  that was gone on with is one.",
    },
    Figure { column: "done", name: "done", meaning: "Answers that the model ended by itself." },
    Figure {
        column: "length",
        name: "cut at a limit",
        meaning: "Answers that ended at `num_predict` or at the end of the context.",
    },
    Figure { column: "stopped", name: "stopped", meaning: "Answers that you stopped." },
    Figure { column: "interrupted", name: "interrupted", meaning: "Answers during which the program ended." },
    Figure { column: "failed", name: "failed", meaning: "Answers that Ollama refused or broke off." },
    Figure {
        column: "prompt_tokens",
        name: "tokens in",
        meaning: "Tokens the models read, as Ollama counts them: the whole request each time, what went before included.",
    },
    Figure {
        column: "answer_tokens",
        name: "tokens out",
        meaning: "Tokens the models wrote, thinking included, as Ollama counts them.",
    },
    Figure {
        column: "answer_median_ms",
        name: "answer time, median",
        meaning: "From the request to the end, milliseconds, measured here: half of the answers took at most so long. Of \
                  answers that were done or cut at a limit; whatever ended early is not counted.",
    },
    Figure { column: "answer_p90_ms", name: "answer time, p90", meaning: "Nine of ten answers took at most so long." },
    Figure {
        column: "first_token_median_ms",
        name: "first token, median",
        meaning: "From the request to the first token, loading the model included, milliseconds, measured here.",
    },
    Figure {
        column: "first_token_p90_ms",
        name: "first token, p90",
        meaning: "Nine of ten answers began within so long.",
    },
    Figure {
        column: "tokens_per_second",
        name: "speed",
        meaning: "Tokens written by the time spent writing them, both as Ollama reports them, over all answers that tell \
                  both. Long answers weigh more than short ones.",
    },
    Figure {
        column: "liked",
        name: "liked",
        meaning: "Answers rated with a thumb up. A rating counts on the day of its answer.",
    },
    Figure { column: "disliked", name: "disliked", meaning: "Answers rated with a thumb down." },
];

/// `docs/insights.md`.
#[must_use]
pub fn insights_markdown() -> String {
    let mut page = String::from(
        "# Insights\n\n\
         Alt+5, or `ollamanet insights`: your own use in figures. They come from your vault alone, and nobody else sees \
         them, administrators included.\n\n\
         ## What counts\n\n\
         - A message counts from the moment it is whole, on the day and in the hour that the clock on the wall showed when \
         it was said, in the time zone of the machine then. A journey or a change of the time zone moves nothing that was \
         counted. Where the clocks are set back, the repeated hour counts as one; where they are set forward, the missing \
         hour stays empty.\n\
         - What was said stays counted when it goes to the trash, and also when it is purged: counts then, without \
         content. Counts of a purged conversation stay in the folder it lay in last; those of a deleted folder count as in \
         no folder.\n\
         - Everything else is counted in the folder in which its conversation lies now: move a conversation, and its past \
         moves with it. A folder chosen as a filter brings the folders below it along.\n\
         - Imported messages count on the days they were said, as messages. They have no times, tokens or speed.\n\
         - A copy of a conversation is not said again, and not counted; what is said in the copy is.\n\
         - Titles that a model makes in the background are not counted.\n\n\
         ## The figures\n\n| column | figure | what it means |\n|---|---|---|\n",
    );
    for figure in FIGURES {
        let _ = writeln!(page, "| `{}` | {} | {} |", figure.column, figure.name, figure.meaning);
    }
    page.push_str(
        "\nTimes are kept as counts in twenty-four steps, and medians are read from them by assuming that the times within \
         a step are spread evenly: the true figure lies in the same step, and from 0.35 to 256 seconds no step is wider \
         than half of where it begins. What took longer than 512 seconds is shown as 512 seconds.\n\n\
         ## The rest\n\n\
         - **Period**: 7, 30, 90 or 365 days with today, or everything. Bars are days up to 90 days, weeks (from Monday) up \
         to two years, months up to twenty years, then years.\n\
         - **Active days**: days on which something was said. **Streak**: active days in a row up to today, or to yesterday \
         while today is silent.\n\
         - **Hours**: questions and answers by weekday and hour; with a model as a filter, its answers.\n\
         - **Longest conversations**: those in which something was said in the period, by the messages they hold \
         altogether. Not those in the trash.\n\
         - **Reasons**: how often each was named with a thumb up and with a thumb down.\n",
    );
    page
}

/// Days since 1970.
#[must_use]
pub fn number_of(day: Date) -> i64 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| i64::from(span.get_days()))
}

/// The day with this number; the first or last one there is for a number beyond all days.
#[must_use]
pub fn day_of(number: i64) -> Date {
    // From the year 1 to the end of 9999.
    Date::constant(1970, 1, 1).saturating_add(number.clamp(-719_000, 2_932_896).days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_their_numbers_fit_together() {
        let day = Date::constant(2026, 10, 25);
        assert_eq!((number_of(Date::constant(1970, 1, 1)), number_of(day)), (0, 20_751));
        assert_eq!(day_of(20_751), day);
        assert_eq!(day_of(i64::MAX), Date::MAX);
    }

    #[test]
    fn each_column_is_explained_once() {
        let mut columns: Vec<_> = FIGURES.iter().map(|figure| figure.column).collect();
        columns.sort_unstable();
        columns.dedup();
        assert_eq!(columns.len(), FIGURES.len());
        assert!(FIGURES.iter().all(|figure| figure.meaning.ends_with('.')));
    }
}
