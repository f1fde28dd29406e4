//! The one shape in which anything goes wrong for a person: what happened, what to do, when to try again.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::RequestId;

/// What kind of trouble it is. Screens choose their reaction by this, scripts their exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// No session, or it has ended.
    SignedOut,
    /// The session is locked; the passphrase opens it again.
    Locked,
    /// Signed in, but not allowed.
    Denied,
    /// Name and passphrase (or code) do not match. Never says which.
    WrongCredentials,
    /// The passphrase was last typed too long ago for this; `confirm` asks for it again.
    Unconfirmed,
    /// A second factor must be added before anything else.
    SecondFactorWanted,
    /// Too many calls in a short time; `retry_after` says when.
    Slow,
    /// Ollama cannot be reached, or does not answer.
    Upstream,
    /// Ollama is there, but what it answers is of no use: it is busy, garbled, of another version, or wants a sign-in.
    Ollama,
    /// Ollama answered, and the model or the request was at fault.
    Model,
    /// The model named is not installed.
    ModelMissing,
    /// The prompt does not fit the context window.
    Overflow,
    /// Something typed or passed is not acceptable.
    Invalid,
    /// Another window changed it first, or the name is taken.
    Conflict,
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// It took longer than the operation may take.
    Timeout,
    /// Stopped on request.
    Cancelled,
    /// The disk or the quota is full; nothing acknowledged is lost.
    DiskFull,
    /// The data directory or a database cannot be written.
    ReadOnly,
    /// The data directory's owner or permissions are unsafe.
    Unsafe,
    /// A database is damaged, foreign, or newer than this program.
    Store,
    /// A mistake of ours.
    Internal,
}

impl FaultKind {
    /// Each of them, in the order in which they stand above: `kind as usize` is its place.
    pub const ALL: [Self; 22] = [
        Self::SignedOut,
        Self::Locked,
        Self::Denied,
        Self::WrongCredentials,
        Self::Unconfirmed,
        Self::SecondFactorWanted,
        Self::Slow,
        Self::Upstream,
        Self::Ollama,
        Self::Model,
        Self::ModelMissing,
        Self::Overflow,
        Self::Invalid,
        Self::Conflict,
        Self::NotFound,
        Self::Timeout,
        Self::Cancelled,
        Self::DiskFull,
        Self::ReadOnly,
        Self::Unsafe,
        Self::Store,
        Self::Internal,
    ];

    /// In a word, as JSON writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Locked => "locked",
            Self::Denied => "denied",
            Self::WrongCredentials => "wrong_credentials",
            Self::Unconfirmed => "unconfirmed",
            Self::SecondFactorWanted => "second_factor_wanted",
            Self::Slow => "slow",
            Self::Upstream => "upstream",
            Self::Ollama => "ollama",
            Self::Model => "model",
            Self::ModelMissing => "model_missing",
            Self::Overflow => "overflow",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::NotFound => "not_found",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Unsafe => "unsafe",
            Self::Store => "store",
            Self::Internal => "internal",
        }
    }
}

/// What went wrong, in words for a person. Text in here may be foreign: display it through `SafeText`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// What happened, one sentence.
    pub message: String,
    /// What to do about it, one sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// When trying again can help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<Duration>,
    /// Finds the call in the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report_id: Option<RequestId>,
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, retry_after: None, report_id: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, message)
    }

    /// There is no such thing, or it is somebody else's: the same words for both, on purpose.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(FaultKind::NotFound, format!("There is no such {what}."))
    }

    #[must_use]
    pub fn signed_out() -> Self {
        Self::new(FaultKind::SignedOut, "You are not signed in.").hint("Sign in and try again.")
    }

    /// The exit code of a command that ends with this fault (`product.md`, Command line).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            FaultKind::Upstream => 3,
            FaultKind::ModelMissing => 4,
            FaultKind::SignedOut
            | FaultKind::Locked
            | FaultKind::Denied
            | FaultKind::Unconfirmed
            | FaultKind::SecondFactorWanted
            | FaultKind::WrongCredentials => 5,
            FaultKind::Invalid => 2,
            FaultKind::Unsafe => 78,
            FaultKind::Cancelled => 130,
            FaultKind::Slow
            | FaultKind::Ollama
            | FaultKind::Model
            | FaultKind::Overflow
            | FaultKind::Conflict
            | FaultKind::NotFound
            | FaultKind::Timeout
            | FaultKind::DiskFull
            | FaultKind::ReadOnly
            | FaultKind::Store
            | FaultKind::Internal => 1,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
