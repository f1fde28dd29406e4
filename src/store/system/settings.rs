//! What is set for the house, as versions: each change is a row, the newest of a name counts, the older ones are its
//! history. Values are kept as `config::house` writes them; whoever reads one knows what it means.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::watch::Watch;
use crate::{
    api::{
        AccountId,
        settings::{PastChange, Point},
    },
    store::{StoreError, While},
};

/// What holds of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub version: i64,
    /// `None` = the default again.
    pub value: Option<String>,
    pub by: Option<AccountId>,
    /// The name today.
    pub by_name: Option<String>,
    pub at: i64,
}

/// A change to be written.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
    pub restores: Option<i64>,
}

/// The value that is set. `None` = none.
pub fn value(conn: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    conn.prepare_cached("SELECT value FROM settings WHERE name = :name ORDER BY version DESC LIMIT 1")
        .and_then(|mut find| find.query_row(named_params! { ":name": name }, |row| row.get(0)).optional())
        .while_("reading a setting of the house")
        .map(Option::flatten)
}

/// How often it was changed: the version that counts.
pub fn version(conn: &Connection, name: &str) -> Result<i64, StoreError> {
    conn.prepare_cached("SELECT coalesce(max(version), 0) FROM settings WHERE name = :name")
        .and_then(|mut find| find.query_row(named_params! { ":name": name }, |row| row.get(0)))
        .while_("reading a setting of the house")
}

/// The value after this version; 0 = before there was any. `None` = there is no such version.
pub fn value_after(conn: &Connection, name: &str, version: i64) -> Result<Option<Option<String>>, StoreError> {
    if version == 0 {
        return Ok(Some(None));
    }
    conn.prepare_cached("SELECT value FROM settings WHERE name = :name AND version = :version")
        .and_then(|mut find| {
            find.query_row(named_params! { ":name": name, ":version": version }, |row| row.get(0)).optional()
        })
        .while_("reading a setting of the house")
}

/// The newest change of every name that was ever changed.
pub fn newest(conn: &Connection) -> Result<BTreeMap<String, Kept>, StoreError> {
    let kept = |row: &Row<'_>| {
        let by: Option<uuid::Uuid> = row.get("changed_by")?;
        let kept = Kept {
            version: row.get("version")?,
            value: row.get("value")?,
            by: by.map(AccountId),
            by_name: row.get("by_name")?,
            at: row.get("changed_at")?,
        };
        Ok((row.get("name")?, kept))
    };
    conn.prepare_cached(
        "SELECT s.name, s.version, s.value, s.changed_by, s.changed_at, a.name AS by_name
         FROM settings s LEFT JOIN accounts a ON a.id = s.changed_by
         WHERE s.version = (SELECT max(version) FROM settings n WHERE n.name = s.name)",
    )
    .and_then(|mut find| find.query_map([], kept)?.collect())
    .while_("reading the settings of the house")
}

/// The number of the newest change of all; 0 = there was none.
pub fn last(conn: &Connection) -> Result<i64, StoreError> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM settings")
        .and_then(|mut find| find.query_row([], |row| row.get(0)))
        .while_("reading the settings of the house")
}

/// Puts a change on top of those before.
pub fn put(tx: &Transaction<'_>, new: New<'_>, by: Option<AccountId>, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO settings (name, version, value, changed_by, changed_at, restores)
         SELECT :name, coalesce(max(version), 0) + 1, :value, :by, :now, :restores FROM settings WHERE name = :name",
        named_params! {
            ":name": new.name, ":value": new.value, ":by": by.map(|by| by.0), ":now": now, ":restores": new.restores,
        },
    )
    .while_("changing a setting of the house")?;
    Ok(())
}

/// Changes, newest first, from before `before`; of one name, or of all.
pub fn past(
    conn: &Connection,
    name: Option<&str>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<PastChange>, StoreError> {
    let change = |row: &Row<'_>| {
        let by: Option<uuid::Uuid> = row.get("changed_by")?;
        Ok(PastChange {
            seq: row.get("seq")?,
            name: row.get("name")?,
            version: row.get("version")?,
            from: row.get("before")?,
            to: row.get("value")?,
            by: by.map(AccountId),
            by_name: row.get("by_name")?,
            at: row.get("changed_at")?,
            restores: row.get("restores")?,
        })
    };
    conn.prepare_cached(
        "SELECT s.seq, s.name, s.version, b.value AS before, s.value, s.changed_by, a.name AS by_name, s.changed_at,
                s.restores
         FROM settings s
         LEFT JOIN settings b ON b.name = s.name AND b.version = s.version - 1
         LEFT JOIN accounts a ON a.id = s.changed_by
         WHERE s.seq < :before AND (:name IS NULL OR s.name = :name)
         ORDER BY s.seq DESC LIMIT :limit",
    )
    .and_then(|mut find| {
        let named = named_params! { ":name": name, ":before": before.unwrap_or(i64::MAX), ":limit": limit };
        find.query_map(named, change)?.collect()
    })
    .while_("reading the history of the settings")
}

/// A point as the number of the last change before it. Of a moment, by the clock that the changes were written by: where
/// that was set back, what was written last counts.
pub fn seq_at(conn: &Connection, point: Point) -> Result<i64, StoreError> {
    match point {
        Point::Now => last(conn),
        Point::Change(seq) => Ok(seq.clamp(0, last(conn)?)),
        Point::At(at) => conn
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM settings WHERE changed_at <= :at")
            .and_then(|mut find| find.query_row(named_params! { ":at": at }, |row| row.get(0)))
            .while_("reading the history of the settings"),
    }
}

/// What was set after the change of this number, with the versions; a value that was the default again is left out.
pub fn standing(conn: &Connection, seq: i64) -> Result<BTreeMap<String, (i64, Option<String>)>, StoreError> {
    conn.prepare_cached(
        "SELECT name, version, value FROM settings s
         WHERE seq <= :seq AND version = (SELECT max(version) FROM settings n WHERE n.name = s.name AND n.seq <= :seq)",
    )
    .and_then(|mut find| {
        find.query_map(named_params! { ":seq": seq }, |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
    })
    .while_("reading the history of the settings")
}

/// What is set now, looked up anew only when somebody, in whatever process, has changed it.
#[derive(Debug)]
pub struct Followed {
    watch: Arc<Watch>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The database's version, and the newest change, at the last look.
    version: Option<i64>,
    last: Option<i64>,
    values: Arc<BTreeMap<String, String>>,
}

impl Followed {
    #[must_use]
    pub fn new(watch: Arc<Watch>) -> Self {
        Self { watch, seen: Mutex::default() }
    }

    /// One read of shared memory in the usual case. What cannot be read leaves what is known.
    #[must_use]
    pub fn values(&self) -> Arc<BTreeMap<String, String>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = self.look(&mut seen) {
            tracing::warn!(%why, "the settings of the house could not be looked up");
        }
        Arc::clone(&seen.values)
    }

    fn look(&self, seen: &mut Seen) -> Result<(), StoreError> {
        let version = self.watch.version()?;
        if seen.version == Some(version) {
            return Ok(());
        }
        self.watch.with(|conn| {
            let last = last(conn)?;
            if seen.last != Some(last) {
                let set = newest(conn)?.into_iter().filter_map(|(name, kept)| Some((name, kept.value?)));
                seen.values = Arc::new(set.collect());
                seen.last = Some(last);
            }
            seen.version = Some(version);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::open_system;

    async fn house() -> (tempfile::TempDir, crate::store::Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = open_system(&dir.path().join("system.db"), false).unwrap();
        db.write::<_, StoreError>(|tx| {
            let set = |name, value, at| put(tx, New { name, value, restores: None }, None, at);
            set("a", Some("1"), 10)?;
            set("b", Some("x"), 20)?;
            set("a", Some("2"), 30)?;
            // The clock was set back.
            set("b", None, 15)
        })
        .await
        .unwrap();
        (dir, db)
    }

    #[tokio::test]
    async fn the_newest_of_a_name_counts_and_the_others_are_its_history() {
        let (_dir, db) = house().await;
        db.read::<_, StoreError>(|tx| {
            assert_eq!((value(tx, "a")?.as_deref(), version(tx, "a")?), (Some("2"), 2));
            assert_eq!((value(tx, "b")?, version(tx, "b")?), (None, 2));
            assert_eq!((value(tx, "c")?, version(tx, "c")?, last(tx)?), (None, 0, 4));
            assert_eq!(value_after(tx, "a", 1)?, Some(Some("1".to_owned())));
            assert_eq!((value_after(tx, "a", 0)?, value_after(tx, "a", 3)?), (Some(None), None));
            let told = |changes: Vec<PastChange>| {
                changes.into_iter().map(|one| (one.seq, one.name, one.from, one.to)).collect::<Vec<_>>()
            };
            let text = |text: &str| Some(text.to_owned());
            assert_eq!(
                told(past(tx, None, Some(4), 2)?),
                [(3, "a".to_owned(), text("1"), text("2")), (2, "b".to_owned(), None, text("x"))]
            );
            assert_eq!(told(past(tx, Some("a"), None, 1)?), [(3, "a".to_owned(), text("1"), text("2"))]);
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_point_is_found_by_number_and_by_moment() {
        let (_dir, db) = house().await;
        db.read::<_, StoreError>(|tx| {
            for (point, seq) in [
                (Point::Now, 4),
                (Point::Change(2), 2),
                (Point::Change(-3), 0),
                (Point::Change(99), 4),
                (Point::At(9), 0),
                (Point::At(10), 1),
                (Point::At(12), 1),
                (Point::At(40), 4),
            ] {
                assert_eq!(seq_at(tx, point)?, seq, "{point:?}");
            }
            let of = |seq| {
                Ok::<_, StoreError>(
                    standing(tx, seq)?.into_iter().map(|(name, (_, value))| (name, value)).collect::<Vec<_>>(),
                )
            };
            let (a, b) = ("a".to_owned(), "b".to_owned());
            assert_eq!(of(0)?, []);
            assert_eq!(of(2)?, [(a.clone(), Some("1".to_owned())), (b.clone(), Some("x".to_owned()))]);
            assert_eq!(of(4)?, [(a, Some("2".to_owned())), (b, None)]);
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_is_followed_is_read_anew_only_after_a_change_of_a_setting() {
        let (dir, db) = house().await;
        let followed = Followed::new(Arc::new(Watch::open(&dir.path().join("system.db")).unwrap()));
        let before = followed.values();
        assert_eq!(*before, BTreeMap::from([("a".to_owned(), "2".to_owned())]));
        db.write(|tx| super::super::audit::append(tx, &super::super::scratch::at(1), None, "x", "", "ok"))
            .await
            .unwrap();
        assert!(Arc::ptr_eq(&before, &followed.values()), "another commit");
        db.write(|tx| put(tx, New { name: "b", value: Some("y"), restores: None }, None, 50)).await.unwrap();
        assert_eq!(followed.values()["b"], "y");
    }
}
