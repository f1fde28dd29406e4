//! Messages as other programs hang them together, brought into an order in which each comes after its parent.
//!
//! Walks are loops. What hangs from nothing begins a branch of its own, what hangs in a circle is cut open, and what is
//! hidden there gives its children to its parent.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{ELEMENT_MAX, Notes};
use crate::{
    api::chat::{MessageRole, MessageState},
    store::vault::portable::{Attached, Figures, IncomingMessage},
};

/// A message as it hangs there.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) children: Vec<String>,
    /// Nothing where it is hidden or only holds the tree together.
    pub(super) said: Option<Said>,
    /// Thinking that goes before whatever the model says next.
    pub(super) thought: String,
}

#[derive(Debug)]
pub(super) struct Said {
    pub(super) role: MessageRole,
    pub(super) content: String,
    pub(super) thinking: String,
    pub(super) model: Option<String>,
    pub(super) created_at: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) attachments: Vec<Attached>,
    pub(super) figures: Figures,
    /// 1 or -1, and the words beside it.
    pub(super) rating: Option<(i64, Option<String>)>,
}

/// Messages in their order, and which of them ends the branch on view.
pub(super) struct Ordered {
    pub(super) messages: Vec<IncomingMessage>,
    pub(super) head: Option<usize>,
    pub(super) ratings: Vec<(Uuid, i64, Option<String>)>,
}

/// An id that is the same whenever the same thing comes from there again (UUIDv8, RFC 9562).
pub(super) fn id_of(source: &str, conversation: &str, message: &str) -> Uuid {
    let mut digest = Sha256::new();
    for part in ["ollamanet import", source, conversation, message] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a role is here. One that this program does not know becomes `system`, with a mark.
pub(super) fn role(there: Option<&str>, content: String, notes: &mut Notes) -> (MessageRole, String) {
    match there {
        Some("user" | "human") => (MessageRole::User, content),
        Some("assistant" | "model" | "ai" | "bot") => (MessageRole::Assistant, content),
        Some("system" | "developer") => (MessageRole::System, content),
        Some("tool" | "function") => (MessageRole::Tool, content),
        other => {
            let name: String = other.unwrap_or("no role").chars().filter(|c| !c.is_control()).take(50).collect();
            notes.tell(format!("A message of the role “{name}” became a system message."));
            (MessageRole::System, format!("[{name}]\n\n{content}"))
        }
    }
}

pub(super) fn order(
    source: &str,
    conversation: &str,
    nodes: Vec<Node>,
    current: Option<&str>,
    began_at: i64,
    notes: &mut Notes,
) -> Ordered {
    let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    let mut doubles = 0_u64;
    let mut is_double = vec![false; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        if let std::collections::hash_map::Entry::Vacant(free) = by_id.entry(&node.id) {
            free.insert(at);
        } else {
            is_double[at] = true;
            doubles += 1;
        }
    }
    if doubles > 0 {
        notes.tell(format!("{doubles} messages have the id of another one; the first of each was taken."));
    }
    // The parent's own word counts, and where there is none, whoever claims it as a child.
    let mut parent: Vec<Option<usize>> =
        nodes.iter().map(|node| node.parent.as_deref().and_then(|parent| by_id.get(parent).copied())).collect();
    for (at, node) in nodes.iter().enumerate() {
        for child in node.children.iter().filter_map(|child| by_id.get(child.as_str())) {
            if parent[*child].is_none() && nodes[*child].parent.is_none() && *child != at {
                parent[*child] = Some(at);
            }
        }
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut is_listed = vec![false; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for child in node.children.iter().filter_map(|child| by_id.get(child.as_str()).copied()) {
            if parent[child] == Some(at) && !std::mem::replace(&mut is_listed[child], true) {
                children[at].push(child);
            }
        }
    }
    for at in (0..nodes.len()).filter(|at| !is_double[*at]) {
        if let Some(up) = parent[at].filter(|_| !is_listed[at]) {
            children[up].push(at);
        }
    }
    let way = walk(&nodes, &parent, &children, &is_double, notes);
    let head = current.and_then(|current| by_id.get(current).copied());
    drop(by_id);
    lay_out(source, conversation, nodes, &way, head, began_at)
}

/// Every node once, parents before children, siblings in their order; each with the parent that it keeps.
fn walk(
    nodes: &[Node],
    parent: &[Option<usize>],
    children: &[Vec<usize>],
    is_double: &[bool],
    notes: &mut Notes,
) -> Vec<(usize, Option<usize>)> {
    let mut way = Vec::with_capacity(nodes.len());
    let mut seen = is_double.to_vec();
    let roots = (0..nodes.len()).filter(|at| parent[*at].is_none());
    // Whatever no root leads to hangs in a circle.
    let rest = 0..nodes.len();
    let mut circles = 0;
    for (start, is_root) in roots.map(|at| (at, true)).chain(rest.map(|at| (at, false))) {
        if seen[start] {
            continue;
        }
        circles += u64::from(!is_root);
        let mut open = vec![(start, None)];
        while let Some((at, above)) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            way.push((at, above));
            open.extend(children[at].iter().rev().map(|child| (*child, Some(at))));
        }
    }
    if circles > 0 {
        notes.tell("Some messages hang in a circle there; it was cut open.");
    }
    way
}

fn lay_out(
    source: &str,
    conversation: &str,
    nodes: Vec<Node>,
    way: &[(usize, Option<usize>)],
    current: Option<usize>,
    began_at: i64,
) -> Ordered {
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    // For each node: the message that stands for it, which is its parent's where it is hidden; and what was thought.
    let mut stands: Vec<Option<usize>> = vec![None; nodes.len()];
    let mut thoughts = Thoughts::new(nodes.len());
    let mut messages: Vec<IncomingMessage> = Vec::with_capacity(way.len());
    let mut ratings = Vec::new();
    for (at, above) in way {
        let Some(node) = nodes[*at].take() else { continue };
        let parent = above.and_then(|above| stands[above]);
        let thought = thoughts.add(above.and_then(|above| thoughts.of[above]), node.thought);
        let Some(said) = node.said else {
            stands[*at] = parent;
            thoughts.of[*at] = thought;
            continue;
        };
        let is_answer = said.role == MessageRole::Assistant;
        let created_at =
            said.created_at.or_else(|| parent.map(|parent| messages[parent].created_at)).unwrap_or(began_at);
        let id = id_of(source, conversation, &node.id);
        if let Some((thumb, comment)) = said.rating {
            ratings.push((id, thumb, comment));
        }
        stands[*at] = Some(messages.len());
        messages.push(IncomingMessage {
            id,
            parent,
            chosen: None,
            role: said.role,
            state: if said.error.is_some() { MessageState::Failed } else { MessageState::Done },
            model: said.model,
            content: said.content,
            thinking: if is_answer && said.thinking.is_empty() { thoughts.whole(thought) } else { said.thinking },
            tool_calls: None,
            attachments: said.attachments,
            excluded: false,
            pinned: false,
            pruned: None,
            error: said.error,
            error_kind: None,
            figures: said.figures,
            created_at,
            ended_at: is_answer.then_some(created_at),
        });
    }
    let head = current.and_then(|current| stands[current]).or_else(|| messages.len().checked_sub(1));
    choose(&mut messages, head);
    Ordered { messages, head, ratings }
}

/// What was thought on the way to an answer, each piece with the one before it.
struct Thoughts {
    /// Which piece is the last one above what follows a hidden node.
    of: Vec<Option<usize>>,
    pieces: Vec<(Option<usize>, String)>,
    /// What of it may still be written out. Answers beside each other share what was thought before them, and a file could
    /// have a million of them.
    room: usize,
}

impl Thoughts {
    fn new(nodes: usize) -> Self {
        Self { of: vec![None; nodes], pieces: Vec::new(), room: ELEMENT_MAX }
    }

    fn add(&mut self, before: Option<usize>, piece: String) -> Option<usize> {
        if piece.is_empty() {
            return before;
        }
        self.pieces.push((before, piece));
        Some(self.pieces.len() - 1)
    }

    fn whole(&mut self, last: Option<usize>) -> String {
        let mut pieces = Vec::new();
        let mut at = last;
        while let Some((before, piece)) = at.and_then(|at| self.pieces.get(at)) {
            let Some(room) = self.room.checked_sub(piece.len() + 2) else { break };
            self.room = room;
            pieces.push(piece.as_str());
            at = *before;
        }
        pieces.reverse();
        pieces.join("\n\n")
    }
}

/// Has the forks above the head point towards it, where the newest child is another one.
fn choose(messages: &mut [IncomingMessage], head: Option<usize>) {
    let mut newest: Vec<Option<usize>> = vec![None; messages.len()];
    for (at, message) in messages.iter().enumerate() {
        if let Some(parent) = message.parent {
            newest[parent] = Some(at);
        }
    }
    let mut at = head;
    while let Some(child) = at {
        at = messages[child].parent;
        if let Some(up) = at.filter(|up| newest[*up] != Some(child)) {
            messages[up].chosen = Some(child);
        }
    }
}
