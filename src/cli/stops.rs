//! The signals that end a command: Ctrl+C, termination, a terminal that went away.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::{Fault, FaultKind};

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
