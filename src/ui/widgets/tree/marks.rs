//! What is marked, to do something to several.

use super::{Node, Tree};
use crate::api::organise::ConversationRow;

impl Tree {
    /// Marks the conversation under the cursor, or no longer. False = there is none.
    pub fn toggle_mark(&mut self) -> bool {
        let Some(Node::Conversation(_, id)) = self.selected() else { return false };
        if self.marked.remove(&id).is_none() {
            let Some(row) = self.row_of(id).map(|entry| entry.row.clone()) else { return false };
            self.marked.insert(id, row);
        }
        true
    }

    /// In the order in which they were made.
    pub fn marked(&self) -> Vec<ConversationRow> {
        self.marked.values().cloned().collect()
    }

    pub fn marks(&self) -> usize {
        self.marked.len()
    }

    pub fn clear_marks(&mut self) {
        self.marked.clear();
    }
}
