//! The thread that writes an export: into a file under another name beside its place, which it gets when it is whole, or
//! into a pipe.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tokio::sync::mpsc;

use crate::{
    api::{Fault, FaultKind},
    services::transfer::import::ROOT,
    whole_file::{There, Unnamed},
};

/// What goes out through a pipe at once.
const CHUNK: usize = 64 * 1024;

/// Where an export goes.
#[derive(Debug)]
pub(in crate::services::transfer) enum Sink {
    File { to: PathBuf, overwrite: bool },
    Pipe(mpsc::Sender<Result<Vec<u8>, Fault>>),
}

impl Sink {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File { to, .. } => Some(to),
            Self::Pipe(_) => None,
        }
    }
}

/// A piece of what is written.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// A file in the archive. Its name is ours.
    File {
        name: String,
        body: Vec<u8>,
    },
}

/// What is whole now, under another name still.
#[derive(Debug)]
pub(super) enum Finished {
    File(Unnamed, There),
    Piped(u64),
}

impl Finished {
    /// Gives it its name, and says how large it is.
    pub(super) fn put_in_place(self) -> io::Result<u64> {
        match self {
            Self::Piped(bytes) => Ok(bytes),
            Self::File(file, there) => file.put_in_place(there),
        }
    }
}

pub(super) fn write(sink: Sink, is_archive: bool, mut inbox: mpsc::Receiver<Piece>) -> io::Result<Finished> {
    match sink {
        Sink::File { to, overwrite } => {
            let mut out = BufWriter::new(Unnamed::beside(&to)?);
            fill(&mut out, is_archive, &mut inbox)?;
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok(Finished::File(file, if overwrite { There::Replace } else { There::Keep }))
        }
        Sink::Pipe(pieces) => {
            let mut out = BufWriter::with_capacity(CHUNK, Piped { pieces, bytes: 0 });
            fill(&mut out, is_archive, &mut inbox)?;
            out.flush()?;
            Ok(Finished::Piped(out.get_ref().bytes))
        }
    }
}

struct Piped {
    pieces: mpsc::Sender<Result<Vec<u8>, Fault>>,
    bytes: u64,
}

impl Write for Piped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pieces.blocking_send(Ok(bytes.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fill(out: &mut impl Write, is_archive: bool, inbox: &mut mpsc::Receiver<Piece>) -> io::Result<()> {
    if !is_archive {
        while let Some(piece) = inbox.blocking_recv() {
            match piece {
                Piece::Text(text) => out.write_all(text.as_bytes())?,
                Piece::File { body, .. } => out.write_all(&body)?,
            }
        }
        return Ok(());
    }
    let mut tar = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    while let Some(piece) = inbox.blocking_recv() {
        let (name, body) = match piece {
            Piece::Text(text) => ("README.txt".to_owned(), text.into_bytes()),
            Piece::File { name, body } => (name, body),
        };
        // No time and no owner: the same history makes the same bytes.
        let mut header = tar::Header::new_ustar();
        header.set_size(body.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        tar.append_data(&mut header, format!("{ROOT}/{name}"), body.as_slice())?;
    }
    tar.into_inner()?.finish()?;
    Ok(())
}

pub(super) fn cannot_write(to: &str, error: &io::Error) -> Fault {
    let full =
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Fault::new(FaultKind::Conflict, format!("{to} is there already."))
            .hint("Nothing was written; give another name.");
    }
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Fault::new(FaultKind::Cancelled, "Nobody takes the export any more.");
    }
    let kind = if full { FaultKind::DiskFull } else { FaultKind::Invalid };
    Fault::new(kind, format!("{to} cannot be written: {error}.")).hint("Nothing was left behind; give another place.")
}
