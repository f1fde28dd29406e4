//! What is looked for: words in a row, and where they stand in a text.

use serde::{Deserialize, Serialize};

use super::{Kind, Piece, pieces};

/// One or more words in a row. The last may be the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Term {
    /// As compared; at least one.
    pub words: Vec<String>,
    /// Whether the last word may go on.
    pub is_open: bool,
}

impl Term {
    /// What `text` means to somebody who looks for it. `None` where no word is in it.
    #[must_use]
    pub fn new(text: &str, is_open: bool) -> Option<Self> {
        let mut words: Vec<(String, Kind)> = Vec::new();
        pieces(text, |piece| match piece.kind {
            Kind::Whole | Kind::Gram => words.push((piece.text.to_owned(), piece.kind)),
            Kind::Part => {}
        });
        let is_one = |word: &str| word.chars().nth(1).is_none();
        let ends_in_gram = words.last().is_some_and(|(_, kind)| *kind == Kind::Gram);
        if let [.., (before, Kind::Gram), (last, Kind::Gram)] = words.as_slice()
            && is_one(last)
            && before.ends_with(last.as_str())
            && !is_one(before)
        {
            // In a text the run may go on, so that its last character is none by itself.
            words.pop();
        }
        let last = words.last()?;
        let is_open = if ends_in_gram { is_one(&last.0) } else { is_open };
        Some(Self { words: words.into_iter().map(|(word, _)| word).collect(), is_open })
    }

    fn fits(&self, place: usize, word: &str) -> bool {
        let wanted = self.words[place].as_str();
        if place + 1 == self.words.len() && self.is_open { word.starts_with(wanted) } else { word == wanted }
    }
}

/// A place in a text where a term stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which of the terms.
    pub term: usize,
    pub start: usize,
    pub end: usize,
    /// The word before which it begins, counted from the beginning of the text.
    pub place: usize,
    /// The last word goes on behind what was looked for.
    pub goes_on: bool,
}

/// Where the terms stand in `text`, in order, at most `limit` of them. The second value is how many words the text has.
#[must_use]
pub fn found(text: &str, terms: &[Term], limit: usize) -> (Vec<Found>, usize) {
    let mut places = Vec::new();
    let mut count = 0;
    // Of each term, how far it has come from each of the last words.
    let mut under_way: Vec<(usize, usize, usize, usize)> = Vec::new();
    pieces(text, |piece| {
        if places.len() >= limit {
            count += usize::from(piece.kind != Kind::Part);
            return;
        }
        match piece.kind {
            Kind::Part => {
                for (number, term) in terms.iter().enumerate() {
                    let is_found = term.words.len() == 1 && term.fits(0, piece.text);
                    // Already marked as the beginning of the whole word.
                    let is_marked = places
                        .iter()
                        .rev()
                        .take_while(|found: &&Found| found.end > piece.start)
                        .any(|found| found.term == number && found.start <= piece.start);
                    if is_found && !is_marked {
                        places.push(one(number, text, term, &piece, piece.start, count.saturating_sub(1)));
                    }
                }
            }
            Kind::Whole | Kind::Gram => {
                under_way.retain_mut(|(number, next, _, _)| {
                    let is_on = terms[*number].fits(*next, piece.text);
                    *next += 1;
                    is_on
                });
                for (number, term) in terms.iter().enumerate() {
                    if term.fits(0, piece.text) {
                        under_way.push((number, 1, piece.start, count));
                    }
                }
                under_way.retain(|(number, next, start, place)| {
                    let term = &terms[*number];
                    if *next == term.words.len() {
                        places.push(one(*number, text, term, &piece, *start, *place));
                    }
                    *next < term.words.len()
                });
                count += 1;
            }
        }
    });
    (places, count)
}

fn one(number: usize, text: &str, term: &Term, piece: &Piece<'_>, start: usize, place: usize) -> Found {
    let last = term.words.last().map_or("", String::as_str);
    let goes_on = piece.text.len() > last.len();
    let end = match piece.kind {
        // Only the first of the two characters was looked for.
        Kind::Gram if goes_on => {
            piece.start + text[piece.start..].chars().next().map_or(piece.end - piece.start, char::len_utf8)
        }
        Kind::Gram | Kind::Whole | Kind::Part => piece.end,
    };
    Found { term: number, start, end, place, goes_on }
}
