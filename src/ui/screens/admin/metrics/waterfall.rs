//! One request: its spans below each other, each where it lay in the time that the whole took.

use ratatui::text::{Line, Span};

use crate::{
    api::{requests::Traced, slowness::time},
    safe_text::SafeText,
    ui::{cx::Cx, text::wrap::clip, theme::Palette, widgets::table::fit},
};

/// Columns of names.
const NAMES: usize = 28;
/// Columns of times.
const TIMES: usize = 9;

/// What it was, when, and what the marks below stand for.
#[must_use]
pub fn head(traced: &Traced, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let id = traced.request.map_or_else(|| "–".to_owned(), |request| request.to_string());
    let heading = format!(
        "{} · {} · {}",
        SafeText::line(traced.what()).as_str(),
        time(traced.took_us),
        cx.clock_to_the_second(traced.began_at)
    );
    let (waited, ran) = marks(cx);
    vec![
        Line::styled(clip(&heading, room), theme.title),
        Line::styled(clip(&format!("request {id}"), room), theme.dim),
        Line::styled(clip(&format!("{waited} waited  {ran} ran  ✗ failed"), room), theme.dim),
        Line::default(),
    ]
}

/// Of waiting and of running.
fn marks(cx: &Cx) -> (&'static str, &'static str) {
    match cx.theme.palette {
        Palette::Dark | Palette::Light => ("░", "█"),
        Palette::Plain => ("-", "#"),
    }
}

/// One line for each span.
#[must_use]
pub fn lines(traced: &Traced, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let (waited, ran) = marks(cx);
    let mut lines = Vec::new();
    let names = NAMES.min(room / 2);
    let bar_room = room.saturating_sub(names + TIMES + 2);
    let mut depths: Vec<usize> = Vec::with_capacity(traced.spans.len());
    for span in &traced.spans {
        let depth = span.parent.and_then(|at| depths.get(at as usize)).map_or(0, |depth| depth + 1);
        depths.push(depth);
        let name = format!("{}{} {}", "  ".repeat(depth.min(4)), span.name, SafeText::line(&span.what).as_str());
        let (before, wait, run) = stretch(traced.took_us, span.from_us, span.took_us, span.wait_us, bar_room);
        let failed = span.outcome.as_deref().is_some_and(|outcome| !matches!(outcome, "ok" | "answered"));
        let mut spans = vec![
            Span::styled(fit(&name, names), if failed { theme.error } else { theme.text }),
            Span::raw(" ".repeat(before + 1)),
            Span::styled(waited.repeat(wait), theme.meter_warning),
            Span::styled(ran.repeat(run), theme.meter),
            Span::raw(" ".repeat(bar_room.saturating_sub(before + wait + run))),
            Span::styled(format!("{:>TIMES$}", time(span.took_us)), theme.dim),
        ];
        if failed {
            // Beside the colour, and where the bar leaves room for it, a word.
            spans[0] = Span::styled(fit(&format!("✗ {}", name.trim_start()), names), theme.error);
        }
        lines.push(Line::from(spans));
    }
    if traced.left_out > 0 {
        lines.push(Line::styled(format!("and {} more", traced.left_out), theme.dim));
    }
    lines
}

/// Cells before a bar, of it waiting, of it running. Whatever was there is seen.
fn stretch(whole: u64, from: u64, took: u64, wait: Option<u64>, room: usize) -> (usize, usize, usize) {
    if room == 0 {
        return (0, 0, 0);
    }
    let cells = |micros: u64| (micros as f64 / whole.max(1) as f64 * room as f64).round() as usize;
    let before = cells(from).min(room - 1);
    let all = cells(took).clamp(1, room - before);
    let waited = cells(wait.unwrap_or(0)).min(all - 1);
    (before, waited, all - waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_lies_where_its_span_did_and_never_outside() {
        assert_eq!(stretch(1000, 0, 1000, None, 40), (0, 0, 40));
        assert_eq!(stretch(1000, 500, 250, Some(125), 40), (20, 5, 5));
        assert_eq!(stretch(1000, 999, 1, None, 40), (39, 0, 1), "the shortest is one cell");
        assert_eq!(stretch(0, 0, 0, None, 40), (0, 0, 1));
        assert_eq!(stretch(1000, 0, 9, Some(9), 0), (0, 0, 0));
    }
}
