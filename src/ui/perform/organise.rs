//! The calls of the list of conversations.

use super::{Hands, Search, Way};
use crate::{
    api::{ConversationId, Fault},
    api::{
        auth::Session,
        organise::Undo,
        retention::{PreviewAt, RetentionRules},
    },
    ui::msg::{Arrange, OrganiseCall, OrganiseReply},
};

pub(super) fn way(call: &OrganiseCall) -> Way {
    match call {
        OrganiseCall::Tags { .. } => Way::Newest(Search::Tags),
        OrganiseCall::Preview { .. } => Way::Newest(Search::Retention),
        OrganiseCall::Purge(_) => Way::Job("removing conversations"),
        // It is a job of its own, and what is asked for after it need not wait for years of conversations.
        OrganiseCall::SetRetention { run: true, .. } => Way::Beside("call"),
        OrganiseCall::Arrange { .. }
        | OrganiseCall::TakeBack(_)
        | OrganiseCall::Duplicate(_)
        | OrganiseCall::Group(_)
        | OrganiseCall::Retention
        | OrganiseCall::SetRetention { run: false, .. } => Way::InOrder,
    }
}

impl Hands {
    pub(super) async fn organise(&self, session: &Session, call: OrganiseCall) -> OrganiseReply {
        let gateway = &self.gateway;
        match call {
            OrganiseCall::Arrange { ids, change } => {
                let undo = self.arrange(session, ids.clone(), change.clone()).await;
                OrganiseReply::Arranged { ids, change, undo }
            }
            OrganiseCall::TakeBack(undo) => OrganiseReply::TakenBack(gateway.take_back(session, undo).await),
            OrganiseCall::Duplicate(ids) => {
                OrganiseReply::Duplicated(gateway.duplicate_conversations(session, ids).await)
            }
            OrganiseCall::Purge(None) => {
                OrganiseReply::Purged { ids: None, purged: gateway.empty_trash(session).await }
            }
            OrganiseCall::Purge(Some(ids)) => {
                let purged = gateway.purge_conversations(session, ids.clone()).await;
                OrganiseReply::Purged { ids: Some(ids), purged }
            }
            OrganiseCall::Group(grouping) => {
                OrganiseReply::Grouped(gateway.group_conversations(session, grouping).await)
            }
            OrganiseCall::Tags { asked, text, limit } => {
                OrganiseReply::Tags { asked, page: gateway.tags(session, &text, None, limit).await }
            }
            OrganiseCall::Retention => OrganiseReply::Retention(gateway.retention(session).await.map(Box::new)),
            OrganiseCall::Preview { asked, rules, after, limit } => {
                let preview = gateway.preview_retention(session, Some(rules), PreviewAt { after, limit }).await;
                OrganiseReply::Preview { asked, preview: preview.map(Box::new) }
            }
            OrganiseCall::SetRetention { rules, run } => {
                OrganiseReply::RetentionSet(self.set_retention(session, rules, run).await)
            }
        }
    }

    async fn set_retention(
        &self,
        session: &Session,
        rules: RetentionRules,
        run: bool,
    ) -> Result<Option<crate::api::retention::Report>, Fault> {
        self.gateway.set_retention(session, rules).await?;
        if run { self.gateway.run_retention(session).await.map(Some) } else { Ok(None) }
    }

    async fn arrange(&self, session: &Session, ids: Vec<ConversationId>, change: Arrange) -> Result<Undo, Fault> {
        let gateway = &self.gateway;
        match change {
            Arrange::Move(folder) => gateway.move_conversations(session, ids, folder).await,
            Arrange::Pin(pinned) => gateway.pin_conversations(session, ids, pinned).await,
            Arrange::Archive(archived) => gateway.archive_conversations(session, ids, archived).await,
            Arrange::Trash(true) => gateway.trash_conversations(session, ids).await,
            Arrange::Trash(false) => gateway.restore_conversations(session, ids).await,
            Arrange::Tag { add, remove } => gateway.tag_conversations(session, ids, add, remove).await,
            Arrange::Rename { title, seen_rev } => match ids.as_slice() {
                [id] => gateway.rename_conversation(session, *id, &title, seen_rev).await,
                _ => Err(Fault::invalid("One conversation is renamed at a time.")),
            },
            Arrange::RenameFolder { id, name, seen_rev } => gateway.rename_folder(session, id, &name, seen_rev).await,
            Arrange::MoveFolder { id, parent, seen_rev } => gateway.move_folder(session, id, parent, seen_rev).await,
            Arrange::MoveTogether { folders, place } => gateway.move_together(session, ids, folders, place).await,
        }
    }
}
