//! The Models screen with 10 000 installed models: from a key in the filter, or from the opening of the screen, to the
//! finished frame, through the gateway and back. To be read beside the bare drawing of the same frame, in the same run.

mod many;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent};
use jiff::tz::TimeZone;
use many::{Many, criterion};
use ollamanet::{
    config::Config,
    ui::{
        cx::{Cx, Lane},
        keymap::Keymap,
        msg::{Effect, ModelsCall, ModelsReply},
        screens::{Screen, models::ModelsScreen},
        theme::Theme,
    },
};
use ratatui::{Terminal, backend::TestBackend};

struct Desk {
    many: Many,
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
                let Many { runtime, gateway, session, .. } = &self.many;
                let page = runtime.block_on(gateway.models_find(session, *query)).unwrap();
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

fn screen(c: &mut Criterion) {
    let many = Many::open();
    let cx = Cx {
        theme: Theme::dark(),
        keymap: Keymap::default(),
        config: Config::default(),
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
    let mut desk = Desk { many, cx, terminal };

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
    config = criterion();
    targets = screen
}
criterion_main!(benches);
