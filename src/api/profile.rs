//! One's own account: how it is set up, what it is allowed, what it did, its second factor, its way out.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    AccountId, VaultId,
    admin::{AuditEntry, Limited, SecondFactorPolicy},
    auth::{Role, Secret},
    options::ChatOptions,
    organise::Grouping,
};

/// Longest display name, in characters.
pub const DISPLAY_NAME_MAX: usize = 100;

/// What others see of an account, and what it sees of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: AccountId,
    pub name: String,
    pub display_name: Option<String>,
    pub role: String,
    pub rank: Role,
    pub created_at: i64,
    pub last_sign_in: Option<i64>,
    pub second_factor: SecondFactorState,
}

/// What a person has set for themselves; kept in their vault. What is not set follows the settings file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// The model of new conversations.
    pub model: Option<String>,
    /// The system prompt of new conversations.
    pub system_prompt: Option<String>,
    /// The options of new conversations.
    pub options: ChatOptions,
    /// `auto`, `dark`, `light` or `plain`.
    pub theme: Option<String>,
    /// How the list of conversations is laid out.
    pub grouping: Grouping,
    /// Context name → action name → keys, over those of the settings file. `[]` unbinds.
    pub keys: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// How an account stands with its second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactorState {
    /// When it was added, milliseconds since 1970.
    pub added_at: Option<i64>,
    /// Recovery codes that are still good.
    pub codes_left: u32,
    pub policy: SecondFactorPolicy,
    /// The policy demands one from this account.
    pub is_required: bool,
}

/// A second factor to be: for the authenticator, by QR code or by hand. Nothing is stored until a code proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// `otpauth://totp/…` (Key URI format).
    pub uri: Secret,
    /// The secret in base 32, in groups of four.
    pub secret: Secret,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    pub limited: Limited,
    /// Calls a minute, answers at once, tokens a day, MiB. 0 = no limit.
    pub most: u32,
    pub left: u32,
    /// Milliseconds until all of it is there again. 0 = it is, or does not come back by itself.
    pub full_in_ms: u64,
}

/// What is recorded about an account, told to its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub last_sign_in: Option<i64>,
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    pub more: bool,
}

/// A vault of one's own that is kept and not open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedVault {
    pub id: VaultId,
    /// Milliseconds since 1970.
    pub sealed_at: i64,
    /// How large its file is. `None` = it is not where it belongs.
    pub bytes: Option<u64>,
    /// Its recovery code opens it, and nothing else. Where the present vault was open before it, the passphrase does.
    pub needs_code: bool,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    pub path: PathBuf,
    pub bytes: u64,
    pub conversations: u64,
    pub messages: u64,
    pub documents: u64,
}
