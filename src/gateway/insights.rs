//! One's own use in figures.

use std::{path::PathBuf, time::Duration};

use jiff::civil::Date;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        ConversationId, Fault,
        auth::Session,
        insights::{By, ConversationFigures, Insights, InsightsQuery, Sheet, UsedConversation},
        organise::{Cursor, Page},
    },
};

const READ: Op = Op {
    name: "insights.read",
    permission: Permission::Organise,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const CSV: Op = Op { name: "insights.csv", ..READ };
const EXPORT: Op = Op { name: "insights.export", permission: Permission::Export, ..READ };
const CONVERSATIONS: Op = Op { name: "insights.conversations", ..READ };
const OF_CONVERSATION: Op = Op { name: "insights.of_conversation", ..READ };

impl Gateway {
    /// Everything about a period, of one's own vault.
    pub async fn insights(&self, session: &Session, query: InsightsQuery) -> Result<Insights, Fault> {
        self.0.gate.call::<Member, _, _>(session, &READ, |by| self.0.insights.read(by, query)).await
    }

    /// One group of it as CSV.
    pub async fn insights_csv(&self, session: &Session, query: InsightsQuery, by: By) -> Result<String, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CSV, |caller| self.0.insights.csv(caller, query, by)).await
    }

    /// Writes it into a file, and never over an existing one. JSON holds all groups.
    pub async fn export_insights(
        &self,
        session: &Session,
        query: InsightsQuery,
        by: By,
        what: Sheet,
        to: PathBuf,
    ) -> Result<PathBuf, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &EXPORT, |caller| self.0.insights.export(caller, query, by, what, to))
            .await
    }

    /// The conversations in which something was said from `first` to `last`, the newest made first. The period of the query
    /// does not matter here; its filters do.
    pub async fn insights_conversations(
        &self,
        session: &Session,
        query: InsightsQuery,
        (first, last): (Date, Date),
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<UsedConversation>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &CONVERSATIONS, |by| {
                self.0.insights.conversations(by, query, (first, last), after, limit)
            })
            .await
    }

    /// The figures of one conversation.
    pub async fn conversation_figures(
        &self,
        session: &Session,
        conversation: ConversationId,
    ) -> Result<ConversationFigures, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &OF_CONVERSATION, |by| self.0.insights.of_conversation(by, conversation))
            .await
    }
}
