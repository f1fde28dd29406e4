//! The command line: one file per noun, every command through the gateway.
//!
//! Architecture invariant: results go to standard output and everything said about them to standard error, so that a
//! command can stand in a pipe; the exit code tells how it ended.

pub mod account;
pub mod args;
pub mod ask;
pub mod config;
pub mod conversations;
pub mod doctor;
pub mod find;
pub mod folders;
pub mod health;
pub mod models;
pub mod out;
pub mod pages;
pub mod secrets;
pub mod sign_in;
pub mod stops;

pub use args::{Cli, Command, Global};
pub use out::End;
pub use stops::Stops;

use std::time::Duration;

use crate::{
    api::{Fault, auth::Session},
    config::Config,
    gateway::Gateway,
};

/// What a command works with.
#[derive(Debug)]
pub struct Desk {
    pub gateway: Gateway,
    pub config: Config,
    pub global: Global,
}

impl Desk {
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
        Command::Models(what) => models::run(desk, what).await,
        Command::Health => health::run(desk).await,
        Command::Account(what) => account::run(desk, what).await,
        // These never come this far: `app` runs them without a gateway, or around one.
        Command::Ask(_)
        | Command::Doctor
        | Command::Config(_)
        | Command::Demo
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(()),
    }
}
