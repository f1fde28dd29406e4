//! Open WebUI's chats: entries with a `chat` inside, or that inner chat alone, as its older versions wrote it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    Notes, Parsed, Unreadable,
    chatgpt::pointer,
    loose::{Items, Loose, Members, Plain, body, model, name, read, title},
    tree::{self, Node, Said},
};
use crate::{
    api::{chat::AttachmentKind, chat::MessageRole, organise::SYSTEM_PROMPT_MAX},
    store::vault::{
        documents::NewDocument,
        portable::{Attached, Figures, IncomingFolder, IncomingTag},
        weight::IMAGE,
    },
};

pub(super) const SOURCE: &str = "openwebui";
/// Most tags of one conversation.
const TAGS_MAX: usize = 100;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    id: Plain,
    title: Plain,
    #[serde(borrow)]
    chat: Option<&'a RawValue>,
    meta: Loose<Meta>,
    pinned: Plain,
    archived: Plain,
    folder_id: Plain,
    created_at: Plain,
    updated_at: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    tags: Items<Plain>,
}

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(default)]
    id: Plain,
    #[serde(default)]
    title: Plain,
    #[serde(default)]
    models: Items<Plain>,
    #[serde(default)]
    params: Loose<Params>,
    #[serde(default)]
    tags: Items<Plain>,
    #[serde(default)]
    timestamp: Plain,
    #[serde(borrow, default)]
    history: Loose<History<'a>>,
    #[serde(borrow, default)]
    messages: Items<Loose<MessageThere<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    system: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct History<'a> {
    #[serde(rename = "currentId")]
    current: Plain,
    #[serde(borrow)]
    messages: Members<Loose<MessageThere<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageThere<'a> {
    id: Plain,
    #[serde(rename = "parentId")]
    parent: Plain,
    #[serde(rename = "childrenIds")]
    children: Items<Plain>,
    role: Plain,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    model: Plain,
    timestamp: Plain,
    files: Items<Loose<FileThere>>,
    annotation: Loose<Annotation>,
    usage: Loose<Usage>,
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FileThere {
    r#type: Plain,
    name: Plain,
    url: Plain,
    id: Plain,
}

#[derive(Default)]
struct Annotation {
    rating: Plain,
    comment: Plain,
}

impl<'de> Deserialize<'de> for Annotation {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let members: Members<Plain> = Members::deserialize(from)?;
        let mut found = Self::default();
        for (name, value) in members.0 {
            match name.as_str() {
                "rating" => found.rating = value,
                "comment" => found.comment = value,
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Ollama's own names, and those of other servers.
#[derive(Default)]
struct Usage(Figures);

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let members: Members<Plain> = Members::deserialize(from)?;
        let mut figures = Figures::default();
        let ms = |value: &Plain| match value {
            // Nanoseconds, as Ollama reports them.
            Plain::Number(ns) if *ns >= 0.0 => Some((ns / 1e6).min(f64::from(u32::MAX)) as u32),
            Plain::Number(_) | Plain::Text(_) | Plain::Flag(_) | Plain::Nothing => None,
        };
        for (name, value) in members.0 {
            match name.as_str() {
                "prompt_eval_count" | "prompt_tokens" => figures.prompt_tokens = value.count(),
                "eval_count" | "completion_tokens" => figures.answer_tokens = value.count(),
                "prompt_eval_duration" => figures.prompt_ms = ms(&value),
                "eval_duration" => figures.answer_ms = ms(&value),
                "load_duration" => figures.load_ms = ms(&value),
                "total_duration" => figures.total_ms = ms(&value),
                _ => {}
            }
        }
        Ok(Self(figures))
    }
}

pub(super) fn parse(json: &str, digest: [u8; 32], now: i64) -> Result<Parsed, Unreadable> {
    let entry: Entry<'_> = serde_json::from_str(json).map_err(|error| super::source::why(&error))?;
    let inner = entry.chat.filter(|chat| chat.get().starts_with('{'));
    let chat: Chat<'_> =
        serde_json::from_str(inner.map_or(json, RawValue::get)).map_err(|error| super::source::why(&error))?;
    let mut notes = Notes::default();
    let title = title(chat.title.text()).or_else(|| title(entry.title.text()));
    let created_at = if inner.is_some() { entry.created_at.moment() } else { None };
    let began_at = created_at.or_else(|| chat.timestamp.moment());
    let base = began_at.unwrap_or(now);
    let Loose(history) = chat.history;
    let mut documents = Vec::new();
    let mut nodes: Vec<Node> = Vec::new();
    if history.messages.0.is_empty() {
        for (number, Loose(there)) in chat.messages.0.into_iter().enumerate() {
            let before = nodes.last().map(|before| before.id.clone());
            let mut node = node(None, there, &mut documents, &mut notes);
            if node.id.is_empty() {
                node.id = format!("#{number}");
            }
            node.parent = node.parent.or(before);
            nodes.push(node);
        }
    } else {
        for (id, Loose(there)) in history.messages.0 {
            nodes.push(node(Some(id), there, &mut documents, &mut notes));
        }
    }
    let first = nodes.iter().find(|node| node.parent.is_none()).or(nodes.first());
    let outer = if inner.is_some() { entry.id.id() } else { None };
    let given = outer.or_else(|| chat.id.id());
    let external_id = super::source::external_id(given, first, title.as_deref(), began_at.unwrap_or(0));
    let current = history.current.id();
    let ordered = tree::order(SOURCE, &external_id, nodes, current.as_deref(), base, &mut notes);
    let mut parsed = super::source::parsed(SOURCE, external_id, digest, title, ordered, base, notes);
    parsed.documents = documents;
    let incoming = &mut parsed.incoming;
    incoming.model = chat.models.0.into_iter().find_map(|name| model(name.text()));
    // A model is sent to Ollama by this name, and Ollama's have no spaces.
    incoming.model = incoming.model.take().filter(|name| !name.contains(char::is_whitespace));
    incoming.system_prompt =
        chat.params.0.system.text().filter(|system| system.len() <= SYSTEM_PROMPT_MAX && !system.contains('\0'));
    if inner.is_some() {
        incoming.updated_at = entry.updated_at.moment().unwrap_or(incoming.updated_at);
        incoming.pinned = entry.pinned.is_true();
        incoming.archived_at = entry.archived.is_true().then_some(incoming.updated_at);
        if let Some(folder) = entry.folder_id.id() {
            // The export names a folder by its id alone.
            let shown: String = folder.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            let id = tree::id_of(SOURCE, "folder", &folder);
            incoming.folder = IncomingFolder::Named(id, format!("Open WebUI {shown}"));
        }
    }
    let tags =
        entry.meta.0.tags.0.into_iter().chain(chat.tags.0).filter_map(Plain::text).filter_map(|tag| name(&tag, 100));
    for tag in tags.take(TAGS_MAX) {
        let tag = IncomingTag::Named(tag);
        if !incoming.tags.contains(&tag) {
            incoming.tags.push(tag);
        }
    }
    Ok(parsed)
}

fn node(key: Option<String>, there: MessageThere<'_>, documents: &mut Vec<NewDocument>, notes: &mut Notes) -> Node {
    let mut text = content(there.content, notes);
    let mut thinking = String::new();
    if let Some((thought, rest)) = reasoning(&text) {
        thinking = thought;
        text = rest;
    }
    let mut attachments = Vec::new();
    for Loose(file) in there.files.0 {
        let is_image = file.r#type.text().as_deref() == Some("image");
        let (label, url) = (file.name.text(), file.url.text());
        if let Some(document) = url.as_deref().and_then(image) {
            attachments.push(Attached { sha256: hex::encode(document.sha256), name: document.name.clone() });
            documents.push(document);
        } else {
            let shown = label.or(file.id.text()).or(url.filter(|url| !url.starts_with("data:")));
            let shown = shown.unwrap_or_else(|| "without a name".to_owned());
            pointer(&mut text, if is_image { "image" } else { "file" }, &shown, notes);
        }
    }
    let error = there.error.and_then(fault);
    let empty = text.trim().is_empty() && thinking.is_empty() && attachments.is_empty() && error.is_none();
    let (role, content) = tree::role(there.role.text().as_deref(), text, notes);
    let rating = match there.annotation.0.rating {
        Plain::Number(1.0) => Some((1, there.annotation.0.comment.text())),
        Plain::Number(-1.0) => Some((-1, there.annotation.0.comment.text())),
        Plain::Number(_) | Plain::Text(_) | Plain::Flag(_) | Plain::Nothing => None,
    };
    let said = (!empty).then(|| Said {
        role,
        content: body(content, notes),
        thinking: body(thinking, notes),
        model: model(there.model.text()).filter(|_| role == MessageRole::Assistant),
        created_at: there.timestamp.moment(),
        error,
        attachments,
        figures: there.usage.0.0,
        rating: rating.filter(|_| role == MessageRole::Assistant),
    });
    Node {
        id: key.or_else(|| there.id.id()).unwrap_or_default(),
        parent: there.parent.id(),
        children: there.children.0.into_iter().filter_map(Plain::id).collect(),
        said,
        thought: String::new(),
    }
}

/// A text, or a list of parts as chat interfaces for images have it.
fn content(raw: Option<&RawValue>, notes: &mut Notes) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Part {
        r#type: Plain,
        text: Plain,
    }
    let Some(raw) = raw else { return String::new() };
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return text;
    }
    let parts: Items<Loose<Part>> = read(Some(raw));
    let mut words = Vec::new();
    for Loose(part) in parts.0 {
        match (part.text.text(), part.r#type.text()) {
            (Some(text), _) => words.push(text),
            (None, Some(kind)) => notes.tell(format!("A part of the kind “{kind}” was left out.")),
            (None, None) => {}
        }
    }
    words.join("\n\n")
}

/// What the model thought, where it stands folded before the answer; and the rest.
fn reasoning(text: &str) -> Option<(String, String)> {
    let (inner, rest) = text.trim_start().strip_prefix("<details type=\"reasoning\"")?.split_once("</details>")?;
    let (_, inner) = inner.split_once('>')?;
    let inner = inner.split_once("</summary>").map_or(inner, |(_, inner)| inner);
    let quoted = |line: &str| {
        let line = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>')).unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    let lines: Vec<String> = inner.trim().lines().map(quoted).collect();
    let plain = lines.join("\n");
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
    Some((plain.replace("&amp;", "&"), rest.trim_start().to_owned()))
}

/// An image that lies in the address itself.
fn image(url: &str) -> Option<NewDocument> {
    let (head, data) = url.strip_prefix("data:image/")?.split_once(',')?;
    if !head.ends_with(";base64") || data.len() > super::TEXT_MAX * 4 / 3 {
        return None;
    }
    let bytes = BASE64_STANDARD.decode(data.as_bytes()).ok()?;
    let kind = infer::get(&bytes).map(|kind| kind.mime_type())?;
    let ending = match kind {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return None,
    };
    Some(NewDocument {
        sha256: Sha256::digest(&bytes).into(),
        name: format!("image.{ending}"),
        kind: AttachmentKind::Image,
        hidden: 0,
        text: None,
        body: bytes,
        weight: IMAGE,
    })
}

/// What went wrong there: a text, or an object with one.
fn fault(raw: &RawValue) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Error {
        content: Plain,
        message: Plain,
    }
    let text = serde_json::from_str::<String>(raw.get()).ok().or_else(|| {
        let error: Error = read(Some(raw));
        error.content.text().or_else(|| error.message.text())
    })?;
    let text = text.trim();
    (!text.is_empty()).then(|| text[..text.floor_char_boundary(1000)].to_owned())
}
