//! What an action means on this screen, by focus; the Esc and Ctrl+C ladders.

use super::{ChatScreen, commands::Command, state::Focus, turns::notice};
use crate::ui::{
    actions::Action,
    cx::Cx,
    msg::{ChatCall, Effect},
};

impl ChatScreen {
    pub(super) fn act(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if self.is_selecting()
            && let Some(effects) = self.selection_action(action, cx)
        {
            return Some(effects);
        }
        match action {
            Action::Escape => return self.escape(cx),
            Action::Interrupt => return self.interrupt(cx),
            Action::NewConversation => return Some(self.new_conversation(self.fresh_settings(), cx)),
            Action::ModelPicker => return Some(self.open_models(cx)),
            Action::CompareModels => return Some(self.choose_compared(cx)),
            Action::PromptHistory => return Some(self.open_prompts()),
            Action::ChoosePreset => return Some(self.choose_preset()),
            Action::SavePreset => return Some(self.save_preset_command(None)),
            Action::PromptTemplate => return Some(self.choose_template()),
            Action::ToggleSidebar => {
                self.toggle_sidebar(cx);
                return Some(Vec::new());
            }
            Action::ToggleOptions => {
                self.toggle_panel(cx);
                return Some(Vec::new());
            }
            Action::Refresh => {
                // The root asks for the health; lists and messages are read anew here.
                let mut effects = vec![Effect::Chat(ChatCall::Models { fresh: true }), Effect::Chat(ChatCall::Tree)];
                effects.extend(self.reopen());
                return Some(effects);
            }
            Action::InstallFirst | Action::NextFirst => return self.first_model_action(action, cx),
            Action::ContinueAnswer => return Some(self.command(Command::Continue, cx)),
            Action::AnswerAgain => return Some(self.command(Command::Regenerate, cx)),
            Action::Undo | Action::RetentionRules => return self.organise_action(action, cx),
            Action::FocusNext | Action::FocusPrevious => return Some(self.tab(action == Action::FocusNext, cx)),
            _ => {}
        }
        match self.focus {
            Focus::Composer => self.composer_action(action, cx),
            Focus::Transcript => self.transcript_action(action, cx),
            Focus::Tree if self.filtering => self.filter_action(action),
            Focus::Tree => self.tree_action(action, cx),
            Focus::Panel => {
                let out = self.panel.as_mut()?.on_action(action)?;
                Some(self.panel_out(out, cx))
            }
        }
        .or_else(|| self.act_elsewhere(action, cx))
    }

    /// An action of another part of the screen, from the palette: it acts on what that part has selected.
    fn act_elsewhere(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        use crate::ui::actions::Context;
        match action.spec().context {
            Context::Transcript if self.focus != Focus::Transcript => self.transcript_action(action, cx),
            Context::Tree if self.focus != Focus::Tree => {
                self.show_sidebar(cx);
                self.tree_action(action, cx)
            }
            Context::Composer if self.focus != Focus::Composer => {
                self.set_focus(Focus::Composer, cx);
                self.composer_action(action, cx)
            }
            Context::Global
            | Context::Composer
            | Context::Tree
            | Context::Transcript
            | Context::Selection
            | Context::Branches
            | Context::Compare
            | Context::Preview
            | Context::Models
            | Context::Fleet
            | Context::Library
            | Context::Jobs
            | Context::List
            | Context::Form
            | Context::Account
            | Context::Search
            | Context::Insights
            | Context::Admin
            | Context::Overview
            | Context::Users
            | Context::Roles
            | Context::Settings
            | Context::Audit
            | Context::Backups
            | Context::Health
            | Context::Metrics
            | Context::Rules => None,
        }
    }

    fn composer_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(popup) = &mut self.completion {
            match action {
                Action::HistoryBack => {
                    popup.step(false);
                    return Some(Vec::new());
                }
                Action::HistoryForward => {
                    popup.step(true);
                    return Some(Vec::new());
                }
                Action::Send if popup.is_unfinished() => return Some(self.accept_completion(cx)),
                _ => {}
            }
        }
        match action {
            // With `enter_sends` off, the two keys change places.
            Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => {
                Some(self.submit(cx))
            }
            Action::Send | Action::Newline => {
                self.composer.newline();
                self.completion = None;
                Some(self.draft_changed(cx))
            }
            Action::Editor => Some(self.open_editor()),
            Action::AttachFile => Some(self.choose_files()),
            Action::PreviewAttached => Some(self.look_at_attached(cx)),
            Action::UnfoldPaste => Some(match self.composer.unfold_paste() {
                Ok(()) => self.draft_changed(cx),
                Err(why) => notice(why),
            }),
            Action::EndOfInput if self.composer.is_blank() => Some(vec![Effect::Act(Action::Quit)]),
            Action::HistoryBack if self.composer.is_on_first_row() => {
                if let Some(effects) = self.take_back_queued(cx) {
                    return Some(effects);
                }
                Some(self.history_step(true, cx))
            }
            Action::HistoryForward if self.history.at.is_some() && self.composer.is_on_last_row() => {
                Some(self.history_step(false, cx))
            }
            Action::ScrollUp | Action::ScrollDown => {
                let look = self.highlights.look(cx);
                self.transcript.page(action == Action::ScrollDown, &look);
                Some(self.load_more().into_iter().collect())
            }
            _ => None,
        }
    }

    /// Esc: the popup, the edit, the filter, the running answer, then back to the composer.
    fn escape(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if self.completion.take().is_some() {
            return Some(Vec::new());
        }
        if self.focus == Focus::Tree && self.tree.marks() > 0 {
            self.tree.clear_marks();
            return Some(Vec::new());
        }
        if self.focus == Focus::Tree && (self.filtering || self.tree.filter().is_some()) {
            self.filtering = false;
            return Some(self.set_filter(None));
        }
        if self.focus == Focus::Panel {
            let out = self.panel.as_mut()?.on_action(Action::Escape)?;
            let effects = self.panel_out(out, cx);
            self.set_focus(Focus::Composer, cx);
            return Some(effects);
        }
        if self.focus == Focus::Composer && self.composer.vim_mode() == Some("INSERT") {
            self.composer.on_key(crossterm::event::KeyCode::Esc.into());
            return Some(Vec::new());
        }
        if self.transcript.is_seeking_top() {
            self.transcript.to_bottom();
            return Some(self.load_more().into_iter().collect());
        }
        if let Some(effects) = self.leave_branching(cx) {
            return Some(effects);
        }
        if let Some(effects) = self.stop(cx) {
            return Some(effects);
        }
        if self.focus != Focus::Composer {
            self.set_focus(Focus::Composer, cx);
            return Some(Vec::new());
        }
        if !self.waiting.queue.is_empty() {
            return self.take_back_queued(cx);
        }
        if !self.transcript.is_at_end() {
            self.transcript.to_bottom();
            return Some(self.load_more().into_iter().collect());
        }
        None
    }

    /// Ctrl+C: the draft, then the running answer; then the root asks about quitting.
    fn interrupt(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(effects) = self.leave_branching(cx) {
            return Some(effects);
        }
        if self.focus == Focus::Composer && !self.composer.is_blank() {
            let written = self.composer.take();
            // ↑ has it back.
            self.history.remember(&written.text);
            self.completion = None;
            return Some(self.draft_changed(cx));
        }
        self.stop(cx)
    }

    fn tab(&mut self, forward: bool, cx: &Cx) -> Vec<Effect> {
        if self.focus == Focus::Composer && self.completion.is_some() {
            if forward {
                return self.accept_completion(cx);
            }
            self.completion = None;
            return Vec::new();
        }
        let mut effects = Vec::new();
        if self.focus == Focus::Panel
            && let Some(panel) = &mut self.panel
        {
            let out = panel.commit();
            effects = self.panel_out(out, cx);
        }
        self.focus_step(forward, cx);
        effects
    }

    /// Composer → transcript → tree → side panel, leaving out what is not there.
    pub(super) fn focus_step(&mut self, forward: bool, cx: &Cx) {
        let mut order = vec![Focus::Composer];
        if !self.transcript.is_empty() {
            order.push(Focus::Transcript);
        }
        order.push(Focus::Tree);
        if self.panel.is_some() {
            order.push(Focus::Panel);
        }
        let at = order.iter().position(|focus| *focus == self.focus).unwrap_or_default();
        let next = if forward { at + 1 } else { at + order.len() - 1 } % order.len();
        self.set_focus(order[next], cx);
    }

    fn toggle_sidebar(&mut self, cx: &Cx) {
        if self.shows_sidebar(cx.size.0) {
            self.sidebar = Some(false);
            if self.focus == Focus::Tree {
                self.set_focus(Focus::Composer, cx);
            }
        } else {
            self.show_sidebar(cx);
        }
    }

    fn show_sidebar(&mut self, cx: &Cx) {
        if self.sidebar == Some(false) || cx.size.0 < super::view::WIDE {
            self.sidebar = Some(true);
        }
        self.set_focus(Focus::Tree, cx);
    }
}
