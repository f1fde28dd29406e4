//! Where the time of an answer went: a bar for each part, the figures, one plain sentence and what would help.

use ratatui::{
    Frame,
    layout::Rect,
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::{
    chart::rows::{self, Bar},
    form::fault_text,
    modal,
};
use crate::{
    api::{
        Fault, MessageId,
        slowness::{Phase, Slowness, time},
    },
    safe_text::SafeText,
    ui::{actions::Action, cx::Cx},
};

/// Columns of the box.
const WIDTH: u16 = 74;
/// Its lines: a heading, a bar for each part, sentence and advice of three lines each, the figures, and what parts them.
const HEIGHT: u16 = 22;

#[derive(Debug)]
pub struct Why {
    pub message: MessageId,
    told: Option<Result<Box<Slowness>, Fault>>,
}

impl Why {
    /// Nothing is known of it yet.
    #[must_use]
    pub fn of(message: MessageId) -> Self {
        Self { message, told: None }
    }

    pub fn set(&mut self, told: Result<Box<Slowness>, Fault>) {
        self.told = Some(told);
    }

    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.told.is_none()
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::ListClose, "back")]);
        let size = (WIDTH.min(area.width.saturating_sub(2)), HEIGHT.min(area.height));
        let inner = modal::open(frame, area, cx, "Where the time went", size, &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        match &self.told {
            None => {
                let words = format!("{} Reading…", cx.spinner());
                frame.render_widget(Line::styled(words, cx.theme.dim), Rect { height: inner.height.min(1), ..inner });
            }
            Some(Err(fault)) => frame.render_widget(fault_text(fault, cx), inner),
            Some(Ok(slowness)) => {
                let lines = lines(slowness, usize::from(inner.width), cx);
                frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
            }
        }
    }
}

fn lines(slowness: &Slowness, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let mut lines = Vec::new();
    if let Some(phases) = &slowness.phases {
        let model = slowness.model.as_deref().map(|model| format!("{} · ", SafeText::line(model).as_str()));
        let heading = format!("{}{} in all", model.unwrap_or_default(), time(phases.total()));
        lines.push(Line::styled(heading, theme.title));
        lines.push(Line::default());
        let total = phases.total().max(1);
        let bars = Phase::ALL.map(|phase| {
            let micros = phases.of(phase);
            let figures = format!("{:>8} {:>3} %", time(micros), micros * 100 / total);
            Bar { label: phase.label().to_owned(), value: micros, other: 0, figures }
        });
        lines.extend(rows::lines(&bars, None, false, room, bars.len(), cx));
        lines.push(Line::default());
    }
    lines.push(Line::styled(SafeText::line(&slowness.why()).into_string(), theme.text));
    if let Some(hint) = slowness.hint() {
        lines.push(Line::styled(SafeText::line(&hint).into_string(), theme.accent));
    }
    let figures = figures(slowness);
    if !figures.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled(figures.join(" · "), theme.dim));
    }
    lines
}

/// What else is known of it, in a line.
fn figures(slowness: &Slowness) -> Vec<String> {
    let metrics = &slowness.metrics;
    let mut figures = Vec::new();
    figures.extend(metrics.prompt_tokens.map(|tokens| format!("prompt {tokens} tokens")));
    figures.extend(metrics.answer_tokens.map(|tokens| format!("answer {tokens} tokens")));
    figures.extend(metrics.tokens_per_second().map(|speed| format!("{speed:.1} tokens/s")));
    figures.extend(slowness.request.map(|request| format!("request {request}")));
    figures
}
