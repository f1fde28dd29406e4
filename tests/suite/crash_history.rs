//! `kill -9` while old conversations are put away or the index for searching is made anew: what was done is whole and
//! counted, what was not is as it was, and the next run brings it to its end.
//!
//! The moments are random times. A few every time; `OLLAMANET_KILLS=200` for as many as that. The seed is printed;
//! `OLLAMANET_SEED` has the same moments again.

use std::{collections::BTreeMap, io::Read as _, path::PathBuf, process::Stdio, time::Duration};

use rand::RngExt;
use serde_json::{Value, json};

use crate::common::{
    kills,
    stage::{PASSPHRASE, Stage},
};

/// Conversations of the history, each with `MESSAGES` messages.
const CONVERSATIONS: usize = 1400;
const MESSAGES: usize = 4;
/// A fast machine asks more often than a person may.
const QUICK: [&str; 4] = ["--set", "limits.read_per_minute=100000", "--set", "limits.write_per_minute=100000"];

/// A history as another program exports it.
fn history() -> String {
    let conversation = |n: usize| {
        let message = |m: usize| {
            json!({
                "uuid": format!("m{n}-{m}"),
                "sender": if m.is_multiple_of(2) { "human" } else { "assistant" },
                "text": format!("needle{n} of message {m}, with a few more words so that there is something to read"),
                "created_at": format!("2024-03-04T{:02}:{:02}:{:02}Z", n / 60 % 24, n % 60, m),
                "attachments": [],
                "files": [],
            })
        };
        json!({
            "uuid": format!("{:08x}-1111-4222-8333-444455556666", n + 1),
            "name": format!("Conversation {n}"),
            "created_at": "2024-03-04T00:00:00Z",
            "updated_at": format!("2024-03-05T{:02}:{:02}:00Z", n / 60 % 24, n % 60),
            "account": { "uuid": "somebody" },
            "chat_messages": (0..MESSAGES).map(message).collect::<Vec<_>>(),
        })
    };
    Value::Array((0..CONVERSATIONS).map(conversation).collect()).to_string()
}

async fn with_history() -> Stage {
    let stage = Stage::signed_in().await;
    let file = stage.home().join("history.json");
    std::fs::write(&file, history()).unwrap();
    let brought = stage.run(&["conversations", "import", file.to_str().unwrap()]).await;
    assert_eq!(brought.code, Some(0), "{brought:?}");
    stage
}

/// Runs it and kills it so long after it began; says whether it came to its end before that.
fn run_and_kill(stage: &Stage, args: &[&str], after: Duration) -> bool {
    let mut child = stage.command(args).stdout(Stdio::null()).spawn().unwrap();
    // Time is what this is about, so it is let pass.
    std::thread::sleep(after);
    let _ = child.kill();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.success() || ended.code().is_none(), "it failed by itself: {said}");
    ended.success()
}

/// The number of messages of each conversation on a shelf, by title.
async fn shelf(stage: &Stage, shelf: &[&str]) -> BTreeMap<String, u64> {
    let args = [&QUICK[..], &["conversations", "list", "--all"], shelf].concat();
    let rows = stage.json(&args).await;
    let row = |row: &Value| (row["title"].as_str().unwrap().to_owned(), row["messages"].as_u64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// What the runs count that were not looked at before.
async fn newly_counted(stage: &Stage, seen_at: &mut Vec<i64>, what: &str) -> usize {
    let told = stage.json(&["retention", "show"]).await;
    let mut counted = 0;
    for report in told["reports"].as_array().unwrap() {
        let at = report["at"].as_i64().unwrap();
        if !seen_at.contains(&at) {
            seen_at.push(at);
            counted += report[what].as_u64().unwrap();
        }
    }
    usize::try_from(counted).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_old_conversations_are_put_away_leaves_each_here_or_there_and_counted() {
    let (rounds, mut random) = kills(6);
    let stage = with_history().await;
    let (mut gone, mut partly, mut seen_at) = (0, 0, Vec::new());
    let mut keep = CONVERSATIONS;
    for round in 0..rounds {
        // Always several steps of a hundred, as long as there is something left.
        keep = keep.saturating_sub(CONVERSATIONS / (rounds as usize + 1)).max(1);
        let set = stage.run(&["retention", "set", "--keep", &keep.to_string()]).await;
        assert_eq!(set.code, Some(0), "{set:?}");
        let after = Duration::from_millis(random.random_range(10..300));
        let finished = run_and_kill(&stage, &["retention", "run"], after);
        let here = shelf(&stage, &[]).await;
        let there = shelf(&stage, &["--shelf", "trash"]).await;
        assert_eq!(here.len() + there.len(), CONVERSATIONS, "round {round}: none is lost and none is twice");
        assert!(here.values().chain(there.values()).all(|messages| *messages == MESSAGES as u64), "round {round}");
        assert!(here.len() >= keep && (!finished || here.len() == keep), "round {round}: {} of {keep}", here.len());
        // Those not used for longest go first, so what is here is the newest of all.
        let oldest = CONVERSATIONS - here.len();
        assert!((oldest..CONVERSATIONS).all(|n| here.contains_key(&format!("Conversation {n}"))), "round {round}");
        // What the run has counted is what is there, to the last one.
        let counted = newly_counted(&stage, &mut seen_at, "trashed").await;
        assert_eq!(counted, there.len() - gone, "round {round}: counted and done");
        partly += usize::from(!finished && there.len() > gone);
        gone = there.len();
    }
    println!("{partly} kills fell between two steps or behind the last one");
    let last = stage.run(&["retention", "run"]).await;
    assert_eq!(last.code, Some(0), "{last:?}");
    assert_eq!(shelf(&stage, &[]).await.len(), keep, "the next run brings it to its end");
    assert_eq!(stage.run(&["doctor"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_the_trash_is_emptied_by_rule_leaves_each_whole_or_gone() {
    let (rounds, mut random) = kills(6);
    let stage = with_history().await;
    // Thrown away long ago: as only a file from elsewhere can say.
    let set = stage.run(&["retention", "set", "--keep", "1"]).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_eq!(stage.run(&["retention", "run"]).await.code, Some(0));
    let old = long_ago(&stage).await;
    let stage = Stage::signed_in().await;
    let brought = stage.run(&["conversations", "import", old.to_str().unwrap()]).await;
    assert_eq!(brought.code, Some(0), "{brought:?}");
    let set = stage.run(&["retention", "set", "--purge-after", "30", "--keep", "off"]).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    let mut left = shelf(&stage, &["--shelf", "trash"]).await.len();
    assert_eq!(left, CONVERSATIONS - 1);
    let mut seen_at = Vec::new();
    newly_counted(&stage, &mut seen_at, "purged").await;
    for round in 0..rounds {
        let after = Duration::from_millis(random.random_range(50..1500));
        let finished = run_and_kill(&stage, &["retention", "run"], after);
        let now = shelf(&stage, &["--shelf", "trash"]).await;
        assert!(now.values().all(|messages| *messages == MESSAGES as u64), "round {round}: whole or gone");
        assert!(!finished || now.is_empty(), "round {round}: {} left", now.len());
        let counted = newly_counted(&stage, &mut seen_at, "purged").await;
        assert_eq!(counted, left - now.len(), "round {round}: counted and gone");
        left = now.len();
    }
    assert_eq!(stage.run(&["retention", "run"]).await.code, Some(0));
    assert_eq!(shelf(&stage, &["--shelf", "trash"]).await.len(), 0);
    // Nothing of what is gone is found, and nothing else is missing.
    let check = stage.json(&["search", "--check"]).await;
    assert_eq!((&check["sound"], &check["report"]["texts"]), (&json!(true), &json!(1 + MESSAGES)), "{check}");
    assert_eq!(stage.run(&["doctor"]).await.code, Some(0));
}

/// Everything of this account in a file that says that it was thrown away years ago.
async fn long_ago(stage: &Stage) -> PathBuf {
    let file = stage.home().join("all.tar.gz");
    let args = ["conversations", "export", "--all", "-o", file.to_str().unwrap(), "--passphrase-fd", "0"];
    let written = stage.with_input(&args, PASSPHRASE).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap()));
    let old = stage.home().join("old.tar.gz");
    let out = flate2::write::GzEncoder::new(std::fs::File::create(&old).unwrap(), flate2::Compression::fast());
    let mut out = tar::Builder::new(out);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (path, mut body) = (entry.path().unwrap().into_owned(), Vec::new());
        entry.read_to_end(&mut body).unwrap();
        if let Ok(text) = std::str::from_utf8(&body) {
            let aged: String = text.split_inclusive('\n').map(aged).collect();
            body = aged.into_bytes();
        }
        let mut header = tar::Header::new_ustar();
        header.set_size(body.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, path, body.as_slice()).unwrap();
    }
    out.into_inner().unwrap().finish().unwrap();
    old
}

/// A line of the own format, with the time at which something was thrown away set to 2023.
fn aged(line: &str) -> String {
    const NAME: &str = "\"trashed_at\":";
    let Some(at) = line.find(NAME).map(|at| at + NAME.len()) else { return line.to_owned() };
    let digits = line[at..].chars().take_while(char::is_ascii_digit).count();
    if digits == 0 { line.to_owned() } else { format!("{}1700000000000{}", &line[..at], &line[at + digits..]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_the_index_is_made_anew_is_said_and_mended_and_touches_nothing_else() {
    let (rounds, mut random) = kills(6);
    let stage = with_history().await;
    let before = shelf(&stage, &[]).await;
    let found = async |words: &str| {
        let hits = stage.json(&[&QUICK[..], &["search", words, "--all"]].concat()).await;
        hits.as_array().unwrap().len()
    };
    let all = found("needle7").await;
    assert!(all > 0, "there is something to find");
    let mut unfinished = 0;
    for round in 0..rounds {
        let after = Duration::from_millis(random.random_range(30..900));
        let finished = run_and_kill(&stage, &["search", "--rebuild"], after);
        let check = stage.run(&["search", "--check", "--json"]).await;
        let told: Value = serde_json::from_str(&check.out).unwrap_or_else(|_| panic!("{check:?}"));
        let report = &told["report"];
        // Either it knows everything, or it says that it does not yet: never silently some of it.
        if told["sound"] == json!(true) {
            assert_eq!(found("needle7").await, all, "round {round}");
        } else {
            assert!(!finished && report["is_unfinished"] == json!(true), "round {round}: {told}");
            unfinished += 1;
            if round % 2 == 0 {
                // Whoever searches meanwhile is told so, and what was begun goes on.
                let asked = stage.run(&["search", "needle7"]).await;
                let said = format!("{}{}", asked.out, asked.err);
                assert!(said.contains("rebuilt") || said.contains("anew"), "round {round}: {asked:?}");
            }
        }
    }
    println!("{unfinished} of {rounds} kills fell into a rebuild");
    let last = stage.run(&["search", "--rebuild"]).await;
    assert_eq!(last.code, Some(0), "{last:?}");
    assert_eq!(stage.json(&["search", "--check"]).await["sound"], json!(true));
    assert_eq!(found("needle7").await, all);
    assert_eq!(shelf(&stage, &[]).await, before, "nothing else was touched");
    assert_eq!(stage.run(&["doctor"]).await.code, Some(0));
}
