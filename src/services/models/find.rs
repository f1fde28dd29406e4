//! Finding in the shelf: what fits, in which order, and the page of it that is wanted. Pure, because it is what a key press
//! waits for.
//!
//! Invariant: what nobody knows is sorted last, whichever way; two rows are never equal, so that a page has an end that
//! the next one begins behind.

use std::{cmp::Ordering, collections::HashMap};

use nucleo_matcher::{
    Config, Matcher,
    pattern::{Atom, AtomKind, CaseMatching, Normalization},
};
use serde::{Deserialize, Serialize};

use super::{
    filter::Filter,
    shelf::{Entry, Shelf},
};
use crate::api::{
    AccountId, Fault,
    fleet::{Column, Match, ModelTag, Per, Place, Query, Sort},
    organise::Cursor,
};

/// What was found, as places in the shelf.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In order, each with how many it stands for.
    pub page: Vec<(usize, u32)>,
    pub first: usize,
    pub total: usize,
    pub known: usize,
    pub next: Option<Cursor>,
    pub previous: Option<Cursor>,
    pub tags: Vec<ModelTag>,
}

/// Who looks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looking<'a> {
    pub account: AccountId,
    /// Which entries there are for this account; `None` = all.
    pub allowed: Option<&'a [bool]>,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// A match on its way into the order.
#[derive(Clone, Copy, Debug)]
struct Hit {
    at: usize,
    /// Of the loose match; 0 without words.
    score: u32,
    stands_for: u32,
}

/// What a row is sorted by. `None` elsewhere means unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Value<'a> {
    /// Kept bit by bit: a figure that came back another one would skip a row.
    Number(#[serde(with = "bits")] f64),
    Text(std::borrow::Cow<'a, str>),
}

/// The place of a row in an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Standing<'a> {
    value: Option<Value<'a>>,
    is_away: bool,
    key: std::borrow::Cow<'a, str>,
}

/// One page of what fits the query.
///
/// # Errors
/// When the cursor is of no such list.
pub(super) fn find(shelf: &Shelf, filter: &Filter, query: &Query, by: Looking<'_>) -> Result<Found, Fault> {
    let wanted: Vec<String> = query.tags.iter().map(|tag| tag.trim().to_lowercase()).collect();
    let (hits, known, tags) = matching(shelf, filter, &wanted, query.tags_by, by);
    let mut hits = match query.per {
        Per::Model => hits,
        Per::Family => families(shelf, hits),
    };
    let sort = query.sort;
    let is_ranked = sort.is_none() && !filter.words.is_empty();
    // Without words the shelf stands in the right order already.
    if sort.is_some() || is_ranked || query.per == Per::Family {
        let mut standings: Vec<(Standing<'_>, Hit)> =
            hits.iter().map(|hit| (standing(shelf, hit, sort, is_ranked, by.account), *hit)).collect();
        standings.sort_unstable_by(|one, other| compare(&one.0, &other.0, descending(sort, is_ranked)));
        hits = standings.into_iter().map(|(_, hit)| hit).collect();
    }
    let place = |hit: &Hit| standing(shelf, hit, sort, is_ranked, by.account);
    let limit = query.limit as usize;
    let down = descending(sort, is_ranked);
    let first = match &query.at {
        Place::Start => 0,
        Place::End => hits.len().saturating_sub(limit),
        Place::After(cursor) => {
            let cursor = read(cursor)?;
            hits.partition_point(|hit| compare(&place(hit), &cursor, down) != Ordering::Greater)
        }
        Place::Before(cursor) => {
            let cursor = read(cursor)?;
            let end = hits.partition_point(|hit| compare(&place(hit), &cursor, down) == Ordering::Less);
            end.saturating_sub(limit)
        }
    };
    let last = match &query.at {
        Place::Before(cursor) => {
            let cursor = read(cursor)?;
            hits.partition_point(|hit| compare(&place(hit), &cursor, down) == Ordering::Less)
        }
        Place::Start | Place::After(_) | Place::End => first.saturating_add(limit).min(hits.len()),
    };
    let page = &hits[first..last];
    Ok(Found {
        next: page.last().filter(|_| last < hits.len()).map(|hit| written(&place(hit))),
        previous: page.first().filter(|_| first > 0).map(|hit| written(&place(hit))),
        page: page.iter().map(|hit| (hit.at, hit.stands_for)).collect(),
        first,
        total: hits.len(),
        known,
        tags,
    })
}

/// Everything that fits, how many there are at all, and how many of those that fit the text carry each tag.
fn matching(
    shelf: &Shelf,
    filter: &Filter,
    wanted: &[String],
    by: Match,
    looking: Looking<'_>,
) -> (Vec<Hit>, usize, Vec<ModelTag>) {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let atoms: Vec<Atom> = filter
        .words
        .iter()
        .map(|word| Atom::new(word, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false))
        .collect();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let (mut hits, mut known) = (Vec::new(), 0);
    for (at, entry) in shelf.entries.iter().enumerate() {
        if looking.allowed.is_some_and(|allowed| !allowed[at]) {
            continue;
        }
        known += 1;
        let told = entry.told(looking.account);
        if !filter.holds(entry, &told, looking.now) {
            continue;
        }
        let Some(score) = score(entry, filter, &atoms, &mut matcher) else { continue };
        for tag in &entry.tags {
            *counts.entry(tag).or_default() += 1;
        }
        let carries = |tag: &String| entry.tags.contains(tag);
        let fits = match by {
            _ if wanted.is_empty() => true,
            Match::Any => wanted.iter().any(carries),
            Match::All => wanted.iter().all(carries),
        };
        if fits {
            hits.push(Hit { at, score, stands_for: 1 });
        }
    }
    let tag = |(name, category): &(String, String)| ModelTag {
        models: counts.get(name.to_lowercase().as_str()).copied().unwrap_or_default(),
        name: name.clone(),
        category: category.clone(),
    };
    let tags = shelf.tags.iter().map(tag).collect();
    (hits, known, tags)
}

/// How well the words fit: the name loosely, anything else as it stands. Every word must fit somewhere.
fn score(entry: &Entry, filter: &Filter, atoms: &[Atom], matcher: &mut Matcher) -> Option<u32> {
    let mut sum = 0;
    for (atom, word) in atoms.iter().zip(&filter.words) {
        let in_name = atom.score(entry.haystack.slice(..), matcher).map(u32::from);
        sum += in_name.or_else(|| entry.other.contains(word.as_str()).then_some(1))?;
    }
    Some(sum)
}

/// One hit for each family.
fn families(shelf: &Shelf, hits: Vec<Hit>) -> Vec<Hit> {
    let rank = |at: usize| {
        let entry = &shelf.entries[at];
        (entry.row.installed.is_none(), !entry.key.ends_with(":latest"), at)
    };
    let mut kept: Vec<Hit> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for hit in hits {
        let key = &shelf.entries[hit.at].key;
        let family = crate::ollama::name::without_tag(key);
        match places.get(family) {
            None => {
                places.insert(family, kept.len());
                kept.push(hit);
            }
            Some(place) => {
                let before = &mut kept[*place];
                if rank(hit.at) < rank(before.at) {
                    before.at = hit.at;
                }
                before.score = before.score.max(hit.score);
                before.stands_for += 1;
            }
        }
    }
    kept
}

fn descending(sort: Option<Sort>, is_ranked: bool) -> bool {
    sort.map_or(is_ranked, |sort| sort.descending)
}

fn standing<'a>(shelf: &'a Shelf, hit: &Hit, sort: Option<Sort>, is_ranked: bool, account: AccountId) -> Standing<'a> {
    let entry = &shelf.entries[hit.at];
    let value = match sort {
        Some(sort) => value(entry, sort.column, account),
        None => is_ranked.then(|| Value::Number(f64::from(hit.score))),
    };
    // Sorted by a column, whether it is installed tells nothing.
    let is_away = sort.is_none() && entry.row.installed.is_none();
    Standing { value, is_away, key: entry.key.as_str().into() }
}

fn value<'a>(entry: &'a Entry, column: Column, account: AccountId) -> Option<Value<'a>> {
    let text = |text: &'a str| (!text.is_empty()).then(|| Value::Text(text.into()));
    let row = &entry.row;
    match column {
        Column::Name => text(&entry.key),
        Column::Family => text(&entry.families),
        Column::Size => row.bytes.map(|bytes| Value::Number(bytes as f64)),
        Column::Parameters => row.parameter_count.map(|count| Value::Number(count as f64)),
        Column::Quantization => text(&entry.quantization),
        Column::Context => row.context_length.map(|tokens| Value::Number(f64::from(tokens))),
        Column::Capabilities => row.capabilities.as_ref().map(|known| Value::Number(known.len() as f64)),
        Column::License => text(&entry.license),
        // Written with its offset from UTC, so the moment is what is compared.
        Column::Installed => {
            row.installed.as_ref().map(|installed| match installed.modified_at.parse::<jiff::Timestamp>() {
                Ok(at) => Value::Number(at.as_millisecond() as f64),
                Err(_) => Value::Number(0.0),
            })
        }
        Column::Loaded => row.loaded.as_ref().map(|loaded| Value::Number(loaded.bytes as f64)),
        Column::LastUsed => entry.told(account).used.map(|at| Value::Number(at as f64)),
        Column::Speed => entry.told(account).speed.map(Value::Number),
        Column::Rating => entry.told(account).rating.map(|rating| Value::Number(rating.balance() as f64)),
        // Best first when it is ascending: in the GPU, in part, in memory, too big.
        Column::Fit => row.fit.verdict.runs().map(|_| Value::Number(f64::from(row.fit.verdict as u8))),
        Column::Released => row.released.as_deref().and_then(text),
    }
}

fn compare(one: &Standing<'_>, other: &Standing<'_>, descending: bool) -> Ordering {
    let by_value = match (&one.value, &other.value) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) => {
            let order = match (one, other) {
                (Value::Number(one), Value::Number(other)) => one.total_cmp(other),
                (Value::Text(one), Value::Text(other)) => one.cmp(other),
                // Not of one column; a cursor of another list.
                (Value::Number(_), Value::Text(_)) => Ordering::Less,
                (Value::Text(_), Value::Number(_)) => Ordering::Greater,
            };
            if descending { order.reverse() } else { order }
        }
    };
    by_value.then(one.is_away.cmp(&other.is_away)).then_with(|| one.key.cmp(&other.key))
}

fn written(place: &Standing<'_>) -> Cursor {
    Cursor(serde_json::to_string(place).unwrap_or_default())
}

fn read(cursor: &Cursor) -> Result<Standing<'_>, Fault> {
    serde_json::from_str(&cursor.0)
        .map_err(|_| Fault::invalid("This is no place in the list of models.").hint("Look again from the beginning."))
}

mod bits {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests;
