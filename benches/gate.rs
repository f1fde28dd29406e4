//! What the gate adds to a call of somebody who is signed in: session, permission, allowance, deadline and trace, around
//! work that does nothing. To be read beside one round trip to a database's thread, which any real call makes as well.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use ollamanet::{
    access::{
        Breakers, Class, Gate, Member, Op, Permission,
        limiter::Limiter,
        live::{Beginning, LiveSessions},
    },
    api::{
        AccountId,
        auth::{Account, Role},
    },
    config::{Config, LimitsConfig, live::Live},
    store::{
        StoreError, Vault,
        keys::new_data_key,
        migrate::VAULT,
        open::{Target, open},
        system::{Moment, accounts, open_system, sessions, watch::Watch},
    },
    tasks::Tasks,
};

static READ: Op = Op {
    name: "bench.read",
    permission: Permission::Own,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(5),
    fresh: false,
};

#[expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should say where")]
fn gate(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("system.db");
    let system = open_system(&path, false).unwrap();
    let live = Arc::new(LiveSessions::new(Watch::open(&path).unwrap()));
    // An allowance that the measurement cannot use up.
    let limits = LimitsConfig { read_per_minute: 1_000_000_000, ..LimitsConfig::default() };
    let limiter = Limiter::new(system.clone(), Live::fixed(Config { limits, ..Config::default() }), Tasks::new());
    let gate =
        Gate::new(Arc::clone(&live), limiter, Breakers::new(), system.clone(), ollamanet::metrics::Metrics::new());
    let key = new_data_key().unwrap();
    let file = dir.path().join("vault.db");
    let db = open(&Target { name: "vault", path: &file, schema: &VAULT, key: Some(&key), cautious: false }).unwrap();
    let account = Account { id: AccountId::new(), name: "ann".to_owned(), role: Role::User };
    let session = live
        .begin(account.clone(), Vault { account: account.id, db: db.clone() }, key.clone(), Beginning::Typed)
        .unwrap();
    let row = sessions::NewSession {
        id: session.id,
        account: account.id,
        epoch: 1,
        place: "bench".to_owned(),
        expires_at: Moment::clock() + 3_600_000,
    };
    let begun = system.write::<_, StoreError>(move |tx| {
        accounts::insert(tx, account.id, "ann", Role::User, uuid::Uuid::now_v7(), Moment::clock())?;
        sessions::insert(tx, &row, &Moment::here())
    });
    runtime.block_on(begun).unwrap();

    let mut group = c.benchmark_group("gate");
    group.bench_function("read call that does nothing", |b| {
        b.iter(|| {
            let call = gate.call::<Member, _, _>(&session, &READ, async |by| Ok(black_box(by.request)));
            runtime.block_on(call).unwrap()
        });
    });
    group.bench_function("round trip to a database's thread", |b| {
        b.iter(|| runtime.block_on(db.read::<_, StoreError>(|_| Ok(black_box(1)))).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = gate
}
criterion_main!(benches);
