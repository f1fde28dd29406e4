//! Full-text search: reads what a person typed, looks for it in that person's own vault, and keeps the index right.
//!
//! It searches one vault, the caller's. Invariant: nothing typed is ever an error of the database, and whatever is wrong
//! with it is said in a sentence with what would be right.

mod query;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{
    access::{Caller, Member},
    api::{
        AccountId, Fault, FaultKind, JobId,
        events::Event,
        jobs::{Work, WorkKind},
        organise::{Cursor, PAGE_MAX},
        search::{Asked, Found, IndexProgress, IndexReport},
    },
    services::{
        hub::Hub,
        own_jobs::{Book, Booked, OwnEnd},
    },
    store::{
        StoreError,
        vault::search::{self, Place, index},
    },
    tasks::Tasks,
};

pub use query::{Query, read};

/// Said with every result while it is so.
const UNFINISHED: &str = "The index is being rebuilt, so not everything is found yet.";

#[derive(Debug)]
pub struct Search {
    hub: Hub,
    tasks: Tasks,
    book: Book,
    /// Whose index is being made anew here.
    rebuilding: Arc<Mutex<HashSet<AccountId>>>,
}

/// One rebuild, in the list of those that run, until it is dropped.
struct Rebuilding {
    all: Arc<Mutex<HashSet<AccountId>>>,
    account: AccountId,
}

impl Drop for Rebuilding {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

impl Search {
    #[must_use]
    pub fn new(hub: Hub, tasks: Tasks, book: Book) -> Self {
        Self { hub, tasks, book, rebuilding: Arc::default() }
    }

    /// One page of what was found. Whoever stops waiting breaks the search off.
    pub async fn find(&self, by: Caller<Member>, asked: Asked) -> Result<Found, Fault> {
        if asked.limit == 0 || asked.limit > PAGE_MAX {
            return Err(Fault::invalid(format!("A page holds between 1 and {PAGE_MAX} results.")));
        }
        let now = jiff::Timestamp::now().to_zoned(crate::zone::local());
        let from = match &asked.after {
            Some(cursor) => place(cursor)?,
            None => Place::beginning(now.timestamp().as_millisecond()),
        };
        let Query { wanted, notice } = read(&asked.text, asked.is_typing, &now)?;
        if wanted == search::Wanted::default() {
            return Ok(Found { notice, ..Found::default() });
        }
        let terms = wanted.terms();
        let limit = asked.limit;
        let is_typing = asked.is_typing;
        let page = by.vault.db.search(move |tx, going| search::find(tx, going, &wanted, from, limit)).await;
        let page = match page {
            // Half a name is no name yet.
            Err(StoreError::Invalid(said)) if is_typing => {
                return Ok(Found { notice: Some(said), terms, ..Found::default() });
            }
            page => page?,
        };
        if page.is_index_unfinished {
            self.finish_rebuild(&by, None);
        }
        Ok(Found {
            hits: page.hits,
            count: page.count,
            is_more: page.is_more,
            next: page.next.map(cursor),
            terms,
            notice: if page.is_index_unfinished { Some(UNFINISHED.to_owned()) } else { notice },
        })
    }

    /// Compares the whole index with what it is of, and tells how far it has come.
    pub async fn check(
        &self,
        by: Caller<Member>,
        progress: watch::Sender<IndexProgress>,
    ) -> Result<IndexReport, Fault> {
        let tell = move |now| {
            progress.send_replace(now);
        };
        Ok(by.vault.db.search(move |tx, going| index::check(tx, going, tell)).await?)
    }

    /// Makes the index anew, in small steps between which others write. Whoever stops waiting leaves it unfinished; the
    /// next rebuild goes on there.
    pub async fn rebuild(&self, by: Caller<Member>, progress: watch::Sender<IndexProgress>) -> Result<(), Fault> {
        let db = &by.vault.db;
        let booked = self.book.go_on(&by.vault, Work::Index, &by.ended).await?;
        let telling = booked.telling();
        let making = async {
            let mut come = Some(db.write(|tx| index::begin_rebuild(tx, false, now())).await?);
            while let Some(now_at) = come {
                telling.share(now_at.done, now_at.of);
                progress.send_replace(now_at);
                come = db.write(|tx| index::go_on_rebuilding(tx, now())).await?;
            }
            Ok::<_, Fault>(())
        };
        let made = booked.stop().run_until_cancelled(making).await;
        booked.end(ended(made.as_ref())).await;
        made.unwrap_or_else(|| {
            let hint = "It goes on at the next search, or by: ollamanet search --rebuild";
            Err(Fault::new(FaultKind::Cancelled, "Stopped before its end.").hint(hint))
        })
    }

    /// Goes on with the index as one more attempt at this row; nobody waits for it.
    ///
    /// # Errors
    /// The vault cannot be written.
    pub async fn rebuild_again(&self, by: Caller<Member>, again: JobId) -> Result<(), Fault> {
        let booked = self.book.begin(&by.vault, Work::Index, Some(again), &by.ended).await?;
        by.vault.db.write::<_, StoreError>(|tx| index::begin_rebuild(tx, false, now())).await?;
        self.finish_rebuild(&by, Some(booked));
        Ok(())
    }

    /// Goes on with a rebuild whose process is gone. Two that work on the same one take turns.
    fn finish_rebuild(&self, by: &Caller<Member>, booked: Option<Booked>) {
        let is_new = self.rebuilding.lock().unwrap_or_else(PoisonError::into_inner).insert(by.account);
        if !is_new && booked.is_none() {
            return;
        }
        let running = Rebuilding { all: Arc::clone(&self.rebuilding), account: by.account };
        let (vault, until, book) = (by.vault.clone(), by.ended.clone(), self.book.clone());
        let (hub, account) = (self.hub.clone(), by.account);
        self.tasks.spawn_told(WorkKind::Index.task(), |teller| async move {
            let _running = running;
            let booked = match booked {
                Some(booked) => Ok(booked),
                None => book.go_on(&vault, Work::Index, &until).await,
            };
            let booked = match booked {
                Ok(booked) => booked,
                Err(why) => return tracing::warn!(%why, "the index for searching could not be rebuilt"),
            };
            let telling = booked.telling();
            let finish = async {
                while let Some(at) = vault.db.write::<_, StoreError>(|tx| index::go_on_rebuilding(tx, now())).await? {
                    teller.share(at.done, at.of);
                    telling.share(at.done, at.of);
                }
                Ok::<_, Fault>(())
            };
            let made = booked.stop().run_until_cancelled(finish).await;
            if let Some(Err(why)) = &made {
                tracing::warn!(why = why.message, "the index for searching could not be rebuilt");
                let hint = "Search may find less until `ollamanet search --rebuild` went well.";
                hub.hint(account, &Event::Notice(why.clone().hint(hint)));
            }
            booked.end(ended(made.as_ref())).await;
        });
    }
}

/// How making the index stands in its row. `None` = it was stopped.
fn ended(made: Option<&Result<(), Fault>>) -> OwnEnd {
    match made {
        Some(Ok(())) => OwnEnd::Done("Everything is in it.".to_owned()),
        Some(Err(why)) => OwnEnd::Failed(why.clone()),
        None => OwnEnd::Stopped("Search finds what had been taken in by then.".to_owned()),
    }
}

/// Milliseconds since 1970, UTC.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn cursor(place: Place) -> Cursor {
    let Place { messages, titles, notes, files, offset, now } = place;
    Cursor(format!("{messages}.{titles}.{notes}.{files}.{offset}.{now}"))
}

fn place(cursor: &Cursor) -> Result<Place, Fault> {
    let refuse = || Fault::invalid("This is no place in a list of results.").hint("Search again from the beginning.");
    let numbers: Option<Vec<i64>> = cursor.0.split('.').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[messages, titles, notes, files, offset, now]) => {
            let offset = u32::try_from(offset).map_err(|_| refuse())?;
            Ok(Place { messages, titles, notes, files, offset, now })
        }
        Some(_) | None => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_nonsense_does_not() {
        let beginning = Place::beginning(17);
        assert_eq!(place(&cursor(beginning)), Ok(beginning));
        for nonsense in ["", "1", "1.2.3.4.5", "1.2.3.4.-5.6", "a.b.c.d.e.f", "1.2.3.4.5.6.7"] {
            assert!(place(&Cursor(nonsense.to_owned())).is_err(), "{nonsense}");
        }
    }
}
