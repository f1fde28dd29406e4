//! The calls of the Insights screen.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{Fault, events::Event},
    ui::{
        complete,
        msg::{InsightsCall, InsightsReply, Msg},
    },
};

impl Performer {
    pub(super) fn insights(&mut self, call: InsightsCall) {
        let way = match &call {
            InsightsCall::Read { .. } => Way::Newest(Search::Insights),
            InsightsCall::Days { .. } => Way::Newest(Search::InsightsDays),
            InsightsCall::Folders => Way::Beside("call"),
            // After what was asked to change it.
            InsightsCall::Conversation(_) => Way::InOrder,
            InsightsCall::Export { .. } => Way::Job("writing figures to a file"),
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.tell_insights(call).await }));
    }
}

impl Hands {
    async fn tell_insights(&self, call: InsightsCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let (gateway, session) = (&self.gateway, &session);
        let reply = match call {
            InsightsCall::Read { asked, query } => {
                InsightsReply::Read { asked, shown: gateway.insights(session, query).await.map(Box::new) }
            }
            InsightsCall::Folders => InsightsReply::Folders(gateway.tree(session).await),
            InsightsCall::Days { asked, query, days, after, limit } => {
                let page = gateway.insights_conversations(session, query, days, after, limit).await;
                InsightsReply::Days { asked, page }
            }
            InsightsCall::Conversation(id) => {
                let figures = gateway.conversation_figures(session, id).await.map(Box::new);
                InsightsReply::Conversation { id, figures }
            }
            InsightsCall::Export { query, by, what, path } => {
                let path = complete::whole(&path);
                InsightsReply::Exported(gateway.export_insights(session, query, by, what, path).await)
            }
        };
        self.tell(Msg::Insights(reply)).await;
    }
}
