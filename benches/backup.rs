//! What a backup costs those who write meanwhile, and what a restore costs beside a plain copy of the same bytes.
//!
//! An installation is made whose vaults take 300 MB (`OLLAMANET_BACKUP_MB` for another size). Then messages are committed to one
//! of them, one every few milliseconds as answers are stored: first alone, then while one backup of everything after the
//! other is made, both in this one run and by the same writer. Then everything is restored, and the same bytes are copied as
//! they are. `cargo bench --bench backup`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a benchmark that cannot go on should say where, and tells its figures"
)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ollamanet::{
    api::{
        AccountId,
        auth::Role,
        backup::MadeBy,
        chat::{MessageRole, MessageState},
        organise::NewConversation,
    },
    store::{
        Db, StoreError, Vault,
        backup::{self, Asked, Pace, Place, Wanted},
        data_key::RawKey,
        system::{Moment, accounts, open_system},
        vault::{Tx, conversations, messages, messages::NewMessage},
    },
};
use tokio::runtime::Runtime;
use uuid::Uuid;

const VAULTS: u64 = 3;
/// A long answer, in bytes.
const LONG: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(4);

fn main() {
    // `cargo test` runs benchmarks too, to see that they begin.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let named = std::env::var("OLLAMANET_BACKUP_MB").ok().and_then(|text| text.parse().ok());
    let megabytes: u64 = if is_test { 3 } else { named.unwrap_or(300) };
    let commits = if is_test { 20 } else { 2500 };

    let runtime = Runtime::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let (system, vaults) = runtime.block_on(furnish(&data, megabytes));
    let place = Place { data: data.clone(), backups: home.path().join("backups"), cautious: false };

    let alone = runtime.block_on(commits_of(&vaults[0], commits));
    let over = Arc::new(AtomicBool::new(false));
    let (stopping, making) = (Arc::clone(&over), place.clone());
    let backups = std::thread::spawn(move || {
        let mut took = Vec::new();
        while !stopping.load(Ordering::SeqCst) || took.is_empty() {
            let begun = Instant::now();
            make(&making);
            took.push(begun.elapsed());
            for old in backup::list(&making).unwrap().iter().skip(1) {
                backup::remove(&making, &old.name).unwrap();
            }
        }
        took
    });
    let beside = runtime.block_on(commits_of(&vaults[0], commits));
    over.store(true, Ordering::SeqCst);
    let took = backups.join().unwrap();

    println!("{megabytes} MB in {VAULTS} vaults; {commits} commits each time");
    println!("                      p50       p99       worst");
    tell("a commit alone", &alone);
    tell("beside a backup", &beside);
    let middle = took[took.len() / 2];
    println!("a backup: {:.2} s, {:.0} MB/s ({} were made)", middle.as_secs_f64(), rate(megabytes, middle), took.len());

    drop(vaults);
    drop(system);
    let name = backup::list(&place).unwrap()[0].name.clone();
    let directory = backup::look_up(&place, &name).unwrap();
    let begun = Instant::now();
    copy(&directory, &home.path().join("plain"));
    let plain = begun.elapsed();
    fs::remove_dir_all(home.path().join("plain")).unwrap();
    let begun = Instant::now();
    let (stop, asked) = (AtomicBool::new(false), Asked { by: None, moment: Moment::here() });
    drop(backup::stage(&place, &directory, &Wanted::Everything, &[], &asked, &mut Pace::new(&|_| {}, &stop)).unwrap());
    let staged = begun.elapsed();
    let begun = Instant::now();
    backup::carry_out(&place.data).unwrap().unwrap();
    let swapped = begun.elapsed();
    println!("a plain copy, written out: {:.2} s", plain.as_secs_f64());
    println!(
        "a restore: {:.2} s to check and copy, {:.1} ms to take its place; {:.2} s more than the copy",
        staged.as_secs_f64(),
        swapped.as_secs_f64() * 1000.0,
        (staged + swapped).as_secs_f64() - plain.as_secs_f64()
    );
}

fn rate(megabytes: u64, took: Duration) -> f64 {
    megabytes as f64 / took.as_secs_f64()
}

fn make(place: &Place) {
    let stop = AtomicBool::new(false);
    backup::create(place, MadeBy::Person, None, &mut Pace::new(&|_| {}, &stop), Moment::clock()).unwrap();
}

async fn furnish(data: &Path, megabytes: u64) -> (Db, Vec<Vault>) {
    fs::create_dir_all(data.join("vaults")).unwrap();
    let system = open_system(&data.join("system.db"), false).unwrap();
    let mut vaults = Vec::new();
    for number in 0..VAULTS {
        let (id, vault) = (AccountId::new(), Uuid::now_v7());
        let name = format!("person{number}");
        system.write(move |tx| accounts::insert(tx, id, &name, Role::User, vault, 1)).await.unwrap();
        let path = data.join("vaults").join(format!("{vault}.db"));
        let vault = Vault::open(id, &path, &RawKey::copied(&[7; 32]), false).unwrap();
        let mut left = megabytes * 1_000_000 / VAULTS / LONG as u64;
        while left > 0 {
            let some = left.min(200);
            left -= some;
            let made: Result<(), StoreError> = vault
                .db
                .write(move |tx| {
                    let text = "word ".repeat(LONG / 5);
                    let id = conversations::create(tx, &NewConversation::default(), 1)?.row.id;
                    let (conversation, _) = messages::head(tx, id)?;
                    (0..some).try_for_each(|_| add(tx, conversation, &text).map(drop))
                })
                .await;
            made.unwrap();
        }
        vaults.push(vault);
    }
    (system, vaults)
}

fn add(tx: &Tx<'_>, conversation: i64, content: &str) -> Result<i64, StoreError> {
    let new = NewMessage {
        conversation,
        parent: None,
        role: MessageRole::User,
        state: MessageState::Done,
        content,
        model: None,
        weight: 200,
        lease: None,
        now: 1,
    };
    messages::add(tx, &new).map(|(seq, _)| seq)
}

/// How long each commit of a message took, sorted.
async fn commits_of(vault: &Vault, count: usize) -> Vec<Duration> {
    let conversation: Result<i64, StoreError> = vault
        .db
        .write(|tx| {
            let id = conversations::create(tx, &NewConversation::default(), 1)?.row.id;
            Ok(messages::head(tx, id)?.0)
        })
        .await;
    let conversation = conversation.unwrap();
    let mut took = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let added: Result<i64, StoreError> =
            vault.db.write(move |tx| add(tx, conversation, "An answer as it grows, some hundred bytes of it.")).await;
        added.unwrap();
        took.push(begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    took.sort();
    took
}

fn tell(what: &str, took: &[Duration]) {
    let ms = |at: usize| took[at].as_secs_f64() * 1000.0;
    let last = took.len() - 1;
    println!("{what:<18} {:>7.2} ms {:>6.2} ms {:>8.2} ms", ms(took.len() / 2), ms(took.len() * 99 / 100), ms(last));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            fs::File::open(to.join(entry.file_name())).unwrap().sync_all().unwrap();
        }
    }
}
