//! What an action means to the frame itself; everything else is the screen's business.

use std::time::Duration;

use crossterm::event::KeyEvent;

use super::{
    JOBS_EVERY, Root, Stage,
    overlay::Overlay,
    screens::{ScreenName, is_for_administrators, leads_to},
};
use crate::{
    api::health::OllamaState,
    config::ThemeName,
    ui::{
        actions::{Action, Context},
        msg::{AuthCall, Effect, ShellCall, Timer},
        screens::sign_in::ChangePassphrase,
        widgets::{help::Help, jobs::Tray, palette::palette, toast::Toast},
    },
};

const QUIT_WITHIN: Duration = Duration::from_secs(2);

impl Root {
    /// Does an action: the one in front first, then what is the shell's own, then the screen.
    pub(super) fn act(&mut self, action: Action, key: Option<KeyEvent>) -> Vec<Effect> {
        if key.is_some() {
            if let Some(effects) = self.overlay_action(action) {
                return effects;
            }
        } else if !matches!(action, Action::Help) {
            self.overlay = None;
        }
        if let Some(name) = leads_to(action) {
            return self.show(name);
        }
        match action {
            Action::Quit => self.quit(),
            Action::Interrupt => self.interrupt(),
            Action::Help
            | Action::TreeHelp
            | Action::TranscriptHelp
            | Action::AccountHelp
            | Action::JobsHelp
            | Action::InsightsHelp
            | Action::ModelsHelp
            | Action::AdminHelp => {
                self.put_transfer_behind();
                let about = match &self.overlay {
                    Some(Overlay::Jobs(_)) => Context::Jobs,
                    _ => self.context_behind(),
                };
                self.overlay = Some(Overlay::Help(Help::new(about)));
                Vec::new()
            }
            Action::Palette => {
                self.put_transfer_behind();
                self.overlay = Some(Overlay::Palette(palette(&self.cx, |action| self.works(action))));
                Vec::new()
            }
            Action::ToggleJobs => {
                self.put_transfer_behind();
                let (tray, mut effects) = Tray::open(&self.cx);
                self.overlay = Some(Overlay::Jobs(Box::new(tray)));
                effects.extend([Effect::Shell(ShellCall::Jobs), Effect::After(JOBS_EVERY, Timer::Jobs)]);
                effects
            }
            Action::Export | Action::Import if matches!(self.stage, Stage::Inside(_)) => self.open_transfer(action),
            Action::Refresh => self.refresh(),
            Action::StartOllama => self.start_ollama(),
            // From the palette: the tabs can be reached from everywhere.
            Action::AdminOverview
            | Action::AdminUsers
            | Action::AdminRoles
            | Action::AdminSettings
            | Action::AdminAudit
            | Action::AdminBackups
            | Action::AdminHealth
            | Action::AdminMetrics
            | Action::AdminRules
                if self.screens().is_none_or(|screens| screens.name() != ScreenName::Admin) =>
            {
                self.act_on(ScreenName::Admin, action)
            }
            Action::ModelsAll | Action::ModelsDownloads
                if self.screens().is_none_or(|screens| screens.name() != ScreenName::Models) =>
            {
                self.act_on(ScreenName::Models, action)
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

    /// Which actions the palette offers at this stage.
    fn works(&self, action: Action) -> bool {
        let anywhere = matches!(
            action,
            Action::Help | Action::Refresh | Action::StartOllama | Action::CycleTheme | Action::Suspend | Action::Quit
        );
        match &self.stage {
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) => anywhere,
            Stage::Locked { .. } => anywhere || action == Action::SignOut,
            Stage::Inside(screens) => match action.spec().context {
                Context::Global => !is_for_administrators(action) || self.is_admin(),
                Context::Composer
                | Context::Tree
                | Context::Transcript
                | Context::Account
                | Context::Selection
                | Context::Branches
                | Context::Compare
                | Context::Preview
                | Context::List
                | Context::Form => true,
                Context::Admin => self.is_admin(),
                context @ (Context::Models
                | Context::Fleet
                | Context::Jobs
                | Context::Library
                | Context::Search
                | Context::Insights
                | Context::Overview
                | Context::Users
                | Context::Roles
                | Context::Settings
                | Context::Audit
                | Context::Backups
                | Context::Health
                | Context::Metrics
                | Context::Rules) => screens.current().offers(context),
            },
        }
    }

    fn refresh(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::Shell(ShellCall::CheckHealth)];
        match &mut self.stage {
            Stage::Inside(screens) => effects.extend(screens.current_mut().refresh(&self.cx)),
            Stage::Failed(_) => {
                self.stage = Stage::Opening;
                effects.push(Effect::Auth(AuthCall::Door));
            }
            Stage::Opening | Stage::Outside(_) | Stage::Locked { .. } => {}
        }
        effects
    }

    /// Clear the draft, stop the answer (both the screen's), then twice to quit.
    fn interrupt(&mut self) -> Vec<Effect> {
        if let Stage::Inside(screens) = &mut self.stage
            && let Some(effects) = screens.current_mut().on_action(Action::Interrupt, &self.cx)
        {
            self.quitting = false;
            return effects;
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
}
