//! The call of the Search screen.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{Fault, events::Event},
    ui::msg::{Msg, SearchCall, SearchReply},
};

impl Performer {
    pub(super) fn search(&mut self, call: SearchCall) {
        let hands = self.hands.clone();
        self.make(Way::Newest(Search::Everything), Box::pin(async move { hands.search(call).await }));
    }
}

impl Hands {
    async fn search(&self, call: SearchCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let SearchCall::Find { asked, query } = call;
        let found = self.gateway.search(&session, query).await.map(Box::new);
        self.tell(Msg::Search(SearchReply::Found { asked, found })).await;
    }
}
