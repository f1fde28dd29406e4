//! What an administrator is told of the whole house, from an answer to the lines of a spreadsheet.

use std::path::Path;

use ollamanet::{
    api::{
        FaultKind,
        admin::{Class, Limited, ModelRule, Scope},
        auth::Session,
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        insights::{Grain, Sheet},
        jobs::WorkKind,
        metrics::{Metric, Series},
        organise::NewConversation,
        reports::{FailedAs, Failing, Over, Question, Report, Subject},
    },
    config::Config,
    fake::{Fake, Pace, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::{Value, json};

use crate::common::{
    house::{House, PASSPHRASE, tamper},
    stage::{Stage, last, piece},
};

fn beside(home: &Path, fake: &Fake) -> House {
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    config.limits.read_per_minute = 1_000_000;
    config.limits.auth_per_minute = 1_000_000;
    House::open(home, &config)
}

/// Asks a model something that nobody else is to hear of, and waits for the end.
async fn ask(house: &House, by: &Session, model: &str) {
    let titled = NewConversation { title: Some("xylocanary".to_owned()), ..NewConversation::default() };
    let made = house.gateway.create_conversation(by, titled).await.unwrap();
    let mut events = house.gateway.events(by).await.unwrap();
    let act = TurnAct::Send { text: "xylocanary".to_owned(), attachments: Vec::new() };
    let turn = NewTurn { conversation: made.row.id, act, model: Some(model.to_owned()), shorten: false };
    let started = house.gateway.start_turn(by, turn).await.unwrap();
    let ended = async {
        while !matches!(events.recv().await, Some(Event::Turn { turn, event: TurnEvent::Ended { .. }, .. }) if turn == started.turn)
        {
        }
    };
    tokio::time::timeout(crate::common::pty::PATIENCE, ended).await.expect("the answer ends");
}

async fn report(house: &House, by: &Session, question: Question) -> Report {
    house.gateway.report(by, question).await.unwrap()
}

/// Name, answers and failed ones of each account.
fn accounts(report: &Report) -> Vec<(&str, u64, u64)> {
    report.accounts.iter().map(|row| (row.name.as_str(), row.amounts.answers, row.amounts.failed)).collect()
}

fn models(report: &Report) -> Vec<(&str, u64)> {
    report.models.iter().map(|row| (row.model.as_str(), row.figures.answers.all())).collect()
}

fn of_account(name: &str) -> Question {
    Question { account: Some(name.to_owned()), ..Question::default() }
}

fn of_role(role: &str, model: Option<&str>) -> Question {
    Question { role: Some(role.to_owned()), model: model.map(str::to_owned), ..Question::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_account_it_is_told_how_much_and_never_with_which_model() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let gateway = &house.gateway;
    let empty = report(&house, &ann.session, Question::default()).await;
    assert_eq!((accounts(&empty), models(&empty), empty.errors.len()), (vec![("Ann", 0, 0)], vec![], 0));
    assert_eq!((empty.stretches.len(), empty.total.accounts, empty.total.amounts.sign_ins), (30, Some(1), Some(1)));

    let mut people = Vec::new();
    for name in ["Bob", "Cid", "Dora"] {
        people.push(house.newcomer(&ann.session, name, "user").await);
    }
    ask(&house, &people[0].session, "demo-chat:3b").await;
    ask(&house, &people[0].session, "demo-think:8b").await;
    ask(&house, &people[1].session, "demo-chat:3b").await;
    let told = report(&house, &ann.session, Question::default()).await;
    assert_eq!(accounts(&told), [("Bob", 2, 0), ("Cid", 1, 0), ("Ann", 0, 0), ("Dora", 0, 0)]);
    assert_eq!(models(&told), [("demo-chat:3b", 2), ("demo-think:8b", 1)]);
    assert_eq!(told.models[0].people, Some(2));
    assert!(told.accounts[0].bytes > 0 && told.storage.bytes > told.accounts[0].bytes && told.storage.free.is_some());
    let today = told.stretches.last().unwrap();
    assert_eq!((today.accounts, today.amounts.answers, today.amounts.sign_ins), (Some(4), 3, Some(4)));
    assert!(today.quality.unwrap().tokens_per_second.is_some());

    // One account: its days, and neither models nor speed nor ratings.
    let bobs = report(&house, &ann.session, of_account("BOB")).await;
    assert_eq!((accounts(&bobs), models(&bobs)), (vec![("Bob", 2, 0)], vec![]));
    assert_eq!(bobs.stretches.last().map(|day| (day.amounts.answers, day.quality)), Some((2, None)));
    let both = Question { model: Some("demo-chat:3b".to_owned()), ..of_account("Bob") };
    assert_eq!(gateway.report(&ann.session, both).await.unwrap_err().kind, FaultKind::Invalid);
    for nobodys in [of_account("Nobody"), of_role("nobody", None)] {
        assert_eq!(gateway.report(&ann.session, nobodys).await.unwrap_err().kind, FaultKind::NotFound);
    }
    // A model: its days, and nobody's name.
    let query = Question { model: Some("DEMO-CHAT:3B".to_owned()), ..Question::default() };
    let chat = report(&house, &ann.session, query).await;
    assert_eq!((accounts(&chat), models(&chat)), (vec![], vec![("demo-chat:3b", 2)]));
    assert_eq!(chat.stretches.last().map(|day| (day.amounts.answers, day.accounts)), Some((2, None)));

    // A role tells of its models where three people used them.
    let few = report(&house, &ann.session, of_role("user", None)).await;
    assert_eq!((models(&few), few.untold_models), (vec![], 2));
    assert_eq!(accounts(&few), [("Bob", 2, 0), ("Cid", 1, 0), ("Dora", 0, 0)]);
    let refused = gateway.report(&ann.session, of_role("user", Some("demo-chat:3b"))).await.unwrap_err();
    assert!(refused.message.contains("Fewer than 3 people"), "{refused}");
    ask(&house, &people[2].session, "demo-chat:3b").await;
    let enough = report(&house, &ann.session, of_role("user", None)).await;
    assert_eq!((models(&enough), enough.untold_models), (vec![("demo-chat:3b", 3)], 1));
    let days = report(&house, &ann.session, of_role("user", Some("demo-chat:3b"))).await;
    assert_eq!(days.stretches.last().unwrap().amounts.answers, 3);

    // Who is in the trash is counted, and who is purged is not.
    gateway.delete_user(&ann.session, people[2].account.id).await.unwrap();
    let trashed = report(&house, &ann.session, Question::default()).await;
    let dora = trashed.accounts.iter().find(|row| row.name == "Dora").unwrap();
    assert_eq!((dora.deleted, dora.amounts.answers, trashed.total.amounts.answers), (true, 1, 4));
    gateway.purge_user(&ann.session, people[2].account.id).await.unwrap();
    let purged = report(&house, &ann.session, Question::default()).await;
    assert_eq!((purged.total.amounts.answers, models(&purged)[0]), (3, ("demo-chat:3b", 2)));
    assert!(purged.accounts.iter().all(|row| row.name != "Dora"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_tells_who_is_here_what_failed_and_no_word_of_anybody() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    let (gateway, by) = (&house.gateway, &ann.session);
    ask(&house, &bob.session, "demo-chat:3b").await;
    let rest = StandIn::new(Pace::instant());
    fake.answer(move |request| {
        let breaks = request.path == "/api/chat";
        Some(if breaks { Reply::error(500, "xylocanary ran out of memory") } else { rest.reply(request) })
    });
    ask(&house, &bob.session, "demo-chat:3b").await;
    let wrong = house.sign_in("Bob", &ollamanet::api::auth::Secret::new("not this one at all")).await;
    assert!(wrong.is_err());
    let at = jiff::Timestamp::now().as_millisecond() - 1000;
    tamper(
        &house,
        &format!(
            "INSERT INTO jobs (id, kind, about, state, work, error, created_at, updated_at)
             VALUES (randomblob(16), 'install', 'xylocanary:1b', 'failed', '{{}}', 'xylocanary', {at}, {at})"
        ),
    );

    let shown = gateway.overview(by, Question::default()).await.unwrap();
    let here: Vec<(&str, u32)> = shown.now.here.iter().map(|here| (here.name.as_str(), here.sessions)).collect();
    assert_eq!(here, [("Ann", 1), ("Bob", 1)]);
    assert_eq!((shown.now.today.answers, shown.now.week.answers, shown.now.answers_running), (2, 0, 0));
    assert_eq!(shown.now.jobs_failed, 1);
    let failed = |wanted: &Failing| shown.now.failed.iter().find(|one| one.what == *wanted).map(|one| one.count);
    let error = &shown.report.errors[0];
    assert_eq!((error.count, error.accounts, error.stretches.iter().sum::<u64>()), (1, 1, 1));
    assert_eq!(failed(&Failing::Answer(error.kind)), Some(1));
    let tried = Failing::Trail { action: "auth.sign_in".to_owned(), result: "wrong".to_owned() };
    assert_eq!(failed(&tried), Some(1), "{:?}", shown.now.failed);
    assert_eq!(failed(&Failing::Job(WorkKind::Install)), Some(1));

    // Of another week nothing failed.
    tamper(
        &house,
        "UPDATE usage_faults SET day = day - 7; UPDATE jobs SET updated_at = updated_at - 7 * 86400000 - 1000",
    );
    let later = gateway.overview(by, Question::default()).await.unwrap();
    assert_eq!(later.now.jobs_failed, 0);
    assert!(later.now.failed.iter().all(|one| matches!(one.what, Failing::Trail { .. })), "{:?}", later.now.failed);

    // Nothing of what was said, in no form.
    let told = serde_json::to_string(&shown).unwrap();
    assert!(!told.to_lowercase().contains("xylocanary"), "{told}");
    for subject in Subject::EACH {
        let csv = gateway.report_csv(by, Question::default(), subject).await.unwrap();
        assert!(!csv.to_lowercase().contains("xylocanary"), "{csv}");
    }
    // And members are told none of it.
    let refused = gateway.overview(&bob.session, Question::default()).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Denied);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_refused_before_an_answer_begins_are_counted_by_what_went_wrong() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let refused = async |model: Option<&str>| {
        let made = gateway.create_conversation(&bob.session, NewConversation::default()).await.unwrap();
        let act = TurnAct::Send { text: "xylocanary".to_owned(), attachments: Vec::new() };
        let model = model.map(str::to_owned);
        let turn = NewTurn { conversation: made.row.id, act, model, shorten: false };
        gateway.start_turn(&bob.session, turn).await.err().map(|fault| fault.kind)
    };
    ask(&house, &bob.session, "demo-chat:3b").await;
    // A model that is not there for him.
    let own = Scope::Account(bob.account.id);
    let denied = vec![ModelRule { pattern: "*".to_owned(), allowed: false }];
    gateway.set_model_access(by, own.clone(), denied).await.unwrap();
    assert_eq!(refused(Some("demo-chat:3b")).await, Some(FaultKind::ModelMissing));
    gateway.set_model_access(by, own.clone(), Vec::new()).await.unwrap();
    // Too many in a minute: at most one of these is let through.
    gateway.set_limit(by, own, Limited::Calls(Class::Chat), Some(1)).await.unwrap();
    let mut slow = 0;
    for _ in 0..4 {
        slow += u64::from(refused(Some("demo-chat:3b")).await == Some(FaultKind::Slow));
    }
    assert!(slow >= 2, "{slow}");

    let shown = gateway.overview(by, Question::default()).await.unwrap();
    let failed = |wanted: &Failing| shown.now.failed.iter().find(|one| one.what == *wanted).map(|one| one.count);
    for (kind, count) in [(FaultKind::ModelMissing, 1), (FaultKind::Slow, slow)] {
        assert_eq!(failed(&Failing::Question(kind)), Some(count), "{kind:?}: {:?}", shown.now.failed);
        let error = shown.report.errors.iter().find(|error| error.kind == kind).unwrap();
        assert_eq!((error.failed_as, error.count, error.accounts), (FailedAs::Question, count, 1));
    }
    // They are no answers, and of one model nothing of them is told.
    assert_eq!(shown.report.total.amounts.failed, 0);
    let of_model = report(&house, by, Question { model: Some("demo-chat:3b".to_owned()), ..Question::default() }).await;
    assert_eq!(of_model.errors, []);
    let csv = gateway.report_csv(by, of_account("Bob"), Subject::Errors).await.unwrap();
    assert!(csv.starts_with("first_day,last_day,as,kind,count\r\n"), "{csv}");
    assert!(csv.contains(&format!(",question,slow,{slow}\r\n")), "{csv}");
    let wanted = ollamanet::api::metrics::Wanted { hours: 0, total: false };
    let counted = gateway.counted(by, wanted).await.unwrap().here;
    for (kind, count) in [(FaultKind::ModelMissing, 1), (FaultKind::Slow, slow)] {
        let series = Series::of(Metric::Failed, &[FailedAs::Question as usize, kind as usize]);
        assert_eq!(counted.value(series).count(), count, "{kind:?}");
    }
    // Who is purged takes these along as well.
    gateway.delete_user(by, bob.account.id).await.unwrap();
    gateway.purge_user(by, bob.account.id).await.unwrap();
    assert_eq!(report(&house, by, Question::default()).await.errors, []);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_writing_at_once_lose_no_answer_and_no_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let (house, other) = (beside(home.path(), &fake), beside(home.path(), &fake));
    let ann = house.first_admin("Ann").await;
    let there = other.sign_in("Ann", &ollamanet::api::auth::Secret::new(PASSPHRASE)).await.unwrap();
    let many = async |house: &House, by: &Session| {
        for _ in 0..8 {
            ask(house, by, "demo-chat:3b").await;
        }
    };
    tokio::join!(many(&house, &ann.session), many(&other, &there.session));
    let told = report(&house, &ann.session, Question { over: Over::Today, ..Question::default() }).await;
    assert_eq!((told.total.amounts.answers, told.total.amounts.sign_ins), (16, Some(2)));
    assert_eq!((accounts(&told), models(&told)), (vec![("Ann", 16, 0)], vec![("demo-chat:3b", 16)]));
    let there = report(&other, &there.session, told.question.clone()).await;
    assert_eq!((accounts(&there), there.total.quality), (accounts(&told), told.total.quality));
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_csv_and_json_tell_the_same_figures() {
    let stage = Stage::signed_in().await;
    let quick = ["--set", "limits.read_per_minute=100000"];
    stage.chat(|_| Reply::lines(&[piece("Hello "), piece("there."), last()]));
    for question in [&["ask", "-m", "demo-chat:3b", "one"][..], &["ask", "-c", "two"]] {
        assert_eq!(stage.run(question).await.code, Some(0));
    }
    stage.chat(|_| Reply::error(500, "out of memory"));
    assert_ne!(stage.run(&["ask", "three"]).await.code, Some(0));

    for subject in Subject::EACH {
        let args = [&quick[..], &["report", subject.as_str(), "--since", "3d"]].concat();
        let csv = stage.run(&[&args[..], &["--csv"]].concat()).await;
        assert_eq!((csv.code, csv.err.as_str()), (Some(0), ""), "{csv:?}");
        let json = stage.json(&args).await;
        let mut lines = csv.out.split("\r\n");
        let headings: Vec<&str> = lines.next().unwrap().split(',').collect();
        assert_eq!(headings, subject.columns());
        let rows = json["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{subject:?}");
        for row in rows {
            let cells: Vec<&str> = lines.next().unwrap().split(',').collect();
            for (heading, cell) in headings.iter().zip(&cells) {
                let same = match &row[heading] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                // The journal grows between two calls.
                if !heading.ends_with("bytes") {
                    assert_eq!(*cell, same, "{subject:?} {heading}");
                }
            }
        }
        assert_eq!((lines.next(), lines.next()), (Some(""), None), "a line more than rows: {}", csv.out);
        let text = stage.run(&args).await;
        assert_eq!((text.code, text.err.as_str()), (Some(0), ""), "{text:?}");
    }
    let days = stage.json(&["report", "days", "--since", "3d"]).await;
    let today = &days["rows"][2];
    assert_eq!(
        (&today["answers"], &today["failed"], &today["prompt_tokens"], &today["answer_tokens"]),
        (&json!(3), &json!(1), &json!(18), &json!(4))
    );
    let overview = stage.run(&["report", "overview"]).await.out;
    for part in ["signed in     alice", "3, 1 failed", "18 in, 4 out", "demo-chat:3b", "1000.0 tok/s"] {
        assert!(overview.contains(part), "{part:?} in {overview}");
    }
    let accounts = stage.run(&["report", "accounts"]).await.out;
    assert!(accounts.starts_with("ACCOUNT") && accounts.contains("alice"), "{accounts}");
    // What is not told says so, and what cannot be asked is a matter of usage.
    let nobody = stage.run(&["report", "accounts", "--model", "demo-chat:3b"]).await;
    assert!(nobody.err.contains("told to nobody"), "{nobody:?}");
    let both = stage.run(&["report", "days", "--account", "alice", "--model", "demo-chat:3b"]).await;
    assert_eq!(both.code, Some(2), "{both:?}");
    for wrong in [&["--since", "yesterday"][..], &["--since", "2999-01-01"], &["--since", "3d", "--until", "9d"]] {
        assert_eq!(stage.run(&[&["report", "days"], wrong].concat()).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_a_file_is_the_table_and_never_over_another() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let question = Question { over: Over::Week, by: Some(Grain::Week), ..Question::default() };
    for (what, name) in [(Sheet::Csv, "days.csv"), (Sheet::Json, "days.json")] {
        let to = home.path().join(name);
        let write = || gateway.export_report(by, question.clone(), Subject::Accounts, what, to.clone());
        assert_eq!(write().await.unwrap(), to);
        let text = std::fs::read_to_string(&to).unwrap();
        match what {
            Sheet::Csv => assert!(text.contains("\r\nAnn,admin,false,1,"), "{text}"),
            Sheet::Json => {
                let written: Value = serde_json::from_str(&text).unwrap();
                assert_eq!((&written["rows"][0]["account"], &written["grain"]), (&json!("Ann"), &json!("week")));
            }
        }
        assert_eq!(write().await.unwrap_err().kind, FaultKind::Conflict, "{name}");
        assert_eq!(std::fs::read_to_string(&to).unwrap(), text);
    }
    house.close().await;
}
