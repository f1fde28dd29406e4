//! How the dialogs look.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{Kind, Report, Row, Stage, TransferDialog};
use crate::{
    api::{
        amount,
        transfer::{ExportFormat, ImportOutcome, ImportRow, TransferProgress},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        widgets::{form::fault_text, modal, picker::cut},
    },
};

/// Names of files shown at once.
const NAMES: usize = 5;
const WIDTH: u16 = 76;

impl TransferDialog {
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &self.stage {
            Stage::Filling => self.view_filling(frame, area, cx),
            Stage::Starting => self.view_running(TransferProgress::default(), false, frame, area, cx),
            Stage::Running { progress, stopping, .. } => self.view_running(*progress, *stopping, frame, area, cx),
            Stage::Exported(report) => {
                let hints = cx.hints(&[(Action::ListClose, "close")]);
                let inner = modal::open(frame, area, cx, "Exported", (WIDTH, 9), &hints).inner(Margin::new(2, 1));
                let path = SafeText::line(&report.path.to_string_lossy()).into_string();
                let lines = vec![
                    Line::styled(
                        format!(
                            "✓ {}, {}",
                            amount::many(report.conversations, "conversation"),
                            amount::many(report.messages, "message")
                        ),
                        cx.theme.success,
                    ),
                    Line::styled(cut(&path, usize::from(inner.width)), cx.theme.text),
                    Line::default(),
                    Line::styled("It is not encrypted; keep it where nobody else reads.", cx.theme.dim),
                ];
                frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), inner);
            }
            Stage::Imported(report) => report.view(self.fault.is_some(), frame, area, cx),
        }
    }

    fn view_filling(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let title = if self.is_export() { "Export" } else { "Import" };
        let completes = self.row == Row::File && !self.paths.found.is_empty();
        let next = if completes { "next name" } else { "next field" };
        let hints = cx.hints(&[(Action::Submit, "go on"), (Action::NextField, next), (Action::Cancel, "leave it")]);
        let fields = self.rows().len() as u16 * 2;
        let wish = (WIDTH, fields + NAMES as u16 + 6);
        let inner = modal::open(frame, area, cx, title, wish, &hints).inner(Margin::new(2, 1));
        let [rows, below] = Layout::vertical([Constraint::Length(fields), Constraint::Min(0)]).areas(inner);
        for (place, row) in self.rows().iter().enumerate() {
            let y = rows.y + place as u16 * 2;
            if y + 1 >= rows.bottom() {
                break;
            }
            let line = Rect { y, height: 2, ..rows };
            self.view_row(*row, line, frame, cx);
        }
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), below);
        } else if completes {
            frame.render_widget(Paragraph::new(self.names(below, cx)), below);
        } else {
            frame.render_widget(Paragraph::new(self.words()).style(cx.theme.dim).wrap(Wrap { trim: true }), below);
        }
    }

    fn view_row(&self, row: Row, area: Rect, frame: &mut Frame, cx: &Cx) {
        let focused = row == self.row;
        let (bar, style) = if focused { ("┃ ", cx.theme.accent) } else { ("│ ", cx.theme.dim) };
        let [label, line] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
        let name = match row {
            Row::What => "What",
            Row::Format => "As",
            Row::File if self.is_export() => "Into the file",
            Row::File => "From the file",
            Row::Toggle => "",
        };
        frame.render_widget(Span::styled(name, style), label);
        let [front, text] = Layout::horizontal([Constraint::Length(2), Constraint::Min(1)]).areas(line);
        let chosen = |words: &str, style: Style| {
            let marks = if focused { ("‹ ", " ›") } else { ("", "") };
            let room = usize::from(text.width).saturating_sub(4);
            Span::styled(format!("{}{}{}", marks.0, cut(words, room), marks.1), style)
        };
        match (row, &self.kind) {
            (Row::What, Kind::Export { offers, offer, .. }) => {
                frame.render_widget(Span::styled(bar, style), front);
                let words = offers.get(*offer).map_or("", |offer| offer.label.as_str());
                frame.render_widget(chosen(words, cx.theme.text), text);
            }
            (Row::Format, Kind::Export { format, .. }) => {
                frame.render_widget(Span::styled(bar, style), front);
                frame.render_widget(chosen(format_words(*format), cx.theme.text), text);
            }
            (Row::File, _) => {
                frame.render_widget(Span::styled(bar, style), front);
                self.file.view(frame, text, cx.theme.text, focused);
            }
            (Row::Toggle, _) => {
                let words = if self.is_export() {
                    "Replace a file that is there already"
                } else {
                    "Only say what would be done"
                };
                let words = format!("{bar}{} {words}", if self.toggle { "[x]" } else { "[ ]" });
                frame.render_widget(Span::styled(words, style), label);
                if focused {
                    frame.set_cursor_position((label.x.saturating_add(3), label.y));
                }
            }
            (Row::What | Row::Format, Kind::Import) => {}
        }
    }

    fn names(&self, area: Rect, cx: &Cx) -> Vec<Line<'static>> {
        let rows = NAMES.min(usize::from(area.height)).max(1);
        let top = self.paths.at.map_or(0, |at| (at + 1).saturating_sub(rows));
        let room = usize::from(area.width).saturating_sub(2);
        let names = self.paths.found.iter().enumerate().skip(top).take(rows);
        names
            .map(|(at, path)| {
                let on = self.paths.at == Some(at);
                let style = if on { cx.theme.selection } else { cx.theme.text };
                let mark = if on { "› " } else { "  " };
                Line::styled(format!("{mark}{}", cut(SafeText::line(path).as_str(), room)), style)
            })
            .collect()
    }

    fn words(&self) -> &'static str {
        match (self.row, &self.kind) {
            (Row::What | Row::Format, _) => "Left and right choose.",
            (Row::File, Kind::Export { .. }) | (Row::Toggle, _) => "Space switches; Enter begins.",
            (Row::File, Kind::Import) => {
                "An archive of this program, chats of Open WebUI, or the export of ChatGPT or Claude: conversations.json, or \
                 the zip it came in. Bringing a file in twice adds nothing."
            }
        }
    }

    fn view_running(&self, progress: TransferProgress, stopping: bool, frame: &mut Frame, area: Rect, cx: &Cx) {
        let title = if self.is_export() { "Exporting" } else { "Importing" };
        let hints = cx.hints(&[(Action::Submit, "go on in the background"), (Action::Cancel, "stop")]);
        let inner = modal::open(frame, area, cx, title, (WIDTH, 9), &hints).inner(Margin::new(2, 1));
        let cells = u64::from(inner.width.saturating_sub(8)).max(1);
        let share = (progress.done.min(progress.of) * 100).checked_div(progress.of).unwrap_or(0);
        let filled = (share * cells / 100) as usize;
        let bar = format!("{}{} {share:>3} %", "█".repeat(filled), "░".repeat(cells as usize - filled));
        let words = if stopping { "Stopping…" } else { "" };
        let lines = vec![
            Line::styled(bar, cx.theme.accent),
            Line::default(),
            Line::from(vec![
                Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                Span::styled(
                    format!(
                        "{}, {}",
                        amount::many(progress.conversations, "conversation"),
                        amount::many(progress.messages, "message")
                    ),
                    cx.theme.text,
                ),
                Span::styled(format!("  {words}"), cx.theme.dim),
            ]),
            Line::default(),
            Line::styled(
                if self.is_export() { "A stop leaves no file." } else { "A stop keeps what has come." },
                cx.theme.dim,
            ),
        ];
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn format_words(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Own => "this program's own format: nothing is lost (.tar.gz)",
        ExportFormat::Markdown => "Markdown: the branch on view, to read (.md)",
        ExportFormat::Json => "JSON: every branch, for other programs (.json)",
        ExportFormat::Html => "HTML: the branch on view as one page (.html)",
    }
}

fn outcome(row: &ImportRow) -> (&'static str, &'static str) {
    match row.outcome {
        ImportOutcome::Imported => ("+", "imported"),
        ImportOutcome::Updated => ("↑", "updated"),
        ImportOutcome::Same => ("=", "already here"),
        ImportOutcome::Changed => ("≠", "left as it is here"),
        ImportOutcome::Skipped => ("✗", "skipped"),
    }
}

impl Report {
    fn view(&self, broken: bool, frame: &mut Frame, area: Rect, cx: &Cx) {
        let title = if self.told.dry_run { "What an import would do" } else { "Imported" };
        let hints = cx.hints(&[(Action::ListClose, "close"), (Action::ListDown, "down"), (Action::ListUp, "up")]);
        let inner = modal::open(frame, area, cx, title, (WIDTH + 14, 30), &hints).inner(Margin::new(2, 1));
        let head = self.head(cx);
        // The sentence of what broke off may take several lines.
        let height = head.iter().map(|line| (line.width() as u16).div_ceil(inner.width.max(1)).max(1)).sum::<u16>() + 1;
        let [top, list] = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(inner);
        frame.render_widget(Paragraph::new(head).wrap(Wrap { trim: true }), top);
        let mut lines = Vec::new();
        let room = usize::from(list.width);
        for row in self.rows.iter().skip(self.top) {
            if lines.len() >= usize::from(list.height) {
                break;
            }
            let (mark, words) = outcome(row);
            let style = match row.outcome {
                ImportOutcome::Imported | ImportOutcome::Updated => cx.theme.text,
                ImportOutcome::Same => cx.theme.dim,
                ImportOutcome::Changed | ImportOutcome::Skipped => cx.theme.warning,
            };
            let told = match row.messages {
                0 => words.to_owned(),
                messages => format!("{words}, {}", amount::many(messages, "message")),
            };
            let name = cut(SafeText::line(&row.title).as_str(), room.saturating_sub(told.chars().count() + 6));
            lines.push(Line::styled(format!("{mark} {name} · {told}"), style));
            for note in &row.notes {
                lines.push(Line::styled(
                    format!("    {}", cut(SafeText::line(note).as_str(), room.saturating_sub(4))),
                    cx.theme.dim,
                ));
            }
        }
        if self.rows.is_empty() && !broken {
            let words = if self.next.is_some() { "…" } else { "Nothing was in it." };
            lines.push(Line::styled(words, cx.theme.dim));
        }
        frame.render_widget(Paragraph::new(lines), list);
    }

    fn head(&self, cx: &Cx) -> Vec<Line<'static>> {
        let counts = &self.told.counts;
        let from = self.told.from.as_deref().map(|from| format!("{}: ", SafeText::line(from))).unwrap_or_default();
        let mut lines = vec![Line::styled(
            format!(
                "{from}{} imported, {} updated, {} already here, {} changed here, {} skipped; {} new messages",
                counts.imported, counts.updated, counts.same, counts.changed, counts.skipped, counts.messages
            ),
            cx.theme.text,
        )];
        if self.told.stopped {
            lines.push(Line::styled("Stopped; what came before is kept.", cx.theme.warning));
        }
        if let Some(why) = &self.told.broke_off {
            let words = format!("It broke off: {} What came before is kept.", SafeText::line(why));
            lines.push(Line::styled(words, cx.theme.warning));
        }
        lines
    }
}
