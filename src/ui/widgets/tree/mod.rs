//! The list of conversations: pinned, folders nested with counts, unfiled ones, archive, trash. Knows names and counts;
//! asks its parent for the rows of a shelf when that is unfolded, and for one shelf at a time.
//!
//! Invariant: `rows` is the flattened picture of everything else in here and is made anew by `relist` after each change;
//! drawing lays out only the rows on the screen.

mod age;
mod marks;
mod paths;
mod rows;
mod view;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
};

use jiff::tz::TimeZone;

pub use self::rows::{Forest, Node, Row};
use self::{age::Calendar, rows::Step};
use crate::{
    api::{
        ConversationId, FolderId,
        organise::{ConversationRow, Counts, Cursor, Folder, Grouping, PAGE_MAX, Page, Shelf, Tree as Skeleton},
    },
    safe_text::SafeText,
};

/// Conversations asked for at a time.
const PAGE: u32 = 50;

/// A request for the rows of one shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub asked: u64,
    pub shelf: Shelf,
    pub filter: String,
    pub after: Option<Cursor>,
    pub limit: u32,
}

#[derive(Debug, Default)]
struct Loaded {
    rows: Vec<Entry>,
    next: Option<Cursor>,
    /// False until the first page came.
    here: bool,
}

/// A conversation with its title made safe once.
#[derive(Clone, Debug)]
pub struct Entry {
    pub row: ConversationRow,
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    shelf: Shelf,
    /// Begin anew rather than go on after what is loaded.
    fresh: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each shelf is open or not on its own")]
#[derive(Debug)]
pub struct Tree {
    folders: HashMap<FolderId, (Folder, String)>,
    forest: Forest,
    counts: Counts,
    has_skeleton: bool,
    unfolded: HashSet<FolderId>,
    pinned_open: bool,
    archive_open: bool,
    trash_open: bool,
    grouping: Grouping,
    calendar: Option<Calendar>,
    /// What is marked, to do something to several; as it was when it was marked or read last.
    marked: BTreeMap<ConversationId, ConversationRow>,
    /// Anything that is loaded carries a tag: a line at the bottom shows those of the row in use.
    has_tags: bool,
    shelves: HashMap<Shelf, Loaded>,
    filter: Option<String>,
    /// Shelves to be asked for, and the one that is being asked for: one at a time, in order.
    wishes: VecDeque<Wish>,
    asking: Option<(u64, Wish, String)>,
    asked: u64,
    rows: Vec<Row>,
    selected: usize,
    pub current: Option<ConversationId>,
    top: Cell<usize>,
    height: Cell<u16>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            folders: HashMap::new(),
            forest: Forest::default(),
            counts: Counts::default(),
            has_skeleton: false,
            unfolded: HashSet::new(),
            pinned_open: true,
            archive_open: false,
            trash_open: false,
            grouping: Grouping::default(),
            calendar: None,
            marked: BTreeMap::new(),
            has_tags: false,
            shelves: HashMap::new(),
            filter: None,
            wishes: VecDeque::new(),
            asking: None,
            asked: 0,
            rows: Vec::new(),
            selected: 0,
            current: None,
            top: Cell::new(0),
            height: Cell::new(0),
        }
    }
}

impl Tree {
    /// The skeleton came: folders and counts. Whatever is unfolded is asked for anew.
    pub fn set_skeleton(&mut self, skeleton: Skeleton) -> Option<Ask> {
        self.forest = Forest::new(&skeleton.folders);
        self.folders = skeleton
            .folders
            .into_iter()
            .map(|folder| {
                let name = SafeText::line(&folder.name).as_str().to_owned();
                (folder.id, (folder, name))
            })
            .collect();
        self.counts = skeleton.counts;
        if self.grouping != skeleton.grouping {
            self.grouping = skeleton.grouping;
            self.shelves.remove(&Shelf::Recent);
        }
        self.has_skeleton = true;
        self.unfolded.retain(|id| self.folders.contains_key(id));
        self.shelves.retain(|shelf, _| match shelf {
            Shelf::Folder(Some(id)) => self.folders.contains_key(id),
            Shelf::Folder(None) | Shelf::Pinned | Shelf::Recent | Shelf::Archive | Shelf::Trash => true,
        });
        let mut open: Vec<Shelf> = Vec::new();
        if self.filter.is_some() {
            open.push(Shelf::Recent);
        } else {
            if self.pinned_open && self.counts.pinned > 0 {
                open.push(Shelf::Pinned);
            }
            match self.grouping {
                Grouping::Folders => {
                    open.insert(0, Shelf::Folder(None));
                    open.extend(self.unfolded.iter().map(|id| Shelf::Folder(Some(*id))));
                }
                Grouping::Time => open.push(Shelf::Recent),
            }
            if self.archive_open {
                open.push(Shelf::Archive);
            }
            if self.trash_open {
                open.push(Shelf::Trash);
            }
        }
        if self.counts.pinned == 0 {
            self.shelves.remove(&Shelf::Pinned);
        }
        for shelf in open {
            self.wish(shelf, true);
        }
        self.relist();
        self.next_ask()
    }

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

    /// A conversation changed: its row is shown anew at once, wherever it stands.
    pub fn update_row(&mut self, row: &ConversationRow) {
        let fresh = entry(row.clone());
        if let Some(marked) = self.marked.get_mut(&row.id) {
            marked.clone_from(row);
        }
        for loaded in self.shelves.values_mut() {
            for entry in loaded.rows.iter_mut().filter(|entry| entry.row.id == row.id) {
                *entry = fresh.clone();
            }
        }
    }

    pub fn row_of(&self, id: ConversationId) -> Option<&Entry> {
        self.shelves.values().flat_map(|loaded| &loaded.rows).find(|entry| entry.row.id == id)
    }

    pub fn folder(&self, id: FolderId) -> Option<&Folder> {
        self.folders.get(&id).map(|(folder, _)| folder)
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn has_skeleton(&self) -> bool {
        self.has_skeleton
    }

    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
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

    pub fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// What day it is: headings such as “Yesterday” follow it.
    pub fn look_at_clock(&mut self, now_ms: i64, zone: &TimeZone) {
        self.calendar = Calendar::at(now_ms, zone);
    }

    /// The filter's text has been still long enough to be looked up.
    pub fn ask_filtered(&mut self) -> Option<Ask> {
        self.filter.as_ref()?;
        self.wish(Shelf::Recent, true);
        self.next_ask()
    }

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
    fn leave_heading(&mut self, upwards: bool) {
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

    fn wish(&mut self, shelf: Shelf, fresh: bool) {
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

    fn next_ask(&mut self) -> Option<Ask> {
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

    fn load_near_cursor(&mut self) -> Option<Ask> {
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

    /// Makes the flat list anew and keeps the cursor on what it was on.
    fn relist(&mut self) {
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

    fn list_folders(&self, rows: &mut Vec<Row>) {
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
    fn list_by_time(&self, rows: &mut Vec<Row>) {
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

    fn list_content(&self, rows: &mut Vec<Row>, shelf: Shelf, depth: u16, says_nothing: bool) {
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

fn entry(row: ConversationRow) -> Entry {
    let title = SafeText::line(&row.title).as_str().trim().to_owned();
    let title = if title.is_empty() { "Untitled".to_owned() } else { title };
    Entry { row, title }
}

#[cfg(test)]
mod tests;
