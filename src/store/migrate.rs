//! Numbered SQL files, applied in order, each with its version stamp in one transaction.
//!
//! Architecture invariant: an upgraded schema equals a fresh one (a test compares them), and a file with a newer schema
//! is refused with its bytes unchanged.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, While};

/// What a kind of database is: its mark in the file header and its schema's history.
#[derive(Debug)]
pub struct Schema {
    /// SQLite's `application_id`: tells our files from others'.
    pub application_id: i32,
    /// The steps, first to last. Version n = the first n are applied.
    pub steps: &'static [&'static str],
}

pub const SYSTEM: Schema =
    Schema { application_id: 0x4f4e_5331, steps: &[include_str!("migrations/system/0001_start.sql")] };

pub const VAULT: Schema =
    Schema { application_id: 0x4f4e_5631, steps: &[include_str!("migrations/vault/0001_start.sql")] };

/// One thing in a schema: a table, an index, a trigger or a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    pub kind: String,
    pub name: String,
    /// How it is made; empty where SQLite made it by itself.
    pub sql: String,
}

/// Everything in the schema of a database, by name.
///
/// # Errors
/// When it cannot be read.
pub fn things(conn: &Connection) -> Result<Vec<Thing>, StoreError> {
    let mut rows = conn
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY name, type")
        .while_("reading a database's schema")?;
    let rows = rows
        .query_map([], |row| Ok(Thing { kind: row.get(0)?, name: row.get(1)?, sql: row.get(2)? }))
        .while_("reading a database's schema")?;
    rows.collect::<Result<Vec<_>, _>>().while_("reading a database's schema")
}

/// Where a database stands, read from its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Empty,
    Current,
    /// Some steps are missing; the version it has.
    Older(usize),
    Newer(i64),
    Foreign,
}

impl Schema {
    pub fn version(&self) -> usize {
        self.steps.len()
    }

    /// # Errors
    /// When the header cannot be read, for example with a wrong key.
    pub fn standing(&self, conn: &Connection) -> Result<Standing, StoreError> {
        // One read transaction: another window may be making the database between two reads.
        let tx = conn.unchecked_transaction().while_("looking into a database")?;
        let read = |pragma: &str| tx.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let application = read("application_id").while_("reading a database's mark")?;
        let version = read("user_version").while_("reading a database's version")?;
        if application == 0 && version == 0 {
            let tables: i64 = tx
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .while_("looking into a database")?;
            return Ok(if tables == 0 { Standing::Empty } else { Standing::Foreign });
        }
        if application != i64::from(self.application_id) {
            return Ok(Standing::Foreign);
        }
        Ok(match usize::try_from(version) {
            Ok(version) if version == self.version() => Standing::Current,
            Ok(version) if version < self.version() => Standing::Older(version),
            Ok(_) | Err(_) => Standing::Newer(version),
        })
    }

    /// Whether everything in a database is, word for word, one statement of the migrations, and nothing is missing: what a
    /// start can afford to ask. `false` where a later step altered what an earlier one made; `difference` knows.
    fn is_as_written(&self, found: &[Thing]) -> bool {
        let statements: usize = self.steps.iter().map(|step| step.matches("\nCREATE ").count()).sum();
        let (own, made): (Vec<&Thing>, Vec<&Thing>) = found.iter().partition(|thing| thing.name.starts_with("sqlite_"));
        // SQLite keeps such names for itself, so nobody can plant one.
        let is_sqlites = |thing: &&Thing| thing.sql.is_empty() || thing.name == "sqlite_sequence";
        made.len() == statements
            && own.iter().all(is_sqlites)
            && made.iter().all(|thing| {
                let whole = format!("{};", thing.sql);
                self.steps.iter().any(|step| step.contains(&whole))
            })
    }

    /// What a database has too much, too little or otherwise than the migrations make it, if anything: in words.
    ///
    /// # Errors
    /// When the migrations cannot be applied to nothing.
    pub fn difference(&self, found: &[Thing]) -> Result<Option<String>, StoreError> {
        if self.is_as_written(found) {
            return Ok(None);
        }
        let fresh = Connection::open_in_memory().while_("making a schema to compare with")?;
        for step in self.steps {
            fresh.execute_batch(step).while_("making a schema to compare with")?;
        }
        let ours = things(&fresh)?;
        let named = |thing: &Thing| format!("the {} {}", thing.kind, thing.name);
        let foreign = found.iter().find(|thing| !ours.contains(thing)).map(named);
        Ok(foreign.or_else(|| {
            let missing = ours.iter().find(|thing| !found.contains(thing));
            missing.map(|thing| format!("no {} {}", thing.kind, thing.name))
        }))
    }

    /// Applies the missing steps and stamps the file, all or nothing.
    ///
    /// # Errors
    /// When a step fails; the database is then as it was.
    pub fn upgrade(&self, conn: &mut Connection, from: usize) -> Result<(), StoreError> {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).while_("beginning an upgrade")?;
        // Another process may have been faster.
        let now: i64 =
            tx.pragma_query_value(None, "user_version", |row| row.get(0)).while_("reading a database's version")?;
        let done = usize::try_from(now).unwrap_or(from).max(from);
        for step in self.steps.iter().skip(done) {
            tx.execute_batch(step).while_("upgrading a database")?;
        }
        if done < self.version() {
            tx.pragma_update(None, "application_id", self.application_id).while_("marking a database")?;
            tx.pragma_update(None, "user_version", self.version() as i64).while_("stamping a database")?;
        }
        tx.commit().while_("finishing an upgrade")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_need_not_make_the_schema_to_compare_with_and_notices_what_is_planted() {
        let fresh = Connection::open_in_memory().unwrap();
        fresh.execute_batch(SYSTEM.steps[0]).unwrap();
        assert!(SYSTEM.is_as_written(&things(&fresh).unwrap()), "every start takes the long way now");
        for planted in [
            "CREATE TABLE more (a)",
            "CREATE INDEX more ON roles (rank)",
            "CREATE VIEW more AS SELECT 1",
            "CREATE TRIGGER more AFTER INSERT ON audit BEGIN SELECT 1; END",
            "DROP INDEX audit_by_time",
            "ALTER TABLE roles ADD COLUMN more TEXT",
            "DROP INDEX audit_by_time; CREATE INDEX audit_by_time ON audit (seq)",
        ] {
            let other = Connection::open_in_memory().unwrap();
            other.execute_batch(SYSTEM.steps[0]).unwrap();
            other.execute_batch(planted).unwrap();
            let found = things(&other).unwrap();
            assert!(!SYSTEM.is_as_written(&found), "{planted}");
            assert!(SYSTEM.difference(&found).unwrap().is_some(), "{planted}");
        }
    }

    /// As a later version would find this one's: what takes a while, and what takes none.
    static LATER: Schema = Schema {
        application_id: SYSTEM.application_id,
        steps: &[
            SYSTEM.steps[0],
            "CREATE TABLE later (n INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
             INSERT INTO later SELECT seq, at FROM audit;
             CREATE INDEX later_by_time ON later (at);
             UPDATE audit SET target = target || '!';",
            "ALTER TABLE later ADD COLUMN more TEXT NOT NULL DEFAULT '';
             UPDATE later SET more = 'more' WHERE n % 2 = 0;",
        ],
    };

    const ROWS: i64 = 400;

    fn old(path: &std::path::Path) {
        let mut conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").unwrap();
        SYSTEM.upgrade(&mut conn, 0).unwrap();
        let tx = conn.transaction().unwrap();
        for seq in 1..=ROWS {
            tx.execute(
                "INSERT INTO audit VALUES (?1, ?1, '', NULL, 0, 'a', 't', 'ok', zeroblob(32), zeroblob(32))",
                [seq],
            )
            .unwrap();
        }
        tx.commit().unwrap();
    }

    /// Whether it is the old one or the new one, all of it.
    fn is_new(path: &std::path::Path) -> bool {
        let conn = Connection::open(path).unwrap();
        let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let count = |sql: &str| -> i64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
        let changed = count("SELECT count(*) FROM audit WHERE target = 't!'");
        match LATER.standing(&conn).unwrap() {
            Standing::Older(1) => {
                assert_eq!((changed, count("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'later%'")), (0, 0));
                assert_eq!(SYSTEM.difference(&things(&conn).unwrap()).unwrap(), None);
                false
            }
            Standing::Current => {
                assert_eq!((changed, count("SELECT count(*) FROM later WHERE more = 'more'")), (ROWS, ROWS / 2));
                assert_eq!(LATER.difference(&things(&conn).unwrap()).unwrap(), None);
                true
            }
            other => panic!("{other:?}"),
        }
    }

    /// The other side of the test below: upgrades until it kills itself, after so many of SQLite's steps.
    #[test]
    fn a_process_that_is_killed_while_it_upgrades() {
        let Ok(told) = std::env::var("OLLAMANET_TEST_UPGRADE") else { return };
        let (steps, path) = told.split_once(' ').unwrap();
        let mut left: u64 = steps.parse().unwrap();
        let mut conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = 5;").unwrap();
        conn.progress_handler(
            20,
            Some(move || {
                if left == 0 {
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
                }
                left = left.saturating_sub(1);
                false
            }),
        )
        .unwrap();
        LATER.upgrade(&mut conn, 1).unwrap();
    }

    #[test]
    fn a_kill_at_any_step_of_an_upgrade_leaves_the_old_or_the_new_and_the_next_start_finishes_it() {
        use std::os::unix::process::ExitStatusExt as _;
        let home = tempfile::tempdir().unwrap();
        let whole = home.path().join("whole.db");
        old(&whole);
        assert!(!is_new(&whole));
        let (mut kills, mut steps, mut new) = (0, 0u64, 0);
        loop {
            let path = home.path().join("killed.db");
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(home.path().join(format!("killed.db{suffix}")));
            }
            std::fs::copy(&whole, &path).unwrap();
            let told = format!("{steps} {}", path.display());
            let ended = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "store::migrate::tests::a_process_that_is_killed_while_it_upgrades"])
                .env("OLLAMANET_TEST_UPGRADE", told)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            let was_killed = ended.signal() == Some(9);
            assert!(ended.success() || was_killed, "after {steps} steps: {ended}");
            let is_new = is_new(&path);
            assert!(was_killed || is_new, "after {steps} steps");
            new += u64::from(was_killed && is_new);
            let mut conn = Connection::open(&path).unwrap();
            if let Standing::Older(from) = LATER.standing(&conn).unwrap() {
                LATER.upgrade(&mut conn, from).unwrap();
            }
            assert_eq!(LATER.standing(&conn).unwrap(), Standing::Current);
            if !was_killed {
                break;
            }
            kills += 1;
            // Each of the first steps, then wider and wider.
            steps += 1 + steps / 8;
        }
        assert!(kills > 20, "{kills} kills, {new} of them after the commit");
    }
}
