//! What reading an answer costs for each line, beside the plainest loop that could do it: split at newlines, give each
//! line to serde_json as the same fields. Both run in one process on the same bytes, so the ratio is what counts.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ollamanet::ollama::ndjson::{self, Lines};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    message: Message,
    #[serde(default)]
    done: bool,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    content: String,
}

const LINES: usize = 1000;

fn answer() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..LINES {
        let line = format!(
            "{{\"model\":\"llama3.2:3b\",\"created_at\":\"2026-11-22T21:07:25.{number:09}Z\",\"message\":{{\"role\":\"assistant\",\"content\":\" wörd{number}\"}},\"done\":false}}\n"
        );
        bytes.extend_from_slice(line.as_bytes());
    }
    bytes
}

fn plain(bytes: &[u8]) -> usize {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
        .map(|line| line.message.content.len() + usize::from(line.done))
        .sum()
}

fn ours(bytes: &[u8], cut: usize) -> usize {
    let mut lines = Lines::default();
    let mut length = 0;
    for chunk in bytes.chunks(cut) {
        lines.feed(chunk);
        while let Ok(Some(line)) = lines.next_line() {
            if let Ok(line) = ndjson::parse::<Line>(&line) {
                length += line.message.content.len() + usize::from(line.done);
            }
        }
    }
    length
}

fn reading(criterion: &mut Criterion) {
    let bytes = answer();
    assert_eq!(plain(&bytes), ours(&bytes, 7), "both read the same text");
    let mut group = criterion.benchmark_group("ndjson");
    group.throughput(Throughput::Elements(LINES as u64));
    group.bench_function("plain serde_json loop", |bencher| bencher.iter(|| plain(black_box(&bytes))));
    for cut in [1, 140, 16 * 1024] {
        group.bench_with_input(BenchmarkId::new("ours, bytes a read", cut), &cut, |bencher, cut| {
            bencher.iter(|| ours(black_box(&bytes), *cut));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = reading
}
criterion_main!(benches);
