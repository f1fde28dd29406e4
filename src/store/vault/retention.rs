//! What the rules for old conversations look at, and the small steps in which they act. What is due is decided by
//! `services::retention`.
//!
//! Invariant: a step looks at its row again. What was used, changed, pinned or archived since the plan was made stays.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde::{Deserialize, Serialize};

use super::{
    conversations::stamp,
    purge,
    settings::{self, CLOCK, RETENTION_REPORTS},
};
use crate::{
    api::{
        ConversationId,
        organise::Purged,
        retention::{Fate, REPORTS_KEPT, Report, RunEnd},
    },
    store::{StoreError, While},
};

/// A conversation as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub seq: i64,
    pub id: ConversationId,
    pub pinned: bool,
    /// An answer is arriving in it.
    pub answering: bool,
    /// When something was said in it or it was changed or imported last; in the trash: when it came there.
    pub since: i64,
    pub rev: u32,
}

/// When the rules ran last, and what they wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub ran_at: Option<i64>,
    /// After a leap of the clock.
    pub waits_until: Option<i64>,
}

/// The list without trash and archive, what was not used for longest first.
pub fn listed(tx: &Transaction<'_>) -> Result<Vec<Seen>, StoreError> {
    seen(
        tx,
        "SELECT c.seq, c.id, c.pinned, c.rev,
             max(c.used_at, c.updated_at, coalesce((SELECT max(i.imported_at) FROM imports i WHERE i.conversation = c.seq), 0))
                 AS since,
             EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.seq AND m.state = 'streaming') AS answering
         FROM conversations c WHERE c.trashed_at IS NULL AND c.archived_at IS NULL ORDER BY c.used",
    )
}

/// The trash without what is pinned or archived, what lies there longest first.
pub fn thrown_away(tx: &Transaction<'_>) -> Result<Vec<Seen>, StoreError> {
    seen(
        tx,
        "SELECT c.seq, c.id, c.pinned, c.rev, c.trashed_at AS since,
             EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.seq AND m.state = 'streaming') AS answering
         FROM conversations c WHERE c.trashed_at IS NOT NULL AND c.pinned = 0 AND c.archived_at IS NULL
         ORDER BY c.trashed_at, c.seq",
    )
}

/// How many lie in the trash since before this time, but are pinned or archived.
pub fn spared(tx: &Transaction<'_>, before: i64) -> Result<u32, StoreError> {
    tx.prepare_cached(
        "SELECT count(*) FROM conversations
         WHERE trashed_at <= :before AND (pinned = 1 OR archived_at IS NOT NULL)",
    )
    .and_then(|mut count| count.query_row(named_params! { ":before": before }, |row| row.get(0)))
    .while_("counting what stays in the trash")
}

/// Messages and bytes of each of these, in their order.
pub fn weights(tx: &Transaction<'_>, of: &[i64]) -> Result<Vec<(u64, u64)>, StoreError> {
    of.iter().map(|seq| purge::weigh(tx, *seq)).collect()
}

/// The titles of these, in their order; empty for one that is gone.
pub fn titles(tx: &Transaction<'_>, of: &[i64]) -> Result<Vec<String>, StoreError> {
    let mut find = tx.prepare_cached("SELECT title FROM conversations WHERE seq = :seq").while_("reading titles")?;
    of.iter()
        .map(|seq| {
            find.query_row(named_params! { ":seq": seq }, |row| row.get(0))
                .optional()
                .while_("reading titles")
                .map(Option::unwrap_or_default)
        })
        .collect()
}

/// Does this to a conversation if it is still as it was seen. `None` = it is not, and stays.
pub fn act(tx: &Transaction<'_>, seen: &Seen, fate: Fate, now: i64) -> Result<Option<Purged>, StoreError> {
    let still: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM conversations c WHERE c.seq = :seq AND c.rev = :rev AND c.pinned = 0
                 AND c.archived_at IS NULL AND (c.trashed_at IS NOT NULL) = :purge AND :since = CASE WHEN :purge
                     THEN c.trashed_at ELSE max(c.used_at, c.updated_at, coalesce(
                         (SELECT max(i.imported_at) FROM imports i WHERE i.conversation = c.seq), 0)) END)",
        )
        .and_then(|mut find| {
            find.query_row(
                named_params! {
                    ":seq": seen.seq, ":rev": seen.rev, ":since": seen.since, ":purge": fate == Fate::Purge,
                },
                |row| row.get(0),
            )
        })
        .while_("looking at an old conversation again")?;
    if !still || purge::is_answering(tx, seen.seq)? {
        return Ok(None);
    }
    match fate {
        Fate::Archive => set(
            tx,
            "UPDATE conversations SET archived_at = :at, rev = rev + 1, updated_at = :now WHERE seq = :seq",
            seen.seq,
            now,
        )?,
        Fate::Trash => set(
            tx,
            "UPDATE conversations SET trashed_at = :at, rev = rev + 1, updated_at = :now WHERE seq = :seq",
            seen.seq,
            now,
        )?,
        Fate::Purge => return purge::remove(tx, seen.seq).map(Some),
    }
    Ok(Some(Purged::default()))
}

fn set(tx: &Transaction<'_>, sql: &str, seq: i64, now: i64) -> Result<(), StoreError> {
    let at = stamp(tx, now)?;
    tx.prepare_cached(sql)
        .and_then(|mut update| update.execute(named_params! { ":seq": seq, ":at": at, ":now": now }))
        .while_("putting an old conversation away")?;
    Ok(())
}

/// Keeps the report of a run, in the place of its earlier self.
pub fn note(tx: &Transaction<'_>, report: &Report, now: i64) -> Result<(), StoreError> {
    let mut kept: Vec<Report> = settings::get(tx, RETENTION_REPORTS)?.unwrap_or_default();
    match kept.first_mut().filter(|first| first.at == report.at && first.by == report.by) {
        Some(first) => first.clone_from(report),
        None => kept.insert(0, report.clone()),
    }
    // Whoever writes here has the chore to itself, so nobody goes on with an older one.
    for older in kept.iter_mut().skip(1).filter(|older| older.end == RunEnd::Open) {
        older.end = RunEnd::Stopped;
    }
    kept.truncate(REPORTS_KEPT);
    settings::set(tx, RETENTION_REPORTS, &kept, now)
}

/// The latest time that is taken as true.
pub fn clock(tx: &Transaction<'_>) -> Result<Option<i64>, StoreError> {
    settings::get(tx, CLOCK)
}

pub fn set_clock(tx: &Transaction<'_>, now: i64) -> Result<(), StoreError> {
    let noted = clock(tx)?.unwrap_or_default();
    settings::set(tx, CLOCK, &noted.max(now), now)
}

fn seen(tx: &Transaction<'_>, sql: &str) -> Result<Vec<Seen>, StoreError> {
    tx.prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    Ok(Seen {
                        seq: row.get("seq")?,
                        id: ConversationId(row.get("id")?),
                        pinned: row.get("pinned")?,
                        answering: row.get("answering")?,
                        since: row.get("since")?,
                        rev: row.get("rev")?,
                    })
                })?
                .collect()
        })
        .while_("looking for old conversations")
}
