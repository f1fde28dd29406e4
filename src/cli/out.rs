//! What leaves the program: standard output for results, standard error for what is said about them.
//!
//! Architecture invariant: nothing foreign gets out but through `safe` (people) or `json` (programs), and no byte
//! that a terminal would obey gets out at all, whether a terminal is there or not.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::{
    api::{Fault, FaultKind},
    safe_text::{self, SafeText, is_clean},
};

/// How a command ends when it does not end well.
#[derive(Debug)]
pub enum End {
    Fault(Fault),
    /// Whoever read our output has enough: that is no failure.
    ReaderGone,
    /// Everything has been said; only the exit code is left.
    Code(u8),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        let is_full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        let kind = if is_full { FaultKind::DiskFull } else { FaultKind::Internal };
        Self::Fault(
            Fault::new(kind, format!("The output could not be written: {error}."))
                .hint("What came before that may have been written. Make room, or send it elsewhere, and try again."),
        )
    }
}

/// One line of foreign text for people: a title, a name.
#[must_use]
pub fn safe(foreign: &str) -> String {
    SafeText::line(foreign).into_string()
}

/// Foreign text with its line breaks.
#[must_use]
pub fn safe_lines(foreign: &str) -> String {
    SafeText::new(foreign).into_string()
}

/// Prints text that is already safe.
///
/// # Errors
/// `ReaderGone` when nobody reads any more; otherwise what the system says.
pub fn print(text: &str) -> Result<(), End> {
    debug_assert!(is_clean(text), "unsafe text on its way out");
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Prints bytes of our own making, such as a completion script.
///
/// # Errors
/// As `print`.
pub fn print_own(bytes: &[u8]) -> Result<(), End> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Says something on standard error; if that is gone there is nobody to tell.
pub fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "{}", safe_lines(text));
}

/// A fault as every command shows it: what happened, and on the next line what to do.
pub fn complain(fault: &Fault) {
    let mut text = format!("ollamanet: {}", fault.message);
    if let Some(hint) = &fault.hint {
        let _ = write!(text, "\n{hint}");
    }
    if let Some(after) = fault.retry_after {
        let _ = write!(text, "\nTry again in {}.", seconds(after.as_millis() as u64));
    }
    if let (FaultKind::Internal, Some(report)) = (fault.kind, fault.report_id) {
        let _ = write!(text, "\nIn the log it is {report}.");
    }
    say(&text);
}

/// One JSON document on a line of its own, with nothing in it that a terminal would obey or hide.
#[must_use]
pub fn json_line(value: &impl Serialize) -> String {
    safe_text::json(value) + "\n"
}

/// Prints one JSON document on one line.
///
/// # Errors
/// As `print`.
pub fn print_json(value: &impl Serialize) -> Result<(), End> {
    print_own(json_line(value).as_bytes())
}

/// Rows under their headings, columns as wide as their widest cell. Cells must be safe. Empty without rows.
#[must_use]
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let mut line = |cells: [&str; N]| {
        let mut written = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            written.push_str(cell);
            written.extend(std::iter::repeat_n(' ', (width + 2).saturating_sub(cell.width())));
        }
        text.push_str(written.trim_end());
        text.push('\n');
    };
    line(headings);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// Safe text as a cell of CSV (RFC 4180). A spreadsheet takes what begins like a formula for one, so such text gets an
/// apostrophe before it.
#[must_use]
pub fn csv_cell(safe: &str) -> String {
    let text = if safe.starts_with(['=', '+', '-', '@']) { format!("'{safe}") } else { safe.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// `0.3 s`, `45 s`, `3 min`.
#[must_use]
pub fn seconds(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{:.1} s", ms as f64 / 1000.0),
        10_000..120_000 => format!("{} s", ms.div_ceil(1000)),
        _ => format!("{} min", ms.div_ceil(60_000)),
    }
}

/// Local date and time, to the minute.
#[must_use]
pub fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|at| at.to_zoned(crate::zone::local()).strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lets_no_character_out_that_acts_or_hides() {
        let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}\u{200b}\u{e0041}\u{fffe}\u{7f}\u{2028}é漢👍\r\n";
        let line = json_line(&serde_json::json!({ "title": hostile }));
        assert_eq!(
            line,
            "{\"title\":\"a\\u001b[31m\\u009b2J\\u202e\\u200b\\udb40\\udc41\\ufffe\\u007f\\u2028é漢👍\\r\\n\"}\n"
        );
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["title"], hostile);
    }

    #[test]
    fn columns_line_up_with_wide_text() {
        let rows = [["漢字".to_owned(), "1".to_owned()], ["ab".to_owned(), String::new()]];
        assert_eq!(table(["name", "count"], &rows), "name  count\n漢字  1\nab\n");
        assert_eq!(table(["name"], &[]), "");
    }

    #[test]
    fn figures_are_for_people() {
        assert_eq!([300, 45_000, 200_000].map(seconds), ["0.3 s", "45 s", "4 min"]);
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert!(matches!(End::from(io::Error::from(io::ErrorKind::BrokenPipe)), End::ReaderGone));
        assert!(
            matches!(End::from(io::Error::from(io::ErrorKind::StorageFull)), End::Fault(fault) if fault.kind == FaultKind::DiskFull)
        );
    }
}
