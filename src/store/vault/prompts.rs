//! Prompt templates. What stands in one has been read as a template before it comes here.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::fold::{name_key, scattered};
use crate::{
    api::{
        PromptId,
        library::{Called, NewPrompt, Prompt, PromptPatch, PromptRow},
    },
    store::{StoreError, While},
};

/// As `presets::list`.
pub fn list(
    tx: &Transaction<'_>,
    filter: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<PromptRow>, Option<String>), StoreError> {
    let mut rows: Vec<(PromptRow, String)> = tx
        .prepare_cached(
            "SELECT id, name, name_key, rev, substr(body, 1, 200) AS begins FROM prompt_templates
             WHERE name_key > :after AND (:filter = '' OR name_key LIKE :filter ESCAPE '\\')
             ORDER BY name_key LIMIT :limit",
        )
        .and_then(|mut select| {
            let given = named_params! {
                ":after": after.unwrap_or_default(), ":filter": scattered(filter), ":limit": i64::from(limit) + 1,
            };
            select
                .query_map(given, |row| {
                    let prompt = PromptRow {
                        id: PromptId(row.get("id")?),
                        name: row.get("name")?,
                        begins: row.get("begins")?,
                        rev: row.get("rev")?,
                    };
                    Ok((prompt, row.get("name_key")?))
                })?
                .collect()
        })
        .while_("listing prompt templates")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(_, key)| key.clone());
    Ok((rows.into_iter().map(|(row, _)| row).collect(), last))
}

pub fn get(tx: &Transaction<'_>, called: &Called<PromptId>) -> Result<Prompt, StoreError> {
    find(tx, called)?.ok_or(StoreError::NotFound("prompt template"))
}

/// `None` = there is none.
pub fn find(tx: &Transaction<'_>, called: &Called<PromptId>) -> Result<Option<Prompt>, StoreError> {
    match called {
        Called::Id(id) => tx
            .prepare_cached("SELECT id, name, rev, created_at, updated_at, body FROM prompt_templates WHERE id = :it")
            .and_then(|mut find| find.query_row(named_params! { ":it": id.0 }, whole).optional()),
        Called::Name(name) => tx
            .prepare_cached(
                "SELECT id, name, rev, created_at, updated_at, body FROM prompt_templates WHERE name_key = :it",
            )
            .and_then(|mut find| find.query_row(named_params! { ":it": name_key(name.trim()) }, whole).optional()),
    }
    .while_("reading a prompt template")
}

fn whole(row: &Row<'_>) -> Result<Prompt, rusqlite::Error> {
    Ok(Prompt {
        id: PromptId(row.get("id")?),
        name: row.get("name")?,
        body: row.get("body")?,
        rev: row.get("rev")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub fn create(tx: &Transaction<'_>, new: &NewPrompt, now: i64) -> Result<Prompt, StoreError> {
    refuse_taken(tx, &new.name, None)?;
    let id = PromptId::new();
    tx.prepare_cached(
        "INSERT INTO prompt_templates (id, name, name_key, created_at, updated_at, body)
         VALUES (:id, :name, :key, :now, :now, :body)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":id": id.0, ":name": new.name, ":key": name_key(&new.name), ":now": now, ":body": new.body,
        })
    })
    .while_("making a prompt template")?;
    get(tx, &Called::Id(id))
}

pub fn change(tx: &Transaction<'_>, id: PromptId, patch: &PromptPatch, now: i64) -> Result<Prompt, StoreError> {
    let before = get(tx, &Called::Id(id))?;
    if patch.seen_rev.is_some_and(|seen| seen != before.rev) {
        return Err(StoreError::Conflict("The template was changed in another window meanwhile.".to_owned()));
    }
    let name = patch.name.as_deref().unwrap_or(&before.name);
    refuse_taken(tx, name, Some(id))?;
    tx.prepare_cached(
        "UPDATE prompt_templates SET name = :name, name_key = :key, rev = rev + 1, updated_at = :now, body = :body
         WHERE id = :id",
    )
    .and_then(|mut update| {
        update.execute(named_params! {
            ":id": id.0,
            ":name": name,
            ":key": name_key(name),
            ":now": now,
            ":body": patch.body.as_ref().unwrap_or(&before.body),
        })
    })
    .while_("changing a prompt template")?;
    get(tx, &Called::Id(id))
}

pub fn delete(tx: &Transaction<'_>, id: PromptId) -> Result<(), StoreError> {
    let gone = tx
        .prepare_cached("DELETE FROM prompt_templates WHERE id = :id")
        .and_then(|mut delete| delete.execute(named_params! { ":id": id.0 }))
        .while_("deleting a prompt template")?;
    if gone == 0 { Err(StoreError::NotFound("prompt template")) } else { Ok(()) }
}

fn refuse_taken(tx: &Transaction<'_>, name: &str, but: Option<PromptId>) -> Result<(), StoreError> {
    let other: Option<uuid::Uuid> = tx
        .prepare_cached("SELECT id FROM prompt_templates WHERE name_key = :key")
        .and_then(|mut find| find.query_row(named_params! { ":key": name_key(name) }, |row| row.get(0)).optional())
        .while_("looking for a template of the same name")?;
    match other.map(PromptId) {
        Some(other) if Some(other) != but => {
            Err(StoreError::Conflict(format!("There is already a template “{name}”.")))
        }
        Some(_) | None => Ok(()),
    }
}
