//! How everything stood, and who looked last.
//!
//! Invariant: a stretch is prolonged only by a look that came in time and found the same; whatever nobody looked at is in
//! no stretch. So a gap is told as a gap, also after the clock was set.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::Moment;
use crate::{
    api::health::{BreakerOutage, Check, Level, Part, Stretch},
    store::{StoreError, While},
};

#[cfg(test)]
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The newest rows that stay, however restless a part is. They are counted and not dated: a clock that leaps ahead for a
/// moment would take the whole history with it.
pub const ROWS_MAX: i64 = 20_000;
const TEXT_MAX: usize = 900;

// ---- who looks

/// The last look, as it was begun and ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    pub begun_at: i64,
    pub ended_at: Option<i64>,
    pub boot_id: String,
    pub boot_ms: i64,
    /// JSON; empty before the first one has ended.
    pub report: String,
}

pub fn last_round(conn: &Transaction<'_>) -> Result<Option<Round>, StoreError> {
    conn.prepare_cached("SELECT begun_at, ended_at, boot_id, boot_ms, report FROM health_round WHERE only = 1")
        .and_then(|mut find| {
            find.query_row([], |row| {
                Ok(Round {
                    begun_at: row.get(0)?,
                    ended_at: row.get(1)?,
                    boot_id: row.get(2)?,
                    boot_ms: row.get(3)?,
                    report: row.get(4)?,
                })
            })
            .optional()
        })
        .while_("reading the last look at everything")
}

/// Takes the next look upon this process, unless another took one within `every_ms`. One that bears a time to come was
/// before the clock was set back, and counts for nothing.
pub fn claim(tx: &Transaction<'_>, moment: &Moment, every_ms: i64) -> Result<bool, StoreError> {
    let claimed = tx
        .prepare_cached(
            "INSERT INTO health_round (only, begun_at, boot_id, boot_ms) VALUES (1, :now, :boot, :ms)
             ON CONFLICT (only) DO UPDATE SET begun_at = :now
             WHERE begun_at > :now OR begun_at <= :now - :every",
        )
        .and_then(|mut claim| {
            claim.execute(named_params! {
                ":now": moment.now, ":boot": moment.boot_id, ":ms": moment.boot_ms, ":every": every_ms,
            })
        })
        .while_("taking the next look at everything upon this process")?;
    Ok(claimed == 1)
}

/// A look that has ended.
#[derive(Clone, Debug)]
pub struct Looked {
    pub moment: Moment,
    /// The process, by a number of its own.
    pub by: Uuid,
    pub every_ms: i64,
    /// What others may take for theirs, as JSON.
    pub report: String,
    pub checks: Vec<Check>,
}

/// Longest time between two looks that is no gap yet.
#[must_use]
pub fn gap_ms(every_ms: i64) -> i64 {
    (every_ms * 3).max(180_000)
}

/// Writes down what a look found.
pub fn record(tx: &Transaction<'_>, looked: &Looked) -> Result<(), StoreError> {
    let Looked { moment, report, .. } = looked;
    tx.prepare_cached(
        "INSERT INTO health_round (only, begun_at, ended_at, boot_id, boot_ms, report)
         VALUES (1, :now, :now, :boot, :ms, :report)
         ON CONFLICT (only) DO UPDATE SET begun_at = :now, ended_at = :now,
             boot_id = :boot, boot_ms = :ms, report = :report",
    )
    .and_then(|mut write| {
        write.execute(named_params! {
            ":now": moment.now, ":boot": moment.boot_id, ":ms": moment.boot_ms, ":report": report,
        })
    })
    .while_("writing down the last look at everything")?;
    note(tx, looked)
}

/// Prolongs the stretches that go on and begins those that are new, without a word on who looks next.
pub fn note(tx: &Transaction<'_>, looked: &Looked) -> Result<(), StoreError> {
    let mut begins = false;
    for check in &looked.checks {
        begins |= note_one(tx, looked, check)?;
    }
    if begins { forget_old(tx) } else { Ok(()) }
}

fn note_one(tx: &Transaction<'_>, looked: &Looked, check: &Check) -> Result<bool, StoreError> {
    let now = looked.moment.now;
    let newest: Option<(i64, String, String, i64, Uuid)> = tx
        .prepare_cached(
            "SELECT seq, level, reason, seen_at, seen_by FROM health_history WHERE part = :part ORDER BY seq DESC LIMIT 1",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":part": check.part.as_str() }, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()
        })
        .while_("reading how a part stood")?;
    let text = shortened(&check.text);
    if let Some((seq, level, reason, seen_at, by)) = newest {
        let in_time = (0..=gap_ms(looked.every_ms)).contains(&(now - seen_at));
        if in_time && level == check.level.as_str() && reason == check.reason {
            tx.prepare_cached(
                "UPDATE health_history SET seen_at = :now, text = :text, checks = checks + 1, seen_by = :by
                 WHERE seq = :seq",
            )
            .and_then(|mut write| {
                write.execute(named_params! { ":now": now, ":text": text, ":seq": seq, ":by": looked.by })
            })
            .while_("writing down how a part stands")?;
            return Ok(false);
        }
        // What another process has trouble with is not over because this one has none.
        let recently = (0..=looked.every_ms * 3 / 2).contains(&(now - seen_at));
        if check.part.is_each_process_own() && check.level == Level::Good && recently && by != looked.by {
            return Ok(false);
        }
    }
    tx.prepare_cached(
        "INSERT INTO health_history (part, level, reason, text, seen_by, began_at, seen_at, checks)
         VALUES (:part, :level, :reason, :text, :by, :now, :now, 1)",
    )
    .and_then(|mut write| {
        write.execute(named_params! {
            ":part": check.part.as_str(), ":level": check.level.as_str(), ":reason": check.reason, ":text": text,
            ":by": looked.by, ":now": now,
        })
    })
    .while_("writing down how a part stands")?;
    Ok(true)
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn forget_old(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM health_history WHERE seq <= (SELECT max(seq) FROM health_history) - :most",
        named_params! { ":most": ROWS_MAX },
    )
    .while_("forgetting how everything stood long ago")?;
    Ok(())
}

// ---- how it stood

/// With the time at which the next stretch of the same part began.
const STRETCHES: &str = "SELECT h.seq, h.part, h.level, h.reason, h.text, h.began_at, h.seen_at, h.checks,
     (SELECT n.began_at FROM health_history n WHERE n.part = h.part AND n.seq > h.seq ORDER BY n.seq LIMIT 1) AS next
     FROM health_history h";

/// Stretches that touch the time since `since`, oldest first: the newest `limit` of them and whether there were more.
pub fn since(
    conn: &Connection,
    since: i64,
    limit: u32,
    now: i64,
    gap: i64,
) -> Result<(Vec<Stretch>, bool), StoreError> {
    let sql = [STRETCHES, " WHERE h.seen_at >= :since ORDER BY h.seq DESC LIMIT :limit"].concat();
    let mut select = conn.prepare_cached(&sql).while_("reading how everything stood")?;
    let rows = select
        .query_map(named_params! { ":since": since, ":limit": i64::from(limit) + 1 }, |row| Ok(stretch(row, now, gap)))
        .while_("reading how everything stood")?;
    let mut found: Vec<Stretch> =
        rows.map(|row| row.while_("reading how everything stood")?).collect::<Result<_, _>>()?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    found.reverse();
    Ok((found, more))
}

/// Stretches in which something was not well, newest first, from before `before` on: one more than `limit` where there
/// are more.
pub fn incidents(
    conn: &Connection,
    before: Option<i64>,
    limit: u32,
    now: i64,
    gap: i64,
) -> Result<Vec<Stretch>, StoreError> {
    let sql = [STRETCHES, " WHERE h.level <> 'good' AND h.seq < :before ORDER BY h.seq DESC LIMIT :limit"].concat();
    let mut select = conn.prepare_cached(&sql).while_("reading what was not well")?;
    let rows = select
        .query_map(named_params! { ":before": before.unwrap_or(i64::MAX), ":limit": i64::from(limit) + 1 }, |row| {
            Ok(stretch(row, now, gap))
        })
        .while_("reading what was not well")?;
    rows.map(|row| row.while_("reading what was not well")?).collect()
}

fn stretch(row: &Row<'_>, now: i64, gap: i64) -> Result<Stretch, StoreError> {
    let read = || -> rusqlite::Result<(String, String, Option<i64>, Stretch)> {
        let (from, seen): (i64, i64) = (row.get("began_at")?, row.get("seen_at")?);
        let next: Option<i64> = row.get("next")?;
        let in_time = |at: i64| (0..=gap).contains(&(at - seen));
        let stretch = Stretch {
            seq: row.get("seq")?,
            part: Part::Ollama,
            level: Level::Good,
            reason: row.get("reason")?,
            text: row.get("text")?,
            from,
            seen,
            until: next.filter(|at| in_time(*at)).unwrap_or(seen),
            lasts: next.is_none() && in_time(now),
            checks: row.get("checks")?,
        };
        Ok((row.get("part")?, row.get("level")?, next, stretch))
    };
    let (part, level, _, stretch) = read().while_("reading how a part stood")?;
    let nonsense = || StoreError::Nonsense { what: "part of the health history" };
    Ok(Stretch {
        part: Part::parse(&part).ok_or_else(nonsense)?,
        level: Level::parse(&level).ok_or_else(nonsense)?,
        ..stretch
    })
}

// ---- breakers

/// Calls of a kind are held back from now on; gives the row's number.
pub fn breaker_opened(tx: &Transaction<'_>, kind: &str, why: &str, now: i64) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO breaker_history (kind, why, opened_at, seen_at) VALUES (:kind, :why, :now, :now)",
        named_params! { ":kind": kind, ":why": why, ":now": now },
    )
    .while_("writing down that calls are held back")?;
    let seq = tx.last_insert_rowid();
    tx.execute(
        "DELETE FROM breaker_history WHERE seq <= :seq - :most",
        named_params! { ":seq": seq, ":most": ROWS_MAX },
    )
    .while_("forgetting what was held back long ago")?;
    Ok(seq)
}

/// One call was let through as a trial.
pub fn breaker_tried(tx: &Transaction<'_>, seq: i64, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE breaker_history SET tries = tries + 1, tried_at = :now, seen_at = :now WHERE seq = :seq",
        named_params! { ":seq": seq, ":now": now },
    )
    .while_("writing down a trial")?;
    Ok(())
}

/// They are held back still.
pub fn breakers_seen(tx: &Transaction<'_>, seqs: &[i64], now: i64) -> Result<(), StoreError> {
    for seq in seqs {
        tx.execute(
            "UPDATE breaker_history SET seen_at = :now WHERE seq = :seq AND closed_at IS NULL",
            named_params! { ":seq": seq, ":now": now },
        )
        .while_("writing down that calls are held back")?;
    }
    Ok(())
}

/// Calls go through again.
pub fn breaker_closed(tx: &Transaction<'_>, seq: i64, why: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE breaker_history SET closed_at = :now, closed_why = :why, seen_at = :now
         WHERE seq = :seq AND closed_at IS NULL",
        named_params! { ":seq": seq, ":why": why, ":now": now },
    )
    .while_("writing down that calls go through again")?;
    Ok(())
}

/// Newest first: one more than `limit` where there are more.
pub fn breaker_outages(conn: &Connection, before: Option<i64>, limit: u32) -> Result<Vec<BreakerOutage>, StoreError> {
    let mut select = conn
        .prepare_cached(
            "SELECT seq, kind, why, opened_at, tries, tried_at, seen_at, closed_at, closed_why FROM breaker_history
             WHERE seq < :before ORDER BY seq DESC LIMIT :limit",
        )
        .while_("reading when calls were held back")?;
    let rows = select
        .query_map(named_params! { ":before": before.unwrap_or(i64::MAX), ":limit": i64::from(limit) + 1 }, |row| {
            Ok(BreakerOutage {
                seq: row.get(0)?,
                kind: row.get(1)?,
                why: row.get(2)?,
                opened_at: row.get(3)?,
                tries: row.get(4)?,
                tried_at: row.get(5)?,
                seen_at: row.get(6)?,
                closed_at: row.get(7)?,
                closed_why: row.get(8)?,
            })
        })
        .while_("reading when calls were held back")?;
    rows.collect::<Result<_, _>>().while_("reading when calls were held back")
}

// ---- what is looked at here

/// How the table of jobs stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsStanding {
    pub running: u32,
    /// Running, and nothing was heard of them for ten minutes.
    pub stuck: u32,
    pub waiting: u32,
    /// Milliseconds for which the oldest has been waiting that might begin.
    pub waits_ms: i64,
    /// Ended badly within a day.
    pub failed: u32,
    /// What a rule began and what failed three times in a row, such as `update llama3.2`.
    pub failing: Vec<String>,
    /// Rules that were paused because they kept failing, each with the reason.
    pub paused: Vec<(String, String)>,
}

pub fn jobs_standing(conn: &Connection, now: i64) -> Result<JobsStanding, StoreError> {
    let mut standing = conn
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'running'),
                 count(*) FILTER (WHERE state = 'running' AND updated_at < :now - 600000),
                 count(*) FILTER (WHERE state = 'waiting'),
                 coalesce(max(:now - coalesce(next_at, updated_at))
                     FILTER (WHERE state = 'waiting' AND coalesce(next_at, updated_at) <= :now), 0),
                 count(*) FILTER (WHERE state = 'failed' AND updated_at > :now - 86400000)
             FROM jobs",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":now": now }, |row| {
                Ok(JobsStanding {
                    running: row.get(0)?,
                    stuck: row.get(1)?,
                    waiting: row.get(2)?,
                    waits_ms: row.get(3)?,
                    failed: row.get(4)?,
                    failing: Vec::new(),
                    paused: Vec::new(),
                })
            })
        })
        .while_("looking at the jobs")?;
    let mut select = conn
        .prepare_cached(
            "SELECT kind || ' ' || about FROM (
                 SELECT kind, about, state, row_number() OVER (PARTITION BY kind, about ORDER BY seq DESC) AS n
                 FROM jobs WHERE account IS NULL AND state IN ('done', 'failed'))
             WHERE n <= 3 GROUP BY kind, about HAVING count(*) = 3 AND sum(state = 'failed') = 3 LIMIT 5",
        )
        .while_("looking at the jobs of rules")?;
    let rows = select.query_map([], |row| row.get(0)).while_("looking at the jobs of rules")?;
    standing.failing = rows.collect::<Result<_, _>>().while_("looking at the jobs of rules")?;
    let mut select = conn
        .prepare_cached(
            "SELECT name, paused_because FROM rules WHERE paused_because IS NOT NULL ORDER BY name_key LIMIT 5",
        )
        .while_("looking at the paused rules")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).while_("looking at the paused rules")?;
    standing.paused = rows.collect::<Result<_, _>>().while_("looking at the paused rules")?;
    Ok(standing)
}

/// Since when there has been somebody here.
pub fn first_account_at(conn: &Connection) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached("SELECT min(created_at) FROM accounts")
        .and_then(|mut find| find.query_row([], |row| row.get(0)))
        .while_("looking for the first account")
}

#[cfg(test)]
mod tests;
