//! Bringing conversations in from files: what a file is, is seen by its content; what is in it, is read piece by piece.
//!
//! Reading happens on a thread of its own and gives `Item`s; `run` puts them into the vault. Invariant: no file, whatever
//! it holds, takes more memory than one conversation may, and nothing in it names a place on the disk.

mod chatgpt;
mod claude;
mod loose;
mod mend;
mod openwebui;
mod own;
mod run;
mod source;
mod split;
mod tree;
mod zip;

#[cfg(test)]
mod tests;

pub(super) use own::ROOT;
#[cfg(test)]
pub(super) use run::Done;
pub(super) use run::{Import, run};
pub use source::open_file;

use crate::store::vault::{
    documents::NewDocument,
    portable::{Incoming, Shelves},
};

/// Largest conversation in a file, bytes of it.
const ELEMENT_MAX: usize = 64 * 1024 * 1024;
/// Most messages in one conversation.
const MESSAGES_MAX: usize = 1_000_000;
/// Most conversations, or things that are none, in one file.
const ELEMENTS_MAX: u64 = 20_000_000;
/// Longest text of one message, bytes; the rest is cut off.
const TEXT_MAX: usize = 10 * 1024 * 1024;
/// Longest model name, bytes.
const MODEL_MAX: usize = 400;
/// What is told of one conversation, notes.
const NOTES_MAX: usize = 20;

/// One thing from a file.
#[derive(Debug)]
enum Item {
    /// What lies around the conversations that follow.
    Shelves(Box<Shelves>),
    /// A file that goes with one of the conversations that follow.
    Document(Box<NewDocument>),
    Conversation(Box<Incoming>, Notes),
    Skipped {
        title: String,
        why: String,
    },
}

impl Item {
    /// About how much memory it takes, bytes.
    fn size(&self) -> usize {
        /// What a row takes beside its texts.
        const ROW: usize = 512;
        match self {
            Self::Shelves(shelves) => shelves.len() * ROW,
            Self::Document(document) => document.body.len(),
            Self::Conversation(incoming, _) => {
                incoming.messages.iter().map(|message| message.content.len() + message.thinking.len() + ROW).sum()
            }
            Self::Skipped { .. } => ROW,
        }
    }
}

/// What could not be taken over of a conversation, told to the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Notes {
    told: Vec<String>,
    untold: u64,
}

impl Notes {
    fn tell(&mut self, note: impl Into<String>) {
        if self.told.len() < NOTES_MAX {
            self.told.push(note.into());
        } else {
            self.untold += 1;
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        if self.untold > 0 {
            self.told.push(format!("… and {} more like these.", self.untold));
        }
        self.told
    }
}

/// A conversation as one of the readers of foreign files understands it.
#[derive(Debug)]
struct Parsed {
    incoming: Box<Incoming>,
    documents: Vec<NewDocument>,
    notes: Notes,
}

/// Why a conversation is not taken in.
type Unreadable = String;
