//! The command line as types: what there is to type, and the words that explain it.
//!
//! Not here: what any of it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use super::{
    admin_args::{Audit, Preferences, Roles, SecondFactor, Sessions, Users},
    arrange_args::{Arrange, Retention, Tags},
    fleet_args::{Catalog, Filters, Find, Fit},
    library_args::{Presets, Prompts},
    notes_args::{Feedback, Notes},
    search_args::Search,
};

/// A terminal home for local models: private vaults, full history, streamed answers from a local Ollama.
#[derive(Debug, Parser)]
#[command(
    name = "ollamanet",
    version,
    subcommand_required = false,
    disable_help_subcommand = false,
    after_help = "Without a command the interface opens.\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage, 3 Ollama cannot be reached, 4 model not installed,\n\
        5 not signed in or not allowed, 78 unsafe data directory, 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Where accounts and vaults lie
    #[arg(long, global = true, value_name = "DIR", env = "OLLAMANET_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// Another settings file
    #[arg(long, global = true, value_name = "FILE", env = "OLLAMANET_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// One setting for this run, such as ui.theme=light
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    pub settings: Vec<String>,
    /// Sign in as this account, for this command only
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Read passphrases and codes from this open file descriptor, a line each (never from an argument)
    #[arg(long, global = true, value_name = "N")]
    pub passphrase_fd: Option<u32>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask a model; the answer streams to standard output
    Ask(Ask),
    /// Look through and change your conversations
    #[command(subcommand)]
    Conversations(Conversations),
    /// Look through and change your folders
    #[command(subcommand)]
    Folders(Folders),
    /// Your notes on passages, messages and conversations
    #[command(subcommand)]
    Notes(Notes),
    /// Rate answers, and see what you thought of which model
    #[command(subcommand)]
    Feedback(Feedback),
    /// Find words in everything that was said and written
    Search(Search),
    /// Named sets of model, system prompt and options
    #[command(subcommand)]
    Presets(Presets),
    /// Prompt templates with places to fill in
    #[command(subcommand)]
    Prompts(Prompts),
    /// Look through and change your tags
    #[command(subcommand)]
    Tags(Tags),
    /// Rules by which old conversations go away on their own, off until you set them
    #[command(subcommand)]
    Retention(Retention),
    /// See which models there are, install them, remove them
    #[command(subcommand)]
    Models(Models),
    /// All models that are known: tags, descriptions, notes, and the catalogue itself
    #[command(subcommand)]
    Catalog(Catalog),
    /// Work that goes on by itself, such as downloads of models
    #[command(subcommand)]
    Jobs(super::job_args::Jobs),
    /// Your own use in figures: messages, tokens, times, models, ratings
    Insights(super::insights_args::Insights),
    /// Check Ollama, store, disk, jobs, backups and clock; exit code 0 = well or warnings only, 1 = bad, 3 = no Ollama
    Health(super::health_args::Health),
    /// What was counted in this hour: calls, databases, Ollama, answers; for administrators
    Metrics(super::operations_args::Metrics),
    /// Check everything and explain each fix
    Doctor,
    /// Settings of the file: show, path, check, default; those of the house are under `settings`
    #[command(subcommand)]
    Config(Config),
    /// Accounts and signing in
    #[command(subcommand)]
    Account(Account),
    /// Your sign-ins that still run
    #[command(subcommand)]
    Sessions(Sessions),
    /// Administer accounts
    #[command(subcommand)]
    Users(Users),
    /// Administer roles: permissions, limits, models
    #[command(subcommand)]
    Roles(Roles),
    /// Settings of the house: what an administrator sets for everybody, with its history
    #[command(subcommand)]
    Settings(super::settings_args::Settings),
    /// What was done by whom
    #[command(subcommand)]
    Audit(Audit),
    /// The whole house in figures: use, speed, failures, storage; never content
    #[command(subcommand)]
    Report(super::report_args::Reports),
    /// What is done by itself, and when: backups, updates, unloading idle models
    #[command(subcommand)]
    Rules(super::rules_args::Rules),
    /// Backups of everything: made while everybody works, proved, put back
    #[command(subcommand)]
    Backup(super::backup_args::Backup),
    /// Try the whole program against a built-in stand-in for Ollama; nothing is kept
    Demo,
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print a manual page
    Man {
        /// The page of this command
        command: Option<String>,
    },
}

#[derive(Args, Debug)]
pub struct Ask {
    /// The question. What comes on standard input stands before it
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
    /// The model; otherwise the conversation's, the configured or the first installed one
    #[arg(short, long)]
    pub model: Option<String>,
    /// The system prompt
    #[arg(short, long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Begin with this preset, or with -c set the conversation to it
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Ask what this prompt template says; words that follow stand behind it
    #[arg(long = "prompt", value_name = "NAME")]
    pub template: Option<String>,
    /// What the template asks for; may be repeated
    #[arg(short = 'V', long = "var", value_name = "NAME=VALUE", requires = "template")]
    pub values: Vec<String>,
    /// Go on with a conversation: the last one, or -c=ID or -c=TITLE
    #[arg(
        short,
        long = "continue",
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "last",
        conflicts_with_all = ["new", "folder"]
    )]
    pub continued: Option<String>,
    /// Begin a new conversation; so it is without -c
    #[arg(long)]
    pub new: bool,
    /// Put the new conversation into this folder
    #[arg(long)]
    pub folder: Option<String>,
    /// Attach a file: text, PDF, Word or an image; may be repeated
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// An option such as temperature=0.2; may be repeated
    #[arg(short, long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<String>,
    /// The shape of the answer: json, a JSON schema, or a file with one
    #[arg(long, value_name = "SHAPE")]
    pub format: Option<String>,
    /// Let the model think first, and show it on standard error: on, off, low, medium, high or max
    // Empty where no level was given with it: the next word may be one, and if not, it is on.
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub think: Option<String>,
    /// When the conversation does not fit the model's window, leave out its oldest messages
    #[arg(long)]
    pub shorten: bool,
}

/// How much of a list is printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct Paging {
    /// At most so many rows
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Every row
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

impl Paging {
    /// The most rows to print.
    #[must_use]
    pub fn most(self) -> usize {
        if self.all { usize::MAX } else { self.limit as usize }
    }
}

#[derive(Debug, Subcommand)]
pub enum Conversations {
    /// List conversations, most recently used first
    #[command(visible_alias = "ls")]
    List {
        /// Only titles that contain this; a word such as #rust is a tag that begins so
        filter: Option<String>,
        #[command(flatten)]
        paging: Paging,
        /// Only those that carry this tag; may be repeated
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
        /// Only those in this folder
        #[arg(long, conflicts_with = "shelf")]
        folder: Option<String>,
        /// Which of them
        #[arg(long, value_enum, default_value_t = ShelfName::Recent)]
        shelf: ShelfName,
    },
    /// Print a conversation, newest messages last
    Show {
        /// Id, the beginning or end of one, title, or `last`
        conversation: String,
        #[command(flatten)]
        paging: Paging,
        /// Show thinking too
        #[arg(long)]
        thinking: bool,
    },
    /// Give a conversation another title
    Rename { conversation: String, title: String },
    /// Move conversations to the trash
    Delete {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// Only say what would go there
        #[arg(long)]
        dry_run: bool,
    },
    /// Take conversations out of the trash
    Restore {
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    #[command(flatten)]
    Arrange(Arrange),
    /// Say where the time of an answer went, and what would make it faster
    Why(super::operations_args::Why),
    /// Write conversations into a file
    Export(super::transfer_args::Export),
    /// Bring conversations in from files; doing it again adds nothing twice
    Import(super::transfer_args::Import),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShelfName {
    /// All that are neither archived nor in the trash
    Recent,
    Pinned,
    /// In no folder
    Unfiled,
    Archive,
    Trash,
}

#[derive(Debug, Subcommand)]
pub enum Folders {
    /// List folders as a tree, with the number of conversations in each
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Make a folder
    Create {
        name: String,
        /// Inside this folder
        #[arg(long = "in", value_name = "FOLDER")]
        parent: Option<String>,
    },
    /// Give a folder another name
    Rename { folder: String, name: String },
    /// Put a folder inside another
    Move {
        folder: String,
        /// The folder to put it in
        #[arg(long, value_name = "FOLDER", required_unless_present = "top")]
        to: Option<String>,
        /// To the top, into no other folder
        #[arg(long, conflicts_with = "to")]
        top: bool,
    },
    /// Say or set what conversations that begin in a folder, or below it, begin with
    Preset {
        folder: String,
        /// This preset from now on: its name or id
        preset: Option<String>,
        /// None of its own: that of the folder above, or the account's
        #[arg(long, conflicts_with = "preset")]
        none: bool,
    },
    /// Remove a folder
    Delete {
        folder: String,
        /// Where its content goes; must be said when there is any
        #[arg(long, value_enum)]
        content: Option<ContentGoes>,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ContentGoes {
    /// Folders and conversations move up to where the folder was
    MoveUp,
    /// Conversations go to the trash
    Trash,
}

#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the installed models, or whichever are known and fit a filter
    #[command(visible_alias = "ls")]
    List(Find),
    /// Everything that is known about a model
    Show { model: String },
    /// Whether models fit this machine, and why
    Fit(Fit),
    /// Your saved filters for the list of models
    #[command(subcommand)]
    Filter(Filters),
    /// List the loaded models and the memory they take
    Ps {
        #[command(flatten)]
        paging: Paging,
    },
    #[command(flatten)]
    Measures(super::measures_args::ModelMeasures),
    /// What models were used for, how fast they really were, how they were liked
    Usage(super::measures_args::Usage),
    #[command(flatten)]
    Jobs(super::job_args::ModelJobs),
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Every setting with its value and where it comes from
    Show,
    /// Where the settings file is
    Path,
    /// Name every mistake in the settings, the environment and the keys
    Check,
    /// Print a settings file with every setting explained
    Default,
}

#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make the first account, an administrator's; prints its recovery code once
    Create {
        name: String,
        #[command(flatten)]
        stay: Stay,
        /// Use a generated passphrase and print it
        #[arg(long)]
        generate: bool,
    },
    /// Sign in
    SignIn {
        name: String,
        #[command(flatten)]
        stay: Stay,
    },
    /// Sign out, and no longer stay signed in
    SignOut,
    /// Who is signed in
    Whoami,
    /// Change your passphrase; your other sessions end. From a descriptor: the old one, then the new one, a line each
    ChangePassphrase,
    /// Set a new passphrase with the recovery code. From a descriptor: the code, then the passphrase, a line each
    Recover {
        name: String,
        #[command(flatten)]
        stay: Stay,
    },
    /// Make an account for yourself, where registration is open; prints its recovery code once
    Register {
        name: String,
        #[command(flatten)]
        stay: Stay,
    },
    /// Come in with a one-time code and set a passphrase. From a descriptor: the code, the recovery code where
    /// --recovery-code says so, the passphrase, a line each
    Activate {
        name: String,
        /// After a reset: the recovery code opens the old vault; without it that one stays sealed
        #[arg(long)]
        recovery_code: bool,
        #[command(flatten)]
        stay: Stay,
    },
    /// Your account, as it is set up
    Profile,
    /// The name that others see
    DisplayName {
        #[arg(required_unless_present = "clear")]
        name: Option<String>,
        /// Have none
        #[arg(long, conflicts_with = "name")]
        clear: bool,
    },
    /// What new conversations begin with, and the theme
    #[command(subcommand)]
    Preferences(Preferences),
    /// The codes of an authenticator, asked for after the passphrase
    #[command(subcommand)]
    SecondFactor(SecondFactor),
    /// Make a new recovery code and print it once; the old one stops working
    RecoveryCode,
    /// Vaults of yours that are kept sealed: after a reset, or because another was opened in their place
    #[command(subcommand)]
    Sealed(Sealed),
    /// What is left of your limits
    Limits,
    /// What is recorded about your account, newest first
    Activity {
        #[command(flatten)]
        paging: Paging,
    },
    /// Write everything of yours into one archive that reads without this program
    Export {
        /// A file that is not there yet
        file: PathBuf,
    },
    /// Remove your account and everything in it for good
    Delete {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Sealed {
    /// List them, the last one sealed first
    #[command(visible_alias = "ls")]
    List,
    /// Open one in the place of your present vault, which is sealed and kept. From a descriptor: your passphrase, then its
    /// recovery code where it needs one, a line each
    Open {
        /// The beginning or end of its id
        vault: String,
        #[command(flatten)]
        stay: Stay,
    },
    /// Forget one and everything in it for good
    Forget {
        /// The beginning or end of its id
        vault: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Clone, Copy, Debug)]
pub struct Stay {
    /// Stay signed in on this OS account
    #[arg(long)]
    pub stay: bool,
}
