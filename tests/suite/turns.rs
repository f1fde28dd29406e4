//! Questions and answers through the gateway, over a real vault and a stand-in server.

use std::time::Duration;

use ollamanet::{
    api::{
        ConversationId, FaultKind,
        auth::{Secret, Session, SignedIn},
        chat::{Message, MessageState, NewTurn, Planned, TurnAct, TurnEvent},
        events::Event,
        organise::NewConversation,
    },
    fake::{Fake, Gate, Pace, Part, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::common::house::{House, PASSPHRASE};

const MODEL: &str = "demo-chat:3b";

async fn conversation(house: &House, who: &SignedIn) -> ConversationId {
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(&who.session, new).await.unwrap().row.id
}

fn send(conversation: ConversationId, text: &str) -> NewTurn {
    let act = TurnAct::Send { text: text.to_owned(), attachments: Vec::new() };
    NewTurn { conversation, act, model: None, shorten: false }
}

async fn until(events: &mut mpsc::Receiver<Event>, mut wanted: impl FnMut(&TurnEvent) -> bool) -> TurnEvent {
    let wait = async {
        loop {
            if let Event::Turn { event, .. } = events.recv().await.expect("the subscription lives")
                && wanted(&event)
            {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the event comes")
}

async fn end(events: &mut mpsc::Receiver<Event>) -> Message {
    match until(events, |event| matches!(event, TurnEvent::Ended { .. })).await {
        TurnEvent::Ended { answer, .. } => *answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_and_read_back_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let first = House::beside(home.path(), &fake);
    let ann = first.first_admin("ann").await;
    let mut events = first.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&first, &ann).await;
    let started = first.gateway.start_turn(&ann.session, send(id, "Show me a table")).await.unwrap();
    let mut preview = String::new();
    until(&mut events, |event| {
        if let TurnEvent::Delta(delta) = event {
            preview.push_str(&delta.content);
        }
        matches!(event, TurnEvent::Ended { .. })
    })
    .await;
    let opened = first.gateway.open_conversation(&ann.session, id, 50).await.unwrap();
    let [question, answer] = opened.page.messages.as_slice() else { panic!("{:?}", opened.page) };
    assert_eq!((question, answer.state), (&started.user.unwrap(), MessageState::Done));
    assert_eq!(answer.content, preview, "the deltas are the answer");
    assert!(opened.meter.exact && opened.meter.used > 0 && opened.meter.limit > 0, "{:?}", opened.meter);
    let planned = Planned { conversation: Some(id), draft: "word ".repeat(100), ..Planned::default() };
    let measured = first.gateway.measure_context(&ann.session, planned).await.unwrap();
    assert!(measured.used > opened.meter.used);
    first.close().await;

    let second = House::beside(home.path(), &fake);
    let again = second.sign_in("ann", &Secret::new(PASSPHRASE)).await.unwrap();
    let reread = second.gateway.open_conversation(&again.session, id, 50).await.unwrap();
    assert_eq!(reread.page, opened.page);
    assert_eq!(reread.conversation.row.title, "Show me a table");
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_program_leaves_an_interrupted_answer_that_goes_on_after_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, |seen| {
        let usual = StandIn::new(Pace::instant());
        if seen.path != "/api/chat" {
            return Some(usual.reply(seen));
        }
        let goes_on = seen.json()["messages"].as_array().is_some_and(|all| all.len() == 2);
        let line = |text: &str| json!({ "message": { "role": "assistant", "content": text }, "done": false });
        Some(if goes_on {
            Reply::stream().line(&line("the end.")).line(&json!({ "done": true, "done_reason": "stop" }))
        } else {
            Reply::stream().line(&line("so far, ")).part(Part::Stall)
        })
    })
    .await
    .unwrap();
    let first = House::beside(home.path(), &fake);
    let ann = first.first_admin("ann").await;
    let mut events = first.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&first, &ann).await;
    first.gateway.start_turn(&ann.session, send(id, "Go")).await.unwrap();
    until(&mut events, |event| matches!(event, TurnEvent::Delta(_))).await;
    first.close().await;

    let second = House::beside(home.path(), &fake);
    let again = second.sign_in("ann", &Secret::new(PASSPHRASE)).await.unwrap();
    let mut events = second.gateway.events(&again.session).await.unwrap();
    let opened = second.gateway.open_conversation(&again.session, id, 50).await.unwrap();
    let broken = &opened.page.messages[1];
    assert_eq!((broken.state, broken.content.as_str()), (MessageState::Interrupted, "so far, "));
    let act = TurnAct::Continue { answer: broken.id };
    let new = NewTurn { conversation: id, act, model: None, shorten: false };
    second.gateway.start_turn(&again.session, new).await.unwrap();
    let whole = end(&mut events).await;
    assert_eq!((whole.state, whole.content.as_str()), (MessageState::Done, "so far, the end."));
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_answered_with_what_is_stored_and_stopping_twice_is_fine() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let slow = Pace { token: Duration::from_millis(5), load: Duration::ZERO, ..Pace::instant() };
    let fake = StandIn::start(&tasks, slow).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann).await;
    let turn = house.gateway.start_turn(&ann.session, send(id, "Tell me a lot")).await.unwrap().turn;
    until(&mut events, |event| matches!(event, TurnEvent::Delta(_))).await;
    assert_eq!(house.gateway.open_conversation(&ann.session, id, 5).await.unwrap().running, Some(turn));
    house.gateway.stop_turn(&ann.session, turn).await.unwrap();
    let answer = end(&mut events).await;
    assert_eq!(answer.state, MessageState::Stopped);
    assert!(!answer.content.is_empty());
    house.gateway.stop_turn(&ann.session, turn).await.unwrap();
    let opened = house.gateway.open_conversation(&ann.session, id, 5).await.unwrap();
    assert_eq!((opened.page.messages.last(), opened.running), (Some(&answer), None));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ollama_the_question_is_kept_and_the_reason_told() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann).await;
    house.gateway.start_turn(&ann.session, send(id, "Anybody?")).await.unwrap();
    let event = until(&mut events, |event| matches!(event, TurnEvent::Ended { .. })).await;
    let TurnEvent::Ended { answer, fault, .. } = event else { panic!("{event:?}") };
    assert_eq!((answer.state, fault.unwrap().kind), (MessageState::Failed, FaultKind::Upstream));
    let opened = house.gateway.open_conversation(&ann.session, id, 5).await.unwrap();
    assert_eq!(opened.page.messages[0].content, "Anybody?");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_a_running_answer_keeps_its_text_and_closes_the_vault() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, |seen| {
        let line = json!({ "message": { "role": "assistant", "content": "so far" }, "done": false });
        let endless = Reply::stream().line(&line).part(Part::Stall);
        Some(if seen.path == "/api/chat" { endless } else { StandIn::new(Pace::instant()).reply(seen) })
    })
    .await
    .unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann).await;
    house.gateway.start_turn(&ann.session, send(id, "Go")).await.unwrap();
    until(&mut events, |event| matches!(event, TurnEvent::Delta(_))).await;
    house.gateway.sign_out(&ann.session).await.unwrap();
    let vaults = home.path().join("data/vaults");
    crate::common::until("no file of the vault is open", || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        !open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).any(|path| path.starts_with(&vaults))
    })
    .await;
    let again = house.sign_in("ann", &Secret::new(PASSPHRASE)).await.unwrap();
    let opened = house.gateway.open_conversation(&again.session, id, 5).await.unwrap();
    let answer = &opened.page.messages[1];
    assert_eq!((answer.state, answer.content.as_str(), opened.running), (MessageState::Stopped, "so far", None));
    house.close().await;
}

/// An Ollama that says something and then nothing more.
async fn endless(tasks: &Tasks) -> Fake {
    let answer = |seen: &ollamanet::fake::Seen| {
        let line = json!({ "message": { "role": "assistant", "content": "so far" }, "done": false });
        let endless = Reply::stream().line(&line).part(Part::Stall);
        Some(if seen.path == "/api/chat" { endless } else { StandIn::new(Pace::instant()).reply(seen) })
    };
    Fake::start(tasks, answer).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_in_another_program_loses_the_running_answer_here_though_nothing_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = endless(&tasks).await;
    let (here, there) = (House::beside(home.path(), &fake), House::beside(home.path(), &fake));
    let ann = there.first_admin("ann").await;
    let ben = there.newcomer(&ann.session, "ben", "user").await;
    there.gateway.sign_out(&ben.session).await.unwrap();
    for how in ["ends the session", "locks", "disables"] {
        let session = here.sign_in("ben", &Secret::new(PASSPHRASE)).await.unwrap();
        let id = conversation(&here, &session).await;
        let mut heard = here.gateway.events(&session.session).await.unwrap();
        here.gateway.start_turn(&session.session, send(id, "Go")).await.unwrap();
        until(&mut heard, |event| matches!(event, TurnEvent::Delta(_))).await;
        // Nobody listens any more: the answer itself notices.
        drop(heard);
        let admin = (&there.gateway, &ann.session, ben.account.id);
        match how {
            "ends the session" => admin.0.end_user_session(admin.1, admin.2, None).await.unwrap(),
            "locks" => admin.0.lock_user(admin.1, admin.2, 10).await.unwrap(),
            _ => admin.0.disable_user(admin.1, admin.2).await.unwrap(),
        }
        let vault: uuid::Uuid = rusqlite::Connection::open(here.paths.system_db())
            .unwrap()
            .query_row("SELECT vault FROM accounts WHERE id = ?1", [ben.account.id.0], |row| row.get(0))
            .unwrap();
        let file = home.path().join(format!("data/vaults/{vault}.db"));
        crate::common::until("no file of the vault is open", || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            !open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).any(|path| path == file)
        })
        .await;
        match how {
            "locks" => there.gateway.unlock_user(&ann.session, ben.account.id).await.unwrap(),
            "disables" => there.gateway.enable_user(&ann.session, ben.account.id).await.unwrap(),
            _ => {}
        }
        let again = there.sign_in("ben", &Secret::new(PASSPHRASE)).await.unwrap();
        let opened = there.gateway.open_conversation(&again.session, id, 5).await.unwrap();
        let answer = &opened.page.messages[1];
        assert_eq!((answer.state, answer.content.as_str()), (MessageState::Stopped, "so far"), "{how}");
        there.gateway.sign_out(&again.session).await.unwrap();
    }
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_asks_for_nothing_hears_that_it_was_shut_out_and_why() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = there.first_admin("ann").await;
    let ben = there.newcomer(&ann.session, "ben", "user").await;
    there.gateway.sign_out(&ben.session).await.unwrap();
    for is_locked in [false, true] {
        let session = here.sign_in("ben", &Secret::new(PASSPHRASE)).await.unwrap();
        let mut heard = here.gateway.events(&session.session).await.unwrap();
        here.gateway.tree(&session.session).await.unwrap();
        if is_locked {
            here.gateway.lock(&session.session).await.unwrap();
        }
        there.gateway.end_user_session(&ann.session, ben.account.id, None).await.unwrap();
        let told = async {
            loop {
                if let Event::SessionEnded(why) = heard.recv().await.expect("the reason is told") {
                    return why;
                }
            }
        };
        let why = tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told unasked");
        assert_eq!(why.kind, FaultKind::SignedOut);
        assert!(why.message.contains("administrator"), "{why}");
        assert_eq!(heard.recv().await, None);
    }
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_can_stop_its_answer() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, |seen| {
        let line = json!({ "message": { "role": "assistant", "content": "so far" }, "done": false });
        let endless = Reply::stream().line(&line).part(Part::Stall);
        Some(if seen.path == "/api/chat" { endless } else { StandIn::new(Pace::instant()).reply(seen) })
    })
    .await
    .unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann).await;
    let turn = house.gateway.start_turn(&ann.session, send(id, "Go")).await.unwrap().turn;
    until(&mut events, |event| matches!(event, TurnEvent::Delta(_))).await;
    house.gateway.lock(&ann.session).await.unwrap();
    let stranger = Session::from_parts(ann.session.id, [0; 32]);
    assert_eq!(house.gateway.stop_turn(&stranger, turn).await.unwrap_err().kind, FaultKind::SignedOut);
    house.gateway.stop_turn(&ann.session, turn).await.unwrap();
    let answer = end(&mut events).await;
    assert_eq!((answer.state, answer.content.as_str()), (MessageState::Stopped, "so far"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_lets_the_running_answer_finish() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let gate = Gate::new();
    let held = gate.clone();
    let fake = Fake::start(&tasks, move |seen| {
        let line = |text: &str| json!({ "message": { "role": "assistant", "content": text }, "done": false });
        let end = json!({ "done": true, "done_reason": "stop" });
        let answer = Reply::stream().line(&line("so far, ")).part(Part::Hold(held.clone())).line(&line("so good"));
        Some(if seen.path == "/api/chat" { answer.line(&end) } else { StandIn::new(Pace::instant()).reply(seen) })
    })
    .await
    .unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann).await;
    house.gateway.start_turn(&ann.session, send(id, "Go")).await.unwrap();
    until(&mut events, |event| matches!(event, TurnEvent::Delta(_))).await;
    house.gateway.lock(&ann.session).await.unwrap();
    gate.release();
    assert_eq!(end(&mut events).await.content, "so far, so good");
    assert_eq!(house.gateway.open_conversation(&ann.session, id, 5).await.unwrap_err().kind, FaultKind::Locked);
    house.gateway.unlock(&ann.session, &Secret::new(PASSPHRASE)).await.unwrap();
    let opened = house.gateway.open_conversation(&ann.session, id, 5).await.unwrap();
    assert_eq!((opened.page.messages[1].state, opened.running), (MessageState::Done, None));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_ollama_keeps_failing_the_last_list_is_shown_and_it_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await.session;
    let good = house.gateway.models(&ann, true).await.unwrap();
    assert_eq!(good.stale_because, None);
    fake.answer(|_| None);
    for _ in 0..2 {
        let stale = house.gateway.models(&ann, true).await.unwrap();
        assert_eq!(stale.stale_because.as_deref(), Some("The connection to Ollama broke off."));
    }
    let asked = fake.requests().len();
    let stale = house.gateway.models(&ann, true).await.unwrap();
    assert_eq!(stale.models, good.models);
    assert!(stale.stale_because.is_some_and(|why| why.contains("left alone for a moment")));
    assert_eq!(house.gateway.model(&ann, MODEL).await.unwrap().family, "llama");
    let unknown = house.gateway.model(&ann, "nosuch").await.unwrap_err();
    assert_eq!((unknown.kind, unknown.retry_after.is_some()), (FaultKind::Upstream, true));
    assert_eq!(fake.requests().len(), asked, "Ollama was asked all the same");
    // A sign of life, however it was come by, ends the rest.
    let usual = StandIn::new(Pace::instant());
    fake.answer(move |seen| Some(usual.reply(seen)));
    house.gateway.health().await.unwrap();
    assert_eq!(house.gateway.models(&ann, true).await.unwrap().stale_because, None);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_list_a_failing_ollama_is_told_with_the_time_of_the_next_try() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, |_| None).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await.session;
    for _ in 0..2 {
        assert_eq!(house.gateway.models(&ann, false).await.unwrap_err().retry_after, None);
    }
    let asked = fake.requests().len();
    let fault = house.gateway.models(&ann, false).await.unwrap_err();
    assert_eq!((fault.kind, fault.retry_after.is_some()), (FaultKind::Upstream, true));
    assert_eq!(fake.requests().len(), asked, "Ollama was asked all the same");
    house.close().await;
}
