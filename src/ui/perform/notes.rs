//! The calls about notes, ratings and branches.

use std::path::PathBuf;

use super::{Hands, Performer, Search, Way, own_file::OwnFile};
use crate::{
    api::{Fault, auth::Session, events::Event, notes::NoteScope, organise::PAGE_MAX},
    ui::msg::{Msg, NoteCall, NoteReply},
};

impl Performer {
    pub(super) fn notes(&mut self, call: NoteCall) {
        let way = match &call {
            NoteCall::List { whose, .. } => Way::Newest(Search::Notes(*whose)),
            NoteCall::Add(_)
            | NoteCall::Change { .. }
            | NoteCall::Delete { .. }
            | NoteCall::Rate { .. }
            | NoteCall::Withdraw { .. }
            | NoteCall::Branches(_)
            | NoteCall::Prune { .. }
            | NoteCall::RestoreBranch { .. }
            | NoteCall::PurgeBranch { .. } => Way::InOrder,
            NoteCall::Export { .. } => Way::Job("exporting notes"),
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.notes(call).await }));
    }
}

impl Hands {
    async fn notes(&self, call: NoteCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask_about_notes(&session, call).await;
        self.tell(Msg::Notes(reply)).await;
    }

    async fn ask_about_notes(&self, session: &Session, call: NoteCall) -> NoteReply {
        let gateway = &self.gateway;
        match call {
            NoteCall::List { whose, asked, scope, filter, after, limit } => {
                NoteReply::Listed { whose, asked, page: gateway.notes(session, scope, &filter, after, limit).await }
            }
            NoteCall::Add(new) => NoteReply::Added(gateway.add_note(session, new).await.map(Box::new)),
            NoteCall::Change { id, body, seen } => {
                NoteReply::Changed(gateway.change_note(session, id, &body, Some(seen)).await.map(Box::new))
            }
            NoteCall::Delete { id, seen } => {
                NoteReply::Deleted(gateway.delete_note(session, id, Some(seen)).await.map(Box::new))
            }
            NoteCall::Export { scope, filter, to } => {
                NoteReply::Exported(self.export_notes(session, scope, &filter, to).await)
            }
            NoteCall::Rate { conversation, message, feedback } => NoteReply::Rated {
                message,
                done: gateway.set_feedback(session, conversation, message, feedback.clone()).await,
                feedback: Some(feedback),
            },
            NoteCall::Withdraw { conversation, message } => NoteReply::Rated {
                message,
                feedback: None,
                done: gateway.withdraw_feedback(session, conversation, message).await.map(drop),
            },
            NoteCall::Branches(conversation) => {
                NoteReply::Branches { conversation, tree: gateway.branch_tree(session, conversation).await }
            }
            NoteCall::Prune { conversation, message } => {
                NoteReply::Pruned { conversation, done: gateway.prune_branch(session, conversation, message).await }
            }
            NoteCall::RestoreBranch { conversation, message } => NoteReply::RestoredBranch {
                conversation,
                done: gateway.restore_branch(session, conversation, message).await,
            },
            NoteCall::PurgeBranch { conversation, message } => NoteReply::PurgedBranch {
                conversation,
                done: gateway.purge_branch(session, conversation, message).await,
            },
        }
    }

    async fn export_notes(
        &self,
        session: &Session,
        scope: NoteScope,
        filter: &str,
        to: PathBuf,
    ) -> Result<(PathBuf, u64), Fault> {
        let mut file = OwnFile::create(&to, "The notes")?;
        let mut written = 0;
        let mut after = None;
        loop {
            let page = self.gateway.notes_as_markdown(session, scope, filter, after, PAGE_MAX).await?;
            for note in &page.rows {
                file.write(note)?;
                written += 1;
            }
            after = page.next;
            if after.is_none() {
                file.finish()?;
                return Ok((to, written));
            }
        }
    }
}
