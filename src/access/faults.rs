//! The one translation from what failed in the store to what a person is told. What Ollama reports is beside it.

use crate::{
    api::{Fault, FaultKind},
    store::StoreError,
};

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if error.is_full() {
            return Self::new(FaultKind::DiskFull, "The disk is full; what was confirmed before is safe.")
                .hint("Make room and try again.");
        }
        if error.is_read_only() {
            return Self::new(FaultKind::ReadOnly, "The data directory cannot be written.")
                .hint("Check its permissions and whether the disk is mounted read-only.");
        }
        if error.is_interrupted() {
            return Self::new(FaultKind::Cancelled, "The search was broken off.");
        }
        match error {
            StoreError::Sql { doing, source } => {
                // SQLite's own words never hold a value of a row.
                let code = source.sqlite_error().map_or(0, |error| error.extended_code);
                Self::new(FaultKind::Store, format!("The database failed while {doing} (code {code})."))
                    .hint("Try again; if it stays so, `ollamanet doctor` says more.")
            }
            StoreError::Io { doing, source } => {
                Self::new(FaultKind::Store, format!("The system failed while {doing}: {}.", source.kind()))
                    .hint("Try again; if it stays so, `ollamanet doctor` says more.")
            }
            StoreError::Unreadable(path) => {
                Self::new(FaultKind::Store, format!("{} is damaged, or its key is another.", path.display()))
                    .hint("Nothing was deleted; `ollamanet doctor` says what can be done.")
            }
            StoreError::Foreign(path) => {
                Self::new(FaultKind::Store, format!("{} belongs to another program.", path.display()))
                    .hint("Move it away, or name another data directory with --data-dir.")
            }
            StoreError::Newer { path, found, known } => Self::new(
                FaultKind::Store,
                format!("{} was written by a newer version (schema {found}; this one knows {known}).", path.display()),
            )
            .hint("Update ollamanet; the file was not touched."),
            StoreError::Unsafe { what, fix } => Self::new(FaultKind::Unsafe, what).hint(fix),
            StoreError::Closed => Self::new(FaultKind::Locked, "The vault is closed.").hint("Unlock it and try again."),
            StoreError::NotFound(what) => Self::not_found(what),
            StoreError::Conflict(what) => {
                Self::new(FaultKind::Conflict, what).hint("Look at it as it is now, and try again.")
            }
            StoreError::Invalid(what) => Self::invalid(what),
            StoreError::Nonsense { what } => {
                Self::new(FaultKind::Store, format!("A stored {what} makes no sense to this version."))
                    .hint("It may come from a newer version; update ollamanet.")
            }
        }
    }
}
