//! What was counted, and the requests of a moment ago: of this machine, never of a person.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault,
        auth::Session,
        metrics::{Counted, Wanted},
        requests::Traced,
    },
};

// Ninety days of hours are read and added up.
const COUNTED: Op = Op {
    name: "metrics.read",
    permission: Permission::SeeHealth,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const REQUESTS: Op = Op { name: "metrics.requests", ..COUNTED };

impl Gateway {
    /// What was counted in this hour, in hours before it, and ever.
    pub async fn counted(&self, session: &Session, wanted: Wanted) -> Result<Counted, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &COUNTED, |by| self.0.telemetry.counted(by, wanted)).await
    }

    /// The newest requests of this process that have ended, newest first, each with its spans.
    pub async fn requests(&self, session: &Session, most: u32) -> Result<Vec<Traced>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REQUESTS, |by| self.0.telemetry.requests(by, most)).await
    }
}
