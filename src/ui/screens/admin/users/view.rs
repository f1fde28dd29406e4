//! How the list of accounts looks: columns give way from the least needed as the room gets less.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{Focus, Users, WIDE};
use crate::{
    api::{
        admin::{AccountState, UserRow},
        amount,
    },
    ui::{
        cx::Cx,
        screens::admin::table::{boxed, fit, fit_right, instead, row_style, safe},
        widgets::marked_rows,
    },
};

/// A glyph and a word, so that no colour is needed to tell them apart.
#[must_use]
pub fn state_words(state: AccountState) -> (&'static str, &'static str) {
    match state {
        AccountState::Invited => ("◌", "invited"),
        AccountState::Active => ("●", "active"),
        AccountState::Locked => ("◐", "locked"),
        AccountState::Disabled => ("○", "disabled"),
        AccountState::Deleted => ("✗", "in trash"),
    }
}

pub fn state_style(state: AccountState, cx: &Cx) -> Style {
    match state {
        AccountState::Active => cx.theme.success,
        AccountState::Invited => cx.theme.accent,
        AccountState::Locked => cx.theme.warning,
        AccountState::Disabled | AccountState::Deleted => cx.theme.error,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Display,
    Role,
    State,
    LastSignIn,
    Sessions,
    SecondFactor,
    Failures,
}

/// As they stand from left to right, with their width beyond the name's, and how soon they give way.
const COLUMNS: [(Column, usize, u8); 7] = [
    (Column::Display, 12, 4),
    (Column::Role, 8, 2),
    (Column::State, 10, 0),
    (Column::LastSignIn, 10, 3),
    (Column::Sessions, 4, 5),
    (Column::SecondFactor, 3, 6),
    (Column::Failures, 5, 7),
];
const NAME_LEAST: usize = 13;
const NAME_MOST: usize = 24;

/// Which columns there is room for, and how wide each is.
fn columns(room: usize) -> Vec<(Column, usize)> {
    let (shown, spare) = marked_rows::columns(&COLUMNS, NAME_LEAST, room);
    let name = (NAME_LEAST + spare).min(NAME_MOST);
    let rest = spare.saturating_sub(name - NAME_LEAST);
    let shown = shown
        .into_iter()
        .map(|(column, width)| (column, if column == Column::Display { width + rest.min(18) } else { width }));
    std::iter::once((Column::Name, name)).chain(shown).collect()
}

fn heading(column: Column) -> &'static str {
    match column {
        Column::Name => "name",
        Column::Display => "display name",
        Column::Role => "role",
        Column::State => "state",
        Column::LastSignIn => "last in",
        Column::Sessions => "live",
        Column::SecondFactor => "2FA",
        Column::Failures => "tries",
    }
}

fn cell(column: Column, row: &UserRow, cx: &Cx) -> String {
    match column {
        Column::Name => safe(&row.name),
        Column::Display => row.display_name.as_deref().map(safe).unwrap_or_default(),
        Column::Role => safe(&row.role),
        Column::State => {
            let (mark, word) = state_words(row.state);
            format!("{mark} {word}")
        }
        Column::LastSignIn => row.last_sign_in.map_or_else(|| "never".to_owned(), |at| cx.clock(at)),
        Column::Sessions => row.live_sessions.to_string(),
        Column::SecondFactor => if row.has_second_factor { "yes" } else { "–" }.to_owned(),
        Column::Failures => {
            if row.failures == 0 {
                "–".to_owned()
            } else {
                row.failures.to_string()
            }
        }
    }
}

impl Users {
    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        self.cursor.hide();
        if area.width < WIDE {
            if self.focus == Focus::Detail {
                self.view_detail(frame, area, cx, in_front);
            } else {
                self.view_list(frame, area, cx, in_front);
            }
            return;
        }
        let [list, detail] = Layout::horizontal([Constraint::Min(0), Constraint::Length(40)]).areas(area);
        self.view_list(frame, list, cx, in_front && self.focus == Focus::List);
        self.view_detail(frame, detail, cx, in_front && self.focus == Focus::Detail);
    }

    fn view_list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let inner = boxed(frame, area, &self.title(), &self.below(), focused, cx);
        let [filter, list] = Layout::vertical([
            Constraint::Length(u16::from(self.typing || !self.filter.text.is_empty())),
            Constraint::Min(0),
        ])
        .areas(inner);
        if !filter.is_empty() {
            let [mark, field] = Layout::horizontal([Constraint::Length(3), Constraint::Min(0)]).areas(filter);
            frame.render_widget(Span::styled(" / ", cx.theme.accent), mark);
            self.field.view(frame, field, cx.theme.text, self.typing && focused);
        }
        if self.rows.is_empty() || self.fault.is_some() {
            let empty = if self.filter.text.is_empty() && self.filter.state.is_none() && self.filter.role.is_none() {
                "No account is here but yours. n makes one."
            } else {
                "No account is like that. Esc takes the filter away, f chooses others."
            };
            return instead(frame, list, self.fault.as_ref(), self.loading, empty, cx);
        }
        let room = usize::from(list.width);
        let columns = columns(room);
        let mut head = String::from("    ");
        for (column, width) in &columns {
            head.push_str(&place(*column, heading(*column), *width));
            head.push(' ');
        }
        let [heading, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(list);
        frame.render_widget(Line::styled(fit(&head, room), cx.theme.dim), heading);
        self.cursor.view(frame, list, self.rows.len(), |at, is_chosen| {
            self.row_line(&self.rows[at], is_chosen, focused, &columns, room, cx)
        });
    }

    fn row_line(
        &self,
        row: &UserRow,
        selected: bool,
        focused: bool,
        columns: &[(Column, usize)],
        room: usize,
        cx: &Cx,
    ) -> Line<'static> {
        let base = row_style(selected, focused, cx);
        let cells = columns.iter().map(|(column, width)| {
            let style = match column {
                Column::Name => base,
                Column::State => state_style(row.state, cx),
                Column::Failures if row.failures > 0 => cx.theme.warning,
                Column::Display
                | Column::Role
                | Column::LastSignIn
                | Column::Sessions
                | Column::SecondFactor
                | Column::Failures => cx.theme.dim,
            };
            (place(*column, &cell(*column, row, cx), *width), style)
        });
        marked_rows::row(selected, self.marked.contains_key(&row.id), base, cells, room)
    }

    fn title(&self) -> String {
        let mut title = "Users".to_owned();
        if let Some(state) = self.filter.state {
            title = format!("{title} · {}", state_words(state).1);
        }
        if let Some(role) = &self.filter.role {
            title = format!("{title} · role {}", safe(role));
        }
        title
    }

    fn below(&self) -> String {
        if self.rows.is_empty() && self.loading {
            return String::new();
        }
        let count = amount::many(self.total, "account");
        if self.marked.is_empty() { count } else { format!("■ {} marked · {count}", self.marked.len()) }
    }
}

fn place(column: Column, text: &str, width: usize) -> String {
    match column {
        Column::Sessions | Column::SecondFactor | Column::Failures => fit_right(text, width),
        Column::Name | Column::Display | Column::Role | Column::State | Column::LastSignIn => fit(text, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_never_need_more_room_than_there_is() {
        for room in 32..200 {
            let used: usize = 4 + columns(room).iter().map(|(_, width)| width + 1).sum::<usize>();
            assert!(used <= room, "{room}: {used}");
        }
    }

    #[test]
    fn the_name_and_the_state_stay_longest() {
        let left: Vec<Column> = columns(32).into_iter().map(|(column, _)| column).collect();
        assert_eq!(left, [Column::Name, Column::State]);
    }
}
