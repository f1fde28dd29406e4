//! Exports of other programs in each of their shapes, and files that mean no good.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    super::tests::{bring_in, bring_in_json, listed, said, zip},
    ELEMENT_MAX,
    own::ROOT,
};
use crate::{
    api::{
        FaultKind,
        chat::{Message, MessageRole, MessageState},
        organise::Shelf,
    },
    store::{
        StoreError, Vault,
        vault::{branch, portable, scratch},
    },
};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

/// Every conversation, wherever it lies.
async fn everything(vault: &Vault) -> Vec<crate::api::organise::ConversationRow> {
    [listed(vault, Shelf::Recent).await, listed(vault, Shelf::Archive).await].concat()
}

/// Brings the same file in a second time: it must add nothing.
async fn nothing_is_new(vault: &Vault, path: &Path) {
    let count = async |sql: &'static str| -> i64 {
        let count =
            move |tx: &crate::store::Tx<'_>| Ok::<_, StoreError>(tx.query_row(sql, [], |row| row.get(0)).unwrap());
        vault.db.read(count).await.unwrap()
    };
    let all = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM conversations)
               + (SELECT count(*) FROM documents) + (SELECT count(*) FROM folders) + (SELECT count(*) FROM tags)
               + (SELECT count(*) FROM feedback) + (SELECT count(*) FROM attachments)";
    let before = count(all).await;
    let told = bring_in(vault, path).await.unwrap();
    assert_eq!([told.counts()[0], told.counts()[1], told.counts()[3]], [0, 0, 0], "{told:?}");
    assert_eq!(count(all).await, before, "a second import added something");
}

#[tokio::test]
async fn chatgpt_comes_with_its_branches_and_without_what_is_hidden() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = fixture("chatgpt.json");
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.from), ([1, 0, 0, 0, 1], Some("ChatGPT")));
    assert_eq!(told.rows[1].notes, ["There is nothing in it."]);
    let notes = told.notes();
    assert!(notes.contains("file-service://file-abc") && notes.contains("recipe.pdf"), "{notes}");
    let row = everything(&vault).await[0].clone();
    assert_eq!((row.title.as_str(), row.pinned, row.messages), ("Sourdough at altitude", true, 8));
    assert_eq!(row.updated_at, 1_735_788_000_000);
    let messages = said(&vault, &row).await;
    assert_eq!(texts(&messages[1..]), ["It rises too fast.", "What shall I do?", "More water."]);
    assert!(messages[0].content.contains("[image that did not come along: file-service://file-abc]"), "{messages:?}");
    assert!(messages[0].content.contains("Why is my bread flat? 🍞"), "{messages:?}");
    assert_eq!(
        (messages[1].thinking.as_str(), messages[1].model.as_deref()),
        ("**Altitude**\n\nLess pressure, faster rise.", Some("gpt-4o"))
    );
    assert_eq!(messages.iter().map(|message| message.siblings).collect::<Vec<_>>(), [1, 1, 2, 2]);
    assert_eq!((messages[0].created_at, messages[3].model.as_deref()), (1_735_787_046_500, Some("o1")));
    // The other branch is there: with code, and with what a tool gave.
    let (id, through) = (row.id, messages[2].id);
    let other = vault
        .db
        .write(move |tx| {
            let other = branch::sibling(tx, id, through, 1)?;
            branch::show(tx, id, other)?;
            branch::newest(tx, id, 10)
        })
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    assert_eq!(texts(&other.messages[2..]), ["Compute it.", "```python\nprint(1)\n```", "```\n1\n```"]);
    assert_eq!(other.messages[4].role, MessageRole::Tool);
    nothing_is_new(&vault, &path).await;
}

#[tokio::test]
async fn the_zip_that_an_export_came_in_is_read_as_well_and_known_again() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let conversations = fs::read(fixture("chatgpt.json")).unwrap();
    let path = home.path().join("whatever.bin");
    let files: &[(&str, &[u8], u32)] = &[
        ("user.json", b"{\"id\":\"user-1\"}", 0o100_644),
        ("chat.html", b"<html>", 0o100_644),
        ("conversations.json", &conversations, 0o100_644),
        ("../../etc/conversations.json", &conversations, 0o100_644),
        ("link.json", b"/etc/passwd", 0o120_777),
    ];
    fs::write(&path, zip(files)).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.from), ([1, 0, 0, 0, 2], Some("ChatGPT")));
    assert!(told.notes().contains("2 links and names that lead out of the archive"), "{told:?}");
    nothing_is_new(&vault, &fixture("chatgpt.json")).await;
    fs::write(&path, &zip(files)[..400]).unwrap();
    let told = bring_in(&vault, &path).await;
    assert!(told.is_ok_and(|told| told.done.broke_off.is_some()), "a zip without its directory");
}

#[tokio::test]
async fn claude_comes_with_its_thinking_and_the_text_of_its_attachments() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = fixture("claude.json");
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.from), ([1, 0, 0, 0, 0], Some("Claude")));
    assert!(told.notes().contains("scan.png") && told.notes().contains("artifacts"), "{told:?}");
    let row = everything(&vault).await[0].clone();
    assert_eq!((row.title.as_str(), row.updated_at), ("Tax forms", 1_738_558_800_000));
    let messages = said(&vault, &row).await;
    assert!(messages[0].content.starts_with("Read this."));
    assert_eq!((messages[0].attachments[0].name.as_str(), messages[0].attachments[0].bytes), ("form.txt", 14));
    assert_eq!(
        (messages[1].content.as_str(), messages[1].thinking.as_str()),
        ("It is a form about bread.", "It is a form.")
    );
    nothing_is_new(&vault, &path).await;
}

#[tokio::test]
async fn open_webui_comes_with_tags_folder_rating_images_and_figures() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = fixture("openwebui.json");
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.from), ([1, 0, 0, 0, 0], Some("Open WebUI")));
    assert!(told.notes().contains("flour.csv") && told.notes().contains("“critic”"), "{told:?}");
    assert!(listed(&vault, Shelf::Recent).await.is_empty(), "it was archived there");
    let row = listed(&vault, Shelf::Archive).await[0].clone();
    assert_eq!((row.title.as_str(), row.pinned, row.model.as_deref()), ("Rye", true, Some("llama3.2:3b")));
    let messages = said(&vault, &row).await;
    assert_eq!(texts(&messages[1..]), ["Three hours."], "the current node ends the branch on view");
    assert_eq!(messages[1].thinking, "Rye is \"slow\".");
    assert_eq!((messages[1].metrics.answer_tokens, messages[1].metrics.answer_ms), (Some(7), Some(1000)));
    assert_eq!(messages[0].attachments.len(), 1, "an image that lies in the file itself comes along");
    let id = row.id;
    let (line, folders, tags, feedback, failed) = vault
        .db
        .read(move |tx| {
            let keys = portable::keys(tx, &portable::Which::Of(vec![id]), 0, 1)?;
            let all = portable::messages(tx, keys[0], 0)?;
            let failed = all.into_iter().find(|(_, message)| message.state == "failed").unwrap().1;
            let line = portable::conversation(tx, keys[0])?.unwrap();
            Ok::<_, StoreError>((
                line,
                portable::folders(tx)?,
                portable::tags(tx)?,
                portable::feedback_of(tx, keys[0])?,
                failed,
            ))
        })
        .await
        .unwrap();
    assert_eq!((folders[0].name.as_str(), line.folder), ("Open WebUI 9a8b7c6d", Some(folders[0].id)));
    assert_eq!(tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["cooking", "rye bread"]);
    assert_eq!((feedback[0].thumb, feedback[0].comment.as_deref()), (1, Some("right")));
    assert_eq!((failed.error.as_deref(), line.system_prompt.as_deref()), (Some("it broke"), Some("You bake.")));
    nothing_is_new(&vault, &path).await;
    let legacy = fixture("openwebui-legacy.json");
    assert_eq!(bring_in(&vault, &legacy).await.unwrap().counts(), [1, 0, 0, 0, 0]);
    assert_eq!(texts(&said(&vault, &listed(&vault, Shelf::Recent).await[0]).await), ["hello", "hi"]);
    nothing_is_new(&vault, &legacy).await;
}

fn node(id: &str, parent: Option<&str>, children: &[&str], text: &str) -> Value {
    json!({ "id": id, "parent": parent, "children": children,
            "message": { "id": id, "author": { "role": "user" }, "content": { "content_type": "text", "parts": [text] } } })
}

#[tokio::test]
async fn foreign_roles_lone_surrogates_and_nuls_come_with_a_mark() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    let file = r#"[{"uuid":"a","name":"t\u0000i\ud800tle","chat_messages":[
        {"uuid":"1","sender":"wizard","text":"lone \udc00 nul \u0000 pair \ud83c\udf5e"}]}]"#;
    fs::write(&path, file).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert!(told.notes().contains("“wizard” became a system message"), "{told:?}");
    assert!(told.notes().contains("4 characters that are no text were replaced"), "{told:?}");
    let row = everything(&vault).await[0].clone();
    let messages = said(&vault, &row).await;
    assert_eq!((messages[0].role, row.title.as_str()), (MessageRole::System, "t\u{FFFD}i\u{FFFD}tle"));
    assert_eq!(messages[0].content, "[wizard]\n\nlone \u{FFFD} nul \u{FFFD} pair 🍞");
}

#[tokio::test]
async fn a_conversation_ten_thousand_messages_deep_is_one_like_any_other() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let id = |at: usize| format!("n{at}");
    let mapping: serde_json::Map<String, Value> = (0..10_000_usize)
        .map(|at| {
            let parent = at.checked_sub(1).map(id);
            let child = id(at + 1);
            (id(at), node(&id(at), parent.as_deref(), &[child.as_str()], &at.to_string()))
        })
        .collect();
    let file = json!([{ "title": "deep", "mapping": mapping, "current_node": "n9999" }]);
    let told = bring_in_json(&vault, home.path(), &file);
    assert_eq!(told.await.unwrap().done.counts.messages, 10_000);
    let row = everything(&vault).await[0].clone();
    assert_eq!(said(&vault, &row).await.last().unwrap().content, "9999");
}

#[tokio::test]
async fn json_nested_ten_thousand_deep_costs_that_conversation_at_most() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let good = r#"{"uuid":"b","name":"good","chat_messages":[{"uuid":"1","sender":"human","text":"hello"}]}"#;
    let file = format!(
        r#"[{{"uuid":"a","name":"deep","extra":{deep},"chat_messages":[{{"uuid":"1","sender":"human","text":"kept","content":{deep}}}]}},
            {deep},{good}]"#
    );
    fs::write(&path, file).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!(told.counts(), [2, 0, 0, 0, 1], "{told:?}");
    assert_eq!(told.done.broke_off, None);
}

#[tokio::test]
async fn circles_orphans_and_double_ids_are_untangled_and_told() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    let file = format!(
        r#"[{{"title":"knot","conversation_id":"k","current_node":"nowhere","mapping":{{"a":{},"b":{},"c":{},"c":{},"d":{}}}}},
            {{"title":"twin","conversation_id":"k","mapping":{{"z":{}}}}}]"#,
        node("a", Some("b"), &["b"], "one"),
        node("b", Some("a"), &["a"], "two"),
        node("c", Some("gone"), &["c"], "three"),
        node("c", Some("a"), &[], "double"),
        node("d", Some("d"), &[], "four"),
        node("z", None, &[], "five"),
    );
    fs::write(&path, file).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!((told.counts(), told.done.counts.messages), ([1, 0, 0, 0, 1], 4), "{told:?}");
    let notes = told.notes();
    assert!(notes.contains("hang in a circle") && notes.contains("1 messages have the id of another one"), "{notes}");
    assert!(notes.contains("Another conversation in the file has the same id"), "{notes}");
}

#[tokio::test]
async fn a_file_that_is_cut_off_gives_what_came_whole() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let whole = fs::read_to_string(fixture("claude.json")).unwrap();
    let path = home.path().join("a.json");
    let good = r#"{"uuid":"b","name":"good","chat_messages":[{"uuid":"1","sender":"human","text":"hello"}]}"#;
    fs::write(&path, format!("[{good},{}", &whole[1..whole.len() / 2])).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!(told.counts(), [1, 0, 0, 0, 0]);
    assert!(told.done.broke_off.as_ref().is_some_and(|why| why.contains("ends in the middle")), "{told:?}");
    fs::write(&path, format!("[{good},{good}}}")).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert!(told.done.broke_off.as_ref().is_some_and(|why| why.contains("no JSON")), "{told:?}");
}

#[tokio::test]
async fn a_million_tiny_things_that_are_no_conversations_take_no_memory_to_speak_of() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    let good = r#"{"uuid":"b","name":"good","chat_messages":[{"uuid":"1","sender":"human","text":"hello"}]}"#;
    fs::write(&path, format!("[{}{good}]", "1,".repeat(1_000_000))).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!(told.counts(), [1, 0, 0, 0, 1_000_000]);
    assert!(told.rows.len() <= 20_000, "{}", told.rows.len());
}

#[tokio::test]
async fn what_is_larger_than_a_conversation_may_be_is_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.json");
    let good = r#"{"uuid":"b","name":"good","chat_messages":[{"uuid":"1","sender":"human","text":"hello"}]}"#;
    fs::write(&path, format!("[{{\"mapping\":\"{}\"}},{good}]", "x".repeat(ELEMENT_MAX))).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!(told.counts(), [1, 0, 0, 0, 1]);
    assert!(told.notes().contains("a conversation may take 64"), "{told:?}");
}

#[tokio::test]
async fn what_unpacks_to_far_more_than_it_is_ends_early() {
    use std::io::Write;
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let spaces = vec![b' '; 1024 * 1024];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"[").unwrap();
    for _ in 0..200 {
        packed.write_all(&spaces).unwrap();
    }
    let path = home.path().join("bomb.gz");
    fs::write(&path, packed.finish().unwrap()).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert!(told.done.broke_off.as_ref().is_some_and(|why| why.contains("unpacks to far more")), "{told:?}");
    let mut element = b"{\"mapping\":\"".to_vec();
    element.extend(vec![b'x'; 100 * 1024 * 1024]);
    fs::write(&path, zip(&[("conversations.json", &element, 0o100_644)])).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert!(told.done.broke_off.as_ref().is_some_and(|why| why.contains("unpacks to far more")), "{told:?}");
}

fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut tar = tar::Builder::new(packed);
    for (name, kind, body) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn archives_with_links_or_names_that_lead_out_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.tar.gz");
    let format =
        "{\"format\":{\"name\":\"ollamanet\",\"version\":1}}\n{\"end\":{\"conversations\":0,\"messages\":0}}\n";
    let good = format!("{ROOT}/vault/1.jsonl");
    for (name, kind, body) in [
        (format!("{ROOT}/vault/../../../x").as_str(), tar::EntryType::Regular, format),
        ("/etc/passwd", tar::EntryType::Regular, format),
        ("elsewhere/vault/1.jsonl", tar::EntryType::Regular, format),
        (good.as_str(), tar::EntryType::Symlink, ""),
        (good.as_str(), tar::EntryType::Link, ""),
        (good.as_str(), tar::EntryType::Fifo, ""),
        ("x", tar::EntryType::GNULongName, "a very long name"),
    ] {
        fs::write(&path, archive(&[(name, kind, body)])).unwrap();
        let fault = bring_in(&vault, &path).await.unwrap_err();
        assert!(fault.message.contains("links, or names that lead out"), "{name}: {fault}");
    }
    fs::write(&path, archive(&[(&good, tar::EntryType::Regular, format)])).unwrap();
    assert_eq!(bring_in(&vault, &path).await.unwrap().counts(), [0; 5]);
}

#[tokio::test]
async fn an_archive_of_a_newer_version_or_of_nobody_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.tar.gz");
    let name = format!("{ROOT}/vault/1.jsonl");
    for (body, kind, words) in [
        ("{\"format\":{\"name\":\"ollamanet\",\"version\":99}}\n", FaultKind::Store, "a newer version"),
        ("{\"format\":{\"name\":\"other\",\"version\":1}}\n", FaultKind::Invalid, "not written by this program"),
        ("nonsense\n", FaultKind::Invalid, "not written by this program"),
    ] {
        fs::write(&path, archive(&[(&name, tar::EntryType::Regular, body)])).unwrap();
        let fault = bring_in(&vault, &path).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(words), "{fault}");
    }
}

#[tokio::test]
async fn a_hostile_archive_of_our_own_kind_breaks_nothing() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a.tar.gz");
    let id = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let conversation = |number: u32| {
        json!({ "conversation": { "id": id(number), "title": "x\u{1b}\n".repeat(300), "title_origin": "ours", "folder": id(7),
            "tags": [id(8), id(8)], "pinned": false, "archived_at": null, "trashed_at": null, "model": "a\u{0}b",
            "options": { "rm": "-rf" }, "system_prompt": "y".repeat(100_000), "preset": id(9), "head": id(999),
            "used": i64::MAX, "used_at": i64::MAX, "created_at": i64::MIN, "updated_at": i64::MAX } })
    };
    let message = |number: u32, parent: Option<u32>, role: &str| {
        json!({ "message": { "id": id(number), "parent": parent.map(id), "chosen": id(1), "role": role, "state": "streaming",
            "model": null, "content": "text", "tool_calls": {"not": "a list"}, "error_kind": "nonsense",
            "pruned_at": 5, "pruned_with": id(555), "created_at": -1,
            "attachments": [{ "sha256": "zz", "name": "../../x" }] } })
    };
    let note = json!({ "note": { "id": id(70), "message": id(100), "first_char": 9, "end_char": 2, "quote": null, "body": "b",
        "created_at": 1, "updated_at": 1 } });
    let lines = [
        json!({ "format": { "name": "ollamanet", "version": 1 } }),
        json!({ "folder": { "id": id(7), "parent": id(6), "name": "a\u{7}b", "preset": null, "created_at": 0, "updated_at": 0 } }),
        json!({ "folder": { "id": id(6), "parent": id(7), "name": "", "preset": id(44), "created_at": 0, "updated_at": 0 } }),
        json!({ "setting": { "name": "audit_anchor", "value": 9, "updated_at": 0 } }),
        json!({ "something_newer": { "a": 1 } }),
        conversation(1),
        message(100, Some(101), "user"),
        message(101, Some(100), "emperor"),
        message(101, None, "user"),
        note,
        json!({ "conversation_end": { "messages": 3 } }),
        conversation(2),
        message(100, None, "user"),
        json!({ "conversation_end": { "messages": 1 } }),
        conversation(3),
        message(300, None, "user"),
        json!({ "conversation_end": { "messages": 2 } }),
        conversation(4),
        json!({ "end": { "conversations": 1, "messages": 1 } }),
    ];
    let body = lines.map(|line| line.to_string()).join("\n") + "\n";
    fs::write(&path, archive(&[(&format!("{ROOT}/vault/1.jsonl"), tar::EntryType::Regular, &body)])).unwrap();
    let told = bring_in(&vault, &path).await.unwrap();
    assert_eq!(told.counts(), [2, 0, 0, 0, 2], "{told:?}");
    assert!(told.notes().contains("Some of its messages are missing") && told.notes().contains("Its end is missing"));
    let rows = everything(&vault).await;
    assert_eq!(rows.len(), 2, "both stand in the list: {rows:?}");
    for row in &rows {
        assert!(row.title.chars().count() <= 200 && !row.title.chars().any(char::is_control), "{}", row.title);
        let messages = said(&vault, row).await;
        assert!(messages.iter().all(|message| message.state == MessageState::Interrupted && message.created_at >= 0));
    }
    // Nothing that came keeps the next thing from being made.
    let made = vault
        .db
        .write(|tx| {
            crate::store::vault::conversations::create(tx, &crate::api::organise::NewConversation::default(), 1)?;
            crate::store::vault::folders::tree(tx)
        })
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    assert_eq!(made.folders.len(), 2, "{made:?}");
    let anchor: Option<i64> = vault
        .db
        .read(|tx| crate::store::vault::settings::get(tx, "audit_anchor"))
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    assert_eq!(anchor, None);
}

#[tokio::test]
async fn what_is_no_export_at_all_is_said_to_be_none() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let path = home.path().join("a");
    for (bytes, words) in [
        (&b""[..], "The file is empty"),
        (b"SQLite format 3\0....", "a database of another program"),
        (b"hello there", "no conversations in this file"),
        (b"[]", "no conversations in this file"),
        (b"{\"a\":1}", "no conversations in this file"),
        (b"\x89PNG\r\n\x1a\n", "no conversations in this file"),
        (b"[1,2,3]", "no conversations in this file"),
    ] {
        fs::write(&path, bytes).unwrap();
        let fault = bring_in(&vault, &path).await.unwrap_err();
        assert!(fault.message.contains(words), "{bytes:?}: {fault}");
    }
    let link = home.path().join("link");
    std::os::unix::fs::symlink(fixture("claude.json"), &link).unwrap();
    assert!(bring_in(&vault, &link).await.unwrap_err().message.contains("symbolic link"));
    assert!(bring_in(&vault, home.path()).await.unwrap_err().message.contains("directory"));
    assert_eq!(bring_in(&vault, &home.path().join("none")).await.unwrap_err().kind, FaultKind::NotFound);
}
