//! Whether the bytes of an image are all there, and how large it would be: without decoding it.
//!
//! The parts of the file are walked from its beginning to its end, as each format lays them out (PNG: W3C PNG, §5; JPEG: ITU
//! T.81, annex B; GIF: GIF89a; WebP: RFC 9649). What is inside a part is the model's business; a file that was cut off, or one
//! whose few bytes would unpack to gigabytes, is not sent at all.

use std::fmt;

/// Most pixels of an image that is attached: more than any camera takes, and 600 MB once it is unpacked.
pub const MOST_PIXELS: u64 = 150_000_000;

/// Why an image is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ends before its end, or is no such image further on.
    Broken,
    /// It has no pixels.
    Empty,
    /// So many pixels that unpacking it would harm whoever does.
    Huge { width: u32, height: u32 },
}

impl Flaw {
    /// What to do instead.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Broken | Self::Empty => "Open it in a viewer and save it anew as PNG or JPEG.",
            Self::Huge { .. } => "Attach a smaller copy of it.",
        }
    }
}

/// As in “it cannot be attached: …”.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken => f.write_str("the image is damaged or cut off"),
            Self::Empty => f.write_str("the image has no pixels"),
            Self::Huge { width, height } => {
                write!(f, "the image unpacks to {width} × {height} pixels, more than is sensible")
            }
        }
    }
}

/// Width and height in pixels of a whole PNG, JPEG, GIF or WebP.
///
/// # Errors
/// What is wrong with it. Bytes of another kind are broken ones.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), Flaw> {
    let found = match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [0xff, 0xd8, ..] => jpeg(bytes),
        [b'G', b'I', b'F', b'8', ..] => gif(bytes),
        [b'R', b'I', b'F', b'F', ..] => webp(bytes),
        _ => None,
    };
    let (width, height) = found.ok_or(Flaw::Broken)?;
    if width == 0 || height == 0 {
        return Err(Flaw::Empty);
    }
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Flaw::Huge { width, height });
    }
    Ok((width, height))
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize, order: fn([u8; 2]) -> u16) -> Option<u16> {
    Some(order(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Chunks of a length, a name, so many bytes and a sum; IHDR comes first, IEND last, pixels between.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let (mut at, mut size, mut has_pixels) = (8, None, false);
    if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return None;
    }
    loop {
        let length = usize::try_from(big(bytes, at)?).ok()?;
        let name = bytes.get(at + 4..at + 8)?;
        let end = at.checked_add(length)?.checked_add(12)?;
        bytes.get(..end)?;
        match (name, size) {
            (b"IHDR", None) => size = Some((big(bytes, at + 8)?, big(bytes, at + 12)?)),
            (_, None) => return None,
            (b"IDAT", Some(_)) => has_pixels = true,
            (b"IEND", Some(size)) => return has_pixels.then_some(size),
            (_, Some(_)) => {}
        }
        at = end;
    }
}

/// Segments that begin with a marker and say their length; what follows a start of scan runs to the next marker.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let (mut at, mut size, mut has_pixels) = (2, None, false);
    loop {
        let [0xff, marker] = bytes.get(at..at + 2)? else { return None };
        match marker {
            // Any number of these may stand before a marker.
            0xff => at += 1,
            0xd9 => return size.filter(|_| has_pixels),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = usize::from(short(bytes, at + 2, u16::from_be_bytes)?);
                if length < 2 {
                    return None;
                }
                // Every start of frame but DHT, JPG and DAC, which lie among them.
                if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    let height = short(bytes, at + 5, u16::from_be_bytes)?;
                    size = Some((short(bytes, at + 7, u16::from_be_bytes)?.into(), height.into()));
                }
                at += 2 + length;
                if *marker == 0xda {
                    has_pixels = true;
                    at = end_of_scan(bytes, at)?;
                }
            }
        }
    }
}

/// Where the next marker stands that is neither a stuffed byte nor one to start anew from.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xff, bytes.get(at..)?)?;
        match bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            _ => return Some(at),
        }
    }
}

/// Blocks until the one that says it is the last.
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    let size = (short(bytes, 6, u16::from_le_bytes)?.into(), short(bytes, 8, u16::from_le_bytes)?.into());
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + colours(*bytes.get(10)?);
    let mut has_pixels = false;
    loop {
        match bytes.get(at)? {
            b';' => return has_pixels.then_some(size),
            b'!' => at = end_of_blocks(bytes, at + 2)?,
            b',' => {
                has_pixels = true;
                at = end_of_blocks(bytes, at + 11 + colours(*bytes.get(at + 9)?))?;
            }
            _ => return None,
        }
    }
}

fn end_of_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// One RIFF that says how long it is; the first chunk in it says how large the canvas is.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let length = usize::try_from(little(bytes, 4)?).ok()?;
    if bytes.len() < length.checked_add(8)? || bytes.get(8..12)? != b"WEBP" {
        return None;
    }
    let three = |at: usize| -> Option<u32> {
        let [a, b, c] = bytes.get(at..at + 3)? else { return None };
        Some(u32::from_le_bytes([*a, *b, *c, 0]))
    };
    match bytes.get(12..16)? {
        b"VP8X" => Some((three(24)? + 1, three(27)? + 1)),
        b"VP8L" => {
            let bits = little(bytes, 21)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8 " => {
            let side = |at| Some(u32::from(short(bytes, at, u16::from_le_bytes)? & 0x3fff));
            (bytes.get(23..26)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            Some((side(26)?, side(28)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extract::papers::{GIF, JPEG, PNG, WEBP};

    const WHOLE: [(&[u8], (u32, u32)); 4] = [(PNG, (1, 1)), (JPEG, (1, 1)), (GIF, (1, 1)), (WEBP, (1, 1))];

    #[test]
    fn whole_images_tell_their_size() {
        for (bytes, wanted) in WHOLE {
            assert_eq!(size(bytes), Ok(wanted), "{:?}", &bytes[..4]);
        }
    }

    #[test]
    fn an_image_that_is_cut_off_anywhere_is_broken() {
        for (bytes, _) in WHOLE {
            for end in 0..bytes.len() {
                assert_eq!(size(&bytes[..end]), Err(Flaw::Broken), "{:?} cut off at {end}", &bytes[..4]);
            }
        }
    }

    #[test]
    fn an_image_of_gigabytes_in_a_few_bytes_is_refused_with_its_size() {
        let mut bomb = PNG.to_vec();
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert_eq!(size(&bomb), Err(Flaw::Huge { width: 65_535, height: 65_535 }));
        bomb[16..20].fill(0);
        assert_eq!(size(&bomb), Err(Flaw::Empty));
    }

    #[cfg(feature = "images")]
    #[test]
    fn what_is_said_of_the_size_is_what_a_decoder_says() {
        for (bytes, wanted) in WHOLE {
            let decoded = image::load_from_memory(bytes).unwrap();
            assert_eq!((decoded.width(), decoded.height()), wanted, "{:?}", &bytes[..4]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(start in 0..4_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut odd = WHOLE[start].0[..12.min(WHOLE[start].0.len())].to_vec();
            odd.extend(bytes);
            let _ = size(&odd);
        }
    }
}
