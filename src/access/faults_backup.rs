//! What a person is told of a backup or a restore that did not come about.

use std::{io, path::Path};

use crate::{
    api::{Fault, FaultKind},
    paths::quoted,
    store::backup::BackupError,
};

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(why) => why.into(),
            BackupError::Place { at, source } => place(&at, &source),
            BackupError::NoRoom { at, needed, free } => Self::new(
                FaultKind::DiskFull,
                format!("{} has {} MB free, and this takes {} MB.", at.display(), free / 1_000_000, needed / 1_000_000),
            )
            .hint("Nothing was begun. Make room, prune old backups, or name another disk with backup.directory."),
            BackupError::Missing(name) => Self::new(FaultKind::NotFound, format!("There is no {name} here."))
                .hint("`ollamanet backup list` shows what there is."),
            BackupError::Damaged { name, what } => {
                Self::new(FaultKind::Store, format!("The backup is damaged, in {name}: {what}."))
                    .hint("Nothing was changed here. Take another one: `ollamanet backup list`.")
            }
            BackupError::Foreign(at) => {
                Self::new(FaultKind::Store, format!("{} is no backup of this program.", at.display()))
                    .hint("A backup is a directory with a manifest.json. Nothing was changed.")
            }
            BackupError::Newer { what, found, known } => Self::new(
                FaultKind::Store,
                format!("The backup was made by a newer version ({what} {found}; this one knows {known})."),
            )
            .hint("Update ollamanet and try again. Nothing was changed."),
            BackupError::AtWork(at) => Self::new(
                FaultKind::Conflict,
                format!("Another backup, check or restore is at work in {}.", at.display()),
            )
            .hint("Wait until it has ended, and try again."),
            BackupError::Busy(at) => {
                Self::new(FaultKind::Conflict, format!("{} could not be had still to copy it.", at.display()))
                    .hint("Somebody is busy tidying it up. Try again in a moment.")
            }
            BackupError::CutOff(at) => {
                Self::new(FaultKind::Conflict, format!("A write to {} was cut off and is not finished.", at.display()))
                    .hint("Let its owner sign in once, which finishes it, and try again.")
            }
            BackupError::InUse(at) => {
                let is_vault = at.file_name().is_some_and(|name| name != "system.db");
                let (what, do_this) = if is_vault {
                    (
                        "The vault that is to be replaced is open: its owner is signed in somewhere.",
                        "Nothing was changed. End their sessions with `ollamanet users end-sessions NAME`, and try again.",
                    )
                } else {
                    (
                        "Other windows or commands of this installation are running, and a restore needs it for itself.",
                        "Nothing was changed. End every other ollamanet, and try again.",
                    )
                };
                Self::new(FaultKind::Conflict, what).hint(do_this)
            }
            BackupError::NotInIt(name) => {
                Self::new(FaultKind::NotFound, format!("There is no vault of {name} in this backup."))
                    .hint("Take a backup that was made after the account came in. Nothing was changed.")
            }
            BackupError::Another(name) => Self::new(
                FaultKind::Conflict,
                format!("{name} has begun a new vault since this backup; the keys of the old one are no more here."),
            )
            .hint("Restoring everything brings the old keys back as well. Nothing was changed."),
            BackupError::Made => Self::new(FaultKind::Conflict, "Today's backup has been made already."),
            BackupError::Stopped => Self::new(FaultKind::Cancelled, "It was stopped; nothing of it is left."),
        }
    }
}

/// What a disk says, and what that means.
fn place(at: &Path, source: &io::Error) -> Fault {
    let shown = at.display();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Fault::new(FaultKind::DiskFull, format!("The disk is full at {shown}; nothing half made was kept."))
                .hint("Make room, prune old backups, or name another disk with backup.directory.")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Fault::new(FaultKind::ReadOnly, format!("The disk at {shown} cannot be written."))
                .hint("Mount it so that it can be, or name another with backup.directory.")
        }
        io::ErrorKind::PermissionDenied => Fault::new(FaultKind::Unsafe, format!("The system refused {shown}."))
            .hint(format!("It must be yours alone: chmod 700 {}", quoted(at))),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Fault::new(FaultKind::NotFound, format!("{shown} is not there, or no longer."))
                .hint("Is the disk connected and mounted? Then try again.")
        }
        io::ErrorKind::AlreadyExists => Fault::new(FaultKind::Conflict, format!("{shown} is no directory."))
            .hint("Move that file away, or name another place with backup.directory."),
        other => Fault::new(FaultKind::Store, format!("The system failed at {shown}: {other}."))
            .hint("Is the disk connected and sound? `dmesg` says more; nothing half made was kept."),
    }
}
