//! What the chat asks of presets and prompt templates, and what it is told.

use crate::api::{
    ConversationId, Fault, PresetId, PromptId,
    library::{Beginning, Called, NewPreset, Preset, PresetRow, Prompt, PromptRow, Taken},
    organise::{NewConversation, Page},
};

/// `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum UseCall {
    /// What a conversation would begin with that does not exist yet.
    Beginning {
        asked: u64,
        new: Box<NewConversation>,
    },
    FindPresets {
        asked: u64,
        typed: String,
    },
    FindPrompts {
        asked: u64,
        typed: String,
    },
    /// A template to fill in. A name that is not there may be one with a text behind it.
    Prompt {
        asked: u64,
        called: Called<PromptId>,
    },
    /// For a conversation that does not exist yet.
    Preset(Called<PresetId>),
    /// Answered as any change of a conversation. `None` takes the preset away.
    ApplyPreset {
        conversation: ConversationId,
        called: Option<Called<PresetId>>,
        seen_rev: Option<u32>,
    },
    /// Of a conversation that does not exist yet: what would be in it.
    SavePreset {
        conversation: Option<ConversationId>,
        new: Box<NewPreset>,
        taken: Taken,
    },
}

#[derive(Debug)]
pub enum UseReply {
    Beginning {
        asked: u64,
        beginning: Result<Box<Beginning>, Fault>,
    },
    Presets {
        asked: u64,
        page: Result<Page<PresetRow>, Fault>,
    },
    Prompts {
        asked: u64,
        page: Result<Page<PromptRow>, Fault>,
    },
    Prompt {
        asked: u64,
        prompt: Result<Box<Prompt>, Fault>,
        /// What stood behind its name.
        rest: String,
    },
    Preset(Result<Box<Preset>, Fault>),
    Saved {
        conversation: Option<ConversationId>,
        new: Box<NewPreset>,
        outcome: Result<Box<Preset>, Fault>,
    },
}

impl UseReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Beginning { beginning, .. } => beginning.as_ref().err(),
            Self::Presets { page, .. } => page.as_ref().err(),
            Self::Prompts { page, .. } => page.as_ref().err(),
            Self::Prompt { prompt, .. } => prompt.as_ref().err(),
            Self::Preset(preset) => preset.as_ref().err(),
            Self::Saved { outcome, .. } => outcome.as_ref().err(),
        }
    }
}
