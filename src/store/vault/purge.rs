//! For good: conversations with everything in them, and the files that nothing uses afterwards.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{rows::conversation_seq, tags};
use crate::{
    api::{ConversationId, organise::Purged},
    store::{StoreError, While},
};

/// Removes these, which must lie in the trash.
pub fn purge(tx: &Transaction<'_>, ids: &[ConversationId]) -> Result<Purged, StoreError> {
    let mut purged = Purged::default();
    for id in ids {
        let seq = conversation_seq(tx, *id)?;
        if !is_trashed(tx, seq)? {
            return Err(StoreError::Conflict(
                "Only what is in the trash can be removed for good; move it there first.".to_owned(),
            ));
        }
        if is_answering(tx, seq)? {
            return Err(StoreError::Conflict(
                "An answer in it is still being stopped; try again in a moment.".to_owned(),
            ));
        }
        purged += remove(tx, seq)?;
    }
    Ok(purged)
}

/// The next conversations of the trash, oldest keys first, after `after` (0 = from the first).
pub fn in_trash(tx: &Transaction<'_>, after: i64, limit: u32) -> Result<Vec<(i64, ConversationId)>, StoreError> {
    tx.prepare_cached(
        "SELECT seq, id FROM conversations WHERE trashed_at IS NOT NULL AND seq > :after ORDER BY seq LIMIT :limit",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":after": after, ":limit": limit }, |row| {
                Ok((row.get(0)?, ConversationId(row.get(1)?)))
            })?
            .collect()
    })
    .while_("listing the trash")
}

/// How much removing this conversation would set free: messages, and bytes of their texts and of files that only it uses.
pub(super) fn weigh(tx: &Transaction<'_>, conversation: i64) -> Result<(u64, u64), StoreError> {
    let (messages, texts): (i64, i64) = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(octet_length(content) + octet_length(thinking)), 0) FROM messages
             WHERE conversation = :conversation",
        )
        .and_then(|mut sum| {
            sum.query_row(named_params! { ":conversation": conversation }, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .while_("weighing a conversation")?;
    let files: i64 = tx
        .prepare_cached(
            "SELECT coalesce(sum(bytes), 0) FROM documents d WHERE d.seq IN (
                 SELECT a.document FROM messages m JOIN attachments a ON a.message = m.seq
                 WHERE m.conversation = :conversation)
             AND NOT EXISTS (SELECT 1 FROM attachments a JOIN messages m ON m.seq = a.message
                 WHERE a.document = d.seq AND m.conversation != :conversation)",
        )
        .and_then(|mut sum| sum.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)))
        .while_("weighing a conversation's files")?;
    Ok((messages.unsigned_abs(), texts.saturating_add(files).unsigned_abs()))
}

/// Removes one conversation, whatever shelf it is on.
///
/// Its messages go one by one, the youngest first: a parent that went first would take its children with it, each one
/// level deeper, and SQLite goes no deeper than a thousand.
pub(super) fn remove(tx: &Transaction<'_>, conversation: i64) -> Result<Purged, StoreError> {
    let (messages, bytes) = weigh(tx, conversation)?;
    let keys = |sql: &str| -> Result<Vec<i64>, StoreError> {
        tx.prepare_cached(sql)
            .and_then(|mut select| {
                select.query_map(named_params! { ":conversation": conversation }, |row| row.get(0))?.collect()
            })
            .while_("listing what a conversation holds")
    };
    let documents = keys(
        "SELECT DISTINCT a.document FROM messages m JOIN attachments a ON a.message = m.seq
         WHERE m.conversation = :conversation",
    )?;
    let carried = keys("SELECT tag FROM conversation_tags WHERE conversation = :conversation")?;
    let mut delete = tx.prepare_cached("DELETE FROM messages WHERE seq = :message").while_("removing a message")?;
    for message in keys("SELECT seq FROM messages WHERE conversation = :conversation ORDER BY seq DESC")? {
        delete.execute(named_params! { ":message": message }).while_("removing a message")?;
    }
    tx.prepare_cached("DELETE FROM conversations WHERE seq = :conversation")
        .and_then(|mut delete| delete.execute(named_params! { ":conversation": conversation }))
        .while_("removing a conversation")?;
    tags::forget_unused(tx, carried.iter())?;
    let mut forget = tx
        .prepare_cached(
            "DELETE FROM documents WHERE seq = :document
             AND NOT EXISTS (SELECT 1 FROM attachments WHERE document = :document)",
        )
        .while_("removing a file")?;
    let mut forgotten = 0;
    for document in documents {
        forgotten += forget.execute(named_params! { ":document": document }).while_("removing a file")?;
    }
    Ok(Purged { conversations: 1, messages, documents: u32::try_from(forgotten).unwrap_or(u32::MAX), bytes })
}

pub(super) fn is_answering(tx: &Transaction<'_>, conversation: i64) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE conversation = :conversation AND state = 'streaming')",
    )
    .and_then(|mut find| find.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)))
    .while_("looking for a running answer")
}

fn is_trashed(tx: &Transaction<'_>, conversation: i64) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT trashed_at IS NOT NULL FROM conversations WHERE seq = :conversation")
        .and_then(|mut find| {
            find.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)).optional()
        })
        .while_("looking into the trash")?;
    Ok(found.unwrap_or(false))
}
