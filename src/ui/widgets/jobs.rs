//! What runs in the background, and for how long.

use std::time::{Duration, Instant};

use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{modal, picker::cut};
use crate::{
    safe_text::SafeText,
    tasks::Running,
    ui::{cx::Cx, keymap::Action},
};

/// Draws the tray.
pub fn view(jobs: &[Running], now: Instant, frame: &mut Frame, area: Rect, cx: &Cx) {
    let hints = cx.hints(&[(Action::ListClose, "close")]);
    let rows = (jobs.len() as u16).max(1) + 4;
    let inner = modal::open(frame, area, cx, "Background work", (64, rows), &hints).inner(Margin::new(1, 1));
    if jobs.is_empty() {
        let text = "Nothing runs in the background. Answers, titles and other work show up here.";
        let words = Paragraph::new(Line::styled(text, cx.theme.dim)).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(words, inner);
        return;
    }
    let room = usize::from(inner.width).saturating_sub(12);
    let lines: Vec<Line> = jobs
        .iter()
        .map(|job| {
            let what = cut(SafeText::line(&job.name).as_str(), room);
            Line::from(vec![
                Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                Span::styled(format!("{what:<room$}"), cx.theme.text),
                Span::styled(format!("{:>9}", how_long(now.saturating_duration_since(job.since))), cx.theme.dim),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
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
