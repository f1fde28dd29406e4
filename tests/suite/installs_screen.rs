//! Installing, measuring, updating and removing models on screen: the real program in a terminal, killed in the middle of
//! its downloads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ollamanet::fake::{Gate, Pace, Part, Reply, Seen, StandIn};
use serde_json::{Value, json};

use crate::common::{
    pty::{Program, Term},
    registry::Registry,
    stage::{Stage, last, piece},
};

const WHOLE: u64 = 2_000_000_000;
const HALF: u64 = 1_000_000_000;
const MORE: u64 = 1_500_000_000;

/// An Ollama that keeps what it has of a download, as the real one does, and lets none go on before the test says so.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Name and digest.
    installed: BTreeMap<String, String>,
    /// What is there of each.
    come: BTreeMap<String, u64>,
    /// At half of it, and shortly before the end.
    gates: BTreeMap<String, [Gate; 2]>,
    /// Which of them were asked for, and how much of them was there then.
    begun: Vec<(String, u64)>,
    /// These go wrong the next time.
    failing: BTreeSet<String>,
    /// Holds answers in their middle.
    talk: Option<Gate>,
}

impl Shop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gates(&self, name: &str) -> [Gate; 2] {
        self.state().gates.entry(name.to_owned()).or_default().clone()
    }

    /// Lets some more of this model come.
    fn go_on(&self, name: &str) {
        self.gates(name)[0].release();
    }

    /// Lets the download of this model end well, now or when it comes.
    fn finish(&self, name: &str) {
        self.has(name, &"a".repeat(64));
        for gate in self.gates(name) {
            gate.release();
        }
    }

    fn has(&self, name: &str, digest: &str) {
        self.state().installed.insert(name.to_owned(), digest.to_owned());
    }

    fn left(&self) -> Vec<String> {
        self.state().installed.keys().cloned().collect()
    }

    fn asked_for(&self, name: &str) -> Vec<u64> {
        self.state().begun.iter().filter(|(known, _)| known == name).map(|(_, there)| *there).collect()
    }

    fn answer(&self, request: &Seen, rest: &StandIn) -> Reply {
        let model = || request.json()["model"].as_str().unwrap_or_default().to_owned();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/tags") => Reply::json(200, &json!({ "models": self.tags() })),
            ("POST", "/api/pull") => self.pull(&model()),
            ("DELETE", "/api/delete") => match self.state().installed.remove(&model()) {
                Some(_) => Reply::status(200),
                None => Reply::error(404, "model not found"),
            },
            // Whatever it is called, it is one like this.
            ("POST", "/api/show") => {
                let body = json!({ "model": "demo-chat:3b" }).to_string().into_bytes();
                rest.reply(&Seen { body, ..request.clone() })
            }
            ("POST", "/api/chat") if !request.json()["messages"].to_string().to_lowercase().contains("title") => {
                let begun = Reply::lines([&piece("Good ")]);
                let held = self.state().talk.clone().into_iter().map(Part::Hold).fold(begun, Reply::part);
                held.line(&piece("day.")).line(&last())
            }
            _ => rest.reply(request),
        }
    }

    fn tags(&self) -> Vec<Value> {
        let state = self.state();
        let always = ("demo-chat:3b".to_owned(), "b".repeat(64));
        let all = state.installed.clone().into_iter().chain([always]);
        let tag = |(name, digest): (String, String)| {
            json!({ "name": name, "model": name, "modified_at": "2026-11-24T10:00:00Z", "size": WHOLE,
                    "digest": digest,
                    "details": { "format": "gguf", "family": "llama", "families": ["llama"],
                                 "parameter_size": "3B", "quantization_level": "Q4_K_M" } })
        };
        all.map(tag).collect()
    }

    fn pull(&self, name: &str) -> Reply {
        let [more, end] = self.gates(name);
        let mut state = self.state();
        let there = state.come.get(name).copied().unwrap_or_default();
        state.begun.push((name.to_owned(), there));
        let digest = format!("sha256:{:0<64}", "abc");
        let layer = |done: u64| json!({ "status": "pulling abc000000000", "digest": digest, "total": WHOLE, "completed": done });
        let reply = Reply::stream().line(&json!({ "status": "pulling manifest" })).line(&layer(there));
        if state.failing.remove(name) {
            return reply.line(&json!({ "error": "max retries exceeded: unexpected EOF" }));
        }
        state.come.insert(name.to_owned(), HALF.max(there));
        drop(state);
        let (this, of) = (self.clone(), name.to_owned());
        let come = Part::then(move || {
            let mut state = this.state();
            let there = state.come.entry(of.clone()).or_default();
            *there = MORE.max(*there);
        });
        reply
            .line(&layer(HALF.max(there)))
            .part(Part::Hold(more))
            .line(&layer(MORE.max(there)))
            .part(come)
            .part(Part::Hold(end))
            .line(&layer(WHOLE))
            .line(&json!({ "status": "verifying sha256 digest" }))
            .line(&json!({ "status": "success" }))
    }
}

/// The program in a terminal, trusting the registry.
fn open(stage: &Stage, registry: &Registry, (columns, rows): (u16, u16)) -> Term {
    Program::new(stage.home(), &[])
        .env("OLLAMA_HOST", stage.fake.url())
        .env("SSL_CERT_FILE", registry.certificate())
        // What the registry says is asked for each time, and not kept for a moment.
        .env("OLLAMANET_CACHE_MODELS_FRESH_SECONDS", "0")
        .start(columns, rows)
}

/// The names of the marked models, as the list shows them.
fn marked(screen: &str) -> Vec<String> {
    let rows = screen.lines().filter_map(|line| line.split_once("■ ")).map(|(_, rest)| rest);
    rows.filter(|rest| !rest.starts_with(|first: char| first.is_ascii_digit()))
        .filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned()))
        .collect()
}

/// Filters the list until this model stands in it alone, under the cursor.
fn look_for(term: &mut Term, name: &str) {
    term.send("/").send("\u{15}").send(format!("{name} installed:yes"));
    // Long names are cut; what was typed stands in another line.
    let row = format!("›   {}", name.chars().take(16).collect::<String>());
    term.until_screen(&format!("{name} alone"), |screen| screen.contains(" 1 of ") && screen.contains(row.trim_end()));
    term.key("enter");
}

/// One of them is used and liked, and its detail says how it did; then it is measured.
fn used_and_measured(term: &mut Term, one: &str) {
    term.send("1");
    look_for(term, one);
    term.send("a").until("Write a message");
    term.send("hello again").key("enter");
    term.until_screen("its answer has ended", |screen| {
        screen.lines().any(|line| line.contains(one) && line.contains("tok/s"))
    });
    term.key("tab").send("+").until("A good answer");
    term.send("1").key("enter");
    term.until("👍");
    // It is measured as soon as nobody chats, and the table shows that without being asked.
    term.send("\u{1b}2").until("✓ here");
    term.send("B").until("In line: benchmark");
    term.key("enter");
    term.until("quantisation");
    term.send("]]").until("[Use]");
    term.until_screen("how it did", |screen| {
        let has = |label: &str, words: &str| screen.lines().any(|line| line.contains(label) && line.contains(words));
        has("answers", " 1") && has("speed", "tok/s") && has("rated", "+1")
    });
    term.send("]").until("[Benchmarks]");
    term.until("Medians");
    term.key("esc").until("Space mark");
}

/// Nobody asks a registry unasked. What it had and has no more is an update.
fn offered_an_update(term: &mut Term, registry: &Registry, theirs: &str) {
    assert_eq!(registry.asked(), 0);
    look_for(term, theirs);
    term.send(" ").until("■ 1 marked");
    term.send("o").until("It has no update.");
    registry.renew();
    term.send("o").until("It has an update.");
    term.until("↑ update");
}

/// Two go again in one go, after a question that names what goes and what stays; the last by a list in a file.
fn removed(term: &mut Term, stage: &Stage, shop: &Shop, names: &[String], theirs: &str) {
    term.send(" ").until_gone("■ 1 marked");
    term.send("/").send("\u{15}").send("llama3 installed:yes");
    term.until(" 3 of ");
    term.until("›   llama3");
    term.key("enter");
    term.send("g").send(" ").until("■ 1 marked");
    term.send(" ");
    let going = marked(&term.until("■ 2 marked"));
    term.send("d").until("Remove from this machine?");
    let screen = term.until("stay");
    assert!(going.iter().all(|name| screen.contains(name)), "what goes is named:\n{screen}");
    assert_eq!(shop.left().len(), 4, "nothing goes before the answer");
    term.send("2").until("2 jobs are in line.");
    term.send("2");
    term.until_screen("both are gone", |screen| screen.matches("✓ remove").count() == 2);
    let stay = names.iter().find(|name| !going.contains(name)).unwrap();
    assert_eq!(shop.left().into_iter().filter(|name| name != theirs).collect::<Vec<_>>(), [stay.as_str()]);
    // And what a list in a file says is done in the same way.
    let list = stage.home().join("fleet.toml");
    std::fs::write(&list, format!("remove = [\"{stay}\"]\n")).unwrap();
    term.send("1").send("I");
    term.until("Do what a list says");
    term.send("\u{15}").send(list.to_str().unwrap()).key("enter");
    term.until("Remove from this machine?");
    term.send("2").send("2");
    term.until_screen("it is gone", |screen| screen.matches("✓ remove").count() == 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_marked_models_come_beside_a_chat_and_after_a_kill_and_two_of_them_go_again() {
    for size in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        let registry = Registry::start(stage.home());
        let (shop, rest) = (Shop::default(), StandIn::new(Pace::instant()));
        let theirs = registry.named("fine");
        shop.has(&theirs, &registry.digest());
        let answering = shop.clone();
        stage.fake.answer(move |request| Some(answering.answer(request, &rest)));
        let mut term = open(&stage, &registry, size);
        term.until("Write a message");
        term.send("\u{1b}2");
        term.until("✓ here");
        // Found by typing, marked with Space, tried dry and begun: two at a time.
        term.send("/").send("llama3 size:<3GB installed:no");
        term.until("›   llama3");
        term.key("enter");
        term.send(" ").until("■ 1 marked");
        term.send(" ").send(" ");
        let names = marked(&term.until("■ 3 marked"));
        let [one, two, three] = names.as_slice() else { panic!("three are marked: {names:?}") };
        shop.state().failing.insert(three.clone());
        term.send("i").until("Install models");
        term.key("enter");
        term.until("All 3 can be done.");
        term.key("enter");
        term.until("3 jobs are in line.");
        term.send("2");
        term.until("2 running, 1 waiting");
        let screen = term.until("50 %");
        assert!(names.iter().all(|name| screen.contains(name)), "{screen}");
        // Meanwhile somebody chats; while the answer stands in its middle, the download is seen to go on.
        let talk = Gate::new();
        shop.state().talk = Some(talk.clone());
        term.send("\u{1b}1");
        term.until("Write a message");
        term.send("hello").key("enter");
        term.until("Good ");
        term.send("\u{1b}[17~").until("Background work");
        term.until("50 %");
        shop.go_on(one);
        term.until("75 %");
        term.key("esc");
        let screen = term.until_gone("Background work");
        assert!(screen.contains("Good ") && !screen.contains("Good day."), "the answer still streams:\n{screen}");
        shop.state().talk = None;
        talk.release();
        term.until("Good day.");
        // It has ended and is kept.
        term.until("tok/s");
        // As a power cut would end it. What was there is where it goes on.
        term.kill();
        let mut term = open(&stage, &registry, size);
        term.until("Write a message");
        term.send("\u{1b}[17~").until("Background work");
        term.until("75 %");
        let asked = |name: &str| shop.asked_for(name).last().copied();
        term.until_screen("both go on", |_| asked(one) == Some(MORE) && asked(two) == Some(HALF));
        term.key("esc");
        term.send("\u{1b}2").send("2");
        term.until("2 running, 1 waiting");
        shop.finish(one);
        // The third comes up, fails at first, and is tried again by itself or by a key.
        term.until("again at");
        shop.finish(two);
        shop.finish(three);
        term.send("g").send("j").send("r");
        term.until_screen("all three are there", |screen| screen.matches("✓ install").count() == 3);
        assert!(shop.asked_for(three).len() >= 2);

        used_and_measured(&mut term, one);
        offered_an_update(&mut term, &registry, &theirs);
        removed(&mut term, &stage, &shop, &names, &theirs);
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
    let screen = term.until("These suit this machine:");
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
