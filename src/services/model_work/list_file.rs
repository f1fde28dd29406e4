//! A file that says which models are to be there: `docs/formats.md` describes it.

use serde::Deserialize;

use crate::api::{
    Fault,
    jobs::{Download, PAGE_MAX, Work},
};

/// Longest such file, bytes.
pub const LONGEST: u64 = 256 * 1024;

/// The format of the file; saying none is saying this one.
const FORMAT: i64 = 1;

/// What is the same in every format.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    format: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    /// Looked at before the rest.
    #[serde(rename = "format")]
    _format: Option<i64>,
    install: Vec<String>,
    update: Vec<String>,
    remove: Vec<String>,
    unload: Vec<String>,
    /// Whether other registries than Ollama's own are all right.
    foreign: bool,
}

/// # Errors
/// It is no such file, with the line.
pub fn parse(text: &str) -> Result<Vec<Work>, Fault> {
    if let Ok(Head { format: Some(format) }) = toml::from_str::<Head>(text)
        && !(1..=FORMAT).contains(&format)
    {
        let newer = format!("The list of models has format {format}, and this version of ollamanet reads {FORMAT}.");
        return Err(Fault::invalid(newer).hint("Update ollamanet."));
    }
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        let at = line.map_or_else(String::new, |line| format!(" in line {line}"));
        let why: String = error.message().lines().next().unwrap_or_default().chars().take(200).collect();
        Fault::invalid(format!("The list of models has a mistake{at}: {why}."))
            .hint("It is TOML: install = [\"llama3.2:3b\"], and update, remove, unload in the same way.")
    })?;
    let download = |model: String| Download { model, foreign: file.foreign, ..Download::default() };
    let works: Vec<Work> = (file.install.into_iter().map(|model| Work::Install(download(model))))
        .chain(file.update.into_iter().map(|model| Work::Update(download(model))))
        .chain(file.remove.into_iter().map(Work::remove))
        .chain(file.unload.into_iter().map(|model| Work::Unload { model }))
        .collect();
    if works.is_empty() {
        return Err(Fault::invalid("The list names no model.")
            .hint("Write for example: install = [\"llama3.2:3b\", \"qwen3:8b\"]"));
    }
    if works.len() > PAGE_MAX as usize {
        return Err(Fault::invalid(format!("The list names {} models; at most {PAGE_MAX} go at once.", works.len())));
    }
    Ok(works)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_what_is_to_be_done() {
        let text =
            "install = [\"a\", \"hf.co/x/y\"]\nremove = [\"b\"]\nunload = [\"c\"]\nupdate = [\"d\"]\nforeign = true\n";
        let works = parse(text).unwrap();
        let words: Vec<String> = works.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["install a", "install hf.co/x/y", "update d", "remove b", "unload c"]);
        assert!(matches!(&works[1], Work::Install(download) if download.foreign && !download.insecure));
    }

    #[test]
    fn a_list_of_a_newer_format_is_refused_as_that_and_not_as_a_mistake() {
        assert_eq!(parse("format = 1\ninstall = [\"a\"]").unwrap().len(), 1);
        let newer = parse("format = 2\ninstall = [\"a\"]\npin = [\"b\"]").unwrap_err();
        assert_eq!(newer.message, "The list of models has format 2, and this version of ollamanet reads 1.");
        assert_eq!(newer.hint.as_deref(), Some("Update ollamanet."));
        assert!(parse("format = \"x\"\ninstall = [\"a\"]").unwrap_err().message.contains("in line 1"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let message = |text: &str| parse(text).unwrap_err().message;
        assert!(
            message("install = [\"a\"]\ninstal = []").contains("in line 2"),
            "{}",
            message("install = [\"a\"]\ninstal = []")
        );
        assert!(message("install = \"a\"").contains("in line 1"));
        assert_eq!(message(""), "The list names no model.");
        let many: Vec<String> = (0..201).map(|number| format!("\"m{number}\"")).collect();
        assert!(message(&format!("install = [{}]", many.join(","))).contains("201"));
    }
}
