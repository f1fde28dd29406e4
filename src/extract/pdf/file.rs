//! The objects of a PDF. They are found by looking through the whole file and not by its own table, which is wrong in
//! many files and a way to lead a reader in circles; what is written last counts, as it does in the table.

use std::collections::HashMap;

use memchr::memmem;

use super::{
    filters,
    value::{Dict, Lexer, Value, is_space},
};
use crate::extract::{Refusal, budget::Budget};

const OBJECTS: usize = 500_000;
/// References to references.
const HOPS: u32 = 16;

#[derive(Clone, Copy)]
enum Place {
    InFile(usize),
    /// In a stream of objects, by its number in `packed`.
    Packed(usize, usize),
}

pub struct File<'a> {
    bytes: &'a [u8],
    places: HashMap<u32, Place>,
    /// Streams of objects, unpacked.
    packed: Vec<Vec<u8>>,
    root: Option<u32>,
}

impl<'a> File<'a> {
    pub fn open(bytes: &'a [u8], budget: &mut Budget) -> Result<Self, Refusal> {
        let mut file = Self { bytes, places: HashMap::new(), packed: Vec::new(), root: None };
        let mut catalogue = None;
        let mut from = 0;
        while let Some(at) = memmem::find(&bytes[from..], b"obj").map(|at| at + from) {
            budget.step()?;
            from = at + 3;
            let Some(number) = number_before(bytes, at) else { continue };
            file.places.insert(number, Place::InFile(from));
            if file.places.len() > OBJECTS {
                return Err(Refusal::Bomb);
            }
            let mut lexer = Lexer::new(bytes, from);
            let value = match lexer.next(budget) {
                Ok(value) => value,
                Err(Refusal::Broken) => continue,
                Err(refusal) => return Err(refusal),
            };
            from = lexer.at.max(from);
            let Some(Value::Dict(dict)) = value else { continue };
            let data = stream_at(bytes, lexer.at, dict.get("Length").and_then(Value::number));
            if let Some(data) = data {
                from = offset(bytes, data) + data.len();
            }
            match (dict.get("Type").and_then(Value::name), data) {
                (Some("ObjStm"), Some(data)) => file.open_packed(&dict, data, budget)?,
                (Some("XRef"), _) => file.trailer(&dict)?,
                (Some("Catalog"), _) => catalogue = Some(number),
                (_, _) => {}
            }
        }
        let mut from = 0;
        while let Some(at) = memmem::find(&bytes[from..], b"trailer").map(|at| at + from) {
            from = at + 7;
            match Lexer::new(bytes, from).next(budget) {
                Ok(Some(Value::Dict(dict))) => file.trailer(&dict)?,
                Ok(_) | Err(Refusal::Broken) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        file.root = file.root.or(catalogue);
        Ok(file)
    }

    fn trailer(&mut self, dict: &Dict) -> Result<(), Refusal> {
        if dict.get("Encrypt").is_some_and(|encrypt| *encrypt != Value::Null) {
            return Err(Refusal::Encrypted);
        }
        if let Some(root) = dict.get("Root").and_then(Value::reference) {
            self.root = Some(root);
        }
        Ok(())
    }

    fn open_packed(&mut self, dict: &Dict, data: &[u8], budget: &mut Budget) -> Result<(), Refusal> {
        let number = |name: &str| dict.get(name).and_then(Value::number).map(|number| number.max(0.0) as usize);
        let (Some(count), Some(first)) = (number("N"), number("First")) else { return Ok(()) };
        let unpacked = match filters::unpacked(dict, data, budget) {
            Ok(Some(unpacked)) => unpacked,
            Ok(None) | Err(Refusal::Broken) => return Ok(()),
            Err(refusal) => return Err(refusal),
        };
        let mut lexer = Lexer::new(&unpacked, 0);
        for _ in 0..count.min(OBJECTS) {
            let mut next = || Ok::<_, Refusal>(lexer.next(budget)?.and_then(|value| value.number()));
            let (Some(number), Some(offset)) = (next()?, next()?) else { break };
            self.places.insert(number as u32, Place::Packed(self.packed.len(), first + offset.max(0.0) as usize));
        }
        if self.places.len() > OBJECTS {
            return Err(Refusal::Bomb);
        }
        self.packed.push(unpacked);
        Ok(())
    }

    /// An object by its number. One that cannot be read, or is not there, is nothing, as the format says.
    pub fn object(&self, number: u32, budget: &mut Budget) -> Result<Value, Refusal> {
        let mut lexer = match self.places.get(&number) {
            Some(Place::InFile(at)) => Lexer::new(self.bytes, *at),
            Some(Place::Packed(stream, at)) => Lexer::new(&self.packed[*stream], *at),
            None => return Ok(Value::Null),
        };
        match lexer.next(budget) {
            Ok(value) => Ok(value.unwrap_or(Value::Null)),
            Err(Refusal::Broken) => Ok(Value::Null),
            Err(refusal) => Err(refusal),
        }
    }

    /// The value itself, or the object that it refers to.
    pub fn resolved(&self, value: Option<&Value>, budget: &mut Budget) -> Result<Value, Refusal> {
        let mut value = value.cloned().unwrap_or(Value::Null);
        for _ in 0..HOPS {
            let Value::Ref(number) = value else { return Ok(value) };
            value = self.object(number, budget)?;
        }
        Ok(Value::Null)
    }

    pub fn dict(&self, value: Option<&Value>, budget: &mut Budget) -> Result<Dict, Refusal> {
        Ok(if let Value::Dict(dict) = self.resolved(value, budget)? { dict } else { Dict::new() })
    }

    /// A stream by its number, with what it says of itself.
    pub fn stream(&self, number: u32, budget: &mut Budget) -> Result<Option<(Dict, Vec<u8>)>, Refusal> {
        let Some(Place::InFile(at)) = self.places.get(&number) else { return Ok(None) };
        let mut lexer = Lexer::new(self.bytes, *at);
        let Ok(Some(Value::Dict(mut dict))) = lexer.next(budget) else { return Ok(None) };
        let length = self.resolved(dict.get("Length"), budget)?.number();
        let Some(data) = stream_at(self.bytes, lexer.at, length) else { return Ok(None) };
        for name in ["Filter", "DecodeParms"] {
            let value = self.resolved(dict.get(name), budget)?;
            dict.insert(name.into(), value);
        }
        match filters::unpacked(&dict, data, budget) {
            Ok(unpacked) => Ok(unpacked.map(|unpacked| (dict, unpacked))),
            // One damaged part does not make the others unreadable.
            Err(Refusal::Broken) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    pub fn root(&self) -> Option<u32> {
        self.root
    }
}

/// The number in `12 0 obj`.
fn number_before(bytes: &[u8], at: usize) -> Option<u32> {
    let before = &bytes[..at];
    let before = trimmed(before)?;
    let before = trimmed(without_digits(before)?)?;
    let rest = without_digits(before)?;
    std::str::from_utf8(&before[rest.len()..]).ok()?.parse().ok()
}

/// Without the space at its end, of which there must be some.
fn trimmed(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| !is_space(*byte))? + 1;
    (end < bytes.len() && bytes.len() - end < 16).then(|| &bytes[..end])
}

/// Without the digits at its end, of which there must be some.
fn without_digits(bytes: &[u8]) -> Option<&[u8]> {
    let tail = bytes.iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=10).contains(&tail).then(|| &bytes[..bytes.len() - tail])
}

/// The bytes of a stream whose dictionary ends here, by the length that it says, or else up to its end mark.
fn stream_at(bytes: &[u8], at: usize, length: Option<f64>) -> Option<&[u8]> {
    let mut lexer = Lexer::new(bytes, at);
    lexer.skip_space();
    let after = bytes.get(lexer.at..)?.strip_prefix(b"stream")?;
    let after = after.strip_prefix(b"\r").unwrap_or(after);
    let after = after.strip_prefix(b"\n").unwrap_or(after);
    if let Some(length) = length
        && let Some((data, rest)) = after.split_at_checked(length.max(0.0) as usize)
    {
        let rest = &rest[rest.iter().take(4).take_while(|byte| is_space(**byte)).count()..];
        if rest.starts_with(b"endstream") {
            return Some(data);
        }
    }
    let end = memmem::find(after, b"endstream").unwrap_or(after.len());
    Some(&after[..end])
}

fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}
