//! What a person is told of a backup or a restore that did not come about.

use std::{io, path::Path};

use crate::{
    api::{Fault, FaultKind, amount},
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
                format!("{} has {} free, and this takes {}.", at.display(), amount::bytes(free), amount::bytes(needed)),
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
            BackupError::AnotherHouse(at) => Self::new(
                FaultKind::Conflict,
                format!("{} is of another installation: none of the accounts here is in it.", at.display()),
            )
            .hint(
                "Nothing was changed. Restore it into a directory of its own: `ollamanet --data-dir NEW backup restore --from \
                 DIR`.",
            ),
            BackupError::VaultAlone(at) => Self::new(
                FaultKind::Invalid,
                format!("{} holds one account's vault, not everything.", at.display()),
            )
            .hint("Say whose it is: `--account NAME`. Nothing was changed."),
            BackupError::InTheWay(at) => Self::new(
                FaultKind::Invalid,
                format!("Backups cannot lie in {}: the program keeps its own there.", at.display()),
            )
            .hint("Name a directory of their own with backup.directory, best on another disk. Nothing was begun."),
            BackupError::Silent { at, after } => Self::new(
                FaultKind::Timeout,
                format!("Nothing has moved at {} for {} s; it was given up.", at.display(), after.as_secs()),
            )
            .hint(
                "The disk there, or the network to it, hangs: `df` shows whether it answers. What was begun has no backup's name, \
                 and goes with the next one.",
            ),
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
                format!(
                    "This backup has another vault of {name}: a new one was begun since, or it is of another installation. \
                     Its keys are not here."
                ),
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
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::NotConnected
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Fault::new(FaultKind::NotFound, format!("{shown} is not there, or no longer."))
            .hint("Is the disk connected and mounted? Then try again."),
        io::ErrorKind::AlreadyExists => Fault::new(FaultKind::Conflict, format!("{shown} is no directory."))
            .hint("Move that file away, or name another place with backup.directory."),
        _ => Fault::new(FaultKind::Store, format!("The system failed at {shown}: {source}."))
            .hint("Is the disk connected and sound? `dmesg` says more; nothing half made was kept."),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn what_a_disk_says_is_told_with_what_to_do() {
        for (errno, kind, words) in [
            (Errno::NOSPC, FaultKind::DiskFull, "The disk is full at /mnt/b"),
            (Errno::DQUOT, FaultKind::DiskFull, "The disk is full at /mnt/b"),
            (Errno::ROFS, FaultKind::ReadOnly, "The disk at /mnt/b cannot be written"),
            (Errno::ACCESS, FaultKind::Unsafe, "The system refused /mnt/b"),
            (Errno::NOENT, FaultKind::NotFound, "/mnt/b is not there, or no longer"),
            // A server that was set up anew, a stick that was pulled out, a network that is gone.
            (Errno::STALE, FaultKind::NotFound, "/mnt/b is not there, or no longer"),
            (Errno::NOTCONN, FaultKind::NotFound, "/mnt/b is not there, or no longer"),
            (Errno::HOSTUNREACH, FaultKind::NotFound, "/mnt/b is not there, or no longer"),
            (Errno::IO, FaultKind::Store, "The system failed at /mnt/b: Input/output error"),
            (Errno::NXIO, FaultKind::Store, "The system failed at /mnt/b: No such device or address"),
        ] {
            let fault = Fault::from(BackupError::Place { at: "/mnt/b".into(), source: errno.into() });
            assert_eq!(fault.kind, kind, "{errno}");
            assert!(fault.message.starts_with(words), "{errno}: {fault}");
            assert!(fault.hint.is_some(), "{errno}");
        }
    }
}
