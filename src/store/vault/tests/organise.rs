//! Putting conversations in order: many at once, tags, copies, the trash emptied, and everything taken back.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::*;
use crate::{
    api::{
        PresetId,
        organise::{Purged, Standing, TakenBack, Undo},
    },
    store::vault::{arrange, duplicate, purge, tags},
};

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn tag_names(tx: &Transaction<'_>) -> Vec<(String, u32)> {
    let (tags, _) = tags::list(tx, "", None, 100).unwrap();
    tags.into_iter().map(|tag| (tag.name, tag.conversations)).collect()
}

type Lying = (String, bool, bool, bool, Option<FolderId>, Vec<String>);
type Change<'a> = Box<dyn Fn() -> Undo + 'a>;

/// Everything that a person sees of where conversations lie, without revisions and times.
fn lying(tx: &Transaction<'_>) -> Vec<Lying> {
    let mut all = Vec::new();
    for shelf in [Shelf::Recent, Shelf::Archive, Shelf::Trash] {
        for row in conversations::shelf(tx, shelf, "", None, 100).unwrap().0 {
            all.push((row.title, row.pinned, row.archived, row.trashed, row.folder, row.tags));
        }
    }
    all.sort();
    all
}

#[test]
fn every_change_to_many_is_taken_back_as_it_was() {
    in_vault(|tx| {
        let (work, home) =
            (folders::create(tx, None, "work", 1).unwrap().id, folders::create(tx, None, "home", 1).unwrap().id);
        let ids = [conversation(tx, "a", Some(work)), conversation(tx, "b", None), conversation(tx, "c", Some(home))];
        // Not all alike before, so that taking back is more than turning a switch.
        arrange::pin(tx, &ids[..1], true, 2).unwrap();
        arrange::tag(tx, &ids[1..], &words(&["old"]), &[], 2).unwrap();
        let before = lying(tx);
        let changes: [(&str, Change<'_>); 7] = [
            ("move", Box::new(|| arrange::move_to(tx, &ids, Some(home), 3).unwrap())),
            ("pin", Box::new(|| arrange::pin(tx, &ids, true, 3).unwrap())),
            ("archive", Box::new(|| arrange::archive(tx, &ids, true, 3).unwrap())),
            ("trash", Box::new(|| arrange::trash(tx, &ids, 3).unwrap())),
            ("tag", Box::new(|| arrange::tag(tx, &ids, &words(&["new"]), &words(&["old"]), 3).unwrap())),
            ("rename", Box::new(|| arrange::rename(tx, ids[0], "z", None, 3).unwrap())),
            ("rename folder", Box::new(|| folders::rename(tx, work, "play", None, 3).unwrap())),
        ];
        let folders_before = folders::tree(tx).unwrap().folders.len();
        for (name, change) in changes {
            let undo = change();
            assert!(!undo.is_empty(), "{name}");
            let done = arrange::take_back(tx, &undo, 4).unwrap();
            assert_eq!((done.left, lying(tx)), (0, before.clone()), "{name}");
        }
        assert_eq!(folders::tree(tx).unwrap().folders.len(), folders_before);
        assert!(folders::tree(tx).unwrap().folders.iter().any(|folder| folder.name == "work"));
        assert_eq!(tag_names(tx), [("old".to_owned(), 2)], "a tag made for the change went with it");
    });
}

#[test]
fn what_is_so_already_is_not_changed_and_not_taken_back() {
    in_vault(|tx| {
        let ids = [conversation(tx, "a", None), conversation(tx, "b", None)];
        arrange::pin(tx, &ids[..1], true, 2).unwrap();
        let undo = arrange::pin(tx, &[ids[0], ids[1], ids[1]], true, 3).unwrap();
        assert_eq!(undo.conversations.iter().map(|before| before.id).collect::<Vec<_>>(), [ids[1]]);
        arrange::take_back(tx, &undo, 4).unwrap();
        assert!(conversations::get(tx, ids[0]).unwrap().row.pinned);
    });
}

#[test]
fn what_was_changed_since_or_is_gone_is_left_alone() {
    in_vault(|tx| {
        let ids = [conversation(tx, "a", None), conversation(tx, "b", None), conversation(tx, "c", None)];
        let undo = arrange::trash(tx, &ids, 2).unwrap();
        arrange::restore(tx, &ids[..1], 3).unwrap();
        arrange::rename(tx, ids[0], "mine", None, 3).unwrap();
        purge::purge(tx, &ids[1..2]).unwrap();
        assert_eq!(arrange::take_back(tx, &undo, 4).unwrap(), TakenBack { done: 1, left: 2 });
        assert_eq!(titles(tx, Shelf::Recent, ""), ["c", "mine"]);
    });
}

#[test]
fn one_that_is_not_there_leaves_all_of_them_as_they_are() {
    let mut conn = scratch::memory();
    let tx = conn.transaction().unwrap();
    let id = conversation(&tx, "a", None);
    tx.commit().unwrap();
    let tx = conn.transaction().unwrap();
    let refused = arrange::trash(&tx, &[id, ConversationId::new()], 2).unwrap_err();
    assert!(matches!(refused, StoreError::NotFound("conversation")), "{refused}");
    drop(tx);
    let tx = conn.transaction().unwrap();
    assert_eq!(titles(&tx, Shelf::Recent, ""), ["a"]);
}

#[test]
fn a_change_that_saw_an_older_state_is_refused() {
    in_vault(|tx| {
        let id = conversation(tx, "a", None);
        arrange::pin(tx, &[id], true, 2).unwrap();
        assert!(matches!(arrange::rename(tx, id, "b", Some(1), 3), Err(StoreError::Conflict(_))));
        arrange::rename(tx, id, "b", Some(2), 3).unwrap();
        let folder = folders::create(tx, None, "work", 1).unwrap().id;
        folders::rename(tx, folder, "play", Some(1), 2).unwrap();
        assert!(matches!(folders::rename(tx, folder, "rest", Some(1), 3), Err(StoreError::Conflict(_))));
        assert!(matches!(folders::move_to(tx, folder, None, Some(1), 3), Err(StoreError::Conflict(_))));
        assert!(matches!(folders::set_preset(tx, folder, None, Some(1), 3), Err(StoreError::Conflict(_))));
    });
}

#[test]
fn what_is_archived_is_on_no_other_shelf_and_comes_back_when_it_is_used() {
    in_vault(|tx| {
        let id = conversation(tx, "old", None);
        arrange::pin(tx, &[id], true, 2).unwrap();
        arrange::archive(tx, &[id], true, 2).unwrap();
        assert_eq!(titles(tx, Shelf::Archive, ""), ["old"]);
        for shelf in [Shelf::Recent, Shelf::Pinned, Shelf::Folder(None), Shelf::Trash] {
            assert_eq!(titles(tx, shelf, ""), [""; 0], "{shelf:?}");
        }
        say(tx, id, None, "once more");
        assert_eq!((titles(tx, Shelf::Recent, ""), titles(tx, Shelf::Pinned, "").len()), (words(&["old"]), 1));
        arrange::trash(tx, &[id], 3).unwrap();
        assert!(matches!(arrange::archive(tx, &[id], true, 3), Err(StoreError::Conflict(_))));
    });
}

#[test]
fn tags_are_the_same_whatever_their_case_and_go_with_their_last_use() {
    in_vault(|tx| {
        let ids = [conversation(tx, "a", None), conversation(tx, "b", None)];
        arrange::tag(tx, &ids, &words(&["Rust"]), &[], 2).unwrap();
        assert!(arrange::tag(tx, &ids, &words(&["RUST"]), &[], 2).unwrap().is_empty());
        assert_eq!(tag_names(tx), [("Rust".to_owned(), 2)]);
        let (rust, _) = tags::list(tx, "rus", None, 10).unwrap();
        arrange::tag(tx, &ids[..1], &words(&["Go"]), &[], 2).unwrap();
        assert!(matches!(tags::rename(tx, rust[0].id, "go", None), Err(StoreError::Conflict(_))));
        tags::rename(tx, rust[0].id, "Crab", None).unwrap();
        assert_eq!(conversations::get(tx, ids[0]).unwrap().row.tags, ["Crab", "Go"]);
        assert!(matches!(tags::rename(tx, rust[0].id, "x", Some(1)), Err(StoreError::Conflict(_))));
        arrange::tag(tx, &ids[..1], &[], &words(&["go"]), 3).unwrap();
        assert_eq!(tag_names(tx), [("Crab".to_owned(), 2)]);
        assert_eq!(tags::delete(tx, rust[0].id).unwrap(), 2);
        assert_eq!((tag_names(tx), titles(tx, Shelf::Recent, "").len()), (Vec::new(), 2));
    });
}

#[test]
fn tags_are_paged_by_name_and_what_is_in_the_trash_does_not_count() {
    in_vault(|tx| {
        let ids = [conversation(tx, "a", None), conversation(tx, "b", None)];
        arrange::tag(tx, &ids, &words(&["c", "a", "b"]), &[], 2).unwrap();
        arrange::trash(tx, &ids[..1], 3).unwrap();
        let (first, place) = tags::list(tx, "", None, 2).unwrap();
        let (rest, end) = tags::list(tx, "", place.as_deref(), 2).unwrap();
        let named = |tags: Vec<crate::api::organise::Tag>| -> Vec<(String, u32)> {
            tags.into_iter().map(|tag| (tag.name, tag.conversations)).collect()
        };
        assert_eq!(named(first), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
        assert_eq!((named(rest), end), (vec![("c".to_owned(), 1)], None));
        let many: Vec<String> = (0..60).map(|n| format!("t{n}")).collect();
        assert!(matches!(arrange::tag(tx, &ids[..1], &many, &[], 3), Err(StoreError::Invalid(_))));
    });
}

#[test]
fn a_filter_finds_tags_beside_words_of_the_title() {
    in_vault(|tx| {
        let ids = [
            conversation(tx, "Borrowing", None),
            conversation(tx, "Lifetimes", None),
            conversation(tx, "Issue #rusty 12", None),
        ];
        arrange::tag(tx, &ids[..2], &words(&["Rust"]), &[], 2).unwrap();
        arrange::tag(tx, &ids[..1], &words(&["to read"]), &[], 2).unwrap();
        let found = |filter: &str| titles(tx, Shelf::Recent, filter);
        assert_eq!(found("#ru"), ["Issue #rusty 12", "Lifetimes", "Borrowing"], "as far as it is typed");
        assert_eq!(found("#\"rust\""), ["Lifetimes", "Borrowing"], "just this tag");
        assert_eq!(found("#rust bor"), ["Borrowing"]);
        assert_eq!(found("#rust #to"), ["Borrowing"]);
        assert_eq!(found("#\"to read\" #\"Rust\""), ["Borrowing"]);
        assert_eq!(found("#go"), [""; 0]);
        assert_eq!(found("issue #"), ["Issue #rusty 12"], "a lone sign is a letter like any other");
    });
}

/// All columns of all rows of a table that hang on this conversation, without what makes a row this one.
fn content(
    tx: &Transaction<'_>,
    table: &str,
    of: &str,
    but: &[&str],
    conversation: i64,
) -> Vec<BTreeMap<String, Value>> {
    let sql = format!("SELECT * FROM {table} WHERE {of} ORDER BY 1");
    let mut select = tx.prepare(&sql).unwrap();
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    select
        .query_map([conversation], |row| {
            columns
                .iter()
                .enumerate()
                .filter(|(_, name)| !but.contains(&name.as_str()))
                .map(|(at, name)| Ok((name.clone(), row.get(at)?)))
                .collect()
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// A conversation with two branches and one in the trash, a file, notes, a rating, a summary, a tag, a running answer.
fn full(tx: &Transaction<'_>) -> (ConversationId, MessageId) {
    let folder = folders::create(tx, None, "work", 1).unwrap().id;
    let id = conversation(tx, "Rust", Some(folder));
    let (question, question_id) = say(tx, id, None, "hello");
    let (first, first_id) = say(tx, id, Some(question), "one");
    let (second, _) = say(tx, id, Some(question), "two");
    say(tx, id, Some(second), "deeper");
    branch::show(tx, id, first_id).unwrap();
    let document = documents::NewDocument {
        name: "a.txt".into(),
        kind: crate::api::chat::AttachmentKind::Text,
        sha256: [7; 32],
        hidden: 0,
        text: None,
        body: b"body".to_vec(),
        weight: 1,
    };
    documents::attach(tx, question, &[document], 1).unwrap();
    arrange::tag(tx, &[id], &words(&["Rust"]), &[], 1).unwrap();
    arrange::pin(tx, &[id], true, 1).unwrap();
    tx.execute_batch(&format!(
        "INSERT INTO leases (id, boot, pid, started, created_at) VALUES (zeroblob(16), '', 1, 1, 1);
         UPDATE messages SET state = 'streaming', lease = 1, error = 'e', tool_calls = '[]', prompt_tokens = 5,
             excluded = 1, pinned = 1 WHERE seq = {first};
         INSERT INTO message_pieces VALUES ({first}, 0, ' and', 't'), ({first}, 1, ' more', 'u');
         INSERT INTO feedback (message, thumb, created_at, updated_at, comment) VALUES ({second}, -1, 1, 1, 'no');
         INSERT INTO notes (id, conversation, message, first_char, end_char, created_at, updated_at, quote, body)
             VALUES (randomblob(16), 1, {second}, 0, 2, 1, 1, 'tw', 'note');
         INSERT INTO notes (id, conversation, created_at, updated_at, body) VALUES (randomblob(16), 1, 1, 1, 'whole');
         INSERT INTO summaries (conversation, last_message, model, created_at, body) VALUES (1, {second}, 'm', 1, 's');
         UPDATE conversations SET model = 'm', options = '{{\"temperature\":0.5}}', system_prompt = 'Be brief.';"
    ))
    .unwrap();
    let (_, pruned) = say(tx, id, Some(first), "thrown away");
    crate::store::vault::prune::prune(tx, id, pruned, 5).unwrap();
    (id, question_id)
}

#[test]
fn a_copy_has_every_branch_file_note_rating_and_tag_and_nothing_of_the_moment() {
    in_vault(|tx| {
        let (id, question_id) = full(tx);
        let copy = duplicate::duplicate(tx, id, 9).unwrap();
        let (from, to) = (1, 2);
        let both =
            |table: &str, of: &str, but: &[&str]| (content(tx, table, of, but, from), content(tx, table, of, but, to));
        // Whatever column is added to these tables later is copied, or named here.
        let (mut was, is) = both(
            "messages",
            "conversation = ?1",
            &[
                "seq",
                "id",
                "conversation",
                "parent",
                "chosen",
                "lease",
                "pruned_with",
                "said_hour",
                "state",
                "content",
                "thinking",
                "ended_at",
            ],
        );
        assert_eq!((was.len(), &was), (5, &is));
        was = content(
            tx,
            "messages",
            "conversation = ?1 AND seq != 2 AND seq != 7",
            &["seq", "id", "conversation", "parent", "chosen", "pruned_with", "said_hour"],
            from,
        );
        let is = content(
            tx,
            "messages",
            "conversation = ?1 AND seq != 2 AND seq != 7",
            &["seq", "id", "conversation", "parent", "chosen", "pruned_with", "said_hour"],
            to,
        );
        assert_eq!(was, is, "those that were not being answered, word for word");
        let hangs = "message IN (SELECT seq FROM messages WHERE conversation = ?1)";
        for (table, of, but) in [
            ("attachments", hangs, &["message"][..]),
            ("feedback", hangs, &["message"]),
            ("notes", "conversation = ?1", &["seq", "id", "conversation", "message"]),
            ("summaries", "conversation = ?1", &["seq", "conversation", "last_message"]),
            ("conversation_tags", "conversation = ?1", &["conversation"]),
        ] {
            let (was, is) = both(table, of, but);
            assert!(!was.is_empty(), "{table}");
            assert_eq!(was, is, "{table}");
        }
        let (was, is) = both(
            "conversations",
            "seq = ?1",
            &[
                "seq",
                "id",
                "title",
                "title_key",
                "pinned",
                "head",
                "used",
                "used_at",
                "rev",
                "created_at",
                "updated_at",
            ],
        );
        assert_eq!(was, is);
        let page = branch::newest(tx, copy, 10).unwrap();
        assert_eq!(texts(&page), ["hello", "one and more"], "the branch on view, with what had come of its answer");
        assert_eq!(page.messages[1].state, MessageState::Interrupted);
        assert_ne!(page.messages[0].id, question_id);
        assert_eq!(page.messages[1].siblings, 2);
        let inside: i64 = tx
            .query_row(
                "SELECT count(*) FROM messages m JOIN messages w ON w.seq = m.pruned_with
                 WHERE m.conversation = 2 AND w.conversation = 2 AND m.pruned_at = 5",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(inside, 1, "a branch in the trash of its own conversation");
        let leases: i64 = tx
            .query_row("SELECT count(*) FROM messages WHERE conversation = 2 AND lease IS NOT NULL", [], |row| {
                row.get(0)
            })
            .unwrap();
        let made = conversations::get(tx, copy).unwrap();
        assert_eq!((leases, made.row.title.as_str(), made.row.pinned), (0, "Rust (copy)", false));
        assert_eq!(titles(tx, Shelf::Recent, ""), ["Rust (copy)", "Rust"], "it is the one used last");
    });
}

#[test]
fn a_thousand_messages_in_a_chain_are_removed_with_the_files_that_nothing_else_uses() {
    in_vault(|tx| {
        let (gone, kept) = (conversation(tx, "gone", None), conversation(tx, "kept", None));
        let mut parent = None;
        for n in 0..1500 {
            parent = Some(say(tx, gone, parent, &n.to_string()).0);
        }
        let (other, _) = say(tx, kept, None, "mine");
        let file = |n: u8| documents::NewDocument {
            name: "f".into(),
            kind: crate::api::chat::AttachmentKind::Text,
            sha256: [n; 32],
            hidden: 0,
            text: None,
            body: vec![n; 1000],
            weight: 1,
        };
        documents::attach(tx, parent.unwrap(), &[file(1), file(2)], 1).unwrap();
        documents::attach(tx, other, &[file(2)], 1).unwrap();
        arrange::tag(tx, &[gone], &words(&["only"]), &[], 1).unwrap();
        assert!(matches!(purge::purge(tx, &[gone]), Err(StoreError::Conflict(_))), "it is not in the trash");
        arrange::trash(tx, &[gone], 2).unwrap();
        let texts: u64 = (0..1500).map(|n: u32| n.to_string().len() as u64).sum();
        let purged = purge::purge(tx, &[gone]).unwrap();
        assert_eq!(purged, Purged { conversations: 1, messages: 1500, documents: 1, bytes: texts + 1000 });
        let left: Vec<i64> = ["messages", "documents", "conversations", "tags", "attachments"]
            .map(|table| tx.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap())
            .to_vec();
        assert_eq!(left, [1, 1, 1, 0, 1]);
    });
}

#[test]
fn what_is_being_answered_is_not_removed_under_the_answer() {
    in_vault(|tx| {
        let id = conversation(tx, "busy", None);
        say(tx, id, None, "hello");
        arrange::trash(tx, &[id], 2).unwrap();
        tx.execute("UPDATE messages SET state = 'streaming'", []).unwrap();
        assert!(matches!(purge::purge(tx, &[id]), Err(StoreError::Conflict(_))));
    });
}

#[test]
fn a_folder_is_given_a_preset_and_loses_it_again() {
    in_vault(|tx| {
        let preset = PresetId::new();
        tx.execute(
            "INSERT INTO presets (id, name, name_key, model, options, created_at, updated_at, system_prompt)
             VALUES (?1, 'p', 'p', 'm', '{\"temperature\":0.5}', 1, 1, 'Be brief.')",
            [preset.0],
        )
        .unwrap();
        let work = folders::create(tx, None, "work", 1).unwrap().id;
        let rust = folders::create(tx, Some(work), "rust", 1).unwrap().id;
        assert!(matches!(
            folders::set_preset(tx, work, Some(PresetId::new()), None, 2),
            Err(StoreError::NotFound("preset"))
        ));
        folders::set_preset(tx, work, Some(preset), None, 2).unwrap();
        let of = |folder| crate::store::vault::presets::of_folder(tx, folder).unwrap();
        assert_eq!((of(work), of(rust)), (Some(preset), Some(preset)), "and for what lies in it");
        let tree = folders::tree(tx).unwrap();
        assert_eq!(tree.folders.iter().map(|folder| folder.preset).collect::<Vec<_>>(), [None, Some(preset)]);
        folders::set_preset(tx, work, None, None, 3).unwrap();
        assert_eq!(of(rust), None);
    });
}

#[test]
fn times_of_use_never_go_back() {
    in_vault(|tx| {
        let id = conversation(tx, "a", None);
        let (seq, _) = messages::head(tx, id).unwrap();
        conversations::touch(tx, seq, 1_000).unwrap();
        let later = conversation(tx, "b", None);
        assert_eq!(conversations::get(tx, later).unwrap().row.used_at, 1_000, "made at 1 by a clock that was set back");
        let thrown = arrange::trash(tx, &[id], 2).unwrap();
        assert_eq!(thrown.conversations.len(), 1);
        let again: Standing = arrange::pin(tx, &[id], true, 3).unwrap().conversations[0].clone();
        assert_eq!(again.trashed_at, Some(1_000));
    });
}

#[test]
fn the_counts_follow_every_change_of_place() {
    in_vault(|tx| {
        let work = folders::create(tx, None, "work", 1).unwrap().id;
        let ids = [conversation(tx, "a", Some(work)), conversation(tx, "b", None), conversation(tx, "c", Some(work))];
        let counts = |tx: &Transaction<'_>| {
            let tree = folders::tree(tx).unwrap();
            assert_eq!(counted(tx), there(tx));
            (tree.folders[0].conversations, tree.counts)
        };
        let all = |unfiled, pinned, archive, trash, all| Counts { unfiled, pinned, archive, trash, all };
        assert_eq!(counts(tx), (2, all(1, 0, 0, 0, 3)));
        arrange::pin(tx, &ids, true, 2).unwrap();
        assert_eq!(counts(tx), (2, all(1, 3, 0, 0, 3)));
        arrange::archive(tx, &ids[..1], true, 3).unwrap();
        assert_eq!(counts(tx), (1, all(1, 2, 1, 0, 2)));
        arrange::trash(tx, &ids[..2], 4).unwrap();
        assert_eq!(counts(tx), (1, all(0, 1, 0, 2, 1)));
        arrange::restore(tx, &ids[..2], 5).unwrap();
        arrange::move_to(tx, &ids, None, 6).unwrap();
        assert_eq!(counts(tx).0, 0);
        tx.execute("DELETE FROM conversations WHERE title = 'b'", []).unwrap();
        assert_eq!(counts(tx).1, all(1, 1, 1, 0, 1));
        // Another place is no other count, and nothing counts what stays where it is.
        conversations::set_model(tx, ids[0], "m").unwrap();
        counts(tx);
    });
}
