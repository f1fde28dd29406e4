//! ChatGPT's `conversations.json`: each conversation a tree of nodes, of which many are hidden or hold it together.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Notes, Parsed, Unreadable,
    loose::{Items, Loose, Members, Plain, body, model, read, title},
    tree::{self, Node, Said},
};
use crate::store::vault::portable::Figures;

pub(super) const SOURCE: &str = "chatgpt";

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(default)]
    title: Plain,
    #[serde(default)]
    create_time: Plain,
    #[serde(default)]
    update_time: Plain,
    #[serde(borrow)]
    mapping: Members<Loose<NodeThere<'a>>>,
    #[serde(default)]
    current_node: Plain,
    #[serde(default)]
    conversation_id: Plain,
    #[serde(default)]
    id: Plain,
    #[serde(default)]
    is_archived: Plain,
    #[serde(default)]
    is_starred: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeThere<'a> {
    parent: Plain,
    children: Items<Plain>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageThere<'a> {
    author: Loose<Author>,
    create_time: Plain,
    #[serde(borrow)]
    content: Loose<Content<'a>>,
    metadata: Loose<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Author {
    role: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(rename = "content_type")]
    kind: Plain,
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
    text: Plain,
    result: Plain,
    language: Plain,
    #[serde(rename = "content")]
    recap: Plain,
    thoughts: Items<Loose<Thought>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Thought {
    summary: Plain,
    content: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    model_slug: Plain,
    is_visually_hidden_from_conversation: Plain,
    attachments: Items<Loose<Attachment>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attachment {
    id: Plain,
    name: Plain,
}

/// A part of a message that is not plain text.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    content_type: Plain,
    text: Plain,
    asset_pointer: Plain,
}

pub(super) fn parse(json: &str, digest: [u8; 32], now: i64) -> Result<Parsed, Unreadable> {
    let chat: Chat<'_> = serde_json::from_str(json).map_err(|error| super::source::why(&error))?;
    let mut notes = Notes::default();
    let title = title(chat.title.text());
    let began_at = chat.create_time.moment();
    let mut nodes = Vec::with_capacity(chat.mapping.0.len());
    for (id, Loose(there)) in chat.mapping.0 {
        nodes.push(node(id, there, &mut notes));
    }
    let base = began_at.unwrap_or(now);
    let given = chat.conversation_id.id().or_else(|| chat.id.id());
    let external_id = super::source::external_id(given, nodes.first(), title.as_deref(), began_at.unwrap_or(0));
    let current = chat.current_node.id();
    let ordered = tree::order(SOURCE, &external_id, nodes, current.as_deref(), base, &mut notes);
    let mut parsed = super::source::parsed(SOURCE, external_id, digest, title, ordered, base, notes);
    let incoming = &mut parsed.incoming;
    incoming.updated_at = chat.update_time.moment().unwrap_or(incoming.updated_at);
    incoming.pinned = chat.is_starred.is_true();
    incoming.archived_at = chat.is_archived.is_true().then_some(incoming.updated_at);
    Ok(parsed)
}

fn node(id: String, there: NodeThere<'_>, notes: &mut Notes) -> Node {
    let mut node = Node {
        id,
        parent: there.parent.id(),
        children: there.children.0.into_iter().filter_map(Plain::id).collect(),
        ..Node::default()
    };
    let message: Option<MessageThere<'_>> = read(there.message);
    let Some(message) = message else {
        if there.message.is_some_and(|raw| raw.get().trim() != "null") {
            notes.tell("A message makes no sense and was left out.");
        }
        return node;
    };
    let MessageThere { author: Loose(author), create_time, content: Loose(content), metadata: Loose(metadata) } =
        message;
    if metadata.is_visually_hidden_from_conversation.is_true() {
        return node;
    }
    let kind = content.kind.clone().text().unwrap_or_default();
    if kind == "thoughts" || kind == "reasoning_recap" {
        node.thought = thought(content);
        return node;
    }
    let attachments: Vec<String> = metadata
        .attachments
        .0
        .into_iter()
        .filter_map(|Loose(attachment)| attachment.name.text().or_else(|| attachment.id.text()))
        .collect();
    let mut text = text_of(&kind, content, notes);
    for name in &attachments {
        pointer(&mut text, "file", name, notes);
    }
    let role = author.role.text();
    // Empty ones of these only hold the tree together.
    if text.trim().is_empty() {
        return node;
    }
    let (role, content) = tree::role(role.as_deref(), text, notes);
    node.said = Some(Said {
        role,
        content: body(content, notes),
        thinking: String::new(),
        model: model(metadata.model_slug.text()),
        created_at: create_time.moment(),
        error: None,
        attachments: Vec::new(),
        figures: Figures::default(),
        rating: None,
    });
    node
}

fn thought(content: Content<'_>) -> String {
    let mut pieces: Vec<String> = Vec::new();
    for Loose(thought) in content.thoughts.0 {
        if let Some(summary) = thought.summary.text() {
            pieces.push(format!("**{summary}**"));
        }
        pieces.extend(thought.content.text());
    }
    pieces.join("\n\n")
}

fn text_of(kind: &str, content: Content<'_>, notes: &mut Notes) -> String {
    match kind {
        "code" | "execution_output" => {
            let language = content.language.text().filter(|language| language != "unknown").unwrap_or_default();
            content.text.text().map(|text| fenced(&language, &text)).unwrap_or_default()
        }
        _ => {
            let mut text = String::new();
            let parts: Vec<&RawValue> = read(content.parts);
            for part in parts {
                add_part(&mut text, part, notes);
            }
            if text.is_empty() {
                text =
                    [content.text, content.result, content.recap].into_iter().find_map(Plain::text).unwrap_or_default();
            }
            text
        }
    }
}

/// By more backticks than stand in it.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn add_part(text: &mut String, part: &RawValue, notes: &mut Notes) {
    if let Ok(words) = serde_json::from_str::<String>(part.get()) {
        between(text);
        text.push_str(&words);
        return;
    }
    let part: Part = read(Some(part));
    if let Some(words) = part.text.text() {
        between(text);
        text.push_str(&words);
    } else if let Some(asset) = part.asset_pointer.text() {
        let kind = part.content_type.text().unwrap_or_default();
        let what = if kind.contains("image") { "image" } else { "file" };
        pointer(text, what, &asset, notes);
    } else if let Some(kind) = part.content_type.text() {
        notes.tell(format!("A part of the kind “{kind}” was left out."));
    }
}

fn between(text: &mut String) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
}

/// Something that the file only points to: its place in the text shows that something was there.
pub(super) fn pointer(text: &mut String, what: &str, name: &str, notes: &mut Notes) {
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    between(text);
    let _ = write!(text, "[{what} that did not come along: {name}]");
    notes.tell(format!("The {what} “{name}” is only named in the export and did not come along."));
}
