//! What became of each conversation of an import, kept for reading page by page.

use crate::api::transfer::{ImportOutcome, ImportPage, ImportRow};

/// Rows that are kept. Beyond them only what was not simply taken in is, and beyond twice as many nothing.
const KEPT: usize = 10_000;
/// Rows of a page at the most.
pub const PAGE: u32 = 200;

#[derive(Clone, Debug, Default)]
pub struct Rows(Vec<ImportRow>);

impl Rows {
    pub fn add(&mut self, row: ImportRow) {
        let is_plain = matches!(row.outcome, ImportOutcome::Imported | ImportOutcome::Same) && row.notes.is_empty();
        if self.0.len() < KEPT || (!is_plain && self.0.len() < 2 * KEPT) {
            self.0.push(row);
        }
    }

    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn page(&self, after: u64, limit: u32) -> ImportPage {
        let begin = usize::try_from(after).unwrap_or(usize::MAX).min(self.0.len());
        let end = (begin + limit as usize).min(self.0.len());
        ImportPage { rows: self.0[begin..end].to_vec(), next: (end < self.0.len()).then_some(end as u64) }
    }
}
