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

/// The pattern of `LIKE … ESCAPE '\\'` for keys that hold these letters in this order, with anything between them.
/// Empty for an empty filter.
#[must_use]
pub fn scattered(filter: &str) -> String {
    let mut pattern = String::new();
    for letter in name_key(filter).chars().filter(|letter| !letter.is_whitespace()) {
        pattern.push('%');
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    if !pattern.is_empty() {
        pattern.push('%');
    }
    pattern
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
    fn a_scattered_filter_takes_its_letters_as_letters() {
        assert_eq!(scattered(" Cr 1"), "%c%r%1%");
        assert_eq!(scattered("%_\\"), "%\\%%\\_%\\\\%");
        assert_eq!(scattered("  "), "");
    }

    #[test]
    fn filters_see_neither_case_nor_accents() {
        assert_eq!(filter_key("Ärger im CAFÉ"), "arger im cafe");
        assert_eq!(filter_key("ﬁn"), "fin");
        assert_eq!(filter_key("日本"), "日本");
    }
}
