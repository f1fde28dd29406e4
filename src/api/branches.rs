//! The tree of a conversation's branches: where they part and where they end.

use serde::{Deserialize, Serialize};

use super::{MessageId, chat::MessageRole};

/// Longest beginning of a message that the tree carries, characters.
pub const BEGINNING: usize = 120;

/// All branches of one conversation, every stretch after the one it hangs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchTree {
    pub stretches: Vec<Stretch>,
}

/// Messages one after the other without a fork between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where in the list the stretch is that this one hangs on.
    pub parent: Option<u32>,
    /// Forks above it.
    pub depth: u32,
    pub first: Ending,
    /// The fork it leads to, or the end of a branch. The same as `first` where there is one message.
    pub last: Ending,
    /// Messages in it; of a pruned branch all that went with it.
    pub messages: u32,
    /// Messages in it and below it that are not pruned.
    pub below: u32,
    /// Branches that part after it.
    pub children: u32,
    /// It lies on the branch on view.
    pub on_view: bool,
    /// In the trash since then; what hangs on it is not listed.
    pub pruned_at: Option<i64>,
}

/// A message at one end of a stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub message: MessageId,
    pub role: MessageRole,
    /// Its first words. Foreign text.
    pub begins: String,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
}
