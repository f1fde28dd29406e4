//! Which rows the tree shows: folders, shelves and conversations flattened, without recursion and without any layout.
//!
//! Folders come from the store, so loops and missing parents are possible in a damaged vault; such folders stand at the
//! top level rather than nowhere.

use std::collections::{HashMap, HashSet};

use super::age::Age;
use crate::api::{ConversationId, FolderId, organise::Folder, organise::Shelf};

/// What one row of the tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A fixed heading: pinned, archive, trash; or the folder with this id.
    Shelf(Shelf),
    Conversation(Shelf, ConversationId),
    /// More rows of this shelf are to be loaded.
    More(Shelf),
    /// A shelf or filter without anything in it.
    Nothing(Shelf),
    /// A heading above conversations that were used then. Nothing can be done to it.
    Group(Age),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub node: Node,
    pub depth: u16,
}

/// The folders as a forest: children by parent in the order shown, and how many conversations lie in and below each.
#[derive(Debug, Default)]
pub struct Forest {
    children: HashMap<Option<FolderId>, Vec<FolderId>>,
    totals: HashMap<FolderId, u32>,
    parents: HashMap<FolderId, Option<FolderId>>,
}

impl Forest {
    pub fn new(folders: &[Folder]) -> Self {
        let known: HashSet<FolderId> = folders.iter().map(|folder| folder.id).collect();
        let mut parents: HashMap<FolderId, Option<FolderId>> =
            folders.iter().map(|folder| (folder.id, folder.parent.filter(|parent| known.contains(parent)))).collect();
        cut_loops(folders, &mut parents);
        let mut sorted: Vec<(String, &Folder)> =
            folders.iter().map(|folder| (folder.name.to_lowercase(), folder)).collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
        let mut children: HashMap<Option<FolderId>, Vec<FolderId>> = HashMap::new();
        for (_, folder) in &sorted {
            children.entry(parents.get(&folder.id).copied().flatten()).or_default().push(folder.id);
        }
        let totals = totals(folders, &children);
        Self { children, totals, parents }
    }

    pub fn children(&self, of: Option<FolderId>) -> &[FolderId] {
        self.children.get(&of).map_or(&[], Vec::as_slice)
    }

    pub fn total(&self, of: FolderId) -> u32 {
        self.totals.get(&of).copied().unwrap_or_default()
    }

    pub fn parent(&self, of: FolderId) -> Option<FolderId> {
        self.parents.get(&of).copied().flatten()
    }

    /// Whether `folder` is `above` or lies somewhere in it.
    pub fn is_within(&self, folder: FolderId, above: FolderId) -> bool {
        let mut at = Some(folder);
        while let Some(id) = at {
            if id == above {
                return true;
            }
            at = self.parent(id);
        }
        false
    }

    /// All folders with their depth, in the order the tree would show them unfolded.
    pub fn walk(&self, is_open: impl Fn(FolderId) -> bool, mut visit: impl FnMut(Step)) {
        let mut stack: Vec<Step> = Vec::new();
        let push = |stack: &mut Vec<Step>, parent: Option<FolderId>, depth: u16| {
            stack.extend(self.children(parent).iter().rev().map(|id| Step::Folder(*id, depth)));
        };
        push(&mut stack, None, 0);
        while let Some(step) = stack.pop() {
            visit(step);
            if let Step::Folder(id, depth) = step
                && is_open(id)
            {
                stack.push(Step::Content(id, depth.saturating_add(1)));
                push(&mut stack, Some(id), depth.saturating_add(1));
            }
        }
    }
}

/// One stop of the walk through the folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Folder(FolderId, u16),
    /// The place after a folder's own folders, where its conversations stand.
    Content(FolderId, u16),
}

/// Puts a folder of every loop at the top level, so that each one is reachable.
fn cut_loops(folders: &[Folder], parents: &mut HashMap<FolderId, Option<FolderId>>) {
    let mut sound: HashSet<FolderId> = HashSet::with_capacity(folders.len());
    for folder in folders {
        let mut path = HashSet::new();
        let mut at = folder.id;
        loop {
            if sound.contains(&at) {
                break;
            }
            if !path.insert(at) {
                parents.insert(at, None);
                break;
            }
            match parents.get(&at).copied().flatten() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        sound.extend(path);
    }
}

fn totals(folders: &[Folder], children: &HashMap<Option<FolderId>, Vec<FolderId>>) -> HashMap<FolderId, u32> {
    let mut totals: HashMap<FolderId, u32> = folders.iter().map(|folder| (folder.id, folder.conversations)).collect();
    let mut order: Vec<(FolderId, Option<FolderId>)> = Vec::with_capacity(folders.len());
    let mut stack: Vec<(FolderId, Option<FolderId>)> =
        children.get(&None).into_iter().flatten().map(|id| (*id, None)).collect();
    while let Some((id, parent)) = stack.pop() {
        order.push((id, parent));
        stack.extend(children.get(&Some(id)).into_iter().flatten().map(|child| (*child, Some(id))));
    }
    for (id, parent) in order.into_iter().rev() {
        let below = totals.get(&id).copied().unwrap_or_default();
        if let Some(total) = parent.and_then(|parent| totals.get_mut(&parent)) {
            *total = total.saturating_add(below);
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(id: FolderId, parent: Option<FolderId>, name: &str, conversations: u32) -> Folder {
        Folder { id, parent, name: name.to_owned(), conversations, preset: None, rev: 1 }
    }

    #[test]
    fn counts_include_what_lies_below() {
        let (a, b, c) = (FolderId::new(), FolderId::new(), FolderId::new());
        let forest = Forest::new(&[folder(c, Some(b), "c", 4), folder(a, None, "a", 1), folder(b, Some(a), "b", 2)]);
        assert_eq!((forest.total(a), forest.total(b), forest.total(c)), (7, 6, 4));
        assert!(forest.is_within(c, a) && !forest.is_within(a, c));
    }

    #[test]
    fn siblings_stand_in_order_of_their_names_without_regard_to_case() {
        let ids = [FolderId::new(), FolderId::new(), FolderId::new()];
        let forest = Forest::new(&[
            folder(ids[0], None, "beta", 0),
            folder(ids[1], None, "Alpha", 0),
            folder(ids[2], None, "alto", 0),
        ]);
        assert_eq!(forest.children(None), &[ids[1], ids[2], ids[0]]);
    }

    #[test]
    fn a_loop_of_folders_is_still_shown() {
        let (a, b) = (FolderId::new(), FolderId::new());
        let forest = Forest::new(&[folder(a, Some(b), "a", 1), folder(b, Some(a), "b", 1)]);
        let mut seen = 0;
        forest.walk(|_| true, |step| seen += usize::from(matches!(step, Step::Folder(..))));
        assert_eq!(seen, 2);
    }

    #[test]
    fn ten_thousand_folders_a_thousand_deep_are_walked_without_recursion() {
        let ids: Vec<FolderId> = (0..10_000).map(|_| FolderId::new()).collect();
        let folders: Vec<Folder> = ids
            .iter()
            .enumerate()
            .map(|(n, id)| folder(*id, (n % 1000 > 0).then(|| ids[n - 1]), &format!("{n}"), 1))
            .collect();
        let forest = Forest::new(&folders);
        let (mut seen, mut deepest) = (0, 0);
        forest.walk(
            |_| true,
            |step| {
                if let Step::Folder(_, depth) = step {
                    seen += 1;
                    deepest = deepest.max(depth);
                }
            },
        );
        assert_eq!((seen, deepest, forest.total(ids[0])), (10_000, 999, 1000));
    }
}
