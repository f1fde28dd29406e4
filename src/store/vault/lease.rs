//! Who is alive: a process that may have answers running holds a lock on a file of its own, and names that file in
//! the rows it is filling. The kernel lets go of the lock however the process ends, so a lock that can be taken means
//! that the rows' writer is gone. Process id and start time are the second opinion where locks are not to be had.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rusqlite::{OptionalExtension, Transaction, named_params};
use rustix::fs::{FlockOperation, Mode, OFlags};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// This process's own lease. Dropping it, or dying, gives it up.
#[derive(Debug)]
pub struct Lease {
    pub id: Uuid,
    path: PathBuf,
    // Held for the lock on it.
    _file: File,
}

/// A lease as a vault names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub seq: i64,
    pub id: Uuid,
    pub boot: String,
    pub pid: i64,
    pub started: i64,
}

impl Lease {
    /// Takes a new lease in this directory, which is made if it is not there (0700).
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        make_directory(directory).while_("making the directory of leases")?;
        let id = Uuid::now_v7();
        let path = path_of(directory, id);
        loop {
            let file = open(&path, OFlags::CREATE | OFlags::RDWR).while_("making a lease")?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) | Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS | rustix::io::Errno::NOLCK) => {}
                Err(error) => return Err(io::Error::from(error)).while_("locking a lease"),
            }
            // A process that clears up may have removed the file between our opening and locking it.
            if file.metadata().while_("looking at a lease")?.nlink() > 0 {
                return Ok(Self { id, path, _file: file });
            }
        }
    }

    /// The lease's row in this vault, made at the first need.
    pub fn row(&self, tx: &Transaction<'_>, now: i64) -> Result<i64, StoreError> {
        let known = tx
            .prepare_cached("SELECT seq FROM leases WHERE id = :id")
            .and_then(|mut find| find.query_row(named_params! { ":id": self.id }, |row| row.get(0)).optional())
            .while_("finding a lease")?;
        if let Some(seq) = known {
            return Ok(seq);
        }
        tx.prepare_cached(
            "INSERT INTO leases (id, boot, pid, started, created_at) VALUES (:id, :boot, :pid, :started, :now)",
        )
        .while_("noting a lease")?
        .execute(named_params! {
            ":id": self.id,
            ":boot": boot(),
            ":pid": i64::from(std::process::id()),
            ":started": started(std::process::id().into()).unwrap_or(0),
            ":now": now,
        })
        .while_("noting a lease")?;
        Ok(tx.last_insert_rowid())
    }
}

impl Lease {
    /// This process, as a row names it that is kept outside of a vault.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let pid = i64::from(std::process::id());
        Holder { seq: 0, id: self.id, boot: boot(), pid, started: started(pid).unwrap_or(0) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Left behind, it would be cleared up by the next process.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the process behind this lease still lives. A dead one's file is removed.
#[must_use]
pub fn is_alive(directory: &Path, holder: &Holder) -> bool {
    let path = path_of(directory, holder.id);
    match open(&path, OFlags::RDWR) {
        Ok(file) => match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let _ = fs::remove_file(&path);
                false
            }
            Err(rustix::io::Errno::WOULDBLOCK) => true,
            Err(_) => runs(holder),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(_) => runs(holder),
    }
}

/// Removes what processes left behind that were killed.
pub fn clear_up(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "lease")
            && let Ok(file) = open(&path, OFlags::RDWR)
            && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// One of the few answers that an account may have running at once, over all of its windows.
#[derive(Debug)]
pub struct Slot {
    // Held for the lock on it.
    _file: File,
}

impl Slot {
    /// Takes a free one of `of`. `None` = other answers have them all.
    pub fn take(directory: &Path, account: AccountId, of: u32) -> Result<Option<Self>, StoreError> {
        make_directory(directory).while_("making the directory of leases")?;
        for number in 0..of.max(1) {
            let file = open(&slot_path(directory, account, number), OFlags::CREATE | OFlags::RDWR)
                .while_("making room for an answer")?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(io::Error::from(error)).while_("making room for an answer"),
            }
        }
        Ok(None)
    }

    /// Whether anybody's answer runs, of whatever account.
    #[must_use]
    pub fn any_taken(directory: &Path) -> bool {
        Self::all_taken(directory) > 0
    }

    /// How many answers run now, of all accounts and in all windows. Of whom is not told.
    #[must_use]
    pub fn all_taken(directory: &Path) -> u32 {
        let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
        let taken = entries
            .flatten()
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"answer-"))
            .filter(|entry| {
                open(&entry.path(), OFlags::RDWR).is_ok_and(|file| {
                    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)
                        == Err(rustix::io::Errno::WOULDBLOCK)
                })
            });
        u32::try_from(taken.count()).unwrap_or(u32::MAX)
    }

    /// How many of `of` are taken now.
    #[must_use]
    pub fn taken(directory: &Path, account: AccountId, of: u32) -> u32 {
        let is_taken = |number: &u32| {
            open(&slot_path(directory, account, *number), OFlags::RDWR).is_ok_and(|file| {
                rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
            })
        };
        (0..of.max(1)).filter(is_taken).count() as u32
    }
}

/// An answer that waits for its turn, so that other windows can tell. It counts for as long as this lives.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    // Held for the lock on it.
    _file: File,
}

impl Waiting {
    /// # Errors
    /// The directory cannot be written, or has no locks.
    pub fn begin(directory: &Path) -> Result<Self, StoreError> {
        make_directory(directory).while_("making the directory of leases")?;
        let path = directory.join(format!("waiting-{}", Uuid::new_v4()));
        let file = open(&path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR).while_("lining an answer up")?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(io::Error::from)
            .while_("lining an answer up")?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // What a crash leaves behind has no lock, and does not count.
        let _ = fs::remove_file(&self.path);
    }
}

/// How many answers run and how many wait, in all windows and of all accounts together. Blocks for a moment.
#[must_use]
pub fn answers(directory: &Path) -> (u32, u32) {
    let (mut running, mut waiting) = (0, 0);
    let Ok(entries) = fs::read_dir(directory) else { return (0, 0) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let (runs, waits) = (name.starts_with(b"answer-"), name.starts_with(b"waiting-"));
        if !runs && !waits {
            continue;
        }
        let Ok(file) = open(&entry.path(), OFlags::RDWR) else { continue };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) if runs => running += 1,
            Err(rustix::io::Errno::WOULDBLOCK) => waiting += 1,
            // Left behind by one that was killed: nobody takes it up again, as its name is its own.
            Ok(()) if waits => drop(fs::remove_file(entry.path())),
            Ok(()) | Err(_) => {}
        }
    }
    (running, waiting)
}

/// Work that one process at a time does for an account.
#[derive(Debug)]
pub struct Chore {
    // Held for the lock on it.
    _file: File,
}

impl Chore {
    /// `None` = another process is at it.
    pub fn take(directory: &Path, account: AccountId, what: &str) -> Result<Option<Self>, StoreError> {
        make_directory(directory).while_("making the directory of leases")?;
        let path = directory.join(format!("{what}-{}", account.0));
        let file = open(&path, OFlags::CREATE | OFlags::RDWR).while_("taking a chore")?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Where there are no locks only one process is let in at all.
            Ok(()) | Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS | rustix::io::Errno::NOLCK) => {
                Ok(Some(Self { _file: file }))
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(io::Error::from(error)).while_("taking a chore"),
        }
    }
}

/// Files that stay: removing one that somebody is about to lock would make two of it.
fn slot_path(directory: &Path, account: AccountId, number: u32) -> PathBuf {
    directory.join(format!("answer-{}-{number}", account.0))
}

fn path_of(directory: &Path, id: Uuid) -> PathBuf {
    directory.join(format!("{id}.lease"))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(File::from(rustix::fs::open(path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?))
}

/// Without locks to ask: the same boot, the same process id, started at the same moment.
fn runs(holder: &Holder) -> bool {
    holder.boot == boot() && started(holder.pid).is_some_and(|started| started == holder.started)
}

/// Names this run of the machine; empty where the system does not say.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Field 22 of `stat` in proc(5): clock ticks between boot and the start of the process.
fn started(pid: i64) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in brackets and may hold anything, so count from behind it.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(lease: &Lease) -> Holder {
        Holder {
            seq: 1,
            id: lease.id,
            boot: boot(),
            pid: std::process::id().into(),
            started: started(std::process::id().into()).unwrap(),
        }
    }

    #[test]
    fn a_lease_is_alive_until_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("leases");
        let lease = Lease::take(&directory).unwrap();
        let named = holder(&lease);
        assert!(is_alive(&directory, &named));
        clear_up(&directory);
        assert!(is_alive(&directory, &named), "clearing up leaves the living alone");
        drop(lease);
        assert!(!is_alive(&directory, &named), "though this very process still runs");
    }

    #[test]
    fn what_a_killed_process_left_is_dead_and_cleared_up() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("leases");
        let lease = Lease::take(&directory).unwrap();
        let (named, path) = (holder(&lease), lease.path.clone());
        // The file stays and the lock goes, as at a kill.
        let kept = fs::read(&path).unwrap();
        drop(lease);
        fs::write(&path, kept).unwrap();
        assert!(!is_alive(&directory, &named));
        assert!(!path.exists());
    }

    #[test]
    fn answers_are_counted_over_all_accounts_until_they_end() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("leases");
        assert_eq!(Slot::all_taken(&directory), 0, "there is no such directory yet");
        let (ann, bob) = (AccountId::new(), AccountId::new());
        let first = Slot::take(&directory, ann, 2).unwrap();
        let second = Slot::take(&directory, ann, 2).unwrap();
        let third = Slot::take(&directory, bob, 1).unwrap();
        assert_eq!((Slot::all_taken(&directory), Slot::any_taken(&directory)), (3, true));
        drop((first, third));
        assert_eq!(Slot::all_taken(&directory), 1);
        drop(second);
        assert_eq!((Slot::all_taken(&directory), Slot::any_taken(&directory)), (0, false));
    }

    #[test]
    fn without_locks_the_process_itself_is_looked_for() {
        let own = Holder {
            seq: 1,
            id: Uuid::now_v7(),
            boot: boot(),
            pid: std::process::id().into(),
            started: started(std::process::id().into()).unwrap(),
        };
        assert!(runs(&own));
        assert!(!runs(&Holder { started: own.started + 1, ..own.clone() }));
        assert!(!runs(&Holder { boot: "another".to_owned(), ..own }));
    }
}
