//! How much in all: tokens of a day and bytes of a vault, by settings, by role and by account, through the gateway.

use ollamanet::{
    api::{
        ConversationId, Fault, FaultKind,
        admin::{Limited, Scope},
        auth::{Secret, Session},
        chat::{MessageState, NewTurn, TurnAct, TurnEvent},
        events::Event,
        notes::NewNote,
        organise::{ConversationPatch, NewConversation},
        profile::Allowance,
    },
    config::Config,
    fake::{Fake, Pace, Part, Reply, StandIn},
    tasks::Tasks,
};
use serde_json::json;

use crate::common::house::{House, PASSPHRASE, count, tamper};

const MODEL: &str = "demo-chat:3b";

/// Answers with 40 tokens after 60 of prompt; where it is asked to stall, with 40 characters and then nothing more.
async fn ollama(tasks: &Tasks) -> Fake {
    let answer = |seen: &ollamanet::fake::Seen| {
        let said = json!({ "message": { "role": "assistant", "content": "x".repeat(40) }, "done": false });
        let end = json!({ "done": true, "done_reason": "stop", "prompt_eval_count": 60, "eval_count": 40 });
        let reply = Reply::stream().line(&said);
        let reply = if seen.json().to_string().contains("stall") { reply.part(Part::Stall) } else { reply.line(&end) };
        Some(if seen.path == "/api/chat" { reply } else { StandIn::new(Pace::instant()).reply(seen) })
    };
    Fake::start(tasks, answer).await.unwrap()
}

fn config(fake: &Fake) -> Config {
    let mut config = Config::default();
    config.ollama.host = fake.url();
    config.chat.titles = false;
    config.limits.auth_per_minute = 600;
    config
}

async fn conversation(house: &House, by: &Session) -> Result<ConversationId, Fault> {
    house.gateway.create_conversation(by, NewConversation::default()).await.map(|made| made.row.id)
}

/// Asks, and waits for the end of the answer; or stops it after its first words.
async fn ask(house: &House, by: &Session, id: ConversationId, text: &str) -> Result<(), Fault> {
    let mut events = house.gateway.events(by).await.unwrap();
    let act = TurnAct::Send { text: text.to_owned(), attachments: Vec::new() };
    let new = NewTurn { conversation: id, act, model: Some(MODEL.to_owned()), shorten: false };
    let started = house.gateway.start_turn(by, new).await?;
    let ended = async {
        loop {
            match events.recv().await.expect("the subscription lives") {
                Event::Turn { event: TurnEvent::Delta(_), .. } if text == "stall" => {
                    house.gateway.stop_turn(by, started.turn).await.unwrap();
                }
                Event::Turn { event: TurnEvent::Ended { answer, .. }, .. } => return answer,
                _ => {}
            }
        }
    };
    let answer = tokio::time::timeout(crate::common::pty::PATIENCE, ended).await.expect("the answer ends");
    assert!(matches!(answer.state, MessageState::Done | MessageState::Stopped), "{answer:?}");
    Ok(())
}

async fn left(house: &House, by: &Session, limited: Limited) -> Allowance {
    let all = house.gateway.allowance(by).await.unwrap();
    all.into_iter().find(|left| left.limited == limited).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_tokens_run_out_in_every_window_and_come_back_the_next_day() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = ollama(&tasks).await;
    let mut config = config(&fake);
    config.limits.tokens_per_day = 150;
    let (here, there) = (House::open(home.path(), &config), House::open(home.path(), &config));
    let ann = here.first_admin("Ann").await.session;
    let ben = here.newcomer(&ann, "Ben", "user").await;
    let (id, by) = (ben.account.id, &ben.session);
    let talk = conversation(&here, by).await.unwrap();
    ask(&here, by, talk, "one").await.unwrap();
    let after = left(&here, by, Limited::Tokens).await;
    assert_eq!((after.most, after.left), (150, 50));
    assert!(after.full_in_ms > 0 && after.full_in_ms <= 86_400_000);
    // The second one is begun within the allowance and finished beyond it.
    ask(&here, by, talk, "two").await.unwrap();
    let again = there.sign_in("Ben", &Secret::new(PASSPHRASE)).await.unwrap().session;
    let over = ask(&there, &again, talk, "three").await.unwrap_err();
    assert_eq!((over.kind, over.message.as_str()), (FaultKind::Slow, "Your tokens of today are used up: 200 of 150."));
    assert!(over.hint.unwrap().contains("midnight UTC") && over.retry_after.is_some());
    // What there is can be read and tidied, and others are not held up.
    there.gateway.open_conversation(&again, talk, 10).await.unwrap();
    let anns = conversation(&here, &ann).await.unwrap();
    ask(&here, &ann, anns, "one").await.unwrap();

    // A role may have more, an account less, and 0 is no limit.
    let role = || Scope::Role("user".to_owned());
    here.gateway.set_limit(&ann, role(), Limited::Tokens, Some(0)).await.unwrap();
    ask(&there, &again, talk, "three").await.unwrap();
    assert_eq!(left(&there, &again, Limited::Tokens).await.most, 0);
    here.gateway.set_limit(&ann, Scope::Account(id), Limited::Tokens, Some(300)).await.unwrap();
    let over = ask(&there, &again, talk, "four").await.unwrap_err();
    assert!(over.message.ends_with("300 of 300."), "{over}");
    tamper(&here, "UPDATE usage SET day = day - 1");
    assert_eq!(left(&there, &again, Limited::Tokens).await.left, 300);
    ask(&there, &again, talk, "four").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_every_answer_before_its_last_word_saves_no_tokens() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = ollama(&tasks).await;
    let mut config = config(&fake);
    config.limits.tokens_per_day = 1_000_000;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("Ann").await.session;
    let talk = conversation(&house, &ann).await.unwrap();
    ask(&house, &ann, talk, "stall").await.unwrap();
    assert_eq!(count(&house, "SELECT count(*) FROM usage WHERE answer_tokens IS NULL AND outcome = 'stopped'"), 1);
    // Forty characters, and the prompt.
    assert!(count(&house, "SELECT sum(counted) FROM usage") >= 10);
    assert!(left(&house, &ann, Limited::Tokens).await.left < 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_vault_takes_nothing_new_and_is_read_tidied_and_filled_again() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = ollama(&tasks).await;
    let mut config = config(&fake);
    config.limits.vault_mib = 2;
    let house = House::open(home.path(), &config);
    let ann = house.first_admin("Ann").await;
    let by = &ann.session;
    let talk = conversation(&house, by).await.unwrap();
    let note = |text: &str| NewNote { conversation: talk, message: None, passage: None, body: text.to_owned() };
    let mut notes = Vec::new();
    let full = loop {
        assert!(notes.len() < 200, "nothing is refused");
        match house.gateway.add_note(by, note(&"words ".repeat(2_700))).await {
            Ok(made) => notes.push(made.id),
            Err(fault) => break fault,
        }
    };
    assert_eq!(full.kind, FaultKind::DiskFull);
    assert!(full.message.starts_with("Your vault is full") && full.message.ends_with("and 2 MiB are yours."), "{full}");
    assert!(full.hint.unwrap().contains("for good"));
    let kept = left(&house, by, Limited::Disk).await;
    assert_eq!((kept.most, kept.left), (2, 0));
    assert_eq!(ask(&house, by, talk, "more").await.unwrap_err().kind, FaultKind::DiskFull);
    assert_eq!(conversation(&house, by).await.unwrap_err().kind, FaultKind::DiskFull);
    // Reading, renaming and removing go on; what is removed makes room again.
    house.gateway.open_conversation(by, talk, 10).await.unwrap();
    let patch = ConversationPatch { title: Some("renamed".to_owned()), ..ConversationPatch::default() };
    house.gateway.change_conversation(by, talk, patch).await.unwrap();
    for id in notes {
        house.gateway.delete_note(by, id, None).await.unwrap();
    }
    ask(&house, by, talk, "more").await.unwrap();
    // Over a role's limit the account's own wins.
    house.gateway.set_limit(by, Scope::Role("admin".to_owned()), Limited::Disk, Some(1)).await.unwrap();
    house.gateway.set_limit(by, Scope::Account(ann.account.id), Limited::Disk, Some(500)).await.unwrap();
    house.gateway.add_note(by, note("more")).await.unwrap();
    let too_much = house.gateway.set_limit(by, Scope::Role("admin".to_owned()), Limited::Answers, Some(0)).await;
    assert_eq!(too_much.unwrap_err().kind, FaultKind::Invalid, "0 is no number of answers");
}
