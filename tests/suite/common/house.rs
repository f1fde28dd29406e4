//! The whole backend over a temporary directory: what a second window, or the next start, is made of as well.

use std::path::{Path, PathBuf};

use ollamanet::{
    api::{
        AccountId, Fault,
        admin::NewUser,
        auth::{Activation, Entered, NewAccount, Role, Secret, Session, SignedIn},
        settings::NewValue,
    },
    app,
    config::{Config, live::Live},
    fake::Fake,
    gateway::Gateway,
    paths::Paths,
    store::{
        StoreError,
        keys::{self, SlotKind},
        system::{Moment, accounts, open_system, slots},
    },
    tasks::Tasks,
    trace::Ring,
};

pub const PASSPHRASE: &str = "basin lumen tripod velvet marsh";

/// One running program's worth of backend.
pub struct House {
    pub gateway: Gateway,
    pub tasks: Tasks,
    pub paths: Paths,
}

impl House {
    /// Opens the installation in `home`, as a start of the program does.
    pub fn open(home: &Path, config: &Config) -> Self {
        let paths = Paths::find(Some(&home.join("data"))).unwrap();
        let tasks = Tasks::new();
        let gateway = app::compose(&paths, config, &Live::fixed(config.clone()), &tasks).unwrap();
        Self { gateway, tasks, paths }
    }

    /// The same, with the last requests gathered in `ring`, as far as this thread hears of their spans.
    pub fn open_traced(home: &Path, config: &Config, ring: &Ring) -> Self {
        let paths = Paths::find(Some(&home.join("data"))).unwrap();
        let tasks = Tasks::new();
        let live = Live::fixed(config.clone());
        let watching = app::Watching { ring: ring.clone(), ..app::Watching::default() };
        let gateway = app::compose_watched(&paths, config, &live, &tasks, &watching).unwrap();
        Self { gateway, tasks, paths }
    }

    /// Without an Ollama: nothing listens on that port.
    pub fn alone(home: &Path) -> Self {
        let mut config = Config::default();
        "127.0.0.1:1".clone_into(&mut config.ollama.host);
        // A test comes and goes, and looks, more often in a minute than people do.
        config.limits.auth_per_minute = 1000;
        config.limits.read_per_minute = 1_000_000;
        Self::open(home, &config)
    }

    /// With the stand-in's models, and nothing asked of them but what the test asks.
    pub fn beside(home: &Path, fake: &Fake) -> Self {
        let mut config = Config::default();
        config.ollama.host = fake.url();
        config.chat.titles = false;
        Self::open(home, &config)
    }

    pub async fn first_admin(&self, name: &str) -> SignedIn {
        let new = NewAccount { name: name.to_owned(), passphrase: Secret::new(PASSPHRASE) };
        self.gateway.create_first_admin(new).await.unwrap()
    }

    /// An account with this role, made by the administrator `by`, whose person has just come in with the one-time code.
    pub async fn newcomer(&self, by: &Session, name: &str, role: &str) -> SignedIn {
        let new = NewUser { name: name.to_owned(), display_name: None, role: role.to_owned() };
        let code = self.gateway.create_user(by, new).await.unwrap().code;
        whole(self.activate(name, &code, None, PASSPHRASE).await.unwrap())
    }

    /// Sets one setting of the house, as it stands now.
    pub async fn set(&self, by: &Session, name: &str, to: &str) -> Result<(), Fault> {
        let rows = self.gateway.settings(by).await?.rows;
        let seen = rows.iter().find(|row| row.name == name).map_or(0, |row| row.version);
        let change = NewValue { name: name.to_owned(), to: Some(to.to_owned()), seen };
        self.gateway.change_settings(by, vec![change]).await
    }

    /// Comes in with a one-time code.
    pub async fn activate(
        &self,
        name: &str,
        code: &Secret,
        recovery_code: Option<&Secret>,
        passphrase: &str,
    ) -> Result<Entered, Fault> {
        let how = Activation {
            name: name.to_owned(),
            code: code.clone(),
            recovery_code: recovery_code.cloned(),
            passphrase: Secret::new(passphrase),
        };
        self.gateway.activate(how).await
    }

    /// Signs in, where no second factor is asked for.
    pub async fn sign_in(&self, name: &str, passphrase: &Secret) -> Result<SignedIn, Fault> {
        self.gateway.sign_in(name, passphrase).await.map(whole)
    }

    /// Recovers, where no second factor is asked for.
    pub async fn recover(&self, name: &str, code: &Secret, new: &Secret) -> Result<SignedIn, Fault> {
        self.gateway.recover(name, code, new).await.map(whole)
    }

    /// Ends as the program does.
    pub async fn close(self) {
        let late = self.tasks.stop(std::time::Duration::from_secs(20)).await;
        assert_eq!(late, Vec::<String>::new());
    }

    /// Every file of the installation.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.paths.data.clone()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        found
    }
}

/// A session that no second factor stands before.
pub fn whole(entered: Entered) -> SignedIn {
    match entered {
        Entered::In(signed_in) => *signed_in,
        Entered::SecondFactor(_) => panic!("a second factor is asked for"),
    }
}

/// Another account, with the same passphrase, made behind the program's back.
pub async fn add_account(house: &House, name: &'static str, role: Role) {
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    let (id, vault) = (AccountId::new(), uuid::Uuid::now_v7());
    let slot =
        keys::seal(id, vault, SlotKind::Passphrase, PASSPHRASE.as_bytes(), &keys::new_data_key().unwrap()).unwrap();
    system
        .write::<_, StoreError>(move |tx| {
            accounts::insert(tx, id, name, role, vault, Moment::clock())?;
            slots::insert(tx, &slot, Moment::clock())
        })
        .await
        .unwrap();
}

/// Changes the system database behind the program's back.
pub fn tamper(house: &House, sql: &str) {
    rusqlite::Connection::open(house.paths.data.join("system.db")).unwrap().execute_batch(sql).unwrap();
}

/// One number from the system database.
pub fn count(house: &House, sql: &str) -> i64 {
    let system = rusqlite::Connection::open(house.paths.data.join("system.db")).unwrap();
    system.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What was tried before counts no more.
pub fn forget_tries(house: &House) {
    tamper(house, "DELETE FROM throttles");
}

/// Makes every change of this kind to a table of the system database fail, as a full disk would, until it is undone. The
/// program runs no triggers there, so a rule does it that what is there keeps and what comes from now on breaks.
pub fn break_table(house: &House, what: &str, table: &str) -> impl FnOnce() + use<> {
    let path = house.paths.data.join("system.db");
    let now = jiff::Timestamp::now().as_millisecond();
    let epoch: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT coalesce(max(epoch), 0) FROM accounts", [], |row| row.get(0))
        .unwrap();
    let rule = |column: &str| {
        let rule = format!("ALTER TABLE {table} ADD COLUMN broken INTEGER CHECK (coalesce({column}, 0) <= {now})");
        (rule, format!("ALTER TABLE {table} DROP COLUMN broken"))
    };
    let (fault, mend) = match (what, table) {
        ("INSERT", "audit") => rule("at"),
        ("INSERT", "key_slots" | "accounts") => rule("created_at"),
        ("INSERT", "sessions") => rule("started_at"),
        ("UPDATE", "sessions") => rule("ended_at"),
        ("UPDATE", "accounts") => rule(&format!("CASE WHEN epoch > {epoch} THEN {now} + 1 ELSE last_sign_in END")),
        ("INSERT", "second_factors") => rule("added_at"),
        ("INSERT", "second_factor_codes") => rule(&format!("CASE WHEN account IS NULL THEN 0 ELSE {now} + 1 END")),
        // Good for a day from when it is issued.
        ("INSERT", "activation_codes") => rule("expires_at - 86400000"),
        ("UPDATE", "activation_codes") => rule("used_at"),
        ("INSERT", "sealed_vaults") => rule("sealed_at"),
        ("INSERT", "vaults_to_remove") => rule("not_before"),
        ("DELETE", "key_slots" | "accounts") => held(table, "id"),
        ("DELETE", "token_families") => held(table, "selector"),
        other => panic!("no way to break {other:?}"),
    };
    rusqlite::Connection::open(&path).unwrap().execute_batch(&fault).unwrap();
    move || rusqlite::Connection::open(path).unwrap().execute_batch(&mend).unwrap()
}

/// A table whose rows need those of the other one.
fn held(table: &str, key: &str) -> (String, String) {
    let fault = format!(
        "CREATE TABLE broken (it BLOB REFERENCES {table} ({key})); INSERT INTO broken SELECT {key} FROM {table}"
    );
    (fault, "DROP TABLE broken".to_owned())
}
