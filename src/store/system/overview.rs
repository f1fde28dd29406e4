//! This moment, for administrators: who is signed in, which jobs run, what failed lately. Counts and names of accounts.

use rusqlite::{Transaction, named_params};

use crate::{
    api::{
        AccountId,
        jobs::WorkKind,
        reports::{Failing, Failure, Here},
    },
    store::{StoreError, While},
};

/// An account, as far as reports tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: AccountId,
    pub name: String,
    pub role: String,
    /// In the trash.
    pub deleted: bool,
}

/// Every account there is, in the order of names.
pub fn accounts(tx: &Transaction<'_>) -> Result<Vec<Known>, StoreError> {
    tx.prepare_cached("SELECT id, name, role, deleted_at IS NOT NULL FROM accounts ORDER BY name_key")
        .and_then(|mut select| {
            let known = |row: &rusqlite::Row<'_>| {
                Ok(Known { id: AccountId(row.get(0)?), name: row.get(1)?, role: row.get(2)?, deleted: row.get(3)? })
            };
            select.query_map([], known)?.collect::<Result<_, _>>()
        })
        .while_("listing accounts")
}

/// Whether there is such a role.
pub fn is_role(tx: &Transaction<'_>, name: &str) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT 1 FROM roles WHERE name = :name")
        .and_then(|mut find| find.exists(named_params! { ":name": name }))
        .while_("looking up a role")
}

/// The first day on which anybody did anything.
pub fn first_day(tx: &Transaction<'_>) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached("SELECT min(day) FROM usage_days")
        .and_then(|mut ask| ask.query_row([], |row| row.get(0)))
        .while_("looking for the first day")
}

/// Who is signed in. Sessions whose program is gone are to be ended before.
pub fn here(tx: &Transaction<'_>, now: i64) -> Result<Vec<Here>, StoreError> {
    tx.prepare_cached(
        "SELECT a.name, count(*), min(s.started_at) FROM sessions s JOIN accounts a ON a.id = s.account
         WHERE s.ended_at IS NULL AND s.expires_at > :now AND s.epoch = a.epoch
         GROUP BY a.id ORDER BY a.name_key",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":now": now }, |row| {
                Ok(Here { name: row.get(0)?, sessions: row.get(1)?, since: row.get(2)? })
            })?
            .collect::<Result<_, _>>()
    })
    .while_("looking who is signed in")
}

/// Jobs that run, and that wait or are paused.
pub fn jobs(tx: &Transaction<'_>) -> Result<(u64, u64), StoreError> {
    tx.prepare_cached(
        "SELECT coalesce(sum(state = 'running'), 0), coalesce(sum(state IN ('waiting', 'paused')), 0) FROM jobs",
    )
    .and_then(|mut ask| {
        ask.query_row([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs())))
    })
    .while_("counting jobs")
}

/// Jobs that failed since then, by their kind.
pub fn failed_jobs(tx: &Transaction<'_>, since: i64) -> Result<Vec<Failure>, StoreError> {
    let found: Vec<(String, i64, i64)> = tx
        .prepare_cached(
            "SELECT kind, count(*), max(updated_at) FROM jobs WHERE state = 'failed' AND updated_at >= :since
             GROUP BY kind ORDER BY kind",
        )
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":since": since }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()
        })
        .while_("counting failed jobs")?;
    Ok(found
        .into_iter()
        .filter_map(|(kind, count, last_at)| {
            let what = Failing::Job(WorkKind::parse(&kind)?);
            Some(Failure { what, count: count.unsigned_abs(), last_at: Some(last_at) })
        })
        .collect())
}

/// What the audit trail says was refused or failed since then. What jobs came to stands with the jobs.
pub fn failed_by_the_trail(tx: &Transaction<'_>, since: i64) -> Result<Vec<Failure>, StoreError> {
    tx.prepare_cached(
        "SELECT action, result, count(*), max(at) FROM audit
         WHERE at >= :since AND result IN ('failed', 'wrong', 'denied', 'throttled', 'broken')
           AND NOT (result = 'failed' AND action LIKE 'models.%')
         GROUP BY action, result ORDER BY action, result",
    )
    .and_then(|mut select| {
        let failure = |row: &rusqlite::Row<'_>| {
            Ok(Failure {
                what: Failing::Trail { action: row.get(0)?, result: row.get(1)? },
                count: row.get::<_, i64>(2)?.unsigned_abs(),
                last_at: Some(row.get(3)?),
            })
        };
        select.query_map(named_params! { ":since": since }, failure)?.collect::<Result<_, _>>()
    })
    .while_("looking in the trail for what failed")
}
