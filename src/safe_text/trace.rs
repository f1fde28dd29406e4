//! From text as it is shown back to the text it was made of, byte by byte where they are the same.
//!
//! It is made only on demand: what is merely drawn does not carry it.

use std::ops::Range;

use super::{SafeText, Sanitizer};

/// Which bytes of a source each stretch of a text shows. Stretches are in order on both sides; what was dropped lies in
/// the gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    shown: Range<usize>,
    source: Range<usize>,
    /// The same bytes on both sides; else the stretch stands for its source as a whole.
    is_verbatim: bool,
}

impl Trace {
    /// A text that is its source from `at` on.
    #[must_use]
    pub fn verbatim(length: usize, at: usize) -> Self {
        let mut trace = Self::default();
        trace.push(0..length, at..at + length, true);
        trace
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a stretch after those there are.
    pub fn push(&mut self, shown: Range<usize>, source: Range<usize>, is_verbatim: bool) {
        if shown.is_empty() || source.is_empty() {
            return;
        }
        debug_assert!(!is_verbatim || shown.len() == source.len(), "verbatim stretches are equally long");
        if let Some(last) = self.0.last_mut()
            && is_verbatim
            && last.is_verbatim
            && last.shown.end == shown.start
            && last.source.end == source.start
        {
            last.shown.end = shown.end;
            last.source.end = source.end;
            return;
        }
        self.0.push(Part { shown, source, is_verbatim });
    }

    /// Adds the stretches of another text that stands after `at` bytes of this one.
    pub fn append(&mut self, other: &Self, at: usize) {
        for part in &other.0 {
            self.push(part.shown.start + at..part.shown.end + at, part.source.clone(), part.is_verbatim);
        }
    }

    /// The bytes of the source that these bytes of the text show, with what was dropped between them.
    #[must_use]
    pub fn source_of(&self, shown: Range<usize>) -> Option<Range<usize>> {
        let first = self.0.partition_point(|part| part.shown.end <= shown.start);
        let end = first + self.0[first..].partition_point(|part| part.shown.start < shown.end);
        let overlapping = &self.0[first..end];
        let from = overlapping.iter().map(|part| part.source_of(&shown).start).min()?;
        let to = overlapping.iter().map(|part| part.source_of(&shown).end).max()?;
        Some(from..to)
    }

    /// The bytes of the text that show any of these bytes of the source.
    #[must_use]
    pub fn shown_of(&self, source: Range<usize>) -> Option<Range<usize>> {
        let first = self.0.partition_point(|part| part.source.end <= source.start);
        let end = first + self.0[first..].partition_point(|part| part.source.start < source.end);
        let overlapping = &self.0[first..end];
        let from = overlapping.first()?.shown_of(&source).start;
        let to = overlapping.last()?.shown_of(&source).end;
        Some(from..to)
    }

    /// Where this text's source is itself a text with a trace: the way to what that one shows.
    #[must_use]
    pub fn through(&self, inner: &Self) -> Self {
        let mut whole = Self::default();
        for part in &self.0 {
            if !part.is_verbatim {
                if let Some(source) = inner.source_of(part.source.clone()) {
                    whole.push(part.shown.clone(), source, false);
                }
                continue;
            }
            let first = inner.0.partition_point(|below| below.shown.end <= part.source.start);
            for below in inner.0[first..].iter().take_while(|below| below.shown.start < part.source.end) {
                let from = below.shown.start.max(part.source.start);
                let to = below.shown.end.min(part.source.end);
                let back = |at: usize| part.shown.start + (at - part.source.start);
                whole.push(back(from)..back(to), below.source_of(&(from..to)), below.is_verbatim);
            }
        }
        whole
    }
}

impl Part {
    fn source_of(&self, shown: &Range<usize>) -> Range<usize> {
        if !self.is_verbatim {
            return self.source.clone();
        }
        let from = shown.start.max(self.shown.start) - self.shown.start;
        let to = shown.end.min(self.shown.end) - self.shown.start;
        self.source.start + from..self.source.start + to
    }

    fn shown_of(&self, source: &Range<usize>) -> Range<usize> {
        if !self.is_verbatim {
            return self.shown.clone();
        }
        let from = source.start.max(self.source.start) - self.source.start;
        let to = source.end.min(self.source.end) - self.source.start;
        self.shown.start + from..self.shown.start + to
    }
}

impl SafeText {
    /// As `new`, and how to get back from it. Character by character, so for what is marked, not for what is drawn.
    #[must_use]
    pub fn traced(foreign: &str) -> (Self, Trace) {
        let mut sanitizer = Sanitizer::default();
        let mut text = String::with_capacity(foreign.len());
        let mut trace = Trace::default();
        // What has been taken in and not given out yet: a sequence, or a mark that waits for what follows.
        let mut pending = 0;
        for (at, letter) in foreign.char_indices() {
            let (before, end) = (text.len(), at + letter.len_utf8());
            sanitizer.push(&foreign[at..end], &mut text);
            if text.len() > before {
                // The letter may have ended a sequence only to begin another.
                let taken = if sanitizer.holds_back() && pending < at { at } else { end };
                let (shown, source) = (before..text.len(), pending..taken);
                // What came out may be less than what went in: then the letters before this one were dropped.
                let given = &text[shown.clone()];
                if foreign[source.clone()] == *given {
                    trace.push(shown, source, true);
                } else if foreign[at..taken] == *given {
                    trace.push(shown, at..taken, true);
                } else {
                    trace.push(shown, source, false);
                }
                pending = taken;
            }
        }
        let before = text.len();
        sanitizer.finish(&mut text);
        trace.push(before..text.len(), pending..foreign.len(), false);
        (Self { text, hidden: sanitizer.hidden() }, trace)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_leads_back_to_what_was_written() {
        let foreign = "a\tb\r\nc\u{1b}[2Jd\u{200b}e";
        let (safe, trace) = SafeText::traced(foreign);
        assert_eq!(safe.as_str(), "a   b\nc␛de");
        let back = |part: &str| {
            let at = safe.as_str().find(part).unwrap();
            trace.source_of(at..at + part.len()).map(|source| &foreign[source])
        };
        assert_eq!(back("a"), Some("a"));
        assert_eq!(back(" "), Some("\t"));
        assert_eq!(back("␛"), Some("\u{1b}[2J"));
        assert_eq!(back("c␛d"), Some("c\u{1b}[2Jd"));
        assert_eq!(back("de"), Some("d\u{200b}e"), "what was dropped between is taken along");
        assert_eq!(back("e"), Some("e"));
        let there = foreign.find('\u{1b}').unwrap();
        assert_eq!(trace.shown_of(there..there + 1).map(|shown| &safe.as_str()[shown]), Some("␛"));
    }

    #[test]
    fn two_traces_make_one() {
        // "xabz" shows "ab" of the middle text and "z" for "&c;"; the middle text is a source with something before it.
        let mut outer = Trace::default();
        outer.push(1..3, 0..2, true);
        outer.push(3..4, 2..5, false);
        let whole = outer.through(&Trace::verbatim(5, 10));
        assert_eq!(whole.source_of(0..1), None);
        assert_eq!(whole.source_of(1..2), Some(10..11));
        assert_eq!(whole.source_of(2..4), Some(11..15));
        assert_eq!(whole.shown_of(12..13), Some(3..4));
    }

    proptest! {
        #[test]
        fn a_traced_text_is_the_same_text_and_every_letter_of_it_has_a_source(foreign in "(\\PC|[\t\r\n\u{1b}\u{200d}\u{fe0f}\\[m]){0,40}") {
            let (safe, trace) = SafeText::traced(&foreign);
            prop_assert_eq!(&safe, &SafeText::new(&foreign));
            for (at, letter) in safe.as_str().char_indices() {
                let source = trace.source_of(at..at + letter.len_utf8());
                let source = source.expect("everything shown comes from somewhere");
                prop_assert!(foreign.get(source.clone()).is_some_and(|text| !text.is_empty()));
                let back = trace.shown_of(source).expect("and leads back");
                prop_assert!(back.start <= at && at < back.end);
            }
        }
    }
}
