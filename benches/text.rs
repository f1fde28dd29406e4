//! What showing text costs: making it safe, rendering an answer, and one more piece of an answer that arrives.
//!
//! `cargo bench --bench text`. The last group prints how much dearer a piece is at the end of a long answer than near
//! its beginning; it should stay within a fifth.
#![expect(clippy::print_stdout, reason = "a benchmark reports to whoever runs it")]

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ollamanet::{
    safe_text::SafeText,
    ui::{
        text::{
            markdown::{Look, render},
            stream::Stream,
        },
        theme::Theme,
    },
};

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

fn one_more_piece(c: &mut Criterion) {
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
        let (early, late) = (cost(&text, 0..1000, look), cost(&text, 19_000..20_000, look));
        let ratio = late.as_secs_f64() / early.as_secs_f64();
        println!("{name:>16}: a token costs {early:?} at the beginning, {late:?} at 20 000: {ratio:.2} times");
    }
}

/// The mean cost of one token and the look after it, the least of several tries.
fn cost(text: &str, tokens: std::ops::Range<usize>, look: Look<'_>) -> Duration {
    let count = tokens.len() as u32;
    let tries = (0..5).map(|_| {
        let mut stream = Stream::new();
        let mut spent = Duration::ZERO;
        for (n, piece) in pieces(text).enumerate().take(tokens.end) {
            let began = Instant::now();
            stream.push(piece);
            stream.lay_out(look);
            if tokens.contains(&n) {
                spent += began.elapsed();
            }
        }
        spent / count
    });
    tries.min().unwrap_or_default()
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

criterion_group!(benches, safe_text, markdown, one_more_piece);
criterion_main!(benches);
