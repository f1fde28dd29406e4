//! The calls about the rules of the house.

use std::time::Duration;

use super::Hands;
use crate::{
    api::{
        Fault, JobId,
        auth::Session,
        rules::{RUNS_PAGE_MAX, RuleRun, RunResult},
    },
    ui::msg::{RulesCall, RulesReply},
};

/// How often it is looked whether a dry run has ended.
const LOOK: Duration = Duration::from_millis(100);

impl Hands {
    pub(super) async fn rules(&self, session: &Session, call: RulesCall) -> RulesReply {
        let gateway = &self.gateway;
        match &call {
            RulesCall::Read => RulesReply::Read(gateway.rules(session).await),
            RulesCall::Save { id, new } => {
                let rule = match id {
                    None => gateway.add_rule(session, new.clone()).await,
                    Some(id) => gateway.change_rule(session, *id, new.clone()).await,
                };
                RulesReply::Saved { rule: rule.map(Box::new), call }
            }
            RulesCall::Switch { id, on, .. } => {
                let rule = gateway.switch_rule(session, *id, *on).await;
                RulesReply::Switched { rule: rule.map(Box::new), call }
            }
            RulesCall::Remove { id, .. } => {
                let done = gateway.remove_rule(session, *id).await;
                RulesReply::Removed { done, call }
            }
            RulesCall::Run { id, dry, .. } => {
                let run = match gateway.run_rule(session, *id, *dry).await {
                    Ok(job) if *dry => self.until_run(session, job).await.map(|run| Some(Box::new(run))),
                    Ok(_) => Ok(None),
                    Err(fault) => Err(fault),
                };
                RulesReply::Ran { run, call }
            }
            RulesCall::History { id, .. } => {
                let runs = gateway.rule_runs(session, Some(*id), None, RUNS_PAGE_MAX).await;
                RulesReply::History { runs, call }
            }
        }
    }

    async fn until_run(&self, session: &Session, job: JobId) -> Result<RuleRun, Fault> {
        loop {
            let run = self.gateway.rule_report(session, job).await?;
            if run.result != RunResult::Running {
                return Ok(run);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
