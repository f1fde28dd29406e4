//! Who gets at what: every method of the façade, called by nobody, by an account that has been locked or has left, and by
//! another account with the ids of somebody else's things. What is another's is answered as what does not exist.
//!
//! Held against the façade's sources: a method without a row here fails.

mod calls;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use jiff::civil::Date;
use ollamanet::{
    api::{
        AccountId, ConversationId, DocumentId, Fault, FaultKind, FolderId, JobId, MessageId, NoteId, PresetId,
        PromptId, RuleId, SessionId, TagId, TransferId, TurnId, VaultId,
        admin::{AuditFilter, Limited, ModelRule, NewUser, Permission, Scope, UserFilter},
        auth::{Role, Secret, Session, SignedIn},
        backup::{Extent, Schedule, Which},
        benchmarks::BenchmarkQuery,
        chat::{Draft, NewTurn, Planned, PreviewOf, TurnAct, TurnEvent},
        events::{Changed, Event},
        feedback::{NewFeedback, Thumb},
        fleet::{CardPatch, Query, SavedFilter},
        insights::{By, Insights, InsightsQuery, Sheet},
        jobs::{Batch, Download, JobFilter, WhichJobs, Work},
        library::{Begins, Called, Kind, NewPreset, NewPrompt, PresetPatch, PromptPatch, Taken},
        measures::UseQuery,
        metrics::Wanted,
        notes::{NewNote, NoteScope},
        organise::{
            ConversationPatch, FolderContent, FolderStanding, Grouping, NewConversation, Shelf, Standing, TitleOrigin,
            Undo,
        },
        profile::Preferences,
        recommend::RecommendQuery,
        reports::{Question, Subject},
        retention::{PreviewAt, RetentionRules},
        rules::{Action, NewRule, Only, When},
        search::Asked,
        settings::{NewValue, Point},
        transfer::{ExportFormat, ExportScope, NewExport, NewImport},
    },
    fake::{Pace, StandIn},
    tasks::Tasks,
};
use tokio::sync::watch;

use self::calls::{of_administrators, with_ids, without_ids};
use crate::common::house::{House, PASSPHRASE, tamper};

/// What a call is about: somebody's things, or things that nobody has.
#[derive(Clone, Copy, Debug)]
struct Things {
    conversation: ConversationId,
    folder: FolderId,
    message: MessageId,
    turn: TurnId,
    note: NoteId,
    preset: PresetId,
    prompt: PromptId,
    tag: TagId,
    transfer: TransferId,
    document: DocumentId,
    job: JobId,
}

impl Things {
    fn nobodys() -> Self {
        Self {
            conversation: ConversationId::new(),
            folder: FolderId::new(),
            message: MessageId::new(),
            turn: TurnId::new(),
            note: NoteId::new(),
            preset: PresetId::new(),
            prompt: PromptId::new(),
            tag: TagId::new(),
            transfer: TransferId::new(),
            document: DocumentId::new(),
            job: JobId::new(),
        }
    }
}

fn kept_days(days: u32, seen: i64) -> NewValue {
    NewValue { name: "audit.keep_days".to_owned(), to: Some(days.to_string()), seen }
}

/// As if somebody had changed these things and now took it back.
fn undoing(things: Things) -> Undo {
    let conversation = Standing {
        id: things.conversation,
        title: "taken".to_owned(),
        title_origin: TitleOrigin::Manual,
        folder: None,
        pinned: true,
        archived_at: None,
        trashed_at: None,
        tags: vec!["mine".to_owned()],
        rev: 1,
    };
    let folder = FolderStanding { id: things.folder, parent: None, name: "taken".to_owned(), rev: 1 };
    Undo { conversations: vec![conversation], folders: vec![folder] }
}

/// A model that the catalogue knows.
const MODEL: &str = "llama3.2:3b";

fn catalogue() -> std::path::PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/services/models/catalog.lite.json").into()
}

/// To a place where nothing can be written, so that what is let in leaves nothing.
fn leaving(scope: ExportScope) -> NewExport {
    NewExport { scope, format: ExportFormat::Own, to: "/proc/none/out.tar.gz".into(), overwrite: false }
}

fn filter() -> SavedFilter {
    SavedFilter { name: "small".to_owned(), text: "size:<8GB".to_owned() }
}

fn coming() -> NewImport {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/import");
    NewImport { file: format!("{fixtures}/claude.json").into(), dry_run: true }
}

/// The answer in words, without what differs from call to call.
fn told<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> Result<String, Fault> {
    outcome.map(|value| format!("{value:?}")).map_err(|fault| Fault { report_id: None, ..fault })
}

/// Figures without the moment at which they were read.
fn figures(shown: Result<Insights, Fault>) -> Result<Insights, Fault> {
    shown.map(|shown| Insights { as_of: 0, ..shown })
}

/// Somebody's conversation with an answer, in a folder.
async fn things_of(house: &House, who: &SignedIn) -> Things {
    let (gateway, by) = (&house.gateway, &who.session);
    let folder = gateway.create_folder(by, None, "private").await.unwrap().id;
    let new = NewConversation {
        folder: Some(folder),
        model: Some("demo-chat:3b".to_owned()),
        title: Some("xylocanary".to_owned()),
        ..NewConversation::default()
    };
    let conversation = gateway.create_conversation(by, new).await.unwrap().row.id;
    let mut events = gateway.events(by).await.unwrap();
    let file = house.paths.data.join("attached.txt");
    fs::write(&file, "xylocanary").unwrap();
    let act = TurnAct::Send { text: "xylocanary".to_owned(), attachments: vec![file] };
    let turn = NewTurn { conversation, act, model: None, shorten: false };
    let started = gateway.start_turn(by, turn).await.unwrap();
    let document = gateway.documents(by, "", None, 1).await.unwrap().rows[0].id;
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(crate::common::pty::PATIENCE, ended).await.expect("the answer ends");
    let body = "xylocanary".to_owned();
    let new = NewNote { conversation, message: Some(started.answer.id), passage: None, body };
    let note = gateway.add_note(by, new).await.unwrap().id;
    let named = NewPreset { name: "xylocanary".to_owned(), ..NewPreset::default() };
    let preset = gateway.create_preset(by, named).await.unwrap().id;
    let written = NewPrompt { name: "xylocanary".to_owned(), body: "xylocanary".to_owned() };
    let prompt = gateway.create_prompt(by, written).await.unwrap().id;
    gateway.tag_conversations(by, vec![conversation], vec!["xylocanary".to_owned()], Vec::new()).await.unwrap();
    let tag = gateway.tags(by, "xylocanary", None, 1).await.unwrap().rows[0].id;
    let transfer = gateway.start_import(by, coming()).await.unwrap();
    let job = gateway.own_jobs(by, WhichJobs::All, None, 1).await.unwrap().rows[0].id;
    let (message, turn) = (started.answer.id, started.turn);
    Things { conversation, folder, message, turn, note, preset, prompt, tag, transfer, document, job }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_things_are_answered_as_things_that_do_not_exist() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    // The administrator is the one who tries: rank opens no vault.
    let admin = house.first_admin("Ann").await;
    let bob = house.newcomer(&admin.session, "Bob", "user").await;
    assert_eq!(bob.account.role, Role::User);
    let bobs = things_of(&house, &bob).await;
    let anns = things_of(&house, &admin).await;
    for (who, others) in [(&admin, bobs), (&bob, anns)] {
        let before = told(house.gateway.open_conversation(&bob.session, bobs.conversation, 10).await).unwrap();
        let nobodys = Things::nobodys();
        let missing = Box::pin(with_ids(&house, &who.session, nobodys)).await;
        let theirs = Box::pin(with_ids(&house, &who.session, others)).await;
        for ((method, missing), (_, theirs)) in missing.iter().zip(&theirs) {
            assert_eq!(missing, theirs, "{method} tells what is another's from what is not there");
            assert!(!format!("{theirs:?}").contains("xylocanary"), "{method} shows what is another's");
        }
        let after = told(house.gateway.open_conversation(&bob.session, bobs.conversation, 10).await).unwrap();
        assert_eq!(before, after, "somebody else changed it");
    }
    // And the owner is let in, so the refusals above are not the whole world's.
    let own = house.gateway.open_conversation(&bob.session, bobs.conversation, 10).await.unwrap();
    assert_eq!(own.conversation.row.title, "xylocanary");
    // Each is counted for the one who said it, and a file of figures is not written over another.
    for who in [&admin, &bob] {
        let shown = house.gateway.insights(&who.session, InsightsQuery::default()).await.unwrap();
        assert_eq!((shown.total.asked, shown.total.answers.all(), shown.longest.len()), (Some(1), 1, 1));
    }
    let (query, file) = (InsightsQuery::default(), home.path().join("figures.json"));
    let write = || house.gateway.export_insights(&bob.session, query.clone(), By::Day, Sheet::Json, file.clone());
    assert_eq!(write().await.unwrap(), file);
    let text = std::fs::read(&file).unwrap();
    assert_eq!(serde_json::from_slice::<Insights>(&text).unwrap().total.asked, Some(1));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(write().await.unwrap_err().kind, FaultKind::Conflict);
    assert_eq!(std::fs::read(&file).unwrap(), text);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_hears_nothing_of_anybody_else() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    // The administrator listens too: rank hears no more than anybody.
    for (speaker, listener) in [(&ann, &bob), (&bob, &ann)] {
        let own =
            house.gateway.create_conversation(&listener.session, NewConversation::default()).await.unwrap().row.id;
        let mut heard = house.gateway.events(&listener.session).await.unwrap();
        let things = things_of(&house, speaker).await;
        let retitled = ConversationPatch { title: Some("heard".to_owned()), ..ConversationPatch::default() };
        house.gateway.change_conversation(&speaker.session, things.conversation, retitled.clone()).await.unwrap();
        // What comes last is one's own, so nothing is still on its way.
        house.gateway.change_conversation(&listener.session, own, retitled).await.unwrap();
        let mine = async {
            loop {
                let event = heard.recv().await.expect("the subscription goes on");
                assert!(!matches!(event, Event::Turn { .. }), "{event:?}");
                let told = format!("{event:?}");
                assert!(!told.contains("xylocanary") && !told.contains(&things.conversation.to_string()), "{told}");
                assert!(!told.contains(&things.job.to_string()), "somebody else's job: {told}");
                if event == Event::Changed(Changed::Conversation(own)) {
                    break;
                }
            }
        };
        tokio::time::timeout(crate::common::pty::PATIENCE, mine).await.expect("one's own change is heard");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_administrators_may_is_denied_to_everybody_else() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    for (method, outcome) in Box::pin(of_administrators(&house, &bob.session, ann.account.id)).await {
        assert_eq!(outcome.map_err(|fault| fault.kind), Err(FaultKind::Denied), "{method}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_administrators_may_works_for_them() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let bob = house.newcomer(&ann.session, "Bob", "user").await;
    tamper(
        &house,
        "INSERT INTO second_factors (account, secret, added_at) SELECT id, zeroblob(60), 1 FROM accounts WHERE name = 'Bob'",
    );
    for (method, outcome) in Box::pin(of_administrators(&house, &ann.session, bob.account.id)).await {
        outcome.unwrap_or_else(|fault| panic!("{method}: {fault}"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_of_this_process_nothing_answers() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let anns = things_of(&house, &ann).await;
    let forged = Session::from_parts(ann.session.id, [7; 32]);
    let invented = Session::from_parts(SessionId::new(), *ann.session.key());
    let left = house.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap().session;
    house.gateway.sign_out(&left).await.unwrap();
    for session in [&forged, &invented, &left] {
        let asked = Box::pin(with_ids(&house, session, anns))
            .await
            .into_iter()
            .chain(Box::pin(of_administrators(&house, session, ann.account.id)).await)
            .chain(Box::pin(without_ids(&house, session)).await);
        for (method, outcome) in asked {
            assert_eq!(outcome.map_err(|fault| fault.kind), Err(FaultKind::SignedOut), "{method}");
        }
    }
    house.gateway.tree(&ann.session).await.unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_locked_screen_only_unlocking_stopping_and_leaving_answer() {
    let home = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let house = House::beside(home.path(), &fake);
    let ann = house.first_admin("Ann").await;
    let anns = things_of(&house, &ann).await;
    house.gateway.lock(&ann.session).await.unwrap();
    let asked = Box::pin(with_ids(&house, &ann.session, anns)).await;
    for (method, outcome) in
        asked.into_iter().chain(Box::pin(of_administrators(&house, &ann.session, ann.account.id)).await)
    {
        let outcome = outcome.map(drop).map_err(|fault| fault.kind);
        assert_eq!(
            outcome,
            if ["stop_turn", "stop_transfer"].contains(&method) { Ok(()) } else { Err(FaultKind::Locked) },
            "{method}"
        );
    }
    for (method, outcome) in Box::pin(without_ids(&house, &ann.session)).await {
        let may = ["whoami", "unlock", "change_passphrase", "lock", "sign_out"].contains(&method);
        assert_eq!(outcome.is_ok(), may, "{method}: {outcome:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_the_façade_that_takes_a_session_is_asked_here() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let nobody = Session::from_parts(SessionId::new(), [7; 32]);
    let asked: BTreeSet<String> = Box::pin(with_ids(&house, &nobody, Things::nobodys()))
        .await
        .into_iter()
        .chain(Box::pin(of_administrators(&house, &nobody, AccountId::new())).await)
        .chain(Box::pin(without_ids(&house, &nobody)).await)
        .map(|(method, _)| method.to_owned())
        .collect();
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for rest in source.split("pub async fn ").skip(1) {
            let (signature, _) = rest.split_once(") -> ").unwrap();
            if signature.contains("&Session") {
                there.insert(signature.split('(').next().unwrap().to_owned());
            }
        }
    }
    assert!(there.len() >= 30, "only {} methods were found: is the façade written in another way now?", there.len());
    assert_eq!(asked, there);
}
