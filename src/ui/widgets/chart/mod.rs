//! Charts made of text: columns over time, bars by name, a line of small columns, a map of the hours of the week.
//!
//! Each gives lines as wide and as many as it was told, and knows nothing of what it shows. Invariant: what a chart says it
//! says without colour; with the plain theme it needs ASCII alone, and no glyph is wider than one column.

pub mod columns;
pub mod heat;
pub mod rows;
pub mod spark;

use crate::ui::{
    text::wrap::{clip, width},
    theme::{Palette, Theme},
};

/// What charts are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Blocks of eighths.
    Blocks,
    Ascii,
}

impl Ink {
    #[must_use]
    pub fn of(theme: &Theme) -> Self {
        match theme.palette {
            Palette::Dark | Palette::Light => Self::Blocks,
            Palette::Plain => Self::Ascii,
        }
    }

    /// A column's cell of which so many eighths are filled from below.
    fn column(self, eighths: usize) -> char {
        const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const ASCII: [char; 9] = [' ', '_', '_', '_', 'o', 'o', 'o', '#', '#'];
        match self {
            Self::Blocks => BLOCKS[eighths.min(8)],
            Self::Ascii => ASCII[eighths.min(8)],
        }
    }

    /// A bar of so many eighths of a cell, from the left. Whatever is not nothing is seen.
    fn bar(self, eighths: usize) -> String {
        const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
        match self {
            Self::Blocks => {
                let mut bar = "█".repeat(eighths / 8);
                if !eighths.is_multiple_of(8) {
                    bar.push(PARTS[eighths % 8]);
                }
                bar
            }
            Self::Ascii => "#".repeat(eighths.div_ceil(8)),
        }
    }
}

/// `0`, `1 204`, `12.3k`, `4.5M`, at most six columns up to a million million.
#[must_use]
pub fn count(number: u64) -> String {
    let in_units = |unit: u64, name: char| {
        let value = number as f64 / unit as f64;
        if value < 99.95 { format!("{value:.1}{name}") } else { format!("{value:.0}{name}") }
    };
    match number {
        0..=999 => number.to_string(),
        1000..=9999 => format!("{} {:03}", number / 1000, number % 1000),
        10_000..=999_499 => in_units(1000, 'k'),
        999_500..=999_499_999 => in_units(1_000_000, 'M'),
        999_500_000.. => in_units(1_000_000_000, 'G'),
    }
}

/// `0.3 s`, `45 s`, `3.5 min`, `2.0 h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms as f64 / 1000.0;
    match ms {
        0..=9949 => format!("{seconds:.1} s"),
        9950..=119_499 => format!("{seconds:.0} s"),
        119_500..=7_199_999 => format!("{:.1} min", seconds / 60.0),
        7_200_000.. => format!("{:.1} h", seconds / 3600.0),
    }
}

/// How many eighths of `room` cells a value takes. What is more than nothing takes one at least.
fn eighths(value: f64, most: f64, room: usize) -> usize {
    if value <= 0.0 || most <= 0.0 || room == 0 {
        return 0;
    }
    let full = (room * 8) as f64;
    ((value / most * full).round() as usize).clamp(1, room * 8)
}

/// Text in exactly so many columns, cut or padded at the right.
fn fit(text: &str, columns: usize) -> String {
    let mut text = clip(text, columns);
    text.push_str(&" ".repeat(columns.saturating_sub(width(&text))));
    text
}

/// The same, padded at the left.
fn fit_right(text: &str, columns: usize) -> String {
    let text = clip(text, columns);
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(&text))))
}

#[cfg(test)]
mod tests;
