//! Calls about the rules of the house, and their answers.

use crate::api::{
    Fault, RuleId,
    rules::{NewRule, Rule, RuleRun, RuleRuns},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesCall {
    Read,
    /// `None` = a new one.
    Save {
        id: Option<RuleId>,
        new: NewRule,
    },
    Switch {
        id: RuleId,
        name: String,
        on: bool,
    },
    Remove {
        id: RuleId,
        name: String,
    },
    /// Dry, it is waited for; in earnest it goes on by itself.
    Run {
        id: RuleId,
        name: String,
        dry: bool,
    },
    /// The newest page of its history.
    History {
        id: RuleId,
        name: String,
    },
}

impl RulesCall {
    /// Whether it changes something, or takes long enough that somebody waits for it.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self {
            Self::Read | Self::History { .. } => false,
            Self::Save { .. } | Self::Switch { .. } | Self::Remove { .. } | Self::Run { .. } => true,
        }
    }
}

#[derive(Debug)]
pub enum RulesReply {
    Read(Result<Vec<Rule>, Fault>),
    Saved {
        call: RulesCall,
        rule: Result<Box<Rule>, Fault>,
    },
    Switched {
        call: RulesCall,
        rule: Result<Box<Rule>, Fault>,
    },
    Removed {
        call: RulesCall,
        done: Result<(), Fault>,
    },
    /// The report of a dry run; of one in earnest, that it has begun.
    Ran {
        call: RulesCall,
        run: Result<Option<Box<RuleRun>>, Fault>,
    },
    History {
        call: RulesCall,
        runs: Result<RuleRuns, Fault>,
    },
}

impl RulesReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Read(rules) => rules.as_ref().err(),
            Self::Saved { rule, .. } | Self::Switched { rule, .. } => rule.as_ref().err(),
            Self::Removed { done, .. } => done.as_ref().err(),
            Self::Ran { run, .. } => run.as_ref().err(),
            Self::History { runs, .. } => runs.as_ref().err(),
        }
    }
}
