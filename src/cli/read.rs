//! The command line read in the order of what is typed most: nothing at all.
//!
//! Invariant: whatever is typed, the outcome is that of reading it with the whole tree of commands.

use std::ffi::OsString;

use clap::{Parser, error::ErrorKind};

use super::args::{Cli, Global};

/// The command line without any command. The tree of all commands, some hundred of them with their arguments and what is
/// said about each, is made only when there is one, or when something is to be said about them: whoever opens the
/// interface waits for none of it.
#[derive(Debug, Parser)]
#[command(name = "ollamanet", version, disable_help_flag = true)]
struct Bare {
    #[command(flatten)]
    global: Global,
}

impl Cli {
    /// What was typed.
    ///
    /// # Errors
    /// What is to be printed instead: help, the version, or what is wrong with it.
    pub fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let typed: Vec<OsString> = typed.into_iter().collect();
        match Bare::try_parse_from(&typed) {
            Ok(Bare { global }) => Ok(Self { global, command: None }),
            Err(version) if version.kind() == ErrorKind::DisplayVersion => Err(version),
            Err(_) => Self::try_parse_from(&typed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_says_what_the_long_way_says() {
        for line in [
            "",
            "--version",
            "-V",
            "--json --version",
            "--help",
            "-h",
            "help",
            "help models",
            "--json",
            "--json --json",
            "--user",
            "--user alice",
            "--data-dir /somewhere --config=/else --set ui.theme=light --set ui.mouse=false",
            "--passphrase-fd 3",
            "--passphrase-fd three",
            "--unknown",
            "-x",
            "ask",
            "ask hello --json",
            "--json ask hello",
            "--user alice models list",
            "models --version",
            "--version models",
            "modles",
            "--",
            "-- ask",
        ] {
            let typed = || std::iter::once("ollamanet").chain(line.split_whitespace()).map(OsString::from);
            let (short, long) = (Cli::read(typed()), Cli::try_parse_from(typed()));
            let is_bare = typed().skip(1).all(|word| word.to_string_lossy().starts_with('-'));
            assert!(!is_bare || long.is_err() || Bare::try_parse_from(typed()).is_ok(), "{line} takes the long way");
            assert_eq!(
                short.map(|cli| format!("{cli:?}")).map_err(|error| (error.kind(), error.to_string())),
                long.map(|cli| format!("{cli:?}")).map_err(|error| (error.kind(), error.to_string())),
                "{line}"
            );
        }
    }
}
