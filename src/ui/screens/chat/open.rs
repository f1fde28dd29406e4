//! Which conversation is on view, and its settings: opening, leaving, reading anew, changing.

use super::{
    ChatScreen, PAGE,
    state::{Focus, Overlay},
};
use crate::{
    api::{
        ConversationId, Fault, FaultKind, amount,
        chat::{Delta, MessagePage, Opened},
        insights::ConversationFigures,
        models::{Model, ModelList},
        options::ChatOptions,
        organise::{Conversation, ConversationPatch, NewConversation},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Arrange, ChatCall, Effect, InsightsCall},
        widgets::{
            options_panel::OptionsPanel,
            picker::{Item, Picker},
            toast::Toast,
            transcript::{Transcript, Wanted},
        },
    },
};

impl ChatScreen {
    /// Puts an empty conversation on view, which is made when its first message is sent.
    pub(super) fn new_conversation(&mut self, fresh: NewConversation, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.park();
        self.spot = None;
        self.conversation = None;
        self.opening = None;
        self.tree.current = None;
        self.transcript = Transcript::default();
        self.fresh = fresh;
        self.forget_beginning();
        self.set_focus(Focus::Composer, cx);
        self.refresh_panel();
        effects.extend(self.set_draft(crate::api::chat::Draft::default()));
        effects.push(Effect::Chat(ChatCall::LoadDraft));
        effects.push(self.measure());
        effects.extend(self.ask_beginning());
        effects
    }

    /// The conversation on view went to the trash, here or elsewhere. What waited to be sent in it stays in its draft.
    fn leave_trashed(&mut self, id: ConversationId, cx: &Cx) -> Vec<Effect> {
        let toast = Toast::notice("This conversation is in the trash now.").hint("u in the list brings it back.");
        let mut effects = vec![Effect::Toast(toast)];
        let focus = self.focus;
        effects.extend(self.new_conversation(NewConversation::default(), cx));
        self.waiting.parked.remove(&id);
        self.set_focus(focus, cx);
        effects
    }

    /// What a new conversation starts with: the folder under the cursor of the list, else that of the open conversation.
    pub(super) fn fresh_settings(&self) -> NewConversation {
        let folder = if self.focus == Focus::Tree {
            self.tree.folder_at_cursor()
        } else {
            self.conversation.as_ref().and_then(|open| open.row.folder)
        };
        NewConversation { folder, ..NewConversation::default() }
    }

    pub(super) fn open(&mut self, id: ConversationId) -> Vec<Effect> {
        if self.open_id() == Some(id) {
            return Vec::new();
        }
        self.opening = Some(id);
        // The draft is stored before the other conversation is read, or a quick return would show an old one.
        let mut effects = Vec::new();
        self.save_effects(self.open_id(), &mut effects);
        effects.push(Effect::Chat(ChatCall::Open { id, limit: PAGE }));
        effects
    }

    /// Reads the conversation on view anew; the reader and the draft stay.
    pub(super) fn reopen(&mut self) -> Vec<Effect> {
        self.open_id().map(|id| Effect::Chat(ChatCall::Open { id, limit: PAGE })).into_iter().collect()
    }

    /// The conversation on view goes to the background: its draft is stored, its queue goes on.
    fn park(&mut self) -> Vec<Effect> {
        let mut effects = self.take_back_named();
        effects.extend(self.leave_editing().unwrap_or_default());
        self.forking = None;
        self.save_effects(self.open_id(), &mut effects);
        if let Some(id) = self.open_id()
            && (!self.waiting.queue.is_empty() || self.outgoing.iter().any(|out| out.conversation == Some(id)))
        {
            let draft = self.draft();
            self.waiting.parked.insert(id, draft);
        }
        self.waiting.queue.clear();
        self.waiting.is_held = false;
        effects
    }

    pub(super) fn on_opened(&mut self, id: ConversationId, opened: Result<Box<Opened>, Fault>, cx: &Cx) -> Vec<Effect> {
        let is_new_view = self.opening == Some(id);
        if !is_new_view && self.open_id() != Some(id) {
            return Vec::new();
        }
        let opened = match opened {
            Ok(opened) => *opened,
            Err(fault) if fault.kind == FaultKind::NotFound && !is_new_view => {
                // It went while it was on view: in another window, or for good.
                let mut effects = self.new_conversation(NewConversation::default(), cx);
                effects.push(Effect::Toast(Toast::fault(&fault)));
                return effects;
            }
            Err(fault) => {
                self.opening = self.opening.filter(|opening| *opening != id);
                self.transcript.fetching_failed();
                return vec![Effect::Toast(Toast::fault(&fault))];
            }
        };
        let Opened { conversation, page, draft, running, meter } = opened;
        if !is_new_view {
            let was_trashed = self.conversation.as_ref().is_some_and(|open| open.row.trashed);
            if conversation.row.trashed && !was_trashed {
                return self.leave_trashed(id, cx);
            }
            self.conversation = Some(conversation);
            // A page that was read before the running turn was committed would take its messages away again.
            let is_older_than_turn = self
                .running
                .get(&id)
                .is_some_and(|running| page.messages.iter().all(|message| message.id != running.answer));
            if !is_older_than_turn {
                self.transcript.refresh(page, meter);
                self.resume_running(id);
            }
            self.refresh_panel();
            return Vec::new();
        }
        let mut effects = self.park();
        self.spot.take_if(|spot| spot.conversation != id);
        self.opening = None;
        self.conversation = Some(conversation);
        self.tree.current = Some(id);
        self.transcript = Transcript::new(page, meter);
        let draft = self.waiting.parked.remove(&id).unwrap_or(draft);
        effects.extend(self.set_draft(draft));
        self.waiting.is_held = !self.waiting.queue.is_empty() && running.is_none();
        match (self.running.get(&id), running) {
            (Some(known), _) => {
                let mut whole = known.begun.clone().unwrap_or_default();
                append(&mut whole, &known.so_far);
                self.transcript.resume_answer(known.answer, &whole, known.thought);
            }
            (None, Some(turn)) => {
                // It was started before this screen was: what it says from now on goes on after what is stored.
                if let Some(last) = self.transcript.last() {
                    let begun = Delta {
                        content: last.content.clone(),
                        thinking: last.thinking.clone(),
                        tool_calls: last.tool_calls.clone(),
                    };
                    let running = super::state::Running {
                        turn,
                        answer: last.id,
                        phase: super::state::Phase::Waiting,
                        stopping: false,
                        began_ms: cx.now_ms,
                        thought: None,
                        begun: Some(begun),
                        so_far: Delta::default(),
                    };
                    self.running.insert(id, running);
                }
            }
            (None, None) => {}
        }
        self.refresh_panel();
        if self.focus != Focus::Tree {
            // On a broken answer, so that one key goes on with it; else where one writes.
            let is_broken = self.broken.take() == Some(id) && self.composer.is_empty();
            let focus = if is_broken { Focus::Transcript } else { Focus::Composer };
            self.set_focus(focus, cx);
        }
        effects.extend(self.load_more());
        let refused = self.transcript.last().filter(|last| last.error_kind == Some(FaultKind::Overflow));
        if let Some((answer, why)) = refused.map(|last| (last.id, last.error.clone().unwrap_or_default())) {
            self.ask_about_overflow(answer, &why);
        }
        effects
    }

    /// Asks for the messages that the reader comes near to.
    pub(super) fn load_more(&mut self) -> Option<Effect> {
        let conversation = self.open_id()?;
        let call = match self.transcript.wants()? {
            Wanted::Older(before) => ChatCall::Older { conversation, before, limit: PAGE },
            Wanted::Newer(after) => ChatCall::Newer { conversation, after, limit: PAGE },
            Wanted::Oldest => ChatCall::Oldest { conversation, limit: PAGE },
            Wanted::Newest => ChatCall::Open { id: conversation, limit: PAGE },
        };
        Some(Effect::Chat(call))
    }

    pub(super) fn on_older(&mut self, conversation: ConversationId, page: Result<MessagePage, Fault>) -> Vec<Effect> {
        self.on_fetched(conversation, page, Transcript::prepend)
    }

    pub(super) fn on_newer(&mut self, conversation: ConversationId, page: Result<MessagePage, Fault>) -> Vec<Effect> {
        self.on_fetched(conversation, page, Transcript::append)
    }

    pub(super) fn on_oldest(&mut self, conversation: ConversationId, page: Result<MessagePage, Fault>) -> Vec<Effect> {
        self.on_fetched(conversation, page, Transcript::begin_with)
    }

    fn on_fetched(
        &mut self,
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
        take: impl FnOnce(&mut Transcript, MessagePage),
    ) -> Vec<Effect> {
        if self.open_id() != Some(conversation) {
            return Vec::new();
        }
        match page {
            Ok(page) => {
                take(&mut self.transcript, page);
                self.resume_running(conversation);
                self.load_more().into_iter().collect()
            }
            Err(fault) => {
                self.transcript.fetching_failed();
                vec![Effect::Toast(Toast::fault(&fault))]
            }
        }
    }

    /// The running answer came on view as it is stored; what has arrived since is put in its place.
    pub(super) fn resume_running(&mut self, conversation: ConversationId) {
        if let Some(running) = self.running.get(&conversation)
            && !self.transcript.is_live(running.answer)
            && let Some(begun) = &running.begun
        {
            let mut whole = begun.clone();
            append(&mut whole, &running.so_far);
            self.transcript.resume_answer(running.answer, &whole, running.thought);
        }
    }

    pub(super) fn on_branch(&mut self, conversation: ConversationId, page: Result<MessagePage, Fault>) -> Vec<Effect> {
        match page {
            Ok(page) if self.open_id() == Some(conversation) => {
                self.transcript.show_branch(page);
                vec![self.measure()]
            }
            Ok(_) => Vec::new(),
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn on_changed(&mut self, changed: Result<Box<Conversation>, Fault>) -> Vec<Effect> {
        match changed {
            Ok(conversation) => {
                self.tree.update_row(&conversation.row);
                let mut effects = vec![Effect::Chat(ChatCall::Tree)];
                if self.open_id() == Some(conversation.row.id) {
                    self.conversation = Some(*conversation);
                    self.refresh_panel();
                    effects.push(self.measure());
                }
                effects
            }
            Err(fault) => {
                let mut effects = vec![Effect::Toast(Toast::fault(&fault))];
                if fault.kind == FaultKind::Conflict {
                    effects.extend(self.reopen());
                }
                effects
            }
        }
    }

    fn change(&self, patch: ConversationPatch) -> Option<Effect> {
        Some(Effect::Chat(ChatCall::Change { id: self.open_id()?, patch }))
    }

    pub(super) fn set_options(&mut self, options: ChatOptions) -> Vec<Effect> {
        let seen_rev = self.conversation.as_ref().map(|conversation| conversation.row.rev);
        let patch = ConversationPatch { options: Some(options.clone()), seen_rev, ..ConversationPatch::default() };
        if let Some(effect) = self.change(patch) {
            vec![effect]
        } else {
            self.settle_fresh();
            self.fresh.options = options;
            self.refresh_panel();
            vec![self.measure()]
        }
    }

    pub(super) fn set_model(&mut self, name: &str) -> Vec<Effect> {
        // The row that stands for none.
        let model = Some(name.to_owned()).filter(|name| !name.is_empty());
        let patch = ConversationPatch { model: Some(model.clone()), ..ConversationPatch::default() };
        if let Some(effect) = self.change(patch) {
            vec![effect]
        } else {
            self.settle_fresh();
            self.fresh.model = model;
            self.refresh_panel();
            vec![self.measure()]
        }
    }

    /// An empty text clears it.
    pub(super) fn set_system_prompt(&mut self, text: &str) -> Vec<Effect> {
        let prompt = (!text.trim().is_empty()).then(|| text.to_owned());
        let seen_rev = self.conversation.as_ref().map(|conversation| conversation.row.rev);
        let patch = ConversationPatch { system_prompt: Some(prompt.clone()), seen_rev, ..ConversationPatch::default() };
        if let Some(effect) = self.change(patch) {
            vec![effect]
        } else {
            self.settle_fresh();
            self.fresh.system_prompt = prompt;
            self.refresh_panel();
            vec![self.measure()]
        }
    }

    pub(super) fn set_title(&mut self, id: Option<ConversationId>, title: &str) -> Vec<Effect> {
        let title = title.trim();
        if let Some(id) = id {
            super::arrange::arrange(vec![id], Arrange::Rename { title: title.to_owned(), seen_rev: None })
        } else {
            self.fresh.title = Some(title.to_owned());
            Vec::new()
        }
    }

    pub(super) fn options(&self) -> &ChatOptions {
        match &self.conversation {
            Some(conversation) => &conversation.options,
            None => self.begins().map_or(&self.fresh.options, |begins| &begins.options),
        }
    }

    pub(super) fn system_prompt(&self) -> Option<&str> {
        match &self.conversation {
            Some(conversation) => conversation.system_prompt.as_deref(),
            None => self.begins().map_or(&self.fresh.system_prompt, |begins| &begins.system_prompt).as_deref(),
        }
    }

    /// The model that the next message goes to, as far as it is chosen.
    pub(super) fn model(&self) -> Option<&str> {
        match &self.conversation {
            Some(conversation) => conversation.row.model.as_deref(),
            None => self.begins().map_or(&self.fresh.model, |begins| &begins.model).as_deref(),
        }
    }

    pub(super) fn refresh_panel(&mut self) {
        let options = self.options().clone();
        let model = self.model().map(str::to_owned);
        let system = self.system_prompt().map(str::to_owned);
        let preset = self.preset_name().map(str::to_owned);
        if let Some(panel) = &mut self.panel {
            panel.refresh(&options, model.as_deref(), system.as_deref());
            panel.set_preset(preset.as_deref());
        }
    }

    /// Asks for the figures of the conversation on view, while the panel that shows them is open.
    pub(super) fn want_figures(&mut self) -> Option<Effect> {
        let panel = self.panel.as_mut()?;
        let Some(id) = self.conversation.as_ref().map(|open| open.row.id) else {
            panel.set_figures(None);
            self.figured = None;
            return None;
        };
        if self.figured == Some(id) {
            return None;
        }
        self.figured = Some(id);
        Some(Effect::Insights(InsightsCall::Conversation(id)))
    }

    /// What could not be read is not shown; the panel is there for other things.
    pub fn on_figures(&mut self, id: ConversationId, figures: Result<Box<ConversationFigures>, Fault>, _cx: &Cx) {
        let is_open = self.open_id() == Some(id);
        if let Some(panel) = self.panel.as_mut().filter(|_| is_open) {
            panel.set_figures(figures.ok().as_deref());
        }
    }

    pub(super) fn toggle_panel(&mut self, cx: &Cx) {
        if self.panel.is_some() {
            self.panel = None;
            self.set_focus(Focus::Composer, cx);
        } else {
            let mut panel = OptionsPanel::new(self.options(), self.model(), self.system_prompt());
            panel.set_preset(self.preset_name());
            self.panel = Some(panel);
            self.figured = None;
            self.set_focus(Focus::Panel, cx);
        }
    }

    pub(super) fn open_system_prompt(&mut self, cx: &Cx) {
        let mut composer = crate::ui::widgets::composer::Composer::new(cx.config.ui.vim);
        composer.set_text(self.system_prompt().unwrap_or_default());
        self.overlay = Some(Overlay::System(Box::new(composer)));
    }

    pub(super) fn open_models(&mut self, cx: &Cx) -> Vec<Effect> {
        self.compared.clear();
        let mut picker = Picker::new("Models", Vec::new());
        self.fill_models(&mut picker, cx);
        let current = self.model().map(str::to_owned);
        picker.select(|name| Some(name) == current.as_ref());
        self.overlay = Some(Overlay::Models(picker));
        vec![Effect::Chat(ChatCall::Models { fresh: true })]
    }

    fn fill_models(&self, picker: &mut Picker<String>, cx: &Cx) {
        let again = cx.key(Action::Refresh);
        let current = self.model();
        let mut items: Vec<Item<String>> = self
            .models
            .iter()
            .flat_map(|list| &list.models)
            .map(|model| {
                let item = model_item(model, current);
                if self.compared.contains(&model.name) { item.mark("+") } else { item }
            })
            .collect();
        if current.is_some() {
            items.push(Item::new("No model of its own", String::new()).detail("the default one answers"));
        }
        picker.set_items(items);
        let list = self.models.as_ref();
        picker.set_empty(&match (&self.models_fault, list) {
            (Some(fault), None) => fault.clone(),
            (_, None) => "Asking Ollama for its models…".to_owned(),
            (_, Some(list)) if list.models.is_empty() && list.stale_because.is_none() => {
                let key = cx.key(Action::ScreenModels);
                format!("Ollama has no model yet. The Models screen ({key}) installs one; {again} asks again.")
            }
            (_, Some(list)) if list.models.is_empty() => format!(
                "Ollama cannot be asked for its models. Start it ({}, or ollama serve in a shell), then {again}.",
                cx.key(Action::StartOllama)
            ),
            (_, Some(_)) => "No model matches.".to_owned(),
        });
        // It has grown older since it came.
        let since = u64::try_from(cx.now_ms - self.models_at).unwrap_or(0);
        let age = list.map_or(0, |list| list.age_ms + since) / 1000;
        let note = match (self.models_fault.as_deref(), list.and_then(|list| list.stale_because.as_deref())) {
            (Some(why), _) | (None, Some(why)) if list.is_some() => {
                format!("{} old, because: {why}", duration(age))
            }
            _ if list.is_none_or(|list| list.models.is_empty()) => String::new(),
            _ if age > cx.config.cache.models_fresh_seconds => format!("{} old; {again} asks again.", duration(age)),
            _ if self.compared.is_empty() => "Space marks models to be compared.".to_owned(),
            _ => format!("{} marked: Enter asks them the same.", self.compared.len()),
        };
        picker.set_note(&note);
    }

    pub(super) fn on_models(&mut self, models: Result<ModelList, Fault>, cx: &Cx) -> Vec<Effect> {
        match models {
            Ok(list) => {
                self.models = Some(list);
                self.models_fault = None;
                self.models_at = cx.now_ms;
            }
            Err(fault) => self.models_fault = Some(fault.to_string()),
        }
        self.show_marks(cx);
        self.look_for_first_model(cx)
    }

    /// The rows anew, with their marks.
    pub(super) fn show_marks(&mut self, cx: &Cx) {
        if let Some(Overlay::Models(mut picker)) = self.overlay.take_if(|overlay| matches!(overlay, Overlay::Models(_)))
        {
            self.fill_models(&mut picker, cx);
            self.overlay = Some(Overlay::Models(picker));
        }
    }
}

fn append(whole: &mut Delta, more: &Delta) {
    whole.content.push_str(&more.content);
    whole.thinking.push_str(&more.thinking);
    whole.tool_calls.extend(more.tool_calls.iter().cloned());
}

/// One row of the model picker: name, then size, parameters, quantisation, capabilities, and whether it is loaded.
fn model_item(model: &Model, current: Option<&str>) -> Item<String> {
    let mut about: Vec<String> = Vec::new();
    if model.remote {
        about.push("remote".to_owned());
    } else {
        about.push(amount::bytes(model.bytes));
    }
    about.extend([&model.parameters, &model.quantization].into_iter().filter(|text| !text.is_empty()).cloned());
    about.extend(
        model
            .capabilities
            .iter()
            .filter(|what| ["vision", "tools", "thinking", "embedding"].contains(&what.as_str()))
            .cloned(),
    );
    if let Some(loaded) = &model.loaded {
        let place = match loaded.gpu_bytes {
            0 => "loaded, CPU",
            gpu if gpu >= loaded.bytes => "loaded, GPU",
            _ => "loaded, CPU+GPU",
        };
        about.push(place.to_owned());
    }
    let mark = if current == Some(model.name.as_str()) { "✓" } else { " " };
    Item::new(&model.name, model.name.clone()).detail(&about.join(" · ")).mark(mark)
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
