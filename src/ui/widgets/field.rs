//! One line of text to type into: names, filters, passphrases. Not the composer, which has many lines.
//!
//! Invariant: the text never grows past the room it was given at first, so a secret in it is never copied by a growing
//! buffer, and it is wiped when the field is dropped.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Frame, layout::Rect, style::Style, text::Line};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;
use zeroize::{Zeroize, Zeroizing};

use crate::api::auth::Secret;

/// Bytes; four times the longest title.
const ROOM: usize = 1024;

#[derive(Clone, Debug)]
pub struct Field {
    text: Zeroizing<String>,
    /// Where the cursor stands: a byte offset on a grapheme boundary.
    at: usize,
    masked: bool,
}

impl Default for Field {
    fn default() -> Self {
        Self { text: Zeroizing::new(String::with_capacity(ROOM)), at: 0, masked: false }
    }
}

impl Field {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut field = Self::default();
        field.set(text);
        field
    }

    /// Shows dots for what is typed.
    #[must_use]
    pub fn masked() -> Self {
        Self { masked: true, ..Self::default() }
    }

    pub fn set_masked(&mut self, masked: bool) {
        self.masked = masked;
    }

    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn secret(&self) -> Secret {
        Secret::new(self.text.as_str())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn set(&mut self, text: &str) {
        self.clear();
        self.insert(text);
    }

    pub fn clear(&mut self) {
        let mut old = std::mem::replace(&mut *self.text, String::with_capacity(ROOM));
        old.zeroize();
        self.at = 0;
    }

    /// Whether the key was used; if so the text may have changed.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let word = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (key.code, key.modifiers - KeyModifiers::SHIFT) {
            (KeyCode::Char(c), KeyModifiers::NONE) => self.insert(c.encode_utf8(&mut [0; 4])),
            (KeyCode::Char('a'), KeyModifiers::CONTROL) | (KeyCode::Home, _) => self.at = 0,
            (KeyCode::Char('e'), KeyModifiers::CONTROL) | (KeyCode::End, _) => self.at = self.text.len(),
            (KeyCode::Char('b'), KeyModifiers::ALT) => self.at = self.word_left(),
            (KeyCode::Char('f'), KeyModifiers::ALT) => self.at = self.word_right(),
            (KeyCode::Left, _) => self.at = if word { self.word_left() } else { self.left() },
            (KeyCode::Right, _) => self.at = if word { self.word_right() } else { self.right() },
            (KeyCode::Char('w'), KeyModifiers::CONTROL) => self.cut(self.word_left(), self.at),
            (KeyCode::Char('u'), KeyModifiers::CONTROL) => self.cut(0, self.at),
            (KeyCode::Char('k'), KeyModifiers::CONTROL) => self.cut(self.at, self.text.len()),
            (KeyCode::Backspace, _) => self.cut(if word { self.word_left() } else { self.left() }, self.at),
            (KeyCode::Delete, _) => self.cut(self.at, self.right()),
            _ => return false,
        }
        true
    }

    /// A paste: its line ends and other control characters do not fit in one line. Returns whether some were left out.
    pub fn paste(&mut self, text: &str) -> bool {
        let text = text.trim_end_matches(['\r', '\n']);
        let before = self.text.len();
        self.insert(text);
        self.text.len() - before != text.len()
    }

    fn insert(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            if self.text.len() + c.len_utf8() > ROOM {
                break;
            }
            self.text.insert(self.at, c);
            self.at += c.len_utf8();
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
    }

    fn left(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(self.at, |next| self.at + next.len())
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.at].trim_end();
        before.unicode_word_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn word_right(&self) -> usize {
        self.text[self.at..]
            .unicode_word_indices()
            .next()
            .map_or(self.text.len(), |(at, word)| self.at + at + word.len())
    }

    /// What is drawn in `width` columns, and the cursor's column in it: the part around the cursor.
    #[must_use]
    pub fn window(&self, width: u16) -> (Zeroizing<String>, u16) {
        let width = usize::from(width.max(1));
        let show = |text: &str| -> Zeroizing<String> {
            Zeroizing::new(if self.masked { "•".repeat(text.graphemes(true).count()) } else { text.to_owned() })
        };
        let before = show(&self.text[..self.at]);
        let after = show(&self.text[self.at..]);
        let mut from = before.len();
        let mut columns = 0;
        for (at, grapheme) in before.grapheme_indices(true).rev() {
            // One column stays free for the cursor.
            if columns + grapheme.width() > width - 1 {
                break;
            }
            columns += grapheme.width();
            from = at;
        }
        let mut shown = Zeroizing::new(before[from..].to_owned());
        let cursor = columns as u16;
        for grapheme in after.graphemes(true) {
            if columns + grapheme.width() > width {
                break;
            }
            columns += grapheme.width();
            shown.push_str(grapheme);
        }
        (shown, cursor)
    }

    /// Draws it and, when it has the focus, puts the terminal's cursor there.
    pub fn view(&self, frame: &mut Frame, area: Rect, style: Style, focused: bool) {
        if area.is_empty() {
            return;
        }
        let (shown, cursor) = self.window(area.width);
        frame.render_widget(Line::styled(shown.as_str(), style), area);
        if focused {
            frame.set_cursor_position((area.x + cursor, area.y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(field: &mut Field, code: KeyCode, mods: KeyModifiers) -> bool {
        field.on_key(KeyEvent::new(code, mods))
    }

    #[test]
    fn editing_goes_by_what_a_reader_counts_as_one_character() {
        let mut field = Field::new("ae\u{301}👨‍👩‍👧");
        press(&mut field, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(field.text(), "ae\u{301}");
        press(&mut field, KeyCode::Left, KeyModifiers::NONE);
        press(&mut field, KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(field.text(), "axe\u{301}");
        press(&mut field, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(field.text(), "ax");
    }

    #[test]
    fn the_line_editing_keys_work() {
        let mut field = Field::new("one two three");
        press(&mut field, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(field.text(), "one two ");
        press(&mut field, KeyCode::Char('a'), KeyModifiers::CONTROL);
        press(&mut field, KeyCode::Right, KeyModifiers::CONTROL);
        press(&mut field, KeyCode::Char('k'), KeyModifiers::CONTROL);
        assert_eq!(field.text(), "one");
        press(&mut field, KeyCode::Char('u'), KeyModifiers::CONTROL);
        assert!(field.is_empty());
        assert!(!press(&mut field, KeyCode::Char('p'), KeyModifiers::CONTROL), "not ours");
    }

    #[test]
    fn a_paste_keeps_its_spaces_and_loses_its_line_end() {
        let mut field = Field::masked();
        assert!(!field.paste("correct horse \n"));
        assert_eq!(field.secret().reveal(), "correct horse ");
        assert!(field.paste("a\u{1b}b"), "something was left out");
        assert_eq!(field.text(), "correct horse ab");
    }

    #[test]
    fn a_long_text_shows_the_part_around_the_cursor() {
        let mut field = Field::new("abcdefghij");
        assert_eq!(field.window(5), ("ghij".to_owned().into(), 4));
        field.on_key(KeyEvent::from(KeyCode::Home));
        assert_eq!(field.window(5), ("abcde".to_owned().into(), 0));
        assert_eq!(Field::new("漢字漢字").window(5), ("漢字".to_owned().into(), 4));
        assert_eq!(field.window(0).1, 0);
    }

    #[test]
    fn a_masked_field_shows_dots_until_it_is_revealed() {
        let mut field = Field::masked();
        field.paste("sécret");
        assert_eq!(field.window(20).0.as_str(), "••••••");
        field.set_masked(false);
        assert_eq!(field.window(20).0.as_str(), "sécret");
    }

    #[test]
    fn the_room_never_grows() {
        let mut field = Field::masked();
        let room = field.text.capacity();
        assert!(field.paste(&"x".repeat(ROOM * 2)));
        assert_eq!(field.text().len(), ROOM);
        assert_eq!(field.text.capacity(), room);
    }
}
