//! The signals that end a command: Ctrl+C, termination, a terminal that went away; and [`run_until`] they come.
//!
//! Invariant: a stop always works. A command writes to pipes that nobody may be reading, so it runs on a thread of its
//! own, and what hears the stop never writes.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::out::{self, End};
use crate::{
    api::{Fault, FaultKind},
    tasks::on_a_thread,
    trace::{By, Entry},
};

/// How long a command that was left may take to drop what it holds. One that is stuck in a write never does.
const LEAVING: Duration = Duration::from_millis(500);

/// Hears the signals from when it is made.
#[derive(Debug)]
pub struct Stops {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stops {
    /// # Errors
    /// When the operating system takes no handler.
    pub fn listen() -> Result<Self, Fault> {
        let hear = |kind| {
            signal(kind).map_err(|error| Fault::new(FaultKind::Internal, format!("Signals cannot be heard: {error}.")))
        };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one and gives the exit code it means: 128 and its number.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 129,
        }
    }
}

/// Runs a command on a thread of its own until it ends or is stopped, and says its fault there, because standard error
/// may be a full pipe as well. A command that hears stops itself, to keep what it has, gets `patience` for that; a
/// second stop leaves it at once.
///
/// # Errors
/// How it ended, when not well; never `End::Fault`, which has been said by then.
pub async fn run_until(
    stops: &mut Stops,
    patience: Duration,
    command: impl Future<Output = Result<(), End>> + Send + 'static,
) -> Result<(), End> {
    let left = CancellationToken::new();
    let leave = left.clone();
    let mut thread = on_a_thread(async move {
        // Not simply dropped with the runtime: that would fail its calls, and it would complain of them.
        match leave.run_until_cancelled(Entry::new(By::Command).around(command)).await {
            Some(Err(End::Fault(fault))) => {
                out::complain(&fault);
                Err(End::Code(fault.exit_code()))
            }
            Some(ended) => ended,
            None => Ok(()),
        }
    });
    let code = tokio::select! {
        biased;
        code = stops.next() => code,
        ended = &mut thread => return finished(ended),
    };
    let again = tokio::select! {
        biased;
        ended = &mut thread, if !patience.is_zero() => return finished(ended),
        again = stops.next() => again,
        () = tokio::time::sleep(patience) => code,
    };
    left.cancel();
    let _ = tokio::time::timeout(LEAVING, thread).await;
    super::secrets::restore_echo();
    Err(End::Code(again))
}

fn finished(ended: Result<Result<(), End>, tokio::task::JoinError>) -> Result<(), End> {
    match ended {
        Ok(ended) => ended,
        // The hook has told of it; `main` turns it into an exit code.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(End::Code(1)),
    }
}
