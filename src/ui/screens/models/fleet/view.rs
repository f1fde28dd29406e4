//! How the list of models looks: columns give way from the least needed as the room gets less.

use jiff::Timestamp;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{super::is_admin, FleetTab, Focus, WIDE, complete::proposals, updates::Updates};
use crate::{
    api::{
        amount,
        fleet::{Column as SortedBy, Match, Row, Verdict},
        updates::Standing,
    },
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::clip,
        widgets::{
            form::fault_text,
            marked_rows,
            table::{boxed, first_row, fit, fit_right, instead, row_style, safe},
        },
    },
};

const UNKNOWN: &str = "—";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    State,
    Fit,
    Size,
    Parameters,
    Quantization,
    Context,
    Capabilities,
    LastUsed,
    Speed,
    Rating,
}

/// As they stand from left to right, with their width beyond the name's, and how soon they give way.
const COLUMNS: [(Column, usize, u8); 10] = [
    (Column::State, 8, 0),
    (Column::Fit, 12, 1),
    (Column::Size, 8, 2),
    (Column::Parameters, 6, 3),
    (Column::Capabilities, 5, 4),
    (Column::Quantization, 7, 6),
    (Column::Context, 5, 5),
    (Column::LastUsed, 10, 7),
    (Column::Speed, 5, 8),
    (Column::Rating, 6, 9),
];
const NAME_LEAST: usize = 18;
const NAME_MOST: usize = 44;
/// What the list takes with all its columns and its frame.
const LIST_IN_FULL: u16 = 107;
/// From this width on it gets that.
const ALL_COLUMNS: u16 = 150;

/// Which columns there is room for, and how wide each is.
fn columns(room: usize) -> Vec<(Column, usize)> {
    let (shown, spare) = marked_rows::columns(&COLUMNS, NAME_LEAST, room);
    let name = (Column::Name, (NAME_LEAST + spare).min(NAME_MOST));
    std::iter::once(name).chain(shown).collect()
}

fn heading(column: Column) -> &'static str {
    match column {
        Column::Name => "model",
        Column::State => "state",
        Column::Fit => "fits",
        Column::Size => "size",
        Column::Parameters => "params",
        Column::Quantization => "quant",
        Column::Context => "ctx",
        Column::Capabilities => "can",
        Column::LastUsed => "last used",
        Column::Speed => "tok/s",
        Column::Rating => "rated",
    }
}

/// A letter for each of what a model can do; help and the detail name them.
fn marks(capabilities: &[String]) -> String {
    let letter = |can: &String| match can.as_str() {
        "tools" => Some('T'),
        "vision" => Some('V'),
        "thinking" => Some('R'),
        "embedding" => Some('E'),
        "insert" => Some('I'),
        "audio" => Some('A'),
        _ => None,
    };
    let marks: String = capabilities.iter().filter_map(letter).collect();
    if marks.is_empty() { "·".to_owned() } else { marks }
}

/// `8k`, `128k`, `1M`.
fn window(tokens: u32) -> String {
    match tokens {
        0..1_024 => tokens.to_string(),
        1_024..1_000_000 => format!("{}k", tokens / 1_024),
        1_000_000.. => format!("{:.0}M", f64::from(tokens) / 1_048_576.0),
    }
}

fn cell(column: Column, row: &Row, updates: &Updates, cx: &Cx) -> String {
    let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    match column {
        Column::Name => {
            let notes = if row.has_notes { " ✎" } else { "" };
            format!("{}{notes}", safe(&row.name))
        }
        Column::State => state(row, updates.standing(row)).to_owned(),
        Column::Fit => match (row.fit.verdict, row.fit.is_measured) {
            (Verdict::Unknown, _) => UNKNOWN.to_owned(),
            (verdict, true) => verdict.words().to_owned(),
            (verdict, false) => format!("~{}", verdict.words()),
        },
        Column::Size => known(row.bytes.map(amount::bytes)),
        Column::Parameters => known(row.parameters.as_deref().map(safe)),
        Column::Quantization => known(row.quantization.as_deref().map(safe)),
        Column::Context => known(row.context_length.map(window)),
        Column::Capabilities => known(row.capabilities.as_deref().map(marks)),
        Column::LastUsed => known(row.last_used_at.map(|at| cx.clock(at))),
        Column::Speed => known(row.speed.map(|speed| format!("{speed:.0}"))),
        Column::Rating => known(row.rating.map(|rating| format!("{:+}", rating.balance()))),
    }
}

/// A glyph and a word, so that no colour is needed to tell them apart. Of one that is loaded the glyph tells of the update.
fn state(row: &Row, standing: Option<Standing>) -> &'static str {
    match (&row.loaded, &row.installed, row.is_remote, standing) {
        (Some(_), Some(_), _, Some(Standing::Available)) => "↑ loaded",
        (Some(_), Some(_), _, Some(Standing::Maybe)) => "? loaded",
        (None, Some(_), _, Some(Standing::Available)) => "↑ update",
        (None, Some(_), _, Some(Standing::Maybe)) => "? maybe",
        (Some(_), ..) => "● loaded",
        (None, Some(_), true, Some(Standing::UpToDate | Standing::Unknown) | None) => "☁ remote",
        (None, Some(_), false, Some(Standing::UpToDate | Standing::Unknown) | None) => "✓ here",
        (None, None, ..) => "·",
    }
}

fn style(column: Column, row: &Row, updates: &Updates, base: Style, cx: &Cx) -> Style {
    match column {
        Column::Name => base,
        Column::State if updates.standing(row) == Some(Standing::Available) => cx.theme.warning,
        Column::State if row.loaded.is_some() => cx.theme.success,
        Column::State if row.installed.is_some() => cx.theme.text,
        Column::Fit => match row.fit.verdict {
            Verdict::Gpu | Verdict::Ram => cx.theme.success,
            Verdict::Partly => cx.theme.warning,
            Verdict::TooBig => cx.theme.error,
            Verdict::Unknown => cx.theme.dim,
        },
        Column::State
        | Column::Size
        | Column::Parameters
        | Column::Quantization
        | Column::Context
        | Column::Capabilities
        | Column::LastUsed
        | Column::Speed
        | Column::Rating => cx.theme.dim,
    }
}

fn place(column: Column, text: &str, width: usize) -> String {
    match column {
        Column::Size | Column::Parameters | Column::Context | Column::Speed | Column::Rating => fit_right(text, width),
        Column::Name | Column::State | Column::Fit | Column::Quantization | Column::Capabilities | Column::LastUsed => {
            fit(text, width)
        }
    }
}

/// What a click on a heading sorts by.
fn by(column: Column) -> SortedBy {
    match column {
        Column::Name => SortedBy::Name,
        Column::State => SortedBy::Installed,
        Column::Fit => SortedBy::Fit,
        Column::Size => SortedBy::Size,
        Column::Parameters => SortedBy::Parameters,
        Column::Quantization => SortedBy::Quantization,
        Column::Context => SortedBy::Context,
        Column::Capabilities => SortedBy::Capabilities,
        Column::LastUsed => SortedBy::LastUsed,
        Column::Speed => SortedBy::Speed,
        Column::Rating => SortedBy::Rating,
    }
}

/// What a column to sort by is called.
#[must_use]
pub fn sorted_by(column: SortedBy) -> &'static str {
    match column {
        SortedBy::Name => "name",
        SortedBy::Family => "family",
        SortedBy::Size => "size",
        SortedBy::Parameters => "parameters",
        SortedBy::Quantization => "quantisation",
        SortedBy::Context => "window",
        SortedBy::Capabilities => "capabilities",
        SortedBy::License => "licence",
        SortedBy::Installed => "when it was installed",
        SortedBy::Loaded => "memory it takes now",
        SortedBy::LastUsed => "last used",
        SortedBy::Speed => "speed",
        SortedBy::Rating => "rating",
        SortedBy::Fit => "fit",
        SortedBy::Released => "release",
    }
}

/// `3 s`, `12 min`, `5 h`, `2 d`.
#[must_use]
pub fn age(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5_400 => format!("{} min", seconds / 60),
        seconds @ 5_400..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

impl FleetTab {
    /// The list, and the model beside it where there is room; else one of the two in the place of the other.
    pub(super) fn areas(&self, area: Rect) -> (Rect, Rect) {
        if area.width >= WIDE {
            let beside = (area.width * 2 / 5).clamp(44, 70);
            // From a width on the detail leaves the list the room for all its columns.
            let beside = if area.width >= ALL_COLUMNS { beside.min(area.width - LIST_IN_FULL) } else { beside };
            let [list, detail] = Layout::horizontal([Constraint::Min(0), Constraint::Length(beside)]).areas(area);
            return (list, detail);
        }
        match self.focus {
            Focus::List => (area, Rect::ZERO),
            Focus::Detail => (Rect::ZERO, area),
        }
    }

    pub(super) fn view_all(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        self.drawn.clear();
        self.headings.clear();
        let (list, detail) = self.areas(area);
        if !list.is_empty() {
            self.view_list(frame, list, cx, in_front && self.focus == Focus::List);
        }
        if !detail.is_empty() {
            let in_front = in_front && self.focus == Focus::Detail;
            self.shown.view(frame, detail, self.row(), &self.updates, in_front, cx);
        }
    }

    fn view_list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let inner = boxed(frame, area, &self.title(), &self.below(cx), focused, cx);
        let notice = self.notice(cx, usize::from(inner.width));
        let [filter, told, list] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(if notice.is_some() { 2.min(inner.height / 4) } else { 0 }),
            Constraint::Min(0),
        ])
        .areas(inner);
        self.view_filter(frame, filter, cx, focused);
        if let Some(notice) = notice {
            frame.render_widget(notice, Rect { x: told.x + 1, width: told.width.saturating_sub(2), ..told });
        }
        if self.rows.is_empty() {
            let is_all = self.field.is_empty() && self.tags.is_empty();
            let empty = if is_all {
                format!("No model is known. {} asks Ollama again.", cx.key(Action::Refresh))
            } else {
                let words = format!("No model is like that. {} takes the filter away.", cx.key(Action::Escape));
                if is_admin(cx) {
                    format!("{words} {} installs one by its name.", cx.key(Action::FleetInstall))
                } else {
                    words
                }
            };
            return instead(frame, list, None, self.loading, if self.fault.is_some() { "" } else { &empty }, cx);
        }
        let room = usize::from(list.width);
        let columns = columns(room);
        let mut lines = vec![self.head_line(list, &columns, cx)];
        let height = usize::from(list.height.saturating_sub(1));
        let first = first_row(self.at, self.rows.len(), height);
        let below_head = Rect { y: list.y + 1, height: list.height.saturating_sub(1), ..list };
        self.drawn.rows(below_head, first, self.rows.len());
        for (at, row) in self.rows.iter().enumerate().skip(first).take(height) {
            lines.push(self.row_line(row, at == self.at, focused && !self.typing, &columns, room, cx));
        }
        frame.render_widget(Paragraph::new(lines), list);
    }

    /// The names of the columns; the one that is sorted by says so without a colour as well. A click sorts.
    fn head_line(&self, list: Rect, columns: &[(Column, usize)], cx: &Cx) -> Line<'static> {
        self.headings.clear();
        let mut spans = vec![Span::raw("    ")];
        let mut x = list.x.saturating_add(4);
        for (column, width) in columns {
            let by = by(*column);
            let sort = self.sort.filter(|sort| sort.column == by);
            let (name, style) = match sort {
                Some(sort) => {
                    let way = if sort.descending { "↓" } else { "↑" };
                    (clip(&format!("{}{way}", heading(*column)), *width), cx.theme.accent)
                }
                None => (heading(*column).to_owned(), cx.theme.dim),
            };
            spans.push(Span::styled(format!("{} ", place(*column, &name, *width)), style));
            let which = SortedBy::ALL.iter().position(|known| *known == by).unwrap_or_default();
            self.headings.add(Rect { x, y: list.y, width: *width as u16, height: 1 }, which);
            x = x.saturating_add(*width as u16 + 1);
        }
        Line::from(spans)
    }

    fn view_filter(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let [mark, field] = Layout::horizontal([Constraint::Length(3), Constraint::Min(0)]).areas(area);
        if self.typing || !self.field.is_empty() {
            frame.render_widget(Span::styled(" / ", cx.theme.accent), mark);
            self.field.view(frame, field, cx.theme.text, self.typing && focused);
            if self.field.is_empty() {
                let like = "coder cap:tools size:<8GB fits:gpu";
                frame.render_widget(Span::styled(clip(like, usize::from(field.width)), cx.theme.placeholder), field);
            }
        } else if let Some(key) = cx.keymap.label(Action::FleetFilter) {
            let words = format!(" {key} filter by words, cap:vision, size:<8GB, fits:gpu …");
            frame.render_widget(Span::styled(clip(&words, usize::from(area.width)), cx.theme.placeholder), area);
        }
    }

    /// What is wrong with the filter, what could be typed, or why the list is old.
    fn notice(&self, cx: &Cx, room: usize) -> Option<Paragraph<'static>> {
        if let Some(fault) = &self.fault {
            return Some(fault_text(fault, cx));
        }
        if self.typing {
            let word = self.field.text().rsplit(char::is_whitespace).next().unwrap_or_default();
            let tags: Vec<String> = self.page.tags.iter().map(|tag| tag.name.clone()).collect();
            let all = if word.is_empty() { Vec::new() } else { proposals(word, &tags) };
            if !all.is_empty() {
                let words = format!("{} {}", cx.key(Action::NextField), all.join("  "));
                let words = clip(&safe(&words), room.saturating_sub(2));
                return Some(Paragraph::new(words).style(cx.theme.dim));
            }
        }
        let because = self.page.stale_because.as_ref()?;
        let age = self
            .age_ms(cx)
            .map_or_else(|| "Ollama has not answered yet".into(), |ms| format!("What is installed is {} old", age(ms)));
        let words = format!("! {age}: {}", safe(because));
        Some(Paragraph::new(words).style(cx.theme.warning).wrap(ratatui::widgets::Wrap { trim: true }))
    }

    fn row_line(
        &self,
        row: &Row,
        selected: bool,
        focused: bool,
        columns: &[(Column, usize)],
        room: usize,
        cx: &Cx,
    ) -> Line<'static> {
        let base = row_style(selected, focused, cx);
        let cells = columns.iter().map(|(column, width)| {
            let text = place(*column, &cell(*column, row, &self.updates, cx), *width);
            (text, style(*column, row, &self.updates, base, cx))
        });
        marked_rows::row(selected, self.marked.contains_key(&row.name), base, cells, room)
    }

    /// How old it is by now what is told of Ollama.
    fn age_ms(&self, cx: &Cx) -> Option<u64> {
        let since = u64::try_from(cx.now_ms - self.page_at).unwrap_or(0);
        self.page.age_ms.map(|age| age + since)
    }

    fn title(&self) -> String {
        let mut title = "Models".to_owned();
        if let Some(sort) = self.sort {
            let way = if sort.descending { "↓" } else { "↑" };
            title = format!("{title} · by {} {way}", sorted_by(sort.column));
        }
        if !self.tags.is_empty() {
            let tags: Vec<String> = self.tags.iter().map(|tag| format!("#{}", safe(tag))).collect();
            let between = match self.tags_by {
                Match::Any => " or ",
                Match::All => " and ",
            };
            title = format!("{title} · {}", tags.join(between));
        }
        title
    }

    fn below(&self, cx: &Cx) -> String {
        if self.rows.is_empty() && self.loading {
            return String::new();
        }
        let (total, known) = (self.page.total, self.page.known);
        let mut below = if total == known {
            amount::many(total, "model")
        } else {
            format!("{} of {}", amount::grouped(total), amount::many(known, "model"))
        };
        if !self.marked.is_empty() {
            below = format!("■ {} marked · {below}", self.marked.len());
        }
        if self.updates.is_asking(cx) {
            below = format!("asking registries for updates… · {below}");
        }
        if let Some(ms) = self.age_ms(cx).filter(|_| self.page.stale_because.is_none()) {
            below = format!("{below} · as of {} ago", age(ms));
        }
        if !self.page.catalogue.dated.is_empty() {
            below = format!("{below} · catalogue of {}", safe(&self.page.catalogue.dated));
        }
        below
    }
}

/// When a model was installed or changed, as Ollama writes it.
#[must_use]
pub fn when(rfc3339: &str, cx: &Cx) -> String {
    rfc3339.parse::<Timestamp>().map_or_else(|_| UNKNOWN.to_owned(), |at| cx.clock(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_never_need_more_room_than_there_is() {
        for room in 36..200 {
            let used: usize = 4 + columns(room).iter().map(|(_, width)| width + 1).sum::<usize>();
            assert!(used <= room, "{room}: {used}");
        }
    }

    #[test]
    fn in_a_wide_window_the_list_has_all_its_columns_and_the_detail_its_room() {
        for width in 150..260 {
            let (list, detail) = FleetTab::default().areas(Rect::new(0, 0, width, 40));
            assert_eq!(columns(usize::from(list.width) - 2).len(), COLUMNS.len() + 1, "{width}");
            assert!(detail.width >= 43 && list.width + detail.width == width, "{width}");
        }
    }

    #[test]
    fn the_name_and_the_state_stay_longest() {
        let left: Vec<Column> = columns(36).into_iter().map(|(column, _)| column).collect();
        assert_eq!(left, [Column::Name, Column::State]);
    }

    #[test]
    fn figures_are_as_short_as_they_can_be_told() {
        assert_eq!([age(3_000), age(720_000), age(18_000_000)], ["3 s", "12 min", "5 h"]);
        assert_eq!([window(512), window(131_072), window(1_048_576)], ["512", "128k", "1M"]);
    }
}
