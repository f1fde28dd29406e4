//! Makes JSON from elsewhere fit for text: lone surrogates, NULs and bytes that are no UTF-8 become U+FFFD, one for each.
//!
//! Every repair keeps the length, so the bytes are changed where they lie.

/// The same element, and how many characters had to be replaced in it.
pub(super) fn mend(mut json: Vec<u8>) -> (String, u64) {
    let mut replaced = escapes(&mut json);
    let text = match String::from_utf8(json) {
        Ok(text) => text,
        Err(error) => {
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            replaced += text.matches('\u{FFFD}').count() as u64;
            text
        }
    };
    (text, replaced)
}

/// Repairs escapes that stand for no character, and bare control characters inside of strings, which JSON forbids.
fn escapes(json: &mut [u8]) -> u64 {
    let mut replaced = 0;
    let mut at = 0;
    let mut in_string = false;
    while at < json.len() {
        match json[at] {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                at += escape(json, at, &mut replaced);
                continue;
            }
            byte if byte < 0x20 && in_string => {
                json[at] = b' ';
                replaced += 1;
            }
            _ => {}
        }
        at += 1;
    }
    replaced
}

/// How long the escape at `at` is; a surrogate pair counts as one.
fn escape(json: &mut [u8], at: usize, replaced: &mut u64) -> usize {
    let Some(unit) = unit(json, at) else { return 2 };
    let is_high = (0xD800..0xDC00).contains(&unit);
    let is_low = (0xDC00..0xE000).contains(&unit);
    if is_high && self::unit(json, at + 6).is_some_and(|next| (0xDC00..0xE000).contains(&next)) {
        return 12;
    }
    if is_high || is_low || unit == 0 {
        json[at + 2..at + 6].copy_from_slice(b"fffd");
        *replaced += 1;
    }
    6
}

/// The code unit of an escape such as `\u00e9`.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_replaced_and_counted_and_the_rest_is_left_alone() {
        for (given, expected, count) in [
            (r#""a\u0000b""#, "\"a\u{FFFD}b\"", 1),
            (r#""\ud83d\ude00 \ud83d x""#, "\"😀 \u{FFFD} x\"", 1),
            (r#""\ude00\ud83d""#, "\"\u{FFFD}\u{FFFD}\"", 2),
            (r#""\\u0000 \\\u0000""#, "\"\\\\u0000 \\\\\u{FFFD}\"", 1),
            ("\"tab\there\"", "\"tab here\"", 1),
            ("{ \"a\":\n 1 }", "{\"a\":1}", 0),
            (r#""\u00zz""#, "", 0),
        ] {
            let (text, replaced) = mend(given.as_bytes().to_vec());
            assert_eq!(replaced, count, "{given}");
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            assert_eq!(parsed.ok(), serde_json::from_str::<serde_json::Value>(expected).ok(), "{given}");
        }
        assert_eq!(mend(vec![b'"', 0xFF, b'a', b'"']), ("\"\u{FFFD}a\"".to_owned(), 1));
        assert_eq!(mend(b"\"cut\\u12".to_vec()).1, 0);
    }
}
