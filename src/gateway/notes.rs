//! Notes and ratings.

use super::{
    Gateway,
    organise::{CREATE, TREE},
};
use crate::{
    access::{Member, Op},
    api::{
        ConversationId, Fault, MessageId, NoteId,
        auth::Session,
        feedback::{FeedbackRow, FeedbackSummary, NewFeedback, Thumb},
        notes::{NewNote, Note, NoteRow, NoteScope},
        organise::{Cursor, Page},
    },
};

const NOTES: Op = Op { name: "notes.list", ..TREE };
const NOTES_AS_MARKDOWN: Op = Op { name: "notes.as_markdown", ..TREE };
const ADD_NOTE: Op = Op { name: "notes.add", ..CREATE };
const CHANGE_NOTE: Op = Op { name: "notes.change", ..CREATE };
const DELETE_NOTE: Op = Op { name: "notes.delete", ..CREATE };
const FEEDBACK: Op = Op { name: "feedback.list", ..TREE };
const FEEDBACK_SUMMARY: Op = Op { name: "feedback.summary", ..TREE };
const SET_FEEDBACK: Op = Op { name: "feedback.set", ..CREATE };
const WITHDRAW_FEEDBACK: Op = Op { name: "feedback.withdraw", ..CREATE };

impl Gateway {
    /// Notes, newest first; `filter` matches their text, their passage and the conversation's title without regard to
    /// case or accents.
    pub async fn notes(
        &self,
        session: &Session,
        scope: NoteScope,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<NoteRow>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &NOTES, |by| self.0.notes.list(by, scope, filter, after, limit)).await
    }

    /// The same, each as a piece of a Markdown file.
    pub async fn notes_as_markdown(
        &self,
        session: &Session,
        scope: NoteScope,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<String>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &NOTES_AS_MARKDOWN, |by| {
                self.0.notes.as_markdown(by, scope, filter, after, limit)
            })
            .await
    }

    /// Refused where its passage would overlap that of another note.
    pub async fn add_note(&self, session: &Session, new: NewNote) -> Result<Note, Fault> {
        self.0.gate.call::<Member, _, _>(session, &ADD_NOTE, |by| self.0.notes.add(by, new)).await
    }

    /// Replaces the text. Refused with a conflict if the note has changed since the revision `seen`.
    pub async fn change_note(
        &self,
        session: &Session,
        id: NoteId,
        body: &str,
        seen: Option<u32>,
    ) -> Result<Note, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CHANGE_NOTE, |by| self.0.notes.change(by, id, body, seen)).await
    }

    /// Gives the note as it was.
    pub async fn delete_note(&self, session: &Session, id: NoteId, seen: Option<u32>) -> Result<Note, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DELETE_NOTE, |by| self.0.notes.delete(by, id, seen)).await
    }

    /// Ratings, those of the newest answers first.
    pub async fn feedback(
        &self,
        session: &Session,
        conversation: Option<ConversationId>,
        thumb: Option<Thumb>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<FeedbackRow>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &FEEDBACK, |by| self.0.ratings.list(by, conversation, thumb, after, limit))
            .await
    }

    /// Ratings by model, and how often each reason was given.
    pub async fn feedback_summary(&self, session: &Session) -> Result<FeedbackSummary, Fault> {
        self.0.gate.call::<Member, _, _>(session, &FEEDBACK_SUMMARY, |by| self.0.ratings.summary(by)).await
    }

    /// Rates an answer, in place of the rating it had.
    pub async fn set_feedback(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
        new: NewFeedback,
    ) -> Result<(), Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SET_FEEDBACK, |by| self.0.ratings.set(by, conversation, message, new))
            .await
    }

    /// Says whether there was a rating.
    pub async fn withdraw_feedback(
        &self,
        session: &Session,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<bool, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &WITHDRAW_FEEDBACK, |by| self.0.ratings.withdraw(by, conversation, message))
            .await
    }
}
