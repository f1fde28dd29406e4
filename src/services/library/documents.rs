//! The files that lie in the vault, as a list. What is in them, and how they got there, is `attachments`' affair.

use super::Library;
use crate::{
    access::{Caller, Member},
    api::{
        DocumentId, Fault,
        documents::{DocumentPlace, DocumentRow},
        organise::{Cursor, Page},
    },
    services::conversations::{check_limit, place},
    store::vault::filed,
};

/// Longest filter, characters.
const FILTER_MAX: usize = 400;

impl Library {
    pub async fn documents(
        &self,
        by: Caller<Member>,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<DocumentRow>, Fault> {
        check_limit(limit)?;
        let filter: String = filter.chars().take(FILTER_MAX).collect();
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let (rows, last) = by.vault.db.read(move |tx| filed::list(tx, &filter, after, limit)).await?;
        Ok(Page { rows, next: last.map(|seq| Cursor(seq.to_string())) })
    }

    pub async fn document_places(
        &self,
        by: Caller<Member>,
        id: DocumentId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<DocumentPlace>, Fault> {
        check_limit(limit)?;
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let (rows, last) = by.vault.db.read(move |tx| filed::places(tx, id, after, limit)).await?;
        Ok(Page { rows, next: last.map(|seq| Cursor(seq.to_string())) })
    }
}
