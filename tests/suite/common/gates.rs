//! A real gate over a real system database, with somebody signed in: for what the gate decides before any service.

use std::{path::Path, sync::Arc, time::Duration};

use ollamanet::{
    access::{
        Breakers, Class, Gate, Op, Permission,
        limiter::Limiter,
        live::{Beginning, LiveSessions},
    },
    api::{
        AccountId,
        auth::{Account, Role, Session},
    },
    config::{Config, LimitsConfig, live::Live},
    store::{
        Db, StoreError, Vault,
        keys::new_data_key,
        migrate::VAULT,
        open::{Target, open},
        system::{Moment, accounts, open_system, sessions, watch::Watch},
    },
    tasks::Tasks,
};

/// One window of the program: its own connections to files that other windows share.
pub struct Window {
    pub gate: Gate,
    pub live: Arc<LiveSessions>,
    pub breakers: Breakers,
    pub system: Db,
    pub tasks: Tasks,
}

impl Window {
    pub fn open(data: &Path, limits: LimitsConfig) -> Self {
        let path = data.join("system.db");
        let system = open_system(&path, false).unwrap();
        let tasks = Tasks::new();
        let live = Arc::new(LiveSessions::new(Watch::open(&path).unwrap()));
        let breakers = Breakers::new();
        let limiter = Limiter::new(system.clone(), Live::fixed(Config { limits, ..Config::default() }), tasks.clone());
        let gate =
            Gate::new(Arc::clone(&live), limiter, breakers.clone(), system.clone(), ollamanet::metrics::Metrics::new());
        Self { gate, live, breakers, system, tasks }
    }

    /// Signs `account` in here, with its vault open.
    pub async fn sign_in(&self, data: &Path, account: &Account) -> Session {
        let key = new_data_key().unwrap();
        let path = data.join(format!("{}.db", uuid::Uuid::now_v7()));
        let db =
            open(&Target { name: "vault", path: &path, schema: &VAULT, key: Some(&key), cautious: false }).unwrap();
        let vault = Vault { account: account.id, db };
        let session = self.live.begin(account.clone(), vault, key, Beginning::Typed).unwrap();
        let row = sessions::NewSession {
            id: session.id,
            account: account.id,
            epoch: 1,
            place: "test".to_owned(),
            expires_at: Moment::clock() + 60_000,
        };
        self.system.write(move |tx| sessions::insert(tx, &row, &Moment::here())).await.unwrap();
        session
    }

    pub async fn account(&self, name: &str, role: Role) -> Account {
        let account = Account { id: AccountId::new(), name: name.to_owned(), role };
        let new = account.clone();
        self.system
            .write::<_, StoreError>(move |tx| {
                accounts::insert(tx, new.id, &new.name, new.role, uuid::Uuid::now_v7(), Moment::clock())
            })
            .await
            .unwrap();
        account
    }
}

/// An operation that anybody signed in may do.
pub const fn op(name: &'static str, class: Class) -> Op {
    Op { name, permission: Permission::Own, class, needs_ollama: None, deadline: Duration::from_secs(5), fresh: false }
}
