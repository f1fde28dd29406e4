//! Answers whose process is gone: found by their leases, ended as interrupted, with the text that was kept.

use std::{collections::HashSet, path::Path};

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use super::{
    lease::{Holder, is_alive},
    messages::interrupt,
};
use crate::{
    api::{ConversationId, MessageId},
    store::{StoreError, While},
};

/// What this process itself is filling: its lease, and the answers that are really running under it.
#[derive(Clone, Debug, Default)]
pub struct Own {
    pub lease: Option<Uuid>,
    pub running: HashSet<MessageId>,
}

/// Whether any answer is marked as arriving. A cheap question before `recover`, which writes.
pub fn any_streaming(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE state = 'streaming')")
        .and_then(|mut find| find.query_row([], |row| row.get(0)))
        .while_("looking for running answers")
}

/// Marks as interrupted every answer that nobody is filling any more; names their conversations, latest last.
pub fn recover(tx: &Transaction<'_>, leases: &Path, own: &Own, now: i64) -> Result<Vec<ConversationId>, StoreError> {
    let streaming: Vec<(i64, MessageId, ConversationId, Option<Holder>)> = tx
        .prepare_cached(
            "SELECT m.seq, m.id, c.id AS conversation, l.seq AS lease, l.id AS lease_id, l.boot, l.pid, l.started
             FROM messages m JOIN conversations c ON c.seq = m.conversation LEFT JOIN leases l ON l.seq = m.lease
             WHERE m.state = 'streaming' ORDER BY m.seq",
        )
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    let holder = match row.get::<_, Option<i64>>("lease")? {
                        Some(seq) => Some(Holder {
                            seq,
                            id: row.get("lease_id")?,
                            boot: row.get("boot")?,
                            pid: row.get("pid")?,
                            started: row.get("started")?,
                        }),
                        None => None,
                    };
                    Ok((row.get("seq")?, MessageId(row.get("id")?), ConversationId(row.get("conversation")?), holder))
                })?
                .collect()
        })
        .while_("looking for running answers")?;
    let mut alive: HashSet<Uuid> = HashSet::new();
    let mut dead: HashSet<Uuid> = HashSet::new();
    let mut ended = Vec::new();
    for (seq, id, conversation, holder) in streaming {
        let filled = match holder {
            None => false,
            Some(holder) if own.lease == Some(holder.id) => own.running.contains(&id),
            Some(holder) if alive.contains(&holder.id) => true,
            Some(holder) if dead.contains(&holder.id) => false,
            Some(holder) => {
                let lives = is_alive(leases, &holder);
                if lives {
                    alive.insert(holder.id)
                } else {
                    dead.insert(holder.id)
                };
                lives
            }
        };
        if !filled {
            interrupt(tx, seq, now)?;
            ended.push(conversation);
        }
    }
    for lease in dead {
        tx.prepare_cached(
            "DELETE FROM leases WHERE id = :id AND NOT EXISTS (SELECT 1 FROM messages WHERE lease = leases.seq)",
        )
        .and_then(|mut delete| delete.execute(named_params! { ":id": lease }))
        .while_("forgetting a lease")?;
    }
    Ok(ended)
}
