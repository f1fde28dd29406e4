//! Where things lie on disk, and whether it is safe to put them there.
//!
//! Architecture invariant: nothing is opened below a directory that `secure` has not let through. Whoever can write to
//! a directory can swap what lies in it, so every ancestor counts (the rule that sshd calls StrictModes).

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::api::{Fault, FaultKind};

/// The directories of one installation.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `system.db`, `vaults/`, `backups/`.
    pub data: PathBuf,
    /// Log and "stay signed in" token: of this OS account on this machine.
    pub state: PathBuf,
    /// `config.toml`.
    pub config: PathBuf,
    /// A private in-memory directory, where the system has one.
    pub runtime: Option<PathBuf>,
}

impl Paths {
    /// The XDG directories, or everything of the installation under `data_dir` where one is given.
    ///
    /// # Errors
    /// When there is no home directory.
    pub fn find(data_dir: Option<&Path>) -> Result<Self, Fault> {
        let dirs = directories::ProjectDirs::from("", "", "ollamanet").ok_or_else(|| {
            Fault::new(FaultKind::Unsafe, "This account has no home directory.")
                .hint("Set HOME, or pass --data-dir with a directory of your own.")
        })?;
        let data = match data_dir {
            Some(dir) => std::path::absolute(dir).map_err(|why| unusable(dir, &why))?,
            None => dirs.data_dir().to_path_buf(),
        };
        Ok(Self {
            state: match data_dir {
                // Another installation must not use this one's token.
                Some(_) => data.join("state"),
                None => dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_path_buf(),
            },
            config: dirs.config_dir().to_path_buf(),
            runtime: dirs.runtime_dir().map(Path::to_path_buf),
            data,
        })
    }

    pub fn system_db(&self) -> PathBuf {
        self.data.join("system.db")
    }

    pub fn vaults(&self) -> PathBuf {
        self.data.join("vaults")
    }

    /// Makes what is missing and checks everything: data, vaults and state.
    ///
    /// # Errors
    /// The first directory that is unsafe, with the command that mends it.
    pub fn secure(&self) -> Result<(), Fault> {
        for dir in [&self.data, &self.vaults(), &self.state] {
            secure(dir)?;
        }
        Ok(())
    }

    /// The directory of the log and the token alone, for what starts before the store. Where it lies inside the data
    /// directory that one is checked first: nothing may be made through a link that would then be refused.
    ///
    /// # Errors
    /// As `secure`.
    pub fn secure_state(&self) -> Result<(), Fault> {
        if self.state.starts_with(&self.data) {
            secure(&self.data)?;
        }
        secure(&self.state)
    }
}

/// Makes the directory if it is missing (0700 whatever the umask), and refuses one that others could reach.
///
/// # Errors
/// `Unsafe` with the fix, `ReadOnly` where it cannot be made.
pub fn secure(dir: &Path) -> Result<(), Fault> {
    make(dir)?;
    check(dir, rustix::process::geteuid().as_raw())
}

fn make(dir: &Path) -> Result<(), Fault> {
    match fs::symlink_metadata(dir) {
        Ok(_) => return Ok(()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(unusable(dir, &why)),
    }
    // Refused places are left as they were, so what is above is looked at before anything is made there.
    let there = dir.ancestors().skip(1).find(|above| fs::symlink_metadata(above).is_ok());
    if let Some(there) = there {
        let me = rustix::process::geteuid().as_raw();
        let real = fs::canonicalize(there).map_err(|why| unusable(dir, &why))?;
        for ancestor in there.ancestors().chain(real.ancestors()) {
            check_ancestor(ancestor, me)?;
        }
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|why| unusable(dir, &why))?;
    // The mode of `mkdir` passes through the umask; this one does not.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(|why| unusable(dir, &why))
}

fn check(dir: &Path, me: u32) -> Result<(), Fault> {
    let meta = fs::symlink_metadata(dir).map_err(|why| unusable(dir, &why))?;
    let shown = dir.display();
    if meta.file_type().is_symlink() {
        return Err(unsafe_dir(format!("{shown} is a symbolic link."), "Name the real directory with --data-dir."));
    }
    if !meta.is_dir() {
        return Err(unsafe_dir(
            format!("{shown} is not a directory."),
            "Move it away, or name another with --data-dir.",
        ));
    }
    if meta.uid() != me {
        return Err(unsafe_dir(
            format!("{shown} belongs to another user (uid {}).", meta.uid()),
            format!("Use a directory of your own, or: sudo chown -R {me} {}", quoted(dir)),
        ));
    }
    if meta.mode() & 0o700 != 0o700 {
        return Err(unsafe_dir(
            format!("{shown} may not be read and written by its owner (mode {:03o}).", meta.mode() & 0o777),
            format!("Allow it with: chmod 700 {}", quoted(dir)),
        ));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(unsafe_dir(
            format!("{shown} is open to others (mode {:03o}).", meta.mode() & 0o777),
            format!("Close it with: chmod 700 {}", quoted(dir)),
        ));
    }
    let real = fs::canonicalize(dir).map_err(|why| unusable(dir, &why))?;
    for ancestor in dir.ancestors().skip(1).chain(real.ancestors().skip(1)) {
        check_ancestor(ancestor, me)?;
    }
    Ok(())
}

fn check_ancestor(dir: &Path, me: u32) -> Result<(), Fault> {
    let Ok(meta) = fs::symlink_metadata(dir) else {
        return Ok(()); // The empty end of a relative path.
    };
    let shown = dir.display();
    if meta.uid() != 0 && meta.uid() != me {
        return Err(unsafe_dir(
            format!("{shown}, above the data directory, belongs to another user (uid {}).", meta.uid()),
            "Name a directory below your own home with --data-dir.",
        ));
    }
    // A link's own mode says nothing; what it points to is checked on the real path.
    let others_write = meta.is_dir() && meta.mode() & 0o022 != 0 && meta.mode() & 0o1000 == 0;
    if others_write {
        return Err(unsafe_dir(
            format!("{shown}, above the data directory, can be written by others (mode {:03o}).", meta.mode() & 0o7777),
            format!("Close it with: chmod go-w {} — or name another directory with --data-dir.", quoted(dir)),
        ));
    }
    Ok(())
}

/// Names the network file system that `dir` lies on, if it lies on one. SQLite's WAL needs shared memory, which these
/// do not give between machines; programs that used it there lost databases.
pub fn network_file_system(dir: &Path) -> Option<&'static str> {
    let stat = rustix::fs::statfs(dir).ok()?;
    name_of_magic(stat.f_type)
}

/// Keeps other processes out of a data directory on a network file system, for as long as the file is held.
///
/// # Errors
/// `Conflict` when another process is in it.
pub fn hold_alone(dir: &Path, file_system: &str) -> Result<fs::File, Fault> {
    let path = dir.join("alone.lock");
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(&path)
        .map_err(|why| unusable(&path, &why))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Fault::new(
            FaultKind::Conflict,
            format!("Another ollamanet uses {}, which lies on {file_system}.", dir.display()),
        )
        .hint("There only one at a time is safe: end the other one, or name a local directory with --data-dir.")),
        Err(why) => Err(unusable(&path, &why.into())),
    }
}

/// By the magic numbers of `statfs(2)` and the file systems' own headers.
fn name_of_magic(magic: i64) -> Option<&'static str> {
    match magic & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x6573_5546 => Some("FUSE"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x4750_4653 => Some("GPFS"),
        0x1983_0326 => Some("BeeGFS"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f => Some("AFS"),
        _ => None,
    }
}

/// The path as a shell takes it for one word, so that a command that is shown can be copied.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn unsafe_dir(message: String, fix: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Unsafe, message).hint(fix)
}

fn unusable(dir: &Path, why: &io::Error) -> Fault {
    let shown = dir.display();
    match why.kind() {
        io::ErrorKind::PermissionDenied => unsafe_dir(
            format!("{shown} cannot be used: permission denied."),
            "Name a directory of your own with --data-dir, or mend the permissions above it.",
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            Fault::new(FaultKind::ReadOnly, format!("{shown} lies on a read-only file system."))
                .hint("Name a directory that can be written with --data-dir.")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Fault::new(FaultKind::DiskFull, format!("There is no room to make {shown}."))
                .hint("Free some space, then start again.")
        }
        _ => unsafe_dir(format!("{shown} cannot be used: {why}."), "Name another directory with --data-dir."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_closed_whatever_the_umask() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a/b/c");
        secure(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        secure(&dir).unwrap();
    }

    #[test]
    fn what_others_can_reach_is_refused_with_the_fix() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        fs::create_dir(&open).unwrap();
        for mode in [0o755, 0o770, 0o707, 0o701] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
            let fault = secure(&open).unwrap_err();
            assert_eq!((fault.kind, fault.exit_code()), (FaultKind::Unsafe, 78));
            assert!(fault.hint.unwrap().contains("chmod 700"));
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let below = secure(&open.join("below")).unwrap_err();
        assert!(below.hint.unwrap().contains("chmod go-w"));
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
        secure(&open.join("below")).unwrap();
    }

    #[test]
    fn a_link_or_a_file_is_no_directory() {
        let home = tempfile::tempdir().unwrap();
        let (real, link, file) = (home.path().join("real"), home.path().join("link"), home.path().join("file"));
        secure(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        fs::write(&file, "").unwrap();
        assert!(secure(&link).unwrap_err().message.contains("symbolic link"));
        assert!(secure(&file).unwrap_err().message.contains("not a directory"));
    }

    #[test]
    fn another_owner_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("mine");
        secure(&dir).unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert!(check(&dir, me + 1).unwrap_err().message.contains("belongs to another user"));
    }

    #[test]
    fn on_a_network_file_system_one_at_a_time_may_come_in() {
        let dir = tempfile::tempdir().unwrap();
        let held = hold_alone(dir.path(), "NFS").unwrap();
        assert_eq!(hold_alone(dir.path(), "NFS").unwrap_err().kind, FaultKind::Conflict);
        drop(held);
        hold_alone(dir.path(), "NFS").unwrap();
    }

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        assert_eq!(name_of_magic(0x6969), Some("NFS"));
        assert_eq!(name_of_magic(i64::from(0xfe53_4d42_u32.cast_signed())), Some("SMB"));
        assert_eq!(name_of_magic(0xef53), None);
    }
}
