//! Reading a vault out, in the order in which it was made, page by page.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    Attached, Conversation, Draft, Feedback, Figures, Folder, Imported, Message, Note, OWN, Preset, Setting, Summary,
    Tag, Template,
};
use crate::{
    api::{ConversationId, FolderId},
    store::{
        StoreError, While,
        vault::{messages::text_so_far, settings::AUDIT_ANCHOR},
    },
};

/// Text that is read in one go: a page of messages ends after this much of it.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// And after so many messages.
const PAGE_ROWS: usize = 200;

fn raw(row: &Row<'_>, column: &str) -> Result<Box<RawValue>, rusqlite::Error> {
    let text: String = row.get(column)?;
    RawValue::from_string(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn raw_if(row: &Row<'_>, column: &str) -> Result<Option<Box<RawValue>>, rusqlite::Error> {
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null { Ok(None) } else { raw(row, column).map(Some) }
}

pub fn presets(tx: &Transaction<'_>) -> Result<Vec<Preset>, StoreError> {
    tx.prepare_cached(
        "SELECT id, name, model, options, system_prompt, created_at, updated_at FROM presets ORDER BY seq",
    )
    .and_then(|mut select| {
        select
            .query_map([], |row| {
                Ok(Preset {
                    id: row.get("id")?,
                    name: row.get("name")?,
                    model: row.get("model")?,
                    options: raw(row, "options")?,
                    system_prompt: row.get("system_prompt")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                })
            })?
            .collect()
    })
    .while_("reading presets")
}

pub fn templates(tx: &Transaction<'_>) -> Result<Vec<Template>, StoreError> {
    tx.prepare_cached("SELECT id, name, body, created_at, updated_at FROM prompt_templates ORDER BY seq")
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    Ok(Template {
                        id: row.get("id")?,
                        name: row.get("name")?,
                        body: row.get("body")?,
                        created_at: row.get("created_at")?,
                        updated_at: row.get("updated_at")?,
                    })
                })?
                .collect()
        })
        .while_("reading prompt templates")
}

pub fn folders(tx: &Transaction<'_>) -> Result<Vec<Folder>, StoreError> {
    tx.prepare_cached(
        "SELECT f.id, p.id AS parent, f.name, s.id AS preset, f.created_at, f.updated_at
         FROM folders f LEFT JOIN folders p ON p.seq = f.parent LEFT JOIN presets s ON s.seq = f.preset ORDER BY f.seq",
    )
    .and_then(|mut select| {
        select
            .query_map([], |row| {
                Ok(Folder {
                    id: row.get("id")?,
                    parent: row.get("parent")?,
                    name: row.get("name")?,
                    preset: row.get("preset")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                })
            })?
            .collect()
    })
    .while_("reading folders")
}

pub fn tags(tx: &Transaction<'_>) -> Result<Vec<Tag>, StoreError> {
    tx.prepare_cached("SELECT id, name FROM tags ORDER BY seq")
        .and_then(|mut select| {
            select.query_map([], |row| Ok(Tag { id: row.get("id")?, name: row.get("name")? }))?.collect()
        })
        .while_("reading tags")
}

/// What the person has set. What an administrator remembers of this installation's audit trail stays with it.
pub fn settings(tx: &Transaction<'_>) -> Result<Vec<Setting>, StoreError> {
    tx.prepare_cached("SELECT name, value, updated_at FROM settings WHERE name != :anchor ORDER BY name")
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":anchor": AUDIT_ANCHOR }, |row| {
                    Ok(Setting {
                        name: row.get("name")?,
                        value: raw(row, "value")?,
                        updated_at: row.get("updated_at")?,
                    })
                })?
                .collect()
        })
        .while_("reading settings")
}

/// Which conversations are meant.
#[derive(Clone, Debug)]
pub enum Which {
    All,
    /// These, wherever they lie.
    Of(Vec<ConversationId>),
    /// Those in these folders that are not in the trash.
    In(Vec<FolderId>),
}

/// Keys of conversations after `after` (0 = from the first), in the order in which they were made.
pub fn keys(tx: &Transaction<'_>, which: &Which, after: i64, limit: u32) -> Result<Vec<i64>, StoreError> {
    let (sql, ids) = match which {
        Which::All => (
            "SELECT seq FROM conversations WHERE seq > :after AND :ids = '[]' ORDER BY seq LIMIT :limit",
            "[]".to_owned(),
        ),
        Which::Of(ids) => (
            "SELECT seq FROM conversations WHERE seq > :after AND id IN (SELECT unhex(value) FROM json_each(:ids))
             ORDER BY seq LIMIT :limit",
            list(ids.iter().map(|id| id.0)),
        ),
        Which::In(ids) => (
            "SELECT seq FROM conversations WHERE seq > :after AND trashed_at IS NULL AND folder IN
                 (SELECT f.seq FROM json_each(:ids) j JOIN folders f ON f.id = unhex(j.value))
             ORDER BY seq LIMIT :limit",
            list(ids.iter().map(|id| id.0)),
        ),
    };
    tx.prepare_cached(sql)
        .and_then(|mut select| {
            let named = named_params! { ":after": after, ":ids": ids, ":limit": limit };
            select.query_map(named, |row| row.get(0))?.collect()
        })
        .while_("looking for conversations")
}

/// Ids as a list that SQLite can take apart again.
fn list(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| hex::encode(id.as_bytes())).collect();
    serde_json::to_string(&ids).unwrap_or_else(|_| "[]".to_owned())
}

/// How many those are.
pub fn count(tx: &Transaction<'_>, which: &Which) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = keys(tx, which, after, 10_000)?;
        let Some(last) = page.last() else { return Ok(count) };
        count += page.len() as u64;
        after = *last;
    }
}

pub fn conversation(tx: &Transaction<'_>, seq: i64) -> Result<Option<Conversation>, StoreError> {
    let found = tx
        .prepare_cached(
            "SELECT c.id, c.title, c.title_origin, f.id AS folder, c.pinned, c.archived_at, c.trashed_at, c.model,
                    c.options, c.system_prompt, p.id AS preset, h.id AS head, c.used, c.used_at, c.created_at,
                    c.updated_at
             FROM conversations c LEFT JOIN folders f ON f.seq = c.folder LEFT JOIN presets p ON p.seq = c.preset
             LEFT JOIN messages h ON h.seq = c.head WHERE c.seq = :seq",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":seq": seq }, |row| {
                Ok(Conversation {
                    id: row.get("id")?,
                    title: row.get("title")?,
                    title_origin: row.get("title_origin")?,
                    folder: row.get("folder")?,
                    tags: Vec::new(),
                    pinned: row.get("pinned")?,
                    archived_at: row.get("archived_at")?,
                    trashed_at: row.get("trashed_at")?,
                    model: row.get("model")?,
                    options: raw(row, "options")?,
                    system_prompt: row.get("system_prompt")?,
                    preset: row.get("preset")?,
                    head: row.get("head")?,
                    used: row.get("used")?,
                    used_at: row.get("used_at")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                    imported: Vec::new(),
                })
            })
            .optional()
        })
        .while_("reading a conversation")?;
    let Some(mut found) = found else { return Ok(None) };
    found.tags = tx
        .prepare_cached(
            "SELECT t.id FROM conversation_tags k JOIN tags t ON t.seq = k.tag WHERE k.conversation = :seq ORDER BY t.seq",
        )
        .and_then(|mut select| select.query_map(named_params! { ":seq": seq }, |row| row.get(0))?.collect())
        .while_("reading tags")?;
    found.imported = tx
        .prepare_cached(
            "SELECT source, external_id, digest, known, imported_at FROM imports
             WHERE conversation = :seq AND source != :own ORDER BY source, external_id",
        )
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":seq": seq, ":own": OWN }, |row| {
                    Ok(Imported {
                        source: row.get("source")?,
                        external_id: row.get("external_id")?,
                        digest: hex::encode(row.get_ref("digest")?.as_blob()?),
                        known: hex::encode(row.get_ref("known")?.as_blob()?),
                        imported_at: row.get("imported_at")?,
                    })
                })?
                .collect()
        })
        .while_("reading what was imported")?;
    Ok(Some(found))
}

/// Messages of one conversation after `after`, of every branch, as many as make a page; each with its key.
pub fn messages(tx: &Transaction<'_>, conversation: i64, after: i64) -> Result<Vec<(i64, Message)>, StoreError> {
    let mut page = Vec::new();
    let mut bytes = 0;
    {
        let mut select = tx
            .prepare_cached(
                "SELECT m.seq, m.id, p.id AS parent, k.id AS chosen, m.role, m.state, m.excluded, m.pinned, m.model,
                        m.request_weight, m.request_window, m.first_token_ms, m.total_ms, m.load_ms, m.prompt_tokens,
                        m.prompt_ms, m.answer_tokens, m.answer_ms, m.thinking_ms, m.created_at, m.ended_at, m.error,
                        m.error_kind, m.tool_calls, m.content, m.thinking, m.pruned_at, w.id AS pruned_with
                 FROM messages m LEFT JOIN messages p ON p.seq = m.parent LEFT JOIN messages k ON k.seq = m.chosen
                 LEFT JOIN messages w ON w.seq = m.pruned_with
                 WHERE m.conversation = :conversation AND m.seq > :after ORDER BY m.seq",
            )
            .while_("reading messages")?;
        let named = named_params! { ":conversation": conversation, ":after": after };
        let mut rows = select.query(named).while_("reading messages")?;
        while let Some(row) = rows.next().while_("reading messages")? {
            let (seq, message) = message(row).while_("reading a message")?;
            bytes += message.content.len() + message.thinking.len();
            page.push((seq, message));
            if bytes >= PAGE_BYTES || page.len() >= PAGE_ROWS {
                break;
            }
        }
    }
    for (seq, message) in &mut page {
        if message.state == "streaming" {
            // Nobody will go on with a copy of it.
            (message.content, message.thinking) = text_so_far(tx, *seq)?;
            "interrupted".clone_into(&mut message.state);
        }
        message.attachments = attached(tx, *seq)?;
    }
    Ok(page)
}

fn message(row: &Row<'_>) -> Result<(i64, Message), rusqlite::Error> {
    let message = Message {
        id: row.get("id")?,
        parent: row.get("parent")?,
        chosen: row.get("chosen")?,
        role: row.get("role")?,
        state: row.get("state")?,
        model: row.get("model")?,
        content: row.get("content")?,
        thinking: row.get("thinking")?,
        tool_calls: raw_if(row, "tool_calls")?,
        attachments: Vec::new(),
        excluded: row.get("excluded")?,
        pinned: row.get("pinned")?,
        pruned_at: row.get("pruned_at")?,
        pruned_with: row.get("pruned_with")?,
        error: row.get("error")?,
        error_kind: raw_if(row, "error_kind")?,
        figures: Figures {
            request_weight: row.get("request_weight")?,
            request_window: row.get("request_window")?,
            first_token_ms: row.get("first_token_ms")?,
            total_ms: row.get("total_ms")?,
            load_ms: row.get("load_ms")?,
            prompt_tokens: row.get("prompt_tokens")?,
            prompt_ms: row.get("prompt_ms")?,
            answer_tokens: row.get("answer_tokens")?,
            answer_ms: row.get("answer_ms")?,
            thinking_ms: row.get("thinking_ms")?,
        },
        created_at: row.get("created_at")?,
        ended_at: row.get("ended_at")?,
    };
    Ok((row.get("seq")?, message))
}

fn attached(tx: &Transaction<'_>, message: i64) -> Result<Vec<Attached>, StoreError> {
    tx.prepare_cached(
        "SELECT d.sha256, a.name FROM attachments a JOIN documents d ON d.seq = a.document
         WHERE a.message = :message ORDER BY a.place",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":message": message }, |row| {
                Ok(Attached { sha256: hex::encode(row.get_ref("sha256")?.as_blob()?), name: row.get("name")? })
            })?
            .collect()
    })
    .while_("reading attachments")
}

/// The keys of the files that went with messages of a conversation, in the order in which they are first met there.
pub fn documents_of(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<i64>, StoreError> {
    tx.prepare_cached(
        "SELECT a.document FROM attachments a JOIN messages m ON m.seq = a.message
         WHERE m.conversation = :conversation GROUP BY a.document ORDER BY min(a.message), min(a.place), a.document",
    )
    .and_then(|mut select| {
        select.query_map(named_params! { ":conversation": conversation }, |row| row.get(0))?.collect()
    })
    .while_("reading attachments")
}

/// A stored file by its key: its digest, its kind, its bytes.
pub fn body_of(tx: &Transaction<'_>, document: i64) -> Result<(String, String, Vec<u8>), StoreError> {
    tx.prepare_cached("SELECT sha256, kind, body FROM documents WHERE seq = :document")
        .and_then(|mut find| {
            find.query_row(named_params! { ":document": document }, |row| {
                Ok((hex::encode(row.get_ref(0)?.as_blob()?), row.get(1)?, row.get(2)?))
            })
        })
        .while_("reading a stored file")
}

pub fn notes_of(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<Note>, StoreError> {
    tx.prepare_cached(
        "SELECT n.id, m.id AS message, n.first_char, n.end_char, n.quote, n.body, n.created_at, n.updated_at
         FROM notes n LEFT JOIN messages m ON m.seq = n.message WHERE n.conversation = :conversation ORDER BY n.seq",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":conversation": conversation }, |row| {
                Ok(Note {
                    id: row.get("id")?,
                    message: row.get("message")?,
                    first_char: row.get("first_char")?,
                    end_char: row.get("end_char")?,
                    quote: row.get("quote")?,
                    body: row.get("body")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                })
            })?
            .collect()
    })
    .while_("reading notes")
}

pub fn feedback_of(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<Feedback>, StoreError> {
    tx.prepare_cached(
        "SELECT m.id, f.thumb, f.reasons, f.comment, f.created_at, f.updated_at
         FROM messages m JOIN feedback f ON f.message = m.seq WHERE m.conversation = :conversation ORDER BY m.seq",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":conversation": conversation }, |row| {
                Ok(Feedback {
                    message: row.get("id")?,
                    thumb: row.get("thumb")?,
                    reasons: raw(row, "reasons")?,
                    comment: row.get("comment")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                })
            })?
            .collect()
    })
    .while_("reading ratings")
}

pub fn summaries_of(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<Summary>, StoreError> {
    tx.prepare_cached(
        "SELECT m.id, s.model, s.body, s.created_at FROM summaries s JOIN messages m ON m.seq = s.last_message
         WHERE s.conversation = :conversation ORDER BY s.seq",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":conversation": conversation }, |row| {
                Ok(Summary {
                    last_message: row.get("id")?,
                    model: row.get("model")?,
                    body: row.get("body")?,
                    created_at: row.get("created_at")?,
                })
            })?
            .collect()
    })
    .while_("reading summaries")
}

/// What is being written in a conversation.
pub fn draft(tx: &Transaction<'_>, conversation: i64) -> Result<Option<Draft>, StoreError> {
    tx.prepare_cached(
        "SELECT body, folded, queued, attachments, updated_at FROM drafts WHERE conversation = :conversation",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":conversation": conversation }, |row| {
            Ok(Draft {
                body: row.get("body")?,
                folded: raw(row, "folded")?,
                queued: raw(row, "queued")?,
                attachments: raw(row, "attachments")?,
                updated_at: row.get("updated_at")?,
            })
        })
        .optional()
    })
    .while_("reading a draft")
}

/// What is being written in a conversation that does not exist yet.
pub fn new_draft(tx: &Transaction<'_>) -> Result<Option<Draft>, StoreError> {
    draft(tx, 0)
}

/// The keys of the branch on view, from its beginning: eight bytes for each message, whatever their texts.
pub fn branch_on_view(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<i64>, StoreError> {
    let mut keys: Vec<i64> = tx
        .prepare_cached(
            "WITH RECURSIVE above (seq) AS (
                 SELECT head FROM conversations WHERE seq = :conversation AND head IS NOT NULL
                 UNION ALL
                 SELECT m.parent FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent IS NOT NULL)
             SELECT seq FROM above",
        )
        .and_then(|mut select| {
            select.query_map(named_params! { ":conversation": conversation }, |row| row.get(0))?.collect()
        })
        .while_("following a branch")?;
    keys.reverse();
    Ok(keys)
}
