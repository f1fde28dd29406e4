//! Rows come into the line here: put at its end for whoever takes them up, or begun at once by this very process. And what a
//! cancelled run of a rule had put into it goes with that.

use super::{Jobs, line};
use crate::{
    api::{
        AccountId, Fault, FaultKind, JobId,
        jobs::{Job, JobNews, JobState, Start, Work, WorkKind},
    },
    store::{
        StoreError, Tx,
        system::{
            Moment, audit,
            jobs::{self, Wish},
        },
    },
};

impl Jobs {
    /// Begins at once, in this process, what no other process can do: it takes what somebody has just confirmed here.
    pub async fn begin_here(&self, account: AccountId, id: JobId, work: Work) -> Result<Job, Fault> {
        self.0.parts.runner.check(&work).await?;
        let lease = self.lease().await?;
        let holder = lease.holder();
        let begun = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let open = jobs::open(tx)?;
                match line::standing(&work, open.iter().map(|kept| &kept.job)) {
                    line::Standing::Free => {}
                    line::Standing::Same(other) | line::Standing::InTheWay(other) => {
                        return Ok(Err(line::in_the_way(&work, &other.work)));
                    }
                }
                let moment = Moment::here();
                jobs::insert(tx, id, &work, Some(account), moment.now)?;
                audit::append(tx, &moment, Some(account), work.kind().action(), &line::target(&work), "begun")?;
                jobs::claim(tx, id, &holder, moment.now)?;
                Ok(Ok(jobs::get(tx, id)?.ok_or(StoreError::NotFound("job"))?))
            })
            .await??;
        let job = begun.job.clone();
        self.begin(begun, lease);
        // Somebody looks, too, whether another process wants it to end.
        self.take_up(id);
        Ok(self.as_here(job))
    }

    /// In one transaction: nobody else is at it, the row, the audit trail.
    pub(in crate::services) async fn put_in_line(
        &self,
        account: impl Into<Option<AccountId>>,
        work: Work,
        detached: bool,
    ) -> Result<Start, Fault> {
        self.put_in_line_of(account.into(), None, work, detached).await
    }

    /// The same; `parent` is the run of a rule that begins it.
    pub(super) async fn put_in_line_of(
        &self,
        account: Option<AccountId>,
        parent: Option<JobId>,
        work: Work,
        detached: bool,
    ) -> Result<Start, Fault> {
        if work.kind().is_own() {
            // Its words would be content in a table that everybody's administrator reads.
            return Ok(Start::Refused(Fault::new(FaultKind::Internal, "That is work on a vault, not of the machine.")));
        }
        let id = JobId::new();
        let start = self
            .0
            .parts
            .system
            .write::<_, StoreError>(move |tx| {
                let open = jobs::open(tx)?;
                match line::standing(&work, open.iter().map(|kept| &kept.job)) {
                    line::Standing::Free => {}
                    line::Standing::Same(job) => {
                        let of = open.iter().find(|kept| kept.job.id == job.id);
                        if of.is_some_and(|kept| parent.is_some() && kept.parent == parent) {
                            // Begun before this run was killed, and not noted any more.
                            return Ok(Start::Begun(Box::new(job.clone())));
                        }
                        if of.is_some_and(|kept| kept.parent.is_some() || job.account != account) {
                            jobs::asked(tx, job.id, true)?;
                        }
                        return Ok(Start::UnderWay(Box::new(job.clone())));
                    }
                    line::Standing::InTheWay(other) => {
                        return Ok(Start::Refused(line::in_the_way(&work, &other.work)));
                    }
                }
                let moment = Moment::here();
                jobs::insert_of(tx, id, &work, account, parent, moment.now)?;
                if work.kind().is_audited() {
                    audit::append(tx, &moment, account, work.kind().action(), &line::target(&work), "begun")?;
                }
                let kept = jobs::get(tx, id)?.ok_or(StoreError::NotFound("job"))?;
                Ok(Start::Begun(Box::new(kept.job)))
            })
            .await?;
        match &start {
            Start::Begun(job) => {
                self.tell(JobNews::Changed(job.clone())).await;
                if !detached {
                    self.take_up(job.id);
                }
            }
            // Whoever asks for it once more wants it done: here, should nobody else be at it.
            Start::UnderWay(job) if !detached => self.take_up(job.id),
            Start::UnderWay(_) | Start::Refused(_) | Start::Would(_) => {}
        }
        Ok(match start {
            Start::UnderWay(job) => Start::UnderWay(Box::new(self.as_here(*job))),
            other => other,
        })
    }

    /// Of those that a cancelled run took along. The ones that run here are stopped by the next look, which is now.
    pub(super) async fn tell_of_those(&self, along: Vec<Job>) {
        if along.is_empty() {
            return;
        }
        for job in along {
            self.tell(JobNews::Changed(Box::new(self.as_here(job)))).await;
        }
        self.0.wake.notify_one();
    }
}

/// A cancelled run of a rule takes along what it began and nobody else wants. In the transaction that cancels it, so that
/// no process can die between the two.
pub(super) fn taken_along(
    tx: &Tx<'_>,
    job: &Job,
    account: Option<AccountId>,
    moment: &Moment,
) -> Result<Vec<Job>, StoreError> {
    if job.state != JobState::Cancelled || job.work.kind() != WorkKind::Rule {
        return Ok(Vec::new());
    }
    let along = jobs::cancel_begun_by(tx, job.id, moment.now)?;
    for one in &along {
        audit::append(tx, moment, account, line::verb(Wish::Cancel), &line::target(&one.work), "ok")?;
    }
    Ok(along)
}
