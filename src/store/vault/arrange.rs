//! Where conversations lie: moving, pinning, archiving, the trash and back, names; many at once, and taking it back.
//!
//! Every change gives the standing of those that it really changed, with the revision that it left. Taking it back looks
//! at that revision and leaves alone what was changed since.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{
    conversations::stamp,
    fold::filter_key,
    folders,
    rows::{folder_seq, title_origin, title_origin_name},
    tags,
};
use crate::{
    api::{
        ConversationId, FolderId,
        organise::{Standing, TakenBack, Undo},
    },
    store::{StoreError, While},
};

/// Into this folder, or into none. Also what is in the trash: it comes back to there.
pub fn move_to(
    tx: &Transaction<'_>,
    ids: &[ConversationId],
    folder: Option<FolderId>,
    now: i64,
) -> Result<Undo, StoreError> {
    let seq = folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    each(tx, ids, |before| {
        if before.folder == folder {
            return Ok(false);
        }
        tx.prepare_cached("UPDATE conversations SET folder = :folder, rev = rev + 1, updated_at = :now WHERE id = :id")
            .and_then(|mut update| update.execute(named_params! { ":id": before.id.0, ":folder": seq, ":now": now }))
            .while_("moving a conversation")?;
        Ok(true)
    })
}

pub fn pin(tx: &Transaction<'_>, ids: &[ConversationId], pinned: bool, now: i64) -> Result<Undo, StoreError> {
    each(tx, ids, |before| {
        if before.pinned == pinned {
            return Ok(false);
        }
        tx.prepare_cached("UPDATE conversations SET pinned = :pinned, rev = rev + 1, updated_at = :now WHERE id = :id")
            .and_then(|mut update| update.execute(named_params! { ":id": before.id.0, ":pinned": pinned, ":now": now }))
            .while_("pinning a conversation")?;
        Ok(true)
    })
}

/// Into the archive, or out of it. What is in the trash stays there and is refused.
pub fn archive(tx: &Transaction<'_>, ids: &[ConversationId], archived: bool, now: i64) -> Result<Undo, StoreError> {
    let at = archived.then(|| stamp(tx, now)).transpose()?;
    each(tx, ids, |before| {
        if before.trashed_at.is_some() {
            return Err(StoreError::Conflict("What is in the trash cannot be archived; restore it first.".to_owned()));
        }
        if before.archived_at.is_some() == archived {
            return Ok(false);
        }
        tx.prepare_cached(
            "UPDATE conversations SET archived_at = :at, rev = rev + 1, updated_at = :now WHERE id = :id",
        )
        .and_then(|mut update| update.execute(named_params! { ":id": before.id.0, ":at": at, ":now": now }))
        .while_("archiving a conversation")?;
        Ok(true)
    })
}

/// Into the trash; the folder stays noted, to come back to.
pub fn trash(tx: &Transaction<'_>, ids: &[ConversationId], now: i64) -> Result<Undo, StoreError> {
    let at = stamp(tx, now)?;
    each(tx, ids, |before| set_trashed(tx, before, Some(at), now))
}

/// Out of the trash, into the folder it was in, or the nearest above it that is still there.
pub fn restore(tx: &Transaction<'_>, ids: &[ConversationId], now: i64) -> Result<Undo, StoreError> {
    each(tx, ids, |before| set_trashed(tx, before, None, now))
}

fn set_trashed(tx: &Transaction<'_>, before: &Standing, at: Option<i64>, now: i64) -> Result<bool, StoreError> {
    if before.trashed_at.is_some() == at.is_some() {
        return Ok(false);
    }
    tx.prepare_cached("UPDATE conversations SET trashed_at = :at, rev = rev + 1, updated_at = :now WHERE id = :id")
        .and_then(|mut update| update.execute(named_params! { ":id": before.id.0, ":at": at, ":now": now }))
        .while_("moving a conversation to or from the trash")?;
    Ok(true)
}

/// Gives tags, which are made where they are new, and takes others away. The names have been checked.
pub fn tag(
    tx: &Transaction<'_>,
    ids: &[ConversationId],
    add: &[String],
    remove: &[String],
    now: i64,
) -> Result<Undo, StoreError> {
    let added = add.iter().map(|name| tags::named(tx, name)).collect::<Result<Vec<i64>, _>>()?;
    let removed = tags::known(tx, remove)?;
    let changed = each(tx, ids, |before| {
        if !tags::change(tx, before.id, &added, &removed)? {
            return Ok(false);
        }
        bump(tx, before.id, now)?;
        Ok(true)
    })?;
    tags::forget_unused(tx, removed.iter().chain(&added))?;
    Ok(changed)
}

/// A title by a person, which no generated one overwrites.
pub fn rename(
    tx: &Transaction<'_>,
    id: ConversationId,
    title: &str,
    seen_rev: Option<u32>,
    now: i64,
) -> Result<Undo, StoreError> {
    let before = standing(tx, id)?;
    if seen_rev.is_some_and(|seen| seen != before.rev) {
        return Err(StoreError::Conflict("The conversation was changed in another window meanwhile.".to_owned()));
    }
    tx.prepare_cached(
        "UPDATE conversations SET title = :title, title_key = :key, title_origin = 'manual', rev = rev + 1,
             updated_at = :now WHERE id = :id",
    )
    .and_then(|mut update| {
        update.execute(named_params! { ":id": id.0, ":title": title, ":key": filter_key(title), ":now": now })
    })
    .while_("renaming a conversation")?;
    Ok(Undo { conversations: vec![Standing { rev: before.rev + 1, ..before }], folders: Vec::new() })
}

/// Puts back what `undo` remembers, where nothing was changed since.
pub fn take_back(tx: &Transaction<'_>, undo: &Undo, now: i64) -> Result<TakenBack, StoreError> {
    let mut done = TakenBack::default();
    for before in &undo.folders {
        if folders::put_back(tx, before, now)? {
            done.done += 1;
        } else {
            done.left += 1;
        }
    }
    for before in &undo.conversations {
        if put_back(tx, before, now)? {
            done.done += 1;
        } else {
            done.left += 1;
        }
    }
    Ok(done)
}

fn put_back(tx: &Transaction<'_>, before: &Standing, now: i64) -> Result<bool, StoreError> {
    let current = match standing(tx, before.id) {
        Ok(current) if current.rev == before.rev => current,
        // Changed since, or gone for good.
        Ok(_) | Err(StoreError::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    // A folder that went meanwhile cannot have it back.
    let folder = before.folder.filter(|folder| folder_seq(tx, *folder).is_ok());
    let folder = if folder.is_none() && before.folder.is_some() { current.folder } else { folder };
    let folder = folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    tx.prepare_cached(
        "UPDATE conversations SET folder = :folder, title = :title, title_key = :key, title_origin = :origin,
             pinned = :pinned, archived_at = :archived, trashed_at = :trashed, rev = rev + 1, updated_at = :now
         WHERE id = :id",
    )
    .while_("taking a change back")?
    .execute(named_params! {
        ":id": before.id.0,
        ":folder": folder,
        ":title": before.title,
        ":key": filter_key(&before.title),
        ":origin": title_origin_name(before.title_origin),
        ":pinned": before.pinned,
        ":archived": before.archived_at,
        ":trashed": before.trashed_at,
        ":now": now,
    })
    .while_("taking a change back")?;
    let added: Vec<String> = before.tags.iter().filter(|tag| !current.tags.contains(tag)).cloned().collect();
    let removed: Vec<String> = current.tags.iter().filter(|tag| !before.tags.contains(tag)).cloned().collect();
    let added = added.iter().map(|name| tags::named(tx, name)).collect::<Result<Vec<i64>, _>>()?;
    let removed = tags::known(tx, &removed)?;
    tags::change(tx, before.id, &added, &removed)?;
    tags::forget_unused(tx, removed.iter())?;
    Ok(true)
}

/// Runs `change` for each of these once and gives the standings of those that it changed.
fn each(
    tx: &Transaction<'_>,
    ids: &[ConversationId],
    mut change: impl FnMut(&Standing) -> Result<bool, StoreError>,
) -> Result<Undo, StoreError> {
    let mut seen = HashSet::with_capacity(ids.len());
    let mut changed = Vec::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let before = standing(tx, *id)?;
        if change(&before)? {
            changed.push(Standing { rev: before.rev + 1, ..before });
        }
    }
    Ok(Undo { conversations: changed, folders: Vec::new() })
}

fn bump(tx: &Transaction<'_>, id: ConversationId, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE conversations SET rev = rev + 1, updated_at = :now WHERE id = :id")
        .and_then(|mut update| update.execute(named_params! { ":id": id.0, ":now": now }))
        .while_("noting a change to a conversation")?;
    Ok(())
}

fn standing(tx: &Transaction<'_>, id: ConversationId) -> Result<Standing, StoreError> {
    let (mut standing, origin) = tx
        .prepare_cached(
            "SELECT c.title, c.title_origin, f.id AS folder, c.pinned, c.archived_at, c.trashed_at, c.rev
             FROM conversations c LEFT JOIN folders f ON f.seq = c.folder WHERE c.id = :id",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0 }, |row| {
                let standing = Standing {
                    id,
                    title: row.get("title")?,
                    title_origin: crate::api::organise::TitleOrigin::None,
                    folder: row.get::<_, Option<Uuid>>("folder")?.map(FolderId),
                    pinned: row.get("pinned")?,
                    archived_at: row.get("archived_at")?,
                    trashed_at: row.get("trashed_at")?,
                    tags: Vec::new(),
                    rev: row.get("rev")?,
                };
                Ok((standing, row.get::<_, String>("title_origin")?))
            })
            .optional()
        })
        .while_("reading how a conversation lies")?
        .ok_or(StoreError::NotFound("conversation"))?;
    standing.title_origin = title_origin(&origin)?;
    standing.tags = tags::of(tx, id)?;
    Ok(standing)
}
