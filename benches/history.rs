//! A history of a million messages: searching it, opening its tree, reading it. `cargo bench --bench history`
//!
//! The history is made up from a seed by the store's own functions (minutes) and kept in `target/` for the next run.
//! `HISTORY_MESSAGES=20000` takes a smaller one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::allow_attributes,
    dead_code,
    reason = "a benchmark that cannot go on should say where, and shares its table with another"
)]

#[path = "outside/table.rs"]
mod table;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use ollamanet::{
    api::{
        AccountId, FolderId,
        chat::{MessageRole, MessageState},
        organise::{NewConversation, Shelf},
    },
    fake::history::{History, MadeUp, TextMaker, Wanted as WantedHistory},
    services::search::read,
    store::{
        StoreError, Vault,
        data_key::RawKey,
        vault::{
            Tx, branch, conversations, folders, messages,
            messages::NewMessage,
            search::{self, Place, Wanted},
            weight::weigh_message,
        },
    },
};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use table::{Row, Target};

const KEY: [u8; 32] = [7; 32];
/// What a vault of the last run was made with.
const SCHEMA: &str = include_str!("../src/store/migrations/vault/0001_start.sql");
/// Names the vault that a process of its own opens, reads and searches, to tell what that takes.
const RESIDENT_OF: &str = "HISTORY_RESIDENT_OF";
/// Messages of one transaction while filling.
const BATCH: usize = 2_000;
/// What the screen asks for.
const PAGE: u32 = 30;
/// A message as a page of results and a ranking need it: the same columns that the program reads of as many candidates.
const RAW: &str = "SELECT m.seq, m.conversation, m.role, m.model, m.created_at, m.content, c.title
    FROM message_words w JOIN messages m ON m.seq = w.rowid JOIN conversations c ON c.seq = m.conversation
    WHERE message_words MATCH ?1 AND w.rowid < 9223372036854775807 ORDER BY w.rowid DESC LIMIT 150";

/// The same, best first by FTS5's own reckoning, of which there is only one way: through all hits.
const RANKED: &str = "SELECT m.seq, m.conversation, m.role, m.model, m.created_at, m.content, c.title
    FROM message_words w JOIN messages m ON m.seq = w.rowid JOIN conversations c ON c.seq = m.conversation
    WHERE message_words MATCH ?1 ORDER BY rank LIMIT 30";

fn open(path: &Path) -> Vault {
    Vault::open(AccountId::new(), path, &RawKey::copied(&KEY), false).unwrap()
}

/// A vault with so many messages, from the last run or made now.
fn furnished(runtime: &Runtime, count: usize) -> (PathBuf, Option<f64>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{count}"));
    let path = directory.join("vault.db");
    if std::fs::read_to_string(directory.join("whole")).is_ok_and(|schema| schema == SCHEMA) {
        return (path, None);
    }
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let vault = open(&path);
    let start = Instant::now();
    let mut known: HashMap<&'static str, FolderId> = HashMap::new();
    let mut batch: Vec<MadeUp> = Vec::new();
    let (mut waiting, mut done) = (0, 0);
    let mut history = History::new(WantedHistory { messages: count, ..WantedHistory::default() }).peekable();
    while let Some(conversation) = history.next() {
        waiting += conversation.messages.len();
        batch.push(conversation);
        if waiting >= BATCH || history.peek().is_none() {
            let (all, mut folders) = (std::mem::take(&mut batch), known.clone());
            let stored: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| {
                for conversation in &all {
                    store(tx, conversation, &mut folders)?;
                }
                Ok(folders)
            }));
            known = stored.unwrap();
            done += waiting;
            waiting = 0;
            if done % 50_000 < BATCH {
                eprint!("\r{done} messages, {:.0}/s ", done as f64 / start.elapsed().as_secs_f64());
            }
        }
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    eprintln!("\r{done} messages, {rate:.0}/s");
    std::fs::write(directory.join("whole"), SCHEMA).unwrap();
    (path, Some(rate))
}

fn store(tx: &Tx<'_>, made: &MadeUp, known: &mut HashMap<&'static str, FolderId>) -> Result<(), StoreError> {
    let mut folder = None;
    for (end, _) in made.folder.match_indices('/').chain([(made.folder.len(), "")]).filter(|(end, _)| *end > 0) {
        let path = &made.folder[..end];
        if let Some(id) = known.get(path) {
            folder = Some(*id);
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let id = folders::create(tx, folder, name, made.created_at)?.id;
        known.insert(path, id);
        folder = Some(id);
    }
    let new = NewConversation { folder, title: Some(made.title.clone()), ..NewConversation::default() };
    let id = conversations::create(tx, &new, made.created_at)?.row.id;
    let (conversation, _) = messages::head(tx, id)?;
    let mut parent = None;
    for said in &made.messages {
        let new = NewMessage {
            conversation,
            parent,
            role: said.role,
            state: MessageState::Done,
            content: &said.content,
            model: said.model,
            weight: weigh_message(&said.content),
            lease: None,
            now: said.created_at,
        };
        parent = Some(messages::add(tx, &new)?.0);
    }
    debug_assert!(made.messages.first().is_none_or(|first| first.role == MessageRole::User));
    Ok(())
}

/// What is typed, by kind. Ranks are those of the vocabulary: 0 stands in nearly every message, 20 000 in few.
fn queries() -> Vec<(&'static str, Vec<String>)> {
    let text = TextMaker::new(99);
    let ranks = [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 20_000];
    let word = |rank: usize| text.word_of_rank(rank).to_owned();
    let one: Vec<String> = ranks.iter().map(|rank| format!("{} ", word(*rank))).collect();
    let pairs = |step: usize| ranks.iter().enumerate().map(move |(at, rank)| (*rank, ranks[(at + step) % ranks.len()]));
    let two = [1, 2, 4].into_iter().flat_map(pairs).map(|(one, two)| format!("{} {} ", word(one), word(two))).collect();
    let three = [1, 3]
        .into_iter()
        .flat_map(pairs)
        .map(|(one, two)| format!("{} {} {} ", word(one), word(two), word(usize::midpoint(one, two))))
        .collect();
    let mut prefixes = Vec::new();
    for rank in ranks {
        let whole = word(rank);
        for length in 1..=5 {
            if let Some((end, _)) = whole.char_indices().nth(length) {
                prefixes.push(whole[..end].to_owned());
            }
        }
    }
    prefixes.extend(["the qu", "of data mod", "value fun", "function he"].map(str::to_owned));
    let phrases = ["\"of the\"", "\"the of\"", "\"in the way\"", "\"let mut out\"", "\"created at\"", "\"res status\""];
    let needles = (0..10).map(|number| format!("{} ", ollamanet::fake::history::needle(number * 9))).collect();
    vec![
        ("one word", one),
        ("two words", two),
        ("three words", three),
        ("beginnings of one to five letters", prefixes),
        ("phrases", phrases.map(str::to_owned).to_vec()),
        (
            "Chinese, Japanese, Korean, Arabic, Cyrillic",
            ["搜索", "模", "使用这个", "ファイル", "검색", "النموذج", "сообщение", "функц"].map(str::to_owned).to_vec(),
        ),
        ("words that stand in one message", needles),
    ]
}

fn parsed(query: &str) -> Wanted {
    read(query, true, &Timestamp::now().to_zoned(ollamanet::zone::local())).unwrap().wanted
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn at(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

fn resident() -> u64 {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn raw(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    let hex = "07".repeat(KEY.len());
    conn.execute_batch(&format!(
        "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{hex}'\"; PRAGMA cache_size = -8192"
    ))
    .unwrap();
    conn
}

/// One search, as the program makes it.
fn search(runtime: &Runtime, vault: &Vault, query: &str) -> usize {
    let (wanted, now) = (parsed(query), jiff::Timestamp::now().as_millisecond());
    let found: Result<_, StoreError> = runtime
        .block_on(vault.db.search(move |tx, going| search::find(tx, going, &wanted, Place::beginning(now), PAGE)));
    found.unwrap().hits.len()
}

/// What it takes to read and search: in a process that has done nothing else, since what the filling and the queries
/// beside ours took stays with their process.
fn resident_while_searching(path: &Path) -> u64 {
    let told = std::process::Command::new(std::env::current_exe().unwrap()).env(RESIDENT_OF, path).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
}

fn read_and_search(path: &Path) {
    let runtime = Runtime::new().unwrap();
    let vault = open(path);
    reading(&runtime, &vault, 0, &mut Vec::new());
    for (_, queries) in queries() {
        for query in &queries {
            std::hint::black_box(search(&runtime, &vault, query));
        }
    }
    println!("{}", resident());
}

fn searches(runtime: &Runtime, path: &Path, vault: &Vault, count: usize, rows: &mut Vec<Row>) {
    let conn = raw(path);
    let mut bare = conn.prepare(RAW).unwrap();
    let mut ranked = conn.prepare(RANKED).unwrap();
    let (mut ours_sum, mut raw_sum, mut ranked_sum) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for (kind, queries) in queries() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..4 {
            for query in &queries {
                let words = search::expression(&parsed(query)).unwrap();
                ours.push(timed(|| search(runtime, vault, query)));
                theirs.push(timed(|| lengths(&mut bare, &words)));
                if round == 0 {
                    ranked_sum += 4 * timed(|| lengths(&mut ranked, &words));
                }
            }
        }
        ours_sum += ours.iter().sum::<Duration>();
        raw_sum += theirs.iter().sum::<Duration>();
        let (median, late) = (at(&mut ours, 0.5), at(&mut ours, 0.95));
        rows.push(Row::time(format!("Search {count} messages, {kind} (median)"), median, Target::None).beside(
            "the same FTS5 query and rows in raw SQLite",
            at(&mut theirs, 0.5),
            median,
        ));
        rows.push(Row::time("… (p95)", late, Target::Ms(50.0)).beside("raw", at(&mut theirs, 0.95), late));
    }
    rows.push(Row::time(format!("All searches of {count} messages together"), ours_sum, Target::Times(1.3)).beside(
        "raw, unranked, messages alone",
        raw_sum,
        ours_sum,
    ));
    rows.push(Row::time("… beside FTS5's own ranking of them", ours_sum, Target::Times(1.3)).beside(
        "raw, ORDER BY rank",
        ranked_sum,
        ours_sum,
    ));
}

/// Reads all that a query gives.
fn lengths(query: &mut rusqlite::Statement<'_>, words: &str) -> usize {
    let mut found = query.query([words]).unwrap();
    let mut bytes = 0;
    while let Some(row) = found.next().unwrap() {
        bytes += row.get_ref(5).unwrap().as_str().unwrap().len() + row.get_ref(6).unwrap().as_str().unwrap().len();
    }
    bytes
}

fn reading(runtime: &Runtime, vault: &Vault, count: usize, rows: &mut Vec<Row>) {
    let read = |work: fn(&Tx<'_>) -> Result<(), StoreError>| {
        let mut times: Vec<Duration> =
            (0..50).map(|_| timed(|| runtime.block_on(vault.db.read(work)).unwrap())).collect();
        at(&mut times, 0.5)
    };
    let tree = read(|tx| {
        folders::tree(tx)?;
        conversations::shelf(tx, Shelf::Recent, "", None, 60).map(drop)
    });
    rows.push(Row::time(format!("Open the tree at {count} messages (median)"), tree, Target::Ms(5.0)));
    let page = read(|tx| {
        let (recent, _) = conversations::shelf(tx, Shelf::Recent, "", None, 60)?;
        for row in recent.iter().take(20) {
            branch::open(tx, row.id, 60)?;
        }
        Ok(())
    });
    rows.push(Row::time(
        format!("A page of the transcript at {count} messages (mean of 20, median)"),
        page / 20,
        Target::Ms(5.0),
    ));
}

fn main() {
    // `cargo test --benches` asks for a list of tests, and there are none.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    if let Some(path) = std::env::var_os(RESIDENT_OF) {
        return read_and_search(Path::new(&path));
    }
    let count = std::env::var("HISTORY_MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let runtime = Runtime::new().unwrap();
    let mut rows = Vec::new();
    let (small, _) = furnished(&runtime, 1_000);
    let (large, rate) = furnished(&runtime, count);
    let vault = open(&small);
    reading(&runtime, &vault, 1_000, &mut rows);
    let vault = open(&large);
    reading(&runtime, &vault, count, &mut rows);
    searches(&runtime, &large, &vault, count, &mut rows);
    rows.push(Row::megabytes(
        format!("Resident after reading and searching {count} messages"),
        resident_while_searching(&large),
        Target::Megabytes(60.0),
    ));
    rows.push(Row::megabytes("The vault on disk", std::fs::metadata(&large).unwrap().len(), Target::None));
    if let Some(rate) = rate {
        rows.push(Row::count("Messages a second while it was filled", rate, Target::None));
    }
    table::print_head();
    rows.iter().for_each(Row::print);
}
