//! A document's XML as a row of tags and texts. It knows no document types and no entities but the five of XML itself
//! and numbers, so nothing can expand; a document that brings a type of its own is refused.

use memchr::{memchr, memmem};

use super::Refusal;

#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Open {
        name: &'a str,
        attributes: &'a str,
        is_empty: bool,
    },
    Close(&'a str),
    /// As it stands; `decoded` makes it text.
    Text(&'a str),
}

pub struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The next one; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Piece<'a>>, Refusal> {
        loop {
            let Some(first) = self.rest.as_bytes().first() else { return Ok(None) };
            if *first != b'<' {
                let end = memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
                return Ok(Some(Piece::Text(self.take(end))));
            }
            let skipped = if self.rest.starts_with("<!--") {
                self.upto("-->")?
            } else if self.rest.starts_with("<![CDATA[") {
                let inside = &self.upto("]]>")?["<![CDATA[".len()..];
                return Ok(Some(Piece::Text(inside.strip_suffix("]]>").unwrap_or(inside))));
            } else if self.rest.starts_with("<?") {
                self.upto("?>")?
            } else if self.rest.starts_with("<!") {
                return Err(Refusal::Broken);
            } else {
                return self.tag().map(Some);
            };
            debug_assert!(!skipped.is_empty());
        }
    }

    fn tag(&mut self) -> Result<Piece<'a>, Refusal> {
        let tag = self.upto(">")?;
        let inside = &tag[1..tag.len() - 1];
        if let Some(name) = inside.strip_prefix('/') {
            return Ok(Piece::Close(name.trim_end()));
        }
        let (inside, is_empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let end = inside.find(char::is_whitespace).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(end);
        Ok(Piece::Open { name, attributes, is_empty })
    }

    fn upto(&mut self, end: &str) -> Result<&'a str, Refusal> {
        let at = memmem::find(self.rest.as_bytes(), end.as_bytes()).ok_or(Refusal::Broken)?;
        Ok(self.take(at + end.len()))
    }

    fn take(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

/// The value of an attribute.
pub fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    while let Some((before, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after[1..].split_once(quote)?;
        if before.trim() == name {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// Puts the text into `out` with its entities resolved. One that means nothing stays as it is.
pub fn decoded(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // The longest is a number of seven digits; a lone & is followed by anything.
        let end = after.bytes().take(10).position(|byte| byte == b';');
        if let Some((letter, end)) = end.and_then(|end| Some((letter(&after[..end])?, end))) {
            out.push(letter);
            rest = &after[end + 1..];
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
}

fn letter(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
