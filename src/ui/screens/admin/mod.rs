//! The Admin screen: the house in figures, users, roles, the rules of the house, the audit trail. Only administrators have it.
//!
//! What the gate refuses until the passphrase is typed once more goes back as `Effect::Confirm`; the root asks and does
//! it again.
//!
//! Invariant: nothing here decides who may what. The screen shows what it is told, and says what was refused.

mod backups;
mod dialog;
mod editors;
mod health;
mod house_rules;
mod metrics;
mod overview;
mod part;
mod roles;
mod settings;
mod tabs;
mod trail;
mod users;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use self::{
    backups::Backups,
    dialog::{Codes, Dialog, Out, Outcome},
    health::HealthTab,
    house_rules::HouseRules,
    metrics::Metrics,
    overview::Overview,
    part::{House, Part},
    roles::Roles,
    settings::Settings,
    tabs::{TABS, Tab},
    trail::Trail,
    users::Users,
};
use crate::{
    api::{Fault, FaultKind, admin::ActivationCode},
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{
            AdminCall, AdminReply, Effect, OverviewCall, OverviewReply, RulesReply, Target, UserAct,
            house::SettingsReply,
        },
        screens::Screen,
        widgets::{self, table, toast::Toast},
    },
};

#[derive(Debug, Default)]
pub struct AdminScreen {
    tab: Tab,
    overview: Overview,
    users: Users,
    roles: Roles,
    settings: Settings,
    trail: Trail,
    backups: Backups,
    health: HealthTab,
    metrics: Metrics,
    house_rules: HouseRules,
    dialog: Option<Dialog>,
    /// Changes that were sent and not told of yet.
    working: usize,
    /// A change of a setting is on its way, with the passphrase perhaps asked for before.
    is_setting: bool,
    /// When one was done last.
    set_at: Option<i64>,
}

/// What a tab wants: calls, and perhaps something in front of it.
#[derive(Debug)]
struct Step {
    effects: Vec<Effect>,
    dialog: Option<Dialog>,
}

impl From<Vec<Effect>> for Step {
    fn from(effects: Vec<Effect>) -> Self {
        Self { effects, dialog: None }
    }
}

impl From<Dialog> for Step {
    fn from(dialog: Dialog) -> Self {
        Self { effects: Vec::new(), dialog: Some(dialog) }
    }
}

impl From<AdminCall> for Step {
    fn from(call: AdminCall) -> Self {
        vec![Effect::Admin(call)].into()
    }
}

impl AdminScreen {
    /// Shown, or shown again: reads the tab anew.
    pub fn open(&mut self) -> Vec<Effect> {
        // Whatever was left at the question for the passphrase.
        self.is_setting = false;
        let mut effects = self.read();
        // Their names are offered wherever a role is chosen, and pruning asks with the rule in it.
        if self.tab != Tab::Roles {
            effects.extend(self.roles.open());
        }
        if self.tab != Tab::Settings {
            effects.extend(self.settings.open());
        }
        effects
    }

    fn part(&self) -> &dyn Part {
        match self.tab {
            Tab::Overview => &self.overview,
            Tab::Users => &self.users,
            Tab::Roles => &self.roles,
            Tab::Settings => &self.settings,
            Tab::Audit => &self.trail,
            Tab::Backups => &self.backups,
            Tab::Health => &self.health,
            Tab::Metrics => &self.metrics,
            Tab::Rules => &self.house_rules,
        }
    }

    fn part_mut(&mut self) -> &mut dyn Part {
        match self.tab {
            Tab::Overview => &mut self.overview,
            Tab::Users => &mut self.users,
            Tab::Roles => &mut self.roles,
            Tab::Settings => &mut self.settings,
            Tab::Audit => &mut self.trail,
            Tab::Backups => &mut self.backups,
            Tab::Health => &mut self.health,
            Tab::Metrics => &mut self.metrics,
            Tab::Rules => &mut self.house_rules,
        }
    }

    /// Somebody changed something, here or in another window. What is being done in front of the lists stays as it is.
    pub fn house_changed(&mut self) -> Vec<Effect> {
        self.part_mut().house_changed()
    }

    fn read(&mut self) -> Vec<Effect> {
        self.part_mut().open()
    }

    /// Whether a setting is being changed here, or was just now.
    #[must_use]
    pub fn has_just_set(&self, cx: &Cx) -> bool {
        const JUST_NOW: i64 = 5_000;
        self.is_setting || self.set_at.is_some_and(|at| (0..JUST_NOW).contains(&(cx.now_ms - at)))
    }

    /// Whether the tab with the health is the one that is open.
    #[must_use]
    pub fn is_at_health(&self) -> bool {
        self.tab == Tab::Health
    }

    /// A look at everything has come, and the tab with the health is on view.
    pub fn health_looked(&mut self) -> Vec<Effect> {
        self.health.looked()
    }

    /// The ages on that tab are due.
    pub fn health_ages_due(&mut self, on_view: bool) -> Vec<Effect> {
        self.health.ages_due(on_view)
    }

    /// The context of the tab, whatever stands in front of it.
    #[must_use]
    pub fn tab_context(&self) -> Context {
        match self.tab {
            Tab::Overview => Context::Overview,
            Tab::Users => Context::Users,
            Tab::Roles => Context::Roles,
            Tab::Settings => Context::Settings,
            Tab::Audit => Context::Audit,
            Tab::Backups => Context::Backups,
            Tab::Health => Context::Health,
            Tab::Metrics => Context::Metrics,
            Tab::Rules => Context::Rules,
        }
    }

    fn dialog_out(&mut self, out: Out) -> Vec<Effect> {
        let effects = match out {
            Out::Stay => return Vec::new(),
            Out::Effects(effects) => return effects,
            Out::Send(call) => return self.sent(vec![Effect::Admin(call)]),
            Out::Close => Vec::new(),
            Out::Call(call) => vec![Effect::Admin(call)],
            Out::Show { role, state } => self.users.show_only(role, state),
            Out::Filter(filter) => self.trail.set_filter(filter),
            Out::Question(question) => self.overview.ask_for(question),
            Out::Open(dialog) => {
                self.dialog = Some(*dialog);
                return Vec::new();
            }
        };
        self.dialog = None;
        self.sent(effects)
    }

    /// Counts the changes that are on their way.
    fn sent(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        for effect in &effects {
            match effect {
                Effect::Admin(AdminCall::Backup(work)) => self.backups.began(work),
                Effect::Admin(AdminCall::Settings(call)) if call.is_change() => self.is_setting = true,
                _ => {}
            }
        }
        self.working +=
            effects.iter().filter(|effect| matches!(effect, Effect::Admin(call) if is_change(call))).count();
        effects
    }

    pub fn on_reply(&mut self, reply: AdminReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            AdminReply::Users { asked, page } => self.users.on_page(asked, page, cx),
            AdminReply::User { asked, id, detail } => self.users.on_detail(asked, id, detail),
            AdminReply::Roles(roles) => self.roles.on_roles(roles),
            AdminReply::Settings(reply) => self.on_settings(reply, cx),
            AdminReply::Audit { asked, page } => self.trail.on_page(asked, page),
            AdminReply::Verified(verdict) => self.trail.on_verified(verdict),
            AdminReply::Pruned(Ok(gone)) => {
                self.told();
                self.trail.on_pruned(gone)
            }
            AdminReply::Pruned(Err(fault)) => self.refused(fault, AdminCall::Prune),
            AdminReply::Overview(OverviewReply::Read { asked, shown }) => self.overview.on_shown(asked, shown),
            AdminReply::Overview(OverviewReply::Exported { done: Ok(path), .. }) => {
                self.told();
                self.close_sender();
                vec![Effect::Toast(Toast::good(format!("The figures are in {}.", path.display())))]
            }
            AdminReply::Overview(OverviewReply::Exported { call, done: Err(fault) }) => {
                self.refused(fault, AdminCall::Overview(call))
            }
            AdminReply::Backups(shown) => self.backups.on_shown(shown.map(|shown| *shown)),
            AdminReply::Metrics(reply) => {
                let is_on_view = self.tab == Tab::Metrics;
                let next = self.metrics.on_reply(reply);
                if is_on_view { next } else { Vec::new() }
            }
            AdminReply::Health(reply) => self.health.on_reply(reply),
            AdminReply::BackupOn { work, progress } => {
                self.backups.on_progress(work, progress);
                Vec::new()
            }
            AdminReply::BackupEnded { work, done } => self.backups.on_ended(work, done),
            AdminReply::BackupsPruned(Ok(gone)) => {
                self.told();
                self.backups.on_pruned(&gone)
            }
            AdminReply::BackupsPruned(Err(fault)) => self.refused(fault, AdminCall::PruneBackups),
            AdminReply::Rules(reply) => self.on_rules(reply, cx),
            AdminReply::Created { code: Ok(code), .. } => {
                self.told();
                self.dialog = Some(Codes::dialog(vec![code]));
                self.users.open()
            }
            AdminReply::Created { new, code: Err(fault) } => self.refused(fault, AdminCall::CreateUser(new)),
            AdminReply::Each { act, results } => self.each_done(&act, results),
            AdminReply::Exported { path, written: Ok(written), .. } => {
                self.told();
                self.close_sender();
                let entries = if written == 1 { "1 entry is".to_owned() } else { format!("{written} entries are") };
                vec![Effect::Toast(Toast::good(format!("{entries} in {}.", path.display())))]
            }
            AdminReply::Exported { path, filter, written: Err(fault) } => {
                self.refused(fault, AdminCall::Export { filter, path })
            }
            AdminReply::Done { call, done: Ok(()) } => {
                self.told();
                self.close_sender();
                self.done(&call)
            }
            AdminReply::Done { call, done: Err(fault) } => {
                // Of several limits some may be changed already.
                let mut effects = match call {
                    AdminCall::Limits { .. } if fault.kind != FaultKind::Unconfirmed => self.read(),
                    _ => Vec::new(),
                };
                effects.extend(self.refused(fault, call));
                effects
            }
        }
    }

    fn on_settings(&mut self, reply: SettingsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            SettingsReply::Changed { call, done: Err(fault) } => {
                let unconfirmed = fault.kind == FaultKind::Unconfirmed;
                self.is_setting = unconfirmed;
                let mut effects = self.refused(fault, AdminCall::Settings(call));
                // Somebody else was quicker: what they did is shown.
                if !unconfirmed {
                    effects.extend(self.settings.open());
                }
                effects
            }
            SettingsReply::Changed { call, done: Ok(()) } => {
                (self.is_setting, self.set_at) = (false, Some(cx.now_ms));
                self.told();
                self.close_sender();
                self.settings.on_reply(SettingsReply::Changed { call, done: Ok(()) }, cx)
            }
            reply @ (SettingsReply::Listed(_) | SettingsReply::Past { .. } | SettingsReply::Differs { .. }) => {
                self.settings.on_reply(reply, cx)
            }
        }
    }

    fn on_rules(&mut self, reply: RulesReply, cx: &Cx) -> Vec<Effect> {
        let answered = self.house_rules.on_reply(reply, cx);
        if let Some((fault, call)) = answered.refused {
            if !answered.was_change {
                // Nothing was counted that would be told of now.
                self.working += 1;
            }
            return self.refused(fault, AdminCall::Rules(call));
        }
        if answered.was_change {
            self.told();
        }
        if answered.closes {
            self.close_sender();
        }
        // What somebody is typing in is not put away for an answer that came late.
        if let (None, Some(dialog)) = (&self.dialog, answered.dialog) {
            self.dialog = Some(dialog);
        }
        answered.effects
    }

    fn told(&mut self) {
        self.working = self.working.saturating_sub(1);
    }

    /// What was sent is done: the form it came from goes.
    fn close_sender(&mut self) {
        if self.dialog.as_ref().is_some_and(Dialog::sends) {
            self.dialog = None;
        }
    }

    /// In the form it came from, where there is one; otherwise in passing.
    fn refused(&mut self, fault: Fault, call: AdminCall) -> Vec<Effect> {
        self.told();
        if fault.kind == FaultKind::Unconfirmed {
            return vec![Effect::Confirm(vec![Effect::Admin(call)])];
        }
        match self.dialog.as_mut().filter(|dialog| dialog.sends()) {
            Some(dialog) => {
                dialog.refuse(fault);
                Vec::new()
            }
            None => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    /// Says that a change is made, and reads what it changed.
    fn done(&mut self, call: &AdminCall) -> Vec<Effect> {
        let (words, effects) = match call {
            AdminCall::EndSession { of, .. } => (format!("That session of {} is ended.", of.name), self.users.open()),
            AdminCall::CreateRole { name, .. } => (format!("The role {name} is made."), self.roles.open()),
            AdminCall::RenameRole { name, new } => (format!("The role {name} is called {new} now."), self.roles.open()),
            AdminCall::DeleteRole { name, instead } => {
                (format!("The role {name} is gone; its members have {instead}."), self.roles.open())
            }
            // The mark in the matrix says it.
            AdminCall::Permit { .. } => return self.roles.open(),
            AdminCall::Limits { .. } => ("The limits are changed.".to_owned(), self.read()),
            AdminCall::Models { .. } => ("The models are changed.".to_owned(), self.read()),
            AdminCall::SetBackupSchedule(_) => ("The schedule is changed.".to_owned(), self.backups.open()),
            AdminCall::PurgeQuarantine(_) => ("It is removed for good.".to_owned(), self.backups.open()),
            AdminCall::Users { .. }
            | AdminCall::User { .. }
            | AdminCall::CreateUser(_)
            | AdminCall::Each { .. }
            | AdminCall::Overview(_)
            | AdminCall::Backups
            | AdminCall::Health(_)
            | AdminCall::Backup(_)
            | AdminCall::PruneBackups
            | AdminCall::Metrics(_)
            | AdminCall::Rules(_)
            | AdminCall::Roles
            // Its tab says what is changed.
            | AdminCall::Settings(_)
            | AdminCall::Audit { .. }
            | AdminCall::Verify
            | AdminCall::Prune
            | AdminCall::Export { .. } => return Vec::new(),
        };
        let mut all = vec![Effect::Toast(Toast::good(words))];
        all.extend(effects);
        all
    }

    fn each_done(
        &mut self,
        act: &UserAct,
        results: Vec<(Target, Result<Option<ActivationCode>, Fault>)>,
    ) -> Vec<Effect> {
        self.told();
        let mut unconfirmed = Vec::new();
        let mut codes = Vec::new();
        let mut rows: Vec<(String, Result<String, Fault>)> = Vec::new();
        for (target, result) in results {
            match result {
                Err(fault) if fault.kind == FaultKind::Unconfirmed => unconfirmed.push(target),
                Err(fault) => rows.push((target.name, Err(fault))),
                Ok(code) => {
                    codes.extend(code);
                    rows.push((target.name, Ok(act.done())));
                }
            }
        }
        let mut effects = Vec::new();
        if unconfirmed.is_empty() {
            self.users.unmark();
        } else {
            let again = AdminCall::Each { act: act.clone(), targets: unconfirmed };
            effects.push(Effect::Confirm(vec![Effect::Admin(again)]));
        }
        let all_went = rows.iter().all(|(_, went)| went.is_ok());
        match rows.as_slice() {
            [] => {}
            [(_, Ok(_))] if !codes.is_empty() => self.dialog = Some(Codes::dialog(codes)),
            [(name, Ok(words))] => effects.push(Effect::Toast(Toast::good(format!("{name} {words}.")))),
            [(_, Err(fault))] => effects.push(Effect::Toast(Toast::fault(fault))),
            // The codes name their people; who is not among them is told of only where something went wrong.
            _ if all_went && !codes.is_empty() => self.dialog = Some(Codes::dialog(codes)),
            many => {
                let wrong = many.iter().filter(|(_, went)| went.is_err()).count();
                let title = match wrong {
                    0 => format!("All {} done", many.len()),
                    wrong => format!("{} done, {wrong} not", many.len() - wrong),
                };
                let told = rows.into_iter().map(|(name, went)| (name, went.map_err(|fault| fault.to_string())));
                let outcome = Outcome::dialog(&title, told.collect(), codes);
                self.dialog = Some(outcome);
            }
        }
        effects.extend(self.users.open());
        effects
    }

    fn to(&mut self, tab: Tab) -> Vec<Effect> {
        self.tab = tab;
        self.read()
    }

    /// A tab opens; a row is selected, and an account that is selected already is shown.
    fn clicked(&mut self, at: (u16, u16), area: Rect, cx: &Cx) -> Vec<Effect> {
        if at.1 == area.y {
            let clicked = widgets::tabs::at(&TABS, self.tab, at.0.saturating_sub(area.x), area.width, cx);
            return clicked.map(|tab| self.to(tab)).unwrap_or_default();
        }
        self.part_mut().clicked(at, cx)
    }

    fn tab_line(&self, room: u16, cx: &Cx) -> Line<'static> {
        let mut line = widgets::tabs::line(&TABS, self.tab, room, cx);
        if self.working > 0 {
            line.push_span(Span::styled(format!(" {} ", cx.spinner()), cx.theme.accent));
            line.push_span(Span::styled("working", cx.theme.dim));
        }
        line
    }
}

impl Screen for AdminScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.open()
    }

    fn refresh(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.open()
    }

    fn on_settled(&mut self, asked: u64) -> Vec<Effect> {
        if self.tab == Tab::Metrics { self.metrics.on_settled(asked) } else { self.users.on_settled(asked) }
    }

    fn holds(&self) -> bool {
        self.dialog.is_some()
    }

    fn offers(&self, context: Context) -> bool {
        self.tab_context() == context
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_action(action, cx)?;
            return Some(self.dialog_out(out));
        }
        if let Some(tab) = widgets::tabs::opened_by(&TABS, action) {
            return Some(self.to(tab));
        }
        let house = House { roles: self.roles.names(), policy: self.settings.policy() };
        let step = self.part_mut().on_action(action, &house, cx)?;
        if step.dialog.is_some() {
            self.dialog = step.dialog;
        }
        Some(self.sent(step.effects))
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_key(key)?;
            return Some(self.dialog_out(out));
        }
        self.part_mut().on_key(key)
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_paste(&text);
            return self.dialog_out(out);
        }
        self.part_mut().on_paste(&text)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_mouse(mouse, area, cx);
            return self.dialog_out(out);
        }
        let action = match mouse.kind {
            MouseEventKind::ScrollUp => Action::AdminUp,
            MouseEventKind::ScrollDown => Action::AdminDown,
            MouseEventKind::Down(MouseButton::Left) => return self.clicked((mouse.column, mouse.row), area, cx),
            _ => return Vec::new(),
        };
        self.on_action(action, cx).unwrap_or_default()
    }

    fn context(&self) -> Context {
        self.dialog.as_ref().map_or_else(|| self.part().context(), Dialog::context)
    }

    fn is_busy(&self) -> bool {
        self.part().is_busy() || self.working > 0
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        // What stands in front names its own keys, and the tab's do nothing meanwhile.
        if self.dialog.is_some() {
            return Vec::new();
        }
        self.part().footer(cx)
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        frame.render_widget(self.tab_line(top.width, cx), top);
        let in_front = in_front && self.dialog.is_none();
        self.part().view(frame, body, cx, in_front);
        if let Some(dialog) = &self.dialog {
            dialog.view(frame, area, cx);
        }
    }
}

/// Whether the call changes something, or takes long enough that somebody waits for it.
fn is_change(call: &AdminCall) -> bool {
    match call {
        AdminCall::Settings(call) => call.is_change(),
        AdminCall::Users { .. }
        | AdminCall::User { .. }
        | AdminCall::Roles
        | AdminCall::Audit { .. }
        | AdminCall::Overview(OverviewCall::Read { .. })
        | AdminCall::Backups
        | AdminCall::Health(_)
        | AdminCall::Metrics(_)
        // Its own line says how far it is.
        | AdminCall::Backup(_)
        | AdminCall::Verify => false,
        AdminCall::Rules(call) => call.is_change(),
        AdminCall::CreateUser(_)
        | AdminCall::Each { .. }
        | AdminCall::EndSession { .. }
        | AdminCall::CreateRole { .. }
        | AdminCall::RenameRole { .. }
        | AdminCall::DeleteRole { .. }
        | AdminCall::Permit { .. }
        | AdminCall::Limits { .. }
        | AdminCall::Models { .. }
        | AdminCall::Prune
        | AdminCall::SetBackupSchedule(_)
        | AdminCall::PruneBackups
        | AdminCall::PurgeQuarantine(_)
        | AdminCall::Overview(OverviewCall::Export { .. })
        | AdminCall::Export { .. } => true,
    }
}

#[cfg(test)]
mod tests;
