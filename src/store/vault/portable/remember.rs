//! What is kept of an import beside its conversations: what was known, in which order they were used, files.

use std::collections::HashSet;

use rusqlite::{Transaction, named_params};

use super::{Incoming, OWN, take_in::known_by};
use crate::store::{
    StoreError, While,
    vault::documents::{NewDocument, store},
};

/// Notes what came, so that it is known again.
pub(super) fn remember(
    tx: &Transaction<'_>,
    incoming: &Incoming,
    conversation: i64,
    mut known: HashSet<[u8; 8]>,
    now: i64,
) -> Result<(), StoreError> {
    known.extend(incoming.messages.iter().map(|message| known_by(message.id)));
    let mut known: Vec<[u8; 8]> = known.into_iter().collect();
    known.sort_unstable();
    tx.prepare_cached(
        "INSERT INTO imports (source, external_id, digest, known, imported_at, conversation)
         VALUES (:source, :external, :digest, :known, :now, :conversation)
         ON CONFLICT (source, external_id) DO UPDATE SET digest = excluded.digest, known = excluded.known,
             imported_at = excluded.imported_at, conversation = excluded.conversation",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":source": incoming.source,
            ":external": incoming.external_id,
            ":digest": incoming.digest,
            ":known": known.as_flattened(),
            ":now": now,
            ":conversation": conversation,
        })
    })
    .while_("remembering an import")?;
    Ok(())
}

/// Whether every conversation came from this program's own files, so that their order of use can be kept as it was.
pub fn holds_only_own(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM conversations c WHERE NOT EXISTS
             (SELECT 1 FROM imports i WHERE i.conversation = c.seq AND i.source = :own))",
    )
    .and_then(|mut find| find.query_row(named_params! { ":own": OWN }, |row| row.get(0)))
    .while_("looking whether anything is here")
}

/// What one import added: its row, its place in the order of use where it was, and when it was used there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Added {
    pub used: i64,
    pub seq: i64,
    pub used_at: i64,
}

/// Sorts those that one import added among themselves, below everything else. They are given in the order in which they
/// came.
pub fn put_in_order(tx: &Transaction<'_>, mut added: Vec<Added>) -> Result<(), StoreError> {
    let Some(first) = added.first().map(|added| added.seq) else { return Ok(()) };
    let lowest: i64 = tx
        .query_row("SELECT coalesce(min(used), 0) FROM conversations", [], |row| row.get(0))
        .while_("ordering conversations")?;
    // The first that came stands right below what was here.
    let mut latest: i64 = tx
        .query_row(
            "SELECT coalesce(min(used_at), :none) FROM (SELECT used_at FROM conversations
                 WHERE used > (SELECT used FROM conversations WHERE seq = :first) ORDER BY used LIMIT 1)",
            named_params! { ":first": first, ":none": i64::MAX },
            |row| row.get(0),
        )
        .while_("ordering conversations")?;
    added.sort_unstable_by(|one, other| other.cmp(one));
    let mut update = tx
        .prepare_cached("UPDATE conversations SET used = :used, used_at = :at WHERE seq = :seq")
        .while_("ordering conversations")?;
    for (added, place) in added.iter().zip(1..) {
        latest = latest.min(added.used_at);
        update
            .execute(named_params! { ":seq": added.seq, ":used": lowest - place, ":at": latest })
            .while_("ordering conversations")?;
    }
    Ok(())
}

/// What was used later was not used earlier, whatever a file says.
pub fn straighten_times(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE conversations SET used_at = right.at FROM
             (SELECT seq, max(used_at) OVER (ORDER BY used) AS at FROM conversations) AS right
         WHERE right.seq = conversations.seq AND right.at > conversations.used_at",
        [],
    )
    .while_("ordering conversations")?;
    Ok(())
}

/// Stores a file that came with an import. Says its row, and whether it is new.
pub fn store_document(tx: &Transaction<'_>, document: &NewDocument, now: i64) -> Result<(i64, bool), StoreError> {
    let known: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM documents WHERE sha256 = :sha256)")
        .and_then(|mut find| find.query_row(named_params! { ":sha256": document.sha256 }, |row| row.get(0)))
        .while_("looking for a stored file")?;
    Ok((store(tx, document, now)?, !known))
}

/// Removes those of these files that no message has: their conversation did not come after all.
pub fn forget_orphans(tx: &Transaction<'_>, documents: &[i64]) -> Result<(), StoreError> {
    let mut delete = tx
        .prepare_cached(
            "DELETE FROM documents WHERE seq = :document
             AND NOT EXISTS (SELECT 1 FROM attachments WHERE document = :document)",
        )
        .while_("removing a file that nothing has")?;
    for document in documents {
        delete.execute(named_params! { ":document": document }).while_("removing a file that nothing has")?;
    }
    Ok(())
}
