//! `system.db`: accounts, key slots, sessions, limits, audit, counts. In plain text, so never content.

pub mod accounts;
pub mod audit;
pub mod buckets;
pub mod policy;
pub mod roles;
pub mod second_factors;
pub mod sessions;
pub mod slots;
pub mod throttle;
pub mod tokens;
pub mod usage;
pub mod watch;

use std::path::Path;

use super::{
    Db, StoreError, While,
    migrate::SYSTEM,
    open::{Target, open},
};

/// Opens, or makes, the system database.
///
/// # Errors
/// As `store::open::open`.
pub fn open_system(path: &Path, cautious: bool) -> Result<Db, StoreError> {
    open(&Target { name: "system", path, schema: &SYSTEM, key: None, cautious })
}

/// Looks through the database's structure, without the indexes.
///
/// # Errors
/// What is damaged.
pub fn quick_check(tx: &rusqlite::Transaction<'_>) -> Result<(), StoreError> {
    let verdict: String =
        tx.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).while_("checking the system database")?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Nonsense { what: "system database" }) }
}

/// When a process began, in clock ticks since boot (`/proc/PID/stat`, field 22). `None` = there is none of this number.
#[must_use]
pub fn process_began(pid: u32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets, so count from the last one.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
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
