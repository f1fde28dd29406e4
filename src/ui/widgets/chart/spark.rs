//! A line of small columns: how something went, in the room of a word.

use super::{Ink, eighths};
use crate::ui::cx::Cx;

/// Exactly `room` columns. Where there are more values than columns, neighbours share one, and the greatest of them is
/// shown; where there are fewer, they stand at the right.
#[must_use]
pub fn line(values: &[f64], room: usize, cx: &Cx) -> String {
    let ink = Ink::of(&cx.theme);
    if room == 0 || values.is_empty() {
        return " ".repeat(room);
    }
    let most = values.iter().copied().fold(0.0, f64::max);
    let columns = values.len().min(room);
    let mut line = " ".repeat(room - columns);
    for column in 0..columns {
        let shared = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        let greatest = shared.iter().copied().fold(0.0, f64::max);
        line.push(ink.column(eighths(greatest, most, 1)));
    }
    line
}
