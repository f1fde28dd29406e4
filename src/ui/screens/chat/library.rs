//! Presets and prompt templates where they are used: what a new conversation begins with, `/preset`, `/prompt` and `/NAME`,
//! the lists to choose from, and the form that fills a template in.

use super::{
    ChatScreen,
    completion::{self, Kind, Look},
    state::{Answer, Focus, Input, Overlay, Purpose, Question},
};
use crate::{
    api::{
        ConversationId, Fault, FaultKind, PresetId, PromptId,
        library::{Beginning, Begins, Called, NewPreset, Preset, PresetRow, Prompt, PromptRow, Taken},
        organise::{NewConversation, Page},
    },
    safe_text::SafeText,
    template::{SELECTION, Template},
    ui::{
        cx::Cx,
        msg::{ChatCall, Effect, UseCall, UseReply},
        widgets::{
            field::Field,
            fill::Fill,
            picker::{Item, Picker},
            toast::Toast,
        },
    },
};

/// What the chat knows of the library at the moment.
#[derive(Debug, Default)]
pub struct Known {
    /// What a conversation would begin with that does not exist yet.
    beginning: Option<Beginning>,
    asked_beginning: u64,
    /// Names for the popup, or for the list in front.
    asked_names: u64,
    asked_prompt: u64,
    /// What was typed to call a template, and what to say if there is none of that name.
    called: Option<(String, Toast)>,
}

impl ChatScreen {
    pub(super) fn on_used(&mut self, reply: UseReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            UseReply::Beginning { asked, beginning } => {
                // What cannot be told is not shown; the conversation itself begins with it all the same.
                if asked == self.library.asked_beginning && self.conversation.is_none() {
                    self.library.beginning = beginning.ok().map(|beginning| *beginning);
                    self.refresh_panel();
                    return vec![self.measure()];
                }
                Vec::new()
            }
            UseReply::Presets { asked, page } => self.on_presets(asked, page),
            UseReply::Prompts { asked, page } => self.on_templates(asked, page),
            UseReply::Prompt { asked, prompt, rest } if asked == self.library.asked_prompt => {
                self.on_template(prompt, &rest, cx)
            }
            UseReply::Prompt { .. } => Vec::new(),
            UseReply::Preset(preset) => self.on_preset(preset),
            UseReply::Saved { conversation, new, outcome } => self.on_preset_saved(conversation, *new, outcome),
        }
    }

    /// Asks what the conversation that does not exist yet would begin with.
    pub(super) fn ask_beginning(&mut self) -> Vec<Effect> {
        if self.conversation.is_some() {
            return Vec::new();
        }
        self.asked += 1;
        self.library.asked_beginning = self.asked;
        let new = Box::new(self.fresh.clone());
        vec![Effect::Chat(ChatCall::Use(UseCall::Beginning { asked: self.asked, new }))]
    }

    /// What is known of it belongs to another conversation.
    pub(super) fn forget_beginning(&mut self) {
        self.library.beginning = None;
    }

    /// What the conversation that does not exist yet would be.
    pub(super) fn fresh_as_shown(&self) -> NewConversation {
        let fresh = self.fresh.clone();
        match self.begins() {
            None => fresh,
            Some(begins) => NewConversation {
                model: begins.model.clone(),
                system_prompt: begins.system_prompt.clone(),
                options: begins.options.clone(),
                preset: Begins::Exactly(begins.preset.as_ref().map(|preset| preset.id)),
                ..fresh
            },
        }
    }

    /// What fills in what was left open; `None` where nothing does, or nobody has told yet.
    pub(super) fn begins(&self) -> Option<&Beginning> {
        match self.fresh.preset {
            Begins::AsUsual | Begins::With(_) => self.library.beginning.as_ref(),
            Begins::Exactly(_) => None,
        }
    }

    /// A setting of it is about to be changed by hand: from now on it is what is shown, whatever a preset says.
    pub(super) fn settle_fresh(&mut self) {
        self.fresh = self.fresh_as_shown();
    }

    /// The preset of the conversation on view, or of the one that would begin.
    pub(super) fn preset_name(&self) -> Option<&str> {
        if let Some(open) = &self.conversation {
            return open.preset.as_ref().map(|preset| preset.name.as_str());
        }
        let begins = self.library.beginning.as_ref()?.preset.as_ref()?;
        match self.fresh.preset {
            Begins::AsUsual => Some(begins.name.as_str()),
            Begins::With(id) | Begins::Exactly(Some(id)) => (id == begins.id).then_some(begins.name.as_str()),
            Begins::Exactly(None) => None,
        }
    }

    /// `/preset NAME`; `none` takes it away, and nothing opens the list.
    pub(super) fn preset_command(&mut self, name: Option<String>) -> Vec<Effect> {
        match name {
            None => self.choose_preset(),
            Some(name) if name == "none" => self.take_preset_away(),
            Some(name) => self.apply_preset(Called::Name(name)),
        }
    }

    fn apply_preset(&mut self, called: Called<PresetId>) -> Vec<Effect> {
        let call = match &self.conversation {
            Some(open) => {
                UseCall::ApplyPreset { conversation: open.row.id, called: Some(called), seen_rev: Some(open.row.rev) }
            }
            None => UseCall::Preset(called),
        };
        vec![Effect::Chat(ChatCall::Use(call))]
    }

    fn take_preset_away(&mut self) -> Vec<Effect> {
        if let Some(open) = &self.conversation {
            let (conversation, seen_rev) = (open.row.id, Some(open.row.rev));
            return vec![Effect::Chat(ChatCall::Use(UseCall::ApplyPreset { conversation, called: None, seen_rev }))];
        }
        let NewConversation { folder, title, .. } = std::mem::take(&mut self.fresh);
        self.fresh = NewConversation { folder, title, preset: Begins::Exactly(None), ..NewConversation::default() };
        self.refresh_panel();
        self.ask_beginning()
    }

    /// Found, for the conversation that begins with the next message.
    fn on_preset(&mut self, preset: Result<Box<Preset>, Fault>) -> Vec<Effect> {
        match preset {
            Ok(_) if self.conversation.is_some() => Vec::new(),
            Ok(preset) => {
                let NewConversation { folder, title, .. } = std::mem::take(&mut self.fresh);
                let preset = Begins::With(preset.id);
                self.fresh = NewConversation { folder, title, preset, ..NewConversation::default() };
                self.ask_beginning()
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn choose_preset(&mut self) -> Vec<Effect> {
        let picker = Picker::new("Presets", Vec::new()).searching().empty("Looking…");
        self.overlay = Some(Overlay::Presets(picker));
        self.find(Look::Presets, "")
    }

    pub(super) fn choose_template(&mut self) -> Vec<Effect> {
        let picker = Picker::new("Prompt templates", Vec::new()).searching().empty("Looking…");
        self.overlay = Some(Overlay::Templates(picker));
        self.find(Look::Templates, "")
    }

    /// Asks for names that hold these letters.
    pub(super) fn find(&mut self, look: Look, typed: &str) -> Vec<Effect> {
        self.asked += 1;
        self.library.asked_names = self.asked;
        let (asked, typed) = (self.asked, typed.to_owned());
        vec![Effect::Chat(ChatCall::Use(match look {
            Look::Presets => UseCall::FindPresets { asked, typed },
            Look::Templates => UseCall::FindPrompts { asked, typed },
        }))]
    }

    /// An older question about names must not fill a popup or list that has gone on.
    pub(super) fn stop_finding(&mut self) {
        self.asked += 1;
        self.library.asked_names = self.asked;
    }

    fn on_presets(&mut self, asked: u64, page: Result<Page<PresetRow>, Fault>) -> Vec<Effect> {
        if asked != self.library.asked_names {
            return Vec::new();
        }
        let rows = match page {
            Ok(page) => page.rows,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        let current = self.preset_name().map(str::to_owned);
        if let Some(Overlay::Presets(picker)) = &mut self.overlay {
            picker.set_empty(if picker.query().is_empty() {
                "No presets yet. /save-preset NAME makes one of this conversation's settings; the Library (Alt+3) has more."
            } else {
                "No preset has these letters in its name."
            });
            let item = |row: &PresetRow| {
                let mark = if Some(&row.name) == current.as_ref() { "✓" } else { " " };
                Item::new(&row.name, row.id).detail(row.model.as_deref().unwrap_or_default()).mark(mark)
            };
            picker.set_items(ranked(&rows, picker.query(), |row| &row.name).into_iter().map(item).collect());
            return Vec::new();
        }
        let typed = completion::argument(&self.composer, "preset");
        let found = typed.map(|typed| {
            let named = |row: &PresetRow| (row.name.clone(), row.model.clone().unwrap_or_default());
            let choices = ranked(&rows, &typed, |row| &row.name).into_iter().map(named).collect();
            completion::names("preset", &typed, choices)
        });
        self.completion = found.flatten();
        Vec::new()
    }

    fn on_templates(&mut self, asked: u64, page: Result<Page<PromptRow>, Fault>) -> Vec<Effect> {
        if asked != self.library.asked_names {
            return Vec::new();
        }
        let rows = match page {
            Ok(page) => page.rows,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        if let Some(Overlay::Templates(picker)) = &mut self.overlay {
            picker.set_empty(if picker.query().is_empty() {
                "No prompt templates yet. The Library (Alt+3) makes them, and so does ollamanet prompts create."
            } else {
                "No template has these letters in its name."
            });
            let item = |row: &PromptRow| Item::new(&row.name, row.id).detail(&short(&row.begins));
            picker.set_items(ranked(&rows, picker.query(), |row| &row.name).into_iter().map(item).collect());
            return Vec::new();
        }
        if let Some(typed) = completion::argument(&self.composer, "prompt") {
            let named = |row: &PromptRow| (row.name.clone(), short(&row.begins));
            let choices = ranked(&rows, &typed, |row| &row.name).into_iter().map(named).collect();
            self.completion = completion::names("prompt", &typed, choices);
        } else if let Some(typed) = completion::called(&self.composer) {
            let before = self.completion.take().filter(|popup| popup.kind == Kind::Command);
            let choice = |row: &PromptRow| completion::template(row.id, &row.name, &short(&row.begins));
            let choices = ranked(&rows, &typed, |row| &row.name).into_iter().map(choice).collect();
            self.completion = completion::with_templates(before, &typed, choices);
        }
        Vec::new()
    }

    /// A template by its name, typed as `/NAME` or `/prompt NAME`; the composer keeps what was typed until it is found.
    pub(super) fn call_template(&mut self, name: &str, otherwise: Toast) -> Vec<Effect> {
        self.library.called = Some((self.composer.text(), otherwise));
        self.ask_template(Called::Name(name.to_owned()))
    }

    /// A template from the popup or the list.
    pub(super) fn use_template(&mut self, id: PromptId, typed: bool) -> Vec<Effect> {
        let gone = Toast::warning("This template is gone.").hint("It was deleted in another window.");
        self.library.called = typed.then(|| (self.composer.text(), gone));
        self.ask_template(Called::Id(id))
    }

    fn ask_template(&mut self, called: Called<PromptId>) -> Vec<Effect> {
        self.asked += 1;
        self.library.asked_prompt = self.asked;
        vec![Effect::Chat(ChatCall::Use(UseCall::Prompt { asked: self.asked, called }))]
    }

    fn on_template(&mut self, prompt: Result<Box<Prompt>, Fault>, rest: &str, cx: &Cx) -> Vec<Effect> {
        let called = self.library.called.take();
        let prompt = match (prompt, &called) {
            (Ok(prompt), _) => prompt,
            (Err(fault), Some((_, otherwise))) if fault.kind == FaultKind::NotFound => {
                return vec![Effect::Toast(otherwise.clone())];
            }
            (Err(fault), _) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        let template = match Template::parse(&prompt.body) {
            Ok(template) => template,
            Err(wrong) => {
                let what = format!("“{}” cannot be read: {wrong}", SafeText::line(&prompt.name));
                return vec![Effect::Toast(Toast::warning(what).hint(wrong.hint))];
            }
        };
        // What called it has done its work, unless it was changed meanwhile.
        let mut effects = Vec::new();
        if called.is_some_and(|(typed, _)| typed == self.composer.text()) {
            self.composer.set_text("");
            effects.extend(self.draft_changed(cx));
        }
        self.completion = None;
        let selected = self.transcript.selected().map(|message| message.content.clone());
        let selected = selected.filter(|_| template.asks_for(SELECTION));
        let fill = Fill::new(&prompt.name, template, selected.as_deref(), rest, cx);
        if fill.asks_nothing() {
            let text = fill.finished().unwrap_or_default();
            effects.extend(self.insert_filled(&text, cx));
        } else {
            self.overlay = Some(Overlay::Fill(Box::new(fill)));
        }
        effects
    }

    /// The finished text goes to where one writes, and nowhere else.
    pub(super) fn insert_filled(&mut self, text: &str, cx: &Cx) -> Vec<Effect> {
        self.overlay = None;
        self.set_focus(Focus::Composer, cx);
        if self.composer.is_empty() {
            self.composer.set_text(text);
        } else {
            self.composer.paste(text.to_owned());
        }
        self.history.at = None;
        self.draft_changed(cx)
    }

    /// `/save-preset NAME`, or a box for the name.
    pub(super) fn save_preset_command(&mut self, name: Option<String>) -> Vec<Effect> {
        if let Some(name) = name {
            return self.save_preset(&name, Taken::Keep);
        }
        let field = Field::new(self.preset_name().unwrap_or_default());
        let (title, purpose) = ("Save these settings as a preset called", Purpose::Preset);
        self.overlay = Some(Overlay::Input(Input { title, field, purpose }));
        Vec::new()
    }

    pub(super) fn save_preset(&mut self, name: &str, taken: Taken) -> Vec<Effect> {
        let shown = self.fresh_as_shown();
        let new = NewPreset {
            name: name.to_owned(),
            model: self.model().map(str::to_owned),
            system_prompt: self.system_prompt().map(str::to_owned),
            options: self.conversation.as_ref().map_or(shown.options, |open| open.options.clone()),
        };
        let call = UseCall::SavePreset { conversation: self.open_id(), new: Box::new(new), taken };
        vec![Effect::Chat(ChatCall::Use(call))]
    }

    fn on_preset_saved(
        &mut self,
        conversation: Option<ConversationId>,
        new: NewPreset,
        outcome: Result<Box<Preset>, Fault>,
    ) -> Vec<Effect> {
        match outcome {
            Ok(preset) => {
                let name = SafeText::line(&preset.name).into_string();
                let mut effects = vec![Effect::Toast(Toast::good(format!("Saved as the preset “{name}”.")))];
                if conversation.is_none() && self.conversation.is_none() {
                    self.fresh.preset = Begins::With(preset.id);
                    effects.extend(self.ask_beginning());
                }
                effects
            }
            Err(fault) if fault.kind == FaultKind::Conflict && conversation == self.open_id() => {
                let name = SafeText::line(&new.name).into_string();
                self.overlay = Some(Overlay::Question(Question {
                    title: "Save as a preset".to_owned(),
                    text: format!("There is already a preset “{name}”. Conversations keep what it has set in them."),
                    answers: vec![
                        ("Leave it as it is", Answer::Nothing),
                        ("Put these settings in its place", Answer::ReplacePreset),
                    ],
                    at: 0,
                }));
                self.preset_to_replace = Some(new.name);
                Vec::new()
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn replace_preset(&mut self) -> Vec<Effect> {
        match self.preset_to_replace.take() {
            Some(name) => self.save_preset(&name, Taken::Replace),
            None => Vec::new(),
        }
    }

    /// Sets the conversation on view to a preset, or the one that is about to begin.
    pub fn preset_chosen(&mut self, id: PresetId) -> Vec<Effect> {
        self.overlay = None;
        self.apply_preset(Called::Id(id))
    }

    /// The model was chosen on its own screen.
    pub fn model_chosen(&mut self, name: &str, cx: &Cx) -> Vec<Effect> {
        self.overlay = None;
        // Whoever wants to ask it writes next, wherever they were before.
        self.set_focus(Focus::Composer, cx);
        self.set_model(name)
    }

    pub fn template_chosen(&mut self, id: PromptId) -> Vec<Effect> {
        self.overlay = None;
        self.use_template(id, false)
    }
}

/// Those that begin with what was typed first, then those that hold it whole, then the others; each by name.
fn ranked<'a, Row>(rows: &'a [Row], typed: &str, name: impl Fn(&Row) -> &str) -> Vec<&'a Row> {
    let typed = typed.to_lowercase();
    let rank = |row: &&Row| {
        let name = name(row).to_lowercase();
        if name.starts_with(&typed) {
            0
        } else if name.contains(&typed) {
            1
        } else {
            2
        }
    };
    let mut ranked: Vec<&Row> = rows.iter().collect();
    ranked.sort_by_key(rank);
    ranked
}

fn short(begins: &str) -> String {
    let line = SafeText::line(begins).into_string();
    crate::ui::text::wrap::clip(line.trim(), 60)
}
