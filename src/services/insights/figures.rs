//! From sums to figures: periods, bars over time, medians, streaks. Pure functions of what was read and of the day it is.

use jiff::{ToSpan, civil::Date};

use crate::{
    api::insights::{
        Figures, GROUPS_MAX, Grain, Insights, InsightsQuery, OfFolder, OfModel, OfReason, Outcomes, Period, Spread,
        Stretch, UsedConversation, day_of, number_of,
    },
    store::vault::usage::{STEPS, Summed, Tally},
};

/// The days looked at, and how wide a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: Date,
    pub last: Date,
    pub grain: Grain,
}

impl Span {
    /// `known`: the first and last day on which anything was counted, tomorrow at the latest.
    pub fn of(period: Period, today: Date, known: Option<(i64, i64)>) -> Self {
        let today = number_of(today);
        let last = known.map_or(today, |(_, last)| last.max(today));
        let first = match period.days() {
            Some(days) => today - days + 1,
            None => known.map_or(today, |(first, _)| first.min(today)),
        };
        Self { first: day_of(first), last: day_of(last), grain: grain_of(last - first) }
    }

    /// Its stretches, the first and the last cut to the span.
    #[must_use]
    pub fn stretches(self) -> Vec<(Date, Date)> {
        let mut stretches = Vec::new();
        let mut at = self.first;
        while at <= self.last {
            let end = match self.grain {
                Grain::Day => at,
                Grain::Week => at.saturating_add((7 - i32::from(at.weekday().to_monday_one_offset())).days()),
                Grain::Month => at.last_of_month(),
                Grain::Year => at.last_of_year(),
            }
            .min(self.last);
            stretches.push((at, end));
            match end.tomorrow() {
                Ok(next) => at = next,
                Err(_) => break,
            }
        }
        stretches
    }
}

/// How wide a bar is where one day lies so many days after another.
#[must_use]
pub fn grain_of(days: i64) -> Grain {
    match days {
        ..=92 => Grain::Day,
        93..=731 => Grain::Week,
        732..=7305 => Grain::Month,
        7306.. => Grain::Year,
    }
}

/// Everything that is shown of a period.
pub fn shown(
    query: InsightsQuery,
    span: &Span,
    summed: Summed,
    longest: Vec<UsedConversation>,
    as_of: i64,
) -> Insights {
    let tells_asked = query.model.is_none();
    let stretches = stretches(span, &summed.days, tells_asked);
    let active: Vec<i64> = summed.days.iter().filter(|(_, tally)| tally.messages() > 0).map(|(day, _)| *day).collect();
    let (streak, longest_streak) = streaks(&active, number_of(span.last));
    let mut models = models(summed.models);
    let mut folders: Vec<OfFolder> = summed
        .folders
        .into_iter()
        .filter(|(_, _, tally)| tally.messages() > 0)
        .map(|(folder, path, tally)| OfFolder { folder, path, figures: figures(&tally, tells_asked) })
        .collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.figures.messages()));
    let mut reasons: Vec<OfReason> =
        summed.reasons.into_iter().map(|(reason, liked, disliked)| OfReason { reason, liked, disliked }).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.liked + reason.disliked));
    let beyond = |count: usize| count.saturating_sub(GROUPS_MAX) as u64;
    let left_out = beyond(models.len()) + beyond(folders.len()) + beyond(reasons.len());
    models.truncate(GROUPS_MAX);
    folders.truncate(GROUPS_MAX);
    reasons.truncate(GROUPS_MAX);
    Insights {
        query,
        first: span.first,
        last: span.last,
        grain: span.grain,
        total: figures(&summed.total, tells_asked),
        stretches,
        models,
        folders,
        reasons,
        left_out,
        hours: summed.hours,
        active_days: active.len() as u32,
        streak,
        longest_streak,
        longest,
        as_of,
    }
}

/// Most answers first. What was asked belongs to no model and is left out.
pub fn models(sums: Vec<(String, Tally)>) -> Vec<OfModel> {
    let mut models: Vec<OfModel> = sums
        .into_iter()
        .filter(|(_, tally)| tally.answers() > 0)
        .map(|(model, tally)| OfModel {
            model: Some(model).filter(|model| !model.is_empty()),
            figures: figures(&tally, false),
        })
        .collect();
    models.sort_by_key(|model| std::cmp::Reverse(model.figures.answers.all()));
    models
}

pub fn figures(tally: &Tally, tells_asked: bool) -> Figures {
    Figures {
        asked: tells_asked.then_some(tally.asked),
        answers: Outcomes {
            done: tally.done,
            length: tally.length,
            stopped: tally.stopped,
            interrupted: tally.interrupted,
            failed: tally.failed,
        },
        prompt_tokens: tally.prompt_tokens,
        answer_tokens: tally.answer_tokens,
        answer_time: spread(&tally.took),
        first_token: spread(&tally.first),
        answering_ms: tally.total_ms,
        tokens_per_second: (tally.speed_ms > 0).then(|| tally.speed_tokens as f64 * 1000.0 / tally.speed_ms as f64),
        liked: tally.liked,
        disliked: tally.disliked,
    }
}

fn stretches(span: &Span, days: &[(i64, Tally)], tells_asked: bool) -> Vec<Stretch> {
    let mut days = days.iter().peekable();
    span.stretches()
        .into_iter()
        .map(|(first, last)| {
            let (mut sums, end) = (Tally::default(), number_of(last));
            while let Some((_, tally)) = days.next_if(|(day, _)| *day <= end) {
                sums.add(tally);
            }
            Stretch { first, last, figures: figures(&sums, tells_asked) }
        })
        .collect()
}

/// Days in a row up to `last` or the day before it, and the longest such row. `active` is in order.
fn streaks(active: &[i64], last: i64) -> (u32, u32) {
    let (mut longest, mut row, mut before) = (0, 0, None);
    for day in active {
        row = if before.is_some_and(|before: i64| before + 1 == *day) { row + 1 } else { 1 };
        longest = longest.max(row);
        before = Some(*day);
    }
    let goes_on = before.is_some_and(|before| before >= last - 1);
    (if goes_on { row } else { 0 }, longest)
}

pub fn spread(counts: &[u64; 24]) -> Option<Spread> {
    let of: u64 = counts.iter().sum();
    (of > 0).then(|| Spread { median_ms: quantile(counts, of, 50), p90_ms: quantile(counts, of, 90), of })
}

/// The time below which `percent` of the counted ones lie, the times within a step taken as spread evenly.
fn quantile(counts: &[u64; 24], of: u64, percent: u64) -> u64 {
    let rank = (of * percent).div_ceil(100).max(1);
    let mut below = 0;
    for (step, count) in counts.iter().enumerate() {
        if below + count >= rank {
            let from = if step == 0 { 0 } else { STEPS[step - 1] };
            // The last step has no end.
            let Some(to) = STEPS.get(step) else { return from };
            let place = (rank - below) as f64 - 0.5;
            return from + ((to - from) as f64 * place / *count as f64).round() as u64;
        }
        below += count;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_counts_today_and_chooses_its_bars() {
        let today = day("2026-10-25");
        let week = Span::of(Period::Week, today, None);
        assert_eq!(week, Span { first: day("2026-10-19"), last: today, grain: Grain::Day });
        assert_eq!(week.stretches().len(), 7);
        assert_eq!(Span::of(Period::Quarter, today, None).stretches().len(), 90);
        let year = Span::of(Period::Year, today, None);
        let weeks = year.stretches();
        assert_eq!((year.grain, weeks.len()), (Grain::Week, 53));
        // A Sunday, because the first week is cut to the period.
        assert_eq!(weeks[0], (day("2025-10-26"), day("2025-10-26")));
        assert_eq!(weeks[1], (day("2025-10-27"), day("2025-11-02")));
        assert_eq!(weeks[52], (day("2026-10-19"), today));
        let since = |first: &str| Span::of(Period::All, today, Some((number_of(day(first)), number_of(today))));
        assert_eq!(since("2026-10-01").grain, Grain::Day);
        assert_eq!(
            since("2023-01-15").stretches()[..2],
            [(day("2023-01-15"), day("2023-01-31")), (day("2023-02-01"), day("2023-02-28"))]
        );
        assert_eq!(since("1970-01-01").stretches().len(), 57);
    }

    #[test]
    fn a_day_said_ahead_of_a_flight_west_is_shown() {
        let today = day("2026-10-25");
        let tomorrow = number_of(today) + 1;
        assert_eq!(Span::of(Period::Week, today, Some((tomorrow, tomorrow))).last, day("2026-10-26"));
        assert_eq!(Span::of(Period::All, today, Some((tomorrow, tomorrow))).first, today);
    }

    #[test]
    fn a_row_of_days_holds_while_today_is_silent_and_ends_after_a_silent_day() {
        assert_eq!(streaks(&[], 10), (0, 0));
        assert_eq!(streaks(&[1, 2, 3, 8, 9, 10], 10), (3, 3));
        assert_eq!(streaks(&[1, 2, 3, 4, 8, 9], 10), (2, 4));
        assert_eq!(streaks(&[7, 8], 10), (0, 2));
    }

    #[test]
    fn medians_lie_in_the_step_of_the_true_one() {
        let step_of = |ms: u64| STEPS.iter().filter(|from| **from <= ms).count();
        let mut counts = [0; 24];
        let times: Vec<u64> = (0..1000).map(|number| 200 + number * 37).collect();
        for time in &times {
            counts[step_of(*time)] += 1;
        }
        let spread = spread(&counts).unwrap();
        assert_eq!(spread.of, 1000);
        for (told, true_one) in [(spread.median_ms, times[499]), (spread.p90_ms, times[899])] {
            assert_eq!(step_of(told), step_of(true_one), "{told} for {true_one}");
            assert!(told.abs_diff(true_one) * 4 < true_one, "{told} for {true_one}");
        }
        let mut slow = [0; 24];
        slow[23] = 3;
        assert_eq!(super::spread(&slow).unwrap().median_ms, 512_000);
        assert_eq!(super::spread(&[0; 24]), None);
    }

    #[test]
    fn what_was_asked_belongs_to_no_model() {
        let asked = Tally { asked: 5, ..Tally::default() };
        let answered = Tally { done: 2, speed_tokens: 90, speed_ms: 1500, ..Tally::default() };
        let found = models(vec![(String::new(), asked.clone()), ("m".to_owned(), answered.clone())]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].figures.asked, found[0].figures.tokens_per_second), (None, Some(60.0)));
        let mut both = asked;
        both.add(&answered);
        assert_eq!(models(vec![(String::new(), both)])[0].model, None, "imported answers without a model");
    }
}
