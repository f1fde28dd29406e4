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
pub mod backup;
pub mod backup_args;
pub mod bench;
pub mod catalog;
pub mod compare;
pub mod config;
pub mod conversations;
pub mod doctor;
pub mod feedback;
pub mod find;
pub mod fleet;
pub mod fleet_args;
pub mod folders;
pub mod follow;
pub mod health;
pub mod health_args;
pub mod insights;
pub mod insights_args;
pub mod job_args;
pub mod jobs;
pub mod library_args;
pub mod library_files;
pub mod measures;
pub mod measures_args;
mod metrics;
pub mod model_jobs;
pub mod models;
pub mod monitor;
pub mod notes;
pub mod notes_args;
pub mod operations_args;
pub mod out;
pub mod own;
pub mod pages;
pub mod presets;
pub mod prompts;
mod read;
pub mod report_args;
pub mod reports;
pub mod results;
pub mod retention;
pub mod roles;
pub mod rules;
pub mod rules_args;
pub mod sealed;
mod search;
pub mod search_args;
pub mod second_factor;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod settings_args;
pub mod sign_in;
pub mod stops;
pub mod tags;
pub mod transfer;
pub mod transfer_args;
pub mod typed;
pub mod users;
mod why;

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
    /// Those that the session got when the passphrase was typed once more.
    handles: Handles,
}

/// Handles of a session, one after the other. None moves, so that a call may borrow the one it began with.
#[derive(Debug, Default)]
struct Handles(OnceLock<Box<(Session, Self)>>);

impl Handles {
    fn last(&self) -> Option<&Session> {
        let (first, rest) = &**self.0.get()?;
        rest.last().or(Some(first))
    }

    fn keep(&self, handle: Session) -> &Session {
        match self.0.get() {
            Some(kept) => kept.1.keep(handle),
            None => &self.0.get_or_init(|| Box::new((handle, Self::default()))).0,
        }
    }
}

impl Desk {
    #[must_use]
    pub fn new(gateway: Gateway, config: Config, global: Global) -> Self {
        Self { gateway, config, global, source: OnceLock::new(), handles: Handles::default() }
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

    /// Calls, and where the passphrase is wanted once more, asks for it and calls again. The session has another handle
    /// from then on, so the call gets the one it is to use.
    ///
    /// # Errors
    /// That of the call, or of the passphrase.
    pub async fn confirmed<'a, T, F: Future<Output = Result<T, Fault>>>(
        &'a self,
        session: &'a Session,
        call: impl Fn(&'a Session) -> F,
    ) -> Result<T, Fault> {
        match call(self.latest(session)).await {
            Err(fault) if fault.kind == FaultKind::Unconfirmed => {
                let fresh = sign_in::confirm(self, self.latest(session)).await?;
                call(self.handles.keep(fresh)).await
            }
            done => done,
        }
    }

    /// The handle that this session has now.
    #[must_use]
    pub fn latest<'a>(&'a self, session: &'a Session) -> &'a Session {
        self.handles.last().filter(|last| last.id == session.id).unwrap_or(session)
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
        // So do these, which have something to keep or to leave away.
        Command::Models(args::Models::Measures(measures_args::ModelMeasures::Compare(what))) => {
            let mut heard = Stops::listen()?;
            let comparing = async move { compare::run(&desk, what, &mut heard).await };
            stops::run_until(stops, compare::STOPPING, comparing).await
        }
        Command::Models(args::Models::Measures(measures_args::ModelMeasures::Bench(measures_args::Bench::Run(
            what,
        )))) => {
            let mut heard = Stops::listen()?;
            let measuring = async move { bench::run(&desk, what, &mut heard).await };
            stops::run_until(stops, bench::STOPPING, measuring).await
        }
        Command::Conversations(args::Conversations::Export(what)) => {
            let mut heard = Stops::listen()?;
            let exporting = async move { transfer::export(&desk, what, &mut heard).await };
            stops::run_until(stops, transfer::STOPPING, exporting).await
        }
        Command::Conversations(args::Conversations::Import(what)) => {
            let mut heard = Stops::listen()?;
            let importing = async move { transfer::import(&desk, what, &mut heard).await };
            stops::run_until(stops, transfer::STOPPING, importing).await
        }
        // And these: what is under way stays in line.
        Command::Models(args::Models::Jobs(what)) => {
            let mut heard = Stops::listen()?;
            let working = async move { model_jobs::run(&desk, what, &mut heard).await };
            stops::run_until(stops, transfer::STOPPING, working).await
        }
        Command::Jobs(what) => {
            let mut heard = Stops::listen()?;
            let working = Box::pin(async move { jobs::run(&desk, what, &mut heard).await });
            stops::run_until(stops, transfer::STOPPING, working).await
        }
        Command::Rules(what) => {
            let mut heard = Stops::listen()?;
            let working = async move { rules::run(&desk, what, &mut heard).await };
            stops::run_until(stops, transfer::STOPPING, working).await
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
        Command::Catalog(what) => catalog::run(desk, what).await,
        Command::Insights(what) => insights::run(desk, what).await,
        Command::Health(what) => health::run(desk, what).await,
        Command::Metrics(what) => metrics::run(desk, what).await,
        Command::Account(what) => Box::pin(account::run(desk, what)).await,
        Command::Sessions(what) => sessions::run(desk, what).await,
        Command::Users(what) => users::run(desk, what).await,
        Command::Roles(what) => roles::run(desk, what).await,
        Command::Search(what) => search::run(desk, what).await,
        Command::Settings(what) => settings::run(desk, what).await,
        Command::Audit(what) => audit::run(desk, what).await,
        Command::Report(what) => reports::run(desk, what).await,
        Command::Backup(what) => backup::run(desk, what).await,
        // These never come this far: `app` runs them without a gateway, or around one.
        Command::Ask(_)
        | Command::Jobs(_)
        | Command::Rules(_)
        | Command::Doctor
        | Command::Config(_)
        | Command::Demo
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(()),
    }
}
