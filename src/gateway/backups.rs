//! Backups: for administrators, because a backup holds everybody's vault, though none that it opens.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Gateway;
use crate::{
    access::{Admin, Caller, Class, Op, Permission},
    api::{
        Fault, JobId,
        auth::Session,
        backup::{BackupEvent, Backups, Extent, Schedule, Which},
        jobs::Work,
    },
};

const LIST: Op = Op {
    name: "backup.list",
    permission: Permission::ManageRoles,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(20),
    fresh: false,
};
// The work itself is a job; these only begin it.
const CREATE: Op = Op { name: "backup.make", class: Class::Admin, ..LIST };
const VERIFY: Op = Op { name: "backup.verify", ..CREATE };
const RESTORE: Op = Op { name: "backup.restore", fresh: true, ..CREATE };
const SCHEDULE: Op = Op { name: "backup.schedule", ..RESTORE };
const PRUNE: Op = Op { name: "backup.prune", deadline: Duration::from_mins(5), ..RESTORE };
const PURGE: Op = Op { name: "backup.purge_quarantine", ..PRUNE };

impl Gateway {
    /// Every backup, what restores moved aside, and when one is made on its own.
    pub async fn backups(&self, session: &Session) -> Result<Backups, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.backups.list(by)).await
    }

    /// Begins a backup. What comes tells how far it is; the last is its end. Who no longer listens stops it.
    pub async fn start_backup(&self, session: &Session) -> Result<mpsc::Receiver<BackupEvent>, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &CREATE, async |by| {
                self.follow_backup(&by, Work::Backup { since: None }).await
            })
            .await
    }

    /// Begins to check a backup by restoring it into a scratch directory.
    pub async fn start_verify(&self, session: &Session, which: Which) -> Result<mpsc::Receiver<BackupEvent>, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &VERIFY, async |by| {
                let work = self.0.backups.to_verify(&by, which).await?;
                self.follow_backup(&by, work).await
            })
            .await
    }

    async fn follow_backup(&self, by: &Caller<Admin>, work: Work) -> Result<mpsc::Receiver<BackupEvent>, Fault> {
        let job = self.0.jobs.begin_for(by.account, work, false).await?;
        Ok(self.0.backups.told(self.0.jobs.follow(by.account, job.id)))
    }

    /// Begins to put a backup back. `Outcome::Ready` means: when this process has ended, and if no other is running.
    pub async fn start_restore(
        &self,
        session: &Session,
        which: Which,
        extent: Extent,
    ) -> Result<mpsc::Receiver<BackupEvent>, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &RESTORE, async |by| {
                let (work, confirmed) = self.0.backups.to_put_back(&by, which, extent).await?;
                let job = JobId::new();
                self.0.backups.hand(job, confirmed);
                if let Err(fault) = self.0.jobs.begin_here(by.account, job, work).await {
                    drop(self.0.backups.take_back(job));
                    return Err(fault);
                }
                Ok(self.0.backups.told(self.0.jobs.follow(by.account, job)))
            })
            .await
    }

    /// Sets when one is made on its own, and how many stay.
    pub async fn set_backup_schedule(&self, session: &Session, schedule: Schedule) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &SCHEDULE, |by| self.0.backups.set_schedule(by, schedule)).await
    }

    /// Removes the backups that the rule no longer keeps; gives their names.
    pub async fn prune_backups(&self, session: &Session) -> Result<Vec<String>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PRUNE, |by| self.0.backups.prune(by)).await
    }

    /// Removes what a restore moved aside, for good.
    pub async fn purge_quarantine(&self, session: &Session, name: &str) -> Result<(), Fault> {
        let name = name.to_owned();
        self.0.gate.call::<Admin, _, _>(session, &PURGE, |by| self.0.backups.purge_quarantine(by, name)).await
    }
}
