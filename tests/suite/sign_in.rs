//! Coming in and going out, through the gateway, over real files.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use ollamanet::api::{
    Fault, FaultKind,
    auth::{Account, Door, NewAccount, Role, Secret, SignedIn},
};

use ollamanet::config::Config;

use crate::common::house::{House, PASSPHRASE};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn resumed(house: &House) -> Option<SignedIn> {
    match house.gateway.door().await.unwrap() {
        Door::Resumed(signed_in) => Some(*signed_in),
        Door::FirstRun | Door::SignIn => None,
    }
}

/// The rotation runs in the background; it is done when no task is left.
async fn settled(house: &House) {
    crate::common::until("the token is rotated", || house.tasks.running().is_empty()).await;
}

fn token(home: &Path) -> Vec<u8> {
    fs::read(home.join("data/state/signed-in")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_is_an_administrator_and_the_only_one_made_so() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    assert!(matches!(house.gateway.door().await.unwrap(), Door::FirstRun));
    let first = house.first_admin("Ann").await;
    assert_eq!((first.account.name.as_str(), first.account.role), ("Ann", Role::Admin));
    assert_eq!(house.gateway.whoami(&first.session).await.unwrap(), first.account);
    let again = NewAccount { name: "Eve".to_owned(), passphrase: secret(PASSPHRASE) };
    assert_eq!(house.gateway.create_first_admin(again).await.unwrap_err().kind, FaultKind::Conflict);
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_racing_to_be_first_make_one_account() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (House::alone(home.path()), House::alone(home.path()));
    let new = |name: &str| NewAccount { name: name.to_owned(), passphrase: secret(PASSPHRASE) };
    let (a, b) = tokio::join!(one.gateway.create_first_admin(new("Ann")), two.gateway.create_first_admin(new("Eve")));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let fault = a.err().or(b.err()).unwrap();
    assert_eq!(fault.kind, FaultKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_passphrase_or_an_odd_name_is_refused_with_advice() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    for (name, passphrase) in [("Ann", "password123"), ("A", PASSPHRASE), ("Än n", PASSPHRASE), ("Ann", "")] {
        let new = NewAccount { name: name.to_owned(), passphrase: secret(passphrase) };
        let fault = house.gateway.create_first_admin(new).await.unwrap_err();
        assert!(fault.kind == FaultKind::Invalid && fault.hint.is_some(), "{fault}");
    }
    assert!(matches!(house.gateway.door().await.unwrap(), Door::FirstRun));
    let proposed = house.gateway.propose_passphrase().await.unwrap();
    assert!(house.gateway.judge_passphrase("Ann", &proposed).await.unwrap().accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_and_an_unknown_name_get_the_same_words() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    let told = |fault: Fault| (fault.kind, fault.message, fault.hint);
    let wrong = house.gateway.sign_in("Ann", &secret("not this one at all")).await.unwrap_err();
    let unknown = house.gateway.sign_in("Bob", &secret("not this one at all")).await.unwrap_err();
    assert_eq!(told(wrong), told(unknown));
    // Names are compared without case; passphrases byte for byte.
    house.gateway.sign_in("ANN", &secret(PASSPHRASE)).await.unwrap();
    house.gateway.sign_in("Ann", &secret(&PASSPHRASE.to_uppercase())).await.unwrap_err();
    house.gateway.sign_in("Ann", &secret(&format!("{PASSPHRASE} "))).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tries_are_slowed_down_also_in_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    for _ in 0..4 {
        house.gateway.sign_in("Ann", &secret("wrong")).await.unwrap_err();
    }
    let fault = house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Slow);
    assert!(fault.retry_after.is_some());
    house.close().await;
    let next = House::alone(home.path());
    assert_eq!(next.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn staying_signed_in_opens_the_next_start_and_its_token_changes_each_time() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let first = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&first.session, true).await.unwrap();
    let meta = fs::metadata(home.path().join("data/state/signed-in")).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o600);
    let before = token(home.path());
    house.close().await;

    let next = House::alone(home.path());
    let back = resumed(&next).await.expect("signed in by the token");
    assert_eq!(back.account, first.account);
    settled(&next).await;
    assert_ne!(token(home.path()), before);
    next.gateway.whoami(&back.session).await.unwrap();
    next.gateway.sign_out(&back.session).await.unwrap();
    assert_eq!(next.gateway.whoami(&back.session).await.unwrap_err().kind, FaultKind::SignedOut);
    assert!(!home.path().join("data/state/signed-in").exists());
    assert!(matches!(next.gateway.door().await.unwrap(), Door::SignIn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_token_ends_the_family_and_its_owner_is_told() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let first = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&first.session, true).await.unwrap();
    let copied = token(home.path());
    for _ in 0..2 {
        resumed(&house).await.expect("signed in by the token");
        settled(&house).await;
    }
    fs::write(home.path().join("data/state/signed-in"), copied).unwrap();
    assert!(resumed(&house).await.is_none());
    assert!(resumed(&house).await.is_none());
    let back = house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    assert!(back.notice.unwrap().contains("copy"));
    let again = house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    assert_eq!(again.notice, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_windows_starting_at_once_raise_no_false_alarm() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let first = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&first.session, true).await.unwrap();
    let windows: Vec<House> = (0..8).map(|_| House::alone(home.path())).collect();
    for _ in 0..5 {
        let doors = windows.iter().map(|window| async { resumed(window).await.is_some() });
        assert_eq!(futures_util::future::join_all(doors).await, [true; 8]);
        for window in &windows {
            settled(window).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_opens_with_the_passphrase_only() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.lock(&ann.session).await.unwrap();
    assert_eq!(house.gateway.tree(&ann.session).await.unwrap_err().kind, FaultKind::Locked);
    house.gateway.unlock(&ann.session, &secret("wrong")).await.unwrap_err();
    assert_eq!(house.gateway.tree(&ann.session).await.unwrap_err().kind, FaultKind::Locked);
    house.gateway.unlock(&ann.session, &secret(PASSPHRASE)).await.unwrap();
    house.gateway.tree(&ann.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_passphrase_ends_other_sessions_and_tokens_in_every_window() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    here.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let stale = token(home.path());
    let other = there.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    there.gateway.tree(&other.session).await.unwrap();

    let new = "quarry ember pylon sable drift";
    let wrong = here.gateway.change_passphrase(&ann.session, &secret("wrong"), &secret(new)).await.unwrap_err();
    assert_eq!(wrong.kind, FaultKind::WrongCredentials);
    here.gateway.change_passphrase(&ann.session, &secret(PASSPHRASE), &secret("short")).await.unwrap_err();
    there.gateway.tree(&other.session).await.unwrap();
    here.gateway.change_passphrase(&ann.session, &secret(PASSPHRASE), &secret(new)).await.unwrap();

    let ended = there.gateway.tree(&other.session).await.unwrap_err();
    assert_eq!(ended.kind, FaultKind::SignedOut);
    assert!(ended.message.contains("passphrase was changed"), "{ended}");
    here.gateway.tree(&ann.session).await.unwrap();
    fs::write(home.path().join("data/state/signed-in"), stale).unwrap();
    assert!(resumed(&there).await.is_none());
    there.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    there.gateway.sign_in("Ann", &secret(new)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_code_works_once_and_brings_a_new_one() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let code = ann.recovery_code.unwrap();
    let new = secret("quarry ember pylon sable drift");
    let mistyped = house.gateway.recover("Ann", &secret("ABCD"), &new).await.unwrap_err();
    assert_eq!(mistyped.kind, FaultKind::Invalid);
    house.gateway.recover("Bob", &code, &new).await.unwrap_err();
    let back = house.gateway.recover("ann", &code, &new).await.unwrap();
    assert_eq!(back.account, Account { name: "Ann".to_owned(), ..ann.account });
    assert_eq!(house.gateway.whoami(&ann.session).await.unwrap_err().kind, FaultKind::SignedOut);
    house.gateway.sign_in("Ann", &new).await.unwrap();
    house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    let used = house.gateway.recover("Ann", &code, &new).await.unwrap_err();
    assert_eq!(used.kind, FaultKind::WrongCredentials);
    house.gateway.recover("Ann", &back.recovery_code.unwrap(), &secret(PASSPHRASE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_vault_is_set_aside_whole_and_an_empty_one_can_begin() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    house.close().await;
    let vault = fs::read_dir(home.path().join("data/vaults"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db"))
        .unwrap();
    // The last one to close a database takes its log away.
    crate::common::until("the vault is closed", || !vault.with_extension("db-wal").exists()).await;
    let garbage = vec![0x5a; 16 * 1024];
    fs::write(&vault, &garbage).unwrap();

    let next = House::alone(home.path());
    let fault = next.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Store);
    assert!(fault.message.contains(".corrupt-") && fault.hint.is_some(), "{fault}");
    let kept = next.files().into_iter().find(|path| path.to_string_lossy().contains(".db.corrupt-")).unwrap();
    assert!(fs::read(kept).unwrap() == garbage, "the damaged file was changed");
    let empty = next.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    assert!(empty.notice.unwrap().contains("new, empty one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_lies_in_any_file() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    house.gateway.sign_in("tr0ub4dor-typed-as-name", &secret("x")).await.unwrap_err();
    let token = String::from_utf8(token(home.path())).unwrap();
    let token_secret = token.trim_end().rsplit('.').next().unwrap().to_owned();
    let code = ann.recovery_code.unwrap().reveal().to_owned();
    for file in house.files() {
        let bytes = fs::read(&file).unwrap();
        let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!holds(PASSPHRASE) && !holds(&code) && !holds("tr0ub4dor-typed-as-name"), "{}", file.display());
        assert!(!holds(&token_secret) || file.ends_with("signed-in"), "{}", file.display());
    }
}

/// The files of vaults that this process holds open below `home`.
fn open_vaults(home: &Path) -> usize {
    let vaults = home.join("data/vaults");
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.starts_with(&vaults))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_a_sign_out_let_go_of_the_vaults_files() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.tree(&ann.session).await.unwrap();
    assert!(open_vaults(home.path()) > 0);
    house.gateway.lock(&ann.session).await.unwrap();
    crate::common::until("the vault is closed", || open_vaults(home.path()) == 0).await;
    house.gateway.unlock(&ann.session, &secret(PASSPHRASE)).await.unwrap();
    assert!(open_vaults(home.path()) > 0);
    house.gateway.sign_out(&ann.session).await.unwrap();
    crate::common::until("the vault is closed", || open_vaults(home.path()) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_and_leaving_are_never_refused_however_many_calls_came_before() {
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    "127.0.0.1:1".clone_into(&mut config.ollama.host);
    config.limits.read_per_minute = 3;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let mut calls = 0;
    while house.gateway.tree(&ann.session).await.is_ok() {
        calls += 1;
        assert!(calls < 100, "nothing was ever refused");
    }
    assert_eq!(house.gateway.tree(&ann.session).await.unwrap_err().kind, FaultKind::Slow);
    house.gateway.lock(&ann.session).await.unwrap();
    house.gateway.unlock(&ann.session, &secret(PASSPHRASE)).await.unwrap();
    house.gateway.sign_out(&ann.session).await.unwrap();
}

/// Makes every change of this kind to a table of the system database fail, as a full disk would, until it is undone. The
/// program runs no triggers there, so a rule does it that what is there keeps and what comes from now on breaks.
fn break_table(house: &House, what: &str, table: &str) -> impl FnOnce() + use<> {
    let path = house.paths.data.join("system.db");
    let now = jiff::Timestamp::now().as_millisecond();
    let rule = |column: &str| {
        let rule = format!("ALTER TABLE {table} ADD COLUMN broken INTEGER CHECK (coalesce({column}, 0) <= {now})");
        (rule, format!("ALTER TABLE {table} DROP COLUMN broken"))
    };
    let (fault, mend) = match (what, table) {
        ("INSERT", "audit") => rule("at"),
        ("INSERT", "key_slots") => rule("created_at"),
        ("INSERT", "sessions") => rule("started_at"),
        ("UPDATE", "sessions") => rule("ended_at"),
        ("UPDATE", "accounts") => rule("last_sign_in"),
        ("DELETE", "key_slots") => held(table, "id"),
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

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_works_and_forgets_the_token_even_if_nothing_can_be_written() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    for (what, table) in [("UPDATE", "sessions"), ("INSERT", "audit"), ("DELETE", "token_families")] {
        let ann = match house.gateway.door().await.unwrap() {
            Door::FirstRun => house.first_admin("Ann").await,
            Door::SignIn => house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap(),
            Door::Resumed(who) => panic!("{what} {table}: the token stayed good for {who:?}"),
        };
        house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
        let mend = break_table(&house, what, table);
        house.gateway.sign_out(&ann.session).await.unwrap();
        assert_eq!(house.gateway.whoami(&ann.session).await.unwrap_err().kind, FaultKind::SignedOut);
        assert!(!home.path().join("data/state/signed-in").exists(), "{what} {table}");
        mend();
    }
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn));
}

/// Each place where changing a way in could be cut off half way.
const STEPS: [(&str, &str); 4] =
    [("INSERT", "key_slots"), ("DELETE", "key_slots"), ("UPDATE", "sessions"), ("INSERT", "audit")];

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_passphrase_that_fails_half_way_leaves_the_old_one() {
    let home = tempfile::tempdir().unwrap();
    let (house, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = house.first_admin("Ann").await;
    let other = there.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let new = secret("quarry ember pylon sable drift");
    for (what, table) in STEPS {
        let mend = break_table(&house, what, table);
        house.gateway.change_passphrase(&ann.session, &secret(PASSPHRASE), &new).await.unwrap_err();
        mend();
        house.gateway.sign_in("Ann", &new).await.unwrap_err();
        house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
        there.gateway.tree(&other.session).await.unwrap();
    }
    house.gateway.change_passphrase(&ann.session, &secret(PASSPHRASE), &new).await.unwrap();
    house.gateway.sign_in("Ann", &new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_fails_half_way_leaves_the_code_and_the_passphrase_as_they_were() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let code = ann.recovery_code.clone().unwrap();
    let new = secret("quarry ember pylon sable drift");
    // Ending the session and beginning the next one are part of it: a used-up code must have shown its successor.
    for (what, table) in STEPS.into_iter().chain([("INSERT", "sessions"), ("UPDATE", "accounts")]) {
        let mend = break_table(&house, what, table);
        house.gateway.recover("Ann", &code, &new).await.unwrap_err();
        mend();
        house.gateway.sign_in("Ann", &new).await.unwrap_err();
        house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
        house.gateway.whoami(&ann.session).await.unwrap();
        // The tries of the code are counted; what failed here was not the code.
        forget_tries(&house);
    }
    house.gateway.recover("Ann", &code, &new).await.unwrap();
    house.gateway.sign_in("Ann", &new).await.unwrap();
}

fn forget_tries(house: &House) {
    let system = rusqlite::Connection::open(house.paths.data.join("system.db")).unwrap();
    system.execute_batch("DELETE FROM throttles").unwrap();
}
