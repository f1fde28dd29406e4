//! Conversations without their messages: shelves, settings, trash, drafts.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::{
    fold::{filter_key, name_key},
    rows::{conversation_seq, folder_seq, json, message_id, preset_seq, to_json},
    settings::CLOCK,
};
use crate::{
    api::{
        ConversationId, FolderId, PresetId,
        chat::{Draft, Written},
        library::{Begins, PresetName},
        organise::{Conversation, ConversationPatch, ConversationRow, NewConversation, Shelf, TitleOrigin},
    },
    store::{StoreError, While},
};

/// The title of a conversation in which nothing has been said.
pub const UNTITLED: &str = "New conversation";

/// The columns of a row, of `conversations c` and its `folders f`.
macro_rules! row_columns {
    () => {
        "c.id, f.id AS folder, c.title, c.pinned, c.archived_at IS NOT NULL AS archived,
         c.trashed_at IS NOT NULL AS trashed, c.model, c.used_at, c.updated_at, c.messages, c.rev,
         (SELECT json_group_array(name) FROM (
             SELECT t.name FROM conversation_tags ct JOIN tags t ON t.seq = ct.tag
             WHERE ct.conversation = c.seq ORDER BY t.name_key)) AS tags"
    };
}

/// `SELECT` of one shelf's rows: those for which `where` holds, from below a place, that the filter lets through.
///
/// A word of the filter that is a tag matches a tag that begins with it (or is it, where it was written in quotes), and,
/// while it is being typed, a title that holds it as it stands.
macro_rules! select_shelf {
    ($where:literal) => {
        concat!(
            "SELECT ",
            row_columns!(),
            ", c.used FROM conversations c LEFT JOIN folders f ON f.seq = c.folder WHERE ",
            $where,
            " AND c.used < :after AND (:filter = '' OR instr(c.title_key, :filter))
              AND (:tags = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(:tags) w WHERE NOT (
                  EXISTS (SELECT 1 FROM conversation_tags ct JOIN tags t ON t.seq = ct.tag
                      WHERE ct.conversation = c.seq AND (t.name_key = w.value ->> 'key' OR (w.value ->> 'begins'
                          AND substr(t.name_key, 1, length(w.value ->> 'key')) = w.value ->> 'key')))
                  OR (w.value ->> 'begins' AND instr(c.title_key, '#' || (w.value ->> 'key'))))))
              ORDER BY c.used DESC LIMIT :limit"
        )
    };
}

/// One shelf, most recently used first, from below the place `after`. The second value is the place of the last row.
pub fn shelf(
    tx: &Transaction<'_>,
    shelf: Shelf,
    filter: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<ConversationRow>, Option<i64>), StoreError> {
    let folder = match shelf {
        Shelf::Folder(Some(folder)) => Some(folder_seq(tx, folder)?),
        Shelf::Folder(None) | Shelf::Pinned | Shelf::Recent | Shelf::Archive | Shelf::Trash => None,
    };
    let sql = match shelf {
        Shelf::Pinned => {
            select_shelf!("c.pinned = 1 AND c.trashed_at IS NULL AND c.archived_at IS NULL AND :folder IS NULL")
        }
        Shelf::Folder(Some(_)) => {
            select_shelf!("c.folder = :folder AND c.trashed_at IS NULL AND c.archived_at IS NULL")
        }
        Shelf::Folder(None) => {
            select_shelf!("c.folder IS NULL AND c.trashed_at IS NULL AND c.archived_at IS NULL AND :folder IS NULL")
        }
        Shelf::Recent => select_shelf!("c.trashed_at IS NULL AND c.archived_at IS NULL AND :folder IS NULL"),
        Shelf::Archive => select_shelf!("c.archived_at IS NOT NULL AND c.trashed_at IS NULL AND :folder IS NULL"),
        Shelf::Trash => select_shelf!("c.trashed_at IS NOT NULL AND :folder IS NULL"),
    };
    let Wanted { title, tags } = Wanted::read(filter);
    let mut select = tx.prepare_cached(sql).while_("listing conversations")?;
    let mut rows = select
        .query_map(
            named_params! {
                ":folder": folder,
                ":filter": filter_key(&title),
                ":tags": to_json(&tags, "list of tags")?,
                ":after": after.unwrap_or(i64::MAX),
                // One more tells whether anything follows.
                ":limit": limit + 1,
            },
            |row| Ok((summary(row)?, row.get::<_, i64>("used")?)),
        )
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .while_("listing conversations")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(_, used)| *used);
    Ok((rows.into_iter().map(|(row, _)| row).collect(), last))
}

pub fn create(tx: &Transaction<'_>, new: &NewConversation, now: i64) -> Result<Conversation, StoreError> {
    let folder = new.folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    let preset = match new.preset {
        Begins::With(preset) | Begins::Exactly(Some(preset)) => Some(preset_seq(tx, preset)?),
        // Which one is usual is decided before this.
        Begins::AsUsual | Begins::Exactly(None) => None,
    };
    let id = ConversationId::new();
    let title = new.title.as_deref().unwrap_or(UNTITLED);
    tx.prepare_cached(
        "INSERT INTO conversations
             (id, folder, title, title_key, title_origin, model, system_prompt, options, preset, used, used_at, created_at,
              updated_at)
         VALUES (:id, :folder, :title, :key, :origin, :model, :system, :options, :preset,
                 (SELECT coalesce(max(used), 0) + 1 FROM conversations), :stamp, :now, :now)",
    )
    .while_("making a conversation")?
    .execute(named_params! {
        ":id": id.0,
        ":folder": folder,
        ":title": title,
        ":key": filter_key(title),
        ":origin": if new.title.is_some() { "manual" } else { "none" },
        ":model": new.model,
        ":system": new.system_prompt,
        ":options": to_json(&new.options, "set of options")?,
        ":preset": preset,
        ":stamp": stamp(tx, now)?,
        ":now": now,
    })
    .while_("making a conversation")?;
    get(tx, id)
}

pub fn get(tx: &Transaction<'_>, id: ConversationId) -> Result<Conversation, StoreError> {
    let (mut conversation, options) = tx
        .prepare_cached(concat!(
            "SELECT ",
            row_columns!(),
            ", c.title_origin, c.system_prompt, c.options, h.id AS head, c.created_at, p.id AS preset,
             p.name AS preset_name
             FROM conversations c LEFT JOIN folders f ON f.seq = c.folder LEFT JOIN messages h ON h.seq = c.head
                  LEFT JOIN presets p ON p.seq = c.preset
             WHERE c.id = :id"
        ))
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id.0 }, |row| {
                let conversation = Conversation {
                    row: summary(row)?,
                    title_is_manual: row.get_ref("title_origin")?.as_str()? == "manual",
                    system_prompt: row.get("system_prompt")?,
                    options: crate::api::options::ChatOptions::default(),
                    preset: row
                        .get::<_, Option<Uuid>>("preset")?
                        .map(|id| {
                            Ok::<_, rusqlite::Error>(PresetName { id: PresetId(id), name: row.get("preset_name")? })
                        })
                        .transpose()?,
                    head: message_id(row, "head")?,
                    created_at: row.get("created_at")?,
                };
                Ok((conversation, row.get::<_, String>("options")?))
            })
            .optional()
        })
        .while_("reading a conversation")?
        .ok_or(StoreError::NotFound("conversation"))?;
    conversation.options = json(&options, "set of options")?;
    Ok(conversation)
}

/// Applies a checked patch in one row change. Refused if the row has another revision than the one that was seen.
pub fn change(
    tx: &Transaction<'_>,
    id: ConversationId,
    patch: &ConversationPatch,
    now: i64,
) -> Result<Conversation, StoreError> {
    let before = get(tx, id)?;
    if patch.seen_rev.is_some_and(|seen| seen != before.row.rev) {
        return Err(StoreError::Conflict("The conversation was changed in another window meanwhile.".to_owned()));
    }
    let folder = match patch.folder {
        Some(folder) => folder,
        None => before.row.folder,
    };
    let folder = folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    let title = patch.title.as_deref().unwrap_or(&before.row.title);
    let options = patch.options.as_ref().unwrap_or(&before.options);
    tx.prepare_cached(
        "UPDATE conversations SET folder = :folder, title = :title, title_key = :key,
             title_origin = CASE WHEN :renamed THEN 'manual' ELSE title_origin END,
             pinned = :pinned, model = :model, system_prompt = :system, options = :options,
             rev = rev + 1, updated_at = :now
         WHERE id = :id",
    )
    .while_("changing a conversation")?
    .execute(named_params! {
        ":id": id.0,
        ":folder": folder,
        ":title": title,
        ":key": filter_key(title),
        ":renamed": patch.title.is_some(),
        ":pinned": patch.pinned.unwrap_or(before.row.pinned),
        ":model": patch.model.as_ref().unwrap_or(&before.row.model),
        ":system": patch.system_prompt.as_ref().unwrap_or(&before.system_prompt),
        ":options": to_json(options, "set of options")?,
        ":now": now,
    })
    .while_("changing a conversation")?;
    get(tx, id)
}

/// Notes which preset was applied to it; what it set is changed apart from this.
pub fn set_preset(tx: &Transaction<'_>, id: ConversationId, preset: Option<PresetId>) -> Result<(), StoreError> {
    let preset = preset.map(|preset| preset_seq(tx, preset)).transpose()?;
    tx.prepare_cached("UPDATE conversations SET preset = :preset WHERE id = :id")
        .and_then(|mut update| update.execute(named_params! { ":id": id.0, ":preset": preset }))
        .while_("noting a conversation's preset")?;
    Ok(())
}

/// Into the trash; the folder stays noted, to come back to.
pub fn trash(tx: &Transaction<'_>, ids: &[ConversationId], now: i64) -> Result<(), StoreError> {
    set_trashed(tx, ids, Some(now))
}

/// Out of the trash, into the folder it was in, or the nearest above it that is still there.
pub fn restore(tx: &Transaction<'_>, ids: &[ConversationId]) -> Result<(), StoreError> {
    set_trashed(tx, ids, None)
}

fn set_trashed(tx: &Transaction<'_>, ids: &[ConversationId], at: Option<i64>) -> Result<(), StoreError> {
    let mut update = tx
        .prepare_cached(
            "UPDATE conversations SET trashed_at = :at, rev = rev + 1
             WHERE id = :id AND (trashed_at IS NULL) != (:at IS NULL)",
        )
        .while_("moving a conversation to or from the trash")?;
    for id in ids {
        conversation_seq(tx, *id)?;
        update
            .execute(named_params! { ":id": id.0, ":at": at })
            .while_("moving a conversation to or from the trash")?;
    }
    Ok(())
}

/// Sets a title that no person gave. Says whether it was taken.
pub fn set_title(
    tx: &Transaction<'_>,
    id: ConversationId,
    title: &str,
    origin: TitleOrigin,
) -> Result<bool, StoreError> {
    let (from, to) = match origin {
        TitleOrigin::Prompt => ("none", "prompt"),
        TitleOrigin::Model => ("prompt", "model"),
        TitleOrigin::None | TitleOrigin::Manual => return Ok(false),
    };
    let changed = tx
        .prepare_cached(
            "UPDATE conversations SET title = :title, title_key = :key, title_origin = :to
             WHERE id = :id AND title_origin IN ('none', :from)",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":id": id.0, ":title": title, ":key": filter_key(title), ":from": from, ":to": to,
            })
        })
        .while_("setting a title")?;
    Ok(changed > 0)
}

/// The model in use from now on; no change that a person's other window could lose.
pub fn set_model(tx: &Transaction<'_>, id: ConversationId, model: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE conversations SET model = :model WHERE id = :id AND model IS NOT :model")
        .and_then(|mut update| update.execute(named_params! { ":id": id.0, ":model": model }))
        .while_("setting a conversation's model")?;
    Ok(())
}

/// The model that was asked last, in any conversation.
pub fn last_model(tx: &Transaction<'_>) -> Result<Option<String>, StoreError> {
    tx.prepare_cached("SELECT model FROM conversations WHERE model IS NOT NULL ORDER BY used DESC LIMIT 1")
        .and_then(|mut find| find.query_row([], |row| row.get(0)).optional())
        .while_("looking for the model used last")
}

/// Those of these that lie in the trash, or are gone.
pub fn trashed(tx: &Transaction<'_>, ids: &[ConversationId]) -> Result<Vec<ConversationId>, StoreError> {
    let mut find = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM conversations WHERE id = :id AND trashed_at IS NULL)")
        .while_("looking into the trash")?;
    let mut trashed = Vec::new();
    for id in ids {
        let stays: bool =
            find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).while_("looking into the trash")?;
        if !stays {
            trashed.push(*id);
        }
    }
    Ok(trashed)
}

/// Whether a model may still give this conversation its title.
pub fn wants_title(tx: &Transaction<'_>, id: ConversationId) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT title_origin IN ('none', 'prompt') FROM conversations WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("reading where a title comes from")?
        .ok_or(StoreError::NotFound("conversation"))
}

/// Puts the conversation first in the order of use. What is used again is no longer archived.
pub(super) fn touch(tx: &Transaction<'_>, conversation: i64, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE conversations SET used = (SELECT max(used) + 1 FROM conversations), used_at = :stamp, updated_at = :now,
             archived_at = NULL WHERE seq = :conversation",
    )
    .while_("noting the use of a conversation")?
    .execute(named_params! { ":conversation": conversation, ":stamp": stamp(tx, now)?, ":now": now })
    .while_("noting the use of a conversation")?;
    Ok(())
}

/// Now, but never earlier than what was noted before: a clock that was set back makes nothing look older than it is.
pub fn stamp(tx: &Transaction<'_>, now: i64) -> Result<i64, StoreError> {
    let noted: Option<i64> = tx
        .prepare_cached(
            "SELECT max(coalesce((SELECT used_at FROM conversations ORDER BY used DESC LIMIT 1), 0),
                        coalesce((SELECT CAST(value AS INTEGER) FROM settings WHERE name = :clock), 0))",
        )
        .and_then(|mut find| find.query_row(named_params! { ":clock": CLOCK }, |row| row.get(0)))
        .while_("looking for the latest time noted")?;
    Ok(now.max(noted.unwrap_or_default()))
}

/// `None` is the conversation that does not exist yet.
pub fn draft(tx: &Transaction<'_>, conversation: Option<ConversationId>) -> Result<Draft, StoreError> {
    let seq = draft_key(tx, conversation)?;
    let stored: Option<(String, String, String, String)> = tx
        .prepare_cached("SELECT body, queued, attachments, folded FROM drafts WHERE conversation = :conversation")
        .and_then(|mut find| {
            find.query_row(named_params! { ":conversation": seq }, |row| {
                Ok((row.get("body")?, row.get("queued")?, row.get("attachments")?, row.get("folded")?))
            })
            .optional()
        })
        .while_("reading a draft")?;
    let Some((text, queued, attachments, folded)) = stored else {
        return Ok(Draft::default());
    };
    Ok(Draft {
        text,
        folded: json(&folded, "list of placeholders")?,
        queued: json(&queued, "queue of messages")?,
        attachments: json(&attachments, "list of attachments")?,
    })
}

pub fn save_draft(
    tx: &Transaction<'_>,
    conversation: Option<ConversationId>,
    draft: &Draft,
    now: i64,
) -> Result<(), StoreError> {
    let seq = draft_key(tx, conversation)?;
    if *draft == Draft::default() {
        tx.prepare_cached("DELETE FROM drafts WHERE conversation = :conversation")
            .and_then(|mut delete| delete.execute(named_params! { ":conversation": seq }))
            .while_("clearing a draft")?;
        return Ok(());
    }
    // A path that is not UTF-8 cannot be written as JSON; what can be shown of it is kept.
    let writable = |paths: &[PathBuf]| -> Vec<PathBuf> {
        paths.iter().map(|path| PathBuf::from(path.to_string_lossy().into_owned())).collect()
    };
    let attachments = writable(&draft.attachments);
    let queued: Vec<Written> =
        draft.queued.iter().map(|each| Written { attachments: writable(&each.attachments), ..each.clone() }).collect();
    tx.prepare_cached(
        "INSERT INTO drafts (conversation, updated_at, queued, attachments, folded, body)
         VALUES (:conversation, :now, :queued, :attachments, :folded, :body)
         ON CONFLICT (conversation) DO UPDATE
         SET updated_at = :now, queued = :queued, attachments = :attachments, folded = :folded, body = :body",
    )
    .while_("saving a draft")?
    .execute(named_params! {
        ":conversation": seq,
        ":now": now,
        ":queued": to_json(&queued, "queue of messages")?,
        ":folded": to_json(&draft.folded, "list of placeholders")?,
        ":attachments": to_json(&attachments, "list of attachments")?,
        ":body": draft.text,
    })
    .while_("saving a draft")?;
    Ok(())
}

fn draft_key(tx: &Transaction<'_>, conversation: Option<ConversationId>) -> Result<i64, StoreError> {
    conversation.map_or(Ok(0), |conversation| conversation_seq(tx, conversation))
}

/// What a filter asks for: words of the title, and tags.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    title: String,
    tags: Vec<WantedTag>,
}

#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct WantedTag {
    key: String,
    /// It is enough that the tag's name begins so.
    begins: bool,
}

impl Wanted {
    /// `#name` is a tag that begins so, `#"whole name"` just this one; a lone `#` is a letter like any other.
    fn read(filter: &str) -> Self {
        let mut wanted = Self::default();
        let mut rest = filter.trim();
        while !rest.is_empty() {
            let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let quoted = rest.strip_prefix("#\"").and_then(|inner| inner.split_once('"'));
            if let Some((name, after)) = quoted {
                wanted.tags.push(WantedTag { key: name_key(name.trim()), begins: false });
                rest = after.trim_start();
                continue;
            }
            let (word, after) = rest.split_at(word_end);
            match word.strip_prefix('#').map(|name| name.trim_matches('"')).filter(|name| !name.is_empty()) {
                Some(name) => wanted.tags.push(WantedTag { key: name_key(name), begins: true }),
                // What stands between the words of a title is part of what is looked for.
                None if wanted.title.is_empty() => word.clone_into(&mut wanted.title),
                None => wanted.title = format!("{} {word}", wanted.title),
            }
            rest = after.trim_start();
        }
        wanted
    }
}

fn summary(row: &Row<'_>) -> Result<ConversationRow, rusqlite::Error> {
    Ok(ConversationRow {
        id: ConversationId(row.get("id")?),
        folder: row.get::<_, Option<Uuid>>("folder")?.map(FolderId),
        title: row.get("title")?,
        pinned: row.get("pinned")?,
        archived: row.get("archived")?,
        trashed: row.get("trashed")?,
        // The store's own JSON; a list that cannot be read is no reason to show no conversation.
        tags: serde_json::from_str(row.get_ref("tags")?.as_str()?).unwrap_or_default(),
        model: row.get("model")?,
        used_at: row.get("used_at")?,
        updated_at: row.get("updated_at")?,
        messages: row.get("messages")?,
        rev: row.get("rev")?,
    })
}
