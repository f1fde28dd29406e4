//! Stretches, gaps, who looks next, breakers, jobs that need somebody.

use super::*;
use crate::store::{
    Db,
    system::scratch::{at, system},
};

const MINUTE: i64 = 60_000;

fn check(part: Part, level: Level, reason: &str, text: &str) -> Check {
    Check::new(part, level, reason, text)
}

async fn look(db: &Db, by: u128, now: i64, checks: Vec<Check>) {
    let looked = Looked { moment: at(now), by: Uuid::from_u128(by), every_ms: MINUTE, report: "{}".to_owned(), checks };
    db.write::<_, StoreError>(move |tx| record(tx, &looked)).await.unwrap();
}

async fn told(db: &Db, now: i64) -> Vec<(Level, i64, i64, bool, u32)> {
    let (rows, _) =
        db.read::<_, StoreError>(move |tx| since(tx, i64::MIN / 2, 100, now, gap_ms(MINUTE))).await.unwrap();
    rows.into_iter().map(|row| (row.level, row.from, row.until, row.lasts, row.checks)).collect()
}

#[tokio::test]
async fn an_outage_is_one_row_however_often_it_was_seen_and_ends_where_the_next_look_found_it_over() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let good = || vec![Check::good(Part::Ollama, "fine")];
    let bad = |text: &str| vec![check(Part::Ollama, Level::Bad, "not_running", text)];
    look(&db, 1, 0, good()).await;
    look(&db, 1, MINUTE, good()).await;
    for n in 2..10 {
        look(&db, 1, n * MINUTE, bad(&format!("look {n}"))).await;
    }
    look(&db, 1, 10 * MINUTE, good()).await;
    assert_eq!(
        told(&db, 10 * MINUTE).await,
        [
            (Level::Good, 0, 2 * MINUTE, false, 2),
            (Level::Bad, 2 * MINUTE, 10 * MINUTE, false, 8),
            (Level::Good, 10 * MINUTE, 10 * MINUTE, true, 1),
        ]
    );
    let incidents = db.read::<_, StoreError>(|tx| incidents(tx, None, 10, 0, MINUTE)).await.unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].text, "look 9");
}

#[tokio::test]
async fn time_in_which_nobody_looked_is_in_no_stretch_whatever_was_found_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let good = || vec![Check::good(Part::Ollama, "fine")];
    look(&db, 1, 0, good()).await;
    look(&db, 1, 100 * MINUTE, good()).await;
    // And when the clock was set back, a stretch does not go on backwards.
    look(&db, 1, 50 * MINUTE, good()).await;
    assert_eq!(
        told(&db, 60 * MINUTE).await,
        [
            (Level::Good, 0, 0, false, 1),
            (Level::Good, 100 * MINUTE, 100 * MINUTE, false, 1),
            (Level::Good, 50 * MINUTE, 50 * MINUTE, false, 1),
        ]
    );
}

#[tokio::test]
async fn of_what_each_process_has_for_itself_the_trouble_of_another_is_not_over_because_here_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let open = || vec![check(Part::Breakers, Level::Warning, "open", "held back")];
    look(&db, 1, 0, open()).await;
    look(&db, 2, 10_000, vec![Check::good(Part::Breakers, "all go through")]).await;
    assert_eq!(told(&db, 10_000).await.len(), 1);
    // Its own trouble is over when it says so, and another's when it has not been heard of for long.
    look(&db, 1, MINUTE, vec![Check::good(Part::Breakers, "all go through")]).await;
    assert_eq!(told(&db, MINUTE).await.len(), 2);
    look(&db, 1, 2 * MINUTE, open()).await;
    look(&db, 2, 4 * MINUTE, vec![Check::good(Part::Breakers, "all go through")]).await;
    assert_eq!(told(&db, 4 * MINUTE).await.len(), 4);
}

#[tokio::test]
async fn there_are_never_more_than_some_rows_and_a_clock_that_leaps_takes_none() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let full = || vec![check(Part::Disk, Level::Bad, "full", "full")];
    let fine = || vec![Check::good(Part::Disk, "fine")];
    let count = async |table: &'static str| -> i64 {
        let sql = ["SELECT count(*) FROM ", table].concat();
        db.read::<_, StoreError>(move |tx| tx.query_row(&sql, [], |row| row.get(0)).while_("testing")).await.unwrap()
    };
    look(&db, 1, 0, fine()).await;
    look(&db, 1, 1000 * DAY_MS, full()).await;
    look(&db, 1, 1, fine()).await;
    assert_eq!(count("health_history").await, 3, "a leap of years and back");
    // As if so many had come meanwhile.
    let age = |sql: &'static str| db.write::<_, StoreError>(move |tx| tx.execute(sql, [ROWS_MAX]).while_("testing"));
    age("UPDATE health_history SET seq = seq + ?1 - 4 WHERE seq = 3").await.unwrap();
    look(&db, 1, 2, full()).await;
    assert_eq!(count("health_history").await, 4, "those within the number stay");
    look(&db, 1, 3, fine()).await;
    assert_eq!(count("health_history").await, 4, "those beyond it go");

    let open = |now| db.write::<_, StoreError>(move |tx| breaker_opened(tx, "chat", "x", now));
    open(0).await.unwrap();
    open(1000 * DAY_MS).await.unwrap();
    assert_eq!(count("breaker_history").await, 2);
    age("UPDATE breaker_history SET seq = seq + ?1 - 2 WHERE seq = 2").await.unwrap();
    open(5).await.unwrap();
    assert_eq!(count("breaker_history").await, 2, "the oldest is beyond the number");
}

#[tokio::test]
async fn one_process_looks_and_the_others_take_its_result_until_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let claims = async |now| db.write::<_, StoreError>(move |tx| claim(tx, &at(now), MINUTE)).await.unwrap();
    assert!(claims(1_000_000).await);
    assert!(!claims(1_000_001).await);
    look(&db, 1, 1_002_000, Vec::new()).await;
    assert!(!claims(1_002_000 + MINUTE - 1).await);
    assert!(claims(1_002_000 + MINUTE).await);
    // The clock was set back: nobody waits for the time that was.
    assert!(claims(500).await);
    let round = db.read::<_, StoreError>(last_round).await.unwrap().unwrap();
    assert_eq!((round.begun_at, round.ended_at), (500, Some(1_002_000)));
}

#[tokio::test]
async fn a_breakers_outage_is_one_row_from_opening_to_closing() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    db.write::<_, StoreError>(|tx| {
        let seq = breaker_opened(tx, "chat", "nothing answers", 10)?;
        breaker_tried(tx, seq, 20)?;
        breaker_tried(tx, seq, 30)?;
        breakers_seen(tx, &[seq], 35)?;
        breaker_closed(tx, seq, "an answer came", 40)?;
        breaker_closed(tx, seq, "again", 50)
    })
    .await
    .unwrap();
    let rows = db.read::<_, StoreError>(|tx| breaker_outages(tx, None, 10)).await.unwrap();
    assert_eq!(
        rows,
        [BreakerOutage {
            seq: 1,
            kind: "chat".into(),
            why: "nothing answers".into(),
            opened_at: 10,
            tries: 2,
            tried_at: Some(30),
            seen_at: 40,
            closed_at: Some(40),
            closed_why: Some("an answer came".into()),
        }]
    );
}

#[tokio::test]
async fn jobs_that_are_stuck_and_rules_that_keep_failing_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let db = system(&dir);
    let now = 100 * DAY_MS;
    db.write::<_, StoreError>(move |tx| {
        let add = |kind: &str, about: &str, state: &str, account: Option<Uuid>, updated: i64| {
            let holder = (state == "running").then(|| Uuid::from_u128(7));
            tx.execute(
                "INSERT INTO jobs (id, kind, about, account, state, work, holder, created_at, updated_at)
                 VALUES (:id, :kind, :about, :account, :state, '{}', :holder, :at, :at)",
                named_params! {
                    ":id": Uuid::now_v7(), ":kind": kind, ":about": about, ":account": account, ":state": state,
                    ":holder": holder, ":at": updated,
                },
            )
            .while_("testing")
        };
        for _ in 0..3 {
            add("update", "bad", "failed", None, now - 1000)?;
            add("update", "ours", "failed", Some(Uuid::from_u128(1)), now - 2 * DAY_MS)?;
            add("update", "mended", "failed", None, now - 2 * DAY_MS)?;
        }
        add("update", "mended", "done", None, now)?;
        add("install", "slow", "running", None, now - 11 * MINUTE)?;
        add("install", "quick", "running", None, now - MINUTE)?;
        add("install", "patient", "waiting", None, now - 5 * MINUTE)
    })
    .await
    .unwrap();
    assert_eq!(
        db.read::<_, StoreError>(move |tx| jobs_standing(tx, now)).await.unwrap(),
        JobsStanding {
            running: 2,
            stuck: 1,
            waiting: 1,
            waits_ms: 5 * MINUTE,
            failed: 3,
            failing: vec!["update bad".to_owned()],
            paused: Vec::new(),
        }
    );
}
