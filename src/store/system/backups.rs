//! When backups are made on their own: versions of one setting, as the rules of the house are.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use crate::{
    api::{
        AccountId,
        backup::{LastRun, Schedule},
    },
    store::{StoreError, While},
};

const NAME: &str = "backup";
/// How a scheduled one stands in the audit trail.
pub const SCHEDULED: &str = "backup.scheduled";

pub fn schedule(conn: &Connection) -> Result<Schedule, StoreError> {
    let found: Option<String> = conn
        .prepare_cached("SELECT value FROM settings WHERE name = :name ORDER BY version DESC LIMIT 1")
        .and_then(|mut find| find.query_row(named_params! { ":name": NAME }, |row| row.get(0)).optional())
        .while_("reading when backups are made")?;
    match found {
        None => Ok(Schedule::default()),
        Some(text) => serde_json::from_str(&text).map_err(|_| StoreError::Nonsense { what: "schedule of backups" }),
    }
}

pub fn set_schedule(tx: &Transaction<'_>, by: AccountId, schedule: Schedule, now: i64) -> Result<(), StoreError> {
    let value = serde_json::to_string(&schedule).map_err(|_| StoreError::Nonsense { what: "schedule of backups" })?;
    tx.execute(
        "INSERT INTO settings (name, version, value, changed_by, changed_at)
         SELECT :name, coalesce(max(version), 0) + 1, :value, :by, :now FROM settings WHERE name = :name",
        named_params! { ":name": NAME, ":value": value, ":by": by.0, ":now": now },
    )
    .while_("changing when backups are made")?;
    Ok(())
}

/// How the last one that the schedule began went.
pub fn last_run(conn: &Connection) -> Result<Option<LastRun>, StoreError> {
    conn.prepare_cached("SELECT at, target, result FROM audit WHERE action = :action ORDER BY seq DESC LIMIT 1")
        .and_then(|mut find| {
            find.query_row(named_params! { ":action": SCHEDULED }, |row| {
                let (target, result): (String, String) = (row.get(1)?, row.get(2)?);
                Ok(LastRun { at: row.get(0)?, failed: (result != "ok").then_some(target) })
            })
            .optional()
        })
        .while_("reading how the last backup went")
}

/// The vault that an account has now.
pub fn vault_of(conn: &Connection, account: AccountId) -> Result<Option<uuid::Uuid>, StoreError> {
    conn.prepare_cached("SELECT vault FROM accounts WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": account.0 }, |row| row.get(0)).optional())
        .while_("looking up a vault")
}
