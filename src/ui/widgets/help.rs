//! The keys that work, straight from the keymap: what is shown here cannot be out of date.

use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};
use unicode_width::UnicodeWidthStr;

use super::modal;
use crate::ui::{
    cx::Cx,
    keymap::{ACTIONS, Action, Context},
};

#[derive(Clone, Copy, Debug)]
pub struct Help {
    /// Where the person is: its keys come first.
    context: Context,
    top: u16,
}

impl Help {
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, top: 0 }
    }

    /// Scrolls; `false` = the action is none of these.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> bool {
        let page = size(cx).1.saturating_sub(4);
        let last = (self.lines(cx).len() as u16).saturating_sub(page);
        self.top = match action {
            Action::ListUp => self.top.saturating_sub(1),
            Action::ListDown => self.top + 1,
            Action::ListPageUp => self.top.saturating_sub(page),
            Action::ListPageDown => self.top + page,
            _ => return false,
        }
        .min(last);
        true
    }

    fn lines(self, cx: &Cx) -> Vec<Line<'static>> {
        let mut order = vec![self.context];
        let around = self.context.within().into_iter().chain([Context::Global]);
        for context in around.chain(Context::ALL) {
            if !order.contains(&context) {
                order.push(context);
            }
        }
        let widest = ACTIONS.iter().map(|spec| cx.keymap.labels(spec.action).width()).max().unwrap_or_default();
        // One column for all, unless somebody bound half the keyboard to an action.
        let column = widest.clamp(8, 32) + 2;
        let mut lines = Vec::new();
        for context in order {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.push(Line::styled(context.title(), cx.theme.title));
            for spec in ACTIONS.iter().filter(|spec| spec.context == context) {
                let keys = cx.keymap.labels(spec.action);
                let (keys, style) =
                    if keys.is_empty() { ("–".to_owned(), cx.theme.dim) } else { (keys, cx.theme.key) };
                let gap = " ".repeat(column.saturating_sub(keys.width()).max(2));
                lines.push(Line::from(vec![
                    Span::raw("  "),
                    Span::styled(keys, style),
                    Span::raw(gap),
                    Span::styled(spec.help, cx.theme.text),
                ]));
            }
        }
        lines
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::ListDown, "down"), (Action::ListUp, "up"), (Action::ListClose, "close")]);
        let inner = modal::open(frame, area, cx, "Keys", size(cx), &hints).inner(Margin::new(1, 1));
        let lines = self.lines(cx);
        let last = (lines.len() as u16).saturating_sub(inner.height);
        frame.render_widget(Paragraph::new(lines).scroll((self.top.min(last), 0)), inner);
    }
}

fn size(cx: &Cx) -> (u16, u16) {
    (90.min(cx.size.0.saturating_sub(4)), cx.size.1.saturating_sub(4))
}
