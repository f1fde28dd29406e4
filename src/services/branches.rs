//! The tree of branches, and branches that go to the trash and come back.

use super::{
    conversations::{now, refuse_while_answering},
    hub::Hub,
};
use crate::{
    access::{Caller, Member},
    api::{ConversationId, Fault, MessageId, branches::BranchTree, events::Changed},
    store::vault::prune,
};

#[derive(Clone, Debug)]
pub struct Branches {
    hub: Hub,
}

impl Branches {
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }

    pub async fn tree(&self, by: Caller<Member>, conversation: ConversationId) -> Result<BranchTree, Fault> {
        Ok(by.vault.db.read(move |tx| prune::tree(tx, conversation)).await?)
    }

    pub async fn prune(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        let gone = by
            .vault
            .db
            .write(move |tx| {
                refuse_while_answering(tx, conversation)?;
                prune::prune(tx, conversation, message, now())
            })
            .await?;
        self.changed(&by, conversation);
        Ok(gone)
    }

    pub async fn restore(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        let back = by.vault.db.write(move |tx| prune::restore(tx, conversation, message)).await?;
        self.changed(&by, conversation);
        Ok(back)
    }

    pub async fn purge(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        let gone = by.vault.db.write(move |tx| prune::purge(tx, conversation, message)).await?;
        self.changed(&by, conversation);
        Ok(gone)
    }

    fn changed(&self, by: &Caller<Member>, conversation: ConversationId) {
        self.hub.changed(by.account, Changed::Tree);
        self.hub.changed(by.account, Changed::Conversation(conversation));
    }
}
