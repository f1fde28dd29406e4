//! One's own sessions: seen, ended, confirmed; a new recovery code; and leaving for good.

use std::fs;

use ollamanet::{
    api::{
        FaultKind, SessionId,
        auth::{Door, Role, Secret, SignedIn},
    },
    store::system::{audit, open_system},
};

use crate::common::{
    house::{House, PASSPHRASE, add_account, break_table, count, tamper},
    until,
};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn resumed(house: &House) -> SignedIn {
    let Door::Resumed(who) = house.gateway.door().await.unwrap() else { panic!("nobody was resumed") };
    until("the token is rotated, or is not", || house.tasks.running().is_empty()).await;
    *who
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_their_live_sessions_and_nobody_elses() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    add_account(&here, "Bob", Role::User).await;
    let bob = there.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    let other = there.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let seen = here.gateway.sessions(&ann.session).await.unwrap();
    let ids: Vec<(SessionId, bool)> = seen.iter().map(|row| (row.id, row.is_own)).collect();
    assert_eq!(ids, [(other.session.id, false), (ann.session.id, true)]);
    assert!(seen.iter().all(|row| row.pid == std::process::id() && row.expires_at > row.started_at));
    // A program that was killed leaves a row behind, and its number may belong to another program by now.
    tamper(&here, &format!("UPDATE sessions SET pid_began = 1 WHERE id = x'{}'", other.session.id.0.simple()));
    let seen = here.gateway.sessions(&ann.session).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.id).collect::<Vec<_>>(), [ann.session.id]);
    assert_eq!(count(&here, "SELECT count(*) FROM sessions WHERE ended_why = 'Its program has ended.'"), 1);
    assert_eq!(there.gateway.sessions(&bob.session).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_session_is_felt_at_its_next_call_and_anothers_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    add_account(&here, "Bob", Role::User).await;
    let other = there.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let bob = there.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    let theirs = here.gateway.end_session(&ann.session, bob.session.id).await.unwrap_err();
    let nobodys = here.gateway.end_session(&ann.session, SessionId::new()).await.unwrap_err();
    assert_eq!((theirs.kind, &theirs.message), (FaultKind::NotFound, &nobodys.message));
    there.gateway.tree(&bob.session).await.unwrap();
    here.gateway.end_session(&ann.session, other.session.id).await.unwrap();
    let ended = there.gateway.tree(&other.session).await.unwrap_err();
    assert_eq!((ended.kind, ended.message.as_str()), (FaultKind::SignedOut, "You ended this session elsewhere."));
    let again = here.gateway.end_session(&ann.session, other.session.id).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::NotFound);
    here.gateway.tree(&ann.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_others_ends_what_stays_signed_in_as_well() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    here.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let token = home.path().join("data/state/signed-in");
    let stale = fs::read(&token).unwrap();
    let others = [
        there.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap(),
        there.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap(),
    ];
    assert_eq!(here.gateway.end_other_sessions(&ann.session).await.unwrap(), 2);
    for other in others {
        assert_eq!(there.gateway.tree(&other.session).await.unwrap_err().kind, FaultKind::SignedOut);
    }
    here.gateway.tree(&ann.session).await.unwrap();
    fs::write(&token, stale).unwrap();
    assert!(matches!(there.gateway.door().await.unwrap(), Door::SignIn { .. }));
    assert_eq!(here.gateway.end_other_sessions(&ann.session).await.unwrap(), 0);
    here.gateway.tree(&ann.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_token_opened_types_its_passphrase_before_what_cannot_be_undone() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let back = resumed(&house).await;
    let asked = house.gateway.new_recovery_code(&back.session).await.unwrap_err();
    assert_eq!(asked.kind, FaultKind::Unconfirmed);
    let wrong = house.gateway.confirm(&back.session, &secret("wrong")).await.unwrap_err();
    assert_eq!(wrong.kind, FaultKind::WrongCredentials);
    assert_eq!(house.gateway.new_recovery_code(&back.session).await.unwrap_err().kind, FaultKind::Unconfirmed);
    let fresh = house.gateway.confirm(&back.session, &secret(PASSPHRASE)).await.unwrap();
    // A new handle of the same session: the old one finishes what was under way and does nothing more than it could.
    assert!(fresh.id == back.session.id && fresh.key() != back.session.key());
    assert_eq!(house.gateway.new_recovery_code(&back.session).await.unwrap_err().kind, FaultKind::Unconfirmed);
    house.gateway.tree(&back.session).await.unwrap();
    let code = house.gateway.new_recovery_code(&fresh).await.unwrap();
    // The old code is worth nothing now, the new one opens.
    let new = secret("quarry ember pylon sable drift");
    house.recover("Ann", &ann.recovery_code.unwrap(), &new).await.unwrap_err();
    house.recover("Ann", &code, &new).await.unwrap();
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'auth.confirm' AND result = 'wrong'"), 1);
}

/// Its row is written after the first screen, and never where there is no room.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_token_opened_finds_itself_in_the_list_before_its_row_is_written() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let mend = break_table(&house, "INSERT", "sessions");
    let back = resumed(&house).await;
    let seen = house.gateway.sessions(&back.session).await.unwrap();
    let ids: Vec<(SessionId, bool)> = seen.iter().map(|row| (row.id, row.is_own)).collect();
    assert_eq!(ids, [(back.session.id, true), (ann.session.id, false)]);
    assert!(seen[0].pid == std::process::id() && seen[0].expires_at > seen[0].started_at);
    mend();
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_is_slowed_down_like_signing_in() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    for _ in 0..4 {
        house.gateway.confirm(&ann.session, &secret("wrong")).await.unwrap_err();
    }
    assert_eq!(house.gateway.confirm(&ann.session, &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_whose_row_could_not_be_written_stands_and_falls_with_its_token_and_account() {
    for end in [
        "DELETE FROM token_families",
        "UPDATE accounts SET state = 'disabled'",
        "UPDATE accounts SET locked_until = 9000000000000000",
        "UPDATE accounts SET epoch = epoch + 1",
        "UPDATE token_families SET expires_at = 1",
    ] {
        let home = tempfile::tempdir().unwrap();
        let house = House::alone(home.path());
        let ann = house.first_admin("Ann").await;
        house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
        let mend = break_table(&house, "INSERT", "sessions");
        let back = resumed(&house).await;
        house.gateway.tree(&back.session).await.unwrap();
        assert_eq!(count(&house, "SELECT count(*) FROM sessions"), 1, "the row was written all the same");
        mend();
        tamper(&house, end);
        let over = house.gateway.tree(&back.session).await.unwrap_err();
        assert_eq!(over.kind, FaultKind::SignedOut, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_passphrase_ends_a_resumed_session_without_a_row() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    here.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let mend = break_table(&here, "INSERT", "sessions");
    let back = resumed(&there).await;
    there.gateway.tree(&back.session).await.unwrap();
    mend();
    let new = secret("quarry ember pylon sable drift");
    here.gateway.change_passphrase(&ann.session, &secret(PASSPHRASE), &new).await.unwrap();
    assert_eq!(there.gateway.tree(&back.session).await.unwrap_err().kind, FaultKind::SignedOut);
    here.gateway.tree(&ann.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_for_good_forgets_the_keys_and_takes_the_files_along() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    add_account(&here, "Bob", Role::User).await;
    let last = here.gateway.delete_my_account(&ann.session).await.unwrap_err();
    assert_eq!(last.kind, FaultKind::Denied);
    assert!(last.hint.is_some());
    here.gateway.tree(&ann.session).await.unwrap();

    let bob = here.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    here.gateway.stay_signed_in(&bob.session, true).await.unwrap();
    let token = home.path().join("data/state/signed-in");
    let stale = fs::read(&token).unwrap();
    let elsewhere = there.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    let vaults = || fs::read_dir(home.path().join("data/vaults")).unwrap().flatten().map(|file| file.path());
    let of_ann: Vec<_> = {
        let system = rusqlite::Connection::open(here.paths.data.join("system.db")).unwrap();
        let vault: uuid::Uuid =
            system.query_row("SELECT vault FROM accounts WHERE name = 'Ann'", [], |row| row.get(0)).unwrap();
        vaults().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&vault.to_string())).collect()
    };
    here.gateway.delete_my_account(&bob.session).await.unwrap();

    assert_eq!(here.gateway.tree(&bob.session).await.unwrap_err().kind, FaultKind::SignedOut);
    assert_eq!(there.gateway.tree(&elsewhere.session).await.unwrap_err().kind, FaultKind::SignedOut);
    let mut left: Vec<_> = vaults().filter(|path| path.extension().is_some_and(|end| end != "lock")).collect();
    left.retain(|path| !of_ann.contains(path) && !path.ends_with(".upgrade.lock"));
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    let slots = "SELECT count(*) FROM key_slots WHERE account = (SELECT id FROM accounts WHERE name = 'Bob')";
    assert_eq!(count(&here, slots), 0);
    // The same words as for a name that was never there.
    let gone = here.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap_err();
    let never = here.sign_in("Eve", &secret(PASSPHRASE)).await.unwrap_err();
    assert_eq!((gone.kind, gone.message, gone.hint), (never.kind, never.message, never.hint));
    fs::write(&token, stale).unwrap();
    assert!(matches!(here.gateway.door().await.unwrap(), Door::SignIn { .. }));
    assert_eq!(count(&here, "SELECT count(*) FROM accounts WHERE name_key = 'bob'"), 1, "the name is free for another");
    let system = open_system(&here.paths.data.join("system.db"), false).unwrap();
    assert_eq!(system.read(audit::verify).await.unwrap().broken_at, None);
    here.gateway.tree(&ann.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_that_fails_half_way_leaves_everything_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    add_account(&house, "Bob", Role::Admin).await;
    let bob = house.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    for (what, table) in [("DELETE", "key_slots"), ("UPDATE", "accounts"), ("UPDATE", "sessions"), ("INSERT", "audit")]
    {
        let mend = break_table(&house, what, table);
        house.gateway.delete_my_account(&bob.session).await.unwrap_err();
        mend();
        house.gateway.tree(&bob.session).await.unwrap();
        house.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap();
    }
    house.gateway.delete_my_account(&bob.session).await.unwrap();
    house.sign_in("Bob", &secret(PASSPHRASE)).await.unwrap_err();
}
