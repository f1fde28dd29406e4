//! Presets: named sets of model, system prompt and options. Names differ in more than case.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::{
    fold::{name_key, scattered},
    rows::{folder_seq, json, preset_seq, to_json},
    settings::{self, DEFAULT_PRESET},
};
use crate::{
    api::{
        FolderId, PresetId,
        library::{Called, NewPreset, Preset, PresetPatch, PresetRow},
        options::ChatOptions,
    },
    store::{StoreError, While},
};

/// By name, from behind the key `after`. A filter's letters must all be in the name, in this order. The second value is
/// the key of the last row.
pub fn list(
    tx: &Transaction<'_>,
    filter: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<PresetRow>, Option<String>), StoreError> {
    let default = default(tx)?;
    let mut rows: Vec<(PresetRow, String, String)> = tx
        .prepare_cached(
            "SELECT id, name, name_key, model, system_prompt IS NOT NULL AS has_system_prompt, options, rev FROM presets
             WHERE name_key > :after AND (:filter = '' OR name_key LIKE :filter ESCAPE '\\')
             ORDER BY name_key LIMIT :limit",
        )
        .and_then(|mut select| {
            let given = named_params! {
                ":after": after.unwrap_or_default(), ":filter": scattered(filter), ":limit": i64::from(limit) + 1,
            };
            select
                .query_map(given, |row| {
                    let id = PresetId(row.get("id")?);
                    let preset = PresetRow {
                        id,
                        name: row.get("name")?,
                        model: row.get("model")?,
                        has_system_prompt: row.get("has_system_prompt")?,
                        options: ChatOptions::default(),
                        is_default: default == Some(id),
                        rev: row.get("rev")?,
                    };
                    Ok((preset, row.get("options")?, row.get("name_key")?))
                })?
                .collect()
        })
        .while_("listing presets")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(_, _, key)| key.clone());
    let rows = rows
        .into_iter()
        .map(|(row, options, _)| Ok(PresetRow { options: json(&options, "set of options")?, ..row }))
        .collect::<Result<_, StoreError>>()?;
    Ok((rows, last))
}

pub fn get(tx: &Transaction<'_>, called: &Called<PresetId>) -> Result<Preset, StoreError> {
    find(tx, called)?.ok_or(StoreError::NotFound("preset"))
}

/// `None` = there is none.
pub fn find(tx: &Transaction<'_>, called: &Called<PresetId>) -> Result<Option<Preset>, StoreError> {
    const SELECT_ID: &str = "SELECT seq, id, name, model, system_prompt, options, rev, created_at, updated_at,
            (SELECT count(*) FROM folders f WHERE f.preset = p.seq) AS folders,
            (SELECT count(*) FROM conversations c WHERE c.preset = p.seq) AS conversations
         FROM presets p WHERE id = :it";
    const SELECT_NAME: &str = "SELECT seq, id, name, model, system_prompt, options, rev, created_at, updated_at,
            (SELECT count(*) FROM folders f WHERE f.preset = p.seq) AS folders,
            (SELECT count(*) FROM conversations c WHERE c.preset = p.seq) AS conversations
         FROM presets p WHERE name_key = :it";
    let found = match called {
        Called::Id(id) => tx
            .prepare_cached(SELECT_ID)
            .and_then(|mut find| find.query_row(named_params! { ":it": id.0 }, whole).optional()),
        Called::Name(name) => tx
            .prepare_cached(SELECT_NAME)
            .and_then(|mut find| find.query_row(named_params! { ":it": name_key(name.trim()) }, whole).optional()),
    }
    .while_("reading a preset")?;
    let Some((mut preset, options)) = found else { return Ok(None) };
    preset.options = json(&options, "set of options")?;
    preset.is_default = default(tx)? == Some(preset.id);
    Ok(Some(preset))
}

fn whole(row: &Row<'_>) -> Result<(Preset, String), rusqlite::Error> {
    let preset = Preset {
        id: PresetId(row.get("id")?),
        name: row.get("name")?,
        model: row.get("model")?,
        system_prompt: row.get("system_prompt")?,
        options: ChatOptions::default(),
        is_default: false,
        folders: row.get("folders")?,
        conversations: row.get("conversations")?,
        rev: row.get("rev")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    };
    Ok((preset, row.get("options")?))
}

/// What is in it has been checked; that its name is free is checked now.
pub fn create(tx: &Transaction<'_>, new: &NewPreset, now: i64) -> Result<Preset, StoreError> {
    refuse_taken(tx, &new.name, None)?;
    let id = PresetId::new();
    tx.prepare_cached(
        "INSERT INTO presets (id, name, name_key, model, options, created_at, updated_at, system_prompt)
         VALUES (:id, :name, :key, :model, :options, :now, :now, :system)",
    )
    .while_("making a preset")?
    .execute(named_params! {
        ":id": id.0,
        ":name": new.name,
        ":key": name_key(&new.name),
        ":model": new.model,
        ":options": to_json(&new.options, "set of options")?,
        ":now": now,
        ":system": new.system_prompt,
    })
    .while_("making a preset")?;
    get(tx, &Called::Id(id))
}

/// Conversations that it was applied to keep what they have.
pub fn change(tx: &Transaction<'_>, id: PresetId, patch: &PresetPatch, now: i64) -> Result<Preset, StoreError> {
    let before = get(tx, &Called::Id(id))?;
    if patch.seen_rev.is_some_and(|seen| seen != before.rev) {
        return Err(StoreError::Conflict("The preset was changed in another window meanwhile.".to_owned()));
    }
    let name = patch.name.as_deref().unwrap_or(&before.name);
    refuse_taken(tx, name, Some(id))?;
    tx.prepare_cached(
        "UPDATE presets SET name = :name, name_key = :key, model = :model, options = :options, rev = rev + 1,
             updated_at = :now, system_prompt = :system WHERE id = :id",
    )
    .while_("changing a preset")?
    .execute(named_params! {
        ":id": id.0,
        ":name": name,
        ":key": name_key(name),
        ":model": patch.model.as_ref().unwrap_or(&before.model),
        ":options": to_json(patch.options.as_ref().unwrap_or(&before.options), "set of options")?,
        ":now": now,
        ":system": patch.system_prompt.as_ref().unwrap_or(&before.system_prompt),
    })
    .while_("changing a preset")?;
    get(tx, &Called::Id(id))
}

/// Folders and conversations no longer name it; what it set in conversations stays.
pub fn delete(tx: &Transaction<'_>, id: PresetId) -> Result<(), StoreError> {
    preset_seq(tx, id)?;
    if default(tx)? == Some(id) {
        settings::forget(tx, DEFAULT_PRESET)?;
    }
    tx.prepare_cached("DELETE FROM presets WHERE id = :id")
        .and_then(|mut delete| delete.execute(named_params! { ":id": id.0 }))
        .while_("deleting a preset")?;
    Ok(())
}

/// The account's own, if it is still there.
pub fn default(tx: &Transaction<'_>) -> Result<Option<PresetId>, StoreError> {
    let Some(id) = settings::get::<PresetId>(tx, DEFAULT_PRESET)? else { return Ok(None) };
    match preset_seq(tx, id) {
        Ok(_) => Ok(Some(id)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn set_default(tx: &Transaction<'_>, id: Option<PresetId>, now: i64) -> Result<(), StoreError> {
    let Some(id) = id else { return settings::forget(tx, DEFAULT_PRESET) };
    preset_seq(tx, id)?;
    settings::set(tx, DEFAULT_PRESET, &id, now)
}

/// The preset of this folder, or of the nearest one above it that has one.
pub fn of_folder(tx: &Transaction<'_>, folder: FolderId) -> Result<Option<PresetId>, StoreError> {
    let mut look = tx
        .prepare_cached(
            "SELECT f.parent, p.id AS preset FROM folders f LEFT JOIN presets p ON p.seq = f.preset
             WHERE f.seq = :folder",
        )
        .while_("looking for a folder's preset")?;
    let mut next = Some(folder_seq(tx, folder)?);
    while let Some(folder) = next {
        let (parent, preset) = look
            .query_row(named_params! { ":folder": folder }, |row| {
                Ok((row.get::<_, Option<i64>>("parent")?, row.get::<_, Option<uuid::Uuid>>("preset")?))
            })
            .while_("looking for a folder's preset")?;
        if preset.is_some() {
            return Ok(preset.map(PresetId));
        }
        next = parent;
    }
    Ok(None)
}

fn refuse_taken(tx: &Transaction<'_>, name: &str, but: Option<PresetId>) -> Result<(), StoreError> {
    let other: Option<uuid::Uuid> = tx
        .prepare_cached("SELECT id FROM presets WHERE name_key = :key")
        .and_then(|mut find| find.query_row(named_params! { ":key": name_key(name) }, |row| row.get(0)).optional())
        .while_("looking for a preset of the same name")?;
    match other.map(PresetId) {
        Some(other) if Some(other) != but => Err(StoreError::Conflict(format!("There is already a preset “{name}”."))),
        Some(_) | None => Ok(()),
    }
}
