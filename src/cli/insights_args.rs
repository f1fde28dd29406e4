//! `ollamanet insights` as types.

use clap::{Args, ValueEnum};

use crate::api::insights::{By, Period};

#[derive(Args, Debug)]
pub struct Insights {
    /// How far back, counted with today
    #[arg(long, value_enum, default_value_t = PeriodName::Month)]
    pub period: PeriodName,
    /// The figures of each of these; without it, an overview
    #[arg(long, value_enum)]
    pub by: Option<ByName>,
    /// Only the answers of this model
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Only what lies in this folder, or below it
    #[arg(long)]
    pub folder: Option<String>,
    /// Print CSV; without --by, of each day
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PeriodName {
    #[value(name = "7d")]
    Week,
    #[value(name = "30d")]
    Month,
    #[value(name = "90d")]
    Quarter,
    #[value(name = "365d")]
    Year,
    #[value(name = "all")]
    All,
}

impl PeriodName {
    #[must_use]
    pub fn period(self) -> Period {
        match self {
            Self::Week => Period::Week,
            Self::Month => Period::Month,
            Self::Quarter => Period::Quarter,
            Self::Year => Period::Year,
            Self::All => Period::All,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ByName {
    /// Days, or weeks, months and years in long periods
    Day,
    Model,
    Folder,
    /// Hours of the week
    Hour,
    /// Reasons given with ratings
    Reason,
}

impl ByName {
    #[must_use]
    pub fn by(self) -> By {
        match self {
            Self::Day => By::Day,
            Self::Model => By::Model,
            Self::Folder => By::Folder,
            Self::Hour => By::Hour,
            Self::Reason => By::Reason,
        }
    }
}
