//! Guessing at the front door: what it tells, how much of it is looked at, and what stands by its owner all the same.

use std::{fs, time::Instant};

use ollamanet::api::{
    Fault, FaultKind,
    auth::{Door, Role, Secret},
};

use crate::common::{
    house::{House, PASSPHRASE, add_account, count, forget_tries, tamper},
    until,
};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn told(fault: Fault) -> (FaultKind, String, Option<String>) {
    (fault.kind, fault.message, fault.hint)
}

/// The middle of a few measurements: one that the machine was slow for does not count.
fn median(mut took: Vec<u128>) -> u128 {
    took.sort_unstable();
    took[took.len() / 2]
}

/// `OLLAMANET_GUESSES=500` for the strict figures: then the medians must lie within five per cent.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_wrong_and_disabled_are_told_apart_by_neither_words_nor_time() {
    let strict: Option<usize> = std::env::var("OLLAMANET_GUESSES").ok().and_then(|text| text.parse().ok());
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    add_account(&house, "Bob", Role::User).await;
    tamper(&house, "UPDATE accounts SET state = 'disabled' WHERE name = 'Bob'");
    let names = ["Ann", "Bob", "Eve"];
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    // Turn by turn, so that whatever else the machine does is the same for all.
    for _ in 0..strict.unwrap_or(9) {
        let mut words = Vec::new();
        for (name, took) in names.iter().zip(&mut took) {
            forget_tries(&house);
            let begun = Instant::now();
            words.push(told(house.sign_in(name, &secret("not this one at all")).await.unwrap_err()));
            took.push(begun.elapsed().as_micros());
        }
        assert!(words.iter().all(|said| *said == words[0]), "{words:?}");
    }
    let [known, disabled, unknown] = took.map(median);
    let (least, most) = (known.min(disabled).min(unknown), known.max(disabled).max(unknown));
    // Without the work for nobody an unknown name answers a hundred times as fast.
    let bound = if strict.is_some() { 105 } else { 200 };
    assert!(most * 100 <= least * bound, "known {known} µs, disabled {disabled} µs, unknown {unknown} µs");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_the_same_time_are_counted_one_by_one() {
    let home = tempfile::tempdir().unwrap();
    let (here, there) = (House::alone(home.path()), House::alone(home.path()));
    here.first_admin("Ann").await;
    let wrong = secret("not this one at all");
    let tries = (0..20).map(|n| if n % 2 == 0 { here.sign_in("Ann", &wrong) } else { there.sign_in("Ann", &wrong) });
    let tried = futures_util::future::join_all(tries).await;
    let slowed = tried.into_iter().filter(|tried| tried.as_ref().is_err_and(|why| why.kind == FaultKind::Slow)).count();
    let looked_at = count(&here, "SELECT count(*) FROM audit WHERE action = 'auth.sign_in' AND result = 'wrong'");
    assert!((1..=5).contains(&looked_at), "{looked_at} tries were looked at");
    assert_eq!(slowed + usize::try_from(looked_at).unwrap(), 20);
    // And each of them is on record, throttled or not.
    assert_eq!(count(&here, "SELECT count(*) FROM audit WHERE action = 'auth.sign_in'"), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_hundred_failures_only_the_recovery_code_opens_and_then_everything_does() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.sign_in("Ann", &secret("wrong")).await.unwrap_err();
    tamper(&house, "UPDATE throttles SET failures = 100, at = 0, boot_ms = 0");
    let shut = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap_err();
    assert_eq!(shut.kind, FaultKind::Denied);
    assert!(shut.hint.unwrap().contains("recovery code"));
    // Who is in already stays in, but cannot use the session to go on guessing.
    house.gateway.tree(&ann.session).await.unwrap();
    assert_eq!(house.gateway.confirm(&ann.session, &secret(PASSPHRASE)).await.unwrap_err().kind, FaultKind::Denied);
    let new = secret("quarry ember pylon sable drift");
    house.recover("Ann", &ann.recovery_code.unwrap(), &new).await.unwrap();
    house.sign_in("Ann", &new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_counts_byte_for_byte_however_long_or_odd() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let long = "basin lumen 🔑 tripod velvet ".repeat(1024 * 1024 / 30);
    let odd = [
        format!(" {PASSPHRASE}"),
        format!("{PASSPHRASE} "),
        "🔑🦀 lumen tripod 🌊 velvet marsh".to_owned(),
        "e\u{301}clair lumen tripod velvet".to_owned(),
        long.clone(),
        format!("{long}!"),
    ];
    let mut current = PASSPHRASE.to_owned();
    for next in odd {
        house.gateway.change_passphrase(&ann.session, &secret(&current), &secret(&next)).await.unwrap();
        house.sign_in("Ann", &secret(&next)).await.unwrap();
        // What came before it was refused, and so is what differs in one byte at the end.
        for other in [current, format!("{next}x"), next[..next.len() - 1].to_owned()] {
            assert_eq!(house.sign_in("Ann", &secret(&other)).await.unwrap_err().kind, FaultKind::WrongCredentials);
        }
        forget_tries(&house);
        current = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_os_user_opens_nothing_and_ends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    tamper(&house, "UPDATE token_families SET os_uid = os_uid + 1");
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn { .. }));
    assert!(!home.path().join("data/state/signed-in").exists(), "a useless file stayed");
    assert_eq!(count(&house, "SELECT count(*) FROM token_families"), 1, "its owner was signed out by a stranger");
    house.gateway.tree(&ann.session).await.unwrap();
}

/// `OLLAMANET_WINDOWS=1000` for as many rounds as that.
#[tokio::test(flavor = "multi_thread")]
async fn eight_windows_starting_at_once_in_many_rounds_raise_no_false_alarm() {
    let rounds = std::env::var("OLLAMANET_WINDOWS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let open = || (0..8).map(|_| House::alone(home.path())).collect::<Vec<House>>();
    let mut windows = open();
    for round in 0..rounds {
        // A window that ends closes its vault; those of a thousand rounds would not all fit on a machine at once.
        if round % 50 == 49 {
            for window in std::mem::replace(&mut windows, open()) {
                window.close().await;
            }
        }
        let doors = windows.iter().map(|window| async {
            match window.gateway.door().await {
                Ok(Door::Resumed(who)) => window.gateway.tree(&who.session).await.err().map(|why| format!("{why:?}")),
                other => Some(format!("{other:?}")),
            }
        });
        let kept_out: Vec<String> = futures_util::future::join_all(doors).await.into_iter().flatten().collect();
        assert!(kept_out.is_empty(), "round {round}: {kept_out:?}");
        for window in &windows {
            until("the token is rotated", || window.tasks.running().is_empty()).await;
        }
    }
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'auth.token_reused'"), 0);
    let back = house.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap();
    assert_eq!(back.notice, None);
    // And a real copy is noticed all the same.
    let token = home.path().join("data/state/signed-in");
    let copied = fs::read(&token).unwrap();
    for _ in 0..2 {
        assert!(matches!(house.gateway.door().await.unwrap(), Door::Resumed(_)));
        until("the token is rotated", || house.tasks.running().is_empty()).await;
    }
    fs::write(&token, copied).unwrap();
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn { .. }));
    assert_eq!(count(&house, "SELECT count(*) FROM audit WHERE action = 'auth.token_reused'"), 1);
    for window in windows {
        window.close().await;
    }
    house.close().await;
    // A process that ends while so many files are still being closed takes the cipher away under their threads.
    assert!(ollamanet::store::thread::wait_until_closed(crate::common::pty::PATIENCE));
}
