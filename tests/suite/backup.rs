//! Backups through the real binary: made, checked, lost, put back.

use std::{fs, io::Write as _, path::Path, process::Stdio};

use crate::common::{
    alice::{AS_ALICE, as_alice, copy, data, titles},
    stage::{PASSPHRASE, Stage, finish},
};

fn walk(at: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    // What is renamed in this moment is found the next time.
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// The newest conversation, as it can be read.
async fn conversation(stage: &Stage) -> String {
    let listed = as_alice(stage, &["conversations", "list", "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&listed.out).unwrap_or_else(|_| panic!("{listed:?}"));
    let shown = as_alice(stage, &["conversations", "show", rows[0]["id"].as_str().unwrap(), "--json"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let whole: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let told = whole["messages"].as_array().unwrap().iter();
    told.map(|message| format!("{}: {}", message["role"], message["content"])).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_again_after_the_directory_was_lost() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["ask", "the first question"]).await.code, Some(0));
    let made = stage.json(&["backup", "create"]).await;
    let name = made["name"].as_str().unwrap().to_owned();
    assert_eq!((&made["accounts"], &made["vaults"], &made["made_by"]), (&1.into(), &1.into(), &"person".into()));
    let found = stage.json(&["backup", "verify", &name]).await;
    assert_eq!((&found["opened"], &found["compared"]), (&1.into(), &0.into()));
    let before = titles(&stage).await;
    assert_eq!(before.len(), 1);

    // The backup lies elsewhere; everything else is gone.
    let data = data(&stage);
    let elsewhere = stage.home().join("elsewhere");
    copy(&data.join("backups").join(&name), &elsewhere);
    for entry in fs::read_dir(&data).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let unasked = stage.run(&["backup", "restore", "--from", elsewhere.to_str().unwrap()]).await;
    assert_eq!(unasked.code, Some(2), "nobody is there to ask: {unasked:?}");
    let restored = stage.run(&["backup", "restore", "--from", elsewhere.to_str().unwrap(), "--yes"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.err.contains("The backup was put back"), "{restored:?}");
    // Whoever stayed signed in has to come in anew.
    assert_eq!(stage.run(&["conversations", "list"]).await.code, Some(5));
    assert_eq!(titles(&stage).await, before);
    let trail = as_alice(&stage, &["audit", "verify"]).await;
    assert_eq!(trail.code, Some(0), "{trail:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_brings_yesterday_back_and_keeps_today_aside() {
    let stage = Stage::signed_in().await;
    stage.run(&["ask", "of yesterday"]).await;
    stage.json(&["backup", "create"]).await;
    let yesterday = titles(&stage).await;
    let read_yesterday = conversation(&stage).await;
    assert!(read_yesterday.contains("of yesterday"), "{read_yesterday}");
    stage.run(&["ask", "--new", "of today"]).await;
    assert_eq!(titles(&stage).await.len(), 2);
    let newest = as_alice(&stage, &["backup", "restore", "--yes"]).await;
    assert_eq!(newest.code, Some(0), "{newest:?}");
    assert_eq!(titles(&stage).await, yesterday);
    // Each word of it, and whoever comes in on screen finds it where it was.
    assert_eq!(conversation(&stage).await, read_yesterday);
    let mut term = stage.terminal(120, 36);
    term.until("Sign in to OllamaNet");
    term.send("alice\r").send(PASSPHRASE).key("enter");
    term.until("Ask something");
    term.until_screen("the conversation of yesterday", |screen| screen.contains(yesterday[0].as_str()));
    term.key("ctrl+q");
    term.wait(crate::common::pty::PATIENCE);

    let listed = as_alice(&stage, &["backup", "list", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let aside = listed["quarantine"][0]["name"].as_str().unwrap().to_owned();
    assert!(data(&stage).join("quarantine").join(&aside).join("system.db").exists());
    let gone = as_alice(&stage, &["backup", "prune", "--quarantine", &aside, "--yes"]).await;
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(!data(&stage).join("quarantine").join(&aside).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_restored_under_a_window_that_is_open() {
    let stage = Stage::signed_in().await;
    stage.json(&["backup", "create"]).await;
    let mut term = stage.terminal(100, 30);
    term.until("Conversations");
    let refused = as_alice(&stage, &["backup", "restore", "--yes"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("Other windows or commands"), "{refused:?}");
    term.kill();
    assert!(!data(&stage).join(".restore").exists());
    assert!(!data(&stage).join("quarantine").exists());
    assert_eq!(stage.run(&["conversations", "list"]).await.code, Some(0), "still signed in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_named_and_refused_and_the_schedule_is_off_until_it_is_set() {
    let stage = Stage::signed_in().await;
    let name = stage.json(&["backup", "create"]).await["name"].as_str().unwrap().to_owned();
    let file = data(&stage).join("backups").join(&name).join("system.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[5000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let found = stage.run(&["backup", "verify", &name]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.out.contains("system.db"), "{found:?}");
    let refused = as_alice(&stage, &["backup", "restore", &name, "--yes"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("damaged, in system.db"), "{refused:?}");

    let off = stage.json(&["backup", "schedule"]).await;
    assert_eq!((&off["hour"], &off["keep"]["daily"], &off["keep"]["weekly"]), (&().into(), &7.into(), &4.into()));
    let set = as_alice(&stage, &["backup", "schedule", "--at", "3", "--weekly", "8"]).await;
    assert!(set.out.contains("every day at 3:00") && set.out.contains("of 8 weeks"), "{set:?}");
    let wrong = as_alice(&stage, &["backup", "schedule", "--at", "24"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_rule_is_checked_and_takes_the_older_one_of_its_day_away_but_no_damaged_one() {
    let stage = Stage::signed_in().await;
    let damaged = stage.json(&["backup", "create"]).await["name"].as_str().unwrap().to_owned();
    fs::write(data(&stage).join("backups").join(&damaged).join("manifest.json"), "{").unwrap();
    let set = as_alice(&stage, &["settings", "set", "backup.keep_daily=1", "backup.keep_weekly=0"]).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_eq!(stage.run(&["rules", "add", "B", "--do", "backup", "--by-hand"]).await.code, Some(0));
    let names = async || {
        let listed = stage.json(&["backup", "list"]).await;
        let rows = listed["backups"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| (row["name"].as_str().unwrap().to_owned(), row["verified"].clone()))
            .collect::<Vec<_>>()
    };
    let mut before = Vec::new();
    for _ in 0..2 {
        let run = stage.json(&["rules", "run", "B"]).await;
        assert_eq!(run["result"], "done", "{run}");
        let now = names().await;
        assert_eq!(now.len(), 2, "the newest of the day, and the damaged one that somebody should look at: {now:?}");
        assert!(now.iter().any(|(name, _)| *name == damaged));
        let newest = now.into_iter().find(|(name, _)| *name != damaged).unwrap();
        assert!(newest.1["damage"].as_array().is_some_and(Vec::is_empty), "it was checked: {newest:?}");
        assert!(!before.contains(&newest.0), "the older one is gone");
        before.push(newest.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_cannot_hold_a_backup_is_named_and_nothing_half_made_stays() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["ask", "the first question"]).await.code, Some(0));
    let file = stage.home().join("a-file");
    fs::write(&file, "mine").unwrap();
    for (place, words) in [
        (file.to_str().unwrap(), "is no directory"),
        // Nobody makes directories there, not even root.
        ("/proc/backups", "is not there"),
    ] {
        let refused = stage.run(&["--set", &format!("backup.directory={place}"), "backup", "create"]).await;
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.err.contains(place) && refused.err.contains(words), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

    // No file of this process may grow beyond 100 blocks of 512 bytes: as on a disk that fills up in the middle.
    let mut small = stage.command(&["backup", "create"]);
    let (program, home) = (small.get_program().to_owned(), stage.home().to_owned());
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "ulimit -f 100; exec \"$0\" backup create"]).arg(program).current_dir(home).env_clear();
    for (name, value) in small.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))) {
        shell.env(name, value);
    }
    small = shell;
    let full = small.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let full = finish(full).await;
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(full.err.contains("The disk is full") && full.err.contains("Make room"), "{full:?}");
    let listed = stage.json(&["backup", "list"]).await;
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(0), "{listed}");
    let left: Vec<_> =
        walk(&data(&stage).join("backups")).into_iter().filter(|path| !path.ends_with(".lock")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(stage.run(&["backup", "create"]).await.code, Some(0), "with room again it goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedules_backup_is_made_by_the_next_window_that_opens() {
    let stage = Stage::signed_in().await;
    // An hour that has struck today or yesterday: every hour has.
    let set = as_alice(&stage, &["backup", "schedule", "--at", "0"]).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    let mut term = stage.terminal(100, 30);
    term.until("Conversations");
    let backups = data(&stage).join("backups");
    crate::common::until("the schedule's backup is made and checked", || {
        backups.exists() && walk(&backups).iter().any(|path| path.ends_with("verified.json"))
    })
    .await;
    term.kill();
    let listed = stage.json(&["backup", "list"]).await;
    assert_eq!(listed["backups"][0]["made_by"], "schedule");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_a_job_that_another_window_cancels_and_that_a_kill_ends_with_all_as_it_was() {
    let stage = Stage::signed_in().await;
    stage.run(&["ask", "the first question"]).await;
    stage.json(&["backup", "create"]).await;
    stage.run(&["ask", "--new", "of today"]).await;
    let before = titles(&stage).await;
    // Somebody else is at it, so that ours waits.
    let other = fs::File::create(data(&stage).join(".restore.lock")).unwrap();
    other.lock().unwrap();
    let begin = || {
        let args = [&["backup", "restore", "--yes"], AS_ALICE.as_slice()].concat();
        let mut child = stage.command(&args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all([PASSPHRASE, "\n", PASSPHRASE].concat().as_bytes()).unwrap();
        child
    };
    let waiting = async || {
        let looking = async {
            loop {
                let open = stage.json(&["jobs", "list", "--open"]).await;
                let found = open.as_array().unwrap().iter().find(|job| job["work"]["kind"] == "restore").cloned();
                if let Some(job) = found.filter(|job| job["state"] == "running") {
                    return job["id"].as_str().unwrap().to_owned();
                }
            }
        };
        tokio::time::timeout(crate::common::pty::PATIENCE, looking).await.expect("it is listed")
    };
    let child = begin();
    let id = waiting().await;
    let cancelled = stage.run(&["jobs", "cancel", &id]).await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    let ended = finish(child).await;
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert_eq!(stage.json(&["jobs", "show", &id]).await["state"], "cancelled");

    let mut child = begin();
    let id = waiting().await;
    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    // It runs nowhere, and says so before anybody has worked at it.
    assert_eq!(stage.json(&["jobs", "show", &id]).await["state"], "waiting");
    stage.run(&["jobs", "run"]).await;
    let job = stage.json(&["jobs", "show", &id]).await;
    assert_eq!(job["state"], "failed", "{job}");
    let told = job["error"].to_string();
    assert!(told.contains("all is as it was") && told.contains("backup restore"), "{told}");
    assert_eq!(titles(&stage).await, before);
    assert!(!data(&stage).join(".restore").exists(), "nothing of it is left");

    let restored = as_alice(&stage, &["backup", "restore", "--yes"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(titles(&stage).await.len(), 1);
    let listed = as_alice(&stage, &["jobs", "list", "--open", "--json"]).await;
    assert_eq!(listed.out.trim(), "[]", "what was under way when the backup was made is not begun anew");
}
