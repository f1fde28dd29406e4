//! Models that Ollama has, and those it has loaded.

use serde::{Deserialize, Serialize};

/// An installed model. All text is foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// As Ollama lists it, with its tag: `llama3.2:3b`.
    pub name: String,
    pub bytes: u64,
    pub digest: String,
    pub family: String,
    /// As published: `3.2B`.
    pub parameters: String,
    pub quantization: String,
    /// The trained maximum, tokens; `None` where the server does not say.
    pub context_length: Option<u32>,
    /// `completion`, `tools`, `vision`, `thinking`, `embedding`, `insert` … (open list); empty where the server does not say.
    pub capabilities: Vec<String>,
    /// RFC 3339.
    pub modified_at: String,
    pub loaded: Option<Loaded>,
    /// Runs on Ollama's servers, not here.
    pub remote: bool,
}

/// How a model sits in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Bytes in all.
    pub bytes: u64,
    /// Of these, in the GPU's memory. 0 = CPU only.
    pub gpu_bytes: u64,
    /// The window it was really loaded with, tokens.
    pub context_length: Option<u32>,
    /// RFC 3339; centuries away means "kept".
    pub expires_at: String,
}

/// The installed models with the age of the answer: the last good list stays when Ollama goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelList {
    pub models: Vec<Model>,
    /// How old the list is, milliseconds.
    pub age_ms: u64,
    /// Why it could not be refreshed, if it could not.
    pub stale_because: Option<String>,
}

/// Everything `/api/show` tells. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelDetail {
    pub name: String,
    pub capabilities: Vec<String>,
    pub family: String,
    pub parameter_size: String,
    pub quantization: String,
    pub context_length: Option<u32>,
    pub embedding_length: Option<u32>,
    /// As a number; `parameter_size` is what is published.
    pub parameter_count: Option<u64>,
    /// What the cache of its context is made of.
    pub geometry: Option<Geometry>,
    /// The model's own default options, as lines.
    pub parameters: Option<String>,
    pub template: Option<String>,
    pub system: Option<String>,
    pub license: Option<String>,
    pub modelfile: Option<String>,
}

/// What the size of a context's cache follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    pub layers: u32,
    /// Heads of keys and values; where they differ from layer to layer, the most.
    pub kv_heads: u32,
    /// Elements of one key, and of one value.
    pub key_length: u32,
    pub value_length: u32,
}
