//! The list of models: what a key press in its filter waits for, with 10 000 installed models beside the catalogue, through
//! the whole of the program as a screen uses it. To be read beside a plain scan of the names, in the same run.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use ollamanet::{
    api::{
        auth::{NewAccount, Secret, Session},
        fleet::{Column, Freshness, Per, Query, Sort},
    },
    app,
    config::{Config, live::Live},
    fake::{Fake, Pace, Reply, StandIn},
    gateway::Gateway,
    paths::Paths,
    tasks::Tasks,
};
use serde_json::json;

const MODELS: usize = 10_000;

fn name(number: usize) -> String {
    const KINDS: [&str; 8] = ["coder", "vision", "chat", "think", "embed", "math", "story", "guard"];
    format!("house{}/{}-{number:05}:{}b", number % 97, KINDS[number % KINDS.len()], number % 70 + 1)
}

/// An Ollama with ten thousand models.
#[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
async fn full(tasks: &Tasks) -> Fake {
    let fake = StandIn::start(tasks, Pace::instant()).await.unwrap();
    let models: Vec<_> = (0..MODELS)
        .map(|number| {
            json!({ "name": name(number), "size": number as u64 * 1_000_003 + 1, "digest": format!("{number:064x}"),
                "modified_at": "2026-11-24T10:00:00Z", "capabilities": ["completion", "tools"],
                "details": { "family": "llama", "parameter_size": format!("{}B", number % 70 + 1),
                    "quantization_level": "Q4_K_M", "context_length": 32_768 } })
        })
        .collect();
    let rest = StandIn::new(Pace::instant());
    fake.answer(move |request| {
        Some(match request.path.as_str() {
            "/api/tags" => Reply::json(200, &json!({ "models": models })),
            _ => rest.reply(request),
        })
    });
    fake
}

#[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
fn list(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = runtime.block_on(full(&tasks));
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.limits.read_per_minute = 1_000_000_000;
    let paths = Paths::find(Some(&home.path().join("data"))).unwrap();
    let (gateway, session): (Gateway, Session) = runtime.block_on(async {
        let gateway = app::compose(&paths, &config, &Live::fixed(config.clone()), &tasks).unwrap();
        let passphrase = Secret::new("basin lumen tripod velvet marsh");
        let new = NewAccount { name: "Ann".to_owned(), passphrase };
        let session = gateway.create_first_admin(new).await.unwrap().session;
        gateway.machine(&session).await.unwrap();
        gateway.models_find(&session, Query::typed("", 100)).await.unwrap();
        (gateway, session)
    });
    let names: Vec<String> = (0..MODELS).map(name).collect();

    let mut group = c.benchmark_group("10 000 models");
    group.bench_function("plain scan of the names for a text", |b| {
        b.iter(|| names.iter().filter(|name| name.contains(black_box("coder-0"))).count());
    });
    let kept = |text: &str| Query { freshness: Freshness::Kept, ..Query::typed(text, 50) };
    let sorted = |column| Query { sort: Some(Sort { column, descending: true }), ..kept("") };
    for (what, query) in [
        ("first page", kept("")),
        ("one letter", kept("c")),
        ("words", kept("coder 7b")),
        ("typed filters", kept("cap:tools size:<8GB params:>7b fits:ram")),
        ("sorted by size", sorted(Column::Size)),
        ("sorted by name", sorted(Column::Name)),
        ("sorted by date", sorted(Column::Installed)),
        ("families", Query { per: Per::Family, ..kept("") }),
    ] {
        group.bench_function(what, |b| {
            b.iter(|| runtime.block_on(gateway.models_find(&session, black_box(query.clone()))).unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(20);
    targets = list
}
criterion_main!(benches);
