//! Folding a write-ahead log into a copy of its database without the key: what a checkpoint does, done to the copy.
//!
//! A checkpoint moves pages as they are, encrypted, each to its place; the frames' headers and checksums are in plain text.
//! So this needs no key either. (The format is described at <https://sqlite.org/fileformat2.html#walformat>.)
//!
//! Only whole transactions count: frames up to the last commit whose salts and running checksum fit. What was written and
//! taken back, or what another writer is in the middle of, does not fit, or comes after.
//!
//! One thing can still move under a vault that is held still: a log that was begun anew just before, whose writer has not
//! come to its first frame yet. That one writes the log's header first. All that is in the log's old frames is in the file
//! then; but reading half of them while they go would put old pages over new ones. So the header is read once more at the
//! end, and where it is another one the whole copy is made again. It cannot happen twice, for the log cannot begin anew
//! while it is held.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{BackupError, Pace};
use crate::store::While;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    Whole,
    /// The log was begun anew meanwhile.
    Moved,
}

/// Puts what is committed in the log into the copy.
pub(super) fn fold(log: &Path, into: &File, pace: &Pace<'_>) -> Result<Folded, BackupError> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Folded::Whole),
        Err(why) => return Err(why).while_("reading a vault's log").map_err(BackupError::from),
    };
    let Some(begun) = header(&file)? else { return Ok(Folded::Whole) };
    if let Some(walk) = Walk::new(&begun) {
        let (pages, size) = walk.committed(&file, pace)?;
        let mut page = vec![0; walk.page];
        for (number, at) in pages {
            file.read_exact_at(&mut page, at + FRAME_HEADER as u64).while_("reading a vault's log")?;
            into.write_all_at(&page, (u64::from(number) - 1) * walk.page as u64).map_err(|why| pace.place(why))?;
            pace.moved(walk.page as u64)?;
        }
        if let Some(pages) = size {
            into.set_len(u64::from(pages) * walk.page as u64).map_err(|why| pace.place(why))?;
        }
    }
    Ok(if header(&file)? == Some(begun) { Folded::Whole } else { Folded::Moved })
}

fn header(file: &File) -> Result<Option<[u8; HEADER]>, BackupError> {
    let mut header = [0; HEADER];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => Ok(Some(header)),
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(why) => Err(why).while_("reading a vault's log").map_err(BackupError::from),
    }
}

/// A walk along the frames of one log.
struct Walk {
    page: usize,
    is_big_endian: bool,
    salts: [u8; 8],
    sum: (u32, u32),
}

impl Walk {
    /// `None` where the header is none of a log, or torn: then nothing after it counts.
    fn new(header: &[u8; HEADER]) -> Option<Self> {
        let magic = word(header, 0);
        let page = word(header, 8) as usize;
        if magic & !1 != MAGIC || !page.is_power_of_two() || !(512..=65_536).contains(&page) {
            return None;
        }
        let is_big_endian = magic & 1 == 1;
        let sum = summed(&header[..24], (0, 0), is_big_endian);
        let mut salts = [0; 8];
        salts.copy_from_slice(&header[16..24]);
        (sum == (word(header, 24), word(header, 28))).then_some(Self { page, is_big_endian, salts, sum })
    }

    /// Where the last committed state of each page stands, and how many pages the database has then.
    fn committed(&self, file: &File, pace: &Pace<'_>) -> Result<(BTreeMap<u32, u64>, Option<u32>), BackupError> {
        let mut frame = vec![0; FRAME_HEADER + self.page];
        let (mut sum, mut at) = (self.sum, HEADER as u64);
        let (mut pages, mut open, mut size) = (BTreeMap::new(), Vec::new(), None);
        loop {
            match file.read_exact_at(&mut frame, at) {
                Ok(()) => {}
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(why) => return Err(why).while_("reading a vault's log").map_err(BackupError::from),
            }
            let (number, after) = (word(&frame, 0), word(&frame, 4));
            sum = summed(&frame[..8], sum, self.is_big_endian);
            sum = summed(&frame[FRAME_HEADER..], sum, self.is_big_endian);
            if number == 0 || frame[8..16] != self.salts || sum != (word(&frame, 16), word(&frame, 20)) {
                break;
            }
            open.push((number, at));
            if after > 0 {
                pages.extend(open.drain(..));
                size = Some(after);
            }
            at += frame.len() as u64;
            pace.heard()?;
        }
        // Pages that a later commit cut off.
        pages.retain(|number, _| size.is_none_or(|size| *number <= size));
        Ok((pages, size))
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

/// `walChecksumBytes` of wal.c.
fn summed(bytes: &[u8], (mut one, mut two): (u32, u32), is_big_endian: bool) -> (u32, u32) {
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    for [first, second] in pairs {
        let read = |word: &[u8; 4]| if is_big_endian { u32::from_be_bytes(*word) } else { u32::from_le_bytes(*word) };
        one = one.wrapping_add(read(first)).wrapping_add(two);
        two = two.wrapping_add(read(second)).wrapping_add(one);
    }
    (one, two)
}

/// Copies from one place to another in pieces; the file must be written out afterwards.
pub(super) fn poured(
    mut read: impl FnMut(&mut [u8], u64) -> Result<(), BackupError>,
    len: u64,
    mut to: &File,
    pace: &Pace<'_>,
) -> Result<(), BackupError> {
    let mut piece = vec![0; 1 << 20];
    let mut at = 0;
    while at < len {
        let size = usize::try_from(len - at).unwrap_or(usize::MAX).min(piece.len());
        read(&mut piece[..size], at)?;
        to.write_all(&piece[..size]).map_err(|why| pace.place(why))?;
        at += size as u64;
        pace.moved(size as u64)?;
    }
    Ok(())
}
