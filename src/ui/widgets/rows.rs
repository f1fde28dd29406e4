//! Rows below each other with a cursor among them: moved by keys, the wheel and clicks, and always in sight. And the same for
//! a list that is read page by page.

use std::cell::Cell;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::Paragraph,
};

use super::table::{Drawn, first_row, instead};
use crate::{
    api::Fault,
    ui::{actions::Action, cx::Cx},
};

/// How far a page goes before anything was drawn.
const PAGE: usize = 10;

/// Where one is in the rows, and where they were drawn last.
#[derive(Debug, Default)]
pub struct Cursor {
    at: usize,
    /// Rows that were in sight.
    height: Cell<usize>,
    drawn: Drawn,
}

impl Cursor {
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Puts it on a row, or on the last where there are fewer.
    pub fn put(&mut self, at: usize, many: usize) {
        self.at = at.min(many.saturating_sub(1));
    }

    /// Moves it, if that is what the action is for. `false` = it is for something else.
    pub fn go(&mut self, action: Action, many: usize) -> bool {
        // One row stays in sight, so that the eye finds its place again.
        let page = match self.height.get() {
            0 => PAGE,
            height => height.saturating_sub(1).max(1),
        };
        let to = match action {
            Action::AdminUp | Action::ListUp => self.at.saturating_sub(1),
            Action::AdminDown | Action::ListDown => self.at + 1,
            Action::AdminTop => 0,
            Action::AdminBottom => many,
            Action::AdminPageUp | Action::ListPageUp => self.at.saturating_sub(page),
            Action::AdminPageDown | Action::ListPageDown => self.at + page,
            _ => return false,
        };
        self.put(to, many);
        true
    }

    /// Puts it on the row that was drawn there. Whether it stood there already; `None` = no row was.
    pub fn click(&mut self, place: (u16, u16), many: usize) -> Option<bool> {
        let row = self.drawn.at(place).filter(|row| *row < many)?;
        Some(std::mem::replace(&mut self.at, row) == row)
    }

    /// The rows are not on view.
    pub fn hide(&self) {
        self.drawn.clear();
    }

    /// A row that is drawn by somebody else, for clicks.
    pub fn is_drawn_at(&self, place: Rect, row: usize) {
        self.drawn.add(place, row);
    }

    /// So many rows fit, whoever draws them.
    pub fn fits(&self, height: usize) {
        self.height.set(height);
    }

    /// So many rows are drawn there by somebody else, the cursor's in sight.
    pub fn is_drawn_in(&self, area: Rect, many: usize) {
        let height = usize::from(area.height);
        self.fits(height);
        self.drawn.rows(area, first_row(self.at, many, height), many);
    }

    /// Draws those of the rows that fit, the cursor's among them. A line is told its row and whether the cursor is on it.
    pub fn view<'a>(&self, frame: &mut Frame, area: Rect, many: usize, mut line: impl FnMut(usize, bool) -> Line<'a>) {
        self.is_drawn_in(area, many);
        let height = usize::from(area.height);
        let first = first_row(self.at, many, height);
        let lines: Vec<Line> = (first..many).take(height).map(|row| line(row, row == self.at)).collect();
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// What tells a row from the others, and where it stands: pages go from the highest to the lowest.
pub trait Keyed {
    fn key(&self) -> i64;
}

/// A list that is read page by page, as far down as the cursor goes.
#[derive(Debug)]
pub struct Paged<T> {
    rows: Vec<T>,
    /// Where the next page begins, if there is one.
    next: Option<i64>,
    loading: bool,
    fault: Option<Fault>,
    cursor: Cursor,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), next: None, loading: false, fault: None, cursor: Cursor::default() }
    }
}

impl<T: Keyed> Paged<T> {
    /// The next page is asked for when so few rows are left below the cursor.
    const AHEAD: usize = 10;

    #[must_use]
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    #[must_use]
    pub fn at(&self) -> usize {
        self.cursor.at()
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&T> {
        self.rows.get(self.cursor.at())
    }

    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.fault.is_some()
    }

    /// How much of it is here, in words.
    #[must_use]
    pub fn extent(&self) -> String {
        match (self.rows.len(), self.next) {
            (0, _) => String::new(),
            (loaded, Some(_)) => format!("{loaded} read, more below"),
            (loaded, None) => format!("{loaded} in all"),
        }
    }

    /// Its beginning is asked for anew; what is here stays until it comes.
    pub fn anew(&mut self) {
        self.loading = true;
    }

    /// Another list comes in its place.
    pub fn replaced(&mut self) {
        (self.rows, self.next, self.loading) = (Vec::new(), None, true);
        self.cursor.put(0, 0);
    }

    /// Where the next page begins, when the cursor is near to the end of what is here; it is asked for then.
    pub fn read_on(&mut self) -> Option<i64> {
        let is_near = self.cursor.at() + Self::AHEAD >= self.rows.len();
        let next = self.next.filter(|_| !self.loading && is_near)?;
        self.loading = true;
        Some(next)
    }

    /// A page has come: the first, or the one before which `before` stood.
    pub fn came(&mut self, before: Option<i64>, page: Result<(Vec<T>, Option<i64>), Fault>) {
        // One that was asked for before the list began anew fits to nothing any more.
        if before.is_some() && before != self.next {
            return;
        }
        self.loading = false;
        let (mut rows, next) = match page {
            Ok(page) => page,
            Err(fault) => return self.fault = Some(fault),
        };
        self.fault = None;
        if before.is_some() {
            self.rows.extend(rows);
            self.next = next;
            return;
        }
        let chosen = self.chosen().map(Keyed::key).filter(|_| self.cursor.at() > 0);
        // What was read further down stays, if nothing is missing between; so whoever is there is not thrown back.
        let (end, first) = (rows.last().map(Keyed::key), self.rows.first().map(Keyed::key));
        let meets = next.is_some() && first.zip(end).is_some_and(|(first, end)| end <= first);
        let old = std::mem::take(&mut self.rows);
        if let Some(end) = end.filter(|_| meets) {
            let before = rows.len();
            rows.extend(old.into_iter().filter(|row| row.key() < end));
            if rows.len() == before {
                self.next = next;
            }
        } else {
            self.next = next;
        }
        self.rows = rows;
        // On the first row one sees what is new; elsewhere the cursor stays on its row.
        let place = chosen.and_then(|key| self.rows.iter().position(|row| row.key() == key));
        self.cursor.put(place.unwrap_or(self.cursor.at()), self.rows.len());
    }

    /// Moves the cursor, if that is what the action is for.
    pub fn go(&mut self, action: Action) -> bool {
        self.cursor.go(action, self.rows.len())
    }

    /// Puts the cursor on the row that was drawn there.
    pub fn click(&mut self, place: (u16, u16)) -> Option<bool> {
        self.cursor.click(place, self.rows.len())
    }

    pub fn hide(&self) {
        self.cursor.hide();
    }

    /// Draws what fits; or says why there is nothing.
    pub fn view<'a>(
        &self,
        frame: &mut Frame,
        area: Rect,
        empty: &str,
        cx: &Cx,
        mut line: impl FnMut(&T, bool) -> Line<'a>,
    ) {
        if self.rows.is_empty() || self.fault.is_some() {
            self.cursor.hide();
            return instead(frame, area, self.fault.as_ref(), self.loading, empty, cx);
        }
        self.cursor.view(frame, area, self.rows.len(), |row, is_chosen| line(&self.rows[row], is_chosen));
    }
}

/// A few lines, a list, and below it the row under the cursor in full: as far as there is such a row and room for it.
#[must_use]
pub fn with_one_in_full(area: Rect, head: usize, full: u16, has_one: bool) -> [Rect; 3] {
    /// Rows of a list that is worth its room.
    const LIST: u16 = 9;
    let full = if has_one && area.height >= full + LIST { full } else { 0 };
    let head = u16::try_from(head).unwrap_or(0);
    Layout::vertical([Constraint::Length(head), Constraint::Min(0), Constraint::Length(full)]).areas(area)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FaultKind;

    impl Keyed for i64 {
        fn key(&self) -> i64 {
            *self
        }
    }

    fn page(from: i64, to: i64) -> (Vec<i64>, Option<i64>) {
        ((to..=from).rev().collect(), (to > 1).then_some(to))
    }

    /// Two pages of twenty, the cursor in the second.
    fn far_down() -> Paged<i64> {
        let mut list = Paged::default();
        list.anew();
        list.came(None, Ok(page(60, 41)));
        assert!(list.go(Action::AdminBottom));
        assert_eq!(list.read_on(), Some(41));
        assert_eq!(list.read_on(), None, "it is on its way");
        list.came(Some(41), Ok(page(40, 21)));
        for _ in 0..5 {
            list.go(Action::AdminDown);
        }
        assert_eq!(list.chosen(), Some(&36));
        list
    }

    #[test]
    fn whoever_is_further_down_stays_there_when_the_beginning_is_read_anew() {
        let mut list = far_down();
        list.anew();
        list.came(None, Ok(page(63, 44)));
        assert_eq!((list.chosen(), list.rows().len()), (Some(&36), 43));
        assert_eq!(list.rows(), (21..=63).rev().collect::<Vec<_>>());
        list.go(Action::AdminBottom);
        assert_eq!(list.read_on(), Some(21), "and goes on where it ended");
    }

    #[test]
    fn where_something_would_be_missing_between_the_list_begins_again() {
        let mut list = far_down();
        list.anew();
        list.came(None, Ok(page(100, 81)));
        assert_eq!(list.rows(), (81..=100).rev().collect::<Vec<_>>());
        list.came(Some(21), Ok(page(20, 1)));
        assert_eq!(list.rows().len(), 20, "what was asked for before fits no more");
        assert_eq!(list.read_on(), Some(81));
    }

    #[test]
    fn on_the_first_row_what_is_new_is_seen() {
        let mut list = Paged::default();
        list.came(None, Ok(page(5, 1)));
        list.came(None, Ok(page(6, 1)));
        assert_eq!((list.chosen(), list.rows().len()), (Some(&6), 6));
        assert_eq!(list.read_on(), None, "that is all");
        list.came(None, Ok(page(3, 1)));
        assert_eq!(list.rows(), [3, 2, 1], "what is gone is gone");
    }

    #[test]
    fn a_refusal_keeps_what_is_there_and_a_page_goes_as_far_as_there_are_rows_in_sight() {
        let mut list = far_down();
        list.came(None, Err(Fault::new(FaultKind::Store, "It broke.")));
        assert!(list.has_failed() && list.rows().len() == 40 && !list.is_loading());
        let mut cursor = Cursor::default();
        cursor.fits(8);
        assert!(cursor.go(Action::AdminPageDown, 30));
        assert_eq!(cursor.at(), 7);
        assert!(!cursor.go(Action::Escape, 30));
    }
}
