//! What the tab of metrics asks for, and what it is told.

use crate::api::{Fault, metrics::Counted, requests::Traced};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsCall {
    /// What was counted, and the last requests. The number comes back, so that only the latest answer counts.
    Read { asked: u64 },
}

#[derive(Debug)]
pub enum MetricsReply {
    Read { asked: u64, read: Result<Box<Read>, Fault> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub counted: Counted,
    pub requests: Vec<Traced>,
}

impl MetricsReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read { read, .. } => read.as_ref().err(),
        }
    }
}
