//! The tab of roles: the matrix of what each may do, and below it how often and with which models.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Step,
    dialog::{Chosen, Dialog, Fill},
    editors::{LimitsEditor, ModelsEditor, limited_words, model_lines},
    part::{House, Part},
    table::{Drawn, boxed, first_row, fit, instead, labelled, row_style, safe},
};
use crate::{
    api::{
        Fault,
        admin::{Limited, Permission, RoleView, Scope},
        amount,
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, limit_of},
        text::wrap::{clip, width},
        widgets::{
            picker::{Item, Picker},
            rows::Cursor,
            toast::Toast,
        },
    },
};

/// The widest a role's column gets.
const COLUMN_MOST: usize = 14;
const NAMES: usize = 24;

#[derive(Debug, Default)]
pub struct Roles {
    all: Vec<RoleView>,
    at: usize,
    permission: Cursor,
    loading: bool,
    fault: Option<Fault>,
    /// Where the roles' columns were drawn.
    columns: Drawn,
}

/// How one cell of the matrix stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    ByRank,
    Allowed,
    Denied,
    /// The rank is below what the permission needs.
    Beyond,
}

fn cell(role: &RoleView, permission: Permission) -> Cell {
    match role.permissions.iter().find(|(which, _)| *which == permission) {
        Some((_, false)) => Cell::Denied,
        _ if role.rank < permission.least_rank() => Cell::Beyond,
        Some((_, true)) => Cell::Allowed,
        None => Cell::ByRank,
    }
}

impl Cell {
    fn mark(self) -> &'static str {
        match self {
            Self::ByRank => "·",
            Self::Allowed => "✓",
            Self::Denied => "✗",
            Self::Beyond => "–",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::ByRank => "allowed by its rank",
            Self::Allowed => "allowed",
            Self::Denied => "denied, whatever else is said",
            Self::Beyond => "not for its rank",
        }
    }
}

impl Roles {
    pub fn on_roles(&mut self, roles: Result<Vec<RoleView>, Fault>) -> Vec<Effect> {
        self.loading = false;
        match roles {
            Ok(roles) => {
                let before = self.role().map(|role| role.name.clone());
                self.all = roles;
                let place = self.all.iter().position(|role| Some(&role.name) == before.as_ref());
                self.at = place.unwrap_or(self.at).min(self.all.len().saturating_sub(1));
                self.fault = None;
            }
            Err(fault) => self.fault = Some(fault),
        }
        Vec::new()
    }

    /// For lists to choose from; the built-in two where nothing could be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        if self.all.is_empty() {
            return vec!["user".into(), "admin".into()];
        }
        self.all.iter().map(|role| role.name.clone()).collect()
    }

    fn role(&self) -> Option<&RoleView> {
        self.all.get(self.at)
    }

    /// The next of: by rank, allowed, denied.
    fn change(&self, role: &RoleView) -> Step {
        let permission = Permission::ALL[self.permission.at()];
        let notice = |text: &str, hint: &str| vec![Effect::Toast(Toast::notice(text).hint(hint))].into();
        if role.is_builtin && role.name == "admin" {
            return notice(
                "The role admin may everything, always.",
                "Make a role of rank admin and deny things to that.",
            );
        }
        if permission == Permission::Own {
            return notice("Nobody can be kept from their own account.", "To keep somebody out, lock or disable them.");
        }
        let allowed = match cell(role, permission) {
            Cell::ByRank => Some(true),
            Cell::Allowed => Some(false),
            Cell::Denied => None,
            Cell::Beyond => {
                return notice("That is for roles of rank admin.", "Make a role of that rank and deny it the rest.");
            }
        };
        AdminCall::Permit { role: role.name.clone(), permission, allowed }.into()
    }

    /// Choosing what its members get is the question.
    fn delete(&self, role: &RoleView) -> Dialog {
        let items = self.all.iter().filter(|other| other.name != role.name).map(|other| {
            let call = AdminCall::DeleteRole { name: role.name.clone(), instead: other.name.clone() };
            Item::new(&other.name, Chosen::Call(call)).detail(&format!("rank {}", other.rank.as_str()))
        });
        let title = match role.members {
            0 => format!("Remove {}: nobody has it", role.name),
            1 => format!("Remove {}: its member gets", role.name),
            many => format!("Remove {}: its {many} members get", role.name),
        };
        let mut picker = Picker::new(&title, items.collect());
        picker.set_note("Esc leaves the role as it is.");
        Dialog::Pick(picker)
    }

    fn column(role: &RoleView) -> usize {
        width(&safe(&role.name)).clamp(5, COLUMN_MOST) + 2
    }

    /// The first role drawn, so that the one in use has room.
    fn first_role(&self, room: usize) -> usize {
        let mut used = 0;
        let mut first = self.at;
        for at in (0..=self.at).rev() {
            used += self.all.get(at).map_or(0, Self::column);
            if used > room {
                break;
            }
            first = at;
        }
        first
    }

    fn view_matrix(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let room = usize::from(area.width);
        let names = NAMES.min(room / 2);
        let first = self.first_role(room.saturating_sub(names + 2));
        let mut head = vec![Span::styled(fit(if first > 0 { "‹" } else { "" }, names), cx.theme.dim)];
        let mut shown = Vec::new();
        let mut used = names;
        for (at, role) in self.all.iter().enumerate().skip(first) {
            let wide = Self::column(role);
            if used + wide > room.saturating_sub(1) {
                head.push(Span::styled("›", cx.theme.dim));
                break;
            }
            let place = Rect { x: area.x + used as u16, width: wide as u16, ..area };
            self.columns.add(place, at);
            used += wide;
            shown.push((at, role, wide));
            let style = if at == self.at { cx.theme.accent } else { cx.theme.dim };
            head.push(Span::styled(centred(&safe(&role.name), wide), style));
        }
        let mut lines = vec![Line::from(head)];
        let height = usize::from(area.height.saturating_sub(1));
        let chosen = self.permission.at();
        let top = first_row(chosen, Permission::ALL.len(), height);
        let below_head = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.permission.is_drawn_in(below_head, Permission::ALL.len());
        for (row, permission) in Permission::ALL.into_iter().enumerate().skip(top).take(height) {
            let here = row == chosen;
            let cursor = if here { "›" } else { " " };
            let style = if here { cx.theme.text } else { cx.theme.dim };
            let mut spans = vec![Span::styled(fit(&format!("{cursor} {}", permission.words()), names), style)];
            for (at, role, wide) in &shown {
                let cell = cell(role, permission);
                let style = match (here && *at == self.at, cell) {
                    (true, _) => row_style(true, focused, cx),
                    (false, Cell::Denied) => cx.theme.error,
                    (false, Cell::Allowed) => cx.theme.success,
                    (false, Cell::ByRank) => cx.theme.text,
                    (false, Cell::Beyond) => cx.theme.dim,
                };
                spans.push(Span::styled(centred(cell.mark(), *wide), style));
            }
            lines.push(Line::from(spans));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn view_role(&self, role: &RoleView, frame: &mut Frame, area: Rect, cx: &Cx) {
        let members = match role.members {
            0 => "nobody has it".to_owned(),
            members => amount::many(members, "member"),
        };
        let kind = if role.is_builtin { ", built in" } else { "" };
        let title = format!("{} · rank {}{kind} · {members}", safe(&role.name), role.rank.as_str());
        let inner = boxed(frame, area, &title, "", false, cx);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let room = usize::from(inner.width);
        let permission = Permission::ALL[self.permission.at()];
        let told = format!("{}: {}", permission.words(), cell(role, permission).words());
        let limits = Limited::ALL.into_iter().map(|limited| {
            let words = |most: u32| {
                let (what, per) = limited_words(limited);
                // What 0 means is for those who set it.
                let per = per.split(',').next().unwrap_or(per);
                if most == 0 { format!("{what}: no limit") } else { format!("{what}: {most} {per}") }
            };
            match limit_of(&role.limits, limited) {
                Some(most) => (true, words(most)),
                None => (false, words(cx.config.limits.most(limited))),
            }
        });
        let (own, configured): (Vec<_>, Vec<_>) = limits.partition(|(is_own, _)| *is_own);
        let words = |list: Vec<(bool, String)>| list.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ");
        let models = model_lines(&role.models);
        let models = if models.is_empty() { "all".to_owned() } else { safe(&models.join("  ")) };
        let mut rows = vec![("here", told), ("models", models)];
        if own.is_empty() {
            rows.push(("limits", format!("as configured: {}", words(configured))));
        } else {
            rows.extend([("limits", words(own)), ("as configured", words(configured))]);
        }
        let lines: Vec<Line> =
            rows.iter().flat_map(|(label, text)| labelled(label, text, cx.theme.text, room, cx)).collect();
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn centred(text: &str, columns: usize) -> String {
    let text = clip(text, columns.saturating_sub(1));
    let gap = columns.saturating_sub(width(&text));
    format!("{}{text}{}", " ".repeat(gap / 2), " ".repeat(gap - gap / 2))
}

impl Part for Roles {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        vec![Effect::Admin(AdminCall::Roles)]
    }

    fn context(&self) -> Context {
        Context::Roles
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        let last = self.all.len().saturating_sub(1);
        match action {
            action if self.permission.go(action, Permission::ALL.len()) => {}
            Action::AdminLeft | Action::FocusPrevious => self.at = self.at.saturating_sub(1),
            Action::AdminRight | Action::FocusNext => self.at = (self.at + 1).min(last),
            Action::RoleNew => return Some(Fill::new_role().into()),
            Action::RoleChange | Action::RoleRename | Action::RoleDelete | Action::RoleLimits | Action::RoleModels => {
                let Some(role) = self.role() else {
                    return Some(vec![Effect::Toast(Toast::notice("There is no role to do that to."))].into());
                };
                return Some(match action {
                    Action::RoleChange => self.change(role),
                    Action::RoleLimits => {
                        LimitsEditor::dialog(Scope::Role(role.name.clone()), &role.name, &role.limits).into()
                    }
                    Action::RoleModels => {
                        ModelsEditor::dialog(Scope::Role(role.name.clone()), &role.name, &role.models).into()
                    }
                    _ if role.is_builtin => {
                        let toast = Toast::notice(format!("The role {} is built in and stays.", role.name));
                        vec![Effect::Toast(toast.hint("Its limits and models can be changed."))].into()
                    }
                    Action::RoleRename => Fill::rename_role(&role.name).into(),
                    _ => self.delete(role).into(),
                });
            }
            _ => return None,
        }
        Some(Vec::new().into())
    }

    /// Selects the cell that was drawn there, or the permission whose name was.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if let Some(role) = self.columns.at(at).filter(|role| *role < self.all.len()) {
            self.at = role;
        }
        self.permission.click(at, Permission::ALL.len());
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.loading
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::RoleChange, "change"),
            (Action::AdminRight, "next role"),
            (Action::RoleNew, "new"),
            (Action::RoleLimits, "limits"),
            (Action::RoleModels, "models"),
            (Action::RoleRename, "rename"),
            (Action::RoleDelete, "remove"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let wanted = Permission::ALL.len() as u16 + 3;
        let matrix_height = if area.height >= wanted + 4 { wanted } else { area.height };
        let [matrix, pane] = Layout::vertical([Constraint::Length(matrix_height), Constraint::Min(0)]).areas(area);
        let legend = "· by rank  ✓ allowed  ✗ denied  – not for its rank";
        let inner = boxed(frame, matrix, "Who may what", legend, focused, cx);
        self.permission.hide();
        self.columns.clear();
        if self.all.is_empty() || self.fault.is_some() {
            return instead(frame, inner, self.fault.as_ref(), self.loading, "There is no role.", cx);
        }
        self.view_matrix(frame, inner, cx, focused);
        if let Some(role) = self.role().filter(|_| !pane.is_empty()) {
            self.view_role(role, frame, pane, cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::auth::Role;

    #[test]
    fn every_way_a_cell_can_stand_has_its_mark() {
        let role = RoleView {
            name: "students".into(),
            rank: Role::User,
            is_builtin: false,
            permissions: vec![(Permission::Export, false), (Permission::Chat, true)],
            limits: Vec::new(),
            models: Vec::new(),
            members: 0,
        };
        let marks = [Permission::Own, Permission::Chat, Permission::Export, Permission::SeeAudit]
            .map(|permission| cell(&role, permission).mark());
        assert_eq!(marks, ["·", "✓", "✗", "–"]);
    }
}
