//! What the tab with the health asks for, and what it is told.

use crate::api::{
    Fault,
    health::{BreakerPage, FullCheck, HealthHistory, IncidentPage},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCall {
    /// Of so many milliseconds until now.
    History {
        back: i64,
    },
    Incidents {
        before: Option<i64>,
    },
    Breakers {
        before: Option<i64>,
    },
    /// A look through the whole system database; it tells how far it is.
    Full,
    /// Breaks that look off.
    StopFull,
}

#[derive(Debug)]
pub enum HealthReply {
    History { back: i64, history: Result<Box<HealthHistory>, Fault> },
    Incidents { before: Option<i64>, page: Result<IncidentPage, Fault> },
    Breakers { before: Option<i64>, page: Result<BreakerPage, Fault> },
    FullOn(FullCheck),
    FullEnded(Result<(), Fault>),
    Stopped,
}

impl HealthReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::History { history, .. } => history.as_ref().err(),
            Self::Incidents { page, .. } => page.as_ref().err(),
            Self::Breakers { page, .. } => page.as_ref().err(),
            Self::FullEnded(done) => done.as_ref().err(),
            Self::FullOn(_) | Self::Stopped => None,
        }
    }
}
