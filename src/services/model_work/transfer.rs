//! Downloads and uploads: watched while they run, connected anew where they stall, and told in bytes.

use std::time::Instant;

use futures_util::StreamExt;
use tokio::time::timeout;

use super::{ModelWork, agreed, meter::Meter, named};
use crate::{
    api::{
        Fault, FaultKind, amount,
        jobs::{Download, Room},
    },
    ollama::{Answer, OllamaError, Progress, name::same_model},
    services::jobs::{Attempt, Setback},
};

/// Connections in a row that brought nothing, after which it is left for later.
const IDLE_CONNECTIONS: u32 = 3;

/// What of a transfer is its own.
enum Kind {
    /// With the room that there is for it.
    Down(Room),
    Up,
}

impl ModelWork {
    pub(super) async fn install(&self, attempt: &Attempt, download: &Download) -> Result<String, Setback> {
        self.pull(attempt, download).await?;
        // What it is, is worth a look and no failure.
        let found = self.find(&download.model).await.ok();
        Ok(found.map_or_else(|| "Installed.".to_owned(), |model| format!("Installed, {}.", amount::bytes(model.bytes))))
    }

    pub(super) async fn update(&self, attempt: &Attempt, download: &Download) -> Result<String, Setback> {
        // Remembered, because after a kill in the middle the new one may be there already.
        let before = if let Some(digest) = attempt.kept::<String>() {
            digest
        } else {
            let digest = self.find(&download.model).await.map_err(Setback::for_good)?.digest;
            attempt.keep(digest.clone()).await.map_err(|fault| Setback::for_now(fault, false))?;
            digest
        };
        self.pull(attempt, download).await?;
        Ok(match self.find(&download.model).await {
            Ok(now) if now.digest == before => "It is what the registry has.".to_owned(),
            Ok(now) => format!("Updated, {}.", amount::bytes(now.bytes)),
            Err(_) => "Fetched.".to_owned(),
        })
    }

    async fn pull(&self, attempt: &Attempt, download: &Download) -> Result<(), Setback> {
        let name = agreed(download).map_err(Setback::for_good)?;
        let room = self.room().await;
        let mut meter = Meter::new(download.bytes, Instant::now());
        if attempt.number == 1
            && let Some(bytes) = download.bytes
        {
            enough(name.as_str(), bytes, &room)?;
        }
        let connect = || self.ollama.pull(&name, download.insecure);
        self.follow(attempt, &mut meter, name.as_str(), &Kind::Down(room), connect).await
    }

    pub(super) async fn push(&self, attempt: &Attempt, model: &str, insecure: bool) -> Result<String, Setback> {
        let name = named(model).map_err(Setback::for_good)?;
        let mut meter = Meter::new(None, Instant::now());
        let connect = || self.ollama.push(&name, insecure);
        self.follow(attempt, &mut meter, name.as_str(), &Kind::Up, connect).await?;
        Ok(format!("Uploaded to {}.", name.parts().host))
    }

    /// Connects, again where nothing moves, until it is through.
    async fn follow<F>(
        &self,
        attempt: &Attempt,
        meter: &mut Meter,
        name: &str,
        kind: &Kind,
        connect: impl Fn() -> F,
    ) -> Result<(), Setback>
    where
        F: Future<Output = Result<Answer<Progress>, OllamaError>>,
    {
        let mut idle = 0;
        loop {
            let before = meter.moved();
            meter.connected(Instant::now());
            let lines = timeout(self.stall(), connect()).await;
            let through = match lines {
                Ok(Ok(lines)) => self.read(attempt, meter, name, kind, lines).await?,
                Ok(Err(error)) => return Err(setback(error, attempt, meter)),
                Err(_) => false,
            };
            if through {
                return Ok(());
            }
            idle = if meter.moved() > before { 1 } else { idle + 1 };
            if idle >= IDLE_CONNECTIONS {
                let seconds = self.stall().as_secs() * u64::from(idle);
                let fault = Fault::new(FaultKind::Ollama, format!("Nothing of {name} has come for {seconds} s."))
                    .hint("See that the machine is online; it is tried again, and goes on where it stopped.");
                return Err(Setback::for_now(fault, meter.has_moved()));
            }
            attempt.step("nothing came for a while; connecting anew");
        }
    }

    /// Reads one connection to its end. `false` = it stood still for too long.
    async fn read(
        &self,
        attempt: &Attempt,
        meter: &mut Meter,
        name: &str,
        kind: &Kind,
        mut lines: Answer<Progress>,
    ) -> Result<bool, Setback> {
        loop {
            match timeout(self.patience.look, lines.next()).await {
                Ok(Some(Ok(line))) => {
                    let is_over = line.status == "success";
                    let is_new = meter.line(&line, Instant::now());
                    attempt.tell(meter.progress(Instant::now()));
                    if is_over {
                        return Ok(true);
                    }
                    if let (Kind::Down(room), true) = (kind, is_new) {
                        enough(name, meter.missing(), room)?;
                    }
                }
                Ok(Some(Err(error))) => return Err(setback(error, attempt, meter)),
                Ok(None) => return Err(setback(OllamaError::EndedWithoutDone, attempt, meter)),
                Err(_) => attempt.tell(meter.progress(Instant::now())),
            }
            let patience = if meter.is_transferring() { self.stall() } else { self.patience.quiet };
            if meter.still_for(Instant::now()) >= patience {
                return Ok(false);
            }
        }
    }

    /// Follows the words of a model being made.
    pub(super) async fn words(&self, attempt: &Attempt, mut lines: Answer<Progress>) -> Result<(), Setback> {
        let mut meter = Meter::new(None, Instant::now());
        loop {
            match timeout(self.patience.quiet, lines.next()).await {
                Ok(Some(Ok(line))) => {
                    meter.line(&line, Instant::now());
                    attempt.tell(meter.progress(Instant::now()));
                    if line.status == "success" {
                        return Ok(());
                    }
                }
                Ok(Some(Err(error))) => return Err(setback(error, attempt, &meter)),
                Ok(None) => return Err(setback(OllamaError::EndedWithoutDone, attempt, &meter)),
                Err(_) => return Err(setback(OllamaError::Silent { after: self.patience.quiet }, attempt, &meter)),
            }
        }
    }

    /// Whether it is there under this name, and what it is.
    pub(super) async fn digest_of(&self, name: &str) -> Result<Option<String>, OllamaError> {
        let models = self.installed().await?;
        Ok(models.into_iter().find(|model| same_model(&model.name, name)).map(|model| model.digest))
    }
}

/// Better before the first byte than after the last that fits.
fn enough(name: &str, missing: u64, room: &Room) -> Result<(), Setback> {
    match (room.free, &room.directory) {
        (Some(free), Some(directory)) if missing > free => {
            let message = format!(
                "There is not enough room for {name}: {} must come, and {} are free in {}.",
                amount::bytes(missing),
                amount::bytes(free),
                directory.display()
            );
            let fault = Fault::new(FaultKind::DiskFull, message);
            Err(Setback::for_good(fault.hint("Remove models that nobody needs, or make room there, and retry.")))
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

/// What an error of Ollama's means for a transfer.
pub(super) fn setback(error: OllamaError, attempt: &Attempt, meter: &Meter) -> Setback {
    // What came damaged has come in vain, however much it was.
    let moved = meter.has_moved() && !matches!(error, OllamaError::DigestMismatch { .. });
    let again = match &error {
        // An address where nobody ever answered is a mistake; one where somebody did is a machine that was switched off.
        OllamaError::Unreachable { .. } => moved || attempt.number > 1 || attempt.before.done > 0,
        OllamaError::Registry { said } => !said.to_lowercase().contains("gave http response to https client"),
        OllamaError::Silent { .. }
        | OllamaError::Broken
        | OllamaError::EndedWithoutDone
        | OllamaError::Garbage
        | OllamaError::QueueFull
        | OllamaError::TransferCancelled
        | OllamaError::DigestMismatch { .. }
        | OllamaError::Server { .. } => true,
        OllamaError::BadAddress(_)
        | OllamaError::PlaintextRefused { .. }
        | OllamaError::LineTooLong
        | OllamaError::AnswerTooLong
        | OllamaError::NotOllama { .. }
        | OllamaError::Redirected { .. }
        | OllamaError::HostRefused { .. }
        | OllamaError::SignInNeeded { .. }
        | OllamaError::NotSupportedByServer
        | OllamaError::ModelMissing { .. }
        | OllamaError::Overflow { .. }
        | OllamaError::LimitReached { .. }
        | OllamaError::Lacks(_)
        | OllamaError::BadOption { .. }
        | OllamaError::BadFormat { .. }
        | OllamaError::BadImage { .. }
        | OllamaError::BadName { .. }
        | OllamaError::BadDigest { .. }
        | OllamaError::Refused { .. }
        | OllamaError::OutOfMemory { .. }
        | OllamaError::LoadFailed { .. }
        | OllamaError::RunnerDied { .. }
        | OllamaError::DiskFull { .. }
        | OllamaError::NotInRegistry
        | OllamaError::BadSource { .. }
        | OllamaError::ErrorLine { .. } => false,
    };
    let mut fault = Fault::from(error.clone());
    match error {
        OllamaError::Registry { said } if !again => {
            fault =
                Fault::new(FaultKind::Invalid, "The registry speaks plain HTTP, which anybody on the way can change.")
                    .hint("If you trust the way there, say --insecure.");
            drop(said);
        }
        // Their sentences speak of answers.
        OllamaError::EndedWithoutDone => {
            fault = Fault::new(FaultKind::Ollama, "The transfer ended before it was through.")
                .hint("It goes on where it stopped.");
        }
        OllamaError::Broken => {
            fault = Fault::new(FaultKind::Upstream, "The connection to Ollama broke off.")
                .hint("See that Ollama still runs; it goes on where it stopped.");
        }
        _other => {}
    }
    Setback { fault, again, moved }
}
