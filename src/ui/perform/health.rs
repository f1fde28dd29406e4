//! The calls of the tab with the health.

use std::{pin::pin, time::Duration};

use tokio::sync::watch;

use super::{Hands, Search, Way};
use crate::{
    api::{Fault, auth::Session, health::FullCheck},
    ui::msg::{AdminReply, HealthCall, HealthReply, Msg},
};

/// Rows of one page.
const PAGE: u32 = 100;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How each is made: a look through the whole database is given up when another call of its kind comes.
pub(super) fn way(call: &HealthCall) -> Way {
    match call {
        HealthCall::Full | HealthCall::StopFull => Way::Newest(Search::FullCheck),
        HealthCall::History { .. } => Way::Newest(Search::HealthHistory),
        HealthCall::Incidents { .. } | HealthCall::Breakers { .. } => Way::Beside("call"),
    }
}

impl Hands {
    pub(super) async fn ask_of_health(&self, session: &Session, call: &HealthCall) -> HealthReply {
        let gateway = &self.gateway;
        match *call {
            HealthCall::History { back } => {
                let since = jiff::Timestamp::now().as_millisecond() - back;
                let history = gateway.health_history(session, since).await.map(Box::new);
                HealthReply::History { back, history }
            }
            HealthCall::Incidents { before } => {
                HealthReply::Incidents { before, page: gateway.incidents(session, before, PAGE).await }
            }
            HealthCall::Breakers { before } => {
                HealthReply::Breakers { before, page: gateway.breaker_history(session, before, PAGE).await }
            }
            HealthCall::Full => HealthReply::FullEnded(self.check_in_full(session).await),
            HealthCall::StopFull => HealthReply::Stopped,
        }
    }

    async fn check_in_full(&self, session: &Session) -> Result<(), Fault> {
        let (told, mut progress) = watch::channel(FullCheck::default());
        let mut looking = pin!(self.gateway.check_in_full(session, told));
        loop {
            tokio::select! {
                done = &mut looking => return done,
                Ok(()) = progress.changed() => {
                    let far = progress.borrow_and_update().clone();
                    self.tell(Msg::Admin(AdminReply::Health(HealthReply::FullOn(far)))).await;
                    // The next one is told when it has been read, and the end at once.
                    tokio::select! {
                        done = &mut looking => return done,
                        () = tokio::time::sleep(TELL_EVERY) => {}
                    }
                }
            }
        }
    }
}
