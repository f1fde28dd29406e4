//! Conversations from end to end, page by page, as the interface knows them: for formats that are read elsewhere.

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{conversations, messages::Raw};
use crate::{
    api::{ConversationId, DocumentId, chat::Message, organise::Conversation},
    store::{StoreError, While},
};

/// A conversation with what its row in a list does not tell.
#[derive(Clone, Debug)]
pub struct Whole {
    pub conversation: Conversation,
    pub archived_at: Option<i64>,
    pub trashed_at: Option<i64>,
    /// By name.
    pub tags: Vec<String>,
}

/// A conversation by its key. `None` = it is gone.
pub fn conversation(tx: &Transaction<'_>, seq: i64) -> Result<Option<Whole>, StoreError> {
    let found: Option<(Uuid, Option<i64>, Option<i64>)> = tx
        .prepare_cached("SELECT id, archived_at, trashed_at FROM conversations WHERE seq = :seq")
        .and_then(|mut find| {
            find.query_row(named_params! { ":seq": seq }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
        })
        .while_("reading a conversation")?;
    let Some((id, archived_at, trashed_at)) = found else { return Ok(None) };
    let conversation = conversations::get(tx, ConversationId(id))?;
    let tags = tx
        .prepare_cached(
            "SELECT t.name FROM conversation_tags k JOIN tags t ON t.seq = k.tag WHERE k.conversation = :seq ORDER BY t.seq",
        )
        .and_then(|mut select| select.query_map(named_params! { ":seq": seq }, |row| row.get(0))?.collect())
        .while_("reading tags")?;
    Ok(Some(Whole { conversation, archived_at, trashed_at, tags }))
}

/// Messages of one conversation after `after`, of every branch.
pub fn messages(
    tx: &Transaction<'_>,
    conversation: i64,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, Message)>, StoreError> {
    let raw: Vec<Raw> = tx
        .prepare_cached(concat!(
            super::message_columns!(),
            " FROM messages m LEFT JOIN messages p ON p.seq = m.parent
              WHERE m.conversation = :conversation AND m.seq > :after ORDER BY m.seq LIMIT :limit"
        ))
        .and_then(|mut select| {
            let named = named_params! { ":conversation": conversation, ":after": after, ":limit": limit };
            select.query_map(named, Raw::read)?.collect()
        })
        .while_("reading messages")?;
    raw.into_iter().map(|raw| Ok((raw.seq, raw.complete(tx)?))).collect()
}

/// The bytes of a stored file.
pub fn body(tx: &Transaction<'_>, id: DocumentId) -> Result<Vec<u8>, StoreError> {
    tx.prepare_cached("SELECT body FROM documents WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)))
        .while_("reading a stored file")
}
