//! What the backend tells without being asked. A subscription belongs to a session: nobody hears another's events.

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, Fault, MessageId, TransferId, TurnId, chat::TurnEvent, health::Health, jobs::JobNews,
    retention::Report, transfer::TransferEvent,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Turn {
        turn: TurnId,
        conversation: ConversationId,
        answer: MessageId,
        event: TurnEvent,
    },
    /// How an export or an import of this account goes on.
    Transfer {
        transfer: TransferId,
        event: TransferEvent,
    },
    /// Something in the caller's own vault changed, here or in another window.
    Changed(Changed),
    Health(Box<Health>),
    /// The session ended or was locked from outside, with the reason.
    SessionEnded(Fault),
    /// The rules for old conversations did something on their own.
    PutAway(Box<Report>),
    /// Work that goes on by itself; only those hear it who may manage models.
    Job(JobNews),
    /// Something failed in the background; shown as a toast.
    Notice(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Changed {
    /// Folders, conversations, titles, counts.
    Tree,
    Conversation(ConversationId),
    /// The program ended in the middle of an answer there; it was found and marked just now.
    Interrupted(ConversationId),
    /// Presets or prompt templates.
    Library,
    /// What lists of models show: which are installed or loaded, tags, descriptions and notes of the house, the catalogue,
    /// saved filters; here or in another process. Ask for a fresh list.
    Models,
    /// Another process wrote to the vault; anything may have changed.
    Everything,
    /// Something of the house was changed, by anybody in any window: accounts, rights, rules, sessions. Whatever leaves an
    /// entry in the audit trail says so.
    House,
}
