//! Who is in: coming in, going out, locking and unlocking, and what they have set for themselves.

use std::time::Duration;

use super::{Root, Stage, overlay::Overlay, screens::Screens};
use crate::{
    api::{
        Fault, FaultKind,
        auth::Door,
        events::{Changed, Event},
        profile::Preferences,
    },
    config::ThemeName,
    ui::{
        keymap::{KeyProblem, Keymap},
        msg::{AccountCall, AuthCall, Effect, ShellCall, Timer},
        screens::sign_in::{LockScreen, SignInScreen},
        widgets::toast::Toast,
    },
};

impl Root {
    pub(super) fn on_door(&mut self, door: Result<Door, Fault>) -> Vec<Effect> {
        match door {
            Ok(Door::FirstRun) => self.stage = Stage::Outside(SignInScreen::first_run()),
            Ok(Door::SignIn { registration, message }) => {
                self.registration = registration;
                self.stage =
                    Stage::Outside(SignInScreen::sign_in(None).with_registration(registration).with_message(message));
            }
            Ok(Door::Resumed(signed_in)) => {
                self.cx.account = Some(signed_in.account);
                let mut effects: Vec<Effect> =
                    signed_in.notice.into_iter().map(|notice| Effect::Toast(Toast::notice(notice))).collect();
                effects.extend(self.enter());
                return effects;
            }
            Err(fault) => self.stage = Stage::Failed(fault),
        }
        Vec::new()
    }

    pub(super) fn enter(&mut self) -> Vec<Effect> {
        let (screens, mut effects) = Screens::new(&self.cx);
        self.stage = Stage::Inside(Box::new(screens));
        effects.insert(0, Effect::Account(AccountCall::Preferences));
        self.last_input_ms = self.cx.now_ms;
        effects.extend(self.watch_idleness());
        effects
    }

    /// What a refusal means for the whole screen, whichever call it came from; `None` = nothing.
    pub(super) fn refused(&mut self, fault: Option<&Fault>) -> Option<Vec<Effect>> {
        let fault = fault?;
        match fault.kind {
            FaultKind::SignedOut => Some(self.leave_for(fault.clone())),
            FaultKind::SecondFactorWanted if matches!(self.stage, Stage::Inside(_)) => self.lead_to_second_factor(),
            FaultKind::SecondFactorWanted
            | FaultKind::Locked
            | FaultKind::Denied
            | FaultKind::WrongCredentials
            | FaultKind::Unconfirmed
            | FaultKind::Slow
            | FaultKind::Upstream
            | FaultKind::Ollama
            | FaultKind::Model
            | FaultKind::ModelMissing
            | FaultKind::Overflow
            | FaultKind::Invalid
            | FaultKind::Conflict
            | FaultKind::NotFound
            | FaultKind::Timeout
            | FaultKind::Cancelled
            | FaultKind::DiskFull
            | FaultKind::ReadOnly
            | FaultKind::Unsafe
            | FaultKind::Store
            | FaultKind::Internal => None,
        }
    }

    /// Straight to where one is added; what else was asked for gets no answer until then.
    fn lead_to_second_factor(&mut self) -> Option<Vec<Effect>> {
        let screens = self.screens()?;
        if screens.must_add_factor() {
            return Some(Vec::new());
        }
        let effects = screens.lead_to_second_factor();
        self.overlay = None;
        Some(effects)
    }

    /// The session is over: nothing of it stays on the screen, and the sign-in screen says why. The call that found it so
    /// knows more about the reason than the event, and may come later. Whether anybody may make an account is asked anew:
    /// it may have changed since the door was opened.
    pub(super) fn leave_for(&mut self, why: Fault) -> Vec<Effect> {
        match &mut self.stage {
            Stage::Inside(_) | Stage::Locked { .. } => {
                self.go_outside(Some(why));
                return vec![Effect::Auth(AuthCall::Registration)];
            }
            Stage::Outside(screen) => screen.learn_reason(why),
            Stage::Opening | Stage::Failed(_) => {}
        }
        Vec::new()
    }

    pub(super) fn sign_out(&mut self) -> Vec<Effect> {
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

    pub(super) fn go_outside(&mut self, reason: Option<Fault>) {
        self.overlay = None;
        self.transfer = None;
        self.toasts.clear();
        self.cx.account = None;
        self.preferences = Preferences::default();
        // The settings file's keys have been complained of already.
        let _ = self.take_settings();
        self.stage = Stage::Outside(SignInScreen::sign_in(reason).with_registration(self.registration));
    }

    pub(super) fn lock(&mut self, reason: Option<String>) -> Vec<Effect> {
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
    pub(super) fn hide(&mut self, reason: Option<String>) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Opening) {
            Stage::Inside(mut screens) => {
                self.overlay = None;
                self.toasts.clear();
                screens.hide();
                self.stage = Stage::Locked { screens, lock: LockScreen::new(reason) };
                true
            }
            other @ (Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. }) => {
                self.stage = other;
                false
            }
        }
    }

    /// The vault is closed before the shell gets the terminal.
    pub(super) fn suspend(&mut self) -> Vec<Effect> {
        if matches!(self.stage, Stage::Inside(_)) && !self.cx.is_demo {
            self.suspend_next = true;
            return self.lock(Some("Locked while it was suspended. Your passphrase opens the vault again.".into()));
        }
        vec![Effect::Shell(ShellCall::Suspend)]
    }

    pub(super) fn on_locked(&mut self, outcome: Result<(), Fault>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match outcome {
            Err(fault) if fault.kind == FaultKind::SignedOut => effects.extend(self.leave_for(fault)),
            Err(fault) => effects.push(Effect::Toast(Toast::fault(&fault))),
            Ok(()) => {}
        }
        if std::mem::take(&mut self.suspend_next) {
            effects.push(Effect::Shell(ShellCall::Suspend));
        }
        effects
    }

    pub(super) fn on_unlocked(&mut self, outcome: Result<(), Fault>) -> Vec<Effect> {
        match (outcome, std::mem::replace(&mut self.stage, Stage::Opening)) {
            (Ok(()), Stage::Locked { mut screens, .. }) => {
                self.last_input_ms = self.cx.now_ms;
                // Whatever was asked while it was locked got no answer.
                let mut effects = screens.chat.on_event(&Event::Changed(Changed::Everything), &self.cx);
                self.stage = Stage::Inside(screens);
                effects.extend(self.watch_idleness());
                effects
            }
            (Err(fault), Stage::Locked { screens, mut lock }) => {
                let is_over = fault.kind == FaultKind::SignedOut;
                if !is_over {
                    lock.ask.refused(fault.clone());
                }
                self.stage = Stage::Locked { screens, lock };
                if is_over { self.leave_for(fault) } else { Vec::new() }
            }
            (_, other @ (Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Inside(_))) => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    pub(super) fn on_passphrase_changed(&mut self, outcome: Result<(), Fault>) -> Vec<Effect> {
        match (outcome, &mut self.overlay) {
            (Ok(()), _) => {
                self.overlay = None;
                vec![Effect::Toast(Toast::good("Your passphrase is changed."))]
            }
            (Err(fault), _) if fault.kind == FaultKind::SignedOut => self.leave_for(fault),
            (Err(fault), Some(Overlay::ChangePassphrase(form))) => {
                form.refused(fault);
                Vec::new()
            }
            (
                Err(fault),
                Some(
                    Overlay::Palette(_)
                    | Overlay::Help(_)
                    | Overlay::Jobs(_)
                    | Overlay::Confirm(_)
                    | Overlay::Transfer(_),
                )
                | None,
            ) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn idle_limit_ms(&self) -> Option<i64> {
        let minutes = i64::from(self.cx.config.auth.idle_lock_minutes);
        (minutes > 0 && !self.cx.is_demo).then_some(minutes * 60_000)
    }

    /// Asks to be woken when the idle lock would be due.
    pub(super) fn watch_idleness(&self) -> Option<Effect> {
        let left = self.idle_limit_ms()? - (self.cx.now_ms - self.last_input_ms);
        Some(Effect::After(Duration::from_millis(left.max(1).unsigned_abs()), Timer::IdleLock))
    }

    /// What the settings file says, with what the person who is in has set for themselves over it.
    pub(super) fn take_settings(&mut self) -> Vec<KeyProblem> {
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
}

pub(super) fn idle_reason() -> String {
    "Locked because nobody typed for a while. Your passphrase opens the vault again.".into()
}
