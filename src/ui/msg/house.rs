//! What the tab of the settings asks for, and what it is told.

use crate::api::{
    Fault,
    settings::{Differences, NewValue, PastPage, Point, Settings},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsCall {
    List,
    Set(Vec<NewValue>),
    /// Changes of one setting or of all, from before a change.
    Past {
        asked: u64,
        of: Option<String>,
        before: Option<i64>,
    },
    Differ {
        asked: u64,
        from: Point,
        to: Point,
    },
    RollBack {
        name: String,
        to: Option<i64>,
        seen: i64,
    },
    RollAllBack {
        to: Point,
        seen: i64,
    },
}

impl SettingsCall {
    /// Whether it changes something.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self {
            Self::List | Self::Past { .. } | Self::Differ { .. } => false,
            Self::Set(_) | Self::RollBack { .. } | Self::RollAllBack { .. } => true,
        }
    }
}

#[derive(Debug)]
pub enum SettingsReply {
    Listed(Result<Box<Settings>, Fault>),
    Past {
        asked: u64,
        page: Result<PastPage, Fault>,
    },
    Differs {
        asked: u64,
        found: Result<Differences, Fault>,
    },
    /// A change, and how it went.
    Changed {
        call: SettingsCall,
        done: Result<(), Fault>,
    },
}

impl SettingsReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Listed(listed) => listed.as_ref().err(),
            Self::Past { page, .. } => page.as_ref().err(),
            Self::Differs { found, .. } => found.as_ref().err(),
            Self::Changed { done, .. } => done.as_ref().err(),
        }
    }
}
