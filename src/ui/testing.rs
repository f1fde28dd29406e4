//! What the tests of several screens make and look for.

use super::msg::Effect;
use crate::api::{
    MessageId,
    chat::{Message, MessageRole, MessageState, Metrics},
    health::{Check, Health, Level, OllamaState},
};

/// The texts of the notices among these effects.
pub fn toasts(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Toast(toast) => Some(toast.text.clone()),
            _ => None,
        })
        .collect()
}

/// Everything is well but Ollama, which is as given.
pub fn health(ollama: OllamaState) -> Health {
    let good = Check { level: Level::Good, text: "fine".into() };
    Health {
        ollama,
        ollama_url: "http://127.0.0.1:11434".into(),
        ollama_warning: None,
        breakers: Vec::new(),
        store: good.clone(),
        disk: good.clone(),
        tasks: good,
        checked_at: 0,
    }
}

/// A finished message that begins a conversation.
pub fn message(n: u128, role: MessageRole, content: &str) -> Message {
    Message {
        id: MessageId(uuid::Uuid::from_u128(n)),
        parent: None,
        role,
        content: content.into(),
        thinking: String::new(),
        tool_calls: Vec::new(),
        attachments: Vec::new(),
        notes: Vec::new(),
        feedback: None,
        state: MessageState::Done,
        error: None,
        error_kind: None,
        model: None,
        metrics: Metrics::default(),
        excluded: false,
        pinned: false,
        sibling: 1,
        siblings: 1,
        created_at: 0,
    }
}
