//! What is asked, in our own types, and the bodies that are made of it.
//!
//! Only what was set is sent: a model's own defaults hold for the rest. One invariant: nothing here lets the server cut a
//! prompt silently.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use crate::api::{
    chat::{MessageRole, ToolCall},
    options::{ChatOptions, Format, Think},
};

use super::name::{Digest, ModelName};

/// One chat request. `truncate:false` and `shift:false` are always sent: what does not fit is an error with figures,
/// never a silent loss.
#[derive(Clone, Debug, Default)]
pub struct ChatRequest {
    pub model: String,
    pub messages: Vec<ChatMessage>,
    pub options: ChatOptions,
    /// Tool definitions as Ollama takes them.
    pub tools: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChatMessage {
    pub role: MessageRole,
    pub content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// Bare base64, without a `data:` prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "tool_calls")]
    pub tool_calls: Vec<ToolCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
}

impl ChatMessage {
    pub fn new(role: MessageRole, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            thinking: String::new(),
            images: Vec::new(),
            tool_calls: Vec::new(),
            tool_name: None,
        }
    }
}

fn tool_calls<S: Serializer>(calls: &[ToolCall], serializer: S) -> Result<S::Ok, S::Error> {
    let calls = calls.iter().map(|call| {
        // Arguments are an object; a string is refused by the server with a text nobody understands.
        let mut sent = json!({ "function": { "name": call.name, "arguments": call.arguments } });
        if let Some(id) = &call.id {
            sent["id"] = json!(id);
        }
        sent
    });
    serializer.collect_seq(calls)
}

impl ChatRequest {
    pub(super) fn body(&self, stream: bool) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": self.messages,
            "stream": stream,
            "truncate": false,
            "shift": false,
        });
        if !self.tools.is_empty() {
            body["tools"] = json!(self.tools);
        }
        add_options(&mut body, &self.options);
        body
    }
}

/// Puts each option where Ollama wants it: three stand beside `options`, the rest inside. What is not set is not sent.
fn add_options(body: &mut Value, options: &ChatOptions) {
    let ChatOptions { temperature, top_p, top_k, min_p, seed, num_ctx, num_predict, stop, keep_alive, think, format } =
        options;
    if let Some(keep_alive) = keep_alive {
        body["keep_alive"] = duration(keep_alive);
    }
    if let Some(think) = think {
        body["think"] = match think {
            Think::Off => json!(false),
            Think::On => json!(true),
            Think::Low => json!("low"),
            Think::Medium => json!("medium"),
            Think::High => json!("high"),
            Think::Max => json!("max"),
        };
    }
    match format {
        None => {}
        Some(Format::Json) => body["format"] = json!("json"),
        Some(Format::Schema(schema)) => body["format"] = schema.clone(),
    }
    let mut inner = serde_json::Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            inner.insert(name.to_owned(), value);
        }
    };
    set("temperature", temperature.map(Value::from));
    set("top_p", top_p.map(Value::from));
    set("top_k", top_k.map(Value::from));
    set("min_p", min_p.map(Value::from));
    set("seed", seed.map(Value::from));
    set("num_ctx", num_ctx.map(Value::from));
    set("num_predict", num_predict.map(Value::from));
    set("stop", (!stop.is_empty()).then(|| json!(stop)));
    if !inner.is_empty() {
        body["options"] = Value::Object(inner);
    }
}

/// Whole seconds go as a number, anything else as Go's duration text: as a string, `"30"` would be refused.
fn duration(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), Value::from)
}

/// One completion without a conversation.
#[derive(Clone, Debug, Default)]
pub struct GenerateRequest {
    pub model: String,
    pub prompt: String,
    pub system: Option<String>,
    /// What follows the gap to be filled; needs the `insert` capability.
    pub suffix: Option<String>,
    /// Bare base64.
    pub images: Vec<String>,
    /// Sends the prompt without the model's template.
    pub raw: bool,
    pub options: ChatOptions,
}

impl GenerateRequest {
    pub(super) fn body(&self, stream: bool) -> Value {
        let mut body = json!({ "model": self.model, "prompt": self.prompt, "stream": stream, "truncate": false });
        if let Some(system) = &self.system {
            body["system"] = json!(system);
        }
        if let Some(suffix) = &self.suffix {
            body["suffix"] = json!(suffix);
        }
        if !self.images.is_empty() {
            body["images"] = json!(self.images);
        }
        if self.raw {
            body["raw"] = json!(true);
        }
        add_options(&mut body, &self.options);
        body
    }
}

/// Texts to turn into vectors. Too long a text is an error, never cut silently.
#[derive(Clone, Debug, Default)]
pub struct EmbedRequest {
    pub model: String,
    pub input: Vec<String>,
    pub dimensions: Option<u32>,
    pub keep_alive: Option<String>,
}

impl EmbedRequest {
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "model": self.model, "input": self.input, "truncate": false });
        if let Some(dimensions) = self.dimensions {
            body["dimensions"] = json!(dimensions);
        }
        if let Some(keep_alive) = &self.keep_alive {
            body["keep_alive"] = duration(keep_alive);
        }
        body
    }
}

/// What a new model is made of. `from` must be installed: an unknown name would start a download of it.
#[derive(Clone, Debug)]
pub struct Create {
    pub model: ModelName,
    pub from: Option<ModelName>,
    /// File name → digest of a blob that is at the server.
    pub files: Vec<(String, Digest)>,
    pub adapters: Vec<(String, Digest)>,
    pub template: Option<String>,
    pub system: Option<String>,
    pub license: Vec<String>,
    /// Parameters as Ollama names them.
    pub parameters: serde_json::Map<String, Value>,
    pub messages: Vec<ChatMessage>,
    /// `q4_K_M`, `q4_K_S` or `q8_0`.
    pub quantize: Option<String>,
}

impl Create {
    #[must_use]
    pub fn new(model: ModelName) -> Self {
        Self {
            model,
            from: None,
            files: Vec::new(),
            adapters: Vec::new(),
            template: None,
            system: None,
            license: Vec::new(),
            parameters: serde_json::Map::new(),
            messages: Vec::new(),
            quantize: None,
        }
    }

    pub(super) fn body(&self) -> Value {
        struct Files<'a>(&'a [(String, Digest)]);
        impl Serialize for Files<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(self.0.len()))?;
                for (name, digest) in self.0 {
                    map.serialize_entry(name, digest.as_str())?;
                }
                map.end()
            }
        }
        let mut body = json!({ "model": self.model.as_str(), "stream": true });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("from", self.from.as_ref().map(|from| json!(from.as_str())));
        set("files", (!self.files.is_empty()).then(|| json!(Files(&self.files))));
        set("adapters", (!self.adapters.is_empty()).then(|| json!(Files(&self.adapters))));
        set("template", self.template.as_ref().map(|text| json!(text)));
        set("system", self.system.as_ref().map(|text| json!(text)));
        set("license", (!self.license.is_empty()).then(|| json!(self.license)));
        set("parameters", (!self.parameters.is_empty()).then(|| Value::Object(self.parameters.clone())));
        set("messages", (!self.messages.is_empty()).then(|| json!(self.messages)));
        set("quantize", self.quantize.as_ref().map(|text| json!(text)));
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_where_ollama_wants_them_and_only_if_set() {
        let mut request = ChatRequest {
            model: "m".into(),
            messages: vec![ChatMessage::new(MessageRole::User, "hi")],
            ..ChatRequest::default()
        };
        let bare = json!({
            "model": "m", "messages": [{"role": "user", "content": "hi"}],
            "stream": true, "truncate": false, "shift": false,
        });
        assert_eq!(request.body(true), bare);
        for (name, value) in
            [("keep_alive", "30"), ("think", "high"), ("format", "json"), ("temperature", "0.5"), ("stop", "a|b")]
        {
            request.options.set(name, value).unwrap();
        }
        let mut full = bare;
        full["keep_alive"] = json!(30);
        full["think"] = json!("high");
        full["format"] = json!("json");
        full["options"] = json!({"temperature": 0.5, "stop": ["a", "b"]});
        assert_eq!(request.body(true), full);
        assert_eq!(duration("10m"), json!("10m"));
    }

    #[test]
    fn tool_calls_of_the_history_go_back_as_objects() {
        let mut message = ChatMessage::new(MessageRole::Assistant, "");
        message.tool_calls.push(ToolCall { id: Some("x".into()), name: "f".into(), arguments: json!({"a": 1}) });
        assert_eq!(
            json!(message)["tool_calls"],
            json!([{"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}])
        );
    }
}
