//! Work that goes on by itself: what is asked for, how far it has come, what became of it.
//!
//! A job outlives the window that began it. Work of the machine is a row of the system database; nothing of that is
//! content. Work on one account's own vault (`WorkKind::is_own`) is a row of that vault, where only its owner sees it.

mod kinds;

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use self::kinds::{Doer, Flow, Lane, WorkKind};
use super::{
    AccountId, Fault, JobId, RuleId,
    backup::Which,
    transfer::{ExportFormat, ExportScope},
};

/// Most rows of a page, and most items of a batch.
pub const PAGE_MAX: u32 = 200;
/// Longest Modelfile, bytes.
pub const MODELFILE_MAX: usize = 128 * 1024;

/// What a job does. Names of models are as a person typed them; they are checked when the job is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Downloads a model.
    Install(Download),
    /// Downloads it again, where the registry has another than the installed one.
    Update(Download),
    /// `forget`: with what the house wrote on it, its description, links, notes and tags. What the catalogue says stays.
    Remove {
        model: String,
        #[serde(default)]
        forget: bool,
    },
    Copy {
        from: String,
        to: String,
    },
    /// Ollama has no call for it: the model is copied, the copy compared, the old name removed.
    Rename {
        from: String,
        to: String,
    },
    Create(NewModel),
    /// Uploads it to the registry that its name says.
    Push {
        model: String,
        #[serde(default)]
        insecure: bool,
    },
    /// Into memory. `keep`: for how long after its last use, as Ollama writes it (`30m`, `-1` = for good); `None` = as usual.
    Load {
        model: String,
        keep: Option<String>,
    },
    /// Out of memory.
    Unload {
        model: String,
    },
    /// Measures it with the fixed prompts, while nobody chats.
    Benchmark {
        model: String,
        repeats: u32,
    },
    /// Makes a backup of everything.
    Backup {
        /// Of a rule: nothing where a rule has made one since this moment; and it is checked, and old ones are pruned.
        #[serde(default)]
        since: Option<i64>,
    },
    /// Checks a backup by restoring it into a scratch directory.
    VerifyBackup {
        which: Which,
    },
    /// Removes the backups that no longer are to be kept.
    PruneBackups,
    /// Puts a backup back: of everything, or the vault of one account. Only the process does it in which somebody has
    /// confirmed that.
    Restore {
        which: Which,
        account: Option<String>,
    },
    /// Looks through the whole system database and the audit trail.
    Check,
    /// One run of a rule (`api::rules`); what it begins are jobs of their own.
    Rule(RuleWork),
    /// Conversations of one account out of its vault.
    Export(ExportWork),
    /// Conversations from a file into the vault.
    Import {
        file: PathBuf,
        dry_run: bool,
    },
    /// What the account's rules say of old conversations.
    PutAway,
    /// The index that is searched with.
    Index,
}

/// An export as its row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportWork {
    pub scope: ExportScope,
    pub format: ExportFormat,
    /// `None` = through a pipe, to whoever reads that.
    pub to: Option<PathBuf>,
    #[serde(default)]
    pub overwrite: bool,
    /// With what the program records about the account.
    #[serde(default)]
    pub with_records: bool,
}

/// Which rule runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleWork {
    pub rule: RuleId,
    /// As it was called when the run began.
    pub name: String,
    /// Only says what it would do.
    #[serde(default)]
    pub dry_run: bool,
}

/// What is downloaded, and what of it somebody has agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    pub model: String,
    /// Whether another registry than Ollama's own is all right. Where the name says one (`registry_of`), it must be.
    #[serde(default)]
    pub foreign: bool,
    /// Whether the registry may be asked in the clear. Never by default.
    #[serde(default)]
    pub insecure: bool,
    /// The size that the registry told (`download_size`), bytes. With it the free space is looked at before the first byte.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A model to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewModel {
    pub model: String,
    /// The Modelfile's text.
    pub modelfile: String,
    /// What relative paths in it are meant from. `None` = from where the program was started.
    #[serde(default)]
    pub base: Option<PathBuf>,
    /// `q4_K_M`, `q4_K_S` or `q8_0`, for weights that are not quantised yet.
    #[serde(default)]
    pub quantize: Option<String>,
}

impl Work {
    #[must_use]
    pub fn install(model: impl Into<String>) -> Self {
        Self::Install(Download { model: model.into(), ..Download::default() })
    }

    /// What the house wrote on it stays.
    pub fn remove(model: impl Into<String>) -> Self {
        Self::Remove { model: model.into(), forget: false }
    }

    #[must_use]
    pub fn kind(&self) -> WorkKind {
        match self {
            Self::Install(_) => WorkKind::Install,
            Self::Update(_) => WorkKind::Update,
            Self::Remove { .. } => WorkKind::Remove,
            Self::Copy { .. } => WorkKind::Copy,
            Self::Rename { .. } => WorkKind::Rename,
            Self::Create(_) => WorkKind::Create,
            Self::Push { .. } => WorkKind::Push,
            Self::Load { .. } => WorkKind::Load,
            Self::Unload { .. } => WorkKind::Unload,
            Self::Benchmark { .. } => WorkKind::Benchmark,
            Self::Backup { .. } => WorkKind::Backup,
            Self::VerifyBackup { .. } => WorkKind::VerifyBackup,
            Self::PruneBackups => WorkKind::PruneBackups,
            Self::Restore { .. } => WorkKind::Restore,
            Self::Check => WorkKind::Check,
            Self::Rule(_) => WorkKind::Rule,
            Self::Export(_) => WorkKind::Export,
            Self::Import { .. } => WorkKind::Import,
            Self::PutAway => WorkKind::PutAway,
            Self::Index => WorkKind::Index,
        }
    }

    /// The model it is about; where there are two, the one that is there already. Of other work, the name of the backup,
    /// the rule or the file; empty where it is about everything.
    #[must_use]
    pub fn model(&self) -> &str {
        match self {
            Self::Install(download) | Self::Update(download) => &download.model,
            Self::Create(new) => &new.model,
            Self::Copy { from, .. } | Self::Rename { from, .. } => from,
            Self::Remove { model, .. }
            | Self::Push { model, .. }
            | Self::Load { model, .. }
            | Self::Unload { model }
            | Self::Benchmark { model, .. } => model,
            Self::VerifyBackup { which: Which::Named(name) }
            | Self::Restore { which: Which::Named(name), account: None } => name,
            Self::VerifyBackup { which: Which::At(path) } | Self::Restore { which: Which::At(path), account: None } => {
                path.to_str().unwrap_or_default()
            }
            Self::Restore { account: Some(account), .. } => account,
            Self::Rule(work) => &work.name,
            Self::Export(ExportWork { to: Some(file), .. }) | Self::Import { file, .. } => {
                file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
            }
            Self::Export(ExportWork { to: None, .. })
            | Self::Backup { .. }
            | Self::PruneBackups
            | Self::Check
            | Self::PutAway
            | Self::Index => "",
        }
    }

    /// The other name, where it is about two: the one that it gives, or the backup that an account's vault comes from.
    #[must_use]
    pub fn other(&self) -> Option<&str> {
        match self {
            Self::Copy { to, .. } | Self::Rename { to, .. } => Some(to),
            Self::Restore { which: Which::Named(name), account: Some(_) } => Some(name),
            Self::Restore { which: Which::At(path), account: Some(_) } => path.to_str(),
            Self::Install(_)
            | Self::Update(_)
            | Self::Create(_)
            | Self::Remove { .. }
            | Self::Push { .. }
            | Self::Load { .. }
            | Self::Unload { .. }
            | Self::Benchmark { .. }
            | Self::Backup { .. }
            | Self::VerifyBackup { .. }
            | Self::PruneBackups
            | Self::Restore { account: None, .. }
            | Self::Check
            | Self::Rule(_)
            | Self::Export(_)
            | Self::Import { .. }
            | Self::PutAway
            | Self::Index => None,
        }
    }
}

/// `install llama3.2:3b`, `rename a to b`, `check the store`. The names are foreign text.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Restore { account: Some(account), .. } = self {
            return write!(f, "put back the vault of {account} from {}", self.other().unwrap_or("a backup"));
        }
        f.write_str(self.kind().words())?;
        if !self.model().is_empty() {
            write!(f, " {}", self.model())?;
        }
        match self.other() {
            Some(other) => write!(f, " to {other}"),
            None => Ok(()),
        }
    }
}

/// The registry that a model's name says, if it is another than Ollama's own: `hf.co` of `hf.co/user/model`.
#[must_use]
pub fn registry_of(model: &str) -> Option<&str> {
    let mut parts = model.trim().split('/');
    let host = parts.next()?;
    (parts.count() == 2 && !host.eq_ignore_ascii_case("registry.ollama.ai")).then_some(host)
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// For its turn, or for `next_at`.
    Waiting,
    Running,
    /// Somebody stopped it for now; it keeps what it has.
    Paused,
    Done,
    Failed,
    Cancelled,
    /// Its process ended in the middle of it, and nobody goes on by itself. Only of work on one's own vault: that needs
    /// its owner's key.
    Interrupted,
}

impl JobState {
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Running, Self::Paused, Self::Done, Self::Failed, Self::Cancelled, Self::Interrupted];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether there is still something to come.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Running | Self::Paused => true,
            Self::Done | Self::Failed | Self::Cancelled | Self::Interrupted => false,
        }
    }
}

/// One row of the table of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    /// Its place in the order of beginning; pages go by it.
    pub seq: i64,
    pub work: Work,
    /// Who began it; `None` = a rule did.
    pub account: Option<AccountId>,
    /// That account's name today.
    pub by: Option<String>,
    pub state: JobState,
    /// How often it was begun.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<Fault>,
    /// When it is tried again, milliseconds since 1970.
    pub next_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub progress: JobProgress,
    /// What came of it, in words, once it is done.
    pub outcome: Option<String>,
    /// While it runs: whether it does so in this process.
    pub is_here: bool,
}

/// How far a job has come. Fine in the process that runs it, a few seconds old elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobProgress {
    /// What it is at: Ollama's words, or ours. Foreign text.
    pub step: String,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all, of what is known so far.
    pub of: Option<u64>,
    /// Whether `of` is the whole; otherwise more layers may come.
    pub of_is_whole: bool,
    /// Bytes a second, over the last seconds.
    pub rate: Option<u64>,
    /// Seconds that are left at that rate.
    pub eta_seconds: Option<u64>,
    /// For so many seconds nothing has moved; 0 = it moves.
    pub stalled_seconds: u64,
    /// Bytes that had been there and must be fetched once more: a part came damaged.
    pub fetched_again: u64,
    /// In the order of coming, the last 64.
    pub layers: Vec<Layer>,
}

/// One file of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The first 12 digits of its digest.
    pub digest: String,
    pub done: u64,
    pub of: u64,
}

/// Which jobs a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFilter {
    pub which: WhichJobs,
    pub kind: Option<WorkKind>,
    /// Part of a model's name, without regard to case. Empty = all.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichJobs {
    #[default]
    All,
    /// Waiting, running, paused.
    Open,
    /// Done, failed, cancelled, interrupted.
    Ended,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPage {
    pub rows: Vec<Job>,
    /// Pass back to get what follows.
    pub next: Option<i64>,
}

/// One list of the machine's jobs and one's own, newest first. Each keeps the order of its own rows, which is that of their
/// beginning; only between the two the clock decides.
#[must_use]
pub fn merged(jobs: impl IntoIterator<Item = Job>) -> Vec<Job> {
    let (mut own, mut house): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.work.kind().is_own());
    for rows in [&mut own, &mut house] {
        // Taken from the end.
        rows.sort_by_key(|job| job.seq);
    }
    let mut all = Vec::with_capacity(own.len() + house.len());
    loop {
        let takes_own = match (own.last(), house.last()) {
            (Some(mine), Some(theirs)) => mine.created_at >= theirs.created_at,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return all,
        };
        all.extend(if takes_own { own.pop() } else { house.pop() });
    }
}

/// Several pieces of work at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub works: Vec<Work>,
    /// Only says what would be done.
    pub dry_run: bool,
    /// Only puts them into the table: whichever window is open takes them up, or the next that opens. Otherwise this
    /// process does.
    pub detached: bool,
}

impl Batch {
    #[must_use]
    pub fn of(works: Vec<Work>) -> Self {
        Self { works, ..Self::default() }
    }
}

/// What became of one piece of a batch: a job, or a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchItem {
    pub work: Work,
    pub start: Start,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Of a dry run: what would be done.
    Would(String),
    Begun(Box<Job>),
    /// The very same was under way: this is it.
    UnderWay(Box<Job>),
    Refused(Fault),
}

/// What is asked of Ollama by people at this moment, in all windows on this machine together. Nothing says whose it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswersUnderWay {
    pub running: u32,
    /// For their turn.
    pub waiting: u32,
}

/// What the registry tells of a model, asked because somebody wanted to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadSize {
    pub model: String,
    /// Which registry was asked.
    pub registry: String,
    /// Bytes in all; layers that are here already are not fetched again.
    pub bytes: u64,
    /// SHA-256 of the manifest, hexadecimal: the digest that the model will have.
    pub digest: String,
    pub layers: Vec<Layer>,
    pub room: Room,
}

/// The space for models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Where Ollama keeps its models, as far as can be told from here.
    pub directory: Option<PathBuf>,
    /// Bytes that are free there.
    pub free: Option<u64>,
    /// Why it cannot be told, one sentence.
    pub unknown_because: Option<String>,
}

/// What a Modelfile asks for, once it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelfileSummary {
    pub from: String,
    /// Names of the parameters that are set.
    pub parameters: Vec<String>,
    pub has_template: bool,
    pub has_system: bool,
    pub licences: usize,
    pub messages: usize,
    pub adapters: usize,
}

/// What happened to a job. Told to those who may manage models, in every window of the process; of work on somebody's own
/// vault only to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobNews {
    /// It stands differently: begun, paused, to be tried again, ended.
    Changed(Box<Job>),
    Progress {
        job: JobId,
        progress: Box<JobProgress>,
    },
    /// Another process changed the table: read it anew.
    Elsewhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_written_with_its_kind_and_read_back() {
        let work = Work::Rename { from: "a".into(), to: "b".into() };
        let text = serde_json::to_string(&work).unwrap();
        assert_eq!(text, r#"{"kind":"rename","from":"a","to":"b"}"#);
        assert_eq!(serde_json::from_str::<Work>(&text).unwrap(), work);
        assert_eq!(
            serde_json::from_str::<Work>(r#"{"kind":"install","model":"m"}"#).unwrap(),
            Work::install("m"),
            "what somebody must agree to is not agreed to"
        );
        assert_eq!(work.to_string(), "rename a to b");
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn another_registry_is_noticed() {
        assert_eq!(registry_of("llama3"), None);
        assert_eq!(registry_of("user/llama3:x"), None);
        assert_eq!(registry_of("registry.ollama.ai/library/llama3"), None);
        assert_eq!(registry_of("hf.co/user/model:Q4"), Some("hf.co"));
    }
}
