//! What reading one document may cost.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::Refusal;

/// A refusal has to come within a second, with whatever else has to be done in it.
const TIME: Duration = Duration::from_millis(800);
/// Real text packs to a tenth or so. Only what was made to be large packs to less than a hundredth.
const RATIO: usize = 100;
/// What a small document may unpack to whatever its ratio is.
const SMALL: usize = 4 << 20;
/// What any document may unpack to, all parts together, and one part.
const ALL: usize = 48 << 20;
const PART: usize = 16 << 20;
/// Steps between two looks at the clock, which costs about as much as one of them.
const STRIDE: u32 = 512;

#[derive(Debug)]
pub struct Budget {
    until: Instant,
    unpacked: usize,
    text: usize,
    steps: u32,
}

impl Budget {
    pub fn for_file_of(bytes: usize, text: usize) -> Self {
        let unpacked = bytes.saturating_mul(RATIO).clamp(SMALL, ALL);
        Self { until: Instant::now() + TIME, unpacked, text, steps: 0 }
    }

    /// With other limits of time and of what is unpacked.
    #[cfg(test)]
    pub fn of(time: Duration, unpacked: usize) -> Self {
        Self { until: Instant::now() + time, unpacked, text: usize::MAX, steps: 0 }
    }

    /// One small piece of work.
    pub fn step(&mut self) -> Result<(), Refusal> {
        self.steps += 1;
        if self.steps < STRIDE {
            return Ok(());
        }
        self.steps = 0;
        self.look_at_the_clock()
    }

    pub fn look_at_the_clock(&self) -> Result<(), Refusal> {
        if Instant::now() >= self.until { Err(Refusal::Slow) } else { Ok(()) }
    }

    /// Whether so much text may come out.
    pub fn has_room_for(&self, text: &str) -> Result<(), Refusal> {
        if text.len() > self.text { Err(Refusal::Long) } else { Ok(()) }
    }

    /// A part that says beforehand how large it will be need not be begun.
    pub fn has_room_to_unpack(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes > self.unpacked.min(PART) as u64 { Err(Refusal::Bomb) } else { Ok(()) }
    }

    /// Pays for bytes that were unpacked.
    pub fn unpacked(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.unpacked = self.unpacked.checked_sub(bytes).ok_or(Refusal::Bomb)?;
        self.look_at_the_clock()
    }

    pub fn inflate_zlib(&mut self, packed: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.inflate(ZlibDecoder::new(packed))
    }

    pub fn inflate_raw(&mut self, packed: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.inflate(DeflateDecoder::new(packed))
    }

    /// What could be unpacked before an error is kept: many writers get the checksum at the end wrong.
    fn inflate(&mut self, mut from: impl Read) -> Result<Vec<u8>, Refusal> {
        let mut whole = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(whole),
                Ok(read) => {
                    self.unpacked(read)?;
                    if whole.len() + read > PART {
                        return Err(Refusal::Bomb);
                    }
                    whole.extend_from_slice(&piece[..read]);
                }
                Err(_) if whole.is_empty() => return Err(Refusal::Broken),
                Err(_) => return Ok(whole),
            }
        }
    }
}
