//! What a file says to a model, before it is sent and afterwards.

use std::time::Duration;

use super::{Gateway, turns::MEASURE};
use crate::{
    access::{Member, Op},
    api::{
        Fault,
        auth::Session,
        chat::{AttachmentPreview, PreviewOf},
    },
};

pub(super) const PREVIEW: Op = Op { name: "turns.preview", deadline: Duration::from_secs(20), ..MEASURE };

impl Gateway {
    /// Exactly what the model receives of a file. A stored one is only found at a message of one's own.
    pub async fn preview_attachment(&self, session: &Session, of: PreviewOf) -> Result<AttachmentPreview, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PREVIEW, |by| self.0.turns.preview(by, of)).await
    }
}
