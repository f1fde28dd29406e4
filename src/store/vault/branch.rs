//! How messages hang together: each knows its parent, a conversation knows the end of the branch on view, and a fork
//! remembers which child was last on view below it.
//!
//! Architecture invariant: a branch is always read from its end upwards and never further than asked, so that a
//! conversation of any length opens in the time its newest page takes.

use rusqlite::{Transaction, named_params};

use super::{
    conversations,
    fold::filter_key,
    messages::{Raw, head, place},
    rows::message_seq,
};
use crate::{
    api::{
        ConversationId, MessageId,
        chat::{Draft, MessagePage, PastPrompt},
        organise::Conversation,
    },
    store::{StoreError, While},
};

/// How many prompts a search of the history looks at, newest first.
const HISTORY_DEPTH: u32 = 20_000;

/// Everything that opening a conversation shows, in one read.
pub fn open(
    tx: &Transaction<'_>,
    id: ConversationId,
    limit: u32,
) -> Result<(Conversation, MessagePage, Draft), StoreError> {
    let conversation = conversations::get(tx, id)?;
    let (_, head) = head(tx, id)?;
    let page = page(tx, head, limit)?;
    Ok((conversation, page, conversations::draft(tx, Some(id))?))
}

/// The newest messages of the branch on view.
pub fn newest(tx: &Transaction<'_>, id: ConversationId, limit: u32) -> Result<MessagePage, StoreError> {
    page(tx, head(tx, id)?.1, limit)
}

/// The messages above this one, newest of them last.
pub fn older(
    tx: &Transaction<'_>,
    conversation: ConversationId,
    before: MessageId,
    limit: u32,
) -> Result<MessagePage, StoreError> {
    Ok(MessagePage { has_newer: true, ..page(tx, place(tx, conversation, before)?.parent, limit)? })
}

/// The messages below this one on the branch on view, oldest of them first.
pub fn newer(
    tx: &Transaction<'_>,
    conversation: ConversationId,
    after: MessageId,
    limit: u32,
) -> Result<MessagePage, StoreError> {
    let after = place(tx, conversation, after)?.seq;
    let mut page = descend(tx, after, limit.saturating_add(1))?;
    page.messages.remove(0);
    Ok(page)
}

/// The first messages of the branch on view. Only keys are read on the way up, so its length hardly counts.
pub fn oldest(tx: &Transaction<'_>, id: ConversationId, limit: u32) -> Result<MessagePage, StoreError> {
    let Some(head) = head(tx, id)?.1 else { return Ok(MessagePage::default()) };
    let root: i64 = tx
        .prepare_cached(
            "WITH RECURSIVE above (seq) AS (
                 SELECT :head
                 UNION ALL
                 SELECT m.parent FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent IS NOT NULL)
             SELECT min(seq) FROM above",
        )
        .and_then(|mut find| find.query_row(named_params! { ":head": head }, |row| row.get(0)))
        .while_("finding the beginning of a branch")?;
    Ok(MessagePage { has_older: false, ..descend(tx, root, limit)? })
}

/// From this message down the branch on view, itself included.
fn descend(tx: &Transaction<'_>, from: i64, limit: u32) -> Result<MessagePage, StoreError> {
    let mut below = tx
        .prepare_cached(concat!(
            "WITH RECURSIVE branch (seq, step) AS (
                 SELECT :from, 0
                 UNION ALL
                 SELECT coalesce(m.chosen, (SELECT max(c.seq) FROM messages c WHERE c.parent = m.seq AND c.pruned_at IS NULL)), b.step + 1
                 FROM branch b JOIN messages m ON m.seq = b.seq
                 WHERE b.step < :limit AND EXISTS (SELECT 1 FROM messages c WHERE c.parent = m.seq AND c.pruned_at IS NULL)) ",
            super::message_columns!(),
            " FROM branch b JOIN messages m ON m.seq = b.seq LEFT JOIN messages p ON p.seq = m.parent ORDER BY b.step"
        ))
        .while_("reading messages")?;
    let raw: Vec<Raw> = below
        .query_map(named_params! { ":from": from, ":limit": limit }, Raw::read)
        .and_then(Iterator::collect)
        .while_("reading messages")?;
    let has_newer = raw.len() > limit as usize;
    let messages = raw.into_iter().take(limit as usize).map(|raw| raw.complete(tx)).collect::<Result<_, _>>()?;
    Ok(MessagePage { messages, has_older: true, has_newer })
}

fn page(tx: &Transaction<'_>, end: Option<i64>, limit: u32) -> Result<MessagePage, StoreError> {
    let mut climb = tx
        .prepare_cached(concat!(
            "WITH RECURSIVE branch (seq, step) AS (
                 SELECT :end, 0
                 UNION ALL
                 SELECT m.parent, b.step + 1 FROM branch b JOIN messages m ON m.seq = b.seq
                 WHERE m.parent IS NOT NULL AND b.step < :limit) ",
            super::message_columns!(),
            " FROM branch b JOIN messages m ON m.seq = b.seq LEFT JOIN messages p ON p.seq = m.parent ORDER BY b.step"
        ))
        .while_("reading messages")?;
    // One more than asked tells whether older ones are there.
    let raw: Vec<Raw> = climb
        .query_map(named_params! { ":end": end, ":limit": limit }, Raw::read)
        .and_then(Iterator::collect)
        .while_("reading messages")?;
    let has_older = raw.len() > limit as usize;
    let mut messages: Vec<_> =
        raw.into_iter().take(limit as usize).map(|raw| raw.complete(tx)).collect::<Result<_, _>>()?;
    messages.reverse();
    Ok(MessagePage { messages, has_older, has_newer: false })
}

/// Puts the branch through this message on view: above it as it hangs, below it as it was last seen.
pub fn show(tx: &Transaction<'_>, conversation: ConversationId, through: MessageId) -> Result<(), StoreError> {
    let through = place(tx, conversation, through)?;
    // Only forks that point elsewhere are written to.
    tx.prepare_cached(
        "WITH RECURSIVE above (seq, child) AS (
             SELECT :parent, :through
             UNION ALL
             SELECT m.parent, m.seq FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent IS NOT NULL)
         UPDATE messages SET chosen = above.child FROM above
         WHERE messages.seq = above.seq
           AND coalesce(messages.chosen, (SELECT max(c.seq) FROM messages c WHERE c.parent = messages.seq AND c.pruned_at IS NULL)) != above.child",
    )
    .and_then(|mut update| {
        update.execute(named_params! { ":parent": through.parent, ":through": through.seq })
    })
    .while_("choosing a branch")?;
    let end: i64 = tx
        .prepare_cached(
            "WITH RECURSIVE below (seq, step) AS (
                 SELECT :through, 0
                 UNION ALL
                 SELECT coalesce(m.chosen, (SELECT max(c.seq) FROM messages c WHERE c.parent = m.seq AND c.pruned_at IS NULL)), b.step + 1
                 FROM below b JOIN messages m ON m.seq = b.seq
                 WHERE EXISTS (SELECT 1 FROM messages c WHERE c.parent = m.seq AND c.pruned_at IS NULL))
             SELECT seq FROM below ORDER BY step DESC LIMIT 1",
        )
        .and_then(|mut find| find.query_row(named_params! { ":through": through.seq }, |row| row.get(0)))
        .while_("finding the end of a branch")?;
    tx.prepare_cached("UPDATE conversations SET head = :head WHERE seq = :conversation")
        .and_then(|mut update| update.execute(named_params! { ":head": end, ":conversation": through.conversation }))
        .while_("moving the head of a conversation")?;
    Ok(())
}

/// Whether this message is on the branch on view. Only keys are read, and none above it: a parent comes before its child.
pub fn is_on_view(tx: &Transaction<'_>, conversation: ConversationId, message: MessageId) -> Result<bool, StoreError> {
    let wanted = place(tx, conversation, message)?.seq;
    let Some(head) = head(tx, conversation)?.1 else { return Ok(false) };
    tx.prepare_cached(
        "WITH RECURSIVE above (seq) AS (
             SELECT :head
             UNION ALL
             SELECT m.parent FROM above a JOIN messages m ON m.seq = a.seq WHERE m.parent >= :wanted)
         SELECT EXISTS (SELECT 1 FROM above WHERE seq = :wanted)",
    )
    .and_then(|mut find| find.query_row(named_params! { ":head": head, ":wanted": wanted }, |row| row.get(0)))
    .while_("looking for a message on the branch on view")
}

/// A message of the branch on view with as many above it as below, `limit` in all.
pub fn around(
    tx: &Transaction<'_>,
    conversation: ConversationId,
    message: MessageId,
    limit: u32,
) -> Result<MessagePage, StoreError> {
    let seq = place(tx, conversation, message)?.seq;
    let above = page(tx, Some(seq), (limit / 2).max(1))?;
    let below = newer(tx, conversation, message, limit / 2)?;
    let mut messages = above.messages;
    messages.extend(below.messages);
    Ok(MessagePage { messages, has_older: above.has_older, has_newer: below.has_newer })
}

/// The sibling so many places further, going round.
pub fn sibling(
    tx: &Transaction<'_>,
    conversation: ConversationId,
    message: MessageId,
    step: i32,
) -> Result<MessageId, StoreError> {
    let here = place(tx, conversation, message)?;
    let siblings: Vec<MessageId> = tx
        .prepare_cached("SELECT id FROM messages WHERE parent IS :parent AND conversation = :conversation AND pruned_at IS NULL ORDER BY seq")
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":parent": here.parent, ":conversation": here.conversation }, |row| {
                    row.get(0).map(MessageId)
                })?
                .collect()
        })
        .while_("listing siblings")?;
    let at = siblings.iter().position(|sibling| *sibling == message).unwrap_or_default();
    let there = (i64::try_from(at).unwrap_or_default() + i64::from(step))
        .rem_euclid(i64::try_from(siblings.len().max(1)).unwrap_or(1));
    siblings.get(usize::try_from(there).unwrap_or_default()).copied().ok_or(StoreError::NotFound("message"))
}

/// Own prompts that contain `text`, newest first, each text once.
pub fn past_prompts(tx: &Transaction<'_>, text: &str, limit: u32) -> Result<Vec<PastPrompt>, StoreError> {
    let wanted = filter_key(text.trim());
    let mut select = tx
        .prepare_cached(
            "SELECT m.id, c.id AS conversation, m.content, m.created_at
             FROM messages m JOIN conversations c ON c.seq = m.conversation
             WHERE m.role = 'user' AND m.content != '' AND m.pruned_at IS NULL ORDER BY m.seq DESC LIMIT :depth",
        )
        .while_("searching the history")?;
    let mut rows = select.query(named_params! { ":depth": HISTORY_DEPTH }).while_("searching the history")?;
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    while found.len() < limit as usize {
        let Some(row) = rows.next().while_("searching the history")? else { break };
        let prompt = (|| {
            Ok::<_, rusqlite::Error>(PastPrompt {
                message: MessageId(row.get("id")?),
                conversation: ConversationId(row.get("conversation")?),
                text: row.get("content")?,
                created_at: row.get("created_at")?,
            })
        })()
        .while_("searching the history")?;
        if (wanted.is_empty() || filter_key(&prompt.text).contains(&wanted)) && seen.insert(prompt.text.clone()) {
            found.push(prompt);
        }
    }
    Ok(found)
}

/// A message's key, if it lies in this conversation.
pub fn seq_of(tx: &Transaction<'_>, conversation: ConversationId, message: MessageId) -> Result<i64, StoreError> {
    message_seq(tx, head(tx, conversation)?.0, message)
}
