//! Sealed vaults: brought back with their recovery code, changed for the present one and back, forgotten.

use std::{fs, path::PathBuf};

use ollamanet::{
    api::{
        Fault, FaultKind, VaultId,
        auth::{Door, Entered, Secret, Session, SignedIn},
        organise::{NewConversation, Shelf},
        profile::SealedVault,
    },
    store::keys,
};
use serde_json::Value;

use crate::common::{
    authenticator::Authenticator,
    house::{House, PASSPHRASE, break_table, count, forget_tries, tamper, whole},
    kills,
    stage::{Done, Stage},
    until,
};

const OTHER: &str = "quarry ember pylon sable drift";

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn write(house: &House, by: &Session, title: &str) {
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(by, new).await.unwrap();
}

async fn titles(house: &House, by: &Session) -> Vec<String> {
    let page = house.gateway.conversations(by, Shelf::Recent, "", None, 50).await.unwrap();
    page.rows.into_iter().map(|row| row.title).collect()
}

fn trail(house: &House) -> Vec<String> {
    let raw = rusqlite::Connection::open(house.paths.system_db()).unwrap();
    let mut select = raw.prepare("SELECT action || ' ' || target || ' ' || result FROM audit ORDER BY seq").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn file(house: &House, vault: VaultId) -> PathBuf {
    house.paths.vaults().join(format!("{vault}.db"))
}

fn is_open(path: &std::path::Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|file| file.starts_with(path))
}

/// Ben after a reset and without his recovery code at hand: what he wrote before is sealed, what he wrote since is open.
struct Ben {
    now: SignedIn,
    sealed: SealedVault,
    old_code: Secret,
}

async fn reset(house: &House, ann: &Session) -> Ben {
    let ben = house.newcomer(ann, "Ben", "user").await;
    write(house, &ben.session, "from before").await;
    house.gateway.sign_out(&ben.session).await.unwrap();
    let reset = house.gateway.reset_user(ann, ben.account.id).await.unwrap();
    let now = whole(house.activate("Ben", &reset.code, None, OTHER).await.unwrap());
    write(house, &now.session, "from since").await;
    let [sealed] = &house.gateway.sealed_vaults(&now.session).await.unwrap()[..] else { panic!("nothing is sealed") };
    Ben { sealed: sealed.clone(), old_code: ben.recovery_code.unwrap(), now }
}

async fn open(house: &House, by: &Session, which: VaultId, code: Option<&Secret>) -> Result<SignedIn, Fault> {
    house.gateway.open_sealed_vault(by, which, code.cloned(), &secret(OTHER)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_comes_back_with_its_code_and_the_other_waits_sealed_for_the_passphrase() {
    let home = tempfile::tempdir().unwrap();
    let (house, elsewhere) = (House::alone(home.path()), House::alone(home.path()));
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    assert!(sealed.needs_code && sealed.bytes.unwrap() > 0, "{sealed:?}");
    house.gateway.stay_signed_in(&now.session, true).await.unwrap();
    let other = elsewhere.sign_in("Ben", &secret(OTHER)).await.unwrap();

    let back = open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap();
    assert_eq!(titles(&house, &back.session).await, ["from before"]);
    assert!(back.notice.unwrap().contains("sealed now, and kept"));
    assert!(trail(&house).ends_with(&["account.vault_sealed Ben ok".into(), "account.open_sealed Ben ok".into()]));
    // Whatever was let in to the other vault is out, here, elsewhere and at the next start.
    assert_eq!(house.gateway.tree(&now.session).await.unwrap_err().kind, FaultKind::SignedOut);
    let ended = elsewhere.gateway.tree(&other.session).await.unwrap_err();
    assert_eq!(ended.message, "Another vault of this account was opened.");
    assert!(matches!(elsewhere.gateway.door().await.unwrap(), Door::SignIn { .. }));
    // The passphrase and the new code open it; the old code, which somebody may have found as well, does not.
    let signed_in = elsewhere.sign_in("Ben", &secret(OTHER)).await.unwrap();
    assert_eq!(titles(&elsewhere, &signed_in.session).await, ["from before"]);
    elsewhere.recover("Ben", &old_code, &secret(PASSPHRASE)).await.unwrap_err();
    forget_tries(&house);
    let new_code = back.recovery_code.unwrap();
    let recovered = elsewhere.recover("Ben", &new_code, &secret(OTHER)).await.unwrap();

    // The other one is kept with all that was in it, and comes back without a code.
    let [waits] = &elsewhere.gateway.sealed_vaults(&recovered.session).await.unwrap()[..] else { panic!() };
    assert!(!waits.needs_code && waits.id != sealed.id, "{waits:?}");
    let since = open(&elsewhere, &recovered.session, waits.id, None).await.unwrap();
    assert_eq!(titles(&elsewhere, &since.session).await, ["from since"]);
    // And so on, to and fro.
    let [before] = &elsewhere.gateway.sealed_vaults(&since.session).await.unwrap()[..] else { panic!() };
    assert_eq!((before.id, before.needs_code), (sealed.id, false));
    let again = open(&elsewhere, &since.session, before.id, None).await.unwrap();
    assert_eq!(titles(&elsewhere, &again.session).await, ["from before"]);
    // A passphrase that is changed here opens nothing there: the key goes with the vault, not with the passphrase.
    elsewhere.gateway.change_passphrase(&again.session, &secret(OTHER), &secret(PASSPHRASE)).await.unwrap();
    let vault =
        format!("SELECT count(*) FROM key_slots WHERE kind = 'passphrase' AND vault = x'{}'", waits.id.0.simple());
    assert_eq!(count(&house, &vault), 0);
    let since = elsewhere.gateway.open_sealed_vault(&again.session, waits.id, None, &secret(PASSPHRASE)).await.unwrap();
    assert_eq!(titles(&elsewhere, &since.session).await, ["from since"]);
}

/// The vault of before the reset, of between two resets, and of now.
#[tokio::test(flavor = "multi_thread")]
async fn of_three_vaults_each_is_reached_from_each() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed: first, old_code } = reset(&house, &ann).await;
    let (id, second_code) = (now.account.id, now.recovery_code.unwrap());
    let code = house.gateway.reset_user(&ann, id).await.unwrap().code;
    let third = whole(house.activate("Ben", &code, None, OTHER).await.unwrap());
    write(&house, &third.session, "the last").await;
    let sealed = house.gateway.sealed_vaults(&third.session).await.unwrap();
    let second = sealed.iter().find(|vault| vault.id != first.id).unwrap().id;
    let in_second = open(&house, &third.session, second, Some(&second_code)).await.unwrap();
    assert_eq!(titles(&house, &in_second.session).await, ["from since"]);
    // That a reset lies between does not matter to the code of the first.
    let in_first = open(&house, &in_second.session, first.id, Some(&old_code)).await.unwrap();
    assert_eq!(titles(&house, &in_first.session).await, ["from before"]);
    let sealed = house.gateway.sealed_vaults(&in_first.session).await.unwrap();
    assert!(sealed.len() == 2 && sealed.iter().all(|vault| !vault.needs_code), "{sealed:?}");
    let third = sealed.iter().find(|vault| vault.id != second).unwrap().id;
    let in_third = open(&house, &in_first.session, third, None).await.unwrap();
    assert_eq!(titles(&house, &in_third.session).await, ["the last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_a_wrong_passphrase_and_anothers_vault_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let first = house.first_admin("Ann").await;
    let ann = first.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    let by = &now.session;
    let without = open(&house, by, sealed.id, None).await.unwrap_err();
    assert!(without.kind == FaultKind::Invalid && without.message.contains("recovery code"), "{without}");
    for wrong in [&first.recovery_code.unwrap(), &now.recovery_code.unwrap()] {
        let fault = open(&house, by, sealed.id, Some(wrong)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::WrongCredentials, "{fault}");
    }
    let wrong = house.gateway.open_sealed_vault(by, sealed.id, Some(old_code.clone()), &secret(PASSPHRASE)).await;
    assert_eq!(wrong.unwrap_err().kind, FaultKind::WrongCredentials);
    // To Ann, who administers, it is what does not exist.
    let password = secret(PASSPHRASE);
    let theirs = house.gateway.open_sealed_vault(&ann, sealed.id, Some(old_code.clone()), &password).await.unwrap_err();
    let nobodys = house.gateway.open_sealed_vault(&ann, VaultId::new(), Some(old_code.clone()), &password).await;
    assert_eq!((theirs.kind, &theirs.message), (FaultKind::NotFound, &nobodys.unwrap_err().message));
    assert_eq!(house.gateway.forget_sealed_vault(&ann, sealed.id).await.unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(titles(&house, by).await, ["from since"]);
    assert_eq!(house.gateway.sealed_vaults(by).await.unwrap(), std::slice::from_ref(&sealed));
    // A code with a typing mistake costs no try; one that is wrong is slowed down as everywhere.
    forget_tries(&house);
    let typo = secret("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA");
    for _ in 0..5 {
        assert_eq!(open(&house, by, sealed.id, Some(&typo)).await.unwrap_err().kind, FaultKind::Invalid);
    }
    for _ in 0..4 {
        open(&house, by, sealed.id, Some(&keys::new_recovery_code().unwrap())).await.unwrap_err();
    }
    let slow = open(&house, by, sealed.id, Some(&old_code)).await.unwrap_err();
    assert_eq!(slow.kind, FaultKind::Slow, "{slow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_that_fails_half_way_leaves_the_vault_that_was_open_and_its_ways_in() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    for (what, table) in [
        ("DELETE", "key_slots"),
        ("INSERT", "key_slots"),
        ("INSERT", "sealed_vaults"),
        ("UPDATE", "accounts"),
        ("INSERT", "sessions"),
        ("INSERT", "audit"),
    ] {
        let mend = break_table(&house, what, table);
        open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap_err();
        mend();
        assert_eq!(titles(&house, &now.session).await, ["from since"], "{what} {table}");
        assert_eq!(
            house.gateway.sealed_vaults(&now.session).await.unwrap(),
            std::slice::from_ref(&sealed),
            "{what} {table}"
        );
        let signed_in = house.sign_in("Ben", &secret(OTHER)).await.unwrap();
        assert_eq!(titles(&house, &signed_in.session).await, ["from since"], "{what} {table}");
        forget_tries(&house);
    }
    let back = open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap();
    assert_eq!(titles(&house, &back.session).await, ["from before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_that_is_missing_or_damaged_is_not_taken_for_the_present_one() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    let path = file(&house, sealed.id);
    until("the sealed vault is closed", || !is_open(&path)).await;
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(house.gateway.sealed_vaults(&now.session).await.unwrap()[0].bytes, None);
    let missing = open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap_err();
    assert!(missing.kind == FaultKind::Store && missing.message.contains("not where it belongs"), "{missing}");
    assert!(!path.exists(), "an empty one was begun");
    let mut bent = whole.clone();
    bent[100] ^= 1;
    put(&path, &bent);
    let damaged = open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap_err();
    assert_eq!(damaged.kind, FaultKind::Store, "{damaged}");
    assert!(fs::read(&path).unwrap() == bent, "it was touched");
    assert_eq!(titles(&house, &now.session).await, ["from since"]);
    put(&path, &whole);
    let back = open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap();
    assert_eq!(titles(&house, &back.session).await, ["from before"]);
}

fn put(path: &std::path::Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_factor_goes_along_with_the_person() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    let proposed = house.gateway.begin_second_factor(&now.session).await.unwrap();
    let authenticator = Authenticator::reading(&proposed.secret);
    house.gateway.add_second_factor(&now.session, &authenticator.now()).await.unwrap();
    // Whoever is in has shown it already.
    open(&house, &now.session, sealed.id, Some(&old_code)).await.unwrap();
    tamper(&house, "UPDATE second_factors SET last_step = 0");
    let Entered::SecondFactor(half) = house.gateway.sign_in("Ben", &secret(OTHER)).await.unwrap() else {
        panic!("the second factor is gone");
    };
    let back = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap();
    assert_eq!(titles(&house, &back.session).await, ["from before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_vault_loses_its_keys_and_then_its_file_and_a_fresh_passphrase_is_wanted_for_that() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let Ben { now, sealed, old_code } = reset(&house, &ann).await;
    house.gateway.stay_signed_in(&now.session, true).await.unwrap();
    let Door::Resumed(resumed) = house.gateway.door().await.unwrap() else { panic!() };
    let stale = house.gateway.forget_sealed_vault(&resumed.session, sealed.id).await.unwrap_err();
    assert_eq!(stale.kind, FaultKind::Unconfirmed);
    let by = house.gateway.confirm(&resumed.session, &secret(OTHER)).await.unwrap();
    house.gateway.forget_sealed_vault(&by, sealed.id).await.unwrap();
    let slots = format!("SELECT count(*) FROM key_slots WHERE vault = x'{}'", sealed.id.0.simple());
    assert_eq!(count(&house, &slots), 0);
    assert!(!file(&house, sealed.id).exists());
    assert_eq!(house.gateway.sealed_vaults(&by).await.unwrap(), []);
    assert!(trail(&house).contains(&"account.forget_sealed Ben ok".to_owned()));
    let gone = open(&house, &by, sealed.id, Some(&old_code)).await.unwrap_err();
    assert_eq!(gone.kind, FaultKind::NotFound);
    assert_eq!(titles(&house, &by).await, ["from since"]);
}

// ---- by commands, and by kill -9

/// More tries a minute than people need, because a test is fast.
const QUICK: [&str; 2] = ["--set", "limits.auth_per_minute=600"];

async fn run(stage: &Stage, args: &[&str], input: &str) -> Value {
    let args = [&QUICK[..], args, &["--passphrase-fd", "0", "--json"]].concat();
    let done = stage.with_input(&args, input).await;
    assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    serde_json::from_str(&done.out).unwrap()
}

/// An administrator, and Ben whose old vault is sealed. Gives its recovery code.
async fn with_sealed(stage: &Stage) -> String {
    run(stage, &["account", "create", "alice"], PASSPHRASE).await;
    let made = run(stage, &["users", "create", "ben", "--user", "alice"], PASSPHRASE).await;
    let activation = |code: &Value| format!("{}\n{OTHER}\n", code["code"].as_str().unwrap());
    let first = run(stage, &["account", "activate", "ben"], &activation(&made)).await;
    run(stage, &["folders", "create", "from before", "--user", "ben"], OTHER).await;
    let reset = run(stage, &["users", "reset", "ben", "--user", "alice"], PASSPHRASE).await;
    run(stage, &["account", "activate", "ben"], &activation(if reset.is_array() { &reset[0] } else { &reset })).await;
    first["recovery_code"].as_str().unwrap().to_owned()
}

async fn as_ben(stage: &Stage, args: &[&str], input: &str) -> Done {
    let who = ["--user", "ben", "--passphrase-fd", "0", "--json"];
    stage.with_input(&[&QUICK[..], args, &who].concat(), input).await
}

async fn folders_of_ben(stage: &Stage) -> Vec<String> {
    let done = as_ben(stage, &["folders", "list"], OTHER).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let rows: Value = serde_json::from_str(&done.out).unwrap();
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_list_open_and_forget_what_is_sealed() {
    let stage = Stage::new().await;
    let code = with_sealed(&stage).await;
    assert_eq!(folders_of_ben(&stage).await, Vec::<String>::new());
    let listed = as_ben(&stage, &["account", "sealed", "list"], OTHER).await;
    let rows: Value = serde_json::from_str(&listed.out).unwrap_or_else(|_| panic!("{listed:?}"));
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["needs_code"]), (1, &Value::Bool(true)));
    let id = rows[0]["id"].as_str().unwrap();
    let wrong = as_ben(&stage, &["account", "sealed", "open", id], &format!("{OTHER}\nnonsense\n")).await;
    assert!(wrong.code != Some(0) && wrong.err.contains("typing mistake"), "{wrong:?}");
    let opened = as_ben(&stage, &["account", "sealed", "open", id], &format!("{OTHER}\n{code}\n")).await;
    assert_eq!(opened.code, Some(0), "{opened:?}");
    let told: Value = serde_json::from_str(&opened.out).unwrap();
    assert!(told["recovery_code"].is_string(), "{told}");
    assert_eq!(folders_of_ben(&stage).await, ["from before"]);
    let listed = as_ben(&stage, &["account", "sealed", "list"], OTHER).await;
    let rows: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(rows[0]["needs_code"], false, "{rows}");
    let id = rows[0]["id"].as_str().unwrap();
    let forgotten = as_ben(&stage, &["account", "sealed", "forget", id, "--yes"], OTHER).await;
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    let listed = as_ben(&stage, &["account", "sealed", "list"], OTHER).await;
    assert_eq!(listed.out.trim(), "[]");
}

/// `kill -9` while a sealed vault is opened: the one or the other is open afterwards, and the other is sealed and kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_a_sealed_vault_opens_leaves_the_one_or_the_other_and_loses_neither() {
    use rand::RngExt;
    let (rounds, mut random) = kills(8);
    let stage = Stage::new().await;
    let code = with_sealed(&stage).await;
    let mut is_old = false;
    let (mut before, mut after) = (0, 0);
    for round in 0..rounds {
        let listed = as_ben(&stage, &["account", "sealed", "list"], OTHER).await;
        let rows: Value = serde_json::from_str(&listed.out).unwrap_or_else(|_| panic!("{listed:?}"));
        assert_eq!(rows.as_array().unwrap().len(), 1, "round {round}: {rows}");
        let id = rows[0]["id"].as_str().unwrap();
        let input = if rows[0]["needs_code"] == true { format!("{OTHER}\n{code}\n") } else { format!("{OTHER}\n") };
        let args = ["account", "sealed", "open", id, "--user", "ben", "--passphrase-fd", "0", "--json"];
        let args = [&QUICK[..], &args].concat();
        let mut child = stage.command(&args).stdin(std::process::Stdio::piped()).spawn().unwrap();
        // A program that is dead already hears nothing more.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        tokio::time::sleep(std::time::Duration::from_millis(random.random_range(0..3000))).await;
        let _ = child.kill();
        let finished = child.wait_with_output().unwrap().status.success();
        let folders = folders_of_ben(&stage).await;
        let was_old = std::mem::replace(&mut is_old, folders == ["from before"]);
        assert!(is_old || folders.is_empty(), "round {round}: {folders:?}");
        assert!(!finished || is_old != was_old, "round {round}: it was said to be done");
        if is_old == was_old { before += 1 } else { after += 1 }
    }
    println!("{before} times the vault from before, {after} times the other one");
}
