//! The box around a block of code, line by line, so that a stream can draw one that is still growing.
//!
//! It does not parse Markdown and does not choose colours.

use ratatui::text::{Line, Span};

use super::wrap::{Breaks, Glyph, Piece, Wrapped, clip, width, wrap};
use crate::{safe_text::Trace, ui::theme::Theme};

/// A code block narrower than this has no box.
const NARROWEST_BOX: usize = 12;
const COPY_HINT: &str = "Y copy";

pub(super) fn code_top(language: &str, room: usize, theme: &Theme) -> Option<Line<'static>> {
    if room < NARROWEST_BOX {
        return None;
    }
    let hint = if room >= 2 * NARROWEST_BOX { format!(" {COPY_HINT} ") } else { String::new() };
    let label = match clip(language, room - hint.len() - 6) {
        label if label.is_empty() => String::new(),
        label => format!(" {label} "),
    };
    let bar = "─".repeat(room - 3 - width(&label) - hint.len());
    Some(Line::from(vec![
        Span::styled("┌", theme.code_border),
        Span::styled(label, theme.code_label),
        Span::styled(bar, theme.code_border),
        Span::styled(hint, theme.dim),
        Span::styled("─┐", theme.code_border),
    ]))
}

pub(super) fn code_bottom(room: usize, theme: &Theme) -> Option<Line<'static>> {
    // The style on the span: a line's own is laid under what it stands in, and gets lost there.
    (room >= NARROWEST_BOX).then(|| Line::from(Span::styled(format!("└{}┘", "─".repeat(room - 2)), theme.code_border)))
}

/// One line of code as the rows of its box, with the bytes of the source each shows. `traced`: the source bytes that are
/// the line, where its letters must be told apart.
pub(super) fn code_line(
    text: &str,
    at: usize,
    coloured: Option<&Line<'static>>,
    room: usize,
    theme: &Theme,
    traced: Option<&Trace>,
) -> Vec<Wrapped> {
    let mut pieces = Vec::new();
    let mut from = at;
    let is_same = |line: &&Line<'static>| line.spans.iter().map(|span| span.content.len()).sum::<usize>() == text.len();
    if let Some(line) = coloured.filter(is_same) {
        for span in &line.spans {
            let source = from..from + span.content.len();
            from = source.end;
            let begun = source.start - at;
            let mut piece = Piece::new(span.content.to_string(), theme.code_block.patch(span.style), source);
            if let Some(trace) = traced {
                let mut own = Trace::default();
                own.push(0..piece.text.len(), begun..begun + piece.text.len(), true);
                piece.trace = own.through(trace);
            }
            pieces.push(piece);
        }
    } else {
        let trace = traced.cloned().unwrap_or_default();
        pieces.push(Piece { trace, ..Piece::new(text.to_owned(), theme.code_block, at..at + text.len()) });
    }
    if room < NARROWEST_BOX {
        return wrap(&pieces, room, Breaks::Anywhere);
    }
    let inside = room - 4;
    let boxed = |mut line: Wrapped| {
        let mut spans = Vec::with_capacity(line.spans.len() + 2);
        spans.push(Span::styled("│ ", theme.code_border));
        spans.append(&mut line.spans);
        spans.push(Span::styled(format!("{} │", " ".repeat(inside - line.width)), theme.code_border));
        Glyph::shift(&mut line.glyphs, 2);
        Wrapped { spans, ..line }
    };
    wrap(&pieces, inside, Breaks::Anywhere).into_iter().map(boxed).collect()
}

/// The first word of what follows the fence.
pub(super) fn language(info: &str) -> String {
    info.split([' ', ',', '{']).next().unwrap_or_default().to_owned()
}

/// Whether a fenced block's last line is its closing fence.
pub(super) fn is_closed(block: &str) -> bool {
    let mut lines = block.trim_end_matches('\n').lines();
    let Some(first) = lines.next() else { return false };
    let Some(last) = lines.next_back() else { return false };
    let bare = |line: &str| line.trim_start_matches([' ', '>']).to_owned();
    let (first, last) = (bare(first), bare(last));
    let fence = if first.starts_with('~') { '~' } else { '`' };
    let length = first.chars().take_while(|c| *c == fence).count();
    let last = last.trim_end();
    last.len() >= length && last.chars().all(|c| c == fence)
}

/// Where on its source line, behind indentation and quote marks, a line of code begins.
pub(super) fn locate(source: &str, at: usize, code: &str) -> usize {
    let line = source.get(at..).unwrap_or_default().split('\n').next().unwrap_or_default();
    at + line.rfind(code).unwrap_or(0)
}
