//! What the list of models asks for, and what it is told. Work on models is `jobs`' business.

use crate::api::{
    Fault,
    benchmarks::BenchmarkPage,
    fleet::{Card, CardPatch, Detail, Machine, Page, Query, SavedFilter},
    measures::ModelUse,
    recommend::{Recommended, Task},
    updates::UpdateCheck,
};

/// What becomes of the house's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagAct {
    Create {
        name: String,
    },
    Rename {
        name: String,
        new: String,
    },
    /// Empty = none.
    Category {
        name: String,
        category: String,
    },
    Merge {
        from: String,
        into: String,
    },
    Delete {
        name: String,
    },
    /// Gives and takes tags of these models.
    Put {
        models: Vec<String>,
        add: Vec<String>,
        remove: Vec<String>,
    },
}

/// `asked` numbers come back, so that only the latest answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelsCall {
    Find {
        asked: u64,
        query: Box<Query>,
    },
    Detail {
        asked: u64,
        name: String,
    },
    /// What the model was used for, how fast it was, how it was liked.
    Used {
        asked: u64,
        name: String,
    },
    /// What benchmarks measured of it, newest first.
    Benchmarks {
        asked: u64,
        name: String,
    },
    /// Asks registries for updates of these installed models; none = of all.
    Updates {
        models: Vec<String>,
    },
    /// Which models suit a task.
    Advise(Task),
    /// Looks at this machine, so that it can be told what fits.
    Machine,
    Filters,
    SaveFilter(SavedFilter),
    DeleteFilter(String),
    Tags(TagAct),
    /// Onto the card that was seen with this revision.
    Write {
        name: String,
        patch: CardPatch,
        seen: u32,
    },
}

#[derive(Debug)]
pub enum ModelsReply {
    Found {
        asked: u64,
        page: Result<Box<Page>, Fault>,
    },
    Detail {
        asked: u64,
        detail: Result<Box<Detail>, Fault>,
    },
    Used {
        asked: u64,
        used: Result<Box<ModelUse>, Fault>,
    },
    Benchmarks {
        asked: u64,
        page: Result<Box<BenchmarkPage>, Fault>,
    },
    Updates(Result<Vec<UpdateCheck>, Fault>),
    Advised {
        task: Task,
        found: Result<Box<Recommended>, Fault>,
    },
    Machine(Result<Machine, Fault>),
    Filters(Result<Vec<SavedFilter>, Fault>),
    FilterSaved(Result<Vec<SavedFilter>, Fault>),
    /// How many times a tag was given or taken, or how many models are concerned.
    Tagged {
        act: TagAct,
        done: Result<u64, Fault>,
    },
    Written {
        name: String,
        card: Result<Card, Fault>,
    },
}

impl ModelsReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Found { page, .. } => page.as_ref().err(),
            Self::Detail { detail, .. } => detail.as_ref().err(),
            Self::Used { used, .. } => used.as_ref().err(),
            Self::Benchmarks { page, .. } => page.as_ref().err(),
            Self::Updates(checks) => checks.as_ref().err(),
            Self::Advised { found, .. } => found.as_ref().err(),
            Self::Machine(machine) => machine.as_ref().err(),
            Self::Filters(filters) | Self::FilterSaved(filters) => filters.as_ref().err(),
            Self::Tagged { done, .. } => done.as_ref().err(),
            Self::Written { card, .. } => card.as_ref().err(),
        }
    }
}
