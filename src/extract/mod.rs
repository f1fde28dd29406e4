//! The text of documents that are not plain text: PDF and Word (DOCX); and whether an image is whole.
//!
//! It is not a viewer: it gives the words in the order in which they are written, as a model can read them. Whatever is
//! only seen (pictures, scanned pages, drawings) is not in it.
//!
//! Invariant: reading is bounded by construction, not by somebody who looks at a clock from outside. Every step of it
//! is paid out of one [`Budget`]: what is unpacked, what is nested, how much text comes out, and how long it takes. A
//! document that asks for more is refused with the reason, on the thread that reads it, so nothing goes on behind.

mod budget;
mod docx;
#[cfg(test)]
#[path = "../../tests/suite/common/papers.rs"]
pub(crate) mod papers;
mod pdf;
pub mod picture;
#[cfg(test)]
mod tests;
mod xml;
mod zip;

use std::fmt;

use budget::Budget;

/// Documents that text can be taken out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    Docx,
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Only who has its passphrase reads it.
    Encrypted,
    Broken,
    /// It unpacks to more than it may.
    Bomb,
    /// Taking the text out of it takes too long.
    Slow,
    /// More text than a file that is attached may hold.
    Long,
    TooManyPages,
    /// Pages without letters: scans and pictures.
    NoText,
    /// There are letters, but nothing says which.
    Unreadable,
}

impl Refusal {
    /// What to do instead.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Encrypted => "Save it without its passphrase, and attach that.",
            Self::Broken => "Open it in a viewer and save it anew, or attach its text.",
            Self::Bomb | Self::Slow | Self::Long | Self::TooManyPages => "Attach a part of it, or its text.",
            Self::NoText => "Attach the page as a PNG or JPEG for a model that sees images, or its text.",
            Self::Unreadable => "Attach its text, copied out of a viewer.",
        }
    }
}

/// As in “it cannot be attached: …”.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypted => "it is encrypted",
            Self::Broken => "it is damaged",
            Self::Bomb => "it unpacks to far more than a document of its size does",
            Self::Slow => "taking the text out of it takes too long",
            Self::Long => "it holds more text than a file that is attached may",
            Self::TooManyPages => "it has more than 5000 pages",
            Self::NoText => "there is no text in it, only pictures or nothing",
            Self::Unreadable => "its fonts do not say which letters they show",
        })
    }
}

/// What these bytes are, by themselves and not by a name.
#[must_use]
pub fn kind_of(bytes: &[u8]) -> Option<Kind> {
    if pdf::is_pdf(bytes) {
        Some(Kind::Pdf)
    } else if docx::is_docx(bytes) {
        Some(Kind::Docx)
    } else {
        None
    }
}

/// The text of a document, of at most `most` bytes.
///
/// # Errors
/// The reason why there is none; never later than about 0.8 seconds after the call.
pub fn text(kind: Kind, bytes: &[u8], most: usize) -> Result<String, Refusal> {
    text_within(kind, bytes, Budget::for_file_of(bytes.len(), most))
}

fn text_within(kind: Kind, bytes: &[u8], mut budget: Budget) -> Result<String, Refusal> {
    let text = match kind {
        Kind::Pdf => pdf::text(bytes, &mut budget)?,
        Kind::Docx => docx::text(bytes, &mut budget)?,
    };
    let text = tidy(&text);
    if text.is_empty() { Err(Refusal::NoText) } else { Ok(text) }
}

/// Lines without white space at their ends, and at most one empty line in a row. It ends with a line break.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if empty > 0 && !tidied.is_empty() {
            tidied.push('\n');
        }
        empty = 0;
        tidied.push_str(line);
        tidied.push('\n');
    }
    tidied
}
