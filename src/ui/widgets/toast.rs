//! Passing notices: stacked in the corner, gone after a while. Not a log: what must stay is shown where it belongs.

use std::time::Duration;

use crate::api::{Fault, FaultKind};

/// How much it matters: chooses the glyph, the colour and how long it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Notice,
    Warning,
    Bad,
}

/// One notice. Its text may be foreign; it is made safe when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub tone: Tone,
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Toast {
    /// Something went as wanted: "Copied 120 characters."
    pub fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into(), hint: None }
    }

    pub fn notice(text: impl Into<String>) -> Self {
        Self { tone: Tone::Notice, text: text.into(), hint: None }
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self { tone: Tone::Warning, text: text.into(), hint: None }
    }

    /// What went wrong, with its hint and when to try again.
    #[must_use]
    pub fn fault(fault: &Fault) -> Self {
        let tone = match fault.kind {
            FaultKind::Slow | FaultKind::Cancelled | FaultKind::Conflict => Tone::Warning,
            FaultKind::SignedOut
            | FaultKind::Locked
            | FaultKind::Denied
            | FaultKind::WrongCredentials
            | FaultKind::Upstream
            | FaultKind::Model
            | FaultKind::ModelMissing
            | FaultKind::Overflow
            | FaultKind::Invalid
            | FaultKind::NotFound
            | FaultKind::Timeout
            | FaultKind::DiskFull
            | FaultKind::ReadOnly
            | FaultKind::Unsafe
            | FaultKind::Store
            | FaultKind::Internal => Tone::Bad,
        };
        let mut hint = fault.hint.clone();
        if let Some(after) = fault.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            let when = format!("Try again in {seconds} s.");
            hint = Some(hint.map_or(when.clone(), |hint| format!("{hint} {when}")));
        }
        Self { tone, text: fault.message.clone(), hint }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How long it stays: bad news and long ones longer.
    #[must_use]
    pub fn stays(&self) -> Duration {
        let letters = self.text.chars().count() + self.hint.as_ref().map_or(0, |hint| hint.chars().count());
        let base = match self.tone {
            Tone::Good | Tone::Notice => 3,
            Tone::Warning => 6,
            Tone::Bad => 9,
        };
        Duration::from_secs(base + (letters as u64 / 40))
    }
}
