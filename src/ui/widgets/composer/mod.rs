//! The box a message is written in: a multi-line editor with placeholders for long pastes, attachments and a vim layer.
//! Knows nothing of conversations, stores or Ollama.
//!
//! Invariant: what is sent is what was written, typed or pasted, to the character; what is drawn is safe. Hidden
//! characters stand in the editor as visible marks, and long pastes as placeholders.

mod keys;
pub mod pastes;
mod stand_ins;
mod vim;

use std::{cell::Cell, path::PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
    widgets::Widget as _,
};
use tui_textarea::{CursorMove, DataCursor, TextArea, WrapMode};

use self::{
    pastes::{Pastes, Piece, UNFOLD_MAX},
    stand_ins::StandIns,
    vim::{Mode, Vim},
};
use crate::{
    api::chat::{Attachment, Written},
    safe_text::SafeText,
};

/// Text longer than this is shown as a placeholder also when it comes from a draft, the history or the editor.
const TEXT_SHOWN: usize = 20 * 1024;
/// How many edits can be undone.
const UNDO_STEPS: usize = 500;

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The text changed.
    Edited,
    /// Only the cursor or the mode changed.
    Moved,
    /// The key means nothing here.
    Unused,
}

/// A file on its way into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub path: PathBuf,
    /// `None` while it is looked at.
    pub attachment: Option<Attachment>,
}

#[derive(Debug)]
pub struct Composer {
    area: TextArea<'static>,
    pastes: Pastes,
    stand_ins: StandIns,
    attached: Vec<Attached>,
    vim: Option<Vim>,
    /// Counts edits, so that derived things know when they are stale.
    edits: u64,
    measured: Cell<(u64, u16, u16)>,
}

impl Composer {
    pub fn new(vim: bool) -> Self {
        Self {
            area: editor(""),
            pastes: Pastes::default(),
            stand_ins: StandIns::default(),
            attached: Vec::new(),
            vim: vim.then(Vim::default),
            edits: 1,
            measured: Cell::default(),
        }
    }

    /// The text as it is shown, with placeholders and stand-ins.
    pub fn shown(&self) -> String {
        self.area.lines().join("\n")
    }

    /// The text as it will be sent.
    pub fn text(&self) -> String {
        self.written().text
    }

    /// All there is, as it will be sent, and what of it is folded away.
    pub fn written(&self) -> Written {
        let shown = self.shown();
        let mut written = Written {
            attachments: self.attached.iter().map(|attached| attached.path.clone()).collect(),
            ..Written::default()
        };
        for piece in self.pastes.pieces(&shown) {
            match piece {
                Piece::Written(text) => written.text.push_str(&self.stand_ins.reveal(text)),
                Piece::Pasted(text) => {
                    let start = written.text.len();
                    written.text.push_str(text);
                    written.folded.push((start, written.text.len()));
                }
            }
        }
        written
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Nothing but white space, and no attachment.
    pub fn is_blank(&self) -> bool {
        self.attached.is_empty() && self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    pub fn edits(&self) -> u64 {
        self.edits
    }

    /// The mode to show, when the vim layer is on.
    pub fn vim_mode(&self) -> Option<&'static str> {
        self.vim.as_ref().map(|vim| match vim.mode {
            Mode::Normal => "NORMAL",
            Mode::Insert => "INSERT",
        })
    }

    pub fn set_vim(&mut self, on: bool) {
        if on != self.vim.is_some() {
            self.vim = on.then(Vim::default);
        }
    }

    /// Replaces the text; the cursor goes to its end. The earlier text can be had back by undo no more.
    pub fn set_text(&mut self, text: &str) {
        self.put(text, &[]);
    }

    /// As `set_text`, with these stretches folded away.
    pub fn put(&mut self, text: &str, folded: &[(usize, usize)]) {
        self.pastes.clear();
        let shown = if folded.is_empty() && text.len() > TEXT_SHOWN {
            self.pastes.keep(text.to_owned())
        } else {
            let mut shown = String::new();
            let mut done = 0;
            for (start, end) in folded {
                // What was stored may be damaged; then it is shown whole.
                let (Some(before), Some(paste)) = (text.get(done..*start), text.get(*start..*end)) else { break };
                if !paste.is_empty() {
                    shown.push_str(&self.stand_ins.hide(before));
                    shown.push_str(&self.pastes.keep(paste.to_owned()));
                    done = *end;
                }
            }
            shown + &self.stand_ins.hide(&text[done..])
        };
        self.area = editor(&shown);
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
        self.edited();
    }

    /// The text came back from another editor. What was folded away and is still there stays folded.
    pub fn edited_elsewhere(&mut self, text: &str) {
        let folded = self.pastes.found_in(text);
        self.put(text, &folded);
    }

    /// Takes the text and the attachments out.
    pub fn take(&mut self) -> Written {
        let written = self.written();
        self.set_text("");
        self.attached.clear();
        if let Some(vim) = &mut self.vim {
            vim.mode = Mode::Insert;
        }
        written
    }

    /// A bracketed paste. A long one becomes a placeholder; in a short one what cannot be drawn stands as marks.
    /// Gives the number of such characters.
    pub fn paste(&mut self, text: String) -> usize {
        let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
        let hidden = if pastes::is_long(&text) {
            let label = self.pastes.keep(text);
            self.area.insert_str(label);
            0
        } else {
            let shown = self.stand_ins.hide(&text);
            self.area.insert_str(shown);
            SafeText::new(&text).hidden()
        };
        self.edited();
        hidden
    }

    /// Puts the text behind the placeholder at the cursor in its place.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn unfold_paste(&mut self) -> Result<(), &'static str> {
        let DataCursor(row, column) = self.area.cursor();
        let line = &self.area.lines()[row];
        let found = self.pastes.at(line, column, true).map(|(start, end, text)| (start, end, text.to_owned()));
        let beginning = || {
            let end = self.pastes.beginning_at(line, column)?;
            self.pastes.at(line, end, true).map(|(start, end, text)| (start, end, text.to_owned()))
        };
        let Some((start, end, text)) = found.or_else(beginning) else {
            return Err("The cursor is not on a pasted text.");
        };
        if text.len() > UNFOLD_MAX {
            return Err("This paste is too long to show here; Ctrl+G opens it in your editor.");
        }
        self.move_to_column(start);
        self.area.delete_str(end - start);
        let shown = self.stand_ins.hide(&text);
        self.area.insert_str(shown);
        self.edited();
        Ok(())
    }

    pub fn newline(&mut self) {
        self.area.insert_newline();
        self.edited();
    }

    pub fn attached(&self) -> &[Attached] {
        &self.attached
    }

    /// Adds a file that is still to be looked at; false when it is there already.
    pub fn attach(&mut self, path: PathBuf) -> bool {
        if self.attached.iter().any(|attached| attached.path == path) {
            return false;
        }
        self.attached.push(Attached { path, attachment: None });
        self.edited();
        true
    }

    /// What looking at a file gave: it is described, or it goes.
    pub fn inspected(&mut self, path: &std::path::Path, attachment: Option<Attachment>) {
        match attachment {
            Some(attachment) => {
                for attached in self.attached.iter_mut().filter(|attached| attached.path == path) {
                    attached.attachment = Some(attachment.clone());
                }
            }
            None => self.attached.retain(|attached| attached.path != path),
        }
        self.edited();
    }

    /// Takes the last attachment away; false when there is none.
    pub fn detach_last(&mut self) -> bool {
        let gone = self.attached.pop().is_some();
        if gone {
            self.edited();
        }
        gone
    }

    /// The run without white space before the cursor, and the column where it begins.
    pub fn word_before_cursor(&self) -> (usize, String) {
        let DataCursor(row, column) = self.area.cursor();
        let before: Vec<char> = self.area.lines()[row].chars().take(column).collect();
        let start = before.iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
        (start, self.stand_ins.reveal(&before[start..].iter().collect::<String>()))
    }

    /// The first line up to the cursor, when the cursor is on it: where a command can stand.
    pub fn command_line(&self) -> Option<String> {
        let DataCursor(row, column) = self.area.cursor();
        let line = &self.area.lines()[0];
        (row == 0 && line.starts_with('/'))
            .then(|| self.stand_ins.reveal(&line.chars().take(column).collect::<String>()))
    }

    /// Whether this was written last, as far as one can see: it stands before the cursor.
    pub fn stands_before_cursor(&self, text: &str) -> bool {
        let DataCursor(row, column) = self.area.cursor();
        let before: String = self.area.lines()[row].chars().take(column).collect();
        self.stand_ins.reveal(&before).ends_with(text.trim_end_matches(['\r', '\n']))
    }

    /// Takes away what stands before the cursor, if it is this.
    pub fn take_back(&mut self, text: &str) {
        if self.stands_before_cursor(text) {
            let DataCursor(_, column) = self.area.cursor();
            let letters = text.trim_end_matches(['\r', '\n']).chars().count();
            self.replace_before_cursor(column.saturating_sub(letters), "");
        }
    }

    /// Replaces what stands between `start` and the cursor on the cursor's line.
    pub fn replace_before_cursor(&mut self, start: usize, with: &str) {
        let DataCursor(_, column) = self.area.cursor();
        self.move_to_column(start);
        self.area.delete_str(column.saturating_sub(start));
        let shown = self.stand_ins.hide(with);
        self.area.insert_str(shown);
        self.edited();
    }

    pub fn is_on_first_row(&self) -> bool {
        self.area.cursor().0 == 0 && self.area.screen_cursor().row == 0
    }

    pub fn is_on_last_row(&self) -> bool {
        let mut probe = self.area.clone();
        probe.move_cursor(CursorMove::Down);
        probe.cursor().0 == self.area.cursor().0 && probe.screen_cursor().row == self.area.screen_cursor().row
    }

    /// Rows the text takes at this width; at least one.
    pub fn rows(&self, width: u16) -> u16 {
        let (edits, measured_width, rows) = self.measured.get();
        if edits == self.edits && measured_width == width {
            return rows;
        }
        let mut probe = TextArea::new(self.area.lines().to_vec());
        probe.set_wrap_mode(WrapMode::WordOrGlyph);
        let scratch = Rect::new(0, 0, width.max(1), 1);
        (&probe).render(scratch, &mut Buffer::empty(scratch));
        probe.move_cursor(CursorMove::Bottom);
        probe.move_cursor(CursorMove::End);
        let rows = u16::try_from(probe.screen_cursor().row).unwrap_or(u16::MAX - 1) + 1;
        self.measured.set((self.edits, width, rows));
        rows
    }

    /// Draws the text; the terminal's own cursor shows the place, which input methods need.
    pub fn view(&self, frame: &mut Frame, area: Rect, style: Style, focused: bool) {
        if area.is_empty() {
            return;
        }
        frame.buffer_mut().set_style(area, style);
        frame.render_widget(&self.area, area);
        self.draw_marks(frame.buffer_mut(), area);
        if focused {
            let cursor = self.area.screen_cursor();
            let (top, _) = self.area.scroll_offset();
            let row = u16::try_from(cursor.row).unwrap_or(u16::MAX).saturating_sub(top).min(area.height - 1);
            let column = u16::try_from(cursor.col).unwrap_or(u16::MAX).min(area.width - 1);
            frame.set_cursor_position(Position::new(area.x + column, area.y + row));
        }
    }

    /// Shows each stand-in as what it stands for.
    fn draw_marks(&self, buffer: &mut Buffer, area: Rect) {
        for position in area.intersection(buffer.area).positions() {
            let Some(cell) = buffer.cell_mut(position) else { continue };
            if let Some(mark) = cell.symbol().chars().next().and_then(|c| self.stand_ins.mark(c)) {
                cell.set_char(mark).set_style(Style::default().add_modifier(Modifier::REVERSED));
            }
        }
    }

    /// Types one character.
    fn insert(&mut self, c: char) {
        let DataCursor(row, column) = self.area.cursor();
        let before = column.checked_sub(1).and_then(|at| self.area.lines()[row].chars().nth(at));
        let c = if c.is_ascii_graphic() || c == ' ' { c } else { self.stand_ins.hide_typed(c, before) };
        self.area.insert_char(c);
        self.edited();
    }

    /// Puts the cursor where the mouse pointed, relative to the drawn text.
    pub fn click(&mut self, column: u16, row: u16) {
        let (top, _) = self.area.scroll_offset();
        let DataCursor(row, column) = self.area.screen_to_data(usize::from(row + top), usize::from(column));
        if let (Ok(row), Ok(column)) = (u16::try_from(row), u16::try_from(column)) {
            self.area.move_cursor(CursorMove::Jump(row, column));
            self.leave_placeholder(false);
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Typed {
        let before = self.edits;
        match keys::apply(self, key) {
            true if self.edits != before => Typed::Edited,
            true => Typed::Moved,
            false => Typed::Unused,
        }
    }

    fn edited(&mut self) {
        self.edits += 1;
    }

    /// Moves within the cursor's line.
    fn move_to_column(&mut self, column: usize) {
        while self.area.cursor().1 > column {
            self.area.move_cursor(CursorMove::Back);
        }
        let end = self.area.lines()[self.area.cursor().0].chars().count();
        while self.area.cursor().1 < column.min(end) {
            self.area.move_cursor(CursorMove::Forward);
        }
    }

    /// A cursor that came to rest inside a placeholder goes to its nearer side: it is one thing.
    fn leave_placeholder(&mut self, forward: bool) {
        if self.pastes.is_empty() {
            return;
        }
        let DataCursor(row, column) = self.area.cursor();
        let found = self.pastes.at(&self.area.lines()[row], column, false).map(|(start, end, _)| (start, end));
        if let Some((start, end)) = found {
            self.move_to_column(if forward { end } else { start });
        }
    }
}

fn editor(text: &str) -> TextArea<'static> {
    let lines = text.split('\n').map(str::to_owned).collect();
    let mut area = TextArea::new(lines);
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_max_histories(UNDO_STEPS);
    area.set_cursor_line_style(Style::default());
    area.set_cursor_style(Style::default());
    area
}

/// Whether this is a plain character to type, and which.
fn typed_char(key: KeyEvent) -> Option<char> {
    let plain = key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    // AltGr arrives as Ctrl+Alt on some terminals and still types a character.
    let altgr = key.modifiers.contains(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char(c) if plain || altgr => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
