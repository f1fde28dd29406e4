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

/// Tries that cost nothing are forgotten after this time, milliseconds: names that somebody has once mistyped.
const FREE_KEPT: i64 = 30 * 24 * 60 * 60 * 1000;

/// What is tried. Each is counted apart, so that a shut one leaves the other ways open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Passphrase,
    RecoveryCode,
    OneTimeCode,
    SecondFactor,
}

impl Tried {
    pub const ALL: [Self; 4] = [Self::Passphrase, Self::RecoveryCode, Self::OneTimeCode, Self::SecondFactor];

    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::RecoveryCode => "recovery code",
            Self::OneTimeCode => "one-time code",
            Self::SecondFactor => "second factor",
        }
    }

    /// What the tries for this name are counted under. No name holds a zero byte.
    #[must_use]
    pub fn of(self, name: &str) -> String {
        match self {
            Self::Passphrase => name.to_owned(),
            Self::RecoveryCode => format!("{name}\0recovery"),
            Self::OneTimeCode => format!("{name}\0one-time code"),
            Self::SecondFactor => format!("{name}\0second factor"),
        }
    }
}

/// Whether a try is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    Wait(Duration),
    /// Only the recovery code, or an administrator, opens it again.
    Shut,
}

/// The failed tries in a row of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries {
    failures: u32,
    at: i64,
    boot_id: String,
    boot_ms: i64,
}

impl Tries {
    /// Whether another one is allowed now.
    pub fn verdict(last: Option<&Self>, moment: &Moment) -> Verdict {
        let Some(last) = last else { return Verdict::Go };
        if last.failures >= HARD_STOP {
            return Verdict::Shut;
        }
        match wait_after(last.failures).checked_sub(last.since(moment)).filter(|left| !left.is_zero()) {
            Some(left) => Verdict::Wait(left),
            None => Verdict::Go,
        }
    }

    /// How long ago the last one was. Within one boot the boot-time clock counts, which nobody sets back.
    fn since(&self, moment: &Moment) -> Duration {
        let since = if self.boot_id == moment.boot_id { moment.boot_ms - self.boot_ms } else { moment.now - self.at };
        Duration::from_millis(u64::try_from(since).unwrap_or(0))
    }

    /// One more than these.
    pub fn and_one(last: Option<&Self>, moment: &Moment) -> Self {
        Self {
            failures: last.map_or(0, |last| last.failures).saturating_add(1),
            at: moment.now,
            boot_id: moment.boot_id.clone(),
            boot_ms: moment.boot_ms,
        }
    }

    /// Whichever is stricter: what is written, or what could not be.
    pub fn stricter<'a>(written: Option<&'a Self>, unwritten: Option<&'a Self>) -> Option<&'a Self> {
        [written, unwritten].into_iter().flatten().max_by_key(|tries| tries.failures)
    }
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
/// verifies, and when several try at the same time. `forgive` takes it back. `unwritten` are tries that could not be
/// counted here before.
pub fn attempt(
    tx: &Transaction<'_>,
    name: &str,
    moment: &Moment,
    unwritten: Option<&Tries>,
) -> Result<Verdict, StoreError> {
    let written = tries(tx, name, moment)?;
    let last = Tries::stricter(written.as_ref(), unwritten);
    let verdict = Tries::verdict(last, moment);
    if verdict != Verdict::Go {
        return Ok(verdict);
    }
    let next = Tries::and_one(last, moment);
    tx.execute(
        "INSERT INTO throttles (who, os_uid, failures, at, boot_id, boot_ms)
         VALUES (:who, :uid, :failures, :now, :boot, :boot_ms)
         ON CONFLICT (who, os_uid) DO UPDATE SET
             failures = excluded.failures, at = excluded.at, boot_id = excluded.boot_id, boot_ms = excluded.boot_ms",
        named_params! {
            ":who": digest(name), ":uid": moment.os_uid, ":failures": next.failures, ":now": next.at,
            ":boot": next.boot_id, ":boot_ms": next.boot_ms,
        },
    )
    .while_("counting sign-ins")?;
    forget_old(tx, moment)?;
    Ok(Verdict::Go)
}

/// What makes nobody wait goes after a while, or every mistyped name would stay for ever. What does stays: of those the
/// limit on tries a minute allows few. A row from a time to come is left alone.
fn forget_old(tx: &Transaction<'_>, moment: &Moment) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM throttles WHERE failures <= :free AND at < :before")
        .and_then(|mut delete| delete.execute(named_params! { ":free": FREE, ":before": moment.now - FREE_KEPT }))
        .while_("forgetting old tries")?;
    Ok(())
}

/// The tries that are counted for this name.
pub fn tries(tx: &Transaction<'_>, name: &str, moment: &Moment) -> Result<Option<Tries>, StoreError> {
    tx.query_row(
        "SELECT failures, at, boot_id, boot_ms FROM throttles WHERE who = :who AND os_uid = :uid",
        named_params! { ":who": digest(name), ":uid": moment.os_uid },
        |row| Ok(Tries { failures: row.get(0)?, at: row.get(1)?, boot_id: row.get(2)?, boot_ms: row.get(3)? }),
    )
    .optional()
    .while_("counting sign-ins")
}

/// A success: the count begins anew.
pub fn forgive(tx: &Transaction<'_>, name: &str, moment: &Moment) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM throttles WHERE who = :who AND os_uid = :uid",
        named_params! { ":who": digest(name), ":uid": moment.os_uid },
    )
    .while_("counting sign-ins")?;
    Ok(())
}

/// Begins every count for this name anew, whoever made it.
pub fn forgive_everybody(tx: &Transaction<'_>, name: &str) -> Result<(), StoreError> {
    for tried in Tried::ALL {
        forgive_all(tx, name, tried)?;
    }
    Ok(())
}

/// Begins one count for this name anew, for every OS user.
pub fn forgive_all(tx: &Transaction<'_>, name: &str, tried: Tried) -> Result<(), StoreError> {
    tx.execute("DELETE FROM throttles WHERE who = :who", named_params! { ":who": digest(&tried.of(name)) })
        .while_("counting sign-ins")?;
    Ok(())
}

/// Failed tries of the passphrase in a row, over all OS users.
pub fn failures(tx: &Transaction<'_>, name: &str) -> Result<u32, StoreError> {
    tx.prepare_cached("SELECT coalesce(sum(failures), 0) FROM throttles WHERE who = :who")
        .and_then(|mut sum| sum.query_row(named_params! { ":who": digest(name) }, |row| row.get(0)))
        .while_("counting sign-ins")
}

/// As `attempt`, for what nobody succeeds at by knowing something: after a quarter of an hour's rest the count begins anew,
/// so that it slows down and never shuts.
pub fn pace(tx: &Transaction<'_>, what: &str, moment: &Moment) -> Result<Verdict, StoreError> {
    let rested = tries(tx, what, moment)?.is_some_and(|last| last.since(moment) >= CEILING);
    if rested {
        forgive(tx, what, moment)?;
    }
    attempt(tx, what, moment, None)
}

/// What tries for a name are found by.
#[must_use]
pub fn digest(name: &str) -> Vec<u8> {
    Sha256::digest(name_key(name).as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, system::scratch};

    async fn try_at(db: &Db, moment: Moment) -> Verdict {
        db.write(move |tx| attempt(tx, "Ann", &moment, None)).await.unwrap()
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

    #[tokio::test]
    async fn names_that_were_once_mistyped_go_after_a_while_and_what_makes_somebody_wait_stays() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            for (name, tries) in [("once", 1), ("thrice", 3), ("guessed", 4)] {
                for _ in 0..tries {
                    attempt(tx, name, &scratch::at(0), None)?;
                }
            }
            let left = |tx: &Transaction<'_>| -> Result<i64, StoreError> {
                tx.query_row("SELECT count(*) FROM throttles", [], |row| row.get(0)).while_("counting")
            };
            attempt(tx, "other", &scratch::at(FREE_KEPT), None)?;
            assert_eq!(left(tx)?, 4, "not yet");
            attempt(tx, "other", &scratch::at(FREE_KEPT + 1), None)?;
            assert_eq!((left(tx)?, failures(tx, "guessed")?, failures(tx, "other")?), (2, 4, 2));
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_could_not_be_counted_counts_when_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let mut unwritten = None;
        for _ in 0..4 {
            unwritten = Some(Tries::and_one(unwritten.as_ref(), &scratch::at(1000)));
        }
        assert_eq!(Tries::verdict(unwritten.as_ref(), &scratch::at(1000)), Verdict::Wait(Duration::from_secs(2)));
        let went = db.write(move |tx| attempt(tx, "Ann", &scratch::at(3000), unwritten.as_ref())).await.unwrap();
        assert_eq!(went, Verdict::Go);
        assert_eq!(try_at(&db, scratch::at(3000)).await, Verdict::Wait(Duration::from_secs(4)));
    }

    #[tokio::test]
    async fn an_administrator_forgives_every_count_of_a_name_and_of_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            for (name, os_uid) in [("Ann", 1000), ("ann", 7), ("Bob", 1000)] {
                for tried in Tried::ALL {
                    let moment = Moment { os_uid, ..scratch::at(0) };
                    assert_eq!(attempt(tx, &tried.of(name), &moment, None)?, Verdict::Go);
                }
            }
            assert_eq!((failures(tx, "ANN")?, failures(tx, "bob")?), (2, 1));
            forgive_everybody(tx, "Ann")?;
            assert_eq!((failures(tx, "ann")?, failures(tx, "bob")?), (0, 1));
            let left: u32 = tx.query_row("SELECT count(*) FROM throttles", [], |row| row.get(0)).while_("counting")?;
            assert_eq!(left, 4);
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_is_only_paced_begins_anew_after_a_rest_and_is_never_shut() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            for _ in 0..4 {
                assert_eq!(pace(tx, "x", &scratch::at(0))?, Verdict::Go);
            }
            assert_eq!(pace(tx, "x", &scratch::at(0))?, Verdict::Wait(Duration::from_secs(2)));
            let rest = CEILING.as_millis() as i64;
            for n in 1..=300 {
                assert_eq!(pace(tx, "x", &scratch::at(n * rest))?, Verdict::Go);
            }
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }

    #[test]
    fn the_wait_has_a_ceiling() {
        assert_eq!(wait_after(3), Duration::ZERO);
        assert_eq!(wait_after(4), Duration::from_secs(2));
        assert_eq!(wait_after(13), CEILING);
        assert_eq!(wait_after(99), CEILING);
    }
}
