//! How the interface ends, and what it endures, in a real terminal: signals, a vanished terminal, odd sizes, big pastes.

use std::time::Duration;

use ollamanet::fake::{Gate, Part, Reply};
use rustix::process::Signal;

use crate::common::{
    pty::{Program, Term},
    stage::{PASSPHRASE, Stage, piece},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ollamanet");

/// Longest that an ending may take; the machine may be busy, so it is not the two seconds themselves.
const SOON: Duration = Duration::from_secs(20);

/// An answer that begins and then waits for the test.
fn begun(gate: &Gate) -> Reply {
    Reply::stream().line(&piece("Half an answer")).part(Part::Hold(gate.clone()))
}

/// Signed in, with an answer half way.
fn answering(stage: &Stage) -> (Term, Gate) {
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| begun(&held));
    let mut term = stage.terminal(100, 30);
    term.until("send");
    term.send("a question").key("enter");
    term.until("Half an answer");
    (term, gate)
}

/// The terminal is as it was before: no alternate screen, no mouse, a cursor.
fn restored(term: &Term) {
    term.with_screen(|screen| {
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
}

/// The question and the beginning of its answer are in the vault, and the answer says how it ended.
async fn kept(stage: &Stage) -> String {
    let list = stage.json(&["conversations", "list"]).await;
    let rows = list.as_array().or_else(|| list["rows"].as_array()).or_else(|| list["conversations"].as_array());
    let id = rows.expect("a list")[0]["id"].as_str().unwrap().to_owned();
    let whole = stage.json(&["conversations", "show", &id]).await;
    let messages = whole["messages"].as_array().unwrap();
    assert_eq!(messages[0]["content"], "a question");
    assert_eq!(messages[1]["content"], "Half an answer");
    messages[1]["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_stores_the_answer_and_gives_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let stage = Stage::signed_in().await;
        let (mut term, _gate) = answering(&stage);
        term.signal(signal);
        let status = term.wait(SOON);
        assert_eq!(status.exit_code(), code, "{signal:?}");
        if signal != Signal::HUP {
            restored(&term);
        }
        let state = kept(&stage).await;
        assert!(["stopped", "interrupted"].contains(&state.as_str()), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_vanishes_ends_the_program_with_everything_stored() {
    let stage = Stage::signed_in().await;
    let (mut term, _gate) = answering(&stage);
    term.close_terminal();
    term.wait(SOON);
    let state = kept(&stage).await;
    assert!(["stopped", "interrupted"].contains(&state.as_str()), "{state}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quitting_gives_the_terminal_back() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(100, 30);
    term.until("send");
    term.key("ctrl+q");
    assert_eq!(term.wait(SOON).exit_code(), 0);
    restored(&term);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_size_is_endured_and_a_small_one_says_so() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(1, 1);
    term.resize(30, 8);
    term.until("make it larger");
    for step in 0..400_u16 {
        term.resize(1 + step * 7 % 200, 1 + step * 3 % 60);
    }
    term.resize(100, 30);
    term.until("send");
    term.send("still here");
    term.until("still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paste_of_ten_megabytes_sends_nothing_and_stays_usable() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(100, 30);
    term.until("send");
    let line = "a line of a very long paste, with an end that tries to escape\n";
    let big = line.repeat(10 * 1024 * 1024 / line.len());
    term.paste(&big);
    term.until("pasted");
    term.send("after");
    term.until("after");
    assert!(stage.fake.requests().iter().all(|request| request.path != "/api/chat"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspending_locks_gives_the_terminal_back_and_resuming_draws_again() {
    let stage = Stage::signed_in().await;
    // Only under a shell with job control is there anybody to suspend to.
    let mut term =
        Program::bare(stage.home(), "/bin/bash", &["-c", "set -m; \"$0\"; echo AWAY; read line; fg", PROGRAM])
            .env("OLLAMA_HOST", stage.fake.url())
            .start(100, 30);
    term.until("send");
    term.send("a draft");
    term.until("a draft");
    term.key("ctrl+z");
    term.until("AWAY");
    restored(&term);
    term.key("enter");
    // Whoever comes back is asked who they are.
    let locked = term.until("Locked");
    assert!(!locked.contains("a draft"), "{locked}");
    term.send(PASSPHRASE).key("enter");
    term.until("a draft");
    term.send(" goes on");
    term.until("a draft goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_windows_see_each_others_conversations() {
    let stage = Stage::signed_in().await;
    let one = stage.terminal(120, 36);
    one.until("send");
    let mut two = stage.terminal(120, 36);
    two.until("send");
    stage.chat(|_| Reply::stream().line(&piece("An answer.")).line(&crate::common::stage::last()));
    two.send("a question from the second window").key("enter");
    two.until("An answer.");
    one.until_screen("the second window's conversation", |screen| {
        screen.contains("second window") || screen.contains("a question from")
    });
}
