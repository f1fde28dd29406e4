//! Rules as a person types them in one line: when, and what must hold besides.

use super::{Day, Only, TimeOfDay, When};
use crate::api::{
    Fault,
    retention::{size_of, size_text},
};

/// `30m`, `6h`, `2d` as minutes.
///
/// # Errors
/// When it is no such time.
pub fn minutes_of(text: &str) -> Result<u32, Fault> {
    let wrong = || Fault::invalid(format!("“{text}” is no time between two runs.")).hint("Write it as 30m, 6h or 2d.");
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u32 = match text.get(digits.len()..).unwrap_or_default().trim() {
        "m" | "min" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(wrong()),
    };
    digits.trim().parse::<u32>().ok().and_then(|count| count.checked_mul(factor)).ok_or_else(wrong)
}

impl TimeOfDay {
    /// # Errors
    /// When it is no time of the day.
    pub fn read(text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| {
            Fault::invalid(format!("“{}” is no time of the day.", text.trim())).hint("Write it as 3:00 or 23:30.")
        })
    }
}

impl When {
    /// What `read` knows.
    pub const HINT: &str =
        "Write: 3:00 · sun 6:00 · every 6h · start · idle 10 · free 5GB · update · or nothing, for by hand.";

    /// # Errors
    /// Says how it is written.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let wrong = || Fault::invalid(format!("When is “{text}”?")).hint(Self::HINT);
        let number = |text: &str| text.trim().trim_end_matches("min").trim().parse::<u32>().map_err(|_| wrong());
        Ok(match word.to_ascii_lowercase().as_str() {
            "" | "by" | "hand" => Self::ByHand,
            "start" => Self::Start,
            "update" => Self::UpdateAvailable,
            "every" => Self::Every { minutes: minutes_of(rest)? },
            "daily" => Self::Daily { at: TimeOfDay::read(rest)? },
            "weekly" => Self::read(rest)
                .and_then(|when| if matches!(when, Self::Weekly { .. }) { Ok(when) } else { Err(wrong()) })?,
            "idle" => Self::Idle { minutes: number(rest)? },
            "free" => Self::DiskBelow { bytes: size_of(rest)? },
            word => match (Day::parse(word), TimeOfDay::parse(text)) {
                (Some(day), _) => Self::Weekly { day, at: TimeOfDay::read(rest)? },
                (None, Some(at)) => Self::Daily { at },
                (None, None) => return Err(wrong()),
            },
        })
    }

    /// So that `read` understands it.
    #[must_use]
    pub fn typed(self) -> String {
        match self {
            Self::Every { minutes } if minutes % 1440 == 0 => format!("every {}d", minutes / 1440),
            Self::Every { minutes } if minutes % 60 == 0 => format!("every {}h", minutes / 60),
            Self::Every { minutes } => format!("every {minutes}m"),
            Self::Daily { at } => at.to_string(),
            Self::Weekly { day, at } => format!("{} {at}", day.as_str().to_lowercase()),
            Self::Start => "start".to_owned(),
            Self::Idle { minutes } => format!("idle {minutes}"),
            Self::DiskBelow { bytes } => format!("free {}", size_text(bytes)),
            Self::UpdateAvailable => "update".to_owned(),
            Self::ByHand => String::new(),
        }
    }
}

impl Only {
    /// What `read` knows.
    pub const HINT: &str = "Write: quiet · free 5GB · 22:00-6:00, several with commas, or nothing.";

    /// # Errors
    /// Says how it is written.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let mut only = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || Fault::invalid(format!("“{part}” is no condition.")).hint(Self::HINT);
            match part.split_once(char::is_whitespace) {
                None if part.eq_ignore_ascii_case("quiet") => only.while_quiet = true,
                Some((word, size)) if word.eq_ignore_ascii_case("free") => only.with_free = Some(size_of(size)?),
                Some(_) | None => only.between = Some(Self::hours(part).ok_or_else(wrong)?),
            }
        }
        Ok(only)
    }

    /// `22:00-6:00`
    #[must_use]
    pub fn hours(text: &str) -> Option<(TimeOfDay, TimeOfDay)> {
        text.split_once('-').and_then(|(from, to)| TimeOfDay::parse(from).zip(TimeOfDay::parse(to)))
    }

    /// So that `read` understands it.
    #[must_use]
    pub fn typed(self) -> String {
        let mut parts = Vec::new();
        if self.while_quiet {
            parts.push("quiet".to_owned());
        }
        if let Some(bytes) = self.with_free {
            parts.push(format!("free {}", size_text(bytes)));
        }
        if let Some((from, to)) = self.between {
            parts.push(format!("{from}-{to}"));
        }
        parts.join(", ")
    }

    /// In words; empty where there are none.
    #[must_use]
    pub fn words(self) -> String {
        let mut parts = Vec::new();
        if self.while_quiet {
            parts.push("while nobody chats".to_owned());
        }
        if let Some(bytes) = self.with_free {
            parts.push(format!("with {} free", size_text(bytes)));
        }
        if let Some((from, to)) = self.between {
            parts.push(format!("between {from} and {to}"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_written_as_it_can_be_typed_again() {
        for text in
            ["", "start", "update", "every 30m", "every 6h", "every 2d", "03:00", "sunday 06:00", "idle 10", "free 5GB"]
        {
            assert_eq!(When::read(text).unwrap().typed(), text);
        }
        assert_eq!(When::read("weekly Sun 6:00"), When::read("sunday 6:00"));
        assert_eq!(When::read("daily 3:00"), When::read("3:00"));
        for wrong in ["sometimes", "every", "every 6", "sun", "sun 25:00", "idle x", "free", "weekly 3:00", "3"] {
            assert!(When::read(wrong).is_err(), "{wrong}");
        }
        for text in ["", "quiet", "free 5GB", "22:00-06:00", "quiet, free 500MB, 01:00-02:00"] {
            assert_eq!(Only::read(text).unwrap().typed(), text);
        }
        for wrong in ["noise", "free", "22:00", "22:00-25:00"] {
            assert!(Only::read(wrong).is_err(), "{wrong}");
        }
    }
}
