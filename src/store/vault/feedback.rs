//! What a person thought of answers: one row per answer.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::rows::{json, to_json};
use crate::{
    api::{
        ConversationId, MessageId,
        feedback::{Feedback, FeedbackRow, FeedbackSummary, NewFeedback, RatedModel, Reason, Thumb},
    },
    store::{StoreError, While},
};

/// Gives an answer its rating, in place of the one it had.
pub fn set(tx: &Transaction<'_>, message: i64, new: &NewFeedback, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO feedback (message, thumb, reasons, created_at, updated_at, comment)
         VALUES (:message, :thumb, :reasons, :now, :now, :comment)
         ON CONFLICT (message) DO UPDATE
         SET thumb = :thumb, reasons = :reasons, comment = :comment, updated_at = :now, rev = rev + 1",
    )
    .while_("rating an answer")?
    .execute(named_params! {
        ":message": message,
        ":thumb": new.thumb.sign(),
        ":reasons": to_json(&new.reasons, "list of reasons")?,
        ":comment": new.comment,
        ":now": now,
    })
    .while_("rating an answer")?;
    Ok(())
}

/// Whether there was one to take back.
pub fn withdraw(tx: &Transaction<'_>, message: i64) -> Result<bool, StoreError> {
    let gone = tx
        .prepare_cached("DELETE FROM feedback WHERE message = :message")
        .and_then(|mut delete| delete.execute(named_params! { ":message": message }))
        .while_("withdrawing a rating")?;
    Ok(gone > 0)
}

pub(super) fn of(tx: &Transaction<'_>, message: i64) -> Result<Option<Box<Feedback>>, StoreError> {
    tx.prepare_cached("SELECT thumb, reasons, comment, created_at, updated_at FROM feedback WHERE message = :message")
        .and_then(|mut find| find.query_row(named_params! { ":message": message }, read).optional())
        .while_("reading a rating")?
        .map(|(feedback, reasons)| Ok(Box::new(complete(feedback, &reasons)?)))
        .transpose()
}

/// One page of ratings, those of the newest answers first, from below the place `after`.
pub fn list(
    tx: &Transaction<'_>,
    conversation: Option<i64>,
    thumb: Option<Thumb>,
    after: Option<i64>,
    limit: u32,
) -> Result<(Vec<FeedbackRow>, Option<i64>), StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT f.message AS seq, f.thumb, f.reasons, f.comment, f.created_at, f.updated_at, m.id AS id, m.model,
                    c.id AS conversation, c.title
             FROM feedback f JOIN messages m ON m.seq = f.message JOIN conversations c ON c.seq = m.conversation
             WHERE f.message < :after AND (:thumb IS NULL OR f.thumb = :thumb) AND m.pruned_at IS NULL
               AND (:conversation IS NULL AND c.trashed_at IS NULL OR m.conversation = :conversation)
             ORDER BY f.message DESC LIMIT :limit",
        )
        .while_("listing ratings")?;
    let mut found: Vec<(i64, FeedbackRow, String)> = select
        .query_map(
            named_params! {
                ":after": after.unwrap_or(i64::MAX),
                ":thumb": thumb.map(Thumb::sign),
                ":conversation": conversation,
                // One more tells whether anything follows.
                ":limit": limit + 1,
            },
            |row| {
                let (feedback, reasons) = read(row)?;
                let found = FeedbackRow {
                    feedback,
                    conversation: ConversationId(row.get("conversation")?),
                    message: MessageId(row.get("id")?),
                    title: row.get("title")?,
                    model: row.get("model")?,
                };
                Ok((row.get("seq")?, found, reasons))
            },
        )
        .and_then(Iterator::collect)
        .while_("listing ratings")?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|(seq, ..)| *seq);
    let rows = found
        .into_iter()
        .map(|(_, row, reasons)| Ok(FeedbackRow { feedback: complete(row.feedback, &reasons)?, ..row }))
        .collect::<Result<_, StoreError>>()?;
    Ok((rows, next))
}

/// All ratings there are, counted.
pub fn summary(tx: &Transaction<'_>) -> Result<FeedbackSummary, StoreError> {
    let models: Vec<RatedModel> = tx
        .prepare_cached(
            "SELECT coalesce(m.model, '') AS model, sum(f.thumb = 1) AS up, sum(f.thumb = -1) AS down
             FROM feedback f JOIN messages m ON m.seq = f.message WHERE m.pruned_at IS NULL
             GROUP BY 1 ORDER BY count(*) DESC, 1",
        )
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    Ok(RatedModel {
                        model: row.get("model")?,
                        up: row.get::<_, i64>("up")?.unsigned_abs(),
                        down: row.get::<_, i64>("down")?.unsigned_abs(),
                    })
                })?
                .collect()
        })
        .while_("counting ratings")?;
    let named: Vec<(String, i64)> = tx
        .prepare_cached(
            "SELECT r.value, count(*) FROM feedback f JOIN messages m ON m.seq = f.message, json_each(f.reasons) r
             WHERE m.pruned_at IS NULL GROUP BY 1 ORDER BY 2 DESC, 1",
        )
        .and_then(|mut select| select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .while_("counting reasons")?;
    let reasons =
        named.into_iter().filter_map(|(name, count)| Some((Reason::parse(&name)?, count.unsigned_abs()))).collect();
    let (up, down) = models.iter().fold((0, 0), |(up, down), model| (up + model.up, down + model.down));
    Ok(FeedbackSummary { up, down, models, reasons })
}

fn read(row: &Row<'_>) -> Result<(Feedback, String), rusqlite::Error> {
    let feedback = Feedback {
        thumb: if row.get::<_, i64>("thumb")? > 0 { Thumb::Up } else { Thumb::Down },
        reasons: Vec::new(),
        comment: row.get("comment")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    };
    Ok((feedback, row.get("reasons")?))
}

fn complete(feedback: Feedback, reasons: &str) -> Result<Feedback, StoreError> {
    Ok(Feedback { reasons: json(reasons, "list of reasons")?, ..feedback })
}
