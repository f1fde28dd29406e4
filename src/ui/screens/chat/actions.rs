//! What an action means on this screen, by focus; the Esc and Ctrl+C ladders; the `/` commands; the footer.

use super::{
    ChatScreen,
    arrange::{arrange, organise},
    commands::Command,
    state::{Focus, Moving, Overlay, Phase},
    turns::notice,
};
use crate::{
    api::{library::Begins, organise::NewConversation},
    ui::{
        actions::Action,
        cx::{Cx, Hint},
        msg::{Arrange, ChatCall, Effect, OrganiseCall},
        widgets::{toast::Toast, transcript},
    },
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
            | Context::Library
            | Context::List
            | Context::Form
            | Context::Account
            | Context::Search
            | Context::Insights
            | Context::Admin
            | Context::Users
            | Context::Roles
            | Context::Rules
            | Context::Audit => None,
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

    pub(super) fn command(&mut self, command: Command, cx: &Cx) -> Vec<Effect> {
        match command {
            Command::Model(Some(name)) => self.choose_model(&name, cx),
            Command::Model(None) => self.open_models(cx),
            Command::System(Some(text)) => self.set_system_prompt(&text),
            Command::System(None) => {
                self.open_system_prompt(cx);
                Vec::new()
            }
            Command::Set { name, value } => {
                let mut options = self.options().clone();
                match options.set(&name, &value) {
                    Ok(()) => {
                        let text = if value.is_empty() {
                            format!("{name} is cleared.")
                        } else {
                            format!("{name} is {}.", options.get(&name))
                        };
                        let mut effects = self.set_options(options);
                        effects.push(Effect::Toast(Toast::good(text)));
                        effects
                    }
                    Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
                }
            }
            Command::Preset(name) => self.preset_command(name),
            Command::SavePreset(name) => self.save_preset_command(name),
            // With a name it has been called before it came here.
            Command::Prompt(_) => self.choose_template(),
            Command::Options => {
                self.toggle_panel(cx);
                Vec::new()
            }
            Command::Title(title) => self.set_title(self.open_id(), &title),
            Command::New(title) => {
                let folder = self.conversation.as_ref().and_then(|open| open.row.folder);
                self.new_conversation(NewConversation { folder, title, ..NewConversation::default() }, cx)
            }
            Command::Clear => {
                let fresh = match &self.conversation {
                    Some(open) => NewConversation {
                        folder: open.row.folder,
                        title: None,
                        model: open.row.model.clone(),
                        system_prompt: open.system_prompt.clone(),
                        options: open.options.clone(),
                        preset: Begins::Exactly(open.preset.as_ref().map(|preset| preset.id)),
                    },
                    None => self.fresh.clone(),
                };
                self.new_conversation(fresh, cx)
            }
            Command::Attach(path) => self.attach(&path, cx),
            Command::Detach => {
                if self.composer.detach_last() {
                    self.draft_changed(cx)
                } else {
                    notice("Nothing is attached.")
                }
            }
            Command::Continue => {
                let message = self.transcript.last().cloned();
                self.continue_answer(message, cx)
            }
            Command::Regenerate => {
                let message = self.transcript.last().cloned();
                self.regenerate(message, false, cx)
            }
            Command::Copy => self.copy_message(),
            Command::Move => match self.open_id() {
                Some(id) => {
                    self.choose_place(Moving::Conversations(vec![id]));
                    Vec::new()
                }
                None => notice("This conversation begins with its first message."),
            },
            Command::Pin => match &self.conversation {
                Some(open) => arrange(vec![open.row.id], Arrange::Pin(!open.row.pinned)),
                None => notice("This conversation begins with its first message."),
            },
            Command::Trash => match self.open_id() {
                Some(id) => arrange(vec![id], Arrange::Trash(true)),
                None => notice("This conversation begins with its first message."),
            },
            Command::Tag(names) => self.tag_open(&names),
            Command::Archive => match &self.conversation {
                Some(open) => arrange(vec![open.row.id], Arrange::Archive(!open.row.archived)),
                None => notice("This conversation begins with its first message."),
            },
            Command::Duplicate => match self.open_id() {
                Some(id) => vec![organise(OrganiseCall::Duplicate(vec![id]))],
                None => notice("This conversation begins with its first message."),
            },
            Command::Help => vec![Effect::Act(Action::Help)],
            Command::Lock => vec![Effect::Act(Action::Lock)],
            Command::Quit => vec![Effect::Act(Action::Quit)],
        }
    }

    fn choose_model(&mut self, name: &str, cx: &Cx) -> Vec<Effect> {
        let known = self.models.as_ref().map(|list| &list.models);
        // Ollama reads a name without a tag as `latest`.
        let with_tag = if name.contains(':') { name.to_owned() } else { format!("{name}:latest") };
        match known {
            Some(models) if !models.iter().any(|model| model.name == name || model.name == with_tag) => {
                let mut effects = self.open_models(cx);
                effects.push(Effect::Toast(Toast::warning(format!("{name} is not installed. Choose one that is."))));
                effects
            }
            Some(models) => {
                let name =
                    models.iter().map(|model| model.name.as_str()).find(|known| *known == name).unwrap_or(&with_tag);
                let name = name.to_owned();
                self.set_model(&name)
            }
            None => self.set_model(name),
        }
    }

    pub(super) fn hints(&self, cx: &Cx) -> Vec<Hint> {
        // What stands in front names its own keys.
        if self.has_front() {
            return Vec::new();
        }
        if self.is_selecting() {
            return cx.hints(&[
                (Action::SelectNote, "note"),
                (Action::SelectCopy, "copy"),
                (Action::SelectWord, "word"),
                (Action::SelectLineEnd, "line end"),
                (Action::SelectDown, "down"),
                (Action::Escape, "leave"),
                (Action::SelectHelp, "help"),
            ]);
        }
        if let Some(Overlay::System(_)) = &self.overlay {
            let (send, newline) = cx.writing();
            return cx.hints(&[
                (send, "save"),
                (newline, "newline"),
                (Action::Editor, "editor"),
                (Action::Escape, "back"),
            ]);
        }
        // What stands in front names its own keys, and those behind it do nothing meanwhile.
        if self.overlay.is_some() {
            return Vec::new();
        }
        let (send, newline) = cx.writing();
        match self.focus {
            Focus::Composer => {
                let mut hints = Vec::new();
                if let Some(popup) = &self.completion {
                    let what = if popup.kind == super::completion::Kind::Path { "attach" } else { "complete" };
                    hints.extend(cx.hints(&[(Action::FocusNext, what), (Action::Escape, "close")]));
                }
                let sends = match (self.editing.is_some() || self.forking.is_some(), self.is_answering()) {
                    (true, _) => "branch",
                    (false, true) => "queue",
                    (false, false) => "send",
                };
                hints.extend(cx.hint(send, sends));
                if self.running_here().is_some() {
                    hints.extend(cx.hint(Action::Escape, "stop"));
                } else if self.editing.is_some() {
                    hints.extend(cx.hint(Action::Escape, "leave the edit"));
                } else if self.forking.is_some() {
                    hints.extend(cx.hint(Action::Escape, "no branch"));
                } else if self.can_go_on() {
                    hints.extend(cx.hint(Action::ContinueAnswer, "continue"));
                }
                let next = if self.transcript.is_empty() { "list" } else { "messages" };
                hints.extend(cx.hints(&[
                    (newline, "newline"),
                    (Action::Palette, "commands"),
                    (Action::NewConversation, "new"),
                    (Action::FocusNext, next),
                    (Action::Help, "help"),
                    (Action::ModelPicker, "model"),
                ]));
                hints
            }
            Focus::Transcript => self.reading_hints(cx),
            Focus::Tree if self.filtering => cx.hints(&[(Action::Submit, "to the list"), (Action::Cancel, "clear")]),
            Focus::Tree => self.tree_hints(cx),
            Focus::Panel => cx.hints(&[
                (Action::NextField, "next"),
                (Action::PreviousField, "before"),
                (Action::Submit, "set"),
                (Action::ToggleOptions, "close"),
                (Action::Cancel, "write"),
            ]),
        }
    }

    /// What can be done in the list; to all that are marked, where some are.
    fn tree_hints(&self, cx: &Cx) -> Vec<Hint> {
        if self.tree.marks() > 0 {
            let mut hints = vec![Hint { key: self.tree.marks().to_string(), help: "marked" }];
            hints.extend(cx.hints(&[
                (Action::TreeMove, "move"),
                (Action::TreeTags, "tags"),
                (Action::TreePin, "pin"),
                (Action::TreeArchive, "archive"),
                (Action::TreeTrash, "trash"),
                (Action::TreeDuplicate, "copy"),
                (Action::TreeRestore, "restore"),
                (Action::TreePurge, "for good"),
                (Action::Escape, "unmark"),
            ]));
            return hints;
        }
        cx.hints(&[
            (Action::TreeOpen, "open"),
            (Action::TreeFilter, "filter"),
            (Action::TreeMark, "mark"),
            (Action::TreeNewFolder, "folder"),
            (Action::TreeRename, "rename"),
            (Action::TreeMove, "move"),
            (Action::TreeTags, "tags"),
            (Action::TreePin, "pin"),
            (Action::TreeArchive, "archive"),
            (Action::TreeTrash, "trash"),
            (Action::TreeGrouping, "by time"),
            (Action::TreeRestore, "restore"),
            (Action::Escape, "write"),
            (Action::TreeHelp, "help"),
        ])
    }

    fn reading_hints(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = Vec::new();
        if let Some(message) = self.transcript.subject() {
            if transcript::can_continue(message) {
                hints.extend(cx.hint(Action::Continue, "continue"));
            }
            match message.role {
                crate::api::chat::MessageRole::User => hints.extend(cx.hint(Action::EditMessage, "edit")),
                crate::api::chat::MessageRole::Assistant => hints.extend(cx.hint(Action::Regenerate, "again")),
                crate::api::chat::MessageRole::System | crate::api::chat::MessageRole::Tool => {}
            }
            hints.extend(cx.hint(Action::CopyMessage, "copy"));
            hints.extend(cx.hints(&[(Action::SelectPassage, "select"), (Action::NoteMessage, "note")]));
            hints.extend(cx.hint(Action::CopyBlock, "copy code"));
            if message.siblings > 1 {
                hints.extend(cx.hint(Action::NextSibling, "sibling"));
            }
        }
        hints.extend(cx.hints(&[
            (Action::LineDown, "down"),
            (Action::LineUp, "up"),
            (Action::Exclude, "exclude"),
            (Action::Fold, "fold"),
            (Action::FocusNext, "list"),
            (Action::Escape, "write"),
            (Action::TranscriptHelp, "help"),
        ]));
        hints
    }

    /// Nothing is written, and the last answer broke off.
    pub(super) fn can_go_on(&self) -> bool {
        self.composer.is_blank() && !self.is_answering() && self.transcript.last().is_some_and(transcript::can_continue)
    }

    /// What the running answer is doing, for the line above the composer.
    pub(super) fn status(&self, cx: &Cx) -> Option<String> {
        if let Some(running) = self.running_here() {
            if running.stopping {
                return Some(format!("{} stopping", cx.spinner()));
            }
            let since = if running.phase == Phase::Thinking { running.thought.map(|(first, _)| first) } else { None };
            let seconds = (cx.now_ms - since.unwrap_or(running.began_ms)).max(0) / 1000;
            return Some(match running.phase {
                Phase::Queued(0) => format!("{} next in line", cx.spinner()),
                Phase::Queued(before) => format!("{} in line, {before} before", cx.spinner()),
                Phase::Waiting if seconds >= 2 => format!("{} the model is loading · {seconds} s", cx.spinner()),
                Phase::Waiting => format!("{} waiting", cx.spinner()),
                Phase::Thinking => format!("{} thinking · {seconds} s", cx.spinner()),
                Phase::Answering => format!("{} answering", cx.spinner()),
            });
        }
        if self.outgoing.iter().any(|out| out.stop && out.conversation == self.open_id()) {
            return Some(format!("{} stopping", cx.spinner()));
        }
        if !self.outgoing.is_empty() || !self.naming.is_empty() {
            return Some(format!("{} sending", cx.spinner()));
        }
        self.opening.map(|_| format!("{} opening", cx.spinner()))
    }
}
