//! The program measured from outside, in a pseudo-terminal: start, keys, tokens, long conversations, idleness, memory,
//! size. `cargo bench --bench outside` prints the table that stands in the README; `-- keys idle` only some of it.
//!
//! Each figure stands beside a yardstick measured in the same run, because machines differ and are busy; compare the
//! ratios. What is measured includes this harness: its terminal emulator reads every byte before anything counts as seen.
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
mod furnish;
mod inside;
mod process;
mod server;
mod table;

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use common::pty::{Program, Term};
use furnish::{CONVERSATIONS, LONG, SHORT, mark};
use process::{Cpu, busiest_and_queued, resident, wake_ups};
use server::{Server, token};
use table::{Row, Target, median, quantile};

/// On the screen as soon as it can be used.
const READY: &str = "Enter send";
const COLUMNS: u16 = 120;
const ROWS: u16 = 36;

/// Measures something and prints its rows.
type Part = fn(&Homes);

/// Where the program is started.
struct Homes {
    /// An account and nothing else.
    fresh: tempfile::TempDir,
    /// Years of use.
    large: tempfile::TempDir,
    server: Server,
}

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
    let directory = || tempfile::tempdir().expect("a directory");
    let homes = Homes { fresh: directory(), large: directory(), server: Server::start() };
    for home in [&homes.fresh, &homes.large] {
        furnish::account(home.path(), homes.server.port);
    }
    furnish::years_of_use(homes.large.path());

    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name);
    let parts: [(&str, Part); 12] = [
        ("start", start),
        ("keys", keys),
        ("tokens", tokens),
        ("full-speed", full_speed),
        ("cpu", cpu_of_a_stream),
        ("flat", flat),
        ("long", long),
        ("commit", |_| inside::commit()),
        ("gate", |_| inside::gate()),
        ("idle", idle),
        ("backup", backup),
        ("size", size),
    ];
    println!("Before: {}\n", surroundings());
    table::print_head();
    for (name, part) in parts {
        if is_wanted(name) {
            part(&homes);
        }
    }
    println!("\nAfter: {}", surroundings());
}

/// The machine and how busy it is.
fn surroundings() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!("{cores} cores ({}), load {load}", model.unwrap_or("of an unknown kind"))
}

fn program(home: &Path, port: u16, args: &[&str]) -> Program {
    Program::new(home, args).env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
}

impl Homes {
    fn open(&self, home: &tempfile::TempDir) -> Term {
        let term = program(home.path(), self.server.port, &[]).start(COLUMNS, ROWS);
        term.until(READY);
        term
    }
}

/// Ends it as a person would, so that the next start finds nothing to tidy up.
fn leave(mut term: Term) {
    term.key("ctrl+q");
    term.wait(common::pty::PATIENCE);
}

fn start(homes: &Homes) {
    let port = homes.server.port;
    let usable = |home: &tempfile::TempDir| {
        let begin = Instant::now();
        let term = homes.open(home);
        let usable = begin.elapsed();
        (term, usable)
    };
    let (mut fresh, mut large, mut listed, mut bare, mut memory) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), (0, 0));
    let (mut busy, mut queued) = (Vec::new(), Vec::new());
    // In turns, so that a busy moment of the machine falls on all of them.
    for _ in 0..25 {
        let begin = Instant::now();
        let term = program(homes.fresh.path(), port, &["--version"]).start(COLUMNS, ROWS);
        term.until("ollamanet");
        // Before it is dropped: cleaning up after it is nobody's start.
        bare.push(begin.elapsed());
        let (term, time) = usable(&homes.fresh);
        fresh.push(time);
        memory.0 = memory.0.max(settled_memory(&term));
        leave(term);
        let begin = Instant::now();
        let (term, time) = usable(&homes.large);
        large.push(time);
        let (busiest, waited) = busiest_and_queued(term.pid());
        busy.push(busiest);
        queued.push(waited);
        term.until("Yardstick long");
        listed.push(begin.elapsed());
        memory.1 = memory.1.max(settled_memory(&term));
        leave(term);
    }
    let bare = median(&bare);
    let target = Target::Ms(12.0);
    let what = "Start to usable screen, signed in";
    let yardstick = "`ollamanet --version`";
    let time = median(&fresh);
    Row::time(format!("{what}, new account (median)"), time, target).beside(yardstick, bare, time).print();
    let (time, count) = (median(&large), thousands(CONVERSATIONS));
    Row::time(format!("{what}, {count} conversations (median)"), time, target).beside(yardstick, bare, time).print();
    let time = median(&busy);
    Row::time("… the processor time in it of the thread that draws (median)", time, target)
        .beside("all threads waited for a processor, which others had", median(&queued), time)
        .print();
    let time = median(&listed);
    Row::time(format!("… and until they are listed, {count} conversations (median)"), time, Target::None)
        .beside(yardstick, bare, time)
        .print();
    Row::megabytes("Resident after start, new account", memory.0, Target::Megabytes(25.0)).print();
    Row::megabytes("Resident after start, 150 000 messages", memory.1, Target::Megabytes(60.0)).print();
}

/// After what a start does in the background: the models have come when their server was asked.
fn settled_memory(term: &Term) -> u64 {
    term.until("● ollama");
    resident(term.pid())
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

/// What the terminal itself takes for a letter: the echo of the line discipline, through the same emulator.
fn echo(home: &Path) -> Duration {
    let mut echo = Program::bare(home, "/bin/cat", &[]).start(COLUMNS, ROWS);
    let mut typed = String::new();
    let times: Vec<Duration> = (0..100)
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
    median(&times)
}

fn keys(homes: &Homes) {
    let yardstick = echo(homes.large.path());
    let server = &homes.server;
    let mut term = homes.open(&homes.large);
    let print = |when: &str, times: &[Duration]| {
        for (name, share, most) in [("median", 0.5, 0.5), ("p99", 0.99, 4.0)] {
            let time = quantile(times, share);
            Row::time(format!("Key to screen, {when} ({name})"), time, Target::Ms(most))
                .beside("the terminal's own echo (median)", yardstick, time)
                .print();
        }
    };
    print("idle", &type_and_see(&mut term, 400));
    server.set(60_000, Duration::from_millis(1));
    term.key("ctrl+u").send("go").key("enter");
    term.until("t20x");
    print("1 000 tok/s streaming", &type_and_see(&mut term, 400));
    server.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    term.until_gone("answering");
    leave(term);
}

/// Keys while an answer streams and another process backs everything up, one backup after the other.
/// `OLLAMANET_BACKUP_MB` sets how much there is, in megabytes.
fn backup(homes: &Homes) {
    let named = std::env::var("OLLAMANET_BACKUP_MB").ok().and_then(|text| text.parse().ok());
    let megabytes: usize = named.unwrap_or(1000);
    let home = tempfile::tempdir().expect("a directory");
    furnish::account(home.path(), homes.server.port);
    furnish::fatten(home.path(), megabytes);
    let mut term = homes.open(&home);
    homes.server.set(600_000, Duration::from_millis(10));
    term.send("go").key("enter");
    term.until("t20x");
    let alone = type_and_see(&mut term, 400);
    let over = std::sync::atomic::AtomicBool::new(false);
    let begun = std::sync::atomic::AtomicBool::new(false);
    let (beside, took) = std::thread::scope(|scope| {
        let making = scope.spawn(|| {
            let mut took = Vec::new();
            while took.is_empty() || !over.load(std::sync::atomic::Ordering::SeqCst) {
                let begin = Instant::now();
                let mut child =
                    furnish::command(home.path(), homes.server.port, &["backup", "create"]).spawn().unwrap();
                begun.store(true, std::sync::atomic::Ordering::SeqCst);
                assert!(child.wait().unwrap().success(), "the backup is made");
                took.push(begin.elapsed());
            }
            took
        });
        while !begun.load(std::sync::atomic::Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let beside = type_and_see(&mut term, 800);
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        (beside, making.join().unwrap())
    });
    for (name, share, target) in [("median", 0.5, Target::None), ("p99", 0.99, Target::Ms(8.0))] {
        let time = quantile(&beside, share);
        Row::time(format!("Key to screen, 100 tok/s streaming, {megabytes} MB being backed up ({name})"), time, target)
            .beside(format!("the same without the backup ({name})"), quantile(&alone, share), time)
            .print();
    }
    let middle = median(&took);
    Row::time(format!("A backup of {megabytes} MB ({} made meanwhile, median)", took.len()), middle, Target::None)
        .print();
    homes.server.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    term.until_gone("answering");
    leave(term);
}

fn tokens(homes: &Homes) {
    let server = &homes.server;
    let mut term = homes.open(&homes.large);
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
    for (name, share, most) in [("median", 0.5, 1.0), ("p95", 0.95, 4.0)] {
        let time = quantile(&times, share);
        Row::time(format!("Token to screen at 100 tok/s ({name})"), time, Target::Ms(most))
            .beside("time between tokens", Duration::from_millis(10), time)
            .print();
    }
    leave(term);
}

fn full_speed(homes: &Homes) {
    let server = &homes.server;
    let count = 2000;
    let last = token(count - 1);
    let me = std::env::current_exe().unwrap();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        server.set(count, Duration::ZERO);
        let begin = Instant::now();
        let args = ["--bare", &server.port.to_string()];
        let term = Program::bare(homes.large.path(), me.to_str().unwrap(), &args).start(COLUMNS, ROWS);
        term.until(last.trim());
        bare.push(begin.elapsed());
        let mut term = homes.open(&homes.large);
        server.set(count, Duration::ZERO);
        let begin = Instant::now();
        term.send("go").key("enter");
        term.until(last.trim());
        ours.push(begin.elapsed());
        leave(term);
    }
    let (time, bare) = (median(&ours), median(&bare));
    Row::time("2 000 tokens at full speed onto the screen", time, Target::Times(5.0))
        .beside("bare read-and-print loop", bare, time)
        .print();
}

fn cpu_of_a_stream(homes: &Homes) {
    let mut term = homes.open(&homes.large);
    let count = 2000;
    homes.server.set(count, Duration::from_millis(10));
    let mut cpu = Cpu::of(term.pid());
    term.send("go").key("enter");
    for number in (0..count).step_by(20).chain([count - 1]) {
        wait_for_tokens(&homes.server, number + 1);
        cpu.used();
    }
    term.until(token(count - 1).trim());
    let used = cpu.used();
    Row::time("CPU for 2 000 tokens at 100 tok/s", used, Target::Seconds(0.6))
        .beside("time it took", Duration::from_secs(20), used)
        .print();
    leave(term);
}

/// One answer of 20 000 tokens, all that the program does for it: reading, keeping, laying out, drawing.
fn flat(homes: &Homes) {
    const WINDOW: usize = 1000;
    let server = &homes.server;
    let (mut early, mut late, mut memory) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..2 {
        let mut term = homes.open(&homes.large);
        // A full screen before it begins: scrolling costs what it costs at the end as well.
        server.set(1000, Duration::ZERO);
        term.send("first").key("enter");
        term.until("t999x");
        term.until_gone("answering");
        server.set(20_000 + WINDOW, Duration::from_micros(500));
        term.send("then").key("enter");
        let spent = |from: usize| {
            wait_for_tokens(server, from);
            let mut cpu = Cpu::of(term.pid());
            for count in (0..=WINDOW).step_by(20) {
                wait_for_tokens(server, from + count);
                cpu.used();
            }
            cpu.used() / WINDOW as u32
        };
        early = early.min(spent(100));
        late = late.min(spent(20_000 - 1));
        memory = memory.max(resident(term.pid()));
        term.until_gone("answering");
        leave(term);
    }
    Row::time("CPU a token from token 20 000 of one answer, 2 000 tok/s", late, Target::Times(1.2))
        .beside("the same from token 100", early, late)
        .print();
    Row::megabytes("Resident while it streams", memory, Target::Megabytes(60.0)).print();
}

fn wait_for_tokens(server: &Server, count: usize) {
    while server.written.lock().unwrap().len() < count {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Opens a long and a short conversation in turns, then pages up through the long one.
fn long(homes: &Homes) {
    const PAGES: usize = 400;
    let mut term = homes.open(&homes.large);
    term.until("Yardstick long");
    // From the composer back to the list, and both of them alone in it.
    term.send(SHIFT_TAB).send("/yardstick").key("enter");
    term.until_screen("the two alone", |screen| {
        screen.contains("Yardstick short") && !screen.contains("Conversation 1")
    });
    let start = resident(term.pid());
    let (mut longs, mut shorts, mut grown) = (Vec::new(), Vec::new(), 0);
    // In the list the long one stands above the short one.
    for round in 0..15 {
        longs.push(open(&mut term, if round == 0 { "" } else { "k" }, LONG));
        if round == 0 {
            grown = resident(term.pid()).saturating_sub(start);
        }
        shorts.push(open(&mut term, "j", SHORT));
    }
    open(&mut term, "k", LONG);
    let (time, short) = (median(&longs), median(&shorts));
    let count = thousands(LONG);
    Row::time(format!("Opening a conversation of {count} messages (median)"), time, Target::Ms(20.0))
        .beside(format!("one of {SHORT}"), short, time)
        .print();
    Row::megabytes("… and what it adds to memory", grown, Target::None).print();

    let pages: Vec<Duration> = (0..PAGES).map(|_| page_up(&mut term)).collect();
    let (first, last) = (median(&pages[..PAGES / 4]), median(&pages[3 * PAGES / 4..]));
    let seen = LONG - topmost(&term.until("n")).unwrap_or(LONG);
    Row::time(format!("A page up in it, the last {} of {PAGES} (median)", PAGES / 4), last, Target::Ms(100.0))
        .beside(format!("the first {}", PAGES / 4), first, last)
        .print();
    let slow = quantile(&pages, 0.99);
    Row::time("… of all, loading older messages included (p99)", slow, Target::None)
        .beside("their median", median(&pages), slow)
        .print();
    Row::megabytes(
        format!("Resident after reading {} messages up", thousands(seen)),
        resident(term.pid()),
        Target::Megabytes(60.0),
    )
    .print();

    // Among the messages, to the very first and back.
    term.key("tab");
    std::thread::sleep(Duration::from_millis(30));
    let (mut far, mut back) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        far.push(jump(&mut term, "g", &mark(0, LONG)));
        back.push(jump(&mut term, "G", &mark(LONG - 1, LONG)));
    }
    let (far, back) = (median(&far), median(&back));
    Row::time("To its first message with one key (median)", far, Target::Ms(100.0))
        .beside("and back to its last", back, far)
        .print();
    leave(term);
}

const SHIFT_TAB: &str = "\x1b[Z";

/// From the composer into the list, moves there, opens what is under the cursor, waits for its last message.
fn open(term: &mut Term, movement: &str, count: usize) -> Duration {
    let last = mark(count - 1, count);
    if !movement.is_empty() {
        term.send(SHIFT_TAB);
    }
    term.send(movement);
    // The cursor has moved before Enter counts.
    std::thread::sleep(Duration::from_millis(30));
    let begin = Instant::now();
    term.key("enter");
    term.until(&last);
    let time = begin.elapsed();
    std::thread::sleep(Duration::from_millis(30));
    time
}

fn jump(term: &mut Term, key: &str, to: &str) -> Duration {
    let begin = Instant::now();
    term.send(key);
    term.until(to);
    begin.elapsed()
}

/// The number of the topmost message on the screen that begins on it.
fn topmost(screen: &str) -> Option<usize> {
    let end = format!("of{LONG}.");
    let before = &screen[..screen.find(&end)?];
    before[before.rfind('n')? + 1..].parse().ok()
}

/// PgUp until the screen shows an earlier message on top. At the edge of what is loaded a key may come before the older
/// messages do; a person presses it again, and so is it here, within the same time.
fn page_up(term: &mut Term) -> Duration {
    const AGAIN: Duration = Duration::from_millis(30);
    let before = topmost(&term.until(&format!("of{LONG}."))).unwrap_or(LONG);
    let begin = Instant::now();
    loop {
        term.key("pageup");
        if term.within(AGAIN, |screen| topmost(screen).is_some_and(|top| top < before)).is_ok() {
            return begin.elapsed();
        }
    }
}

fn idle(homes: &Homes) {
    let term = homes.open(&homes.large);
    std::thread::sleep(Duration::from_secs(3));
    let (bytes, wakes, mut cpu) = (term.raw().len(), wake_ups(term.pid()), Cpu::of(term.pid()));
    let seconds = 20;
    std::thread::sleep(Duration::from_secs(seconds));
    let drawn = term.raw().len() - bytes;
    let wakes = (wake_ups(term.pid()) - wakes) as f64 / seconds as f64;
    let used = cpu.used();
    Row::count("Idle: bytes drawn in 20 s", drawn as f64, Target::Count(0.0)).print();
    Row::count("Idle: wake-ups a second, all threads", wakes, Target::Count(1.0)).print();
    Row::time("Idle: CPU in 20 s", used, Target::None).beside("20 s", Duration::from_secs(seconds), used).print();
    leave(term);
}

fn size(_: &Homes) {
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_ollamanet")).unwrap().len();
    Row::megabytes("Program file", bytes, Target::None).print();
}

/// `50 000`.
fn thousands(number: usize) -> String {
    let mut text = String::new();
    let digits = number.to_string();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        let _ = write!(text, "{digit}");
    }
    text
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
