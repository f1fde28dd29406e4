//! What there is to type about reports.

use clap::{Args, Subcommand, ValueEnum};

use crate::api::insights::Grain;

#[derive(Debug, Subcommand)]
pub enum Reports {
    /// Who is here, what runs, how fast it goes, what failed this week
    Overview(Which),
    /// How much each account did, and how large its vault is; never with which models
    Accounts(Table),
    /// What each model did, how fast it was and how it was liked
    Models(Table),
    /// How much was done on each day, or in each week, month or year
    Days(Table),
    /// Answers that failed, by what went wrong
    Errors(Table),
    /// How large each account's vault is, and by how much it grew
    Storage(Table),
}

#[derive(Args, Clone, Debug)]
pub struct Table {
    #[command(flatten)]
    pub which: Which,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Which {
    /// From this day on (2026-11-25), or so many days back (7d counts today); without it, thirty days
    #[arg(long, value_name = "DAY")]
    pub since: Option<String>,
    /// Up to this day, which counts too
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,
    /// How wide a row of days is; without it, as fits
    #[arg(long, value_enum)]
    pub by: Option<GrainName>,
    /// Only this account
    #[arg(long, value_name = "NAME", conflicts_with_all = ["role", "model"])]
    pub account: Option<String>,
    /// Only those who have this role; their models are told where three or more people used them
    #[arg(long)]
    pub role: Option<String>,
    /// Only this model
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GrainName {
    Day,
    /// From Monday to Sunday
    Week,
    Month,
    Year,
}

impl GrainName {
    #[must_use]
    pub fn grain(self) -> Grain {
        match self {
            Self::Day => Grain::Day,
            Self::Week => Grain::Week,
            Self::Month => Grain::Month,
            Self::Year => Grain::Year,
        }
    }
}
