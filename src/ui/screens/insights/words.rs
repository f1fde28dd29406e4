//! Figures in words, and what the overview can draw over time. Pure functions of what was told.

use jiff::civil::Date;

use crate::{
    api::{
        feedback::Reason,
        insights::{Figures, Insights, Spread, Stretch},
    },
    safe_text::SafeText,
    ui::widgets::chart::{count, duration, heat::WEEKDAYS},
};

/// What the columns of the overview stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    #[default]
    Messages,
    Tokens,
    AnswerTime,
    FirstToken,
    Speed,
    Ratings,
}

impl Measure {
    pub const ALL: [Self; 6] =
        [Self::Messages, Self::Tokens, Self::AnswerTime, Self::FirstToken, Self::Speed, Self::Ratings];

    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Tokens => "tokens out",
            Self::AnswerTime => "answer time",
            Self::FirstToken => "first token",
            Self::Speed => "speed",
            Self::Ratings => "likes",
        }
    }

    /// What a column is high for.
    pub fn of(self, figures: &Figures) -> f64 {
        let median = |time: Option<Spread>| time.map_or(0.0, |time| time.median_ms as f64);
        match self {
            Self::Messages => figures.messages() as f64,
            Self::Tokens => figures.answer_tokens as f64,
            Self::AnswerTime => median(figures.answer_time),
            Self::FirstToken => median(figures.first_token),
            Self::Speed => figures.tokens_per_second.unwrap_or(0.0),
            Self::Ratings => figures.liked as f64,
        }
    }

    /// For the axis.
    pub fn axis(self) -> fn(f64) -> String {
        match self {
            Self::Messages | Self::Tokens | Self::Ratings => |value| count(value.round() as u64),
            Self::AnswerTime | Self::FirstToken => |value| duration(value.round() as u64),
            Self::Speed => |value| format!("{value:.0}"),
        }
    }

    pub fn words(self, figures: &Figures) -> String {
        match self {
            Self::Messages => match figures.asked {
                Some(asked) => format!("{} asked, {} answered", count(asked), count(figures.answers.all())),
                None => format!("{} answered", count(figures.answers.all())),
            },
            Self::Tokens if figures.hides_tokens() => "not told".to_owned(),
            Self::Tokens => format!("{} out, {} in", count(figures.answer_tokens), count(figures.prompt_tokens)),
            Self::AnswerTime => spread(figures.answer_time),
            Self::FirstToken => spread(figures.first_token),
            Self::Speed => speed(figures),
            Self::Ratings => ratings(figures),
        }
    }
}

/// `3.2 s median, 12 s p90`.
pub fn spread(time: Option<Spread>) -> String {
    match time {
        Some(time) => format!("{} median, {} p90", duration(time.median_ms), duration(time.p90_ms)),
        None => "not told".to_owned(),
    }
}

pub fn speed(figures: &Figures) -> String {
    figures.tokens_per_second.map_or_else(|| "not told".to_owned(), |speed| format!("{speed:.1} tok/s"))
}

pub fn ratings(figures: &Figures) -> String {
    match figures.approval() {
        Some(approval) => {
            format!("{} liked, {} disliked: {:.0} %", count(figures.liked), count(figures.disliked), approval * 100.0)
        }
        None => "none".to_owned(),
    }
}

/// `95 % done, 3 % stopped, 2 % failed`. What there is of is never nothing.
pub fn outcomes(figures: &Figures) -> String {
    let all = figures.answers.all();
    let parts: Vec<String> = figures
        .answers
        .each()
        .iter()
        .filter(|(_, of)| *of > 0)
        .map(|(how, of)| match of * 100 / all {
            0 => format!("<1 % {how}"),
            share => format!("{share} % {how}"),
        })
        .collect();
    if parts.is_empty() { "no answer".to_owned() } else { parts.join(", ") }
}

/// `Tue 24 Nov 2026`, or the first and the last of several days.
pub fn days(stretch: &Stretch) -> String {
    if stretch.first == stretch.last {
        return stretch.first.strftime("%a %-d %b %Y").to_string();
    }
    between(stretch.first, stretch.last)
}

/// `26 Oct – 24 Nov 2026`.
pub fn between(first: Date, last: Date) -> String {
    let from = if first.year() == last.year() { "%-d %b" } else { "%-d %b %Y" };
    format!("{} to {}", first.strftime(from), last.strftime("%-d %b %Y"))
}

/// `Tue 10:00 to 11:00`.
pub fn hour((weekday, hour): (usize, usize)) -> String {
    format!("{} {hour:02}:00 to {:02}:00", WEEKDAYS[weekday], hour + 1)
}

/// The hour of the week with the most messages, the first of several that are alike.
pub fn busiest(shown: &Insights) -> Option<((usize, usize), u64)> {
    let hours = shown.hours.iter().enumerate();
    let each =
        hours.flat_map(|(day, hours)| hours.iter().enumerate().map(move |(hour, messages)| ((day, hour), *messages)));
    each.filter(|(_, messages)| *messages > 0).rev().max_by_key(|(_, messages)| *messages)
}

/// Foreign text in one line.
pub fn safe(text: &str) -> String {
    SafeText::line(text).into_string()
}

pub fn model(name: Option<&str>) -> String {
    name.map_or_else(|| "not told".to_owned(), safe)
}

/// A reason as people say it; one that this program does not know, as it is stored.
pub fn reason(stored: &str) -> String {
    Reason::parse(stored).map_or_else(|| safe(stored), |reason| reason.label().to_owned())
}
