//! Counters of changes: what a process keeps in memory is good as long as its counter stands still. Unlike SQLite's own
//! `data_version`, which moves with every call that is counted, these move only with what they are about.

use std::time::SystemTime;

use rusqlite::{Connection, Transaction, named_params};

use crate::store::{Db, StoreError, While};

/// What is counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The catalogue that was imported.
    Catalogue,
    /// Descriptions, links, notes and tags of models.
    House,
    /// How models sat in memory.
    Measured,
    /// Which models are installed, as far as this program changes that.
    Installed,
    /// Ratings, and answers that were removed: what makes sums over `usage` wrong that only grow.
    Sums,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::House => "house",
            Self::Measured => "measured",
            Self::Installed => "installed",
            Self::Sums => "sums",
        }
    }
}

/// One more change. In the transaction of the change.
pub fn bump(tx: &Transaction<'_>, what: Kind) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO changes (what, version) VALUES (:what, 1)
         ON CONFLICT (what) DO UPDATE SET version = version + 1",
    )
    .and_then(|mut count| count.execute(named_params! { ":what": what.as_str() }))
    .while_("counting a change")?;
    Ok(())
}

/// Where all counters stand, and the number of the last answer in `usage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    pub catalogue: i64,
    pub house: i64,
    pub measured: i64,
    pub installed: i64,
    pub sums: i64,
    pub last_answer: i64,
}

pub fn versions(conn: &Connection) -> Result<Versions, StoreError> {
    let mut versions = Versions::default();
    let mut select = conn.prepare_cached("SELECT what, version FROM changes").while_("looking for changes")?;
    let mut rows = select.query([]).while_("looking for changes")?;
    while let Some(row) = rows.next().while_("looking for changes")? {
        let (what, version): (String, i64) =
            row.get(0).and_then(|what| Ok((what, row.get(1)?))).while_("looking for changes")?;
        for (kind, place) in [
            (Kind::Catalogue, &mut versions.catalogue),
            (Kind::House, &mut versions.house),
            (Kind::Measured, &mut versions.measured),
            (Kind::Installed, &mut versions.installed),
            (Kind::Sums, &mut versions.sums),
        ] {
            if kind.as_str() == what {
                *place = version;
            }
        }
    }
    versions.last_answer = conn
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM usage")
        .and_then(|mut find| find.query_row([], |row| row.get(0)))
        .while_("looking for changes")?;
    Ok(versions)
}

/// Notices that what is kept about models was changed, by whichever process. Answers and their ratings are everybody's own
/// business, and told to them in other ways.
#[derive(Debug)]
pub struct Follower {
    system: Db,
    mark: Option<(u64, SystemTime)>,
    seen: Option<Versions>,
}

impl Follower {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system, mark: None, seen: None }
    }

    /// Whether anything was changed since the last time. Where nothing was written at all, it asks nothing but the file's
    /// length and date.
    pub async fn has_changed(&mut self) -> bool {
        let mark = self.system.log_mark();
        if mark.is_some() && mark == self.mark {
            return false;
        }
        let Ok(versions) = self.system.read(|tx| versions(tx)).await else { return false };
        let versions = Versions { last_answer: 0, sums: 0, ..versions };
        let has_changed = self.seen.is_some_and(|seen| seen != versions);
        (self.mark, self.seen) = (mark, Some(versions));
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::{open_system, scratch};

    #[tokio::test]
    async fn a_change_in_another_process_is_noticed_and_counting_calls_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let other = open_system(&dir.path().join("system.db"), false).unwrap();
        let mut follower = Follower::new(db);
        assert!(!follower.has_changed().await, "there is nothing to compare with yet");
        other.write(|tx| bump(tx, Kind::Sums)).await.unwrap();
        assert!(!follower.has_changed().await);
        for kind in [Kind::House, Kind::Catalogue, Kind::Installed, Kind::Measured] {
            other.write(move |tx| bump(tx, kind)).await.unwrap();
            assert!(follower.has_changed().await, "{kind:?}");
            assert!(!follower.has_changed().await, "{kind:?} is told once");
        }
    }
}
