//! An Ollama with ten thousand installed models, and the program beside it: what the measurements of the list share.

use std::time::Duration;

use criterion::Criterion;
use ollamanet::{
    api::{
        auth::{NewAccount, Secret, Session},
        fleet::Query,
    },
    app,
    config::{Config, live::Live},
    fake::{Fake, Pace, Reply, StandIn},
    gateway::Gateway,
    paths::Paths,
    tasks::Tasks,
};
use serde_json::json;

pub const MODELS: usize = 10_000;

pub fn name(number: usize) -> String {
    const KINDS: [&str; 8] = ["coder", "vision", "chat", "think", "embed", "math", "story", "guard"];
    format!("house{}/{}-{number:05}:{}b", number % 97, KINDS[number % KINDS.len()], number % 70 + 1)
}

/// Everything that has to live while something is measured.
#[derive(Debug)]
pub struct Many {
    pub runtime: tokio::runtime::Runtime,
    pub gateway: Gateway,
    pub session: Session,
    _home: tempfile::TempDir,
    _fake: Fake,
    _tasks: Tasks,
}

impl Many {
    /// The list has been asked for once, and the machine is known.
    #[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
    pub fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let home = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let fake = runtime.block_on(full(&tasks));
        let mut config = Config::default();
        config.ollama.host = fake.url();
        config.limits.read_per_minute = 1_000_000_000;
        let paths = Paths::find(Some(&home.path().join("data"))).unwrap();
        let (gateway, session) = runtime.block_on(async {
            let gateway = app::compose(&paths, &config, &Live::fixed(config.clone()), &tasks).unwrap();
            let passphrase = Secret::new("basin lumen tripod velvet marsh");
            let new = NewAccount { name: "Ann".to_owned(), passphrase };
            let session = gateway.create_first_admin(new).await.unwrap().session;
            gateway.machine(&session).await.unwrap();
            gateway.models_find(&session, Query::typed("", 100)).await.unwrap();
            (gateway, session)
        });
        Self { runtime, gateway, session, _home: home, _fake: fake, _tasks: tasks }
    }
}

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

/// Long enough to tell a frame's worth of time from another.
pub fn criterion() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(20)
}
