//! The owner's own jobs: exports, imports, putting old conversations away, the index for searching.
//!
//! They lie in the vault because their words are content: a file's name, a reason. Invariant: a row is `running` if and
//! only if it names its holder, and only the holder ends it, or whoever has seen that the holder is gone.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde::{Serialize, de::DeserializeOwned};

use super::lease::Holder;
use crate::{
    api::{
        Fault, JobId,
        jobs::{Job, JobProgress, JobState, WhichJobs, Work, WorkKind},
    },
    store::{StoreError, While},
};

/// Rows of ended ones that stay.
pub const KEPT: u32 = 150;
/// Longest texts that are kept, bytes.
const WORDS_MAX: usize = 2000;

/// A row with what only its keeper needs.
#[derive(Clone, Debug)]
pub struct Kept {
    pub job: Job,
    pub holder: Option<Holder>,
    /// Somebody in another process wants it to end.
    pub is_to_end: bool,
}

/// How one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub state: JobState,
    pub error: Option<Fault>,
    pub outcome: Option<String>,
}

const COLUMNS: &str =
    "SELECT seq, id, state, attempts, wish, holder, holder_boot, holder_pid, holder_started, created_at,
     updated_at, work, progress, error, outcome FROM jobs";

pub fn insert(tx: &Transaction<'_>, id: JobId, work: &Work, holder: &Holder, now: i64) -> Result<(), StoreError> {
    // What ended long ago makes room.
    tx.execute(
        "DELETE FROM jobs WHERE state <> 'running' AND seq <= (
             SELECT seq FROM jobs WHERE state <> 'running' ORDER BY seq DESC LIMIT 1 OFFSET :kept)",
        named_params! { ":kept": KEPT - 1 },
    )
    .while_("forgetting old jobs")?;
    tx.execute(
        "INSERT INTO jobs (id, kind, state, holder, holder_boot, holder_pid, holder_started, created_at, updated_at, work)
         VALUES (:id, :kind, 'running', :holder, :boot, :pid, :started, :now, :now, :work)",
        named_params! {
            ":id": id.0, ":kind": work.kind().as_str(), ":holder": holder.id, ":boot": holder.boot, ":pid": holder.pid,
            ":started": holder.started, ":now": now, ":work": json(work)?,
        },
    )
    .while_("adding a job")?;
    Ok(())
}

/// One more attempt at one that ended badly. `false` = it runs, is done, or is gone.
pub fn again(tx: &Transaction<'_>, id: JobId, holder: &Holder, now: i64) -> Result<bool, StoreError> {
    let taken = tx
        .execute(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, wish = NULL, error = NULL, outcome = NULL,
                 progress = NULL, updated_at = :now, holder = :holder, holder_boot = :boot, holder_pid = :pid,
                 holder_started = :started
             WHERE id = :id AND state IN ('failed', 'cancelled', 'interrupted')",
            named_params! {
                ":id": id.0, ":now": now, ":holder": holder.id, ":boot": holder.boot, ":pid": holder.pid,
                ":started": holder.started,
            },
        )
        .while_("taking a job up again")?;
    Ok(taken == 1)
}

/// Writes how far it is.
pub fn note(
    tx: &Transaction<'_>,
    id: JobId,
    holder: &Holder,
    progress: &JobProgress,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE jobs SET progress = :progress, updated_at = :now WHERE id = :id AND holder = :holder",
        named_params! { ":id": id.0, ":holder": holder.id, ":progress": json(progress)?, ":now": now },
    )
    .while_("noting a job's progress")?;
    Ok(())
}

/// Asks its holder to end it. `false` = it does not run any more.
pub fn ask_to_end(tx: &Transaction<'_>, id: JobId) -> Result<bool, StoreError> {
    let asked = tx
        .execute("UPDATE jobs SET wish = 'cancel' WHERE id = :id AND state = 'running'", named_params! { ":id": id.0 })
        .while_("asking a job to end")?;
    Ok(asked == 1)
}

/// Writes how it ended, if it is still this holder's. When that was is told by `now`; `None` = when it was last heard of.
pub fn end(
    tx: &Transaction<'_>,
    id: JobId,
    holder: &Holder,
    end: &End,
    progress: Option<&JobProgress>,
    now: Option<i64>,
) -> Result<Option<Job>, StoreError> {
    let error = end.error.clone().map(|fault| Fault {
        message: cut(&fault.message),
        hint: fault.hint.map(|hint| cut(&hint)),
        ..fault
    });
    let ours = tx
        .execute(
            "UPDATE jobs SET state = :state, error = :error, outcome = :outcome, progress = coalesce(:progress, progress),
                 updated_at = coalesce(:now, updated_at), wish = NULL, holder = NULL, holder_boot = NULL,
                 holder_pid = NULL, holder_started = NULL
             WHERE id = :id AND holder = :holder",
            named_params! {
                ":id": id.0, ":holder": holder.id, ":state": end.state.as_str(),
                ":error": error.as_ref().map(json).transpose()?, ":outcome": end.outcome.as_deref().map(cut),
                ":progress": progress.map(json).transpose()?, ":now": now,
            },
        )
        .while_("ending a job")?;
    if ours == 0 { Ok(None) } else { Ok(get(tx, id)?.map(|kept| kept.job)) }
}

pub fn get(tx: &Transaction<'_>, id: JobId) -> Result<Option<Kept>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE id = :id"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| Ok(from_row(row))).optional())
        .while_("reading a job")?
        .transpose()
}

/// The newest of a kind.
pub fn last_of(tx: &Transaction<'_>, kind: WorkKind) -> Result<Option<Kept>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE kind = :kind ORDER BY seq DESC LIMIT 1"].concat())
        .and_then(|mut find| {
            find.query_row(named_params! { ":kind": kind.as_str() }, |row| Ok(from_row(row))).optional()
        })
        .while_("reading a job")?
        .transpose()
}

pub fn running(tx: &Transaction<'_>) -> Result<Vec<Kept>, StoreError> {
    rows(tx, &[COLUMNS, " WHERE state = 'running' ORDER BY seq"].concat(), &[])
}

/// Newest first, from before `before` on: one more than `limit` where there are more.
pub fn list(tx: &Transaction<'_>, which: WhichJobs, before: Option<i64>, limit: u32) -> Result<Vec<Kept>, StoreError> {
    let which = match which {
        WhichJobs::All => "all",
        WhichJobs::Open => "open",
        WhichJobs::Ended => "ended",
    };
    let sql = [
        COLUMNS,
        " WHERE seq < :before AND (:which = 'all' OR (:which = 'open') = (state = 'running'))
          ORDER BY seq DESC LIMIT :limit",
    ]
    .concat();
    let (before, limit) = (before.unwrap_or(i64::MAX), i64::from(limit) + 1);
    rows(tx, &sql, named_params! { ":before": before, ":which": which, ":limit": limit })
}

/// Takes one out of the table that ended without having done anything.
pub fn remove(tx: &Transaction<'_>, id: JobId, holder: &Holder) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM jobs WHERE id = :id AND holder = :holder",
        named_params! { ":id": id.0, ":holder": holder.id },
    )
    .while_("removing a job")?;
    Ok(())
}

/// Takes all that have ended out of the table; gives how many those were.
pub fn forget(tx: &Transaction<'_>) -> Result<usize, StoreError> {
    tx.execute("DELETE FROM jobs WHERE state <> 'running'", []).while_("forgetting ended jobs")
}

fn rows(tx: &Transaction<'_>, sql: &str, params: &[(&str, &dyn rusqlite::ToSql)]) -> Result<Vec<Kept>, StoreError> {
    let mut find = tx.prepare_cached(sql).while_("listing jobs")?;
    let rows = find.query_map(params, |row| Ok(from_row(row))).while_("listing jobs")?;
    rows.map(|row| row.while_("listing jobs")?).collect()
}

fn from_row(row: &Row<'_>) -> Result<Kept, StoreError> {
    let nonsense = || StoreError::Nonsense { what: "job" };
    let read = || -> rusqlite::Result<_> {
        let text = |column: &str| row.get::<_, Option<String>>(column);
        let holder: Option<uuid::Uuid> = row.get("holder")?;
        let holder = match holder {
            None => None,
            Some(id) => Some(Holder {
                seq: 0,
                id,
                boot: text("holder_boot")?.unwrap_or_default(),
                pid: row.get::<_, Option<i64>>("holder_pid")?.unwrap_or(0),
                started: row.get::<_, Option<i64>>("holder_started")?.unwrap_or(0),
            }),
        };
        Ok((
            (JobId(row.get("id")?), row.get("seq")?, row.get("attempts")?),
            (row.get("created_at")?, row.get("updated_at")?),
            (row.get::<_, String>("state")?, row.get::<_, String>("work")?),
            (text("progress")?, text("error")?, text("outcome")?, text("wish")?),
            holder,
        ))
    };
    let ((id, seq, attempts), (created_at, updated_at), (state, work), (progress, error, outcome, wish), holder) =
        read().while_("reading a job")?;
    let job = Job {
        id,
        seq,
        work: parsed(&work)?,
        account: None,
        by: None,
        state: JobState::parse(&state).ok_or_else(nonsense)?,
        attempts,
        error: error.map(|text| parsed(&text)).transpose()?,
        next_at: None,
        created_at,
        updated_at,
        // How far it was is a preview: one that cannot be read is none.
        progress: progress.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        outcome,
        is_here: false,
    };
    Ok(Kept { job, holder, is_to_end: wish.is_some() })
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Nonsense { what: "job" })
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Nonsense { what: "job" })
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(WORDS_MAX)].to_owned()
}
