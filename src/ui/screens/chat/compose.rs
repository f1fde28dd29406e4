//! Writing: keys of the composer, its popup, drafts, history, attachments, the external editor.

use std::{path::PathBuf, time::Duration};

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    ChatScreen,
    commands::{self, Parsed},
    completion::{self, Kind, Wanted},
    state::{Editing, Overlay},
    turns::notice,
};
use crate::{
    api::{
        ConversationId, Fault,
        chat::{Attachment, Draft, Message, PastPrompt, TurnAct},
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
        let lost = self.composer.paste(text);
        self.history.at = None;
        let mut effects = self.draft_changed(cx);
        if lost > 0 {
            let text = if lost == 1 { "1 hidden character".to_owned() } else { format!("{lost} hidden characters") };
            effects.push(Effect::Toast(Toast::warning(format!("The pasted text had {text}; they are left out."))));
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
            Wanted::Nothing => self.completion = None,
            Wanted::Now(popup) => self.completion = Some(popup),
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
                Wanted::Nothing | Wanted::Now(_) => None,
            };
        }
        Vec::new()
    }

    /// Takes the chosen row of the popup: a file is attached, anything else is written.
    pub(super) fn accept_completion(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(popup) = self.completion.take() else { return Vec::new() };
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
                Vec::new()
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
        if let Some(editing) = &self.editing {
            let message = editing.message;
            if self.is_answering() {
                return notice("An answer is on its way; Esc stops it.");
            }
            let text = self.composer.text();
            self.leave_editing();
            return self.start(TurnAct::Edit { message, text }, false, cx);
        }
        match commands::parse(&self.composer.text()) {
            Parsed::Text(text) => {
                let (_, attachments) = self.composer.take();
                self.send_message(text, attachments, cx)
            }
            Parsed::Command(command) => {
                let attachments = self.composer.attached().iter().map(|attached| attached.path.clone()).collect();
                self.composer.take();
                let mut effects = self.attach_all(attachments);
                effects.extend(self.draft_changed(cx));
                effects.extend(self.command(command, cx));
                effects
            }
            Parsed::Wrong(what, hint) => vec![Effect::Toast(Toast::warning(what).hint(hint))],
        }
    }

    /// Loads a message into the composer; Enter then branches, Esc brings the draft back.
    pub(super) fn begin_editing(&mut self, message: &Message, cx: &Cx) {
        self.leave_editing();
        let stash = self.draft();
        self.composer.take();
        self.composer.set_text(&message.content);
        self.editing = Some(Editing { message: message.id, stash });
        self.set_focus(super::state::Focus::Composer, cx);
    }

    /// The draft that editing had put aside comes back; false when nothing is being edited.
    pub(super) fn leave_editing(&mut self) -> bool {
        let Some(editing) = self.editing.take() else { return false };
        self.composer.take();
        self.composer.set_text(&editing.stash.text);
        for path in editing.stash.attachments {
            self.composer.attach(path);
        }
        true
    }

    /// What is being written, as it is stored.
    pub(super) fn draft(&self) -> Draft {
        if let Some(editing) = &self.editing {
            return Draft { queued: self.waiting.queue.iter().cloned().collect(), ..editing.stash.clone() };
        }
        Draft {
            text: self.composer.text(),
            queued: self.waiting.queue.iter().cloned().collect(),
            attachments: self.composer.attached().iter().map(|attached| attached.path.clone()).collect(),
        }
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
        effects.extend(self.measure());
        effects
    }

    /// Stores the draft now, if it has changed.
    pub(super) fn save_effects(&mut self, conversation: Option<ConversationId>, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.saver.is_dirty) {
            effects.push(Effect::Chat(ChatCall::SaveDraft { conversation, draft: self.draft() }));
        }
    }

    pub(super) fn measure(&mut self) -> Option<Effect> {
        let conversation = self.open_id()?;
        self.asked += 1;
        self.asked_measure = self.asked;
        let draft = self.composer.text();
        Some(Effect::Chat(ChatCall::Measure { asked: self.asked, conversation, draft }))
    }

    /// The draft of a conversation that does not exist yet, from before a restart.
    pub(super) fn on_draft(&mut self, draft: Result<Draft, Fault>, _cx: &Cx) -> Vec<Effect> {
        match draft {
            Ok(draft) if self.conversation.is_none() && self.composer.is_blank() => self.set_draft(draft),
            Ok(_) => Vec::new(),
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn set_draft(&mut self, draft: Draft) -> Vec<Effect> {
        self.editing = None;
        self.composer.take();
        self.composer.set_text(&draft.text);
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
        let current = self.composer.text();
        match self.history.step(back, &current) {
            Some(text) => {
                self.composer.set_text(&text);
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
            let current = self.composer.text();
            if let Some(text) = self.history.step(true, &current) {
                self.composer.set_text(&text);
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
        if let (true, Some(Overlay::System(composer))) = (self.edits_system, &mut self.overlay) {
            composer.set_text(text);
            return Vec::new();
        }
        self.composer.set_text(text);
        let mut effects = self.draft_changed(cx);
        let hidden = SafeText::new(text).hidden();
        if hidden > 0 {
            effects.push(Effect::Toast(Toast::warning(format!("{hidden} hidden characters are left out."))));
        }
        effects
    }
}
