//! Prompt templates: a text with places to fill in, as a person writes it and as it comes out filled.
//!
//! ```text
//! {{name}}                 asked for
//! {{name=default}}         asked for, with something there already
//! {{tone:formal|friendly}} one of these
//! {{date}} {{time}}        put in by the program
//! {{selection}}            the message that is selected, else asked for
//! \{{                      two braces that mean nothing
//! ```
//!
//! Pure: it reads no clock and knows no store. Invariant: what is filled in is never read as a template again, so no
//! value can ask for anything.

use std::{collections::BTreeMap, fmt};

#[cfg(test)]
mod tests;

/// Longest name of a variable, characters.
pub const NAME_MAX: usize = 50;
/// Most variables and most choices of one: each is a line of a form, or a step in it.
pub const VARIABLES_MAX: usize = 30;
/// The variable that the selected message fills.
pub const SELECTION: &str = "selection";

/// A template that has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    variables: Vec<Variable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Its place in `variables`.
    Variable(usize),
    Date,
    Time,
}

/// What has to be filled in, once however often it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub takes: Takes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    Anything,
    /// Anything, and this when nothing is said.
    Default(String),
    /// One of these; the first when nothing is said.
    OneOf(Vec<String>),
}

impl Variable {
    /// What it is when nothing is said; `None` = it has to be said.
    #[must_use]
    pub fn usual(&self) -> Option<&str> {
        match &self.takes {
            Takes::Anything => None,
            Takes::Default(text) => Some(text),
            Takes::OneOf(choices) => choices.first().map(String::as_str),
        }
    }
}

/// The moment that `{{date}}` and `{{time}}` tell, already written out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub date: String,
    pub time: String,
}

impl Now {
    /// The local date and time of a moment in milliseconds since 1970: `2026-03-14`, `15:09`.
    #[must_use]
    pub fn at(ms: i64) -> Self {
        Self::at_in(ms, &crate::zone::local())
    }

    /// The same in another zone than that of the machine.
    #[must_use]
    pub fn at_in(ms: i64, zone: &jiff::tz::TimeZone) -> Self {
        let Ok(at) = jiff::Timestamp::from_millisecond(ms) else { return Self::default() };
        let local = at.to_zoned(zone.clone());
        Self { date: local.strftime("%Y-%m-%d").to_string(), time: local.strftime("%H:%M").to_string() }
    }
}

/// Why a text is no template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub what: String,
    pub hint: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// Why a template cannot be filled with what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfilled {
    /// Nothing is known for these, and they have no default.
    Missing(Vec<String>),
    /// The template does not have it; these it has.
    Unknown { name: String, known: Vec<String> },
    /// The value is none of the choices.
    NoChoice { name: String, value: String, choices: Vec<String> },
}

const AS_TEXT: &str = "Write \\{{ for two braces that mean nothing.";
const SHAPES: &str = "A place to fill in is {{name}}, {{name=default}} or {{name:one|other}}; \\{{ is two braces.";

impl Template {
    /// # Errors
    /// Says what cannot be read, and where.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let mut template = Self::default();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['\\', '{']) {
            plain.push_str(&text[at..at + found]);
            at += found;
            let backslashes = text[at..].bytes().take_while(|byte| *byte == b'\\').count();
            let is_open = text[at + backslashes..].starts_with("{{");
            if !is_open {
                // Elsewhere a backslash is a backslash, and a brace a brace.
                let one = backslashes.max(1);
                plain.push_str(&text[at..at + one]);
                at += one;
                continue;
            }
            plain.extend(std::iter::repeat_n('\\', backslashes / 2));
            at += backslashes;
            if backslashes % 2 == 1 {
                plain.push_str("{{");
                at += 2;
                continue;
            }
            let place = place(text, at)?;
            at += place.length;
            if !plain.is_empty() {
                template.pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let piece = template.add(place).map_err(|(start, what, hint)| wrong(text, start, what, hint))?;
            template.pieces.push(piece);
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            template.pieces.push(Piece::Text(plain));
        }
        Ok(template)
    }

    fn add(&mut self, place: Place) -> Result<Piece, (usize, String, &'static str)> {
        let Place { start, name, takes, .. } = place;
        let refuse = |what: String, hint| Err((start, what, hint));
        if name == "date" || name == "time" {
            if takes != Takes::Anything {
                return refuse(
                    format!("{{{{{name}}}}} is put in by the program."),
                    "Write it without a default or choices, or give it another name.",
                );
            }
            return Ok(if name == "date" { Piece::Date } else { Piece::Time });
        }
        let Some(known) = self.variables.iter().position(|variable| is_same(&variable.name, &name)) else {
            if self.variables.len() == VARIABLES_MAX {
                return refuse(
                    format!("More than {VARIABLES_MAX} different places are to be filled in."),
                    "Make two templates of it.",
                );
            }
            self.variables.push(Variable { name, takes });
            return Ok(Piece::Variable(self.variables.len() - 1));
        };
        let before = &mut self.variables[known].takes;
        match (&*before, takes) {
            (_, Takes::Anything) => {}
            (Takes::Anything, takes) => *before = takes,
            (same, takes) if *same == takes => {}
            (_, _) => {
                return refuse(
                    format!("“{name}” has another default or other choices further up."),
                    "Say them once; after that {{name}} is enough.",
                );
            }
        }
        Ok(Piece::Variable(known))
    }

    /// In the order in which they first stand in the text.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether it has a variable of this name.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| is_same(&variable.name, name))
    }

    /// The text, with what `value` says for each place. The place of the variable is its place in `variables`.
    #[must_use]
    pub fn render(&self, now: &Now, mut value: impl FnMut(usize, &Variable) -> String) -> String {
        let values: Vec<String> =
            self.variables.iter().enumerate().map(|(place, variable)| value(place, variable)).collect();
        let mut text = String::new();
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Text(plain) => plain,
                Piece::Variable(place) => &values[*place],
                Piece::Date => &now.date,
                Piece::Time => &now.time,
            });
        }
        text
    }

    /// The text with these values; what is not among them is as usual.
    ///
    /// # Errors
    /// When something has to be said and is not, is not asked for, or is none of the choices.
    pub fn fill(&self, given: &BTreeMap<String, String>, now: &Now) -> Result<String, Unfilled> {
        let known = || self.variables.iter().map(|variable| variable.name.clone()).collect();
        if let Some(name) = given.keys().find(|name| !self.asks_for(name)) {
            return Err(Unfilled::Unknown { name: name.clone(), known: known() });
        }
        let said = |variable: &Variable| {
            given.iter().find(|(name, _)| is_same(name, &variable.name)).map(|(_, value)| value.as_str())
        };
        let mut missing = Vec::new();
        for variable in &self.variables {
            match (said(variable), &variable.takes) {
                (Some(value), Takes::OneOf(choices)) if !choices.iter().any(|choice| choice == value) => {
                    return Err(Unfilled::NoChoice {
                        name: variable.name.clone(),
                        value: value.to_owned(),
                        choices: choices.clone(),
                    });
                }
                (None, Takes::Anything) => missing.push(variable.name.clone()),
                (Some(_) | None, _) => {}
            }
        }
        if !missing.is_empty() {
            return Err(Unfilled::Missing(missing));
        }
        Ok(self.render(now, |_, variable| said(variable).or(variable.usual()).unwrap_or_default().to_owned()))
    }
}

/// The template that comes out as exactly this text.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut template = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let before = &rest[..open];
        let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
        template.push_str(before);
        template.extend(std::iter::repeat_n('\\', backslashes + 1));
        template.push_str("{{");
        rest = &rest[open + 2..];
    }
    template + rest
}

/// Whether two names mean the same variable.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// One `{{…}}`.
struct Place {
    /// Where it begins, bytes.
    start: usize,
    /// How long it is with its braces, bytes.
    length: usize,
    name: String,
    takes: Takes,
}

fn place(text: &str, start: usize) -> Result<Place, Wrong> {
    let inner = &text[start + 2..];
    let refuse = |at: usize, what: String, hint| Err(wrong(text, at, what, hint));
    // Letters, and whether a backslash stood before them and took their meaning away.
    let mut letters: Vec<(char, bool)> = Vec::new();
    let mut rest = inner.char_indices();
    let end = loop {
        match rest.next() {
            Some((at, '}')) if inner[at..].starts_with("}}") => break at,
            Some((at, '{')) if inner[at..].starts_with("{{") => {
                return refuse(start + 2 + at, "One place to fill in stands inside another.".to_owned(), SHAPES);
            }
            None | Some((_, '\n' | '\r')) => {
                return refuse(start, "These two braces are not closed on their line.".to_owned(), AS_TEXT);
            }
            Some((at, '\\')) => match inner[at + 1..].chars().next() {
                Some(letter @ ('\\' | '{' | '}' | '|' | '=' | ':')) => {
                    letters.push((letter, true));
                    rest.next();
                }
                Some('n') => {
                    letters.push(('\n', true));
                    rest.next();
                }
                Some(_) | None => letters.push(('\\', true)),
            },
            Some((_, letter)) => letters.push((letter, false)),
        }
    };
    let mark = letters.iter().position(|letter| matches!(letter, ('=' | ':', false)));
    let (name, rest) = letters.split_at(mark.unwrap_or(letters.len()));
    let name = words(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' ');
    if name.is_empty() {
        return refuse(start, "This place to fill in has no name.".to_owned(), SHAPES);
    }
    if !name.chars().all(is_name) {
        return refuse(
            start,
            format!("“{name}” is no name."),
            "Names are letters, digits, spaces, - and _; write \\{{ for two braces that mean nothing.",
        );
    }
    if name.chars().count() > NAME_MAX {
        return refuse(start, format!("The name “{name}” is longer than {NAME_MAX} characters."), SHAPES);
    }
    let takes = match rest.split_first() {
        None => Takes::Anything,
        Some((('=', _), default)) => Takes::Default(words(default).trim_matches(' ').to_owned()),
        Some((_, choices)) => {
            let choices: Vec<String> = choices
                .split(|letter| *letter == ('|', false))
                .map(|choice| words(choice).trim_matches(' ').to_owned())
                .collect();
            if choices.iter().any(String::is_empty) {
                return refuse(start, format!("“{name}” has an empty choice."), SHAPES);
            }
            if choices.len() > VARIABLES_MAX {
                return refuse(start, format!("“{name}” has more than {VARIABLES_MAX} choices."), SHAPES);
            }
            if choices.iter().enumerate().any(|(at, choice)| choices[..at].contains(choice)) {
                return refuse(start, format!("“{name}” has the same choice twice."), SHAPES);
            }
            Takes::OneOf(choices)
        }
    };
    Ok(Place { start, length: end + 4, name, takes })
}

fn words(letters: &[(char, bool)]) -> String {
    letters.iter().map(|(letter, _)| *letter).collect()
}

fn wrong(text: &str, at: usize, what: String, hint: &'static str) -> Wrong {
    let (line, column) = line_and_column(text, at);
    Wrong { line, column, what, hint }
}

/// Where a byte stands: line and column from 1, the column in characters.
#[must_use]
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
