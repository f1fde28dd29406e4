//! The little of zip archives that is needed: which files are in one, and the bytes of one after the other.
//!
//! Own, because the directory of a hostile archive can name millions of files: this reads it as a stream, one name at a
//! time. (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.14–16.) Nothing is ever written to a place that a name in it says.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

/// The end of the directory lies in the last bytes, before a comment of at most 65 535.
const TAIL: u64 = 22 + 65_535;
/// Longest name that is looked at.
const NAME_MAX: usize = 4096;
/// Most files that are looked for in one archive.
const FILES_MAX: usize = 1000;

const BROKEN: &str = "the zip archive is damaged";

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    method: u16,
    compressed: u64,
    offset: u64,
}

/// The JSON files in the archive, and whether names were passed over that no honest archive has, or links.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) members: Vec<Member>,
    pub(super) odd: u64,
    pub(super) encrypted: u64,
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BROKEN)
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    let bytes = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)?;
    Ok(u16::from_le_bytes(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    let bytes = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)?;
    Ok(u64::from_le_bytes(bytes))
}

pub(super) fn directory(file: &mut (impl Read + Seek)) -> io::Result<Directory> {
    let length = file.seek(SeekFrom::End(0))?;
    let (begin, count) = end_of_directory(file, length)?;
    file.seek(SeekFrom::Start(begin))?;
    let mut from = BufReader::with_capacity(64 * 1024, file.take(length.saturating_sub(begin)));
    let mut found = Directory::default();
    for _ in 0..count {
        let mut head = [0; 46];
        from.read_exact(&mut head)?;
        if head[..4] != *b"PK\x01\x02" {
            return Err(broken());
        }
        let (name_length, extra_length) = (u16_at(&head, 28)?, u16_at(&head, 30)?);
        let comment_length = u16_at(&head, 32)?;
        let mut name = vec![0; usize::from(name_length)];
        from.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(extra_length)];
        from.read_exact(&mut extra)?;
        io::copy(&mut (&mut from).take(u64::from(comment_length)), &mut io::sink())?;
        add(&mut found, &head, &name, &extra)?;
        if found.members.len() > FILES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the zip archive holds too many files"));
        }
    }
    Ok(found)
}

fn add(found: &mut Directory, head: &[u8; 46], name: &[u8], extra: &[u8]) -> io::Result<()> {
    let made_on_unix = head[5] == 3;
    let mode = u32_at(head, 38)? >> 16;
    let is_link = made_on_unix && mode & 0o170_000 == 0o120_000;
    let Some(name) = std::str::from_utf8(name).ok().filter(|name| !is_link && is_proper(name)) else {
        found.odd += 1;
        return Ok(());
    };
    let is_json = name.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if !is_json || name.len() > NAME_MAX {
        return Ok(());
    }
    if u16_at(head, 8)? & 1 != 0 {
        found.encrypted += 1;
        return Ok(());
    }
    let (mut compressed, mut offset) = (u64::from(u32_at(head, 20)?), u64::from(u32_at(head, 42)?));
    let is_large = |value: u64| value == u64::from(u32::MAX);
    if is_large(compressed) || is_large(offset) {
        (compressed, offset) = large(extra, is_large(u64::from(u32_at(head, 24)?)), compressed, offset)?;
    }
    found.members.push(Member { name: name.to_owned(), method: u16_at(head, 10)?, compressed, offset });
    Ok(())
}

/// Whether a name stays inside of its archive and is a name at all.
fn is_proper(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('/')
        && !name.contains(['\\', '\0'])
        && !name.chars().any(char::is_control)
        && name.split('/').all(|part| part != "..")
        && !name.split('/').next().is_some_and(|first| first.ends_with(':'))
}

/// Sizes that have outgrown their fields stand in an extra one, in this order, each only if it has.
fn large(extra: &[u8], size_too: bool, compressed: u64, offset: u64) -> io::Result<(u64, u64)> {
    let mut at = 0;
    while at + 4 <= extra.len() {
        let (id, length) = (u16_at(extra, at)?, usize::from(u16_at(extra, at + 2)?));
        let mut field = at + 4;
        if id == 1 {
            let mut next = |value: u64| {
                if value != u64::from(u32::MAX) {
                    return Ok(value);
                }
                field += 8;
                u64_at(extra, field - 8)
            };
            if size_too {
                next(u64::from(u32::MAX))?;
            }
            return Ok((next(compressed)?, next(offset)?));
        }
        at += 4 + length;
    }
    Err(broken())
}

/// Where the directory begins and how many files it names.
fn end_of_directory(file: &mut (impl Read + Seek), length: u64) -> io::Result<(u64, u64)> {
    let tail_begin = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(tail_begin))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let at =
        memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let (count, begin) = (u16_at(&tail, at + 10)?, u32_at(&tail, at + 16)?);
    if count != u16::MAX && begin != u32::MAX {
        return Ok((u64::from(begin), u64::from(count)));
    }
    let locator = at.checked_sub(20).and_then(|before| tail.get(before..at)).ok_or_else(broken)?;
    if locator[..4] != *b"PK\x06\x07" {
        return Err(broken());
    }
    file.seek(SeekFrom::Start(u64_at(locator, 8)?))?;
    let mut record = [0; 56];
    file.read_exact(&mut record)?;
    if record[..4] != *b"PK\x06\x06" {
        return Err(broken());
    }
    Ok((u64_at(&record, 48)?, u64_at(&record, 32)?))
}

/// The bytes of one file.
pub(super) fn contents<'a>(file: &'a mut (impl BufRead + Seek), member: &Member) -> io::Result<Box<dyn Read + 'a>> {
    file.seek(SeekFrom::Start(member.offset))?;
    let mut head = [0; 30];
    file.read_exact(&mut head)?;
    if head[..4] != *b"PK\x03\x04" {
        return Err(broken());
    }
    let skip = u64::from(u16_at(&head, 26)?) + u64::from(u16_at(&head, 28)?);
    let skipped = io::copy(&mut file.by_ref().take(skip), &mut io::sink())?;
    if skipped != skip {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let packed = file.take(member.compressed);
    match member.method {
        0 => Ok(Box::new(packed)),
        8 => Ok(Box::new(DeflateDecoder::new(packed))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the zip archive is packed in a way that is not read")),
    }
}
