//! The tab of metrics: how often, how fast, and how it went over the last day; the last requests and one of them in full.
//!
//! It reads anew once a second, as long as it is on view and not more often; what is read comes from memory and from the
//! hours that are kept. Rates are of this window alone, since others write theirs down only now and then.

mod rows;
mod waterfall;

use std::{collections::VecDeque, time::Duration};

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use self::rows::Row;
use super::{
    Step,
    part::{House, Part},
    table::{boxed, fit, fit_right, instead, row_style, safe},
};
use crate::{
    api::{Fault, amount, requests::Traced, slowness::time},
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, MetricsCall, MetricsReply, Read, Timer},
        widgets::{
            chart::{count, spark},
            rows::Cursor,
        },
    },
};

/// How often it is read anew.
const EVERY: Duration = Duration::from_secs(1);
/// Rates are those of so many milliseconds.
const RATE_OVER: i64 = 60_000;
/// Numbers of this tab's questions begin here, so that none is taken for one of another tab.
const FIRST_ASKED: u64 = 1 << 48;

/// Which part has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Figures,
    Requests,
    /// One request in full.
    Waterfall,
}

#[derive(Debug)]
pub struct Metrics {
    rows: Vec<Row>,
    read: Option<Read>,
    fault: Option<Fault>,
    loading: bool,
    asked: u64,
    focus: Focus,
    /// Among the figures, and among the requests.
    figure: Cursor,
    request: Cursor,
    /// The one that is shown in full; it stays while newer ones push it out of the list.
    open: Option<Traced>,
    /// Among its lines.
    line: Cursor,
    /// When, and how much of each row had been counted here by then, oldest first.
    samples: VecDeque<(i64, Vec<u64>)>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            rows: rows::rows(),
            read: None,
            fault: None,
            loading: false,
            asked: FIRST_ASKED,
            focus: Focus::default(),
            figure: Cursor::default(),
            request: Cursor::default(),
            open: None,
            line: Cursor::default(),
            samples: VecDeque::new(),
        }
    }
}

impl Metrics {
    pub fn on_reply(&mut self, reply: MetricsReply) -> Vec<Effect> {
        let MetricsReply::Read { asked, read } = reply;
        if asked != self.asked {
            return Vec::new();
        }
        self.loading = false;
        match read {
            Ok(read) => {
                let counts = self.rows.iter().map(|row| row.count(&read.counted.here)).collect();
                self.samples.push_back((read.counted.at, counts));
                while self.samples.front().is_some_and(|(at, _)| read.counted.at - at > RATE_OVER) {
                    self.samples.pop_front();
                }
                // On the first row one sees the newest; elsewhere the cursor stays with its request.
                let chosen = self.requests().get(self.request.at()).filter(|_| self.request.at() > 0);
                let place = chosen.and_then(|chosen| read.requests.iter().position(|traced| is_same(traced, chosen)));
                self.request.put(place.unwrap_or(self.request.at()), read.requests.len());
                (self.read, self.fault) = (Some(*read), None);
            }
            Err(fault) => {
                self.fault = Some(fault);
                // What is refused is not asked for again every second.
                return Vec::new();
            }
        }
        vec![Effect::After(EVERY, Timer::Settle(self.asked))]
    }

    /// Time to read anew, if nothing has asked since.
    pub fn on_settled(&mut self, asked: u64) -> Vec<Effect> {
        if asked == self.asked && !self.loading { self.open() } else { Vec::new() }
    }

    /// How often in a minute, as far as this window has seen.
    fn per_minute(&self, row: usize) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let ms = last.0 - first.0;
        (ms > 0).then(|| (last.1[row].saturating_sub(first.1[row])) as f64 * 60_000.0 / ms as f64)
    }

    fn requests(&self) -> &[Traced] {
        self.read.as_ref().map_or(&[], |read| &read.requests)
    }

    fn go(&mut self, action: Action) -> bool {
        match self.focus {
            Focus::Figures => self.figure.go(action, self.rows.len()),
            Focus::Requests => {
                let many = self.requests().len();
                self.request.go(action, many)
            }
            Focus::Waterfall => {
                let many = self.open.as_ref().map_or(0, |open| open.spans.len() + usize::from(open.left_out > 0));
                self.line.go(action, many)
            }
        }
    }

    fn open_chosen(&mut self) {
        if let Some(traced) = self.requests().get(self.request.at()).cloned() {
            (self.open, self.line) = (Some(traced), Cursor::default());
            self.focus = Focus::Waterfall;
        }
    }

    fn figures(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let focused = focused && self.focus == Focus::Figures;
        let below = match (&self.read, &self.fault) {
            (Some(read), Some(_)) => format!("not read anew since {}", cx.clock(read.counted.at)),
            (Some(_), None) => "read each second · a minute: of this window alone".to_owned(),
            (None, _) => String::new(),
        };
        let inner = boxed(frame, area, "In this hour, of all windows", &below, focused, cx);
        let Some(read) = &self.read else {
            self.figure.hide();
            return instead(frame, inner, self.fault.as_ref(), self.loading, "Nothing is counted yet.", cx);
        };
        let [head, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        let room = usize::from(inner.width);
        let line_room = room.saturating_sub(2 + 21 + 9 + 7 + 3 * 9 + 2 + 1).min(rows::HOURS);
        let heading = format!(
            "  {}{}{}{}{}{}  {}",
            fit("", 21),
            fit_right("a minute", 9),
            fit_right("count", 7),
            fit_right("p50", 9),
            fit_right("p95", 9),
            fit_right("p99", 9),
            if line_room >= 8 { fit("24 hours", line_room) } else { String::new() }
        );
        frame.render_widget(Line::styled(heading, cx.theme.dim), head);
        self.figure.view(frame, list, self.rows.len(), |place, selected| {
            let row = &self.rows[place];
            let figures = row.figures(&read.counted);
            let base = row_style(selected, focused, cx);
            let quiet = if selected { base } else { cx.theme.dim };
            let rate = self.per_minute(place).map_or_else(|| "–".to_owned(), rate);
            let quantiles: String = figures.quantiles.iter().map(|value| fit_right(value, 9)).collect();
            Line::from(vec![
                Span::styled(if selected { "› " } else { "  " }, base),
                Span::styled(fit(&row.label, 21), base),
                Span::styled(fit_right(&rate, 9), base),
                Span::styled(fit_right(&count(figures.count), 7), base),
                Span::styled(quantiles, quiet),
                Span::raw("  "),
                Span::styled(spark::line(&figures.hours, line_room, cx), cx.theme.meter),
            ])
        });
    }

    fn list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let focused = focused && self.focus == Focus::Requests;
        let many = self.requests().len();
        let inner = boxed(frame, area, "Last requests of this window", &format!("{many} kept"), focused, cx);
        if many == 0 {
            self.request.hide();
            let empty = "None has ended yet, or the setting trace.requests keeps none.";
            return instead(frame, inner, None, self.loading && self.read.is_none(), empty, cx);
        }
        let room = usize::from(inner.width);
        self.request.view(frame, inner, many, |place, selected| {
            let traced = &self.requests()[place];
            let base = row_style(selected, focused, cx);
            let quiet = if selected { base } else { cx.theme.dim };
            let outcome = outcome(traced);
            let style = if outcome.is_some() && !selected { cx.theme.error } else { quiet };
            let words = outcome.map_or_else(|| steps(traced), |outcome| format!("✗ {outcome}"));
            Line::from(vec![
                Span::styled(if selected { "› " } else { "  " }, base),
                Span::styled(fit(&cx.clock_to_the_second(traced.began_at), 14), quiet),
                Span::styled(fit(&safe(traced.what()), 26), base),
                Span::styled(fit_right(&time(traced.took_us), 9), base),
                Span::styled(fit(&format!("  {words}"), room.saturating_sub(51)), style),
            ])
        });
    }
}

/// Whether it is the same request, read again.
fn is_same(one: &Traced, other: &Traced) -> bool {
    (one.request, one.began_at, one.took_us) == (other.request, other.began_at, other.took_us)
}

/// `0`, `0.4`, `12`, `3 400`.
fn rate(per_minute: f64) -> String {
    match per_minute {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate => count(rate.round() as u64),
    }
}

fn steps(traced: &Traced) -> String {
    amount::many(traced.spans.len() + traced.left_out as usize, "step")
}

/// How its call ended, when not well.
fn outcome(traced: &Traced) -> Option<String> {
    let failed = traced.spans.iter().filter(|span| span.name == "call").find_map(|span| span.outcome.as_deref());
    failed.filter(|outcome| *outcome != "ok").map(safe)
}

impl Part for Metrics {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        self.asked += 1;
        vec![Effect::Admin(AdminCall::Metrics(MetricsCall::Read { asked: self.asked }))]
    }

    /// It reads by itself.
    fn house_changed(&mut self) -> Vec<Effect> {
        Vec::new()
    }

    fn context(&self) -> Context {
        Context::Metrics
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        match action {
            action if self.go(action) => {}
            Action::FocusNext | Action::FocusPrevious | Action::MetricsSwitch => {
                self.focus = match self.focus {
                    Focus::Figures => Focus::Requests,
                    Focus::Requests | Focus::Waterfall => Focus::Figures,
                };
            }
            Action::MetricsOpen => match self.focus {
                Focus::Figures => self.focus = Focus::Requests,
                Focus::Requests => self.open_chosen(),
                Focus::Waterfall => {}
            },
            Action::Escape if self.focus == Focus::Waterfall => self.focus = Focus::Requests,
            Action::Escape if self.focus == Focus::Requests => self.focus = Focus::Figures,
            _ => return None,
        }
        Some(Vec::new().into())
    }

    /// Selects the request that was drawn there; one that is selected already is shown in full.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if self.focus == Focus::Waterfall {
            return Vec::new();
        }
        let many = self.requests().len();
        if let Some(again) = self.request.click(at, many) {
            if again && self.focus == Focus::Requests {
                self.open_chosen();
            } else {
                self.focus = Focus::Requests;
            }
        } else if self.figure.click(at, self.rows.len()).is_some() {
            self.focus = Focus::Figures;
        }
        Vec::new()
    }

    /// Reading anew every second is nothing to be told of.
    fn is_busy(&self) -> bool {
        self.loading && self.read.is_none()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        match self.focus {
            Focus::Figures => cx.hints(&[(Action::MetricsSwitch, "to the requests"), (Action::AdminDown, "down")]),
            Focus::Requests => cx.hints(&[
                (Action::MetricsOpen, "its steps"),
                (Action::MetricsSwitch, "to the figures"),
                (Action::AdminDown, "down"),
            ]),
            Focus::Waterfall => cx.hints(&[(Action::Escape, "to the requests"), (Action::AdminDown, "down")]),
        }
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        if let (Focus::Waterfall, Some(open)) = (self.focus, &self.open) {
            let inner = boxed(frame, area, "One request", &steps(open), focused, cx);
            let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
            self.figure.hide();
            self.request.hide();
            let [head, list] = Layout::vertical([Constraint::Length(4), Constraint::Min(0)]).areas(inner);
            let room = usize::from(inner.width);
            frame.render_widget(Paragraph::new(waterfall::head(open, room, cx)), head);
            let lines = waterfall::lines(open, room, cx);
            self.line.view(frame, list, lines.len(), |at, _| lines[at].clone());
            return;
        }
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(3);
        let list = (area.height / 3).max(5).max(area.height.saturating_sub(rows));
        let [top, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(list)]).areas(area);
        self.figures(frame, top, cx, focused);
        self.list(frame, below, cx, focused);
    }
}
