//! A question for what cannot be undone: leave it, or do it; where that can be done in two ways, the further one stands last.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{modal, table::broken};
use crate::{
    safe_text::SafeText,
    ui::{actions::Action, cx::Cx},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskOut {
    Stay,
    Yes,
    No,
}

/// The answer that changes nothing stands first.
#[derive(Debug)]
pub struct Ask {
    title: &'static str,
    text: String,
    yes: &'static str,
    /// The further answer.
    also: Option<&'static str>,
    at: usize,
}

impl Ask {
    /// `text` may hold foreign words.
    #[must_use]
    pub fn new(title: &'static str, text: String, yes: &'static str) -> Self {
        Self { title, text, yes, also: None, at: 0 }
    }

    /// With a third answer, which goes further than yes.
    #[must_use]
    pub fn or(self, also: &'static str) -> Self {
        Self { also: Some(also), ..self }
    }

    /// Whether it was answered with the third.
    #[must_use]
    pub fn goes_further(&self) -> bool {
        self.at == 2
    }

    fn answers(&self) -> impl Iterator<Item = &'static str> {
        ["Leave it", self.yes].into_iter().chain(self.also)
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<AskOut> {
        Some(match action {
            Action::ListUp | Action::ListDown => {
                let many = self.answers().count();
                let step = if action == Action::ListDown { 1 } else { many - 1 };
                self.at = (self.at + step) % many;
                AskOut::Stay
            }
            Action::ListAccept if self.at > 0 => AskOut::Yes,
            Action::ListAccept | Action::ListClose | Action::Escape | Action::Interrupt => AskOut::No,
            _ => return None,
        })
    }

    /// 1, 2 and, where there is one, 3 choose at once.
    pub fn on_key(&mut self, key: crossterm::event::KeyEvent) -> Option<AskOut> {
        match key.code {
            crossterm::event::KeyCode::Char('1') => Some(AskOut::No),
            crossterm::event::KeyCode::Char('2') => {
                self.at = 1;
                Some(AskOut::Yes)
            }
            crossterm::event::KeyCode::Char('3') if self.also.is_some() => {
                self.at = 2;
                Some(AskOut::Yes)
            }
            _ => None,
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::ListAccept, "choose"),
            (Action::ListDown, "down"),
            (Action::ListUp, "up"),
            (Action::ListClose, "back"),
        ]);
        // A long list of names gets the room that it needs.
        let lines = broken(&self.text, cx.theme.text, 58.min(usize::from(area.width.saturating_sub(6)))).len();
        let rows = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(5).max(9) + u16::from(self.also.is_some());
        let inner = modal::open(frame, area, cx, self.title, (64, rows), &hints);
        let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
        let many = self.answers().count() as u16;
        let text = Rect { height: inner.height.saturating_sub(1 + many), ..inner };
        let safe = SafeText::new(&self.text);
        frame.render_widget(Paragraph::new(safe.as_str()).style(cx.theme.text).wrap(Wrap { trim: true }), text);
        for (row, label) in (0u16..).zip(self.answers()) {
            let selected = usize::from(row) == self.at;
            let (mark, style) = if selected { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
            let line = Line::from(Span::styled(format!(" {mark} {}  {label} ", row + 1), style));
            let y = inner.bottom().saturating_sub(many) + row;
            if y < inner.bottom() {
                frame.render_widget(line, Rect { y, height: 1, ..inner });
            }
        }
    }
}
