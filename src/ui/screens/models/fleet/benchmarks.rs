//! What benchmarks measured of one model: how it went over time as charts, then every run, newest first, as a table where
//! there is room, else a block for each.

use ratatui::text::{Line, Span};

use super::{super::is_admin, detail::paragraph};
use crate::{
    api::{
        Fault, amount,
        benchmarks::{Benchmark, BenchmarkPage, Figures},
    },
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::clip,
        widgets::{
            chart::{Ink, columns::Columns},
            table::{fit, fit_right, labelled, safe},
        },
    },
};

const UNKNOWN: &str = "—";

/// What is told of each run, with the width that it takes in a table.
const COLUMNS: [(&str, usize); 7] = [
    ("measured", 10),
    ("cold load", 9),
    ("first token", 11),
    ("prompt", 7),
    ("answer", 7),
    ("memory", 9),
    ("Ollama", 9),
];

/// Rows of a chart, with the line that it stands on and the times.
const CHART: usize = 6;
/// From so many columns on the two charts stand beside each other.
const SIDE_BY_SIDE: usize = 60;

pub fn lines(
    read: Option<&Result<Box<BenchmarkPage>, Fault>>,
    is_installed: bool,
    room: usize,
    cx: &Cx,
) -> Vec<Line<'static>> {
    let page = match read {
        None => return vec![Line::styled("Reading…", cx.theme.dim)],
        Some(Err(fault)) => return paragraph(&safe(&fault.to_string()), room, cx),
        Some(Ok(page)) => page,
    };
    if page.rows.is_empty() {
        return paragraph(&none_yet(is_installed, cx), room, cx);
    }
    let needed: usize = COLUMNS.iter().map(|(_, width)| width + 1).sum();
    let mut lines = charts(&page.rows, room, cx);
    lines.extend(if room >= needed { table(&page.rows, room, cx) } else { blocks(&page.rows, room, cx) });
    lines.push(Line::default());
    lines.extend(paragraph("Medians; “prompt” and “answer” are tokens read and written a second.", room, cx));
    if page.next.is_some() {
        lines.extend(paragraph("There are older ones: `ollamanet models bench list` shows them.", room, cx));
    }
    lines
}

/// Speed and the wait for the first word, run by run, the oldest at the left. Only of runs that can be compared with the
/// newest: a step in the line is then the model's, Ollama's or the machine's.
fn charts(newest_first: &[Benchmark], room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let Some(newest) = newest_first.first() else { return Vec::new() };
    let runs: Vec<&Benchmark> = newest_first.iter().rev().filter(|run| run.is_comparable_with(newest)).collect();
    if runs.len() < 2 {
        return Vec::new();
    }
    // The first is of a new build as well, but nothing is known of one before.
    let builds: Vec<bool> = (0..runs.len()).map(|at| at > 0 && runs[at - 1].digest != runs[at].digest).collect();
    let when = |at: usize| runs.get(at).map(|run| cx.clock(run.at)).unwrap_or_default();
    let chart = |title: &'static str, room: usize, axis, figure: fn(&Figures) -> Option<f64>| {
        let values: Vec<f64> = runs.iter().map(|run| figure(&run.figures).unwrap_or_default()).collect();
        let mut lines = vec![Line::styled(clip(title, room), cx.theme.heading)];
        let columns = Columns { values: &values, at: usize::MAX, axis, when: &when };
        lines.extend(columns.marked_lines(&builds, room, CHART, cx));
        lines
    };
    let two = room >= SIDE_BY_SIDE;
    let each = if two { (room - 2) / 2 } else { room };
    let speed = chart("answer, tokens a second", each, |speed| format!("{speed:.0}"), |figures| figures.writing);
    let first =
        chart("first token", each, |us| time(Some(us as u64)), |figures| figures.first_token_us.map(|us| us as f64));
    let mut lines = if two { beside(speed, first, each + 2) } else { [speed, first].concat() };
    if builds.contains(&true) {
        let mark = if Ink::of(&cx.theme) == Ink::Blocks { "◆" } else { "*" };
        lines.extend(paragraph(&format!("{mark} another build of the model from here on"), room, cx));
    }
    if runs.len() < newest_first.len() {
        lines.extend(paragraph("Runs with other prompts or options are in the table only.", room, cx));
    }
    lines.push(Line::default());
    lines
}

/// The second begins at this column.
fn beside(left: Vec<Line<'static>>, right: Vec<Line<'static>>, column: usize) -> Vec<Line<'static>> {
    let joined = left.into_iter().zip(right).map(|(mut left, right)| {
        left.push_span(Span::raw(" ".repeat(column.saturating_sub(left.width()))));
        left.spans.extend(right.spans.into_iter().map(|span| span.patch_style(right.style)));
        left
    });
    joined.collect()
}

fn none_yet(is_installed: bool, cx: &Cx) -> String {
    match (is_installed, is_admin(cx)) {
        (false, _) => "None yet. What is installed can be measured.".to_owned(),
        (true, true) => {
            format!("None yet. {} begins one; it waits while anybody chats.", cx.key(Action::FleetBenchmark))
        }
        (true, false) => "None yet. An administrator can begin one.".to_owned(),
    }
}

/// `850 ms`, `2.4 s`.
fn time(us: Option<u64>) -> String {
    match us {
        None => UNKNOWN.to_owned(),
        Some(us @ 0..1_000_000) => format!("{} ms", us.div_ceil(1_000)),
        Some(us) => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// In the order of [`COLUMNS`].
fn cells(run: &Benchmark, cx: &Cx) -> [String; 7] {
    let speed = |speed: Option<f64>| speed.map_or_else(|| UNKNOWN.to_owned(), |speed| format!("{speed:.1}"));
    let Figures { load_us, first_token_us, reading, writing, bytes, .. } = run.figures;
    let version = safe(&run.setup.server_version);
    [
        cx.clock(run.at),
        time(load_us),
        time(first_token_us),
        speed(reading),
        speed(writing),
        bytes.map_or_else(|| UNKNOWN.to_owned(), amount::bytes),
        if version.is_empty() { UNKNOWN.to_owned() } else { version },
    ]
}

fn table(runs: &[Benchmark], room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let line = |cells: [String; 7]| {
        let placed = cells.iter().zip(COLUMNS).enumerate().map(|(at, (cell, (_, width)))| {
            // When it was, and what it ran on, are words; the rest are figures.
            if at == 0 { fit(cell, width) } else { fit_right(cell, width) }
        });
        fit(&placed.collect::<Vec<_>>().join(" "), room)
    };
    let mut lines = vec![Line::styled(line(COLUMNS.map(|(name, _)| name.to_owned())), cx.theme.dim)];
    lines.extend(runs.iter().map(|run| Line::styled(line(cells(run, cx)), cx.theme.text)));
    lines
}

fn blocks(runs: &[Benchmark], room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for run in runs {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        for (at, (cell, (name, _))) in cells(run, cx).iter().zip(COLUMNS).enumerate() {
            if at == 0 {
                lines.push(Line::styled(cell.clone(), cx.theme.heading));
            } else {
                lines.extend(labelled(name, cell, cx.theme.text, room, cx));
            }
        }
    }
    lines
}
