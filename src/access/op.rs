//! What the gate needs to know about an operation before it lets anyone at it.

use std::time::Duration;

pub use crate::api::admin::{Class, Permission};
use crate::api::auth::Role;

/// One operation: a `const` beside each façade method.
#[derive(Debug)]
pub struct Op {
    /// `area.verb`, for the log, the audit trail and the permission matrix.
    pub name: &'static str,
    pub permission: Permission,
    pub class: Class,
    /// Refused while the breaker of this kind of Ollama call is open. `None` for what never asks Ollama, and for what has
    /// something kept to show instead: its service asks the breaker itself.
    pub needs_ollama: Option<OllamaKind>,
    pub deadline: Duration,
    /// Whether the passphrase must have been typed within the last five minutes (`confirm` types it again): for what
    /// cannot be taken back or lets others in.
    pub fresh: bool,
}

impl Op {
    /// Whether it puts something new into the vault. Changing, moving and removing what is there is not meant.
    #[must_use]
    pub fn fills_vault(&self) -> bool {
        let adds = self.name.rsplit('.').next().is_some_and(|verb| matches!(verb, "add" | "create" | "import"));
        self.takes_tokens() || self.permission == Permission::Organise && adds
    }

    /// Whether a model works for it.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.class == Class::Chat
    }
}

/// The kinds of Ollama call, each with its own breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OllamaKind {
    Chat,
    Embed,
    Manage,
}

impl OllamaKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embed => "embed",
            Self::Manage => "manage",
        }
    }
}

/// A rank as a type, so that "only for administrators" is a fact of compilation.
pub trait Rank: Send + Sync + 'static {
    const ROLE: Role;
}

/// Any signed-in person.
#[derive(Debug)]
pub enum Member {}

/// An administrator.
#[derive(Debug)]
pub enum Admin {}

impl Rank for Member {
    const ROLE: Role = Role::User;
}

impl Rank for Admin {
    const ROLE: Role = Role::Admin;
}
