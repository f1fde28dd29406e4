//! The audit trail: append-only, each row's hash covering the row before. No content, no secrets.
//!
//! The chain shows edits, deletions and insertions in the middle; that the end was cut off or all was written anew, only an
//! anchor outside the database can show: an administrator's own vault remembers one. What is pruned by rule leaves the
//! hash of its last entry behind, from which the rest still verifies.

use rusqlite::{OptionalExtension, Transaction, named_params};
use sha2::{Digest, Sha256};

use super::Moment;
use crate::{
    api::{
        AccountId,
        admin::{AuditEntry, AuditFilter},
    },
    store::{StoreError, While},
};

/// An entry's number and hash: what an anchor remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub first: Option<i64>,
    pub last: Option<Link>,
    pub entries: u64,
    /// The first entry that does not fit.
    pub broken_at: Option<i64>,
}

/// Writes what happened, in the transaction of what happened.
pub fn append(
    tx: &Transaction<'_>,
    moment: &Moment,
    actor: Option<AccountId>,
    action: &str,
    target: &str,
    result: &str,
) -> Result<(), StoreError> {
    let (seq, before) = last(tx)?.map_or((1, vec![0; 32]), |Link { seq, hash }| (seq + 1, hash));
    let entry =
        Entry { seq, at: moment.now, boot_id: &moment.boot_id, actor, os_uid: moment.os_uid, action, target, result };
    tx.execute(
        "INSERT INTO audit (seq, at, boot_id, actor, os_uid, action, target, result, prev_hash, hash)
         VALUES (:seq, :at, :boot, :actor, :uid, :action, :target, :result, :before, :hash)",
        named_params! {
            ":seq": seq, ":at": moment.now, ":boot": moment.boot_id, ":actor": actor.map(|id| id.0), ":uid": moment.os_uid,
            ":action": action, ":target": target, ":result": result, ":before": before, ":hash": entry.hash(&before).as_slice(),
        },
    )
    .while_("writing the audit trail")?;
    Ok(())
}

/// The end of the trail; where everything was pruned, what it began with.
pub fn last(tx: &Transaction<'_>) -> Result<Option<Link>, StoreError> {
    let newest = tx
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .and_then(|mut find| find.query_row([], |row| Ok(Link { seq: row.get(0)?, hash: row.get(1)? })).optional())
        .while_("reading the audit trail")?;
    if newest.is_some() { Ok(newest) } else { base(tx) }
}

/// The last entry that was pruned by rule.
pub fn base(tx: &Transaction<'_>) -> Result<Option<Link>, StoreError> {
    tx.prepare_cached("SELECT seq, hash FROM audit_base")
        .and_then(|mut find| find.query_row([], |row| Ok(Link { seq: row.get(0)?, hash: row.get(1)? })).optional())
        .while_("reading the audit trail")
}

/// The hash that is stored for this entry now.
pub fn hash_of(tx: &Transaction<'_>, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
    tx.prepare_cached("SELECT hash FROM audit WHERE seq = :seq")
        .and_then(|mut find| find.query_row(named_params! { ":seq": seq }, |row| row.get(0)).optional())
        .while_("reading the audit trail")
}

/// Entries, newest first, from before `before`. With `actor`, only what this account did or what was done to it.
pub fn list(
    tx: &Transaction<'_>,
    filter: &AuditFilter,
    whose: Option<AccountId>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT e.seq, e.at, e.actor, a.name AS actor_name, e.os_uid, e.action, e.target, e.result, e.hash
             FROM audit e LEFT JOIN accounts a ON a.id = e.actor
             WHERE e.seq < :before
               AND (:since IS NULL OR e.at >= :since) AND (:until IS NULL OR e.at <= :until)
               AND instr(e.action, :action) > 0
               AND (:result = '' OR e.result = :result)
               AND (:who = '' OR instr(lower(coalesce(a.name, '')), :who) > 0 OR instr(lower(e.target), :who) > 0)
               AND (:whose IS NULL OR e.actor = :whose
                    OR e.target = (SELECT name FROM accounts WHERE id = :whose)
                    OR instr(e.target, (SELECT name FROM accounts WHERE id = :whose) || ': ') = 1)
             ORDER BY e.seq DESC LIMIT :limit",
        )
        .while_("reading the audit trail")?;
    let named = named_params! {
        ":before": before.unwrap_or(i64::MAX), ":since": filter.since, ":until": filter.until, ":action": filter.action,
        ":result": filter.result, ":who": filter.who.to_lowercase(), ":whose": whose.map(|id| id.0), ":limit": limit,
    };
    select
        .query_map(named, |row| {
            Ok(AuditEntry {
                seq: row.get("seq")?,
                at: row.get("at")?,
                actor: row.get::<_, Option<uuid::Uuid>>("actor")?.map(AccountId),
                actor_name: row.get("actor_name")?,
                os_uid: row.get("os_uid")?,
                action: row.get("action")?,
                target: row.get("target")?,
                result: row.get("result")?,
                hash: hex::encode(row.get::<_, Vec<u8>>("hash")?),
            })
        })
        .and_then(Iterator::collect)
        .while_("reading the audit trail")
}

/// Removes the entries before `older_than` (milliseconds since 1970), from the beginning up to the first that is younger.
/// Gives how many.
pub fn prune(tx: &Transaction<'_>, older_than: i64, now: i64) -> Result<u64, StoreError> {
    // Up to the first that stays, so that what is left has no holes even where the clock was set back; and never the last.
    let cut: Option<Link> = tx
        .query_row(
            "SELECT seq, hash FROM audit
             WHERE seq < coalesce((SELECT min(seq) FROM audit WHERE at >= :cut), (SELECT max(seq) FROM audit))
             ORDER BY seq DESC LIMIT 1",
            named_params! { ":cut": older_than },
            |row| Ok(Link { seq: row.get(0)?, hash: row.get(1)? }),
        )
        .optional()
        .while_("pruning the audit trail")?;
    let Some(cut) = cut else { return Ok(0) };
    tx.execute(
        "INSERT INTO audit_base (only, seq, hash, pruned_at) VALUES (1, :seq, :hash, :now)
         ON CONFLICT (only) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, pruned_at = excluded.pruned_at",
        named_params! { ":seq": cut.seq, ":hash": cut.hash, ":now": now },
    )
    .while_("pruning the audit trail")?;
    let gone = tx
        .execute("DELETE FROM audit WHERE seq <= :seq", named_params! { ":seq": cut.seq })
        .while_("pruning the audit trail")?;
    Ok(gone as u64)
}

/// Hashes the whole trail anew, up to the first entry that does not fit.
pub fn verify(tx: &Transaction<'_>) -> Result<Verified, StoreError> {
    verify_from(tx, None)
}

/// The same from behind an entry that is known to be good; `None` = from the beginning.
pub fn verify_from(tx: &Transaction<'_>, known: Option<Link>) -> Result<Verified, StoreError> {
    // What lies before the beginning does not fit, so it is looked at as well.
    let after = known.as_ref().map_or(i64::MIN, |known| known.seq);
    let base = known.map_or_else(|| base(tx), |known| Ok(Some(known)))?;
    let mut rows = tx
        .prepare(
            "SELECT seq, at, boot_id, actor, os_uid, action, target, result, prev_hash, hash FROM audit
             WHERE seq > :after ORDER BY seq",
        )
        .while_("reading the audit trail")?;
    let mut rows = rows.query(named_params! { ":after": after }).while_("reading the audit trail")?;
    let (mut expected, mut before) = base.map_or((1, vec![0; 32]), |base| (base.seq + 1, base.hash));
    let mut found = Verified { first: None, last: None, entries: 0, broken_at: None };
    while let Some(row) = rows.next().while_("reading the audit trail")? {
        let check = || -> rusqlite::Result<(i64, bool, Vec<u8>)> {
            let (boot_id, action): (String, String) = (row.get("boot_id")?, row.get("action")?);
            let (target, result): (String, String) = (row.get("target")?, row.get("result")?);
            let seq = row.get("seq")?;
            let entry = Entry {
                seq,
                at: row.get("at")?,
                boot_id: &boot_id,
                actor: row.get::<_, Option<uuid::Uuid>>("actor")?.map(AccountId),
                os_uid: row.get("os_uid")?,
                action: &action,
                target: &target,
                result: &result,
            };
            let (prev, hash): (Vec<u8>, Vec<u8>) = (row.get("prev_hash")?, row.get("hash")?);
            Ok((seq, prev == before && hash == entry.hash(&before).as_slice() && seq == expected, hash))
        };
        let (seq, fits, hash) = check().while_("reading the audit trail")?;
        found.first.get_or_insert(seq);
        found.entries += 1;
        if !fits {
            found.broken_at = Some(seq);
            return Ok(found);
        }
        found.last = Some(Link { seq, hash: hash.clone() });
        before = hash;
        expected = seq + 1;
    }
    Ok(found)
}

struct Entry<'a> {
    seq: i64,
    at: i64,
    boot_id: &'a str,
    actor: Option<AccountId>,
    os_uid: u32,
    action: &'a str,
    target: &'a str,
    result: &'a str,
}

impl Entry<'_> {
    /// Every field with its length before it, so that no two entries read alike.
    fn hash(&self, before: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add(before);
        add(&self.seq.to_be_bytes());
        add(&self.at.to_be_bytes());
        add(self.boot_id.as_bytes());
        add(self.actor.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
        add(&self.os_uid.to_be_bytes());
        add(self.action.as_bytes());
        add(self.target.as_bytes());
        add(self.result.as_bytes());
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::scratch;

    #[tokio::test]
    async fn any_change_in_the_middle_is_named() {
        for tamper in [
            "UPDATE audit SET result = 'ok' WHERE seq = 3",
            "UPDATE audit SET at = at + 1 WHERE seq = 3",
            "UPDATE audit SET hash = zeroblob(32) WHERE seq = 3",
            "DELETE FROM audit WHERE seq = 2",
        ] {
            let dir = tempfile::tempdir().unwrap();
            let db = scratch::system(&dir);
            let found = db
                .write(move |tx| {
                    for n in 0..5 {
                        append(tx, &scratch::at(n), None, "auth.sign_in", "ann", "wrong")?;
                    }
                    assert_eq!(verify(tx)?.broken_at, None);
                    tx.execute_batch(tamper).while_("tampering")?;
                    Ok::<_, StoreError>(verify(tx)?.broken_at)
                })
                .await
                .unwrap();
            assert_eq!(found, Some(3), "{tamper}");
        }
    }

    #[tokio::test]
    async fn what_is_pruned_by_rule_leaves_a_trail_that_verifies_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            for n in 0..6 {
                append(tx, &scratch::at(n * 1000), None, "auth.sign_in", "ann", "ok")?;
            }
            assert_eq!(prune(tx, 3000, 9000)?, 3);
            append(tx, &scratch::at(9000), None, "audit.prune", "3", "ok")?;
            let found = verify(tx)?;
            assert_eq!((found.first, found.entries, found.broken_at), (Some(4), 4, None));
            assert_eq!(found.last.map(|link| link.seq), Some(7));
            // Cutting off more than the rule did shows.
            tx.execute_batch("DELETE FROM audit WHERE seq = 4").while_("tampering")?;
            assert_eq!(verify(tx)?.broken_at, Some(5));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn pruning_never_takes_the_last_entry() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            assert_eq!(prune(tx, i64::MAX, 0)?, 0);
            for n in 0..3 {
                append(tx, &scratch::at(n), None, "auth.sign_in", "ann", "ok")?;
            }
            assert_eq!(prune(tx, i64::MAX, 0)?, 2);
            assert_eq!(verify(tx)?.last.map(|link| link.seq), Some(3));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
