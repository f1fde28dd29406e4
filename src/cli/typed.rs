//! Questions that a person answers at the terminal in plain sight.

use std::io::{self, BufRead, IsTerminal, Write};

use super::out::safe;
use crate::api::{Fault, FaultKind};

/// What was typed in answer. `None` when nobody is there.
pub async fn line(question: &str) -> Option<String> {
    let question = safe(question);
    let asked = tokio::task::spawn_blocking(move || {
        let tty = std::fs::File::open("/dev/tty").ok()?;
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} ").and_then(|()| stderr.flush()).ok()?;
        let mut answer = String::new();
        io::BufReader::new(tty).read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned())
    });
    asked.await.ok().flatten()
}

/// Asks for a name before what cannot be undone; `--yes` answers beforehand.
///
/// # Errors
/// When another one was typed, or nobody is there to ask.
pub async fn name(name: &str, warning: &str, yes: bool) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    let nobody = || Fault::invalid(format!("{warning} Nobody is here to ask.")).hint("Add --yes if it is meant.");
    if !io::stderr().is_terminal() {
        return Err(nobody());
    }
    let typed = line(&format!("{warning} Type {name} to go on:")).await.ok_or_else(nobody)?;
    if typed == name {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Invalid, "That is another name; nothing was removed.")
        .hint("Type the name exactly as it is shown."))
}
