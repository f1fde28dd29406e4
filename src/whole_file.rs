//! Files that a person names: small texts are read whole, and whatever is written is there whole or not at all.
//!
//! Invariant: reading opens nothing but ordinary files, and writing leaves either the old file or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::api::{Fault, FaultKind};

/// The text of a file of at most `most` bytes. A pipe, a device or a directory is refused, without waiting for it.
///
/// # Errors
/// Says why it cannot be read.
pub fn read(path: &Path, most: usize) -> Result<String, Fault> {
    let shown = path.display();
    let cannot = |error: io::Error| {
        let kind = if error.kind() == io::ErrorKind::NotFound { FaultKind::NotFound } else { FaultKind::Invalid };
        Fault::new(kind, format!("{shown} cannot be read: {error}.")).hint("Check its name and its permissions.")
    };
    // A pipe that nobody writes to would hold the opening up.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits();
    let file = OpenOptions::new().read(true).custom_flags(nonblock.cast_signed()).open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(Fault::invalid(format!("{shown} is no ordinary file.")).hint("Name a text file."));
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    as_text(bytes, most, &shown.to_string())
}

/// # Errors
/// When it is longer than `most` bytes or no UTF-8.
pub fn as_text(bytes: Vec<u8>, most: usize, shown: &str) -> Result<String, Fault> {
    if bytes.len() > most {
        return Err(Fault::invalid(format!("{shown} is larger than {} KiB.", most / 1024))
            .hint("Use a smaller one, or cut it into parts."));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Fault::invalid(format!("{shown} is no UTF-8 text: the byte at {at} belongs to no letter."))
            .hint("Save it as UTF-8 and try again.")
    })
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    Keep,
    Replace,
}

/// Writes a file for its owner alone. Gives its full path.
///
/// # Errors
/// When it is there already and is to be kept, or cannot be written; then nothing of it is there.
pub fn write(path: &Path, text: &str, there: There) -> Result<PathBuf, Fault> {
    let mut pieces = Pieces::begin(path, there)?;
    pieces.add(text)?;
    pieces.end()
}

/// A file for its owner alone that comes piece by piece, and has no name until all of it is there: neither a full disk nor a
/// kill leaves half of it where somebody would take it for the whole.
#[derive(Debug)]
pub struct Pieces {
    out: BufWriter<Unnamed>,
    path: PathBuf,
    there: There,
}

impl Pieces {
    /// # Errors
    /// When there is such a file and it is to be kept, or nothing can be written there.
    pub fn begin(path: &Path, there: There) -> Result<Self, Fault> {
        let path = std::path::absolute(path).map_err(|error| cannot_write(path, &error))?;
        match (fs::symlink_metadata(&path), there) {
            (Ok(_), There::Keep) => return Err(taken(&path)),
            (Ok(found), There::Replace) if !found.is_file() => {
                return Err(Fault::invalid(format!("{} is no ordinary file.", path.display()))
                    .hint("Nothing was written; give another name."));
            }
            (Ok(_), There::Replace) | (Err(_), _) => {}
        }
        let out = BufWriter::new(Unnamed::beside(&path).map_err(|error| cannot_write(&path, &error))?);
        Ok(Self { out, path, there })
    }

    /// # Errors
    /// When the disk does not take it.
    pub fn add(&mut self, text: &str) -> Result<(), Fault> {
        self.out.write_all(text.as_bytes()).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Gives it its name, and tells where it is.
    ///
    /// # Errors
    /// When the disk does not take the rest, or somebody has made such a file meanwhile.
    pub fn end(self) -> Result<PathBuf, Fault> {
        let Self { out, path, there } = self;
        let done = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.put_in_place(there));
        match done {
            Ok(_) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
            Err(error) => Err(cannot_write(&path, &error)),
        }
    }
}

fn taken(path: &Path) -> Fault {
    Fault::new(FaultKind::Conflict, format!("{} is there already.", path.display()))
        .hint("Nothing was written; give another name.")
}

fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (FaultKind::DiskFull, "Nothing was left behind; make room, or name another place.")
        }
        io::ErrorKind::ReadOnlyFilesystem => (FaultKind::ReadOnly, "Nothing was written; name another place."),
        _ => (FaultKind::Invalid, "Nothing was written; name another place."),
    };
    Fault::new(kind, format!("{} cannot be written: {error}.", path.display())).hint(hint)
}

/// A file for its owner alone that is being written under another name, beside the place where it is to be. It is gone
/// unless it is put there.
#[derive(Debug)]
pub struct Unnamed {
    file: tempfile::NamedTempFile,
    to: PathBuf,
}

impl Unnamed {
    /// # Errors
    /// When nothing can be written in that directory.
    pub fn beside(to: &Path) -> io::Result<Self> {
        // Made 0600 by tempfile.
        let file = tempfile::Builder::new().prefix(".ollamanet-").tempfile_in(directory_of(to))?;
        Ok(Self { file, to: to.to_path_buf() })
    }

    /// Gives it its name once all of it is on the disk, and says how large it is.
    ///
    /// # Errors
    /// `AlreadyExists` when there is such a file and it is to be kept; then, as with any other, nothing is left.
    pub fn put_in_place(self, there: There) -> io::Result<u64> {
        self.file.as_file().sync_all()?;
        let bytes = self.file.as_file().metadata()?.len();
        match there {
            There::Keep => self.file.persist_noclobber(&self.to)?,
            There::Replace => self.file.persist(&self.to)?,
        };
        // That it is there survives a power cut only when its directory is written, too.
        let _ = File::open(directory_of(&self.to)).and_then(|directory| directory.sync_all());
        Ok(bytes)
    }
}

impl Write for Unnamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

fn directory_of(to: &Path) -> &Path {
    to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_never_over_another_unless_told_so() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("presets.toml");
        assert_eq!(write(&path, "one", There::Keep).unwrap(), path);
        assert_eq!(write(&path, "two", There::Keep).unwrap_err().kind, FaultKind::Conflict);
        assert_eq!(read(&path, 10).unwrap(), "one");
        write(&path, "two", There::Replace).unwrap();
        assert_eq!(read(&path, 3).unwrap(), "two");
        assert!(write(home.path(), "x", There::Replace).is_err());
        assert!(write(&home.path().join("no/where"), "x", There::Keep).is_err());
        // One that is not ended has never had its name, and is gone.
        let half = home.path().join("half.csv");
        let mut pieces = Pieces::begin(&half, There::Keep).unwrap();
        pieces.add(&"a line\r\n".repeat(10_000)).unwrap();
        assert!(!half.exists());
        drop(pieces);
        // Nor does it take a name that somebody else took meanwhile.
        let pieces = Pieces::begin(&half, There::Keep).unwrap();
        fs::write(&half, "theirs").unwrap();
        assert_eq!(pieces.end().unwrap_err().kind, FaultKind::Conflict);
        assert_eq!(fs::read_to_string(&half).unwrap(), "theirs");
        fs::remove_file(&half).unwrap();
        let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["presets.toml"], "nothing is left beside it");
    }

    #[test]
    fn only_ordinary_text_of_bounded_length_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert!(read(&path, 4).unwrap_err().message.contains("larger than"));
        fs::write(&path, b"ab\xff").unwrap();
        assert!(read(&path, 9).unwrap_err().message.contains("the byte at 2"));
        assert_eq!(read(&home.path().join("missing"), 9).unwrap_err().kind, FaultKind::NotFound);
        assert!(read(home.path(), 9).is_err());
        let pipe = home.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(read(&pipe, 9).unwrap_err().message.contains("no ordinary file"));
    }
}
