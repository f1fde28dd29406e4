//! When backups are made on their own: three settings of the house.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::settings::{self, New};
use crate::{
    api::{
        AccountId,
        backup::{Keep, LastRun, Schedule},
    },
    store::{StoreError, While},
};

const HOUR: &str = "backup.hour";
const DAILY: &str = "backup.keep_daily";
const WEEKLY: &str = "backup.keep_weekly";
/// How a scheduled one stands in the audit trail.
pub const SCHEDULED: &str = "backup.scheduled";

/// How many stay.
pub fn keep(conn: &Connection) -> Result<Keep, StoreError> {
    let usual = Keep::default();
    Ok(Keep {
        daily: number(conn, DAILY)?.unwrap_or(usual.daily),
        weekly: number(conn, WEEKLY)?.unwrap_or(usual.weekly),
    })
}

fn set_keep(tx: &Transaction<'_>, by: AccountId, keep: Keep, now: i64) -> Result<(), StoreError> {
    let before = self::keep(tx)?;
    if before.daily != keep.daily {
        put(tx, DAILY, &keep.daily.to_string(), by, now)?;
    }
    if before.weekly != keep.weekly {
        put(tx, WEEKLY, &keep.weekly.to_string(), by, now)?;
    }
    Ok(())
}

pub fn schedule(conn: &Connection) -> Result<Schedule, StoreError> {
    let hour = match number::<i64>(conn, HOUR)? {
        None | Some(-1) => None,
        Some(hour) => Some(u8::try_from(hour).ok().filter(|hour| *hour < 24).ok_or_else(nonsense)?),
    };
    Ok(Schedule { hour, keep: keep(conn)? })
}

/// Sets what differs.
pub fn set_schedule(tx: &Transaction<'_>, by: AccountId, schedule: Schedule, now: i64) -> Result<(), StoreError> {
    if self::schedule(tx)?.hour != schedule.hour {
        let hour = schedule.hour.map_or_else(|| "-1".to_owned(), |hour| hour.to_string());
        put(tx, HOUR, &hour, by, now)?;
    }
    set_keep(tx, by, schedule.keep, now)
}

fn number<T: std::str::FromStr>(conn: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    settings::value(conn, name)?.map(|text| text.parse().map_err(|_| nonsense())).transpose()
}

fn put(tx: &Transaction<'_>, name: &str, value: &str, by: AccountId, now: i64) -> Result<(), StoreError> {
    settings::put(tx, New { name, value: Some(value), restores: None }, Some(by), now)
}

fn nonsense() -> StoreError {
    StoreError::Nonsense { what: "schedule of backups" }
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
