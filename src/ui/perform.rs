//! Does what the machine asks for: the only part of the interface that knows the gateway.
//!
//! It decides nothing about screens. Invariant: calls that change something, or that read what such a call changes, are
//! done one after the other in the order they were asked for; so a draft is stored before the vault is locked.

mod account;
mod admin;
mod auth;
mod chat;
mod compare;
mod files;
mod health;
mod house;
mod insights;
mod jobs;
mod library;
mod metrics;
mod models;
mod notes;
mod organise;
mod overview;
mod own_file;
mod rules;
mod search;
mod shell;
mod templates;
mod transfer;

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    copy::Clipboard,
    msg::{Effect, Msg, NotesOf},
};
use crate::{
    api::{Fault, FaultKind, auth::Session, events::Event, library::Kind, organise::Shelf},
    gateway::Gateway,
    tasks::Tasks,
    trace,
};

/// Waiting calls; a person cannot ask faster.
const LANE: usize = 256;

/// Turns effects into calls and their answers into messages.
#[derive(Debug)]
pub struct Performer {
    hands: Hands,
    lane: mpsc::Sender<Work>,
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
    /// The session is being changed for another one, so its end is no news.
    is_changing: Arc<AtomicBool>,
    /// Ends the interface.
    quit: CancellationToken,
}

/// A call with everything that comes after it.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a call is made. Each noun has a file that says so for each of its calls.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// After those that were asked for before it: it changes something, or reads what such a call changes.
    InOrder,
    /// At once, beside all others, under this name.
    Beside(&'static str),
    /// At once; an older one of its kind is given up.
    Newest(Search),
    /// At once, and shown in the tray of jobs under this name.
    Job(&'static str),
}

/// Questions of which only the newest answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Search {
    Measure,
    Shelf(Shelf),
    /// Through the whole history.
    Everything,
    Prompts,
    Notes(NotesOf),
    Path,
    Folder,
    Preview,
    Beginning,
    Named,
    Tags,
    Retention,
    TransferPath,
    Users,
    User,
    Audit,
    Overview,
    Metrics,
    Insights,
    InsightsDays,
    Library(Kind),
    Fleet,
    FleetDetail,
    FleetUse,
    FleetBenchmarks,
    Advice,
    LibraryDetail(Kind),
    Documents,
    DocumentPlaces,
    Tried,
    Offers,
    FirstModels,
    Monitor,
    DownloadSizes,
    Modelfile,
    HealthHistory,
    /// Only one look through the whole database at a time; the next call of its kind breaks it off.
    FullCheck,
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
        let hands = Hands { gateway, tasks, outbox, session: Arc::default(), is_changing: Arc::default(), quit };
        hands.tasks.spawn("calls in order", hands.clone().serve(queue));
        hands.tasks.spawn("jobs", hands.clone().tell_jobs());
        Self { hands, lane, latest: HashMap::new(), clipboard }
    }

    /// Starts what is asked for and returns at once.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Auth(call) => self.auth(call),
            Effect::Account(call) => self.account(call),
            Effect::Chat(call) => self.chat(call),
            Effect::Notes(call) => self.notes(call),
            Effect::Admin(call) => self.admin(call),
            Effect::Insights(call) => self.insights(call),
            Effect::Library(call) => self.library(call),
            Effect::Jobs(call) => self.jobs(call),
            Effect::Models(call) => self.models(call),
            Effect::Search(call) => self.search(call),
            Effect::Shell(call) => self.shell(call),
            Effect::Transfer(call) => self.transfer(call),
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
            Effect::Toast(_)
            | Effect::Act(_)
            | Effect::OpenAt(_)
            | Effect::Use(_)
            | Effect::UseModel(_)
            | Effect::Confirm(_) => {}
        }
    }

    /// Waits until everything that was asked for in order is done, such as storing a draft; no longer than `limit`.
    pub async fn finish(&self, limit: std::time::Duration) {
        let (tell, done) = oneshot::channel();
        if self
            .lane
            .try_send(Box::pin(async move {
                let _ = tell.send(());
            }))
            .is_ok()
        {
            let _ = tokio::time::timeout(limit, done).await;
        }
    }

    fn make(&mut self, way: Way, work: Work) {
        let work: Work = Box::pin(trace::carried(work));
        match way {
            Way::InOrder => self.in_order(work),
            Way::Beside(name) => self.hands.tasks.spawn(name, work),
            Way::Newest(search) => {
                let newest = self.newest(search);
                self.hands.tasks.spawn("search", async move {
                    newest.run_until_cancelled(work).await;
                });
            }
            Way::Job(name) => self.hands.tasks.spawn_job(name, work),
        }
    }

    /// Ends the older search of this kind.
    fn newest(&mut self, search: Search) -> CancellationToken {
        let newest = self.hands.quit.child_token();
        if let Some(older) = self.latest.insert(search, newest.clone()) {
            older.cancel();
        }
        newest
    }

    fn in_order(&self, work: Work) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.lane.try_send(work) {
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

    /// One call after the other, until the interface ends; what was asked before that is still done.
    async fn serve(self, mut queue: mpsc::Receiver<Work>) {
        let ended = self.tasks.token();
        while let Some(Some(work)) = ended.run_until_cancelled(queue.recv()).await {
            work.await;
        }
    }
}
