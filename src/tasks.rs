//! Everything that runs in the background: named, counted, cancelled together, awaited at the end.
//!
//! Architecture invariant: this is the only place that spawns. A task that panics is logged, and remembered as one that broke
//! off, which is a finding of health; it never takes the program down.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A running task. Its name holds nothing of anybody's, since names are logged.
#[derive(Clone, Debug)]
pub struct Running {
    pub name: String,
    pub since: Instant,
    /// Work that somebody waits for, such as an answer; the rest is our own plumbing.
    pub is_job: bool,
    /// How far it is, as it says itself; nothing of anybody's either. Empty where it does not say.
    pub step: String,
}

/// Says how far a job is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Teller {
    id: u64,
    tasks: Tasks,
}

impl Teller {
    /// As often as one likes; the same once more is no news.
    pub fn say(&self, step: impl Into<String>) {
        let step = step.into();
        let is_news = match lock(&self.tasks.running).get_mut(&self.id) {
            Some(running) if running.step != step => {
                running.step = step;
                true
            }
            Some(_) | None => false,
        };
        if is_news {
            self.tasks.jobs.send_replace(());
        }
    }

    /// The same of a part: `40 %`.
    pub fn share(&self, done: u64, of: u64) {
        if let Some(percent) = done.min(of).saturating_mul(100).checked_div(of) {
            self.say(format!("{percent} %"));
        }
    }
}

/// The family of all tasks. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    root: CancellationToken,
    tracker: TaskTracker,
    running: Arc<Mutex<BTreeMap<u64, Running>>>,
    next: Arc<AtomicU64>,
    /// Told whenever a job begins or ends.
    jobs: Arc<watch::Sender<()>>,
    /// Names of those that panicked, each once.
    broken: Arc<Mutex<BTreeSet<String>>>,
}

impl Tasks {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that fires when the program ends; long work runs under a child of it.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.root.child_token()
    }

    /// Starts `work` under a name. It is not ended from outside when the program ends: it hears its token and finishes,
    /// so that what it holds can be stored.
    pub fn spawn(&self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        self.begin(self.number(), name.into(), false, Box::pin(work));
    }

    /// The same for work that somebody waits for: the interface counts and lists it.
    pub fn spawn_job(&self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        self.begin(self.number(), name.into(), true, Box::pin(work));
    }

    /// The same for work that says how far it is.
    pub fn spawn_told<F>(&self, name: impl Into<String>, work: impl FnOnce(Teller) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.number();
        self.begin(id, name.into(), true, Box::pin(work(Teller { id, tasks: self.clone() })));
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Boxed: what the runtime does with a task would be made anew for each kind of work there is.
    fn begin(&self, id: u64, name: String, is_job: bool, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let entry = Entry { id, tasks: self.clone(), is_job, is_over: false };
        lock(&self.running).insert(entry.id, Running { name, since: Instant::now(), is_job, step: String::new() });
        if is_job {
            self.jobs.send_replace(());
        }
        self.tracker.spawn(async move {
            // All of it, and not only the part that is named below.
            let mut entry = entry;
            work.await;
            entry.is_over = true;
            drop(entry);
        });
    }

    /// Names of those that broke off because of a mistake in the program, since it began.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        lock(&self.broken).iter().cloned().collect()
    }

    /// The jobs of this moment, oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<Running> {
        lock(&self.running).values().filter(|task| task.is_job).cloned().collect()
    }

    /// Changes whenever a job begins or ends.
    #[must_use]
    pub fn watch_jobs(&self) -> watch::Receiver<()> {
        self.jobs.subscribe()
    }

    /// What runs at this moment, oldest first.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        lock(&self.running).values().cloned().collect()
    }

    /// Cancels everything and waits for it, at most `limit`. Returns the names of those that did not end in time.
    pub async fn stop(&self, limit: Duration) -> Vec<String> {
        self.root.cancel();
        self.tracker.close();
        if tokio::time::timeout(limit, self.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        self.running().into_iter().map(|task| task.name).collect()
    }
}

/// Takes a task off the list when it ends, however it ends.
struct Entry {
    id: u64,
    tasks: Tasks,
    is_job: bool,
    is_over: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let running = lock(&self.tasks.running).remove(&self.id);
        // Dropped with the runtime, it is not over either, but nothing went wrong.
        if let Some(running) = running.filter(|_| !self.is_over && std::thread::panicking()) {
            tracing::error!(task = running.name, "a task broke off");
            lock(&self.tasks.broken).insert(running.name);
        }
        if self.is_job {
            self.tasks.jobs.send_replace(());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work on a thread of its own, on which it may also block: in a pipe that is not read, it keeps nobody else up.
/// The caller waits for it; where it gives that up, the runtime's end does not wait either.
pub fn on_a_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stopping_waits_for_work_that_hears_its_token() {
        let tasks = Tasks::new();
        let token = tasks.token();
        tasks.spawn("polite", async move { token.cancelled().await });
        assert_eq!(tasks.running().len(), 1);
        assert_eq!(tasks.stop(Duration::from_secs(2)).await, Vec::<String>::new());
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_job_is_counted_from_its_beginning_to_its_end_and_plumbing_never() {
        let tasks = Tasks::new();
        let mut changed = tasks.watch_jobs();
        tasks.spawn("plumbing", std::future::pending());
        assert!(!changed.has_changed().unwrap());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn_job("an answer", async move { drop(ended.await) });
        changed.changed().await.unwrap();
        let names: Vec<String> = tasks.jobs().into_iter().map(|job| job.name).collect();
        assert_eq!(names, ["an answer"]);
        end.send(()).unwrap();
        changed.changed().await.unwrap();
        assert!(tasks.jobs().is_empty());
        assert_eq!(tasks.running().len(), 1);
    }

    #[tokio::test]
    async fn a_job_says_how_far_it_is_and_who_listens_hears_of_it() {
        let tasks = Tasks::new();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let (told, mut inbox) = tokio::sync::mpsc::channel(1);
        tasks.spawn_told("an import", |teller| async move {
            told.send(teller).await.unwrap();
            drop(ended.await);
        });
        let teller = inbox.recv().await.unwrap();
        let mut changed = tasks.watch_jobs();
        teller.share(2, 5);
        assert!(changed.has_changed().unwrap());
        assert_eq!(tasks.jobs()[0].step, "40 %");
        changed.borrow_and_update();
        teller.share(2, 5);
        teller.share(0, 0);
        assert!(!changed.has_changed().unwrap(), "the same is no news, and of nothing there is no part");
        end.send(()).unwrap();
        changed.changed().await.unwrap();
        teller.say("too late");
        assert!(tasks.jobs().is_empty());
    }

    #[tokio::test]
    async fn a_task_that_panics_is_remembered_by_its_name_and_others_go_on() {
        let tasks = Tasks::new();
        tasks.spawn("fine", async {});
        tasks.spawn_job("clumsy", async { panic!("as the test wants it") });
        assert_eq!(tasks.stop(Duration::from_secs(2)).await, Vec::<String>::new());
        assert_eq!((tasks.broken(), tasks.running().len()), (vec!["clumsy".to_owned()], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deaf_task_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.stop(Duration::from_secs(2)).await, ["deaf"]);
    }
}
