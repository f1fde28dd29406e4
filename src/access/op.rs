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

/// The kinds of Ollama call, each with its own breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OllamaKind {
    Chat,
    Embed,
    Manage,
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
