//! How much each account did on which day, and which answers failed how: what reports over everybody are made of.
//!
//! Invariant: they change in the transaction that changes `usage`, and are the sums of its rows. Here no model stands beside
//! an account but in the rows of faults, and nothing that is told joins the two.

use jiff::tz::TimeZone;
use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::{
        AccountId, FaultKind,
        chat::{MessageState, Metrics},
        insights::number_of,
        reports::FailedAs,
    },
    store::{StoreError, While, vault::usage::day_in},
};

/// The day that the calendar on the wall shows at this moment, counted from 1970. Where clocks are set forward or back a day
/// is an hour shorter or longer, and still one day.
#[must_use]
pub fn wall_day(zone: &TimeZone, now: i64) -> i64 {
    number_of(day_in(zone, now))
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// With a passphrase or a code.
    In,
    /// By “stay signed in”: here again, but that is not counted as a sign-in, because every command does it.
    Back,
}

/// What an account did on a day, or a change of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub sign_ins: i64,
    pub answers: i64,
    pub failed: i64,
    pub prompt_tokens: i64,
    pub answer_tokens: i64,
}

impl Counts {
    /// What one answer adds.
    #[must_use]
    pub fn of(outcome: MessageState, metrics: &Metrics) -> Self {
        Self {
            sign_ins: 0,
            // An answer is noted when it has ended.
            answers: i64::from(outcome != MessageState::Streaming),
            failed: i64::from(outcome == MessageState::Failed),
            prompt_tokens: metrics.prompt_tokens.map_or(0, i64::from),
            answer_tokens: metrics.answer_tokens.map_or(0, i64::from),
        }
    }

    pub fn add(&mut self, more: &Self) {
        self.sign_ins = self.sign_ins.saturating_add(more.sign_ins);
        self.answers = self.answers.saturating_add(more.answers);
        self.failed = self.failed.saturating_add(more.failed);
        self.prompt_tokens = self.prompt_tokens.saturating_add(more.prompt_tokens);
        self.answer_tokens = self.answer_tokens.saturating_add(more.answer_tokens);
    }
}

/// Notes that an account came in on this day.
pub(super) fn came(tx: &Transaction<'_>, day: i64, account: AccountId, how: Came) -> Result<(), StoreError> {
    let sign_ins = match how {
        Came::In => 1,
        Came::Back => 0,
    };
    add(tx, day, account, &Counts { sign_ins, ..Counts::default() })
}

/// Adds to what an account did on a day.
pub(super) fn add(tx: &Transaction<'_>, day: i64, account: AccountId, more: &Counts) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO usage_days (day, account, sign_ins, answers, failed, prompt_tokens, answer_tokens)
         VALUES (:day, :account, :sign_ins, :answers, :failed, :prompt_tokens, :answer_tokens)
         ON CONFLICT (day, account) DO UPDATE SET sign_ins = sign_ins + excluded.sign_ins,
             answers = answers + excluded.answers, failed = failed + excluded.failed,
             prompt_tokens = prompt_tokens + excluded.prompt_tokens, answer_tokens = answer_tokens + excluded.answer_tokens",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":day": day, ":account": account.0, ":sign_ins": more.sign_ins, ":answers": more.answers,
            ":failed": more.failed, ":prompt_tokens": more.prompt_tokens, ":answer_tokens": more.answer_tokens,
        })
    })
    .while_("counting what was done on a day")?;
    Ok(())
}

/// Counts an answer that failed.
pub(super) fn add_fault(
    tx: &Transaction<'_>,
    day: i64,
    account: AccountId,
    model: &str,
    kind: FaultKind,
) -> Result<(), StoreError> {
    add_failure(tx, day, account, (FailedAs::Answer, model, kind))
}

/// Counts a question of this moment that was refused before an answer began.
pub fn note_question(tx: &Transaction<'_>, account: AccountId, kind: FaultKind, now: i64) -> Result<(), StoreError> {
    add_failure(tx, wall_day(&crate::zone::local(), now), account, (FailedAs::Question, "", kind))
}

fn add_failure(
    tx: &Transaction<'_>,
    day: i64,
    account: AccountId,
    (failed_as, model, kind): (FailedAs, &str, FaultKind),
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO usage_faults (day, account, failed_as, model, kind, count)
         VALUES (:day, :account, :failed_as, :model, :kind, 1)
         ON CONFLICT (day, account, failed_as, model, kind) DO UPDATE SET count = count + 1",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":day": day, ":account": account.0, ":failed_as": failed_as.as_str(), ":model": model,
            ":kind": kind.as_str(),
        })
    })
    .while_("counting what failed")?;
    Ok(())
}

/// Forgets what an account did.
pub(super) fn forget(tx: &Transaction<'_>, account: AccountId) -> Result<(), StoreError> {
    for statement in
        ["DELETE FROM usage_days WHERE account = :account", "DELETE FROM usage_faults WHERE account = :account"]
    {
        tx.execute(statement, named_params! { ":account": account.0 }).while_("forgetting what an account did")?;
    }
    Ok(())
}

/// What each account did on each day from `from` to `to`, in the order of days.
pub fn each(
    tx: &Transaction<'_>,
    (from, to): (i64, i64),
    mut each: impl FnMut(i64, AccountId, &Counts),
) -> Result<(), StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT day, account, sign_ins, answers, failed, prompt_tokens, answer_tokens FROM usage_days
             WHERE day BETWEEN :from AND :to ORDER BY day",
        )
        .while_("reading what was done on days")?;
    let mut rows = select.query(named_params! { ":from": from, ":to": to }).while_("reading what was done on days")?;
    while let Some(row) = rows.next().while_("reading what was done on days")? {
        // By place: this is read thousands of times for one answer.
        let read = || -> rusqlite::Result<_> {
            let counts = Counts {
                sign_ins: row.get(2)?,
                answers: row.get(3)?,
                failed: row.get(4)?,
                prompt_tokens: row.get(5)?,
                answer_tokens: row.get(6)?,
            };
            Ok((row.get(0)?, row.get::<_, Uuid>(1)?, counts))
        };
        let (day, account, counts) = read().while_("reading what was done on days")?;
        each(day, AccountId(account), &counts);
    }
    Ok(())
}

/// Questions or answers that failed on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub day: i64,
    pub account: AccountId,
    pub failed_as: FailedAs,
    /// Empty of a question.
    pub model: String,
    pub kind: FaultKind,
    pub count: u64,
}

/// What failed from `from` to `to`, in the order of days.
pub fn faults(tx: &Transaction<'_>, (from, to): (i64, i64)) -> Result<Vec<Failed>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT day, account, model, kind, count, failed_as FROM usage_faults
             WHERE day BETWEEN :from AND :to ORDER BY day",
        )
        .while_("reading what failed")?;
    let rows = select
        .query_map(named_params! { ":from": from, ":to": to }, |row| {
            let kind = serde_json::from_value(serde_json::Value::String(row.get(3)?));
            let is_question = row.get_ref(5)?.as_str()? == FailedAs::Question.as_str();
            Ok(Failed {
                day: row.get(0)?,
                account: AccountId(row.get(1)?),
                failed_as: if is_question { FailedAs::Question } else { FailedAs::Answer },
                model: row.get(2)?,
                // A kind that a newer program knows is somebody's mistake all the same.
                kind: kind.unwrap_or(FaultKind::Internal),
                count: row.get::<_, i64>(4)?.unsigned_abs(),
            })
        })
        .while_("reading what failed")?;
    rows.collect::<Result<_, _>>().while_("reading what failed")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        api::{MessageId, auth::Role},
        store::system::{
            accounts,
            scratch::system,
            usage::{self, Used},
        },
    };

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_day_is_that_of_the_wall_also_where_the_clocks_are_set() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let day = |text: &str| wall_day(&berlin, at(text)) - number_of("2026-10-25".parse().unwrap());
        // The long day begins at 22:00 UTC in summer time, and ends at 23:00 UTC in winter time.
        assert_eq!(
            ["2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"].map(day),
            [-1, 0, 0, 1]
        );
        // The short one.
        let spring = |text: &str| wall_day(&berlin, at(text)) - number_of("2026-03-29".parse().unwrap());
        assert_eq!(
            ["2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"]
                .map(spring),
            [-1, 0, 0, 1]
        );
        let auckland = TimeZone::get("Pacific/Auckland").unwrap();
        assert_eq!(wall_day(&auckland, at("2026-10-25T12:00:00Z")), number_of("2026-10-26".parse().unwrap()));
    }

    #[test]
    fn every_kind_of_fault_comes_back_from_its_name() {
        for kind in FaultKind::ALL {
            assert_eq!(serde_json::from_value::<FaultKind>(kind.as_str().into()).unwrap(), kind);
        }
    }

    type Told = Vec<(i64, AccountId, Counts)>;

    fn told(tx: &Transaction<'_>) -> Told {
        let mut told = Vec::new();
        each(tx, (i64::MIN, i64::MAX), |day, account, counts| told.push((day, account, *counts))).unwrap();
        told
    }

    #[tokio::test]
    async fn days_are_the_sums_of_their_answers_and_go_with_their_person() {
        let home = tempfile::tempdir().unwrap();
        let system = system(&home);
        let done: Result<(), StoreError> = system
            .write(|tx| {
                let (ann, bob) = (AccountId::new(), AccountId::new());
                accounts::insert(tx, ann, "ann", Role::Admin, Uuid::now_v7(), 0)?;
                accounts::insert(tx, bob, "bob", Role::User, Uuid::now_v7(), 0)?;
                let metrics = Metrics { prompt_tokens: Some(10), answer_tokens: Some(3), ..Metrics::default() };
                let say = |account, wall_day, outcome, fault| {
                    let answer = MessageId::new();
                    let used =
                        Used { account, model: "m", answer, outcome, fault, metrics: &metrics, counted: 1, wall_day };
                    usage::note(tx, &used, 5)
                };
                say(ann, 7, MessageState::Done, None)?;
                say(ann, 7, MessageState::Failed, Some(FaultKind::Upstream))?;
                say(ann, 7, MessageState::Failed, Some(FaultKind::Upstream))?;
                say(ann, 8, MessageState::Stopped, None)?;
                say(bob, 8, MessageState::Failed, None)?;
                note_question(tx, bob, FaultKind::Slow, 8 * usage::DAY + usage::DAY / 2)?;
                note_question(tx, bob, FaultKind::Slow, 8 * usage::DAY + usage::DAY / 2)?;
                came(tx, 8, bob, Came::In)?;
                came(tx, 8, bob, Came::Back)?;
                came(tx, 9, bob, Came::Back)?;

                let counts = |sign_ins, answers, failed| Counts {
                    sign_ins,
                    answers,
                    failed,
                    prompt_tokens: 10 * answers,
                    answer_tokens: 3 * answers,
                };
                let mut days: Told = vec![
                    (7, ann, counts(0, 3, 2)),
                    (8, ann, counts(0, 1, 0)),
                    (8, bob, counts(1, 1, 1)),
                    (9, bob, counts(0, 0, 0)),
                ];
                days.sort_by_key(|(day, account, _)| (*day, account.0));
                assert_eq!(told(tx), days);
                let failed = |day, account, kind, count| {
                    let (failed_as, model) = (FailedAs::Answer, "m".to_owned());
                    Failed { day, account, failed_as, model, kind, count }
                };
                let refused = Failed {
                    failed_as: FailedAs::Question,
                    model: String::new(),
                    ..failed(8, bob, FaultKind::Slow, 2)
                };
                assert_eq!(
                    faults(tx, (0, 100))?,
                    [failed(7, ann, FaultKind::Upstream, 2), failed(8, bob, FaultKind::Internal, 1), refused.clone()]
                );
                assert_eq!(faults(tx, (8, 8))?.len(), 2);

                accounts::purge(tx, ann, 9)?;
                assert!(told(tx).iter().all(|(_, account, _)| *account == bob));
                assert_eq!(faults(tx, (0, 100))?, [failed(8, bob, FaultKind::Internal, 1), refused]);
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
