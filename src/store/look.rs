//! Looking at the system database while everybody works with it, on a connection of its own: a part of it for every report,
//! all of it with progress for whoever asks. Never in the way of the others' reads, and broken off as soon as it is told.
//!
//! Everything in here blocks.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    StoreError, While, check,
    migrate::SYSTEM,
    open::broken,
    thread::{Counted, interrupted},
};
use crate::api::health::FullCheck;

/// Up to this size a database is looked through whole in a few milliseconds.
const SMALL: u64 = 16 * 1024 * 1024;
/// Steps of SQLite's machine after which it is asked whether to go on: some microseconds of work.
const STEPS_BETWEEN_ASKING: i32 = 1000;

/// Tells a look to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Stops a look when whoever waits for it goes away.
#[derive(Debug)]
pub struct StopOnDrop(pub Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

struct Look {
    conn: Connection,
    _counted: Counted,
}

impl Look {
    fn begin(path: &Path, goes_on: impl Fn() -> bool + Send + 'static) -> Result<Self, StoreError> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut conn = Connection::open_with_flags(path, flags).while_("opening the system database")?;
        conn.execute_batch("PRAGMA busy_timeout = 1000; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")
            .while_("setting up a connection")?;
        conn.progress_handler(STEPS_BETWEEN_ASKING, Some(move || !goes_on())).while_("setting up a connection")?;
        Ok(Self { conn, _counted: Counted::new() })
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        check::lines(&self.conn, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    }

    /// What `pragma` says of a table, or of everything.
    fn ask(&self, pragma: &str, table: Option<&str>) -> Result<Vec<String>, StoreError> {
        let of = table.map_or_else(|| "5".to_owned(), |name| ["\"", &name.replace('"', "\"\""), "\""].concat());
        let mut found = check::lines(&self.conn, &["PRAGMA ", pragma, "(", &of, ")"].concat())?;
        found.retain(|line| line != "ok");
        Ok(found)
    }
}

/// Looks at the structure of the system database: of all of it where it is small, else of some tables, those from number
/// `from` on, for as long as `within`. Gives the number of the table that is next.
///
/// # Errors
/// `Unsound` with what was found.
pub fn sample(path: &Path, from: usize, within: Duration, stop: &Stop) -> Result<usize, StoreError> {
    let (begun, told) = (Instant::now(), stop.clone());
    let look = Look::begin(path, move || !told.is_told() && begun.elapsed() < within)?;
    let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= SMALL);
    if is_small {
        return match look.ask("quick_check", None) {
            Err(why) if why.is_interrupted() => Ok(from),
            found => verdict(path, &found?).map(|()| 0),
        };
    }
    let tables = look.tables()?;
    for step in 0..tables.len() {
        let at = (from + step) % tables.len();
        match look.ask("quick_check", tables.get(at).map(String::as_str)) {
            // One that is too large to be looked through in the time is left where it was: the next look begins behind it.
            Err(why) if why.is_interrupted() => return Ok((at + 1) % tables.len()),
            found => verdict(path, &found?)?,
        }
    }
    Ok(from)
}

/// Looks through the whole system database: each table with its indexes, what each row points to, the pages that are free.
///
/// # Errors
/// `Unsound` with what was found; interrupted when it was stopped.
pub fn in_full(path: &Path, stop: &Stop, tell: impl Fn(FullCheck)) -> Result<(), StoreError> {
    let told = stop.clone();
    let look = Look::begin(path, move || !told.is_told())?;
    let tables = look.tables()?;
    let all = u32::try_from(tables.len() + 2).unwrap_or(u32::MAX);
    let step = |done: usize, what: &str| {
        tell(FullCheck { what: what.to_owned(), done: u32::try_from(done).unwrap_or(u32::MAX), all });
        // SQLite asks only after some steps, and a small table takes fewer.
        if stop.is_told() { Err(interrupted("checking a database")) } else { Ok(()) }
    };
    for (done, table) in tables.iter().enumerate() {
        step(done, table)?;
        verdict(path, &look.ask("integrity_check", Some(table))?)?;
    }
    step(tables.len(), "references between tables")?;
    let loose: Vec<String> = check::lines(&look.conn, "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 5")?;
    let loose: Vec<String> = loose.into_iter().map(|table| ["a row of ", &table, " points nowhere"].concat()).collect();
    verdict(path, &loose)?;
    step(tables.len() + 1, "free pages")?;
    verdict(path, &look.ask("quick_check", None)?)?;
    step(tables.len() + 2, "")
}

fn verdict(path: &Path, found: &[String]) -> Result<(), StoreError> {
    check::verdict(found, broken(path, &SYSTEM, false))
}

/// What the files of an installation take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub system: u64,
    /// The largest of the write-ahead logs, the system database's and the vaults'.
    pub log: u64,
    pub vaults: u64,
    pub vaults_count: u64,
}

/// Reads them off the directory that holds `system.db` and `vaults/`.
#[must_use]
pub fn sizes(data: &Path) -> Sizes {
    let len = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let mut sizes =
        Sizes { system: len(data.join("system.db")), log: len(data.join("system.db-wal")), ..Sizes::default() };
    for entry in std::fs::read_dir(data.join("vaults")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let bytes = entry.metadata().map_or(0, |file| file.len());
        if name.ends_with(".db") {
            sizes.vaults += bytes;
            sizes.vaults_count += 1;
        } else if name.ends_with(".db-wal") {
            sizes.log = sizes.log.max(bytes);
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::store::system::scratch::system;

    /// Makes nonsense of a page that is none of the first.
    fn ruin(path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        let last = bytes.len() - 4096;
        for byte in &mut bytes[last..] {
            *byte ^= 0x10;
        }
        std::fs::write(path, bytes).unwrap();
    }

    #[tokio::test]
    async fn a_look_at_all_of_it_tells_how_far_it_is_and_finds_what_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("system.db");
        let db = system(&dir);
        let told = RefCell::new(Vec::new());
        in_full(&path, &Stop::default(), |far| told.borrow_mut().push(far)).unwrap();
        let told = told.into_inner();
        assert!(told.iter().any(|far| far.what == "accounts") && told.len() > 20, "{told:?}");
        assert!(told.windows(2).all(|two| two[0].done < two[1].done));
        let last = told.last().unwrap();
        assert_eq!(last.done, last.all);
        assert_eq!(sample(&path, 0, Duration::from_mins(1), &Stop::default()).unwrap(), 0);
        drop(db);
        // Closed: its log is folded in and gone.
        let (begun, log) = (Instant::now(), path.with_file_name("system.db-wal"));
        while log.exists() && begun.elapsed() < Duration::from_secs(20) {
            tokio::task::yield_now().await;
        }
        ruin(&path);
        let found = in_full(&path, &Stop::default(), |_| {}).unwrap_err();
        assert!(matches!(found, StoreError::Unsound { .. }), "{found}");
        let found = sample(&path, 0, Duration::from_mins(1), &Stop::default()).unwrap_err();
        assert!(matches!(found, StoreError::Unsound { .. }), "{found}");
    }

    #[tokio::test]
    async fn a_look_that_is_told_to_stop_stops() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("system.db");
        let _db = system(&dir);
        let stop = Stop::default();
        drop(StopOnDrop(stop.clone()));
        let done = in_full(&path, &stop, |_| {});
        assert!(done.is_err_and(|why| why.is_interrupted()));
    }

    #[test]
    fn the_files_of_an_installation_are_added_up() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(sizes(dir.path()), Sizes::default());
        std::fs::create_dir(dir.path().join("vaults")).unwrap();
        for (name, bytes) in
            [("system.db", 10), ("system.db-wal", 3), ("vaults/a.db", 5), ("vaults/b.db", 6), ("vaults/b.db-wal", 4)]
        {
            std::fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        assert_eq!(sizes(dir.path()), Sizes { system: 10, log: 4, vaults: 11, vaults_count: 2 });
    }
}
