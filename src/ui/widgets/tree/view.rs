//! Draws the rows of the tree that are on the screen.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr as _;

use super::{Node, Row, Tree};
use crate::{
    api::organise::Shelf,
    safe_text::SafeText,
    ui::{
        cx::Cx,
        widgets::{paint, picker::cut},
    },
};

/// Deeper folders are not moved further in than this share of the width: their names have to be read.
const INDENT_SHARE: usize = 2;

impl Tree {
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool, filtering: bool) {
        if area.is_empty() {
            return;
        }
        let theme = &cx.theme;
        let filter = Rect { height: 1, ..area };
        let line = match &self.filter {
            Some(text) => {
                Line::from(vec![Span::styled(" / ", theme.accent), Span::styled(tail(text, filter.width), theme.text)])
            }
            None => Line::styled(" / filter", theme.dim),
        };
        frame.render_widget(line, filter);
        if filtering {
            let column = 3 + self.filter.as_deref().map_or(0, |text| tail(text, filter.width).width());
            let column = u16::try_from(column).unwrap_or(u16::MAX).min(filter.width - 1);
            frame.set_cursor_position((filter.x + column, filter.y));
        }
        let list = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let has_foot = list.height >= 5 && (self.has_tags || self.marks() > 0);
        let foot = Rect { y: list.bottom().saturating_sub(1), height: u16::from(has_foot), ..list };
        let list = Rect { height: list.height - foot.height, ..list };
        self.foot(frame, foot, cx);
        self.height.set(list.height);
        let rows = usize::from(list.height);
        let mut top = self.top.get().min(self.rows.len().saturating_sub(rows));
        if rows > 0 {
            top = top.min(self.selected).max((self.selected + 1).saturating_sub(rows));
        }
        self.top.set(top);
        if self.rows.is_empty() {
            let text = if self.filter.is_some() {
                " Searching…"
            } else if self.has_skeleton {
                " No conversations yet.\n Write one: your first\n message begins it."
            } else {
                " Reading…"
            };
            frame.render_widget(ratatui::text::Text::styled(text, theme.dim), list);
            return;
        }
        for (place, row) in self.rows.iter().enumerate().skip(top).take(rows) {
            let y = list.y + u16::try_from(place - top).unwrap_or_default();
            let line = Rect { y, height: 1, ..list };
            let style = match (place == self.selected, focused) {
                (true, true) => Some(theme.selection),
                (true, false) => Some(theme.selection_unfocused),
                (false, _) => None,
            };
            let text = self.line(*row, usize::from(line.width), style, cx);
            paint::line(frame.buffer_mut(), line.x, line.y, &text, line.width);
        }
    }

    /// How many are marked, and the tags of the row in use.
    fn foot(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let mut line = Line::from(Span::raw(" "));
        if self.marks() > 0 {
            line.push_span(Span::styled(format!("✓ {} marked ", self.marks()), theme.accent));
        }
        let tags = match self.selected() {
            Some(Node::Conversation(_, id)) => self.row_of(id).map(|entry| entry.row.tags.as_slice()),
            Some(Node::Shelf(_) | Node::More(_) | Node::Nothing(_) | Node::Group(_)) | None => None,
        };
        for tag in tags.unwrap_or_default() {
            let room = usize::from(area.width).saturating_sub(line.width());
            if room < 4 {
                break;
            }
            let chip = cut(&format!("#{}", SafeText::line(tag).as_str()), room - 1);
            line.push_span(Span::styled(chip, theme.badge));
            line.push_span(Span::raw(" "));
        }
        frame.render_widget(line, area);
    }

    fn line(&self, row: Row, width: usize, selected: Option<Style>, cx: &Cx) -> Line<'static> {
        let theme = &cx.theme;
        let most = width / INDENT_SHARE / 2;
        let depth = usize::from(row.depth);
        let indent = if depth > most { format!("{}{depth}", " ".repeat(most)) } else { " ".repeat(depth * 2 + 1) };
        let (mark, text, count, style) = match row.node {
            Node::Shelf(shelf) => {
                let (name, count) = self.heading(shelf);
                let is_marked = matches!(shelf, Shelf::Folder(Some(id)) if self.marked_folders.contains(&id));
                let mark = match (is_marked, self.is_open(shelf)) {
                    (true, true) => "✓ ▾ ",
                    (true, false) => "✓ ▸ ",
                    (false, true) => "▾ ",
                    (false, false) => "▸ ",
                };
                (mark, name, count, theme.text)
            }
            Node::Conversation(shelf, id) => {
                let entry = self.shelves.get(&shelf).and_then(|loaded| loaded.rows.iter().find(|e| e.row.id == id));
                let title = entry.map_or_else(String::new, |entry| entry.title.clone());
                let is_current = self.current == Some(id);
                let is_pinned = entry.is_some_and(|entry| entry.row.pinned);
                let mark = match (self.marked.contains_key(&id), is_current, is_pinned) {
                    (true, _, _) => "✓ ",
                    (false, true, _) => "› ",
                    (false, false, true) => "★ ",
                    (false, false, false) => "· ",
                };
                (mark, title, None, if is_current { theme.accent } else { theme.text })
            }
            Node::More(_) => ("", "… more".to_owned(), None, theme.dim),
            Node::Nothing(shelf) => ("", nothing(shelf).to_owned(), None, theme.dim),
            Node::Group(age) => {
                let words = self.calendar.as_ref().map_or_else(String::new, |calendar| calendar.words(age));
                ("", words, None, theme.title)
            }
        };
        let count = count.map(|count| format!(" ({count})")).unwrap_or_default();
        let room = width.saturating_sub(indent.width() + mark.width() + count.width());
        let text = cut(&text, room);
        let used = indent.width() + mark.width() + text.width() + count.width();
        let (style, quiet) = selected.map_or((style, theme.dim), |style| (style, style));
        Line::from(vec![
            Span::styled(indent, quiet),
            Span::styled(mark, style),
            Span::styled(text, style),
            Span::styled(count, quiet),
            Span::styled(" ".repeat(width.saturating_sub(used)), style),
        ])
    }

    fn heading(&self, shelf: Shelf) -> (String, Option<u32>) {
        match shelf {
            Shelf::Pinned => ("Pinned".to_owned(), None),
            Shelf::Archive => ("Archive".to_owned(), Some(self.counts.archive)),
            Shelf::Trash => ("Trash".to_owned(), Some(self.counts.trash)),
            Shelf::Recent => ("Recent".to_owned(), None),
            Shelf::Folder(None) => ("Unfiled".to_owned(), Some(self.counts.unfiled)),
            Shelf::Folder(Some(id)) => {
                let name = self.folders.get(&id).map_or_else(String::new, |(_, name)| name.clone());
                (name, Some(self.forest.total(id)).filter(|total| *total > 0))
            }
        }
    }
}

fn nothing(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Recent => "Nothing matches.",
        Shelf::Folder(_) => "empty",
        Shelf::Pinned | Shelf::Archive | Shelf::Trash => "nothing here",
    }
}

/// The end of a text that is longer than its box: where it is being typed.
fn tail(text: &str, width: u16) -> String {
    let room = usize::from(width).saturating_sub(4);
    let mut start = text.len();
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or_default();
        if used > room {
            break;
        }
        start = at;
    }
    text[start..].to_owned()
}
