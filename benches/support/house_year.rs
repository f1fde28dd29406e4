//! A year of a house full of people, as rows: for the benchmark of reports and for looking at the screen.

use ollamanet::{
    api::{
        AccountId, FaultKind, MessageId,
        auth::Role,
        chat::{MessageState, Metrics},
        feedback::Thumb,
    },
    store::{
        Db, StoreError,
        system::{
            accounts,
            storage_days::{self, Measured},
            usage::{self, DAY, Used},
        },
    },
};

const MODELS: [&str; 8] = [
    "llama3.2:3b",
    "qwen3:8b",
    "gemma3:12b",
    "deepseek-r1:14b",
    "mistral-small:24b",
    "phi4:14b",
    "qwen2.5-coder:7b",
    "granite3.3:8b",
];
const NAMES: [&str; 20] = [
    "ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "jana", "kai", "lea", "milo", "nora", "otto",
    "pia", "quinn", "rosa", "sven", "tess",
];

/// Accounts without vaults.
pub async fn people(system: &Db, count: usize) -> Vec<AccountId> {
    let made: Result<Vec<AccountId>, StoreError> = system
        .write(move |tx| {
            (0..count)
                .map(|n| {
                    let id = AccountId::new();
                    let name = match n / NAMES.len() {
                        0 => NAMES[n].to_owned(),
                        round => format!("{}{round}", NAMES[n % NAMES.len()]),
                    };
                    accounts::insert(tx, id, &name, Role::User, uuid::Uuid::now_v7(), 0)?;
                    Ok(id)
                })
                .collect()
        })
        .await;
    made.unwrap()
}

/// Answers of everybody on every day up to `today`, fewer at weekends and of some, and a measurement of each day.
/// Gives how many answers it was.
pub async fn year(system: &Db, people: &[AccountId], today: i64, days: i64) -> i64 {
    let mut all = 0;
    for day in today - days + 1..=today {
        let people = people.to_vec();
        let noted: Result<i64, StoreError> = system
            .write(move |tx| {
                let mut noted = 0;
                // 1970 began on a Thursday.
                let is_weekend = matches!((day + 3).rem_euclid(7), 5 | 6);
                for (n, account) in people.iter().enumerate() {
                    let n = n as i64;
                    let mood = (day * 7919 + n * 104_729).rem_euclid(97);
                    let usual = 1 + 12 / (1 + n / 4) + mood % 5;
                    let count =
                        if is_weekend { mood % 2 } else { usual * (60 + (day - today + days) * 60 / days) / 100 };
                    for k in 0..count {
                        let dice = (day * 31 + n * 17 + k * 7919).rem_euclid(1009);
                        let is_down = mood == 3 && k % 2 == 0;
                        let fault = (dice % 60 == 0 || is_down).then_some(match dice % 4 {
                            0 => FaultKind::Upstream,
                            1 => FaultKind::Model,
                            2 => FaultKind::Overflow,
                            _ => FaultKind::ModelMissing,
                        });
                        let tokens = 40 + dice % 700;
                        let metrics = Metrics {
                            first_token_ms: Some((150 + dice * 3 % 1500) as u32),
                            total_ms: Some((500 + tokens * 20) as u32),
                            load_ms: Some((dice * 17 % 130) as u32),
                            prompt_tokens: Some((200 + dice * 5 % 3000) as u32),
                            answer_tokens: fault.is_none().then_some(tokens as u32),
                            answer_ms: fault.is_none().then_some((tokens * (18 + dice % 9)) as u32),
                            ..Metrics::default()
                        };
                        let answer = MessageId::new();
                        let outcome = match (fault, dice % 23) {
                            (Some(_), _) => MessageState::Failed,
                            (None, 0) => MessageState::Stopped,
                            (None, _) => MessageState::Done,
                        };
                        let used = Used {
                            account: *account,
                            model: MODELS[((n * 3 + dice % 3 + k) % MODELS.len() as i64) as usize],
                            answer,
                            outcome,
                            fault,
                            metrics: &metrics,
                            counted: 1,
                            wall_day: day,
                        };
                        usage::note(tx, &used, day * DAY + 10 * 3_600_000 + dice * 20_000)?;
                        if dice % 19 == 0 {
                            let thumb = if dice % 57 == 0 { Thumb::Down } else { Thumb::Up };
                            usage::rate(tx, *account, answer, Some(thumb))?;
                        }
                        noted += 1;
                    }
                }
                let bytes = |n: i64| (2_000_000 + (day - today + days) * (40_000 + n * 900)).unsigned_abs();
                let accounts = people.iter().enumerate().map(|(n, account)| (*account, bytes(n as i64)));
                let accounts: Vec<_> = accounts.collect();
                let measured = Measured {
                    day,
                    at: day * DAY,
                    bytes: accounts.iter().map(|(_, bytes)| bytes).sum(),
                    free: Some(80_000_000_000),
                    accounts,
                };
                storage_days::note(tx, &measured)?;
                Ok(noted)
            })
            .await;
        all += noted.unwrap();
    }
    all
}
