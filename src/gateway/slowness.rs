//! Why an answer was slow.

use super::{Gateway, organise::TREE};
use crate::{
    access::{Member, Op},
    api::{ConversationId, Fault, MessageId, auth::Session, slowness::Slowness},
};

const SLOWNESS: Op = Op { name: "turns.slowness", ..TREE };

impl Gateway {
    /// Where the time of an answer went, in parts that add up, as it was measured when the answer came.
    pub async fn slowness(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Slowness, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SLOWNESS, |by| self.0.turns.slowness(by, conversation, message))
            .await
    }
}
