//! What there is to type about how fast it is, and why it was not.

use clap::Args;

#[derive(Args, Clone, Debug)]
pub struct Why {
    /// The conversation: id, the beginning or end of one, title, or `last`
    #[arg(default_value = "last")]
    pub conversation: String,
    /// The answer: id, the beginning or end of one, or `last`
    #[arg(short, long, value_name = "ID", default_value = "last")]
    pub message: String,
}

#[derive(Args, Clone, Debug)]
pub struct Metrics {
    /// Everything ever counted, in Prometheus' text format
    #[arg(long, conflicts_with_all = ["csv", "hours", "requests"])]
    pub prometheus: bool,
    /// A table for spreadsheets: a row for each hour and series
    #[arg(long, conflicts_with = "requests")]
    pub csv: bool,
    /// With so many hours before this one; --json and --csv only
    #[arg(long, value_name = "COUNT", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=2160))]
    pub hours: u32,
    /// Instead, so many of the last requests of this process with their steps; a window has those of its own in Admin
    #[arg(long, value_name = "COUNT", conflicts_with = "hours", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub requests: Option<u32>,
}
