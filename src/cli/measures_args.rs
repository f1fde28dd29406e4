//! `ollamanet models usage` and its neighbours as types.

use clap::{Args, Subcommand, ValueEnum};

use super::insights_args::PeriodName;
use crate::api::{
    benchmarks::{REPEATS, REPEATS_MAX},
    chat::COMPARED_MAX,
    recommend::Task,
};

/// What `ollamanet models` takes besides.
#[derive(Debug, Subcommand)]
pub enum ModelMeasures {
    /// Measure models with fixed prompts, and see how they did before
    #[command(subcommand)]
    Bench(Bench),
    /// Which model to take for what, and why
    Recommend(Recommend),
    /// How the server is doing: what is in memory, answers and jobs under way, the cache
    Monitor,
    /// Ask the registries whether they have other builds of installed models
    Updates(Updates),
    /// Put models beside each other, and the same question to them
    Compare(Compare),
}

#[derive(Args, Debug)]
pub struct Usage {
    /// Only this model, with its days
    pub model: Option<String>,
    /// How far back, counted with today; days are UTC's
    #[arg(long, value_enum, default_value_t = PeriodName::Month)]
    pub period: PeriodName,
    /// The sums of everybody instead of your own figures, where at least three people are in them
    #[arg(long)]
    pub everybody: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Put fixed prompts to models while nobody chats, and keep what that cost
    Run(BenchRun),
    /// What was measured, newest first, each beside the run before it
    #[command(visible_alias = "ls")]
    List {
        /// Only this model
        model: Option<String>,
        /// Print CSV
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// All of them, not only the newest hundred
        #[arg(long)]
        all: bool,
    },
    /// How the figures of a model went over time, and where another build of it began
    History {
        model: String,
        /// Print CSV, the oldest first
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// The newest figures of models beside each other
    Compare {
        #[arg(required = true, num_args = 2..)]
        models: Vec<String>,
    },
    /// Forget a run
    Delete { id: String },
}

#[derive(Args, Debug)]
pub struct BenchRun {
    #[arg(required = true)]
    pub models: Vec<String>,
    /// How often everything is asked
    #[arg(long, default_value_t = REPEATS, value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEATS_MAX)))]
    pub repeats: u32,
    /// Only put it in line, for whichever window is open or opens next
    #[arg(long)]
    pub later: bool,
}

#[derive(Args, Debug)]
pub struct Compare {
    /// Two to four installed models
    #[arg(required = true, num_args = 2..=COMPARED_MAX)]
    pub models: Vec<String>,
    /// Put this question to each of them at the same time; the answers are branches of one conversation
    #[arg(long, short)]
    pub prompt: Option<String>,
    /// Keep the answer of this model on view; the others go to the trash
    #[arg(long, value_name = "MODEL", requires = "prompt")]
    pub keep: Option<String>,
}

#[derive(Args, Debug)]
pub struct Updates {
    /// Installed models; without any, all of them
    pub models: Vec<String>,
    /// Ask their registry in the clear
    #[arg(long)]
    pub insecure: bool,
}

#[derive(Args, Debug)]
pub struct Recommend {
    /// What it is wanted for
    #[arg(value_enum, default_value_t = TaskName::Chat)]
    pub task: TaskName,
    /// How many
    #[arg(short = 'n', long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub limit: u32,
    /// Only of the installed ones
    #[arg(long)]
    pub installed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TaskName {
    Chat,
    Code,
    /// Looking at images
    Vision,
    /// Making vectors of texts
    Embedding,
    /// Thinking before answering
    Reasoning,
    /// Calling tools
    Tools,
}

impl TaskName {
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Chat => Task::Chat,
            Self::Code => Task::Code,
            Self::Vision => Task::Vision,
            Self::Embedding => Task::Embedding,
            Self::Reasoning => Task::Reasoning,
            Self::Tools => Task::Tools,
        }
    }
}
