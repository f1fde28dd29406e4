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

pub fn schedule(conn: &Connection) -> Result<Schedule, StoreError> {
    let usual = Schedule::default();
    let nonsense = || StoreError::Nonsense { what: "schedule of backups" };
    let number = |name| settings::value(conn, name)?.map(|text| text.parse().map_err(|_| nonsense())).transpose();
    let hour: Option<i64> = number(HOUR)?;
    let many = |number: Option<i64>, usual: u32| number.map_or(Ok(usual), |number| u32::try_from(number));
    Ok(Schedule {
        hour: match hour {
            None | Some(-1) => None,
            Some(hour) => Some(u8::try_from(hour).ok().filter(|hour| *hour < 24).ok_or_else(nonsense)?),
        },
        keep: Keep {
            daily: many(number(DAILY)?, usual.keep.daily).map_err(|_| nonsense())?,
            weekly: many(number(WEEKLY)?, usual.keep.weekly).map_err(|_| nonsense())?,
        },
    })
}

/// Sets what differs.
pub fn set_schedule(tx: &Transaction<'_>, by: AccountId, schedule: Schedule, now: i64) -> Result<(), StoreError> {
    let before = self::schedule(tx)?;
    let put = |name, value: String| settings::put(tx, New { name, value: Some(&value), restores: None }, Some(by), now);
    if before.hour != schedule.hour {
        put(HOUR, schedule.hour.map_or_else(|| "-1".to_owned(), |hour| hour.to_string()))?;
    }
    if before.keep.daily != schedule.keep.daily {
        put(DAILY, schedule.keep.daily.to_string())?;
    }
    if before.keep.weekly != schedule.keep.weekly {
        put(WEEKLY, schedule.keep.weekly.to_string())?;
    }
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
