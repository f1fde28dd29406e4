//! Exports and imports as the frame sees them: one dialog, in front or behind, and what it is told.

use super::{Root, Stage, overlay::Overlay};
use crate::{
    api::{
        FaultKind, TransferId, amount,
        transfer::{ExportScope, TransferEnd, TransferEvent},
    },
    ui::{
        actions::Action,
        msg::{Effect, TransferCall, TransferReply},
        widgets::{
            toast::Toast,
            transfer::{Offer, TransferDialog, TransferOut},
        },
    },
};

impl Root {
    /// Opens the dialog, or the one of what still runs.
    pub(super) fn open_transfer(&mut self, action: Action) -> Vec<Effect> {
        if let Some(running) = self.transfer.take().filter(|dialog| dialog.is_busy()) {
            self.overlay = Some(Overlay::Transfer(running));
            return Vec::new();
        }
        let Stage::Inside(screens) = &self.stage else { return Vec::new() };
        let dialog = if action == Action::Import {
            TransferDialog::import()
        } else {
            let mut offers = screens.chat.offers();
            let all = "everything: every conversation, the archive and the trash".to_owned();
            offers.push(Offer { label: all, stem: "ollamanet".to_owned(), scope: ExportScope::Everything });
            TransferDialog::export(offers)
        };
        self.overlay = Some(Overlay::Transfer(Box::new(dialog)));
        Vec::new()
    }

    pub(super) fn transfer_out(&mut self, out: TransferOut) -> Vec<Effect> {
        match out {
            TransferOut::Effects(effects) => effects,
            TransferOut::Closed => {
                self.overlay = None;
                Vec::new()
            }
            TransferOut::Behind => {
                self.put_transfer_behind();
                let key = self.cx.key(Action::ToggleJobs);
                vec![Effect::Toast(Toast::notice("It goes on in the background.").hint(format!("{key} shows it.")))]
            }
        }
    }

    /// Keeps the dialog while something else is in front.
    pub(super) fn put_transfer_behind(&mut self) {
        match self.overlay.take() {
            Some(Overlay::Transfer(dialog)) => self.transfer = Some(dialog),
            other => self.overlay = other,
        }
    }

    /// The dialog, wherever it is.
    fn transfer_dialog(&mut self) -> Option<&mut TransferDialog> {
        match &mut self.overlay {
            Some(Overlay::Transfer(dialog)) => Some(dialog),
            _ => self.transfer.as_deref_mut(),
        }
    }

    pub(super) fn on_transfer(&mut self, reply: TransferReply) -> Vec<Effect> {
        if let Some(effects) = self.refused(reply.fault()) {
            return effects;
        }
        if !matches!(self.stage, Stage::Inside(_)) {
            return Vec::new();
        }
        match reply {
            TransferReply::Exporting(asked, Err(fault)) if fault.kind == FaultKind::Unconfirmed => {
                vec![Effect::Confirm(vec![Effect::Transfer(TransferCall::Export(*asked))])]
            }
            TransferReply::Exporting(_, outcome) | TransferReply::Importing(outcome) => {
                // It went behind while the passphrase was asked for.
                if self.overlay.is_none()
                    && let Some(dialog) = self.transfer.take()
                {
                    self.overlay = Some(Overlay::Transfer(dialog));
                }
                if let Some(dialog) = self.transfer_dialog() {
                    dialog.started(outcome);
                }
                Vec::new()
            }
            TransferReply::Stopped(outcome) => {
                outcome.err().map(|fault| Effect::Toast(Toast::fault(&fault))).into_iter().collect()
            }
            TransferReply::Report { import, page } => {
                if let Some(dialog) = self.transfer_dialog().filter(|dialog| dialog.id() == Some(import)) {
                    dialog.on_report(page);
                }
                Vec::new()
            }
            TransferReply::Paths { asked, paths } => {
                if let Some(dialog) = self.transfer_dialog() {
                    dialog.paths_found(asked, paths);
                }
                Vec::new()
            }
        }
    }

    pub(super) fn on_transfer_event(&mut self, id: TransferId, event: TransferEvent) -> Vec<Effect> {
        let is_in_front = matches!(&self.overlay, Some(Overlay::Transfer(dialog)) if dialog.id() == Some(id));
        match event {
            TransferEvent::Progress(progress) => {
                if let Some(dialog) = self.transfer_dialog().filter(|dialog| dialog.id() == Some(id)) {
                    dialog.on_progress(progress);
                }
                Vec::new()
            }
            TransferEvent::Ended(end) if is_in_front => {
                self.transfer_dialog().map(|dialog| dialog.on_end(*end)).unwrap_or_default()
            }
            TransferEvent::Ended(end) => {
                if self.transfer.as_ref().is_some_and(|dialog| dialog.id() == Some(id)) {
                    self.transfer = None;
                }
                self.unless_locked(vec![Effect::Toast(ended(&end))])
            }
        }
    }
}

/// What became of one that nobody was looking at.
fn ended(end: &TransferEnd) -> Toast {
    match end {
        TransferEnd::Exported(report) => {
            Toast::good(format!("{} conversations are in {}.", report.conversations, report.path.display()))
        }
        TransferEnd::Imported(report) => {
            let counts = &report.counts;
            let words = format!(
                "{} imported, {} updated, {} already here, {} skipped.",
                amount::many(counts.imported, "conversation"),
                counts.updated,
                counts.same,
                counts.skipped
            );
            match &report.broke_off {
                Some(why) => Toast::warning(words).hint(format!("It broke off: {why}")),
                None => Toast::good(words),
            }
        }
        TransferEnd::Failed(fault) => Toast::fault(fault),
    }
}
