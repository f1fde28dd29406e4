//! Administering accounts and coming in with a one-time code, through the gateway, over real files; where it matters, from
//! two programs over one directory.

mod resets;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ollamanet::{
    api::{
        AccountId, Fault, FaultKind, SessionId,
        admin::{AccountState, ActivationCode, AuditFilter, NewUser, Policy, UserDetail, UserFilter, UserRow},
        auth::{Door, Entered, NewAccount, Role, Secret, Session, SignedIn},
        organise::NewConversation,
    },
    store::{
        Vault, keys,
        system::{open_system, policy, second_factors, slots},
    },
};

use crate::common::house::{House, PASSPHRASE, break_table, forget_tries, tamper, whole};

const OTHER: &str = "quarry ember pylon sable drift";
const CANARY: &str = "xylocanary";

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn invite(house: &House, by: &Session, name: &str) -> ActivationCode {
    let new = NewUser { name: name.to_owned(), display_name: None, role: "user".to_owned() };
    house.gateway.create_user(by, new).await.unwrap()
}

async fn row(house: &House, by: &Session, id: AccountId) -> UserRow {
    house.gateway.user(by, id).await.unwrap().row
}

/// Something to be found again.
async fn write_something(house: &House, by: &Session) {
    let new = NewConversation { title: Some(CANARY.to_owned()), ..NewConversation::default() };
    house.gateway.create_conversation(by, new).await.unwrap();
}

async fn has_something(house: &House, by: &Session) -> bool {
    house.gateway.tree(by).await.unwrap().counts.all == 1
}

fn raw(house: &House) -> rusqlite::Connection {
    rusqlite::Connection::open(house.paths.system_db()).unwrap()
}

/// What the trail says, as `action target result`, oldest first.
fn trail(house: &House) -> Vec<String> {
    let raw = raw(house);
    let mut select = raw.prepare("SELECT action || ' ' || target || ' ' || result FROM audit ORDER BY seq").unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The vaults' files with what is in them.
fn vaults(house: &House) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(house.paths.vaults()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == "db"))
        .map(|file| (file.clone(), fs::read(file).unwrap()))
        .collect()
}

fn told(fault: Fault) -> (FaultKind, String, Option<String>) {
    (fault.kind, fault.message, fault.hint)
}

// ---- coming in with a one-time code

#[tokio::test(flavor = "multi_thread")]
async fn somebody_invited_comes_in_once_with_the_code_and_sets_a_passphrase_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let made = invite(&house, &ann, "Ben").await;
    let invited = row(&house, &ann, made.account).await;
    assert_eq!((invited.state, invited.last_sign_in, invited.live_sessions), (AccountState::Invited, None, 0));
    assert_eq!(house.gateway.user(&ann, made.account).await.unwrap().code_expires_at, Some(made.expires_at));
    // Nothing else lets him in, the code itself least of all.
    for guess in [made.code.reveal(), PASSPHRASE, ""] {
        let fault = house.sign_in("Ben", &secret(guess)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::WrongCredentials);
    }
    for code in [made.code.reveal().to_owned(), made.code.reveal().to_lowercase().replace('-', " ")] {
        let fault = house.activate("Ben", &made.code, None, &code).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid, "the code became the passphrase");
    }
    let weak = house.activate("Ben", &made.code, None, "password123").await.unwrap_err();
    assert_eq!(weak.kind, FaultKind::Invalid);
    let ben = whole(house.activate("ben", &made.code, None, PASSPHRASE).await.unwrap());
    assert_eq!((ben.account.name.as_str(), ben.account.role, ben.notice), ("Ben", Role::User, None));
    assert!(ben.recovery_code.is_some());
    write_something(&house, &ben.session).await;
    let active = house.gateway.user(&ann, made.account).await.unwrap();
    assert_eq!((active.row.state, active.row.live_sessions, active.code_expires_at), (AccountState::Active, 1, None));
    assert!(active.vault_bytes > 0);

    let again = house.activate("Ben", &made.code, None, OTHER).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::WrongCredentials, "the code was good twice");
    forget_tries(&house);
    let back = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    assert!(has_something(&house, &back.session).await);
    house.recover("Ben", &ben.recovery_code.unwrap(), &secret(OTHER)).await.unwrap();
    house.sign_in("Ben", &secret(OTHER)).await.unwrap();
    // Only a hash of the code was ever kept.
    let letters = made.code.reveal().replace('-', "");
    for file in house.files() {
        let bytes = fs::read(&file).unwrap();
        for needle in [made.code.reveal().as_bytes(), letters.as_bytes()] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_an_old_one_a_used_one_and_an_unknown_name_get_the_same_words() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let (old, used, good) =
        (invite(&house, &ann, "Old").await, invite(&house, &ann, "Used").await, invite(&house, &ann, "Good").await);
    whole(house.activate("Used", &used.code, None, PASSPHRASE).await.unwrap());
    tamper(&house, &format!("UPDATE activation_codes SET expires_at = {}", old.expires_at - 24 * 60 * 60 * 1000));
    let mut refusals = Vec::new();
    for (name, code) in
        [("Old", &old.code), ("Used", &used.code), ("Good", &old.code), ("Nobody", &good.code), ("Ann", &good.code)]
    {
        refusals.push(told(house.activate(name, code, None, PASSPHRASE).await.unwrap_err()));
    }
    assert_eq!(refusals[0].0, FaultKind::WrongCredentials);
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
    // And none of it costs a passphrase's work, so time tells nothing either: no slot was made for it.
    assert!(trail(&house).contains(&"auth.activate Old wrong".to_owned()));
    assert!(trail(&house).contains(&"auth.activate  wrong".to_owned()), "an unknown name was written down");
    let mistyped = house.activate("Good", &secret("ABCD-EFGH"), None, PASSPHRASE).await.unwrap_err();
    assert_eq!(mistyped.kind, FaultKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_slowed_down_and_a_new_code_begins_anew() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let (ben, other) = (invite(&house, &ann, "Ben").await, invite(&house, &ann, "Eve").await);
    for _ in 0..4 {
        house.activate("Ben", &other.code, None, PASSPHRASE).await.unwrap_err();
    }
    let slow = house.activate("Ben", &ben.code, None, PASSPHRASE).await.unwrap_err();
    assert_eq!(slow.kind, FaultKind::Slow);
    let new = house.gateway.reset_user(&ann, ben.account).await.unwrap();
    house.activate("Ben", &ben.code, None, PASSPHRASE).await.unwrap_err();
    whole(house.activate("Ben", &new.code, None, PASSPHRASE).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_that_fails_half_way_leaves_the_code_good_and_no_file_behind() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = invite(&house, &ann, "Ben").await;
    let before: Vec<PathBuf> = vaults(&house).into_keys().collect();
    for (what, table) in [
        ("UPDATE", "activation_codes"),
        ("UPDATE", "accounts"),
        ("INSERT", "key_slots"),
        ("INSERT", "sessions"),
        ("INSERT", "audit"),
    ] {
        let mend = break_table(&house, what, table);
        house.activate("Ben", &ben.code, None, PASSPHRASE).await.unwrap_err();
        mend();
        assert_eq!(row(&house, &ann, ben.account).await.state, AccountState::Invited, "{what} {table}");
        house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err();
        assert_eq!(vaults(&house).into_keys().collect::<Vec<_>>(), before, "{what} {table}");
        forget_tries(&house);
    }
    whole(house.activate("Ben", &ben.code, None, PASSPHRASE).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_learns_why_only_with_the_passphrase_or_the_code() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = house.newcomer(&ann, "Ben", "user").await;
    let (id, recovery) = (ben.account.id, ben.recovery_code.unwrap());
    let unknown = told(house.sign_in("Nobody", &secret("not this one")).await.unwrap_err());
    for (shut, words) in [("lock", "locked for another"), ("disable", "disabled"), ("delete", "deleted")] {
        match shut {
            "lock" => house.gateway.lock_user(&ann, id, 10).await.unwrap(),
            "disable" => house.gateway.disable_user(&ann, id).await.unwrap(),
            _ => house.gateway.delete_user(&ann, id).await.unwrap(),
        }
        assert_eq!(told(house.sign_in("Ben", &secret("not this one")).await.unwrap_err()), unknown, "{shut}");
        let why = house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err();
        assert!(why.kind == FaultKind::Denied && why.message.contains(words) && why.hint.is_some(), "{shut}: {why}");
        let why = house.recover("Ben", &recovery, &secret(OTHER)).await.unwrap_err();
        assert!(why.kind == FaultKind::Denied && why.message.contains(words), "{shut}: {why}");
        forget_tries(&house);
    }
    house.gateway.restore_user(&ann, id).await.unwrap();
    house.gateway.enable_user(&ann, id).await.unwrap();
    house.gateway.unlock_user(&ann, id).await.unwrap();
    house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    let eve = invite(&house, &ann, "Eve").await;
    house.gateway.disable_user(&ann, eve.account).await.unwrap();
    let why = house.activate("Eve", &eve.code, None, PASSPHRASE).await.unwrap_err();
    assert!(why.kind == FaultKind::Denied && why.message.contains("disabled"), "{why}");
    // Enabled again, she is what she was: somebody who has not come yet.
    house.gateway.enable_user(&ann, eve.account).await.unwrap();
    assert_eq!(row(&house, &ann, eve.account).await.state, AccountState::Invited);
    whole(house.activate("Eve", &eve.code, None, PASSPHRASE).await.unwrap());
}

// ---- registration

async fn open_registration(house: &House, by: AccountId, registration: bool) {
    let system = open_system(&house.paths.system_db(), false).unwrap();
    let rules = Policy { registration, ..Policy::default() };
    system.write(move |tx| policy::set(tx, by, &rules, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_makes_an_account_where_registration_is_open_and_nobody_where_it_is_not() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let new = |name: &str, passphrase: &str| NewAccount { name: name.to_owned(), passphrase: secret(passphrase) };
    let none = house.gateway.register(new("Ben", PASSPHRASE)).await.unwrap_err();
    assert_eq!(none.kind, FaultKind::Denied, "before there is an administrator");
    let ann = house.first_admin("Ann").await;
    assert_eq!(house.gateway.register(new("Ben", PASSPHRASE)).await.unwrap_err().kind, FaultKind::Denied);
    open_registration(&house, ann.account.id, true).await;
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn { registration: true, .. }));
    assert_eq!(house.gateway.register(new("B", PASSPHRASE)).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(house.gateway.register(new("Ben", "password123")).await.unwrap_err().kind, FaultKind::Invalid);
    let ben = house.gateway.register(new("Ben", PASSPHRASE)).await.unwrap();
    assert_eq!((ben.account.role, ben.recovery_code.is_some()), (Role::User, true));
    assert_eq!(row(&house, &ann.session, ben.account.id).await.role, "user");
    write_something(&house, &ben.session).await;
    assert_eq!(house.gateway.register(new("BEN", OTHER)).await.unwrap_err().kind, FaultKind::Conflict);
    open_registration(&house, ann.account.id, false).await;
    assert_eq!(house.gateway.register(new("Eve", PASSPHRASE)).await.unwrap_err().kind, FaultKind::Denied);
    assert!(trail(&house).contains(&"account.register Ben ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_again_and_again_is_slowed_down() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    open_registration(&house, ann.account.id, true).await;
    let new = || NewAccount { name: "Ann".to_owned(), passphrase: secret(PASSPHRASE) };
    for _ in 0..4 {
        assert_eq!(house.gateway.register(new()).await.unwrap_err().kind, FaultKind::Conflict);
    }
    let slow = house.gateway.register(new()).await.unwrap_err();
    assert!(slow.kind == FaultKind::Slow && slow.retry_after.is_some(), "{slow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_fails_half_way_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    open_registration(&house, ann.account.id, true).await;
    let before: Vec<PathBuf> = vaults(&house).into_keys().collect();
    for (what, table) in [("INSERT", "accounts"), ("INSERT", "key_slots"), ("INSERT", "sessions"), ("INSERT", "audit")]
    {
        let mend = break_table(&house, what, table);
        let new = NewAccount { name: "Ben".to_owned(), passphrase: secret(PASSPHRASE) };
        house.gateway.register(new).await.unwrap_err();
        mend();
        let all = house.gateway.users(&ann.session, UserFilter::default(), None, 10).await.unwrap();
        assert_eq!((all.total, vaults(&house).into_keys().collect::<Vec<_>>()), (1, before.clone()), "{what} {table}");
        forget_tries(&house);
    }
}

// ---- administering

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_with_a_plain_free_name_and_a_role_that_exists() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let new = |name: &str, display: Option<&str>, role: &str| NewUser {
        name: name.to_owned(),
        display_name: display.map(str::to_owned),
        role: role.to_owned(),
    };
    for (refused, kind) in [
        (new("B", None, "user"), FaultKind::Invalid),
        (new("Ben", Some("a\nb"), "user"), FaultKind::Invalid),
        (new("ANN", None, "user"), FaultKind::Conflict),
        (new("Ben", None, "emperor"), FaultKind::NotFound),
    ] {
        assert_eq!(house.gateway.create_user(&ann, refused).await.unwrap_err().kind, kind);
    }
    let made = house.gateway.create_user(&ann, new("Ben", Some(" Benedict "), "admin")).await.unwrap();
    let ben = row(&house, &ann, made.account).await;
    assert_eq!((ben.display_name.as_deref(), ben.role.as_str(), ben.rank), (Some("Benedict"), "admin", Role::Admin));
    let filter = UserFilter { text: "bened".to_owned(), ..UserFilter::default() };
    let found = house.gateway.users(&ann, filter, None, 1).await.unwrap();
    assert_eq!((found.rows, found.more, found.total), (vec![ben], false, 1));
    let first = house.gateway.users(&ann, UserFilter::default(), None, 1).await.unwrap();
    let rest = house.gateway.users(&ann, UserFilter::default(), Some(first.rows[0].name.clone()), 1).await.unwrap();
    let names = [&first, &rest].map(|page| (page.rows[0].name.clone(), page.more, page.total));
    assert_eq!(names, [("Ann".to_owned(), true, 2), ("Ben".to_owned(), false, 2)]);
    for limit in [0, 101] {
        let fault = house.gateway.users(&ann, UserFilter::default(), None, limit).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
    }
}

/// What shuts somebody out at once, with the words that they hear.
const SHUTTING_OUT: [(&str, &str); 5] = [
    ("lock", "locked this account for 10 min"),
    ("disable", "disabled this account"),
    ("delete", "deleted this account"),
    ("reset", "one-time code"),
    ("end", "ended this session"),
];

async fn shut_out(house: &House, by: &Session, id: AccountId, how: &str) {
    match how {
        "lock" => house.gateway.lock_user(by, id, 10).await.unwrap(),
        "disable" => house.gateway.disable_user(by, id).await.unwrap(),
        "delete" => house.gateway.delete_user(by, id).await.unwrap(),
        "reset" => drop(house.gateway.reset_user(by, id).await.unwrap()),
        "end" => house.gateway.end_user_session(by, id, None).await.unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_is_refused_at_the_very_next_call_in_every_other_program() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await.session;
    for (n, (how, words)) in SHUTTING_OUT.into_iter().enumerate() {
        let ben = there.newcomer(&here_in(&there).await, &format!("Ben{n}"), "user").await;
        there.gateway.stay_signed_in(&ben.session, true).await.unwrap();
        there.gateway.tree(&ben.session).await.unwrap();
        shut_out(&here, &ann, ben.account.id, how).await;
        let over = there.gateway.tree(&ben.session).await.unwrap_err();
        assert!(over.kind == FaultKind::SignedOut && over.message.contains(words), "{how}: {over}");
        // "Stay signed in" does not bring them back.
        assert!(matches!(there.gateway.door().await.unwrap(), Door::SignIn { .. }), "{how}");
        assert_eq!(row(&here, &ann, ben.account.id).await.live_sessions, 0, "{how}");
        let done = trail(&here);
        let name = format!("Ben{n}");
        assert!(done.iter().any(|entry| entry.starts_with("users.") && entry.contains(&name)), "{how}: {done:#?}");
    }
}

/// The administrator's session in that program.
async fn here_in(house: &House) -> Session {
    house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap().session
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_counts_from_the_next_call_on_in_every_program() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await.session;
    let ben = there.newcomer(&here_in(&there).await, "Ben", "admin").await;
    let all = || UserFilter::default();
    there.gateway.users(&ben.session, all(), None, 10).await.unwrap();
    here.gateway.set_user_role(&ann, ben.account.id, "user").await.unwrap();
    assert_eq!(there.gateway.users(&ben.session, all(), None, 10).await.unwrap_err().kind, FaultKind::Denied);
    there.gateway.tree(&ben.session).await.unwrap();
    here.gateway.set_user_role(&ann, ben.account.id, "admin").await.unwrap();
    there.gateway.users(&ben.session, all(), None, 10).await.unwrap();
    assert!(trail(&here).contains(&"users.role Ben: admin → user ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_shown_where_they_are_and_ended_one_by_one() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    let one = here.newcomer(&ann.session, "Ben", "user").await;
    let other = there.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
    let id = one.account.id;
    let shown = here.gateway.user(&ann.session, id).await.unwrap();
    let ids: Vec<SessionId> = shown.sessions.iter().map(|session| session.id).collect();
    assert_eq!((ids, shown.row.live_sessions), (vec![other.session.id, one.session.id], 2));
    assert!(shown.sessions.iter().all(|session| session.pid == std::process::id() && !session.is_own));
    assert!(here.gateway.user(&ann.session, ann.account.id).await.unwrap().sessions[0].is_own);
    let not_his = here.gateway.end_user_session(&ann.session, id, Some(ann.session.id)).await.unwrap_err();
    assert_eq!((not_his.kind, not_his.message.as_str()), (FaultKind::NotFound, "There is no such session."));
    here.gateway.end_user_session(&ann.session, id, Some(other.session.id)).await.unwrap();
    assert_eq!(there.gateway.tree(&other.session).await.unwrap_err().kind, FaultKind::SignedOut);
    here.gateway.tree(&one.session).await.unwrap();
    // A program that was killed holds no session.
    tamper(&here, "UPDATE sessions SET pid = 4194305 WHERE account = (SELECT id FROM accounts WHERE name = 'Ben')");
    assert_eq!(row(&here, &ann.session, id).await.live_sessions, 0);
    let all = here.gateway.users(&ann.session, UserFilter::default(), None, 10).await.unwrap();
    assert_eq!(all.rows.iter().map(|row| row.live_sessions).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_has_its_limits_and_an_unlocking_forgives_every_failed_try() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let ben = house.newcomer(&ann, "Ben", "user").await.account.id;
    for minutes in [0, 43_201] {
        assert_eq!(house.gateway.lock_user(&ann, ben, minutes).await.unwrap_err().kind, FaultKind::Invalid);
    }
    house.gateway.lock_user(&ann, ben, 43_200).await.unwrap();
    let locked = row(&house, &ann, ben).await;
    assert!(locked.state == AccountState::Locked && locked.locked_until.is_some());
    house.gateway.lock_user(&ann, ben, 1).await.unwrap();
    tamper(&house, "UPDATE accounts SET locked_until = 1 WHERE locked_until IS NOT NULL");
    assert_eq!(row(&house, &ann, ben).await.state, AccountState::Active);
    house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();

    for _ in 0..4 {
        house.sign_in("Ben", &secret("wrong")).await.unwrap_err();
    }
    assert_eq!(house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(row(&house, &ann, ben).await.failures, 4);
    house.gateway.unlock_user(&ann, ben).await.unwrap();
    assert_eq!(row(&house, &ann, ben).await.failures, 0);
    house.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_always_somebody_left_who_can_administer() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    let (by, id) = (&ann.session, ann.account.id);
    let ben = here.newcomer(by, "Ben", "user").await.account.id;
    let last = [
        here.gateway.set_user_role(by, id, "user").await.unwrap_err(),
        here.gateway.delete_user(by, id).await.unwrap_err(),
    ];
    assert!(last.iter().all(|fault| fault.kind == FaultKind::Denied && fault.hint.is_some()), "{last:?}");
    let oneself = [
        here.gateway.lock_user(by, id, 10).await.unwrap_err(),
        here.gateway.disable_user(by, id).await.unwrap_err(),
        here.gateway.reset_user(by, id).await.unwrap_err(),
    ];
    assert!(oneself.iter().all(|fault| fault.kind == FaultKind::Invalid && fault.hint.is_some()), "{oneself:?}");
    // Somebody who has not come yet, or cannot, does not count.
    let invited = invite(&here, by, "Cleo").await;
    here.gateway.set_user_role(by, invited.account, "admin").await.unwrap();
    here.gateway.set_user_role(by, ben, "admin").await.unwrap();
    here.gateway.lock_user(by, ben, 10).await.unwrap();
    assert_eq!(here.gateway.delete_user(by, id).await.unwrap_err().kind, FaultKind::Denied);
    here.gateway.unlock_user(by, ben).await.unwrap();

    // Each the other's last chance, at the same moment.
    let bens = there.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap().session;
    let (one, other) = tokio::join!(here.gateway.disable_user(by, ben), there.gateway.disable_user(&bens, id));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let left = if one.is_ok() { (&here, by, id) } else { (&there, &bens, ben) };
    assert_eq!(left.0.gateway.delete_user(left.1, left.2).await.unwrap_err().kind, FaultKind::Denied);
    // With another one beside, one may go.
    let other = if one.is_ok() { ben } else { id };
    left.0.gateway.enable_user(left.1, other).await.unwrap();
    left.0.gateway.delete_user(left.1, left.2).await.unwrap();
    assert_eq!(left.0.gateway.tree(left.1).await.unwrap_err().kind, FaultKind::SignedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_passes_on_permissions_that_they_lack() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    tamper(
        &house,
        "INSERT INTO roles (name, rank, created_at) VALUES ('warden', 'admin', 0);
         INSERT INTO role_permissions (role, permission, allowed) VALUES ('warden', 'manage_roles', 0)",
    );
    let warden = house.newcomer(&ann.session, "Cleo", "warden").await;
    let by = &warden.session;
    let ben = house.newcomer(by, "Ben", "user").await.account.id;
    let new = NewUser { name: "Eve".to_owned(), display_name: None, role: "admin".to_owned() };
    let refused = [
        house.gateway.create_user(by, new).await.unwrap_err(),
        house.gateway.set_user_role(by, ben, "admin").await.unwrap_err(),
        house.gateway.set_user_role(by, warden.account.id, "admin").await.unwrap_err(),
        house.gateway.set_user_role(by, ann.account.id, "user").await.unwrap_err(),
        // Whoever has the code comes in with the role.
        house.gateway.reset_user(by, ann.account.id).await.map(drop).unwrap_err(),
    ];
    for fault in &refused {
        assert!(fault.kind == FaultKind::Denied && fault.message.contains("what they may not do"), "{fault}");
    }
    house.gateway.set_user_role(by, ben, "warden").await.unwrap();
    let last = house.gateway.disable_user(by, ann.account.id).await.unwrap_err();
    assert!(last.kind == FaultKind::Denied && last.message.contains("nobody would be left"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_exist_is_answered_so_by_every_operation() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await.session;
    let (gateway, nobody) = (&house.gateway, AccountId::new());
    for fault in [
        gateway.user(&ann, nobody).await.map(drop).unwrap_err(),
        gateway.set_user_role(&ann, nobody, "user").await.unwrap_err(),
        gateway.lock_user(&ann, nobody, 1).await.unwrap_err(),
        gateway.unlock_user(&ann, nobody).await.unwrap_err(),
        gateway.enable_user(&ann, nobody).await.unwrap_err(),
        gateway.disable_user(&ann, nobody).await.unwrap_err(),
        gateway.reset_user(&ann, nobody).await.map(drop).unwrap_err(),
        gateway.delete_user(&ann, nobody).await.unwrap_err(),
        gateway.restore_user(&ann, nobody).await.unwrap_err(),
        gateway.purge_user(&ann, nobody).await.unwrap_err(),
        gateway.end_user_session(&ann, nobody, None).await.unwrap_err(),
    ] {
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::NotFound, "There is no such account."));
    }
}

// ---- reset

// ---- the trash, and the end

// ---- files in the wrong place
