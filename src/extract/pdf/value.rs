//! The values that a PDF is written in, read from its bytes. Nothing is resolved here.

use std::collections::HashMap;

use memchr::memmem;

use crate::extract::{Refusal, budget::Budget};

/// Real documents nest five or so.
const DEPTH: u32 = 32;
/// Values of one object, which is more than the longest table of widths.
const VALUES: u32 = 400_000;

pub type Dict = HashMap<Box<str>, Value>;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool,
    Number(f64),
    Text(Vec<u8>),
    Name(Box<str>),
    List(Vec<Value>),
    Dict(Dict),
    /// Another object, by its number.
    Ref(u32),
    /// An operator of a page, or a word of the file around objects.
    Word(Box<str>),
}

impl Value {
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub fn name(&self) -> Option<&str> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub fn dict(&self) -> Option<&Dict> {
        if let Self::Dict(dict) = self { Some(dict) } else { None }
    }

    pub fn list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    pub fn reference(&self) -> Option<u32> {
        if let Self::Ref(number) = self { Some(*number) } else { None }
    }
}

pub struct Lexer<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    values: u32,
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, values: 0 }
    }

    /// The next value; `None` at the end.
    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<Value>, Refusal> {
        self.values = 0;
        self.value(0, budget)
    }

    fn value(&mut self, depth: u32, budget: &mut Budget) -> Result<Option<Value>, Refusal> {
        budget.step()?;
        self.values += 1;
        if depth > DEPTH || self.values > VALUES {
            return Err(Refusal::Broken);
        }
        self.skip_space();
        let Some(&first) = self.bytes.get(self.at) else { return Ok(None) };
        Ok(Some(match first {
            b'/' => {
                self.at += 1;
                Value::Name(self.name())
            }
            b'(' => Value::Text(self.literal()),
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => {
                self.at += 2;
                Value::Dict(self.dict(depth, budget)?)
            }
            b'<' => Value::Text(self.hex()),
            b'[' => {
                self.at += 1;
                Value::List(self.list(depth, budget)?)
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.number(),
            b']' | b'}' | b'{' | b')' => {
                self.at += 1;
                Value::Word(char::from(first).to_string().into())
            }
            b'>' => {
                self.at += if self.bytes.get(self.at + 1) == Some(&b'>') { 2 } else { 1 };
                Value::Word(">>".into())
            }
            _ => self.word(),
        }))
    }

    fn dict(&mut self, depth: u32, budget: &mut Budget) -> Result<Dict, Refusal> {
        let mut dict = Dict::new();
        loop {
            match self.value(depth + 1, budget)? {
                Some(Value::Name(key)) => match self.value(depth + 1, budget)? {
                    Some(Value::Word(_)) | None => return Ok(dict),
                    Some(value) => drop(dict.insert(key, value)),
                },
                Some(Value::Word(_)) | None => return Ok(dict),
                // A value without a key says nothing.
                Some(_) => {}
            }
        }
    }

    fn list(&mut self, depth: u32, budget: &mut Budget) -> Result<Vec<Value>, Refusal> {
        let mut list = Vec::new();
        loop {
            match self.value(depth + 1, budget)? {
                Some(Value::Word(_)) | None => return Ok(list),
                Some(value) => list.push(value),
            }
        }
    }

    pub fn skip_space(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'%' {
                let rest = &self.bytes[self.at..];
                self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
            } else if is_space(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn name(&mut self) -> Box<str> {
        let start = self.at;
        self.skip_regular();
        let raw = &self.bytes[start..self.at];
        if !raw.contains(&b'#') {
            return String::from_utf8_lossy(raw).into();
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let [first, after @ ..] = rest {
            match after {
                [high, low, next @ ..] if *first == b'#' => {
                    name.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                    rest = next;
                }
                _ => {
                    name.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&name).into()
    }

    fn skip_regular(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| is_space(*byte) || is_delimiter(*byte)).unwrap_or(rest.len());
    }

    fn word(&mut self) -> Value {
        let start = self.at;
        self.skip_regular();
        match &self.bytes[start..self.at] {
            b"true" | b"false" => Value::Bool,
            b"null" => Value::Null,
            word => Value::Word(String::from_utf8_lossy(word).into()),
        }
    }

    /// A number, or the reference that begins with it.
    fn number(&mut self) -> Value {
        let start = self.at;
        self.skip_regular();
        let raw = &self.bytes[start..self.at];
        let text = std::str::from_utf8(raw).unwrap_or_default();
        if raw.len() <= 10
            && let Ok(number) = text.parse::<u32>()
            && let Some(end) = self.reference_end()
        {
            self.at = end;
            return Value::Ref(number);
        }
        // Some writers leave marks of a sign in the middle; what cannot be read counts as nothing.
        Value::Number(text.parse::<f64>().ok().filter(|number| number.is_finite()).unwrap_or(0.0))
    }

    /// Where ` 0 R` ends, if that follows.
    fn reference_end(&self) -> Option<usize> {
        let mut at = self.at;
        let space = |at: &mut usize| {
            let start = *at;
            while self.bytes.get(*at).copied().is_some_and(is_space) {
                *at += 1;
            }
            *at > start
        };
        if !space(&mut at) {
            return None;
        }
        let digits = at;
        while self.bytes.get(at).is_some_and(u8::is_ascii_digit) && at - digits < 6 {
            at += 1;
        }
        if at == digits || !space(&mut at) || self.bytes.get(at) != Some(&b'R') {
            return None;
        }
        let is_end = self.bytes.get(at + 1).is_none_or(|byte| is_space(*byte) || is_delimiter(*byte));
        is_end.then_some(at + 1)
    }

    fn literal(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut open = 0_u32;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'(' => {
                    open += 1;
                    if open > 1 {
                        text.push(byte);
                    }
                }
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return text;
                    }
                    text.push(byte);
                }
                b'\\' => self.escape(&mut text),
                _ => text.push(byte),
            }
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(&byte) = self.bytes.get(self.at) else { return };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'\r' if self.bytes.get(self.at) == Some(&b'\n') => self.at += 1,
            b'\r' | b'\n' => {}
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(&next @ b'0'..=b'7') = self.bytes.get(self.at) else { break };
                    code = code * 8 + u32::from(next - b'0');
                    self.at += 1;
                }
                text.push(code as u8);
            }
            other => text.push(other),
        }
    }

    fn hex(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        let mut half = None;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(digit) = digit(byte) else { continue };
            match half.take() {
                None => half = Some(digit),
                Some(high) => text.push(high << 4 | digit),
            }
        }
        text.extend(half.map(|high| high << 4));
        text
    }

    /// Goes behind the picture that stands in the row of operators; its bytes are no operators.
    pub fn skip_picture(&mut self) {
        let mut from = self.at;
        while let Some(at) = memmem::find(&self.bytes[from..], b"EI").map(|at| at + from) {
            let is_word =
                at > 0 && is_space(self.bytes[at - 1]) && self.bytes.get(at + 2).is_none_or(|byte| is_space(*byte));
            if is_word {
                self.at = at + 2;
                return;
            }
            from = at + 2;
        }
        self.at = self.bytes.len();
    }
}

pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 12 | 0)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

pub fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
