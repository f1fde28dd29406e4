//! What stands in the line of tabs.

use crate::ui::actions::Action;

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
