//! Administering people: accounts, roles, what each may do and how often, the rules of the house, the audit trail.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{
    AccountId, SessionId,
    auth::{Role, Secret},
};

/// Whose allowance a call draws on. Buckets live in the system database, so two windows share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Those that are counted, and so can be limited.
    pub const COUNTED: [Self; 5] = [Self::Chat, Self::Auth, Self::Admin, Self::Read, Self::Write];

    #[must_use]
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

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::COUNTED.into_iter().find(|class| class.as_str() == text)
    }
}

/// What a role may be given or denied. Rank is checked by type, these by table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Anything every signed-in person may always do to their own account. Cannot be denied.
    Own,
    Chat,
    /// Folders, conversations, notes, drafts: one's own things.
    Organise,
    /// Taking one's own data out of the program.
    Export,
    /// Seeing which models there are.
    SeeModels,
    SeeHealth,
    ManageModels,
    ManageAccounts,
    /// Roles, limits, which models whom, and the rules of the house.
    ManageRoles,
    /// The trail, and the whole house in figures.
    SeeAudit,
}

impl Permission {
    pub const ALL: [Self; 10] = [
        Self::Own,
        Self::Chat,
        Self::Organise,
        Self::Export,
        Self::SeeModels,
        Self::SeeHealth,
        Self::ManageModels,
        Self::ManageAccounts,
        Self::ManageRoles,
        Self::SeeAudit,
    ];

    /// As the system database writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Chat => "chat",
            Self::Organise => "organise",
            Self::Export => "export",
            Self::SeeModels => "see_models",
            Self::SeeHealth => "see_health",
            Self::ManageModels => "manage_models",
            Self::ManageAccounts => "manage_accounts",
            Self::ManageRoles => "manage_roles",
            Self::SeeAudit => "see_audit",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }

    /// The rank that has this permission where no table says otherwise. A role below it can never be given it: what an
    /// administrator does needs an administrator's proof.
    #[must_use]
    pub fn least_rank(self) -> Role {
        match self {
            Self::Own | Self::Chat | Self::Organise | Self::Export | Self::SeeModels | Self::SeeHealth => Role::User,
            Self::ManageModels | Self::ManageAccounts | Self::ManageRoles | Self::SeeAudit => Role::Admin,
        }
    }

    /// In words, for the matrix.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Own => "own account",
            Self::Chat => "chat",
            Self::Organise => "organise own things",
            Self::Export => "export own data",
            Self::SeeModels => "see models",
            Self::SeeHealth => "see health",
            Self::ManageModels => "manage models",
            Self::ManageAccounts => "manage accounts",
            Self::ManageRoles => "manage roles and rules",
            Self::SeeAudit => "see audit and reports",
        }
    }
}

// ---- people

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Made, or reset, and waiting for its person to come with the code.
    Invited,
    Active,
    /// Until `UserRow::locked_until`.
    Locked,
    Disabled,
    /// In the trash: restorable until purged.
    Deleted,
}

/// Which accounts a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFilter {
    /// Part of the name or the display name, without regard to case. Empty = all.
    pub text: String,
    pub role: Option<String>,
    /// `None` = all but the deleted ones.
    pub state: Option<AccountState>,
}

/// One row of the list of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    pub id: AccountId,
    pub name: String,
    pub display_name: Option<String>,
    /// The role's name; custom roles have their own.
    pub role: String,
    pub rank: Role,
    pub state: AccountState,
    /// Milliseconds since 1970, while `state` is `Locked`.
    pub locked_until: Option<i64>,
    pub last_sign_in: Option<i64>,
    pub created_at: i64,
    pub live_sessions: u32,
    pub has_second_factor: bool,
    /// Failed sign-ins in a row, over all OS users.
    pub failures: u32,
}

/// One account, as an administrator sees it. Nothing of its vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDetail {
    pub row: UserRow,
    pub sessions: Vec<SessionRow>,
    /// Vaults that a reset without the recovery code left sealed.
    pub sealed_vaults: u32,
    /// Size of the vault's files, bytes.
    pub vault_bytes: u64,
    /// Until when a one-time code is good, milliseconds since 1970.
    pub code_expires_at: Option<i64>,
    pub limits: Vec<LimitRule>,
    pub models: Vec<ModelRule>,
}

/// A list of accounts, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    pub rows: Vec<UserRow>,
    /// Whether there are more after the last one; ask again with its name.
    pub more: bool,
    /// All that the filter lets through.
    pub total: u32,
}

/// An account to be made. Its person sets the passphrase; nobody else ever knows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// 3–50 of `[A-Za-z0-9._-]`.
    pub name: String,
    pub display_name: Option<String>,
    pub role: String,
}

/// A one-time code for whoever it was made for: to hand over, shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationCode {
    pub account: AccountId,
    pub name: String,
    pub code: Secret,
    /// Milliseconds since 1970; 24 h after it was made.
    pub expires_at: i64,
}

/// A session, for whoever may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: SessionId,
    /// The terminal or the command it was begun at.
    pub place: String,
    pub os_uid: u32,
    pub pid: u32,
    /// Milliseconds since 1970.
    pub started_at: i64,
    pub expires_at: i64,
    /// The one that asks.
    pub is_own: bool,
}

// ---- roles

/// What may be set for a role or for one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Role(String),
    Account(AccountId),
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// Calls a minute of this class.
    Calls(Class),
    /// Answers running at the same time.
    Answers,
    /// Tokens a day (UTC), of questions and answers together. 0 = as many as one likes.
    Tokens,
    /// What the vault may take, MiB. 0 = as much as there is.
    Disk,
}

impl Limited {
    pub const ALL: [Self; 8] = [
        Self::Calls(Class::Chat),
        Self::Calls(Class::Auth),
        Self::Calls(Class::Admin),
        Self::Calls(Class::Read),
        Self::Calls(Class::Write),
        Self::Answers,
        Self::Tokens,
        Self::Disk,
    ];

    /// As the system database writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calls(class) => class.as_str(),
            Self::Answers => "answers",
            Self::Tokens => "tokens",
            Self::Disk => "disk",
        }
    }

    /// What it may be set to.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u32> {
        match self {
            Self::Calls(_) | Self::Answers => 1..=100_000,
            Self::Tokens => 0..=2_000_000_000,
            Self::Disk => 0..=16_777_216,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limited| limited.as_str() == text)
    }
}

/// Another limit than the configured one. An account's own wins over its role's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRule {
    pub limited: Limited,
    /// Calls a minute, answers at once, tokens a day, MiB: within `Limited::range`.
    pub most: u32,
}

/// Which models somebody may see and use. Deny wins; as soon as anything is allowed by name, only that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRule {
    /// A model's name, `*` standing for anything: `llama3*`, `*:70b`.
    pub pattern: String,
    pub allowed: bool,
}

/// A role, with all that hangs on it: one row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    pub name: String,
    pub rank: Role,
    /// `user` and `admin` can be limited but neither renamed nor removed; nothing can be denied to `admin`.
    pub is_builtin: bool,
    /// What is said of a permission beyond the rank; what is not here follows the rank.
    pub permissions: Vec<(Permission, bool)>,
    pub limits: Vec<LimitRule>,
    pub models: Vec<ModelRule>,
    /// Accounts that have it, the deleted ones included.
    pub members: u32,
}

impl RoleView {
    /// Whether the role may, all told.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self.permissions.iter().find(|(which, _)| *which == permission) {
            Some((_, allowed)) => *allowed && self.rank >= permission.least_rank(),
            None => self.rank >= permission.least_rank(),
        }
    }
}

/// The rules that hold in the middle of a transaction: settings of the house, typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Whether anybody at this machine may make an account (role `user`).
    pub registration: bool,
    pub second_factor: SecondFactorPolicy,
    /// Days that audit entries are kept, at least 30. `None` = for ever.
    pub audit_keep_days: Option<u32>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { registration: false, second_factor: SecondFactorPolicy::Voluntary, audit_keep_days: None }
    }
}

/// From whom a second factor is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorPolicy {
    #[default]
    Voluntary,
    Administrators,
    Everybody,
}

impl SecondFactorPolicy {
    /// As it is set.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voluntary => "voluntary",
            Self::Administrators => "administrators",
            Self::Everybody => "everybody",
        }
    }

    /// Whether it is demanded from somebody of this rank.
    #[must_use]
    pub fn demands_from(self, rank: Role) -> bool {
        match self {
            Self::Voluntary => false,
            Self::Administrators => rank == Role::Admin,
            Self::Everybody => true,
        }
    }
}

// ---- audit

/// Which entries of the trail are wanted, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFilter {
    /// Part of the action, such as `auth.` or `users.lock`.
    pub action: String,
    /// Part of the actor's or the target's name.
    pub who: String,
    pub result: String,
    /// Milliseconds since 1970, both ends included.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

/// One entry. What was done by whom to what; never content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub seq: i64,
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    pub actor: Option<AccountId>,
    /// The actor's name today; its id where there is no such account any more.
    pub actor_name: Option<String>,
    pub os_uid: u32,
    pub action: String,
    pub target: String,
    pub result: String,
    /// SHA-256 over this entry and the one before, hexadecimal.
    pub hash: String,
}

impl AuditEntry {
    /// The first line of a table of entries.
    pub const CSV_HEAD: &str = "seq,at,actor,actor_name,os_uid,action,target,result,hash";

    /// One line of that table (RFC 4180), without its end. The time is UTC, RFC 3339.
    #[must_use]
    pub fn csv(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at).map_or_else(|_| self.at.to_string(), |at| at.to_string());
        let actor = self.actor.map(|actor| actor.to_string()).unwrap_or_default();
        let fields = [
            self.seq.to_string(),
            at,
            actor,
            self.actor_name.clone().unwrap_or_default(),
            self.os_uid.to_string(),
            self.action.clone(),
            self.target.clone(),
            self.result.clone(),
            self.hash.clone(),
        ];
        fields.map(|field| csv_field(&field)).join(",")
    }

    /// As one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Quoted where it must be. What a spreadsheet would take for a formula gets a `'` in front.
fn csv_field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    pub rows: Vec<AuditEntry>,
    /// Whether there are older ones; ask again with the last one's number.
    pub more: bool,
}

/// Whether the trail is as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// The first entry that is kept; older ones were pruned by rule, and the trail begins with their hash.
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub entries: u64,
    /// The first entry that does not fit: changed, removed before it, or put in.
    pub broken_at: Option<i64>,
    pub anchor: Anchor,
}

impl AuditVerdict {
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.broken_at.is_none() && !matches!(self.anchor, Anchor::Mismatch { .. } | Anchor::CutOff { .. })
    }
}

/// What an administrator's own vault remembers of the trail: it shows when the end was cut off or all was rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// This administrator has not looked before; from now on there is one.
    New,
    /// The entry remembered is there, unchanged.
    Holds { seq: i64 },
    /// The entry remembered is another one now.
    Mismatch { seq: i64 },
    /// The trail ends before the entry remembered.
    CutOff { seq: i64 },
}
