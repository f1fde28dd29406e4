//! What the Admin screen asks for, and what it is told.

use std::path::PathBuf;

use super::{
    HealthCall, HealthReply, MetricsCall, MetricsReply,
    house::{SettingsCall, SettingsReply},
    overview::{OverviewCall, OverviewReply},
    rules::{RulesCall, RulesReply},
};
use crate::api::{
    AccountId, Fault, SessionId,
    admin::{
        ActivationCode, AuditFilter, AuditPage, AuditVerdict, LimitRule, Limited, ModelRule, NewUser, Permission,
        RoleView, Scope, UserDetail, UserFilter, UserPage,
    },
    auth::Role,
    backup::{Backups, Extent, Outcome, Progress, Schedule},
};

/// An account that something is done to. The name is for telling how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub id: AccountId,
    pub name: String,
}

/// What can be done to one account or to many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAct {
    Role(String),
    /// For so many minutes.
    Lock(u32),
    Unlock,
    Enable,
    Disable,
    Reset,
    RemoveFactor,
    Delete,
    Restore,
    Purge,
    EndSessions,
}

impl UserAct {
    /// What was done, behind a name: "ben is disabled".
    #[must_use]
    pub fn done(&self) -> String {
        match self {
            Self::Role(role) => format!("has the role {role}"),
            Self::Lock(1) => "is locked for a minute".into(),
            Self::Lock(minutes) => format!("is locked for {minutes} minutes"),
            Self::Unlock => "is unlocked".into(),
            Self::Enable => "is enabled".into(),
            Self::Disable => "is disabled".into(),
            Self::Reset => "is reset".into(),
            Self::RemoveFactor => "has no second factor any more".into(),
            Self::Delete => "is in the trash".into(),
            Self::Restore => "is back".into(),
            Self::Purge => "is gone for good".into(),
            Self::EndSessions => "is signed out everywhere".into(),
        }
    }
}

/// Calls of the Admin screen. `asked` numbers come back, so that only the latest answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminCall {
    Users {
        asked: u64,
        filter: UserFilter,
        after: Option<String>,
        limit: u32,
    },
    User {
        asked: u64,
        id: AccountId,
    },
    CreateUser(NewUser),
    /// To each in turn; one that fails does not stop the rest.
    Each {
        act: UserAct,
        targets: Vec<Target>,
    },
    EndSession {
        of: Target,
        which: SessionId,
    },
    Roles,
    CreateRole {
        name: String,
        rank: Role,
    },
    RenameRole {
        name: String,
        new: String,
    },
    DeleteRole {
        name: String,
        instead: String,
    },
    Permit {
        role: String,
        permission: Permission,
        allowed: Option<bool>,
    },
    /// Only those that change; `None` takes a rule away.
    Limits {
        scope: Scope,
        changes: Vec<(Limited, Option<u32>)>,
    },
    Models {
        scope: Scope,
        rules: Vec<ModelRule>,
    },
    Settings(SettingsCall),
    Audit {
        asked: u64,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    },
    Verify,
    Prune,
    Overview(OverviewCall),
    Backups,
    Health(HealthCall),
    /// Work that goes on for a while and tells how far it is.
    Backup(BackupWork),
    SetBackupSchedule(Schedule),
    PruneBackups,
    PurgeQuarantine(String),
    Metrics(MetricsCall),
    Rules(RulesCall),
    /// All that the filter lets through, newest first, into a new file.
    Export {
        filter: AuditFilter,
        path: PathBuf,
    },
}

/// What is done about backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupWork {
    Create,
    Verify(String),
    Restore { backup: String, extent: Extent },
}

#[derive(Debug)]
pub enum AdminReply {
    Users {
        asked: u64,
        page: Result<UserPage, Fault>,
    },
    User {
        asked: u64,
        id: AccountId,
        detail: Result<Box<UserDetail>, Fault>,
    },
    Created {
        new: NewUser,
        code: Result<ActivationCode, Fault>,
    },
    /// In the order they were done. Ends early where the passphrase is wanted first.
    Each {
        act: UserAct,
        results: Vec<(Target, Result<Option<ActivationCode>, Fault>)>,
    },
    Roles(Result<Vec<RoleView>, Fault>),
    Settings(SettingsReply),
    Audit {
        asked: u64,
        page: Result<AuditPage, Fault>,
    },
    Verified(Result<AuditVerdict, Fault>),
    Pruned(Result<u64, Fault>),
    /// So many entries.
    Exported {
        path: PathBuf,
        filter: AuditFilter,
        written: Result<u64, Fault>,
    },
    Overview(OverviewReply),
    Backups(Result<Box<Backups>, Fault>),
    Health(HealthReply),
    BackupOn {
        work: BackupWork,
        progress: Progress,
    },
    BackupEnded {
        work: BackupWork,
        done: Result<Outcome, Fault>,
    },
    BackupsPruned(Result<Vec<String>, Fault>),
    Metrics(MetricsReply),
    Rules(RulesReply),
    /// A change that answers nothing but whether it is made.
    Done {
        call: AdminCall,
        done: Result<(), Fault>,
    },
}

impl AdminReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Users { page, .. } => page.as_ref().err(),
            Self::User { detail, .. } => detail.as_ref().err(),
            Self::Created { code, .. } => code.as_ref().err(),
            // What some of them met is told beside their names; what ended the session was met by the last, too.
            Self::Each { results, .. } => match results.as_slice() {
                [.., (_, Err(fault))] if results.iter().all(|(_, went)| went.is_err()) => Some(fault),
                _ => None,
            },
            Self::Roles(roles) => roles.as_ref().err(),
            Self::Settings(reply) => reply.fault(),
            Self::Audit { page, .. } => page.as_ref().err(),
            Self::Verified(verdict) => verdict.as_ref().err(),
            Self::Pruned(gone) => gone.as_ref().err(),
            Self::Exported { written, .. } => written.as_ref().err(),
            Self::Overview(reply) => reply.fault(),
            Self::Backups(shown) => shown.as_ref().err(),
            Self::Health(reply) => reply.fault(),
            Self::BackupOn { .. } => None,
            Self::BackupEnded { done, .. } => done.as_ref().err(),
            Self::BackupsPruned(gone) => gone.as_ref().err(),
            Self::Metrics(reply) => reply.fault(),
            Self::Rules(reply) => reply.fault(),
            Self::Done { done, .. } => done.as_ref().err(),
        }
    }
}

/// The rule of this kind, if there is one.
#[must_use]
pub fn limit_of(rules: &[LimitRule], limited: Limited) -> Option<u32> {
    rules.iter().find(|rule| rule.limited == limited).map(|rule| rule.most)
}
