//! What the index holds of a text: its words between spaces.

use std::collections::HashSet;

use super::{Kind, pieces};

/// Stands before the beginning of a word, which is so told from a word. No word has it.
pub const START: char = '<';
/// Beginnings are kept up to this many characters, each once for a text: a query that is just being typed then reads one
/// list, newest first, instead of gathering those of thousands of words. Longer beginnings belong to few words.
pub const START_MAX: usize = 4;

/// The words of `text` in order, then the parts of its names, then the beginnings of both.
#[must_use]
pub fn entry(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + text.len() / 2);
    let mut parts = String::new();
    let mut starts = String::new();
    let mut seen: HashSet<String> = HashSet::new();
    pieces(text, |piece| {
        let into = match piece.kind {
            Kind::Whole | Kind::Gram => &mut words,
            Kind::Part => &mut parts,
        };
        into.push_str(piece.text);
        into.push(' ');
        for (place, (at, _)) in piece.text.char_indices().enumerate().skip(1).take(START_MAX) {
            debug_assert!(place > 0);
            let start = &piece.text[..at];
            if !seen.contains(start) {
                seen.insert(start.to_owned());
                starts.push(START);
                starts.push_str(start);
                starts.push(' ');
            }
        }
    });
    if words.is_empty() {
        return words;
    }
    // So that no phrase runs from the last word into what follows.
    words.push(START);
    words.push(' ');
    words.push_str(&parts);
    words.push_str(&starts);
    words.pop();
    words
}
