//! What the vault's statements share: ids and enums as they are stored.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::{
        ConversationId, FolderId, MessageId, PresetId, chat::MessageRole, chat::MessageState, organise::TitleOrigin,
    },
    store::{StoreError, While},
};

pub(super) fn folder_seq(tx: &Transaction<'_>, id: FolderId) -> Result<i64, StoreError> {
    tx.prepare_cached("SELECT seq FROM folders WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("finding a folder")?
        .ok_or(StoreError::NotFound("folder"))
}

pub(super) fn preset_seq(tx: &Transaction<'_>, id: PresetId) -> Result<i64, StoreError> {
    tx.prepare_cached("SELECT seq FROM presets WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("finding a preset")?
        .ok_or(StoreError::NotFound("preset"))
}

pub(super) fn conversation_seq(tx: &Transaction<'_>, id: ConversationId) -> Result<i64, StoreError> {
    tx.prepare_cached("SELECT seq FROM conversations WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("finding a conversation")?
        .ok_or(StoreError::NotFound("conversation"))
}

/// A message's key, if it lies in this conversation.
pub(super) fn message_seq(tx: &Transaction<'_>, conversation: i64, id: MessageId) -> Result<i64, StoreError> {
    tx.prepare_cached("SELECT seq FROM messages WHERE id = :id AND conversation = :conversation AND pruned_at IS NULL")
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0, ":conversation": conversation }, |row| row.get(0)).optional()
        })
        .while_("finding a message")?
        .ok_or(StoreError::NotFound("message"))
}

pub(super) fn message_id(row: &Row<'_>, column: &str) -> Result<Option<MessageId>, rusqlite::Error> {
    Ok(row.get::<_, Option<Uuid>>(column)?.map(MessageId))
}

#[must_use]
pub(in crate::store) fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Streaming => "streaming",
        MessageState::Done => "done",
        MessageState::Length => "length",
        MessageState::Stopped => "stopped",
        MessageState::Interrupted => "interrupted",
        MessageState::Failed => "failed",
    }
}

pub(super) fn state(name: &str) -> Result<MessageState, StoreError> {
    Ok(match name {
        "streaming" => MessageState::Streaming,
        "done" => MessageState::Done,
        "length" => MessageState::Length,
        "stopped" => MessageState::Stopped,
        "interrupted" => MessageState::Interrupted,
        "failed" => MessageState::Failed,
        _ => return Err(StoreError::Nonsense { what: "message state" }),
    })
}

pub(super) fn role(name: &str) -> Result<MessageRole, StoreError> {
    Ok(match name {
        "system" => MessageRole::System,
        "user" => MessageRole::User,
        "assistant" => MessageRole::Assistant,
        "tool" => MessageRole::Tool,
        _ => return Err(StoreError::Nonsense { what: "message role" }),
    })
}

#[must_use]
pub(super) fn title_origin_name(origin: TitleOrigin) -> &'static str {
    match origin {
        TitleOrigin::None => "none",
        TitleOrigin::Prompt => "prompt",
        TitleOrigin::Model => "model",
        TitleOrigin::Manual => "manual",
    }
}

pub(super) fn title_origin(name: &str) -> Result<TitleOrigin, StoreError> {
    Ok(match name {
        "none" => TitleOrigin::None,
        "prompt" => TitleOrigin::Prompt,
        "model" => TitleOrigin::Model,
        "manual" => TitleOrigin::Manual,
        _ => return Err(StoreError::Nonsense { what: "origin of a title" }),
    })
}

/// JSON that this program wrote.
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Nonsense { what })
}

pub(super) fn to_json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Nonsense { what })
}
