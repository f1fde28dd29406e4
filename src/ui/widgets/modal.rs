//! A box in front of everything else. It frames; what stands in it is its owner's.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, BorderType, Clear},
};

use crate::ui::cx::{Cx, Hint};

/// Draws the frame, as large as wished and as there is room, and returns the inside.
pub fn open(frame: &mut Frame, area: Rect, cx: &Cx, title: &str, wish: (u16, u16), hints: &[Hint]) -> Rect {
    let outer = centred(area, wish);
    let footer = footer_line(hints, outer.width.saturating_sub(2), cx);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(cx.theme.focus_border)
        .title(Line::styled(format!(" {title} "), cx.theme.title))
        .title_bottom(footer);
    let inner = block.inner(outer);
    frame.render_widget(Clear, outer);
    frame.render_widget(block, outer);
    inner
}

/// The middle of `area`, at most this wide and high.
#[must_use]
pub fn centred(area: Rect, (width, height): (u16, u16)) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// `Enter choose  Esc close`, leaving out from the end what does not fit.
#[must_use]
pub fn footer_line(hints: &[Hint], width: u16, cx: &Cx) -> Line<'static> {
    let mut line = Line::default();
    for hint in hints {
        let spans = [
            Span::raw(if line.spans.is_empty() { " " } else { "  " }),
            Span::styled(hint.key.clone(), cx.theme.key),
            Span::styled(format!(" {}", hint.help), cx.theme.dim),
        ];
        if line.width() + spans.iter().map(Span::width).sum::<usize>() + 1 > usize::from(width) {
            break;
        }
        line.extend(spans);
    }
    if !line.spans.is_empty() {
        line.push_span(" ");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modal_never_leaves_its_area() {
        let area = Rect::new(3, 2, 10, 4);
        assert_eq!(centred(area, (4, 2)), Rect::new(6, 3, 4, 2));
        assert_eq!(centred(area, (100, 100)), area);
        assert_eq!(centred(Rect::ZERO, (5, 5)), Rect::ZERO);
    }

    #[test]
    fn a_footer_drops_what_does_not_fit_whole() {
        let cx = Cx::fixed();
        let hint = |key: &str, help| Hint { key: key.to_owned(), help };
        let hints = [hint("Enter", "choose"), hint("Esc", "close")];
        assert_eq!(footer_line(&hints, 30, &cx).to_string(), " Enter choose  Esc close ");
        assert_eq!(footer_line(&hints, 16, &cx).to_string(), " Enter choose ");
        assert_eq!(footer_line(&hints, 3, &cx).to_string(), "");
    }
}
