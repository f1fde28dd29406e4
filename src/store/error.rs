//! What can go wrong in the store, with what we were doing when it did.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("{doing}: {source}")]
    Sql { doing: &'static str, source: rusqlite::Error },
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    /// The key does not open the database, or its pages are damaged.
    #[error("{} cannot be read with its key, or is damaged", .0.display())]
    Unreadable(PathBuf),
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

impl StoreError {
    /// The disk or quota is full (also a file size limit, which SQLite reports as a write error).
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Sql { source, .. } => matches!(
                source.sqlite_error(),
                Some(error) if error.code == rusqlite::ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE
            ),
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
            Self::Io { source, .. } => {
                matches!(source.kind(), std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied)
            }
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
        self.map_err(|source| StoreError::Sql { doing, source })
    }
}

impl<T> While<T> for Result<T, std::io::Error> {
    fn while_(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { doing, source })
    }
}
