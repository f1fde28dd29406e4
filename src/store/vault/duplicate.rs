//! A second conversation like a first: every branch, its files, notes, ratings and summaries, its settings and tags.
//!
//! Not what belongs to the moment: a running answer's lease, what is just being written, the pin, where it was imported
//! from. Vectors are made anew when they are needed.

use std::collections::HashMap;

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use super::{
    conversations::{UNTITLED, stamp},
    fold::filter_key,
    rows::conversation_seq,
};
use crate::{
    api::{ConversationId, MessageId, organise::TITLE_MAX},
    store::{StoreError, While},
};

/// Makes one that begins its own life now. One in the trash is refused.
pub fn duplicate(tx: &Transaction<'_>, id: ConversationId, now: i64) -> Result<ConversationId, StoreError> {
    let from = conversation_seq(tx, id)?;
    let (title, trashed): (String, bool) = tx
        .prepare_cached("SELECT title, trashed_at IS NOT NULL FROM conversations WHERE seq = :from")
        .and_then(|mut find| find.query_row(named_params! { ":from": from }, |row| Ok((row.get(0)?, row.get(1)?))))
        .while_("reading a conversation to copy")?;
    if trashed {
        return Err(StoreError::Conflict("What is in the trash cannot be duplicated; restore it first.".to_owned()));
    }
    let copy = ConversationId::new();
    let title = if title == UNTITLED { title } else { copied_title(&title) };
    // A title that tells the copy from the original is not for a model to overwrite.
    tx.prepare_cached(
        "INSERT INTO conversations
             (id, folder, title, title_key, title_origin, model, options, preset, messages, used, used_at, created_at,
              updated_at, system_prompt)
         SELECT :id, folder, :title, :key, CASE title_origin WHEN 'none' THEN 'none' ELSE 'manual' END, model, options,
                preset, messages, (SELECT max(used) + 1 FROM conversations), :stamp, :now, :now, system_prompt
         FROM conversations WHERE seq = :from",
    )
    .while_("copying a conversation")?
    .execute(named_params! {
        ":id": copy.0, ":title": title, ":key": filter_key(&title), ":stamp": stamp(tx, now)?, ":now": now,
        ":from": from,
    })
    .while_("copying a conversation")?;
    let to = tx.last_insert_rowid();
    let copies = copy_messages(tx, from, to, now)?;
    copy_beside(tx, from, to, &copies)?;
    Ok(copy)
}

/// Parents come before their children in the order of insertion, so one pass finds every parent's copy.
fn copy_messages(tx: &Transaction<'_>, from: i64, to: i64, now: i64) -> Result<HashMap<i64, i64>, StoreError> {
    type Original = (i64, Option<i64>, Option<i64>, Option<i64>);
    let originals: Vec<Original> = tx
        .prepare_cached("SELECT seq, parent, chosen, pruned_with FROM messages WHERE conversation = :from ORDER BY seq")
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":from": from }, |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .while_("reading messages to copy")?;
    let mut insert = tx
        .prepare_cached(
            "INSERT INTO messages
                 (id, conversation, parent, role, state, excluded, pinned, weight, model, request_weight, request_window,
                  first_token_ms, total_ms, load_ms, prompt_tokens, prompt_ms, answer_tokens, answer_ms, thinking_ms, rev,
                  created_at, ended_at, error, error_kind, tool_calls, content, thinking)
             SELECT :id, :to, :parent, role, CASE state WHEN 'streaming' THEN 'interrupted' ELSE state END, excluded,
                  pinned, weight, model, request_weight, request_window, first_token_ms, total_ms, load_ms, prompt_tokens,
                  prompt_ms, answer_tokens, answer_ms, thinking_ms, rev, created_at,
                  CASE state WHEN 'streaming' THEN :now ELSE ended_at END, error, error_kind, tool_calls,
                  content || coalesce((SELECT group_concat(content, '' ORDER BY piece) FROM message_pieces
                      WHERE message = :seq), ''),
                  thinking || coalesce((SELECT group_concat(thinking, '' ORDER BY piece) FROM message_pieces
                      WHERE message = :seq), '')
             FROM messages WHERE seq = :seq",
        )
        .while_("copying a message")?;
    let mut copies: HashMap<i64, i64> = HashMap::with_capacity(originals.len());
    for (seq, parent, ..) in &originals {
        let parent = parent.map(|parent| copies.get(&parent).copied().ok_or_else(lost)).transpose()?;
        insert
            .execute(named_params! {
                ":id": MessageId::new().0, ":to": to, ":parent": parent, ":seq": seq, ":now": now,
            })
            .while_("copying a message")?;
        copies.insert(*seq, tx.last_insert_rowid());
    }
    // A branch in the trash names the message it went with, which may be itself.
    let mut prune = tx
        .prepare_cached(
            "UPDATE messages SET pruned_with = :with, pruned_at = (SELECT pruned_at FROM messages WHERE seq = :original)
             WHERE seq = :copy",
        )
        .while_("copying a branch in the trash")?;
    for (seq, with) in originals.iter().filter_map(|(seq, _, _, with)| Some((seq, (*with)?))) {
        let (copy, with) = (copies.get(seq).ok_or_else(lost)?, copies.get(&with).ok_or_else(lost)?);
        prune
            .execute(named_params! { ":copy": copy, ":with": with, ":original": seq })
            .while_("copying a branch in the trash")?;
    }
    let mut choose = tx
        .prepare_cached("UPDATE messages SET chosen = :chosen WHERE seq = :seq")
        .while_("copying which branch is on view")?;
    for (seq, chosen) in originals.iter().filter_map(|(seq, _, chosen, _)| Some((seq, (*chosen)?))) {
        let (seq, chosen) = (copies.get(seq).ok_or_else(lost)?, copies.get(&chosen).ok_or_else(lost)?);
        choose.execute(named_params! { ":seq": seq, ":chosen": chosen }).while_("copying which branch is on view")?;
    }
    let head: Option<i64> = tx
        .prepare_cached("SELECT head FROM conversations WHERE seq = :from")
        .and_then(|mut find| find.query_row(named_params! { ":from": from }, |row| row.get(0)))
        .while_("copying the end of a branch")?;
    let head = head.map(|head| copies.get(&head).copied().ok_or_else(lost)).transpose()?;
    tx.prepare_cached("UPDATE conversations SET head = :head WHERE seq = :to")
        .and_then(|mut update| update.execute(named_params! { ":head": head, ":to": to }))
        .while_("copying the end of a branch")?;
    Ok(copies)
}

/// What hangs on a conversation and on its messages.
fn copy_beside(tx: &Transaction<'_>, from: i64, to: i64, copies: &HashMap<i64, i64>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO conversation_tags (conversation, tag) SELECT :to, tag FROM conversation_tags WHERE conversation = :from",
    )
    .and_then(|mut insert| insert.execute(named_params! { ":from": from, ":to": to }))
    .while_("copying tags")?;
    let mut attach = tx
        .prepare_cached(
            "INSERT INTO attachments (message, place, document, name)
             SELECT :copy, place, document, name FROM attachments WHERE message = :message",
        )
        .while_("copying attachments")?;
    let mut rate = tx
        .prepare_cached(
            "INSERT INTO feedback (message, thumb, reasons, rev, created_at, updated_at, comment)
             SELECT :copy, thumb, reasons, rev, created_at, updated_at, comment FROM feedback WHERE message = :message",
        )
        .while_("copying ratings")?;
    let mut time = tx
        .prepare_cached(
            "INSERT INTO answer_times
                 (message, request, queue_us, own_us, connect_us, send_us, load_us, prompt_us, first_us, answer_us,
                  network_us)
             SELECT :copy, request, queue_us, own_us, connect_us, send_us, load_us, prompt_us, first_us, answer_us,
                 network_us
             FROM answer_times WHERE message = :message",
        )
        .while_("copying where an answer's time went")?;
    for (message, copy) in copies {
        time.execute(named_params! { ":message": message, ":copy": copy })
            .while_("copying where an answer's time went")?;
        attach.execute(named_params! { ":message": message, ":copy": copy }).while_("copying attachments")?;
        rate.execute(named_params! { ":message": message, ":copy": copy }).while_("copying ratings")?;
    }
    let notes: Vec<(i64, Option<i64>)> = tx
        .prepare_cached("SELECT seq, message FROM notes WHERE conversation = :from ORDER BY seq")
        .and_then(|mut select| {
            select.query_map(named_params! { ":from": from }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("reading notes to copy")?;
    for (note, message) in notes {
        let message = message.map(|message| copies.get(&message).copied().ok_or_else(lost)).transpose()?;
        tx.prepare_cached(
            "INSERT INTO notes
                 (id, conversation, message, first_char, end_char, rev, created_at, updated_at, quote, body)
             SELECT :id, :to, :message, first_char, end_char, rev, created_at, updated_at, quote, body
             FROM notes WHERE seq = :note",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":id": Uuid::now_v7(), ":to": to, ":message": message, ":note": note,
            })
        })
        .while_("copying a note")?;
    }
    let summaries: Vec<(i64, i64)> = tx
        .prepare_cached("SELECT seq, last_message FROM summaries WHERE conversation = :from ORDER BY seq")
        .and_then(|mut select| {
            select.query_map(named_params! { ":from": from }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("reading summaries to copy")?;
    for (summary, last) in summaries {
        let last = copies.get(&last).ok_or_else(lost)?;
        tx.prepare_cached(
            "INSERT INTO summaries (conversation, last_message, model, created_at, body)
             SELECT :to, :last, model, created_at, body FROM summaries WHERE seq = :summary",
        )
        .and_then(|mut insert| insert.execute(named_params! { ":to": to, ":last": last, ":summary": summary }))
        .while_("copying a summary")?;
    }
    Ok(())
}

fn lost() -> StoreError {
    StoreError::Nonsense { what: "place of a message" }
}

/// `Title (copy)`, `Title (copy 2)` …, within the length of a title.
fn copied_title(title: &str) -> String {
    let (base, number) = match title.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (copy")) {
        Some((base, "")) => (base, 2),
        Some((base, count)) => match count.strip_prefix(' ').and_then(|count| count.parse::<u32>().ok()) {
            Some(count) => (base, count.saturating_add(1)),
            None => (title, 1),
        },
        None => (title, 1),
    };
    let suffix = if number == 1 { " (copy)".to_owned() } else { format!(" (copy {number})") };
    let kept: String = base.chars().take(TITLE_MAX - suffix.chars().count()).collect();
    kept + &suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_numbered_and_titles_stay_within_their_length() {
        assert_eq!(copied_title("Rust"), "Rust (copy)");
        assert_eq!(copied_title("Rust (copy)"), "Rust (copy 2)");
        assert_eq!(copied_title("Rust (copy 2)"), "Rust (copy 3)");
        assert_eq!(copied_title("Rust (copying)"), "Rust (copying) (copy)");
        assert_eq!(copied_title(&"ü".repeat(200)).chars().count(), 200);
    }
}
