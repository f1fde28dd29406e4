//! What is marked, to do something to several: conversations and folders.

use super::{Node, Tree};
use crate::api::organise::{ConversationRow, Folder, Shelf};

impl Tree {
    /// Marks the conversation or the folder under the cursor, or no longer. False = there is none.
    pub fn toggle_mark(&mut self) -> bool {
        match self.selected() {
            Some(Node::Conversation(_, id)) => {
                if self.marked.remove(&id).is_none() {
                    let Some(row) = self.row_of(id).map(|entry| entry.row.clone()) else { return false };
                    self.marked.insert(id, row);
                }
                true
            }
            Some(Node::Shelf(Shelf::Folder(Some(id)))) => {
                if !self.marked_folders.remove(&id) {
                    self.marked_folders.insert(id);
                }
                true
            }
            Some(Node::Shelf(_) | Node::More(_) | Node::Nothing(_) | Node::Group(_)) | None => false,
        }
    }

    /// Conversations, in the order in which they were made.
    pub fn marked(&self) -> Vec<ConversationRow> {
        self.marked.values().cloned().collect()
    }

    /// Folders, those that lie deeper first: what is done to one finds those in it done already.
    pub fn marked_folders(&self) -> Vec<Folder> {
        let mut folders: Vec<(usize, &Folder)> = self
            .marked_folders
            .iter()
            .filter_map(|id| self.folders.get(id))
            .map(|(folder, _)| (self.depth(folder), folder))
            .collect();
        folders.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        folders.into_iter().map(|(_, folder)| folder.clone()).collect()
    }

    fn depth(&self, folder: &Folder) -> usize {
        let (mut depth, mut above) = (0, folder.parent);
        while let Some(id) = above {
            depth += 1;
            above = self.forest.parent(id);
        }
        depth
    }

    /// How many of both.
    pub fn marks(&self) -> usize {
        self.marked.len() + self.marked_folders.len()
    }

    pub fn clear_marks(&mut self) {
        self.marked.clear();
        self.marked_folders.clear();
    }
}
