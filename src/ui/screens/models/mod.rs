//! The Models screen: every model there is, and the work that is done on them, a tab each.
//!
//! A further tab is its module, a row of [`TABS`], a field, and its arm where the one on view is looked up; it
//! implements [`Tab`]. What asks before something is done to models stands in front of all tabs and is [`Work`]'s.
//!
//! Invariant: nothing here decides who may what. Members are told beforehand that a key is an administrator's; whoever
//! presses it all the same through another way is refused by the gateway.

mod batch;
mod downloads;
mod fleet;
mod forms;
mod install;
mod modelfile;
mod monitor;
mod work;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
};

pub use self::work::Target;
use self::{downloads::DownloadsTab, fleet::FleetTab, monitor::MonitorTab, work::Work};
use crate::{
    api::{auth::Role, jobs::JobNews},
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, JobsReply, ModelsReply},
        screens::Screen,
        widgets::{tabs, toast::Toast},
    },
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TabName {
    #[default]
    All,
    Downloads,
    Monitor,
}

const TABS: [(TabName, Action, &str); 3] = [
    (TabName::All, Action::ModelsAll, "All"),
    (TabName::Downloads, Action::ModelsDownloads, "Downloads"),
    (TabName::Monitor, Action::ModelsMonitor, "Monitor"),
];

/// What a tab wants done: effects of its own, and perhaps work on models, which [`Work`] asks about first.
#[derive(Debug, Default)]
pub struct Step {
    pub effects: Vec<Effect>,
    /// The action that was asked for, and the models it is about.
    pub begin: Option<(Action, Vec<Target>)>,
}

impl From<Vec<Effect>> for Step {
    fn from(effects: Vec<Effect>) -> Self {
        Self { effects, begin: None }
    }
}

/// What the screen asks of the tab on view.
pub trait Tab {
    /// Comes to view, or is to be read anew.
    fn shown(&mut self, cx: &Cx) -> Vec<Effect>;
    /// F5: asked for in any case, however new it is.
    fn refresh(&mut self, cx: &Cx) -> Vec<Effect> {
        self.shown(cx)
    }
    /// Something about models changed, here or elsewhere. What is being done in front of a list stays as it is.
    fn changed(&mut self, cx: &Cx) -> Vec<Effect>;
    /// `None` = not used.
    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Step>;
    /// `None` = not used.
    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>>;
    fn on_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect>;
    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect>;
    /// A `Timer::Settle` of this number is due.
    fn on_settled(&mut self, _asked: u64) -> Vec<Effect> {
        Vec::new()
    }
    /// Text that came back from `$EDITOR`.
    fn on_edited(&mut self, _text: &str) {}
    fn context(&self) -> Context;
    /// The context whose actions the palette offers while this tab is on view.
    fn offers(&self) -> Context;
    fn is_busy(&self) -> bool;
    /// Something in it is to be finished first.
    fn holds(&self) -> bool;
    fn footer(&self, cx: &Cx) -> Vec<Hint>;
    /// `whole`: the screen, for what stands in front.
    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool);
}

#[derive(Debug, Default)]
pub struct ModelsScreen {
    on_view: TabName,
    fleet: FleetTab,
    downloads: DownloadsTab,
    monitor: MonitorTab,
    work: Work,
    /// It is on view, so that what changes is of interest.
    is_shown: bool,
}

impl ModelsScreen {
    fn current(&self) -> &dyn Tab {
        match self.on_view {
            TabName::All => &self.fleet,
            TabName::Downloads => &self.downloads,
            TabName::Monitor => &self.monitor,
        }
    }

    fn current_mut(&mut self) -> &mut dyn Tab {
        match self.on_view {
            TabName::All => &mut self.fleet,
            TabName::Downloads => &mut self.downloads,
            TabName::Monitor => &mut self.monitor,
        }
    }

    /// Models, their tags or what the house wrote on them changed, by anybody in any window.
    pub fn changed(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.is_shown { self.current_mut().changed(cx) } else { Vec::new() }
    }

    pub fn on_reply(&mut self, reply: ModelsReply, cx: &Cx) -> Vec<Effect> {
        self.fleet.on_reply(reply, cx)
    }

    pub fn on_edited(&mut self, text: &str) -> Vec<Effect> {
        if self.work.is_open() {
            return self.work.on_edited(text);
        }
        self.current_mut().on_edited(text);
        Vec::new()
    }

    /// What is told of jobs.
    pub fn on_job_news(&mut self, news: &JobNews) -> Vec<Effect> {
        match self.on_view {
            TabName::Downloads if self.is_shown => self.downloads.on_news(news),
            TabName::All if self.is_shown => self.fleet.on_job_news(news),
            TabName::All | TabName::Downloads | TabName::Monitor => Vec::new(),
        }
    }

    /// Whether how far jobs are is on view.
    #[must_use]
    pub fn shows_jobs(&self) -> bool {
        self.is_shown && self.on_view == TabName::Downloads
    }

    pub fn on_jobs(&mut self, reply: JobsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            JobsReply::Read { asked, which, page, .. } => self.downloads.on_page(asked, which, page),
            JobsReply::Each { results, .. } => self.downloads.on_each(&results),
            JobsReply::Forgot(Ok(_)) if self.shows_jobs() => self.downloads.read(),
            JobsReply::Forgot(_) => Vec::new(),
            JobsReply::Monitored { asked, seen } => {
                self.monitor.on_seen(asked, seen, cx);
                Vec::new()
            }
            reply @ (JobsReply::Begun(_)
            | JobsReply::Tried { .. }
            | JobsReply::Size { .. }
            | JobsReply::Room(_)
            | JobsReply::Offers { .. }
            | JobsReply::First(_)
            | JobsReply::List(_)
            | JobsReply::Checked { .. }) => self.work.on_reply(reply),
        }
    }

    fn open(&mut self, tab: TabName, cx: &Cx) -> Vec<Effect> {
        if tab == self.on_view {
            return Vec::new();
        }
        self.on_view = tab;
        self.current_mut().shown(cx)
    }

    fn done(&mut self, step: Step, cx: &Cx) -> Vec<Effect> {
        let mut effects = step.effects;
        match step.begin {
            Some((action, targets)) if is_admin(cx) => effects.extend(self.work.begin(action, targets, cx)),
            Some(_) => effects.push(for_administrators()),
            None => {}
        }
        effects
    }

    fn areas(area: Rect) -> (Rect, Rect) {
        let [tabs, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        (tabs, body)
    }
}

/// Whether whoever is in may change what is installed.
pub fn is_admin(cx: &Cx) -> bool {
    cx.account.as_ref().is_some_and(|account| account.role == Role::Admin)
}

/// What a member is told who presses a key that is not theirs.
pub fn for_administrators() -> Effect {
    let toast = Toast::notice("Only administrators change models.");
    Effect::Toast(toast.hint("You see all of them, and use those that are installed."))
}

impl Screen for ModelsScreen {
    fn shown(&mut self, cx: &Cx) -> Vec<Effect> {
        self.is_shown = true;
        self.current_mut().shown(cx)
    }

    fn hidden(&mut self) {
        self.is_shown = false;
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if self.work.is_open() {
            return self.work.on_action(action, cx);
        }
        if let Some(step) = self.current_mut().on_action(action, cx) {
            return Some(self.done(step, cx));
        }
        if self.holds() {
            return None;
        }
        if action == Action::FleetFromFile {
            let step = Step { effects: Vec::new(), begin: Some((action, Vec::new())) };
            return Some(self.done(step, cx));
        }
        if let Some(tab) = tabs::opened_by(&TABS, action) {
            return Some(self.open(tab, cx));
        }
        match action {
            Action::FocusNext | Action::FocusPrevious => {
                Some(self.open(tabs::beside(&TABS, self.on_view, action == Action::FocusNext), cx))
            }
            Action::Refresh => Some(self.current_mut().refresh(cx)),
            Action::Escape => Some(vec![Effect::Act(Action::ScreenChat)]),
            _ => None,
        }
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if self.work.is_open() { self.work.on_key(key, cx) } else { self.current_mut().on_key(key, cx) }
    }

    fn on_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect> {
        if self.work.is_open() { self.work.on_paste(&text, cx) } else { self.current_mut().on_paste(text, cx) }
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if self.work.is_open() {
            return self.work.on_mouse(mouse, area, cx);
        }
        let (top, body) = Self::areas(area);
        if mouse.row == top.y && mouse.kind == MouseEventKind::Down(MouseButton::Left) {
            let clicked = tabs::at(&TABS, self.on_view, mouse.column.saturating_sub(top.x), top.width, cx);
            return match clicked.filter(|_| !self.holds()) {
                Some(tab) => self.open(tab, cx),
                None => Vec::new(),
            };
        }
        self.current_mut().on_mouse(mouse, body, cx)
    }

    fn on_settled(&mut self, asked: u64) -> Vec<Effect> {
        self.current_mut().on_settled(asked)
    }

    fn holds(&self) -> bool {
        self.work.is_open() || self.current().holds()
    }

    fn offers(&self, context: Context) -> bool {
        context == Context::Models || context == self.current().offers()
    }

    fn context(&self) -> Context {
        if self.work.is_open() { self.work.context() } else { self.current().context() }
    }

    fn is_busy(&self) -> bool {
        self.work.is_busy() || self.current().is_busy()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        // What stands in front names its own keys, and the tab's do nothing meanwhile.
        if self.work.is_open() { Vec::new() } else { self.current().footer(cx) }
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        let (top, body) = Self::areas(area);
        frame.render_widget(tabs::line(&TABS, self.on_view, top.width, cx), top);
        self.current().view(frame, body, area, cx, in_front && !self.work.is_open());
        if self.work.is_open() {
            self.work.view(frame, area, cx);
        }
    }
}

#[cfg(test)]
mod acting_tests;
