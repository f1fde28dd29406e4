//! Pages made from the definition of the command line: completions, manual, `docs/commands.md`.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::{
    Cli, End,
    out::{print, print_own},
};
use crate::api::Fault;

/// # Errors
/// When nobody reads.
pub fn completions(shell: clap_complete::Shell) -> Result<(), End> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ollamanet", &mut script);
    print_own(&script)
}

/// The manual page of the program, or of one command.
///
/// # Errors
/// When there is no such command, or nobody reads.
pub fn man(of: Option<&str>) -> Result<(), End> {
    let mut whole = Cli::command();
    whole.build();
    let command = if let Some(name) = of {
        let Some(command) = whole.get_subcommands().find(|command| command.get_name() == name) else {
            let names: Vec<&str> = whole.get_subcommands().map(Command::get_name).collect();
            return Err(Fault::invalid(format!("There is no command “{name}”."))
                .hint(format!("The commands are {}.", names.join(", ")))
                .into());
        };
        command.clone().display_name(format!("ollamanet-{name}"))
    } else {
        whole
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    // roff's own characters are plain ASCII, so this is text like any other.
    print(&String::from_utf8_lossy(&page))
}

/// `docs/commands.md`.
#[must_use]
pub fn commands_markdown() -> String {
    let mut whole = Cli::command().term_width(100);
    whole.build();
    let mut page = String::from(
        "# Commands\n\n\
         `ollamanet` alone opens the interface. Results go to standard output and everything said about them to \
         standard error; what is not a terminal gets plain text, and `--json` gives JSON: one document, for `ask` one \
         on each line.\n\n\
         A conversation is named by its id, by the beginning or end of it, by its title, or as `last`; a folder by its \
         path (`work/rust`), its name or its id.\n\n\
         | exit code | means |\n|---|---|\n| 0 | done |\n| 1 | failed |\n| 2 | wrong usage |\n| 3 | Ollama cannot be \
         reached |\n| 4 | the model is not installed |\n| 5 | not signed in, or not allowed |\n| 78 | the data directory \
         or the settings file is unsafe |\n| 130 | interrupted (128 and the signal's number) |\n\n",
    );
    let global: Vec<String> = whole
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .filter_map(|argument| {
            let value = argument.get_action().takes_values().then(|| {
                argument
                    .get_value_names()
                    .and_then(|names| names.first())
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default()
            });
            Some(format!("| `--{}{}` | {} |\n", argument.get_long()?, value.unwrap_or_default(), argument.get_help()?))
        })
        .collect();
    let _ = write!(page, "## Everywhere\n\n| option | |\n|---|---|\n{}", global.concat());
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        describe(&mut page, "ollamanet", command, 2);
    }
    page
}

fn describe(page: &mut String, before: &str, command: &Command, level: usize) {
    let name = format!("{before} {}", command.get_name());
    let _ = write!(page, "\n{} {name}\n\n", "#".repeat(level));
    if let Some(about) = command.get_about() {
        let _ = write!(page, "{about}.\n\n");
    }
    let subcommands: Vec<&Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if subcommands.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let _ = write!(page, "```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
        let rows: Vec<String> =
            command.get_arguments().filter(|argument| !argument.is_global_set()).filter_map(row).collect();
        if !rows.is_empty() {
            let _ = write!(page, "\n| | |\n|---|---|\n{}", rows.concat());
        }
    }
    for sub in subcommands {
        describe(page, &name, sub, level + 1);
    }
}

/// One argument of a command; `--help` needs no words.
fn row(argument: &clap::Arg) -> Option<String> {
    if matches!(argument.get_id().as_str(), "help" | "version") {
        return None;
    }
    let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| match value.get_help() {
            Some(about) => format!("`{}` ({about})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        let _ = write!(help, "{}{}", if help.is_empty() { "" } else { ": " }, values.join(", "));
    }
    let default: Vec<_> = argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if argument.get_action().takes_values() && !default.is_empty() {
        let _ = write!(help, "; otherwise `{}`", default.join(" "));
    }
    let shown = argument.to_string().replace('|', "\\|");
    let short = argument.get_short().filter(|_| argument.get_long().is_some());
    let short = short.map(|short| format!("`-{short}`, ")).unwrap_or_default();
    Some(format!("| {short}`{shown}` | {help} |\n"))
}
