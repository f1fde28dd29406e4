//! `ollamanet folders`: the tree, and changes to it.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::json;

use super::{
    Desk, End,
    args::{ContentGoes, Folders},
    find,
    out::{print, print_json, safe, say},
    presets,
};
use crate::api::{
    Fault, FaultKind, FolderId, amount,
    auth::Session,
    organise::{Folder, FolderContent, NewConversation, Tree},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Folders) -> Result<(), End> {
    let session = desk.session().await?;
    let gateway = &desk.gateway;
    let tree = gateway.tree(&session).await?;
    let find = |which: &str| find::folder(&tree.folders, which);
    match what {
        Folders::List { paging } => list(desk, &tree, paging.most()),
        Folders::Create { name, parent } => {
            let parent = parent.as_deref().map(find).transpose()?.map(|folder| folder.id);
            let folder = gateway.create_folder(&session, parent, &name).await?;
            if desk.global.json {
                return print_json(&folder);
            }
            print(&format!("Made: {}\n", safe(&folder.name)))
        }
        Folders::Rename { folder, name } => {
            let id = find(&folder)?.id;
            gateway.rename_folder(&session, id, &name, None).await?;
            done(desk, &session, id, "Renamed to").await
        }
        Folders::Move { folder, to, top: _ } => {
            let id = find(&folder)?.id;
            let parent = to.as_deref().map(find).transpose()?.map(|folder| folder.id);
            gateway.move_folder(&session, id, parent, None).await?;
            done(desk, &session, id, "Moved").await
        }
        Folders::Preset { folder, preset: named, none } => {
            let folder = find(&folder)?;
            preset(desk, &session, &folder, named, none).await
        }
        Folders::Delete { folder, content, dry_run } => {
            let folder = find(&folder)?;
            let goes = where_content_goes(&tree, &folder, content)?;
            if dry_run {
                return would_go(desk, &tree, &folder, goes);
            }
            gateway.delete_folder(&session, folder.id, goes).await?;
            if desk.global.json {
                return print_json(&json!({ "deleted": folder.id }));
            }
            print(&format!("Removed: {}\n", safe(&folder.name)))
        }
    }
}

/// What conversations in a folder begin with: its own preset, or that of the nearest folder above that has one, or the
/// account's.
async fn preset(desk: &Desk, session: &Session, folder: &Folder, named: Option<String>, none: bool) -> Result<(), End> {
    let gateway = &desk.gateway;
    if let Some(which) = named {
        let preset = presets::called(desk, session, &which).await?;
        gateway.set_folder_preset(session, folder.id, Some(preset.id), None).await?;
    } else if none {
        gateway.set_folder_preset(session, folder.id, None, None).await?;
    }
    let tree = gateway.tree(session).await?;
    let own = tree.folders.iter().find(|known| known.id == folder.id).and_then(|known| known.preset);
    let new = NewConversation { folder: Some(folder.id), ..NewConversation::default() };
    let begins = gateway.beginning(session, new).await?.preset;
    if desk.global.json {
        return print_json(&json!({ "folder": folder.id, "own": own, "begins": begins.map(|preset| preset.name) }));
    }
    let Some(begins) = begins else {
        say("New conversations in it begin without a preset.");
        return Ok(());
    };
    let from = if own == Some(begins.id) { "" } else { " (not its own)" };
    print(&format!("{}{from}\n", safe(&begins.name)))
}

/// Nobody should find out afterwards where twenty conversations went.
fn where_content_goes(tree: &Tree, folder: &Folder, said: Option<ContentGoes>) -> Result<FolderContent, Fault> {
    let children = tree.folders.iter().filter(|child| child.parent == Some(folder.id)).count();
    match said {
        Some(ContentGoes::MoveUp) => Ok(FolderContent::MoveUp),
        Some(ContentGoes::Trash) => Ok(FolderContent::Trash),
        None if children == 0 && folder.conversations == 0 => Ok(FolderContent::MoveUp),
        None => Err(Fault::new(
            FaultKind::Invalid,
            format!(
                "The folder “{}” holds {} and {}.",
                safe(&folder.name),
                amount::many(folder.conversations, "conversation"),
                amount::many(children, "folder")
            ),
        )
        .hint("Say where they go: --content move-up, or --content trash.")),
    }
}

/// What removing the folder would do, counted over everything below it.
fn would_go(desk: &Desk, tree: &Tree, folder: &Folder, goes: FolderContent) -> Result<(), End> {
    let (mut folders, mut conversations, mut below) = (0_u32, 0_u32, vec![folder]);
    while let Some(folder) = below.pop() {
        folders += 1;
        conversations += folder.conversations;
        below.extend(tree.folders.iter().filter(|child| child.parent == Some(folder.id)));
    }
    if desk.global.json {
        return print_json(&json!({
            "folder": folder.id, "content": goes, "folders": folders, "conversations": conversations,
        }));
    }
    let name = safe(&folder.name);
    print(&match goes {
        FolderContent::MoveUp => format!("Would be removed: {name}; what is in it moves up\n"),
        FolderContent::Trash => {
            let (folders, conversations) =
                (amount::many(folders, "folder"), amount::many(conversations, "conversation"));
            format!("Would be removed: {folders}; into the trash: {conversations}\n")
        }
    })
}

async fn done(desk: &Desk, session: &Session, id: FolderId, what: &str) -> Result<(), End> {
    let tree = desk.gateway.tree(session).await?;
    let Some(folder) = tree.folders.iter().find(|folder| folder.id == id) else {
        return Err(Fault::not_found("folder").into());
    };
    if desk.global.json {
        return print_json(folder);
    }
    let paths = find::paths(&tree.folders);
    print(&format!("{what}: {}\n", safe(paths.get(&id).map_or("", String::as_str))))
}

fn list(desk: &Desk, tree: &Tree, most: usize) -> Result<(), End> {
    let ordered = ordered(&tree.folders);
    let more = ordered.len() > most;
    let rows: Vec<(usize, &Folder)> = ordered.into_iter().take(most).collect();
    if desk.global.json {
        let paths = find::paths(&tree.folders);
        let folders: Vec<_> = rows
            .iter()
            .map(|(_, folder)| {
                json!({
                    "id": folder.id,
                    "parent": folder.parent,
                    "name": folder.name,
                    "path": paths.get(&folder.id),
                    "conversations": folder.conversations,
                })
            })
            .collect();
        print_json(&folders)?;
    } else if rows.is_empty() {
        say("There are no folders yet. Make one: ollamanet folders create NAME");
    } else {
        let mut lines = String::new();
        for (depth, folder) in &rows {
            let (id, name) = (find::short(folder.id), safe(&folder.name));
            let _ = writeln!(lines, "{id}  {}{name} ({})", "  ".repeat(*depth), folder.conversations);
        }
        print(&lines)?;
    }
    if more {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

/// Every folder after its parent, siblings by name, with its depth. Iterative: trees may be a thousand deep.
fn ordered(folders: &[Folder]) -> Vec<(usize, &Folder)> {
    let mut children: BTreeMap<Option<FolderId>, Vec<&Folder>> = BTreeMap::new();
    for folder in folders {
        children.entry(folder.parent).or_default().push(folder);
    }
    for siblings in children.values_mut() {
        // Last first, because they are taken from a stack.
        siblings.sort_by_key(|folder| std::cmp::Reverse(folder.name.to_lowercase()));
    }
    let mut stack: Vec<(usize, &Folder)> =
        children.remove(&None).unwrap_or_default().into_iter().map(|f| (0, f)).collect();
    let mut rows = Vec::with_capacity(folders.len());
    while let Some((depth, folder)) = stack.pop() {
        rows.push((depth, folder));
        let below = children.remove(&Some(folder.id)).unwrap_or_default();
        stack.extend(below.into_iter().map(|child| (depth + 1, child)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, parent: Option<&Folder>, conversations: u32) -> Folder {
        Folder {
            id: FolderId::new(),
            parent: parent.map(|folder| folder.id),
            name: name.to_owned(),
            conversations,
            preset: None,
            rev: 1,
        }
    }

    #[test]
    fn folders_follow_their_parents_by_name() {
        let work = made("work", None, 0);
        let home = made("Home", None, 0);
        let rust = made("rust", Some(&work), 2);
        let go = made("Go", Some(&work), 0);
        let folders = [rust, work, home, go];
        let names: Vec<_> =
            ordered(&folders).into_iter().map(|(depth, folder)| (depth, folder.name.as_str())).collect();
        assert_eq!(names, [(0, "Home"), (0, "work"), (1, "Go"), (1, "rust")]);
    }

    #[test]
    fn a_full_folder_goes_only_when_it_is_said_where_its_content_goes() {
        let work = made("work", None, 3);
        let empty = made("empty", None, 0);
        let tree = Tree { folders: vec![work.clone(), empty.clone()], ..Tree::default() };
        assert_eq!(where_content_goes(&tree, &empty, None), Ok(FolderContent::MoveUp));
        assert_eq!(where_content_goes(&tree, &work, Some(ContentGoes::Trash)), Ok(FolderContent::Trash));
        let fault = where_content_goes(&tree, &work, None).unwrap_err();
        assert_eq!(fault.message, "The folder “work” holds 3 conversations and 0 folders.");
        assert_eq!(fault.exit_code(), 2);
    }
}
