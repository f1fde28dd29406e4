//! The chat's calls about presets and prompt templates.

use super::{Hands, Search, Way};
use crate::{
    api::{
        Fault, FaultKind, PromptId,
        auth::Session,
        library::{Called, Preset, Prompt, Taken},
    },
    ui::msg::{ChatReply, UseCall, UseReply},
};

/// Names that are offered at once; typing more finds the others.
const OFFERED: u32 = 50;

pub(super) fn way(call: &UseCall) -> Way {
    match call {
        UseCall::Beginning { .. } => Way::Newest(Search::Beginning),
        UseCall::FindPresets { .. } | UseCall::FindPrompts { .. } => Way::Newest(Search::Named),
        UseCall::Prompt { .. } => Way::Beside("call"),
        UseCall::Preset(_) | UseCall::ApplyPreset { .. } | UseCall::SavePreset { .. } => Way::InOrder,
    }
}

impl Hands {
    pub(super) async fn use_library(&self, session: &Session, call: UseCall) -> ChatReply {
        let gateway = &self.gateway;
        ChatReply::Used(match call {
            UseCall::Beginning { asked, new } => {
                UseReply::Beginning { asked, beginning: gateway.beginning(session, *new).await.map(Box::new) }
            }
            UseCall::FindPresets { asked, typed } => {
                UseReply::Presets { asked, page: gateway.presets(session, &typed, None, OFFERED).await }
            }
            UseCall::FindPrompts { asked, typed } => {
                UseReply::Prompts { asked, page: gateway.prompts(session, &typed, None, OFFERED).await }
            }
            UseCall::Prompt { asked, called } => {
                let (prompt, rest) = self.find_prompt(session, called).await;
                UseReply::Prompt { asked, prompt: prompt.map(Box::new), rest }
            }
            UseCall::Preset(called) => UseReply::Preset(gateway.preset(session, called).await.map(Box::new)),
            UseCall::ApplyPreset { conversation, called, seen_rev } => {
                let applied = async {
                    let preset = match called {
                        None => None,
                        Some(called) => Some(gateway.preset(session, called).await?.id),
                    };
                    gateway.apply_preset(session, conversation, preset, seen_rev).await
                };
                return ChatReply::Changed(applied.await.map(Box::new));
            }
            UseCall::SavePreset { conversation, new, taken } => {
                let saved = async {
                    match (conversation, taken) {
                        (Some(id), taken) => gateway.save_as_preset(session, id, &new.name, taken).await,
                        (None, Taken::Keep) => gateway.create_preset(session, (*new).clone()).await,
                        (None, Taken::Replace) => {
                            let there = gateway.preset(session, Called::Name(new.name.clone())).await?;
                            self.replace(session, &there, &new).await
                        }
                    }
                };
                let outcome = saved.await.map(Box::new);
                UseReply::Saved { conversation, new, outcome }
            }
        })
    }

    async fn replace(
        &self,
        session: &Session,
        there: &Preset,
        new: &crate::api::library::NewPreset,
    ) -> Result<Preset, Fault> {
        let patch = crate::api::library::PresetPatch {
            name: None,
            model: Some(new.model.clone()),
            system_prompt: Some(new.system_prompt.clone()),
            options: Some(new.options.clone()),
            seen_rev: Some(there.rev),
        };
        self.gateway.change_preset(session, there.id, patch).await
    }

    /// The whole line may be the name, or its first word.
    async fn find_prompt(&self, session: &Session, called: Called<PromptId>) -> (Result<Prompt, Fault>, String) {
        let line = match &called {
            Called::Id(_) => String::new(),
            Called::Name(line) => line.clone(),
        };
        let whole = self.gateway.prompt(session, called).await;
        match (&whole, line.trim().split_once(char::is_whitespace)) {
            (Err(fault), Some((word, rest))) if fault.kind == FaultKind::NotFound => {
                match self.gateway.prompt(session, Called::Name(word.to_owned())).await {
                    Ok(prompt) => (Ok(prompt), rest.trim().to_owned()),
                    Err(_) => (whole, String::new()),
                }
            }
            _ => (whole, String::new()),
        }
    }
}
