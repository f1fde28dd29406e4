//! What comes back over the wire, tolerant of what is missing and blind to what is new.
//!
//! Answers are turned into our own types here, so that a change of Ollama's ends at this file. Every field may be missing
//! or null; only a wrong shape is an error. Durations are nanoseconds.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::{
    chat::{Delta, ToolCall},
    models::{Geometry, Loaded, Model, ModelDetail},
};

/// A piece of a chat answer. The last one carries `done`, and may carry text and tool calls as well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    pub delta: Delta,
    pub done: Option<Done>,
}

/// A piece of a completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    pub text: String,
    pub thinking: String,
    pub done: Option<Done>,
}

/// How an answer ended, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub reason: DoneReason,
    pub usage: Usage,
}

/// Why the model stopped. The list is open at Ollama's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoneReason {
    Stop,
    /// At `num_predict`, or because the context is full.
    Length,
    /// Only loaded: there was nothing to answer.
    Load,
    Unload,
    Other(String),
}

/// Nanoseconds and tokens, as reported; `None` where the server left them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub total_ns: Option<u64>,
    pub load_ns: Option<u64>,
    pub prompt_tokens: Option<u32>,
    pub prompt_ns: Option<u64>,
    pub answer_tokens: Option<u32>,
    pub answer_ns: Option<u64>,
}

/// One line of a pull, push or create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub status: String,
    pub digest: Option<String>,
    /// Bytes.
    pub total: Option<u64>,
    /// Bytes; 0 is left out by the server.
    pub completed: u64,
}

/// A model in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    pub name: String,
    pub digest: String,
    pub loaded: Loaded,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    pub usage: Usage,
}

/// An answer of the server that may be an error instead.
pub(super) trait Wire: serde::de::DeserializeOwned {
    type Item;
    fn error(&mut self) -> Option<Value>;
    fn item(self) -> Self::Item;
}

/// An item of a stream that knows whether it is the last.
pub(super) trait Last {
    fn is_last(&self) -> bool;
}

impl Last for Chunk {
    fn is_last(&self) -> bool {
        self.done.is_some()
    }
}

impl Last for Piece {
    fn is_last(&self) -> bool {
        self.done.is_some()
    }
}

impl Last for Progress {
    fn is_last(&self) -> bool {
        self.status == "success"
    }
}

/// A field that is missing, or null, is its default.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Deserialize)]
pub(super) struct ChatLine {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    message: WireMessage,
    #[serde(default, deserialize_with = "or_default")]
    done: bool,
    #[serde(default, deserialize_with = "or_default")]
    done_reason: String,
    #[serde(default)]
    total_duration: Option<u64>,
    #[serde(default)]
    load_duration: Option<u64>,
    #[serde(default)]
    prompt_eval_count: Option<u32>,
    #[serde(default)]
    prompt_eval_duration: Option<u64>,
    #[serde(default)]
    eval_count: Option<u32>,
    #[serde(default)]
    eval_duration: Option<u64>,
}

#[derive(Default, Deserialize)]
struct WireMessage {
    #[serde(default, deserialize_with = "or_default")]
    content: String,
    #[serde(default, deserialize_with = "or_default")]
    thinking: String,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<WireCall>,
}

#[derive(Default, Deserialize)]
struct WireCall {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    function: WireFunction,
}

#[derive(Default, Deserialize)]
struct WireFunction {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl Wire for ChatLine {
    type Item = Chunk;

    fn error(&mut self) -> Option<Value> {
        self.error.take()
    }

    fn item(self) -> Chunk {
        let usage = Usage {
            total_ns: self.total_duration,
            load_ns: self.load_duration,
            prompt_tokens: self.prompt_eval_count,
            prompt_ns: self.prompt_eval_duration,
            answer_tokens: self.eval_count,
            answer_ns: self.eval_duration,
        };
        let WireMessage { content, thinking, tool_calls } = self.message;
        let tool_calls = tool_calls.into_iter().map(|call| ToolCall {
            id: call.id,
            name: call.function.name,
            arguments: call.function.arguments,
        });
        Chunk {
            delta: Delta { content, thinking, tool_calls: tool_calls.collect() },
            done: self.done.then(|| Done { reason: reason(self.done_reason), usage }),
        }
    }
}

fn reason(text: String) -> DoneReason {
    match text.as_str() {
        // Servers before `done_reason` only said that they were done.
        "stop" | "" => DoneReason::Stop,
        "length" => DoneReason::Length,
        "load" => DoneReason::Load,
        "unload" => DoneReason::Unload,
        _ => DoneReason::Other(text),
    }
}

#[derive(Deserialize)]
pub(super) struct GenerateLine {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    response: String,
    #[serde(default, deserialize_with = "or_default")]
    thinking: String,
    #[serde(default, deserialize_with = "or_default")]
    done: bool,
    #[serde(default, deserialize_with = "or_default")]
    done_reason: String,
    #[serde(default)]
    total_duration: Option<u64>,
    #[serde(default)]
    load_duration: Option<u64>,
    #[serde(default)]
    prompt_eval_count: Option<u32>,
    #[serde(default)]
    prompt_eval_duration: Option<u64>,
    #[serde(default)]
    eval_count: Option<u32>,
    #[serde(default)]
    eval_duration: Option<u64>,
}

impl Wire for GenerateLine {
    type Item = Piece;

    fn error(&mut self) -> Option<Value> {
        self.error.take()
    }

    fn item(self) -> Piece {
        let usage = Usage {
            total_ns: self.total_duration,
            load_ns: self.load_duration,
            prompt_tokens: self.prompt_eval_count,
            prompt_ns: self.prompt_eval_duration,
            answer_tokens: self.eval_count,
            answer_ns: self.eval_duration,
        };
        Piece {
            text: self.response,
            thinking: self.thinking,
            done: self.done.then(|| Done { reason: reason(self.done_reason), usage }),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ProgressLine {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    total: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    completed: u64,
}

impl Wire for ProgressLine {
    type Item = Progress;

    fn error(&mut self) -> Option<Value> {
        self.error.take()
    }

    fn item(self) -> Progress {
        let Self { error: _, status, digest, total, completed } = self;
        Progress { status, digest, total, completed }
    }
}

#[derive(Deserialize)]
pub(super) struct Version {
    /// Required: this is how a server shows that it is Ollama.
    pub version: String,
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default, deserialize_with = "or_default")]
    pub cloud: Cloud,
}

#[derive(Default, Deserialize)]
pub(super) struct Cloud {
    #[serde(default, deserialize_with = "or_default")]
    pub disabled: bool,
}

#[derive(Deserialize)]
pub(super) struct Tags {
    /// Required: something else answering `{}` must not look like an empty Ollama.
    #[serde(deserialize_with = "or_default")]
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    size: u64,
    #[serde(default, deserialize_with = "or_default")]
    digest: String,
    #[serde(default, deserialize_with = "or_default")]
    modified_at: String,
    #[serde(default, deserialize_with = "or_default")]
    details: Details,
    #[serde(default, deserialize_with = "or_default")]
    capabilities: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    remote_host: String,
    #[serde(default, deserialize_with = "or_default")]
    remote_model: String,
    #[serde(default)]
    context_length: Option<u32>,
    #[serde(default, deserialize_with = "or_default")]
    expires_at: String,
    #[serde(default, deserialize_with = "or_default")]
    size_vram: u64,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "or_default")]
    family: String,
    #[serde(default, deserialize_with = "or_default")]
    parameter_size: String,
    #[serde(default, deserialize_with = "or_default")]
    quantization_level: String,
    #[serde(default)]
    context_length: Option<u32>,
    #[serde(default)]
    embedding_length: Option<u32>,
}

impl Tags {
    /// As `/api/tags` means it.
    pub(super) fn installed(self) -> Vec<Model> {
        let model = |tag: Tag| Model {
            remote: !tag.remote_host.is_empty() || !tag.remote_model.is_empty(),
            name: tag.name,
            bytes: tag.size,
            digest: tag.digest,
            family: tag.details.family,
            parameters: tag.details.parameter_size,
            quantization: tag.details.quantization_level,
            context_length: tag.details.context_length,
            capabilities: tag.capabilities,
            modified_at: tag.modified_at,
            loaded: None,
        };
        self.models.into_iter().map(model).collect()
    }

    /// As `/api/ps` means it.
    pub(super) fn resident(self) -> Vec<Resident> {
        let resident = |tag: Tag| Resident {
            name: tag.name,
            digest: tag.digest,
            loaded: Loaded {
                bytes: tag.size,
                gpu_bytes: tag.size_vram,
                context_length: tag.context_length,
                expires_at: tag.expires_at,
            },
        };
        self.models.into_iter().map(resident).collect()
    }
}

#[derive(Deserialize)]
pub(super) struct Show {
    #[serde(default, deserialize_with = "or_default")]
    details: Details,
    #[serde(default, deserialize_with = "or_default")]
    capabilities: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    model_info: serde_json::Map<String, Value>,
    #[serde(default)]
    parameters: Option<String>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    modelfile: Option<String>,
}

impl Show {
    pub(super) fn detail(self, name: &str) -> ModelDetail {
        let architecture = self.model_info.get("general.architecture").and_then(Value::as_str).unwrap_or_default();
        let figure = |what: &str| {
            let value = match self.model_info.get(&format!("{architecture}.{what}"))? {
                // One for each layer, where they differ.
                Value::Array(each) => each.iter().filter_map(Value::as_u64).max(),
                value => value.as_u64(),
            };
            value.and_then(|value| u32::try_from(value).ok())
        };
        let geometry = || {
            let heads = figure("attention.head_count").filter(|heads| *heads > 0);
            let each = || Some(figure("embedding_length")? / heads?);
            let key_length = figure("attention.key_length").or_else(each)?;
            Some(Geometry {
                layers: figure("block_count")?,
                kv_heads: figure("attention.head_count_kv").or(heads)?,
                key_length,
                value_length: figure("attention.value_length").unwrap_or(key_length),
            })
        };
        ModelDetail {
            name: name.to_owned(),
            context_length: figure("context_length").or(self.details.context_length),
            embedding_length: figure("embedding_length").or(self.details.embedding_length),
            parameter_count: self.model_info.get("general.parameter_count").and_then(Value::as_u64),
            geometry: geometry(),
            capabilities: self.capabilities,
            family: self.details.family,
            parameter_size: self.details.parameter_size,
            quantization: self.details.quantization_level,
            parameters: self.parameters,
            template: self.template,
            system: self.system,
            license: self.license,
            modelfile: self.modelfile,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Embedded {
    #[serde(deserialize_with = "or_default")]
    pub embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    pub total_duration: Option<u64>,
    #[serde(default)]
    pub load_duration: Option<u64>,
    #[serde(default)]
    pub prompt_eval_count: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_null_and_unknown_fields_are_all_fine() {
        for line in [
            r#"{"message":{"content":"x"},"done":true}"#,
            r#"{"message":{"content":"x","thinking":null,"tool_calls":null,"new":[1]},"done":true,"done_reason":null,"eval_count":null,"later":{}}"#,
        ] {
            let chunk = serde_json::from_str::<ChatLine>(line).unwrap().item();
            assert_eq!(
                chunk,
                Chunk {
                    delta: Delta { content: "x".into(), ..Delta::default() },
                    done: Some(Done { reason: DoneReason::Stop, usage: Usage::default() }),
                }
            );
        }
        assert!(serde_json::from_str::<Tags>(r#"{"models":null}"#).unwrap().installed().is_empty());
        assert!(serde_json::from_str::<Tags>("{}").is_err());
    }
}
