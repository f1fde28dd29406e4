//! Conversations put in order: many at once through the façade, from the command line, and by rules of their own.

use ollamanet::api::{
    FaultKind,
    events::{Changed, Event},
    organise::{ConversationRow, NewConversation, Shelf, TakenBack},
    profile::Preferences,
    retention::{Fate, PreviewAt, RetentionRules, RunEnd, Why},
};
use serde_json::json;

use crate::common::{house::House, pty::PATIENCE, stage::Stage};

async fn titles(house: &House, by: &ollamanet::api::auth::Session, shelf: Shelf) -> Vec<String> {
    let page = house.gateway.conversations(by, shelf, "", None, 100).await.unwrap();
    page.rows.into_iter().map(|row| row.title).collect()
}

async fn made(house: &House, by: &ollamanet::api::auth::Session, title: &str) -> ConversationRow {
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(by, new).await.unwrap().row
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_many_is_told_to_every_window_and_can_be_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ids = [made(&house, &ann, "a").await.id, made(&house, &ann, "b").await.id];
    let mut heard = house.gateway.events(&ann).await.unwrap();
    let undo = house.gateway.trash_conversations(&ann, ids.to_vec()).await.unwrap();
    for expected in [Changed::Tree, Changed::Conversation(ids[0]), Changed::Conversation(ids[1])] {
        let event = tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap();
        assert_eq!(event, Some(Event::Changed(expected)));
    }
    assert_eq!(titles(&house, &ann, Shelf::Recent).await, [""; 0]);
    assert_eq!(house.gateway.take_back(&ann, undo.clone()).await.unwrap(), TakenBack { done: 2, left: 0 });
    assert_eq!(titles(&house, &ann, Shelf::Recent).await, ["b", "a"]);
    assert_eq!(house.gateway.take_back(&ann, undo).await.unwrap(), TakenBack { done: 0, left: 2 }, "once is enough");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_changed_at_once_is_refused_in_words() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let id = made(&house, &ann, "a").await.id;
    let refused = house.gateway.pin_conversations(&ann, vec![id; 10_001], true).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Invalid);
    let add = vec!["two\nlines".to_owned()];
    let refused = house.gateway.tag_conversations(&ann, vec![id], add, Vec::new()).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Invalid);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_is_emptied_to_the_last_and_nothing_else_is() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let mut ids = Vec::new();
    for n in 0..45 {
        ids.push(made(&house, &ann, &n.to_string()).await.id);
    }
    made(&house, &ann, "kept").await;
    house.gateway.trash_conversations(&ann, ids.clone()).await.unwrap();
    assert_eq!(house.gateway.empty_trash(&ann).await.unwrap().conversations, 45);
    assert_eq!(titles(&house, &ann, Shelf::Trash).await, [""; 0]);
    assert_eq!(titles(&house, &ann, Shelf::Recent).await, ["kept"]);
    let gone = house.gateway.conversation(&ann, ids[0]).await.unwrap_err();
    assert_eq!(gone.kind, FaultKind::NotFound);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_says_wins_over_the_folders_preset_and_that_over_their_preferences() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let own = Preferences {
        model: Some("preferred".into()),
        system_prompt: Some("Be kind.".into()),
        ..Preferences::default()
    };
    house.gateway.set_preferences(&ann, own).await.unwrap();
    let folder = house.gateway.create_folder(&ann, None, "work").await.unwrap();
    let nobodys = ollamanet::api::PresetId::new();
    let refused = house.gateway.set_folder_preset(&ann, folder.id, Some(nobodys), Some(folder.rev)).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::NotFound);
    let inside = |model: Option<&str>| NewConversation {
        folder: Some(folder.id),
        model: model.map(str::to_owned),
        ..NewConversation::default()
    };
    let made = house.gateway.create_conversation(&ann, inside(None)).await.unwrap();
    assert_eq!(made.row.model.as_deref(), Some("preferred"), "without a preset");
    let made = house.gateway.create_conversation(&ann, inside(Some("said"))).await.unwrap();
    assert_eq!((made.row.model.as_deref(), made.system_prompt.as_deref()), (Some("said"), Some("Be kind.")));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_show_exactly_what_they_then_do_and_keep_a_report() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let gateway = &house.gateway;
    let mut ids = Vec::new();
    for title in ["one", "two", "three", "four", "five"] {
        ids.push(made(&house, &ann, title).await.id);
    }
    gateway.pin_conversations(&ann, vec![ids[0]], true).await.unwrap();
    gateway.archive_conversations(&ann, vec![ids[1]], true).await.unwrap();
    let nothing = gateway.run_retention(&ann).await.unwrap_err();
    assert_eq!(nothing.kind, FaultKind::Invalid, "no rule is set");
    let rules = RetentionRules { keep_conversations: Some(2), ..RetentionRules::default() };
    let at = |limit| PreviewAt { after: None, limit };
    let first = gateway.preview_retention(&ann, Some(rules), at(1)).await.unwrap();
    assert_eq!(titles(&house, &ann, Shelf::Trash).await, [""; 0], "looking changes nothing");
    assert_eq!((first.totals[0].fate, first.totals[0].conversations), (Fate::Trash, 2));
    let rest = PreviewAt { after: first.page.next.clone(), limit: 10 };
    let rest = gateway.preview_retention(&ann, Some(rules), rest).await.unwrap();
    let due: Vec<_> = first.page.rows.iter().chain(&rest.page.rows).collect();
    let shown: Vec<&str> = due.iter().map(|due| due.title.as_str()).collect();
    assert_eq!((shown, due[0].why), (vec!["three", "four"], Why::TooMany), "neither the pinned nor the archived one");
    gateway.set_retention(&ann, rules).await.unwrap();
    let report = gateway.run_retention(&ann).await.unwrap();
    assert_eq!((report.trashed, report.end.clone()), (2, RunEnd::Done));
    assert_eq!(titles(&house, &ann, Shelf::Trash).await, ["four", "three"]);
    let told = gateway.retention(&ann).await.unwrap();
    assert_eq!((told.rules, told.reports), (rules, vec![report]));
    let silly = RetentionRules { trash_after_days: Some(0), ..RetentionRules::default() };
    assert_eq!(gateway.set_retention(&ann, silly).await.unwrap_err().kind, FaultKind::Invalid);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_carried_out_by_themselves_when_somebody_comes_in_and_it_is_told() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    for title in ["old", "new"] {
        made(&house, &ann, title).await;
    }
    let rules = RetentionRules { keep_conversations: Some(1), ..RetentionRules::default() };
    house.gateway.set_retention(&ann, rules).await.unwrap();
    assert_eq!(house.gateway.tree(&ann).await.unwrap().counts.trash, 0, "nobody listens: this is a command");
    let mut heard = house.gateway.events(&ann).await.unwrap();
    house.gateway.tree(&ann).await.unwrap();
    let told = async {
        loop {
            if let Some(Event::PutAway(report)) = heard.recv().await {
                return report;
            }
        }
    };
    let report = tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    assert_eq!(report.trashed, 1);
    assert_eq!(titles(&house, &ann, Shelf::Trash).await, ["old"]);
    // Once a day is enough.
    made(&house, &ann, "newer").await;
    house.gateway.tree(&ann).await.unwrap();
    assert_eq!(titles(&house, &ann, Shelf::Trash).await, ["old"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_tagged_pinned_moved_archived_and_copied_from_the_command_line() {
    let stage = Stage::signed_in().await;
    for question in ["one fish", "two fish", "red fish"] {
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
    }
    assert_eq!(stage.run(&["folders", "create", "work"]).await.code, Some(0));
    for args in [
        &["conversations", "tag", "one fish", "two fish", "--add", "#Sea", "--add", "to read"][..],
        &["conversations", "tag", "two fish", "--remove", "sea"],
        &["conversations", "pin", "one fish"],
        &["conversations", "move", "one fish", "red fish", "--to", "work"],
        &["conversations", "archive", "two fish"],
        &["conversations", "duplicate", "one fish"],
    ] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{args:?}: {done:?}");
    }
    let listed = stage.json(&["conversations", "list", "--tag", "SEA"]).await;
    let titles: Vec<&str> = listed.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["one fish (copy)", "one fish"]);
    assert_eq!((&listed[1]["pinned"], &listed[0]["pinned"]), (&json!(true), &json!(false)));
    assert_eq!(listed[0]["tags"], json!(["Sea", "to read"]));
    let inside = stage.json(&["conversations", "list", "--folder", "work"]).await;
    assert_eq!(inside.as_array().unwrap().len(), 3);
    let archived = stage.json(&["conversations", "list", "--shelf", "archive"]).await;
    assert_eq!((archived[0]["title"].as_str(), &archived[0]["archived"]), (Some("two fish"), &json!(true)));
    assert_eq!(stage.run(&["conversations", "archive", "two fish", "--off"]).await.code, Some(0));
    assert_eq!(stage.json(&["conversations", "list"]).await.as_array().unwrap().len(), 4);
    let tags = stage.json(&["tags", "list"]).await;
    let tags: Vec<_> = tags.as_array().unwrap().iter().map(|tag| (&tag["name"], &tag["conversations"])).collect();
    assert_eq!(tags, [(&json!("Sea"), &json!(2)), (&json!("to read"), &json!(3))]);
    assert_eq!(stage.run(&["tags", "rename", "to read", "later"]).await.code, Some(0));
    assert_eq!(stage.run(&["tags", "delete", "sea", "--dry-run"]).await.code, Some(0));
    assert_eq!(stage.json(&["tags", "list"]).await.as_array().unwrap().len(), 2, "only looked");
    assert_eq!(stage.json(&["tags", "delete", "SEA"]).await["carried"], 2);
    let left = stage.run(&["tags", "list"]).await;
    assert!(left.out.contains("later") && !left.out.contains("Sea"), "{}", left.out);
    let missing = stage.run(&["conversations", "list", "--tag", "sea"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_removed_for_good_from_the_command_line_without_a_word() {
    let stage = Stage::signed_in().await;
    for question in ["one fish", "two fish"] {
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
    }
    let kept = stage.run(&["conversations", "purge", "one fish", "--yes"]).await;
    assert_eq!(kept.code, Some(1), "it is not in the trash: {kept:?}");
    let dry = stage.run(&["conversations", "delete", "one fish", "--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(stage.json(&["conversations", "list"]).await.as_array().unwrap().len(), 2);
    assert_eq!(stage.run(&["conversations", "delete", "one fish", "two fish"]).await.code, Some(0));
    let dry = stage.run(&["conversations", "purge", "one fish", "--dry-run"]).await;
    assert!(dry.out.contains("Would be removed for good: one fish"), "{dry:?}");
    let unsaid = stage.run(&["conversations", "purge", "one fish"]).await;
    assert_eq!(unsaid.code, Some(2), "nobody is there to ask: {unsaid:?}");
    assert!(unsaid.err.contains("--yes"), "{}", unsaid.err);
    let gone = stage.json(&["conversations", "purge", "one fish", "--yes"]).await;
    assert_eq!((&gone["conversations"], &gone["messages"]), (&json!(1), &json!(2)));
    assert_eq!(stage.json(&["conversations", "purge", "--all", "--dry-run"]).await["would_remove"], 1);
    assert_eq!(stage.json(&["conversations", "purge", "--all", "--yes"]).await["conversations"], 1);
    assert_eq!(stage.json(&["conversations", "list", "--shelf", "trash"]).await, json!([]));
    let empty = stage.run(&["conversations", "purge", "--all"]).await;
    assert_eq!(empty.code, Some(0), "nothing to ask about: {empty:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_set_looked_at_and_run_from_the_command_line() {
    let stage = Stage::signed_in().await;
    for question in ["one fish", "two fish", "red fish"] {
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
    }
    let off = stage.run(&["retention", "show"]).await;
    assert_eq!(off.out.matches("off").count(), 5, "{}", off.out);
    assert_eq!(stage.run(&["retention", "run"]).await.code, Some(2), "no rule is set");
    let tried = stage.json(&["retention", "preview", "--keep", "1"]).await;
    assert_eq!(tried["totals"][0]["conversations"], 2);
    assert_eq!(stage.json(&["retention", "show"]).await["rules"]["keep_conversations"], json!(null), "only tried");
    let set = stage.run(&["retention", "set", "--keep", "2", "--purge-after", "30", "--keep-size", "2GB"]).await;
    assert!(set.out.contains("2 conversations") && set.out.contains("2.0 GB"), "{}", set.out);
    for bad in [&["retention", "set", "--keep", "0"][..], &["retention", "set", "--keep-size", "2 yards"]] {
        assert_eq!(stage.run(bad).await.code, Some(2), "{bad:?}");
    }
    let dry = stage.run(&["retention", "run", "--dry-run"]).await;
    assert!(
        dry.out.contains("To the trash: 1 conversation, 2 messages") && dry.out.contains("one fish"),
        "{}",
        dry.out
    );
    let done = stage.run(&["retention", "run"]).await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "1 moved to the trash (by hand)\n"), "{done:?}");
    assert_eq!(stage.json(&["conversations", "list", "--shelf", "trash"]).await[0]["title"], "one fish");
    assert_eq!(stage.json(&["retention", "show"]).await["reports"][0]["trashed"], 1);
    assert_eq!(stage.run(&["retention", "set", "--keep", "off"]).await.code, Some(0));
    let preview = stage.run(&["retention", "preview"]).await;
    assert!(preview.out.starts_with("Nothing is due."), "{}", preview.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_and_folders_move_together_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await.session;
    let (gateway, by) = (&house.gateway, &ann);
    let conversation = made(&house, by, "loose").await;
    let work = gateway.create_folder(by, None, "work").await.unwrap();
    let rust = gateway.create_folder(by, Some(work.id), "rust").await.unwrap();
    let home_folder = gateway.create_folder(by, None, "home").await.unwrap();
    let place = Some(home_folder.id);
    // One that was changed meanwhile holds all of them back.
    let stale = vec![(work.id, Some(work.rev)), (rust.id, Some(rust.rev + 7))];
    let fault = gateway.move_together(by, vec![conversation.id], stale, place).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict);
    assert_eq!(titles(&house, by, Shelf::Folder(place)).await, Vec::<String>::new());
    let both = vec![(rust.id, Some(rust.rev)), (work.id, Some(work.rev))];
    let undo = gateway.move_together(by, vec![conversation.id], both, place).await.unwrap();
    assert_eq!(undo.len(), 3);
    assert_eq!(titles(&house, by, Shelf::Folder(place)).await, ["loose"]);
    let parent = |tree: &ollamanet::api::organise::Tree, id| tree.folders.iter().find(|f| f.id == id).unwrap().parent;
    let tree = gateway.tree(by).await.unwrap();
    assert_eq!((parent(&tree, work.id), parent(&tree, rust.id)), (place, place));
    assert_eq!(gateway.take_back(by, undo).await.unwrap().done, 3);
    let tree = gateway.tree(by).await.unwrap();
    assert_eq!((parent(&tree, work.id), parent(&tree, rust.id)), (None, Some(work.id)));
    assert_eq!(titles(&house, by, Shelf::Folder(None)).await, ["loose"]);
}
