//! `kill -9` at every step of adding a second factor: afterwards the passphrase alone lets in, or the passphrase with
//! the authenticator that was shown, with all its recovery codes. Never neither, and never half of it.
//!
//! The steps are: before the secret is shown, while it is shown, between the code and the answer to it, after the
//! answer; on the command line and on the screen alike. Where a step lasts, the moment in it is random; the seed is
//! printed, `OLLAMANET_SEED` has the same moments again, and `OLLAMANET_KILLS=200` makes more rounds.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
    time::Duration,
};

use ollamanet::api::auth::Secret;
use rand::RngExt;
use serde_json::Value;

use crate::common::{
    authenticator::Authenticator,
    kills, shown,
    stage::{PASSPHRASE, Stage},
};

const BENS: &str = "nine loud otters polish copper kettles";

/// More tries a minute than people need, because a test is fast.
const QUICK: [&str; 2] = ["--set", "limits.auth_per_minute=600"];

/// The moment in the enrolment that the kill comes.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So long after the start, while the vault is opened or the secret made.
    Early(Duration),
    SecretShown,
    /// So long after the code was typed.
    CodeTyped(Duration),
    CodesShown,
}

/// What could be seen before the kill.
#[derive(Default)]
struct Seen {
    authenticator: Option<Authenticator>,
    codes: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_of_adding_a_second_factor_leaves_all_of_it_or_none() {
    let (rounds, mut random) = kills(8);
    let stage = Stage::new().await;
    let made = stage.with_input(&["account", "create", "alice", "--passphrase-fd", "0"], PASSPHRASE).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = alice(&stage, &["--json", "users", "create", "ben"]).await;
    let code = made["code"].as_str().unwrap();
    let activate = ["account", "activate", "ben", "--passphrase-fd", "0"];
    let came = stage.with_input(&activate, &format!("{code}\n{BENS}\n")).await;
    assert_eq!(came.code, Some(0), "{came:?}");
    let (mut all, mut none) = (0, 0);
    for round in 0..rounds {
        let step = match round / 2 % 4 {
            0 => Step::Early(Duration::from_millis(random.random_range(0..600))),
            1 => Step::SecretShown,
            2 => Step::CodeTyped(Duration::from_millis(random.random_range(0..150))),
            _ => Step::CodesShown,
        };
        let on_screen = round % 2 == 1;
        let seen = tokio::task::block_in_place(|| {
            if on_screen { on_the_screen(&stage, step) } else { on_the_command_line(&stage, step) }
        });
        let what = format!("round {round}, {step:?}, on the screen: {on_screen}");
        // Whoever was let in by the passphrase alone has no second factor.
        let alone = standing(&stage, None).await;
        let (on, left) = match (&alone, &seen.authenticator) {
            (Some(standing), _) => {
                assert!(standing["added_at"].is_null(), "{what}: {standing}");
                (false, standing["codes_left"].as_u64().unwrap())
            }
            (None, Some(authenticator)) => {
                // The code of this half minute may have been used up by the enrolment.
                let standing = standing(&stage, Some(&authenticator.code(1))).await;
                let standing = standing.unwrap_or_else(|| panic!("{what}: neither way in works"));
                (true, standing["codes_left"].as_u64().unwrap())
            }
            (None, None) => panic!("{what}: a second factor is asked for whose secret nobody was shown"),
        };
        assert_eq!(left, if on { 10 } else { 0 }, "{what}");
        assert!(on || !seen.codes, "{what}: it was said to be added");
        assert!(!on || matches!(step, Step::CodeTyped(_) | Step::CodesShown), "{what}: added before it was proved");
        if on {
            all += 1;
            alice(&stage, &["--json", "users", "remove-second-factor", "ben"]).await;
        } else {
            none += 1;
        }
    }
    println!("{all} times all of it, {none} times none");
    assert!(rounds < 8 || (all > 0 && none > 0), "both ways were meant to be seen");
    let sound = alice(&stage, &["--json", "audit", "verify"]).await;
    assert_eq!(sound["sound"], true, "{sound}");
    // Each that is there was written down once, with what it let in.
    let told = alice(&stage, &["--json", "audit", "list", "--action", "second_factor.add", "--limit", "1000"]).await;
    assert_eq!(told.as_array().unwrap().len(), all, "{told}");
}

/// What alice is told, who signs in for each command.
async fn alice(stage: &Stage, args: &[&str]) -> Value {
    let who = ["--user", "alice", "--passphrase-fd", "0"];
    let done = stage.with_input(&[&QUICK[..], &who, args].concat(), &format!("{PASSPHRASE}\n{PASSPHRASE}\n")).await;
    assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{args:?}: {done:?}"))
}

/// How ben's second factor stands, as he is told with his passphrase and this code; `None` when he is not let in.
async fn standing(stage: &Stage, code: Option<&Secret>) -> Option<Value> {
    let code = code.map(|code| format!("{}\n", code.reveal())).unwrap_or_default();
    let args = ["--user", "ben", "--passphrase-fd", "0", "--json", "account", "second-factor", "show"];
    let done = stage.with_input(&[&QUICK[..], &args].concat(), &format!("{BENS}\n{code}")).await;
    (done.code == Some(0)).then(|| serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}")))
}

fn on_the_command_line(stage: &Stage, step: Step) -> Seen {
    let args = ["--user", "ben", "--passphrase-fd", "0", "account", "second-factor", "add"];
    let mut child = stage.command(&[&QUICK[..], &args].concat()).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    writeln!(stdin, "{BENS}").unwrap();
    let mut seen = Seen::default();
    let mut read = |seen: &mut Seen| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let letters = line.strip_prefix("Secret: ").map(|letters| Secret::new(letters.trim()));
        seen.authenticator = letters.as_ref().map(Authenticator::reading);
    };
    match step {
        // Time is what this step is about, so it is let pass.
        Step::Early(after) => std::thread::sleep(after),
        Step::SecretShown => read(&mut seen),
        Step::CodeTyped(after) => {
            read(&mut seen);
            writeln!(stdin, "{}", seen.authenticator.as_ref().unwrap().now().reveal()).unwrap();
            std::thread::sleep(after);
        }
        Step::CodesShown => {
            read(&mut seen);
            writeln!(stdin, "{}", seen.authenticator.as_ref().unwrap().now().reveal()).unwrap();
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            seen.codes = line.contains("is added");
            assert!(seen.codes, "{line}");
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    let _ = stdout.read_to_string(&mut rest);
    seen.codes |= rest.contains("is added");
    if let Some(letters) = rest.lines().find_map(|line| line.strip_prefix("Secret: ")) {
        seen.authenticator = Some(Authenticator::reading(&Secret::new(letters.trim())));
    }
    seen
}

fn on_the_screen(stage: &Stage, step: Step) -> Seen {
    const CODES: &str = "Recovery codes of your second factor";
    let mut term = stage.terminal(80, 24);
    term.until("Sign in to OllamaNet");
    term.send("ben\r").send(BENS).key("enter");
    term.until("Ask something");
    term.send("\x1b9");
    term.until("What administrators see");
    term.key("tab");
    term.until("Add a second factor");
    term.key("enter");
    let mut seen = Seen::default();
    if let Step::Early(after) = step {
        std::thread::sleep(after / 10);
    } else {
        let authenticator = Authenticator::reading(&shown::secret(&term.until("Code it shows now")));
        match step {
            Step::Early(_) | Step::SecretShown => {}
            Step::CodeTyped(after) => {
                term.send(authenticator.now().reveal()).key("enter");
                std::thread::sleep(after);
            }
            Step::CodesShown => {
                term.send(authenticator.now().reveal()).key("enter");
                term.until(CODES);
            }
        }
        seen.authenticator = Some(authenticator);
    }
    term.kill();
    seen.codes = term.screen_at_the_end().contains(CODES);
    seen
}
