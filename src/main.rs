//! The program: makes itself ready for bad days, reads the command line, and leaves with an exit code.

use std::{
    io::{Write, stdout},
    panic::catch_unwind,
};

use ollamanet::{app, cli::Cli, hardening, logging};

fn main() -> ! {
    hardening::harden();
    logging::note_panics();
    // Whatever is made from here on is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let code = match Cli::read(std::env::args_os()) {
        // The hook has told of a panic by then; what is left is an exit code that says so.
        Ok(cli) => catch_unwind(|| app::run(cli)).unwrap_or(1),
        // Help and version come this way too; a reader that has left is no failure.
        Err(error) => {
            let _ = error.print();
            let _ = stdout().flush();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    };
    leave(code)
}

/// Ends at once, past what libraries have registered for the end (`atexit`): OpenSSL and SQLCipher free what they hold,
/// also under a thread that did not end in time, and a process whose work was done would end with “double free”.
fn leave(code: u8) -> ! {
    // Nothing is flushed: whatever writes does so itself, and a thread may still wait for a reader that reads no more.
    signal_hook::low_level::exit(code.into())
}
