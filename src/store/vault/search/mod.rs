//! Full-text search of one vault: over messages, titles, notes and attached files.
//!
//! Candidates are taken newest first, which is the order in which the index can give them without looking at all of
//! them, so many at a time (a *round*); each round is put into an order of its own by how well it fits. A word that
//! stands in a hundred messages is ranked over all of them, one that stands in half a million over the newest hundreds,
//! and the next page goes on from there. Ranking over every hit, as FTS5's own bm25 does, reads the whole list of a
//! common word: a second instead of milliseconds.
//!
//! Invariant: an index has an entry for each text that can be found, made by `words::entry` of it and nothing else; the
//! triggers of the schema keep it so, in the transaction that changes the text.

mod candidates;
mod expression;
mod glance;
pub mod index;
mod scope;
mod score;
mod show;
mod snippet;

use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};

use crate::{
    api::{
        chat::MessageRole,
        search::{Hit, Term},
    },
    store::{StoreError, Tx, While, thread::Going},
    words::entry,
};

pub use candidates::Place;
pub use expression::expression;

/// What is looked for, parsed. Nothing in it has to be believed: words are words, and names are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All of these, and of each group one.
    pub all: Vec<Vec<Term>>,
    pub none: Vec<Term>,
    pub filters: Filters,
}

impl Wanted {
    /// Everything that is looked for, in one row.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        self.all.iter().flatten().cloned().collect()
    }
}

/// Where it is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub folders: Vec<Named>,
    pub models: Vec<Named>,
    pub tags: Vec<Named>,
    pub role: Option<MessageRole>,
    /// Milliseconds since 1970, UTC.
    pub since: Option<i64>,
    /// The first moment that is too late.
    pub until: Option<i64>,
    pub has_note: bool,
    pub has_file: bool,
    pub rated: Option<Rated>,
    pub archived: Option<Archived>,
    pub place: Option<Source>,
    pub in_trash: bool,
}

/// A name, or a part of one, that something must have or must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub is_not: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rated {
    Up,
    Down,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// Like everything else, which is how it is without the filter.
    Too,
    Not,
    Only,
}

/// What there is to look through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Messages,
    Titles,
    Notes,
    Files,
}

/// Stands behind each of several texts of one entry. No word is in it.
const BETWEEN: &str = "\n";

/// One page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub hits: Vec<Hit>,
    /// Of the round that the page is from.
    pub count: u32,
    pub is_more: bool,
    pub next: Option<Place>,
    pub is_index_unfinished: bool,
}

/// Finds what is wanted, from this place on.
///
/// # Errors
/// `Invalid` with a sentence for a filter that names nothing; `is_interrupted` when nobody waits any more.
pub fn find(tx: &Tx<'_>, going: &Going, wanted: &Wanted, from: Place, limit: u32) -> Result<Page, StoreError> {
    let is_index_unfinished = index::is_unfinished(tx)?;
    let Some(scope) = scope::Scope::new(tx, &wanted.filters)? else {
        return Ok(Page { is_index_unfinished, ..Page::default() });
    };
    let mut from = from;
    loop {
        let round = candidates::round(tx, going, wanted, &scope, &from)?;
        let end = (from.offset as usize + limit as usize).min(round.all.len());
        let chosen = round.all.get(from.offset as usize..end).unwrap_or_default();
        let next = if end < round.all.len() {
            Some(Place { offset: end as u32, ..from })
        } else {
            round.after.map(|after| Place { offset: 0, ..after })
        };
        // Messages that have gone meanwhile may leave a page beyond the end of its round.
        if let (true, Some(next)) = (chosen.is_empty(), next) {
            from = next;
            continue;
        }
        let hits = show::hits(tx, going, &wanted.terms(), chosen)?;
        return Ok(Page {
            hits,
            count: round.all.len() as u32,
            is_more: round.after.is_some(),
            next,
            is_index_unfinished,
        });
    }
}

/// Makes the schema's function known to a connection. It reads nothing and changes nothing, so that triggers may call it
/// although the schema is not trusted.
pub(in crate::store) fn register(conn: &Connection) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("search_words", -1, flags, |call| {
        let mut text = String::new();
        for place in 0..call.len() {
            match call.get_raw(place) {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    text.push_str(&String::from_utf8_lossy(bytes));
                    text.push_str(BETWEEN);
                }
                ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {}
            }
        }
        Ok(entry(&text))
    })
    .while_("setting up a connection")
}

#[cfg(test)]
mod tests;
