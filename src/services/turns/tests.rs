//! Answers against a stand-in server and a vault on disk: every way one can end, and what is stored then.

mod acts;

use std::{path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::{
    api::{
        SessionId,
        chat::{Message, MessageRole, MessageState, TurnEvent},
        options::ChatOptions,
        organise::{ConversationPatch, NewConversation},
    },
    config::Config,
    extract::papers,
    fake::{Fake, Gate, Pace, Part, Reply, Seen, StandIn},
    ollama::Settings,
    store::vault::{arrange, scratch, window},
};

type Make = Box<dyn Fn() -> Reply + Send + Sync>;

const MODEL: &str = "demo-chat:3b";

struct House {
    home: TempDir,
    tasks: Tasks,
    fake: Fake,
    vault: Vault,
    turns: Turns,
    events: mpsc::Receiver<Event>,
    conversation: ConversationId,
}

fn turns(home: &Path, url: &str, tasks: &Tasks, hub: Hub, config: Config) -> Turns {
    rustls::crypto::ring::default_provider().install_default().ok();
    let ollama = Ollama::new(Settings {
        silence: Arc::new(|| Duration::from_secs(20)),
        ..Settings::new(crate::ollama::Address::parse(url).unwrap())
    });
    Turns::new(Parts {
        lanes: Lanes::default(),
        ollama,
        hub,
        tasks: tasks.clone(),
        live: Live::fixed(config),
        leases: home.join("leases"),
        system: Some(crate::store::system::open_system(&home.join("system.db"), false).unwrap()),
        sessions: None,
        metrics: Metrics::new(),
        cwd: home.to_path_buf(),
        home: None,
    })
}

fn asking() -> Asked {
    Asked { request: RequestId::new(), since: Instant::now() }
}

async fn house() -> House {
    let mut config = Config::default();
    config.chat.titles = false;
    house_with(config).await
}

async fn house_with(config: Config) -> House {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let vault = scratch::vault(&home);
    let hub = Hub::new();
    let events = hub.subscribe(vault.account, SessionId::new());
    let turns = turns(home.path(), &fake.url(), &tasks, hub, config);
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    let conversation = vault.db.write(move |tx| conversations::create(tx, &new, 1)).await;
    let conversation = conversation.map_err(|error: StoreError| error.to_string()).unwrap().row.id;
    House { home, tasks, fake, vault, turns, events, conversation }
}

impl House {
    /// Chats are answered by `reply`, everything else as usual.
    fn chat_answers(&self, reply: impl Fn() -> Option<Reply> + Send + Sync + 'static) {
        let usual = StandIn::new(Pace::instant());
        self.fake.answer(move |seen: &Seen| if seen.path == "/api/chat" { reply() } else { Some(usual.reply(seen)) });
    }

    async fn act(&self, act: TurnAct) -> Result<TurnStarted, Fault> {
        let new = NewTurn { conversation: self.conversation, act, model: None, shorten: false };
        self.turns.start_in(&self.vault, &CancellationToken::new(), &Rules::default(), asking(), new).await
    }

    async fn send(&self, text: &str) -> Result<TurnStarted, Fault> {
        self.act(TurnAct::Send { text: text.to_owned(), attachments: Vec::new() }).await
    }

    async fn next(&mut self) -> TurnEvent {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await;
            if let Event::Turn { event, .. } = event.expect("an event comes in time").expect("the hub is open") {
                return event;
            }
        }
    }

    async fn end(&mut self) -> (Message, Option<Fault>) {
        loop {
            if let TurnEvent::Ended { answer, fault, .. } = self.next().await {
                return (*answer, fault);
            }
        }
    }

    async fn first_delta(&mut self) -> String {
        loop {
            match self.next().await {
                TurnEvent::Delta(delta) => return delta.content,
                TurnEvent::Queued { .. } | TurnEvent::Waiting => {}
                TurnEvent::Ended { answer, .. } => panic!("it ended: {answer:?}"),
            }
        }
    }

    async fn messages(&self) -> Vec<Message> {
        self.turns.open_in(&self.vault, self.conversation, 100).await.unwrap().page.messages
    }

    fn chats(&self) -> Vec<Value> {
        self.fake.requests().iter().filter(|seen| seen.path == "/api/chat").map(Seen::json).collect()
    }
}

fn line(content: &str) -> Value {
    json!({ "model": MODEL, "message": { "role": "assistant", "content": content }, "done": false })
}

fn last(content: &str) -> Value {
    json!({
        "model": MODEL, "message": { "role": "assistant", "content": content }, "done": true, "done_reason": "stop",
        "total_duration": 5_000_000, "prompt_eval_count": 11, "eval_count": 7, "eval_duration": 2_000_000,
    })
}

#[tokio::test]
async fn an_answer_is_stored_as_it_came_with_its_cost() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&line("Hello ")).line(&last("there"))));
    let started = house.send("Hi").await.unwrap();
    let user = started.user.unwrap();
    assert_eq!((user.content.as_str(), user.state), ("Hi", MessageState::Done));
    assert_eq!((started.answer.state, started.answer.parent), (MessageState::Streaming, Some(user.id)));
    let (answer, fault) = house.end().await;
    assert_eq!((answer.content.as_str(), answer.state, fault), ("Hello there", MessageState::Done, None));
    assert_eq!((answer.metrics.prompt_tokens, answer.metrics.answer_tokens), (Some(11), Some(7)));
    assert_eq!(house.messages().await, [user, answer]);
    let sent = &house.chats()[0];
    assert_eq!((&sent["truncate"], &sent["shift"], &sent["options"]), (&json!(false), &json!(false), &Value::Null));
    assert_eq!(sent["messages"], json!([{ "role": "user", "content": "Hi" }]));
}

#[tokio::test]
async fn the_question_is_committed_before_the_request_leaves() {
    let mut house = house().await;
    house.chat_answers(|| None);
    let started = house.send("Is anybody there?").await.unwrap();
    assert!(started.user.is_some());
    let (answer, fault) = house.end().await;
    assert_eq!(answer.state, MessageState::Failed);
    assert_eq!(answer.error, Some(fault.unwrap().message));
    assert_eq!(house.messages().await[0].content, "Is anybody there?");
}

#[tokio::test]
async fn a_stopped_turn_keeps_its_text_and_closes_the_connection() {
    let mut house = house().await;
    let gate = Gate::new();
    let held = gate.clone();
    house.chat_answers(move || Some(Reply::stream().line(&line("so far")).part(Part::Hold(held.clone()))));
    let started = house.send("Go").await.unwrap();
    assert_eq!(house.first_delta().await, "so far");
    assert_eq!(house.turns.running_in(house.vault.account, house.conversation)[0].0, started.turn);
    house.turns.stop_for(AccountId::new(), started.turn);
    assert!(
        house.turns.running_in(house.vault.account, house.conversation).len() == 1,
        "nobody stops another's answer"
    );
    house.turns.stop_for(house.vault.account, started.turn);
    let (answer, fault) = house.end().await;
    assert_eq!((answer.content.as_str(), answer.state, fault), ("so far", MessageState::Stopped, None));
    house.fake.left(1).await;
    assert_eq!(house.turns.running_in(house.vault.account, house.conversation), []);
}

#[tokio::test]
async fn a_stop_before_the_first_token_leaves_an_empty_stopped_answer() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().first(Part::Stall)));
    let started = house.send("Go").await.unwrap();
    assert_eq!(house.next().await, TurnEvent::Waiting);
    house.turns.stop_for(house.vault.account, started.turn);
    let (answer, _) = house.end().await;
    assert_eq!((answer.content.as_str(), answer.state), ("", MessageState::Stopped));
}

#[tokio::test]
async fn every_broken_stream_keeps_its_text_and_says_why() {
    let mut house = house().await;
    let text = || Reply::stream().line(&line("kept"));
    let cases: Vec<(&str, Make, FaultKind)> = vec![
        ("cut", Box::new(move || text().part(Part::Cut)), FaultKind::Upstream),
        ("no done", Box::new(text), FaultKind::Model),
        ("error line", Box::new(move || text().line(&json!({ "error": "unexpected EOF" }))), FaultKind::Model),
        ("garbage", Box::new(move || text().bytes("{not json}\n")), FaultKind::Ollama),
        ("endless line", Box::new(move || text().part(Part::Endless(vec![b'x'; 256 * 1024]))), FaultKind::Ollama),
    ];
    for (what, reply, kind) in cases {
        house.chat_answers(move || Some(reply()));
        house.send(what).await.unwrap();
        let (answer, fault) = house.end().await;
        let fault = fault.unwrap();
        assert_eq!((answer.content.as_str(), answer.state), ("kept", MessageState::Failed), "{what}");
        assert_eq!((fault.kind, answer.error.as_ref()), (kind, Some(&fault.message)), "{what}");
    }
}

#[tokio::test]
async fn every_refusal_says_what_it_is() {
    let mut house = house().await;
    let busy = "server busy, please try again.  maximum pending requests exceeded";
    let wrong = "option \"temperature\" must be of type float32";
    let elsewhere = Reply::status(302).header("Location", "http://127.0.0.1:1/api/chat");
    let later = Some(Duration::from_secs(5));
    for (reply, kind, retry_after) in [
        (Reply::error(404, "model 'demo-chat:3b' not found"), FaultKind::ModelMissing, None),
        (Reply::error(503, busy), FaultKind::Ollama, later),
        (Reply::error(500, wrong), FaultKind::Invalid, None),
        (Reply::error(400, wrong), FaultKind::Invalid, None),
        (Reply::error(401, "unauthorized"), FaultKind::Ollama, None),
        (Reply::error(429, "usage limit"), FaultKind::Ollama, None),
        (Reply::text(404, "text/plain", "404 page not found"), FaultKind::Ollama, None),
        (elsewhere, FaultKind::Upstream, None),
    ] {
        let what = format!("{reply:?}");
        house.chat_answers(move || Some(reply.clone()));
        house.send("?").await.unwrap();
        let (answer, fault) = house.end().await;
        let fault = fault.unwrap();
        assert_eq!((answer.content.as_str(), answer.state), ("", MessageState::Failed), "{what}");
        assert_eq!((fault.kind, fault.retry_after), (kind, retry_after), "{what}");
        assert_eq!(answer.error, Some(fault.message), "{what}");
    }
}

#[tokio::test]
async fn every_answer_is_counted_also_a_failed_one_and_without_a_word_of_it() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("canary-answer"))));
    house.send("canary-question").await.unwrap();
    house.end().await;
    house.chat_answers(|| None);
    house.send("canary-question").await.unwrap();
    house.end().await;
    let system = house.turns.0.parts.system.clone().unwrap();
    let rows: Result<Vec<String>, StoreError> = system
        .maintain(|conn| {
            use crate::store::While;
            conn.prepare(
                "SELECT outcome || ' ' || model || ' ' || coalesce(answer_tokens, '-') FROM usage ORDER BY seq",
            )
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .while_("reading usage")
        })
        .await;
    assert_eq!(rows.unwrap(), ["done demo-chat:3b 7", "failed demo-chat:3b -"]);
    for file in ["system.db", "system.db-wal"] {
        let bytes = std::fs::read(house.home.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{file}");
    }
}

#[tokio::test]
async fn one_answer_at_a_time_in_a_conversation() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&line("x")).part(Part::Stall)));
    let started = house.send("first").await.unwrap();
    house.first_delta().await;
    assert_eq!(house.send("second").await.unwrap_err().kind, FaultKind::Conflict);
    house.turns.stop_for(house.vault.account, started.turn);
    house.end().await;
    assert_eq!(house.messages().await.len(), 2, "the refused one left nothing");
}

#[tokio::test]
async fn more_answers_than_allowed_wait_in_line() {
    let mut config = Config::default();
    config.limits.concurrent_answers = 1;
    config.chat.titles = false;
    let mut house = house_with(config).await;
    house.chat_answers(|| Some(Reply::stream().line(&line("x")).part(Part::Stall)));
    let first = house.send("first").await.unwrap();
    house.first_delta().await;
    let new = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    let other: Result<_, StoreError> = house.vault.db.write(move |tx| conversations::create(tx, &new, 1)).await;
    house.conversation = other.unwrap().row.id;
    let second = house.send("second").await.unwrap();
    assert_eq!(house.next().await, TurnEvent::Queued { before: 1 });
    house.turns.stop_for(house.vault.account, first.turn);
    house.end().await;
    assert_eq!(house.first_delta().await, "x");
    house.turns.stop_for(house.vault.account, second.turn);
    house.end().await;
}

#[tokio::test]
async fn a_dead_process_leaves_an_interrupted_answer_and_a_living_one_is_left_alone() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&line(&"x".repeat(5000))).part(Part::Stall)));
    house.send("go").await.unwrap();
    house.first_delta().await;
    // Another window on the same vault: its own process as far as leases go.
    let other = turns(house.home.path(), &house.fake.url(), &house.tasks, Hub::new(), Config::default());
    let vault = Vault { account: house.vault.account, ..scratch::vault(&house.home) };
    let kept = async {
        loop {
            let page = other.open_in(&vault, house.conversation, 10).await.unwrap().page;
            if !page.messages[1].content.is_empty() {
                return page.messages[1].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
    assert_eq!(seen.state, MessageState::Streaming, "its writer lives");
    // What a kill does: the lock goes, the row stays as it was.
    house.turns.state().lease = None;
    let lease_file = std::fs::read_dir(house.home.path().join("leases")).unwrap().next();
    if let Some(Ok(entry)) = lease_file {
        std::fs::remove_file(entry.path()).unwrap();
    }
    let opened = other.open_in(&vault, house.conversation, 10).await.unwrap();
    let answer = &opened.page.messages[1];
    assert_eq!((answer.state, answer.content.len()), (MessageState::Interrupted, 5000));
}

#[tokio::test]
async fn the_program_ending_stores_what_is_there_as_interrupted() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&line("so far")).part(Part::Stall)));
    house.send("go").await.unwrap();
    house.first_delta().await;
    assert_eq!(house.tasks.stop(Duration::from_secs(10)).await, Vec::<String>::new());
    let (answer, _) = house.end().await;
    assert_eq!((answer.content.as_str(), answer.state), ("so far", MessageState::Interrupted));
}

#[tokio::test]
async fn a_full_disk_ends_the_answer_with_a_clear_fault_and_loses_nothing_committed() {
    let mut house = house().await;
    let gate = Gate::new();
    let held = gate.clone();
    house.chat_answers(move || {
        let stream = Reply::stream().line(&line("kept ")).part(Part::Hold(held.clone()));
        Some(stream.line(&line(&"x".repeat(200_000))).line(&last("")))
    });
    house.send("go").await.unwrap();
    house.first_delta().await;
    let limit = |pages: &'static str| {
        house.vault.db.maintain(move |conn| {
            conn.execute_batch(pages).map_err(|source| StoreError::Sql { doing: "setting a quota", source })
        })
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    gate.release();
    let (answer, fault) = house.end().await;
    assert_eq!((answer.state, fault.unwrap().kind), (MessageState::Failed, FaultKind::DiskFull));
    assert!(answer.content.starts_with("kept xxx"));
    assert_eq!(house.messages().await[0].content, "go");
    house
        .vault
        .db
        .maintain(|conn| {
            conn.execute_batch("PRAGMA max_page_count = 1000000")
                .map_err(|source| StoreError::Sql { doing: "lifting a quota", source })
        })
        .await
        .unwrap();
    let stored = house.messages().await;
    assert_ne!(stored[1].state, MessageState::Streaming, "the end is stored as soon as there is room");
    assert_eq!(stored[1].content, answer.content);
}

#[tokio::test]
async fn a_listener_that_went_away_does_not_hold_up_an_answer() {
    let mut house = house().await;
    house.chat_answers(|| {
        let lines: Vec<Value> = (0..600).map(|_| line("x")).chain([last("")]).collect();
        Some(Reply::lines(&lines))
    });
    let (_, gone) = mpsc::channel(1);
    drop(std::mem::replace(&mut house.events, gone));
    let started = house.send("go").await.unwrap();
    let (vault, id) = (house.vault.clone(), house.conversation);
    let stored = async {
        loop {
            let (head, counted): (Option<i64>, _) = {
                let read: Result<_, StoreError> = vault
                    .db
                    .read(move |tx| {
                        let (conversation, head) = messages::head(tx, id)?;
                        Ok((head, window::counted(tx, conversation, Some(MODEL), false)?))
                    })
                    .await;
                read.unwrap()
            };
            if head.is_some() && counted.is_some() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stored).await.unwrap();
    let message = house.messages().await.pop().unwrap();
    assert_eq!((message.id, message.content.len(), message.role), (started.answer.id, 600, MessageRole::Assistant));
}

#[tokio::test]
async fn a_conversation_in_the_trash_is_not_written_to_and_its_answer_stops() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&line("so far")).part(Part::Stall)));
    house.send("go").await.unwrap();
    house.first_delta().await;
    house.turns.stop_trashed(&house.vault).await.unwrap();
    assert!(house.turns.running_in(house.vault.account, house.conversation).len() == 1, "it is not in the trash yet");
    let id = house.conversation;
    let trashed: Result<_, StoreError> = house.vault.db.write(move |tx| arrange::trash(tx, &[id], 2)).await;
    trashed.unwrap();
    house.turns.stop_trashed(&house.vault).await.unwrap();
    let (answer, _) = house.end().await;
    assert_eq!((answer.content.as_str(), answer.state), ("so far", MessageState::Stopped));
    let refused = house.send("more").await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Conflict);
    assert!(refused.message.contains("trash"), "{refused}");
    assert_eq!(house.messages().await.len(), 2, "the refused one left nothing");
}

#[tokio::test]
async fn a_list_of_models_that_does_not_come_holds_nobody_up_for_long() {
    let mut house = house().await;
    let usual = StandIn::new(Pace::instant());
    house.fake.answer(move |seen: &Seen| {
        if seen.path == "/api/tags" { Some(Reply::stream().first(Part::Stall)) } else { Some(usual.reply(seen)) }
    });
    let new: Result<_, StoreError> =
        house.vault.db.write(move |tx| conversations::create(tx, &NewConversation::default(), 1)).await;
    house.conversation = new.unwrap().row.id;
    let id = house.conversation;
    let all: Result<_, StoreError> = house
        .vault
        .db
        .maintain(|conn| {
            use crate::store::While;
            conn.execute_batch("UPDATE conversations SET model = NULL").while_("forgetting models")
        })
        .await;
    all.unwrap();
    let new = NewTurn {
        conversation: id,
        act: TurnAct::Send { text: "Hi".to_owned(), attachments: Vec::new() },
        model: None,
        shorten: false,
    };
    let asked = std::time::Instant::now();
    let refused = house
        .turns
        .start_in(&house.vault, &CancellationToken::new(), &Rules::default(), asking(), new)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Upstream);
    assert!(asked.elapsed() < Duration::from_secs(15), "well before the silence of a stream counts");
}
