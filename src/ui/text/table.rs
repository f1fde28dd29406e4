//! Tables: as wide as their content where that fits, with wrapped cells where it does not, and as a list of records
//! where even that would leave columns nobody can read.

use pulldown_cmark::Alignment;
use ratatui::text::{Line, Span};

use super::wrap::{Breaks, Glyph, Piece, Wrapped, width, wrap};
use crate::{safe_text::Trace, ui::theme::Theme};

/// A column narrower than this is worse than no table.
const NARROWEST: usize = 5;

/// One cell's text.
pub(super) type Cell = Vec<Piece>;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub alignments: Vec<Alignment>,
    pub head: Vec<Cell>,
    pub rows: Vec<Vec<Cell>>,
    /// The source bytes of each row, for the map.
    pub sources: Vec<std::ops::Range<usize>>,
}

/// A line with the row it shows: `None` is the head and the borders.
pub(super) struct TableLine {
    pub line: Line<'static>,
    pub row: Option<usize>,
    pub glyphs: Vec<Glyph>,
}

impl TableLine {
    fn of(wrapped: Wrapped, row: Option<usize>) -> Self {
        let mut wrapped = wrapped;
        let glyphs = std::mem::take(&mut wrapped.glyphs);
        Self { line: wrapped.after(Vec::new()), row, glyphs }
    }
}

impl Table {
    pub(super) fn render(&self, columns: usize, theme: &Theme) -> Vec<TableLine> {
        match self.widths(columns) {
            Some(widths) => self.grid(&widths, theme),
            None => self.records(columns, theme),
        }
    }

    /// The width of each column, or nothing when they cannot stand side by side.
    fn widths(&self, columns: usize) -> Option<Vec<usize>> {
        let count = self.head.len();
        let available = columns.checked_sub(3 * count + 1)?;
        let mut natural = vec![1; count];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (widest, cell) in natural.iter_mut().zip(row) {
                *widest = (*widest).max(cell_width(cell));
            }
        }
        if natural.iter().sum::<usize>() <= available {
            return Some(natural);
        }
        // Narrow columns keep what they need; the wide ones share the rest evenly.
        let mut sorted = natural.clone();
        sorted.sort_unstable();
        let mut left = available;
        let mut cap = 0;
        for (done, need) in sorted.iter().enumerate() {
            cap = left / (count - done);
            if *need > cap {
                break;
            }
            left -= need;
        }
        if cap < NARROWEST {
            return None;
        }
        let mut widths: Vec<usize> = natural.iter().map(|need| (*need).min(cap)).collect();
        let mut spare = available - widths.iter().sum::<usize>();
        for (width, need) in widths.iter_mut().zip(&natural) {
            if spare > 0 && *width < *need {
                *width += 1;
                spare -= 1;
            }
        }
        Some(widths)
    }

    fn grid(&self, widths: &[usize], theme: &Theme) -> Vec<TableLine> {
        let border = |left: &str, middle: &str, right: &str| {
            let bars: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
            ruled(format!("{left}{}{right}", bars.join(middle)), theme)
        };
        let mut lines = vec![border("┌", "┬", "┐")];
        self.row(&self.head, None, widths, theme, &mut lines);
        lines.push(border("├", "┼", "┤"));
        for (index, row) in self.rows.iter().enumerate() {
            self.row(row, Some(index), widths, theme, &mut lines);
        }
        lines.push(border("└", "┴", "┘"));
        lines
    }

    fn row(&self, row: &[Cell], index: Option<usize>, widths: &[usize], theme: &Theme, lines: &mut Vec<TableLine>) {
        let mut cells: Vec<Vec<Wrapped>> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| row.get(column).map(|cell| wrap(cell, *width, Breaks::Words)).unwrap_or_default())
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for at in 0..height {
            let mut spans = Vec::with_capacity(3 * widths.len() + 1);
            let mut glyphs = Vec::new();
            let mut here = 0;
            for (column, width) in widths.iter().enumerate() {
                let bar = if column == 0 { "│ " } else { " │ " };
                here += bar.chars().count();
                spans.push(Span::styled(bar, theme.table_border));
                let mut line = cells[column].get_mut(at).map(std::mem::take).unwrap_or_default();
                let spare = width.saturating_sub(line.width);
                let before = match self.alignments.get(column) {
                    Some(Alignment::Right) => spare,
                    Some(Alignment::Center) => spare / 2,
                    Some(Alignment::Left | Alignment::None) | None => 0,
                };
                if before > 0 {
                    spans.push(Span::raw(" ".repeat(before)));
                }
                Glyph::shift(&mut line.glyphs, here + before);
                glyphs.append(&mut line.glyphs);
                here += width;
                spans.extend(line.spans);
                if spare > before {
                    spans.push(Span::raw(" ".repeat(spare - before)));
                }
            }
            spans.push(Span::styled(" │", theme.table_border));
            lines.push(TableLine { line: Line::from(spans), row: index, glyphs });
        }
    }

    /// Each row as lines of "head: cell".
    fn records(&self, columns: usize, theme: &Theme) -> Vec<TableLine> {
        let mut lines = Vec::new();
        let rule = || ruled("─".repeat(columns.min(12)), theme);
        if self.rows.is_empty() {
            for cell in &self.head {
                lines.extend(wrap(cell, columns, Breaks::Words).into_iter().map(|line| TableLine::of(line, None)));
            }
        }
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                lines.push(rule());
            }
            for (column, cell) in row.iter().enumerate() {
                let mut pieces = self.head.get(column).cloned().unwrap_or_default();
                // Said again in each record: pointing at it would point out of it.
                for piece in &mut pieces {
                    piece.trace = Trace::default();
                }
                let at = cell.first().map_or(0, |piece| piece.source.start);
                if !pieces.is_empty() {
                    pieces.push(Piece::new(": ".into(), theme.table_border, at..at));
                }
                pieces.extend(cell.iter().cloned());
                for line in wrap(&pieces, columns, Breaks::Words) {
                    lines.push(TableLine::of(line, Some(index)));
                }
            }
        }
        lines
    }
}

fn cell_width(cell: &Cell) -> usize {
    let mut widest = 0;
    let mut line = 0;
    for piece in cell {
        for (at, part) in piece.text.split('\n').enumerate() {
            if at > 0 {
                line = 0;
            }
            line += width(part);
            widest = widest.max(line);
        }
    }
    widest
}

/// The style on the span: a line's own is lost where its spans are set behind a quote's bar or a list's mark.
fn ruled(text: String, theme: &Theme) -> TableLine {
    TableLine { line: Line::from(Span::styled(text, theme.table_border)), row: None, glyphs: Vec::new() }
}
