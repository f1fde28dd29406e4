//! Rules through the real program: set up, tried, run, due, and killed in the middle.

use std::{path::PathBuf, process::Stdio, time::Duration};

use ollamanet::{
    api::{
        FaultKind,
        admin::Permission,
        auth::Role,
        rules::{Action, NewRule, Only, When},
    },
    fake::{Pace, StandIn},
    tasks::Tasks,
};
use rand::RngExt;
use serde_json::Value;

use crate::common::{
    house::{House, tamper},
    kills,
    stage::Stage,
};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn loaded(stage: &Stage) -> Vec<String> {
    let listed = stage.json(&["models", "ps"]).await;
    listed.as_array().unwrap().iter().map(|model| text(&model["name"]).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_is_set_up_tried_dry_run_changed_and_removed() {
    let stage = Stage::signed_in().await;
    let listed = stage.json(&["models", "list"]).await;
    let model = text(&listed[0]["name"]).to_owned();
    let family = model.split(':').next().unwrap().to_owned();
    let added = stage
        .run(&["rules", "add", "House", "--do", "tag", "--filter", &family, "--tag", "house", "--weekly", "sun 6:00"])
        .await;
    assert!(added.code == Some(0) && added.out.contains("Sunday at 06:00"), "{added:?}");
    let dry = stage.json(&["rules", "run", "house", "--dry-run"]).await;
    assert_eq!((&dry["dry_run"], &dry["report"]["items"][0]["became"]), (&true.into(), &"would".into()), "{dry}");
    assert_eq!(stage.json(&["catalog", "tag", "list"]).await, serde_json::json!([]), "nothing was changed");
    let run = stage.run(&["rules", "run", "House"]).await;
    assert!(run.code == Some(0) && run.out.contains("tagged house"), "{run:?}");
    let tags = stage.json(&["catalog", "tag", "list"]).await;
    assert_eq!(tags[0]["name"], "house");
    let trail = stage.run(&["audit", "list", "--json"]).await;
    for action in ["rules.add", "rules.run", "model_tags.put"] {
        assert!(trail.out.contains(action), "{action}: {trail:?}");
    }

    let edited = stage.json(&["rules", "edit", "hou", "--name", "Tags", "--every", "6h", "--only-quiet"]).await;
    assert_eq!((&edited["when"]["every"]["minutes"], &edited["only"]["while_quiet"]), (&360.into(), &true.into()));
    assert_eq!(edited["action"]["tag"], "house", "what was not named stays");
    let off = stage.run(&["rules", "disable", "Tags"]).await;
    assert_eq!((off.code, off.out.as_str()), (Some(0), "Tags: off\n"));
    assert!(stage.json(&["rules", "show", "Tags"]).await["next_at"].is_null());
    let history = stage.json(&["rules", "history", "Tags"]).await;
    let results: Vec<&str> = history.as_array().unwrap().iter().map(|run| text(&run["result"])).collect();
    assert_eq!(results, ["done", "done"]);
    let csv = stage.run(&["rules", "list", "--csv"]).await;
    assert!(csv.out.starts_with("name,state,does,when,next,last\r\nTags,off,"), "{csv:?}");
    let unasked = stage.run(&["rules", "remove", "Tags"]).await;
    assert_eq!(unasked.code, Some(2), "nobody is there to ask: {unasked:?}");
    let removed = stage.run(&["rules", "remove", "Tags", "--yes"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert_eq!(stage.json(&["rules", "list"]).await, serde_json::json!([]));

    for (wrong, said) in [
        (&["rules", "add", "x", "--daily", "3:00"][..], "--do"),
        (&["rules", "add", "x", "--do", "check", "--daily", "25:00"], "3:00 or 23:30"),
        (&["rules", "add", "x", "--do", "remove-unused", "--days", "9", "--for-real"], "--confirmed"),
        (&["rules", "add", "x", "--do", "tag", "--filter", "size:<", "--tag", "y"], "size"),
        (&["rules", "add", "x", "--do", "apply", "--list", "missing.toml"], "cannot be read"),
        (&["rules", "show", "nobody"], "rules list"),
    ] {
        let done = stage.run(wrong).await;
        assert!(done.code != Some(0) && done.err.contains(said), "{wrong:?}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_runs_from_cron_with_nobody_signed_in() {
    let stage = Stage::signed_in().await;
    let nothing = stage.run(&["rules", "run", "--due"]).await;
    assert!(nothing.code == Some(0) && nothing.err.contains("Nothing is due"), "{nothing:?}");
    // A house without a backup gets one, however long it is until the hour strikes.
    assert_eq!(stage.run(&["rules", "add", "B", "--do", "backup", "--daily", "0:00"]).await.code, Some(0));
    assert_eq!(stage.run(&["account", "sign-out"]).await.code, Some(0));
    assert_eq!(stage.run(&["rules", "list"]).await.code, Some(5), "nobody is signed in");
    let (one, other) = tokio::join!(stage.run(&["rules", "run", "--due"]), stage.run(&["rules", "run", "--due"]));
    assert!(one.code == Some(0) && other.code == Some(0), "{one:?} {other:?}");
    assert_eq!(stage.run(&["rules", "run", "--due"]).await.err.matches("Nothing is due").count(), 1);
    let made = found(&stage, "manifest.json");
    assert_eq!(made.len(), 1, "two processes, one backup: {made:?}");
}

/// Files of this name, wherever; the nearest first.
fn found(stage: &Stage, name: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![stage.home().to_path_buf()]);
    while let Some(directory) = open.pop() {
        for path in std::fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with(name) {
                found.push(path);
            }
        }
    }
    found.sort_by_key(|path| path.components().count());
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_rule_that_is_killed_is_made_by_the_next_process_and_once() {
    let (rounds, mut random) = kills(5);
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["rules", "add", "B", "--do", "backup", "--daily", "0:00"]).await.code, Some(0));
    for _ in 0..rounds {
        let mut child =
            stage.command(&["rules", "run", "--due"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Time is what this is about: the kill falls before, into and after the backup.
        std::thread::sleep(Duration::from_millis(random.random_range(20..500)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = stage.run(&["rules", "run", "--due"]).await;
    assert_eq!(last.code, Some(0), "{last:?}");
    // A run that was over, and whose end the kill kept from being written, is ended by whoever looks after the jobs.
    let rest = stage.run(&["jobs", "run"]).await;
    assert_eq!(rest.code, Some(0), "{rest:?}");
    let history = stage.json(&["rules", "history"]).await;
    let runs: Vec<(&str, bool)> =
        history.as_array().unwrap().iter().map(|run| (text(&run["result"]), run["due_at"].is_null())).collect();
    assert_eq!(runs, [("done", false)], "one moment, one run");
    let listed = stage.json(&["backup", "list"]).await;
    let made = listed["backups"].as_array().unwrap();
    assert_eq!((made.len(), &made[0]["made_by"]), (1, &"schedule".into()), "{listed}");
    assert!(made[0]["verified"]["damage"].as_array().unwrap().is_empty(), "{listed}");
    let jobs = stage.json(&["jobs", "list"]).await;
    assert!(jobs.as_array().unwrap().iter().all(|job| job["state"] == "done"), "{jobs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_rests_in_memory_is_unloaded() {
    let stage = Stage::signed_in().await;
    let listed = stage.json(&["models", "list"]).await;
    let model = text(&listed[0]["name"]).to_owned();
    assert_eq!(stage.run(&["models", "load", &model]).await.code, Some(0));
    assert_eq!(loaded(&stage).await, std::slice::from_ref(&model));
    assert_eq!(stage.run(&["rules", "add", "Rest", "--do", "unload", "--idle", "1", "--by-hand"]).await.code, Some(0));
    let run = stage.json(&["rules", "run", "Rest"]).await;
    assert_eq!(run["report"]["items"][0]["became"], "skipped", "nobody knows yet for how long: {run}");
    assert_eq!(loaded(&stage).await, std::slice::from_ref(&model));
    // As if it had been seen an hour ago, and nobody had used it since.
    let listed = stage.json(&["models", "ps"]).await;
    let until = text(&listed[0]["loaded"]["expires_at"]).to_owned();
    let seen = serde_json::json!({ model.clone(): [until, 1] }).to_string();
    let database = found(&stage, "system.db").remove(0);
    let changed = rusqlite::Connection::open(database).unwrap().execute("UPDATE rules SET seen = ?1", [seen]).unwrap();
    assert_eq!(changed, 1);
    let run = stage.json(&["rules", "run", "Rest"]).await;
    assert_eq!(run["report"]["items"][0]["became"], "done", "{run}");
    assert_eq!(loaded(&stage).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_a_rule_do_what_they_may_not_do_themselves() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let by = &ann.session;
    house.gateway.create_role(by, "keeper", Role::Admin).await.unwrap();
    house.gateway.set_permission(by, "keeper", Permission::ManageModels, Some(false)).await.unwrap();
    let bob = house.newcomer(by, "Bob", "keeper").await;
    let new = |action| NewRule {
        name: format!("{action}").chars().take(20).collect(),
        action,
        when: When::ByHand,
        only: Only::default(),
        enabled: true,
        confirmed: false,
    };
    let unload = || new(Action::Unload { minutes: 5 });
    let refused = house.gateway.add_rule(&bob.session, unload()).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Denied);
    let backups = house.gateway.add_rule(&bob.session, new(Action::Backup)).await.unwrap();
    assert_eq!(
        house.gateway.change_rule(&bob.session, backups.id, unload()).await.unwrap_err().kind,
        FaultKind::Denied
    );
    let anns = house.gateway.add_rule(by, unload()).await.unwrap();
    assert_eq!(house.gateway.run_rule(&bob.session, anns.id, false).await.unwrap_err().kind, FaultKind::Denied);
    assert_eq!(house.gateway.switch_rule(&bob.session, anns.id, true).await.unwrap_err().kind, FaultKind::Denied);
    house.gateway.switch_rule(&bob.session, anns.id, false).await.unwrap();
    // And backups are not begun through the door for models.
    let around = ollamanet::api::jobs::Work::Backup { since: None };
    assert_eq!(house.gateway.start_job(by, around, true).await.unwrap_err().kind, FaultKind::Invalid);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_was_paused_is_found_by_health_and_by_the_doctor_with_what_mends_it() {
    let stage = Stage::signed_in().await;
    let added = stage.run(&["rules", "add", "tidy up", "--do", "check", "--daily", "3:00"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let well = stage.json(&["health"]).await;
    assert!(!well.to_string().contains("rule_paused"), "{well}");
    let system = rusqlite::Connection::open(stage.home().join("data/ollamanet/system.db")).unwrap();
    let paused = "UPDATE rules SET failures = 5, paused_because = 'it failed 5 times in a row. Nobody is there.'";
    assert_eq!(system.execute(paused, []).unwrap(), 1);
    drop(system);
    let health = stage.run(&["health", "--json"]).await;
    let found: Value = serde_json::from_str(&health.out).unwrap();
    let jobs = found["checks"].as_array().unwrap().iter().find(|check| check["part"] == "jobs").unwrap();
    assert_eq!((text(&jobs["level"]), text(&jobs["reason"])), ("warning", "rule_paused"), "{jobs}");
    assert!(text(&jobs["text"]).contains("tidy up is paused: it failed 5 times"), "{jobs}");
    let fix = "ollamanet rules enable 'tidy up'";
    assert!(text(&jobs["fix"]).contains(fix), "{jobs}");
    let doctor = stage.run(&["doctor"]).await;
    assert!(doctor.out.contains("tidy up is paused") && doctor.out.contains(fix), "{doctor:?}");
    let mended = stage.run(&["rules", "enable", "tidy up"]).await;
    assert_eq!(mended.code, Some(0), "{mended:?}");
    let well = stage.run(&["doctor"]).await;
    assert!(!well.out.contains("is paused"), "{well:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_rules_and_one_run_of_each_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let new = |name: &str| NewRule {
        name: name.to_owned(),
        action: Action::Check,
        when: When::ByHand,
        only: Only::default(),
        enabled: true,
        confirmed: false,
    };
    let rule = house.gateway.add_rule(&ann.session, new("One")).await.unwrap();
    tamper(
        &house,
        "INSERT INTO rule_runs (rule, job, at, again, dry_run, result, report)
         SELECT id, randomblob(16), 1, 0, 0, 'running', '{}' FROM rules",
    );
    let twice = house.gateway.run_rule(&ann.session, rule.id, false).await.unwrap_err();
    assert_eq!((twice.kind, twice.message.as_str()), (FaultKind::Conflict, "One is running already."));
    let same = house.gateway.add_rule(&ann.session, new(" ONE ")).await.unwrap_err();
    assert_eq!(same.kind, FaultKind::Conflict, "a name is one's own whatever its case");
    tamper(
        &house,
        "WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
         INSERT INTO rules (id, name, name_key, kind, action, whenever, only_if, enabled, created_at, updated_at, since)
         SELECT randomblob(16), 'r' || n, 'r' || n, kind, action, whenever, only_if, 1, 1, 1, 1 FROM n, rules",
    );
    let many = house.gateway.add_rule(&ann.session, new("More")).await.unwrap_err();
    assert_eq!((many.kind, many.message.as_str()), (FaultKind::Invalid, "There can be at most 100 rules."));
    house.close().await;
}
