//! The rules of the house: work that is done by itself, at times or when something happens.
//!
//! `due` decides without IO when, `look` takes what is due, `plan` finds out what is to be done, `run` has it done and
//! writes the report. Each run is a job of the machine's line, and what it does are jobs of their own there.
//!
//! Invariants: a due moment is taken in one transaction with the run and the job that come of it, so it is run once
//! whatever the number of processes; a dry run begins nothing; a rule never does what a person's vault is needed for.

pub mod due;
mod look;
mod plan;
mod run;
mod store_check;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;

use super::hub::Hub;
use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind, JobId, RuleId,
        admin::Permission,
        jobs::{RuleWork, Work},
        models::Model,
        rules::{self as api, ActionKind, NewRule, RULES_MAX, RUNS_PAGE_MAX, Rule, RuleRun, RuleRuns},
        updates::UpdateCheck,
    },
    store::{
        Db, StoreError, Tx,
        system::{Moment, audit, jobs, roles, rules},
    },
    tasks::Tasks,
};

/// What a rule asks of the rest of the program.
pub trait World: fmt::Debug + Send + Sync {
    /// The models in memory, each with when it leaves it, as Ollama says.
    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, Fault>>;

    fn installed(&self) -> BoxFuture<'_, Result<Vec<Model>, Fault>>;

    /// The installed models that fit what may be typed over the list of models: as compared, and as shown.
    fn fitting<'a>(&'a self, filter: &'a str) -> BoxFuture<'a, Result<Vec<(String, String)>, Fault>>;

    /// Gives models a tag that do not carry it; says how many.
    fn tag(&self, models: Vec<(String, String)>, tag: String) -> BoxFuture<'_, Result<usize, Fault>>;

    /// Asks the registries.
    fn updates(&self, models: Vec<String>) -> BoxFuture<'_, Result<Vec<UpdateCheck>, Fault>>;

    /// Reads a list of models.
    fn list<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Vec<Work>, Fault>>;
}

/// Tells the time, milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the service is made of.
pub struct Parts {
    pub system: Db,
    pub hub: Hub,
    pub tasks: Tasks,
    /// Where processes keep the locks that say what they are at.
    pub leases: PathBuf,
    /// Any directory on the disk that holds the data.
    pub data: PathBuf,
    pub world: Arc<dyn World>,
    pub clock: Clock,
    pub zone: TimeZone,
    /// How often it is looked whether something is due, at least.
    pub look: Duration,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("data", &self.data).field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl Parts {
    /// How often a window looks, where nothing else says that something is due.
    pub const LOOK: Duration = Duration::from_mins(1);

    #[must_use]
    pub fn clock() -> Clock {
        Arc::new(Moment::clock)
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rulebook(Arc<Parts>);

impl Rulebook {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    /// All of them, by name, each with its last run and its next.
    pub async fn list(&self, _by: Caller<Admin>) -> Result<Vec<Rule>, Fault> {
        let now = self.now();
        let all = self.0.system.read::<_, StoreError>(move |tx| rules::all(tx, now)).await?;
        Ok(all.into_iter().map(|kept| self.shown(kept, now)).collect())
    }

    pub async fn one(&self, _by: Caller<Admin>, id: RuleId) -> Result<Rule, Fault> {
        let now = self.now();
        Ok(self.shown(self.kept(id).await?, now))
    }

    /// The history of one rule, or of all. Newest first.
    pub async fn runs(
        &self,
        _by: Caller<Admin>,
        rule: Option<RuleId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<RuleRuns, Fault> {
        if !(1..=RUNS_PAGE_MAX).contains(&limit) {
            return Err(Fault::invalid(format!("A page holds 1 to {RUNS_PAGE_MAX} rows, not {limit}.")));
        }
        let mut rows = self.0.system.read::<_, StoreError>(move |tx| rules::runs(tx, rule, before, limit)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|last| last.seq);
        Ok(RuleRuns { rows, next })
    }

    /// The run that this job is.
    pub async fn run_of(&self, _by: Caller<Admin>, job: JobId) -> Result<RuleRun, Fault> {
        // It may have been cancelled, or given up, before it could write a report.
        self.note_the_ended().await?;
        self.run_by_job(job).await
    }

    pub async fn add(&self, by: Caller<Admin>, new: NewRule) -> Result<Rule, Fault> {
        api::check(&new)?;
        self.check_action(&new).await?;
        let (id, now, account) = (RuleId::new(), self.now(), by.account);
        self.0
            .system
            .write::<_, Fault>(move |tx| {
                may_have(tx, account, &new)?;
                if rules::count(tx)? >= RULES_MAX {
                    return Err(Fault::invalid(format!("There can be at most {RULES_MAX} rules."))
                        .hint("Remove one that is not needed any more."));
                }
                free_name(tx, &new.name, None)?;
                rules::insert(tx, id, &new, Some(account), now)?;
                let told = format!("{}: {}, {}", new.name.trim(), new.action, new.when);
                Ok(audit::append(tx, &Moment::here(), Some(account), "rules.add", &told, "ok")?)
            })
            .await?;
        self.changed();
        Ok(self.shown(self.kept(id).await?, now))
    }

    pub async fn change(&self, by: Caller<Admin>, id: RuleId, new: NewRule) -> Result<Rule, Fault> {
        api::check(&new)?;
        self.check_action(&new).await?;
        let (now, account) = (self.now(), by.account);
        self.0
            .system
            .write::<_, Fault>(move |tx| {
                let before = rules::get(tx, id, now)?.ok_or_else(missing)?.rule;
                may_have(tx, account, &new)?;
                free_name(tx, &new.name, Some(id))?;
                rules::change(tx, id, &new, now)?;
                let told = format!("{} → {}: {}, {}", before.name, new.name.trim(), new.action, new.when);
                Ok(audit::append(tx, &Moment::here(), Some(account), "rules.change", &told, "ok")?)
            })
            .await?;
        self.changed();
        Ok(self.shown(self.kept(id).await?, now))
    }

    /// On or off. On again, a paused one begins anew.
    pub async fn switch(&self, by: Caller<Admin>, id: RuleId, on: bool) -> Result<Rule, Fault> {
        let (now, account) = (self.now(), by.account);
        self.0
            .system
            .write::<_, Fault>(move |tx| {
                let rule = rules::get(tx, id, now)?.ok_or_else(missing)?.rule;
                if on {
                    may(tx, account, rule.action.kind())?;
                }
                rules::switch(tx, id, on, now)?;
                let action = if on { "rules.enable" } else { "rules.disable" };
                Ok(audit::append(tx, &Moment::here(), Some(account), action, &rule.name, "ok")?)
            })
            .await?;
        self.changed();
        Ok(self.shown(self.kept(id).await?, now))
    }

    /// With its history.
    pub async fn remove(&self, by: Caller<Admin>, id: RuleId) -> Result<(), Fault> {
        let (now, account) = (self.now(), by.account);
        self.0
            .system
            .write::<_, Fault>(move |tx| {
                let rule = rules::get(tx, id, now)?.ok_or_else(missing)?.rule;
                rules::remove(tx, id)?;
                Ok(audit::append(tx, &Moment::here(), Some(account), "rules.remove", &rule.name, "ok")?)
            })
            .await?;
        self.changed();
        Ok(())
    }

    /// Puts a run of it in line now, whatever the clock says. Gives its job.
    pub async fn begin(&self, by: Caller<Admin>, id: RuleId, dry_run: bool) -> Result<JobId, Fault> {
        let (now, account, job) = (self.now(), by.account, JobId::new());
        self.0
            .system
            .write::<_, Fault>(move |tx| {
                let kept = rules::get(tx, id, now)?.ok_or_else(missing)?;
                if !dry_run {
                    may(tx, account, kept.rule.action.kind())?;
                }
                if kept.runs {
                    return Err(Fault::new(FaultKind::Conflict, format!("{} is running already.", kept.rule.name))
                        .hint("Wait until it has ended, or cancel its job."));
                }
                let begun = rules::Begun {
                    rule: id,
                    job,
                    at: now,
                    due_at: None,
                    again: false,
                    account: Some(account),
                    dry_run,
                };
                rules::begin(tx, &begun)?;
                let work = Work::Rule(RuleWork { rule: id, name: kept.rule.name, dry_run });
                Ok(jobs::insert(tx, job, &work, Some(account), now)?)
            })
            .await?;
        Ok(job)
    }

    async fn kept(&self, id: RuleId) -> Result<rules::Kept, Fault> {
        let now = self.now();
        self.0.system.read::<_, StoreError>(move |tx| rules::get(tx, id, now)).await?.ok_or_else(missing)
    }

    async fn run_by_job(&self, job: JobId) -> Result<RuleRun, Fault> {
        let found = self.0.system.read::<_, StoreError>(move |tx| rules::run_of(tx, job)).await?;
        found.ok_or_else(|| Fault::not_found("run"))
    }

    /// What can only be found out by asking: that a filter can be read, and a list.
    async fn check_action(&self, new: &NewRule) -> Result<(), Fault> {
        match &new.action {
            api::Action::Tag { filter, .. } => self.0.world.fitting(filter).await.map(drop).or_else(unless_wrong),
            api::Action::Apply { list } => self.0.world.list(list).await.map(drop),
            api::Action::Unload { .. }
            | api::Action::Update { .. }
            | api::Action::Backup
            | api::Action::PruneBackups
            | api::Action::Check
            | api::Action::RemoveUnused { .. }
            | api::Action::Benchmark { .. } => Ok(()),
        }
    }

    fn shown(&self, kept: rules::Kept, now: i64) -> Rule {
        let is_backup = kept.rule.action.kind() == ActionKind::Backup;
        let next_at = due::next_at(&kept, is_backup, now, &self.0.zone);
        Rule { next_at, ..kept.rule }
    }

    fn changed(&self) {
        self.0.hub.changed_for_everyone(crate::api::events::Changed::House);
    }
}

/// An Ollama that is away says nothing against a rule.
fn unless_wrong(why: Fault) -> Result<(), Fault> {
    if why.kind == FaultKind::Invalid { Err(why) } else { Ok(()) }
}

fn missing() -> Fault {
    Fault::not_found("rule").hint("`ollamanet rules list` shows their names.")
}

fn may_have(tx: &Tx<'_>, account: AccountId, new: &NewRule) -> Result<(), Fault> {
    may(tx, account, new.action.kind())
}

/// Nobody has a rule do what they may not do themselves.
fn may(tx: &Tx<'_>, account: AccountId, kind: ActionKind) -> Result<(), Fault> {
    if !kind.is_about_models() || roles::of_account(tx, account)?.may(Permission::ManageModels) {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Denied, "Your role does not let you manage models, so no rule of yours may.")
        .hint("Ask an administrator who may."))
}

fn free_name(tx: &Tx<'_>, name: &str, but: Option<RuleId>) -> Result<(), Fault> {
    match rules::named(tx, name)? {
        Some(there) if Some(there) != but => {
            Err(Fault::new(FaultKind::Conflict, format!("There is a rule named {} already.", name.trim()))
                .hint("Choose another name, or change that one."))
        }
        Some(_) | None => Ok(()),
    }
}
