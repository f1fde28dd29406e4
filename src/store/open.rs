//! Opening a database: who it belongs to, whether its key fits, whether it is ours, and with which settings.
//!
//! Every setting is here because something was lost or leaked without it: `synchronous=FULL` (NORMAL lost acknowledged
//! rows in four of five simulated power cuts), `mmap_size=0` (a truncated file is an error then and not SIGBUS),
//! `cipher_log_level=NONE` before the key (SQLCipher writes to the screen otherwise).

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use zeroize::Zeroizing;

pub use super::data_key::RawKey;
use super::{
    Broken, Db, StoreError, While, aside, check,
    files::{self, Found},
    migrate::{self, Schema, Standing},
    room,
    thread::{self, Opener},
    vault::search,
};

/// The upper pages of the index, kept between two key presses, in KiB as SQLite counts them.
const SEARCH_CACHE: &str = "PRAGMA cache_size = -8192";

/// What is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Names the threads.
    pub name: &'a str,
    pub path: &'a Path,
    pub schema: &'static Schema,
    pub key: Option<&'a RawKey>,
    /// On a network file system: no WAL, whose shared memory ends at the machine. Whoever asks for this sees to it that
    /// one process at a time does, by a lock of the whole data directory. SQLite's own `locking_mode = EXCLUSIVE` would
    /// not do instead: it keeps other connections of this process out as well, and there are always some — the gate's
    /// look at the system database, and a running answer that still holds its vault while a screen is unlocked again.
    pub cautious: bool,
}

/// Opens, or makes, the database and starts its threads. It is made only where nothing was: a file that has become empty,
/// or a log without its file, is what a bad day leaves, and an empty database in its place would hide the loss.
///
/// # Errors
/// `Newer`, `Foreign`, `Altered` and `Emptied` leave the file's bytes as they were; `Unreadable` means a wrong key or
/// damage.
pub fn open(target: &Target<'_>) -> Result<Db, StoreError> {
    match open_once(target) {
        Err(why) if why.is_full() && room::give_up(target.path) => open_once(target),
        other => {
            if other.is_ok() {
                room::keep(target.path);
            }
            other
        }
    }
}

fn open_once(target: &Target<'_>) -> Result<Db, StoreError> {
    let held = aside::hold(target.path)?;
    if files::look_at(target.path)? == Found::Nothing {
        make(target)?;
    } else if fs::metadata(target.path).while_("looking at a database file")?.len() == 0 {
        return Err(StoreError::Emptied(target.broken()));
    }
    let mut writer = connect(target, false)?;
    thread::close_before_sqlcipher_goes();
    if known_standing(&writer, target)? != Standing::Current {
        make_current(&mut writer, target)?;
    }
    whole(&writer, target)?;
    // From here on the file is ours, and may be tidied up when it is closed.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).while_("setting up a connection")?;
    settle(&writer, target)?;
    if target.cautious {
        return Db::start(target.name, writer, None, None, Some(held));
    }
    let reader = connect(target, true)?;
    Db::start(target.name, writer, Some(reader), opener(target), Some(held))
}

/// How a vault's connection for searching is opened. It holds the key, as the open connections do, and lets go of it when
/// the last handle goes.
fn opener(target: &Target<'_>) -> Option<Opener> {
    let Target { schema, cautious, .. } = *target;
    let (key, path) = (target.key?.clone(), target.path.to_path_buf());
    Some(Box::new(move |copy| {
        if let Some(copy) = copy {
            // To write, because comparing an index for searching with its text counts as that.
            let target = Target { name: "copy", path: copy, schema, key: Some(&key), cautious: true };
            let conn = connect(&target, false)?;
            known_standing(&conn, &target)?;
            return Ok(conn);
        }
        let conn = connect(&Target { name: "search", path: &path, schema, key: Some(&key), cautious }, true)?;
        conn.execute_batch(SEARCH_CACHE).while_("setting up a connection")?;
        Ok(conn)
    }))
}

/// The database at `path` as one that cannot be gone on with.
pub(super) fn broken(path: &Path, schema: &Schema, is_vault: bool) -> Broken {
    Broken { path: path.to_path_buf(), copy: files::newest_copy(path, schema.version()), is_vault }
}

impl Target<'_> {
    fn broken(&self) -> Broken {
        broken(self.path, self.schema, self.key.is_some())
    }
}

/// Where the database stands, if it is one that this program may go on with.
fn known_standing(conn: &Connection, target: &Target<'_>) -> Result<Standing, StoreError> {
    match target.schema.standing(conn).map_err(|why| unreadable(why, target))? {
        Standing::Newer(found) => {
            let known = target.schema.version() as i64;
            Err(StoreError::Newer { path: target.path.to_path_buf(), found, known })
        }
        Standing::Foreign => Err(StoreError::Foreign(target.path.to_path_buf())),
        // Pages that hold nothing, where a database was.
        Standing::Empty => Err(StoreError::Emptied(target.broken())),
        ours @ (Standing::Current | Standing::Older(_)) => Ok(ours),
    }
}

/// Reads the whole schema, which every query needs anyway, so that damage there is noticed before anybody is let in.
/// Whoever can write to the system database could plant something in it that acts on its own, so its schema is compared
/// with the one that the migrations make; in a vault no page can be forged without its key.
fn whole(conn: &Connection, target: &Target<'_>) -> Result<(), StoreError> {
    let found = migrate::things(conn).map_err(|why| unreadable(why, target))?;
    if target.key.is_some() {
        return Ok(());
    }
    match target.schema.difference(&found)? {
        None => Ok(()),
        Some(what) => Err(StoreError::Altered { path: target.path.to_path_buf(), what }),
    }
}

/// Makes a fresh database under another name and moves it into place when it is finished: nobody ever sees one that is
/// half made, and so an empty file is always a loss. One window at a time.
fn make(target: &Target<'_>) -> Result<(), StoreError> {
    let _held = alone_in(files::directory_of(target.path))?;
    // Another window may have been faster.
    if files::look_at(target.path)? == Found::Database {
        return Ok(());
    }
    if ["-wal", "-journal"].iter().any(|suffix| files::beside(target.path, suffix).exists()) {
        return Err(StoreError::Emptied(target.broken()));
    }
    let unfinished = files::beside(target.path, ".new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // What a start that was killed left.
        let _ = fs::remove_file(files::beside(&unfinished, suffix));
    }
    files::create_closed(&unfinished)?;
    let fresh = Target { path: &unfinished, ..*target };
    let mut conn = connect(&fresh, false)?;
    conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL;").while_("making a database")?;
    target.schema.upgrade(&mut conn, 0)?;
    settle(&conn, &fresh)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).while_("setting up a connection")?;
    conn.close().map_err(|(_, source)| source).while_("closing a new database")?;
    fs::rename(&unfinished, target.path).while_("moving a new database into its place")?;
    files::sync_directory(target.path)
}

/// Upgrades an older database. One window at a time does this: the copy before an upgrade is not for two at once. An
/// ordinary start takes no lock.
fn make_current(writer: &mut Connection, target: &Target<'_>) -> Result<(), StoreError> {
    let _held = alone_in(files::directory_of(target.path))?;
    match known_standing(writer, target)? {
        Standing::Older(version) => {
            keep_copy(writer, target, version)?;
            settle(writer, target)?;
            target.schema.upgrade(writer, version)
        }
        // Another window was faster.
        Standing::Current | Standing::Empty | Standing::Newer(_) | Standing::Foreign => Ok(()),
    }
}

/// Holds off other windows that would make or upgrade a database in this directory, until it is dropped. A lock on the
/// database file itself would not do: closing any handle on it drops the locks SQLite holds there (fcntl(2)).
fn alone_in(directory: &Path) -> Result<fs::File, StoreError> {
    let file = files::open_lock(&directory.join(".upgrade.lock"))?;
    file.lock().while_("waiting for another window's upgrade")?;
    Ok(file)
}

pub(super) fn connect(target: &Target<'_>, read_only: bool) -> Result<Connection, StoreError> {
    count_no_memory();
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    // Each connection stays on one thread, so SQLite's own locking is not needed.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(target.path, flags).while_("opening a database")?;
    if let Some(key) = target.key {
        conn.execute_batch("PRAGMA cipher_log_level = NONE").while_("silencing the cipher's log")?;
        hand_over(&conn, key)?;
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
    if target.key.is_none() {
        // Nothing in the system database acts on its own, so what somebody plants there does not either. (Foreign keys
        // are not triggers to SQLite.)
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).while_("hardening a connection")?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).while_("hardening a connection")?;
    }
    if target.key.is_some() {
        // What a vault's triggers call.
        search::register(&conn)?;
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Has SQLite not count the memory it takes: for that, every piece that any connection takes or gives back goes through
/// one lock of the whole process, and nobody here asks for the sum. To be said before the first connection; later it is
/// refused, and all is as it was.
#[expect(unsafe_code, reason = "no safe call sets this, and the library is compiled with it on")]
fn count_no_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the option takes one `int` (sqlite.org/c3ref/c_config_covering_index_scan.html), and the call only keeps
        // it. The program opens its first connection here; SQLite refuses the call once it is in use.
        let _ = unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0_i32) };
    });
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

/// Keys a connection. `PRAGMA key` would do the same and leave the key behind in the memory that the statement, its
/// parser and its tokens lived in; what this call keeps, SQLCipher wipes when the connection closes.
#[expect(unsafe_code, reason = "no safe call hands SQLCipher a key without leaving copies of it behind")]
fn hand_over(conn: &Connection, key: &RawKey) -> Result<(), StoreError> {
    let literal = key_literal(key);
    let length = i32::try_from(literal.len()).unwrap_or(0);
    // SAFETY: the handle is that of a connection that lives as long as `conn`, which stays on this thread; the text is
    // read during the call only, and `length` bytes of it.
    let code = unsafe { rusqlite::ffi::sqlite3_key(conn.handle(), literal.as_ptr().cast(), length) };
    if code == rusqlite::ffi::SQLITE_OK {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).while_("keying a database")
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
    let copy = files::copy_of(target.path, version);
    let unfinished = target.path.with_extension("bak.tmp");
    let _ = fs::remove_file(&unfinished);
    files::create_closed(&unfinished)?;
    let aside = Target { name: "copy", path: &unfinished, cautious: true, ..*target };
    let mut to = connect(&aside, false)?;
    rusqlite::backup::Backup::new(conn, &mut to)
        .and_then(|backup| backup.run_to_completion(1024, std::time::Duration::ZERO, None))
        .while_("copying a database before its upgrade")?;
    if !check::all(&to)?.is_empty() || check::rows(conn)? != check::rows(&to)? {
        return Err(StoreError::Unreadable(target.broken()));
    }
    to.close().map_err(|(_, source)| source).while_("closing the copy of a database")?;
    fs::File::open(&unfinished).and_then(|file| file.sync_all()).while_("writing the copy of a database out")?;
    fs::rename(&unfinished, &copy).while_("keeping the copy of a database")?;
    files::sync_directory(&copy)
}

/// "Not a database" is what a wrong key and a damaged first page look like alike.
fn unreadable(why: StoreError, target: &Target<'_>) -> StoreError {
    match why {
        StoreError::Damaged { .. } => StoreError::Unreadable(target.broken()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::{
        aside::set_aside,
        migrate::{SYSTEM, VAULT},
    };

    fn key(byte: u8) -> RawKey {
        RawKey::copied(&[byte; 32])
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
