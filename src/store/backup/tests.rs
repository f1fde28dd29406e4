use std::{
    fs,
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
    },
};

use rusqlite::Connection;

use super::{copy::copy_vault, still::Still, swap::carry_out_telling, *};
use crate::{
    api::{
        AccountId,
        auth::Role,
        backup::{MadeBy, MovedAside},
    },
    store::{
        Vault, While, files,
        migrate::{SYSTEM, Schema, VAULT},
        open::{RawKey, Target, connect},
        system::{Moment, accounts, audit, open_system, scratch::at},
    },
};

const NOW: i64 = 1_764_000_000_000;

fn key() -> RawKey {
    RawKey::copied(&[7; 32])
}

/// Without anybody to tell.
fn quietly<T>(work: impl FnOnce(&mut Pace<'_>) -> T) -> T {
    let stop = AtomicBool::new(false);
    work(&mut Pace::new(&|_| {}, &stop))
}

fn place(data: &Path) -> Place {
    Place { data: data.to_path_buf(), backups: data.join("backups"), cautious: false }
}

fn vault_path(data: &Path, name: &str) -> PathBuf {
    data.join(manifest::vault_name(vault_of(name)))
}

fn vault_of(name: &str) -> uuid::Uuid {
    let mut bytes = [9; 16];
    bytes[0] = name.as_bytes()[0];
    uuid::Uuid::from_bytes(bytes)
}

/// An installation with two accounts whose vaults say `what`, and so does the system database.
async fn furnish(data: &Path, what: &'static str) {
    make_directory(&data.join("vaults")).unwrap();
    let system = open_system(&data.join("system.db"), false).unwrap();
    system
        .write(move |tx| {
            for name in ["alice", "bob"] {
                if accounts::by_name(tx, name)?.is_none() {
                    let id = AccountId(vault_of(name));
                    accounts::insert(tx, id, name, Role::Admin, vault_of(name), NOW)?;
                }
                let id = accounts::by_name(tx, name)?.unwrap().id;
                accounts::set_display_name(tx, id, Some(what))?;
            }
            audit::append(tx, &at(NOW), None, "test", what, "ok")
        })
        .await
        .unwrap();
    for name in ["alice", "bob"] {
        let vault = Vault::open(AccountId::new(), &vault_path(data, name), &key(), false).unwrap();
        vault
            .db
            .write(move |tx| {
                tx.execute_batch("CREATE TABLE IF NOT EXISTS said (what TEXT); DELETE FROM said;").while_("x")?;
                tx.execute("INSERT INTO said VALUES (:what)", rusqlite::named_params! { ":what": what }).while_("x")
            })
            .await
            .unwrap();
        closed(vault, data, name).await;
    }
    drop(system);
    crate::store::aside::alone(&data.join("system.db")).map(drop).unwrap();
}

/// Waits until nobody has the vault open: its lock is to be had.
async fn closed(vault: Vault, data: &Path, name: &str) {
    drop(vault);
    let path = vault_path(data, name);
    tokio::task::spawn_blocking(move || crate::store::aside::alone(&path).map(drop)).await.unwrap().unwrap();
}

/// What the system database and the two vaults say.
fn said(data: &Path) -> [String; 3] {
    let system = Connection::open(data.join("system.db")).unwrap();
    let of_system: String =
        system.query_row("SELECT display_name FROM accounts WHERE name = 'alice'", [], |row| row.get(0)).unwrap();
    let of_vault = |name: &str| -> String {
        let path = vault_path(data, name);
        let target = Target { name: "t", path: &path, schema: &VAULT, key: Some(&key()), cautious: true };
        connect(&target, false).unwrap().query_row("SELECT what FROM said", [], |row| row.get(0)).unwrap()
    };
    [of_system, of_vault("alice"), of_vault("bob")]
}

fn everything(data: &Path, directory: &Path) -> Result<Staged, BackupError> {
    let asked = Asked { by: None, moment: Moment { now: NOW, ..Moment::here() } };
    quietly(|pace| stage(&place(data), directory, &Wanted::Everything, &[], &asked, pace))
}

fn made(data: &Path, now: i64) -> PathBuf {
    let place = place(data);
    let backup = quietly(|pace| create(&place, MadeBy::Person, None, pace, now)).unwrap();
    look_up(&place, &backup.name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_is_written_to_is_copied_as_it_was_at_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("v.db"), dir.path().join("copy.db"));
    let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
    vault
        .db
        .maintain(|conn| {
            // The log is folded in and begun anew all the time.
            conn.execute_batch(
                "PRAGMA wal_autocheckpoint = 12;
                 CREATE TABLE rows (n INTEGER PRIMARY KEY, filler BLOB);
                 CREATE TABLE last (n INTEGER); INSERT INTO last VALUES (0);",
            )
            .while_("x")
        })
        .await
        .unwrap();
    let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, stopping, db) = (Arc::clone(&acknowledged), Arc::clone(&stop), vault.db.clone());
    let writing = tokio::spawn(async move {
        let mut n = 0i64;
        while !stopping.load(Ordering::SeqCst) {
            n += 1;
            db.write(move |tx| {
                tx.execute_batch(
                    &[
                        "INSERT INTO rows VALUES (",
                        &n.to_string(),
                        ", randomblob(3000));
                     UPDATE rows SET filler = randomblob(3000) WHERE n % 7 = ",
                        &(n % 7).to_string(),
                        " AND n > ",
                        &(n - 60).to_string(),
                        "; UPDATE last SET n = ",
                        &n.to_string(),
                    ]
                    .concat(),
                )
                .while_("x")
            })
            .await
            .unwrap();
            counted.store(n as u64, Ordering::SeqCst);
        }
    });
    let check = vault.db.checker_of_copies().unwrap();
    for round in 0..30 {
        let before = acknowledged.load(Ordering::SeqCst);
        quietly(|pace| copy_vault(&path, &copy, false, pace)).unwrap();
        let after = acknowledged.load(Ordering::SeqCst);
        assert_eq!(check(&copy).unwrap(), Vec::<String>::new(), "round {round}");
        let target = Target { name: "t", path: &copy, schema: &VAULT, key: Some(&key()), cautious: true };
        let conn = connect(&target, false).unwrap();
        let (last, highest, count): (i64, i64, i64) = conn
            .query_row("SELECT (SELECT n FROM last), coalesce(max(n), 0), count(*) FROM rows", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!((last, last), (highest, count), "round {round}");
        assert!((before..=after + 1).contains(&(last as u64)), "round {round}: {before} ≤ {last} ≤ {after}");
        drop(conn);
        for suffix in files::COMPANIONS {
            let _ = fs::remove_file(files::beside(&copy, suffix));
        }
    }
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();
    assert!(acknowledged.load(Ordering::SeqCst) > 60, "the writer hardly came to write");
}

async fn fill_some(vault: &Vault) {
    vault
        .db
        .write(|tx| {
            tx.execute_batch("CREATE TABLE IF NOT EXISTS more (b BLOB); INSERT INTO more VALUES (randomblob(30000));")
                .while_("x")
        })
        .await
        .unwrap();
}

/// Folds the log in as far as can be; whether somebody was in the way.
async fn checkpoint(vault: &Vault, how: &'static str) -> bool {
    vault.db.maintain(move |conn| conn.query_row(how, [], |row| row.get::<_, i64>(0)).while_("x")).await.unwrap() == 1
}

#[tokio::test]
async fn a_vault_that_is_held_still_takes_commits_and_its_file_and_the_log_so_far_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.db");
    let log = files::beside(&path, "-wal");
    let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
    fill_some(&vault).await;
    // All of the log is in the file, so the next commit would begin the log anew.
    assert!(!checkpoint(&vault, "PRAGMA wal_checkpoint(FULL)").await);
    let (file, begun) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());

    let still = Still::take(&path, false).unwrap();
    fill_some(&vault).await;
    assert_eq!(fs::read(&log).unwrap()[..begun.len()], begun, "the log was begun anew");
    assert!(fs::read(&log).unwrap().len() > begun.len());
    assert!(checkpoint(&vault, "PRAGMA wal_checkpoint(PASSIVE)").await);
    assert_eq!(fs::read(&path).unwrap(), file);
    // Its last connection closes, which else folds the log in.
    drop(vault);
    let reopened = tokio::task::spawn_blocking({
        let path = path.clone();
        move || Vault::open(AccountId::new(), &path, &key(), false)
    });
    let vault = reopened.await.unwrap().unwrap();
    assert_eq!(fs::read(&path).unwrap(), file);
    fill_some(&vault).await;
    drop(still);

    assert!(!checkpoint(&vault, "PRAGMA wal_checkpoint(TRUNCATE)").await, "a lock was kept");
    assert_ne!(fs::read(&path).unwrap(), file);
}

#[tokio::test]
async fn a_vault_that_nobody_has_open_opens_at_once_while_it_is_held_still() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.db");
    let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
    fill_some(&vault).await;
    drop(vault);
    crate::store::aside::alone(&path).map(drop).unwrap();
    assert!(!files::beside(&path, "-wal").exists());

    let _still = Still::take(&path, false).unwrap();
    let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
    fill_some(&vault).await;
}

#[tokio::test]
async fn copying_a_vault_that_is_open_here_leaves_its_locks_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("v.db"), dir.path().join("copy.db"));
    let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
    fill_some(&vault).await;
    let locks = || {
        let inodes = ["", "-shm"].map(|suffix| fs::metadata(files::beside(&path, suffix)).unwrap().ino());
        let held = fs::read_to_string("/proc/locks").unwrap();
        let ours = |line: &&str| inodes.iter().any(|inode| line.contains(&[":", &inode.to_string(), " "].concat()));
        held.lines().filter(ours).count()
    };
    let before = locks();
    assert!(before > 0);
    quietly(|pace| copy_vault(&path, &copy, false, pace)).unwrap();
    assert_eq!(locks(), before);
    drop(vault);
}

#[tokio::test]
async fn a_backup_is_whole_closed_to_others_and_says_how_it_was_checked() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let alice = Vault::open(AccountId::new(), &vault_path(data, "alice"), &key(), false).unwrap();
    let directory = made(data, NOW);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&place(data).backups), mode(&directory), mode(&directory.join("vaults"))), (0o700, 0o700, 0o700));
    let vault = manifest::vault_name(vault_of("alice"));
    assert_eq!([&vault, "system.db", "manifest.json"].map(|name| mode(&directory.join(name))), [0o600; 3]);
    assert!(!fs::read(directory.join(&vault)).unwrap().windows(6).any(|bytes| bytes == b"SQLite"));

    let keys = vec![(vault_of("alice"), alice.db.checker_of_copies().unwrap())];
    let found = quietly(|pace| verify(&place(data), &directory, &keys, pace, NOW)).unwrap();
    assert_eq!((found.opened, found.compared, found.damage.as_slice()), (1, 1, [].as_slice()));
    let listed = list(&place(data)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].accounts, listed[0].vaults, listed[0].verified.clone()), (2, 2, Some(found)));
    assert!(!data.join(".verify").exists());
}

#[tokio::test]
async fn each_damaged_byte_each_missing_file_and_each_cut_is_found_and_named() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    let vault = manifest::vault_name(vault_of("bob"));
    let checked = || quietly(|pace| verify(&place(data), &directory, &[], pace, NOW));
    for name in [vault.as_str(), "system.db", "manifest.json"] {
        let file = directory.join(name);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 4;
        let cut = whole[..whole.len() - 1].to_vec();
        let longer = [whole.as_slice(), b"x"].concat();
        for broken in [Some(flipped), Some(cut), (name != "manifest.json").then_some(longer)].into_iter().flatten() {
            fs::write(&file, broken).unwrap();
            let found = checked().unwrap();
            assert!(found.damage.len() == 1 && found.damage[0].contains(name), "{name}: {found:?}");
            assert!(matches!(everything(data, &directory), Err(BackupError::Damaged { .. })), "{name}");
        }
        fs::remove_file(&file).unwrap();
        match checked() {
            Ok(found) => assert!(found.damage[0].contains(name), "{found:?}"),
            Err(why) => assert!(matches!(why, BackupError::Foreign(_)), "{why}"),
        }
        assert!(everything(data, &directory).is_err());
        fs::write(&file, whole).unwrap();
    }
    assert!(checked().unwrap().is_sound());
    assert_eq!(said(data), ["old"; 3], "nothing was touched");
    assert!(!data.join(".restore").exists());
}

/// As a later version of this program would find it.
static LATER: Schema = Schema {
    application_id: SYSTEM.application_id,
    steps: &[SYSTEM.steps[0], "CREATE TABLE later (a INTEGER) STRICT;"],
};
const _: () = assert!(SYSTEM.steps.len() == 1, "take all of the steps here");

#[tokio::test]
async fn a_backup_of_another_program_or_of_a_newer_version_is_refused_and_an_older_one_is_upgraded() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    furnish(data, "new").await;

    let line = fs::read_to_string(directory.join("manifest.json")).unwrap();
    fs::write(directory.join("manifest.json"), "{\"kind\":\"another\"}\nsum\n").unwrap();
    assert!(matches!(everything(data, &directory), Err(BackupError::Foreign(_))));
    fs::write(directory.join("manifest.json"), &line).unwrap();

    let mut newer = manifest::Manifest::read(&directory).unwrap();
    newer.vault_schema += 1;
    newer.write(&directory).unwrap();
    assert!(matches!(everything(data, &directory), Err(BackupError::Newer { .. })));
    fs::write(directory.join("manifest.json"), &line).unwrap();
    assert_eq!(said(data), ["new"; 3]);

    let asked = Asked { by: None, moment: at(NOW) };
    let staged = quietly(|pace| {
        restore::stage_with(&place(data), &directory, &Wanted::Everything, &[], &asked, pace, (&LATER, &VAULT))
    });
    let upgraded = Connection::open(data.join(".restore/new/system.db")).unwrap();
    let version: i64 = upgraded.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 2);
    drop((staged, upgraded));
}

#[tokio::test]
async fn what_is_restored_takes_the_place_of_what_is_there_which_is_kept_aside() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    furnish(data, "new").await;
    // A vault that came later.
    fs::write(data.join("vaults").join("later.db"), "later").unwrap();
    drop(everything(data, &directory).unwrap());
    let carried = carry_out(data).unwrap().unwrap();
    assert_eq!(said(data), ["old"; 3]);
    assert_eq!(said(&carried.quarantine), ["new"; 3]);
    assert!(carried.quarantine.join("vaults/later.db").exists());
    let aside = quarantine(&place(data)).unwrap();
    assert_eq!(aside.len(), 1);
    assert!(aside[0].bytes > 100_000);
    assert!(matches!(purge_quarantine(&place(data), "../backups"), Err(BackupError::Missing(_))));
    purge_quarantine(&place(data), &aside[0].name).unwrap();
    assert_eq!(quarantine(&place(data)).unwrap(), []);
    assert!(!data.join(".restore").exists());
    // It is written in the trail that was restored, which still fits together.
    let conn = Connection::open(data.join("system.db")).unwrap();
    let last: String =
        conn.query_row("SELECT action FROM audit ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).unwrap();
    assert_eq!(last, "backup.restore");
}

#[tokio::test]
async fn one_vault_is_restored_alone_and_not_while_it_is_open() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    furnish(data, "new").await;
    let system = open_system(&data.join("system.db"), false).unwrap();
    let asked = Asked { by: None, moment: at(NOW) };
    let bob = || {
        let wanted = Wanted::Account("Bob".to_owned());
        quietly(|pace| stage(&place(data), &directory, &wanted, &[], &asked, pace)).unwrap()
    };
    let open = Vault::open(AccountId::new(), &vault_path(data, "bob"), &key(), false).unwrap();
    assert!(matches!(bob().carry_out(), Err(BackupError::InUse(_))));
    closed(open, data, "bob").await;
    assert_eq!(said(data), ["new"; 3]);
    bob().carry_out().unwrap();
    assert_eq!(said(data), ["new", "new", "old"]);
    drop(system);
}

#[tokio::test]
async fn everything_is_not_restored_while_another_has_it_open() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    furnish(data, "new").await;
    let other = open_system(&data.join("system.db"), false).unwrap();
    drop(everything(data, &directory).unwrap());
    assert!(matches!(carry_out(data), Err(BackupError::InUse(_))));
    assert!(!data.join(".restore").exists());
    drop(other);
    assert_eq!(said(data), ["new"; 3]);
}

#[tokio::test]
async fn a_restore_signs_everybody_out_so_that_no_withdrawn_token_opens_anything_again() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let open = || Connection::open(data.join("system.db")).unwrap();
    open()
        .execute_batch(
            "INSERT INTO token_families (selector, account, os_uid, generation, rotated_at, expires_at)
             SELECT randomblob(16), id, 0, 1, 0, 9999999999999 FROM accounts;
             INSERT INTO sessions (id, account, epoch, place, os_uid, pid, started_at, expires_at)
             SELECT randomblob(16), id, epoch, 'window', 0, 1, 0, 9999999999999 FROM accounts;",
        )
        .unwrap();
    let epochs =
        |conn: Connection| -> i64 { conn.query_row("SELECT sum(epoch) FROM accounts", [], |row| row.get(0)).unwrap() };
    let before = epochs(open());
    let directory = made(data, NOW);
    drop(everything(data, &directory).unwrap());
    carry_out(data).unwrap().unwrap();
    let count = |sql: &str| -> i64 { open().query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM token_families"), 0);
    assert_eq!(count("SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 0);
    assert_eq!(epochs(open()), before + 2);
}

#[tokio::test]
async fn two_windows_that_hear_the_same_hour_strike_make_one_backup() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let scheduled =
        |since, now| quietly(|pace| create(&place(data), MadeBy::Schedule, Some(since), pace, now)).map(|one| one.name);
    scheduled(NOW, NOW + 5).unwrap();
    assert!(matches!(scheduled(NOW, NOW + 9), Err(BackupError::Made)));
    made(data, NOW + 20_000);
    assert!(scheduled(NOW + 10_000, NOW + 30_000).is_ok(), "one by hand does not count");
}

#[tokio::test]
async fn a_backup_that_is_stopped_or_has_no_room_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let entries = || fs::read_dir(place(data).backups).unwrap().count();
    let stop = AtomicBool::new(true);
    let stopped = create(&place(data), MadeBy::Person, None, &mut Pace::new(&|_| {}, &stop), NOW);
    assert!(matches!(stopped, Err(BackupError::Stopped)));
    assert_eq!(entries(), 1, "the lock and nothing else");
    // The place goes away in the middle: nothing is made elsewhere, and the words name the place.
    let (backups, away) = (place(data).backups, data.join("away"));
    let (stop, moved) = (AtomicBool::new(false), AtomicBool::new(false));
    let unplug = |_| {
        if !moved.swap(true, Ordering::SeqCst) {
            fs::rename(&backups, &away).unwrap();
        }
    };
    let unplugged = create(&place(data), MadeBy::Person, None, &mut Pace::new(&unplug, &stop), NOW);
    assert!(unplugged.is_err());
    assert!(!backups.exists());
    assert!(list(&Place { backups: away, ..place(data) }).unwrap().is_empty());
    let huge = require_room(data, u64::MAX / 2);
    assert!(matches!(huge, Err(BackupError::NoRoom { .. })));
}

/// The other side of the tests below: does what it is told until it kills itself.
#[test]
fn a_process_that_is_killed() {
    let Ok(told) = std::env::var("OLLAMANET_TEST_KILLED") else { return };
    let mut words = told.splitn(3, ' ');
    let (what, steps, data) = (words.next().unwrap(), words.next().unwrap(), Path::new(words.next().unwrap()));
    let left = AtomicU32::new(steps.parse().unwrap());
    let step = || {
        if left.fetch_sub(1, Ordering::SeqCst) == 0 {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
    };
    let (stop, tell) = (AtomicBool::new(false), |_| step());
    let mut pace = Pace::new(&tell, &stop);
    match what {
        "create" => {
            create(&place(data), MadeBy::Person, None, &mut pace, NOW + 1000).unwrap();
        }
        "restore" => {
            let directory = look_up(&place(data), &manifest::name_of(NOW)).unwrap();
            let asked = Asked { by: None, moment: at(NOW) };
            drop(stage(&place(data), &directory, &Wanted::Everything, &[], &asked, &mut pace).unwrap());
            step();
            carry_out_telling(data, &|_| step()).unwrap().unwrap();
        }
        other => panic!("{other}"),
    }
}

/// Runs it and has it killed after so many steps; whether it was, or had come to its end before.
fn killed(what: &str, steps: u32, data: &Path) -> bool {
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::backup::tests::a_process_that_is_killed"])
        .env("OLLAMANET_TEST_KILLED", [what, " ", &steps.to_string(), " ", data.to_str().unwrap()].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success() || ended.signal() == Some(9), "{what} {steps}: {ended}");
    ended.signal() == Some(9)
}

#[tokio::test]
async fn a_kill_at_any_step_of_a_backup_leaves_none_that_looks_whole_and_is_not() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    made(data, NOW);
    let mut kills = 0;
    for steps in 0.. {
        let was_killed = killed("create", steps, data);
        for backup in list(&place(data)).unwrap() {
            let directory = look_up(&place(data), &backup.name).unwrap();
            let found = quietly(|pace| verify(&place(data), &directory, &[], pace, NOW)).unwrap();
            assert!(found.is_sound(), "after {steps} steps: {found:?}");
        }
        if !was_killed {
            break;
        }
        kills += 1;
        assert_eq!(said(data), ["old"; 3]);
    }
    assert!(kills > 5, "{kills}");
    assert_eq!(list(&place(data)).unwrap().len(), 2);
    let litter = fs::read_dir(place(data).backups).unwrap().flatten();
    let litter: Vec<_> = litter.map(|entry| entry.file_name()).filter(|name| name != ".lock").collect();
    assert_eq!(litter.len(), 2, "{litter:?}");
}

#[tokio::test]
async fn a_kill_at_any_step_of_a_restore_leaves_the_old_or_the_new() {
    let home = tempfile::tempdir().unwrap();
    let (mut kept, mut changed) = (0, 0);
    for steps in 0.. {
        let data = home.path().join(steps.to_string());
        make_directory(&data).unwrap();
        furnish(&data, "old").await;
        made(&data, NOW);
        furnish(&data, "new").await;
        let was_killed = killed("restore", steps, &data);
        // As the next start does it, before it opens anything.
        finish_interrupted(&data).unwrap();
        let now = said(&data);
        match now[0].as_str() {
            "new" => kept += 1,
            "old" => changed += 1,
            other => panic!("{other}"),
        }
        assert_eq!(now, [now[0].as_str(); 3], "after {steps} steps");
        assert!(!data.join(".restore").exists(), "after {steps} steps");
        if now[0] == "old" {
            assert_eq!(said(&data.join("quarantine").join(manifest::name_of(NOW))), ["new"; 3]);
        }
        fs::remove_dir_all(&data).unwrap();
        if !was_killed {
            break;
        }
    }
    assert!(kept > 5 && changed > 5, "{kept} {changed}");
}

/// Stands at a piece of a copy until it is let go, as a disk does that takes its time.
#[derive(Default)]
struct Slow {
    /// Whether it is to stand still, and whether it does.
    held: (std::sync::Mutex<(bool, bool)>, std::sync::Condvar),
}

impl Slow {
    fn piece(&self, is_the_one: bool) {
        let mut held = self.held.0.lock().unwrap();
        if is_the_one && held.0 {
            held.1 = true;
            self.held.1.notify_all();
        }
        while held.0 && held.1 {
            held = self.held.1.wait(held).unwrap();
        }
    }

    fn wait_until_it_stands(&self) {
        let mut held = self.held.0.lock().unwrap();
        while !held.1 {
            held = self.held.1.wait(held).unwrap();
        }
    }

    fn let_go(&self) {
        self.held.0.lock().unwrap().0 = false;
        self.held.1.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_place_holds_up_nobody_who_writes_reads_or_comes_in_and_can_be_left() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let system = open_system(&data.join("system.db"), false).unwrap();
    let bob = Vault::open(AccountId::new(), &vault_path(data, "bob"), &key(), false).unwrap();
    for is_stopped in [true, false] {
        for at in ["vaults/", "system.db"] {
            let at_now = || crate::store::system::scratch::at(NOW);
            let (slow, stop) = (Arc::new(Slow::default()), Arc::new(AtomicBool::new(false)));
            slow.held.0.lock().unwrap().0 = true;
            let (ours, standing, stopping) = (place(data), Arc::clone(&slow), Arc::clone(&stop));
            let copying = tokio::task::spawn_blocking(move || {
                let tell = |progress: Progress| standing.piece(progress.done > 0 && progress.what.starts_with(at));
                create(&ours, MadeBy::Person, None, &mut Pace::new(&tell, &stopping), NOW)
            });
            let standing = Arc::clone(&slow);
            tokio::task::spawn_blocking(move || standing.wait_until_it_stands()).await.unwrap();
            // It stands in the middle of a file. Everything goes on: whoever is in writes and reads,
            fill_some(&bob).await;
            let count: i64 = bob
                .db
                .read(|tx| tx.query_row("SELECT count(*) FROM more", [], |row| row.get(0)).while_("x"))
                .await
                .unwrap();
            assert!(count > 0);
            // the house notes what was done,
            system.write(move |tx| audit::append(tx, &at_now(), None, "test", "x", "ok")).await.unwrap();
            // and whoever comes in finds their vault.
            let alice = Vault::open(AccountId::new(), &vault_path(data, "alice"), &key(), false).unwrap();
            fill_some(&alice).await;
            drop(alice);
            stop.store(is_stopped, Ordering::Relaxed);
            slow.let_go();
            match copying.await.unwrap() {
                Err(BackupError::Stopped) => assert!(is_stopped),
                Ok(made) => {
                    assert!(!is_stopped);
                    let directory = look_up(&place(data), &made.name).unwrap();
                    let found = quietly(|pace| verify(&place(data), &directory, &[], pace, NOW)).unwrap();
                    assert!(found.is_sound(), "{found:?}");
                }
                Err(why) => panic!("{why}"),
            }
        }
        let whole = if is_stopped { 0 } else { 2 };
        assert_eq!(list(&place(data)).unwrap().len(), whole);
        let left = fs::read_dir(place(data).backups).unwrap().flatten().filter(|entry| entry.file_name() != ".lock");
        assert_eq!(left.count(), whole, "nothing else is left");
    }
}

#[tokio::test]
async fn a_place_in_which_a_restore_would_get_in_the_way_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    std::os::unix::fs::symlink(data.join("vaults"), data.join("elsewhere")).unwrap();
    for taken in
        ["", "vaults", "vaults/deeper/still", "quarantine", ".restore/new", "leases", "elsewhere", "x/../vaults"]
    {
        let place = Place { backups: data.join(taken), ..place(data) };
        let made = quietly(|pace| create(&place, MadeBy::Person, None, pace, NOW));
        assert!(matches!(made, Err(BackupError::InTheWay(_))), "{taken}: {made:?}");
        assert!(matches!(list(&place), Err(BackupError::InTheWay(_))), "{taken}");
    }
    assert_eq!(said(data), ["old"; 3]);
    let beside = tempfile::tempdir().unwrap();
    for apart in [data.join("backups"), data.join("mine"), beside.path().to_path_buf()] {
        let place = Place { backups: apart, ..place(data) };
        quietly(|pace| create(&place, MadeBy::Person, None, pace, NOW)).unwrap();
    }
}

#[tokio::test]
async fn what_a_restore_moved_aside_comes_back_with_what_its_logs_held() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    furnish(data, "old").await;
    let directory = made(data, NOW);
    furnish(data, "new").await;
    // What was written last is in the log of a process that was killed: nobody has folded it in.
    let path = vault_path(data, "bob");
    let killed = data.join("killed");
    {
        let vault = Vault::open(AccountId::new(), &path, &key(), false).unwrap();
        let write = |tx: &crate::store::Tx<'_>| tx.execute_batch("UPDATE said SET what = 'newest'").while_("x");
        vault.db.write(write).await.unwrap();
        make_directory(&killed).unwrap();
        for suffix in ["", "-wal"] {
            fs::copy(files::beside(&path, suffix), killed.join(["bob", suffix].concat())).unwrap();
        }
        closed(vault, data, "bob").await;
    }
    for suffix in ["", "-wal"] {
        fs::copy(killed.join(["bob", suffix].concat()), files::beside(&path, suffix)).unwrap();
    }
    drop(everything(data, &directory).unwrap());
    let first = carry_out(data).unwrap().unwrap();
    assert_eq!(said(data), ["old"; 3]);
    let aside = quarantine(&place(data)).unwrap();
    assert_eq!((aside[0].what.clone(), &aside[0].path), (MovedAside::Everything, &first.quarantine));

    drop(everything(data, &first.quarantine).unwrap());
    let second = carry_out(data).unwrap().unwrap();
    assert_eq!(said(data), ["new", "new", "newest"]);
    assert_eq!(said(&second.quarantine), ["old"; 3], "what stood in between is aside now");
    assert!(first.quarantine.join("system.db").exists(), "and nothing was deleted");
    // A directory that lies elsewhere is none of ours, however it looks.
    let copied = data.join("copied");
    fs::rename(&first.quarantine, &copied).unwrap();
    assert!(matches!(everything(data, &copied), Err(BackupError::Foreign(_))));

    // One vault: told as that, and put back as that.
    let bob = |directory: &Path| {
        let (wanted, asked) = (Wanted::Account("Bob".to_owned()), Asked { by: None, moment: at(NOW) });
        quietly(|pace| stage(&place(data), directory, &wanted, &[], &asked, pace))
    };
    let third = bob(&directory).unwrap().carry_out().unwrap();
    assert_eq!(said(data), ["new", "new", "old"]);
    let listed = quarantine(&place(data)).unwrap().into_iter().find(|one| one.path == third.quarantine).unwrap();
    assert_eq!(listed.what, MovedAside::VaultOf("bob".to_owned()));
    bob(&third.quarantine).unwrap().carry_out().unwrap();
    assert_eq!(said(data), ["new", "new", "newest"]);
    assert!(everything(data, &third.quarantine).is_err(), "one vault is not everything");
}

#[tokio::test]
async fn a_backup_of_another_house_takes_the_place_of_none_in_which_somebody_lives() {
    let home = tempfile::tempdir().unwrap();
    let (data, other) = (home.path().join("ours"), home.path().join("theirs"));
    for (data, what) in [(&data, "old"), (&other, "theirs")] {
        make_directory(data).unwrap();
        furnish(data, what).await;
    }
    // As another house has it: other people, of the same names.
    let conn = Connection::open(other.join("system.db")).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = OFF; UPDATE accounts SET id = randomblob(16)").unwrap();
    conn.close().unwrap();
    let directory = made(&other, NOW);
    assert!(matches!(everything(&data, &directory), Err(BackupError::AnotherHouse(_))));
    assert_eq!(said(&data), ["old"; 3]);
    assert!(!data.join(".restore").exists());
    // Where nobody is, it is welcome.
    let empty = home.path().join("empty");
    make_directory(&empty).unwrap();
    drop(everything(&empty, &directory).unwrap());
    carry_out(&empty).unwrap().unwrap();
    assert_eq!(said(&empty), ["theirs"; 3]);
}
