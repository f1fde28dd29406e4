//! Fonts, as far as they say which letter a code of a page means, and how wide it is.

use std::collections::HashMap;

use super::{
    file::File,
    glyphs,
    value::{Dict, Lexer, Value},
};
use crate::extract::{Refusal, budget::Budget};

/// Codes of one font.
const CODES: usize = 65_536;

pub struct Font {
    /// Two bytes a code, not one.
    is_wide: bool,
    /// A code is itself a letter.
    is_unicode: bool,
    mapped: Mapped,
    /// By code, where a code is one byte.
    letters: Vec<Option<String>>,
    widths: HashMap<u32, f64>,
    usual_width: f64,
    /// Widths are known and not guessed.
    pub is_measured: bool,
}

/// One code of a text: what it says, and how far it leads, in parts of the font's size.
pub struct Glyph<'a> {
    pub text: Option<Said<'a>>,
    pub width: f64,
    pub is_space: bool,
}

pub enum Said<'a> {
    Text(&'a str),
    Letter(char),
}

impl Font {
    pub fn open(file: &File<'_>, dict: &Dict, budget: &mut Budget) -> Result<Self, Refusal> {
        let kind = dict.get("Subtype").and_then(Value::name).unwrap_or_default();
        let is_wide = kind == "Type0";
        let mapped = match dict.get("ToUnicode").and_then(Value::reference) {
            Some(number) => match file.stream(number, budget)? {
                Some((_, data)) => Mapped::read(&data, budget)?,
                None => Mapped::default(),
            },
            None => Mapped::default(),
        };
        let encoding = file.resolved(dict.get("Encoding"), budget)?;
        let mut font = Self {
            is_wide,
            is_unicode: encoding.name().is_some_and(|name| name.contains("UCS2") || name.contains("UTF16")),
            mapped,
            letters: Vec::new(),
            widths: HashMap::new(),
            usual_width: 0.5,
            is_measured: false,
        };
        if is_wide {
            font.wide_widths(file, dict, budget)?;
        } else {
            font.letters = letters(file, &encoding, budget)?;
            font.narrow_widths(file, dict, kind, budget)?;
        }
        Ok(font)
    }

    fn narrow_widths(&mut self, file: &File<'_>, dict: &Dict, kind: &str, budget: &mut Budget) -> Result<(), Refusal> {
        let scale = match (kind, file.resolved(dict.get("FontMatrix"), budget)?) {
            ("Type3", Value::List(matrix)) => matrix.first().and_then(Value::number).unwrap_or(0.001).abs(),
            (_, _) => 0.001,
        };
        let first = file.resolved(dict.get("FirstChar"), budget)?.number().unwrap_or(0.0).max(0.0) as u32;
        if let Value::List(widths) = file.resolved(dict.get("Widths"), budget)? {
            for (code, width) in (first..).zip(widths.iter().take(256)) {
                if let Some(width) = file.resolved(Some(width), budget)?.number() {
                    self.widths.insert(code, width * scale);
                }
            }
            self.is_measured = !self.widths.is_empty();
        }
        if dict.get("BaseFont").and_then(Value::name).is_some_and(|name| name.contains("Courier")) {
            self.usual_width = 0.6;
        }
        Ok(())
    }

    fn wide_widths(&mut self, file: &File<'_>, dict: &Dict, budget: &mut Budget) -> Result<(), Refusal> {
        let Value::List(below) = file.resolved(dict.get("DescendantFonts"), budget)? else { return Ok(()) };
        let below = file.dict(below.first(), budget)?;
        self.usual_width = file.resolved(below.get("DW"), budget)?.number().unwrap_or(1000.0) / 1000.0;
        self.is_measured = true;
        let Value::List(widths) = file.resolved(below.get("W"), budget)? else { return Ok(()) };
        let mut rest = widths.as_slice();
        while let [first, second, after @ ..] = rest {
            budget.step()?;
            let Some(first) = first.number().map(|first| first.clamp(0.0, 65_535.0) as u32) else { break };
            match (file.resolved(Some(second), budget)?, after) {
                (Value::List(list), _) => {
                    for (code, width) in (first..).zip(&list) {
                        self.keep_width(code, width.number());
                    }
                    rest = after;
                }
                (Value::Number(last), [width, after @ ..]) => {
                    for code in first..=(last.clamp(0.0, 65_535.0) as u32) {
                        budget.step()?;
                        self.keep_width(code, width.number());
                    }
                    rest = after;
                }
                (_, _) => break,
            }
        }
        Ok(())
    }

    fn keep_width(&mut self, code: u32, width: Option<f64>) {
        if let Some(width) = width
            && self.widths.len() < CODES
        {
            self.widths.insert(code, width / 1000.0);
        }
    }

    /// Takes one code off the text.
    pub fn take<'a>(&'a self, text: &mut &[u8]) -> Option<Glyph<'a>> {
        let code = match (self.is_wide, *text) {
            (true, [high, low, rest @ ..]) => {
                *text = rest;
                u32::from(*high) << 8 | u32::from(*low)
            }
            (_, [byte, rest @ ..]) => {
                *text = rest;
                u32::from(*byte)
            }
            (_, []) => return None,
        };
        let said = match self.mapped.of(code) {
            Some(said) => Some(said),
            None if self.is_unicode => char::from_u32(code).map(Said::Letter),
            None => self.letters.get(code as usize).and_then(|letter| letter.as_deref()).map(Said::Text),
        };
        let width = self.widths.get(&code).copied().unwrap_or(self.usual_width);
        Some(Glyph { text: said, width, is_space: !self.is_wide && code == 32 })
    }
}

/// What each of the 256 codes means, by a table and what differs from it.
fn letters(file: &File<'_>, encoding: &Value, budget: &mut Budget) -> Result<Vec<Option<String>>, Refusal> {
    let table = match encoding {
        Value::Name(name) => Some(&**name),
        Value::Dict(dict) => dict.get("BaseEncoding").and_then(Value::name),
        _ => None,
    };
    let mut letters: Vec<Option<String>> =
        (0..=255).map(|code| glyphs::of_code(code, table == Some("MacRomanEncoding")).map(String::from)).collect();
    let Value::Dict(dict) = encoding else { return Ok(letters) };
    let Value::List(differences) = file.resolved(dict.get("Differences"), budget)? else { return Ok(letters) };
    let mut code = 0;
    for value in &differences {
        budget.step()?;
        match value {
            Value::Number(number) => code = number.clamp(0.0, 256.0) as usize,
            Value::Name(name) => {
                if let Some(letter) = letters.get_mut(code) {
                    *letter = glyphs::named(name);
                }
                code += 1;
            }
            _ => {}
        }
    }
    Ok(letters)
}

/// What a font says that its codes mean.
#[derive(Default)]
struct Mapped {
    single: HashMap<u32, String>,
    /// From, to, and the letter of the first; in order.
    ranges: Vec<(u32, u32, char)>,
}

impl Mapped {
    fn read(data: &[u8], budget: &mut Budget) -> Result<Self, Refusal> {
        let mut mapped = Self::default();
        let mut lexer = Lexer::new(data, 0);
        let mut held: Vec<Value> = Vec::new();
        while let Some(value) = lexer.next(budget)? {
            match value {
                Value::Word(word) => {
                    match &*word {
                        "endbfchar" => mapped.chars(&held),
                        "endbfrange" => mapped.add_ranges(&held),
                        _ => {}
                    }
                    held.clear();
                }
                value if held.len() < 4 * CODES => held.push(value),
                _ => return Err(Refusal::Bomb),
            }
            if mapped.single.len() > CODES || mapped.ranges.len() > CODES {
                return Err(Refusal::Bomb);
            }
        }
        mapped.ranges.sort_unstable();
        Ok(mapped)
    }

    fn chars(&mut self, held: &[Value]) {
        for [from, to] in held.as_chunks().0 {
            if let (Value::Text(from), Value::Text(to)) = (from, to) {
                self.single.insert(code(from), utf16(to));
            }
        }
    }

    fn add_ranges(&mut self, held: &[Value]) {
        for [from, to, said] in held.as_chunks().0 {
            let (Value::Text(from), Value::Text(to)) = (from, to) else { continue };
            let (from, to) = (code(from), code(to));
            match said {
                Value::List(list) => {
                    for (code, said) in (from..=to).zip(list) {
                        if let Value::Text(said) = said {
                            self.single.insert(code, utf16(said));
                        }
                    }
                }
                Value::Text(said) => {
                    let said = utf16(said);
                    let mut letters = said.chars();
                    match (letters.next(), letters.next()) {
                        (Some(first), None) => self.ranges.push((from, to, first)),
                        // A range of ligatures is one of a single code.
                        (_, _) => drop(self.single.insert(from, said)),
                    }
                }
                _ => {}
            }
        }
    }

    fn of(&self, code: u32) -> Option<Said<'_>> {
        if let Some(text) = self.single.get(&code) {
            return Some(Said::Text(text));
        }
        let after = self.ranges.partition_point(|(from, _, _)| *from <= code);
        let (from, to, first) = self.ranges.get(after.checked_sub(1)?)?;
        (code <= *to).then(|| char::from_u32(u32::from(*first) + (code - from)))?.map(Said::Letter)
    }
}

fn code(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, byte| code << 8 | u32::from(*byte))
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
    char::decode_utf16(units).filter_map(Result::ok).filter(|letter| *letter != '\0').collect()
}
