//! One's own use in figures, from an answer to the lines of a spreadsheet.

use ollamanet::fake::Reply;
use serde_json::json;

use crate::common::{
    pty::Program,
    stage::{Stage, last, piece},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_is_told_as_text_csv_and_json() {
    let stage = Stage::signed_in().await;
    let empty = stage.run(&["insights"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""), "{empty:?}");
    assert!(empty.err.contains("Nothing was said") && empty.err.contains("ollamanet ask"), "{}", empty.err);

    stage.chat(|_| Reply::lines(&[piece("Hello "), piece("there."), last()]));
    assert_eq!(stage.run(&["folders", "create", "work"]).await.code, Some(0));
    for question in [&["ask", "-m", "demo-chat:3b", "--folder", "work", "one"][..], &["ask", "-c", "two"]] {
        assert_eq!(stage.run(question).await.code, Some(0));
    }
    stage.chat(|_| Reply::error(500, "out of memory"));
    assert_ne!(stage.run(&["ask", "three"]).await.code, Some(0));

    let shown = stage.json(&["insights", "--period", "7d"]).await;
    let total = &shown["total"];
    assert_eq!((&total["asked"], &total["answer_tokens"], &total["prompt_tokens"]), (&json!(3), &json!(4), &json!(18)));
    assert_eq!(total["answers"], json!({ "done": 2, "length": 0, "stopped": 0, "interrupted": 0, "failed": 1 }));
    assert_eq!(total["tokens_per_second"], 1000.0);
    assert_eq!((&shown["active_days"], &shown["streak"]), (&json!(1), &json!(1)));
    assert_eq!(shown["stretches"].as_array().unwrap().len(), 7);
    assert_eq!(shown["longest"][0]["messages"], 4);

    let csv = stage.run(&["insights", "--csv", "--by", "folder"]).await;
    assert_eq!((csv.code, csv.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = csv.out.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "a heading, two folders, and the end of the last line: {lines:?}");
    assert!(lines[0].starts_with("folder,asked,answered,done,"), "{}", lines[0]);
    assert!(lines[1].starts_with("work,2,2,2,0,0,0,0,18,4,"), "{}", lines[1]);
    assert!(lines[2].starts_with(",1,1,0,0,0,0,1,"), "{}", lines[2]);

    let of_folder = stage.json(&["insights", "--folder", "work", "--by", "model"]).await;
    assert_eq!(
        (&of_folder[0]["model"], &of_folder[0]["figures"]["answers"]["done"]),
        (&json!("demo-chat:3b"), &json!(2))
    );
    assert_eq!(of_folder[0]["figures"]["asked"], json!(null), "a question belongs to no model");
    let of_another = stage.json(&["insights", "--model", "another:1b"]).await;
    assert_eq!(of_another["total"]["answers"]["done"], 0);

    let text = stage.run(&["insights"]).await.out;
    for part in
        ["asked         3\n", "answered      3 (2 done, 1 failed)\n", "18 in, 4 out", "1000.0 tok/s", "        4  one"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let hours = stage.run(&["insights", "--by", "hour"]).await.out;
    assert_eq!((hours.lines().count(), hours.matches('·').count()), (8, 7 * 24 - 1), "{hours}");
    assert!(stage.run(&["insights", "--by", "day"]).await.out.lines().count() == 31);

    for wrong in [&["insights", "--csv", "--json"][..], &["insights", "--period", "8d"], &["insights", "--by", "mood"]]
    {
        assert_eq!(stage.run(wrong).await.code, Some(2), "{wrong:?}");
    }
    let nowhere = stage.run(&["insights", "--folder", "nowhere"]).await;
    assert!(nowhere.code == Some(1) && nowhere.err.contains("nowhere"), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alt_5_shows_what_was_said_and_a_bar_leads_back_to_it() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        stage.chat(|_| Reply::lines(&[piece("Hello "), piece("there."), last()]));
        for question in ["the first question", "the second question"] {
            assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
        }
        let mut term = stage.terminal(columns, rows);
        term.until("Ask something");
        term.send("\x1b5");
        // A frame arrives in pieces.
        for part in ["2 asked, 2 answered", "1000.0 tok/s", "100 % done"] {
            term.until(part);
        }
        term.assert_redraw_changes_nothing("the overview");
        // The figures of a model alone, and everything again.
        term.send("2");
        term.until("demo-chat:3b");
        term.key("enter");
        term.until("model demo-chat:3b");
        term.key("esc");
        term.until("2 asked, 2 answered");
        // What is asked elsewhere meanwhile is counted without a key.
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "the third question"]).await.code, Some(0));
        term.until("3 asked, 3 answered");
        // To a file, which is not written over.
        for told in ["The figures are in", "give another name"] {
            term.send("x");
            term.until("Write figures to a file");
            term.key("enter");
            term.until(told);
        }
        let written = std::fs::read_dir(stage.home()).unwrap().filter_map(Result::ok);
        let name = written
            .map(|entry| entry.file_name().into_string().unwrap())
            .find(|name| name.starts_with("ollamanet-insights-"));
        let csv = std::fs::read_to_string(stage.home().join(name.expect("a file"))).unwrap();
        assert_eq!(csv.lines().count(), 31, "a heading and thirty days: {csv}");
        term.key("esc");
        term.until_gone("Write figures to a file");
        // The day, its conversations, and one of them.
        term.key("enter");
        for part in ["Conversations of", "> the third question", "  the first question"] {
            term.until(part);
        }
        term.key("down").key("enter");
        term.until_gone("Conversations of");
        term.until("Hello there.");
        term.until("the second question");
        // Its own figures stand in the side panel, on the last row of the form.
        term.key("f4");
        term.until("2 messages");
        for _ in 0..14 {
            term.key("down");
        }
        term.until("1 asked, 1 answered");
    }
}

/// Nothing moves without a reason, also while the program looks every few seconds whether Ollama is still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_that_nobody_touches_are_not_drawn_again() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::lines(&[piece("Hello "), piece("there."), last()]));
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "a question"]).await.code, Some(0));
    let program = Program::new(stage.home(), &["--set", "health.every_seconds=5"]);
    let mut term = program.env("OLLAMA_HOST", stage.fake.url()).start(120, 36);
    term.until("Ask something");
    term.send("\x1b5");
    for part in ["1 asked, 1 answered", "1000.0 tok/s", "100 % done"] {
        term.until(part);
    }
    term.assert_redraw_changes_nothing("the overview");
    term.until_quiet();
    let looks = || stage.fake.requests().iter().filter(|seen| seen.path == "/api/version").count();
    let (drawn, looked) = (term.raw().len(), looks());
    // When the second look begins, the answer to the first has been taken in.
    crate::common::until("two more looks at Ollama", || looks() > looked + 1).await;
    // That the question was asked in another process has the models read once more, and nothing about them is new.
    let since = String::from_utf8_lossy(&term.raw()[drawn..]).into_owned();
    assert_eq!(since, "", "it draws although nothing changed");
}
