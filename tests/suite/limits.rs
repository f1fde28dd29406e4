//! What the gate refuses before any service is asked: too fast, not allowed, over, locked, pointless, too slow.

use std::time::{Duration, Instant};

use ollamanet::{
    access::{Admin, Caller, Class, Member, Op, Permission, op::OllamaKind},
    api::{
        Fault, FaultKind,
        auth::{Role, Secret, Session},
        organise::NewConversation,
    },
    config::{Config, LimitsConfig},
    ollama::{Kind, Outcome, Trouble},
    store::{
        While,
        system::{Moment, audit, sessions},
    },
};

use crate::common::{
    gates::{Window, op},
    house::House,
};

static CHAT: Op = op("test.chat", Class::Chat);
static KNOCK: Op = op("test.knock", Class::Auth);
static READ: Op = op("test.read", Class::Read);
static MODELS: Op = Op { permission: Permission::ManageModels, ..op("test.models", Class::Admin) };
static ANSWER: Op = Op { needs_ollama: Some(OllamaKind::Chat), ..op("test.answer", Class::Read) };
static HASTY: Op = Op { deadline: Duration::from_millis(20), ..op("test.hasty", Class::Read) };

fn limits() -> LimitsConfig {
    LimitsConfig { chat_per_minute: 5, read_per_minute: 300, ..LimitsConfig::default() }
}

fn without_ollama() -> Config {
    let mut config = Config::default();
    "127.0.0.1:1".clone_into(&mut config.ollama.host);
    config
}

async fn ask(window: &Window, session: &Session, op: &'static Op) -> Result<(), Fault> {
    window.gate.call::<Member, _, _>(session, op, async |_| Ok(())).await
}

/// Calls until one is refused: how many were let in, and the refusal.
async fn until_refused(window: &Window, session: &Session, op: &'static Op) -> (u32, Fault) {
    for let_in in 0..2_000 {
        if let Err(fault) = ask(window, session, op).await {
            return (let_in, fault);
        }
    }
    panic!("nothing was ever refused");
}

#[tokio::test]
async fn too_many_questions_are_slowed_down_and_nobody_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let (ann, bob) = (window.account("ann", Role::User).await, window.account("bob", Role::User).await);
    let (anns, bobs) = (window.sign_in(dir.path(), &ann).await, window.sign_in(dir.path(), &bob).await);
    let (let_in, fault) = until_refused(&window, &anns, &CHAT).await;
    assert_eq!((let_in, fault.kind), (5, FaultKind::Slow));
    // Five a minute: one comes back within 12 s.
    assert!(fault.retry_after.is_some_and(|after| after <= Duration::from_secs(12) && !after.is_zero()));
    assert!(fault.hint.is_some() && fault.report_id.is_some());
    assert_eq!(ask(&window, &bobs, &CHAT).await, Ok(()));
    assert_eq!(ask(&window, &anns, &READ).await, Ok(()));
}

#[tokio::test]
async fn windows_of_one_account_share_one_allowance() {
    for (op, most) in [(&CHAT, 5), (&READ, 300)] {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Window::open(dir.path(), limits()), Window::open(dir.path(), limits()));
        let ann = one.account("ann", Role::User).await;
        let (here, there) = (one.sign_in(dir.path(), &ann).await, two.sign_in(dir.path(), &ann).await);
        let begun = Instant::now();
        let (first, _) = until_refused(&one, &here, op).await;
        let (second, fault) = until_refused(&two, &there, op).await;
        // What came back while the test ran is no mistake.
        let back = (begun.elapsed().as_secs_f64() / 60.0 * f64::from(most)).ceil() as u32;
        assert!((most..=most + back).contains(&(first + second)), "{}: {first} and {second}", op.name);
        assert_eq!(fault.kind, FaultKind::Slow);
    }
}

#[tokio::test]
async fn commands_that_look_once_and_end_share_the_allowance_to_the_call() {
    let dir = tempfile::tempdir().unwrap();
    let few = LimitsConfig { read_per_minute: 6, ..limits() };
    let ann = Window::open(dir.path(), few.clone()).account("ann", Role::User).await;
    let begun = Instant::now();
    let mut let_in = 0;
    let fault = loop {
        let command = Window::open(dir.path(), few.clone());
        let session = command.sign_in(dir.path(), &ann).await;
        if let Err(fault) = ask(&command, &session, &READ).await {
            break fault;
        }
        let_in += 1;
        assert!(let_in < 100, "nothing was ever refused");
        assert_eq!(command.tasks.stop(Duration::from_secs(20)).await, Vec::<String>::new());
    };
    let back = (begun.elapsed().as_secs_f64() / 60.0 * 6.0).ceil() as u32;
    assert!((6..=6 + back).contains(&let_in), "{let_in} looks were let in");
    assert_eq!(fault.kind, FaultKind::Slow);
}

#[tokio::test]
async fn the_first_looks_of_a_window_wait_for_no_write() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let ann = window.account("ann", Role::User).await;
    let session = window.sign_in(dir.path(), &ann).await;
    let other = rusqlite::Connection::open(dir.path().join("system.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..40 {
        assert_eq!(ask(&window, &session, &READ).await, Ok(()));
    }
    assert!(!window.tasks.running().is_empty(), "they are being paid for");
    other.execute_batch("COMMIT").unwrap();
    crate::common::until("they are paid for", || window.tasks.running().is_empty()).await;
    let level: i64 = other.query_row("SELECT level FROM buckets WHERE class = 'read'", [], |row| row.get(0)).unwrap();
    assert_eq!(level, 260_000);
}

#[tokio::test]
async fn changes_have_an_allowance_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let mut config = without_ollama();
    config.limits.write_per_minute = 3;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("ann").await.session;
    let new = || house.gateway.create_conversation(&ann, NewConversation::default());
    for _ in 0..3 {
        new().await.unwrap();
    }
    let fault = new().await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Slow, "That was more than 3 changes a minute."));
    let trashed = house.gateway.trash_conversations(&ann, Vec::new()).await.unwrap_err();
    let folder = house.gateway.create_folder(&ann, None, "work").await.unwrap_err();
    assert_eq!((trashed.kind, folder.kind), (FaultKind::Slow, FaultKind::Slow));
    house.gateway.tree(&ann).await.unwrap();
}

#[tokio::test]
async fn strangers_share_the_allowance_of_their_os_user() {
    let dir = tempfile::tempdir().unwrap();
    let few = LimitsConfig { auth_per_minute: 3, ..limits() };
    let (one, two) = (Window::open(dir.path(), few.clone()), Window::open(dir.path(), few));
    let knock = async |window: &Window| window.gate.knock(&KNOCK, async |_| Ok(())).await;
    for window in [&one, &two, &one] {
        assert_eq!(knock(window).await, Ok(()));
    }
    let fault = knock(&two).await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Slow, "That was more than 3 sign-in calls a minute."));
    assert!(fault.retry_after.is_some_and(|after| after <= Duration::from_secs(20)) && fault.report_id.is_some());
    // Whoever is signed in has an allowance of their own.
    let ann = one.account("ann", Role::User).await;
    let session = one.sign_in(dir.path(), &ann).await;
    assert_eq!(ask(&one, &session, &KNOCK).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_ever_new_names_is_slowed_down_too() {
    let home = tempfile::tempdir().unwrap();
    let mut config = without_ollama();
    config.limits.auth_per_minute = 3;
    config.limits.admin_per_minute = 1;
    config.limits.read_per_minute = 2;
    let house = House::open(home.path(), &config);
    let (secret, code) = (Secret::new("a guess"), Secret::new("ABCD"));
    for name in ["ann", "bob"] {
        assert_eq!(house.gateway.sign_in(name, &secret).await.unwrap_err().kind, FaultKind::WrongCredentials);
    }
    assert_eq!(house.gateway.recover("cleo", &code, &secret).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(house.gateway.sign_in("dan", &secret).await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(house.gateway.recover("eve", &code, &secret).await.unwrap_err().kind, FaultKind::Slow);
    // What tells of this machine only has its limits as well; the door never has.
    house.gateway.judge_passphrase("ann", &secret).await.unwrap();
    house.gateway.health().await.unwrap();
    assert_eq!(house.gateway.propose_passphrase().await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(house.gateway.health().await.unwrap_err().kind, FaultKind::Slow);
    assert_ne!(house.gateway.start_ollama().await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(house.gateway.start_ollama().await.unwrap_err().kind, FaultKind::Slow);
    house.gateway.door().await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_not_let_through_to_an_ollama_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    for _ in 0..3 {
        window.breakers.watch()(Kind::Chat, Outcome::Failed(Trouble::NotThere), Duration::ZERO);
    }
    let refused = window.gate.knock(&ANSWER, async |_| Ok(())).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Upstream);
}

#[tokio::test]
async fn what_a_role_may_not_do_is_denied_and_audited() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let (ann, root) = (window.account("ann", Role::User).await, window.account("root", Role::Admin).await);
    let (anns, roots) = (window.sign_in(dir.path(), &ann).await, window.sign_in(dir.path(), &root).await);
    assert_eq!(ask(&window, &anns, &MODELS).await.unwrap_err().kind, FaultKind::Denied);
    let ranked = window.gate.call::<Admin, (), _>(&anns, &READ, async |_| panic!("the proof was minted")).await;
    assert_eq!(ranked.unwrap_err().kind, FaultKind::Denied);
    assert_eq!(ask(&window, &roots, &MODELS).await, Ok(()));
    let (denials, broken) = window
        .system
        .read(move |tx| {
            let denials: i64 = tx
                .query_row("SELECT count(*) FROM audit WHERE actor = ?1 AND result = 'denied'", [ann.id.0], |row| {
                    row.get(0)
                })
                .while_("counting denials")?;
            Ok::<_, ollamanet::store::StoreError>((denials, audit::verify(tx)?.broken_at))
        })
        .await
        .unwrap();
    assert_eq!((denials, broken), (2, None));
}

#[tokio::test]
async fn a_session_ended_in_another_window_is_over_at_the_next_call() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Window::open(dir.path(), limits()), Window::open(dir.path(), limits()));
    let ann = one.account("ann", Role::User).await;
    let session = one.sign_in(dir.path(), &ann).await;
    assert_eq!(ask(&one, &session, &READ).await, Ok(()));
    let ended = one.gate.call::<Member, _, _>(&session, &READ, async |by: Caller<Member>| Ok(by.ended)).await.unwrap();
    let id = session.id;
    two.system.write(move |tx| sessions::end(tx, id, "Ended elsewhere.", Moment::clock())).await.unwrap();
    let fault = ask(&one, &session, &READ).await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::SignedOut, "Ended elsewhere."));
    // What was still running under the session hears of it.
    assert!(ended.is_cancelled());
    assert_eq!(ask(&one, &session, &READ).await.unwrap_err().kind, FaultKind::SignedOut);
}

#[tokio::test]
async fn a_handle_opens_only_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let ann = window.account("ann", Role::User).await;
    let session = window.sign_in(dir.path(), &ann).await;
    for bit in [0, 7, 255] {
        let mut key = *session.key();
        key[bit / 8] ^= 1 << (bit % 8);
        let forged = Session::from_parts(session.id, key);
        assert_eq!(ask(&window, &forged, &READ).await.unwrap_err().kind, FaultKind::SignedOut);
    }
    assert_eq!(ask(&window, &session, &READ).await, Ok(()));
}

#[tokio::test]
async fn a_locked_screen_gets_no_vault() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let ann = window.account("ann", Role::User).await;
    let session = window.sign_in(dir.path(), &ann).await;
    window.live.close_vault(session.id);
    assert_eq!(ask(&window, &session, &READ).await.unwrap_err().kind, FaultKind::Locked);
    assert!(window.live.data_key(session.id).is_none());
    let held = window.gate.hold(&session, &READ, async |by| Ok((by.account.name, by.is_locked))).await;
    assert_eq!(held, Ok(("ann".to_owned(), true)));
}

#[tokio::test]
async fn while_ollama_fails_only_what_needs_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let ann = window.account("ann", Role::User).await;
    let session = window.sign_in(dir.path(), &ann).await;
    let report = window.breakers.watch();
    for _ in 0..3 {
        assert_eq!(ask(&window, &session, &ANSWER).await, Ok(()));
        report(Kind::Chat, Outcome::Failed(Trouble::NotThere), Duration::ZERO);
    }
    let fault = ask(&window, &session, &ANSWER).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Upstream);
    assert!(fault.retry_after.is_some());
    assert_eq!(ask(&window, &session, &READ).await, Ok(()));
    report(Kind::Chat, Outcome::Answered, Duration::ZERO);
    assert_eq!(ask(&window, &session, &ANSWER).await, Ok(()));
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_with_a_number_to_find_it_by() {
    let dir = tempfile::tempdir().unwrap();
    let window = Window::open(dir.path(), limits());
    let ann = window.account("ann", Role::User).await;
    let session = window.sign_in(dir.path(), &ann).await;
    let fault =
        window.gate.call::<Member, (), _>(&session, &HASTY, async |_| std::future::pending().await).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(fault.report_id.is_some());
}
