//! Modelfiles, read here: Ollama takes no text of one but what it asks for. Each mistake is told with its line.
//!
//! A line holds an instruction and its value; a value in `"""` may go over many lines, one in `"` ends on its own. `#`
//! begins a comment where an instruction could stand. Without case: `from x` is `FROM x`.

use serde_json::{Map, Value, json};

use crate::api::{Fault, chat::MessageRole, jobs::ModelfileSummary};

/// What it asks for, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modelfile {
    /// A model's name, or a file's path.
    pub from: String,
    pub adapters: Vec<String>,
    pub template: Option<String>,
    pub system: Option<String>,
    pub licences: Vec<String>,
    pub parameters: Map<String, Value>,
    pub messages: Vec<(MessageRole, String)>,
}

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Whole,
    Number,
    Flag,
    /// One of several texts; each line adds one.
    Texts,
}

/// Parameters as Ollama names them; others it ignores silently, so a wrong word is told here.
const PARAMETERS: &[(&str, Takes)] = &[
    ("num_ctx", Takes::Whole),
    ("num_batch", Takes::Whole),
    ("num_gpu", Takes::Whole),
    ("main_gpu", Takes::Whole),
    ("num_thread", Takes::Whole),
    ("num_keep", Takes::Whole),
    ("num_predict", Takes::Whole),
    ("draft_num_predict", Takes::Whole),
    ("seed", Takes::Whole),
    ("top_k", Takes::Whole),
    ("repeat_last_n", Takes::Whole),
    ("top_p", Takes::Number),
    ("min_p", Takes::Number),
    ("typical_p", Takes::Number),
    ("temperature", Takes::Number),
    ("repeat_penalty", Takes::Number),
    ("presence_penalty", Takes::Number),
    ("frequency_penalty", Takes::Number),
    ("use_mmap", Takes::Flag),
    ("stop", Takes::Texts),
];

impl Modelfile {
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let number = at + 1;
            match word.to_ascii_uppercase().as_str() {
                "FROM" => {
                    if !read.from.is_empty() {
                        return Err(wrong(number, "FROM stands here a second time", "Keep one of them."));
                    }
                    read.from = whole(number, "FROM", rest, &mut lines)?;
                }
                "ADAPTER" => read.adapters.push(whole(number, "ADAPTER", rest, &mut lines)?),
                "TEMPLATE" => read.template = Some(whole(number, "TEMPLATE", rest, &mut lines)?),
                "SYSTEM" => read.system = Some(whole(number, "SYSTEM", rest, &mut lines)?),
                "LICENSE" => read.licences.push(whole(number, "LICENSE", rest, &mut lines)?),
                "PARAMETER" => {
                    let (name, value) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
                    let value = whole(number, "PARAMETER", value, &mut lines)?;
                    read.set(number, name, &value)?;
                }
                "MESSAGE" => {
                    let (role, value) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
                    let role = match role.to_ascii_lowercase().as_str() {
                        "system" => MessageRole::System,
                        "user" => MessageRole::User,
                        "assistant" => MessageRole::Assistant,
                        _ => {
                            let what = format!("MESSAGE takes system, user or assistant, not “{role}”");
                            return Err(wrong(number, &what, "Write for example: MESSAGE user Hello"));
                        }
                    };
                    read.messages.push((role, whole(number, "MESSAGE", value, &mut lines)?));
                }
                other => return Err(unknown(number, word, other)),
            }
        }
        if read.from.is_empty() {
            return Err(Fault::invalid("The Modelfile has no FROM.")
                .hint("Begin it with FROM and a model that is installed, or a GGUF file."));
        }
        Ok(read)
    }

    fn set(&mut self, number: usize, name: &str, value: &str) -> Result<(), Fault> {
        let name = name.to_ascii_lowercase();
        let Some((_, takes)) = PARAMETERS.iter().find(|(known, _)| *known == name) else {
            let near = PARAMETERS
                .iter()
                .map(|(known, _)| *known)
                .max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
            let hint = near.map_or_else(String::new, |near| format!("Is {near} meant?"));
            return Err(wrong(number, &format!("there is no parameter “{name}”"), &hint));
        };
        let refuse = |what: &str| wrong(number, &format!("{name} takes {what}, not “{value}”"), "Correct that line.");
        let value = match takes {
            Takes::Whole => json!(value.parse::<i64>().map_err(|_| refuse("a whole number"))?),
            Takes::Number => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => json!(number),
                Ok(_) | Err(_) => return Err(refuse("a number")),
            },
            Takes::Flag => json!(value.parse::<bool>().map_err(|_| refuse("true or false"))?),
            Takes::Texts => {
                if let Value::Array(texts) = self.parameters.entry(name).or_insert_with(|| json!([])) {
                    texts.push(json!(value));
                }
                return Ok(());
            }
        };
        self.parameters.insert(name, value);
        Ok(())
    }

    #[must_use]
    pub fn summary(&self) -> ModelfileSummary {
        ModelfileSummary {
            from: self.from.clone(),
            parameters: self.parameters.keys().cloned().collect(),
            has_template: self.template.is_some(),
            has_system: self.system.is_some(),
            licences: self.licences.len(),
            messages: self.messages.len(),
            adapters: self.adapters.len(),
        }
    }
}

/// The value that begins behind an instruction, over as many lines as it has.
fn whole<'a>(
    number: usize,
    word: &str,
    rest: &str,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<String, Fault> {
    let rest = rest.trim();
    if let Some(begin) = rest.strip_prefix("\"\"\"") {
        let mut text = String::new();
        let mut piece = begin;
        loop {
            if let Some((end, after)) = piece.split_once("\"\"\"") {
                if !after.trim().is_empty() {
                    return Err(wrong(
                        number,
                        &format!("something stands behind the end of {word}"),
                        "Give it a line of its own.",
                    ));
                }
                text.push_str(end);
                // The line break behind the opening marks is for the eye.
                return Ok(text.strip_prefix('\n').unwrap_or(&text).to_owned());
            }
            text.push_str(piece);
            text.push('\n');
            let Some((_, line)) = lines.next() else {
                return Err(wrong(
                    number,
                    &format!("the \"\"\" of {word} is never closed"),
                    "End the text with \"\"\".",
                ));
            };
            piece = line;
        }
    }
    let value = match rest.strip_prefix('"') {
        Some(quoted) => match quoted.strip_suffix('"') {
            Some(inside) => unescaped(inside),
            None => {
                return Err(wrong(
                    number,
                    &format!("the quotation mark of {word} is never closed"),
                    "Close it on the same line, or use \"\"\".",
                ));
            }
        },
        None => rest.to_owned(),
    };
    if value.is_empty() && !rest.starts_with('"') {
        return Err(wrong(number, &format!("{word} stands there without a value"), "Write its value behind it."));
    }
    Ok(value)
}

/// `\"`, `\\`, `\n` and `\t` inside quotation marks: stops are written so.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some(other @ ('"' | '\\')) => out.push(other),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn unknown(number: usize, word: &str, upper: &str) -> Fault {
    const WORDS: [&str; 7] = ["FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "LICENSE", "MESSAGE", "ADAPTER"];
    let near = WORDS.iter().find(|known| strsim::damerau_levenshtein(known, upper) <= 2);
    let hint = match near {
        Some(near) => format!("Is {near} meant?"),
        None => format!("The instructions are {}. A text over several lines stands in \"\"\".", WORDS.join(", ")),
    };
    let word: String = word.chars().take(40).collect();
    wrong(number, &format!("“{word}” is no instruction"), &hint)
}

fn wrong(number: usize, what: &str, hint: &str) -> Fault {
    let fault = Fault::invalid(format!("Line {number} of the Modelfile: {what}."));
    if hint.is_empty() { fault } else { fault.hint(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_modelfile_can_say_is_read() {
        let text = "# mine\nfrom llama3.2:3b\nPARAMETER temperature 0.2\nparameter num_ctx 4096\nPARAMETER stop \"<|end|>\"\n\
                    PARAMETER stop \"\\n\\\"\"\nPARAMETER use_mmap true\nTEMPLATE \"\"\"\n{{ .Prompt }}\n# no comment\n\"\"\"\nSYSTEM \"Be kind.\"\n\
                    LICENSE \"\"\"one\"\"\"\nLICENSE two\nMESSAGE user Hello there\nMESSAGE assistant \"\"\"Hi\nyou\"\"\"\nADAPTER ./lora.gguf\n";
        let read = Modelfile::parse(text).unwrap();
        assert_eq!(
            read,
            Modelfile {
                from: "llama3.2:3b".into(),
                adapters: vec!["./lora.gguf".into()],
                template: Some("{{ .Prompt }}\n# no comment\n".into()),
                system: Some("Be kind.".into()),
                licences: vec!["one".into(), "two".into()],
                parameters: serde_json::from_value(
                    json!({"temperature": 0.2, "num_ctx": 4096, "stop": ["<|end|>", "\n\""], "use_mmap": true})
                )
                .unwrap(),
                messages: vec![(MessageRole::User, "Hello there".into()), (MessageRole::Assistant, "Hi\nyou".into())],
            }
        );
        assert_eq!(read.summary().parameters.len(), 4);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, message) in [
            ("", "The Modelfile has no FROM."),
            ("SYSTEM hi", "The Modelfile has no FROM."),
            ("FROM a\nFROM b", "Line 2 of the Modelfile: FROM stands here a second time."),
            ("FROM", "Line 1 of the Modelfile: FROM stands there without a value."),
            ("\n\nFORM x", "Line 3 of the Modelfile: “FORM” is no instruction."),
            ("FROM a\nhello world", "Line 2 of the Modelfile: “hello” is no instruction."),
            ("FROM a\nPARAMETER temprature 1", "Line 2 of the Modelfile: there is no parameter “temprature”."),
            ("FROM a\nPARAMETER num_ctx many", "Line 2 of the Modelfile: num_ctx takes a whole number, not “many”."),
            ("FROM a\nPARAMETER top_p NaN", "Line 2 of the Modelfile: top_p takes a number, not “NaN”."),
            (
                "FROM a\nMESSAGE robot hi",
                "Line 2 of the Modelfile: MESSAGE takes system, user or assistant, not “robot”.",
            ),
            ("FROM a\nSYSTEM \"\"\"never\nends", "Line 2 of the Modelfile: the \"\"\" of SYSTEM is never closed."),
            ("FROM a\nSYSTEM \"open", "Line 2 of the Modelfile: the quotation mark of SYSTEM is never closed."),
            ("FROM a\nSYSTEM \"\"\"x\"\"\" y", "Line 2 of the Modelfile: something stands behind the end of SYSTEM."),
        ] {
            let fault = Modelfile::parse(text).unwrap_err();
            assert_eq!(fault.message, message, "{text:?}");
            assert!(fault.hint.is_some(), "{text:?}");
        }
        assert_eq!(Modelfile::parse("FORM x").unwrap_err().hint.as_deref(), Some("Is FROM meant?"));
        assert_eq!(
            Modelfile::parse("FROM a\nPARAMETER temprature 1").unwrap_err().hint.as_deref(),
            Some("Is temperature meant?")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_whatever_breaks_the_reader(text in "(FROM|SYSTEM|\"\"\"|\"|PARAMETER|stop|MESSAGE|user|\\PC|\n| ){0,40}") {
            let _ = Modelfile::parse(&text);
        }
    }
}
