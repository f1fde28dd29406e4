//! What showing text costs: making it safe, rendering an answer, and one more piece of an answer that arrives.
//!
//! `cargo bench --bench text`. The last part prints how much dearer a token is at the end of a long answer than near its
//! beginning, for the kinds of text an answer may consist of; it should stay within a fifth.
#![expect(clippy::print_stdout, reason = "a benchmark reports to whoever runs it")]

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ollamanet::{
    api::{
        MessageId,
        chat::{ContextMeter, Delta, Message, MessagePage, MessageRole, MessageState, Metrics},
    },
    config::Config,
    safe_text::SafeText,
    ui::{
        cx::{Cx, Lane},
        keymap::Keymap,
        text::{
            markdown::{Look, render},
            stream::Stream,
        },
        theme::Theme,
        widgets::transcript::{Highlights, Transcript},
    },
};
use ratatui::{Terminal, backend::TestBackend};

fn answer(bytes: usize) -> String {
    let mut text = String::new();
    for n in 0.. {
        let _ = write!(
            text,
            "## Part {n}\n\nThe *first* thing about `part {n}` is that it goes on for a while, so that **wrapping** has work.\n\n\
             - one item\n- another, [linked](https://example.org/{n})\n\n```rust\nfn part_{n}() -> usize {{\n    {n}\n}}\n```\n\n\
             | a | b |\n|---|--:|\n| x | {n} |\n\n"
        );
        if text.len() >= bytes {
            break;
        }
    }
    text
}

fn safe_text(c: &mut Criterion) {
    let mut group = c.benchmark_group("safe_text");
    let ascii = answer(1 << 20);
    let mixed = "naïve 漢字仮名 — “quotes” 👩🏽‍🚀 and words. ".repeat(20_000);
    for (name, text) in [("ascii", &ascii), ("mixed", &mixed)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| SafeText::new(black_box(text))));
        group.bench_function(format!("{name}_memcpy"), |b| b.iter(|| black_box(text.as_str()).to_owned()));
    }
    group.finish();
}

fn markdown(c: &mut Criterion) {
    let theme = Theme::dark();
    let text = SafeText::new(&answer(19_000));
    c.bench_function("markdown_19_kB", |b| b.iter(|| render(black_box(&text), Look::new(100, &theme))));
}

fn whole_stream(c: &mut Criterion) {
    let theme = Theme::dark();
    let look = Look::new(100, &theme);
    c.bench_function("stream_whole_19_kB_in_tokens", |b| {
        let text = answer(19_000);
        b.iter_batched(
            Stream::new,
            |mut stream| {
                for piece in pieces(&text) {
                    stream.push(piece);
                    stream.lay_out(look);
                }
            },
            BatchSize::SmallInput,
        );
    });
}

/// One answer as the screen has it, transcript included: a token arrives, the frame is drawn.
fn one_answer(_: &mut Criterion) {
    println!("one token of one answer, drawn in the transcript, at token 100 and at token 20 000:");
    for (name, unit) in [
        ("answer", None),
        ("one paragraph", Some(("", "more words of one endless paragraph with **strong** ones, "))),
        ("one code block", Some(("```rust\n", "    let value = compute(one, two);\n"))),
        ("one list", Some(("", "- an item that says something of its own\n"))),
        ("one table", Some(("| a | b |\n|---|---|\n", "| a row | of a table |\n"))),
        ("one nested list", Some(("1. steps\n", "   - a nested item of one list\n"))),
    ] {
        let text = match unit {
            None => answer(90_000),
            Some((head, unit)) => format!("{head}{}", unit.repeat(90_000 / unit.len())),
        };
        let (early, late) = cost(&text, [100, 20_000]);
        let ratio = late.as_secs_f64() / early.as_secs_f64();
        println!("{name:>16}: {early:?} and {late:?}: {ratio:.2} times");
    }
}

/// Tokens around each place that are looked at, so that no single line break decides.
const AROUND: usize = 180;

/// The mean cost of a token and the frame after it around each place; of each token the least of several tries, since
/// the machine does other things as well.
fn cost(text: &str, places: [usize; 2]) -> (Duration, Duration) {
    let mut least = places.map(|_| vec![Duration::MAX; AROUND]);
    for _ in 0..5 {
        let mut screen = Screen::full();
        for (number, piece) in pieces(text).enumerate().take(places[1] + AROUND) {
            let window = places.iter().position(|place| (*place..place + AROUND).contains(&number));
            let Some(window) = window else {
                screen.take(piece);
                // A frame now and then, as when tokens come faster than frames.
                if number.is_multiple_of(16) {
                    screen.draw();
                }
                continue;
            };
            let begin = Instant::now();
            screen.take(piece);
            screen.draw();
            let least = &mut least[window][number - places[window]];
            *least = begin.elapsed().min(*least);
        }
    }
    let mean = |times: &Vec<Duration>| times.iter().sum::<Duration>() / AROUND as u32;
    (mean(&least[0]), mean(&least[1]))
}

/// A transcript on a terminal of 120 columns that keeps its cells and shows them to nobody.
struct Screen {
    cx: Cx,
    highlights: Highlights,
    transcript: Transcript,
    answer: MessageId,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    /// Full before the answer begins, so that each line scrolls from the start on.
    fn full() -> Self {
        let before = message(MessageRole::User, &"What was said before.\n\n".repeat(40));
        let page = MessagePage { messages: vec![before], has_older: false, has_newer: false };
        let mut transcript = Transcript::new(page, ContextMeter::default());
        let new = message(MessageRole::Assistant, "");
        let answer = new.id;
        transcript.begin_answer(new);
        let cx = Cx {
            theme: Theme::dark(),
            keymap: Keymap::default(),
            config: Config::default(),
            account: None,
            health: None,
            now_ms: 0,
            zone: jiff::tz::TimeZone::UTC,
            size: (120, 36),
            spinner: 0,
            lane: Lane::default(),
            is_demo: false,
            has_shell: true,
        };
        let Ok(terminal) = Terminal::new(TestBackend::new(120, 36));
        let mut screen = Self { cx, highlights: Highlights::default(), transcript, answer, terminal };
        screen.draw();
        screen
    }

    fn take(&mut self, piece: &str) {
        let delta = Delta { content: piece.to_owned(), ..Delta::default() };
        self.transcript.on_delta(self.answer, &delta, 0);
    }

    fn draw(&mut self) {
        let (transcript, look) = (&self.transcript, self.highlights.look(&self.cx));
        let Ok(_) = self.terminal.draw(|frame| transcript.view(frame, frame.area(), &look, true));
    }
}

fn message(role: MessageRole, content: &str) -> Message {
    Message {
        id: MessageId::new(),
        parent: None,
        role,
        content: content.to_owned(),
        thinking: String::new(),
        tool_calls: Vec::new(),
        attachments: Vec::new(),
        notes: Vec::new(),
        feedback: None,
        state: MessageState::Done,
        error: None,
        error_kind: None,
        model: None,
        metrics: Metrics::default(),
        excluded: false,
        pinned: false,
        sibling: 1,
        siblings: 1,
        created_at: 0,
    }
}

/// Pieces of about four bytes, as tokens are.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(4.min(rest.len())));
        rest = tail;
        Some(piece)
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = safe_text, markdown, whole_stream, one_answer
}
criterion_main!(benches);
