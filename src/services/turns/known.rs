//! What is known of a model that is about to be asked: the window it is loaded with, the one it was trained to, and what
//! it can do. Asked of the server in passing and remembered for a moment; never knowing is fine.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::ollama::{Ollama, name::same_model};

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(10);
/// Longest wait for it: what comes later is not worth holding a question up.
const WITHIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The window it is loaded with, tokens.
    pub loaded: Option<u32>,
    /// The window it was trained to, tokens.
    pub trained: Option<u32>,
    /// `None` = nobody knows.
    pub capabilities: Option<Vec<String>>,
}

impl Facts {
    /// Whether it can do this; `None` = nobody knows.
    #[must_use]
    pub fn can(&self, capability: &str) -> Option<bool> {
        self.capabilities.as_ref().map(|list| list.iter().any(|known| known == capability))
    }
}

#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<String, (Instant, Facts)>>);

impl Known {
    /// What is remembered, however old.
    #[must_use]
    pub fn remembered(&self, model: &str) -> Facts {
        self.lock().get(model).map(|(_, facts)| facts.clone()).unwrap_or_default()
    }

    /// What is known now, asking the server for what is not or is old.
    pub async fn ask(&self, ollama: &Ollama, model: &str) -> Facts {
        let (mut facts, fresh) = match self.lock().get(model) {
            Some((asked, facts)) => (facts.clone(), asked.elapsed() < FRESH),
            None => (Facts::default(), false),
        };
        if fresh {
            return facts;
        }
        let unknown = facts.capabilities.is_none();
        let details =
            async { if unknown { timeout(WITHIN, ollama.show(model)).await.ok().and_then(Result::ok) } else { None } };
        let (loaded, detail) = tokio::join!(loaded(ollama, model), details);
        if let Some(loaded) = loaded {
            facts.loaded = loaded;
        }
        if let Some(detail) = detail {
            facts.trained = detail.context_length;
            facts.capabilities = (!detail.capabilities.is_empty()).then_some(detail.capabilities);
        }
        if loaded.is_some() {
            self.lock().insert(model.to_owned(), (Instant::now(), facts.clone()));
        }
        facts
    }

    /// Looks at the window again: a model that has just begun to answer is loaded.
    pub async fn look_again(&self, ollama: &Ollama, model: &str) {
        if let Some(Some(window)) = loaded(ollama, model).await {
            let mut known = self.lock();
            let (asked, facts) = known.entry(model.to_owned()).or_insert_with(|| (Instant::now(), Facts::default()));
            *asked = Instant::now();
            facts.loaded = Some(window);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Facts)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The window the model is loaded with. The outer `None` = the server did not say anything.
async fn loaded(ollama: &Ollama, model: &str) -> Option<Option<u32>> {
    let residents = timeout(WITHIN, ollama.ps()).await.ok()?.ok()?;
    let resident = residents.iter().find(|resident| same_model(&resident.name, model));
    Some(resident.and_then(|resident| resident.loaded.context_length))
}
