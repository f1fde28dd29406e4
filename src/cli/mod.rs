//! The command line: one file per noun, every command through the gateway.
//!
//! Architecture invariant: results go to standard output and everything said about them to standard error, so that a
//! command can stand in a pipe; the exit code tells how it ended.

pub mod account;
pub mod admin_args;
pub mod args;
pub mod arrange;
pub mod arrange_args;
pub mod ask;
pub mod audit;
pub mod config;
pub mod conversations;
pub mod doctor;
pub mod feedback;
pub mod find;
pub mod folders;
pub mod health;
pub mod insights;
pub mod insights_args;
pub mod library_args;
pub mod library_files;
pub mod models;
pub mod notes;
pub mod notes_args;
pub mod out;
pub mod own;
pub mod pages;
pub mod policy;
pub mod presets;
pub mod prompts;
pub mod results;
pub mod retention;
pub mod roles;
mod search;
pub mod search_args;
pub mod second_factor;
pub mod secrets;
pub mod sessions;
pub mod sign_in;
pub mod stops;
pub mod tags;
pub mod typed;
pub mod users;

pub use args::{Cli, Command, Global};
pub use out::End;
pub use stops::Stops;

use std::{sync::OnceLock, time::Duration};

use crate::{
    api::{Fault, FaultKind, auth::Session},
    config::Config,
    gateway::Gateway,
};

/// What a command works with.
#[derive(Debug)]
pub struct Desk {
    pub gateway: Gateway,
    pub config: Config,
    pub global: Global,
    source: OnceLock<secrets::Source>,
}

impl Desk {
    #[must_use]
    pub fn new(gateway: Gateway, config: Config, global: Global) -> Self {
        Self { gateway, config, global, source: OnceLock::new() }
    }

    /// Where passphrases and codes come from. The same for the whole command, because a descriptor that is opened anew
    /// may begin from its first line again.
    ///
    /// # Errors
    /// When the descriptor is not open, or there is no terminal to ask at.
    pub fn secrets(&self) -> Result<&secrets::Source, Fault> {
        if let Some(source) = self.source.get() {
            return Ok(source);
        }
        let source = secrets::Source::new(self.global.passphrase_fd)?;
        Ok(self.source.get_or_init(|| source))
    }

    /// Calls, and where the passphrase is wanted once more, asks for it and calls again.
    ///
    /// # Errors
    /// That of the call, or of the passphrase.
    pub async fn confirmed<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        session: &Session,
        call: impl Fn() -> F,
    ) -> Result<T, Fault> {
        match call().await {
            Err(fault) if fault.kind == FaultKind::Unconfirmed => {
                sign_in::confirm(self, session).await?;
                call().await
            }
            done => done,
        }
    }

    /// The session a command runs in: the one-off account of `--user`, else whoever stays signed in here.
    ///
    /// # Errors
    /// Says how to sign in when nobody is.
    pub async fn session(&self) -> Result<Session, Fault> {
        Ok(sign_in::session(self).await?.session)
    }
}

/// Runs a command that needs the gateway, until it ends or is stopped.
///
/// # Errors
/// How it ended, when not well.
pub async fn run(desk: Desk, command: Command, stops: &mut Stops) -> Result<(), End> {
    match command {
        // Asking hears a stop itself, because it has an answer to keep; everything else is simply left.
        Command::Ask(ask) => {
            let mut heard = Stops::listen()?;
            let asking = async move { ask::ask(&desk, ask, &mut heard).await };
            stops::run_until(stops, ask::STOPPING, asking).await
        }
        command => stops::run_until(stops, Duration::ZERO, async move { perform(&desk, command).await }).await,
    }
}

async fn perform(desk: &Desk, command: Command) -> Result<(), End> {
    match command {
        Command::Conversations(what) => conversations::run(desk, what).await,
        Command::Folders(what) => folders::run(desk, what).await,
        Command::Notes(what) => notes::run(desk, what).await,
        Command::Feedback(what) => feedback::run(desk, what).await,
        Command::Presets(what) => presets::run(desk, what).await,
        Command::Prompts(what) => prompts::run(desk, what).await,
        Command::Tags(what) => tags::run(desk, what).await,
        Command::Retention(what) => retention::run(desk, what).await,
        Command::Models(what) => models::run(desk, what).await,
        Command::Insights(what) => insights::run(desk, what).await,
        Command::Health => health::run(desk).await,
        Command::Account(what) => account::run(desk, what).await,
        Command::Sessions(what) => sessions::run(desk, what).await,
        Command::Users(what) => users::run(desk, what).await,
        Command::Roles(what) => roles::run(desk, what).await,
        Command::Search(what) => search::run(desk, what).await,
        Command::Policy(what) => policy::run(desk, what).await,
        Command::Audit(what) => audit::run(desk, what).await,
        // These never come this far: `app` runs them without a gateway, or around one.
        Command::Ask(_)
        | Command::Doctor
        | Command::Config(_)
        | Command::Demo
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(()),
    }
}
