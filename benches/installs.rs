//! What eight installs at once cost the program that watches them: the real one in a pseudo-terminal, beside an Ollama that
//! tells of each download twenty times a second, against the same screens with nothing to tell. And how much of a person's
//! looking around in the models is answered from what is at hand. `cargo bench --bench installs`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a bench prints, and ends where it cannot go on"
)]
#![allow(dead_code, reason = "the harness is shared with the tests")]

#[path = "../tests/suite/common/mod.rs"]
mod common;
#[path = "outside/process.rs"]
mod process;

use std::time::{Duration, Instant};

use common::{
    pty::{PATIENCE, Program, Term},
    stage::Stage,
};
use ollamanet::fake::{Pace, Part, Reply, Seen, StandIn};
use process::Cpu;
use serde_json::json;

const INSTALLS: usize = 8;
/// A line of each download so often.
const EACH: Duration = Duration::from_millis(50);
/// Longer than all of this takes.
const LINES: u64 = 4000;
/// How long each is measured.
const MEASURED: Duration = Duration::from_secs(15);
/// Of one core, in percent.
const LIMIT: f64 = 2.0;
/// Of the look-ups, in percent.
const AT_HAND: u64 = 85;

fn main() {
    // `cargo test --benches` and `--list` ask benches to be quick.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cost = runtime.block_on(installs());
    let hits = runtime.block_on(looking_around());
    if cost > LIMIT || hits < AT_HAND {
        println!("more than {LIMIT} % of a core, or less than {AT_HAND} % at hand");
        std::process::exit(1);
    }
}

fn pull(seen: &Seen) -> Reply {
    let digest = format!("sha256:{:0<64}", "abc");
    let total = 8_000_000_000_u64;
    let name = seen.json()["model"].clone();
    let line = |at: u64| {
        json!({ "status": "pulling abc000000000", "digest": digest, "total": total, "completed": total / LINES * at,
                "model": name })
    };
    (0..LINES).fold(Reply::stream(), |reply, at| reply.line(&line(at)).part(Part::Pause(EACH)))
}

fn open(stage: &Stage) -> Term {
    let program = Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url());
    let term = program.env("OLLAMANET_JOBS_INSTALLS_AT_ONCE", INSTALLS.to_string()).start(120, 36);
    term.until("Write a message");
    term
}

/// Percent of a core, over a while in which nothing is pressed.
fn measured(term: &Term, what: &str) -> f64 {
    // What came before is drawn and done with.
    std::thread::sleep(Duration::from_secs(2));
    let (mut cpu, begun) = (Cpu::of(term.pid()), Instant::now());
    let mut used = Duration::ZERO;
    while begun.elapsed() < MEASURED {
        std::thread::sleep(Duration::from_millis(100));
        used = cpu.used();
    }
    let percent = used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    println!("{what:<58} {percent:>6.2} % of a core");
    percent
}

/// What the installs add, on the screen where they cost most.
async fn installs() -> f64 {
    let stage = Stage::signed_in().await;
    let rest = StandIn::new(Pace::instant());
    stage.fake.answer(move |seen: &Seen| Some(if seen.path == "/api/pull" { pull(seen) } else { rest.reply(seen) }));
    let mut term = open(&stage);
    let chat = measured(&term, "the chat, nothing to do");
    term.send("\u{1b}2").until("✓ here");
    term.send("2").until("No jobs.");
    let downloads = measured(&term, "the tab of downloads, nothing to do");
    let names: Vec<String> = (0..INSTALLS).map(|number| format!("model-{number}:8b")).collect();
    term.send("1").until("✓ here");
    term.send("i").until("Install models");
    term.send("\u{15}").send(names.join(" ")).key("enter");
    term.until(&format!("All {INSTALLS} can be done."));
    term.key("enter").until(&format!("{INSTALLS} jobs are in line."));
    term.send("2").until(&format!("{INSTALLS} running"));
    term.until("MB/s");
    let shown = measured(&term, "the tab of downloads, 8 installs, 20 lines a second each");
    term.send("\u{1b}1").until("Write a message");
    let hidden = measured(&term, "the chat, the same behind it");
    println!(
        "{:<58} {:>6.2} % on their screen, {:.2} % behind another",
        "eight installs cost",
        shown - downloads,
        hidden - chat
    );
    term.kill();
    (shown - downloads).max(hidden - chat)
}

/// An afternoon's looking around in the models, on the screen: what of it was at hand.
async fn looking_around() -> u64 {
    let stage = Stage::signed_in().await;
    let mut term = open(&stage);
    term.send("\u{1b}2").until("✓ here");
    for typed in ["chat", "cap:vision", "size:<8GB", "fits:ram", "installed:yes"] {
        term.send("/").send("\u{15}").send(typed);
        term.until(&format!("/ {typed}"));
        term.key("enter");
    }
    term.until(" of ");
    for _ in 0..3 {
        for _ in 0..4 {
            term.send("j").key("enter");
            term.until("Overview");
            term.send("]]]").until("[Benchmarks]");
            term.send("[[[").until("[Overview]");
            term.key("tab");
        }
        term.send("g");
        term.send("3").until("Monitor");
        term.send("1");
    }
    term.send("3");
    let screen = term.until("at hand");
    let percent = screen.split(" % at hand").next().and_then(|before| before.rsplit(' ').next());
    let percent = percent.and_then(|text| text.parse().ok()).unwrap_or(0);
    println!("{:<58} {percent:>6} % of the look-ups", "looking around in the models, answered from what is at hand");
    for line in screen.lines().filter(|line| line.contains("look-ups")) {
        println!("    {}", line.trim_matches(|letter: char| letter == '│' || letter == ' '));
    }
    term.key("ctrl+q");
    term.wait(PATIENCE);
    percent
}
