//! What was asked and answered, as sums: reading them. They are kept by triggers of the schema, in the transaction of
//! whatever changes them, so nothing here writes.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rusqlite::{Row, Transaction, named_params};
use uuid::Uuid;

use super::rows::{conversation_seq, folder_seq};
use crate::{
    api::{
        ConversationId, FolderId,
        insights::{UsedConversation, number_of},
    },
    store::{StoreError, While},
};

/// Where the steps begin in which times are counted, milliseconds; the first begins at 0. The schema says the
/// same, and a test holds the two together.
pub const STEPS: [u64; 23] = [
    100, 200, 350, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 24_000, 32_000, 48_000, 64_000,
    96_000, 128_000, 192_000, 256_000, 512_000,
];

/// Counts that share a number, and the bits of each.
const SHARING: usize = 3;
const BITS: usize = 21;

/// The sums of a group, unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub asked: u64,
    pub done: u64,
    pub length: u64,
    pub stopped: u64,
    pub interrupted: u64,
    pub failed: u64,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    pub total_ms: u64,
    /// Tokens and time of the answers that tell both.
    pub speed_tokens: u64,
    pub speed_ms: u64,
    pub liked: u64,
    pub disliked: u64,
    /// Answers by the step of how long they took, and of when they began.
    pub took: [u64; 24],
    pub first: [u64; 24],
    /// Messages by the hour of the day.
    pub hours: [u64; 24],
}

impl Tally {
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.done + self.length + self.stopped + self.interrupted + self.failed
    }

    #[must_use]
    pub fn messages(&self) -> u64 {
        self.asked + self.answers()
    }

    pub fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.done += other.done;
        self.length += other.length;
        self.stopped += other.stopped;
        self.interrupted += other.interrupted;
        self.failed += other.failed;
        self.prompt_tokens += other.prompt_tokens;
        self.answer_tokens += other.answer_tokens;
        self.total_ms += other.total_ms;
        self.speed_tokens += other.speed_tokens;
        self.speed_ms += other.speed_ms;
        self.liked += other.liked;
        self.disliked += other.disliked;
        add_each(&mut self.took, &other.took);
        add_each(&mut self.first, &other.first);
        add_each(&mut self.hours, &other.hours);
    }

    /// The columns of `tally_columns`, from the place `from` on. By place: this is read thousands of times for one answer.
    fn read(row: &Row<'_>, from: usize) -> Result<Self, rusqlite::Error> {
        let mut place = from;
        let mut next = || -> Result<u64, rusqlite::Error> {
            place += 1;
            // A sum below nothing would be a mistake of the triggers; it is not made worse by wrapping.
            row.get::<_, i64>(place - 1).map(|sum| u64::try_from(sum).unwrap_or(0))
        };
        let mut tally = Self {
            asked: next()?,
            done: next()?,
            length: next()?,
            stopped: next()?,
            interrupted: next()?,
            failed: next()?,
            prompt_tokens: next()?,
            answer_tokens: next()?,
            total_ms: next()?,
            speed_tokens: next()?,
            speed_ms: next()?,
            liked: next()?,
            disliked: next()?,
            ..Self::default()
        };
        for counts in [tally.took.as_mut_slice(), tally.first.as_mut_slice(), tally.hours.as_mut_slice()] {
            for shared in counts.chunks_mut(SHARING) {
                let packed = next()?;
                if packed == 0 {
                    continue;
                }
                for (place, count) in shared.iter_mut().enumerate() {
                    *count = (packed >> (place * BITS)) & ((1 << BITS) - 1);
                }
            }
        }
        Ok(tally)
    }
}

fn add_each(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

/// `SELECT` of these keys and everything that `Tally::read` takes, continued by `rest`.
macro_rules! select_tally {
    ($keys:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $keys,
            ", asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
               speed_ms, liked, disliked, took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
               first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
               hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7 ",
            $rest
        )
    };
}

/// What is looked at: days by their numbers, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub from: i64,
    pub to: i64,
    pub model: Option<String>,
    pub folder: Option<FolderId>,
}

/// Sums by model, in the order of their names.
pub type ByModel = Vec<(String, Tally)>;

/// The sums of a period, by each of the groups, in the order of their keys where not said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Summed {
    pub total: Tally,
    pub days: Vec<(i64, Tally)>,
    /// '' = what was asked, and answers that do not tell their model.
    pub models: ByModel,
    /// `None` = in no folder. With the way from the top.
    pub folders: Vec<(Option<FolderId>, String, Tally)>,
    /// Messages by weekday, Monday first, and hour.
    pub hours: [[u64; 24]; 7],
    /// Reason, named with a like, with a dislike.
    pub reasons: Vec<(String, u64, u64)>,
}

/// All groups in one walk over the sums of the days.
pub fn summed(tx: &Transaction<'_>, wanted: &Wanted) -> Result<Summed, StoreError> {
    let below = folders_below(tx, wanted.folder)?;
    let mut summed = Summed::default();
    let mut models: HashMap<String, Tally> = HashMap::new();
    let mut folders: HashMap<i64, Tally> = HashMap::new();
    let mut select = tx
        .prepare_cached(select_tally!(
            "day, folder, model",
            "FROM usage_days WHERE day BETWEEN :from AND :to AND (:model IS NULL OR model = :model) ORDER BY day"
        ))
        .while_("reading sums")?;
    let mut rows = select
        .query(named_params! { ":from": wanted.from, ":to": wanted.to, ":model": wanted.model })
        .while_("reading sums")?;
    while let Some(row) = rows.next().while_("reading sums")? {
        let (day, folder): (i64, i64) =
            row.get(0).and_then(|day| Ok((day, row.get(1)?))).while_("reading a day's sums")?;
        if below.as_ref().is_some_and(|below| !below.contains(&folder)) {
            continue;
        }
        let tally = Tally::read(row, 3).while_("reading a day's sums")?;
        if tally == Tally::default() {
            continue;
        }
        match summed.days.last_mut() {
            Some((last, sums)) if *last == day => sums.add(&tally),
            Some(_) | None => summed.days.push((day, tally.clone())),
        }
        let model = row.get_ref(2).and_then(|name| Ok(name.as_str()?)).while_("reading a day's model")?;
        match models.get_mut(model) {
            Some(sums) => sums.add(&tally),
            None => drop(models.insert(model.to_owned(), tally.clone())),
        }
        folders.entry(folder).or_default().add(&tally);
        // The first of January 1970 was a Thursday.
        add_each(&mut summed.hours[(day + 3).rem_euclid(7) as usize], &tally.hours);
        summed.total.add(&tally);
    }
    summed.models = models.into_iter().collect();
    summed.models.sort_by(|one, other| one.0.cmp(&other.0));
    for (folder, tally) in folders {
        let (id, path) = path_of(tx, folder)?;
        // Rows of a folder that is not there would be a mistake of the triggers; they count as in none.
        summed.folders.push((id, path, tally));
    }
    summed.folders.sort_by(|one, other| one.1.cmp(&other.1));
    summed.reasons = reasons(tx, wanted, below.as_ref())?;
    Ok(summed)
}

/// The first and the last day of the vault on which anything was counted, up to `to`.
pub fn known_days(tx: &Transaction<'_>, to: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let days: (Option<i64>, Option<i64>) = tx
        .prepare_cached(
            "SELECT (SELECT day FROM usage_days WHERE day <= :to ORDER BY day LIMIT 1) AS first,
                    (SELECT day FROM usage_days WHERE day <= :to ORDER BY day DESC LIMIT 1) AS last",
        )
        .and_then(|mut find| find.query_row(named_params! { ":to": to }, |row| Ok((row.get(0)?, row.get(1)?))))
        .while_("finding the first day")?;
    Ok(days.0.zip(days.1))
}

fn reasons(
    tx: &Transaction<'_>,
    wanted: &Wanted,
    below: Option<&HashSet<i64>>,
) -> Result<Vec<(String, u64, u64)>, StoreError> {
    let mut reasons: HashMap<String, (u64, u64)> = HashMap::new();
    let mut select = tx
        .prepare_cached(
            "SELECT folder, reason, liked, disliked FROM usage_reasons
             WHERE day BETWEEN :from AND :to AND (:model IS NULL OR model = :model) AND liked + disliked > 0",
        )
        .while_("reading reasons")?;
    let mut rows = select
        .query(named_params! { ":from": wanted.from, ":to": wanted.to, ":model": wanted.model })
        .while_("reading reasons")?;
    while let Some(row) = rows.next().while_("reading reasons")? {
        let (folder, reason, liked, disliked): (i64, String, i64, i64) = row
            .get(0)
            .and_then(|folder| Ok((folder, row.get(1)?, row.get(2)?, row.get(3)?)))
            .while_("reading a reason")?;
        if below.is_none_or(|below| below.contains(&folder)) {
            let sums = reasons.entry(reason).or_default();
            sums.0 += liked.unsigned_abs();
            sums.1 += disliked.unsigned_abs();
        }
    }
    let mut reasons: Vec<_> =
        reasons.into_iter().map(|(reason, (liked, disliked))| (reason, liked, disliked)).collect();
    reasons.sort();
    Ok(reasons)
}

/// A folder and all that lie in it. `None` = no folder was asked for.
fn folders_below(tx: &Transaction<'_>, folder: Option<FolderId>) -> Result<Option<HashSet<i64>>, StoreError> {
    let Some(folder) = folder else { return Ok(None) };
    let seq = folder_seq(tx, folder)?;
    let below = tx
        .prepare_cached(
            "WITH RECURSIVE below (seq) AS (
                 SELECT :folder UNION ALL SELECT f.seq FROM folders f JOIN below b ON f.parent = b.seq)
             SELECT seq FROM below",
        )
        .and_then(|mut select| select.query_map(named_params! { ":folder": seq }, |row| row.get(0))?.collect())
        .while_("listing the folders below a folder")?;
    Ok(Some(below))
}

/// A folder's id and its way from the top down.
fn path_of(tx: &Transaction<'_>, folder: i64) -> Result<(Option<FolderId>, String), StoreError> {
    let mut find =
        tx.prepare_cached("SELECT id, name, parent FROM folders WHERE seq = :folder").while_("naming a folder")?;
    let (mut id, mut names, mut at) = (None, Vec::new(), Some(folder).filter(|folder| *folder != 0));
    while let Some(folder) = at {
        let mut rows = find.query(named_params! { ":folder": folder }).while_("naming a folder")?;
        let Some(row) = rows.next().while_("naming a folder")? else { break };
        let (own, name, parent): (Uuid, String, Option<i64>) =
            row.get(0).and_then(|id| Ok((id, row.get(1)?, row.get(2)?))).while_("naming a folder")?;
        id = id.or(Some(FolderId(own)));
        names.push(name);
        at = parent;
    }
    names.reverse();
    Ok((id, names.join("/")))
}

/// `SELECT` of conversations, continued by `rest`: `:folder` and what lies below it, or everywhere.
macro_rules! in_folders {
    ($select:literal, $rest:literal) => {
        concat!(
            "WITH RECURSIVE below (seq) AS (
                 SELECT :folder UNION ALL SELECT f.seq FROM folders f JOIN below b ON f.parent = b.seq) ",
            $select,
            " AND (:folder IS NULL OR c.folder IN (SELECT seq FROM below)) ",
            $rest
        )
    };
}

/// The longest conversations in which something was said in these days. Those in the trash are left out.
pub fn longest(tx: &Transaction<'_>, wanted: &Wanted, limit: u32) -> Result<Vec<UsedConversation>, StoreError> {
    let folder = wanted.folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    let mut select = tx
        .prepare_cached(in_folders!(
            "SELECT c.id, c.title, 0 AS trashed, c.messages,
                    (SELECT coalesce(sum(u.answer_tokens), 0) FROM usage_of_conversations u
                     WHERE u.conversation = c.seq) AS answer_tokens
             FROM conversations c
             WHERE c.trashed_at IS NULL AND c.messages > 0 AND c.updated_at >= :since
               AND EXISTS (SELECT 1 FROM usage_of_conversations u WHERE u.conversation = c.seq
                           AND u.day BETWEEN :from AND :to AND (:model IS NULL OR u.model = :model))",
            "ORDER BY c.messages DESC LIMIT :limit"
        ))
        .while_("finding the longest conversations")?;
    select
        .query_map(
            named_params! {
                ":folder": folder,
                ":from": wanted.from,
                ":to": wanted.to,
                ":model": wanted.model,
                // Whatever was said on a day was said within two days of its beginning in Greenwich, wherever that was.
                // What is older by its row alone need not be looked at.
                ":since": wanted.from.saturating_sub(2).saturating_mul(86_400_000),
                ":limit": limit,
            },
            used_conversation,
        )
        .and_then(Iterator::collect)
        .while_("finding the longest conversations")
}

/// The conversations in which something was said in these days, the newest made first, from below the place `after`. The
/// second value is the place of the last row where more follow.
pub fn conversations(
    tx: &Transaction<'_>,
    wanted: &Wanted,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<UsedConversation>, Option<i64>), StoreError> {
    let folder = wanted.folder.map(|folder| folder_seq(tx, folder)).transpose()?;
    let mut select = tx
        .prepare_cached(in_folders!(
            "SELECT c.id, c.title, c.trashed_at IS NOT NULL AS trashed,
                    sum(u.asked + u.done + u.length + u.stopped + u.interrupted + u.failed) AS messages,
                    sum(u.answer_tokens) AS answer_tokens, c.seq
             FROM usage_of_conversations u INDEXED BY usage_of_conversations_by_day
             JOIN conversations c ON c.seq = u.conversation
             WHERE u.day BETWEEN :from AND :to AND u.conversation < :after AND (:model IS NULL OR u.model = :model)",
            "GROUP BY c.seq HAVING messages > 0 ORDER BY c.seq DESC LIMIT :limit"
        ))
        .while_("listing the conversations of a day")?;
    let mut rows: Vec<(UsedConversation, i64)> = select
        .query_map(
            named_params! {
                ":folder": folder,
                ":from": wanted.from,
                ":to": wanted.to,
                ":model": wanted.model,
                ":after": after.unwrap_or(i64::MAX),
                // One more tells whether anything follows.
                ":limit": limit + 1,
            },
            |row| Ok((used_conversation(row)?, row.get("seq")?)),
        )
        .and_then(Iterator::collect)
        .while_("listing the conversations of a day")?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more).map(|(_, seq)| *seq);
    Ok((rows.into_iter().map(|(row, _)| row).collect(), last))
}

fn used_conversation(row: &Row<'_>) -> Result<UsedConversation, rusqlite::Error> {
    Ok(UsedConversation {
        id: ConversationId(row.get("id")?),
        title: row.get("title")?,
        trashed: row.get("trashed")?,
        messages: row.get::<_, i64>("messages")?.unsigned_abs(),
        answer_tokens: row.get::<_, i64>("answer_tokens")?.unsigned_abs(),
    })
}

/// The sums of one conversation by model, and its first day.
pub fn of_conversation(
    tx: &Transaction<'_>,
    conversation: ConversationId,
) -> Result<(Option<i64>, ByModel), StoreError> {
    let seq = conversation_seq(tx, conversation)?;
    let mut first: Option<i64> = None;
    let mut models = ByModel::new();
    let mut select = tx
        .prepare_cached(select_tally!(
            "day, model",
            "FROM usage_of_conversations WHERE conversation = :conversation ORDER BY model, day"
        ))
        .while_("reading a conversation's sums")?;
    let mut rows = select.query(named_params! { ":conversation": seq }).while_("reading a conversation's sums")?;
    while let Some(row) = rows.next().while_("reading a conversation's sums")? {
        let (day, model): (i64, String) =
            row.get(0).and_then(|day| Ok((day, row.get(1)?))).while_("reading a conversation's sums")?;
        let tally = Tally::read(row, 2).while_("reading a conversation's sums")?;
        if tally == Tally::default() {
            continue;
        }
        first = Some(first.map_or(day, |first| first.min(day)));
        match models.last_mut() {
            Some((last, sums)) if *last == model => sums.add(&tally),
            Some(_) | None => models.push((model, tally)),
        }
    }
    Ok((first, models))
}

/// The hour on the clock on the wall of this machine, for `messages.said_hour`. `None` = no such time.
#[must_use]
pub(super) fn said_hour(ms: i64) -> Option<i64> {
    hour_in(&crate::zone::local(), ms)
}

/// Days since 1970 times 24, and the hour, as the clocks of a time zone show them. `None` before 1970, and for no time.
#[must_use]
pub fn hour_in(zone: &TimeZone, ms: i64) -> Option<i64> {
    let shown = zone.to_datetime(Timestamp::from_millisecond(ms).ok()?);
    let day = number_of(shown.date());
    (day >= 0).then(|| day * 24 + i64::from(shown.hour()))
}

/// The day it is in a time zone.
#[must_use]
pub fn day_in(zone: &TimeZone, ms: i64) -> Date {
    Timestamp::from_millisecond(ms).map_or(Date::constant(1970, 1, 1), |at| zone.to_datetime(at).date())
}

#[cfg(test)]
mod tests;
