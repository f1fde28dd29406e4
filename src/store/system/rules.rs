//! The rules of the house and the history of their runs.
//!
//! Invariant: a due moment is taken by putting the run and its job into their tables in one transaction; whoever comes
//! second finds the moment there. So each is run once, whatever the number of processes and whatever a clock does.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    api::{
        AccountId, JobId, RuleId,
        rules::{ActionKind, NewRule, RUNS_KEPT, Rule, RuleRun, RunReport, RunResult},
    },
    store::{StoreError, While, vault::fold::filter_key},
};

/// A rule with what only its keeper needs.
#[derive(Clone, Debug)]
pub struct Kept {
    pub rule: Rule,
    /// Moments before it do not count.
    pub since: i64,
    /// The latest due moment, of those that are not in a time to come, that was taken.
    pub taken: Option<i64>,
    /// The moment whose run failed, and when it is tried again.
    pub again: Option<(i64, i64)>,
    /// What its trigger has seen, as JSON.
    pub seen: Option<String>,
    /// Whether a run of it is under way.
    pub runs: bool,
}

/// A run that begins.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub rule: RuleId,
    pub job: JobId,
    pub at: i64,
    pub due_at: Option<i64>,
    pub again: bool,
    pub account: Option<AccountId>,
    pub dry_run: bool,
}

/// What a run leaves on its rule.
#[derive(Clone, Debug, Default)]
pub struct Left {
    pub failures: u32,
    pub again: Option<(i64, i64)>,
    pub paused_because: Option<String>,
}

const RULES: &str = "SELECT r.*, a.name AS by_name,
        (SELECT max(d.due_at) FROM rule_runs d WHERE d.rule = r.id AND d.due_at <= :now) AS taken,
        EXISTS (SELECT 1 FROM rule_runs o WHERE o.rule = r.id AND o.result = 'running') AS runs
     FROM rules r LEFT JOIN accounts a ON a.id = r.made_by";

const RUNS: &str = "SELECT u.seq, u.rule, u.job, u.at, u.ended_at, u.due_at, u.dry_run, u.result, u.report,
        a.name AS by_name
     FROM rule_runs u LEFT JOIN accounts a ON a.id = u.account";

/// All of them, by name.
pub fn all(tx: &Transaction<'_>, now: i64) -> Result<Vec<Kept>, StoreError> {
    let sql = [RULES, " ORDER BY r.name_key"].concat();
    let mut find = tx.prepare_cached(&sql).while_("reading the rules")?;
    let rows = find.query_map(named_params! { ":now": now }, |row| Ok(from_row(row))).while_("reading the rules")?;
    let mut found: Vec<Kept> = rows.map(|row| row.while_("reading the rules")?).collect::<Result<_, StoreError>>()?;
    for kept in &mut found {
        kept.rule.last = last_run(tx, kept.rule.id)?;
    }
    Ok(found)
}

pub fn get(tx: &Transaction<'_>, id: RuleId, now: i64) -> Result<Option<Kept>, StoreError> {
    let found = tx
        .prepare_cached(&[RULES, " WHERE r.id = :id"].concat())
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0, ":now": now }, |row| Ok(from_row(row))).optional()
        })
        .while_("reading a rule")?
        .transpose()?;
    match found {
        None => Ok(None),
        Some(mut kept) => {
            kept.rule.last = last_run(tx, id)?;
            Ok(Some(kept))
        }
    }
}

/// The rule of this name, without regard to case.
pub fn named(tx: &Transaction<'_>, name: &str) -> Result<Option<RuleId>, StoreError> {
    tx.prepare_cached("SELECT id FROM rules WHERE name_key = :key")
        .and_then(|mut find| {
            find.query_row(named_params! { ":key": filter_key(name.trim()) }, |row| row.get(0).map(RuleId)).optional()
        })
        .while_("finding a rule")
}

/// The oldest rule of this kind.
pub fn first_of(tx: &Transaction<'_>, kind: ActionKind) -> Result<Option<RuleId>, StoreError> {
    tx.prepare_cached("SELECT id FROM rules WHERE kind = :kind ORDER BY id LIMIT 1")
        .and_then(|mut find| {
            find.query_row(named_params! { ":kind": kind.as_str() }, |row| row.get(0).map(RuleId)).optional()
        })
        .while_("finding a rule")
}

pub fn count(tx: &Transaction<'_>) -> Result<usize, StoreError> {
    let count: i64 = tx
        .prepare_cached("SELECT count(*) FROM rules")
        .and_then(|mut count| count.query_row([], |row| row.get(0)))
        .while_("counting the rules")?;
    Ok(count.unsigned_abs() as usize)
}

pub fn insert(
    tx: &Transaction<'_>,
    id: RuleId,
    new: &NewRule,
    by: Option<AccountId>,
    now: i64,
) -> Result<(), StoreError> {
    let name = new.name.trim();
    tx.execute(
        "INSERT INTO rules (id, name, name_key, kind, action, whenever, only_if, enabled, made_by, created_at, updated_at,
             since)
         VALUES (:id, :name, :key, :kind, :action, :when, :only, :enabled, :by, :now, :now, :now)",
        named_params! {
            ":id": id.0, ":name": name, ":key": filter_key(name), ":kind": new.action.kind().as_str(),
            ":action": json(&new.action)?, ":when": json(&new.when)?, ":only": json(&new.only)?, ":enabled": new.enabled,
            ":by": by.map(|by| by.0), ":now": now,
        },
    )
    .while_("making a rule")?;
    Ok(())
}

/// Puts other words in the place of the old ones. What failed before is forgotten; moments that are past do not count.
pub fn change(tx: &Transaction<'_>, id: RuleId, new: &NewRule, now: i64) -> Result<(), StoreError> {
    let name = new.name.trim();
    tx.execute(
        "UPDATE rules SET name = :name, name_key = :key, kind = :kind, action = :action, whenever = :when, only_if = :only,
             enabled = :enabled, updated_at = :now, since = :now, failures = 0, again_due = NULL, again_at = NULL,
             paused_because = NULL, waits_because = NULL, seen = NULL
         WHERE id = :id",
        named_params! {
            ":id": id.0, ":name": name, ":key": filter_key(name), ":kind": new.action.kind().as_str(),
            ":action": json(&new.action)?, ":when": json(&new.when)?, ":only": json(&new.only)?, ":enabled": new.enabled,
            ":now": now,
        },
    )
    .while_("changing a rule")?;
    Ok(())
}

/// On or off. On again, what it was paused for is forgotten.
pub fn switch(tx: &Transaction<'_>, id: RuleId, on: bool, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE rules SET enabled = :on, updated_at = :now, since = :now, failures = 0, again_due = NULL, again_at = NULL,
             paused_because = NULL, waits_because = NULL, seen = NULL
         WHERE id = :id",
        named_params! { ":id": id.0, ":on": on, ":now": now },
    )
    .while_("switching a rule")?;
    Ok(())
}

pub fn remove(tx: &Transaction<'_>, id: RuleId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM rules WHERE id = :id", named_params! { ":id": id.0 }).while_("removing a rule")?;
    Ok(())
}

/// A rule that was made in a time to come, by a clock that was wrong then, counts from now on.
pub fn ground(tx: &Transaction<'_>, now: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE rules SET since = :now WHERE since > :now", named_params! { ":now": now })
        .while_("setting a rule to today")?;
    Ok(())
}

/// What the trigger has seen.
pub fn keep_seen(tx: &Transaction<'_>, id: RuleId, seen: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE rules SET seen = :seen WHERE id = :id", named_params! { ":id": id.0, ":seen": seen })
        .while_("keeping what a rule has seen")?;
    Ok(())
}

pub fn waits(tx: &Transaction<'_>, id: RuleId, because: Option<&str>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE rules SET waits_because = :because WHERE id = :id AND waits_because IS NOT :because",
        named_params! { ":id": id.0, ":because": because },
    )
    .while_("noting what a rule waits for")?;
    Ok(())
}

/// Takes a due moment. `false` = it has been taken.
pub fn begin(tx: &Transaction<'_>, begun: &Begun) -> Result<bool, StoreError> {
    let taken = tx
        .execute(
            "INSERT OR IGNORE INTO rule_runs (rule, job, at, due_at, again, account, dry_run, result, report)
             VALUES (:rule, :job, :at, :due, :again, :account, :dry, 'running', '{}')",
            named_params! {
                ":rule": begun.rule.0, ":job": begun.job.0, ":at": begun.at, ":due": begun.due_at, ":again": begun.again,
                ":account": begun.account.map(|account| account.0), ":dry": begun.dry_run,
            },
        )
        .while_("beginning a run of a rule")?;
    if taken == 1 {
        tx.execute(
            "UPDATE rules SET waits_because = NULL,
                 again_due = CASE WHEN :by_hand THEN again_due END, again_at = CASE WHEN :by_hand THEN again_at END
             WHERE id = :rule",
            named_params! { ":rule": begun.rule.0, ":by_hand": begun.due_at.is_none() },
        )
        .while_("beginning a run of a rule")?;
        tx.execute(
            "DELETE FROM rule_runs WHERE rule = :rule AND result <> 'running' AND seq <=
                 (SELECT seq FROM rule_runs WHERE rule = :rule ORDER BY seq DESC LIMIT 1 OFFSET :kept)",
            named_params! { ":rule": begun.rule.0, ":kept": RUNS_KEPT },
        )
        .while_("forgetting old runs")?;
    }
    Ok(taken == 1)
}

/// Writes how a run ended. `false` = that was written already, or the rule is gone.
pub fn end(
    tx: &Transaction<'_>,
    job: JobId,
    result: RunResult,
    report: &RunReport,
    now: i64,
) -> Result<bool, StoreError> {
    let ended = tx
        .execute(
            "UPDATE rule_runs SET result = :result, report = :report, ended_at = :now
             WHERE job = :job AND result = 'running'",
            named_params! { ":job": job.0, ":result": result.as_str(), ":report": json(report)?, ":now": now },
        )
        .while_("ending a run of a rule")?;
    Ok(ended == 1)
}

/// Writes what a run leaves on its rule.
pub fn leave(tx: &Transaction<'_>, id: RuleId, left: &Left) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE rules SET failures = :failures, again_due = :due, again_at = :at, paused_because = :because
         WHERE id = :id",
        named_params! {
            ":id": id.0, ":failures": left.failures, ":due": left.again.map(|(due, _)| due),
            ":at": left.again.map(|(_, at)| at), ":because": left.paused_because,
        },
    )
    .while_("noting how a rule's run went")?;
    Ok(())
}

pub fn run_of(tx: &Transaction<'_>, job: JobId) -> Result<Option<RuleRun>, StoreError> {
    tx.prepare_cached(&[RUNS, " WHERE u.job = :job"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":job": job.0 }, |row| Ok(run_from(row))).optional())
        .while_("reading a run of a rule")?
        .transpose()
}

/// Runs that have not ended, as far as is written.
pub fn open_runs(tx: &Transaction<'_>) -> Result<Vec<RuleRun>, StoreError> {
    let sql = [RUNS, " WHERE u.result = 'running' ORDER BY u.seq"].concat();
    let mut find = tx.prepare_cached(&sql).while_("reading runs of rules")?;
    let rows = find.query_map([], |row| Ok(run_from(row))).while_("reading runs of rules")?;
    rows.map(|row| row.while_("reading runs of rules")?).collect()
}

/// Newest first, from before `before` on; of one rule or of all. One more than `limit` where there are more.
pub fn runs(
    tx: &Transaction<'_>,
    rule: Option<RuleId>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<RuleRun>, StoreError> {
    let sql = [RUNS, " WHERE u.seq < :before AND (:rule IS NULL OR u.rule = :rule) ORDER BY u.seq DESC LIMIT :limit"]
        .concat();
    let mut find = tx.prepare_cached(&sql).while_("reading runs of rules")?;
    let rows = find
        .query_map(
            named_params! {
                ":before": before.unwrap_or(i64::MAX), ":rule": rule.map(|rule| rule.0), ":limit": i64::from(limit) + 1,
            },
            |row| Ok(run_from(row)),
        )
        .while_("reading runs of rules")?;
    rows.map(|row| row.while_("reading runs of rules")?).collect()
}

/// The newest that was no dry run.
fn last_run(tx: &Transaction<'_>, rule: RuleId) -> Result<Option<RuleRun>, StoreError> {
    tx.prepare_cached(&[RUNS, " WHERE u.rule = :rule AND u.dry_run = 0 ORDER BY u.seq DESC LIMIT 1"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":rule": rule.0 }, |row| Ok(run_from(row))).optional())
        .while_("reading the last run of a rule")?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<Kept, StoreError> {
    let read = || -> rusqlite::Result<_> {
        let again: (Option<i64>, Option<i64>) = (row.get("again_due")?, row.get("again_at")?);
        Ok((
            row.get::<_, String>("action")?,
            row.get::<_, String>("whenever")?,
            row.get::<_, String>("only_if")?,
            again.0.zip(again.1),
            row.get("id").map(RuleId)?,
            row.get::<_, Option<uuid::Uuid>>("made_by")?.map(AccountId),
        ))
    };
    let (action, when, only, again, id, made_by) = read().while_("reading a rule")?;
    let rest = |action, when, only| -> rusqlite::Result<Kept> {
        Ok(Kept {
            rule: Rule {
                id,
                name: row.get("name")?,
                action,
                when,
                only,
                enabled: row.get("enabled")?,
                made_by,
                by: row.get("by_name")?,
                created_at: row.get("created_at")?,
                updated_at: row.get("updated_at")?,
                last: None,
                next_at: None,
                failures: row.get("failures")?,
                paused_because: row.get("paused_because")?,
                waits_because: row.get("waits_because")?,
            },
            since: row.get("since")?,
            taken: row.get("taken")?,
            again,
            seen: row.get("seen")?,
            runs: row.get("runs")?,
        })
    };
    rest(parsed(&action)?, parsed(&when)?, parsed(&only)?).while_("reading a rule")
}

fn run_from(row: &Row<'_>) -> Result<RuleRun, StoreError> {
    let read = || -> rusqlite::Result<_> {
        let run = RuleRun {
            seq: row.get("seq")?,
            rule: RuleId(row.get("rule")?),
            job: JobId(row.get("job")?),
            at: row.get("at")?,
            ended_at: row.get("ended_at")?,
            due_at: row.get("due_at")?,
            by: row.get("by_name")?,
            dry_run: row.get("dry_run")?,
            result: RunResult::Running,
            report: RunReport::default(),
        };
        Ok((run, row.get::<_, String>("result")?, row.get::<_, String>("report")?))
    };
    let (run, result, report) = read().while_("reading a run of a rule")?;
    let result = RunResult::parse(&result).ok_or(StoreError::Nonsense { what: "run of a rule" })?;
    Ok(RuleRun { result, report: parsed(&report)?, ..run })
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Nonsense { what: "rule" })
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Nonsense { what: "rule" })
}
