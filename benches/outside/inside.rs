//! Two figures that cannot be seen from outside, measured in this process on the program's own parts: what the gate adds
//! to a call, and what a message's commit costs beside the same statements on a bare connection.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ollamanet::{
    access::{Class, Member, Op},
    api::{
        AccountId, MessageId,
        auth::Role,
        chat::{MessageRole, MessageState},
        organise::NewConversation,
    },
    config::LimitsConfig,
    store::{
        StoreError, Vault,
        vault::{Tx, conversations, messages},
    },
};
use rusqlite::{Connection, TransactionBehavior, functions::FunctionFlags, params};
use tokio::runtime::Runtime;

use crate::{
    common::gates::{Window, op},
    table::{Row, Target, median},
};

static READ: Op = op("bench.read", Class::Read);

const CALLS: usize = 20_000;
const COMMITS: usize = 400;
const KEY: [u8; 32] = [7; 32];
const TEXT: &str = "Because the future holds a reference across the await, it is not Send; keep the guard in a block of its \
    own, or clone what you need before awaiting, and the compiler will be content.";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Session, permission, allowance, deadline and trace, around work that does nothing.
pub fn gate() {
    let runtime = runtime();
    let dir = tempfile::tempdir().unwrap();
    // An allowance that the measurement cannot use up.
    let window = Window::open(dir.path(), LimitsConfig { read_per_minute: 1_000_000_000, ..LimitsConfig::default() });
    let (session, round) = runtime.block_on(async {
        let account = window.account("ann", Role::User).await;
        let session = window.sign_in(dir.path(), &account).await;
        let mut round = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let begin = Instant::now();
            window.system.read::<_, StoreError>(|_| Ok(())).await.unwrap();
            round.push(begin.elapsed());
        }
        (session, round)
    });
    let mut calls = Vec::with_capacity(CALLS);
    runtime.block_on(async {
        for _ in 0..CALLS {
            let begin = Instant::now();
            window.gate.call::<Member, _, _>(&session, &READ, async |_| Ok(())).await.unwrap();
            calls.push(begin.elapsed());
        }
    });
    let (call, round) = (median(&calls), median(&round));
    Row::time("What the gate adds to a call, session warm (median)", call, Target::Ms(0.05))
        .beside("an empty read on a database's thread", round, call)
        .print();
}

fn open(path: &Path) -> Vault {
    Vault::open(AccountId::new(), path, &ollamanet::store::data_key::RawKey::copied(&KEY), false).unwrap()
}

/// One message, alternately through the vault and on a bare connection: same schema, cipher, pragmas, row, and the same
/// change to the conversation; `synchronous=FULL` on both.
pub fn commit() {
    let runtime = runtime();
    let home = tempfile::tempdir().unwrap();
    let vault = open(&home.path().join("vault.db"));
    let made: Result<_, StoreError> = runtime.block_on(vault.db.write(begin_conversation));
    let id = made.unwrap();

    let bare = home.path().join("bare.db");
    let made: Result<_, StoreError> = {
        let other = open(&bare);
        runtime.block_on(other.db.write(begin_conversation))
    };
    made.unwrap();
    assert!(wait_for_the_other(&bare), "the bare file is free");
    let mut raw = Connection::open(&bare).unwrap();
    raw.execute_batch("PRAGMA cipher_log_level = NONE").unwrap();
    raw.pragma_update(None, "key", format!("x'{}'", "07".repeat(KEY.len()))).unwrap();
    raw.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;",
    )
    .unwrap();

    // The schema's triggers keep the words of a message for searching; both files have them.
    raw.create_scalar_function(
        "search_words",
        -1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS,
        |call| Ok(ollamanet::words::entry(&call.get::<String>(0)?)),
    )
    .unwrap();

    let (mut ours, mut plain) = (Vec::with_capacity(COMMITS), Vec::with_capacity(COMMITS));
    for number in 0..COMMITS {
        let begin = Instant::now();
        let added: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| {
            let (conversation, head) = messages::head(tx, id)?;
            add(tx, conversation, head)
        }));
        added.unwrap();
        let by_us = begin.elapsed();
        let begin = Instant::now();
        by_hand(&mut raw);
        let by_hand = begin.elapsed();
        // The first ones fill the caches.
        if number >= 20 {
            ours.push(by_us);
            plain.push(by_hand);
        }
    }
    let (ours, plain) = (median(&ours), median(&plain));
    Row::time("Commit of one message, on disk (median)", ours, Target::None)
        .beside("raw SQLite, same schema, cipher and `synchronous=FULL`", plain, ours)
        .print();
}

/// Closing takes a moment: its threads end after the handle went.
fn wait_for_the_other(path: &Path) -> bool {
    let log = std::path::PathBuf::from([path.to_str().unwrap(), "-wal"].concat());
    let patience = Instant::now() + Duration::from_secs(10);
    while log.exists() && Instant::now() < patience {
        std::thread::yield_now();
    }
    !log.exists()
}

fn begin_conversation(tx: &Tx<'_>) -> Result<ollamanet::api::ConversationId, StoreError> {
    let id = conversations::create(tx, &NewConversation::default(), 1)?.row.id;
    let (conversation, _) = messages::head(tx, id)?;
    add(tx, conversation, None)?;
    Ok(id)
}

fn add(tx: &Tx<'_>, conversation: i64, parent: Option<i64>) -> Result<(i64, MessageId), StoreError> {
    let new = messages::NewMessage {
        conversation,
        parent,
        role: MessageRole::User,
        state: MessageState::Done,
        content: TEXT,
        model: None,
        weight: 200,
        lease: None,
        now: 1,
    };
    messages::add(tx, &new)
}

/// The least that keeps the same: the row, and the conversation that ends with it.
fn by_hand(raw: &mut Connection) {
    let tx = raw.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let head: Option<i64> = tx
        .prepare_cached("SELECT head FROM conversations WHERE seq = 1")
        .unwrap()
        .query_row([], |row| row.get(0))
        .unwrap();
    tx.prepare_cached(
        "INSERT INTO messages (id, conversation, parent, role, state, weight, created_at, content)
         VALUES (?1, 1, ?2, 'user', 'done', 200, 1, ?3)",
    )
    .unwrap()
    .execute(params![MessageId::new().0, head, TEXT])
    .unwrap();
    let seq = tx.last_insert_rowid();
    tx.prepare_cached("UPDATE conversations SET head = ?1, messages = messages + 1, used = used + 1 WHERE seq = 1")
        .unwrap()
        .execute([seq])
        .unwrap();
    tx.commit().unwrap();
}
