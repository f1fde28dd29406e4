//! What a setting of the house takes: how it is typed, how it is kept, how it is shown. Pure, so that the interface judges
//! while somebody types and the service again when they are done, by the same words.

use crate::api::{Fault, options::ChatOptions};

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Bool,
    /// A whole number, kept in `unit`.
    Number {
        low: i64,
        high: i64,
        unit: Unit,
    },
    /// Up to so many bytes.
    Text {
        most: usize,
        /// It may hold more than one line.
        lines: bool,
    },
    /// The name of a model, or nothing.
    Model {
        most: usize,
    },
    Choice(&'static [&'static str]),
    /// Options of conversations, `name=value`, separated by `;`.
    Options,
}

/// What a number counts.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Behind the number. Empty = it counts things.
    pub word: &'static str,
    /// What else may stand behind it, and how many of the unit that is.
    pub others: &'static [(&'static str, i64)],
    /// A number that means something else, and the word for it.
    pub special: Option<(i64, &'static str)>,
}

impl Unit {
    pub const COUNT: Self = Self { word: "", others: &[], special: None };
    pub const SECONDS: Self =
        Self { word: "s", others: &[("sec", 1), ("min", 60), ("m", 60), ("h", 3600)], special: None };
    pub const MINUTES: Self = Self { word: "min", others: &[("m", 1), ("h", 60)], special: None };
    pub const HOURS: Self = Self { word: "h", others: &[("hours", 1), ("d", 24), ("days", 24)], special: None };
    pub const DAYS: Self = Self {
        word: "days",
        others: &[("day", 1), ("d", 1), ("weeks", 7), ("w", 7), ("years", 365), ("y", 365)],
        special: None,
    };
    pub const BYTES: Self =
        Self { word: "bytes", others: &[("b", 1), ("kib", 1024), ("mib", 1_048_576)], special: None };
    pub const MIB: Self = Self { word: "MiB", others: &[("mib", 1), ("gib", 1024), ("tib", 1_048_576)], special: None };
    pub const A_MINUTE: Self = Self { word: "a minute", others: &[], special: None };
    pub const TOKENS: Self = Self { word: "tokens", others: &[("k", 1000)], special: None };

    /// The same, with a word for one number.
    #[must_use]
    pub const fn or(self, number: i64, word: &'static str) -> Self {
        Self { special: Some((number, word)), ..self }
    }

    /// `15`, `15 min`, `2h`, `never`.
    fn read(self, typed: &str) -> Option<i64> {
        let typed = typed.trim().to_lowercase();
        if let Some((number, word)) = self.special
            && (typed == word || typed.replace(' ', "") == word.replace(' ', ""))
        {
            return Some(number);
        }
        let digits = typed.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(typed.len());
        let (number, behind) = typed.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let behind = behind.trim();
        let factor = if behind.is_empty() || behind == self.word.to_lowercase() {
            1
        } else {
            self.others.iter().find(|(word, _)| *word == behind)?.1
        };
        number.checked_mul(factor)
    }
}

impl Kind {
    /// What was typed, as it is kept.
    ///
    /// # Errors
    /// Says what the setting takes.
    pub fn parse(self, name: &str, typed: &str) -> Result<String, Fault> {
        let wrong = || Fault::invalid(format!("{name} takes {}, not {}.", self.takes(), quoted(typed)));
        match self {
            Self::Bool => match typed.trim().to_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok("true".to_owned()),
                "false" | "off" | "no" | "0" => Ok("false".to_owned()),
                _ => Err(wrong()),
            },
            Self::Number { low, high, unit } => {
                let number = unit.read(typed).ok_or_else(wrong)?;
                let is_special = unit.special.is_some_and(|(special, _)| special == number);
                if is_special || (low..=high).contains(&number) { Ok(number.to_string()) } else { Err(wrong()) }
            }
            Self::Choice(words) => {
                let typed = typed.trim().to_lowercase();
                words.iter().find(|word| **word == typed).map(|word| (*word).to_owned()).ok_or_else(wrong)
            }
            Self::Text { most, lines } => {
                let text = typed.trim_end().replace("\r\n", "\n");
                let is_bad = |letter: char| letter.is_control() && !(lines && matches!(letter, '\n' | '\t'));
                if text.chars().any(is_bad) {
                    let also = if lines { "" } else { "line breaks or " };
                    return Err(Fault::invalid(format!("{name} cannot hold {also}control characters.")));
                }
                if text.len() > most { Err(wrong()) } else { Ok(text) }
            }
            Self::Model { most } => {
                let text = typed.trim();
                let is_bad = |letter: char| letter.is_control() || letter.is_whitespace();
                if text.len() > most || text.chars().any(is_bad) { Err(wrong()) } else { Ok(text.to_owned()) }
            }
            Self::Options => options(typed).map(|options| listed(&options)),
        }
    }

    /// A kept value as people read it.
    #[must_use]
    pub fn shown(self, kept: &str) -> String {
        match self {
            Self::Bool => if kept == "true" { "on" } else { "off" }.to_owned(),
            Self::Number { unit, .. } => match unit.special {
                Some((number, word)) if kept == number.to_string() => word.to_owned(),
                Some(_) | None if unit.word.is_empty() => kept.to_owned(),
                Some(_) | None if unit.word == Unit::BYTES.word => in_bytes(kept),
                Some(_) | None => format!("{kept} {}", unit.word),
            },
            Self::Text { .. } | Self::Model { .. } | Self::Choice(_) | Self::Options => kept.to_owned(),
        }
    }

    /// In words: what may be typed.
    #[must_use]
    pub fn takes(self) -> String {
        match self {
            Self::Bool => "on or off".to_owned(),
            Self::Number { low, high, unit } => {
                let of = if unit.word.is_empty() { String::new() } else { format!(" ({})", unit.word) };
                let or = unit.special.map(|(_, word)| format!(", or {word}")).unwrap_or_default();
                format!("a whole number from {low} to {high}{of}{or}")
            }
            Self::Text { most, lines } => {
                format!("a text of at most {most} bytes{}", if lines { "" } else { " in one line" })
            }
            Self::Model { .. } => "a model's name such as llama3.2:3b, or nothing".to_owned(),
            Self::Choice(words) => match words.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                Some((last, _)) => (*last).to_owned(),
                None => String::new(),
            },
            Self::Options => "options such as temperature=0.2; num_ctx=8192".to_owned(),
        }
    }
}

/// In the largest unit that leaves no rest.
fn in_bytes(kept: &str) -> String {
    let largest = [(1_048_576, "MiB"), (1024, "KiB")];
    let found = kept.parse::<i64>().ok().and_then(|bytes| {
        let (size, word) = largest.into_iter().find(|(size, _)| bytes > 0 && bytes % size == 0)?;
        Some(format!("{} {word}", bytes / size))
    });
    found.unwrap_or_else(|| format!("{kept} bytes"))
}

/// Options from a list.
///
/// # Errors
/// Names the one that is wrong, and what it takes.
pub fn options(list: &str) -> Result<ChatOptions, Fault> {
    let mut options = ChatOptions::default();
    for one in list.split(';').map(str::trim).filter(|one| !one.is_empty()) {
        let (name, value) = one.split_once('=').ok_or_else(|| {
            Fault::invalid(format!("{} is no option and its value.", quoted(one)))
                .hint("Write name=value, with a ; between two: temperature=0.2; num_ctx=8192")
        })?;
        options.set(name.trim(), value)?;
    }
    Ok(options)
}

fn listed(options: &ChatOptions) -> String {
    let set = crate::api::options::OPTIONS.iter().map(|spec| (spec.name, options.get(spec.name)));
    let set: Vec<String> =
        set.filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    set.join("; ")
}

/// Enough of a wrong value to find it again.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    format!("“{}”", short.trim())
}
