//! Messages as rows: adding, filling, ending, and reading one. How they hang together is `branch`'s affair.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::{
    conversations::touch,
    feedback, notes,
    rows::{conversation_seq, json, message_id, role, state, state_name, to_json},
    usage::said_hour,
    weight::{IMAGE, weigh_message},
};
use crate::{
    api::{
        ConversationId, DocumentId, FaultKind, MessageId,
        chat::{Attachment, AttachmentKind, Message, MessageRole, MessageState, Metrics, ToolCall},
    },
    store::{StoreError, While},
};

/// A message about to be written.
#[derive(Debug)]
pub struct NewMessage<'a> {
    pub conversation: i64,
    pub parent: Option<i64>,
    pub role: MessageRole,
    pub state: MessageState,
    pub content: &'a str,
    pub model: Option<&'a str>,
    pub weight: u32,
    /// The row in `leases` of the process that fills it.
    pub lease: Option<i64>,
    pub now: i64,
}

/// What the request for an answer carried, for calibrating the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requested {
    pub weight: u64,
    pub window: Option<u32>,
}

/// How an answer ended, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    pub state: MessageState,
    pub content: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
    pub error: Option<String>,
    pub error_kind: Option<FaultKind>,
    pub metrics: Metrics,
    pub requested: Requested,
}

/// Adds a message below its parent and makes it the end of the branch on view.
pub fn add(tx: &Transaction<'_>, new: &NewMessage<'_>) -> Result<(i64, MessageId), StoreError> {
    let id = MessageId::new();
    tx.prepare_cached(
        "INSERT INTO messages (id, conversation, parent, role, state, weight, lease, model, created_at, said_hour, content)
         VALUES (:id, :conversation, :parent, :role, :state, :weight, :lease, :model, :now, :said_hour, :content)",
    )
    .while_("adding a message")?
    .execute(named_params! {
        ":id": id.0,
        ":conversation": new.conversation,
        ":parent": new.parent,
        ":role": new.role.as_str(),
        ":state": state_name(new.state),
        ":weight": new.weight,
        ":lease": new.lease,
        ":model": new.model,
        ":now": new.now,
        ":said_hour": said_hour(new.now),
        ":content": new.content,
    })
    .while_("adding a message")?;
    let seq = tx.last_insert_rowid();
    // Where nothing was chosen the newest child is on view, and that is this one.
    tx.prepare_cached("UPDATE messages SET chosen = NULL WHERE seq = :parent AND chosen IS NOT NULL")
        .and_then(|mut update| update.execute(named_params! { ":parent": new.parent }))
        .while_("choosing a branch")?;
    tx.prepare_cached("UPDATE conversations SET head = :head, messages = messages + 1 WHERE seq = :conversation")
        .and_then(|mut update| update.execute(named_params! { ":head": seq, ":conversation": new.conversation }))
        .while_("moving the head of a conversation")?;
    touch(tx, new.conversation, new.now)?;
    Ok((seq, id))
}

/// Takes an ended answer up again, to be gone on with by the process of this lease. One that had only been thought
/// about begins anew.
pub fn resume(tx: &Transaction<'_>, message: i64, model: &str, lease: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE messages SET state = 'streaming', lease = :lease, model = :model, error = NULL, error_kind = NULL,
             ended_at = NULL,
             thinking = CASE WHEN content = '' THEN '' ELSE thinking END WHERE seq = :message",
    )
    .and_then(|mut update| update.execute(named_params! { ":message": message, ":lease": lease, ":model": model }))
    .while_("going on with an answer")?;
    Ok(())
}

/// Keeps what has arrived since the last time. Pieces are numbered from 0.
pub fn append(tx: &Transaction<'_>, message: i64, piece: u32, content: &str, thinking: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO message_pieces (message, piece, content, thinking) VALUES (:message, :piece, :content, :thinking)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":message": message, ":piece": piece, ":content": content, ":thinking": thinking,
        })
    })
    .while_("keeping a part of an answer")?;
    Ok(())
}

/// Writes an answer's end and gives the message as it is stored now.
pub fn finish(tx: &Transaction<'_>, message: i64, ending: &Ending, now: i64) -> Result<Message, StoreError> {
    let tool_calls = match ending.tool_calls.as_slice() {
        [] => None,
        calls => Some(to_json(&calls, "tool call")?),
    };
    let metrics = &ending.metrics;
    tx.prepare_cached(
        "UPDATE messages SET state = :state, content = :content, thinking = :thinking, tool_calls = :tool_calls,
             error = :error, error_kind = :error_kind, weight = :weight, lease = NULL, ended_at = :now,
             request_weight = :request_weight, request_window = :request_window,
             first_token_ms = :first_token_ms, total_ms = :total_ms, load_ms = :load_ms,
             prompt_tokens = :prompt_tokens, prompt_ms = :prompt_ms,
             answer_tokens = :answer_tokens, answer_ms = :answer_ms, thinking_ms = :thinking_ms
         WHERE seq = :message",
    )
    .while_("ending an answer")?
    .execute(named_params! {
        ":message": message,
        ":state": state_name(ending.state),
        ":content": ending.content,
        ":thinking": ending.thinking,
        ":tool_calls": tool_calls,
        ":error": ending.error,
        ":error_kind": ending.error_kind.map(|kind| to_json(&kind, "kind of fault")).transpose()?,
        ":weight": weigh_message(&ending.content),
        ":now": now,
        ":request_weight": i64::try_from(ending.requested.weight).unwrap_or(i64::MAX),
        ":request_window": ending.requested.window,
        ":first_token_ms": metrics.first_token_ms,
        ":total_ms": metrics.total_ms,
        ":load_ms": metrics.load_ms,
        ":prompt_tokens": metrics.prompt_tokens,
        ":prompt_ms": metrics.prompt_ms,
        ":answer_tokens": metrics.answer_tokens,
        ":answer_ms": metrics.answer_ms,
        ":thinking_ms": metrics.thinking_ms,
    })
    .while_("ending an answer")?;
    forget_pieces(tx, message)?;
    get(tx, message)
}

/// Ends an answer whose process is gone: what was kept of it is its text.
pub(super) fn interrupt(tx: &Transaction<'_>, message: i64, now: i64) -> Result<(), StoreError> {
    let (content, thinking) = text_so_far(tx, message)?;
    tx.prepare_cached(
        "UPDATE messages SET state = 'interrupted', content = :content, thinking = :thinking, weight = :weight,
             lease = NULL, ended_at = :now WHERE seq = :message AND state = 'streaming'",
    )
    .and_then(|mut update| {
        update.execute(named_params! {
            ":message": message,
            ":content": content,
            ":thinking": thinking,
            ":weight": weigh_message(&content),
            ":now": now,
        })
    })
    .while_("marking an answer as interrupted")?;
    forget_pieces(tx, message)
}

/// Whether an answer is arriving in this conversation, here or elsewhere.
pub fn is_answering(tx: &Transaction<'_>, conversation: i64) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE conversation = :conversation AND state = 'streaming')",
    )
    .and_then(|mut find| find.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)))
    .while_("looking for a running answer")
}

/// What the answers that are on their way hang on, one for each.
pub fn answering(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<Option<i64>>, StoreError> {
    let mut find = tx
        .prepare_cached("SELECT parent FROM messages WHERE conversation = :conversation AND state = 'streaming'")
        .while_("looking for running answers")?;
    let rows = find
        .query_map(named_params! { ":conversation": conversation }, |row| row.get(0))
        .while_("looking for running answers")?;
    rows.collect::<Result<_, _>>().while_("looking for running answers")
}

/// Whether this is the first answer of the conversation that ended well.
pub fn is_first_to_end_well(tx: &Transaction<'_>, conversation: ConversationId) -> Result<bool, StoreError> {
    let conversation = conversation_seq(tx, conversation)?;
    tx.prepare_cached(
        "SELECT count(*) = 1 FROM (SELECT 1 FROM messages
             WHERE conversation = :conversation AND role = 'assistant' AND state IN ('done', 'length') LIMIT 2)",
    )
    .and_then(|mut find| find.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)))
    .while_("looking for answers that ended well")
}

/// One message by its key.
pub fn get(tx: &Transaction<'_>, message: i64) -> Result<Message, StoreError> {
    let raw = tx
        .prepare_cached(concat!(
            super::message_columns!(),
            " FROM messages m LEFT JOIN messages p ON p.seq = m.parent WHERE m.seq = :message"
        ))
        .and_then(|mut find| find.query_row(named_params! { ":message": message }, Raw::read).optional())
        .while_("reading a message")?
        .ok_or(StoreError::NotFound("message"))?;
    raw.complete(tx)
}

/// Where a message hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub seq: i64,
    pub conversation: i64,
    pub parent: Option<i64>,
    pub role: MessageRole,
    pub state: MessageState,
}

pub fn place(tx: &Transaction<'_>, conversation: ConversationId, id: MessageId) -> Result<Place, StoreError> {
    let conversation = conversation_seq(tx, conversation)?;
    let (seq, parent, role_name, state_name): (i64, Option<i64>, String, String) = tx
        .prepare_cached(
            "SELECT seq, parent, role, state FROM messages
             WHERE id = :id AND conversation = :conversation AND pruned_at IS NULL",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0, ":conversation": conversation }, |row| {
                Ok((row.get("seq")?, row.get("parent")?, row.get("role")?, row.get("state")?))
            })
            .optional()
        })
        .while_("finding a message")?
        .ok_or(StoreError::NotFound("message"))?;
    Ok(Place { seq, conversation, parent, role: role(&role_name)?, state: state(&state_name)? })
}

/// The conversation's key and the key of the end of its branch on view.
pub fn head(tx: &Transaction<'_>, conversation: ConversationId) -> Result<(i64, Option<i64>), StoreError> {
    tx.prepare_cached("SELECT seq, head FROM conversations WHERE id = :id")
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": conversation.0 }, |row| Ok((row.get("seq")?, row.get("head")?)))
                .optional()
        })
        .while_("finding the head of a conversation")?
        .ok_or(StoreError::NotFound("conversation"))
}

pub fn mark(
    tx: &Transaction<'_>,
    message: i64,
    excluded: Option<bool>,
    pinned: Option<bool>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE messages SET excluded = coalesce(:excluded, excluded), pinned = coalesce(:pinned, pinned), rev = rev + 1
         WHERE seq = :message",
    )
    .and_then(|mut update| {
        update.execute(named_params! { ":message": message, ":excluded": excluded, ":pinned": pinned })
    })
    .while_("marking a message")?;
    Ok(())
}

/// Content and thinking with the pieces that have arrived since the row was written.
pub(super) fn text_so_far(tx: &Transaction<'_>, message: i64) -> Result<(String, String), StoreError> {
    let (mut content, mut thinking): (String, String) = tx
        .prepare_cached("SELECT content, thinking FROM messages WHERE seq = :message")
        .and_then(|mut find| {
            find.query_row(named_params! { ":message": message }, |row| Ok((row.get("content")?, row.get("thinking")?)))
        })
        .while_("reading an answer")?;
    add_pieces(tx, message, &mut content, &mut thinking)?;
    Ok((content, thinking))
}

fn add_pieces(
    tx: &Transaction<'_>,
    message: i64,
    content: &mut String,
    thinking: &mut String,
) -> Result<(), StoreError> {
    let mut select = tx
        .prepare_cached("SELECT content, thinking FROM message_pieces WHERE message = :message ORDER BY piece")
        .while_("reading the parts of an answer")?;
    let mut rows = select.query(named_params! { ":message": message }).while_("reading the parts of an answer")?;
    while let Some(row) = rows.next().while_("reading the parts of an answer")? {
        content.push_str(row.get_ref(0).and_then(|text| Ok(text.as_str()?)).while_("reading a part of an answer")?);
        thinking.push_str(row.get_ref(1).and_then(|text| Ok(text.as_str()?)).while_("reading a part of an answer")?);
    }
    Ok(())
}

fn forget_pieces(tx: &Transaction<'_>, message: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM message_pieces WHERE message = :message")
        .and_then(|mut delete| delete.execute(named_params! { ":message": message }))
        .while_("folding the parts of an answer")?;
    Ok(())
}

/// A message's row before what lies in other tables is added.
pub(super) struct Raw {
    pub(super) seq: i64,
    role: String,
    state: String,
    tool_calls: Option<String>,
    error_kind: Option<String>,
    has_attachments: bool,
    has_notes: bool,
    has_feedback: bool,
    message: Message,
}

impl Raw {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: row.get("seq")?,
            role: row.get("role")?,
            state: row.get("state")?,
            tool_calls: row.get("tool_calls")?,
            error_kind: row.get("error_kind")?,
            has_attachments: row.get("has_attachments")?,
            has_notes: row.get("has_notes")?,
            has_feedback: row.get("has_feedback")?,
            message: Message {
                id: MessageId(row.get("id")?),
                parent: message_id(row, "parent")?,
                role: MessageRole::User,
                content: row.get("content")?,
                thinking: row.get("thinking")?,
                tool_calls: Vec::new(),
                attachments: Vec::new(),
                notes: Vec::new(),
                feedback: None,
                state: MessageState::Done,
                error: row.get("error")?,
                error_kind: None,
                model: row.get("model")?,
                metrics: Metrics {
                    first_token_ms: row.get("first_token_ms")?,
                    total_ms: row.get("total_ms")?,
                    load_ms: row.get("load_ms")?,
                    prompt_tokens: row.get("prompt_tokens")?,
                    prompt_ms: row.get("prompt_ms")?,
                    answer_tokens: row.get("answer_tokens")?,
                    answer_ms: row.get("answer_ms")?,
                    thinking_ms: row.get("thinking_ms")?,
                },
                excluded: row.get("excluded")?,
                pinned: row.get("pinned")?,
                sibling: row.get("sibling")?,
                siblings: row.get("siblings")?,
                created_at: row.get("created_at")?,
            },
        })
    }

    pub(super) fn complete(self, tx: &Transaction<'_>) -> Result<Message, StoreError> {
        let mut message = self.message;
        message.role = role(&self.role)?;
        message.state = state(&self.state)?;
        if let Some(calls) = self.tool_calls {
            message.tool_calls = json(&calls, "tool call")?;
        }
        if let Some(kind) = self.error_kind {
            message.error_kind = Some(json(&kind, "kind of fault")?);
        }
        if self.has_attachments {
            message.attachments = attachments(tx, self.seq)?;
        }
        if message.state == MessageState::Streaming {
            add_pieces(tx, self.seq, &mut message.content, &mut message.thinking)?;
        }
        if self.has_notes {
            message.notes = notes::marks(tx, self.seq, &message.content)?;
        }
        if self.has_feedback {
            message.feedback = feedback::of(tx, self.seq)?;
        }
        Ok(message)
    }
}

/// The attachments of a message, in the order they were given.
pub fn attachments(tx: &Transaction<'_>, message: i64) -> Result<Vec<Attachment>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT d.id, a.name, d.kind, d.bytes, d.hidden, coalesce(length(d.text), d.bytes) AS said FROM attachments a JOIN documents d ON d.seq = a.document
             WHERE a.message = :message ORDER BY a.place",
        )
        .while_("listing attachments")?;
    select
        .query_map(named_params! { ":message": message }, attachment)
        .and_then(Iterator::collect)
        .while_("listing attachments")
}

/// Of a row with its document's `id`, `kind`, `bytes`, `hidden`, how much of it is `said`, and its `name` there.
pub(super) fn attachment(row: &Row<'_>) -> Result<Attachment, rusqlite::Error> {
    let kind = kind(row.get_ref("kind")?.as_str()?);
    let said = row.get::<_, i64>("said")?.unsigned_abs();
    Ok(Attachment {
        id: DocumentId(row.get::<_, Uuid>("id")?),
        name: row.get("name")?,
        kind,
        bytes: row.get::<_, i64>("bytes")?.unsigned_abs(),
        hidden_characters: row.get("hidden")?,
        tokens: match kind {
            AttachmentKind::Image => IMAGE / 4,
            AttachmentKind::Text | AttachmentKind::Pdf | AttachmentKind::Docx => {
                u32::try_from(said / 4).unwrap_or(u32::MAX)
            }
        },
    })
}

pub(super) fn kind(name: &str) -> AttachmentKind {
    match name {
        "image" => AttachmentKind::Image,
        "pdf" => AttachmentKind::Pdf,
        "docx" => AttachmentKind::Docx,
        _ => AttachmentKind::Text,
    }
}
