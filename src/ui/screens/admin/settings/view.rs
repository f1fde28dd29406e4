//! The list of the settings by group, and the one under the cursor in full: beside it where it is wide, below otherwise.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    super::table::{boxed, broken, fit, instead, labelled, row_style, safe},
    Settings, help, words,
};
use crate::{
    api::settings::{SettingRow, Source},
    config::house::{self, GROUPS},
    ui::{actions::Action, cx::Cx},
};

/// From this width on the setting stands beside the list.
const WIDE: u16 = 110;
/// Rows of the setting below the list.
const BELOW: u16 = 8;

/// A line of the list.
enum Row<'a> {
    Group(&'a str),
    /// With its number among those that can be chosen.
    Setting(usize, &'a SettingRow),
}

fn sentence(group: &str) -> &'static str {
    GROUPS
        .iter()
        .find(|(name, _)| *name == group)
        .map_or("Set in the file, for whoever uses it. Here to be read.", |(_, about)| about)
}

/// How a value stands in the list.
fn value(row: &SettingRow) -> String {
    let value = if row.is_of_house { words(&row.name, Some(&row.value)) } else { row.value.clone() };
    if value.is_empty() { "–".to_owned() } else { safe(&value) }
}

impl Settings {
    pub(super) fn view_list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let is_wide = area.width >= WIDE;
        let [list, pane] = if is_wide {
            Layout::horizontal([Constraint::Percentage(58), Constraint::Min(0)]).areas(area)
        } else {
            let below = if area.height >= BELOW + 8 { BELOW } else { 0 };
            Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area)
        };
        let newest = self.shown.as_ref().map_or(0, |shown| shown.newest);
        let below = if newest == 0 { String::new() } else { format!("#{newest} is the newest change") };
        let inner = boxed(frame, list, "Settings", &below, focused, cx);
        self.cursor.hide();
        let inner = self.view_filter(frame, inner, cx);
        let rows = self.rows();
        if rows.is_empty() || self.fault.is_some() {
            let empty = format!("No setting has these words in it. {} shows all again.", cx.key(Action::Escape));
            return instead(frame, inner, self.fault.as_ref(), self.loading && self.shown.is_none(), &empty, cx);
        }
        let mut lines: Vec<Row<'_>> = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            if number == 0 || rows[number - 1].group != row.group {
                lines.push(Row::Group(&row.group));
            }
            lines.push(Row::Setting(number, row));
        }
        let height = usize::from(inner.height);
        self.cursor.fits(height);
        let chosen = self.cursor.at();
        let at = lines.iter().position(|line| matches!(line, Row::Setting(number, _) if *number == chosen));
        let first = super::super::table::first_row(at.unwrap_or(0), lines.len(), height);
        let room = usize::from(inner.width);
        let mut drawn = Vec::new();
        for (offset, line) in (0..inner.height).zip(lines.iter().skip(first)) {
            drawn.push(match line {
                Row::Group(group) => {
                    let about = fit(&format!(" {group}  {}", sentence(group)), room);
                    Line::styled(about, cx.theme.dim)
                }
                Row::Setting(number, row) => {
                    self.cursor.is_drawn_at(Rect { y: inner.y + offset, height: 1, ..inner }, *number);
                    setting_line(row, *number == chosen, focused && !self.typing, room, cx)
                }
            });
        }
        frame.render_widget(Paragraph::new(drawn), inner);
        if let Some(row) = self.row().filter(|_| !pane.is_empty()) {
            view_row(row, frame, pane, cx);
        }
    }

    /// The filter, while it is typed or holds something; gives the room that is left.
    fn view_filter(&self, frame: &mut Frame, area: Rect, cx: &Cx) -> Rect {
        if !self.typing && self.filter.is_empty() {
            return area;
        }
        let [line, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        frame.render_widget(Span::styled(" / ", cx.theme.accent), line);
        let field = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
        self.filter.view(frame, field.intersection(line), cx.theme.text, self.typing);
        rest
    }
}

fn setting_line(row: &SettingRow, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
    let base = row_style(selected, focused, cx);
    let quiet = if selected { base } else { cx.theme.dim };
    let cursor = if selected { "›" } else { " " };
    // A glyph, so that no colour is needed: set here, set outside, set here and overruled.
    let (mark, style) = match (row.is_changed(), row.overruled.is_some(), row.from.is_outside()) {
        (_, true, _) => ("!", cx.theme.warning),
        (_, false, true) => ("▪", cx.theme.dim),
        (true, false, false) => ("●", cx.theme.accent),
        (false, false, false) => (" ", cx.theme.dim),
    };
    let name_room = 29.min(room / 2);
    let from_room = if room >= 64 { 19 } else { 9 };
    let value_room = room.saturating_sub(4 + name_room + from_room);
    // Which variable stands in full where the setting does, and so does the file where there is no room for it.
    let from = match (&row.changed_by, row.changed_at, row.house.is_some() && !row.from.is_outside()) {
        (Some(who), Some(at), true) if room >= 64 => format!("{} {}", safe(who), cx.clock(at)),
        _ => match &row.from {
            Source::File(_) if room < 64 => "file".to_owned(),
            Source::Variable(_) => "variable".to_owned(),
            other => other.to_string(),
        },
    };
    Line::from(vec![
        Span::styled(format!("{cursor} "), base),
        Span::styled(mark, if selected { base } else { style }),
        Span::styled(" ", base),
        Span::styled(fit(&row.name, name_room.saturating_sub(1)), base),
        Span::styled(" ", base),
        Span::styled(
            fit(&value(row), value_room.saturating_sub(1)),
            if selected || !row.is_changed() { base } else { cx.theme.accent },
        ),
        Span::styled(" ", base),
        Span::styled(fit(&from, from_room), quiet),
    ])
}

fn view_row(row: &SettingRow, frame: &mut Frame, area: Rect, cx: &Cx) {
    let inner = boxed(frame, area, &row.name, "", false, cx);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let room = usize::from(inner.width);
    let mut lines: Vec<Line> =
        broken(help(&row.name), cx.theme.text, room).into_iter().map(|line| line.after(Vec::new())).collect();
    if area.height > BELOW {
        lines.push(Line::default());
    }
    let setting = house::find(&row.name);
    let default = match setting {
        Some(setting) => setting.shown(&row.default),
        None => row.default.clone(),
    };
    let mut facts = Vec::new();
    if let Some(why) = &row.overruled {
        facts.push(("the house", format!("says {}. {}", words(&row.name, row.house.as_deref()), why)));
    }
    if row.edit.is_empty() {
        let who = match (&row.changed_by, row.changed_at) {
            (Some(who), Some(at)) => format!("{who}, {} (v{})", cx.clock(at), row.version),
            (None, Some(at)) => format!("{} (v{})", cx.clock(at), row.version),
            (_, None) => "never".to_owned(),
        };
        facts.push(("changed", who));
    } else {
        facts.push(("change it in", row.edit.clone()));
    }
    if let Some(setting) = setting {
        facts.push(("takes effect", setting.effect.to_owned()));
    }
    facts.push(("default", if default.is_empty() { "–".to_owned() } else { default }));
    if let Some(setting) = setting {
        facts.push(("takes", setting.takes()));
    }
    if area.height > BELOW {
        facts.insert(0, ("value", value(row)));
    }
    for (label, text) in facts {
        lines.extend(labelled(label, &safe(&text), cx.theme.text, room, cx));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}
