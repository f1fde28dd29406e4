//! `kill -9` at any moment of an answer: what was acknowledged is there, the broken answer says what it is.
//!
//! A few moments every time; `OLLAMANET_KILLS=200` for as many as that.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use ollamanet::fake::{Part, Reply};
use serde_json::Value;

use crate::common::stage::{Stage, last, piece};

fn word(number: u32) -> String {
    format!("word{number} ")
}

/// Words of an answer that never comes to its end, a little slower than the fastest models.
fn long_answer() -> Reply {
    let mut reply = Reply::stream();
    for number in 0..4000 {
        reply = reply.line(&piece(&word(number))).part(Part::Pause(Duration::from_millis(2)));
    }
    reply.line(&last())
}

/// The same numbers for the same round, so that a failure can be had again.
fn moment(round: u64) -> u64 {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    state ^= state >> 30;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^= state >> 27;
    state % 700
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let rounds = std::env::var("OLLAMANET_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let stage = Stage::signed_in().await;
    stage.chat(|_| long_answer());
    // Conversation → the question, and the text that had been shown when the program died.
    let mut acknowledged: BTreeMap<String, (String, String)> = BTreeMap::new();
    for round in 0..rounds {
        let question = format!("question number {round}");
        let (conversation, shown) = ask_and_kill(&stage, &question, moment(round));
        acknowledged.insert(conversation, (question, shown));
    }
    let mut kept_in_all = 0;
    for (conversation, (question, shown)) in &acknowledged {
        let whole = stage.json(&["conversations", "show", conversation]).await;
        let messages = whole["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2, "{whole}");
        assert_eq!(messages[0]["content"], *question);
        assert_eq!(messages[1]["state"], "interrupted", "after {} shown bytes", shown.len());
        let kept = messages[1]["content"].as_str().unwrap();
        let expected = (0..4000).fold(String::new(), |text, number| text + &word(number));
        assert!(expected.starts_with(kept), "{kept}");
        // A checkpoint every 2 KiB or 500 ms: what was shown after the last one may be gone, no more.
        assert!(kept.len() + 2048 + 1024 >= shown.len(), "{} of {} bytes kept", kept.len(), shown.len());
        kept_in_all += kept.len();
    }
    assert!(kept_in_all > 0 || rounds < 3, "no answer left anything behind");
}

/// Asks, reads `lines` pieces of the answer, kills. Gives the conversation and the text that was shown.
fn ask_and_kill(stage: &Stage, question: &str, lines: u64) -> (String, String) {
    let mut child =
        stage.command(&["ask", "--json", "-m", "demo-chat:3b", question]).stderr(Stdio::inherit()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let started: Value = serde_json::from_str(&out.next().expect("the turn starts").unwrap()).unwrap();
    assert_eq!(started["type"], "started", "{started}");
    let mut shown = String::new();
    for line in out.by_ref().take(usize::try_from(lines).unwrap()) {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        shown.push_str(line["content"].as_str().unwrap_or_default());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (started["conversation"].as_str().unwrap().to_owned(), shown)
}
