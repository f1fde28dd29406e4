//! The tree of branches as a whole.

use super::{
    Gateway,
    organise::{CREATE, TREE},
};
use crate::{
    access::{Member, Op},
    api::{ConversationId, Fault, MessageId, auth::Session, branches::BranchTree},
};

const BRANCH_TREE: Op = Op { name: "branches.tree", ..TREE };
const PRUNE: Op = Op { name: "branches.prune", ..CREATE };
const RESTORE_BRANCH: Op = Op { name: "branches.restore", ..CREATE };
const PURGE_BRANCH: Op = Op { name: "branches.purge", ..CREATE };

impl Gateway {
    /// Where a conversation's branches part and end, those in the trash included.
    pub async fn branch_tree(&self, session: &Session, conversation: ConversationId) -> Result<BranchTree, Fault> {
        self.0.gate.call::<Member, _, _>(session, &BRANCH_TREE, |by| self.0.branches.tree(by, conversation)).await
    }

    /// Puts this message and all that hangs on it into the trash; says how many went.
    pub async fn prune_branch(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PRUNE, |by| self.0.branches.prune(by, conversation, message)).await
    }

    /// Takes the branch that this message begins out of the trash.
    pub async fn restore_branch(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &RESTORE_BRANCH, |by| self.0.branches.restore(by, conversation, message))
            .await
    }

    /// Removes a branch that lies in the trash for good.
    pub async fn purge_branch(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<u32, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &PURGE_BRANCH, |by| self.0.branches.purge(by, conversation, message))
            .await
    }
}
