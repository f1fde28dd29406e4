//! The frame around every screen: who is in, what is open in front, what is told in passing.
//!
//! It routes; what a screen does with a key is the screen's business. Invariant: while it is locked or signed out,
//! nothing of a vault is drawn.

mod replies;
mod view;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use super::{
    cx::Cx,
    keymap::{Action, Context, KeyProblem, Keymap},
    msg::{AccountCall, AuthCall, Effect, Msg, ShellCall, Timer},
    run::App,
    screens::{
        account::AccountScreen,
        admin::AdminScreen,
        chat::ChatScreen,
        sign_in::{ChangeOut, ChangePassphrase, LockScreen, SignInScreen},
    },
    theme::Theme,
    widgets::{
        confirm::{Confirm, ConfirmOut},
        help::Help,
        palette::palette,
        picker::{Picker, PickerOut},
        toast::{SHOWN, Toast},
    },
};
use crate::{
    api::{Fault, auth::Role, health::OllamaState, profile::Preferences},
    config::{Config, ThemeName, load::Problem},
    tasks::Running,
};

const SPIN: Duration = Duration::from_millis(80);
const QUIT_WITHIN: Duration = Duration::from_secs(2);
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
    /// In front of the chat, while somebody is in.
    screen: Screen,
    /// Kept while another screen is shown, for the answers that may still come. Only administrators get to see it.
    admin: AdminScreen,
    /// What the settings file says; `cx.config` is that with the preferences of whoever is in.
    settings: Config,
    preferences: Preferences,
    /// Whether anybody may make an account here, as far as the door has told.
    registration: bool,
    overlay: Option<Overlay>,
    toasts: Vec<(u64, Toast)>,
    toasts_made: u64,
    /// What runs in the background, as the family of all tasks tells it: the one truth for header and tray.
    jobs: Vec<Running>,
    /// A look at Ollama is due some time; there is never more than one such timer.
    health_is_due: bool,
    /// A spinner tick is on its way.
    spinning: bool,
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
    Inside(Box<ChatScreen>),
    Locked {
        chat: Box<ChatScreen>,
        lock: LockScreen,
    },
}

/// Which screen is on view. The chat is always there and goes on hearing; the others come and go.
enum Screen {
    Chat,
    Account(Box<AccountScreen>),
    Admin,
}

/// What stands in front of the screen and takes the keys.
#[derive(Debug)]
enum Overlay {
    Palette(Picker<Action>),
    Help(Help),
    Jobs,
    ChangePassphrase(ChangePassphrase),
    Confirm(Confirm),
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
            screen: Screen::Chat,
            admin: AdminScreen::default(),
            preferences: Preferences::default(),
            registration: false,
            overlay: None,
            toasts: Vec::new(),
            toasts_made: 0,
            jobs: Vec::new(),
            health_is_due: false,
            spinning: false,
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
                other @ (Effect::Auth(_)
                | Effect::Account(_)
                | Effect::Chat(_)
                | Effect::Admin(_)
                | Effect::Shell(_)
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

    /// Nothing is asked of somebody who is not in: what was refused stays undone.
    fn ask_passphrase(&mut self, then: Vec<Effect>) {
        if !matches!(self.stage, Stage::Inside(_)) {
            return;
        }
        match &mut self.overlay {
            Some(Overlay::Confirm(question)) => question.also(then),
            _ => self.overlay = Some(Overlay::Confirm(Confirm::new(then))),
        }
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
            Stage::Inside(chat) => match &self.screen {
                Screen::Chat => chat.is_busy(),
                Screen::Account(account) => account.is_busy(),
                Screen::Admin => self.admin.is_busy(),
            },
            Stage::Locked { lock, .. } => lock.is_busy(),
        };
        let before = match &self.overlay {
            Some(Overlay::ChangePassphrase(form)) => form.is_busy(),
            Some(Overlay::Confirm(question)) => question.is_busy(),
            Some(Overlay::Jobs) => !self.jobs.is_empty(),
            Some(Overlay::Palette(_) | Overlay::Help(_)) | None => false,
        };
        behind || before
    }

    fn context(&self) -> Context {
        match &self.overlay {
            Some(Overlay::Palette(_) | Overlay::Help(_) | Overlay::Jobs) => Context::List,
            Some(Overlay::ChangePassphrase(_) | Overlay::Confirm(_)) => Context::Form,
            None => self.context_behind(),
        }
    }

    fn context_behind(&self) -> Context {
        match &self.stage {
            Stage::Opening | Stage::Failed(_) => Context::Global,
            Stage::Outside(_) | Stage::Locked { .. } => Context::Form,
            Stage::Inside(chat) => match &self.screen {
                Screen::Chat => chat.context(),
                Screen::Account(account) => account.context(),
                Screen::Admin => self.admin.context(),
            },
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let idle = self.cx.now_ms - self.last_input_ms;
        self.last_input_ms = self.cx.now_ms;
        // After a machine slept the timer is late; the key that finds it so opens nothing.
        if self.idle_limit_ms().is_some_and(|limit| idle >= limit) && matches!(self.stage, Stage::Inside(_)) {
            return self.lock(Some(idle_reason()));
        }
        let action = self.cx.keymap.resolve(self.context(), key);
        self.quitting &= action == Some(Action::Interrupt);
        if let Some(action) = action { self.act(action, Some(key)) } else { self.raw(key) }
    }

    /// A key without a meaning of its own: text for whoever has the focus.
    fn raw(&mut self, key: KeyEvent) -> Vec<Effect> {
        match (&mut self.overlay, &mut self.stage) {
            (Some(Overlay::Palette(picker)), _) => {
                let out = picker.on_key(key);
                self.picked(out.as_ref())
            }
            (Some(Overlay::Help(_) | Overlay::Jobs), _) => {
                if matches!(key.code, crossterm::event::KeyCode::Char('q' | '?')) {
                    self.overlay = None;
                }
                Vec::new()
            }
            (Some(Overlay::ChangePassphrase(form)), _) => form.on_key(key).unwrap_or_default(),
            (Some(Overlay::Confirm(question)), _) => {
                question.on_key(key);
                Vec::new()
            }
            (None, Stage::Outside(screen)) => screen.on_key(key).unwrap_or_default(),
            (None, Stage::Locked { lock, .. }) => lock.on_key(key).unwrap_or_default(),
            (None, Stage::Inside(chat)) => match &mut self.screen {
                Screen::Chat => chat.on_key(key, &self.cx).unwrap_or_default(),
                Screen::Account(account) => account.on_key(key, &self.cx).unwrap_or_default(),
                Screen::Admin => self.admin.on_key(key).unwrap_or_default(),
            },
            (None, Stage::Opening | Stage::Failed(_)) => Vec::new(),
        }
    }

    fn picked(&mut self, out: Option<&PickerOut<Action>>) -> Vec<Effect> {
        match out {
            Some(PickerOut::Chosen(action)) => {
                self.overlay = None;
                vec![Effect::Act(*action)]
            }
            Some(PickerOut::Closed) => {
                self.overlay = None;
                Vec::new()
            }
            Some(PickerOut::Typed(_)) | None => Vec::new(),
        }
    }

    /// Does an action: the one in front first, then what is the shell's own, then the screen.
    fn act(&mut self, action: Action, key: Option<KeyEvent>) -> Vec<Effect> {
        if key.is_some() {
            if let Some(effects) = self.overlay_action(action) {
                return effects;
            }
        } else if !matches!(action, Action::Help) {
            self.overlay = None;
        }
        match action {
            Action::Quit => self.quit(),
            Action::Interrupt => self.interrupt(),
            Action::Help | Action::TreeHelp | Action::TranscriptHelp | Action::AccountHelp | Action::AdminHelp => {
                self.overlay = Some(Overlay::Help(Help::new(self.context_behind())));
                Vec::new()
            }
            Action::Palette => {
                self.overlay = Some(Overlay::Palette(palette(&self.cx, |action| self.works(action))));
                Vec::new()
            }
            Action::ToggleJobs => {
                self.overlay = Some(Overlay::Jobs);
                vec![Effect::Shell(ShellCall::Jobs), Effect::After(JOBS_EVERY, Timer::Jobs)]
            }
            Action::Refresh => {
                let mut effects = vec![Effect::Shell(ShellCall::Health)];
                match &mut self.stage {
                    Stage::Inside(chat) => effects.extend(match &mut self.screen {
                        Screen::Chat => chat.on_action(action, &self.cx).unwrap_or_default(),
                        Screen::Account(account) => account.on_action(action, &self.cx).unwrap_or_default(),
                        Screen::Admin => self.admin.open(),
                    }),
                    Stage::Failed(_) => {
                        self.stage = Stage::Opening;
                        effects.push(Effect::Auth(AuthCall::Door));
                    }
                    Stage::Opening | Stage::Outside(_) | Stage::Locked { .. } => {}
                }
                effects
            }
            Action::StartOllama => self.start_ollama(),
            Action::ScreenChat => self.show_chat(),
            Action::ScreenAccount if matches!(self.stage, Stage::Inside(_)) => self.show_account(),
            Action::ScreenAdmin => self.show_admin(),
            // From the palette: the tabs can be reached from everywhere.
            Action::AdminUsers | Action::AdminRoles | Action::AdminRules | Action::AdminAudit
                if !matches!(self.screen, Screen::Admin) =>
            {
                let mut effects = self.show_admin();
                if matches!(self.screen, Screen::Admin) {
                    effects.extend(self.admin.on_action(action, &self.cx).unwrap_or_default());
                }
                effects
            }
            Action::Lock => self.lock(None),
            Action::SignOut => self.sign_out(),
            Action::ChangePassphrase if matches!(self.stage, Stage::Inside(_)) => {
                self.overlay = Some(Overlay::ChangePassphrase(ChangePassphrase::default()));
                Vec::new()
            }
            Action::CycleTheme => {
                let next = match self.cx.config.ui.theme {
                    ThemeName::Auto | ThemeName::Dark => ThemeName::Light,
                    ThemeName::Light => ThemeName::Plain,
                    ThemeName::Plain => ThemeName::Dark,
                };
                self.cx.config.ui.theme = next;
                self.cx.theme = self.look.theme(next);
                Vec::new()
            }
            Action::Suspend if !self.cx.has_shell => {
                let toast = Toast::notice("There is no shell to go back to.");
                vec![Effect::Toast(toast.hint("This terminal runs nothing but ollamanet."))]
            }
            Action::Suspend => self.suspend(),
            action => self.screen_action(action, key),
        }
    }

    /// `None` = nothing is in front, or the action is not for it.
    fn overlay_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        let closes = matches!(action, Action::ListClose | Action::Escape | Action::Interrupt | Action::ListAccept);
        match self.overlay.as_mut()? {
            Overlay::Palette(_) if action == Action::Palette => self.overlay = None,
            Overlay::Palette(picker) => {
                let out = picker.on_action(action, &self.cx).ok()?;
                return Some(self.picked(out.as_ref()));
            }
            Overlay::Help(_) if closes || action == Action::Help => self.overlay = None,
            Overlay::Help(help) => return help.on_action(action, &self.cx).then(Vec::new),
            Overlay::Jobs if closes || action == Action::ToggleJobs => self.overlay = None,
            Overlay::Jobs => return None,
            Overlay::ChangePassphrase(_) if action == Action::Interrupt => self.overlay = None,
            Overlay::ChangePassphrase(form) => match form.on_action(action, &self.cx)? {
                ChangeOut::Effects(effects) => return Some(effects),
                ChangeOut::Closed => self.overlay = None,
            },
            Overlay::Confirm(_) if action == Action::Interrupt => return Some(self.unconfirmed()),
            Overlay::Confirm(question) => match question.on_action(action)? {
                ConfirmOut::Effects(effects) => return Some(effects),
                ConfirmOut::Closed => return Some(self.unconfirmed()),
            },
        }
        Some(Vec::new())
    }

    fn unconfirmed(&mut self) -> Vec<Effect> {
        self.overlay = None;
        vec![Effect::Toast(Toast::notice("Left as it was."))]
    }

    fn screen_action(&mut self, action: Action, key: Option<KeyEvent>) -> Vec<Effect> {
        if self.overlay.is_some() {
            return Vec::new();
        }
        let used = match &mut self.stage {
            Stage::Opening | Stage::Failed(_) => Some(Vec::new()),
            Stage::Outside(screen) => screen.on_action(action, &self.cx),
            Stage::Locked { lock, .. } => lock.on_action(action),
            Stage::Inside(chat) => match &mut self.screen {
                Screen::Chat => chat.on_action(action, &self.cx),
                Screen::Account(account) => match account.on_action(action, &self.cx) {
                    None if is_the_chat_s(action) && !account.must_add_factor() => {
                        self.screen = Screen::Chat;
                        chat.on_action(action, &self.cx)
                    }
                    used => used,
                },
                Screen::Admin => match self.admin.on_action(action, &self.cx) {
                    None if is_the_chat_s(action) && !self.admin.has_dialog() => {
                        self.screen = Screen::Chat;
                        chat.on_action(action, &self.cx)
                    }
                    used => used,
                },
            },
        };
        match (used, key) {
            (Some(effects), _) => effects,
            (None, Some(key)) => self.raw(key),
            (None, None) => vec![Effect::Toast(Toast::notice("That has nothing to work on here."))],
        }
    }

    /// Which actions the palette offers at this stage.
    fn works(&self, action: Action) -> bool {
        let anywhere = matches!(
            action,
            Action::Help | Action::Refresh | Action::StartOllama | Action::CycleTheme | Action::Suspend | Action::Quit
        );
        match &self.stage {
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) => anywhere,
            Stage::Locked { .. } => anywhere || action == Action::SignOut,
            Stage::Inside(_) => match action.spec().context {
                Context::Global => action != Action::ScreenAdmin || self.is_admin(),
                Context::Composer
                | Context::Tree
                | Context::Transcript
                | Context::Account
                | Context::List
                | Context::Form => true,
                Context::Admin => self.is_admin(),
                context @ (Context::Users | Context::Roles | Context::Rules | Context::Audit) => {
                    matches!(self.screen, Screen::Admin) && self.admin.tab_context() == context
                }
            },
        }
    }

    fn show_chat(&mut self) -> Vec<Effect> {
        if self.must_add_factor() {
            return factor_first();
        }
        self.screen = Screen::Chat;
        Vec::new()
    }

    fn must_add_factor(&self) -> bool {
        matches!(&self.screen, Screen::Account(account) if account.must_add_factor())
    }

    fn show_admin(&mut self) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Inside(_)) || !self.is_admin() {
            return vec![Effect::Toast(Toast::notice("That screen is for administrators."))];
        }
        if self.must_add_factor() {
            return factor_first();
        }
        self.screen = Screen::Admin;
        self.admin.open()
    }

    fn show_account(&mut self) -> Vec<Effect> {
        if matches!(self.screen, Screen::Account(_)) {
            return Vec::new();
        }
        let (account, effects) = AccountScreen::new();
        self.screen = Screen::Account(Box::new(account));
        effects
    }

    /// What the settings file says, with what the person who is in has set for themselves over it.
    fn take_settings(&mut self) -> Vec<KeyProblem> {
        let mut config = self.settings.clone();
        let own = &self.preferences;
        for (context, actions) in &own.keys {
            let here = config.keys.entry(context.clone()).or_default();
            here.extend(actions.iter().map(|(action, keys)| (action.clone(), keys.clone())));
        }
        config.ui.theme = match own.theme.as_deref() {
            Some("auto") => ThemeName::Auto,
            Some("dark") => ThemeName::Dark,
            Some("light") => ThemeName::Light,
            Some("plain") => ThemeName::Plain,
            Some(_) | None => config.ui.theme,
        };
        if let Some(model) = &own.model {
            config.chat.model.clone_from(model);
        }
        if let Some(prompt) = &own.system_prompt {
            config.chat.system_prompt.clone_from(prompt);
        }
        let (keymap, problems) = Keymap::new(&config.keys);
        self.cx.keymap = keymap;
        self.cx.theme = self.look.theme(config.ui.theme);
        self.cx.config = config;
        problems
    }

    /// Clear the draft, stop the answer (both the screen's), then twice to quit.
    fn interrupt(&mut self) -> Vec<Effect> {
        if let Stage::Inside(chat) = &mut self.stage {
            let used = match &mut self.screen {
                Screen::Chat => chat.on_action(Action::Interrupt, &self.cx),
                Screen::Account(account) => account.on_action(Action::Interrupt, &self.cx),
                Screen::Admin => self.admin.on_action(Action::Interrupt, &self.cx),
            };
            if let Some(effects) = used {
                self.quitting = false;
                return effects;
            }
        }
        if std::mem::replace(&mut self.quitting, true) {
            return self.quit();
        }
        let key = self.cx.key(Action::Interrupt);
        vec![
            Effect::Toast(Toast::notice(format!("{key} once more quits."))),
            Effect::After(QUIT_WITHIN, Timer::QuitLadder),
        ]
    }

    /// A running answer is kept as far as it came: the program's shutdown stores it.
    fn quit(&mut self) -> Vec<Effect> {
        let mut effects = self.leave();
        effects.push(Effect::Shell(ShellCall::Quit));
        effects
    }

    /// What must be stored before the screen is left, whoever wants it left.
    pub fn leave(&mut self) -> Vec<Effect> {
        match &mut self.stage {
            Stage::Inside(chat) => chat.leave(&self.cx),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. } => Vec::new(),
        }
    }

    fn lock(&mut self, reason: Option<String>) -> Vec<Effect> {
        // Nobody was told its passphrase, and nothing in it is anybody's.
        if self.cx.is_demo {
            return vec![Effect::Toast(Toast::notice("The demo has nothing to lock."))];
        }
        let mut effects = self.leave();
        if self.hide(reason) {
            effects.push(Effect::Auth(AuthCall::Lock));
        }
        effects
    }

    /// Takes everything of the vault off the screen; false when nobody is in.
    fn hide(&mut self, reason: Option<String>) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Opening) {
            Stage::Inside(chat) => {
                self.overlay = None;
                self.toasts.clear();
                self.screen = Screen::Chat;
                self.stage = Stage::Locked { chat, lock: LockScreen::new(reason) };
                true
            }
            other @ (Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. }) => {
                self.stage = other;
                false
            }
        }
    }

    fn sign_out(&mut self) -> Vec<Effect> {
        if self.cx.is_demo {
            return vec![Effect::Toast(Toast::notice("The demo has one account; quitting ends it."))];
        }
        let mut effects = self.leave();
        if matches!(self.stage, Stage::Inside(_) | Stage::Locked { .. }) {
            effects.push(Effect::Auth(AuthCall::SignOut));
            self.go_outside(None);
        }
        effects
    }

    fn go_outside(&mut self, reason: Option<Fault>) {
        self.overlay = None;
        self.toasts.clear();
        self.cx.account = None;
        self.screen = Screen::Chat;
        self.admin = AdminScreen::default();
        self.preferences = Preferences::default();
        // The settings file's keys have been complained of already.
        let _ = self.take_settings();
        self.stage = Stage::Outside(SignInScreen::sign_in(reason).with_registration(self.registration));
    }

    /// The vault is closed before the shell gets the terminal.
    fn suspend(&mut self) -> Vec<Effect> {
        if matches!(self.stage, Stage::Inside(_)) && !self.cx.is_demo {
            self.suspend_next = true;
            return self.lock(Some("Locked while it was suspended. Your passphrase opens the vault again.".into()));
        }
        vec![Effect::Shell(ShellCall::Suspend)]
    }

    fn start_ollama(&mut self) -> Vec<Effect> {
        let again = self.cx.key(Action::Refresh);
        let toast = match self.cx.health.as_ref().map(|health| &health.ollama) {
            Some(OllamaState::InstalledNotRunning) => {
                return vec![Effect::Toast(Toast::notice("Starting Ollama…")), Effect::Shell(ShellCall::StartOllama)];
            }
            Some(OllamaState::Reachable { .. }) => Toast::notice("Ollama is running already."),
            Some(OllamaState::Absent) => Toast::warning("There is no Ollama on this machine.")
                .hint(format!("Install it from ollama.com, then press {again}.")),
            Some(OllamaState::Unreachable { .. }) => {
                Toast::warning("This Ollama is not one that can be started from here.")
                    .hint(format!("Start it where it runs, then press {again}."))
            }
            Some(OllamaState::Unknown) | None => Toast::notice("Still looking for Ollama."),
        };
        vec![Effect::Toast(toast)]
    }

    fn idle_limit_ms(&self) -> Option<i64> {
        let minutes = i64::from(self.cx.config.auth.idle_lock_minutes);
        (minutes > 0 && !self.cx.is_demo).then_some(minutes * 60_000)
    }

    /// Asks to be woken for the next look at Ollama, once, however many looks there were in between.
    fn watch_health(&mut self) -> Option<Effect> {
        let seconds = self.cx.config.ollama.health_seconds;
        if seconds == 0 || std::mem::replace(&mut self.health_is_due, true) {
            return None;
        }
        Some(Effect::After(Duration::from_secs(seconds), Timer::Health))
    }

    /// Asks to be woken when the idle lock would be due.
    fn watch_idleness(&self) -> Option<Effect> {
        let left = self.idle_limit_ms()? - (self.cx.now_ms - self.last_input_ms);
        Some(Effect::After(Duration::from_millis(left.max(1).unsigned_abs()), Timer::IdleLock))
    }

    fn enter(&mut self) -> Vec<Effect> {
        let (chat, mut effects) = ChatScreen::new(&self.cx);
        self.stage = Stage::Inside(Box::new(chat));
        self.screen = Screen::Chat;
        effects.insert(0, Effect::Account(AccountCall::Preferences));
        self.last_input_ms = self.cx.now_ms;
        effects.extend(self.watch_idleness());
        effects
    }

    fn on_paste(&mut self, text: String) -> Vec<Effect> {
        self.last_input_ms = self.cx.now_ms;
        match (&mut self.overlay, &mut self.stage) {
            (Some(Overlay::Palette(picker)), _) => {
                let out = picker.on_paste(&text);
                self.picked(out.as_ref())
            }
            (Some(Overlay::ChangePassphrase(form)), _) => form.on_paste(&text),
            (Some(Overlay::Confirm(question)), _) => {
                question.on_paste(&text);
                Vec::new()
            }
            (None, Stage::Outside(screen)) => screen.on_paste(&text),
            (None, Stage::Locked { lock, .. }) => {
                lock.on_paste(&text);
                Vec::new()
            }
            (None, Stage::Inside(chat)) => match &mut self.screen {
                Screen::Chat => chat.on_paste(text, &self.cx),
                Screen::Account(account) => account.on_paste(&text, &self.cx),
                Screen::Admin => self.admin.on_paste(&text),
            },
            (Some(Overlay::Help(_) | Overlay::Jobs), _) | (None, Stage::Opening | Stage::Failed(_)) => Vec::new(),
        }
    }

    fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        self.last_input_ms = self.cx.now_ms;
        let whole = Rect::new(0, 0, self.cx.size.0, self.cx.size.1);
        let body = view::body(whole);
        let is_press = mouse.kind == MouseEventKind::Down(MouseButton::Left);
        if is_press && self.overlay.is_none() && mouse.row == 0 {
            return view::header_action(self, whole.width, mouse.column)
                .map(|action| self.act(action, None))
                .unwrap_or_default();
        }
        match (&mut self.overlay, &mut self.stage) {
            (Some(Overlay::Palette(picker)), _) => {
                let out = picker.on_mouse(mouse, whole, &self.cx);
                self.picked(out.as_ref())
            }
            (Some(Overlay::Help(help)), _) => {
                match mouse.kind {
                    MouseEventKind::ScrollUp => help.on_action(Action::ListUp, &self.cx),
                    MouseEventKind::ScrollDown => help.on_action(Action::ListDown, &self.cx),
                    _ => false,
                };
                Vec::new()
            }
            (Some(Overlay::ChangePassphrase(form)), _) => {
                form.on_mouse(mouse);
                Vec::new()
            }
            (Some(Overlay::Confirm(question)), _) => {
                question.on_mouse(mouse);
                Vec::new()
            }
            (None, Stage::Inside(chat)) => match &mut self.screen {
                Screen::Chat => chat.on_mouse(mouse, body, &self.cx),
                Screen::Account(account) => account.on_mouse(mouse, body, &self.cx),
                Screen::Admin => self.admin.on_mouse(mouse, body, &self.cx),
            },
            (None, Stage::Outside(screen)) => screen.on_mouse(mouse),
            (None, Stage::Locked { lock, .. }) => {
                lock.on_mouse(mouse);
                Vec::new()
            }
            (Some(Overlay::Jobs), _) | (None, Stage::Opening | Stage::Failed(_)) => Vec::new(),
        }
    }

    pub fn view(&self, frame: &mut Frame) {
        view::root(self, frame);
    }
}

/// What the chat alone can do, so that asking for it from another screen goes there.
fn is_the_chat_s(action: Action) -> bool {
    match action.spec().context {
        Context::Composer | Context::Tree | Context::Transcript => true,
        Context::Global => matches!(
            action,
            Action::NewConversation
                | Action::ModelPicker
                | Action::PromptHistory
                | Action::ToggleSidebar
                | Action::ToggleOptions
        ),
        Context::List
        | Context::Form
        | Context::Account
        | Context::Admin
        | Context::Users
        | Context::Roles
        | Context::Rules
        | Context::Audit => false,
    }
}

fn factor_first() -> Vec<Effect> {
    let toast = Toast::notice("A second factor comes first: this installation asks you for one.");
    vec![Effect::Toast(toast)]
}

fn idle_reason() -> String {
    "Locked because nobody typed for a while. Your passphrase opens the vault again.".into()
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
            Msg::Chat(reply) => self.on_chat(reply),
            Msg::Admin(reply) => self.on_admin(reply),
            Msg::Shell(reply) => self.on_shell(reply),
            Msg::Highlighted(done) => self.with_chat(|chat, _| {
                chat.on_highlighted(done);
                Vec::new()
            }),
        };
        let toasts = self.toasts.len();
        let effects = self.settle(effects);
        self.dirty |= was_dirty || self.toasts.len() != toasts;
        effects
    }

    fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }
}

#[cfg(test)]
mod tests;
