//! The frame around every screen: who is in, what is open in front, what is told in passing.
//!
//! It routes; what a screen does with a key is the screen's business. Invariant: while it is locked or signed out,
//! nothing of a vault is drawn.

mod act;
mod jobs;
mod keys;
mod overlay;
mod replies;
mod screens;
mod session;
mod transfer;
mod view;

use std::time::Duration;

use ratatui::Frame;

use self::{overlay::Overlay, screens::Screens};
use super::{
    cx::Cx,
    keymap::Context,
    msg::{AuthCall, Effect, Msg, ShellCall, Timer},
    run::App,
    screens::sign_in::{LockScreen, SignInScreen},
    theme::Theme,
    widgets::{
        toast::{SHOWN, Toast},
        transfer::TransferDialog,
    },
};
use crate::{
    api::{Fault, FaultKind, auth::Role, profile::Preferences},
    config::{Config, ThemeName, load::Problem},
    tasks::Running,
};

const SPIN: Duration = Duration::from_millis(80);
const JOBS_EVERY: Duration = Duration::from_secs(1);

/// What the environment says about colours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// `NO_COLOR` is set.
    pub no_color: bool,
    pub light_background: bool,
}

impl Look {
    #[must_use]
    pub fn theme(self, name: ThemeName) -> Theme {
        Theme::on_background(name, self.no_color, self.light_background)
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two of them make a state")]
pub struct Root {
    pub cx: Cx,
    look: Look,
    clock: fn() -> i64,
    stage: Stage,
    /// What the settings file says; `cx.config` is that with the preferences of whoever is in.
    settings: Config,
    preferences: Preferences,
    /// Whether anybody may make an account here, as far as the door has told.
    registration: bool,
    overlay: Option<Overlay>,
    /// The dialog of an export or an import that goes on behind.
    transfer: Option<Box<TransferDialog>>,
    toasts: Vec<(u64, Toast)>,
    toasts_made: u64,
    /// What runs in the background, as the family of all tasks tells it: the one truth for header and tray.
    jobs: Vec<Running>,
    /// What is told of jobs is drawn in a moment, however much of it comes until then.
    jobs_moved: bool,
    /// A look at Ollama is due some time; there is never more than one such timer.
    health_is_due: bool,
    /// A spinner tick is on its way.
    spinning: bool,
    /// A piece of an answer has come since the last tick: what turns was drawn with it.
    heard_an_answer: bool,
    /// The first Ctrl+C of two.
    quitting: bool,
    /// Stop the process once the vault is locked.
    suspend_next: bool,
    last_input_ms: i64,
    dirty: bool,
}

enum Stage {
    /// The door has not answered yet.
    Opening,
    /// It cannot be opened: why, and what to do.
    Failed(Fault),
    Outside(SignInScreen),
    Inside(Box<Screens>),
    Locked {
        screens: Box<Screens>,
        lock: LockScreen,
    },
}

impl Root {
    /// With what should be done first.
    #[must_use]
    pub fn new(cx: Cx, look: Look, clock: fn() -> i64, problems: &[Problem]) -> (Self, Vec<Effect>) {
        let mut root = Self {
            last_input_ms: cx.now_ms,
            settings: cx.config.clone(),
            cx,
            look,
            clock,
            stage: Stage::Opening,
            preferences: Preferences::default(),
            registration: false,
            overlay: None,
            transfer: None,
            toasts: Vec::new(),
            toasts_made: 0,
            jobs: Vec::new(),
            jobs_moved: false,
            health_is_due: false,
            spinning: false,
            heard_an_answer: false,
            quitting: false,
            suspend_next: false,
            dirty: true,
        };
        let mut effects = vec![Effect::Auth(AuthCall::Door), Effect::Shell(ShellCall::Health)];
        effects.extend(problems.iter().map(replies::key_problem));
        let effects = root.settle(effects);
        (root, effects)
    }

    /// Carries out what concerns the shell itself; the rest is left for outside.
    fn settle(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut outward = Vec::new();
        let mut waiting: std::collections::VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Toast(toast) => outward.extend(self.raise(toast)),
                Effect::Confirm(then) => self.ask_passphrase(then),
                Effect::Act(action) => {
                    let more = self.act(action, None);
                    for effect in more.into_iter().rev() {
                        waiting.push_front(effect);
                    }
                }
                Effect::OpenAt(spot) => {
                    let more = self.open_at(*spot);
                    for effect in more.into_iter().rev() {
                        waiting.push_front(effect);
                    }
                }
                Effect::Use(thing) => {
                    let more = self.with_screens(|screens, cx| screens.use_in_chat(thing, cx));
                    for effect in more.into_iter().rev() {
                        waiting.push_front(effect);
                    }
                }
                Effect::UseModel(name) => {
                    let more = self.with_screens(|screens, cx| screens.use_model(&name, cx));
                    for effect in more.into_iter().rev() {
                        waiting.push_front(effect);
                    }
                }
                other @ (Effect::Auth(_)
                | Effect::Account(_)
                | Effect::Chat(_)
                | Effect::Notes(_)
                | Effect::Admin(_)
                | Effect::Insights(_)
                | Effect::Library(_)
                | Effect::Jobs(_)
                | Effect::Models(_)
                | Effect::Search(_)
                | Effect::Shell(_)
                | Effect::Transfer(_)
                | Effect::After(..)
                | Effect::Highlight(_)) => outward.push(other),
            }
        }
        if self.is_busy() && !self.spinning {
            self.spinning = true;
            outward.push(Effect::After(SPIN, Timer::Spinner));
        }
        outward
    }

    fn is_admin(&self) -> bool {
        self.cx.account.as_ref().is_some_and(|account| account.role == Role::Admin)
    }

    fn raise(&mut self, toast: Toast) -> Option<Effect> {
        // What is already being said is not said twice.
        if self.toasts.iter().any(|(_, shown)| *shown == toast) {
            return None;
        }
        self.toasts_made += 1;
        let id = self.toasts_made;
        let stays = toast.stays();
        self.toasts.push((id, toast));
        if self.toasts.len() > SHOWN {
            self.toasts.remove(0);
        }
        Some(Effect::After(stays, Timer::Toast(id)))
    }

    fn is_busy(&self) -> bool {
        let behind = match &self.stage {
            Stage::Opening => true,
            Stage::Failed(_) => false,
            Stage::Outside(screen) => screen.is_busy(),
            Stage::Inside(screens) => screens.current().is_busy(),
            Stage::Locked { lock, .. } => lock.ask.is_busy(),
        };
        let before = self.overlay.as_ref().is_some_and(|overlay| overlay.is_busy(&self.jobs));
        behind || before
    }

    fn context(&self) -> Context {
        self.overlay.as_ref().map_or_else(|| self.context_behind(), Overlay::context)
    }

    fn context_behind(&self) -> Context {
        match &self.stage {
            Stage::Opening | Stage::Failed(_) => Context::Global,
            Stage::Outside(_) | Stage::Locked { .. } => Context::Form,
            Stage::Inside(screens) => screens.current().context(),
        }
    }

    /// What must be stored before the screen is left, whoever wants it left.
    pub fn leave(&mut self) -> Vec<Effect> {
        match &mut self.stage {
            Stage::Inside(screens) => screens.chat.leave(&self.cx),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. } => Vec::new(),
        }
    }

    /// Asks to be woken for the next look at Ollama, once, however many looks there were in between.
    fn watch_health(&mut self) -> Option<Effect> {
        let seconds = self.cx.config.health.every_seconds;
        if seconds == 0 || std::mem::replace(&mut self.health_is_due, true) {
            return None;
        }
        Some(Effect::After(Duration::from_secs(seconds), Timer::Health))
    }

    pub fn view(&self, frame: &mut Frame) {
        view::root(self, frame);
    }
}

impl App for Root {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        self.cx.now_ms = (self.clock)();
        let was_dirty = std::mem::replace(&mut self.dirty, true);
        let effects = match msg {
            Msg::Key(key) => self.on_key(key),
            Msg::Mouse(mouse) => self.on_mouse(mouse),
            Msg::Paste(text) => self.on_paste(text),
            Msg::Resize(columns, rows) => {
                self.cx.size = (columns, rows);
                Vec::new()
            }
            Msg::Focus(_) => {
                self.dirty = false;
                Vec::new()
            }
            Msg::Timer(timer) => self.on_timer(timer),
            Msg::Event(event) => self.on_event(event),
            Msg::Auth(reply) => self.on_auth(reply),
            Msg::Account(reply) => self.on_account(reply),
            Msg::Chat(reply) => {
                let fault = reply.fault().cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.chat.on_reply(reply, cx))
            }
            Msg::Notes(reply) => {
                let fault = reply.fault().cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.on_notes(reply, cx))
            }
            Msg::Admin(reply) => {
                let fault = reply.fault().cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.admin.on_reply(reply, cx))
            }
            Msg::Insights(reply) => {
                let fault = reply.fault().cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.on_insights(reply, cx))
            }
            Msg::Library(reply) => {
                let fault = reply.fault().cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.library.on_library(reply, cx))
            }
            Msg::Jobs(reply) => self.on_jobs(reply),
            Msg::Models(reply) => {
                // What is typed may be half a filter; the screen says so where it is typed.
                let fault = reply.fault().filter(|fault| fault.kind != FaultKind::Cancelled).cloned();
                self.answer(fault.as_ref(), |screens, cx| screens.models.on_reply(reply, cx))
            }
            Msg::Search(reply) => {
                let fault = reply.fault().filter(|fault| fault.kind != FaultKind::Cancelled).cloned();
                self.answer(fault.as_ref(), |screens, _| screens.search.on_reply(reply))
            }
            Msg::Shell(reply) => self.on_shell(reply),
            Msg::Transfer(reply) => self.on_transfer(reply),
            Msg::Highlighted(done) => self.with_screens(|screens, _| {
                screens.chat.on_highlighted(done);
                Vec::new()
            }),
        };
        let toasts = self.toasts.len();
        let effects = self.settle(effects);
        if let Stage::Inside(screens) = &self.stage {
            self.cx.lane = screens.chat.lane();
        }
        self.dirty |= was_dirty || self.toasts.len() != toasts;
        effects
    }

    fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }
}

#[cfg(test)]
mod tests;
