//! Resets, deletions and lost factors: what is sealed, what comes back, and what never does.

use super::*;

/// Ben with something in his vault, signed out, so that its file is at rest.
async fn ben_at_rest(house: &House, ann: &Session) -> SignedIn {
    let ben = house.newcomer(ann, "Ben", "user").await;
    write_something(house, &ben.session).await;
    house.gateway.sign_out(&ben.session).await.unwrap();
    let file = vault_of(house, ben.account.id);
    crate::common::until("Ben's vault is closed", || !file.with_extension("db-wal").exists()).await;
    ben
}

fn vault_of(house: &House, id: AccountId) -> PathBuf {
    let vault: uuid::Uuid =
        raw(house).query_row("SELECT vault FROM accounts WHERE id = ?1", [id.0], |row| row.get(0)).unwrap();
    house.paths.vaults().join(format!("{vault}.db"))
}

/// Which kinds of slots there are for the vault in this file.
fn slots_of(house: &House, file: &Path) -> Vec<String> {
    let vault: uuid::Uuid = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let raw = raw(house);
    let mut select = raw.prepare("SELECT kind FROM key_slots WHERE vault = ?1 ORDER BY kind").unwrap();
    select.query_map([vault], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_the_vault_sealed_byte_for_byte_until_the_recovery_code_opens_it() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let first = house.first_admin("Ann").await;
    let (ann, anns_code) = (first.session, first.recovery_code.unwrap());
    let ben = ben_at_rest(&house, &ann).await;
    let (id, file, recovery) = (ben.account.id, vault_of(&house, ben.account.id), ben.recovery_code.unwrap());
    let before = fs::read(&file).unwrap();
    let mut add = raw(&house);
    let adding = add.transaction().unwrap();
    adding
        .execute("INSERT INTO second_factors (account, secret, added_at) VALUES (?1, zeroblob(60), 1)", [id.0])
        .unwrap();
    adding.commit().unwrap();

    let reset = house.gateway.reset_user(&ann, id).await.unwrap();
    let after = house.gateway.user(&ann, id).await.unwrap();
    assert_eq!((after.row.state, after.row.has_second_factor, after.sealed_vaults), (AccountState::Invited, true, 0));
    assert_eq!(after.code_expires_at, Some(reset.expires_at));
    assert_eq!(slots_of(&house, &file), ["recovery"], "something else than the recovery code still opens it");
    assert_eq!(house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::WrongCredentials);
    let alone = house.recover("Ben", &recovery, &secret(OTHER)).await.unwrap_err();
    assert!(alone.kind == FaultKind::Denied && alone.message.contains("one-time code"), "{alone}");
    assert!(fs::read(&file).unwrap() == before, "the reset touched the vault");
    tamper(&house, "DELETE FROM second_factors");

    let another = house.recover("Ann", &anns_code, &secret(OTHER)).await.unwrap().recovery_code.unwrap();
    let ann = house.sign_in("Ann", &secret(OTHER)).await.unwrap().session;
    let wrong = house.activate("Ben", &reset.code, Some(&another), OTHER).await.unwrap_err();
    assert!(wrong.kind == FaultKind::WrongCredentials && wrong.message.contains("recovery code"), "{wrong}");
    let back = whole(house.activate("Ben", &reset.code, Some(&recovery), OTHER).await.unwrap());
    assert!(has_something(&house, &back.session).await);
    assert_eq!(house.gateway.user(&ann, id).await.unwrap().sealed_vaults, 0);
    house.sign_in("Ben", &secret(OTHER)).await.unwrap();
    house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err();
    let used = house.recover("Ben", &recovery, &secret(PASSPHRASE)).await.unwrap_err();
    assert_eq!(used.kind, FaultKind::WrongCredentials, "the old recovery code is still good");
    let again = house.recover("Ben", &back.recovery_code.unwrap(), &secret(PASSPHRASE)).await.unwrap();
    assert!(has_something(&house, &again.session).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_without_the_recovery_code_an_empty_vault_begins_and_the_old_one_stays_sealed() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = ben_at_rest(&house, &ann).await;
    let (id, old, recovery) = (ben.account.id, vault_of(&house, ben.account.id), ben.recovery_code.unwrap());
    let before = fs::read(&old).unwrap();
    let reset = house.gateway.reset_user(&ann, id).await.unwrap();
    let back = whole(house.activate("Ben", &reset.code, None, OTHER).await.unwrap());
    assert_eq!(back.notice, None, "the new vault was missed");
    assert!(!has_something(&house, &back.session).await);
    assert_ne!(vault_of(&house, id), old);
    assert_eq!(house.gateway.user(&ann, id).await.unwrap().sealed_vaults, 1);
    assert!(trail(&house).contains(&"account.vault_sealed Ben ok".to_owned()));
    // Whatever is done with the new one, the old one keeps its bytes and the one slot that its recovery code opens.
    house.gateway.stay_signed_in(&back.session, true).await.unwrap();
    house.gateway.change_passphrase(&back.session, &secret(OTHER), &secret(PASSPHRASE)).await.unwrap();
    house.recover("Ben", &back.recovery_code.unwrap(), &secret(OTHER)).await.unwrap();
    let reset = house.gateway.reset_user(&ann, id).await.unwrap();
    whole(house.activate("Ben", &reset.code, None, OTHER).await.unwrap());
    assert_eq!(house.gateway.user(&ann, id).await.unwrap().sealed_vaults, 2);
    assert!(fs::read(&old).unwrap() == before, "the sealed vault was touched");
    assert_eq!(slots_of(&house, &old), ["recovery"]);
    let vault: uuid::Uuid = old.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let slot: uuid::Uuid =
        raw(&house).query_row("SELECT id FROM key_slots WHERE vault = ?1", [vault], |row| row.get(0)).unwrap();
    let system = open_system(&house.paths.system_db(), false).unwrap();
    let slot = system.read(move |tx| slots::by_id(tx, slot)).await.unwrap().unwrap();
    let code = keys::read_recovery_code(&recovery).unwrap();
    let key = keys::unseal(&slot, code.reveal().as_bytes()).expect("the recovery code still opens it");
    Vault::open(id, &old, &key, false).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_fails_half_way_leaves_the_passphrase_and_the_sessions_as_they_were() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = house.newcomer(&ann, "Ben", "user").await;
    house.gateway.stay_signed_in(&ben.session, true).await.unwrap();
    for (what, table) in [
        ("DELETE", "key_slots"),
        ("UPDATE", "sessions"),
        ("DELETE", "token_families"),
        ("UPDATE", "accounts"),
        ("INSERT", "activation_codes"),
        ("INSERT", "audit"),
    ] {
        let mend = break_table(&house, what, table);
        house.gateway.reset_user(&ann, ben.account.id).await.map(drop).unwrap_err();
        mend();
        house.gateway.tree(&ben.session).await.unwrap();
        house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
        assert_eq!(row(&house, &ann, ben.account.id).await.state, AccountState::Active, "{what} {table}");
    }
    house.gateway.reset_user(&ann, ben.account.id).await.unwrap();
    house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_back_after_a_reset_that_fails_half_way_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = ben_at_rest(&house, &ann).await;
    let (id, old, recovery) = (ben.account.id, vault_of(&house, ben.account.id), ben.recovery_code.unwrap());
    let reset = house.gateway.reset_user(&ann, id).await.unwrap();
    let files: Vec<PathBuf> = vaults(&house).into_keys().collect();
    for (what, table, with) in [
        ("UPDATE", "activation_codes", Some(&recovery)),
        ("DELETE", "key_slots", Some(&recovery)),
        ("INSERT", "key_slots", Some(&recovery)),
        ("INSERT", "sealed_vaults", None),
        ("UPDATE", "accounts", None),
        ("INSERT", "sessions", None),
        ("INSERT", "audit", None),
    ] {
        let mend = break_table(&house, what, table);
        house.activate("Ben", &reset.code, with, OTHER).await.unwrap_err();
        mend();
        let after = house.gateway.user(&ann, id).await.unwrap();
        assert_eq!((after.row.state, after.sealed_vaults), (AccountState::Invited, 0), "{what} {table}");
        assert_eq!((vault_of(&house, id), slots_of(&house, &old)), (old.clone(), vec!["recovery".to_owned()]));
        assert_eq!(vaults(&house).into_keys().collect::<Vec<_>>(), files, "{what} {table}");
        forget_tries(&house);
    }
    let back = whole(house.activate("Ben", &reset.code, Some(&recovery), OTHER).await.unwrap());
    assert!(has_something(&house, &back.session).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_the_second_factor_is_asked_for_before_anything_changes() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = ben_at_rest(&house, &ann).await;
    let (id, old, recovery) = (ben.account.id, vault_of(&house, ben.account.id), ben.recovery_code.unwrap());
    let (right, wrong) = (secret("0000-1111-2222-3333"), secret("9999-9999-9999-9999"));
    let system = open_system(&house.paths.system_db(), false).unwrap();
    for (with, sealed) in [(Some(&recovery), 0), (None, 1)] {
        let code = keys::read_short_code(&right).unwrap();
        system.write(move |tx| second_factors::insert(tx, id, &[7; 60], 0, &[code], 1)).await.unwrap();
        let reset = house.gateway.reset_user(&ann, id).await.unwrap();
        let Entered::SecondFactor(half) = house.activate("Ben", &reset.code, with, OTHER).await.unwrap() else {
            panic!("no second factor was asked for");
        };
        let before = house.gateway.user(&ann, id).await.unwrap();
        assert_eq!((before.row.state, before.code_expires_at), (AccountState::Invited, Some(reset.expires_at)));
        assert_eq!((before.row.has_second_factor, slots_of(&house, &old)), (true, vec!["recovery".to_owned()]));
        let fault = house.gateway.second_factor(&half, &wrong).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::WrongCredentials);
        // Its size counts files that come and go while it is open.
        let after = house.gateway.user(&ann, id).await.unwrap();
        let after = UserDetail { vault_bytes: before.vault_bytes, ..after };
        assert_eq!(after, before, "a wrong code changed something");
        let back = house.gateway.second_factor(&half, &right).await.unwrap();
        assert!(back.recovery_code.is_some());
        assert_eq!(has_something(&house, &back.session).await, with.is_some());
        let after = house.gateway.user(&ann, id).await.unwrap();
        assert_eq!((after.row.state, after.sealed_vaults), (AccountState::Active, sealed));
        house.sign_in("Ben", &secret(OTHER)).await.unwrap();
        write_something(&house, &back.session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_comes_back_whole_and_what_is_purged_never() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = ben_at_rest(&house, &ann).await.account.id;
    let early = house.gateway.purge_user(&ann, ben).await.unwrap_err();
    assert_eq!(
        (early.kind, house.gateway.restore_user(&ann, ben).await.unwrap_err().kind),
        (FaultKind::Conflict, FaultKind::Conflict)
    );
    house.gateway.delete_user(&ann, ben).await.unwrap();
    assert_eq!(house.gateway.users(&ann, UserFilter::default(), None, 10).await.unwrap().total, 1);
    for refused in [
        house.gateway.lock_user(&ann, ben, 10).await.unwrap_err(),
        house.gateway.set_user_role(&ann, ben, "admin").await.unwrap_err(),
        house.gateway.reset_user(&ann, ben).await.map(drop).unwrap_err(),
        house.gateway.delete_user(&ann, ben).await.unwrap_err(),
    ] {
        assert!(refused.kind == FaultKind::Conflict && refused.hint.unwrap().contains("Restore"));
    }
    let taken = NewUser { name: "ben".to_owned(), display_name: None, role: "user".to_owned() };
    let taken = house.gateway.create_user(&ann, taken).await.unwrap_err();
    assert!(taken.kind == FaultKind::Conflict && taken.hint.unwrap().contains("purge"));
    house.gateway.restore_user(&ann, ben).await.unwrap();
    let back = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    assert!(has_something(&house, &back.session).await);

    // A second vault, sealed: both go.
    let first = vault_of(&house, ben);
    let reset = house.gateway.reset_user(&ann, ben).await.unwrap();
    whole(house.activate("Ben", &reset.code, None, OTHER).await.unwrap());
    let sealed: Vec<Vec<u8>> = {
        let raw = raw(&house);
        let mut select = raw.prepare("SELECT sealed FROM key_slots WHERE account = ?1").unwrap();
        select.query_map([ben.0], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(sealed.len(), 3);
    let second = vault_of(&house, ben);
    house.gateway.delete_user(&ann, ben).await.unwrap();
    house.gateway.purge_user(&ann, ben).await.unwrap();
    assert_eq!(house.gateway.user(&ann, ben).await.unwrap_err().kind, FaultKind::NotFound);
    for file in house.files() {
        let name = file.to_string_lossy().into_owned();
        for vault in [&first, &second] {
            assert!(!name.contains(vault.file_stem().unwrap().to_str().unwrap()), "{name} is still there");
        }
        let bytes = fs::read(&file).unwrap();
        let held = sealed.iter().any(|slot| bytes.windows(slot.len()).any(|window| window == slot.as_slice()));
        assert!(!held, "{name} still holds a key");
    }
    house.sign_in("Ben", &secret(OTHER)).await.unwrap_err();
    invite(&house, &ann, "Ben").await;
    assert!(house.gateway.tree(&ann).await.is_ok());
    assert!(trail(&house).contains(&"users.purge Ben ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_fails_half_way_leaves_all_or_only_files_that_nothing_opens() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = ben_at_rest(&house, &ann).await.account.id;
    house.gateway.delete_user(&ann, ben).await.unwrap();
    for (what, table) in
        [("INSERT", "vaults_to_remove"), ("DELETE", "key_slots"), ("DELETE", "accounts"), ("INSERT", "audit")]
    {
        let mend = break_table(&house, what, table);
        house.gateway.purge_user(&ann, ben).await.unwrap_err();
        mend();
        house.gateway.restore_user(&ann, ben).await.unwrap();
        let back = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
        assert!(has_something(&house, &back.session).await, "{what} {table}");
        house.gateway.delete_user(&ann, ben).await.unwrap();
    }
    // A directory is no file, and stands for one that cannot be removed at this moment.
    let obstacle = vault_of(&house, ben).with_extension("obstacle");
    fs::create_dir(&obstacle).unwrap();
    house.gateway.purge_user(&ann, ben).await.unwrap();
    assert_eq!(house.gateway.user(&ann, ben).await.unwrap_err().kind, FaultKind::NotFound);
    fs::remove_dir(&obstacle).unwrap();
    fs::write(&obstacle, "x").unwrap();
    house.close().await;
    let next = House::alone(home.path());
    crate::common::until("the file is removed at the next start", || !obstacle.exists()).await;
    next.close().await;
}

fn put(file: &Path, bytes: &[u8]) {
    fs::write(file, bytes).unwrap();
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_vaults_and_copied_keys_open_for_neither() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let ben = ben_at_rest(&house, &ann.session).await.account.id;
    let (anns, bens) = (vault_of(&house, ann.account.id), vault_of(&house, ben));
    house.gateway.sign_out(&ann.session).await.unwrap();
    crate::common::until("Ann's vault is closed", || !anns.with_extension("db-wal").exists()).await;
    let (of_ann, of_ben) = (fs::read(&anns).unwrap(), fs::read(&bens).unwrap());

    // Ben's vault in the place of Ann's.
    put(&anns, &of_ben);
    let fault = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    assert!(fault.kind == FaultKind::Store && fault.message.contains("set aside"), "{fault}");
    let kept = house.files().into_iter().find(|file| file.to_string_lossy().contains(".corrupt-")).unwrap();
    assert!(fs::read(kept).unwrap() == of_ben, "it was changed");
    put(&anns, &of_ann);
    put(&bens, &of_ann);
    assert_eq!(house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Store);
    put(&bens, &of_ben);

    // Ben's slots under Ann's name, for her vault and for his.
    house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    house.gateway.sign_out(&house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap().session).await.unwrap();
    let system = raw(&house);
    let vault = |file: &Path| file.file_stem().unwrap().to_str().unwrap().parse::<uuid::Uuid>().unwrap();
    system.execute("DELETE FROM key_slots WHERE account = ?1", [ann.account.id.0]).unwrap();
    let moved = "UPDATE key_slots SET account = ?1, vault = ?2";
    assert!(system.execute(moved, [ann.account.id.0, vault(&anns)]).unwrap() > 0);
    assert_eq!(house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::WrongCredentials);
    system.execute("UPDATE accounts SET vault = zeroblob(16) WHERE id = ?1", [ben.0]).unwrap();
    system.execute("UPDATE accounts SET vault = ?2 WHERE id = ?1", [ann.account.id.0, vault(&bens)]).unwrap();
    system.execute(moved, [ann.account.id.0, vault(&bens)]).unwrap();
    assert_eq!(house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::WrongCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_second_factor_is_taken_away_by_an_administrator_and_never_silently() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let ben = house.newcomer(&ann.session, "Ben", "user").await;
    let id = ben.account.id;
    let none = house.gateway.remove_user_second_factor(&ann.session, id).await.unwrap_err();
    assert_eq!(none.kind, FaultKind::Conflict);
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    let code = Secret::new("SECONDFACTORCODE");
    system.write(move |tx| second_factors::insert(tx, id, &[7; 60], 0, &[code], 1)).await.unwrap();
    assert!(matches!(house.gateway.sign_in("Ben", &Secret::new(PASSPHRASE)).await, Ok(Entered::SecondFactor(_))));
    let own = house.gateway.remove_user_second_factor(&ann.session, ann.account.id).await.unwrap_err();
    assert_eq!(own.kind, FaultKind::Invalid);
    house.gateway.remove_user_second_factor(&ann.session, id).await.unwrap();
    assert_eq!(house.gateway.tree(&ben.session).await.unwrap_err().kind, FaultKind::SignedOut);
    let again = house.sign_in("Ben", &Secret::new(PASSPHRASE)).await.unwrap();
    assert!(again.notice.is_some_and(|notice| notice.contains("second factor")));
    let filter = AuditFilter { action: "users.remove_second_factor".to_owned(), ..AuditFilter::default() };
    let noted = house.gateway.audit(&ann.session, filter, None, 10).await.unwrap().rows;
    assert_eq!(noted.iter().map(|row| row.result.as_str()).collect::<Vec<_>>(), ["ok"]);
}
