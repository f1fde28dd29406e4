//! Work on models from the command line of the real program: what is seen, what is left, and `kill -9` at any moment.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use ollamanet::fake::{Pace, Seen, StandIn};
use rand::RngExt;
use serde_json::Value;

use crate::common::stage::{Stage, finish};

/// Downloads that take long enough to be caught in the middle.
fn unhurried(stage: &Stage) {
    let stand_in = StandIn::new(Pace { transfer: Duration::from_millis(15), ..Pace::instant() });
    stage.fake.answer(move |seen: &Seen| Some(stand_in.reply(seen)));
}

async fn states(stage: &Stage) -> Vec<(String, String)> {
    let listed = stage.json(&["jobs", "list"]).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(|job| (text(&job["work"]["model"]), text(&job["state"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_installed_renamed_and_removed_and_each_says_what_came_of_it() {
    let stage = Stage::signed_in().await;
    let done = stage.run(&["models", "install", "one:1b", "nosuch", "two:1b"]).await;
    assert_eq!(done.code, Some(4), "one of them does not exist: {done:?}");
    assert!(done.out.contains("install one:1b: Installed, ") && done.out.contains("install two:1b: "), "{done:?}");
    assert!(done.err.contains("install nosuch: The registry has no model of that name"), "{done:?}");
    let done = stage.run(&["models", "rename", "one:1b", "mine"]).await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "rename one:1b to mine: Renamed.\n"));
    let asked = stage.run(&["models", "remove", "mine"]).await;
    assert_eq!(asked.code, Some(2), "nobody is there to ask: {asked:?}");
    let dry = stage.run(&["models", "remove", "mine", "mien", "--dry-run"]).await;
    assert!(dry.code == Some(4) && dry.out.contains("remove mine: would be removed, "), "{dry:?}");
    assert!(dry.err.contains("mien is not installed") && dry.err.contains("mine"), "{dry:?}");
    let done = stage.run(&["models", "remove", "mine", "--yes"]).await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "remove mine: Removed.\n"));

    std::fs::write(stage.home().join("models.toml"), "install = [\"three\"]\nremove = [\"two:1b\"]\n").unwrap();
    let done = stage.run(&["models", "apply", "models.toml", "--yes", "--json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["type"] == "ended").count(), 2, "{done:?}");
    let listed = stage.json(&["models", "list"]).await.to_string();
    assert!(listed.contains("three:latest") && !listed.contains("two:1b"), "{listed}");
    let told = stage.run(&["audit", "list", "--json"]).await;
    for action in ["models.install", "models.rename", "models.remove"] {
        assert!(told.out.contains(action), "{action}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_keeps_a_download_in_line_and_it_is_cancelled_or_worked_off_later() {
    let stage = Stage::signed_in().await;
    unhurried(&stage);
    let mut child = stage.command(&["models", "install", "slow-one", "--json"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"progress\"") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it tells how far it is");
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest = tokio::task::spawn_blocking(move || out.lines().count());
    let done = finish(child).await;
    rest.await.unwrap();
    assert_eq!(done.code, Some(130), "{done:?}");
    assert!(done.err.contains("stays in line"), "{done:?}");
    assert_eq!(states(&stage).await, [("slow-one".to_owned(), "waiting".to_owned())]);

    let queued = stage.run(&["models", "install", "later", "--detach"]).await;
    assert!(queued.code == Some(0) && queued.err.contains("jobs run"), "{queued:?}");
    let listed = stage.json(&["jobs", "list"]).await;
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let cancelled = stage.run(&["jobs", "cancel", &id[id.len() - 8..]]).await;
    assert!(cancelled.code == Some(0) && cancelled.out.contains("install later: cancelled"), "{cancelled:?}");
    let worked = stage.run(&["jobs", "run"]).await;
    assert!(worked.code == Some(0) && worked.out.contains("install slow-one: Installed"), "{worked:?}");
    let retried = stage.run(&["jobs", "retry", &id]).await;
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert_eq!(stage.run(&["jobs", "run"]).await.code, Some(0));
    let all = states(&stage).await;
    assert!(all.iter().all(|(_, state)| state == "done") && all.len() == 2, "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_leaves_jobs_that_go_on_to_their_end() {
    let rounds = std::env::var("OLLAMANET_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6_u32);
    let stage = Stage::signed_in().await;
    unhurried(&stage);
    let mut begun = Vec::new();
    for round in 0..rounds {
        let model = format!("killed-{round}");
        let mut child = stage.command(&["models", "install", &model, "--json"]).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || out.lines().map_while(Result::ok).any(|line| line.contains("begun")));
        // Time is what this is about: the kill falls before, into and after the download.
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(50..900)));
        child.kill().unwrap();
        child.wait().unwrap();
        if reader.join().unwrap() {
            begun.push(model);
        }
    }
    println!("of {rounds} kills, {} came after a job was told as begun", begun.len());
    let worked = stage.run(&["jobs", "run"]).await;
    assert_eq!(worked.code, Some(0), "{worked:?}");
    let states = states(&stage).await;
    for model in &begun {
        let of: Vec<&str> = states.iter().filter(|(name, _)| name == model).map(|(_, state)| state.as_str()).collect();
        assert_eq!(of, ["done"], "{model} was told as begun");
    }
    assert!(states.iter().all(|(_, state)| state == "done"), "{states:?}");
    let installed = stage.json(&["models", "list", "--all"]).await.to_string();
    assert!(states.iter().all(|(model, _)| installed.contains(&format!("{model}:latest"))), "{installed}");
    let verified = stage.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
