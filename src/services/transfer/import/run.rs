//! From the reading thread into the vault: one transaction for each conversation, and what became of it.

use std::{
    collections::HashSet,
    fs::File,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Item, Notes,
    source::{self, Stop, Way},
};
use crate::{
    api::{
        ConversationId, Fault,
        transfer::{ImportCounts, ImportOutcome, ImportRow, TransferProgress},
    },
    services::transfer::rows::Rows,
    store::{
        StoreError, Vault,
        vault::{
            documents::NewDocument,
            portable::{self, Added, Incoming, OWN, Outcome, Placed, Placing, Shelves, ShelvesTaken},
        },
    },
};

/// Conversations that are read ahead. Each may be large, so they are few.
const AHEAD: usize = 4;

/// What an import is of.
pub(crate) struct Import {
    pub(crate) vault: Vault,
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) dry_run: bool,
    pub(crate) stop: CancellationToken,
    pub(crate) rows: Arc<Mutex<Rows>>,
    pub(crate) now: i64,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) from: Option<&'static str>,
    pub(crate) counts: ImportCounts,
    pub(crate) stopped: bool,
    pub(crate) broke_off: Option<String>,
}

/// Runs an import to its end. Refused as a whole only before anything was taken in.
pub(crate) async fn run(
    import: Import,
    tell: impl Fn(TransferProgress, Option<ConversationId>) + Send,
) -> Result<Done, Fault> {
    let Import { vault, file, bytes, dry_run, stop, rows, now } = import;
    let (items, mut inbox) = mpsc::channel(AHEAD);
    let read = Arc::new(AtomicU64::new(0));
    let way = Way { items, read: Arc::clone(&read), stop: stop.clone(), now };
    let reading = tokio::task::spawn_blocking(move || source::read(file, &way));
    let mut taking = Taking {
        vault,
        dry_run,
        now,
        shelves: Arc::default(),
        placing: None,
        seen: HashSet::new(),
        order: Vec::new(),
        documents: Vec::new(),
        counts: ImportCounts::default(),
    };
    let mut failed = None;
    while let Some(item) = inbox.recv().await {
        if stop.is_cancelled() {
            break;
        }
        match taking.take(item).await {
            Ok(row) => {
                let changed = row.as_ref().filter(|row| row.outcome == ImportOutcome::Updated);
                let changed = changed.and_then(|row| row.conversation).filter(|_| !dry_run);
                if let Some(row) = row {
                    taking.count(&row);
                    lock(&rows).add(row);
                }
                let progress = TransferProgress {
                    done: read.load(Ordering::Relaxed).min(bytes),
                    of: bytes,
                    conversations: taking.counts.imported
                        + taking.counts.updated
                        + taking.counts.same
                        + taking.counts.changed,
                    messages: taking.counts.messages,
                };
                tell(progress, changed);
            }
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    // Whoever still reads hears that nobody takes any more.
    drop(inbox);
    let (seen, ended) = reading.await.unwrap_or_else(|_| {
        (source::Seen::default(), Err(Stop::Broken("The file could not be read to its end.".to_owned())))
    });
    let settled = taking.settle().await;
    let mut counts = taking.counts;
    counts.skipped += seen.unnamed;
    let mut done = Done { from: seen.from, counts, stopped: stop.is_cancelled(), broke_off: None };
    match (failed, ended) {
        (None, Err(Stop::Refused(fault))) if !has_any(&counts) => return Err(fault),
        (Some(fault), _) | (None, Err(Stop::Refused(fault))) => done.broke_off = Some(fault.to_string()),
        (None, Err(Stop::Broken(why))) => done.broke_off = Some(why),
        (None, Ok(()) | Err(Stop::Cancelled)) => done.broke_off = settled.err().map(|fault| fault.to_string()),
    }
    Ok(done)
}

fn has_any(counts: &ImportCounts) -> bool {
    counts.imported + counts.updated + counts.same + counts.changed > 0
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Taking {
    vault: Vault,
    dry_run: bool,
    now: i64,
    shelves: Arc<ShelvesTaken>,
    placing: Option<Placing>,
    /// Conversations of this file, by their ids here.
    seen: HashSet<Uuid>,
    /// Those that were added, in the order in which they came.
    order: Vec<Added>,
    /// Files that are new here.
    documents: Vec<i64>,
    counts: ImportCounts,
}

impl Taking {
    async fn take(&mut self, item: Item) -> Result<Option<ImportRow>, Fault> {
        match item {
            Item::Shelves(shelves) => self.shelves(*shelves).await.map(|()| None),
            Item::Document(document) => self.document(*document).await.map(|()| None),
            Item::Skipped { title, why } => Ok(Some(skipped(title, why))),
            Item::Conversation(incoming, notes) => self.conversation(*incoming, notes).await.map(Some),
        }
    }

    async fn shelves(&mut self, mut shelves: Shelves) -> Result<(), Fault> {
        if self.dry_run {
            return Ok(());
        }
        // Settings move with a whole account. Into one that is in use they would come unasked, and rules that remove old
        // conversations are among them.
        if self.placing(OWN).await? == Placing::Below {
            shelves.settings.clear();
        }
        let new = self.vault.db.write(move |tx| portable::take_shelves(tx, &shelves)).await?;
        let all = Arc::make_mut(&mut self.shelves);
        all.presets.extend(new.presets);
        all.folders.extend(new.folders);
        all.tags.extend(new.tags);
        Ok(())
    }

    async fn document(&mut self, document: NewDocument) -> Result<(), Fault> {
        if self.dry_run {
            return Ok(());
        }
        let now = self.now;
        let (seq, is_new) = self.vault.db.write(move |tx| portable::store_document(tx, &document, now)).await?;
        if is_new {
            self.documents.push(seq);
        }
        Ok(())
    }

    async fn placing(&mut self, source: &str) -> Result<Placing, Fault> {
        if let Some(placing) = self.placing {
            return Ok(placing);
        }
        let as_it_was = source == OWN && self.vault.db.read(portable::holds_only_own).await?;
        let placing = if as_it_was { Placing::AsItWas } else { Placing::Below };
        self.placing = Some(placing);
        Ok(placing)
    }

    async fn conversation(&mut self, incoming: Incoming, mut notes: Notes) -> Result<ImportRow, Fault> {
        let title = incoming.title.clone();
        if !self.seen.insert(incoming.id) {
            return Ok(skipped(title, "Another conversation in the file has the same id.".to_owned()));
        }
        let placing = self.placing(incoming.source).await?;
        let (count, used, used_at) = (incoming.messages.len() as u64, incoming.used, incoming.used_at);
        let (dry, now, shelves) = (self.dry_run, self.now, Arc::clone(&self.shelves));
        let work = move |tx: &crate::store::Tx<'_>| portable::take_in(tx, &incoming, &shelves, placing, dry, now);
        // Looking needs no turn among those who write.
        let placed: Placed = if dry {
            self.vault.db.read::<_, StoreError>(work).await?
        } else {
            self.vault.db.write::<_, StoreError>(work).await?
        };
        if let Some(seq) = placed.added {
            self.order.push(Added { used, seq, used_at });
        }
        let stays = |left: u64| format!("{left} of its messages were changed or deleted here and stay as they are.");
        let (outcome, messages) = match placed.outcome {
            Outcome::Added => (ImportOutcome::Imported, count),
            Outcome::Grown { messages, left } => {
                if left > 0 {
                    notes.told.insert(0, stays(left));
                }
                (ImportOutcome::Updated, messages)
            }
            Outcome::Same => (ImportOutcome::Same, 0),
            Outcome::Changed { left } => {
                notes.told.insert(0, stays(left));
                (ImportOutcome::Changed, 0)
            }
        };
        if placed.is_trashed && outcome != ImportOutcome::Imported {
            notes.told.insert(0, "It lies in the trash.".to_owned());
        }
        // What could not come was said when the rest came.
        let notes = if outcome == ImportOutcome::Same && !placed.is_trashed { Vec::new() } else { notes.into_lines() };
        Ok(ImportRow { title, outcome, messages, conversation: placed.conversation, notes })
    }

    fn count(&mut self, row: &ImportRow) {
        let counts = &mut self.counts;
        counts.messages += row.messages;
        match row.outcome {
            ImportOutcome::Imported => counts.imported += 1,
            ImportOutcome::Updated => counts.updated += 1,
            ImportOutcome::Same => counts.same += 1,
            ImportOutcome::Changed => counts.changed += 1,
            ImportOutcome::Skipped => counts.skipped += 1,
        }
    }

    /// Puts what came into its order of use, and removes files whose conversation did not come.
    async fn settle(&mut self) -> Result<(), Fault> {
        let order = std::mem::take(&mut self.order);
        let documents = std::mem::take(&mut self.documents);
        let Some(placing) = self.placing.filter(|_| !order.is_empty() || !documents.is_empty()) else { return Ok(()) };
        self.vault
            .db
            .write::<_, StoreError>(move |tx| {
                portable::forget_orphans(tx, &documents)?;
                match placing {
                    Placing::Below => portable::put_in_order(tx, order),
                    Placing::AsItWas => portable::straighten_times(tx),
                }
            })
            .await?;
        Ok(())
    }
}

fn skipped(title: String, why: String) -> ImportRow {
    ImportRow { title, outcome: ImportOutcome::Skipped, messages: 0, conversation: None, notes: vec![why] }
}
