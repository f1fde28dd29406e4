//! What answers cost: counts and times, never a word of content.

use std::time::Duration;

use rusqlite::{Transaction, named_params};

use super::{
    changes::{self, Kind},
    usage_days::{self, Counts},
    usage_sums::{self, Sums},
};
use crate::{
    api::{
        AccountId, FaultKind, MessageId,
        chat::{MessageState, Metrics},
        feedback::Thumb,
    },
    store::{StoreError, While, vault::rows::state_name},
};

/// Milliseconds in a day, UTC.
pub const DAY: i64 = 86_400_000;

/// Of so many days single answers are kept: three years.
const KEPT: i64 = 1096;

/// What one answer cost, however it ended.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    pub account: AccountId,
    pub model: &'a str,
    pub answer: MessageId,
    pub outcome: MessageState,
    /// Of which kind the fault was, where it failed.
    pub fault: Option<FaultKind>,
    pub metrics: &'a Metrics,
    /// Tokens of the day's allowance that went into it. Where it was broken off they are estimated, because Ollama reports
    /// them at the end only.
    pub counted: u32,
    /// The day on the wall (`usage_days::wall_day`): sums go by it.
    pub wall_day: i64,
}

/// Notes one answer.
pub fn note(tx: &Transaction<'_>, used: &Used<'_>, now: i64) -> Result<(), StoreError> {
    let Used { account, model, answer, outcome, fault, metrics, counted, wall_day } = *used;
    usage_sums::add(tx, account, wall_day, model, &Sums::of(outcome, metrics, now))?;
    usage_days::add(tx, wall_day, account, &Counts::of(outcome, metrics))?;
    if outcome == MessageState::Failed {
        usage_days::add_fault(tx, wall_day, account, model, fault.unwrap_or(FaultKind::Internal))?;
    }
    let outcome = state_name(outcome);
    tx.prepare_cached(
        "INSERT INTO usage (account, model, at, day, wall_day, outcome, prompt_tokens, answer_tokens, first_token_ms, total_ms,
             load_ms, answer_ms, answer, counted)
         VALUES (:account, :model, :at, :day, :wall_day, :outcome, :prompt_tokens, :answer_tokens, :first_token_ms, :total_ms,
             :load_ms, :answer_ms, :answer, :counted)",
    )
    .while_("noting an answer's cost")?
    .execute(named_params! {
        ":account": account.0,
        ":model": model,
        ":at": now,
        ":day": now.div_euclid(DAY),
        ":wall_day": wall_day,
        ":outcome": outcome,
        ":prompt_tokens": metrics.prompt_tokens,
        ":answer_tokens": metrics.answer_tokens,
        ":first_token_ms": metrics.first_token_ms,
        ":total_ms": metrics.total_ms,
        ":load_ms": metrics.load_ms,
        ":answer_ms": metrics.answer_ms,
        ":answer": answer.0,
        ":counted": counted,
    })
    .while_("noting an answer's cost")?;
    forget_old(tx, wall_day)
}

/// Single answers are told for three years; what they come to stays in the sums. With each new one some of the oldest are
/// looked at, so that more go than come.
fn forget_old(tx: &Transaction<'_>, today: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM usage WHERE seq IN (SELECT seq FROM usage ORDER BY seq LIMIT 4) AND wall_day <= :today - :kept",
    )
    .and_then(|mut delete| delete.execute(named_params! { ":today": today, ":kept": KEPT }))
    .while_("forgetting what single answers cost long ago")?;
    Ok(())
}

/// Notes what its reader thought of an answer, or that it was taken back. One that was gone on with has several rows; its
/// rating counts once, for the last. An answer that was never counted, such as an imported one, has none.
pub fn rate(
    tx: &Transaction<'_>,
    account: AccountId,
    answer: MessageId,
    thumb: Option<Thumb>,
) -> Result<(), StoreError> {
    // The sums first: they change by what the rows say now.
    for Rated { day, model, before, is_last } in rated(tx, account, answer)? {
        let after = thumb.filter(|_| is_last);
        let thumbs = |up: Thumb| i64::from(after == Some(up)) - i64::from(before == Some(up.sign()));
        let change = Sums { liked: thumbs(Thumb::Up), disliked: thumbs(Thumb::Down), ..Sums::default() };
        if change != Sums::default() {
            usage_sums::add(tx, account, day, &model, &change)?;
        }
    }
    tx.prepare_cached(
        "UPDATE usage SET rating = CASE WHEN seq = (SELECT max(seq) FROM usage WHERE account = :account AND answer = :answer)
             THEN :rating END
         WHERE account = :account AND answer = :answer",
    )
    .and_then(|mut update| {
        update.execute(named_params! {
            ":account": account.0, ":answer": answer.0, ":rating": thumb.map(Thumb::sign),
        })
    })
    .while_("counting a rating")?;
    changes::bump(tx, Kind::Sums)
}

/// A row of an answer, and its thumb as it was.
struct Rated {
    day: i64,
    model: String,
    before: Option<i64>,
    /// The one whose thumb counts.
    is_last: bool,
}

fn rated(tx: &Transaction<'_>, account: AccountId, answer: MessageId) -> Result<Vec<Rated>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT wall_day, model, rating, seq = max(seq) OVER () FROM usage WHERE account = :account AND answer = :answer",
        )
        .while_("reading a rating")?;
    let rows = select
        .query_map(named_params! { ":account": account.0, ":answer": answer.0 }, |row| {
            Ok(Rated { day: row.get(0)?, model: row.get(1)?, before: row.get(2)?, is_last: row.get(3)? })
        })
        .while_("reading a rating")?;
    rows.collect::<Result<_, _>>().while_("reading a rating")
}

/// Tokens that an account has used on the day of `now`, UTC.
pub fn tokens_of_day(tx: &Transaction<'_>, account: AccountId, now: i64) -> Result<u64, StoreError> {
    tx.prepare_cached("SELECT coalesce(sum(counted), 0) FROM usage WHERE account = :account AND day = :day")
        .and_then(|mut sum| {
            sum.query_row(named_params! { ":account": account.0, ":day": now.div_euclid(DAY) }, |row| {
                row.get::<_, i64>(0)
            })
        })
        .map(i64::unsigned_abs)
        .while_("counting the tokens of a day")
}

/// How long the day of `now` lasts, UTC.
#[must_use]
pub fn until_next_day(now: i64) -> Duration {
    Duration::from_millis((DAY - now.rem_euclid(DAY)).unsigned_abs())
}

/// Every answer of one account as lines of CSV (RFC 4180), oldest first, with their heading.
pub fn of_account(tx: &Transaction<'_>, account: AccountId) -> Result<Vec<String>, StoreError> {
    let mut told = vec![
        "at,model,outcome,prompt_tokens,answer_tokens,first_token_ms,load_ms,answer_ms,total_ms,day,wall_day,counted,rating,\
         answer"
            .to_owned(),
    ];
    let mut select = tx
        .prepare_cached(
            "SELECT at, model, outcome, prompt_tokens, answer_tokens, first_token_ms, load_ms, answer_ms, total_ms, day,
                 wall_day, counted, rating, lower(hex(coalesce(answer, '')))
             FROM usage WHERE account = :account ORDER BY seq",
        )
        .while_("reading what answers cost")?;
    let rows = select
        .query_map(named_params! { ":account": account.0 }, |row| {
            let mut line = format!(
                "{},\"{}\",{}",
                row.get::<_, i64>(0)?,
                quoted(&row.get::<_, String>(1)?),
                row.get::<_, String>(2)?
            );
            for column in 3..13 {
                let figure: Option<i64> = row.get(column)?;
                line.push(',');
                line.push_str(&figure.map(|figure| figure.to_string()).unwrap_or_default());
            }
            line.push(',');
            line.push_str(&row.get::<_, String>(13)?);
            Ok(line)
        })
        .while_("reading what answers cost")?;
    for row in rows {
        told.push(row.while_("reading what answers cost")?);
    }
    Ok(told)
}

/// A field inside quotation marks; a name with a line break in it stays one line.
fn quoted(field: &str) -> String {
    field.replace('"', "\"\"").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::scratch;

    #[tokio::test]
    async fn single_answers_go_after_three_years_and_their_sums_stay() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let done: Result<(), StoreError> = db
            .write(|tx| {
                let (account, metrics) = (AccountId::new(), Metrics { answer_tokens: Some(2), ..Metrics::default() });
                let say = |wall_day: i64| {
                    let answer = MessageId::new();
                    let outcome = MessageState::Done;
                    let used = Used {
                        account,
                        model: "m",
                        answer,
                        outcome,
                        fault: None,
                        metrics: &metrics,
                        counted: 1,
                        wall_day,
                    };
                    note(tx, &used, wall_day * DAY)
                };
                let days = |tx: &Transaction<'_>| -> Result<Vec<i64>, StoreError> {
                    let mut select = tx.prepare("SELECT wall_day FROM usage ORDER BY seq").while_("testing")?;
                    let days = select.query_map([], |row| row.get(0)).while_("testing")?;
                    days.collect::<Result<_, _>>().while_("testing")
                };
                for day in [1, 1, 1, 2] {
                    say(day)?;
                }
                say(KEPT)?;
                assert_eq!(days(tx)?, [1, 1, 1, 2, KEPT]);
                say(KEPT + 1)?;
                assert_eq!(days(tx)?, [2, KEPT, KEPT + 1]);
                say(KEPT + 2)?;
                assert_eq!(days(tx)?, [KEPT, KEPT + 1, KEPT + 2]);
                let sums = usage_sums::by_model(tx, Some(account), 0)?;
                let tokens: i64 = sums.values().map(|sums| sums.answer_tokens).sum();
                assert_eq!(tokens, 14, "of all seven");
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
