//! `ollamanet conversations export` and `import`: files that leave and files that come in.
//!
//! A stop is heard here, because there is something to keep and to say: an export leaves nothing, an import what it has.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    path::Path,
    time::Duration,
};

use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Desk, End, Stops, find,
    out::{self, print, print_json, print_own, safe, say},
    transfer_args::{Export, Import},
};
use crate::api::{
    Fault, FaultKind, TransferId, amount,
    auth::Session,
    events::Event,
    organise::Shelf,
    profile::ExportReport,
    transfer::{
        ExportFormat, ExportScope, ImportOutcome, ImportReport, ImportRow, NewExport, NewImport, TransferEnd,
        TransferEvent, TransferProgress,
    },
};

/// How long what is stopped may take to end.
pub const STOPPING: Duration = Duration::from_secs(10);
/// Rows of a report that are read at once.
const PAGE: u32 = 200;
/// Cells of the bar.
const BAR: u64 = 30;
const EVERYWHERE: &[Shelf] = &[Shelf::Recent, Shelf::Archive, Shelf::Trash];

/// # Errors
/// How it ended, when not well.
pub async fn export(desk: &Desk, what: Export, stops: &mut Stops) -> Result<(), End> {
    let format = ExportFormat::from(what.format);
    let to_stdout = what.output == Path::new("-");
    if to_stdout && format == ExportFormat::Own && io::stdout().is_terminal() {
        return Err(Fault::invalid("An archive is no text for a terminal.")
            .hint("Name a file with -o FILE, or choose --format markdown.")
            .into());
    }
    let session = &desk.session().await?;
    let scope = scope(desk, session, &what).await?;
    if to_stdout {
        return to_pipe(desk, session, scope, format, stops).await;
    }
    let to = std::path::absolute(&what.output)?;
    let events = desk.gateway.events(session).await?;
    let new = NewExport { scope, format, to, overwrite: what.overwrite };
    let started = desk.confirmed(session, |session| desk.gateway.start_export(session, new.clone())).await;
    let session = desk.latest(session);
    let id = started.map_err(|fault| match fault.kind {
        FaultKind::Conflict if !what.overwrite => fault.hint("Nothing was written; give another name, or --overwrite."),
        _ => fault,
    })?;
    let mut bar = Bar::new("conversations");
    let mut following = Following { desk, session, id, events, stopped_by: None };
    let end = loop {
        match following.next(stops).await? {
            Step::On(progress) => bar.show(progress, progress.done),
            Step::Ended(end) => break end,
        }
    };
    bar.clear();
    match (end, following.stopped_by) {
        (TransferEnd::Exported(report), _) => exported(desk, &report),
        (TransferEnd::Failed(fault), Some(code)) if fault.kind == FaultKind::Cancelled => {
            say("ollamanet: Stopped; nothing was written.");
            Err(End::Code(code))
        }
        (TransferEnd::Failed(fault), _) => Err(fault.into()),
        (TransferEnd::Imported(_), _) => Ok(()),
    }
}

async fn scope(desk: &Desk, session: &Session, what: &Export) -> Result<ExportScope, Fault> {
    if what.all {
        return Ok(ExportScope::Everything);
    }
    if let Some(which) = &what.folder {
        let folders = desk.gateway.tree(session).await?.folders;
        return Ok(ExportScope::Folder(find::folder(&folders, which)?.id));
    }
    let mut ids = Vec::new();
    for which in &what.conversations {
        let id = find::conversation(desk, session, which, EVERYWHERE).await?.id;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ExportScope::Conversations(ids))
}

async fn to_pipe(
    desk: &Desk,
    session: &Session,
    scope: ExportScope,
    format: ExportFormat,
    stops: &mut Stops,
) -> Result<(), End> {
    let mut pieces =
        desk.confirmed(session, |session| desk.gateway.pipe_export(session, scope.clone(), format)).await?;
    loop {
        let piece = tokio::select! {
            biased;
            code = stops.next() => return Err(End::Code(code)),
            piece = pieces.recv() => piece,
        };
        match piece {
            None => return Ok(()),
            Some(piece) => print_own(&piece?)?,
        }
    }
}

fn exported(desk: &Desk, report: &ExportReport) -> Result<(), End> {
    if desk.global.json {
        return print_json(report);
    }
    print(&format!(
        "{}\n{}: {}, {}. It is not encrypted; keep it where nobody else reads.\n",
        safe(&report.path.to_string_lossy()),
        amount::bytes(report.bytes),
        amount::many(report.conversations, "conversation"),
        amount::many(report.messages, "message"),
    ))
}

/// # Errors
/// How it ended, when not well: that of the worst file.
pub async fn import(desk: &Desk, what: Import, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    let mut worst = 0;
    for file in &what.files {
        let file = std::path::absolute(file)?;
        match one_file(desk, session, &file, what.dry_run, stops).await {
            Ok(()) => {}
            // The next file may be better.
            Err(End::Fault(fault)) if what.files.len() > 1 => {
                out::complain(&Fault {
                    message: format!("{}: {}", safe(&file.to_string_lossy()), fault.message),
                    ..fault.clone()
                });
                worst = worst.max(fault.exit_code());
            }
            Err(End::Code(1)) => worst = worst.max(1),
            Err(end) => return Err(end),
        }
    }
    if worst == 0 { Ok(()) } else { Err(End::Code(worst)) }
}

async fn one_file(desk: &Desk, session: &Session, file: &Path, dry_run: bool, stops: &mut Stops) -> Result<(), End> {
    // Before it begins, or its first words would be missed.
    let events = desk.gateway.events(session).await?;
    let new = NewImport { file: file.to_path_buf(), dry_run };
    let id = desk.gateway.start_import(session, new).await?;
    let mut bar = Bar::new("conversations");
    let mut printed = 0;
    let json = desk.global.json;
    let mut following = Following { desk, session, id, events, stopped_by: None };
    let end = loop {
        match following.next(stops).await? {
            Step::On(progress) => {
                bar.show(progress, progress.conversations);
                if json {
                    rows(desk, session, id, &mut printed, told_as_json).await?;
                }
            }
            Step::Ended(end) => break end,
        }
    };
    bar.clear();
    let report = match end {
        TransferEnd::Imported(report) => report,
        TransferEnd::Failed(fault) => return Err(fault.into()),
        TransferEnd::Exported(_) => return Ok(()),
    };
    if json {
        rows(desk, session, id, &mut printed, told_as_json).await?;
        print_json(&json!({ "type": "report", "report": report }))?;
    } else {
        rows(desk, session, id, &mut printed, told_in_words).await?;
        print(&words(&report))?;
    }
    match (following.stopped_by, &report.broke_off) {
        (Some(code), _) => Err(End::Code(code)),
        (None, Some(_)) => Err(End::Code(1)),
        (None, None) => Ok(()),
    }
}

fn told_as_json(row: &ImportRow) -> Result<(), End> {
    print_json(&json!({ "type": "conversation", "conversation": row }))
}

fn told_in_words(row: &ImportRow) -> Result<(), End> {
    print(&line(row))
}

/// An export or an import on its way. A first signal stops it, a second leaves it.
struct Following<'a> {
    desk: &'a Desk,
    session: &'a Session,
    id: TransferId,
    events: mpsc::Receiver<Event>,
    stopped_by: Option<u8>,
}

enum Step {
    On(TransferProgress),
    Ended(TransferEnd),
}

impl Following<'_> {
    async fn next(&mut self, stops: &mut Stops) -> Result<Step, End> {
        loop {
            let event = tokio::select! {
                biased;
                code = stops.next() => {
                    if self.stopped_by.is_some() {
                        return Err(End::Code(code));
                    }
                    self.stopped_by = Some(code);
                    self.desk.gateway.stop_transfer(self.session, self.id).await?;
                    continue;
                }
                event = self.events.recv() => event,
            };
            match event {
                Some(Event::Transfer { transfer, event }) if transfer == self.id => {
                    return Ok(match event {
                        TransferEvent::Progress(progress) => Step::On(progress),
                        TransferEvent::Ended(end) => Step::Ended(*end),
                    });
                }
                Some(Event::SessionEnded(fault)) => return Err(fault.into()),
                Some(
                    Event::Transfer { .. }
                    | Event::Turn { .. }
                    | Event::Changed(_)
                    | Event::Health(_)
                    | Event::PutAway(_)
                    | Event::Job(_)
                    | Event::Notice(_),
                ) => {}
                None => return Err(Fault::new(FaultKind::Internal, "It broke off without saying how it ended.").into()),
            }
        }
    }
}

/// Rows that have come since the last time.
async fn rows(
    desk: &Desk,
    session: &Session,
    id: TransferId,
    printed: &mut u64,
    put: fn(&ImportRow) -> Result<(), End>,
) -> Result<(), End> {
    loop {
        let page = desk.gateway.import_report(session, id, *printed, PAGE).await?;
        for row in &page.rows {
            put(row)?;
        }
        *printed += page.rows.len() as u64;
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// What is worth a line: nothing is said of what simply came or was here.
fn line(row: &ImportRow) -> String {
    let what = match row.outcome {
        ImportOutcome::Imported | ImportOutcome::Same if row.notes.is_empty() => return String::new(),
        ImportOutcome::Imported => "imported",
        ImportOutcome::Same => "already here",
        ImportOutcome::Updated => "updated",
        ImportOutcome::Changed => "left as it is here",
        ImportOutcome::Skipped => "skipped",
    };
    let mut text = format!("{what}: {}\n", safe(&row.title));
    if row.outcome == ImportOutcome::Updated {
        let _ = writeln!(text, "  {} new messages", row.messages);
    }
    for note in &row.notes {
        let _ = writeln!(text, "  {}", safe(note));
    }
    text
}

fn words(report: &ImportReport) -> String {
    let counts = &report.counts;
    let mut text = String::new();
    if let Some(from) = &report.from {
        let _ = writeln!(text, "{} ({})", safe(&report.file.to_string_lossy()), safe(from));
    }
    let would = if report.dry_run { "would be " } else { "" };
    let _ = writeln!(
        text,
        "{} {would}imported with {}, {} {would}updated, {} already here, {} changed here, {} skipped",
        amount::many(counts.imported, "conversation"),
        amount::many(counts.messages, "message"),
        counts.updated,
        counts.same,
        counts.changed,
        counts.skipped
    );
    if let Some(why) = &report.broke_off {
        let _ = writeln!(text, "It broke off: {} What came before is kept; importing again completes it.", safe(why));
    }
    if report.stopped {
        text.push_str("Stopped; what came before is kept. Importing again completes it.\n");
    }
    text
}

/// A bar on standard error, where that is a terminal.
struct Bar {
    is_shown: bool,
    unit: &'static str,
    drawn: bool,
}

impl Bar {
    fn new(unit: &'static str) -> Self {
        Self { is_shown: io::stderr().is_terminal(), unit, drawn: false }
    }

    fn show(&mut self, progress: TransferProgress, count: u64) {
        if !self.is_shown || progress.of == 0 {
            return;
        }
        let filled = (progress.done.min(progress.of) * BAR / progress.of) as usize;
        let bar = format!("{}{}", "#".repeat(filled), "-".repeat(BAR as usize - filled));
        let percent = progress.done.min(progress.of) * 100 / progress.of;
        let mut stderr = io::stderr().lock();
        // Nobody to tell is no failure.
        let _ = write!(stderr, "\r[{bar}] {percent:>3} %  {count} {}", self.unit);
        let _ = stderr.flush();
        self.drawn = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r{}\r", " ".repeat(BAR as usize + 40));
            let _ = stderr.flush();
        }
    }
}
