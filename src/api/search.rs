//! Looking for something in everything that was said and written.

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, MessageId,
    chat::MessageRole,
    organise::{Cursor, PAGE_MAX},
};
pub use crate::words::Term;

/// Longest query, in bytes. Longer ones are pasted by mistake.
pub const QUERY_MAX: usize = 4 * 1024;
/// Most words and phrases of one query.
pub const TERMS_MAX: usize = 64;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Words, "phrases", beginnings*, -exclusions, OR, and filters such as `folder:work`.
    pub text: String,
    /// It is still being typed: the last word may be the beginning of one.
    pub is_typing: bool,
    /// What follows this place.
    pub after: Option<Cursor>,
    pub limit: u32,
}

impl Asked {
    /// The first page for what was typed so far.
    #[must_use]
    pub fn typed(text: impl Into<String>, limit: u32) -> Self {
        Self { text: text.into(), is_typing: true, after: None, limit: limit.min(PAGE_MAX) }
    }
}

/// What was found, best first, recent before old.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// How many were looked at to choose the best from.
    pub count: u32,
    /// There are more than those.
    pub is_more: bool,
    pub next: Option<Cursor>,
    /// What was looked for, to mark it elsewhere.
    pub terms: Vec<Term>,
    /// Something about the query or the index that a person should know; one sentence.
    pub notice: Option<String>,
}

/// Where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HitKind {
    Title,
    Message,
    Note,
    File,
}

/// One place. All texts in it are foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    pub kind: HitKind,
    pub conversation: ConversationId,
    /// The message it stands in or hangs on; none for titles, and for notes on a whole conversation.
    pub message: Option<MessageId>,
    pub title: Marked,
    /// Names from the top folder down.
    pub folder: Vec<String>,
    pub role: Option<MessageRole>,
    pub model: Option<String>,
    /// Of the message, note or conversation, milliseconds since 1970, UTC.
    pub at: i64,
    /// Of the file it stands in.
    pub file: Option<String>,
    /// The words around it; empty for titles.
    pub snippet: Marked,
    pub is_archived: bool,
    pub is_trashed: bool,
}

/// A text with passages marked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    pub text: String,
    /// First and behind the last, in characters; in order, not overlapping.
    pub marks: Vec<(u32, u32)>,
}

/// A filter as it is explained to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: &'static str,
    /// What stands behind the colon.
    pub values: &'static str,
    pub meaning: &'static str,
}

/// All filters, in the order in which they are explained.
pub const FILTERS: &[Filter] = &[
    Filter { name: "folder", values: "NAME", meaning: "in a folder whose path holds this, and below it" },
    Filter { name: "model", values: "NAME", meaning: "answers of models whose name holds this" },
    Filter { name: "role", values: "user|assistant|system|tool", meaning: "who said it" },
    Filter { name: "since", values: "2026-03|7d|today", meaning: "on this day, month or year, or after it" },
    Filter { name: "until", values: "2026-03|7d|today", meaning: "on this day, month or year, or before it" },
    Filter { name: "tag", values: "NAME", meaning: "in conversations with a tag that holds this" },
    Filter { name: "has", values: "note|file", meaning: "messages with a note, or with a file" },
    Filter { name: "rated", values: "up|down|any", meaning: "answers with a thumb" },
    Filter {
        name: "archived",
        values: "yes|no|only",
        meaning: "with the archive (as without it), without, only there",
    },
    Filter {
        name: "in",
        values: "title|messages|notes|files|trash",
        meaning: "only there; the trash is searched on request",
    },
];

/// How far checking or making the index has come, in texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    pub done: u64,
    pub of: u64,
}

/// What a look through the whole index says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexReport {
    /// Texts that are to be found.
    pub texts: u64,
    /// Those that the index does not know, or knows otherwise than they are written.
    pub wrong: u64,
    /// Entries of texts that are gone.
    pub left_over: u64,
    /// A rebuild was begun and not finished.
    pub is_unfinished: bool,
}

impl IndexReport {
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.wrong == 0 && self.left_over == 0 && !self.is_unfinished
    }
}
