//! Finds what a person means by an id, the beginning or end of one, a title, a path, or `last`.
//!
//! Ids made within the same minute begin alike (UUIDv7), so lists show their end, and an end is taken as well.

use std::collections::BTreeMap;

use super::{Desk, out};
use crate::api::{
    ConversationId, Fault, FaultKind, FolderId, amount,
    auth::Session,
    organise::{ConversationRow, Cursor, Folder, PAGE_MAX, Shelf},
};

/// Shorter pieces of an id are titles.
const SHORTEST: usize = 4;

/// The end of an id, as lists show it.
#[must_use]
pub fn short(id: impl std::fmt::Display) -> String {
    let id = id.to_string();
    id.get(id.len().saturating_sub(8)..).unwrap_or(&id).to_owned()
}

/// The one conversation on these shelves that `which` means.
///
/// # Errors
/// When there is none, or more than one.
pub async fn conversation(
    desk: &Desk,
    session: &Session,
    which: &str,
    shelves: &[Shelf],
) -> Result<ConversationRow, Fault> {
    let which = which.trim();
    if which == "last" {
        let page = desk.gateway.conversations(session, Shelf::Recent, "", None, 1).await?;
        return page.rows.into_iter().next().ok_or_else(|| {
            Fault::new(FaultKind::NotFound, "There is no conversation yet.").hint("Begin one: ollamanet ask \"…\"")
        });
    }
    if let Ok(id) = which.parse::<ConversationId>() {
        return Ok(desk.gateway.conversation(session, id).await?.row);
    }
    let mut found = Vec::new();
    for shelf in shelves {
        let titles = all(desk, session, *shelf, which).await?;
        found.extend(titles);
    }
    let exact: Vec<_> = found.iter().filter(|row| same(&row.title, which)).cloned().collect();
    if !exact.is_empty() {
        found = exact;
    } else if is_piece_of_id(which) {
        for shelf in shelves {
            let all = all(desk, session, *shelf, "").await?;
            found.extend(all.into_iter().filter(|row| is_piece(&row.id.to_string(), which)));
        }
    }
    found.sort_by_key(|row| row.id);
    found.dedup_by_key(|row| row.id);
    one(found, "conversation", which, |row| format!("{} {}", short(row.id), out::safe(&row.title)))
}

async fn all(desk: &Desk, session: &Session, shelf: Shelf, filter: &str) -> Result<Vec<ConversationRow>, Fault> {
    let mut rows = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = desk.gateway.conversations(session, shelf, filter, after, PAGE_MAX).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(rows);
        }
    }
}

/// The one folder that `which` means: an id, a path such as `work/rust`, or a name.
///
/// # Errors
/// When there is none, or more than one.
pub fn folder(folders: &[Folder], which: &str) -> Result<Folder, Fault> {
    let which = which.trim().trim_matches('/');
    let paths = paths(folders);
    let path_of = |folder: &Folder| paths.get(&folder.id).map_or("", String::as_str);
    let by =
        |is: &dyn Fn(&Folder) -> bool| -> Vec<Folder> { folders.iter().filter(|folder| is(folder)).cloned().collect() };
    let mut found = by(&|folder| same(path_of(folder), which));
    if found.is_empty() {
        found = by(&|folder| same(&folder.name, which));
    }
    if found.is_empty() && is_piece_of_id(which) {
        found = by(&|folder| is_piece(&folder.id.to_string(), which));
    }
    one(found, "folder", which, |folder| format!("{} {}", short(folder.id), out::safe(path_of(folder))))
}

/// The path of every folder. A name may hold a slash; then only its id tells it apart.
#[must_use]
pub fn paths(folders: &[Folder]) -> BTreeMap<FolderId, String> {
    let by_id: BTreeMap<FolderId, &Folder> = folders.iter().map(|folder| (folder.id, folder)).collect();
    let mut paths: BTreeMap<FolderId, String> = BTreeMap::new();
    for folder in folders {
        // Up to the first ancestor whose path is known, then down again: no recursion, however deep they lie.
        let mut way = Vec::new();
        let mut at = Some(folder);
        while let Some(folder) = at.filter(|folder| !paths.contains_key(&folder.id) && way.len() <= folders.len()) {
            way.push(folder);
            at = folder.parent.and_then(|parent| by_id.get(&parent).copied());
        }
        for folder in way.into_iter().rev() {
            let path = match folder.parent.and_then(|parent| paths.get(&parent)) {
                Some(parent) => format!("{parent}/{}", folder.name),
                None => folder.name.clone(),
            };
            paths.insert(folder.id, path);
        }
    }
    paths
}

fn one<T>(mut found: Vec<T>, what: &str, which: &str, shown: impl Fn(&T) -> String) -> Result<T, Fault> {
    let which = out::safe(which);
    match found.len() {
        0 => Err(Fault::new(FaultKind::NotFound, format!("There is no {what} “{which}”."))
            .hint(format!("`ollamanet {what}s list` shows what there is."))),
        1 => Ok(found.swap_remove(0)),
        count => {
            let first: Vec<String> = found.iter().take(5).map(shown).collect();
            let more =
                if count > first.len() { format!("\n… and {} more", count - first.len()) } else { String::new() };
            Err(Fault::invalid(format!("“{which}” may be {}.", amount::many(count, what)))
                .hint(format!("Say which by its id:\n{}{more}", first.join("\n"))))
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.to_lowercase()
}

fn is_piece_of_id(which: &str) -> bool {
    which.len() >= SHORTEST && which.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-')
}

fn is_piece(id: &str, which: &str) -> bool {
    let which = which.to_lowercase();
    id.starts_with(&which) || id.ends_with(&which)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, parent: Option<&Folder>) -> Folder {
        Folder {
            id: FolderId::new(),
            parent: parent.map(|folder| folder.id),
            name: name.to_owned(),
            conversations: 0,
            preset: None,
            rev: 1,
        }
    }

    #[test]
    fn folders_are_found_by_path_name_and_piece_of_id() {
        let work = made("Work", None);
        let rust = made("rust", Some(&work));
        let other = made("rust", None);
        // Children may come before their parents.
        let all = [rust.clone(), other.clone(), work.clone()];
        assert_eq!(folder(&all, "work").unwrap(), work);
        assert_eq!(folder(&all, "work/RUST/").unwrap(), rust);
        // The path at the top is exact, so it wins over the name further down.
        assert_eq!(folder(&all, "rust").unwrap(), other);
        assert_eq!(folder(&all, &short(rust.id)).unwrap(), rust);
        assert_eq!(folder(&all, &rust.id.to_string()).unwrap(), rust);
        let fault = folder(&all, "ruts").unwrap_err();
        assert_eq!((fault.kind, fault.exit_code()), (FaultKind::NotFound, 1));
    }

    #[test]
    fn what_may_be_several_names_them() {
        let (one, two) = (made("a", None), made("b", None));
        let (first, second) = (made("rust", Some(&one)), made("rust", Some(&two)));
        let fault = folder(&[one, two, first.clone(), second], "rust").unwrap_err();
        assert_eq!(fault.exit_code(), 2);
        assert!(fault.hint.unwrap().contains(&format!("{} a/rust", short(first.id))));
    }

    #[test]
    fn a_deep_tree_has_its_paths() {
        let mut folders = vec![made("0", None)];
        for depth in 1..1000 {
            let next = made(&depth.to_string(), folders.last());
            folders.push(next);
        }
        folders.reverse();
        let paths = paths(&folders);
        assert_eq!(paths.len(), 1000);
        assert!(paths[&folders[0].id].starts_with("0/1/2/"));
    }
}
