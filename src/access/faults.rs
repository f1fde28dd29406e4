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
        if error.is_refused() {
            return Self::new(FaultKind::Unsafe, "The system refused a file of the data directory.").hint(
                "See whose they are with `ls -la` there: all must be yours, with mode 600 (directories 700). If they are, \
                 too many files are open: raise `ulimit -n`.",
            );
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
            StoreError::Damaged { doing, code } => Self::new(
                FaultKind::Store,
                format!("A damaged page was met while {doing} (code {code}); nothing was guessed in its place."),
            )
            .hint(
                "What still opens is as it was written: copy it out. Then run `ollamanet doctor` (with --user NAME), \
                 which names the damaged file and how to put a copy in its place.",
            ),
            StoreError::Unreadable(broken) => {
                let why = if broken.is_vault { "is damaged, or its key is another" } else { "is damaged" };
                Self::new(FaultKind::Store, format!("{} {why}; it was left as it is.", broken.path.display()))
                    .hint(broken.put_back())
            }
            StoreError::Unsound { broken, what } => {
                Self::new(FaultKind::Store, format!("{} is damaged: {what}.", broken.path.display()))
                    .hint(broken.put_back())
            }
            StoreError::Emptied(broken) => {
                let path = broken.path.display();
                let what = if broken.path.exists() {
                    format!("{path} is empty, though it held data.")
                } else {
                    format!("{path} is missing, though there is data that belongs to it.")
                };
                Self::new(FaultKind::Unsafe, what).hint(broken.put_back())
            }
            StoreError::Altered { path, what } => Self::new(
                FaultKind::Unsafe,
                format!("{} holds {what}, and this program did not make it so.", path.display()),
            )
            .hint(
                "Somebody changed it with another program. Undo that there, or put a backup in its place; nothing was \
                 touched.",
            ),
            StoreError::InUse(path) => Self::new(
                FaultKind::Conflict,
                format!("{} is damaged, and another window still has it open.", path.display()),
            )
            .hint("End every ollamanet, then sign in again: the file is then set aside whole."),
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
