//! Files before they are sent, and what a model gets of them.

use std::path::PathBuf;

use crate::{
    api::{Fault, chat::PreviewOf},
    ui::{files::Folder, widgets::preview::Seen},
};

/// What the chat asks for about files.
#[derive(Debug)]
pub enum FilesCall {
    /// What is in a directory; an empty path is the one that the program was started in.
    Folder(PathBuf),
    /// What a model receives. A picture has so many columns and rows.
    Preview { of: PreviewOf, room: (u16, u16) },
    /// Whether a pasted text is the path of a file.
    Pasted { text: String, path: PathBuf },
}

#[derive(Debug)]
pub enum FilesReply {
    Folder(Result<Folder, Fault>),
    Seen {
        of: PreviewOf,
        seen: Result<Box<Seen>, Fault>,
    },
    /// It is one.
    Pasted {
        text: String,
        path: PathBuf,
    },
    /// It is none.
    NotPasted,
}

impl FilesReply {
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Folder(read) => read.as_ref().err(),
            Self::Seen { seen, .. } => seen.as_ref().err(),
            Self::Pasted { .. } | Self::NotPasted => None,
        }
    }
}
