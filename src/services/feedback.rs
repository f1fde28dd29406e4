//! What people think of answers. The thumb, the reasons and the comment lie in the vault; beside what the answer cost, in
//! the system database, stands the thumb alone, so that models can be compared by it without a word of anybody's.

use super::{
    conversations::{check_limit, now, place},
    hub::Hub,
};
use crate::{
    access::{Caller, Member},
    api::{
        AccountId, ConversationId, Fault, MessageId,
        chat::{MessageRole, MessageState},
        events::Changed,
        feedback::{COMMENT_MAX, FeedbackRow, FeedbackSummary, NewFeedback, Thumb},
        organise::{Cursor, Page},
    },
    store::{
        Db, StoreError,
        system::usage,
        vault::{feedback, messages},
    },
};

#[derive(Clone, Debug)]
pub struct Ratings {
    system: Db,
    hub: Hub,
}

impl Ratings {
    #[must_use]
    pub fn new(system: Db, hub: Hub) -> Self {
        Self { system, hub }
    }

    pub async fn list(
        &self,
        by: Caller<Member>,
        conversation: Option<ConversationId>,
        thumb: Option<Thumb>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<FeedbackRow>, Fault> {
        check_limit(limit)?;
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let (rows, last) = by
            .vault
            .db
            .read(move |tx| {
                let conversation = conversation.map(|id| Ok::<_, StoreError>(messages::head(tx, id)?.0)).transpose()?;
                feedback::list(tx, conversation, thumb, after, limit)
            })
            .await?;
        Ok(Page { rows, next: last.map(|seq| Cursor(seq.to_string())) })
    }

    pub async fn summary(&self, by: Caller<Member>) -> Result<FeedbackSummary, Fault> {
        Ok(by.vault.db.read(feedback::summary).await?)
    }

    pub async fn set(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
        new: NewFeedback,
    ) -> Result<(), Fault> {
        let new = checked(new)?;
        let thumb = new.thumb;
        by.vault
            .db
            .write(move |tx| {
                let place = messages::place(tx, conversation, message)?;
                if place.role != MessageRole::Assistant {
                    return Err(StoreError::Invalid("Only answers are rated.".to_owned()));
                }
                if place.state == MessageState::Streaming {
                    return Err(StoreError::Conflict(
                        "The answer is still arriving; it can be rated when it is complete.".to_owned(),
                    ));
                }
                feedback::set(tx, place.seq, &new, now())
            })
            .await?;
        self.rate(by.account, message, Some(thumb)).await;
        self.hub.changed(by.account, Changed::Conversation(conversation));
        Ok(())
    }

    /// True if there was a rating.
    pub async fn withdraw(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<bool, Fault> {
        let gone = by
            .vault
            .db
            .write(move |tx| feedback::withdraw(tx, messages::place(tx, conversation, message)?.seq))
            .await?;
        if gone {
            self.rate(by.account, message, None).await;
            self.hub.changed(by.account, Changed::Conversation(conversation));
        }
        Ok(gone)
    }

    /// A figure in a statistic: what the person said is safe without it, so its failure is not theirs.
    async fn rate(&self, account: AccountId, answer: MessageId, thumb: Option<Thumb>) {
        let noted = self.system.write(move |tx| usage::rate(tx, account, answer, thumb)).await;
        if let Err(error) = noted {
            let error: StoreError = error;
            tracing::warn!(%error, "a rating was not counted");
        }
    }
}

fn checked(new: NewFeedback) -> Result<NewFeedback, Fault> {
    let mut reasons = new.reasons;
    reasons.sort_unstable();
    reasons.dedup();
    if let Some(strange) = reasons.iter().find(|reason| !new.thumb.reasons().contains(reason)) {
        let fitting: Vec<&str> = new.thumb.reasons().iter().map(|reason| reason.label()).collect();
        return Err(Fault::invalid(format!("“{}” does not go with this thumb.", strange.label()))
            .hint(format!("With it go: {}.", fitting.join(", "))));
    }
    let comment = new.comment.map(|comment| comment.trim().to_owned()).filter(|comment| !comment.is_empty());
    if let Some(long) = comment.as_ref().filter(|comment| comment.len() > COMMENT_MAX) {
        return Err(Fault::invalid(format!(
            "A comment has at most {} KiB, and this one has {}.",
            COMMENT_MAX / 1024,
            long.len().div_ceil(1024)
        )));
    }
    Ok(NewFeedback { thumb: new.thumb, reasons, comment })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{FaultKind, feedback::Reason};

    #[test]
    fn reasons_go_with_their_thumb_and_comments_are_bounded() {
        let given = |thumb, reasons: &[Reason], comment: &str| {
            checked(NewFeedback { thumb, reasons: reasons.to_vec(), comment: Some(comment.to_owned()) })
        };
        let kept = given(Thumb::Down, &[Reason::Slow, Reason::Wrong, Reason::Slow], "  so it is ").unwrap();
        assert_eq!(kept.reasons, [Reason::Wrong, Reason::Slow]);
        assert_eq!(kept.comment.as_deref(), Some("so it is"));
        assert_eq!(given(Thumb::Up, &[], " ").unwrap().comment, None);
        assert_eq!(given(Thumb::Up, &[Reason::Wrong], "").unwrap_err().kind, FaultKind::Invalid);
        assert_eq!(given(Thumb::Up, &[], &"x".repeat(COMMENT_MAX + 1)).unwrap_err().kind, FaultKind::Invalid);
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.label()), Some(reason));
            assert!(Thumb::Up.reasons().contains(&reason) != Thumb::Down.reasons().contains(&reason), "{reason:?}");
        }
    }
}
