//! What the gate needs to know about an operation before it lets anyone at it.

use std::time::Duration;

use crate::api::auth::Role;

/// Whose allowance a call draws on. Buckets live in the system database, so two windows share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Starting an answer.
    Chat,
    /// Passphrases and codes.
    Auth,
    /// Changing accounts, models, settings.
    Admin,
    /// Looking.
    Read,
    /// Creating, changing and deleting one's own things.
    Write,
    /// Locking, leaving, stopping: never refused to whoever holds the session, and never counted. Nor is asking which door
    /// to show.
    Free,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Auth => "auth",
            Self::Admin => "admin",
            Self::Read => "read",
            Self::Write => "write",
            Self::Free => "free",
        }
    }
}

/// What a role may be given or denied. Rank is checked by type, these by table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Anything every signed-in person may always do to their own account.
    Own,
    Chat,
    /// Folders, conversations, notes, drafts: one's own things.
    Organise,
    /// Seeing which models there are.
    SeeModels,
    ManageModels,
    ManageAccounts,
    SeeHealth,
}

impl Permission {
    pub const ALL: [Self; 7] = [
        Self::Own,
        Self::Chat,
        Self::Organise,
        Self::SeeModels,
        Self::ManageModels,
        Self::ManageAccounts,
        Self::SeeHealth,
    ];

    /// As the system database writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Chat => "chat",
            Self::Organise => "organise",
            Self::SeeModels => "see_models",
            Self::ManageModels => "manage_models",
            Self::ManageAccounts => "manage_accounts",
            Self::SeeHealth => "see_health",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }
}

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
