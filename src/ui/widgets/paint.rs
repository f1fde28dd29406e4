//! The two things that most of a frame is made of, drawn the short way: lines of text, and boxes.
//!
//! Not other looks. Invariant: every cell is as ratatui's own drawing leaves it; the tests compare the two.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    symbols::border::PLAIN,
    text::Line,
    widgets::{Block, Widget},
};

/// Writes a line as `Buffer::set_line` does. Plain letters go straight into their cells: which of them belong together,
/// and how wide they are, was a sixth of a frame to find out, and of these it is known.
pub fn line(buffer: &mut Buffer, x: u16, y: u16, line: &Line<'_>, width: u16) {
    let (mut x, mut room) = (x, width);
    for span in &line.spans {
        if room == 0 {
            return;
        }
        let style = line.style.patch(span.style);
        let from = x;
        if span.content.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            x = plain(buffer, (x, y), &span.content, room, style);
        } else {
            (x, _) = buffer.set_stringn(x, y, &*span.content, usize::from(room), style);
        }
        room = room.saturating_sub(x.saturating_sub(from));
    }
}

/// Writes letters of ASCII, and gives the column behind them.
fn plain(buffer: &mut Buffer, (x, y): (u16, u16), text: &str, room: u16, style: Style) -> u16 {
    let room = room.min(buffer.area.right().saturating_sub(x));
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).min(room);
    if length == 0 {
        return x;
    }
    let first = buffer.index_of(x, y);
    let cells = &mut buffer.content[first..first + usize::from(length)];
    for (cell, letter) in cells.iter_mut().zip(text.chars()) {
        cell.set_char(letter).set_style(style);
    }
    x + length
}

/// Draws the edge of a plain box as `Block::bordered` does, and touches nothing within, whereas that one gives each cell
/// its style, also where it has none: of boxes that fill the screen, a tenth of a frame.
pub fn edge(buffer: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buffer.area);
    if area.width < 2 || area.height < 2 {
        return Block::bordered().border_style(style).render(area, buffer);
    }
    let (left, right, top, bottom) = (area.x, area.right() - 1, area.y, area.bottom() - 1);
    let mut put = |x: u16, y: u16, symbol: &str| {
        buffer[(x, y)].set_symbol(symbol).set_style(style);
    };
    for x in left + 1..right {
        put(x, top, PLAIN.horizontal_top);
        put(x, bottom, PLAIN.horizontal_bottom);
    }
    for y in top + 1..bottom {
        put(left, y, PLAIN.vertical_left);
        put(right, y, PLAIN.vertical_right);
    }
    put(left, top, PLAIN.top_left);
    put(right, top, PLAIN.top_right);
    put(left, bottom, PLAIN.bottom_left);
    put(right, bottom, PLAIN.bottom_right);
}

#[cfg(test)]
mod tests {
    use ratatui::{
        style::{Color, Modifier},
        text::Span,
    };

    use super::*;

    /// A buffer in which something stood before.
    fn used(area: Rect) -> Buffer {
        let mut buffer = Buffer::empty(area);
        buffer.set_style(area, Style::new().fg(Color::Red).add_modifier(Modifier::ITALIC));
        for y in area.y..area.bottom() {
            buffer.set_string(area.x, y, "漢字 old text 漢字", Style::new().bg(Color::Blue));
        }
        buffer
    }

    #[test]
    fn a_line_is_as_ratatui_writes_it() {
        let accent = Style::new().fg(Color::Green).remove_modifier(Modifier::ITALIC);
        let lines = [
            Line::default(),
            Line::raw("plain"),
            Line::styled("plain and styled", accent),
            Line::from(vec![Span::raw("one "), Span::styled("two", accent), Span::raw(""), Span::raw(" three")]),
            Line::from(vec![Span::raw("· "), Span::styled("漢字", accent), Span::raw(" and letters")]),
            Line::from(vec![Span::raw("e\u{301}"), Span::raw("\u{301}x"), Span::raw("👩‍👩‍👧 family")]),
            Line::from(vec![Span::raw("control \u{1b}[31m\u{7f}"), Span::raw(" after")]),
            Line::raw("longer than there is room for it in any of these areas"),
        ];
        for line in &lines {
            for area in [Rect::new(0, 0, 20, 2), Rect::new(3, 2, 11, 1)] {
                for x in [0, 1, 7] {
                    for width in [0, 1, 5, 9, 60] {
                        let (mut ours, mut theirs) = (used(area), used(area));
                        super::line(&mut ours, area.x + x, area.y, line, width);
                        theirs.set_line(area.x + x, area.y, line, width);
                        assert_eq!(ours, theirs, "{line:?} at {x} of {area}, {width} wide");
                    }
                }
            }
        }
    }

    #[test]
    fn an_edge_is_as_ratatui_draws_it() {
        let style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
        let whole = Rect::new(1, 1, 14, 7);
        for width in 0..=16 {
            for height in 0..=9 {
                let area = Rect::new(2, 2, width, height);
                let (mut ours, mut theirs) = (used(whole), used(whole));
                edge(&mut ours, area, style);
                Block::bordered().border_style(style).render(area, &mut theirs);
                assert_eq!(ours, theirs, "{area}");
            }
        }
    }
}
