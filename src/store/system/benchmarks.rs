//! What was found out about models: benchmarks, and which builds a registry had. A run is one row, written whole when it has
//! ended, so there is no half of one.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, Row, Transaction, named_params};
use serde::de::DeserializeOwned;

use crate::{
    api::{JobId, benchmarks::Benchmark},
    store::{StoreError, While},
};

/// Keeps a run. The same job measured once: one that was begun anew after a crash takes the place of what it had kept.
pub fn keep(tx: &Transaction<'_>, key: &str, run: &Benchmark) -> Result<(), StoreError> {
    let json = |value: Result<String, serde_json::Error>| {
        value.map_err(|_| StoreError::Invalid("A benchmark could not be written.".to_owned()))
    };
    tx.execute(
        "INSERT INTO benchmarks (id, model_key, model, digest, at, setup, figures, samples)
         VALUES (:id, :key, :model, :digest, :at, :setup, :figures, :samples)
         ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, at = excluded.at, setup = excluded.setup,
             figures = excluded.figures, samples = excluded.samples",
        named_params! {
            ":id": run.id.0,
            ":key": key,
            ":model": run.model,
            ":digest": run.digest,
            ":at": run.at,
            ":setup": json(serde_json::to_string(&run.setup))?,
            ":figures": json(serde_json::to_string(&run.figures))?,
            ":samples": json(serde_json::to_string(&run.samples))?,
        },
    )
    .while_("keeping a benchmark")?;
    Ok(())
}

/// Runs before `before`, newest first, with their places. `key` = only of the model that is compared so.
pub fn page(
    tx: &Transaction<'_>,
    key: Option<&str>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<(i64, Benchmark)>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT seq, id, model, digest, at, setup, figures, samples FROM benchmarks
             WHERE (:key IS NULL OR model_key = :key) AND (:before IS NULL OR seq < :before)
             ORDER BY seq DESC LIMIT :limit",
        )
        .while_("listing benchmarks")?;
    let rows = select
        .query_map(named_params! { ":key": key, ":before": before, ":limit": limit }, |row| {
            Ok((row.get(0)?, read(row)?))
        })
        .while_("listing benchmarks")?;
    rows.collect::<Result<_, _>>().while_("reading a benchmark")
}

/// The newest run of each model.
pub fn latest(tx: &Transaction<'_>) -> Result<Vec<Benchmark>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT max(seq), id, model, digest, at, setup, figures, samples FROM benchmarks GROUP BY model_key",
        )
        .while_("listing benchmarks")?;
    let rows = select.query_map([], read).while_("listing benchmarks")?;
    rows.collect::<Result<_, _>>().while_("reading a benchmark")
}

/// Gives the model's name if there was one.
pub fn delete(tx: &Transaction<'_>, id: JobId) -> Result<Option<String>, StoreError> {
    tx.query_row("DELETE FROM benchmarks WHERE id = :id RETURNING model", named_params! { ":id": id.0 }, |row| {
        row.get(0)
    })
    .optional()
    .while_("deleting a benchmark")
}

/// Notes the builds that are a registry's; says which of the others were one's before.
pub fn known_builds(tx: &Transaction<'_>, same: &[String], other: &[String]) -> Result<HashSet<String>, StoreError> {
    for digest in same {
        tx.prepare_cached("INSERT OR IGNORE INTO registry_builds (digest) VALUES (:digest)")
            .and_then(|mut insert| insert.execute(named_params! { ":digest": digest }))
            .while_("noting a registry's build")?;
    }
    let mut known = HashSet::new();
    for digest in other {
        let is_known = tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM registry_builds WHERE digest = :digest)")
            .and_then(|mut find| find.query_row(named_params! { ":digest": digest }, |row| row.get(0)))
            .while_("looking for a registry's build")?;
        if is_known {
            known.insert(digest.clone());
        }
    }
    Ok(known)
}

fn read(row: &Row<'_>) -> Result<Benchmark, rusqlite::Error> {
    Ok(Benchmark {
        id: JobId(row.get("id")?),
        model: row.get("model")?,
        digest: row.get("digest")?,
        at: row.get("at")?,
        setup: parsed(row, "setup")?,
        figures: parsed(row, "figures")?,
        samples: parsed(row, "samples")?,
    })
}

/// What a later version wrote in another way counts as nothing told, and the rest of the row still does.
fn parsed<T: DeserializeOwned + Default>(row: &Row<'_>, column: &str) -> Result<T, rusqlite::Error> {
    Ok(serde_json::from_str(row.get_ref(column)?.as_str()?).unwrap_or_default())
}
