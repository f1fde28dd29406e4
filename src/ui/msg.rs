//! What reaches the interface, and what it asks for. Nested per screen, never one enum for the whole program.

mod admin;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};

use super::{actions::Action, widgets::toast::Toast};
use crate::api::{
    ConversationId, Fault, FolderId, MessageId, SessionId, TurnId,
    admin::SessionRow,
    auth::{Activation, Door, HalfWay, NewAccount, Secret, SignedIn, Strength},
    chat::{Attachment, ContextMeter, Draft, MessagePage, NewTurn, Opened, PastPrompt, Planned, TurnStarted},
    events::Event,
    health::Health,
    models::{ModelDetail, ModelList},
    organise::{
        Conversation, ConversationPatch, ConversationRow, Cursor, Folder, FolderContent, NewConversation, Page, Shelf,
        Tree,
    },
    profile::{Activity, Allowance, Enrolment, ExportReport, Preferences, Profile},
};
use crate::{config::live::Current, tasks::Running};

pub use admin::{AdminCall, AdminReply, Target, UserAct, limit_of};

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
    Admin(AdminReply),
    Shell(ShellReply),
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
    Admin(AdminCall),
    Shell(ShellCall),
    After(Duration, Timer),
    /// Colours a block of code away from the screen; answered by `Msg::Highlighted`.
    Highlight(crate::ui::text::highlight::Job),
    /// A passing notice. The shell shows it; it never leaves the machine.
    Toast(Toast),
    /// Does what the key of this action would do: for `/help`, `/quit`, a click. Handled by the shell, like a toast.
    Act(Action),
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
    /// Time to look whether Ollama is still there.
    Health,
    /// The second Ctrl+C did not come.
    QuitLadder,
    /// The text in a search or filter box has been still long enough to be looked up.
    Settle(u64),
    /// The passphrase has been still long enough to be judged.
    Judge(u64),
}

/// Calls that belong to the shell: the program, the terminal, the machine.
#[derive(Debug)]
pub enum ShellCall {
    Quit,
    /// Ctrl+Z: restore the terminal and stop; redraw when continued.
    Suspend,
    /// To the clipboard; answered by `ShellReply::Copied`.
    Copy(Clip),
    /// Hands the text to `$VISUAL`/`$EDITOR`; answered by `ShellReply::Edited`.
    Edit(String),
    Health,
    StartOllama,
    /// What runs in the background, anew; answered by `ShellReply::Jobs`, which also comes unasked at each change.
    Jobs,
}

/// What goes to the clipboard: safe text, and how many characters were left out to make it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    pub text: String,
    pub hidden: usize,
}

/// What has been copied, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    pub characters: usize,
    pub hidden: usize,
}

#[derive(Debug)]
pub enum ShellReply {
    /// The editor's text, or why there is none.
    Edited(Result<String, Fault>),
    /// What is in the clipboard now, or why it is not.
    Copied(Result<Copied, Fault>),
    Health(Result<Health, Fault>),
    StartedOllama(Result<Health, Fault>),
    Jobs(Vec<Running>),
    /// Somebody outside asked us to stop for a while (SIGTSTP).
    StopRequested,
    /// Back from the shell, or why not.
    Back(Result<(), Fault>),
    /// The settings changed while we run; what can change does.
    Settings(Box<Current>),
    /// The changed settings have mistakes: these, and the old ones stay.
    SettingsRefused(Fault),
}

#[derive(Debug)]
pub enum AuthCall {
    Door,
    /// The number comes back with the judgement, so that a late one is not shown for newer text.
    Judge {
        asked: u64,
        name: String,
        passphrase: Secret,
    },
    Propose,
    CreateFirstAdmin(NewAccount),
    Register(NewAccount),
    Activate(Activation),
    SignIn {
        name: String,
        passphrase: Secret,
    },
    /// The second half of a sign-in.
    SecondFactor {
        half: HalfWay,
        code: Secret,
    },
    Recover {
        name: String,
        code: Secret,
        new: Secret,
    },
    StaySignedIn(bool),
    SignOut,
    Lock,
    Unlock(Secret),
    ChangePassphrase {
        current: Secret,
        new: Secret,
    },
    /// The passphrase once more, for what wants it fresh.
    Confirm(Secret),
}

#[derive(Debug)]
pub enum AuthReply {
    Door(Result<Door, Fault>),
    Judged {
        asked: u64,
        strength: Result<Strength, Fault>,
    },
    Proposed(Result<Secret, Fault>),
    SignedIn(Result<Box<SignedIn>, Fault>),
    /// The passphrase fits; the second factor is asked for.
    HalfWay(HalfWay),
    Stayed(Result<bool, Fault>),
    SignedOut(Result<(), Fault>),
    Locked(Result<(), Fault>),
    Unlocked(Result<(), Fault>),
    PassphraseChanged(Result<(), Fault>),
    Confirmed(Result<(), Fault>),
}

/// Calls about one's own account.
#[derive(Clone, Debug)]
pub enum AccountCall {
    Profile,
    SetDisplayName(Option<String>),
    Preferences,
    SetPreferences(Box<Preferences>),
    Allowance,
    Activity {
        before: Option<i64>,
        limit: u32,
    },
    Sessions,
    EndSession(SessionId),
    EndOthers,
    /// The passphrase once more, for what asks for a fresh one.
    Confirm(Secret),
    BeginSecondFactor,
    AddSecondFactor(Secret),
    RemoveSecondFactor(Secret),
    NewSecondFactorCodes(Secret),
    NewRecoveryCode,
    /// A leading `~` is the home directory's.
    Export(std::path::PathBuf),
    Delete,
    /// To choose the default from.
    Models,
}

#[derive(Debug)]
pub enum AccountReply {
    Profile(Result<Box<Profile>, Fault>),
    DisplayNameSet(Result<(), Fault>),
    Preferences(Result<Box<Preferences>, Fault>),
    /// With what holds from now on.
    PreferencesSet(Result<Box<Preferences>, Fault>),
    Allowance(Result<Vec<Allowance>, Fault>),
    Activity {
        before: Option<i64>,
        activity: Result<Activity, Fault>,
    },
    Sessions(Result<Vec<SessionRow>, Fault>),
    SessionEnded(Result<(), Fault>),
    OthersEnded(Result<u32, Fault>),
    Confirmed(Result<(), Fault>),
    Proposed(Result<Enrolment, Fault>),
    /// The recovery codes of the second factor, shown once.
    Added(Result<Vec<Secret>, Fault>),
    Removed(Result<(), Fault>),
    NewCodes(Result<Vec<Secret>, Fault>),
    RecoveryCode(Result<Secret, Fault>),
    Exported(Result<ExportReport, Fault>),
    Deleted(Result<(), Fault>),
    Models(Result<ModelList, Fault>),
}

impl AccountReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Profile(Err(fault))
            | Self::DisplayNameSet(Err(fault))
            | Self::Preferences(Err(fault))
            | Self::PreferencesSet(Err(fault))
            | Self::Allowance(Err(fault))
            | Self::Activity { activity: Err(fault), .. }
            | Self::Sessions(Err(fault))
            | Self::SessionEnded(Err(fault))
            | Self::OthersEnded(Err(fault))
            | Self::Confirmed(Err(fault))
            | Self::Proposed(Err(fault))
            | Self::Added(Err(fault))
            | Self::Removed(Err(fault))
            | Self::NewCodes(Err(fault))
            | Self::RecoveryCode(Err(fault))
            | Self::Exported(Err(fault))
            | Self::Deleted(Err(fault))
            | Self::Models(Err(fault)) => Some(fault),
            Self::Profile(Ok(_))
            | Self::DisplayNameSet(Ok(()))
            | Self::Preferences(Ok(_))
            | Self::PreferencesSet(Ok(_))
            | Self::Allowance(Ok(_))
            | Self::Activity { activity: Ok(_), .. }
            | Self::Sessions(Ok(_))
            | Self::SessionEnded(Ok(()))
            | Self::OthersEnded(Ok(_))
            | Self::Confirmed(Ok(()))
            | Self::Proposed(Ok(_))
            | Self::Added(Ok(_))
            | Self::Removed(Ok(()))
            | Self::NewCodes(Ok(_))
            | Self::RecoveryCode(Ok(_))
            | Self::Exported(Ok(_))
            | Self::Deleted(Ok(()))
            | Self::Models(Ok(_)) => None,
        }
    }
}

/// Calls of the chat screen. `asked` numbers come back, so that only the latest answer counts.
#[derive(Debug)]
pub enum ChatCall {
    Tree,
    Conversations {
        asked: u64,
        shelf: Shelf,
        filter: String,
        after: Option<Cursor>,
        limit: u32,
    },
    Create(NewConversation),
    Open {
        id: ConversationId,
        limit: u32,
    },
    Older {
        conversation: ConversationId,
        before: MessageId,
        limit: u32,
    },
    Newer {
        conversation: ConversationId,
        after: MessageId,
        limit: u32,
    },
    /// The beginning of the branch on view.
    Oldest {
        conversation: ConversationId,
        limit: u32,
    },
    Change {
        id: ConversationId,
        patch: ConversationPatch,
    },
    Trash(Vec<ConversationId>),
    Restore(Vec<ConversationId>),
    CreateFolder {
        parent: Option<FolderId>,
        name: String,
    },
    RenameFolder {
        id: FolderId,
        name: String,
    },
    MoveFolder {
        id: FolderId,
        parent: Option<FolderId>,
    },
    DeleteFolder {
        id: FolderId,
        content: FolderContent,
    },
    /// Finds the sibling and puts its branch on view.
    Sibling {
        conversation: ConversationId,
        message: MessageId,
        step: i32,
        limit: u32,
    },
    Mark {
        conversation: ConversationId,
        message: MessageId,
        excluded: Option<bool>,
        pinned: Option<bool>,
    },
    LoadDraft,
    SaveDraft {
        conversation: Option<ConversationId>,
        draft: Draft,
    },
    PastPrompts {
        asked: u64,
        text: String,
        limit: u32,
    },
    StartTurn(NewTurn),
    StopTurn(TurnId),
    Measure {
        asked: u64,
        planned: Planned,
    },
    Inspect(std::path::PathBuf),
    /// Looks at the files that a text names: of each list the first name that is a file.
    Named {
        asked: u64,
        names: Vec<Vec<std::path::PathBuf>>,
    },
    /// Names in a directory that begin with what was typed after `@`.
    CompletePath {
        asked: u64,
        typed: String,
    },
    Models {
        fresh: bool,
    },
    Model(String),
}

#[derive(Debug)]
pub enum ChatReply {
    Tree(Result<Tree, Fault>),
    Conversations {
        asked: u64,
        shelf: Shelf,
        page: Result<Page<ConversationRow>, Fault>,
    },
    Created(Result<Box<Conversation>, Fault>),
    Opened {
        id: ConversationId,
        opened: Result<Box<Opened>, Fault>,
    },
    Older {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Newer {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Oldest {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Changed(Result<Box<Conversation>, Fault>),
    Trashed {
        ids: Vec<ConversationId>,
        done: Result<(), Fault>,
    },
    Restored {
        ids: Vec<ConversationId>,
        done: Result<(), Fault>,
    },
    FolderCreated(Result<Folder, Fault>),
    /// Renamed, moved or deleted.
    FolderDone(Result<(), Fault>),
    Branch {
        conversation: ConversationId,
        page: Result<MessagePage, Fault>,
    },
    Marked {
        message: MessageId,
        done: Result<(), Fault>,
    },
    Draft(Result<Draft, Fault>),
    DraftSaved(Result<(), Fault>),
    PastPrompts {
        asked: u64,
        prompts: Result<Vec<PastPrompt>, Fault>,
    },
    Started(Result<Box<TurnStarted>, Fault>),
    Stopped(Result<(), Fault>),
    Measured {
        asked: u64,
        meter: Result<ContextMeter, Fault>,
    },
    Inspected {
        path: std::path::PathBuf,
        attachment: Result<Attachment, Fault>,
    },
    /// Those that are there, and what they are or why they are refused.
    Named {
        asked: u64,
        found: Vec<(std::path::PathBuf, Result<Attachment, Fault>)>,
    },
    PathsCompleted {
        asked: u64,
        paths: Vec<String>,
    },
    Models(Result<ModelList, Fault>),
    Model(Result<Box<ModelDetail>, Fault>),
}

impl ChatReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Tree(reply) => reply.as_ref().err(),
            Self::Conversations { page, .. } => page.as_ref().err(),
            Self::Created(reply) | Self::Changed(reply) => reply.as_ref().err(),
            Self::Opened { opened, .. } => opened.as_ref().err(),
            Self::Older { page, .. }
            | Self::Newer { page, .. }
            | Self::Oldest { page, .. }
            | Self::Branch { page, .. } => page.as_ref().err(),
            Self::Trashed { done, .. } | Self::Restored { done, .. } | Self::Marked { done, .. } => done.as_ref().err(),
            Self::FolderCreated(reply) => reply.as_ref().err(),
            Self::FolderDone(reply) | Self::DraftSaved(reply) | Self::Stopped(reply) => reply.as_ref().err(),
            Self::Draft(reply) => reply.as_ref().err(),
            Self::PastPrompts { prompts, .. } => prompts.as_ref().err(),
            Self::Started(reply) => reply.as_ref().err(),
            Self::Measured { meter, .. } => meter.as_ref().err(),
            Self::Inspected { attachment, .. } => attachment.as_ref().err(),
            // Each of its files has its own.
            Self::Named { found, .. } => found.iter().find_map(|(_, seen)| seen.as_ref().err()),
            Self::PathsCompleted { .. } => None,
            Self::Models(reply) => reply.as_ref().err(),
            Self::Model(reply) => reply.as_ref().err(),
        }
    }
}
