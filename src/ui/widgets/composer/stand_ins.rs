//! Characters that cannot be drawn, as one visible mark each: the editor holds a stand-in for every one of them, and the
//! text that leaves the composer has the characters themselves again.
//!
//! Tabs are no business of this: the editor draws them. Invariant: `reveal` undoes `hide`, whatever the text is.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::safe_text::{SafeText, is_clean};

/// Stand-ins are taken from the last private plane, which no font draws. Characters of that plane get one themselves.
const FIRST: u32 = 0x10_0000;
const MOST: usize = 0xFFFE;

/// The characters behind the stand-ins of one composer.
#[derive(Clone, Debug, Default)]
pub struct StandIns {
    known: Vec<char>,
}

impl StandIns {
    /// The text as the editor may hold it.
    pub fn hide(&mut self, raw: &str) -> String {
        if is_plain(raw) {
            return raw.to_owned();
        }
        let mut shown = String::with_capacity(raw.len());
        let mut graphemes = raw.graphemes(true).peekable();
        while let Some(grapheme) = graphemes.next() {
            let next = graphemes.peek().and_then(|next| next.chars().next());
            // A joiner has its right to be here from what follows.
            let with_next = || next.is_some_and(|next| is_clean(&format!("{grapheme}{next}")));
            if is_plain(grapheme) || is_clean(grapheme) || with_next() {
                shown.push_str(grapheme);
            } else {
                for c in grapheme.chars() {
                    let keep = matches!(c, '\n' | '\t') || is_clean(c.encode_utf8(&mut [0; 4]));
                    shown.push(if keep { c } else { self.stand_in(c) });
                }
            }
        }
        shown
    }

    /// A typed character as the editor may hold it. `before` is what stands before the cursor: marks and joiners are
    /// typed one by one.
    pub fn hide_typed(&mut self, c: char, before: Option<char>) -> char {
        let fits = c == '\t'
            || is_clean(c.encode_utf8(&mut [0; 4]))
            || before
                .is_some_and(|before| is_clean(&format!("{before}{c}")) || is_clean(&format!("{before}{c}{before}")));
        if fits { c } else { self.stand_in(c) }
    }

    /// The text that was meant.
    pub fn reveal(&self, shown: &str) -> String {
        if self.known.is_empty() {
            return shown.to_owned();
        }
        shown.chars().map(|c| self.behind(c).unwrap_or(c)).collect()
    }

    /// What is drawn for this character, if it is a stand-in.
    pub fn mark(&self, c: char) -> Option<char> {
        let raw = self.behind(c)?;
        let drawn = SafeText::new(raw.encode_utf8(&mut [0; 4])).as_str().chars().next();
        Some(match drawn.filter(|drawn| *drawn != '\n') {
            Some(drawn) => drawn,
            None if raw.is_ascii_control() => char::from_u32(0x2400 + u32::from(raw)).unwrap_or('·'),
            None => '·',
        })
    }

    fn behind(&self, c: char) -> Option<char> {
        let at = u32::from(c).checked_sub(FIRST)?;
        self.known.get(usize::try_from(at).ok()?).copied()
    }

    fn stand_in(&mut self, raw: char) -> char {
        let at = match self.known.iter().position(|known| *known == raw) {
            Some(at) => at,
            None if self.known.len() < MOST => {
                self.known.push(raw);
                self.known.len() - 1
            }
            // More kinds of hidden characters than Unicode has.
            None => return char::REPLACEMENT_CHARACTER,
        };
        u32::try_from(at).ok().and_then(|at| char::from_u32(FIRST + at)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_revealed_as_it_was() {
        let mut stand_ins = StandIns::default();
        for text in [
            "a\tb\n\tc",
            "a\u{202e}b\u{200b}c\u{1b}[31m\r\n",
            "می\u{200c}خواهم",
            "👩\u{200d}👩\u{200d}👧 e\u{301}",
            "\u{10ffff}\u{100000}\u{100001}",
            "\u{e0041}\u{fe0f}x",
        ] {
            let shown = stand_ins.hide(text);
            assert_eq!(stand_ins.reveal(&shown), text, "{shown:?}");
            let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!shown.contains(bad), "{shown:?}");
        }
    }

    #[test]
    fn scripts_that_need_joiners_are_drawn_as_they_are() {
        let mut stand_ins = StandIns::default();
        for text in ["می\u{200c}خواهم", "👩\u{200d}👩\u{200d}👧 e\u{301}"] {
            assert_eq!(stand_ins.hide(text), text);
        }
        assert_eq!(stand_ins.hide_typed('\u{301}', Some('e')), '\u{301}');
        assert_eq!(stand_ins.hide_typed('\u{200c}', Some('ی')), '\u{200c}');
    }

    #[test]
    fn every_hidden_character_has_a_mark() {
        let mut stand_ins = StandIns::default();
        let marks: String = stand_ins.hide("\u{1b}\u{202e}\r").chars().map(|c| stand_ins.mark(c).unwrap()).collect();
        assert_eq!(marks, "␛·␍");
        assert_eq!(stand_ins.mark('a'), None);
    }
}
