//! How long ago something was used, in the words of a list: today, yesterday, the last days, then months.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A heading of the list when it is laid out by time. Later ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Age {
    Today,
    Yesterday,
    LastSevenDays,
    LastThirtyDays,
    /// Months before this one, counted back.
    Month {
        back: u32,
    },
}

/// The present day.
#[derive(Clone, Debug)]
pub struct Calendar {
    today: Date,
    zone: TimeZone,
}

impl Calendar {
    /// `None` for a time that no calendar has.
    #[must_use]
    pub fn at(now_ms: i64, zone: &TimeZone) -> Option<Self> {
        let today = day(now_ms, zone)?;
        Some(Self { today, zone: zone.clone() })
    }

    /// Counted in days of the calendar, not in hours: what was used late last night was used yesterday. What lies ahead,
    /// by a clock that was wrong, is today's.
    #[must_use]
    pub fn age(&self, at_ms: i64) -> Age {
        let Some(date) = day(at_ms, &self.zone) else { return Age::Today };
        match (self.today - date).get_days() {
            ..=0 => Age::Today,
            1 => Age::Yesterday,
            2..=6 => Age::LastSevenDays,
            7..=29 => Age::LastThirtyDays,
            30.. => {
                let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
                Age::Month { back: (months(self.today) - months(date)).max(0).unsigned_abs() }
            }
        }
    }

    /// `Today`, `October 2026`.
    #[must_use]
    pub fn words(&self, age: Age) -> String {
        match age {
            Age::Today => "Today".to_owned(),
            Age::Yesterday => "Yesterday".to_owned(),
            Age::LastSevenDays => "Last 7 days".to_owned(),
            Age::LastThirtyDays => "Last 30 days".to_owned(),
            Age::Month { back } => {
                let months = i64::from(self.today.year()) * 12 + i64::from(self.today.month()) - 1 - i64::from(back);
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
                let name = i8::try_from(month + 1)
                    .ok()
                    .zip(i16::try_from(year).ok())
                    .and_then(|(month, year)| Date::new(year, month, 1).ok())
                    .map(|date| date.strftime("%B %Y").to_string());
                name.unwrap_or_else(|| "Earlier".to_owned())
            }
        }
    }
}

fn day(at_ms: i64, zone: &TimeZone) -> Option<Date> {
    Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_zoned(zone.clone()).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        // 2026-11-24 00:30 UTC.
        let now = 1_795_480_200_000;
        let calendar = Calendar::at(now, &TimeZone::UTC).unwrap();
        let minute = 60_000;
        let day = 24 * 60 * minute;
        let words = |at: i64| calendar.words(calendar.age(at));
        assert_eq!(words(now - 20 * minute), "Today");
        assert_eq!(words(now - 40 * minute), "Yesterday", "late last night");
        assert_eq!(words(now + day), "Today", "a clock that was ahead");
        assert_eq!(words(now - 2 * day), "Last 7 days");
        assert_eq!(words(now - 6 * day), "Last 7 days");
        assert_eq!(words(now - 7 * day), "Last 30 days");
        assert_eq!(words(now - 29 * day), "Last 30 days");
        assert_eq!(words(now - 30 * day), "October 2026");
        assert_eq!(words(now - 365 * day), "November 2025");
        assert_eq!(words(i64::MIN), "Today", "no time at all");
    }
}
