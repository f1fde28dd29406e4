//! Rows of text in columns: what fits is padded to its column, what does not is cut.

use std::cell::RefCell;

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Block,
};

use crate::{
    api::Fault,
    safe_text::SafeText,
    ui::{
        cx::Cx,
        text::wrap::{Breaks, Piece, Wrapped, clip, width, wrap},
        widgets::form::fault_text,
    },
};

/// Exactly `columns` wide.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let mut text = clip(text, columns);
    let gap = columns.saturating_sub(width(&text));
    text.push_str(&" ".repeat(gap));
    text
}

/// The same, at the right.
#[must_use]
pub fn fit_right(text: &str, columns: usize) -> String {
    let text = clip(text, columns);
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(&text))))
}

/// Foreign text, safe to draw, in one line.
#[must_use]
pub fn safe(text: &str) -> String {
    SafeText::line(text).into_string()
}

/// Where things were drawn last, and which they are, for clicks.
#[derive(Debug, Default)]
pub struct Drawn(RefCell<Vec<(Rect, usize)>>);

impl Drawn {
    /// Nothing is drawn any more.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    pub fn add(&self, place: Rect, which: usize) {
        self.0.borrow_mut().push((place, which));
    }

    /// Rows one below the other, the first of them being `first`.
    pub fn rows(&self, area: Rect, first: usize, many: usize) {
        self.clear();
        for (offset, which) in (0..area.height).zip(first..many) {
            self.add(Rect { y: area.y + offset, height: 1, ..area }, which);
        }
    }

    /// What was drawn there.
    #[must_use]
    pub fn at(&self, place: (u16, u16)) -> Option<usize> {
        self.0.borrow().iter().find(|(area, _)| area.contains(place.into())).map(|(_, which)| *which)
    }
}

/// The first row to draw, so that `at` is in sight and as near to the middle as the ends allow.
#[must_use]
pub fn first_row(at: usize, rows: usize, height: usize) -> usize {
    at.saturating_sub(height / 2).min(rows.saturating_sub(height))
}

/// How a row looks: chosen, chosen but elsewhere in use, or plain.
#[must_use]
pub fn row_style(selected: bool, focused: bool, cx: &Cx) -> Style {
    match (selected, focused) {
        (true, true) => cx.theme.selection,
        (true, false) => cx.theme.selection_unfocused,
        (false, _) => cx.theme.text,
    }
}

/// A box with a title and, below, a few words at the right. Gives its inside.
pub fn boxed(frame: &mut Frame, area: Rect, title: &str, below: &str, focused: bool, cx: &Cx) -> Rect {
    let style = if focused { cx.theme.focus_border } else { cx.theme.border };
    let room = usize::from(area.width.saturating_sub(4));
    let mut block = Block::bordered()
        .border_type(ratatui::widgets::BorderType::Rounded)
        .border_style(style)
        .title(Line::styled(format!(" {} ", clip(title, room)), cx.theme.title));
    if !below.is_empty() {
        let words = Line::styled(format!(" {} ", clip(below, room)), cx.theme.dim);
        block = block.title_bottom(words.right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// Says why there is nothing to show, or that it is on its way.
pub fn instead(frame: &mut Frame, area: Rect, fault: Option<&Fault>, loading: bool, empty: &str, cx: &Cx) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(fault) = fault {
        frame.render_widget(fault_text(fault, cx), area);
    } else if loading {
        let line = Line::from(vec![
            Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
            Span::styled("Reading…", cx.theme.dim),
        ]);
        frame.render_widget(line, area);
    } else {
        let words = ratatui::widgets::Paragraph::new(empty.to_owned())
            .style(cx.theme.dim)
            .wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(words, area);
    }
}

/// A label and a text beside it, broken where the room ends.
#[must_use]
pub fn labelled(label: &str, text: &str, style: Style, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let label_room = LABEL.min(room / 2);
    let lines = broken(text, style, room.saturating_sub(label_room));
    let front = |row| Span::styled(fit(if row == 0 { label } else { "" }, label_room), cx.theme.dim);
    lines.into_iter().enumerate().map(|(row, line)| line.after(vec![front(row)])).collect()
}

/// A text in lines of at most so many columns.
#[must_use]
pub fn broken(text: &str, style: Style, columns: usize) -> Vec<Wrapped> {
    let piece = Piece::new(text.to_owned(), style, 0..text.len());
    wrap(&[piece], columns.max(1), Breaks::Words)
}

/// Columns of a label.
const LABEL: usize = 15;

/// `ben, carl and 3 more`.
#[must_use]
pub fn names(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => safe(one),
        [one, two] => format!("{} and {}", safe(one), safe(two)),
        [one, two, rest @ ..] => format!("{}, {} and {} more", safe(one), safe(two), rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_column_is_as_wide_as_the_column() {
        for text in ["", "a", "漢字漢字", "abcdefghij", "e\u{301}"] {
            assert_eq!(width(&fit(text, 5)), 5, "{text}");
            assert_eq!(width(&fit_right(text, 5)), 5, "{text}");
        }
    }

    #[test]
    fn the_row_in_use_is_always_in_sight() {
        for at in 0..30 {
            let first = first_row(at, 30, 7);
            assert!((first..first + 7).contains(&at) && first + 7 <= 30);
        }
    }
}
