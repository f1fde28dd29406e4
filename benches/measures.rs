//! What a million answers of a hundred people cost to be told by model: the figures that the list of models waits for, beside
//! the same sums made by a scan over the rows themselves. `cargo bench --bench measures`
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on should say where"
)]

#[path = "support/beside.rs"]
mod beside;

use std::time::{Duration, Instant};

use beside::{judged, told};
use ollamanet::{
    api::{
        AccountId, MessageId,
        chat::{MessageState, Metrics},
    },
    store::{
        Db, StoreError,
        system::{
            open_system,
            usage::{self, DAY, Used},
            usage_sums,
        },
    },
};

const ANSWERS: i64 = 1_000_000;
const PEOPLE: usize = 100;
const MODELS: i64 = 40;
const DAYS: i64 = 365;
const FIRST_DAY: i64 = 20_000;
const ROUNDS: usize = 30;
/// What the query of one's own and of everybody's figures may take together.
const LIMIT: Duration = Duration::from_millis(50);

const SCAN: &str = "
    SELECT model, count(*), sum(outcome = 'failed'), sum(prompt_tokens), sum(answer_tokens), sum(answer_ms),
           sum(load_ms), sum(rating = 1), sum(rating = -1), max(at), count(DISTINCT account)
    FROM usage WHERE day >= :from GROUP BY model";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let system = open_system(&home.path().join("system.db"), false).unwrap();
    let people: Vec<AccountId> = (0..PEOPLE).map(|_| AccountId::new()).collect();
    let begun = Instant::now();
    for from in (0..ANSWERS).step_by(20_000) {
        runtime.block_on(furnish(&system, people.clone(), from));
    }
    println!("{ANSWERS} answers of {PEOPLE} people and {DAYS} days noted in {:.1?}", begun.elapsed());

    let mut slowest = Duration::ZERO;
    for (name, from) in [("the year", FIRST_DAY), ("thirty days", FIRST_DAY + DAYS - 30)] {
        let median = told(name, ROUNDS, || {
            let account = people[7];
            let found: Result<_, StoreError> = runtime.block_on(system.read(move |tx| {
                let own = usage_sums::by_model(tx, Some(account), from)?;
                Ok((own, usage_sums::by_model(tx, None, from)?, usage_sums::people(tx, from)?))
            }));
            let (own, all, _) = found.unwrap();
            assert!(!own.is_empty() && all.len() == MODELS as usize);
        });
        slowest = slowest.max(median);
    }
    let scan = told("the same by a scan", 3, || {
        let rows: Result<usize, StoreError> = runtime.block_on(system.read(|tx| {
            let mut select = tx.prepare(SCAN).unwrap();
            let rows = select.query_map(rusqlite::named_params! { ":from": FIRST_DAY }, |row| row.get::<_, i64>(1));
            Ok(rows.unwrap().map(Result::unwrap).count())
        }));
        assert_eq!(rows.unwrap(), MODELS as usize);
    });
    judged("the scan takes", scan, slowest, LIMIT);
}

/// Some people and models much, most little.
async fn furnish(system: &Db, people: Vec<AccountId>, from: i64) {
    let done: Result<(), StoreError> = system
        .write(move |tx| {
            for n in from..from + 20_000 {
                let metrics = Metrics {
                    first_token_ms: Some((100 + n * 31 % 1900) as u32),
                    total_ms: Some((500 + n * 7919 % 60_000) as u32),
                    load_ms: Some((n * 17 % 300) as u32),
                    prompt_tokens: Some((300 + n % 4000) as u32),
                    answer_tokens: Some((50 + n % 700) as u32),
                    answer_ms: Some((400 + n * 7919 % 50_000) as u32),
                    ..Metrics::default()
                };
                let used = Used {
                    account: people[(n * 7919 % 10_007) as usize % (1 + n as usize % PEOPLE)],
                    model: &format!("model-{}:7b", n * 104_729 % 40_009 % MODELS),
                    answer: MessageId::new(),
                    outcome: if n % 41 == 0 { MessageState::Failed } else { MessageState::Done },
                    fault: None,
                    metrics: &metrics,
                    counted: 1,
                    wall_day: FIRST_DAY + n * DAYS / ANSWERS,
                };
                usage::note(tx, &used, (FIRST_DAY + n * DAYS / ANSWERS) * DAY + n % DAY)?;
            }
            Ok(())
        })
        .await;
    done.unwrap();
}
