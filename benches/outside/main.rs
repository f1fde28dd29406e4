//! The program measured from outside, in a pseudo-terminal: start, keys, tokens, idleness, memory, size.
//!
//! `cargo bench --bench outside`. Each figure stands beside a yardstick measured in the same run, because machines
//! differ and are busy; compare the ratios.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a bench prints, and ends where it cannot go on"
)]
#![allow(dead_code, reason = "the harness is shared with the tests")]

#[path = "../../tests/suite/common/mod.rs"]
mod common;
mod server;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::pty::{Program, Term};
use server::{Server, token};

/// On the screen as soon as it can be used.
const READY: &str = "Enter send";
const PASSPHRASE: &str = "correct-lantern-orbit-velvet-marsh";

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--bare") {
        bare_loop(args[at + 1].parse().expect("a port"));
        return;
    }
    // `cargo test --benches` and `--list` ask benches to be quick.
    if args.iter().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    create_account(home.path(), server.port);

    println!("| what | figure | yardstick | ratio |\n|---|---|---|---|");
    // `cargo bench --bench outside -- idle keys` for some of them.
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name);
    let parts: [(&str, &dyn Fn()); 7] = [
        ("start", &|| start(home.path(), server.port)),
        ("keys", &|| keys(home.path(), &server)),
        ("tokens", &|| tokens(home.path(), &server)),
        ("full-speed", &|| full_speed(home.path(), &server)),
        ("cpu", &|| cpu_of_a_stream(home.path(), &server)),
        ("idle", &|| idle(home.path(), server.port)),
        ("size", &size),
    ];
    for (name, part) in parts {
        if is_wanted(name) {
            part();
        }
    }
}

fn program(home: &Path, port: u16, args: &[&str]) -> Program {
    Program::new(home, args).env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
}

fn create_account(home: &Path, port: u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ollamanet"))
        .args(["account", "create", "bench", "--passphrase-fd", "0", "--stay"])
        .env_clear()
        .envs(common::environment(home))
        .env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(PASSPHRASE.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "the account is made");
}

fn row(what: &str, figure: &str, yardstick: &str, ratio: f64) {
    println!("| {what} | {figure} | {yardstick} | {ratio:.2} |");
}

fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

fn start(home: &Path, port: u16) {
    let usable: Vec<Duration> = (0..25)
        .map(|_| {
            let begin = Instant::now();
            let term = program(home, port, &[]).start(120, 36);
            term.until(READY);
            begin.elapsed()
        })
        .collect();
    let bare: Vec<Duration> = (0..25)
        .map(|_| {
            let begin = Instant::now();
            let term = program(home, port, &["--version"]).start(120, 36);
            term.until("ollamanet");
            begin.elapsed()
        })
        .collect();
    let (usable, bare) = (quantile(usable, 0.5), quantile(bare, 0.5));
    row(
        "start to usable screen, signed in (p50)",
        &ms(usable),
        &format!("`--version`: {}", ms(bare)),
        usable.as_secs_f64() / bare.as_secs_f64(),
    );
}

/// Types a letter, waits until the screen shows it.
fn type_and_see(term: &mut Term, count: usize) -> Vec<Duration> {
    let mut typed = String::new();
    (0..count)
        .map(|number| {
            // Not so fast that two keys share a frame.
            std::thread::sleep(Duration::from_millis(15));
            if number % 40 == 0 {
                typed.clear();
                term.key("ctrl+u");
                term.until_screen("an empty line", |screen| !screen.contains("zq"));
                typed.push_str("zq");
                term.send("zq");
                term.until("zq");
            }
            let letter = char::from(b'a' + (number % 26) as u8);
            typed.push(letter);
            let begin = Instant::now();
            term.send(letter.to_string());
            term.until(&typed);
            begin.elapsed()
        })
        .collect()
}

fn keys(home: &Path, server: &Server) {
    let mut echo = Program::bare(home, "/bin/cat", &[]).start(120, 36);
    let yardstick = {
        let mut typed = String::new();
        let times: Vec<Duration> = (0..60)
            .map(|number| {
                std::thread::sleep(Duration::from_millis(5));
                let letter = char::from(b'a' + (number % 26) as u8);
                typed.push(letter);
                let begin = Instant::now();
                echo.send(letter.to_string());
                echo.until(&typed);
                begin.elapsed()
            })
            .collect();
        quantile(times, 0.5)
    };
    drop(echo);

    let mut term = program(home, server.port, &[]).start(120, 36);
    term.until(READY);
    let idle = type_and_see(&mut term, 400);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let time = quantile(idle.clone(), share);
        row(
            &format!("key to screen, idle ({name})"),
            &ms(time),
            &format!("the terminal's own echo: {}", ms(yardstick)),
            time.as_secs_f64() / yardstick.as_secs_f64(),
        );
    }
    server.set(60_000, Duration::from_millis(1));
    term.key("ctrl+u").send("go").key("enter");
    term.until("t20x");
    let streaming = type_and_see(&mut term, 400);
    server.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let time = quantile(streaming.clone(), share);
        row(
            &format!("key to screen, 1 000 tok/s streaming ({name})"),
            &ms(time),
            &format!("the terminal's own echo: {}", ms(yardstick)),
            time.as_secs_f64() / yardstick.as_secs_f64(),
        );
    }
}

fn tokens(home: &Path, server: &Server) {
    let mut term = program(home, server.port, &[]).start(120, 36);
    term.until(READY);
    let count = 400;
    server.set(count, Duration::from_millis(10));
    term.send("go").key("enter");
    let times: Vec<Duration> = (0..count)
        .filter_map(|number| {
            term.until(token(number).trim());
            let seen = Instant::now();
            // The first tokens wait for the connection, not for the screen.
            (number > 5).then(|| seen.saturating_duration_since(server.written.lock().unwrap()[number]))
        })
        .collect();
    for (name, share) in [("p50", 0.5), ("p95", 0.95)] {
        let time = quantile(times.clone(), share);
        row(
            &format!("token to screen at 100 tok/s ({name})"),
            &ms(time),
            "10 ms between tokens",
            time.as_secs_f64() / 0.010,
        );
    }
}

fn full_speed(home: &Path, server: &Server) {
    let count = 2000;
    let last = token(count - 1);
    let yardstick = {
        server.set(count, Duration::ZERO);
        let me = std::env::current_exe().unwrap();
        let begin = Instant::now();
        let term = Program::bare(home, me.to_str().unwrap(), &["--bare", &server.port.to_string()]).start(120, 36);
        term.until(last.trim());
        begin.elapsed()
    };
    let mut term = program(home, server.port, &[]).start(120, 36);
    term.until(READY);
    server.set(count, Duration::ZERO);
    let begin = Instant::now();
    term.send("go").key("enter");
    term.until(last.trim());
    let time = begin.elapsed();
    row(
        "2 000 tokens at full speed onto the screen",
        &ms(time),
        &format!("bare read-and-print loop: {}", ms(yardstick)),
        time.as_secs_f64() / yardstick.as_secs_f64(),
    );
}

fn cpu_of_a_stream(home: &Path, server: &Server) {
    let mut term = program(home, server.port, &[]).start(120, 36);
    term.until(READY);
    let count = 2000;
    server.set(count, Duration::from_millis(10));
    let before = cpu(term.pid());
    term.send("go").key("enter");
    term.until(token(count - 1).trim());
    let used = cpu(term.pid()).saturating_sub(before);
    row(
        "CPU for 2 000 tokens at 100 tok/s",
        &format!("{:.2} s", used.as_secs_f64()),
        "20 s of streaming",
        used.as_secs_f64() / 20.0,
    );
}

fn idle(home: &Path, port: u16) {
    let term = program(home, port, &[]).start(120, 36);
    term.until(READY);
    std::thread::sleep(Duration::from_secs(3));
    let (bytes, wakes, used) = (term.raw().len(), wake_ups(term.pid()), cpu(term.pid()));
    let seconds = 20;
    std::thread::sleep(Duration::from_secs(seconds));
    let drawn = term.raw().len() - bytes;
    let wakes = (wake_ups(term.pid()) - wakes) as f64 / seconds as f64;
    let used = cpu(term.pid()).saturating_sub(used);
    row("idle: bytes drawn in 20 s", &drawn.to_string(), "0", 0.0);
    row("idle: wake-ups a second, all threads", &format!("{wakes:.2}"), "1", wakes);
    row("idle: CPU in 20 s", &ms(used), "20 s", used.as_secs_f64() / 20.0);
    let resident = status(term.pid(), "VmRSS:");
    row(
        "resident after start",
        &format!("{:.1} MB", resident as f64 / 1024.0),
        "25 MB",
        resident as f64 / 1024.0 / 25.0,
    );
}

fn size() {
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_ollamanet")).unwrap().len() as f64;
    row("program file", &format!("{:.1} MB", bytes / 1e6), "20 MB", bytes / 20e6);
}

/// User and system time so far; the kernel counts in ticks of 10 ms.
fn cpu(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<u64> =
        stat[stat.rfind(')').unwrap() + 2..].split(' ').filter_map(|field| field.parse().ok()).collect();
    // After the state letter: utime and stime are the 11th and 12th numbers.
    Duration::from_millis((fields[10] + fields[11]) * 10)
}

fn wake_ups(pid: i32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok())
        .map(|text| field(&text, "voluntary_ctxt_switches:"))
        .sum()
}

fn status(pid: i32, name: &str) -> u64 {
    field(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), name)
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The least a program can do: read the stream, print the text.
fn bare_loop(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let mut out = std::io::stdout();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&line)
            && let Some(text) = value["message"]["content"].as_str()
        {
            out.write_all(text.as_bytes()).unwrap();
            out.flush().unwrap();
            if value["done"] == true {
                return;
            }
        }
    }
}
