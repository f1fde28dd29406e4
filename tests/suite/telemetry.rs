//! What is counted and what is kept of requests, through the gateway.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ollamanet::{
    api::{
        ConversationId, FaultKind,
        auth::{Secret, Session},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        metrics::{Metric, Series, Wanted},
        organise::NewConversation,
        requests::Traced,
    },
    config::Config,
    fake::{Fake, Pace, Part, Reply, StandIn},
    logging,
    tasks::Tasks,
    trace::{self, By, Entry, Ring},
};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use crate::common::{
    house::{House, PASSPHRASE},
    stage::Stage,
    until,
};

const MODEL: &str = "demo-chat:3b";
const ALL: Wanted = Wanted { hours: 1, total: true };

fn count(counted: &ollamanet::api::metrics::Snapshot, metric: Metric, labels: &[usize]) -> u64 {
    counted.value(Series::of(metric, labels)).count()
}

/// The spans of a request as names, each with those around it.
fn paths(traced: &Traced) -> Vec<String> {
    let path = |mut at: usize| {
        let mut names = Vec::new();
        loop {
            let span = &traced.spans[at];
            names.push(format!("{} {}", span.name, span.what).trim().to_owned());
            match span.parent {
                Some(parent) => at = parent as usize,
                None => break,
            }
        }
        names.reverse();
        names.join(" > ")
    };
    (0..traced.spans.len()).map(path).collect()
}

/// Tells the process below to trace.
const TRACES: &str = "OLLAMANET_TEST_TRACES";

/// In a process of its own: spans end on the threads of databases as well, which hear only of what hears everything.
#[test]
fn a_request_is_one_from_the_key_to_sql_and_http() {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "telemetry::traces_a_request_when_told_to", "--nocapture"])
        .env(TRACES, "yes")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(String::from_utf8_lossy(&done.stdout).contains("traced from key to SQL and HTTP"));
}

/// Not a test by itself: the process that is started by the one above.
#[tokio::test(flavor = "multi_thread")]
async fn traces_a_request_when_told_to() {
    if std::env::var_os(TRACES).is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let ring = Ring::of(100);
    let entered = Arc::new(AtomicUsize::new(0));
    let heard = logging::heard(std::io::sink, LevelFilter::INFO, &ring).with(Entering(Arc::clone(&entered)));
    tracing::subscriber::set_global_default(heard).unwrap();
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    let house = House::open_traced(home.path(), &config, &ring);
    let ann = house.first_admin("ann").await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    let id = house.gateway.create_conversation(&ann.session, new).await.unwrap().row.id;
    let act = TurnAct::Send { text: "Tell me".to_owned(), attachments: Vec::new() };
    let new = NewTurn { conversation: id, act, model: None, shorten: false };

    let entry = Entry::new(By::Key);
    let asking = entry.scope(|| trace::carried(house.gateway.start_turn(&ann.session, new)));
    drop(entry);
    let answer = Box::pin(asking).await.unwrap().answer.id;
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
    let asked = || ring.newest(100).into_iter().find(|traced| traced.what() == "turns.start");
    until("the request has ended", || asked().is_some()).await;
    let traced = asked().unwrap();
    let kept = house.gateway.slowness(&ann.session, id, answer).await.unwrap().request;
    assert_eq!((traced.request, traced.request.is_some()), (kept, true), "the answer names the request that it was");
    let paths = paths(&traced);
    for wanted in [
        "request key",
        "request key > call turns.start",
        "request key > call turns.start > store vault write",
        "request key > call turns.start > line answers",
        "request key > call turns.start > ollama chat",
        "request key > call turns.start > ollama chat > send",
        "request key > call turns.start > ollama chat > headers",
        "request key > call turns.start > ollama chat > first piece",
        "request key > call turns.start > ollama chat > stream",
    ] {
        assert!(paths.iter().any(|path| path == wanted), "{wanted} is missing: {paths:#?}");
    }
    let store = traced.spans.iter().find(|span| span.name == "store").unwrap();
    assert!(store.wait_us.is_some_and(|wait| wait <= store.took_us), "{store:?}");
    let chat = traced.spans.iter().find(|span| span.what == "chat").unwrap();
    assert!(chat.outcome.as_deref() == Some("answered") && chat.bytes.is_some_and(|bytes| bytes > 0), "{chat:?}");

    let refused = Entry::new(By::Command);
    let calling = refused.scope(|| trace::carried(house.gateway.open_conversation(&ann.session, new_id(), 10)));
    drop(refused);
    let fault = calling.await.unwrap_err();
    let is_it = |traced: &Traced| traced.request.is_some() && traced.request == fault.report_id;
    until("the refused request has ended", || ring.newest(100).iter().any(is_it)).await;
    let newest = ring.newest(100).into_iter().find(is_it).unwrap();
    assert_eq!(fault.kind, FaultKind::NotFound);
    assert!(newest.spans.iter().any(|span| span.outcome.as_deref() == Some("not_found")), "{newest:?}");
    // Nobody reads it any more, and an answer waits for whoever listens.
    drop(events);
    let before = entered.load(Ordering::Relaxed);
    let pieces = three_hundred_tokens(&house, &ann.session, id, &fake).await;
    let entered = entered.load(Ordering::Relaxed) - before;
    assert!(pieces == 300 && entered < 150, "a span was entered {entered} times for {pieces} pieces");
    house.close().await;
    println!("traced from key to SQL and HTTP");
}

/// Asks for an answer each token of which wakes the task that carries it; gives the number of pieces that were told.
async fn three_hundred_tokens(house: &House, session: &Session, conversation: ConversationId, fake: &Fake) -> u32 {
    let usual = StandIn::new(Pace::instant());
    fake.answer(move |seen| {
        if seen.path != "/api/chat" {
            return Some(usual.reply(seen));
        }
        let token = json!({ "message": { "role": "assistant", "content": "so " }, "done": false });
        let pause = || Part::Pause(Duration::from_millis(2));
        let tokens = (0..300).fold(Reply::stream(), |reply, _| reply.line(&token).part(pause()));
        Some(tokens.line(&json!({ "done": true, "done_reason": "stop" })))
    });
    let mut events = house.gateway.events(session).await.unwrap();
    let act = TurnAct::Send { text: "Tell me more".to_owned(), attachments: Vec::new() };
    let new = NewTurn { conversation, act, model: None, shorten: false };
    Box::pin(Entry::new(By::Key).around(house.gateway.start_turn(session, new))).await.unwrap();
    let mut pieces = 0;
    let ended = async {
        while let Some(event) = events.recv().await {
            let Event::Turn { event, .. } = event else { continue };
            match event {
                TurnEvent::Ended { .. } => return,
                TurnEvent::Delta(_) => pieces += 1,
                TurnEvent::Queued { .. } | TurnEvent::Waiting => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
    pieces
}

/// Counts how often a span is entered, by whomever.
struct Entering(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Entering {
    fn on_enter(&self, _: &tracing::span::Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn new_id() -> ConversationId {
    ConversationId::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_what_all_processes_counted_and_none_of_it_twice() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (one, two) = (House::beside(home.path(), &fake), House::beside(home.path(), &fake));
    let ann = one.first_admin("ann").await;
    let again = two.sign_in("ann", &Secret::new(PASSPHRASE)).await.unwrap();
    two.sign_in("ann", &Secret::new("mistyped")).await.unwrap_err();
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    let id = two.gateway.create_conversation(&again.session, new).await.unwrap().row.id;
    let mut events = two.gateway.events(&again.session).await.unwrap();
    let act = TurnAct::Send { text: "Tell me".to_owned(), attachments: Vec::new() };
    let new = NewTurn { conversation: id, act, model: None, shorten: false };
    two.gateway.start_turn(&again.session, new).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();

    let own = two.gateway.counted(&again.session, ALL).await.unwrap();
    for told in [&own.here, &own.hour, own.total.as_ref().unwrap()] {
        assert_eq!(count(told, Metric::Answers, &[0]), 1, "its own counts at once");
    }
    let before = one.gateway.counted(&ann.session, ALL).await.unwrap();
    assert_eq!(
        count(&before.total.unwrap(), Metric::Answers, &[0]),
        0,
        "the other process has written nothing down yet"
    );
    two.gateway.write_down_counted().await;
    two.gateway.write_down_counted().await;
    one.gateway.write_down_counted().await;
    let counted = one.gateway.counted(&ann.session, ALL).await.unwrap();
    for told in [&counted.hour, counted.total.as_ref().unwrap()] {
        assert_eq!(count(told, Metric::Answers, &[0]), 1);
        assert_eq!(count(told, Metric::FirstToken, &[]), 1);
        assert_eq!(count(told, Metric::SignInsRefused, &[0]), 1);
        assert_eq!(count(told, Metric::OllamaCalls, &[0, 0]), 1);
        assert!(count(told, Metric::Tokens, &[1]) > 0);
        // Signing in twice; the mistyped one is counted as refused.
        assert_eq!((count(told, Metric::Calls, &[1, 0]), count(told, Metric::Calls, &[1, 1])), (2, 1));
        for lane in [0, 2, 3] {
            let (waited, ran) = (count(told, Metric::StoreWait, &[lane]), count(told, Metric::StoreRun, &[lane]));
            assert!(waited > 0 && waited == ran, "lane {lane}: {waited} and {ran}");
        }
    }
    assert_eq!(count(&counted.here, Metric::Answers, &[0]), 0, "this process answered nothing");
    one.close().await;
    two.close().await;
}

/// What ten commands count stays, because each writes it down when it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_count_for_the_hour_and_tell_it_in_every_way() {
    let stage = Stage::signed_in().await;
    for _ in 0..2 {
        let done = stage.run(&["ask", "-m", MODEL, "Tell me"]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let told = stage.run(&["--json", "metrics"]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let answers = |rows: &Value| -> u64 {
        let rows = rows.as_array().unwrap().iter().filter(|row| row["name"] == "ollamanet_answers_total");
        rows.filter_map(|row| row["count"].as_u64()).sum()
    };
    assert_eq!(answers(&told["total"]), 2, "{told}");
    let prometheus = stage.run(&["metrics", "--prometheus"]).await;
    assert!(prometheus.out.contains("ollamanet_answers_total{state=\"done\"} 2\n"), "{prometheus:?}");
    let csv = stage.run(&["metrics", "--csv", "--hours", "1"]).await;
    let heading = "hour,name,labels,kind,unit,count,sum,p50,p95,p99";
    assert_eq!(csv.out.lines().next(), Some(heading), "{csv:?}");
    assert!(csv.out.lines().all(|line| line.split(',').count() == 10), "{csv:?}");
    let people = stage.run(&["metrics"]).await;
    assert!(people.out.starts_with("IN THIS HOUR"), "{people:?}");

    let why = stage.run(&["--json", "conversations", "why", "last"]).await;
    let why: Value = serde_json::from_str(&why.out).unwrap();
    let parts: f64 = why["phases"].as_array().unwrap().iter().map(|part| part["ms"].as_f64().unwrap()).sum();
    assert!((parts - why["total_ms"].as_f64().unwrap()).abs() < 0.01, "{why}");
    assert!(why["why"].as_str().unwrap().ends_with('.') && why["request"].is_string(), "{why}");
    let spoken = stage.run(&["conversations", "why"]).await;
    assert!(spoken.out.contains("loading the model") && spoken.out.contains("in all"), "{spoken:?}");
}
