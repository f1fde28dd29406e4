//! The text of a Word document: paragraphs as lines, headings and lists marked as in Markdown, cells apart by tabs.
//!
//! What its reader would not see is not in it either: deleted text that is still tracked, and text that is formatted to
//! be hidden, where instructions to a model could lie.

use memchr::memmem;

use super::{
    Refusal,
    budget::Budget,
    xml::{Piece, Pieces, attribute, decoded},
    zip,
};

const DOCUMENT: &[u8] = b"word/document.xml";
/// Parts with words of the document, in the order in which they are read. Headers and comments stand beside it.
const PARTS: [&[u8]; 3] = [DOCUMENT, b"word/footnotes.xml", b"word/endnotes.xml"];
/// A container of an older kind: this is how Word keeps a document with a passphrase.
const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

pub fn is_docx(bytes: &[u8]) -> bool {
    is_encrypted(bytes)
        || (bytes.starts_with(b"PK\x03\x04")
            && (zip::entries(bytes).is_ok_and(|entries| entries.iter().any(|entry| entry.name == DOCUMENT))
                // The directory at the end is gone, but it began as one.
                || memmem::find(&bytes[..bytes.len().min(64 * 1024)], DOCUMENT).is_some()))
}

fn is_encrypted(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.starts_with(OLE) && memmem::find(bytes, &name).is_some()
}

pub fn text(bytes: &[u8], budget: &mut Budget) -> Result<String, Refusal> {
    if is_encrypted(bytes) {
        return Err(Refusal::Encrypted);
    }
    let entries = zip::entries(bytes)?;
    let mut reading = Reading::default();
    for part in PARTS {
        if let Some(entry) = entries.iter().find(|entry| entry.name == part) {
            let xml = entry.unpack(budget)?;
            let xml = std::str::from_utf8(xml.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&xml));
            reading.part(xml.map_err(|_| Refusal::Broken)?, budget)?;
        }
    }
    Ok(reading.text)
}

#[derive(Default)]
struct Reading {
    text: String,
    /// Of each run that is open, one in another where it holds a text box: whether it is hidden.
    runs: Vec<bool>,
    is_text: bool,
    /// What the paragraph begins with, until its first letter is there.
    mark: String,
    /// How deep in a second version of the same content, for programs that do not know the first.
    fallback: u32,
}

impl Reading {
    fn part(&mut self, xml: &str, budget: &mut Budget) -> Result<(), Refusal> {
        let mut pieces = Pieces::new(xml);
        while let Some(piece) = pieces.next()? {
            budget.step()?;
            match piece {
                Piece::Open { name: "mc:Fallback", is_empty: false, .. } => self.fallback += 1,
                Piece::Close("mc:Fallback") => self.fallback = self.fallback.saturating_sub(1),
                _ if self.fallback > 0 => {}
                Piece::Open { name, attributes, is_empty } => {
                    let Some(name) = name.strip_prefix("w:") else { continue };
                    self.open(name, attributes, is_empty);
                }
                Piece::Close(name) => {
                    let Some(name) = name.strip_prefix("w:") else { continue };
                    self.close(name);
                }
                Piece::Text(text) if self.is_text && !self.is_hidden() => {
                    self.begin();
                    decoded(text, &mut self.text);
                }
                Piece::Text(_) => {}
            }
            budget.has_room_for(&self.text)?;
        }
        self.runs.clear();
        self.is_text = false;
        Ok(())
    }

    fn open(&mut self, name: &str, attributes: &str, is_empty: bool) {
        match name {
            "r" if !is_empty => self.runs.push(false),
            "vanish" | "webHidden" => {
                let is_off = matches!(attribute(attributes, "w:val"), Some("0" | "false" | "off"));
                if let (Some(hidden), false) = (self.runs.last_mut(), is_off) {
                    *hidden = true;
                }
            }
            "t" => self.is_text = !is_empty,
            "tab" | "br" | "cr" | "noBreakHyphen" if !self.runs.is_empty() && !self.is_hidden() => {
                self.begin();
                self.text.push(match name {
                    "tab" => '\t',
                    "noBreakHyphen" => '-',
                    _ => '\n',
                });
            }
            "pStyle" => {
                let style = attribute(attributes, "w:val").unwrap_or_default();
                let level = style.strip_prefix("Heading").and_then(|level| level.parse::<usize>().ok());
                let level = level.or_else(|| (style == "Title").then_some(1));
                if let Some(level @ 1..=6) = level {
                    self.mark = format!("{} ", "#".repeat(level));
                }
            }
            "numPr" if self.mark.is_empty() => "- ".clone_into(&mut self.mark),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "r" => drop(self.runs.pop()),
            "t" => self.is_text = false,
            "p" => {
                self.mark.clear();
                self.text.push('\n');
            }
            // A paragraph ends in each cell; the next cell stands beside it all the same.
            "tc" => {
                self.text.truncate(self.text.trim_end_matches('\n').len());
                self.text.push('\t');
            }
            "tr" => {
                self.text.truncate(self.text.trim_end_matches('\t').len());
                self.text.push('\n');
            }
            "tbl" => self.text.push('\n'),
            _ => {}
        }
    }

    fn is_hidden(&self) -> bool {
        self.runs.contains(&true)
    }

    fn begin(&mut self) {
        let mark = std::mem::take(&mut self.mark);
        self.text.push_str(&mark);
    }
}
