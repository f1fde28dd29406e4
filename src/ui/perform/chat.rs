//! The calls of the chat.

use std::path::PathBuf;

use super::{Hands, Performer, Search, Way, compare, files, templates};
use crate::{
    api::{Fault, FaultKind, auth::Session, chat::Attachment, events::Event},
    ui::{
        complete,
        msg::{ChatCall, ChatReply, Msg},
    },
};

impl Performer {
    pub(super) fn chat(&mut self, call: ChatCall) {
        let way = match &call {
            ChatCall::Measure { .. } => Way::Newest(Search::Measure),
            ChatCall::Conversations { shelf, .. } => Way::Newest(Search::Shelf(*shelf)),
            ChatCall::PastPrompts { .. } => Way::Newest(Search::Prompts),
            ChatCall::CompletePath { .. } => Way::Newest(Search::Path),
            ChatCall::Use(call) => templates::way(call),
            ChatCall::Compare(call) => compare::way(call),
            ChatCall::Files(call) => files::way(call),
            ChatCall::Organise(call) => super::organise::way(call),
            ChatCall::Create(_)
            | ChatCall::Open { .. }
            | ChatCall::Change { .. }
            | ChatCall::CreateFolder { .. }
            | ChatCall::DeleteFolder { .. }
            | ChatCall::Mark { .. }
            | ChatCall::LoadDraft
            | ChatCall::SaveDraft { .. }
            | ChatCall::StartTurn(_)
            | ChatCall::ShowMessage { .. }
            | ChatCall::Sibling { .. } => Way::InOrder,
            ChatCall::Tree
            | ChatCall::Older { .. }
            | ChatCall::Newer { .. }
            | ChatCall::Oldest { .. }
            | ChatCall::Named { .. }
            | ChatCall::StopTurn(_)
            | ChatCall::Inspect(_)
            | ChatCall::Models { .. }
            | ChatCall::Model(_) => Way::Beside("call"),
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.chat(call).await }));
    }
}

impl Hands {
    async fn chat(&self, call: ChatCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask(&session, call).await;
        self.tell(Msg::Chat(reply)).await;
    }

    async fn ask(&self, session: &Session, call: ChatCall) -> ChatReply {
        let gateway = &self.gateway;
        match call {
            ChatCall::Tree => ChatReply::Tree(gateway.tree(session).await),
            ChatCall::Conversations { asked, shelf, filter, after, limit } => ChatReply::Conversations {
                asked,
                shelf,
                page: gateway.conversations(session, shelf, &filter, after, limit).await,
            },
            ChatCall::Create(new) => ChatReply::Created(gateway.create_conversation(session, new).await.map(Box::new)),
            ChatCall::Open { id, limit } => {
                ChatReply::Opened { id, opened: gateway.open_conversation(session, id, limit).await.map(Box::new) }
            }
            ChatCall::Older { conversation, before, limit } => ChatReply::Older {
                conversation,
                page: gateway.older_messages(session, conversation, before, limit).await,
            },
            ChatCall::Newer { conversation, after, limit } => ChatReply::Newer {
                conversation,
                page: gateway.newer_messages(session, conversation, after, limit).await,
            },
            ChatCall::Oldest { conversation, limit } => {
                ChatReply::Oldest { conversation, page: gateway.oldest_messages(session, conversation, limit).await }
            }
            ChatCall::Change { id, patch } => {
                ChatReply::Changed(gateway.change_conversation(session, id, patch).await.map(Box::new))
            }
            ChatCall::Organise(call) => ChatReply::Organised(self.organise(session, call).await),
            ChatCall::CreateFolder { parent, name } => {
                ChatReply::FolderCreated(gateway.create_folder(session, parent, &name).await)
            }
            ChatCall::DeleteFolder { id, content } => {
                ChatReply::FolderDone(gateway.delete_folder(session, id, content).await)
            }
            ChatCall::Sibling { conversation, message, step, limit } => {
                let page = match gateway.sibling(session, conversation, message, step).await {
                    Ok(sibling) => gateway.show_branch(session, conversation, sibling, limit).await,
                    Err(fault) => Err(fault),
                };
                ChatReply::Branch { conversation, page }
            }
            ChatCall::ShowMessage { conversation, message, limit } => ChatReply::Shown {
                conversation,
                message,
                page: gateway.show_message(session, conversation, message, limit).await,
            },
            ChatCall::Mark { conversation, message, excluded, pinned } => ChatReply::Marked {
                message,
                done: gateway.mark_message(session, conversation, message, excluded, pinned).await,
            },
            ChatCall::LoadDraft => ChatReply::Draft(gateway.draft(session, None).await),
            ChatCall::SaveDraft { conversation, draft } => {
                ChatReply::DraftSaved(gateway.save_draft(session, conversation, draft).await)
            }
            ChatCall::PastPrompts { asked, text, limit } => {
                ChatReply::PastPrompts { asked, prompts: gateway.past_prompts(session, &text, limit).await }
            }
            ChatCall::StartTurn(new) => ChatReply::Started(gateway.start_turn(session, new).await.map(Box::new)),
            ChatCall::StopTurn(turn) => ChatReply::Stopped(gateway.stop_turn(session, turn).await),
            ChatCall::Measure { asked, planned } => {
                ChatReply::Measured { asked, meter: gateway.measure_context(session, planned).await }
            }
            ChatCall::Named { asked, names } => ChatReply::Named { asked, found: self.look_at(session, names).await },
            ChatCall::Inspect(path) => {
                let attachment = gateway.inspect_attachment(session, path.clone()).await;
                ChatReply::Inspected { path, attachment }
            }
            ChatCall::CompletePath { asked, typed } => {
                let paths = tokio::task::spawn_blocking(move || complete::paths(&typed)).await.unwrap_or_default();
                ChatReply::PathsCompleted { asked, paths }
            }
            ChatCall::Models { fresh } => ChatReply::Models(gateway.models(session, fresh).await),
            ChatCall::Model(name) => ChatReply::Model(gateway.model(session, &name).await.map(Box::new)),
            ChatCall::Use(call) => self.use_library(session, call).await,
            ChatCall::Compare(call) => ChatReply::Compared(self.compare(session, call).await),
            ChatCall::Files(call) => ChatReply::Files(self.files(session, call).await),
        }
    }

    /// Of each list the first name that is there; names of nothing are left out.
    async fn look_at(&self, session: &Session, names: Vec<Vec<PathBuf>>) -> Vec<(PathBuf, Result<Attachment, Fault>)> {
        let mut found = Vec::new();
        for candidates in names {
            for path in candidates {
                match self.gateway.inspect_attachment(session, path.clone()).await {
                    Err(fault) if fault.kind == FaultKind::NotFound => {}
                    seen => {
                        found.push((path, seen));
                        break;
                    }
                }
            }
        }
        found
    }
}
