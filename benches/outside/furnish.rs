//! Homes for the program to start in: one with an account and nothing else, and one of somebody who has used it for years.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use ollamanet::{
    api::{
        ConversationId,
        chat::{MessageRole, MessageState},
        organise::NewConversation,
    },
    store::{
        StoreError, Vault,
        keys::{SlotKind, unseal},
        system::{accounts, open_system, slots},
        vault::{Tx, conversations, messages},
    },
};

use crate::common;

pub const PASSPHRASE: &str = "correct-lantern-orbit-velvet-marsh";
/// Conversations beside those that are opened, and messages in each.
pub const CONVERSATIONS: usize = 2000;
const MESSAGES_EACH: usize = 50;
pub const LONG: usize = 50_000;
pub const SHORT: usize = 50;

const QUESTION: &str = "Why does this future not implement Send, and what is the usual way out of it?";
const ANSWER: &str = "Because it holds a **reference** across the await. Keep the guard in a block of its own, or clone what \
    you need before awaiting:\n\n- `let value = shared.lock().clone();`\n- then await\n\nThe compiler will be content.";

/// A command of the program in that home; what it says is dropped.
pub fn command(home: &Path, port: u16, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ollamanet"));
    command
        .args(args)
        .env_clear()
        .envs(common::environment(home))
        .env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An account that stays signed in.
pub fn account(home: &Path, port: u16) {
    let mut child = command(home, port, &["account", "create", "bench", "--passphrase-fd", "0", "--stay"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(PASSPHRASE.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "the account is made");
}

/// The account's vault, open.
fn vault(home: &Path, runtime: &tokio::runtime::Runtime) -> (ollamanet::store::Db, Vault) {
    let data = home.join("data/ollamanet");
    let system = open_system(&data.join("system.db"), false).unwrap();
    let found: Result<_, StoreError> = runtime.block_on(system.read(|tx| {
        let account = accounts::by_name(tx, "bench")?.ok_or(StoreError::NotFound("account"))?;
        let slot = slots::of(tx, account.id, SlotKind::Passphrase)?.ok_or(StoreError::NotFound("slot"))?;
        Ok((account, slot))
    }));
    let (account, slot) = found.unwrap();
    let key = unseal(&slot, PASSPHRASE.as_bytes()).unwrap();
    let file = data.join("vaults").join(format!("{}.db", account.vault));
    (system, Vault::open(account.id, &file, &key, false).unwrap())
}

/// Long messages until the account's vault has grown by so much.
pub fn fatten(home: &Path, megabytes: usize) {
    const LONG: usize = 64 * 1024;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (system, vault) = vault(home, &runtime);
    for _ in 0..(megabytes * 1_000_000 / LONG).div_ceil(100) {
        let filled: Result<_, StoreError> = runtime.block_on(vault.db.write(|tx| {
            let new = NewConversation { title: Some("Fat".to_owned()), ..NewConversation::default() };
            let id = conversations::create(tx, &new, 1)?.row.id;
            let (conversation, _) = messages::head(tx, id)?;
            let content = "word ".repeat(LONG / 5);
            (0..100).try_for_each(|_| {
                let new = messages::NewMessage {
                    conversation,
                    parent: None,
                    role: MessageRole::User,
                    state: MessageState::Done,
                    content: &content,
                    model: None,
                    weight: 240,
                    lease: None,
                    now: 1,
                };
                messages::add(tx, &new).map(drop)
            })
        }));
        filled.unwrap();
    }
    drop((vault, system));
    assert!(ollamanet::store::thread::wait_until_closed(common::pty::PATIENCE), "the vault is closed");
}

/// Fills the account's vault: many conversations, a short one and a very long one. Written as the program writes them,
/// but in large transactions.
pub fn years_of_use(home: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (system, vault) = vault(home, &runtime);
    for hundred in 0..CONVERSATIONS / 100 {
        let filled: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| {
            for number in hundred * 100..(hundred + 1) * 100 {
                conversation(tx, &format!("Conversation {number} about lifetimes"), MESSAGES_EACH)?;
            }
            Ok(())
        }));
        filled.unwrap();
    }
    for (title, count) in [("Yardstick short", SHORT), ("Yardstick long", LONG)] {
        let filled: Result<_, StoreError> = runtime.block_on(vault.db.write(move |tx| conversation(tx, title, count)));
        filled.unwrap();
    }
    drop((vault, system));
    assert!(ollamanet::store::thread::wait_until_closed(common::pty::PATIENCE), "the vault is closed");
}

/// A conversation whose messages begin with their number: see [`mark`].
pub fn conversation(tx: &Tx<'_>, title: &str, count: usize) -> Result<ConversationId, StoreError> {
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    let id = conversations::create(tx, &new, 1)?.row.id;
    let (conversation, _) = messages::head(tx, id)?;
    let mut parent = None;
    for number in 0..count {
        let is_question = number.is_multiple_of(2);
        let (role, text) = if is_question { (MessageRole::User, QUESTION) } else { (MessageRole::Assistant, ANSWER) };
        let content = format!("{} {text}", mark(number, count));
        let new = messages::NewMessage {
            conversation,
            parent,
            role,
            state: MessageState::Done,
            content: &content,
            model: (!is_question).then_some("bench:latest"),
            weight: 240,
            lease: None,
            now: 1,
        };
        parent = Some(messages::add(tx, &new)?.0);
    }
    Ok(id)
}

/// What message `number` of a conversation of `count` begins with.
pub fn mark(number: usize, count: usize) -> String {
    format!("n{number}of{count}.")
}
