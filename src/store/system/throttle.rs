//! Failed sign-ins: three are free, then each waits twice as long as the one before (2 s … 15 min), and after a hundred
//! only the recovery code helps. Counted by name and OS user, so that nobody locks another out; kept across restarts.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, named_params};
use sha2::{Digest, Sha256};

use super::{Moment, accounts::name_key};
use crate::store::{StoreError, While};

/// Failures that cost nothing.
const FREE: u32 = 3;
/// The longest wait.
const CEILING: Duration = Duration::from_mins(15);
/// NIST SP 800-63B: no more than a hundred consecutive failures.
const HARD_STOP: u32 = 100;

/// Whether a try is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    Wait(Duration),
    /// Only the recovery code, or an administrator, opens it again.
    Shut,
}

/// How long to wait after this many failures in a row.
fn wait_after(failures: u32) -> Duration {
    if failures <= FREE {
        return Duration::ZERO;
    }
    let seconds = 1u64.checked_shl(failures - FREE).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(CEILING)
}

/// Asks for one try and counts it as a failure at once: the count must hold even if the program is killed while it
/// verifies, and when several try at the same time. `forgive` takes it back.
pub fn attempt(tx: &Transaction<'_>, name: &str, moment: &Moment) -> Result<Verdict, StoreError> {
    let who = hash(name);
    let last: Option<(u32, i64, String, i64)> = tx
        .query_row(
            "SELECT failures, at, boot_id, boot_ms FROM throttles WHERE who = :who AND os_uid = :uid",
            named_params! { ":who": who, ":uid": moment.os_uid },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()
        .while_("counting sign-ins")?;
    let failures = last.as_ref().map_or(0, |last| last.0);
    if failures >= HARD_STOP {
        return Ok(Verdict::Shut);
    }
    if let Some((_, at, boot_id, boot_ms)) = &last {
        // Within one boot the boot-time clock counts, which nobody sets back.
        let since = if *boot_id == moment.boot_id { moment.boot_ms - boot_ms } else { moment.now - at };
        let since = Duration::from_millis(u64::try_from(since).unwrap_or(0));
        if let Some(left) = wait_after(failures).checked_sub(since).filter(|left| !left.is_zero()) {
            return Ok(Verdict::Wait(left));
        }
    }
    tx.execute(
        "INSERT INTO throttles (who, os_uid, failures, at, boot_id, boot_ms) VALUES (:who, :uid, 1, :now, :boot, :boot_ms)
         ON CONFLICT (who, os_uid) DO UPDATE
         SET failures = failures + 1, at = excluded.at, boot_id = excluded.boot_id, boot_ms = excluded.boot_ms",
        named_params! {
            ":who": who, ":uid": moment.os_uid, ":now": moment.now, ":boot": moment.boot_id, ":boot_ms": moment.boot_ms,
        },
    )
    .while_("counting sign-ins")?;
    Ok(Verdict::Go)
}

/// A success: the count begins anew.
pub fn forgive(tx: &Transaction<'_>, name: &str, moment: &Moment) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM throttles WHERE who = :who AND os_uid = :uid",
        named_params! { ":who": hash(name), ":uid": moment.os_uid },
    )
    .while_("counting sign-ins")?;
    Ok(())
}

fn hash(name: &str) -> Vec<u8> {
    Sha256::digest(name_key(name).as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, system::scratch};

    async fn try_at(db: &Db, moment: Moment) -> Verdict {
        db.write(move |tx| attempt(tx, "Ann", &moment)).await.unwrap()
    }

    #[tokio::test]
    async fn failures_wait_longer_and_longer_and_setting_the_clock_back_does_not_help() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        for _ in 0..4 {
            assert_eq!(try_at(&db, scratch::at(1000)).await, Verdict::Go);
        }
        assert_eq!(try_at(&db, scratch::at(1500)).await, Verdict::Wait(Duration::from_millis(1500)));
        let back = Moment { now: -99_999_999, ..scratch::at(1500) };
        assert_eq!(try_at(&db, back).await, Verdict::Wait(Duration::from_millis(1500)));
        assert_eq!(try_at(&db, scratch::at(3000)).await, Verdict::Go);
        assert_eq!(try_at(&db, scratch::at(3000)).await, Verdict::Wait(Duration::from_secs(4)));
        // Another OS user is not held up by this one.
        assert_eq!(try_at(&db, Moment { os_uid: 7, ..scratch::at(3000) }).await, Verdict::Go);
        // After a restart of the machine the wall clock counts; one that was set back counts as no time at all.
        let reboot = Moment { boot_id: "next".to_owned(), boot_ms: 5, ..scratch::at(2000) };
        assert_eq!(try_at(&db, reboot).await, Verdict::Wait(Duration::from_secs(4)));
    }

    #[tokio::test]
    async fn after_a_hundred_it_is_shut_until_it_is_forgiven() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        for n in 0..100 {
            assert_eq!(try_at(&db, scratch::at(n * 1_000_000)).await, Verdict::Go);
        }
        assert_eq!(try_at(&db, scratch::at(i64::MAX / 2)).await, Verdict::Shut);
        db.write(|tx| forgive(tx, "ann", &scratch::at(0))).await.unwrap();
        assert_eq!(try_at(&db, scratch::at(0)).await, Verdict::Go);
    }

    #[test]
    fn the_wait_has_a_ceiling() {
        assert_eq!(wait_after(3), Duration::ZERO);
        assert_eq!(wait_after(4), Duration::from_secs(2));
        assert_eq!(wait_after(13), CEILING);
        assert_eq!(wait_after(99), CEILING);
    }
}
