//! The line of tabs at the head of a screen: how it is drawn at every width, what a click in it opens, what a key opens.
//!
//! One look for all screens. The open one stands in brackets, so that it is told without colours too.

use ratatui::text::{Line, Span};

use crate::ui::{actions::Action, cx::Cx, text::wrap::width};

/// The tabs of a screen in their order, each with what opens it and its name.
pub type Tabs<T> = [(T, Action, &'static str)];

/// One tab as it stands in the line.
#[derive(Clone)]
struct Drawn<T> {
    tab: T,
    /// What stands before its name; with a column more where there is room.
    key: String,
    name: &'static str,
    left: &'static str,
    right: &'static str,
}

impl<T> Drawn<T> {
    fn width(&self) -> usize {
        [self.left, &self.key, self.name, self.right].into_iter().map(width).sum()
    }
}

/// How much stands in the line, from the most to the least.
#[derive(Clone, Copy)]
enum Spread {
    /// `[1 Overview] 2 Users  3 Roles `
    Loose,
    /// `[1Overview]2Users 3Roles `, as where function keys are named.
    Tight,
    /// `1 2 3 [4 Settings]5 6 `
    OnlyTheOpen,
}

/// Those that are drawn in so many columns. Their keys are the last to go: they are how one gets there. Whoever has bound
/// none of them sees the names from the open one on.
fn drawn<T: Copy + PartialEq>(tabs: &Tabs<T>, open: T, room: u16, cx: &Cx) -> Vec<Drawn<T>> {
    let all = |spread: Spread| -> Vec<Drawn<T>> {
        let each = tabs.iter().map(|&(tab, opens, name)| {
            let (is_open, key) = (tab == open, cx.keymap.label(opens));
            let (left, right) = match (spread, is_open) {
                (_, true) => ("[", "]"),
                (Spread::Loose, false) => (" ", " "),
                (Spread::Tight | Spread::OnlyTheOpen, false) => ("", " "),
            };
            let name = match (spread, is_open, &key) {
                (Spread::OnlyTheOpen, false, Some(_)) => "",
                (Spread::Loose | Spread::Tight, ..) | (Spread::OnlyTheOpen, true, _) | (_, _, None) => name,
            };
            let gap = match spread {
                Spread::Loose | Spread::OnlyTheOpen if !name.is_empty() => " ",
                Spread::Loose | Spread::OnlyTheOpen | Spread::Tight => "",
            };
            Drawn { tab, key: key.map(|key| format!("{key}{gap}")).unwrap_or_default(), name, left, right }
        });
        each.collect()
    };
    let fits = |all: &[Drawn<T>]| all.iter().map(Drawn::width).sum::<usize>() <= usize::from(room);
    let ways = [Spread::Loose, Spread::Tight, Spread::OnlyTheOpen].map(all);
    let [.., least] = &ways;
    let mut shown = ways.iter().find(|way| fits(way)).unwrap_or(least).clone();
    while !fits(&shown) && shown.first().is_some_and(|first| first.tab != open) {
        shown.remove(0);
    }
    shown
}

/// The tab whose key opens it, if `action` is that of one.
#[must_use]
pub fn opened_by<T: Copy>(tabs: &Tabs<T>, action: Action) -> Option<T> {
    tabs.iter().find(|(_, opens, _)| *opens == action).map(|(tab, ..)| *tab)
}

/// The tab after the open one, or before it, round about.
#[must_use]
pub fn beside<T: Copy + PartialEq>(tabs: &Tabs<T>, open: T, forward: bool) -> T {
    let at = tabs.iter().position(|(tab, ..)| *tab == open).unwrap_or_default();
    let step = if forward { 1 } else { tabs.len().saturating_sub(1) };
    tabs.get((at + step) % tabs.len().max(1)).map_or(open, |(tab, ..)| *tab)
}

/// The tab that is drawn in this column of a line of `room` columns.
#[must_use]
pub fn at<T: Copy + PartialEq>(tabs: &Tabs<T>, open: T, column: u16, room: u16, cx: &Cx) -> Option<T> {
    let mut from = 0;
    drawn(tabs, open, room, cx).into_iter().find_map(|drawn| {
        let here = from..from + drawn.width();
        from = here.end;
        here.contains(&usize::from(column)).then_some(drawn.tab)
    })
}

/// The line, for `room` columns.
#[must_use]
pub fn line<T: Copy + PartialEq>(tabs: &Tabs<T>, open: T, room: u16, cx: &Cx) -> Line<'static> {
    let mut line = Line::default();
    for Drawn { tab, key, name, left, right } in drawn(tabs, open, room, cx) {
        let style = if tab == open { cx.theme.accent } else { cx.theme.dim };
        line.push_span(Span::styled(left, style));
        line.push_span(Span::styled(key, cx.theme.key));
        line.push_span(Span::styled(format!("{name}{right}"), style));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABS: [(u8, Action, &str); 9] = [
        (1, Action::AdminOverview, "Overview"),
        (2, Action::AdminUsers, "Users"),
        (3, Action::AdminRoles, "Roles"),
        (4, Action::AdminSettings, "Settings"),
        (5, Action::AdminAudit, "Audit"),
        (6, Action::AdminBackups, "Backups"),
        (7, Action::AdminHealth, "Health"),
        (8, Action::AdminMetrics, "Metrics"),
        (9, Action::AdminRules, "Rules"),
    ];

    #[test]
    fn each_tab_can_be_got_to_by_what_stands_in_the_line_at_every_width() {
        let cx = Cx::fixed();
        for room in (30..140).step_by(9) {
            for (open, _, name) in TABS {
                let line = line(&TABS, open, room, &cx).to_string();
                assert!(line.len() <= usize::from(room), "{room}: {line}");
                assert!(line.contains(name) && ('1'..='9').all(|digit| line.contains(digit)), "{room}: {line}");
                for (tab, ..) in TABS {
                    assert!((0..room).any(|column| at(&TABS, open, column, room, &cx) == Some(tab)), "{room}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_next_after_the_last_is_the_first() {
        assert_eq!((beside(&TABS, 9, true), beside(&TABS, 1, false), beside(&TABS, 4, true)), (1, 9, 5));
    }
}
