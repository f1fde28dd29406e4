//! `ollamanet tags`: what tags there are, and changes to them.

use serde_json::json;

use super::{
    Desk, End,
    arrange_args::Tags,
    find,
    out::{self, print, print_json, safe, say},
};
use crate::api::{
    Fault, FaultKind, amount,
    auth::Session,
    organise::{PAGE_MAX, Tag},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Tags) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Tags::List { filter, paging } => {
            let (tags, more) = all(desk, session, filter.as_deref().unwrap_or_default(), paging.most()).await?;
            if desk.global.json {
                print_json(&tags)?;
            } else if tags.is_empty() {
                say("There is no such tag. Give one: ollamanet conversations tag CONVERSATION --add TAG");
            } else {
                let cells: Vec<[String; 3]> = tags
                    .iter()
                    .map(|tag| [find::short(tag.id), tag.conversations.to_string(), safe(&tag.name)])
                    .collect();
                print(&out::table(["ID", "CONVERSATIONS", "TAG"], &cells))?;
            }
            if more {
                say("There are more: --limit N, or --all.");
            }
            Ok(())
        }
        Tags::Rename { tag, name } => {
            let tag = named(desk, session, &tag).await?;
            desk.gateway.rename_tag(session, tag.id, &name, Some(tag.rev)).await?;
            if desk.global.json {
                return print_json(&json!({ "id": tag.id, "name": name.trim().trim_start_matches('#') }));
            }
            print(&format!("Renamed to: {}\n", safe(name.trim().trim_start_matches('#'))))
        }
        Tags::Delete { tag, dry_run } => {
            let tag = named(desk, session, &tag).await?;
            if dry_run {
                if desk.global.json {
                    return print_json(&json!({ "would_remove": tag }));
                }
                return print(&format!(
                    "Would be taken from {}: {}\n",
                    amount::many(tag.conversations, "conversation"),
                    safe(&tag.name)
                ));
            }
            let carried = desk.gateway.delete_tag(session, tag.id).await?;
            if desk.global.json {
                return print_json(&json!({ "deleted": tag.id, "carried": carried }));
            }
            print(&format!("Removed: {}, which {} carried\n", safe(&tag.name), amount::many(carried, "conversation")))
        }
    }
}

async fn all(desk: &Desk, session: &Session, text: &str, most: usize) -> Result<(Vec<Tag>, bool), Fault> {
    let (mut tags, mut after) = (Vec::new(), None);
    loop {
        let wanted = most.saturating_sub(tags.len()).min(PAGE_MAX as usize) as u32;
        let page = desk.gateway.tags(session, text, after, wanted).await?;
        tags.extend(page.rows);
        after = page.next;
        if after.is_none() || tags.len() >= most {
            return Ok((tags, after.is_some()));
        }
    }
}

/// The tag of this name, whatever its case, or with this id.
///
/// # Errors
/// When there is none.
pub async fn named(desk: &Desk, session: &Session, which: &str) -> Result<Tag, Fault> {
    let which = which.trim().trim_start_matches('#');
    let is_it = |tag: &Tag| tag.name.to_lowercase() == which.to_lowercase();
    let (holding, _) = all(desk, session, which, usize::MAX).await?;
    if let Some(tag) = holding.into_iter().find(is_it) {
        return Ok(tag);
    }
    let by_id = |tag: &Tag| {
        let id = tag.id.to_string();
        which.len() >= 8 && (id.starts_with(which) || id.ends_with(which))
    };
    let (tags, _) = all(desk, session, "", usize::MAX).await?;
    tags.into_iter().find(by_id).ok_or_else(|| {
        Fault::new(FaultKind::NotFound, format!("There is no tag “{}”.", safe(which)))
            .hint("`ollamanet tags list` shows what there is.")
    })
}
