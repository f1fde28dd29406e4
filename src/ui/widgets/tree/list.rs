//! The flat list of rows, made anew from everything that is known.

use super::{Node, Row, Tree, rows::Step};
use crate::api::organise::{Grouping, Shelf};

impl Tree {
    /// Makes the flat list anew and keeps the cursor on what it was on.
    pub(super) fn relist(&mut self) {
        let on = self.selected();
        let mut rows = Vec::with_capacity(self.rows.len() + 16);
        if self.filter.is_some() {
            self.list_content(&mut rows, Shelf::Recent, 0, true);
        } else {
            if self.counts.pinned > 0 {
                rows.push(Row { node: Node::Shelf(Shelf::Pinned), depth: 0 });
                if self.pinned_open {
                    self.list_content(&mut rows, Shelf::Pinned, 1, true);
                }
            }
            match self.grouping {
                Grouping::Folders => self.list_folders(&mut rows),
                Grouping::Time => self.list_by_time(&mut rows),
            }
            for (shelf, count, open) in [
                (Shelf::Archive, self.counts.archive, self.archive_open),
                (Shelf::Trash, self.counts.trash, self.trash_open),
            ] {
                if count > 0 {
                    rows.push(Row { node: Node::Shelf(shelf), depth: 0 });
                    if open {
                        self.list_content(&mut rows, shelf, 1, true);
                    }
                }
            }
        }
        self.rows = rows;
        self.has_tags = self.shelves.values().flat_map(|loaded| &loaded.rows).any(|entry| !entry.row.tags.is_empty());
        if let Some(at) = on.and_then(|node| self.rows.iter().position(|row| row.node == node)) {
            self.selected = at;
        } else {
            self.selected = self.selected.min(self.rows.len().saturating_sub(1));
            self.leave_heading(false);
        }
    }

    pub(super) fn list_folders(&self, rows: &mut Vec<Row>) {
        self.forest.walk(
            |id| self.unfolded.contains(&id),
            |step| match step {
                Step::Folder(id, depth) => {
                    rows.push(Row { node: Node::Shelf(Shelf::Folder(Some(id))), depth });
                }
                Step::Content(id, depth) => {
                    let is_leaf = self.forest.children(Some(id)).is_empty();
                    self.list_content(rows, Shelf::Folder(Some(id)), depth, is_leaf);
                }
            },
        );
        self.list_content(rows, Shelf::Folder(None), 0, false);
    }

    /// The order is that of use; a heading stands where the next days begin, and none stands twice, whatever a clock said.
    pub(super) fn list_by_time(&self, rows: &mut Vec<Row>) {
        let mut content = Vec::new();
        self.list_content(&mut content, Shelf::Recent, 1, false);
        let mut entries = self.shelves.get(&Shelf::Recent).map_or(&[][..], |loaded| &loaded.rows).iter();
        let mut last = None;
        for row in content {
            if let (Some(entry), Some(calendar)) = (entries.next(), &self.calendar) {
                let age = Some(calendar.age(entry.row.used_at)).max(last);
                if age != last {
                    rows.extend(age.map(|age| Row { node: Node::Group(age), depth: 0 }));
                    last = age;
                }
            }
            rows.push(row);
        }
    }

    pub(super) fn list_content(&self, rows: &mut Vec<Row>, shelf: Shelf, depth: u16, says_nothing: bool) {
        let Some(loaded) = self.shelves.get(&shelf).filter(|loaded| loaded.here) else { return };
        rows.extend(loaded.rows.iter().map(|entry| Row { node: Node::Conversation(shelf, entry.row.id), depth }));
        if loaded.next.is_some() {
            rows.push(Row { node: Node::More(shelf), depth });
        }
        if loaded.rows.is_empty() && says_nothing {
            rows.push(Row { node: Node::Nothing(shelf), depth });
        }
    }
}
