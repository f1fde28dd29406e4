//! One connection on one named thread, with a bounded queue of jobs. A database has one writer and one reader, and from
//! the first search on one for searching, so that a long search holds nothing else up.
//!
//! A panicking job rolls back (its transaction is dropped) and does not end the thread. A caller that stops waiting
//! does not undo a write that was already queued. Dropping every handle ends the threads after their queues are empty.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, While, backup, check};
use crate::{
    metrics::{self, Metrics},
    trace,
};

/// Jobs that may wait before callers do.
const QUEUE: usize = 64;

/// Steps of SQLite's machine after which a search asks whether anybody still waits: some microseconds of work.
const STEPS_BETWEEN_ASKING: i32 = 500;

/// Connections of this process that are open, and a bell for each that closes.
static OPEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// The threads that nobody else waits for: the last of each database.
static LAST: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits until every connection of this process is closed, at most `limit`, and until the threads that held them are
/// gone; says whether they are. Closing the last one tidies the write-ahead log away, which a process that ends in the
/// middle would leave to the next start. A thread that has closed its connection still gives back what the encryption
/// keeps for each thread.
#[must_use]
pub fn wait_until_closed(limit: Duration) -> bool {
    let open = OPEN.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = OPEN.1.wait_timeout_while(open, limit, |open| *open > 0);
    let all_closed = *waited.unwrap_or_else(PoisonError::into_inner).0 == 0;
    if all_closed {
        let threads = std::mem::take(&mut *LAST.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
    all_closed
}

/// How long the end of the process waits for connections that are just closing.
const LAST_CLOSE: Duration = Duration::from_secs(1);

/// Has the end of the process wait, for a moment, until the connections are closed.
///
/// SQLCipher frees its heap and its mutexes when the process exits (`atexit`, sqlcipher.c), and OpenSSL what it keeps of
/// each thread, also under the hands of a thread that is still closing a vault or ending: that ended processes whose
/// work was done with SIGSEGV, or with “double free”. What is registered later runs earlier, so this comes after a first
/// connection, which is what made both register. The program itself leaves without any of it; the tests do not.
#[expect(unsafe_code, reason = "the C library's own way to run something before SQLCipher's part of the exit")]
pub(super) fn close_before_sqlcipher_goes() {
    use std::{ffi::c_int, sync::Once};

    unsafe extern "C" {
        fn atexit(last: extern "C" fn()) -> c_int;
    }
    extern "C" fn last() {
        let _ = wait_until_closed(LAST_CLOSE);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `atexit` (ISO C 7.22.4.2) takes any function that does not unwind; this one only waits. Where it cannot
        // be registered, the end is as it would be without.
        let _ = unsafe { atexit(last) };
    });
}

/// One open connection. Dropped after it.
pub(in crate::store) struct Counted;

impl Counted {
    pub(in crate::store) fn new() -> Self {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        OPEN.1.notify_all();
    }
}

/// Whose database it is, as far as measuring tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    System,
    Vault,
}

/// Which of a database's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Writer,
    Reader,
    Searcher,
}

/// What hears how long work waited and ran, once somebody wants to know. One for all handles of a database.
#[derive(Clone, Default)]
struct Meter(Arc<OnceLock<(Of, Metrics)>>);

impl Meter {
    /// Where work of this thread is counted.
    fn of(&self, on: On) -> Option<(metrics::Lane, Metrics)> {
        let (of, metrics) = self.0.get()?;
        let lane = match (of, on) {
            (Of::System, On::Writer) => metrics::Lane::SystemWrite,
            (Of::System, On::Reader) => metrics::Lane::SystemRead,
            (Of::Vault, On::Writer) => metrics::Lane::VaultWrite,
            (Of::Vault, On::Reader) => metrics::Lane::VaultRead,
            (Of::System | Of::Vault, On::Searcher) => metrics::Lane::Search,
        };
        Some((lane, metrics.clone()))
    }
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Clone)]
struct Lane {
    jobs: mpsc::Sender<Job>,
}

/// A handle on one open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    writer: Lane,
    reader: Lane,
    searcher: Arc<Searcher>,
    /// The write-ahead log beside the file.
    log: Arc<PathBuf>,
    meter: Meter,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

/// A handle that does not keep the database open.
#[derive(Clone)]
pub struct WeakDb {
    writer: mpsc::WeakSender<Job>,
    reader: mpsc::WeakSender<Job>,
    searcher: Weak<Searcher>,
    log: Arc<PathBuf>,
    meter: Meter,
}

impl std::fmt::Debug for WeakDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WeakDb")
    }
}

impl WeakDb {
    /// The database, if anyone still holds it open.
    #[must_use]
    pub fn upgrade(&self) -> Option<Db> {
        let lane = |jobs: &mpsc::WeakSender<Job>| Some(Lane { jobs: jobs.upgrade()? });
        Some(Db {
            writer: lane(&self.writer)?,
            reader: lane(&self.reader)?,
            searcher: self.searcher.upgrade()?,
            log: Arc::clone(&self.log),
            meter: self.meter.clone(),
        })
    }
}

impl Db {
    /// A handle for those who only look while others hold the database open.
    #[must_use]
    pub fn downgrade(&self) -> WeakDb {
        let lane = |lane: &Lane| lane.jobs.downgrade();
        WeakDb {
            writer: lane(&self.writer),
            reader: lane(&self.reader),
            searcher: Arc::downgrade(&self.searcher),
            log: Arc::clone(&self.log),
            meter: self.meter.clone(),
        }
    }

    /// Counts from now on how long work waits and runs. Whoever says so first is heard.
    pub fn measure(&self, of: Of, metrics: &Metrics) {
        if self.meter.0.get().is_none() {
            let _ = self.meter.0.set((of, metrics.clone()));
        }
    }

    /// Length and time of the write-ahead log: as long as they stay, nobody has written. One look at the file, so that an
    /// idle program need not wake the database's thread. `None` where there is no log.
    #[must_use]
    pub fn log_mark(&self) -> Option<(u64, SystemTime)> {
        let meta = std::fs::metadata(&*self.log).ok()?;
        Some((meta.len(), meta.modified().ok()?))
    }

    /// A number that changes when another process, or another handle, has written to the file.
    ///
    /// # Errors
    /// The database is closed or cannot be read.
    pub async fn foreign_version(&self) -> Result<i64, StoreError> {
        // Asked of the writer: its own writes do not count, and the reader's connection never writes.
        self.maintain(|conn| {
            conn.query_row("PRAGMA data_version", [], |row| row.get(0)).while_("asking for other windows' changes")
        })
        .await
    }

    /// Starts the threads for a read-write and a read-only connection to the same file. Without a reader, reads queue
    /// behind writes on the one connection; without an opener, searches queue with the reads. `held` is let go of when all
    /// are closed.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub fn start(
        name: &str,
        writer: Connection,
        reader: Option<Connection>,
        open_searcher: Option<Opener>,
        held: Option<File>,
    ) -> Result<Self, StoreError> {
        let log = Arc::new(PathBuf::from([writer.path().unwrap_or_default(), "-wal"].concat()));
        // The writer closes last: only it may fold the write-ahead log into the file.
        let others = Arc::new(Others::default());
        let reader = match reader {
            Some(reader) => Some(lane(&format!("{name}-read"), reader, &others)?),
            None => None,
        };
        let writer = last_lane(&format!("{name}-write"), writer, &others, held)?;
        let reader = reader.unwrap_or_else(|| writer.clone());
        let searcher = Searcher { name: format!("{name}-search"), open: open_searcher, lane: Mutex::default(), others };
        Ok(Self { writer, reader, searcher: Arc::new(searcher), log, meter: Meter::default() })
    }

    /// Runs `work` in one IMMEDIATE transaction on the writer: commits on `Ok`, rolls back on `Err`.
    ///
    /// # Errors
    /// What `work` says, or a failure to begin or commit.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let meter = self.meter.of(On::Writer);
        self.writer.run(meter, move |conn| in_transaction(conn, TransactionBehavior::Immediate, work)).await
    }

    /// Runs `work` in one read transaction on the read-only connection.
    ///
    /// # Errors
    /// What `work` says, or a failure to begin.
    pub async fn read<T, E>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let meter = self.meter.of(On::Reader);
        self.reader.run(meter, move |conn| in_transaction(conn, TransactionBehavior::Deferred, work)).await
    }

    /// Runs `work` in one read transaction on the connection for searching, which the first search opens. Whoever stops
    /// waiting breaks it off: the running query fails with `is_interrupted`, and nobody else's does.
    ///
    /// # Errors
    /// What `work` says, or a failure to open the connection or to begin.
    pub async fn search<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &Going) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let lane = self.searcher.lane()?.unwrap_or_else(|| self.reader.clone());
        let stop = StopWhenDropped(Arc::default());
        let going = Arc::clone(&stop.0);
        lane.run(self.meter.of(On::Searcher), move |conn| {
            going.check()?;
            // Asked by SQLite itself while it works, and not told by `sqlite3_interrupt`: that one is lost on a statement
            // which has not begun yet, and would end whatever runs on the connection next.
            let asked = Arc::clone(&going);
            conn.progress_handler(STEPS_BETWEEN_ASKING, Some(move || asked.check().is_err())).while_("searching")?;
            let found = in_transaction(conn, TransactionBehavior::Deferred, |tx| work(tx, &going));
            conn.progress_handler(0, None::<fn() -> bool>).while_("searching")?;
            found
        })
        .await
    }

    /// What looks through a copy of this database with the key that this handle has, and says what is wrong with it. Blocks.
    /// `None` where there is no key at hand.
    #[must_use]
    pub fn checker_of_copies(&self) -> Option<backup::Opener> {
        let searcher = Arc::clone(&self.searcher);
        searcher.open.is_some().then(|| {
            let open: backup::Opener = Box::new(move |copy: &Path| {
                let open = searcher.open.as_ref().ok_or(StoreError::Closed)?;
                check::all(&open(Some(copy))?)
            });
            open
        })
    }

    /// Runs `work` on the writer's bare connection: checkpoints, pragmas, backup.
    ///
    /// # Errors
    /// What `work` says.
    pub async fn maintain<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(self.meter.of(On::Writer), work).await
    }
}

impl Lane {
    async fn run<T, E>(
        &self,
        meter: Option<(metrics::Lane, Metrics)>,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = Arc::new(Mutex::new(None));
        let reply = Arc::clone(&answer);
        let work: Job = Box::new(move |conn| {
            let done = work(conn);
            *reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        });
        self.see_through(meter, work).await?;
        let done = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.unwrap_or_else(|| Err(StoreError::Closed.into()))
    }

    /// Has the thread do it, and waits until it has. What is the same for every piece of work stands here, because the
    /// compiler makes the rest anew for each of the several hundred there are.
    async fn see_through(&self, meter: Option<(metrics::Lane, Metrics)>, work: Job) -> Result<(), StoreError> {
        let (told, done) = oneshot::channel::<()>();
        let measured = meter.map(Measured::new);
        let job: Job = Box::new(move |conn| {
            let begun = Instant::now();
            work(conn);
            // Before whoever asked hears of it, so that what they see next is counted.
            if let Some(measured) = measured {
                measured.ended(begun);
            }
            // Nobody waiting any more is no failure.
            let _ = told.send(());
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        // A job that panicked drops its word without sending it.
        done.await.map_err(|_| StoreError::Closed)
    }
}

/// One piece of work, measured: its place in the request that asked for it, and in the figures.
struct Measured {
    lane: metrics::Lane,
    metrics: Metrics,
    queued: Instant,
    span: tracing::Span,
}

impl Measured {
    /// Made where the request is; ended on the database's thread.
    fn new((lane, metrics): (metrics::Lane, Metrics)) -> Self {
        let span = trace::part(|| {
            tracing::info_span!(
                target: trace::PARTS, "store", what = lane.as_str(), wait_us = tracing::field::Empty
            )
        });
        Self { lane, metrics, queued: Instant::now(), span }
    }

    fn ended(self, begun: Instant) {
        let waited = begun - self.queued;
        self.span.record("wait_us", u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        self.metrics.store(self.lane, waited, begun.elapsed());
    }
}

/// Threads that the writer waits for before it closes.
type Others = Mutex<Vec<JoinHandle<()>>>;

/// Opens one more connection to the same file to read from it, or one to a copy of it elsewhere.
pub type Opener = Box<dyn Fn(Option<&Path>) -> Result<Connection, StoreError> + Send + Sync>;

/// The connection for searching: many people never search, and a start should not wait for it.
struct Searcher {
    name: String,
    open: Option<Opener>,
    lane: Mutex<Option<Lane>>,
    others: Arc<Others>,
}

impl Searcher {
    fn lane(&self) -> Result<Option<Lane>, StoreError> {
        let Some(open) = &self.open else { return Ok(None) };
        let mut kept = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = Some(lane(&self.name, open(None)?, &self.others)?);
        }
        Ok(kept.clone())
    }
}

/// Whether somebody still waits for a search.
#[derive(Debug, Default)]
pub struct Going {
    is_stopped: AtomicBool,
}

impl Going {
    /// To be asked between two queries, and in long work outside of SQLite.
    ///
    /// # Errors
    /// `is_interrupted` when nobody waits any more.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_stopped.load(Ordering::Relaxed) { Err(interrupted("searching")) } else { Ok(()) }
    }
}

struct StopWhenDropped(Arc<Going>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }
}

pub(super) fn interrupted(doing: &'static str) -> StoreError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    StoreError::Sql { doing, source: rusqlite::Error::SqliteFailure(code, None) }
}

/// A connection's thread, which the writer waits for.
fn lane(name: &str, conn: Connection, others: &Others) -> Result<Lane, StoreError> {
    let (lane, thread) = serve(name, conn, || {}, None)?;
    others.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    Ok(lane)
}

/// The writer's thread, which closes after all others and then lets go of `held`.
fn last_lane(name: &str, conn: Connection, others: &Arc<Others>, held: Option<File>) -> Result<Lane, StoreError> {
    let others = Arc::clone(others);
    let wait = move || {
        let threads = std::mem::take(&mut *others.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    };
    let (lane, thread) = serve(name, conn, wait, held)?;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    for ended in last.extract_if(.., |thread| thread.is_finished()) {
        let _ = ended.join();
    }
    last.push(thread);
    Ok(lane)
}

fn serve(
    name: &str,
    mut conn: Connection,
    before_closing: impl FnOnce() + Send + 'static,
    held: Option<File>,
) -> Result<(Lane, JoinHandle<()>), StoreError> {
    let (jobs, mut inbox) = mpsc::channel::<Job>(QUEUE);
    let counted = Counted::new();
    let work = move || {
        while let Some(job) = inbox.blocking_recv() {
            if catch_unwind(AssertUnwindSafe(|| job(&mut conn))).is_err() {
                // A search that went this way has left its question behind.
                let _ = conn.progress_handler(0, None::<fn() -> bool>);
            }
        }
        before_closing();
        drop(conn);
        drop(held);
        drop(counted);
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work).while_("starting a database thread")?;
    Ok((Lane { jobs }, thread))
}

fn in_transaction<T, E: From<StoreError>>(
    conn: &mut Connection,
    behaviour: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let (mut work, mut done) = (Some(work), None);
    transact(conn, behaviour, &mut |tx| {
        done = work.take().map(|work| work(tx));
        matches!(done, Some(Ok(_)))
    })?;
    done.unwrap_or_else(|| Err(StoreError::Closed.into()))
}

/// The transaction itself, once for all kinds of work: commits where `work` says that it went well.
fn transact(
    conn: &mut Connection,
    behaviour: TransactionBehavior,
    work: &mut dyn FnMut(&Transaction<'_>) -> bool,
) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(behaviour).while_("beginning a transaction")?;
    if work(&tx) { tx.commit().while_("committing") } else { Ok(()) }
}
