//! The files of a vault as a list, and the messages they are attached to. Reads rows, never the files' bytes.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::{fold::filter_key, messages::kind};
use crate::{
    api::{
        ConversationId, DocumentId, MessageId,
        documents::{DocumentPlace, DocumentRow},
    },
    store::{StoreError, While},
};

/// Rows that a filter looks at for one page; what lies beyond comes with the next.
const FILTER_DEPTH: u32 = 20_000;
/// Rows read at a time while filtering.
const STRIDE: u32 = 200;

/// A file and all its names, before it is known whether it is wanted.
struct Raw {
    seq: i64,
    row: DocumentRow,
    names: String,
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: row.get("seq")?,
            row: DocumentRow {
                id: DocumentId(row.get::<_, Uuid>("id")?),
                name: row.get("name")?,
                kind: kind(row.get_ref("kind")?.as_str()?),
                bytes: row.get::<_, i64>("bytes")?.unsigned_abs(),
                hidden_characters: row.get("hidden")?,
                created_at: row.get("created_at")?,
                messages: row.get("messages")?,
                conversations: row.get("conversations")?,
            },
            names: row.get("names")?,
        })
    }
}

/// Files that a message has, those that came last first, from below the place `after`. The filter must stand in one of
/// its names. The second value is the place to go on from.
pub fn list(
    tx: &Transaction<'_>,
    filter: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<DocumentRow>, Option<i64>), StoreError> {
    let wanted = filter_key(filter.trim());
    let mut select = tx
        .prepare_cached(
            "SELECT d.seq, d.id, d.kind, d.bytes, d.hidden, d.created_at,
                    (SELECT a.name FROM attachments a WHERE a.document = d.seq ORDER BY a.message DESC, a.place LIMIT 1)
                        AS name,
                    (SELECT group_concat(DISTINCT a.name) FROM attachments a WHERE a.document = d.seq) AS names,
                    (SELECT count(DISTINCT a.message) FROM attachments a WHERE a.document = d.seq) AS messages,
                    (SELECT count(DISTINCT m.conversation) FROM attachments a JOIN messages m ON m.seq = a.message
                     WHERE a.document = d.seq) AS conversations
             FROM documents d
             WHERE d.seq < :after AND EXISTS (SELECT 1 FROM attachments a WHERE a.document = d.seq)
             ORDER BY d.seq DESC LIMIT :limit",
        )
        .while_("listing files")?;
    // One more tells whether anything follows.
    let enough = limit as usize + 1;
    let stride = if wanted.is_empty() { limit + 1 } else { STRIDE };
    let (mut found, mut looked_at, mut is_end): (Vec<Raw>, _, _) = (Vec::new(), 0, false);
    let mut from = after.unwrap_or(i64::MAX);
    while found.len() < enough && looked_at < FILTER_DEPTH && !is_end {
        let raw: Vec<Raw> = select
            .query_map(named_params! { ":after": from, ":limit": stride }, Raw::read)
            .and_then(Iterator::collect)
            .while_("listing files")?;
        looked_at += raw.len() as u32;
        is_end = raw.len() < stride as usize;
        for raw in raw {
            if found.len() >= enough {
                break;
            }
            from = raw.seq;
            if wanted.is_empty() || filter_key(&raw.names).contains(&wanted) {
                found.push(raw);
            }
        }
    }
    let next = if found.len() >= enough {
        found.truncate(limit as usize);
        found.last().map(|raw| raw.seq)
    } else {
        (!is_end).then_some(from)
    };
    Ok((found.into_iter().map(|raw| raw.row).collect(), next))
}

/// The messages that have this file, newest first, from below the place `after`; none of a branch in the trash.
pub fn places(
    tx: &Transaction<'_>,
    id: DocumentId,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<DocumentPlace>, Option<i64>), StoreError> {
    let document: i64 = tx
        .prepare_cached(
            "SELECT seq FROM documents d
             WHERE id = :id AND EXISTS (SELECT 1 FROM attachments a WHERE a.document = d.seq)",
        )
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("looking for a file")?
        .ok_or(StoreError::NotFound("file"))?;
    let mut rows: Vec<(i64, DocumentPlace)> = tx
        .prepare_cached(
            "SELECT m.seq, c.id AS conversation, m.id AS message, c.title, min(a.name) AS name, m.created_at,
                    c.archived_at IS NOT NULL AS archived, c.trashed_at IS NOT NULL AS trashed
             FROM attachments a JOIN messages m ON m.seq = a.message JOIN conversations c ON c.seq = m.conversation
             WHERE a.document = :document AND a.message < :after AND m.pruned_at IS NULL
             GROUP BY a.message ORDER BY a.message DESC LIMIT :limit",
        )
        .and_then(|mut select| {
            let given = named_params! {
                ":document": document, ":after": after.unwrap_or(i64::MAX), ":limit": i64::from(limit) + 1,
            };
            select
                .query_map(given, |row| {
                    let place = DocumentPlace {
                        conversation: ConversationId(row.get::<_, Uuid>("conversation")?),
                        message: MessageId(row.get::<_, Uuid>("message")?),
                        title: row.get("title")?,
                        name: row.get("name")?,
                        at: row.get("created_at")?,
                        archived: row.get("archived")?,
                        trashed: row.get("trashed")?,
                    };
                    Ok((row.get("seq")?, place))
                })?
                .collect()
        })
        .while_("looking where a file is attached")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(seq, _)| *seq);
    Ok((rows.into_iter().map(|(_, place)| place).collect(), last))
}
