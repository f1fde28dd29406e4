//! Jobs of one's own: exports, imports and the like as rows of their owner's vault, which nobody else sees, which are
//! cancelled from any window, and which tell the truth after a kill.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use ollamanet::{
    api::{
        ConversationId, FaultKind,
        auth::{Secret, Session},
        jobs::{Job, JobFilter, JobState, PAGE_MAX, WhichJobs, WorkKind},
        organise::{Cursor, Shelf},
        transfer::{ExportFormat, ExportScope, NewImport},
    },
    gateway::Gateway,
};
use serde_json::{Value, json};

use crate::common::{
    house::{House, PASSPHRASE},
    pty,
    stage::{self, Done, Stage},
};

/// A file with so many conversations of so many messages, which no compressor makes small.
fn history(path: &Path, conversations: usize, messages: usize) {
    let chats: Vec<Value> = (0..conversations)
        .map(|number| {
            let said: Vec<Value> = (0..messages)
                .map(|at| {
                    let sender = if at % 2 == 0 { "human" } else { "assistant" };
                    let text = format!("{number} {at} {}", "words that are said ".repeat(50));
                    json!({ "uuid": format!("{number}-{at}"), "sender": sender, "text": text })
                })
                .collect();
            json!({ "uuid": format!("c{number}"), "name": format!("chat {number:04}"), "chat_messages": said })
        })
        .collect();
    fs::write(path, Value::Array(chats).to_string()).unwrap();
}

async fn own(gateway: &Gateway, by: &Session, which: WhichJobs) -> Vec<Job> {
    gateway.own_jobs(by, which, None, PAGE_MAX).await.unwrap().rows
}

/// The newest of one's own jobs, as soon as this is so.
async fn newest(gateway: &Gateway, by: &Session, so: impl Fn(&Job) -> bool) -> Job {
    let looking = async {
        loop {
            if let Some(job) = own(gateway, by, WhichJobs::All).await.into_iter().next().filter(&so) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(pty::PATIENCE, looking).await.expect("it becomes so")
}

fn ok(done: &Done) -> &Done {
    assert_eq!(done.code, Some(0), "{done:?}");
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_a_row_with_its_end_that_only_its_owner_sees() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    let gateway = &house.gateway;
    let file = home.path().join("xylocanary-chats.json");
    history(&file, 3, 4);
    gateway.start_import(&bob.session, NewImport { file: file.clone(), dry_run: false }).await.unwrap();
    let done = newest(gateway, &bob.session, |job| job.state == JobState::Done).await;
    assert_eq!((done.work.kind(), done.attempts, done.error), (WorkKind::Import, 1, None));
    assert_eq!(done.outcome.as_deref(), Some("3 conversations imported, 0 updated, 0 already here, 0 skipped."));
    assert_eq!(done.work.to_string(), "import xylocanary-chats.json");
    // One that fails keeps why.
    fs::write(&file, "[{").unwrap();
    gateway.start_import(&bob.session, NewImport { file, dry_run: false }).await.unwrap();
    let failed = newest(gateway, &bob.session, |job| job.state == JobState::Failed).await;
    assert!(failed.error.is_some(), "{failed:?}");
    // The administrator has no way to it, and no trace of what it was about.
    assert_eq!(own(gateway, &ann.session, WhichJobs::All).await, []);
    let machines = gateway.jobs(&ann.session, JobFilter::default(), None, 10).await.unwrap().rows;
    assert_eq!(machines, []);
    for tried in [
        gateway.own_job(&ann.session, failed.id).await,
        gateway.cancel_own_job(&ann.session, failed.id).await,
        gateway.retry_own_job(&ann.session, failed.id).await,
        gateway.job(&ann.session, failed.id).await,
    ] {
        assert_eq!(tried.unwrap_err().kind, FaultKind::NotFound);
    }
    gateway.forget_own_jobs(&ann.session).await.unwrap();
    assert_eq!(own(gateway, &bob.session, WhichJobs::Ended).await.len(), 2, "those are Bob's to forget");
    for path in house.files() {
        let bytes = fs::read(&path).unwrap_or_default();
        let found = bytes.windows(b"xylocanary".len()).any(|part| part == b"xylocanary");
        assert!(!found, "the file's name is in {}", path.display());
    }
    assert_eq!(gateway.forget_own_jobs(&bob.session).await.unwrap(), 2);
    assert_eq!(own(gateway, &bob.session, WhichJobs::All).await, []);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_s_own_job_is_cancelled_from_another_window_and_not_by_another_account() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    let gateway = &house.gateway;
    let file = home.path().join("chats.json");
    history(&file, 30, 40);
    gateway.start_import(&bob.session, NewImport { file, dry_run: false }).await.unwrap();
    newest(gateway, &bob.session, |job| job.state == JobState::Done).await;
    let listed = gateway.conversations(&bob.session, Shelf::Recent, "", None::<Cursor>, 100).await.unwrap();
    let all: Vec<ConversationId> = listed.rows.into_iter().map(|row| row.id).collect();
    // Nobody takes what comes, so it goes on until it is stopped.
    let scope = ExportScope::Conversations(all);
    let mut pieces = gateway.pipe_export(&bob.session, scope, ExportFormat::Json).await.unwrap();
    let running = newest(gateway, &bob.session, |job| job.work.kind() == WorkKind::Export).await;
    assert_eq!((running.state, running.is_here), (JobState::Running, true));

    let other = House::alone(home.path());
    let again = other.sign_in("Bob", &Secret::new(PASSPHRASE)).await.unwrap();
    let seen = own(&other.gateway, &again.session, WhichJobs::Open).await;
    assert_eq!(seen.iter().map(|job| (job.id, job.is_here)).collect::<Vec<_>>(), [(running.id, false)]);
    let anns = other.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap();
    let refused = other.gateway.cancel_own_job(&anns.session, running.id).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::NotFound);
    other.gateway.cancel_own_job(&again.session, running.id).await.unwrap();
    let ended = newest(gateway, &bob.session, |job| !job.state.is_open()).await;
    assert_eq!((ended.id, ended.state), (running.id, JobState::Cancelled), "{ended:?}");
    let mut told = None;
    while let Some(piece) = pieces.recv().await {
        told = piece.err();
    }
    assert_eq!(told.unwrap().kind, FaultKind::Cancelled, "and whoever reads is told");
    let refused = gateway.retry_own_job(&bob.session, running.id).await.unwrap_err();
    assert!(refused.message.contains("through a pipe"), "{refused:?}");
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_listed_as_interrupted_with_what_to_do_and_brings_the_rest_when_it_is_tried_again() {
    let stage = Stage::signed_in().await;
    let path = stage.home().join("chats.json");
    history(&path, 400, 12);
    let name = path.to_str().unwrap();
    let mut child =
        stage.command(&["conversations", "import", name]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let looking = async {
        loop {
            let open = stage.json(&["jobs", "list", "--open"]).await;
            if let Some(job) = open.as_array().unwrap().first() {
                return job.clone();
            }
            assert!(child.try_wait().unwrap().is_none(), "it was over before anybody looked");
        }
    };
    let running = tokio::time::timeout(pty::PATIENCE, looking).await.expect("it is listed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((&running["state"], &running["work"]["kind"]), (&json!("running"), &json!("import")), "{running}");
    let listed = stage.json(&["jobs", "list"]).await;
    let job = &listed[0];
    assert_eq!((&job["id"], &job["state"]), (&running["id"], &json!("interrupted")), "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    let shown = stage.run(&["jobs", "show", &id]).await;
    assert!(shown.out.contains("ended in the middle of it") && shown.out.contains("jobs retry"), "{shown:?}");
    let before = stage.json(&["conversations", "list", "--all"]).await.as_array().unwrap().len();
    assert!(before < 400, "the kill came too late for this to say anything");

    ok(&stage.run(&["jobs", "retry", &id]).await);
    let job = stage.json(&["jobs", "show", &id]).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("done"), &json!(2)), "{job}");
    let after = stage.json(&["conversations", "list", "--all"]).await;
    assert_eq!(after.as_array().unwrap().len(), 400, "all of it, and nothing twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_through_a_pipe_is_interrupted_and_a_cancelled_one_says_so_in_both_windows() {
    let stage = Stage::signed_in().await;
    let path = stage.home().join("chats.json");
    history(&path, 20, 80);
    ok(&stage.run(&["conversations", "import", path.to_str().unwrap()]).await);
    ok(&stage.run(&["jobs", "forget"]).await);
    let listed = stage.json(&["conversations", "list", "--all"]).await;
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    let args = [&["conversations", "export", "--format", "json", "-o", "-"], ids.as_slice()].concat();
    for (is_killed, state) in [(true, "interrupted"), (false, "cancelled")] {
        let mut child = stage.command(&args).stderr(Stdio::piped()).spawn().unwrap();
        let looking = async {
            loop {
                let open = stage.json(&["jobs", "list", "--open"]).await;
                if let Some(job) = open.as_array().unwrap().first() {
                    return job["id"].as_str().unwrap().to_owned();
                }
            }
        };
        let id = tokio::time::timeout(pty::PATIENCE, looking).await.expect("it is listed");
        if is_killed {
            child.kill().unwrap();
        } else {
            ok(&stage.run(&["jobs", "cancel", &id]).await);
            // It hears of that though nobody reads what it writes; then what it has written is read.
            let ended = async { while stage.json(&["jobs", "show", &id]).await["state"] == "running" {} };
            tokio::time::timeout(pty::PATIENCE, ended).await.expect("it ends");
            let mut out = child.stdout.take().unwrap();
            std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        }
        let code = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(!code.success());
        assert_eq!(stage.json(&["jobs", "show", &id]).await["state"], state);
        let retried = stage.run(&["jobs", "retry", &id]).await;
        assert!(retried.code != Some(0) && retried.err.contains("through a pipe"), "{retried:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_and_the_rules_for_old_conversations_are_rows_too_and_the_list_is_a_table_for_programs() {
    let stage = Stage::signed_in().await;
    ok(&stage.run(&["ask", "-m", "demo-chat:3b", "a question"]).await);
    ok(&stage.run(&["search", "--rebuild"]).await);
    ok(&stage.run(&["retention", "set", "--archive-after", "1"]).await);
    ok(&stage.run(&["retention", "run"]).await);
    let to = stage.home().join("mine.tar.gz");
    let args = ["conversations", "export", "--all", "-o", to.to_str().unwrap(), "--passphrase-fd", "0"];
    ok(&stage.with_input(&args, stage::PASSPHRASE).await);
    let listed = stage.json(&["jobs", "list"]).await;
    let rows: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["work"]["kind"].as_str().unwrap(), job["state"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, [("export", "done"), ("put_away", "done"), ("index", "done")], "{listed}");
    let only = stage.json(&["jobs", "list", "old conversations"]).await;
    assert_eq!(only.as_array().unwrap().len(), 1, "{only}");
    let csv = stage.run(&["jobs", "list", "--csv"]).await;
    let lines: Vec<&str> = ok(&csv).out.lines().collect();
    assert_eq!(lines[0], "id,kind,state,work,attempts,begun,ended,next,done,of,error,hint,outcome");
    assert!(lines.len() == 4 && lines[1].contains(",export,done,export mine.tar.gz,1,"), "{csv:?}");
    let done = stage.run(&["jobs", "cancel", listed[0]["id"].as_str().unwrap()]).await;
    assert!(done.code != Some(0) && done.err.contains("it is done"), "{done:?}");
    let forgot = stage.run(&["jobs", "forget"]).await;
    assert!(ok(&forgot).out.contains("3 jobs"), "{forgot:?}");
    assert_eq!(stage.json(&["jobs", "list"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_with_the_program_is_interrupted_and_not_cancelled() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let file: PathBuf = home.path().join("chats.json");
    history(&file, 400, 12);
    house.gateway.start_import(&ann.session, NewImport { file, dry_run: false }).await.unwrap();
    newest(&house.gateway, &ann.session, |job| job.progress.done > 0).await;
    house.close().await;
    let next = House::alone(home.path());
    let again = next.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap();
    let job = newest(&next.gateway, &again.session, |_| true).await;
    assert_eq!(job.state, JobState::Interrupted, "{job:?}");
    assert!(job.error.unwrap().hint.unwrap().contains("What had come is kept"));
    // And it is tried again from here, in its own row.
    next.gateway.retry_own_job(&again.session, job.id).await.unwrap();
    let done = newest(&next.gateway, &again.session, |job| job.state == JobState::Done).await;
    assert_eq!((done.id, done.attempts), (job.id, 2));
    next.close().await;
}
