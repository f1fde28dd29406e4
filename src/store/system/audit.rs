//! The audit trail: append-only, each row's hash covering the row before. No content, no secrets.
//!
//! The chain shows edits, deletions and insertions in the middle; that the end was cut off, only an anchor outside the
//! database can show.

use rusqlite::{OptionalExtension, Transaction, named_params};
use sha2::{Digest, Sha256};

use super::Moment;
use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// Writes what happened, in the transaction of what happened.
pub fn append(
    tx: &Transaction<'_>,
    moment: &Moment,
    actor: Option<AccountId>,
    action: &str,
    target: &str,
    result: &str,
) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> = tx
        .query_row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .while_("reading the audit trail")?;
    let (seq, before) = last.map_or((1, vec![0; 32]), |(seq, hash)| (seq + 1, hash));
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

/// The first row whose hash does not fit, if there is one.
pub fn verify(tx: &Transaction<'_>) -> Result<Option<i64>, StoreError> {
    let mut rows = tx
        .prepare(
            "SELECT seq, at, boot_id, actor, os_uid, action, target, result, prev_hash, hash FROM audit ORDER BY seq",
        )
        .while_("reading the audit trail")?;
    let mut rows = rows.query([]).while_("reading the audit trail")?;
    let mut before = vec![0; 32];
    let mut expected = 1;
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
        if !fits {
            return Ok(Some(seq));
        }
        before = hash;
        expected = seq + 1;
    }
    Ok(None)
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
                    assert_eq!(verify(tx)?, None);
                    tx.execute_batch(tamper).while_("tampering")?;
                    verify(tx)
                })
                .await
                .unwrap();
            assert_eq!(found, Some(3), "{tamper}");
        }
    }
}
