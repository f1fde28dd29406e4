//! Moving a damaged database out of the way: whole, never under somebody who has it open, and nothing is deleted.
//!
//! Whoever opens a database holds a shared lock on the file `NAME.lock` for as long; whoever moves it needs the lock
//! alone. Without that, a second window would go on writing into the file that was set aside, and what it acknowledged
//! would be gone at its next start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{
    StoreError, While,
    files::{self, COMPANIONS},
};

/// How long a database that is just being closed may take, and how often that is looked at.
const CLOSING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(10));

/// Keeps the database from being moved, until it is dropped.
pub(super) fn hold(path: &Path) -> Result<fs::File, StoreError> {
    let file = files::open_lock(&lock_of(path))?;
    match flock(&file, FlockOperation::LockShared) {
        Ok(()) => Ok(file),
        Err(why) if is_not_to_be_had(why) => Ok(file),
        Err(why) => Err(io::Error::from(why)).while_("locking a database"),
    }
}

/// Moves a damaged database aside with its log and shared memory: `NAME.corrupt-<time>`. Waits a moment for whoever is
/// just closing it, so not for a thread that serves others.
///
/// # Errors
/// `InUse` when somebody has it open, in this process or another; when a file cannot be renamed.
pub fn set_aside(path: &Path, now_ms: i64) -> Result<PathBuf, StoreError> {
    let _alone = alone(path)?;
    let kept = files::beside(path, &format!(".corrupt-{now_ms}"));
    // The database goes last: while it is there, nobody begins a new one beside the old one's log.
    for suffix in COMPANIONS.into_iter().chain([""]) {
        match fs::rename(files::beside(path, suffix), files::beside(&kept, suffix)) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why).while_("setting a damaged database aside"),
        }
    }
    files::sync_directory(path)?;
    Ok(kept)
}

pub(super) fn alone(path: &Path) -> Result<fs::File, StoreError> {
    let file = files::open_lock(&lock_of(path))?;
    let (mut left, step) = CLOSING;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if left.is_zero() => return Err(StoreError::InUse(path.to_path_buf())),
            Err(Errno::WOULDBLOCK) => {
                std::thread::sleep(step);
                left = left.saturating_sub(step);
            }
            Err(why) if is_not_to_be_had(why) => return Ok(file),
            Err(why) => return Err(io::Error::from(why)).while_("locking a database"),
        }
    }
}

/// Some file systems have no locks; there one process at a time is seen to by other means, or by nobody.
fn is_not_to_be_had(why: Errno) -> bool {
    matches!(why, Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK)
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_somebody_has_open_is_not_moved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.db");
        fs::write(&path, "pages").unwrap();
        fs::write(dir.path().join("v.db-wal"), "log").unwrap();
        let (one, two) = (hold(&path).unwrap(), hold(&path).unwrap());
        assert!(matches!(set_aside(&path, 7), Err(StoreError::InUse(_))));
        drop(one);
        assert!(matches!(set_aside(&path, 7), Err(StoreError::InUse(_))));
        assert_eq!(fs::read(&path).unwrap(), b"pages");
        drop(two);
        let kept = set_aside(&path, 7).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"pages");
        assert_eq!(fs::read(files::beside(&kept, "-wal")).unwrap(), b"log");
        assert!(!path.exists() && !dir.path().join("v.db-wal").exists());
    }
}
