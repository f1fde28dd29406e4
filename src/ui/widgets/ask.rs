//! A question with two answers, for what cannot be undone.

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
    on_yes: bool,
}

impl Ask {
    /// `text` may hold foreign words.
    #[must_use]
    pub fn new(title: &'static str, text: String, yes: &'static str) -> Self {
        Self { title, text, yes, on_yes: false }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<AskOut> {
        Some(match action {
            Action::ListUp | Action::ListDown => {
                self.on_yes = !self.on_yes;
                AskOut::Stay
            }
            Action::ListAccept if self.on_yes => AskOut::Yes,
            Action::ListAccept | Action::ListClose | Action::Escape | Action::Interrupt => AskOut::No,
            _ => return None,
        })
    }

    /// 1 and 2 choose at once.
    pub fn on_key(&mut self, key: crossterm::event::KeyEvent) -> Option<AskOut> {
        match key.code {
            crossterm::event::KeyCode::Char('1') => Some(AskOut::No),
            crossterm::event::KeyCode::Char('2') => Some(AskOut::Yes),
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
        let rows = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(5).max(9);
        let inner = modal::open(frame, area, cx, self.title, (64, rows), &hints);
        let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
        let text = Rect { height: inner.height.saturating_sub(3), ..inner };
        let safe = SafeText::new(&self.text);
        frame.render_widget(Paragraph::new(safe.as_str()).style(cx.theme.text).wrap(Wrap { trim: true }), text);
        for (row, (label, selected)) in (0u16..).zip([("Leave it", !self.on_yes), (self.yes, self.on_yes)]) {
            let (mark, style) = if selected { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
            let line = Line::from(Span::styled(format!(" {mark} {}  {label} ", row + 1), style));
            let y = inner.bottom().saturating_sub(2) + row;
            if y < inner.bottom() {
                frame.render_widget(line, Rect { y, height: 1, ..inner });
            }
        }
    }
}
