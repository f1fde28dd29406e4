//! What reaches the interface, and what it asks for. Nested per screen, never one enum for the whole program.

mod account;
mod admin;
mod auth;
mod chat;
mod compare;
mod files;
mod health;
pub mod house;
mod insights;
mod jobs;
mod library;
mod metrics;
mod models;
mod notes;
mod organise;
mod overview;
mod rules;
mod search;
mod shell;
mod templates;
mod transfer;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};

use super::{actions::Action, widgets::toast::Toast};
use crate::api::events::Event;

pub use self::{
    account::{AccountCall, AccountReply, OpenSealed},
    admin::{AdminCall, AdminReply, BackupWork, Target, UserAct, limit_of},
    auth::{AuthCall, AuthReply},
    chat::{ChatCall, ChatReply},
    compare::{CompareAsk, CompareCall, CompareFigures, CompareReply},
    files::{FilesCall, FilesReply},
    health::{HealthCall, HealthReply},
    insights::{InsightsCall, InsightsReply},
    jobs::{JobAct, JobsCall, JobsOf, JobsReply, Monitored, Offer},
    library::{LibraryCall, LibraryReply, Rows, Thing, Whole, Written},
    metrics::{MetricsCall, MetricsReply, Read},
    models::{ModelsCall, ModelsReply, TagAct},
    notes::{ListCall, ListReply, NoteCall, NoteReply, NotesOf, spot_of},
    organise::{Arrange, OrganiseCall, OrganiseReply},
    overview::{OverviewCall, OverviewReply},
    rules::{RulesCall, RulesReply},
    search::{SearchCall, SearchReply, Spot},
    shell::{Clip, Copied, ShellCall, ShellReply},
    templates::{UseCall, UseReply},
    transfer::{TransferCall, TransferReply},
};

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// A bracketed paste, newlines normalised, otherwise as it came.
    Paste(String),
    Resize(u16, u16),
    Focus(bool),
    /// A timer that was asked for with `Effect::After` is due.
    Timer(Timer),
    /// From the gateway's event stream.
    Event(Event),
    Auth(AuthReply),
    Account(AccountReply),
    Chat(ChatReply),
    Notes(NoteReply),
    Admin(AdminReply),
    Insights(InsightsReply),
    Library(LibraryReply),
    Jobs(JobsReply),
    Models(ModelsReply),
    Search(SearchReply),
    Shell(ShellReply),
    Transfer(TransferReply),
    /// The colours that were asked for with `Effect::Highlight`.
    Highlighted(crate::ui::text::highlight::Highlighted),
}

/// Something should be done. Only `perform.rs` does it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful per key press, moved once")]
pub enum Effect {
    Auth(AuthCall),
    Account(AccountCall),
    Chat(ChatCall),
    Notes(NoteCall),
    Admin(AdminCall),
    Insights(InsightsCall),
    Library(LibraryCall),
    Jobs(JobsCall),
    Models(ModelsCall),
    Search(SearchCall),
    Shell(ShellCall),
    Transfer(TransferCall),
    After(Duration, Timer),
    /// Colours a block of code away from the screen; answered by `Msg::Highlighted`.
    Highlight(crate::ui::text::highlight::Job),
    /// A passing notice. The shell shows it; it never leaves the machine.
    Toast(Toast),
    /// Does what the key of this action would do: for `/help`, `/quit`, a click. Handled by the shell, like a toast.
    Act(Action),
    /// Shows a place in a conversation. Handled by the shell, which leads to the chat.
    OpenAt(Box<Spot>),
    /// Begins with a preset, or writes with a template. Handled by the shell, which leads to the chat.
    Use(Thing),
    /// Asks this model. Handled by the shell, which leads to the chat.
    UseModel(String),
    /// These were refused until the passphrase is typed once more: the shell asks for it and does them again.
    Confirm(Vec<Effect>),
}

/// Why the interface wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next frame of a spinner; only while something runs.
    Spinner,
    /// Time to look whether the idle lock is due.
    IdleLock,
    /// The draft has been still long enough to be stored.
    SaveDraft,
    /// A toast has been read.
    Toast(u64),
    /// The next look at what runs, while the jobs tray is open.
    Jobs,
    /// Jobs have moved on since they were drawn last.
    JobsMoved,
    /// Time to look whether Ollama is still there.
    Health,
    /// The ages of what was checked are told anew, as long as they are on view.
    HealthAges,
    /// The second Ctrl+C did not come.
    QuitLadder,
    /// The text in a search or filter box has been still long enough to be looked up.
    Settle(u64),
    /// The passphrase has been still long enough to be judged.
    Judge(u64),
}
