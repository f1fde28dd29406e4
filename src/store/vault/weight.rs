//! How much of a window a text will take, before anyone has counted: an estimate in quarter tokens, kept with each
//! message so that a window can be chosen without reading the texts. What Ollama counts later calibrates it.

use rusqlite::Transaction;

use crate::store::{StoreError, While};

/// What a message costs beside its text: the template's role marks.
pub const MESSAGE: u32 = 16;
/// What an image costs; vision models take between about 250 and 1 500 tokens for one.
pub const IMAGE: u32 = 4 * 768;

/// A character of an alphabet weighs a quarter of a token or a half, one of a writing without spaces a whole token.
#[must_use]
pub fn weigh(text: &str) -> u32 {
    if text.is_ascii() {
        return u32::try_from(text.len()).unwrap_or(u32::MAX);
    }
    text.chars()
        .map(|c| match u32::from(c) {
            0..0x80 => 1,
            0x80..0x1100 => 2,
            _ => 4,
        })
        .fold(0_u32, u32::saturating_add)
}

/// A message with a text: nothing at all if there is nothing to send.
#[must_use]
pub fn weigh_message(text: &str) -> u32 {
    if text.is_empty() { 0 } else { weigh(text).saturating_add(MESSAGE) }
}

/// What the vault takes, bytes: pages in use, so that what was removed for good counts no more. SQLCipher tells its page's
/// size as a text, with which SQL reckons all the same.
pub fn bytes(tx: &Transaction<'_>) -> Result<u64, StoreError> {
    tx.prepare_cached(
        "SELECT (pages.page_count - free.freelist_count) * size.page_size
         FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size",
    )
    .and_then(|mut measure| measure.query_row([], |row| row.get::<_, i64>(0)))
    .map(i64::unsigned_abs)
    .while_("measuring a vault")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_spaces_weigh_more() {
        assert_eq!(weigh("four"), 4);
        assert_eq!(weigh("für"), 4);
        assert_eq!(weigh("日本"), 8);
        assert_eq!(weigh_message(""), 0);
        assert_eq!(weigh_message("four"), 20);
    }
}
