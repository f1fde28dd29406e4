//! The popup above the composer that completes `/` commands, their arguments and `@` paths.

use std::path::PathBuf;

use super::commands::COMMANDS;
use crate::{
    api::{PromptId, chat::Written, options::OPTIONS},
    safe_text::SafeText,
    ui::widgets::composer::Composer,
};

/// Rows shown at once.
pub const ROWS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Command,
    /// What follows a command: a model, an option, a level.
    Argument,
    Path,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is put into the text.
    pub insert: String,
    /// What the row shows; safe to draw.
    pub label: String,
    pub help: String,
    /// A prompt template, which is filled in instead of written.
    pub template: Option<PromptId>,
}

/// Names that only the store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Presets,
    Templates,
}

/// Open as long as something matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub kind: Kind,
    /// The column where the completed word begins.
    pub start: usize,
    pub typed: String,
    pub choices: Vec<Choice>,
    pub at: usize,
}

/// What the text before the cursor asks to be completed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Nothing,
    Now(Completion),
    /// Names of the store have to be looked up, and stand behind what is known without it.
    Names {
        now: Option<Completion>,
        look: Look,
        typed: String,
    },
    /// Names of files have to be looked up first.
    Path {
        start: usize,
        typed: String,
    },
}

pub fn wanted(composer: &Composer, models: &[String]) -> Wanted {
    if let Some(line) = composer.command_line() {
        return command(&line, models);
    }
    let (start, word) = composer.word_before_cursor();
    match word.strip_prefix('@') {
        Some(typed) => Wanted::Path { start, typed: typed.to_owned() },
        None => Wanted::Nothing,
    }
}

fn command(line: &str, models: &[String]) -> Wanted {
    let Some((name, rest)) = line[1..].split_once(' ') else {
        let typed = &line[1..];
        let choices: Vec<Choice> = COMMANDS
            .iter()
            .filter(|spec| spec.name.starts_with(typed))
            .map(|spec| Choice {
                insert: format!("/{}{}", spec.name, if spec.takes.is_empty() { "" } else { " " }),
                label: format!("/{} {}", spec.name, spec.takes).trim_end().to_owned(),
                help: spec.help.to_owned(),
                template: None,
            })
            .collect();
        let typed_line = line.to_owned();
        let now = (!choices.is_empty()).then_some(Completion {
            kind: Kind::Command,
            start: 0,
            typed: typed_line,
            choices,
            at: 0,
        });
        // Two slashes begin a text.
        return match now {
            None if typed.starts_with('/') => Wanted::Nothing,
            now => Wanted::Names { now, look: Look::Templates, typed: typed.to_owned() },
        };
    };
    let look = match name {
        "preset" => Look::Presets,
        "prompt" => Look::Templates,
        known if is_command(known) => return arguments(name, rest, models).map_or(Wanted::Nothing, Wanted::Now),
        text if text.starts_with('/') => return Wanted::Nothing,
        // A name of several words.
        _ => return Wanted::Names { now: None, look: Look::Templates, typed: line[1..].to_owned() },
    };
    Wanted::Names { now: None, look, typed: rest.to_owned() }
}

fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|spec| spec.name == name)
}

/// What is typed behind this command, at the moment.
pub fn argument(composer: &Composer, command: &str) -> Option<String> {
    let line = composer.command_line()?;
    line[1..].strip_prefix(command)?.strip_prefix(' ').map(str::to_owned)
}

/// What is typed behind the slash, if it may be the name of a template.
pub fn called(composer: &Composer) -> Option<String> {
    let line = composer.command_line()?;
    let is_known = line[1..].split_once(' ').is_some_and(|(name, _)| is_command(name));
    (!is_known && !line.starts_with("//")).then(|| line[1..].to_owned())
}

/// The popup for names behind a command; `None` when there is nothing left to complete.
pub fn names(command: &str, typed: &str, found: Vec<(String, String)>) -> Option<Completion> {
    let choices: Vec<Choice> = found
        .into_iter()
        .map(|(name, help)| Choice {
            label: SafeText::line(&name).into_string(),
            insert: name,
            help: SafeText::line(&help).into_string(),
            template: None,
        })
        .collect();
    let is_whole = choices.len() == 1 && choices[0].insert == typed;
    (!choices.is_empty() && !is_whole).then(|| Completion {
        kind: Kind::Argument,
        start: command.chars().count() + 2,
        typed: typed.to_owned(),
        choices,
        at: 0,
    })
}

/// A row for a template.
pub fn template(id: PromptId, name: &str, help: &str) -> Choice {
    Choice {
        insert: format!("/{name}"),
        label: format!("/{}", SafeText::line(name)),
        help: help.to_owned(),
        template: Some(id),
    }
}

/// The popup of commands with templates behind them: what is built in comes first.
pub fn with_templates(commands: Option<Completion>, typed: &str, templates: Vec<Choice>) -> Option<Completion> {
    let (mut choices, at) = commands.map(|popup| (popup.choices, popup.at)).unwrap_or_default();
    choices.retain(|choice| choice.template.is_none());
    choices.extend(templates);
    let at = at.min(choices.len().saturating_sub(1));
    (!choices.is_empty()).then(|| Completion { kind: Kind::Command, start: 0, typed: format!("/{typed}"), choices, at })
}

fn arguments(name: &str, rest: &str, models: &[String]) -> Option<Completion> {
    if rest.contains(' ') {
        return None;
    }
    let choice = |text: &str, help: &str| Choice {
        insert: text.to_owned(),
        label: SafeText::line(text).into_string(),
        help: help.to_owned(),
        template: None,
    };
    let choices: Vec<Choice> = match name {
        "model" => models.iter().filter(|name| name.contains(rest)).map(|name| choice(name, "")).collect(),
        "set" => OPTIONS
            .iter()
            .filter(|option| option.name.starts_with(rest))
            .map(|option| Choice { insert: format!("{} ", option.name), ..choice(option.name, option.range) })
            .collect(),
        "think" => ["off", "on", "low", "medium", "high", "max"]
            .iter()
            .filter(|level| level.starts_with(rest))
            .map(|level| choice(level, ""))
            .collect(),
        _ => Vec::new(),
    };
    let is_whole = choices.len() == 1 && choices[0].insert.trim_end() == rest;
    (!choices.is_empty() && !is_whole).then(|| Completion {
        kind: Kind::Argument,
        start: name.chars().count() + 2,
        typed: rest.to_owned(),
        choices,
        at: 0,
    })
}

/// The popup for paths that were found; `None` when there are none.
pub fn paths(start: usize, typed: String, found: Vec<String>) -> Option<Completion> {
    let choices: Vec<Choice> = found
        .into_iter()
        .map(|path| {
            let help = if path.ends_with('/') { "directory" } else { "" };
            Choice { label: SafeText::line(&path).into_string(), insert: path, help: help.to_owned(), template: None }
        })
        .collect();
    (!choices.is_empty()).then_some(Completion { kind: Kind::Path, start, typed, choices, at: 0 })
}

impl Completion {
    pub fn step(&mut self, down: bool) {
        let last = self.choices.len() - 1;
        self.at = match (down, self.at) {
            (true, at) if at >= last => 0,
            (true, at) => at + 1,
            (false, 0) => last,
            (false, at) => at - 1,
        };
    }

    pub fn chosen(&self) -> &Choice {
        &self.choices[self.at.min(self.choices.len() - 1)]
    }

    /// Whether Enter still has something to complete rather than to send.
    pub fn is_unfinished(&self) -> bool {
        match self.kind {
            Kind::Command => self.chosen().insert.trim_end() != self.typed,
            Kind::Argument | Kind::Path => self.chosen().insert.trim_end() != self.typed && !self.typed.is_empty(),
        }
    }
}

/// Most files that one text may name.
const NAMES: usize = 16;
/// No path that somebody writes into a sentence is longer, bytes.
const LONGEST_NAME: usize = 1024;

/// What a text names with `@`: for each the paths it may mean, likeliest first. Folded stretches are not written by
/// hand, and `@` inside a word is an address.
pub fn named(written: &Written) -> Vec<Vec<PathBuf>> {
    let mut names: Vec<Vec<PathBuf>> = Vec::new();
    let text = written.text.as_str();
    for (at, _) in text.match_indices('@') {
        let in_word = text[..at].chars().next_back().is_some_and(|c| !c.is_whitespace() && !"([{\"'“‘".contains(c));
        if in_word || written.folded.iter().any(|(start, end)| (*start..*end).contains(&at)) {
            continue;
        }
        let rest = &text[at + 1..];
        let candidates: Vec<&str> = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.split_once('"').map(|(name, _)| name).filter(|name| !name.contains('\n')).into_iter().collect()
        } else {
            let word = rest.split(char::is_whitespace).next().unwrap_or_default();
            // The sentence may go on, or end, right after the name.
            let bare = word.trim_end_matches(|c: char| ".,;:!?)]}\"'”’…".contains(c));
            if bare == word { vec![word] } else { vec![word, bare] }
        };
        let paths: Vec<PathBuf> = candidates
            .into_iter()
            .filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('\0'))
            .map(PathBuf::from)
            .collect();
        if !paths.is_empty() && !names.contains(&paths) && names.len() < NAMES {
            names.push(paths);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(text: &str) -> Option<Completion> {
        let mut composer = Composer::new(false);
        composer.set_text(text);
        match wanted(&composer, &["llama3.2:3b".to_owned(), "qwen3:8b".to_owned()]) {
            Wanted::Now(completion) => Some(completion),
            Wanted::Names { now, .. } => now,
            Wanted::Nothing | Wanted::Path { .. } => None,
        }
    }

    #[test]
    fn commands_and_their_arguments_complete() {
        assert_eq!(
            now("/mo").unwrap().choices.iter().map(|c| c.insert.as_str()).collect::<Vec<_>>(),
            ["/model ", "/move"]
        );
        let model = now("/model qw").unwrap();
        assert_eq!((model.start, model.chosen().insert.as_str()), (7, "qwen3:8b"));
        assert_eq!(now("/set num_p").unwrap().chosen().insert, "num_predict ");
        assert_eq!(now("/model qwen3:8b"), None, "nothing is left to complete");
        assert_eq!(now("hello /mo"), None);
    }

    #[test]
    fn an_at_sign_asks_for_paths() {
        let mut composer = Composer::new(false);
        composer.set_text("look at @src/ma");
        assert_eq!(wanted(&composer, &[]), Wanted::Path { start: 8, typed: "src/ma".into() });
        let popup = paths(8, "src/ma".into(), vec!["src/main\u{1b}[31m.rs".into()]).unwrap();
        assert!(!popup.chosen().label.contains('\u{1b}'));
        assert!(popup.chosen().insert.contains('\u{1b}'), "the real name is what is opened");
    }

    #[test]
    fn a_text_names_files_in_the_ways_people_write_them() {
        let of = |text: &str, folded: &[(usize, usize)]| -> Vec<Vec<String>> {
            let written = Written { text: text.into(), folded: folded.to_vec(), ..Written::default() };
            let show = |paths: Vec<PathBuf>| paths.iter().map(|path| path.display().to_string()).collect();
            named(&written).into_iter().map(show).collect()
        };
        assert_eq!(of("@notes.txt what is this?", &[]), [["notes.txt"]]);
        assert_eq!(of("see (@a.rs), and @\"b c.md\".", &[]), [vec!["a.rs),", "a.rs"], vec!["b c.md"]]);
        assert_eq!(of("ann@example.org @ alone @\"open", &[]), Vec::<Vec<String>>::new());
        assert_eq!(of("@one @two", &[(0, 4)]), [["two"]], "what is folded away was not written");
    }

    #[test]
    fn enter_on_a_whole_command_sends_it() {
        assert!(!now("/help").unwrap().is_unfinished());
        assert!(now("/hel").unwrap().is_unfinished());
    }
}
