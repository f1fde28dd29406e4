//! The list of conversations: pinned, folders nested with counts, unfiled ones, archive, trash. Knows names and counts;
//! asks its parent for the rows of a shelf when that is unfolded, and for one shelf at a time.
//!
//! Invariant: `rows` is the flattened picture of everything else in here and is made anew by `relist` after each change;
//! drawing lays out only the rows on the screen.

mod age;
mod cursor;
mod list;
mod marks;
mod pages;
mod paths;
mod rows;
mod view;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
};

use jiff::tz::TimeZone;

use self::age::Calendar;
pub use self::rows::{Forest, Node, Row};
use crate::{
    api::{
        ConversationId, FolderId,
        organise::{ConversationRow, Counts, Cursor, Folder, Grouping, Shelf, Tree as Skeleton},
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
    marked_folders: BTreeSet<FolderId>,
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
            marked_folders: BTreeSet::new(),
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
        self.marked_folders.retain(|id| self.folders.contains_key(id));
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

    pub fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// What day it is: headings such as “Yesterday” follow it.
    pub fn look_at_clock(&mut self, now_ms: i64, zone: &TimeZone) {
        self.calendar = Calendar::at(now_ms, zone);
    }
}

fn entry(row: ConversationRow) -> Entry {
    let title = SafeText::line(&row.title).as_str().trim().to_owned();
    let title = if title.is_empty() { "Untitled".to_owned() } else { title };
    Entry { row, title }
}

#[cfg(test)]
mod tests;
