//! Why an answer took as long as it did: read from what was kept with it.

use super::Turns;
use crate::{
    access::{Caller, Member},
    api::{ConversationId, Fault, MessageId, chat::MessageRole, slowness::Slowness},
    store::{
        StoreError,
        vault::{messages, times},
    },
};

impl Turns {
    /// Where the time of an answer went.
    pub async fn slowness(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Slowness, Fault> {
        let told = by
            .vault
            .db
            .read(move |tx| {
                let place = messages::place(tx, conversation, message)?;
                if place.role != MessageRole::Assistant {
                    return Err(StoreError::Invalid("Only answers have a speed.".to_owned()));
                }
                let answer = messages::get(tx, place.seq)?;
                let times = times::of(tx, place.seq)?;
                Ok(Slowness {
                    message,
                    model: answer.model,
                    state: answer.state,
                    metrics: answer.metrics,
                    phases: times.map(|times| times.phases),
                    request: times.map(|times| times.request),
                })
            })
            .await?;
        Ok(told)
    }
}
