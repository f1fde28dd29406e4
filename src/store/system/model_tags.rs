//! The house's tags for models. A name is unique without regard to case; a tag stays when no model carries it.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::changes::{self, Kind};
use crate::{
    api::fleet::ModelTag,
    store::{StoreError, While},
};

/// A tag with the number its row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: i64,
    pub name: String,
    pub category: String,
}

/// All tags by their categories and names, and which models carry which: by the name that is compared, with the name to
/// show.
#[derive(Clone, Debug, Default)]
pub struct Tagged {
    pub tags: Vec<Known>,
    pub models: HashMap<String, (String, Vec<i64>)>,
}

pub fn all(tx: &Transaction<'_>) -> Result<Tagged, StoreError> {
    let tags = tx
        .prepare_cached("SELECT id, name, category FROM tags ORDER BY category, name_key")
        .and_then(|mut select| {
            select
                .query_map([], |row| Ok(Known { id: row.get(0)?, name: row.get(1)?, category: row.get(2)? }))?
                .collect()
        })
        .while_("reading the tags of models")?;
    let mut tagged = Tagged { tags, models: HashMap::new() };
    let mut select =
        tx.prepare_cached("SELECT model, name, tag FROM model_tags").while_("reading the tags of models")?;
    let mut rows = select.query([]).while_("reading the tags of models")?;
    while let Some(row) = rows.next().while_("reading the tags of models")? {
        let mut take = || -> rusqlite::Result<()> {
            let (_, tags) = tagged.models.entry(row.get(0)?).or_insert((row.get(1)?, Vec::new()));
            tags.push(row.get(2)?);
            Ok(())
        };
        take().while_("reading the tags of models")?;
    }
    Ok(tagged)
}

/// The tag of this name, whatever its case.
pub fn find(tx: &Transaction<'_>, key: &str) -> Result<Option<Known>, StoreError> {
    tx.prepare_cached("SELECT id, name, category FROM tags WHERE name_key = :key")
        .and_then(|mut find| {
            find.query_row(named_params! { ":key": key }, |row| {
                Ok(Known { id: row.get(0)?, name: row.get(1)?, category: row.get(2)? })
            })
            .optional()
        })
        .while_("finding a tag")
}

/// With how many models carry it.
pub fn counted(tx: &Transaction<'_>, tag: &Known) -> Result<ModelTag, StoreError> {
    let models: i64 = tx
        .prepare_cached("SELECT count(*) FROM model_tags WHERE tag = :tag")
        .and_then(|mut count| count.query_row(named_params! { ":tag": tag.id }, |row| row.get(0)))
        .while_("counting a tag's models")?;
    Ok(ModelTag { name: tag.name.clone(), category: tag.category.clone(), models: models.unsigned_abs() })
}

/// Makes a tag; that there is none of this name has been looked up.
pub fn insert(tx: &Transaction<'_>, name: &str, key: &str, category: &str) -> Result<Known, StoreError> {
    tx.execute(
        "INSERT INTO tags (name, name_key, category) VALUES (:name, :key, :category)",
        named_params! { ":name": name, ":key": key, ":category": category },
    )
    .while_("making a tag")?;
    changes::bump(tx, Kind::House)?;
    find(tx, key)?.ok_or(StoreError::NotFound("tag"))
}

pub fn change(tx: &Transaction<'_>, id: i64, name: &str, key: &str, category: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE tags SET name = :name, name_key = :key, category = :category WHERE id = :id",
        named_params! { ":id": id, ":name": name, ":key": key, ":category": category },
    )
    .while_("changing a tag")?;
    changes::bump(tx, Kind::House)
}

/// Whatever carries `from` carries `into` instead; `from` is gone.
pub fn merge(tx: &Transaction<'_>, from: i64, into: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR IGNORE INTO model_tags (model, tag, name)
         SELECT model, :into, name FROM model_tags WHERE tag = :from",
        named_params! { ":from": from, ":into": into },
    )
    .while_("merging tags")?;
    delete(tx, from)
}

/// No model carries it any more.
pub fn delete(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM model_tags WHERE tag = :id", named_params! { ":id": id }).while_("deleting a tag")?;
    tx.execute("DELETE FROM tags WHERE id = :id", named_params! { ":id": id }).while_("deleting a tag")?;
    changes::bump(tx, Kind::House)
}

/// Gives models a tag or takes it away. Models by the name that is compared, and the one to show. Says how many it
/// changed.
pub fn put(tx: &Transaction<'_>, models: &[(String, String)], tag: i64, carried: bool) -> Result<usize, StoreError> {
    let mut put = if carried {
        tx.prepare_cached("INSERT OR IGNORE INTO model_tags (model, tag, name) VALUES (:model, :tag, :name)")
    } else {
        tx.prepare_cached("DELETE FROM model_tags WHERE model = :model AND tag = :tag AND :name = :name")
    }
    .while_("tagging models")?;
    let mut changed = 0;
    for (model, name) in models {
        changed +=
            put.execute(named_params! { ":model": model, ":tag": tag, ":name": name }).while_("tagging models")?;
    }
    if changed > 0 {
        changes::bump(tx, Kind::House)?;
    }
    Ok(changed)
}

/// The most tags that one of these models carries.
pub fn most_carried(tx: &Transaction<'_>, models: &[(String, String)]) -> Result<usize, StoreError> {
    let mut count = tx
        .prepare_cached("SELECT count(*) FROM model_tags WHERE model = :model")
        .while_("counting the tags of a model")?;
    let mut most = 0;
    for (model, _) in models {
        let carried: i64 = count
            .query_row(named_params! { ":model": model }, |row| row.get(0))
            .while_("counting the tags of a model")?;
        most = most.max(carried.unsigned_abs() as usize);
    }
    Ok(most)
}
