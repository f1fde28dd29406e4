//! What a report reads: sums by day, account and model, gathered into the stretches of time that were asked for.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    api::{
        AccountId, Fault, FaultKind,
        insights::number_of,
        measures::PEOPLE_MIN,
        reports::{FailedAs, Failing, Failure, Pace, Question},
    },
    ollama::name::key,
    services::{insights::figures::Span, measures::used},
    store::{
        StoreError, Tx,
        system::{
            overview::{self, Known},
            storage_days::{self, Total},
            usage_days::{self, Counts},
            usage_sums::{self, Sums},
        },
    },
};

use super::sizes::Sizes;

/// How many people a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Everybody,
    Role,
    One,
}

/// Whom a report is about.
#[derive(Clone, Debug)]
pub struct Whom {
    pub of: Of,
    pub accounts: Vec<Known>,
}

/// What was done in one stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Its last day.
    pub end: i64,
    pub accounts: u64,
    pub counts: Counts,
    /// How well it went, where that is told.
    pub sums: Option<Sums>,
    pub bytes: Option<u64>,
}

/// What one account did in all of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Did {
    pub counts: Counts,
    pub days: u32,
    pub last_day: i64,
    /// The stretch in which it was seen last.
    stretch: usize,
}

/// What one model did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answered {
    pub sums: Sums,
    pub last_day: i64,
    pub people: Option<u64>,
}

/// What failed in one way.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub count: u64,
    pub accounts: HashSet<AccountId>,
    pub last_day: i64,
    pub stretches: Vec<u64>,
}

#[derive(Clone, Debug)]
pub struct Read {
    pub whom: Whom,
    pub stretches: Vec<Done>,
    pub total: Done,
    pub did: HashMap<AccountId, Did>,
    /// By the name as it is compared.
    pub models: BTreeMap<String, Answered>,
    pub untold_models: u64,
    pub faults: HashMap<(FailedAs, FaultKind), Faults>,
    /// First and last measurement of each account, by day.
    pub ends: HashMap<AccountId, [(i64, u64); 2]>,
    /// First and last measurement of everything, or of the one account.
    pub measured: Option<[(i64, u64); 2]>,
    pub free: Option<u64>,
    pub disk: Option<u64>,
    /// What lies there now, where the days go on until now.
    pub now: Option<(u64, HashMap<AccountId, u64>)>,
}

pub fn first_day(tx: &Tx<'_>) -> Result<Option<i64>, StoreError> {
    overview::first_day(tx)
}

/// Whom the question is about.
pub fn whom(tx: &Tx<'_>, question: &Question) -> Result<Whom, Fault> {
    let mut accounts = overview::accounts(tx)?;
    if let Some(name) = &question.account {
        let name = name.to_lowercase();
        accounts.retain(|account| account.name.to_lowercase() == name);
        if accounts.is_empty() {
            return Err(Fault::not_found("account"));
        }
        return Ok(Whom { of: Of::One, accounts });
    }
    if let Some(role) = &question.role {
        if !overview::is_role(tx, role)? {
            return Err(Fault::not_found("role"));
        }
        accounts.retain(|account| account.role == *role);
        return Ok(Whom { of: Of::Role, accounts });
    }
    Ok(Whom { of: Of::Everybody, accounts })
}

/// Reads everything about these days.
pub fn read(tx: &Tx<'_>, question: &Question, whom: Whom, span: Span) -> Result<Read, Fault> {
    let range = (number_of(span.first), number_of(span.last));
    let stretches: Vec<Done> =
        span.stretches().into_iter().map(|(_, last)| Done { end: number_of(last), ..Done::default() }).collect();
    let mut read = Read {
        whom,
        stretches,
        total: Done { end: range.1, ..Done::default() },
        did: HashMap::new(),
        models: BTreeMap::new(),
        untold_models: 0,
        faults: HashMap::new(),
        ends: HashMap::new(),
        measured: None,
        free: None,
        disk: None,
        now: None,
    };
    let wanted = question.model.as_deref().map(key);
    if wanted.is_none() {
        read.days(tx, range)?;
    }
    match read.whom.of {
        Of::Everybody => read.models_of_everybody(tx, range, wanted.as_deref())?,
        Of::Role => read.models_of_a_role(tx, range, wanted.as_deref())?,
        // With which models one person talked is nobody else's to know.
        Of::One => {}
    }
    read.failed(tx, range, wanted.as_deref())?;
    if wanted.is_none() {
        read.measurements(tx, range)?;
    }
    Ok(read)
}

impl Read {
    /// Where in the stretches a day lies. Days come in order, so the place only ever moves on.
    fn place(&self, from: usize, day: i64) -> usize {
        let further = self.stretches[from..].iter().take_while(|stretch| stretch.end < day).count();
        (from + further).min(self.stretches.len().saturating_sub(1))
    }

    fn is_about(&self) -> Option<HashSet<AccountId>> {
        match self.whom.of {
            Of::Everybody => None,
            Of::Role | Of::One => Some(self.whom.accounts.iter().map(|account| account.id).collect()),
        }
    }

    /// What each account did on which day.
    fn days(&mut self, tx: &Tx<'_>, range: (i64, i64)) -> Result<(), StoreError> {
        let about = self.is_about();
        let mut at = 0;
        usage_days::each(tx, range, |day, account, counts| {
            if about.as_ref().is_some_and(|about| !about.contains(&account)) {
                return;
            }
            at = self.place(at, day);
            let did = self.did.entry(account).or_insert(Did { stretch: usize::MAX, ..Did::default() });
            let is_new = did.stretch != at;
            did.counts.add(counts);
            (did.days, did.last_day, did.stretch) = (did.days + 1, day, at);
            let stretch = &mut self.stretches[at];
            stretch.accounts += u64::from(is_new);
            stretch.counts.add(counts);
            self.total.counts.add(counts);
        })?;
        self.total.accounts = self.did.len() as u64;
        Ok(())
    }

    /// Sums of everybody: how well each stretch went, and each model; with `wanted`, of this model alone.
    fn models_of_everybody(&mut self, tx: &Tx<'_>, range: (i64, i64), wanted: Option<&str>) -> Result<(), StoreError> {
        let mut by_name: HashMap<String, (bool, Answered)> = HashMap::new();
        let mut at = 0;
        usage_sums::each_day(tx, None, range, |day, model, sums| {
            if !by_name.contains_key(model) {
                let is_wanted = wanted.is_none_or(|wanted| key(model) == wanted);
                by_name.insert(model.to_owned(), (is_wanted, Answered::default()));
            }
            let Some((true, answered)) = by_name.get_mut(model) else { return };
            answered.sums.add(sums);
            answered.last_day = day;
            at = self.place(at, day);
            self.note(at, sums, wanted.is_some());
        })?;
        let mut people: HashMap<String, HashSet<AccountId>> = HashMap::new();
        for (model, account) in usage_sums::people(tx, range.0)? {
            people.entry(key(&model)).or_default().insert(account);
        }
        for (name, (is_wanted, answered)) in by_name {
            if is_wanted {
                self.merge(key(&name), &answered);
            }
        }
        for (name, answered) in &mut self.models {
            answered.people = Some(people.get(name).map_or(0, |people| people.len() as u64));
        }
        Ok(())
    }

    /// The same of the people with a role, where there are enough of them.
    fn models_of_a_role(&mut self, tx: &Tx<'_>, range: (i64, i64), wanted: Option<&str>) -> Result<(), Fault> {
        let mut people: HashMap<String, HashSet<AccountId>> = HashMap::new();
        for account in self.whom.accounts.clone() {
            let mut at = 0;
            usage_sums::each_day(tx, Some(account.id), range, |day, model, sums| {
                let name = key(model);
                if wanted.is_some_and(|wanted| name != wanted) {
                    return;
                }
                if wanted.is_some() {
                    at = self.place(at, day);
                    self.note(at, sums, true);
                }
                people.entry(name.clone()).or_default().insert(account.id);
                self.merge(name, &Answered { sums: *sums, last_day: day, people: None });
            })?;
        }
        let told = |name: &String| people.get(name).map_or(0, HashSet::len) >= PEOPLE_MIN;
        if wanted.is_some() && !self.models.keys().all(told) {
            let few = "Fewer than 3 people with this role used this model in these days, so nothing of it is told.";
            return Err(Fault::new(FaultKind::NotFound, few).hint("Leave the role away, or look at more days."));
        }
        let before = self.models.len();
        self.models.retain(|name, _| told(name));
        self.untold_models = (before - self.models.len()) as u64;
        for (name, answered) in &mut self.models {
            answered.people = Some(people.get(name).map_or(0, |people| people.len() as u64));
        }
        Ok(())
    }

    fn merge(&mut self, name: String, more: &Answered) {
        let answered = self.models.entry(name).or_default();
        answered.sums.add(&more.sums);
        answered.last_day = answered.last_day.max(more.last_day);
    }

    /// Counts sums in a stretch and in the total; where one model is looked at, how much it was is told by them too.
    fn note(&mut self, at: usize, sums: &Sums, counts_too: bool) {
        let Some(stretch) = self.stretches.get_mut(at) else { return };
        for done in [stretch, &mut self.total] {
            done.sums.get_or_insert_default().add(sums);
            if counts_too {
                done.counts.add(&Counts {
                    sign_ins: 0,
                    answers: sums.answers(),
                    failed: sums.failed,
                    prompt_tokens: sums.prompt_tokens,
                    answer_tokens: sums.answer_tokens,
                });
            }
        }
    }

    fn failed(&mut self, tx: &Tx<'_>, range: (i64, i64), wanted: Option<&str>) -> Result<(), StoreError> {
        let about = self.is_about();
        let mut at = 0;
        for failed in usage_days::faults(tx, range)? {
            let is_about = about.as_ref().is_none_or(|about| about.contains(&failed.account));
            if !is_about || wanted.is_some_and(|wanted| key(&failed.model) != wanted) {
                continue;
            }
            at = self.place(at, failed.day);
            let width = self.stretches.len();
            let faults = self.faults.entry((failed.failed_as, failed.kind)).or_default();
            faults.stretches.resize(width, 0);
            faults.stretches[at] += failed.count;
            faults.count += failed.count;
            faults.accounts.insert(failed.account);
            faults.last_day = failed.day;
        }
        Ok(())
    }

    /// How large everything was.
    fn measurements(&mut self, tx: &Tx<'_>, range: (i64, i64)) -> Result<(), StoreError> {
        for account in &self.whom.accounts {
            if let Some(ends) = storage_days::ends_of_account(tx, account.id, range)? {
                self.ends.insert(account.id, ends);
            }
        }
        let (days, free): (Vec<(i64, u64)>, Option<u64>) = match self.whom.of {
            Of::Everybody => {
                let totals = storage_days::totals(tx, range)?;
                let free = totals.last().and_then(|total| total.free);
                (totals.iter().map(|Total { day, bytes, .. }| (*day, *bytes)).collect(), free)
            }
            Of::One => match self.whom.accounts.first() {
                Some(account) => (storage_days::of_account(tx, account.id, range)?, None),
                None => (Vec::new(), None),
            },
            Of::Role => (Vec::new(), None),
        };
        let mut at = 0;
        for (day, bytes) in &days {
            at = self.place(at, *day);
            self.stretches[at].bytes = Some(*bytes);
        }
        self.measured = days.first().copied().zip(days.last().copied()).map(|(first, last)| [first, last]);
        self.free = free;
        Ok(())
    }

    /// The days go on until now, so what lies there now is told.
    pub fn is_measured_now(&mut self, sizes: &Sizes) {
        let own = |account: &Known| sizes.accounts.get(&account.id).copied().unwrap_or(0);
        let bytes = match self.whom.of {
            Of::Everybody => sizes.bytes,
            Of::Role | Of::One => self.whom.accounts.iter().map(own).sum(),
        };
        if let Some(last) = self.stretches.last_mut() {
            last.bytes = Some(bytes);
        }
        (self.free, self.disk) = (sizes.free, sizes.disk);
        self.now = Some((bytes, sizes.accounts.clone()));
    }
}

/// Refused questions and failed answers of these days by what went wrong.
pub fn failed_answers(tx: &Tx<'_>, range: (i64, i64)) -> Result<Vec<Failure>, StoreError> {
    let mut found: Vec<Failure> = Vec::new();
    for failed in usage_days::faults(tx, range)? {
        let what = match failed.failed_as {
            FailedAs::Question => Failing::Question(failed.kind),
            FailedAs::Answer => Failing::Answer(failed.kind),
        };
        match found.iter_mut().find(|one| one.what == what) {
            Some(one) => one.count += failed.count,
            None => found.push(Failure { what, count: failed.count, last_at: None }),
        }
    }
    Ok(found)
}

/// How fast answers came in these days.
pub fn pace(tx: &Tx<'_>, range: (i64, i64)) -> Result<Pace, StoreError> {
    let mut sums = Sums::default();
    usage_sums::each_day(tx, None, range, |_, _, more| sums.add(more))?;
    let figures = used::figures(&sums);
    Ok(Pace {
        answers: figures.answers.all(),
        tokens_per_second: figures.tokens_per_second,
        first_token: figures.first_token,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::{
            MessageId,
            auth::Role,
            chat::{MessageState, Metrics},
            insights::{Grain, day_of},
        },
        store::system::{
            accounts, scratch,
            usage::{self, DAY, Used},
        },
    };

    #[tokio::test]
    async fn whoever_was_here_on_two_days_of_a_week_counts_once_for_it_and_on_each_day() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let done: Result<(), Fault> = system
            .write(|tx| {
                let people = [AccountId::new(), AccountId::new()];
                for (account, name) in people.into_iter().zip(["ann", "bob"]) {
                    accounts::insert(tx, account, name, Role::User, Uuid::now_v7(), 0)?;
                }
                // A Monday.
                let first = number_of("2026-11-16".parse().unwrap());
                for (who, day) in [(0, 0), (0, 1), (0, 1), (1, 1), (0, 9)] {
                    let used = Used {
                        account: people[who],
                        model: "m",
                        answer: MessageId::new(),
                        outcome: MessageState::Done,
                        fault: None,
                        metrics: &Metrics::default(),
                        counted: 0,
                        wall_day: first + day,
                    };
                    usage::note(tx, &used, (first + day) * DAY)?;
                }
                let told = |grain| -> Result<_, Fault> {
                    let span = Span { first: day_of(first), last: day_of(first + 13), grain };
                    let question = Question::default();
                    let found = read(tx, &question, whom(tx, &question)?, span)?;
                    let counts = |done: &Done| (done.accounts, done.counts.answers);
                    Ok((found.stretches.iter().map(counts).collect::<Vec<_>>(), counts(&found.total)))
                };
                assert_eq!(told(Grain::Week)?, (vec![(2, 4), (1, 1)], (2, 5)));
                let (days, total) = told(Grain::Day)?;
                assert_eq!(
                    (days.len(), &days[..3], days[9], total),
                    (14, &[(1, 1), (2, 3), (0, 0)][..], (1, 1), (2, 5))
                );
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
