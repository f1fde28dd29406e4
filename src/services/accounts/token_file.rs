//! The "stay signed in" token on disk: one line, 0600, in the state directory of this OS account.
//!
//! Whoever can read the file can sign in until it is used again; that is what such a file is.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::store::keys::{KeyError, random};

const FILE: &str = "signed-in";

/// What the file holds: which family, and the secret that opens the vault.
pub struct Token {
    pub selector: [u8; 16],
    pub secret: Zeroizing<[u8; 32]>,
}

impl Token {
    /// The first one of a new family.
    pub fn new() -> Result<Self, KeyError> {
        Ok(Self { selector: *random::<16>()?, secret: random::<32>()? })
    }

    /// The next one of the same family.
    pub fn successor(&self) -> Result<Self, KeyError> {
        Ok(Self { selector: self.selector, secret: random::<32>()? })
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_slice()).into()
    }

    fn to_line(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "ollamanet1.{}.{}\n",
            URL_SAFE_NO_PAD.encode(self.selector),
            URL_SAFE_NO_PAD.encode(self.secret.as_slice())
        ))
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.trim_end().split('.');
        if parts.next() != Some("ollamanet1") {
            return None;
        }
        let selector = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?);
        let secret = <[u8; 32]>::try_from(secret.as_slice()).ok()?;
        Some(Self { selector, secret: Zeroizing::new(secret) })
    }
}

/// The file, held against other processes while it is read and replaced.
pub struct TokenFile {
    path: PathBuf,
    // Held for the lock on it.
    _lock: File,
}

impl TokenFile {
    /// Waits for other processes to be done with the file; they need milliseconds.
    pub fn hold(state: &Path) -> io::Result<Self> {
        let lock = open(&state.join("signed-in.lock"), true)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
        Ok(Self { path: state.join(FILE), _lock: lock })
    }

    /// The token, if there is one that can be read and is nobody else's.
    pub fn read(&self) -> Option<Token> {
        let file = open(&self.path, false).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
            return None;
        }
        let mut line = Zeroizing::new(String::new());
        file.take(512).read_to_string(&mut line).ok()?;
        Token::from_line(&line)
    }

    /// Replaces the file such that a power cut leaves the old one or the new one.
    pub fn write(&self, token: &Token) -> io::Result<()> {
        let unfinished = self.path.with_extension("tmp");
        match fs::remove_file(&unfinished) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
        let mut file = open(&unfinished, true)?;
        file.write_all(token.to_line().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(())
    }

    /// Forgets the token.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(create)
        .create(create)
        .truncate(false)
        .mode(0o600)
        .custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC).bits().cast_signed())
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_only_by_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::hold(dir.path()).unwrap();
        assert!(file.read().is_none());
        let token = Token::new().unwrap();
        file.write(&token).unwrap();
        let read = file.read().unwrap();
        assert_eq!((read.selector, *read.secret), (token.selector, *token.secret));
        assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(dir.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(file.read().is_none());
        file.remove().unwrap();
        file.remove().unwrap();
    }

    #[test]
    fn garbage_and_links_are_no_token() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::hold(dir.path()).unwrap();
        for garbage in ["", "ollamanet1", "ollamanet1.x.y", "ollamanet2.AAAA.BBBB", &"x".repeat(4096)] {
            fs::write(dir.path().join(FILE), garbage).unwrap();
            fs::set_permissions(dir.path().join(FILE), fs::Permissions::from_mode(0o600)).unwrap();
            assert!(file.read().is_none(), "{garbage:?}");
        }
        file.write(&Token::new().unwrap()).unwrap();
        fs::rename(dir.path().join(FILE), dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join(FILE)).unwrap();
        assert!(file.read().is_none());
    }
}
