//! Jobs of the caller's own: what they have done to their own vault in the background. An administrator has no way to
//! those of anybody else.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault, FaultKind, JobId,
        auth::Session,
        jobs::{ExportWork, Job, JobPage, JobState, WhichJobs, Work},
        transfer::{NewExport, NewImport},
    },
};

const LIST: Op = Op {
    name: "own_jobs.list",
    permission: Permission::Own,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(30),
    fresh: false,
};
const DETAIL: Op = Op { name: "own_jobs.detail", ..LIST };
const CANCEL: Op = Op { name: "own_jobs.cancel", class: Class::Write, ..LIST };
const FORGET: Op = Op { name: "own_jobs.forget", ..CANCEL };
const RETRY: Op = Op { name: "own_jobs.retry", ..CANCEL };
// Each as it was begun the first time.
const EXPORT: Op =
    Op { name: "own_jobs.export_again", permission: Permission::Export, deadline: Duration::from_mins(1), ..CANCEL };
const EXPORT_ALL: Op = Op { name: "own_jobs.export_all_again", class: Class::Admin, fresh: true, ..EXPORT };
const IMPORT: Op = Op { name: "own_jobs.import_again", permission: Permission::Organise, ..EXPORT };
const PUT_AWAY: Op = Op { name: "own_jobs.put_away_again", ..IMPORT };
const INDEX: Op = Op { name: "own_jobs.index_again", ..IMPORT };

impl Gateway {
    /// Newest first, from before the row `before` on. `limit` 1–200.
    pub async fn own_jobs(
        &self,
        session: &Session,
        which: WhichJobs,
        before: Option<i64>,
        limit: u32,
    ) -> Result<JobPage, Fault> {
        self.0.gate.call::<Member, _, _>(session, &LIST, |by| self.0.own_jobs.list(by, which, before, limit)).await
    }

    pub async fn own_job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DETAIL, |by| self.0.own_jobs.one(by, id)).await
    }

    /// Ends one, in whatever window it runs.
    pub async fn cancel_own_job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CANCEL, |by| self.0.own_jobs.cancel(by, id)).await
    }

    /// Takes those that have ended out of the table; says how many those were.
    pub async fn forget_own_jobs(&self, session: &Session) -> Result<u64, Fault> {
        self.0.gate.call::<Member, _, _>(session, &FORGET, |by| self.0.own_jobs.forget_ended(by)).await
    }

    /// Tries one again that ended badly, in this process. It passes the same door as when it was begun first.
    pub async fn retry_own_job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        let job = self.0.gate.call::<Member, _, _>(session, &RETRY, |by| self.0.own_jobs.one(by, id)).await?;
        match job.state {
            JobState::Running | JobState::Waiting | JobState::Paused => return Ok(job),
            JobState::Done => {
                return Err(Fault::new(FaultKind::Conflict, "That job is done.").hint("Begin a new one."));
            }
            JobState::Failed | JobState::Cancelled | JobState::Interrupted => {}
        }
        match job.work {
            Work::Export(ExportWork { to: None, .. }) => {
                let why = "That export went through a pipe, and whoever read it is gone.";
                return Err(Fault::new(FaultKind::Conflict, why).hint("Give the command once more."));
            }
            // It takes the confirmation that it took the first time, and somebody who waits for it.
            Work::Export(ExportWork { with_records: true, .. }) => {
                let why = "Everything of an account is exported where that is asked for.";
                return Err(Fault::new(FaultKind::Conflict, why)
                    .hint("Do it on the screen of your account, or: ollamanet account export FILE"));
            }
            Work::Export(ExportWork { scope, format, to: Some(to), overwrite, with_records: false }) => {
                self.export_again(session, NewExport { scope, format, to, overwrite }, id).await?;
            }
            Work::Import { file, dry_run } => self.import_again(session, NewImport { file, dry_run }, id).await?,
            Work::PutAway => self.put_away_again(session, id).await?,
            Work::Index => self.index_again(session, id).await?,
            Work::Install(_)
            | Work::Update(_)
            | Work::Remove { .. }
            | Work::Copy { .. }
            | Work::Rename { .. }
            | Work::Create(_)
            | Work::Push { .. }
            | Work::Load { .. }
            | Work::Unload { .. }
            | Work::Benchmark { .. }
            | Work::Backup { .. }
            | Work::VerifyBackup { .. }
            | Work::PruneBackups
            | Work::Restore { .. }
            | Work::Check
            | Work::Rule(_) => return Err(Fault::not_found("job")),
        }
        self.own_job(session, id).await
    }

    /// One more attempt at an export of the caller's own that ended badly, in its row.
    pub async fn export_again(&self, session: &Session, new: NewExport, row: JobId) -> Result<(), Fault> {
        let op = if new.scope.is_everything() { &EXPORT_ALL } else { &EXPORT };
        self.0
            .gate
            .call::<Member, _, _>(session, op, |by| Box::pin(self.0.transfers.export(by, new, Some(row))))
            .await
            .map(drop)
    }

    /// The same of an import.
    pub async fn import_again(&self, session: &Session, new: NewImport, row: JobId) -> Result<(), Fault> {
        let again = self
            .0
            .gate
            .call::<Member, _, _>(session, &IMPORT, |by| Box::pin(self.0.transfers.import(by, new, Some(row))))
            .await;
        again.map(drop)
    }

    /// The same of a run of the rules for old conversations; its row tells how it ends.
    pub async fn put_away_again(&self, session: &Session, row: JobId) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &PUT_AWAY, |by| Box::pin(self.0.retention.run_again(by, row))).await
    }

    /// The same of making the index for searching.
    pub async fn index_again(&self, session: &Session, row: JobId) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &INDEX, |by| Box::pin(self.0.search.rebuild_again(by, row))).await
    }
}
