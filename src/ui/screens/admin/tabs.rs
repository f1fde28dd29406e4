//! The line of tabs: what is in it, how it is drawn, what a click in it opens.

use ratatui::text::{Line, Span};

use crate::ui::{actions::Action, cx::Cx, text::wrap::width};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Overview,
    Users,
    Roles,
    Settings,
    Audit,
    Backups,
    Health,
    Metrics,
    Rules,
}

/// In their order, each with what opens it.
pub(super) const TABS: [(Tab, Action, &str); 9] = [
    (Tab::Overview, Action::AdminOverview, "Overview"),
    (Tab::Users, Action::AdminUsers, "Users"),
    (Tab::Roles, Action::AdminRoles, "Roles"),
    (Tab::Settings, Action::AdminSettings, "Settings"),
    (Tab::Audit, Action::AdminAudit, "Audit"),
    (Tab::Backups, Action::AdminBackups, "Backups"),
    (Tab::Health, Action::AdminHealth, "Health"),
    (Tab::Metrics, Action::AdminMetrics, "Metrics"),
    (Tab::Rules, Action::AdminRules, "Rules"),
];

/// One tab as it stands in the line, with a column on each side of it.
struct Drawn {
    tab: Tab,
    opens: Action,
    key: Option<String>,
    name: &'static str,
}

impl Drawn {
    fn width(&self) -> usize {
        self.key.as_deref().map_or(0, |key| width(key) + 1) + width(self.name) + 2
    }
}

/// Those that are drawn in so many columns: with their keys where there is room for them, and from the open one on where
/// there is not even room for the names.
fn drawn(open: Tab, room: u16, cx: &Cx) -> Vec<Drawn> {
    let mut all: Vec<Drawn> =
        TABS.into_iter().map(|(tab, opens, name)| Drawn { tab, opens, key: cx.keymap.label(opens), name }).collect();
    let fits = |all: &[Drawn]| all.iter().map(Drawn::width).sum::<usize>() <= usize::from(room);
    if !fits(&all) {
        for drawn in &mut all {
            drawn.key = None;
        }
    }
    while !fits(&all) && all.first().is_some_and(|first| first.tab != open) {
        all.remove(0);
    }
    all
}

/// The tab whose key opens it, if `action` is that of one.
pub(super) fn opened_by(action: Action) -> Option<Tab> {
    TABS.into_iter().find(|(_, opens, _)| *opens == action).map(|(tab, ..)| tab)
}

/// What opens the tab that is drawn in this column of a line of `room` columns.
pub(super) fn at(column: u16, open: Tab, room: u16, cx: &Cx) -> Option<Action> {
    let mut from = 0;
    drawn(open, room, cx).into_iter().find_map(|tab| {
        let here = from..from + tab.width();
        from = here.end;
        here.contains(&usize::from(column)).then_some(tab.opens)
    })
}

pub(super) fn line(open: Tab, room: u16, cx: &Cx) -> Line<'static> {
    let mut line = Line::default();
    for Drawn { tab, key, name, .. } in drawn(open, room, cx) {
        let (left, right, style) = if tab == open { ("[", "]", cx.theme.accent) } else { (" ", " ", cx.theme.dim) };
        line.push_span(Span::styled(left, style));
        if let Some(key) = key {
            line.push_span(Span::styled(format!("{key} "), cx.theme.key));
        }
        line.push_span(Span::styled(format!("{name}{right}"), style));
    }
    line
}
