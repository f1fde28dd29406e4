//! What runs in the background: what this window does itself, and below it the jobs: one's own, and the machine's for those
//! who may see them.

use std::time::{Duration, Instant};

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::JobList;
use crate::{
    api::{
        Fault, FaultKind,
        jobs::{JobNews, JobPage, WhichJobs, WorkKind},
    },
    safe_text::SafeText,
    tasks::Running,
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{Effect, JobsOf},
        widgets::{modal, table::fit},
    },
};

/// Most lines for what this window does itself.
const OWN: usize = 6;

#[derive(Debug)]
pub struct Tray {
    /// Of the machine's jobs and one's own, or only these for whoever may not see the others.
    list: JobList,
}

impl Tray {
    /// With what it wants to know first.
    #[must_use]
    pub fn open(cx: &Cx) -> (Self, Vec<Effect>) {
        let may = cx.account.as_ref().is_some_and(|account| account.role == crate::api::auth::Role::Admin);
        let mut tray = Self { list: JobList::new(if may { JobsOf::Tray } else { JobsOf::Own }) };
        let effects = tray.list.read();
        (tray, effects)
    }

    #[must_use]
    pub fn context(&self) -> Context {
        self.list.context()
    }

    /// Whether something turns in it.
    #[must_use]
    pub fn is_busy(&self, running: &[Running]) -> bool {
        own(running).next().is_some()
    }

    pub fn on_news(&mut self, news: &JobNews) -> Vec<Effect> {
        self.list.on_news(news)
    }

    pub fn on_page(&mut self, asked: u64, which: WhichJobs, page: Result<JobPage, Fault>) -> Vec<Effect> {
        match page {
            // A role of theirs may deny it.
            Err(fault) if fault.kind == FaultKind::Denied && self.list.of() == JobsOf::Tray => {
                self.list = JobList::new(JobsOf::Own);
                self.list.read()
            }
            page => self.list.on_page(asked, which, page),
        }
    }

    pub fn on_each(&mut self, results: &[(String, Result<(), Fault>)]) -> Vec<Effect> {
        self.list.on_each(results)
    }

    pub fn read(&mut self) -> Vec<Effect> {
        self.list.read()
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        self.list.on_action(action)
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        self.list.on_key(key)
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        self.list.on_mouse(mouse)
    }

    pub fn view(&self, running: &[Running], now: Instant, frame: &mut Frame, area: Rect, cx: &Cx) {
        let columns = area.width.saturating_sub(4).min(112);
        // Without the frame and the margin.
        self.list.expects(columns.saturating_sub(4));
        let mut hints = self.list.hints(cx);
        hints.extend(cx.hints(&[(Action::Escape, if self.list.is_in_detail() { "back" } else { "close" })]));
        let own: Vec<&Running> = own(running).collect();
        let rows = own.len().clamp(1, OWN + 1) as u16;
        let wish = (columns, area.height.saturating_sub(2).min(rows + 22));
        let inner = modal::open(frame, area, cx, "Background work", wish, &hints);
        let inner = inner.inner(Margin::new(1, u16::from(inner.height > 12)));
        let top = if own.is_empty() { 0 } else { rows + 1 };
        let [above, below] = Layout::vertical([Constraint::Length(top), Constraint::Min(0)]).areas(inner);
        frame.render_widget(Paragraph::new(own_lines(&own, now, above, cx)), above);
        self.list.view(frame, below, cx, !self.list.asks());
        self.list.view_question(frame, area, cx);
    }
}

/// What no table of jobs shows: answers, titles.
fn own(running: &[Running]) -> impl Iterator<Item = &Running> {
    running.iter().filter(|task| !WorkKind::ALL.iter().any(|kind| kind.task() == task.name))
}

fn own_lines(own: &[&Running], now: Instant, area: Rect, cx: &Cx) -> Vec<Line<'static>> {
    let room = usize::from(area.width).saturating_sub(12);
    let mut lines: Vec<Line> = own
        .iter()
        .take(OWN)
        .map(|job| {
            let said = if job.step.is_empty() { job.name.clone() } else { format!("{}: {}", job.name, job.step) };
            let what = fit(SafeText::line(&said).as_str(), room);
            Line::from(vec![
                Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                Span::styled(what, cx.theme.text),
                Span::styled(format!("{:>9}", how_long(now.saturating_duration_since(job.since))), cx.theme.dim),
            ])
        })
        .collect();
    if own.len() > OWN {
        lines.push(Line::styled(format!("  and {} more", own.len() - OWN), cx.theme.dim));
    }
    lines
}

/// `0.4 s`, `12 s`, `3 min`, `2 h`.
#[must_use]
pub fn how_long(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_the_unit_that_fits() {
        for (ms, words) in [(400, "0.4 s"), (12_000, "12 s"), (200_000, "3 min"), (9_000_000, "2 h")] {
            assert_eq!(how_long(Duration::from_millis(ms)), words);
        }
    }
}
