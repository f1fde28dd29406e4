//! A disk that hangs costs a backup, and nobody else; keys at hand for a job go with the session.

use std::{os::unix::fs::OpenOptionsExt as _, path::Path};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc;

use super::*;
use crate::{
    api::{
        JobId,
        auth::Role,
        jobs::{JobState, Work as JobWork},
    },
    config::{Config, live::Live},
    metrics::Metrics,
    services::{
        hub::Hub,
        jobs::{Attempt, Followed, Jobs, Pace as JobPace, Parts, Runner, Setback},
    },
    store::{
        StoreError,
        backup::Place,
        open::RawKey,
        system::{accounts, jobs, scratch::system},
    },
};

/// Does work on backups, as the line of jobs has it done.
#[derive(Debug)]
struct Hands(Backups);

impl Runner for Hands {
    fn check<'a>(&'a self, work: &'a JobWork) -> BoxFuture<'a, Result<String, Fault>> {
        self.0.check(work).boxed()
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        async move { self.0.work(&attempt).await }.boxed()
    }

    fn deadline(&self, _work: &JobWork) -> Option<Duration> {
        None
    }
}

struct Desk {
    system: Db,
    jobs: Jobs,
    place: Place,
    ann: AccountId,
    vault: std::path::PathBuf,
}

/// A house with one account and its vault, and so much patience with its disks.
async fn desk(home: &tempfile::TempDir, patience: Duration) -> Desk {
    let (data, tasks) = (home.path(), Tasks::new());
    let system = system(home);
    let (ann, file) = (AccountId::new(), Uuid::now_v7());
    system.write::<_, StoreError>(move |tx| accounts::insert(tx, ann, "ann", Role::Admin, file, 0)).await.unwrap();
    std::fs::create_dir(data.join("vaults")).unwrap();
    let vault = data.join("vaults").join(format!("{file}.db"));
    let opened = Vault::open(ann, &vault, &RawKey::copied(&[7; 32]), false).unwrap();
    drop(opened);
    let place = Place { data: data.to_path_buf(), backups: data.join("backups"), cautious: false };
    let ms = Duration::from_millis;
    let jobs = Jobs::new(Parts {
        system: system.clone(),
        hub: Hub::new(),
        tasks: tasks.clone(),
        live: Live::fixed(Config::default()),
        leases: data.join("leases"),
        runner: Arc::new(Hands(Backups::with_patience(system.clone(), place.clone(), tasks, patience))),
        metrics: Metrics::new(),
        pace: JobPace { first_wait: ms(5), longest_wait: ms(20), tell: ms(5), write: ms(5), look: ms(20) },
    });
    Desk { system, jobs, place, ann, vault }
}

impl Desk {
    /// Begins a backup, and tells what is told of it.
    async fn begin(&self) -> (JobId, mpsc::Receiver<Followed>) {
        let (id, ann) = (JobId::new(), self.ann);
        let put = move |tx: &crate::store::Tx<'_>| jobs::insert(tx, id, &JobWork::Backup { since: None }, Some(ann), 0);
        self.system.write::<_, StoreError>(put).await.unwrap();
        self.jobs.take_up_these([id]);
        (id, self.jobs.follow(ann, id))
    }

    async fn state(&self, id: JobId) -> JobState {
        let read = move |tx: &crate::store::Tx<'_>| jobs::get(tx, id);
        self.system.read::<_, StoreError>(read).await.unwrap().unwrap().job.state
    }

    fn left(&self) -> Vec<std::ffi::OsString> {
        let left = std::fs::read_dir(&self.place.backups).into_iter().flatten().flatten();
        left.map(|entry| entry.file_name()).filter(|name| name != ".lock").collect()
    }
}

/// Somebody who keeps a vault to themselves, as a disk does that does not come back from a call.
fn hang(vault: &Path) -> std::fs::File {
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(vault.with_extension("lock"))
        .unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    lock
}

async fn ended(mut inbox: mpsc::Receiver<Followed>) -> Result<(), Fault> {
    let waiting = async {
        while let Some(told) = inbox.recv().await {
            if let Followed::Ended(ended) = told {
                return ended.and_then(|kept| kept.job.error.map_or(Ok(()), Err));
            }
        }
        panic!("it never says how it ended");
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_is_given_up_with_a_sentence_and_the_next_backup_goes_when_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    let desk = desk(&home, Duration::from_millis(300)).await;
    let hung = hang(&desk.vault);
    let (_, inbox) = desk.begin().await;
    let why = ended(inbox).await.unwrap_err();
    assert_eq!(why.kind, FaultKind::Timeout, "{why}");
    assert!(why.message.starts_with("Nothing has moved at") && why.hint.unwrap().contains("hangs"));
    // The database was everybody's all the while.
    desk.system.read::<_, StoreError>(accounts::any).await.unwrap();
    drop(hung);
    let (id, inbox) = desk.begin().await;
    ended(inbox).await.unwrap();
    assert_eq!((desk.state(id).await, desk.left().len()), (JobState::Done, 1), "{:?}", desk.left());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_waits_for_a_disk_can_be_cancelled() {
    let home = tempfile::tempdir().unwrap();
    let desk = desk(&home, PATIENCE).await;
    let hung = hang(&desk.vault);
    let (id, mut inbox) = desk.begin().await;
    let begun =
        async { while !matches!(inbox.recv().await, Some(Followed::Progress(progress)) if progress.of.is_some()) {} };
    tokio::time::timeout(Duration::from_secs(20), begun).await.expect("it begins");
    // Nobody listens any more.
    drop(inbox);
    let cancelled = async {
        while desk.state(id).await != JobState::Cancelled {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), cancelled).await.expect("it is cancelled while the disk still hangs");
    drop(hung);
}

#[tokio::test]
async fn keys_that_no_job_has_taken_go_with_the_session_and_those_that_one_took_are_watched_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let place = Place { data: dir.path().to_path_buf(), backups: dir.path().join("backups"), cautious: false };
    let backups = Backups::new(system(&dir), place, tasks.clone());
    let (one, other) = (CancellationToken::new(), CancellationToken::new());
    let hold = |which: &str, work: &CancellationToken| {
        backups.hold(|inner| &inner.at_hand, which.to_owned(), Keys::new(), work.clone());
    };
    let there = || {
        let mut names: Vec<String> = lock(&backups.0.at_hand).keys().cloned().collect();
        names.sort();
        names
    };
    let until = async |running: usize| {
        let waiting = async {
            while tasks.running().len() != running {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the watch ends");
    };
    for (which, work) in [("taken", &one), ("left", &one), ("another's", &other)] {
        hold(which, work);
    }
    // Asked for once more: the first is not watched any more, or its end would take the second along.
    hold("another's", &other);
    assert!(backups.take(|inner| &inner.at_hand, &"taken".to_owned()).is_some());
    until(2).await;
    assert_eq!(there(), ["another's", "left"]);
    one.cancel();
    until(1).await;
    assert_eq!(there(), ["another's"]);
    assert_eq!(tasks.stop(Duration::from_secs(5)).await, Vec::<String>::new());
    assert!(there().is_empty());
}
