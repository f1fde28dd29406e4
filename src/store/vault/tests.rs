//! What the vault's statements promise, on the real schema.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction};

use super::{arrange, branch, conversations, documents, folders, lease::Lease, messages, recovery, scratch, window};
use crate::{
    api::{
        ConversationId, FolderId, MessageId,
        chat::{Draft, MessageRole, MessageState, Metrics, Written},
        organise::{ConversationPatch, Counts, FolderContent, NewConversation, Shelf},
    },
    store::StoreError,
};

mod organise;

fn in_vault(test: impl FnOnce(&Transaction<'_>)) {
    let mut conn = scratch::memory();
    let tx = conn.transaction().unwrap();
    test(&tx);
    let wrong: i64 = tx.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(wrong, 0, "every reference leads somewhere");
    assert_eq!(counted(&tx), there(&tx), "what is counted is there");
    tx.commit().unwrap();
}

type Amounts = Vec<(i64, String, bool, i64)>;

fn amounts(tx: &Transaction<'_>, sql: &str) -> Amounts {
    let mut select = tx.prepare(sql).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn counted(tx: &Transaction<'_>) -> Amounts {
    amounts(tx, "SELECT folder, place, pinned, amount FROM conversation_counts ORDER BY 1, 2, 3")
}

/// The same, one by one.
fn there(tx: &Transaction<'_>) -> Amounts {
    amounts(
        tx,
        "SELECT coalesce(folder, 0), CASE WHEN trashed_at IS NOT NULL THEN 'trash'
             WHEN archived_at IS NOT NULL THEN 'archive' ELSE 'here' END, pinned, count(*)
         FROM conversations GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )
}

fn conversation(tx: &Transaction<'_>, title: &str, folder: Option<FolderId>) -> ConversationId {
    let new = NewConversation { title: Some(title.to_owned()), folder, ..NewConversation::default() };
    conversations::create(tx, &new, 1).unwrap().row.id
}

fn say(tx: &Transaction<'_>, conversation: ConversationId, parent: Option<i64>, text: &str) -> (i64, MessageId) {
    let (conversation, _) = messages::head(tx, conversation).unwrap();
    let role = if parent.is_none() { MessageRole::User } else { MessageRole::Assistant };
    messages::add(
        tx,
        &messages::NewMessage {
            conversation,
            parent,
            role,
            state: MessageState::Done,
            content: text,
            model: None,
            weight: super::weight::weigh_message(text),
            lease: None,
            now: 1,
        },
    )
    .unwrap()
}

fn texts(page: &crate::api::chat::MessagePage) -> Vec<&str> {
    page.messages.iter().map(|message| message.content.as_str()).collect()
}

fn titles(tx: &Transaction<'_>, shelf: Shelf, filter: &str) -> Vec<String> {
    let (rows, _) = conversations::shelf(tx, shelf, filter, None, 100).unwrap();
    rows.into_iter().map(|row| row.title).collect()
}

#[test]
fn sibling_folders_differ_in_more_than_case() {
    in_vault(|tx| {
        let work = folders::create(tx, None, "Café", 1).unwrap();
        assert!(matches!(folders::create(tx, None, "CAFE\u{301}", 1), Err(StoreError::Conflict(_))));
        let inner = folders::create(tx, Some(work.id), "Café", 1).unwrap();
        assert!(matches!(folders::move_to(tx, inner.id, None, None, 1), Err(StoreError::Conflict(_))));
        folders::rename(tx, inner.id, "other", None, 1).unwrap();
        folders::rename(tx, inner.id, "OTHER", None, 1).unwrap();
        folders::move_to(tx, inner.id, None, None, 1).unwrap();
    });
}

#[test]
fn a_folder_cannot_lie_inside_itself_however_deep() {
    in_vault(|tx| {
        let top = folders::create(tx, None, "0", 1).unwrap().id;
        let mut bottom = top;
        for depth in 1..1000 {
            bottom = folders::create(tx, Some(bottom), &depth.to_string(), 1).unwrap().id;
        }
        assert!(matches!(folders::move_to(tx, top, Some(bottom), None, 1), Err(StoreError::Invalid(_))));
        assert!(matches!(folders::move_to(tx, top, Some(top), None, 1), Err(StoreError::Invalid(_))));
        assert_eq!(folders::tree(tx).unwrap().folders.len(), 1000);
        conversation(tx, "deep down", Some(bottom));
        folders::delete(tx, top, FolderContent::Trash, 2).unwrap();
        assert_eq!(folders::tree(tx).unwrap().folders, []);
        assert_eq!(titles(tx, Shelf::Trash, ""), ["deep down"]);
    });
}

#[test]
fn a_deleted_folder_leaves_its_content_above_and_names_stay_apart() {
    in_vault(|tx| {
        let work = folders::create(tx, None, "work", 1).unwrap().id;
        folders::create(tx, None, "rust", 1).unwrap();
        let rust = folders::create(tx, Some(work), "Rust", 1).unwrap().id;
        let same = folders::create(tx, Some(work), "Work", 1).unwrap().id;
        let trashed = conversation(tx, "trashed", Some(work));
        arrange::trash(tx, &[trashed], 1).unwrap();
        conversation(tx, "kept", Some(work));
        folders::delete(tx, work, FolderContent::MoveUp, 2).unwrap();
        let tree = folders::tree(tx).unwrap();
        let names: Vec<_> = tree.folders.iter().map(|folder| (folder.id, folder.name.as_str())).collect();
        assert!(names.contains(&(rust, "Rust (2)")), "{names:?}");
        assert!(names.contains(&(same, "Work")), "{names:?}");
        assert_eq!(titles(tx, Shelf::Folder(None), ""), ["kept"]);
        arrange::restore(tx, &[trashed], 3).unwrap();
        assert_eq!(titles(tx, Shelf::Folder(None), "").len(), 2);
        assert_eq!(tree.counts, Counts { unfiled: 1, pinned: 0, archive: 0, trash: 1, all: 1 });
    });
}

#[test]
fn the_trash_knows_the_folder_to_come_back_to() {
    in_vault(|tx| {
        let folder = folders::create(tx, None, "work", 1).unwrap().id;
        let id = conversation(tx, "here", Some(folder));
        arrange::trash(tx, &[id], 1).unwrap();
        arrange::trash(tx, &[id], 2).unwrap();
        assert_eq!(titles(tx, Shelf::Folder(Some(folder)), ""), [""; 0]);
        assert_eq!(folders::tree(tx).unwrap().folders[0].conversations, 0);
        arrange::restore(tx, &[id], 3).unwrap();
        assert_eq!(titles(tx, Shelf::Folder(Some(folder)), ""), ["here"]);
    });
}

#[test]
fn shelves_are_paged_by_use_and_filtered_without_case_or_accents() {
    in_vault(|tx| {
        for title in ["Ärger", "arger two", "100%_sure", "beta"] {
            conversation(tx, title, None);
        }
        assert_eq!(titles(tx, Shelf::Recent, "ARG"), ["arger two", "Ärger"]);
        assert_eq!(titles(tx, Shelf::Recent, "%"), ["100%_sure"], "no character of a filter means anything else");
        let (first, place) = conversations::shelf(tx, Shelf::Recent, "", None, 3).unwrap();
        let (rest, end) = conversations::shelf(tx, Shelf::Recent, "", place, 3).unwrap();
        assert_eq!((first.len(), rest.len(), end), (3, 1, None));
        assert_eq!(rest[0].title, "Ärger");
    });
}

#[test]
fn a_change_that_saw_an_older_row_is_refused() {
    in_vault(|tx| {
        let id = conversation(tx, "one", None);
        let patch = |title: &str, seen| ConversationPatch {
            title: Some(title.to_owned()),
            seen_rev: Some(seen),
            ..ConversationPatch::default()
        };
        let changed = conversations::change(tx, id, &patch("two", 1), 2).unwrap();
        assert_eq!((changed.row.rev, changed.row.title.as_str()), (2, "two"));
        assert!(matches!(conversations::change(tx, id, &patch("three", 1), 3), Err(StoreError::Conflict(_))));
        let cleared = ConversationPatch { model: Some(None), pinned: Some(true), ..ConversationPatch::default() };
        assert!(conversations::change(tx, id, &cleared, 3).unwrap().row.pinned);
        assert_eq!(titles(tx, Shelf::Pinned, ""), ["two"]);
    });
}

#[test]
fn a_model_never_replaces_a_title_that_a_person_gave() {
    use crate::api::organise::TitleOrigin::{Model, Prompt};
    in_vault(|tx| {
        let manual = conversation(tx, "mine", None);
        assert!(!conversations::set_title(tx, manual, "theirs", Model).unwrap());
        let id = conversations::create(tx, &NewConversation::default(), 1).unwrap().row.id;
        assert!(conversations::set_title(tx, id, "first words", Prompt).unwrap());
        assert!(conversations::set_title(tx, id, "other words", Model).unwrap());
        assert!(!conversations::set_title(tx, id, "again", Prompt).unwrap());
        assert!(!conversations::wants_title(tx, id).unwrap());
        assert_eq!(conversations::get(tx, id).unwrap().row.title, "other words");
    });
}

#[test]
fn a_page_is_the_end_of_the_branch_and_says_whether_more_is_above() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let mut parent = None;
        for number in 0..10 {
            parent = Some(say(tx, id, parent, &number.to_string()).0);
        }
        let newest = branch::newest(tx, id, 4).unwrap();
        assert_eq!((texts(&newest), newest.has_older), (vec!["6", "7", "8", "9"], true));
        let older = branch::older(tx, id, newest.messages[0].id, 6).unwrap();
        assert_eq!((texts(&older), older.has_older), (vec!["0", "1", "2", "3", "4", "5"], false));
        assert_eq!(branch::older(tx, id, older.messages[0].id, 6).unwrap().messages, []);
    });
}

#[test]
fn a_fork_remembers_which_branch_was_on_view() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let (root, _) = say(tx, id, None, "root");
        let (left, left_id) = say(tx, id, Some(root), "left");
        let (_, left_a) = say(tx, id, Some(left), "left a");
        say(tx, id, Some(left), "left b");
        let (_, right_id) = say(tx, id, Some(root), "right");
        assert_eq!(texts(&branch::newest(tx, id, 9).unwrap()), ["root", "right"]);
        branch::show(tx, id, left_a).unwrap();
        assert_eq!(texts(&branch::newest(tx, id, 9).unwrap()), ["root", "left", "left a"]);
        branch::show(tx, id, right_id).unwrap();
        branch::show(tx, id, left_id).unwrap();
        let page = branch::newest(tx, id, 9).unwrap();
        assert_eq!(texts(&page), ["root", "left", "left a"], "not the newest, but the one seen last");
        assert_eq!((page.messages[1].sibling, page.messages[1].siblings), (1, 2));
        assert_eq!(branch::sibling(tx, id, left_id, 1).unwrap(), right_id);
        assert_eq!(branch::sibling(tx, id, left_id, -1).unwrap(), right_id);
        assert_eq!(branch::sibling(tx, id, left_id, i32::MIN).unwrap(), left_id);
    });
}

#[test]
fn a_message_is_found_only_in_its_own_conversation() {
    in_vault(|tx| {
        let (one, other) = (conversation(tx, "1", None), conversation(tx, "2", None));
        let (_, message) = say(tx, one, None, "text");
        assert!(matches!(branch::show(tx, other, message), Err(StoreError::NotFound("message"))));
        assert!(matches!(branch::sibling(tx, other, message, 1), Err(StoreError::NotFound("message"))));
        assert!(matches!(branch::older(tx, other, message, 1), Err(StoreError::NotFound("message"))));
        assert!(matches!(branch::seq_of(tx, other, message), Err(StoreError::NotFound("message"))));
    });
}

#[test]
fn a_running_answer_is_read_with_the_pieces_that_have_arrived() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let (root, _) = say(tx, id, None, "root");
        let (seq, _) = say(tx, id, Some(root), "so ");
        messages::resume(tx, seq, "m", lease(tx)).unwrap();
        assert!(messages::is_answering(tx, messages::head(tx, id).unwrap().0).unwrap());
        messages::append(tx, seq, 0, "far ", "hm").unwrap();
        messages::append(tx, seq, 1, "so good", "").unwrap();
        let running = messages::get(tx, seq).unwrap();
        assert_eq!((running.content.as_str(), running.thinking.as_str()), ("so far so good", "hm"));
        let ending = messages::Ending {
            state: MessageState::Done,
            content: "all".to_owned(),
            thinking: String::new(),
            tool_calls: Vec::new(),
            error: None,
            error_kind: None,
            metrics: Metrics { answer_tokens: Some(3), ..Metrics::default() },
            requested: messages::Requested::default(),
        };
        let done = messages::finish(tx, seq, &ending, 2).unwrap();
        assert_eq!((done.content.as_str(), done.state, done.metrics), ("all", MessageState::Done, ending.metrics));
        assert_eq!(messages::get(tx, seq).unwrap(), done);
    });
}

fn lease(tx: &Transaction<'_>) -> i64 {
    let home = tempfile::tempdir().unwrap();
    Lease::take(&home.path().join("leases")).unwrap().row(tx, 1).unwrap()
}

#[test]
fn an_answer_whose_process_is_gone_becomes_interrupted_with_its_text() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("leases");
    let own = Lease::take(&directory).unwrap();
    let other = Lease::take(&directory).unwrap();
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let (root, _) = say(tx, id, None, "root");
        let answer = |lease: &Lease| {
            let (seq, message) = say(tx, id, Some(root), "");
            messages::resume(tx, seq, "m", lease.row(tx, 1).unwrap()).unwrap();
            messages::append(tx, seq, 0, "kept", "thought").unwrap();
            (seq, message)
        };
        let (mine, mine_id) = answer(&own);
        let (forgotten, _) = answer(&own);
        let (theirs, _) = answer(&other);
        let state = |seq| messages::get(tx, seq).unwrap().state;
        let holding = recovery::Own { lease: Some(own.id), running: HashSet::from([mine_id]) };
        assert!(recovery::any_streaming(tx).unwrap());
        assert_eq!(recovery::recover(tx, &directory, &holding, 5).unwrap().len(), 1);
        assert_eq!(
            [state(mine), state(forgotten), state(theirs)],
            [MessageState::Streaming, MessageState::Interrupted, MessageState::Streaming]
        );
        drop(other);
        assert_eq!(recovery::recover(tx, &directory, &holding, 5).unwrap().len(), 1);
        let message = messages::get(tx, theirs).unwrap();
        assert_eq!(
            (message.state, message.content.as_str(), message.thinking.as_str()),
            (MessageState::Interrupted, "kept", "thought")
        );
        assert_eq!(state(mine), MessageState::Streaming);
    });
}

#[test]
fn drafts_survive_as_they_were_and_empty_ones_leave_nothing() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let draft = Draft {
            text: "half a thought".to_owned(),
            folded: vec![(2, 4)],
            queued: vec![
                Written { text: "first".to_owned(), attachments: vec!["/tmp/c.txt".into()], ..Written::default() },
                Written { text: "second".to_owned(), folded: vec![(0, 6)], ..Written::default() },
            ],
            attachments: vec!["/tmp/a b.txt".into()],
        };
        conversations::save_draft(tx, Some(id), &draft, 1).unwrap();
        conversations::save_draft(tx, None, &Draft { text: "new".to_owned(), ..Draft::default() }, 1).unwrap();
        assert_eq!(conversations::draft(tx, Some(id)).unwrap(), draft);
        assert_eq!(conversations::draft(tx, None).unwrap().text, "new");
        conversations::save_draft(tx, Some(id), &Draft::default(), 2).unwrap();
        assert_eq!(conversations::draft(tx, Some(id)).unwrap(), Draft::default());
    });
}

#[test]
fn the_history_gives_each_prompt_once_newest_first() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        for text in ["How?", "Why not?", "how come", "How?"] {
            say(tx, id, None, text);
        }
        let found: Vec<_> = branch::past_prompts(tx, "HOW", 10).unwrap().into_iter().map(|past| past.text).collect();
        assert_eq!(found, ["How?", "how come"]);
        assert_eq!(branch::past_prompts(tx, "", 1).unwrap()[0].text, "How?");
        assert_eq!(branch::past_prompts(tx, "nothing like it", 10).unwrap(), []);
    });
}

#[test]
fn the_same_bytes_are_kept_once() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let file = documents::NewDocument {
            name: "a.txt".to_owned(),
            kind: crate::api::chat::AttachmentKind::Text,
            sha256: [7; 32],
            hidden: 2,
            text: None,
            body: b"text".to_vec(),
            weight: 4,
        };
        let again = documents::NewDocument { name: "b.txt".to_owned(), ..file.clone() };
        let (first, _) = say(tx, id, None, "one");
        let (second, _) = say(tx, id, Some(first), "two");
        documents::attach(tx, first, &[file, again], 1).unwrap();
        documents::copy_attachments(tx, first, second).unwrap();
        let message = messages::get(tx, second).unwrap();
        let names: Vec<_> = message.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
        assert_eq!(names, ["a.txt", "b.txt"]);
        assert_eq!(message.attachments[0].id, message.attachments[1].id);
        assert_eq!((message.attachments[0].bytes, message.attachments[0].hidden_characters), (4, 2));
        let bodies = window::bodies(tx, &[first]).unwrap();
        assert_eq!(bodies[0].documents[1].body, b"text");
    });
}

#[test]
fn a_branch_is_paged_from_either_end() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        assert_eq!(branch::oldest(tx, id, 3).unwrap(), crate::api::chat::MessagePage::default());
        let mut parent = None;
        let mut ids = Vec::new();
        for number in 0..10 {
            let (seq, message) = say(tx, id, parent, &format!("{number}"));
            ids.push(message);
            parent = Some(seq);
        }
        // A fork in the middle that is not on view.
        let fork = branch::seq_of(tx, id, ids[4]).unwrap();
        let (_, other) = say(tx, id, Some(fork), "elsewhere");
        branch::show(tx, id, ids[9]).unwrap();
        let of = |page: &crate::api::chat::MessagePage| page.messages.iter().map(|m| m.id).collect::<Vec<_>>();
        let first = branch::oldest(tx, id, 3).unwrap();
        assert_eq!((of(&first), first.has_older, first.has_newer), (ids[..3].to_vec(), false, true));
        let next = branch::newer(tx, id, ids[2], 4).unwrap();
        assert_eq!((of(&next), next.has_older, next.has_newer), (ids[3..7].to_vec(), true, true));
        let last = branch::newer(tx, id, ids[6], 4).unwrap();
        assert_eq!((of(&last), last.has_newer), (ids[7..].to_vec(), false));
        assert!(branch::newer(tx, id, ids[9], 4).unwrap().messages.is_empty());
        branch::show(tx, id, other).unwrap();
        assert_eq!(of(&branch::newer(tx, id, ids[3], 9).unwrap()), [ids[4], other]);
    });
}

#[test]
fn a_window_reads_no_further_than_needed_but_finds_what_is_pinned() {
    in_vault(|tx| {
        let id = conversation(tx, "c", None);
        let (conversation, _) = messages::head(tx, id).unwrap();
        let (root, _) = say(tx, id, None, "root");
        let (elsewhere, _) = say(tx, id, Some(root), "on another branch");
        let mut parent = root;
        for number in 0..100 {
            parent = say(tx, id, Some(parent), &format!("{number:04}")).0;
        }
        let read = window::branch(tx, conversation, Some(parent), 5 * 20, None).unwrap();
        assert_eq!((read.lines.len(), read.whole), (6, false));
        messages::mark(tx, root, None, Some(true)).unwrap();
        messages::mark(tx, elsewhere, None, Some(true)).unwrap();
        let read = window::branch(tx, conversation, Some(parent), 5 * 20, None).unwrap();
        assert_eq!(read.lines.len(), 7);
        assert_eq!((read.lines[6].seq, read.lines[6].pinned), (root, true));
        assert!(window::branch(tx, conversation, Some(parent), u64::MAX, None).unwrap().whole);
    });
}

#[test]
fn purging_a_conversation_takes_everything_of_it() {
    let mut conn: Connection = scratch::memory();
    let tx = conn.transaction().unwrap();
    let id = conversation(&tx, "c", None);
    let mut parent = None;
    for _ in 0..50 {
        parent = Some(say(&tx, id, parent, "text").0);
    }
    conversations::save_draft(&tx, Some(id), &Draft { text: "d".to_owned(), ..Draft::default() }, 1).unwrap();
    tx.execute("DELETE FROM conversations WHERE id = ?1", [id.0]).unwrap();
    tx.commit().unwrap();
    let left: i64 = conn
        .query_row("SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM drafts)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_conversation_of_fifty_thousand_messages_opens_in_the_time_of_its_newest_page() {
    in_vault(|tx| {
        let id = conversation(tx, "long", None);
        let mut parent = None;
        for number in 0..50_000 {
            parent = Some(say(tx, id, parent, &number.to_string()).0);
        }
        let short = conversation(tx, "short", None);
        let mut parent = None;
        for number in 0..100 {
            parent = Some(say(tx, short, parent, &number.to_string()).0);
        }
        let fastest = |id| {
            let time = |_| {
                let begun = std::time::Instant::now();
                assert_eq!(branch::open(tx, id, 50).unwrap().1.messages.len(), 50);
                begun.elapsed()
            };
            (0..20).map(time).min().unwrap()
        };
        let (long, short) = (fastest(id), fastest(short));
        println!("50 000 messages: {long:?}, 100 messages: {short:?}");
        assert!(long < short * 3, "{long:?} against {short:?}");
        let begun = std::time::Instant::now();
        let newest = branch::newest(tx, id, 1).unwrap().messages[0].id;
        branch::show(tx, id, newest).unwrap();
        println!("showing a branch 50 000 deep: {:?}", begun.elapsed());
    });
}
