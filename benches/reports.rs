//! What the administrator's overview of a year of a hundred accounts costs, from the call to the answer, beside the same
//! figures made by scans over the rows themselves. `cargo bench --bench reports`
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on should say where"
)]

#[path = "support/beside.rs"]
mod beside;
#[path = "support/house_year.rs"]
mod house_year;

use std::time::{Duration, Instant};

use beside::{judged, told};
use ollamanet::{
    api::{
        auth::{NewAccount, Secret},
        reports::{Over, Question},
    },
    app,
    config::{Config, live::Live},
    paths::Paths,
    store::{
        StoreError,
        system::{Moment, open_system, usage_days::wall_day},
    },
    tasks::Tasks,
};

const PEOPLE: usize = 100;
const DAYS: i64 = 365;
const ROUNDS: usize = 30;
const LIMIT: Duration = Duration::from_millis(50);

/// What the overview is made of, from the rows: days, accounts, models, faults.
const SCANS: [&str; 4] = [
    "SELECT wall_day, count(*), count(DISTINCT account), sum(outcome = 'failed'), sum(prompt_tokens), sum(answer_tokens),
            sum(answer_ms), sum(rating = 1), sum(rating = -1) FROM usage WHERE wall_day > :from GROUP BY wall_day",
    "SELECT account, count(*), count(DISTINCT wall_day), sum(outcome = 'failed'), sum(prompt_tokens), sum(answer_tokens)
     FROM usage WHERE wall_day > :from GROUP BY account",
    "SELECT model, count(*), count(DISTINCT account), sum(outcome = 'failed'), sum(prompt_tokens), sum(answer_tokens),
            sum(answer_ms), sum(load_ms), sum(rating = 1), sum(rating = -1) FROM usage WHERE wall_day > :from GROUP BY model",
    "SELECT wall_day, model, count(*) FROM usage WHERE outcome = 'failed' AND wall_day > :from GROUP BY wall_day, model",
];

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::find(Some(&home.path().join("data"))).unwrap();
    let mut config = Config::default();
    "127.0.0.1:1".clone_into(&mut config.ollama.host);
    config.limits.read_per_minute = 1_000_000;
    let tasks = Tasks::new();
    let (gateway, session, system) = runtime.block_on(async {
        let gateway = app::compose(&paths, &config, &Live::fixed(config.clone()), &tasks).unwrap();
        let passphrase = Secret::new("basin lumen tripod velvet marsh");
        let new = NewAccount { name: "ann".to_owned(), passphrase };
        let session = gateway.create_first_admin(new).await.unwrap().session;
        (gateway, session, open_system(&paths.system_db(), false).unwrap())
    });
    let today = wall_day(&ollamanet::zone::local(), Moment::clock());
    let begun = Instant::now();
    let answers = runtime.block_on(async {
        let people = house_year::people(&system, PEOPLE - 1).await;
        house_year::year(&system, &people, today, DAYS).await
    });
    println!("{answers} answers of {PEOPLE} accounts in {DAYS} days noted in {:.1?}", begun.elapsed());

    let mut slowest = Duration::ZERO;
    for (name, over) in [("the year", Over::Year), ("thirty days", Over::Month)] {
        let median = told(name, ROUNDS, || {
            let question = Question { over, ..Question::default() };
            let shown = runtime.block_on(gateway.overview(&session, question)).unwrap();
            assert!(shown.report.accounts.len() == PEOPLE && shown.report.models.len() == 8);
        });
        slowest = slowest.max(median);
    }
    let scan = told("the same by scans", 3, || {
        let scanned: Result<usize, StoreError> = runtime.block_on(system.read(move |tx| {
            let mut rows = 0;
            for scan in SCANS {
                let mut select = tx.prepare(scan).unwrap();
                let from = rusqlite::named_params! { ":from": today - DAYS };
                rows += select.query_map(from, |row| row.get::<_, i64>(1)).unwrap().count();
            }
            Ok(rows)
        }));
        assert!(scanned.unwrap() > PEOPLE + DAYS as usize - 60);
    });
    runtime.block_on(tasks.stop(Duration::from_secs(2)));
    judged("the scans take", scan, slowest, LIMIT);
}
