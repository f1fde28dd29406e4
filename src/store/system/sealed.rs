//! Vaults that are an account's and not the one it opens: a reset without the recovery code sealed them, or they were
//! changed for a sealed one. The file stays as it is, and of its keys the slot that its recovery code opens. Whoever finds
//! the code again has everything again.
//!
//! The key of one that was changed for another is wrapped with the other's key besides, so that changing back needs no
//! code. What is in the wrapping, only `store::keys` knows.

use rusqlite::{Row, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// A sealed vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    pub vault: Uuid,
    pub sealed_at: i64,
    pub wrapped: Option<Wrapped>,
}

/// A vault's key, wrapped with the key of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    pub by: Uuid,
    pub key: Vec<u8>,
}

/// Seals the vault that the account has now. The next one is to be set in the same transaction.
pub fn seal_current(tx: &Transaction<'_>, account: AccountId, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sealed_vaults (vault, account, sealed_at) SELECT vault, id, :now FROM accounts WHERE id = :account",
        named_params! { ":now": now, ":account": account.0 },
    )
    .while_("sealing a vault")?;
    Ok(())
}

/// The account's sealed vaults, the last one first.
pub fn of(tx: &Transaction<'_>, account: AccountId) -> Result<Vec<SealedRow>, StoreError> {
    tx.prepare_cached(
        "SELECT vault, sealed_at, wrapped, wrapped_by FROM sealed_vaults WHERE account = :account
         ORDER BY sealed_at DESC, vault DESC",
    )
    .and_then(|mut select| select.query_map(named_params! { ":account": account.0 }, from_row)?.collect())
    .while_("looking for sealed vaults")
}

/// One of the account's sealed vaults. Another's is not there.
///
/// # Errors
/// `NotFound` when there is none like it.
pub fn get(tx: &Transaction<'_>, account: AccountId, vault: Uuid) -> Result<SealedRow, StoreError> {
    of(tx, account)?.into_iter().find(|row| row.vault == vault).ok_or(StoreError::NotFound("sealed vault"))
}

/// Keeps a sealed vault's key wrapped with another's.
pub fn wrap(tx: &Transaction<'_>, vault: Uuid, wrapped: &Wrapped) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sealed_vaults SET wrapped = :key, wrapped_by = :by WHERE vault = :vault",
        named_params! { ":key": wrapped.key, ":by": wrapped.by, ":vault": vault },
    )
    .while_("wrapping a sealed vault's key")?;
    Ok(())
}

/// It is the account's vault again, and sealed no more.
pub fn unseal(tx: &Transaction<'_>, vault: Uuid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sealed_vaults WHERE vault = :vault", named_params! { ":vault": vault })
        .while_("unsealing a vault")?;
    Ok(())
}

/// Forgets a sealed vault with every key of it. Its files are noted for `leftovers`: nothing opens them any more.
pub fn forget(tx: &Transaction<'_>, vault: Uuid, now: i64) -> Result<(), StoreError> {
    for forget in [
        "INSERT OR REPLACE INTO vaults_to_remove (vault, not_before)
         SELECT vault, :now FROM sealed_vaults WHERE vault = :vault",
        "DELETE FROM key_slots WHERE vault = :vault AND :now IS NOT NULL",
        "DELETE FROM sealed_vaults WHERE vault = :vault AND :now IS NOT NULL",
    ] {
        tx.execute(forget, named_params! { ":vault": vault, ":now": now }).while_("forgetting a sealed vault")?;
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SealedRow> {
    let (key, by): (Option<Vec<u8>>, Option<Uuid>) = (row.get("wrapped")?, row.get("wrapped_by")?);
    Ok(SealedRow {
        vault: row.get("vault")?,
        sealed_at: row.get("sealed_at")?,
        wrapped: by.zip(key).map(|(by, key)| Wrapped { by, key }),
    })
}
