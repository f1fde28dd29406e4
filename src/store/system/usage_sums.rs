//! What answers cost, as sums by account, model and day: of one's own, and of everybody together.
//!
//! Invariant: they change in the transaction that changes `usage`, and are the sums of its rows. (Triggers are turned off
//! in the system database, so `usage::note` and `usage::rate` do it.)

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::{
        AccountId,
        chat::{MessageState, Metrics},
    },
    store::{StoreError, While, vault::usage::STEPS},
};

/// From this on Ollama's `load_duration` means that the model was not in memory, milliseconds. For one that was, 54 of 72
/// recorded answers say less than 5; for one that was not, the smallest model there is says 267.
const LOADED_FROM_MS: u32 = 100;

/// Stands for everybody in the place of an account.
const EVERYBODY: Uuid = Uuid::nil();

/// Sums, or a change of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub done: i64,
    pub length: i64,
    pub stopped: i64,
    pub interrupted: i64,
    pub failed: i64,
    pub prompt_tokens: i64,
    pub answer_tokens: i64,
    /// Of the answers that tell both.
    pub speed_tokens: i64,
    pub speed_ms: i64,
    /// Answers for which the model had to be loaded, and how long that took.
    pub loads: i64,
    pub load_ms: i64,
    pub liked: i64,
    pub disliked: i64,
    /// When the last one ended, milliseconds since 1970; 0 = never.
    pub last_at: i64,
    /// Answers by the step (`STEPS`) of when their first token came.
    pub first_tokens: [u32; 24],
}

impl Sums {
    /// What one answer adds.
    #[must_use]
    pub fn of(outcome: MessageState, metrics: &Metrics, now: i64) -> Self {
        let mut sums = Self { last_at: now, ..Self::default() };
        match outcome {
            MessageState::Done => sums.done = 1,
            MessageState::Length => sums.length = 1,
            MessageState::Stopped => sums.stopped = 1,
            MessageState::Interrupted => sums.interrupted = 1,
            MessageState::Failed => sums.failed = 1,
            // An answer is noted when it has ended.
            MessageState::Streaming => {}
        }
        let Metrics { prompt_tokens, answer_tokens, answer_ms, load_ms, first_token_ms, .. } = *metrics;
        sums.prompt_tokens = prompt_tokens.map_or(0, i64::from);
        sums.answer_tokens = answer_tokens.map_or(0, i64::from);
        if let (Some(tokens @ 1..), Some(ms @ 1..)) = (answer_tokens, answer_ms) {
            (sums.speed_tokens, sums.speed_ms) = (i64::from(tokens), i64::from(ms));
        }
        if let Some(ms @ LOADED_FROM_MS..) = load_ms {
            (sums.loads, sums.load_ms) = (1, i64::from(ms));
        }
        if let Some(ms) = first_token_ms {
            sums.first_tokens[STEPS.partition_point(|from| *from <= u64::from(ms))] = 1;
        }
        sums
    }

    #[must_use]
    pub fn answers(&self) -> i64 {
        self.done + self.length + self.stopped + self.interrupted + self.failed
    }

    pub fn add(&mut self, more: &Self) {
        for (sum, more) in [
            (&mut self.done, more.done),
            (&mut self.length, more.length),
            (&mut self.stopped, more.stopped),
            (&mut self.interrupted, more.interrupted),
            (&mut self.failed, more.failed),
            (&mut self.prompt_tokens, more.prompt_tokens),
            (&mut self.answer_tokens, more.answer_tokens),
            (&mut self.speed_tokens, more.speed_tokens),
            (&mut self.speed_ms, more.speed_ms),
            (&mut self.loads, more.loads),
            (&mut self.load_ms, more.load_ms),
            (&mut self.liked, more.liked),
            (&mut self.disliked, more.disliked),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.last_at = self.last_at.max(more.last_at);
        for (sum, more) in self.first_tokens.iter_mut().zip(more.first_tokens) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Takes away what had been added. When the last answer was stays as it is.
    fn take_away(&mut self, less: &Self) {
        let Self { last_at, first_tokens, .. } = *self;
        let negative = Self {
            done: -less.done,
            length: -less.length,
            stopped: -less.stopped,
            interrupted: -less.interrupted,
            failed: -less.failed,
            prompt_tokens: -less.prompt_tokens,
            answer_tokens: -less.answer_tokens,
            speed_tokens: -less.speed_tokens,
            speed_ms: -less.speed_ms,
            loads: -less.loads,
            load_ms: -less.load_ms,
            liked: -less.liked,
            disliked: -less.disliked,
            last_at,
            first_tokens: [0; 24],
        };
        self.add(&negative);
        for (place, sum) in self.first_tokens.iter_mut().enumerate() {
            *sum = first_tokens[place].saturating_sub(less.first_tokens[place]);
        }
    }

    /// The columns of `select_sums`, from the place `from` on. By place: this is read thousands of times for one answer.
    fn read(row: &Row<'_>, from: usize) -> Result<Self, rusqlite::Error> {
        let mut first_tokens = [0; 24];
        let packed = row.get_ref(from + 14)?.as_blob()?;
        for (count, bytes) in first_tokens.iter_mut().zip(packed.as_chunks::<4>().0) {
            *count = u32::from_le_bytes(*bytes);
        }
        Ok(Self {
            done: row.get(from)?,
            length: row.get(from + 1)?,
            stopped: row.get(from + 2)?,
            interrupted: row.get(from + 3)?,
            failed: row.get(from + 4)?,
            prompt_tokens: row.get(from + 5)?,
            answer_tokens: row.get(from + 6)?,
            speed_tokens: row.get(from + 7)?,
            speed_ms: row.get(from + 8)?,
            loads: row.get(from + 9)?,
            load_ms: row.get(from + 10)?,
            liked: row.get(from + 11)?,
            disliked: row.get(from + 12)?,
            last_at: row.get(from + 13)?,
            first_tokens,
        })
    }
}

/// `SELECT` of a row's key and everything that `Sums::read` takes, continued by `$rest`.
macro_rules! select_sums {
    ($keys:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $keys,
            ", done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, speed_tokens, speed_ms, loads,
               load_ms, liked, disliked, last_at, first_tokens FROM usage_sums ",
            $rest
        )
    };
}

/// Adds a change to the sums of an account and to those of everybody.
pub(super) fn add(
    tx: &Transaction<'_>,
    account: AccountId,
    day: i64,
    model: &str,
    change: &Sums,
) -> Result<(), StoreError> {
    for whose in [account.0, EVERYBODY] {
        let mut sums = of_day(tx, whose, day, model)?;
        sums.add(change);
        put(tx, whose, day, model, &sums)?;
    }
    tx.prepare_cached(
        "INSERT INTO usage_people (model, account, last_day) VALUES (:model, :account, :day)
         ON CONFLICT (model, account) DO UPDATE SET last_day = max(last_day, excluded.last_day)",
    )
    .and_then(|mut insert| insert.execute(named_params! { ":model": model, ":account": account.0, ":day": day }))
    .while_("noting who used a model")?;
    Ok(())
}

/// Takes the sums of an account out of those of everybody, and forgets them.
pub(super) fn forget(tx: &Transaction<'_>, account: AccountId) -> Result<(), StoreError> {
    for (day, model, own) in by_day(tx, account, i64::MIN)? {
        let mut all = of_day(tx, EVERYBODY, day, &model)?;
        all.take_away(&own);
        put(tx, EVERYBODY, day, &model, &all)?;
    }
    for statement in
        ["DELETE FROM usage_sums WHERE account = :account", "DELETE FROM usage_people WHERE account = :account"]
    {
        tx.execute(statement, named_params! { ":account": account.0 }).while_("forgetting what an account used")?;
    }
    Ok(())
}

fn of_day(tx: &Transaction<'_>, account: Uuid, day: i64, model: &str) -> Result<Sums, StoreError> {
    let sums = tx
        .prepare_cached(select_sums!("day", "WHERE account = :account AND day = :day AND model = :model"))
        .and_then(|mut select| {
            let key = named_params! { ":account": account, ":day": day, ":model": model };
            select.query_row(key, |row| Sums::read(row, 1)).optional()
        })
        .while_("reading the sums of a day")?;
    Ok(sums.unwrap_or_default())
}

fn put(tx: &Transaction<'_>, account: Uuid, day: i64, model: &str, sums: &Sums) -> Result<(), StoreError> {
    let mut first_tokens = [0; 96];
    for (bytes, count) in first_tokens.as_chunks_mut::<4>().0.iter_mut().zip(sums.first_tokens) {
        *bytes = count.to_le_bytes();
    }
    tx.prepare_cached(
        "INSERT OR REPLACE INTO usage_sums (account, day, model, done, length, stopped, interrupted, failed,
             prompt_tokens, answer_tokens, speed_tokens, speed_ms, loads, load_ms, liked, disliked, last_at, first_tokens)
         VALUES (:account, :day, :model, :done, :length, :stopped, :interrupted, :failed,
             :prompt_tokens, :answer_tokens, :speed_tokens, :speed_ms, :loads, :load_ms, :liked, :disliked, :last_at,
             :first_tokens)",
    )
    .and_then(|mut insert| {
        insert.execute(named_params! {
            ":account": account, ":day": day, ":model": model,
            ":done": sums.done, ":length": sums.length, ":stopped": sums.stopped,
            ":interrupted": sums.interrupted, ":failed": sums.failed,
            ":prompt_tokens": sums.prompt_tokens, ":answer_tokens": sums.answer_tokens,
            ":speed_tokens": sums.speed_tokens, ":speed_ms": sums.speed_ms,
            ":loads": sums.loads, ":load_ms": sums.load_ms,
            ":liked": sums.liked, ":disliked": sums.disliked,
            ":last_at": sums.last_at, ":first_tokens": first_tokens,
        })
    })
    .while_("writing the sums of a day")?;
    Ok(())
}

/// Sums by model from the day `from` on, by its name as it was asked for. `None` = of everybody.
pub fn by_model(
    tx: &Transaction<'_>,
    account: Option<AccountId>,
    from: i64,
) -> Result<HashMap<String, Sums>, StoreError> {
    let mut models: HashMap<String, Sums> = HashMap::new();
    let mut select =
        tx.prepare_cached(select_sums!("model", "WHERE account = :account AND day >= :from")).while_("reading sums")?;
    let whose = account.map_or(EVERYBODY, |account| account.0);
    let mut rows = select.query(named_params! { ":account": whose, ":from": from }).while_("reading sums")?;
    while let Some(row) = rows.next().while_("reading sums")? {
        let sums = Sums::read(row, 1).while_("reading sums")?;
        let model = row.get_ref(0).and_then(|name| Ok(name.as_str()?)).while_("reading a model's name")?;
        match models.get_mut(model) {
            Some(known) => known.add(&sums),
            None => drop(models.insert(model.to_owned(), sums)),
        }
    }
    Ok(models)
}

/// The sums of one account by day and model, from the day `from` on, the oldest first.
pub fn by_day(tx: &Transaction<'_>, account: AccountId, from: i64) -> Result<Vec<(i64, String, Sums)>, StoreError> {
    let mut select = tx
        .prepare_cached(select_sums!("day, model", "WHERE account = :account AND day >= :from ORDER BY day, model"))
        .while_("reading the sums of days")?;
    let rows = select
        .query_map(named_params! { ":account": account.0, ":from": from }, |row| {
            Ok((row.get(0)?, row.get(1)?, Sums::read(row, 2)?))
        })
        .while_("reading the sums of days")?;
    rows.collect::<Result<_, _>>().while_("reading the sums of days")
}

/// The sums of each day and model from `from` to `to`, in the order of days: of one account, or of everybody (`None`).
pub fn each_day(
    tx: &Transaction<'_>,
    account: Option<AccountId>,
    (from, to): (i64, i64),
    mut each: impl FnMut(i64, &str, &Sums),
) -> Result<(), StoreError> {
    let mut select = tx
        .prepare_cached(select_sums!(
            "day, model",
            "WHERE account = :account AND day BETWEEN :from AND :to ORDER BY day"
        ))
        .while_("reading the sums of days")?;
    let whose = account.map_or(EVERYBODY, |account| account.0);
    let mut rows = select
        .query(named_params! { ":account": whose, ":from": from, ":to": to })
        .while_("reading the sums of days")?;
    while let Some(row) = rows.next().while_("reading the sums of days")? {
        let sums = Sums::read(row, 2).while_("reading the sums of days")?;
        let model = row.get_ref(1).and_then(|name| Ok(name.as_str()?)).while_("reading a model's name")?;
        each(row.get(0).while_("reading the sums of days")?, model, &sums);
    }
    Ok(())
}

/// Who used which model on the day `from` or later.
pub fn people(tx: &Transaction<'_>, from: i64) -> Result<Vec<(String, AccountId)>, StoreError> {
    let mut select = tx
        .prepare_cached("SELECT model, account FROM usage_people WHERE last_day >= :from")
        .while_("reading who used a model")?;
    let rows = select
        .query_map(named_params! { ":from": from }, |row| Ok((row.get(0)?, AccountId(row.get(1)?))))
        .while_("reading who used a model")?;
    rows.collect::<Result<_, _>>().while_("reading who used a model")
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::{
        api::{MessageId, feedback::Thumb},
        store::system::{
            Tx,
            scratch::system,
            usage::{self, DAY, Used},
        },
    };

    const OUTCOMES: [MessageState; 5] = [
        MessageState::Done,
        MessageState::Length,
        MessageState::Stopped,
        MessageState::Interrupted,
        MessageState::Failed,
    ];

    /// The sums of the rows themselves, as SQL adds them up.
    fn scanned(tx: &Tx<'_>, account: Option<AccountId>) -> Vec<(String, [i64; 14])> {
        let mut select = tx
            .prepare(
                "SELECT model, sum(outcome = 'done'), sum(outcome = 'length'), sum(outcome = 'stopped'),
                        sum(outcome = 'interrupted'), sum(outcome = 'failed'), total(prompt_tokens), total(answer_tokens),
                        total(iif(answer_tokens > 0 AND answer_ms > 0, answer_tokens, 0)),
                        total(iif(answer_tokens > 0 AND answer_ms > 0, answer_ms, 0)),
                        total(load_ms >= 100), total(iif(load_ms >= 100, load_ms, 0)), total(rating = 1),
                        total(rating = -1), max(at)
                 FROM usage WHERE :account IS NULL OR account = :account GROUP BY model ORDER BY model",
            )
            .unwrap();
        let rows = select.query_map(named_params! { ":account": account.map(|account| account.0) }, |row| {
            let mut sums = [0; 14];
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = row.get::<_, f64>(place + 1).map_or_else(|_| row.get(place + 1), |sum| Ok(sum as i64))?;
            }
            Ok((row.get(0)?, sums))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn kept(tx: &Tx<'_>, account: Option<AccountId>) -> Vec<(String, [i64; 14])> {
        let mut kept: Vec<_> = by_model(tx, account, i64::MIN)
            .unwrap()
            .into_iter()
            .map(|(model, s)| {
                let sums = [
                    s.done,
                    s.length,
                    s.stopped,
                    s.interrupted,
                    s.failed,
                    s.prompt_tokens,
                    s.answer_tokens,
                    s.speed_tokens,
                    s.speed_ms,
                    s.loads,
                    s.load_ms,
                    s.liked,
                    s.disliked,
                    s.last_at,
                ];
                (model, sums)
            })
            .collect();
        kept.sort();
        kept
    }

    /// When the last one was is not taken back when its person leaves.
    fn without_end((model, sums): (String, [i64; 14])) -> (String, [i64; 13]) {
        (model, *sums.first_chunk().unwrap())
    }

    #[tokio::test]
    async fn the_sums_are_those_of_the_rows_however_they_came_and_were_rated() {
        let home = tempfile::tempdir().unwrap();
        let system = system(&home);
        let done: Result<(), StoreError> = system
            .write(|tx| {
                let mut random = StdRng::seed_from_u64(5);
                let mut people: Vec<AccountId> = (0..4).map(|_| AccountId::new()).collect();
                let mut answers: Vec<(AccountId, MessageId)> = Vec::new();
                for step in 0..400 {
                    let account = people[random.random_range(0..people.len())];
                    // Every fifth answer is gone on with, and has two rows then.
                    let answer = match answers.last() {
                        Some((by, answer)) if *by == account && step % 5 == 0 => *answer,
                        Some(_) | None => MessageId::new(),
                    };
                    let some = |random: &mut StdRng| random.random_bool(0.8).then(|| random.next_u32() % 3000);
                    let metrics = Metrics {
                        first_token_ms: some(&mut random),
                        load_ms: some(&mut random),
                        prompt_tokens: some(&mut random),
                        answer_tokens: some(&mut random),
                        answer_ms: some(&mut random),
                        ..Metrics::default()
                    };
                    let used = Used {
                        account,
                        model: ["a", "b", "c:7b"][random.random_range(0..3)],
                        answer,
                        outcome: OUTCOMES[random.random_range(0..5)],
                        fault: None,
                        metrics: &metrics,
                        counted: 1,
                        wall_day: 20_000 + i64::from(random.next_u32() % 23),
                    };
                    usage::note(tx, &used, 20_000 * DAY + i64::from(random.next_u32() % 2_000_000_000))?;
                    answers.push((account, answer));
                    let (by, rated) = answers[random.random_range(0..answers.len())];
                    let thumb = [None, Some(Thumb::Up), Some(Thumb::Down)][random.random_range(0..3)];
                    usage::rate(tx, by, rated, thumb)?;
                }
                // One leaves, and takes along what it used.
                let gone = people.pop().unwrap();
                forget(tx, gone)?;
                tx.execute("DELETE FROM usage WHERE account = ?1", [gone.0]).while_("deleting")?;
                assert_eq!(kept(tx, Some(gone)), []);
                assert!(super::people(tx, i64::MIN)?.iter().all(|(_, account)| *account != gone));
                let everybody = scanned(tx, None).into_iter().map(without_end).collect::<Vec<_>>();
                assert!(everybody.iter().all(|(_, sums)| sums.iter().all(|sum| *sum > 0)), "{everybody:?}");
                assert_eq!(kept(tx, None).into_iter().map(without_end).collect::<Vec<_>>(), everybody);
                for account in people {
                    assert_eq!(kept(tx, Some(account)), scanned(tx, Some(account)));
                    let days = by_day(tx, account, i64::MIN)?;
                    let told: i64 = days.iter().map(|(_, _, sums)| sums.answers()).sum();
                    let rows: i64 = tx
                        .query_row("SELECT count(*) FROM usage WHERE account = ?1", [account.0], |row| row.get(0))
                        .while_("counting")?;
                    assert_eq!(told, rows);
                }
                Ok(())
            })
            .await;
        done.unwrap();
    }

    #[test]
    fn an_answer_counts_in_the_step_in_which_it_began_and_a_warm_start_is_no_load() {
        let begun = |first_token_ms, load_ms| {
            let metrics =
                Metrics { first_token_ms: Some(first_token_ms), load_ms: Some(load_ms), ..Metrics::default() };
            let sums = Sums::of(MessageState::Done, &metrics, 7);
            (sums.first_tokens.iter().position(|count| *count == 1), sums.loads, sums.load_ms)
        };
        assert_eq!(begun(0, 5), (Some(0), 0, 0));
        assert_eq!(begun(100, 99), (Some(1), 0, 0));
        assert_eq!(begun(u32::MAX, 100), (Some(23), 1, 100));
    }
}
