//! Moving through the transcript: by line, page, message and prompt. Lays out only what is passed.

use super::{End, LAYOUTS, Look, Place, Seek, Transcript};
use crate::api::{MessageId, chat::MessageRole};

/// Lines that the message keys scroll inside a message longer than the screen.
const INSIDE: isize = 5;

impl Transcript {
    /// The topmost message on the screen and the line of it that is topmost.
    pub(super) fn top(&self, look: &Look) -> (usize, usize) {
        match self.place {
            Place::At { index, line } => (index.min(self.items.len().saturating_sub(1)), line),
            Place::Follow => self.top_when_ending_at(self.items.len(), look),
        }
    }

    /// The top such that the last line before message `end` is the lowest on the screen.
    fn top_when_ending_at(&self, end: usize, look: &Look) -> (usize, usize) {
        let (_, height) = self.size.get();
        let mut left = usize::from(height.max(1));
        for at in (0..end).rev() {
            let lines = self.lines_of(at, look);
            if lines >= left {
                return (at, lines - left);
            }
            left -= lines;
        }
        (0, 0)
    }

    pub fn scroll(&mut self, by: isize, look: &Look) {
        if self.items.is_empty() {
            return;
        }
        let (mut index, mut line) = self.top(look);
        let mut left = by.unsigned_abs();
        if by < 0 {
            while left > 0 {
                if line >= left {
                    line -= left;
                    left = 0;
                } else if index == 0 {
                    line = 0;
                    left = 0;
                } else {
                    left -= line + 1;
                    index -= 1;
                    line = self.lines_of(index, look).saturating_sub(1);
                }
            }
            self.place = Place::At { index, line };
        } else {
            line += left;
            self.settle(index, line, look);
        }
        self.seeks = None;
        self.forget_far_layouts(index);
    }

    pub fn page(&mut self, down: bool, look: &Look) {
        let rows = isize::try_from(self.size.get().1.max(3) - 2).unwrap_or(1);
        self.scroll(if down { rows } else { -rows }, look);
        if self.selected.is_some() {
            self.select_visible(down, look);
        }
    }

    /// To the beginning of the conversation, which is fetched if it is not loaded.
    pub fn to_top(&mut self) {
        self.place = Place::At { index: 0, line: 0 };
        self.selected = self.selected.filter(|_| !self.items.is_empty()).map(|_| 0);
        self.seeks = self.above.has_more.then_some(Seek { end: End::Top, asked: false });
    }

    pub fn to_bottom(&mut self) {
        self.place = Place::Follow;
        self.seeks = self.below.has_more.then_some(Seek { end: End::Bottom, asked: false });
        self.trim();
        self.selected = self.selected.and_then(|_| self.items.len().checked_sub(1));
    }

    pub fn is_seeking_top(&self) -> bool {
        self.seeks.is_some_and(|seek| seek.end == End::Top)
    }

    /// Selects the nearest message when none is: the last one, or the first on the screen.
    pub fn select_some(&mut self, look: &Look) {
        if self.selected.is_none() && !self.items.is_empty() {
            self.selected = Some(match self.place {
                Place::Follow => self.items.len() - 1,
                Place::At { .. } => self.top(look).0,
            });
        }
    }

    pub fn select(&mut self, index: usize) {
        if index < self.items.len() {
            self.selected = Some(index);
        }
    }

    pub fn unselect(&mut self) {
        self.selected = None;
    }

    /// To the next or previous message; inside one that is longer than the screen, a few lines on.
    pub fn step(&mut self, down: bool, look: &Look) {
        let Some(at) = self.selected else {
            self.select_some(look);
            return;
        };
        let (top, line) = self.top(look);
        if down {
            if self.bottom_is_below(at, look) {
                self.scroll(INSIDE, look);
            } else if at + 1 < self.items.len() {
                self.selected = Some(at + 1);
                self.show(at + 1, look);
            } else if !self.below.has_more {
                self.to_bottom();
            }
        } else if at == top && line > 0 {
            self.scroll(-INSIDE.min(isize::try_from(line).unwrap_or(INSIDE)), look);
        } else if at > 0 {
            self.selected = Some(at - 1);
            self.show_end(at - 1, look);
        } else {
            self.place = Place::At { index: 0, line: 0 };
        }
    }

    /// To the next or previous message that a person wrote, which goes to the top of the screen.
    pub fn step_prompt(&mut self, down: bool, look: &Look) {
        let from = self.selected.unwrap_or_else(|| self.top(look).0);
        let is_prompt = |at: &usize| self.items[*at].message.role == MessageRole::User;
        let found = if down {
            (from + 1..self.items.len()).find(is_prompt)
        } else {
            (0..from.min(self.items.len())).rev().find(is_prompt)
        };
        if let Some(at) = found {
            self.selected = Some(at);
            self.settle(at, 0, look);
        }
    }

    /// Brings a message on the screen: its end where it fits, else its beginning.
    pub(super) fn show(&mut self, at: usize, look: &Look) {
        let height = usize::from(self.size.get().1.max(1));
        let (top, line) = self.top(look);
        if at < top || (at == top && line > 0) {
            self.settle(at, 0, look);
        } else if self.bottom_is_below(at, look) {
            if self.lines_of(at, look) >= height {
                self.settle(at, 0, look);
            } else {
                let (index, line) = self.top_when_ending_at(at + 1, look);
                self.settle(index, line, look);
            }
        }
    }

    /// Brings a message on the screen when coming from below: its end first.
    fn show_end(&mut self, at: usize, look: &Look) {
        let height = usize::from(self.size.get().1.max(1));
        let (top, line) = self.top(look);
        if at < top || (at == top && line > 0) {
            let lines = self.lines_of(at, look);
            self.settle(at, lines.saturating_sub(height), look);
        }
    }

    pub fn show_message(&mut self, id: MessageId, look: &Look) {
        if let Some(at) = self.index_of(id) {
            self.selected = Some(at);
            self.show(at, look);
        }
    }

    /// Makes a place of a line that may lie past the message's end, and of one near the end, `Follow`.
    pub(super) fn settle(&mut self, index: usize, line: usize, look: &Look) {
        let (mut index, mut line) = (index, line);
        while index + 1 < self.items.len() {
            let lines = self.lines_of(index, look);
            if line < lines {
                break;
            }
            line -= lines;
            index += 1;
        }
        let height = usize::from(self.size.get().1.max(1));
        let mut below = 0;
        for at in index..self.items.len() {
            below += self.lines_of(at, look);
            if below > height + line {
                self.place = Place::At { index, line };
                return;
            }
        }
        self.place = if self.below.has_more {
            // The end of what is loaded is not the end.
            let (index, line) = self.top_when_ending_at(self.items.len(), look);
            Place::At { index, line }
        } else {
            Place::Follow
        };
    }

    fn bottom_is_below(&self, at: usize, look: &Look) -> bool {
        let height = usize::from(self.size.get().1.max(1));
        let (top, line) = self.top(look);
        if at < top {
            return false;
        }
        let mut lines = 0;
        for index in top..=at {
            lines += self.lines_of(index, look);
            if lines > height + line {
                return true;
            }
        }
        false
    }

    /// After a page: the selection follows to what is on the screen.
    fn select_visible(&mut self, down: bool, look: &Look) {
        let (top, _) = self.top(look);
        let height = usize::from(self.size.get().1.max(1));
        let at = self.selected.unwrap_or(top);
        let mut last = top;
        let mut lines = 0;
        for index in top..self.items.len() {
            if lines >= height {
                break;
            }
            last = index;
            lines += self.lines_of(index, look);
        }
        if at < top || at > last {
            self.selected = Some(if down { last } else { top });
        }
    }

    /// Keeps memory bounded on a long way through an old conversation.
    fn forget_far_layouts(&self, near: usize) {
        if self.items.len() <= LAYOUTS {
            return;
        }
        let kept = near.saturating_sub(LAYOUTS / 2)..near + LAYOUTS / 2;
        for item in self.items.iter().enumerate().filter(|(at, _)| !kept.contains(at)).map(|(_, item)| item) {
            item.layout.replace(None);
        }
    }
}
