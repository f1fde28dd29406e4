//! Text with everything that it hides made visible, and told apart by what it can be used for.
//!
//! It is for whoever wants to know what a model gets that a reader would not see; what is merely drawn goes through
//! `SafeText::new`, which drops it.

use std::fmt::Write as _;

use unicode_normalization::char::is_combining_mark;

use super::{SafeText, Sanitizer};

/// What hidden characters do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HiddenKind {
    /// Commands for a terminal, and other control characters.
    Control,
    /// They turn the order around in which letters are shown.
    Direction,
    /// Letters of a second alphabet that nothing draws: whole sentences fit in.
    Tag,
    /// Without a width: spaces, joiners, fillers.
    ZeroWidth,
    /// They choose how the letter before them looks; in a row they can carry anything.
    Variation,
    /// More marks on one letter than any script has.
    Marks,
    /// Without an agreed shape.
    Unknown,
}

impl HiddenKind {
    /// In a word or two, for a list of what was found.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Direction => "direction",
            Self::Tag => "tag letters",
            Self::ZeroWidth => "zero-width",
            Self::Variation => "variation",
            Self::Marks => "piled-up marks",
            Self::Unknown => "without a shape",
        }
    }

    fn of(c: char) -> Option<Self> {
        Some(match c {
            '\n' | '\t' => return None,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => Self::Direction,
            '\u{e0000}'..='\u{e007f}' => Self::Tag,
            '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{e0100}'..='\u{e01ef}' => {
                Self::Variation
            }
            '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{40000}'..='\u{dffff}' | '\u{e1000}'.. => {
                Self::Unknown
            }
            c if c.is_control() => Self::Control,
            c if is_combining_mark(c) => Self::Marks,
            c if c.is_ascii() => return None,
            _ => Self::ZeroWidth,
        })
    }
}

impl SafeText {
    /// As `new`, but what that would drop stands as `⟦U+200B⟧` where it is. With how many of each kind there are.
    #[must_use]
    pub fn revealed(foreign: &str) -> (Self, Vec<(HiddenKind, usize)>) {
        let mut sanitizer = Sanitizer::default();
        let mut text = String::with_capacity(foreign.len());
        let mut found: Vec<(HiddenKind, usize)> = Vec::new();
        // What may have been held back: whether it is hidden shows only with what follows.
        let mut held: Option<char> = None;
        let mut rest = foreign;
        while let Some(first) = rest.chars().next() {
            let plain = rest.bytes().take_while(|byte| matches!(byte, b' '..=b'~' | b'\n')).count();
            // A sequence may end in any letter, so that those are looked at one by one after something strange.
            let length = if held.is_none() && plain > 0 { plain } else { first.len_utf8() };
            let (piece, next) = rest.split_at(length);
            rest = next;
            let (before, hidden) = (text.len(), sanitizer.hidden());
            sanitizer.push(piece, &mut text);
            let more = sanitizer.hidden() - hidden;
            let own = HiddenKind::of(first).map(|_| first);
            if more > 0
                && let Some(cause) = own.or(held)
            {
                count(&mut found, cause, more);
                // A command of the terminal and a control character have a mark of their own already.
                if HiddenKind::of(cause) != Some(HiddenKind::Control) {
                    let mut mark = String::new();
                    let _ = write!(mark, "⟦U+{:04X}⟧", u32::from(cause));
                    text.insert_str(before, &mark);
                }
            } else if more > 0 {
                count(&mut found, first, more);
            }
            held = if sanitizer.holds_back() { own.or(held) } else { None };
        }
        let hidden = sanitizer.hidden();
        sanitizer.finish(&mut text);
        if let (Some(cause), more @ 1..) = (held, sanitizer.hidden() - hidden) {
            count(&mut found, cause, more);
            if HiddenKind::of(cause) != Some(HiddenKind::Control) {
                let _ = write!(text, "⟦U+{:04X}⟧", u32::from(cause));
            }
        }
        found.sort_unstable();
        let hidden = sanitizer.hidden();
        (Self { text, hidden }, found)
    }
}

fn count(found: &mut Vec<(HiddenKind, usize)>, cause: char, more: usize) {
    let kind = HiddenKind::of(cause).unwrap_or(HiddenKind::Unknown);
    match found.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, many)) => *many += more,
        None => found.push((kind, more)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::safe_text::{count_hidden, is_clean};

    #[test]
    fn what_is_hidden_stands_where_it_is_and_is_told_apart() {
        let (text, found) = SafeText::revealed("a\u{200b}b\u{202e}c\u{e0041}\u{e0042}\u{1b}[2Jd");
        assert_eq!(text.as_str(), "a⟦U+200B⟧b⟦U+202E⟧c⟦U+E0041⟧⟦U+E0042⟧␛d");
        let kinds: Vec<HiddenKind> = found.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [HiddenKind::Control, HiddenKind::Direction, HiddenKind::Tag, HiddenKind::ZeroWidth]);
        assert_eq!(found[2].1, 2);
        // What belongs there is not hidden.
        assert_eq!(SafeText::revealed("für 👩‍👩‍👧 कि"), (SafeText::new("für 👩‍👩‍👧 कि"), Vec::new()));
    }

    proptest! {
        #[test]
        fn everything_hidden_is_counted_and_nothing_shown_is_unsafe(
            foreign in "(\\PC|[ab\t\r\n\u{1b}\u{200b}\u{200d}\u{fe0f}\u{202e}\u{e0041}\u{301}\\[m]){0,40}",
        ) {
            let (text, found) = SafeText::revealed(&foreign);
            prop_assert!(is_clean(text.as_str()), "{:?}", text.as_str());
            prop_assert_eq!(found.iter().map(|(_, many)| many).sum::<usize>(), count_hidden(&foreign));
        }
    }
}
