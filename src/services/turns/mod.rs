//! Answers: from the person's words, committed before anything leaves, to the stored end.
//!
//! `begin` is the transaction at the start, `run` carries the stream, `drive` is the task around it; what the model sees
//! is chosen by `services::context`. Tool calls of a model are stored and shown, never executed, and no tools are
//! offered.
//!
//! Going on with an answer: Ollama has no call for it. The partial answer is sent as the last message, with the role
//! `assistant`; templates leave such a message open and the model goes on in it. What comes is appended to the same
//! message. A model whose template closes the message begins anew, which shows, and nothing of what was there is lost.
//!
//! Architecture invariant: the store is the truth. Events are a preview; an ended answer's event carries what is stored.

mod begin;
mod drive;
mod known;
mod phases;
mod run;
mod slow;
mod titles;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    begin::{Act, Beside, Plan},
    drive::Job,
    known::{Facts, Known},
    phases::Clock,
    run::Partial,
};
use super::{
    attachments,
    conversations::{check_limit, checked_model, now},
    hub::Hub,
    lanes::Lanes,
};
use crate::{
    access::{
        Caller, Holder, Member, Rules,
        live::{HouseMark, LiveSessions},
    },
    api::{
        AccountId, ConversationId, Fault, FaultKind, MessageId, RequestId, TurnId,
        admin::Limited,
        chat::{
            Attachment, AttachmentKind, AttachmentPreview, ContextMeter, NewTurn, Opened, Planned, PreviewOf, TurnAct,
            TurnStarted,
        },
        events::{Changed, Event},
        profile::Preferences,
    },
    config::live::Live,
    metrics::Metrics,
    ollama::{Ollama, OllamaError},
    store::{
        Db, StoreError, Vault,
        system::changes::Follower,
        thread::WeakDb,
        vault::{
            branch, conversations,
            documents::{self, NewDocument},
            lease::{Lease, clear_up},
            messages::{self, Ending},
            recovery::{self, Own},
            settings::{self, PREFERENCES},
            times::{self, Times},
        },
    },
    tasks::Tasks,
    trace,
};

/// How often another process' writes are looked for while someone listens. A timer of more than 64 ms wakes the runtime
/// twice (its wheel sorts the timer into a finer one first), and an idle program may wake once a second.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often a running answer looks whether the session that asked for it was ended by another process.
const LOOK_WHILE_ANSWERING: Duration = Duration::from_millis(500);
/// Longest wait for the list of models when none was chosen.
const ASKING: Duration = Duration::from_secs(3);

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    pub ollama: Ollama,
    pub hub: Hub,
    pub tasks: Tasks,
    pub live: Live,
    /// Where processes keep the locks that say that they live.
    pub leases: PathBuf,
    /// How many answers may run at once, over all windows.
    pub lanes: Lanes,
    /// Where usage is counted.
    pub system: Option<Db>,
    /// Which sessions of this process still stand.
    pub sessions: Option<Arc<LiveSessions>>,
    /// Where answers are counted.
    pub metrics: Metrics,
    /// What relative paths and `~` mean.
    pub cwd: PathBuf,
    pub home: Option<PathBuf>,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    known: Known,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// This process's lease, taken at the first answer.
    lease: Option<Arc<Lease>>,
    running: HashMap<TurnId, Running>,
    /// Ends that the store did not take, to be tried again.
    unsaved: HashMap<MessageId, Unsaved>,
    /// Vaults whose foreign changes are looked for, while somebody has them open.
    watched: HashMap<AccountId, WeakDb>,
}

#[derive(Clone, Debug)]
struct Running {
    account: AccountId,
    conversation: ConversationId,
    answer: MessageId,
    stop: CancellationToken,
}

#[derive(Clone, Debug)]
struct Unsaved {
    account: AccountId,
    seq: i64,
    ending: Ending,
    times: Times,
}

/// The call that asks for an answer.
#[derive(Clone, Copy, Debug)]
struct Asked {
    request: RequestId,
    /// When it came to the gate.
    since: Instant,
}

impl Turns {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, known: Known::default(), state: Arc::default() }))
    }

    /// Commits what the person asked and starts the answer.
    pub async fn start(&self, by: Caller<Member>, new: NewTurn) -> Result<TurnStarted, Fault> {
        let asked = Asked { request: by.request, since: by.since };
        self.start_in(&by.vault, &by.work, &by.rules, asked, new).await
    }

    /// Stops an answer of the caller's. One that has ended, or is somebody else's, is left alone.
    /// A locked screen may stop one too.
    pub fn stop(&self, by: &Holder, turn: TurnId) {
        self.stop_for(by.account.id, turn);
    }

    /// Everything that opening a conversation shows.
    pub async fn open(&self, by: Caller<Member>, id: ConversationId, limit: u32) -> Result<Opened, Fault> {
        check_limit(limit)?;
        self.watch(&by.vault);
        self.open_in(&by.vault, id, limit).await
    }

    /// How full the window would be. For a conversation that does not exist yet: with what it would begin like.
    pub async fn measure(&self, by: Caller<Member>, planned: Planned) -> Result<ContextMeter, Fault> {
        self.measure_in(&by.vault, &by.rules, planned).await
    }

    async fn measure_in(&self, vault: &Vault, rules: &Rules, planned: Planned) -> Result<ContextMeter, Fault> {
        let Planned { conversation, fresh, draft, attached } = planned;
        let beside = Beside { text: draft, attached };
        let Some(id) = conversation else {
            let chat = &self.0.parts.live.config().chat;
            let model = self.known_choice(vault, rules, fresh.model).await.or_else(unseen)?;
            let facts = self.facts(model.as_deref()).await;
            let system = fresh.system_prompt.unwrap_or_else(|| chat.system_prompt.clone());
            return Ok(begin::meter_of_nothing(&fresh.options, &system, &beside, &facts));
        };
        let settings = vault.db.read(move |tx| conversations::get(tx, id)).await?;
        let model = self.known_choice(vault, rules, settings.row.model).await.or_else(unseen)?;
        let facts = self.facts(model.as_deref()).await;
        Ok(vault.db.read(move |tx| begin::meter(tx, id, &beside, model.as_deref(), &facts)).await?)
    }

    async fn facts(&self, model: Option<&str>) -> Facts {
        match model {
            Some(model) => self.0.known.ask(&self.0.parts.ollama, model).await,
            None => Facts::default(),
        }
    }

    /// Stops the answers on their way in conversations that are in the trash now.
    pub async fn stop_trashed(&self, vault: &Vault) -> Result<(), Fault> {
        let account = vault.account;
        let running: Vec<ConversationId> = {
            let state = self.state();
            state.running.values().filter(|own| own.account == account).map(|own| own.conversation).collect()
        };
        if running.is_empty() {
            return Ok(());
        }
        let trashed = vault.db.read(move |tx| conversations::trashed(tx, &running)).await?;
        for own in self.state().running.values() {
            if own.account == account && trashed.contains(&own.conversation) {
                own.stop.cancel();
            }
        }
        Ok(())
    }

    /// What a file would be as an attachment, or why it is refused.
    pub async fn inspect(&self, by: Caller<Member>, path: PathBuf) -> Result<Attachment, Fault> {
        drop(by);
        Ok(attachments::preview(&self.read_file(path).await?))
    }

    /// What a model receives of a file that is to be sent or was sent.
    pub async fn preview(&self, by: Caller<Member>, of: PreviewOf) -> Result<AttachmentPreview, Fault> {
        match of {
            PreviewOf::File(path) => Ok(attachments::received(self.read_file(path).await?)),
            PreviewOf::Sent { message, document } => {
                let found = by.vault.db.read(move |tx| documents::sent(tx, message, document)).await?;
                found.map(attachments::received_of_sent).ok_or_else(|| Fault::not_found("attached file"))
            }
        }
    }

    /// Everything that happens to this session from now on. Answers that a dead process left are ended first.
    pub async fn events(&self, by: Caller<Member>) -> Result<tokio::sync::mpsc::Receiver<Event>, Fault> {
        let hub = self.0.parts.hub.clone();
        let receiver = hub.subscribe(by.account, by.session);
        let (session, ended, root) = (by.session, by.ended.clone(), self.0.parts.tasks.token());
        let (closed, why) = (hub.closed(session), Arc::clone(&by.why));
        self.0.parts.tasks.spawn("end of a session", async move {
            tokio::select! {
                () = ended.cancelled() => {
                    hub.end_session(session, &why.get().cloned().unwrap_or_else(Fault::signed_out));
                }
                () = closed => {}
                () = root.cancelled() => {}
            }
        });
        clear_up(&self.0.parts.leases);
        self.settle(&by.vault).await?;
        self.watch(&by.vault);
        Ok(receiver)
    }

    async fn start_in(
        &self,
        vault: &Vault,
        ended: &CancellationToken,
        rules: &Rules,
        asked: Asked,
        new: NewTurn,
    ) -> Result<TurnStarted, Fault> {
        let NewTurn { conversation, act, model, shorten } = new;
        let asked_model = checked_model(model)?;
        let (act, prompt) = self.read_act(act).await?;
        let settings = vault.db.read(move |tx| conversations::get(tx, conversation)).await?;
        self.settle(vault).await?;
        let model = self.pick_model(vault, rules, asked_model.or(settings.row.model)).await?;
        let at_once = rules.most(Limited::Answers);
        let facts = self.0.known.ask(&self.0.parts.ollama, &model).await;
        refuse_images(&act, &model, &facts)?;

        let lease = self.lease().await?;
        let (turn, root) = (TurnId::new(), self.0.parts.tasks.token());
        let stop = root.child_token();
        let place = self.0.parts.lanes.line_up(vault.account, turn);
        let plan = Plan {
            conversation,
            act,
            model: model.clone(),
            shorten,
            loaded: facts.loaded,
            trained: facts.trained,
            title: prompt.as_deref().and_then(titles::from_prompt),
            now: now(),
        };
        let (reply, started) = oneshot::channel();
        let (turns, vault, ended) = (self.clone(), vault.clone(), ended.clone());
        // A task from here on: whoever asked may stop waiting, and then what is committed must be answered all the same.
        let answering = async move {
            let (state, account, stop_too) = (Arc::clone(&turns.0.state), vault.account, stop.clone());
            let committed = vault
                .db
                .write(move |tx| {
                    let begun = begin::begin(tx, &plan, &lease)?;
                    // On the writer's thread, so that no recovery comes between the row and the note that we fill it.
                    let running = Running { account, conversation, answer: begun.answer.id, stop: stop_too };
                    lock(&state).running.insert(turn, running);
                    Ok::<_, StoreError>(begun)
                })
                .await;
            let begun = match committed {
                Ok(begun) => begun,
                Err(error) => {
                    turns.state().running.remove(&turn);
                    let _ = reply.send(Err(Fault::from(error)));
                    return;
                }
            };
            let started = TurnStarted {
                turn,
                conversation,
                user: begun.user.clone(),
                answer: begun.answer.clone(),
                meter: begun.choice.meter,
            };
            turns.0.parts.hub.changed(vault.account, Changed::Tree);
            let partial = Partial::going_on(begun.answer.content.clone(), begun.answer.thinking.clone());
            // Told before the first event, so that nobody hears of an answer that they do not know yet.
            let _ = reply.send(Ok(started));
            let stop_too = stop.clone();
            let (request, clock) = (asked.request, Clock::since(asked.since));
            let job = Job {
                turn,
                conversation,
                vault,
                model,
                begun,
                partial,
                facts,
                stop,
                root,
                ended,
                place,
                at_once,
                request,
                clock,
            };
            let ended = job.ended.clone();
            let mut driven = std::pin::pin!(turns.drive(job));
            // Whoever signs out closes the vault, and a running answer must not hold it open.
            tokio::select! {
                () = &mut driven => return,
                () = ended.cancelled() => stop_too.cancel(),
                () = turns.look_on() => {}
            }
            driven.await;
        };
        self.0.parts.tasks.spawn_job("an answer", trace::held(answering));
        started.await.map_err(|_| Fault::new(FaultKind::Internal, "The answer could not be started."))?
    }

    fn stop_for(&self, account: AccountId, turn: TurnId) {
        if let Some(running) = self.state().running.get(&turn).filter(|running| running.account == account) {
            running.stop.cancel();
        }
    }

    async fn open_in(&self, vault: &Vault, id: ConversationId, limit: u32) -> Result<Opened, Fault> {
        let running = self.running_in(vault.account, id);
        let opened = self.read_opened(vault, id, limit, &running).await?;
        let streams = |message: &crate::api::chat::Message| message.state == crate::api::chat::MessageState::Streaming;
        if running.is_empty() && opened.page.messages.iter().any(streams) && self.settle(vault).await? {
            return self.read_opened(vault, id, limit, &running).await;
        }
        Ok(opened)
    }

    async fn read_opened(
        &self,
        vault: &Vault,
        id: ConversationId,
        limit: u32,
        running: &[(TurnId, MessageId)],
    ) -> Result<Opened, Fault> {
        let remembered = {
            let this = self.clone();
            move |model: Option<&str>| model.map(|model| this.0.known.remembered(model)).unwrap_or_default()
        };
        let (conversation, page, draft, meter) = vault
            .db
            .read(move |tx| {
                let (conversation, page, draft) = branch::open(tx, id, limit)?;
                let facts = remembered(conversation.row.model.as_deref());
                let beside = Beside { text: draft.text.clone(), attached: 0 };
                let meter = begin::meter(tx, id, &beside, conversation.row.model.as_deref(), &facts)?;
                Ok::<_, StoreError>((conversation, page, draft, meter))
            })
            .await?;
        // Of several models that answer the same question, the one whose answer is on view.
        let on_view = |answer: &MessageId| page.messages.iter().any(|message| message.id == *answer);
        let running = running.iter().find(|(_, answer)| on_view(answer)).or(running.first()).map(|(turn, _)| *turn);
        Ok(Opened { conversation, page, draft, running, meter })
    }

    /// The answers on their way in a conversation.
    fn running_in(&self, account: AccountId, conversation: ConversationId) -> Vec<(TurnId, MessageId)> {
        let state = self.state();
        let here = |running: &Running| running.account == account && running.conversation == conversation;
        state.running.iter().filter(|(_, one)| here(one)).map(|(turn, one)| (*turn, one.answer)).collect()
    }

    /// Ends what nobody is filling any more: first our own ends that the store did not take, then the answers of
    /// processes that are gone. Says whether anything changed.
    async fn settle(&self, vault: &Vault) -> Result<bool, Fault> {
        if !vault.db.read(recovery::any_streaming).await? {
            return Ok(false);
        }
        let (state, leases, account) = (Arc::clone(&self.0.state), self.0.parts.leases.clone(), vault.account);
        let ended = vault
            .db
            .write(move |tx| {
                let (unsaved, own) = {
                    let state = lock(&state);
                    let own = Own {
                        lease: state.lease.as_ref().map(|lease| lease.id),
                        running: state.running.values().map(|running| running.answer).collect(),
                    };
                    let unsaved = state.unsaved.iter().filter(|(_, unsaved)| unsaved.account == account);
                    (unsaved.map(|(id, unsaved)| (*id, unsaved.clone())).collect::<Vec<_>>(), own)
                };
                for (_, unsaved) in &unsaved {
                    messages::finish(tx, unsaved.seq, &unsaved.ending, now())?;
                    times::keep(tx, unsaved.seq, &unsaved.times)?;
                }
                let ended = recovery::recover(tx, &leases, &own, now())?;
                Ok::<_, StoreError>((unsaved, ended))
            })
            .await;
        // A full disk must not keep anyone from reading.
        let (unsaved, ended) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_full() || error.is_read_only() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let changed = !ended.is_empty() || !unsaved.is_empty();
        if let Some(latest) = ended.last() {
            self.0.parts.hub.changed(account, Changed::Interrupted(*latest));
        }
        let mut state = self.state();
        for (id, _) in unsaved {
            state.unsaved.remove(&id);
        }
        Ok(changed)
    }

    async fn read_act(&self, act: TurnAct) -> Result<(Act, Option<String>), Fault> {
        let empty = || Fault::invalid("There is nothing to send.").hint("Write something first.");
        Ok(match act {
            TurnAct::Send { text, attachments } => {
                if text.trim().is_empty() && attachments.is_empty() {
                    return Err(empty());
                }
                let documents = self.read_files(attachments).await?;
                let prompt = if text.trim().is_empty() {
                    documents.first().map(|document| document.name.clone())
                } else {
                    Some(text.clone())
                };
                (Act::Send { text, documents }, prompt)
            }
            TurnAct::Edit { text, .. } if text.trim().is_empty() => return Err(empty()),
            TurnAct::Edit { message, text, attachments } => {
                (Act::Edit { message, text, documents: self.read_files(attachments).await? }, None)
            }
            TurnAct::Branch { text, attachments, .. } if text.trim().is_empty() && attachments.is_empty() => {
                return Err(empty());
            }
            TurnAct::Branch { after, text, attachments } => {
                (Act::Branch { after, text, documents: self.read_files(attachments).await? }, None)
            }
            TurnAct::Regenerate { answer } => (Act::Regenerate { answer }, None),
            TurnAct::Continue { answer } => (Act::Continue { answer }, None),
            TurnAct::Beside { question } => (Act::Beside { question }, None),
        })
    }

    async fn read_files(&self, paths: Vec<PathBuf>) -> Result<Vec<NewDocument>, Fault> {
        let mut documents = Vec::with_capacity(paths.len());
        for path in paths {
            documents.push(self.read_file(path).await?);
        }
        Ok(documents)
    }

    async fn read_file(&self, path: PathBuf) -> Result<NewDocument, Fault> {
        let parts = &self.0.parts;
        let path = attachments::resolve(&path, &parts.cwd, parts.home.as_deref());
        let limit = parts.live.config().chat.attachment_bytes;
        tokio::task::spawn_blocking(move || attachments::read(&path, limit))
            .await
            .map_err(|_| Fault::new(FaultKind::Internal, "Reading the file failed."))?
    }

    /// The model asked for, else the conversation's, the configured one, the one used last, the first installed.
    async fn pick_model(&self, vault: &Vault, rules: &Rules, wanted: Option<String>) -> Result<String, Fault> {
        if let Some(model) = self.known_choice(vault, rules, wanted).await? {
            return Ok(model);
        }
        // Other calls of the same screen wait in line behind this one.
        let installed = timeout(ASKING, self.0.parts.ollama.tags()).await.map_err(|_| {
            Fault::new(FaultKind::Upstream, "Ollama does not say which models there are.")
                .hint("Choose a model, or try again when Ollama answers.")
        })??;
        let talks = |capabilities: &[String]| capabilities.is_empty() || capabilities.iter().any(|c| c == "completion");
        installed
            .into_iter()
            .find(|model| talks(&model.capabilities) && rules.may_use(&model.name))
            .map(|model| model.name)
            .ok_or_else(|| {
                Fault::new(FaultKind::ModelMissing, "No model is installed.")
                    .hint("Install one, for example with `ollama pull llama3.2`.")
            })
    }

    /// As `pick_model`, without asking anybody.
    async fn known_choice(
        &self,
        vault: &Vault,
        rules: &Rules,
        wanted: Option<String>,
    ) -> Result<Option<String>, Fault> {
        if let Some(model) = wanted {
            // What somebody may not use is to them what is not there.
            return if rules.may_use(&model) { Ok(Some(model)) } else { Err(OllamaError::missing(&model).into()) };
        }
        let configured = Some(self.0.parts.live.config().chat.model.clone()).filter(|model| !model.is_empty());
        let (own, last) = vault
            .db
            .read(|tx| {
                let own = settings::get::<Preferences>(tx, PREFERENCES)?.unwrap_or_default();
                Ok::<_, StoreError>((own.model, conversations::last_model(tx)?))
            })
            .await?;
        Ok([own, configured, last].into_iter().flatten().find(|model| rules.may_use(model)))
    }

    async fn lease(&self) -> Result<Arc<Lease>, Fault> {
        if let Some(lease) = &self.state().lease {
            return Ok(Arc::clone(lease));
        }
        let directory = self.0.parts.leases.clone();
        let taken = tokio::task::spawn_blocking(move || Lease::take(&directory))
            .await
            .map_err(|_| Fault::new(FaultKind::Internal, "Taking a lease failed."))??;
        // Two at once may have taken one each: the first stays, the other is given up.
        Ok(Arc::clone(self.state().lease.get_or_insert(Arc::new(taken))))
    }

    /// Looks, for as long as it is polled, whether another process has ended sessions of this one. An answer asks nothing
    /// of the gate while it runs.
    async fn look_on(&self) {
        let Some(sessions) = &self.0.parts.sessions else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK_WHILE_ANSWERING).await;
            sessions.look();
        }
    }

    /// Looks for other processes' writes while someone listens for this account: into the vault while it is open, and
    /// whether the session still stands, and whether the house is as it was.
    fn watch(&self, vault: &Vault) {
        let account = vault.account;
        let hub = self.0.parts.hub.clone();
        // Unlocking opens the vault anew.
        if !hub.is_heard(account) || self.state().watched.insert(account, vault.db.downgrade()).is_some() {
            return;
        }
        let (token, sessions) = (self.0.parts.tasks.token(), self.0.parts.sessions.clone());
        let live = self.0.parts.live.clone();
        let mut fleet = self.0.parts.system.clone().map(Follower::new);
        let state = Arc::clone(&self.0.state);
        self.0.parts.tasks.spawn("other windows", async move {
            let (mut seen, mut mark) = (None, None);
            let mut house = HouseMark::default();
            while hub.is_heard(account) {
                // Whoever follows the configuration hears of what the house says now.
                drop(live.config());
                if let Some(sessions) = &sessions {
                    sessions.look();
                    if sessions.house_changed(&mut house) {
                        hub.changed(account, Changed::House);
                    }
                }
                // Holding the vault only for the question: locking it must close it.
                let open = lock(&state).watched.get(&account).and_then(WeakDb::upgrade);
                if let Some(db) = open {
                    let log = db.log_mark();
                    if log.is_none() || log != mark {
                        let version = db.foreign_version().await.ok();
                        if version.is_some() && seen.is_some() && seen != version {
                            hub.changed(account, Changed::Everything);
                        }
                        (seen, mark) = (version, log);
                    }
                } else {
                    (seen, mark) = (None, None);
                }
                if let Some(fleet) = &mut fleet
                    && fleet.has_changed().await
                {
                    hub.changed(account, Changed::Models);
                }
                hub.flush(account);
                if token.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                    break;
                }
            }
            lock(&state).watched.remove(&account);
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A model that may not be used any more tells nothing of its window; how long the words are is known all the same.
fn unseen(fault: Fault) -> Result<Option<String>, Fault> {
    if fault.kind == FaultKind::ModelMissing { Ok(None) } else { Err(fault) }
}

/// An image for a model that is known to be blind; where nobody knows, the server decides.
fn refuse_images(act: &Act, model: &str, facts: &Facts) -> Result<(), Fault> {
    let has_image = match act {
        Act::Send { documents, .. } | Act::Edit { documents, .. } | Act::Branch { documents, .. } => {
            documents.iter().any(|document| document.kind == AttachmentKind::Image)
        }
        Act::Regenerate { .. } | Act::Continue { .. } | Act::Beside { .. } => false,
    };
    if has_image && facts.can("vision") == Some(false) {
        return Err(Fault::new(FaultKind::Model, format!("{model} cannot see images."))
            .hint("Choose a model with vision, or send the message without the image."));
    }
    Ok(())
}
