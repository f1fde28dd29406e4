//! `kill -9` at any moment of an answer: what was acknowledged is there, the broken answer says what it is.
//!
//! The moments are random times, so that they fall before the commit, between it and the request, before the first
//! token and in the middle of a stream, in the command and in the interface alike. A few every time;
//! `OLLAMANET_KILLS=200` for as many as that. The seed is printed; `OLLAMANET_SEED` has the same moments again.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use ollamanet::fake::{Part, Reply};
use rand::RngExt;
use serde_json::Value;

use crate::common::{
    kills,
    stage::{PASSPHRASE, Stage, last, piece},
};

const WORDS: usize = 4000;

/// A fast machine signs in more often than a person may.
const QUICK: [&str; 2] = ["--set", "limits.auth_per_minute=600"];

fn word(number: usize) -> String {
    format!("word{number} ")
}

/// Words of an answer that never comes to its end, a little slower than the fastest models, after a model's pause.
fn long_answer(pause: Duration) -> Reply {
    let mut reply = Reply::stream();
    reply.before.push(Part::Pause(pause));
    for number in 0..WORDS {
        reply = reply.line(&piece(&word(number))).part(Part::Pause(Duration::from_millis(2)));
    }
    reply.line(&last())
}

/// What a round showed before it was killed.
struct Shown {
    question: String,
    /// The question was shown as sent.
    sent: bool,
    /// So many bytes of the answer were shown.
    answer: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let (rounds, mut random) = kills(8);
    let stage = Stage::signed_in().await;
    let mut shown = Vec::new();
    for round in 0..rounds {
        let pause = Duration::from_millis(random.random_range(0..200));
        stage.chat(move |_| long_answer(pause));
        let question = format!("question-{round:04}-end");
        let after = Duration::from_millis(random.random_range(0..2500));
        shown.push(if round % 2 == 0 {
            ask_and_kill(&stage, question, after)
        } else {
            type_and_kill(&stage, question, after)
        });
    }
    let everything = everything(&stage).await;
    let expected: String = (0..WORDS).map(word).collect();
    let (mut sent, mut answered) = (0, 0);
    for Shown { question, sent: was_sent, answer } in &shown {
        let found: Vec<&Value> = everything
            .iter()
            .filter(|whole| {
                whole["messages"].as_array().unwrap().iter().any(|message| message["content"] == **question)
            })
            .collect();
        assert!(found.len() <= 1, "{question} is there twice");
        let Some(whole) = found.first() else {
            assert!(!was_sent, "{question} was shown as sent and is gone");
            continue;
        };
        let messages = whole["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2, "a question and its answer: {whole}");
        assert_eq!(messages[1]["state"], "interrupted", "after {answer} shown bytes of the answer to {question}");
        let kept = messages[1]["content"].as_str().unwrap();
        assert!(expected.starts_with(kept), "{question}: {kept}");
        // A checkpoint every 2 KiB or 500 ms: what was shown after the last one may be gone, no more.
        assert!(kept.len() + 2048 + 1024 >= *answer, "{question}: {} of {answer} bytes kept", kept.len());
        sent += usize::from(*was_sent);
        answered += usize::from(!kept.is_empty());
    }
    println!("of {rounds} kills, {sent} came after the question was shown as sent, {answered} left some of an answer");
    assert!(answered > 0 || rounds < 8, "no kill fell into an answer");
    let doctor = stage.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
}

/// Every conversation with all its messages: reading a page of the vault checks it.
async fn everything(stage: &Stage) -> Vec<Value> {
    let listed = stage.json(&["conversations", "list", "--all"]).await;
    let mut all = Vec::new();
    for row in listed.as_array().unwrap() {
        all.push(stage.json(&["conversations", "show", row["id"].as_str().unwrap(), "--all"]).await);
    }
    all
}

/// Asks by the command line and kills it so long after it was started.
fn ask_and_kill(stage: &Stage, question: String, after: Duration) -> Shown {
    let mut child =
        stage.command(&["ask", "--json", "-m", "demo-chat:3b", &question]).stderr(Stdio::inherit()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    // Time is what this is about, so it is let pass; the reader takes meanwhile what is printed.
    let reader = std::thread::spawn(move || out.lines().map_while(Result::ok).collect::<Vec<String>>());
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may be half a line.
    let lines: Vec<Value> = reader.join().unwrap().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let answer = lines.iter().filter_map(|line| line["content"].as_str()).map(str::len).sum();
    Shown { question, sent: lines.iter().any(|line| line["type"] == "started"), answer }
}

/// Asks in the interface and kills it so long after Enter was pressed.
fn type_and_kill(stage: &Stage, question: String, after: Duration) -> Shown {
    let mut term = stage.terminal(120, 40);
    // After the last kill it comes back to the broken answer.
    term.until("Conversations");
    term.key("ctrl+n");
    term.until("sends, Ctrl+J starts");
    term.send(&question);
    term.until(&question);
    term.key("enter");
    std::thread::sleep(after);
    term.kill();
    let screen = term.screen_at_the_end();
    // Sent is what has left the composer and is still shown.
    let composer = screen.lines().find(|line| line.contains("> ")).unwrap_or_default();
    let sent = screen.contains(&question) && !composer.contains(&question);
    let newest = screen
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|text| text.strip_prefix("word")?.parse::<usize>().ok())
        .max();
    // Where the answer is wrapped or cut, the last number may be cut as well: one less is certain.
    let answer = newest.map_or(0, |newest| (0..newest).map(|number| word(number).len()).sum());
    Shown { question, sent, answer }
}

/// `kill -9` while the passphrase is changed or the vault recovered: the old way in works or the new one, never neither and
/// never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_a_change_or_a_recovery_leaves_the_old_way_in_or_the_new_one() {
    let (rounds, mut random) = kills(8);
    let stage = Stage::new().await;
    let create = ["account", "create", "alice", "--passphrase-fd", "0", "--json"];
    let made = stage.with_input(&create, PASSPHRASE).await;
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let mut code = made["recovery_code"].as_str().unwrap().to_owned();
    let mut now = PASSPHRASE.to_owned();
    let opens = async |passphrase: &str| {
        let args = ["account", "sign-in", "alice", "--passphrase-fd", "0"];
        let came = stage.with_input(&[&QUICK[..], &args].concat(), passphrase).await;
        assert!(came.code == Some(0) || came.err.contains("do not match"), "{came:?}");
        came.code == Some(0)
    };
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds {
        let next = format!("harbour violet {round} lantern cobalt thistle");
        let is_recovery = round % 3 == 2;
        let (args, input): (&[&str], String) = if is_recovery {
            (&["account", "recover", "alice", "--passphrase-fd", "0", "--json"], format!("{code}\n{next}\n"))
        } else {
            let change = &["account", "change-passphrase", "--user", "alice", "--passphrase-fd", "0", "--json"];
            (change, format!("{now}\n{next}\n"))
        };
        let mut child = stage.command(&[&QUICK[..], args].concat()).stdin(Stdio::piped()).spawn().unwrap();
        // A program that is dead already hears nothing more.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
        let _ = child.kill();
        let told = child.wait_with_output().unwrap();
        let finished = told.status.success();
        // The new one first: a success forgives the try that failed.
        let is_new = opens(&next).await;
        let is_old = opens(&now).await;
        assert!(is_new != is_old, "round {round}: new {is_new}, old {is_old}");
        assert!(is_new || !finished, "round {round}: it was said to be done");
        if is_new {
            new += 1;
            now = next;
        } else {
            old += 1;
        }
        if is_recovery && is_new {
            // Who is killed before the new code is shown makes another: the passphrase is known.
            let args = ["account", "recovery-code", "--user", "alice", "--passphrase-fd", "0", "--json"];
            let fresh = stage.with_input(&[&QUICK[..], &args].concat(), &now).await;
            let fresh: Value = serde_json::from_str(&fresh.out).unwrap_or_else(|_| panic!("{fresh:?}"));
            code = fresh["recovery_code"].as_str().unwrap().to_owned();
        }
        // Two tries a round are counted as failures until the one that fits; so the count begins anew.
        assert!(opens(&now).await);
    }
    println!("{old} times the old way in, {new} times the new one");
}
