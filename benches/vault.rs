//! What the store takes for opening and paging a conversation of 50 000 messages, without the interface. What a person
//! waits for, and what a commit costs beside raw SQLite, is measured in `outside`. `cargo bench --bench vault`
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    missing_docs,
    reason = "a benchmark that cannot go on should say where"
)]

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use ollamanet::{
    api::{
        AccountId, ConversationId, MessageId,
        chat::{MessageRole, MessageState},
        organise::NewConversation,
    },
    store::{
        StoreError, Vault,
        data_key::RawKey,
        vault::{Tx, branch, conversations, messages, messages::NewMessage, window},
    },
};
use tokio::runtime::Runtime;

const MESSAGES: usize = 50_000;
const TEXT: &str = "Because the future holds a reference across the await, it is not Send; keep the guard in a block of its \
    own, or clone what you need before awaiting, and the compiler will be content.";
const KEY: [u8; 32] = [7; 32];

fn open(home: &Path) -> Vault {
    Vault::open(AccountId::new(), &home.join("vault.db"), &RawKey::copied(&KEY), false).unwrap()
}

fn add(tx: &Tx<'_>, conversation: i64, parent: Option<i64>, number: usize) -> Result<(i64, MessageId), StoreError> {
    let role = if number.is_multiple_of(2) { MessageRole::User } else { MessageRole::Assistant };
    let new = NewMessage {
        conversation,
        parent,
        role,
        state: MessageState::Done,
        content: TEXT,
        model: None,
        weight: 200,
        lease: None,
        now: 1,
    };
    messages::add(tx, &new)
}

fn create(runtime: &Runtime, vault: &Vault, count: usize) -> ConversationId {
    let made: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| {
        let id = conversations::create(tx, &NewConversation::default(), 1)?.row.id;
        let (conversation, _) = messages::head(tx, id)?;
        let mut parent = None;
        for number in 0..count {
            parent = Some(add(tx, conversation, parent, number)?.0);
        }
        Ok(id)
    }));
    made.unwrap()
}

fn long(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let vault = open(home.path());
    let id = create(&runtime, &vault, MESSAGES);
    let mut group = c.benchmark_group("a conversation of 50 000 messages");
    group.bench_function("open", |b| {
        b.iter(|| {
            let opened: Result<_, StoreError> = runtime.block_on(vault.db.read(move |tx| branch::open(tx, id, 50)));
            black_box(opened.unwrap())
        });
    });
    group.bench_function("read what a window of 8 192 tokens is chosen from", |b| {
        b.iter(|| {
            let read: Result<_, StoreError> = runtime.block_on(vault.db.read(move |tx| {
                let (conversation, head) = messages::head(tx, id)?;
                window::branch(tx, conversation, head, 4 * 8192, None)
            }));
            black_box(read.unwrap())
        });
    });
    let mut place = None;
    group.bench_function("page up by 50", |b| {
        b.iter(|| {
            let before = place;
            let page: Result<_, StoreError> = runtime.block_on(vault.db.read(move |tx| match before {
                Some(before) => branch::older(tx, id, before, 50),
                None => branch::newest(tx, id, 50),
            }));
            let page = page.unwrap();
            place = page.messages.first().filter(|_| page.has_older).map(|message| message.id);
            black_box(page)
        });
    });
    group.bench_function("show another branch from the top", |b| {
        let first = runtime.block_on(vault.db.read(move |tx| branch::newest(tx, id, 1))).map_err(|e: StoreError| e);
        let last = first.unwrap().messages[0].id;
        b.iter(|| {
            let shown: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| branch::show(tx, id, last)));
            shown.unwrap();
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = long
}
criterion_main!(benches);
