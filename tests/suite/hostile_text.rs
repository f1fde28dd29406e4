//! Hostile text through every door of the real program: what reaches the terminal are our own sequences and nothing else.

use ollamanet::fake::{Pace, Reply, StandIn};
use serde_json::{Value, json};

use crate::common::{
    pty::Term,
    sequences::{attacks_by_kind, in_command, in_interface},
    stage::{Done, Stage, last, piece},
};

/// Every text of the collection that is not meant to survive.
fn attacks() -> Vec<String> {
    let all: Vec<String> =
        attacks_by_kind().into_iter().filter(|(kind, ..)| kind != "valid").map(|(_, _, text)| text).collect();
    assert!(all.len() > 50, "the collection is read");
    all
}

/// Short ones, for names and titles.
fn short() -> Vec<String> {
    attacks().into_iter().filter(|text| text.len() < 60 && !text.contains('\u{0}')).collect()
}

/// Cut in the middle of whatever it is, as a stream may be.
fn in_two(text: &str) -> (&str, &str) {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    text.split_at(middle)
}

fn tags(names: &[String]) -> Value {
    let models: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({ "name": name, "model": name, "modified_at": "2026-11-22T21:07:02Z", "size": 1_000_000_000_u64,
                    "digest": "d0d0", "capabilities": ["completion", name],
                    "details": { "format": "gguf", "family": name, "families": [name], "parameter_size": name,
                                 "quantization_level": name, "context_length": 8192 } })
        })
        .collect();
    json!({ "models": models })
}

/// An Ollama whose every word is an attack: names, answers, thoughts, titles, errors.
fn turn_hostile(stage: &Stage) {
    let (long, names) = (attacks(), short());
    let rest = StandIn::new(Pace::instant());
    let mut models: Vec<String> = vec!["demo-chat:3b".to_owned()];
    models.extend(names.iter().take(12).map(|name| format!("evil{name}:latest")));
    stage.fake.answer(move |request| {
        let chat = request.json();
        let asked = chat["messages"].as_array().and_then(|all| all.last()).map(|last| last["content"].to_string());
        let asked = asked.unwrap_or_default();
        Some(match request.path.as_str() {
            "/api/tags" => Reply::json(200, &tags(&models)),
            "/api/chat" if asked.contains("fail") => Reply::error(500, &names.join(" ")),
            "/api/chat" if asked.to_lowercase().contains("title") && chat["stream"] == false => {
                let mut end = last();
                end["message"]["content"] = json!(format!("Title {}", names.join(" ")));
                Reply::json(200, &end)
            }
            "/api/chat" => {
                let mut reply = Reply::stream();
                for text in &long {
                    let (head, tail) = in_two(text);
                    let mut thought = piece("");
                    thought["message"]["thinking"] = json!(head);
                    reply = reply.line(&thought).line(&piece(head)).line(&piece(&format!("{tail}\n\n")));
                }
                for name in &names {
                    let mut call = piece("");
                    call["message"]["tool_calls"] =
                        json!([{ "function": { "name": name, "arguments": { name.as_str(): name } } }]);
                    reply = reply.line(&call);
                }
                reply.line(&piece("THE END")).line(&last())
            }
            _ => rest.reply(request),
        })
    });
}

fn assert_ours(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}: {} strange things, first {:?}", found.len(), &found[..found.len().min(8)]);
}

/// A command lets no control byte out but the newline.
fn assert_plain(what: &str, done: &Done) {
    assert_ours(what, &in_command(done.out.as_bytes()));
    assert_ours(&format!("{what} to standard error"), &in_command(done.err.as_bytes()));
}

/// Walks through all that can be seen.
fn look_around(term: &mut Term) {
    term.assert_redraw_changes_nothing("the end of the answer");
    for _ in 0..3 {
        term.key("pageup");
    }
    term.assert_redraw_changes_nothing("further up");
    term.key("ctrl+o");
    term.until("╭ Model");
    term.assert_redraw_changes_nothing("the models");
    term.key("esc");
    term.until_gone("╭ Model");
    term.key("f4");
    term.key("f1");
    term.until("Keys");
    term.assert_redraw_changes_nothing("the keys");
    // Escape and the next key in one breath would be Alt and that key.
    term.key("esc");
    term.until_gone("╭ Keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interface_full_of_hostile_text_sends_only_its_own_sequences() {
    let stage = Stage::signed_in().await;
    turn_hostile(&stage);
    // A prompt, a title and a folder that came in by the command line.
    for (number, name) in short().iter().take(10).enumerate() {
        let made = stage.run(&["folders", "create", &format!("folder{number}{name}")]).await;
        assert!(made.code == Some(0) || made.code == Some(2), "{made:?}");
        assert_plain("folders create", &made);
    }
    // A conversation whose title is an attack, with files whose names are attacks: through the command line as well.
    for (number, name) in short().iter().filter(|name| !name.contains('/')).take(12).enumerate() {
        let file = format!("file{number}{name}.txt");
        std::fs::write(stage.home().join(&file), format!("inside {name}")).unwrap();
        let asked = stage.run(&["ask", "-m", "demo-chat:3b", "-f", &file, "please fail"]).await;
        assert_plain("ask -f", &asked);
        let renamed = stage.run(&["conversations", "rename", "last", &format!("title{number}{name}")]).await;
        assert_plain("conversations rename", &renamed);
        assert_plain("conversations show", &stage.run(&["conversations", "show", "last"]).await);
    }
    let mut term = stage.terminal(120, 36);
    term.until("send");
    term.paste("a pasted \u{1b}]0;title\u{7} prompt \u{202e} with \u{9b}31m traps");
    // A key that comes in one breath with a paste counts as part of it.
    term.until("traps");
    term.key("enter");
    term.until("not executed");
    term.until_gone("answering");
    term.until("Title a");
    look_around(&mut term);
    term.key("ctrl+n").send("please fail").key("enter");
    term.until_screen("the failure", |screen| screen.contains("failed"));
    term.resize(80, 24);
    look_around(&mut term);
    term.key("ctrl+q");
    term.wait(crate::common::pty::PATIENCE);
    assert_ours("the interface", &in_interface(&term.raw()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_print_hostile_text_harmlessly() {
    let stage = Stage::signed_in().await;
    turn_hostile(&stage);
    for args in [
        &["ask", "-m", "demo-chat:3b", "--think=on", "tell me everything"][..],
        &["ask", "-m", "demo-chat:3b", "please fail"],
        &["models", "list"],
        &["models", "list", "--json"],
        &["models", "show", "demo-chat:3b"],
        &["conversations", "list"],
        &["conversations", "list", "--json"],
        &["conversations", "show", "last"],
        &["health"],
        &["doctor"],
        &["folders", "list"],
    ] {
        let done = stage.run(args).await;
        assert_plain(&format!("{args:?}"), &done);
    }
    for name in short() {
        let done = stage.run(&["ask", "-m", &name, "x"]).await;
        assert_plain(&format!("a model named {name:?}"), &done);
    }
}
