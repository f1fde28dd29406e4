//! Why an answer was slow: its time in parts that add up, asked for when it is long over.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use ollamanet::{
    api::{
        ConversationId, FaultKind, MessageId,
        auth::{Secret, Session},
        chat::{Message, MessageRole, NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::NewConversation,
        slowness::Phase,
    },
    fake::{Fake, Gate, Pace, Part, Reply, StandIn},
    ollama::{Address, ChatMessage, ChatRequest, Ollama, Settings, Way},
    tasks::Tasks,
};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
};

use crate::common::house::{House, PASSPHRASE};

const MODEL: &str = "demo-chat:3b";

async fn conversation(house: &House, session: &Session) -> ConversationId {
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(session, new).await.unwrap().row.id
}

async fn ask(house: &House, session: &Session, conversation: ConversationId) -> MessageId {
    let act = TurnAct::Send { text: "Tell me".to_owned(), attachments: Vec::new() };
    let new = NewTurn { conversation, act, model: None, shorten: false };
    house.gateway.start_turn(session, new).await.unwrap().answer.id
}

async fn until(events: &mut mpsc::Receiver<Event>, wanted: impl Fn(MessageId, &TurnEvent) -> bool) -> TurnEvent {
    let wait = async {
        loop {
            if let Event::Turn { event, answer, .. } = events.recv().await.expect("the subscription lives")
                && wanted(answer, &event)
            {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the event comes")
}

async fn end(events: &mut mpsc::Receiver<Event>, of: MessageId) -> Message {
    match until(events, |answer, event| answer == of && matches!(event, TurnEvent::Ended { .. })).await {
        TurnEvent::Ended { answer, .. } => *answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_loads_slowly_is_named_and_still_is_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let loading = Duration::from_millis(400);
    let fake = StandIn::start(&tasks, Pace { load: loading, ..Pace::instant() }).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let id = conversation(&house, &ann.session).await;
    let began = Instant::now();
    let answer = ask(&house, &ann.session, id).await;
    let ended = end(&mut events, answer).await;
    let wall = began.elapsed();
    let told = house.gateway.slowness(&ann.session, id, answer).await.unwrap();
    let phases = told.phases.unwrap();
    assert_eq!(phases.load, 400_000, "{phases:?}");
    assert_eq!(phases.largest(), Phase::Load, "{phases:?}");
    assert!(Duration::from_micros(phases.total()) <= wall, "{phases:?} is more than {wall:?}");
    let request = u64::from(ended.metrics.total_ms.unwrap());
    assert!(phases.total() / 1000 >= request, "{phases:?} leaves out some of {request} ms");
    assert!(phases.own > 0 && phases.send > 0 && told.request.is_some(), "{phases:?}");
    let question = house.gateway.open_conversation(&ann.session, id, 10).await.unwrap().page.messages[0].id;
    let refused = house.gateway.slowness(&ann.session, id, question).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Invalid, "a question has no speed");
    house.close().await;

    let later = House::beside(home.path(), &fake);
    let again = later.sign_in("ann", &Secret::new(PASSPHRASE)).await.unwrap();
    assert_eq!(later.gateway.slowness(&again.session, id, answer).await.unwrap(), told);
    let copies = later.gateway.duplicate_conversations(&again.session, vec![id]).await.unwrap();
    let copy = later.gateway.open_conversation(&again.session, copies[0].row.id, 10).await.unwrap();
    let of_copy = later.gateway.slowness(&again.session, copies[0].row.id, copy.page.messages[1].id).await.unwrap();
    assert_eq!(of_copy.phases, told.phases, "a copy takes it along");
    later.close().await;
}

/// A listener whose line of new connections is full, with what fills it: the next one is taken when that has been.
async fn full() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut fills = Vec::new();
    while let Ok(taken) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(listener.local_addr().unwrap())).await
    {
        fills.push(taken.unwrap());
        assert!(fills.len() < 1000, "this machine's lines have no end");
    }
    (listener, fills)
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_is_told_apart_from_waiting_for_the_model_and_an_open_connection_costs_nothing() {
    let tasks = Tasks::new();
    let loading = Duration::from_millis(250);
    let fake = StandIn::start(&tasks, Pace { load: loading, ..Pace::instant() }).await.unwrap();
    let (listener, fills) = full().await;
    let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let (told, mut connections) = mpsc::unbounded_channel();
    let ollama = Ollama::new(Settings {
        connect: Duration::from_secs(20),
        connects: Some(std::sync::Arc::new(move |took| told.send(took).unwrap())),
        ..Settings::new(address)
    });
    let request = ChatRequest {
        model: MODEL.to_owned(),
        messages: vec![ChatMessage::new(MessageRole::User, "Tell me")],
        ..ChatRequest::default()
    };
    let (way, behind) = (Way::default(), fake.url().replace("http://", ""));
    let asking = ollama.chat_followed(&request, &way);
    let serving = async {
        crate::common::until("it waits for its connection", || way.legs().connect >= Duration::from_millis(300)).await;
        // From here on everybody is let in.
        tasks.spawn("letting in", async move {
            let _fills = fills;
            let mut open = Vec::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let mut there = TcpStream::connect(&behind).await.unwrap();
                open.push(tokio::spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await }));
            }
        });
    };
    let (answer, ()) = tokio::join!(asking, serving);
    let mut answer = answer.unwrap();
    let legs = way.legs();
    assert!(legs.connect >= Duration::from_millis(300), "{legs:?}");
    assert!(legs.headers >= loading && legs.headers < legs.connect + loading, "{legs:?}");
    let heard = connections.recv().await.unwrap();
    assert!(heard >= legs.connect, "{heard:?} {legs:?}");
    while answer.next().await.is_some() {}
    drop(answer);

    // It is free for the next question a moment after the last byte of the answer.
    let mut again = Way::default();
    for _ in 0..50 {
        let mut answer = ollama.chat_followed(&request, &again).await.unwrap();
        while answer.next().await.is_some() {}
        if again.legs().connect.is_zero() {
            break;
        }
        assert!(connections.try_recv().is_ok(), "whoever connected has told");
        again = Way::default();
    }
    assert_eq!(again.legs().connect, Duration::ZERO, "{again:?}");
    assert!(again.legs().send > Duration::ZERO && again.legs().headers > Duration::ZERO, "{again:?}");
    assert!(connections.try_recv().is_err(), "and is no new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_behind_another_answer_is_the_lines_time_and_not_ollamas() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let gate = Gate::new();
    let held = gate.clone();
    let fake = Fake::start(&tasks, move |seen| {
        let usual = StandIn::new(Pace::instant());
        if seen.path != "/api/chat" {
            return Some(usual.reply(seen));
        }
        let line = json!({ "message": { "role": "assistant", "content": "so" }, "done": false });
        let done = json!({ "done": true, "done_reason": "stop" });
        Some(Reply::stream().line(&line).part(Part::Hold(held.clone())).line(&done))
    })
    .await
    .unwrap();
    let mut config = ollamanet::config::Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    config.limits.concurrent_answers = 1;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let (one, two) = (conversation(&house, &ann.session).await, conversation(&house, &ann.session).await);
    ask(&house, &ann.session, one).await;
    gate.reached().await;
    let behind = ask(&house, &ann.session, two).await;
    until(&mut events, |answer, event| answer == behind && matches!(event, TurnEvent::Queued { .. })).await;
    // What the second one waits for from here on is all the line's.
    let waits = Instant::now();
    crate::common::until("a while has passed", || waits.elapsed() >= Duration::from_millis(200)).await;
    gate.release();
    end(&mut events, behind).await;
    let phases = house.gateway.slowness(&ann.session, two, behind).await.unwrap().phases.unwrap();
    assert!(phases.queue >= 200_000, "{phases:?}");
    assert_eq!(phases.largest(), Phase::Queue, "{phases:?}");
    house.close().await;
}
