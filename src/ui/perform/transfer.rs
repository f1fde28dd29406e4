//! The calls of the dialogs of exports and imports.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{
        Fault,
        auth::Session,
        events::Event,
        transfer::{NewExport, NewImport},
    },
    ui::{
        complete,
        msg::{Msg, TransferCall, TransferReply},
    },
};

/// Rows of a report that are read at once.
const PAGE: u32 = 100;

impl Performer {
    pub(super) fn transfer(&mut self, call: TransferCall) {
        let way = match call {
            TransferCall::Paths { .. } => Way::Newest(Search::TransferPath),
            // A stop must not wait behind whatever else is being done.
            TransferCall::Stop(_) | TransferCall::Report { .. } => Way::Beside("call"),
            TransferCall::Export(_) | TransferCall::Import(_) => Way::InOrder,
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.transfer(call).await }));
    }
}

impl Hands {
    async fn transfer(&self, call: TransferCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask_transfer(&session, call).await;
        self.tell(Msg::Transfer(reply)).await;
    }

    async fn ask_transfer(&self, session: &Session, call: TransferCall) -> TransferReply {
        let gateway = &self.gateway;
        match call {
            TransferCall::Export(asked) => {
                let new = NewExport { to: complete::whole(&asked.to), ..asked.clone() };
                TransferReply::Exporting(Box::new(asked), gateway.start_export(session, new).await)
            }
            TransferCall::Import(asked) => {
                let new = NewImport { file: complete::whole(&asked.file), ..asked };
                TransferReply::Importing(gateway.start_import(session, new).await)
            }
            TransferCall::Stop(id) => TransferReply::Stopped(gateway.stop_transfer(session, id).await),
            TransferCall::Report { import, after } => {
                TransferReply::Report { import, page: gateway.import_report(session, import, after, PAGE).await }
            }
            TransferCall::Paths { asked, typed } => {
                let paths = tokio::task::spawn_blocking(move || complete::paths(&typed)).await.unwrap_or_default();
                TransferReply::Paths { asked, paths }
            }
        }
    }
}
