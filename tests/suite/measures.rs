//! How models do here: what is told of one's own use, and what of others'.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ollamanet::{
    api::{
        FaultKind, JobId,
        admin::{ModelRule, Scope},
        auth::{Secret, Session, SignedIn},
        benchmarks::{Benchmark, BenchmarkQuery, PROMPTS, PROMPTS_VERSION},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        feedback::{NewFeedback, Thumb},
        jobs::{Job, JobState, Work},
        measures::{ModelUse, UseQuery},
        organise::NewConversation,
        updates::Standing,
    },
    config::Config,
    fake::{Fake, Gate, Pace, Part, Reply, Seen, StandIn},
    tasks::Tasks,
};
use serde_json::json;
use sha2::Digest as _;

use crate::common::{
    house::{House, PASSPHRASE, count},
    stage::{Stage, finish, last, piece},
};

/// Beside the stand-in, and looked at more often in a minute than people do.
fn beside(home: &Path, fake: &Fake) -> House {
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    config.limits.read_per_minute = 1_000_000;
    House::open(home, &config)
}

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
    let house = beside(home.path(), &fake);
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

const PATIENCE: Duration = crate::common::pty::PATIENCE;

/// Waits until this holds of the house.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let all = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{what}"));
}

async fn measured(house: &House, by: &Session) -> Vec<Benchmark> {
    let query = BenchmarkQuery { limit: 100, ..BenchmarkQuery::default() };
    house.gateway.benchmarks(by, query).await.unwrap().rows
}

async fn job(house: &House, by: &Session, id: JobId) -> Job {
    house.gateway.job(by, id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_benchmark_measures_cold_and_warm_and_keeps_what_it_was_measured_with() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await.session;
    let work = Work::Benchmark { model: "DEMO-CHAT:3b".to_owned(), repeats: 2 };
    let begun = house.gateway.start_job(&ann, work, false).await.unwrap();
    until("it is measured", async || job(&house, &ann, begun.id).await.state == JobState::Done).await;
    let runs = measured(&house, &ann).await;
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.id, run.model.as_str(), run.digest.is_empty()), (begun.id, "demo-chat:3b", false));
    assert_eq!((run.setup.repeats, run.setup.prompts_version), (2, PROMPTS_VERSION));
    assert!(run.setup.server_version.ends_with("stand-in"));
    assert!(run.setup.machine.is_here && run.setup.machine.threads.is_some());
    let cold = run.samples.iter().filter(|sample| sample.cold).count();
    assert_eq!((cold, run.samples.len()), (2, 2 + 2 * PROMPTS.len()));
    assert!(run.figures.writing.is_some() && run.figures.reading.is_some() && run.figures.bytes.is_some());
    // Each cold start was one: the model was taken out of memory before.
    let unloads = fake.requests().iter().filter(|request| request.json()["keep_alive"] == json!(0)).count();
    assert_eq!(unloads, 1, "the first start finds nothing to take out");
    let chats: Vec<_> = fake.requests().into_iter().filter(|request| request.path == "/api/chat").collect();
    assert!(chats.iter().all(|chat| chat.json()["think"] == json!(false) && chat.json()["options"]["seed"] == 42));
    assert_eq!(count(&house, "SELECT count(*) FROM usage"), 0, "nobody's allowance pays for it");
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'models.benchmark' AND result = 'ok'"), 1);

    house.gateway.delete_benchmark(&ann, run.id).await.unwrap();
    assert_eq!(measured(&house, &ann).await, []);
    assert_eq!(house.gateway.delete_benchmark(&ann, run.id).await.unwrap_err().kind, FaultKind::NotFound);
    for model in ["demo-embed", "nosuch"] {
        let work = Work::Benchmark { model: model.to_owned(), repeats: 2 };
        assert!(house.gateway.start_job(&ann, work, false).await.is_err(), "{model}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_benchmark_waits_while_somebody_chats_and_gives_way_when_somebody_begins() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    // Whatever a benchmark asks never ends; whatever a person asks stalls until they stop it, while the gate is shut.
    let shut = Arc::new(AtomicBool::new(true));
    let open = Arc::clone(&shut);
    let answer = move |seen: &Seen| {
        let stalls = seen.path == "/api/chat" && open.load(Ordering::SeqCst);
        let said = json!({ "message": { "role": "assistant", "content": "so" }, "done": false });
        Some(if stalls {
            Reply::stream().line(&said).part(Part::Stall)
        } else {
            StandIn::new(Pace::instant()).reply(seen)
        })
    };
    let fake = Fake::start(&tasks, answer).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await.session;
    let bob = house.newcomer(&ann, "Bob", "user").await.session;
    let made = house.gateway.create_conversation(&bob, NewConversation::default()).await.unwrap().row.id;
    let ask = async || {
        let act = TurnAct::Send { text: "hello".to_owned(), attachments: Vec::new() };
        let turn = NewTurn { conversation: made, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
        house.gateway.start_turn(&bob, turn).await.unwrap().turn
    };
    let asked = || fake.requests().iter().filter(|request| request.path == "/api/chat").count();
    let step = async |id| job(&house, &ann, id).await.progress.step;

    let turn = ask().await;
    until("Bob's answer runs", async || asked() == 1).await;
    let work = Work::Benchmark { model: "demo-chat:3b".to_owned(), repeats: 1 };
    let begun = house.gateway.start_job(&ann, work, false).await.unwrap().id;
    until("it waits", async || step(begun).await == "waits while somebody chats").await;
    assert_eq!(asked(), 1, "nothing is measured meanwhile");
    house.gateway.stop_turn(&bob, turn).await.unwrap();
    until("it measures", async || asked() == 2 && step(begun).await == "cold start 1 of 1").await;
    // Somebody begins in the middle of the measurement: it is thrown away.
    let turn = ask().await;
    until("it gives way", async || step(begun).await == "waits while somebody chats").await;
    shut.store(false, Ordering::SeqCst);
    house.gateway.stop_turn(&bob, turn).await.unwrap();
    until("it is measured", async || job(&house, &ann, begun).await.state == JobState::Done).await;
    let runs = measured(&house, &ann).await;
    assert_eq!(runs[0].samples.len(), 1 + PROMPTS.len(), "what was thrown away is not among them");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_benchmark_leaves_nothing_and_hidden_models_are_not_listed() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let shut = Arc::new(AtomicBool::new(false));
    let stall = Arc::clone(&shut);
    let answer = move |seen: &Seen| {
        let stalls = seen.path == "/api/chat" && stall.load(Ordering::SeqCst);
        Some(if stalls { Reply::stream().part(Part::Stall) } else { StandIn::new(Pace::instant()).reply(seen) })
    };
    let fake = Fake::start(&tasks, answer).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await.session;
    let bob = house.newcomer(&ann, "Bob", "user").await;
    let begin = async |model: &str| {
        let work = Work::Benchmark { model: model.to_owned(), repeats: 1 };
        house.gateway.start_job(&ann, work, false).await.unwrap().id
    };
    for model in ["demo-chat:3b", "demo-think:8b"] {
        let id = begin(model).await;
        until("it is measured", async || job(&house, &ann, id).await.state == JobState::Done).await;
    }
    shut.store(true, Ordering::SeqCst);
    let id = begin("demo-chat:3b").await;
    until("it measures", async || job(&house, &ann, id).await.progress.step.starts_with("cold")).await;
    house.gateway.cancel_job(&ann, id).await.unwrap();
    until("it is cancelled", async || job(&house, &ann, id).await.state == JobState::Cancelled).await;
    assert_eq!(measured(&house, &ann).await.len(), 2);

    let rule = ModelRule { pattern: "demo-chat*".to_owned(), allowed: false };
    house.gateway.set_model_access(&ann, Scope::Account(bob.account.id), vec![rule]).await.unwrap();
    let page = async |model: Option<&str>, after| {
        let query = BenchmarkQuery { model: model.map(str::to_owned), after, limit: 1 };
        house.gateway.benchmarks(&bob.session, query).await
    };
    let first = page(None, None).await.unwrap();
    assert_eq!(first.rows.iter().map(|run| run.model.as_str()).collect::<Vec<_>>(), ["demo-think:8b"]);
    let rest = page(None, first.next).await.unwrap();
    assert!(rest.rows.is_empty() && rest.next.is_none(), "{rest:?}");
    assert_eq!(page(Some("demo-chat:3b"), None).await.unwrap_err().kind, FaultKind::ModelMissing);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn benchmarks_are_run_listed_compared_and_exported_from_the_command_line() {
    let stage = Stage::signed_in().await;
    let nothing = stage.run(&["models", "bench", "list"]).await;
    assert!(nothing.out.is_empty() && nothing.err.contains("models bench run"), "{nothing:?}");
    let ran = stage.run(&["models", "bench", "run", "demo-chat:3b", "demo-think:8b", "--repeats", "1"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let measured = ran.out.lines().filter(|line| line.starts_with("{\"benchmark\"") && line.contains("\"measured\""));
    assert_eq!(measured.count(), 2, "a line for each, behind those of the jobs: {}", ran.out);
    assert_eq!(stage.run(&["models", "bench", "run", "demo-chat:3b", "--repeats", "1"]).await.code, Some(0));
    let listed = stage.json(&["models", "bench", "list", "demo-chat:3b"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let text = stage.run(&["models", "bench", "list"]).await.out;
    assert!(text.lines().count() == 4 && text.lines().nth(1).unwrap().contains(" %"), "beside the run before: {text}");
    let csv = stage.run(&["models", "bench", "list", "--csv"]).await.out;
    assert!(csv.starts_with("id,model,digest,") && csv.lines().count() == 4, "{csv}");
    let history = stage.run(&["models", "bench", "history", "demo-chat:3b"]).await.out;
    assert!(history.starts_with("WHEN ") && history.lines().count() == 3 && history.contains("###"), "{history}");
    let exported = stage.run(&["models", "bench", "history", "demo-chat:3b", "--csv"]).await.out;
    let times: Vec<&str> = exported.lines().skip(1).filter_map(|line| line.split(',').nth(3)).collect();
    assert!(times.len() == 2 && times[0] <= times[1], "the oldest first: {exported}");
    let beside = stage.run(&["models", "bench", "compare", "demo-chat:3b", "demo-think:8b"]).await;
    assert!(beside.code == Some(0) && beside.out.lines().count() == 3, "{beside:?}");
    let missing = stage.run(&["models", "bench", "run", "nosuch"]).await;
    assert_eq!(missing.code, Some(4), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_compared_and_their_answers_kept_from_the_command_line() {
    let stage = Stage::signed_in().await;
    let known = stage.run(&["models", "compare", "demo-chat:3b", "demo-think:8b"]).await;
    assert!(known.code == Some(0) && known.out.starts_with("MODEL ") && known.out.lines().count() == 3, "{known:?}");
    stage.chat(|seen| Reply::lines(&[piece(&format!("I am {}.", seen.json()["model"].as_str().unwrap())), last()]));
    let all = ["models", "compare", "demo-chat:3b", "demo-think:8b", "--prompt", "who are you?"];
    let shown = stage.run(&all).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for model in ["demo-chat:3b", "demo-think:8b"] {
        assert!(shown.out.contains(&format!("I am {model}.")), "{}", shown.out);
    }
    let kept = stage.json(&[&all[..], &["--keep", "demo-think:8b"]].concat()).await;
    let id = kept["conversation"].as_str().unwrap();
    let conversation = stage.json(&["conversations", "show", id]).await.to_string();
    assert!(conversation.contains("I am demo-think:8b.") && !conversation.contains("I am demo-chat"), "{conversation}");
    for (wrong, code) in [
        (&["models", "compare", "demo-chat:3b"][..], 2),
        (&["models", "compare", "demo-chat:3b", "nosuch"], 4),
        (&["models", "compare", "demo-chat:3b", "DEMO-CHAT:3b"], 2),
    ] {
        let refused = stage.run(wrong).await;
        assert_eq!(refused.code, Some(code), "{wrong:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_asked_for_updates_and_where_nobody_can_know_it_says_maybe() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let digest = |text: &str| hex::encode(sha2::Sha256::digest(text));
    let manifest = |size: u64| {
        json!({ "config": { "digest": "sha256:1", "size": 1 }, "layers": [{ "digest": "sha256:2", "size": size }] })
            .to_string()
    };
    let there = Arc::new(std::sync::Mutex::new(manifest(7)));
    let (has, same) = (Arc::clone(&there), digest(&manifest(7)));
    let port = Arc::new(std::sync::OnceLock::<u16>::new());
    let own = Arc::clone(&port);
    let fake = Fake::start(&tasks, move |seen: &Seen| {
        let name = |model: &str| format!("127.0.0.1:{}/people/{model}:latest", own.get().copied().unwrap_or(1));
        Some(match seen.path.as_str() {
            "/api/tags" => {
                let tag = |model: &str, digest: &str| json!({ "name": name(model), "digest": digest, "size": 8 });
                Reply::json(200, &json!({ "models": [tag("same", &same), tag("mine", "abc"), tag("nowhere", "def")] }))
            }
            "/v2/people/same/manifests/latest" | "/v2/people/mine/manifests/latest" => {
                Reply::text(200, "application/json", &has.lock().unwrap())
            }
            path if path.starts_with("/v2/") => Reply::text(404, "text/plain", "no"),
            _ => StandIn::new(Pace::instant()).reply(seen),
        })
    })
    .await
    .unwrap();
    port.set(fake.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()).unwrap();
    let open = |fresh: u64| {
        let mut config = Config::default();
        config.ollama.host = fake.url();
        config.cache.models_fresh_seconds = fresh;
        House::open(home.path(), &config)
    };
    let house = open(0);
    let ann = house.first_admin("Ann").await.session;
    let asked = || fake.requests().iter().filter(|seen| seen.path.starts_with("/v2/")).count();
    house.gateway.models(&ann, true).await.unwrap();
    assert_eq!(asked(), 0, "nobody asks a registry unasked");
    let check = async || {
        let checks = house.gateway.model_updates(&ann, Vec::new(), true).await.unwrap();
        checks.into_iter().map(|check| check.standing).collect::<Vec<_>>()
    };
    assert_eq!(check().await, [Standing::UpToDate, Standing::Maybe, Standing::Unknown]);
    assert_eq!(asked(), 3);
    // What was the registry's is outdated when the registry has another; what was made here never was one's.
    *there.lock().unwrap() = manifest(8);
    assert_eq!(check().await, [Standing::Available, Standing::Maybe, Standing::Unknown]);
    house.close().await;
    // For as long as a list counts as fresh, what a registry said does as well.
    let house = open(3600);
    let ann = house.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    let before = asked();
    let first = house.gateway.model_updates(&ann, Vec::new(), true).await.unwrap();
    assert_eq!(house.gateway.model_updates(&ann, Vec::new(), true).await.unwrap(), first);
    assert_eq!(asked() - before, 4, "what it does not have is asked for again, the other two are not");
    let figures = house.gateway.cache_figures(&ann).await.unwrap();
    let manifests = figures.kinds.iter().find(|kind| kind.name == "manifests").unwrap();
    assert_eq!((manifests.hits, manifests.misses), (2, 4));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_monitor_tells_what_is_under_way_in_other_windows() {
    let stage = Stage::signed_in().await;
    let gate = Gate::new();
    let held = gate.clone();
    stage.chat(move |_| Reply::lines(&[piece("Good ")]).part(Part::Hold(held.clone())).line(&last()));
    let child = stage.command(&["ask", "-m", "demo-chat:3b", "hello"]).spawn().unwrap();
    gate.reached().await;
    let seen = stage.json(&["models", "monitor"]).await;
    assert_eq!(seen["answers"], json!({ "running": 1, "waiting": 0 }), "{seen}");
    assert!(seen["cache"]["kinds"].as_array().unwrap().len() == 4 && seen["server"]["breakers"].is_array(), "{seen}");
    gate.release();
    assert_eq!(finish(child).await.code, Some(0));
    let text = stage.run(&["models", "monitor"]).await.out;
    assert!(text.contains("answers    0 under way in all windows, 0 waiting"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_recommended_with_reasons_and_nothing_measured_is_said() {
    let stage = Stage::signed_in().await;
    // Of everything that is known; the catalogue's are told apart from those that are here.
    let told = stage.run(&["models", "recommend", "-n", "5"]).await;
    assert!(told.code == Some(0) && told.out.starts_with("1. ") && told.out.contains("an estimate"), "{told:?}");
    assert!(told.out.contains("Not installed: "), "{told:?}");
    let told = stage.run(&["models", "recommend", "--installed"]).await;
    assert!(told.code == Some(0) && !told.out.contains("Not installed"), "{told:?}");
    let seen = stage.json(&["models", "recommend", "vision", "--installed"]).await;
    assert_eq!((&seen["rows"][0]["model"], &seen["is_estimate"]), (&json!("demo-vision:4b"), &json!(true)));
    assert_eq!(stage.run(&["models", "bench", "run", "demo-vision:4b", "--repeats", "1"]).await.code, Some(0));
    let measured = stage.json(&["models", "recommend", "vision", "--installed"]).await;
    assert_eq!(measured["is_estimate"], json!(false), "{measured}");
    let none = stage.run(&["models", "recommend", "code", "-n", "0"]).await;
    assert_eq!(none.code, Some(2));
}
