//! Opening a database: who it belongs to, whether its key fits, whether it is ours, and with which settings.
//!
//! Every setting is here because something was lost or leaked without it: `synchronous=FULL` (NORMAL lost acknowledged
//! rows in four of five simulated power cuts), `mmap_size=0` (a truncated file is an error then and not SIGBUS),
//! `cipher_log_level=NONE` before the key (SQLCipher writes to the screen otherwise).

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use zeroize::Zeroizing;

use super::{
    Db, StoreError, While,
    migrate::{Schema, Standing},
};
use crate::paths::quoted;

/// A database's key, raw: no key derivation inside SQLCipher.
pub type RawKey = Zeroizing<[u8; 32]>;

/// What is to be opened.
#[derive(Debug)]
pub struct Target<'a> {
    /// Names the threads.
    pub name: &'a str,
    pub path: &'a Path,
    pub schema: &'static Schema,
    pub key: Option<&'a RawKey>,
    /// On a network file system: no WAL, whose shared memory ends at the machine. Whoever asks for this sees to it that
    /// one process at a time does.
    pub cautious: bool,
}

/// Opens, or makes, the database and starts its threads.
///
/// # Errors
/// `Newer` and `Foreign` leave the file's bytes as they were; `Unreadable` means a wrong key or damage.
pub fn open(target: &Target<'_>) -> Result<Db, StoreError> {
    create_closed(target.path)?;
    let mut writer = connect(target, false)?;
    if known_standing(&writer, target)? != Standing::Current {
        make_current(&mut writer, target)?;
    }
    // From here on the file is ours, and may be tidied up when it is closed.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).while_("setting up a connection")?;
    settle(&writer, target)?;
    let reader = if target.cautious { None } else { Some(connect(target, true)?) };
    Db::start(target.name, writer, reader)
}

/// Where the database stands, if it is one that this program may go on with.
fn known_standing(conn: &Connection, target: &Target<'_>) -> Result<Standing, StoreError> {
    match target.schema.standing(conn).map_err(|why| unreadable(why, target.path))? {
        Standing::Newer(found) => {
            let known = target.schema.version() as i64;
            Err(StoreError::Newer { path: target.path.to_path_buf(), found, known })
        }
        Standing::Foreign => Err(StoreError::Foreign(target.path.to_path_buf())),
        ours @ (Standing::Empty | Standing::Current | Standing::Older(_)) => Ok(ours),
    }
}

/// Makes a fresh database, or upgrades an older one. One window at a time does this: the copy before an upgrade and the
/// change to WAL are not for two at once. An ordinary start takes no lock.
fn make_current(writer: &mut Connection, target: &Target<'_>) -> Result<(), StoreError> {
    let directory = target.path.parent().unwrap_or(Path::new("."));
    let _held = alone_in(directory)?;
    match known_standing(writer, target)? {
        Standing::Empty => {
            settle(writer, target)?;
            target.schema.upgrade(writer, 0)
        }
        Standing::Older(version) => {
            keep_copy(writer, target, version)?;
            settle(writer, target)?;
            target.schema.upgrade(writer, version)
        }
        // Another window was faster.
        Standing::Current | Standing::Newer(_) | Standing::Foreign => Ok(()),
    }
}

/// Holds off other windows that would make or upgrade a database in this directory, until it is dropped. A lock on the
/// database file itself would not do: closing any handle on it drops the locks SQLite holds there (fcntl(2)).
fn alone_in(directory: &Path) -> Result<fs::File, StoreError> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(directory.join(".upgrade.lock"))
        .while_("opening the upgrade lock")?;
    file.lock().while_("waiting for another window's upgrade")?;
    Ok(file)
}

/// Makes the file with mode 0600 before SQLite does with another; refuses links.
fn create_closed(path: &Path) -> Result<(), StoreError> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path);
    match made {
        Ok(file) => file.set_permissions(fs::Permissions::from_mode(0o600)).while_("closing a database file to others"),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            let meta = fs::symlink_metadata(path).while_("looking at a database file")?;
            if !meta.is_file() {
                return Err(StoreError::Unsafe {
                    what: format!("{} is not a regular file", path.display()),
                    fix: "Move it away and start again.".to_owned(),
                });
            }
            if meta.permissions().mode() & 0o077 != 0 {
                return Err(StoreError::Unsafe {
                    what: format!("{} is open to others", path.display()),
                    fix: format!("Close it with: chmod 600 {}", quoted(path)),
                });
            }
            Ok(())
        }
        Err(why) => Err(why).while_("making a database file"),
    }
}

fn connect(target: &Target<'_>, read_only: bool) -> Result<Connection, StoreError> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    // Each connection stays on one thread, so SQLite's own locking is not needed.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(target.path, flags).while_("opening a database")?;
    if let Some(key) = target.key {
        conn.execute_batch("PRAGMA cipher_log_level = NONE").while_("silencing the cipher's log")?;
        conn.pragma_update(None, "key", key_literal(key).as_str()).while_("keying a database")?;
    }
    conn.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;",
    )
    .while_("setting up a connection")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).while_("hardening a connection")?;
    // Closing the last connection moves the WAL into the file; one that has not proved to be ours is to keep its bytes.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).while_("hardening a connection")?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).while_("hardening a connection")?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// The settings that write to the file, so only after it has proved to be ours.
fn settle(conn: &Connection, target: &Target<'_>) -> Result<(), StoreError> {
    let wanted = if target.cautious { "delete" } else { "wal" };
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", wanted, |row| row.get(0)).while_("choosing the journal")?;
    if !mode.eq_ignore_ascii_case(wanted) {
        return Err(StoreError::Unsafe {
            what: format!("{} cannot use the journal mode {wanted}", target.path.display()),
            fix: "Name a directory on a local disk with --data-dir.".to_owned(),
        });
    }
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864;")
        .while_("setting up a database")
}

fn key_literal(key: &RawKey) -> Zeroizing<String> {
    use std::fmt::Write as _;
    let mut literal = Zeroizing::new(String::with_capacity(67));
    literal.push_str("x'");
    for byte in key.iter() {
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push('\'');
    literal
}

/// A copy of an older database, verified, beside it: `NAME.v3.bak`. Encrypted with the same key where it has one.
fn keep_copy(conn: &Connection, target: &Target<'_>, version: usize) -> Result<(), StoreError> {
    let copy = target.path.with_extension(format!("v{version}.bak"));
    let unfinished = target.path.with_extension("bak.tmp");
    let _ = fs::remove_file(&unfinished);
    create_closed(&unfinished)?;
    let aside = Target { name: "copy", path: &unfinished, schema: target.schema, key: target.key, cautious: true };
    let mut to = connect(&aside, false)?;
    rusqlite::backup::Backup::new(conn, &mut to)
        .and_then(|backup| backup.run_to_completion(1024, std::time::Duration::ZERO, None))
        .while_("copying a database before its upgrade")?;
    let verdict: String =
        to.query_row("PRAGMA integrity_check", [], |row| row.get(0)).while_("verifying the copy of a database")?;
    if verdict != "ok" {
        return Err(StoreError::Unreadable(target.path.to_path_buf()));
    }
    drop(to);
    fs::rename(&unfinished, &copy).while_("keeping the copy of a database")
}

/// "Not a database" is what a wrong key and a damaged first page look like alike.
fn unreadable(why: StoreError, path: &Path) -> StoreError {
    match &why {
        StoreError::Sql { source, .. }
            if matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ) =>
        {
            StoreError::Unreadable(path.to_path_buf())
        }
        _ => why,
    }
}

/// Removes a database with its WAL, its shared memory and the copies that upgrades kept. What is not there is no error.
///
/// # Errors
/// When a file is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let gone = |path: &Path| match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why).while_("removing a database"),
        Ok(()) | Err(_) => Ok(()),
    };
    gone(path)?;
    let (Some(directory), Some(stem), Some(name)) = (path.parent(), path.file_stem(), path.file_name()) else {
        return Ok(());
    };
    for entry in fs::read_dir(directory).while_("looking for a database's files")?.flatten() {
        let (found, stem, name) = (entry.file_name(), stem.as_encoded_bytes(), name.as_encoded_bytes());
        let found = found.as_encoded_bytes();
        let beside =
            found.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"-") || rest.starts_with(b".corrupt-"));
        let copy = found.strip_prefix(stem).is_some_and(|rest| rest.starts_with(b".v") && rest.ends_with(b".bak"));
        if beside || copy {
            gone(&entry.path())?;
        }
    }
    Ok(())
}

/// Moves a damaged database aside with its WAL and shared memory: `NAME.corrupt-<time>`. Nothing is deleted.
///
/// # Errors
/// When a file cannot be renamed.
pub fn set_aside(path: &Path, now_ms: i64) -> Result<PathBuf, StoreError> {
    let mut kept = path.as_os_str().to_owned();
    kept.push(format!(".corrupt-{now_ms}"));
    let kept = PathBuf::from(kept);
    for suffix in ["", "-wal", "-shm"] {
        let with = |base: &Path| {
            let mut name = base.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match fs::rename(with(path), with(&kept)) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why).while_("setting a damaged database aside"),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrate::{SYSTEM, VAULT};

    fn key(byte: u8) -> RawKey {
        Zeroizing::new([byte; 32])
    }

    fn target<'a>(path: &'a Path, key: &'a RawKey) -> Target<'a> {
        Target { name: "vault", path, schema: &VAULT, key: Some(key), cautious: false }
    }

    fn bytes(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }

    #[tokio::test]
    async fn a_vault_opens_with_its_key_only_and_shows_nothing_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.db");
        let db = open(&target(&path, &key(1))).unwrap();
        db.write(|tx| {
            tx.execute_batch("CREATE TABLE canary (t TEXT); INSERT INTO canary VALUES ('cuckoo');").while_("x")
        })
        .await
        .unwrap();
        let kept: String =
            db.read(|tx| tx.query_row("SELECT t FROM canary", [], |row| row.get(0)).while_("x")).await.unwrap();
        assert_eq!(kept, "cuckoo");
        assert!(matches!(open(&target(&path, &key(2))), Err(StoreError::Unreadable(_))));
        // The database is still open, so its WAL and shared memory are looked at, too.
        for entry in fs::read_dir(dir.path()).unwrap().flatten() {
            let found = bytes(&entry.path());
            assert!(!found.windows(6).any(|six| six == b"cuckoo"), "{:?}", entry.path());
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }

    #[test]
    fn a_newer_or_foreign_file_is_refused_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (newer, foreign) = (dir.path().join("newer.db"), dir.path().join("foreign.db"));
        let conn = Connection::open(&newer).unwrap();
        conn.execute_batch(&format!("PRAGMA application_id = {}; PRAGMA user_version = 99;", SYSTEM.application_id))
            .unwrap();
        let other = Connection::open(&foreign).unwrap();
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
        drop((conn, other));
        for path in [&newer, &foreign] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let (before_newer, before_foreign) = (bytes(&newer), bytes(&foreign));
        let plain = |path| Target { name: "system", path, schema: &SYSTEM, key: None, cautious: false };
        assert!(matches!(open(&plain(&newer)), Err(StoreError::Newer { found: 99, known: 1, .. })));
        assert!(matches!(open(&plain(&foreign)), Err(StoreError::Foreign(_))));
        assert_eq!((bytes(&newer), bytes(&foreign)), (before_newer, before_foreign));
    }

    #[test]
    fn garbage_is_unreadable_and_can_be_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.db");
        fs::write(&path, vec![0x5a; 8192]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(open(&target(&path, &key(1))), Err(StoreError::Unreadable(_))));
        let kept = set_aside(&path, 7).unwrap();
        assert_eq!(bytes(&kept), vec![0x5a; 8192]);
        assert!(!path.exists());
        open(&target(&path, &key(1))).unwrap();
    }

    #[test]
    fn a_link_or_an_open_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.db"), dir.path().join("link.db"));
        drop(open(&target(&real, &key(1))).unwrap());
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches!(open(&target(&link, &key(1))), Err(StoreError::Unsafe { .. })));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(&target(&real, &key(1))), Err(StoreError::Unsafe { .. })));
    }

    #[tokio::test]
    async fn an_upgraded_schema_equals_a_fresh_one_and_a_copy_is_kept() {
        static FIRST: Schema = Schema { application_id: 7, steps: &["CREATE TABLE a (x INTEGER) STRICT"] };
        static BOTH: Schema = Schema {
            application_id: 7,
            steps: &["CREATE TABLE a (x INTEGER) STRICT", "CREATE TABLE b (y TEXT) STRICT; CREATE INDEX b_y ON b (y)"],
        };
        let dir = tempfile::tempdir().unwrap();
        let (old, fresh) = (dir.path().join("old.db"), dir.path().join("fresh.db"));
        let key = key(3);
        let at = |path, schema| Target { name: "t", path, schema, key: Some(&key), cautious: false };
        let db = open(&at(&old, &FIRST)).unwrap();
        db.write(|tx| tx.execute_batch("INSERT INTO a VALUES (42)").while_("x")).await.unwrap();
        drop(db);
        // The threads close their connections when the last handle has gone; the copy needs no quiet file.
        let (upgraded, made) = (open(&at(&old, &BOTH)).unwrap(), open(&at(&fresh, &BOTH)).unwrap());
        let schema = |tx: &rusqlite::Transaction<'_>| {
            let mut rows = tx.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").while_("x")?;
            let rows = rows
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
                .while_("x")?;
            rows.collect::<Result<Vec<_>, _>>().while_("x")
        };
        assert_eq!(upgraded.read(schema).await.unwrap(), made.read(schema).await.unwrap());
        let kept: i64 =
            upgraded.read(|tx| tx.query_row("SELECT x FROM a", [], |row| row.get(0)).while_("x")).await.unwrap();
        assert_eq!(kept, 42);
        let copy = open(&at(&old.with_extension("v1.bak"), &FIRST)).unwrap();
        let copied: i64 =
            copy.read(|tx| tx.query_row("SELECT x FROM a", [], |row| row.get(0)).while_("x")).await.unwrap();
        assert_eq!(copied, 42);
    }
}
