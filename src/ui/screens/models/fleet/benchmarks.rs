//! What benchmarks measured of one model, newest first: a table where there is room, else a block for each run.

use ratatui::text::Line;

use super::{super::is_admin, detail::paragraph};
use crate::{
    api::{
        Fault,
        benchmarks::{Benchmark, BenchmarkPage, Figures},
    },
    ui::{
        actions::Action,
        cx::Cx,
        widgets::{
            size,
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
    let mut lines = if room >= needed { table(&page.rows, room, cx) } else { blocks(&page.rows, room, cx) };
    lines.push(Line::default());
    lines.extend(paragraph("Medians; “prompt” and “answer” are tokens read and written a second.", room, cx));
    if page.next.is_some() {
        lines.extend(paragraph("There are older ones: `ollamanet models bench list` shows them.", room, cx));
    }
    lines
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
        bytes.map_or_else(|| UNKNOWN.to_owned(), size),
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
