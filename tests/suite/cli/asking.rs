//! `ask`: what is asked, what comes out where, and how it ends.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_on_standard_input_comes_before_the_prompt() {
    let stage = Stage::signed_in().await;
    let done = stage.with_input(&["ask", "Summarise", "this."], "first line\nsecond line\n").await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.contains("stand-in") && done.out.ends_with('\n'), "{}", done.out);
    assert_eq!(done.err, "");
    let chat = stage.fake.requests().into_iter().find(|request| request.path == "/api/chat").unwrap().json();
    assert_eq!(chat["messages"][0], json!({ "role": "user", "content": "first line\nsecond line\n\nSummarise this." }));

    let empty = stage.with_input(&["ask"], " \n").await;
    assert_eq!(empty.code, Some(2), "{empty:?}");
    let not_text = {
        let mut child = stage.command(&["ask"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"\xff\xfe\x00").unwrap();
        finish(child).await
    };
    assert_eq!(not_text.code, Some(2), "{not_text:?}");
    assert!(not_text.err.contains("UTF-8"), "{}", not_text.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_json_is_one_object_on_each_line() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::lines(&[piece("Hello\u{1b}[31m "), piece("there\u{202e}."), last()]));
    let done = stage.run(&["ask", "--json", "hi"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_plain("ask --json", &done.out);
    let lines: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["type"], "started");
    let said: String = lines.iter().filter_map(|line| line["content"].as_str()).collect();
    assert_eq!(said, "Hello\u{1b}[31m there\u{202e}.");
    let end = lines.last().unwrap();
    assert_eq!((&end["type"], &end["state"], &end["fault"]), (&json!("ended"), &json!("done"), &Value::Null));
    assert_eq!(end["message"]["content"], said.as_str());
    assert_eq!(end["tokens_per_second"], 1000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_and_files_reach_the_model() {
    let stage = Stage::signed_in().await;
    fs::write(stage.home().join("notes.txt"), "the secret ingredient is thyme").unwrap();
    let done = stage
        .run(&[
            "ask",
            "-s",
            "Be brief.",
            "-o",
            "temperature=0.2",
            "-o",
            "seed=7",
            "--format=json",
            "-f",
            "notes.txt",
            "What is it?",
        ])
        .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let chat = stage.fake.requests().into_iter().find(|request| request.path == "/api/chat").unwrap().json();
    assert_eq!(chat["messages"][0], json!({ "role": "system", "content": "Be brief." }));
    assert!(chat["messages"][1]["content"].as_str().unwrap().contains("thyme"), "{chat}");
    assert_eq!((&chat["options"]["temperature"], &chat["options"]["seed"]), (&json!(0.2), &json!(7)));
    assert_eq!(chat["format"], "json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thinking_goes_to_standard_error_and_only_when_asked() {
    let stage = Stage::signed_in().await;
    let thought = json!({ "model": "demo-think:8b", "created_at": "2026-11-24T10:00:00Z", "done": false,
                          "message": { "role": "assistant", "content": "", "thinking": "hm\u{1b}[5m, well" } });
    stage.chat(move |_| Reply::lines(&[thought.clone(), piece("Yes."), last()]));
    let loud = stage.run(&["ask", "-m", "demo-think:8b", "--think", "really?"]).await;
    assert_eq!((loud.code, loud.out.as_str()), (Some(0), "Yes.\n"), "{loud:?}");
    assert!(loud.err.contains("hm") && loud.err.contains(", well"), "{}", loud.err);
    assert_plain("thinking", &loud.err);
    let quiet = stage.run(&["ask", "-m", "demo-think:8b", "really?"]).await;
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("Yes.\n", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_by_last_id_and_title() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["ask", "What is a wombat?"]).await.code, Some(0));
    let listed = stage.json(&["conversations", "list"]).await;
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.run(&["conversations", "rename", "last", "Wombats"]).await.code, Some(0));
    for args in [
        &["ask", "-c", "And its cousin?"][..],
        &["ask", "-c", "last", "And its cousin?"],
        &["ask", &format!("-c={}", &id[28..]), "And its cousin?"],
        &["ask", "--continue=wombats", "And its cousin?"],
    ] {
        let done = stage.run(args).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    }
    let listed = stage.json(&["conversations", "list"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["messages"], &listed[0]["title"]), (&json!(10), &json!("Wombats")));
    let chat = stage.fake.requests().into_iter().rfind(|request| request.path == "/api/chat").unwrap().json();
    assert_eq!(chat["messages"].as_array().unwrap().len(), 9);
    let missing = stage.run(&["ask", "-c=no such thing", "hello"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_ollama_have_their_codes() {
    let stage = Stage::signed_in().await;
    let missing = stage.run(&["ask", "-m", "nope:1b", "hello"]).await;
    assert_eq!((missing.code, missing.out.as_str()), (Some(4), ""), "{missing:?}");
    assert!(missing.err.contains("nope:1b"), "{}", missing.err);

    let mut gone = stage.command(&["ask", "-m", "demo-chat:3b", "hello"]);
    gone.env("OLLAMA_HOST", "127.0.0.1:1");
    let done = finish(gone.spawn().unwrap()).await;
    assert_eq!((done.code, done.out.as_str()), (Some(3), ""), "{done:?}");

    stage.chat(|_| Reply::lines(&[piece("Half an an"), json!({ "error": "the model \u{1b}[31mburst" })]));
    let broken = stage.run(&["ask", "-m", "demo-chat:3b", "hello"]).await;
    assert_eq!((broken.code, broken.out.as_str()), (Some(1), "Half an an\n"), "{broken:?}");
    assert_plain("a foreign error", &broken.err);

    stage.chat(|_| Reply::stream().line(&piece("Cut ")).line(&piece("off")).part(Part::Cut));
    let cut = stage.run(&["ask", "-m", "demo-chat:3b", "hello"]).await;
    assert_eq!((cut.code, cut.out.as_str()), (Some(3), "Cut off\n"), "{cut:?}");
    let shown = stage.run(&["conversations", "show", "last"]).await;
    assert!(shown.out.contains("Cut off"), "{}", shown.out);

    let mut in_the_clear = stage.command(&["ask", "-m", "demo-chat:3b", "hello"]);
    in_the_clear.env("OLLAMA_HOST", "http://[fe80::1]:11434");
    let refused = finish(in_the_clear.spawn().unwrap()).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.err.contains("not encrypted"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_days_of_ollama_end_in_a_code_and_a_sentence_and_what_came_is_kept() {
    let stage = Stage::signed_in().await;
    let begun = || Reply::stream().line(&piece("So far"));
    let busy = "server busy, please try again.  maximum pending requests exceeded";
    for (what, reply, code, sentence) in [
        (
            "a redirect",
            Reply::status(302).header("Location", "http://127.0.0.1:1/api/chat"),
            3,
            "sends callers to another address",
        ),
        ("an endless line", begun().part(Part::Endless(vec![b'x'; 256 * 1024])), 1, "a line longer than 8 MiB"),
        ("a wrong option", Reply::error(400, "option \"top_k\" must be of type integer"), 2, "refuses an option"),
        ("a full queue", Reply::error(503, busy), 1, "too many requests are waiting"),
        ("garbage", begun().bytes("%$ no JSON\n"), 1, "a line in it that cannot be read"),
        ("no end", begun(), 1, "ended without the model saying that it was done"),
        ("a sign-in", Reply::error(401, "unauthorized"), 1, "asks for a sign-in"),
        ("a limit", Reply::error(429, "weekly usage limit"), 1, "The limit at ollama.com is reached"),
        ("an old version", Reply::text(404, "text/plain", "404 page not found"), 1, "does not know that request"),
        ("a proxy", Reply::text(502, "text/html", "<html>bad gateway</html>"), 3, "Ollama failed (status 502)"),
    ] {
        let came = if reply.framing == Framing::Chunked { "So far" } else { "" };
        stage.chat(move |_| reply.clone());
        let done = stage.run(&["ask", "-m", "demo-chat:3b", "hello"]).await;
        let printed = if came.is_empty() { String::new() } else { format!("{came}\n") };
        assert_eq!((done.code, &done.out), (Some(code), &printed), "{what}: {done:?}");
        assert!(done.err.contains(sentence), "{what}: {}", done.err);
        let kept = stage.json(&["conversations", "show", "last"]).await;
        let answer = &kept["messages"][1];
        assert_eq!((&answer["state"], &answer["content"]), (&json!("failed"), &json!(came)), "{what}");
        assert!(answer["error"].as_str().is_some_and(|why| why.contains(sentence)), "{what}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_keeps_what_came_and_ends_with_130() {
    let stage = Stage::signed_in().await;
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| Reply::stream().line(&piece("The first half")).part(Part::Hold(held.clone())).line(&last()));
    let mut child = stage.command(&["ask", "-m", "demo-chat:3b", "tell me"]).spawn().unwrap();
    // Its text is on standard output before the signal comes.
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 14];
    let (stdout, first) = tokio::task::spawn_blocking(move || {
        stdout.read_exact(&mut first).unwrap();
        (stdout, first)
    })
    .await
    .unwrap();
    assert_eq!(&first, b"The first half");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let done = finish(child).await;
    drop(stdout);
    assert_eq!(done.code, Some(130), "{done:?}");
    gate.release();
    let shown = stage.run(&["conversations", "show", "last"]).await;
    assert!(shown.out.contains("· stopped\nThe first half\n"), "{}", shown.out);
    let json = stage.json(&["conversations", "show", "last"]).await;
    assert_eq!(json["messages"][1]["state"], "stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_enough_is_no_failure() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::stream().part(Part::Endless(format!("{}\n", piece("again and again\n")).into_bytes())));
    let mut child = stage.command(&["ask", "-m", "demo-chat:3b", "go"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let first = tokio::task::spawn_blocking(move || {
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        // The reader is dropped here, as `head -1` would leave.
        first
    })
    .await
    .unwrap();
    assert_eq!(first, "again and again\n");
    let stderr = child.stderr.take().unwrap();
    let status = wait(child).await;
    let mut said = String::new();
    BufReader::new(stderr).read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), status.signal(), said.as_str()), (Some(0), None, ""));
    // The model was told to stop.
    stage.fake.idle().await;

    let mut child = stage.command(&["config", "default"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(wait(child).await.code(), Some(0));
}

/// Waits until a child stands before a pipe that takes no more.
async fn until_full(pipe: &impl std::os::fd::AsFd) {
    // A pipe takes 64 KiB; a page that a small write would not fit into counts as taken.
    until("the pipe is full", || rustix::io::ioctl_fionread(pipe).unwrap() >= 60_000).await;
}

/// Sends the signal and gives the exit code, which must come soon although nobody reads.
async fn stopped_by(mut child: Child, signal: rustix::process::Signal) -> Option<i32> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            match child.try_wait().unwrap() {
                Some(status) => return status.code(),
                None => tokio::task::yield_now().await,
            }
        }
    });
    let code = ended.await;
    let _ = child.kill();
    code.expect("a stop ends a command that nobody reads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_heard_behind_a_pipe_that_nobody_reads() {
    use rustix::process::Signal;
    let stage = Stage::signed_in().await;
    let long = "a line of a long answer\n".repeat(8000);
    stage.chat(move |_| Reply::lines(&[piece(&long), last()]));
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "at length, please"]).await.code, Some(0));
    for (args, signal, code) in [
        (&["conversations", "show", "last", "--all"][..], Signal::TERM, 143),
        (&["conversations", "show", "last", "--all"], Signal::INT, 130),
        (&["conversations", "show", "last", "--json"], Signal::TERM, 143),
        (&["conversations", "show", "last", "--json"], Signal::HUP, 129),
    ] {
        let mut child = stage.command(args).spawn().unwrap();
        let unread = child.stdout.take().unwrap();
        until_full(&unread).await;
        assert_eq!(stopped_by(child, signal).await, Some(code), "{args:?} {signal:?}");
    }
    // An answer: stopped, stored, and what is left of it keeps nobody.
    stage.chat(|_| Reply::stream().part(Part::Endless(format!("{}\n", piece("on and on ")).into_bytes())));
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut child = stage.command(&["ask", "-m", "demo-chat:3b", "for ever"]).spawn().unwrap();
        let unread = child.stdout.take().unwrap();
        until_full(&unread).await;
        assert_eq!(stopped_by(child, signal).await, Some(code), "ask {signal:?}");
        stage.fake.idle().await;
        let shown = stage.json(&["conversations", "show", "last"]).await;
        assert_eq!(shown["messages"][1]["state"], "stopped");
    }
    // Standard error and standard output in one pipe, as `2>&1` makes it.
    let (unread, both) = std::io::pipe().unwrap();
    let mut command = stage.command(&["ask", "-m", "demo-chat:3b", "for ever"]);
    let child = command.stdout(both.try_clone().unwrap()).stderr(both).spawn().unwrap();
    drop(command);
    until_full(&unread).await;
    assert_eq!(stopped_by(child, Signal::TERM).await, Some(143));
}

/// An answer whose first byte, header included, waits for the test.
fn held_back(gate: &Gate) -> Reply {
    let mut reply = Reply::lines(&[piece("Here I am."), last()]);
    reply.before.push(Part::Hold(gate.clone()));
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_takes_its_time_is_said_to_be_loading_until_it_speaks() {
    let stage = Stage::signed_in().await;
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| held_back(&held));
    let ask = ["ask", "-m", "demo-chat:3b", "are you there?"];
    let mut term = Program::new(stage.home(), &ask).env("OLLAMA_HOST", stage.fake.url()).start(80, 24);
    term.until("ollamanet: The model is loading · 2 s");
    // It counts on.
    term.until("ollamanet: The model is loading · 3 s");
    gate.release();
    assert!(term.wait(PATIENCE).success());
    assert_eq!(term.screen_at_the_end().trim_end(), "Here I am.", "the line is taken away again");

    // The interface says the same, in its own place.
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| held_back(&held));
    let mut term = stage.terminal(100, 30);
    term.until("send");
    term.send("and now?").key("enter");
    term.until("the model is loading · 2 s");
    gate.release();
    term.until("Here I am.");
    term.until_gone("the model is loading");

    // A pipe is told nothing: it may be a file, or a program.
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| held_back(&held));
    let child = stage.command(&ask).spawn().unwrap();
    gate.reached().await;
    let three_seconds = std::time::Instant::now() + std::time::Duration::from_secs(3);
    until("longer than the silence that is told", || std::time::Instant::now() > three_seconds).await;
    gate.release();
    let done = finish(child).await;
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (Some(0), "Here I am.\n", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_of_thinking_is_understood_with_and_without_its_sign() {
    let stage = Stage::signed_in().await;
    for args in [&["--think", "high", "is it so?"][..], &["--think=high", "is it so?"]] {
        let done = stage.run(&[&["ask", "-m", "demo-think:8b"], args].concat()).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let requests = stage.fake.requests();
    let chats = requests.iter().filter(|request| request.path == "/api/chat").map(Seen::json);
    let asked: Vec<Value> = chats.filter(|chat| chat["messages"][0]["content"] == "is it so?").collect();
    assert_eq!(asked.iter().map(|chat| &chat["think"]).collect::<Vec<_>>(), ["high", "high"], "{asked:?}");
}
