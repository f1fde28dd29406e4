//! What there is to type after `ollamanet search`.

use clap::Args;

use super::args::Paging;

#[derive(Args, Debug)]
#[command(after_help = "Words must all be there: whole, or their beginning with *.\n\n\
    \"two words\"              side by side, in this order (quote the quotes for your shell)\n\
    -word                    not this (quote all of it, or write -- before it)\n\
    one OR other             one of them\n\
    folder:NAME model:NAME tag:NAME role:user|assistant|system|tool\n\
    since:2026-03 until:2026-03-17 (or today, yesterday, 7d, 4w, 6m, 2y)\n\
    has:note has:file rated:up|down|any archived:no|only\n\
    in:title|messages|notes|files in:trash\n\n\
    Case and accents do not count. Names from code are found whole and by their parts.")]
pub struct Search {
    /// What to look for
    #[arg(value_name = "QUERY", required_unless_present_any = ["check", "rebuild"])]
    pub query: Vec<String>,
    #[command(flatten)]
    pub paging: Paging,
    /// Compare the index with everything it is of; the exit code tells
    #[arg(long, conflicts_with_all = ["query", "rebuild"])]
    pub check: bool,
    /// Make the index anew, or finish a rebuild that was broken off
    #[arg(long, conflicts_with = "query")]
    pub rebuild: bool,
}
