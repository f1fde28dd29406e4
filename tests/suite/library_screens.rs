//! Presets and prompt templates on screen: the real program in a terminal.

use ollamanet::fake::Reply;

use crate::common::stage::{Stage, last, piece};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_called_filled_in_and_stands_in_the_composer() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        stage.chat(|_| Reply::lines([&piece("Good day."), &last()]));
        let body = "Translate into {{language=English}}, {{tone:formal|friendly}}: {{text}}";
        assert_eq!(stage.run(&["prompts", "create", "Translate", body]).await.code, Some(0));
        let preset = ["presets", "create", "Strict", "-m", "demo-chat:3b", "-s", "Be strict."];
        assert_eq!(stage.run(&preset).await.code, Some(0));
        assert_eq!(stage.run(&["presets", "default", "strict"]).await.code, Some(0));
        let mut term = stage.terminal(columns, rows);
        // What a new conversation begins with stands in its head line.
        term.until("demo-chat:3b [Strict]");
        term.send("/trans");
        term.until("/Translate");
        term.key("enter");
        let form = term.until("Fill in: Translate");
        assert!(form.contains("‹text›"), "what is missing is named in what comes out:\n{form}");
        term.send("Guten Tag").key("up").send("\u{1b}[C");
        term.until("Translate into English, friendly: Guten Tag");
        term.key("enter");
        term.until_screen("the composer", |screen| {
            screen.contains("> Translate into English, friendly: Guten Tag") && !screen.contains("Fill in")
        });
        assert!(stage.fake.requests().iter().all(|seen| seen.path != "/api/chat"), "nothing was sent by itself");
        term.key("enter");
        term.until("Good day.");
        let asked = stage.fake.requests().iter().find(|seen| seen.path == "/api/chat").unwrap().json();
        assert_eq!(asked["messages"][0]["content"], "Be strict.");
        assert_eq!(asked["messages"][1]["content"], "Translate into English, friendly: Guten Tag");
        let rows = stage.json(&["conversations", "list"]).await;
        assert_eq!(rows.as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presets_are_made_used_written_out_and_taken_back_in_the_library() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        stage.chat(|_| Reply::lines([&piece("Good day."), &last()]));
        let mut term = stage.terminal(columns, rows);
        term.until("Write a message");
        term.send("\u{1b}3").key("tab");
        term.until("No presets yet");
        term.send("n");
        term.until("New preset");
        term.send("Strict")
            .key("enter")
            .send("demo-chat:3b")
            .key("enter")
            .send("seed=7")
            .key("enter")
            .send("Be strict.");
        term.key("enter");
        term.until("The preset “Strict” is saved.");
        term.until("Be strict.");
        term.send("*");
        term.until("★ Strict");
        // All of them go to a file, and what was deleted comes back from it.
        let file = stage.home().join("all.toml");
        term.send("x");
        term.until("Write all presets to this file");
        term.send("\u{15}").send(file.to_str().unwrap()).key("enter");
        term.until("Written to");
        term.send("d");
        term.until("Delete the preset?");
        term.send("2");
        term.until("No presets yet");
        term.send("i");
        term.until("Take presets from this file");
        term.send("\u{15}").send(file.to_str().unwrap()).key("enter");
        term.until("1 added.");
        term.until("› Strict");
        // Used, it stands in the chat's head line and in the request.
        term.key("enter");
        term.until("demo-chat:3b [Strict]");
        term.send("hello").key("enter");
        term.until("Good day.");
        let asked = stage.fake.requests().iter().find(|seen| seen.path == "/api/chat").unwrap().json();
        assert_eq!(asked["messages"][0]["content"], "Be strict.");
        assert_eq!(asked["options"]["seed"], 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_attached_leads_to_its_message() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::lines([&piece("Good day."), &last()]));
    let file = stage.home().join("report.txt");
    std::fs::write(&file, "figures").unwrap();
    let asked = stage.run(&["ask", "-m", "demo-chat:3b", "-f", file.to_str().unwrap(), "what is in it?"]).await;
    assert_eq!(asked.code, Some(0), "{}", asked.err);
    let mut term = stage.terminal(80, 24);
    term.until("Write a message");
    term.send("\u{1b}3").send("\u{1b}[Z");
    term.until("› report.txt");
    term.until("report.txt · text · 7 B");
    term.key("enter");
    term.until("what is in it?");
    term.key("esc");
    term.until("› report.txt");
}
