//! Notes as rows, and where a passage stands in the text as it is now.
//!
//! A passage is kept as a range of characters together with its words. An answer that is gone on with only grows, and an
//! edited message becomes a sibling, so the range nearly always holds; where it does not, the words decide. What is
//! computed here is never written back: the row keeps what the person selected.

use std::ops::Range;

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::{
    fold::filter_key,
    rows::{conversation_seq, message_id, message_seq, role, state},
};
use crate::{
    api::{
        ConversationId, NoteId,
        chat::MessageState,
        notes::{Anchor, NewNote, NewPassage, Note, NoteMark, NoteRow, NoteScope, Passage, QUOTE_MAX},
    },
    store::{StoreError, While},
};

/// Rows that a filter looks at for one page; what lies beyond comes with the next.
const FILTER_DEPTH: u32 = 20_000;
/// Rows read at a time while filtering.
const STRIDE: u32 = 200;
/// How much of a note a refusal names, characters.
const NAMED: usize = 40;

macro_rules! select_notes {
    ($rest:literal) => {
        concat!(
            "SELECT n.seq, n.id, c.id AS conversation, m.id AS message, n.message AS message_seq, n.first_char, n.end_char,
                    n.rev, n.created_at, n.updated_at, n.quote, n.body, c.title, c.trashed_at IS NOT NULL AS trashed,
                    m.role,
                    n.quote IS substr(m.content, n.first_char + 1, n.end_char - n.first_char) AS in_place
             FROM notes n JOIN conversations c ON c.seq = n.conversation LEFT JOIN messages m ON m.seq = n.message ",
            $rest
        )
    };
}

/// The characters of a text from `first` up to `end`, if it has so many.
#[must_use]
pub fn slice(text: &str, chars: Range<u32>) -> Option<&str> {
    let first = chars.start as usize;
    let count = chars.end.checked_sub(chars.start)? as usize;
    let mut bounds = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(first);
    let from = bounds.next()?;
    let to = if count == 0 { from } else { bounds.nth(count - 1)? };
    text.get(from..to)
}

/// Where the words of a passage stand now: where they were, else where they are found once.
#[must_use]
pub fn anchor(text: &str, chars: Range<u32>, quote: &str) -> (Anchor, Range<u32>) {
    if slice(text, chars.clone()) == Some(quote) {
        return (Anchor::InPlace, chars);
    }
    match find_once(text, quote) {
        Found::Once(found) => (Anchor::Moved, found),
        Found::Never | Found::Often => (Anchor::Changed, chars),
    }
}

enum Found {
    Never,
    Once(Range<u32>),
    Often,
}

fn find_once(text: &str, words: &str) -> Found {
    let Some(first) = words.chars().next() else { return Found::Never };
    let Some(at) = text.find(words) else { return Found::Never };
    if text[at + first.len_utf8()..].contains(words) {
        return Found::Often;
    }
    let start = text[..at].chars().count() as u32;
    Found::Once(start..start + words.chars().count() as u32)
}

/// Writes a note. The words of its passage are taken from the message as it is stored.
pub fn add(tx: &Transaction<'_>, new: &NewNote, now: i64) -> Result<Note, StoreError> {
    let conversation = conversation_seq(tx, new.conversation)?;
    let message = new.message.map(|message| message_seq(tx, conversation, message)).transpose()?;
    let passage = match (&new.passage, message) {
        (Some(passage), Some(message)) => Some(selected(tx, message, passage)?),
        (Some(_), None) => {
            return Err(StoreError::Invalid("A passage is a part of a message: say of which.".to_owned()));
        }
        (None, _) => None,
    };
    let id = NoteId::new();
    tx.prepare_cached(
        "INSERT INTO notes (id, conversation, message, first_char, end_char, created_at, updated_at, quote, body)
         VALUES (:id, :conversation, :message, :first, :end, :now, :now, :quote, :body)",
    )
    .while_("writing a note")?
    .execute(named_params! {
        ":id": id.0,
        ":conversation": conversation,
        ":message": message,
        ":first": passage.as_ref().map(|(chars, _)| chars.start),
        ":end": passage.as_ref().map(|(chars, _)| chars.end),
        ":now": now,
        ":quote": passage.as_ref().map(|(_, quote)| quote),
        ":body": new.body,
    })
    .while_("writing a note")?;
    get(tx, id)
}

/// The range and the words of a passage to be noted. Refused where another note stands already.
fn selected(tx: &Transaction<'_>, message: i64, passage: &NewPassage) -> Result<(Range<u32>, String), StoreError> {
    let (content, state_name): (String, String) = tx
        .prepare_cached("SELECT content, state FROM messages WHERE seq = :message")
        .and_then(|mut find| {
            find.query_row(named_params! { ":message": message }, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .while_("reading a message to note")?;
    if state(&state_name)? == MessageState::Streaming {
        return Err(StoreError::Conflict(
            "The answer is still arriving; its passages can be noted when it is complete.".into(),
        ));
    }
    let chars = match passage {
        NewPassage::Chars(first, end) => *first..*end,
        NewPassage::Quote(words) => match find_once(&content, words) {
            Found::Once(chars) => chars,
            Found::Never => return Err(StoreError::Invalid("These words do not stand in the message.".to_owned())),
            Found::Often => {
                return Err(StoreError::Invalid(
                    "These words stand in the message more than once: take more of what stands around them.".to_owned(),
                ));
            }
        },
    };
    let quote = slice(&content, chars.clone())
        .filter(|quote| !quote.is_empty())
        .ok_or_else(|| StoreError::Invalid("There is no such passage in the message.".to_owned()))?;
    if quote.len() > QUOTE_MAX {
        return Err(StoreError::Invalid(format!(
            "A passage has at most {} KiB, and this one has {}: note the message, or a part of it.",
            QUOTE_MAX / 1024,
            quote.len().div_ceil(1024)
        )));
    }
    for (_, other, body) in passages(tx, message, &content)? {
        if let Some(other) = other
            && other.start < chars.end
            && chars.start < other.end
        {
            return Err(StoreError::Conflict(format!("The passage overlaps the one noted as “{}”.", begins(&body))));
        }
    }
    Ok((chars, quote.to_owned()))
}

/// Replaces a note's text. Refused if it has another revision than the one that was seen.
pub fn change(tx: &Transaction<'_>, id: NoteId, body: &str, seen: Option<u32>, now: i64) -> Result<Note, StoreError> {
    check_seen(tx, id, seen)?;
    tx.prepare_cached("UPDATE notes SET body = :body, rev = rev + 1, updated_at = :now WHERE id = :id")
        .and_then(|mut update| update.execute(named_params! { ":id": id.0, ":body": body, ":now": now }))
        .while_("changing a note")?;
    get(tx, id)
}

/// Removes a note for good, and gives it as it was.
pub fn delete(tx: &Transaction<'_>, id: NoteId, seen: Option<u32>) -> Result<Note, StoreError> {
    let note = get(tx, id)?;
    check_seen(tx, id, seen)?;
    tx.prepare_cached("DELETE FROM notes WHERE id = :id")
        .and_then(|mut delete| delete.execute(named_params! { ":id": id.0 }))
        .while_("deleting a note")?;
    Ok(note)
}

fn check_seen(tx: &Transaction<'_>, id: NoteId, seen: Option<u32>) -> Result<(), StoreError> {
    let rev: u32 = tx
        .prepare_cached("SELECT rev FROM notes WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional())
        .while_("reading a note")?
        .ok_or(StoreError::NotFound("note"))?;
    if seen.is_some_and(|seen| seen != rev) {
        return Err(StoreError::Conflict("The note was changed in another window meanwhile.".to_owned()));
    }
    Ok(())
}

pub fn get(tx: &Transaction<'_>, id: NoteId) -> Result<Note, StoreError> {
    let raw = tx
        .prepare_cached(select_notes!("WHERE n.id = :id AND m.pruned_at IS NULL"))
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, Raw::read).optional())
        .while_("reading a note")?
        .ok_or(StoreError::NotFound("note"))?;
    Ok(raw.complete(tx)?.note)
}

/// One page of notes, newest first, from below the place `after`. The second value is the place to go on from.
pub fn list(
    tx: &Transaction<'_>,
    scope: NoteScope,
    filter: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<NoteRow>, Option<i64>), StoreError> {
    let wanted = filter_key(filter.trim());
    let (conversation, message) = match scope {
        NoteScope::Everything => (None, None),
        NoteScope::Conversation(id) => (Some(conversation_seq(tx, id)?), None),
        NoteScope::Message(id, message) => {
            let conversation = conversation_seq(tx, id)?;
            (Some(conversation), Some(message_seq(tx, conversation, message)?))
        }
    };
    let sql = match scope {
        NoteScope::Everything => select_notes!(
            "WHERE n.seq < :after AND c.trashed_at IS NULL AND m.pruned_at IS NULL AND :conversation IS NULL
             AND :message IS NULL ORDER BY n.seq DESC LIMIT :limit"
        ),
        NoteScope::Conversation(_) => select_notes!(
            "WHERE n.conversation = :conversation AND n.seq < :after AND m.pruned_at IS NULL AND :message IS NULL
             ORDER BY n.seq DESC LIMIT :limit"
        ),
        NoteScope::Message(..) => select_notes!(
            "WHERE n.message = :message AND n.conversation = :conversation AND n.seq < :after
             ORDER BY n.seq DESC LIMIT :limit"
        ),
    };
    let mut select = tx.prepare_cached(sql).while_("listing notes")?;
    let mut found: Vec<Raw> = Vec::new();
    let mut from = after.unwrap_or(i64::MAX);
    let mut looked_at = 0;
    // One more tells whether anything follows.
    let enough = limit as usize + 1;
    let mut is_end = false;
    while found.len() < enough && looked_at < FILTER_DEPTH && !is_end {
        let stride = if wanted.is_empty() { limit + 1 } else { STRIDE };
        let raw: Vec<Raw> = select
            .query_map(
                named_params! {
                    ":conversation": conversation, ":message": message, ":after": from, ":limit": stride,
                },
                Raw::read,
            )
            .and_then(Iterator::collect)
            .while_("listing notes")?;
        looked_at += raw.len() as u32;
        is_end = raw.len() < stride as usize;
        for raw in raw {
            if found.len() >= enough {
                break;
            }
            from = raw.seq;
            if wanted.is_empty() || raw.contains(&wanted) {
                found.push(raw);
            }
        }
    }
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = match found.last() {
        Some(last) if more => Some(last.seq),
        // The depth of one look is used up; the end has not been reached.
        Some(_) | None => (!is_end && looked_at >= FILTER_DEPTH).then_some(from),
    };
    let rows = found.into_iter().map(|raw| raw.complete(tx)).collect::<Result<_, _>>()?;
    Ok((rows, next))
}

/// The notes on a message whose text is this, in the order in which their passages stand.
pub(super) fn marks(tx: &Transaction<'_>, message: i64, content: &str) -> Result<Vec<NoteMark>, StoreError> {
    let marks = passages(tx, message, content)?.into_iter();
    Ok(marks.map(|(id, chars, _)| NoteMark { id, chars: chars.map(|chars| (chars.start, chars.end)) }).collect())
}

type Standing = (NoteId, Option<Range<u32>>, String);

/// Every note on a message, with where it stands now and its text.
fn passages(tx: &Transaction<'_>, message: i64, content: &str) -> Result<Vec<Standing>, StoreError> {
    type Stored = (Uuid, Option<u32>, Option<u32>, Option<String>, String);
    let stored: Vec<Stored> = tx
        .prepare_cached(
            "SELECT id, first_char, end_char, quote, body FROM notes WHERE message = :message ORDER BY first_char, seq",
        )
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":message": message }, |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?
                .collect()
        })
        .while_("reading a message's notes")?;
    Ok(stored
        .into_iter()
        .map(|(id, first, end, quote, body)| {
            let chars = match (first, end, quote) {
                (Some(first), Some(end), Some(quote)) => match anchor(content, first..end, &quote) {
                    (Anchor::InPlace | Anchor::Moved, chars) => Some(chars),
                    (Anchor::Changed, _) => None,
                },
                (_, _, _) => None,
            };
            (NoteId(id), chars, body)
        })
        .collect())
}

/// The beginning of a note, to name it by.
fn begins(body: &str) -> String {
    let line = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut name: String = line.chars().take(NAMED).collect();
    if line.chars().count() > NAMED {
        name.push('…');
    }
    name
}

struct Raw {
    seq: i64,
    message_seq: Option<i64>,
    in_place: bool,
    role: Option<String>,
    row: NoteRow,
}

impl Raw {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        let first: Option<u32> = row.get("first_char")?;
        let end: Option<u32> = row.get("end_char")?;
        let passage = match (first, end) {
            (Some(first_char), Some(end_char)) => {
                Some(Passage { first_char, end_char, quote: row.get("quote")?, anchor: Anchor::InPlace })
            }
            (_, _) => None,
        };
        Ok(Self {
            seq: row.get("seq")?,
            message_seq: row.get("message_seq")?,
            in_place: row.get("in_place")?,
            role: row.get("role")?,
            row: NoteRow {
                note: Note {
                    id: NoteId(row.get("id")?),
                    conversation: ConversationId(row.get("conversation")?),
                    message: message_id(row, "message")?,
                    passage,
                    body: row.get("body")?,
                    rev: row.get("rev")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                },
                title: row.get("title")?,
                role: None,
                trashed: row.get("trashed")?,
            },
        })
    }

    fn contains(&self, wanted: &str) -> bool {
        let note = &self.row.note;
        filter_key(&note.body).contains(wanted)
            || filter_key(&self.row.title).contains(wanted)
            || note.passage.as_ref().is_some_and(|passage| filter_key(&passage.quote).contains(wanted))
    }

    fn complete(self, tx: &Transaction<'_>) -> Result<NoteRow, StoreError> {
        let mut row = self.row;
        row.role = self.role.as_deref().map(role).transpose()?;
        // Only where the words are not in their place is the text itself looked at.
        if let (Some(passage), Some(message), false) = (&mut row.note.passage, self.message_seq, self.in_place) {
            let content: String = tx
                .prepare_cached("SELECT content FROM messages WHERE seq = :message")
                .and_then(|mut find| find.query_row(named_params! { ":message": message }, |row| row.get(0)))
                .while_("reading a message's notes")?;
            let (found, chars) = anchor(&content, passage.first_char..passage.end_char, &passage.quote);
            passage.anchor = found;
            passage.first_char = chars.start;
            passage.end_char = chars.end;
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        api::{
            chat::{MessageRole, MessageState},
            organise::NewConversation,
        },
        store::vault::{conversations, messages, scratch},
    };

    fn said(tx: &Transaction<'_>, content: &str) -> (ConversationId, i64, crate::api::MessageId) {
        let id = conversations::create(tx, &NewConversation::default(), 1).unwrap().row.id;
        let new = messages::NewMessage {
            conversation: messages::head(tx, id).unwrap().0,
            parent: None,
            role: MessageRole::Assistant,
            state: MessageState::Done,
            content,
            model: None,
            weight: 1,
            lease: None,
            now: 1,
        };
        let (seq, message) = messages::add(tx, &new).unwrap();
        (id, seq, message)
    }

    fn on(conversation: ConversationId, message: crate::api::MessageId, passage: NewPassage, body: &str) -> NewNote {
        NewNote { conversation, message: Some(message), passage: Some(passage), body: body.to_owned() }
    }

    #[test]
    fn two_notes_never_share_a_character_and_the_refusal_names_the_other() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let (id, _, message) = said(&tx, "one tẅo 三 four");
        let first = add(&tx, &on(id, message, NewPassage::Quote("tẅo".into()), "look\nhere"), 1).unwrap();
        let passage = first.passage.unwrap();
        assert_eq!((passage.first_char, passage.end_char, passage.quote.as_str()), (4, 7, "tẅo"));
        for (from, to) in [(4, 5), (0, 5), (6, 9), (0, 13), (5, 6)] {
            let refused = add(&tx, &on(id, message, NewPassage::Chars(from, to), "no"), 1).unwrap_err();
            assert_eq!(refused.to_string(), "The passage overlaps the one noted as “look”.", "{from}..{to}");
        }
        // What touches does not overlap.
        add(&tx, &on(id, message, NewPassage::Chars(3, 4), "before"), 1).unwrap();
        add(&tx, &on(id, message, NewPassage::Chars(7, 8), "after"), 1).unwrap();
        for (from, to) in [(9, 9), (10, 400), (400, 500)] {
            assert!(matches!(
                add(&tx, &on(id, message, NewPassage::Chars(from, to), "no"), 1),
                Err(StoreError::Invalid(_))
            ));
        }
    }

    #[test]
    fn a_note_stays_with_its_words_when_the_text_changes() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let (id, seq, message) = said(&tx, "keep this word");
        add(&tx, &on(id, message, NewPassage::Quote("this".into()), "why"), 1).unwrap();
        let set = |text: &str| {
            tx.execute("UPDATE messages SET content = ? WHERE seq = ?", rusqlite::params![text, seq]).unwrap();
        };
        let now = || {
            let (rows, _) = list(&tx, NoteScope::Message(id, message), "", None, 9).unwrap();
            let marks = messages::get(&tx, seq).unwrap().notes;
            let passage = rows[0].note.passage.clone().unwrap();
            (passage.anchor, passage.first_char, marks[0].chars)
        };
        assert_eq!(now(), (Anchor::InPlace, 5, Some((5, 9))));
        set("keep this word, and more of them");
        assert_eq!(now(), (Anchor::InPlace, 5, Some((5, 9))));
        set("\0 do keep this word");
        assert_eq!(now(), (Anchor::Moved, 10, Some((10, 14))));
        set("this or this");
        assert_eq!(now(), (Anchor::Changed, 5, None));
        // What has changed stands in nobody's way.
        add(&tx, &on(id, message, NewPassage::Chars(5, 9), "new"), 1).unwrap();
    }

    #[test]
    fn notes_are_paged_newest_first_and_filtered_by_what_they_say() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let (id, _, message) = said(&tx, "Ein Café in Wien");
        for number in 0..5 {
            let body = format!("note {number}");
            add(&tx, &NewNote { conversation: id, message: None, passage: None, body }, 1).unwrap();
        }
        add(&tx, &on(id, message, NewPassage::Quote("Café".into()), "drink"), 1).unwrap();
        let bodies = |filter: &str, after, limit| {
            let (rows, next) = list(&tx, NoteScope::Everything, filter, after, limit).unwrap();
            (rows.into_iter().map(|row| row.note.body).collect::<Vec<_>>(), next)
        };
        let (first, next) = bodies("", None, 4);
        assert_eq!(first, ["drink", "note 4", "note 3", "note 2"]);
        assert_eq!(bodies("", next, 4), (vec!["note 1".to_owned(), "note 0".to_owned()], None));
        assert_eq!(bodies("CAFE", None, 4).0, ["drink"]);
        let (two, next) = bodies("note", None, 2);
        assert_eq!((two.len(), next.is_some()), (2, true));
        assert_eq!(bodies("note", next, 9).0, ["note 2", "note 1", "note 0"]);
        crate::store::vault::arrange::trash(&tx, &[id], 1).unwrap();
        assert_eq!(bodies("", None, 9).0, [""; 0]);
        assert_eq!(list(&tx, NoteScope::Conversation(id), "", None, 9).unwrap().0.len(), 6);
    }

    #[test]
    fn a_change_that_saw_an_older_note_is_refused() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let (id, ..) = said(&tx, "text");
        let new = NewNote { conversation: id, message: None, passage: None, body: "first".to_owned() };
        let note = add(&tx, &new, 1).unwrap();
        let second = change(&tx, note.id, "second", Some(note.rev), 2).unwrap();
        assert_eq!((second.body.as_str(), second.rev, second.updated_at), ("second", 2, 2));
        assert!(matches!(change(&tx, note.id, "third", Some(note.rev), 3), Err(StoreError::Conflict(_))));
        assert!(matches!(delete(&tx, note.id, Some(note.rev)), Err(StoreError::Conflict(_))));
        assert_eq!(delete(&tx, note.id, Some(second.rev)).unwrap().body, "second");
        assert!(matches!(get(&tx, note.id), Err(StoreError::NotFound(_))));
    }

    #[test]
    fn a_passage_is_cut_by_characters() {
        assert_eq!(slice("añb漢c", 1..4), Some("ñb漢"));
        assert_eq!(slice("abc", 0..3), Some("abc"));
        assert_eq!(slice("abc", 2..4), None);
        assert_eq!(slice("abc", 3..3), Some(""));
        assert_eq!(slice("", 0..1), None);
    }

    #[test]
    fn words_that_moved_are_found_if_they_stand_there_once() {
        assert_eq!(anchor("one two three", 4..7, "two"), (Anchor::InPlace, 4..7));
        assert_eq!(anchor("ünd one two three", 4..7, "two"), (Anchor::Moved, 8..11));
        assert_eq!(anchor("two and two", 4..7, "two"), (Anchor::Changed, 4..7));
        assert_eq!(anchor("aaa", 5..7, "aa"), (Anchor::Changed, 5..7));
        assert_eq!(anchor("gone", 4..7, "two"), (Anchor::Changed, 4..7));
    }

    proptest! {
        #[test]
        fn what_was_cut_out_is_in_its_place(text in "\\PC{0,40}", first in 0u32..40, length in 1u32..40) {
            let chars = first..first + length;
            if let Some(quote) = slice(&text, chars.clone()) {
                prop_assert_eq!(quote.chars().count() as u32, length);
                prop_assert_eq!(anchor(&text, chars.clone(), quote), (Anchor::InPlace, chars));
            }
        }
    }
}
