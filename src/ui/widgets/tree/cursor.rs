//! Where the cursor is and how it moves; what is folded and unfolded.

use super::{Ask, Node, Row, Tree};
use crate::api::{FolderId, organise::Shelf};

impl Tree {
    pub fn selected(&self) -> Option<Node> {
        self.rows.get(self.selected).map(|row| row.node)
    }

    /// The folder that the cursor is on or in.
    pub fn folder_at_cursor(&self) -> Option<FolderId> {
        match self.selected()? {
            Node::Shelf(Shelf::Folder(folder))
            | Node::Conversation(Shelf::Folder(folder), _)
            | Node::More(Shelf::Folder(folder))
            | Node::Nothing(Shelf::Folder(folder)) => folder,
            Node::Conversation(_, id) => self.row_of(id).and_then(|entry| entry.row.folder),
            Node::Shelf(_) | Node::More(_) | Node::Nothing(_) | Node::Group(_) => None,
        }
    }

    pub fn select(&mut self, node: Node) {
        if let Some(at) = self.rows.iter().position(|row| row.node == node) {
            self.selected = at;
        }
    }

    /// Moves the cursor; gives a request when the end of a shelf that has more comes near.
    pub fn step(&mut self, by: isize) -> Option<Ask> {
        self.selected = self.selected.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.leave_heading(by < 0);
        self.load_near_cursor()
    }

    pub fn page(&mut self, down: bool) -> Option<Ask> {
        let rows = isize::try_from(self.height.get().max(2) - 1).unwrap_or(1);
        self.step(if down { rows } else { -rows })
    }

    pub fn to_top(&mut self) {
        self.selected = 0;
        self.leave_heading(false);
    }

    /// A heading is passed over; the first one is passed over downwards.
    pub(super) fn leave_heading(&mut self, upwards: bool) {
        let is_heading = |at: usize| matches!(self.rows.get(at), Some(Row { node: Node::Group(_), .. }));
        if !is_heading(self.selected) {
            return;
        }
        self.selected = match (upwards, self.selected) {
            (true, at) if at > 0 && !is_heading(at - 1) => at - 1,
            (_, at) => (at + 1).min(self.rows.len().saturating_sub(1)),
        };
    }

    pub fn to_bottom(&mut self) -> Option<Ask> {
        self.selected = self.rows.len().saturating_sub(1);
        self.load_near_cursor()
    }

    /// Selects the row drawn at this line of the list; true when there is one.
    pub fn click(&mut self, line: u16) -> bool {
        let at = self.top.get() + usize::from(line);
        let is_row = self.rows.get(at).is_some_and(|row| !matches!(row.node, Node::Group(_)));
        let hit = is_row && line < self.height.get();
        if hit {
            self.selected = at;
        }
        hit
    }

    pub fn is_open(&self, shelf: Shelf) -> bool {
        match shelf {
            Shelf::Pinned => self.pinned_open,
            Shelf::Archive => self.archive_open,
            Shelf::Trash => self.trash_open,
            Shelf::Folder(Some(id)) => self.unfolded.contains(&id),
            Shelf::Folder(None) | Shelf::Recent => true,
        }
    }

    /// Folds or unfolds; an unfolded shelf is asked for.
    pub fn set_open(&mut self, shelf: Shelf, open: bool) -> Option<Ask> {
        match shelf {
            Shelf::Pinned => self.pinned_open = open,
            Shelf::Archive => self.archive_open = open,
            Shelf::Trash => self.trash_open = open,
            Shelf::Folder(Some(id)) if open => {
                self.unfolded.insert(id);
            }
            Shelf::Folder(Some(id)) => {
                self.unfolded.remove(&id);
            }
            Shelf::Folder(None) | Shelf::Recent => {}
        }
        if open {
            self.wish(shelf, true);
        }
        self.relist();
        self.next_ask()
    }

    /// Folds the shelf under the cursor, or goes to the one the cursor is in.
    pub fn fold(&mut self) {
        let Some(node) = self.selected() else { return };
        let up = match node {
            Node::Shelf(shelf) if self.is_open(shelf) => {
                let _ = self.set_open(shelf, false);
                return;
            }
            Node::Shelf(Shelf::Folder(Some(id))) => self.forest.parent(id).map(|id| Shelf::Folder(Some(id))),
            Node::Shelf(_) | Node::Group(_) => None,
            Node::Conversation(shelf, _) | Node::More(shelf) | Node::Nothing(shelf) => Some(shelf),
        };
        if let Some(shelf) = up {
            self.select(Node::Shelf(shelf));
        }
    }

    /// Unfolds every folder above this one, so that it can be seen.
    pub fn reveal(&mut self, folder: FolderId) -> Option<Ask> {
        let mut at = self.forest.parent(folder);
        while let Some(id) = at {
            if self.unfolded.insert(id) {
                self.wish(Shelf::Folder(Some(id)), true);
            }
            at = self.forest.parent(id);
        }
        self.relist();
        self.select(Node::Shelf(Shelf::Folder(Some(folder))));
        self.next_ask()
    }
}
