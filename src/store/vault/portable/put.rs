//! The rows of a conversation that comes in: messages with their files, what is on view, what stands beside them.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{Attached, Incoming, IncomingMessage};
use crate::{
    api::{FaultKind, MessageId, chat::ToolCall},
    store::{
        StoreError, While,
        vault::{
            rows::state_name,
            usage::said_hour,
            weight::{IMAGE, MESSAGE, weigh, weigh_message},
        },
    },
};

/// Has every fork above a message point towards it.
pub(super) fn choose_above(tx: &Transaction<'_>, end: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "WITH RECURSIVE above (seq, child) AS (
             SELECT parent, seq FROM messages WHERE seq = :end AND parent IS NOT NULL
             UNION ALL
             SELECT m.parent, m.seq FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent IS NOT NULL)
         UPDATE messages SET chosen = above.child FROM above
         WHERE messages.seq = above.seq
           AND coalesce(messages.chosen, (SELECT max(c.seq) FROM messages c WHERE c.parent = messages.seq)) != above.child",
    )
    .and_then(|mut update| update.execute(named_params! { ":end": end }))
    .while_("choosing a branch")?;
    Ok(())
}

/// How many of these a conversation counts: those that are not in the trash.
pub(super) fn shown(messages: &[IncomingMessage]) -> i64 {
    i64::try_from(messages.iter().filter(|message| message.pruned.is_none()).count()).unwrap_or(i64::MAX)
}

/// Marks what was in the trash.
pub(super) fn prune(tx: &Transaction<'_>, incoming: &Incoming, rows: &[Option<i64>]) -> Result<(), StoreError> {
    let mut update = tx
        .prepare_cached("UPDATE messages SET pruned_at = :at, pruned_with = :with WHERE seq = :seq")
        .while_("pruning a branch")?;
    for (message, row) in incoming.messages.iter().zip(rows) {
        let Some((at, with)) = message.pruned else { continue };
        if let (Some(seq), Some(with)) = (row, rows.get(with).copied().flatten()) {
            update.execute(named_params! { ":seq": seq, ":at": at, ":with": with }).while_("pruning a branch")?;
        }
    }
    Ok(())
}

/// Sets which child is on view, for those of these rows that are there.
pub(super) fn choose(tx: &Transaction<'_>, incoming: &Incoming, rows: &[Option<i64>]) -> Result<(), StoreError> {
    let mut update =
        tx.prepare_cached("UPDATE messages SET chosen = :chosen WHERE seq = :seq").while_("choosing a branch")?;
    for (message, row) in incoming.messages.iter().zip(rows) {
        let chosen = message.chosen.and_then(|chosen| rows.get(chosen).copied().flatten());
        if let (Some(seq), Some(chosen)) = (row, chosen) {
            update.execute(named_params! { ":seq": seq, ":chosen": chosen }).while_("choosing a branch")?;
        }
    }
    Ok(())
}

pub(super) fn set_head(tx: &Transaction<'_>, conversation: i64, head: Option<i64>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE conversations SET head = :head WHERE seq = :conversation")
        .and_then(|mut update| update.execute(named_params! { ":head": head, ":conversation": conversation }))
        .while_("moving the head of a conversation")?;
    Ok(())
}

pub(super) fn insert(
    tx: &Transaction<'_>,
    conversation: i64,
    parent: Option<i64>,
    message: &IncomingMessage,
) -> Result<i64, StoreError> {
    let (documents, weight) = attached(tx, message)?;
    let figures = &message.figures;
    // What a hostile file would have as a tool call makes none.
    let tool_calls = message.tool_calls.as_deref().filter(|text| serde_json::from_str::<Vec<ToolCall>>(text).is_ok());
    let error_kind = message.error_kind.as_deref().filter(|text| serde_json::from_str::<FaultKind>(text).is_ok());
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO messages
                 (id, conversation, parent, role, state, excluded, pinned, weight, model, request_weight,
                  request_window, first_token_ms, total_ms, load_ms, prompt_tokens, prompt_ms, answer_tokens,
                  answer_ms, thinking_ms, created_at, said_hour, ended_at, error, error_kind, tool_calls, content, thinking)
             VALUES (:id, :conversation, :parent, :role, :state, :excluded, :pinned, :weight, :model, :request_weight,
                  :request_window, :first_token_ms, :total_ms, :load_ms, :prompt_tokens, :prompt_ms, :answer_tokens,
                  :answer_ms, :thinking_ms, :created, :said_hour, :ended, :error, :error_kind, :tool_calls, :content, :thinking)
             ON CONFLICT (id) DO NOTHING",
        )
        .while_("taking in a message")?;
    let mut put = |id: Uuid| {
        statement
            .execute(named_params! {
                ":id": id,
                ":conversation": conversation,
                ":parent": parent,
                ":role": message.role.as_str(),
                ":state": state_name(message.state),
                ":excluded": message.excluded,
                ":pinned": message.pinned,
                ":weight": weight,
                ":model": message.model,
                ":request_weight": figures.request_weight,
                ":request_window": figures.request_window,
                ":first_token_ms": figures.first_token_ms,
                ":total_ms": figures.total_ms,
                ":load_ms": figures.load_ms,
                ":prompt_tokens": figures.prompt_tokens,
                ":prompt_ms": figures.prompt_ms,
                ":answer_tokens": figures.answer_tokens,
                ":answer_ms": figures.answer_ms,
                ":thinking_ms": figures.thinking_ms,
                ":created": message.created_at,
                ":said_hour": said_hour(message.created_at),
                ":ended": message.ended_at,
                ":error": message.error,
                ":error_kind": error_kind,
                ":tool_calls": tool_calls,
                ":content": message.content,
                ":thinking": message.thinking,
            })
            .while_("taking in a message")
    };
    if put(message.id)? == 0 {
        // The id is another message's here: a copy of a conversation, or somebody who made it up.
        put(MessageId::new().0)?;
    }
    let seq = tx.last_insert_rowid();
    for (place, (document, name)) in documents.into_iter().enumerate() {
        tx.prepare_cached(
            "INSERT INTO attachments (message, place, document, name) VALUES (:message, :place, :document, :name)",
        )
        .and_then(|mut insert| {
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            insert.execute(named_params! { ":message": seq, ":place": place, ":document": document, ":name": name })
        })
        .while_("taking in an attachment")?;
    }
    Ok(seq)
}

/// A stored file under the name that a message has for it.
type Stored<'a> = (i64, &'a str);

/// The stored files of a message, and its share of a request.
fn attached<'a>(tx: &Transaction<'_>, message: &'a IncomingMessage) -> Result<(Vec<Stored<'a>>, u32), StoreError> {
    let mut documents = Vec::with_capacity(message.attachments.len());
    let mut weight = 0_u32;
    for Attached { sha256, name } in &message.attachments {
        let found: Option<(i64, String)> = tx
            .prepare_cached("SELECT seq, kind FROM documents WHERE sha256 = :sha256")
            .and_then(|mut find| {
                find.query_row(named_params! { ":sha256": hex::decode(sha256).ok() }, |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
            })
            .while_("looking for a stored file")?;
        let Some((seq, kind)) = found else { continue };
        documents.push((seq, name.as_str()));
        weight = weight.saturating_add(if kind == "image" { IMAGE } else { text_weight(tx, seq, name)? });
    }
    let own =
        if weight > 0 { weigh(&message.content).saturating_add(MESSAGE) } else { weigh_message(&message.content) };
    Ok((documents, own.saturating_add(weight)))
}

/// As a block with the file's name, which is how a model gets it.
fn text_weight(tx: &Transaction<'_>, document: i64, name: &str) -> Result<u32, StoreError> {
    const FENCES: u32 = 8;
    let body: Vec<u8> = tx
        .prepare_cached("SELECT coalesce(text, body) FROM documents WHERE seq = :document")
        .and_then(|mut find| find.query_row(named_params! { ":document": document }, |row| row.get(0)))
        .while_("weighing a stored file")?;
    let text = String::from_utf8_lossy(&body);
    Ok(weigh(&text).saturating_add(weigh(name)).saturating_add(FENCES).saturating_add(MESSAGE))
}

/// What stands beside messages, for those of these rows that are there.
pub(super) fn beside(
    tx: &Transaction<'_>,
    incoming: &Incoming,
    conversation: i64,
    rows: &[Option<i64>],
) -> Result<(), StoreError> {
    let has_any = !(incoming.notes.is_empty() && incoming.feedback.is_empty() && incoming.summaries.is_empty());
    if !has_any {
        return Ok(());
    }
    let by_id: HashMap<Uuid, i64> =
        incoming.messages.iter().zip(rows).filter_map(|(message, row)| Some((message.id, (*row)?))).collect();
    let whole = rows.iter().all(Option::is_some);
    for note in &incoming.notes {
        let message = match note.message {
            Some(id) => match by_id.get(&id) {
                Some(seq) => Some(*seq),
                None => continue,
            },
            None if whole => None,
            None => continue,
        };
        // A range without its words, or outside of any text, is a note on the whole message.
        let range = match (note.first_char, note.end_char, &note.quote, message) {
            (Some(first), Some(end), Some(_), Some(_)) if 0 <= first && first < end => (Some(first), Some(end)),
            _ => (None, None),
        };
        tx.prepare_cached(
            "INSERT INTO notes (id, conversation, message, first_char, end_char, created_at, updated_at, quote, body)
             VALUES (:id, :conversation, :message, :first, :end, :created, :updated, :quote, :body)
             ON CONFLICT (id) DO NOTHING",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":id": note.id,
                ":conversation": conversation,
                ":message": message,
                ":first": range.0,
                ":end": range.1,
                ":created": note.created_at,
                ":updated": note.updated_at,
                ":quote": note.quote,
                ":body": note.body,
            })
        })
        .while_("taking in a note")?;
    }
    for feedback in incoming.feedback.iter().filter(|feedback| matches!(feedback.thumb, -1 | 1)) {
        let Some(message) = by_id.get(&feedback.message) else { continue };
        tx.prepare_cached(
            "INSERT INTO feedback (message, thumb, reasons, created_at, updated_at, comment)
             VALUES (:message, :thumb, :reasons, :created, :updated, :comment) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":message": message,
                ":thumb": feedback.thumb,
                ":reasons": feedback.reasons.get(),
                ":created": feedback.created_at,
                ":updated": feedback.updated_at,
                ":comment": feedback.comment,
            })
        })
        .while_("taking in a rating")?;
    }
    for summary in &incoming.summaries {
        let Some(message) = by_id.get(&summary.last_message) else { continue };
        tx.prepare_cached(
            "INSERT INTO summaries (conversation, last_message, model, created_at, body)
             VALUES (:conversation, :message, :model, :created, :body)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":conversation": conversation,
                ":message": message,
                ":model": summary.model,
                ":created": summary.created_at,
                ":body": summary.body,
            })
        })
        .while_("taking in a summary")?;
    }
    Ok(())
}
