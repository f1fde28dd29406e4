//! `ollamanet health` as types.

use clap::Args;

#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own; no two of them make a state")]
pub struct Health {
    /// How it was: what was not well and for how long, when nobody looked, when calls were held back (administrators)
    #[arg(long, conflicts_with = "full")]
    pub history: bool,
    /// How far back: 2026-11-25, 2026-11-25T10:00, or an age such as 30m, 2h or 7d
    #[arg(long, value_name = "WHEN", requires = "history", default_value = "7d")]
    pub since: String,
    /// Print the history as CSV
    #[arg(long, requires = "history", conflicts_with = "json")]
    pub csv: bool,
    /// Look through the whole system database as well (administrators)
    #[arg(long)]
    pub full: bool,
    /// Fail with 1 also where there is only a warning
    #[arg(long)]
    pub strict: bool,
}
