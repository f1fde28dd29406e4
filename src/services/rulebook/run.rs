//! One run of a rule: its plan is carried out as jobs of their own, which it waits for, and a report is written.
//!
//! The plan and what was begun of it are kept with the job after each step. So a process that takes over from one that was
//! killed goes on where that was, and begins nothing twice.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{
    Rulebook,
    due::back_off,
    plan::{Step, StepAct, gone},
};
use crate::{
    api::{
        Fault, FaultKind, JobId, amount,
        events::{Changed, Event},
        jobs::{JobProgress, JobState, RuleWork, Start, Work},
        rules::{Became, FAILURES_MAX, RuleRun, RunItem, RunReport, RunResult},
    },
    services::{
        conversations::now,
        jobs::{Attempt, Setback},
    },
    store::{
        StoreError, Tx,
        system::{Moment, audit, jobs, rules},
    },
};

/// Attempts of a job after which a run no longer waits for it: it goes on by itself.
const WAITS_FOR: u32 = 3;
/// Longest words of one item of a report, bytes.
const WORDS_MAX: usize = 400;

/// A run on its way, as it is kept with its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Way {
    steps: Vec<Step>,
    /// What became of them so far.
    come: Vec<Came>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Came {
    Ended(RunItem),
    /// A job of its own.
    Begun(JobId),
    /// One that was under way already: whoever began it wants it as well.
    Joined(JobId),
}

/// A step of a run, what came of it, and the row of its job.
type Looked = (Step, Option<Came>, Option<jobs::Kept>);

impl Rulebook {
    /// One attempt at what the rulebook does of the line's work.
    ///
    /// # Errors
    /// What went wrong, and whether it may go better later.
    pub async fn do_it(&self, attempt: &Attempt) -> Result<String, Setback> {
        match attempt.work.clone() {
            Work::Check => self.check_store(attempt).await,
            Work::Rule(work) => self.work(attempt, &work).await,
            other => Err(Setback::for_good(Fault::new(
                FaultKind::Internal,
                format!("“{other}” is no work of the rulebook."),
            ))),
        }
    }

    /// One attempt at a run.
    ///
    /// # Errors
    /// When nothing of it went well. What went wrong is in the report, and the rule itself says when it is tried again.
    pub async fn work(&self, attempt: &Attempt, work: &RuleWork) -> Result<String, Setback> {
        let run = self.run_by_job(attempt.id).await.map_err(Setback::for_good)?;
        if run.result != RunResult::Running {
            // Written before the process was killed that did it.
            return Ok(run.report.words);
        }
        let Some(kept) = self.kept_of(work.rule).await.map_err(again)? else { return Err(Setback::for_good(gone())) };
        let way = if let Some(way) = attempt.kept::<Way>() {
            Ok(way)
        } else {
            attempt.step("looking what is to be done");
            let steps = self.plan(&kept.rule, run.due_at, kept.seen.as_deref()).await;
            steps.map(|steps| Way { steps, come: Vec::new() })
        };
        let (result, report, changed) = match way {
            Err(why) => (RunResult::Failed, RunReport { words: why.message, items: Vec::new() }, false),
            Ok(way) if run.dry_run => {
                let (result, report) = self.would(attempt, &way.steps).await;
                (result, report, false)
            }
            Ok(way) => {
                let items = self.carry_out(attempt, way).await?;
                let changed = items.iter().any(|item| matches!(item.became, Became::Done | Became::UnderWay));
                let (result, report) = summed(items);
                (result, report, changed)
            }
        };
        self.close(&run, result, report.clone(), changed).await.map_err(again)?;
        match result {
            RunResult::Failed if !run.dry_run => {
                let why = report.items.iter().find(|item| item.became == Became::Failed);
                let words = why.map_or(report.words.clone(), |item| format!("{}: {}", item.what, item.words));
                Err(Setback::for_good(Fault::new(FaultKind::Internal, words)))
            }
            RunResult::Failed
            | RunResult::Running
            | RunResult::Done
            | RunResult::Nothing
            | RunResult::Partly
            | RunResult::Skipped
            | RunResult::Cancelled => Ok(report.words),
        }
    }

    /// What it would do, and what of that could not be done.
    async fn would(&self, attempt: &Attempt, steps: &[Step]) -> (RunResult, RunReport) {
        let mut items = Vec::new();
        for step in steps {
            let (became, words) = match &step.act {
                StepAct::Not { became, because } => (*became, because.clone()),
                StepAct::Tag { tag, .. } => (Became::Would, format!("would be tagged {tag}, where it is not")),
                StepAct::Work(work) => match attempt.check(work).await {
                    Ok(words) => (Became::Would, words),
                    Err(why) => (Became::Failed, why.message),
                },
            };
            items.push(item(&step.what, became, words));
        }
        let count = |became| items.iter().filter(|item| item.became == became).count();
        let (would, failed) = (count(Became::Would), count(Became::Failed));
        let words = match (would, failed) {
            (0, 0) => "Nothing is to be done.".to_owned(),
            (would, 0) => format!("Would do {would}."),
            (would, failed) => format!("Would do {would}; {failed} could not be done."),
        };
        let result = if would + failed == 0 { RunResult::Nothing } else { RunResult::Done };
        (result, RunReport { words, items })
    }

    async fn carry_out(&self, attempt: &Attempt, mut way: Way) -> Result<Vec<RunItem>, Setback> {
        for came in &way.come {
            match came {
                // The process that had begun it may be the one that was killed.
                Came::Begun(job) | Came::Joined(job) => attempt.take_up(*job),
                Came::Ended(_) => {}
            }
        }
        attempt.keep(way.clone()).await.map_err(again)?;
        while let Some(step) = way.steps.get(way.come.len()).cloned() {
            let came = match step.act {
                StepAct::Not { became, because } => Came::Ended(item(&step.what, became, because)),
                StepAct::Tag { models, tag } => Came::Ended(match self.0.world.tag(models, tag.clone()).await {
                    Ok(0) => item(&step.what, Became::Skipped, format!("it carries {tag}")),
                    Ok(_) => item(&step.what, Became::Done, format!("tagged {tag}")),
                    Err(why) => item(&step.what, Became::Failed, why.message),
                }),
                StepAct::Work(work) => match attempt.begin(work).await.map_err(again)? {
                    Start::Begun(job) => Came::Begun(job.id),
                    Start::UnderWay(job) => Came::Joined(job.id),
                    Start::Refused(why) => Came::Ended(item(&step.what, Became::Failed, why.message)),
                    Start::Would(words) => Came::Ended(item(&step.what, Became::Skipped, words)),
                },
            };
            way.come.push(came);
            attempt.keep(way.clone()).await.map_err(again)?;
        }
        self.wait_for(attempt, &way).await
    }

    /// Waits for the jobs of its own; tells how many are over.
    async fn wait_for(&self, attempt: &Attempt, way: &Way) -> Result<Vec<RunItem>, Setback> {
        loop {
            let (mut items, mut open) = (Vec::new(), 0);
            let mut at = String::new();
            for (step, came) in way.steps.iter().zip(&way.come) {
                match came {
                    Came::Ended(ended) => items.push(ended.clone()),
                    Came::Begun(id) | Came::Joined(id) => {
                        match self.came(attempt, &step.what, *id).await.map_err(again)? {
                            Ok(ended) => items.push(ended),
                            Err(progress) => {
                                open += 1;
                                if at.is_empty() {
                                    at = progress;
                                }
                            }
                        }
                    }
                }
            }
            if open == 0 {
                return Ok(items);
            }
            let of = way.steps.len();
            let step = if of > 1 { format!("{} of {of}, {at}", of - open) } else { at };
            attempt.tell(JobProgress { step, ..JobProgress::default() });
            sleep(attempt.look_every()).await;
        }
    }

    /// What became of a job of its own. `Err` = it goes on; what it is at.
    async fn came(&self, attempt: &Attempt, what: &str, id: JobId) -> Result<Result<RunItem, String>, Fault> {
        let Some(job) = attempt.look(id).await? else {
            return Ok(Ok(item(what, Became::Failed, "Its job is not there any more.")));
        };
        let error = job.error.as_ref().map(|error| error.message.clone());
        Ok(match (job.state, error) {
            (JobState::Done, _) => Ok(item(what, Became::Done, job.outcome.unwrap_or_else(|| "Done.".to_owned()))),
            (JobState::Failed, error) => {
                Ok(item(what, Became::Failed, error.unwrap_or_else(|| "It failed.".to_owned())))
            }
            (JobState::Cancelled | JobState::Interrupted, _) => {
                Ok(item(what, Became::Skipped, "Somebody cancelled it."))
            }
            (JobState::Paused, _) => Ok(item(what, Became::UnderWay, "Somebody paused it.")),
            // One whose process was killed is begun anew at once, however often that was: it has not failed.
            (JobState::Waiting, Some(error))
                if job.attempts >= WAITS_FOR && job.next_at.is_some_and(|at| at > now()) =>
            {
                Ok(item(what, Became::Failed, format!("{error} It is tried again by itself.")))
            }
            (JobState::Waiting | JobState::Running, _) => {
                let percent = job.progress.of.filter(|of| *of > 0).map(|of| job.progress.done.min(of) * 100 / of);
                Err(match percent {
                    Some(percent) => format!("{} {percent} %", job.work),
                    None => job.work.to_string(),
                })
            }
        })
    }

    /// The report of a run that was cancelled, with what became of the jobs that it had begun. `None` = some of those are
    /// still being stopped.
    pub(super) async fn cancelled(&self, run: JobId, words: &str) -> Result<Option<RunReport>, Fault> {
        let read = move |tx: &Tx<'_>| -> Result<Option<Vec<Looked>>, StoreError> {
            let kept = jobs::get(tx, run)?.and_then(|kept| kept.kept);
            let Some(way) = kept.and_then(|kept| serde_json::from_str::<Way>(&kept).ok()) else { return Ok(None) };
            let mut come = way.come.into_iter();
            let mut found = Vec::new();
            for step in way.steps {
                let came = come.next();
                let job = match &came {
                    Some(Came::Begun(id) | Came::Joined(id)) => jobs::get(tx, *id)?,
                    Some(Came::Ended(_)) | None => None,
                };
                found.push((step, came, job));
            }
            Ok(Some(found))
        };
        let Some(found) = self.0.system.read::<_, StoreError>(read).await? else {
            return Ok(Some(RunReport { words: words.to_owned(), items: Vec::new() }));
        };
        let (mut items, mut left, mut along, mut go_on) = (Vec::new(), Vec::new(), 0, 0);
        for (step, came, job) in found {
            let what = step.what.as_str();
            items.push(match (came, job.map(|kept| (kept.is_only_of(run), kept.job))) {
                (None, _) => item(what, Became::Skipped, "Not begun: the run was cancelled before."),
                (Some(Came::Ended(ended)), _) => ended,
                (Some(Came::Begun(_) | Came::Joined(_)), None) => {
                    item(what, Became::Failed, "Its job is not there any more.")
                }
                (Some(came @ (Came::Begun(_) | Came::Joined(_))), Some((is_ours, job))) => match job.state {
                    JobState::Done => item(what, Became::Done, job.outcome.unwrap_or_else(|| "Done.".to_owned())),
                    JobState::Failed => {
                        let why = job.error.map_or_else(|| "It failed.".to_owned(), |error| error.message);
                        item(what, Became::Failed, why)
                    }
                    JobState::Cancelled | JobState::Interrupted => {
                        along += 1;
                        item(what, Became::Skipped, "Cancelled with the run.")
                    }
                    JobState::Waiting | JobState::Running | JobState::Paused if is_ours => return Ok(None),
                    JobState::Waiting | JobState::Running | JobState::Paused => {
                        go_on += 1;
                        left.extend(matches!(came, Came::Joined(_)).then_some(job.id));
                        item(what, Became::UnderWay, "It goes on: somebody else asked for it as well.")
                    }
                },
            });
        }
        if !left.is_empty() {
            let write = move |tx: &Tx<'_>| left.iter().try_for_each(|id| jobs::asked(tx, *id, false));
            self.0.system.write::<_, StoreError>(write).await?;
        }
        let mut words = words.to_owned();
        if along > 0 {
            let _ = write!(words, " With it {} that it had begun.", amount::many(along, "job"));
        }
        if go_on > 0 {
            let goes = if go_on == 1 { "goes" } else { "go" };
            let _ = write!(words, " {go_on} of its jobs {goes} on, because others asked for the same.");
        }
        Ok(Some(RunReport { words, items }))
    }

    /// Writes how a run ended: the history, what it leaves on the rule, and the trail where it changed something. All or
    /// nothing.
    pub(super) async fn close(
        &self,
        run: &RuleRun,
        result: RunResult,
        report: RunReport,
        changed: bool,
    ) -> Result<(), Fault> {
        let (now, run) = (self.now(), run.clone());
        let paused = self
            .0
            .system
            .write::<_, StoreError>(move |tx| {
                if !rules::end(tx, run.job, result, &report, now)? {
                    return Ok(None);
                }
                let Some(kept) = rules::get(tx, run.rule, now)? else { return Ok(None) };
                let rule = kept.rule;
                if run.dry_run {
                    return Ok(None);
                }
                let moment = Moment::here();
                if changed || result.is_failure() {
                    let ended = if result.is_failure() { "failed" } else { "ok" };
                    let target = format!("{}: {}", rule.name, report.words);
                    let account = jobs::get(tx, run.job)?.and_then(|kept| kept.job.account);
                    audit::append(tx, &moment, account, "rules.run", &target, ended)?;
                }
                // By hand, somebody is there who sees how it goes.
                if run.due_at.is_none() && result.is_failure() {
                    return Ok(None);
                }
                let left = left(rule.paused_because.as_ref(), rule.failures, run.due_at, result, &report, now);
                rules::leave(tx, run.rule, &left)?;
                if rule.paused_because.is_none() && left.paused_because.is_some() {
                    audit::append(tx, &moment, None, "rules.pause", &rule.name, "ok")?;
                    return Ok(left.paused_because.map(|because| (rule.name, because)));
                }
                Ok(None)
            })
            .await?;
        if let Some((name, because)) = paused {
            tracing::warn!("a rule was paused, because it failed again and again");
            self.tell_of_pause(&name, &because).await;
        }
        self.changed();
        Ok(())
    }

    /// To those who can do something about it.
    async fn tell_of_pause(&self, name: &str, because: &str) {
        let now = self.now();
        let Ok(listeners) = self.0.system.read::<_, StoreError>(move |tx| jobs::listeners(tx, now)).await else {
            return;
        };
        let told = Fault::new(FaultKind::Conflict, format!("The rule {name} is paused: {because}"))
            .hint("Admin, Rules shows its history; switch it on again when the reason is gone.");
        for account in listeners {
            self.0.hub.hint(account, &Event::Notice(told.clone()));
            self.0.hub.changed(account, Changed::House);
        }
    }
}

/// What a run leaves on its rule.
fn left(
    paused: Option<&String>,
    failures: u32,
    due_at: Option<i64>,
    result: RunResult,
    report: &RunReport,
    now: i64,
) -> rules::Left {
    if !result.is_failure() {
        // Cancelled or skipped, it has neither failed nor gone well.
        let failures = match result {
            RunResult::Done | RunResult::Nothing => 0,
            RunResult::Running | RunResult::Partly | RunResult::Failed | RunResult::Skipped | RunResult::Cancelled => {
                failures
            }
        };
        return rules::Left { failures, again: None, paused_because: paused.cloned() };
    }
    let failures = failures.saturating_add(1);
    let why = report.items.iter().find(|item| item.became == Became::Failed);
    let why = why.map_or(&report.words, |item| &item.words);
    let paused_because = (failures >= FAILURES_MAX).then(|| format!("it failed {failures} times in a row. {why}"));
    let again = due_at.map(|due| (due, now.saturating_add(back_off(failures)))).filter(|_| paused_because.is_none());
    rules::Left { failures, again, paused_because }
}

fn summed(items: Vec<RunItem>) -> (RunResult, RunReport) {
    let count = |became| items.iter().filter(|item| item.became == became).count();
    let (done, failed, open) = (count(Became::Done), count(Became::Failed), count(Became::UnderWay));
    let (would, skipped) = (count(Became::Would), count(Became::Skipped));
    let mut parts = Vec::new();
    for (number, word) in
        [(done, "done"), (failed, "failed"), (open, "under way"), (would, "named only"), (skipped, "skipped")]
    {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    let words = if parts.is_empty() { "Nothing was to be done.".to_owned() } else { format!("{}.", parts.join(", ")) };
    let result = match (done + open, failed) {
        (0, 0) if would > 0 => RunResult::Done,
        (0, 0) => RunResult::Nothing,
        (_, 0) => RunResult::Done,
        (0, _) => RunResult::Failed,
        (_, _) => RunResult::Partly,
    };
    (result, RunReport { words, items })
}

fn item(what: &str, became: Became, words: impl Into<String>) -> RunItem {
    RunItem { what: what.to_owned(), became, words: short(words.into()) }
}

/// Words that two hundred of can be kept with a job twice: in the plan, and in what became of it.
pub(super) fn short(mut words: String) -> String {
    words.truncate(words.floor_char_boundary(WORDS_MAX));
    words
}

/// The tables are busy or full: the line tries the whole run again.
fn again(why: Fault) -> Setback {
    Setback::for_now(why, false)
}
