//! Looking through a whole database: the seals of its pages, its structure, its indexes, its full-text search. It takes as
//! long as reading the file does, so it is for a doctor and for copies, not for a start.

use std::{collections::BTreeMap, path::Path};

use rusqlite::Connection;

use super::{
    Broken, Db, StoreError, While,
    migrate::{SYSTEM, VAULT},
    open::broken,
};

/// Findings that are told of; a damaged file has as many as it has pages.
const ENOUGH: usize = 5;

/// Looks through an open vault.
///
/// # Errors
/// `Unsound` with what was found.
pub async fn vault(db: &Db, path: &Path) -> Result<(), StoreError> {
    // On the writer: comparing a search index with its text counts as writing to SQLite.
    verdict(&db.maintain(|conn| all(conn)).await?, broken(path, &VAULT, true))
}

/// Looks through the open system database.
///
/// # Errors
/// `Unsound` with what was found.
pub async fn system(db: &Db, path: &Path) -> Result<(), StoreError> {
    let broken = broken(path, &SYSTEM, false);
    // Judged inside, for a connection that has met damage commits nothing more.
    db.read(move |tx| verdict(&all(tx)?, broken)).await
}

pub(super) fn verdict(found: &[String], broken: Broken) -> Result<(), StoreError> {
    if found.is_empty() { Ok(()) } else { Err(StoreError::Unsound { broken, what: found.join("; ") }) }
}

/// What is wrong with a database, in SQLite's words; nothing where it is sound. A damaged page makes the check itself
/// fail, which is a finding and no failure.
pub(super) fn all(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    // Of a database without a key it says nothing.
    found.extend(lines(conn, "PRAGMA cipher_integrity_check")?);
    found.extend(lines(conn, "PRAGMA integrity_check(5)")?.into_iter().filter(|line| line != "ok"));
    let broken: Vec<String> = lines(conn, "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 5")?;
    found.extend(broken.into_iter().map(|table| format!("a row of {table} points nowhere")));
    if found.is_empty() {
        for table in lines(
            conn,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'",
        )? {
            let name = table.replace('"', "\"\"");
            let sound = conn.execute(&format!("INSERT INTO \"{name}\" (\"{name}\") VALUES ('integrity-check')"), []);
            if damage(sound.map(drop).while_("checking the search"))? {
                found.push(format!("the index for searching {table} does not fit what it is of"));
            }
        }
    }
    found.truncate(ENOUGH);
    Ok(found)
}

/// How many rows each table has.
pub(super) fn rows(conn: &Connection) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut counted = BTreeMap::new();
    for table in lines(conn, "SELECT name FROM sqlite_schema WHERE type = 'table'")? {
        let name = table.replace('"', "\"\"");
        let count = conn
            .query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))
            .while_("counting the rows of a database")?;
        counted.insert(table, count);
    }
    Ok(counted)
}

/// The first column of a query. Damage that ends it is its last line.
pub(super) fn lines(conn: &Connection, query: &str) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let read = conn
        .prepare(query)
        .and_then(|mut asked| {
            let mut rows = asked.query([])?;
            while let Some(row) = rows.next()? {
                found.push(row.get(0)?);
            }
            Ok(())
        })
        .while_("checking a database");
    if damage(read)? {
        found.push("a page cannot be read".to_owned());
    }
    Ok(found)
}

fn damage(outcome: Result<(), StoreError>) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(false),
        Err(StoreError::Damaged { .. }) => Ok(true),
        Err(other) => Err(other),
    }
}
