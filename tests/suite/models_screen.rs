//! All models on screen: the real program in a terminal, with a second one changing things beside it.

use std::process::Stdio;

use ollamanet::fake::{Gate, Pace, Part, Reply, Seen, StandIn};

use crate::common::stage::{Stage, finish, last, piece};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_found_looked_at_written_on_and_asked() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        stage.chat(|_| Reply::lines([&piece("Good day."), &last()]));
        let mut term = stage.terminal(columns, rows);
        term.until("Write a message");
        term.send("\u{1b}2");
        term.until("[1 All]");
        // What is installed stands first, among everything that is known.
        term.until("✓ here");
        term.until("993 models");
        // A mistake is a sentence; what is right narrows the list with each key.
        term.send("/").send("cpa:vision");
        term.until("did you mean “cap:”?");
        term.send("\u{15}").send("cap:vi").key("tab").send(" installed:yes");
        term.until("1 of 993 models");
        term.key("enter");
        term.until("›   demo-vision:4b");
        // The filter is kept under a name, goes, and comes back.
        term.send("F").until("Name of the filter");
        term.send("with eyes").key("enter");
        term.until("The filter is saved.");
        term.key("esc");
        term.until_screen("all models", |screen| screen.contains("993 models") && !screen.contains("of 993"));
        term.send("f").until("with eyes");
        term.key("enter");
        term.until("1 of 993 models");
        // What the house writes on it is there for whoever asks, in another process too.
        term.key("enter");
        term.until("quantisation");
        term.send("G").until("Does it fit this machine?");
        term.send("e").until("[Notes]");
        term.send("Good with receipts.").key("enter");
        term.until("Written on demo-vision:4b.");
        let shown = stage.run(&["catalog", "show", "demo-vision:4b"]).await;
        assert!(shown.out.contains("Good with receipts."), "{shown:?}");
        // What another process changes is on the screen without being asked for.
        let tagged = stage.run(&["catalog", "tag", "add", "bookkeeping", "demo-vision:4b"]).await;
        assert_eq!(tagged.code, Some(0), "{}", tagged.err);
        term.send("g").until("bookkeeping");
        // And it is asked.
        term.key("esc");
        term.until("Space mark");
        term.send("a");
        term.until("Write a message");
        term.send("hello").key("enter");
        term.until("Good day.");
        let asked = stage.fake.requests().iter().find(|seen| seen.path == "/api/chat").unwrap().json();
        assert_eq!(asked["model"], "demo-vision:4b");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_in_another_process_is_on_the_screen_without_being_asked_for() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        let (rest, gate) = (StandIn::new(Pace::instant()), Gate::new());
        let held = gate.clone();
        stage.fake.answer(move |seen: &Seen| {
            let reply = rest.reply(seen);
            Some(if seen.path == "/api/chat" { reply.first(Part::Hold(held.clone())) } else { reply })
        });
        // The command has the job before there is a window, so that no window takes it up.
        let measuring = ["models", "bench", "run", "demo-chat:3b", "--repeats", "1"];
        let elsewhere = stage.command(&measuring).stdout(Stdio::piped()).spawn().unwrap();
        gate.reached().await;
        let mut term = stage.terminal(columns, rows);
        term.until("Write a message");
        term.send("\u{1b}2").until("✓ here");
        term.send("/").send("demo-chat installed:yes").until(" 1 of ");
        term.key("enter").key("enter");
        term.until("quantisation");
        term.send("]]]").until("[Benchmarks]");
        term.until("None yet.");
        gate.release();
        term.until("Medians");
        assert_eq!(finish(elsewhere).await.code, Some(0));
        // So is what is there since then, in the list.
        term.key("esc").until("Space mark");
        term.send("/").send("\u{15}").send("made-elsewhere");
        term.until("No model is like that.");
        let copied = stage.run(&["models", "copy", "demo-chat:3b", "made-elsewhere"]).await;
        assert_eq!(copied.code, Some(0), "{copied:?}");
        term.until("made-elsewhere:latest");
    }
}
