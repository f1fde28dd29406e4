//! What is shown of the chosen places: read for the few of a page only.

use std::collections::{HashMap, hash_map::Entry};

use rusqlite::named_params;
use uuid::Uuid;

use super::{Source, candidates::Candidate, glance::stretch, snippet};
use crate::{
    api::{
        ConversationId, MessageId,
        search::{Hit, HitKind, Marked, Term},
    },
    store::{StoreError, Tx, While, thread::Going},
};

/// Of a long text, so many bytes around the hit are looked at closely.
const CLOSE: usize = 4 * 1024;

/// A conversation as its hits show it.
struct Frame {
    id: ConversationId,
    title: Marked,
    folder: Vec<String>,
    is_archived: bool,
    is_trashed: bool,
}

pub(super) fn hits(tx: &Tx<'_>, going: &Going, terms: &[Term], chosen: &[Candidate]) -> Result<Vec<Hit>, StoreError> {
    let mut frames: HashMap<i64, Frame> = HashMap::new();
    let mut hits = Vec::with_capacity(chosen.len());
    for candidate in chosen {
        going.check()?;
        let frame = match frames.entry(candidate.conversation) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(frame(tx, candidate.conversation, terms)?),
        };
        hits.push(Hit {
            kind: match candidate.source {
                Source::Messages => HitKind::Message,
                Source::Titles => HitKind::Title,
                Source::Notes => HitKind::Note,
                Source::Files => HitKind::File,
            },
            conversation: frame.id,
            message: candidate.message.map(|message| message_id(tx, message)).transpose()?,
            title: frame.title.clone(),
            folder: frame.folder.clone(),
            role: candidate.role,
            model: candidate.model.clone(),
            at: candidate.at,
            file: candidate.file.clone(),
            snippet: snippet_of(tx, candidate, terms)?,
            is_archived: frame.is_archived,
            is_trashed: frame.is_trashed,
        });
    }
    Ok(hits)
}

fn frame(tx: &Tx<'_>, seq: i64, terms: &[Term]) -> Result<Frame, StoreError> {
    let (id, title, folder, is_archived, is_trashed): (Uuid, String, Option<i64>, bool, bool) = tx
        .prepare_cached(
            "SELECT id, title, folder, archived_at IS NOT NULL, trashed_at IS NOT NULL FROM conversations
             WHERE seq = :seq",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":seq": seq }, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
        })
        .while_("searching")?;
    let title = snippet::whole(&title, terms);
    Ok(Frame { id: ConversationId(id), title, folder: path(tx, folder)?, is_archived, is_trashed })
}

/// The names from the top folder down.
fn path(tx: &Tx<'_>, folder: Option<i64>) -> Result<Vec<String>, StoreError> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    tx.prepare_cached(
        "WITH RECURSIVE above (seq, step) AS (
             SELECT :folder, 0
             UNION ALL
             SELECT f.parent, a.step + 1 FROM above a JOIN folders f ON f.seq = a.seq WHERE f.parent IS NOT NULL)
         SELECT f.name FROM above a JOIN folders f ON f.seq = a.seq ORDER BY a.step DESC",
    )
    .and_then(|mut select| select.query_map(named_params! { ":folder": folder }, |row| row.get(0))?.collect())
    .while_("searching")
}

fn message_id(tx: &Tx<'_>, seq: i64) -> Result<MessageId, StoreError> {
    tx.prepare_cached("SELECT id FROM messages WHERE seq = :seq")
        .and_then(|mut find| find.query_row(named_params! { ":seq": seq }, |row| row.get(0).map(MessageId)))
        .while_("searching")
}

fn snippet_of(tx: &Tx<'_>, candidate: &Candidate, terms: &[Term]) -> Result<Marked, StoreError> {
    let sql = match candidate.source {
        // The title is the hit.
        Source::Titles => return Ok(Marked::default()),
        Source::Messages => "SELECT content FROM messages WHERE seq = :seq",
        Source::Notes => "SELECT body || coalesce(char(10) || quote, '') FROM notes WHERE seq = :seq",
        Source::Files => {
            "SELECT coalesce(text, CASE kind WHEN 'text' THEN body ELSE x'' END) FROM documents WHERE seq = :seq"
        }
    };
    let mut find = tx.prepare_cached(sql).while_("searching")?;
    let mut rows = find.query(named_params! { ":seq": candidate.seq }).while_("searching")?;
    let Some(row) = rows.next().while_("searching")? else { return Ok(Marked::default()) };
    let bytes = row.get_ref(0).and_then(|text| Ok(text.as_bytes()?)).while_("searching")?;
    let text = String::from_utf8_lossy(bytes);
    Ok(snippet::around(stretch(&text, terms, CLOSE), terms))
}
