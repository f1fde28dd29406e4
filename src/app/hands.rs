//! Which service does which work of the line, and whom a rule asks. Only passes on; nothing is decided here.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    api::{
        Fault, FaultKind,
        jobs::{Doer, Work},
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
        match work.kind().doer() {
            Doer::Models => self.models.check(work),
            Doer::Backups => self.backups.check(work).boxed(),
            Doer::Rules => async { Ok("would be done".to_owned()) }.boxed(),
            Doer::Owner => async move { Err(not_the_machines(work)) }.boxed(),
        }
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        match attempt.work.kind().doer() {
            Doer::Models => self.models.run(attempt),
            Doer::Backups => async move { self.backups.work(&attempt).await }.boxed(),
            Doer::Rules => async move { self.rules.do_it(&attempt).await }.boxed(),
            Doer::Owner => async move { Err(Setback::for_good(not_the_machines(&attempt.work))) }.boxed(),
        }
    }

    fn deadline(&self, work: &Work) -> Option<Duration> {
        self.models.deadline(work)
    }
}

/// It needs its owner's key, which no line of the machine has.
fn not_the_machines(work: &Work) -> Fault {
    Fault::new(FaultKind::Internal, format!("“{}” is work on a vault, not of the machine.", work.kind().words()))
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
