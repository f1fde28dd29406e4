//! One-time codes: how somebody comes in whom nobody gave a passphrase. Only a hash of each is here; one per account, good
//! once and for as long as the house says.

use rusqlite::{OptionalExtension, Transaction, named_params};
use subtle::ConstantTimeEq;

use super::settings;
use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// How many hours a code is good where the house says nothing else.
const HOURS: i64 = 24;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Gives the account a code in the place of any before; says until when it is good.
pub fn issue(tx: &Transaction<'_>, account: AccountId, hash: &[u8; 32], now: i64) -> Result<i64, StoreError> {
    let hours = settings::value(tx, "accounts.code_hours")?.and_then(|hours| hours.parse().ok()).unwrap_or(HOURS);
    let until = now + hours * HOUR_MS;
    tx.execute(
        "INSERT OR REPLACE INTO activation_codes (account, hash, expires_at, used_at) VALUES (:account, :hash, :until, NULL)",
        named_params! { ":account": account.0, ":hash": hash.as_slice(), ":until": until },
    )
    .while_("issuing a one-time code")?;
    Ok(until)
}

/// Until when the account's code is good, if it has one that is.
pub fn expires_at(tx: &Transaction<'_>, account: AccountId, now: i64) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached(
        "SELECT expires_at FROM activation_codes WHERE account = :account AND used_at IS NULL AND expires_at > :now",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":account": account.0, ":now": now }, |row| row.get(0)).optional()
    })
    .while_("looking up a one-time code")
}

/// Whether this is the account's code, and good. Without an account it is none, at the same cost.
pub fn fits(tx: &Transaction<'_>, account: Option<AccountId>, hash: &[u8; 32], now: i64) -> Result<bool, StoreError> {
    let kept: Option<(Vec<u8>, bool)> = tx
        .prepare_cached(
            "SELECT hash, used_at IS NULL AND expires_at > :now FROM activation_codes WHERE account = :account",
        )
        .and_then(|mut find| {
            let named = named_params! { ":account": account.map(|id| id.0), ":now": now };
            find.query_row(named, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .while_("looking up a one-time code")?;
    let (kept, good) = kept.unwrap_or((vec![0; 32], false));
    Ok(bool::from(kept.as_slice().ct_eq(hash.as_slice())) & good)
}

/// Uses the code up. `false` = it is not good, or no more.
pub fn use_up(tx: &Transaction<'_>, account: AccountId, hash: &[u8; 32], now: i64) -> Result<bool, StoreError> {
    if !fits(tx, Some(account), hash, now)? {
        return Ok(false);
    }
    tx.execute(
        "UPDATE activation_codes SET used_at = :now WHERE account = :account",
        named_params! { ":now": now, ":account": account.0 },
    )
    .while_("using a one-time code up")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: i64 = HOURS * HOUR_MS;
    use crate::{
        api::auth::Role,
        store::system::{accounts, scratch},
    };

    #[tokio::test]
    async fn a_code_is_good_once_and_for_a_day_and_until_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let ben = AccountId::new();
        db.write(move |tx| {
            accounts::insert(tx, ben, "ben", Role::User, uuid::Uuid::now_v7(), 0)?;
            assert!(!fits(tx, Some(ben), &[1; 32], 5)? && !fits(tx, None, &[0; 32], 5)?);
            assert_eq!(issue(tx, ben, &[1; 32], 5)?, 5 + LASTS);
            assert!(fits(tx, Some(ben), &[1; 32], 4 + LASTS)? && !fits(tx, Some(ben), &[2; 32], 5)?);
            assert!(!use_up(tx, ben, &[1; 32], 5 + LASTS)?, "it outlived its day");
            assert_eq!((expires_at(tx, ben, 6)?, expires_at(tx, ben, 5 + LASTS)?), (Some(5 + LASTS), None));
            issue(tx, ben, &[2; 32], 5)?;
            assert!(!use_up(tx, ben, &[1; 32], 6)?, "there is a newer one");
            assert!(use_up(tx, ben, &[2; 32], 6)? && !use_up(tx, ben, &[2; 32], 6)?);
            assert_eq!(expires_at(tx, ben, 6)?, None);
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }
}
