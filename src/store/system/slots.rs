//! Key slots as rows. What is in them, only `store::keys` knows.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{
        StoreError, While,
        keys::{Cost, Slot, SlotKind},
    },
};

const COLUMNS: &str =
    "SELECT id, account, vault, kind, version, memory_kib, passes, lanes, salt, nonce, sealed FROM key_slots";

pub fn insert(tx: &Transaction<'_>, slot: &Slot, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO key_slots (id, account, vault, kind, version, memory_kib, passes, lanes, salt, nonce, sealed, created_at)
         VALUES (:id, :account, :vault, :kind, :version, :memory, :passes, :lanes, :salt, :nonce, :sealed, :now)",
        named_params! {
            ":id": slot.id, ":account": slot.account.0, ":vault": slot.vault, ":kind": slot.kind.as_str(),
            ":version": slot.version, ":memory": slot.cost.memory_kib, ":passes": slot.cost.passes,
            ":lanes": slot.cost.lanes, ":salt": slot.salt.as_slice(), ":nonce": slot.nonce.as_slice(),
            ":sealed": slot.sealed, ":now": now,
        },
    )
    .while_("adding a key slot")?;
    Ok(())
}

/// The newest slot of this kind for the vault the account has now.
pub fn of(tx: &Transaction<'_>, account: AccountId, kind: SlotKind) -> Result<Option<Slot>, StoreError> {
    let sql = [
        COLUMNS,
        " WHERE account = :account AND kind = :kind AND vault = (SELECT vault FROM accounts WHERE id = :account)
          ORDER BY id DESC LIMIT 1",
    ]
    .concat();
    tx.prepare_cached(&sql)
        .and_then(|mut find| {
            find.query_row(named_params! { ":account": account.0, ":kind": kind.as_str() }, from_row).optional()
        })
        .while_("reading a key slot")?
        .transpose()
}

/// The newest slot of this kind for one vault of the account, which may be a sealed one.
pub fn of_vault(
    tx: &Transaction<'_>,
    account: AccountId,
    vault: Uuid,
    kind: SlotKind,
) -> Result<Option<Slot>, StoreError> {
    let sql =
        [COLUMNS, " WHERE account = :account AND vault = :vault AND kind = :kind ORDER BY id DESC LIMIT 1"].concat();
    tx.prepare_cached(&sql)
        .and_then(|mut find| {
            let named = named_params! { ":account": account.0, ":vault": vault, ":kind": kind.as_str() };
            find.query_row(named, from_row).optional()
        })
        .while_("reading a key slot")?
        .transpose()
}

/// What the newest passphrase slot of the installation costs: what trying a name that does not exist is to cost as well.
pub fn newest_cost(tx: &Transaction<'_>) -> Result<Option<Cost>, StoreError> {
    tx.prepare_cached(
        "SELECT memory_kib, passes, lanes FROM key_slots WHERE kind = 'passphrase' ORDER BY id DESC LIMIT 1",
    )
    .and_then(|mut find| {
        find.query_row([], |row| Ok(Cost { memory_kib: row.get(0)?, passes: row.get(1)?, lanes: row.get(2)? }))
            .optional()
    })
    .while_("reading a key slot")
}

pub fn by_id(tx: &Transaction<'_>, id: Uuid) -> Result<Option<Slot>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE id = :id"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":id": id }, from_row).optional())
        .while_("reading a key slot")?
        .transpose()
}

/// The new slot first, then the older ones of its kind go: in one transaction, so there is never none.
pub fn replace(tx: &Transaction<'_>, slot: &Slot, now: i64) -> Result<(), StoreError> {
    insert(tx, slot, now)?;
    delete_others(tx, slot.account, slot.kind, Some(slot.id))
}

/// Forgets every slot of this kind except `keep`: whoever held the secret no longer opens the vault. Of the vault that the
/// account has now; one that a reset sealed keeps the slot that its recovery code opens.
pub fn delete_others(
    tx: &Transaction<'_>,
    account: AccountId,
    kind: SlotKind,
    keep: Option<Uuid>,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM key_slots WHERE account = :account AND kind = :kind AND id IS NOT :keep
         AND vault = (SELECT vault FROM accounts WHERE id = :account)",
        named_params! { ":account": account.0, ":kind": kind.as_str(), ":keep": keep },
    )
    .while_("forgetting key slots")?;
    Ok(())
}

pub fn delete(tx: &Transaction<'_>, id: Uuid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM key_slots WHERE id = :id", named_params! { ":id": id }).while_("forgetting a key slot")?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Result<Slot, StoreError>> {
    let nonsense = || StoreError::Nonsense { what: "key slot" };
    let kind: String = row.get("kind")?;
    let salt: Vec<u8> = row.get("salt")?;
    let nonce: Vec<u8> = row.get("nonce")?;
    let (Some(kind), Ok(salt), Ok(nonce)) = (SlotKind::parse(&kind), salt.try_into(), nonce.try_into()) else {
        return Ok(Err(nonsense()));
    };
    Ok(Ok(Slot {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        vault: row.get("vault")?,
        kind,
        version: row.get("version")?,
        cost: Cost { memory_kib: row.get("memory_kib")?, passes: row.get("passes")?, lanes: row.get("lanes")? },
        salt,
        nonce,
        sealed: row.get("sealed")?,
    }))
}
