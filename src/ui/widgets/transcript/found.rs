//! Words that were looked for: where they stand in a message, and going to the first of them.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{Edge, Fold, Item, Look, Place, Transcript};
use crate::{
    api::{MessageId, chat::MessagePage, search::Term},
    ui::text::wrap::width,
    words::found,
};

/// Marks of one line; no screen is wider.
const PLACES: usize = 200;

impl Transcript {
    /// Shows these messages instead of what was loaded, with this one chosen and the words in it marked: the first of them
    /// a third down the screen.
    pub fn show_around(&mut self, page: MessagePage, id: MessageId, terms: Vec<Term>, look: &Look) {
        self.items = page.messages.into_iter().map(Item::new).collect();
        self.above = Edge { has_more: page.has_older, asked: false };
        self.below = Edge { has_more: page.has_newer, asked: false };
        self.seeks = None;
        let Some(at) = self.index_of(id) else {
            self.selected = None;
            self.place = Place::Follow;
            return;
        };
        self.selected = Some(at);
        // A long message is shown whole, or the words may not be on view.
        self.items[at].fold = Fold::Open;
        self.found = Some((id, terms));
        let line = self.first_found(at, look);
        let lead = usize::from(self.size.get().1) / 3;
        let (index, line) = self.back_from(at, line, lead, look);
        self.settle(index, line, look);
    }

    /// The line of a message in which the first of the words stands; its first line where none does.
    fn first_found(&self, at: usize, look: &Look) -> usize {
        let mut number = 0;
        let mut first = None;
        self.parts(at, look, |lines, _, _| {
            for line in lines {
                if first.is_none() && number > 0 && !self.places(at, line).is_empty() {
                    first = Some(number);
                }
                number += 1;
            }
        });
        first.unwrap_or(0)
    }

    /// So many lines above this line of this message.
    fn back_from(&self, at: usize, line: usize, lead: usize, look: &Look) -> (usize, usize) {
        let (mut index, mut line, mut left) = (at, line, lead);
        while left > line && index > 0 {
            left -= line + 1;
            index -= 1;
            line = self.lines_of(index, look).saturating_sub(1);
        }
        (index, line.saturating_sub(left))
    }

    /// Where the words stand in a line of this message, in columns.
    fn places(&self, at: usize, line: &Line<'_>) -> Vec<(u16, u16)> {
        let Some((id, terms)) = &self.found else { return Vec::new() };
        if self.items[at].message.id != *id || terms.is_empty() {
            return Vec::new();
        }
        let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        let column = |bytes: usize| text.get(..bytes).map_or(0, width) as u16;
        let (places, _) = found(&text, terms, PLACES);
        places.into_iter().map(|place| (column(place.start), column(place.end))).collect()
    }

    /// Lays the look of what was found over a line that is drawn.
    pub(super) fn mark_found(&self, at: usize, line: &Line<'_>, row: Rect, buffer: &mut Buffer, look: &Look) {
        for (first, end) in self.places(at, line) {
            let first = first.min(row.width);
            let width = end.min(row.width).saturating_sub(first);
            buffer.set_style(Rect { x: row.x + first, width, ..row }, look.cx.theme.highlight);
        }
    }
}
