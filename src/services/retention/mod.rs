//! Old conversations go away by rules that the person set: which, when, and what became of it.
//!
//! The plan is made by `plan`, carried out here in small transactions, each of which also counts in the report; so a kill
//! in the middle leaves every conversation whole or gone, and the report says what was done.
//!
//! About the clock. Times that are noted never go back (`conversations::stamp`), and ages are measured with the clock as it
//! is: set back, it makes everything look younger. After a leap ahead (or a long absence) the rules wait for a day before
//! they act on their own, so that a wrong clock can be put right first.

mod plan;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::plan::{Facts, Step, plan};
use super::{
    conversations::{check_limit, now},
    hub::Hub,
    own_jobs::{Book, Booked, OwnEnd, Telling},
};
use crate::{
    access::{Caller, Member},
    api::{
        AccountId, Fault, FaultKind, JobId,
        events::{Changed, Event},
        jobs::{Work, WorkKind},
        organise::{Cursor, Page, Purged},
        retention::{Due, Fate, Preview, PreviewAt, Report, Retention as Told, RetentionRules, RunBy, RunEnd, Total},
    },
    store::{
        StoreError, Vault,
        system::clock::waiting,
        vault::{
            lease::Chore,
            retention::{self, Seen, State},
            settings::{self, RETENTION, RETENTION_REPORTS, RETENTION_STATE},
        },
    },
    tasks::{Tasks, Teller},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often it is looked whether a day is over. A sleep of a whole day would miss a machine that slept.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Conversations put away in one transaction.
const BATCH: usize = 100;
/// Messages after which a transaction that removes conversations is closed.
const BATCH_MESSAGES: u64 = 2_000;
/// Conversations weighed in one read: others wait for the reader meanwhile.
const WEIGHED: usize = 200;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Retention(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    tasks: Tasks,
    book: Book,
    /// Where processes keep the locks that say who is at it.
    leases: PathBuf,
    /// Accounts whose vault is looked after.
    attended: Mutex<HashSet<AccountId>>,
}

/// Who asked for a run, and how long it may go on.
struct Run {
    by: RunBy,
    /// One more attempt at a row.
    booked: Option<Booked>,
    work: CancellationToken,
}

/// The rules that are set.
async fn set_rules(by: &Caller<Member>) -> Result<RetentionRules, Fault> {
    let rules: RetentionRules = by.vault.db.read(|tx| settings::get(tx, RETENTION)).await?.unwrap_or_default();
    if rules.are_on() {
        return Ok(rules);
    }
    Err(Fault::invalid("No rule is set.").hint("Set one first: ollamanet retention set --help"))
}

fn elsewhere() -> Fault {
    Fault::new(FaultKind::Conflict, "Another window is putting old conversations away just now.")
        .hint("Try again in a moment.")
}

fn not_run() -> Fault {
    Fault::new(FaultKind::Internal, "The rules for old conversations were not run.")
}

impl Retention {
    #[must_use]
    pub fn new(hub: Hub, tasks: Tasks, book: Book, leases: PathBuf) -> Self {
        Self(Arc::new(Inner { hub, tasks, book, leases, attended: Mutex::default() }))
    }

    pub async fn show(&self, by: Caller<Member>) -> Result<Told, Fault> {
        let told = by
            .vault
            .db
            .read(|tx| {
                let state: State = settings::get(tx, RETENTION_STATE)?.unwrap_or_default();
                Ok::<_, StoreError>(Told {
                    rules: settings::get(tx, RETENTION)?.unwrap_or_default(),
                    reports: settings::get(tx, RETENTION_REPORTS)?.unwrap_or_default(),
                    waits_until: state.waits_until,
                })
            })
            .await?;
        Ok(told)
    }

    /// Kept in the vault. They act at the next look, at the latest a day from now.
    pub async fn set(&self, by: Caller<Member>, rules: RetentionRules) -> Result<(), Fault> {
        rules.check()?;
        by.vault
            .db
            .write(move |tx| {
                // Whoever sets rules looks at the clock: from now on it is known.
                retention::set_clock(tx, now())?;
                settings::set(tx, RETENTION, &rules, now())
            })
            .await?;
        Ok(())
    }

    /// What the rules that are set, or these, would do now.
    pub async fn preview(
        &self,
        by: Caller<Member>,
        rules: Option<RetentionRules>,
        at: PreviewAt,
    ) -> Result<Preview, Fault> {
        check_limit(at.limit)?;
        let first = at.after.as_ref().map_or(Ok(0), place)?;
        let rules = match rules {
            Some(rules) => rules,
            None => by.vault.db.read(|tx| settings::get(tx, RETENTION)).await?.unwrap_or_default(),
        };
        rules.check()?;
        let now = now();
        let steps = self.steps(&by.vault, &rules, now).await?;
        let last = steps.len().min(first + at.limit as usize);
        let shown = steps.get(first..last).unwrap_or_default().to_vec();
        // The totals weigh everything that goes; a later page was told them already.
        let (totals, weights) = if at.after.is_none() {
            let weights = weigh(&by.vault, steps.iter().map(|step| step.seen.seq).collect()).await?;
            (totals(&steps, &weights), weights)
        } else {
            (Vec::new(), weigh(&by.vault, shown.iter().map(|step| step.seen.seq).collect()).await?)
        };
        let keys: Vec<i64> = shown.iter().map(|step| step.seen.seq).collect();
        let before = rules.purge_after_days.map(|days| now - i64::from(days) * DAY_MS);
        let (titles, spared) = by
            .vault
            .db
            .read(move |tx| {
                let spared = before.map_or(Ok(0), |before| retention::spared(tx, before))?;
                Ok::<_, StoreError>((retention::titles(tx, &keys)?, spared))
            })
            .await?;
        let rows = shown
            .into_iter()
            .zip(titles)
            .map(|(Step { seen, fate, why }, title)| {
                let (messages, bytes) = weights.get(&seen.seq).copied().unwrap_or_default();
                Due { id: seen.id, title, fate, why, messages, bytes }
            })
            .collect();
        let next = (last < steps.len()).then(|| Cursor(last.to_string()));
        Ok(Preview { totals, spared, page: Page { rows, next } })
    }

    /// Carries out the rules now, for whoever asks.
    pub async fn run(&self, by: Caller<Member>) -> Result<Report, Fault> {
        let rules = set_rules(&by).await?;
        let asked = Run { by: RunBy::Person, booked: None, work: by.work.clone() };
        let report = self.job(by.vault.clone(), rules, asked)?.await;
        let report = report.map_err(|_| not_run())??;
        report.ok_or_else(elsewhere)
    }

    /// The same as one more attempt at this row, for which nobody waits.
    pub async fn run_again(&self, by: Caller<Member>, again: JobId) -> Result<(), Fault> {
        let rules = set_rules(&by).await?;
        let booked = self.0.book.begin(&by.vault, Work::PutAway, Some(again), &by.work).await?;
        let asked = Run { by: RunBy::Person, booked: Some(booked), work: by.work.clone() };
        // Its row tells how it ends.
        drop(self.job(by.vault.clone(), rules, asked)?);
        Ok(())
    }

    /// Looks after this vault while somebody listens and it is open: now and once a day.
    pub fn attend(&self, by: &Caller<Member>) {
        let account = by.vault.account;
        if !self.0.hub.is_heard(account) || !self.attended().insert(account) {
            return;
        }
        let (this, weak, work, ended) = (self.clone(), by.vault.db.downgrade(), by.work.clone(), self.0.tasks.token());
        self.0.tasks.spawn("looking for old conversations", async move {
            while this.0.hub.is_heard(account) && !work.is_cancelled() {
                // Holding the vault only as long as something is done: locking it must close it.
                let Some(db) = weak.upgrade() else { break };
                this.look(Vault { account, db }, &work).await;
                if ended.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                    break;
                }
            }
            this.attended().remove(&account);
        });
    }

    /// Runs the rules if a day is over. A failure is for the report and the log; nobody waits for it here.
    async fn look(&self, vault: Vault, work: &CancellationToken) {
        let due = vault.db.read(|tx| {
            let rules: RetentionRules = settings::get(tx, RETENTION)?.unwrap_or_default();
            let state: State = settings::get(tx, RETENTION_STATE)?.unwrap_or_default();
            Ok::<_, StoreError>(Some(rules).filter(|rules| rules.are_on() && is_day_over(&state, now())))
        });
        let rules = match due.await {
            Ok(Some(rules)) => rules,
            Ok(None) => return,
            Err(why) => return tracing::warn!(%why, "the rules for old conversations could not be read"),
        };
        match may_act(&vault, now()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => return tracing::warn!(%why, "the rules for old conversations were not run"),
        }
        let account = vault.account;
        let asked = Run { by: RunBy::Itself, booked: None, work: work.clone() };
        let done = match self.job(vault, rules, asked) {
            Ok(done) => done.await.unwrap_or_else(|_| Err(not_run())),
            Err(fault) => Err(fault),
        };
        match done {
            Ok(Some(report)) if report.did_something() => {
                self.0.hub.hint(account, &Event::PutAway(Box::new(report)));
            }
            Ok(_) => {}
            Err(fault) => {
                tracing::warn!(%fault, "the rules for old conversations were not run");
                // Its history says so, too; but whoever waits for room must not find out by chance.
                self.0.hub.hint(account, &Event::Notice(fault.hint("The rules for old conversations are tried again; `ollamanet retention show` tells of their runs.")));
            }
        }
    }

    /// As a job that is counted and ended with the program. What is sent is `None` where another process is at it.
    fn job(
        &self,
        vault: Vault,
        rules: RetentionRules,
        asked: Run,
    ) -> Result<oneshot::Receiver<Result<Option<Report>, Fault>>, Fault> {
        let (tell, done) = oneshot::channel();
        let (this, root) = (self.clone(), self.0.tasks.token());
        if root.is_cancelled() {
            return Err(not_run());
        }
        self.0.tasks.spawn_told(WorkKind::PutAway.task(), |teller| async move {
            let _ = tell.send(this.carry_out(&vault, &rules, asked, Some(&teller)).await);
        });
        Ok(done)
    }

    async fn carry_out(
        &self,
        vault: &Vault,
        rules: &RetentionRules,
        asked: Run,
        teller: Option<&Teller>,
    ) -> Result<Option<Report>, Fault> {
        let (leases, account) = (self.0.leases.clone(), vault.account);
        let taken = tokio::task::spawn_blocking(move || Chore::take(&leases, account, "retention")).await;
        let taken = taken.map_err(|_| Fault::new(FaultKind::Internal, "Taking a lock failed."))??;
        let Some(_chore) = taken else {
            if let Some(booked) = asked.booked {
                booked.end(OwnEnd::Failed(elsewhere())).await;
            }
            return Ok(None);
        };
        // What broke off before goes on in its own row.
        let booked = match asked.booked {
            Some(booked) => booked,
            None => self.0.book.go_on(vault, Work::PutAway, &asked.work).await?,
        };
        let (at, by) = (now(), asked.by);
        let mut report = Report { at, by, end: RunEnd::Open, archived: 0, trashed: 0, purged: 0, bytes: 0 };
        let (token, telling) = (booked.stop().clone(), booked.telling());
        let stop = move || token.is_cancelled();
        let outcome = self.put_away(vault, rules, &mut report, &stop, (teller, &telling)).await;
        report.end = match &outcome {
            Ok(true) => RunEnd::Done,
            Ok(false) => RunEnd::Stopped,
            Err(fault) => RunEnd::Failed(fault.message.clone()),
        };
        let last = report.clone();
        let noted = vault
            .db
            .write(move |tx| {
                let state: State = settings::get(tx, RETENTION_STATE)?.unwrap_or_default();
                settings::set(tx, RETENTION_STATE, &State { ran_at: Some(at), ..state }, at)?;
                // A day on which nothing was old is not worth a line; a person who asked wants one.
                if last.did_something() || last.by == RunBy::Person || last.end != RunEnd::Done {
                    retention::note(tx, &last, at)?;
                }
                Ok::<_, StoreError>(())
            })
            .await;
        let words = format!(
            "{} archived, {} moved to the trash, {} removed for good.",
            report.archived, report.trashed, report.purged
        );
        booked
            .end(match (&outcome, &noted) {
                (Ok(true), Ok(())) if by == RunBy::Itself && !report.did_something() => OwnEnd::Nothing,
                (Ok(true), Ok(())) => OwnEnd::Done(words),
                (Ok(false), Ok(())) => OwnEnd::Stopped(words),
                (Err(fault), _) => OwnEnd::Failed(fault.clone()),
                (Ok(_), Err(why)) => OwnEnd::Failed(Fault::new(FaultKind::Store, why.to_string())),
            })
            .await;
        outcome?;
        noted?;
        Ok(Some(report))
    }

    /// False = it was stopped before its end.
    async fn put_away(
        &self,
        vault: &Vault,
        rules: &RetentionRules,
        report: &mut Report,
        stop: &(dyn Fn() -> bool + Sync),
        (teller, telling): (Option<&Teller>, &Telling),
    ) -> Result<bool, Fault> {
        let steps = self.steps(vault, rules, report.at).await?;
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            if stop() {
                return Ok(false);
            }
            let (batch, so_far, at) = (rest.iter().take(BATCH).copied().collect::<Vec<_>>(), report.clone(), report.at);
            let (done, looked_at, changed) = vault
                .db
                .write(move |tx| {
                    let (mut report, mut looked_at, mut messages, mut changed) = (so_far, 0, 0, Vec::new());
                    for step in &batch {
                        if messages > BATCH_MESSAGES {
                            break;
                        }
                        looked_at += 1;
                        let Some(purged) = retention::act(tx, &step.seen, step.fate, at)? else { continue };
                        messages += purged.messages;
                        count(&mut report, step.fate, purged);
                        changed.push(step.seen.id);
                    }
                    if !changed.is_empty() {
                        retention::note(tx, &report, at)?;
                    }
                    Ok::<_, StoreError>((report, looked_at, changed))
                })
                .await?;
            *report = done;
            rest = rest.get(looked_at..).unwrap_or_default();
            let (done, of) = ((steps.len() - rest.len()) as u64, steps.len() as u64);
            telling.share(done, of);
            if let Some(teller) = teller {
                teller.share(done, of);
            }
            if !changed.is_empty() {
                self.0.hub.changed(vault.account, Changed::Tree);
            }
            for id in changed {
                self.0.hub.changed(vault.account, Changed::Conversation(id));
            }
        }
        Ok(true)
    }

    async fn steps(&self, vault: &Vault, rules: &RetentionRules, now: i64) -> Result<Vec<Step>, Fault> {
        let (listed, thrown_away) =
            vault.db.read(|tx| Ok::<_, StoreError>((retention::listed(tx)?, retention::thrown_away(tx)?))).await?;
        let bytes = if rules.keep_bytes.is_some() {
            let weights = weigh(vault, listed.iter().map(|seen: &Seen| seen.seq).collect()).await?;
            weights.into_iter().map(|(seq, (_, bytes))| (seq, bytes)).collect()
        } else {
            HashMap::new()
        };
        Ok(plan(rules, now, &Facts { listed, thrown_away, bytes }))
    }

    fn attended(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A day since the last run, or the clock stands before it.
fn is_day_over(state: &State, now: i64) -> bool {
    state.ran_at.is_none_or(|ran| now - ran >= DAY_MS || now < ran)
}

/// Whether the rules may act on their own at this time. After a leap of the clock they wait for a day; only a time that
/// has lasted that long is taken as true.
async fn may_act(vault: &Vault, now: i64) -> Result<bool, StoreError> {
    vault
        .db
        .write(move |tx| {
            let state: State = settings::get(tx, RETENTION_STATE)?.unwrap_or_default();
            let (may, waits_until) = waiting(retention::clock(tx)?, state.waits_until, now);
            if may {
                retention::set_clock(tx, now)?;
            }
            if waits_until != state.waits_until {
                settings::set(tx, RETENTION_STATE, &State { waits_until, ..state }, now)?;
            }
            Ok(may)
        })
        .await
}

/// Messages and bytes by key, a few conversations in each read.
async fn weigh(vault: &Vault, keys: Vec<i64>) -> Result<HashMap<i64, (u64, u64)>, Fault> {
    let mut weights = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(WEIGHED) {
        let chunk = chunk.to_vec();
        let weighed = vault
            .db
            .read(move |tx| {
                let weighed = retention::weights(tx, &chunk)?;
                Ok::<_, StoreError>(chunk.into_iter().zip(weighed).collect::<Vec<_>>())
            })
            .await?;
        weights.extend(weighed);
    }
    Ok(weights)
}

fn totals(steps: &[Step], weights: &HashMap<i64, (u64, u64)>) -> Vec<Total> {
    [Fate::Archive, Fate::Trash, Fate::Purge]
        .into_iter()
        .filter_map(|fate| {
            let mut total = Total { fate, conversations: 0, messages: 0, bytes: 0 };
            for step in steps.iter().filter(|step| step.fate == fate) {
                let (messages, bytes) = weights.get(&step.seen.seq).copied().unwrap_or_default();
                total.conversations += 1;
                total.messages += messages;
                total.bytes += bytes;
            }
            (total.conversations > 0).then_some(total)
        })
        .collect()
}

fn count(report: &mut Report, fate: Fate, purged: Purged) {
    match fate {
        Fate::Archive => report.archived += 1,
        Fate::Trash => report.trashed += 1,
        Fate::Purge => {
            report.purged += 1;
            report.bytes += purged.bytes;
        }
    }
}

fn place(cursor: &Cursor) -> Result<usize, Fault> {
    cursor
        .0
        .parse()
        .map_err(|_| Fault::invalid("This is no place in a list.").hint("Start again from the beginning of the list."))
}

#[cfg(test)]
mod tests;
