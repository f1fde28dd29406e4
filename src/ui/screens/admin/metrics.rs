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
    table::{Drawn, boxed, first_row, fit, fit_right, instead, row_style, safe},
};
use crate::{
    api::{Fault, requests::Traced, slowness::time},
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, MetricsCall, MetricsReply, Read, Timer},
        widgets::chart::{count, spark},
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
    /// The row and the request under the cursor.
    at: usize,
    request: usize,
    /// The one that is shown in full; it stays while newer ones push it out of the list.
    open: Option<Traced>,
    scroll: usize,
    /// When, and how much of each row had been counted here by then, oldest first.
    samples: VecDeque<(i64, Vec<u64>)>,
    drawn: Drawn,
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
            at: 0,
            request: 0,
            open: None,
            scroll: 0,
            samples: VecDeque::new(),
            drawn: Drawn::default(),
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
                self.request = self.request.min(read.requests.len().saturating_sub(1));
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

    fn step(&mut self, by: isize) {
        let (at, last) = match self.focus {
            Focus::Figures => (&mut self.at, self.rows.len().saturating_sub(1)),
            Focus::Requests => {
                let last = self.read.as_ref().map_or(0, |read| read.requests.len().saturating_sub(1));
                (&mut self.request, last)
            }
            Focus::Waterfall => {
                let last = self.open.as_ref().map_or(0, |open| open.spans.len() + 3);
                (&mut self.scroll, last)
            }
        };
        *at = at.saturating_add_signed(by).min(last);
    }

    fn figures(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let focused = focused && self.focus == Focus::Figures;
        let inner = boxed(frame, area, "In this hour", "rates: of this window", focused, cx);
        let Some(read) = &self.read else {
            return instead(frame, inner, self.fault.as_ref(), self.loading, "Nothing is counted yet.", cx);
        };
        let [head, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        let room = usize::from(inner.width);
        let line_room = room.saturating_sub(24 + 8 + 7 + 3 * 9 + 2).min(rows::HOURS);
        let heading = format!(
            " {}{}{}{}{}{} {}",
            fit("", 23),
            fit_right("a minute", 8),
            fit_right("count", 7),
            fit_right("p50", 9),
            fit_right("p95", 9),
            fit_right("p99", 9),
            if line_room > 8 { fit("24 hours", line_room) } else { String::new() }
        );
        frame.render_widget(Line::styled(heading, cx.theme.dim), head);
        let height = usize::from(list.height);
        let first = first_row(self.at, self.rows.len(), height);
        let lines = self.rows.iter().enumerate().skip(first).take(height).map(|(place, row)| {
            let figures = row.figures(&read.counted);
            let selected = place == self.at;
            let base = row_style(selected, focused, cx);
            let quiet = if selected { base } else { cx.theme.dim };
            let rate = self.per_minute(place).map_or_else(|| "–".to_owned(), rate);
            let quantiles: String = figures.quantiles.iter().map(|value| fit_right(value, 9)).collect();
            Line::from(vec![
                Span::styled(if selected { "›" } else { " " }, base),
                Span::styled(fit(&row.label, 23), base),
                Span::styled(fit_right(&rate, 8), base),
                Span::styled(fit_right(&count(figures.count), 7), base),
                Span::styled(quantiles, quiet),
                Span::raw(" "),
                Span::styled(spark::line(&figures.hours, line_room, cx), cx.theme.meter),
            ])
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), list);
    }

    fn list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let focused = focused && self.focus == Focus::Requests;
        let many = self.requests().len();
        let below = if many == 1 { "1 kept".to_owned() } else { format!("{many} kept") };
        let inner = boxed(frame, area, "Last requests of this window", &below, focused, cx);
        self.drawn.clear();
        if many == 0 {
            let empty = "None has ended yet, or the setting trace.requests keeps none.";
            return instead(frame, inner, None, self.loading && self.read.is_none(), empty, cx);
        }
        let height = usize::from(inner.height);
        let first = first_row(self.request, many, height);
        self.drawn.rows(inner, first, many);
        let room = usize::from(inner.width);
        let lines = self.requests().iter().enumerate().skip(first).take(height).map(|(place, traced)| {
            let selected = place == self.request;
            let base = row_style(selected, focused, cx);
            let quiet = if selected { base } else { cx.theme.dim };
            let outcome = outcome(traced);
            let style = if outcome.is_some() && !selected { cx.theme.error } else { quiet };
            let words = outcome.map_or_else(|| steps(traced), |outcome| format!("✗ {outcome}"));
            Line::from(vec![
                Span::styled(if selected { "› " } else { "  " }, base),
                Span::styled(fit(&cx.clock(traced.began_at), 18), quiet),
                Span::styled(fit(&safe(traced.what()), 26), base),
                Span::styled(fit_right(&time(traced.took_us), 9), base),
                Span::styled(fit(&format!("  {words}"), room.saturating_sub(55)), style),
            ])
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
    }
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
    let steps = traced.spans.len() + traced.left_out as usize;
    if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") }
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

    fn on_action(&mut self, action: Action, _house: &House, cx: &Cx) -> Option<Step> {
        let page = isize::try_from(cx.size.1.saturating_sub(16)).unwrap_or(1).max(1);
        match action {
            Action::AdminUp => self.step(-1),
            Action::AdminDown => self.step(1),
            Action::AdminTop => self.step(isize::MIN),
            Action::AdminBottom => self.step(isize::MAX),
            Action::AdminPageUp => self.step(-page),
            Action::AdminPageDown => self.step(page),
            Action::FocusNext | Action::FocusPrevious | Action::MetricsSwitch => {
                self.focus = match self.focus {
                    Focus::Figures => Focus::Requests,
                    Focus::Requests | Focus::Waterfall => Focus::Figures,
                };
            }
            Action::MetricsOpen => {
                if self.focus == Focus::Requests
                    && let Some(traced) = self.requests().get(self.request)
                {
                    (self.open, self.scroll) = (Some(traced.clone()), 0);
                    self.focus = Focus::Waterfall;
                } else {
                    self.focus = Focus::Requests;
                }
            }
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
        if let Some(row) = self.drawn.at(at).filter(|row| *row < self.requests().len()) {
            if self.focus == Focus::Requests && row == self.request {
                (self.open, self.scroll) = (self.requests().get(row).cloned(), 0);
                self.focus = Focus::Waterfall;
            } else {
                (self.focus, self.request) = (Focus::Requests, row);
            }
        }
        Vec::new()
    }

    /// Reading anew every second is nothing to be told of.
    fn is_busy(&self) -> bool {
        self.loading && self.read.is_none()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        match self.focus {
            Focus::Figures => cx.hints(&[(Action::MetricsSwitch, "requests"), (Action::AdminDown, "down")]),
            Focus::Requests => cx.hints(&[
                (Action::MetricsOpen, "its steps"),
                (Action::MetricsSwitch, "figures"),
                (Action::AdminDown, "down"),
            ]),
            Focus::Waterfall => cx.hints(&[(Action::Escape, "back"), (Action::AdminDown, "down")]),
        }
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        if let (Focus::Waterfall, Some(open)) = (self.focus, &self.open) {
            let inner = boxed(frame, area, "One request", &steps(open), focused, cx);
            let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
            let lines = waterfall::lines(open, usize::from(inner.width), cx);
            let scroll = self.scroll.min(lines.len().saturating_sub(usize::from(inner.height)));
            let shown = lines.into_iter().skip(scroll).take(usize::from(inner.height));
            frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), inner);
            return;
        }
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(3);
        let list = (area.height / 3).max(5).max(area.height.saturating_sub(rows));
        let [top, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(list)]).areas(area);
        self.figures(frame, top, cx, focused);
        self.list(frame, below, cx, focused);
    }
}
