//! Identifiers. UUIDv7 (RFC 9562), so they sort by the time they were made; order is still kept by sequence, never by clock.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new one, from the clock and the operating system's randomness.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default id would be a random one, which surprises")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A person's account in this installation.
    AccountId
    /// The file of one person's vault; they may have sealed ones besides the one that is open to them.
    VaultId
    /// A row in the list of sessions: names a session to people, proves nothing.
    SessionId
    /// A folder of conversations in one vault.
    FolderId
    /// A conversation in one vault.
    ConversationId
    /// A word that conversations carry, in one vault.
    TagId
    /// A message in a conversation's tree.
    MessageId
    /// One run of a model for one answer.
    TurnId
    /// A note in one vault.
    NoteId
    /// A stored file (text or image) in one vault.
    DocumentId
    /// A named set of model, system prompt and options in one vault.
    PresetId
    /// A prompt template in one vault.
    PromptId
    /// One export or import on its way.
    TransferId
    /// One piece of work that goes on by itself
    JobId
    /// Something that the house has done by itself
    RuleId
    /// One call through the gateway, from key press to SQL and HTTP.
    RequestId
}
