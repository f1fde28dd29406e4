//! Formats for others to read: Markdown and a web page with the branch on view, JSON with every branch.
//!
//! Foreign text goes through `SafeText`, or is escaped in JSON, so that no file of these steers a terminal that prints it.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counted, Out, Source, html};
use crate::{
    api::{
        Fault,
        chat::{Attachment, Message, MessageRole, MessageState},
    },
    safe_text::{self, SafeText},
    store::{
        StoreError, Vault,
        vault::{
            dump::{self, Whole},
            messages,
            portable::{self, Folder, Note},
        },
    },
};

/// The number of the JSON format.
const JSON_VERSION: u32 = 1;
/// Messages read in one transaction.
const PAGE: usize = 50;
/// A file to read in an archive is as long as this at the most; then the next one begins.
const FILE_MAX: usize = 8 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Markdown,
    Json,
    Html,
}

/// What is told of a conversation before its messages.
pub(super) struct Head<'a> {
    pub(super) whole: &'a Whole,
    pub(super) folder: Option<String>,
    /// Notes on the conversation as a whole.
    pub(super) notes: Vec<Note>,
}

pub(super) async fn fill(source: &Source<'_>, kind: Kind, out: &Out, counted: &mut Counted<'_>) -> Result<(), Fault> {
    let db = &source.vault.db;
    let is_one = source.count == 1;
    out.text(match kind {
        Kind::Markdown if is_one => String::new(),
        Kind::Markdown => format!("---\nconversations: {}\n---\n", source.count),
        Kind::Json => format!("{{\"format\":\"ollamanet-json\",\"version\":{JSON_VERSION},\"conversations\":["),
        Kind::Html => html::begin(),
    })
    .await?;
    let mut after = 0;
    loop {
        let which = source.which.clone();
        let keys = db.read(move |tx| portable::keys(tx, &which, after, super::KEYS)).await?;
        let Some(last) = keys.last() else { break };
        after = *last;
        for key in keys {
            counted.go_on()?;
            let Some(whole) = db.read(move |tx| dump::conversation(tx, key)).await? else { continue };
            let is_first = counted.report.conversations == 0;
            let written = match kind {
                Kind::Markdown => markdown(source, key, &whole, !is_one, out, counted).await?,
                Kind::Json => as_json(source, key, &whole, is_first, out, counted).await?,
                Kind::Html => html::conversation(source, key, &whole, out, counted).await?,
            };
            counted.report.conversations += 1;
            counted.report.messages += written;
        }
    }
    out.text(match kind {
        Kind::Markdown => String::new(),
        Kind::Json => "]}\n".to_owned(),
        Kind::Html => html::end(),
    })
    .await
}

/// One conversation of an account's archive, to read.
pub(super) async fn into_archive(source: &Source<'_>, key: i64, number: u64, out: &Out) -> Result<(), Fault> {
    let Some(whole) = source.vault.db.read(move |tx| dump::conversation(tx, key)).await? else { return Ok(()) };
    let stem = format!("conversations/{number:05}-{}", whole.conversation.row.id);
    let mut buffer = String::new();
    let mut files = 0;
    let flush = async |buffer: &mut String, files: &mut u32| {
        *files += 1;
        let name = if *files == 1 { format!("{stem}.md") } else { format!("{stem}-{files}.md") };
        out.file(name, std::mem::take(buffer)).await
    };
    let mut walk = Walk::new(source, key, &whole).await?;
    buffer.push_str(&head_in_markdown(&walk.head, false));
    while let Some(page) = walk.next(source.vault).await? {
        for message in page {
            buffer.push_str(&message_in_markdown(&message, &walk.notes_on(&message)));
            if buffer.len() >= FILE_MAX {
                flush(&mut buffer, &mut files).await?;
            }
        }
    }
    if !buffer.is_empty() {
        flush(&mut buffer, &mut files).await?;
    }
    Ok(())
}

/// The branch on view of one conversation, page by page.
pub(super) struct Walk<'a> {
    pub(super) head: Head<'a>,
    keys: std::vec::IntoIter<i64>,
    notes: HashMap<Uuid, Vec<Note>>,
}

impl<'a> Walk<'a> {
    pub(super) async fn new(source: &Source<'_>, key: i64, whole: &'a Whole) -> Result<Self, Fault> {
        let (keys, all) = source
            .vault
            .db
            .read(move |tx| Ok::<_, StoreError>((portable::branch_on_view(tx, key)?, portable::notes_of(tx, key)?)))
            .await?;
        let mut notes: HashMap<Uuid, Vec<Note>> = HashMap::new();
        let mut whole_notes = Vec::new();
        for note in all {
            match note.message {
                Some(message) => notes.entry(message).or_default().push(note),
                None => whole_notes.push(note),
            }
        }
        let folder = whole.conversation.row.folder.and_then(|folder| path_of(&source.folders, folder.0));
        Ok(Self { head: Head { whole, folder, notes: whole_notes }, keys: keys.into_iter(), notes })
    }

    pub(super) async fn next(&mut self, vault: &Vault) -> Result<Option<Vec<Message>>, Fault> {
        let page: Vec<i64> = self.keys.by_ref().take(PAGE).collect();
        if page.is_empty() {
            return Ok(None);
        }
        let read = move |tx: &crate::store::Tx<'_>| {
            page.into_iter().map(|seq| messages::get(tx, seq)).collect::<Result<Vec<_>, StoreError>>()
        };
        vault.db.read(read).await.map(Some).map_err(Fault::from)
    }

    pub(super) fn notes_on(&self, message: &Message) -> Vec<&Note> {
        self.notes.get(&message.id.0).map(|notes| notes.iter().collect()).unwrap_or_default()
    }
}

async fn markdown(
    source: &Source<'_>,
    key: i64,
    whole: &Whole,
    among_others: bool,
    out: &Out,
    counted: &Counted<'_>,
) -> Result<u64, Fault> {
    let mut walk = Walk::new(source, key, whole).await?;
    out.text(head_in_markdown(&walk.head, among_others)).await?;
    let mut written = 0;
    while let Some(page) = walk.next(source.vault).await? {
        for message in page {
            out.text(message_in_markdown(&message, &walk.notes_on(&message))).await?;
            written += 1;
        }
        counted.go_on()?;
    }
    Ok(written)
}

/// Facts before the text: as YAML front matter where the file begins, as a list below a heading among others.
fn head_in_markdown(head: &Head<'_>, among_others: bool) -> String {
    let row = &head.whole.conversation.row;
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |text: &str| Value::from(one_line(text)).to_string();
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(path) = &head.folder {
        facts.push(("folder", quoted(path)));
    }
    if !head.whole.tags.is_empty() {
        let tags: Vec<String> = head.whole.tags.iter().map(|tag| quoted(tag)).collect();
        facts.push(("tags", format!("[{}]", tags.join(", "))));
    }
    if let Some(model) = &row.model {
        facts.push(("model", quoted(model)));
    }
    facts.push(("created", stamp(head.whole.conversation.created_at)));
    facts.push(("updated", stamp(row.updated_at)));
    if row.pinned {
        facts.push(("pinned", "true".to_owned()));
    }
    facts.extend(head.whole.archived_at.map(|at| ("archived", stamp(at))));
    facts.extend(head.whole.trashed_at.map(|at| ("trashed", stamp(at))));
    facts.push(("id", row.id.to_string()));
    let mut text = String::new();
    if among_others {
        let _ = writeln!(text, "\n# {}\n", one_line(&row.title));
        for (name, value) in facts {
            let _ = writeln!(text, "- {name}: {value}");
        }
    } else {
        let _ = writeln!(text, "---\ntitle: {}", quoted(&row.title));
        for (name, value) in facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        text.push_str("---\n");
    }
    if let Some(system) = &head.whole.conversation.system_prompt {
        let _ = writeln!(text, "\n## System\n\n{}", SafeText::new(system).as_str());
    }
    for note in &head.notes {
        push_note(&mut text, note);
    }
    text
}

fn message_in_markdown(message: &Message, notes: &[&Note]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "\n## {}\n", heading(message));
    for attachment in &message.attachments {
        let _ = writeln!(text, "*Attached: {}*\n", attached(attachment));
    }
    if !message.thinking.trim().is_empty() {
        text.push_str("> *Thinking*\n>\n");
        for line in SafeText::new(message.thinking.trim()).as_str().lines() {
            let _ = writeln!(text, "> {line}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", SafeText::new(&message.content).as_str());
    for call in &message.tool_calls {
        let shown = one_line(&format!("{}({})", call.name, call.arguments));
        let _ = writeln!(text, "\n*Asks for a tool, which was not run: {shown}*");
    }
    for note in notes {
        push_note(&mut text, note);
    }
    text
}

fn push_note(text: &mut String, note: &Note) {
    text.push_str("\n> **Note**");
    if let Some(quote) = &note.quote {
        let _ = write!(text, " on “{}”", one_line(quote));
    }
    text.push_str("\n>\n");
    for line in SafeText::new(&note.body).as_str().lines() {
        let _ = writeln!(text, "> {line}");
    }
}

/// Who said it, when, and which of several it is.
pub(super) fn heading(message: &Message) -> String {
    let mut text = match message.role {
        MessageRole::User => "You".to_owned(),
        MessageRole::Assistant => message.model.as_deref().map_or_else(|| "Model".to_owned(), one_line),
        MessageRole::System => "System".to_owned(),
        MessageRole::Tool => "Tool".to_owned(),
    };
    let _ = write!(text, " · {}", stamp(message.created_at));
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
    text
}

pub(super) fn attached(attachment: &Attachment) -> String {
    format!("{} ({}, {} bytes)", one_line(&attachment.name), attachment.kind.word(), attachment.bytes)
}

async fn as_json(
    source: &Source<'_>,
    key: i64,
    whole: &Whole,
    is_first: bool,
    out: &Out,
    counted: &Counted<'_>,
) -> Result<u64, Fault> {
    let db = &source.vault.db;
    let folder = whole.conversation.row.folder.and_then(|folder| path_of(&source.folders, folder.0));
    let notes = db.read(move |tx| portable::notes_of(tx, key)).await?;
    let head = json!({
        "conversation": whole.conversation,
        "folder": folder,
        "tags": whole.tags,
        "archived_at": whole.archived_at,
        "trashed_at": whole.trashed_at,
        "notes": notes,
    });
    let mut text = if is_first { "\n".to_owned() } else { ",\n".to_owned() };
    let head = safe_text::json(&head);
    text.push_str(head.strip_suffix('}').unwrap_or(&head));
    text.push_str(",\"messages\":[");
    out.text(text).await?;
    let (mut written, mut after) = (0, 0);
    loop {
        let page = db.read(move |tx| dump::messages(tx, key, after, PAGE as u32)).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        let mut text = String::new();
        for (_, message) in page {
            if written > 0 {
                text.push(',');
            }
            text.push('\n');
            text.push_str(&safe_text::json(&message));
            written += 1;
        }
        out.text(text).await?;
        counted.go_on()?;
    }
    out.text("]}".to_owned()).await?;
    Ok(written)
}

pub(super) fn one_line(text: &str) -> String {
    SafeText::line(text).into_string()
}

/// From the top down, with slashes. A folder that were its own ancestor would end nowhere, so the way is bounded.
fn path_of(folders: &[Folder], folder: Uuid) -> Option<String> {
    let mut names = Vec::new();
    let mut next = Some(folder);
    while let Some(id) = next.filter(|_| names.len() <= folders.len()) {
        let folder = folders.iter().find(|known| known.id == id)?;
        names.push(folder.name.as_str());
        next = folder.parent;
    }
    names.reverse();
    Some(names.join("/"))
}

pub(super) fn stamp(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}
