//! A vault from end to end, page by page, for taking everything out of it: in the order in which it was made, with the trash,
//! the archive and every branch.

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use super::{conversations, messages::Raw};
use crate::{
    api::{ConversationId, DocumentId, FolderId, MessageId, chat::Message, organise::Conversation},
    store::{StoreError, While},
};

/// A conversation with what its row in a list does not tell.
#[derive(Clone, Debug)]
pub struct Whole {
    pub seq: i64,
    pub conversation: Conversation,
    pub archived_at: Option<i64>,
    pub trashed_at: Option<i64>,
}

/// Conversations after `after` (0 = from the first).
pub fn conversations(tx: &Transaction<'_>, after: i64, limit: u32) -> Result<Vec<Whole>, StoreError> {
    let rows: Vec<(i64, Uuid, Option<i64>, Option<i64>)> = tx
        .prepare_cached(
            "SELECT seq, id, archived_at, trashed_at FROM conversations WHERE seq > :after ORDER BY seq LIMIT :limit",
        )
        .and_then(|mut select| {
            let named = named_params! { ":after": after, ":limit": limit };
            select.query_map(named, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
        })
        .while_("reading conversations")?;
    rows.into_iter()
        .map(|(seq, id, archived_at, trashed_at)| {
            let conversation = conversations::get(tx, ConversationId(id))?;
            Ok(Whole { seq, conversation, archived_at, trashed_at })
        })
        .collect()
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

/// Folders with their parents, in the order in which they were made.
pub fn folders(tx: &Transaction<'_>) -> Result<Vec<(FolderId, Option<FolderId>, String)>, StoreError> {
    tx.prepare_cached("SELECT f.id, p.id, f.name FROM folders f LEFT JOIN folders p ON p.seq = f.parent ORDER BY f.seq")
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    let parent: Option<Uuid> = row.get(1)?;
                    Ok((FolderId(row.get(0)?), parent.map(FolderId), row.get(2)?))
                })?
                .collect()
        })
        .while_("reading folders")
}

/// A stored file.
#[derive(Clone, Debug)]
pub struct Document {
    pub seq: i64,
    pub id: DocumentId,
    pub body: Vec<u8>,
}

/// The stored file after `after`. One at a time: each may be as large as an attachment may be.
pub fn document(tx: &Transaction<'_>, after: i64) -> Result<Option<Document>, StoreError> {
    use rusqlite::OptionalExtension as _;
    tx.prepare_cached("SELECT seq, id, body FROM documents WHERE seq > :after ORDER BY seq LIMIT 1")
        .and_then(|mut find| {
            find.query_row(named_params! { ":after": after }, |row| {
                Ok(Document { seq: row.get(0)?, id: DocumentId(row.get(1)?), body: row.get(2)? })
            })
            .optional()
        })
        .while_("reading a stored file")
}

/// What was being written and not sent: the conversation (`None` = a new one) and the text.
pub fn drafts(tx: &Transaction<'_>) -> Result<Vec<(Option<ConversationId>, String)>, StoreError> {
    tx.prepare_cached(
        "SELECT c.id, d.body FROM drafts d LEFT JOIN conversations c ON c.seq = d.conversation
         WHERE d.body <> '' ORDER BY d.conversation",
    )
    .and_then(|mut select| {
        select.query_map([], |row| Ok((row.get::<_, Option<Uuid>>(0)?.map(ConversationId), row.get(1)?)))?.collect()
    })
    .while_("reading drafts")
}

/// A note, a rating, a preset or a template as one line of JSON each: their columns by name.
pub fn written(tx: &Transaction<'_>) -> Result<Vec<(&'static str, Vec<String>)>, StoreError> {
    const TABLES: [(&str, &str); 5] = [
        (
            "notes",
            "SELECT json_object('conversation', hex(c.id), 'message', hex(m.id), 'created_at', n.created_at,
                                'quote', n.quote, 'note', n.body)
             FROM notes n LEFT JOIN messages m ON m.seq = n.message
             LEFT JOIN conversations c ON c.seq = coalesce(n.conversation, m.conversation) ORDER BY n.seq",
        ),
        (
            "feedback",
            "SELECT json_object('message', hex(m.id), 'value', f.thumb, 'reasons', f.reasons, 'comment', f.comment)
             FROM feedback f JOIN messages m ON m.seq = f.message ORDER BY f.message",
        ),
        (
            "presets",
            "SELECT json_object('name', name, 'model', model, 'system_prompt', system_prompt,
                                        'options', json(options)) FROM presets ORDER BY seq",
        ),
        ("prompt-templates", "SELECT json_object('name', name, 'body', body) FROM prompt_templates ORDER BY seq"),
        (
            "tags",
            "SELECT json_object('conversation', hex(c.id), 'tag', t.name)
             FROM conversation_tags k JOIN tags t ON t.seq = k.tag JOIN conversations c ON c.seq = k.conversation
             ORDER BY t.seq, c.seq",
        ),
    ];
    TABLES
        .into_iter()
        .map(|(name, select)| {
            let rows = tx
                .prepare_cached(select)
                .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
                .while_("reading what was written")?;
            Ok((name, rows))
        })
        .collect()
}

/// Where a message hangs: to find the branch on view without its text.
#[must_use]
pub fn on_view(messages: &[Message], head: Option<MessageId>) -> Vec<&Message> {
    let by_id: std::collections::HashMap<MessageId, &Message> =
        messages.iter().map(|message| (message.id, message)).collect();
    let mut branch = Vec::new();
    let mut next = head;
    while let Some(message) = next.and_then(|id| by_id.get(&id)) {
        branch.push(*message);
        next = message.parent;
    }
    branch.reverse();
    branch
}
