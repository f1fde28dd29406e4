//! Notes, page by page: those of one conversation in a box, or all of them in the library. Says what is wanted of which
//! note; who owns the list does it.

use crossterm::event::{KeyCode, KeyEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    api::{
        Fault, NoteId,
        chat::MessageRole,
        notes::{Anchor, Note, NoteRow, NoteScope},
        organise::{Cursor, Page},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::{Cx, Hint},
        msg::{Effect, ListCall, NoteCall, NotesOf},
        text::wrap::{clip, width},
        widgets::form::fault_text,
    },
};

/// Notes read at a time.
const PAGE: u32 = 50;
/// With fewer rows than this below the cursor the next page is asked for.
const AHEAD: usize = 10;
/// Lines that one note takes: what it is on, its passage or its first words, a line of its text.
const LINES: usize = 3;

/// What is wanted of the selected note.
#[derive(Debug)]
pub enum ListOut {
    Effects(Vec<Effect>),
    Jump(Box<NoteRow>),
    Edit(Box<Note>),
    Delete(Box<Note>),
    /// All that is listed, as Markdown.
    Export {
        scope: NoteScope,
        filter: String,
    },
}

#[derive(Debug)]
pub struct NotesList {
    whose: NotesOf,
    scope: NoteScope,
    rows: Vec<NoteRow>,
    next: Option<Cursor>,
    at: usize,
    filter: String,
    /// Letters go to the filter.
    typing: bool,
    loading: bool,
    fault: Option<Fault>,
    asked: u64,
    /// The page asked for goes on where the rows end.
    appends: bool,
}

impl NotesList {
    #[must_use]
    pub fn new(whose: NotesOf, scope: NoteScope) -> Self {
        Self {
            whose,
            scope,
            rows: Vec::new(),
            next: None,
            at: 0,
            filter: String::new(),
            typing: false,
            loading: false,
            fault: None,
            asked: 0,
            appends: false,
        }
    }

    #[must_use]
    pub fn whose(&self) -> NotesOf {
        self.whose
    }

    #[must_use]
    pub fn scope(&self) -> NoteScope {
        self.scope
    }

    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    /// Reads from the beginning; the rows stay on view until the new ones are here.
    pub fn load(&mut self) -> Vec<Effect> {
        self.appends = false;
        self.ask(None)
    }

    fn ask(&mut self, after: Option<Cursor>) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        let filter = self.filter.trim().to_owned();
        let call = ListCall::Read { asked: self.asked, scope: self.scope, filter, after, limit: PAGE };
        vec![Effect::Notes(NoteCall::List(self.whose, call))]
    }

    pub fn on_page(&mut self, asked: u64, page: Result<Page<NoteRow>, Fault>) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        self.loading = false;
        match page {
            Ok(page) => {
                self.fault = None;
                self.next = page.next;
                if self.appends {
                    self.rows.extend(page.rows);
                } else {
                    let kept = self.selected().map(|row| row.note.id);
                    self.rows = page.rows;
                    self.at = kept.and_then(|id| self.position(id)).unwrap_or(0).min(self.rows.len().saturating_sub(1));
                }
                self.more()
            }
            Err(fault) => {
                self.fault = Some(fault);
                Vec::new()
            }
        }
    }

    fn position(&self, id: NoteId) -> Option<usize> {
        self.rows.iter().position(|row| row.note.id == id)
    }

    /// The next page, once the cursor comes near the end.
    fn more(&mut self) -> Vec<Effect> {
        if self.loading || self.at + AHEAD < self.rows.len() {
            return Vec::new();
        }
        let Some(next) = self.next.clone() else { return Vec::new() };
        self.appends = true;
        self.ask(Some(next))
    }

    pub fn selected(&self) -> Option<&NoteRow> {
        self.rows.get(self.at)
    }

    /// A note was changed here; the list need not be read anew.
    pub fn changed(&mut self, note: &Note) {
        if let Some(at) = self.position(note.id) {
            self.rows[at].note = note.clone();
        }
    }

    pub fn deleted(&mut self, id: NoteId) {
        if let Some(at) = self.position(id) {
            self.rows.remove(at);
            self.at = self.at.min(self.rows.len().saturating_sub(1));
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<ListOut> {
        let last = self.rows.len().saturating_sub(1);
        let selected = |list: &Self| list.selected().cloned();
        match action {
            Action::LibraryUp => self.at = self.at.saturating_sub(1),
            Action::LibraryDown => self.at = (self.at + 1).min(last),
            Action::LibraryTop => self.at = 0,
            Action::LibraryBottom => self.at = last,
            Action::LibraryPageUp => self.at = self.at.saturating_sub(AHEAD),
            Action::LibraryPageDown => self.at = (self.at + AHEAD).min(last),
            Action::LibraryFilter => self.typing = true,
            Action::LibraryOpen => {
                return Some(match selected(self) {
                    Some(row) => ListOut::Jump(Box::new(row)),
                    None => ListOut::Effects(Vec::new()),
                });
            }
            Action::LibraryEdit => {
                return Some(match selected(self) {
                    Some(row) => ListOut::Edit(Box::new(row.note)),
                    None => ListOut::Effects(Vec::new()),
                });
            }
            Action::LibraryDelete => {
                return Some(match selected(self) {
                    Some(row) => ListOut::Delete(Box::new(row.note)),
                    None => ListOut::Effects(Vec::new()),
                });
            }
            Action::LibraryExport => {
                return Some(ListOut::Export { scope: self.scope, filter: self.filter.trim().to_owned() });
            }
            Action::Escape | Action::Cancel if self.typing || !self.filter.is_empty() => {
                self.typing = false;
                return Some(ListOut::Effects(self.set_filter(String::new())));
            }
            Action::Refresh => return Some(ListOut::Effects(self.load())),
            _ => return None,
        }
        Some(ListOut::Effects(self.more()))
    }

    /// While the filter is typed.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        if !self.typing {
            return None;
        }
        match key.code {
            KeyCode::Enter => {
                self.typing = false;
                Some(Vec::new())
            }
            KeyCode::Up | KeyCode::Down => {
                let last = self.rows.len().saturating_sub(1);
                self.at = if key.code == KeyCode::Up { self.at.saturating_sub(1) } else { (self.at + 1).min(last) };
                Some(self.more())
            }
            KeyCode::Backspace => {
                let mut filter = self.filter.clone();
                filter.pop();
                Some(self.set_filter(filter))
            }
            KeyCode::Char(letter) if key.modifiers.difference(crossterm::event::KeyModifiers::SHIFT).is_empty() => {
                Some(self.set_filter(format!("{}{letter}", self.filter)))
            }
            _ => None,
        }
    }

    pub fn paste(&mut self, text: &str) -> Vec<Effect> {
        if !self.typing {
            return Vec::new();
        }
        let line = text.lines().next().unwrap_or_default();
        self.set_filter(format!("{}{line}", self.filter))
    }

    fn set_filter(&mut self, filter: String) -> Vec<Effect> {
        if filter == self.filter {
            return Vec::new();
        }
        self.filter = filter;
        self.at = 0;
        self.load()
    }

    /// A click selects; on what is selected it opens. `area` is what `view` was given.
    pub fn on_mouse(&mut self, mouse: crossterm::event::MouseEvent, area: Rect) -> Option<ListOut> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.on_action(Action::LibraryUp),
            MouseEventKind::ScrollDown => self.on_action(Action::LibraryDown),
            MouseEventKind::Down(crossterm::event::MouseButton::Left) => {
                let list = Self::list_area(area);
                if !list.contains(Position::new(mouse.column, mouse.row)) {
                    return None;
                }
                let clicked = self.first(list) + usize::from(mouse.row - list.y) / LINES;
                if clicked >= self.rows.len() {
                    return None;
                }
                if clicked == self.at {
                    return self.on_action(Action::LibraryOpen);
                }
                self.at = clicked;
                Some(ListOut::Effects(self.more()))
            }
            _ => None,
        }
    }

    #[must_use]
    pub fn hints(&self, cx: &Cx) -> Vec<Hint> {
        if self.typing {
            return vec![
                Hint { key: "Enter".into(), help: "to the list" },
                Hint { key: "Esc".into(), help: "no filter" },
            ];
        }
        cx.hints(&[
            (Action::LibraryOpen, "go there"),
            (Action::LibraryFilter, "filter"),
            (Action::LibraryEdit, "edit"),
            (Action::LibraryDelete, "delete"),
            (Action::LibraryExport, "export"),
            (Action::Escape, "back"),
            (Action::LibraryHelp, "help"),
        ])
    }

    /// Below the line with the filter.
    fn list_area(area: Rect) -> Rect {
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    }

    fn first(&self, list: Rect) -> usize {
        let fit = (usize::from(list.height) / LINES).max(1);
        self.at.saturating_sub(fit / 2).min(self.rows.len().saturating_sub(fit))
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let theme = &cx.theme;
        if area.is_empty() {
            return;
        }
        let filter = if self.typing || !self.filter.is_empty() {
            let shown = SafeText::line(&self.filter).into_string();
            Line::from(vec![Span::styled(" / ", theme.key), Span::styled(shown, theme.text)])
        } else {
            let more = if self.next.is_some() { "+" } else { "" };
            let words = match self.rows.len() {
                0 => String::new(),
                1 => " 1 note".to_owned(),
                many => format!(" {many}{more} notes"),
            };
            Line::styled(words, theme.dim)
        };
        let end = u16::try_from(filter.width()).unwrap_or(area.width);
        frame.render_widget(filter, Rect { height: 1, ..area });
        if self.typing && focused && end < area.width {
            frame.set_cursor_position((area.x + end, area.y));
        }
        let list = Self::list_area(area);
        if self.rows.is_empty() {
            self.view_none(frame, list, cx);
            return;
        }
        let first = self.first(list);
        for (index, row) in self.rows.iter().enumerate().skip(first) {
            let y = (index - first) * LINES;
            if y >= usize::from(list.height) {
                break;
            }
            let is_selected = index == self.at;
            let with_title = self.scope == NoteScope::Everything;
            let lines = lines_of(row, usize::from(list.width), (is_selected, focused, with_title), cx);
            for (offset, line) in lines.into_iter().enumerate() {
                if y + offset < usize::from(list.height) {
                    let spot = Rect { y: list.y + (y + offset) as u16, height: 1, ..list };
                    frame.render_widget(line, spot);
                }
            }
        }
    }

    fn view_none(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), area);
            return;
        }
        let words = match (self.loading, self.filter.is_empty()) {
            (true, _) => format!("{} Reading…", cx.spinner()),
            (false, false) => "No note contains that.".to_owned(),
            (false, true) => format!(
                "No note yet. In the messages, {} selects a passage and {} writes a note on it, or on the whole message.",
                cx.key(Action::SelectPassage),
                cx.key(Action::NoteMessage)
            ),
        };
        let paragraph =
            ratatui::widgets::Paragraph::new(words).style(theme.dim).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(paragraph, area);
    }
}

/// What it is on, the passage, the note's first line; the last of them empty.
fn lines_of(
    row: &NoteRow,
    columns: usize,
    (is_selected, focused, with_title): (bool, bool, bool),
    cx: &Cx,
) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let note = &row.note;
    let style = match (is_selected, focused) {
        (true, true) => theme.selection,
        (true, false) => theme.selection_unfocused,
        (false, _) => theme.title,
    };
    let on = match (note.message, row.role) {
        (None, _) => "conversation",
        (Some(_), Some(MessageRole::User)) => "your message",
        (Some(_), Some(MessageRole::Assistant)) => "answer",
        (Some(_), Some(MessageRole::System | MessageRole::Tool) | None) => "message",
    };
    let about = format!("{on} · {}", cx.clock(note.created_at));
    let mark = if is_selected { "›" } else { " " };
    let body = SafeText::new(&note.body);
    let mut words = body.as_str().lines().map(str::trim).filter(|line| !line.is_empty());
    let first = words.next().unwrap_or_default();
    let more = if words.next().is_some() { " …" } else { "" };
    let room = columns.saturating_sub(3 + more.chars().count());
    let head = Line::from(vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(format!("{}{more}", clip(first, room)), style),
    ]);
    let mut place = Line::from(Span::raw("  "));
    if with_title {
        let title = clip(SafeText::line(&row.title).as_str(), columns.saturating_sub(6 + width(&about)));
        place.push_span(Span::styled(format!("{title} · "), theme.text));
    }
    place.push_span(Span::styled(about, theme.dim));
    let passage = match &note.passage {
        Some(passage) => {
            let changed = match passage.anchor {
                Anchor::InPlace | Anchor::Moved => "",
                Anchor::Changed => " — the passage has changed",
            };
            let room = columns.saturating_sub(5 + changed.chars().count());
            let quote = clip(SafeText::line(passage.quote.trim()).as_str(), room);
            Line::from(vec![
                Span::styled("  ▌ ", theme.quote_bar),
                Span::styled(quote, theme.quote),
                Span::styled(changed, theme.warning),
            ])
        }
        None => Line::styled("", Style::new()),
    };
    vec![head, passage, place]
}
