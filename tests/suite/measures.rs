//! How models do here: what is told of one's own use, and what of others'.

use ollamanet::{
    api::{
        FaultKind,
        admin::{ModelRule, Scope},
        auth::{Session, SignedIn},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        feedback::{NewFeedback, Thumb},
        measures::{ModelUse, UseQuery},
        organise::NewConversation,
    },
    fake::{Pace, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::json;

use crate::common::{
    house::{House, count},
    stage::{Stage, last, piece},
};

/// Asks a model something, and waits for the end.
async fn ask(house: &House, by: &Session, model: &str) {
    let made = house.gateway.create_conversation(by, NewConversation::default()).await.unwrap();
    let mut events = house.gateway.events(by).await.unwrap();
    let act = TurnAct::Send { text: "hello".to_owned(), attachments: Vec::new() };
    let turn = NewTurn { conversation: made.row.id, act, model: Some(model.to_owned()), shorten: false };
    let started = house.gateway.start_turn(by, turn).await.unwrap();
    let ended = async {
        while !matches!(events.recv().await, Some(Event::Turn { turn, event: TurnEvent::Ended { .. }, .. }) if turn == started.turn)
        {
        }
    };
    tokio::time::timeout(crate::common::pty::PATIENCE, ended).await.expect("the answer ends");
    let like = NewFeedback { thumb: Thumb::Up, reasons: Vec::new(), comment: None };
    house.gateway.set_feedback(by, made.row.id, started.answer.id, like).await.unwrap();
}

async fn used(house: &House, by: &Session) -> ModelUse {
    house.gateway.model_use(by, UseQuery::default()).await.unwrap()
}

fn named(shown: &ModelUse) -> Vec<(&str, u64, Option<u64>)> {
    let all = |used: &ollamanet::api::measures::UsedModel| used.everybody.map(|all| all.answers.all());
    shown.models.iter().map(|used| (used.model.as_str(), used.own.answers.all(), all(used))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_others_only_sums_of_three_people_are_told_and_of_hidden_models_nothing() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let mut people: Vec<SignedIn> = Vec::new();
    for name in ["Bob", "Cid", "Dora"] {
        people.push(house.newcomer(&ann.session, name, "user").await);
    }
    ask(&house, &people[0].session, "demo-chat:3b").await;
    ask(&house, &people[0].session, "demo-think:8b").await;
    ask(&house, &people[1].session, "demo-chat:3b").await;
    // Rank is no reason to hear of others; nor does a model's name say that somebody used it.
    assert_eq!(named(&used(&house, &ann.session).await), []);
    let bobs = used(&house, &people[0].session).await;
    assert_eq!(named(&bobs), [("demo-chat:3b", 1, None), ("demo-think:8b", 1, None)]);
    assert_eq!(bobs.models[0].own.liked, 1);
    assert!(bobs.models[0].own.tokens_per_second.is_some() && bobs.models[0].own.first_token.is_some());

    ask(&house, &people[2].session, "demo-chat:3b").await;
    let anns = used(&house, &ann.session).await;
    assert_eq!(named(&anns), [("demo-chat:3b", 0, Some(3))]);
    let all = anns.models[0].everybody.unwrap();
    assert_eq!((anns.models[0].people, all.liked), (Some(3), 3));
    assert_eq!(all.last_used_at.unwrap() % 86_400_000, 0, "of others the day is told and not the moment");

    // Of what somebody may not use they do not hear, by whatever name they ask.
    let rule = ModelRule { pattern: "demo-chat*".to_owned(), allowed: false };
    house.gateway.set_model_access(&ann.session, Scope::Account(people[0].account.id), vec![rule]).await.unwrap();
    assert_eq!(named(&used(&house, &people[0].session).await), [("demo-think:8b", 1, None)]);
    for name in ["demo-chat:3b", "DEMO-CHAT:3B"] {
        let query = UseQuery { model: Some(name.to_owned()), ..UseQuery::default() };
        let told = house.gateway.model_use(&people[0].session, query).await;
        assert_eq!(told.unwrap_err().kind, FaultKind::ModelMissing, "{name}");
    }

    // Who goes for good takes their part along.
    house.gateway.delete_user(&ann.session, people[2].account.id).await.unwrap();
    house.gateway.purge_user(&ann.session, people[2].account.id).await.unwrap();
    assert_eq!(named(&used(&house, &ann.session).await), []);
    assert_eq!(count(&house, "SELECT sum(done) FROM usage_sums WHERE account = zeroblob(16)"), 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_is_told_as_text_csv_and_json() {
    let stage = Stage::signed_in().await;
    let empty = stage.run(&["models", "usage"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""), "{empty:?}");
    assert!(empty.err.contains("ollamanet ask"), "{}", empty.err);

    stage.chat(|_| Reply::lines(&[piece("Hello "), piece("there."), last()]));
    for question in ["one", "two"] {
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
    }
    stage.chat(|_| Reply::error(500, "out of memory"));
    assert_ne!(stage.run(&["ask", "-m", "demo-chat:3b", "three"]).await.code, Some(0));

    let shown = stage.json(&["models", "usage", "--period", "7d"]).await;
    let own = &shown["models"][0]["own"];
    assert_eq!(shown["models"][0]["model"], "demo-chat:3b");
    assert_eq!(own["answers"], json!({ "done": 2, "length": 0, "stopped": 0, "interrupted": 0, "failed": 1 }));
    assert_eq!((&own["answer_tokens"], &own["tokens_per_second"]), (&json!(4), &json!(1000.0)));
    let text = stage.run(&["models", "usage"]).await.out;
    assert!(text.contains("demo-chat:3b  3        33 %    18         4    "), "{text}");
    let csv = stage.run(&["models", "usage", "--csv"]).await.out;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert!(lines.len() == 3 && lines[1].starts_with("demo-chat:3b,3,2,0,0,0,1,18,4,"), "{lines:?}");
    let days = stage.run(&["models", "usage", "demo-chat:3b", "--csv"]).await.out;
    assert!(days.starts_with("day,answers,") && days.lines().count() == 2, "{days}");
    let others = stage.run(&["models", "usage", "--everybody"]).await;
    assert!(others.out.is_empty() && others.err.contains("at least 3 people"), "{others:?}");
}
