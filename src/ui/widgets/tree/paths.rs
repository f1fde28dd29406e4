//! Where folders lie, in words; and where something can be moved.

use std::collections::{HashMap, HashSet};

use super::{Tree, rows::Step};
use crate::api::FolderId;

/// Longest path that is shown of a folder, characters: of a thousand levels the last ones tell it apart, and they have to
/// be seen whole in a list at 80 columns.
const PATH_MAX: usize = 60;

impl Tree {
    /// A folder's place from the top, safe to draw: `work/rust`.
    pub fn path(&self, id: FolderId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            names.push(self.folders.get(&id).map_or("…", |(_, name)| name.as_str()));
            at = self.forest.parent(id);
        }
        names.reverse();
        names.join("/")
    }

    /// The same for a sentence or a list: `work / rust`, and of a long one its end.
    pub fn spaced_path(&self, id: FolderId) -> String {
        let mut paths = HashMap::new();
        self.spaced_paths(&mut paths, id)
    }

    /// The path of a folder from those of the folders above it, which are kept. Iterative: they lie a thousand deep.
    fn spaced_paths(&self, paths: &mut HashMap<FolderId, String>, id: FolderId) -> String {
        let (mut way, mut at) = (Vec::new(), Some(id));
        while let Some(id) = at.filter(|id| !paths.contains_key(id)) {
            way.push(id);
            at = self.forest.parent(id);
        }
        for id in way.into_iter().rev() {
            let name = self.folders.get(&id).map_or("…", |(_, name)| name.as_str());
            let path = match self.forest.parent(id).and_then(|parent| paths.get(&parent)) {
                Some(parent) => format!("{parent} / {name}"),
                None => name.to_owned(),
            };
            paths.insert(id, end_of_path(path));
        }
        paths.get(&id).cloned().unwrap_or_default()
    }

    /// All folders in tree order with their paths, without `outside` and what lies in these: where something can be moved.
    pub fn places(&self, outside: &[FolderId]) -> Vec<(FolderId, String)> {
        let (mut places, mut inside) = (Vec::new(), HashSet::new());
        self.forest.walk(
            |_| true,
            |step| {
                // The walk comes to a folder before those in it, so what is outside the moved one is found level by level.
                if let Step::Folder(id, _) = step {
                    let is_inside =
                        outside.contains(&id) || self.forest.parent(id).is_some_and(|above| inside.contains(&above));
                    if is_inside {
                        inside.insert(id);
                    } else {
                        places.push(id);
                    }
                }
            },
        );
        let mut paths = HashMap::with_capacity(places.len());
        places.into_iter().map(|id| (id, self.spaced_paths(&mut paths, id))).collect()
    }
}

/// The last levels of a path, whole names only, as far as there is room.
fn end_of_path(path: String) -> String {
    let length = path.chars().count();
    if length <= PATH_MAX {
        return path;
    }
    let from = path.char_indices().nth(length - PATH_MAX).map_or(0, |(at, _)| at);
    let cut = path[from..].find(" / ").map_or(from, |at| from + at);
    format!("…{}", &path[cut..])
}
