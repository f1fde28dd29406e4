//! The calls of the overview of the whole house.

use super::Hands;
use crate::{
    api::auth::Session,
    ui::{
        complete,
        msg::{OverviewCall, OverviewReply},
    },
};

impl Hands {
    pub(super) async fn look_over(&self, session: &Session, call: OverviewCall) -> OverviewReply {
        match call {
            OverviewCall::Read { asked, question } => {
                OverviewReply::Read { asked, shown: self.gateway.overview(session, question).await.map(Box::new) }
            }
            OverviewCall::Export { question, of, what, path } => {
                let path = complete::whole(&path);
                let done = self.gateway.export_report(session, question.clone(), of, what, path.clone()).await;
                OverviewReply::Exported { call: OverviewCall::Export { question, of, what, path }, done }
            }
        }
    }
}
