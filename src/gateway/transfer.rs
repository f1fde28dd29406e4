//! Conversations to files and from files.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault, TransferId,
        auth::Session,
        transfer::{ExportFormat, ExportScope, ImportPage, NewExport, NewImport},
    },
};

const EXPORT: Op = Op {
    name: "conversations.export",
    permission: Permission::Export,
    class: Class::Write,
    needs_ollama: None,
    deadline: Duration::from_mins(1),
    fresh: false,
};
/// Everything at once wants the passphrase once more.
const EXPORT_ALL: Op = Op { name: "conversations.export_all", class: Class::Admin, fresh: true, ..EXPORT };
const IMPORT: Op = Op { name: "conversations.import", permission: Permission::Organise, ..EXPORT };
const REPORT: Op = Op { name: "conversations.import_report", class: Class::Read, ..IMPORT };
const STOP: Op = Op { name: "conversations.stop_transfer", class: Class::Free, ..IMPORT };

impl ExportScope {
    pub(super) fn is_everything(&self) -> bool {
        match self {
            Self::Everything => true,
            Self::Folder(_) | Self::Conversations(_) => false,
        }
    }
}

impl Gateway {
    /// Begins an export into a file. `Event::Transfer` tells how it goes on and how it ends.
    pub async fn start_export(&self, session: &Session, new: NewExport) -> Result<TransferId, Fault> {
        let op = if new.scope.is_everything() { &EXPORT_ALL } else { &EXPORT };
        self.0.gate.call::<Member, _, _>(session, op, |by| Box::pin(self.0.transfers.export(by, new, None))).await
    }

    /// Begins an export whose bytes come through a channel; after a fault there comes no more.
    pub async fn pipe_export(
        &self,
        session: &Session,
        scope: ExportScope,
        format: ExportFormat,
    ) -> Result<mpsc::Receiver<Result<Vec<u8>, Fault>>, Fault> {
        let op = if scope.is_everything() { &EXPORT_ALL } else { &EXPORT };
        self.0.gate.call::<Member, _, _>(session, op, |by| Box::pin(self.0.transfers.pipe(by, scope, format))).await
    }

    /// Begins an import into the caller's own vault. `Event::Transfer` tells how it goes on and how it ends.
    pub async fn start_import(&self, session: &Session, new: NewImport) -> Result<TransferId, Fault> {
        self.0.gate.call::<Member, _, _>(session, &IMPORT, |by| Box::pin(self.0.transfers.import(by, new, None))).await
    }

    /// What became of each conversation of an import so far, from the row `after` on. `limit` 1–200.
    pub async fn import_report(
        &self,
        session: &Session,
        import: TransferId,
        after: u64,
        limit: u32,
    ) -> Result<ImportPage, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &REPORT, async |by| self.0.transfers.report(&by, import, after, limit))
            .await
    }

    /// Stops an export, which then leaves nothing, or an import, which keeps what it has. One that has ended, or is
    /// somebody else's, is left alone.
    pub async fn stop_transfer(&self, session: &Session, transfer: TransferId) -> Result<(), Fault> {
        self.0
            .gate
            .hold(session, &STOP, async |by| {
                self.0.transfers.stop(&by, transfer);
                Ok(())
            })
            .await
    }
}
