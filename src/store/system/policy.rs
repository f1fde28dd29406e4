//! The rules of the house, as versions of one setting: the newest counts, the older ones are its history.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use crate::{
    api::{AccountId, admin::Policy},
    store::{StoreError, While},
};

const NAME: &str = "policy";

/// The rules that hold now. What a newer program added is passed over.
pub fn current(conn: &Connection) -> Result<Policy, StoreError> {
    let found: Option<String> = conn
        .prepare_cached("SELECT value FROM settings WHERE name = :name ORDER BY version DESC LIMIT 1")
        .and_then(|mut find| find.query_row(named_params! { ":name": NAME }, |row| row.get(0)).optional())
        .while_("reading the rules of the house")?;
    match found {
        None => Ok(Policy::default()),
        Some(text) => serde_json::from_str(&text).map_err(|_| StoreError::Nonsense { what: "rules of the house" }),
    }
}

/// Puts new rules on top of the old ones.
pub fn set(tx: &Transaction<'_>, by: AccountId, policy: &Policy, now: i64) -> Result<(), StoreError> {
    let value = serde_json::to_string(policy).map_err(|_| StoreError::Nonsense { what: "rules of the house" })?;
    tx.execute(
        "INSERT INTO settings (name, version, value, changed_by, changed_at)
         SELECT :name, coalesce(max(version), 0) + 1, :value, :by, :now FROM settings WHERE name = :name",
        named_params! { ":name": NAME, ":value": value, ":by": by.0, ":now": now },
    )
    .while_("changing the rules of the house")?;
    Ok(())
}
