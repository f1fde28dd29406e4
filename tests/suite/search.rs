//! Searching through the gateway and from the command line.

use ollamanet::{
    api::{
        FaultKind,
        auth::{Role, Secret, SignedIn},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::{ConversationPatch, NewConversation},
        search::{Asked, Found, HitKind, IndexProgress},
    },
    config::Config,
    fake::{Fake, Pace, StandIn},
    store::{
        StoreError, Vault,
        keys::{self, SlotKind},
        system::{open_system, slots},
        vault::{Tx, search::index},
    },
    tasks::Tasks,
};
use tokio::sync::watch;

use crate::common::{
    house::{House, PASSPHRASE, add_account},
    pty::PATIENCE,
    sequences::attacks_by_kind,
    stage::Stage,
};

fn house_with(home: &std::path::Path, fake: &Fake) -> House {
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    // A test types faster than people do.
    config.limits.read_per_minute = 100_000;
    House::open(home, &config)
}

/// Says something in a conversation of this title, and waits for the answer.
async fn say(house: &House, who: &SignedIn, title: &str, text: &str) -> NewTurn {
    let mut events = house.gateway.events(&who.session).await.unwrap();
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    let conversation = house.gateway.create_conversation(&who.session, new).await.unwrap().row.id;
    let act = TurnAct::Send { text: text.to_owned(), attachments: Vec::new() };
    let turn = NewTurn { conversation, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
    house.gateway.start_turn(&who.session, turn.clone()).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
    turn
}

/// Somebody's vault, as another window has it open.
async fn another_window(house: &House, who: &SignedIn) -> Vault {
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    let id = who.account.id;
    let slot = system.read(move |tx| slots::of(tx, id, SlotKind::Passphrase)).await.unwrap().unwrap();
    let key = keys::unseal(&slot, PASSPHRASE.as_bytes()).unwrap();
    Vault::open(id, &house.paths.vaults().join(format!("{}.db", slot.vault)), &key, false).unwrap()
}

async fn find(house: &House, who: &SignedIn, text: &str) -> Found {
    house.gateway.search(&who.session, Asked::typed(text, 50)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn question_answer_and_title_are_found_at_once_and_lead_to_their_place() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = house_with(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let turn = say(&house, &ann, "Animals", "tell me of the aardvark, with code").await;
    let found = find(&house, &ann, "aardv").await;
    assert_eq!(
        found.hits.iter().map(|hit| (hit.kind, hit.conversation)).collect::<Vec<_>>(),
        [(HitKind::Message, turn.conversation)]
    );
    assert_eq!((found.count, found.is_more, found.next), (1, false, None));
    let hit = &found.hits[0];
    let page = house.gateway.show_branch(&ann.session, turn.conversation, hit.message.unwrap(), 9).await.unwrap();
    assert!(page.messages.iter().any(|message| Some(message.id) == hit.message));
    // The stand-in's answer, by a part of a name in its code.
    assert!(find(&house, &ann, "longest_run").await.hits.iter().any(|hit| hit.model.is_some()));
    assert_eq!(find(&house, &ann, "animals").await.hits[0].kind, HitKind::Title);
    let patch = ConversationPatch { title: Some("Beasts".to_owned()), ..ConversationPatch::default() };
    house.gateway.change_conversation(&ann.session, turn.conversation, patch).await.unwrap();
    assert_eq!(find(&house, &ann, "animals").await.hits, []);
    house.gateway.trash_conversations(&ann.session, vec![turn.conversation]).await.unwrap();
    assert_eq!(find(&house, &ann, "aardvark").await.hits, []);
    assert_eq!(find(&house, &ann, "aardvark in:trash").await.hits.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_another_account_has() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = house_with(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    add_account(&house, "bob", Role::User).await;
    let bob = house.sign_in("bob", &Secret::new(PASSPHRASE)).await.unwrap();
    say(&house, &bob, "xylocanary", "xylocanary").await;
    assert_eq!(find(&house, &bob, "xylocanary").await.hits.len(), 2);
    // The administrator, too: rank opens no vault.
    for query in ["xylocanary", "xylo", "in:title xyl", "role:user", "in:trash x"] {
        assert_eq!(find(&house, &ann, query).await.hits, [], "{query}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_typed_is_looked_for_or_refused_in_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = house_with(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    say(&house, &ann, "plain", "plain words").await;
    let mut queries: Vec<String> = attacks_by_kind().into_iter().map(|(_, _, text)| text).collect();
    queries.extend(
        [
            "\"",
            "\"\"\"",
            "'",
            "' OR 1=1 --",
            "\0",
            "plain\0words",
            "NEAR(a b)",
            "words: x",
            "{words}: plain",
            "a AND",
            "NOT",
            "* ",
            "(((",
            "^plain",
            "plain + words",
            "\"plain* \"*",
            "-",
            "- -",
            "%",
            "message_words",
            "rowid:1",
            "🏳️‍🌈",
            "\u{202e}",
        ]
        .map(str::to_owned),
    );
    for query in queries {
        for is_typing in [true, false] {
            let asked = Asked { is_typing, ..Asked::typed(query.clone(), 5) };
            if let Err(fault) = house.gateway.search(&ann.session, asked).await {
                assert_eq!(fault.kind, FaultKind::Invalid, "{query:?}: {fault}");
                let said = fault.to_string().to_lowercase();
                assert!(["sql", "fts", "syntax"].iter().all(|word| !said.contains(word)), "{query:?}: {fault}");
            }
        }
    }
    let long = house.gateway.search(&ann.session, Asked::typed("x".repeat(10 << 20), 5)).await.unwrap_err();
    assert_eq!(long.kind, FaultKind::Invalid);
    assert!(long.message.len() < 200, "{long}");
    for limit in [0, 101] {
        let asked = Asked { limit, ..Asked::typed("plain", 5) };
        assert_eq!(house.gateway.search(&ann.session, asked).await.unwrap_err().kind, FaultKind::Invalid);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_a_killed_process_left_is_finished_by_the_next_search() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = house_with(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    say(&house, &ann, "plain", "aardvark").await;
    // As a rebuild is that ended after its first step.
    let vault = another_window(&house, &ann).await;
    vault.db.write::<_, StoreError>(|tx: &Tx<'_>| index::begin_rebuild(tx, true, 1)).await.unwrap();
    let first = find(&house, &ann, "aardvark").await;
    assert_eq!((first.hits.len(), first.notice.is_some()), (0, true));
    let finished = async { while find(&house, &ann, "aardvark").await.notice.is_some() {} };
    tokio::time::timeout(PATIENCE, finished).await.expect("the rebuild is finished");
    assert_eq!(find(&house, &ann, "aardvark").await.hits.len(), 1);
    let report = house.gateway.check_search(&ann.session, watch::Sender::new(IndexProgress::default())).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_branch_comes_on_view_with_what_is_around_it() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = house_with(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let turn = say(&house, &ann, "branches", "the aardvark first").await;
    let (gateway, session, id) = (&house.gateway, &ann.session, turn.conversation);
    let first = find(&house, &ann, "role:user aardvark ").await.hits[0].message.unwrap();
    let act = TurnAct::Edit { message: first, text: "an okapi instead".to_owned(), attachments: Vec::new() };
    let mut events = gateway.events(session).await.unwrap();
    gateway.start_turn(session, NewTurn { act, ..turn }).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
    let on_view = async || gateway.open_conversation(session, id, 9).await.unwrap().page.messages[0].id;
    assert_ne!(on_view().await, first);
    let page = gateway.show_message(session, id, first, 10).await.unwrap();
    assert_eq!((page.messages[0].id, page.messages.len(), page.has_older, page.has_newer), (first, 2, false, false));
    assert_eq!(on_view().await, first);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_letters_show_the_hit_and_enter_leads_to_it() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::signed_in().await;
        for question in ["the quick aardvark jumps", "something else entirely"] {
            assert_eq!(stage.run(&["ask", "--new", question]).await.code, Some(0));
        }
        let mut term = stage.terminal(columns, rows);
        term.until("Ask something");
        term.key("ctrl+f");
        term.until("as you type");
        term.send("aar");
        term.until("the quick aardvark jumps");
        term.key("enter");
        let screen = term.until_screen("the conversation", |screen| {
            screen.contains("the quick aardvark jumps") && !screen.contains("Search ─")
        });
        assert!(screen.contains("you"), "{screen}");
        term.key("esc");
        term.until_screen("the search as it was", |screen| screen.contains("│ aar") && screen.contains("found"));
        term.key("ctrl+q");
        term.wait(PATIENCE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_from_the_command_line() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["folders", "create", "work"]).await.code, Some(0));
    assert_eq!(stage.run(&["ask", "--folder", "work", "the quick aardvark jumps"]).await.code, Some(0));
    assert_eq!(stage.run(&["ask", "a lazy aardvark\u{1b}[31m sleeps"]).await.code, Some(0));

    let found = stage.run(&["search", "aardvark -lazy", "role:user"]).await;
    assert_eq!((found.code, found.err.as_str()), (Some(0), ""), "{found:?}");
    assert!(
        found.out.contains(" · work · user") && found.out.contains("\n    the quick aardvark jumps\n"),
        "{}",
        found.out
    );
    let all = stage.run(&["search", "role:user", "aardv*"]).await;
    assert!(all.out.contains("lazy") && !all.out.contains('\u{1b}'), "{}", all.out);

    let hits = stage.json(&["search", "quick", "in:messages", "role:user"]).await;
    assert_eq!(hits[0]["snippet"]["text"], "the quick aardvark jumps");
    assert_eq!(hits[0]["snippet"]["marks"], serde_json::json!([[4, 9]]));
    let limited = stage.run(&["search", "aardvark", "role:user", "--limit", "1"]).await;
    assert!(limited.err.contains("There are more"), "{limited:?}");

    let nothing = stage.run(&["search", "aardwolf"]).await;
    assert_eq!((nothing.code, nothing.out.as_str(), nothing.err.as_str()), (Some(0), "", "Nothing was found.\n"));
    let wrong = stage.run(&["search", "fodler:work"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("the nearest is folder:"), "{}", wrong.err);
    assert_eq!(stage.run(&["search"]).await.code, Some(2));
    assert_eq!(stage.run(&["search", &"x".repeat(100_000)]).await.code, Some(2));

    let checked = stage.run(&["search", "--check"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.out.starts_with("The index knows all "), "{}", checked.out);
    let rebuilt = stage.run(&["search", "--rebuild"]).await;
    assert_eq!((rebuilt.code, rebuilt.out.as_str()), (Some(0), "The index is made anew.\n"));
    assert_eq!(stage.json(&["search", "--check"]).await["sound"], true);
    let doctor = stage.run(&["doctor"]).await;
    assert!(doctor.out.contains("ok    search    the index knows all "), "{}", doctor.out);
}
