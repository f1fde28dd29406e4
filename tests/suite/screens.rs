//! The first five minutes on screen: account, question, answer, stop, a power cut, and going on.

use ollamanet::fake::{Gate, Part, Reply};

use crate::common::{
    authenticator::Authenticator,
    pty::Term,
    shown,
    stage::{PASSPHRASE, Stage, last, piece},
};

fn first_run(term: &mut Term) {
    term.until("User name");
    term.send("ann").key("tab");
    term.key("f8");
    term.until("strong");
    term.key("enter");
    shown::note_the_code(term);
    term.until("Stay signed in");
    term.key("tab").key("enter");
    term.until("Ask something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_five_minutes_survive_a_power_cut() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::new().await;
        let gate = Gate::new();
        let held = gate.clone();
        stage.chat(move |request| {
            let messages = request.json()["messages"].clone();
            let (asked, count) = (messages.to_string(), messages.as_array().map_or(0, Vec::len));
            let reply = Reply::stream()
                .line(&piece("# A heading\n\nSome **bold** text and a list:\n\n- one\n- two\n\n"))
                .line(&piece("```rust\nfn main() {}\n```\n\n"));
            if asked.contains("wait") {
                // Long enough to be stored before the cut.
                reply
                    .line(&piece(&"and more. ".repeat(300)))
                    .line(&piece(&format!("CUT{count}")))
                    .part(Part::Hold(held.clone()))
            } else {
                reply.line(&piece("The end.")).line(&last())
            }
        });
        let mut term = stage.terminal(columns, rows);
        first_run(&mut term);

        term.send("a first question").key("enter");
        let answered = term.until("The end.");
        assert!(answered.contains("A heading") && !answered.contains("**bold**"), "Markdown is rendered:\n{answered}");
        assert!(answered.contains("fn main() {}") && answered.contains("Y copy"), "{answered}");

        term.until_gone("answering");
        term.send("please wait").key("enter");
        term.until("CUT3");
        term.key("esc");
        term.until("stopped");

        term.send("wait again").key("enter");
        term.until("CUT5");
        term.kill();

        let mut again = stage.terminal(columns, rows);
        // Signed in by itself, and the broken answer is one key away from going on.
        let shown = again.until("interrupted");
        assert!(shown.contains("continue"), "{shown}");
        gate.release();
        again.key("ctrl+q");
        again.wait(crate::common::pty::PATIENCE);

        let list = stage.json(&["conversations", "list"]).await;
        let id = list.as_array().or_else(|| list["conversations"].as_array()).expect("a list")[0]["id"].clone();
        let whole = stage.json(&["conversations", "show", id.as_str().unwrap()]).await;
        let told: Vec<(String, String)> = whole["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| {
                (message["role"].as_str().unwrap().to_owned(), message["state"].as_str().unwrap().to_owned())
            })
            .collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(role, state)| (role.as_str(), state.as_str())).collect();
        assert_eq!(
            told,
            [
                ("user", "done"),
                ("assistant", "done"),
                ("user", "done"),
                ("assistant", "stopped"),
                ("user", "done"),
                ("assistant", "interrupted"),
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_added_from_the_screen_and_asked_for_at_the_next_sign_in() {
    let stage = Stage::new().await;
    let made = stage.with_input(&["account", "create", "ann", "--passphrase-fd", "0"], PASSPHRASE).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut term = stage.terminal(80, 24);
    term.until("Sign in to OllamaNet");
    term.send("ann\r").send(PASSPHRASE).key("enter");
    term.until("Ask something");

    term.send("\x1b9");
    term.until("What administrators see");
    term.key("tab");
    term.until("Add a second factor");
    term.key("enter");
    let authenticator = Authenticator::reading(&shown::secret(&term.until("Code it shows now")));
    term.send(authenticator.wrong().reveal()).key("enter");
    term.until("not the code");
    term.send(authenticator.now().reveal()).key("enter");
    term.until("Recovery codes of your second factor");
    term.key("enter");
    term.until("● On");

    term.key("ctrl+p").send("sign out").key("enter");
    term.until("Sign in to OllamaNet");
    term.send("ann\r").send(PASSPHRASE).key("enter");
    term.until("Authenticator or recovery code");
    term.send(authenticator.wrong().reveal()).key("enter");
    term.until("wrong, or it has been used");
    // The code of the next half minute: the one of this one has been used.
    term.send(authenticator.code(1).reveal()).key("enter");
    term.until("Ask something");
}
