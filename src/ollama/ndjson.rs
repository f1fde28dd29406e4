//! Bytes in, lines out: newline-delimited JSON under any chunking.
//!
//! It knows nothing of HTTP. A line ends at `\n` and nowhere else, so a character cut in two between reads comes
//! together again before anybody looks at it. The same bytes give the same lines however they were cut.

use bytes::{Buf, Bytes, BytesMut};
use serde::de::DeserializeOwned;

/// Ollama's own client takes lines up to this; images, tool arguments and verbose details make them long.
pub const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// A line that never ends. What came before it has been handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

/// Gathers bytes and gives lines back.
#[derive(Debug)]
pub struct Lines {
    waiting: BytesMut,
    /// Bytes of `waiting` that are known to hold no newline, so that a line in a thousand pieces is searched once.
    searched: usize,
    longest: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(LONGEST_LINE)
    }
}

impl Lines {
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { waiting: BytesMut::new(), searched: 0, longest }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole line without its ending, blank ones left out; `None` until more is fed.
    ///
    /// # Errors
    /// The line on hand is longer than allowed.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        loop {
            let Some(at) = self.waiting[self.searched..].iter().position(|byte| *byte == b'\n') else {
                self.searched = self.waiting.len();
                return if self.waiting.len() > self.longest { Err(LineTooLong) } else { Ok(None) };
            };
            let length = self.searched + at;
            if length > self.longest {
                return Err(LineTooLong);
            }
            let line = self.waiting.split_to(length).freeze();
            self.waiting.advance(1);
            self.searched = 0;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// What is left when no more bytes come: a last line without an ending, or nothing.
    ///
    /// # Errors
    /// It is longer than allowed.
    pub fn rest(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        if let Some(line) = self.next_line()? {
            return Ok(Some(line));
        }
        let rest = self.waiting.split().freeze();
        self.searched = 0;
        Ok((!rest.trim_ascii().is_empty()).then_some(rest))
    }
}

/// Reads one JSON value. Bytes that are no UTF-8 and half surrogate pairs become U+FFFD: one bad character must not
/// cost the answer it stands in.
///
/// # Errors
/// It is no JSON of this shape.
pub fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, serde_json::Error> {
    let first = match serde_json::from_slice(line) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(line);
    serde_json::from_str(&without_lone_surrogates(&text)).map_err(|_| first)
}

/// Replaces `\ud800`-style escapes that have no partner. Works on the raw text of the JSON.
fn without_lone_surrogates(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        let (taken, lone) = match unit(escape) {
            Some(0xd800..=0xdbff)
                if escape.get(6..).and_then(unit).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) =>
            {
                (12, false)
            }
            Some(0xd800..=0xdfff) => (6, true),
            Some(_) => (6, false),
            // A backslash and whatever it escapes, so that `\\u` is not taken for the start of one.
            None => (1 + escape[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        clean.push_str(if lone { "\\ufffd" } else { &escape[..taken] });
        rest = &escape[taken..];
    }
    clean.push_str(rest);
    clean
}

/// The code unit of a `\uXXXX` at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines, chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut out = Vec::new();
        for chunk in chunks {
            lines.feed(chunk);
            while let Some(line) = lines.next_line()? {
                out.push(line.to_vec());
            }
        }
        if let Some(line) = lines.rest()? {
            out.push(line.to_vec());
        }
        Ok(out)
    }

    #[test]
    fn a_character_cut_between_reads_comes_together() {
        let text = "{\"a\":\"漢字 👩‍👩‍👧\"}\n{\"b\":1}".as_bytes();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let lines = all(&mut Lines::default(), &bytes).unwrap();
        assert_eq!(lines, ["{\"a\":\"漢字 👩‍👩‍👧\"}".as_bytes(), b"{\"b\":1}"]);
    }

    #[test]
    fn a_line_that_never_ends_is_refused_and_those_before_it_are_not_lost() {
        let mut lines = Lines::new(8);
        lines.feed(b"12345678\n123456789");
        assert_eq!(lines.next_line(), Ok(Some(Bytes::from_static(b"12345678"))));
        assert_eq!(lines.next_line(), Err(LineTooLong));
    }

    #[test]
    fn broken_characters_become_the_replacement_character() {
        assert_eq!(parse::<String>(b"\"a\xffb\"").unwrap(), "a\u{fffd}b");
        assert_eq!(parse::<String>(br#""a\ud800b""#).unwrap(), "a\u{fffd}b");
        assert_eq!(parse::<String>(br#""\udc00\ud83d\ude00\\ud800""#).unwrap(), "\u{fffd}😀\\ud800");
        assert!(parse::<String>(b"{").is_err());
        assert!(parse::<String>(b"\"\\").is_err());
    }

    proptest! {
        #[test]
        fn every_cut_gives_the_same_lines(
            lines in prop::collection::vec("[^\n]{0,40}", 0..20),
            ended in any::<bool>(),
            cuts in prop::collection::vec(0usize..800, 0..40),
        ) {
            let mut text = lines.join("\n");
            if ended {
                text.push('\n');
            }
            let whole = all(&mut Lines::default(), &[text.as_bytes()]).unwrap();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let mut from = 0;
            let pieces: Vec<&[u8]> = cuts.iter().map(|to| {
                let piece = &text.as_bytes()[from..*to];
                from = *to;
                piece
            }).collect();
            prop_assert_eq!(all(&mut Lines::default(), &pieces).unwrap(), whole);
        }
    }
}
