//! The tree of branches as a whole, and branches that go to the trash.
//!
//! A pruned branch stays where it hangs and is passed over by everything that reads messages, until it is restored or
//! removed for good. Each of its rows names the message it went with, so that of two branches, one pruned inside the
//! other, each comes back as it was. Nothing here recurses: a conversation may be fifty thousand messages deep.

use std::collections::HashMap;

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use super::{branch, messages::head, rows::role};
use crate::{
    api::{
        ConversationId, MessageId,
        branches::{BEGINNING, BranchTree, Ending, Stretch},
    },
    store::{StoreError, While},
};

/// A message as the tree sees it.
struct Node {
    seq: i64,
    parent: Option<usize>,
    pruned_at: Option<i64>,
    pruned_with: Option<i64>,
    children: Vec<usize>,
}

/// Every stretch of messages between forks and ends, each after the one it hangs on, siblings in the order they were
/// made.
pub fn tree(tx: &Transaction<'_>, conversation: ConversationId) -> Result<BranchTree, StoreError> {
    let (conversation, head) = head(tx, conversation)?;
    let nodes = nodes(tx, conversation)?;
    let mut on_view = vec![false; nodes.len()];
    let mut next = head.and_then(|head| nodes.iter().position(|node| node.seq == head));
    while let Some(at) = next {
        on_view[at] = true;
        next = nodes[at].parent;
    }
    // A child is always made after its parent, so one pass from the end counts what hangs on each.
    let mut below = vec![0_u32; nodes.len()];
    for at in (0..nodes.len()).rev() {
        below[at] += u32::from(nodes[at].pruned_at.is_none());
        if let Some(parent) = nodes[at].parent {
            below[parent] += below[at];
        }
    }
    let mut went_with: HashMap<i64, u32> = HashMap::new();
    for with in nodes.iter().filter_map(|node| node.pruned_with) {
        *went_with.entry(with).or_default() += 1;
    }
    let mut stretches = Vec::new();
    // What is still to be drawn: the first message of a stretch, and the stretch it hangs on.
    let mut stack: Vec<(usize, Option<u32>, u32)> =
        (0..nodes.len()).rev().filter(|at| nodes[*at].parent.is_none()).map(|at| (at, None, 0)).collect();
    while let Some((first, parent, depth)) = stack.pop() {
        let is_pruned = nodes[first].pruned_at.is_some();
        let mut last = first;
        let mut messages = 1;
        while !is_pruned
            && let [only] = nodes[last].children[..]
            && nodes[only].pruned_at.is_none()
        {
            last = only;
            messages += 1;
        }
        if is_pruned {
            messages = went_with.get(&nodes[first].seq).copied().unwrap_or(1);
        }
        let children: &[usize] = if is_pruned { &[] } else { &nodes[last].children };
        let index = stretches.len() as u32;
        stack.extend(children.iter().rev().map(|child| (*child, Some(index), depth + 1)));
        stretches.push(Stretch {
            parent,
            depth,
            first: ending(tx, nodes[first].seq)?,
            last: ending(tx, nodes[last].seq)?,
            messages,
            below: below[first],
            children: children.len() as u32,
            on_view: on_view[last],
            pruned_at: nodes[first].pruned_at,
        });
    }
    Ok(BranchTree { stretches })
}

/// All messages of a conversation with their children, in the order they were made.
fn nodes(tx: &Transaction<'_>, conversation: i64) -> Result<Vec<Node>, StoreError> {
    type Stored = (i64, Option<i64>, Option<i64>, Option<i64>);
    let stored: Vec<Stored> = tx
        .prepare_cached(
            "SELECT seq, parent, pruned_at, pruned_with FROM messages WHERE conversation = :conversation ORDER BY seq",
        )
        .and_then(|mut select| {
            select
                .query_map(named_params! { ":conversation": conversation }, |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .while_("reading the tree of branches")?;
    let mut place: HashMap<i64, usize> = HashMap::with_capacity(stored.len());
    let mut nodes: Vec<Node> = Vec::with_capacity(stored.len());
    for (seq, parent, pruned_at, pruned_with) in stored {
        let parent = parent.and_then(|parent| place.get(&parent).copied());
        let at = nodes.len();
        place.insert(seq, at);
        if let Some(parent) = parent {
            nodes[parent].children.push(at);
        }
        nodes.push(Node { seq, parent, pruned_at, pruned_with, children: Vec::new() });
    }
    Ok(nodes)
}

fn ending(tx: &Transaction<'_>, seq: i64) -> Result<Ending, StoreError> {
    let (id, role_name, begins, created_at): (Uuid, String, String, i64) = tx
        .prepare_cached("SELECT id, role, substr(content, 1, :most), created_at FROM messages WHERE seq = :seq")
        .and_then(|mut find| {
            find.query_row(named_params! { ":seq": seq, ":most": BEGINNING as i64 }, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        })
        .while_("reading the ends of a branch")?;
    Ok(Ending { message: MessageId(id), role: role(&role_name)?, begins, created_at })
}

/// Puts a message and all that hangs on it into the trash; says how many went. The branch on view moves to what is left
/// at the fork.
pub fn prune(tx: &Transaction<'_>, conversation: ConversationId, root: MessageId, now: i64) -> Result<u32, StoreError> {
    let root = super::messages::place(tx, conversation, root)?;
    let rest: Option<MessageId> = match root.parent {
        Some(parent) => Some(id_of(tx, parent)?),
        None => tx
            .prepare_cached(
                "SELECT max(seq), id FROM messages
                 WHERE conversation = :conversation AND parent IS NULL AND pruned_at IS NULL AND seq != :root",
            )
            .and_then(|mut find| {
                find.query_row(named_params! { ":conversation": root.conversation, ":root": root.seq }, |row| {
                    Ok(row.get::<_, Option<Uuid>>(1)?.map(MessageId))
                })
            })
            .while_("looking for another branch")?,
    };
    let Some(rest) = rest else {
        return Err(StoreError::Invalid(
            "This branch is the whole conversation: move the conversation to the trash instead.".to_owned(),
        ));
    };
    let gone = tx
        .prepare_cached(
            "WITH RECURSIVE below (seq) AS (
                 SELECT :root
                 UNION ALL
                 SELECT c.seq FROM below b JOIN messages c ON c.parent = b.seq AND c.pruned_at IS NULL)
             UPDATE messages SET pruned_at = :now, pruned_with = :root WHERE seq IN (SELECT seq FROM below)",
        )
        .and_then(|mut update| update.execute(named_params! { ":root": root.seq, ":now": now }))
        .while_("pruning a branch")?;
    tx.prepare_cached("UPDATE messages SET chosen = NULL WHERE chosen = :root")
        .and_then(|mut update| update.execute(named_params! { ":root": root.seq }))
        .while_("choosing a branch")?;
    count(tx, root.conversation, -(gone as i64))?;
    let head_went: bool = tx
        .prepare_cached(
            "SELECT m.pruned_at IS NOT NULL FROM conversations c JOIN messages m ON m.seq = c.head WHERE c.seq = :conversation",
        )
        .and_then(|mut find| find.query_row(named_params! { ":conversation": root.conversation }, |row| row.get(0)))
        .while_("finding the head of a conversation")?;
    if head_went {
        branch::show(tx, conversation, rest)?;
    }
    Ok(gone as u32)
}

/// Takes a branch out of the trash, as it was when it went there; says how many messages came back.
pub fn restore(tx: &Transaction<'_>, conversation: ConversationId, root: MessageId) -> Result<u32, StoreError> {
    let (conversation, root) = pruned(tx, conversation, root)?;
    let back = tx
        .prepare_cached("UPDATE messages SET pruned_at = NULL, pruned_with = NULL WHERE pruned_with = :root")
        .and_then(|mut update| update.execute(named_params! { ":root": root }))
        .while_("restoring a branch")?;
    count(tx, conversation, back as i64)?;
    Ok(back as u32)
}

/// Removes a pruned branch for good, with whatever hangs on it; says how many messages that were.
pub fn purge(tx: &Transaction<'_>, conversation: ConversationId, root: MessageId) -> Result<u32, StoreError> {
    let (_, root) = pruned(tx, conversation, root)?;
    // From the ends upwards: a foreign key that deletes what hangs below would recurse as deep as the branch.
    let all: Vec<i64> = tx
        .prepare_cached(
            "WITH RECURSIVE below (seq) AS (
                 SELECT :root UNION ALL SELECT c.seq FROM below b JOIN messages c ON c.parent = b.seq)
             SELECT seq FROM below ORDER BY seq DESC",
        )
        .and_then(|mut select| select.query_map(named_params! { ":root": root }, |row| row.get(0))?.collect())
        .while_("listing a branch")?;
    let mut documents = tx
        .prepare_cached("SELECT document FROM attachments WHERE message = :seq")
        .while_("listing a branch's files")?;
    let mut delete = tx.prepare_cached("DELETE FROM messages WHERE seq = :seq").while_("removing a branch")?;
    let mut files: Vec<i64> = Vec::new();
    for seq in &all {
        let named = named_params! { ":seq": seq };
        let of_it: Vec<i64> = documents
            .query_map(named, |row| row.get(0))
            .and_then(Iterator::collect)
            .while_("listing a branch's files")?;
        files.extend(of_it);
        delete.execute(named).while_("removing a branch")?;
    }
    for file in files {
        tx.prepare_cached(
            "DELETE FROM documents
             WHERE seq = :file AND NOT EXISTS (SELECT 1 FROM attachments WHERE document = :file)",
        )
        .and_then(|mut delete| delete.execute(named_params! { ":file": file }))
        .while_("removing a branch's files")?;
    }
    Ok(all.len() as u32)
}

/// The keys of a branch in the trash, if what it hangs on is not there itself.
fn pruned(tx: &Transaction<'_>, conversation: ConversationId, root: MessageId) -> Result<(i64, i64), StoreError> {
    use rusqlite::OptionalExtension as _;
    let (conversation, _) = head(tx, conversation)?;
    let seq = tx
        .prepare_cached(
            "SELECT m.seq FROM messages m LEFT JOIN messages p ON p.seq = m.parent
             WHERE m.id = :id AND m.conversation = :conversation AND m.pruned_with = m.seq AND p.pruned_at IS NULL",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":id": root.0, ":conversation": conversation }, |row| row.get(0)).optional()
        })
        .while_("finding a pruned branch")?
        .ok_or(StoreError::NotFound("branch in the trash"))?;
    Ok((conversation, seq))
}

fn id_of(tx: &Transaction<'_>, seq: i64) -> Result<MessageId, StoreError> {
    tx.prepare_cached("SELECT id FROM messages WHERE seq = :seq")
        .and_then(|mut find| find.query_row(named_params! { ":seq": seq }, |row| row.get(0).map(MessageId)))
        .while_("finding a message")
}

fn count(tx: &Transaction<'_>, conversation: i64, by: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE conversations SET messages = messages + :by WHERE seq = :conversation")
        .and_then(|mut update| update.execute(named_params! { ":conversation": conversation, ":by": by }))
        .while_("counting the messages of a conversation")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{
            chat::{MessageRole, MessageState},
            organise::NewConversation,
        },
        store::vault::{branch, conversations, messages, scratch},
    };

    struct Grown<'a> {
        tx: Transaction<'a>,
        id: ConversationId,
        seq: i64,
    }

    fn grown(conn: &mut rusqlite::Connection) -> Grown<'_> {
        let tx = conn.transaction().unwrap();
        let id = conversations::create(&tx, &NewConversation::default(), 1).unwrap().row.id;
        let seq = messages::head(&tx, id).unwrap().0;
        Grown { tx, id, seq }
    }

    impl Grown<'_> {
        fn say(&self, parent: Option<i64>, content: &str) -> (i64, MessageId) {
            let new = messages::NewMessage {
                conversation: self.seq,
                parent,
                role: MessageRole::User,
                state: MessageState::Done,
                content,
                model: None,
                weight: 1,
                lease: None,
                now: 1,
            };
            messages::add(&self.tx, &new).unwrap()
        }

        fn on_view(&self) -> Vec<String> {
            let page = branch::newest(&self.tx, self.id, 100).unwrap();
            page.messages.into_iter().map(|message| message.content).collect()
        }

        fn drawn(&self) -> Vec<String> {
            let tree = tree(&self.tx, self.id).unwrap();
            tree.stretches
                .iter()
                .map(|stretch| {
                    let marks = [(stretch.on_view, "*"), (stretch.pruned_at.is_some(), "x")];
                    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
                    let (first, last) = (&stretch.first.begins, &stretch.last.begins);
                    format!("{}{first}-{last} {}{marks}", " ".repeat(stretch.depth as usize), stretch.messages)
                })
                .collect()
        }

        fn count(&self) -> u32 {
            conversations::get(&self.tx, self.id).unwrap().row.messages
        }
    }

    #[test]
    fn the_tree_shows_forks_and_ends_and_what_lies_between_as_one() {
        let mut conn = scratch::memory();
        let here = grown(&mut conn);
        let (a, _) = here.say(None, "a");
        let (b, _) = here.say(Some(a), "b");
        let (c, _) = here.say(Some(b), "c");
        let (fourth, _) = here.say(Some(c), "d");
        here.say(Some(fourth), "e");
        let (other, _) = here.say(Some(b), "f");
        here.say(Some(other), "g");
        assert_eq!(here.drawn(), ["a-b 2*", " c-e 3", " f-g 2*"]);
        let tree = tree(&here.tx, here.id).unwrap();
        assert_eq!(
            tree.stretches.iter().map(|it| (it.parent, it.below, it.children)).collect::<Vec<_>>(),
            [(None, 7, 2), (Some(0), 3, 0), (Some(0), 2, 0)]
        );
    }

    #[test]
    fn a_pruned_branch_is_passed_over_until_it_is_restored() {
        let mut conn = scratch::memory();
        let here = grown(&mut conn);
        let (a, _) = here.say(None, "a");
        let (b, b_id) = here.say(Some(a), "b");
        here.say(Some(b), "b2");
        let (c, c_id) = here.say(Some(a), "c");
        here.say(Some(c), "c2");
        assert_eq!(here.on_view(), ["a", "c", "c2"]);
        assert_eq!(prune(&here.tx, here.id, c_id, 7).unwrap(), 2);
        assert_eq!(here.on_view(), ["a", "b", "b2"], "what is left at the fork is on view");
        assert_eq!(here.drawn(), ["a-a 1*", " b-b2 2*", " c-c 2x"]);
        assert_eq!(here.count(), 3);
        let page = branch::newest(&here.tx, here.id, 9).unwrap();
        assert!(page.messages.iter().all(|message| message.siblings == 1), "it is no sibling");
        assert!(matches!(branch::show(&here.tx, here.id, c_id), Err(StoreError::NotFound(_))));
        assert!(matches!(prune(&here.tx, here.id, c_id, 8), Err(StoreError::NotFound(_))));
        assert_eq!(branch::past_prompts(&here.tx, "c", 9).unwrap(), [], "nor is it found");
        assert_eq!(branch::sibling(&here.tx, here.id, b_id, 1).unwrap(), b_id);

        assert_eq!(restore(&here.tx, here.id, c_id).unwrap(), 2);
        assert_eq!((here.on_view(), here.count()), (vec!["a".into(), "b".into(), "b2".into()], 5));
        branch::show(&here.tx, here.id, c_id).unwrap();
        assert_eq!(here.on_view(), ["a", "c", "c2"]);
        assert!(matches!(restore(&here.tx, here.id, c_id), Err(StoreError::NotFound(_))));
    }

    #[test]
    fn of_two_branches_pruned_one_inside_the_other_each_comes_back_as_it_was() {
        let mut conn = scratch::memory();
        let here = grown(&mut conn);
        let (a, _) = here.say(None, "a");
        here.say(Some(a), "b");
        let (c, c_id) = here.say(Some(a), "c");
        let (_, d_id) = here.say(Some(c), "d");
        here.say(Some(c), "e");
        prune(&here.tx, here.id, d_id, 1).unwrap();
        assert_eq!(prune(&here.tx, here.id, c_id, 2).unwrap(), 2);
        assert!(matches!(restore(&here.tx, here.id, d_id), Err(StoreError::NotFound(_))), "it hangs on nothing");
        assert_eq!(restore(&here.tx, here.id, c_id).unwrap(), 2);
        assert_eq!(here.drawn(), ["a-a 1*", " b-b 1*", " c-c 1", "  d-d 1x", "  e-e 1"]);
        prune(&here.tx, here.id, c_id, 3).unwrap();
        assert_eq!(purge(&here.tx, here.id, c_id).unwrap(), 3);
        assert_eq!((here.drawn(), here.count()), (vec!["a-b 2*".to_owned()], 2));
    }

    #[test]
    fn the_only_branch_is_not_pruned_but_one_of_two_beginnings_is() {
        let mut conn = scratch::memory();
        let here = grown(&mut conn);
        let (_, a) = here.say(None, "a");
        assert!(matches!(prune(&here.tx, here.id, a, 1), Err(StoreError::Invalid(_))));
        let (_, b) = here.say(None, "b");
        prune(&here.tx, here.id, b, 1).unwrap();
        assert_eq!(here.on_view(), ["a"]);
        assert!(matches!(purge(&here.tx, here.id, a), Err(StoreError::NotFound(_))), "it is not in the trash");
    }

    #[test]
    fn fifty_thousand_messages_with_thousands_of_branches_are_drawn_pruned_and_removed() {
        let mut conn = scratch::memory();
        let here = grown(&mut conn);
        let (mut at, _) = here.say(None, "0");
        let mut middle = None;
        for depth in 1..50_000 {
            let (next, id) = here.say(Some(at), "m");
            if depth % 10 == 0 {
                here.say(Some(at), "other");
            }
            if depth == 100 {
                middle = Some(id);
            }
            at = next;
        }
        let end = MessageId(
            here.tx
                .query_row("SELECT id FROM messages WHERE seq = :seq", named_params! { ":seq": at }, |row| row.get(0))
                .unwrap(),
        );
        branch::show(&here.tx, here.id, end).unwrap();
        let all = tree(&here.tx, here.id).unwrap();
        assert_eq!(all.stretches.len(), 1 + 2 * 4_999);
        assert_eq!(all.stretches.iter().map(|stretch| stretch.depth).max(), Some(4_999));
        let middle = middle.unwrap();
        let gone = prune(&here.tx, here.id, middle, 1).unwrap();
        assert_eq!(gone, 49_900 + 4_989);
        assert_eq!(purge(&here.tx, here.id, middle).unwrap(), gone);
    }
}
