//! The keys that work, straight from the keymap: what is shown here cannot be out of date.

use ratatui::{
    Frame,
    layout::{Margin, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};
use unicode_width::UnicodeWidthStr;

use super::modal;
use crate::ui::{
    cx::Cx,
    keymap::{ACTIONS, Action, Context},
    text::wrap::{Breaks, Piece, Wrapped, wrap},
};

/// Columns of the frame, of the margin within it, and before the keys.
const AROUND: usize = 6;

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
        let room = usize::from(size(cx).0).saturating_sub(AROUND);
        // One column for all, unless somebody bound half the keyboard to an action, and never more than what is said of them.
        let column = widest.clamp(8, 32).min(room * 2 / 5);
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
                lines.extend(row(&keys, style, spec.help, cx, [column, room.saturating_sub(column + 2)]));
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

/// The keys and what they do side by side, each broken where its column ends.
fn row(keys: &str, style: Style, help: &str, cx: &Cx, columns: [usize; 2]) -> Vec<Line<'static>> {
    let [left, right] = [(keys, style), (help, cx.theme.text)];
    let broken = |(text, style): (&str, Style), columns| {
        wrap(&[Piece::new(text.to_owned(), style, 0..text.len())], columns, Breaks::Words)
    };
    let (mut left, mut right) = (broken(left, columns[0]), broken(right, columns[1]));
    let rows = left.len().max(right.len());
    left.resize_with(rows, Wrapped::default);
    right.resize_with(rows, Wrapped::default);
    left.into_iter()
        .zip(right)
        .map(|(left, right)| {
            let gap = " ".repeat(columns[0].saturating_sub(left.width) + 2);
            let keys = std::iter::once(Span::raw("  ")).chain(left.spans).chain([Span::raw(gap)]);
            right.after(keys.collect())
        })
        .collect()
}

fn size(cx: &Cx) -> (u16, u16) {
    (90.min(cx.size.0.saturating_sub(4)), cx.size.1.saturating_sub(4))
}
