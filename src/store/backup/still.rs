//! Holding a vault still without its key, so that its bytes can be copied while people write.
//!
//! The program has the keys of nobody who is not signed in, so SQLite's backup API, which reads pages through the cipher, is
//! of no use for a vault. But what lies on the disk needs no key to be copied, if it keeps still for so long. Who changes
//! what in a database with a write-ahead log:
//!
//! - The file is changed by checkpoints alone. Each takes the checkpoint lock, except that of the last connection to close,
//!   which takes the file itself for its own (`EXCLUSIVE`), as does whoever changes the journal mode.
//! - The log grows at its end, until a writer finds all of it in the file and nobody reading it: then it begins anew from
//!   the log's start. For that it takes every reader's lock but the first.
//!
//! So holding the checkpoint lock, one reader's lock and `SHARED` on the file stops all three, and none of them keeps
//! anybody from reading or writing: commits go on into the log. (wal.c and os_unix.c; `walRestartLog`, `sqlite3WalClose`.)
//!
//! The locks are taken through SQLite's own file methods and not by `fcntl` on a descriptor of ours: closing any descriptor
//! of a file drops every lock that this process has on it (fcntl(2)), those of an open vault included. SQLite knows of
//! that and closes late.
//!
//! A vault that nobody has open has no shared memory yet, and the first to open it would make it anew, which takes the
//! checkpoint lock: signing in would wait for the copy. So the connection that holds the locks makes it first, by a query
//! that fails at the first encrypted page, after the log was read (frame headers and checksums are not encrypted).

use std::{
    fs, io,
    os::raw::c_int,
    path::{Path, PathBuf},
    ptr::NonNull,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, ffi};

use super::BackupError;
use crate::store::{
    StoreError, While, aside,
    files::{self, Found},
    thread::Counted,
};

/// `WAL_CKPT_LOCK` and `WAL_READ_LOCK(1)` of wal.c, as `xShmLock` counts them.
const CHECKPOINT: c_int = 1;
const READER: c_int = 4;
/// `WALINDEX_PGSZ` of wal.c.
const REGION: c_int = 32 * 1024;

/// How often, and for how long, a lock is tried for that somebody else has at the moment.
const STEP: Duration = Duration::from_millis(10);
const TRIES: u32 = 1000;

/// A vault that nobody changes the file of, until it is dropped.
pub(super) struct Still {
    file: RawFile,
    has_log: bool,
    log: PathBuf,
    /// Owns what `file` points at.
    conn: Connection,
    /// Nobody moves it meanwhile.
    _held: fs::File,
    /// The end of the process waits for this connection too.
    _counted: Counted,
}

impl Still {
    /// `cautious`: the data lies on a network file system and has no write-ahead log. There `SHARED` alone keeps writers
    /// out of the file, who then wait.
    pub(super) fn take(path: &Path, cautious: bool) -> Result<Self, BackupError> {
        let held = aside::hold(path)?;
        if files::look_at(path)? != Found::Database {
            return Err(StoreError::NotFound("vault").into());
        }
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let conn = Connection::open_with_flags(path, flags).while_("opening a vault to copy it")?;
        conn.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA busy_timeout = 0; PRAGMA mmap_size = 0;")
            .while_("setting up a connection")?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).while_("setting up a connection")?;
        let log = files::beside(path, "-wal");
        let has_log = !cautious || log.exists();
        let file = RawFile::of(&conn)?;
        patiently(|| file.lock(ffi::SQLITE_LOCK_SHARED))?;
        // With `SHARED` held, no last connection takes the log away any more.
        if has_log && fs::metadata(&log).map_or(0, |found| found.len()) == 0 {
            begin_log(&file, &log)?;
        }
        let still = Self { file, has_log, log, conn, _held: held, _counted: Counted::new() };
        still.open_log(path)?;
        if has_log {
            still.file.map_shared_memory()?;
            patiently(|| still.file.lock_shared_memory(READER, ffi::SQLITE_SHM_SHARED))?;
            patiently(|| still.file.lock_shared_memory(CHECKPOINT, ffi::SQLITE_SHM_EXCLUSIVE))?;
        } else if fs::metadata(files::beside(path, "-journal")).is_ok_and(|left| left.len() > 0) {
            return Err(BackupError::CutOff(path.to_path_buf()));
        }
        Ok(still)
    }

    /// Has SQLite read the log, which needs no key, up to the first page, which does.
    fn open_log(&self, path: &Path) -> Result<(), BackupError> {
        for _ in 0..TRIES {
            let asked = self.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
            match asked.map_err(|why| (why.sqlite_error_code(), why)) {
                Err((Some(ErrorCode::NotADatabase), _)) => return Ok(()),
                Err((Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _)) => std::thread::sleep(STEP),
                Err((_, why)) => return Err(why).while_("looking at a vault").map_err(BackupError::from),
                // Empty, or not encrypted: no vault of ours.
                Ok(_) => return Err(StoreError::Foreign(path.to_path_buf()).into()),
            }
        }
        Err(BackupError::Busy(path.to_path_buf()))
    }

    pub(super) fn len(&self) -> Result<u64, BackupError> {
        self.file.len()
    }

    /// Fills the piece from there on. The file is as long as `len` says.
    pub(super) fn read(&self, piece: &mut [u8], at: u64) -> Result<(), BackupError> {
        self.file.read(piece, at)
    }

    /// Its write-ahead log, where it has one. SQLite has no locks on it, so it may be opened and closed.
    pub(super) fn log(&self) -> Option<&Path> {
        self.has_log.then_some(self.log.as_path())
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // Before the connection closes: the count of locks of this process would go on with them otherwise.
        self.file.unlock_shared_memory();
    }
}

/// Sees to it that there is a log for SQLite to read: one without a byte is none to it. A log of one byte is an empty one, as a
/// power cut leaves it. Only where nobody has the vault open, or it would be written over what somebody else writes; where
/// somebody has, the shared memory is there and in order, and needs no log to be read.
fn begin_log(file: &RawFile, log: &Path) -> Result<(), BackupError> {
    let alone = file.lock(ffi::SQLITE_LOCK_EXCLUSIVE);
    let begun = match &alone {
        Ok(()) => write_one_byte(log),
        Err(_) => Ok(()),
    };
    // What was tried for in vain leaves a claim that keeps others out.
    file.unlock(ffi::SQLITE_LOCK_SHARED)?;
    begun?;
    match alone {
        Err(BackupError::Store(StoreError::Sql { source, .. }))
            if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) =>
        {
            Ok(())
        }
        other => other,
    }
}

fn write_one_byte(log: &Path) -> Result<(), BackupError> {
    match files::create_closed(log) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    Ok(fs::write(log, [0]).while_("beginning a vault's log")?)
}

/// SQLite's own handle on the database's file.
struct RawFile {
    file: NonNull<ffi::sqlite3_file>,
    /// What is locked in the shared memory, to be given back.
    locked: std::cell::RefCell<Vec<(c_int, c_int)>>,
}

// The pointer goes where its connection goes, which is moved as a whole and used by one thread at a time.

#[expect(unsafe_code, reason = "SQLite offers its files' locks to C alone")]
impl RawFile {
    fn of(conn: &Connection) -> Result<Self, BackupError> {
        let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
        // SAFETY: the handle is that of an open connection; this control writes one pointer to where it is told
        // (SQLITE_FCNTL_FILE_POINTER). What it points at lives as long as the connection, which lives beside it.
        let code = unsafe {
            ffi::sqlite3_file_control(
                conn.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            )
        };
        outcome(code)?;
        let file = NonNull::new(file).ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        Ok(Self { file, locked: std::cell::RefCell::default() })
    }

    fn methods(&self) -> Result<&ffi::sqlite3_io_methods, BackupError> {
        // SAFETY: an open file of SQLite's has its table of methods, which is static.
        unsafe { self.file.as_ref().pMethods.as_ref() }.ok_or_else(|| failed(ffi::SQLITE_MISUSE))
    }

    fn lock(&self, level: c_int) -> Result<(), BackupError> {
        let lock = self.methods()?.xLock.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        // SAFETY: the file is open, and of this thread. Whatever is locked here, closing the file gives back.
        outcome(unsafe { lock(self.file.as_ptr(), level) })
    }

    fn unlock(&self, level: c_int) -> Result<(), BackupError> {
        let unlock = self.methods()?.xUnlock.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        // SAFETY: the file is open, and of this thread.
        outcome(unsafe { unlock(self.file.as_ptr(), level) })
    }

    /// Takes part in the shared memory, without making it larger.
    fn map_shared_memory(&self) -> Result<(), BackupError> {
        let map = self.methods()?.xShmMap.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        let mut place = std::ptr::null_mut();
        // SAFETY: the file is open; a pointer is written during the call only, and never followed here. Closing the
        // connection lets go of the memory.
        outcome(unsafe { map(self.file.as_ptr(), 0, REGION, 0, &raw mut place) })
    }

    fn lock_shared_memory(&self, which: c_int, how: c_int) -> Result<(), BackupError> {
        self.shared_memory(which, ffi::SQLITE_SHM_LOCK | how)?;
        self.locked.borrow_mut().push((which, how));
        Ok(())
    }

    fn unlock_shared_memory(&self) {
        for (which, how) in self.locked.borrow_mut().drain(..) {
            if let Err(why) = self.shared_memory(which, ffi::SQLITE_SHM_UNLOCK | how) {
                tracing::warn!(%why, "a vault that was copied could not be let go of");
            }
        }
    }

    fn shared_memory(&self, which: c_int, how: c_int) -> Result<(), BackupError> {
        let lock = self.methods()?.xShmLock.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        // SAFETY: the file is open, of this thread, and its shared memory was mapped when the log was opened; without it
        // SQLite answers SQLITE_IOERR_SHMLOCK.
        outcome(unsafe { lock(self.file.as_ptr(), which, 1, how) })
    }

    fn len(&self) -> Result<u64, BackupError> {
        let size = self.methods()?.xFileSize.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        let mut len = 0;
        // SAFETY: the file is open, and the number is written during the call only.
        outcome(unsafe { size(self.file.as_ptr(), &raw mut len) })?;
        Ok(u64::try_from(len).unwrap_or(0))
    }

    fn read(&self, piece: &mut [u8], at: u64) -> Result<(), BackupError> {
        let read = self.methods()?.xRead.ok_or_else(|| failed(ffi::SQLITE_MISUSE))?;
        let (len, at) = (c_int::try_from(piece.len()), i64::try_from(at));
        let (Ok(len), Ok(at)) = (len, at) else { return Err(failed(ffi::SQLITE_TOOBIG)) };
        // SAFETY: the file is open, and `len` bytes of the piece are written during the call only.
        outcome(unsafe { read(self.file.as_ptr(), piece.as_mut_ptr().cast(), len, at) })
    }
}

fn outcome(code: c_int) -> Result<(), BackupError> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(failed(code)) }
}

fn failed(code: c_int) -> BackupError {
    let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    BackupError::Store(StoreError::Sql { doing: "holding a vault still", source })
}

/// Tries until nobody else has it.
fn patiently(take: impl Fn() -> Result<(), BackupError>) -> Result<(), BackupError> {
    for _ in 1..TRIES {
        match take() {
            Err(BackupError::Store(StoreError::Sql { source, .. }))
                if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            done => return done,
        }
        std::thread::sleep(STEP);
    }
    take()
}
