//! The rules of the house: what is done by itself, and when.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault, JobId, RuleId,
        auth::Session,
        rules::{NewRule, Rule, RuleRun, RuleRuns},
    },
};

const LIST: Op = Op {
    name: "rules.list",
    permission: Permission::ManageRoles,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(30),
    fresh: false,
};
const DETAIL: Op = Op { name: "rules.detail", ..LIST };
const HISTORY: Op = Op { name: "rules.history", ..LIST };
const REPORT: Op = Op { name: "rules.report", ..LIST };
// What is written in it is looked up at Ollama's, which may be slow to answer.
const ADD: Op = Op { name: "rules.set_up", class: Class::Admin, deadline: Duration::from_mins(1), ..LIST };
const CHANGE: Op = Op { name: "rules.change", ..ADD };
const SWITCH: Op = Op { name: "rules.switch", ..ADD };
const REMOVE: Op = Op { name: "rules.remove", ..ADD };
const RUN: Op = Op { name: "rules.run", ..ADD };
/// Counted by OS user: what is due runs by itself as soon as that user opens a window, and they may as well say so to cron.
const RUN_DUE: Op = Op { name: "rules.run_due", permission: Permission::SeeHealth, ..ADD };

impl Gateway {
    /// By name, each with its last run and its next.
    pub async fn rules(&self, session: &Session) -> Result<Vec<Rule>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.rules.list(by)).await
    }

    pub async fn rule(&self, session: &Session, id: RuleId) -> Result<Rule, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DETAIL, |by| self.0.rules.one(by, id)).await
    }

    pub async fn add_rule(&self, session: &Session, new: NewRule) -> Result<Rule, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ADD, |by| self.0.rules.add(by, new)).await
    }

    /// Puts other words in the place of the old ones. What failed before is forgotten.
    pub async fn change_rule(&self, session: &Session, id: RuleId, new: NewRule) -> Result<Rule, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CHANGE, |by| self.0.rules.change(by, id, new)).await
    }

    /// On or off; on again, what it was paused for is forgotten.
    pub async fn switch_rule(&self, session: &Session, id: RuleId, on: bool) -> Result<Rule, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &SWITCH, |by| self.0.rules.switch(by, id, on)).await
    }

    /// With its history.
    pub async fn remove_rule(&self, session: &Session, id: RuleId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REMOVE, |by| self.0.rules.remove(by, id)).await
    }

    /// Runs it now, whatever the clock says. Gives its job, whose news tell how it goes; `rule_report` what came of it.
    pub async fn run_rule(&self, session: &Session, id: RuleId, dry_run: bool) -> Result<JobId, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &RUN, async |by| {
                let job = self.0.rules.begin(by, id, dry_run).await?;
                self.0.jobs.take_up_these([job]);
                Ok(job)
            })
            .await
    }

    /// The run that this job is, as far as it has come.
    pub async fn rule_report(&self, session: &Session, job: JobId) -> Result<RuleRun, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REPORT, |by| self.0.rules.run_of(by, job)).await
    }

    /// What a rule did, newest first, from before the row `before` on; `None` = of all rules. `limit` 1–100.
    pub async fn rule_runs(
        &self,
        session: &Session,
        rule: Option<RuleId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<RuleRuns, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &HISTORY, |by| self.0.rules.runs(by, rule, before, limit)).await
    }

    /// Begins what is due, without anybody being signed in: administrators have set it up. Tells of each run when it has
    /// ended; the end of it all is the end of the channel.
    pub async fn run_due_rules(&self) -> Result<mpsc::Receiver<RuleRun>, Fault> {
        self.0
            .gate
            .knock(&RUN_DUE, async |by| {
                let jobs = self.0.rules.run_due(by).await?;
                self.0.jobs.take_up_these(jobs.iter().copied());
                Ok(self.0.rules.ends(jobs))
            })
            .await
    }
}
