//! The table of jobs: what is to be done, who is at it, how it went.
//!
//! Invariant: a row is `running` if and only if it names its holder. Whoever writes about a running job names the holder
//! in the condition, so that a process which was taken for dead changes nothing any more.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde::{Serialize, de::DeserializeOwned};

use super::changes;
use crate::{
    api::{
        AccountId, Fault, JobId,
        jobs::{Job, JobFilter, JobProgress, JobState, WhichJobs, Work, WorkKind},
    },
    store::{
        StoreError, While,
        vault::{fold::filter_key, lease::Holder},
    },
};

/// Longest text that is kept of an outcome, bytes.
const OUTCOME_MAX: usize = 4096;

/// What a process asks of the one that runs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Pause,
    Cancel,
}

impl Wish {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }

    /// How a job stands that got it.
    #[must_use]
    pub fn leads_to(self) -> JobState {
        match self {
            Self::Pause => JobState::Paused,
            Self::Cancel => JobState::Cancelled,
        }
    }
}

/// A row with what only its keeper needs.
#[derive(Clone, Debug)]
pub struct Kept {
    pub job: Job,
    pub holder: Option<Holder>,
    pub wish: Option<Wish>,
    /// Attempts since something moved.
    pub in_vain: u32,
    /// Attempts that went wrong since somebody began it, whatever moved in them.
    pub setbacks: u32,
    /// What is remembered between two attempts, as JSON.
    pub kept: Option<String>,
    /// The run of a rule that began it.
    pub parent: Option<JobId>,
    /// How many have asked for it.
    pub asked: u32,
}

impl Kept {
    /// Whether this run of a rule began it, and nobody else wants it as well.
    #[must_use]
    pub fn is_only_of(&self, run: JobId) -> bool {
        self.parent == Some(run) && self.asked <= 1
    }
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Ended {
    Done {
        outcome: String,
    },
    Failed {
        error: Fault,
    },
    /// Stopped by somebody.
    Put(JobState),
    /// To be tried again; `in_vain` = attempts since something moved.
    Again {
        error: Fault,
        next_at: i64,
        in_vain: u32,
    },
    /// Broken off because the program ends: whoever comes next goes on at once.
    LetGo,
}

const COLUMNS: &str =
    "SELECT j.seq, j.id, j.about, j.account, j.state, j.work, j.kept, j.progress, j.attempts, j.in_vain, j.setbacks,
     j.error, j.outcome, j.next_at, j.parent, j.asked, j.wish, j.holder, j.holder_boot, j.holder_pid, j.holder_started, j.created_at,
     j.updated_at, a.name AS by_name
     FROM jobs j LEFT JOIN accounts a ON a.id = j.account";

/// Puts a piece of work at the end of the line.
pub fn insert(
    tx: &Transaction<'_>,
    id: JobId,
    work: &Work,
    account: Option<AccountId>,
    now: i64,
) -> Result<(), StoreError> {
    insert_of(tx, id, work, account, None, now)
}

/// The same for what a run of a rule begins.
pub fn insert_of(
    tx: &Transaction<'_>,
    id: JobId,
    work: &Work,
    account: Option<AccountId>,
    parent: Option<JobId>,
    now: i64,
) -> Result<(), StoreError> {
    let about = work.other().map_or_else(|| work.model().to_owned(), |other| [work.model(), " ", other].concat());
    tx.execute(
        "INSERT INTO jobs (id, kind, about, account, state, work, parent, created_at, updated_at)
         VALUES (:id, :kind, :about, :account, 'waiting', :work, :parent, :now, :now)",
        named_params! {
            ":id": id.0, ":kind": work.kind().as_str(), ":about": about, ":account": account.map(|account| account.0),
            ":work": json(work)?, ":parent": parent.map(|parent| parent.0), ":now": now,
        },
    )
    .while_("adding a job")?;
    Ok(())
}

/// One more wants it, or one less.
pub fn asked(tx: &Transaction<'_>, id: JobId, more: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE jobs SET asked = max(asked + CASE WHEN :more THEN 1 ELSE -1 END, 1) WHERE id = :id",
        named_params! { ":id": id.0, ":more": more },
    )
    .while_("noting who wants a job")?;
    Ok(())
}

/// Cancels what this run of a rule began and nobody else wants: what waits at once, what runs by its wish. Of what others
/// want as well, one less wants it. Gives those that are cancelled by that.
pub fn cancel_begun_by(tx: &Transaction<'_>, run: JobId, now: i64) -> Result<Vec<Job>, StoreError> {
    let sql =
        [COLUMNS, " WHERE j.parent = :run AND j.state IN ('waiting', 'running', 'paused') ORDER BY j.seq"].concat();
    let begun: Vec<Kept> = {
        let mut find = tx.prepare_cached(&sql).while_("reading what a rule began")?;
        let rows = find
            .query_map(named_params! { ":run": run.0 }, |row| Ok(from_row(row)))
            .while_("reading what a rule began")?;
        rows.map(|row| row.while_("reading what a rule began")?).collect::<Result<_, StoreError>>()?
    };
    let mut cancelled = Vec::new();
    for kept in begun {
        let id = kept.job.id;
        if !kept.is_only_of(run) {
            asked(tx, id, false)?;
            // From here on it is the others'.
            tx.execute("UPDATE jobs SET parent = NULL WHERE id = :id", named_params! { ":id": id.0 })
                .while_("giving a job to the others")?;
            continue;
        }
        if kept.job.state == JobState::Running {
            wish(tx, id, Wish::Cancel, now)?;
        } else {
            put(tx, id, kept.job.state, JobState::Cancelled, now)?;
        }
        cancelled.extend(get(tx, id)?.map(|kept| kept.job));
    }
    Ok(cancelled)
}

pub fn get(tx: &Transaction<'_>, id: JobId) -> Result<Option<Kept>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE j.id = :id"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| Ok(from_row(row))).optional())
        .while_("reading a job")?
        .transpose()
}

/// Newest first, from before `before` on: one more than `limit` where there are more.
pub fn list(tx: &Transaction<'_>, filter: &JobFilter, before: Option<i64>, limit: u32) -> Result<Vec<Job>, StoreError> {
    let wanted = filter_key(filter.text.trim());
    let which = match filter.which {
        WhichJobs::All => "all",
        WhichJobs::Open => "open",
        WhichJobs::Ended => "ended",
    };
    let sql = [
        COLUMNS,
        " WHERE j.seq < :before AND (:kind IS NULL OR j.kind = :kind)
          AND (:which = 'all' OR (:which = 'open') = (j.state IN ('waiting', 'running', 'paused')))
          ORDER BY j.seq DESC",
    ]
    .concat();
    let mut find = tx.prepare_cached(&sql).while_("listing jobs")?;
    let mut rows = find
        .query(named_params! {
            ":before": before.unwrap_or(i64::MAX), ":kind": filter.kind.map(WorkKind::as_str), ":which": which,
        })
        .while_("listing jobs")?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().while_("listing jobs")? {
        // Names are compared without case, which SQL knows of ASCII only.
        if !wanted.is_empty() {
            let about: String = row.get("about").while_("listing jobs")?;
            if !filter_key(&about).contains(&wanted) {
                continue;
            }
        }
        found.push(from_row(row)?.job);
        if found.len() > limit as usize {
            break;
        }
    }
    Ok(found)
}

/// All that is not over, in the order of the line.
pub fn open(tx: &Transaction<'_>) -> Result<Vec<Kept>, StoreError> {
    let sql = [COLUMNS, " WHERE j.state IN ('waiting', 'running', 'paused') ORDER BY j.seq"].concat();
    let mut find = tx.prepare_cached(&sql).while_("reading the jobs under way")?;
    let rows = find.query_map([], |row| Ok(from_row(row))).while_("reading the jobs under way")?;
    rows.map(|row| row.while_("reading the jobs under way")?).collect()
}

/// Takes one that waits. `false` = somebody else was quicker, or it waits no more.
pub fn claim(tx: &Transaction<'_>, id: JobId, holder: &Holder, now: i64) -> Result<bool, StoreError> {
    let taken = tx
        .execute(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, next_at = NULL, wish = NULL, updated_at = :now,
                 holder = :holder, holder_boot = :boot, holder_pid = :pid, holder_started = :started
             WHERE id = :id AND state = 'waiting'",
            named_params! {
                ":id": id.0, ":now": now, ":holder": holder.id, ":boot": holder.boot, ":pid": holder.pid,
                ":started": holder.started,
            },
        )
        .while_("taking a job")?;
    Ok(taken == 1)
}

/// Writes how far it is; gives what somebody asks of it. `None` = it is not ours any more. What moved was not in vain.
pub fn note(
    tx: &Transaction<'_>,
    id: JobId,
    holder: &Holder,
    progress: &JobProgress,
    now: i64,
) -> Result<Option<Option<Wish>>, StoreError> {
    let moved = progress.rate.is_some_and(|rate| rate > 0);
    let ours = tx
        .execute(
            "UPDATE jobs SET progress = :progress, updated_at = :now, in_vain = CASE WHEN :moved THEN 0 ELSE in_vain END
             WHERE id = :id AND holder = :holder",
            named_params! {
                ":id": id.0, ":holder": holder.id, ":progress": json(progress)?, ":now": now, ":moved": moved,
            },
        )
        .while_("noting a job's progress")?;
    if ours == 0 { Ok(None) } else { Ok(get(tx, id)?.map(|kept| kept.wish)) }
}

/// Remembers something for the next attempt. `false` = it is not ours any more.
pub fn keep(tx: &Transaction<'_>, id: JobId, holder: &Holder, kept: &impl Serialize) -> Result<bool, StoreError> {
    let ours = tx
        .execute(
            "UPDATE jobs SET kept = :kept WHERE id = :id AND holder = :holder",
            named_params! { ":id": id.0, ":holder": holder.id, ":kept": json(kept)? },
        )
        .while_("keeping what a job has done")?;
    Ok(ours == 1)
}

/// What a running one is asked; a holder that lives obeys.
pub fn wish(tx: &Transaction<'_>, id: JobId, wish: Wish, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE jobs SET wish = :wish, updated_at = :now WHERE id = :id AND state = 'running'",
        named_params! { ":id": id.0, ":wish": wish.as_str(), ":now": now },
    )
    .while_("asking something of a job")?;
    Ok(())
}

/// Changes one that does not run. `false` = it has moved on meanwhile.
pub fn put(tx: &Transaction<'_>, id: JobId, from: JobState, to: JobState, now: i64) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE jobs SET state = :to, next_at = NULL, wish = NULL, updated_at = :now,
                 in_vain = CASE WHEN :to = 'waiting' THEN 0 ELSE in_vain END,
                 setbacks = CASE WHEN :to = 'waiting' THEN 0 ELSE setbacks END,
                 error = CASE WHEN :to = 'waiting' THEN NULL ELSE error END
             WHERE id = :id AND state = :from AND state <> 'running'",
            named_params! { ":id": id.0, ":from": from.as_str(), ":to": to.as_str(), ":now": now },
        )
        .while_("changing a job")?;
    Ok(changed == 1)
}

/// Writes how an attempt ended, if the job is still this holder's. A wish that came meanwhile is granted where the work was
/// not over anyhow.
pub fn end(
    tx: &Transaction<'_>,
    id: JobId,
    holder: &Holder,
    ended: &Ended,
    progress: Option<&JobProgress>,
    now: i64,
) -> Result<Option<Job>, StoreError> {
    let Some(before) = get(tx, id)?.filter(|kept| kept.holder.as_ref().is_some_and(|had| had.id == holder.id)) else {
        return Ok(None);
    };
    let mut next_at = None;
    let mut error = None;
    let mut outcome = None;
    let (mut in_vain, mut setbacks) = (before.in_vain, before.setbacks);
    let mut state = match ended {
        Ended::Done { outcome: said } => {
            outcome = Some(cut(said, OUTCOME_MAX));
            JobState::Done
        }
        Ended::Failed { error: fault } => {
            error = Some(fault.clone());
            JobState::Failed
        }
        Ended::Put(state) => {
            error.clone_from(&before.job.error);
            *state
        }
        Ended::Again { error: fault, next_at: at, in_vain: vain } => {
            error = Some(fault.clone());
            next_at = Some(*at);
            in_vain = *vain;
            setbacks = setbacks.saturating_add(1);
            JobState::Waiting
        }
        Ended::LetGo => JobState::Waiting,
    };
    if let (JobState::Waiting, Some(wish)) = (state, before.wish) {
        state = wish.leads_to();
        next_at = None;
    }
    let error = error
        .map(|fault| Fault {
            message: cut(&fault.message, 2000),
            hint: fault.hint.map(|hint| cut(&hint, 1000)),
            ..fault
        })
        .map(|fault| json(&fault))
        .transpose()?;
    tx.execute(
        "UPDATE jobs SET state = :state, error = :error, outcome = :outcome, next_at = :next, in_vain = :vain,
             setbacks = :setbacks, wish = NULL, holder = NULL, holder_boot = NULL, holder_pid = NULL, holder_started = NULL,
             progress = coalesce(:progress, progress), updated_at = :now
         WHERE id = :id",
        named_params! {
            ":id": id.0, ":state": state.as_str(), ":error": error, ":outcome": outcome, ":next": next_at,
            ":vain": in_vain, ":setbacks": setbacks, ":progress": progress.map(json).transpose()?, ":now": now,
        },
    )
    .while_("ending a job")?;
    if !state.is_open() {
        // Whatever any process keeps of the list of installed models is old now.
        changes::bump(tx, changes::Kind::Installed)?;
    }
    Ok(get(tx, id)?.map(|kept| kept.job))
}

/// A mark of the whole table: another one means that something in it changed.
pub fn mark(tx: &Transaction<'_>) -> Result<(i64, i64, i64), StoreError> {
    tx.prepare_cached(
        "SELECT count(*), coalesce(max(updated_at), 0), coalesce(sum(state IN ('done', 'failed', 'cancelled')), 0)
         FROM jobs",
    )
    .and_then(|mut ask| ask.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
    .while_("looking for changes of the jobs")
}

/// Removes what ended before this time; gives how many that were.
pub fn prune(tx: &Transaction<'_>, before: i64) -> Result<usize, StoreError> {
    tx.execute(
        "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND updated_at < :before",
        named_params! { ":before": before },
    )
    .while_("forgetting old jobs")
}

/// Who may hear of jobs: active accounts that may manage models.
pub fn listeners(tx: &Transaction<'_>, now: i64) -> Result<Vec<AccountId>, StoreError> {
    let mut find = tx
        .prepare_cached(
            "SELECT a.id FROM accounts a JOIN roles r ON r.name = a.role
             WHERE a.state = 'active' AND a.deleted_at IS NULL AND coalesce(a.locked_until, 0) <= :now
               AND r.rank = 'admin'
               AND NOT EXISTS (SELECT 1 FROM role_permissions p
                               WHERE p.role = r.name AND p.allowed = 0 AND p.permission = 'manage_models')",
        )
        .while_("finding who manages models")?;
    let rows = find
        .query_map(named_params! { ":now": now }, |row| row.get(0).map(AccountId))
        .while_("finding who manages models")?;
    rows.map(|row| row.while_("finding who manages models")).collect()
}

fn from_row(row: &Row<'_>) -> Result<Kept, StoreError> {
    let nonsense = || StoreError::Nonsense { what: "job" };
    let read = || -> rusqlite::Result<_> {
        let text = |column: &str| row.get::<_, Option<String>>(column);
        let holder: Option<uuid::Uuid> = row.get("holder")?;
        let holder = match holder {
            None => None,
            Some(id) => Some(Holder {
                seq: 0,
                id,
                boot: text("holder_boot")?.unwrap_or_default(),
                pid: row.get::<_, Option<i64>>("holder_pid")?.unwrap_or(0),
                started: row.get::<_, Option<i64>>("holder_started")?.unwrap_or(0),
            }),
        };
        let job = Job {
            id: JobId(row.get("id")?),
            seq: row.get("seq")?,
            // Filled in below.
            work: Work::Unload { model: String::new() },
            account: row.get::<_, Option<uuid::Uuid>>("account")?.map(AccountId),
            by: text("by_name")?,
            state: JobState::Waiting,
            attempts: row.get("attempts")?,
            error: None,
            next_at: row.get("next_at")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            progress: JobProgress::default(),
            outcome: text("outcome")?,
            is_here: false,
        };
        let raw = (
            row.get::<_, String>("state")?,
            row.get::<_, String>("work")?,
            text("progress")?,
            text("error")?,
            text("wish")?,
        );
        let wanted = (row.get::<_, Option<uuid::Uuid>>("parent")?.map(JobId), row.get::<_, u32>("asked")?);
        let tries = (row.get::<_, u32>("in_vain")?, row.get::<_, u32>("setbacks")?);
        Ok((job, holder, tries, wanted, text("kept")?, raw))
    };
    let (mut job, holder, (in_vain, setbacks), (parent, asked), kept, (state, work, progress, error, wish)) =
        read().while_("reading a job")?;
    job.state = JobState::parse(&state).ok_or_else(nonsense)?;
    job.work = parsed(&work)?;
    // How far it was is a preview: one that cannot be read is none.
    job.progress = progress.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    job.error = error.map(|text| parsed(&text)).transpose()?;
    let wish = match wish.as_deref() {
        None => None,
        Some("pause") => Some(Wish::Pause),
        Some("cancel") => Some(Wish::Cancel),
        Some(_) => return Err(nonsense()),
    };
    Ok(Kept { job, holder, wish, in_vain, setbacks, kept, parent, asked })
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Nonsense { what: "job" })
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Nonsense { what: "job" })
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::FaultKind,
        store::{Db, system::scratch},
    };

    fn holder(pid: i64) -> Holder {
        Holder { seq: 0, id: uuid::Uuid::now_v7(), boot: "boot".into(), pid, started: 1 }
    }

    async fn added(db: &Db, model: &'static str) -> JobId {
        let id = JobId::new();
        db.write::<_, StoreError>(move |tx| insert(tx, id, &Work::install(model), None, 1)).await.unwrap();
        id
    }

    #[tokio::test]
    async fn a_job_is_taken_once_and_only_its_holder_writes_about_it() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let id = added(&db, "tiny").await;
        let (one, other) = (holder(1), holder(2));
        db.write::<_, StoreError>(move |tx| {
            assert!(claim(tx, id, &one, 2)?);
            assert!(!claim(tx, id, &other, 2)?, "the other was later");
            let progress = JobProgress { done: 5, ..JobProgress::default() };
            assert_eq!(note(tx, id, &other, &progress, 3)?, None);
            assert_eq!(note(tx, id, &one, &progress, 3)?, Some(None));
            assert!(!keep(tx, id, &other, &1)?);
            assert!(keep(tx, id, &one, &1)?);
            assert!(end(tx, id, &other, &Ended::Done { outcome: String::new() }, None, 4)?.is_none());
            wish(tx, id, Wish::Pause, 4)?;
            assert_eq!(note(tx, id, &one, &progress, 4)?, Some(Some(Wish::Pause)));
            let ended = end(tx, id, &one, &Ended::LetGo, None, 5)?.unwrap();
            assert_eq!((ended.state, ended.attempts, ended.progress.done), (JobState::Paused, 1, 5), "the wish counts");
            assert!(!put(tx, id, JobState::Waiting, JobState::Cancelled, 6)?, "it does not wait");
            assert!(put(tx, id, JobState::Paused, JobState::Waiting, 6)?);
            let kept = get(tx, id)?.unwrap();
            assert_eq!((kept.kept.as_deref(), kept.holder.is_none(), kept.wish), (Some("1"), true, None));
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn lists_are_filtered_and_go_on_where_a_page_ended() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        for model in ["Alpha", "beta", "alpha:2"] {
            added(&db, model).await;
        }
        db.write::<_, StoreError>(|tx| {
            let names = |filter: &JobFilter, before, limit| -> Result<Vec<String>, StoreError> {
                Ok(list(tx, filter, before, limit)?.into_iter().map(|job| job.work.model().to_owned()).collect())
            };
            let all = JobFilter::default();
            assert_eq!(names(&all, None, 9)?, ["alpha:2", "beta", "Alpha"]);
            assert_eq!(names(&all, None, 1)?.len(), 2, "one more tells that there are more");
            assert_eq!(names(&all, Some(2), 9)?, ["Alpha"]);
            let alpha = JobFilter { text: "ALPHA".into(), ..all.clone() };
            assert_eq!(names(&alpha, None, 9)?, ["alpha:2", "Alpha"]);
            let ended = JobFilter { which: WhichJobs::Ended, ..all };
            assert_eq!(names(&ended, None, 9)?, Vec::<String>::new());
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_ended_long_ago_is_forgotten_and_what_is_open_never() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let (over, open_one) = (added(&db, "over").await, added(&db, "open").await);
        let one = holder(1);
        db.write::<_, StoreError>(move |tx| {
            claim(tx, over, &one, 2)?;
            let error = Fault::new(FaultKind::Model, "x".repeat(50_000));
            let ended = end(tx, over, &one, &Ended::Failed { error }, None, 10)?.unwrap();
            assert_eq!(ended.error.unwrap().message.len(), 2000, "however much is said");
            assert_eq!(prune(tx, 10)?, 0);
            assert_eq!(prune(tx, 11)?, 1);
            assert!(get(tx, over)?.is_none() && get(tx, open_one)?.is_some());
            Ok(())
        })
        .await
        .unwrap();
    }
}
