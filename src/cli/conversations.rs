//! `ollamanet conversations`: looking through them and changing them.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    args::{Conversations, Paging, ShelfName},
    arrange, find,
    out::{self, moment, print, print_json, safe, safe_lines, say},
    tags, why,
};
use crate::api::{
    ConversationId, Fault, amount,
    auth::Session,
    chat::{Message, MessageRole, MessageState},
    organise::{Conversation, ConversationPatch, ConversationRow, PAGE_MAX, Shelf},
};

pub(super) const EVERYWHERE: &[Shelf] = &[Shelf::Recent, Shelf::Archive, Shelf::Trash];
pub(super) const KEPT: &[Shelf] = &[Shelf::Recent, Shelf::Archive];

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Conversations) -> Result<(), End> {
    let session = desk.session().await?;
    match what {
        Conversations::List { filter, paging, tag, folder, shelf } => {
            let shelf = match folder {
                Some(which) => {
                    Shelf::Folder(Some(find::folder(&desk.gateway.tree(&session).await?.folders, &which)?.id))
                }
                None => match shelf {
                    ShelfName::Recent => Shelf::Recent,
                    ShelfName::Pinned => Shelf::Pinned,
                    ShelfName::Unfiled => Shelf::Folder(None),
                    ShelfName::Archive => Shelf::Archive,
                    ShelfName::Trash => Shelf::Trash,
                },
            };
            let mut filter = filter.unwrap_or_default();
            for tag in &tag {
                // In quotes it is this tag and no other that begins so.
                let _ = write!(filter, " #\"{}\"", tags::named(desk, &session, tag).await?.name);
            }
            list(desk, &session, shelf, &filter, paging).await
        }
        Conversations::Show { conversation, paging, thinking } => {
            let row = find::conversation(desk, &session, &conversation, EVERYWHERE).await?;
            show(desk, &session, row.id, paging, thinking).await
        }
        Conversations::Rename { conversation, title } => {
            let row = find::conversation(desk, &session, &conversation, KEPT).await?;
            let patch = ConversationPatch { title: Some(title), ..ConversationPatch::default() };
            let changed = desk.gateway.change_conversation(&session, row.id, patch).await?;
            done(desk, &[changed.row], "Renamed to")
        }
        Conversations::Delete { conversations, dry_run } => {
            let rows = every(desk, &session, &conversations, KEPT).await?;
            if dry_run {
                return done(desk, &rows, "Would go to the trash");
            }
            desk.gateway.trash_conversations(&session, ids(&rows)).await?;
            done(desk, &now(desk, &session, rows).await?, "In the trash")
        }
        Conversations::Restore { conversations } => {
            let rows = every(desk, &session, &conversations, &[Shelf::Trash]).await?;
            desk.gateway.restore_conversations(&session, ids(&rows)).await?;
            done(desk, &now(desk, &session, rows).await?, "Restored")
        }
        Conversations::Arrange(what) => arrange::run(desk, &session, what).await,
        Conversations::Why(what) => why::run(desk, &session, &what).await,
        // These hear a stop themselves and never come this far.
        Conversations::Export(_) | Conversations::Import(_) => Ok(()),
    }
}

pub(super) fn ids(rows: &[ConversationRow]) -> Vec<ConversationId> {
    rows.iter().map(|row| row.id).collect()
}

/// All of them are found before any is changed.
pub(super) async fn every(
    desk: &Desk,
    session: &Session,
    which: &[String],
    shelves: &[Shelf],
) -> Result<Vec<ConversationRow>, Fault> {
    let mut rows: Vec<ConversationRow> = Vec::new();
    for which in which {
        let row = find::conversation(desk, session, which, shelves).await?;
        if rows.iter().all(|known| known.id != row.id) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The rows as they are after the change.
pub(super) async fn now(
    desk: &Desk,
    session: &Session,
    rows: Vec<ConversationRow>,
) -> Result<Vec<ConversationRow>, Fault> {
    let mut fresh = Vec::new();
    for row in rows {
        fresh.push(desk.gateway.conversation(session, row.id).await?.row);
    }
    Ok(fresh)
}

pub(super) fn done(desk: &Desk, rows: &[ConversationRow], what: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{what}: {}", safe(&row.title));
    }
    print(&text)
}

async fn list(desk: &Desk, session: &Session, shelf: Shelf, filter: &str, paging: Paging) -> Result<(), End> {
    let mut rows = Vec::new();
    let mut after = None;
    let more = loop {
        let wanted = paging.most().saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
        let page = desk.gateway.conversations(session, shelf, filter, after, wanted).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= paging.most() {
            break after.is_some();
        }
    };
    if desk.global.json {
        print_json(&rows)?;
    } else {
        let cells: Vec<[String; 5]> = rows
            .iter()
            .map(|row| {
                let mark = if row.pinned { "★ " } else { "" };
                [
                    find::short(row.id),
                    moment(row.used_at),
                    row.messages.to_string(),
                    safe(row.model.as_deref().unwrap_or("–")),
                    format!("{mark}{}{}", safe(&row.title), tag_words(row)),
                ]
            })
            .collect();
        print(&out::table(["ID", "USED", "MESSAGES", "MODEL", "TITLE"], &cells))?;
        if rows.is_empty() {
            say(match (shelf, filter) {
                (Shelf::Trash, "") => "The trash is empty.",
                (_, "") => "There is no conversation here yet. Begin one: ollamanet ask \"…\"",
                (_, _) => "No title contains that.",
            });
        }
    }
    if more {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

/// The tags behind a title.
fn tag_words(row: &ConversationRow) -> String {
    let mut words = String::new();
    for tag in &row.tags {
        let _ = write!(words, "  #{}", safe(tag));
    }
    words
}

async fn show(desk: &Desk, session: &Session, id: ConversationId, paging: Paging, thinking: bool) -> Result<(), End> {
    let first = paging.most().min(PAGE_MAX as usize) as u32;
    let opened = desk.gateway.open_conversation(session, id, first).await?;
    let mut messages = opened.page.messages;
    let mut has_older = opened.page.has_older;
    while has_older && messages.len() < paging.most() {
        let Some(oldest) = messages.first().map(|message| message.id) else { break };
        let wanted = (paging.most() - messages.len()).min(PAGE_MAX as usize) as u32;
        let mut page = desk.gateway.older_messages(session, id, oldest, wanted).await?;
        has_older = page.has_older;
        page.messages.append(&mut messages);
        messages = page.messages;
    }
    if desk.global.json {
        let whole = json!({ "conversation": opened.conversation, "messages": messages, "has_older": has_older });
        return print_json(&whole);
    }
    let mut text = heading(&opened.conversation);
    if has_older {
        text.push_str("\n… older messages: --limit N, or --all\n");
    }
    for message in &messages {
        text.push('\n');
        text.push_str(&shown(message, thinking));
    }
    print(&text)
}

fn heading(conversation: &Conversation) -> String {
    let row = &conversation.row;
    let mut text = format!("{}\n{} · {}", safe(&row.title), row.id, moment(conversation.created_at));
    if let Some(model) = &row.model {
        let _ = write!(text, " · {}", safe(model));
    }
    text.push_str(&tag_words(row));
    if row.archived {
        text.push_str(" · archived");
    }
    if row.trashed {
        text.push_str(" · in the trash");
    }
    text.push('\n');
    if let Some(system) = conversation.system_prompt.as_deref().filter(|system| !system.is_empty()) {
        let _ = write!(text, "\nsystem\n{}\n", safe_lines(system).trim_end());
    }
    text
}

/// One message under its heading.
fn shown(message: &Message, thinking: bool) -> String {
    let mut text = match message.role {
        MessageRole::User => "you".to_owned(),
        MessageRole::Assistant => safe(message.model.as_deref().unwrap_or("assistant")),
        MessageRole::System => "system".to_owned(),
        MessageRole::Tool => "tool".to_owned(),
    };
    let _ = write!(text, " · {}", moment(message.created_at));
    if let Some(speed) = message.metrics.tokens_per_second() {
        let _ = write!(text, " · {speed:.0} tok/s");
    }
    if message.siblings > 1 {
        let _ = write!(text, " · {} of {}", message.sibling, message.siblings);
    }
    match message.state {
        MessageState::Done => {}
        MessageState::Streaming => text.push_str(" · still arriving"),
        MessageState::Length => text.push_str(" · stopped at its limit"),
        MessageState::Stopped => text.push_str(" · stopped"),
        MessageState::Interrupted => text.push_str(" · interrupted"),
        MessageState::Failed => text.push_str(" · failed"),
    }
    text.push('\n');
    if thinking && !message.thinking.trim().is_empty() {
        for line in safe_lines(message.thinking.trim()).lines() {
            let _ = writeln!(text, "| {line}");
        }
        text.push('\n');
    }
    for attachment in &message.attachments {
        let _ = writeln!(text, "[{}, {}]", safe(&attachment.name), amount::bytes(attachment.bytes));
    }
    let content = safe_lines(message.content.trim_end());
    if !content.is_empty() {
        text.push_str(&content);
        text.push('\n');
    }
    for call in &message.tool_calls {
        let _ = writeln!(
            text,
            "[asks for a tool, which was not run: {}]",
            safe(&format!("{}({})", call.name, call.arguments))
        );
    }
    if let Some(error) = &message.error {
        let _ = writeln!(text, "[{}]", safe(error));
    }
    text
}
