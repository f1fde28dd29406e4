//! `ollamanet conversations tag|pin|archive|move|duplicate|purge`.

use serde_json::json;

use super::{
    Desk, End,
    arrange_args::Arrange,
    conversations::{EVERYWHERE, KEPT, done, every, ids, now},
    find,
    out::{print, print_json, safe},
    typed,
};
use crate::api::{
    amount,
    auth::Session,
    organise::{ConversationRow, Purged, Shelf},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, session: &Session, what: Arrange) -> Result<(), End> {
    let gateway = &desk.gateway;
    match what {
        Arrange::Tag { conversations, add, remove } => {
            let rows = every(desk, session, &conversations, EVERYWHERE).await?;
            gateway.tag_conversations(session, ids(&rows), add, remove).await?;
            let rows = now(desk, session, rows).await?;
            if desk.global.json {
                return print_json(&rows);
            }
            let line = |row: &ConversationRow| {
                let tags: Vec<String> = row.tags.iter().map(|tag| format!("#{}", safe(tag))).collect();
                let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(" ") };
                format!("{}: {tags}\n", safe(&row.title))
            };
            print(&rows.iter().map(line).collect::<Vec<_>>().concat())
        }
        Arrange::Pin { conversations, off } => {
            let rows = every(desk, session, &conversations, KEPT).await?;
            gateway.pin_conversations(session, ids(&rows), !off).await?;
            done(desk, &now(desk, session, rows).await?, if off { "Unpinned" } else { "Pinned" })
        }
        Arrange::Archive { conversations, off } => {
            let shelf = if off { Shelf::Archive } else { Shelf::Recent };
            let rows = every(desk, session, &conversations, &[shelf]).await?;
            gateway.archive_conversations(session, ids(&rows), !off).await?;
            done(desk, &now(desk, session, rows).await?, if off { "Out of the archive" } else { "Archived" })
        }
        Arrange::Move { conversations, to, top: _ } => {
            let folder = match to {
                Some(which) => Some(find::folder(&gateway.tree(session).await?.folders, &which)?),
                None => None,
            };
            let rows = every(desk, session, &conversations, KEPT).await?;
            gateway.move_conversations(session, ids(&rows), folder.as_ref().map(|folder| folder.id)).await?;
            let place =
                folder.map_or_else(|| "Moved out of folders".to_owned(), |f| format!("Moved to {}", safe(&f.name)));
            done(desk, &now(desk, session, rows).await?, &place)
        }
        Arrange::Duplicate { conversations } => {
            let rows = every(desk, session, &conversations, KEPT).await?;
            let copies = gateway.duplicate_conversations(session, ids(&rows)).await?;
            let copies: Vec<ConversationRow> = copies.into_iter().map(|copy| copy.row).collect();
            done(desk, &copies, "Made")
        }
        Arrange::Purge { conversations, all, yes, dry_run } => {
            if all {
                return empty(desk, session, yes, dry_run).await;
            }
            let rows = every(desk, session, &conversations, &[Shelf::Trash]).await?;
            if dry_run {
                return done(desk, &rows, "Would be removed for good");
            }
            agreed(&rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), yes).await?;
            gone(desk, gateway.purge_conversations(session, ids(&rows)).await?)
        }
    }
}

async fn empty(desk: &Desk, session: &Session, yes: bool, dry_run: bool) -> Result<(), End> {
    let count = desk.gateway.tree(session).await?.counts.trash;
    if dry_run {
        if desk.global.json {
            return print_json(&json!({ "would_remove": count }));
        }
        return print(&format!("Would be removed for good: {}\n", amount::many(count, "conversation")));
    }
    if count == 0 {
        return gone(desk, Purged::default());
    }
    let warning = format!("All {count} conversations in the trash will be gone for good.");
    typed::name("purge", &warning, yes).await?;
    gone(desk, desk.gateway.empty_trash(session).await?)
}

async fn agreed(titles: &[&str], yes: bool) -> Result<(), End> {
    let what = match titles {
        [title] => format!("“{}” will be gone for good.", safe(title)),
        many => format!("{} conversations will be gone for good.", many.len()),
    };
    Ok(typed::name("purge", &what, yes).await?)
}

fn gone(desk: &Desk, purged: Purged) -> Result<(), End> {
    if desk.global.json {
        return print_json(&purged);
    }
    print(&format!(
        "Removed for good: {}, {}, {}, {}\n",
        amount::many(purged.conversations, "conversation"),
        amount::many(purged.messages, "message"),
        amount::many(purged.documents, "file"),
        amount::bytes(purged.bytes)
    ))
}
