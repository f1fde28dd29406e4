//! Keeping the history of the breakers. They turn wherever a call ends, and must not wait there: what they tell is put in a
//! line, and a task writes it down in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use super::{HealthChecks, lock};
use crate::{
    access::{OllamaKind, Turned},
    ollama::Trouble,
    store::{StoreError, system::health as kept},
};

/// Turns that wait to be written down; what comes on top is dropped, for then the database does not answer.
const ROOM: usize = 256;

/// What is to be written down, and which rows are open.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    line: VecDeque<(OllamaKind, Turned, i64)>,
    is_writing: bool,
    /// Kind of call, and the row that tells of its being held back now.
    open: BTreeMap<&'static str, i64>,
}

impl Notes {
    /// The rows of what is held back at this moment.
    pub(super) fn open(&self) -> Vec<i64> {
        lock(&self.0).open.values().copied().collect()
    }
}

impl HealthChecks {
    pub(super) fn hear_breakers(&self) {
        // Not a handle that would keep the service alive in a ring: the breakers are part of what it watches.
        let this = std::sync::Arc::downgrade(&self.0);
        self.0.watched.breakers.tell(Box::new(move |kind, turned| {
            if let Some(inner) = this.upgrade() {
                Self(inner).breaker_turned(kind, turned);
            }
        }));
    }

    fn breaker_turned(&self, kind: OllamaKind, turned: Turned) {
        let now = self.now();
        let begins = {
            let mut pending = lock(&self.0.notes.0);
            if pending.line.len() < ROOM {
                pending.line.push_back((kind, turned, now));
            }
            !std::mem::replace(&mut pending.is_writing, true)
        };
        if begins {
            let this = self.clone();
            self.0.watched.tasks.spawn("writing down a breaker's turn", async move { this.write_down().await });
        }
        match turned {
            Turned::Opened(_) | Turned::Closed | Turned::Reset => self.0.wake.notify_one(),
            Turned::Trying => {}
        }
    }

    /// The program ends, and with it what it held back.
    pub(super) async fn end_outages(&self) {
        let (open, now) = (std::mem::take(&mut lock(&self.0.notes.0).open), self.now());
        if open.is_empty() {
            return;
        }
        let written = self.0.watched.system.write::<_, StoreError>(move |tx| {
            open.values().try_for_each(|seq| kept::breaker_closed(tx, *seq, "the program ended", now))
        });
        if let Err(why) = written.await {
            tracing::warn!(%why, "that calls are held back no more could not be written down");
        }
    }

    async fn write_down(&self) {
        loop {
            let (line, mut open) = {
                let mut pending = lock(&self.0.notes.0);
                if pending.line.is_empty() {
                    pending.is_writing = false;
                    return;
                }
                (std::mem::take(&mut pending.line), pending.open.clone())
            };
            let written = self.0.watched.system.write::<_, StoreError>(move |tx| {
                for (kind, turned, now) in line {
                    let kind = kind.as_str();
                    match (turned, open.get(kind).copied()) {
                        (Turned::Opened(trouble), _) => {
                            open.insert(kind, kept::breaker_opened(tx, kind, &words(trouble), now)?);
                        }
                        (Turned::Trying, Some(seq)) => kept::breaker_tried(tx, seq, now)?,
                        (Turned::Closed, Some(seq)) => {
                            kept::breaker_closed(tx, seq, "an answer came", now)?;
                            open.remove(kind);
                        }
                        (Turned::Reset, Some(seq)) => {
                            kept::breaker_closed(tx, seq, "Ollama was started", now)?;
                            open.remove(kind);
                        }
                        // Its opening could not be written down.
                        (Turned::Trying | Turned::Closed | Turned::Reset, None) => {}
                    }
                }
                Ok(open)
            });
            match written.await {
                Ok(open) => lock(&self.0.notes.0).open = open,
                Err(why) => tracing::warn!(%why, "a breaker's turn could not be written down"),
            }
        }
    }
}

/// Why calls are held back.
fn words(trouble: Trouble) -> String {
    match trouble {
        Trouble::NotThere => "nothing answered at Ollama's address".to_owned(),
        Trouble::Silent => "Ollama took the call and sent nothing".to_owned(),
        Trouble::BrokeOff => "the connection broke off".to_owned(),
        Trouble::Busy => "Ollama had too many requests waiting".to_owned(),
        Trouble::RunnerDied => "the process that runs the model ended".to_owned(),
        Trouble::Failed { status } => format!("Ollama failed with status {status}"),
    }
}
