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
