//! A long text, looked at a screenful at a time. Only what is on the screen is broken into lines, so that ten megabytes
//! cost no more than ten lines.

use std::sync::Arc;

use ratatui::style::Style;

use crate::{
    safe_text::{HiddenKind, SafeText},
    ui::text::wrap::{Breaks, Piece, Wrapped, wrap},
};

/// Longer lines are looked at in parts: nobody reads them whole, and breaking one takes as long as it is.
const LINE: usize = 4096;

/// The text of a file with what is hidden in it made visible. Made off the screen's thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    lines: Arc<Vec<String>>,
    /// What is hidden in it.
    pub hidden: Vec<(HiddenKind, usize)>,
    pub at: Spot,
}

/// The first row on view: a line, and a row of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub line: usize,
    pub row: usize,
}

impl Sheet {
    #[must_use]
    pub fn of(foreign: &str) -> Self {
        let (safe, hidden) = SafeText::revealed(foreign);
        let mut lines = Vec::new();
        for line in safe.as_str().lines() {
            let mut rest = line;
            while rest.len() > LINE {
                let (part, next) = rest.split_at(rest.floor_char_boundary(LINE));
                lines.push(part.to_owned());
                rest = next;
            }
            lines.push(rest.to_owned());
        }
        Self { lines: Arc::new(lines), hidden, at: Spot::default() }
    }

    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// The rows on view.
    #[must_use]
    pub fn rows(&self, width: u16, height: u16, style: Style) -> Vec<Wrapped> {
        let mut rows = Vec::new();
        let mut skip = self.at.row;
        for line in self.lines.iter().skip(self.at.line) {
            if rows.len() >= usize::from(height) {
                break;
            }
            rows.extend(broken(line, width, style).into_iter().skip(std::mem::take(&mut skip)));
        }
        rows.truncate(usize::from(height));
        rows
    }

    pub fn up(&mut self, rows: usize, width: u16) {
        for _ in 0..rows {
            if self.at.row > 0 {
                self.at.row -= 1;
            } else if self.at.line > 0 {
                self.at.line -= 1;
                self.at.row = self.rows_of(self.at.line, width) - 1;
            } else {
                return;
            }
        }
    }

    /// No further than until the last row stands at the bottom.
    pub fn down(&mut self, rows: usize, (width, height): (u16, u16)) {
        let last = self.last(width, height);
        for _ in 0..rows {
            if self.at >= last {
                return;
            }
            self.at.row += 1;
            if self.at.row >= self.rows_of(self.at.line, width) {
                self.at = Spot { line: self.at.line + 1, row: 0 };
            }
        }
    }

    pub fn top(&mut self) {
        self.at = Spot::default();
    }

    pub fn bottom(&mut self, (width, height): (u16, u16)) {
        self.at = self.last(width, height);
    }

    /// The spot from which the end is on view.
    fn last(&self, width: u16, height: u16) -> Spot {
        let mut left = usize::from(height);
        for line in (0..self.lines.len()).rev() {
            let rows = self.rows_of(line, width);
            if rows >= left {
                return Spot { line, row: rows - left };
            }
            left -= rows;
        }
        Spot::default()
    }

    fn rows_of(&self, line: usize, width: u16) -> usize {
        self.lines.get(line).map_or(1, |line| broken(line, width, Style::default()).len())
    }
}

fn broken(line: &str, width: u16, style: Style) -> Vec<Wrapped> {
    wrap(&[Piece::new(line.to_owned(), style, 0..line.len())], usize::from(width), Breaks::Words)
}
