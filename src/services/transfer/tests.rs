//! Out into a file and in again, through both halves and real vaults.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    export::{self, Sink},
    import::{self, Import, open_file},
    rows::Rows,
};
use crate::{
    api::{
        Fault,
        chat::{Message, MessageRole},
        organise::{ConversationRow, Shelf},
        transfer::{ExportFormat, ExportScope, ImportOutcome, ImportRow},
    },
    store::{
        StoreError, Vault,
        vault::{branch, conversations, portable, scratch},
    },
};

/// What an import told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) done: import::Done,
    pub(super) rows: Vec<ImportRow>,
}

impl Told {
    /// How many of each: imported, updated, same, changed, skipped.
    pub(super) fn counts(&self) -> [u64; 5] {
        let counts = &self.done.counts;
        [counts.imported, counts.updated, counts.same, counts.changed, counts.skipped]
    }

    pub(super) fn notes(&self) -> String {
        self.rows.iter().flat_map(|row| row.notes.clone()).collect::<Vec<_>>().join("\n")
    }
}

pub(super) async fn bring_in(vault: &Vault, path: &Path) -> Result<Told, Fault> {
    bring_in_or_look(vault, path, false).await
}

async fn bring_in_or_look(vault: &Vault, path: &Path, dry_run: bool) -> Result<Told, Fault> {
    let (file, bytes) = open_file(path)?;
    let rows: Arc<Mutex<Rows>> = Arc::default();
    let import = Import {
        vault: vault.clone(),
        file,
        bytes,
        dry_run,
        stop: CancellationToken::new(),
        rows: Arc::clone(&rows),
        now: 1_700_000_000_000,
    };
    let done = import::run(import, |_, _| {}).await?;
    let page = rows.lock().unwrap().page(0, u32::MAX);
    Ok(Told { done, rows: page.rows })
}

pub(super) async fn bring_in_json(vault: &Vault, home: &Path, json: &Value) -> Result<Told, Fault> {
    let path = home.join("import.json");
    fs::write(&path, json.to_string()).unwrap();
    bring_in(vault, &path).await
}

async fn take_out(vault: &Vault, scope: &ExportScope, format: ExportFormat, to: &Path) -> Vec<u8> {
    let sink = Sink::File { to: to.to_path_buf(), overwrite: true };
    export::run(vault, scope, format, None, sink, &CancellationToken::new(), |_| {}).await.unwrap();
    fs::read(to).unwrap()
}

pub(super) async fn listed(vault: &Vault, shelf: Shelf) -> Vec<ConversationRow> {
    vault.db.read(move |tx| conversations::shelf(tx, shelf, "", None, 100)).await.map_err(|e: StoreError| e).unwrap().0
}

/// The branch on view.
pub(super) async fn said(vault: &Vault, row: &ConversationRow) -> Vec<Message> {
    let id = row.id;
    vault.db.read(move |tx| branch::newest(tx, id, 1000)).await.map_err(|e: StoreError| e).unwrap().messages
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_leaves_and_comes_into_an_empty_vault_leaves_it_as_the_same_bytes(seed in any::<u64>()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let (from, to) = (scratch::vault(&one), scratch::vault(&two));
            from.db
                .write(move |tx| { portable::tests::fill(tx, seed); Ok::<_, StoreError>(()) })
                .await
                .unwrap();
            let path = one.path().join("first.tar.gz");
            let first = take_out(&from, &ExportScope::Everything, ExportFormat::Own, &path).await;
            let told = bring_in(&to, &path).await;
            let told = told.unwrap();
            prop_assert_eq!(told.done.broke_off.clone(), None);
            prop_assert_eq!(told.counts()[1..].to_vec(), vec![0, 0, 0, 0], "{:?}", told);
            let again = two.path().join("second.tar.gz");
            let second = take_out(&to, &ExportScope::Everything, ExportFormat::Own, &again).await;
            prop_assert!(first == second, "seed {}: {}", seed, difference(&path, &again));
            // Neither the one nor the other has anything new in it.
            for vault in [&to, &from] {
                let told = bring_in(vault, &again).await.unwrap();
                prop_assert_eq!([told.counts()[0], told.counts()[1], told.counts()[4]], [0, 0, 0], "{:?}", told);
            }
            let third = take_out(&to, &ExportScope::Everything, ExportFormat::Own, &again).await;
            prop_assert!(first == third);
            let untouched = take_out(&from, &ExportScope::Everything, ExportFormat::Own, &again).await;
            prop_assert!(first == untouched);
            Ok(())
        })?;
    }
}

/// The first line that differs.
fn difference(one: &Path, other: &Path) -> String {
    let lines = |path: &Path| {
        let mut text = String::new();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(path).unwrap()));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            text.push_str(&entry.path().unwrap().display().to_string());
            text.push('\n');
            let _ = std::io::Read::read_to_string(&mut entry, &mut text);
        }
        text
    };
    let (one, other) = (lines(one), lines(other));
    let pair = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    pair.map_or_else(|| "a different number of lines".to_owned(), |(one, other)| format!("\n{one}\n{other}"))
}

#[tokio::test]
async fn what_comes_into_a_vault_with_other_things_lies_below_them_in_its_own_order() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (scratch::vault(&one), scratch::vault(&two));
    for (vault, titles) in [(&from, ["first", "second", "third"]), (&to, ["mine", "also mine", "mine too"])] {
        for title in titles {
            let new = crate::api::organise::NewConversation { title: Some(title.to_owned()), ..Default::default() };
            vault.db.write(move |tx| conversations::create(tx, &new, 1)).await.map_err(|e: StoreError| e).unwrap();
        }
    }
    let path = one.path().join("all.tar.gz");
    take_out(&from, &ExportScope::Everything, ExportFormat::Own, &path).await;
    assert_eq!(bring_in(&to, &path).await.unwrap().counts(), [3, 0, 0, 0, 0]);
    let titles: Vec<String> = listed(&to, Shelf::Recent).await.into_iter().map(|row| row.title).collect();
    assert_eq!(titles, ["mine too", "also mine", "mine", "third", "second", "first"]);
}

fn chat(id: &str, texts: &[&str]) -> Value {
    let messages: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let sender = if at % 2 == 0 { "human" } else { "assistant" };
            json!({ "uuid": format!("{id}-{at}"), "sender": sender, "text": text, "created_at": "2025-01-02T03:04:05Z" })
        })
        .collect();
    json!({ "uuid": id, "name": format!("About {id}"), "created_at": "2025-01-02T03:04:05Z", "chat_messages": messages })
}

#[tokio::test]
async fn one_that_has_grown_there_gets_only_what_is_new_and_one_that_was_gone_on_with_here_keeps_its_branch() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let short = json!([chat("a", &["one", "two"]), chat("b", &["one", "two"])]);
    let long = json!([chat("a", &["one", "two", "three", "four"]), chat("b", &["one", "two", "three"])]);
    assert_eq!(bring_in_json(&vault, home.path(), &short).await.unwrap().counts(), [2, 0, 0, 0, 0]);
    assert_eq!(bring_in_json(&vault, home.path(), &short).await.unwrap().counts(), [0, 0, 2, 0, 0]);
    // Somebody goes on with b here.
    let rows = listed(&vault, Shelf::Recent).await;
    let b = rows.iter().find(|row| row.title == "About b").unwrap().clone();
    let id = b.id;
    vault
        .db
        .write(move |tx| {
            let (conversation, head) = crate::store::vault::messages::head(tx, id)?;
            let new = crate::store::vault::messages::NewMessage {
                conversation,
                parent: head,
                role: MessageRole::User,
                state: crate::api::chat::MessageState::Done,
                content: "said here",
                model: None,
                weight: 1,
                lease: None,
                now: 5,
            };
            crate::store::vault::messages::add(tx, &new)
        })
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    let told = bring_in_json(&vault, home.path(), &long).await.unwrap();
    assert_eq!((told.counts(), told.done.counts.messages), ([0, 2, 0, 0, 0], 3));
    let rows = listed(&vault, Shelf::Recent).await;
    let text = async |title: &str| -> Vec<String> {
        let row = rows.iter().find(|row| row.title == title).unwrap();
        said(&vault, row).await.into_iter().map(|message| message.content).collect()
    };
    assert_eq!(text("About a").await, ["one", "two", "three", "four"]);
    assert_eq!(text("About b").await, ["one", "two", "said here"]);
    assert_eq!(rows.iter().find(|row| row.title == "About b").unwrap().messages, 4);
    assert_eq!(bring_in_json(&vault, home.path(), &long).await.unwrap().counts(), [0, 0, 2, 0, 0]);
}

#[tokio::test]
async fn what_was_changed_there_is_reported_and_not_overwritten_here() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    bring_in_json(&vault, home.path(), &json!([chat("a", &["one", "two"])])).await.unwrap();
    let told = bring_in_json(&vault, home.path(), &json!([chat("a", &["another", "two"])])).await.unwrap();
    assert_eq!(told.counts(), [0, 0, 0, 1, 0]);
    assert!(told.notes().contains("1 of its messages were changed or deleted here"), "{told:?}");
    let row = &listed(&vault, Shelf::Recent).await[0];
    assert_eq!(said(&vault, row).await[0].content, "one");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    fs::write(&path, json!([chat("a", &["one", "two"])]).to_string()).unwrap();
    let told = bring_in_or_look(&vault, &path, true).await.unwrap();
    assert_eq!((told.counts(), told.rows[0].outcome), ([1, 0, 0, 0, 0], ImportOutcome::Imported));
    assert!(listed(&vault, Shelf::Recent).await.is_empty());
}

#[tokio::test]
async fn readable_formats_hold_the_branch_on_view_and_no_character_that_steers() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let hostile =
        "<script>alert(1)</script> \u{1b}[31mred\u{202e} | a |\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```js\n<b>\n```";
    bring_in_json(&vault, home.path(), &json!([chat("a", &["ask", hostile]), chat("b", &["one", "two"])]))
        .await
        .unwrap();
    let all = ExportScope::Everything;
    let one = ExportScope::Conversations(vec![
        listed(&vault, Shelf::Recent).await.iter().find(|row| row.title == "About a").unwrap().id,
    ]);
    for (format, ending) in ExportFormat::ALL.map(|format| (format, format.ending())).into_iter().skip(1) {
        for scope in [&one, &all] {
            let to = home.path().join(format!("out.{ending}"));
            let text = String::from_utf8(take_out(&vault, scope, format, &to).await).unwrap();
            assert!(crate::safe_text::is_clean(&text), "{format:?} steers: {text}");
            assert!(text.contains("About a") && text.contains("ask"), "{text}");
            assert_eq!(text.contains("About b"), scope == &all, "{text}");
            match format {
                ExportFormat::Html => {
                    assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
                    assert!(text.contains("<table>") && text.contains("default-src 'none'"), "{text}");
                }
                ExportFormat::Json => {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    let found = value["conversations"].as_array().unwrap();
                    assert!(found.iter().any(|each| each["messages"][1]["content"] == hostile), "{value}");
                }
                ExportFormat::Markdown => {
                    let front =
                        if scope == &one { "---\ntitle: \"About a\"\n" } else { "---\nconversations: 2\n---\n" };
                    assert!(text.starts_with(front), "{text}");
                }
                ExportFormat::Own => {}
            }
        }
    }
}

#[tokio::test]
async fn a_part_that_leaves_brings_its_folders_tags_and_presets_and_nothing_else() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (scratch::vault(&one), scratch::vault(&two));
    let (inside, outside) = from
        .db
        .write(|tx| {
            let top = crate::store::vault::folders::create(tx, None, "work", 1)?.id;
            let below = crate::store::vault::folders::create(tx, Some(top), "rust", 1)?.id;
            let other = crate::store::vault::folders::create(tx, None, "private", 1)?.id;
            for (title, folder) in [("in", below), ("out", other)] {
                let new = crate::api::organise::NewConversation {
                    title: Some(title.to_owned()),
                    folder: Some(folder),
                    ..Default::default()
                };
                conversations::create(tx, &new, 1)?;
            }
            Ok::<_, StoreError>((top, other))
        })
        .await
        .unwrap();
    let path = one.path().join("part.tar.gz");
    take_out(&from, &ExportScope::Folder(inside), ExportFormat::Own, &path).await;
    assert_eq!(bring_in(&to, &path).await.unwrap().counts(), [1, 0, 0, 0, 0]);
    let folders = to.db.read(portable::folders).await.map_err(|e: StoreError| e).unwrap();
    let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["work", "rust"]);
    assert!(!folders.iter().any(|folder| folder.id == outside.0));
    assert_eq!(listed(&to, Shelf::Recent).await[0].title, "in");
}

#[tokio::test]
async fn an_archive_that_is_cut_off_gives_what_came_whole_and_says_where_it_broke() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (scratch::vault(&one), scratch::vault(&two));
    let long = (0..40).map(|at| chat(&format!("c{at}"), &["word ".repeat(4000).as_str(), &at.to_string()])).collect();
    bring_in_json(&from, one.path(), &Value::Array(long)).await.unwrap();
    let path = one.path().join("all.tar.gz");
    let whole = take_out(&from, &ExportScope::Everything, ExportFormat::Own, &path).await;
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let told = bring_in(&to, &path).await.unwrap();
    let came = told.counts()[0];
    assert!(told.done.broke_off.as_ref().is_some_and(|why| why.contains("ends in the middle")), "{told:?}");
    assert!(came < 40, "{came}");
    fs::write(&path, &whole).unwrap();
    let told = bring_in(&to, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.broke_off), ([40 - came, 0, came, 0, 0], None));
    let again = two.path().join("again.tar.gz");
    assert!(take_out(&to, &ExportScope::Everything, ExportFormat::Own, &again).await == whole, "the same after all");
}

/// A zip with these files, written by hand.
pub(super) fn zip(files: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, contents, mode) in files {
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(contents).unwrap();
        let packed = packed.finish().unwrap();
        let offset = body.len() as u32;
        let sizes = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend((packed.len() as u32).to_le_bytes());
            out.extend((contents.len() as u32).to_le_bytes());
            out.extend((name.len() as u16).to_le_bytes());
            out.extend([0, 0]);
        };
        body.extend(b"PK\x03\x04");
        sizes(&mut body);
        body.extend(name.as_bytes());
        body.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x03");
        sizes(&mut directory);
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let begin = body.len() as u32;
    body.extend(&directory);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend((files.len() as u16).to_le_bytes());
    body.extend((files.len() as u16).to_le_bytes());
    body.extend((directory.len() as u32).to_le_bytes());
    body.extend(begin.to_le_bytes());
    body.extend([0, 0]);
    body
}
