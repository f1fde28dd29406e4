//! What is asked: the words of the command line and of standard input, the options, the files.

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
};

use crate::{
    api::{ConversationId, Fault, auth::Session, options::ChatOptions},
    cli::{Desk, args::Ask, prompts},
};

/// As much as may be attached by default; a longer question is a file.
const LONGEST_INPUT: u64 = 10 * 1024 * 1024;

/// The bare words and what they turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub continued: Option<String>,
    pub think: Option<String>,
    pub prompt: String,
}

/// The levels that `--think` names, without the other spellings it takes: those may well begin a question.
const LEVELS: &[&str] = &["on", "off", "low", "medium", "high", "max"];

/// `-c last words`, `-c ID words` and `--think high words` are understood without their `=`: what belongs to the
/// option and would otherwise silently become a part of the question is taken from its front, in any order.
pub(super) fn words(ask: &Ask) -> Words {
    let mut words = &ask.prompt[..];
    let (mut continued, mut think) = (ask.continued.clone(), ask.think.clone());
    let (mut may_name, mut may_level) = (continued.as_deref() == Some("last"), think.as_deref() == Some(""));
    while let [first, rest @ ..] = words {
        if may_name && !rest.is_empty() && (first == "last" || first.parse::<ConversationId>().is_ok()) {
            continued = Some(first.clone());
            may_name = false;
        } else if may_level && LEVELS.contains(&first.as_str()) {
            think = Some(first.clone());
            may_level = false;
        } else {
            break;
        }
        words = rest;
    }
    if may_level {
        think = Some("on".to_owned());
    }
    Words { continued, think, prompt: words.join(" ") }
}

/// Standard input, then the template filled in, then the prompt. A template that asks for a selection takes standard input
/// for it.
pub(super) async fn question(
    desk: &Desk,
    session: &Session,
    ask: &Ask,
    prompt: &str,
    has_files: bool,
) -> Result<String, Fault> {
    let template = match &ask.template {
        None => None,
        Some(name) => {
            let stored = prompts::called(desk, session, name).await?;
            let template = prompts::parsed(&stored)?;
            Some((stored, template, prompts::given(&ask.values)?))
        }
    };
    let mut piped = piped().await?;
    let mut parts: Vec<String> = Vec::new();
    if let Some((stored, template, mut values)) = template {
        piped = prompts::take_selection(&template, &mut values, Some(piped)).unwrap_or_default();
        parts.push(prompts::filled(&stored, &template, &values)?);
    }
    parts.insert(0, piped.trim_end().to_owned());
    parts.push(prompt.to_owned());
    parts.retain(|part| !part.trim().is_empty());
    let text = parts.join("\n\n");
    if text.is_empty() && !has_files {
        return Err(Fault::invalid("There is no question.").hint("Try: ollamanet ask \"…\", or echo … | ollamanet ask"));
    }
    Ok(text)
}

async fn piped() -> Result<String, Fault> {
    if std::io::stdin().is_terminal() {
        return Ok(String::new());
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(LONGEST_INPUT + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        // A closed standard input is an empty one.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(Fault::invalid("Standard input is longer than 10 MiB.").hint("Attach a file with -f instead."));
    }
    String::from_utf8(bytes).map_err(|_| {
        Fault::invalid("Standard input is not UTF-8 text.")
            .hint("Attach a file with -f; text, PDF, Word and images are understood.")
    })
}

pub(super) fn options(ask: &Ask, think: Option<&str>) -> Result<ChatOptions, Fault> {
    let mut options = ChatOptions::default();
    for given in &ask.options {
        let Some((name, value)) = given.split_once('=') else {
            return Err(Fault::invalid(format!("“{given}” is no option and its value."))
                .hint("Write -o name=value, such as -o temperature=0.2."));
        };
        options.set(name.trim(), value)?;
    }
    if let Some(level) = think {
        options.set("think", level)?;
    }
    if let Some(shape) = &ask.format {
        let schema = if shape == "json" || shape.trim_start().starts_with('{') {
            shape.clone()
        } else {
            std::fs::read_to_string(shape).map_err(|error| {
                Fault::invalid(format!("The schema file {shape} cannot be read: {error}."))
                    .hint("--format takes json, a JSON schema, or a file with one.")
            })?
        };
        options.set("format", &schema)?;
    }
    Ok(options)
}

/// Files by their full paths, because the gateway need not live in this directory.
pub(super) fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    given
        .iter()
        .map(|path| {
            let missing = |error| Fault::invalid(format!("The file {} cannot be attached: {error}.", path.display()));
            // Only looked at here, not resolved: a link is refused where the file is opened.
            std::fs::symlink_metadata(path).map_err(missing)?;
            std::path::absolute(path).map_err(missing)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(line: &[&str]) -> (Option<String>, Option<String>, String) {
        let cli = Cli::try_parse_from([&["ollamanet", "ask"], line].concat()).unwrap();
        let Some(Command::Ask(ask)) = cli.command else { panic!("an ask") };
        let Words { continued, think, prompt } = words(&ask);
        (continued, think, prompt)
    }

    #[test]
    fn a_word_that_belongs_to_an_option_never_becomes_part_of_the_question() {
        let id = "0199c0de-0000-7000-8000-000000000001";
        let some = |text: &str| Some(text.to_owned());
        let question = || "really so?".to_owned();
        for (line, continued, think) in [
            (&["--think", "high", "really", "so?"][..], None, some("high")),
            (&["--think=high", "really", "so?"], None, some("high")),
            (&["--think", "off", "really so?"], None, some("off")),
            (&["--think=on", "really", "so?"], None, some("on")),
            (&["--think", "really", "so?"], None, some("on")),
            (&["-c", "--think", "low", "last", "really", "so?"], some("last"), some("low")),
            (&["-c", id, "--think", "max", "really", "so?"], some(id), some("max")),
            (&["-c", "really", "so?"], some("last"), None),
        ] {
            assert_eq!(read(line), (continued, think, question()), "{line:?}");
        }
        // Without the option they are words like any others.
        assert_eq!(read(&["high", "and", "low"]), (None, None, "high and low".to_owned()));
        // One level is a level, the next one is a word; a quoted sentence is never cut.
        assert_eq!(read(&["--think=on", "high", "stakes"]), (None, some("on"), "high stakes".to_owned()));
        assert_eq!(read(&["--think", "no", "way"]), (None, some("on"), "no way".to_owned()));
        assert_eq!(read(&["--think", "on", "off"]), (None, some("on"), "off".to_owned()));
        assert_eq!(read(&["--think", "high stakes"]), (None, some("on"), "high stakes".to_owned()));
    }
}
