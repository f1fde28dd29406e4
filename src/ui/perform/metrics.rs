//! The calls of the tab of metrics.

use super::Hands;
use crate::{
    api::{auth::Session, metrics::Wanted},
    ui::msg::{MetricsCall, MetricsReply, Read},
};

/// What a sparkline shows.
const HOURS: u32 = 24;
/// What a list of requests scrolls through.
const REQUESTS: u32 = 100;

impl Hands {
    pub(super) async fn metrics(&self, session: &Session, call: MetricsCall) -> MetricsReply {
        let MetricsCall::Read { asked } = call;
        let read = async {
            let counted = self.gateway.counted(session, Wanted { hours: HOURS, total: false }).await?;
            let requests = self.gateway.requests(session, REQUESTS).await?;
            Ok(Box::new(Read { counted, requests }))
        };
        MetricsReply::Read { asked, read: read.await }
    }
}
