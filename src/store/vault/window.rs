//! What a context window is chosen from: a branch as weights and marks, without its texts.

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{
    messages::kind,
    rows::{role, state},
};
use crate::{
    api::{
        MessageId,
        chat::{AttachmentKind, MessageRole, MessageState},
    },
    store::{StoreError, While},
};

/// A message as the choice sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub seq: i64,
    pub id: MessageId,
    pub role: MessageRole,
    pub state: MessageState,
    /// Estimated quarter tokens; 0 = nothing to send.
    pub weight: u32,
    pub excluded: bool,
    pub pinned: bool,
    /// What Ollama counted for the request that made it, and what had been estimated for that.
    pub prompt_tokens: Option<u32>,
    pub answer_tokens: Option<u32>,
    pub request_weight: Option<u64>,
    pub request_window: Option<u32>,
    pub thought: bool,
}

/// The newest part of a branch, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Branch {
    pub lines: Vec<Line>,
    /// Nothing lies above the last line but what is not sent.
    pub whole: bool,
}

/// A message as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub role: MessageRole,
    pub content: String,
    pub documents: Vec<Document>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub name: String,
    pub kind: AttachmentKind,
    /// Of a document that is not itself text: what was taken out of it.
    pub body: Vec<u8>,
}

/// Climbs from `end` until messages of more than `enough` quarter tokens are seen; above that only pinned ones count.
/// Counts are those of `model`: another one cuts the same text into other tokens.
pub fn branch(
    tx: &Transaction<'_>,
    conversation: i64,
    end: Option<i64>,
    enough: u64,
    model: Option<&str>,
) -> Result<Branch, StoreError> {
    let mut read = tx
        .prepare_cached(
            "SELECT seq, id, role, state, weight, excluded, pinned, prompt_tokens, answer_tokens, request_weight,
                    request_window, thinking_ms IS NOT NULL AS thought, parent, model IS :model AS own_count
             FROM messages WHERE seq = :seq",
        )
        .while_("reading a branch")?;
    let mut lines = Vec::new();
    let mut seen = 0_u64;
    let mut next = end;
    while let Some(seq) = next {
        if seen > enough {
            break;
        }
        let (line, parent) = read
            .query_row(named_params! { ":seq": seq, ":model": model }, |row| {
                let own_count: bool = row.get("own_count")?;
                let line = Line {
                    seq: row.get("seq")?,
                    id: MessageId(row.get::<_, Uuid>("id")?),
                    role: MessageRole::User,
                    state: MessageState::Done,
                    weight: row.get("weight")?,
                    excluded: row.get("excluded")?,
                    pinned: row.get("pinned")?,
                    prompt_tokens: row.get::<_, Option<u32>>("prompt_tokens")?.filter(|_| own_count),
                    answer_tokens: row.get::<_, Option<u32>>("answer_tokens")?.filter(|_| own_count),
                    request_weight: row.get::<_, Option<i64>>("request_weight")?.map(i64::unsigned_abs),
                    request_window: row.get("request_window")?,
                    thought: row.get("thought")?,
                };
                Ok(((line, row.get::<_, String>("role")?, row.get::<_, String>("state")?), row.get("parent")?))
            })
            .while_("reading a branch")?;
        let (mut line, role_name, state_name) = line;
        line.role = role(&role_name)?;
        line.state = state(&state_name)?;
        next = parent;
        if !line.excluded {
            seen += u64::from(line.weight);
        }
        lines.push(line);
    }
    let whole = next.is_none();
    if let Some(seq) = next {
        add_pinned(tx, conversation, seq, &mut lines)?;
    }
    Ok(Branch { lines, whole })
}

/// Pinned messages from here upwards. Without any in the conversation, which is usual, nothing is climbed.
fn add_pinned(tx: &Transaction<'_>, conversation: i64, from: i64, lines: &mut Vec<Line>) -> Result<(), StoreError> {
    let oldest: Option<i64> = tx
        .prepare_cached(
            "SELECT min(seq) FROM messages WHERE conversation = :conversation AND pinned = 1 AND seq <= :from",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":conversation": conversation, ":from": from }, |row| row.get(0))
        })
        .while_("looking for pinned messages")?;
    let Some(oldest) = oldest else { return Ok(()) };
    let pinned: Vec<(i64, Uuid, String, u32)> = tx
        .prepare_cached(
            "WITH RECURSIVE above (seq) AS (
                 SELECT :from
                 UNION ALL
                 SELECT m.parent FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent >= :oldest)
             SELECT m.seq, m.id, m.role, m.weight FROM above a JOIN messages m ON m.seq = a.seq
             WHERE m.pinned = 1 AND m.excluded = 0 ORDER BY m.seq DESC",
        )
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":from": from, ":oldest": oldest }, |row| {
                    Ok((row.get("seq")?, row.get("id")?, row.get("role")?, row.get("weight")?))
                })?
                .collect()
        })
        .while_("reading pinned messages")?;
    for (seq, id, role_name, weight) in pinned {
        lines.push(Line {
            seq,
            id: MessageId(id),
            role: role(&role_name)?,
            state: MessageState::Done,
            weight,
            excluded: false,
            pinned: true,
            prompt_tokens: None,
            answer_tokens: None,
            request_weight: None,
            request_window: None,
            thought: false,
        });
    }
    Ok(())
}

/// The texts and documents of these messages, in the order asked.
pub fn bodies(tx: &Transaction<'_>, seqs: &[i64]) -> Result<Vec<Body>, StoreError> {
    let mut read =
        tx.prepare_cached("SELECT role, content FROM messages WHERE seq = :seq").while_("reading messages to send")?;
    let mut documents = tx
        .prepare_cached(
            "SELECT a.name, d.kind, coalesce(d.text, d.body) AS body FROM attachments a JOIN documents d ON d.seq = a.document
             WHERE a.message = :seq ORDER BY a.place",
        )
        .while_("reading attachments to send")?;
    seqs.iter()
        .map(|seq| {
            let (name, content): (String, String) = read
                .query_row(named_params! { ":seq": seq }, |row| Ok((row.get("role")?, row.get("content")?)))
                .while_("reading a message to send")?;
            let documents = documents
                .query_map(named_params! { ":seq": seq }, |row| {
                    Ok(Document {
                        name: row.get("name")?,
                        kind: kind(row.get_ref("kind")?.as_str()?),
                        body: row.get("body")?,
                    })
                })
                .and_then(Iterator::collect)
                .while_("reading attachments to send")?;
            Ok(Body { role: role(&name)?, content, documents })
        })
        .collect()
}

/// What Ollama counted for a request, beside what had been estimated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub weight: u64,
    pub tokens: u32,
    pub window: Option<u32>,
    /// The server refused the request for its length, with these figures.
    pub refused: bool,
}

/// The newest counts of this model in this conversation; those of refusals only if asked for.
pub fn counted(
    tx: &Transaction<'_>,
    conversation: i64,
    model: Option<&str>,
    refusals: bool,
) -> Result<Option<Counted>, StoreError> {
    tx.prepare_cached(
        "SELECT request_weight, prompt_tokens, request_window, answer_tokens IS NULL AS refused FROM messages
         WHERE conversation = :conversation AND prompt_tokens > 0 AND request_weight > 0
           AND model IS :model AND (:refusals OR answer_tokens IS NOT NULL) ORDER BY seq DESC LIMIT 1",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":conversation": conversation, ":model": model, ":refusals": refusals }, |row| {
            Ok(Counted {
                weight: row.get::<_, i64>("request_weight")?.unsigned_abs(),
                tokens: row.get("prompt_tokens")?,
                window: row.get("request_window")?,
                refused: row.get("refused")?,
            })
        })
        .optional()
    })
    .while_("reading the last counts")
}

/// One message's share of a request.
pub fn weight_of(tx: &Transaction<'_>, message: i64) -> Result<u32, StoreError> {
    tx.prepare_cached("SELECT weight FROM messages WHERE seq = :message")
        .and_then(|mut find| find.query_row(named_params! { ":message": message }, |row| row.get(0)))
        .while_("reading a message's weight")
}
