//! Notes, ratings and pruned branches through the gateway and from the command line.

use ollamanet::{
    api::{
        ConversationId, FaultKind, MessageId,
        auth::SignedIn,
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        feedback::{NewFeedback, Reason, Thumb},
        notes::{NewNote, NewPassage, NoteScope},
        organise::NewConversation,
    },
    config::Config,
    fake::{Fake, Pace, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::Value;

use crate::common::{
    house::House,
    pty::{PATIENCE, Term},
    stage::{Stage, last, piece},
    until,
};

async fn started(home: &std::path::Path, fake: &Fake) -> (House, SignedIn) {
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    let house = House::open(home, &config);
    let ann = house.first_admin("ann").await;
    (house, ann)
}

async fn take_turn(house: &House, ann: &SignedIn, conversation: ConversationId, act: TurnAct) -> MessageId {
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let turn = NewTurn { conversation, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
    let begun = house.gateway.start_turn(&ann.session, turn).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
    begun.answer.id
}

fn send(text: &str) -> TurnAct {
    TurnAct::Send { text: text.to_owned(), attachments: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_on_a_passage_is_seen_with_its_message_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (house, ann) = started(home.path(), &fake).await;
    let (gateway, session) = (&house.gateway, &ann.session);
    let id = gateway.create_conversation(session, NewConversation::default()).await.unwrap().row.id;
    let answer = take_turn(&house, &ann, id, send("hello")).await;
    let new = |passage, body: &str| NewNote { conversation: id, message: Some(answer), passage, body: body.to_owned() };
    let hostile = "\u{1b}[31mred\u{202e} <b>&amp;</b>\r\n`x`";
    let first = gateway.add_note(session, new(Some(NewPassage::Chars(0, 4)), hostile)).await.unwrap();
    assert_eq!(first.body, hostile, "a note is kept as it was written");
    let overlap = gateway.add_note(session, new(Some(NewPassage::Chars(3, 6)), "no")).await.unwrap_err();
    assert_eq!(overlap.kind, FaultKind::Conflict);
    assert!(overlap.message.contains("overlaps"), "{overlap}");
    gateway.add_note(session, new(None, "on all of it")).await.unwrap();
    for bad in ["", " \n ", &"x".repeat(16 * 1024 + 1)] {
        assert_eq!(gateway.add_note(session, new(None, bad)).await.unwrap_err().kind, FaultKind::Invalid);
    }
    let opened = gateway.open_conversation(session, id, 9).await.unwrap();
    let shown = opened.page.messages.iter().find(|message| message.id == answer).unwrap();
    assert_eq!(shown.notes.iter().map(|mark| mark.chars).collect::<Vec<_>>(), [None, Some((0, 4))]);
    let page = gateway.notes(session, NoteScope::Everything, "ALL of", None, 9).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    let markdown = gateway.notes_as_markdown(session, NoteScope::Conversation(id), "", None, 9).await.unwrap();
    let whole = markdown.rows.concat();
    assert!(whole.contains("\n> ") && !whole.contains('\u{1b}') && !whole.contains('\u{202e}'), "{whole:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_one_rating_and_beside_its_cost_stands_the_thumb_alone() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (house, ann) = started(home.path(), &fake).await;
    let (gateway, session) = (&house.gateway, &ann.session);
    let id = gateway.create_conversation(session, NewConversation::default()).await.unwrap().row.id;
    let answer = take_turn(&house, &ann, id, send("hello")).await;
    let given = |thumb, reasons: &[Reason]| NewFeedback {
        thumb,
        reasons: reasons.to_vec(),
        comment: Some("xylocanary".to_owned()),
    };
    let system = house.paths.system_db();
    let ratings = || -> Vec<Option<i64>> {
        let conn = rusqlite::Connection::open(&system).unwrap();
        let mut select = conn.prepare("SELECT rating FROM usage").unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    // What an answer cost is noted after its end was told.
    until("the answer is counted", || ratings().len() == 1).await;
    gateway.set_feedback(session, id, answer, given(Thumb::Up, &[Reason::Clear])).await.unwrap();
    gateway.set_feedback(session, id, answer, given(Thumb::Down, &[Reason::Slow, Reason::Wrong])).await.unwrap();
    let wrong = gateway.set_feedback(session, id, answer, given(Thumb::Up, &[Reason::Wrong])).await.unwrap_err();
    assert_eq!(wrong.kind, FaultKind::Invalid);
    let page = gateway.open_conversation(session, id, 9).await.unwrap().page;
    let question = page.messages[0].id;
    let refused = gateway.set_feedback(session, id, question, given(Thumb::Up, &[])).await.unwrap_err();
    assert_eq!(refused.message, "Only answers are rated.");
    let stored = page.messages[1].feedback.clone().unwrap();
    assert_eq!((stored.thumb, stored.reasons), (Thumb::Down, vec![Reason::Wrong, Reason::Slow]));
    let list = gateway.feedback(session, None, Some(Thumb::Down), None, 9).await.unwrap();
    assert_eq!(list.rows.len(), 1);
    assert_eq!(gateway.feedback(session, None, Some(Thumb::Up), None, 9).await.unwrap().rows, []);
    let summary = gateway.feedback_summary(session).await.unwrap();
    assert_eq!((summary.up, summary.down, summary.reasons.len()), (0, 1, 2));
    assert_eq!(summary.models[0].model, "demo-chat:3b");

    assert_eq!(ratings(), [Some(-1)]);
    assert!(gateway.withdraw_feedback(session, id, answer).await.unwrap());
    assert!(!gateway.withdraw_feedback(session, id, answer).await.unwrap());
    assert_eq!(ratings(), [None]);
    let bytes = std::fs::read(&system).unwrap();
    assert!(!bytes.windows(10).any(|part| part == b"xylocanary"), "the comment stays in the vault");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruned_branch_leaves_the_view_and_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (house, ann) = started(home.path(), &fake).await;
    let (gateway, session) = (&house.gateway, &ann.session);
    let id = gateway.create_conversation(session, NewConversation::default()).await.unwrap().row.id;
    let first = take_turn(&house, &ann, id, send("hello")).await;
    let second = take_turn(&house, &ann, id, TurnAct::Regenerate { answer: first }).await;
    let note = NewNote { conversation: id, message: Some(second), passage: None, body: "kept".to_owned() };
    gateway.add_note(session, note).await.unwrap();
    let last = async || gateway.open_conversation(session, id, 9).await.unwrap().page.messages.pop().unwrap();
    assert_eq!((last().await.id, last().await.siblings), (second, 2));
    assert_eq!(gateway.prune_branch(session, id, second).await.unwrap(), 1);
    assert_eq!((last().await.id, last().await.siblings), (first, 1));
    assert_eq!(gateway.notes(session, NoteScope::Everything, "", None, 9).await.unwrap().rows, []);
    let tree = gateway.branch_tree(session, id).await.unwrap();
    assert_eq!(tree.stretches.iter().filter(|stretch| stretch.pruned_at.is_some()).count(), 1);
    assert_eq!(gateway.restore_branch(session, id, second).await.unwrap(), 1);
    assert_eq!(gateway.notes(session, NoteScope::Everything, "", None, 9).await.unwrap().rows.len(), 1);
    assert_eq!(last().await.siblings, 2);
    gateway.prune_branch(session, id, second).await.unwrap();
    gateway.purge_branch(session, id, second).await.unwrap();
    assert_eq!(gateway.branch_tree(session, id).await.unwrap().stretches.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_and_ratings_from_the_command_line() {
    let stage = Stage::signed_in().await;
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let asked = stage.run(&["ask", "hello"]).await;
    let answer = asked.out.trim().to_owned();
    let words: String = answer.split_whitespace().next().unwrap().to_owned();
    let empty = stage.run(&["notes", "list"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""));
    assert!(empty.err.contains("notes add"), "{}", empty.err);

    let added =
        stage.run(&["notes", "add", "look \u{1b}[31mhere", "--message", "last", "--quote", &answer, "--json"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let note = json(&added.out);
    assert_eq!(note["passage"]["quote"], answer.as_str());
    let again = stage.run(&["notes", "add", "twice", "--message", "last", "--quote", &answer]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("overlaps the one noted as “look"), "{}", again.err);
    let missing = stage.run(&["notes", "add", "x", "--quote", "no such words anywhere"]).await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    let on_all = stage.with_input(&["notes", "add"], "from standard input\n").await;
    assert_eq!(on_all.code, Some(0), "{on_all:?}");

    let listed = stage.run(&["notes", "list"]).await;
    assert!(listed.out.contains("on the conversation") && listed.out.contains("on the answer"), "{}", listed.out);
    assert!(!listed.out.contains('\u{1b}') && listed.out.contains(&words), "{}", listed.out);
    let id = note["id"].as_str().unwrap();
    let edited = stage.run(&["notes", "edit", &id[id.len() - 8..], "seen", "--json"]).await;
    assert_eq!(json(&edited.out)["body"], "seen");
    let found = stage.run(&["notes", "list", "SEEN", "--conversation", "last", "--json"]).await;
    assert_eq!(json(&found.out).as_array().unwrap().len(), 1);
    let file = stage.home().join("notes.md");
    let path = file.to_str().unwrap();
    let exported = stage.run(&["notes", "export", path]).await;
    assert_eq!(exported.out, format!("{path}: 2 notes\n"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nseen\n") && text.contains("> ") && text.starts_with("## "), "{text}");
    assert_eq!(stage.run(&["notes", "export", path]).await.code, Some(1), "never over a file");
    let gone = stage.run(&["notes", "delete", id]).await;
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert_eq!(stage.run(&["notes", "edit", id, "x"]).await.code, Some(1));

    let rated = stage.run(&["feedback", "set", "down", "--reason", "off-topic", "--comment", "no \u{202e}way"]).await;
    assert_eq!((rated.code, rated.out.as_str()), (Some(0), "Rated: - down\n"), "{rated:?}");
    let wrong = stage.run(&["feedback", "set", "up", "--reason", "wrong"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let listed = stage.run(&["feedback", "list"]).await;
    assert!(listed.out.contains("off topic — no way"), "{}", listed.out);
    let summary = stage.run(&["feedback", "summary"]).await;
    assert!(summary.out.contains("off topic 1"), "{}", summary.out);
    let counted = json(&stage.run(&["feedback", "summary", "--json"]).await.out);
    assert_eq!((&counted["up"], &counted["down"]), (&Value::from(0), &Value::from(1)));
    assert_eq!(stage.run(&["feedback", "withdraw"]).await.out, "Withdrawn.\n");
    assert_eq!(stage.run(&["feedback", "withdraw"]).await.out, "This answer was not rated.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passage_is_noted_on_screen_and_still_marked_the_next_day() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        stage.chat(|_| Reply::stream().line(&piece("Some **bold words** and more of them.\n\nThe end.")).line(&last()));
        let mut term = stage.terminal(columns, rows);
        term.until("Ask something");
        term.send("a question").key("enter");
        // A passage is selected in what is stored, so the answer must have ended.
        term.until("tok/s");
        term.key("tab");
        // From the first letter over two words: "Some bold".
        term.send("v");
        term.until("Enter note");
        term.send("wwh").key("enter");
        let editor = term.until("Note on the passage");
        assert!(editor.contains("Some **bold"), "{editor}");
        term.send("why bold?").key("enter");
        term.until("✎1");
        term.until_screen("the editor has closed", |screen| !screen.contains("Note on the passage"));
        assert!(is_underlined(&term, "bold"), "the passage is marked");
        assert!(!is_underlined(&term, "more"), "and nothing else");
        term.send("+");
        term.until("A good answer");
        term.send("1").key("enter");
        term.until("👍");
        term.key("ctrl+q");
        assert!(term.wait(PATIENCE).success());

        let mut term = stage.terminal(columns, rows);
        term.until("Ask something");
        term.key("tab");
        term.until("a question");
        term.key("enter");
        term.until("Some bold words");
        term.until("✎1");
        term.until("👍");
        assert!(is_underlined(&term, "bold"), "it is marked again");
        // And the Library leads there.
        term.send("\x1b3");
        let library = term.until("why bold?");
        assert!(library.contains("▌ Some **bold"), "{library}");
        term.key("enter");
        term.until("Some bold words");
        term.key("ctrl+q");
        assert!(term.wait(PATIENCE).success());
    }
}

/// Whether this word of the messages, and not of a link, is underlined on the screen.
fn is_underlined(term: &Term, word: &str) -> bool {
    term.with_screen(|screen| {
        let (rows, columns) = screen.size();
        let (rows, columns) = (rows.get(), columns.get());
        (0..rows).any(|row| {
            let line: String = (0..columns)
                .map(|column| screen.cell(row, column).map_or(" ", |cell| cell.contents()))
                .map(|text| if text.is_empty() { " " } else { text })
                .collect();
            let Some(at) = line.find(&format!("{word} ")) else { return false };
            let column = line[..at].chars().count() as u16;
            let is_marked = |offset: u16| screen.cell(row, column + offset).is_some_and(vt100::Cell::underline);
            line.contains("Some bold words") && (0..word.len() as u16).all(is_marked)
        })
    })
}
