//! A job of one's own while this process is at it, and how its end comes into the table.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Book, interrupted, now};
use crate::{
    api::{
        AccountId, Fault, JobId,
        jobs::{Job, JobNews, JobState},
    },
    store::{
        StoreError, Vault,
        vault::{
            jobs::{self, End},
            lease::Lease,
        },
    },
};
/// How often it is tried to write an end that could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// How work ended that was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnEnd {
    Done(String),
    Failed(Fault),
    /// It was stopped; the words say what it had done by then.
    Stopped(String),
    /// There was nothing to do, and nobody had asked: it is not worth a row.
    Nothing,
}

/// A job that this process is at. Dropped without an end, it broke off, and is listed as that.
#[derive(Debug)]
pub struct Booked {
    pub(super) book: Book,
    pub(super) vault: Vault,
    pub(super) id: JobId,
    pub(super) stop: CancellationToken,
    /// Ends whoever looks after it.
    pub(super) over: CancellationToken,
    /// `None` = the table could not be written.
    pub(super) lease: Option<Arc<Lease>>,
}

/// Says how far a booked job is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telling {
    book: Book,
    account: AccountId,
    id: JobId,
}

impl Telling {
    /// As often as one likes.
    pub fn share(&self, done: u64, of: u64) {
        self.book.told(self.account, self.id, done, of);
    }
}

impl Booked {
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Fires when it is to end, whoever wants that.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    #[must_use]
    pub fn telling(&self) -> Telling {
        Telling { book: self.book.clone(), account: self.vault.account, id: self.id }
    }

    /// Writes how it ended, and tells it. What cannot be written is listed by this process all the same.
    pub async fn end(self, end: OwnEnd) {
        Box::pin(self.ended(end)).await;
    }

    async fn ended(self, end: OwnEnd) {
        let (account, id) = (self.vault.account, self.id);
        let (was_asked, before) = {
            let state = self.book.state();
            let Some(here) = state.here.get(&id) else { return };
            (here.is_to_end, here.job.clone())
        };
        let kind = before.work.kind();
        let end = match end {
            OwnEnd::Done(outcome) => End { state: JobState::Done, error: None, outcome: Some(outcome) },
            OwnEnd::Failed(error) => End { state: JobState::Failed, error: Some(error), outcome: None },
            OwnEnd::Stopped(outcome) if was_asked => End {
                state: JobState::Cancelled,
                error: None,
                outcome: Some(outcome).filter(|words| !words.is_empty()),
            },
            OwnEnd::Stopped(outcome) => End {
                outcome: Some(outcome).filter(|words| !words.is_empty()),
                ..interrupted(kind, "The session or the program ended in the middle of it.")
            },
            OwnEnd::Nothing => {
                if let Some(lease) = &self.lease {
                    let holder = lease.holder();
                    let gone = self.vault.db.write::<_, StoreError>(move |tx| jobs::remove(tx, id, &holder)).await;
                    if let Err(why) = gone {
                        tracing::warn!(%why, "a job that did nothing could not be taken out of the table");
                    }
                }
                self.book.state().here.remove(&id);
                self.book.tell(account, JobNews::Elsewhere).await;
                return;
            }
        };
        let mut written = None;
        if let Some(lease) = &self.lease {
            let (holder, to_write, last) = (lease.holder(), end.clone(), before.progress.clone());
            let wrote = self
                .vault
                .db
                .write::<_, StoreError>(move |tx| jobs::end(tx, id, &holder, &to_write, Some(&last), Some(now())))
                .await;
            match wrote {
                Ok(job) => written = job,
                Err(why) => tracing::warn!(%why, "how one's own job ended could not be written"),
            }
        }
        let job = if let Some(job) = written {
            self.book.state().here.remove(&id);
            job
        } else {
            let job = Job {
                state: end.state,
                error: end.error,
                outcome: end.outcome,
                updated_at: now(),
                is_here: false,
                ..before
            };
            if let Some(here) = self.book.state().here.get_mut(&id) {
                here.job = job.clone();
            }
            self.write_later();
            job
        };
        self.book.tell(account, JobNews::Changed(Box::new(job))).await;
    }

    /// Writes it once that can be done; until then this process knows better than the table.
    fn write_later(&self) {
        let Some(lease) = self.lease.clone() else { return };
        let (book, id, account) = (self.book.clone(), self.id, self.vault.account);
        let (weak, root) = (self.vault.db.downgrade(), self.book.0.tasks.token());
        self.book.0.tasks.spawn("writing how one's own job ended", async move {
            loop {
                tokio::select! {
                    () = root.cancelled() => return,
                    () = sleep(WRITE_AGAIN) => {}
                }
                // Once the vault is closed, its next opening finds what nobody is at.
                let Some(db) = weak.upgrade() else { return };
                let Some(job) = book.state().here.get(&id).map(|here| here.job.clone()) else { return };
                let holder = lease.holder();
                let wrote = db
                    .write::<_, StoreError>(move |tx| {
                        let end = End { state: job.state, error: job.error, outcome: job.outcome };
                        jobs::end(tx, id, &holder, &end, Some(&job.progress), Some(job.updated_at))
                    })
                    .await;
                if let Err(why) = wrote {
                    tracing::warn!(%why, "how one's own job ended still cannot be written");
                    continue;
                }
                book.state().here.remove(&id);
                return book.tell(account, JobNews::Elsewhere).await;
            }
        });
    }
}

impl Drop for Booked {
    fn drop(&mut self) {
        self.over.cancel();
        let mut state = self.book.state();
        // One that has ended without that having been written stays listed.
        if state.here.get(&self.id).is_some_and(|here| here.job.state == JobState::Running) {
            state.here.remove(&self.id);
        }
    }
}
