//! The calls of the Admin screen: one account or many, and the trail into a file.

use std::{path::Path, time::Duration};

use super::{Hands, Performer, Search, Way, own_file::OwnFile};
use crate::{
    api::{
        AccountId, Fault, FaultKind,
        admin::{ActivationCode, AuditEntry, AuditFilter},
        auth::Session,
        backup::{BackupEvent, Outcome, Which},
        events::Event,
    },
    ui::{
        complete,
        msg::{AdminCall, AdminReply, BackupWork, Msg, OverviewCall, Target, UserAct},
    },
};

/// The longest that many calls in a row wait for a limit on calls a minute.
const PATIENCE: Duration = Duration::from_secs(90);
const EXPORT_PAGE: u32 = 100;

impl Performer {
    pub(super) fn admin(&mut self, call: AdminCall) {
        let way = match &call {
            AdminCall::Users { .. } => Way::Newest(Search::Users),
            AdminCall::User { .. } => Way::Newest(Search::User),
            AdminCall::Audit { .. } => Way::Newest(Search::Audit),
            AdminCall::Overview(OverviewCall::Read { .. }) => Way::Newest(Search::Overview),
            AdminCall::Overview(OverviewCall::Export { .. }) => Way::Job("writing a report to a file"),
            AdminCall::Metrics(_) => Way::Newest(Search::Metrics),
            AdminCall::Each { .. } => Way::Job("changing accounts"),
            AdminCall::Export { .. } => Way::Job("writing the audit trail to a file"),
            AdminCall::Verify => Way::Job("verifying the audit trail"),
            AdminCall::Health(call) => super::health::way(call),
            // Backups and runs of rules are jobs behind the gateway.
            AdminCall::Backup(_)
            | AdminCall::Rules(_)
            | AdminCall::Backups
            | AdminCall::SetBackupSchedule(_)
            | AdminCall::PruneBackups
            | AdminCall::PurgeQuarantine(_)
            | AdminCall::CreateUser(_)
            | AdminCall::EndSession { .. }
            | AdminCall::Roles
            | AdminCall::CreateRole { .. }
            | AdminCall::RenameRole { .. }
            | AdminCall::DeleteRole { .. }
            | AdminCall::Permit { .. }
            | AdminCall::Limits { .. }
            | AdminCall::Models { .. }
            | AdminCall::Settings(_)
            | AdminCall::Prune => Way::Beside("call"),
        };
        let hands = self.hands.clone();
        // Some of them wait long for their turn; none of them outlives the interface.
        let ended = self.hands.quit.clone();
        self.make(
            way,
            Box::pin(async move {
                ended.run_until_cancelled(hands.admin(call)).await;
            }),
        );
    }
}

impl Hands {
    async fn admin(&self, call: AdminCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.administer(&session, call).await;
        self.tell(Msg::Admin(reply)).await;
    }

    async fn administer(&self, session: &Session, call: AdminCall) -> AdminReply {
        let gateway = &self.gateway;
        let done = match &call {
            AdminCall::Users { asked, filter, after, limit } => {
                let page = gateway.users(session, filter.clone(), after.clone(), *limit).await;
                return AdminReply::Users { asked: *asked, page };
            }
            AdminCall::User { asked, id } => {
                let detail = gateway.user(session, *id).await.map(Box::new);
                return AdminReply::User { asked: *asked, id: *id, detail };
            }
            AdminCall::CreateUser(new) => {
                let code = gateway.create_user(session, new.clone()).await;
                return AdminReply::Created { new: new.clone(), code };
            }
            AdminCall::Each { act, targets } => {
                let results = self.each(session, act, targets).await;
                return AdminReply::Each { act: act.clone(), results };
            }
            AdminCall::Roles => return AdminReply::Roles(gateway.roles(session).await),
            AdminCall::Settings(call) => return AdminReply::Settings(self.settings(session, call.clone()).await),
            AdminCall::Audit { asked, filter, before, limit } => {
                let page = gateway.audit(session, filter.clone(), *before, *limit).await;
                return AdminReply::Audit { asked: *asked, page };
            }
            AdminCall::Overview(call) => return AdminReply::Overview(self.look_over(session, call.clone()).await),
            AdminCall::Verify => return AdminReply::Verified(gateway.verify_audit(session).await),
            AdminCall::Prune => return AdminReply::Pruned(gateway.prune_audit(session).await),
            AdminCall::Export { filter, path } => {
                let path = complete::whole(path);
                let written = self.export_trail(session, filter, &path).await;
                return AdminReply::Exported { path, filter: filter.clone(), written };
            }
            AdminCall::Metrics(call) => return AdminReply::Metrics(self.metrics(session, *call).await),
            AdminCall::Backups => return AdminReply::Backups(gateway.backups(session).await.map(Box::new)),
            AdminCall::Health(call) => return AdminReply::Health(self.ask_of_health(session, call).await),
            AdminCall::Backup(work) => {
                let done = self.work_on_backups(session, work).await;
                return AdminReply::BackupEnded { work: work.clone(), done };
            }
            AdminCall::Rules(call) => return AdminReply::Rules(self.rules(session, call.clone()).await),
            AdminCall::PruneBackups => return AdminReply::BackupsPruned(gateway.prune_backups(session).await),
            AdminCall::SetBackupSchedule(schedule) => gateway.set_backup_schedule(session, *schedule).await,
            AdminCall::PurgeQuarantine(name) => gateway.purge_quarantine(session, name).await,
            AdminCall::EndSession { of, which } => gateway.end_user_session(session, of.id, Some(*which)).await,
            AdminCall::CreateRole { name, rank } => gateway.create_role(session, name, *rank).await.map(drop),
            AdminCall::RenameRole { name, new } => gateway.rename_role(session, name, new).await,
            AdminCall::DeleteRole { name, instead } => gateway.delete_role(session, name, instead).await,
            AdminCall::Permit { role, permission, allowed } => {
                gateway.set_permission(session, role, *permission, *allowed).await
            }
            AdminCall::Limits { scope, changes } => {
                let mut done = Ok(());
                for (limited, most) in changes {
                    done = gateway.set_limit(session, scope.clone(), *limited, *most).await;
                    if done.is_err() {
                        break;
                    }
                }
                done
            }
            AdminCall::Models { scope, rules } => gateway.set_model_access(session, scope.clone(), rules.clone()).await,
        };
        AdminReply::Done { call, done }
    }

    /// Begins it and passes on how far it is, until it has ended.
    async fn work_on_backups(&self, session: &Session, work: &BackupWork) -> Result<Outcome, Fault> {
        let named = |name: &String| Which::Named(name.clone());
        let mut inbox = match work {
            BackupWork::Create => self.gateway.start_backup(session).await,
            BackupWork::Verify(name) => self.gateway.start_verify(session, named(name)).await,
            BackupWork::Restore { backup, extent } => {
                self.gateway.start_restore(session, named(backup), extent.clone()).await
            }
        }?;
        loop {
            match inbox.recv().await {
                Some(BackupEvent::Progress(progress)) => {
                    self.tell(Msg::Admin(AdminReply::BackupOn { work: work.clone(), progress })).await;
                }
                Some(BackupEvent::Ended(done)) => return done,
                None => return Err(Fault::new(FaultKind::Internal, "It broke off without saying how it ended.")),
            }
        }
    }

    async fn each(
        &self,
        session: &Session,
        act: &UserAct,
        targets: &[Target],
    ) -> Vec<(Target, Result<Option<ActivationCode>, Fault>)> {
        let mut results: Vec<(Target, Result<Option<ActivationCode>, Fault>)> = Vec::new();
        let mut unconfirmed = None;
        for target in targets {
            // Once it was asked for, the passphrase would be asked for by all that follow.
            let done = match &unconfirmed {
                Some(fault) => Err(Fault::clone(fault)),
                None => self.patiently(|| self.act_on(session, act, target.id)).await,
            };
            if let Err(fault) = &done
                && fault.kind == FaultKind::Unconfirmed
            {
                unconfirmed = Some(fault.clone());
            }
            results.push((target.clone(), done));
        }
        results
    }

    async fn act_on(&self, session: &Session, act: &UserAct, id: AccountId) -> Result<Option<ActivationCode>, Fault> {
        let gateway = &self.gateway;
        match act {
            UserAct::Role(role) => gateway.set_user_role(session, id, role).await,
            UserAct::Lock(minutes) => gateway.lock_user(session, id, *minutes).await,
            UserAct::Unlock => gateway.unlock_user(session, id).await,
            UserAct::Enable => gateway.enable_user(session, id).await,
            UserAct::Disable => gateway.disable_user(session, id).await,
            UserAct::Reset => return gateway.reset_user(session, id).await.map(Some),
            UserAct::RemoveFactor => gateway.remove_user_second_factor(session, id).await,
            UserAct::Delete => gateway.delete_user(session, id).await,
            UserAct::Restore => gateway.restore_user(session, id).await,
            UserAct::Purge => gateway.purge_user(session, id).await,
            UserAct::EndSessions => gateway.end_user_session(session, id, None).await,
        }
        .map(|()| None)
    }

    /// Many calls in a row run into the limit on calls a minute; they wait for their turn rather than fail.
    async fn patiently<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        loop {
            let fault = match call().await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let wait = fault.retry_after.filter(|after| fault.kind == FaultKind::Slow && *after <= PATIENCE);
            let Some(wait) = wait else { return Err(fault) };
            if self.quit.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return Err(fault);
            }
        }
    }

    async fn export_trail(&self, session: &Session, filter: &AuditFilter, path: &Path) -> Result<u64, Fault> {
        let mut file = TrailFile::create(path)?;
        let mut before = None;
        loop {
            let page = self.patiently(|| self.gateway.audit(session, filter.clone(), before, EXPORT_PAGE)).await?;
            file.write(&page.rows)?;
            before = page.rows.last().map(|entry| entry.seq);
            if !page.more || before.is_none() {
                return file.finish();
            }
        }
    }
}

/// The trail as a table or as JSON, one entry a line.
struct TrailFile {
    is_csv: bool,
    file: OwnFile,
    written: u64,
}

impl TrailFile {
    fn create(path: &Path) -> Result<Self, Fault> {
        let is_csv = match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => true,
            Some("jsonl" | "json") => false,
            Some(_) | None => {
                return Err(Fault::invalid("The file's name does not say what to write.")
                    .hint("End it in .csv for a table or .jsonl for JSON, one entry a line."));
            }
        };
        let mut file = OwnFile::create(path)?;
        if is_csv {
            file.write(&format!("{}\r\n", AuditEntry::CSV_HEAD))?;
        }
        Ok(Self { is_csv, file, written: 0 })
    }

    fn write(&mut self, entries: &[AuditEntry]) -> Result<(), Fault> {
        for entry in entries {
            let line = if self.is_csv { format!("{}\r\n", entry.csv()) } else { format!("{}\n", entry.json()) };
            self.file.write(&line)?;
            self.written += 1;
        }
        Ok(())
    }

    fn finish(self) -> Result<u64, Fault> {
        self.file.finish()?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry() -> AuditEntry {
        AuditEntry {
            seq: 3,
            at: 1_795_514_520_000,
            actor: None,
            actor_name: Some("alice".into()),
            os_uid: 1000,
            action: "users.lock".into(),
            target: "=1+2, \"ben\"".into(),
            result: "ok".into(),
            hash: "00ff".into(),
        }
    }

    #[test]
    fn a_trail_is_written_for_its_owner_alone_and_never_over_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.csv");
        let mut file = TrailFile::create(&path).unwrap();
        file.write(&[entry()]).unwrap();
        assert_eq!(file.finish().unwrap(), 1);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "seq,at,actor,actor_name,os_uid,action,target,result,hash\r\n\
             3,2026-11-24T10:02:00Z,,alice,1000,users.lock,\"'=1+2, \"\"ben\"\"\",ok,00ff\r\n"
        );
        assert_eq!(TrailFile::create(&path).map(drop).unwrap_err().kind, FaultKind::Conflict);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_trail_that_was_not_finished_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.jsonl");
        let mut file = TrailFile::create(&path).unwrap();
        file.write(&[entry()]).unwrap();
        assert!(!path.exists(), "half of it has not its name");
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_does_not_say_the_kind_or_the_place_is_refused() {
        for name in ["/tmp/trail", "/tmp/trail.txt", "trail.csv"] {
            assert_eq!(TrailFile::create(Path::new(name)).map(drop).unwrap_err().kind, FaultKind::Invalid, "{name}");
        }
    }
}
