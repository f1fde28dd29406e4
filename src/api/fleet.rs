//! The fleet: every model that is known, installed or not, in one list; what each is, whether it fits this machine, and
//! what the house wrote on it.
//!
//! What nobody knows is `None`, never 0 and never an empty text: it meets no filter and is sorted last in both
//! directions.

use serde::{Deserialize, Serialize};

use super::{
    models::{Loaded, ModelDetail},
    organise::Cursor,
};

/// Longest description and longest notes of one model, bytes.
pub const CARD_MAX: usize = 16 * 1024;
/// Most links of one model, and the longest of them in bytes.
pub const LINKS_MAX: usize = 20;
pub const LINK_MAX: usize = 2_000;
/// Longest name of a tag and of a category, characters.
pub const TAG_MAX: usize = 100;
/// Most tags that one model carries, and most models that are tagged at once.
pub const TAGS_PER_MODEL_MAX: usize = 50;
pub const TAGGED_AT_ONCE_MAX: usize = 10_000;
/// Most saved filters of one account; longest name in characters, longest text in bytes.
pub const FILTERS_MAX: usize = 100;
pub const FILTER_NAME_MAX: usize = 100;
pub const FILTER_TEXT_MAX: usize = 1_000;

/// What is looked for in the list of models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Words, matched loosely, and typed filters in any order: `coder cap:tools size:<8GB`.
    pub text: String,
    /// Tags of the house that the models must carry, without regard to case.
    pub tags: Vec<String>,
    pub tags_by: Match,
    /// `None`: the best match first where words were typed, else installed models first, then by name.
    pub sort: Option<Sort>,
    pub per: Per,
    pub at: Place,
    /// Rows of a page, 1 to `organise::PAGE_MAX`.
    pub limit: u32,
    pub freshness: Freshness,
}

impl Query {
    /// The first page for a typed text.
    pub fn typed(text: impl Into<String>, limit: u32) -> Self {
        Self {
            text: text.into(),
            tags: Vec::new(),
            tags_by: Match::All,
            sort: None,
            per: Per::Model,
            at: Place::Start,
            limit,
            freshness: Freshness::Usual,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    Any,
    #[default]
    All,
}

/// What one row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A model with its tag: what can be installed, run and removed.
    #[default]
    Model,
    /// All tags of a family that fit the query, shown by one of them: an installed one, else `latest`, else the first.
    Family,
}

/// Which page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    #[default]
    Start,
    After(Cursor),
    Before(Cursor),
    End,
}

/// How new the list of installed models has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Whatever is at hand, without asking Ollama: for a key press, and for the first paint.
    Kept,
    /// Asks Ollama when the last list is older than the settings say.
    #[default]
    Usual,
    /// Asks Ollama in any case.
    Fresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sort {
    pub column: Column,
    pub descending: bool,
}

/// What can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    Name,
    Family,
    Size,
    Parameters,
    Quantization,
    Context,
    /// By how many there are.
    Capabilities,
    License,
    /// By when it was installed or changed last.
    Installed,
    /// By the memory it takes now.
    Loaded,
    LastUsed,
    Speed,
    Rating,
    Fit,
    Released,
}

impl Column {
    pub const ALL: [Self; 15] = [
        Self::Name,
        Self::Family,
        Self::Size,
        Self::Parameters,
        Self::Quantization,
        Self::Context,
        Self::Capabilities,
        Self::License,
        Self::Installed,
        Self::Loaded,
        Self::LastUsed,
        Self::Speed,
        Self::Rating,
        Self::Fit,
        Self::Released,
    ];

    /// As it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Family => "family",
            Self::Size => "size",
            Self::Parameters => "params",
            Self::Quantization => "quant",
            Self::Context => "ctx",
            Self::Capabilities => "cap",
            Self::License => "license",
            Self::Installed => "installed",
            Self::Loaded => "loaded",
            Self::LastUsed => "used",
            Self::Speed => "speed",
            Self::Rating => "rated",
            Self::Fit => "fits",
            Self::Released => "released",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.as_str().eq_ignore_ascii_case(text))
    }
}

/// One page of the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Where the first row stands among all that were found.
    pub first: u64,
    /// How many were found.
    pub total: u64,
    /// How many there are for this account, whatever was asked for.
    pub known: u64,
    pub next: Option<Cursor>,
    pub previous: Option<Cursor>,
    /// Each tag of the house with the number of models that fit the text, whatever tags were asked for.
    pub tags: Vec<ModelTag>,
    /// How old the list of installed models is, milliseconds; `None` = Ollama has not answered yet.
    pub age_ms: Option<u64>,
    /// Why it could not be refreshed, if it could not.
    pub stale_because: Option<String>,
    pub catalogue: CatalogueState,
    /// Whether this machine has been looked at: until then nothing is said about what fits.
    pub is_machine_known: bool,
}

/// A model as the list shows it. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Row {
    /// With its tag: `llama3.2:3b`, `user/model:latest`, `hf.co/user/repo:Q4_K_M`.
    pub name: String,
    /// The same for all tags of a family: the name without its tag.
    pub family: String,
    /// As Ollama tells it once it is installed: `llama`, `qwen3`.
    pub architecture: Option<String>,
    pub publisher: Option<String>,
    /// What the house says it is, else what the catalogue says.
    pub summary: Option<String>,
    pub license: Option<String>,
    /// As published: `3.2B`.
    pub parameters: Option<String>,
    /// The same as a number.
    pub parameter_count: Option<u64>,
    pub quantization: Option<String>,
    /// Size on disk. Exact once installed; the catalogue's figures are rounded.
    pub bytes: Option<u64>,
    pub is_exact: bool,
    /// The trained maximum, tokens.
    pub context_length: Option<u32>,
    /// `completion`, `tools`, `vision` … (open list); `None` where nobody says.
    pub capabilities: Option<Vec<String>>,
    pub topics: Vec<String>,
    /// Year and month: `2026-03`.
    pub released: Option<String>,
    pub installed: Option<Installed>,
    pub loaded: Option<Loaded>,
    /// Runs on Ollama's servers, not here.
    pub is_remote: bool,
    /// Only for Apple's MLX engine, by its name, while this is another machine.
    pub is_for_apple: bool,
    /// Whether the catalogue knows it.
    pub is_catalogued: bool,
    /// Tags of the house.
    pub tags: Vec<String>,
    /// Whether the house wrote notes on it.
    pub has_notes: bool,
    /// When the caller had it answer last, milliseconds since 1970.
    pub last_used_at: Option<i64>,
    /// Tokens a second over all answers of everybody.
    pub speed: Option<f64>,
    /// Thumbs of everybody.
    pub rating: Option<Rating>,
    pub fit: Fit,
    /// How many tags of the family fit the query; 1 unless rows stand for families.
    pub variants: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    pub digest: String,
    /// RFC 3339.
    pub modified_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    pub liked: u32,
    pub disliked: u32,
}

impl Rating {
    /// Likes less dislikes.
    #[must_use]
    pub fn balance(self) -> i64 {
        i64::from(self.liked) - i64::from(self.disliked)
    }
}

/// Everything about one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub row: Row,
    /// What Ollama tells of an installed model: parameters, template, system prompt, licence, Modelfile.
    pub shown: Option<ModelDetail>,
    /// Why Ollama tells nothing, although the model is installed.
    pub not_shown_because: Option<String>,
    pub card: Card,
    /// All tags and quantisations of its family, the smallest first.
    pub variants: Vec<Variant>,
}

/// One tag of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// With the family: `llama3.2:3b`.
    pub name: String,
    pub parameters: Option<String>,
    pub quantization: Option<String>,
    pub bytes: Option<u64>,
    pub is_exact: bool,
    pub context_length: Option<u32>,
    pub is_installed: bool,
    pub verdict: Verdict,
}

/// What the house wrote on a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub description: Option<String>,
    pub links: Vec<String>,
    pub notes: Option<String>,
    /// 0 = nothing was written yet. A change names the one it saw, so that no update is lost.
    pub rev: u32,
    /// Milliseconds since 1970.
    pub changed_at: Option<i64>,
}

/// What becomes of a card: `None` leaves a part as it is, an empty one takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPatch {
    pub description: Option<String>,
    pub links: Option<Vec<String>>,
    pub notes: Option<String>,
}

/// A tag of the house for models. Its name is unique without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelTag {
    pub name: String,
    /// Empty = none.
    pub category: String,
    /// How many models carry it.
    pub models: u64,
}

/// Whether a model runs on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Wholly in the GPU's memory.
    Gpu,
    /// In part in the GPU's memory, the rest in main memory.
    Partly,
    /// In main memory.
    Ram,
    TooBig,
    #[default]
    Unknown,
}

impl Verdict {
    /// In a word or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Gpu => "GPU",
            Self::Partly => "GPU in part",
            Self::Ram => "memory",
            Self::TooBig => "too big",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it runs here at all; `None` = nobody knows.
    #[must_use]
    pub fn runs(self) -> Option<bool> {
        match self {
            Self::Gpu | Self::Partly | Self::Ram => Some(true),
            Self::TooBig => Some(false),
            Self::Unknown => None,
        }
    }
}

/// The verdict with its figures. Bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    pub verdict: Verdict,
    /// The window it is judged for, tokens.
    pub context: Option<u32>,
    /// Memory it takes in all.
    pub needs: Option<u64>,
    /// Of these: the weights, the cache of the context, and room to work. `None` where it was measured, which tells
    /// only the sum.
    pub parts: Option<Parts>,
    /// Of `needs`, what goes into the GPU's memory.
    pub in_gpu: Option<u64>,
    /// Whether it ran here with this window, and these are the figures of that.
    pub is_measured: bool,
    /// The reason, in whole sentences.
    pub because: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    pub weights: u64,
    pub context_cache: u64,
    pub working: u64,
    /// Whether the cache was computed from the model's own figures, and not guessed by its size.
    pub is_cache_exact: bool,
}

/// What this machine has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Main memory, bytes.
    pub memory: Option<u64>,
    pub gpus: Vec<Gpu>,
    /// Whether Ollama runs on it. On another one its memory is not known.
    pub is_ollamas: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    pub name: String,
    /// Bytes.
    pub memory: u64,
    /// Shares main memory, so that the two do not add up.
    pub is_shared: bool,
}

/// Which catalogue is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueState {
    /// Of which day it is: `2026-08-21`.
    pub dated: String,
    pub families: u64,
    pub tags: u64,
    /// Milliseconds since 1970; `None` = the one that came with the program.
    pub imported_at: Option<i64>,
}

/// A filter that somebody keeps under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFilter {
    pub name: String,
    pub text: String,
}

/// How much of what was asked for was at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheFigures {
    pub kinds: Vec<CacheKind>,
    /// Bytes that everything may take, and takes.
    pub most_bytes: u64,
    pub bytes: u64,
}

impl CacheFigures {
    /// Hits of all lookups, in percent; `None` before the first.
    #[must_use]
    pub fn hit_percent(&self) -> Option<u8> {
        percent(self.kinds.iter().map(|kind| kind.hits).sum(), self.kinds.iter().map(|kind| kind.misses).sum())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKind {
    /// `lists`, `details`, `facts`, `manifests`.
    pub name: String,
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
    pub bytes: u64,
}

impl CacheKind {
    #[must_use]
    pub fn hit_percent(&self) -> Option<u8> {
        percent(self.hits, self.misses)
    }
}

fn percent(hits: u64, misses: u64) -> Option<u8> {
    let all = hits + misses;
    (all > 0).then(|| u8::try_from(hits * 100 / all).unwrap_or(100))
}
