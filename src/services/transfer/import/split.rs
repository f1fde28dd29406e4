//! The elements of an outer array, one after the other, without reading further than the next one.
//!
//! It counts brackets and knows strings; it recurses nowhere, so depth costs it nothing. Whether an element is good JSON
//! is the business of whoever takes it.

use std::io::{self, BufRead};

use super::ELEMENT_MAX;

/// What stands next in the array.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    Json(Vec<u8>),
    /// Larger than a conversation may be; so many bytes.
    TooLarge(u64),
}

/// Why there is no next one though the array has not ended.
#[derive(Debug)]
pub(super) enum Broken {
    /// The file ends in the middle.
    Cut,
    /// Something stands where no JSON can go on.
    Garbage,
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        // What was compressed and breaks off says so in this way.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Cut } else { Self::Io(error) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    /// Inside the array, before an element.
    Element,
    /// A single value that is the whole file.
    Single,
    End,
}

#[derive(Debug)]
pub(super) struct Splitter<R> {
    from: R,
    at: At,
    is_first: bool,
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, at: At::Start, is_first: true }
    }

    pub(super) fn next(&mut self) -> Result<Option<Element>, Broken> {
        if self.at == At::Start {
            if self.peek_bytes(3)?.starts_with(&[0xEF, 0xBB, 0xBF]) {
                self.from.consume(3);
            }
            self.at = match self.peek()? {
                Some(b'[') => {
                    self.from.consume(1);
                    At::Element
                }
                Some(b'{') => At::Single,
                Some(_) => return Err(Broken::Garbage),
                None => return Err(Broken::Cut),
            };
        }
        match self.at {
            At::Start | At::End => Ok(None),
            At::Single => {
                self.at = At::End;
                self.value().map(Some)
            }
            At::Element => {
                match self.peek()? {
                    Some(b']') => {
                        self.at = At::End;
                        return Ok(None);
                    }
                    Some(b',') if !self.is_first => {
                        self.from.consume(1);
                        if self.peek()? == Some(b']') {
                            self.at = At::End;
                            return Ok(None);
                        }
                    }
                    Some(_) if self.is_first => {}
                    Some(_) => return Err(Broken::Garbage),
                    None => return Err(Broken::Cut),
                }
                self.is_first = false;
                self.value().map(Some)
            }
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Result<Option<u8>, Broken> {
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let spaces = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if let Some(byte) = buffer.get(spaces).copied() {
                self.from.consume(spaces);
                return Ok(Some(byte));
            }
            self.from.consume(spaces);
        }
    }

    /// At most so many bytes, without taking them. Fewer where the buffer happens to end.
    fn peek_bytes(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        let buffer = self.from.fill_buf()?;
        Ok(buffer.get(..count).unwrap_or(buffer).to_vec())
    }

    fn value(&mut self) -> Result<Element, Broken> {
        let mut kept = Vec::new();
        let mut length = 0_u64;
        let mut scan = Scan::default();
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                // A bare number or word may end with the file; everything else is cut off.
                return if scan.is_bare_and_begun() { Ok(Element::Json(kept)) } else { Err(Broken::Cut) };
            }
            let (taken, ended) = scan.over(buffer)?;
            length += taken as u64;
            if kept.len() + taken <= ELEMENT_MAX && length <= ELEMENT_MAX as u64 {
                kept.extend_from_slice(&buffer[..taken]);
            } else {
                kept = Vec::new();
            }
            self.from.consume(taken);
            if ended {
                return Ok(if length <= ELEMENT_MAX as u64 { Element::Json(kept) } else { Element::TooLarge(length) });
            }
        }
    }
}

/// Where the end of one value is.
#[derive(Debug, Default)]
struct Scan {
    depth: u64,
    within: Within,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    Text,
    /// Behind a backslash in a text.
    Escape,
    /// A number or a word: it ends before what cannot belong to it.
    Bare,
}

impl Scan {
    fn is_bare_and_begun(&self) -> bool {
        self.within == Within::Bare
    }

    /// How many of these bytes belong to the value, and whether it ends with the last of them.
    fn over(&mut self, bytes: &[u8]) -> Result<(usize, bool), Broken> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            match self.within {
                Within::Escape => self.within = Within::Text,
                Within::Text => {
                    let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else {
                        return Ok((bytes.len(), false));
                    };
                    at += next;
                    if bytes[at] == b'\\' {
                        self.within = Within::Escape;
                    } else if self.depth == 0 {
                        return Ok((at + 1, true));
                    } else {
                        self.within = Within::Nothing;
                    }
                }
                Within::Bare => {
                    if matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace() {
                        return Ok((at, true));
                    }
                }
                Within::Nothing => match byte {
                    b'"' => self.within = Within::Text,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.checked_sub(1).ok_or(Broken::Garbage)?;
                        if self.depth == 0 {
                            return Ok((at + 1, true));
                        }
                    }
                    _ if self.depth > 0 => {}
                    b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => self.within = Within::Bare,
                    _ => return Err(Broken::Garbage),
                },
            }
            at += 1;
        }
        Ok((bytes.len(), false))
    }
}
