//! The rows of the shelves as they come, page by page: one request at a time, in the order in which they were wished for.

use std::collections::HashSet;

use super::{Ask, Node, PAGE, Tree, Wish, entry};
use crate::api::{
    ConversationId,
    organise::{ConversationRow, Grouping, PAGE_MAX, Page, Shelf},
};

impl Tree {
    /// A page of a shelf came; gives the next request, if one waits.
    pub fn set_page(&mut self, asked: u64, shelf: Shelf, page: Option<Page<ConversationRow>>) -> Option<Ask> {
        let matches = self.asking.as_ref().is_some_and(|(number, wish, _)| *number == asked && wish.shelf == shelf);
        if !matches {
            return None;
        }
        let (_, wish, filter) = self.asking.take()?;
        // A page that was asked with another filter than the box now holds is no use any more.
        let is_current = shelf != Shelf::Recent || self.filter.as_deref().unwrap_or_default() == filter;
        if let Some(page) = page.filter(|_| is_current) {
            let loaded = self.shelves.entry(shelf).or_default();
            if wish.fresh {
                loaded.rows.clear();
            }
            let known: HashSet<ConversationId> = loaded.rows.iter().map(|entry| entry.row.id).collect();
            loaded.rows.extend(page.rows.into_iter().filter(|row| !known.contains(&row.id)).map(entry));
            loaded.next = page.next;
            loaded.here = true;
            for entry in &loaded.rows {
                if let Some(marked) = self.marked.get_mut(&entry.row.id) {
                    marked.clone_from(&entry.row);
                }
            }
            self.relist();
        }
        self.next_ask()
    }

    /// Sets or clears the filter; the rows for it come later, by `ask_filtered`.
    pub fn set_filter(&mut self, filter: Option<String>) -> Option<Ask> {
        // What is found and what was used last are on the same shelf.
        let changes = filter.is_none() || self.filter.is_none();
        if changes {
            self.shelves.remove(&Shelf::Recent);
        }
        let is_cleared = filter.is_none();
        self.filter = filter;
        self.selected = 0;
        self.relist();
        if is_cleared && self.grouping == Grouping::Time {
            self.wish(Shelf::Recent, true);
            return self.next_ask();
        }
        None
    }

    /// The filter's text has been still long enough to be looked up.
    pub fn ask_filtered(&mut self) -> Option<Ask> {
        self.filter.as_ref()?;
        self.wish(Shelf::Recent, true);
        self.next_ask()
    }

    pub(super) fn wish(&mut self, shelf: Shelf, fresh: bool) {
        let wish = Wish { shelf, fresh };
        // A filter's request is overtaken by a newer one; a shelf's page is the same whoever waits for it.
        if shelf == Shelf::Recent {
            self.wishes.retain(|waiting| waiting.shelf != shelf);
            self.asking.take_if(|(_, asking, _)| asking.shelf == shelf);
        }
        if !self.wishes.contains(&wish) {
            self.wishes.push_back(wish);
        }
    }

    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        if self.asking.is_some() {
            return None;
        }
        let wish = self.wishes.pop_front()?;
        self.asked += 1;
        let loaded = self.shelves.get(&wish.shelf);
        let (after, limit) = if wish.fresh {
            let shown = loaded.map_or(0, |loaded| u32::try_from(loaded.rows.len()).unwrap_or(u32::MAX));
            (None, shown.clamp(PAGE, PAGE_MAX))
        } else {
            (loaded.and_then(|loaded| loaded.next.clone()), PAGE)
        };
        let filter = if wish.shelf == Shelf::Recent { self.filter.clone().unwrap_or_default() } else { String::new() };
        let ask = Ask { asked: self.asked, shelf: wish.shelf, filter: filter.clone(), after, limit };
        self.asking = Some((self.asked, wish, filter));
        Some(ask)
    }

    pub(super) fn load_near_cursor(&mut self) -> Option<Ask> {
        let near = self.rows.iter().skip(self.selected).take(10).find_map(|row| match row.node {
            Node::More(shelf) => Some(shelf),
            Node::Shelf(_) | Node::Conversation(..) | Node::Nothing(_) | Node::Group(_) => None,
        })?;
        let wish = Wish { shelf: near, fresh: false };
        if self.asking.as_ref().is_some_and(|(_, asking, _)| *asking == wish) {
            return None;
        }
        self.wish(near, false);
        self.next_ask()
    }
}
