//! Draws the lines of the transcript that are on the screen, and nothing else.

use ratatui::{Frame, layout::Rect, text::Line};

use super::{
    Hit, Look, Place, Transcript,
    layout::{GUTTER, Part},
    passage::Mark,
};
use crate::ui::widgets::paint;

impl Transcript {
    pub fn view(&self, frame: &mut Frame, area: Rect, look: &Look, focused: bool) {
        self.size.set((area.width, area.height));
        if area.is_empty() || self.items.is_empty() {
            return;
        }
        let theme = &look.cx.theme;
        let (top, skip) = self.top(look);
        let mut y = area.y;
        let mut skip = skip;
        for at in top..self.items.len() {
            if y >= area.bottom() {
                break;
            }
            let selected = self.selected == Some(at);
            let (passage, cursor) = self.visual_marks(at, look);
            let noted = if self.items[at].message.notes.is_empty() { None } else { Some(self.layout(at, look)) };
            let noted = noted.as_ref().map_or(&[][..], |layout| &layout.marks);
            self.parts(at, look, |lines, over, part| {
                let here = skip.min(lines.len());
                skip -= here;
                for (offset, line) in lines.iter().enumerate().skip(here) {
                    if y >= area.bottom() {
                        return;
                    }
                    let row = Rect {
                        x: area.x + GUTTER.min(area.width),
                        width: area.width.saturating_sub(GUTTER),
                        y,
                        height: 1,
                    };
                    let buffer = frame.buffer_mut();
                    paint::line(buffer, row.x, row.y, line, row.width);
                    if over != ratatui::style::Style::new() {
                        buffer.set_style(row, over);
                    }
                    self.mark_found(at, line, row, buffer, look);
                    if part == Part::Text {
                        for (marks, style) in [(noted, theme.highlight), (&passage[..], theme.selection)] {
                            for mark in on_line(marks, offset) {
                                let (from, to) = (mark.from.min(row.width), mark.to.min(row.width));
                                buffer.set_style(Rect { x: row.x + from, width: to - from, ..row }, style);
                            }
                        }
                        if let Some((_, column)) =
                            cursor.filter(|(line, column)| *line == offset && *column < row.width)
                        {
                            frame.set_cursor_position((row.x + column, y));
                        }
                    }
                    let buffer = frame.buffer_mut();
                    if selected {
                        let bar = if focused { theme.accent } else { theme.dim };
                        buffer.set_string(area.x, y, "▌", bar);
                    }
                    y += 1;
                }
            });
        }
        if self.place != Place::Follow {
            self.view_place(frame, area, look);
        }
    }

    /// Says that the end is further down, or that the beginning is being fetched.
    fn view_place(&self, frame: &mut Frame, area: Rect, look: &Look) {
        let is_growing = self.items.last().is_some_and(|item| item.live.is_some());
        let text = if self.is_seeking_top() {
            " reading older messages… "
        } else if is_growing {
            " ↓ new — G goes to the end "
        } else {
            " ↓ more "
        };
        let width = u16::try_from(text.chars().count()).unwrap_or(area.width);
        if area.width > width + 4 {
            let spot = Rect { x: area.right() - width - 1, y: area.bottom() - 1, width, height: 1 };
            frame.render_widget(Line::styled(text, look.cx.theme.badge), spot);
        }
    }

    /// What is drawn at this line of the area.
    pub fn hit(&self, line: u16, look: &Look) -> Option<Hit> {
        if self.items.is_empty() {
            return None;
        }
        let (top, skip) = self.top(look);
        let mut left = usize::from(line) + skip;
        for index in top..self.items.len() {
            let lines = self.lines_of(index, look);
            if left < lines {
                let is_thinking = self.layout(index, look).thinking_line == Some(left);
                return Some(Hit { index, line: left, is_thinking });
            }
            left -= lines;
        }
        None
    }

    pub fn is_at_end(&self) -> bool {
        self.place == Place::Follow && !self.below.has_more
    }
}

/// The marks of a line, of those from top to bottom.
fn on_line(marks: &[Mark], line: usize) -> &[Mark] {
    let first = marks.partition_point(|mark| mark.line < line);
    let rest = &marks[first..];
    &rest[..rest.partition_point(|mark| mark.line == line)]
}
