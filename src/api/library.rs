//! What a person writes once and uses often: presets and prompt templates, and their files.

use serde::{Deserialize, Serialize};

use super::{PresetId, PromptId, options::ChatOptions};

/// Longest name of a preset or a template, in characters.
pub const NAME_MAX: usize = 100;
/// Longest template, in bytes.
pub const PROMPT_MAX: usize = 64 * 1024;
/// Longest file to import, in bytes.
pub const FILE_MAX: usize = 8 * 1024 * 1024;

/// What something is called by whoever asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Called<Id> {
    Id(Id),
    /// Without regard to case.
    Name(String),
}

/// A preset where only its name is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetName {
    pub id: PresetId,
    pub name: String,
}

/// A preset in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PresetRow {
    pub id: PresetId,
    pub name: String,
    pub model: Option<String>,
    pub has_system_prompt: bool,
    pub options: ChatOptions,
    /// New conversations begin with it where nothing else is said.
    pub is_default: bool,
    pub rev: u32,
}

/// Everything of a preset, and what it is used for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    pub id: PresetId,
    pub name: String,
    pub model: Option<String>,
    pub system_prompt: Option<String>,
    pub options: ChatOptions,
    pub is_default: bool,
    /// Folders whose new conversations begin with it.
    pub folders: u32,
    /// Conversations that it was applied to last.
    pub conversations: u32,
    pub rev: u32,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewPreset {
    pub name: String,
    pub model: Option<String>,
    pub system_prompt: Option<String>,
    pub options: ChatOptions,
}

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PresetPatch {
    pub name: Option<String>,
    pub model: Option<Option<String>>,
    pub system_prompt: Option<Option<String>>,
    pub options: Option<ChatOptions>,
    /// Refused with a conflict if it has changed since this revision.
    pub seen_rev: Option<u32>,
}

/// Which preset a new conversation begins with, and whether anything is filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    /// The folder's preset, or that of the nearest folder above that has one, else the account's default.
    #[default]
    AsUsual,
    With(PresetId),
    /// Nothing is filled in: what is left open stays open. The preset is only noted.
    Exactly(Option<PresetId>),
}

/// What a new conversation would begin with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    pub preset: Option<PresetName>,
    pub model: Option<String>,
    pub system_prompt: Option<String>,
    pub options: ChatOptions,
}

/// A template in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptRow {
    pub id: PromptId,
    pub name: String,
    /// The first words of its text.
    pub begins: String,
    pub rev: u32,
}

/// Everything of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    pub id: PromptId,
    pub name: String,
    pub body: String,
    pub rev: u32,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPrompt {
    pub name: String,
    pub body: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptPatch {
    pub name: Option<String>,
    pub body: Option<String>,
    /// Refused with a conflict if it has changed since this revision.
    pub seen_rev: Option<u32>,
}

/// The two kinds of things in a library file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Presets,
    Prompts,
}

/// What becomes of something whose name is taken, with other content, when a file is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It stays as it is.
    #[default]
    Keep,
    /// The file's takes its place.
    Replace,
}

/// What an import did, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub added: Vec<String>,
    pub replaced: Vec<String>,
    /// The name is taken by something else, which was kept.
    pub kept: Vec<String>,
    /// There already, just so.
    pub unchanged: Vec<String>,
    /// Of the other kind; not looked at further.
    pub others: u32,
}
