//! What concerns the program, the terminal and the machine.

use crate::{
    api::{Fault, health::Health},
    config::live::Current,
    tasks::Running,
};

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
    /// What was found last, here or in another window.
    Health,
    /// A look of one's own.
    CheckHealth,
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
