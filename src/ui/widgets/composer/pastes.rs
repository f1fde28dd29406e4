//! Long pastes as one placeholder in the text: `[pasted 42 lines]`.
//!
//! The placeholder is what is edited and drawn; the text behind it is kept byte for byte and put in its place when the
//! message is sent. Invariant: every label in here is unique, so that the text can be expanded without positions.

use crate::{api::amount, safe_text::SafeText};

/// A paste with more lines than this becomes a placeholder.
const LINES_SHOWN: usize = 3;
/// A paste with more bytes than this becomes a placeholder.
const BYTES_SHOWN: usize = 500;
/// A placeholder with more bytes than this is not unfolded into the text; the external editor is the place for it.
pub const UNFOLD_MAX: usize = 64 * 1024;

#[derive(Debug)]
struct Paste {
    label: String,
    text: String,
}

/// A stretch of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands in the editor.
    Written(&'a str),
    /// Behind a placeholder.
    Pasted(&'a str),
}

/// The texts behind the placeholders of one draft.
#[derive(Debug, Default)]
pub struct Pastes {
    pastes: Vec<Paste>,
    made: usize,
}

/// Whether a pasted text is too long to stand in the composer as it is.
pub fn is_long(text: &str) -> bool {
    text.len() > BYTES_SHOWN || text.bytes().filter(|byte| *byte == b'\n').nth(LINES_SHOWN - 1).is_some()
}

impl Pastes {
    /// Keeps the text and gives the label that stands for it.
    pub fn keep(&mut self, text: String) -> String {
        self.made += 1;
        let lines = text.lines().count();
        let what =
            if lines > 1 { amount::many(lines, "line") } else { amount::many(text.chars().count(), "character") };
        let hidden = match SafeText::new(&text).hidden() {
            0 => String::new(),
            hidden => format!(", {}", amount::many(hidden, "hidden character")),
        };
        let number = if self.made > 1 { format!(" #{}", self.made) } else { String::new() };
        let label = format!("[pasted {what}{hidden}{number}]");
        self.pastes.push(Paste { label: label.clone(), text });
        label
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn is_empty(&self) -> bool {
        self.pastes.is_empty()
    }

    /// The text cut at its placeholders.
    pub fn pieces<'a>(&'a self, shown: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = shown;
        while let Some((at, paste)) = self
            .pastes
            .iter()
            .filter_map(|paste| rest.find(&paste.label).map(|at| (at, paste)))
            .min_by_key(|found| found.0)
        {
            pieces.push(Piece::Written(&rest[..at]));
            pieces.push(Piece::Pasted(&paste.text));
            rest = &rest[at + paste.label.len()..];
        }
        pieces.push(Piece::Written(rest));
        pieces
    }

    /// Where the kept texts stand in this one, in order; each once.
    pub fn found_in(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for paste in self.pastes.iter().filter(|paste| !paste.text.is_empty()) {
            let free = |(start, end): &(usize, usize)| found.iter().all(|other| *end <= other.0 || *start >= other.1);
            let place = text.match_indices(&paste.text).map(|(at, found)| (at, at + found.len())).find(free);
            found.extend(place);
        }
        found.sort_unstable();
        found
    }

    /// The placeholder that holds or touches this place of a line: its first and last character column, and its text.
    /// `touching` also accepts the column right after it.
    pub fn at(&self, line: &str, column: usize, touching: bool) -> Option<(usize, usize, &str)> {
        self.pastes.iter().find_map(|paste| {
            line.match_indices(&paste.label).find_map(|(byte, label)| {
                let start = line[..byte].chars().count();
                let end = start + label.chars().count();
                let holds = column > start && (column < end || touching && column == end);
                holds.then_some((start, end, paste.text.as_str()))
            })
        })
    }

    /// The placeholder that begins at this column of a line, with its end.
    pub fn beginning_at(&self, line: &str, column: usize) -> Option<usize> {
        let byte = line.char_indices().nth(column).map(|(byte, _)| byte)?;
        let paste = self.pastes.iter().find(|paste| line[byte..].starts_with(&paste.label))?;
        Some(column + paste.label.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_expands_to_exactly_what_was_pasted() {
        let mut pastes = Pastes::default();
        let first = pastes.keep("a\nb\nc\nd\u{1b}[31m".to_owned());
        let second = pastes.keep("a\nb\nc\nd".to_owned());
        assert_eq!(second, "[pasted 4 lines #2]");
        let shown = format!("look: {first} and {second}, [pasted 9 lines]");
        assert_eq!(
            pastes.pieces(&shown),
            [
                Piece::Written("look: "),
                Piece::Pasted("a\nb\nc\nd\u{1b}[31m"),
                Piece::Written(" and "),
                Piece::Pasted("a\nb\nc\nd"),
                Piece::Written(", [pasted 9 lines]"),
            ]
        );
    }

    #[test]
    fn hidden_characters_in_a_paste_are_counted_on_its_label() {
        let label = Pastes::default().keep("one\ntwo\u{202e}\nthree\nfour".to_owned());
        assert_eq!(label, "[pasted 4 lines, 1 hidden character]");
    }

    #[test]
    fn only_long_pastes_are_held_back() {
        assert!(!is_long("one\ntwo\nthree"));
        assert!(is_long("one\ntwo\nthree\nfour"));
        assert!(is_long(&"x".repeat(501)));
    }
}
