//! Directories, and what a model gets of a file: read, decoded and made ready beside the screen's thread.

use std::path::Path;

use super::{Hands, Search, Way};
use crate::{
    api::{
        Fault, FaultKind,
        auth::Session,
        chat::{AttachmentPreview, PreviewContent},
    },
    ui::{
        files,
        msg::{FilesCall, FilesReply},
        picture::{Canvas, Picture},
        widgets::preview::{Body, Seen, Sheet},
    },
};

pub(super) fn way(call: &FilesCall) -> Way {
    match call {
        FilesCall::Folder(_) => Way::Newest(Search::Folder),
        FilesCall::Preview { .. } => Way::Newest(Search::Preview),
        FilesCall::Pasted { .. } => Way::Beside("call"),
    }
}

impl Hands {
    pub(super) async fn files(&self, session: &Session, call: FilesCall) -> FilesReply {
        match call {
            FilesCall::Folder(path) => FilesReply::Folder(
                beside(move || files::read(if path.as_os_str().is_empty() { Path::new(".") } else { &path })).await,
            ),
            FilesCall::Preview { of, room } => {
                let seen = match self.gateway.preview_attachment(session, of.clone()).await {
                    Ok(preview) => beside(move || Ok(Box::new(seen(preview, room)))).await,
                    Err(fault) => Err(fault),
                };
                FilesReply::Seen { of, seen }
            }
            FilesCall::Pasted { text, path } => {
                let looked = path.clone();
                match beside(move || Ok(files::is_file(&looked))).await {
                    Ok(true) => FilesReply::Pasted { text, path },
                    Ok(false) | Err(_) => FilesReply::NotPasted,
                }
            }
        }
    }
}

/// A decoder that panics costs one picture.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal, "Reading the file failed.")))
}

fn seen(preview: AttachmentPreview, room: (u16, u16)) -> Seen {
    let body = match preview.content {
        PreviewContent::Text(text) => Body::Text(Sheet::of(&text)),
        PreviewContent::Image(bytes) => match Picture::decode(&bytes, room, Canvas::of_this_terminal()) {
            Ok(picture) => Body::Picture(picture),
            Err(why) => Body::Unseen(why),
        },
    };
    Seen { attachment: preview.attachment, body }
}
