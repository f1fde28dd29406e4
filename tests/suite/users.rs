//! Administering accounts and coming in with a one-time code, through the gateway, over real files; where it matters, from
//! two programs over one directory.

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

// ---- the trash, and the end

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

// ---- files in the wrong place

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
