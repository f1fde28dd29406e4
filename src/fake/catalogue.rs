//! The models that the stand-in claims to have. Plausible in every field, so that each screen has something to show.

use std::borrow::Cow;

use serde_json::{Value, json};

/// A made-up model.
#[derive(Clone, Debug)]
pub struct Made {
    pub name: Cow<'static, str>,
    pub bytes: u64,
    pub family: &'static str,
    pub parameters: &'static str,
    pub quantization: &'static str,
    pub context_length: u32,
    pub embedding_length: u32,
    pub capabilities: &'static [&'static str],
    /// RFC 3339.
    pub modified_at: Cow<'static, str>,
    /// 64 hexadecimal digits, or one that is repeated.
    pub(super) digest: Cow<'static, str>,
}

pub const MODELS: &[Made] = &[
    Made {
        name: Cow::Borrowed("demo-think:8b"),
        bytes: 5_225_388_164,
        family: "qwen3",
        parameters: "8.2B",
        quantization: "Q4_K_M",
        context_length: 40_960,
        embedding_length: 4096,
        capabilities: &["completion", "tools", "thinking"],
        modified_at: Cow::Borrowed("2026-11-20T09:12:44.120331Z"),
        digest: Cow::Borrowed("a"),
    },
    Made {
        name: Cow::Borrowed("demo-chat:3b"),
        bytes: 2_019_393_189,
        family: "llama",
        parameters: "3.2B",
        quantization: "Q4_K_M",
        context_length: 131_072,
        embedding_length: 3072,
        capabilities: &["completion", "tools"],
        modified_at: Cow::Borrowed("2026-11-18T17:40:02.5Z"),
        digest: Cow::Borrowed("b"),
    },
    Made {
        name: Cow::Borrowed("demo-vision:4b"),
        bytes: 3_338_801_804,
        family: "gemma3",
        parameters: "4.3B",
        quantization: "Q4_K_M",
        context_length: 131_072,
        embedding_length: 2560,
        capabilities: &["completion", "vision"],
        modified_at: Cow::Borrowed("2026-11-02T08:00:00Z"),
        digest: Cow::Borrowed("c"),
    },
    Made {
        name: Cow::Borrowed("demo-embed:latest"),
        bytes: 274_302_450,
        family: "nomic-bert",
        parameters: "137M",
        quantization: "F16",
        context_length: 2048,
        embedding_length: 768,
        capabilities: &["embedding"],
        modified_at: Cow::Borrowed("2026-10-11T12:30:00Z"),
        digest: Cow::Borrowed("d"),
    },
];

impl Made {
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(&capability)
    }

    /// The window that an unset `num_ctx` loads.
    #[must_use]
    pub fn default_window(&self) -> u32 {
        self.context_length.min(4096)
    }

    pub(super) fn hex(&self) -> String {
        self.digest.repeat(64 / self.digest.len().max(1))
    }

    fn details(&self) -> Value {
        json!({
            "parent_model": "", "format": "gguf", "family": self.family, "families": [self.family],
            "parameter_size": self.parameters, "quantization_level": self.quantization,
        })
    }

    /// As `/api/tags` lists it.
    #[must_use]
    pub fn tag(&self) -> Value {
        let mut details = self.details();
        details["context_length"] = json!(self.context_length);
        details["embedding_length"] = json!(self.embedding_length);
        json!({
            "name": self.name, "model": self.name, "modified_at": self.modified_at, "size": self.bytes,
            "digest": self.hex(), "details": details, "capabilities": self.capabilities,
        })
    }

    /// As `/api/ps` lists it when it is loaded with this window.
    #[must_use]
    pub fn resident(&self, window: u32, expires_at: &str) -> Value {
        json!({
            "name": self.name, "model": self.name, "size": self.bytes + self.bytes / 5, "digest": self.hex(),
            "details": self.details(), "expires_at": expires_at, "size_vram": self.bytes, "context_length": window,
        })
    }

    /// As `/api/show` tells it.
    #[must_use]
    pub fn show(&self) -> Value {
        let mut info = json!({ "general.architecture": self.family });
        info[format!("{}.context_length", self.family)] = json!(self.context_length);
        info[format!("{}.embedding_length", self.family)] = json!(self.embedding_length);
        json!({
            "license": "None: this model does not exist. OllamaNet's built-in stand-in makes up its answers.",
            "modelfile": format!("# A stand-in, not a model\nFROM {}\n", self.name),
            "parameters": "temperature                    0.7\nstop                           \"<|end|>\"",
            "template": "{{ .Prompt }}",
            "details": self.details(), "model_info": info, "capabilities": self.capabilities,
            "modified_at": self.modified_at,
        })
    }
}
