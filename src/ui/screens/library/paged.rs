//! A list that is read page by page, with a filter above it. It knows nothing of what its rows are; its owner asks for
//! the pages that it wants, and draws the rows.

use std::cell::Cell;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Margin, Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, Paragraph, Wrap},
};

use crate::{
    api::{
        Fault,
        organise::{Cursor, Page},
    },
    ui::{
        actions::Action,
        cx::{Cx, Hint},
        text::wrap::{clip, width},
        widgets::{field::Field, form::fault_text},
    },
};

/// Rows read at a time.
const PAGE: u32 = 50;
/// Most rows that one reading may ask for.
const MOST: u32 = 100;
/// With fewer rows than this below the cursor the next page is asked for.
const AHEAD: usize = 10;

/// A page that is wanted. `asked` comes back, so that only the latest answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub asked: u64,
    pub filter: String,
    pub after: Option<Cursor>,
    pub limit: u32,
}

/// The cursor or the filter may have changed.
#[derive(Debug, Default)]
pub struct Moved {
    /// A page that is wanted now.
    pub read: Option<Read>,
}

/// What a mouse did to it.
pub enum Pointed {
    At(Moved),
    /// A click on what is selected already.
    Open,
}

/// Where letters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filtering {
    /// It has no filter.
    Never,
    No,
    Typing,
}

#[derive(Debug)]
pub struct Paged<T> {
    pub rows: Vec<T>,
    next: Option<Cursor>,
    at: usize,
    filter: Field,
    filtering: Filtering,
    loading: bool,
    fault: Option<Fault>,
    asked: u64,
    /// The page asked for goes on where the rows end.
    appends: bool,
    /// Rows it had when it was drawn last: a page for the keys.
    height: Cell<usize>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
            at: 0,
            filter: Field::default(),
            filtering: Filtering::No,
            loading: false,
            fault: None,
            asked: 0,
            appends: false,
            height: Cell::new(10),
        }
    }
}

impl<T> Paged<T> {
    pub fn without_filter() -> Self {
        Self { filtering: Filtering::Never, ..Self::default() }
    }

    pub fn selected(&self) -> Option<&T> {
        self.rows.get(self.at)
    }

    pub fn is_typing(&self) -> bool {
        self.filtering == Filtering::Typing
    }

    pub fn is_loading(&self) -> bool {
        self.loading
    }

    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// Reads from the beginning; the rows stay on view until the new ones are here.
    pub fn load(&mut self) -> Read {
        self.appends = false;
        self.ask(None)
    }

    /// Begins anew without rows: what was here belongs to something else.
    pub fn clear(&mut self) {
        *self = Self { asked: self.asked, filtering: self.filtering, height: self.height.clone(), ..Self::default() };
    }

    fn ask(&mut self, after: Option<Cursor>) -> Read {
        self.asked += 1;
        self.loading = true;
        let limit = if self.appends { PAGE } else { (self.rows.len() as u32).clamp(PAGE, MOST) };
        Read { asked: self.asked, filter: self.filter.text().trim().to_owned(), after, limit }
    }

    /// Takes a page in and says whether it was the one that is awaited. The cursor stays on what it was on.
    pub fn take(&mut self, asked: u64, page: Result<Page<T>, Fault>, same: impl Fn(&T, &T) -> bool) -> bool {
        if asked != self.asked {
            return false;
        }
        self.loading = false;
        match page {
            Ok(page) => {
                self.fault = None;
                self.next = page.next;
                if self.appends {
                    self.rows.extend(page.rows);
                } else {
                    let on = self.selected().and_then(|on| page.rows.iter().position(|row| same(row, on)));
                    self.rows = page.rows;
                    self.at = on.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
        true
    }

    /// The next page, once the cursor comes near the end of what is here.
    pub fn more(&mut self) -> Option<Read> {
        if self.loading || self.at + AHEAD < self.rows.len() {
            return None;
        }
        let next = self.next.clone()?;
        self.appends = true;
        Some(self.ask(Some(next)))
    }

    /// Puts the cursor on the first row for which this holds.
    pub fn select(&mut self, is_it: impl Fn(&T) -> bool) -> bool {
        let found = self.rows.iter().position(is_it);
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    fn go(&mut self, to: usize) -> Moved {
        self.at = to.min(self.rows.len().saturating_sub(1));
        Moved { read: self.more() }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Moved> {
        if self.is_typing() {
            return match action {
                Action::Submit | Action::NextField => {
                    self.filtering = Filtering::No;
                    Some(Moved::default())
                }
                Action::Cancel | Action::Escape | Action::Interrupt => Some(self.unfilter()),
                _ => None,
            };
        }
        let page = self.height.get().max(1);
        let to = match action {
            Action::LibraryUp => self.at.saturating_sub(1),
            Action::LibraryDown => self.at + 1,
            Action::LibraryTop => 0,
            Action::LibraryBottom => usize::MAX,
            Action::LibraryPageUp => self.at.saturating_sub(page),
            Action::LibraryPageDown => self.at + page,
            Action::LibraryFilter if self.filtering == Filtering::No => {
                self.filtering = Filtering::Typing;
                return Some(Moved::default());
            }
            Action::Escape if self.is_filtered() => return Some(self.unfilter()),
            _ => return None,
        };
        Some(self.go(to))
    }

    fn unfilter(&mut self) -> Moved {
        self.filtering = Filtering::No;
        self.refilter(Field::clear)
    }

    /// While the filter is typed; `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Moved> {
        if !self.is_typing() {
            return None;
        }
        let mut is_used = false;
        let moved = self.refilter(|filter| is_used = filter.on_key(key));
        is_used.then_some(moved)
    }

    pub fn paste(&mut self, text: &str) -> Moved {
        if !self.is_typing() {
            return Moved::default();
        }
        let line = text.lines().next().unwrap_or_default();
        self.refilter(|filter| {
            filter.paste(line);
        })
    }

    fn refilter(&mut self, change: impl FnOnce(&mut Field)) -> Moved {
        let before = self.filter.text().to_owned();
        change(&mut self.filter);
        if before == self.filter.text() {
            return Moved::default();
        }
        self.at = 0;
        // What the cursor was on need not be what is sought.
        self.rows.clear();
        self.next = None;
        Moved { read: Some(self.load()) }
    }

    /// `area` is what `view` was given.
    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Option<Pointed> {
        if !area.contains(Position::new(mouse.column, mouse.row)) {
            return None;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => Some(Pointed::At(self.go(self.at.saturating_sub(1)))),
            MouseEventKind::ScrollDown => Some(Pointed::At(self.go(self.at + 1))),
            MouseEventKind::Down(MouseButton::Left) => {
                let rows = self.rows_area(area);
                if !rows.contains(Position::new(mouse.column, mouse.row)) {
                    return None;
                }
                let clicked = self.first(usize::from(rows.height)) + usize::from(mouse.row - rows.y);
                if clicked >= self.rows.len() {
                    return None;
                }
                Some(if clicked == self.at { Pointed::Open } else { Pointed::At(self.go(clicked)) })
            }
            _ => None,
        }
    }

    /// Below the filter, inside the frame.
    fn rows_area(&self, area: Rect) -> Rect {
        let inner = area.inner(Margin::new(1, 1));
        let top = u16::from(self.filtering != Filtering::Never).min(inner.height);
        Rect { y: inner.y + top, height: inner.height - top, ..inner }
    }

    fn first(&self, height: usize) -> usize {
        self.at.saturating_sub(height / 2).min(self.rows.len().saturating_sub(height))
    }

    /// The keys while the filter is typed.
    pub fn typing_hints(cx: &Cx) -> Vec<Hint> {
        cx.hints(&[(Action::Submit, "to the list"), (Action::Cancel, "no filter")])
    }

    /// The frame with its title, the filter, and a line for each row: what `line` says of it, once without and once with
    /// its right end. `empty`: what is said where there is none.
    pub fn view(
        &self,
        frame: &mut Frame,
        area: Rect,
        cx: &Cx,
        (title, focused, empty): (&str, bool, &str),
        line: impl Fn(&T) -> (String, String),
    ) {
        let theme = &cx.theme;
        let border = if focused { theme.focus_border } else { theme.border };
        let title = format!(" {} ", clip(title, usize::from(area.width.saturating_sub(6))));
        let count = match self.rows.len() {
            0 => String::new(),
            count => format!(" {count}{} ", if self.next.is_some() { "+" } else { "" }),
        };
        let block = Block::bordered()
            .border_style(border)
            .title(Line::styled(title, theme.title))
            .title(Line::styled(count, theme.dim).right_aligned());
        frame.render_widget(block, area);
        let inner = area.inner(Margin::new(1, 1));
        if inner.is_empty() {
            return;
        }
        let top = Rect { height: 1, ..inner };
        if self.is_typing() || self.is_filtered() {
            frame.render_widget(Span::styled("/ ", theme.key), top);
            let text = Rect { x: top.x + 2, width: top.width.saturating_sub(2), ..top };
            self.filter.view(frame, text, theme.text, self.is_typing() && focused);
        } else if let Some(key) = cx.keymap.label(Action::LibraryFilter).filter(|_| self.filtering == Filtering::No) {
            frame.render_widget(Span::styled(format!("{key} filter"), theme.placeholder), top);
        }
        let rows = self.rows_area(area);
        let height = usize::from(rows.height);
        self.height.set(height);
        if self.rows.is_empty() {
            if let Some(fault) = &self.fault {
                frame.render_widget(fault_text(fault, cx), rows);
                return;
            }
            let words = match (self.loading, self.is_filtered()) {
                (true, _) => "Reading…",
                (false, true) => "No name has these letters.",
                (false, false) => empty,
            };
            frame.render_widget(Paragraph::new(words).style(theme.dim).wrap(Wrap { trim: true }), rows);
            return;
        }
        let first = self.first(height);
        for (place, (row, y)) in self.rows.iter().skip(first).zip(rows.y..rows.bottom()).enumerate() {
            let is_selected = first + place == self.at;
            let style = match (is_selected, focused && !self.is_typing()) {
                (true, true) => theme.selection,
                (true, false) => theme.selection_unfocused,
                (false, _) => theme.text,
            };
            let quiet = if is_selected { style } else { theme.dim };
            let spans = two_ends(line(row), usize::from(rows.width), is_selected, (style, quiet));
            frame.render_widget(spans, Rect { y, height: 1, ..rows });
        }
    }
}

/// The right end stands only where the left one leaves it room.
fn two_ends(
    (left, right): (String, String),
    room: usize,
    is_selected: bool,
    (style, quiet): (Style, Style),
) -> Line<'static> {
    let cursor = if is_selected { "›" } else { " " };
    let left = format!("{cursor} {}", clip(&left, room.saturating_sub(2)));
    let for_right = room.saturating_sub(width(&left) + 2);
    let right = if for_right >= 4 { clip(right.trim(), for_right) } else { String::new() };
    let gap = " ".repeat(room.saturating_sub(width(&left) + width(&right)));
    Line::from(vec![Span::styled(left, style), Span::styled(gap + &right, quiet)])
}
