//! A quick look at where words stand in a text, good enough to rank by and to know where to look closer.
//!
//! It compares bytes, capitals aside, and knows nothing of accents, of variants, or of the parts of names: the index has
//! said already that the words are there. Cutting every candidate's text into words the way the index does took ten times
//! as long as finding the candidates.

use memchr::memchr2_iter;

use crate::api::search::Term;

/// Bytes of a text that are looked at for ranking: what it is about stands near its beginning.
pub(super) const LOOKED_AT: usize = 4 * 1024;
/// Places of one word that count.
const PLACES: usize = 12;

/// Where a term begins in a text, and whether the last word goes on behind what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    pub(super) term: usize,
    pub(super) at: usize,
    pub(super) goes_on: bool,
}

/// The first places of each term in the first `most` bytes, term by term.
pub(super) fn glance(text: &str, terms: &[Term], most: usize, seen: &mut Vec<Glimpse>) {
    seen.clear();
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.len().min(most)];
    for (number, term) in terms.iter().enumerate() {
        // Of words in a row the first one will do.
        let Some(word) = term.words.first().map(String::as_bytes).filter(|word| !word.is_empty()) else {
            continue;
        };
        let begins = memchr2_iter(word[0], word[0].to_ascii_uppercase(), bytes);
        let is_here = |at: &usize| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            bytes.get(*at..*at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
                && !before.is_some_and(u8::is_ascii_alphanumeric)
        };
        seen.extend(begins.filter(is_here).take(PLACES).map(|at| {
            let goes_on = bytes.get(at + word.len()).is_some_and(u8::is_ascii_alphanumeric);
            Glimpse { term: number, at, goes_on }
        }));
    }
}

/// The stretch of a long text to look at closely: around the place where most of the terms stand together.
pub(super) fn stretch<'a>(text: &'a str, terms: &[Term], length: usize) -> &'a str {
    if text.len() <= length {
        return text;
    }
    let mut seen = Vec::new();
    glance(text, terms, text.len(), &mut seen);
    seen.sort_unstable_by_key(|glimpse| glimpse.at);
    let different = |from: usize| {
        let within = seen[from..].iter().take_while(|glimpse| glimpse.at < seen[from].at + length / 8);
        let mut terms: Vec<usize> = within.map(|glimpse| glimpse.term).collect();
        terms.sort_unstable();
        terms.dedup();
        terms.len()
    };
    let mut best: Option<(usize, usize)> = None;
    for (from, first) in seen.iter().enumerate() {
        let count = different(from);
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((first.at, count));
        }
    }
    let first = best.map_or(0, |(at, _)| at.saturating_sub(length / 4)).min(text.len() - length);
    let border = |at: usize| (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[border(first)..border(first + length)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, words: &[&str]) -> Vec<(usize, usize, bool)> {
        let terms: Vec<Term> = words.iter().map(|word| Term::new(word, true).unwrap()).collect();
        let mut seen = Vec::new();
        glance(text, &terms, usize::MAX, &mut seen);
        seen.into_iter().map(|glimpse| (glimpse.term, glimpse.at, glimpse.goes_on)).collect()
    }

    #[test]
    fn words_are_seen_where_they_begin() {
        assert_eq!(seen("Rust rusty trust RUST", &["rust"]), [(0, 0, false), (0, 5, true), (0, 17, false)]);
        assert_eq!(seen("全文搜索 ruſt", &["搜索", "rust"]), [(0, 6, false)]);
        assert_eq!(seen("", &["rust"]), []);
    }

    #[test]
    fn the_stretch_of_a_long_text_holds_the_words() {
        let text = format!("{}one {}é one two{}", "x ".repeat(4_000), "é ".repeat(4_000), " z".repeat(9_000));
        let terms: Vec<Term> = ["one", "two"].iter().map(|word| Term::new(word, false).unwrap()).collect();
        let near = stretch(&text, &terms, 2_048);
        assert!(near.contains("one two") && near.len() <= 2_050, "{}", near.len());
        assert_eq!(stretch("short", &terms, 2_048), "short");
    }
}
