//! All models that are known, in one list: who sees which, what the house keeps about them, whether they fit, and the day on
//! which Ollama is away.

use std::path::Path;

use ollamanet::{
    api::{
        Fault, FaultKind,
        admin::{AuditFilter, ModelRule, Scope},
        auth::{Secret, Session},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::{Changed, Event},
        fleet::{CardPatch, Column, Freshness, Match, Page, Per, Place, Query, SavedFilter, Sort, Verdict},
        organise::NewConversation,
    },
    config::Config,
    fake::{Fake, Pace, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::{Value, json};

use crate::common::{
    house::{House, PASSPHRASE, count},
    pty::PATIENCE,
};

async fn beside(home: &Path) -> (Tasks, Fake, House) {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home, &fake);
    (tasks, fake, house)
}

async fn find(house: &House, by: &Session, text: &str) -> Page {
    house.gateway.models_find(by, Query::typed(text, 100)).await.unwrap()
}

fn names(page: &Page) -> Vec<&str> {
    page.rows.iter().map(|row| row.name.as_str()).collect()
}

/// An answer of this model, whole.
async fn ask(house: &House, by: &Session, model: &str) {
    let new = NewConversation { model: Some(model.to_owned()), ..NewConversation::default() };
    let conversation = house.gateway.create_conversation(by, new).await.unwrap().row.id;
    let mut events = house.gateway.events(by).await.unwrap();
    let act = TurnAct::Send { text: "hello".to_owned(), attachments: Vec::new() };
    house.gateway.start_turn(by, NewTurn { conversation, act, model: None, shorten: false }).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
}

/// Answers the list of models with these, and leaves the rest to the stand-in.
fn lists(fake: &Fake, models: Vec<Value>) {
    let rest = StandIn::new(Pace::instant());
    fake.answer(move |request| {
        Some(match request.path.as_str() {
            "/api/tags" => Reply::json(200, &json!({ "models": models })),
            "/api/show" => Reply::json(200, &json!({ "capabilities": ["completion"] })),
            _ => rest.reply(request),
        })
    });
}

fn entry(name: &str, size: u64) -> Value {
    json!({ "name": name, "model": name, "size": size, "digest": format!("digest of {name}"),
        "modified_at": "2026-11-24T10:00:00Z", "capabilities": ["completion"],
        "details": { "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_and_what_is_installed_and_loaded_are_one_list() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    lists(&fake, vec![entry("llama3.2:3b", 2_019_393_189), entry("ann/own:latest", 7), entry("hf.co/a/b:Q4_K_M", 9)]);
    let all = find(&house, &ann, "").await;
    assert_eq!(names(&all)[..3], ["ann/own:latest", "hf.co/a/b:Q4_K_M", "llama3.2:3b"]);
    assert_eq!((all.total, all.known, all.catalogue.tags), (991, 991, 989));
    assert_eq!((all.stale_because.as_deref(), all.catalogue.dated.as_str()), (None, "2026-08-21"));
    assert!(all.age_ms.is_some() && all.next.is_some());
    // What no catalogue knows has no made-up facts, and is found by what it has.
    let own = &all.rows[0];
    assert_eq!((&own.publisher, &own.license, &own.context_length), (&None, &None, &None));
    assert_eq!(names(&find(&house, &ann, "installed:yes params:>3b").await).len(), 3);
    assert_eq!(names(&find(&house, &ann, "installed:yes license:llama").await), ["llama3.2:3b"]);
    let detail = house.gateway.model_detail(&ann, "LLAMA3.2:3b").await.unwrap();
    assert_eq!((detail.row.bytes, detail.row.is_exact), (Some(2_019_393_189), true));
    assert!(detail.variants.len() >= 3 && detail.variants.iter().filter(|tag| tag.is_installed).count() == 1);
    assert!(detail.variants.windows(2).all(|two| two[0].bytes <= two[1].bytes || two[1].bytes.is_none()));
    assert!(detail.shown.is_some());
    // One that is only known has no template, and that is no failure.
    let known = house.gateway.model_detail(&ann, "gemma3:4b").await.unwrap();
    assert_eq!((known.shown, known.not_shown_because), (None, None));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_may_not_use_does_not_exist_for_them() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, _fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let bob = house.newcomer(&ann, "Bob", "user").await.session;
    house
        .gateway
        .tag_models(&ann, vec!["demo-think:8b".into(), "qwen3:8b".into()], vec!["deep".into()], vec![])
        .await
        .unwrap();
    let deny = |pattern: &str| ModelRule { pattern: pattern.to_owned(), allowed: false };
    let rules = vec![deny("demo-think*"), deny("qwen3*")];
    house.gateway.set_model_access(&ann, Scope::Role("user".to_owned()), rules).await.unwrap();
    let (hers, his) = (find(&house, &ann, "").await, find(&house, &bob, "").await);
    let hidden = find(&house, &ann, "demo-think").await.total + find(&house, &ann, "family:qwen3").await.total;
    assert!(hers.known > his.known && his.total == his.known && hidden > 2);
    for text in ["demo-think", "family:qwen3 qwen3:8b", "tag:deep"] {
        let found = find(&house, &bob, text).await;
        assert!(
            !names(&found).iter().any(|name| name.starts_with("demo-think") || name.starts_with("qwen3:")),
            "{text}"
        );
    }
    assert_eq!(his.tags[0].models, 0, "not even counted");
    for name in ["demo-think:8b", "qwen3:8b", "demo-thinc:8b", "qwen:8b "] {
        for outcome in [
            house.gateway.model_detail(&bob, name).await.map(drop),
            house.gateway.model_fit(&bob, name, None).await.map(drop),
        ] {
            let fault = outcome.unwrap_err();
            assert_eq!(fault.kind, FaultKind::ModelMissing, "{name}");
            let hint = fault.hint.unwrap();
            assert!(!hint.contains("demo-think") && !hint.contains("qwen3:"), "{name}: {hint}");
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_name_is_answered_with_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, _fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    for (typed, hint) in [
        ("demo-chta:3b", "Did you mean demo-chat:3b?"),
        ("lama3.2", "Did you mean llama3.2"),
        ("granite4.1", "Name it with its tag: granite4.1:"),
        (
            "entirely-unknown-thing",
            "`ollamanet models list` shows what there is; any other name can be installed all the same.",
        ),
    ] {
        let fault = house.gateway.model_detail(&ann, typed).await.unwrap_err();
        assert_eq!(
            (fault.kind, fault.message),
            (FaultKind::ModelMissing, format!("No model “{typed}” is known here."))
        );
        assert!(fault.hint.as_deref().unwrap().starts_with(hint), "{typed}: {:?}", fault.hint);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_one_for_all_cases_and_change_everywhere_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    // Another process on the same data, whose list stands already.
    let other = House::beside(home.path(), &fake);
    let there = other.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    let mut heard = other.gateway.events(&there).await.unwrap();
    assert_eq!(find(&other, &there, "").await.tags, []);

    let gateway = &house.gateway;
    gateway.create_model_tag(&ann, "Work", "use").await.unwrap();
    let twice = gateway.create_model_tag(&ann, "wORK", "").await.unwrap_err();
    assert_eq!((twice.kind, twice.message.as_str()), (FaultKind::Conflict, "There is a tag “Work” already."));
    let models = vec!["demo-chat:3b".to_owned(), "llama3.2:3b".to_owned()];
    assert_eq!(gateway.tag_models(&ann, models.clone(), vec!["WORK".into(), "fast".into()], vec![]).await.unwrap(), 4);
    // The very next look in the other process shows it.
    let seen = find(&other, &there, "tag:work").await;
    assert_eq!(names(&seen), ["demo-chat:3b", "llama3.2:3b"]);
    assert_eq!(seen.rows[0].tags, ["Work", "fast"]);
    let told = async { while heard.recv().await != Some(Event::Changed(Changed::Models)) {} };
    tokio::time::timeout(PATIENCE, told).await.expect("the other process' screens hear of it");

    gateway.change_model_tag(&ann, "fast", Some("quick"), Some("speed")).await.unwrap();
    assert_eq!(
        gateway.change_model_tag(&ann, "quick", Some("work"), None).await.unwrap_err().kind,
        FaultKind::Conflict
    );
    let merged = gateway.merge_model_tags(&ann, "quick", "work").await.unwrap();
    assert_eq!((merged.name.as_str(), merged.models), ("Work", 2));
    let page = find(&other, &there, "").await;
    assert_eq!(page.tags.iter().map(|tag| (tag.name.as_str(), tag.models)).collect::<Vec<_>>(), [("Work", 2)]);
    let missing = gateway.delete_model_tag(&ann, "wrok").await.unwrap_err();
    assert_eq!((missing.kind, missing.hint.as_deref()), (FaultKind::NotFound, Some("Did you mean “Work”?")));
    assert_eq!(gateway.delete_model_tag(&ann, "WORK").await.unwrap(), 2);
    assert_eq!(find(&other, &there, "").await.tags, []);

    // All or nothing: one unknown model, and none is tagged.
    let mixed = vec!["demo-chat:3b".to_owned(), "nosuch:1b".to_owned()];
    gateway.tag_models(&ann, mixed, vec!["half".into()], vec![]).await.unwrap_err();
    assert_eq!(gateway.model_tags(&ann).await.unwrap(), []);
    let audit = gateway.audit(&ann, AuditFilter::default(), None, 100).await.unwrap();
    for action in ["model_tags.create", "model_tags.put", "model_tags.change", "model_tags.merge", "model_tags.delete"]
    {
        assert!(audit.rows.iter().any(|entry| entry.action == action), "{action} is in the trail");
    }
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_house_writes_on_a_model_is_kept_and_nothing_of_another_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let patch = CardPatch {
        description: Some("The one for letters.".to_owned()),
        links: Some(vec!["https://example.org/model".to_owned()]),
        notes: Some("Warm it up\nbefore nine.".to_owned()),
    };
    let card = house.gateway.write_model_card(&ann, "demo-chat:3b", patch, Some(0)).await.unwrap();
    assert_eq!(card.rev, 1);
    let later = CardPatch { notes: Some("Changed.".to_owned()), ..CardPatch::default() };
    let lost = house.gateway.write_model_card(&ann, "demo-chat:3b", later.clone(), Some(0)).await.unwrap_err();
    assert_eq!(lost.kind, FaultKind::Conflict);
    let detail = house.gateway.model_detail(&ann, "demo-chat:3b").await.unwrap();
    assert_eq!((detail.row.summary.as_deref(), detail.row.has_notes), (Some("The one for letters."), true));
    assert_eq!(detail.card, card);
    house.gateway.write_model_card(&ann, "demo-chat:3b", later, Some(1)).await.unwrap();
    let empty = CardPatch { description: Some("  ".to_owned()), ..CardPatch::default() };
    let card = house.gateway.write_model_card(&ann, "demo-chat:3b", empty, None).await.unwrap();
    assert_eq!((card.description, card.notes.as_deref(), card.links.len()), (None, Some("Changed."), 1));
    for link in ["javascript:alert(1)", "https://", "file:///etc/passwd", "https://a b"] {
        let patch = CardPatch { links: Some(vec![link.to_owned()]), ..CardPatch::default() };
        let fault = house.gateway.write_model_card(&ann, "demo-chat:3b", patch, None).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid, "{link}");
    }
    // The house's words stay when the model goes.
    lists(&fake, Vec::new());
    let fresh = Query { freshness: Freshness::Fresh, ..Query::typed("demo-chat", 10) };
    let page = house.gateway.models_find(&ann, fresh).await.unwrap();
    assert_eq!((names(&page), page.rows[0].installed.is_some()), (vec!["demo-chat:3b"], false));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_catalogue_takes_the_place_of_the_old_one_whole_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let before = house.gateway.catalogue(&ann).await.unwrap();
    assert_eq!((before.families, before.imported_at), (224, None));
    let file = home.path().join("catalogue.json");
    let family = r#"{"name":"brand-new","license":"MIT","capabilities":["Vision"],"tags":[{"tag":"9b","parameters":"9B","size_bytes":5000000000}]}"#;
    // The last family is broken, after thousands that are not.
    let many = |last: &str| {
        let whole: Vec<String> = (0..3_000).map(|n| family.replace("brand-new", &format!("new-{n}"))).collect();
        format!("[{},\n{last}]", whole.join(",\n"))
    };
    for garbage in
        [String::new(), "garbage".to_owned(), many("{\"name\":\"x\"}"), many("{\"name\":\"..\",\"tags\":[]}")]
    {
        std::fs::write(&file, &garbage).unwrap();
        let fault = house.gateway.import_catalogue(&ann, file.clone(), Some("2026-11-01".into())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(fault.message.contains("line "), "{}", fault.message);
        assert_eq!(house.gateway.catalogue(&ann).await.unwrap(), before);
    }
    let pipe = home.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    for no_file in [pipe, home.path().to_path_buf(), "/dev/zero".into(), home.path().join("none")] {
        let fault = house.gateway.import_catalogue(&ann, no_file.clone(), None).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid, "{}", no_file.display());
    }
    std::fs::write(&file, format!("[{family}]")).unwrap();
    let old = house.gateway.import_catalogue(&ann, file.clone(), Some("2020-01-01".into())).await.unwrap_err();
    assert_eq!(old.kind, FaultKind::Conflict);
    let other = House::beside(home.path(), &fake);
    let there = other.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    assert_eq!(find(&other, &there, "installed:no").await.total, 989);
    let now = house.gateway.import_catalogue(&ann, file, Some("2026-11-01".into())).await.unwrap();
    assert_eq!((now.dated.as_str(), now.families, now.tags, now.imported_at.is_some()), ("2026-11-01", 1, 1, true));
    assert_eq!(names(&find(&other, &there, "installed:no cap:vision license:mit").await), ["brand-new:9b"]);
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'catalogue.import' AND result = 'ok'"), 1);
    assert_eq!(house.gateway.restore_catalogue(&ann).await.unwrap(), before);
    assert_eq!(find(&other, &there, "installed:no").await.total, 989);
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_list_stays_with_its_age_when_ollama_goes_and_the_catalogue_is_there_without_it() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let good = find(&house, &ann, "installed:yes").await;
    assert_eq!(good.total, 4);
    fake.answer(|_| None);
    let fresh = |text: &str| Query { freshness: Freshness::Fresh, ..Query::typed(text, 100) };
    let stale = house.gateway.models_find(&ann, fresh("installed:yes")).await.unwrap();
    assert_eq!(names(&stale), names(&good));
    assert_eq!(stale.stale_because.as_deref(), Some("The connection to Ollama broke off."));
    assert!(stale.age_ms.is_some());
    // A window that never heard of Ollama.
    let other = House::beside(home.path(), &fake);
    let there = other.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    let page = other.gateway.models_find(&there, fresh("llama3.2")).await.unwrap();
    assert!(page.total > 3 && page.age_ms.is_none() && page.stale_because.is_some());
    // What is at hand is told without asking anybody.
    let asked = fake.requests().len();
    let kept = Query { freshness: Freshness::Kept, ..Query::typed("gemma", 5) };
    assert_eq!(other.gateway.models_find(&there, kept).await.unwrap().stale_because, None);
    assert_eq!(fake.requests().len(), asked);
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_it_ran_the_measured_truth_takes_the_place_of_the_estimate() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let machine = house.gateway.machine(&ann).await.unwrap();
    assert!(machine.memory.is_some_and(|bytes| bytes > 100_000_000) && machine.is_ollamas);
    let before = house.gateway.model_fit(&ann, "demo-chat:3b", None).await.unwrap();
    assert!(!before.is_measured && before.because.starts_with("Estimated: it needs about"), "{before:?}");
    assert!(before.parts.is_some() && before.needs > Some(2_019_393_189));
    ask(&house, &ann, "demo-chat:3b").await;
    let fresh = Query { freshness: Freshness::Fresh, ..Query::typed("loaded:yes", 10) };
    let page = house.gateway.models_find(&ann, fresh).await.unwrap();
    assert_eq!((names(&page), page.rows[0].fit.is_measured), (vec!["demo-chat:3b"], true));
    // It is kept: another process, that never saw it in memory, knows it too.
    lists(&fake, vec![]);
    let rest = StandIn::new(Pace::instant());
    fake.answer(move |request| Some(rest.reply(request)));
    let other = House::beside(home.path(), &fake);
    let there = other.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    let after = other.gateway.model_fit(&there, "demo-chat:3b", None).await.unwrap();
    assert_eq!((after.verdict, after.is_measured, after.context), (Verdict::Partly, true, Some(4096)));
    assert_eq!(after.needs, Some(2_019_393_189 + 2_019_393_189 / 5));
    assert!(
        after.because.starts_with("Measured: with a window of 4096 tokens it took 2.4 GB when it ran"),
        "{after:?}"
    );
    // Another window never ran.
    assert!(!other.gateway.model_fit(&there, "demo-chat:3b", Some(8192)).await.unwrap().is_measured);
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn use_is_ones_own_and_speed_and_ratings_are_sums_of_at_least_three_people() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, _fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    let bob = house.newcomer(&ann, "Bob", "user").await.session;
    assert_eq!(find(&house, &ann, "used:1d").await.total, 0);
    ask(&house, &ann, "demo-chat:3b").await;
    let (hers, his) = (find(&house, &ann, "used:1d").await, find(&house, &bob, "used:1d").await);
    assert_eq!((names(&hers), names(&his)), (vec!["demo-chat:3b"], vec![]));
    assert_eq!(names(&find(&house, &ann, "demo-chat speed:>1").await), ["demo-chat:3b"]);
    let figures =
        house.gateway.conversations(&ann, ollamanet::api::organise::Shelf::Recent, "", None, 1).await.unwrap();
    let opened = house.gateway.open_conversation(&ann, figures.rows[0].id, 10).await.unwrap();
    let answer = opened.page.messages.last().unwrap().id;
    let thumb = ollamanet::api::feedback::NewFeedback {
        thumb: ollamanet::api::feedback::Thumb::Up,
        reasons: Vec::new(),
        comment: None,
    };
    house.gateway.set_feedback(&ann, figures.rows[0].id, answer, thumb).await.unwrap();
    assert_eq!(names(&find(&house, &ann, "rated:>0").await), ["demo-chat:3b"]);
    // Of one or two people's answers nobody else is told anything: it would be theirs alone.
    let carla = house.newcomer(&ann, "Carla", "user").await.session;
    ask(&house, &carla, "demo-chat:3b").await;
    for filter in ["demo-chat speed:>1", "rated:>0"] {
        assert_eq!(names(&find(&house, &bob, filter).await), Vec::<&str>::new(), "{filter}");
    }
    ask(&house, &bob, "demo-chat:3b").await;
    for filter in ["demo-chat speed:>1", "rated:>0"] {
        assert_eq!(names(&find(&house, &bob, filter).await), ["demo-chat:3b"], "{filter}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_filters_are_ones_own_and_stay() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let bob = house.newcomer(&ann, "Bob", "user").await.session;
    let filter = |name: &str, text: &str| SavedFilter { name: name.to_owned(), text: text.to_owned() };
    let save = |by, new| house.gateway.save_model_filter(by, new);
    save(&ann, filter("small", "size:<4GB")).await.unwrap();
    save(&ann, filter("eyes", "cap:vision")).await.unwrap();
    assert_eq!(
        save(&ann, filter("SMALL", "size:<2GB")).await.unwrap(),
        [filter("eyes", "cap:vision"), filter("SMALL", "size:<2GB")]
    );
    assert_eq!(house.gateway.model_filters(&bob).await.unwrap(), []);
    assert_eq!(house.gateway.delete_model_filter(&bob, "small").await.unwrap_err().kind, FaultKind::NotFound);
    for bad in [filter("", "x"), filter("x", " "), filter("a\nb", "x"), filter("x", &"y".repeat(2000))] {
        assert_eq!(save(&ann, bad).await.unwrap_err().kind, FaultKind::Invalid);
    }
    house.close().await;
    let house = House::alone(home.path());
    let ann = house.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    assert_eq!(house.gateway.delete_model_filter(&ann, "Small").await.unwrap(), [filter("eyes", "cap:vision")]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_installed_models_are_paged_through_without_a_gap() {
    let home = tempfile::tempdir().unwrap();
    let (_tasks, fake, house) = beside(home.path()).await;
    let ann = house.first_admin("Ann").await.session;
    lists(&fake, (0..10_000_u64).map(|n| entry(&format!("house/m{n:05}:latest"), (n * 7919) % 10_000 + 1)).collect());
    let sort = Some(Sort { column: Column::Size, descending: true });
    let mut query = Query { sort, ..Query::typed("installed:yes", 100) };
    let (mut sizes, mut pages) = (Vec::new(), 0);
    // A page for each of the first and the last thousand; in between the last page says where it is.
    loop {
        let page: Result<Page, Fault> = house.gateway.models_find(&ann, query.clone()).await;
        let page = page.unwrap();
        assert_eq!((page.total, page.first), (10_000, sizes.len() as u64));
        sizes.extend(page.rows.iter().map(|row| row.bytes.unwrap()));
        pages += 1;
        match page.next.filter(|_| pages < 10) {
            Some(next) => (query.at, query.freshness) = (Place::After(next), Freshness::Kept),
            None => break,
        }
    }
    assert_eq!(sizes, (9_001..=10_000).rev().collect::<Vec<u64>>());
    let last = house.gateway.models_find(&ann, Query { at: Place::End, ..query }).await.unwrap();
    assert_eq!((last.first, last.rows.last().unwrap().bytes, last.next), (9_900, Some(1), None));
    // Details are asked for a few at a time, and not for ten thousand before the first page.
    let shown = fake.requests().iter().filter(|request| request.path == "/api/show").count();
    assert!((1..=256).contains(&shown), "{shown} details were asked for");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn most_of_an_afternoons_looking_asks_ollama_nothing() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.cache.models_fresh_seconds = 3600;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("Ann").await.session;
    for text in ["", "c", "ch", "cha", "chat", "cap:vision", "size:<8GB", "fits:ram", "tag", "demo"] {
        find(&house, &ann, text).await;
    }
    for _ in 0..3 {
        for name in ["demo-chat:3b", "demo-think:8b", "demo-vision:4b", "demo-embed"] {
            house.gateway.model_detail(&ann, name).await.unwrap();
        }
        for per in [Per::Model, Per::Family] {
            let query = Query { per, tags_by: Match::Any, ..Query::typed("", 100) };
            house.gateway.models_find(&ann, query).await.unwrap();
        }
    }
    let figures = house.gateway.cache_figures(&ann).await.unwrap();
    let hits = figures.hit_percent().unwrap();
    println!("hits {hits} %: {figures:?}");
    assert!(hits >= 85, "{figures:?}");
    assert!(figures.bytes > 0 && figures.bytes <= figures.most_bytes);
    assert_eq!(fake.requests().iter().filter(|request| request.path == "/api/tags").count(), 1);
    house.close().await;
}
