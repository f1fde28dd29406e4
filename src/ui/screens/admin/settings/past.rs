//! What was changed, newest first; and the difference between two points, which is also the question before everything goes
//! back.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    super::{
        Step,
        dialog::Ask,
        table::{Drawn, boxed, broken, first_row, fit, instead, row_style, safe},
    },
    call, told, words,
};
use crate::{
    api::{
        Fault,
        settings::{Differences, PastChange, PastPage, Point},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{AdminCall, Effect, house::SettingsCall},
        text::wrap::width,
    },
};

/// More is asked for when so few are left below.
const AHEAD: usize = 10;

/// The beginning of yesterday, by the clock on the wall.
pub fn yesterday(cx: &Cx) -> Point {
    use jiff::ToSpan as _;
    let day = jiff::Timestamp::from_millisecond(cx.now_ms).ok().and_then(|now| {
        let day = now.to_zoned(cx.zone.clone()).date().checked_sub(1.days()).ok()?;
        Some(day.to_zoned(cx.zone.clone()).ok()?.timestamp().as_millisecond())
    });
    Point::At(day.unwrap_or(cx.now_ms - 86_400_000))
}

/// The changes of one setting, or of all.
#[derive(Debug)]
pub struct Past {
    of: Option<String>,
    /// The version of that setting that was on the list when this was opened.
    seen: i64,
    rows: Vec<PastChange>,
    more: bool,
    at: usize,
    asked: u64,
    loading: bool,
    appends: bool,
    fault: Option<Fault>,
}

impl Past {
    pub fn new(asked: u64, of: Option<String>, seen: i64) -> Self {
        Self { of, seen, rows: Vec::new(), more: false, at: 0, asked, loading: true, appends: false, fault: None }
    }

    pub fn is_of_all(&self) -> bool {
        self.of.is_none()
    }

    pub fn is_loading(&self) -> bool {
        self.loading
    }

    pub fn choose(&mut self, row: usize) {
        self.at = row.min(self.rows.len().saturating_sub(1));
    }

    pub fn read(&self) -> Step {
        vec![self.ask(None)].into()
    }

    fn ask(&self, before: Option<i64>) -> Effect {
        call(SettingsCall::Past { asked: self.asked, of: self.of.clone(), before })
    }

    /// Reads its beginning anew.
    pub fn again(&mut self, asked: u64) -> Vec<Effect> {
        (self.asked, self.loading, self.appends) = (asked, true, false);
        vec![self.ask(None)]
    }

    pub fn on_page(&mut self, asked: u64, page: Result<PastPage, Fault>) {
        if asked != self.asked {
            return;
        }
        self.loading = false;
        match page {
            Ok(page) => {
                if !self.appends {
                    self.rows.clear();
                }
                self.rows.extend(page.rows);
                (self.more, self.fault) = (page.more, None);
                self.at = self.at.min(self.rows.len().saturating_sub(1));
                if self.of.is_some()
                    && let Some(newest) = self.rows.first()
                {
                    self.seen = newest.version;
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn chosen(&self) -> Option<&PastChange> {
        self.rows.get(self.at)
    }

    /// How everything stood before the change under the cursor.
    pub fn before_chosen(&self) -> Option<Point> {
        self.chosen().map(|change| Point::Change(change.seq - 1))
    }

    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        let last = self.rows.len().saturating_sub(1);
        let page = usize::from(cx.size.1.saturating_sub(8)).max(1);
        match action {
            Action::AdminUp | Action::FocusPrevious => self.at = self.at.saturating_sub(1),
            Action::AdminDown | Action::FocusNext => self.at = (self.at + 1).min(last),
            Action::AdminTop => self.at = 0,
            Action::AdminBottom => self.at = last,
            Action::AdminPageUp => self.at = self.at.saturating_sub(page),
            Action::AdminPageDown => self.at = (self.at + page).min(last),
            Action::SettingChange => return Some(self.bring_back()),
            _ => return None,
        }
        if self.more && !self.loading && self.at + AHEAD >= self.rows.len() {
            (self.loading, self.appends) = (true, true);
            return Some(vec![self.ask(self.rows.last().map(|row| row.seq))].into());
        }
        Some(Vec::new().into())
    }

    /// The version under the cursor is to hold again.
    fn bring_back(&self) -> Step {
        let (Some(change), Some(newest)) = (self.chosen(), self.rows.first()) else {
            return told("Nothing was changed yet.");
        };
        if change.to == newest.to {
            return told(&format!("{} is {} already.", change.name, safe(&words(&change.name, change.to.as_deref()))));
        }
        let text = format!(
            "{}: {} → {}",
            change.name,
            safe(&words(&change.name, newest.to.as_deref())),
            safe(&words(&change.name, change.to.as_deref()))
        );
        let roll = SettingsCall::RollBack { name: change.name.clone(), to: Some(change.version), seen: self.seen };
        let title = format!("Bring version {} back?", change.version);
        Ask::dialog(&title, text, "Bring it back", AdminCall::Settings(roll)).into()
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool, drawn: &Drawn) {
        let title = match &self.of {
            Some(name) => format!("History of {name}"),
            None => "All changes of the settings".to_owned(),
        };
        let inner = boxed(frame, area, &title, "", focused, cx);
        drawn.clear();
        if self.rows.is_empty() || self.fault.is_some() {
            let empty = "Nothing was changed yet: every setting has its default.";
            return instead(frame, inner, self.fault.as_ref(), self.loading, empty, cx);
        }
        let height = usize::from(inner.height);
        let first = first_row(self.at, self.rows.len(), height);
        drawn.rows(inner, first, self.rows.len());
        let room = usize::from(inner.width);
        let lines = self.rows.iter().enumerate().skip(first).take(height);
        let lines = lines.map(|(at, row)| self.line(row, at == self.at, focused, room, cx));
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
    }

    fn line(&self, row: &PastChange, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
        let base = row_style(selected, focused, cx);
        let quiet = if selected { base } else { cx.theme.dim };
        let cursor = if selected { "›" } else { " " };
        let number = if self.is_of_all() { format!("#{}", row.seq) } else { format!("v{}", row.version) };
        let who = row.by_name.as_deref().map_or_else(|| "–".to_owned(), safe);
        let name = if self.is_of_all() { format!("{}: ", row.name) } else { String::new() };
        let back = row.restores.map(|version| format!("  ↶ v{version}")).unwrap_or_default();
        let what = format!(
            "{name}{} → {}{back}",
            safe(&words(&row.name, row.from.as_deref())),
            safe(&words(&row.name, row.to.as_deref()))
        );
        let rest = room.saturating_sub(2 + 5 + 17 + 11);
        Line::from(vec![
            Span::styled(format!("{cursor} "), base),
            Span::styled(fit(&number, 5), quiet),
            Span::styled(fit(&cx.clock(row.at), 17), quiet),
            Span::styled(fit(&who, 10), quiet),
            Span::styled(" ", quiet),
            Span::styled(fit(&what, rest), base),
        ])
    }
}

/// What differs between two points.
#[derive(Debug)]
pub struct Difference {
    from: Point,
    to: Point,
    asked: u64,
    loading: bool,
    found: Option<Differences>,
    fault: Option<Fault>,
    /// Lines above the first that is drawn.
    above: usize,
}

impl Difference {
    /// What was changed since then.
    pub fn since(asked: u64, from: Point) -> Self {
        Self::between(asked, from, Point::Now)
    }

    /// What would change if everything went back.
    pub fn back_to(asked: u64, to: Point) -> Self {
        Self::between(asked, Point::Now, to)
    }

    fn between(asked: u64, from: Point, to: Point) -> Self {
        Self { from, to, asked, loading: true, found: None, fault: None, above: 0 }
    }

    pub fn is_loading(&self) -> bool {
        self.loading
    }

    pub fn read(&self) -> Step {
        vec![self.ask()].into()
    }

    fn ask(&self) -> Effect {
        call(SettingsCall::Differ { asked: self.asked, from: self.from, to: self.to })
    }

    pub fn again(&mut self, asked: u64) -> Vec<Effect> {
        (self.asked, self.loading) = (asked, true);
        vec![self.ask()]
    }

    pub fn on_found(&mut self, asked: u64, found: Result<Differences, Fault>) {
        if asked != self.asked {
            return;
        }
        self.loading = false;
        match found {
            Ok(found) => (self.found, self.fault) = (Some(found), None),
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn is_rollback(&self) -> bool {
        self.from == Point::Now
    }

    pub fn may_roll_back(&self) -> bool {
        self.is_rollback() && self.found.as_ref().is_some_and(|found| !found.rows.is_empty())
    }

    pub fn on_action(&mut self, action: Action) -> Option<Step> {
        match action {
            Action::AdminUp | Action::FocusPrevious => self.above = self.above.saturating_sub(1),
            Action::AdminDown | Action::FocusNext => self.above += 1,
            Action::AdminTop | Action::AdminPageUp => self.above = 0,
            Action::AdminPageDown => self.above += 10,
            Action::SettingChange if self.may_roll_back() && !self.loading => {
                let found = self.found.as_ref()?;
                let to = Point::Change(found.to);
                return Some(AdminCall::Settings(SettingsCall::RollAllBack { to, seen: found.newest }).into());
            }
            _ => return None,
        }
        Some(Vec::new().into())
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let title = if self.is_rollback() { "Everything back: what would change" } else { "Changed since yesterday" };
        let many = self.found.as_ref().map(|found| found.rows.len());
        let below = many.map(|many| format!("{many} {}", if many == 1 { "setting" } else { "settings" }));
        let inner = boxed(frame, area, title, &below.unwrap_or_default(), focused, cx);
        let Some(found) = self.found.as_ref().filter(|found| !found.rows.is_empty() && self.fault.is_none()) else {
            return instead(frame, inner, self.fault.as_ref(), self.loading, "Nothing differs.", cx);
        };
        let room = usize::from(inner.width).saturating_sub(4);
        let mut lines: Vec<Line> = Vec::new();
        for row in &found.rows {
            lines.push(Line::styled(format!(" {}", safe(&row.name)), cx.theme.text));
            for (mark, value, style) in [("-", &row.from, cx.theme.error), ("+", &row.to, cx.theme.success)] {
                let text = safe(&words(&row.name, value.as_deref()));
                let text = if width(&text) > room * 2 { fit(&text, room * 2) } else { text };
                for line in broken(&text, style, room) {
                    lines.push(line.after(vec![Span::styled(format!("  {mark} "), style)]));
                }
            }
            if let Some(why) = &row.refused {
                for line in broken(&safe(why), cx.theme.warning, room) {
                    lines.push(line.after(vec![Span::styled("  ! ", cx.theme.warning)]));
                }
            }
        }
        let above = self.above.min(lines.len().saturating_sub(usize::from(inner.height)));
        frame.render_widget(Paragraph::new(lines.split_off(above)), inner);
    }
}
