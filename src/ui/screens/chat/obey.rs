//! What a `/` command does; how it is written is next door.

use super::{
    ChatScreen,
    arrange::{arrange, organise},
    commands::Command,
    state::Moving,
    turns::notice,
};
use crate::{
    api::{library::Begins, organise::NewConversation},
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Arrange, Effect, OrganiseCall},
        widgets::toast::Toast,
    },
};

impl ChatScreen {
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
}
