//! When backups are made on their own, and how many stay. The second are two settings of the house; the first is a rule
//! like any other (`rules`), and is kept nowhere else.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::{
    rules,
    settings::{self, New},
};
use crate::{
    api::{
        AccountId, RuleId,
        backup::{Keep, LastRun, Schedule},
        rules::{Action, ActionKind, NewRule, Only, RunResult, TimeOfDay, When},
    },
    store::{StoreError, While},
};

const DAILY: &str = "backup.keep_daily";
const WEEKLY: &str = "backup.keep_weekly";
/// What the rule is called that setting an hour makes.
const RULE: &str = "Backup";

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

fn number<T: std::str::FromStr>(conn: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    settings::value(conn, name)?.map(|text| text.parse().map_err(|_| nonsense())).transpose()
}

fn put(tx: &Transaction<'_>, name: &str, value: &str, by: AccountId, now: i64) -> Result<(), StoreError> {
    settings::put(tx, New { name, value: Some(value), restores: None }, Some(by), now)
}

fn nonsense() -> StoreError {
    StoreError::Nonsense { what: "number of backups" }
}

/// The hour of the first rule that makes backups, where it is on and runs at a full hour of each day; and how many stay.
pub fn schedule(tx: &Transaction<'_>, now: i64) -> Result<Schedule, StoreError> {
    let hour = match first(tx, now)? {
        Some(rules::Kept { rule, .. }) if rule.standing() == "on" => match rule.when {
            When::Daily { at: TimeOfDay { hour, minute: 0 } } => Some(hour),
            When::Daily { .. }
            | When::Every { .. }
            | When::Weekly { .. }
            | When::Start
            | When::Idle { .. }
            | When::DiskBelow { .. }
            | When::UpdateAvailable
            | When::ByHand => None,
        },
        Some(_) | None => None,
    };
    Ok(Schedule { hour, keep: keep(tx)? })
}

/// In words, where an hour does not say it all: another time, paused, waiting.
pub fn rule_words(tx: &Transaction<'_>, now: i64) -> Result<Option<String>, StoreError> {
    let Some(kept) = first(tx, now)? else { return Ok(None) };
    let rule = &kept.rule;
    Ok(match (rule.standing(), schedule(tx, now)?.hour, &rule.paused_because) {
        ("on", None, _) => Some(format!("{}: {}", rule.name, rule.when)),
        (_, _, Some(because)) => Some(format!("{} is paused: {because}", rule.name)),
        _ => None,
    })
}

/// Sets the hour of the first rule that makes backups, makes that rule at the first time, or switches it off.
pub fn set_schedule(tx: &Transaction<'_>, by: AccountId, schedule: Schedule, now: i64) -> Result<(), StoreError> {
    if keep(tx)? != schedule.keep {
        set_keep(tx, by, schedule.keep, now)?;
    }
    match (first(tx, now)?, schedule.hour) {
        (None, None) => Ok(()),
        (Some(kept), None) => rules::switch(tx, kept.rule.id, false, now),
        (kept, Some(hour)) => {
            let when = When::Daily { at: TimeOfDay { hour, minute: 0 } };
            let new =
                |name, only| NewRule { name, action: Action::Backup, when, only, enabled: true, confirmed: false };
            if let Some(kept) = kept {
                return rules::change(tx, kept.rule.id, &new(kept.rule.name, kept.rule.only), now);
            }
            let mut name = RULE.to_owned();
            let mut number = 2;
            while rules::named(tx, &name)?.is_some() {
                name = format!("{RULE} {number}");
                number += 1;
            }
            rules::insert(tx, RuleId::new(), &new(name, Only::default()), Some(by), now)
        }
    }
}

fn first(tx: &Transaction<'_>, now: i64) -> Result<Option<rules::Kept>, StoreError> {
    match rules::first_of(tx, ActionKind::Backup)? {
        Some(id) => rules::get(tx, id, now),
        None => Ok(None),
    }
}

/// How the last one that a rule began went.
pub fn last_run(tx: &Transaction<'_>, now: i64) -> Result<Option<LastRun>, StoreError> {
    let Some(run) = first(tx, now)?.and_then(|kept| kept.rule.last) else { return Ok(None) };
    Ok(match run.result {
        RunResult::Running => None,
        RunResult::Done | RunResult::Nothing => Some(LastRun { at: run.at, failed: None }),
        RunResult::Partly | RunResult::Failed | RunResult::Skipped | RunResult::Cancelled => {
            let why = run.report.items.first().map_or(run.report.words, |item| item.words.clone());
            Some(LastRun { at: run.at, failed: Some(why) })
        }
    })
}

/// The vault that an account has now.
pub fn vault_of(conn: &Connection, account: AccountId) -> Result<Option<uuid::Uuid>, StoreError> {
    conn.prepare_cached("SELECT vault FROM accounts WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": account.0 }, |row| row.get(0)).optional())
        .while_("looking up a vault")
}
