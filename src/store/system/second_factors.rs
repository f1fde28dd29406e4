//! Second factors as rows: a sealed secret, the last step that was accepted, hashes of recovery codes.
//!
//! What is in the secret, only `store::keys` opens, and only with the vault's key; which code is right, only
//! `services::accounts` decides.

use rusqlite::{OptionalExtension, Transaction, named_params};
use sha2::{Digest, Sha256};

use crate::{
    api::{AccountId, auth::Secret},
    store::{StoreError, While},
};

/// A second factor as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorRow {
    /// Sealed with the vault's key.
    pub secret: Vec<u8>,
    /// The last time step whose code was accepted: neither it nor an older one is accepted again.
    pub last_step: i64,
    pub added_at: i64,
}

/// How an account stands with its second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When it was added, milliseconds since 1970. `None` = there is none.
    pub added_at: Option<i64>,
    /// Recovery codes that are still good.
    pub codes_left: u32,
}

pub fn of(tx: &Transaction<'_>, account: AccountId) -> Result<Option<FactorRow>, StoreError> {
    tx.prepare_cached("SELECT secret, last_step, added_at FROM second_factors WHERE account = :account")
        .and_then(|mut find| {
            find.query_row(named_params! { ":account": account.0 }, |row| {
                Ok(FactorRow { secret: row.get(0)?, last_step: row.get(1)?, added_at: row.get(2)? })
            })
            .optional()
        })
        .while_("looking up a second factor")
}

pub fn standing(tx: &Transaction<'_>, account: AccountId) -> Result<Standing, StoreError> {
    let Some(factor) = of(tx, account)? else { return Ok(Standing::default()) };
    let codes_left = tx
        .query_row(
            "SELECT count(*) FROM second_factor_codes WHERE account = :account AND used_at IS NULL",
            named_params! { ":account": account.0 },
            |row| row.get(0),
        )
        .while_("counting recovery codes")?;
    Ok(Standing { added_at: Some(factor.added_at), codes_left })
}

/// Adds a factor whose first code, that of `step`, was just shown to be right.
pub fn insert(
    tx: &Transaction<'_>,
    account: AccountId,
    sealed: &[u8],
    step: i64,
    codes: &[Secret],
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO second_factors (account, secret, last_step, added_at) VALUES (:account, :secret, :step, :now)",
        named_params! { ":account": account.0, ":secret": sealed, ":step": step, ":now": now },
    )
    .while_("adding a second factor")?;
    replace_codes(tx, account, codes)
}

/// The same secret, sealed with another vault's key.
pub fn set_secret(tx: &Transaction<'_>, account: AccountId, sealed: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE second_factors SET secret = :secret WHERE account = :account",
        named_params! { ":secret": sealed, ":account": account.0 },
    )
    .while_("sealing a second factor anew")?;
    Ok(())
}

/// Takes the factor away with its codes. Says whether there was one.
pub fn remove(tx: &Transaction<'_>, account: AccountId) -> Result<bool, StoreError> {
    let named = named_params! { ":account": account.0 };
    tx.execute("DELETE FROM second_factor_codes WHERE account = :account", named)
        .and_then(|_| tx.execute("DELETE FROM second_factors WHERE account = :account", named))
        .map(|gone| gone > 0)
        .while_("removing a second factor")
}

/// Uses up a time step. `false` = it, or a later one, has been used: somebody else was faster with the same code.
pub fn use_step(tx: &Transaction<'_>, account: AccountId, step: i64) -> Result<bool, StoreError> {
    tx.execute(
        "UPDATE second_factors SET last_step = :step WHERE account = :account AND last_step < :step",
        named_params! { ":account": account.0, ":step": step },
    )
    .map(|used| used == 1)
    .while_("noting a second factor's code")
}

/// Uses up a recovery code. `false` = there is none like it, or it has been used.
pub fn use_code(tx: &Transaction<'_>, account: AccountId, code: &Secret, now: i64) -> Result<bool, StoreError> {
    tx.execute(
        "UPDATE second_factor_codes SET used_at = :now WHERE account = :account AND hash = :hash AND used_at IS NULL",
        named_params! { ":account": account.0, ":hash": hash(account, code).as_slice(), ":now": now },
    )
    .map(|used| used == 1)
    .while_("using a recovery code")
}

/// Puts new recovery codes in the place of the old ones, used or not.
pub fn replace_codes(tx: &Transaction<'_>, account: AccountId, codes: &[Secret]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM second_factor_codes WHERE account = :account", named_params! { ":account": account.0 })
        .while_("forgetting recovery codes")?;
    for code in codes {
        tx.execute(
            "INSERT INTO second_factor_codes (account, hash) VALUES (:account, :hash)",
            named_params! { ":account": account.0, ":hash": hash(account, code).as_slice() },
        )
        .while_("storing recovery codes")?;
    }
    Ok(())
}

/// Eighty random bits need no stretching (ASVS 6.5.2). Looking a hash of them up tells nothing by its time.
fn hash(account: AccountId, code: &Secret) -> [u8; 32] {
    Sha256::new().chain_update(account.0.as_bytes()).chain_update(code.reveal().as_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::auth::Role,
        store::{
            Db,
            system::{accounts, scratch},
        },
    };

    async fn with_factor(db: &Db) -> AccountId {
        let account = AccountId::new();
        db.write(move |tx| {
            accounts::insert(tx, account, "ann", Role::User, uuid::Uuid::now_v7(), 0)?;
            insert(tx, account, b"sealed", 7, &[Secret::new("A"), Secret::new("B")], 1)
        })
        .await
        .unwrap();
        account
    }

    #[tokio::test]
    async fn a_step_and_a_code_are_used_once() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let account = with_factor(&db).await;
        let used = db
            .write(move |tx| {
                let steps = [
                    use_step(tx, account, 7)?,
                    use_step(tx, account, 8)?,
                    use_step(tx, account, 8)?,
                    use_step(tx, account, 6)?,
                ];
                let code = |code: &str| use_code(tx, account, &Secret::new(code), 2);
                Ok::<_, StoreError>((steps, [code("A")?, code("A")?, code("C")?], standing(tx, account)?))
            })
            .await
            .unwrap();
        let left = Standing { added_at: Some(1), codes_left: 1 };
        assert_eq!(used, ([false, true, false, false], [true, false, false], left));
    }

    #[tokio::test]
    async fn new_codes_end_the_old_ones_and_removing_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let account = with_factor(&db).await;
        let seen = db
            .write(move |tx| {
                replace_codes(tx, account, &[Secret::new("C")])?;
                let (old, new) =
                    (use_code(tx, account, &Secret::new("B"), 2)?, use_code(tx, account, &Secret::new("C"), 2)?);
                let removed = (remove(tx, account)?, remove(tx, account)?);
                Ok::<_, StoreError>((old, new, removed, standing(tx, account)?))
            })
            .await
            .unwrap();
        assert_eq!(seen, (false, true, (true, false), Standing::default()));
    }
}
