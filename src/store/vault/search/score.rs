//! How well something fits: how often and how close together the words stand in it, how recent it is, whether its
//! conversation is called so, and whether somebody cared enough to write a note on it.

use std::cell::RefCell;

use super::glance::{Glimpse, LOOKED_AT, glance};
use crate::api::search::Term;

/// As in bm25: how soon more of the same word stops to matter, and how much length does.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.6;
/// Bytes of a usual message.
const USUAL: f64 = 540.0;

/// What half of a word's recency is worth after this time: a quarter of a year.
const HALF_LIFE: f64 = 90.0 * 24.0 * 3_600_000.0;
const RECENT: f64 = 1.5;
const NOTE_ON_IT: f64 = 0.6;
const TITLED: f64 = 1.5;
/// A title says what all of a conversation is about, a note what somebody thought worth keeping.
const TITLE: f64 = 6.0;
const NOTE: f64 = 2.0;
const FILE: f64 = 0.5;

pub(super) struct Weigher<'a> {
    terms: &'a [Term],
    now: i64,
    /// Kept from text to text, so that it is allocated once.
    seen: RefCell<Vec<Glimpse>>,
}

impl<'a> Weigher<'a> {
    pub(super) fn new(terms: &'a [Term], now: i64) -> Self {
        Self { terms, now, seen: RefCell::default() }
    }

    pub(super) fn message(&self, content: &str, at: i64, has_note: bool) -> f64 {
        self.text(content) + self.recent(at) + if has_note { NOTE_ON_IT } else { 0.0 }
    }

    /// What a conversation's title adds to each of its messages.
    pub(super) fn title_of_message(&self, title: &str) -> f64 {
        TITLED * self.share(title)
    }

    pub(super) fn title(&self, title: &str, at: i64) -> f64 {
        TITLE + self.text(title) + self.recent(at)
    }

    pub(super) fn note(&self, body: &str, at: i64) -> f64 {
        NOTE + self.text(body) + self.recent(at)
    }

    pub(super) fn file(&self, name: &str, at: i64) -> f64 {
        FILE + TITLED * self.share(name) + self.recent(at)
    }

    fn recent(&self, at: i64) -> f64 {
        let age = self.now.saturating_sub(at).max(0) as f64;
        RECENT * (-age / HALF_LIFE).exp2()
    }

    /// How many of the words it has, of all.
    fn share(&self, text: &str) -> f64 {
        if self.terms.is_empty() {
            return 0.0;
        }
        let mut seen = self.seen.borrow_mut();
        glance(text, self.terms, LOOKED_AT, &mut seen);
        let has = |number: usize| seen.iter().any(|glimpse| glimpse.term == number);
        (0..self.terms.len()).filter(|number| has(*number)).count() as f64 / self.terms.len() as f64
    }

    fn text(&self, text: &str) -> f64 {
        if self.terms.is_empty() {
            return 0.0;
        }
        let mut seen = self.seen.borrow_mut();
        glance(text, self.terms, LOOKED_AT, &mut seen);
        let length = 1.0 - LENGTH + LENGTH * text.len() as f64 / USUAL;
        let mut sum = 0.0;
        for number in 0..self.terms.len() {
            let of_term = seen.iter().filter(|glimpse| glimpse.term == number);
            // A word that only begins so counts half, and so does one that stands there in another spelling.
            let often: f64 = of_term.map(|glimpse| if glimpse.goes_on { 0.5 } else { 1.0 }).sum::<f64>().max(0.5);
            sum += often * (SATURATION + 1.0) / (often + SATURATION * length);
        }
        sum / self.terms.len() as f64 * 2.0 + self.close(&mut seen)
    }

    /// Whether all words stand together: 1 side by side, towards 0 the wider apart.
    fn close(&self, seen: &mut [Glimpse]) -> f64 {
        let count = self.terms.len();
        if count < 2 {
            return 0.0;
        }
        seen.sort_unstable_by_key(|glimpse| glimpse.at);
        let mut last: Vec<Option<usize>> = vec![None; count];
        let mut best = usize::MAX;
        for glimpse in seen.iter() {
            last[glimpse.term] = Some(glimpse.at);
            if let (Some(first), true) = (last.iter().flatten().min(), last.iter().all(Option::is_some)) {
                best = best.min(glimpse.at - first);
            }
        }
        if best == usize::MAX {
            return 0.0;
        }
        // What the words take that stand side by side.
        let least: usize =
            self.terms.iter().rev().skip(1).flat_map(|term| &term.words).map(|word| word.len() + 1).sum();
        least as f64 / best.max(least).max(1) as f64
    }
}
