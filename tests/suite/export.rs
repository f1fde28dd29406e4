//! All of one account's data in one archive: whole, readable without the program, and nobody else's.

use std::{collections::BTreeMap, io::Read, os::unix::fs::PermissionsExt, path::Path};

use ollamanet::{
    api::{
        FaultKind,
        auth::Session,
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::NewConversation,
        profile::Preferences,
    },
    fake::{Pace, StandIn},
    tasks::Tasks,
};
use serde_json::Value;

use crate::common::house::House;

/// Asks and waits for the end of the answer; gives its id.
async fn ask(
    house: &House,
    by: &Session,
    act: TurnAct,
    conversation: ollamanet::api::ConversationId,
) -> ollamanet::api::MessageId {
    let mut events = house.gateway.events(by).await.unwrap();
    let new = NewTurn { conversation, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
    let started = house.gateway.start_turn(by, new).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(crate::common::pty::PATIENCE, ended).await.expect("the answer ends");
    started.answer.id
}

fn unpack(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(archive).unwrap()));
    let mut found = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut body = Vec::new();
        entry.read_to_end(&mut body).unwrap();
        found.insert(name.strip_prefix("ollamanet-export/").unwrap().to_owned(), body);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_one_account_and_nothing_of_another_leaves_in_one_readable_archive() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let ben = house.newcomer(&ann.session, "Ben", "user").await;
    let (gateway, by) = (&house.gateway, &ann.session);

    let parent = gateway.create_folder(by, None, "work").await.unwrap().id;
    let folder = gateway.create_folder(by, Some(parent), "rust").await.unwrap().id;
    let new = NewConversation {
        folder: Some(folder),
        title: Some("../../Böse: \"Title\"\u{1b}[31m".replace('\u{1b}', "")),
        ..NewConversation::default()
    };
    let conversation = gateway.create_conversation(by, new).await.unwrap().row.id;
    let notes = home.path().join("notes.txt");
    std::fs::write(&notes, "attached words\u{202e}").unwrap();
    let send = TurnAct::Send { text: "first question".to_owned(), attachments: vec![notes] };
    let answer = ask(&house, by, send, conversation).await;
    ask(&house, by, TurnAct::Regenerate { answer }, conversation).await;
    gateway
        .set_preferences(by, Preferences { model: Some("demo-chat:3b".to_owned()), ..Preferences::default() })
        .await
        .unwrap();
    let trashed = gateway.create_conversation(by, NewConversation::default()).await.unwrap().row.id;
    gateway.trash_conversations(by, vec![trashed]).await.unwrap();
    let bens = gateway.create_conversation(&ben.session, NewConversation::default()).await.unwrap().row.id;
    let secret = TurnAct::Send { text: "xylocanary of Ben".to_owned(), attachments: Vec::new() };
    ask(&house, &ben.session, secret, bens).await;

    let to = home.path().join("mine.tar.gz");
    let report = gateway.export_my_data(by, to.clone()).await.unwrap();
    assert_eq!((report.conversations, report.messages, report.documents), (2, 3, 1));
    let meta = to.metadata().unwrap();
    assert_eq!((meta.permissions().mode() & 0o777, meta.len()), (0o600, report.bytes));
    let files = unpack(&to);
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&text(name)).unwrap();
    assert!(text("README.txt").contains("OllamaNet"));
    assert_eq!(json("account.json")["preferences"]["model"], "demo-chat:3b");
    let stem = format!("conversations/00001-{conversation}");
    let lines: Vec<Value> =
        text("vault/000001.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<&Value> = lines.iter().map(|line| &line["message"]).filter(|message| message.is_object()).collect();
    assert_eq!(said.len(), 3, "every branch is there");
    assert_eq!(said[0]["content"], "first question");
    assert_eq!(lines.last().unwrap()["end"]["conversations"], 2);
    let readable = text(&format!("{stem}.md"));
    assert!(readable.contains("folder: \"work/rust\"") && readable.contains("## You · "), "{readable}");
    assert_eq!(readable.matches("## demo-chat:3b").count(), 1, "the branch on view, not both answers");
    let attached: Vec<&String> = files.keys().filter(|name| name.starts_with("attachments/")).collect();
    assert_eq!(attached.len(), 1);
    assert_eq!(files[attached[0]], "attached words\u{202e}".as_bytes());
    assert_eq!(text("usage.csv").lines().count(), 3);
    assert!(text("activity.jsonl").contains("account.create_first"));
    // Whatever else is kept about her, by the table that it is in.
    let mut kept: Vec<(String, Value)> = Vec::new();
    for line in text("house.jsonl").lines() {
        let Value::Object(row) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        kept.extend(row);
    }
    let of = |table: &str| kept.iter().filter(|(of, _)| of == table).map(|(_, row)| row).collect::<Vec<_>>();
    assert_eq!((of("accounts")[0]["name"].as_str(), of("sessions").len()), (Some("Ann"), 1));
    assert_eq!((&of("usage_days")[0]["answers"], &of("usage_days")[0]["sign_ins"]), (&2.into(), &1.into()));
    assert_eq!(of("usage_sums")[0]["model"], "demo-chat:3b");
    assert!(of("key_slots").iter().all(|slot| slot.get("sealed").is_none()), "no key leaves");
    assert_eq!(text("usage.csv").lines().next().unwrap().split(',').count(), 14);
    assert!(files.keys().all(|name| !name.contains("..") && !name.contains("Title")), "{files:?}");
    for (name, body) in &files {
        let told = String::from_utf8_lossy(body);
        // What she did to him is hers to know, what he did is not.
        let is_his = told.contains("xylocanary") || told.contains("auth.activate");
        let names_him = told.contains("Ben") && name != "activity.jsonl";
        assert!(!is_his && !names_him, "{name} tells of another account");
    }

    // Never over a file, and nothing is left behind where it cannot be written.
    let again = gateway.export_my_data(by, to.clone()).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::Conflict);
    let nowhere = gateway.export_my_data(by, home.path().join("none/mine.tar.gz")).await.unwrap_err();
    assert_eq!(nowhere.kind, FaultKind::Invalid);
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".ollamanet-")), "{left:?}");
    house.close().await;
}
