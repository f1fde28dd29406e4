//! How names and titles are compared: pure functions over text, used for the key columns beside what is shown.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A name without case, composed: two folders with the same key are the same to a reader.
#[must_use]
pub fn name_key(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// A text without case and accents, for filters that should find `Café` by `cafe`.
#[must_use]
pub fn filter_key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whatever_their_case_and_composition() {
        assert_eq!(name_key("Cafe\u{301}"), name_key("CAFÉ"));
        assert_ne!(name_key("Cafe"), name_key("Café"));
        assert_eq!(name_key("Straße"), "straße");
    }

    #[test]
    fn filters_see_neither_case_nor_accents() {
        assert_eq!(filter_key("Ärger im CAFÉ"), "arger im cafe");
        assert_eq!(filter_key("ﬁn"), "fin");
        assert_eq!(filter_key("日本"), "日本");
    }
}
