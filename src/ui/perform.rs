//! Does what the machine asks for: the only part of the interface that knows the gateway.
//!
//! It decides nothing about screens. Invariant: calls that change something, or that read what such a call changes, are
//! done one after the other in the order they were asked for; so a draft is stored before the vault is locked.

mod admin;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    complete,
    copy::Clipboard,
    msg::{
        AccountCall, AccountReply, AdminCall, AuthCall, AuthReply, ChatCall, ChatReply, Clip, Copied, Effect, Msg,
        ShellCall, ShellReply,
    },
};
use crate::{
    api::{
        Fault, FaultKind,
        auth::{Door, Entered, Session, SignedIn},
        chat::Attachment,
        events::Event,
        organise::Shelf,
    },
    gateway::Gateway,
    tasks::Tasks,
};

/// Waiting calls; a person cannot ask faster.
const LANE: usize = 256;

/// Turns effects into calls and their answers into messages.
#[derive(Debug)]
pub struct Performer {
    hands: Hands,
    lane: mpsc::Sender<Ordered>,
    /// The running search of each kind; a newer one ends it.
    latest: HashMap<Search, CancellationToken>,
    clipboard: Clipboard,
}

/// What a task takes with it.
#[derive(Clone, Debug)]
struct Hands {
    gateway: Gateway,
    tasks: Tasks,
    outbox: mpsc::Sender<Msg>,
    session: Arc<Mutex<Option<Session>>>,
    /// Ends the interface.
    quit: CancellationToken,
}

/// Calls whose order matters.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful per key press, moved once")]
enum Ordered {
    Chat(ChatCall),
    Auth(AuthCall),
    Account(AccountCall),
    Quit,
    /// Says that everything before it is done.
    Done(oneshot::Sender<()>),
}

/// Questions of which only the newest answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Search {
    Measure,
    Shelf(Shelf),
    Prompts,
    Path,
    Users,
    User,
    Audit,
}

impl Performer {
    #[must_use]
    pub fn new(
        gateway: Gateway,
        tasks: Tasks,
        outbox: mpsc::Sender<Msg>,
        quit: CancellationToken,
        clipboard: Clipboard,
    ) -> Self {
        let (lane, queue) = mpsc::channel(LANE);
        let hands = Hands { gateway, tasks, outbox, session: Arc::default(), quit };
        hands.tasks.spawn("calls in order", hands.clone().serve(queue));
        hands.tasks.spawn("jobs", hands.clone().tell_jobs());
        Self { hands, lane, latest: HashMap::new(), clipboard }
    }

    /// Starts what is asked for and returns at once.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Auth(call @ (AuthCall::Lock | AuthCall::SignOut)) => self.in_order(Ordered::Auth(call)),
            Effect::Auth(call) => {
                let hands = self.hands.clone();
                self.hands.tasks.spawn("account", async move { hands.auth(call).await });
            }
            Effect::Account(call) => self.account(call),
            Effect::Chat(call) => self.chat(call),
            Effect::Admin(call) => self.admin(call),
            Effect::Shell(call) => self.shell(call),
            Effect::After(wait, timer) => {
                let hands = self.hands.clone();
                let ended = hands.quit.clone();
                self.hands.tasks.spawn("timer", async move {
                    if ended.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
                        hands.tell(Msg::Timer(timer)).await;
                    }
                });
            }
            Effect::Highlight(job) => {
                let hands = self.hands.clone();
                self.hands.tasks.spawn("colours", async move {
                    // A panic in a grammar costs the colours of one block.
                    if let Ok(done) = tokio::task::spawn_blocking(move || job.run()).await {
                        hands.tell(Msg::Highlighted(done)).await;
                    }
                });
            }
            // The root takes these out; they mean nothing outside the machine.
            Effect::Toast(_) | Effect::Act(_) | Effect::Confirm(_) => {}
        }
    }

    /// Waits until everything that was asked for in order is done, such as storing a draft; no longer than `limit`.
    pub async fn finish(&self, limit: std::time::Duration) {
        let (tell, done) = oneshot::channel();
        if self.lane.try_send(Ordered::Done(tell)).is_ok() {
            let _ = tokio::time::timeout(limit, done).await;
        }
    }

    fn account(&mut self, call: AccountCall) {
        match call {
            // These take their time, and nothing that is asked for after them looks at what they change.
            AccountCall::Export(_) | AccountCall::Models => {
                let hands = self.hands.clone();
                let name = if matches!(call, AccountCall::Export(_)) { "exporting your data" } else { "call" };
                self.hands.tasks.spawn(name, async move { hands.account(call).await });
            }
            AccountCall::Profile
            | AccountCall::SetDisplayName(_)
            | AccountCall::Preferences
            | AccountCall::SetPreferences(_)
            | AccountCall::Allowance
            | AccountCall::Activity { .. }
            | AccountCall::Sessions
            | AccountCall::EndSession(_)
            | AccountCall::EndOthers
            | AccountCall::Confirm(_)
            | AccountCall::BeginSecondFactor
            | AccountCall::AddSecondFactor(_)
            | AccountCall::RemoveSecondFactor(_)
            | AccountCall::NewSecondFactorCodes(_)
            | AccountCall::NewRecoveryCode
            | AccountCall::Delete => self.in_order(Ordered::Account(call)),
        }
    }

    fn chat(&mut self, call: ChatCall) {
        let search = match &call {
            ChatCall::Measure { .. } => Search::Measure,
            ChatCall::Conversations { shelf, .. } => Search::Shelf(*shelf),
            ChatCall::PastPrompts { .. } => Search::Prompts,
            ChatCall::CompletePath { .. } => Search::Path,
            ChatCall::Create(_)
            | ChatCall::Open { .. }
            | ChatCall::Change { .. }
            | ChatCall::Trash(_)
            | ChatCall::Restore(_)
            | ChatCall::CreateFolder { .. }
            | ChatCall::RenameFolder { .. }
            | ChatCall::MoveFolder { .. }
            | ChatCall::DeleteFolder { .. }
            | ChatCall::Mark { .. }
            | ChatCall::LoadDraft
            | ChatCall::SaveDraft { .. }
            | ChatCall::StartTurn(_)
            | ChatCall::Sibling { .. } => return self.in_order(Ordered::Chat(call)),
            ChatCall::Tree
            | ChatCall::Older { .. }
            | ChatCall::Newer { .. }
            | ChatCall::Oldest { .. }
            | ChatCall::Named { .. }
            | ChatCall::StopTurn(_)
            | ChatCall::Inspect(_)
            | ChatCall::Models { .. }
            | ChatCall::Model(_) => {
                let hands = self.hands.clone();
                return self.hands.tasks.spawn("call", async move { hands.chat(call).await });
            }
        };
        let newest = self.newest(search);
        let hands = self.hands.clone();
        self.hands.tasks.spawn("search", async move {
            newest.run_until_cancelled(Box::pin(hands.chat(call))).await;
        });
    }

    /// Ends the older search of this kind.
    fn newest(&mut self, search: Search) -> CancellationToken {
        let newest = self.hands.quit.child_token();
        if let Some(older) = self.latest.insert(search, newest.clone()) {
            older.cancel();
        }
        newest
    }

    fn admin(&mut self, call: AdminCall) {
        let (search, job) = match &call {
            AdminCall::Users { .. } => (Some(Search::Users), None),
            AdminCall::User { .. } => (Some(Search::User), None),
            AdminCall::Audit { .. } => (Some(Search::Audit), None),
            AdminCall::Each { .. } => (None, Some("changing accounts")),
            AdminCall::Export { .. } => (None, Some("writing the audit trail to a file")),
            AdminCall::Verify => (None, Some("verifying the audit trail")),
            AdminCall::CreateUser(_)
            | AdminCall::EndSession { .. }
            | AdminCall::Roles
            | AdminCall::CreateRole { .. }
            | AdminCall::RenameRole { .. }
            | AdminCall::DeleteRole { .. }
            | AdminCall::Permit { .. }
            | AdminCall::Limits { .. }
            | AdminCall::Models { .. }
            | AdminCall::Policy
            | AdminCall::SetPolicy(_)
            | AdminCall::Prune => (None, None),
        };
        let ended = match search {
            Some(search) => self.newest(search),
            None => self.hands.quit.clone(),
        };
        let hands = self.hands.clone();
        let work = async move {
            ended.run_until_cancelled(Box::pin(hands.admin(call))).await;
        };
        match job {
            Some(name) => self.hands.tasks.spawn_job(name, work),
            None => self.hands.tasks.spawn("call", work),
        }
    }

    fn shell(&mut self, call: ShellCall) {
        match call {
            ShellCall::Quit => self.in_order(Ordered::Quit),
            ShellCall::Copy(Clip { text, hidden }) => {
                let characters = text.chars().count();
                let copying = self.clipboard.clone().copy(text);
                let hands = self.hands.clone();
                self.hands.tasks.spawn("clipboard", async move {
                    let copied = copying.await.map(|()| Copied { characters, hidden });
                    hands.tell(Msg::Shell(ShellReply::Copied(copied))).await;
                });
            }
            ShellCall::Health => {
                let hands = self.hands.clone();
                self.hands.tasks.spawn("health", async move {
                    let health = hands.gateway.health().await;
                    hands.tell(Msg::Shell(ShellReply::Health(health))).await;
                });
            }
            ShellCall::StartOllama => {
                let hands = self.hands.clone();
                self.hands.tasks.spawn_job("starting Ollama", async move {
                    let started = hands.gateway.start_ollama().await;
                    hands.tell(Msg::Shell(ShellReply::StartedOllama(started))).await;
                });
            }
            ShellCall::Jobs => {
                let jobs = self.hands.tasks.jobs();
                self.reply(Msg::Shell(ShellReply::Jobs(jobs)));
            }
            // The loop has lent the terminal for these before they could come here.
            ShellCall::Suspend | ShellCall::Edit(_) => {}
        }
    }

    fn in_order(&self, call: Ordered) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.lane.try_send(call) {
            let busy = Fault::new(FaultKind::Slow, "Too much is waiting to be done.").hint("Try again in a moment.");
            self.reply(Msg::Event(Event::Notice(busy)));
        }
    }

    /// An answer that is there at once still goes the way of all answers.
    fn reply(&self, msg: Msg) {
        let hands = self.hands.clone();
        self.hands.tasks.spawn("call", async move { hands.tell(msg).await });
    }
}

impl Hands {
    async fn tell(&self, msg: Msg) {
        let _ = self.quit.run_until_cancelled(self.outbox.send(msg)).await;
    }

    fn session(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, session: Option<Session>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    /// Tells of every job that begins or ends, so that what is counted on the screen is so.
    async fn tell_jobs(self) {
        let mut changed = self.tasks.watch_jobs();
        let ended = self.tasks.token();
        while let Some(Ok(())) = ended.run_until_cancelled(changed.changed()).await {
            let jobs = self.tasks.jobs();
            self.tell(Msg::Shell(ShellReply::Jobs(jobs))).await;
        }
    }

    /// One call after the other, until the interface ends; what was asked before that is still done.
    async fn serve(self, mut queue: mpsc::Receiver<Ordered>) {
        let ended = self.tasks.token();
        while let Some(Some(call)) = ended.run_until_cancelled(queue.recv()).await {
            match call {
                Ordered::Chat(call) => self.chat(call).await,
                Ordered::Auth(call) => self.auth(call).await,
                Ordered::Account(call) => self.account(call).await,
                Ordered::Quit => self.quit.cancel(),
                Ordered::Done(tell) => drop(tell.send(())),
            }
        }
    }

    /// Keeps the session and listens to what happens in it.
    async fn arrive(&self, signed_in: &SignedIn) {
        let session = signed_in.session.clone();
        self.keep(Some(session.clone()));
        match self.gateway.events(&session).await {
            Ok(mut events) => {
                let hands = self.clone();
                let ended = self.tasks.token();
                self.tasks.spawn("events", async move {
                    while let Some(Some(event)) = ended.run_until_cancelled(events.recv()).await {
                        let is_over = matches!(event, Event::SessionEnded(_));
                        // Of a session that is no longer ours nothing is told.
                        if hands.session().as_ref() != Some(&session) {
                            return;
                        }
                        if hands.outbox.send(Msg::Event(event)).await.is_err() || is_over {
                            return;
                        }
                    }
                });
            }
            Err(fault) => self.tell(Msg::Event(Event::Notice(fault))).await,
        }
    }

    async fn auth(&self, call: AuthCall) {
        let gateway = &self.gateway;
        let signed_out = || Err(Fault::signed_out());
        let reply = match call {
            AuthCall::Door => {
                let door = gateway.door().await;
                if let Ok(Door::Resumed(signed_in)) = &door {
                    self.arrive(signed_in).await;
                }
                AuthReply::Door(door)
            }
            AuthCall::Judge { asked, name, passphrase } => {
                AuthReply::Judged { asked, strength: gateway.judge_passphrase(&name, &passphrase).await }
            }
            AuthCall::Propose => AuthReply::Proposed(gateway.propose_passphrase().await),
            AuthCall::CreateFirstAdmin(new) => {
                let made = gateway.create_first_admin(new).await;
                self.signed_in(made.map(|made| Entered::In(Box::new(made)))).await
            }
            AuthCall::Register(new) => {
                let made = gateway.register(new).await;
                self.signed_in(made.map(|made| Entered::In(Box::new(made)))).await
            }
            AuthCall::Activate(how) => self.signed_in(gateway.activate(how).await).await,
            AuthCall::SecondFactor { half, code } => {
                let passed = gateway.second_factor(&half, &code).await;
                self.signed_in(passed.map(|passed| Entered::In(Box::new(passed)))).await
            }
            AuthCall::SignIn { name, passphrase } => self.signed_in(gateway.sign_in(&name, &passphrase).await).await,
            AuthCall::Recover { name, code, new } => self.signed_in(gateway.recover(&name, &code, &new).await).await,
            AuthCall::StaySignedIn(stay) => AuthReply::Stayed(match self.session() {
                Some(session) => gateway.stay_signed_in(&session, stay).await.map(|()| stay),
                None => signed_out().map(|()| stay),
            }),
            AuthCall::SignOut => {
                let done = match self.session() {
                    Some(session) => gateway.sign_out(&session).await,
                    None => Ok(()),
                };
                self.keep(None);
                AuthReply::SignedOut(done)
            }
            AuthCall::Lock => AuthReply::Locked(match self.session() {
                Some(session) => gateway.lock(&session).await,
                None => signed_out(),
            }),
            AuthCall::Unlock(passphrase) => AuthReply::Unlocked(match self.session() {
                Some(session) => gateway.unlock(&session, &passphrase).await,
                None => signed_out(),
            }),
            AuthCall::ChangePassphrase { current, new } => AuthReply::PassphraseChanged(match self.session() {
                Some(session) => gateway.change_passphrase(&session, &current, &new).await,
                None => signed_out(),
            }),
            AuthCall::Confirm(passphrase) => AuthReply::Confirmed(match self.session() {
                Some(session) => gateway.confirm(&session, &passphrase).await,
                None => signed_out(),
            }),
        };
        self.tell(Msg::Auth(reply)).await;
    }

    async fn signed_in(&self, entered: Result<Entered, Fault>) -> AuthReply {
        match entered {
            Ok(Entered::In(signed_in)) => {
                self.arrive(&signed_in).await;
                AuthReply::SignedIn(Ok(signed_in))
            }
            Ok(Entered::SecondFactor(half)) => AuthReply::HalfWay(half),
            Err(fault) => AuthReply::SignedIn(Err(fault)),
        }
    }

    async fn account(&self, call: AccountCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask_account(&session, call).await;
        self.tell(Msg::Account(reply)).await;
    }

    async fn ask_account(&self, session: &Session, call: AccountCall) -> AccountReply {
        let gateway = &self.gateway;
        match call {
            AccountCall::Profile => AccountReply::Profile(gateway.profile(session).await.map(Box::new)),
            AccountCall::SetDisplayName(name) => {
                AccountReply::DisplayNameSet(gateway.set_display_name(session, name).await)
            }
            AccountCall::Preferences => AccountReply::Preferences(gateway.preferences(session).await.map(Box::new)),
            AccountCall::SetPreferences(new) => {
                AccountReply::PreferencesSet(gateway.set_preferences(session, (*new).clone()).await.map(|()| new))
            }
            AccountCall::Allowance => AccountReply::Allowance(gateway.allowance(session).await),
            AccountCall::Activity { before, limit } => {
                AccountReply::Activity { before, activity: gateway.activity(session, before, limit).await }
            }
            AccountCall::Sessions => AccountReply::Sessions(gateway.sessions(session).await),
            AccountCall::EndSession(which) => AccountReply::SessionEnded(gateway.end_session(session, which).await),
            AccountCall::EndOthers => AccountReply::OthersEnded(gateway.end_other_sessions(session).await),
            AccountCall::Confirm(passphrase) => AccountReply::Confirmed(gateway.confirm(session, &passphrase).await),
            AccountCall::BeginSecondFactor => AccountReply::Proposed(gateway.begin_second_factor(session).await),
            AccountCall::AddSecondFactor(code) => AccountReply::Added(gateway.add_second_factor(session, &code).await),
            AccountCall::RemoveSecondFactor(code) => {
                AccountReply::Removed(gateway.remove_second_factor(session, &code).await)
            }
            AccountCall::NewSecondFactorCodes(code) => {
                AccountReply::NewCodes(gateway.new_second_factor_codes(session, &code).await)
            }
            AccountCall::NewRecoveryCode => AccountReply::RecoveryCode(gateway.new_recovery_code(session).await),
            AccountCall::Export(path) => {
                AccountReply::Exported(gateway.export_my_data(session, complete::whole(&path)).await)
            }
            AccountCall::Delete => AccountReply::Deleted(gateway.delete_my_account(session).await),
            AccountCall::Models => AccountReply::Models(gateway.models(session, false).await),
        }
    }

    async fn chat(&self, call: ChatCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask(&session, call).await;
        self.tell(Msg::Chat(reply)).await;
    }

    /// Of each list the first name that is there; names of nothing are left out.
    async fn look_at(&self, session: &Session, names: Vec<Vec<PathBuf>>) -> Vec<(PathBuf, Result<Attachment, Fault>)> {
        let mut found = Vec::new();
        for candidates in names {
            for path in candidates {
                match self.gateway.inspect_attachment(session, path.clone()).await {
                    Err(fault) if fault.kind == FaultKind::NotFound => {}
                    seen => {
                        found.push((path, seen));
                        break;
                    }
                }
            }
        }
        found
    }

    async fn ask(&self, session: &Session, call: ChatCall) -> ChatReply {
        let gateway = &self.gateway;
        match call {
            ChatCall::Tree => ChatReply::Tree(gateway.tree(session).await),
            ChatCall::Conversations { asked, shelf, filter, after, limit } => ChatReply::Conversations {
                asked,
                shelf,
                page: gateway.conversations(session, shelf, &filter, after, limit).await,
            },
            ChatCall::Create(new) => ChatReply::Created(gateway.create_conversation(session, new).await.map(Box::new)),
            ChatCall::Open { id, limit } => {
                ChatReply::Opened { id, opened: gateway.open_conversation(session, id, limit).await.map(Box::new) }
            }
            ChatCall::Older { conversation, before, limit } => ChatReply::Older {
                conversation,
                page: gateway.older_messages(session, conversation, before, limit).await,
            },
            ChatCall::Newer { conversation, after, limit } => ChatReply::Newer {
                conversation,
                page: gateway.newer_messages(session, conversation, after, limit).await,
            },
            ChatCall::Oldest { conversation, limit } => {
                ChatReply::Oldest { conversation, page: gateway.oldest_messages(session, conversation, limit).await }
            }
            ChatCall::Change { id, patch } => {
                ChatReply::Changed(gateway.change_conversation(session, id, patch).await.map(Box::new))
            }
            ChatCall::Trash(ids) => {
                ChatReply::Trashed { done: gateway.trash_conversations(session, ids.clone()).await, ids }
            }
            ChatCall::Restore(ids) => {
                ChatReply::Restored { done: gateway.restore_conversations(session, ids.clone()).await, ids }
            }
            ChatCall::CreateFolder { parent, name } => {
                ChatReply::FolderCreated(gateway.create_folder(session, parent, &name).await)
            }
            ChatCall::RenameFolder { id, name } => {
                ChatReply::FolderDone(gateway.rename_folder(session, id, &name).await)
            }
            ChatCall::MoveFolder { id, parent } => {
                ChatReply::FolderDone(gateway.move_folder(session, id, parent).await)
            }
            ChatCall::DeleteFolder { id, content } => {
                ChatReply::FolderDone(gateway.delete_folder(session, id, content).await)
            }
            ChatCall::Sibling { conversation, message, step, limit } => {
                let page = match gateway.sibling(session, conversation, message, step).await {
                    Ok(sibling) => gateway.show_branch(session, conversation, sibling, limit).await,
                    Err(fault) => Err(fault),
                };
                ChatReply::Branch { conversation, page }
            }
            ChatCall::Mark { conversation, message, excluded, pinned } => ChatReply::Marked {
                message,
                done: gateway.mark_message(session, conversation, message, excluded, pinned).await,
            },
            ChatCall::LoadDraft => ChatReply::Draft(gateway.draft(session, None).await),
            ChatCall::SaveDraft { conversation, draft } => {
                ChatReply::DraftSaved(gateway.save_draft(session, conversation, draft).await)
            }
            ChatCall::PastPrompts { asked, text, limit } => {
                ChatReply::PastPrompts { asked, prompts: gateway.past_prompts(session, &text, limit).await }
            }
            ChatCall::StartTurn(new) => ChatReply::Started(gateway.start_turn(session, new).await.map(Box::new)),
            ChatCall::StopTurn(turn) => ChatReply::Stopped(gateway.stop_turn(session, turn).await),
            ChatCall::Measure { asked, planned } => {
                ChatReply::Measured { asked, meter: gateway.measure_context(session, planned).await }
            }
            ChatCall::Named { asked, names } => ChatReply::Named { asked, found: self.look_at(session, names).await },
            ChatCall::Inspect(path) => {
                let attachment = gateway.inspect_attachment(session, path.clone()).await;
                ChatReply::Inspected { path, attachment }
            }
            ChatCall::CompletePath { asked, typed } => {
                let paths = tokio::task::spawn_blocking(move || complete::paths(&typed)).await.unwrap_or_default();
                ChatReply::PathsCompleted { asked, paths }
            }
            ChatCall::Models { fresh } => ChatReply::Models(gateway.models(session, fresh).await),
            ChatCall::Model(name) => ChatReply::Model(gateway.model(session, &name).await.map(Box::new)),
        }
    }
}
