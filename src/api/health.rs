//! What was checked, when, and how it stands.

use serde::{Deserialize, Serialize};

/// Where Ollama stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OllamaState {
    /// Not asked yet.
    Unknown,
    Reachable {
        version: String,
        latency_ms: u32,
    },
    /// Nothing answers at the address, but an `ollama` program is on this machine.
    InstalledNotRunning,
    /// Nothing answers and no `ollama` program was found.
    Absent,
    /// Something answers, but not as Ollama does, or the address is elsewhere and does not answer.
    Unreachable {
        why: String,
    },
}

/// The circuit breaker of one kind of Ollama call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BreakerState {
    Closed,
    Open { retry_in_ms: u64 },
    HalfOpen,
}

/// One report. The status dot shows its worst part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub ollama: OllamaState,
    /// Address asked, as configured.
    pub ollama_url: String,
    /// A plain-language warning about the server: a version with known holes, an address off this machine.
    pub ollama_warning: Option<String>,
    /// Kind of call (`chat`, `embed`, `manage`) and its breaker.
    pub breakers: Vec<(String, BreakerState)>,
    pub store: Check,
    pub disk: Check,
    pub tasks: Check,
    /// Milliseconds since 1970, UTC.
    pub checked_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub level: Level,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Good,
    Warning,
    Bad,
}
