//! Streams of a PDF, unpacked.

use super::value::{Dict, Value, digit, is_space};
use crate::extract::{Refusal, budget::Budget};

/// What the stream says, by the filters that its dictionary names. A filter that is not for text ends it: `None`.
pub fn unpacked(dict: &Dict, raw: &[u8], budget: &mut Budget) -> Result<Option<Vec<u8>>, Refusal> {
    let many = |short: &str, long: &str| match dict.get(long).or_else(|| dict.get(short)) {
        Some(Value::List(list)) => list.clone(),
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one.clone()],
    };
    let parameters = many("DP", "DecodeParms");
    let filters = many("F", "Filter");
    if filters.len() > 4 {
        return Err(Refusal::Broken);
    }
    let mut data: Option<Vec<u8>> = None;
    for (place, filter) in filters.iter().enumerate() {
        let from = data.as_deref().unwrap_or(raw);
        let parameters = parameters.get(place).and_then(Value::dict);
        let made = match filter.name().unwrap_or_default() {
            "FlateDecode" | "Fl" => straightened(budget.inflate_zlib(from)?, parameters),
            "LZWDecode" | "LZW" => straightened(lzw(from, parameters, budget)?, parameters),
            "ASCIIHexDecode" | "AHx" => hex(from),
            "ASCII85Decode" | "A85" => ascii85(from, budget)?,
            "RunLengthDecode" | "RL" => run_lengths(from, budget)?,
            // Pictures, and what is encrypted by itself.
            _ => return Ok(None),
        };
        data = Some(made);
    }
    if data.is_none() {
        budget.unpacked(raw.len())?;
        data = Some(raw.to_vec());
    }
    Ok(data)
}

/// Undoes the prediction of PNG, which tables of objects are written with.
fn straightened(data: Vec<u8>, parameters: Option<&Dict>) -> Vec<u8> {
    let number = |name: &str, default: usize| {
        let value = parameters.and_then(|parameters| parameters.get(name)).and_then(Value::number);
        value.map_or(default, |value| value.clamp(0.0, 65_536.0) as usize)
    };
    if number("Predictor", 1) < 10 {
        return data;
    }
    let bits = number("Colors", 1).max(1) * number("BitsPerComponent", 8).max(1);
    let (step, width) = (bits.div_ceil(8), (bits * number("Columns", 1).max(1)).div_ceil(8));
    let mut made: Vec<u8> = Vec::with_capacity(data.len());
    let mut above = vec![0_u8; width];
    for row in data.chunks(width + 1) {
        let [how, row @ ..] = row else { break };
        let mut line = row.to_vec();
        for at in 0..line.len() {
            let left = if at >= step { line[at - step] } else { 0 };
            let corner = if at >= step { above[at - step] } else { 0 };
            let guess = match how {
                1 => left,
                2 => above[at],
                3 => left.midpoint(above[at]),
                4 => paeth(left, above[at], corner),
                _ => 0,
            };
            line[at] = line[at].wrapping_add(guess);
        }
        made.extend_from_slice(&line);
        line.resize(width, 0);
        above = line;
    }
    made
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(above) - i16::from(corner);
    let far = |from: u8| (guess - i16::from(from)).abs();
    if far(left) <= far(above) && far(left) <= far(corner) {
        left
    } else if far(above) <= far(corner) {
        above
    } else {
        corner
    }
}

/// As TIFF and old PDFs have it: codes of 9 to 12 bits, most significant bit first.
fn lzw(packed: &[u8], parameters: Option<&Dict>, budget: &mut Budget) -> Result<Vec<u8>, Refusal> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let early = parameters.and_then(|parameters| parameters.get("EarlyChange")).and_then(Value::number);
    let early = usize::from(early != Some(0.0));
    let mut made = Vec::new();
    // Each entry is a stretch of what was made: where the code before was put, and one letter more.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let (mut bits, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    for byte in packed {
        budget.step()?;
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = (bits >> held & ((1 << width) - 1)) as usize;
        bits &= (1 << held) - 1;
        if code == END {
            break;
        }
        if code == CLEAR {
            table.clear();
            last = None;
            width = 9;
            continue;
        }
        let start = made.len();
        if code < CLEAR {
            made.push(code as u8);
        } else {
            let entry = table.get(code - END - 1).copied();
            // The one entry that is not there yet is the one that this code makes.
            let entry = entry.or_else(|| last.map(|(at, length)| (at, length + 1)));
            let Some((at, length)) = entry else { return Err(Refusal::Broken) };
            for place in at..at + length {
                let byte = made.get(place).copied().ok_or(Refusal::Broken)?;
                made.push(byte);
            }
        }
        let length = made.len() - start;
        budget.unpacked(length)?;
        if let Some((at, length)) = last
            && table.len() < 4096 - END - 1
        {
            table.push((at, length + 1));
        }
        last = Some((start, length));
        width = match table.len() + END + 1 + early {
            0..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
    }
    Ok(made)
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().take_while(|byte| **byte != b'>').filter_map(|byte| digit(*byte)).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

fn ascii85(text: &[u8], budget: &mut Budget) -> Result<Vec<u8>, Refusal> {
    budget.unpacked(text.len())?;
    let mut made = Vec::with_capacity(text.len() / 5 * 4);
    let mut group = [0_u8; 5];
    let mut held = 0;
    for byte in text.iter().take_while(|byte| **byte != b'~').filter(|byte| !is_space(**byte)) {
        match byte {
            b'z' if held == 0 => made.extend([0; 4]),
            b'!'..=b'u' => {
                group[held] = byte - b'!';
                held += 1;
                if held == 5 {
                    made.extend(of_85(group));
                    held = 0;
                }
            }
            _ => return Err(Refusal::Broken),
        }
    }
    if held > 1 {
        group[held..].fill(84);
        made.extend(&of_85(group)[..held - 1]);
    }
    Ok(made)
}

fn of_85(group: [u8; 5]) -> [u8; 4] {
    group.iter().fold(0_u32, |sum, digit| sum.wrapping_mul(85).wrapping_add(u32::from(*digit))).to_be_bytes()
}

fn run_lengths(packed: &[u8], budget: &mut Budget) -> Result<Vec<u8>, Refusal> {
    let mut made = Vec::new();
    let mut rest = packed;
    while let [length, after @ ..] = rest {
        match usize::from(*length) {
            128 => break,
            length @ 0..=127 => {
                let (run, next) = after.split_at(after.len().min(length + 1));
                budget.unpacked(run.len())?;
                made.extend_from_slice(run);
                rest = next;
            }
            length => {
                let [byte, next @ ..] = after else { break };
                budget.unpacked(257 - length)?;
                made.resize(made.len() + 257 - length, *byte);
                rest = next;
            }
        }
    }
    Ok(made)
}
