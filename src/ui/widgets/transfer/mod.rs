//! The dialogs of an export and of an import: what to do, how far it is, what became of it.
//!
//! One at a time, from the first question to the report. It can be left while the work goes on, and is the same when it is
//! looked at again.

mod view;

#[cfg(test)]
mod tests;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};

use super::field::Field;
use crate::{
    api::{
        Fault, TransferId,
        profile::ExportReport,
        transfer::{
            ExportFormat, ExportScope, ImportPage, ImportReport, ImportRow, NewExport, NewImport, TransferEnd,
            TransferProgress,
        },
    },
    ui::{
        actions::{Action, Context},
        msg::{Effect, TransferCall},
    },
};

/// Rows that are read ahead of the last one on view.
const AHEAD: usize = 20;
/// Rows that a page key goes.
const PAGE: usize = 10;

/// What may leave, named as the person knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub label: String,
    /// What the file is called at first, without its ending.
    pub stem: String,
    pub scope: ExportScope,
}

/// What became of a key.
#[derive(Debug)]
pub enum TransferOut {
    Effects(Vec<Effect>),
    /// It is over; nothing of it is needed any more.
    Closed,
    /// It goes on without being looked at.
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    What,
    Format,
    File,
    Toggle,
}

#[derive(Debug)]
enum Kind {
    Export {
        offers: Vec<Offer>,
        offer: usize,
        format: ExportFormat,
        /// The person wrote a name of their own.
        named: bool,
    },
    Import,
}

#[derive(Debug)]
enum Stage {
    Filling,
    /// It was asked for and has not begun.
    Starting,
    Running {
        id: TransferId,
        progress: TransferProgress,
        stopping: bool,
    },
    Exported(ExportReport),
    Imported(Box<Report>),
}

/// What an import did, as far as it has been read.
#[derive(Debug)]
struct Report {
    id: TransferId,
    told: ImportReport,
    rows: Vec<ImportRow>,
    next: Option<u64>,
    asked: bool,
    top: usize,
}

/// Names of files that go on from what was typed.
#[derive(Debug, Default)]
struct Paths {
    asked: u64,
    found: Vec<String>,
    at: Option<usize>,
}

#[derive(Debug)]
pub struct TransferDialog {
    kind: Kind,
    stage: Stage,
    row: Row,
    file: Field,
    /// Replace a file that is there; only say what would be done.
    toggle: bool,
    paths: Paths,
    fault: Option<Fault>,
}

impl TransferDialog {
    /// The first offer is proposed.
    #[must_use]
    pub fn export(offers: Vec<Offer>) -> Self {
        let kind = Kind::Export { offers, offer: 0, format: ExportFormat::Own, named: false };
        let mut dialog = Self::new(kind, Row::What);
        dialog.propose();
        dialog
    }

    #[must_use]
    pub fn import() -> Self {
        Self::new(Kind::Import, Row::File)
    }

    fn new(kind: Kind, row: Row) -> Self {
        Self {
            kind,
            stage: Stage::Filling,
            row,
            file: Field::default(),
            toggle: false,
            paths: Paths::default(),
            fault: None,
        }
    }

    #[must_use]
    pub fn is_export(&self) -> bool {
        matches!(self.kind, Kind::Export { .. })
    }

    #[must_use]
    pub fn context(&self) -> Context {
        match self.stage {
            Stage::Filling | Stage::Starting | Stage::Running { .. } => Context::Form,
            Stage::Exported(_) | Stage::Imported(_) => Context::List,
        }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Running { .. })
    }

    /// It was asked for and has not begun.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        matches!(self.stage, Stage::Starting)
    }

    /// Which transfer it shows.
    #[must_use]
    pub fn id(&self) -> Option<TransferId> {
        match &self.stage {
            Stage::Running { id, .. } => Some(*id),
            Stage::Imported(report) => Some(report.id),
            Stage::Filling | Stage::Starting | Stage::Exported(_) => None,
        }
    }

    fn rows(&self) -> &'static [Row] {
        if self.is_export() { &[Row::What, Row::Format, Row::File, Row::Toggle] } else { &[Row::File, Row::Toggle] }
    }

    fn step(&mut self, by: isize) {
        let rows = self.rows();
        let at = rows.iter().position(|row| *row == self.row).unwrap_or_default();
        let there = (at as isize + by).rem_euclid(rows.len() as isize) as usize;
        self.row = rows[there];
        self.paths.found.clear();
        self.paths.at = None;
    }

    /// A name for the file, as long as the person has written none.
    fn propose(&mut self) {
        if let Kind::Export { offers, offer, format, named: false } = &self.kind {
            let stem = offers.get(*offer).map_or("conversations", |offer| offer.stem.as_str());
            self.file.set(&format!("~/{stem}.{}", format.ending()));
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<TransferOut> {
        let nothing = || Some(TransferOut::Effects(Vec::new()));
        match &mut self.stage {
            Stage::Filling => match action {
                Action::Cancel | Action::Escape | Action::Interrupt => Some(TransferOut::Closed),
                Action::NextField | Action::FocusNext => Some(TransferOut::Effects(self.forward())),
                Action::PreviousField | Action::FocusPrevious => {
                    self.back();
                    nothing()
                }
                Action::Submit if matches!(self.row, Row::What | Row::Format) => {
                    self.step(1);
                    nothing()
                }
                Action::Submit => Some(TransferOut::Effects(self.start())),
                _ => None,
            },
            Stage::Starting => match action {
                Action::Cancel | Action::Escape | Action::Interrupt | Action::Submit => nothing(),
                _ => None,
            },
            Stage::Running { id, stopping, .. } => match action {
                Action::Cancel | Action::Escape | Action::Interrupt => {
                    *stopping = true;
                    Some(TransferOut::Effects(vec![Effect::Transfer(TransferCall::Stop(*id))]))
                }
                Action::Submit => Some(TransferOut::Behind),
                _ => None,
            },
            Stage::Exported(_) => match action {
                Action::ListAccept | Action::ListClose | Action::Escape | Action::Interrupt => {
                    Some(TransferOut::Closed)
                }
                _ => None,
            },
            Stage::Imported(report) => {
                match action {
                    Action::ListAccept | Action::ListClose | Action::Escape | Action::Interrupt => {
                        return Some(TransferOut::Closed);
                    }
                    Action::ListUp => report.scroll(-1),
                    Action::ListDown => report.scroll(1),
                    Action::ListPageUp => report.scroll(-(PAGE as isize)),
                    Action::ListPageDown => report.scroll(PAGE as isize),
                    _ => return None,
                }
                Some(TransferOut::Effects(report.more()))
            }
        }
    }

    /// Through the names of files that fit, as a shell goes through them; without any, to the next field.
    fn forward(&mut self) -> Vec<Effect> {
        if self.row != Row::File || self.paths.found.is_empty() {
            self.step(1);
            return Vec::new();
        }
        let at = self.paths.at.map_or(0, |at| (at + 1) % self.paths.found.len());
        self.take(at)
    }

    fn back(&mut self) {
        match self.paths.at {
            Some(at) if self.row == Row::File => {
                let at = (at + self.paths.found.len() - 1) % self.paths.found.len();
                self.take(at);
            }
            Some(_) | None => self.step(-1),
        }
    }

    fn take(&mut self, at: usize) -> Vec<Effect> {
        let Some(path) = self.paths.found.get(at).cloned() else { return Vec::new() };
        self.file.set(&path);
        self.paths.at = Some(at);
        self.name_given();
        // The only one, and a directory: what is in it comes next.
        if self.paths.found.len() == 1 && path.ends_with('/') { self.look() } else { Vec::new() }
    }

    fn name_given(&mut self) {
        self.fault = None;
        if let Kind::Export { named, .. } = &mut self.kind {
            *named = true;
        }
    }

    /// Asks which files begin like this.
    fn look(&mut self) -> Vec<Effect> {
        self.paths = Paths { asked: self.paths.asked + 1, ..Paths::default() };
        let typed = self.file.text().to_owned();
        vec![Effect::Transfer(TransferCall::Paths { asked: self.paths.asked, typed })]
    }

    fn start(&mut self) -> Vec<Effect> {
        let file = self.file.text().trim().to_owned();
        if file.is_empty() || file.ends_with('/') {
            self.fault = Some(Fault::invalid("Name a file."));
            self.row = Row::File;
            return Vec::new();
        }
        self.fault = None;
        self.paths = Paths { asked: self.paths.asked + 1, ..Paths::default() };
        let call = match &self.kind {
            Kind::Export { offers, offer, format, .. } => {
                let Some(offer) = offers.get(*offer) else { return Vec::new() };
                TransferCall::Export(NewExport {
                    scope: offer.scope.clone(),
                    format: *format,
                    to: file.into(),
                    overwrite: self.toggle,
                })
            }
            Kind::Import => TransferCall::Import(NewImport { file: file.into(), dry_run: self.toggle }),
        };
        self.stage = Stage::Starting;
        vec![Effect::Transfer(call)]
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Filling) {
            return Vec::new();
        }
        let by = match key.code {
            KeyCode::Left => -1,
            KeyCode::Right | KeyCode::Char(' ') => 1,
            _ => 0,
        };
        match (self.row, &mut self.kind) {
            (Row::What, Kind::Export { offers, offer, .. }) if by != 0 => {
                *offer = (*offer as isize + by).rem_euclid(offers.len().max(1) as isize) as usize;
                self.propose();
            }
            (Row::Format, Kind::Export { format, .. }) if by != 0 => {
                let all = ExportFormat::ALL;
                let at = all.iter().position(|each| each == format).unwrap_or_default();
                let before = format.ending();
                *format = all[(at as isize + by).rem_euclid(all.len() as isize) as usize];
                let after = format.ending();
                // A name of the person's own keeps all but the ending that was the format's.
                let renamed = self.file.text().strip_suffix(before).map(|stem| format!("{stem}{after}"));
                if let Some(renamed) = renamed {
                    self.file.set(&renamed);
                }
            }
            (Row::Toggle, _) if key.code == KeyCode::Char(' ') => self.toggle = !self.toggle,
            (Row::File, _) if self.file.on_key(key) => {
                self.name_given();
                return self.look();
            }
            (Row::What | Row::Format | Row::File | Row::Toggle, _) => {}
        }
        Vec::new()
    }

    pub fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Filling) || self.row != Row::File {
            return Vec::new();
        }
        self.file.paste(text);
        self.name_given();
        self.look()
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        let Stage::Imported(report) = &mut self.stage else { return Vec::new() };
        match mouse.kind {
            MouseEventKind::ScrollUp => report.scroll(-3),
            MouseEventKind::ScrollDown => report.scroll(3),
            _ => return Vec::new(),
        }
        report.more()
    }

    pub fn paths_found(&mut self, asked: u64, found: Vec<String>) {
        if asked == self.paths.asked && matches!(self.stage, Stage::Filling) {
            let only_itself = found.len() == 1 && found[0] == self.file.text();
            self.paths.found = if only_itself { Vec::new() } else { found };
        }
    }

    pub fn started(&mut self, outcome: Result<TransferId, Fault>) {
        match outcome {
            Ok(id) => {
                self.stage = Stage::Running { id, progress: TransferProgress::default(), stopping: false };
            }
            Err(fault) => {
                self.row = Row::File;
                self.fault = Some(fault);
                self.stage = Stage::Filling;
            }
        }
    }

    /// The passphrase was not typed, so nothing began.
    pub fn not_started(&mut self) {
        if matches!(self.stage, Stage::Starting) {
            self.stage = Stage::Filling;
        }
    }

    pub fn on_progress(&mut self, now: TransferProgress) {
        if let Stage::Running { progress, .. } = &mut self.stage {
            *progress = now;
        }
    }

    /// It has ended: the report, and the first of its rows.
    pub fn on_end(&mut self, end: TransferEnd) -> Vec<Effect> {
        let Some(id) = self.id() else { return Vec::new() };
        match end {
            TransferEnd::Exported(report) => self.stage = Stage::Exported(report),
            TransferEnd::Failed(fault) => self.started(Err(fault)),
            TransferEnd::Imported(report) => {
                let mut read = Report { id, told: report, rows: Vec::new(), next: Some(0), asked: false, top: 0 };
                let effects = read.more();
                self.stage = Stage::Imported(Box::new(read));
                return effects;
            }
        }
        Vec::new()
    }

    pub fn on_report(&mut self, page: Result<ImportPage, Fault>) {
        let Stage::Imported(report) = &mut self.stage else { return };
        report.asked = false;
        match page {
            Ok(page) => {
                report.rows.extend(page.rows);
                report.next = page.next;
            }
            Err(fault) => {
                report.next = None;
                self.fault = Some(fault);
            }
        }
    }
}

impl Report {
    fn scroll(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
    }

    /// Asks for what follows when the end of what is there comes near.
    fn more(&mut self) -> Vec<Effect> {
        match self.next {
            Some(after) if !self.asked && self.top + AHEAD >= self.rows.len() => {
                self.asked = true;
                vec![Effect::Transfer(TransferCall::Report { import: self.id, after })]
            }
            Some(_) | None => Vec::new(),
        }
    }
}

/// A title as a file's name: letters, figures and dashes.
#[must_use]
pub fn stem(title: &str) -> String {
    let mut stem = String::new();
    for letter in title.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            stem.push(letter);
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
        if stem.chars().count() >= 40 {
            break;
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "conversation".to_owned() } else { stem.to_owned() }
}
