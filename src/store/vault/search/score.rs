//! How well something fits: how often and how close together the words stand in it, how recent it is, whether its
//! conversation is called so, and whether somebody cared enough to write a note on it.

use crate::{
    api::search::Term,
    words::{Found, found},
};

/// Bounds what is looked at of a long text: a word that counts stands near its beginning or often.
const LOOKED_AT: usize = 16 * 1024;
const PLACES: usize = 64;

/// As in bm25: how soon more of the same word stops to matter, and how much length does.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.6;
/// Words of a usual message.
const USUAL: f64 = 90.0;

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
}

impl<'a> Weigher<'a> {
    pub(super) fn new(terms: &'a [Term], now: i64) -> Self {
        Self { terms, now }
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
        let (places, _) = found(text, self.terms, PLACES);
        let has = |number: usize| places.iter().any(|place| place.term == number);
        (0..self.terms.len()).filter(|number| has(*number)).count() as f64 / self.terms.len() as f64
    }

    fn text(&self, text: &str) -> f64 {
        if self.terms.is_empty() {
            return 0.0;
        }
        let looked_at = head(text, LOOKED_AT);
        let (places, words) = found(looked_at, self.terms, PLACES);
        let length = 1.0 - LENGTH + LENGTH * words as f64 / USUAL;
        let mut sum = 0.0;
        for number in 0..self.terms.len() {
            let of_term = || places.iter().filter(|place| place.term == number);
            // A word that only begins so counts half.
            let often: f64 = of_term().map(|place| if place.goes_on { 0.5 } else { 1.0 }).sum();
            sum += often * (SATURATION + 1.0) / (often + SATURATION * length);
        }
        sum / self.terms.len() as f64 * 2.0 + self.close(&places)
    }

    /// Whether all words stand together: 1 side by side, towards 0 the wider apart.
    fn close(&self, places: &[Found]) -> f64 {
        let count = self.terms.len();
        if count < 2 {
            return 0.0;
        }
        let mut last: Vec<Option<usize>> = vec![None; count];
        let mut best = usize::MAX;
        for place in places {
            last[place.term] = Some(place.place);
            if let (Some(first), true) = (last.iter().flatten().min(), last.iter().all(Option::is_some)) {
                best = best.min(place.place - first + 1);
            }
        }
        if best == usize::MAX { 0.0 } else { count as f64 / best.max(count) as f64 }
    }
}

/// The beginning of a text, at most so many bytes.
pub(super) fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}
