//! Library files: presets and prompt templates as TOML that a person can read, write and keep in a repository.
//!
//! ```toml
//! format = 1
//!
//! [[preset]]
//! name = "Reviewer"
//! system_prompt = "Be strict."
//! [preset.options]
//! temperature = 0.2
//!
//! [[prompt]]
//! name = "Translate"
//! body = "Translate into {{language=English}}: {{text}}"
//! ```
//!
//! Reading gives everything in the file, checked, or the first thing that is wrong, with its line and column.

use std::{collections::HashMap, fmt::Write as _};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{checked_preset, checked_prompt};
use crate::{
    api::{
        Fault,
        library::{FILE_MAX, NewPreset, NewPrompt},
        options::{ChatOptions, OPTIONS},
    },
    safe_text::is_clean,
    store::vault::fold::name_key,
    template::line_and_column,
};

/// The version of the format.
const FORMAT: i64 = 1;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    pub presets: Vec<NewPreset>,
    pub prompts: Vec<NewPrompt>,
}

/// The file for these. The same things always give the same bytes, and a terminal may have all of them.
#[must_use]
pub fn write(contents: &Contents) -> String {
    let text = written(contents, |letter| is_clean(letter.encode_utf8(&mut [0; 4])));
    // Letters that are harmless one by one may not be together: then only the plainest stay.
    if is_clean(&text) { text } else { written(contents, |letter| letter.is_ascii_graphic() || letter == ' ') }
}

fn written(contents: &Contents, keeps: impl Fn(char) -> bool) -> String {
    let mut file = format!("format = {FORMAT}\n");
    let line = |file: &mut String, name: &str, text: &str| {
        let _ = writeln!(file, "{name} = {}", quoted(text, &keeps));
    };
    for preset in &contents.presets {
        file.push_str("\n[[preset]]\n");
        line(&mut file, "name", &preset.name);
        if let Some(model) = &preset.model {
            line(&mut file, "model", model);
        }
        if let Some(prompt) = &preset.system_prompt {
            line(&mut file, "system_prompt", prompt);
        }
        if preset.options.is_empty() {
            continue;
        }
        file.push_str("\n[preset.options]\n");
        for spec in OPTIONS {
            let text = preset.options.get(spec.name);
            match spec.name {
                _ if text.is_empty() => {}
                "stop" => {
                    let texts: Vec<String> = preset.options.stop.iter().map(|text| quoted_line(text, &keeps)).collect();
                    let _ = writeln!(file, "stop = [{}]", texts.join(", "));
                }
                // These are texts, whatever they look like; the others are numbers.
                "keep_alive" | "think" | "format" => line(&mut file, spec.name, &text),
                number => {
                    let _ = writeln!(file, "{number} = {text}");
                }
            }
        }
    }
    for prompt in &contents.prompts {
        file.push_str("\n[[prompt]]\n");
        line(&mut file, "name", &prompt.name);
        line(&mut file, "body", &prompt.body);
    }
    file
}

/// A text as TOML: on lines of its own where it has several.
fn quoted(text: &str, keeps: &impl Fn(char) -> bool) -> String {
    if !text.contains('\n') {
        return quoted_line(text, keeps);
    }
    let lines: Vec<String> = text.split('\n').map(|line| escaped(line, keeps)).collect();
    // The newline right behind the quotes is none of the text's.
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

fn quoted_line(text: &str, keeps: &impl Fn(char) -> bool) -> String {
    format!("\"{}\"", escaped(text, keeps))
}

fn escaped(text: &str, keeps: &impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            letter if keeps(letter) => escaped.push(letter),
            letter => {
                let _ = write!(escaped, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    escaped
}

/// Everything in a file.
pub fn read(text: &str) -> Result<Contents, Fault> {
    if text.len() > FILE_MAX {
        return Err(Fault::invalid(format!("The file is larger than {} MiB.", FILE_MAX / 1024 / 1024))
            .hint("Nothing was imported; import it in parts."));
    }
    let file = File { text };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        file.wrong(at, error.message().trim_end_matches('.'), "This is no TOML that can be read.")
    })?;
    let mut contents = Contents::default();
    let mut format = None;
    for (key, value) in table.get_ref() {
        let at = value.span().start;
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("format", DeValue::Integer(number)) => {
                format = i64::from_str_radix(number.as_str(), number.radix()).ok();
                if format.is_none_or(|number| number > FORMAT) {
                    let what = format!("the file has format {}, and this version reads {FORMAT}", number.as_str());
                    return Err(file.wrong(at, &what, "Update ollamanet."));
                }
            }
            ("format", _) => return Err(file.wrong(at, "the format is a number", "Write: format = 1")),
            ("preset", DeValue::Array(presets)) => {
                let mut names = HashMap::new();
                for preset in presets {
                    let (name, preset) = file.preset(preset)?;
                    file.once(&mut names, name, &preset.name)?;
                    contents.presets.push(preset);
                }
            }
            ("prompt", DeValue::Array(prompts)) => {
                let mut names = HashMap::new();
                for prompt in prompts {
                    let (name, prompt) = file.prompt(prompt)?;
                    file.once(&mut names, name, &prompt.name)?;
                    contents.prompts.push(prompt);
                }
            }
            ("preset" | "prompt", _) => {
                let what = format!("“{}” stands in double brackets", key.get_ref());
                return Err(file.wrong(key.span().start, &what, "Each one begins with [[preset]] or [[prompt]]."));
            }
            (other, _) => {
                let what = format!("there is nothing called “{}” in such a file", shortened(other));
                return Err(file.wrong(key.span().start, &what, "It holds format, [[preset]] and [[prompt]]."));
            }
        }
    }
    if format.is_none() && !contents.is_empty() {
        return Err(file.wrong(0, "the file does not say its format", "Write at its top: format = 1"));
    }
    if contents.is_empty() {
        return Err(Fault::invalid("The file holds no presets and no prompt templates.")
            .hint("Each one begins with [[preset]] or [[prompt]]; `ollamanet prompts export` shows how it looks."));
    }
    Ok(contents)
}

impl Contents {
    fn is_empty(&self) -> bool {
        self.presets.is_empty() && self.prompts.is_empty()
    }
}

struct File<'a> {
    text: &'a str,
}

impl File<'_> {
    fn wrong(&self, at: usize, what: &str, hint: &str) -> Fault {
        let (line, column) = line_and_column(self.text, at);
        Fault::invalid(format!("Line {line}, column {column}: {what}.")).hint(format!("{hint} Nothing was imported."))
    }

    /// What is wrong with a value, at its place.
    fn refused(&self, at: usize, fault: &Fault) -> Fault {
        let (line, column) = line_and_column(self.text, at);
        let hint = fault.hint.as_ref().map(|hint| format!("{hint} ")).unwrap_or_default();
        Fault::invalid(format!("Line {line}, column {column}: {}", fault.message))
            .hint(format!("{hint}Nothing was imported."))
    }

    fn once(&self, names: &mut HashMap<String, usize>, at: usize, name: &str) -> Result<(), Fault> {
        let (line, _) = line_and_column(self.text, at);
        match names.insert(name_key(name), line) {
            Some(before) => {
                let what = format!("“{}” stands in line {before} already", shortened(name));
                Err(self.wrong(at, &what, "Names differ in more than case."))
            }
            None => Ok(()),
        }
    }

    /// Where its name stands, and all of it.
    fn preset(&self, value: &Spanned<DeValue<'_>>) -> Result<(usize, NewPreset), Fault> {
        let mut preset = NewPreset::default();
        let mut name_at = None;
        for (key, value) in self.table(value)? {
            let at = value.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(name)) => {
                    name.as_ref().clone_into(&mut preset.name);
                    name_at = Some(at);
                }
                ("model", DeValue::String(model)) => preset.model = Some(model.as_ref().to_owned()),
                ("system_prompt", DeValue::String(prompt)) => preset.system_prompt = Some(prompt.as_ref().to_owned()),
                ("options", DeValue::Table(options)) => preset.options = self.options(options)?,
                ("options", _) => return Err(self.wrong(at, "options are a table", "Write [preset.options].")),
                (known @ ("name" | "model" | "system_prompt"), _) => return Err(self.no_text(at, known)),
                (other, _) => {
                    let what = format!("a preset has no “{}”", shortened(other));
                    return Err(self.wrong(key.span().start, &what, "It has name, model, system_prompt and options."));
                }
            }
        }
        let at =
            name_at.ok_or_else(|| self.wrong(value.span().start, "this preset has no name", "Write: name = \"…\""))?;
        let preset = checked_preset(preset).map_err(|fault| self.refused(at, &fault))?;
        Ok((at, preset))
    }

    fn options(&self, table: &DeTable<'_>) -> Result<ChatOptions, Fault> {
        let mut options = ChatOptions::default();
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), value.span().start);
            let text = match value.get_ref() {
                DeValue::String(text) => text.as_ref().to_owned(),
                DeValue::Boolean(flag) => if *flag { "on" } else { "off" }.to_owned(),
                DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                    .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
                DeValue::Float(number) => number.as_str().to_owned(),
                DeValue::Array(texts) if name == "stop" => {
                    let texts: Vec<&str> = texts.iter().filter_map(|text| text.get_ref().as_str()).collect();
                    texts.join("|").replace('\n', "\\n")
                }
                DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                    return Err(self.wrong(at, "this is no value for an option", "Write a number or a text."));
                }
            };
            options.set(name, &text).map_err(|fault| self.refused(at, &fault))?;
        }
        Ok(options)
    }

    fn prompt(&self, value: &Spanned<DeValue<'_>>) -> Result<(usize, NewPrompt), Fault> {
        let mut prompt = NewPrompt::default();
        let (mut name_at, mut body_at) = (None, None);
        for (key, value) in self.table(value)? {
            let at = value.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(name)) => {
                    name.as_ref().clone_into(&mut prompt.name);
                    name_at = Some(at);
                }
                ("body", DeValue::String(body)) => {
                    body.as_ref().clone_into(&mut prompt.body);
                    body_at = Some(at);
                }
                (known @ ("name" | "body"), _) => return Err(self.no_text(at, known)),
                (other, _) => {
                    let what = format!("a prompt template has no “{}”", shortened(other));
                    return Err(self.wrong(key.span().start, &what, "It has name and body."));
                }
            }
        }
        let start = value.span().start;
        let at = name_at.ok_or_else(|| self.wrong(start, "this template has no name", "Write: name = \"…\""))?;
        let body_at = body_at.ok_or_else(|| self.wrong(start, "this template has no body", "Write: body = \"…\""))?;
        let named = checked_prompt(NewPrompt { name: prompt.name.clone(), body: "x".to_owned() });
        named.map_err(|fault| self.refused(at, &fault))?;
        let prompt = checked_prompt(prompt).map_err(|fault| self.refused(body_at, &fault))?;
        Ok((at, prompt))
    }

    fn table<'t, 'i>(&self, value: &'t Spanned<DeValue<'i>>) -> Result<&'t DeTable<'i>, Fault> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => Err(self.wrong(
                value.span().start,
                "this is no table",
                "Each one begins with [[preset]] or [[prompt]].",
            )),
        }
    }

    fn no_text(&self, at: usize, name: &str) -> Fault {
        self.wrong(at, &format!("{name} is a text"), "Write it in quotes.")
    }
}

/// What of a foreign word is repeated in a message.
fn shortened(word: &str) -> String {
    let mut short: String = word.chars().take(40).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        let fault = read(text).unwrap_err();
        assert!(
            fault
                .hint
                .as_ref()
                .is_some_and(|hint| hint.contains("othing was imported") || hint.contains("begins with"))
        );
        fault.message
    }

    #[test]
    fn a_file_is_read_as_a_person_writes_it() {
        let contents = read(
            "format = 1\n[[preset]]\nname = ' Reviewer '\nmodel = \"m:1b\"\nsystem_prompt = '''\nBe\nstrict.'''\n\
             [preset.options]\ntemperature = 0.20\nseed = 7\nstop = ['END', \"a\\nb\"]\nthink = true\nnum_ctx = 8_192\n\
             [[preset]]\nname = \"Bare\"\n[[prompt]]\nname = \"Greet\"\nbody = \"Hello {{name}}\"\n",
        )
        .unwrap();
        let mut options = ChatOptions::default();
        for (name, value) in
            [("temperature", "0.2"), ("seed", "7"), ("stop", "END|a\\nb"), ("think", "on"), ("num_ctx", "8192")]
        {
            options.set(name, value).unwrap();
        }
        let reviewer = NewPreset {
            name: "Reviewer".to_owned(),
            model: Some("m:1b".to_owned()),
            system_prompt: Some("Be\nstrict.".to_owned()),
            options,
        };
        let bare = NewPreset { name: "Bare".to_owned(), ..NewPreset::default() };
        let greet = NewPrompt { name: "Greet".to_owned(), body: "Hello {{name}}".to_owned() };
        assert_eq!(contents, Contents { presets: vec![reviewer, bare], prompts: vec![greet] });
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        for (text, message) in [
            ("format = 1\n[[preset]\n", "Line 2, column"),
            ("format = 2\n[[preset]]\nname='a'", "Line 1, column 10: the file has format 2"),
            ("[[preset]]\nname='a'", "Line 1, column 1: the file does not say its format."),
            ("format = 1\nfolder = 1", "Line 2, column 1: there is nothing called “folder” in such a file."),
            ("format = 1\npreset = 1", "Line 2, column 1: “preset” stands in double brackets."),
            ("format = 1\n[[preset]]\nmodel='a'", "Line 2, column 1: this preset has no name."),
            ("format = 1\n[[preset]]\nname=1", "Line 3, column 6: name is a text."),
            ("format = 1\n[[preset]]\nname='a'\nnick='b'", "Line 4, column 1: a preset has no “nick”."),
            ("format = 1\n[[preset]]\nname='a'\nmodel='no model'", "Line 3, column 6: This is no model name."),
            (
                "format = 1\n[[preset]]\nname='a'\n[preset.options]\ntemprature=1",
                "Line 5, column 12: There is no option “temprature”.",
            ),
            (
                "format = 1\n[[preset]]\nname='a'\noptions={temperature=9}",
                "Line 4, column 22: The option temperature takes 0 – 2, not “9”.",
            ),
            (
                "format = 1\n[[preset]]\nname='a'\n[[preset]]\nname='A'",
                "Line 5, column 6: “A” stands in line 3 already.",
            ),
            (
                "format = 1\n[[prompt]]\nname='a'\nbody='{{x'",
                "Line 4, column 6: The template cannot be read at its line 1, column 1: These two braces",
            ),
            ("format = 1\n[[prompt]]\nname='a'", "Line 2, column 1: this template has no body."),
            ("format = 1\n[[prompt]]\nname=''\nbody='x'", "Line 3, column 6: A template's name cannot be empty."),
            ("format = 1", "The file holds no presets"),
            ("", "The file holds no presets"),
            ("\u{0}", "Line 1, column"),
        ] {
            let told = refusal(text);
            assert!(told.starts_with(message), "{text:?}: {told}");
        }
        assert!(refusal(&" ".repeat(FILE_MAX + 1)).contains("larger than 8 MiB"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_the_same(
            name in "[^\\p{C}\\p{Z}]{1,20}", prompt in "(?s).{1,200}", body in "(?s)[^{]{1,200}", stop in "[^|\\\\\\s]{1,9}",
            temperature in 0.0..2.0_f64,
        ) {
            let mut options = ChatOptions { temperature: Some(temperature), stop: vec![stop], ..ChatOptions::default() };
            options.set("format", r#"{"type":["string","null"],"default":null}"#).unwrap();
            options.set("keep_alive", "-1").unwrap();
            let Ok(preset) =
                checked_preset(NewPreset { name: name.clone(), model: Some("m".to_owned()), system_prompt: Some(prompt), options })
            else { return Ok(()) };
            let prompts = checked_prompt(NewPrompt { name, body }).into_iter().collect();
            let contents = Contents { presets: vec![preset], prompts };
            let written = write(&contents);
            prop_assert!(is_clean(&written));
            let back = read(&written).unwrap();
            prop_assert_eq!(&back, &contents);
            prop_assert_eq!(write(&back), written);
        }

        #[test]
        fn no_file_breaks_the_reading(text in "(?s).{0,200}|(format = 1|\\[\\[(preset|prompt)\\]\\]|name='a'|body='[{}x]*'|\n|=){0,20}") {
            let _ = read(&text);
        }
    }
}
