//! What answers cost: counts and times, never content.

use rusqlite::{Transaction, named_params};

use crate::{
    api::{AccountId, chat::Metrics},
    store::{StoreError, While},
};

/// Adds one answer. `outcome` is the message's state in a word.
pub fn insert(
    tx: &Transaction<'_>,
    account: AccountId,
    model: &str,
    outcome: &str,
    metrics: &Metrics,
    now: i64,
) -> Result<(), StoreError> {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    tx.execute(
        "INSERT INTO usage (account, model, at, day, outcome, prompt_tokens, answer_tokens, first_token_ms, total_ms, load_ms, answer_ms)
         VALUES (:account, :model, :now, :day, :outcome, :prompt, :answer, :first, :total, :load, :answer_ms)",
        named_params! {
            ":account": account.0, ":model": model, ":now": now, ":day": now.div_euclid(DAY), ":outcome": outcome,
            ":prompt": metrics.prompt_tokens, ":answer": metrics.answer_tokens, ":first": metrics.first_token_ms,
            ":total": metrics.total_ms, ":load": metrics.load_ms, ":answer_ms": metrics.answer_ms,
        },
    )
    .while_("counting an answer")?;
    Ok(())
}
