//! The second factor, through the gateway, with an authenticator of the tests' own.

use std::{
    fs,
    time::{Duration, Instant},
};

use ollamanet::{
    api::{
        AccountId, Fault, FaultKind,
        admin::{Policy, SecondFactorPolicy},
        auth::{Door, Entered, HalfWay, Secret, Session, SignedIn},
    },
    config::Config,
    store::system::{Moment, open_system, policy},
};

use crate::common::{
    authenticator::Authenticator,
    house::{House, PASSPHRASE, break_table, count, forget_tries, tamper},
};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn enrol(house: &House, by: &Session) -> (Authenticator, Vec<Secret>) {
    let proposed = house.gateway.begin_second_factor(by).await.unwrap();
    let authenticator = Authenticator::reading(&proposed.secret);
    let codes = house.gateway.add_second_factor(by, &authenticator.now()).await.unwrap();
    unused(house);
    (authenticator, codes)
}

/// Lets the code of this half minute be used again: the tests do not wait for the next.
fn unused(house: &House) {
    tamper(house, "UPDATE second_factors SET last_step = 0");
}

async fn half_way(house: &House, name: &str) -> HalfWay {
    match house.gateway.sign_in(name, &secret(PASSPHRASE)).await.unwrap() {
        Entered::SecondFactor(half) => half,
        Entered::In(who) => panic!("{who:?} came in without a second factor"),
    }
}

async fn whole_way(house: &House, name: &str, code: &Secret) -> Result<SignedIn, Fault> {
    let half = half_way(house, name).await;
    house.gateway.second_factor(&half, code).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_stands_between_the_passphrase_and_the_session() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let proposed = house.gateway.begin_second_factor(&ann.session).await.unwrap();
    let letters = proposed.secret.reveal().replace(' ', "");
    assert_eq!(letters.len(), 32, "160 bits");
    assert_eq!(
        proposed.uri.reveal(),
        format!("otpauth://totp/OllamaNet:Ann?secret={letters}&issuer=OllamaNet&algorithm=SHA1&digits=6&period=30")
    );
    // Nothing is asked for until a code has proved it.
    house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let authenticator = Authenticator::reading(&proposed.secret);
    let wrong = house.gateway.add_second_factor(&ann.session, &authenticator.wrong()).await.unwrap_err();
    assert_eq!(wrong.kind, FaultKind::WrongCredentials);
    let codes = house.gateway.add_second_factor(&ann.session, &authenticator.now()).await.unwrap();
    assert_eq!(codes.len(), 10);
    let again = house.gateway.begin_second_factor(&ann.session).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::Conflict);

    // The code that proved it is used up.
    let half = half_way(&house, "Ann").await;
    let replayed = house.gateway.second_factor(&half, &authenticator.now()).await;
    assert!(replayed.is_err(), "the code that was used to add the factor opened a session");
    unused(&house);
    let back = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap();
    house.gateway.tree(&back.session).await.unwrap();
    // Half a sign-in is good for one session, and the same code for none after it.
    let over = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap_err();
    assert_eq!(over.kind, FaultKind::SignedOut);
    let same = whole_way(&house, "Ann", &authenticator.now()).await.unwrap_err();
    assert_eq!(same.kind, FaultKind::WrongCredentials);
    // The secret and the codes are in no file.
    for file in house.files() {
        let bytes = fs::read(&file).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&authenticator.0) && !holds(letters.as_bytes()), "{}", file.display());
        for code in &codes {
            assert!(!holds(code.reveal().as_bytes()), "{}", file.display());
            assert!(!holds(code.reveal().replace('-', "").as_bytes()), "{}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_early_or_late_comes_in_and_two_do_not() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, _) = enrol(&house, &ann.session).await;
    let half = half_way(&house, "Ann").await;
    // Three on either side: the half minute may end between here and there.
    for off in [-3, 3] {
        let refused = house.gateway.second_factor(&half, &authenticator.code(off)).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::WrongCredentials, "{off}");
    }
    house.gateway.second_factor(&half, &authenticator.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_factor_ends_the_sessions_and_tokens_that_came_in_without() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    let ann = here.first_admin("Ann").await;
    here.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let token = home.path().join("data/state/signed-in");
    let stale = fs::read(&token).unwrap();
    let other = there.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    enrol(&here, &ann.session).await;
    let ended = there.gateway.tree(&other.session).await.unwrap_err();
    assert_eq!(ended.kind, FaultKind::SignedOut);
    assert!(ended.message.contains("second factor was added"), "{ended}");
    here.gateway.tree(&ann.session).await.unwrap();
    fs::write(&token, stale).unwrap();
    assert!(matches!(there.gateway.door().await.unwrap(), Door::SignIn { .. }), "the old token came in");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recovery_code_works_once_and_new_ones_end_them_all() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, codes) = enrol(&house, &ann.session).await;
    for code in &codes {
        assert_eq!(code.reveal().replace('-', "").len(), 16, "eighty bits in base 32");
    }
    whole_way(&house, "Ann", &secret(&codes[0].reveal().to_lowercase().replace('-', " "))).await.unwrap();
    let used = whole_way(&house, "Ann", &codes[0]).await.unwrap_err();
    assert_eq!(used.kind, FaultKind::WrongCredentials);
    whole_way(&house, "Ann", &codes[1]).await.unwrap();
    let wrong = house.gateway.new_second_factor_codes(&ann.session, &codes[0]).await.unwrap_err();
    assert_eq!(wrong.kind, FaultKind::WrongCredentials);
    let fresh = house.gateway.new_second_factor_codes(&ann.session, &authenticator.now()).await.unwrap();
    forget_tries(&house);
    for old in &codes[2..5] {
        assert_eq!(whole_way(&house, "Ann", old).await.unwrap_err().kind, FaultKind::WrongCredentials);
    }
    whole_way(&house, "Ann", &fresh[9]).await.unwrap();
    assert_eq!(count(&house, "SELECT count(*) FROM second_factor_codes WHERE used_at IS NULL"), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_before_they_are_looked_at_and_a_right_passphrase_clears_none() {
    let home = tempfile::tempdir().unwrap();
    // More calls than anybody makes by hand: it is the guesses that are to be slowed down here.
    let mut config = Config::default();
    "127.0.0.1:1".clone_into(&mut config.ollama.host);
    config.limits.auth_per_minute = 1000;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("Ann").await;
    let (authenticator, codes) = enrol(&house, &ann.session).await;
    let wrong = authenticator.wrong();
    let (mut slowed, begun) = (0, Instant::now());
    for _ in 0..3 {
        // A new half each time: neither its end nor a new passphrase begins the count anew.
        let half = half_way(&house, "Ann").await;
        let many = (0..10).map(|_| house.gateway.second_factor(&half, &wrong));
        for tried in futures_util::future::join_all(many).await {
            slowed += u32::from(tried.unwrap_err().kind == FaultKind::Slow);
        }
        let removed = house.gateway.remove_second_factor(&ann.session, &wrong).await.unwrap_err();
        slowed += u32::from(removed.kind == FaultKind::Slow);
    }
    let looked_at = count(
        &house,
        "SELECT count(*) FROM audit WHERE action IN ('auth.second_factor', 'second_factor.remove') AND result = 'wrong'",
    );
    // Four at once, and one more for each wait (2 s, 4 s, 8 s …) that a slow machine has sat out meanwhile.
    let waits = (0..10).take_while(|n| (2 << (n + 1)) - 2 <= begun.elapsed().as_secs()).count() as i64;
    assert!((1..=4 + waits).contains(&looked_at), "{looked_at} guesses were looked at");
    assert!(slowed > 0);
    // Many more failures, the last just now.
    tamper(&house, "UPDATE throttles SET failures = 90");
    // The right code has to wait as well, and so do the recovery codes.
    for code in [&authenticator.now(), &codes[0]] {
        assert_eq!(whole_way(&house, "Ann", code).await.unwrap_err().kind, FaultKind::Slow);
    }
    tamper(&house, "UPDATE throttles SET failures = 100");
    let shut = whole_way(&house, "Ann", &authenticator.now()).await;
    assert!(shut.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_sign_in_is_nobodys_session_and_no_other_key_continues_it() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, _) = enrol(&house, &ann.session).await;
    let half = half_way(&house, "Ann").await;
    assert_eq!(house.gateway.tree(half.handle()).await.unwrap_err().kind, FaultKind::SignedOut);
    let forged = HalfWay::new(Session::from_parts(half.handle().id, [7; 32]));
    let session = HalfWay::new(ann.session.clone());
    for other in [forged, session] {
        let refused = house.gateway.second_factor(&other, &authenticator.now()).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::SignedOut);
    }
    house.gateway.second_factor(&half, &authenticator.now()).await.unwrap();
}

#[tokio::test]
async fn half_a_sign_in_is_forgotten_after_two_minutes() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, _) = enrol(&house, &ann.session).await;
    let half = half_way(&house, "Ann").await;
    assert_eq!(house.tasks.running().len(), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(119)).await;
    assert_eq!(house.tasks.running().len(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    crate::common::until("the vault's key is forgotten", || house.tasks.running().is_empty()).await;
    let late = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::SignedOut);
    whole_way(&house, "Ann", &authenticator.now()).await.unwrap();
    crate::common::until("nobody waits for a code that has come", || house.tasks.running().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_keeps_the_factor_and_changes_nothing_before_its_code() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let code = ann.recovery_code.clone().unwrap();
    let (authenticator, _) = enrol(&house, &ann.session).await;
    let new = secret("quarry ember pylon sable drift");
    let Entered::SecondFactor(half) = house.gateway.recover("Ann", &code, &new).await.unwrap() else {
        panic!("recovered without the second factor");
    };
    house.gateway.second_factor(&half, &authenticator.wrong()).await.unwrap_err();
    half_way(&house, "Ann").await;
    house.gateway.tree(&ann.session).await.unwrap();

    let back = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap();
    assert!(back.recovery_code.is_some());
    house.gateway.tree(&back.session).await.unwrap();
    assert_eq!(house.gateway.tree(&ann.session).await.unwrap_err().kind, FaultKind::SignedOut);
    assert!(matches!(house.gateway.sign_in("Ann", &new).await.unwrap(), Entered::SecondFactor(_)));
    house.gateway.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_an_account_meanwhile_ends_half_a_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, _) = enrol(&house, &ann.session).await;
    for change in ["UPDATE accounts SET epoch = epoch + 1", "UPDATE accounts SET state = 'disabled'"] {
        let half = half_way(&house, "Ann").await;
        tamper(&house, change);
        let refused = house.gateway.second_factor(&half, &authenticator.now()).await.unwrap_err();
        assert!(matches!(refused.kind, FaultKind::SignedOut | FaultKind::Denied), "{refused}");
        // Nothing was used up by it.
        assert_eq!(count(&house, "SELECT last_step FROM second_factors"), 0);
    }
}

async fn demand(house: &House, from: SecondFactorPolicy) {
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    let rules = Policy { second_factor: from, ..Policy::default() };
    system.write(move |tx| policy::set(tx, AccountId::new(), &rules, Moment::clock())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_factor_is_demanded_nothing_else_answers_before_and_it_stays() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.tree(&ann.session).await.unwrap();
    demand(&house, SecondFactorPolicy::Everybody).await;
    assert_eq!(house.gateway.tree(&ann.session).await.unwrap_err().kind, FaultKind::SecondFactorWanted);
    let (authenticator, _) = enrol(&house, &ann.session).await;
    house.gateway.tree(&ann.session).await.unwrap();
    let refused = house.gateway.remove_second_factor(&ann.session, &authenticator.now()).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Denied);
    assert_eq!(count(&house, "SELECT count(*) FROM second_factors"), 1);
    forget_tries(&house);
    demand(&house, SecondFactorPolicy::Voluntary).await;
    let other = whole_way(&house, "Ann", &authenticator.now()).await.unwrap();
    unused(&house);
    house.gateway.remove_second_factor(&ann.session, &authenticator.now()).await.unwrap();
    assert_eq!(house.gateway.tree(&other.session).await.unwrap_err().kind, FaultKind::SignedOut);
    house.gateway.tree(&ann.session).await.unwrap();
    house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    let none = house.gateway.remove_second_factor(&ann.session, &authenticator.now()).await.unwrap_err();
    assert_eq!(none.kind, FaultKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_factor_whose_secret_went_with_the_old_vault_gives_way_to_its_recovery_code_only() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let (authenticator, codes) = enrol(&house, &ann.session).await;
    tamper(&house, "UPDATE second_factors SET secret = zeroblob(61)");
    let refused = whole_way(&house, "Ann", &authenticator.now()).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::WrongCredentials);
    assert!(refused.hint.unwrap().contains("recovery codes"));
    let back = whole_way(&house, "Ann", &codes[0]).await.unwrap();
    assert!(back.notice.unwrap().contains("add it again"));
    assert_eq!(count(&house, "SELECT count(*) FROM second_factors"), 0);
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'second_factor.remove'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_factor_that_fails_half_way_leaves_none() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let proposed = house.gateway.begin_second_factor(&ann.session).await.unwrap();
    let authenticator = Authenticator::reading(&proposed.secret);
    for (what, table) in
        [("INSERT", "second_factors"), ("INSERT", "second_factor_codes"), ("UPDATE", "accounts"), ("INSERT", "audit")]
    {
        let mend = break_table(&house, what, table);
        house.gateway.add_second_factor(&ann.session, &authenticator.now()).await.unwrap_err();
        mend();
        house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    }
    house.gateway.add_second_factor(&ann.session, &authenticator.now()).await.unwrap();
    half_way(&house, "Ann").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_forgets_what_was_proposed() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let proposed = house.gateway.begin_second_factor(&ann.session).await.unwrap();
    house.gateway.lock(&ann.session).await.unwrap();
    house.gateway.unlock(&ann.session, &secret(PASSPHRASE)).await.unwrap();
    let code = Authenticator::reading(&proposed.secret).now();
    let gone = house.gateway.add_second_factor(&ann.session, &code).await.unwrap_err();
    assert_eq!(gone.kind, FaultKind::Conflict);
}
