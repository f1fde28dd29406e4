//! Bars by name, one below the other, with the figures beside each.

use ratatui::text::{Line, Span};

use super::{Ink, eighths, fit, fit_right};
use crate::ui::{cx::Cx, text::wrap::width};

/// One bar. Its texts must be safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    pub label: String,
    pub value: u64,
    /// Goes on where the first part ends, and looks different: dislikes behind likes.
    pub other: u64,
    pub figures: String,
}

/// Least room for the bars themselves; below it the labels give way.
const LEAST: usize = 8;
/// A label of so many columns is longer than its bar if need be.
const ENOUGH: usize = 16;

/// Those around the chosen one, at most `height`, each in at most `room` columns.
#[must_use]
pub fn lines(
    bars: &[Bar],
    at: Option<usize>,
    focused: bool,
    room: usize,
    height: usize,
    cx: &Cx,
) -> Vec<Line<'static>> {
    let (ink, theme) = (Ink::of(&cx.theme), &cx.theme);
    let most = bars.iter().map(|bar| bar.value + bar.other).max().unwrap_or(0) as f64;
    let figures_room = bars.iter().map(|bar| width(&bar.figures)).max().unwrap_or(0).min(room / 2);
    let longest = bars.iter().map(|bar| width(&bar.label)).max().unwrap_or(0);
    // Two for the cursor, one on either side of the bar.
    let rest = room.saturating_sub(figures_room + 4);
    let label_room = longest.min((rest / 2).max(rest.saturating_sub(LEAST).min(ENOUGH)));
    let bar_room = rest.saturating_sub(label_room);
    let first = at.map_or(0, |at| at.saturating_sub(height / 2).min(bars.len().saturating_sub(height)));
    let row = |(place, bar): (usize, &Bar)| {
        let selected = at == Some(place);
        let base = match (selected, focused) {
            (true, true) => theme.selection,
            (true, false) => theme.selection_unfocused,
            (false, _) => theme.text,
        };
        let both = eighths((bar.value + bar.other) as f64, most, bar_room);
        let (value, other) = match (bar.value, bar.other) {
            (_, 0) => (ink.bar(both), String::new()),
            (0, _) => (String::new(), against(ink, both.div_ceil(8))),
            (value, other) => {
                // Whole cells where two parts meet, and at least one of each.
                let cells = both.div_ceil(8).max(2).min(bar_room.max(2));
                let part = (value as f64 / (value + other) as f64 * cells as f64).round() as usize;
                let part = part.clamp(1, cells - 1);
                (ink.bar(part * 8), against(ink, cells - part))
            }
        };
        let used = width(&value) + width(&other);
        Line::from(vec![
            Span::styled(if selected { "> " } else { "  " }, if selected { theme.accent } else { base }),
            Span::styled(fit(&bar.label, label_room), base),
            Span::raw(" "),
            Span::styled(value, theme.meter),
            Span::styled(other, theme.meter_warning),
            Span::raw(" ".repeat((bar_room + 1).saturating_sub(used))),
            Span::styled(fit_right(&bar.figures, figures_room), theme.dim),
        ])
    };
    bars.iter().enumerate().skip(first).take(height).map(row).collect()
}

/// The part of a bar that speaks against.
fn against(ink: Ink, cells: usize) -> String {
    match ink {
        Ink::Blocks => "░",
        Ink::Ascii => "-",
    }
    .repeat(cells)
}
