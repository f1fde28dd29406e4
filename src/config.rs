//! Every setting and its default, in one place. Loading, merging and checking live beside it.
//!
//! Order of precedence: defaults, then what the house says (`house`), then `config.toml`, then `OLLAMANET_*` in the
//! environment, then flags.

pub mod collector;
pub mod house;
pub mod live;
pub mod load;
pub mod table;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::api::admin::{Class, Limited};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub auth: AuthConfig,
    pub chat: ChatConfig,
    pub limits: LimitsConfig,
    pub cache: CacheConfig,
    pub jobs: JobsConfig,
    pub ui: UiConfig,
    pub ollama: OllamaConfig,
    pub backup: BackupConfig,
    pub trace: TraceConfig,
    pub log: LogConfig,
    pub health: HealthConfig,
    /// Context name → action name → keys. `[]` unbinds.
    pub keys: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What only the house says; no file has it.
    #[serde(skip)]
    pub house: house::House,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Shortest passphrase, characters. Never below 8.
    pub min_length: usize,
    /// Minutes without a key before the screen locks, 1–60; 0 = never.
    pub idle_lock_minutes: u32,
    /// Days that "stay signed in" lasts, 1–30.
    pub stay_signed_in_days: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatConfig {
    /// The model for new conversations; empty = the one used last, else the first installed.
    pub model: String,
    /// The system prompt for new conversations.
    pub system_prompt: String,
    /// Whether answers get their conversation a title from the model in use.
    pub titles: bool,
    /// Largest attachment, bytes.
    pub attachment_bytes: u64,
    /// Seconds without a byte from Ollama before an answer is given up. Loading a big model takes minutes.
    pub silence_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Calls a minute per account, by class; a burst of as many is allowed. Whoever is not signed in is counted by OS user.
    pub chat_per_minute: u32,
    pub auth_per_minute: u32,
    pub admin_per_minute: u32,
    pub read_per_minute: u32,
    pub write_per_minute: u32,
    /// Answers one account may have running at once; more wait in line.
    pub concurrent_answers: u32,
    /// Tokens a day of one account, UTC; 0 = as many as one likes.
    pub tokens_per_day: u32,
    /// What one vault may take, MiB; 0 = as much as there is.
    pub vault_mib: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Memory for cached model details, bytes.
    pub bytes: u64,
    /// Seconds a list of models counts as fresh.
    pub models_fresh_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Downloads, uploads and makings of models at the same time, over all windows; more wait in line.
    pub installs_at_once: u32,
    /// Days for which ended jobs stay in the list.
    pub keep_days: u32,
    /// Tries of a job that go wrong although something comes each time, before it is given up.
    pub tries: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct UiConfig {
    pub theme: ThemeName,
    pub mouse: bool,
    pub vim: bool,
    /// Whether Enter sends (Ctrl+J for a newline) or starts a newline (Ctrl+J sends).
    pub enter_sends: bool,
    /// Width of the sidebar, columns.
    pub sidebar_width: u16,
    /// Whether thinking is shown open.
    pub show_thinking: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeName {
    /// By the terminal's background where it tells, else dark.
    Auto,
    Dark,
    Light,
    /// No colour: attributes and glyphs only. Also chosen by `NO_COLOR`.
    Plain,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OllamaConfig {
    /// Address as `OLLAMA_HOST` writes it; empty = the environment, else 127.0.0.1:11434.
    pub host: String,
    /// Whether an address off this machine may be used without TLS.
    pub allow_plaintext_remote: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// Seconds between two looks at everything, while any interface is open; 0 = only when somebody asks.
    pub every_seconds: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { every_seconds: 60 }
    }
}

impl HealthConfig {
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.every_seconds)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Where backups are kept; empty = `backups` in the data directory, and what is relative lies there too.
    pub directory: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceConfig {
    /// Requests whose way is kept in memory; 0 = none.
    pub requests: u32,
    /// The collector they are sent to as well; empty = none.
    pub export: String,
    /// Whether that may be on another machine.
    pub allow_remote: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Weaker than `OLLAMANET_LOG`.
    pub level: LogLevel,
    /// The newest file and those before it.
    pub files: u32,
    /// Most that one of them has, MiB.
    pub file_mib: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: LogLevel::Info, files: 3, file_mib: 10 }
    }
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self { requests: 100, export: String::new(), allow_remote: false }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { min_length: 8, idle_lock_minutes: 15, stay_signed_in_days: 30 }
    }
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            system_prompt: String::new(),
            titles: true,
            attachment_bytes: 10 * 1024 * 1024,
            silence_seconds: 600,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            chat_per_minute: 60,
            auth_per_minute: 30,
            admin_per_minute: 60,
            read_per_minute: 6000,
            write_per_minute: 3000,
            concurrent_answers: 2,
            tokens_per_day: 0,
            vault_mib: 0,
        }
    }
}

impl LimitsConfig {
    /// The configured limit, where no rule sets another.
    #[must_use]
    pub fn most(&self, limited: Limited) -> u32 {
        match limited {
            Limited::Calls(Class::Chat) => self.chat_per_minute,
            Limited::Calls(Class::Auth) => self.auth_per_minute,
            Limited::Calls(Class::Admin) => self.admin_per_minute,
            Limited::Calls(Class::Read) => self.read_per_minute,
            Limited::Calls(Class::Write) => self.write_per_minute,
            Limited::Calls(Class::Free) => u32::MAX,
            Limited::Answers => self.concurrent_answers,
            Limited::Tokens => self.tokens_per_day,
            Limited::Disk => self.vault_mib,
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { bytes: 8 * 1024 * 1024, models_fresh_seconds: 10 }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { installs_at_once: 2, keep_days: 30, tries: 500 }
    }
}

impl Default for UiConfig {
    fn default() -> Self {
        Self {
            theme: ThemeName::Auto,
            mouse: true,
            vim: false,
            enter_sends: true,
            sidebar_width: 28,
            show_thinking: false,
        }
    }
}

impl ChatConfig {
    pub fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_seconds)
    }
}
