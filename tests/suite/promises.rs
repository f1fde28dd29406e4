//! What `docs/security.md` promises and is nowhere else a journey of its own: passphrases that everybody guesses, keys and
//! nonces, vaults that change hands or go back in time, and a trail that nobody can bend.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use ollamanet::{
    api::{
        AccountId, FaultKind,
        admin::{AuditFilter, Limited, ModelRule, Permission, Scope},
        auth::{Role, Secret, SignedIn},
        organise::NewConversation,
    },
    config::Config,
    store::{
        StoreError, Vault, While, check,
        keys::{self, SlotKind},
        system::{Moment, audit, open_system, slots},
    },
};

use crate::common::{
    house::{House, PASSPHRASE, add_account, count, forget_tries},
    until,
};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// Common ones, from published lists, most used first. Those that are too short are refused for that already.
const COMMON: &str = include_str!("../fixtures/common-passphrases.txt");

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_guesses_first_is_refused_and_so_are_the_names_around_it() {
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    "127.0.0.1:1".clone_into(&mut config.ollama.host);
    config.limits.read_per_minute = 1_000_000;
    config.limits.auth_per_minute = 1_000_000;
    let house = House::open(home.path(), &config);
    let judged = async |text: &str| house.gateway.judge_passphrase("annabella", &secret(text)).await.unwrap().accepted;
    let common: Vec<&str> = COMMON.lines().collect();
    assert!(common.len() >= 3000, "{}", common.len());
    for text in &common {
        assert!(!judged(text).await, "{text}");
    }
    // As people make them "safer".
    for text in common.iter().take(40) {
        let mut capital = (*text).to_owned();
        capital[..1].make_ascii_uppercase();
        let reversed: String = text.chars().rev().collect();
        for variant in [format!("{text}1"), format!("{capital}!"), text.to_uppercase(), reversed] {
            assert!(!judged(&variant).await, "{variant}");
        }
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for word in ["annabella", "ollamanet", "ollama", host.trim()] {
        for variant in
            [word.to_owned(), word.to_uppercase(), format!("{word}1"), format!("{word}!{word}"), word.repeat(3)]
        {
            assert!(!judged(&variant).await, "{variant}");
        }
    }
    // No rule about kinds of characters, and a proposal is good as it is.
    for fine in [PASSPHRASE, "0931 7720 4418 5563 9027 1", "zzjqxkvwbmzzpqyhfd"] {
        assert!(judged(fine).await, "{fine}");
    }
    assert!(judged(house.gateway.propose_passphrase().await.unwrap().reveal()).await);
    house.close().await;
}

/// `OLLAMANET_WRAPS=1000000` for as many as that.
#[test]
fn no_nonce_no_salt_and_no_wrapping_is_ever_used_twice_and_each_bit_of_one_counts() {
    let wraps: usize = std::env::var("OLLAMANET_WRAPS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let (account, vault) = (AccountId::new(), uuid::Uuid::now_v7());
    let key = keys::new_data_key().unwrap();
    let (mut nonces, mut salts, mut sealed) = (HashSet::new(), HashSet::new(), HashSet::new());
    for _ in 0..wraps {
        let slot = keys::seal(account, vault, SlotKind::Recovery, b"always the same", &key).unwrap();
        assert!(nonces.insert(slot.nonce) && salts.insert(slot.salt) && sealed.insert(slot.sealed));
        let small = keys::seal_with(&key, account, "a purpose", b"always the same").unwrap();
        assert!(nonces.insert(small[1..25].try_into().unwrap()), "a nonce came twice");
    }
    let slot = keys::seal(account, vault, SlotKind::Recovery, b"a code", &key).unwrap();
    assert!(keys::unseal(&slot, b"a code").is_ok());
    let shut = |slot: &keys::Slot, what: &str, bit: usize| {
        assert!(keys::unseal(slot, b"a code").is_err(), "{what}, bit {bit}");
    };
    for bit in 0..slot.sealed.len() * 8 {
        let mut changed = slot.clone();
        changed.sealed[bit / 8] ^= 1 << (bit % 8);
        shut(&changed, "what is sealed", bit);
    }
    for bit in 0..24 * 8 {
        let mut changed = slot.clone();
        changed.nonce[bit / 8] ^= 1 << (bit % 8);
        shut(&changed, "the nonce", bit);
    }
    for bit in 0..128 {
        let flipped = |id: uuid::Uuid| uuid::Uuid::from_u128(id.as_u128() ^ (1 << bit));
        let mut salt = slot.salt;
        salt[bit / 8] ^= 1 << (bit % 8);
        shut(&keys::Slot { salt, ..slot.clone() }, "the salt", bit);
        shut(&keys::Slot { id: flipped(slot.id), ..slot.clone() }, "the slot's id", bit);
        shut(&keys::Slot { vault: flipped(slot.vault), ..slot.clone() }, "the vault's id", bit);
        shut(&keys::Slot { account: AccountId(flipped(slot.account.0)), ..slot.clone() }, "the account's id", bit);
    }
    let small = keys::seal_with(&key, account, "a purpose", b"something").unwrap();
    for bit in 0..small.len() * 8 {
        let mut changed = small.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(keys::unseal_with(&key, account, "a purpose", &changed).is_err(), "bit {bit}");
    }
}

/// The vault's file, once nobody has it open and all of it is in there.
async fn closed_vault(house: &House, name: &str) -> PathBuf {
    let system = open_system(&house.paths.system_db(), false).unwrap();
    let name = name.to_owned();
    let vault: uuid::Uuid = system
        .read::<_, StoreError>(move |tx| {
            tx.query_row("SELECT vault FROM accounts WHERE name = ?1", [&name], |row| row.get(0)).while_("looking")
        })
        .await
        .unwrap();
    let file = house.paths.vaults().join(format!("{vault}.db"));
    assert!(file.exists());
    until("the vault is closed", || !is_open(&file)).await;
    file
}

/// Whether this process still has this file, or one below it, open.
fn is_open(path: &Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|file| file.starts_with(path))
}

/// As its owner's file, also where there is none any more.
fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn titled(house: &House, who: &SignedIn, title: &str) {
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(&who.session, new).await.unwrap();
}

async fn titles(house: &House, who: &SignedIn) -> Vec<String> {
    let shelf = ollamanet::api::organise::Shelf::Recent;
    let page = house.gateway.conversations(&who.session, shelf, "", None, 50).await.unwrap();
    page.rows.into_iter().map(|row| row.title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_vault_in_the_place_of_ones_own_opens_for_neither() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    add_account(&house, "Ben", Role::User).await;
    let ben = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    titled(&house, &ann, "xylocanary of Ann").await;
    titled(&house, &ben, "of Ben").await;
    for who in [&ann, &ben] {
        house.gateway.sign_out(&who.session).await.unwrap();
    }
    let (anns, bens) = (closed_vault(&house, "Ann").await, closed_vault(&house, "Ben").await);
    let (of_ann, of_ben) = (fs::read(&anns).unwrap(), fs::read(&bens).unwrap());
    house.close().await;

    // Swapped. That Ben's passphrase is the same as Ann's does not help him.
    put(&anns, &of_ben);
    put(&bens, &of_ann);
    let house = House::alone(home.path());
    for name in ["Ann", "Ben"] {
        let fault = house.sign_in(name, &secret(PASSPHRASE)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Store, "{name}: {fault}");
        assert!(fault.hint.is_some() && !fault.to_string().contains("xylocanary"), "{fault}");
    }
    house.close().await;

    // Put back, everything is there: nothing was lost by looking.
    put(&anns, &of_ann);
    put(&bens, &of_ben);
    let house = House::alone(home.path());
    let ann = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let ben = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    assert_eq!(
        (titles(&house, &ann).await, titles(&house, &ben).await),
        (vec!["xylocanary of Ann".to_owned()], vec!["of Ben".to_owned()],)
    );
    house.close().await;
}

/// Said to users in as many words; this holds the words true, until it can be noticed.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_a_whole_vault_opens_as_the_page_says_but_a_changed_page_does_not() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    titled(&house, &ann, "before").await;
    house.gateway.sign_out(&ann.session).await.unwrap();
    let file = closed_vault(&house, "Ann").await;
    let older = fs::read(&file).unwrap();
    let ann = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    titled(&house, &ann, "after").await;
    assert_eq!(titles(&house, &ann).await.len(), 2);
    house.gateway.sign_out(&ann.session).await.unwrap();
    closed_vault(&house, "Ann").await;
    house.close().await;

    put(&file, &older);
    let house = House::alone(home.path());
    let ann = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    assert_eq!(titles(&house, &ann).await, ["before"]);
    house.gateway.check_vault(&ann.session).await.unwrap();
    house.gateway.sign_out(&ann.session).await.unwrap();
    closed_vault(&house, "Ann").await;
    house.close().await;

    // One bit of any page, here of the first, the one in the middle and the last, is not read as data.
    let vaults = file.parent().unwrap();
    for at in [4000, older.len() / 2, older.len() - 100] {
        let mut bent = older.clone();
        bent[at] ^= 1;
        put(&file, &bent);
        let house = House::alone(home.path());
        match house.sign_in("Ann", &secret(PASSPHRASE)).await {
            Err(fault) => assert_eq!(fault.kind, FaultKind::Store, "{fault}"),
            Ok(ann) => assert!(house.gateway.check_vault(&ann.session).await.is_err(), "byte {at} was taken for good"),
        }
        house.close().await;
        until("the vault is closed", || !is_open(vaults)).await;
        for left in fs::read_dir(vaults).unwrap().flatten() {
            if left.file_type().unwrap().is_file() {
                fs::remove_file(left.path()).unwrap();
            }
        }
    }
}

/// Bytes of a page of a vault.
const PAGE: usize = 4096;

/// Said to users in as many words: each page carries a seal that an old page of the same vault passes as well, and only a
/// look through the whole vault can find that it does not fit the rest. This holds the words true, until it can be noticed.
#[tokio::test(flavor = "multi_thread")]
async fn one_old_page_in_a_newer_vault_passes_its_seal_and_the_doctor_finds_it_often() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    for n in 0..40 {
        titled(&house, &ann, &format!("before {n}")).await;
    }
    house.gateway.sign_out(&ann.session).await.unwrap();
    let file = closed_vault(&house, "Ann").await;
    let older = fs::read(&file).unwrap();
    let again = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    for n in 0..40 {
        titled(&house, &again, &format!("after {n}")).await;
    }
    house.gateway.sign_out(&again.session).await.unwrap();
    closed_vault(&house, "Ann").await;
    let newer = fs::read(&file).unwrap();
    let id = ann.account.id;
    let system = open_system(&house.paths.system_db(), false).unwrap();
    let slot = system.read(move |tx| slots::of(tx, id, SlotKind::Passphrase)).await.unwrap().unwrap();
    let key = keys::unseal(&slot, PASSPHRASE.as_bytes()).unwrap();
    house.close().await;

    let (mut opened, mut found) = (0, 0);
    for at in (0..older.len().min(newer.len())).step_by(PAGE) {
        let page = at..at + PAGE;
        if older[page.clone()] == newer[page.clone()] {
            continue;
        }
        let mut spliced = newer.clone();
        spliced[page.clone()].copy_from_slice(&older[page]);
        let path = home.path().join(format!("spliced-{at}.db"));
        put(&path, &spliced);
        // The first page knows how long the file is meant to be.
        let Ok(vault) = Vault::open(id, &path, &key, false) else { continue };
        opened += 1;
        if let Err(why) = check::vault(&vault.db, &path).await {
            assert!(!why.to_string().contains("HMAC"), "the seal of the page at {at} was noticed: {why}");
            found += 1;
        }
    }
    println!("{opened} vaults with an old page opened; of these a look through all of it found {found}");
    assert!(opened > 0, "no old page passes: say so in docs/security.md");
    assert!(found > 0, "no old page is found by looking through the vault");
}

#[tokio::test]
async fn whatever_is_done_to_whichever_entry_of_the_trail_is_named_by_its_number() {
    const ENTRIES: i64 = 6;
    let dir = tempfile::tempdir().unwrap();
    let system = open_system(&dir.path().join("system.db"), false).unwrap();
    system
        .write::<_, StoreError>(|tx| {
            for n in 0..ENTRIES {
                let moment = Moment { now: 1000 + n, boot_id: "boot".to_owned(), boot_ms: n, os_uid: 1000 };
                audit::append(tx, &moment, None, "auth.sign_in", &format!("name{n}"), "ok")?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let columns = [
        "at = at + 1",
        "boot_id = 'x'",
        "actor = zeroblob(16)",
        "os_uid = 0",
        "action = 'x'",
        "target = ''",
        "result = 'wrong'",
        "prev_hash = randomblob(32)",
        "hash = randomblob(32)",
    ];
    let mut bent: Vec<(String, i64)> = Vec::new();
    for seq in 1..=ENTRIES {
        bent.extend(columns.map(|change| (format!("UPDATE audit SET {change} WHERE seq = {seq}"), seq)));
        if seq < ENTRIES {
            // The end that is missing only shows to whoever remembers it.
            bent.push((format!("DELETE FROM audit WHERE seq = {seq}"), seq + 1));
            // Two that change places.
            let next = seq + 1;
            bent.push((
                format!(
                    "UPDATE audit SET seq = -1 WHERE seq = {seq}; UPDATE audit SET seq = {seq} WHERE seq = {next};
                     UPDATE audit SET seq = {next} WHERE seq = -1"
                ),
                seq,
            ));
        }
        // One more between them: those behind it make room.
        bent.push((
            format!(
                "UPDATE audit SET seq = -seq - 1 WHERE seq > {seq}; UPDATE audit SET seq = -seq WHERE seq < 0;
                 INSERT INTO audit (seq, at, boot_id, os_uid, action, target, result, prev_hash, hash)
                 SELECT seq + 1, at, boot_id, os_uid, action, 'made up', result, hash, zeroblob(32) FROM audit WHERE seq = {seq}"
            ),
            seq + 1,
        ));
    }
    assert!(bent.len() > 60);
    for (change, named) in bent {
        let told = change.clone();
        let found = system
            .write::<_, StoreError>(move |tx| {
                tx.execute_batch("SAVEPOINT bent").while_("tampering")?;
                tx.execute_batch(&change).while_("tampering")?;
                let found = audit::verify(tx)?.broken_at;
                tx.execute_batch("ROLLBACK TO bent").while_("tampering")?;
                assert_eq!(audit::verify(tx)?.broken_at, None);
                Ok(found)
            })
            .await
            .unwrap();
        assert_eq!(found, Some(named), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_in_fails_is_refused_or_changes_a_right_stands_in_the_trail() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    add_account(&house, "Ben", Role::User).await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let wrong = secret("xylocanary as a passphrase");
    house.sign_in("Ann", &wrong).await.unwrap_err();
    house.sign_in("xylocanary-as-a-name", &wrong).await.unwrap_err();
    forget_tries(&house);
    let ben = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    gateway.roles(&ben.session).await.unwrap_err();
    gateway.audit(&ben.session, AuditFilter::default(), None, 10).await.unwrap_err();
    gateway.lock(&ben.session).await.unwrap();
    gateway.unlock(&ben.session, &wrong).await.unwrap_err();
    gateway.unlock(&ben.session, &secret(PASSPHRASE)).await.unwrap();
    gateway.change_passphrase(&ben.session, &wrong, &secret("velvet marsh basin lumen tripod")).await.unwrap_err();
    gateway
        .change_passphrase(&ben.session, &secret(PASSPHRASE), &secret("velvet marsh basin lumen tripod"))
        .await
        .unwrap();
    forget_tries(&house);
    gateway.sign_out(&ben.session).await.unwrap();
    gateway.confirm(by, &wrong).await.unwrap_err();
    let by = &gateway.confirm(by, &secret(PASSPHRASE)).await.unwrap();
    gateway.stay_signed_in(by, true).await.unwrap();
    gateway.create_role(by, "keeper", Role::User).await.unwrap();
    gateway.set_permission(by, "keeper", Permission::Export, Some(false)).await.unwrap();
    let role = || Scope::Role("keeper".to_owned());
    gateway.set_limit(by, role(), Limited::Answers, Some(3)).await.unwrap();
    let rule = ModelRule { pattern: "*:70b".to_owned(), allowed: false };
    gateway.set_model_access(by, role(), vec![rule]).await.unwrap();
    gateway.delete_role(by, "keeper", "user").await.unwrap();
    house.set(by, "audit.keep_days", "90").await.unwrap();
    let code = gateway.new_recovery_code(by).await.unwrap();
    house.recover("Ann", &keys::new_recovery_code().unwrap(), &secret(PASSPHRASE)).await.unwrap_err();
    forget_tries(&house);
    let ann = house.recover("Ann", &code, &secret("tripod basin marsh velvet lumen")).await.unwrap();

    let page = gateway.audit(&ann.session, AuditFilter::default(), None, 100).await.unwrap();
    let told: Vec<(String, String)> =
        page.rows.iter().rev().map(|row| (row.action.clone(), row.result.clone())).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(action, result)| (action.as_str(), result.as_str())).collect();
    for wanted in [
        ("account.create_first", "ok"),
        ("auth.sign_in", "wrong"),
        ("auth.sign_in", "ok"),
        ("roles.list", "denied"),
        ("audit.list", "denied"),
        ("auth.unlock", "wrong"),
        ("auth.unlock", "ok"),
        ("auth.change_passphrase", "wrong"),
        ("auth.change_passphrase", "ok"),
        ("auth.sign_out", "ok"),
        ("auth.confirm", "wrong"),
        ("auth.confirm", "ok"),
        ("auth.stay_signed_in", "ok"),
        ("roles.create", "ok"),
        ("roles.permit", "ok"),
        ("roles.limit", "ok"),
        ("roles.models", "ok"),
        ("roles.delete", "ok"),
        ("settings.set", "ok"),
        ("auth.new_recovery_code", "ok"),
        ("auth.recover", "wrong"),
        ("auth.recover", "ok"),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} is missing in {told:?}");
    }
    // A name that nobody has may be a passphrase in the wrong field.
    let whole = format!("{page:?}");
    assert!(!whole.contains("xylocanary") && !whole.contains(PASSPHRASE) && !whole.contains(code.reveal()), "{whole}");
    assert_eq!(told.iter().filter(|row| **row == ("auth.sign_in", "wrong")).count(), 2, "{told:?}");
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE length(hash) != 32"), 0);
    house.close().await;
}
