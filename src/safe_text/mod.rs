//! Foreign text made displayable: the only way that model output, names, file contents and errors reach a screen.
//!
//! It is not an escape-sequence interpreter: whatever would command a terminal is removed whole or shown as one mark,
//! and what is left is letters. Stored text stays raw; this is for display, export, logs, the clipboard and stdout.
//!
//! Invariant: the result depends on the characters alone, never on how they were cut into pieces, and sanitising it
//! again changes nothing.

mod classes;
mod json;
mod reveal;
mod sanitizer;
#[cfg(test)]
mod tests;
mod trace;

use std::fmt;

pub use json::json;
pub use reveal::HiddenKind;
pub use sanitizer::Sanitizer;
pub use trace::Trace;

/// Text that may be written into a terminal cell. Lines end in `\n`; there is no other control character in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SafeText {
    text: String,
    hidden: usize,
}

impl SafeText {
    /// Keeps line breaks.
    #[must_use]
    pub fn new(foreign: &str) -> Self {
        let mut sanitizer = Sanitizer::default();
        let mut text = String::with_capacity(foreign.len());
        sanitizer.push(foreign, &mut text);
        sanitizer.finish(&mut text);
        Self { text, hidden: sanitizer.hidden() }
    }

    /// One line: for titles, names and anything else that must not grow taller. Line breaks become spaces.
    #[must_use]
    pub fn line(foreign: &str) -> Self {
        let mut safe = Self::new(foreign);
        if safe.text.contains('\n') {
            safe.text = safe.text.replace('\n', " ");
        }
        safe
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// How many characters were dropped or are shown as marks. Hidden instructions hide among them.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// How many characters of this text a terminal would not show, or would obey.
#[must_use]
pub fn count_hidden(foreign: &str) -> usize {
    let mut sanitizer = Sanitizer::default();
    let mut sink = String::new();
    // In pieces, so that counting in a large attachment does not need a second copy of it.
    let mut rest = foreign;
    while !rest.is_empty() {
        let (piece, next) = rest.split_at(rest.floor_char_boundary(64 * 1024));
        sanitizer.push(piece, &mut sink);
        sink.clear();
        rest = next;
    }
    sanitizer.finish(&mut sink);
    sanitizer.hidden()
}

/// Whether a terminal may have this text as it is. For assertions where text leaves the program.
#[must_use]
pub fn is_clean(text: &str) -> bool {
    let safe = SafeText::new(text);
    safe.hidden == 0 && safe.text == text
}
