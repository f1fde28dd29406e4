//! The tab of accounts: a list read page by page as it is walked through, and the account under the cursor in full.
//!
//! Invariant: what is done to “the marked” is done to those that were marked, wherever the filter has gone since; the
//! question names them.

mod detail;
mod view;

use std::{collections::BTreeMap, time::Duration};

use crossterm::event::KeyEvent;
use ratatui::{Frame, layout::Rect};

use super::{
    Step,
    dialog::{Ask, Chosen, Dialog, Fill},
    editors::{LimitsEditor, ModelsEditor},
    part::{House, Part},
    table::{names, safe},
};
use crate::{
    api::{
        AccountId, Fault, FaultKind,
        admin::{AccountState, Scope, UserDetail, UserFilter, UserPage, UserRow},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, Target, Timer, UserAct},
        widgets::{
            field::Field,
            picker::{Item, Picker},
            rows::Cursor,
            toast::Toast,
        },
    },
};

/// Accounts read at a time.
const PAGE: u32 = 50;
/// The next page is asked for when so few are left below.
const AHEAD: usize = 10;
/// From this width on the account stands beside the list.
const WIDE: u16 = 110;
/// Somebody who walks through the list wants no account on the way.
const STILL: Duration = Duration::from_millis(120);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    List,
    Detail,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two of them make a state")]
pub struct Users {
    filter: UserFilter,
    field: Field,
    /// Whether the filter has the keys.
    typing: bool,
    rows: Vec<UserRow>,
    total: u32,
    more: bool,
    cursor: Cursor,
    marked: BTreeMap<AccountId, String>,
    loading: bool,
    fault: Option<Fault>,
    asked: u64,
    /// Pages on their way: they replace the rows when enough are here, or are put behind them.
    incoming: Vec<UserRow>,
    wanted: usize,
    appends: bool,
    detail: Option<Box<UserDetail>>,
    detail_fault: Option<Fault>,
    detail_asked: u64,
    focus: Focus,
    /// Among the sessions of the account that is shown in full.
    session: Cursor,
}

impl Users {
    fn read(&mut self, wanted: usize) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        self.incoming.clear();
        self.appends = false;
        self.wanted = wanted;
        vec![self.ask(None)]
    }

    fn ask(&self, after: Option<String>) -> Effect {
        Effect::Admin(AdminCall::Users { asked: self.asked, filter: self.filter.clone(), after, limit: PAGE })
    }

    fn read_on(&mut self) -> Vec<Effect> {
        if self.loading || !self.more || self.cursor.at() + AHEAD < self.rows.len() {
            return Vec::new();
        }
        self.asked += 1;
        self.loading = true;
        self.incoming.clear();
        self.appends = true;
        self.wanted = 0;
        vec![self.ask(self.rows.last().map(|row| row.name.clone()))]
    }

    pub fn on_page(&mut self, asked: u64, page: Result<UserPage, Fault>, cx: &Cx) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        let page = match page {
            Ok(page) => page,
            Err(fault) => {
                self.loading = false;
                self.fault = Some(fault);
                return Vec::new();
            }
        };
        self.fault = None;
        self.total = page.total;
        self.incoming.extend(page.rows);
        if page.more && self.incoming.len() < self.wanted {
            return vec![self.ask(self.incoming.last().map(|row| row.name.clone()))];
        }
        self.more = page.more;
        self.loading = false;
        let incoming = std::mem::take(&mut self.incoming);
        if self.appends {
            self.rows.extend(incoming);
        } else {
            let before = self.row().map(|row| row.id);
            self.rows = incoming;
            let place = self.rows.iter().position(|row| Some(row.id) == before);
            self.cursor.put(place.unwrap_or(self.cursor.at()), self.rows.len());
        }
        self.look(cx)
    }

    pub fn on_detail(&mut self, asked: u64, id: AccountId, detail: Result<Box<UserDetail>, Fault>) -> Vec<Effect> {
        if asked != self.detail_asked {
            return Vec::new();
        }
        match detail {
            Ok(detail) => {
                if let Some(row) = self.rows.iter_mut().find(|row| row.id == id) {
                    row.clone_from(&detail.row);
                }
                self.session.put(self.session.at(), detail.sessions.len());
                self.detail = Some(detail);
                self.detail_fault = None;
            }
            Err(fault) => {
                self.detail = None;
                // Gone for good meanwhile: the list is what is left.
                if fault.kind == FaultKind::NotFound {
                    self.focus = Focus::List;
                }
                self.detail_fault = Some(fault);
            }
        }
        Vec::new()
    }

    pub fn on_settled(&self, asked: u64) -> Vec<Effect> {
        if asked == self.detail_asked { self.ask_detail_as(asked) } else { Vec::new() }
    }

    fn row(&self) -> Option<&UserRow> {
        self.rows.get(self.cursor.at())
    }

    /// The account that is shown in full, if it is the one under the cursor.
    fn shown(&self) -> Option<&UserDetail> {
        self.detail.as_deref().filter(|detail| self.row().is_some_and(|row| row.id == detail.row.id))
    }

    fn shows_detail(&self, cx: &Cx) -> bool {
        self.focus == Focus::Detail || cx.size.0 >= WIDE
    }

    /// The cursor stands on another account: it is shown beside the list once the cursor rests.
    fn look(&mut self, cx: &Cx) -> Vec<Effect> {
        if !self.shows_detail(cx) || self.row().is_none() || self.shown().is_some() {
            return Vec::new();
        }
        self.detail_asked += 1;
        self.detail_fault = None;
        vec![Effect::After(STILL, Timer::Settle(self.detail_asked))]
    }

    fn ask_detail(&mut self) -> Vec<Effect> {
        self.detail_asked += 1;
        self.ask_detail_as(self.detail_asked)
    }

    fn ask_detail_as(&self, asked: u64) -> Vec<Effect> {
        self.row().map(|row| Effect::Admin(AdminCall::User { asked, id: row.id })).into_iter().collect()
    }

    /// Those that something is done to, and what they are called in a question.
    fn targets(&self) -> Vec<Target> {
        if self.focus == Focus::List && !self.marked.is_empty() {
            return self.marked.iter().map(|(id, name)| Target { id: *id, name: name.clone() }).collect();
        }
        self.row().map(|row| Target { id: row.id, name: row.name.clone() }).into_iter().collect()
    }

    /// What was marked has been dealt with.
    pub fn unmark(&mut self) {
        self.marked.clear();
    }

    pub fn show_only(&mut self, role: Option<String>, state: Option<AccountState>) -> Vec<Effect> {
        self.filter.role = role;
        self.filter.state = state;
        self.cursor.put(0, 0);
        self.read(0)
    }

    fn filter_changed(&mut self) -> Vec<Effect> {
        if self.filter.text == self.field.text() {
            return Vec::new();
        }
        self.field.text().clone_into(&mut self.filter.text);
        self.cursor.put(0, 0);
        self.read(0)
    }

    fn typing_action(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        match action {
            Action::Submit | Action::NextField | Action::FocusNext => self.typing = false,
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.typing = false;
                self.field.clear();
                return Some(self.filter_changed().into());
            }
            _ => return None,
        }
        Some(self.look(cx).into())
    }

    /// Moves the cursor of what has the focus.
    fn moved(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if self.focus == Focus::Detail {
            let many = self.shown().map_or(0, |detail| detail.sessions.len());
            return self.session.go(action, many).then(Vec::new);
        }
        if !self.cursor.go(action, self.rows.len()) {
            return None;
        }
        let mut effects = self.read_on();
        effects.extend(self.look(cx));
        Some(effects)
    }

    fn open_detail(&mut self) -> Vec<Effect> {
        if self.row().is_none() {
            return Vec::new();
        }
        self.focus = Focus::Detail;
        self.session.put(0, 0);
        self.ask_detail()
    }

    fn mark(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some((id, name)) = self.row().map(|row| (row.id, row.name.clone())) else { return Vec::new() };
        if self.marked.remove(&id).is_none() {
            self.marked.insert(id, name);
        }
        self.focus = Focus::List;
        self.moved(Action::AdminDown, cx).unwrap_or_default()
    }

    /// All sessions; or, with the cursor on one of them, that one.
    fn end_sessions(&self, targets: Vec<Target>, who: &str) -> Step {
        if self.focus == Focus::Detail
            && let Some((detail, of)) = self.shown().zip(targets.first())
            && let Some(session) = detail.sessions.get(self.session.at())
        {
            let text = format!("The one at {}. It is refused at its next action.", safe(&session.place));
            let call = AdminCall::EndSession { of: of.clone(), which: session.id };
            return Ask::dialog(&format!("End this session of {who}?"), text, "End it", call).into();
        }
        let call = AdminCall::Each { act: UserAct::EndSessions, targets };
        let text = "Each is refused at its next action, and “stay signed in” is forgotten.";
        Ask::dialog(&format!("End all sessions of {who}?"), text, "End them", call).into()
    }

    /// The rules of one account need to be known before they are changed.
    fn edit(&mut self, action: Action) -> Step {
        let Some(detail) = self.shown() else {
            let mut effects = self.open_detail();
            effects.push(Effect::Toast(Toast::notice("Reading the account first; press it once more.")));
            return effects.into();
        };
        let (scope, name) = (Scope::Account(detail.row.id), &detail.row.name);
        match action {
            Action::UserLimits => LimitsEditor::dialog(scope, name, &detail.limits).into(),
            _ => ModelsEditor::dialog(scope, name, &detail.models).into(),
        }
    }

    fn choose_role(targets: &[Target], who: &str, roles: &[String]) -> Dialog {
        let items = roles.iter().map(|role| {
            let act = UserAct::Role(role.clone());
            Item::new(role, Chosen::Call(AdminCall::Each { act, targets: targets.to_vec() }))
        });
        Dialog::Pick(Picker::new(&format!("Role for {who}"), items.collect()).empty("No role is called that."))
    }

    fn choose_shown(roles: &[String]) -> Dialog {
        let state = |label: &str, state| Item::new(label, Chosen::Show { role: None, state });
        let mut items = vec![
            state("All but those in the trash", None),
            state("Invited: waiting for their person", Some(AccountState::Invited)),
            state("Active", Some(AccountState::Active)),
            state("Locked", Some(AccountState::Locked)),
            state("Disabled", Some(AccountState::Disabled)),
            state("In the trash", Some(AccountState::Deleted)),
        ];
        items.extend(roles.iter().map(|role| {
            Item::new(&format!("With the role {role}"), Chosen::Show { role: Some(role.clone()), state: None })
        }));
        Dialog::Pick(Picker::new("Which accounts", items))
    }
}

impl Part for Users {
    /// Reads as far as it was read before.
    fn open(&mut self) -> Vec<Effect> {
        let mut effects = self.read(self.rows.len());
        if self.detail.is_some() {
            effects.extend(self.ask_detail());
        }
        effects
    }

    fn context(&self) -> Context {
        if self.typing { Context::Form } else { Context::Users }
    }

    fn on_action(&mut self, action: Action, house: &House, cx: &Cx) -> Option<Step> {
        if self.typing {
            return self.typing_action(action, cx);
        }
        if let Some(at) = self.moved(action, cx) {
            return Some(at.into());
        }
        let call = |act, targets| AdminCall::Each { act, targets };
        Some(match action {
            Action::UserFilter => {
                self.typing = true;
                self.focus = Focus::List;
                Vec::new().into()
            }
            Action::UserShow => Self::choose_shown(&house.roles).into(),
            Action::UserNew => Fill::new_user(&house.roles).into(),
            Action::UserOpen if self.focus == Focus::Detail => Vec::new().into(),
            Action::UserOpen => self.open_detail().into(),
            Action::FocusNext | Action::FocusPrevious => match self.focus {
                Focus::List => self.open_detail().into(),
                Focus::Detail => {
                    self.focus = Focus::List;
                    Vec::new().into()
                }
            },
            Action::Escape if self.focus == Focus::Detail => {
                self.focus = Focus::List;
                Vec::new().into()
            }
            Action::Escape if !self.marked.is_empty() => {
                self.marked.clear();
                Vec::new().into()
            }
            Action::Escape if !self.filter.text.is_empty() => {
                self.field.clear();
                self.filter_changed().into()
            }
            Action::UserMark => self.mark(cx).into(),
            Action::UserLimits | Action::UserModels => self.edit(action),
            Action::UserRole
            | Action::UserLock
            | Action::UserUnlock
            | Action::UserEnable
            | Action::UserDisable
            | Action::UserReset
            | Action::UserRemoveFactor
            | Action::UserEndSessions
            | Action::UserDelete
            | Action::UserRestore
            | Action::UserPurge => {
                let targets = self.targets();
                if targets.is_empty() {
                    return Some(vec![Effect::Toast(Toast::notice("There is no account to do that to."))].into());
                }
                let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                let who = names(&known);
                match action {
                    Action::UserRole => Self::choose_role(&targets, &who, &house.roles).into(),
                    Action::UserLock => Fill::lock(targets, &who).into(),
                    Action::UserUnlock => call(UserAct::Unlock, targets).into(),
                    Action::UserEnable => call(UserAct::Enable, targets).into(),
                    Action::UserRestore => call(UserAct::Restore, targets).into(),
                    Action::UserPurge => Fill::purge(targets, &who).into(),
                    Action::UserEndSessions => self.end_sessions(targets, &who),
                    Action::UserDisable => Ask::dialog(
                        &format!("Disable {who}?"),
                        "Every session ends at its next action, and there is no coming in until it is enabled \
                         again. Nothing is lost.",
                        "Disable",
                        call(UserAct::Disable, targets),
                    )
                    .into(),
                    Action::UserReset => Ask::dialog(
                        &format!("Reset {who}?"),
                        "The passphrase is forgotten, every session ends, and you get a one-time code to hand over. \
                         The second factor stays.\nWith their own recovery code they open their old vault again; \
                         without it that vault stays sealed for good, and they begin with an empty one.",
                        "Reset and show the code",
                        call(UserAct::Reset, targets),
                    )
                    .into(),
                    Action::UserRemoveFactor => Ask::dialog(
                        &format!("Take the second factor of {who} away?"),
                        "For whoever has lost the authenticator and its codes. Every session ends, the passphrase alone \
                         lets in again, and they are told at their next sign-in.",
                        "Take it away",
                        call(UserAct::RemoveFactor, targets),
                    )
                    .into(),
                    _ => Ask::dialog(
                        &format!("Move {who} to the trash?"),
                        "Out at once, and no longer listed. It can be brought back until it is removed for good.",
                        "Move to the trash",
                        call(UserAct::Delete, targets),
                    )
                    .into(),
                }
            }
            _ => return None,
        })
    }

    fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        if self.typing && self.field.on_key(key) { Some(self.filter_changed()) } else { None }
    }

    fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        if !self.typing {
            return Vec::new();
        }
        self.field.paste(text.lines().next().unwrap_or_default());
        self.filter_changed()
    }

    fn clicked(&mut self, at: (u16, u16), cx: &Cx) -> Vec<Effect> {
        let Some(stood_there) = self.cursor.click(at, self.rows.len()) else { return Vec::new() };
        let is_again = stood_there && self.focus == Focus::List;
        self.focus = Focus::List;
        if is_again {
            return self.open_detail();
        }
        let mut effects = self.read_on();
        effects.extend(self.look(cx));
        effects
    }

    fn is_busy(&self) -> bool {
        self.loading
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        if self.typing {
            return cx.hints(&[(Action::Submit, "to the list"), (Action::Cancel, "all again")]);
        }
        if self.focus == Focus::Detail {
            return cx.hints(&[
                (Action::Escape, "list"),
                (Action::UserEndSessions, "end session"),
                (Action::UserLock, "lock"),
                (Action::UserRole, "role"),
                (Action::UserLimits, "limits"),
                (Action::UserModels, "models"),
                (Action::UserReset, "reset"),
            ]);
        }
        cx.hints(&[
            (Action::UserOpen, "show"),
            (Action::UserFilter, "filter"),
            (Action::UserNew, "new"),
            (Action::UserMark, "mark"),
            (Action::UserLock, "lock"),
            (Action::UserRole, "role"),
            (Action::UserReset, "reset"),
            (Action::UserShow, "by state"),
            (Action::UserDelete, "trash"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        self.draw(frame, area, cx, in_front);
    }
}
