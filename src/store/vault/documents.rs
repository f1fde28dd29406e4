//! Files that went with messages, kept once for the same bytes.

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::{
    api::{
        DocumentId, MessageId,
        chat::{Attachment, AttachmentKind},
    },
    store::{StoreError, While},
};

/// A file that has been read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    pub name: String,
    pub kind: AttachmentKind,
    pub sha256: [u8; 32],
    /// Characters in it that a terminal would not show.
    pub hidden: u32,
    /// What was taken out of it to be read, where it is not itself text.
    pub text: Option<String>,
    pub body: Vec<u8>,
    /// Its share of a request, quarter tokens.
    pub weight: u32,
}

/// Puts these documents to a message, in this order, after those it has.
pub fn attach(tx: &Transaction<'_>, message: i64, documents: &[NewDocument], now: i64) -> Result<(), StoreError> {
    let first: i64 = tx
        .prepare_cached("SELECT coalesce(max(place) + 1, 0) FROM attachments WHERE message = :message")
        .and_then(|mut find| find.query_row(named_params! { ":message": message }, |row| row.get(0)))
        .while_("attaching a file")?;
    for (place, document) in (first..).zip(documents) {
        let stored = store(tx, document, now)?;
        tx.prepare_cached(
            "INSERT INTO attachments (message, place, document, name) VALUES (:message, :place, :document, :name)",
        )
        .while_("attaching a file")?
        .execute(named_params! {
            ":message": message,
            ":place": place,
            ":document": stored,
            ":name": document.name,
        })
        .while_("attaching a file")?;
    }
    Ok(())
}

/// The same attachments on another message: an edited prompt keeps its files.
pub fn copy_attachments(tx: &Transaction<'_>, from: i64, to: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO attachments (message, place, document, name)
         SELECT :to, place, document, name FROM attachments WHERE message = :from",
    )
    .and_then(|mut insert| insert.execute(named_params! { ":from": from, ":to": to }))
    .while_("copying attachments")?;
    Ok(())
}

/// A file that went with a message, and what the model got of it.
pub fn sent(
    tx: &Transaction<'_>,
    message: MessageId,
    document: DocumentId,
) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
    tx.prepare_cached(
        "SELECT d.id, a.name, d.kind, d.bytes, d.hidden, coalesce(length(d.text), d.bytes) AS said,
                coalesce(d.text, d.body) AS body
         FROM messages m JOIN attachments a ON a.message = m.seq JOIN documents d ON d.seq = a.document
         WHERE m.id = :message AND d.id = :document ORDER BY a.place LIMIT 1",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":message": message.0, ":document": document.0 }, |row| {
            Ok((super::messages::attachment(row)?, row.get("body")?))
        })
        .optional()
    })
    .while_("reading a stored file")
}

pub(super) fn store(tx: &Transaction<'_>, document: &NewDocument, now: i64) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached("SELECT seq FROM documents WHERE sha256 = :sha256")
        .and_then(|mut find| find.query_row(named_params! { ":sha256": document.sha256 }, |row| row.get(0)).optional())
        .while_("looking for a stored file")?;
    if let Some(seq) = known {
        return Ok(seq);
    }
    tx.prepare_cached(
        "INSERT INTO documents (id, sha256, kind, bytes, hidden, created_at, text, body)
         VALUES (:id, :sha256, :kind, :bytes, :hidden, :now, :text, :body)",
    )
    .while_("storing a file")?
    .execute(named_params! {
        ":id": DocumentId::new().0,
        ":sha256": document.sha256,
        ":kind": match document.kind {
            AttachmentKind::Text => "text",
            AttachmentKind::Image => "image",
            AttachmentKind::Pdf => "pdf",
            AttachmentKind::Docx => "docx",
        },
        ":bytes": i64::try_from(document.body.len()).unwrap_or(i64::MAX),
        ":hidden": document.hidden,
        ":now": now,
        ":text": document.text.as_ref().map(String::as_bytes),
        ":body": document.body,
    })
    .while_("storing a file")?;
    Ok(tx.last_insert_rowid())
}
