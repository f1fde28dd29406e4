//! Amounts as people read them, written in one way all over the program. What machines read says bytes and milliseconds.

/// `512 B`, `46.0 MB`, `2.0 GB`, `120 GB`: in thousands, as Ollama counts sizes (`format.HumanBytes` in its source).
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `3 120`: to the last one, in groups of three.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 message`, `3 120 messages`, `2 entries`: so many of what is named once. Its plural is a regular one.
#[must_use]
pub fn many(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 {
        return format!("1 {one}");
    }
    let count = grouped(count);
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{count} {stem}ies"),
        Some(_) | None => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_three_digits_and_the_unit_that_needs_no_more() {
        for (count, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_960, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_919_000_000, "1.9 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(count), words);
        }
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!([7, 100, 3_120, 1_234_567].map(grouped), ["7", "100", "3 120", "1 234 567"]);
    }

    #[test]
    fn one_is_one_and_the_others_are_many() {
        assert_eq!([many(1_u32, "message"), many(1_usize, "reply")], ["1 message", "1 reply"]);
        assert_eq!([many(0_usize, "reply"), many(12_u32, "day")], ["0 replies", "12 days"]);
        assert_eq!(many(3_120_u64, "hidden character"), "3 120 hidden characters");
    }
}
