//! What the frame does with answers, events and timers. Keys are next door.

use super::{
    JOBS_EVERY, Root, Stage,
    overlay::Overlay,
    screens::{ScreenName, Screens},
    session::idle_reason,
    view,
};
use crate::{
    api::{
        Fault, FaultKind, amount,
        auth::{Door, SignedIn},
        events::{Changed, Event},
        health::{Health, Level, OllamaState, Part},
        profile::ExportReport,
    },
    config::{
        live::Current,
        load::{KeyPlaces, Problem},
    },
    ui::{
        cx::Cx,
        keymap::placed,
        msg::{AccountReply, AuthCall, AuthReply, Copied, Effect, ShellCall, ShellReply, Timer},
        screens::{chat::ChatScreen, sign_in::Progress},
        widgets::toast::Toast,
    },
};

impl Root {
    pub(super) fn on_auth(&mut self, reply: AuthReply) -> Vec<Effect> {
        if let AuthReply::SignedIn(Ok(signed_in)) = &reply {
            self.cx.account = Some(signed_in.account.clone());
        }
        match (reply, &mut self.stage) {
            (AuthReply::Door(door), Stage::Opening) => self.on_door(door),
            // Asked again after signing out, for what it says about making accounts.
            (AuthReply::Door(Ok(Door::SignIn { registration, message })), Stage::Outside(screen)) => {
                self.registration = registration;
                screen.set_message(message);
                screen.set_registration(registration);
                Vec::new()
            }
            // Without an answer the sign-in screen works all the same, with what was known before.
            (AuthReply::Door(_) | AuthReply::Registration(Err(_)), _) => Vec::new(),
            (AuthReply::Registration(Ok(open)), stage) => {
                self.registration = open;
                if let Stage::Outside(screen) = stage {
                    screen.set_registration(open);
                }
                Vec::new()
            }
            (AuthReply::Judged { asked, strength: Ok(strength) }, Stage::Inside(_)) => {
                if let Some(Overlay::ChangePassphrase(form)) = &mut self.overlay {
                    form.judged(asked, strength);
                }
                Vec::new()
            }
            (AuthReply::Proposed(Ok(secret)), Stage::Inside(_)) => match &mut self.overlay {
                Some(Overlay::ChangePassphrase(form)) => form.proposed(secret.reveal()),
                Some(
                    Overlay::Palette(_)
                    | Overlay::Help(_)
                    | Overlay::Jobs(_)
                    | Overlay::Confirm(_)
                    | Overlay::Transfer(_),
                )
                | None => Vec::new(),
            },
            (AuthReply::Confirmed(outcome), _) => self.on_confirmed(outcome),
            (AuthReply::PassphraseChanged(outcome), _) => self.on_passphrase_changed(outcome),
            (AuthReply::Locked(outcome), _) => self.on_locked(outcome),
            (AuthReply::Unlocked(outcome), _) => self.on_unlocked(outcome),
            (AuthReply::SignedOut(Err(fault)), _) => vec![Effect::Toast(Toast::fault(&fault))],
            // Nothing that stays signed in is left, so the door only tells.
            (AuthReply::SignedOut(Ok(())), _) => vec![Effect::Auth(AuthCall::Door)],
            (reply, Stage::Outside(screen)) => match screen.on_reply(reply, &self.cx) {
                Progress::Here(effects) => effects,
                Progress::Done(mut effects) => {
                    effects.extend(self.enter());
                    effects
                }
            },
            (AuthReply::Judged { strength: Err(fault), .. } | AuthReply::Proposed(Err(fault)), Stage::Inside(_)) => {
                vec![Effect::Toast(Toast::fault(&fault))]
            }
            (
                AuthReply::Judged { .. }
                | AuthReply::Proposed(_)
                | AuthReply::SignedIn(_)
                | AuthReply::HalfWay(_)
                | AuthReply::Stayed(_),
                Stage::Opening | Stage::Failed(_) | Stage::Inside(_) | Stage::Locked { .. },
            ) => Vec::new(),
        }
    }

    pub(super) fn on_event(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::SessionEnded(fault) if fault.kind == FaultKind::Locked => {
                self.hide(Some(fault.to_string()));
                Vec::new()
            }
            Event::SessionEnded(fault) => self.leave_for(fault),
            Event::Notice(fault) => self.unless_locked(vec![Effect::Toast(Toast::fault(&fault))]),
            Event::Health(health) => self.on_health(*health),
            Event::Transfer { transfer, event } => self.on_transfer_event(transfer, event),
            Event::Job(news) => self.on_job_news(&news),
            Event::Changed(changed) => {
                let effects = self.on_changed(changed);
                // That something changed is nothing to see; what is asked about it is.
                self.dirty = !effects.is_empty();
                effects
            }
            event @ (Event::Turn { .. } | Event::PutAway(_)) => {
                self.heard_an_answer |= matches!(event, Event::Turn { .. });
                self.with_screens(|screens, cx| {
                    let mut effects = screens.insights.on_event(&event);
                    effects.extend(screens.chat.on_event(&event, cx));
                    effects
                })
            }
        }
    }

    /// Something was changed, here or in another window: whatever shows it looks again.
    fn on_changed(&mut self, changed: Changed) -> Vec<Effect> {
        // Another window of this account may have begun or ended a job of its own.
        let looked = match (&mut self.overlay, changed) {
            (Some(Overlay::Jobs(tray)), Changed::Everything) => tray.read(),
            _ => Vec::new(),
        };
        self.with_screens(|screens, cx| {
            let event = Event::Changed(changed);
            let mut effects = looked;
            effects.extend(screens.insights.on_event(&event));
            effects.extend(screens.chat.on_event(&event, cx));
            match changed {
                Changed::House => {
                    effects.extend(screens.house_changed());
                    effects.extend(screens.models.changed(cx));
                }
                Changed::Models => effects.extend(screens.models.changed(cx)),
                Changed::Everything => {
                    effects.extend(screens.library.changed());
                    effects.extend(screens.models.changed(cx));
                }
                Changed::Tree | Changed::Library | Changed::Conversation(_) | Changed::Interrupted(_) => {
                    effects.extend(screens.library.changed());
                }
            }
            effects
        })
    }

    pub(super) fn on_account(&mut self, reply: AccountReply) -> Vec<Effect> {
        // Whatever stage a reply to the session before has led to.
        let reply = match reply {
            AccountReply::SealedOpened(Ok(signed_in)) => return self.change_vault(signed_in),
            reply => reply,
        };
        if let Some(effects) = self.refused(reply.fault()) {
            return effects;
        }
        if !matches!(self.stage, Stage::Inside(_)) {
            return match (reply, &mut self.stage) {
                // The event that the session is over may come before the reply.
                (AccountReply::Deleted(Ok(())), Stage::Outside(screen)) => {
                    screen.forget_reason();
                    vec![Effect::Toast(Toast::good("Your account is deleted, and all that was in it."))]
                }
                _ => Vec::new(),
            };
        }
        let mut effects = Vec::new();
        match &reply {
            AccountReply::Preferences(Ok(own)) | AccountReply::PreferencesSet(Ok(own)) if **own != self.preferences => {
                self.preferences = (**own).clone();
                // None of them has a place in the settings file.
                let problems = placed(self.take_settings(), &KeyPlaces::default());
                effects.extend(problems.iter().map(key_problem));
                if let Stage::Inside(screens) = &mut self.stage {
                    screens.account.keys_changed(&self.cx);
                }
            }
            AccountReply::Deleted(Ok(())) => {
                self.go_outside(None);
                let toast = Toast::good("Your account is deleted, and all that was in it.");
                return vec![Effect::Toast(toast), Effect::Auth(AuthCall::Registration)];
            }
            _ => {}
        }
        let Stage::Inside(screens) = &mut self.stage else { return effects };
        // The chat behind got no answer to anything it asked.
        if matches!(reply, AccountReply::Added(Ok(_))) && screens.must_add_factor() {
            let (chat, first) = ChatScreen::new(&self.cx);
            screens.chat = chat;
            effects.extend(first);
        }
        effects.extend(match (screens.name(), reply) {
            (ScreenName::Account, reply) => screens.account.on_reply(reply, &self.cx),
            // Left meanwhile; only what was written is still of interest.
            (
                ScreenName::Chat
                | ScreenName::Models
                | ScreenName::Library
                | ScreenName::Search
                | ScreenName::Insights
                | ScreenName::Admin,
                AccountReply::Exported(done),
            ) => {
                let path = |report: ExportReport| Toast::good(format!("Your data is in {}.", report.path.display()));
                vec![Effect::Toast(done.map_or_else(|fault| Toast::fault(&fault), path))]
            }
            (
                ScreenName::Chat
                | ScreenName::Models
                | ScreenName::Library
                | ScreenName::Search
                | ScreenName::Insights
                | ScreenName::Admin,
                _,
            ) => Vec::new(),
        });
        effects
    }

    /// Another vault of the account is open, in another session: as after a sign-in, with its recovery code first.
    fn change_vault(&mut self, signed_in: Box<SignedIn>) -> Vec<Effect> {
        self.go_outside(None);
        self.on_auth(AuthReply::SignedIn(Ok(signed_in)))
    }

    /// Whether the text that an editor has is the account's.
    fn edits_account(&self) -> bool {
        let Stage::Inside(screens) = &self.stage else { return false };
        screens.name() == ScreenName::Account && screens.account.edits_text()
    }

    /// For an answer that a screen waits for, or an event that it hears of, on view or not. While they are locked they go
    /// on hearing, but say nothing.
    pub(super) fn with_screens(&mut self, work: impl FnOnce(&mut Screens, &Cx) -> Vec<Effect>) -> Vec<Effect> {
        let effects = match &mut self.stage {
            Stage::Inside(screens) | Stage::Locked { screens, .. } => work(screens, &self.cx),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) => Vec::new(),
        };
        self.unless_locked(effects)
    }

    /// The same for an answer that may be a refusal which concerns everything.
    pub(super) fn answer(
        &mut self,
        fault: Option<&Fault>,
        work: impl FnOnce(&mut Screens, &Cx) -> Vec<Effect>,
    ) -> Vec<Effect> {
        match self.refused(fault) {
            Some(effects) => effects,
            None => self.with_screens(work),
        }
    }

    pub(super) fn unless_locked(&self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if matches!(self.stage, Stage::Locked { .. }) {
            effects.retain(|effect| {
                !matches!(
                    effect,
                    Effect::Toast(_)
                        | Effect::Act(_)
                        | Effect::OpenAt(_)
                        | Effect::Use(_)
                        | Effect::UseModel(_)
                        | Effect::Confirm(_)
                )
            });
        }
        effects
    }

    fn on_health(&mut self, health: Health) -> Vec<Effect> {
        let shown = |health: &Health| (view::health_words(health), health.ollama_url.clone());
        let before = self.cx.health.as_ref().map(shown);
        let was_reachable = self.cx.health.as_ref().is_some_and(is_reachable);
        // How fast it answered changes every time and is shown nowhere here.
        let on_view = self.shows_health();
        self.dirty = before.as_ref() != Some(&shown(&health)) || on_view;
        let store = health.check(Part::Store).filter(|store| store.level == Level::Warning);
        let store = store.map(|store| store.text.clone());
        let warnings: Vec<String> =
            health.ollama_warning.iter().cloned().chain(store).filter(|_| before.is_none()).collect();
        let came = is_reachable(&health) && !was_reachable && before.is_some();
        self.cx.health = Some(health.clone());
        let mut effects: Vec<Effect> =
            warnings.into_iter().map(|warning| Effect::Toast(Toast::warning(warning))).collect();
        if came {
            effects.push(Effect::Toast(Toast::good("Ollama is there.")));
        }
        effects.extend(self.with_screens(|screens, cx| screens.chat.on_event(&Event::Health(Box::new(health)), cx)));
        if on_view {
            effects.extend(self.with_screens(|screens, _| screens.admin.health_looked()));
        }
        effects
    }

    /// Whether ages of what was checked stand on the screen.
    fn shows_health(&self) -> bool {
        match &self.stage {
            Stage::Inside(screens) => screens.name() == ScreenName::Admin && screens.admin.is_at_health(),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. } => false,
        }
    }

    pub(super) fn on_shell(&mut self, reply: ShellReply) -> Vec<Effect> {
        match reply {
            ShellReply::Health(Ok(health)) => {
                let mut effects = self.on_health(health);
                effects.extend(self.watch_health());
                effects
            }
            // One refusal is no reason never to look again.
            ShellReply::Health(Err(fault)) => {
                let mut effects = vec![Effect::Toast(Toast::fault(&fault))];
                effects.extend(self.watch_health());
                effects
            }
            ShellReply::StartedOllama(Ok(health)) => self.on_health(health),
            ShellReply::StartedOllama(Err(fault))
            | ShellReply::Back(Err(fault))
            | ShellReply::SettingsRefused(fault)
            | ShellReply::Copied(Err(fault)) => vec![Effect::Toast(Toast::fault(&fault))],
            ShellReply::Jobs(jobs) => {
                self.dirty = self.jobs.len() != jobs.len() || matches!(self.overlay, Some(Overlay::Jobs(_)));
                self.jobs = jobs;
                Vec::new()
            }
            ShellReply::Copied(Ok(copied)) => vec![Effect::Toast(copied_toast(copied))],
            ShellReply::StopRequested => self.suspend(),
            ShellReply::Back(Ok(())) => Vec::new(),
            ShellReply::Settings(current) => self.on_settings(&current),
            ShellReply::Edited(Ok(text)) if self.edits_account() => {
                if let Stage::Inside(screens) = &mut self.stage {
                    screens.account.edited_elsewhere(&text);
                }
                Vec::new()
            }
            reply @ ShellReply::Edited(_) => self.with_screens(|screens, cx| screens.on_edited(&reply, cx)),
        }
    }

    fn on_settings(&mut self, current: &Current) -> Vec<Effect> {
        self.settings = (*current.config).clone();
        let problems = self.take_settings();
        let mut effects: Vec<Effect> = placed(problems, &current.key_places).iter().map(key_problem).collect();
        let read =
            if current.is_of_house { "The settings of the house are changed." } else { "The settings were read anew." };
        let told = match current.waiting.as_slice() {
            // What waits comes from the file, and was told when that was read.
            _ if current.is_of_house => read.to_owned(),
            [] => read.to_owned(),
            [one] => format!("{read} {one} takes effect at the next start."),
            several => format!("{read} {} take effect at the next start.", several.join(", ")),
        };
        // Whoever made the change is told of it by name.
        if !(current.is_of_house && self.has_just_set()) {
            effects.push(Effect::Toast(Toast::notice(told)));
        }
        effects.extend(self.watch_idleness());
        effects.extend(self.watch_health());
        effects
    }

    /// Whether a setting of the house is being changed in this window, or was just now.
    fn has_just_set(&self) -> bool {
        match &self.stage {
            Stage::Inside(screens) | Stage::Locked { screens, .. } => screens.admin.has_just_set(&self.cx),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) => false,
        }
    }

    pub(super) fn on_timer(&mut self, timer: Timer) -> Vec<Effect> {
        match timer {
            Timer::Spinner => {
                self.spinning = false;
                // While an answer streams it turns with each piece, and needs no frames of its own.
                self.dirty = !std::mem::take(&mut self.heard_an_answer);
                self.cx.spinner = self.cx.spinner.wrapping_add(1);
                Vec::new()
            }
            Timer::IdleLock => {
                let idle = self.cx.now_ms - self.last_input_ms;
                self.dirty = false;
                match self.idle_limit_ms() {
                    Some(limit) if matches!(self.stage, Stage::Inside(_)) => {
                        if idle >= limit {
                            self.dirty = true;
                            return self.lock(Some(idle_reason()));
                        }
                        self.watch_idleness().into_iter().collect()
                    }
                    Some(_) | None => Vec::new(),
                }
            }
            Timer::Toast(id) => {
                let before = self.toasts.len();
                self.toasts.retain(|(shown, _)| *shown != id);
                self.dirty = self.toasts.len() != before;
                Vec::new()
            }
            Timer::QuitLadder => {
                self.quitting = false;
                self.dirty = false;
                Vec::new()
            }
            Timer::Jobs if matches!(self.overlay, Some(Overlay::Jobs(_))) => {
                vec![Effect::Shell(ShellCall::Jobs), Effect::After(JOBS_EVERY, Timer::Jobs)]
            }
            Timer::Jobs => Vec::new(),
            Timer::JobsMoved => {
                self.jobs_moved = false;
                self.dirty = self.shows_jobs();
                Vec::new()
            }
            Timer::Health => {
                self.dirty = false;
                self.health_is_due = false;
                if self.cx.config.health.every_seconds == 0 {
                    return Vec::new();
                }
                vec![Effect::Shell(ShellCall::Health)]
            }
            Timer::HealthAges => {
                let on_view = self.shows_health();
                self.dirty = on_view;
                self.with_screens(|screens, _| screens.admin.health_ages_due(on_view))
            }
            Timer::Judge(asked) => match (&self.overlay, &mut self.stage) {
                (Some(Overlay::ChangePassphrase(form)), _) => form.on_judge_due(asked, &self.cx),
                (_, Stage::Outside(screen)) => screen.on_judge_due(asked),
                (_, Stage::Opening | Stage::Failed(_) | Stage::Inside(_) | Stage::Locked { .. }) => Vec::new(),
            },
            Timer::Settle(asked) => self.screens().map(|on| on.current_mut().on_settled(asked)).unwrap_or_default(),
            timer @ Timer::SaveDraft => self.with_screens(|screens, cx| screens.chat.on_timer(timer, cx)),
        }
    }
}

/// Says how much, and what is not there that the eye could not see either.
fn copied_toast(copied: Copied) -> Toast {
    let text = format!("Copied {}.", amount::many(copied.characters, "character"));
    match copied.hidden {
        0 => Toast::good(text),
        hidden => Toast::warning(text).hint(format!(
            "{} that cannot be seen {} left out.",
            amount::many(hidden, "character"),
            if hidden == 1 { "is" } else { "are" }
        )),
    }
}

fn is_reachable(health: &Health) -> bool {
    matches!(health.ollama, OllamaState::Reachable { .. })
}

/// A mistake in the keys, for whoever wrote them; the key in question keeps its default.
pub(super) fn key_problem(problem: &Problem) -> Effect {
    let toast = Toast::warning(format!("{}: {}", problem.place, problem.message));
    Effect::Toast(match &problem.hint {
        Some(hint) => toast.hint(hint.clone()),
        None => toast,
    })
}
