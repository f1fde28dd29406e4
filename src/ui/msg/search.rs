//! What the Search screen asks for, what it is told, and the way to a place in a conversation.

use crate::api::{
    ConversationId, Fault, MessageId,
    search::{Asked, Found, Term},
};
use crate::ui::actions::Action;

/// Calls of the Search screen. A newer one breaks the older one off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchCall {
    Find { asked: u64, query: Asked },
}

#[derive(Debug)]
pub enum SearchReply {
    Found { asked: u64, found: Result<Box<Found>, Fault> },
}

impl SearchReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Found { found, .. } => found.as_ref().err(),
        }
    }
}

/// A place in a conversation that something leads to: a search, a note, a citation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub conversation: ConversationId,
    /// Scrolled to and selected, on whichever branch it is; without one the conversation is opened at its end.
    pub message: Option<MessageId>,
    /// Marked in the message.
    pub terms: Vec<Term>,
    /// Characters of its stored text that are brought on view.
    pub chars: Option<(u32, u32)>,
    /// Where Escape leads back to, as long as nothing else was done there.
    pub back: Option<Action>,
}
