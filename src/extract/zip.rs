//! The entries of a ZIP archive, as far as a Word document needs them: stored or deflated, nothing split, nothing
//! larger than 4 GiB. Names are compared and never used as paths.

use memchr::memmem;

use super::{Refusal, budget::Budget};

/// More parts than any document has.
const ENTRIES: usize = 4096;

pub struct Entry<'a> {
    pub name: &'a [u8],
    packed: &'a [u8],
    size: u32,
    method: u16,
    is_encrypted: bool,
}

/// What the directory at the end of the archive lists.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Refusal> {
    // The end record is 22 bytes and a comment of at most 64 KiB.
    let tail = bytes.len().saturating_sub(22 + 65_535);
    let end = memmem::rfind(&bytes[tail..], b"PK\x05\x06").ok_or(Refusal::Broken)? + tail;
    let count = usize::from(u16_at(bytes, end + 10).ok_or(Refusal::Broken)?);
    if count > ENTRIES {
        return Err(Refusal::Bomb);
    }
    let mut at = u32_at(bytes, end + 16).ok_or(Refusal::Broken)? as usize;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (entry, next) = entry(bytes, at).ok_or(Refusal::Broken)?;
        entries.push(entry);
        at = next;
    }
    Ok(entries)
}

fn entry(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
        return None;
    }
    let length = |offset| u16_at(bytes, at + offset).map(usize::from);
    let name_end = at + 46 + length(28)?;
    let packed_size = u32_at(bytes, at + 20)? as usize;
    let local = u32_at(bytes, at + 42)? as usize;
    if bytes.get(local..local.checked_add(4)?)? != b"PK\x03\x04" {
        return None;
    }
    // The local header has lengths of its own.
    let start = local + 30 + usize::from(u16_at(bytes, local + 26)?) + usize::from(u16_at(bytes, local + 28)?);
    let entry = Entry {
        name: bytes.get(at + 46..name_end)?,
        packed: bytes.get(start..start.checked_add(packed_size)?)?,
        size: u32_at(bytes, at + 24)?,
        method: u16_at(bytes, at + 10)?,
        is_encrypted: u16_at(bytes, at + 8)? & 1 == 1,
    };
    Some((entry, name_end + length(30)? + length(32)?))
}

impl Entry<'_> {
    pub fn unpack(&self, budget: &mut Budget) -> Result<Vec<u8>, Refusal> {
        if self.is_encrypted {
            return Err(Refusal::Encrypted);
        }
        budget.has_room_to_unpack(u64::from(self.size))?;
        match self.method {
            0 => {
                budget.unpacked(self.packed.len())?;
                Ok(self.packed.to_vec())
            }
            8 => budget.inflate_raw(self.packed),
            _ => Err(Refusal::Broken),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
