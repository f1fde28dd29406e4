//! What was changed, newest first; and the difference between two points, which is also the question before everything goes
//! back.

use std::cell::Cell;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    super::{
        Step,
        dialog::Ask,
        table::{boxed, broken, fit, instead, row_style, safe},
    },
    call, told, words,
};
use crate::{
    api::{
        Fault, amount,
        settings::{Differences, PastChange, PastPage, Point},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{AdminCall, Effect, house::SettingsCall},
        text::wrap::width,
        widgets::rows::{Keyed, Paged},
    },
};

impl Keyed for PastChange {
    fn key(&self) -> i64 {
        self.seq
    }
}

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
    list: Paged<PastChange>,
    /// The last question, and before which change its answer begins.
    asked: (u64, Option<i64>),
}

impl Past {
    pub fn new(asked: u64, of: Option<String>, seen: i64) -> Self {
        let mut list = Paged::default();
        list.anew();
        Self { of, seen, list, asked: (asked, None) }
    }

    pub fn is_of_all(&self) -> bool {
        self.of.is_none()
    }

    pub fn is_loading(&self) -> bool {
        self.list.is_loading()
    }

    pub fn clicked(&mut self, place: (u16, u16)) {
        self.list.click(place);
    }

    pub fn read(&self) -> Step {
        vec![self.ask()].into()
    }

    fn ask(&self) -> Effect {
        let (asked, before) = self.asked;
        call(SettingsCall::Past { asked, of: self.of.clone(), before })
    }

    /// Reads its beginning anew.
    pub fn again(&mut self, asked: u64) -> Vec<Effect> {
        self.asked = (asked, None);
        self.list.anew();
        vec![self.ask()]
    }

    pub fn on_page(&mut self, asked: u64, page: Result<PastPage, Fault>) {
        if asked != self.asked.0 {
            return;
        }
        let page = page.map(|page| {
            let next = page.rows.last().map(|change| change.seq).filter(|_| page.more);
            (page.rows, next)
        });
        self.list.came(self.asked.1, page);
        if let (Some(_), Some(newest)) = (&self.of, self.list.rows().first()) {
            self.seen = newest.version;
        }
    }

    /// How everything stood before the change under the cursor.
    pub fn before_chosen(&self) -> Option<Point> {
        self.list.chosen().map(|change| Point::Change(change.seq - 1))
    }

    pub fn on_action(&mut self, action: Action) -> Option<Step> {
        match action {
            Action::FocusPrevious => drop(self.list.go(Action::AdminUp)),
            Action::FocusNext => drop(self.list.go(Action::AdminDown)),
            Action::SettingChange => return Some(self.bring_back()),
            action if self.list.go(action) => {}
            _ => return None,
        }
        let Some(before) = self.list.read_on() else { return Some(Vec::new().into()) };
        self.asked.1 = Some(before);
        Some(vec![self.ask()].into())
    }

    /// The version under the cursor is to hold again.
    fn bring_back(&self) -> Step {
        let (Some(change), Some(newest)) = (self.list.chosen(), self.list.rows().first()) else {
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

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let title = match &self.of {
            Some(name) => format!("History of {name}"),
            None => "All changes of the settings".to_owned(),
        };
        let inner = boxed(frame, area, &title, &self.list.extent(), focused, cx);
        let empty = match &self.of {
            Some(name) => format!("{name} was never changed: it has its default."),
            None => "Nothing was changed yet: every setting has its default.".to_owned(),
        };
        let room = usize::from(inner.width);
        let [head, inner] =
            Layout::vertical([Constraint::Length(u16::from(!self.list.rows().is_empty())), Constraint::Min(0)])
                .areas(inner);
        let number = if self.is_of_all() { "no." } else { "" };
        let words = format!("  {}{}{} from → to", fit(number, 5), fit("when", 11), fit("who", 12));
        frame.render_widget(Line::styled(fit(&words, room), cx.theme.dim), head);
        self.list.view(frame, inner, &empty, cx, |row, is_chosen| self.line(row, is_chosen, focused, room, cx));
    }

    fn line(&self, row: &PastChange, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
        let base = row_style(selected, focused, cx);
        let quiet = if selected { base } else { cx.theme.dim };
        let cursor = if selected { "›" } else { " " };
        let number = if self.is_of_all() { format!("#{}", row.seq) } else { format!("v{}", row.version) };
        let who = row.by_name.as_deref().map_or_else(|| "–".to_owned(), safe);
        let name = if self.is_of_all() { format!("{}: ", row.name) } else { String::new() };
        let back = match row.restores {
            Some(0) => "  (taken back)".to_owned(),
            Some(version) => format!("  (back to v{version})"),
            None => String::new(),
        };
        let what = format!(
            "{name}{} → {}{back}",
            safe(&words(&row.name, row.from.as_deref())),
            safe(&words(&row.name, row.to.as_deref()))
        );
        let rest = room.saturating_sub(2 + 5 + 11 + 13);
        Line::from(vec![
            Span::styled(format!("{cursor} "), base),
            Span::styled(fit(&number, 5), quiet),
            Span::styled(fit(&cx.clock(row.at), 11), quiet),
            Span::styled(fit(&who, 12), quiet),
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
    /// Lines above the first that is drawn, and how many there can be.
    above: usize,
    most_above: Cell<usize>,
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
        Self { from, to, asked, loading: true, found: None, fault: None, above: 0, most_above: Cell::new(0) }
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
        let most = self.most_above.get();
        match action {
            Action::AdminUp | Action::FocusPrevious => self.above = self.above.saturating_sub(1),
            Action::AdminDown | Action::FocusNext => self.above = (self.above + 1).min(most),
            Action::AdminTop => self.above = 0,
            Action::AdminBottom => self.above = most,
            Action::AdminPageUp => self.above = self.above.saturating_sub(10),
            Action::AdminPageDown => self.above = (self.above + 10).min(most),
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
        let below = many.filter(|many| *many > 0).map(|many| amount::many(many, "setting"));
        let inner = boxed(frame, area, title, &below.unwrap_or_default(), focused, cx);
        let Some(found) = self.found.as_ref().filter(|found| !found.rows.is_empty() && self.fault.is_none()) else {
            let empty = if self.is_rollback() {
                "Nothing would change: every setting is as it was then."
            } else {
                "Every setting is as it was when yesterday began."
            };
            return instead(frame, inner, self.fault.as_ref(), self.loading, empty, cx);
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
        self.most_above.set(lines.len().saturating_sub(usize::from(inner.height)));
        frame.render_widget(Paragraph::new(lines.split_off(self.above.min(self.most_above.get()))), inner);
    }
}
