//! Passing notices: stacked in the corner, gone after a while. Not a log: what must stay is shown where it belongs.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Paragraph},
};

use crate::{
    api::{Fault, FaultKind},
    safe_text::SafeText,
    ui::{
        cx::Cx,
        text::wrap::{Wrapped, width as columns},
        widgets::table::broken,
    },
};

/// How much it matters: chooses the glyph, the colour and how long it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Notice,
    Warning,
    Bad,
}

/// One notice. Its text may be foreign; it is made safe when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub tone: Tone,
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Toast {
    /// Something went as wanted: "Copied 120 characters."
    pub fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into(), hint: None }
    }

    pub fn notice(text: impl Into<String>) -> Self {
        Self { tone: Tone::Notice, text: text.into(), hint: None }
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self { tone: Tone::Warning, text: text.into(), hint: None }
    }

    /// What went wrong, with its hint and when to try again.
    #[must_use]
    pub fn fault(fault: &Fault) -> Self {
        let tone = match fault.kind {
            FaultKind::Slow | FaultKind::Cancelled | FaultKind::Conflict => Tone::Warning,
            FaultKind::SignedOut
            | FaultKind::Locked
            | FaultKind::Denied
            | FaultKind::Unconfirmed
            | FaultKind::SecondFactorWanted
            | FaultKind::WrongCredentials
            | FaultKind::Upstream
            | FaultKind::Ollama
            | FaultKind::Model
            | FaultKind::ModelMissing
            | FaultKind::Overflow
            | FaultKind::Invalid
            | FaultKind::NotFound
            | FaultKind::Timeout
            | FaultKind::DiskFull
            | FaultKind::ReadOnly
            | FaultKind::Unsafe
            | FaultKind::Store
            | FaultKind::Internal => Tone::Bad,
        };
        let mut hint = fault.hint.clone();
        if let Some(after) = fault.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            let when = format!("Try again in {seconds} s.");
            hint = Some(hint.map_or(when.clone(), |hint| format!("{hint} {when}")));
        }
        Self { tone, text: fault.message.clone(), hint }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How long it stays: bad news and long ones longer.
    #[must_use]
    pub fn stays(&self) -> Duration {
        let letters = self.text.chars().count() + self.hint.as_ref().map_or(0, |hint| hint.chars().count());
        let base = match self.tone {
            Tone::Good | Tone::Notice => 3,
            Tone::Warning => 6,
            Tone::Bad => 9,
        };
        Duration::from_secs(base + (letters as u64 / 40))
    }
}

/// How many are shown at once; older ones make room.
pub const SHOWN: usize = 3;

/// The newest at the top right, older ones below it: the bottom is where a person writes.
pub fn view<'a>(toasts: impl DoubleEndedIterator<Item = &'a Toast>, frame: &mut Frame, area: Rect, cx: &Cx) {
    let mut top = area.y;
    for toast in toasts.rev().take(SHOWN) {
        let (mark, style) = match toast.tone {
            Tone::Good => ("✓", cx.theme.success),
            Tone::Notice => ("·", cx.theme.accent),
            Tone::Warning => ("!", cx.theme.warning),
            Tone::Bad => ("✗", cx.theme.error),
        };
        let words = SafeText::line(&toast.text).into_string();
        let hint = toast.hint.as_deref().map(|hint| SafeText::line(hint).into_string());
        let longest = columns(&words).max(hint.as_deref().map_or(0, columns)) + 2;
        let width = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(4).min(60).min(area.width);
        let room = usize::from(width.saturating_sub(6)).max(1);
        // Below each other, so that the mark stands alone before all of it.
        let mut lines: Vec<Line> = Vec::new();
        let texts = [(Some(words), cx.theme.text), (hint, cx.theme.dim)];
        let broken = |(text, look): &(Option<String>, Style)| Some(cut(broken(text.as_deref()?, *look, room), *look));
        for line in texts.iter().filter_map(broken).flatten() {
            let front = if lines.is_empty() { format!("{mark} ") } else { "  ".to_owned() };
            lines.push(std::iter::once(Span::styled(front, style)).chain(line.spans).collect());
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
        let height = height.min(area.bottom().saturating_sub(top));
        if height < 3 || width < 8 {
            return;
        }
        let place = Rect { x: area.right() - width, y: top, width, height };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(style)
            .padding(ratatui::widgets::Padding::horizontal(1));
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
        top = place.bottom();
    }
}

/// It is told in passing: what is long stands in full where it belongs, and does not cover the screen.
fn cut(lines: Vec<Wrapped>, look: Style) -> Vec<Line<'static>> {
    const MOST: usize = 5;
    let many = lines.len();
    let mut lines: Vec<Line> = lines.into_iter().take(MOST).map(|line| line.after(Vec::new())).collect();
    if many > MOST {
        lines.pop();
        lines.push(Line::styled("…", look));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_when_to_try_again() {
        let fault = Fault::new(FaultKind::Slow, "Too many tries.").retry_after(Duration::from_millis(1500));
        let toast = Toast::fault(&fault);
        assert_eq!((toast.tone, toast.hint.as_deref()), (Tone::Warning, Some("Try again in 2 s.")));
        let fault = Fault::new(FaultKind::Store, "It broke.").hint("Mend it.");
        assert_eq!(
            Toast::fault(&fault),
            Toast { tone: Tone::Bad, text: "It broke.".into(), hint: Some("Mend it.".into()) }
        );
    }

    #[test]
    fn a_long_one_does_not_cover_the_screen() {
        let cx = Cx::fixed();
        let long = Toast::good("word ".repeat(200)).hint("What to do stands below all the same.");
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| view([long].iter(), frame, frame.area(), &cx)).unwrap();
        let drawn = terminal.backend().to_string();
        assert!(drawn.lines().nth(8).unwrap().trim_matches('"').trim().is_empty(), "{drawn}");
        assert!(drawn.contains("│   … ") && drawn.contains("What to do stands below all the same."), "{drawn}");
    }

    #[test]
    fn bad_news_stays_longer() {
        let fault = Fault::new(FaultKind::Store, "It broke.");
        assert!(Toast::fault(&fault).stays() > Toast::good("Copied.").stays());
    }
}
