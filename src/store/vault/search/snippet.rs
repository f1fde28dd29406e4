//! The words around a hit, short enough for a line or two, with the hits marked.

use crate::{
    api::search::{Marked, Term},
    words::{Found, found},
};

/// Characters of a snippet.
const LENGTH: usize = 220;
/// Characters shown before the first hit.
const BEFORE: usize = 32;
const PLACES: usize = 256;

/// All of a short text, on one line.
pub(super) fn whole(text: &str, terms: &[Term]) -> Marked {
    let (places, _) = found(text, terms, PLACES);
    cut(text, 0, text.len(), &places)
}

/// The stretch of a text in which most of what is looked for stands; its beginning where nothing of it does.
pub(super) fn around(text: &str, terms: &[Term]) -> Marked {
    let (places, _) = found(text, terms, PLACES);
    let start = best(&places).map_or(0, |hit| back(text, hit, BEFORE));
    let end = ahead(text, start, LENGTH);
    cut(text, start, end, &places)
}

/// Where the first hit stands of the stretch with the most different words, and of those the most hits.
fn best(places: &[Found]) -> Option<usize> {
    // Characters are not counted here: bytes are near enough to choose by.
    let reach = LENGTH - BEFORE;
    let worth = |first: &Found| {
        let within: Vec<usize> = places
            .iter()
            .filter(|place| place.start >= first.start && place.end <= first.start + reach)
            .map(|place| place.term)
            .collect();
        let mut different = within.clone();
        different.sort_unstable();
        different.dedup();
        (different.len(), within.len())
    };
    let mut chosen: Option<(&Found, (usize, usize))> = None;
    for place in places {
        let worth = worth(place);
        if chosen.is_none_or(|(_, most)| worth > most) {
            chosen = Some((place, worth));
        }
    }
    chosen.map(|(place, _)| place.start)
}

/// So many characters before `at`, at the beginning of a word.
fn back(text: &str, at: usize, most: usize) -> usize {
    let before = &text[..at];
    let far = before.char_indices().rev().nth(most.saturating_sub(1)).map_or(0, |(start, _)| start);
    if far == 0 {
        return 0;
    }
    // Of the words before the hit those that are whole; in a script without spaces any character begins one.
    text[far..at].find(char::is_whitespace).map_or(far, |space| far + space + 1).min(at)
}

fn ahead(text: &str, from: usize, most: usize) -> usize {
    text[from..].char_indices().nth(most).map_or(text.len(), |(length, _)| from + length)
}

/// This stretch of a text on one line, with `…` where it goes on.
fn cut(text: &str, start: usize, end: usize, places: &[Found]) -> Marked {
    let mut line = String::new();
    let mut count = 0_u32;
    let mut marks: Vec<(u32, u32)> = Vec::new();
    let mut open: Option<u32> = None;
    let mut places = places.iter().filter(|place| place.start >= start && place.start < end).peekable();
    let mut until = 0;
    if start > 0 {
        line.push('…');
        count += 1;
    }
    let push = |line: &mut String, letter: char| {
        let is_space = letter.is_whitespace();
        if is_space && (line.is_empty() || line.ends_with(' ')) {
            return false;
        }
        line.push(if is_space { ' ' } else { letter });
        true
    };
    for (at, letter) in text[start..end].char_indices().map(|(at, letter)| (start + at, letter)) {
        if open.is_some() && at >= until {
            marks.extend(open.take().map(|first| (first, count)));
        }
        while let Some(place) = places.next_if(|place| place.start <= at) {
            until = until.max(place.end);
            open.get_or_insert(count);
        }
        if open.is_some() && at >= until {
            open = None;
        }
        count += u32::from(push(&mut line, letter));
    }
    marks.extend(open.map(|first| (first, count)));
    marks.retain(|(first, end)| first < end);
    if end < text.len() {
        line.push('…');
    }
    Marked { text: line, marks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(snippet: &Marked) -> Vec<String> {
        let letters: Vec<char> = snippet.text.chars().collect();
        snippet.marks.iter().map(|(first, end)| letters[*first as usize..*end as usize].iter().collect()).collect()
    }

    fn terms(words: &[&str]) -> Vec<Term> {
        words.iter().map(|word| Term::new(word, false).unwrap()).collect()
    }

    #[test]
    fn a_snippet_stands_around_most_of_the_words() {
        let text = format!(
            "{}borrow {}the borrow\n\n  checker said no{}",
            "x ".repeat(50),
            "y ".repeat(200),
            " z".repeat(300)
        );
        let snippet = around(&text, &terms(&["borrow", "checker"]));
        assert_eq!(marked(&snippet), ["borrow", "checker"]);
        assert!(snippet.text.contains("the borrow checker said no z"), "{}", snippet.text);
        assert!(snippet.text.starts_with("…y y") && snippet.text.ends_with('…'), "{}", snippet.text);
        assert!(snippet.text.chars().count() <= LENGTH + 2);
    }

    #[test]
    fn marks_count_characters_of_the_snippet_whatever_the_script() {
        let snippet = around("日本語で全文検索を\n使う", &terms(&["検索"]));
        assert_eq!((snippet.text.as_str(), marked(&snippet)), ("日本語で全文検索を 使う", vec!["検索".to_owned()]));
        let long = format!("{}検索{}", "漢".repeat(500), "字".repeat(500));
        assert_eq!(marked(&around(&long, &terms(&["検索"]))), ["検索"]);
        assert_eq!(whole("Größe: GRÖSSE", &terms(&["grosse"])).marks, [(0, 5), (7, 13)]);
    }

    #[test]
    fn a_text_without_hits_shows_its_beginning() {
        let snippet = around("  nothing \t of it", &terms(&["word"]));
        assert_eq!(snippet, Marked { text: "nothing of it".to_owned(), marks: Vec::new() });
        assert_eq!(around("", &terms(&["word"])), Marked::default());
    }

    proptest::proptest! {
        #[test]
        fn marks_lie_in_order_inside_the_snippet(text in "[ab é中\n.]{0,600}", word in "[ab中é]{1,3}") {
            let snippet = around(&text, &terms(&[&word]));
            let length = snippet.text.chars().count() as u32;
            let mut last = 0;
            for (first, end) in &snippet.marks {
                assert!(last <= *first && first < end && *end <= length, "{snippet:?}");
                last = *end;
            }
        }
    }
}
