//! Folders: the tree's skeleton. Every walk is a loop or one statement; a chain of a thousand folders is nothing special.

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{
    conversations::stamp,
    fold::name_key,
    rows::{folder_seq, preset_seq},
    settings::{self, PREFERENCES},
};
use crate::{
    api::{
        ConversationId, FolderId, PresetId,
        organise::{Counts, FOLDER_MAX, Folder, FolderContent, FolderStanding, Tree, Undo},
        profile::Preferences,
    },
    store::{StoreError, While},
};

/// All folders with what lies directly in them, by name, and the counts of the fixed shelves.
pub fn tree(tx: &Transaction<'_>) -> Result<Tree, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT f.id, p.id AS parent, f.name, f.rev, s.id AS preset,
                 (SELECT coalesce(sum(amount), 0) FROM conversation_counts WHERE folder = f.seq AND place = 'here')
                     AS conversations
             FROM folders f LEFT JOIN folders p ON p.seq = f.parent LEFT JOIN presets s ON s.seq = f.preset
             ORDER BY f.name_key, f.seq",
        )
        .while_("listing folders")?;
    let folders = select
        .query_map([], |row| {
            Ok(Folder {
                id: FolderId(row.get("id")?),
                parent: row.get::<_, Option<Uuid>>("parent")?.map(FolderId),
                name: row.get("name")?,
                conversations: row.get("conversations")?,
                preset: row.get::<_, Option<Uuid>>("preset")?.map(PresetId),
                rev: row.get("rev")?,
            })
        })
        .and_then(Iterator::collect)
        .while_("listing folders")?;
    let counts = tx
        .prepare_cached(
            "SELECT coalesce(sum(amount) FILTER (WHERE place = 'here' AND folder = 0), 0) AS unfiled,
                 coalesce(sum(amount) FILTER (WHERE place = 'here' AND pinned = 1), 0) AS pinned,
                 coalesce(sum(amount) FILTER (WHERE place = 'archive'), 0) AS archive,
                 coalesce(sum(amount) FILTER (WHERE place = 'trash'), 0) AS trash,
                 coalesce(sum(amount) FILTER (WHERE place = 'here'), 0) AS everything
             FROM conversation_counts",
        )
        .and_then(|mut count| {
            count.query_row([], |row| {
                Ok(Counts {
                    unfiled: row.get("unfiled")?,
                    pinned: row.get("pinned")?,
                    archive: row.get("archive")?,
                    trash: row.get("trash")?,
                    all: row.get("everything")?,
                })
            })
        })
        .while_("counting conversations")?;
    let grouping = settings::get::<Preferences>(tx, PREFERENCES)?.unwrap_or_default().grouping;
    Ok(Tree { folders, counts, grouping })
}

/// `name` has been checked; that it is free here is checked now.
pub fn create(tx: &Transaction<'_>, parent: Option<FolderId>, name: &str, now: i64) -> Result<Folder, StoreError> {
    let parent_seq = parent.map(|parent| folder_seq(tx, parent)).transpose()?;
    refuse_taken(tx, parent_seq, name, None)?;
    let id = FolderId::new();
    tx.prepare_cached(
        "INSERT INTO folders (id, parent, name, name_key, created_at, updated_at)
         VALUES (:id, :parent, :name, :key, :now, :now)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":id": id.0, ":parent": parent_seq, ":name": name, ":key": name_key(name), ":now": now,
        })
    })
    .while_("making a folder")?;
    Ok(Folder { id, parent, name: name.to_owned(), conversations: 0, preset: None, rev: 1 })
}

/// Refused if the row has another revision than the one that was seen.
pub fn rename(
    tx: &Transaction<'_>,
    id: FolderId,
    name: &str,
    seen_rev: Option<u32>,
    now: i64,
) -> Result<Undo, StoreError> {
    let (seq, before) = standing(tx, id, seen_rev)?;
    let parent = parent_of(tx, seq)?;
    refuse_taken(tx, parent, name, Some(seq))?;
    place(tx, seq, parent, name, now)?;
    Ok(changed(before))
}

/// Refused when the folder would come to lie inside itself, or beside one of the same name.
pub fn move_to(
    tx: &Transaction<'_>,
    id: FolderId,
    parent: Option<FolderId>,
    seen_rev: Option<u32>,
    now: i64,
) -> Result<Undo, StoreError> {
    let (seq, before) = standing(tx, id, seen_rev)?;
    put(tx, seq, parent, &before.name, now)?;
    Ok(changed(before))
}

/// Puts a folder back where it stood and gives it its name again, unless it was changed since or is gone.
pub(super) fn put_back(tx: &Transaction<'_>, before: &FolderStanding, now: i64) -> Result<bool, StoreError> {
    match standing(tx, before.id, Some(before.rev)) {
        Ok((seq, _)) => match put(tx, seq, before.parent, &before.name, now) {
            Ok(()) => Ok(true),
            // The folder it was in went meanwhile.
            Err(StoreError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        },
        Err(StoreError::NotFound(_) | StoreError::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn put(tx: &Transaction<'_>, seq: i64, parent: Option<FolderId>, name: &str, now: i64) -> Result<(), StoreError> {
    let parent = parent.map(|parent| folder_seq(tx, parent)).transpose()?;
    let mut above = parent;
    while let Some(folder) = above {
        if folder == seq {
            return Err(StoreError::Invalid("A folder cannot lie inside itself.".to_owned()));
        }
        above = parent_of(tx, folder)?;
    }
    refuse_taken(tx, parent, name, Some(seq))?;
    place(tx, seq, parent, name, now)
}

fn standing(tx: &Transaction<'_>, id: FolderId, seen_rev: Option<u32>) -> Result<(i64, FolderStanding), StoreError> {
    let (seq, standing) = tx
        .prepare_cached(
            "SELECT f.seq, p.id AS parent, f.name, f.rev FROM folders f LEFT JOIN folders p ON p.seq = f.parent
             WHERE f.id = :id",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0 }, |row| {
                let parent = row.get::<_, Option<Uuid>>("parent")?.map(FolderId);
                let standing = FolderStanding { id, parent, name: row.get("name")?, rev: row.get("rev")? };
                Ok((row.get("seq")?, standing))
            })
            .optional()
        })
        .while_("reading where a folder stands")?
        .ok_or(StoreError::NotFound("folder"))?;
    if seen_rev.is_some_and(|seen| seen != standing.rev) {
        return Err(StoreError::Conflict("The folder was changed in another window meanwhile.".to_owned()));
    }
    Ok((seq, standing))
}

fn changed(before: FolderStanding) -> Undo {
    Undo { conversations: Vec::new(), folders: vec![FolderStanding { rev: before.rev + 1, ..before }] }
}

/// What conversations that begin in this folder begin with; `None` = nothing of its own.
pub fn set_preset(
    tx: &Transaction<'_>,
    id: FolderId,
    preset: Option<PresetId>,
    seen_rev: Option<u32>,
    now: i64,
) -> Result<(), StoreError> {
    let (seq, _) = standing(tx, id, seen_rev)?;
    let preset: Option<i64> = match preset {
        None => None,
        Some(preset) => Some(preset_seq(tx, preset)?),
    };
    tx.prepare_cached("UPDATE folders SET preset = :preset, rev = rev + 1, updated_at = :now WHERE seq = :folder")
        .and_then(|mut update| update.execute(named_params! { ":folder": seq, ":preset": preset, ":now": now }))
        .while_("giving a folder a preset")?;
    Ok(())
}

/// The folder goes; what was in it goes where `content` says. Trashed conversations of it would be restored to its parent.
/// Names the conversations that went to the trash.
pub fn delete(
    tx: &Transaction<'_>,
    id: FolderId,
    content: FolderContent,
    now: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let mut trashed = Vec::new();
    let seq = folder_seq(tx, id)?;
    let parent = parent_of(tx, seq)?;
    match content {
        FolderContent::MoveUp => {
            let children: Vec<(i64, String)> = tx
                .prepare_cached("SELECT seq, name FROM folders WHERE parent = :folder ORDER BY seq")
                .and_then(|mut select| {
                    select
                        .query_map(named_params! { ":folder": seq }, |row| Ok((row.get("seq")?, row.get("name")?)))?
                        .collect()
                })
                .while_("listing the folders of a folder")?;
            // The folder that goes does not keep its name from its content. No name that a person gives has this key.
            set_key(tx, seq, &format!("\u{1}{seq}"))?;
            for (child, name) in children {
                let free = free_name(tx, parent, &name)?;
                // Named on the way, or it would stand beside its namesake for a moment.
                place(tx, child, parent, &free, now)?;
            }
            move_conversations(tx, seq, parent, None)?;
            tx.prepare_cached("DELETE FROM folders WHERE seq = :folder")
                .and_then(|mut delete| delete.execute(named_params! { ":folder": seq }))
                .while_("deleting a folder")?;
        }
        FolderContent::Trash => {
            let below: Vec<i64> = tx
                .prepare_cached(
                    "WITH RECURSIVE below (seq) AS (
                         SELECT :folder UNION ALL SELECT f.seq FROM folders f JOIN below b ON f.parent = b.seq)
                     SELECT seq FROM below",
                )
                .and_then(|mut select| select.query_map(named_params! { ":folder": seq }, |row| row.get(0))?.collect())
                .while_("listing the folders below a folder")?;
            let now = stamp(tx, now)?;
            for folder in below {
                trashed.extend(on_shelf(tx, folder)?);
                move_conversations(tx, folder, parent, Some(now))?;
            }
            tx.prepare_cached(
                "WITH RECURSIVE below (seq) AS (
                     SELECT :folder UNION ALL SELECT f.seq FROM folders f JOIN below b ON f.parent = b.seq)
                 DELETE FROM folders WHERE seq IN (SELECT seq FROM below)",
            )
            .and_then(|mut delete| delete.execute(named_params! { ":folder": seq }))
            .while_("deleting folders")?;
        }
    }
    Ok(trashed)
}

/// The conversations of one folder that are not in the trash.
fn on_shelf(tx: &Transaction<'_>, folder: i64) -> Result<Vec<ConversationId>, StoreError> {
    tx.prepare_cached("SELECT id FROM conversations WHERE folder = :folder AND trashed_at IS NULL")
        .and_then(|mut select| {
            select.query_map(named_params! { ":folder": folder }, |row| row.get(0).map(ConversationId))?.collect()
        })
        .while_("listing the conversations of a folder")
}

fn parent_of(tx: &Transaction<'_>, folder: i64) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached("SELECT parent FROM folders WHERE seq = :folder")
        .and_then(|mut find| find.query_row(named_params! { ":folder": folder }, |row| row.get(0)))
        .while_("finding the folder above")
}

fn place(tx: &Transaction<'_>, folder: i64, parent: Option<i64>, name: &str, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE folders SET parent = :parent, name = :name, name_key = :key, rev = rev + 1, updated_at = :now
         WHERE seq = :folder",
    )
    .and_then(|mut update| {
        update.execute(named_params! {
            ":folder": folder, ":parent": parent, ":name": name, ":key": name_key(name), ":now": now,
        })
    })
    .while_("placing a folder")?;
    Ok(())
}

fn set_key(tx: &Transaction<'_>, folder: i64, key: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE folders SET name_key = :key WHERE seq = :folder")
        .and_then(|mut update| update.execute(named_params! { ":folder": folder, ":key": key }))
        .while_("renaming a folder")?;
    Ok(())
}

/// All conversations of one folder go to another; `trash` also puts those into the trash that are not there yet.
fn move_conversations(tx: &Transaction<'_>, from: i64, to: Option<i64>, trash: Option<i64>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE conversations SET folder = :to, trashed_at = coalesce(trashed_at, :trash), rev = rev + 1
         WHERE folder = :from",
    )
    .and_then(|mut update| update.execute(named_params! { ":from": from, ":to": to, ":trash": trash }))
    .while_("moving the conversations of a folder")?;
    Ok(())
}

fn taken(tx: &Transaction<'_>, parent: Option<i64>, key: &str) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached("SELECT seq FROM folders WHERE coalesce(parent, 0) = coalesce(:parent, 0) AND name_key = :key")
        .and_then(|mut find| {
            find.query_row(named_params! { ":parent": parent, ":key": key }, |row| row.get(0)).optional()
        })
        .while_("looking for a folder of the same name")
}

fn refuse_taken(tx: &Transaction<'_>, parent: Option<i64>, name: &str, but: Option<i64>) -> Result<(), StoreError> {
    match taken(tx, parent, &name_key(name))? {
        Some(other) if Some(other) != but => {
            Err(StoreError::Conflict(format!("There is already a folder “{name}” in this place.")))
        }
        Some(_) | None => Ok(()),
    }
}

/// `name`, or `name (2)` and so on, such that nothing beside it has it.
fn free_name(tx: &Transaction<'_>, parent: Option<i64>, name: &str) -> Result<String, StoreError> {
    let mut candidate = name.to_owned();
    let mut number = 1_u32;
    while taken(tx, parent, &name_key(&candidate))?.is_some() {
        number += 1;
        let suffix = format!(" ({number})");
        let kept: String = name.chars().take(FOLDER_MAX - suffix.chars().count()).collect();
        candidate = kept + &suffix;
    }
    Ok(candidate)
}
