//! The list of models: what a key press in its filter waits for, with 10 000 installed models beside the catalogue, through
//! the whole of the program as a screen uses it. To be read beside a plain scan of the names, in the same run.

mod many;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use many::{MODELS, Many, criterion, name};
use ollamanet::api::fleet::{Column, Freshness, Per, Query, Sort};

#[expect(clippy::unwrap_used, reason = "a measurement that fails should say where")]
fn list(c: &mut Criterion) {
    let Many { runtime, gateway, session, .. } = &Many::open();
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
            b.iter(|| runtime.block_on(gateway.models_find(session, black_box(query.clone()))).unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = list
}
criterion_main!(benches);
