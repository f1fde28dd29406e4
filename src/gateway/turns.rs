//! Answers: starting them, stopping them, hearing of them.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission, op::OllamaKind},
    api::{
        Fault, TurnId,
        auth::Session,
        chat::{Attachment, ContextMeter, NewTurn, Planned, TurnStarted},
        events::Event,
    },
};

// Committing takes milliseconds; what may take longer is asking which models there are when none is chosen.
pub(super) const START: Op = Op {
    name: "turns.start",
    permission: Permission::Chat,
    class: Class::Chat,
    needs_ollama: Some(OllamaKind::Chat),
    deadline: Duration::from_secs(30),
    fresh: false,
};
pub(super) const MEASURE: Op = Op {
    name: "turns.measure",
    permission: Permission::Chat,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(5),
    fresh: false,
};
pub(super) const STOP: Op = Op { name: "turns.stop", class: Class::Free, ..MEASURE };
pub(super) const INSPECT: Op = Op { name: "turns.inspect", deadline: Duration::from_secs(20), ..MEASURE };
pub(super) const EVENTS: Op = Op { name: "events.listen", permission: Permission::Own, ..MEASURE };

impl Gateway {
    /// Commits what the person asked, then starts the answer and returns. The rest comes as events.
    pub async fn start_turn(&self, session: &Session, new: NewTurn) -> Result<TurnStarted, Fault> {
        self.0.gate.call::<Member, _, _>(session, &START, |by| self.0.turns.start(by, new)).await
    }

    /// Stops a running answer, also behind a locked screen; its text is kept and `TurnEvent::Ended` follows. Stopping one
    /// that has ended is fine.
    pub async fn stop_turn(&self, session: &Session, turn: TurnId) -> Result<(), Fault> {
        let stop = async |by| {
            self.0.turns.stop(&by, turn);
            Ok(())
        };
        self.0.gate.hold(session, &STOP, stop).await
    }

    /// How full the window would be.
    pub async fn measure_context(&self, session: &Session, planned: Planned) -> Result<ContextMeter, Fault> {
        self.0.gate.call::<Member, _, _>(session, &MEASURE, |by| self.0.turns.measure(by, planned)).await
    }

    /// Looks at a file as if to attach it: what it is, or why it is refused. Nothing is stored.
    pub async fn inspect_attachment(&self, session: &Session, path: std::path::PathBuf) -> Result<Attachment, Fault> {
        self.0.gate.call::<Member, _, _>(session, &INSPECT, |by| self.0.turns.inspect(by, path)).await
    }

    /// Everything that happens to this session from now on. Dropping the receiver ends the subscription.
    pub async fn events(&self, session: &Session) -> Result<mpsc::Receiver<Event>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &EVENTS, |by| self.0.turns.events(by)).await
    }
}
