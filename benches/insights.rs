//! What a year of a million messages costs to be told in figures: the query that the screen waits for, beside the same sums
//! made by a scan over the messages themselves. `cargo bench --bench insights`
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
    api::AccountId,
    store::{
        StoreError, Vault,
        data_key::RawKey,
        vault::usage::{self, Wanted},
    },
};

/// Questions and answers.
const MESSAGES: i64 = 1_000_000;
/// To a conversation.
const LENGTH: i64 = 40;
const DAYS: i64 = 365;
const FIRST_DAY: i64 = 20_000;
const ROUNDS: usize = 30;
const LIMIT: Duration = Duration::from_millis(50);

/// A history without words: who asked which model when, in which folder, and what it cost. Spread as people do it: some
/// models and folders much, most little, and nothing at night. A twentieth of the answers is rated.
const FURNISH: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 12)
    INSERT INTO folders (id, parent, name, name_key, created_at, updated_at)
    SELECT randomblob(16), NULL, 'folder ' || n, 'folder ' || n, 1, 1 FROM n;

    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :conversations)
    INSERT INTO conversations (id, folder, title, title_key, title_origin, messages, used, used_at,
                               created_at, updated_at)
    SELECT randomblob(16), nullif((n * n) % 13 % (1 + n % 13), 0), 'title ' || n, 'title ' || n, 'prompt', :length, n,
           (:first_day + n * :days / :conversations) * 86400000, 1, (:first_day + n * :days / :conversations) * 86400000
    FROM n;
";

const SAY: &str = "
    WITH RECURSIVE n (n) AS (SELECT :from UNION ALL SELECT n + 1 FROM n WHERE n < :to)
    INSERT INTO messages (id, conversation, role, state, model, first_token_ms, total_ms, prompt_tokens, answer_tokens,
                          answer_ms, created_at, said_hour, content)
    SELECT randomblob(16), 1 + n / :length, iif(n % 2, 'assistant', 'user'),
           iif(n % 2, iif(n % 41, 'done', 'stopped'), 'done'),
           iif(n % 2, 'model-' || ((n / :length) * 7 % 6 % (1 + n % 6)) || ':7b', NULL),
           iif(n % 2, 100 + n * 31 % 1900, NULL), iif(n % 2, 500 + n * 7919 % 60000, NULL),
           iif(n % 2, 300 + n % 4000, NULL), iif(n % 2, 50 + n % 700, NULL), iif(n % 2, 400 + n * 7919 % 50000, NULL),
           day * 86400000, day * 24 + 8 + n * 13 % 14, 'text'
    FROM (SELECT n, :first_day + n * :days / :messages AS day FROM n);
";

const RATE: &str = "
    INSERT INTO feedback (message, thumb, reasons, created_at, updated_at)
    SELECT seq, iif(seq % 60, 1, -1), iif(seq % 3, '[]', '[\"clear\"]'), 1, 1
    FROM messages WHERE role = 'assistant' AND seq % 20 = 0 AND seq BETWEEN :from AND :to;
";

/// The same sums, from the messages. Medians, hours and folders' names are left out, to its favour.
const SCAN: &str = "
    SELECT m.said_hour / 24 AS day, m.model, c.folder, count(*), sum(m.role = 'user'), sum(m.state = 'done'),
           sum(m.state = 'stopped'), sum(m.prompt_tokens), sum(m.answer_tokens), sum(m.total_ms), sum(m.answer_ms),
           sum(f.thumb = 1), sum(f.thumb = -1)
    FROM messages m JOIN conversations c ON c.seq = m.conversation LEFT JOIN feedback f ON f.message = m.seq
    WHERE m.said_hour BETWEEN :from AND :to GROUP BY 1, 2, 3;
";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let vault = Vault::open(AccountId::new(), &home.path().join("vault.db"), &RawKey::copied(&[7; 32]), false).unwrap();
    let begun = Instant::now();
    runtime.block_on(furnish(&vault));
    let size = std::fs::metadata(home.path().join("vault.db")).unwrap().len() / 1_000_000;
    println!("{MESSAGES} messages of {DAYS} days written in {:.1?}, {size} MB", begun.elapsed());

    let year = Wanted { from: FIRST_DAY, to: FIRST_DAY + DAYS, model: None, folder: None };
    let month = Wanted { from: FIRST_DAY + DAYS - 30, ..year.clone() };
    let model = Wanted { model: Some("model-0:7b".to_owned()), ..year.clone() };
    let (messages, _) = runtime.block_on(query(&vault, &year));
    assert_eq!(messages, MESSAGES.unsigned_abs());
    let mut slowest = Duration::ZERO;
    for (name, wanted) in [("the year", &year), ("thirty days", &month), ("the year of one model", &model)] {
        let median = told(name, ROUNDS, || {
            runtime.block_on(query(&vault, wanted));
        });
        slowest = slowest.max(median);
    }
    let scan = told("the same by a scan", 3, || {
        let rows = runtime.block_on(vault.db.read(|tx| -> Result<usize, StoreError> {
            let mut select = tx.prepare(SCAN).unwrap();
            let named = rusqlite::named_params! { ":from": FIRST_DAY * 24, ":to": (FIRST_DAY + DAYS) * 24 };
            let rows = select.query_map(named, |row| row.get::<_, i64>(3)).unwrap();
            Ok(rows.map(Result::unwrap).count())
        }));
        assert!(rows.unwrap() > 0);
    });
    judged("the scan takes", scan, slowest, LIMIT);
}

async fn furnish(vault: &Vault) {
    let made: Result<(), StoreError> = vault
        .db
        .maintain(|conn| {
            let all = [
                (":conversations", MESSAGES / LENGTH + 1),
                (":length", LENGTH),
                (":days", DAYS),
                (":first_day", FIRST_DAY),
                (":messages", MESSAGES),
            ];
            for statement in FURNISH.split_inclusive(';').filter(|text| text.contains("INSERT")) {
                let mut statement = conn.prepare(statement).unwrap();
                bind(&mut statement, &all);
                statement.raw_execute().unwrap();
            }
            for from in (0..MESSAGES).step_by(50_000) {
                let tx = conn.transaction().unwrap();
                for text in [SAY, RATE] {
                    let mut statement = tx.prepare(text).unwrap();
                    // Rows count from one, the numbers of this from nought.
                    let shift = i64::from(text == RATE);
                    bind(&mut statement, &all);
                    bind(&mut statement, &[(":from", from + shift), (":to", from + 49_999 + shift)]);
                    statement.raw_execute().unwrap();
                }
                tx.commit().unwrap();
            }
            conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            Ok(())
        })
        .await;
    made.unwrap();
}

/// Those of these that the statement names.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[(&str, i64)]) {
    for (name, value) in values {
        if let Some(place) = statement.parameter_index(name).unwrap() {
            statement.raw_bind_parameter(place, value).unwrap();
        }
    }
}

/// As the service asks it, but for the words.
async fn query(vault: &Vault, wanted: &Wanted) -> (u64, usize) {
    let wanted = wanted.clone();
    let told: Result<_, StoreError> = vault
        .db
        .read(move |tx| {
            usage::known_days(tx, wanted.to)?;
            let summed = usage::summed(tx, &wanted)?;
            Ok((summed.total.messages(), usage::longest(tx, &wanted, 10)?.len()))
        })
        .await;
    told.unwrap()
}
