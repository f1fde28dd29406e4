//! `system.db`: accounts, key slots, sessions, limits, audit, counts. In plain text, so never content.

pub mod accounts;
pub mod activation;
pub mod audit;
pub mod backups;
pub mod benchmarks;
pub mod buckets;
pub mod changes;
pub mod clock;
pub mod fleet;
pub mod health;
pub mod jobs;
pub mod leftovers;
pub mod metrics;
pub mod model_tags;
pub mod of_person;
pub mod overview;
pub mod people;
pub mod policy;
pub mod roles;
pub mod rules;
pub mod sealed;
pub mod second_factors;
pub mod sessions;
pub mod settings;
pub mod slots;
pub mod storage_days;
pub mod throttle;
pub mod tokens;
pub mod usage;
pub mod usage_days;
pub mod usage_sums;
pub mod watch;

use std::path::Path;

use super::{
    Db, StoreError, While,
    aside::set_aside,
    migrate::SYSTEM,
    open::{Target, broken, open},
};

/// What the functions in here run in.
pub type Tx<'a> = rusqlite::Transaction<'a>;

/// Opens, or makes, the system database. Where there are vaults it is never made anew: they open only with the keys that
/// are kept in it, and a first-run screen would hide that they are lost.
///
/// # Errors
/// As `store::open::open`.
pub fn open_system(path: &Path, cautious: bool) -> Result<Db, StoreError> {
    let target = Target { name: "system", path, schema: &SYSTEM, key: None, cautious };
    let is_gone = !path.exists();
    if is_gone && has_vaults(path) {
        return Err(StoreError::Emptied(broken(path, &SYSTEM, false)));
    }
    match open(&target) {
        // Empty, and nobody ever had anything here.
        Err(StoreError::Emptied(_)) if !is_gone && !has_vaults(path) => {
            let kept = set_aside(path, Moment::clock())?;
            tracing::warn!(kept = %kept.display(), "the system database was empty, and a new one was begun");
            open(&target)
        }
        other => other,
    }
}

/// Whether there is nobody in here who could sign in: nothing, or a database that does not open or knows no account.
#[must_use]
pub fn is_nobodys(path: &Path) -> bool {
    use rusqlite::{Connection, OpenFlags};
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let Ok(conn) = Connection::open_with_flags(path, flags) else { return true };
    let busy = conn.busy_timeout(std::time::Duration::from_secs(5));
    let asked = conn.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |row| row.get(0));
    match busy.and(asked).while_("looking for accounts") {
        Ok(anybody) => {
            let anybody: bool = anybody;
            !anybody
        }
        // A newer one, or one that is only busy, is somebody's.
        Err(StoreError::Damaged { .. }) => true,
        Err(_) => std::fs::metadata(path).is_ok_and(|found| found.len() == 0),
    }
}

/// Whether vaults lie beside this system database.
fn has_vaults(path: &Path) -> bool {
    let entries = std::fs::read_dir(path.with_file_name("vaults"));
    entries.is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ending| ending == "db")))
    })
}

/// Moves the write-ahead log into the file and empties it, as far as nobody is reading: what was deleted is in neither then
/// (`secure_delete`).
///
/// # Errors
/// When the database cannot be written.
pub async fn empty_log(system: &Db) -> Result<(), StoreError> {
    system
        .maintain(|conn| conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).while_("emptying the log"))
        .await
}

/// When a process began, in clock ticks since boot (`/proc/PID/stat`, field 22). `None` = there is none of this number.
#[must_use]
pub fn process_began(pid: u32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets, so count from the last one.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Which space of process numbers this program lives in: a container has its own (pid_namespaces(7)).
#[must_use]
pub fn pid_space() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Where and when something happens: what every written row of the audit trail and the throttle needs.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Milliseconds since 1970, UTC.
    pub now: i64,
    /// Which boot of the machine this is.
    pub boot_id: String,
    /// Milliseconds since boot: goes on when the wall clock is set back.
    pub boot_ms: i64,
    pub os_uid: u32,
}

impl Moment {
    /// Milliseconds since 1970, by the wall clock.
    #[must_use]
    pub fn clock() -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }

    /// This moment, by this machine's clocks.
    #[must_use]
    pub fn here() -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let seconds: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        Self {
            now: Self::clock(),
            boot_id: boot_id.trim().to_owned(),
            boot_ms: (seconds * 1000.0) as i64,
            os_uid: rustix::process::geteuid().as_raw(),
        }
    }
}

#[cfg(test)]
pub(crate) mod scratch {
    use super::{Moment, open_system};
    use crate::store::Db;

    /// A fresh system database that lives as long as the directory.
    pub fn system(dir: &tempfile::TempDir) -> Db {
        open_system(&dir.path().join("system.db"), false).unwrap()
    }

    pub fn at(now: i64) -> Moment {
        Moment { now, boot_id: "boot".to_owned(), boot_ms: now, os_uid: 1000 }
    }
}
