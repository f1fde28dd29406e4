//! What an import takes, from a file to a vault with its index for searching and its counts, beside the same rows put into
//! the same kind of file by SQLite alone, without either. `cargo bench --bench import [-- MESSAGES]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    missing_docs,
    reason = "a bench prints, and ends where it cannot go on"
)]

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use ollamanet::{
    api::{
        auth::{NewAccount, Secret},
        events::Event,
        transfer::{ImportReport, NewImport, TransferEnd, TransferEvent},
    },
    app,
    config::{Config, live::Live},
    fake::history::{History, Wanted},
    paths::Paths,
    tasks::Tasks,
};
use rusqlite::{Connection, named_params};
use serde_json::json;

const MESSAGES: usize = 50_000;
const SCHEMA: &str = include_str!("../src/store/migrations/vault/0001_start.sql");

fn history(messages: usize) -> History {
    History::new(Wanted { messages, ..Wanted::default() })
}

/// As Claude exports it.
fn write(path: &Path, messages: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for (number, chat) in history(messages).enumerate() {
        let said: Vec<_> = chat
            .messages
            .iter()
            .enumerate()
            .map(|(at, said)| {
                let sender = if at % 2 == 0 { "human" } else { "assistant" };
                json!({ "uuid": format!("{number}-{at}"), "sender": sender, "text": said.content, "created_at": said.created_at })
            })
            .collect();
        let chat = json!({ "uuid": format!("c{number}"), "name": chat.title, "created_at": chat.created_at, "chat_messages": said });
        write!(out, "{}{chat}", if number == 0 { "[" } else { ",\n" }).unwrap();
    }
    out.write_all(b"]\n").unwrap();
    out.flush().unwrap();
}

fn import(home: &Path, file: &Path) -> (ImportReport, Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = Config::default();
        "127.0.0.1:1".clone_into(&mut config.ollama.host);
        let paths = Paths::find(Some(&home.join("data"))).unwrap();
        let tasks = Tasks::new();
        let gateway = app::compose(&paths, &config, &Live::fixed(config.clone()), &tasks).unwrap();
        let new = NewAccount { name: "bench".to_owned(), passphrase: Secret::new("basin lumen tripod velvet marsh") };
        let session = gateway.create_first_admin(new).await.unwrap().session;
        let mut events = gateway.events(&session).await.unwrap();
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let begin = Instant::now();
        let import = NewImport { file: file.to_path_buf(), dry_run: false };
        gateway.start_import(&session, import).await.unwrap();
        let report = loop {
            if let Some(Event::Transfer { event: TransferEvent::Ended(end), .. }) = events.recv().await {
                match *end {
                    TransferEnd::Imported(report) => break report,
                    other => panic!("{other:?}"),
                }
            }
        };
        let took = begin.elapsed();
        tasks.stop(Duration::from_secs(10)).await;
        (report, took)
    })
}

/// The same rows, without anything around them: as many in one transaction as an import takes.
fn raw(home: &Path, messages: usize) -> Duration {
    let mut conn = Connection::open(home.join("raw.db")).unwrap();
    conn.execute_batch(
        "PRAGMA key = \"x'0707070707070707070707070707070707070707070707070707070707070707'\";
         PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
    )
    .unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    // What follows of itself is the program's: the index for searching, the counts.
    let triggers: Vec<String> = conn
        .prepare("SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    conn.execute_batch(&triggers.join(";")).unwrap();
    let all: Vec<_> = history(messages).collect();
    let begin = Instant::now();
    let mut bytes = 0;
    let mut tx = conn.transaction().unwrap();
    for chat in all {
        tx.prepare_cached(
            "INSERT INTO conversations (id, title, title_key, title_origin, used, used_at, created_at, updated_at)
             VALUES (randomblob(16), :title, :title, 'manual', 1, 1, 1, 1)",
        )
        .unwrap()
        .execute(named_params! { ":title": chat.title })
        .unwrap();
        let conversation = tx.last_insert_rowid();
        let mut parent = None;
        for said in chat.messages {
            tx.prepare_cached(
                "INSERT INTO messages (id, conversation, parent, role, state, created_at, content)
                 VALUES (randomblob(16), :conversation, :parent, :role, 'done', :at, :content)",
            )
            .unwrap()
            .execute(named_params! {
                ":conversation": conversation,
                ":parent": parent,
                ":role": said.role.as_str(),
                ":at": said.created_at,
                ":content": said.content,
            })
            .unwrap();
            parent = Some(tx.last_insert_rowid());
            bytes += said.content.len() + 512;
        }
        if bytes > 1024 * 1024 {
            tx.commit().unwrap();
            bytes = 0;
            tx = conn.transaction().unwrap();
        }
    }
    tx.commit().unwrap();
    begin.elapsed()
}

/// The most memory that the process has had since it was asked to forget (proc(5): `clear_refs`, `VmHWM`), MiB: making an
/// account takes far more than an import does.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` and `--list` ask benches to be quick.
    let is_quick = args.iter().any(|arg| arg == "--test" || arg == "--list");
    let wanted = args.iter().find_map(|arg| arg.parse().ok());
    let messages = if is_quick { 200 } else { wanted.unwrap_or(MESSAGES) };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("conversations.json");
    write(&file, messages);
    let size = file.metadata().unwrap().len() / 1024 / 1024;
    let (report, took) = import(home.path(), &file);
    let after = most_memory();
    assert!(report.broke_off.is_none() && report.counts.messages >= messages as u64, "{report:?}");
    let alone = raw(home.path(), messages);
    let rate = |took: Duration| report.counts.messages as f64 / took.as_secs_f64();
    println!("{} messages in {} conversations, {size} MiB", report.counts.messages, report.counts.imported);
    println!("import      {:8.0} messages/s", rate(took));
    println!("rows alone  {:8.0} messages/s, ratio {:.2}", rate(alone), took.as_secs_f64() / alone.as_secs_f64());
    println!("memory      {after} MiB at the most");
}
