//! Which service does which work of the line, and whom a rule asks. Only passes on; nothing is decided here.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    api::{
        Fault,
        jobs::{Work, WorkKind},
        models::Model,
        updates::UpdateCheck,
    },
    services::{
        backups::Backups,
        jobs::{Attempt, Runner, Setback},
        model_work::ModelWork,
        models::Models,
        rulebook::{Rulebook, World},
    },
};

/// Everybody who does work of the line.
#[derive(Debug)]
pub(super) struct Hands {
    pub models: Arc<ModelWork>,
    pub backups: Backups,
    pub rules: Rulebook,
}

impl Runner for Hands {
    fn check<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<String, Fault>> {
        match work.kind() {
            WorkKind::Backup | WorkKind::VerifyBackup | WorkKind::PruneBackups => self.backups.check(work).boxed(),
            WorkKind::Check | WorkKind::Rule => async { Ok("would be done".to_owned()) }.boxed(),
            WorkKind::Install
            | WorkKind::Update
            | WorkKind::Remove
            | WorkKind::Copy
            | WorkKind::Rename
            | WorkKind::Create
            | WorkKind::Push
            | WorkKind::Load
            | WorkKind::Unload
            | WorkKind::Benchmark => self.models.check(work),
        }
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        match attempt.work.clone() {
            Work::Backup { .. } | Work::VerifyBackup { .. } | Work::PruneBackups => {
                async move { self.backups.work(&attempt).await }.boxed()
            }
            Work::Check => async move { self.rules.check_store(&attempt).await }.boxed(),
            Work::Rule(work) => async move { self.rules.work(&attempt, &work).await }.boxed(),
            Work::Install(_)
            | Work::Update(_)
            | Work::Remove { .. }
            | Work::Copy { .. }
            | Work::Rename { .. }
            | Work::Create(_)
            | Work::Push { .. }
            | Work::Load { .. }
            | Work::Unload { .. }
            | Work::Benchmark { .. } => self.models.run(attempt),
        }
    }

    fn deadline(&self, work: &Work) -> Option<Duration> {
        self.models.deadline(work)
    }
}

/// What a rule asks of the rest.
#[derive(Debug)]
pub(super) struct WhatRulesAsk {
    pub models: Arc<Models>,
    pub work: Arc<ModelWork>,
}

impl World for WhatRulesAsk {
    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, Fault>> {
        self.models.in_memory().boxed()
    }

    fn installed(&self) -> BoxFuture<'_, Result<Vec<Model>, Fault>> {
        self.models.installed().boxed()
    }

    fn fitting<'a>(&'a self, filter: &'a str) -> BoxFuture<'a, Result<Vec<(String, String)>, Fault>> {
        self.models.fitting(filter).boxed()
    }

    fn tag(&self, models: Vec<(String, String)>, tag: String) -> BoxFuture<'_, Result<usize, Fault>> {
        async move { self.models.tag_by_rule(models, &tag).await }.boxed()
    }

    fn updates(&self, models: Vec<String>) -> BoxFuture<'_, Result<Vec<UpdateCheck>, Fault>> {
        self.work.updates(models, false).boxed()
    }

    fn list<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Vec<Work>, Fault>> {
        self.work.list_at(path).boxed()
    }
}
