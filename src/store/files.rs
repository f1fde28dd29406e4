//! The files of a database: what lies at its path and beside it, whose they are, and names for what is put there.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{StoreError, While};
use crate::paths::quoted;

/// What SQLite keeps beside a database.
pub const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What lies at a database's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Database,
}

/// The path with something added to its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Where the copy goes that is made before an upgrade from `version`.
pub fn copy_of(path: &Path, version: usize) -> PathBuf {
    path.with_extension(format!("v{version}.bak"))
}

/// The newest copy that an upgrade up to `version` made.
pub fn newest_copy(path: &Path, version: usize) -> Option<PathBuf> {
    (1..=version).rev().map(|version| copy_of(path, version)).find(|copy| copy.exists())
}

/// Whether a database is there, and whether it and what lies beside it can be used by us and by nobody else. SQLite
/// would say "unable to open" to all of this; the modes are read, not tried, so that the answer is root's as well.
pub fn look_at(path: &Path) -> Result<Found, StoreError> {
    let me = rustix::process::geteuid().as_raw();
    let mut found = Found::Nothing;
    for suffix in std::iter::once("").chain(COMPANIONS) {
        let file = beside(path, suffix);
        let meta = match fs::symlink_metadata(&file) {
            Ok(meta) => meta,
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            Err(why) => return Err(why).while_("looking at a database file"),
        };
        let refused = |what: String, fix: String| Err(StoreError::Unsafe { what, fix });
        let shown = file.display();
        if !meta.is_file() {
            return refused(format!("{shown} is not a regular file."), "Move it away and start again.".to_owned());
        }
        if meta.uid() != me {
            return refused(
                format!("{shown} belongs to another user (uid {}).", meta.uid()),
                format!("Make it yours with: sudo chown {me} {}", quoted(&file)),
            );
        }
        let mode = meta.mode() & 0o777;
        if mode & 0o600 != 0o600 {
            return refused(
                format!("{shown} may not be read and written by its owner (mode {mode:03o})."),
                format!("Allow it with: chmod 600 {}", quoted(&file)),
            );
        }
        if mode & 0o077 != 0 {
            return refused(
                format!("{shown} is open to others (mode {mode:03o})."),
                format!("Close it with: chmod 600 {}", quoted(&file)),
            );
        }
        if suffix.is_empty() {
            found = Found::Database;
        }
    }
    Ok(found)
}

/// Makes a file with mode 0600 before SQLite does with another.
pub fn create_closed(path: &Path) -> Result<(), StoreError> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .while_("making a database file")?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).while_("closing a database file to others")
}

/// Opens, or makes, a file that is there for the lock on it.
pub fn open_lock(path: &Path) -> Result<fs::File, StoreError> {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .while_("opening a lock file")
}

/// Makes a rename in the directory of `path` survive a power cut.
pub fn sync_directory(path: &Path) -> Result<(), StoreError> {
    fs::File::open(directory_of(path)).and_then(|directory| directory.sync_all()).while_("writing a directory out")
}
