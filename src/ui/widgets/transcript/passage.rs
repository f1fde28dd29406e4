//! Selecting a passage in the text of one message: where the cursor is, how it moves, and what of the stored text that is.
//!
//! Places are kept as bytes of the displayable text and never as cells, so that a passage stays the same when the window
//! changes. Only the message that is selected in, and those with noted passages, are laid out with the way back to their
//! source; nothing of it is done for the others.

use std::{ops::Range, rc::Rc};

use super::{
    Fold, Look, Transcript,
    layout::{Body, GUTTER, Key, body},
};
use crate::{
    api::{MessageId, notes::NoteMark},
    safe_text::Trace,
    ui::text::wrap::Glyph,
};

/// Lines kept above a passage that is gone to.
const ABOVE: usize = 3;

/// A selection in the making.
#[derive(Clone, Debug)]
pub struct Visual {
    pub message: MessageId,
    /// Where it began and where the cursor is, in bytes of the displayable text.
    anchor: Range<usize>,
    cursor: Range<usize>,
    /// The column that moving up and down keeps to.
    goal: u16,
}

/// A step of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Left,
    Right,
    Up,
    Down,
    WordForward,
    WordBack,
    LineStart,
    LineEnd,
    Top,
    Bottom,
}

/// What is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    pub message: MessageId,
    /// First character of the stored text and the one after the last.
    pub chars: (u32, u32),
    /// The stored text between them.
    pub text: String,
}

/// Cells of a line of the body that are to be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub line: usize,
    pub from: u16,
    pub to: u16,
}

/// A message's text with the way back to its source.
#[derive(Debug)]
pub(super) struct Traced {
    /// Every glyph with its line of the body, in the order of reading.
    glyphs: Vec<(usize, Glyph)>,
    /// From the displayable text to the stored one.
    back: Trace,
    safe: String,
}

impl Traced {
    pub(super) fn of(body: Body) -> Self {
        let glyphs =
            body.glyphs.iter().enumerate().flat_map(|(line, glyphs)| glyphs.iter().map(move |glyph| (line, *glyph)));
        Self { glyphs: glyphs.collect(), back: body.back, safe: body.safe }
    }

    /// The cells that show any of these bytes of the displayable text, joined where they touch.
    pub(super) fn marks(&self, range: &Range<usize>) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        for (line, glyph) in &self.glyphs {
            let source = glyph.source();
            if source.start >= range.end || source.end <= range.start {
                continue;
            }
            let (from, to) = (glyph.at, glyph.at + glyph.width);
            match marks.last_mut() {
                Some(last) if last.line == *line && last.to == from => last.to = to,
                Some(_) | None => marks.push(Mark { line: *line, from, to }),
            }
        }
        marks
    }

    /// These characters of the stored text as bytes of the displayable one.
    pub(super) fn shown(&self, stored: &str, chars: (u32, u32)) -> Option<Range<usize>> {
        let byte = |at: u32| stored.char_indices().nth(at as usize).map_or(stored.len(), |(byte, _)| byte);
        self.back.shown_of(byte(chars.0)..byte(chars.1))
    }

    /// Bytes of the displayable text as characters of the stored one.
    fn stored(&self, stored: &str, shown: Range<usize>) -> Option<((u32, u32), String)> {
        let bytes = self.back.source_of(shown)?;
        let text = stored.get(bytes.clone())?;
        let first = stored.get(..bytes.start)?.chars().count() as u32;
        Some(((first, first + text.chars().count() as u32), text.to_owned()))
    }

    /// The glyph that shows these bytes, else the last one before them.
    fn index_of(&self, source: &Range<usize>) -> Option<usize> {
        let exact = self.glyphs.iter().position(|(_, glyph)| glyph.source() == *source);
        let near = || self.glyphs.iter().rposition(|(_, glyph)| glyph.from as usize <= source.start);
        exact.or_else(near).or((!self.glyphs.is_empty()).then_some(0))
    }

    fn is_space(&self, at: usize) -> bool {
        let text = self.safe.get(self.glyphs[at].1.source()).unwrap_or_default();
        text.chars().all(char::is_whitespace)
    }

    fn is_word(&self, at: usize) -> bool {
        let text = self.safe.get(self.glyphs[at].1.source()).unwrap_or_default();
        text.chars().any(|letter| letter.is_alphanumeric() || letter == '_')
    }

    /// Whether a word begins here: another kind of letter, or another place of the text, stands before it.
    fn begins_word(&self, at: usize) -> bool {
        if self.is_space(at) {
            return false;
        }
        let Some(before) = at.checked_sub(1) else { return true };
        let is_apart = self.glyphs[before].1.to != self.glyphs[at].1.from;
        is_apart || self.is_space(before) || self.is_word(before) != self.is_word(at)
    }

    /// The glyph nearest to a column of this line, or of the nearest line in this direction that has any.
    fn near(&self, line: usize, column: u16, down: bool) -> Option<usize> {
        let line = if down {
            self.glyphs.iter().map(|(at, _)| *at).find(|at| *at >= line)?
        } else {
            self.glyphs.iter().rev().map(|(at, _)| *at).find(|at| *at <= line)?
        };
        let on_line = self.glyphs.iter().enumerate().filter(|(_, (at, _))| *at == line);
        on_line
            .min_by_key(|(_, (_, glyph))| {
                let last = glyph.at + glyph.width.saturating_sub(1);
                if column < glyph.at { glyph.at - column } else { column.saturating_sub(last) }
            })
            .map(|(index, _)| index)
    }

    fn step(&self, from: usize, motion: Motion, goal: u16) -> usize {
        let last = self.glyphs.len() - 1;
        let line = self.glyphs[from].0;
        match motion {
            Motion::Left => from.saturating_sub(1),
            Motion::Right => (from + 1).min(last),
            Motion::Up => line.checked_sub(1).and_then(|line| self.near(line, goal, false)).unwrap_or(from),
            Motion::Down => self.near(line + 1, goal, true).unwrap_or(from),
            Motion::WordForward => (from + 1..=last).find(|at| self.begins_word(*at)).unwrap_or(last),
            Motion::WordBack => (0..from).rev().find(|at| self.begins_word(*at)).unwrap_or(0),
            Motion::LineStart => self.glyphs.iter().position(|(at, _)| *at == line).unwrap_or(from),
            Motion::LineEnd => self.glyphs.iter().rposition(|(at, _)| *at == line).unwrap_or(from),
            Motion::Top => 0,
            Motion::Bottom => last,
        }
    }
}

impl Transcript {
    pub fn visual(&self) -> Option<&Visual> {
        self.visual.as_ref()
    }

    pub fn end_visual(&mut self) {
        self.visual = None;
        self.traced.replace(None);
    }

    /// Begins to select in the selected message, at the first letter of it that is on the screen. False if it has none.
    pub fn begin_visual(&mut self, look: &Look) -> bool {
        self.select_some(look);
        let Some(at) = self.selected else { return false };
        self.show(at, look);
        let (top, skip) = self.top(look);
        let above = if at == top { skip } else { 0 };
        let Some(traced) = self.traced(at, look) else { return false };
        let first = above.saturating_sub(self.body_begins(at, look));
        let Some(begin) = traced.near(first, 0, true).or_else(|| traced.near(first, 0, false)) else { return false };
        let glyph = traced.glyphs[begin].1;
        self.visual = Some(Visual {
            message: self.items[at].message.id,
            anchor: glyph.source(),
            cursor: glyph.source(),
            goal: glyph.at,
        });
        self.show_cursor(look);
        true
    }

    /// The cursor takes a step; the selection goes with it.
    pub fn move_visual(&mut self, motion: Motion, look: &Look) {
        let Some((at, traced)) = self.visual_text(look) else { return };
        let Some(visual) = &mut self.visual else { return };
        let Some(from) = traced.index_of(&visual.cursor) else { return };
        let to = traced.step(from, motion, visual.goal);
        let glyph = traced.glyphs[to].1;
        visual.cursor = glyph.source();
        match motion {
            Motion::Up | Motion::Down => {}
            Motion::LineEnd => visual.goal = u16::MAX,
            Motion::Left
            | Motion::Right
            | Motion::WordForward
            | Motion::WordBack
            | Motion::LineStart
            | Motion::Top
            | Motion::Bottom => visual.goal = glyph.at,
        }
        debug_assert_eq!(self.items[at].message.id, visual.message);
        self.show_cursor(look);
    }

    /// The mouse went down or was dragged over a cell of the area. The first one begins; a later one stays in the message.
    pub fn drag(&mut self, row: u16, column: u16, begins: bool, look: &Look) -> bool {
        let Some(hit) = self.hit(row, look) else { return false };
        let at = match &self.visual {
            Some(visual) if !begins => match self.index_of(visual.message) {
                Some(at) => at,
                None => return false,
            },
            Some(_) | None => hit.index,
        };
        let Some(traced) = self.traced(at, look) else { return false };
        // Above or below the message is its beginning or its end.
        let line = match hit.index.cmp(&at) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => hit.line.saturating_sub(self.body_begins(at, look)),
            std::cmp::Ordering::Greater => usize::MAX,
        };
        let column = column.saturating_sub(GUTTER);
        let found = traced.near(line, column, true).or_else(|| traced.near(line, column, false));
        let Some(found) = found else { return false };
        let glyph = traced.glyphs[found].1;
        match &mut self.visual {
            Some(visual) if !begins => {
                visual.cursor = glyph.source();
                visual.goal = glyph.at;
            }
            visual => {
                let message = self.items[at].message.id;
                *visual = Some(Visual { message, anchor: glyph.source(), cursor: glyph.source(), goal: glyph.at });
            }
        }
        true
    }

    /// What is selected, in the stored text.
    pub fn selection(&self, look: &Look) -> Option<Selected> {
        let (at, traced) = self.visual_text(look)?;
        let visual = self.visual.as_ref()?;
        let message = &self.items[at].message;
        let (chars, text) = traced.stored(&message.content, visual.range())?;
        Some(Selected { message: message.id, chars, text })
    }

    /// Notes on a message that came or went; what is read anew later says the same.
    pub fn set_notes(&mut self, id: MessageId, change: impl FnOnce(&mut Vec<NoteMark>)) {
        if let Some(at) = self.index_of(id) {
            let item = &mut self.items[at];
            change(&mut item.message.notes);
            item.message.notes.sort_by_key(|mark| mark.chars);
            item.layout = std::cell::RefCell::default();
        }
    }

    /// The reader goes to this passage of a message; false if the message is not loaded.
    pub fn show_passage(&mut self, id: MessageId, chars: Option<(u32, u32)>, look: &Look) -> bool {
        let Some(at) = self.index_of(id) else { return false };
        self.selected = Some(at);
        let is_closed = self.items[at].fold == Fold::Closed;
        if is_closed || chars.is_some() && self.layout(at, look).is_shortened {
            self.items[at].fold = Fold::Open;
        }
        let begins = self.body_begins(at, look);
        let line = chars.and_then(|chars| {
            let traced = self.traced(at, look)?;
            let shown = traced.shown(&self.items[at].message.content, chars)?;
            traced.marks(&shown).first().map(|mark| begins + mark.line)
        });
        self.settle(at, line.map_or(0, |line| line.saturating_sub(ABOVE)), look);
        true
    }

    /// The cells of the selection, for drawing; and where the cursor is: its line of the body and its column.
    pub(super) fn visual_marks(&self, at: usize, look: &Look) -> (Vec<Mark>, Option<(usize, u16)>) {
        let Some(visual) = self.visual.as_ref().filter(|visual| visual.message == self.items[at].message.id) else {
            return (Vec::new(), None);
        };
        let Some(traced) = self.traced(at, look) else { return (Vec::new(), None) };
        let cursor = traced.index_of(&visual.cursor).map(|at| (traced.glyphs[at].0, traced.glyphs[at].1.at));
        (traced.marks(&visual.range()), cursor)
    }

    /// Lines of the message before its text.
    pub(super) fn body_begins(&self, at: usize, look: &Look) -> usize {
        let layout = self.layout(at, look);
        layout.head.len() + layout.thinking.len()
    }

    fn visual_text(&self, look: &Look) -> Option<(usize, Rc<Traced>)> {
        let at = self.index_of(self.visual.as_ref()?.message)?;
        Some((at, self.traced(at, look)?))
    }

    /// The message's text with the way back, kept for the one that is selected in. Nothing while it is arriving or
    /// folded.
    fn traced(&self, at: usize, look: &Look) -> Option<Rc<Traced>> {
        let item = &self.items[at];
        if item.live.is_some() || item.fold == Fold::Closed {
            return None;
        }
        let key = self.key(at, look);
        if let Some((made_for, id, traced)) = &*self.traced.borrow()
            && *made_for == key
            && *id == item.message.id
        {
            return (!traced.glyphs.is_empty()).then(|| Rc::clone(traced));
        }
        let traced = Rc::new(Traced::of(body(&item.message, key.fold, self.text_width(), look, true)));
        self.traced.replace(Some((key, item.message.id, Rc::clone(&traced))));
        (!traced.glyphs.is_empty()).then_some(traced)
    }

    /// Scrolls so that the cursor is on the screen.
    fn show_cursor(&mut self, look: &Look) {
        let Some((at, traced)) = self.visual_text(look) else { return };
        let Some(visual) = &self.visual else { return };
        let Some(index) = traced.index_of(&visual.cursor) else { return };
        let line = self.body_begins(at, look) + traced.glyphs[index].0;
        let height = usize::from(self.size.get().1.max(1));
        let (top, skip) = self.top(look);
        // How many lines from the topmost on the screen down to the cursor; none if it is above.
        let mut down = None;
        if at > top || at == top && line >= skip {
            let between: usize = (top..at).map(|index| self.lines_of(index, look)).sum();
            down = (between + line).checked_sub(skip);
        }
        match down {
            None => self.settle(at, line, look),
            Some(down) if down >= height => self.scroll(isize::try_from(down + 1 - height).unwrap_or(0), look),
            Some(_) => {}
        }
    }
}

impl Visual {
    /// From the first letter to the last, whichever way it was drawn.
    fn range(&self) -> Range<usize> {
        self.anchor.start.min(self.cursor.start)..self.anchor.end.max(self.cursor.end)
    }
}

/// What a traced text was made for.
pub(super) type Made = (Key, MessageId, Rc<Traced>);
