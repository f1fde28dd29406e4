//! The table of the kinds of work: how each is called, who does it, what it shares a line with. Whatever asks after a
//! kind asks here; only what a kind *does* is decided elsewhere, by `Doer`.

use serde::{Deserialize, Serialize};

/// The kinds of work, without what they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    Install,
    Update,
    Remove,
    Copy,
    Rename,
    Create,
    Push,
    Load,
    Unload,
    Benchmark,
    Backup,
    VerifyBackup,
    PruneBackups,
    Restore,
    Check,
    Rule,
    Export,
    Import,
    PutAway,
    Index,
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// Whoever knows Ollama and its registry.
    Models,
    Backups,
    Rules,
    /// Nobody of the machine's line: it is work on one account's own vault, and its row lies in that vault.
    Owner,
}

/// Kinds of one lane share the number that runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Over in a moment.
    Light,
    /// Moves so many bytes that only few run at a time.
    Heavy,
    /// Two would measure each other.
    Benchmarks,
    /// Two would wait for the same disk and the same lock.
    Keeping,
    /// They wait for jobs that they have begun, so they never take the room of one.
    Rules,
    /// The machine's line does not begin it.
    Own,
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    In,
    Out,
    Neither,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// As the databases write it, and the command line.
    word: &'static str,
    /// As a person reads it in a list.
    words: &'static str,
    /// How a task that works at it is called, in the tray and in the log.
    task: &'static str,
    /// How the audit trail calls it.
    action: &'static str,
    doer: Doer,
    lane: Lane,
    flow: Flow,
    /// Whether the line itself writes into the audit trail that it was begun and how it ended.
    is_audited: bool,
    /// Whether the list of models may be another one afterwards.
    changes_models: bool,
    /// Whether what it tells of how far it is are bytes.
    in_bytes: bool,
}

impl Row {
    const fn new(word: &'static str, task: &'static str, action: &'static str, doer: Doer, lane: Lane) -> Self {
        let flow = Flow::Neither;
        Self {
            word,
            words: word,
            task,
            action,
            doer,
            lane,
            flow,
            is_audited: true,
            changes_models: false,
            in_bytes: true,
        }
    }

    const fn model(word: &'static str, task: &'static str, action: &'static str, lane: Lane) -> Self {
        Self { changes_models: true, ..Self::new(word, task, action, Doer::Models, lane) }
    }

    const fn keeping(word: &'static str, task: &'static str, action: &'static str) -> Self {
        Self::new(word, task, action, Doer::Backups, Lane::Keeping)
    }

    /// What an account does with its own vault is noted where it is done.
    const fn own(word: &'static str, task: &'static str, action: &'static str) -> Self {
        Self { is_audited: false, in_bytes: false, ..Self::new(word, task, action, Doer::Owner, Lane::Own) }
    }

    const fn words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    const fn flows(self, flow: Flow) -> Self {
        Self { flow, ..self }
    }
}

impl WorkKind {
    pub const ALL: [Self; 20] = [
        Self::Install,
        Self::Update,
        Self::Remove,
        Self::Copy,
        Self::Rename,
        Self::Create,
        Self::Push,
        Self::Load,
        Self::Unload,
        Self::Benchmark,
        Self::Backup,
        Self::VerifyBackup,
        Self::PruneBackups,
        Self::Restore,
        Self::Check,
        Self::Rule,
        Self::Export,
        Self::Import,
        Self::PutAway,
        Self::Index,
    ];

    const fn row(self) -> Row {
        match self {
            Self::Install => Row::model("install", "an install", "models.install", Lane::Heavy).flows(Flow::In),
            Self::Update => Row::model("update", "an update of a model", "models.update", Lane::Heavy).flows(Flow::In),
            Self::Remove => Row::model("remove", "removing a model", "models.remove", Lane::Light),
            Self::Copy => Row::model("copy", "copying a model", "models.copy", Lane::Light),
            Self::Rename => Row::model("rename", "renaming a model", "models.rename", Lane::Light),
            Self::Create => Row::model("create", "making a model", "models.create", Lane::Heavy),
            Self::Push => Row {
                // What is here stays as it is.
                changes_models: false,
                ..Row::model("push", "uploading a model", "models.push", Lane::Heavy).flows(Flow::Out)
            },
            Self::Load => Row::model("load", "loading a model", "models.load", Lane::Light),
            Self::Unload => Row::model("unload", "unloading a model", "models.unload", Lane::Light),
            Self::Benchmark => Row::model("benchmark", "a benchmark", "models.benchmark", Lane::Benchmarks),
            Self::Backup => Row::keeping("backup", "a backup", "backup.create"),
            Self::VerifyBackup => {
                Row::keeping("verify-backup", "checking a backup", "backup.verify").words("check backup")
            }
            Self::PruneBackups => {
                Row::keeping("prune-backups", "pruning backups", "backup.prune").words("prune backups")
            }
            Self::Restore => {
                Row::keeping("restore", "putting a backup back", "backup.restore").words("put back backup")
            }
            Self::Check => Row::new("check", "checking the store", "store.check", Doer::Rules, Lane::Keeping)
                .words("check the store"),
            Self::Rule => Row {
                // One that finds nothing to do every few minutes would fill the trail; it tells for itself when it
                // changed something.
                is_audited: false,
                ..Row::new("rule", "a rule", "rules.run", Doer::Rules, Lane::Rules)
            },
            Self::Export => Row::own("export", "an export", "conversations.export").flows(Flow::Out),
            Self::Import => {
                Row { in_bytes: true, ..Row::own("import", "an import", "conversations.import").flows(Flow::In) }
            }
            Self::PutAway => Row::own("put-away", "putting old conversations away", "retention.run")
                .words("put old conversations away"),
            Self::Index => Row::own("search-index", "making the index for searching anew", "search.rebuild")
                .words("make the search index anew"),
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().word
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How a task that works at it is called, in the tray and in the log.
    #[must_use]
    pub fn task(self) -> &'static str {
        self.row().task
    }

    /// As a person reads it in a list.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.row().words
    }

    /// How the audit trail calls it.
    #[must_use]
    pub fn action(self) -> &'static str {
        self.row().action
    }

    #[must_use]
    pub fn doer(self) -> Doer {
        self.row().doer
    }

    #[must_use]
    pub fn lane(self) -> Lane {
        self.row().lane
    }

    #[must_use]
    pub fn flow(self) -> Flow {
        self.row().flow
    }

    #[must_use]
    pub fn is_audited(self) -> bool {
        self.row().is_audited
    }

    #[must_use]
    pub fn changes_models(self) -> bool {
        self.row().changes_models
    }

    /// Whether what it tells of how far it is are bytes; otherwise it is a number of things.
    #[must_use]
    pub fn is_in_bytes(self) -> bool {
        self.row().in_bytes
    }

    /// Whether it may be begun by whoever may manage models; the others have ways of their own.
    #[must_use]
    pub fn is_about_models(self) -> bool {
        self.doer() == Doer::Models
    }

    /// Whether it moves so many bytes that only few of its kind run at a time.
    #[must_use]
    pub fn is_heavy(self) -> bool {
        self.lane() == Lane::Heavy
    }

    /// Whether it is one account's own, in its own vault, and nobody else's to see.
    #[must_use]
    pub fn is_own(self) -> bool {
        self.doer() == Doer::Owner
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_called_by_a_word_of_its_own_and_read_back() {
        let words: BTreeSet<&str> = WorkKind::ALL.into_iter().map(WorkKind::as_str).collect();
        let tasks: BTreeSet<&str> = WorkKind::ALL.into_iter().map(WorkKind::task).collect();
        assert_eq!((words.len(), tasks.len()), (WorkKind::ALL.len(), WorkKind::ALL.len()));
        for kind in WorkKind::ALL {
            assert_eq!(WorkKind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn what_belongs_to_one_account_is_in_no_line_of_the_machine() {
        for kind in WorkKind::ALL {
            assert_eq!(kind.is_own(), kind.lane() == Lane::Own, "{kind:?}");
            assert_eq!(kind.is_own(), kind.doer() == Doer::Owner, "{kind:?}");
            assert!(!kind.is_own() || !kind.is_audited(), "{kind:?}: the line never sees its end");
        }
    }
}
