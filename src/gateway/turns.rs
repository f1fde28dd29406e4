//! Answers: starting them, stopping them, hearing of them.

use tokio::sync::mpsc;

use super::{Gateway, unbuilt};
use crate::api::{
    ConversationId, Fault, TurnId,
    auth::Session,
    chat::{Attachment, ContextMeter, NewTurn, TurnStarted},
    events::Event,
};

impl Gateway {
    /// Commits what the person asked, then starts the answer and returns. The rest comes as events.
    pub async fn start_turn(&self, _session: &Session, _new: NewTurn) -> Result<TurnStarted, Fault> {
        unbuilt()
    }

    /// Stops a running answer; its text is kept and `TurnEvent::Ended` follows. Stopping one that has ended is fine.
    pub async fn stop_turn(&self, _session: &Session, _turn: TurnId) -> Result<(), Fault> {
        unbuilt()
    }

    /// How full the window would be with this draft.
    pub async fn measure_context(
        &self,
        _session: &Session,
        _conversation: ConversationId,
        _draft: &str,
    ) -> Result<ContextMeter, Fault> {
        unbuilt()
    }

    /// Looks at a file as if to attach it: what it is, or why it is refused. Nothing is stored.
    pub async fn inspect_attachment(&self, _session: &Session, _path: std::path::PathBuf) -> Result<Attachment, Fault> {
        unbuilt()
    }

    /// Everything that happens to this session from now on. Dropping the receiver ends the subscription.
    pub async fn events(&self, _session: &Session) -> Result<mpsc::Receiver<Event>, Fault> {
        unbuilt()
    }
}
