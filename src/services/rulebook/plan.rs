//! What a rule would do at this moment: for each model or backup the work, or why there is none. It only asks; so a dry run
//! is a plan that nobody carries out.

use serde::{Deserialize, Serialize};

use super::{Rulebook, due::ago, look::Resting, run::short};
use crate::{
    api::{
        Fault, FaultKind, amount,
        jobs::{Download, PAGE_MAX, Work},
        models::Model,
        rules::{Action, Became, Models, Rule, When},
        updates::{ASKED_MAX, Standing, UpdateCheck},
    },
    ollama::name::{key, same_model},
    store::{
        StoreError, Tx,
        system::{clock, rules, usage_sums},
    },
};

/// One thing that is to be done, or why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    /// What it is about.
    pub what: String,
    pub act: StepAct,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum StepAct {
    Work(Work),
    /// Models by the name that is compared and the one to show.
    Tag {
        models: Vec<(String, String)>,
        tag: String,
    },
    Not {
        became: Became,
        because: String,
    },
}

impl Step {
    fn work(work: Work) -> Self {
        let what = if work.model().is_empty() { work.to_string() } else { work.model().to_owned() };
        Self { what, act: StepAct::Work(work) }
    }

    fn skip(what: impl Into<String>, because: impl Into<String>) -> Self {
        Self { what: what.into(), act: StepAct::Not { became: Became::Skipped, because: short(because.into()) } }
    }
}

impl Rulebook {
    /// # Errors
    /// What it is about cannot be found out: Ollama is away, a file cannot be read.
    pub(super) async fn plan(&self, rule: &Rule, due_at: Option<i64>, seen: Option<&str>) -> Result<Vec<Step>, Fault> {
        if rule.when == When::UpdateAvailable && !matches!(rule.action, Action::Update { .. }) {
            let updates = self.updates_of(self.chosen(&Models::All).await?).await?;
            if !updates.iter().any(|check| check.standing == Standing::Available) {
                return Ok(Vec::new());
            }
        }
        let mut steps = match &rule.action {
            Action::Unload { minutes } => self.to_unload(*minutes, seen).await?,
            Action::Update { models } => self.to_update(models).await?,
            Action::Apply { list } => self.to_apply(list).await?,
            Action::Tag { filter, tag } => {
                let models = self.0.world.fitting(filter).await?;
                let step = |(key, name): (String, String)| {
                    let what = name.clone();
                    Step { what, act: StepAct::Tag { models: vec![(key, name)], tag: tag.clone() } }
                };
                models.into_iter().map(step).collect()
            }
            // By hand it is one as well that is checked, and after which old ones are pruned.
            Action::Backup => vec![Step::work(Work::Backup { since: Some(due_at.unwrap_or_else(|| self.now())) })],
            Action::PruneBackups => vec![Step::work(Work::PruneBackups)],
            Action::Check => vec![Step::work(Work::Check)],
            Action::RemoveUnused { days, for_real } => self.to_remove(*days, *for_real).await?,
            Action::Benchmark { models, repeats } => {
                let here = self.chosen(models).await?;
                let measured = |model: &Model| {
                    if model.capabilities.is_empty() || model.capabilities.iter().any(|can| can == "completion") {
                        Step::work(Work::Benchmark { model: model.name.clone(), repeats: *repeats })
                    } else {
                        Step::skip(&model.name, "one cannot chat with it")
                    }
                };
                here.iter().map(measured).collect()
            }
        };
        if steps.len() > PAGE_MAX as usize {
            let left = steps.split_off(PAGE_MAX as usize - 1).len();
            steps.push(Step::skip(format!("{left} more"), "more than are worked on in one run"));
        }
        Ok(steps)
    }

    /// The installed models that are meant.
    async fn chosen(&self, models: &Models) -> Result<Vec<Model>, Fault> {
        let mut here: Vec<Model> = self.0.world.installed().await?.into_iter().filter(|model| !model.remote).collect();
        match models {
            Models::All => {}
            Models::Named(pattern) => here.retain(|model| fits(pattern, &model.name)),
            Models::Tagged(tag) => {
                let filter = format!("tag:\"{}\" installed:yes", tag.replace('"', ""));
                let tagged = self.0.world.fitting(&filter).await?;
                here.retain(|model| tagged.iter().any(|(_, name)| same_model(name, &model.name)));
            }
        }
        Ok(here)
    }

    async fn to_unload(&self, minutes: u32, seen: Option<&str>) -> Result<Vec<Step>, Fault> {
        let now = self.now();
        let loaded = self.0.world.loaded().await?;
        let known: Resting = seen.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let resting = known.after(&loaded, now);
        let used = self.last_used().await?;
        let since = ago(now, minutes);
        let step = |(name, (_, rests_since)): (&String, &(String, i64))| {
            let answered = used.iter().any(|(key, at)| same_model(key, name) && *at > since);
            if *rests_since > since {
                Step::skip(name, format!("in use within the last {minutes} min, as far as was seen"))
            } else if answered {
                Step::skip(name, format!("it answered within the last {minutes} min"))
            } else {
                Step::work(Work::Unload { model: name.clone() })
            }
        };
        Ok(resting.0.iter().map(step).collect())
    }

    async fn to_update(&self, models: &Models) -> Result<Vec<Step>, Fault> {
        let checks = self.updates_of(self.chosen(models).await?).await?;
        let step = |check: UpdateCheck| match check.standing {
            Standing::Available => Step::work(Work::Update(Download {
                foreign: crate::api::jobs::registry_of(&check.model).is_some(),
                model: check.model,
                insecure: false,
                bytes: check.bytes,
            })),
            // What may have been made here under the same name is not written over by a rule.
            Standing::Maybe | Standing::UpToDate | Standing::Unknown => Step::skip(check.model, check.because),
        };
        Ok(checks.into_iter().map(step).collect())
    }

    /// What the registries have of these, asked about no more at once than may be.
    async fn updates_of(&self, models: Vec<Model>) -> Result<Vec<UpdateCheck>, Fault> {
        let names: Vec<String> = models.into_iter().map(|model| model.name).collect();
        let mut checks = Vec::with_capacity(names.len());
        for some in names.chunks(ASKED_MAX) {
            checks.extend(self.0.world.updates(some.to_vec()).await?);
        }
        Ok(checks)
    }

    async fn to_apply(&self, list: &std::path::Path) -> Result<Vec<Step>, Fault> {
        let (works, here) = (self.0.world.list(list).await?, self.0.world.installed().await?);
        let step = |work: Work| match &work {
            Work::Install(download) if here.iter().any(|model| same_model(&model.name, &download.model)) => {
                Step::skip(work.model(), "it is installed")
            }
            // Nobody is there to be asked.
            Work::Remove { model, .. } => Step::skip(model, "a rule removes nothing that a list names"),
            _ => Step::work(work),
        };
        Ok(works.into_iter().map(step).collect())
    }

    async fn to_remove(&self, days: u32, for_real: bool) -> Result<Vec<Step>, Fault> {
        let now = self.now();
        // By a clock that has just leapt ahead, everything is unused for long.
        if for_real && !self.0.system.write::<_, StoreError>(move |tx| clock::may_forget(tx, now)).await? {
            let words = "The clock has leapt ahead, or nobody was here for over a week: nothing is removed before a day has passed.";
            return Err(Fault::new(FaultKind::Conflict, words)
                .hint("See whether the clock is right: `ollamanet health`. The rule is tried again."));
        }
        let since = ago(now, days.saturating_mul(24 * 60));
        let (here, used) = (self.0.world.installed().await?, self.last_used().await?);
        let loaded = self.0.world.loaded().await?;
        let step = |model: &Model| {
            let last = used.iter().filter(|(key, _)| same_model(key, &model.name)).map(|(_, at)| *at).max();
            // One that was installed a week ago and never used is unused for a week.
            let came = model.modified_at.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
            match came {
                _ if model.remote => Step::skip(&model.name, "it runs at ollama.com and takes no room here"),
                _ if loaded.iter().any(|(name, _)| same_model(name, &model.name)) => {
                    Step::skip(&model.name, "it is in memory")
                }
                Err(_) => Step::skip(&model.name, "when it was installed cannot be told"),
                Ok(came) if last.unwrap_or(came).max(came) > since => {
                    Step::skip(&model.name, format!("used or installed within {}", amount::many(days, "day")))
                }
                Ok(_) if for_real => Step::work(Work::Remove { model: model.name.clone(), forget: false }),
                Ok(_) => {
                    let because = format!("unused for {}; this rule only names it", amount::many(days, "day"));
                    Step { what: model.name.clone(), act: StepAct::Not { became: Became::Would, because } }
                }
            }
        };
        Ok(here.iter().map(step).collect())
    }

    /// When each model answered last, for whomever. Nothing of it is told.
    async fn last_used(&self) -> Result<Vec<(String, i64)>, Fault> {
        let read = |tx: &Tx<'_>| usage_sums::by_model(tx, None, i64::MIN);
        let sums = self.0.system.read::<_, StoreError>(read).await?;
        Ok(sums.into_iter().map(|(model, sums)| (key(&model), sums.last_at)).collect())
    }

    pub(super) async fn kept_of(&self, id: crate::api::RuleId) -> Result<Option<rules::Kept>, Fault> {
        let now = self.now();
        Ok(self.0.system.read::<_, StoreError>(move |tx| rules::get(tx, id, now)).await?)
    }
}

/// The rule is gone.
pub(super) fn gone() -> Fault {
    Fault::new(FaultKind::NotFound, "The rule was removed in the meantime.")
}

/// `*` stands for anything, `?` for one character; without regard to case. A name without a tag means its `latest`.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.trim().to_lowercase().chars().collect();
    let is_like = |name: &str| {
        let name: Vec<char> = name.to_lowercase().chars().collect();
        // Which beginnings of the name the pattern so far can stand for.
        let mut reached = vec![false; name.len() + 1];
        reached[0] = true;
        for letter in &pattern {
            let before = reached.clone();
            for at in 0..=name.len() {
                reached[at] = match letter {
                    '*' => before[at] || (at > 0 && reached[at - 1]),
                    '?' => at > 0 && before[at - 1],
                    letter => at > 0 && before[at - 1] && name[at - 1] == *letter,
                };
            }
        }
        reached[name.len()]
    };
    is_like(name) || name.strip_suffix(":latest").is_some_and(is_like)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name, holds) in [
            ("llama3*", "Llama3.2:3b", true),
            ("*:3b", "llama3.2:3b", true),
            ("llama", "llama:latest", true),
            ("llama", "llama3:latest", false),
            ("qwen?:8b", "qwen3:8b", true),
            ("qwen?:8b", "qwen:8b", false),
            ("*", "", true),
            ("", "x", false),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXcYYb", false),
        ] {
            assert_eq!(fits(pattern, name), holds, "{pattern} {name}");
        }
    }
}
