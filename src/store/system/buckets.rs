//! Token buckets: so many calls a minute, a burst of as many, one allowance for all of an account's windows.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// Whose allowance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Account(AccountId),
    /// Nobody is signed in; all that is known is whose process it is.
    OsUser(u32),
}

impl Who {
    #[must_use]
    pub fn this_os_user() -> Self {
        Self::OsUser(rustix::process::geteuid().as_raw())
    }

    fn key(self) -> Vec<u8> {
        match self {
            Self::Account(id) => id.0.as_bytes().to_vec(),
            Self::OsUser(uid) => uid.to_be_bytes().to_vec(),
        }
    }
}

/// One bucket: whose, of which class, and how fast it fills.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    pub who: Who,
    pub class: &'static str,
    pub per_minute: u32,
}

/// How many calls are left, without taking any. `Err` in the inner result = none; try again after that time.
pub fn left(tx: &Transaction<'_>, bucket: Bucket, now: i64) -> Result<Result<u32, Duration>, StoreError> {
    let level = bucket.level(tx, now)?;
    Ok(bucket.verdict(level, u32::MAX))
}

/// Takes up to `wanted` calls, at least one, and `owed` more that were made before they were asked for. `Err` in the
/// inner result = none is left; try again after that time. What is owed is paid all the same.
pub fn take(
    tx: &Transaction<'_>,
    bucket: Bucket,
    owed: u32,
    wanted: u32,
    now: i64,
) -> Result<Result<u32, Duration>, StoreError> {
    // A debt is at most a whole allowance: nobody waits longer than two minutes for what a full disk left unpaid.
    let level = (bucket.level(tx, now)? - i64::from(owed) * 1000).max(-bucket.full());
    let verdict = bucket.verdict(level, wanted);
    let taken = i64::from(verdict.unwrap_or(0));
    bucket.keep(tx, level - taken * 1000, now)?;
    Ok(verdict)
}

/// Pays for calls that were made on credit.
pub fn settle(tx: &Transaction<'_>, bucket: Bucket, owed: u32, now: i64) -> Result<(), StoreError> {
    take(tx, bucket, owed, 0, now).map(drop)
}

impl Bucket {
    fn full(self) -> i64 {
        i64::from(self.per_minute.max(1)) * 1000
    }

    fn level(self, tx: &Transaction<'_>, now: i64) -> Result<i64, StoreError> {
        let kept: Option<(i64, i64)> = tx
            .query_row(
                "SELECT level, updated_at FROM buckets WHERE who = :who AND class = :class",
                named_params! { ":who": self.who.key(), ":class": self.class },
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .while_("reading an allowance")?;
        let full = self.full();
        Ok(kept.map_or(full, |(level, since)| {
            // A clock set back refills nothing. After two minutes even the largest debt is paid.
            let elapsed = now.saturating_sub(since).clamp(0, 120_000);
            (level + full * elapsed / 60_000).min(full)
        }))
    }

    fn verdict(self, level: i64, wanted: u32) -> Result<u32, Duration> {
        let whole = level.div_euclid(1000);
        if whole < 1 {
            let missing = 1000 - level;
            return Err(Duration::from_millis((missing * 60_000).div_euclid(self.full()).max(1).unsigned_abs()));
        }
        Ok(u32::try_from(whole).unwrap_or(u32::MAX).min(wanted))
    }

    fn keep(self, tx: &Transaction<'_>, level: i64, now: i64) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO buckets (who, class, level, updated_at) VALUES (:who, :class, :level, :now)
             ON CONFLICT (who, class) DO UPDATE SET level = excluded.level, updated_at = excluded.updated_at",
            named_params! { ":who": self.who.key(), ":class": self.class, ":level": level, ":now": now },
        )
        .while_("drawing on an allowance")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::scratch;

    fn of(who: Who) -> Bucket {
        Bucket { who, class: "chat", per_minute: 2 }
    }

    #[tokio::test]
    async fn an_allowance_is_used_up_and_comes_back_with_time() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let ann = of(Who::Account(AccountId::new()));
        db.write(move |tx| {
            assert_eq!(take(tx, ann, 0, 1, 0)?, Ok(1));
            assert_eq!(left(tx, ann, 0)?, Ok(1));
            assert_eq!(take(tx, ann, 0, 5, 0)?, Ok(1));
            assert_eq!(take(tx, ann, 0, 1, 0)?, Err(Duration::from_secs(30)));
            assert_eq!(left(tx, ann, 0)?, Err(Duration::from_secs(30)));
            assert_eq!(take(tx, ann, 0, 1, -5000)?, Err(Duration::from_secs(30)));
            assert_eq!(take(tx, ann, 0, 1, 25_000)?, Ok(1));
            assert_eq!(take(tx, of(Who::Account(AccountId::new())), 0, 1, 0)?, Ok(1));
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_was_made_on_credit_is_paid_even_below_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let ann = of(Who::OsUser(7));
        db.write(move |tx| {
            settle(tx, ann, 3, 0)?;
            assert_eq!(left(tx, ann, 0)?, Err(Duration::from_mins(1)));
            assert_eq!(take(tx, ann, 0, 1, 60_000)?, Ok(1));
            // However much is owed, two minutes later there is something again.
            settle(tx, ann, 1_000_000, 60_000)?;
            assert_eq!(left(tx, ann, 60_000)?, Err(Duration::from_secs(90)));
            assert_eq!(left(tx, ann, 180_000)?, Ok(2));
            assert_eq!(left(tx, of(Who::OsUser(8)), 60_000)?, Ok(2));
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }
}
