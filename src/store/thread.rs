//! One connection on one named thread, with a bounded queue of jobs. A database has one writer and one reader.
//!
//! A panicking job rolls back (its transaction is dropped) and does not end the thread. A caller that stops waiting
//! does not undo a write that was already queued. Dropping every handle ends the threads after their queues are empty.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use rusqlite::{Connection, InterruptHandle, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, While};

/// Jobs that may wait before callers do.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Clone)]
struct Lane {
    jobs: mpsc::Sender<Job>,
    interrupt: Arc<InterruptHandle>,
}

/// A handle on one open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    writer: Lane,
    reader: Lane,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Starts the threads for a read-write and a read-only connection to the same file. Without a reader, reads queue
    /// behind writes on the one connection.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub fn start(name: &str, writer: Connection, reader: Option<Connection>) -> Result<Self, StoreError> {
        let writer = lane(&format!("{name}-write"), writer)?;
        let reader = match reader {
            Some(reader) => lane(&format!("{name}-read"), reader)?,
            None => writer.clone(),
        };
        Ok(Self { writer, reader })
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
        self.writer.run(move |conn| in_transaction(conn, TransactionBehavior::Immediate, work)).await
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
        self.reader.run(move |conn| in_transaction(conn, TransactionBehavior::Deferred, work)).await
    }

    /// Breaks off the query that the reader is running now; it fails with `is_interrupted`.
    pub fn interrupt_read(&self) {
        self.reader.interrupt.interrupt();
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
        self.writer.run(work).await
    }
}

impl Lane {
    async fn run<T, E>(&self, work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // Nobody waiting any more is no failure.
            let _ = reply.send(work(conn));
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        // A job that panicked drops its reply without sending.
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

fn lane(name: &str, mut conn: Connection) -> Result<Lane, StoreError> {
    let (jobs, mut inbox) = mpsc::channel::<Job>(QUEUE);
    let interrupt = Arc::new(conn.get_interrupt_handle());
    let serve = move || {
        while let Some(job) = inbox.blocking_recv() {
            let _ = catch_unwind(AssertUnwindSafe(|| job(&mut conn)));
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(serve).while_("starting a database thread")?;
    Ok(Lane { jobs, interrupt })
}

fn in_transaction<T, E: From<StoreError>>(
    conn: &mut Connection,
    behaviour: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let tx = conn.transaction_with_behavior(behaviour).while_("beginning a transaction")?;
    let value = work(&tx)?;
    tx.commit().while_("committing")?;
    Ok(value)
}
