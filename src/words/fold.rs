//! Words as they are compared: one spelling for what people take for the same.

use unicode_normalization::UnicodeNormalization;

use super::classes::{is_left_out, is_silent};

/// A word without case, accents, width and the variants of its script.
#[must_use]
pub fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    into(word, &mut folded);
    folded
}

/// The same, at the end of `folded`.
pub(super) fn into(word: &str, folded: &mut String) {
    if word.is_ascii() {
        folded.extend(word.bytes().filter(|byte| *byte != b'_').map(|byte| char::from(byte.to_ascii_lowercase())));
        return;
    }
    let mut apart = String::with_capacity(word.len());
    let mut before = '\0';
    for c in word.nfkd().flat_map(char::to_lowercase) {
        // Й is a letter of its own, and no И with an accent.
        let is_short_i = c == '\u{306}' && before == 'и';
        before = c;
        // What a compatible form was made of may hold signs: ½ is 1⁄2. They go before marks are put in order, since those
        // of both sides come to stand together.
        let is_sign = !c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c);
        if is_sign || is_silent(c) || (is_left_out(c) && !is_short_i) {
            continue;
        }
        match variant(c) {
            Some(usual) => apart.push_str(usual),
            None => apart.push(c),
        }
    }
    folded.extend(apart.nfc());
}

/// Letters that people type another way when they look for a word. After decomposition: أ is an alif with a mark by now.
fn variant(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ς' => "σ",
        // Final forms of Hebrew.
        'ך' => "כ",
        'ם' => "מ",
        'ן' => "נ",
        'ף' => "פ",
        'ץ' => "צ",
        // Arabic and Persian.
        'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ة' => "ه",
        'ک' => "ك",
        '٠' | '۰' | '०' | '๐' => "0",
        '١' | '۱' | '१' | '๑' => "1",
        '٢' | '۲' | '२' | '๒' => "2",
        '٣' | '۳' | '३' | '๓' => "3",
        '٤' | '۴' | '४' | '๔' => "4",
        '٥' | '۵' | '५' | '๕' => "5",
        '٦' | '۶' | '६' | '๖' => "6",
        '٧' | '۷' | '७' | '๗' => "7",
        '٨' | '۸' | '८' | '๘' => "8",
        '٩' | '۹' | '९' | '๙' => "9",
        _ => return None,
    })
}
