//! Tags: words that conversations carry. One is made at its first use and goes with its last.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{fold::name_key, rows::conversation_seq};
use crate::{
    api::{
        ConversationId, TagId,
        organise::{TAGS_MAX, Tag},
    },
    store::{StoreError, While},
};

/// Tags whose name holds `text`, by name, from behind the key `after`. The second value is the key of the last one, where
/// more follow.
pub fn list(
    tx: &Transaction<'_>,
    text: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<Tag>, Option<String>), StoreError> {
    let mut rows: Vec<(Tag, String)> = tx
        .prepare_cached(
            "SELECT t.id, t.name, t.name_key, t.rev, (
                 SELECT count(*) FROM conversation_tags ct JOIN conversations c ON c.seq = ct.conversation
                 WHERE ct.tag = t.seq AND c.trashed_at IS NULL) AS conversations
             FROM tags t WHERE t.name_key > :after AND (:text = '' OR instr(t.name_key, :text))
             ORDER BY t.name_key LIMIT :limit",
        )
        .and_then(|mut select| {
            let named = named_params! {
                ":text": name_key(text.trim()), ":after": after.unwrap_or_default(), ":limit": limit + 1,
            };
            select
                .query_map(named, |row| {
                    let tag = Tag {
                        id: TagId(row.get("id")?),
                        name: row.get("name")?,
                        conversations: row.get("conversations")?,
                        rev: row.get("rev")?,
                    };
                    Ok((tag, row.get("name_key")?))
                })?
                .collect()
        })
        .while_("listing tags")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(_, key)| key.clone());
    Ok((rows.into_iter().map(|(tag, _)| tag).collect(), last))
}

/// Everywhere at once. `name` has been checked; that no other tag has it is checked now.
pub fn rename(tx: &Transaction<'_>, id: TagId, name: &str, seen_rev: Option<u32>) -> Result<(), StoreError> {
    let (seq, rev) = find(tx, id)?;
    if seen_rev.is_some_and(|seen| seen != rev) {
        return Err(StoreError::Conflict("The tag was changed in another window meanwhile.".to_owned()));
    }
    let key = name_key(name);
    if by_key(tx, &key)?.is_some_and(|other| other != seq) {
        return Err(StoreError::Conflict(format!("There is already a tag “{name}”.")));
    }
    tx.prepare_cached("UPDATE tags SET name = :name, name_key = :key, rev = rev + 1 WHERE seq = :seq")
        .and_then(|mut update| update.execute(named_params! { ":seq": seq, ":name": name, ":key": key }))
        .while_("renaming a tag")?;
    touch_carriers(tx, seq)
}

/// No conversation carries it any more. Says how many did.
pub fn delete(tx: &Transaction<'_>, id: TagId) -> Result<u32, StoreError> {
    let (seq, _) = find(tx, id)?;
    touch_carriers(tx, seq)?;
    let carried: u32 = tx
        .prepare_cached("SELECT count(*) FROM conversation_tags WHERE tag = :tag")
        .and_then(|mut count| count.query_row(named_params! { ":tag": seq }, |row| row.get(0)))
        .while_("counting a tag's conversations")?;
    tx.prepare_cached("DELETE FROM tags WHERE seq = :tag")
        .and_then(|mut delete| delete.execute(named_params! { ":tag": seq }))
        .while_("deleting a tag")?;
    Ok(carried)
}

/// The names of a conversation's tags, by name.
pub fn of(tx: &Transaction<'_>, conversation: ConversationId) -> Result<Vec<String>, StoreError> {
    tx.prepare_cached(
        "SELECT t.name FROM conversations c JOIN conversation_tags ct ON ct.conversation = c.seq
         JOIN tags t ON t.seq = ct.tag WHERE c.id = :id ORDER BY t.name_key",
    )
    .and_then(|mut select| select.query_map(named_params! { ":id": conversation.0 }, |row| row.get(0))?.collect())
    .while_("reading a conversation's tags")
}

/// The tag of this name, made if there is none.
pub(super) fn named(tx: &Transaction<'_>, name: &str) -> Result<i64, StoreError> {
    let key = name_key(name);
    if let Some(seq) = by_key(tx, &key)? {
        return Ok(seq);
    }
    tx.prepare_cached("INSERT INTO tags (id, name, name_key) VALUES (:id, :name, :key)")
        .and_then(|mut insert| insert.execute(named_params! { ":id": TagId::new().0, ":name": name, ":key": key }))
        .while_("making a tag")?;
    Ok(tx.last_insert_rowid())
}

/// Those of these names that are tags.
pub(super) fn known(tx: &Transaction<'_>, names: &[String]) -> Result<Vec<i64>, StoreError> {
    let found = names.iter().map(|name| by_key(tx, &name_key(name))).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Says whether anything was changed.
pub(super) fn change(
    tx: &Transaction<'_>,
    conversation: ConversationId,
    added: &[i64],
    removed: &[i64],
) -> Result<bool, StoreError> {
    let conversation = conversation_seq(tx, conversation)?;
    let mut changed = 0;
    for tag in removed.iter().filter(|tag| !added.contains(tag)) {
        changed += tx
            .prepare_cached("DELETE FROM conversation_tags WHERE conversation = :conversation AND tag = :tag")
            .and_then(|mut delete| delete.execute(named_params! { ":conversation": conversation, ":tag": tag }))
            .while_("taking a tag away")?;
    }
    for tag in added {
        changed += tx
            .prepare_cached(
                "INSERT INTO conversation_tags (conversation, tag) VALUES (:conversation, :tag) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut insert| insert.execute(named_params! { ":conversation": conversation, ":tag": tag }))
            .while_("giving a tag")?;
    }
    let carried: u32 = tx
        .prepare_cached("SELECT count(*) FROM conversation_tags WHERE conversation = :conversation")
        .and_then(|mut count| count.query_row(named_params! { ":conversation": conversation }, |row| row.get(0)))
        .while_("counting a conversation's tags")?;
    if carried as usize > TAGS_MAX {
        return Err(StoreError::Invalid(format!("A conversation carries at most {TAGS_MAX} tags.")));
    }
    Ok(changed > 0)
}

/// A tag that nothing carries is no longer one.
pub(super) fn forget_unused<'a>(tx: &Transaction<'_>, tags: impl Iterator<Item = &'a i64>) -> Result<(), StoreError> {
    let mut delete = tx
        .prepare_cached(
            "DELETE FROM tags WHERE seq = :tag AND NOT EXISTS (SELECT 1 FROM conversation_tags WHERE tag = :tag)",
        )
        .while_("forgetting a tag")?;
    for tag in tags {
        delete.execute(named_params! { ":tag": tag }).while_("forgetting a tag")?;
    }
    Ok(())
}

fn find(tx: &Transaction<'_>, id: TagId) -> Result<(i64, u32), StoreError> {
    tx.prepare_cached("SELECT seq, rev FROM tags WHERE id = :id")
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0 }, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .while_("finding a tag")?
        .ok_or(StoreError::NotFound("tag"))
}

fn by_key(tx: &Transaction<'_>, key: &str) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached("SELECT seq FROM tags WHERE name_key = :key")
        .and_then(|mut find| find.query_row(named_params! { ":key": key }, |row| row.get(0)).optional())
        .while_("finding a tag by its name")
}

/// Their tags are part of what a window shows of them: a change that saw others must be refused.
fn touch_carriers(tx: &Transaction<'_>, tag: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE conversations SET rev = rev + 1
         WHERE seq IN (SELECT conversation FROM conversation_tags WHERE tag = :tag)",
    )
    .and_then(|mut update| update.execute(named_params! { ":tag": tag }))
    .while_("noting a change to a tag")?;
    Ok(())
}
