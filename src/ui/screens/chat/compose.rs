//! Writing: keys of the composer, its popup, drafts, history, attachments, the external editor.

use std::{path::PathBuf, time::Duration};

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    ChatScreen,
    commands::{self, Parsed},
    completion::{self, Kind, Look, Wanted},
    state::{Editing, How, Naming, Overlay},
    turns::notice,
};
use crate::{
    api::{
        ConversationId, Fault, MessageId,
        chat::{Attachment, Draft, Message, MessageRole, PastPrompt, Planned, TurnAct, Written},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{ChatCall, Effect, ShellCall, Timer},
        widgets::{
            composer::Typed,
            picker::{Item, Picker},
            toast::Toast,
        },
    },
};

/// How long typing has to pause before the draft is stored and measured.
const PAUSE: Duration = Duration::from_millis(400);
/// Prompts that ↑ reaches, and that the search shows.
const PROMPTS: u32 = 100;

/// Knows when the draft has to be stored.
#[derive(Debug, Default)]
pub struct Saver {
    is_dirty: bool,
    timer_runs: bool,
    changed_ms: i64,
    has_failed: bool,
}

impl Saver {
    /// A store that refuses drafts is told of once, not at every pause.
    pub fn on_saved(&mut self, saved: Result<(), Fault>) -> Vec<Effect> {
        match saved {
            Ok(()) => {
                self.has_failed = false;
                Vec::new()
            }
            Err(_) if self.has_failed => Vec::new(),
            Err(fault) => {
                self.has_failed = true;
                vec![Effect::Toast(Toast::fault(&fault))]
            }
        }
    }
}

impl ChatScreen {
    pub(super) fn composer_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if key.code == KeyCode::Char('?') && self.composer.is_blank() {
            return Some(vec![Effect::Act(Action::Help)]);
        }
        // Backspace at the very beginning takes the attachments away, last one first.
        if key.code == KeyCode::Backspace && self.composer.is_empty() && self.composer.detach_last() {
            return Some(self.draft_changed(cx));
        }
        match self.composer.on_key(key) {
            Typed::Edited => {
                self.history.at = None;
                let mut effects = self.draft_changed(cx);
                effects.extend(self.complete());
                Some(effects)
            }
            Typed::Moved => Some(self.complete()),
            Typed::Unused => None,
        }
    }

    pub(super) fn paste(&mut self, text: String, cx: &Cx) -> Vec<Effect> {
        let is_big = u64::try_from(text.len()).unwrap_or(u64::MAX) > cx.config.chat.attachment_bytes;
        let looked_up = Self::pasted_path(&text);
        // A line break behind a path would only part it from what is written next.
        let text = if looked_up.is_empty() { text } else { text.trim_end_matches(['\r', '\n']).to_owned() };
        let hidden = self.composer.paste(text);
        self.history.at = None;
        let mut effects = self.draft_changed(cx);
        effects.extend(looked_up);
        if hidden > 0 {
            effects.push(Effect::Toast(hidden_are_marked("The pasted text", hidden)));
        }
        if is_big {
            effects.push(Effect::Toast(
                Toast::warning("This paste is larger than an attachment may be.")
                    .hint("It stays one placeholder and goes whole; Backspace takes it away."),
            ));
        }
        effects
    }

    /// What the text before the cursor asks to be completed with.
    fn complete(&mut self) -> Vec<Effect> {
        let models: Vec<String> =
            self.models.iter().flat_map(|list| &list.models).map(|model| model.name.clone()).collect();
        match completion::wanted(&self.composer, &models) {
            Wanted::Nothing => {
                self.completion = None;
                self.stop_finding();
            }
            Wanted::Now(popup) => {
                self.completion = Some(popup);
                self.stop_finding();
            }
            Wanted::Names { now, look, typed } => {
                // Names of the store follow; what is known without it stands there at once.
                if now.is_some() || look == Look::Templates {
                    self.completion = now;
                }
                return self.find(look, &typed);
            }
            Wanted::Path { typed, .. } => {
                // A popup for other letters would complete the wrong word.
                self.completion.take_if(|popup| popup.kind != Kind::Path);
                self.asked += 1;
                self.asked_paths = self.asked;
                return vec![Effect::Chat(ChatCall::CompletePath { asked: self.asked, typed })];
            }
        }
        Vec::new()
    }

    pub(super) fn on_paths(&mut self, asked: u64, paths: Vec<String>) -> Vec<Effect> {
        if asked == self.asked_paths {
            self.completion = match completion::wanted(&self.composer, &[]) {
                Wanted::Path { start, typed } => completion::paths(start, typed, paths),
                Wanted::Nothing | Wanted::Now(_) | Wanted::Names { .. } => None,
            };
        }
        Vec::new()
    }

    /// Takes the chosen row of the popup: a file is attached, anything else is written.
    pub(super) fn accept_completion(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(popup) = self.completion.take() else { return Vec::new() };
        if let Some(template) = popup.chosen().template {
            return self.use_template(template, true);
        }
        let insert = popup.chosen().insert.clone();
        match popup.kind {
            Kind::Path if insert.ends_with('/') => {
                self.composer.replace_before_cursor(popup.start, &format!("@{insert}"));
                let mut effects = self.draft_changed(cx);
                effects.extend(self.complete());
                effects
            }
            Kind::Path => {
                self.composer.replace_before_cursor(popup.start, "");
                self.attach(&insert, cx)
            }
            Kind::Command | Kind::Argument => {
                self.composer.replace_before_cursor(popup.start, &insert);
                let mut effects = self.draft_changed(cx);
                effects.extend(self.complete());
                effects
            }
        }
    }

    /// Attaches a file; `~` is the home directory.
    pub(super) fn attach(&mut self, path: &str, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.attach_all(vec![PathBuf::from(path)]);
        if effects.is_empty() {
            return notice("This file is attached already.");
        }
        effects.extend(self.draft_changed(cx));
        effects
    }

    pub(super) fn attach_all(&mut self, paths: Vec<PathBuf>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for path in paths {
            if self.composer.attach(path.clone()) {
                effects.push(Effect::Chat(ChatCall::Inspect(path)));
            }
        }
        effects
    }

    pub(super) fn on_inspected(
        &mut self,
        path: &std::path::Path,
        attachment: Result<Attachment, Fault>,
        cx: &Cx,
    ) -> Vec<Effect> {
        match attachment {
            Ok(attachment) => {
                self.composer.inspected(path, Some(attachment));
                vec![self.measure()]
            }
            Err(fault) => {
                self.composer.inspected(path, None);
                let mut effects = self.draft_changed(cx);
                effects.push(Effect::Toast(Toast::fault(&fault)));
                effects
            }
        }
    }

    /// Enter: a command is done, an edited message branches, anything else is sent.
    pub(super) fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.composer.is_blank() {
            return self.release_queue(cx);
        }
        self.completion = None;
        if (self.editing.is_some() || self.forking.is_some()) && self.is_answering() {
            return notice(&format!("An answer is on its way; {} stops it.", cx.key(Action::Escape)));
        }
        if let Some(editing) = &self.editing {
            let how = How::Edit(editing.message);
            let written = self.composer.take();
            let mut effects = self.leave_editing().unwrap_or_default();
            effects.extend(self.look_up(written, how, cx));
            return effects;
        }
        match commands::parse(&self.composer.text()) {
            Parsed::Text(text) => {
                let mut written = self.composer.take();
                if written.text != text {
                    written = Written { text, folded: Vec::new(), ..written };
                }
                let how = self.forking.take().map_or(How::Send, How::Branch);
                self.look_up(written, how, cx)
            }
            Parsed::Command(commands::Command::Prompt(Some(name))) => {
                let what = format!("There is no prompt template “{}”.", SafeText::line(&name));
                self.call_template(&name, Toast::warning(what).hint("/prompt alone lists those there are."))
            }
            Parsed::Unknown { line, what, hint } => self.call_template(&line, Toast::warning(what).hint(hint)),
            Parsed::Command(command) => {
                let attachments = self.composer.take().attachments;
                let mut effects = self.attach_all(attachments);
                effects.extend(self.draft_changed(cx));
                effects.extend(self.command(command, cx));
                effects
            }
            Parsed::Wrong(what, hint) => vec![Effect::Toast(Toast::warning(what).hint(hint))],
        }
    }

    /// Files that the text names with `@` go along: they are looked for first. Messages keep their order meanwhile.
    fn look_up(&mut self, written: Written, how: How, cx: &Cx) -> Vec<Effect> {
        let is_insisted = self.told_of.take().is_some_and(|told| told == written.text);
        let names = if is_insisted { Vec::new() } else { completion::named(&written) };
        if names.is_empty() && self.naming.is_empty() {
            return self.dispatch(written, how, cx);
        }
        self.asked += 1;
        let asked = self.asked;
        let is_known = names.is_empty();
        self.naming.push_back(Naming { asked, written, how, is_known });
        let mut effects = self.draft_changed(cx);
        if !is_known {
            effects.push(Effect::Chat(ChatCall::Named { asked, names }));
        }
        effects
    }

    pub(super) fn on_named(
        &mut self,
        asked: u64,
        found: Vec<(PathBuf, Result<Attachment, Fault>)>,
        cx: &Cx,
    ) -> Vec<Effect> {
        let Some(at) = self.naming.iter().position(|naming| naming.asked == asked) else { return Vec::new() };
        let mut effects = Vec::new();
        let mut refused = None;
        for (path, attachment) in found {
            match attachment {
                Ok(_) if self.naming[at].written.attachments.contains(&path) => {}
                Ok(_) => self.naming[at].written.attachments.push(path),
                Err(fault) => refused = Some(fault),
            }
        }
        if let Some(fault) = refused {
            if let Some(naming) = self.naming.remove(at) {
                self.told_of = Some(naming.written.text.clone());
                effects.extend(self.give_back(naming.written, naming.how));
            }
            let hint = fault.hint.as_deref().unwrap_or_default();
            let hint = format!("{hint} {} once more sends the text as it stands.", cx.key(cx.writing().0));
            effects.push(Effect::Toast(Toast::fault(&Fault { hint: Some(hint.trim().to_owned()), ..fault })));
            effects.extend(self.draft_changed(cx));
        } else {
            self.naming[at].is_known = true;
        }
        while let Some(naming) = self.naming.pop_front_if(|first| first.is_known) {
            effects.extend(self.dispatch(naming.written, naming.how, cx));
        }
        effects
    }

    fn dispatch(&mut self, written: Written, how: How, cx: &Cx) -> Vec<Effect> {
        let Written { text, folded, attachments } = written;
        match how {
            How::Send => self.send_message(Written { text, folded, attachments }, cx),
            How::Edit(message) => {
                // What was attached to the message comes along by itself, also when its text still names it.
                let known: Vec<String> = self
                    .transcript
                    .message(message)
                    .map(|message| message.attachments.iter().map(|known| known.name.clone()).collect())
                    .unwrap_or_default();
                let is_new = |path: &PathBuf| {
                    !known.iter().any(|name| path.file_name().is_some_and(|file| file.to_string_lossy() == *name))
                };
                let attachments = attachments.into_iter().filter(is_new).collect();
                self.start_written(TurnAct::Edit { message, text, attachments }, folded, cx)
            }
            How::Branch(after) => self.start_written(TurnAct::Branch { after, text, attachments }, folded, cx),
        }
    }

    /// Loads a message into the composer; Enter then branches, Esc brings the draft back.
    pub(super) fn begin_editing(&mut self, message: &Message, cx: &Cx) -> Vec<Effect> {
        let effects = self.leave_editing().unwrap_or_default();
        self.forking = None;
        self.put_aside(message.id);
        self.composer.set_text(&message.content);
        self.set_focus(super::state::Focus::Composer, cx);
        effects
    }

    /// The draft makes room for the text of a message.
    pub(super) fn put_aside(&mut self, message: MessageId) {
        let stash = self.draft();
        self.composer.take();
        self.editing = Some(Editing { message, stash });
    }

    /// The draft that editing had put aside comes back; `None` when nothing is being edited.
    pub(super) fn leave_editing(&mut self) -> Option<Vec<Effect>> {
        let editing = self.editing.take()?;
        self.composer.take();
        self.composer.put(&editing.stash.text, &editing.stash.folded);
        Some(self.attach_all(editing.stash.attachments))
    }

    /// Esc and Ctrl+C: back from an edited message, or from a branch that was to begin.
    pub(super) fn leave_branching(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if self.forking.take().is_some() {
            return Some(Vec::new());
        }
        let mut effects = self.leave_editing()?;
        effects.extend(self.draft_changed(cx));
        Some(effects)
    }

    /// What comes next goes on from this answer, beside what followed it.
    pub(super) fn branch_here(&mut self, cx: &Cx) -> Vec<Effect> {
        let is_last = self.transcript.last().map(|last| last.id) == self.transcript.subject().map(|own| own.id);
        match self.transcript.subject() {
            None => notice("There is no answer to go on from yet."),
            Some(message) if message.role != MessageRole::Assistant => notice(&format!(
                "A branch begins after an answer; {} edits your own message and branches there.",
                cx.key(Action::EditMessage)
            )),
            Some(_) if self.is_answering() => {
                notice(&format!("An answer is on its way; {} stops it.", cx.key(Action::Escape)))
            }
            Some(_) if is_last => {
                self.set_focus(super::state::Focus::Composer, cx);
                notice("This is the last answer already: just write on.")
            }
            Some(message) => {
                let after = message.id;
                let effects = self.leave_editing().unwrap_or_default();
                self.set_focus(super::state::Focus::Composer, cx);
                self.forking = Some(after);
                effects
            }
        }
    }

    /// What is being written, as it is stored.
    pub(super) fn draft(&self) -> Draft {
        let queued = self.waiting.queue.iter().cloned().collect();
        if let Some(editing) = &self.editing {
            return Draft { queued, ..editing.stash.clone() };
        }
        let Written { text, folded, attachments } = self.composer.written();
        let mut draft = Draft { text, folded, queued, attachments };
        // What is being looked at is not sent yet: after a crash it has to be there.
        for naming in self.naming.iter().rev().filter(|naming| naming.how == How::Send) {
            draft.queued.insert(0, naming.written.clone());
        }
        draft
    }

    /// Something to keep has changed; it is stored when typing pauses.
    pub(super) fn draft_changed(&mut self, cx: &Cx) -> Vec<Effect> {
        self.saver.is_dirty = true;
        self.saver.changed_ms = cx.now_ms;
        if self.saver.timer_runs {
            return Vec::new();
        }
        self.saver.timer_runs = true;
        vec![Effect::After(PAUSE, Timer::SaveDraft)]
    }

    pub(super) fn draft_is_still(&mut self, cx: &Cx) -> Vec<Effect> {
        self.saver.timer_runs = false;
        if !self.saver.is_dirty {
            return Vec::new();
        }
        let still = cx.now_ms - self.saver.changed_ms;
        let pause = i64::try_from(PAUSE.as_millis()).unwrap_or(i64::MAX);
        // Also when the clock was set back: then the age means nothing.
        if (0..pause).contains(&still) {
            self.saver.timer_runs = true;
            let left = u64::try_from(pause - still).unwrap_or(1);
            return vec![Effect::After(Duration::from_millis(left), Timer::SaveDraft)];
        }
        let mut effects = Vec::new();
        self.save_effects(self.open_id(), &mut effects);
        effects.push(self.measure());
        effects
    }

    /// It is stored at the next occasion.
    pub(super) fn saver_is_dirty(&mut self) {
        self.saver.is_dirty = true;
    }

    /// Stores the draft now, if it has changed.
    pub(super) fn save_effects(&mut self, conversation: Option<ConversationId>, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.saver.is_dirty) {
            effects.push(Effect::Chat(ChatCall::SaveDraft { conversation, draft: self.draft() }));
        }
    }

    pub(super) fn measure(&mut self) -> Effect {
        self.asked += 1;
        self.asked_measure = self.asked;
        let attached = self.composer.attached().iter().filter_map(|attached| attached.attachment.as_ref());
        let planned = Planned {
            conversation: self.open_id(),
            fresh: self.fresh_as_shown(),
            draft: self.composer.text(),
            attached: attached.fold(0, |sum, attachment| sum.saturating_add(attachment.tokens)),
        };
        Effect::Chat(ChatCall::Measure { asked: self.asked, planned })
    }

    /// The draft of a conversation that does not exist yet, from before a restart.
    pub(super) fn on_draft(&mut self, draft: Result<Draft, Fault>, _cx: &Cx) -> Vec<Effect> {
        match draft {
            Ok(draft) if self.conversation.is_none() && self.composer.is_blank() => {
                let mut effects = self.set_draft(draft);
                effects.push(self.measure());
                effects
            }
            Ok(_) => Vec::new(),
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn set_draft(&mut self, draft: Draft) -> Vec<Effect> {
        self.editing = None;
        self.forking = None;
        self.composer.take();
        self.composer.put(&draft.text, &draft.folded);
        self.waiting.queue = draft.queued.into();
        self.history.at = None;
        self.completion = None;
        let effects = self.attach_all(draft.attachments);
        self.saver.is_dirty = false;
        effects
    }

    /// ↑ or ↓ at the composer's edge.
    pub(super) fn history_step(&mut self, back: bool, cx: &Cx) -> Vec<Effect> {
        if back && !self.history.is_loaded {
            self.history.waits = true;
            return self.ask_prompts("");
        }
        let current = self.composer.written();
        match self.history.step(back, &current) {
            Some(past) => {
                self.composer.put(&past.text, &past.folded);
                self.draft_changed(cx)
            }
            None => Vec::new(),
        }
    }

    pub(super) fn ask_prompts(&mut self, text: &str) -> Vec<Effect> {
        self.asked += 1;
        self.asked_prompts = self.asked;
        vec![Effect::Chat(ChatCall::PastPrompts { asked: self.asked, text: text.to_owned(), limit: PROMPTS })]
    }

    pub(super) fn open_prompts(&mut self) -> Vec<Effect> {
        let picker = Picker::new("Your earlier prompts", Vec::new()).searching().empty("Searching…");
        self.overlay = Some(Overlay::Prompts(picker));
        self.ask_prompts("")
    }

    pub(super) fn on_prompts(&mut self, asked: u64, prompts: Result<Vec<PastPrompt>, Fault>) -> Vec<Effect> {
        if asked != self.asked_prompts {
            return Vec::new();
        }
        let prompts = match prompts {
            Ok(prompts) => prompts,
            Err(fault) => {
                self.history.waits = false;
                return vec![Effect::Toast(Toast::fault(&fault))];
            }
        };
        if let Some(Overlay::Prompts(picker)) = &mut self.overlay {
            let items = prompts.iter().enumerate().map(|(at, prompt)| Item::new(&prompt.text, at)).collect();
            picker.set_empty(if picker.query().is_empty() {
                "No prompts yet. What you send is found here."
            } else {
                "No prompt contains this."
            });
            picker.set_items(items);
            self.found_prompts = prompts.into_iter().map(|prompt| prompt.text).collect();
            return Vec::new();
        }
        // What was sent while the list was on its way stays in front.
        let sent = std::mem::take(&mut self.history.prompts);
        self.history.prompts = prompts.into_iter().map(|prompt| prompt.text).collect();
        for prompt in sent.iter().rev() {
            self.history.remember(prompt);
        }
        self.history.is_loaded = true;
        if std::mem::take(&mut self.history.waits) {
            let current = self.composer.written();
            if let Some(past) = self.history.step(true, &current) {
                self.composer.put(&past.text, &past.folded);
            }
        }
        Vec::new()
    }

    pub(super) fn open_editor(&mut self) -> Vec<Effect> {
        self.edits_system = false;
        vec![Effect::Shell(ShellCall::Edit(self.composer.text()))]
    }

    pub(super) fn on_edited(&mut self, text: &str, cx: &Cx) -> Vec<Effect> {
        // Editors end a file with a newline that nobody typed.
        let text = text.strip_suffix('\n').unwrap_or(text);
        if self.front_edited(text) {
            return Vec::new();
        }
        if let (true, Some(Overlay::System(composer))) = (self.edits_system, &mut self.overlay) {
            composer.set_text(text);
            return Vec::new();
        }
        self.composer.edited_elsewhere(text);
        let mut effects = self.draft_changed(cx);
        let hidden = SafeText::new(text).hidden();
        if hidden > 0 {
            effects.push(Effect::Toast(hidden_are_marked("The edited text", hidden)));
        }
        effects
    }
}

fn hidden_are_marked(what: &str, hidden: usize) -> Toast {
    let text = match hidden {
        1 => "1 hidden character, shown as a mark".to_owned(),
        many => format!("{many} hidden characters, shown as marks"),
    };
    Toast::warning(format!("{what} has {text}.")).hint("The model gets them as they are; Backspace takes a mark away.")
}
