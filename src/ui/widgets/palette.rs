//! Every action by name, with its key beside it, so that using the palette teaches the keys.

use super::picker::{Item, Picker};
use crate::ui::{
    cx::Cx,
    keymap::{ACTIONS, Action, Context},
};

/// The palette with the actions for which `works` holds.
#[must_use]
pub fn palette(cx: &Cx, works: impl Fn(Action) -> bool) -> Picker<Action> {
    let items = ACTIONS.iter().filter(|spec| is_command(spec.context, spec.action) && works(spec.action)).map(|spec| {
        let label = match spec.context {
            Context::Global => spec.help.to_owned(),
            context => format!("{}: {}", context.title(), spec.help),
        };
        Item::new(&label, spec.action).detail(&cx.keymap.label(spec.action).unwrap_or_default())
    });
    Picker::new("Commands", items.collect()).empty("No command is called that.")
}

/// Moving about in lists and forms is for keys alone, and so is the palette's own key.
fn is_command(context: Context, action: Action) -> bool {
    let is_place = match context {
        Context::Global
        | Context::Composer
        | Context::Tree
        | Context::Transcript
        | Context::Insights
        | Context::Models
        | Context::Fleet
        | Context::Library
        | Context::Jobs
        | Context::Admin
        | Context::Overview
        | Context::Users
        | Context::Roles
        | Context::Settings
        | Context::Audit
        | Context::Backups
        | Context::Health
        | Context::Metrics
        | Context::Rules => true,
        Context::Selection
        | Context::Branches
        | Context::Compare
        | Context::Preview
        | Context::List
        | Context::Form
        | Context::Account
        | Context::Search => false,
    };
    let is_motion = matches!(
        action,
        Action::Palette
            | Action::Escape
            | Action::Interrupt
            | Action::EndOfInput
            | Action::FocusNext
            | Action::FocusPrevious
            | Action::TreeHelp
            | Action::TranscriptHelp
            | Action::AdminHelp
            | Action::JobsUp
            | Action::JobsDown
            | Action::JobsTop
            | Action::JobsBottom
            | Action::JobsPageUp
            | Action::JobsPageDown
            | Action::JobsHelp
            | Action::LibraryHelp
            | Action::ModelsHelp
            | Action::ModelsUp
            | Action::ModelsDown
            | Action::ModelsTop
            | Action::ModelsBottom
            | Action::ModelsPageUp
            | Action::ModelsPageDown
            | Action::FleetNextPart
            | Action::FleetPreviousPart
            | Action::LibraryUp
            | Action::LibraryDown
            | Action::LibraryTop
            | Action::LibraryBottom
            | Action::LibraryPageUp
            | Action::LibraryPageDown
            | Action::LibraryNextTab
            | Action::LibraryPreviousTab
            | Action::AdminUp
            | Action::AdminDown
            | Action::AdminLeft
            | Action::AdminRight
            | Action::AdminTop
            | Action::AdminBottom
            | Action::AdminPageUp
            | Action::AdminPageDown
            | Action::InsightsHelp
            | Action::InsightsUp
            | Action::InsightsDown
            | Action::InsightsLeft
            | Action::InsightsRight
            | Action::InsightsTop
            | Action::InsightsBottom
            | Action::InsightsPageUp
            | Action::InsightsPageDown
    );
    is_place && !is_motion
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_offers_only_what_works() {
        let cx = Cx::fixed();
        let all = palette(&cx, |_| true);
        assert_eq!(all.selected().unwrap().value, Action::Help);
        let mut some = palette(&cx, |action| action == Action::Quit);
        assert_eq!(some.selected().unwrap().value, Action::Quit);
        let _ = some.on_action(Action::ListDown, &cx);
        assert_eq!(some.selected().unwrap().value, Action::Quit);
    }
}
