//! What rules do, kind by kind.

use super::*;
use crate::store::system::clock;

#[tokio::test]
async fn an_idle_model_is_unloaded_and_one_that_is_used_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    desk.rule(Action::Unload { minutes: 10 }, When::Idle { minutes: 10 }).await;
    let loaded = |busy: &str| {
        let idle = ("idle:1b".to_owned(), "2318-01-01T00:00:00Z".to_owned());
        *desk.world.loaded.lock().unwrap() = vec![idle, ("busy:1b".to_owned(), busy.to_owned())];
    };
    loaded("1");
    assert!(desk.look().await.is_empty(), "nobody knows yet for how long");
    desk.pass(9 * MINUTE);
    loaded("2");
    assert!(desk.look().await.is_empty());
    desk.pass(MINUTE);
    let runs = desk.look().await;
    assert_eq!(became(&runs[0]), [("busy:1b", Became::Skipped), ("idle:1b", Became::Done)]);
    assert_eq!(desk.done(), ["unload idle:1b"]);
    assert!(desk.trail().await.contains(&"rules.run ok".to_owned()));
    // It stays in memory all the same: it is asked again, but not at every look.
    desk.pass(MINUTE);
    assert!(desk.look().await.is_empty());
}

#[tokio::test]
async fn one_that_answered_lately_stays_in_memory_although_it_was_seen_to_rest() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let id = desk.rule(Action::Unload { minutes: 10 }, When::ByHand).await;
    let until = "2318-01-01T00:00:00Z".to_owned();
    *desk.world.loaded.lock().unwrap() = vec![("busy:1b".to_owned(), until.clone())];
    let seen = serde_json::json!({ "busy:1b": [until, 1] }).to_string();
    desk.rules.0.system.write::<_, StoreError>(move |tx| rules::keep_seen(tx, id, Some(&seen))).await.unwrap();
    desk.answered("busy:1b", at(NIGHT) - 9 * MINUTE).await;
    assert_eq!(became(&desk.by_hand(id, false).await), [("busy:1b", Became::Skipped)]);
    desk.pass(2 * MINUTE);
    assert_eq!(became(&desk.by_hand(id, false).await), [("busy:1b", Became::Done)]);
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    *desk.world.installed.lock().unwrap() =
        ["old-a:1b", "old-b:1b", "other:1b"].map(|name| model(name, NIGHT)).to_vec();
    let update = Action::Update { models: Models::Named("old-a*".to_owned()) };
    let id = desk.rule(update, DAILY).await;
    let before = desk.trail().await;
    let run = desk.by_hand(id, true).await;
    assert_eq!(became(&run), [("old-a:1b", Became::Would)]);
    assert_eq!(run.report.items[0].words, "would update old-a:1b");
    let tag = desk.rule(Action::Tag { filter: "old".to_owned(), tag: "keep".to_owned() }, When::ByHand).await;
    assert_eq!(became(&desk.by_hand(tag, true).await), [("old-a:1b", Became::Would), ("old-b:1b", Became::Would)]);
    assert_eq!((desk.done(), desk.trail().await), (Vec::new(), before));
    assert!(desk.world.tagged.lock().unwrap().is_empty());
    let open = desk.rules.0.system.read::<_, StoreError>(jobs::open).await.unwrap();
    assert!(open.is_empty(), "no job is left: {open:?}");
    assert_eq!(desk.stands(id).await.rule.last, None, "it is no run of the rule's");
}

#[tokio::test]
async fn models_are_updated_by_pattern_installed_from_a_list_and_tagged_by_a_filter() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    *desk.world.installed.lock().unwrap() = ["old-a:1b", "old-b:1b", "here:1b"].map(|name| model(name, NIGHT)).to_vec();
    let of = async |action| desk.by_hand(desk.rule(action, When::ByHand).await, false).await;
    let run = of(Action::Update { models: Models::Named("*a:1b".to_owned()) }).await;
    assert_eq!(became(&run), [("old-a:1b", Became::Done)]);
    assert_eq!(desk.done(), ["update old-a:1b"]);
    desk.world.installed.lock().unwrap().push(model("own:1b", NIGHT));
    let run = of(Action::Update { models: Models::Named("own*".to_owned()) }).await;
    assert_eq!(became(&run), [("own:1b", Became::Skipped)], "it may have been made here under the same name");
    assert!(desk.done().is_empty());
    let run = of(Action::Apply { list: "/models.toml".into() }).await;
    assert_eq!(
        became(&run),
        [("here:1b", Became::Skipped), ("new:1b", Became::Done), ("here:1b", Became::Skipped)],
        "what is there stays, also where the list would remove it"
    );
    assert_eq!(desk.done(), ["install new:1b"]);
    let tag = Action::Tag { filter: "old".to_owned(), tag: "keep".to_owned() };
    assert_eq!(became(&of(tag.clone()).await), [("old-a:1b", Became::Done), ("old-b:1b", Became::Done)]);
    let again = of(tag).await;
    assert_eq!(again.result, RunResult::Nothing, "they carry it");
}

#[tokio::test]
async fn a_house_with_more_models_than_one_run_works_on_is_updated_as_far_as_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    let names = (0..PAGE_MAX + 50).map(|number| model(&format!("wordy-{number}:1b"), NIGHT));
    *desk.world.installed.lock().unwrap() = std::iter::once(model("old:1b", NIGHT)).chain(names).collect();
    let id = desk.rule(Action::Update { models: Models::All }, When::ByHand).await;
    let run = desk.by_hand(id, false).await;
    assert_eq!((run.result, desk.done()), (RunResult::Done, vec!["update old:1b".to_owned()]), "{}", run.report.words);
    let last = run.report.items.last().unwrap();
    assert_eq!((run.report.items.len(), last.what.as_str()), (PAGE_MAX as usize, "52 more"));
    assert!(run.report.items.iter().all(|item| item.words.len() <= 400), "what a registry says is cut");
}

#[tokio::test]
async fn what_waits_for_an_update_is_done_when_a_registry_has_one_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, "2026-11-20T12:00:00Z").await;
    *desk.world.installed.lock().unwrap() = vec![model("new:1b", NIGHT)];
    let id = desk.rule(Action::Benchmark { models: Models::All, repeats: 1 }, When::UpdateAvailable).await;
    assert!(desk.look().await.is_empty(), "it is asked once a day");
    desk.pass(24 * 60 * MINUTE);
    assert_eq!(desk.look().await[0].result, RunResult::Nothing);
    assert!(desk.done().is_empty());
    *desk.world.installed.lock().unwrap() = vec![model("old:1b", NIGHT)];
    desk.pass(24 * 60 * MINUTE);
    assert_eq!(desk.look().await[0].result, RunResult::Done);
    assert_eq!(desk.done(), ["benchmark old:1b"]);
    assert_eq!(desk.stands(id).await.rule.failures, 0);
}

#[tokio::test]
async fn unused_models_are_named_and_only_removed_where_that_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, NIGHT).await;
    *desk.world.installed.lock().unwrap() =
        vec![model("dusty:1b", "2026-01-01T00:00:00Z"), model("new:1b", "2026-11-20T00:00:00Z"), model("odd:1b", "?")];
    let named = desk.rule(Action::RemoveUnused { days: 30, for_real: false }, When::ByHand).await;
    let run = desk.by_hand(named, false).await;
    let skipped = [("new:1b", Became::Skipped), ("odd:1b", Became::Skipped)];
    assert_eq!(became(&run), [&[("dusty:1b", Became::Would)][..], &skipped].concat());
    assert!(desk.done().is_empty());
    let removing = desk.rule(Action::RemoveUnused { days: 30, for_real: true }, When::ByHand).await;
    *desk.world.loaded.lock().unwrap() = vec![("dusty:1b".to_owned(), "2318-01-01T00:00:00Z".to_owned())];
    assert_eq!(
        became(&desk.by_hand(removing, false).await)[0],
        ("dusty:1b", Became::Skipped),
        "somebody has it loaded"
    );
    desk.world.loaded.lock().unwrap().clear();
    desk.answered("Dusty:1b", at(NIGHT) - 60 * MINUTE).await;
    assert_eq!(became(&desk.by_hand(removing, false).await)[0], ("dusty:1b", Became::Skipped), "it has just answered");
    // By a clock that has leapt ahead everything is unused for long: nothing goes until that has lasted for a day.
    desk.pass(40 * 24 * 60 * MINUTE);
    let waits = desk.by_hand(removing, false).await;
    assert_eq!((waits.result, desk.done().len()), (RunResult::Failed, 0), "{waits:?}");
    assert!(waits.report.words.contains("The clock has leapt ahead"), "{waits:?}");
    // Somebody was here all the while.
    for days in (6..=40).step_by(6) {
        let noted = at(NIGHT) + days * 24 * 60 * MINUTE;
        let noting = desk.rules.0.system.write::<_, StoreError>(move |tx| clock::may_forget(tx, noted)).await;
        assert!(noting.unwrap());
    }
    let run = desk.by_hand(removing, false).await;
    assert_eq!(became(&run)[..2], [("dusty:1b", Became::Done), ("new:1b", Became::Done)]);
    let mut done = desk.done();
    done.sort();
    assert_eq!(done, ["remove dusty:1b", "remove new:1b"]);
    *desk.world.installed.lock().unwrap() = vec![Model { remote: true, ..model("cloud:1b", "2026-01-01T00:00:00Z") }];
    assert_eq!(became(&desk.by_hand(removing, false).await), [("cloud:1b", Became::Skipped)], "it takes no room here");
}
