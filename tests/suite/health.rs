//! An outage of Ollama, from its first failed call to its end: in the history of health, in that of the breaker, on the
//! screen and by commands; over two windows and over a restart.

use ollamanet::{
    api::{
        FaultKind,
        health::{Level, OllamaState, Part, Stretch},
    },
    fake::{Pace, StandIn},
    tasks::Tasks,
};
use tokio::sync::watch;

use crate::common::{
    house::{House, count, tamper},
    pty::Program,
    stage::{PASSPHRASE, Stage, finish},
};

/// Waits until it is so, asking again and again; fails after half a minute.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("not {what}"));
}

fn of(stretches: &[Stretch], part: Part) -> Vec<Level> {
    stretches.iter().filter(|stretch| stretch.part == part).map(|stretch| stretch.level).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_in_the_history_and_in_the_breakers_and_in_the_report_of_every_window() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (House::beside(home.path(), &fake), House::beside(home.path(), &fake));
    let ann = one.first_admin("ann").await.session;
    for window in [&one, &other] {
        window.gateway.watch_over_health();
        let seen = window.gateway.seen_health().await.unwrap();
        assert!(matches!(seen.ollama, OllamaState::Reachable { .. }), "{seen:?}");
    }
    // It goes away, and somebody works on: the third failure opens the breaker, and that calls for a look.
    fake.answer(|_| None);
    for _ in 0..3 {
        let _ = one.gateway.models(&ann, true).await;
    }
    until("seen in the window that met it", async || {
        let seen = one.gateway.seen_health().await.unwrap();
        matches!(seen.ollama, OllamaState::Unreachable { .. })
            && seen.check(Part::Breakers).is_some_and(|check| check.level == Level::Warning)
    })
    .await;
    until("open in the history", async || {
        let page = one.gateway.breaker_history(&ann, None, 10).await.unwrap();
        page.rows.first().is_some_and(|outage| outage.kind == "manage" && outage.closed_at.is_none())
    })
    .await;
    // It is back, and somebody looks in the other window.
    let usual = StandIn::new(Pace::instant());
    fake.answer(move |seen| Some(usual.reply(seen)));
    let seen = other.gateway.health().await.unwrap();
    assert_eq!(seen.check(Part::Ollama).unwrap().level, Level::Good);
    let history = one.gateway.health_history(&ann, 0).await.unwrap();
    assert_eq!(of(&history.stretches, Part::Ollama), [Level::Good, Level::Bad, Level::Good], "{history:?}");
    assert_eq!(of(&history.stretches, Part::Store), [Level::Good]);
    // The first window finds out by its own next call.
    one.gateway.health().await.unwrap();
    until("closed in the history", async || {
        let page = one.gateway.breaker_history(&ann, None, 10).await.unwrap();
        page.rows[0].closed_why.as_deref() == Some("an answer came")
    })
    .await;
    let incidents = one.gateway.incidents(&ann, None, 10).await.unwrap();
    let bad: Vec<_> = incidents.rows.iter().filter(|row| row.part == Part::Ollama).collect();
    assert_eq!(bad.len(), 1, "{incidents:?}");
    assert!(!bad[0].lasts && bad[0].until >= bad[0].seen, "{bad:?}");
    one.close().await;
    other.close().await;
    // And after a restart all of it is there still.
    let again = House::beside(home.path(), &fake);
    let ann = again.sign_in("ann", &ollamanet::api::auth::Secret::new(crate::common::house::PASSPHRASE)).await.unwrap();
    let after = again.gateway.incidents(&ann.session, None, 10).await.unwrap();
    assert_eq!(after.rows, incidents.rows);
    assert_eq!(count(&again, "SELECT count(*) FROM breaker_history"), 1);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_it_was_is_for_administrators_and_the_whole_database_is_looked_through_with_progress() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await.session;
    let ben = house.newcomer(&ann, "ben", "user").await.session;
    house.gateway.health().await.unwrap();
    let denied = house.gateway.health_history(&ben, 0).await.unwrap_err();
    assert_eq!(denied.kind, FaultKind::Denied);
    let (told, progress) = watch::channel(ollamanet::api::health::FullCheck::default());
    house.gateway.check_in_full(&ann, told).await.unwrap();
    let last = progress.borrow().clone();
    assert!(last.all > 20 && last.done == last.all, "{last:?}");
    // Whoever goes away stops it, and that is no finding.
    let given_up = house.gateway.check_in_full(&ann, watch::Sender::default());
    drop(tokio::time::timeout(std::time::Duration::ZERO, given_up).await);
    assert_eq!(house.gateway.health().await.unwrap().check(Part::Store).unwrap().level, Level::Good);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_full_check_finds_stays_found_until_another_finds_it_mended() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await.session;
    // A look at a part goes by pages, and these are sound.
    tamper(
        &house,
        "PRAGMA foreign_keys = OFF; INSERT INTO notices (account, at, text) VALUES (randomblob(16), 1, 'x')",
    );
    let store = async || house.gateway.health().await.unwrap().check(Part::Store).unwrap().clone();
    assert_eq!(store().await.level, Level::Good);
    let found = house.gateway.check_in_full(&ann, watch::Sender::default()).await.unwrap_err();
    assert_eq!(found.kind, FaultKind::Store);
    assert_eq!((store().await.level, store().await.reason.as_str()), (Level::Bad, "damaged"));
    tamper(&house, "DELETE FROM notices");
    house.gateway.check_in_full(&ann, watch::Sender::default()).await.unwrap();
    assert_eq!(store().await.level, Level::Good);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_tell_how_it_stands_and_how_it_was_and_their_exit_codes_say_which() {
    let stage = Stage::signed_in().await;
    let well = stage.json(&["health"]).await;
    let parts: Vec<&str> = well["checks"].as_array().unwrap().iter().map(|one| one["part"].as_str().unwrap()).collect();
    let all = ["ollama", "store", "disk", "jobs", "backup", "clock", "breakers", "cache", "tasks", "traces"];
    assert_eq!(parts, all);
    assert!(well["checks"][2]["figures"]["free_bytes"].as_u64().is_some());
    assert_eq!(stage.run(&["health", "--strict"]).await.code, Some(0));
    stage.fake.answer(|_| None);
    let away = stage.run(&["health"]).await;
    assert_eq!(away.code, Some(3), "{away:?}");
    let doctor = stage.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(3), "{doctor:?}");
    assert!(doctor.out.contains("→ Check the address"), "{}", doctor.out);
    let usual = StandIn::new(Pace::instant());
    stage.fake.answer(move |seen| Some(usual.reply(seen)));
    // A backup that is not as it was written is bad, whatever Ollama does; a warning is only bad to the strict.
    let whole = stage.run(&["health", "--full"]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(whole.out.contains("looked through whole and is sound"), "{}", whole.out);
    let past = stage.json(&["health", "--history", "--since", "1h"]).await;
    let incidents = past["incidents"].as_array().unwrap();
    let incidents: Vec<_> = incidents.iter().filter(|row| row["part"] == "ollama").collect();
    assert_eq!(incidents.len(), 1, "{past}");
    assert_eq!(incidents[0]["level"], "bad");
    assert_eq!(incidents[0]["checks"], 2, "the doctor's look prolonged it");
    assert!(!past["not_checked"].as_array().unwrap().is_empty(), "before the first look nobody looked: {past}");
    let told = stage.run(&["health", "--history"]).await;
    assert!(told.out.contains("not reachable at") && told.out.contains("not checked"), "{}", told.out);
    let csv = stage.run(&["health", "--history", "--csv"]).await;
    assert!(csv.out.starts_with("from,until,part,level,reason,checks,lasts,text\n"), "{}", csv.out);
    assert_eq!(csv.out.lines().filter(|line| line.contains(",ollama,bad,unreachable,2,")).count(), 1, "{}", csv.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_bad_and_is_told_with_what_mends_it() {
    let stage = Stage::signed_in().await;
    let made = stage.with_input(&["backup", "create", "--passphrase-fd", "0"], PASSPHRASE).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(stage.run(&["health"]).await.code, Some(0));
    let backups = stage.home().join("data/ollamanet/backups");
    let backup = std::fs::read_dir(&backups).unwrap().flatten().map(|entry| entry.path());
    let backup = backup.into_iter().find(|path| path.join("manifest.json").exists()).expect("there is a backup");
    std::fs::write(backup.join("manifest.json"), "{").unwrap();
    let bad = stage.run(&["health"]).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.out.contains("bad   backup    The newest backup"), "{}", bad.out);
    let doctor = finish(stage.command(&["doctor"]).spawn().unwrap()).await;
    assert!(doctor.out.contains("ollamanet backup create && ollamanet backup verify"), "{}", doctor.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dot_and_the_tab_show_an_outage_while_it_lasts_and_that_it_is_over() {
    let stage = Stage::signed_in().await;
    let program = Program::new(stage.home(), &["--set", "health.every_seconds=5"]);
    let mut term = program.env("OLLAMA_HOST", stage.fake.url()).start(120, 36);
    term.until("● ollama 0.35");
    stage.fake.answer(|_| None);
    // Nobody asks for it: the schedule finds out.
    term.until("✗ ollama unreachable");
    term.send("\x1b6");
    term.until("7 Health");
    term.send("7");
    term.until("[7 Health]");
    term.until("✗ ollama");
    term.until(", lasts");
    let usual = StandIn::new(Pace::instant());
    stage.fake.answer(move |seen| Some(usual.reply(seen)));
    term.send("c");
    term.until("● ollama 0.35");
    let after = term.until_gone(", lasts");
    assert!(after.contains("✗ ollama") && after.contains("not reachable at"), "it is told as over: {after}");
    term.send("f");
    term.until("system.db was looked through whole and is sound.");
}
