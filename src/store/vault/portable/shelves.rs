//! Taking in what lies around conversations: folders, tags, presets, templates, settings.
//!
//! What is here already stays as it is: a thing is known again by its id, or by its name in its place. Nothing is
//! overwritten.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{Draft, Folder, Preset, Setting, Tag, Template};
use crate::{
    api::{options::ChatOptions, organise::FOLDER_MAX},
    store::{
        StoreError, While,
        vault::{fold::name_key, settings::AUDIT_ANCHOR},
    },
};

/// What came before the first conversation.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    pub presets: Vec<Preset>,
    pub templates: Vec<Template>,
    pub folders: Vec<Folder>,
    pub tags: Vec<Tag>,
    pub settings: Vec<Setting>,
    /// Of the conversation that does not exist yet.
    pub draft: Option<Draft>,
}

impl Shelves {
    #[must_use]
    pub fn len(&self) -> usize {
        self.presets.len() + self.templates.len() + self.folders.len() + self.tags.len() + self.settings.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.draft.is_none()
    }
}

/// Which row here each of them is: by the id that the file gives it.
#[derive(Clone, Debug, Default)]
pub struct ShelvesTaken {
    pub presets: HashMap<Uuid, i64>,
    pub folders: HashMap<Uuid, i64>,
    pub tags: HashMap<Uuid, i64>,
    /// How many of all were not here before.
    pub added: u64,
}

pub fn take_shelves(tx: &Transaction<'_>, shelves: &Shelves) -> Result<ShelvesTaken, StoreError> {
    let mut taken = ShelvesTaken::default();
    for preset in &shelves.presets {
        let seq = take_preset(tx, preset, &mut taken.added)?;
        taken.presets.insert(preset.id, seq);
    }
    for template in &shelves.templates {
        take_template(tx, template, &mut taken.added)?;
    }
    take_folders(tx, &shelves.folders, &mut taken)?;
    for tag in &shelves.tags {
        let seq = take_tag(tx, Some(tag.id), &tag.name, &mut taken.added)?;
        taken.tags.insert(tag.id, seq);
    }
    for setting in shelves.settings.iter().filter(|setting| setting.name != AUDIT_ANCHOR) {
        taken.added += tx
            .prepare_cached(
                "INSERT INTO settings (name, updated_at, value) VALUES (:name, :at, :value) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut insert| {
                insert.execute(named_params! {
                    ":name": setting.name, ":at": setting.updated_at, ":value": setting.value.get(),
                })
            })
            .while_("taking in a setting")? as u64;
    }
    if let Some(draft) = &shelves.draft {
        take_draft(tx, 0, draft)?;
    }
    Ok(taken)
}

/// What was being written, where nothing is being written now.
pub(super) fn take_draft(tx: &Transaction<'_>, conversation: i64, draft: &Draft) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO drafts (conversation, updated_at, queued, attachments, folded, body)
         VALUES (:conversation, :at, :queued, :attachments, :folded, :body) ON CONFLICT DO NOTHING",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":conversation": conversation,
            ":at": draft.updated_at,
            ":queued": draft.queued.get(),
            ":attachments": draft.attachments.get(),
            ":folded": draft.folded.get(),
            ":body": draft.body,
        })
    })
    .while_("taking in a draft")?;
    Ok(())
}

/// The key columns make a name that no person gives: of a folder that has no place yet.
fn passing_key(id: Uuid) -> String {
    format!("\u{1}{id}")
}

/// `name`, or `name (2)` and so on, such that `is_taken` denies it.
fn free_name(name: &str, mut is_taken: impl FnMut(&str) -> Result<bool, StoreError>) -> Result<String, StoreError> {
    let mut candidate = name.to_owned();
    let mut number = 1_u32;
    while is_taken(&candidate)? {
        number += 1;
        let suffix = format!(" ({number})");
        let kept: String = name.chars().take(FOLDER_MAX.saturating_sub(suffix.chars().count())).collect();
        candidate = kept + &suffix;
    }
    Ok(candidate)
}

fn take_preset(tx: &Transaction<'_>, preset: &Preset, added: &mut u64) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached("SELECT seq FROM presets WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": preset.id }, |row| row.get(0)).optional())
        .while_("looking for a preset")?;
    if let Some(seq) = known {
        return Ok(seq);
    }
    let options = checked_options(preset.options.get());
    let name = free_name(&preset.name, |name| {
        tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM presets WHERE name_key = :key)")
            .and_then(|mut find| find.query_row(named_params! { ":key": name_key(name) }, |row| row.get(0)))
            .while_("looking for a preset")
    })?;
    tx.prepare_cached(
        "INSERT INTO presets (id, name, name_key, model, options, created_at, updated_at, system_prompt)
         VALUES (:id, :name, :key, :model, :options, :created, :updated, :system)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":id": preset.id,
            ":name": name,
            ":key": name_key(&name),
            ":model": preset.model,
            ":options": options,
            ":created": preset.created_at,
            ":updated": preset.updated_at,
            ":system": preset.system_prompt,
        })
    })
    .while_("taking in a preset")?;
    *added += 1;
    Ok(tx.last_insert_rowid())
}

fn take_template(tx: &Transaction<'_>, template: &Template, added: &mut u64) -> Result<(), StoreError> {
    let known: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM prompt_templates WHERE id = :id)")
        .and_then(|mut find| find.query_row(named_params! { ":id": template.id }, |row| row.get(0)))
        .while_("looking for a prompt template")?;
    if known {
        return Ok(());
    }
    let name = free_name(&template.name, |name| {
        tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM prompt_templates WHERE name_key = :key)")
            .and_then(|mut find| find.query_row(named_params! { ":key": name_key(name) }, |row| row.get(0)))
            .while_("looking for a prompt template")
    })?;
    tx.prepare_cached(
        "INSERT INTO prompt_templates (id, name, name_key, created_at, updated_at, body)
         VALUES (:id, :name, :key, :created, :updated, :body)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":id": template.id,
            ":name": name,
            ":key": name_key(&name),
            ":created": template.created_at,
            ":updated": template.updated_at,
            ":body": template.body,
        })
    })
    .while_("taking in a prompt template")?;
    *added += 1;
    Ok(())
}

/// New folders are made first and placed then: a parent may have been made after its child. One whose name is taken in
/// its place is the folder that has it.
fn take_folders(tx: &Transaction<'_>, folders: &[Folder], taken: &mut ShelvesTaken) -> Result<(), StoreError> {
    let mut made = Vec::new();
    for folder in folders {
        let known = tx
            .prepare_cached("SELECT seq FROM folders WHERE id = :id")
            .and_then(|mut find| find.query_row(named_params! { ":id": folder.id }, |row| row.get(0)).optional())
            .while_("looking for a folder")?;
        let seq = if let Some(seq) = known {
            seq
        } else {
            tx.prepare_cached(
                "INSERT INTO folders (id, name, name_key, created_at, updated_at)
                 VALUES (:id, :name, :key, :created, :updated)",
            )
            .and_then(|mut insert| {
                insert.execute(named_params! {
                    ":id": folder.id,
                    ":name": folder.name,
                    ":key": passing_key(folder.id),
                    ":created": folder.created_at,
                    ":updated": folder.updated_at,
                })
            })
            .while_("making a folder")?;
            made.push((tx.last_insert_rowid(), folder));
            tx.last_insert_rowid()
        };
        taken.folders.insert(folder.id, seq);
    }
    for (seq, folder) in in_their_order(&made) {
        let parent =
            folder.parent.and_then(|parent| taken.folders.get(&parent).copied()).filter(|parent| parent != seq);
        let namesake = tx
            .prepare_cached(
                "SELECT seq FROM folders WHERE coalesce(parent, 0) = coalesce(:parent, 0) AND name_key = :key",
            )
            .and_then(|mut find| {
                find.query_row(named_params! { ":parent": parent, ":key": name_key(&folder.name) }, |row| row.get(0))
                    .optional()
            })
            .while_("looking for a folder of the same name")?;
        if let Some(other) = namesake {
            tx.prepare_cached("DELETE FROM folders WHERE seq = :seq")
                .and_then(|mut delete| delete.execute(named_params! { ":seq": seq }))
                .while_("merging folders")?;
            taken.folders.insert(folder.id, other);
            continue;
        }
        let preset = folder.preset.and_then(|preset| taken.presets.get(&preset).copied());
        tx.prepare_cached("UPDATE folders SET parent = :parent, name_key = :key, preset = :preset WHERE seq = :seq")
            .and_then(|mut update| {
                update.execute(named_params! {
                    ":seq": seq, ":parent": parent, ":key": name_key(&folder.name), ":preset": preset,
                })
            })
            .while_("placing a folder")?;
        taken.added += 1;
    }
    Ok(())
}

/// Parents before their children, so that a child finds the folder that its parent has become. Those that would lie
/// inside themselves are placed at the top.
fn in_their_order<'a>(made: &'a [(i64, &'a Folder)]) -> Vec<(&'a i64, Folder)> {
    let by_id: HashMap<Uuid, usize> = made.iter().enumerate().map(|(at, (_, folder))| (folder.id, at)).collect();
    let mut placed = vec![false; made.len()];
    let mut ordered = Vec::with_capacity(made.len());
    for start in 0..made.len() {
        let mut way = vec![start];
        let mut is_round = false;
        while let Some(above) = way.last().and_then(|at| made[*at].1.parent).and_then(|parent| by_id.get(&parent)) {
            if placed[*above] {
                break;
            }
            if way.len() > made.len() {
                is_round = true;
                break;
            }
            way.push(*above);
        }
        for at in way.into_iter().rev() {
            if !std::mem::replace(&mut placed[at], true) {
                let mut folder = made[at].1.clone();
                if is_round {
                    folder.parent = None;
                }
                ordered.push((&made[at].0, folder));
            }
        }
    }
    ordered
}

/// A tag by its id or its name, made where there is none.
pub(super) fn take_tag(tx: &Transaction<'_>, id: Option<Uuid>, name: &str, added: &mut u64) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached("SELECT seq FROM tags WHERE id = :id OR name_key = :key ORDER BY id = :id DESC LIMIT 1")
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id, ":key": name_key(name) }, |row| row.get(0)).optional()
        })
        .while_("looking for a tag")?;
    if let Some(seq) = known {
        return Ok(seq);
    }
    tx.prepare_cached("INSERT INTO tags (id, name, name_key) VALUES (:id, :name, :key)")
        .and_then(|mut insert| {
            let id = id.unwrap_or_else(Uuid::now_v7);
            insert.execute(named_params! { ":id": id, ":name": name, ":key": name_key(name) })
        })
        .while_("making a tag")?;
    *added += 1;
    Ok(tx.last_insert_rowid())
}

/// A folder at the top for what came from elsewhere, by its id or its name, made where there is none.
pub(super) fn take_folder(tx: &Transaction<'_>, id: Uuid, name: &str, now: i64) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached(
            "SELECT seq FROM folders WHERE id = :id OR (parent IS NULL AND name_key = :key)
             ORDER BY id = :id DESC LIMIT 1",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": id, ":key": name_key(name) }, |row| row.get(0)).optional()
        })
        .while_("looking for a folder")?;
    if let Some(seq) = known {
        return Ok(seq);
    }
    tx.prepare_cached(
        "INSERT INTO folders (id, name, name_key, created_at, updated_at) VALUES (:id, :name, :key, :now, :now)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! { ":id": id, ":name": name, ":key": name_key(name), ":now": now })
    })
    .while_("making a folder")?;
    Ok(tx.last_insert_rowid())
}

/// Options as they came, if this program understands them.
pub(super) fn checked_options(text: &str) -> &str {
    if serde_json::from_str::<ChatOptions>(text).is_ok() { text } else { "{}" }
}
