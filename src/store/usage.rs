//! What answers cost, in the shared system database: counts and times, never a word of content.

use rusqlite::{Transaction, named_params};

use super::{StoreError, While};
use crate::api::{
    AccountId,
    chat::{MessageState, Metrics},
};

/// Milliseconds in a day, UTC.
const DAY: i64 = 86_400_000;

/// Notes one answer, however it ended.
pub fn note(
    tx: &Transaction<'_>,
    account: AccountId,
    model: &str,
    outcome: MessageState,
    metrics: &Metrics,
    now: i64,
) -> Result<(), StoreError> {
    let outcome = match outcome {
        MessageState::Streaming => "streaming",
        MessageState::Done => "done",
        MessageState::Length => "length",
        MessageState::Stopped => "stopped",
        MessageState::Interrupted => "interrupted",
        MessageState::Failed => "failed",
    };
    tx.prepare_cached(
        "INSERT INTO usage (account, model, at, day, outcome, prompt_tokens, answer_tokens, first_token_ms, total_ms,
             load_ms, answer_ms)
         VALUES (:account, :model, :at, :day, :outcome, :prompt_tokens, :answer_tokens, :first_token_ms, :total_ms,
             :load_ms, :answer_ms)",
    )
    .while_("noting an answer's cost")?
    .execute(named_params! {
        ":account": account.0,
        ":model": model,
        ":at": now,
        ":day": now.div_euclid(DAY),
        ":outcome": outcome,
        ":prompt_tokens": metrics.prompt_tokens,
        ":answer_tokens": metrics.answer_tokens,
        ":first_token_ms": metrics.first_token_ms,
        ":total_ms": metrics.total_ms,
        ":load_ms": metrics.load_ms,
        ":answer_ms": metrics.answer_ms,
    })
    .while_("noting an answer's cost")?;
    Ok(())
}
