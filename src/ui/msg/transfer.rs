//! What the dialogs of exports and imports ask for, and what they are told.

use crate::api::{
    Fault, TransferId,
    transfer::{ImportPage, NewExport, NewImport},
};

#[derive(Clone, Debug)]
pub enum TransferCall {
    Export(NewExport),
    Import(NewImport),
    Stop(TransferId),
    /// What became of each conversation, from this row on.
    Report {
        import: TransferId,
        after: u64,
    },
    /// Names of files that begin like this.
    Paths {
        asked: u64,
        typed: String,
    },
}

#[derive(Debug)]
pub enum TransferReply {
    /// With what was asked, to be asked again once the passphrase is confirmed.
    Exporting(Box<NewExport>, Result<TransferId, Fault>),
    Importing(Result<TransferId, Fault>),
    Stopped(Result<(), Fault>),
    Report {
        import: TransferId,
        page: Result<ImportPage, Fault>,
    },
    Paths {
        asked: u64,
        paths: Vec<String>,
    },
}

impl TransferReply {
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Exporting(_, outcome) | Self::Importing(outcome) => outcome.as_ref().err(),
            Self::Stopped(outcome) => outcome.as_ref().err(),
            Self::Report { page, .. } => page.as_ref().err(),
            Self::Paths { .. } => None,
        }
    }
}
