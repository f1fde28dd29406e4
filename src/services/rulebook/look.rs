//! Looking what is due, and taking it. A window does it while it is open, one of all windows at a time; `rules run --due`
//! does it once.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    Rulebook,
    due::{Due, ago, due, next_at, unmet},
};
use crate::{
    access::Visitor,
    api::{
        AccountId, Fault, JobId, RuleId,
        jobs::{Job, JobState, RuleWork, Work},
        rules::{ActionKind, RuleRun, RunReport, RunResult, When},
    },
    store::{
        StoreError, Tx,
        system::{jobs, rules},
        vault::lease::{Chore, Slot},
    },
};

/// How often a command looks whether what it began has ended.
const WAIT: Duration = Duration::from_millis(250);

/// What was seen of the models in memory: until when each stays there, and since when that has not moved. Each use moves
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resting(pub BTreeMap<String, (String, i64)>);

impl Resting {
    /// What is known now, of what was known before and what Ollama says.
    pub(super) fn after(&self, loaded: &[(String, String)], now: i64) -> Self {
        let since = |name: &str, until: &str| match self.0.get(name) {
            // A moment in a time to come was seen by a clock that was wrong.
            Some((before, since)) if before == until && *since <= now => *since,
            Some(_) | None => now,
        };
        Self(loaded.iter().map(|(name, until)| (name.clone(), (until.clone(), since(name, until)))).collect())
    }

    /// Those that have not been used for so long.
    pub(super) fn idle(&self, minutes: u32, now: i64) -> Vec<&str> {
        self.0.iter().filter(|(_, (_, since))| *since <= ago(now, minutes)).map(|(name, _)| name.as_str()).collect()
    }
}

/// Whether the disk has had room since it was found full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Disk {
    told: bool,
}

/// What a look found of the world, before anything is taken.
#[derive(Debug, Default)]
struct Seen {
    loaded: Option<Vec<(String, String)>>,
    is_quiet: bool,
    free: Option<u64>,
}

/// On whose behalf it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looking {
    /// A window has just opened, and no other was open.
    Opened,
    Again,
}

impl Rulebook {
    /// Looks after the rules until the program ends.
    pub fn follow(&self) {
        let (this, ending) = (self.clone(), self.0.tasks.token());
        self.0.tasks.spawn("looking after the rules", async move {
            ending.run_until_cancelled(this.look_on()).await;
        });
    }

    async fn look_on(&self) {
        let mut mine: Option<Chore> = None;
        let mut is_first = true;
        loop {
            if mine.is_none() {
                mine = self.chore().await;
            }
            let mut wait = self.0.look;
            if mine.is_some() {
                let looking = if is_first { Looking::Opened } else { Looking::Again };
                match self.look(looking).await {
                    Ok((_, next)) => wait = next.map_or(wait, |next| next.min(wait)),
                    Err(why) => tracing::warn!(why = why.message, "whether a rule is due could not be found out"),
                }
            }
            is_first = false;
            tokio::time::sleep(wait.max(Duration::from_secs(1))).await;
        }
    }

    /// The lock that says that this process looks. `None` = another one does.
    pub(super) async fn chore(&self) -> Option<Chore> {
        let leases = self.0.leases.clone();
        let nobodys = AccountId(uuid::Uuid::nil());
        let taken = tokio::task::spawn_blocking(move || Chore::take(&leases, nobodys, "rules")).await;
        match taken {
            Ok(Ok(taken)) => taken,
            Ok(Err(why)) => {
                tracing::warn!(%why, "who looks after the rules could not be found out");
                None
            }
            Err(_) => None,
        }
    }

    /// Begins what is due, and gives its jobs with those that a process had begun which is no more; for a command, which
    /// does not stay.
    ///
    /// # Errors
    /// The table cannot be read or written.
    pub async fn run_due(&self, _by: Visitor) -> Result<Vec<JobId>, Fault> {
        self.look(Looking::Again).await?;
        let open = self.0.system.read::<_, StoreError>(rules::open_runs).await?;
        Ok(open.into_iter().map(|run| run.job).collect())
    }

    /// Tells of each of these runs when it has ended.
    pub fn ends(&self, jobs: Vec<JobId>) -> mpsc::Receiver<RuleRun> {
        let (ended, inbox) = mpsc::channel(jobs.len().max(1));
        let (this, ending) = (self.clone(), self.0.tasks.token());
        self.0.tasks.spawn("waiting for runs of rules", async move {
            ending.run_until_cancelled(this.wait_for_ends(jobs, ended)).await;
        });
        inbox
    }

    async fn wait_for_ends(&self, mut jobs: Vec<JobId>, ended: mpsc::Sender<RuleRun>) {
        while !jobs.is_empty() && !ended.is_closed() {
            let looked = self.note_the_ended().await;
            if let Err(why) = looked {
                tracing::warn!(why = why.message, "how runs of rules ended could not be noted");
            }
            let mut open = Vec::new();
            for job in jobs {
                match self.run_by_job(job).await {
                    Ok(run) if run.result == RunResult::Running => open.push(job),
                    Ok(run) => drop(ended.send(run).await),
                    // Its rule was removed meanwhile, and the history with it.
                    Err(_) => {}
                }
            }
            jobs = open;
            tokio::time::sleep(WAIT).await;
        }
    }

    /// One look: what ended is noted, what is due is begun. Gives the jobs, and how long until the next moment.
    pub(super) async fn look(&self, looking: Looking) -> Result<(Vec<JobId>, Option<Duration>), Fault> {
        let now = self.now();
        self.note_the_ended().await?;
        let all = self
            .0
            .system
            .read::<_, StoreError>(move |tx| rules::all(tx, now))
            .await?
            .into_iter()
            .filter(|kept| kept.rule.standing() == "on")
            .collect::<Vec<_>>();
        if all.is_empty() {
            return Ok((Vec::new(), None));
        }
        if all.iter().any(|kept| kept.since > now) {
            self.0.system.write::<_, StoreError>(move |tx| rules::ground(tx, now)).await?;
        }
        let seen = self.see(&all).await;
        let mut begun = Vec::new();
        for kept in &all {
            begun.extend(self.take(kept.rule.id, &seen, looking, now).await?);
        }
        if !begun.is_empty() {
            self.changed();
        }
        let next = all.iter().filter_map(|kept| {
            let at = next_at(kept, kept.rule.action.kind() == ActionKind::Backup, now, &self.0.zone)?;
            // What is due now and waits for something is looked at again in the usual time.
            (at > now).then(|| Duration::from_millis((at - now).unsigned_abs()))
        });
        Ok((begun, next.min()))
    }

    /// Asks only what a rule that is on wants to know.
    async fn see(&self, all: &[rules::Kept]) -> Seen {
        let wants_idle = all.iter().any(|kept| matches!(kept.rule.when, When::Idle { .. }));
        let loaded = if wants_idle { self.0.world.loaded().await.ok() } else { None };
        let (leases, data) = (self.0.leases.clone(), self.0.data.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let free = rustix::fs::statvfs(&data).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            (!Slot::any_taken(&leases), free)
        });
        let (is_quiet, free) = looked.await.unwrap_or((true, None));
        Seen { loaded, is_quiet, free }
    }

    /// Takes what is due of one rule. Decided again within the transaction: another process may have been faster.
    async fn take(&self, id: RuleId, seen: &Seen, looking: Looking, now: i64) -> Result<Option<JobId>, Fault> {
        let zone = self.0.zone.clone();
        let (loaded, is_quiet, free) = (seen.loaded.clone(), seen.is_quiet, seen.free);
        let read = self.0.system.read::<_, StoreError>(move |tx| rules::get(tx, id, now)).await?;
        let Some(kept) = read else { return Ok(None) };
        let decided = decide(&kept, &Seen { loaded: loaded.clone(), is_quiet, free }, looking, now, &zone);
        if decided == Decided::default() && kept.rule.waits_because.is_none() {
            return Ok(None);
        }
        let taken = self
            .0
            .system
            .write::<_, StoreError>(move |tx| {
                let Some(kept) = rules::get(tx, id, now)? else { return Ok(None) };
                let decided = decide(&kept, &Seen { loaded, is_quiet, free }, looking, now, &zone);
                if let Some(text) = &decided.seen {
                    rules::keep_seen(tx, id, Some(text))?;
                }
                match decided.act {
                    Act::Nothing => {
                        rules::waits(tx, id, None)?;
                        Ok(None)
                    }
                    Act::Wait(because) => {
                        rules::waits(tx, id, Some(&because))?;
                        Ok(None)
                    }
                    Act::Skip { due, words } => {
                        let begun = begun(&kept, JobId::new(), now, due, false);
                        if rules::begin(tx, &begun)? {
                            let report = RunReport { words, items: Vec::new() };
                            rules::end(tx, begun.job, RunResult::Skipped, &report, now)?;
                        }
                        Ok(None)
                    }
                    Act::Run { due, again } => {
                        let begun = begun(&kept, JobId::new(), now, due, again);
                        if !rules::begin(tx, &begun)? {
                            return Ok(None);
                        }
                        let work = Work::Rule(RuleWork { rule: id, name: kept.rule.name, dry_run: false });
                        jobs::insert(tx, begun.job, &work, None, now)?;
                        Ok(Some(begun.job))
                    }
                }
            })
            .await?;
        Ok(taken)
    }

    /// Runs whose job has ended without the run having said so: it was cancelled, or given up.
    pub(super) async fn note_the_ended(&self) -> Result<(), Fault> {
        let read = |tx: &Tx<'_>| -> Result<Vec<(RuleRun, Option<Job>)>, StoreError> {
            let open = rules::open_runs(tx)?;
            open.into_iter()
                .map(|run| {
                    let job = jobs::get(tx, run.job)?.map(|kept| kept.job);
                    Ok((run, job))
                })
                .collect()
        };
        for (run, job) in self.0.system.read::<_, StoreError>(read).await? {
            let (result, words) = match &job {
                Some(job) => match job.state {
                    JobState::Waiting | JobState::Running | JobState::Paused => continue,
                    JobState::Cancelled | JobState::Interrupted => {
                        // What it began is cancelled with it; the report waits until that has ended.
                        let Some(report) = self.cancelled(run.job, "Somebody cancelled it.").await? else { continue };
                        self.close(&run, RunResult::Cancelled, report, false).await?;
                        continue;
                    }
                    JobState::Done => (RunResult::Done, job.outcome.clone().unwrap_or_default()),
                    JobState::Failed => {
                        let why = job.error.as_ref().map_or("It failed.", |error| error.message.as_str());
                        (RunResult::Failed, why.to_owned())
                    }
                },
                None => (RunResult::Cancelled, "Its job is not there any more.".to_owned()),
            };
            self.close(&run, result, RunReport { words, items: Vec::new() }, false).await?;
        }
        Ok(())
    }
}

/// What is to be done about a rule at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Decided {
    act: Act,
    /// What its trigger has seen, where that changed.
    seen: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Act {
    #[default]
    Nothing,
    Wait(String),
    Skip {
        due: i64,
        words: String,
    },
    Run {
        due: i64,
        again: bool,
    },
}

fn decide(kept: &rules::Kept, seen: &Seen, looking: Looking, now: i64, zone: &jiff::tz::TimeZone) -> Decided {
    let is_backup = kept.rule.action.kind() == ActionKind::Backup;
    if kept.rule.standing() != "on" {
        return Decided::default();
    }
    let (happened, memory) = happened(kept, seen, looking, now);
    let standing = match due(kept, is_backup, now, zone) {
        // What happens while the last run of it fails waits as that does.
        Due::Never if happened => Due::Now { due: now, again: false },
        other => other,
    };
    let act = match standing {
        Due::Never | Due::At(_) => Act::Nothing,
        // The run before it goes on: this moment is taken when that has ended, or is missed.
        Due::Now { .. } if kept.runs => Act::Nothing,
        Due::Missed { due } => {
            let words = match &kept.rule.waits_because {
                Some(because) => format!("It waited in vain: {because}."),
                None => "Nobody was there at that time, and it is too late for it now.".to_owned(),
            };
            Act::Skip { due, words }
        }
        Due::Now { due, again } => match unmet(kept.rule.only, now, zone, seen.is_quiet, seen.free) {
            // A start is over in a moment; there is nothing to wait for.
            Some(because) if kept.rule.when == When::Start => {
                Act::Skip { due, words: format!("Not after this start: {because}.") }
            }
            Some(because) => Act::Wait(because),
            None => Act::Run { due, again },
        },
    };
    // What was seen stays unseen while the run that it would begin has to wait.
    let memory = memory.filter(|memory| !matches!((&act, memory), (Act::Wait(_), Memory::Disk(Disk { told: true }))));
    let seen = memory.and_then(|memory| match memory {
        Memory::Disk(disk) => serde_json::to_string(&disk).ok(),
        Memory::Resting(resting) => serde_json::to_string(&resting).ok(),
    });
    Decided { act, seen: seen.filter(|text| kept.seen.as_ref() != Some(text)) }
}

enum Memory {
    Disk(Disk),
    Resting(Resting),
}

/// Whether what the rule waits for has happened, and what is to be remembered of it.
fn happened(kept: &rules::Kept, seen: &Seen, looking: Looking, now: i64) -> (bool, Option<Memory>) {
    let text = kept.seen.as_deref().unwrap_or("null");
    match kept.rule.when {
        When::Start => (looking == Looking::Opened, None),
        When::Idle { minutes } => {
            let Some(loaded) = &seen.loaded else { return (false, None) };
            let before: Resting = serde_json::from_str(text).unwrap_or_default();
            let resting = before.after(loaded, now);
            // What stays in memory all the same is not asked to leave every minute.
            let is_rested = kept.taken.is_none_or(|taken| taken <= ago(now, minutes.max(5)));
            (is_rested && !resting.idle(minutes, now).is_empty(), Some(Memory::Resting(resting)))
        }
        When::DiskBelow { bytes } => {
            let Some(free) = seen.free else { return (false, None) };
            let before: Disk = serde_json::from_str(text).unwrap_or_default();
            let is_low = free < bytes;
            (is_low && !before.told, Some(Memory::Disk(Disk { told: is_low })))
        }
        When::Every { .. } | When::Daily { .. } | When::Weekly { .. } | When::UpdateAvailable | When::ByHand => {
            (false, None)
        }
    }
}

fn begun(kept: &rules::Kept, job: JobId, now: i64, due: i64, again: bool) -> rules::Begun {
    rules::Begun { rule: kept.rule.id, job, at: now, due_at: Some(due), again, account: None, dry_run: false }
}
