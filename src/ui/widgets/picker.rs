//! A list to choose from by typing parts of what one wants: palette, model picker, prompt history, folder choice.
//!
//! It filters what it was given, or, when `searching`, tells its owner what was typed and shows what the owner found.

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{field::Field, modal};
use crate::{
    safe_text::SafeText,
    ui::{cx::Cx, keymap::Action},
};

/// One row. Its texts may be foreign; they are made safe when the row is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<T> {
    label: String,
    detail: String,
    pub value: T,
    /// A word in front, such as `●` for the one in use.
    mark: &'static str,
}

impl<T> Item<T> {
    pub fn new(label: &str, value: T) -> Self {
        Self { label: SafeText::line(label).as_str().to_owned(), detail: String::new(), value, mark: "" }
    }

    /// Stands at the right: a key, a size, a date.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        SafeText::line(detail).as_str().clone_into(&mut self.detail);
        self
    }

    #[must_use]
    pub fn mark(mut self, mark: &'static str) -> Self {
        self.mark = mark;
        self
    }

    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// What a picker tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickerOut<T> {
    Chosen(T),
    Closed,
    /// Only when `searching`: look this up and give the result to `set_items`.
    Typed(String),
}

#[derive(Clone, Debug)]
pub struct Picker<T> {
    title: String,
    /// Shown instead of rows when there are none: why, and what to do.
    empty: String,
    /// A line under the list: how old it is, what is wrong with it.
    note: String,
    query: Field,
    items: Vec<Item<T>>,
    /// Those that match, best first: positions in `items`.
    shown: Vec<usize>,
    at: usize,
    searching: bool,
    /// What `shown` was narrowed to, where a longer text can only narrow it further.
    narrowed: String,
}

impl<T: Clone> Picker<T> {
    pub fn new(title: &str, items: Vec<Item<T>>) -> Self {
        let mut picker = Self {
            title: SafeText::line(title).as_str().to_owned(),
            empty: "Nothing matches.".to_owned(),
            note: String::new(),
            query: Field::default(),
            items: Vec::new(),
            shown: Vec::new(),
            at: 0,
            searching: false,
            narrowed: String::new(),
        };
        picker.set_items(items);
        picker
    }

    #[must_use]
    pub fn empty(mut self, text: &str) -> Self {
        self.empty = SafeText::new(text).into_string();
        self
    }

    /// The owner does the searching.
    #[must_use]
    pub fn searching(mut self) -> Self {
        self.searching = true;
        self
    }

    pub fn set_empty(&mut self, text: &str) {
        self.empty = SafeText::new(text).into_string();
    }

    pub fn set_note(&mut self, text: &str) {
        self.note = SafeText::line(text).into_string();
    }

    /// New rows; the cursor stays on its place in the list as far as that goes.
    pub fn set_items(&mut self, items: Vec<Item<T>>) {
        self.items = items;
        self.narrowed.clear();
        let at = self.at;
        self.filter();
        self.at = at.min(self.shown.len().saturating_sub(1));
    }

    /// Puts the cursor on the first row for which this holds.
    pub fn select(&mut self, is_it: impl Fn(&T) -> bool) {
        if let Some(at) = self.shown.iter().position(|&item| is_it(&self.items[item].value)) {
            self.at = at;
        }
    }

    #[must_use]
    pub fn query(&self) -> &str {
        self.query.text()
    }

    #[must_use]
    pub fn selected(&self) -> Option<&Item<T>> {
        self.shown.get(self.at).map(|&item| &self.items[item])
    }

    /// `Err` hands back an action that is not a list's.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Result<Option<PickerOut<T>>, Action> {
        let page = usize::from(rows_for(self.items.len(), cx.size.1)).max(1);
        let last = self.shown.len().saturating_sub(1);
        match action {
            Action::ListUp => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::ListDown => self.at = if self.at >= last { 0 } else { self.at + 1 },
            Action::ListPageUp => self.at = self.at.saturating_sub(page),
            Action::ListPageDown => self.at = (self.at + page).min(last),
            Action::ListAccept => return Ok(self.selected().map(|item| PickerOut::Chosen(item.value.clone()))),
            Action::ListClose | Action::Escape | Action::Interrupt => return Ok(Some(PickerOut::Closed)),
            other => return Err(other),
        }
        Ok(None)
    }

    /// Typing narrows the list.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<PickerOut<T>> {
        let before = self.query.text().len();
        let used = self.query.on_key(key);
        if used { self.typed(before) } else { None }
    }

    pub fn on_paste(&mut self, text: &str) -> Option<PickerOut<T>> {
        let before = self.query.text().len();
        self.query.paste(text.lines().next().unwrap_or_default());
        self.typed(before)
    }

    fn typed(&mut self, length_before: usize) -> Option<PickerOut<T>> {
        // Moving the cursor in the query changes nothing; every edit of it changes its length.
        if self.query.text().len() == length_before {
            return None;
        }
        self.at = 0;
        if self.searching {
            return Some(PickerOut::Typed(self.query.text().to_owned()));
        }
        self.filter();
        None
    }

    /// A click on a row chooses it, a click outside closes, the wheel moves. `area` is what `view` was given.
    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Option<PickerOut<T>> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.at = self.at.saturating_sub(1),
            MouseEventKind::ScrollDown => self.at = (self.at + 1).min(self.shown.len().saturating_sub(1)),
            MouseEventKind::Down(MouseButton::Left) => {
                let outer = modal::centred(area, self.size(cx, area));
                if !outer.contains((mouse.column, mouse.row).into()) {
                    return Some(PickerOut::Closed);
                }
                let list = self.parts(outer.inner(ratatui::layout::Margin::new(1, 1))).1;
                if list.contains((mouse.column, mouse.row).into()) {
                    let row = self.first_row(list.height) + usize::from(mouse.row - list.y);
                    let item = *self.shown.get(row)?;
                    self.at = row;
                    return Some(PickerOut::Chosen(self.items[item].value.clone()));
                }
            }
            _ => {}
        }
        None
    }

    fn filter(&mut self) {
        self.at = 0;
        let query = self.query.text();
        if self.searching || query.trim().is_empty() {
            self.shown = (0..self.items.len()).collect();
            self.narrowed.clear();
            return;
        }
        // Of ten thousand rows a letter more is looked for only in those that are left.
        let goes_on = !self.narrowed.is_empty() && query.starts_with(self.narrowed.as_str());
        let among = if goes_on { std::mem::take(&mut self.shown) } else { (0..self.items.len()).collect() };
        let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(u32, usize)> = self
            .items_at(&among)
            .filter_map(|(at, item)| {
                let score = pattern.score(Utf32Str::new(&item.label, &mut letters), &mut matcher)?;
                Some((score, at))
            })
            .collect();
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.shown = scored.into_iter().map(|(_, at)| at).collect();
        // A sign such as `!` or `$` turns a longer text into another question.
        let is_plain = query.chars().all(|letter| letter.is_alphanumeric() || letter == ' ' || letter == '/');
        self.narrowed = if is_plain { query.to_owned() } else { String::new() };
    }

    fn items_at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = (usize, &'a Item<T>)> {
        places.iter().map(|&at| (at, &self.items[at]))
    }

    fn size(&self, cx: &Cx, area: Rect) -> (u16, u16) {
        let note = u16::from(!self.note.is_empty());
        (76.min(area.width.saturating_sub(4)).max(20), rows_for(self.items.len(), cx.size.1) + 4 + note)
    }

    /// Query, list, note.
    fn parts(&self, inner: Rect) -> (Rect, Rect, Rect) {
        let note = u16::from(!self.note.is_empty());
        let [query, _, list, note] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(note),
        ])
        .areas(inner);
        (query, list, note)
    }

    /// Keeps the cursor in sight, as near to the middle as the ends allow.
    fn first_row(&self, height: u16) -> usize {
        let height = usize::from(height);
        self.at.saturating_sub(height / 2).min(self.shown.len().saturating_sub(height))
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::ListAccept, "choose"),
            (Action::ListDown, "down"),
            (Action::ListUp, "up"),
            (Action::ListClose, "close"),
        ]);
        let inner = modal::open(frame, area, cx, &self.title, self.size(cx, area), &hints);
        let (query, list, note) = self.parts(inner);
        let [mark, typed, count] =
            Layout::horizontal([Constraint::Length(3), Constraint::Min(1), Constraint::Length(12)]).areas(query);
        frame.render_widget(Span::styled(" › ", cx.theme.accent), mark);
        if self.query.is_empty() {
            frame.render_widget(Span::styled("type to narrow", cx.theme.dim), typed);
        }
        self.query.view(frame, typed, cx.theme.text, true);
        if !self.items.is_empty() {
            let text = if self.searching {
                format!("{} ", self.items.len())
            } else {
                format!("{} of {} ", self.shown.len(), self.items.len())
            };
            frame.render_widget(Line::styled(text, cx.theme.dim).right_aligned(), count);
        }
        if self.shown.is_empty() {
            let text = ratatui::widgets::Paragraph::new(self.empty.as_str())
                .style(cx.theme.dim)
                .wrap(ratatui::widgets::Wrap { trim: true });
            frame.render_widget(text, list.inner(ratatui::layout::Margin::new(1, 0)));
        }
        let first = self.first_row(list.height);
        for (row, &item) in self.shown.iter().skip(first).take(usize::from(list.height)).enumerate() {
            let line = Rect { y: list.y + row as u16, height: 1, ..list };
            let selected = first + row == self.at;
            frame.render_widget(row_line(&self.items[item], selected, line.width, cx), line);
        }
        frame.render_widget(Line::styled(format!(" {}", self.note), cx.theme.dim), note);
    }
}

/// Rows of the list itself: enough for the items, within two thirds of the screen.
fn rows_for(items: usize, screen: u16) -> u16 {
    let most = (screen * 2 / 3).saturating_sub(4).clamp(3, 20);
    u16::try_from(items).unwrap_or(u16::MAX).clamp(3, most)
}

fn row_line<T>(item: &Item<T>, selected: bool, width: u16, cx: &Cx) -> Line<'static> {
    let base = if selected { cx.theme.selection } else { cx.theme.text };
    let quiet = if selected { base } else { cx.theme.dim };
    let marker = if selected { "›" } else { " " };
    let width = usize::from(width);
    let detail = item.detail.width();
    let mark = if item.mark.is_empty() { String::new() } else { format!("{} ", item.mark) };
    let room = width.saturating_sub(3 + mark.width() + if detail > 0 { detail + 2 } else { 0 });
    let label = cut(&item.label, room.max(8.min(width.saturating_sub(3))));
    let gap = width.saturating_sub(2 + mark.width() + label.width() + detail + 1);
    let bold = if selected { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    Line::from(vec![
        Span::styled(format!("{marker} "), base),
        Span::styled(mark, base),
        Span::styled(label, base.patch(bold)),
        Span::styled(" ".repeat(gap), base),
        Span::styled(format!("{} ", item.detail), quiet),
    ])
    .style(base)
}

/// At most `columns` wide, with `…` where something is missing.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        if used + grapheme.width() + 1 > columns {
            break;
        }
        used += grapheme.width();
        shown.push_str(grapheme);
    }
    if columns > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    fn picker() -> Picker<u8> {
        let items = ["Show the keys", "Choose the model", "New conversation", "Lock the screen"];
        Picker::new("Commands", items.iter().zip(0..).map(|(label, n)| Item::new(label, n)).collect())
    }

    fn type_in(picker: &mut Picker<u8>, text: &str) -> Option<PickerOut<u8>> {
        text.chars().filter_map(|c| picker.on_key(KeyEvent::from(KeyCode::Char(c)))).last()
    }

    #[test]
    fn parts_of_words_find_the_row() {
        let cx = Cx::fixed();
        let mut picker = picker();
        type_in(&mut picker, "cmod");
        assert_eq!(picker.on_action(Action::ListAccept, &cx), Ok(Some(PickerOut::Chosen(1))));
        type_in(&mut picker, "zzz");
        assert_eq!(picker.on_action(Action::ListAccept, &cx), Ok(None), "nothing to choose");
    }

    #[test]
    fn a_longer_text_narrows_what_is_left_and_a_shorter_one_brings_back_what_was_there() {
        let mut picker = picker();
        type_in(&mut picker, "the");
        assert_eq!(picker.shown.len(), 3);
        type_in(&mut picker, " mod");
        assert_eq!(picker.shown, [1]);
        for _ in 0..4 {
            picker.on_key(KeyEvent::from(KeyCode::Backspace));
        }
        assert_eq!(picker.shown.len(), 3);
        type_in(&mut picker, " !lock");
        assert_eq!(picker.shown.len(), 2, "a sign asks for what is not there");
        picker.on_key(KeyEvent::from(KeyCode::Backspace));
        picker.set_items(vec![Item::new("the end", 7)]);
        assert_eq!(picker.shown, [0]);
    }

    #[test]
    fn the_cursor_wraps_and_stays_inside_what_matches() {
        let cx = Cx::fixed();
        let mut picker = picker();
        assert_eq!(picker.on_action(Action::ListUp, &cx), Ok(None));
        assert_eq!(picker.selected().unwrap().value, 3);
        assert_eq!(picker.on_action(Action::ListDown, &cx), Ok(None));
        assert_eq!(picker.selected().unwrap().value, 0);
        assert_eq!(picker.on_action(Action::ListUp, &cx), Ok(None));
        picker.set_items(vec![Item::new("only", 9)]);
        assert_eq!(picker.selected().unwrap().value, 9);
    }

    #[test]
    fn a_searching_picker_asks_its_owner_and_shows_all_it_gets() {
        let mut picker = picker().searching();
        assert_eq!(type_in(&mut picker, "zz"), Some(PickerOut::Typed("zz".into())));
        assert_eq!(picker.shown.len(), 4);
    }

    #[test]
    fn a_key_that_is_no_list_key_is_not_used() {
        let cx = Cx::fixed();
        assert_eq!(picker().on_action(Action::Quit, &cx), Err(Action::Quit));
        assert_eq!(picker().on_action(Action::ListClose, &cx), Ok(Some(PickerOut::Closed)));
    }

    #[test]
    fn a_long_label_is_cut_and_says_so() {
        assert_eq!(cut("conversation", 5), "conv…");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!(cut("fits", 4), "fits");
        assert_eq!(cut("x", 0), "");
    }
}
