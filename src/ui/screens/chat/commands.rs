//! The `/` commands of the composer: what there is, and what a typed line means. It decides; others act.

use crate::api::options::OPTIONS;

/// One command as the popup and the help list show it.
#[derive(Debug)]
pub struct Spec {
    pub name: &'static str,
    /// What follows it, in words; empty when nothing does.
    pub takes: &'static str,
    pub help: &'static str,
}

pub const COMMANDS: &[Spec] = &[
    Spec { name: "model", takes: "[name]", help: "Choose the model, or open the list" },
    Spec { name: "system", takes: "[text]", help: "Set the system prompt, or edit it" },
    Spec { name: "set", takes: "name value", help: "Set an option; without a value clear it" },
    Spec { name: "think", takes: "[level]", help: "How much to think: off, on, low, medium, high, max" },
    Spec { name: "preset", takes: "[name]", help: "Set the conversation to a preset; none takes it away" },
    Spec { name: "save-preset", takes: "[name]", help: "Save these settings as a preset" },
    Spec { name: "prompt", takes: "[name]", help: "Write with a prompt template; /NAME does so, too" },
    Spec { name: "options", takes: "", help: "Show or hide the side panel with options" },
    Spec { name: "title", takes: "text", help: "Name this conversation" },
    Spec { name: "new", takes: "[title]", help: "New conversation in this folder" },
    Spec { name: "clear", takes: "", help: "Start over: a new conversation with the same settings" },
    Spec { name: "attach", takes: "path", help: "Attach a file, also one with spaces in its name" },
    Spec { name: "detach", takes: "", help: "Take the last attachment away" },
    Spec { name: "continue", takes: "", help: "Go on with a broken-off answer" },
    Spec { name: "regenerate", takes: "", help: "Answer once more, as a sibling" },
    Spec { name: "copy", takes: "", help: "Copy the last answer" },
    Spec { name: "move", takes: "", help: "Move this conversation to another folder" },
    Spec { name: "tag", takes: "[tags]", help: "Tag this conversation; commas between tags" },
    Spec { name: "archive", takes: "", help: "Put this conversation into the archive, or take it out" },
    Spec { name: "duplicate", takes: "", help: "Copy this conversation with everything in it" },
    Spec { name: "pin", takes: "", help: "Pin or unpin this conversation" },
    Spec { name: "trash", takes: "", help: "Move this conversation to the trash" },
    Spec { name: "help", takes: "", help: "Show the keys" },
    Spec { name: "lock", takes: "", help: "Lock the screen" },
    Spec { name: "quit", takes: "", help: "Quit" },
];

/// A line that begins with `/`, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Model(Option<String>),
    System(Option<String>),
    Set {
        name: String,
        value: String,
    },
    Preset(Option<String>),
    SavePreset(Option<String>),
    Prompt(Option<String>),
    Options,
    Title(String),
    New(Option<String>),
    Clear,
    Attach(String),
    Detach,
    Continue,
    Regenerate,
    Copy,
    Move,
    /// Empty = edit them.
    Tag(String),
    Archive,
    Duplicate,
    Pin,
    Trash,
    Help,
    Lock,
    Quit,
}

/// What the text in the composer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Something to send, as it is.
    Text(String),
    Command(Command),
    /// A command, but not a right one: what is wrong and what to do.
    Wrong(String, String),
    /// No command, but perhaps a prompt template: the line behind the slash, and what is wrong with it if it is none.
    Unknown {
        line: String,
        what: String,
        hint: String,
    },
}

/// `//` at the beginning sends a text that begins with `/`.
pub fn parse(text: &str) -> Parsed {
    let Some(line) = text.trim_start().strip_prefix('/') else { return Parsed::Text(text.to_owned()) };
    if line.starts_with('/') {
        return Parsed::Text(text.trim_start()[1..].to_owned());
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let some = (!rest.is_empty()).then(|| rest.to_owned());
    let needs = |what: &str| {
        Parsed::Wrong(format!("/{name} needs {what}."), format!("Write it behind the command: /{name} {what}."))
    };
    let command = match name {
        "model" => Command::Model(some),
        "system" => Command::System(some),
        "set" => match rest.split_once(|c: char| c.is_whitespace() || c == '=') {
            Some((option, value)) => Command::Set { name: option.to_owned(), value: value.trim().to_owned() },
            None if rest.is_empty() => {
                let names: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
                return Parsed::Wrong(
                    "/set needs a name and a value.".to_owned(),
                    format!("The names are {}.", names.join(", ")),
                );
            }
            None => Command::Set { name: rest.to_owned(), value: String::new() },
        },
        "think" => Command::Set { name: "think".to_owned(), value: some.unwrap_or_else(|| "on".to_owned()) },
        "preset" => Command::Preset(some),
        "save-preset" => Command::SavePreset(some),
        "prompt" => Command::Prompt(some),
        "options" => Command::Options,
        "title" => match some {
            Some(title) => Command::Title(title),
            None => return needs("the title"),
        },
        "new" => Command::New(some),
        "clear" => Command::Clear,
        "attach" => match some {
            Some(path) => Command::Attach(path),
            None => return needs("a path"),
        },
        "detach" => Command::Detach,
        "continue" => Command::Continue,
        "regenerate" => Command::Regenerate,
        "copy" => Command::Copy,
        "move" => Command::Move,
        "tag" | "tags" => Command::Tag(rest.to_owned()),
        "archive" => Command::Archive,
        "duplicate" => Command::Duplicate,
        "pin" => Command::Pin,
        "trash" => Command::Trash,
        "help" | "?" => Command::Help,
        "lock" => Command::Lock,
        "quit" | "exit" | "q" => Command::Quit,
        unknown => {
            let nearest = COMMANDS
                .iter()
                .map(|spec| spec.name)
                .min_by_key(|known| strsim::levenshtein(known, unknown))
                .filter(|known| strsim::levenshtein(known, unknown) <= 2);
            let did_you_mean = nearest.map(|name| format!("Did you mean /{name}? ")).unwrap_or_default();
            return Parsed::Unknown {
                line: line.trim().to_owned(),
                what: format!("There is no command /{unknown}."),
                hint: format!("{did_you_mean}Begin with // to send it as text."),
            };
        }
    };
    Parsed::Command(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_two_slashes_send_one() {
        assert_eq!(parse("hello /model"), Parsed::Text("hello /model".into()));
        assert_eq!(parse("//etc/passwd?"), Parsed::Text("/etc/passwd?".into()));
    }

    #[test]
    fn commands_take_what_follows() {
        assert_eq!(parse("/model"), Parsed::Command(Command::Model(None)));
        assert_eq!(parse("/model llama3.2:3b "), Parsed::Command(Command::Model(Some("llama3.2:3b".into()))));
        let set = |name: &str, value: &str| Parsed::Command(Command::Set { name: name.into(), value: value.into() });
        assert_eq!(parse("/set temperature 0.2"), set("temperature", "0.2"));
        assert_eq!(parse("/set temperature=0.2"), set("temperature", "0.2"));
        assert_eq!(parse("/set temperature"), set("temperature", ""));
        assert_eq!(parse("/think high"), set("think", "high"));
        assert_eq!(parse("/system be\nbrief"), Parsed::Command(Command::System(Some("be\nbrief".into()))));
    }

    #[test]
    fn every_command_in_the_list_is_understood() {
        for spec in COMMANDS {
            assert!(matches!(parse(&format!("/{} x", spec.name)), Parsed::Command(_)), "{}", spec.name);
        }
    }

    #[test]
    fn a_wrong_command_says_what_to_do() {
        assert_eq!(
            parse("/modle x"),
            Parsed::Unknown {
                line: "modle x".into(),
                what: "There is no command /modle.".into(),
                hint: "Did you mean /model? Begin with // to send it as text.".into(),
            }
        );
        assert!(matches!(parse("/title"), Parsed::Wrong(..)));
        assert!(matches!(parse("/set"), Parsed::Wrong(..)));
    }
}
