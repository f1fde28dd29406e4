//! The program: makes itself ready for bad days, reads the command line, and leaves with an exit code.

use std::{panic::catch_unwind, process::ExitCode};

use clap::Parser;
use ollamanet::{app, cli::Cli, hardening, logging};

fn main() -> ExitCode {
    hardening::harden();
    logging::note_panics();
    // Whatever is made from here on is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version come this way too; a reader that has left is no failure.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // The hook has told of a panic by then; what is left is an exit code that says so.
    ExitCode::from(catch_unwind(|| app::run(cli)).unwrap_or(1))
}
