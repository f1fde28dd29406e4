//! The newest places that fit, so many of each kind, in the order in which they are shown.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, named_params};

use super::{Source, Wanted, expression, scope::Scope, score::Weigher};
use crate::{
    api::chat::MessageRole,
    store::{StoreError, Tx, While, thread::Going, vault::rows::role},
};

/// How many messages a round looks at. Twice as many find a better first hit rarely, and cost twice as much.
const MESSAGES: usize = 150;
/// The same of titles, notes and files each.
const OTHERS: usize = 50;
/// Rows of the index between two questions whether anybody still waits.
const STRIDE: usize = 128;

/// Where in the results a page begins: from which rows downwards its round takes its candidates, and how many of the round
/// were shown before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub messages: i64,
    pub titles: i64,
    pub notes: i64,
    pub files: i64,
    pub offset: u32,
    /// What counts as now, for all pages of one search: milliseconds since 1970, UTC.
    pub now: i64,
}

impl Place {
    #[must_use]
    pub fn beginning(now: i64) -> Self {
        Self { messages: i64::MAX, titles: i64::MAX, notes: i64::MAX, files: i64::MAX, offset: 0, now }
    }

    fn below(&self, source: Source) -> i64 {
        match source {
            Source::Messages => self.messages,
            Source::Titles => self.titles,
            Source::Notes => self.notes,
            Source::Files => self.files,
        }
    }

    fn below_mut(&mut self, source: Source) -> &mut i64 {
        match source {
            Source::Messages => &mut self.messages,
            Source::Titles => &mut self.titles,
            Source::Notes => &mut self.notes,
            Source::Files => &mut self.files,
        }
    }
}

/// A place that fits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) seq: i64,
    pub(super) conversation: i64,
    pub(super) message: Option<i64>,
    pub(super) role: Option<MessageRole>,
    pub(super) model: Option<String>,
    pub(super) at: i64,
    pub(super) file: Option<String>,
    pub(super) score: f64,
}

pub(super) struct Round {
    /// Best first.
    pub(super) all: Vec<Candidate>,
    /// Where the next round begins, if there is one.
    pub(super) after: Option<Place>,
}

const SOURCES: [(Source, usize); 4] =
    [(Source::Titles, OTHERS), (Source::Notes, OTHERS), (Source::Files, OTHERS), (Source::Messages, MESSAGES)];

pub(super) fn round(
    tx: &Tx<'_>,
    going: &Going,
    wanted: &Wanted,
    scope: &Scope<'_>,
    from: &Place,
) -> Result<Round, StoreError> {
    let terms = wanted.terms();
    let mut taker = Taker { tx, scope, weigher: Weigher::new(&terms, from.now), titles: HashMap::new() };
    let mut all = Vec::new();
    let mut after = *from;
    let mut is_more = false;
    let words = expression::expression(wanted);
    for (source, quota) in SOURCES {
        if !scope.has_source(source) || from.below(source) == i64::MIN {
            continue;
        }
        let end = match &words {
            Some(words) => take_found(&mut taker, going, source, words, from.below(source), quota, &mut all)?,
            // Filters alone are a question about messages.
            None if source == Source::Messages => {
                take_all(&mut taker, going, wanted, from.below(source), quota, &mut all)?
            }
            None => i64::MIN,
        };
        is_more |= end != i64::MIN;
        *after.below_mut(source) = end;
    }
    if words.is_some() {
        all.sort_by(|one, other| other.score.total_cmp(&one.score).then(other.seq.cmp(&one.seq)));
    }
    Ok(Round { all, after: is_more.then_some(after) })
}

/// Takes what the index finds below `below`, newest first. Answers where the next round of this source begins, `i64::MIN`
/// at its end.
fn take_found(
    taker: &mut Taker<'_>,
    going: &Going,
    source: Source,
    words: &str,
    below: i64,
    quota: usize,
    all: &mut Vec<Candidate>,
) -> Result<i64, StoreError> {
    let sql = match source {
        Source::Messages => {
            "SELECT rowid FROM message_words WHERE message_words MATCH :words AND rowid < :below ORDER BY rowid DESC"
        }
        Source::Titles => {
            "SELECT rowid FROM title_words WHERE title_words MATCH :words AND rowid < :below ORDER BY rowid DESC"
        }
        Source::Notes => {
            "SELECT rowid FROM note_words WHERE note_words MATCH :words AND rowid < :below ORDER BY rowid DESC"
        }
        Source::Files => {
            "SELECT rowid FROM document_words WHERE document_words MATCH :words AND rowid < :below ORDER BY rowid DESC"
        }
    };
    let tx = taker.tx;
    let mut select = tx.prepare_cached(sql).while_("searching")?;
    let rows = select.query(named_params! { ":words": words, ":below": below }).while_("searching")?;
    take(taker, going, source, rows, quota, all)
}

/// The same for searches without words: messages, newest first.
fn take_all(
    taker: &mut Taker<'_>,
    going: &Going,
    wanted: &Wanted,
    below: i64,
    quota: usize,
    all: &mut Vec<Candidate>,
) -> Result<i64, StoreError> {
    let tx = taker.tx;
    let (sql, unwanted) = match expression::unwanted(wanted) {
        None => (
            "SELECT seq FROM messages WHERE seq < :below AND state <> 'streaming' AND content <> '' AND :none IS NULL
             ORDER BY seq DESC",
            None,
        ),
        some => (
            "SELECT seq FROM messages WHERE seq < :below AND state <> 'streaming' AND content <> ''
             AND seq NOT IN (SELECT rowid FROM message_words WHERE message_words MATCH :none) ORDER BY seq DESC",
            some,
        ),
    };
    let mut select = tx.prepare_cached(sql).while_("searching")?;
    let rows = select.query(named_params! { ":below": below, ":none": unwanted }).while_("searching")?;
    take(taker, going, Source::Messages, rows, quota, all)
}

fn take(
    taker: &mut Taker<'_>,
    going: &Going,
    source: Source,
    mut rows: rusqlite::Rows<'_>,
    quota: usize,
    all: &mut Vec<Candidate>,
) -> Result<i64, StoreError> {
    let mut taken = 0;
    let mut last = i64::MIN;
    let mut seen = 0_usize;
    while let Some(row) = rows.next().while_("searching")? {
        if seen.is_multiple_of(STRIDE) {
            going.check()?;
        }
        seen += 1;
        let seq: i64 = row.get(0).while_("searching")?;
        if let Some(candidate) = taker.look_at(source, seq)? {
            // One more than the round takes tells whether there is a next one.
            if taken == quota {
                return Ok(last);
            }
            taken += 1;
            last = seq;
            all.push(candidate);
        }
    }
    Ok(i64::MIN)
}

/// Looks up what the index found.
struct Taker<'a> {
    tx: &'a Tx<'a>,
    scope: &'a Scope<'a>,
    weigher: Weigher<'a>,
    /// What the titles of conversations are worth.
    titles: HashMap<i64, f64>,
}

impl Taker<'_> {
    fn look_at(&mut self, source: Source, seq: i64) -> Result<Option<Candidate>, StoreError> {
        match source {
            Source::Messages => self.message(seq),
            Source::Titles => self.title(seq),
            Source::Notes => self.note(seq),
            Source::Files => self.file(seq),
        }
    }

    fn message(&mut self, seq: i64) -> Result<Option<Candidate>, StoreError> {
        if !self.scope.may_have_message(seq) {
            return Ok(None);
        }
        let tx = self.tx;
        let mut find = tx
            .prepare_cached(
                "SELECT conversation, role, model, created_at,
                        EXISTS (SELECT 1 FROM notes WHERE message = :seq) AS has_note, content
                 FROM messages WHERE seq = :seq AND pruned_at IS NULL",
            )
            .while_("searching")?;
        let mut rows = find.query(named_params! { ":seq": seq }).while_("searching")?;
        let Some(row) = rows.next().while_("searching")? else { return Ok(None) };
        let fields = || {
            let model = row.get_ref("model")?.as_str_or_null()?;
            Ok::<_, rusqlite::Error>((
                row.get("conversation")?,
                row.get_ref("role")?.as_str()?,
                model,
                row.get("created_at")?,
            ))
        };
        let (conversation, role_name, model, at): (i64, &str, Option<&str>, i64) = fields().while_("searching")?;
        let role = role(role_name)?;
        let fits = self.scope.has_conversation(conversation)
            && self.scope.has_role(role)
            && self.scope.has_model(model)
            && self.scope.has_time(at);
        if !fits {
            return Ok(None);
        }
        let has_note: bool = row.get("has_note").while_("searching")?;
        let content = row.get_ref("content").and_then(|text| Ok(text.as_str()?)).while_("searching")?;
        let score = self.weigher.message(content, at, has_note) + self.title_worth(conversation)?;
        Ok(Some(Candidate {
            source: Source::Messages,
            seq,
            conversation,
            message: Some(seq),
            role: Some(role),
            model: model.map(str::to_owned),
            at,
            file: None,
            score,
        }))
    }

    fn title_worth(&mut self, conversation: i64) -> Result<f64, StoreError> {
        if let Some(worth) = self.titles.get(&conversation) {
            return Ok(*worth);
        }
        let tx = self.tx;
        let title: String = tx
            .prepare_cached("SELECT title FROM conversations WHERE seq = :seq")
            .and_then(|mut find| find.query_row(named_params! { ":seq": conversation }, |row| row.get(0)))
            .while_("searching")?;
        let worth = self.weigher.title_of_message(&title);
        self.titles.insert(conversation, worth);
        Ok(worth)
    }

    fn title(&mut self, seq: i64) -> Result<Option<Candidate>, StoreError> {
        if !self.scope.has_conversation(seq) {
            return Ok(None);
        }
        let tx = self.tx;
        let found: Option<(String, Option<String>, i64)> = tx
            .prepare_cached("SELECT title, model, updated_at FROM conversations WHERE seq = :seq")
            .and_then(|mut find| {
                find.query_row(named_params! { ":seq": seq }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .while_("searching")?;
        let Some((title, model, at)) = found else { return Ok(None) };
        if !self.scope.has_time(at) || !self.scope.has_model(model.as_deref()) {
            return Ok(None);
        }
        let score = self.weigher.title(&title, at);
        Ok(Some(Candidate {
            source: Source::Titles,
            seq,
            conversation: seq,
            message: None,
            role: None,
            model,
            at,
            file: None,
            score,
        }))
    }

    fn note(&mut self, seq: i64) -> Result<Option<Candidate>, StoreError> {
        let tx = self.tx;
        let found: Option<(i64, Option<i64>, i64, String)> = tx
            .prepare_cached("SELECT conversation, message, updated_at, body FROM notes WHERE seq = :seq")
            .and_then(|mut find| {
                find.query_row(named_params! { ":seq": seq }, |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
                .optional()
            })
            .while_("searching")?;
        let Some((conversation, message, at, body)) = found else { return Ok(None) };
        if !self.scope.has_conversation(conversation) || !self.scope.has_time(at) {
            return Ok(None);
        }
        let Some((role, model)) = self.carrier(message)? else { return Ok(None) };
        let score = self.weigher.note(&body, at);
        Ok(Some(Candidate { source: Source::Notes, seq, conversation, message, role, model, at, file: None, score }))
    }

    /// Who said the message that something hangs on, if it may be looked through.
    #[expect(clippy::type_complexity, reason = "two columns, or none, of a message that may not be looked through")]
    fn carrier(&self, message: Option<i64>) -> Result<Option<(Option<MessageRole>, Option<String>)>, StoreError> {
        let filters = self.scope.filters;
        let Some(message) = message else {
            let asks_for_messages =
                filters.role.is_some() || filters.rated.is_some() || filters.has_file || !filters.models.is_empty();
            return Ok((!asks_for_messages).then_some((None, None)));
        };
        if !self.scope.may_have_message(message) {
            return Ok(None);
        }
        let found: Option<(String, Option<String>)> = self
            .tx
            .prepare_cached("SELECT role, model FROM messages WHERE seq = :seq AND pruned_at IS NULL")
            .and_then(|mut find| {
                find.query_row(named_params! { ":seq": message }, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .while_("searching")?;
        let Some((name, model)) = found else { return Ok(None) };
        let role = role(&name)?;
        let fits = self.scope.has_role(role) && self.scope.has_model(model.as_deref());
        Ok(fits.then_some((Some(role), model)))
    }

    /// A file is shown once, at the newest message that it went with.
    fn file(&mut self, seq: i64) -> Result<Option<Candidate>, StoreError> {
        let tx = self.tx;
        let mut select = tx
            .prepare_cached(
                "SELECT a.message, a.name, m.conversation, m.created_at FROM attachments a
                 JOIN messages m ON m.seq = a.message WHERE a.document = :document ORDER BY a.message DESC",
            )
            .while_("searching")?;
        let mut rows = select.query(named_params! { ":document": seq }).while_("searching")?;
        while let Some(row) = rows.next().while_("searching")? {
            let fields = || Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let (message, name, conversation, at): (i64, String, i64, i64) = fields().while_("searching")?;
            if !self.scope.has_conversation(conversation) || !self.scope.has_time(at) {
                continue;
            }
            let Some((role, model)) = self.carrier(Some(message))? else { continue };
            let score = self.weigher.file(&name, at);
            return Ok(Some(Candidate {
                source: Source::Files,
                seq,
                conversation,
                message: Some(message),
                role,
                model,
                at,
                file: Some(name),
                score,
            }));
        }
        Ok(None)
    }
}
