//! A vault for unit tests: the real schema in a temporary file, without the cipher.

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Vault, search};
use crate::{api::AccountId, store::Db};

const SCHEMA: &str = include_str!("../migrations/vault/0001_start.sql");

/// A connection to a fresh vault in memory.
pub fn memory() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    search::register(&conn).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    conn
}

/// A vault on disk, with both its threads.
pub fn vault(home: &TempDir) -> Vault {
    let path = home.path().join("vault.db");
    let fresh = !path.exists();
    let writer = Connection::open(&path).unwrap();
    search::register(&writer).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000").unwrap();
    if fresh {
        writer.execute_batch(SCHEMA).unwrap();
    }
    let reader = Connection::open(&path).unwrap();
    let db =
        Db::start("scratch", writer, Some(reader), Some(Box::new(move |_| Ok(Connection::open(&path).unwrap()))), None)
            .unwrap();
    Vault { account: AccountId::new(), db }
}
