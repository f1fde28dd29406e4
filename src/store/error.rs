//! What can go wrong in the store, with what we were doing when it did.

use std::path::PathBuf;

use thiserror::Error;

use crate::paths::quoted;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("{doing}: {source}")]
    Sql { doing: &'static str, source: rusqlite::Error },
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    /// The key does not open the database, or its first page or its schema is damaged.
    #[error("{} cannot be read with its key, or is damaged", .0.path.display())]
    Unreadable(Broken),
    /// It was there once and is empty now, or only its log is left: not a place to begin anew without a word.
    #[error("{} has lost what was in it", .0.path.display())]
    Emptied(Broken),
    /// A full check found something.
    #[error("{} is damaged: {what}", broken.path.display())]
    Unsound { broken: Broken, what: String },
    /// A page further inside does not read as it was written. Which file it is, the connection does not say; a full
    /// check does.
    #[error("{doing}: a damaged page (code {code})")]
    Damaged { doing: &'static str, code: i32 },
    /// Its schema holds something that no migration of ours made.
    #[error("{} holds {what}, which this program did not make", path.display())]
    Altered { path: PathBuf, what: String },
    /// It is to be moved, and somebody has it open.
    #[error("{} is open in another window", .0.display())]
    InUse(PathBuf),
    #[error("{} belongs to another program", .0.display())]
    Foreign(PathBuf),
    #[error("{} has schema {found}; this program knows {known}", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the data directory is unsafe: {what}")]
    Unsafe { what: String, fix: String },
    /// The thread that serves this database has ended.
    #[error("the database is closed")]
    Closed,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    Conflict(String),
    /// A rule of the data was broken by what was asked.
    #[error("{0}")]
    Invalid(String),
    /// A stored value that this program cannot have written.
    #[error("a stored {what} makes no sense")]
    Nonsense { what: &'static str },
}

/// A database that cannot be gone on with, and what there is to put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub path: PathBuf,
    /// The newest copy that was made before an upgrade.
    pub copy: Option<PathBuf>,
    /// A vault, which its own key opens; else the system database, which holds everybody's keys.
    pub is_vault: bool,
}

impl Broken {
    /// How to put something sound in the place of a database that is not, in commands that can be copied.
    pub fn put_back(&self) -> String {
        let Self { path, copy, is_vault } = self;
        let aside = quoted(&path.with_file_name("aside"));
        let away = format!("End every ollamanet, then: mkdir -p {aside} && mv {}* {aside}", quoted(path));
        match (copy, is_vault) {
            (Some(copy), _) => format!(
                "{away} && cp -p {} {} — that copy was made before the last upgrade; what came after is only in what you \
             moved.",
                quoted(copy),
                quoted(path),
            ),
            (None, true) => format!(
                "{away} — then put a backup in its place, or sign in without one to begin an empty vault; what you moved \
             keeps what it still holds.",
            ),
            (None, false) => format!(
                "{away} — then put a backup of it in its place. Without one nobody can open the vaults any more: their keys \
             are kept in it. To begin anew all the same, move the whole directory {} away.",
                quoted(path.parent().unwrap_or(path)),
            ),
        }
    }
}

impl StoreError {
    /// The disk or quota is full. A file size limit, and memory shared between windows that finds no room on the disk,
    /// are failed writes to SQLite.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
        match self {
            Self::Sql { source, .. } => source.sqlite_error().is_some_and(|error| {
                error.code == rusqlite::ErrorCode::DiskFull
                    || [SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE].contains(&error.extended_code)
            }),
            Self::Io { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge
            ),
            _ => false,
        }
    }

    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Sql { source, .. } => source.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly),
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::ReadOnlyFilesystem,
            _ => false,
        }
    }

    /// Nothing can be written now, and everything can be read: no reason to keep anybody out.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        self.is_full() || self.is_read_only()
    }

    /// The system refused a file: by its permissions or its owner, or because too many are open.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            Self::Sql { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::PermissionDenied)
            ),
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Sql { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted))
    }
}

/// Says what we were doing when something failed: `.while_("adding a message")?`.
pub trait While<T> {
    /// # Errors
    /// The same failure, with its context.
    fn while_(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> While<T> for Result<T, rusqlite::Error> {
    fn while_(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| match source.sqlite_error() {
            Some(error)
                if matches!(error.code, rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) =>
            {
                StoreError::Damaged { doing, code: error.extended_code }
            }
            _ => StoreError::Sql { doing, source },
        })
    }
}

impl<T> While<T> for Result<T, std::io::Error> {
    fn while_(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { doing, source })
    }
}
