//! How large everything was, day by day: one measurement a day, by whichever process comes first.

use rusqlite::{OptionalExtension as _, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// So many days are kept: three years.
const KEPT: i64 = 1096;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// On the wall.
    pub day: i64,
    pub at: i64,
    /// The vaults and the system database, bytes.
    pub bytes: u64,
    /// Left on the disk, bytes.
    pub free: Option<u64>,
    /// The vaults of each account.
    pub accounts: Vec<(AccountId, u64)>,
}

/// One day's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub day: i64,
    pub bytes: u64,
    pub free: Option<u64>,
}

/// Whose files are to be measured: accounts with their vaults, open and sealed.
pub fn vaults(tx: &Transaction<'_>) -> Result<Vec<(AccountId, Uuid)>, StoreError> {
    tx.prepare_cached("SELECT id, vault FROM accounts UNION ALL SELECT account, vault FROM sealed_vaults")
        .and_then(|mut select| {
            select.query_map([], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()
        })
        .while_("listing vaults")
}

/// Whether this day was measured already.
pub fn has(tx: &Transaction<'_>, day: i64) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT 1 FROM disk_days WHERE day = :day")
        .and_then(|mut find| find.exists(named_params! { ":day": day }))
        .while_("looking for a day's measurement")
}

/// Keeps a day's measurement, unless there is one; says whether it was kept.
pub fn note(tx: &Transaction<'_>, measured: &Measured) -> Result<bool, StoreError> {
    let Measured { day, at, bytes, free, accounts } = measured;
    let is_first = tx
        .prepare_cached("INSERT OR IGNORE INTO disk_days (day, at, bytes, free) VALUES (:day, :at, :bytes, :free)")
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":day": day, ":at": at, ":bytes": bytes.cast_signed(), ":free": free.map(u64::cast_signed),
            })
        })
        .while_("keeping a day's measurement")?
        > 0;
    if !is_first {
        return Ok(false);
    }
    for (account, bytes) in accounts {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO storage_days (account, day, bytes)
             SELECT :account, :day, :bytes WHERE EXISTS (SELECT 1 FROM accounts WHERE id = :account)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! { ":account": account.0, ":day": day, ":bytes": bytes.cast_signed() })
        })
        .while_("keeping a day's measurement")?;
    }
    // Days are counted and not dated: a clock that leaps ahead by years must not take them all.
    tx.execute(
        "DELETE FROM disk_days WHERE day < (SELECT day FROM disk_days ORDER BY day DESC LIMIT 1 OFFSET :kept)",
        named_params! { ":kept": KEPT - 1 },
    )
    .and_then(|_| tx.execute("DELETE FROM storage_days WHERE day < (SELECT min(day) FROM disk_days)", []))
    .while_("forgetting old measurements")?;
    Ok(true)
}

/// The totals from `from` to `to`, in the order of days.
pub fn totals(tx: &Transaction<'_>, (from, to): (i64, i64)) -> Result<Vec<Total>, StoreError> {
    tx.prepare_cached("SELECT day, bytes, free FROM disk_days WHERE day BETWEEN :from AND :to ORDER BY day")
        .and_then(|mut select| {
            let total = |row: &rusqlite::Row<'_>| {
                Ok(Total {
                    day: row.get(0)?,
                    bytes: row.get::<_, i64>(1)?.unsigned_abs(),
                    free: row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs),
                })
            };
            select.query_map(named_params! { ":from": from, ":to": to }, total)?.collect::<Result<_, _>>()
        })
        .while_("reading how large everything was")
}

/// One account's sizes from `from` to `to`, in the order of days.
pub fn of_account(
    tx: &Transaction<'_>,
    account: AccountId,
    (from, to): (i64, i64),
) -> Result<Vec<(i64, u64)>, StoreError> {
    tx.prepare_cached(
        "SELECT day, bytes FROM storage_days WHERE account = :account AND day BETWEEN :from AND :to ORDER BY day",
    )
    .and_then(|mut select| {
        let named = named_params! { ":account": account.0, ":from": from, ":to": to };
        select
            .query_map(named, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
            .collect::<Result<_, _>>()
    })
    .while_("reading how large a vault was")
}

/// One account's first and last size from `from` to `to`, with their days.
pub fn ends_of_account(
    tx: &Transaction<'_>,
    account: AccountId,
    (from, to): (i64, i64),
) -> Result<Option<[(i64, u64); 2]>, StoreError> {
    let ends = [
        "SELECT day, bytes FROM storage_days WHERE account = :account AND day BETWEEN :from AND :to
         ORDER BY day LIMIT 1",
        "SELECT day, bytes FROM storage_days WHERE account = :account AND day BETWEEN :from AND :to
         ORDER BY day DESC LIMIT 1",
    ]
    .map(|which| {
        tx.prepare_cached(which)
            .and_then(|mut find| {
                let named = named_params! { ":account": account.0, ":from": from, ":to": to };
                find.query_row(named, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
                    .optional()
            })
            .while_("reading how large a vault was")
    });
    let [first, last] = ends;
    Ok(first?.zip(last?).map(|(first, last)| [first, last]))
}

/// Forgets how large an account's vaults were. The totals of past days stay: they tell of nobody.
pub(super) fn forget(tx: &Transaction<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM storage_days WHERE account = :account", named_params! { ":account": account.0 })
        .while_("forgetting how large a vault was")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::auth::Role,
        store::system::{accounts, scratch::system},
    };

    #[tokio::test]
    async fn a_day_is_measured_once_and_old_days_go() {
        let home = tempfile::tempdir().unwrap();
        let system = system(&home);
        let done: Result<(), StoreError> = system
            .write(|tx| {
                let (ann, gone) = (AccountId::new(), AccountId::new());
                accounts::insert(tx, ann, "ann", Role::Admin, Uuid::now_v7(), 0)?;
                let measured = |day, bytes| Measured {
                    day,
                    at: day * 10,
                    bytes,
                    free: Some(1000),
                    accounts: vec![(ann, bytes / 2), (gone, 1)],
                };
                assert!(!has(tx, 5)?);
                assert!(note(tx, &measured(5, 100))?);
                assert!(has(tx, 5)?);
                assert!(!note(tx, &measured(5, 900))?, "another process was faster");
                assert!(note(tx, &measured(7, 300))?);
                let total = |day, bytes| Total { day, bytes, free: Some(1000) };
                assert_eq!(totals(tx, (0, 9))?, [total(5, 100), total(7, 300)]);
                assert_eq!(of_account(tx, ann, (0, 9))?, [(5, 50), (7, 150)]);
                assert_eq!(ends_of_account(tx, ann, (0, 9))?, Some([(5, 50), (7, 150)]));
                assert_eq!(ends_of_account(tx, ann, (6, 9))?, Some([(7, 150), (7, 150)]));
                assert_eq!(ends_of_account(tx, gone, (0, 9))?, None, "who was purged meanwhile is not measured");
                // As many as are kept, and one more; then a clock that leaps ahead by centuries, and back.
                for day in (8..=6 + KEPT).chain([100_000]) {
                    assert!(note(tx, &measured(day, 400))?);
                }
                assert!(note(tx, &measured(7 + KEPT, 400))?);
                let (kept, own) = (totals(tx, (0, 100_000))?, of_account(tx, ann, (0, 100_000))?);
                let ends = |days: Vec<i64>| (days.len() as i64, days.first().copied(), days.last().copied());
                assert_eq!(ends(kept.iter().map(|total| total.day).collect()), (KEPT, Some(9), Some(100_000)));
                assert_eq!(ends(own.iter().map(|(day, _)| *day).collect()), (KEPT, Some(9), Some(100_000)));
                accounts::purge(tx, ann, 1)?;
                assert_eq!(of_account(tx, ann, (0, 100_000))?, []);
                assert_eq!(totals(tx, (0, 100_000))?.len() as i64, KEPT);
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
