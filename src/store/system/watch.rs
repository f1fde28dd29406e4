//! The gate's own look at `system.db`: has anything been committed since, by any process? And if so, does this session
//! still stand? One read of shared memory in the usual case, so it is done in place and not on a database's thread.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};

use super::sessions::{self, Standing, Unwritten};
use crate::{
    api::SessionId,
    store::{StoreError, While, thread::Counted},
};

pub struct Watch {
    conn: Mutex<Connection>,
    /// The end of the process waits for this connection too.
    _counted: Counted,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// # Errors
    /// When the database cannot be opened once more, read-only.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let conn = Connection::open_with_flags(path, flags).while_("opening the system database")?;
        conn.execute_batch("PRAGMA busy_timeout = 1000; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")
            .while_("setting up a connection")?;
        Ok(Self { conn: Mutex::new(conn), _counted: Counted::new() })
    }

    /// A number that changes whenever anybody commits (`PRAGMA data_version`).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn version(&self) -> Result<i64, StoreError> {
        self.lock()
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut ask| ask.query_row([], |row| row.get(0)))
            .while_("looking for changes")
    }

    /// Where the audit trail ends; 0 while it is empty. Whatever changes the house leaves an entry.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn trail_end(&self) -> Result<i64, StoreError> {
        self.lock()
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM audit")
            .and_then(|mut ask| ask.query_row([], |row| row.get(0)))
            .while_("looking for changes")
    }

    /// # Errors
    /// When the database cannot be read.
    pub fn session(&self, id: SessionId, now: i64) -> Result<Option<Standing>, StoreError> {
        sessions::standing(&self.lock(), id, now)
    }

    /// The same for a session whose row is not written yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn unwritten(&self, session: Unwritten, now: i64) -> Result<Option<Standing>, StoreError> {
        sessions::standing_unwritten(&self.lock(), session, now)
    }

    /// Asks something else of the database.
    ///
    /// # Errors
    /// What `ask` says.
    pub fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        ask(&self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::{audit, open_system, scratch};

    #[tokio::test]
    async fn a_commit_is_noticed_with_either_kind_of_journal() {
        for cautious in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("system.db");
            let db = open_system(&path, cautious).unwrap();
            let watch = Watch::open(&path).unwrap();
            let before = watch.version().unwrap();
            assert_eq!(watch.version().unwrap(), before);
            db.write(|tx| audit::append(tx, &scratch::at(1), None, "a", "b", "c")).await.unwrap();
            assert_ne!(watch.version().unwrap(), before, "cautious: {cautious}");
            assert_eq!(watch.session(SessionId::new(), 0).unwrap(), None);
        }
    }
}
