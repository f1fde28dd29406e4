//! The Models screen with 10 000 installed models: from a key in the filter, or from the opening of the screen, to the
//! finished frame, through the gateway and back. To be read beside the bare drawing of the same frame, in the same run.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent};
use jiff::tz::TimeZone;
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
    ui::{
        cx::{Cx, Lane},
        keymap::Keymap,
        msg::{Effect, ModelsCall, ModelsReply},
        screens::{Screen, models::ModelsScreen},
        theme::Theme,
    },
};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::json;

const MODELS: usize = 10_000;

/// An Ollama with ten thousand models.
#[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
async fn full(tasks: &Tasks) -> Fake {
    let fake = StandIn::start(tasks, Pace::instant()).await.unwrap();
    let models: Vec<_> = (0..MODELS)
        .map(|n| {
            json!({ "name": format!("house{}/coder-{n:05}:{}b", n % 97, n % 70 + 1), "size": n as u64 * 1_000_003 + 1,
                "digest": format!("{n:064x}"), "modified_at": "2026-11-24T10:00:00Z",
                "capabilities": ["completion", "tools"],
                "details": { "family": "llama", "parameter_size": format!("{}B", n % 70 + 1),
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

struct Desk {
    runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    session: Session,
    cx: Cx,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    /// Asks what the screen wants to know of the list, until it wants no more, and draws it.
    #[expect(clippy::unwrap_used, reason = "a measurement that fails should say where")]
    fn settle(&mut self, screen: &mut ModelsScreen, effects: Vec<Effect>) {
        let mut waiting = effects;
        while let Some(effect) = waiting.pop() {
            if let Effect::Models(ModelsCall::Find { asked, query }) = effect {
                let page = self.runtime.block_on(self.gateway.models_find(&self.session, *query)).unwrap();
                let reply = ModelsReply::Found { asked, page: Ok(Box::new(page)) };
                waiting.extend(screen.on_reply(reply, &self.cx));
            }
        }
        self.draw(screen);
    }

    fn draw(&mut self, screen: &ModelsScreen) {
        let cx = &self.cx;
        self.terminal.draw(|frame| screen.view(frame, frame.area(), cx, true)).unwrap();
    }

    fn press(&mut self, screen: &mut ModelsScreen, letter: char) {
        let key = KeyEvent::from(KeyCode::Char(letter));
        let action = self.cx.keymap.resolve(screen.context(), key);
        let used = action.and_then(|action| screen.on_action(action, &self.cx));
        let effects = used.or_else(|| screen.on_key(key, &self.cx)).unwrap_or_default();
        self.settle(screen, effects);
    }
}

#[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
fn screen(c: &mut Criterion) {
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
    let cx = Cx {
        theme: Theme::dark(),
        keymap: Keymap::default(),
        config,
        account: None,
        health: None,
        now_ms: 1_795_514_520_000,
        zone: TimeZone::UTC,
        size: (120, 36),
        spinner: 0,
        lane: Lane::default(),
        is_demo: false,
        has_shell: true,
    };
    let terminal = Terminal::new(TestBackend::new(120, 36)).unwrap();
    let mut desk = Desk { runtime, gateway, session, cx, terminal };

    let mut group = c.benchmark_group("Models screen with 10 000 models");
    group.bench_function("opened, to the frame", |b| {
        b.iter(|| {
            let mut screen = ModelsScreen::default();
            let effects = screen.shown(&desk.cx);
            desk.settle(&mut screen, effects);
            black_box(&screen);
        });
    });
    let mut typing = ModelsScreen::default();
    let effects = typing.shown(&desk.cx);
    desk.settle(&mut typing, effects);
    desk.press(&mut typing, '/');
    group.bench_function("a letter in the filter and none again, to both frames", |b| {
        b.iter(|| {
            desk.press(&mut typing, 'c');
            let action = ollamanet::ui::actions::Action::Cancel;
            let effects = typing.on_action(action, &desk.cx).unwrap_or_default();
            desk.settle(&mut typing, effects);
            let filter = ollamanet::ui::actions::Action::FleetFilter;
            typing.on_action(filter, &desk.cx);
        });
    });
    group.bench_function("the bare drawing of it", |b| b.iter(|| desk.draw(black_box(&typing))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(20);
    targets = screen
}
criterion_main!(benches);
