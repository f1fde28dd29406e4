//! Checking the indexes against the texts, and making them anew.
//!
//! The triggers keep them right, so neither is needed on a good day. A rebuild empties an index and fills it in small
//! transactions, each of which notes how far it has come: one that was killed goes on where it stopped, and until then
//! searches say that they do not know everything.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde::{Deserialize, Serialize};

use crate::{
    api::search::{IndexProgress, IndexReport},
    store::{StoreError, Tx, While, thread::Going},
    words::entry,
};

/// The name under which the vault's settings keep how far a rebuild has come.
const REBUILD: &str = "search.rebuild";
/// Texts of one transaction, at most so many and so long together.
const CHUNK: u32 = 500;
const CHUNK_BYTES: usize = 2 << 20;

/// What is indexed: each with the texts it is of, a page of them after a key, in order.
struct Index {
    texts: &'static str,
    /// Empties it.
    clear: &'static str,
    forget: &'static str,
    add: &'static str,
    /// Which rows it has.
    rows: &'static str,
    /// Every word in it, with its row and place.
    words: &'static str,
}

const INDEXES: [Index; 4] = [
    Index {
        texts: "SELECT seq, content, NULL FROM messages
                WHERE seq > :after AND state <> 'streaming' AND content <> '' ORDER BY seq LIMIT :limit",
        clear: "INSERT INTO message_words (message_words) VALUES ('delete-all')",
        forget: "DELETE FROM message_words WHERE rowid = :seq",
        add: "INSERT INTO message_words (rowid, words) VALUES (:seq, :words)",
        rows: "SELECT rowid FROM message_words",
        words: "SELECT term, doc, \"offset\" FROM temp.message_places",
    },
    Index {
        texts: "SELECT seq, title, NULL FROM conversations
                WHERE seq > :after AND title_origin <> 'none' ORDER BY seq LIMIT :limit",
        clear: "INSERT INTO title_words (title_words) VALUES ('delete-all')",
        forget: "DELETE FROM title_words WHERE rowid = :seq",
        add: "INSERT INTO title_words (rowid, words) VALUES (:seq, :words)",
        rows: "SELECT rowid FROM title_words",
        words: "SELECT term, doc, \"offset\" FROM temp.title_places",
    },
    Index {
        texts: "SELECT seq, body, quote FROM notes WHERE seq > :after ORDER BY seq LIMIT :limit",
        clear: "INSERT INTO note_words (note_words) VALUES ('delete-all')",
        forget: "DELETE FROM note_words WHERE rowid = :seq",
        add: "INSERT INTO note_words (rowid, words) VALUES (:seq, :words)",
        rows: "SELECT rowid FROM note_words",
        words: "SELECT term, doc, \"offset\" FROM temp.note_places",
    },
    Index {
        texts: "SELECT d.seq, coalesce(d.text, CASE d.kind WHEN 'text' THEN d.body END),
                       (SELECT group_concat(a.name, ' ') FROM attachments a WHERE a.document = d.seq)
                FROM documents d WHERE d.seq > :after AND EXISTS (SELECT 1 FROM attachments a WHERE a.document = d.seq)
                ORDER BY d.seq LIMIT :limit",
        clear: "INSERT INTO document_words (document_words) VALUES ('delete-all')",
        forget: "DELETE FROM document_words WHERE rowid = :seq",
        add: "INSERT INTO document_words (rowid, words) VALUES (:seq, :words)",
        rows: "SELECT rowid FROM document_words",
        words: "SELECT term, doc, \"offset\" FROM temp.document_places",
    },
];

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rebuild {
    /// Which index is being filled.
    index: usize,
    /// The last row that is in it.
    after: i64,
    done: u64,
    of: u64,
}

pub(super) fn is_unfinished(tx: &Tx<'_>) -> Result<bool, StoreError> {
    Ok(rebuild(tx)?.is_some())
}

fn rebuild(tx: &Transaction<'_>) -> Result<Option<Rebuild>, StoreError> {
    let value: Option<String> = tx
        .prepare_cached("SELECT value FROM settings WHERE name = :name")
        .and_then(|mut find| find.query_row(named_params! { ":name": REBUILD }, |row| row.get(0)).optional())
        .while_("looking for a rebuild of the index")?;
    // One that cannot be read is begun anew.
    Ok(value.map(|value| serde_json::from_str(&value).unwrap_or_default()))
}

fn note(tx: &Transaction<'_>, rebuild: Option<Rebuild>, now: i64) -> Result<(), StoreError> {
    let Some(rebuild) = rebuild else {
        return tx
            .execute("DELETE FROM settings WHERE name = :name", named_params! { ":name": REBUILD })
            .map(drop)
            .while_("noting a rebuild of the index");
    };
    let value = serde_json::to_string(&rebuild).map_err(|_| StoreError::Nonsense { what: "rebuild of the index" })?;
    tx.prepare_cached(
        "INSERT INTO settings (name, updated_at, value) VALUES (:name, :now, :value)
         ON CONFLICT (name) DO UPDATE SET updated_at = :now, value = :value",
    )
    .and_then(|mut insert| insert.execute(named_params! { ":name": REBUILD, ":now": now, ":value": value }))
    .map(drop)
    .while_("noting a rebuild of the index")
}

/// Begins a rebuild: all indexes are empty afterwards. One that was begun before and not finished goes on, unless
/// `afresh`.
pub fn begin_rebuild(tx: &Tx<'_>, afresh: bool, now: i64) -> Result<IndexProgress, StoreError> {
    if let Some(begun) = rebuild(tx)?.filter(|begun| !afresh && begun.of > 0) {
        return Ok(IndexProgress { done: begun.done, of: begun.of });
    }
    for index in &INDEXES {
        tx.execute(index.clear, []).while_("emptying the index")?;
    }
    let of: i64 = tx
        .query_row(
            "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM conversations)
                    + (SELECT count(*) FROM notes) + (SELECT count(*) FROM documents)",
            [],
            |row| row.get(0),
        )
        .while_("counting what is to be found")?;
    let of = of.unsigned_abs().max(1);
    note(tx, Some(Rebuild { of, ..Rebuild::default() }), now)?;
    Ok(IndexProgress { done: 0, of })
}

/// Does the next part of a rebuild. `None` when it is finished.
pub fn go_on_rebuilding(tx: &Tx<'_>, now: i64) -> Result<Option<IndexProgress>, StoreError> {
    let Some(mut rebuild) = rebuild(tx)? else { return Ok(None) };
    let Some(index) = INDEXES.get(rebuild.index) else {
        note(tx, None, now)?;
        return Ok(None);
    };
    let mut forget = tx.prepare_cached(index.forget).while_("filling the index")?;
    let mut add = tx.prepare_cached(index.add).while_("filling the index")?;
    let mut bytes = 0;
    let is_end = each_text(tx, index, rebuild.after, |seq, text| {
        // A text that came or changed meanwhile is in it already.
        forget.execute(named_params! { ":seq": seq }).while_("filling the index")?;
        add.execute(named_params! { ":seq": seq, ":words": entry(text) }).while_("filling the index")?;
        rebuild.after = seq;
        rebuild.done += 1;
        bytes += text.len();
        Ok(bytes < CHUNK_BYTES)
    })?;
    if is_end {
        rebuild.index += 1;
        rebuild.after = 0;
    }
    let is_done = rebuild.index == INDEXES.len();
    note(tx, (!is_done).then_some(rebuild), now)?;
    Ok((!is_done).then_some(IndexProgress { done: rebuild.done.min(rebuild.of), of: rebuild.of }))
}

/// Gives a page of texts to `take`, until that says stop. Answers whether there are no more behind it.
fn each_text(
    tx: &Transaction<'_>,
    index: &Index,
    after: i64,
    mut take: impl FnMut(i64, &str) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let mut select = tx.prepare_cached(index.texts).while_("reading what is to be found")?;
    let mut rows =
        select.query(named_params! { ":after": after, ":limit": CHUNK }).while_("reading what is to be found")?;
    let mut read = 0;
    while let Some(row) = rows.next().while_("reading what is to be found")? {
        read += 1;
        let seq: i64 = row.get(0).while_("reading what is to be found")?;
        let mut text = String::new();
        for column in 1..=2 {
            let value = row.get_ref(column).and_then(|value| Ok(value.as_bytes_or_null()?));
            if let Some(bytes) = value.while_("reading what is to be found")? {
                text.push_str(&String::from_utf8_lossy(bytes));
                text.push_str(super::BETWEEN);
            }
        }
        if !take(seq, &text)? {
            return Ok(false);
        }
    }
    Ok(read < CHUNK)
}

/// Compares every word of the indexes with the texts they are of, in one look at the database.
pub fn check(tx: &Tx<'_>, going: &Going, mut tell: impl FnMut(IndexProgress)) -> Result<IndexReport, StoreError> {
    // Views of the indexes word by word; they live in memory and end with the connection.
    tx.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.message_places USING fts5vocab ('main', 'message_words', 'instance');
         CREATE VIRTUAL TABLE IF NOT EXISTS temp.title_places USING fts5vocab ('main', 'title_words', 'instance');
         CREATE VIRTUAL TABLE IF NOT EXISTS temp.note_places USING fts5vocab ('main', 'note_words', 'instance');
         CREATE VIRTUAL TABLE IF NOT EXISTS temp.document_places USING fts5vocab ('main', 'document_words', 'instance');",
    )
    .while_("looking into the index")?;
    let mut report = IndexReport { is_unfinished: is_unfinished(tx)?, ..IndexReport::default() };
    let of: i64 = tx
        .query_row("SELECT (SELECT count(*) FROM message_words) + (SELECT count(*) FROM title_words)", [], |row| {
            row.get(0)
        })
        .while_("counting what is to be found")?;
    let of = of.unsigned_abs().max(1);
    for index in &INDEXES {
        let mut sums = sums(tx, going, index)?;
        let mut after = 0;
        loop {
            going.check()?;
            let is_end = each_text(tx, index, after, |seq, text| {
                after = seq;
                report.texts += 1;
                // A text without words has an entry without words.
                report.wrong += u64::from(sums.remove(&seq) != Some(sum_of(&entry(text))));
                Ok(true)
            })?;
            tell(IndexProgress { done: report.texts.min(of), of });
            if is_end {
                break;
            }
        }
        report.left_over += sums.len() as u64;
    }
    Ok(report)
}

/// Each row's words as one number.
fn sums(tx: &Transaction<'_>, going: &Going, index: &Index) -> Result<HashMap<i64, u64>, StoreError> {
    let mut rows = tx.prepare_cached(index.rows).while_("looking into the index")?;
    let mut sums: HashMap<i64, u64> =
        rows.query_map([], |row| Ok((row.get(0)?, 0))).and_then(Iterator::collect).while_("looking into the index")?;
    let mut words = tx.prepare_cached(index.words).while_("looking into the index")?;
    let mut found = words.query([]).while_("looking into the index")?;
    let mut last = (String::new(), 0);
    let mut count = 0_u64;
    while let Some(row) = found.next().while_("looking into the index")? {
        count += 1;
        if count.is_multiple_of(65_536) {
            going.check()?;
        }
        let term = row.get_ref(0).and_then(|term| Ok(term.as_str()?)).while_("looking into the index")?;
        if last.0 != term {
            last = (term.to_owned(), number(term));
        }
        let place = || Ok::<_, rusqlite::Error>((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let (seq, at) = place().while_("looking into the index")?;
        let sum = sums.entry(seq).or_default();
        *sum = sum.wrapping_add(at_place(last.1, at.unsigned_abs()));
    }
    Ok(sums)
}

/// The same of an entry as it should be.
fn sum_of(entry: &str) -> u64 {
    let words = entry.split(' ').filter(|word| !word.is_empty()).zip(0_u64..);
    words.fold(0, |sum, (word, at)| sum.wrapping_add(at_place(number(word), at)))
}

/// FNV-1a: told apart are words of the same person, not of somebody who wants them taken for each other.
fn number(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn at_place(word: u64, at: u64) -> u64 {
    (word ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29) ^ word
}
