//! What the tests of several screens make and look for.

use super::msg::Effect;
use crate::api::{
    MessageId,
    chat::{Message, MessageRole, MessageState, Metrics},
    health::{Check, Health, OllamaState, Part},
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
    Health {
        ollama,
        ollama_url: "http://127.0.0.1:11434".into(),
        ollama_warning: None,
        breakers: Vec::new(),
        checks: Part::ALL.map(|part| Check::good(part, "fine")).into(),
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

/// A job of alice's that was begun at 10:00, the later ones with a higher number.
pub fn job(seq: i64, work: crate::api::jobs::Work, state: crate::api::jobs::JobState) -> crate::api::jobs::Job {
    crate::api::jobs::Job {
        id: crate::api::JobId(uuid::Uuid::from_u128(u128::try_from(seq).unwrap())),
        seq,
        work,
        account: None,
        by: Some("alice".into()),
        state,
        attempts: 1,
        error: None,
        next_at: None,
        created_at: 1_795_514_400_000,
        updated_at: 1_795_514_460_000,
        progress: crate::api::jobs::JobProgress::default(),
        outcome: None,
        is_here: state == crate::api::jobs::JobState::Running,
    }
}

/// A download of 2 GB in two layers that has come halfway.
pub fn halfway() -> crate::api::jobs::JobProgress {
    use crate::api::jobs::Layer;
    crate::api::jobs::JobProgress {
        step: "pulling dde5aa3fc5ff".into(),
        done: 1_010_000_000,
        of: Some(2_020_000_000),
        of_is_whole: true,
        rate: Some(12_000_000),
        eta_seconds: Some(84),
        layers: vec![
            Layer { digest: "dde5aa3fc5ff".into(), done: 1_000_000_000, of: 2_000_000_000 },
            Layer { digest: "966de95ca8a6".into(), done: 10_000_000, of: 20_000_000 },
        ],
        ..Default::default()
    }
}
