//! Installing and removing models on screen: the real program in a terminal, killed in the middle of its downloads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ollamanet::fake::{Gate, Pace, Part, Reply, Seen, StandIn};
use serde_json::{Value, json};

use crate::common::stage::{Stage, last, piece};

const WHOLE: u64 = 2_000_000_000;
const HALF: u64 = 1_000_000_000;

/// An Ollama that keeps what it has of a download, as the real one does, and lets none end before the test says so.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    installed: BTreeSet<String>,
    /// What is there of each.
    come: BTreeMap<String, u64>,
    gates: BTreeMap<String, Gate>,
    /// Which of them were asked for, and how much of them was there then.
    begun: Vec<(String, u64)>,
    /// These go wrong the next time.
    failing: BTreeSet<String>,
}

impl Shop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the download of this model end well, now or when it comes.
    fn finish(&self, name: &str) {
        let mut state = self.state();
        state.installed.insert(name.to_owned());
        state.gates.entry(name.to_owned()).or_default().release();
    }

    fn asked_for(&self, name: &str) -> Vec<u64> {
        self.state().begun.iter().filter(|(known, _)| known == name).map(|(_, there)| *there).collect()
    }

    fn answer(&self, request: &Seen, rest: &StandIn) -> Reply {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/tags") => Reply::json(200, &json!({ "models": self.tags() })),
            ("POST", "/api/pull") => self.pull(request.json()["model"].as_str().unwrap_or_default()),
            ("DELETE", "/api/delete") => {
                let was = self.state().installed.remove(request.json()["model"].as_str().unwrap_or_default());
                if was { Reply::status(200) } else { Reply::error(404, "model not found") }
            }
            ("POST", "/api/chat") if !request.json()["messages"].to_string().to_lowercase().contains("title") => {
                Reply::lines([&piece("Good day."), &last()])
            }
            _ => rest.reply(request),
        }
    }

    fn tags(&self) -> Vec<Value> {
        let state = self.state();
        let names = state.installed.iter().map(String::as_str).chain(["demo-chat:3b"]);
        let tag = |name: &str| {
            json!({ "name": name, "model": name, "modified_at": "2026-11-24T10:00:00Z", "size": WHOLE,
                    "digest": "a".repeat(64),
                    "details": { "format": "gguf", "family": "llama", "families": ["llama"],
                                 "parameter_size": "3B", "quantization_level": "Q4_K_M" } })
        };
        names.map(tag).collect()
    }

    fn pull(&self, name: &str) -> Reply {
        let mut state = self.state();
        let there = state.come.get(name).copied().unwrap_or_default();
        state.begun.push((name.to_owned(), there));
        let digest = format!("sha256:{:0<64}", "abc");
        let layer = |done: u64| json!({ "status": "pulling abc000000000", "digest": digest, "total": WHOLE, "completed": done });
        let line = |value: &Value| Part::Bytes(format!("{value}\n").into_bytes());
        let mut reply = Reply::stream();
        reply.parts.push(line(&json!({ "status": "pulling manifest" })));
        reply.parts.push(line(&layer(there)));
        if state.failing.remove(name) {
            reply.parts.push(line(&json!({ "error": "max retries exceeded: unexpected EOF" })));
            return reply;
        }
        state.come.insert(name.to_owned(), HALF.max(there));
        reply.parts.push(line(&layer(HALF.max(there))));
        reply.parts.push(Part::Hold(state.gates.entry(name.to_owned()).or_default().clone()));
        reply.parts.push(line(&layer(WHOLE)));
        reply.parts.push(line(&json!({ "status": "verifying sha256 digest" })));
        reply.parts.push(line(&json!({ "status": "success" })));
        reply
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_go_on_beside_the_chat_and_after_a_kill_and_two_models_are_removed_in_one_go() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        let (shop, rest) = (Shop::default(), StandIn::new(Pace::instant()));
        shop.state().failing.insert("gemma3:1b".to_owned());
        let answering = shop.clone();
        stage.fake.answer(move |request| Some(answering.answer(request, &rest)));
        let mut term = stage.terminal(columns, rows);
        term.until("Write a message");
        term.send("\u{1b}2");
        // The list is there, with a model under the cursor.
        term.until("✓ here");
        // Three at once: tried dry, then begun, two at a time.
        term.send("i");
        term.until("Install models");
        // Whatever model stood under the cursor is not meant.
        term.send("\u{15}").send("llama3.2:3b qwen3:4b gemma3:1b").key("enter");
        term.until("All 3 can be done.");
        term.key("enter");
        term.until("3 jobs are in line.");
        term.send("2");
        term.until("2 running, 1 waiting");
        let screen = term.until("50 %");
        assert!(screen.contains("llama3.2:3b") && screen.contains("gemma3:1b"), "{screen}");
        // Meanwhile somebody chats.
        term.send("\u{1b}1");
        term.until("Write a message");
        term.send("hello").key("enter");
        term.until("Good day.");
        // As a power cut would end it.
        term.kill();
        let mut term = stage.terminal(columns, rows);
        term.until("Write a message");
        // The tray tells the same as the tab.
        term.send("\u{1b}[17~");
        term.until("Background work");
        term.until("50 %");
        term.until_screen("both go on", |_| {
            ["llama3.2:3b", "qwen3:4b"].iter().all(|name| shop.asked_for(name).last() == Some(&HALF))
        });
        term.key("esc");
        term.send("\u{1b}2").send("2");
        term.until("2 running, 1 waiting");
        shop.finish("llama3.2:3b");
        // The third comes up, fails at first, and is tried again by itself or by a key.
        term.until("again at");
        shop.finish("qwen3:4b");
        shop.finish("gemma3:1b");
        term.send("g").send("j").send("r");
        term.until_screen("all three are there", |screen| screen.matches("✓ install").count() == 3);
        assert!(shop.asked_for("gemma3:1b").len() >= 2);
        // Two go again, by a list in a file, after the dry run and the question.
        let list = stage.home().join("fleet.toml");
        std::fs::write(&list, "remove = [\"llama3.2:3b\", \"qwen3:4b\"]\n").unwrap();
        term.send("1").send("I");
        term.until("Do what a list says");
        term.send("\u{15}").send(list.to_str().unwrap()).key("enter");
        term.until("Remove from this machine?");
        let screen = term.until("llama3.2:3b");
        assert!(screen.contains("qwen3:4b") && screen.contains("stay"), "what goes and what stays is named:\n{screen}");
        assert_eq!(shop.state().installed.len(), 3, "nothing goes before the answer");
        term.send("2");
        term.until("2 jobs are in line.");
        term.send("2");
        term.until_screen("both are gone", |screen| screen.matches("✓ remove").count() == 2);
        let left: Vec<String> = shop.state().installed.iter().cloned().collect();
        assert_eq!(left, ["gemma3:1b"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_model_is_installed_by_one_key_and_then_answers() {
    let stage = Stage::signed_in().await;
    let (shop, rest) = (Shop::default(), StandIn::new(Pace::instant()));
    let answering = shop.clone();
    stage.fake.answer(move |request| {
        let only_its_own = request.path == "/api/tags" && answering.state().installed.is_empty();
        Some(if only_its_own { Reply::json(200, &json!({ "models": [] })) } else { answering.answer(request, &rest) })
    });
    let mut term = stage.terminal(80, 24);
    term.until("Ollama has no model yet.");
    let screen = term.until("These fit this machine:");
    let first = screen.lines().find_map(|line| line.split('›').nth(1)).unwrap().split_whitespace().next().unwrap();
    let first = first.to_owned();
    term.key("f8");
    term.until(&format!("{first} is being installed."));
    term.until("50 %");
    shop.finish(&first);
    term.until("Ask something.");
    term.send("hello").key("enter");
    term.until("Good day.");
}
