//! Work on models from the command line of the real program: what is seen and what is left.

use std::{
    io::{BufRead, BufReader},
    time::Duration,
};

use ollamanet::fake::{Pace, Seen, StandIn};
use serde_json::Value;

use crate::common::{
    pty::{PATIENCE, Program},
    stage::{Done, Stage, finish},
};

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

/// Each line of it, which a program reads.
fn lines(done: &Done) -> Vec<Value> {
    done.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a line of JSON: {line}")))
        .collect()
}

/// Model and outcome of each that ended.
fn outcomes(done: &Done) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ended = lines(done).into_iter().filter(|line| line["type"] == "ended");
    ended
        .map(|line| {
            let work = &line["job"]["work"];
            (text(if work["model"].is_null() { &work["from"] } else { &work["model"] }), text(&line["job"]["outcome"]))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_installed_renamed_and_removed_and_a_pipe_gets_a_line_of_json_for_each_thing() {
    let stage = Stage::signed_in().await;
    let done = stage.run(&["models", "install", "one:1b", "nosuch", "two:1b"]).await;
    assert_eq!(done.code, Some(4), "one of them does not exist: {done:?}");
    let mut ended = outcomes(&done);
    ended.sort();
    assert_eq!(ended.len(), 3, "{done:?}");
    assert!(ended[1].0 == "one:1b" && ended[1].1.starts_with("Installed, "), "{ended:?}");
    assert_eq!(lines(&done).iter().filter(|line| line["type"] == "begun").count(), 3);
    assert!(lines(&done).iter().any(|line| line["type"] == "progress" && line["model"] == "one:1b"), "{done:?}");
    assert!(done.err.contains("install nosuch: The registry has no model of that name"), "{done:?}");
    let done = stage.run(&["models", "rename", "one:1b", "mine"]).await;
    assert_eq!((done.code, outcomes(&done)), (Some(0), vec![("one:1b".to_owned(), "Renamed.".to_owned())]));
    let asked = stage.run(&["models", "remove", "mine"]).await;
    assert_eq!(asked.code, Some(2), "nobody is there to ask: {asked:?}");
    let dry = stage.run(&["models", "remove", "mine", "mien", "--dry-run"]).await;
    let [would, refused] = &lines(&dry)[..] else { panic!("{dry:?}") };
    assert!(dry.code == Some(4) && would["words"].as_str().unwrap().starts_with("would be removed, "), "{dry:?}");
    assert_eq!((&would["type"], &refused["type"]), (&Value::from("would"), &Value::from("refused")));
    assert!(dry.err.contains("mien is not installed") && dry.err.contains("mine"), "{dry:?}");
    let done = stage.run(&["models", "remove", "mine", "--yes"]).await;
    assert_eq!((done.code, outcomes(&done)), (Some(0), vec![("mine".to_owned(), "Removed.".to_owned())]));

    std::fs::write(stage.home().join("models.toml"), "install = [\"three\"]\nremove = [\"two:1b\"]\n").unwrap();
    let done = stage.run(&["models", "apply", "models.toml", "--yes", "--json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(outcomes(&done).len(), 2, "{done:?}");
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
    assert!(worked.code == Some(0) && outcomes(&worked)[0].1.starts_with("Installed"), "{worked:?}");
    let retried = stage.run(&["jobs", "retry", &id]).await;
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert_eq!(stage.run(&["jobs", "run"]).await.code, Some(0));
    let all = states(&stage).await;
    assert!(all.iter().all(|(_, state)| state == "done") && all.len() == 2, "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_on_a_model_stays_when_it_is_removed_unless_it_is_to_be_forgotten() {
    let stage = Stage::signed_in().await;
    for model in ["mine:1b", "theirs:1b"] {
        assert_eq!(stage.run(&["models", "install", model]).await.code, Some(0));
        let wrote = stage.run(&["catalog", "describe", model, "--notes", "Good with receipts."]).await;
        assert_eq!(wrote.code, Some(0), "{wrote:?}");
        assert_eq!(stage.run(&["catalog", "tag", "add", "bookkeeping", model]).await.code, Some(0));
    }
    assert_eq!(stage.run(&["models", "remove", "mine:1b", "--yes"]).await.code, Some(0));
    let forgotten = stage.run(&["models", "remove", "theirs:1b", "--yes", "--forget"]).await;
    assert_eq!(
        outcomes(&forgotten),
        [("theirs:1b".to_owned(), "Removed, with what the house wrote on it.".to_owned())]
    );
    let kept = stage.run(&["catalog", "show", "mine:1b"]).await;
    assert!(kept.out.contains("Good with receipts.") && kept.out.contains("bookkeeping"), "{kept:?}");
    // Nobody else knows it, so nothing is left of it.
    assert_eq!(stage.run(&["catalog", "show", "theirs:1b"]).await.code, Some(4));
    let tags = stage.json(&["catalog", "tag", "list"]).await;
    assert_eq!(tags[0]["models"], 1, "the tag itself stays: {tags}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_a_bar_tells_how_far_it_is_and_words_what_came_of_it() {
    let stage = Stage::signed_in().await;
    unhurried(&stage);
    for (columns, rows) in [(80, 24), (120, 36)] {
        let name = format!("slow-{columns}");
        let program = Program::new(stage.home(), &["models", "install", &name]).env("OLLAMA_HOST", stage.fake.url());
        let mut term = program.start(columns, rows);
        let screen = term.until(" % ");
        let bar = screen.lines().find(|line| line.contains(" % ")).unwrap();
        assert!(bar.starts_with(&name) && bar.contains('[') && !bar.contains('{'), "{screen}");
        let screen = term.screen_at_the_end();
        assert!(screen.contains(&format!("install {name}: Installed, ")), "{screen}");
        assert!(!screen.contains(" % "), "the bar goes when there is nothing to wait for:\n{screen}");
        assert!(term.wait(PATIENCE).success());
    }
}
