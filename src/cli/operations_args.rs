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
