//! Claude's `conversations.json`: each conversation a list of messages; newer exports say which hangs from which.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    Notes, Parsed, Unreadable,
    chatgpt::pointer,
    loose::{Items, Loose, Plain, body, model, name, title},
    tree::{self, Node, Said},
};
use crate::{
    api::chat::AttachmentKind,
    safe_text::count_hidden,
    store::vault::{
        documents::NewDocument,
        portable::{Attached, Figures},
        weight::weigh,
    },
};

pub(super) const SOURCE: &str = "claude";
/// What stands as the parent of a first message.
const NO_PARENT: &str = "00000000-0000-4000-8000-000000000000";

#[derive(Deserialize)]
struct Chat {
    #[serde(default)]
    uuid: Plain,
    #[serde(default)]
    name: Plain,
    #[serde(default)]
    model: Plain,
    #[serde(default)]
    created_at: Plain,
    #[serde(default)]
    updated_at: Plain,
    #[serde(default)]
    is_starred: Plain,
    #[serde(default)]
    current_leaf_message_uuid: Plain,
    #[serde(rename = "chat_messages")]
    messages: Items<Loose<MessageThere>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageThere {
    uuid: Plain,
    parent_message_uuid: Plain,
    sender: Plain,
    text: Plain,
    content: Items<Loose<Block>>,
    created_at: Plain,
    attachments: Items<Loose<Attachment>>,
    files: Items<Loose<Attachment>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    r#type: Plain,
    text: Plain,
    thinking: Plain,
    name: Plain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attachment {
    file_name: Plain,
    extracted_content: Plain,
}

pub(super) fn parse(json: &str, digest: [u8; 32], now: i64) -> Result<Parsed, Unreadable> {
    let chat: Chat = serde_json::from_str(json).map_err(|error| super::source::why(&error))?;
    let mut notes = Notes::default();
    let title = title(chat.name.text());
    let began_at = chat.created_at.moment();
    let base = began_at.unwrap_or(now);
    let model = model(chat.model.text());
    let mut documents = Vec::new();
    let mut nodes: Vec<Node> = Vec::with_capacity(chat.messages.0.len());
    let is_tree = chat
        .messages
        .0
        .iter()
        .any(|Loose(message)| matches!(&message.parent_message_uuid, Plain::Text(parent) if parent != NO_PARENT));
    for (number, Loose(there)) in chat.messages.0.into_iter().enumerate() {
        let id = there.uuid.clone().id().unwrap_or_else(|| format!("#{number}"));
        let parent = if is_tree {
            there.parent_message_uuid.clone().id().filter(|parent| parent != NO_PARENT)
        } else {
            nodes.last().map(|before| before.id.clone())
        };
        let said = said(there, model.clone(), &mut documents, &mut notes);
        nodes.push(Node { id, parent, said, ..Node::default() });
    }
    let external_id =
        super::source::external_id(chat.uuid.id(), nodes.first(), title.as_deref(), began_at.unwrap_or(0));
    let current = chat.current_leaf_message_uuid.id();
    let ordered = tree::order(SOURCE, &external_id, nodes, current.as_deref(), base, &mut notes);
    let mut parsed = super::source::parsed(SOURCE, external_id, digest, title, ordered, base, notes);
    parsed.documents = documents;
    let incoming = &mut parsed.incoming;
    incoming.updated_at = chat.updated_at.moment().unwrap_or(incoming.updated_at);
    incoming.pinned = chat.is_starred.is_true();
    Ok(parsed)
}

fn said(
    there: MessageThere,
    model: Option<String>,
    documents: &mut Vec<NewDocument>,
    notes: &mut Notes,
) -> Option<Said> {
    let (mut words, mut thinking) = (Vec::new(), Vec::new());
    for Loose(block) in there.content.0 {
        match block.r#type.text().as_deref() {
            Some("text") => words.extend(block.text.text()),
            Some("thinking") => thinking.extend(block.thinking.text()),
            Some("tool_use" | "tool_result" | "token_budget") => {
                if let Some(tool) = block.name.text() {
                    notes.tell(format!("The use of the tool “{tool}” was left out."));
                }
            }
            Some(kind) => notes.tell(format!("A part of the kind “{kind}” was left out.")),
            None => {}
        }
    }
    let mut text = if words.is_empty() { there.text.text().unwrap_or_default() } else { words.join("\n\n") };
    let mut attachments = Vec::new();
    for Loose(attachment) in there.attachments.0 {
        let file = attachment.file_name.text().and_then(|file| name(&file, 200)).unwrap_or_else(|| "file".to_owned());
        match attachment.extracted_content.text() {
            Some(extracted) => {
                let document = text_document(file, body(extracted, notes));
                attachments.push(Attached { sha256: hex::encode(document.sha256), name: document.name.clone() });
                documents.push(document);
            }
            None => pointer(&mut text, "file", &file, notes),
        }
    }
    for Loose(file) in there.files.0 {
        if let Some(file) = file.file_name.text() {
            pointer(&mut text, "file", &file, notes);
        }
    }
    if text.trim().is_empty() && thinking.is_empty() && attachments.is_empty() {
        return None;
    }
    let (role, content) = tree::role(there.sender.text().as_deref(), text, notes);
    let is_answer = role == crate::api::chat::MessageRole::Assistant;
    Some(Said {
        role,
        content: body(content, notes),
        thinking: body(thinking.join("\n\n"), notes),
        model: model.filter(|_| is_answer),
        created_at: there.created_at.moment(),
        error: None,
        attachments,
        figures: Figures::default(),
        rating: None,
    })
}

fn text_document(name: String, text: String) -> NewDocument {
    NewDocument {
        sha256: Sha256::digest(&text).into(),
        kind: AttachmentKind::Text,
        hidden: u32::try_from(count_hidden(&text)).unwrap_or(u32::MAX),
        text: None,
        weight: weigh(&text),
        name,
        body: text.into_bytes(),
    }
}
