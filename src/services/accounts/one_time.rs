//! Time-based one-time codes: RFC 6238 with SHA-1, six digits, thirty seconds, which is what every authenticator knows.
//!
//! Pure: what was used before and what time it is come from outside. Accepted is the step before and the one after, too,
//! for clocks that differ and people who type slowly (RFC 6238 §5.2 recommends one step of delay).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::api::auth::Secret;

/// 160 bits: the output length of the HMAC, as RFC 4226 §4 recommends.
pub const SECRET_BYTES: usize = 20;
const STEP_MS: i64 = 30_000;

/// The step that covers this moment (milliseconds since 1970).
pub fn step_at(now: i64) -> i64 {
    now.div_euclid(STEP_MS)
}

/// The step that this code belongs to, if it is one that may still be used: of now, one before or one after, and later
/// than every step that was used. All three are compared, each in constant time.
pub fn accepted(secret: &[u8], typed: &Secret, now: i64, last_used: i64) -> Option<i64> {
    let digits = read(typed)?;
    let current = step_at(now);
    let mut found = None;
    for step in current - 1..=current + 1 {
        let fits = bool::from(code_at(secret, step)?.as_bytes().ct_eq(digits.as_bytes()));
        if fits && step > last_used {
            found = Some(step);
        }
    }
    found
}

/// Six digits, whatever spaces were put between them.
pub fn read(typed: &Secret) -> Option<Zeroizing<String>> {
    let mut digits = Zeroizing::new(String::with_capacity(6));
    for c in typed.reveal().chars().filter(|c| !c.is_whitespace() && *c != '-') {
        if !c.is_ascii_digit() || digits.len() == 6 {
            return None;
        }
        digits.push(c);
    }
    (digits.len() == 6).then_some(digits)
}

/// The code of a step (RFC 4226 §5.3).
fn code_at(secret: &[u8], step: i64) -> Option<Zeroizing<String>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0x0f);
    let number = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    Some(Zeroizing::new(format!("{:06}", number % 1_000_000)))
}

/// The secret in base 32 (RFC 4648, without padding), as authenticators read it.
pub fn base32(secret: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(secret.len().div_ceil(5) * 8));
    for five in secret.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + five.len()].copy_from_slice(five);
        let bits = u64::from_be_bytes(bits);
        for letter in 0..(five.len() * 8).div_ceil(5) {
            text.push(char::from(ALPHABET[(bits >> (35 - 5 * letter) & 31) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    fn code(step: i64) -> Secret {
        Secret::new(code_at(RFC, step).unwrap().as_str())
    }

    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code_at(RFC, step_at(seconds * 1000)).unwrap().as_str(), &eight[2..], "at {seconds} s");
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        let expected =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        let codes: Vec<String> = (0..10).map(|step| code_at(RFC, step).unwrap().as_str().to_owned()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn one_step_early_or_late_is_accepted_and_no_more() {
        let now = 1_234_567_890_000;
        let current = step_at(now);
        let outcomes: Vec<Option<i64>> = (-2..=2).map(|off| accepted(RFC, &code(current + off), now, 0)).collect();
        assert_eq!(outcomes, [None, Some(current - 1), Some(current), Some(current + 1), None]);
    }

    #[test]
    fn a_used_step_is_refused_with_all_before_it_also_when_the_clock_is_set_back() {
        let now = 1_234_567_890_000;
        let current = step_at(now);
        assert_eq!(accepted(RFC, &code(current), now, current - 1), Some(current));
        assert_eq!(accepted(RFC, &code(current), now, current), None);
        assert_eq!(accepted(RFC, &code(current - 1), now, current), None);
        let earlier = now - 3_600_000;
        assert_eq!(accepted(RFC, &code(step_at(earlier)), earlier, current), None);
    }

    #[test]
    fn a_code_is_six_digits_however_they_are_spaced() {
        assert_eq!(read(&Secret::new(" 123 456\t")).unwrap().as_str(), "123456");
        assert_eq!(read(&Secret::new("123-456")).unwrap().as_str(), "123456");
        for other in ["", "12345", "1234567", "12345a", "१२३४५६", "ABCD-EFGH-JKMN-PQRS"] {
            assert_eq!(read(&Secret::new(other)), None, "{other}");
        }
    }

    /// RFC 4648, §10, without the padding.
    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()).as_str(), text);
        }
    }
}
