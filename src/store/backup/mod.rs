//! Backups: a copy of everything while people work, proved by restoring it into a scratch directory, and put back so that a
//! kill at any step leaves the old or the new.
//!
//! A backup is one directory, `backups/<time>/`: `manifest.json`, `system.db`, `vaults/<id>.db`. Nothing in it is secret that
//! was not so before: `system.db` never holds content, and the vaults stay encrypted with keys that are in nobody's backup
//! but wrapped. It gets its name when it is whole and checked; until then it is `.<time>.unfinished`.
//!
//! What is copied how: `system.db` through SQLite's backup API in one read transaction; a vault without its key, as `still`
//! and `fold` explain. Vaults come first and `system.db` last, so that no vault remembers more of the audit trail than is
//! in it, and then the vaults that only that `system.db` knows of.
//!
//! Architecture invariant: everything in here blocks, and hears its `Pace` at every piece.

mod copy;
mod fold;
pub mod keep;
mod manifest;
mod restore;
mod still;
mod swap;
#[cfg(test)]
mod tests;
mod undo;
mod verify;

use std::{
    cell::Cell,
    fs, io,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use thiserror::Error;

pub use self::{
    copy::create,
    manifest::{list, look_up, remove},
    restore::{Asked, Staged, Wanted, stage},
    swap::{Carried, carry_out, finish_interrupted, purge_quarantine, quarantine},
    verify::{Opener, verify},
};
use super::StoreError;
use crate::api::backup::{Doing, Progress};

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory with `system.db` and `vaults/`.
    pub data: PathBuf,
    /// Where backups are kept.
    pub backups: PathBuf,
    /// The data lies on a network file system: no write-ahead logs.
    pub cautious: bool,
}

impl Place {
    pub(super) fn system_db(&self) -> PathBuf {
        self.data.join("system.db")
    }

    /// Refuses a place for backups in which a restore, or the program itself, would get in their way: what lies beside the
    /// vaults goes with them into the quarantine.
    fn apart(&self) -> Result<(), BackupError> {
        let (data, backups) = (real(&self.data), real(&self.backups));
        if backups == data || OWN.iter().any(|own| backups.starts_with(data.join(own))) {
            return Err(BackupError::InTheWay(self.backups.clone()));
        }
        Ok(())
    }
}

/// What the program keeps in its data directory, as far as backups have no place in it.
const OWN: [&str; 5] = ["vaults", "leases", swap::QUARANTINE, swap::RESTORE, verify::SCRATCH];

/// A path without links, as far as it is there already.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    for above in whole.ancestors() {
        if let Ok(mut real) = fs::canonicalize(above) {
            for part in whole.strip_prefix(above).unwrap_or(Path::new("")).components() {
                match part {
                    Component::Normal(name) => real.push(name),
                    // What is not there is no link either, so this leads back to where it came from.
                    Component::ParentDir => {
                        real.pop();
                    }
                    Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
                }
            }
            return real;
        }
    }
    whole
}

/// Why there is no backup, or why it was not put back.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The place for backups fails.
    #[error("{}: {source}", at.display())]
    Place { at: PathBuf, source: io::Error },
    #[error("{} has {free} bytes free, and {needed} are needed", at.display())]
    NoRoom { at: PathBuf, needed: u64, free: u64 },
    #[error("there is no backup {0}")]
    Missing(String),
    /// It is not as it was written.
    #[error("{name} of the backup is damaged: {what}")]
    Damaged { name: String, what: String },
    #[error("{} is no backup of this program", .0.display())]
    Foreign(PathBuf),
    #[error("the backup has {what} {found}; this program knows {known}")]
    Newer { what: &'static str, found: u64, known: u64 },
    /// It is of another installation than the one that it would replace.
    #[error("{} is of another installation", .0.display())]
    AnotherHouse(PathBuf),
    /// There is no system database in it, so it is not everything.
    #[error("{} holds a vault alone", .0.display())]
    VaultAlone(PathBuf),
    /// Backups cannot lie there.
    #[error("{} is the program's own", .0.display())]
    InTheWay(PathBuf),
    /// Nothing has come from the disk, or gone to it, for so long.
    #[error("{} has been silent for {} s", at.display(), after.as_secs())]
    Silent { at: PathBuf, after: std::time::Duration },
    /// Another backup, check or restore goes on.
    #[error("another backup or restore is at work in {}", .0.display())]
    AtWork(PathBuf),
    /// A vault could not be had still.
    #[error("{} is busy", .0.display())]
    Busy(PathBuf),
    /// A write to it was cut off and must be finished by its owner.
    #[error("{} was cut off in the middle of a write", .0.display())]
    CutOff(PathBuf),
    /// Somebody has open what is to be put in another's place.
    #[error("another process uses {}", .0.display())]
    InUse(PathBuf),
    /// The account is not in the backup.
    #[error("there is no vault of {0} in the backup")]
    NotInIt(String),
    /// The account's vault is another one now.
    #[error("the vault of {0} is another one now")]
    Another(String),
    /// The schedule's backup of this hour is there already.
    #[error("it has been made already")]
    Made,
    #[error("stopped")]
    Stopped,
}

/// How far it is, and whether it is to stop.
pub struct Pace<'a> {
    tell: &'a (dyn Fn(Progress) + Sync),
    stop: &'a AtomicBool,
    /// Where what is written goes, for the words of a failure.
    to: PathBuf,
    doing: Cell<Doing>,
    what: std::cell::RefCell<String>,
    done: Cell<u64>,
    all: Cell<u64>,
}

impl<'a> Pace<'a> {
    pub fn new(tell: &'a (dyn Fn(Progress) + Sync), stop: &'a AtomicBool) -> Self {
        Self {
            tell,
            stop,
            to: PathBuf::new(),
            doing: Cell::new(Doing::Copying),
            what: std::cell::RefCell::default(),
            done: Cell::new(0),
            all: Cell::new(0),
        }
    }

    /// A part of the work begins, of so many bytes.
    fn begin(&self, doing: Doing, all: u64) {
        self.doing.set(doing);
        self.done.set(0);
        self.all.set(all);
    }

    fn at(&self, what: &str) -> Result<(), BackupError> {
        what.clone_into(&mut self.what.borrow_mut());
        self.moved(0)
    }

    /// So many bytes further.
    fn moved(&self, bytes: u64) -> Result<(), BackupError> {
        self.done.set(self.done.get() + bytes);
        let (done, all) = (self.done.get(), self.all.get().max(self.done.get()));
        (self.tell)(Progress { doing: self.doing.get(), what: self.what.borrow().clone(), done, all });
        self.heard()
    }

    /// # Errors
    /// `Stopped` when it is to stop.
    fn heard(&self) -> Result<(), BackupError> {
        if self.stop.load(Ordering::Relaxed) { Err(BackupError::Stopped) } else { Ok(()) }
    }

    /// What failed where backups are written.
    fn place(&self, source: io::Error) -> BackupError {
        BackupError::Place { at: self.to.clone(), source }
    }

    /// The same of what a database or our own files say of it.
    fn placed(&self, why: StoreError) -> BackupError {
        placed(&self.to, why)
    }
}

/// What failed at a place, told as that: SQLite alone says no more than that something did.
fn placed(at: &Path, why: StoreError) -> BackupError {
    let kind = match why {
        _ if !at.is_dir() => io::ErrorKind::NotFound,
        StoreError::Io { source, .. } => return BackupError::Place { at: at.to_path_buf(), source },
        why if why.is_full() => io::ErrorKind::StorageFull,
        why if why.is_read_only() => io::ErrorKind::ReadOnlyFilesystem,
        why => return BackupError::Store(why),
    };
    BackupError::Place { at: at.to_path_buf(), source: kind.into() }
}

/// The free bytes of the disk that a directory lies on.
fn free(at: &Path) -> Result<u64, BackupError> {
    let disk = rustix::fs::statvfs(at)
        .map_err(|why| BackupError::Place { at: at.to_path_buf(), source: io::Error::from(why) })?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Room that is left over on purpose, so that nobody's messages fail for a backup's sake.
const MARGIN: u64 = 32 * 1024 * 1024;

fn require_room(at: &Path, needed: u64) -> Result<(), BackupError> {
    let (needed, free) = (needed + MARGIN, free(at)?);
    if free < needed { Err(BackupError::NoRoom { at: at.to_path_buf(), needed, free }) } else { Ok(()) }
}

/// Keeps other backups, checks and restores away from a directory, until it is dropped.
fn alone(directory: &Path, name: &str) -> Result<fs::File, BackupError> {
    use rustix::{
        fs::{FlockOperation, flock},
        io::Errno,
    };
    let file = super::files::open_lock(&directory.join(name)).map_err(|why| placed(directory, why))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // Some file systems have no locks.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(BackupError::AtWork(directory.to_path_buf())),
        Err(why) => Err(BackupError::Place { at: directory.to_path_buf(), source: io::Error::from(why) }),
    }
}

/// Makes a directory of ours if it is missing.
fn make_directory(at: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let place = |source| BackupError::Place { at: at.to_path_buf(), source };
    if !at.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(at).map_err(place)?;
        fs::set_permissions(at, fs::Permissions::from_mode(0o700)).map_err(place)?;
    }
    Ok(())
}
