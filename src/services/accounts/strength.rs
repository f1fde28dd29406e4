//! Which passphrases are accepted.
//!
//! No composition rules and no expiry: length and an estimate of the guesses count (NIST SP 800-63B-4, OWASP ASVS 5.0
//! §6.2). The estimate is zxcvbn's; 10¹² guesses are the floor, about 40 bits.

use crate::api::{
    Fault,
    auth::{Secret, Strength},
};

/// log₁₀ of the fewest guesses a passphrase must take.
const FLOOR_LOG10: f64 = 12.0;
/// Never shorter, whatever the configuration says, characters.
const SHORTEST: usize = 8;
/// Longer ones are accepted in full; the estimate looks at the beginning only, because its cost grows with the length.
const ESTIMATED: usize = 100;

/// Judges a passphrase. Its own name, the product and the machine count as guessable words.
pub fn judge(name: &str, passphrase: &Secret, min_length: usize) -> Strength {
    let min_length = min_length.max(SHORTEST);
    let text = passphrase.reveal();
    let length = text.chars().count();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let known = [name, "ollamanet", "ollama", host.trim()];
    let beginning: String = text.chars().take(ESTIMATED).collect();
    let estimate = zxcvbn::zxcvbn(&beginning, &known);
    let log10 = estimate.guesses_log10();
    let varied = {
        // Only a part was estimated, and whole repeated texts are cheap to guess however long they are.
        let lower = text.to_lowercase();
        !known.iter().any(|word| !word.is_empty() && lower.replace(&word.to_lowercase(), "").chars().count() < 4)
    };
    let accepted = length >= min_length && log10 >= FLOOR_LOG10 && varied;
    let advice = if text.is_empty() {
        "F8 proposes one that is easy to type and hard to guess.".to_owned()
    } else if length < min_length {
        format!("At least {min_length} characters, please; longer is stronger.")
    } else if accepted {
        String::new()
    } else {
        estimate
            .feedback()
            .and_then(|feedback| feedback.warning().map(|warning| warning.to_string()))
            .unwrap_or_else(|| "Too easy to guess: add another unusual word or two.".to_owned())
    };
    Strength { guesses_log10: log10.clamp(0.0, 99.0) as u8, score: score(log10, accepted), accepted, advice }
}

/// For the meter: 0 hopeless, 1 weak, 2 almost, 3 accepted, 4 strong.
fn score(log10: f64, accepted: bool) -> u8 {
    match (accepted, log10) {
        (true, log10) if log10 >= 15.0 => 4,
        (true, _) => 3,
        (false, log10) if log10 >= 9.0 => 2,
        (false, log10) if log10 >= 5.0 => 1,
        (false, _) => 0,
    }
}

/// # Errors
/// The advice, as a refusal.
pub fn require(name: &str, passphrase: &Secret, min_length: usize) -> Result<(), Fault> {
    let strength = judge(name, passphrase, min_length);
    if strength.accepted {
        return Ok(());
    }
    Err(Fault::invalid("That passphrase is too easy to guess.").hint(strength.advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(name: &str, passphrase: &str) -> bool {
        judge(name, &Secret::new(passphrase), 8).accepted
    }

    #[test]
    fn length_and_guesses_count_and_nothing_else() {
        assert!(accepted("ann", "basin lumen tripod velvet marsh"));
        assert!(accepted("ann", "tiri-lopa-vemu-zado-kuli"));
        assert!(accepted("ann", "  пароль из пяти разных слов 🔑 "));
        for weak in ["", "7 chars", "password", "Password123!", "qwertyuiop", "aaaaaaaaaaaaaaaa", "1234567890123456"] {
            assert!(!accepted("ann", weak), "{weak}");
        }
    }

    #[test]
    fn the_own_name_and_the_product_are_no_secret() {
        for weak in ["annabella-2024", "AnnaBella-annabella", "ollamanet", "ollamanetollamanet", "ollamanet-annabella"]
        {
            assert!(!accepted("annabella", weak), "{weak}");
        }
    }

    #[test]
    fn a_very_long_one_is_judged_quickly_and_kept_whole() {
        let long = "correct horse battery staple ".repeat(40_000);
        assert!(accepted("ann", &long));
    }
}
