//! One's own account: how it is set up, its second factor, its sessions, what it may still do, what is recorded about it,
//! and the way out.
//!
//! Six tabs of rows; what a row needs opens in front of them. Invariants: a code or a secret is on the screen in one
//! dialog only and is gone with it; what wants the passphrase once more goes back as `Effect::Confirm`.

mod dialogs;
mod dialogs_view;
mod forms;
mod preferences;
mod qr;
mod rows;
mod sealed;
mod view;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use self::{
    dialogs::Dialog,
    forms::{Asked, Wanted},
    rows::{Row, TABS, Tab},
};
use crate::{
    api::{
        Fault, FaultKind,
        admin::SessionRow,
        amount,
        models::ModelList,
        profile::{Activity, Allowance, Preferences, Profile, SealedVault},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AccountCall, AccountReply, Effect},
        screens::Screen,
        widgets::{tabs, toast::Toast},
    },
};

/// Entries of the activity read at a time.
const PAGE: u32 = 50;

#[derive(Debug, Default)]
pub struct AccountScreen {
    tab: Tab,
    /// The selected row of each tab.
    at: [usize; TABS.len()],
    profile: Option<Profile>,
    preferences: Option<Preferences>,
    sessions: Option<Vec<SessionRow>>,
    allowance: Option<Vec<Allowance>>,
    activity: Option<Activity>,
    models: Option<ModelList>,
    sealed: Option<Vec<SealedVault>>,
    /// Why what the tab on view shows could not be read.
    fault: Option<Fault>,
    /// What is open in front, the topmost last.
    dialogs: Vec<Dialog>,
    /// The call to repeat when the passphrase has been typed again.
    asked: Option<AccountCall>,
    awaits: Awaited,
    /// Older entries are on their way.
    is_reading_on: bool,
    /// Nothing else answers until a second factor is added.
    must_add_factor: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Nothing,
    /// An answer that no form in front waits for.
    Answer,
    /// The passphrase, which is asked for in front of everything.
    Passphrase,
}

impl AccountScreen {
    /// For an account that must add a second factor before anything else: begins that at once.
    #[must_use]
    pub fn for_second_factor() -> (Self, Vec<Effect>) {
        let mut screen = Self { tab: Tab::SecondFactor, must_add_factor: true, ..Self::default() };
        let mut effects = screen.read();
        effects.extend(screen.call(AccountCall::BeginSecondFactor));
        (screen, effects)
    }

    #[must_use]
    pub fn must_add_factor(&self) -> bool {
        self.must_add_factor
    }

    /// Asks for what the tab shows.
    fn read(&mut self) -> Vec<Effect> {
        self.fault = None;
        let calls = match self.tab {
            Tab::Profile => vec![AccountCall::Profile, AccountCall::Preferences],
            Tab::SecondFactor => vec![AccountCall::Profile],
            Tab::Data => vec![AccountCall::Profile, AccountCall::Sealed],
            Tab::Sessions => vec![AccountCall::Sessions],
            Tab::Limits => vec![AccountCall::Allowance],
            Tab::Activity => vec![AccountCall::Activity { before: None, limit: PAGE }],
        };
        calls.into_iter().map(Effect::Account).collect()
    }

    /// Sends a call, and remembers it if the passphrase may be wanted for it.
    fn call(&mut self, call: AccountCall) -> Vec<Effect> {
        self.await_answer();
        self.asked = Some(call.clone());
        vec![Effect::Account(call)]
    }

    fn await_answer(&mut self) {
        self.awaits = if self.dialogs.is_empty() { Awaited::Answer } else { Awaited::Nothing };
    }

    fn selected(&self) -> usize {
        self.at[self.tab as usize].min(self.length().saturating_sub(1))
    }

    /// How many rows the tab has.
    fn length(&self) -> usize {
        match self.tab {
            Tab::Profile | Tab::SecondFactor | Tab::Data => self.rows().len(),
            Tab::Sessions => self.sessions.as_ref().map_or(0, Vec::len),
            Tab::Limits => 0,
            Tab::Activity => self.activity.as_ref().map_or(0, |activity| activity.entries.len()),
        }
    }

    fn show(&mut self, tab: Tab) -> Vec<Effect> {
        self.tab = tab;
        self.read()
    }

    /// Selects a row; at the end of the activity the entries before it are read.
    fn go(&mut self, row: usize) -> Vec<Effect> {
        let last = self.length().saturating_sub(1);
        self.at[self.tab as usize] = row.min(last);
        let reads_on = self.tab == Tab::Activity && row >= last && !self.is_reading_on;
        match &self.activity {
            Some(activity) if reads_on && activity.more => {
                self.is_reading_on = true;
                let before = activity.entries.last().map(|entry| entry.seq);
                vec![Effect::Account(AccountCall::Activity { before, limit: PAGE })]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Enter: changes or does what is selected.
    fn open(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.tab == Tab::Sessions {
            return self.ask_to_end();
        }
        match self.rows().get(self.selected()) {
            Some(row) => self.open_row(*row, cx),
            None => Vec::new(),
        }
    }

    pub fn on_reply(&mut self, reply: AccountReply, cx: &Cx) -> Vec<Effect> {
        self.awaits = Awaited::Nothing;
        if reply.fault().is_some_and(|fault| fault.kind == FaultKind::Unconfirmed)
            && let Some(again) = &self.asked
        {
            self.awaits = Awaited::Passphrase;
            return vec![Effect::Confirm(vec![Effect::Account(again.clone())])];
        }
        match reply {
            AccountReply::Profile(Ok(profile)) => self.profile = Some(*profile),
            AccountReply::Preferences(Ok(preferences)) => self.preferences = Some(*preferences),
            AccountReply::Allowance(Ok(allowance)) => self.allowance = Some(allowance),
            AccountReply::Sessions(Ok(sessions)) => self.sessions = Some(sessions),
            AccountReply::Activity { before, activity: Ok(new) } => {
                self.is_reading_on = false;
                match &mut self.activity {
                    Some(known) if before.is_some() && before == known.entries.last().map(|entry| entry.seq) => {
                        known.entries.extend(new.entries);
                        known.more = new.more;
                    }
                    // Asked for when another list was on view.
                    Some(_) if before.is_some() => {}
                    Some(_) | None => self.activity = Some(new),
                }
            }
            AccountReply::Activity { activity: Err(fault), .. } => {
                self.is_reading_on = false;
                self.fault = Some(fault);
            }
            AccountReply::Sealed(Ok(sealed)) => self.sealed = Some(sealed),
            AccountReply::SealedForgotten(done) => {
                let words = done.map(|()| "The sealed vault is gone for good.".to_owned());
                return Self::and_read(AccountCall::Sealed, words);
            }
            AccountReply::SealedOpened(Err(fault)) => return self.refused(Wanted::OpenSealed, fault),
            AccountReply::Profile(Err(fault))
            | AccountReply::Sealed(Err(fault))
            | AccountReply::Preferences(Err(fault))
            | AccountReply::Allowance(Err(fault))
            | AccountReply::Sessions(Err(fault)) => self.fault = Some(fault),
            AccountReply::Models(models) => self.on_models(models),
            AccountReply::DisplayNameSet(done) => {
                let mut effects = self.finish(Wanted::DisplayName, done, "Your display name is changed.");
                effects.push(Effect::Account(AccountCall::Profile));
                return effects;
            }
            AccountReply::PreferencesSet(done) => return self.on_preferences_set(done),
            AccountReply::SessionEnded(done) => {
                return Self::and_read(AccountCall::Sessions, done.map(|()| "The session is ended.".to_owned()));
            }
            AccountReply::OthersEnded(done) => {
                let words = done.map(|ended| match ended {
                    0 => "There was no other session.".to_owned(),
                    1 => "One other session is ended.".to_owned(),
                    ended => format!("{ended} other sessions are ended."),
                });
                return Self::and_read(AccountCall::Sessions, words);
            }
            AccountReply::Proposed(Ok(enrolment)) => self.dialogs.push(Asked::enrolment(enrolment)),
            AccountReply::Added(Ok(codes)) => {
                self.must_add_factor = false;
                self.close(Wanted::Enrolment);
                self.dialogs.push(Dialog::Codes(codes));
                return vec![Effect::Account(AccountCall::Profile)];
            }
            AccountReply::Added(Err(fault)) => return self.refused(Wanted::Enrolment, fault),
            AccountReply::Removed(done) => {
                let mut effects = self.finish(Wanted::Code, done, "The second factor is removed.");
                effects.push(Effect::Account(AccountCall::Profile));
                return effects;
            }
            AccountReply::NewCodes(Ok(codes)) => {
                self.close(Wanted::Code);
                self.dialogs.push(Dialog::Codes(codes));
                return vec![Effect::Account(AccountCall::Profile)];
            }
            AccountReply::NewCodes(Err(fault)) => return self.refused(Wanted::Code, fault),
            AccountReply::RecoveryCode(Ok(code)) => self.dialogs.push(Dialog::recovery(code, cx.now_ms)),
            AccountReply::Exported(Ok(report)) => {
                self.close(Wanted::Export);
                let text = format!("Your data is in {} ({}).", report.path.display(), amount::bytes(report.bytes));
                let what = format!(
                    "{} with {}, {}. It is not encrypted: keep it where only you can read.",
                    amount::many(report.conversations, "conversation"),
                    amount::many(report.messages, "message"),
                    amount::many(report.documents, "document")
                );
                return vec![Effect::Toast(Toast::good(text).hint(what))];
            }
            AccountReply::Exported(Err(fault)) => return self.refused(Wanted::Export, fault),
            // The root leaves the screen when it is done.
            AccountReply::Deleted(Ok(())) | AccountReply::SealedOpened(Ok(_)) => {}
            AccountReply::Proposed(Err(fault))
            | AccountReply::RecoveryCode(Err(fault))
            | AccountReply::Deleted(Err(fault)) => return vec![Effect::Toast(Toast::fault(&fault))],
        }
        Vec::new()
    }

    /// Says how it went and reads the list anew.
    fn and_read(call: AccountCall, done: Result<String, Fault>) -> Vec<Effect> {
        let toast = done.map_or_else(|fault| Toast::fault(&fault), Toast::good);
        vec![Effect::Toast(toast), Effect::Account(call)]
    }

    /// Rows of the tabs that are made of rows.
    fn rows(&self) -> Vec<Row> {
        match self.tab {
            Tab::Profile => Row::PROFILE.to_vec(),
            Tab::SecondFactor => match &self.profile {
                Some(profile) if profile.second_factor.added_at.is_some() => vec![Row::NewCodes, Row::RemoveFactor],
                Some(_) => vec![Row::AddFactor],
                None => Vec::new(),
            },
            Tab::Data if self.sealed.as_ref().is_some_and(|sealed| !sealed.is_empty()) => Row::DATA_AND_SEALED.to_vec(),
            Tab::Data => Row::DATA.to_vec(),
            Tab::Sessions | Tab::Limits | Tab::Activity => Vec::new(),
        }
    }
}
impl Screen for AccountScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.read()
    }

    /// What was open in it, codes and secrets among that, does not outlast the sight of it.
    fn hidden(&mut self) {
        *self = Self::default();
    }

    fn on_confirmed(&mut self, goes_on: bool) {
        // It may have been asked for another screen's sake.
        if self.awaits != Awaited::Passphrase {
            return;
        }
        self.awaits = Awaited::Nothing;
        if goes_on {
            self.await_answer();
        } else if let Some(dialog) = self.dialogs.last_mut() {
            dialog.given_up();
        }
    }

    fn holds(&self) -> bool {
        self.must_add_factor
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if !self.dialogs.is_empty() {
            return self.dialog_action(action, cx);
        }
        if let Some(tab) = tabs::opened_by(&TABS, action) {
            return Some(self.show(tab));
        }
        let page = usize::from(cx.size.1.saturating_sub(8)).max(1);
        match action {
            Action::AccountNextTab | Action::FocusNext => Some(self.show(tabs::beside(&TABS, self.tab, true))),
            Action::AccountPreviousTab | Action::FocusPrevious => Some(self.show(tabs::beside(&TABS, self.tab, false))),
            Action::AccountUp => Some(self.go(self.selected().saturating_sub(1))),
            Action::AccountDown => Some(self.go(self.selected() + 1)),
            Action::AccountTop => Some(self.go(0)),
            Action::AccountBottom => Some(self.go(usize::MAX)),
            Action::AccountPageUp => Some(self.go(self.selected().saturating_sub(page))),
            Action::AccountPageDown => Some(self.go(self.selected() + page)),
            Action::AccountOpen => Some(self.open(cx)),
            Action::AccountEndOthers if self.tab == Tab::Sessions => Some(self.ask_to_end_others()),
            Action::AccountEndOthers => Some(Vec::new()),
            Action::Refresh => Some(self.read()),
            _ => None,
        }
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        self.dialog_key(key, cx)
    }

    fn on_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect> {
        self.dialog_paste(&text, cx)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        use crossterm::event::{MouseButton, MouseEventKind};
        if !self.dialogs.is_empty() {
            return self.dialog_mouse(mouse, area, cx);
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.go(self.selected().saturating_sub(1)),
            MouseEventKind::ScrollDown => self.go(self.selected() + 1),
            MouseEventKind::Down(MouseButton::Left) => {
                let at = (mouse.column, mouse.row);
                if let Some(tab) = self.tab_at(at, area, cx) {
                    return self.show(tab);
                }
                match self.row_at(at, area) {
                    Some(row) if row == self.selected() => self.open(cx),
                    Some(row) => self.go(row),
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn context(&self) -> Context {
        self.dialogs.last().map_or(Context::Account, Dialog::context)
    }

    fn is_busy(&self) -> bool {
        self.awaits == Awaited::Answer || self.dialogs.last().is_some_and(Dialog::is_busy)
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        if let Some(dialog) = self.dialogs.last() {
            return dialog.hints(cx);
        }
        let mut actions = vec![(Action::AccountNextTab, "next tab")];
        match self.tab {
            Tab::Profile => actions.insert(0, (Action::AccountOpen, "change")),
            Tab::SecondFactor | Tab::Data => actions.insert(0, (Action::AccountOpen, "do it")),
            Tab::Sessions => {
                actions.insert(0, (Action::AccountOpen, "end session"));
                actions.insert(1, (Action::AccountEndOthers, "end all others"));
            }
            Tab::Limits => actions.insert(0, (Action::Refresh, "look again")),
            Tab::Activity => actions.insert(0, (Action::AccountDown, "down")),
        }
        if !self.must_add_factor {
            actions.push((Action::ScreenChat, "chat"));
        }
        cx.hints(&actions)
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, _in_front: bool) {
        self.draw(frame, area, cx);
    }
}
