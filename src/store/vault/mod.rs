//! One person's encrypted database: everything they wrote or received.

use std::path::Path;

use super::{
    Db, StoreError,
    migrate::VAULT,
    open::{RawKey, Target, open},
};
use crate::api::AccountId;

/// An open vault. Cheap to clone; the file closes when the last handle goes.
#[derive(Clone, Debug)]
pub struct Vault {
    pub account: AccountId,
    pub db: Db,
}

impl Vault {
    /// Opens, or makes, the vault at `path` with its key.
    ///
    /// # Errors
    /// As `store::open::open`.
    pub fn open(account: AccountId, path: &Path, key: &RawKey, cautious: bool) -> Result<Self, StoreError> {
        let db = open(&Target { name: "vault", path, schema: &VAULT, key: Some(key), cautious })?;
        Ok(Self { account, db })
    }
}

/// What the functions in here run in; only the store's own threads make one.
pub type Tx<'a> = rusqlite::Transaction<'a>;

pub mod arrange;
pub mod branch;
pub mod conversations;
pub mod documents;
pub mod dump;
pub mod duplicate;
pub mod feedback;
pub mod filed;
pub mod fold;
pub mod folders;
pub mod jobs;
pub mod lease;
pub mod messages;
pub mod notes;
pub mod portable;
pub mod presets;
pub mod prompts;
pub mod prune;
pub mod purge;
pub mod recovery;
pub mod retention;
pub(super) mod rows;
pub mod search;
pub mod settings;
pub mod tags;
pub mod times;
pub mod usage;
pub mod weight;
pub mod window;

/// `SELECT` of everything a message shows from `m`, its parent being `p`; continue with `FROM`.
macro_rules! message_columns {
    () => {
        "SELECT m.seq, m.id, p.id AS parent, m.role, m.state, m.excluded, m.pinned, m.model, m.error, m.error_kind,
                m.tool_calls,
                m.content, m.thinking, m.created_at, m.first_token_ms, m.total_ms, m.load_ms, m.prompt_tokens, m.prompt_ms,
                m.answer_tokens, m.answer_ms, m.thinking_ms,
                (SELECT count(*) FROM messages s
                 WHERE s.parent IS m.parent AND s.conversation = m.conversation AND s.pruned_at IS NULL
                   AND s.seq <= m.seq) AS sibling,
                (SELECT count(*) FROM messages s
                 WHERE s.parent IS m.parent AND s.conversation = m.conversation AND s.pruned_at IS NULL) AS siblings,
                EXISTS (SELECT 1 FROM attachments a WHERE a.message = m.seq) AS has_attachments,
                EXISTS (SELECT 1 FROM notes n WHERE n.message = m.seq) AS has_notes,
                EXISTS (SELECT 1 FROM feedback f WHERE f.message = m.seq) AS has_feedback"
    };
}
use message_columns;

#[cfg(test)]
pub(crate) mod scratch;
#[cfg(test)]
mod tests;
