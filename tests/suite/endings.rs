//! How the interface ends, and what it endures, in a real terminal: signals, a vanished terminal, odd sizes, big pastes.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

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

/// Waits until the program is a zombie, which still tells what it used; gives how long that took and the ticks: Linux
/// tells a hundred to the second.
fn ended(term: &Term) -> (Duration, u64) {
    let start = Instant::now();
    loop {
        match term.process() {
            ('Z', ticks) => return (start.elapsed(), ticks),
            (state, _) => assert!(start.elapsed() < SOON, "it still runs ({state})"),
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_vanishes_ends_the_program_with_everything_stored() {
    // With the hangup that the kernel sends, with one that a parent told it to ignore, and with none at all.
    for surroundings in ["shell", "nohup", "no controlling terminal"] {
        // It has two seconds. Others may be using the processors, so one of three has to make it.
        let mut times = Vec::new();
        while times.iter().all(|took| *took >= Duration::from_secs(2)) {
            assert!(times.len() < 3, "{surroundings}: it took {times:?}");
            times.push(vanish(surroundings).await);
        }
    }
}

/// Takes the terminal away in the middle of an answer; gives how long the program then went on.
async fn vanish(surroundings: &str) -> Duration {
    let stage = Stage::signed_in().await;
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| begun(&held));
    let program = match surroundings {
        "shell" => Program::new(stage.home(), &[]),
        "nohup" => Program::bare(stage.home(), "/bin/sh", &["-c", "trap '' HUP; exec \"$0\"", PROGRAM]),
        _ => Program::new(stage.home(), &[]).without_control(),
    };
    let mut term = program.env("OLLAMA_HOST", stage.fake.url()).start(100, 30);
    term.until("send");
    term.send("a question").key("enter");
    term.until("Half an answer");
    let (_, before) = term.process();
    term.close_terminal();
    let (took, after) = ended(&term);
    assert_eq!(term.wait(SOON).exit_code(), 129, "{surroundings}");
    // Ending is a few writes; what spins on a dead terminal uses all the time there is.
    let used = Duration::from_millis((after - before) * 10);
    assert!(used < Duration::from_secs(1), "{surroundings}: {used:?} of processor time in {took:?}");
    let state = kept(&stage).await;
    assert!(["stopped", "interrupted"].contains(&state.as_str()), "{surroundings}: {state}");
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quitting_gives_the_terminal_back() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(100, 30);
    term.until("send");
    term.key("ctrl+q");
    assert!(term.wait(SOON).success());
    restored(&term);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_size_is_endured_and_a_small_one_says_so() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(1, 1);
    // The first frame has come: before that a change of size would only be the size at the start.
    crate::common::until("a first frame", || term.raw().windows(8).any(|bytes| bytes == b"\x1b[?2026l")).await;
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
    let start = Instant::now();
    term.paste(&big);
    term.until("pasted");
    // Also in a build without optimisation on a busy machine; twice as long as it should ever take anybody.
    assert!(start.elapsed() < Duration::from_secs(20), "the paste took {:?}", start.elapsed());
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

/// The program that a shell with job control runs in this terminal.
fn child(term: &Term) -> rustix::process::Pid {
    let shell = term.pid();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    rustix::process::Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspending_while_an_answer_streams_locks_and_the_answer_goes_on_afterwards() {
    for by_signal in [false, true] {
        let stage = Stage::signed_in().await;
        let gate = Gate::new();
        let held = gate.clone();
        stage.chat(move |_| begun(&held).line(&piece(" and the other half.")).line(&crate::common::stage::last()));
        let mut term =
            Program::bare(stage.home(), "/bin/bash", &["-c", "set -m; \"$0\"; echo AWAY; read line; fg", PROGRAM])
                .env("OLLAMA_HOST", stage.fake.url())
                .start(100, 30);
        term.until("send");
        term.send("a question").key("enter");
        term.until("Half an answer");
        if by_signal {
            let _ = rustix::process::kill_process(child(&term), Signal::TSTP);
        } else {
            term.key("ctrl+z");
        }
        term.until("AWAY");
        restored(&term);
        term.key("enter");
        let locked = term.until("Locked");
        assert!(!locked.contains("Half an answer"), "{locked}");
        term.send(PASSPHRASE).key("enter");
        term.until("Half an answer");
        gate.release();
        term.until("and the other half.");
        term.until_gone("answering");
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_are_typed_and_pasted_without_harm() {
    let stage = Stage::signed_in().await;
    let mut term = stage.terminal(100, 30);
    term.until("send");
    // Alone, in the middle of a word, half a letter whose other half comes later, and an overlong newline.
    term.send(b"typed \xff\xfe caf\xc3");
    term.until("typed");
    term.send(b"\xa9 \xe6\xbc\xc0\x8a end");
    term.until("end");
    term.send(b"\x1b[200~ pasted \xff \xf0\x9f then\x1b[201~");
    term.until("then");
    term.key("enter");
    stage.fake.idle().await;
    term.until("stand-in");
    let asked = stage.fake.requests().into_iter().find(|request| request.path == "/api/chat").unwrap().json();
    let text = asked["messages"][0]["content"].as_str().unwrap();
    assert!(text.starts_with("typed ") && text.contains("café") && text.contains(" pasted "), "{text:?}");
    assert!(text.ends_with("then") && !text.contains('\n'), "{text:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locale_that_knows_only_ascii_changes_nothing() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::lines(&[piece("größer, 漢字, 👍"), crate::common::stage::last()]));
    let mut ask = stage.command(&["ask", "-m", "demo-chat:3b", "wie groß?"]);
    ask.env("LANG", "C").env("LC_ALL", "C");
    let done = crate::common::stage::finish(ask.spawn().unwrap()).await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "größer, 漢字, 👍\n"), "{done:?}");
    let mut term = Program::new(stage.home(), &[])
        .env("OLLAMA_HOST", stage.fake.url())
        .env("LANG", "C")
        .env("LC_ALL", "C")
        .start(100, 30);
    term.until("send");
    term.send("noch größer?").key("enter");
    term.until("größer, 漢字, 👍");
    term.key("ctrl+q");
    assert!(term.wait(SOON).success());
}

/// Puts the settings file where the program looks for it, whole at once.
fn write_settings(stage: &Stage, text: &[u8]) {
    let dir = stage.home().join("config/ollamanet");
    std::fs::create_dir_all(&dir).unwrap();
    let fresh = dir.join("fresh");
    std::fs::write(&fresh, text).unwrap();
    std::fs::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(&fresh, dir.join("config.toml")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_read_stop_the_start_and_disturb_nothing_that_runs() {
    let stage = Stage::signed_in().await;
    write_settings(&stage, b"[ui]\nvim = \x00\xff\n");
    let mut term = stage.terminal(100, 30);
    assert_eq!(term.wait(SOON).exit_code(), 2);
    assert!(term.screen_at_the_end().contains("config.toml:2:"), "{}", term.screen_at_the_end());

    write_settings(&stage, b"[ui]\nsidebar_width = 20\n");
    let mut term = stage.terminal(120, 30);
    term.until("send");
    write_settings(&stage, b"[ui\nsidebar_width = 40");
    term.until("config.toml:1:");
    term.send("still here");
    term.until("still here");
    // A setting that needs a new start is named, a mistake in the keys has its line.
    write_settings(&stage, b"[ui]\nmouse = false\n[keys.composer]\nsedn = [\"f9\"]\n");
    term.until_screen("both notices", |screen| {
        screen.contains("ui.mouse takes effect") && screen.contains("config.toml:4:1:")
    });
    term.key("ctrl+q");
    assert!(term.wait(SOON).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_write_and_answer_in_one_conversation() {
    let stage = Stage::signed_in().await;
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |request| {
        let asked = request.json()["messages"].as_array().unwrap().last().unwrap()["content"].clone();
        let reply = Reply::stream().line(&piece(&format!("Answer to {}.", asked.as_str().unwrap())));
        let reply = if asked == "slow" { reply.part(Part::Hold(held.clone())) } else { reply };
        reply.line(&crate::common::stage::last())
    });
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "first"]).await.code, Some(0));
    let id = stage.json(&["conversations", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    let here = format!("-c={id}");

    // One program answers; the other may look and rename, and is told why it cannot ask in between.
    let slow = stage.command(&["ask", &here, "slow"]).spawn().unwrap();
    gate.reached().await;
    let refused = stage.run(&["ask", &here, "too early"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.err.contains("still arriving in this conversation"), "{}", refused.err);
    assert_eq!(stage.run(&["conversations", "rename", &id, "Renamed meanwhile"]).await.code, Some(0));
    let shown = stage.json(&["conversations", "show", &id]).await;
    assert_eq!(shown["messages"][3]["state"], "streaming", "another program's answer is no broken one: {shown}");
    gate.release();
    let slow = crate::common::stage::finish(slow).await;
    assert_eq!((slow.code, slow.out.as_str()), (Some(0), "Answer to slow.\n"), "{slow:?}");

    // An open interface and a command, one after the other and then at the same moment.
    let mut term = stage.terminal(110, 40);
    term.until("Renamed meanwhile");
    term.key("tab").key("tab");
    for round in 0..3 {
        let done = stage.run(&["ask", &here, &format!("command {round}")]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let asks: Vec<_> =
        (0..4).map(|round| stage.command(&["ask", &here, &format!("race {round}")]).spawn().unwrap()).collect();
    let mut answered = 0;
    for ask in asks {
        let done = crate::common::stage::finish(ask).await;
        match done.code {
            Some(0) => answered += 1,
            _ => assert!(done.err.contains("still arriving"), "{done:?}"),
        }
    }
    assert!(answered >= 1);
    let whole = stage.json(&["conversations", "show", &id, "--all"]).await;
    let messages = whole["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2 * (2 + 3 + answered), "{whole}");
    for pair in messages.chunks(2) {
        let (question, answer) = (pair[0]["content"].as_str().unwrap(), pair[1]["content"].as_str().unwrap());
        assert_eq!((answer, &pair[1]["state"]), (format!("Answer to {question}.").as_str(), &"done".into()));
    }
    assert!(messages.iter().all(|message| message["content"] != "too early"), "a refused question is not kept");
    assert_eq!(
        whole["conversation"]["title"].as_str().or(whole["conversation"]["row"]["title"].as_str()),
        Some("Renamed meanwhile")
    );
    term.key("ctrl+q");
    assert!(term.wait(SOON).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_and_an_output_that_is_closed_are_no_failures() {
    let stage = Stage::signed_in().await;
    let long = "a line of a long answer\n".repeat(8000);
    stage.chat(move |_| Reply::lines(&[piece(&long), crate::common::stage::last()]));
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "at length"]).await.code, Some(0));
    for line in [
        "set -o pipefail; \"$0\" conversations show last --all | head -1",
        "set -o pipefail; \"$0\" ask -m demo-chat:3b again | head -1",
        "\"$0\" conversations list >&-",
        "\"$0\" ask -m demo-chat:3b again >&-",
        "\"$0\" ask -m demo-chat:3b again >&- 2>&-",
    ] {
        let mut shell = std::process::Command::new("/bin/bash");
        shell.args(["-c", line, PROGRAM]).env_clear().envs(crate::common::environment(stage.home()));
        shell.env("OLLAMA_HOST", stage.fake.url()).current_dir(stage.home());
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let done = crate::common::stage::finish(shell.spawn().unwrap()).await;
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{line}: {done:?}");
    }
}
