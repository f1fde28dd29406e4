//! Token buckets: so many calls a minute, a burst of as many, one allowance for all of an account's windows.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// Takes up to `wanted` calls, at least one. `Err` in the inner result = none is left; try again after that time.
pub fn take(
    tx: &Transaction<'_>,
    account: AccountId,
    class: &str,
    per_minute: u32,
    wanted: u32,
    now: i64,
) -> Result<Result<u32, Duration>, StoreError> {
    let full = i64::from(per_minute.max(1)) * 1000;
    let kept: Option<(i64, i64)> = tx
        .query_row(
            "SELECT level, updated_at FROM buckets WHERE account = :account AND class = :class",
            named_params! { ":account": account.0, ":class": class },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .while_("reading an allowance")?;
    let level = match kept {
        None => full,
        // A clock set back refills nothing.
        Some((level, since)) => {
            let elapsed = (now - since).clamp(0, 60_000);
            (level + full * elapsed / 60_000).min(full)
        }
    };
    let taken = (level / 1000).min(i64::from(wanted));
    let verdict = if taken < 1 {
        let missing = 1000 - level;
        Err(Duration::from_millis((missing * 60_000).div_euclid(full).max(1) as u64))
    } else {
        Ok(taken as u32)
    };
    tx.execute(
        "INSERT INTO buckets (account, class, level, updated_at) VALUES (:account, :class, :level, :now)
         ON CONFLICT (account, class) DO UPDATE SET level = excluded.level, updated_at = excluded.updated_at",
        named_params! { ":account": account.0, ":class": class, ":level": level - taken * 1000, ":now": now },
    )
    .while_("drawing on an allowance")?;
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::scratch;

    #[tokio::test]
    async fn an_allowance_is_used_up_and_comes_back_with_time() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let ann = AccountId::new();
        db.write(move |tx| {
            assert_eq!(take(tx, ann, "chat", 2, 1, 0)?, Ok(1));
            assert_eq!(take(tx, ann, "chat", 2, 5, 0)?, Ok(1));
            assert_eq!(take(tx, ann, "chat", 2, 1, 0)?, Err(Duration::from_secs(30)));
            assert_eq!(take(tx, ann, "chat", 2, 1, -5000)?, Err(Duration::from_secs(30)));
            assert_eq!(take(tx, ann, "chat", 2, 1, 25_000)?, Ok(1));
            assert_eq!(take(tx, AccountId::new(), "chat", 2, 1, 0)?, Ok(1));
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }
}
