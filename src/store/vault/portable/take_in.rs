//! Taking one conversation in: it is looked at first, and then added, added to, or left alone.
//!
//! Known again is what came before by its source and its id there. What was changed here wins: nothing is overwritten,
//! and what was deleted here does not come back with a newer file.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::{
    Attached, Draft, Feedback, Figures, Imported, Note, OWN, ShelvesTaken, Summary,
    put::{beside, choose, choose_above, insert, prune, set_head, shown},
    remember::remember,
    shelves::{checked_options, take_draft, take_folder, take_tag},
};
use crate::{
    api::{
        ConversationId,
        chat::{MessageRole, MessageState},
    },
    store::{StoreError, While, vault::fold::filter_key},
};

/// A conversation from elsewhere, whole and checked, wherever it comes from.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Which kind of file it comes from; with `external_id` what it is known by.
    pub source: &'static str,
    pub external_id: String,
    /// Of everything that the file says of it.
    pub digest: [u8; 32],
    /// Its id here, if it is free.
    pub id: Uuid,
    pub title: String,
    /// `none`, `prompt`, `model` or `manual`.
    pub title_origin: &'static str,
    pub folder: IncomingFolder,
    pub tags: Vec<IncomingTag>,
    pub pinned: bool,
    pub archived_at: Option<i64>,
    pub trashed_at: Option<i64>,
    pub model: Option<String>,
    /// JSON.
    pub options: String,
    pub system_prompt: Option<String>,
    pub preset: Option<Uuid>,
    /// Which of the messages ends the branch on view.
    pub head: Option<usize>,
    pub used: i64,
    pub used_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    /// Each after its parent, siblings in their order.
    pub messages: Vec<IncomingMessage>,
    pub notes: Vec<Note>,
    pub feedback: Vec<Feedback>,
    pub summaries: Vec<Summary>,
    pub draft: Option<Draft>,
    pub imported: Vec<Imported>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingFolder {
    None,
    /// One of the folders that the file brought.
    Of(Uuid),
    /// One that is known by an id and has this name, at the top.
    Named(Uuid, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingTag {
    /// One of the tags that the file brought.
    Of(Uuid),
    Named(String),
}

#[derive(Clone, Debug)]
pub struct IncomingMessage {
    /// Its id here, if it is free.
    pub id: Uuid,
    /// Which of the messages before it it hangs from.
    pub parent: Option<usize>,
    /// Which of the messages below it is on view.
    pub chosen: Option<usize>,
    pub role: MessageRole,
    pub state: MessageState,
    pub model: Option<String>,
    pub content: String,
    pub thinking: String,
    /// JSON.
    pub tool_calls: Option<String>,
    pub attachments: Vec<Attached>,
    pub excluded: bool,
    pub pinned: bool,
    /// In the trash since then, with the branch that this one of the messages begins.
    pub pruned: Option<(i64, usize)>,
    pub error: Option<String>,
    /// JSON.
    pub error_kind: Option<String>,
    pub figures: Figures,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

/// What becomes of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new here.
    Added,
    /// So many messages are new here. `left` differ here, or were deleted here, and stay as they are.
    Grown { messages: u64, left: u64 },
    /// Everything of it is here.
    Same,
    /// Nothing is new, and so many messages differ here, or were deleted here.
    Changed { left: u64 },
}

/// Where in the order of use it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// As it was: in a vault that holds nothing else.
    AsItWas,
    /// Below everything that is here; `put_in_order` sorts those of one import among themselves.
    Below,
}

/// What was done with a conversation, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub outcome: Outcome,
    /// `None` = it would be new.
    pub conversation: Option<ConversationId>,
    /// Its row, if it was added.
    pub added: Option<i64>,
    pub is_trashed: bool,
}

/// The last eight bytes of an id: random in those of this program, a part of a digest in those of others.
pub(super) fn known_by(id: Uuid) -> [u8; 8] {
    let bytes = id.into_bytes();
    let mut last = [0; 8];
    last.copy_from_slice(&bytes[8..]);
    last
}

/// What is here of an incoming conversation.
struct Here {
    seq: i64,
    id: Uuid,
    is_trashed: bool,
    digest: Option<Vec<u8>>,
    known: Vec<u8>,
}

fn here(tx: &Transaction<'_>, incoming: &Incoming) -> Result<Option<Here>, StoreError> {
    let by_source = tx
        .prepare_cached(
            "SELECT c.seq, c.id, c.trashed_at IS NOT NULL AS trashed, i.digest, i.known
             FROM imports i JOIN conversations c ON c.seq = i.conversation
             WHERE i.source = :source AND i.external_id = :external",
        )
        .and_then(|mut find| {
            let named = named_params! { ":source": incoming.source, ":external": incoming.external_id };
            find.query_row(named, |row| {
                Ok(Here {
                    seq: row.get("seq")?,
                    id: row.get("id")?,
                    is_trashed: row.get("trashed")?,
                    digest: Some(row.get("digest")?),
                    known: row.get("known")?,
                })
            })
            .optional()
        })
        .while_("looking for what was imported")?;
    if by_source.is_some() {
        return Ok(by_source);
    }
    tx.prepare_cached("SELECT seq, id, trashed_at IS NOT NULL AS trashed FROM conversations WHERE id = :id")
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": incoming.id }, |row| {
                Ok(Here {
                    seq: row.get("seq")?,
                    id: row.get("id")?,
                    is_trashed: row.get("trashed")?,
                    digest: None,
                    known: Vec::new(),
                })
            })
            .optional()
        })
        .while_("looking for a conversation")
}

/// What an incoming message is here.
enum Found {
    /// Its row in this conversation.
    Here(i64),
    /// It was here and is not any more, or lies in another conversation now.
    Gone,
    New,
}

struct Compared {
    found: Vec<Found>,
    new: u64,
    left: u64,
}

fn compare(tx: &Transaction<'_>, incoming: &Incoming, here: &Here) -> Result<Compared, StoreError> {
    let known: HashSet<[u8; 8]> = here.known.as_chunks::<8>().0.iter().copied().collect();
    let mut compared = Compared { found: Vec::with_capacity(incoming.messages.len()), new: 0, left: 0 };
    let mut find = tx
        .prepare_cached(
            "SELECT seq, conversation, content = :content AS same, pruned_at IS NOT NULL AS pruned
             FROM messages WHERE id = :id",
        )
        .while_("comparing messages")?;
    // What would hang from something in the trash would not be seen.
    let mut hidden = vec![false; incoming.messages.len()];
    for (at, message) in incoming.messages.iter().enumerate() {
        hidden[at] = message.parent.is_some_and(|parent| hidden[parent]);
        let row: Option<(i64, i64, bool, bool)> = find
            .query_row(named_params! { ":id": message.id, ":content": message.content }, |row| {
                Ok((row.get("seq")?, row.get("conversation")?, row.get("same")?, row.get("pruned")?))
            })
            .optional()
            .while_("comparing messages")?;
        compared.found.push(match row {
            Some((seq, conversation, same, pruned)) if conversation == here.seq => {
                compared.left += u64::from(!same);
                hidden[at] = pruned;
                Found::Here(seq)
            }
            None if !hidden[at] && !known.contains(&known_by(message.id)) => {
                compared.new += 1;
                Found::New
            }
            Some(_) | None => {
                compared.left += 1;
                Found::Gone
            }
        });
    }
    Ok(compared)
}

/// Takes a conversation in; `dry` only says what would be done.
pub fn take_in(
    tx: &Transaction<'_>,
    incoming: &Incoming,
    shelves: &ShelvesTaken,
    placing: Placing,
    dry: bool,
    now: i64,
) -> Result<Placed, StoreError> {
    let Some(here) = here(tx, incoming)? else {
        let added = if dry { None } else { Some(add(tx, incoming, shelves, placing, now)?) };
        return Ok(Placed {
            outcome: Outcome::Added,
            conversation: added.map(|(_, id)| ConversationId(id)),
            added: added.map(|(seq, _)| seq),
            is_trashed: incoming.trashed_at.is_some(),
        });
    };
    let placed = |outcome| Placed {
        outcome,
        conversation: Some(ConversationId(here.id)),
        added: None,
        is_trashed: here.is_trashed,
    };
    if here.digest.as_deref() == Some(&incoming.digest[..]) {
        return Ok(placed(Outcome::Same));
    }
    let compared = compare(tx, incoming, &here)?;
    let (new, left) = (compared.new, compared.left);
    if new == 0 {
        return Ok(placed(if left > 0 { Outcome::Changed { left } } else { Outcome::Same }));
    }
    if !dry {
        grow(tx, incoming, &here, &compared)?;
        let known = here.known.as_chunks::<8>().0.iter().copied();
        remember(tx, incoming, here.seq, known.collect(), now)?;
    }
    Ok(placed(Outcome::Grown { messages: new, left }))
}

fn add(
    tx: &Transaction<'_>,
    incoming: &Incoming,
    shelves: &ShelvesTaken,
    placing: Placing,
    now: i64,
) -> Result<(i64, Uuid), StoreError> {
    let folder = match &incoming.folder {
        IncomingFolder::None => None,
        IncomingFolder::Of(id) => shelves.folders.get(id).copied(),
        IncomingFolder::Named(id, name) => Some(take_folder(tx, *id, name, now)?),
    };
    let preset = incoming.preset.and_then(|preset| shelves.presets.get(&preset).copied());
    tx.prepare_cached(
        "INSERT INTO conversations
             (id, folder, title, title_key, title_origin, pinned, archived_at, trashed_at, model, options, preset,
              messages, used, used_at, created_at, updated_at, system_prompt)
         VALUES (:id, :folder, :title, :key, :origin, :pinned, :archived, :trashed, :model, :options, :preset,
              :messages,
              CASE WHEN :used BETWEEN -9007199254740992 AND 9007199254740992
                    AND NOT EXISTS (SELECT 1 FROM conversations WHERE used = :used)
                   THEN :used ELSE (SELECT coalesce(min(used), 1) - 1 FROM conversations) END,
              CASE WHEN :used IS NULL
                   THEN min(:used_at, coalesce((SELECT used_at FROM conversations ORDER BY used LIMIT 1), :used_at))
                   ELSE :used_at END,
              :created, :updated, :system)",
    )
    .while_("taking in a conversation")?
    .execute(named_params! {
        ":id": incoming.id,
        ":folder": folder,
        ":title": incoming.title,
        ":key": filter_key(&incoming.title),
        ":origin": incoming.title_origin,
        ":pinned": incoming.pinned,
        ":archived": incoming.archived_at,
        ":trashed": incoming.trashed_at,
        ":model": incoming.model,
        ":options": checked_options(&incoming.options),
        ":preset": preset,
        ":messages": shown(&incoming.messages),
        ":used": match placing { Placing::AsItWas => Some(incoming.used), Placing::Below => None },
        ":used_at": incoming.used_at,
        ":created": incoming.created_at,
        ":updated": incoming.updated_at,
        ":system": incoming.system_prompt,
    })
    .while_("taking in a conversation")?;
    let conversation = tx.last_insert_rowid();
    for tag in &incoming.tags {
        let tag = match tag {
            IncomingTag::Of(id) => shelves.tags.get(id).copied(),
            IncomingTag::Named(name) => Some(take_tag(tx, None, name, &mut 0)?),
        };
        tx.prepare_cached(
            "INSERT INTO conversation_tags (conversation, tag) SELECT :conversation, :tag WHERE :tag IS NOT NULL
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut insert| insert.execute(named_params! { ":conversation": conversation, ":tag": tag }))
        .while_("tagging a conversation")?;
    }
    let mut rows: Vec<Option<i64>> = Vec::with_capacity(incoming.messages.len());
    for message in &incoming.messages {
        let parent = message.parent.and_then(|parent| rows.get(parent).copied().flatten());
        rows.push(Some(insert(tx, conversation, parent, message)?));
    }
    choose(tx, incoming, &rows)?;
    prune(tx, incoming, &rows)?;
    set_head(tx, conversation, incoming.head.and_then(|head| rows.get(head).copied().flatten()))?;
    beside(tx, incoming, conversation, &rows)?;
    if let Some(draft) = &incoming.draft {
        take_draft(tx, conversation, draft)?;
    }
    for imported in incoming.imported.iter().filter(|imported| imported.source != OWN) {
        let (Ok(digest), Ok(known)) = (hex::decode(&imported.digest), hex::decode(&imported.known)) else { continue };
        tx.prepare_cached(
            "INSERT INTO imports (source, external_id, digest, known, imported_at, conversation)
             VALUES (:source, :external, :digest, :known, :at, :conversation)
             ON CONFLICT (source, external_id) DO UPDATE SET conversation = excluded.conversation,
                 digest = excluded.digest, known = excluded.known WHERE imports.conversation IS NULL",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":source": imported.source,
                ":external": imported.external_id,
                ":digest": digest,
                ":known": known,
                ":at": imported.imported_at,
                ":conversation": conversation,
            })
        })
        .while_("remembering an import")?;
    }
    remember(tx, incoming, conversation, HashSet::new(), now)?;
    Ok((conversation, incoming.id))
}

/// Adds what is new below what is here. The branch on view moves only if nobody has gone on from it here.
fn grow(tx: &Transaction<'_>, incoming: &Incoming, here: &Here, compared: &Compared) -> Result<(), StoreError> {
    let head_here: Option<i64> = tx
        .prepare_cached("SELECT head FROM conversations WHERE seq = :seq")
        .and_then(|mut find| find.query_row(named_params! { ":seq": here.seq }, |row| row.get(0)))
        .while_("finding the head of a conversation")?;
    let mut rows: Vec<Option<i64>> = Vec::with_capacity(incoming.messages.len());
    let mut new: Vec<Option<i64>> = vec![None; incoming.messages.len()];
    for (at, (message, found)) in incoming.messages.iter().zip(&compared.found).enumerate() {
        let row = match found {
            Found::Here(seq) => Some(*seq),
            Found::Gone => None,
            Found::New => {
                // Where its parent is gone, the nearest one above that is still here.
                let mut above = message.parent;
                let mut parent = None;
                while let Some(up) = above {
                    parent = rows.get(up).copied().flatten();
                    if parent.is_some() {
                        break;
                    }
                    above = incoming.messages.get(up).and_then(|up| up.parent);
                }
                let seq = insert(tx, here.seq, parent, message)?;
                new[at] = Some(seq);
                Some(seq)
            }
        };
        rows.push(row);
    }
    // A branch that was in the trash there stays there: it is shown by nobody.
    prune(tx, incoming, &new)?;
    let is_shown = |(message, row): &(&IncomingMessage, &Option<i64>)| row.is_some() && message.pruned.is_none();
    let new_shown = i64::try_from(incoming.messages.iter().zip(&new).filter(is_shown).count()).unwrap_or(0);
    tx.prepare_cached("UPDATE conversations SET messages = messages + :new, rev = rev + 1 WHERE seq = :seq")
        .and_then(|mut update| update.execute(named_params! { ":seq": here.seq, ":new": new_shown }))
        .while_("counting messages")?;
    choose(tx, incoming, &new)?;
    let end = incoming.head.and_then(|head| rows.get(head).copied().flatten());
    if end.is_some() && (head_here.is_none() || rows.contains(&head_here)) {
        if let Some(end) = end {
            choose_above(tx, end)?;
        }
        set_head(tx, here.seq, end)?;
    }
    beside(tx, incoming, here.seq, &new)
}
