//! Everything that runs in the background: named, counted, cancelled together, awaited at the end.
//!
//! Architecture invariant: this is the only place that spawns. A task that panics is logged and becomes a notice;
//! it never takes the program down.

use std::{
    collections::BTreeMap,
    future::Future,
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
        self.begin(name.into(), false, work);
    }

    /// The same for work that somebody waits for: the interface counts and lists it.
    pub fn spawn_job(&self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        self.begin(name.into(), true, work);
    }

    fn begin(&self, name: String, is_job: bool, work: impl Future<Output = ()> + Send + 'static) {
        let entry = Entry { id: self.next.fetch_add(1, Ordering::Relaxed), tasks: self.clone(), is_job };
        lock(&self.running).insert(entry.id, Running { name, since: Instant::now(), is_job });
        if is_job {
            self.jobs.send_replace(());
        }
        self.tracker.spawn(async move {
            let _entry = entry;
            work.await;
        });
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
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.tasks.running).remove(&self.id);
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

    #[tokio::test(start_paused = true)]
    async fn a_deaf_task_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.stop(Duration::from_secs(2)).await, ["deaf"]);
    }
}
