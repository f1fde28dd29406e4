//! Checks that hang, clocks that leap, processes that look for each other, breakers that turn.

use std::{path::Path, sync::Arc, time::Duration};

use super::{
    scratch::{dead, watched, with_room},
    watch::Turn,
};
use crate::{
    api::{
        health::{BreakerOutage, Level, Part, Stretch},
        jobs::Room,
    },
    fake::{Pace, StandIn},
    ollama::{Kind, Outcome, Trouble},
    store::{StoreError, system::health as kept},
    tasks::Tasks,
};

const MINUTE: i64 = 60_000;

async fn stretches(stage: &super::scratch::Stage, part: Part) -> Vec<Stretch> {
    let now = stage.checks.now();
    let (all, _) = stage
        .system
        .read::<_, StoreError>(move |tx| kept::since(tx, 0, 1000, now, kept::gap_ms(MINUTE)))
        .await
        .unwrap();
    all.into_iter().filter(|stretch| stretch.part == part).collect()
}

async fn outages(stage: &super::scratch::Stage) -> Vec<BreakerOutage> {
    stage.system.read::<_, StoreError>(|tx| kept::breaker_outages(tx, None, 10)).await.unwrap()
}

/// Until what was put in line is written down.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came to be so");
}

#[tokio::test]
async fn a_check_that_hangs_is_told_and_holds_up_no_other() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let room: super::RoomForModels = Arc::new(move || {
        let _ = held.lock().unwrap().recv();
        Room::default()
    });
    let stage = with_room(&fake.url(), Path::new("/nowhere"), room);
    let begun = std::time::Instant::now();
    let health = stage.look().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let disk = health.check(Part::Disk).unwrap();
    assert_eq!((disk.level, disk.text.as_str()), (Level::Bad, "no answer within 3 s"));
    let others: Vec<_> = health.checks.iter().filter(|check| check.part != Part::Disk).collect();
    assert!(others.iter().all(|check| check.level == Level::Good), "{others:?}");
    // While it hangs, the next look begins no second one: it is told at once.
    let begun = std::time::Instant::now();
    let again = stage.look().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(again.check(Part::Disk).unwrap().reason, "silent");
    drop(release);
    until(async || stage.look().await.check(Part::Disk).unwrap().reason != "silent").await;
}

#[tokio::test]
async fn every_part_is_told_once_and_in_order() {
    let stage = watched(&dead(), Path::new("/nowhere"));
    let health = stage.look().await;
    assert_eq!(health.checks.iter().map(|check| check.part).collect::<Vec<_>>(), Part::ALL);
    assert!(health.checks.iter().all(|check| check.at > 0));
    assert_eq!(health.check(Part::Ollama).unwrap().reason, "absent");
}

#[tokio::test]
async fn an_outage_is_one_row_also_over_a_restart_and_what_nobody_looked_at_is_a_gap() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let stage = watched(&fake.url(), Path::new("/nowhere"));
    stage.record().await;
    stage.after(MINUTE);
    stage.record().await;
    // The same address, and nothing answers there any more: another process, as after a restart.
    let gone = stage.beside(&dead());
    for _ in 0..3 {
        gone.after(MINUTE);
        gone.record().await;
    }
    let restarted = gone.beside(&dead());
    restarted.after(MINUTE);
    restarted.record().await;
    let told: Vec<_> =
        stretches(&stage, Part::Ollama).await.into_iter().map(|row| (row.level, row.duration(), row.checks)).collect();
    assert_eq!(told, [(Level::Good, 2 * MINUTE, 2), (Level::Bad, 3 * MINUTE, 4)]);
    // A night without a window.
    restarted.after(600 * MINUTE);
    restarted.record().await;
    let rows = stretches(&stage, Part::Ollama).await;
    assert_eq!(rows.len(), 3, "the same again, but not the same time");
    assert!(!rows[1].lasts && rows[2].lasts);
    assert!(rows[2].from - rows[1].until > 500 * MINUTE);
}

#[tokio::test]
async fn a_clock_that_was_set_is_noticed_by_the_next_look_and_by_that_one_only() {
    let stage = watched(&dead(), Path::new("/nowhere"));
    stage.record().await;
    stage.after(MINUTE);
    assert_eq!(stage.record().await.check(Part::Clock).unwrap().level, Level::Good);
    stage.boot.fetch_add(MINUTE, std::sync::atomic::Ordering::SeqCst);
    stage.wall.fetch_sub(30 * MINUTE, std::sync::atomic::Ordering::SeqCst);
    let back = stage.record().await;
    assert_eq!(back.check(Part::Clock).unwrap().reason, "set_back");
    stage.after(MINUTE);
    assert_eq!(stage.record().await.check(Part::Clock).unwrap().level, Level::Good);
    let told: Vec<_> = stretches(&stage, Part::Clock).await.into_iter().map(|row| row.reason).collect();
    assert_eq!(told, ["good", "set_back", "good"]);
}

#[tokio::test]
async fn one_process_looks_for_all_and_the_others_take_its_result() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let one = watched(&fake.url(), Path::new("/nowhere"));
    let other = one.beside(&fake.url());
    one.checks.follow_schedule();
    let first = one.checks.seen_lately().await;
    let asked = fake.requests().len();
    other.checks.follow_schedule();
    let second = other.checks.seen_lately().await;
    assert_eq!(fake.requests().len(), asked, "the other one asked Ollama as well");
    assert_eq!((second.ollama, second.checked_at), (first.ollama, first.checked_at));
    // By hand it is looked at anew, and that look counts for all.
    one.after(1000);
    one.record().await;
    assert!(fake.requests().len() > asked);
    assert_eq!(stretches(&one, Part::Ollama).await.len(), 1);
    for stage in [one, other] {
        assert_eq!(stage.tasks.stop(Duration::from_secs(5)).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn of_two_that_want_to_look_at_the_same_moment_one_does() {
    let one = watched(&dead(), Path::new("/nowhere"));
    let other = one.beside(&dead());
    let every = Duration::from_mins(1);
    for _ in 0..20 {
        one.after(2 * MINUTE);
        let (first, second) = tokio::join!(one.checks.whose(every), other.checks.whose(every));
        let ours = [first, second].iter().filter(|turn| matches!(turn, Ok(Turn::Ours))).count();
        assert_eq!(ours, 1);
    }
}

#[tokio::test]
async fn what_the_schedule_found_is_believed_until_it_has_fallen_behind() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let stage = watched(&fake.url(), Path::new("/nowhere"));
    let found = Arc::new(stage.look().await);
    let inner = &stage.checks.0;
    inner.is_watching.store(true, std::sync::atomic::Ordering::Relaxed);
    let now = std::time::Instant::now();
    inner.latest.send_replace(Some((now, Arc::clone(&found))));
    let asked = fake.requests().len();
    stage.checks.seen_lately().await;
    assert_eq!(fake.requests().len(), asked);
    let behind = inner.watched.live.config().health.every() * 2 + Duration::from_secs(1);
    let long_ago = now.checked_sub(behind).expect("the machine is up for two minutes");
    inner.latest.send_replace(Some((long_ago, found)));
    stage.checks.seen_lately().await;
    assert!(fake.requests().len() > asked, "nobody has looked for long, so this one does");
}

#[tokio::test]
async fn a_breaker_that_opens_has_a_row_and_a_look_out_of_turn_and_closing_ends_it() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let stage = watched(&fake.url(), Path::new("/nowhere"));
    stage.checks.follow_schedule();
    stage.checks.seen_lately().await;
    let report = stage.breakers.watch();
    for _ in 0..3 {
        report(Kind::Chat, Outcome::Failed(Trouble::Silent), Duration::ZERO);
    }
    until(async || !stretches(&stage, Part::Breakers).await.iter().all(|row| row.level == Level::Good)).await;
    let rows = stretches(&stage, Part::Breakers).await;
    assert_eq!(rows.last().unwrap().reason, "held_chat");
    until(async || outages(&stage).await.len() == 1).await;
    let open = outages(&stage).await.remove(0);
    assert_eq!((open.kind.as_str(), open.closed_at), ("chat", None));
    assert_eq!(open.why, "Ollama took the call and sent nothing");
    report(Kind::Chat, Outcome::Answered, Duration::ZERO);
    until(async || outages(&stage).await[0].closed_at.is_some()).await;
    assert_eq!(outages(&stage).await[0].closed_why.as_deref(), Some("an answer came"));
    until(async || stretches(&stage, Part::Breakers).await.last().unwrap().level == Level::Good).await;
    // What is held back when the program ends is held back no longer than that.
    for _ in 0..3 {
        report(Kind::Embed, Outcome::Failed(Trouble::Busy), Duration::ZERO);
    }
    until(async || stage.checks.0.notes.open().len() == 1).await;
    assert_eq!(stage.tasks.stop(Duration::from_secs(5)).await, Vec::<String>::new());
    assert_eq!(outages(&stage).await[0].closed_why.as_deref(), Some("the program ended"));
}

#[tokio::test]
async fn what_a_command_has_for_itself_is_nobodys_history() {
    let stage = watched(&dead(), Path::new("/nowhere"));
    let health = stage.record().await;
    assert_eq!(health.checks.len(), Part::ALL.len());
    assert_eq!(stretches(&stage, Part::Cache).await, []);
    assert_eq!(stretches(&stage, Part::Store).await.len(), 1);
}
