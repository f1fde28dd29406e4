//! Everything that goes wrong with the model server, told apart by what a person can do about it.
//!
//! Statuses alone do not tell: Ollama answers a wrong option with 500, a missing image projector with 400 or 500, and
//! wraps the runner's JSON in a string. `classify` is the one place that knows these texts; whoever needs to react
//! matches the enum. The sentences for people are made in `access::faults_ollama`.

use std::time::Duration;

use serde_json::Value;

use super::{host::BadAddress, transport::Trouble};

/// Why nothing answers at the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Nobody listens there.
    Refused,
    /// The name is not known.
    Dns,
    /// No connection within the connect timeout.
    TimedOut,
    /// The server's certificate is not to be trusted.
    Certificate,
    /// The server does not speak TLS, or none that we do.
    Tls,
    /// No route, or another fault of the network.
    Network,
}

/// What a model can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    Chat,
    Thinking,
    Vision,
    Tools,
    Insert,
    Embedding,
}

/// Texts in here come from the server: foreign, and possibly echoing a prompt. Never log them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OllamaError {
    #[error("the address cannot be used: {0}")]
    BadAddress(#[from] BadAddress),
    #[error("the address is off this machine and not encrypted")]
    PlaintextRefused { url: String },
    #[error("nothing answers at {url}")]
    Unreachable { url: String, why: Unreachable },
    /// Connected, but no byte came for so long.
    #[error("no byte came for {} s", after.as_secs())]
    Silent { after: Duration },
    /// The connection ended before the answer did.
    #[error("the connection broke off")]
    Broken,
    /// The stream ended in good order but the model never said that it was done.
    #[error("the stream ended without saying it was done")]
    EndedWithoutDone,
    #[error("a line of the stream is not what Ollama sends")]
    Garbage,
    #[error("a line of the stream is too long")]
    LineTooLong,
    #[error("the answer as a whole is too long")]
    AnswerTooLong,
    /// HTML, plain text, or no HTTP at all.
    #[error("what answers at {url} is not Ollama")]
    NotOllama { url: String },
    #[error("the server at {url} sends its callers elsewhere")]
    Redirected { url: String },
    /// 403 without a word: the server does not accept the Host or the Origin it was called by.
    #[error("the server refuses calls under this name")]
    HostRefused { url: String },
    /// 401, or 403 with words.
    #[error("the server asks for a sign-in")]
    SignInNeeded { said: String },
    /// The server does not have this route: it is older than the feature.
    #[error("the server does not know this request")]
    NotSupportedByServer,
    #[error("the model is not installed")]
    ModelMissing { said: String },
    /// The figures where the server names them, tokens.
    #[error("the prompt is longer than the context window")]
    Overflow { prompt_tokens: Option<u32>, window: Option<u32> },
    /// Too many requests wait at the server.
    #[error("the server is busy")]
    QueueFull,
    #[error("the account's limit at ollama.com is reached")]
    LimitReached { said: String },
    #[error("the model lacks a capability: {0:?}")]
    Lacks(Capability),
    #[error("an option is wrong: {said}")]
    BadOption { said: String },
    #[error("the answer's format is wrong: {said}")]
    BadFormat { said: String },
    #[error("an image cannot be read: {said}")]
    BadImage { said: String },
    #[error("the model name is not valid: {said}")]
    BadName { said: String },
    /// A blob's bytes or name do not match its digest.
    #[error("a digest does not match: {said}")]
    BadDigest { said: String },
    /// Any other request that the server calls wrong.
    #[error("the server refuses the request: {said}")]
    Refused { status: u16, said: String },
    #[error("there is not enough memory for the model")]
    OutOfMemory { said: String },
    #[error("the model cannot be loaded: {said}")]
    LoadFailed { said: String },
    /// Where Ollama keeps its models there is no room.
    #[error("the server's disk is full: {said}")]
    DiskFull { said: String },
    /// The process that runs the model died in the middle of it.
    #[error("the model's process ended: {said}")]
    RunnerDied { said: String },
    /// The registry does not have the model.
    #[error("the registry has no such model")]
    NotInRegistry,
    /// The registry cannot be reached or does not speak as expected.
    #[error("the registry cannot be used: {said}")]
    Registry { said: String },
    /// An upload that was asked for again while the first one was ending.
    #[error("the transfer was cancelled at the server")]
    TransferCancelled,
    /// What was downloaded is not what was promised.
    #[error("the download is damaged: {said}")]
    DigestMismatch { said: String },
    /// A file to make a model of is missing or of the wrong kind.
    #[error("the model's source cannot be used: {said}")]
    BadSource { said: String },
    /// An `{"error"}` line in a stream, with a text we do not know.
    #[error("the server reports: {said}")]
    ErrorLine { said: String },
    /// Any other failure with its status.
    #[error("the server failed with {status}: {said}")]
    Server { status: u16, said: String },
}

impl OllamaError {
    /// As Ollama says it of a model that it has not got.
    #[must_use]
    pub fn missing(model: &str) -> Self {
        Self::ModelMissing { said: format!("model '{model}' not found") }
    }

    /// Whether, and how, this says that the *server* is in trouble: it cannot be reached, does not answer, or answers 5xx for
    /// reasons of its own. A missing model, a wrong option or a stop says nothing of the kind.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Unreachable { .. } => Some(Trouble::NotThere),
            Self::Silent { .. } => Some(Trouble::Silent),
            Self::Broken => Some(Trouble::BrokeOff),
            Self::QueueFull => Some(Trouble::Busy),
            Self::RunnerDied { .. } => Some(Trouble::RunnerDied),
            Self::Server { status, .. } => Some(Trouble::Failed { status: *status }),
            Self::BadAddress(_)
            | Self::PlaintextRefused { .. }
            | Self::EndedWithoutDone
            | Self::Garbage
            | Self::LineTooLong
            | Self::AnswerTooLong
            | Self::NotOllama { .. }
            | Self::Redirected { .. }
            | Self::HostRefused { .. }
            | Self::SignInNeeded { .. }
            | Self::NotSupportedByServer
            | Self::ModelMissing { .. }
            | Self::Overflow { .. }
            | Self::LimitReached { .. }
            | Self::Lacks(_)
            | Self::BadOption { .. }
            | Self::BadFormat { .. }
            | Self::BadImage { .. }
            | Self::BadName { .. }
            | Self::BadDigest { .. }
            | Self::Refused { .. }
            | Self::OutOfMemory { .. }
            | Self::LoadFailed { .. }
            | Self::DiskFull { .. }
            | Self::NotInRegistry
            | Self::Registry { .. }
            | Self::TransferCancelled
            | Self::DigestMismatch { .. }
            | Self::BadSource { .. }
            | Self::ErrorLine { .. } => None,
        }
    }
}

/// The error in an `error` field: a text, or an object with a message; JSON inside the text is unwrapped. The second
/// part holds the innermost object, where figures stand.
pub(super) fn said(error: &Value) -> (String, Option<Value>) {
    match error {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(inner)) => match inner.get("error") {
                Some(deeper @ (Value::Object(_) | Value::String(_))) => said(deeper),
                Some(_) | None => (text.clone(), None),
            },
            Ok(_) | Err(_) => (text.clone(), None),
        },
        Value::Object(fields) => {
            let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
            (message.to_owned(), Some(error.clone()))
        }
        other => (other.to_string(), None),
    }
}

/// What an error means. `status` is `None` for a line inside a stream that had begun with 200.
pub(super) fn classify(status: Option<u16>, error: &Value) -> OllamaError {
    let (said, object) = said(error);
    if let Some(known) = by_text(&said, object.as_ref()) {
        return known;
    }
    match status {
        None => OllamaError::ErrorLine { said },
        Some(401 | 403) => OllamaError::SignInNeeded { said },
        Some(404) => OllamaError::ModelMissing { said },
        Some(429) => OllamaError::LimitReached { said },
        Some(503) if said.contains("busy") => OllamaError::QueueFull,
        Some(status @ 400..=499) => OllamaError::Refused { status, said },
        Some(status) => OllamaError::Server { status, said },
    }
}

fn by_text(text: &str, object: Option<&Value>) -> Option<OllamaError> {
    let lower = text.to_lowercase();
    let has = |part: &str| lower.contains(part);
    let said = || text.to_owned();
    let kind = object.and_then(|object| object.get("type")).and_then(Value::as_str).unwrap_or_default();

    if kind == "exceed_context_size_error"
        || has("exceeds the available context size")
        || has("longer than the context length")
        || has("exceeds the context length")
    {
        let figure = |name: &str| {
            let value = object.and_then(|object| object.get(name)).and_then(Value::as_u64);
            value.and_then(|value| u32::try_from(value).ok())
        };
        return Some(OllamaError::Overflow { prompt_tokens: figure("n_prompt_tokens"), window: figure("n_ctx") });
    }
    if let Some(what) = lower.split("does not support ").nth(1).and_then(|rest| rest.split_whitespace().next()) {
        match what.trim_matches(['.', '"']) {
            "chat" | "generate" | "completion" => return Some(OllamaError::Lacks(Capability::Chat)),
            "thinking" => return Some(OllamaError::Lacks(Capability::Thinking)),
            "tools" => return Some(OllamaError::Lacks(Capability::Tools)),
            "insert" => return Some(OllamaError::Lacks(Capability::Insert)),
            "embeddings" | "embedding" => return Some(OllamaError::Lacks(Capability::Embedding)),
            "vision" | "images" | "multimodal" => return Some(OllamaError::Lacks(Capability::Vision)),
            // Another word: the texts below may know the sentence.
            _ => {}
        }
    }
    let known = if has("image input is not supported") {
        OllamaError::Lacks(Capability::Vision)
    } else if has("illegal base64") || has("invalid image") || has("failed to decode image") {
        OllamaError::BadImage { said: said() }
    } else if has("pending requests exceeded") {
        OllamaError::QueueFull
    } else if has("insufficient memory")
        || has("out of memory")
        || has("more system memory")
        || has("failed to allocate")
        || has("cudamalloc failed")
    {
        OllamaError::OutOfMemory { said: said() }
    } else if has("runner process has terminated")
        || has("llama-server process has terminated")
        || has("unable to load model")
        || has("timed out waiting for llama")
        || has("error loading model")
    {
        OllamaError::LoadFailed { said: said() }
    } else if has("error was encountered while running the model") || has("runner process no longer running") {
        OllamaError::RunnerDied { said: said() }
    } else if has("no space left on device") || has("disk quota exceeded") {
        OllamaError::DiskFull { said: said() }
    } else if has("max retries exceeded") {
        OllamaError::Registry { said: said() }
    } else if has("pull model manifest: file does not exist") {
        OllamaError::NotInRegistry
    } else if has("digest mismatch, file must be downloaded again") {
        OllamaError::DigestMismatch { said: said() }
    } else if has("digest mismatch") || has("invalid digest") {
        OllamaError::BadDigest { said: said() }
    } else if has("pull model manifest")
        || has("gave http response to https client")
        || has("dial tcp")
        || has("couldn't retrieve manifest")
    {
        OllamaError::Registry { said: said() }
    } else if lower == "context canceled" {
        OllamaError::TransferCancelled
    } else if has("invalid model name") || has("model is required") || (has("destination") && has("is invalid")) {
        OllamaError::BadName { said: said() }
    } else if has("invalid format") || has("json_schema") || has("json schema") {
        OllamaError::BadFormat { said: said() }
    } else if has("invalid think value")
        || has("time: invalid duration")
        || has("top_logprobs")
        || (has("option") && has("must be of type"))
    {
        OllamaError::BadOption { said: said() }
    } else if has("not in gguf format") || has("no such file or directory") || has("neither 'from' or 'files'") {
        OllamaError::BadSource { said: said() }
    } else if lower.starts_with("model") && has("not found") {
        OllamaError::ModelMissing { said: said() }
    } else {
        return None;
    };
    Some(known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_inside_a_string_is_unwrapped_with_its_figures() {
        let body = json!(
            r#"{"error":{"code":400,"message":"request (1766 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":1766,"n_ctx":512}}"#
        );
        assert_eq!(classify(Some(400), &body), OllamaError::Overflow { prompt_tokens: Some(1766), window: Some(512) });
        assert_eq!(said(&json!(r#"{"error":"plain"}"#)).0, "plain");
        assert_eq!(said(&json!("{ not json")).0, "{ not json");
    }

    #[test]
    fn an_unknown_text_goes_by_its_status() {
        let text = json!("strange");
        let said = || "strange".to_owned();
        assert_eq!(classify(None, &text), OllamaError::ErrorLine { said: said() });
        assert_eq!(classify(Some(404), &text), OllamaError::ModelMissing { said: said() });
        assert_eq!(classify(Some(429), &text), OllamaError::LimitReached { said: said() });
        assert_eq!(classify(Some(400), &text), OllamaError::Refused { status: 400, said: said() });
        assert_eq!(classify(Some(502), &text), OllamaError::Server { status: 502, said: said() });
        assert!(classify(Some(502), &text).trouble().is_some());
        assert!(classify(Some(400), &text).trouble().is_none());
    }
}
