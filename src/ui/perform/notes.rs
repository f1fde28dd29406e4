//! The calls about notes, ratings and branches.

use std::path::PathBuf;

use super::{Hands, Performer, Search, Way, own_file::OwnFile};
use crate::{
    api::{Fault, auth::Session, events::Event, notes::NoteScope, organise::PAGE_MAX},
    ui::msg::{ListCall, ListReply, Msg, NoteCall, NoteReply},
};

impl Performer {
    pub(super) fn notes(&mut self, call: NoteCall) {
        let way = match &call {
            NoteCall::List(whose, ListCall::Read { .. }) => Way::Newest(Search::Notes(*whose)),
            NoteCall::Add(_)
            | NoteCall::List(_, ListCall::Change { .. } | ListCall::Delete { .. })
            | NoteCall::Rate { .. }
            | NoteCall::Withdraw { .. }
            | NoteCall::Why { .. }
            | NoteCall::Branches(_)
            | NoteCall::Prune { .. }
            | NoteCall::RestoreBranch { .. }
            | NoteCall::PurgeBranch { .. } => Way::InOrder,
            NoteCall::List(_, ListCall::Export { .. }) => Way::Job("exporting notes"),
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
            NoteCall::List(whose, call) => NoteReply::List(whose, self.ask_of_a_list(session, call).await),
            NoteCall::Add(new) => NoteReply::Added(gateway.add_note(session, new).await.map(Box::new)),
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
            NoteCall::Why { conversation, message } => NoteReply::Why {
                message,
                slowness: gateway.slowness(session, conversation, message).await.map(Box::new),
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

    async fn ask_of_a_list(&self, session: &Session, call: ListCall) -> ListReply {
        let gateway = &self.gateway;
        match call {
            ListCall::Read { asked, scope, filter, after, limit } => {
                ListReply::Read { asked, page: gateway.notes(session, scope, &filter, after, limit).await }
            }
            ListCall::Change { id, body, seen } => {
                ListReply::Changed(gateway.change_note(session, id, &body, seen).await.map(Box::new))
            }
            ListCall::Delete { id, seen } => {
                ListReply::Deleted(gateway.delete_note(session, id, Some(seen)).await.map(Box::new))
            }
            ListCall::Export { scope, filter, to } => {
                ListReply::Exported(self.export_notes(session, scope, &filter, to).await)
            }
        }
    }

    async fn export_notes(
        &self,
        session: &Session,
        scope: NoteScope,
        filter: &str,
        to: PathBuf,
    ) -> Result<(PathBuf, u64), Fault> {
        let mut file = OwnFile::create(&to)?;
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
