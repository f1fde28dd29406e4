//! `ollamanet demo`: the whole program over a built-in stand-in for Ollama, in a directory that goes away with it.
//!
//! Everything but the model is the real thing: the account, the vault, the gate. It never claims otherwise: standard
//! error, the interface's label and each answer say that a stand-in speaks.

use std::{io, path::PathBuf, time::Duration};

use crate::{
    api::{
        Fault, FaultKind, FolderId,
        auth::{NewAccount, Session},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::{ConversationPatch, NewConversation},
    },
    config::Config,
    fake::{Fake, Pace, StandIn},
    gateway::Gateway,
    paths::Paths,
    tasks::Tasks,
};

const ACCOUNT: &str = "demo";
const MODEL: &str = "demo-chat:3b";
const THINKER: &str = "demo-think:8b";
/// Longest wait for an answer of the stand-in, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Folder, title, model, question, pinned: what lies there to look at.
const EXAMPLES: &[(Option<usize>, &str, &str, &str, bool)] = &[
    (Some(2), "Numbers, step by step", MODEL, "Calculate the sum of the numbers up to 100.", false),
    (None, "Letters of the world", MODEL, "Show me unicode: emoji, Chinese and Japanese.", false),
    (Some(2), "Steps for the weekend", MODEL, "A list of steps for a quiet weekend, please.", false),
    (Some(0), "Models side by side", MODEL, "Compare the models you know in a table.", false),
    (Some(1), "A first function", THINKER, "Write a small function in Rust and explain it.", false),
    (None, "What is this?", MODEL, "Hello! What am I looking at?", true),
];

/// A stage that is torn down when it is dropped.
#[derive(Debug)]
pub struct Demo {
    pub config: Config,
    pub paths: Paths,
    fake: Fake,
    /// Last, so that what lies in it is closed before it goes.
    _directory: tempfile::TempDir,
}

impl Demo {
    /// Starts the stand-in and makes the directory.
    ///
    /// # Errors
    /// When there is no port, or no room for a directory.
    pub async fn prepare(mut config: Config, tasks: &Tasks) -> Result<Self, Fault> {
        let failed = |what: &str, error: &io::Error| {
            Fault::new(FaultKind::Internal, format!("The demo cannot begin: {what}: {error}."))
        };
        // In memory where the system has a place for that, so that not even a killed demo leaves anything on the disk.
        let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let directory = tempfile::Builder::new()
            .prefix("ollamanet-demo-")
            .tempdir_in(parent.unwrap_or_else(std::env::temp_dir))
            .map_err(|error| failed("no directory", &error))?;
        let fake = StandIn::start(tasks, Pace::instant()).await.map_err(|error| failed("no port", &error))?;
        config.ollama.host = fake.url();
        MODEL.clone_into(&mut config.chat.model);
        let paths = Paths::find(Some(directory.path()))?;
        Ok(Self { config, paths, fake, _directory: directory })
    }

    /// Makes the account and a few things to look at, then lets the stand-in speak as slowly as a model does.
    ///
    /// # Errors
    /// What the gateway says.
    pub async fn furnish(&self, gateway: &Gateway) -> Result<(), Fault> {
        let new = NewAccount { name: ACCOUNT.to_owned(), passphrase: gateway.propose_passphrase().await? };
        let session = gateway.create_first_admin(new).await?.session;
        let work = gateway.create_folder(&session, None, "work").await?.id;
        let rust = gateway.create_folder(&session, Some(work), "rust").await?.id;
        let home = gateway.create_folder(&session, None, "home").await?.id;
        for (folder, title, model, question, pinned) in EXAMPLES {
            let folder = folder.map(|number| [work, rust, home][number]);
            converse(gateway, &session, folder, title, model, question, *pinned).await?;
        }
        // The interface then opens without asking for a passphrase that nobody was told.
        gateway.stay_signed_in(&session, true).await?;
        let lifelike = StandIn::new(Pace::lifelike());
        self.fake.answer(move |request| Some(lifelike.reply(request)));
        Ok(())
    }
}

async fn converse(
    gateway: &Gateway,
    session: &Session,
    folder: Option<FolderId>,
    title: &str,
    model: &str,
    question: &str,
    pinned: bool,
) -> Result<(), Fault> {
    let new = NewConversation {
        folder,
        title: Some(title.to_owned()),
        model: Some(model.to_owned()),
        ..NewConversation::default()
    };
    let id = gateway.create_conversation(session, new).await?.row.id;
    let mut events = gateway.events(session).await?;
    let act = TurnAct::Send { text: question.to_owned(), attachments: Vec::new() };
    let turn = gateway.start_turn(session, NewTurn { conversation: id, act, model: None, shorten: false }).await?.turn;
    let ended = async {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Turn { turn: of, event: TurnEvent::Ended { .. }, .. } if of == turn) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .map_err(|_| Fault::new(FaultKind::Timeout, "The demo's own stand-in did not answer."))?;
    if pinned {
        let patch = ConversationPatch { pinned: Some(true), ..ConversationPatch::default() };
        gateway.change_conversation(session, id, patch).await?;
    }
    Ok(())
}
