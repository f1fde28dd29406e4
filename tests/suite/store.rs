//! The store on bad days: several processes at once, files of other versions, damage, a full disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Barrier,
    time::Duration,
};

use ollamanet::{
    api::{Fault, FaultKind},
    store::{
        Db, StoreError, While,
        migrate::{SYSTEM, Schema, VAULT},
        open::{RawKey, Target, open},
    },
};
use rusqlite::Connection;

static FIRST: Schema = Schema { application_id: 7, steps: &["CREATE TABLE kept (words TEXT NOT NULL) STRICT"] };
static SECOND: Schema = Schema {
    application_id: 7,
    steps: &["CREATE TABLE kept (words TEXT NOT NULL) STRICT", "CREATE TABLE more (words TEXT NOT NULL) STRICT"],
};

fn key() -> RawKey {
    RawKey::copied(&[9; 32])
}

fn target<'a>(path: &'a Path, schema: &'static Schema, key: Option<&'a RawKey>) -> Target<'a> {
    Target { name: "test", path, schema, key, cautious: false }
}

async fn add(db: &Db, words: &'static str) -> Result<(), StoreError> {
    db.write(move |tx| tx.execute("INSERT INTO kept (words) VALUES (?1)", [words]).map(drop).while_("adding")).await
}

async fn count(db: &Db) -> Result<i64, StoreError> {
    db.read(|tx| tx.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).while_("counting")).await
}

/// Every file of the directory with its bytes, but for what is there for locks and shared memory only.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.extension().is_some_and(|ending| ending == "lock" || ending == "db-shm"))
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

/// Opens the same file from as many threads as windows might start at once.
fn open_together(path: &Path, schema: &'static Schema, key: Option<&RawKey>) -> Vec<Result<Db, StoreError>> {
    const WINDOWS: usize = 8;
    let start = Barrier::new(WINDOWS);
    std::thread::scope(|scope| {
        let windows: Vec<_> = (0..WINDOWS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    open(&target(path, schema, key))
                })
            })
            .collect();
        windows.into_iter().map(|window| window.join().unwrap()).collect()
    })
}

#[test]
fn eight_windows_may_make_the_same_database_at_once() {
    for round in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        for (name, schema, key) in [("system.db", &SYSTEM, None), ("vault.db", &VAULT, Some(key()))] {
            for opened in open_together(&dir.path().join(name), schema, key.as_ref()) {
                assert!(opened.is_ok(), "round {round}, {name}: {:?}", opened.err());
            }
        }
    }
}

#[tokio::test]
async fn eight_windows_may_upgrade_the_same_database_at_once() {
    for round in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("v.db"), key());
        let old = open(&target(&path, &FIRST, Some(&key))).unwrap();
        add(&old, "before").await.unwrap();
        drop(old);
        for opened in open_together(&path, &SECOND, Some(&key)) {
            assert!(opened.is_ok(), "round {round}: {:?}", opened.err());
            assert_eq!(count(&opened.unwrap()).await.unwrap(), 1);
        }
        let copy = open(&target(&path.with_extension("v1.bak"), &FIRST, Some(&key))).unwrap();
        assert_eq!(count(&copy).await.unwrap(), 1);
    }
}

/// A copy that holds the damage as well would be no way back.
#[tokio::test]
async fn a_damaged_database_is_not_upgraded_and_no_copy_of_it_is_called_good() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("v.db"), key());
    let old = open(&target(&path, &FIRST, Some(&key))).unwrap();
    add(&old, "before").await.unwrap();
    drop(old);
    crate::common::until("it is closed", || !path.with_extension("db-wal").exists()).await;
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    let refused = open(&target(&path, &SECOND, Some(&key)));
    assert!(matches!(refused, Err(StoreError::Unreadable(_) | StoreError::Damaged { .. })), "{refused:?}");
    assert!(fs::read(&path).unwrap() == bytes, "the damaged file was changed");
    assert!(!path.with_extension("v1.bak").exists());
}

/// What a crash leaves: rows that are in the WAL only. Closing the last connection would move them and so change the file.
#[test]
fn a_newer_or_foreign_file_keeps_its_bytes_and_those_of_its_wal() {
    for mark in ["PRAGMA application_id = 7; PRAGMA user_version = 99;", ""] {
        let (whole, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let theirs = Connection::open(whole.path().join("x.db")).unwrap();
        theirs.execute_batch(&format!("PRAGMA journal_mode = WAL; {mark} CREATE TABLE theirs (x);")).unwrap();
        theirs.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO theirs VALUES (1);").unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("x.db{suffix}");
            fs::copy(whole.path().join(&name), left.path().join(&name)).unwrap();
            fs::set_permissions(left.path().join(&name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let before = files(left.path());
        assert_eq!(before.len(), 2, "there is a WAL to be left alone");
        let refused = open(&target(&left.path().join("x.db"), &FIRST, None));
        assert!(matches!(refused, Err(StoreError::Newer { .. } | StoreError::Foreign(_))), "{refused:?}");
        assert!(files(left.path()) == before, "the refusal changed the file: {mark}");
    }
}

/// A page that was changed behind the program's back is an error and never other words.
#[tokio::test]
async fn damage_in_a_vault_is_noticed_and_never_read_as_data() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("v.db"), key());
    let conn = {
        let db = open(&target(&path, &FIRST, Some(&key))).unwrap();
        for _ in 0..40 {
            add(&db, "a sentence that is as it was written").await.unwrap();
        }
        db.maintain(|conn| {
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).while_("emptying the WAL")
        })
        .await
        .unwrap();
        fs::read(&path).unwrap()
    };
    let mut noticed = 0;
    for at in (0..conn.len()).step_by(conn.len() / 60) {
        let mut damaged = conn.clone();
        damaged[at] ^= 0x10;
        let other = dir.path().join(format!("damaged-{at}.db"));
        fs::write(&other, damaged).unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
        let read = match open(&target(&other, &FIRST, Some(&key))) {
            Err(why) => Err(why),
            Ok(db) => {
                db.read(|tx| {
                    let mut rows = tx.prepare("SELECT words FROM kept").while_("reading")?;
                    let rows = rows.query_map([], |row| row.get::<_, String>(0)).while_("reading")?;
                    rows.collect::<Result<Vec<_>, _>>().while_("reading")
                })
                .await
            }
        };
        match read {
            Ok(words) => assert_eq!(words, vec!["a sentence that is as it was written"; 40]),
            Err(why) => {
                noticed += 1;
                assert_eq!(Fault::from(why).kind, FaultKind::Store);
            }
        }
    }
    assert!(noticed > 50, "only {noticed} of 60 changes were noticed");
}

#[tokio::test]
async fn a_full_disk_is_said_so_and_loses_nothing_that_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("v.db"), key());
    let db = open(&target(&path, &FIRST, Some(&key))).unwrap();
    add(&db, "before").await.unwrap();
    let limit = |pages: i64| {
        let db = db.clone();
        async move {
            db.maintain(move |conn| {
                conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))
                    .while_("limiting")
            })
            .await
            .unwrap()
        }
    };
    let room = limit(1).await;
    let refused = db
        .write(|tx| {
            let long = "x".repeat(1 << 20);
            tx.execute("INSERT INTO kept (words) VALUES (?1)", [long]).map(drop).while_("adding")
        })
        .await
        .unwrap_err();
    assert!(refused.is_full(), "{refused:?}");
    assert_eq!(Fault::from(refused).kind, FaultKind::DiskFull);
    assert!(room < 100);
    assert_eq!(count(&db).await.unwrap(), 1);
    limit(1_000_000).await;
    add(&db, "after").await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 2);
}

#[tokio::test]
async fn work_that_panics_is_undone_and_the_next_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("v.db"), key());
    let db = open(&target(&path, &FIRST, Some(&key))).unwrap();
    let broken: Result<(), StoreError> = db
        .write(|tx| {
            tx.execute("INSERT INTO kept (words) VALUES ('half')", []).unwrap();
            panic!("on purpose");
        })
        .await;
    assert!(broken.is_err());
    add(&db, "whole").await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&target(&dir.path().join("s.db"), &FIRST, None)).unwrap();
    let refused = db
        .read(|tx| tx.execute("INSERT INTO kept (words) VALUES ('no')", []).map(drop).while_("adding"))
        .await
        .unwrap_err();
    assert!(refused.is_read_only(), "{refused:?}");
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_still_made() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&target(&dir.path().join("s.db"), &FIRST, None)).unwrap();
    let (begun, at_work) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel();
    let waited = tokio::time::timeout(Duration::from_millis(50), {
        let db = db.clone();
        async move {
            db.write(move |tx| {
                begun.send(()).unwrap();
                may_go.recv().unwrap();
                tx.execute("INSERT INTO kept (words) VALUES ('kept')", []).map(drop).while_("adding")
            })
            .await
        }
    })
    .await;
    assert!(waited.is_err(), "nobody waits any more");
    at_work.recv().unwrap();
    go.send(()).unwrap();
    // The one writer serves jobs in order, so this one comes after it.
    let kept: i64 = db
        .write(|tx| tx.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).while_("counting"))
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_file_system_without_shared_memory_gets_a_plain_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("v.db"), key());
    let careful = Target { cautious: true, ..target(&path, &FIRST, Some(&key)) };
    let db = open(&careful).unwrap();
    add(&db, "there").await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 1);
    assert!(!path.with_extension("db-wal").exists() && !path.with_extension("db-shm").exists());
}
