//! What is looked for in the language of FTS5. Only words as they are compared get into it, each in quotes, so that nothing
//! a person types is ever a part of the language itself.

use std::fmt::Write as _;

use super::Wanted;
use crate::{
    api::search::Term,
    words::{START, START_MAX},
};

/// What the index of messages is asked. `None` where no words are looked for.
#[must_use]
pub fn expression(wanted: &Wanted) -> Option<String> {
    let groups: Vec<String> = wanted.all.iter().filter(|group| !group.is_empty()).map(|group| any(group)).collect();
    if groups.is_empty() {
        return None;
    }
    let mut text = groups.join(" AND ");
    if !wanted.none.is_empty() {
        text = format!("({text}) NOT ({})", any(&wanted.none));
    }
    Some(text)
}

/// What none of the hits may have, for searches that look for nothing else.
pub(super) fn unwanted(wanted: &Wanted) -> Option<String> {
    (!wanted.none.is_empty()).then(|| any(&wanted.none))
}

fn any(terms: &[Term]) -> String {
    let each: Vec<String> = terms.iter().map(one).collect();
    if each.len() == 1 { each.concat() } else { format!("({})", each.join(" OR ")) }
}

fn one(term: &Term) -> String {
    let Some((last, before)) = term.words.split_last() else { return "\"\"".to_owned() };
    if !term.is_open {
        return format!("\"{}\"", term.words.join(" "));
    }
    let length = last.chars().count();
    let open = if length <= START_MAX { format!("(\"{last}\" OR \"{START}{last}\")") } else { format!("\"{last}\" *") };
    match (before, length <= START_MAX) {
        ([], _) => open,
        // The short beginning may stand elsewhere: the list of all words that begin so would be too long to read.
        (before, true) => format!("(\"{}\" AND {open})", before.join(" ")),
        (before, false) => {
            let mut phrase = String::from("\"");
            for word in before {
                let _ = write!(phrase, "{word} ");
            }
            let _ = write!(phrase, "{last}\" *");
            phrase
        }
    }
}
