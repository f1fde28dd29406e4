//! Asking several models the same, and keeping of it what is liked.

use crate::api::{
    ConversationId, Fault, MessageId,
    chat::{TurnStarted, Written},
    fleet::Fit,
    measures::ModelUse,
    organise::NewConversation,
};

/// What they are asked.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareAsk {
    New(Written),
    /// This question of the conversation, once more.
    Again(MessageId),
}

#[derive(Debug)]
pub enum CompareCall {
    /// How these did here so far, and whether they fit.
    Figures { models: Vec<String> },
    Start {
        /// `None` = one is made like `fresh`.
        conversation: Option<ConversationId>,
        fresh: Box<NewConversation>,
        ask: CompareAsk,
        models: Vec<String>,
    },
    /// Puts this answer on view and its model into the conversation; the others go to the trash.
    Keep { conversation: ConversationId, answer: MessageId, model: String, others: Vec<MessageId> },
}

/// What is known of those that are compared, beside what they say.
#[derive(Debug)]
pub struct CompareFigures {
    pub used: ModelUse,
    /// By name, of those of which it is known.
    pub fits: Vec<(String, Fit)>,
}

#[derive(Debug)]
pub enum CompareReply {
    Figures(Result<Box<CompareFigures>, Fault>),
    /// In the order of the models. `ask` comes back for where nothing was begun.
    Started {
        conversation: Option<ConversationId>,
        ask: CompareAsk,
        turns: Vec<Result<TurnStarted, Fault>>,
    },
    Kept(Result<(), Fault>),
}

impl CompareReply {
    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Figures(reply) => reply.as_ref().err(),
            Self::Started { turns, .. } => turns.iter().find_map(|turn| turn.as_ref().err()),
            Self::Kept(reply) => reply.as_ref().err(),
        }
    }
}
