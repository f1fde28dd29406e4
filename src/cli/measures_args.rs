//! `ollamanet models usage` and its neighbours as types.

use clap::Args;

use super::insights_args::PeriodName;

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
