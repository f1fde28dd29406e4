//! Looking for something in everything that was said and written, and keeping the index that this is done with.

use std::time::Duration;

use tokio::sync::watch;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault,
        auth::Session,
        search::{Asked, Found, IndexProgress, IndexReport},
    },
};

// Milliseconds; a filter that leaves little of much may take seconds.
pub(super) const SEARCH: Op = Op {
    name: "search.find",
    permission: Permission::Organise,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(30),
    fresh: false,
};
/// As long as reading every word of a large vault from a slow disk takes.
pub(super) const CHECK_INDEX: Op = Op { name: "search.check", deadline: Duration::from_hours(2), ..SEARCH };
pub(super) const REBUILD_INDEX: Op = Op { name: "search.rebuild", class: Class::Write, ..CHECK_INDEX };

impl Gateway {
    /// One page of what was found in the caller's own vault, best first. Dropping the call breaks the search off.
    pub async fn search(&self, session: &Session, asked: Asked) -> Result<Found, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SEARCH, |by| self.0.search.find(by, asked)).await
    }

    /// Compares the index with everything it is of. Progress is told as it is made.
    pub async fn check_search(
        &self,
        session: &Session,
        progress: watch::Sender<IndexProgress>,
    ) -> Result<IndexReport, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CHECK_INDEX, |by| self.0.search.check(by, progress)).await
    }

    /// Makes the index anew. It may be broken off, and goes on there the next time.
    pub async fn rebuild_search(&self, session: &Session, progress: watch::Sender<IndexProgress>) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &REBUILD_INDEX, |by| self.0.search.rebuild(by, progress)).await
    }
}
