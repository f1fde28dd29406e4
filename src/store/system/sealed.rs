//! Vaults that a reset without the recovery code left sealed: the file stays as it is, and of its keys the slot that the
//! code opens. Whoever finds the code again has everything again.

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

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
pub fn of(tx: &Transaction<'_>, account: AccountId) -> Result<Vec<Uuid>, StoreError> {
    tx.prepare_cached("SELECT vault FROM sealed_vaults WHERE account = :account ORDER BY sealed_at DESC, vault DESC")
        .and_then(|mut select| select.query_map(named_params! { ":account": account.0 }, |row| row.get(0))?.collect())
        .while_("looking for sealed vaults")
}

/// It is the account's vault again, and sealed no more.
pub fn forget(tx: &Transaction<'_>, vault: Uuid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sealed_vaults WHERE vault = :vault", named_params! { ":vault": vault })
        .while_("unsealing a vault")?;
    Ok(())
}
