//! A file being written for its owner alone. One that is not finished is not left behind.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::api::{Fault, FaultKind};

#[derive(Debug)]
pub(super) struct OwnFile {
    path: PathBuf,
    out: BufWriter<File>,
    /// What it is, for a sentence: `The notes`.
    what: &'static str,
    finished: bool,
}

impl OwnFile {
    /// Never over a file that is there.
    pub fn create(path: &Path, what: &'static str) -> Result<Self, Fault> {
        if !path.is_absolute() {
            return Err(Fault::invalid("The file needs its whole path.").hint("Begin with / or with ~/."));
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Fault::new(FaultKind::Conflict, "There is such a file already.").hint("Choose another name.");
            }
            unwritten(what, &error)
        })?;
        Ok(Self { path: path.to_owned(), out: BufWriter::new(file), what, finished: false })
    }

    pub fn write(&mut self, text: &str) -> Result<(), Fault> {
        self.out.write_all(text.as_bytes()).map_err(|error| unwritten(self.what, &error))
    }

    pub fn finish(mut self) -> Result<(), Fault> {
        let done = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        done.map_err(|error| unwritten(self.what, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn unwritten(what: &str, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FaultKind::DiskFull,
        io::ErrorKind::NotFound => FaultKind::NotFound,
        _ => FaultKind::ReadOnly,
    };
    Fault::new(kind, format!("{what} cannot be written there: {error}.")).hint("Choose another place.")
}
