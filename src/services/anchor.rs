//! What an administrator's vault remembers of the audit trail: its last entry, as it was seen whole. Whoever can write the
//! system database can make a trail that fits in itself, but not one that fits what somebody else's vault remembers.
//!
//! Invariant: it moves on only along a trail that fits, from the entry that was remembered. One that does not fit is not
//! what to remember: the next look must find it again.

use serde::{Deserialize, Serialize};

use crate::{
    api::admin::Anchor,
    store::{
        Db, StoreError, Vault,
        system::audit::{self, Link},
        vault::settings::{self, AUDIT_ANCHOR},
    },
};

/// Between two moves that nobody asked for, milliseconds.
const PACE: i64 = 60 * 60 * 1000;

/// An anchor as the vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    seq: i64,
    hash: Vec<u8>,
    /// When that was, milliseconds since 1970.
    at: i64,
}

pub(super) async fn remembered(vault: &Vault) -> Result<Option<Remembered>, StoreError> {
    vault.db.read(|tx| settings::get(tx, AUDIT_ANCHOR)).await
}

pub(super) async fn remember(vault: &Vault, last: Link, now: i64) -> Result<(), StoreError> {
    let Link { seq, hash } = last;
    vault.db.write(move |tx| settings::set(tx, AUDIT_ANCHOR, &Remembered { seq, hash, at: now }, now)).await
}

/// Whether the entry remembered is still the same.
pub(super) fn hold(tx: &crate::store::vault::Tx<'_>, remembered: &Remembered) -> Result<Anchor, StoreError> {
    let seq = remembered.seq;
    let base = audit::base(tx)?;
    let stored = match &base {
        // Pruned by rule since: nothing is left to compare with.
        Some(base) if base.seq > seq => return Ok(Anchor::New),
        Some(base) if base.seq == seq => Some(base.hash.clone()),
        Some(_) | None => audit::hash_of(tx, seq)?,
    };
    Ok(match stored {
        Some(hash) if hash == remembered.hash => Anchor::Holds { seq },
        Some(_) => Anchor::Mismatch { seq },
        None => Anchor::CutOff { seq },
    })
}

/// Moves the anchor to the end of the trail, if that fits from the anchor on; not again within the hour. Says nothing of
/// what does not fit: that is for whoever verifies.
pub(super) async fn move_on(system: &Db, vault: &Vault, now: i64) -> Result<(), StoreError> {
    let known = remembered(vault).await?;
    // A clock that was set back keeps nobody waiting for longer than the pace.
    if known.as_ref().is_some_and(|known| (0..PACE).contains(&(now - known.at))) {
        return Ok(());
    }
    let last = system
        .read(move |tx| {
            let from = match &known {
                None => None,
                Some(known) => match hold(tx, known)? {
                    Anchor::Holds { seq } => Some(Link { seq, hash: known.hash.clone() }),
                    Anchor::New => None,
                    Anchor::CutOff { .. } | Anchor::Mismatch { .. } => return Ok(None),
                },
            };
            let found = audit::verify_from(tx, from)?;
            Ok::<_, StoreError>(found.last.filter(|_| found.broken_at.is_none()))
        })
        .await?;
    match last {
        Some(last) => remember(vault, last, now).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        While,
        system::{audit::append, scratch},
        vault,
    };

    async fn entries(system: &Db, count: i64) {
        system
            .write::<_, StoreError>(move |tx| {
                (0..count).try_for_each(|n| append(tx, &scratch::at(n), None, "auth.sign_in", "ann", "ok"))
            })
            .await
            .unwrap();
    }

    async fn seq(vault: &Vault) -> Option<i64> {
        remembered(vault).await.unwrap().map(|known| known.seq)
    }

    async fn tamper(system: &Db, sql: &'static str) {
        system.write::<_, StoreError>(move |tx| tx.execute_batch(sql).while_("tampering")).await.unwrap();
    }

    #[tokio::test]
    async fn the_anchor_moves_along_a_trail_that_fits_and_not_more_than_once_an_hour() {
        let dir = tempfile::tempdir().unwrap();
        let (system, vault) = (scratch::system(&dir), vault::scratch::vault(&dir));
        entries(&system, 3).await;
        move_on(&system, &vault, 0).await.unwrap();
        assert_eq!(seq(&vault).await, Some(3));
        entries(&system, 2).await;
        move_on(&system, &vault, PACE - 1).await.unwrap();
        assert_eq!(seq(&vault).await, Some(3), "within the hour");
        move_on(&system, &vault, PACE).await.unwrap();
        assert_eq!(seq(&vault).await, Some(5));
        // What was pruned by rule is no reason to stay behind.
        system.write(|tx| audit::prune(tx, i64::MAX, 0)).await.unwrap();
        entries(&system, 1).await;
        move_on(&system, &vault, 2 * PACE).await.unwrap();
        assert_eq!(seq(&vault).await, Some(6));
    }

    #[tokio::test]
    async fn it_never_moves_past_what_does_not_fit() {
        for (sql, more) in [
            // The end was cut off, and other entries came since.
            ("DELETE FROM audit WHERE seq > 2; UPDATE sqlite_sequence SET seq = 2 WHERE name = 'audit'", 4),
            ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 3", 0),
            ("UPDATE audit SET result = 'wrong' WHERE seq = 4", 1),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let (system, vault) = (scratch::system(&dir), vault::scratch::vault(&dir));
            entries(&system, 3).await;
            move_on(&system, &vault, 0).await.unwrap();
            entries(&system, 2).await;
            tamper(&system, sql).await;
            entries(&system, more).await;
            move_on(&system, &vault, PACE).await.unwrap();
            assert_eq!(seq(&vault).await, Some(3), "{sql}");
        }
    }
}
