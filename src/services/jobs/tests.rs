//! The line itself, with work that does what the test says.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::{
    api::{SessionId, admin::AuditFilter, auth::Role},
    config::{Config, house::overlay::HouseValues},
    store::{
        While,
        system::{accounts, open_system},
        vault::lease::Holder,
    },
};

/// What an attempt comes to.
#[derive(Clone, Copy)]
enum Comes {
    ToItsEnd,
    ToNothingForNow,
    /// Some of it came.
    ToALittle,
    ToNothing,
    /// It goes on until it is stopped.
    Never,
    /// By a mistake of ours.
    ToAPanic,
    /// It goes on until this, and is not stopped meanwhile.
    ThroughWhateverIsWished,
}

/// By the number of the attempt.
type Script = Box<dyn Fn(u32) -> Comes + Send>;

/// What the next attempts come to, and how many are at it.
struct Scripted {
    outcome: Mutex<Script>,
    begun: watch::Sender<u32>,
    most: AtomicU32,
    live: AtomicU32,
    let_go: Notify,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

struct AtIt<'a>(&'a AtomicU32);

impl Drop for AtIt<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Runner for Scripted {
    fn check<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<String, Fault>> {
        let refused = work.model() == "refused";
        async move { if refused { Err(Fault::invalid("Refused.")) } else { Ok("would be done".to_owned()) } }.boxed()
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        async move {
            let live = self.live.fetch_add(1, Ordering::SeqCst) + 1;
            let _live = AtIt(&self.live);
            self.most.fetch_max(live, Ordering::SeqCst);
            self.begun.send_modify(|begun| *begun += 1);
            attempt.tell(JobProgress {
                step: "at it".into(),
                done: u64::from(attempt.number),
                ..JobProgress::default()
            });
            let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner)(attempt.number);
            let failed = || Fault::new(FaultKind::Ollama, "It failed.");
            match outcome {
                Comes::ToItsEnd => Ok("Done.".to_owned()),
                Comes::ToNothingForNow => Err(Setback::for_now(failed(), false)),
                Comes::ToALittle => Err(Setback::for_now(failed(), true)),
                Comes::ToNothing => Err(Setback::for_good(failed())),
                Comes::Never => std::future::pending().await,
                Comes::ToAPanic => panic!("as the test wants it"),
                Comes::ThroughWhateverIsWished => {
                    attempt.goes_through();
                    self.let_go.notified().await;
                    Ok("Gone through.".to_owned())
                }
            }
        }
        .boxed()
    }

    fn deadline(&self, work: &Work) -> Option<Duration> {
        (work.model() == "slow").then_some(Duration::from_millis(20))
    }
}

/// One process' worth of the service.
struct Desk {
    jobs: Jobs,
    runner: Arc<Scripted>,
    tasks: Tasks,
    events: mpsc::Receiver<Event>,
}

impl Desk {
    async fn open(dir: &tempfile::TempDir, outcome: impl Fn(u32) -> Comes + Send + 'static) -> Self {
        Self::open_with(dir, outcome, Config::default()).await
    }

    async fn open_with(
        dir: &tempfile::TempDir,
        outcome: impl Fn(u32) -> Comes + Send + 'static,
        config: Config,
    ) -> Self {
        Self::set_up(dir, &[], outcome, config).await
    }

    async fn where_the_house_says(
        dir: &tempfile::TempDir,
        says: &[(&str, &str)],
        outcome: impl Fn(u32) -> Comes + Send + 'static,
    ) -> Self {
        Self::set_up(dir, says, outcome, Config::default()).await
    }

    async fn set_up(
        dir: &tempfile::TempDir,
        says: &[(&str, &str)],
        outcome: impl Fn(u32) -> Comes + Send + 'static,
        config: Config,
    ) -> Self {
        let says: Arc<HouseValues> =
            Arc::new(says.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let live = Live::fixed(config);
        live.follow_house(Box::new(move || Arc::clone(&says)));
        let system = open_system(&dir.path().join("system.db"), false).unwrap();
        let runner = Arc::new(Scripted {
            outcome: Mutex::new(Box::new(outcome)),
            begun: watch::Sender::new(0),
            most: AtomicU32::new(0),
            live: AtomicU32::new(0),
            let_go: Notify::new(),
        });
        let (hub, tasks) = (Hub::new(), Tasks::new());
        let account = account(&system).await;
        let events = hub.subscribe(account, SessionId::new());
        let ms = Duration::from_millis;
        let jobs = Jobs::new(Parts {
            system,
            hub,
            tasks: tasks.clone(),
            live,
            leases: dir.path().join("leases"),
            runner: runner.clone(),
            pace: Pace { first_wait: ms(5), longest_wait: ms(20), tell: ms(5), write: ms(5), look: ms(20) },
            metrics: crate::metrics::Metrics::new(),
        });
        Self { jobs, runner, tasks, events }
    }

    async fn begin(&self, work: Work) -> Start {
        self.jobs.put_in_line(AccountId::new(), work, false).await.unwrap()
    }

    async fn begun(&self, work: Work) -> JobId {
        match self.begin(work).await {
            Start::Begun(job) => job.id,
            other => panic!("{other:?}"),
        }
    }

    async fn at(&self, id: JobId) -> Job {
        self.jobs.kept(id).await.unwrap().job
    }

    /// Waits until a job stands so, by what is told.
    async fn until(&mut self, id: JobId, what: impl Fn(&Job) -> bool) -> Job {
        let waiting = async {
            loop {
                let job = self.at(id).await;
                if what(&job) {
                    return job;
                }
                // Told late or elsewhere, it is looked at again all the same.
                let _ = tokio::time::timeout(Duration::from_millis(50), self.events.recv()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the job comes to stand so")
    }

    async fn state(&mut self, id: JobId, state: JobState) -> Job {
        self.until(id, |job| job.state == state).await
    }
}

/// A process that is no more.
fn dead() -> Holder {
    Holder { seq: 0, id: uuid::Uuid::now_v7(), boot: "b".into(), pid: 1, started: 1 }
}

/// An administrator of this installation, made once.
async fn account(system: &Db) -> AccountId {
    system
        .write::<_, StoreError>(|tx| {
            if let Some(known) = jobs::listeners(tx, now())?.first() {
                return Ok(*known);
            }
            let id = AccountId::new();
            accounts::insert(tx, id, "ann", Role::Admin, uuid::Uuid::now_v7(), now())?;
            Ok(id)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_is_done_and_its_end_is_in_the_table_and_in_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let id = desk.begun(Work::install("tiny")).await;
    let job = desk.state(id, JobState::Done).await;
    assert_eq!((job.attempts, job.outcome.as_deref(), job.progress.step.as_str()), (1, Some("Done."), "at it"));
    let trail = desk
        .jobs
        .0
        .parts
        .system
        .read::<_, StoreError>(|tx| audit::list(tx, &AuditFilter::default(), None, None, 9))
        .await;
    let told: Vec<(String, String, String)> =
        trail.unwrap().into_iter().map(|entry| (entry.action, entry.target, entry.result)).collect();
    let row = |result: &str| ("models.install".to_owned(), "tiny".to_owned(), result.to_owned());
    assert_eq!(told, [row("ok"), row("begun")]);
}

#[tokio::test]
async fn only_so_many_installs_run_at_once_and_all_get_their_turn() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::Never).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(desk.begun(Work::install(format!("m{number}"))).await);
    }
    for id in ids {
        desk.state(id, JobState::Running).await;
        desk.jobs.ask(AccountId::new(), id, Wish::Cancel).await.unwrap();
        desk.state(id, JobState::Cancelled).await;
    }
    assert_eq!(desk.runner.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_after_a_while_and_what_fails_for_good_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |number| if number < 3 { Comes::ToNothingForNow } else { Comes::ToItsEnd }).await;
    let id = desk.begun(Work::install("tiny")).await;
    assert_eq!(desk.state(id, JobState::Done).await.attempts, 3);

    *desk.runner.outcome.lock().unwrap() = Box::new(|_| Comes::ToNothing);
    let id = desk.begun(Work::install("other")).await;
    let job = desk.state(id, JobState::Failed).await;
    assert_eq!((job.attempts, job.error.unwrap().message.as_str()), (1, "It failed."));
    // And by hand it is tried again.
    *desk.runner.outcome.lock().unwrap() = Box::new(|_| Comes::ToItsEnd);
    desk.jobs.again(AccountId::new(), id, false, "jobs.retry").await.unwrap();
    let job = desk.state(id, JobState::Done).await;
    assert_eq!((job.attempts, job.error), (2, None));
}

#[tokio::test]
async fn the_house_says_how_many_run_at_once_and_how_often_one_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let says = [("jobs.installs_at_once", "1"), ("jobs.attempts", "2")];
    let mut desk = Desk::where_the_house_says(&dir, &says, |_| Comes::ToNothingForNow).await;
    let ids = [desk.begun(Work::install("one")).await, desk.begun(Work::install("other")).await];
    for id in ids {
        assert_eq!(desk.state(id, JobState::Failed).await.attempts, 3);
    }
    assert_eq!(desk.runner.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_always_fails_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ToNothingForNow).await;
    let id = desk.begun(Work::install("tiny")).await;
    let job = desk.state(id, JobState::Failed).await;
    assert_eq!(job.attempts, 9);
    assert!(job.next_at.is_none());
}

#[tokio::test]
async fn one_that_takes_too_long_is_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::Never).await;
    let id = desk.begun(Work::Load { model: "slow".into(), keep: None }).await;
    assert_eq!(desk.state(id, JobState::Failed).await.error.unwrap().kind, FaultKind::Timeout);
}

#[tokio::test]
async fn a_paused_job_waits_until_it_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |number| if number == 1 { Comes::Never } else { Comes::ToItsEnd }).await;
    let id = desk.begun(Work::install("tiny")).await;
    desk.state(id, JobState::Running).await;
    desk.jobs.ask(AccountId::new(), id, Wish::Pause).await.unwrap();
    let job = desk.state(id, JobState::Paused).await;
    assert!(desk.jobs.state().running.is_empty() && job.next_at.is_none());
    assert!(matches!(desk.begin(Work::install("Tiny:latest")).await, Start::UnderWay(job) if job.id == id));
    desk.jobs.again(AccountId::new(), id, false, "jobs.resume").await.unwrap();
    assert_eq!(desk.state(id, JobState::Done).await.attempts, 2);
    let fault = desk.jobs.ask(AccountId::new(), id, Wish::Pause).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict, "it has ended");
}

#[tokio::test]
async fn a_batch_goes_on_past_what_cannot_be_begun_and_a_dry_run_begins_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, |_| Comes::Never).await;
    let works = ["a", "refused", "A:latest"].map(Work::install);
    let mut told = Vec::new();
    for work in &works {
        told.push(match desk.jobs.0.parts.runner.check(work).await {
            Ok(words) => desk.jobs.foreseen(work, words, &works[..1]).await.unwrap(),
            Err(fault) => Start::Refused(fault),
        });
    }
    assert!(matches!(&told[1], Start::Refused(fault) if fault.message == "Refused."), "{told:?}");
    assert_eq!(desk.jobs.0.parts.system.read::<_, StoreError>(jobs::open).await.unwrap().len(), 0);
    let id = desk.begun(Work::install("a")).await;
    assert!(matches!(desk.begin(Work::install("A:latest")).await, Start::UnderWay(job) if job.id == id));
    let remove = Work::remove("a");
    assert!(matches!(desk.begin(remove).await, Start::Refused(fault) if fault.kind == FaultKind::Conflict));
}

#[tokio::test]
async fn what_the_end_of_the_program_broke_off_goes_on_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Desk::open(&dir, |_| Comes::Never).await;
    let id = first.begun(Work::install("tiny")).await;
    first.state(id, JobState::Running).await;
    assert_eq!(first.tasks.stop(Duration::from_secs(5)).await, Vec::<String>::new());
    let job = first.at(id).await;
    assert_eq!((job.state, job.error), (JobState::Waiting, None), "nobody's fault");
    let mut second = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    second.jobs.take_up_all();
    assert_eq!(second.state(id, JobState::Done).await.attempts, 2);
}

#[tokio::test]
async fn a_command_takes_up_its_own_and_a_window_takes_up_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let Start::Begun(left) = command.jobs.put_in_line(AccountId::new(), Work::install("left"), true).await.unwrap()
    else {
        panic!("it is begun")
    };
    let own = command.begun(Work::install("own")).await;
    command.state(own, JobState::Done).await;
    assert_eq!(command.at(left.id).await.state, JobState::Waiting, "nobody here was asked for it");
    let mut window = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    window.jobs.take_up_all();
    window.state(left.id, JobState::Done).await;
}

#[tokio::test]
async fn two_processes_see_each_others_jobs_and_stop_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Desk::open(&dir, |_| Comes::Never).await;
    let mut other = Desk::open(&dir, |_| Comes::Never).await;
    one.jobs.take_up_all();
    other.jobs.take_up_all();
    let id = one.begun(Work::install("tiny")).await;
    one.state(id, JobState::Running).await;
    let heard = async { while other.events.recv().await != Some(Event::Job(JobNews::Elsewhere)) {} };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("the other is told");
    let (here, there) = (one.jobs.as_here(one.at(id).await), other.jobs.as_here(other.at(id).await));
    assert_ne!(here.is_here, there.is_here, "it runs in one of them");
    let elsewhere = if here.is_here { &other } else { &one };
    elsewhere.jobs.ask(AccountId::new(), id, Wish::Cancel).await.unwrap();
    one.state(id, JobState::Cancelled).await;
    let begun = *one.runner.begun.borrow() + *other.runner.begun.borrow();
    assert_eq!(begun, 1, "never in both");
}

#[tokio::test]
async fn what_a_dead_process_held_is_taken_over_and_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let system = desk.jobs.0.parts.system.clone();
    let claimed = async |work: Work, deaths: u32| {
        let id = JobId::new();
        let holder = dead();
        let read = move |tx: &crate::store::Tx<'_>| {
            jobs::insert(tx, id, &work, None, now())?;
            jobs::claim(tx, id, &holder, now())?;
            for _ in 0..deaths {
                let error = Fault::new(FaultKind::Internal, "died");
                let in_vain = jobs::get(tx, id)?.unwrap().in_vain + 1;
                jobs::end(tx, id, &holder, &Ended::Again { error, next_at: 0, in_vain }, None, now())?;
                jobs::claim(tx, id, &holder, now())?;
            }
            Ok(())
        };
        system.write::<_, StoreError>(read).await.unwrap();
        id
    };
    let once = claimed(Work::install("once"), 0).await;
    let always = claimed(Work::install("always"), 8).await;
    desk.jobs.take_up_all();
    assert_eq!(desk.state(once, JobState::Done).await.attempts, 2);
    let job = desk.state(always, JobState::Failed).await;
    assert!(job.error.unwrap().hint.is_some(), "it may be what kills them");
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_by_whoever_looks_after_the_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let system = desk.jobs.0.parts.system.clone();
    let ended = async |days: i64| {
        let (id, at) = (JobId::new(), now() - days * 86_400_000);
        let holder = dead();
        let write = move |tx: &crate::store::Tx<'_>| {
            jobs::insert(tx, id, &Work::install("m"), None, at)?;
            jobs::claim(tx, id, &holder, at)?;
            jobs::end(tx, id, &holder, &Ended::Done { outcome: "Done.".into() }, None, at).map(drop)
        };
        system.write::<_, StoreError>(write).await.unwrap();
        id
    };
    let (old, lately) = (ended(31).await, ended(29).await);
    desk.jobs.take_up_all();
    let is_there = async |id| system.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await.unwrap().is_some();
    let gone = async {
        while is_there(old).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is forgotten after thirty days");
    assert!(is_there(lately).await);
}

#[tokio::test]
async fn somebody_who_may_not_manage_models_hears_nothing_of_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let member = AccountId::new();
    let add = move |tx: &crate::store::Tx<'_>| accounts::insert(tx, member, "ben", Role::User, uuid::Uuid::now_v7(), 1);
    desk.jobs.0.parts.system.write::<_, StoreError>(add).await.unwrap();
    let mut bens = desk.jobs.0.parts.hub.subscribe(member, SessionId::new());
    let id = desk.begun(Work::install("secret-model")).await;
    desk.state(id, JobState::Done).await;
    let heard = desk.events.recv().await;
    assert!(heard.is_some(), "an administrator does hear");
    while let Ok(event) = bens.try_recv() {
        assert_eq!(event, Event::Changed(crate::api::events::Changed::Models), "{event:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_again_and_again_is_given_up_although_something_comes_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.jobs.tries = 12;
    let mut desk = Desk::open_with(&dir, |_| Comes::ToALittle, config).await;
    let id = desk.begun(Work::install("m")).await;
    let job = desk.state(id, JobState::Failed).await;
    assert_eq!(job.attempts, 12, "more than a job gets that nothing comes of");
    let error = job.error.unwrap();
    assert!(error.message.contains("12 times") && error.hint.unwrap().contains("tries"), "it says where that is set");
    // Whoever begins it again by hand gives it as many tries anew.
    desk.jobs.again(AccountId::new(), id, false, "jobs.retry").await.unwrap();
    let job = desk.until(id, |job| job.state == JobState::Failed && job.attempts > 12).await;
    assert_eq!(job.attempts, 24);
}

#[tokio::test]
async fn one_that_panics_has_failed_and_says_so_instead_of_running_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |number| if number == 1 { Comes::ToAPanic } else { Comes::ToItsEnd }).await;
    let id = desk.begun(Work::install("tiny")).await;
    let job = desk.state(id, JobState::Failed).await;
    assert!(job.error.unwrap().message.contains("mistake in the program"));
    desk.jobs.again(AccountId::new(), id, false, "jobs.retry").await.unwrap();
    assert_eq!(desk.state(id, JobState::Done).await.attempts, 2);
}

#[tokio::test]
async fn what_has_come_to_its_last_step_is_told_as_done_whoever_wants_it_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ThroughWhateverIsWished).await;
    let id = JobId::new();
    let by = account(&desk.jobs.0.parts.system).await;
    let work = Work::Restore { which: crate::api::backup::Which::Named("x".into()), account: None };
    let begun = desk.jobs.begin_here(by, id, work).await.unwrap();
    assert_eq!((begun.state, begun.is_here), (JobState::Running, true), "no other process can take it");
    let paused = desk.jobs.ask(by, id, Wish::Pause).await.unwrap_err();
    assert!(paused.message.contains("cannot be paused"), "{paused:?}");
    desk.until(id, |job| job.state == JobState::Running && job.progress.done > 0).await;
    desk.jobs.ask(by, id, Wish::Cancel).await.unwrap();
    desk.runner.let_go.notify_one();
    assert_eq!(desk.state(id, JobState::Done).await.outcome.as_deref(), Some("Gone through."));
}

#[tokio::test]
async fn one_that_cannot_be_begun_tells_why_to_whoever_waits_and_goes_once_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let by = account(&desk.jobs.0.parts.system).await;
    let change = |sql: &'static str| {
        let system = desk.jobs.0.parts.system.clone();
        async move { system.write::<_, StoreError>(move |tx| tx.execute_batch(sql).while_("changing the rules")).await }
    };
    // As on a disk that has room for a row and not for what comes after it.
    change("CREATE INDEX full ON jobs (json_extract(iif(state = 'running', 'nonsense', '{}'), '$'))").await.unwrap();
    let id = desk.begun(Work::install("tiny")).await;
    let told = ended(desk.jobs.follow(by, id)).await;
    assert_eq!(told.unwrap_err().kind, FaultKind::Store);
    assert_eq!(desk.at(id).await.state, JobState::Waiting, "it stays in the line");
    change("DROP INDEX full").await.unwrap();
    desk.state(id, JobState::Done).await;
}

/// What whoever follows is told in the end.
async fn ended(mut followed: mpsc::Receiver<Followed>) -> Result<Box<Kept>, Fault> {
    let waiting = async {
        loop {
            match followed.recv().await.expect("it says how it ended") {
                Followed::Progress(_) => {}
                Followed::Ended(ended) => return ended,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("nobody waits for ever")
}

#[tokio::test]
async fn whoever_waits_for_what_a_dead_process_left_hears_how_it_ends_and_not_how_that_one_died() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, |_| Comes::ToItsEnd).await;
    let (by, id, holder) = (account(&desk.jobs.0.parts.system).await, JobId::new(), dead());
    let left = move |tx: &crate::store::Tx<'_>| {
        jobs::insert(tx, id, &Work::install("tiny"), None, now())?;
        jobs::claim(tx, id, &holder, now())?;
        let error = Fault::new(FaultKind::Internal, "The program ended in the middle of it.");
        jobs::end(tx, id, &holder, &Ended::Again { error, next_at: now(), in_vain: 1 }, None, now()).map(drop)
    };
    desk.jobs.0.parts.system.write::<_, StoreError>(left).await.unwrap();
    assert!(desk.jobs.seen(id).await.is_continue(), "nobody has begun it yet");
    let followed = desk.jobs.follow(by, id);
    desk.jobs.take_up_these([id]);
    assert_eq!(ended(followed).await.unwrap().job.state, JobState::Done);
}
