//! Changes to the list that take many conversations at once, each in one transaction, and taking them back.

use super::{Conversations, check_limit, checked_folder_name, checked_tag, checked_title, now};
use crate::{
    access::{Caller, Member},
    api::{
        AccountId, ConversationId, Fault, FolderId, PresetId, TagId,
        events::Changed,
        organise::{Conversation, Cursor, Grouping, MANY_MAX, Page, Purged, TAGS_MAX, Tag, TakenBack, Undo},
        profile::Preferences,
    },
    store::{
        StoreError,
        vault::{
            Tx, arrange, conversations, duplicate, folders, purge,
            settings::{self, PREFERENCES},
            tags,
        },
    },
};

/// Conversations looked at in one transaction while the trash is emptied.
const EMPTIED: u32 = 20;
/// Messages after which such a transaction is closed.
const EMPTIED_MESSAGES: u64 = 2_000;

impl Conversations {
    pub async fn trash(&self, by: Caller<Member>, ids: Vec<ConversationId>) -> Result<Undo, Fault> {
        self.many(by, &ids.clone(), move |tx| arrange::trash(tx, &ids, now())).await
    }

    pub async fn restore(&self, by: Caller<Member>, ids: Vec<ConversationId>) -> Result<Undo, Fault> {
        self.many(by, &ids.clone(), move |tx| arrange::restore(tx, &ids, now())).await
    }

    pub async fn move_many(
        &self,
        by: Caller<Member>,
        ids: Vec<ConversationId>,
        folder: Option<FolderId>,
    ) -> Result<Undo, Fault> {
        self.many(by, &ids.clone(), move |tx| arrange::move_to(tx, &ids, folder, now())).await
    }

    /// Conversations and whole folders into one place, or none of them.
    pub async fn move_together(
        &self,
        by: Caller<Member>,
        ids: Vec<ConversationId>,
        whole: Vec<(FolderId, Option<u32>)>,
        place: Option<FolderId>,
    ) -> Result<Undo, Fault> {
        if ids.len() + whole.len() > MANY_MAX {
            return Err(too_many());
        }
        self.many(by, &ids.clone(), move |tx| {
            let mut undo = arrange::move_to(tx, &ids, place, now())?;
            for (id, seen_rev) in whole {
                let Undo { folders: moved, .. } = folders::move_to(tx, id, place, seen_rev, now())?;
                undo.folders.extend(moved);
            }
            Ok(undo)
        })
        .await
    }

    pub async fn pin(&self, by: Caller<Member>, ids: Vec<ConversationId>, pinned: bool) -> Result<Undo, Fault> {
        self.many(by, &ids.clone(), move |tx| arrange::pin(tx, &ids, pinned, now())).await
    }

    pub async fn archive(&self, by: Caller<Member>, ids: Vec<ConversationId>, archived: bool) -> Result<Undo, Fault> {
        self.many(by, &ids.clone(), move |tx| arrange::archive(tx, &ids, archived, now())).await
    }

    pub async fn tag(
        &self,
        by: Caller<Member>,
        ids: Vec<ConversationId>,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<Undo, Fault> {
        if add.len() > TAGS_MAX || remove.len() > TAGS_MAX {
            return Err(Fault::invalid(format!("A conversation carries at most {TAGS_MAX} tags.")));
        }
        let checked = |names: Vec<String>| names.iter().map(|name| checked_tag(name)).collect::<Result<Vec<_>, _>>();
        let (add, remove) = (checked(add)?, checked(remove)?);
        self.many(by, &ids.clone(), move |tx| arrange::tag(tx, &ids, &add, &remove, now())).await
    }

    pub async fn rename(
        &self,
        by: Caller<Member>,
        id: ConversationId,
        title: &str,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        let title = checked_title(title)?;
        self.many(by, &[id], move |tx| arrange::rename(tx, id, &title, seen_rev, now())).await
    }

    pub async fn duplicate(&self, by: Caller<Member>, ids: Vec<ConversationId>) -> Result<Vec<Conversation>, Fault> {
        check_many(&ids)?;
        let copies = by
            .vault
            .db
            .write(move |tx| {
                // Last things first, so that the copies stand in the order in which their originals were named.
                let mut copies = Vec::with_capacity(ids.len());
                for id in ids.iter().rev() {
                    copies.push(duplicate::duplicate(tx, *id, now())?);
                }
                copies.reverse();
                copies.into_iter().map(|copy| conversations::get(tx, copy)).collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        self.hub.changed(by.account, Changed::Tree);
        Ok(copies)
    }

    pub async fn purge(&self, by: Caller<Member>, ids: Vec<ConversationId>) -> Result<Purged, Fault> {
        check_many(&ids)?;
        let gone = ids.clone();
        let purged = by.vault.db.write(move |tx| purge::purge(tx, &ids)).await?;
        self.touched(by.account, &gone);
        Ok(purged)
    }

    /// In steps, each of which is whole: a trash of years would hold up every other write. What is thrown away meanwhile
    /// goes too, and what is restored meanwhile stays.
    pub async fn empty_trash(&self, by: Caller<Member>) -> Result<Purged, Fault> {
        let (mut purged, mut after) = (Purged::default(), 0);
        loop {
            let step = by
                .vault
                .db
                .write(move |tx| {
                    let (mut purged, mut gone, mut after) = (Purged::default(), Vec::new(), after);
                    for (seq, id) in purge::in_trash(tx, after, EMPTIED)? {
                        if purged.messages > EMPTIED_MESSAGES {
                            break;
                        }
                        after = seq;
                        match purge::purge(tx, &[id]) {
                            Ok(one) => {
                                purged += one;
                                gone.push(id);
                            }
                            // Its answer has not ended yet.
                            Err(StoreError::Conflict(_)) => {}
                            Err(error) => return Err(error),
                        }
                    }
                    Ok::<_, StoreError>((purged, gone, after))
                })
                .await?;
            if step.2 == after {
                return Ok(purged);
            }
            purged += step.0;
            after = step.2;
            self.touched(by.account, &step.1);
        }
    }

    pub async fn take_back(&self, by: Caller<Member>, undo: Undo) -> Result<TakenBack, Fault> {
        if undo.len() > MANY_MAX {
            return Err(too_many());
        }
        // It comes from outside again, so it is looked at like what anybody types.
        for before in &undo.conversations {
            checked_title(&before.title)?;
            before.tags.iter().try_for_each(|tag| checked_tag(tag).map(drop))?;
        }
        for before in &undo.folders {
            checked_folder_name(&before.name)?;
        }
        let ids: Vec<ConversationId> = undo.conversations.iter().map(|before| before.id).collect();
        let done = by.vault.db.write(move |tx| arrange::take_back(tx, &undo, now())).await?;
        self.touched(by.account, &ids);
        Ok(done)
    }

    pub async fn tags(
        &self,
        by: Caller<Member>,
        text: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Tag>, Fault> {
        check_limit(limit)?;
        let text: String = text.chars().take(super::FILTER_MAX).collect();
        let after = after.map(|cursor| cursor.0);
        let (rows, last) = by.vault.db.read(move |tx| tags::list(tx, &text, after.as_deref(), limit)).await?;
        Ok(Page { rows, next: last.map(Cursor) })
    }

    pub async fn rename_tag(
        &self,
        by: Caller<Member>,
        id: TagId,
        name: &str,
        seen_rev: Option<u32>,
    ) -> Result<(), Fault> {
        let name = checked_tag(name)?;
        by.vault.db.write(move |tx| tags::rename(tx, id, &name, seen_rev)).await?;
        self.hub.changed(by.account, Changed::Everything);
        Ok(())
    }

    pub async fn delete_tag(&self, by: Caller<Member>, id: TagId) -> Result<u32, Fault> {
        let carried = by.vault.db.write(move |tx| tags::delete(tx, id)).await?;
        self.hub.changed(by.account, Changed::Everything);
        Ok(carried)
    }

    pub async fn rename_folder(
        &self,
        by: Caller<Member>,
        id: FolderId,
        name: &str,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        let name = checked_folder_name(name)?;
        self.many(by, &[], move |tx| folders::rename(tx, id, &name, seen_rev, now())).await
    }

    pub async fn move_folder(
        &self,
        by: Caller<Member>,
        id: FolderId,
        parent: Option<FolderId>,
        seen_rev: Option<u32>,
    ) -> Result<Undo, Fault> {
        self.many(by, &[], move |tx| folders::move_to(tx, id, parent, seen_rev, now())).await
    }

    pub async fn set_folder_preset(
        &self,
        by: Caller<Member>,
        id: FolderId,
        preset: Option<PresetId>,
        seen_rev: Option<u32>,
    ) -> Result<(), Fault> {
        by.vault.db.write(move |tx| folders::set_preset(tx, id, preset, seen_rev, now())).await?;
        self.hub.changed(by.account, Changed::Tree);
        Ok(())
    }

    /// One of the preferences, changed without touching the others.
    pub async fn group(&self, by: Caller<Member>, grouping: Grouping) -> Result<(), Fault> {
        by.vault
            .db
            .write(move |tx| {
                let own: Preferences = settings::get(tx, PREFERENCES)?.unwrap_or_default();
                settings::set(tx, PREFERENCES, &Preferences { grouping, ..own }, now())
            })
            .await?;
        self.hub.changed(by.account, Changed::Tree);
        Ok(())
    }

    /// Runs one transaction over these and tells whoever looks at one of them.
    async fn many(
        &self,
        by: Caller<Member>,
        ids: &[ConversationId],
        change: impl FnOnce(&Tx<'_>) -> Result<Undo, StoreError> + Send + 'static,
    ) -> Result<Undo, Fault> {
        check_many(ids)?;
        let undo = by.vault.db.write(change).await?;
        self.changed_by(by.account, &undo);
        Ok(undo)
    }

    fn changed_by(&self, account: AccountId, undo: &Undo) {
        let ids: Vec<ConversationId> = undo.conversations.iter().map(|before| before.id).collect();
        self.touched(account, &ids);
    }
}

fn check_many(ids: &[ConversationId]) -> Result<(), Fault> {
    if ids.len() > MANY_MAX { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> Fault {
    Fault::invalid(format!("At most {MANY_MAX} things are changed at once.")).hint("Do it in several steps.")
}
