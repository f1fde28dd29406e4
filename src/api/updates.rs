//! Whether the registry has another build of a model than the installed one.
//!
//! Ollama tells a model's digest: that of its manifest. A server of today keeps the registry's manifest as it is, so the same
//! digest means the same model. Another one proves an update only where the installed digest was the registry's once;
//! models that were made here, or installed by an older server, have a digest of their own.

use serde::{Deserialize, Serialize};

/// Most models that are asked about at once.
pub const ASKED_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    UpToDate,
    /// The registry has another one, and the installed one came from there.
    Available,
    /// The registry has another one; where the installed one came from is not known.
    Maybe,
    /// The registry does not tell.
    Unknown,
}

impl Standing {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::Available => "update available",
            Self::Maybe => "maybe",
            Self::Unknown => "unknown",
        }
    }
}

/// How one installed model stands to its registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCheck {
    /// With its tag. Foreign text.
    pub model: String,
    pub standing: Standing,
    /// In a whole sentence.
    pub because: String,
    /// Which registry was asked.
    pub registry: Option<String>,
    /// SHA-256, hexadecimal.
    pub installed: String,
    pub there: Option<String>,
    /// What would be downloaded at most.
    pub bytes: Option<u64>,
}
