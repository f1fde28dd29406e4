//! Rules over a real system database and a real line of jobs; the clock, the world and the work are the test's.

mod kinds;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{look::Looking, *};
use crate::{
    api::{
        MessageId, SessionId,
        admin::AuditFilter,
        auth::Role,
        chat::{MessageState, Metrics},
        events::Event,
        jobs::{PAGE_MAX, Start},
        rules::{Action, Became, FAILURES_MAX, Models, Only, RunResult, TimeOfDay, When},
        updates::{ASKED_MAX, Standing},
    },
    config::{Config, live::Live},
    services::jobs::{self as line, Attempt, Jobs, Pace, Runner, Setback},
    store::{
        system::{
            accounts,
            jobs::Ended,
            open_system,
            usage::{self, DAY, Used},
        },
        vault::lease::Holder,
    },
};

const MINUTE: i64 = 60_000;
const NIGHT: &str = "2026-11-21T03:00:00Z";

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// What there is, as a test says.
#[derive(Debug, Default)]
struct Fake {
    loaded: Mutex<Vec<(String, String)>>,
    installed: Mutex<Vec<Model>>,
    tagged: Mutex<BTreeSet<String>>,
    is_away: Mutex<bool>,
}

impl Fake {
    fn here(&self) -> Result<(), Fault> {
        if *self.is_away.lock().unwrap() { Err(Fault::new(FaultKind::Upstream, "Ollama is away.")) } else { Ok(()) }
    }
}

impl World for Fake {
    fn loaded(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, Fault>> {
        async { self.here().map(|()| self.loaded.lock().unwrap().clone()) }.boxed()
    }

    fn installed(&self) -> BoxFuture<'_, Result<Vec<Model>, Fault>> {
        async { self.here().map(|()| self.installed.lock().unwrap().clone()) }.boxed()
    }

    fn fitting<'a>(&'a self, filter: &'a str) -> BoxFuture<'a, Result<Vec<(String, String)>, Fault>> {
        async move {
            let all = self.installed.lock().unwrap().clone();
            let fits = all.into_iter().filter(|model| model.name.contains(filter));
            Ok(fits.map(|model| (model.name.clone(), model.name)).collect())
        }
        .boxed()
    }

    fn tag(&self, models: Vec<(String, String)>, tag: String) -> BoxFuture<'_, Result<usize, Fault>> {
        async move {
            let mut tagged = self.tagged.lock().unwrap();
            Ok(models.into_iter().filter(|(_, name)| tagged.insert(format!("{name} {tag}"))).count())
        }
        .boxed()
    }

    fn updates(&self, models: Vec<String>) -> BoxFuture<'_, Result<Vec<UpdateCheck>, Fault>> {
        let check = |model: String| UpdateCheck {
            standing: match model.as_str() {
                "own:1b" => Standing::Maybe,
                old if old.contains("old") => Standing::Available,
                _ => Standing::UpToDate,
            },
            because: if model.contains("wordy") { "w".repeat(2000) } else { "as the registry says".to_owned() },
            installed: String::new(),
            registry: None,
            there: None,
            bytes: None,
            model,
        };
        async move {
            if models.len() > ASKED_MAX {
                return Err(Fault::invalid("That is more than are asked about at once."));
            }
            Ok(models.into_iter().map(check).collect())
        }
        .boxed()
    }

    fn list<'a>(&'a self, _path: &'a Path) -> BoxFuture<'a, Result<Vec<Work>, Fault>> {
        let works = ["here:1b", "new:1b"].map(Work::install).into_iter();
        let remove = Work::Remove { model: "here:1b".to_owned(), forget: false };
        async move { Ok(works.chain([remove]).collect()) }.boxed()
    }
}

/// Does what rules begin; what it is called is remembered.
#[derive(Debug)]
struct Doing {
    rules: Rulebook,
    done: Mutex<Vec<String>>,
}

impl Runner for Doing {
    fn check<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<String, Fault>> {
        async move { Ok(format!("would {work}")) }.boxed()
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        async move {
            match &attempt.work {
                Work::Rule(work) => self.rules.work(&attempt, work).await,
                work if work.model().starts_with("endless") => std::future::pending().await,
                work if work.model() == "broken" => Err(Setback::for_good(Fault::invalid("It is broken."))),
                work => {
                    self.done.lock().unwrap().push(work.to_string());
                    Ok("Done.".to_owned())
                }
            }
        }
        .boxed()
    }

    fn deadline(&self, _work: &Work) -> Option<Duration> {
        None
    }
}

/// One process' worth.
struct Desk {
    rules: Rulebook,
    jobs: Jobs,
    doing: Arc<Doing>,
    world: Arc<Fake>,
    clock: Arc<AtomicI64>,
    events: mpsc::Receiver<Event>,
}

impl Desk {
    async fn open(dir: &tempfile::TempDir, now: &str) -> Self {
        let system = open_system(&dir.path().join("system.db"), false).unwrap();
        let (hub, tasks, world) = (Hub::new(), Tasks::new(), Arc::new(Fake::default()));
        let clock = Arc::new(AtomicI64::new(at(now)));
        let shown = Arc::clone(&clock);
        let leases = dir.path().join("leases");
        let rules = Rulebook::new(Parts {
            system: system.clone(),
            hub: hub.clone(),
            tasks: tasks.clone(),
            leases: leases.clone(),
            data: dir.path().to_owned(),
            world: world.clone(),
            clock: Arc::new(move || shown.load(Ordering::SeqCst)),
            zone: TimeZone::UTC,
            look: Duration::from_millis(20),
        });
        let events = hub.subscribe(account(&system).await, SessionId::new());
        let doing = Arc::new(Doing { rules: rules.clone(), done: Mutex::default() });
        let ms = Duration::from_millis;
        let jobs = Jobs::new(line::Parts {
            system,
            hub,
            tasks,
            live: Live::fixed(Config::default()),
            leases,
            runner: doing.clone(),
            metrics: crate::metrics::Metrics::new(),
            pace: Pace { first_wait: ms(5), longest_wait: ms(20), tell: ms(5), write: ms(5), look: ms(20) },
        });
        Self { rules, jobs, doing, world, clock, events }
    }

    async fn rule(&self, action: Action, when: When) -> RuleId {
        self.rule_if(action, when, Only::default()).await
    }

    async fn rule_if(&self, action: Action, when: When, only: Only) -> RuleId {
        let (id, now) = (RuleId::new(), self.rules.now());
        let new = NewRule { name: id.to_string(), action, when, only, enabled: true, confirmed: true };
        api::check(&new).unwrap();
        let made = self.rules.0.system.write::<_, StoreError>(move |tx| rules::insert(tx, id, &new, None, now));
        made.await.unwrap();
        id
    }

    fn set(&self, now: i64) {
        self.clock.store(now, Ordering::SeqCst);
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// One look; what it began is worked off to its end.
    async fn look(&self) -> Vec<RuleRun> {
        let (begun, _) = self.rules.look(Looking::Again).await.unwrap();
        self.worked_off(begun).await
    }

    async fn worked_off(&self, begun: Vec<JobId>) -> Vec<RuleRun> {
        self.jobs.take_up_these(begun.iter().copied());
        let mut inbox = self.rules.ends(begun);
        let mut ended = Vec::new();
        let waiting = async {
            while let Some(run) = inbox.recv().await {
                ended.push(run);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the runs end");
        ended
    }

    /// As somebody begins it by hand.
    async fn by_hand(&self, rule: RuleId, dry_run: bool) -> RuleRun {
        let job = self.begun_by_hand(rule, dry_run).await;
        self.worked_off(vec![job]).await.remove(0)
    }

    async fn begun_by_hand(&self, rule: RuleId, dry_run: bool) -> JobId {
        let (now, job) = (self.rules.now(), JobId::new());
        let begun = rules::Begun { rule, job, at: now, due_at: None, again: false, account: None, dry_run };
        let work = Work::Rule(RuleWork { rule, name: "x".to_owned(), dry_run });
        let put = self.rules.0.system.write::<_, StoreError>(move |tx| {
            rules::begin(tx, &begun)?;
            jobs::insert(tx, job, &work, None, now)
        });
        put.await.unwrap();
        job
    }

    /// The open jobs, as soon as this is so.
    async fn until(&mut self, so: impl Fn(&[jobs::Kept]) -> bool) -> Vec<jobs::Kept> {
        let waiting = async {
            loop {
                let open = self.rules.0.system.read::<_, StoreError>(jobs::open).await.unwrap();
                if so(&open) {
                    return open;
                }
                // Told late, it is looked at again all the same.
                let _ = tokio::time::timeout(Duration::from_millis(50), self.events.recv()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it becomes so")
    }

    async fn stands(&self, id: RuleId) -> rules::Kept {
        self.rules.kept(id).await.unwrap()
    }

    /// Somebody got an answer of this model.
    async fn answered(&self, model: &'static str, at: i64) {
        let noted = self.rules.0.system.write::<_, StoreError>(move |tx| {
            let used = Used {
                account: AccountId::new(),
                model,
                answer: MessageId::new(),
                outcome: MessageState::Done,
                fault: None,
                metrics: &Metrics::default(),
                counted: 0,
                wall_day: at.div_euclid(DAY),
            };
            usage::note(tx, &used, at)
        });
        noted.await.unwrap();
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut *self.doing.done.lock().unwrap())
    }

    async fn trail(&self) -> Vec<String> {
        let read = |tx: &Tx<'_>| audit::list(tx, &AuditFilter::default(), None, None, 50);
        let trail = self.rules.0.system.read::<_, StoreError>(read).await.unwrap();
        trail.into_iter().map(|entry| format!("{} {}", entry.action, entry.result)).collect()
    }
}

async fn account(system: &Db) -> AccountId {
    system
        .write::<_, StoreError>(|tx| {
            if let Some(known) = jobs::listeners(tx, 1)?.first() {
                return Ok(*known);
            }
            let id = AccountId::new();
            accounts::insert(tx, id, "ann", Role::Admin, uuid::Uuid::now_v7(), 1)?;
            Ok(id)
        })
        .await
        .unwrap()
}

fn model(name: &str, modified_at: &str) -> Model {
    Model {
        name: name.to_owned(),
        bytes: 1,
        digest: String::new(),
        family: String::new(),
        parameters: String::new(),
        quantization: String::new(),
        context_length: None,
        capabilities: Vec::new(),
        modified_at: modified_at.to_owned(),
        loaded: None,
        remote: false,
    }
}

fn became(run: &RuleRun) -> Vec<(&str, Became)> {
    run.report.items.iter().map(|item| (item.what.as_str(), item.became)).collect()
}

const DAILY: When = When::Daily { at: TimeOfDay { hour: 3, minute: 0 } };

#[tokio::test]
async fn two_processes_run_what_is_due_once() {
    let dir = tempfile::tempdir().unwrap();
    let one = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    let id = one.rule(Action::Check, DAILY).await;
    let other = Desk::open(&dir, NIGHT).await;
    one.set(at(NIGHT));
    let (first, second) = tokio::join!(one.rules.look(Looking::Again), other.rules.look(Looking::Again));
    let begun = [first.unwrap().0, second.unwrap().0].concat();
    assert_eq!(begun.len(), 1);
    let runs = one.worked_off(begun).await;
    assert_eq!((runs[0].result, runs[0].due_at), (RunResult::Done, Some(at(NIGHT))));
    assert_eq!(one.done(), ["check the store"]);
    // Nor does it when the clock is set back and strikes again.
    for desk in [&one, &other] {
        desk.set(at(NIGHT) - 30 * MINUTE);
        assert!(desk.look().await.is_empty());
        desk.set(at(NIGHT) + MINUTE);
        assert!(desk.look().await.is_empty());
    }
    assert_eq!(one.stands(id).await.rule.last.unwrap().result, RunResult::Done);
}

#[tokio::test]
async fn one_window_of_all_looks_after_the_rules_and_a_start_is_the_first_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Desk::open(&dir, NIGHT).await;
    let id = one.rule(Action::Check, When::Start).await;
    one.jobs.take_up_all();
    one.rules.follow();
    let begun = async {
        while one.stands(id).await.rule.last.is_none() {
            // Told late, it is looked at again all the same.
            let _ = tokio::time::timeout(Duration::from_millis(50), one.events.recv()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), begun).await.expect("it is begun");
    let other = Desk::open(&dir, NIGHT).await;
    other.rules.follow();
    // A moment is taken once, so time has to go on for another one.
    for desk in [&one, &other] {
        desk.pass(60 * MINUTE);
    }
    // It looks as often as the first, and would have begun it by the time that the first has looked again.
    assert!(other.rules.chore().await.is_none(), "the first has the lock");
    assert!(one.look().await.is_empty() && other.look().await.is_empty(), "this was no start");
    let runs = one.rules.0.system.read::<_, StoreError>(move |tx| rules::runs(tx, Some(id), None, 10)).await.unwrap();
    assert_eq!(runs.len(), 1);
}

#[tokio::test]
async fn what_always_fails_is_tried_later_and_later_and_then_paused_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    let id = desk.rule(Action::Unload { minutes: 5 }, DAILY).await;
    *desk.world.is_away.lock().unwrap() = true;
    desk.set(at(NIGHT));
    let mut waits = Vec::new();
    for failure in 1..=FAILURES_MAX {
        let runs = desk.look().await;
        assert_eq!(runs.len(), 1, "failure {failure}");
        assert_eq!((runs[0].result, runs[0].report.words.as_str()), (RunResult::Failed, "Ollama is away."));
        let kept = desk.stands(id).await;
        assert_eq!(kept.rule.failures, failure);
        if let Some((due, again)) = kept.again {
            assert_eq!(due, at(NIGHT), "it is still the run of that night");
            waits.push((again - desk.rules.now()) / MINUTE);
            desk.set(again - 1);
            assert!(desk.look().await.is_empty(), "not before its time");
            desk.set(again);
        }
    }
    assert_eq!(waits, [15, 30, 60, 120]);
    let kept = desk.stands(id).await;
    assert_eq!(kept.rule.standing(), "paused");
    assert!(kept.rule.paused_because.unwrap().contains("5 times in a row. Ollama is away."));
    let told = async {
        loop {
            if let Some(Event::Notice(fault)) = desk.events.recv().await {
                return fault;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    assert!(told.message.contains("is paused"), "{told:?}");
    desk.pass(7 * 24 * 60 * MINUTE);
    assert!(desk.look().await.is_empty(), "paused is paused");
    let standing = |tx: &Tx<'_>| crate::store::system::health::jobs_standing(tx, 1);
    let found = desk.rules.0.system.read::<_, StoreError>(standing).await.unwrap().paused;
    assert!(found.len() == 1 && found[0].1.contains("5 times in a row"), "and it is a finding of health: {found:?}");
    let trail = desk.trail().await;
    assert_eq!(trail.iter().filter(|line| *line == "rules.run failed").count(), 5);
    assert_eq!(trail[0], "rules.pause ok");
}

#[tokio::test]
async fn a_run_that_goes_well_forgets_the_failures_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    let id = desk.rule(Action::Unload { minutes: 5 }, DAILY).await;
    *desk.world.is_away.lock().unwrap() = true;
    desk.set(at(NIGHT));
    desk.look().await;
    *desk.world.is_away.lock().unwrap() = false;
    desk.pass(15 * MINUTE);
    assert_eq!(desk.look().await[0].result, RunResult::Nothing);
    let kept = desk.stands(id).await;
    assert_eq!((kept.rule.failures, kept.again), (0, None));
    assert!(!desk.trail().await.contains(&"rules.run ok".to_owned()), "nothing was changed, so nothing is written");
}

#[tokio::test]
async fn what_fails_of_a_run_does_not_keep_the_rest_from_being_done() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let embeds = Model { capabilities: vec!["embedding".to_owned()], ..model("embeds", NIGHT) };
    *desk.world.installed.lock().unwrap() = vec![model("broken", NIGHT), model("fine", NIGHT), embeds];
    let id = desk.rule(Action::Benchmark { models: Models::All, repeats: 1 }, When::ByHand).await;
    let run = desk.by_hand(id, false).await;
    let (failed, skipped) = (("broken", Became::Failed), ("embeds", Became::Skipped));
    assert_eq!(became(&run), [failed, ("fine", Became::Done), skipped]);
    assert_eq!((run.result, run.report.items[0].words.as_str()), (RunResult::Partly, "It is broken."));
    assert_eq!(desk.stands(id).await.rule.failures, 0, "by hand, somebody sees it");
}

#[tokio::test]
async fn what_a_dead_process_had_begun_is_gone_on_with_and_not_begun_twice() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    *desk.world.installed.lock().unwrap() = ["a", "b"].map(|name| model(name, NIGHT)).to_vec();
    let rule = desk.rule(Action::Benchmark { models: Models::All, repeats: 1 }, When::ByHand).await;
    let (job, now) = (JobId::new(), desk.rules.now());
    let begun = rules::Begun { rule, job, at: now, due_at: None, again: false, account: None, dry_run: false };
    // It had planned both, and had done the first.
    let put = desk.rules.0.system.write::<_, StoreError>(move |tx| {
        rules::begin(tx, &begun)?;
        jobs::insert(tx, job, &Work::Rule(RuleWork { rule, name: "x".into(), dry_run: false }), None, now)?;
        let dead = |pid| Holder { seq: 0, id: uuid::Uuid::now_v7(), boot: "b".into(), pid, started: 1 };
        let holder = dead(1);
        jobs::claim(tx, job, &holder, now)?;
        let (first, bench) = (JobId::new(), |model: &str| Work::Benchmark { model: model.into(), repeats: 1 });
        jobs::insert(tx, first, &bench("a"), None, now)?;
        let other = dead(2);
        jobs::claim(tx, first, &other, now)?;
        jobs::end(tx, first, &other, &Ended::Done { outcome: "Done before.".into() }, None, now)?;
        let step = |model: &str| serde_json::json!({ "what": model, "act": { "Work": bench(model) } });
        let way = serde_json::json!({ "steps": [step("a"), step("b")], "come": [{ "Begun": first }] });
        jobs::keep(tx, job, &holder, &way)?;
        Ok(())
    });
    put.await.unwrap();
    let run = desk.worked_off(vec![job]).await.remove(0);
    let words: Vec<&str> = run.report.items.iter().map(|item| item.words.as_str()).collect();
    assert_eq!((words, run.result), (vec!["Done before.", "Done."], RunResult::Done));
    assert_eq!(desk.done(), ["benchmark b"]);
}

#[tokio::test]
async fn a_cancelled_run_takes_along_what_it_began_and_leaves_what_others_asked_for() {
    use crate::api::jobs::JobState;
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, NIGHT).await;
    let names = ["endless-a", "endless-b", "endless-c", "endless-d"];
    *desk.world.installed.lock().unwrap() = names.map(|name| model(name, NIGHT)).to_vec();
    let bench = |model: &str| Work::Benchmark { model: model.into(), repeats: 1 };
    let person = account(&desk.rules.0.system).await;
    // Somebody has begun the last one before, and paused it.
    let Start::Begun(before) = desk.jobs.put_in_line(person, bench("endless-d"), true).await.unwrap() else { panic!() };
    let id = before.id;
    let pause = move |tx: &Tx<'_>| jobs::put(tx, id, JobState::Waiting, JobState::Paused, 1);
    assert!(desk.rules.0.system.write::<_, StoreError>(pause).await.unwrap());
    let rule = desk.rule(Action::Benchmark { models: Models::All, repeats: 1 }, When::ByHand).await;
    let run = desk.begun_by_hand(rule, false).await;
    desk.jobs.take_up_these([run]);
    let is_waiting_for_them = |open: &[jobs::Kept]| {
        let noted = open.iter().any(|kept| kept.job.id == run && kept.job.progress.step.contains("of 4"));
        noted && open.iter().any(|kept| kept.job.work.model() == "endless-a" && kept.job.state == JobState::Running)
    };
    desk.until(is_waiting_for_them).await;
    // And somebody asks for the third, which the run has begun.
    let Start::UnderWay(third) = desk.jobs.put_in_line(person, bench("endless-c"), true).await.unwrap() else {
        panic!()
    };

    let cancel = move |tx: &Tx<'_>| jobs::wish(tx, run, jobs::Wish::Cancel, 1);
    desk.rules.0.system.write::<_, StoreError>(cancel).await.unwrap();
    let told = desk.worked_off(vec![run]).await.remove(0);
    assert_eq!(told.result, RunResult::Cancelled);
    let skipped = |name| (name, Became::Skipped);
    let goes_on = |name| (name, Became::UnderWay);
    assert_eq!(became(&told), [skipped("endless-a"), skipped("endless-b"), goes_on("endless-c"), goes_on("endless-d")]);
    assert_eq!(
        told.report.words,
        "Somebody cancelled it. With it 2 jobs that it had begun. 2 of its jobs go on, because others asked for the same."
    );
    let open = desk.until(|_| true).await;
    let left: BTreeSet<JobId> = open.iter().map(|kept| kept.job.id).collect();
    assert_eq!(left, BTreeSet::from([before.id, third.id]));
    assert!(open.iter().all(|kept| kept.parent.is_none() && kept.asked == 1), "they are the others' now: {open:?}");
    let trail = desk.trail().await;
    assert_eq!(trail.iter().filter(|entry| *entry == "jobs.cancel ok").count(), 2, "{trail:?}");
    assert_eq!(desk.stands(rule).await.rule.failures, 0);
}

#[tokio::test]
async fn what_a_dead_process_had_begun_and_not_ended_is_ended_here() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let rule = desk.rule(Action::Benchmark { models: Models::All, repeats: 1 }, When::ByHand).await;
    let (job, part, now) = (JobId::new(), JobId::new(), desk.rules.now());
    let begun = rules::Begun { rule, job, at: now, due_at: None, again: false, account: None, dry_run: false };
    let put = desk.rules.0.system.write::<_, StoreError>(move |tx| {
        rules::begin(tx, &begun)?;
        jobs::insert(tx, job, &Work::Rule(RuleWork { rule, name: "x".into(), dry_run: false }), None, now)?;
        let bench = Work::Benchmark { model: "a".into(), repeats: 1 };
        jobs::insert(tx, part, &bench, None, now)?;
        let holder = Holder { seq: 0, id: uuid::Uuid::now_v7(), boot: "b".into(), pid: 1, started: 1 };
        // Process after process was killed in the middle of it, as often as a run waits for one that fails.
        for in_vain in 1..=4 {
            jobs::claim(tx, part, &holder, now)?;
            let error = Fault::new(FaultKind::Internal, "The program ended in the middle of it.");
            jobs::end(tx, part, &holder, &Ended::Again { error, next_at: now, in_vain }, None, now)?;
        }
        jobs::claim(tx, job, &holder, now)?;
        let steps = serde_json::json!([{ "what": "a", "act": { "Work": bench } }]);
        jobs::keep(tx, job, &holder, &serde_json::json!({ "steps": steps, "come": [{ "Begun": part }] }))?;
        Ok(())
    });
    put.await.unwrap();
    assert_eq!(desk.worked_off(vec![job]).await.remove(0).result, RunResult::Done);
    assert_eq!(desk.done(), ["benchmark a"], "nobody else was there for it");
}

#[tokio::test]
async fn of_each_rule_so_many_runs_are_kept_and_those_of_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let (much, little) = (desk.rule(Action::Check, When::ByHand).await, desk.rule(Action::Check, When::ByHand).await);
    let counts = desk.rules.0.system.write::<_, StoreError>(move |tx| {
        let run = |rule, at: i64| {
            let job = JobId::new();
            let begun = rules::Begun { rule, job, at, due_at: Some(at), again: false, account: None, dry_run: false };
            rules::begin(tx, &begun)?;
            rules::end(tx, job, RunResult::Done, &api::RunReport::default(), at)
        };
        run(little, 1)?;
        for at in 0..i64::from(api::RUNS_KEPT) + 50 {
            run(much, at)?;
        }
        let kept = |rule| Ok::<_, StoreError>(rules::runs(tx, Some(rule), None, 1000)?.len());
        Ok((kept(much)?, kept(little)?))
    });
    assert_eq!(counts.await.unwrap(), (api::RUNS_KEPT as usize, 1));
}

#[tokio::test]
async fn a_cancelled_run_is_written_as_cancelled_and_counts_as_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    let id = desk.rule(Action::Check, DAILY).await;
    desk.set(at(NIGHT));
    let (begun, _) = desk.rules.look(Looking::Again).await.unwrap();
    let job = begun[0];
    desk.rules
        .0
        .system
        .write::<_, StoreError>(move |tx| {
            use crate::api::jobs::JobState;
            assert!(jobs::put(tx, job, JobState::Waiting, JobState::Cancelled, 1)?);
            Ok(())
        })
        .await
        .unwrap();
    assert!(desk.look().await.is_empty(), "nor is it run again that night");
    let kept = desk.stands(id).await;
    assert_eq!((kept.rule.last.unwrap().result, kept.rule.failures), (RunResult::Cancelled, 0));
}

#[tokio::test]
async fn what_a_condition_keeps_away_waits_with_its_reason_and_is_skipped_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    let (from, to) = (TimeOfDay { hour: 3, minute: 30 }, TimeOfDay { hour: 4, minute: 0 });
    let only = Only { between: Some((from, to)), ..Only::default() };
    let id = desk.rule_if(Action::Check, DAILY, only).await;
    desk.set(at(NIGHT));
    assert!(desk.look().await.is_empty());
    assert!(desk.stands(id).await.rule.waits_because.unwrap().contains("03:30"));
    desk.pass(31 * MINUTE);
    assert_eq!(desk.look().await[0].result, RunResult::Done);
    assert_eq!(desk.stands(id).await.rule.waits_because, None);
    // The next night the machine is there at 3:00, and then not until the afternoon.
    desk.set(at(NIGHT) + 24 * 60 * MINUTE);
    desk.look().await;
    desk.pass(13 * 60 * MINUTE);
    assert!(desk.look().await.is_empty());
    let last = desk.stands(id).await.rule.last.unwrap();
    assert_eq!(last.result, RunResult::Skipped);
    assert!(last.report.words.starts_with("It waited in vain"), "{}", last.report.words);
}

#[tokio::test]
async fn a_full_disk_is_told_once_until_there_was_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let id = desk.rule(Action::PruneBackups, When::DiskBelow { bytes: u64::MAX }).await;
    assert_eq!(desk.look().await.len(), 1);
    desk.pass(60 * MINUTE);
    assert!(desk.look().await.is_empty(), "it is as full as it was");
    desk.rules
        .0
        .system
        .write::<_, StoreError>(move |tx| rules::keep_seen(tx, id, Some("{\"told\":false}")))
        .await
        .unwrap();
    assert_eq!(desk.look().await.len(), 1);
}
