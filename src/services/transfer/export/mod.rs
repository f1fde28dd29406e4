//! Writing conversations out: pages from the vault on one side, a thread that writes on the other, and between them never
//! more than a page.

mod html;
mod own;
mod readable;
mod sink;

use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) use own::Everything;
pub(super) use sink::Sink;

use self::sink::Piece;
use crate::{
    api::{
        ConversationId, Fault, FaultKind, FolderId,
        profile::ExportReport,
        transfer::{ExportFormat, ExportScope, TransferProgress},
    },
    store::{
        StoreError, Vault,
        vault::{
            conversations,
            portable::{self, Folder, Which},
        },
    },
};

/// Conversations whose keys are read at once.
const KEYS: u32 = 500;

/// The way to the thread that writes. Whoever sends waits while it is busy.
struct Out(mpsc::Sender<Piece>);

impl Out {
    async fn send(&self, piece: Piece) -> Result<(), Fault> {
        // Why the writer has stopped, it tells itself.
        self.0.send(piece).await.map_err(|_| Fault::new(FaultKind::Internal, "The export is not written any more."))
    }

    async fn text(&self, text: String) -> Result<(), Fault> {
        if text.is_empty() { Ok(()) } else { self.send(Piece::Text(text)).await }
    }

    async fn file(&self, name: impl Into<String>, body: impl Into<Vec<u8>>) -> Result<(), Fault> {
        self.send(Piece::File { name: name.into(), body: body.into() }).await
    }
}

/// What an export is of.
struct Source<'a> {
    vault: &'a Vault,
    which: Which,
    scope: &'a ExportScope,
    folders: Vec<Folder>,
    count: u64,
}

/// What was written so far, and who hears of it.
struct Counted<'a> {
    report: ExportReport,
    of: u64,
    stop: &'a CancellationToken,
    tell: &'a (dyn Fn(TransferProgress) + Send + Sync),
}

impl Counted<'_> {
    /// Between two pages: whether to go on, and how far it is.
    fn go_on(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::new(FaultKind::Cancelled, "The export was stopped; nothing was written."));
        }
        (self.tell)(TransferProgress {
            done: self.report.conversations,
            of: self.of,
            conversations: self.report.conversations,
            messages: self.report.messages,
        });
        Ok(())
    }
}

/// Whether what is named is there.
pub(super) async fn look(vault: &Vault, scope: &ExportScope) -> Result<(), Fault> {
    match scope.clone() {
        ExportScope::Everything => Ok(()),
        ExportScope::Folder(folder) => {
            let folders = vault.db.read(portable::folders).await?;
            folders.iter().any(|known| known.id == folder.0).then_some(()).ok_or_else(|| Fault::not_found("folder"))
        }
        ExportScope::Conversations(ids) => {
            if ids.is_empty() {
                return Err(Fault::invalid("No conversation is named.").hint("Name one, or a folder, or all."));
            }
            vault
                .db
                .read(move |tx| {
                    ids.iter().try_for_each(|id: &ConversationId| conversations::get(tx, *id).map(drop))?;
                    Ok::<(), StoreError>(())
                })
                .await?;
            Ok(())
        }
    }
}

/// Runs an export to its end. A failure leaves nothing.
pub(super) async fn run(
    vault: &Vault,
    scope: &ExportScope,
    format: ExportFormat,
    beside: Option<&Everything>,
    sink: Sink,
    stop: &CancellationToken,
    tell: impl Fn(TransferProgress) + Send + Sync,
) -> Result<ExportReport, Fault> {
    let folders = vault.db.read(portable::folders).await?;
    let which = match scope {
        ExportScope::Everything => Which::All,
        ExportScope::Conversations(ids) => Which::Of(ids.clone()),
        ExportScope::Folder(folder) => Which::In(below(&folders, *folder)),
    };
    let counted = which.clone();
    let count = vault.db.read(move |tx| portable::count(tx, &counted)).await?;
    let source = Source { vault, which, scope, folders, count };
    let report = ExportReport {
        path: sink.path().map_or_else(PathBuf::new, std::path::Path::to_path_buf),
        bytes: 0,
        conversations: 0,
        messages: 0,
        documents: 0,
    };
    let mut counted = Counted { report, of: count, stop, tell: &tell };
    let (pieces, inbox) = mpsc::channel(4);
    let named = sink.path().map(|path| path.display().to_string()).unwrap_or_default();
    // When whoever asked stops waiting, nothing more comes in, and the file goes with the thread's answer.
    let is_archive = format == ExportFormat::Own;
    let writing = tokio::task::spawn_blocking(move || sink::write(sink, is_archive, inbox));
    let out = Out(pieces);
    let filled = match format {
        ExportFormat::Own => own::fill(&source, beside, &out, &mut counted).await,
        ExportFormat::Markdown => readable::fill(&source, readable::Kind::Markdown, &out, &mut counted).await,
        ExportFormat::Json => readable::fill(&source, readable::Kind::Json, &out, &mut counted).await,
        ExportFormat::Html => readable::fill(&source, readable::Kind::Html, &out, &mut counted).await,
    };
    drop(out);
    let done = writing.await.unwrap_or_else(|_| Err(std::io::Error::other("the writer ended")));
    // The writer's own trouble is the cause where both failed.
    let finished = done.map_err(|error| sink::cannot_write(&named, &error))?;
    filled?;
    // One more look: what was stopped at the last moment is not put in its place.
    counted.go_on()?;
    let bytes = tokio::task::spawn_blocking(move || finished.put_in_place())
        .await
        .unwrap_or_else(|_| Err(std::io::Error::other("the writer ended")))
        .map_err(|error| sink::cannot_write(&named, &error))?;
    Ok(ExportReport { bytes, ..counted.report })
}

/// A folder and all that lie in it, however deep.
fn below(folders: &[Folder], top: FolderId) -> Vec<FolderId> {
    let mut children: std::collections::HashMap<_, Vec<_>> = std::collections::HashMap::new();
    for folder in folders {
        if let Some(parent) = folder.parent {
            children.entry(parent).or_default().push(folder.id);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![top.0];
    while let Some(id) = open.pop() {
        found.push(FolderId(id));
        open.extend(children.remove(&id).unwrap_or_default());
    }
    found
}
