//! From the reading thread into the vault, and what became of each conversation.
//!
//! Small ones share a transaction, because each waits for the disk: a conversation is there whole or not at all in either
//! case. Where one of several cannot be taken, they are taken one by one, and only what cannot be is left.

use std::{
    cell::RefCell,
    collections::HashSet,
    fs::File,
    ops::Range,
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

/// Batches that are read ahead. Each may be large, so there is one.
const AHEAD: usize = 1;

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
    let way = Way { items, waiting: RefCell::default(), read: Arc::clone(&read), stop: stop.clone(), now };
    let reading = tokio::task::spawn_blocking(move || {
        let (seen, ended) = source::read(file, &way);
        // What came before the end counts, however it ended.
        (seen, way.flush().and(ended))
    });
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
        told: Vec::new(),
    };
    let mut failed = None;
    while let Some(batch) = inbox.recv().await {
        if stop.is_cancelled() {
            break;
        }
        let taken = taking.take(batch).await;
        let changed: Vec<ConversationId> = taking
            .told
            .iter()
            .filter(|row| row.outcome == ImportOutcome::Updated && !dry_run)
            .filter_map(|row| row.conversation)
            .collect();
        for row in std::mem::take(&mut taking.told) {
            taking.count(&row);
            lock(&rows).add(row);
        }
        let counts = &taking.counts;
        let progress = TransferProgress {
            done: read.load(Ordering::Relaxed).min(bytes),
            of: bytes,
            conversations: counts.imported + counts.updated + counts.same + counts.changed,
            messages: counts.messages,
        };
        tell(progress, None);
        for conversation in changed {
            tell(progress, Some(conversation));
        }
        if let Err(fault) = taken {
            failed = Some(fault);
            break;
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
    /// What became of those that were taken last.
    told: Vec<ImportRow>,
}

/// One step of a transaction.
#[derive(Debug)]
enum Step {
    Document(NewDocument),
    Conversation(Box<Incoming>, Notes),
    Skipped(ImportRow),
}

/// What a step did.
enum Outcomes {
    Nothing,
    /// The file is new here.
    Stored(i64),
    Placed(Placed),
}

impl Taking {
    async fn take(&mut self, batch: Vec<Item>) -> Result<(), Fault> {
        let mut steps = Vec::with_capacity(batch.len());
        for item in batch {
            match item {
                Item::Shelves(shelves) => {
                    self.put(std::mem::take(&mut steps)).await?;
                    self.shelves(*shelves).await?;
                }
                Item::Document(document) => steps.push(Step::Document(*document)),
                Item::Skipped { title, why } => steps.push(Step::Skipped(skipped(title, why))),
                Item::Conversation(incoming, notes) => steps.push(if self.seen.insert(incoming.id) {
                    self.placing(incoming.source).await?;
                    Step::Conversation(incoming, notes)
                } else {
                    let why = "Another conversation in the file has the same id.".to_owned();
                    Step::Skipped(skipped(incoming.title, why))
                }),
            }
        }
        self.put(steps).await
    }

    async fn put(&mut self, steps: Vec<Step>) -> Result<(), Fault> {
        let all = 0..steps.len();
        let steps = Arc::new(steps);
        if self.put_together(&steps, all.clone()).await.is_ok() {
            return Ok(());
        }
        for at in all {
            self.put_together(&steps, at..at + 1).await?;
        }
        Ok(())
    }

    /// These in one transaction, or none of them.
    async fn put_together(&mut self, steps: &Arc<Vec<Step>>, which: Range<usize>) -> Result<(), Fault> {
        if which.is_empty() {
            return Ok(());
        }
        let placing = self.placing.unwrap_or(Placing::Below);
        let (dry, now, shelves) = (self.dry_run, self.now, Arc::clone(&self.shelves));
        let (all, these) = (Arc::clone(steps), which.clone());
        let work = move |tx: &crate::store::Tx<'_>| {
            let step = |step: &Step| match step {
                Step::Document(document) if !dry => {
                    let (seq, is_new) = portable::store_document(tx, document, now)?;
                    Ok(if is_new { Outcomes::Stored(seq) } else { Outcomes::Nothing })
                }
                Step::Conversation(incoming, _) => {
                    Ok(Outcomes::Placed(portable::take_in(tx, incoming, &shelves, placing, dry, now)?))
                }
                Step::Document(_) | Step::Skipped(_) => Ok(Outcomes::Nothing),
            };
            all[these].iter().map(step).collect::<Result<Vec<_>, StoreError>>()
        };
        // Looking needs no turn among those who write.
        let outcomes = if dry { self.vault.db.read(work).await? } else { self.vault.db.write(work).await? };
        for (step, outcome) in steps[which].iter().zip(outcomes) {
            match (step, outcome) {
                (Step::Conversation(incoming, notes), Outcomes::Placed(placed)) => {
                    let row = self.placed(incoming, notes.clone(), &placed);
                    self.told.push(row);
                }
                (Step::Skipped(row), _) => self.told.push(row.clone()),
                (_, Outcomes::Stored(seq)) => self.documents.push(seq),
                (Step::Document(_) | Step::Conversation(..), Outcomes::Nothing | Outcomes::Placed(_)) => {}
            }
        }
        Ok(())
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

    async fn placing(&mut self, source: &str) -> Result<Placing, Fault> {
        if let Some(placing) = self.placing {
            return Ok(placing);
        }
        let as_it_was = source == OWN && self.vault.db.read(portable::holds_only_own).await?;
        let placing = if as_it_was { Placing::AsItWas } else { Placing::Below };
        self.placing = Some(placing);
        Ok(placing)
    }

    /// What became of a conversation, in words.
    fn placed(&mut self, incoming: &Incoming, mut notes: Notes, placed: &Placed) -> ImportRow {
        if let Some(seq) = placed.added {
            self.order.push(Added { used: incoming.used, seq, used_at: incoming.used_at });
        }
        let count = incoming.messages.len() as u64;
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
        ImportRow { title: incoming.title.clone(), outcome, messages, conversation: placed.conversation, notes }
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
