//! Conversations leave for files and come in from them, in jobs that go on while the program is used.
//!
//! A job hears a stop, says how far it has come, and ends by saying what it did. Invariant: an export leaves a whole file
//! or none; an import leaves each conversation whole or not at all, and doing it again completes it.

mod export;
mod import;
pub mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use import::open_file;

use self::{
    export::{Everything, Sink},
    rows::{PAGE, Rows},
};
use super::{
    attachments,
    conversations::now,
    hub::Hub,
    own_jobs::{Book, Booked, OwnEnd, Telling},
};
use crate::{
    access::{Caller, Holder, Member},
    api::{
        AccountId, ConversationId, Fault, FaultKind, JobId, TransferId, amount,
        events::{Changed, Event},
        jobs::{ExportWork, Work, WorkKind},
        profile::ExportReport,
        transfer::{
            ExportFormat, ExportScope, ImportPage, ImportReport, NewExport, NewImport, TransferEnd, TransferEvent,
            TransferProgress,
        },
    },
    store::{
        Db,
        system::{Moment, audit},
    },
    tasks::{Tasks, Teller},
};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Reports that are kept of ended imports, for all accounts of this process.
const REPORTS: usize = 16;
/// Exports and imports of one account that may go on at once.
const AT_ONCE: usize = 4;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transfers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    tasks: Tasks,
    system: Db,
    book: Book,
    /// What relative paths and `~` mean.
    cwd: PathBuf,
    home: Option<PathBuf>,
    jobs: Mutex<BTreeMap<TransferId, Job>>,
}

#[derive(Debug)]
struct Job {
    account: AccountId,
    /// Its row in the owner's vault.
    booked: JobId,
    rows: Arc<Mutex<Rows>>,
    is_over: bool,
}

/// One that has begun.
struct Begun {
    id: TransferId,
    booked: Booked,
    stop: CancellationToken,
    rows: Arc<Mutex<Rows>>,
}

impl Transfers {
    #[must_use]
    pub fn new(hub: Hub, tasks: Tasks, system: Db, book: Book, cwd: PathBuf, home: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { hub, tasks, system, book, cwd, home, jobs: Mutex::default() }))
    }

    /// Begins an export into a file; `Event::Transfer` tells how it goes on. `again`: one more attempt at this row.
    pub async fn export(&self, by: Caller<Member>, new: NewExport, again: Option<JobId>) -> Result<TransferId, Fault> {
        let to = self.place(&new.to)?;
        if !new.overwrite {
            refuse_taken(&to)?;
        }
        export::look(&by.vault, &new.scope).await?;
        let work = ExportWork {
            scope: new.scope.clone(),
            format: new.format,
            to: Some(to.clone()),
            overwrite: new.overwrite,
            with_records: false,
        };
        let Begun { id, booked, stop, rows: _ } = self.begin(&by, Work::Export(work), again).await?;
        let (this, vault, account) = (self.clone(), by.vault.clone(), by.account);
        self.0.tasks.spawn_told(WorkKind::Export.task(), |teller| async move {
            let sink = Sink::File { to: to.clone(), overwrite: new.overwrite };
            let tell = this.teller(account, id, teller, booked.telling());
            let done =
                export::run(&vault, &new.scope, new.format, None, sink, &stop, |progress| tell(progress, None)).await;
            let outcome = if done.is_ok() { "ok" } else { "failed" };
            let noted = this.note(account, "conversations.export", outcome).await;
            let end = match (done, noted) {
                (Ok(report), Ok(())) => TransferEnd::Exported(report),
                (Err(fault), _) | (Ok(_), Err(fault)) => TransferEnd::Failed(fault),
            };
            booked.end(end_of(&end)).await;
            this.end(account, id, end).await;
        });
        Ok(id)
    }

    /// Begins an export whose bytes come through a channel. When nobody takes them any more, it ends.
    pub async fn pipe(
        &self,
        by: Caller<Member>,
        scope: ExportScope,
        format: ExportFormat,
    ) -> Result<mpsc::Receiver<Result<Vec<u8>, Fault>>, Fault> {
        export::look(&by.vault, &scope).await?;
        let work = ExportWork { scope: scope.clone(), format, to: None, overwrite: false, with_records: false };
        let Begun { id, booked, stop, rows: _ } = self.begin(&by, Work::Export(work), None).await?;
        let (told, inbox) = mpsc::channel(4);
        let (this, vault, account) = (self.clone(), by.vault.clone(), by.account);
        let root = self.0.tasks.token();
        self.0.tasks.spawn_told(WorkKind::Export.task(), |teller| async move {
            let (pieces, taken) = mpsc::channel(1);
            let sink = Sink::Pipe(pieces);
            let telling = booked.telling();
            let tell = |progress: TransferProgress| {
                teller.share(progress.done, progress.of);
                telling.share(progress.done, progress.of);
            };
            let making = export::run(&vault, &scope, format, None, sink, &stop, tell);
            let (done, ()) = tokio::join!(making, passed_on(taken, &told, &stop));
            let outcome = if done.is_ok() { "ok" } else { "failed" };
            let noted = this.note(account, "conversations.export", outcome).await;
            booked.end(exported(done.as_ref(), noted.as_ref().err())).await;
            this.over(id);
            if let Err(fault) = done.map(drop).and(noted) {
                // Whoever does not read must not keep the program from ending.
                let _ = root.run_until_cancelled(told.send(Err(fault))).await;
            }
        });
        Ok(inbox)
    }

    /// Everything of the account into one archive, with what the program records about it. Never over an existing file.
    pub async fn everything(
        &self,
        by: Caller<Member>,
        to: PathBuf,
        again: Option<JobId>,
    ) -> Result<ExportReport, Fault> {
        let to = self.place(&to)?;
        refuse_taken(&to)?;
        let work = ExportWork {
            scope: ExportScope::Everything,
            format: ExportFormat::Own,
            to: Some(to.clone()),
            overwrite: false,
            with_records: true,
        };
        // With whoever asked: when they stop waiting, the file goes.
        let booked = self.0.book.begin(&by.vault, Work::Export(work), again, &by.ended).await?;
        let (stop, telling) = (booked.stop().clone(), booked.telling());
        let beside = Everything { system: self.0.system.clone(), account: by.account };
        let sink = Sink::File { to, overwrite: false };
        let (scope, format) = (ExportScope::Everything, ExportFormat::Own);
        let tell = |progress: TransferProgress| telling.share(progress.done, progress.of);
        let done = export::run(&by.vault, &scope, format, Some(&beside), sink, &stop, tell).await;
        let noted = match &done {
            Ok(_) => self.note(by.account, "profile.export", "ok").await,
            Err(_) => Ok(()),
        };
        booked.end(exported(done.as_ref(), noted.as_ref().err())).await;
        noted?;
        done
    }

    /// Begins an import; `Event::Transfer` tells how it goes on. `again`: one more attempt at this row.
    pub async fn import(&self, by: Caller<Member>, new: NewImport, again: Option<JobId>) -> Result<TransferId, Fault> {
        let path = self.place(&new.file)?;
        let opened = path.clone();
        let (file, bytes) = tokio::task::spawn_blocking(move || open_file(&opened))
            .await
            .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal, "The file could not be opened.")))?;
        let work = Work::Import { file: path.clone(), dry_run: new.dry_run };
        let Begun { id, booked, stop, rows } = self.begin(&by, work, again).await?;
        let (this, vault, account) = (self.clone(), by.vault.clone(), by.account);
        self.0.tasks.spawn_told(WorkKind::Import.task(), |teller| async move {
            let tell = this.teller(account, id, teller, booked.telling());
            let import =
                import::Import { vault, file, bytes, dry_run: new.dry_run, stop, rows: Arc::clone(&rows), now: now() };
            let done = import::run(import, tell).await;
            let outcome = if done.is_ok() { "ok" } else { "failed" };
            if !new.dry_run
                && let Err(why) = this.note(account, "conversations.import", outcome).await
            {
                tracing::warn!(%why, "an import could not be written to the audit trail");
            }
            let end = match done {
                Ok(done) => TransferEnd::Imported(ImportReport {
                    file: path,
                    dry_run: new.dry_run,
                    from: done.from.map(str::to_owned),
                    counts: done.counts,
                    stopped: done.stopped,
                    broke_off: done.broke_off,
                    rows: lock(&rows).len(),
                }),
                Err(fault) => TransferEnd::Failed(fault),
            };
            booked.end(end_of(&end)).await;
            this.end(account, id, end).await;
        });
        Ok(id)
    }

    /// Stops one of the caller's own. One that has ended, or is somebody else's, is left alone; a locked screen may too.
    pub fn stop(&self, by: &Holder, id: TransferId) {
        let booked = self.jobs().get(&id).filter(|job| job.account == by.account.id).map(|job| job.booked);
        if let Some(booked) = booked {
            self.0.book.stop(by.account.id, booked);
        }
    }

    /// What became of the conversations of an import of this account, so far.
    pub fn report(&self, by: &Caller<Member>, id: TransferId, after: u64, limit: u32) -> Result<ImportPage, Fault> {
        if !(1..=PAGE).contains(&limit) {
            return Err(Fault::invalid(format!("A page holds 1 to {PAGE} rows, not {limit}.")));
        }
        let rows = self.jobs().get(&id).filter(|job| job.account == by.account).map(|job| Arc::clone(&job.rows));
        let rows = rows.ok_or_else(|| Fault::not_found("import"))?;
        Ok(lock(&rows).page(after, limit))
    }

    fn place(&self, path: &Path) -> Result<PathBuf, Fault> {
        if path.as_os_str().is_empty() {
            return Err(Fault::invalid("No file is named.").hint("Name one, such as ~/conversations.tar.gz."));
        }
        Ok(attachments::resolve(path, &self.0.cwd, self.0.home.as_deref()))
    }

    /// Behind a locked screen it goes on as an answer does.
    async fn begin(&self, by: &Caller<Member>, work: Work, again: Option<JobId>) -> Result<Begun, Fault> {
        let running = self.jobs().values().filter(|job| job.account == by.account && !job.is_over).count();
        if running >= AT_ONCE {
            return Err(Fault::new(FaultKind::Conflict, format!("{running} exports and imports are running already."))
                .hint("Wait for one of them, or stop it."));
        }
        let booked = self.0.book.begin(&by.vault, work, again, &by.work).await?;
        let (id, stop, rows) = (TransferId::new(), booked.stop().clone(), Arc::<Mutex<Rows>>::default());
        let job = Job { account: by.account, booked: booked.id(), rows: Arc::clone(&rows), is_over: false };
        self.jobs().insert(id, job);
        Ok(Begun { id, booked, stop, rows })
    }

    /// Tells progress, not more often than anybody can see.
    fn teller(
        &self,
        account: AccountId,
        transfer: TransferId,
        teller: Teller,
        telling: Telling,
    ) -> impl Fn(TransferProgress, Option<ConversationId>) + Send + use<> {
        let hub = self.0.hub.clone();
        let last: Mutex<Option<Instant>> = Mutex::new(None);
        move |progress, changed| {
            if let Some(conversation) = changed {
                hub.changed(account, Changed::Conversation(conversation));
            }
            telling.share(progress.done, progress.of);
            let mut last = lock(&last);
            if last.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                *last = Some(Instant::now());
                teller.share(progress.done, progress.of);
                hub.hint(account, &Event::Transfer { transfer, event: TransferEvent::Progress(progress) });
            }
        }
    }

    async fn end(&self, account: AccountId, id: TransferId, end: TransferEnd) {
        self.over(id);
        let brought = match &end {
            TransferEnd::Imported(report) => !report.dry_run,
            TransferEnd::Exported(_) | TransferEnd::Failed(_) => false,
        };
        if brought {
            self.0.hub.changed(account, Changed::Tree);
        }
        let event = Event::Transfer { transfer: id, event: TransferEvent::Ended(Box::new(end)) };
        // A screen that is full and never read again must not keep the program from ending.
        let root = self.0.tasks.token();
        tokio::select! {
            () = self.0.hub.tell(account, event) => {}
            () = root.cancelled() => {}
        }
    }

    fn over(&self, id: TransferId) {
        let mut jobs = self.jobs();
        if let Some(job) = jobs.get_mut(&id) {
            job.is_over = true;
        }
        let over: Vec<TransferId> = jobs.iter().filter(|(_, job)| job.is_over).map(|(id, _)| *id).collect();
        for old in over.iter().take(over.len().saturating_sub(REPORTS)) {
            jobs.remove(old);
        }
    }

    async fn note(&self, account: AccountId, what: &'static str, outcome: &'static str) -> Result<(), Fault> {
        let write =
            move |tx: &crate::store::Tx<'_>| audit::append(tx, &Moment::here(), Some(account), what, "", outcome);
        Ok(self.0.system.write(write).await?)
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<TransferId, Job>> {
        lock(&self.0.jobs)
    }
}

/// Passes on what comes, until it is to stop: a reader that takes nothing any more must not make it deaf to that.
async fn passed_on(
    mut taken: mpsc::Receiver<Result<Vec<u8>, Fault>>,
    told: &mpsc::Sender<Result<Vec<u8>, Fault>>,
    stop: &CancellationToken,
) {
    let passing = async {
        while let Some(piece) = taken.recv().await {
            if told.send(piece).await.is_err() {
                return;
            }
        }
    };
    let _ = stop.run_until_cancelled(passing).await;
}

/// How an export stands in its row.
fn exported(done: Result<&ExportReport, &Fault>, unnoted: Option<&Fault>) -> OwnEnd {
    match (done, unnoted) {
        (Ok(report), None) => {
            let counted = format!(
                "{} with {}",
                amount::many(report.conversations, "conversation"),
                amount::many(report.messages, "message")
            );
            OwnEnd::Done(if report.path.as_os_str().is_empty() {
                format!("{counted} went through the pipe.")
            } else {
                format!("{counted} are in {}.", report.path.display())
            })
        }
        (Err(fault), _) if fault.kind == FaultKind::Cancelled => OwnEnd::Stopped("Nothing was written.".to_owned()),
        (Err(fault), _) | (Ok(_), Some(fault)) => OwnEnd::Failed(fault.clone()),
    }
}

fn end_of(end: &TransferEnd) -> OwnEnd {
    match end {
        TransferEnd::Exported(report) => exported(Ok(report), None),
        TransferEnd::Failed(fault) => exported(Err(fault), None),
        TransferEnd::Imported(report) => {
            let counts = &report.counts;
            let would = if report.dry_run { "would be " } else { "" };
            let words = format!(
                "{} {would}imported, {} {would}updated, {} already here, {} skipped.",
                amount::many(counts.imported, "conversation"),
                counts.updated,
                counts.same,
                counts.skipped
            );
            match &report.broke_off {
                Some(why) => OwnEnd::Failed(
                    Fault::invalid(format!("It broke off: {why} Until then: {words}"))
                        .hint("What came before is kept; importing again completes it."),
                ),
                None if report.stopped => OwnEnd::Stopped(words),
                None => OwnEnd::Done(words),
            }
        }
    }
}

fn refuse_taken(to: &Path) -> Result<(), Fault> {
    if to.symlink_metadata().is_ok() {
        return Err(Fault::new(FaultKind::Conflict, format!("{} is there already.", to.display()))
            .hint("Nothing was written; give another name."));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
